//! The outlook: what may still become of a case, for whoever reads a log and wants to know when it has said all.
//!
//! Nothing is decided here, and nothing a second time: the answers come from the functions that decide.

use super::Dispatcher;
use super::incident::{Found, Search, policy_of};
use crate::ids::CaseId;
use crate::record::{Head, Input, Record};
use crate::time::At;
use crate::weighed::Heard;

/// What may still become of a case through records that do not name it: that are neither actions on it nor re-sends of its
/// reports. From the best known to the least.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Outlook {
    /// Nothing.
    Over,
    /// No report can join it any more, but it waits for a unit, or may be forgotten for lack of memory; either would show.
    Owed,
    /// Anything.
    Open,
}

impl Dispatcher {
    /// What may still become of a case at log time `at`, if at most `records` records follow.
    pub fn outlook(&self, case: CaseId, at: At, records: u64) -> Outlook {
        match self.incidents.standing(case, &self.city, at) {
            None => Outlook::Over,
            Some(standing) if standing.is_joinable => Outlook::Open,
            Some(standing) if standing.is_waiting => Outlook::Owed,
            Some(_) if self.incidents.has_room_for(records) => Outlook::Over,
            Some(standing) if standing.is_held => Outlook::Owed,
            Some(_) => Outlook::Open,
        }
    }

    /// Whether a case is here what it is in another mind: then nothing showed between the two on a case to which
    /// [`Outlook::Owed`] applied in the first.
    pub fn agrees_on(&self, case: CaseId, other: &Self) -> bool {
        self.incidents.find_case(case) == other.incidents.find_case(case)
    }

    /// The cases in memory of which a later record may turn out to be a part. `at` is log time now.
    pub fn suspects(&self, record: &Record, at: At) -> Vec<CaseId> {
        match &record.input {
            Input::Report(head) => {
                let again = match self.heard(record) {
                    Heard::Again { case, .. } => Some(case).filter(|case| *case != CaseId::NONE),
                    _ => None,
                };
                again.into_iter().chain(self.cases_near(record, head, at)).collect()
            }
            Input::Action(action) => vec![action.order.case],
            Input::Ruling(ruling) => vec![ruling.order.case],
            Input::Unit(_) | Input::Tally(_) => Vec::new(),
        }
    }

    fn cases_near(&self, record: &Record, head: &Head, at: At) -> Vec<CaseId> {
        let time = record.origin.time_or(record.at);
        let mut near = Vec::new();
        if let Some(policy) = policy_of(&self.city, head.class)
            && let Some(search) = Search::of(head, policy, time)
        {
            self.incidents.look(&search, head, policy, time, at, |case, _, fitting| {
                if !fitting.is_past {
                    near.push(case.id);
                }
            });
        }
        near
    }

    /// Whether a record that is decided about next opens a case.
    pub fn would_open(&self, record: &Record) -> bool {
        let Input::Report(head) = &record.input else { return false };
        let is_admitted = match self.heard(record) {
            Heard::First => true,
            Heard::Again { .. } => false,
            Heard::Late { .. } => head.keep_late,
        };
        let time = record.origin.time_or(record.at);
        is_admitted && matches!(self.incidents.find(head, &self.city, time, record.at), Found::None { .. })
    }
}
