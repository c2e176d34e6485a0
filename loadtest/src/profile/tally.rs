//! Counts over lines and their truth.

use super::{Flags, Kind, Truth};
use crate::pudong::{CellId, PUDONG, Urgency};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// Counts of lines.
#[derive(Default)]
pub struct Tally {
    lines: u64,
    bytes: u64,
    kinds: [u64; Kind::NAMES.len()],
    urgencies: [u64; Urgency::ALL.len()],
    flags: [u64; Flags::ALL.len()],
    sources: BTreeMap<u8, u64>,
    classes: BTreeMap<u16, u64>,
    cells: HashMap<CellId, u64>,
}

/// Counts by name. Source, urgency, class and flags are those that lines are meant to have, also re-sent and spoilt ones.
#[derive(Serialize, Clone, Debug)]
pub struct Counts {
    /// Lines.
    pub lines: u64,
    /// Their bytes, newlines included.
    pub bytes: u64,
    /// By what they are.
    pub kinds: BTreeMap<&'static str, u64>,
    /// By who sends them.
    pub sources: BTreeMap<&'static str, u64>,
    /// By how urgent they are.
    pub urgencies: BTreeMap<&'static str, u64>,
    /// By what they are about.
    pub classes: BTreeMap<&'static str, u64>,
    /// By what is peculiar about them; a line can have several.
    pub flags: BTreeMap<&'static str, u64>,
    /// Lines of the cell that has most.
    pub hottest_cell: u64,
}

impl Tally {
    /// Counts a line of so many bytes, its newline included.
    pub fn add(&mut self, truth: &Truth, bytes: usize) {
        self.lines += 1;
        self.bytes += bytes as u64;
        self.kinds[truth.kind.index()] += 1;
        self.urgencies[Urgency::A as usize - truth.urgency as usize] += 1;
        for (count, (flag, _)) in self.flags.iter_mut().zip(Flags::ALL) {
            *count += u64::from(truth.flags.has(flag));
        }
        *self.sources.entry(truth.source.0).or_default() += 1;
        *self.classes.entry(truth.class.0).or_default() += 1;
        *self.cells.entry(truth.cell).or_default() += 1;
    }

    /// The counts by name.
    pub fn counts(&self) -> Counts {
        let urgencies = Urgency::ALL.map(Urgency::letter);
        let sources =
            self.sources.iter().map(|(id, count)| (PUDONG.source(crate::pudong::SourceId(*id)).name.as_str(), *count));
        let classes =
            self.classes.iter().map(|(id, count)| (PUDONG.class(crate::pudong::ClassId(*id)).code.as_str(), *count));
        Counts {
            lines: self.lines,
            bytes: self.bytes,
            kinds: Kind::NAMES.into_iter().zip(self.kinds).collect(),
            sources: sources.collect(),
            urgencies: urgencies.into_iter().zip(self.urgencies).collect(),
            classes: classes.collect(),
            flags: Flags::ALL.map(|(_, name)| name).into_iter().zip(self.flags).collect(),
            hottest_cell: self.cells.values().copied().max().unwrap_or(0),
        }
    }
}
