//! The queue of the review desk: cases that people must look at, the most urgent first, then the oldest.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::case::Case;
use crate::ids::CaseId;
use crate::report::Urgency;
use crate::weighed::Stage;

type Place = (Reverse<Urgency>, CaseId);

/// The cases in review for which a reason was given, which is all of them between two records.
#[derive(Debug, Default)]
pub(super) struct Queue(BTreeSet<Place>);

impl Queue {
    /// Nodes of the tree are at least half full, and have links.
    pub(super) const ENTRY_BYTES_MAX: u64 = 2 * size_of::<Place>() as u64 + 8;

    /// Whether a case as it is belongs here.
    pub(super) fn has(case: &Case) -> bool {
        case.stage == Stage::Review && case.doubt.is_some()
    }

    fn place(case: &Case) -> Option<Place> {
        Self::has(case).then_some((Reverse(case.urgency), case.id))
    }

    /// Changes a case, and moves it.
    #[inline]
    pub(super) fn change(&mut self, case: &mut Case, change: impl FnOnce(&mut Case)) {
        let before = Self::place(case);
        change(case);
        if before != Self::place(case) {
            if let Some(place) = before {
                self.0.remove(&place);
            }
            self.add(case);
        }
    }

    /// Adds a case, if people must look at it.
    pub(super) fn add(&mut self, case: &Case) {
        self.0.extend(Self::place(case));
    }

    /// A case leaves the board.
    pub(super) fn drop(&mut self, case: &Case) {
        if let Some(place) = Self::place(case) {
            self.0.remove(&place);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = CaseId> {
        self.0.iter().map(|(_, case)| *case)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
