//! Cells as they are now: what is open in them.

use serde::{Deserialize, Serialize};

use super::index::Index;
use super::trail::Trail;
use crate::ids::{CellId, Seq};
use crate::report::Urgency;
use crate::weighed::Stage;

/// Cases of a cell that are not closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counts {
    /// All of them.
    pub open: u32,
    /// Of urgency A.
    pub urgent: u32,
    /// Waiting on a desk.
    pub waiting: u32,
    /// Looked at by people.
    pub review: u32,
}

impl Counts {
    /// What one case adds to its cell.
    pub(super) fn of(stage: Stage, urgency: Urgency) -> Self {
        let is_open = stage != Stage::Closed;
        Self {
            open: u32::from(is_open),
            urgent: u32::from(is_open && urgency == Urgency::A),
            waiting: u32::from(stage == Stage::Waiting),
            review: u32::from(stage == Stage::Review),
        }
    }

    pub(super) const fn moved(self, from: Self, to: Self) -> Self {
        Self {
            open: self.open + to.open - from.open,
            urgent: self.urgent + to.urgent - from.urgent,
            waiting: self.waiting + to.waiting - from.waiting,
            review: self.review + to.review - from.review,
        }
    }
}

/// A cell as it is now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Cell {
    /// Which.
    pub cell: CellId,
    /// The record that changed it last.
    pub version: Seq,
    /// What is open in it.
    pub counts: Counts,
}

/// Every cell that ever had a case: it stays when nothing is open there any more, so that this change can be told.
#[derive(Debug)]
pub(super) struct Cells {
    cells: Vec<Cell>,
    by_id: Index,
    changed: Trail,
}

impl Cells {
    pub(super) fn new() -> Self {
        Self { cells: Vec::new(), by_id: Index::with_room(0), changed: Trail::with_room(0) }
    }

    /// Where a cell is kept; one that is new has changed with this record.
    pub(super) fn place(&mut self, cell: CellId, seq: Seq) -> Option<u32> {
        if !cell.is_some() {
            return None;
        }
        Some(self.place_of(cell).unwrap_or_else(|| {
            let place = self.cells.len() as u32;
            self.cells.push(Cell { cell, version: seq, counts: Counts::default() });
            self.by_id.insert(cell.0.into(), place);
            self.changed.push(place);
            place
        }))
    }

    /// Counts a case of the cell differently from now on.
    pub(super) fn recount(&mut self, place: u32, from: Counts, to: Counts, seq: Seq) {
        if from != to {
            let cell = &mut self.cells[place as usize];
            cell.counts = cell.counts.moved(from, to);
            cell.version = seq;
            self.changed.renew(place);
        }
    }

    /// Where a cell is kept, if it ever had a case.
    pub(super) fn place_of(&self, cell: CellId) -> Option<u32> {
        self.by_id.find(cell.0.into(), |place| self.cells[place as usize].cell == cell)
    }

    pub(super) fn as_slice(&self) -> &[Cell] {
        &self.cells
    }

    /// Where cells are kept, the newest change first.
    pub(super) fn places_by_change(&self) -> impl Iterator<Item = u32> {
        self.changed.iter()
    }

    /// Takes in all cells in the order of their places, and their places by change; nothing if the two do not agree.
    pub(super) fn restore(&mut self, cells: Vec<Cell>, changed: &[u32]) -> Option<()> {
        for (place, cell) in (0..).zip(&cells) {
            let is_new = cell.cell.is_some()
                && self.by_id.find(cell.cell.0.into(), |known| cells[known as usize].cell == cell.cell).is_none();
            is_new.then(|| self.by_id.insert(cell.cell.0.into(), place))?;
        }
        self.cells = cells;
        self.changed = Trail::restored(self.cells.len(), changed)?;
        Some(())
    }

    /// Cells by the record that changed them, the newest change first.
    pub(super) fn by_change(&self) -> impl Iterator<Item = &Cell> {
        self.changed.iter().map(|place| &self.cells[place as usize])
    }

    /// Cells with open cases, in the order in which they had their first.
    pub(super) fn open(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(|cell| cell.counts.open > 0)
    }
}
