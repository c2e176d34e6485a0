//! The ledger: every report that was offered, under what became of it, source by source. It closes exactly.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::effect::{Effect, Why};
use crate::ids::{Seq, SourceId};
use crate::record::{Input, Record, Turned};
use crate::report::{Field, Reason};

use super::whereabouts::Whereabouts;

/// What became of the reports of one source. `offered` is counted from records, everything else from effects; they agree, or
/// something was lost or counted twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// Reports that came to the door, accepted or not.
    pub offered: u64,
    /// Not accepted, and answered with the reason.
    pub rejected: u64,
    /// Not taken in overload, by the source's policy.
    pub shed: u64,
    /// Readings below their threshold.
    pub observed: u64,
    /// Too late to be told from a re-send, and refused.
    pub expired: u64,
    /// Said before.
    pub duplicate: u64,
    /// Joined an open case.
    pub merged: u64,
    /// Opened a case.
    pub opened: u64,
}

impl Account {
    /// Whether every report is under exactly one heading.
    pub const fn closes(&self) -> bool {
        let turned_away = self.rejected + self.shed + self.observed;
        self.offered == turned_away + self.expired + self.duplicate + self.merged + self.opened
    }

    const fn add(&mut self, other: &Self) {
        self.offered += other.offered;
        self.rejected += other.rejected;
        self.shed += other.shed;
        self.observed += other.observed;
        self.expired += other.expired;
        self.duplicate += other.duplicate;
        self.merged += other.merged;
        self.opened += other.opened;
    }
}

/// What happened to cases and orders, and to words of departments and crews.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Work {
    /// New cases that were handed to a unit at once.
    pub assigned: u64,
    /// New cases that had to wait on a desk.
    pub waiting: u64,
    /// New cases that went to people.
    pub review: u64,
    /// Later orders: after waiting, after a return, or after a ruling.
    pub reassigned: u64,
    /// Duplicates whose body differed from the first one's.
    pub conflicts: u64,
    /// Late reports that were dispatched all the same.
    pub late: u64,
    /// Actions, rulings and units' words that were offered.
    pub acts: u64,
    /// Those that were said before.
    pub acts_duplicate: u64,
    /// Actions that changed nothing.
    pub acts_refused: u64,
    /// Orders taken by their units.
    pub accepted: u64,
    /// Orders given back.
    pub returned: u64,
    /// Orders finished.
    pub done: u64,
    /// Cases closed.
    pub closed: u64,
    /// Orders that were rested.
    pub suspended: u64,
    /// Orders that were gone on with.
    pub resumed: u64,
    /// Ids and cases that a bound of memory pushed out.
    pub forgotten: u64,
}

/// A fold of records and effects.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// By source; the last one is for lines that did not even name theirs.
    accounts: Vec<Account>,
    /// Why lines were rejected, and which field.
    reasons: BTreeMap<(Reason, Field), u64>,
    /// Cases, orders and acts.
    pub work: Work,
    /// Where reports lie.
    pub whereabouts: Whereabouts,
}

impl Ledger {
    /// An empty ledger for so many sources.
    pub fn new(sources: usize) -> Self {
        Self {
            accounts: vec![Account::default(); sources + 1],
            reasons: BTreeMap::new(),
            work: Work::default(),
            whereabouts: Whereabouts::new(sources),
        }
    }

    /// Whether it is one of so many sources.
    pub(super) const fn is_of(&self, sources: usize) -> bool {
        self.accounts.len() == sources + 1
    }

    /// Takes in a record and the effects that it caused.
    #[inline]
    pub fn fold(&mut self, record: &Record, effects: &[(Seq, Effect)]) {
        self.whereabouts.fold(record);
        let is_report = matches!(record.input, Input::Report(_));
        match &record.input {
            Input::Report(_) => self.account(record.origin.source).offered += 1,
            Input::Tally(tally) => self.account(record.origin.source).offered += u64::from(tally.count),
            Input::Action(_) | Input::Unit(_) | Input::Ruling(_) => self.work.acts += 1,
        }
        for (_, effect) in effects {
            self.fold_effect(effect, record.seq, is_report);
        }
    }

    #[inline]
    fn fold_effect(&mut self, effect: &Effect, seq: Seq, of_report: bool) {
        match *effect {
            Effect::Tallied { source, turned, field, reason, count } => {
                self.tally(source, turned, field, reason, count)
            }
            Effect::Duplicate { source, conflict, .. } => {
                match of_report {
                    true => self.account(source).duplicate += 1,
                    false => self.work.acts_duplicate += 1,
                }
                self.work.conflicts += u64::from(conflict);
            }
            Effect::Expired { source, .. } => self.account(source).expired += 1,
            Effect::Opened { source, late, .. } => {
                self.account(source).opened += 1;
                self.work.late += u64::from(late);
            }
            Effect::Merged { source, late, .. } => {
                self.account(source).merged += 1;
                self.work.late += u64::from(late);
            }
            Effect::Assigned { why: Why::New, .. } => self.work.assigned += 1,
            Effect::Assigned { .. } => self.work.reassigned += 1,
            // A case that is opened is assigned, waits, or goes to review; what is set in motion later is not new.
            Effect::Waiting { case, .. } => self.work.waiting += u64::from(case.0 == seq.0),
            Effect::Review { case, .. } => self.work.review += u64::from(case.0 == seq.0),
            Effect::Refused { .. } => self.work.acts_refused += 1,
            Effect::Accepted { .. } => self.work.accepted += 1,
            Effect::Returned { .. } => self.work.returned += 1,
            Effect::Done { .. } => self.work.done += 1,
            Effect::Closed { .. } => self.work.closed += 1,
            Effect::Forgot { ids, .. } => self.work.forgotten += ids.max(1),
            Effect::Suspended { .. } => self.work.suspended += 1,
            Effect::Resumed { .. } => self.work.resumed += 1,
            Effect::Filed { .. } | Effect::Raised { .. } | Effect::Ruled { .. } | Effect::UnitChanged { .. } => {}
        }
    }

    fn tally(&mut self, source: SourceId, turned: Turned, field: Field, reason: Reason, count: u32) {
        let account = self.account(source);
        match turned {
            Turned::Rejected => account.rejected += u64::from(count),
            Turned::Shed => account.shed += u64::from(count),
            Turned::Observed => account.observed += u64::from(count),
        }
        if turned == Turned::Rejected {
            *self.reasons.entry((reason, field)).or_default() += u64::from(count);
        }
    }

    #[inline]
    fn account(&mut self, source: SourceId) -> &mut Account {
        let index = source.index().min(self.accounts.len() - 1);
        &mut self.accounts[index]
    }

    /// Adds another ledger of the same sources, and empties it.
    pub fn absorb(&mut self, other: &mut Self) {
        for (mine, theirs) in self.accounts.iter_mut().zip(&mut other.accounts) {
            mine.add(theirs);
            *theirs = Account::default();
        }
        for (reason, count) in &mut other.reasons {
            *self.reasons.entry(*reason).or_default() += std::mem::take(count);
        }
        self.work.add(&std::mem::take(&mut other.work));
        self.whereabouts.absorb(&mut other.whereabouts);
    }

    /// The sum of all sources.
    pub fn total(&self) -> Account {
        let mut total = Account::default();
        self.accounts.iter().for_each(|account| total.add(account));
        total
    }

    /// Each source's account; the last is of lines that named none.
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// Why lines were rejected: reason, field, how many.
    pub fn reasons(&self) -> impl Iterator<Item = (Reason, Field, u64)> {
        self.reasons.iter().map(|((reason, field), count)| (*reason, *field, *count)).filter(|(.., count)| *count > 0)
    }

    /// Whether every source's account closes, and every opened case went one of three ways.
    pub fn closes(&self) -> bool {
        let Work { assigned, waiting, review, .. } = self.work;
        self.accounts.iter().all(Account::closes) && self.total().opened == assigned + waiting + review
    }
}

impl Work {
    const fn add(&mut self, other: &Self) {
        self.assigned += other.assigned;
        self.waiting += other.waiting;
        self.review += other.review;
        self.reassigned += other.reassigned;
        self.conflicts += other.conflicts;
        self.late += other.late;
        self.acts += other.acts;
        self.acts_duplicate += other.acts_duplicate;
        self.acts_refused += other.acts_refused;
        self.accepted += other.accepted;
        self.returned += other.returned;
        self.done += other.done;
        self.closed += other.closed;
        self.forgotten += other.forgotten;
    }
}
