//! Orders: how a case comes to a unit, and what the unit can do with it.

use super::Dispatcher;
use super::incident::Case;
use crate::city::{Assign, Candidate, Limit, LimitUnit, PoolId};
use crate::effect::{Doubt, Effect, Effects, Refusal, Waits, Why};
use crate::geo::Point;
use crate::ids::{AreaId, CaseId, CellId, ClassId, ConditionId, DepartmentId, OrderId, Seq, UnitId};
use crate::record::{Head, OrderAction, Record, UnitChange};
use crate::report::{Urgency, Verb};
use crate::time::At;
use crate::weighed::Stage;

/// Most waiting cases that one record sets in motion. The others follow with the records after it.
const FREED_MAX: usize = 64;

/// What a case is about, as far as it says who gets it.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Matter {
    pub class: ClassId,
    pub condition: ConditionId,
    /// Who is complained about, and does not get it.
    pub against: DepartmentId,
    pub cell: CellId,
    pub area: AreaId,
    pub point: Point,
}

impl Matter {
    pub(super) const fn of(head: &Head) -> Self {
        Self {
            class: head.class,
            condition: head.condition,
            against: head.against,
            cell: head.cell,
            area: head.area,
            point: head.point,
        }
    }

    /// A report that says this much and nothing else.
    pub(super) const fn head(&self) -> Head {
        Head {
            point: self.point,
            cell: self.cell,
            area: self.area,
            class: self.class,
            condition: self.condition,
            against: self.against,
            confidence: 0,
            urgency: Urgency::C,
            keep_late: false,
            reporter: 0,
            component: 0,
            address: 0,
        }
    }
}

/// What becomes of a case that is to be handed to somebody.
pub(super) enum Decision {
    /// A unit gets it, by a line of the duty list.
    Unit(Candidate, UnitId),
    /// It waits on the desk of the first department that has units.
    Wait(Candidate),
    /// People must look at it.
    Review(Doubt),
}

impl Dispatcher {
    /// Hands a case to the first unit that has room, following the duty list; else lets it wait, or asks people.
    #[inline]
    pub(super) fn assign(&mut self, slot: u32, record: &Record, why: Why, except: UnitId, out: &mut Effects) {
        match self.decide_order(&self.incidents.matter(slot), except) {
            Decision::Unit(candidate, unit) => self.hand_over(slot, candidate, unit, record, why, out),
            Decision::Wait(candidate) => self.wait(slot, candidate, record.seq, out),
            Decision::Review(doubt) => self.review(slot, record.seq, doubt, out),
        }
    }

    /// The first unit with room, following the duty list. Without one a case waits where units are, and goes to people where
    /// there are none, or none but the one that gave it back.
    #[inline]
    pub(super) fn decide_order(&self, matter: &Matter, except: UnitId) -> Decision {
        let how = self.how(matter);
        let mut staffed = None;
        for candidate in self.candidates(matter) {
            for pool in self.pools(candidate, matter.area) {
                let units = self.city.roster.pool(pool);
                staffed = staffed.or_else(|| (!units.is_empty()).then_some(candidate));
                if let Some(unit) = self.desks.choose(units, how, matter.point, except) {
                    return Decision::Unit(candidate, unit);
                }
            }
        }
        match staffed {
            None => Decision::Review(self.why_nobody(matter)),
            Some(_) if except.is_some() && !self.others_exist(matter, except) => Decision::Review(Doubt::AllReturned),
            Some(candidate) => Decision::Wait(candidate),
        }
    }

    /// Which unit of a pool is to be chosen. Where only the area is known, none is nearest.
    #[inline]
    pub(super) fn how(&self, matter: &Matter) -> Assign {
        if !matter.point.is_some() {
            return Assign::LeastLoaded;
        }
        self.city.policies[usize::from(self.city.classes[matter.class.index()].policy)].assign
    }

    /// Who could answer, best first. A complaint about a body never goes to that body.
    #[inline]
    pub(super) fn candidates(&self, matter: &Matter) -> impl Iterator<Item = Candidate> + use<> {
        let against = matter.against;
        self.named(matter).filter(move |candidate| candidate.department != against)
    }

    /// Whom the duty list names.
    #[inline]
    pub(super) fn named(&self, matter: &Matter) -> impl Iterator<Item = Candidate> + use<> {
        self.city.duty.candidates(matter.class, matter.condition, matter.cell, matter.area)
    }

    /// The pools that a candidate draws from for a case: of its area, then of the district.
    #[inline]
    pub(super) fn pools(&self, candidate: Candidate, area: AreaId) -> [PoolId; 2] {
        let roster = &self.city.roster;
        [roster.area_pool(candidate.department, area), roster.district_pool(candidate.department)]
    }

    #[inline]
    fn hand_over(
        &mut self,
        slot: u32,
        candidate: Candidate,
        unit: UnitId,
        record: &Record,
        why: Why,
        out: &mut Effects,
    ) {
        self.desks.take(unit);
        let limit = self.limit_of(slot);
        let calendar = &self.city.calendar;
        self.incidents.change(slot, &self.city, |case| {
            case.stage = Stage::Assigned;
            case.unit = unit;
            case.attempt = case.attempt.saturating_add(1);
            // A later attempt keeps the deadline of the first: giving an order back buys no time.
            case.due = case.due.or(limit.map(|limit| calendar.due(record.at, limit)));
        });
        let case = self.incidents.case(slot);
        out.push(
            record.seq,
            Effect::Assigned {
                order: OrderId { case: case.id, attempt: case.attempt },
                unit,
                department: candidate.department,
                class: case.class,
                cell: case.cell,
                area: case.area,
                tier: candidate.tier,
                scope: candidate.scope,
                urgency: case.urgency,
                why,
                due: case.due.get(),
            },
        );
    }

    #[cold]
    fn wait(&mut self, slot: u32, candidate: Candidate, seq: Seq, out: &mut Effects) {
        let case = self.incidents.case(slot);
        let (id, urgency) = (case.id, case.urgency);
        self.each_pool(slot, |desks, pool| desks.wait(pool, urgency, id));
        self.incidents.change(slot, &self.city, |case| case.stage = Stage::Waiting);
        out.push(seq, Effect::Waiting { case: id, department: candidate.department, why: Waits::NoFreeUnit });
    }

    #[cold]
    fn why_nobody(&self, matter: &Matter) -> Doubt {
        match (self.candidates(matter).next(), self.named(matter).next()) {
            (Some(_), _) => Doubt::NoUnit,
            (None, Some(_)) => Doubt::OnlyAccused,
            (None, None) => Doubt::NoDepartment,
        }
    }

    /// Whether any unit but one could ever take the case.
    #[cold]
    fn others_exist(&self, matter: &Matter, except: UnitId) -> bool {
        let candidates = self.candidates(matter);
        let mut pools = candidates.flat_map(|candidate| self.pools(candidate, matter.area));
        pools.any(|pool| self.city.roster.pool(pool).any(|unit| unit != except.index()))
    }

    fn each_pool(&mut self, slot: u32, mut act: impl FnMut(&mut super::Desks, PoolId)) {
        let matter = self.incidents.matter(slot);
        for candidate in self.candidates(&matter) {
            for pool in self.pools(candidate, matter.area) {
                act(&mut self.desks, pool);
            }
        }
    }

    /// Ends a case's waiting, if it waits.
    pub(super) fn end_wait(&mut self, slot: u32) {
        let case = self.incidents.case(slot);
        let (id, urgency) = (case.id, case.urgency);
        if case.stage == Stage::Waiting {
            self.each_pool(slot, |desks, pool| desks.end_wait(pool, urgency, id));
        }
    }

    /// Changes a case; where it waits, it waits at the place that it has from then on.
    pub(super) fn rearrange(&mut self, slot: u32, change: impl FnOnce(&mut Case)) {
        self.end_wait(slot);
        self.incidents.change(slot, &self.city, change);
        let Case { id, urgency, stage, .. } = *self.incidents.case(slot);
        if stage == Stage::Waiting {
            self.each_pool(slot, |desks, pool| desks.wait(pool, urgency, id));
        }
    }

    pub(super) fn review(&mut self, slot: u32, seq: Seq, doubt: Doubt, out: &mut Effects) {
        self.incidents.change(slot, &self.city, |case| case.stage = Stage::Review);
        out.push(seq, Effect::Review { case: self.incidents.case(slot).id, doubt });
    }

    pub(super) fn on_action(&mut self, record: &Record, action: &OrderAction, out: &mut Effects) {
        let refuse = |why| Effect::Refused { source: record.origin.source, order: action.order, why };
        match self.open_order(action, record.at) {
            Ok(slot) => self.act(slot, record, action, out),
            Err(why) => out.push(record.seq, refuse(why)),
        }
    }

    /// The slot of an order's case, if the order is in a state for this action.
    pub(super) fn open_order(&self, action: &OrderAction, at: At) -> Result<u32, Refusal> {
        self.in_state(action.order, at, |stage| match action.verb {
            Verb::Accept => stage == Stage::Assigned,
            Verb::Return | Verb::Done => matches!(stage, Stage::Assigned | Stage::Accepted),
            Verb::Close => matches!(stage, Stage::Done | Stage::Review | Stage::Waiting),
            Verb::Suspend => matches!(stage, Stage::Assigned | Stage::Accepted),
            Verb::Resume => stage == Stage::Suspended,
        })
    }

    /// The slot of an order's case, if no other order followed and the case is in a stage that allows what is to be done.
    pub(super) fn in_state(&self, order: OrderId, at: At, allows: impl Fn(Stage) -> bool) -> Result<u32, Refusal> {
        let slot = self.incidents.by_id(order.case, at).ok_or(Refusal::NoSuchOrder)?;
        let case = self.incidents.case(slot);
        match order.attempt.cmp(&case.attempt) {
            std::cmp::Ordering::Less => Err(Refusal::Superseded),
            std::cmp::Ordering::Greater => Err(Refusal::NoSuchOrder),
            std::cmp::Ordering::Equal if allows(case.stage) => Ok(slot),
            std::cmp::Ordering::Equal => Err(Refusal::WrongState),
        }
    }

    fn act(&mut self, slot: u32, record: &Record, action: &OrderAction, out: &mut Effects) {
        let (order, unit) = (action.order, self.incidents.case(slot).unit);
        match action.verb {
            Verb::Accept => {
                self.incidents.change(slot, &self.city, |case| case.stage = Stage::Accepted);
                out.push(record.seq, Effect::Accepted { order, unit });
            }
            Verb::Return => {
                self.desks.release(unit);
                out.push(record.seq, Effect::Returned { order, unit });
                self.assign(slot, record, Why::Returned, unit, out);
            }
            Verb::Done => {
                self.desks.release(unit);
                self.incidents.change(slot, &self.city, |case| case.stage = Stage::Done);
                out.push(record.seq, Effect::Done { order, unit });
            }
            Verb::Close => {
                self.end_wait(slot);
                self.incidents.change(slot, &self.city, |case| case.stage = Stage::Closed);
                out.push(record.seq, Effect::Closed { case: order.case });
            }
            Verb::Suspend => {
                self.desks.release(unit);
                let (calendar, clock) = (&self.city.calendar, self.clock_of(slot));
                self.incidents.change(slot, &self.city, |case| {
                    case.stage = Stage::Suspended;
                    case.due = case.due.stopped(record.at, calendar, clock);
                });
                out.push(record.seq, Effect::Suspended { order, unit });
            }
            Verb::Resume => self.resume(slot, record, out),
        }
    }

    /// A unit goes on with an order that rested, whether or not it has room: the order is its own.
    #[cold]
    #[inline(never)]
    pub(super) fn resume(&mut self, slot: u32, record: &Record, out: &mut Effects) {
        let (calendar, clock) = (&self.city.calendar, self.clock_of(slot));
        self.incidents.change(slot, &self.city, |case| {
            // Nobody rests what he has not taken.
            case.stage = Stage::Accepted;
            case.due = case.due.going_on(record.at, calendar, clock);
        });
        let Case { id, attempt, unit, due, .. } = *self.incidents.case(slot);
        self.desks.take(unit);
        let order = OrderId { case: id, attempt };
        out.push(record.seq, Effect::Resumed { order, unit, due: due.get() });
    }

    /// How long a case may take.
    #[inline]
    fn limit_of(&self, slot: u32) -> Option<Limit> {
        let case = self.incidents.case(slot);
        self.city.limit_of(case.class, case.condition)
    }

    /// On which clock a case is due. What had a limit while something else was thought of it counts on around the clock.
    fn clock_of(&self, slot: u32) -> LimitUnit {
        self.limit_of(slot).map_or(LimitUnit::Minute, |limit| limit.unit)
    }

    /// A report says what exactly is the matter. That counts if nobody knew, or if it is more pressing than what was known.
    #[cold]
    #[inline(never)]
    pub(super) fn file(&mut self, slot: u32, condition: ConditionId, record: &Record, out: &mut Effects) {
        let case = *self.incidents.case(slot);
        if !self.is_more_pressing(condition, case.condition) {
            return;
        }
        if case.stage == Stage::Suspended {
            // What was left was left on the clock of what was known.
            self.resume(slot, record, out);
        }
        // A merge buys no time: of the two deadlines the earlier one counts.
        let limit = self.city.limit_of(case.class, condition);
        let due = limit.map(|limit| self.city.calendar.due(record.at, limit));
        self.end_wait(slot);
        self.incidents.change(slot, &self.city, |case| {
            case.condition = condition;
            case.due = due.map_or(case.due, |due| case.due.not_after(due));
        });
        let due = self.incidents.case(slot).due.get();
        out.push(record.seq, Effect::Filed { case: case.id, condition, due });
        if case.stage == Stage::Waiting {
            // Others may answer for this, and have room.
            self.assign(slot, record, Why::Filed, case.unit, out);
        }
    }

    /// Whether a condition counts beside the one that is known: any beside none, else the one with the greater urgency.
    pub(super) fn is_more_pressing(&self, condition: ConditionId, known: ConditionId) -> bool {
        let urgency = |condition| self.city.conditions.get(condition).map(|condition| condition.urgency);
        urgency(condition) > urgency(known)
    }

    pub(super) fn on_unit(&mut self, record: &Record, change: &UnitChange, out: &mut Effects) {
        self.desks.change(change);
        let unit = self.desks.unit(change.unit);
        let (status, load, capacity) = (unit.status, self.desks.load(change.unit), unit.capacity);
        out.push(record.seq, Effect::UnitChanged { unit: change.unit, status, load, capacity });
    }

    /// Gives units that became free the cases that wait for them, the most urgent first.
    #[inline]
    pub(super) fn serve_waiting(&mut self, record: &Record, out: &mut Effects) {
        for _ in 0..FREED_MAX {
            let Some(unit) = self.desks.first_freed() else { return };
            let first =
                self.desks.waiting_for(unit).take(FREED_MAX).find_map(|case| self.taken_by(case, unit, record.at));
            match first {
                Some(slot) => self.serve(slot, unit, record, out),
                None => self.desks.not_freed(unit),
            }
        }
    }

    /// The slot of a case that waits, unless this very unit gave it back.
    fn taken_by(&self, case: CaseId, unit: UnitId, at: At) -> Option<u32> {
        let slot = self.incidents.by_id(case, at).expect("a case that waits is held");
        Some(slot).filter(|slot| self.incidents.case(*slot).unit != unit)
    }

    #[cold]
    fn serve(&mut self, slot: u32, unit: UnitId, record: &Record, out: &mut Effects) {
        self.end_wait(slot);
        self.hand_to(slot, unit, record, Why::Freed, out);
    }

    /// Hands a case to a unit of one of its candidates.
    #[cold]
    #[inline(never)]
    pub(super) fn hand_to(&mut self, slot: u32, unit: UnitId, record: &Record, why: Why, out: &mut Effects) {
        let candidate = self.candidate_of(unit, &self.incidents.matter(slot));
        let candidate = candidate.expect("the unit is one of a candidate: whoever asks has looked");
        self.hand_over(slot, candidate, unit, record, why, out);
    }

    /// By which line of the duty list a unit could get a case, if any names its department.
    pub(super) fn candidate_of(&self, unit: UnitId, matter: &Matter) -> Option<Candidate> {
        let department = self.city.roster.department(self.desks.unit(unit).pool);
        let mut candidates = self.candidates(matter);
        candidates.find(|candidate| candidate.department == department)
    }
}
