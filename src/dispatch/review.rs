//! Review: what people decide about the cases that the machine left to them.
//!
//! A ruling says what a case is about, where it is, or who gets it; what it leaves open stays as it was. Then the case is handed to somebody as
//! if it had just come in, or goes to review again if something is still missing. A ruling never lowers urgency and never lengthens a
//! deadline. Whom people name may be of another area or have no room: they see what the machine does not.

use super::orders::Matter;
use super::{Dispatcher, doubt};
use crate::effect::{Effect, Effects, Refusal, Why};
use crate::record::{Record, Ruling};
use crate::time::At;
use crate::weighed::Stage;

impl Dispatcher {
    /// Decides about a ruling. Rulings are rare, and what is not must not pay for them.
    #[cold]
    #[inline(never)]
    pub(super) fn on_ruling(&mut self, record: &Record, ruling: &Ruling, out: &mut Effects) {
        match self.ruled(ruling, record.at) {
            Ok((slot, matter)) => self.rule(slot, &matter, record, ruling, out),
            Err(why) => {
                let (source, order) = (record.origin.source, ruling.order);
                out.push(record.seq, Effect::Refused { source, order, why });
            }
        }
    }

    /// The slot of a case that people may rule on, and what it is about after they did.
    pub(super) fn ruled(&self, ruling: &Ruling, at: At) -> Result<(u32, Matter), Refusal> {
        let slot = self.in_state(ruling.order, at, |stage| stage == Stage::Review)?;
        let mut matter = self.incidents.matter(slot);
        if ruling.area.is_some() {
            (matter.cell, matter.area, matter.point) = (ruling.cell, ruling.area, ruling.point);
        }
        if ruling.class.is_some() {
            if ruling.class != matter.class || ruling.condition.is_some() {
                matter.condition = ruling.condition;
            }
            matter.class = ruling.class;
        }
        if ruling.unit.is_some() {
            if doubt(&matter).is_some() {
                return Err(Refusal::Incomplete);
            }
            if self.city.roster.department(self.desks.unit(ruling.unit).pool) == matter.against {
                return Err(Refusal::Accused);
            }
            self.candidate_of(ruling.unit, &matter).ok_or(Refusal::NotResponsible)?;
        }
        Ok((slot, matter))
    }

    fn rule(&mut self, slot: u32, matter: &Matter, record: &Record, ruling: &Ruling, out: &mut Effects) {
        let (case, before, returned_by) = {
            let case = self.incidents.case(slot);
            (case.id, case.urgency, case.unit)
        };
        let Matter { class, condition, cell, area, point, .. } = *matter;
        let by_itself = self.city.urgency_of(class, condition);
        let urgency = by_itself.map_or(before, |urgency| urgency.max(before));
        out.push(record.seq, Effect::Ruled { case, class, cell, area, point, urgency });
        if condition.is_some() && condition != self.incidents.case(slot).condition {
            out.push(record.seq, Effect::Filed { case, condition, due: None });
        }
        self.incidents.settle(slot, matter, &self.city);
        // The deadline of what it turned out to be counts if it is the earlier one: a ruling buys no time.
        if let Some(limit) = self.city.limit_of(class, condition) {
            let due = self.city.calendar.due(record.at, limit);
            self.incidents.change(slot, &self.city, |case| case.due = case.due.not_after(due));
        }
        if urgency > before {
            self.rearrange(slot, |case| case.urgency = urgency);
            out.push(record.seq, Effect::Raised { case, urgency });
        }
        match doubt(matter) {
            Some(doubt) => self.review(slot, record.seq, doubt, out),
            None if ruling.unit.is_some() => self.hand_to(slot, ruling.unit, record, Why::Ruled, out),
            None => self.assign(slot, record, Why::Ruled, returned_by, out),
        }
    }
}
