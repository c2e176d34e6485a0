//! Borders of areas: polygons, and an index that finds the one that has a place.
//!
//! Everything is decided in whole numbers, so a place on a border is known to be on it, and the answer is the same on every
//! machine. A place belongs to the area that has it in its interior, else to one that has it on its border; of several to the
//! first in the city's table.

use super::tiling::Tiling;
use crate::geo::{FinePoint, Point};
use crate::ids::AreaId;

/// Where a place lies with regard to a polygon.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Side {
    Outside,
    Border,
    Inside,
}

/// From one corner to the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Edge {
    pub a: FinePoint,
    pub b: FinePoint,
}

impl Edge {
    /// Whether a place lies on it.
    pub(super) fn has(&self, place: FinePoint) -> bool {
        let Self { a, b } = *self;
        let between = |v: i64, one: i64, other: i64| v >= one.min(other) && v <= one.max(other);
        between(place.lng, a.lng, b.lng) && between(place.lat, a.lat, b.lat) && self.turn(place) == 0
    }

    /// Which side of the line through both ends a place is on: positive to the left of it.
    pub(super) fn turn(&self, place: FinePoint) -> i128 {
        let product = |x: i64, y: i64| i128::from(x) * i128::from(y);
        let Self { a, b } = *self;
        product(b.lng - a.lng, place.lat - a.lat) - product(place.lng - a.lng, b.lat - a.lat)
    }

    /// The longitude at which it passes a latitude between its ends, rounded down.
    pub(super) fn lng_at(&self, lat: i64) -> i64 {
        let Self { a, b } = *self;
        if a.lat == b.lat {
            return a.lng;
        }
        let along = i128::from(b.lng - a.lng) * i128::from(lat - a.lat);
        a.lng + along.div_euclid(i128::from(b.lat - a.lat)) as i64
    }
}

/// The rings of one polygon, outer and holes alike: what an odd number of them has around it is inside.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Polygon {
    area: AreaId,
    pub from: FinePoint,
    pub to: FinePoint,
    pub edges: Vec<Edge>,
    /// Bands of latitude, from the south: the edges that reach into each. `starts` has where those of a band begin.
    band_height: i64,
    starts: Vec<u32>,
    bands: Vec<u32>,
}

impl Polygon {
    /// Of closed rings, each of at least three corners.
    pub(super) fn new(area: AreaId, rings: &[Vec<FinePoint>]) -> Self {
        let corners = || rings.iter().flatten();
        let edges: Vec<Edge> =
            rings.iter().flat_map(|ring| ring.windows(2)).map(|pair| Edge { a: pair[0], b: pair[1] }).collect();
        let bound = |of: fn(&FinePoint) -> i64| {
            let all = || corners().map(of);
            (all().min().unwrap_or_default(), all().max().unwrap_or_default())
        };
        let ((west, east), (south, north)) = (bound(|corner| corner.lng), bound(|corner| corner.lat));
        let (from, to) = (FinePoint { lng: west, lat: south }, FinePoint { lng: east, lat: north });
        let mut polygon = Self { area, from, to, edges, band_height: 1, starts: Vec::new(), bands: Vec::new() };
        polygon.sort_into_bands();
        polygon
    }

    /// Chooses bands that hold few edges each, but not so many of them that long edges stand in them all.
    fn sort_into_bands(&mut self) {
        const ENTRIES_OF_EDGE_MAX: usize = 8;
        let height = self.to.lat - self.from.lat + 1;
        let mut count = (self.edges.len() as i64 / 2).max(1);
        loop {
            self.band_height = height / count + 1;
            let entries: usize = self.edges.iter().map(|edge| self.bands_of(edge).count()).sum();
            if entries <= self.edges.len() * ENTRIES_OF_EDGE_MAX || count == 1 {
                break;
            }
            count /= 2;
        }
        let bands = self.band(self.to.lat) + 1;
        let pairs = self
            .edges
            .iter()
            .enumerate()
            .flat_map(|(index, edge)| self.bands_of(edge).map(move |band| (band, index as u32)));
        (self.starts, self.bands) = grouped(pairs.collect(), bands);
    }

    fn band(&self, lat: i64) -> usize {
        ((lat - self.from.lat) / self.band_height) as usize
    }

    fn bands_of(&self, edge: &Edge) -> std::ops::RangeInclusive<usize> {
        self.band(edge.a.lat.min(edge.b.lat))..=self.band(edge.a.lat.max(edge.b.lat))
    }

    /// Counts the edges that a line to the west crosses. An edge has its lower end and not its upper one, so that a corner
    /// counts once.
    pub(super) fn side(&self, place: FinePoint) -> Side {
        let FinePoint { lng, lat } = place;
        if lng < self.from.lng || lng > self.to.lng || lat < self.from.lat || lat > self.to.lat {
            return Side::Outside;
        }
        let band = self.band(lat);
        let mut inside = false;
        for &index in &self.bands[self.starts[band] as usize..self.starts[band + 1] as usize] {
            let edge = &self.edges[index as usize];
            let Edge { a, b } = *edge;
            let passes = (a.lat > lat) != (b.lat > lat);
            if lng > a.lng.max(b.lng) {
                inside ^= passes;
            } else if lng >= a.lng.min(b.lng) && lat >= a.lat.min(b.lat) && lat <= a.lat.max(b.lat) {
                let turn = edge.turn(place);
                if turn == 0 {
                    return Side::Border;
                }
                inside ^= passes && (turn < 0) == (b.lat > a.lat);
            }
        }
        if inside { Side::Inside } else { Side::Outside }
    }
}

/// The south-west and north-east corner of the box around polygons; of none, nowhere in particular.
pub(super) fn bounds<'a>(polygons: impl Iterator<Item = &'a Polygon>) -> (FinePoint, FinePoint) {
    let around = |(from, to): (FinePoint, FinePoint), one: &Polygon| {
        let corner = |of: fn(i64, i64) -> i64, a: FinePoint, b: FinePoint| FinePoint {
            lng: of(a.lng, b.lng),
            lat: of(a.lat, b.lat),
        };
        (corner(i64::min, from, one.from), corner(i64::max, to, one.to))
    };
    let boxes = polygons.map(|one| (one, (one.from, one.to)));
    let whole = boxes.fold(None, |known: Option<_>, (one, own)| Some(known.map_or(own, |known| around(known, one))));
    whole.unwrap_or((FinePoint { lng: 0, lat: 0 }, FinePoint { lng: 0, lat: 0 }))
}

/// Pairs as a list of second parts, with where those of each first part begin, and the end.
fn grouped(mut pairs: Vec<(usize, u32)>, groups: usize) -> (Vec<u32>, Vec<u32>) {
    pairs.sort_unstable();
    let starts = (0..=groups).map(|group| pairs.partition_point(|(of, _)| *of < group) as u32).collect();
    (starts, pairs.into_iter().map(|(_, index)| index).collect())
}

/// All polygons of a city, with an index of tiles.
#[derive(Clone, PartialEq, Debug)]
pub struct Borders {
    /// In the order of their areas.
    polygons: Vec<Polygon>,
    tiling: Tiling,
    tiles: Vec<Tile>,
    /// The polygons that reach into each mixed tile, after one another; `starts` has where those of a tile begin.
    starts: Vec<u32>,
    reaching: Vec<u32>,
}

/// What is known of a tile: below [`MIXED`] the area that has all of it and alone, or [`AreaId::NONE`]; from there on the number of
/// a tile that has to be looked at more closely.
type Tile = u32;

const MIXED: Tile = 1 << 16;

impl Borders {
    /// Of at least one polygon.
    pub(super) fn new(mut polygons: Vec<Polygon>) -> Self {
        polygons.sort_by_key(|polygon| polygon.area);
        let (from, to) = bounds(polygons.iter());
        // About as many tiles as edges: more are mostly plain, fewer have many edges each.
        let edges: usize = polygons.iter().map(|polygon| polygon.edges.len()).sum();
        let tile_columns = (edges as f64).sqrt().ceil().clamp(32.0, 512.0) as usize;
        let tiling = Tiling::new(from, to, tile_columns, tile_columns, 1);
        let mut borders = Self { polygons, tiling, tiles: Vec::new(), starts: Vec::new(), reaching: Vec::new() };
        borders.lay_tiles();
        borders
    }

    fn lay_tiles(&mut self) {
        // For each tile the polygons that reach into it, and whether their border does.
        let mut reaching: Vec<(usize, u32, bool)> = Vec::new();
        for (index, polygon) in self.polygons.iter().enumerate() {
            let touched = self.tiling.touched(polygon);
            let covered = self.tiling.covered(polygon, &touched);
            reaching.extend(covered.into_iter().map(|tile| (tile, index as u32, false)));
            reaching.extend(touched.into_iter().map(|tile| (tile, index as u32, true)));
        }
        reaching.sort_unstable();
        self.tiles = vec![Tile::from(AreaId::NONE.0); self.tiling.len()];
        for group in reaching.chunk_by(|one, other| one.0 == other.0) {
            self.tiles[group[0].0] = match group {
                [(_, polygon, false)] => Tile::from(self.polygons[*polygon as usize].area.0),
                _ => {
                    self.starts.push(self.reaching.len() as u32);
                    self.reaching.extend(group.iter().map(|(_, polygon, _)| *polygon));
                    MIXED + self.starts.len() as u32 - 1
                }
            };
        }
        self.starts.push(self.reaching.len() as u32);
    }

    /// The south-west and north-east corner of all polygons.
    pub(super) fn bounds(&self) -> (Point, Point) {
        (self.tiling.from.rounded(), self.tiling.to.rounded())
    }

    #[inline]
    fn tile(&self, place: FinePoint) -> Tile {
        self.tiling.tile(place).map_or(Tile::from(AreaId::NONE.0), |tile| self.tiles[tile])
    }

    /// The polygons that reach into a mixed tile.
    fn reaching(&self, tile: Tile) -> impl Iterator<Item = &Polygon> {
        let mixed = (tile - MIXED) as usize;
        let these = &self.reaching[self.starts[mixed] as usize..self.starts[mixed + 1] as usize];
        these.iter().map(|polygon| &self.polygons[*polygon as usize])
    }

    /// The area of a place.
    #[inline]
    pub fn area(&self, place: FinePoint) -> Option<AreaId> {
        match self.tile(place) {
            plain if plain < MIXED => Some(AreaId(plain as u16)).filter(|area| area.is_some()),
            mixed => self.area_in(mixed, place),
        }
    }

    #[inline(never)]
    fn area_in(&self, mixed: Tile, place: FinePoint) -> Option<AreaId> {
        let mut on_border = None;
        for polygon in self.reaching(mixed) {
            match polygon.side(place) {
                Side::Inside => return Some(polygon.area),
                Side::Border => on_border = on_border.or(Some(polygon.area)),
                Side::Outside => {}
            }
        }
        on_border
    }

    /// Every area that has a place in its interior, in the order of the city's table; one of several polygons may come twice.
    pub(super) fn areas_inside(&self, place: FinePoint) -> impl Iterator<Item = AreaId> {
        let tile = self.tile(place);
        let plain = (tile < MIXED).then_some(AreaId(tile as u16)).filter(|area| area.is_some());
        let mixed = (tile >= MIXED).then(|| self.reaching(tile)).into_iter().flatten();
        plain.into_iter().chain(mixed.filter(move |one| one.side(place) == Side::Inside).map(|one| one.area))
    }

    /// Whether an area, its border included, has a place.
    pub fn has(&self, area: AreaId, place: FinePoint) -> bool {
        match self.tile(place) {
            plain if plain < MIXED => plain == Tile::from(area.0) && area.is_some(),
            mixed => self.reaching(mixed).any(|one| one.area == area && one.side(place) != Side::Outside),
        }
    }

    /// Every edge, with the area that it bounds.
    pub(super) fn edges(&self) -> impl Iterator<Item = (AreaId, Edge)> {
        self.polygons.iter().flat_map(|polygon| polygon.edges.iter().map(|edge| (polygon.area, *edge)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Ring = Vec<(i64, i64)>;
    /// Polygons with the number of their area.
    type Map = Vec<(u16, Vec<Ring>)>;

    /// Polygons of rings of small numbers, which are closed and made larger.
    fn drawn(shapes: &[(u16, Vec<Ring>)], scale: i64) -> Vec<(AreaId, Vec<Vec<FinePoint>>)> {
        let corner = |&(x, y): &(i64, i64)| FinePoint { lng: x * scale - 5, lat: y * scale + 3 };
        let ring = |ring: &Ring| ring.iter().chain(ring.first()).map(corner).collect();
        shapes.iter().map(|(area, rings)| (AreaId(*area), rings.iter().map(ring).collect())).collect()
    }

    /// The side of a place by looking at every edge, and along a line to the north instead of the west.
    fn side(rings: &[Vec<FinePoint>], place: FinePoint) -> Side {
        let mut inside = false;
        for pair in rings.iter().flat_map(|ring| ring.windows(2)) {
            let (a, b) = (pair[0], pair[1]);
            let [ax, ay, bx, by, x, y] = [a.lng, a.lat, b.lng, b.lat, place.lng, place.lat].map(i128::from);
            let cross = (bx - ax) * (y - ay) - (x - ax) * (by - ay);
            if cross == 0 && (x - ax) * (x - bx) <= 0 && (y - ay) * (y - by) <= 0 {
                return Side::Border;
            }
            // It passes north of the place if, on the way to the east, the place is on its right.
            inside ^= (ax > x) != (bx > x) && (cross < 0) == (bx > ax);
        }
        if inside { Side::Inside } else { Side::Outside }
    }

    /// Checks all that borders say of a place against the sides of all polygons.
    fn check(borders: &Borders, shapes: &[(AreaId, Vec<Vec<FinePoint>>)], place: FinePoint) {
        let areas = |wanted: Side| {
            let these = shapes.iter().filter(move |(_, rings)| side(rings, place) == wanted);
            these.map(|(area, _)| *area)
        };
        let expected = areas(Side::Inside).min().or(areas(Side::Border).min());
        assert_eq!(borders.area(place), expected, "{place:?}");
        let (mut ours, mut theirs) =
            (borders.areas_inside(place).collect::<Vec<_>>(), Vec::from_iter(areas(Side::Inside)));
        ours.dedup();
        theirs.sort_unstable();
        theirs.dedup();
        assert_eq!(ours, theirs, "{place:?}");
        for area in (0..5).map(AreaId) {
            let has = areas(Side::Inside).chain(areas(Side::Border)).any(|other| other == area);
            assert_eq!(borders.has(area, place), has, "{area:?} {place:?}");
        }
    }

    /// Checks a map at every corner, beside every corner, along every edge, and all over.
    fn check_map(shapes: &[(u16, Vec<Ring>)], scale: i64) {
        let shapes = drawn(shapes, scale);
        let borders = Borders::new(shapes.iter().map(|(area, rings)| Polygon::new(*area, rings)).collect());
        for pair in shapes.iter().flat_map(|(_, rings)| rings).flat_map(|ring| ring.windows(2)) {
            for share in 0..=4 {
                let along = |a: i64, b: i64| a + (b - a) / 4 * share;
                for (x, y) in [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1)] {
                    let place = FinePoint {
                        lng: along(pair[0].lng, pair[1].lng) + x,
                        lat: along(pair[0].lat, pair[1].lat) + y,
                    };
                    check(&borders, &shapes, place);
                }
            }
        }
        let (from, to) = (borders.tiling.from, borders.tiling.to);
        for (x, y) in (-1..=13).flat_map(|x| (-1..=13).map(move |y| (x, y))) {
            let part = |from: i64, to: i64, part: i64| {
                from + ((i128::from(to) - i128::from(from)) * i128::from(part) / 12) as i64
            };
            check(&borders, &shapes, FinePoint { lng: part(from.lng, to.lng, x), lat: part(from.lat, to.lat, y) });
        }
        for extreme in [FinePoint { lng: i64::MAX, lat: i64::MIN }, FinePoint { lng: i64::MIN, lat: i64::MAX }] {
            assert_eq!(borders.area(extreme), None);
        }
    }

    #[test]
    fn nasty_maps() {
        let square = |x: i64, y: i64, size: i64| vec![(x, y), (x + size, y), (x + size, y + size), (x, y + size)];
        let maps: [(&str, Map); 10] = [
            ("neighbours share an edge", vec![(1, vec![square(0, 0, 4)]), (0, vec![square(4, 0, 4)])]),
            ("corners touch", vec![(0, vec![square(0, 0, 4)]), (1, vec![square(4, 4, 4)])]),
            (
                "one in the hole of another",
                vec![(2, vec![square(0, 0, 9), square(3, 3, 3)]), (1, vec![square(3, 3, 3)])],
            ),
            (
                "one over another",
                vec![(3, vec![square(0, 0, 9)]), (1, vec![square(2, 2, 3)]), (2, vec![square(4, 4, 3)])],
            ),
            ("a hole that touches the outer ring", vec![(0, vec![square(0, 0, 8), vec![(0, 4), (4, 2), (4, 6)]])]),
            (
                "a spike and corners twice",
                vec![(0, vec![vec![(0, 0), (6, 0), (6, 0), (6, 6), (12, 6), (6, 6), (0, 6)]])],
            ),
            ("a sliver", vec![(0, vec![vec![(0, 0), (12, 1), (12, 2)]]), (1, vec![vec![(0, 0), (12, 1), (12, 0)]])]),
            ("a figure of eight", vec![(0, vec![vec![(0, 0), (8, 8), (8, 0), (0, 8)]])]),
            (
                "two polygons of one area",
                vec![(4, vec![square(0, 0, 4)]), (4, vec![square(4, 0, 4)]), (0, vec![square(3, 3, 2)])],
            ),
            ("no ground at all", vec![(0, vec![vec![(0, 0), (12, 12), (6, 6)]]), (1, vec![square(7, 1, 2)])]),
        ];
        for (name, map) in &maps {
            for scale in [1, 7, 1001, 13_000_000_000] {
                println!("{name}, {scale}");
                check_map(map, scale);
            }
        }
    }

    #[test]
    fn a_polygon_of_many_long_edges_has_few_bands() {
        let comb = (0..2000).map(|x| FinePoint { lng: x * 1000, lat: if x % 2 == 0 { 0 } else { 1_000_000 } });
        let ring: Vec<FinePoint> =
            comb.chain([FinePoint { lng: 0, lat: -1000 }, FinePoint { lng: 0, lat: 0 }]).collect();
        let polygon = Polygon::new(AreaId(0), std::slice::from_ref(&ring));
        assert!(polygon.bands.len() <= 9 * ring.len(), "{}", polygon.bands.len());
        let borders = Borders::new(vec![polygon]);
        for lng in (-500..2_001_000).step_by(777) {
            let place = FinePoint { lng, lat: lng % 900_001 };
            check(&borders, &[(AreaId(0), vec![ring.clone()])], place);
        }
    }

    proptest! {
        #[test]
        fn maps_of_any_rings(
            map in prop::collection::vec(
                (0u16..5, prop::collection::vec(prop::collection::vec((0i64..13, 0i64..13), 3..9), 1..4)),
                1..6,
            ),
            scale in prop::sample::select(vec![1, 5, 64, 977, 10_000_019, 13_000_000_000]),
        ) {
            check_map(&map, scale);
        }
    }
}
