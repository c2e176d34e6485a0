//! Local planes: metres east and north of some origin, as surveyors and old municipal grids write places.
//!
//! A plane is up to three things, in this order: an affine map of its coordinates, a transverse Mercator projection on an
//! ellipsoid, and a 7-parameter transformation from that ellipsoid's datum to CGCS2000. A plane without projection is an affine
//! map straight to degrees.

use super::LngLat;

/// A place in metres of a plane.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct EastNorth {
    /// Metres to the east.
    pub east: f64,
    /// Metres to the north.
    pub north: f64,
}

/// A plane of metres, declared by a city.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Plane {
    affine: Affine,
    projection: Option<TransverseMercator>,
    helmert: Option<Helmert>,
}

impl Plane {
    /// A projected plane. The affine map is applied to its coordinates before they are unprojected; without `helmert` the
    /// ellipsoid's degrees are those of CGCS2000.
    pub const fn projected(affine: Affine, projection: TransverseMercator, helmert: Option<Helmert>) -> Self {
        Self { affine, projection: Some(projection), helmert }
    }

    /// A plane whose affine map gives degrees: `x'` longitude, `y'` latitude.
    pub const fn affine(affine: Affine) -> Self {
        Self { affine, projection: None, helmert: None }
    }

    /// A place of the plane in CGCS2000; none where the plane means nothing.
    pub fn to_degrees(&self, place: EastNorth) -> Option<LngLat> {
        let (x, y) = self.affine.apply(place.east, place.north);
        let Some(projection) = &self.projection else {
            return Some(LngLat { lng: x, lat: y }).filter(|place| place.is_on_earth());
        };
        let local = projection.unproject(x, y)?;
        Some(self.helmert.map_or(local, |helmert| helmert.shift(&projection.ellipsoid, local)))
    }

    /// A CGCS2000 place in the plane; none where the plane means nothing.
    pub fn of_degrees(&self, place: LngLat) -> Option<EastNorth> {
        if !place.is_on_earth() {
            return None;
        }
        let (x, y) = match &self.projection {
            None => (place.lng, place.lat),
            Some(projection) => {
                let unshift = |helmert: Helmert| helmert.unshift(&projection.ellipsoid, place);
                projection.project(self.helmert.map_or(place, unshift))?
            }
        };
        let (east, north) = self.affine.undo(x, y);
        Some(EastNorth { east, north })
    }
}

/// `x' = a·x + b·y + c`, `y' = d·x + e·y + f`, with x to the east and y to the north.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Affine([f64; 6]);

impl Affine {
    /// Nothing moves.
    pub const NONE: Self = Self([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);

    /// Of its six coefficients `[a, b, c, d, e, f]`; none if it cannot be undone.
    pub fn new(coefficients: [f64; 6]) -> Option<Self> {
        let [a, b, _, d, e, _] = coefficients;
        let (determinant, size) = (a * e - b * d, (a * e).abs() + (b * d).abs());
        let regular = determinant.abs() > size * 1e-9 && determinant.is_normal();
        (regular && coefficients.iter().all(|one| one.is_finite())).then_some(Self(coefficients))
    }

    fn apply(&self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, e, f] = self.0;
        (a * x + b * y + c, d * x + e * y + f)
    }

    fn undo(&self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, e, f] = self.0;
        let (x, y, determinant) = (x - c, y - f, a * e - b * d);
        ((e * x - b * y) / determinant, (a * y - d * x) / determinant)
    }
}

/// The shape of the earth that a frame is computed on.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Ellipsoid {
    /// Its name in settings.
    pub word: &'static str,
    /// Half of the equator's diameter, in metres.
    semi_major: f64,
    inverse_flattening: f64,
}

impl Ellipsoid {
    const CGCS2000: Self = Self::new("cgcs2000", 6_378_137.0, 298.257_222_101);
    /// Those that Chinese maps were ever computed on.
    pub const ALL: [Self; 4] = [
        Self::CGCS2000,
        Self::new("wgs84", 6_378_137.0, 298.257_223_563),
        Self::new("krassovsky1940", 6_378_245.0, 298.3),
        Self::new("iag75", 6_378_140.0, 298.257),
    ];

    const fn new(word: &'static str, semi_major: f64, inverse_flattening: f64) -> Self {
        Self { word, semi_major, inverse_flattening }
    }

    /// Squared eccentricity.
    fn e2(&self) -> f64 {
        let f = 1.0 / self.inverse_flattening;
        f * (2.0 - f)
    }

    /// Metres from the earth's middle, of a place on the surface.
    fn geocentric(&self, place: LngLat) -> [f64; 3] {
        let (lng, lat) = (place.lng.to_radians(), place.lat.to_radians());
        let sine = libm::sin(lat);
        let normal = self.semi_major / libm::sqrt(1.0 - self.e2() * sine * sine);
        let out = normal * libm::cos(lat);
        [out * libm::cos(lng), out * libm::sin(lng), normal * (1.0 - self.e2()) * sine]
    }

    /// The place below or above a point that is near the surface, by Bowring's formula, which is good to a nanometre there
    /// after a second round.
    fn below(&self, [x, y, z]: [f64; 3]) -> LngLat {
        let out = libm::hypot(x, y);
        let ratio = 1.0 - 1.0 / self.inverse_flattening;
        let (e2, semi_minor) = (self.e2(), self.semi_major * ratio);
        let mut reduced = libm::atan2(z, out * ratio);
        let mut lat = 0.0;
        for _ in 0..3 {
            let (sine, cosine) = (libm::sin(reduced), libm::cos(reduced));
            let up = z + e2 / (1.0 - e2) * semi_minor * sine * sine * sine;
            lat = libm::atan2(up, out - e2 * self.semi_major * cosine * cosine * cosine);
            reduced = libm::atan2(ratio * libm::sin(lat), libm::cos(lat));
        }
        LngLat { lng: libm::atan2(y, x).to_degrees(), lat: lat.to_degrees() }
    }
}

/// A transformation of 7 parameters from another datum to CGCS2000, in the position vector convention (EPSG 9606, the one of
/// Bursa and Wolf): positive rotations turn the place, seen from the origin along each axis, clockwise. Parameters of the
/// coordinate frame convention have the other signs of rotation.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Helmert {
    /// Shift along each axis, in metres.
    pub shift_m: [f64; 3],
    /// Rotation about each axis, in arc seconds.
    pub rotation_s: [f64; 3],
    /// Change of scale, in millionths.
    pub scale_ppm: f64,
}

impl Helmert {
    fn apply(&self, [x, y, z]: [f64; 3]) -> [f64; 3] {
        let [rx, ry, rz] = self.rotation_s.map(|seconds| (seconds / 3600.0).to_radians());
        let scale = 1.0 + self.scale_ppm * 1e-6;
        let turned = [x - rz * y + ry * z, rz * x + y - rx * z, -ry * x + rx * y + z];
        let [dx, dy, dz] = self.shift_m;
        [dx + scale * turned[0], dy + scale * turned[1], dz + scale * turned[2]]
    }

    /// A place of another datum in CGCS2000.
    fn shift(&self, from: &Ellipsoid, place: LngLat) -> LngLat {
        Ellipsoid::CGCS2000.below(self.apply(from.geocentric(place)))
    }

    /// The place that is shifted to this one. Turning the parameters round would forget the height between the two
    /// surfaces, which is worth some millimetres.
    fn unshift(&self, to: &Ellipsoid, place: LngLat) -> LngLat {
        let mut found = place;
        for _ in 0..6 {
            let shifted = self.shift(to, found);
            // The difference of longitudes is a turn too many where one of them lies beyond the date line.
            let east = wrapped(place.lng - shifted.lng);
            let lat = (found.lat + place.lat - shifted.lat).clamp(-90.0, 90.0);
            found = LngLat { lng: wrapped(found.lng + east), lat };
        }
        found
    }
}

/// Degrees of longitude from -180 to 180.
fn wrapped(lng: f64) -> f64 {
    if lng > 180.0 {
        lng - 360.0
    } else if lng < -180.0 {
        lng + 360.0
    } else {
        lng
    }
}

/// Terms of Krüger's series: up to the 6th power of the third flattening, good to a micrometre within 30° of the meridian.
const TERMS: usize = 6;
/// Further from the central meridian a plane is not taken seriously, in degrees.
const FROM_MERIDIAN_MAX: f64 = 30.0;

/// A transverse Mercator projection (Gauss–Krüger, UTM).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TransverseMercator {
    ellipsoid: Ellipsoid,
    central_meridian: f64,
    false_easting: f64,
    /// Northing of the equator.
    equator: f64,
    /// Metres in the plane for a radian along the meridian, on average.
    radius: f64,
    to_plane: [f64; TERMS],
    to_sphere: [f64; TERMS],
}

/// What a projection is declared by.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Declared {
    /// The ellipsoid.
    pub ellipsoid: Ellipsoid,
    /// Degrees of the meridian that is straight.
    pub central_meridian: f64,
    /// Degrees of the latitude that has the false northing.
    pub latitude_of_origin: f64,
    /// Metres east of the central meridian.
    pub false_easting: f64,
    /// Metres north of the origin.
    pub false_northing: f64,
    /// Scale along the central meridian.
    pub scale: f64,
}

impl TransverseMercator {
    /// As declared.
    pub fn new(declared: &Declared) -> Self {
        let ellipsoid = declared.ellipsoid;
        let f = 1.0 / ellipsoid.inverse_flattening;
        let n = f / (2.0 - f);
        let n2 = n * n;
        let rectifying = ellipsoid.semi_major / (1.0 + n) * (1.0 + n2 * (0.25 + n2 * (1.0 / 64.0 + n2 / 256.0)));
        // The coefficients of Karney, "Transverse Mercator with an accuracy of a few nanometers" (2011), equations 35 and 36.
        let polynomial = |coefficients: &[f64], power: i32| {
            libm::pow(n, f64::from(power)) * coefficients.iter().rev().fold(0.0, |sum, one| sum * n + one)
        };
        let to_plane = [
            polynomial(&[0.5, -2.0 / 3.0, 5.0 / 16.0, 41.0 / 180.0, -127.0 / 288.0, 7891.0 / 37_800.0], 1),
            polynomial(&[13.0 / 48.0, -0.6, 557.0 / 1440.0, 281.0 / 630.0, -1_983_433.0 / 1_935_360.0], 2),
            polynomial(&[61.0 / 240.0, -103.0 / 140.0, 15_061.0 / 26_880.0, 167_603.0 / 181_440.0], 3),
            polynomial(&[49_561.0 / 161_280.0, -179.0 / 168.0, 6_601_661.0 / 7_257_600.0], 4),
            polynomial(&[34_729.0 / 80_640.0, -3_418_889.0 / 1_995_840.0], 5),
            polynomial(&[212_378_941.0 / 319_334_400.0], 6),
        ];
        let to_sphere = [
            polynomial(&[0.5, -2.0 / 3.0, 37.0 / 96.0, -1.0 / 360.0, -81.0 / 512.0, 96_199.0 / 604_800.0], 1),
            polynomial(&[1.0 / 48.0, 1.0 / 15.0, -437.0 / 1440.0, 46.0 / 105.0, -1_118_711.0 / 3_870_720.0], 2),
            polynomial(&[17.0 / 480.0, -37.0 / 840.0, -209.0 / 4480.0, 5569.0 / 90_720.0], 3),
            polynomial(&[4397.0 / 161_280.0, -11.0 / 504.0, -830_251.0 / 7_257_600.0], 4),
            polynomial(&[4583.0 / 161_280.0, -108_847.0 / 3_991_680.0], 5),
            polynomial(&[20_648_693.0 / 638_668_800.0], 6),
        ];
        let mut projection = Self {
            ellipsoid,
            central_meridian: declared.central_meridian,
            false_easting: declared.false_easting,
            equator: 0.0,
            radius: declared.scale * rectifying,
            to_plane,
            to_sphere,
        };
        let (_, origin) = projection.ahead(0.0, declared.latitude_of_origin.to_radians());
        projection.equator = declared.false_northing - origin;
        projection
    }

    /// Degrees to metres; none too far from the central meridian.
    fn project(&self, place: LngLat) -> Option<(f64, f64)> {
        let lng = wrapped(place.lng - self.central_meridian);
        let near = lng.abs() <= FROM_MERIDIAN_MAX && place.lat.abs() <= 90.0;
        near.then(|| {
            let (east, north) = self.ahead(lng.to_radians(), place.lat.to_radians());
            (self.false_easting + east, self.equator + north)
        })
    }

    /// Radians from the central meridian and the equator to metres from both: Karney's equations 7 to 11.
    fn ahead(&self, lng: f64, lat: f64) -> (f64, f64) {
        let conformal = self.conformal(libm::tan(lat));
        let cosine = libm::cos(lng);
        let xi = libm::atan2(conformal, cosine);
        let eta = libm::asinh(libm::sin(lng) / libm::hypot(conformal, cosine));
        let (mut x, mut y) = (eta, xi);
        for (double, term) in (2..).step_by(2).map(f64::from).zip(self.to_plane) {
            x += term * libm::cos(double * xi) * libm::sinh(double * eta);
            y += term * libm::sin(double * xi) * libm::cosh(double * eta);
        }
        (x * self.radius, y * self.radius)
    }

    /// Metres to degrees; none beyond the poles and too far from the central meridian.
    fn unproject(&self, east: f64, north: f64) -> Option<LngLat> {
        let (x, y) = ((east - self.false_easting) / self.radius, (north - self.equator) / self.radius);
        // The series means something over a quarter of the globe at most; what is no number is not in it either. A pole may
        // lie a rounding beyond it.
        const POLE: f64 = std::f64::consts::FRAC_PI_2;
        if !(x.abs() <= 1.0 && y.abs() <= POLE + 1e-12) {
            return None;
        }
        let y = y.clamp(-POLE, POLE);
        let (mut xi, mut eta) = (y, x);
        for (double, term) in (2..).step_by(2).map(f64::from).zip(self.to_sphere) {
            xi -= term * libm::sin(double * y) * libm::cosh(double * x);
            eta -= term * libm::cos(double * y) * libm::sinh(double * x);
        }
        let (sine, cosine) = (libm::sinh(eta), libm::cos(xi));
        let lng = libm::atan2(sine, cosine).to_degrees();
        let lat = libm::atan(self.geodetic(libm::sin(xi) / libm::hypot(sine, cosine))).to_degrees();
        let near = lng.abs() <= FROM_MERIDIAN_MAX;
        near.then(|| LngLat { lng: wrapped(lng + self.central_meridian), lat })
    }

    /// The tangent of the conformal latitude, of that of the latitude.
    fn conformal(&self, tangent: f64) -> f64 {
        let e = libm::sqrt(self.ellipsoid.e2());
        let secant = libm::hypot(1.0, tangent);
        let sigma = libm::sinh(e * libm::atanh(e * tangent / secant));
        tangent * libm::hypot(1.0, sigma) - sigma * secant
    }

    /// The tangent of the latitude, of that of the conformal latitude, by Newton's method: Karney's equations 19 to 21.
    fn geodetic(&self, conformal: f64) -> f64 {
        let e2 = self.ellipsoid.e2();
        let mut tangent = conformal / (1.0 - e2);
        for _ in 0..5 {
            let guess = self.conformal(tangent);
            let run = 1.0 + (1.0 - e2) * tangent * tangent;
            let rise = (1.0 - e2) * libm::hypot(1.0, guess) * libm::hypot(1.0, tangent);
            tangent += (conformal - guess) * run / rise;
        }
        tangent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AIRY: Ellipsoid = Ellipsoid::new("airy", 6_377_563.396, 299.324_964_6);

    fn gauss(ellipsoid: usize, central_meridian: f64) -> Declared {
        Declared {
            ellipsoid: Ellipsoid::ALL[ellipsoid],
            central_meridian,
            latitude_of_origin: 0.0,
            false_easting: 0.0,
            false_northing: 0.0,
            scale: 1.0,
        }
    }

    fn metres(projection: &TransverseMercator, lng: f64, lat: f64) -> (f64, f64) {
        projection.project(LngLat { lng, lat }).expect("near the meridian")
    }

    #[track_caller]
    fn close(ours: (f64, f64), theirs: (f64, f64), within: f64) {
        assert!((ours.0 - theirs.0).hypot(ours.1 - theirs.1) < within, "{ours:?} against {theirs:?}");
    }

    #[test]
    fn published_points() {
        // IOGP Guidance Note 7-2, transverse Mercator: the British national grid.
        let british = TransverseMercator::new(&Declared {
            ellipsoid: AIRY,
            central_meridian: -2.0,
            latitude_of_origin: 49.0,
            false_easting: 400_000.0,
            false_northing: -100_000.0,
            scale: 0.999_601_271_7,
        });
        close(metres(&british, 0.5, 50.5), (577_274.99, 69_740.50), 0.01);
        // The same note, position vector: WGS 72 to WGS 84, in metres from the earth's middle.
        let helmert = Helmert { shift_m: [0.0, 0.0, 4.5], rotation_s: [0.0, 0.0, 0.554], scale_ppm: 0.219 };
        let [x, y, z] = helmert.apply([3_657_660.66, 255_768.55, 5_201_382.11]);
        close((x, y), (3_657_660.78, 255_778.43), 0.01);
        close((z, 0.0), (5_201_387.75, 0.0), 0.01);
        // A quarter of a meridian: 10,001,965.729 m on GRS 80, whose shape CGCS2000 has.
        close(metres(&TransverseMercator::new(&gauss(0, 0.0)), 0.0, 90.0), (0.0, 10_001_965.729_3), 1e-3);
    }

    /// A complex number, for the oracle.
    #[derive(Clone, Copy)]
    struct Complex(f64, f64);

    impl Complex {
        fn mul(self, other: Self) -> Self {
            Self(self.0 * other.0 - self.1 * other.1, self.0 * other.1 + self.1 * other.0)
        }
        fn add(self, other: Self, times: f64) -> Self {
            Self(self.0 + other.0 * times, self.1 + other.1 * times)
        }
        fn sqrt(self) -> Self {
            let (size, angle) = (self.0.hypot(self.1).sqrt(), self.1.atan2(self.0) / 2.0);
            Self(size * angle.cos(), size * angle.sin())
        }
        fn inverse(self) -> Self {
            let size2 = self.0 * self.0 + self.1 * self.1;
            Self(self.0 / size2, -self.1 / size2)
        }
        fn sin_cos(self) -> (Self, Self) {
            let Self(x, y) = self;
            (Self(x.sin() * y.cosh(), x.cos() * y.sinh()), Self(x.cos() * y.cosh(), -x.sin() * y.sinh()))
        }
    }

    /// Transverse Mercator by its definition, without a series: the meridian's arc, continued into the complex plane along the
    /// longitude. Runge and Kutta's rule goes up the meridian, then out.
    fn by_integration(ellipsoid: &Ellipsoid, lng: f64, lat: f64) -> (f64, f64) {
        let e2 = ellipsoid.e2();
        // How latitude and arc change with the isometric latitude.
        let slopes = |latitude: Complex| {
            let (sine, cosine) = latitude.sin_cos();
            let w2 = Complex(1.0, 0.0).add(sine.mul(sine), -e2);
            let arc = cosine.mul(w2.sqrt().inverse());
            (cosine.mul(w2).mul(Complex(1.0 / (1.0 - e2), 0.0)), arc.mul(Complex(ellipsoid.semi_major, 0.0)))
        };
        let walk = |from: (Complex, Complex), total: Complex| {
            const STEPS: u32 = 4000;
            let step = Complex(total.0 / f64::from(STEPS), total.1 / f64::from(STEPS));
            (0..STEPS).fold(from, |(latitude, arc), _| {
                let (p1, q1) = slopes(latitude);
                let (p2, q2) = slopes(latitude.add(p1.mul(step), 0.5));
                let (p3, q3) = slopes(latitude.add(p2.mul(step), 0.5));
                let (p4, q4) = slopes(latitude.add(p3.mul(step), 1.0));
                let mean = |a: Complex, b: Complex, c: Complex, d: Complex| a.add(b, 2.0).add(c, 2.0).add(d, 1.0);
                let move_by = |slope: Complex| slope.mul(step);
                (
                    latitude.add(move_by(mean(p1, p2, p3, p4)), 1.0 / 6.0),
                    arc.add(move_by(mean(q1, q2, q3, q4)), 1.0 / 6.0),
                )
            })
        };
        let (lng, lat) = (lng.to_radians(), lat.to_radians());
        let e = e2.sqrt();
        let isometric = lat.tan().asinh() - e * (e * lat.sin()).atanh();
        let up = walk((Complex(0.0, 0.0), Complex(0.0, 0.0)), Complex(isometric, 0.0));
        let (_, arc) = walk(up, Complex(0.0, lng));
        (arc.1, arc.0)
    }

    #[test]
    fn the_series_agrees_with_integration() {
        for ellipsoid in 0..4 {
            for (lng, lat) in [(0.0, 31.23), (1.5, 31.23), (-3.0, 22.5), (4.0, 53.0), (4.0, -10.0), (20.0, 40.0)] {
                let declared = gauss(ellipsoid, 120.0);
                let ours = metres(&TransverseMercator::new(&declared), 120.0 + lng, lat);
                close(ours, by_integration(&declared.ellipsoid, lng, lat), 1e-5);
            }
        }
    }

    /// A plane like the one of an old municipal grid, with everything that can be declared.
    fn shanghai(meridian: f64) -> Plane {
        let projection = TransverseMercator::new(&Declared {
            latitude_of_origin: 31.235,
            false_easting: -500.0,
            false_northing: 1000.0,
            scale: 0.9999,
            ..gauss(2, meridian)
        });
        let helmert = Helmert { shift_m: [31.4, -144.3, -74.8], rotation_s: [0.5, -0.3, 0.8], scale_ppm: -3.1 };
        let affine = Affine::new([0.0, 1.0, 3.5, 0.9999, 0.001, -7.25]).expect("regular");
        Plane::projected(affine, projection, Some(helmert))
    }

    #[test]
    fn what_is_far_away_has_no_place() {
        let degrees = Plane::affine(Affine::new([1e-5, 0.0, 121.0, 0.0, 1e-5, 31.0]).expect("regular"));
        for plane in
            [shanghai(121.4667), Plane::projected(Affine::NONE, TransverseMercator::new(&gauss(1, 0.0)), None), degrees]
        {
            for (east, north) in
                [(f64::NAN, 0.0), (0.0, f64::INFINITY), (1e300, 1e300), (2e7, 0.0), (0.0, -2.1e7), (-1e9, 3.0)]
            {
                assert_eq!(plane.to_degrees(EastNorth { east, north }), None, "{east} {north}");
            }
            for (lng, lat) in [(f64::NAN, 31.0), (121.0, f64::NEG_INFINITY), (181.0, 0.0), (0.0, 90.5), (-1e308, 1e308)]
            {
                assert_eq!(plane.of_degrees(LngLat { lng, lat }), None, "{lng} {lat}");
            }
        }
        assert_eq!(shanghai(121.4667).of_degrees(LngLat { lng: 0.0, lat: 51.5 }), None);
        for not_regular in [[0.0; 6], [1.0, 2.0, 0.0, 2.0, 4.0, 0.0], [1.0, 0.0, f64::NAN, 0.0, 1.0, 0.0]] {
            assert_eq!(Affine::new(not_regular), None);
        }
    }

    #[test]
    fn poles_and_the_date_line() {
        let projection = TransverseMercator::new(&gauss(0, 179.0));
        for (lng, lat) in
            [(179.0, 90.0), (179.0, -90.0), (180.0, 0.0), (-178.0, 45.0), (-180.0, 45.0), (177.0, -89.999)]
        {
            let (east, north) = metres(&projection, lng, lat);
            let again = projection.unproject(east, north).expect("a place");
            assert!(
                (wrapped(again.lng - lng).abs() < 1e-9 || lat.abs() == 90.0) && (again.lat - lat).abs() < 1e-9,
                "{again:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn planes_lead_back(off in -4f64..4.0, lat in -89.0f64..89.0, meridian in prop::sample::select(vec![121.4667, 0.0, -179.5])) {
            let place = LngLat { lng: wrapped(meridian + off), lat };
            let plane = shanghai(meridian);
            let there = plane.of_degrees(place).expect("near the meridian");
            let back = plane.to_degrees(there).expect("near the meridian");
            // A tenth of a millimetre.
            prop_assert!(wrapped(back.lng - place.lng).abs() * lat.to_radians().cos() < 1e-9, "{:?}", back);
            prop_assert!((back.lat - lat).abs() < 1e-9, "{:?}", back);
            let again = plane.of_degrees(back).expect("near the meridian");
            prop_assert!((again.east - there.east).hypot(again.north - there.north) < 1e-4);
        }

        #[test]
        fn affine_planes_lead_back(east in -1e6f64..1e6, north in -1e6f64..1e6, turn in 0f64..6.2) {
            let (a, b) = (1e-5 * turn.cos(), 1e-5 * turn.sin());
            let plane = Plane::affine(Affine::new([a, -b, 100.0, b, a, 30.0]).expect("regular"));
            let there = plane.to_degrees(EastNorth { east, north }).expect("on earth");
            let back = plane.of_degrees(there).expect("on earth");
            prop_assert!((back.east - east).hypot(back.north - north) < 1e-4);
        }

        #[test]
        fn any_float_has_an_answer(x: f64, y: f64) {
            let plane = shanghai(121.4667);
            if let Some(place) = plane.to_degrees(EastNorth { east: x, north: y }) {
                prop_assert!(place.is_on_earth());
            }
            if let Some(place) = plane.of_degrees(LngLat { lng: x, lat: y }) {
                prop_assert!(place.east.is_finite() && place.north.is_finite());
            }
        }
    }
}
