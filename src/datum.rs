//! Coordinate frames: how the places that people write down become one kind of degrees.
//!
//! Two frames are the earth's own: WGS-84, which satellites give, and CGCS2000, the official one; they agree to some
//! centimetres and are taken for the same. Two are shifted from it: GCJ-02 (Amap, Tencent, WeChat) by some 500 m, and BD-09
//! (Baidu) by about a kilometre. The rest are planes of metres, which a city declares; see [`plane`].
//!
//! Sines come from `libm`, not from the machine, so a place is the same everywhere.

pub mod plane;

use std::f64::consts::PI;

/// A place in degrees of some frame.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LngLat {
    /// Longitude, east positive.
    pub lng: f64,
    /// Latitude, north positive.
    pub lat: f64,
}

impl LngLat {
    /// Whether there is such a place; what is no number is none.
    pub const fn is_on_earth(self) -> bool {
        self.lng.abs() <= 180.0 && self.lat.abs() <= 90.0
    }

    /// Whether the shifted frames are shifted here: in a box around China, its edges included. Elsewhere their makers give
    /// WGS-84.
    const fn is_shifted(self) -> bool {
        self.lng >= 72.004 && self.lng <= 137.8347 && self.lat >= 0.8293 && self.lat <= 55.8271
    }
}

/// A frame of degrees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Datum {
    /// WGS-84: satellites, devices.
    Wgs84,
    /// CGCS2000: official maps. The same degrees as WGS-84 to some centimetres.
    Cgcs2000,
    /// GCJ-02: Amap, Tencent, WeChat.
    Gcj02,
    /// BD-09: Baidu. GCJ-02, shifted once more.
    Bd09,
}

/// Steps of the inverse. Each makes the error some 30 times smaller, so 8 are enough for a float's last digit.
const STEPS_MAX: u32 = 16;
/// A step of less than this ends the inverse: 0.1 µm.
const CLOSE_DEGREES: f64 = 1e-12;

impl Datum {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Wgs84, Self::Cgcs2000, Self::Gcj02, Self::Bd09];

    /// Its name in settings and reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Wgs84 => "wgs84",
            Self::Cgcs2000 => "cgcs2000",
            Self::Gcj02 => "gcj02",
            Self::Bd09 => "bd09",
        }
    }

    /// Whether every place has the same degrees in both frames.
    #[inline]
    pub const fn agrees_with(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Wgs84 | Self::Cgcs2000, Self::Wgs84 | Self::Cgcs2000)
                | (Self::Gcj02, Self::Gcj02)
                | (Self::Bd09, Self::Bd09)
        )
    }

    /// A place of this frame, in the degrees of another. What is no place on earth stays as it is.
    pub fn convert(self, place: LngLat, to: Self) -> LngLat {
        if self.agrees_with(to) { place } else { to.of_wgs84(self.to_wgs84(place)) }
    }

    /// A WGS-84 place in this frame.
    pub fn of_wgs84(self, place: LngLat) -> LngLat {
        if place.is_shifted() { self.shifted(place) } else { place }
    }

    /// A place of this frame in WGS-84: the place inside the box that is shifted to this one, and where there is none the
    /// place itself. Along the box's edges, far from China, the shift leaves a strip that nothing
    /// is shifted to, and one where two places come together; this says what becomes of both.
    pub fn to_wgs84(self, place: LngLat) -> LngLat {
        // The shift is well below a tenth of a degree: what is further from the box cannot have come from inside.
        const MARGIN: f64 = 0.1;
        let clamped = LngLat { lng: place.lng.clamp(72.004, 137.8347), lat: place.lat.clamp(0.8293, 55.8271) };
        let near = (place.lng - clamped.lng).abs() <= MARGIN && (place.lat - clamped.lat).abs() <= MARGIN;
        if !near {
            return place;
        }
        let mut found = place;
        for _ in 0..STEPS_MAX {
            let shifted = self.shifted(found);
            let (east, north) = (place.lng - shifted.lng, place.lat - shifted.lat);
            found = LngLat { lng: found.lng + east, lat: found.lat + north };
            if east.abs() < CLOSE_DEGREES && north.abs() < CLOSE_DEGREES {
                break;
            }
        }
        if found.is_shifted() { found } else { place }
    }

    /// The shift by itself, wherever the place lies.
    fn shifted(self, place: LngLat) -> LngLat {
        match self {
            Self::Wgs84 | Self::Cgcs2000 => place,
            Self::Gcj02 => gcj02(place),
            Self::Bd09 => bd09(gcj02(place)),
        }
    }
}

/// GCJ-02 of WGS-84, by the formula that everybody uses: metres of shift from sums of sines, made degrees on the ellipsoid of
/// Krassovsky 1940.
fn gcj02(place: LngLat) -> LngLat {
    const A: f64 = 6_378_245.0;
    const EE: f64 = 0.006_693_421_622_965_943;
    let (x, y) = (place.lng - 105.0, place.lat - 35.0);
    let root = libm::sqrt(x.abs());
    let wave = |size: f64, angle: f64| size * libm::sin(angle * PI) * 2.0 / 3.0;
    let both = wave(20.0, 6.0 * x) + wave(20.0, 2.0 * x);
    let north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + both;
    let north = north + wave(20.0, y) + wave(40.0, y / 3.0) + wave(160.0, y / 12.0) + wave(320.0, y / 30.0);
    let east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + both;
    let east = east + wave(20.0, x) + wave(40.0, x / 3.0) + wave(150.0, x / 12.0) + wave(300.0, x / 30.0);
    let lat = place.lat.to_radians();
    let sine = libm::sin(lat);
    let magic = 1.0 - EE * sine * sine;
    let along_meridian = A * (1.0 - EE) / (magic * libm::sqrt(magic));
    let along_parallel = A / libm::sqrt(magic) * libm::cos(lat);
    LngLat {
        lng: place.lng + (east / along_parallel).to_degrees(),
        lat: place.lat + (north / along_meridian).to_degrees(),
    }
}

/// BD-09 of GCJ-02, by the published formula.
fn bd09(place: LngLat) -> LngLat {
    const WAVES: f64 = PI * 3000.0 / 180.0;
    let LngLat { lng, lat } = place;
    let distance = libm::hypot(lng, lat) + 0.000_02 * libm::sin(lat * WAVES);
    let angle = libm::atan2(lat, lng) + 0.000_003 * libm::cos(lng * WAVES);
    LngLat { lng: distance * libm::cos(angle) + 0.0065, lat: distance * libm::sin(angle) + 0.006 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn at(lng: f64, lat: f64) -> LngLat {
        LngLat { lng, lat }
    }

    /// Metres east and north from one place to another.
    fn apart(from: LngLat, to: LngLat) -> (f64, f64) {
        let metres = PI * 6_371_000.0 / 180.0;
        ((to.lng - from.lng) * metres * from.lat.to_radians().cos(), (to.lat - from.lat) * metres)
    }

    #[test]
    fn shifts_are_those_that_are_published() {
        // Degrees that the authors of a widely used converter publish for its test.
        let beijing = at(116.404, 39.915);
        let close = |ours: LngLat, theirs: LngLat| {
            assert!((ours.lng - theirs.lng).abs() < 1e-11 && (ours.lat - theirs.lat).abs() < 1e-11, "{ours:?}");
        };
        close(Datum::Gcj02.of_wgs84(beijing), at(116.410_244_499_169_38, 39.916_404_281_501_64));
        close(bd09(beijing), at(116.410_369_493_710_29, 39.921_336_993_510_21));
        // Metres east and north in Pudong.
        for (name, place, (east, north)) in [
            ("陆家嘴", at(121.4998, 31.2397), (421.0, -224.0)),
            ("川沙", at(121.700, 31.190), (413.0, -231.0)),
            ("南汇新城", at(121.920, 30.900), (390.0, -263.0)),
            ("高桥", at(121.570, 31.350), (402.0, -238.0)),
        ] {
            let (x, y) = apart(place, Datum::Gcj02.of_wgs84(place));
            assert!((x - east).abs() < 2.0 && (y - north).abs() < 2.0, "{name}: {x} {y}");
            let (x, y) = apart(place, Datum::Bd09.of_wgs84(place));
            assert!((980.0..1070.0).contains(&x) && (380.0..480.0).contains(&y), "{name}: {x} {y}");
        }
    }

    #[test]
    fn outside_china_nothing_is_shifted() {
        let new_york = at(-73.9857, 40.7484);
        let places = [new_york, at(0.0, 0.0), at(180.0, 90.0), at(-180.0, -90.0), at(72.0, 30.0), at(100.0, 56.0)];
        let none = [at(f64::NAN, 31.0), at(121.5, f64::INFINITY), at(1e308, -1e308), at(f64::NEG_INFINITY, f64::NAN)];
        for datum in Datum::ALL {
            for place in places.into_iter().chain(none) {
                let same = |other: LngLat| {
                    (other.lng.to_bits(), other.lat.to_bits()) == (place.lng.to_bits(), place.lat.to_bits())
                };
                assert!(same(datum.of_wgs84(place)) && same(datum.to_wgs84(place)), "{datum:?} {place:?}");
            }
        }
        assert!(places.iter().all(|place| place.is_on_earth()) && !none.iter().any(|place| place.is_on_earth()));
    }

    /// Just inside and outside of the box, on its edges and corners: what is found is shifted to the place, or is the place.
    #[test]
    fn the_border_of_the_box_has_an_answer_everywhere() {
        let near = |edge: f64| (-40..=40).map(move |step| edge + f64::from(step) * 0.000_5);
        let (lngs, lats) = ([72.004, 137.8347], [0.8293, 55.8271]);
        let across = |lng: f64| near(0.0).map(move |step| at(lng + step, 31.0));
        let up = |lat: f64| near(lat).map(|lat| at(105.0, lat));
        let corners =
            lngs.into_iter().flat_map(move |lng| near(lng).zip(near(lats[0])).chain(near(lng).zip(near(lats[1]))));
        let places = lngs.into_iter().flat_map(across).chain(lats.into_iter().flat_map(up));
        let (mut inside, mut itself) = (0, 0);
        for place in places.chain(corners.map(|(lng, lat)| at(lng, lat))) {
            for datum in [Datum::Gcj02, Datum::Bd09] {
                let found = datum.to_wgs84(place);
                if found == place {
                    itself += 1;
                } else {
                    inside += 1;
                    assert!(found.is_shifted());
                    let again = datum.of_wgs84(found);
                    assert!((again.lng - place.lng).abs() < 1e-10 && (again.lat - place.lat).abs() < 1e-10);
                }
            }
        }
        assert!(inside > 100 && itself > 100, "{inside} {itself}");
    }

    proptest! {
        #[test]
        fn inverses_are_exact(lng in 72.02f64..137.8, lat in 0.85f64..55.8, from in 0usize..4, to in 0usize..4) {
            let (from, to) = (Datum::ALL[from], Datum::ALL[to]);
            let place = at(lng, lat);
            let again = to.convert(from.convert(place, to), from);
            prop_assert!((again.lng - lng).abs() < 1e-10 && (again.lat - lat).abs() < 1e-10, "{:?}", again);
        }

        /// The formula has a kink at the 105th meridian, where its derivative has no bound.
        #[test]
        fn inverses_are_exact_at_the_kink(off in -1e-9f64..1e-9, lat in 1.0f64..55.0) {
            let place = at(105.0 + off, lat);
            for datum in Datum::ALL {
                let again = datum.to_wgs84(datum.of_wgs84(place));
                prop_assert!((again.lng - place.lng).abs() < 1e-10 && (again.lat - lat).abs() < 1e-10, "{:?}", again);
            }
        }

        #[test]
        fn any_float_has_an_answer(lng: f64, lat: f64) {
            for datum in Datum::ALL {
                let (there, back) = (datum.of_wgs84(at(lng, lat)), datum.to_wgs84(at(lng, lat)));
                prop_assert!(!lng.is_finite() || there.lng.is_finite() && back.lng.is_finite());
                prop_assert!(!lat.is_finite() || there.lat.is_finite() && back.lat.is_finite());
            }
        }
    }
}
