//! One substation fails: the same three matters in each of a block of cells, and everybody calls.

use super::incident::{Incident, Matter};
use super::mix::{OUTAGE_TOPICS, TopicId};
use super::wording::Address;
use crate::rehearsal::pudong::{CellId, ClassId, PUDONG, Spot};
use crate::rehearsal::rng::Rng;

/// Columns and rows of the block. Every second cell of it is built on, so that no two estates are near.
const ACROSS: u32 = 6;
const UP: u32 = 5;
/// Cells without power.
pub const CELLS: usize = (ACROSS * UP) as usize;
/// The first of them, in the middle of the district.
const COLUMN: u32 = 120;
const ROW: u32 = 190;

/// An estate without power.
#[derive(Clone, Copy)]
struct Estate {
    cell: CellId,
    spot: Spot,
    address: Address,
    /// Who called first on each of the matters.
    first: [Option<Incident>; OUTAGE_TOPICS.len()],
}

/// The estates that a substation feeds.
pub struct Outage {
    estates: [Estate; CELLS],
    classes: [ClassId; OUTAGE_TOPICS.len()],
}

impl Outage {
    /// The same cells always; within them, estates by chance.
    pub fn new(rng: &mut Rng) -> Self {
        let estates = std::array::from_fn(|index| {
            let (column, row) = (COLUMN + 2 * (index as u32 % ACROSS), ROW + 2 * (index as u32 / ACROSS));
            let cell = CellId(row * PUDONG.grid.raster().columns() + column);
            Estate { cell, spot: PUDONG.grid.inside(cell, rng), address: Address::draw(rng), first: Default::default() }
        });
        Self { estates, classes: OUTAGE_TOPICS.map(|(topic, _)| super::stream::class_of(topic)) }
    }

    /// What a caller reports, and the line of the first one who did, as long as it goes on.
    pub fn happens(&self, topic: TopicId, now_ms: u64, rng: &mut Rng) -> (Matter, Option<u64>) {
        let Estate { cell, spot, address, first } = rng.pick(&self.estates);
        let position = position(topic);
        let first = first[position].filter(|first| first.goes_on(now_ms));
        let class = self.classes[position];
        (Matter { class, topic, cell, spot, address, device: None }, first.map(|first| first.line))
    }

    /// Keeps the first call on a matter.
    pub fn keep(&mut self, incident: Incident) {
        let estate = self.estates.iter_mut().find(|estate| estate.cell == incident.matter.cell);
        if let Some(estate) = estate {
            estate.first[position(incident.matter.topic)] = Some(incident);
        }
    }
}

fn position(topic: TopicId) -> usize {
    OUTAGE_TOPICS.iter().position(|(known, _)| *known == topic).expect("an outage has its own topics")
}
