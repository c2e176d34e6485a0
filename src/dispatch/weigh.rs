//! Weighing: what the mind would decide about a record, and what speaks for and against it. Changes nothing.
//!
//! Nothing is decided here a second time: the answers come from the functions that decide.

use super::incident::{Fitting, Search, policy_of};
use super::orders::{Decision, Matter};
use super::seen::Seen;
use super::{Dispatcher, doubt};
use crate::city::{Assign, PoolId, SamePlace};
use crate::geo::distance2_cm;
use crate::ids::{CaseId, UnitId};
use crate::record::{Head, Input, Record};
use crate::report::{UnitStatus, Verb};
use crate::time::At;
use crate::weighed::{
    CaseWeighed, Choice, Fit, Handing, Heard, LineWeighed, PoolWeighed, Stage, Standing, UnitWeighed, Weighed,
};

/// Most cases that are listed; the others are counted.
const CASES_LISTED: usize = 1000;
/// Most units of a pool that are listed; the others are counted.
const UNITS_LISTED: usize = 1000;

impl Dispatcher {
    /// What speaks for and against a record that is decided about next.
    pub fn weigh(&self, record: &Record) -> Weighed {
        let heard = match record.input {
            Input::Tally(_) => return Weighed::default(),
            _ => self.heard(record),
        };
        let mut weighed = Weighed { heard: Some(heard), ..Weighed::default() };
        match &record.input {
            Input::Report(head) if heard == Heard::First || (head.keep_late && is_late(heard)) => {
                self.weigh_report(record, head, &mut weighed);
            }
            Input::Action(action) if action.verb == Verb::Return && (heard == Heard::First || is_late(heard)) => {
                if let Ok(slot) = self.open_order(action, record.at) {
                    let case = self.incidents.case(slot);
                    weighed.handing = Some(self.handing(&self.incidents.matter(slot), case.unit));
                }
            }
            Input::Ruling(ruling) if heard == Heard::First || is_late(heard) => {
                if let Ok((slot, matter)) = self.ruled(ruling, record.at) {
                    let returned_by = self.incidents.case(slot).unit;
                    let people = Handing { returned_by, lines: Vec::new(), choice: Choice::Unit(ruling.unit) };
                    weighed.handing = Some(match doubt(&matter) {
                        Some(doubt) => Handing { choice: Choice::Review(doubt), ..people },
                        None if ruling.unit.is_some() => people,
                        None => self.handing(&matter, returned_by),
                    });
                }
            }
            _ => {}
        }
        weighed
    }

    pub(super) fn heard(&self, record: &Record) -> Heard {
        let (family, time) = (self.family(record), record.origin.time_or(record.at));
        match self.seen.recognise(family, record.origin.fingerprint, time, record.at, record.origin.body_hash) {
            None | Some(Seen::Unique(_)) => Heard::First,
            Some(Seen::Duplicate { of, case, conflict }) => Heard::Again { of, case, conflict },
            Some(Seen::Expired { late_ms }) => Heard::Late { late_ms },
        }
    }

    fn weigh_report(&self, record: &Record, head: &Head, weighed: &mut Weighed) {
        let time = record.origin.time_or(record.at);
        weighed.cases = self.cases(head, time, record.at);
        weighed.cases_more = weighed.cases.len().saturating_sub(CASES_LISTED);
        weighed.cases.truncate(CASES_LISTED);
        if let Some(case) = weighed.joined() {
            weighed.handing = self.weigh_filing(case, head, record.at);
            return;
        }
        weighed.handing = Some(match doubt(&Matter::of(head)) {
            Some(doubt) => Handing { returned_by: UnitId::NONE, lines: Vec::new(), choice: Choice::Review(doubt) },
            None => self.handing(&Matter::of(head), UnitId::NONE),
        });
    }

    /// Who could get a case that waits, if a report of it says what exactly is the matter.
    fn weigh_filing(&self, case: CaseId, head: &Head, at: At) -> Option<Handing> {
        let slot = self.incidents.by_id(case, at)?;
        let case = self.incidents.case(slot);
        let is_asked = case.stage == Stage::Waiting && self.is_more_pressing(head.condition, case.condition);
        is_asked.then(|| self.handing(&Matter { condition: head.condition, ..self.incidents.matter(slot) }, case.unit))
    }

    fn cases(&self, head: &Head, time: At, at: At) -> Vec<CaseWeighed> {
        let Some(policy) = policy_of(&self.city, head.class) else { return Vec::new() };
        let Some(search) = Search::of(head, policy, time) else { return Vec::new() };
        let mut cases = Vec::new();
        self.incidents.look(&search, head, policy, time, at, |case, _, fitting| {
            let fit = match fitting {
                Fitting { joins: true, .. } => Fit::Behind,
                Fitting { is_past: true, .. } => Fit::Past,
                Fitting { is_apart: true, .. } => Fit::Apart,
                _ => Fit::TooFar,
            };
            cases.push(CaseWeighed {
                case: case.id,
                point: case.point,
                cell: case.cell,
                urgency: case.urgency,
                stage: case.stage,
                last_time: case.last_time,
                distance2_cm: matches!(policy.same_place, SamePlace::Radius { .. }).then_some(fitting.distance2),
                apart_ms: case.last_time.0.abs_diff(time.0),
                fit,
            });
        });
        cases.sort_unstable_by_key(|case| (case.fit, case.distance2_cm, case.case));
        if let Some(best) = cases.first_mut().filter(|best| best.fit == Fit::Behind) {
            best.fit = Fit::Joined;
        }
        cases
    }

    /// Who could get a case.
    fn handing(&self, matter: &Matter, except: UnitId) -> Handing {
        let decision = self.decide_order(matter, except);
        let taken = match decision {
            Decision::Unit(_, unit) => unit,
            _ => UnitId::NONE,
        };
        let taken_pool = taken.is_some().then(|| self.desks.unit(taken).pool);
        let (mut lines, mut is_asked): (Vec<LineWeighed>, _) = (Vec::new(), true);
        for candidate in self.named(matter) {
            let mut pools = Vec::new();
            let is_accused = candidate.department == matter.against;
            let asked = self.pools(candidate, matter.area).into_iter().filter(|_| !is_accused);
            for (pool, area) in asked.zip([Some(matter.area), None]) {
                let units = if is_asked { self.units(pool, matter, taken, except) } else { Vec::new() };
                pools.push(PoolWeighed { area, size: self.city.roster.pool(pool).len(), is_asked, units });
                is_asked &= taken_pool != Some(pool);
            }
            let (department, tier, scope) = (candidate.department, candidate.tier, candidate.scope);
            lines.push(LineWeighed { department, tier, scope, basis: candidate.basis, is_accused, pools });
        }
        let choice = match decision {
            Decision::Unit(_, unit) => Choice::Unit(unit),
            Decision::Wait(candidate) => Choice::Waits(candidate.department),
            Decision::Review(doubt) => Choice::Review(doubt),
        };
        Handing { returned_by: except, lines, choice }
    }

    /// The units of a pool, the one that is taken first, then those with room, each part by what it would cost.
    fn units(&self, pool: PoolId, matter: &Matter, taken: UnitId, except: UnitId) -> Vec<UnitWeighed> {
        let how = self.how(matter);
        let mut units: Vec<_> = self
            .city
            .roster
            .pool(pool)
            .map(|index| {
                let id = UnitId(index as u32);
                let (unit, load) = (self.desks.unit(id), self.desks.load(id));
                let knows_both = how == Assign::Nearest && unit.point.is_some() && matter.point.is_some();
                let weighed = UnitWeighed {
                    unit: id,
                    status: unit.status,
                    load,
                    capacity: unit.capacity,
                    point: unit.point,
                    distance2_cm: knows_both.then(|| distance2_cm(matter.point, unit.point)),
                    standing: self.standing(id, taken, except),
                };
                (weighed.standing, unit.cost(how, load, matter.point), weighed)
            })
            .collect();
        units.sort_unstable_by_key(|(standing, cost, weighed)| (*standing, *cost, weighed.unit));
        units.truncate(UNITS_LISTED);
        units.into_iter().map(|(.., weighed)| weighed).collect()
    }

    fn standing(&self, id: UnitId, taken: UnitId, except: UnitId) -> Standing {
        match self.desks.unit(id).status {
            _ if id == taken => Standing::Chosen,
            _ if id == except => Standing::GaveBack,
            _ if self.desks.has_room(id) => Standing::Behind,
            UnitStatus::Available => Standing::Full,
            UnitStatus::Busy | UnitStatus::Off => Standing::Away,
        }
    }
}

const fn is_late(heard: Heard) -> bool {
    matches!(heard, Heard::Late { .. })
}
