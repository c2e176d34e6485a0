//! Places as integers: micro-degrees, so that no decision ever rests on a rounded float.

/// A point in micro-degrees (1e-6 °, about 0.1 m), in the city's frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
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
    let degree = (a.lat.unsigned_abs() as usize / 1_000_000).min(60);
    let north = (i64::from(a.lat) - i64::from(b.lat)) * LAT_CM_E4 / 10_000;
    let east = (i64::from(a.lng) - i64::from(b.lng)) * 1024 / i64::from(LNG_FOR_1024_LAT[degree]) * LAT_CM_E4 / 10_000;
    (north * north) as u64 + (east * east) as u64
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
    fn the_ends_of_the_world_do_not_overflow() {
        let a = Point { lng: -180_000_000, lat: -90_000_000 };
        let b = Point { lng: 180_000_000, lat: 90_000_000 };
        assert!(distance2_cm(a, b) > 0);
    }
}
