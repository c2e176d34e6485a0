//! A raster of tiles laid over a drawing, so that a place is looked for among the few edges near it.

use super::border::{Edge, Polygon, Side};
use crate::geo::FinePoint;

/// Equal tiles over a box, row by row from the south-west.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Tiling {
    pub from: FinePoint,
    pub to: FinePoint,
    tile_width: u64,
    tile_height: u64,
    columns: usize,
    rows: usize,
}

impl Tiling {
    /// Over a box, its edges included, with about so many columns and rows of tiles, whose sizes are multiples of a unit.
    pub(super) fn new(from: FinePoint, to: FinePoint, columns: usize, rows: usize, unit: u64) -> Self {
        let (width, height) = ((to.lng - from.lng) as u64, (to.lat - from.lat) as u64);
        let size = |length: u64, count: usize| (length / count as u64 + 1).next_multiple_of(unit);
        let (tile_width, tile_height) = (size(width, columns), size(height, rows));
        let columns = (width / tile_width) as usize + 1;
        let rows = (height / tile_height) as usize + 1;
        Self { from, to, tile_width, tile_height, columns, rows }
    }

    /// Tiles from west to east.
    pub(super) const fn columns(&self) -> u32 {
        self.columns as u32
    }

    /// Number of tiles.
    pub(super) const fn len(&self) -> usize {
        self.columns * self.rows
    }

    /// Width and height of a tile.
    pub(super) const fn tile_size(&self) -> (u64, u64) {
        (self.tile_width, self.tile_height)
    }

    /// The tile of a place; none outside the box.
    #[inline]
    pub(super) fn tile(&self, place: FinePoint) -> Option<usize> {
        let FinePoint { lng, lat } = place;
        let inside = lng >= self.from.lng && lng <= self.to.lng && lat >= self.from.lat && lat <= self.to.lat;
        inside.then(|| self.row(lat) * self.columns + self.column(lng))
    }

    fn column(&self, lng: i64) -> usize {
        ((lng - self.from.lng) as u64 / self.tile_width) as usize
    }

    fn row(&self, lat: i64) -> usize {
        ((lat - self.from.lat) as u64 / self.tile_height) as usize
    }

    /// The south-west corner of a tile.
    fn corner(&self, row: usize, column: usize) -> FinePoint {
        FinePoint {
            lng: self.from.lng + (column as u64 * self.tile_width) as i64,
            lat: self.from.lat + (row as u64 * self.tile_height) as i64,
        }
    }

    /// The south-west corner of a tile by its number.
    pub(super) fn corner_of(&self, tile: usize) -> FinePoint {
        self.corner(tile / self.columns, tile % self.columns)
    }

    /// The tiles that an edge reaches into, and perhaps a few beside them.
    pub(super) fn tiles_of(&self, edge: &Edge) -> impl Iterator<Item = usize> + use<'_> {
        let Edge { a, b } = *edge;
        let (south, north) = (a.lat.min(b.lat), a.lat.max(b.lat));
        let (west, east) = (a.lng.min(b.lng), a.lng.max(b.lng));
        let edge = *edge;
        (self.row(south)..=self.row(north)).flat_map(move |row| {
            let (low, high) = (self.corner(row, 0).lat.max(south), self.corner(row + 1, 0).lat.min(north));
            let (mut from, mut to) = (west, east);
            // Where it climbs, only the part within the row counts; a horizontal edge is all there.
            if south < north {
                let ends = [edge.lng_at(low), edge.lng_at(high)];
                from = ends[0].min(ends[1]).max(west);
                to = (ends[0].max(ends[1]) + 1).min(east);
            }
            (self.column(from)..=self.column(to)).map(move |column| row * self.columns + column)
        })
    }

    /// How many tiles the box around a polygon reaches into.
    pub(super) fn tiles_around(&self, polygon: &Polygon) -> usize {
        let (from, to) = (polygon.from, polygon.to);
        (self.column(to.lng) - self.column(from.lng) + 1) * (self.row(to.lat) - self.row(from.lat) + 1)
    }

    /// The tiles that the border of a polygon reaches into, in order.
    pub(super) fn touched(&self, polygon: &Polygon) -> Vec<usize> {
        let mut touched: Vec<usize> = polygon.edges.iter().flat_map(|edge| self.tiles_of(edge)).collect();
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    /// The tiles that lie wholly in a polygon, given those that its border reaches into: between two of these in a row, all
    /// tiles are on the same side.
    pub(super) fn covered(&self, polygon: &Polygon, touched: &[usize]) -> Vec<usize> {
        let mut covered = Vec::new();
        let columns = self.column(polygon.from.lng)..=self.column(polygon.to.lng);
        for row in self.row(polygon.from.lat)..=self.row(polygon.to.lat) {
            let mut inside = None;
            for column in columns.clone() {
                let tile = row * self.columns + column;
                if touched.binary_search(&tile).is_ok() {
                    inside = None;
                } else if *inside.get_or_insert_with(|| polygon.side(self.corner(row, column)) == Side::Inside) {
                    covered.push(tile);
                }
            }
        }
        covered
    }
}
