//! A knot: the cells that reach into a tile and the borders that pass through it, gathered while the index is built.

use super::border::{Edge, Polygon, Side};
use super::tile::{REFERENCES, SIZE_MAX};
use crate::geo::{FinePoint, Point};
use crate::ids::CellId;

/// What meets in a tile.
pub(super) struct Knot<'a> {
    middle: Point,
    reference: Point,
    /// Which of [`REFERENCES`] that is, if one.
    pub reference_number: Option<usize>,
    pub members: Vec<Member<'a>>,
}

/// A cell that reaches into a tile.
pub(super) struct Member<'a> {
    pub cell: CellId,
    pub edges: Vec<&'a Edge>,
    pub has_reference: bool,
}

/// Micro-degrees of a corner, which has whole ones.
fn micro(corner: FinePoint) -> [i64; 2] {
    let point = corner.rounded();
    [i64::from(point.lng), i64::from(point.lat)]
}

impl<'a> Knot<'a> {
    /// Of the tile with this corner and size, and the cells that reach into it.
    pub(super) fn new(corner: Point, size: [u32; 2], cells: impl Iterator<Item = (CellId, &'a Polygon)>) -> Self {
        let cells: Vec<_> = cells.collect();
        let far = Point { lng: corner.lng + size[0] as i32, lat: corner.lat + size[1] as i32 };
        let middle = Point { lng: corner.lng + (size[0] / 2) as i32, lat: corner.lat + (size[1] / 2) as i32 };
        let reaching = |(cell, polygon): &(CellId, &'a Polygon)| {
            let edges = polygon.edges.iter().filter(|edge| reaches(edge, corner, far)).collect();
            Member { cell: *cell, edges, has_reference: false }
        };
        let mut members: Vec<Member<'a>> = cells.iter().map(reaching).collect();
        let free = |point: &Point| {
            let place = FinePoint::from(*point);
            !members.iter().flat_map(|member| &member.edges).any(|edge| edge.has(place))
        };
        let around = REFERENCES.map(|[x, y]| Point { lng: middle.lng + i32::from(x), lat: middle.lat + i32::from(y) });
        let small = size[0].max(size[1]) < SIZE_MAX && size[0].min(size[1]) >= 9;
        let reference_number = if small { around.iter().position(free) } else { None };
        let reference = match reference_number {
            Some(number) => around[number],
            None => {
                // Every place that was tried lies on a border, or the tile is large: from outside of everything, all edges count.
                for (member, (_, polygon)) in members.iter_mut().zip(&cells) {
                    member.edges = polygon.edges.iter().collect();
                }
                let from = |of: fn(Point) -> i32| {
                    cells.iter().map(|(_, polygon)| of(polygon.from.rounded())).min().unwrap_or_default() - 1
                };
                Point { lng: from(|point| point.lng), lat: from(|point| point.lat) }
            }
        };
        for (member, (_, polygon)) in members.iter_mut().zip(&cells) {
            member.has_reference = polygon.side(reference.into()) == Side::Inside;
        }
        Self { middle, reference, reference_number, members }
    }

    /// From the middle to the reference point.
    pub(super) fn offset(&self) -> [i64; 2] {
        [
            i64::from(self.reference.lng) - i64::from(self.middle.lng),
            i64::from(self.reference.lat) - i64::from(self.middle.lat),
        ]
    }

    /// The ends of an edge, the same whichever way it is drawn.
    pub(super) fn ends_of(&self, edge: &Edge) -> [[i64; 2]; 2] {
        let [x, y] = [i64::from(self.reference.lng), i64::from(self.reference.lat)];
        [edge.a.min(edge.b), edge.a.max(edge.b)].map(micro).map(|[end_x, end_y]| [end_x - x, end_y - y])
    }
}

/// Whether an edge may have a place in a box.
fn reaches(edge: &Edge, from: Point, to: Point) -> bool {
    let (from, to) = (FinePoint::from(from), FinePoint::from(to));
    let Edge { a, b } = *edge;
    let apart = a.lng.max(b.lng) < from.lng
        || a.lng.min(b.lng) > to.lng
        || a.lat.max(b.lat) < from.lat
        || a.lat.min(b.lat) > to.lat;
    let corners = [(from.lng, from.lat), (to.lng, from.lat), (from.lng, to.lat), (to.lng, to.lat)];
    let mut turns = corners.into_iter().map(|(lng, lat)| edge.turn(FinePoint { lng, lat }).signum());
    let first = turns.next().unwrap_or_default();
    !apart && (first == 0 || turns.any(|turn| turn != first))
}
