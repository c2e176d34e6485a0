//! Cases as they are now, and the table that holds them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::trail::Trail;
use crate::effect::Doubt;
use crate::geo::Point;
use crate::ids::{AreaId, CaseId, CellId, ClassId, DepartmentId, OrderId, Seq, SourceId, UnitId};
use crate::report::Urgency;
use crate::time::At;
use crate::weighed::Stage;

/// A case as it is now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Case {
    /// The record that opened it.
    pub id: CaseId,
    /// The record that changed it last.
    pub version: Seq,
    /// Where it is, as its first report said.
    pub point: Point,
    /// Its cell.
    pub cell: CellId,
    /// Its area.
    pub area: AreaId,
    /// Its class.
    pub class: ClassId,
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
    pub(super) cell_place: Option<u32>,
}

impl Case {
    /// The last order that was given, also after it was given back: whoever closes the case names it.
    pub fn order(&self) -> Option<OrderId> {
        (self.attempts > 0).then_some(OrderId { case: self.id, attempt: self.attempts })
    }
}

/// Sources that one case remembers.
const SOURCES_MAX: usize = 16;

/// Who reported a case: the first sources that did, in that order. A matter that more than sixteen systems report keeps the
/// first sixteen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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

/// Cases by name, by change, and by how soon they can go.
#[derive(Debug)]
pub(super) struct Cases {
    held: Vec<Case>,
    vacant: Vec<u32>,
    by_id: BTreeMap<CaseId, u32>,
    /// All of them.
    changed: Trail,
    /// Those that are closed.
    closed: Trail,
    /// The case that was found last: a record's effects are mostly about one.
    near: Option<(CaseId, u32)>,
}

impl Cases {
    pub(super) const fn new() -> Self {
        Self {
            held: Vec::new(),
            vacant: Vec::new(),
            by_id: BTreeMap::new(),
            changed: Trail::new(),
            closed: Trail::new(),
            near: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Takes in a new case, unless one of its name is held.
    pub(super) fn open(&mut self, id: CaseId, case: impl FnOnce() -> Case) -> Option<&Case> {
        let Entry::Vacant(entry) = self.by_id.entry(id) else { return None };
        let case = case();
        let place = match self.vacant.pop() {
            Some(place) => {
                self.held[place as usize] = case;
                place
            }
            None => {
                self.held.push(case);
                self.held.len() as u32 - 1
            }
        };
        entry.insert(place);
        self.changed.push(place);
        self.near = Some((id, place));
        Some(&self.held[place as usize])
    }

    pub(super) fn place(&mut self, id: CaseId) -> Option<u32> {
        match self.near {
            Some((near, place)) if near == id => Some(place),
            _ => {
                let place = *self.by_id.get(&id)?;
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
        self.by_id.get(&id).map(|place| &self.held[*place as usize])
    }

    /// Drops the closed case whose last change is longest ago; where none is closed, the oldest of all. Gives what was dropped.
    pub(super) fn drop_one(&mut self) -> Option<&Case> {
        let place = self.closed.oldest().or_else(|| self.by_id.first_key_value().map(|(_, place)| *place))?;
        let case = &self.held[place as usize];
        if case.stage == Stage::Closed {
            self.closed.take(place);
        }
        self.changed.take(place);
        self.by_id.remove(&case.id);
        self.vacant.push(place);
        self.near = None;
        Some(case)
    }

    /// Cases by the record that changed them, the newest change first.
    pub(super) fn by_change(&self) -> impl Iterator<Item = &Case> {
        self.changed.iter().map(|place| &self.held[place as usize])
    }

    /// Cases opened before one, or all of them, the newest first.
    pub(super) fn newest_before(&self, before: Option<CaseId>) -> impl Iterator<Item = &Case> {
        let end = before.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let range = self.by_id.range((std::ops::Bound::Unbounded, end));
        range.rev().map(|(_, place)| &self.held[*place as usize])
    }
}
