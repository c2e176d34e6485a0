//! Messages as rows of numbers: which runs of characters they hold, and how much each counts there.

use std::ops::Range;

use rayon::prelude::*;

use crate::city::text::grams;

use super::corpus::Message;

/// Runs that fewer messages hold say nothing that could be learnt.
const MESSAGES_MIN: usize = 2;
/// The hashes of all messages are counted in so many parts, so that only one of them is in memory.
const PARTS: u64 = 8;

/// A sparse matrix: a row for each message, a column for each run.
#[derive(Debug)]
pub(super) struct Matrix {
    /// The hash of each column, rising.
    pub hashes: Vec<u64>,
    /// Where each row begins, and the end of the last.
    starts: Vec<usize>,
    /// Columns of the rows, rising within each.
    columns: Vec<u32>,
    /// How much they count, in units of [`crate::city::text::COUNT_UNIT`].
    counts: Vec<u16>,
}

impl Matrix {
    /// Reads messages, with all threads of the pool that it runs in.
    pub fn of(messages: &[Message], columns_max: usize) -> Self {
        let hashes = vocabulary(messages, columns_max);
        let rows: Vec<Vec<(u32, u16)>> = messages.par_iter().map(|message| row(message, &hashes)).collect();
        let mut matrix = Self { hashes, starts: vec![0], columns: Vec::new(), counts: Vec::new() };
        for row in rows {
            matrix.columns.extend(row.iter().map(|(column, _)| *column));
            matrix.counts.extend(row.iter().map(|(_, count)| *count));
            matrix.starts.push(matrix.columns.len());
        }
        matrix
    }

    /// How many rows there are.
    pub const fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// Where a row's numbers stand among all.
    pub fn row(&self, row: usize) -> Range<usize> {
        self.starts[row]..self.starts[row + 1]
    }

    /// Columns, of all rows.
    pub fn columns(&self) -> &[u32] {
        &self.columns
    }

    /// How much they count, of all rows.
    pub fn counts(&self) -> &[u16] {
        &self.counts
    }
}

/// The runs of a message by hash, and how much each counts.
fn runs(message: &Message) -> Vec<(u64, u16)> {
    let mut steps = Vec::new();
    grams(message.title.chars(), message.text.chars(), |gram| steps.push((gram.hash, gram.step.count)));
    steps.sort_unstable();
    let sum = |same: &[(u64, u16)]| (same[0].0, same.iter().map(|(_, step)| step).sum());
    steps.chunk_by(|a, b| a.0 == b.0).map(sum).collect()
}

/// The hashes of runs that enough messages hold; of too many, those that most hold.
fn vocabulary(messages: &[Message], columns_max: usize) -> Vec<u64> {
    let mut found: Vec<(u64, usize)> = Vec::new();
    for part in 0..PARTS {
        let of_part = |hash: &u64| hash >> 61 == part;
        let mut hashes: Vec<u64> = messages
            .par_iter()
            .flat_map_iter(|message| runs(message).into_iter().map(|(hash, _)| hash).filter(of_part))
            .collect();
        hashes.par_sort_unstable();
        found.extend(hashes.chunk_by(|a, b| a == b).filter(|same| same.len() >= MESSAGES_MIN).map(|s| (s[0], s.len())));
    }
    if found.len() > columns_max {
        found.sort_unstable_by_key(|(hash, messages)| (std::cmp::Reverse(*messages), *hash));
        found.truncate(columns_max);
        found.sort_unstable();
    }
    found.into_iter().map(|(hash, _)| hash).collect()
}

fn row(message: &Message, hashes: &[u64]) -> Vec<(u32, u16)> {
    let column = |(hash, count): (u64, u16)| hashes.binary_search(&hash).ok().map(|column| (column as u32, count));
    runs(message).into_iter().filter_map(column).collect()
}
