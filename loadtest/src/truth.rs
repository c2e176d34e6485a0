//! What a right answer to the bench job is, from the generator's own intentions: the job's rules in plain form, applied to
//! the values it meant to write and never to the bytes it wrote.

use crate::bench_city::{
    AREA_CELLS, AREA_COLUMNS, AREAS, BUCKET_MS, CATEGORIES, CELL_HEIGHT, CELL_WIDTH, COLUMNS, POOL, UNITS,
    department_of,
};
use crate::counts::{Counts, fnv1a};
use crate::line::Report;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Buckets that reports can still arrive in: the newest and, for a minute after its end, the one before.
const OPEN_BUCKETS_MAX: usize = 2;

/// A right answer, and the file that it belongs to.
#[derive(Serialize)]
pub struct Truth {
    /// The answer.
    #[serde(flatten)]
    counts: Counts,
    /// Length of the file.
    bytes: u64,
    /// The seed it was made from.
    seed: u64,
}

/// Works out the truth while the file is made.
pub struct Oracle {
    counts: Counts,
    case_sum: u64,
    index: HashMap<&'static str, usize>,
    cases: BTreeMap<u64, HashSet<(u32, usize)>>,
    loads: Vec<u32>,
}

impl Oracle {
    /// Before the first line.
    pub fn new() -> Self {
        Self {
            counts: Counts::default(),
            case_sum: 0,
            index: CATEGORIES.iter().enumerate().map(|(index, word)| (*word, index)).collect(),
            cases: BTreeMap::new(),
            loads: vec![0; UNITS],
        }
    }

    /// A line that is no JSON object.
    pub fn malformed(&mut self) {
        self.counts.malformed += 1;
    }

    /// An object that breaks a rule.
    pub fn invalid(&mut self) {
        self.counts.invalid += 1;
    }

    /// The same bytes as an accepted line before.
    pub fn resent(&mut self) {
        self.counts.duplicates += 1;
    }

    /// A report with an id of its own that breaks no rule.
    pub fn accepted(&mut self, report: &Report) {
        self.counts.unique += 1;
        let (column, row) = (report.east / CELL_WIDTH, report.north as u32 / CELL_HEIGHT);
        let (cell, category, bucket) = (row * COLUMNS + column, self.index[report.category], report.ts / BUCKET_MS);
        if !self.cases.entry(bucket).or_default().insert((cell, category)) {
            self.counts.merged += 1;
            return;
        }
        while self.cases.len() > OPEN_BUCKETS_MAX {
            self.cases.pop_first();
        }
        self.counts.opened += 1;
        let name = format!("{cell}-{category}-{bucket}");
        self.case_sum = self.case_sum.wrapping_add(fnv1a(name.bytes()));
        self.assign(department_of(category), row / AREA_CELLS * AREA_COLUMNS + column / AREA_CELLS);
    }

    /// One more case for the unit with the smallest load, the first of several.
    fn assign(&mut self, department: u32, area: u32) {
        let first = ((department * AREAS + area) * POOL) as usize;
        if let Some(load) = self.loads[first..first + POOL as usize].iter_mut().min_by_key(|load| **load) {
            *load += 1;
        }
    }

    /// The truth of the file that so many lines and bytes of `seed` have become.
    pub fn finish(self, lines: u64, bytes: u64, seed: u64) -> Truth {
        let unit_load_digest = fnv1a(self.loads.iter().flat_map(|load| load.to_le_bytes()));
        let rejected = self.counts.malformed + self.counts.invalid;
        let counts = Counts { lines, rejected, case_sum: Some(self.case_sum), unit_load_digest, ..self.counts };
        Truth { counts, bytes, seed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Source;

    #[test]
    fn a_bucket_ends_but_waits_for_late_reports() {
        let mut oracle = Oracle::new();
        let mut check = |ts, east, opened, merged| {
            oracle.accepted(&Report { source: Source::App, number: Some(1), ts, east, north: 0, category: "gas.leak" });
            assert_eq!((oracle.counts.opened, oracle.counts.merged), (opened, merged));
        };
        check(600_000, 0, 1, 0);
        check(1_199_999, CELL_WIDTH - 1, 1, 1);
        check(1_199_999, CELL_WIDTH, 2, 1);
        check(1_200_000, 0, 3, 1);
        check(1_199_998, CELL_WIDTH, 3, 2);
        check(1_800_000, 0, 4, 2);
        check(1_799_999, 0, 4, 3);
    }

    #[test]
    fn cases_go_to_the_first_of_the_least_loaded() {
        let mut oracle = Oracle::new();
        (0..11).for_each(|_| oracle.assign(2, 119));
        let first = (2 * 120 + 119) * 8;
        assert_eq!(oracle.loads[first - 1..=first + 8], [0, 2, 2, 2, 1, 1, 1, 1, 1, 0]);
    }
}
