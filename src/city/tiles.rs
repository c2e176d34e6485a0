//! The index of the ground: which cell has a place, where cells are polygons.
//!
//! Tiles are laid so that few borders pass through each, and most tell all there is to tell in one cache line. What it costs to
//! ask is one read of memory, for a place in the middle of a cell as for one beside a corner where four meet.

use rayon::prelude::*;

use super::border::{Polygon, bounds};
use super::crowds::Crowds;
use super::knot::Knot;
use super::tile::Tile;
use super::tiling::Tiling;
use crate::geo::{self, Point};
use crate::ids::CellId;

/// The index.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Tiles {
    /// The south-west corner of the ground, the size of a tile and their number.
    lay: Lay,
    tiles: Vec<Tile>,
    crowds: Crowds,
}

/// How tiles are laid, in micro-degrees: the ground's south-west corner, and what follows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Lay {
    pub from: Point,
    pub to: Point,
    pub tile: [u32; 2],
    /// 2^64 over the size of a tile, rounded up: multiplying by it divides any 32 bits, and takes a fraction of the time.
    parts: [u64; 2],
    pub columns: u32,
}

/// Tiles for each cell. More make the index larger, fewer have more borders than fit a cache line.
const TILES_PER_CELL: f64 = 2.0;

/// How deeply boxes around cells may lie over each other, in the mean of all tiles.
const DEPTH_MAX: usize = 32;

/// Cells lie over each other too deeply.
pub(super) struct TooDeep;

/// Most tiles, about: 64 MiB of them.
const TILES_MAX: usize = 1 << 20;

/// A micro-degree, in nano-degrees.
const MICRO: u64 = geo::FINE as u64;

impl Tiles {
    /// Of the polygons of cells, which have corners of whole micro-degrees. Those without one are not on the ground.
    ///
    /// # Errors
    /// If cells lie over each other so deeply that the index would have no bound.
    pub(super) fn lay(polygons: &[(CellId, Polygon)]) -> Result<Self, TooDeep> {
        let tiling = tiling(polygons);
        let boxes: usize = polygons.iter().map(|(_, polygon)| tiling.tiles_around(polygon)).sum();
        if boxes > tiling.len() * DEPTH_MAX + TILES_MAX {
            return Err(TooDeep);
        }
        let mut reaching: Vec<(u32, u32, bool)> = polygons
            .par_iter()
            .enumerate()
            .flat_map_iter(|(index, (_, polygon))| {
                let touched = tiling.touched(polygon);
                let covered = tiling.covered(polygon, &touched);
                let entry = move |is_touched| move |tile| (tile as u32, index as u32, is_touched);
                touched.into_iter().map(entry(true)).chain(covered.into_iter().map(entry(false)))
            })
            .collect();
        reaching.par_sort_unstable();
        let groups: Vec<&[(u32, u32, bool)]> = reaching.chunk_by(|one, other| one.0 == other.0).collect();
        let size = tile_size(&tiling);
        let told: Vec<Result<Tile, Knot<'_>>> = groups
            .par_iter()
            .map(|group| match group {
                [(_, index, false)] => Ok(Tile::plain(polygons[*index as usize].0)),
                _ => {
                    let cells = group.iter().map(|(_, index, _)| &polygons[*index as usize]);
                    let corner = tiling.corner_of(group[0].0 as usize).rounded();
                    let knot = Knot::new(corner, size, cells.map(|(cell, polygon)| (*cell, polygon)));
                    Tile::of(&knot).ok_or(knot)
                }
            })
            .collect();
        let mut tiles = vec![Tile::plain(CellId::NONE); tiling.len()];
        let mut crowds = Crowds::default();
        for (group, told) in groups.iter().zip(told) {
            tiles[group[0].0 as usize] = told.unwrap_or_else(|knot| Tile::crowded(crowds.add(&knot)));
        }
        let parts = size.map(|size| u64::MAX / u64::from(size) + 1);
        let (from, to) = (tiling.from.rounded(), tiling.to.rounded());
        let lay = Lay { from, to, tile: size, parts, columns: tiling.columns() };
        Ok(Self { lay, tiles, crowds })
    }

    /// The cell of a place, its border included.
    #[inline]
    pub(super) fn cell(&self, place: Point) -> Option<CellId> {
        let (tile, within) = self.lay.tile(place)?;
        let tile = &self.tiles[tile];
        let cell = match tile.crowd() {
            None => tile.cell(within),
            Some(crowd) => self.crowds.cell(crowd, within),
        };
        cell.is_some().then_some(cell)
    }

    /// The cells of many places. It takes a fraction of the time of asking for one after the other, because memory answers for a
    /// whole block of them at once.
    pub(super) fn cells<'a>(&'a self, places: &'a [Point]) -> impl Iterator<Item = Option<CellId>> + 'a {
        const BLOCK: usize = 256;
        places.chunks(BLOCK).flat_map(move |places| {
            let mut asked = [None; BLOCK];
            let mut any_crowd = false;
            // Reading of each tile whether it is crowded brings all of them from memory at once.
            for (asked, place) in asked.iter_mut().zip(places) {
                *asked = self.lay.tile(*place);
                any_crowd |= asked.is_some_and(|(tile, _)| self.tiles[tile].crowd().is_some());
            }
            let found = move |(tile, within): (usize, [i32; 2])| {
                let tile = &self.tiles[tile];
                match tile.crowd().filter(|_| any_crowd) {
                    None => tile.cell(within),
                    Some(crowd) => self.crowds.cell(crowd, within),
                }
            };
            let cell = move |asked: Option<(usize, [i32; 2])>| asked.map(found).filter(|cell| cell.is_some());
            asked.into_iter().take(places.len()).map(cell)
        })
    }

    /// The cell whose border is nearest to a place that no cell has, if that is not further than so many centimetres.
    pub(super) fn nearest(&self, place: Point, within_cm: u32) -> Option<CellId> {
        let (from, to) = geo::around(place, within_cm);
        let nearest = self.lay.tiles_in(from, to).flat_map(|tile| self.edges(tile)).map(|(cell, ends)| {
            let [a, b] = ends.map(|[lng, lat]| Point { lng: lng as i32, lat: lat as i32 });
            (geo::distance2_to_line_cm(place, a, b), cell)
        });
        let (distance2, cell) = nearest.min()?;
        (distance2 <= u64::from(within_cm).pow(2)).then_some(cell)
    }

    /// The edges in a tile with the cells that they bound, in micro-degrees.
    fn edges(&self, tile: usize) -> impl Iterator<Item = (CellId, [[i64; 2]; 2])> {
        let middle = self.lay.middle(tile);
        let tile = &self.tiles[tile];
        let crowd = tile.crowd();
        let own = crowd.is_none().then(|| tile.edges()).into_iter().flatten();
        let crowded = crowd.map(|crowd| self.crowds.edges(crowd)).into_iter().flatten();
        own.chain(crowded).map(move |(cell, ends)| (cell, ends.map(|[x, y]| [x + middle[0], y + middle[1]])))
    }

    /// South-west and north-east corner of the ground.
    pub(super) const fn bounds(&self) -> (Point, Point) {
        (self.lay.from, self.lay.to)
    }

    /// How many bytes of memory it takes.
    pub fn bytes(&self) -> usize {
        let Crowds { crowds, members, edges } = &self.crowds;
        size_of_val(&self.tiles[..]) + size_of_val(&crowds[..]) + size_of_val(&members[..]) + size_of_val(&edges[..])
    }
}

impl Lay {
    /// The tile of a place, and the place from the middle of it.
    #[inline]
    fn tile(&self, place: Point) -> Option<(usize, [i32; 2])> {
        let inside =
            (self.from.lng..=self.to.lng).contains(&place.lng) && (self.from.lat..=self.to.lat).contains(&place.lat);
        if !inside {
            return None;
        }
        let (x, y) = ((place.lng - self.from.lng) as u32, (place.lat - self.from.lat) as u32);
        let over = |length: u32, part: u64| ((u128::from(length) * u128::from(part)) >> 64) as u32;
        let ([width, height], column, row) = (self.tile, over(x, self.parts[0]), over(y, self.parts[1]));
        let within = |offset: u32, start: u32, size: u32| (offset - start) as i32 - (size / 2) as i32;
        let tile = row as usize * self.columns as usize + column as usize;
        Some((tile, [within(x, column * width, width), within(y, row * height, height)]))
    }

    /// The middle of a tile.
    fn middle(&self, tile: usize) -> [i64; 2] {
        let (row, column) = (tile as u32 / self.columns, tile as u32 % self.columns);
        let middle = |from: i32, index: u32, size: u32| i64::from(from) + i64::from(index * size + size / 2);
        [middle(self.from.lng, column, self.tile[0]), middle(self.from.lat, row, self.tile[1])]
    }

    /// The tiles that a box reaches into.
    fn tiles_in(&self, from: Point, to: Point) -> impl Iterator<Item = usize> + use<> {
        let span = |from: i32, to: i32, start: i32, end: i32, size: u32| {
            let (from, to) = (from.max(start), to.min(end));
            if from > to { 0..0 } else { (from - start) as u32 / size..(to - start) as u32 / size + 1 }
        };
        let rows = span(from.lat, to.lat, self.from.lat, self.to.lat, self.tile[1]);
        let columns = span(from.lng, to.lng, self.from.lng, self.to.lng, self.tile[0]);
        let across = self.columns;
        rows.flat_map(move |row| columns.clone().map(move |column| row as usize * across as usize + column as usize))
    }
}

/// Tiles over all polygons, which have about the shape that cells have in the middle.
fn tiling(polygons: &[(CellId, Polygon)]) -> Tiling {
    let (from, to) = bounds(polygons.iter().map(|(_, polygon)| polygon));
    let edge = |of: fn(&Polygon) -> i64| polygons.iter().map(move |(_, polygon)| of(polygon));
    let middle = |of: fn(&Polygon) -> i64| {
        let mut sizes: Vec<i64> = edge(of).collect();
        let half = sizes.len() / 2;
        let sizes = sizes.get_mut(..).filter(|sizes| !sizes.is_empty());
        sizes.map_or(1, |sizes| *sizes.select_nth_unstable(half).1).max(1) as f64
    };
    let (width, height) = (middle(|one| one.to.lng - one.from.lng), middle(|one| one.to.lat - one.from.lat));
    let (across, up) = ((to.lng - from.lng) as f64 / width, (to.lat - from.lat) as f64 / height);
    let wanted = (polygons.len() as f64 * TILES_PER_CELL).clamp(1.0, TILES_MAX as f64);
    // Cells across times cells up is how many there would be if all were of this size and filled the box.
    let share = (wanted / (across * up)).sqrt();
    let count = |cells: f64| (cells * share).ceil().clamp(1.0, wanted) as usize;
    // A tile has a middle.
    Tiling::new(from, to, count(across), count(up), 2 * MICRO)
}

fn tile_size(tiling: &Tiling) -> [u32; 2] {
    let (width, height) = tiling.tile_size();
    [(width / MICRO) as u32, (height / MICRO) as u32]
}
