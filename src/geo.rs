//! Places as integers: micro-degrees, so that no decision ever rests on a rounded float.

use serde::{Deserialize, Serialize};

/// A point in micro-degrees (1e-6 °, about 0.1 m), in the city's frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Point {
    /// Longitude, east positive.
    pub lng: i32,
    /// Latitude, north positive.
    pub lat: i32,
}

impl Point {
    /// No place is known.
    pub const NONE: Self = Self { lng: i32::MAX, lat: i32::MAX };

    /// Whether a place is known.
    #[inline]
    pub const fn is_some(self) -> bool {
        self.lng != i32::MAX
    }
}

/// A place in nano-degrees (1e-9 °, about 0.1 mm): as fine as anybody writes one. Borders of areas are drawn this finely, because
/// a place that was rounded to micro-degrees before may have been carried across one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FinePoint {
    /// Longitude, east positive.
    pub lng: i64,
    /// Latitude, north positive.
    pub lat: i64,
}

/// Nano-degrees of a micro-degree.
pub const FINE: i64 = 1000;

impl FinePoint {
    /// Of degrees, rounded; none for what is no place on earth.
    pub fn of_degrees(lng: f64, lat: f64) -> Option<Self> {
        let on_earth = lng.abs() <= 180.0 && lat.abs() <= 90.0;
        on_earth.then(|| Self { lng: (lng * 1e9).round() as i64, lat: (lat * 1e9).round() as i64 })
    }

    /// Degrees of longitude and latitude.
    pub fn degrees(self) -> (f64, f64) {
        (self.lng as f64 / 1e9, self.lat as f64 / 1e9)
    }

    /// The nearest point, half away from zero.
    #[inline]
    pub const fn rounded(self) -> Point {
        const fn round(nano: i64) -> i32 {
            ((nano + if nano < 0 { -FINE / 2 } else { FINE / 2 }) / FINE) as i32
        }
        Point { lng: round(self.lng), lat: round(self.lat) }
    }
}

impl From<Point> for FinePoint {
    #[inline]
    fn from(point: Point) -> Self {
        Self { lng: i64::from(point.lng) * FINE, lat: i64::from(point.lat) * FINE }
    }
}

/// Micro-degrees of longitude that are as long as 1,024 micro-degrees of latitude, for each whole degree of latitude from
/// the equator: `round(1024 / cos(lat))`. A table keeps distances exact integers on every machine; within a district the
/// error of using the nearest whole degree is under 1 %.
const LNG_FOR_1024_LAT: [u16; 61] = [
    1024, 1024, 1025, 1025, 1027, 1028, 1030, 1032, 1034, 1037, 1040, 1043, 1047, 1051, 1055, 1060, 1065, 1071, 1077,
    1083, 1090, 1097, 1104, 1112, 1121, 1130, 1139, 1149, 1160, 1171, 1182, 1195, 1207, 1221, 1235, 1250, 1266, 1282,
    1299, 1318, 1337, 1357, 1378, 1400, 1424, 1448, 1474, 1501, 1530, 1561, 1593, 1627, 1663, 1702, 1742, 1785, 1831,
    1880, 1932, 1988, 2048,
];

/// Centimetres to one micro-degree of latitude (11.1195 on a sphere of 6,371 km), in 1/10,000.
const LAT_CM_E4: i64 = 111_195;

/// Squared distance in cm² between two known points, by an equirectangular projection at the first point's latitude.
/// Good to 1 % within a district; total and exact in integers, so the nearest is the same everywhere.
#[inline]
pub fn distance2_cm(a: Point, b: Point) -> u64 {
    let [east, north] = offset_cm(a, b);
    (north * north) as u64 + (east * east) as u64
}

/// How far east and north of the second point the first one lies, in cm.
#[inline]
fn offset_cm(a: Point, b: Point) -> [i64; 2] {
    let north = (i64::from(a.lat) - i64::from(b.lat)) * LAT_CM_E4 / 10_000;
    let east = (i64::from(a.lng) - i64::from(b.lng)) * 1024 / lng_for_1024_lat(a) * LAT_CM_E4 / 10_000;
    [east, north]
}

#[inline]
fn lng_for_1024_lat(at: Point) -> i64 {
    i64::from(LNG_FOR_1024_LAT[(at.lat.unsigned_abs() as usize / 1_000_000).min(60)])
}

/// Squared distance in cm² from a known point to the nearest place of the line between two others, rounded down.
pub fn distance2_to_line_cm(from: Point, a: Point, b: Point) -> u64 {
    let ([ax, ay], [bx, by]) = (offset_cm(from, a).map(i128::from), offset_cm(from, b).map(i128::from));
    let (x, y) = (bx - ax, by - ay);
    let (along, length2) = (-(ax * x + ay * y), x * x + y * y);
    let distance2 = if along <= 0 {
        ax * ax + ay * ay
    } else if along >= length2 {
        bx * bx + by * by
    } else {
        let across = ax * by - ay * bx;
        across * across / length2
    };
    distance2 as u64
}

/// The south-west and north-east corner of a box that has every place within so many cm of a known point.
pub fn around(point: Point, within_cm: u32) -> (Point, Point) {
    let north = i64::from(within_cm) * 10_000 / LAT_CM_E4 + 1;
    let east = (north + 1) * lng_for_1024_lat(point) / 1024 + 1;
    let corner = |times: i64| Point {
        lng: (i64::from(point.lng) + east * times).clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32,
        lat: (i64::from(point.lat) + north * times).clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32,
    };
    (corner(-1), corner(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_secant() {
        for (degree, &entry) in LNG_FOR_1024_LAT.iter().enumerate() {
            let secant = 1024.0 / (degree as f64).to_radians().cos();
            assert_eq!(u64::from(entry), secant.round() as u64, "at {degree}°");
        }
    }

    #[test]
    fn distances_agree_with_the_great_circle_within_a_district() {
        let from = Point { lng: 121_500_000, lat: 31_230_000 };
        for (lng, lat) in [(121_501_000, 31_230_000), (121_500_000, 31_231_000), (121_700_000, 31_100_000)] {
            let (x, y) = ((lng - from.lng) as f64 / 1e6, (lat - from.lat) as f64 / 1e6);
            let east = x.to_radians() * 31.23_f64.to_radians().cos() * 637_100_000.0;
            let north = y.to_radians() * 637_100_000.0;
            let exact = east.hypot(north);
            let ours = (distance2_cm(from, Point { lng, lat }) as f64).sqrt();
            assert!((ours / exact - 1.0).abs() < 0.01, "{ours} against {exact}");
        }
    }

    #[test]
    fn fine_points_round_half_away_from_zero() {
        for (nano, micro) in
            [(0, 0), (499, 0), (500, 1), (1499, 1), (-499, 0), (-500, -1), (180_000_000_499, 180_000_000)]
        {
            let fine = FinePoint { lng: nano, lat: -nano };
            assert_eq!(fine.rounded(), Point { lng: micro, lat: -micro }, "{nano}");
        }
        let point = Point { lng: -73_869_425, lat: 40_749_157 };
        assert_eq!(FinePoint::from(point).rounded(), point);
        let fine = FinePoint { lng: -73_869_424_573, lat: 40_749_156_871 };
        assert_eq!(FinePoint::of_degrees(-73.869_424_572_841_75, 40.749_156_870_967_87), Some(fine));
        assert_eq!(FinePoint::of_degrees(fine.degrees().0, fine.degrees().1), Some(fine));
        for (lng, lat) in [(180.1, 0.0), (0.0, -90.1), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert_eq!(FinePoint::of_degrees(lng, lat), None);
        }
    }

    #[test]
    fn the_ends_of_the_world_do_not_overflow() {
        let a = Point { lng: -180_000_000, lat: -90_000_000 };
        let b = Point { lng: 180_000_000, lat: 90_000_000 };
        assert!(distance2_cm(a, b) > 0);
    }
}
