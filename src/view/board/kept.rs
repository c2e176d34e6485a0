//! A board as it is kept in a snapshot: what was folded, in the orders in which it is told; indexes are made again.

use serde::ser::{SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};

use super::Board;
use super::case::Case;
use super::cell::{Cell, Counts};
use super::unit::Unit;
use crate::ids::Seq;
use crate::time::At;

/// A board about to be kept.
#[derive(Serialize)]
pub(super) struct Kept<'a> {
    version: Seq,
    at: At,
    open_dropped: u64,
    cells: &'a [Cell],
    cells_changed: Listed<'a, u32>,
    cases: Listed<'a, &'a Case>,
    units: &'a [Unit],
}

/// A board that was kept.
#[derive(Deserialize)]
pub struct KeptBoard {
    version: Seq,
    at: At,
    open_dropped: u64,
    /// In the order in which they had their first case.
    cells: Vec<Cell>,
    /// Their places, the newest change first.
    cells_changed: Vec<u32>,
    /// The newest change first.
    cases: Vec<Case>,
    units: Vec<Unit>,
}

/// Items of a known number, written without being gathered: a million cases are not copied to be kept.
struct Listed<'a, T> {
    len: usize,
    items: Box<dyn Fn() -> Box<dyn Iterator<Item = T> + 'a> + 'a>,
}

impl<T: Serialize> Serialize for Listed<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.len))?;
        for item in (self.items)() {
            list.serialize_element(&item)?;
        }
        list.end()
    }
}

impl<'a> Kept<'a> {
    pub(super) fn of(board: &'a Board) -> Self {
        Self {
            version: board.version,
            at: board.at,
            open_dropped: board.open_dropped,
            cells: board.cells.as_slice(),
            cells_changed: Listed {
                len: board.cells.as_slice().len(),
                items: Box::new(|| Box::new(board.cells.places_by_change())),
            },
            cases: Listed { len: board.cases.len(), items: Box::new(|| Box::new(board.cases.by_change())) },
            units: board.units.as_slice(),
        }
    }
}

impl KeptBoard {
    /// Puts what was kept on an empty board of the same city.
    pub(super) fn restore(self, mut board: Board) -> Option<Board> {
        (board.version, board.at, board.open_dropped) = (self.version, self.at, self.open_dropped);
        board.cells.restore(self.cells, &self.cells_changed)?;
        let is_of_units = self.units.len() == board.units.as_slice().len() && self.cases.len() <= board.cases_max;
        is_of_units.then(|| board.units.restore(self.units))?;
        let mut counts = vec![Counts::default(); board.cells.as_slice().len()];
        let mut cases = self.cases;
        for case in &mut cases {
            case.cell_place = board.cells.place_of(case.cell);
            board.queue.add(case);
            let adds = Counts::of(case.stage, case.urgency);
            *board.open.of(case.urgency) += u64::from(adds.open);
            if let Some(count) = board.stages.of(case.stage) {
                *count += 1;
            }
            if let Some(place) = case.cell_place {
                counts[place as usize] = counts[place as usize].moved(Counts::default(), adds);
            }
        }
        // Cells count the cases that are held: what else they say was not folded from these.
        let counted = board.cells.as_slice().iter().map(|cell| cell.counts);
        counted.eq(counts).then_some(())?;
        board.cases.restore(cases)?;
        Some(board)
    }
}
