//! Where areas are, for maps: the box around each, and its outline where cells are a raster.

use std::collections::BTreeMap;

use crate::city::{City, Grid};
use crate::geo::Point;
use crate::ids::{AreaId, CellId};

/// West, south, east, north, in degrees.
pub type Box4 = [f64; 4];
/// Closed: its last corner is its first. Longitude and latitude in degrees.
pub type Ring = Vec<[f64; 2]>;

/// Where an area is.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Ground {
    /// The box around its cells; none if it has none.
    pub bounds: Option<Box4>,
    /// Around its cells, and around what is not its own amid them; none where cells are drawn.
    pub outline: Vec<Ring>,
}

/// The box around two boxes.
pub fn around(one: Box4, other: Box4) -> Box4 {
    [one[0].min(other[0]), one[1].min(other[1]), one[2].max(other[2]), one[3].max(other[3])]
}

/// Where each area is. A cell is in the area of its middle.
pub fn grounds(city: &City) -> Vec<Ground> {
    let grid = &city.grid;
    let mut grounds = vec![Ground::default(); city.areas.len()];
    let mut sides = vec![Sides::default(); city.areas.len()];
    let areas = |cells: std::ops::Range<u32>| {
        cells
            .map(|cell| grid.locate_cell(CellId(cell)).map_or(AreaId::NONE, |located| located.area))
            .collect::<Vec<_>>()
    };
    // Row by row, so that a large raster takes no room.
    let columns = grid.columns().unwrap_or(grid.cells()).max(1);
    let row = |start: u32| if start < grid.cells() { areas(start..start + columns) } else { Vec::new() };
    let (mut below, mut own) = (Vec::new(), row(0));
    for start in (0..grid.cells()).step_by(columns as usize) {
        let above = row(start.saturating_add(columns));
        for (column, area) in own.iter().enumerate().filter(|(_, area)| area.is_some()) {
            let (from, to) = grid.corners(CellId(start + column as u32));
            let ground = &mut grounds[area.index()];
            let bounds = [from.lng, from.lat, to.lng, to.lat].map(degrees);
            ground.bounds = Some(ground.bounds.map_or(bounds, |known| around(known, bounds)));
            let beside = |row: &Vec<AreaId>, column: Option<usize>| column.and_then(|column| row.get(column)).copied();
            let (west, east) = (beside(&own, column.checked_sub(1)), beside(&own, Some(column + 1)));
            let (south, north) = (beside(&below, Some(column)), beside(&above, Some(column)));
            sides[area.index()].add((from, to), [south, east, north, west].map(|other| other != Some(*area)));
        }
        (below, own) = (own, above);
    }
    if matches!(grid, Grid::Raster(_)) {
        for (ground, sides) in grounds.iter_mut().zip(sides) {
            ground.outline = sides.rings();
        }
    }
    grounds
}

fn degrees(micro: i32) -> f64 {
    f64::from(micro) / 1e6
}

/// Sides of cells that others of the same area do not share, each from the corner from which the area lies to its left.
#[derive(Clone, Default)]
struct Sides {
    from: BTreeMap<(i32, i32), Vec<Point>>,
}

impl Sides {
    /// Those of a cell that lie open, of its south, east, north and west side.
    fn add(&mut self, (from, to): (Point, Point), open: [bool; 4]) {
        let corner = |lng, lat| Point { lng, lat };
        let round = [from, corner(to.lng, from.lat), to, corner(from.lng, to.lat), from];
        for (side, _) in round.windows(2).zip(open).filter(|(_, open)| *open) {
            self.from.entry((side[0].lat, side[0].lng)).or_default().push(side[1]);
        }
    }

    /// All sides one behind the other, those in one line as one.
    fn rings(mut self) -> Vec<Ring> {
        let mut rings = Vec::new();
        while let Some((&(lat, lng), _)) = self.from.first_key_value() {
            let first = Point { lng, lat };
            let (mut corners, mut at) = (vec![first], first);
            while let Some(next) = self.step(at) {
                if let [.., before, last] = corners[..]
                    && ((before.lng == last.lng && last.lng == next.lng)
                        || (before.lat == last.lat && last.lat == next.lat))
                {
                    corners.pop();
                }
                corners.push(next);
                at = next;
                if at == first {
                    break;
                }
            }
            rings.push(corners.iter().map(|corner| [corner.lng, corner.lat].map(degrees)).collect());
        }
        rings
    }

    fn step(&mut self, at: Point) -> Option<Point> {
        let std::collections::btree_map::Entry::Occupied(mut sides) = self.from.entry((at.lat, at.lng)) else {
            return None;
        };
        let next = sides.get_mut().pop();
        if sides.get().is_empty() {
            sides.remove();
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twice the area inside a ring, in square degrees; negative for a ring around what is not the area's own.
    fn twice(ring: &Ring) -> f64 {
        ring.windows(2).map(|side| side[0][0] * side[1][1] - side[1][0] * side[0][1]).sum()
    }

    #[test]
    fn outlines_go_around_all_cells_of_an_area_and_no_others() {
        let city = City::pudong();
        let grounds = grounds(&city);
        let mut cells = vec![0; city.areas.len()];
        for cell in (0..city.grid.cells()).map(CellId) {
            if let Some(located) = city.grid.locate_cell(cell) {
                cells[located.area.index()] += 1;
            }
        }
        let (width, height) = (1_970.0 / 1e6, 1_690.0 / 1e6);
        for (ground, cells) in grounds.iter().zip(cells) {
            assert!(ground.outline.iter().all(|ring| ring.len() > 4 && ring.first() == ring.last()));
            let inside: f64 = ground.outline.iter().map(|ring| twice(ring) / 2.0).sum();
            assert!((inside / (width * height) - f64::from(cells)).abs() < 0.5, "{inside} {cells}");
            let [west, south, east, north] = ground.bounds.expect("it has cells");
            let inside = |corner: &[f64; 2]| (west..=east).contains(&corner[0]) && (south..=north).contains(&corner[1]);
            assert!(ground.outline.iter().flatten().all(inside));
        }
        let of = |code| &grounds[city.area_by_code(code).expect("an area").index()];
        assert_eq!(of("310115005").outline.len(), 1);
        assert_eq!(of("310115139").outline.len(), 3, "two islands lie before its shore");
        let corners: usize = grounds.iter().flat_map(|ground| &ground.outline).map(Vec::len).sum();
        assert!(corners < 10_000, "{corners}");
    }
}
