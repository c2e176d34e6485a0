//! Which messages belong together: several people on one matter, one person twice, a title in one file and its text in another.
//!
//! What is held out must not have been seen in other words, or a model seems better, and surer, than it is. Messages are kin if they
//! share several runs of characters that hardly any other has, or if whoever gathered them says so.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::matrix::Matrix;

/// A run is rare that at most so many messages hold.
const RARE_MAX: usize = 5;
/// So many rare runs make two messages kin,
const SHARED_MIN: usize = 4;
/// if they are so many of a hundred that one of the two has; two long messages share some by chance.
const SHARED_PERCENT_MIN: usize = 30;

/// For each row the first of its kin, itself at the earliest. Those of one group are kin.
pub(super) fn kin<'m>(matrix: &Matrix, groups: impl Iterator<Item = Option<&'m str>>) -> Vec<u32> {
    let mut holding = vec![Vec::new(); matrix.hashes.len()];
    for row in 0..matrix.rows() {
        for column in &matrix.columns()[matrix.row(row)] {
            let rows = &mut holding[*column as usize];
            // One more than are rare tells that there are too many.
            if rows.len() <= RARE_MAX {
                rows.push(row as u32);
            }
        }
    }
    let rare = || holding.iter().filter(|rows| rows.len() <= RARE_MAX);
    let mut rare_of = vec![0_usize; matrix.rows()];
    rare().flatten().for_each(|row| rare_of[*row as usize] += 1);
    let pairs_of = |rows: &Vec<u32>| -> Vec<(u32, u32)> {
        rows.iter().enumerate().flat_map(|(at, a)| rows[at + 1..].iter().map(|b| (*a, *b))).collect()
    };
    let mut pairs: Vec<(u32, u32)> = rare().flat_map(pairs_of).collect();
    pairs.par_sort_unstable();
    let mut first: Vec<u32> = (0..matrix.rows() as u32).collect();
    for same in pairs.chunk_by(|a, b| a == b).filter(|same| same.len() >= SHARED_MIN) {
        let fewer = rare_of[same[0].0 as usize].min(rare_of[same[0].1 as usize]);
        if same.len() * 100 < fewer * SHARED_PERCENT_MIN {
            continue;
        }
        join(&mut first, same[0]);
    }
    let mut first_of = BTreeMap::new();
    for (group, row) in groups.zip(0..).filter_map(|(group, row)| Some((group?, row))) {
        join(&mut first, (*first_of.entry(group).or_insert(row), row));
    }
    (0..matrix.rows() as u32).map(|row| find(&mut first, row)).collect()
}

/// Makes two rows kin.
fn join(first: &mut [u32], (a, b): (u32, u32)) {
    let (a, b) = (find(first, a), find(first, b));
    first[a.max(b) as usize] = a.min(b);
}

/// The first of a row's kin, which shortens the way there.
fn find(first: &mut [u32], mut row: u32) -> u32 {
    while first[row as usize] != row {
        first[row as usize] = first[first[row as usize] as usize];
        row = first[row as usize];
    }
    row
}
