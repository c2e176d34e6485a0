//! Cases as they are now, and the table that holds them.

use serde::{Deserialize, Serialize};

use super::index::Index;
use super::trail::Trail;
use crate::effect::Doubt;
use crate::geo::Point;
use crate::ids::{AreaId, CaseId, CellId, ClassId, ConditionId, DepartmentId, OrderId, Seq, SourceId, UnitId};
use crate::report::Urgency;
use crate::time::At;
use crate::weighed::Stage;

/// A case as it is now. It lies on two lines of memory that are read together.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[repr(align(128))]
pub struct Case {
    /// The record that opened it.
    pub id: CaseId,
    /// The record that changed it last.
    pub version: Seq,
    /// Where it is, as its first report or a ruling said.
    pub point: Point,
    /// Its cell.
    pub cell: CellId,
    /// Its area.
    pub area: AreaId,
    /// Its class.
    pub class: ClassId,
    /// Its filing condition.
    pub condition: ConditionId,
    /// How pressing it is.
    pub urgency: Urgency,
    /// What is being done about it.
    pub stage: Stage,
    /// Reports that are part of it, the first included.
    pub reports: u32,
    /// Who reported it.
    pub sources: Sources,
    /// When it was opened.
    pub opened_at: At,
    /// When it changed last.
    pub changed_at: At,
    /// The department that has it.
    pub department: DepartmentId,
    /// The unit that has it, or that finished it.
    pub unit: UnitId,
    /// Orders given so far.
    pub attempts: u16,
    /// When it must be handled.
    pub due: Option<At>,
    /// Why people must look at it.
    pub doubt: Option<Doubt>,
    /// Where its cell is kept.
    #[serde(skip)]
    pub(super) cell_place: Option<u32>,
}

impl Case {
    /// The order that a unit has, or has finished.
    pub fn order_in_force(&self) -> Option<OrderId> {
        self.order().filter(|_| self.unit.is_some())
    }

    /// The last order that was given, also after it was given back: whoever closes the case names it.
    pub fn order(&self) -> Option<OrderId> {
        (self.attempts > 0).then_some(OrderId { case: self.id, attempt: self.attempts })
    }
}

const _: () = assert!(size_of::<Case>() == 128);

/// Sources that one case remembers.
const SOURCES_MAX: usize = 16;

/// Who reported a case: the first sources that did, in that order. A matter that more than sixteen systems report keeps the
/// first sixteen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Sources([SourceId; SOURCES_MAX]);

impl Sources {
    pub(super) fn of(first: SourceId) -> Self {
        let mut sources = Self([SourceId::NONE; SOURCES_MAX]);
        sources.0[0] = first;
        sources
    }

    pub(super) fn add(&mut self, source: SourceId) {
        if let Some(seat) = self.0.iter_mut().find(|seat| **seat == source || !seat.is_some()) {
            *seat = source;
        }
    }

    /// The sources, the first to report first.
    pub fn iter(&self) -> impl Iterator<Item = SourceId> + use<'_> {
        self.0.iter().copied().take_while(|source| source.is_some())
    }
}

/// Cases by name, by age, by change, and by how soon they can go.
#[derive(Debug)]
pub(super) struct Cases {
    held: Vec<Case>,
    vacant: Vec<u32>,
    by_id: Index,
    /// All of them in the order in which they were opened, which is that of their names.
    opened: Trail,
    /// All of them in the order of their last changes.
    changed: Trail,
    /// The same for those that are closed.
    closed: Trail,
    /// The case that was found last: a record's effects are mostly about one.
    near: Option<(CaseId, u32)>,
}

impl Cases {
    /// None yet, with room for so many: a table of a million cases that grew on the way would hold up one record for all others.
    pub(super) fn with_room(cases: usize) -> Self {
        Self {
            held: Vec::with_capacity(cases),
            vacant: Vec::new(),
            by_id: Index::with_room(cases),
            opened: Trail::with_room(cases),
            changed: Trail::with_room(cases),
            closed: Trail::with_room(cases),
            near: None,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.held.len() - self.vacant.len()
    }

    /// Takes in a new case, unless one that was opened later is held: names are given in ascending order.
    pub(super) fn open(&mut self, id: CaseId, case: impl FnOnce() -> Case) -> Option<&Case> {
        if self.opened.newest().is_some_and(|place| self.held[place as usize].id >= id) {
            return None;
        }
        let place = match self.vacant.pop() {
            Some(place) => {
                self.held[place as usize] = case();
                place
            }
            None => {
                self.held.push(case());
                self.held.len() as u32 - 1
            }
        };
        self.by_id.insert(id.0, place);
        self.opened.push(place);
        self.changed.push(place);
        self.near = Some((id, place));
        Some(&self.held[place as usize])
    }

    /// Takes in cases, the newest change first, into a table that has none; nothing if two are of one name.
    pub(super) fn restore(&mut self, mut by_change: Vec<Case>) -> Option<()> {
        let mut by_age: Vec<u32> = (0..by_change.len() as u32).collect();
        by_age.sort_unstable_by_key(|place| by_change[*place as usize].id);
        let is_same = |pair: &[u32]| by_change[pair[0] as usize].id == by_change[pair[1] as usize].id;
        (!by_age.windows(2).any(is_same)).then_some(())?;
        for place in by_age {
            self.by_id.insert(by_change[place as usize].id.0, place);
            self.opened.push(place);
        }
        for (place, case) in by_change.iter().enumerate().rev() {
            let place = place as u32;
            self.changed.push(place);
            if case.stage == Stage::Closed {
                self.closed.push(place);
            }
        }
        // The room that was made for more stays.
        self.held.append(&mut by_change);
        Some(())
    }

    fn find(&self, id: CaseId) -> Option<u32> {
        self.by_id.find(id.0, |place| self.held[place as usize].id == id)
    }

    /// Reads the lines of memory that some cases' changes will need, so that their cache misses overlap.
    pub(super) fn touch(&self, ids: impl Iterator<Item = CaseId> + Clone) {
        let entries = ids.clone().fold(0, |sum, id| sum ^ self.by_id.touch(id.0));
        let places = ids.fold(0, |sum, id| sum ^ self.find(id).unwrap_or_default());
        std::hint::black_box(entries ^ places);
    }

    pub(super) fn place(&mut self, id: CaseId) -> Option<u32> {
        match self.near {
            Some((near, place)) if near == id => Some(place),
            _ => {
                let place = self.find(id)?;
                self.near = Some((id, place));
                Some(place)
            }
        }
    }

    /// Changes the case in a place, and moves it to the front of what changed.
    pub(super) fn change(&mut self, place: u32, change: impl FnOnce(&mut Case)) -> &Case {
        let case = &mut self.held[place as usize];
        let was_closed = case.stage == Stage::Closed;
        change(case);
        self.changed.renew(place);
        match (was_closed, case.stage == Stage::Closed) {
            (false, false) => {}
            (false, true) => self.closed.push(place),
            (true, true) => self.closed.renew(place),
            (true, false) => self.closed.take(place),
        }
        case
    }

    pub(super) fn get(&self, id: CaseId) -> Option<&Case> {
        self.find(id).map(|place| &self.held[place as usize])
    }

    /// Drops the closed case whose last change is longest ago; where none is closed, the oldest of all. Gives what was dropped.
    pub(super) fn drop_one(&mut self) -> Option<&Case> {
        let place = self.closed.oldest().or_else(|| self.opened.oldest())?;
        let case = &self.held[place as usize];
        if case.stage == Stage::Closed {
            self.closed.take(place);
        }
        self.changed.take(place);
        self.opened.take(place);
        self.by_id.remove(case.id.0, place);
        self.vacant.push(place);
        self.near = None;
        Some(case)
    }

    /// Cases by the record that changed them, the newest change first.
    pub(super) fn by_change(&self) -> impl Iterator<Item = &Case> {
        self.changed.iter().map(|place| &self.held[place as usize])
    }

    /// Cases, the newest first.
    pub(super) fn newest(&self) -> impl Iterator<Item = &Case> {
        self.newest_from(self.opened.newest())
    }

    /// Cases from a place on, the newest first.
    fn newest_from(&self, place: Option<u32>) -> impl Iterator<Item = &Case> {
        self.opened.iter_from(place).map(|place| &self.held[place as usize])
    }

    /// Cases opened before one, the newest first; nothing if none of the `looked_for_max` names before is held.
    /// The one that is named may have left the board since, so the way to the next one is looked for.
    pub(super) fn newest_before(&self, before: CaseId, looked_for_max: usize) -> Option<impl Iterator<Item = &Case>> {
        let newest = self.opened.newest().map(|place| (self.held[place as usize].id, place));
        let oldest = self.opened.oldest().map(|place| self.held[place as usize].id);
        let from = match (newest, oldest) {
            (Some((newest, place)), _) if newest < before => Some(place),
            (_, Some(oldest)) if oldest < before => {
                let names = (oldest.0..before.0).rev().take(looked_for_max);
                Some(names.map(CaseId).find_map(|id| self.find(id))?)
            }
            _ => None,
        };
        Some(self.newest_from(from))
    }
}
