//! Where things happen, and where reports say that they happen.

use std::f64::consts::PI;

use crate::rehearsal::pudong::{CellId, PUDONG, Spot};
use crate::rehearsal::rng::{Rng, Weighted};

/// Cells where half of all reports lie, by Zipf's law with exponent 1.
const HOT_CELLS: u64 = 8_000;
/// The hottest, in the north-west, where the district is densest: so many cells lie south of it, or west in its row.
const HOT_FIRST: u64 = 36_263;
/// Prime to the number of cells, so that ranks scatter over the whole city and never meet.
const HOT_STRIDE: u64 = 26_249;
/// One, as a weight.
const ONE: u64 = 1 << 40;

/// Draws cells as an ordinary day has them.
pub struct Places {
    ranks: Weighted,
}

impl Places {
    /// Flattened at the top as real hot spots are: the first has 4 % of the hot half.
    pub fn new() -> Self {
        Self { ranks: Weighted::new(HOT_CELLS, |rank| ONE / (rank + 3)) }
    }

    /// A cell.
    #[inline]
    pub fn cell(&self, rng: &mut Rng) -> CellId {
        let cells = PUDONG.grid.cells();
        if rng.below(2) == 0 { hot(self.ranks.draw(rng) as u64) } else { PUDONG.grid.nth(rng.below(cells)) }
    }
}

/// The cell of a rank.
pub fn hot(rank: u64) -> CellId {
    PUDONG.grid.nth(((HOT_FIRST + rank * HOT_STRIDE) % u64::from(PUDONG.grid.cells())) as u32)
}

/// The way of a typhoon's eye.
#[derive(Clone, Copy, Debug)]
pub struct Track {
    /// Where it is at the first of its seconds.
    pub from: Spot,
    /// Where it is at the last.
    pub to: Spot,
    /// Its seconds, of the profile's clock.
    pub seconds: (f64, f64),
    /// How far from the eye it does harm, in micro-degrees each way.
    pub reach: u32,
}

impl Track {
    /// A place of the district that it harms at a moment, and its cell: nearer to the eye more often. None if the sea has
    /// all that was drawn.
    pub fn harmed(&self, at_s: f64, rng: &mut Rng) -> Option<(CellId, Spot)> {
        let in_district = |spot| Some((PUDONG.grid.cell(spot)?, spot));
        (0..HARM_DRAWS).find_map(|_| in_district(self.spot(at_s, rng)))
    }

    /// A place that it harms at a moment, on land or at sea.
    fn spot(&self, at_s: f64, rng: &mut Rng) -> Spot {
        let (start, end) = self.seconds;
        let part = ((at_s - start) / (end - start)).clamp(0.0, 1.0);
        let along = |from: i32, to: i32| from + (f64::from(to - from) * part) as i32;
        // The difference of two draws is likeliest to be small.
        let mut off = || rng.below(self.reach) as i32 - rng.below(self.reach) as i32;
        Spot { lng: along(self.from.lng, self.to.lng) + off(), lat: along(self.from.lat, self.to.lat) + off() }
    }
}

/// How often a place is drawn until one lies in the district.
const HARM_DRAWS: u32 = 16;

/// Directions of a compass with 16 points: metres east and north to 1,000 m.
#[rustfmt::skip]
const COMPASS: [(i32, i32); 16] = [
    (0, 1000), (383, 924), (707, 707), (924, 383), (1000, 0), (924, -383), (707, -707), (383, -924),
    (0, -1000), (-383, -924), (-707, -707), (-924, -383), (-1000, 0), (-924, 383), (-707, 707), (-383, 924),
];

/// Where a telephone thinks it is that is so far off, in metres.
pub fn astray(spot: Spot, metres: u32, rng: &mut Rng) -> Spot {
    let (east, north) = rng.pick(&COMPASS);
    spot.moved(east * metres as i32 / 1_000, north * metres as i32 / 1_000)
}

/// The place in GCJ-02, the shifted degrees of the maps in Chinese telephones, by the formula that everybody uses: metres of
/// shift from sums of sines, made degrees on the ellipsoid of Krassovsky 1940. Sines come from `libm`, so that it is the same
/// on every machine.
pub fn gcj02(spot: Spot) -> Spot {
    const A: f64 = 6_378_245.0;
    const EE: f64 = 0.006_693_421_622_965_943;
    let (lng, lat) = (f64::from(spot.lng) / 1e6, f64::from(spot.lat) / 1e6);
    let (x, y) = (lng - 105.0, lat - 35.0);
    let waves = |of: f64, list: &[(f64, f64)]| {
        list.iter().map(|(metres, per)| metres * libm::sin(of * PI / per)).sum::<f64>() * 2.0 / 3.0
    };
    let (short, root) = (waves(x, &[(20.0, 1.0 / 6.0), (20.0, 0.5)]), libm::sqrt(x.abs()));
    let north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + short;
    let north = north + waves(y, &[(20.0, 1.0), (40.0, 3.0), (160.0, 12.0), (320.0, 30.0)]);
    let east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + short;
    let east = east + waves(x, &[(20.0, 1.0), (40.0, 3.0), (150.0, 12.0), (300.0, 30.0)]);
    let (sine, cosine) = (libm::sin(lat.to_radians()), libm::cos(lat.to_radians()));
    let magic = 1.0 - EE * sine * sine;
    let along_meridian = A * (1.0 - EE) / (magic * libm::sqrt(magic));
    let along_parallel = A / libm::sqrt(magic) * cosine;
    let micro = |degrees: f64| (degrees * 1e6 + 0.5) as i32;
    Spot {
        lng: micro(lng + (east / along_parallel).to_degrees()),
        lat: micro(lat + (north / along_meridian).to_degrees()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ranks_never_meet() {
        let cells: HashSet<CellId> = (0..HOT_CELLS).map(hot).collect();
        assert_eq!(cells.len(), HOT_CELLS as usize);
    }

    #[test]
    fn the_hottest_cell_is_in_the_old_town() {
        let code = PUDONG.cell_code(hot(0));
        assert!(code.as_str().starts_with("310115005"), "{}", code.as_str());
    }

    #[test]
    fn the_shift_is_the_one_that_is_known_in_pudong() {
        // Metres east and north, as published for these places.
        for (lng, lat, east, north) in [
            (121_499_800, 31_239_700, 421, -224),
            (121_700_000, 31_190_000, 413, -231),
            (121_920_000, 30_900_000, 390, -263),
            (121_570_000, 31_350_000, 402, -238),
        ] {
            let here = Spot { lng, lat };
            let (shifted, expected) = (gcj02(here), here.moved(east, north));
            let apart = (shifted.lng - expected.lng).abs().max((shifted.lat - expected.lat).abs());
            assert!(apart < 30, "{shifted:?} {expected:?}");
        }
    }

    #[test]
    fn a_telephone_is_as_far_off_as_asked() {
        let (here, mut rng) = (Spot { lng: 121_500_000, lat: 31_200_000 }, Rng::seeded(1));
        for metres in [5, 30, 140] {
            for _ in 0..50 {
                let there = astray(here, metres, &mut rng);
                let east = f64::from(there.lng - here.lng) * 0.095_2;
                let north = f64::from(there.lat - here.lat) * 0.111_2;
                assert!((east.hypot(north) - f64::from(metres)).abs() < 1.5, "{metres} m: {east} {north}");
            }
        }
    }

    #[test]
    fn a_typhoon_moves() {
        let (from, to) = (Spot { lng: 122_000_000, lat: 30_850_000 }, Spot { lng: 121_500_000, lat: 31_400_000 });
        let track = Track { from, to, seconds: (100.0, 200.0), reach: 1_000 };
        let mut rng = Rng::seeded(1);
        for (at_s, lng, lat) in
            [(0.0, 122_000_000, 30_850_000), (150.0, 121_750_000, 31_125_000), (300.0, to.lng, to.lat)]
        {
            let spot = track.spot(at_s, &mut rng);
            assert!((spot.lng - lng).abs() < 1_000 && (spot.lat - lat).abs() < 1_000, "{at_s}: {spot:?}");
        }
        assert_eq!(track.harmed(100.0, &mut rng), None, "it comes from the sea");
        let (cell, spot) = track.harmed(150.0, &mut rng).expect("it lies over land");
        assert_eq!(PUDONG.grid.cell(spot), Some(cell));
    }
}
