//! The outline of the district: closed rings of corners in micro-degrees.

use super::{millionths, rows};
use crate::pudong::Spot;

/// Closed rings, none inside another.
pub(super) struct Outline {
    /// The sides of all.
    sides: Vec<(Spot, Spot)>,
}

impl Outline {
    /// Of a table of corners.
    pub(super) fn of(table: &'static str) -> Self {
        let corners: Vec<_> =
            rows(table).map(|[ring, lng, lat]| (ring, Spot { lng: millionths(lng), lat: millionths(lat) })).collect();
        let sides = corners.windows(2).filter(|pair| pair[0].0 == pair[1].0);
        Self { sides: sides.map(|pair| (pair[0].1, pair[1].1)).collect() }
    }

    /// Whether a place lies inside: an odd number of sides lies east of it.
    pub(super) fn has(&self, place: Spot) -> bool {
        self.sides.iter().filter(|side| is_east(**side, place)).count() % 2 == 1
    }
}

/// Whether the way from a place to the east crosses a side. Of its ends only the southern one is the side's own.
fn is_east((from, to): (Spot, Spot), place: Spot) -> bool {
    let (south, north) = if from.lat < to.lat { (from, to) } else { (to, from) };
    if !(south.lat..north.lat).contains(&place.lat) {
        return false;
    }
    let span = |from: i32, to: i32| i64::from(to) - i64::from(from);
    let across = span(south.lng, north.lng) * span(south.lat, place.lat);
    across > span(south.lng, place.lng) * span(south.lat, north.lat)
}
