//! Seams: where borders of areas do not fit. Maps that were drawn area by area leave slits between neighbours, and lay one over
//! the other; a place in a slit has no area, and one in an overlap has two. A city works all the same, so this is told, not
//! refused.

use std::collections::BTreeMap;
use std::f64::consts::PI;
use std::fmt;

use super::Named;
use super::border::{Borders, Edge};
use crate::geo::FinePoint;
use crate::ids::AreaId;

/// Something about a city that its people should know.
#[derive(Clone, PartialEq, Debug)]
pub enum Warning {
    /// Between two areas lies ground that is no area's.
    Gap(Seam),
    /// Two areas have the same ground.
    Overlap(Seam),
}

/// Where two areas do not fit.
#[derive(Clone, PartialEq, Debug)]
pub struct Seam {
    /// The codes of both.
    pub areas: [Box<str>; 2],
    /// How many probes along their borders found it.
    pub probes: u32,
    /// One of the places.
    pub at: FinePoint,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (words, seam) = match self {
            Self::Gap(seam) => ("片区之间有空隙 a gap between areas", seam),
            Self::Overlap(seam) => ("片区重叠 an overlap of areas", seam),
        };
        let ([one, other], (lng, lat)) = (&seam.areas, seam.at.degrees());
        write!(f, "{words} {one} / {other}: {} ×, for example at {lng:.7} {lat:.7}", seam.probes)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Gap,
    Overlap,
}

/// Beside a border, in nano-degrees of latitude: 0.1 m. What is narrower is an accident of drawing that nobody can stand in.
const BESIDE: f64 = 1000.0;
/// How far beyond a slit the next area may begin, as multiples of that: 50 m.
const BEYOND: [f64; 9] = [2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 450.0];
/// Most probes along one edge.
const PROBES_MAX: i64 = 1000;

/// Looks beside every edge, in its middle and at least once in every cell that it passes, for places with no area or two.
pub(super) fn find(borders: &Borders, named: &[Named], cell_size: (u32, u32)) -> Vec<Warning> {
    let mut found: BTreeMap<(Kind, AreaId, AreaId), (u32, FinePoint)> = BTreeMap::new();
    let mut note = |kind, one: AreaId, other: AreaId, at| {
        found.entry((kind, one.min(other), one.max(other))).or_insert((0, at)).0 += 1;
    };
    for (own, edge) in borders.edges() {
        for (middle, aside) in probes(&edge, cell_size) {
            for side in [-1.0, 1.0] {
                let beside = |times: f64| FinePoint {
                    lng: middle.lng + (aside.0 * side * times) as i64,
                    lat: middle.lat + (aside.1 * side * times) as i64,
                };
                let place = beside(1.0);
                let inside: Vec<AreaId> = borders.areas_inside(place).collect();
                if inside.contains(&own) {
                    inside
                        .iter()
                        .filter(|other| **other != own)
                        .for_each(|other| note(Kind::Overlap, own, *other, place));
                } else if inside.is_empty() && borders.area(place).is_none() {
                    let next = BEYOND.into_iter().find_map(|times| borders.area(beside(times)));
                    next.into_iter().filter(|next| *next != own).for_each(|next| note(Kind::Gap, own, next, place));
                }
            }
        }
    }
    let code = |area: AreaId| named[area.index()].code.clone();
    let warning = |((kind, one, other), (probes, at))| {
        let seam = Seam { areas: [code(one), code(other)], probes, at };
        match kind {
            Kind::Gap => Warning::Gap(seam),
            Kind::Overlap => Warning::Overlap(seam),
        }
    };
    let mut found: Vec<_> = found.into_iter().collect();
    // The longest first: whoever reads only some should read those.
    found.sort_by_key(|(_, (probes, _))| std::cmp::Reverse(*probes));
    found.into_iter().map(warning).collect()
}

/// Places along an edge, each with the way to go to be beside it, in nano-degrees.
fn probes(edge: &Edge, cell_size: (u32, u32)) -> impl Iterator<Item = (FinePoint, (f64, f64))> + use<> {
    let Edge { a, b } = *edge;
    let (east, north) = (b.lng - a.lng, b.lat - a.lat);
    let cells = |length: i64, cell: u32| length.abs() / (i64::from(cell.max(1)) * 1000);
    let count = match (east, north) {
        (0, 0) => 0,
        _ => (cells(east, cell_size.0).max(cells(north, cell_size.1)) + 1).min(PROBES_MAX),
    };
    // The way aside is across the edge on the ground, where a degree of longitude is shorter.
    let shorter = libm::cos(a.lat as f64 / 1e9 * PI / 180.0).max(0.01);
    let (x, y) = (east as f64 * shorter, north as f64);
    let length = libm::hypot(x, y);
    let aside = (-y / length * BESIDE / shorter, x / length * BESIDE);
    (0..count).map(move |index| {
        let along = |length: i64| (i128::from(length) * i128::from(2 * index + 1) / i128::from(2 * count)) as i64;
        (FinePoint { lng: a.lng + along(east), lat: a.lat + along(north) }, aside)
    })
}
