//! Towns that grow on the cells of a raster until each has its share: a power diagram, whose weights are set right in rounds.

use super::outline::Outline;
use crate::pudong::{CellId, Raster, Spot};

/// A street or town.
pub(super) struct Town {
    /// Its code.
    pub code: &'static str,
    /// Where it is grown from.
    pub middle: Spot,
    /// How large it is beside the others.
    pub share: u64,
}

/// Rounds in which weights are set right. The last changes nothing that can be seen.
const ROUNDS: usize = 300;
/// Places are counted in so many parts of a cell each way.
const FINE: i64 = 16;
/// A border moves by about half of what a weight grows by; slower than that, rounds do not overshoot.
const SLOWNESS: i64 = 3;

/// Towns on a raster.
pub(super) struct Growth<'a> {
    towns: &'a [Town],
    middles: Vec<(i64, i64)>,
    columns: usize,
    /// Pieces of the district, the mainland first: cells that hang together by their sides.
    pieces: Vec<Vec<usize>>,
    cells: usize,
}

type Areas = Vec<Option<usize>>;

impl<'a> Growth<'a> {
    /// On the cells whose middle lies in the outline.
    pub(super) fn new(raster: &Raster, outline: &Outline, towns: &'a [Town]) -> Self {
        let (columns, cells) = (raster.columns() as usize, (raster.columns() * raster.rows()) as usize);
        let part = |from: i32, to: i32, size: i32| (i64::from(to) - i64::from(from)) * FINE / i64::from(size);
        let middle = |Town { middle, .. }: &Town| {
            (part(raster.west, middle.lng, raster.cell_width), part(raster.south, middle.lat, raster.cell_height))
        };
        let inside = (0..cells as u32).map(|cell| outline.has(raster.middle(CellId(cell))).then_some(0));
        let mut pieces = pieces(&inside.collect::<Areas>(), columns);
        pieces.sort_by_key(|piece| (std::cmp::Reverse(piece.len()), piece[0]));
        Self { towns, middles: towns.iter().map(middle).collect(), columns, pieces, cells }
    }

    /// Cells of the mainland.
    pub(super) fn mainland(&self) -> u32 {
        self.pieces[0].len() as u32
    }

    /// Cells of the mainland for each town: whole ones, then one each to those that miss most of one.
    pub(super) fn shares(&self) -> Vec<u32> {
        let (cells, all) = (u64::from(self.mainland()), self.towns.iter().map(|town| town.share).sum::<u64>());
        let mut shares: Vec<u32> = self.towns.iter().map(|town| (cells * town.share / all) as u32).collect();
        let mut by_rest: Vec<usize> = (0..shares.len()).collect();
        by_rest.sort_by_key(|town| (std::cmp::Reverse(cells * self.towns[*town].share % all), *town));
        let left = self.mainland() - shares.iter().sum::<u32>();
        by_rest.iter().take(left as usize).for_each(|town| shares[*town] += 1);
        shares
    }

    /// The town of each cell of the raster.
    pub(super) fn areas(&self) -> Areas {
        let shares = self.shares();
        let (mut weights, mut best) = (vec![0; self.towns.len()], (u32::MAX, Areas::new()));
        for _ in 0..ROUNDS {
            let mut areas = self.diagram(&weights);
            self.mend(&mut areas, &weights);
            let mut counts = vec![0_u32; self.towns.len()];
            areas.iter().flatten().for_each(|town| counts[*town] += 1);
            let missed = counts.iter().zip(&shares).map(|(count, share)| count.abs_diff(*share)).sum();
            if missed < best.0 {
                best = (missed, areas);
            }
            for (weight, (count, share)) in weights.iter_mut().zip(counts.iter().zip(&shares)) {
                *weight += (i64::from(*share) - i64::from(*count)) * FINE * FINE / SLOWNESS;
            }
        }
        let mut areas = best.1;
        self.settle_islands(&mut areas);
        areas
    }

    /// How far a cell is from a town, as its weight has it.
    fn far(&self, cell: usize, town: usize, weights: &[i64]) -> i64 {
        let (east, north) = self.middles[town];
        let (x, y) = (self.part(cell % self.columns), self.part(cell / self.columns));
        (x - east) * (x - east) + (y - north) * (y - north) - weights[town]
    }

    const fn part(&self, index: usize) -> i64 {
        index as i64 * FINE + FINE / 2
    }

    /// Every cell of the mainland to the town that is nearest; of two that are equally near, to the first.
    fn diagram(&self, weights: &[i64]) -> Areas {
        let mut areas = vec![None; self.cells];
        for cell in &self.pieces[0] {
            areas[*cell] = (0..self.towns.len()).min_by_key(|town| (self.far(*cell, *town, weights), *town));
        }
        areas
    }

    /// Leaves each town its largest piece, and lets towns beside the others grow into them.
    fn mend(&self, areas: &mut Areas, weights: &[i64]) {
        let mut largest: Vec<Vec<usize>> = vec![Vec::new(); self.towns.len()];
        let mut astray = Vec::new();
        for piece in pieces(areas, self.columns) {
            let town = areas[piece[0]].expect("pieces are of towns");
            let smaller =
                if piece.len() > largest[town].len() { std::mem::replace(&mut largest[town], piece) } else { piece };
            astray.extend(smaller);
        }
        astray.iter().for_each(|cell| areas[*cell] = None);
        astray.sort_unstable();
        while !astray.is_empty() {
            let taken: Vec<(usize, Option<usize>)> = astray
                .iter()
                .map(|cell| {
                    let towns = beside(*cell, self.columns, self.cells).filter_map(|other| areas[other]);
                    (*cell, towns.min_by_key(|town| (self.far(*cell, *town, weights), *town)))
                })
                .collect();
            taken.iter().for_each(|(cell, town)| areas[*cell] = *town);
            astray.retain(|cell| areas[*cell].is_none());
        }
    }

    /// Gives each island to the town with the nearest shore.
    fn settle_islands(&self, areas: &mut Areas) {
        let is_shore = |cell: &&usize| beside(**cell, self.columns, self.cells).any(|other| areas[other].is_none());
        let shore: Vec<usize> = self.pieces[0].iter().filter(is_shore).copied().collect();
        let apart = |one: usize, other: usize| {
            let (x, y) = (
                (one % self.columns).abs_diff(other % self.columns),
                (one / self.columns).abs_diff(other / self.columns),
            );
            x * x + y * y
        };
        for island in &self.pieces[1..] {
            let nearest = |from: &usize| shore.iter().map(|to| (apart(*from, *to), *to)).min();
            let town = island.iter().filter_map(nearest).min().and_then(|(_, cell)| areas[cell]);
            island.iter().for_each(|cell| areas[*cell] = town);
        }
    }
}

/// Cells of one area that hang together by their sides, each piece from its first cell on.
fn pieces(areas: &Areas, columns: usize) -> Vec<Vec<usize>> {
    let (mut pieces, mut seen) = (Vec::new(), vec![false; areas.len()]);
    for first in 0..areas.len() {
        if areas[first].is_none() || seen[first] {
            continue;
        }
        let (mut piece, mut at) = (vec![first], 0);
        seen[first] = true;
        while let Some(cell) = piece.get(at).copied() {
            for other in beside(cell, columns, areas.len()).filter(|other| areas[*other] == areas[first]) {
                if !std::mem::replace(&mut seen[other], true) {
                    piece.push(other);
                }
            }
            at += 1;
        }
        pieces.push(piece);
    }
    pieces
}

/// The cells beside a cell: west, east, south and north of it.
fn beside(cell: usize, columns: usize, cells: usize) -> impl Iterator<Item = usize> {
    let column = cell % columns;
    let (west, east) = ((column > 0).then(|| cell - 1), (column + 1 < columns).then(|| cell + 1));
    let (south, north) = (cell.checked_sub(columns), Some(cell + columns).filter(|north| *north < cells));
    [west, east, south, north].into_iter().flatten()
}
