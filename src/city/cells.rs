//! Cells that are polygons: 单元网格 as a survey drew them, in micro-degrees.
//!
//! Their codes are given once and for ever. A cell that was closed keeps its code and its outline, so that what was said about it
//! can still be shown; it has no ground any more, and a report that names it lies in the cell that is there now.

use rayon::prelude::*;

use super::Located;
use super::border::{Edge, Polygon, Side};
use super::tiles::{Tiles, TooDeep};
use crate::geo::{FINE, FinePoint, Point};
use crate::ids::{AreaId, CellId};

/// A cell as it was drawn.
pub(super) struct DrawnCell {
    pub code: Box<str>,
    pub area: AreaId,
    /// Closed rings, outer and holes alike.
    pub rings: Vec<Vec<Point>>,
    pub is_closed: bool,
}

/// The cells, by code, and the index of those that are open.
#[derive(Clone, PartialEq, Debug)]
pub struct Cells {
    /// Codes after one another, in order.
    codes: String,
    table: Vec<Cell>,
    /// Corners of all rings after one another, and where each ring ends.
    corners: Vec<Point>,
    rings: Vec<u32>,
    tiles: Tiles,
    snap_cm: u32,
}

#[derive(Clone, Copy, PartialEq, Debug)]
struct Cell {
    code_end: u32,
    rings_end: u32,
    area: AreaId,
    is_closed: bool,
    /// A place in its interior.
    inside: Point,
    /// South-west and north-east corner of the box around it.
    from: Point,
    to: Point,
}

impl Cells {
    /// Of cells in the order of their codes, which all differ, and at least one of which is open. A place that no cell has is
    /// taken to be in the nearest one, if that is not further away than `snap_cm`.
    ///
    /// # Errors
    /// If cells lie over each other too deeply.
    pub(super) fn new(drawn: &[DrawnCell], snap_cm: u32) -> Result<Self, TooDeep> {
        let ids = (0..drawn.len() as u32).map(CellId);
        let polygons: Vec<(CellId, Polygon)> = drawn
            .par_iter()
            .zip(ids.collect::<Vec<_>>())
            .map(|(cell, id)| {
                let fine = |ring: &Vec<Point>| ring.iter().map(|corner| FinePoint::from(*corner)).collect();
                (id, Polygon::new(cell.area, &cell.rings.iter().map(fine).collect::<Vec<_>>()))
            })
            .collect();
        let (mut code_end, mut ring_end) = (0, 0);
        let (mut table, mut rings) = (Vec::with_capacity(drawn.len()), Vec::new());
        for (cell, (_, polygon)) in drawn.iter().zip(&polygons) {
            code_end += cell.code.len() as u32;
            rings.extend(cell.rings.iter().map(|ring| {
                ring_end += ring.len() as u32;
                ring_end
            }));
            table.push(Cell {
                code_end,
                rings_end: rings.len() as u32,
                area: cell.area,
                is_closed: cell.is_closed,
                inside: inside(polygon),
                from: polygon.from.rounded(),
                to: polygon.to.rounded(),
            });
        }
        let open: Vec<_> =
            polygons.into_iter().zip(drawn).filter(|(_, cell)| !cell.is_closed).map(|(polygon, _)| polygon).collect();
        Ok(Self {
            codes: drawn.iter().map(|cell| &*cell.code).collect(),
            table,
            corners: drawn.iter().flat_map(|cell| &cell.rings).flatten().copied().collect(),
            rings,
            tiles: Tiles::lay(&open)?,
            snap_cm,
        })
    }

    /// How many there are, closed ones included.
    pub fn count(&self) -> usize {
        self.table.len()
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.table.iter().filter(|cell| !cell.is_closed).count()
    }

    /// Bytes of memory that look-ups read.
    pub fn index_bytes(&self) -> usize {
        self.tiles.bytes()
    }

    /// The cell that has a place, or the nearest one within the distance that the city gives.
    #[inline]
    pub fn cell(&self, place: Point) -> Option<CellId> {
        self.tiles.cell(place).or_else(|| self.nearest(place))
    }

    /// The same for many places.
    pub fn cells<'a>(&'a self, places: &'a [Point]) -> impl Iterator<Item = Option<CellId>> + 'a {
        self.tiles.cells(places).zip(places).map(|(cell, place)| cell.or_else(|| self.nearest(*place)))
    }

    #[cold]
    fn nearest(&self, place: Point) -> Option<CellId> {
        (self.snap_cm > 0).then(|| self.tiles.nearest(place, self.snap_cm)).flatten()
    }

    /// Whether a cell was closed.
    pub fn is_closed(&self, cell: CellId) -> bool {
        self.table[cell.index()].is_closed
    }

    /// Where a place lies.
    #[inline]
    pub(super) fn locate(&self, place: Point) -> Option<Located> {
        self.cell(place).map(|cell| self.located(cell))
    }

    /// Where many places lie.
    pub(super) fn locate_all<'a>(&'a self, places: &'a [Point]) -> impl Iterator<Item = Option<Located>> + 'a {
        self.cells(places).map(|cell| cell.map(|cell| self.located(cell)))
    }

    /// Where something lies that is only known to be in a cell: for a closed one, where that is now.
    #[inline]
    pub(super) fn locate_cell(&self, cell: CellId) -> Option<Located> {
        let known = &self.table[cell.index()];
        if known.is_closed { self.locate(known.inside) } else { Some(self.located(cell)) }
    }

    #[inline]
    fn located(&self, cell: CellId) -> Located {
        Located { cell, area: self.table[cell.index()].area }
    }

    /// A place in the interior of a cell.
    pub(super) fn inside(&self, cell: CellId) -> Point {
        self.table[cell.index()].inside
    }

    /// South-west and north-east corner of the box around a cell.
    pub(super) fn corners(&self, cell: CellId) -> (Point, Point) {
        let Cell { from, to, .. } = self.table[cell.index()];
        (from, to)
    }

    /// South-west and north-east corner of the box around all open cells.
    pub(super) const fn bounds(&self) -> (Point, Point) {
        self.tiles.bounds()
    }

    /// The rings of a cell, closed.
    pub fn outline(&self, cell: CellId) -> impl Iterator<Item = &[Point]> {
        let from = cell.index().checked_sub(1).map_or(0, |before| self.table[before].rings_end) as usize;
        (from..self.table[cell.index()].rings_end as usize).map(|ring| {
            let from = ring.checked_sub(1).map_or(0, |before| self.rings[before]) as usize;
            &self.corners[from..self.rings[ring] as usize]
        })
    }

    /// A cell's code.
    #[inline]
    pub fn code(&self, cell: CellId) -> &str {
        self.code_at(cell.index())
    }

    #[inline]
    fn code_at(&self, index: usize) -> &str {
        let from = index.checked_sub(1).map_or(0, |before| self.table[before].code_end) as usize;
        &self.codes[from..self.table[index].code_end as usize]
    }

    /// The cell of a code.
    pub fn by_code(&self, code: &str) -> Option<CellId> {
        let (mut from, mut to) = (0, self.table.len());
        while from < to {
            let middle = from.midpoint(to);
            match self.code_at(middle).cmp(code) {
                std::cmp::Ordering::Equal => return Some(CellId(middle as u32)),
                std::cmp::Ordering::Less => from = middle + 1,
                std::cmp::Ordering::Greater => to = middle,
            }
        }
        None
    }
}

/// A place in the interior of a polygon: the middle of the widest stretch of it at half its height, or what comes nearest to that
/// where it is too thin there to have a whole micro-degree.
fn inside(polygon: &Polygon) -> Point {
    const PARTS: i64 = 64;
    let height = polygon.to.lat - polygon.from.lat;
    let mut found = (0..PARTS).filter_map(|step| {
        let part = PARTS / 2 + outwards(step);
        let lat = FinePoint { lng: 0, lat: polygon.from.lat + height * part / PARTS };
        inside_at(polygon, FinePoint::from(lat.rounded()).lat)
    });
    // A sliver may have no whole micro-degree at all; then a corner stands for it.
    found.next().unwrap_or_else(|| polygon.edges[0].a.rounded())
}

/// A place in the interior of a polygon at a latitude, in whole micro-degrees.
fn inside_at(polygon: &Polygon, lat: i64) -> Option<Point> {
    /// So many places of a narrow stretch are tried.
    const TRIED: i64 = 64;
    let crosses = |edge: &&Edge| (edge.a.lat > lat) != (edge.b.lat > lat);
    let mut crossings: Vec<i64> = polygon.edges.iter().filter(crosses).map(|edge| edge.lng_at(lat)).collect();
    crossings.sort_unstable();
    let mut stretches: Vec<(i64, i64)> = crossings.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    stretches.sort_by_key(|(from, to)| from - to);
    stretches.into_iter().find_map(|(from, to)| {
        let middle = from.midpoint(to).div_euclid(FINE);
        let within = |lng: &i64| (from..=to).contains(&(lng * FINE));
        (0..TRIED).map(|step| middle + outwards(step)).filter(within).find_map(|lng| {
            let place = FinePoint { lng: lng * FINE, lat };
            (polygon.side(place) == Side::Inside).then(|| place.rounded())
        })
    })
}

/// From the middle to both sides in turns: 0, -1, 1, -2, …
const fn outwards(step: i64) -> i64 {
    if step % 2 == 0 { step / 2 } else { -(step + 1) / 2 }
}
