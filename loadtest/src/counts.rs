//! The counts by which two answers to the bench job are compared: the truth's, the reference's, and paidan's.

use crate::{Outcome, usage::Usage};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The counts and sums of an answer.
#[derive(Serialize, Deserialize, Default)]
pub struct Counts {
    /// Lines of the file.
    pub lines: u64,
    /// Lines that are not a JSON object.
    pub malformed: u64,
    /// Objects that break a rule of the job.
    pub invalid: u64,
    /// Malformed and invalid lines.
    pub rejected: u64,
    /// Accepted reports without re-sends.
    pub unique: u64,
    /// Re-sends of accepted reports.
    pub duplicates: u64,
    /// Unique reports of a case that was there.
    pub merged: u64,
    /// Cases.
    pub opened: u64,
    /// Wrapping sum of FNV-1a over the names of all cases; none if it was not asked for.
    pub case_sum: Option<u64>,
    /// FNV-1a over the loads of all units in order, each as a little-endian `u32`.
    pub unit_load_digest: u64,
}

impl Counts {
    /// Adds what another thread has counted. The digest is none of it: it is over the loads of all.
    pub fn add(&mut self, other: &Self) {
        self.lines += other.lines;
        self.malformed += other.malformed;
        self.invalid += other.invalid;
        self.rejected += other.rejected;
        self.unique += other.unique;
        self.duplicates += other.duplicates;
        self.merged += other.merged;
        self.opened += other.opened;
        self.case_sum = match (self.case_sum, other.case_sum) {
            (Some(sum), Some(more)) => Some(sum.wrapping_add(more)),
            (sum, more) => sum.or(more),
        };
    }
}

/// An answer and what it took to find it.
#[derive(Serialize, Deserialize)]
pub struct Measured {
    /// The answer.
    #[serde(flatten)]
    pub counts: Counts,
    /// What it took.
    #[serde(flatten)]
    pub usage: Usage,
}

/// FNV-1a, 64 bits.
pub fn fnv1a(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Writes `value` as JSON, a line for each field, into the file at `path`, or to standard output if there is none.
pub fn write_json(path: Option<&Path>, value: &impl Serialize) -> Outcome {
    let text = serde_json::to_string_pretty(value).map_err(|e| format!("cannot write the result as JSON: {e}"))?;
    match path {
        Some(path) => std::fs::write(path, text + "\n").map_err(|e| format!("{}: cannot write: {e}", path.display())),
        None => {
            println!("{text}");
            Ok(())
        }
    }
}
