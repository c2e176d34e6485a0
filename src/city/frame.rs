//! Frames: those of degrees, which every city knows, and planes that a city declares. A place is settled when it is in the
//! city's own frame.

use super::Names;
use super::files::{FrameSettings, HelmertSettings, Problems, Settings, Spanned};
use crate::datum::plane::{Affine, Declared, Ellipsoid, Helmert, Plane, TransverseMercator};
use crate::datum::{Datum, LngLat};
use crate::geo::FinePoint;
use crate::report::{Field, Reason, Reject, Spot};

/// A position in [`Frames`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameId(pub u16);

/// What coordinates mean.
#[derive(Clone, PartialEq, Debug)]
pub enum Frame {
    /// Degrees.
    Degrees(Datum),
    /// Metres of a declared plane.
    Plane(Box<Plane>),
}

/// The frames that a city knows, by name.
#[derive(Debug)]
pub struct Frames {
    /// The frame that the city's grid, areas and units are in.
    pub own: Datum,
    names: Names,
    list: Vec<Frame>,
}

impl Frames {
    pub(super) fn compile(settings: &Settings, problems: &mut Problems) -> Self {
        let (mut names, mut list) = (Names::default(), Vec::new());
        for datum in Datum::ALL {
            names.insert(datum.word(), list.len() as u16);
            list.push(Frame::Degrees(datum));
        }
        for spanned in &settings.frame {
            let (offset, raw) = (spanned.span().start, spanned.get_ref());
            if !is_word(&raw.name) || list.len() > usize::from(u16::MAX) || !names.insert(&raw.name, list.len() as u16)
            {
                let what = format!("[[frame]] name \"{}\" is no lower-case word, or stands twice", raw.name);
                problems.setting(
                    offset,
                    what,
                    "give each frame its own name, of a-z, 0-9, _ and -, and none that is known",
                );
            }
            list.push(Frame::Plane(Box::new(compile_plane(raw, offset, problems))));
        }
        let own = settings.city.frame.as_ref().map_or(Datum::Cgcs2000, |word| {
            Datum::ALL.into_iter().find(|datum| datum.word() == word.get_ref()).unwrap_or_else(|| {
                let what = format!("[city] frame = \"{}\"", word.get_ref());
                let known = Datum::ALL.map(Datum::word).join(", ");
                problems.setting(word.span().start, what, format!("a city's frame is one of degrees: {known}"));
                Datum::Cgcs2000
            })
        });
        Self { own, names, list }
    }

    /// The frame of a setting; the city's own where nothing is said. A frame that is not known is a problem.
    pub(super) fn of_setting(&self, word: Option<&Spanned<String>>, problems: &mut Problems) -> FrameId {
        let own = FrameId(self.names.get(self.own.word()).expect("frames of degrees are known"));
        let Some(word) = word else { return own };
        self.by_name(word.get_ref()).unwrap_or_else(|| {
            let known = self.names.iter().collect::<Vec<_>>().join(", ");
            let what = format!("frame = \"{}\"", word.get_ref());
            problems.setting(word.span().start, what, format!("the city knows the frames {known}"));
            own
        })
    }

    /// The frame of a name.
    #[inline]
    pub fn by_name(&self, name: &str) -> Option<FrameId> {
        self.names.get(name).map(FrameId)
    }

    /// What coordinates of a frame mean.
    #[inline]
    pub fn get(&self, frame: FrameId) -> &Frame {
        &self.list[usize::from(frame.0)]
    }

    /// A place of a frame, in the city's own.
    ///
    /// # Errors
    /// If degrees are said in a frame of metres or the other way round, and where the frame means nothing.
    #[inline]
    pub fn settle(&self, spot: Spot, frame: FrameId) -> Result<FinePoint, Reject> {
        match (spot, self.get(frame)) {
            (Spot::Degrees(place), Frame::Degrees(datum)) if datum.agrees_with(self.own) => Ok(place),
            (spot, frame) => self.convert(spot, frame),
        }
    }

    #[inline(never)]
    fn convert(&self, spot: Spot, frame: &Frame) -> Result<FinePoint, Reject> {
        let wrong = |field, reason| Reject { field, reason, at: 0 };
        let place = match (spot, frame) {
            (Spot::Degrees(place), Frame::Degrees(datum)) => {
                let (lng, lat) = place.degrees();
                Some(datum.convert(LngLat { lng, lat }, self.own))
            }
            (Spot::Metres(place), Frame::Plane(plane)) => {
                plane.to_degrees(place).map(|place| Datum::Cgcs2000.convert(place, self.own))
            }
            _ => return Err(wrong(Field::Frame, Reason::NotAValue)),
        };
        let place = place.and_then(|place| FinePoint::of_degrees(place.lng, place.lat));
        place.ok_or(wrong(Field::Lng, Reason::OutOfRange))
    }
}

/// Longest name of a frame.
const NAME_BYTES_MAX: usize = 64;

fn is_word(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain)
}

/// Metres that no false origin exceeds.
const ORIGIN_M_MAX: f64 = 1e8;

fn compile_plane(raw: &FrameSettings, offset: usize, problems: &mut Problems) -> Plane {
    let mut wrong = |what: String, mend: String| {
        problems.setting(offset, format!("[[frame]] \"{}\": {what}", raw.name), mend);
    };
    let affine = raw.affine.map_or(Affine::NONE, |coefficients| {
        Affine::new(coefficients).unwrap_or_else(|| {
            let mend = "give [a, b, c, d, e, f] of x' = a·x + b·y + c, y' = d·x + e·y + f, which can be undone";
            wrong(format!("affine = {coefficients:?}"), mend.to_owned());
            Affine::NONE
        })
    });
    let numbers = [raw.central_meridian, raw.latitude_of_origin, raw.false_easting, raw.false_northing, raw.scale];
    let Some(word) = &raw.ellipsoid else {
        if raw.affine.is_none() || raw.helmert.is_some() || numbers.iter().any(Option::is_some) {
            let mend = "a projected plane has an ellipsoid; one without has affine = […] to degrees, and nothing else";
            wrong("no ellipsoid".to_owned(), mend.to_owned());
        }
        return Plane::affine(affine);
    };
    let ellipsoid = Ellipsoid::ALL.into_iter().find(|known| known.word == word).unwrap_or_else(|| {
        let known = Ellipsoid::ALL.map(|known| known.word).join(", ");
        wrong(format!("ellipsoid = \"{word}\""), format!("an ellipsoid is {known}"));
        Ellipsoid::ALL[0]
    });
    if raw.central_meridian.is_none() {
        wrong("no central_meridian".to_owned(), "give it in degrees, for example 121.4667".to_owned());
    }
    let mut number = |value: Option<f64>, otherwise: f64, (least, most): (f64, f64), key: &str| {
        let value = value.unwrap_or(otherwise);
        if !(least..=most).contains(&value) {
            wrong(format!("{key} = {value}"), format!("{key} is {least} to {most}"));
            return otherwise;
        }
        value
    };
    let declared = Declared {
        ellipsoid,
        central_meridian: number(raw.central_meridian, 0.0, (-180.0, 180.0), "central_meridian"),
        latitude_of_origin: number(raw.latitude_of_origin, 0.0, (-90.0, 90.0), "latitude_of_origin"),
        false_easting: number(raw.false_easting, 0.0, (-ORIGIN_M_MAX, ORIGIN_M_MAX), "false_easting"),
        false_northing: number(raw.false_northing, 0.0, (-ORIGIN_M_MAX, ORIGIN_M_MAX), "false_northing"),
        scale: number(raw.scale, 1.0, (0.9, 1.1), "scale"),
    };
    let helmert = raw.helmert.as_ref().map(|raw| {
        // Beyond these the rotations are not small, and no datum on earth is so far from another.
        const SHIFT_M_MAX: f64 = 10_000.0;
        const ROTATION_S_MAX: f64 = 60.0;
        const SCALE_PPM_MAX: f64 = 1000.0;
        let &HelmertSettings { dx, dy, dz, rx, ry, rz, ppm } = raw;
        let mut part = |value: f64, most: f64, key: &str| number(Some(value), 0.0, (-most, most), key);
        let mut parts =
            |[a, b, c]: [(f64, &str); 3], most: f64| [part(a.0, most, a.1), part(b.0, most, b.1), part(c.0, most, c.1)];
        Helmert {
            shift_m: parts([(dx, "helmert.dx"), (dy, "helmert.dy"), (dz, "helmert.dz")], SHIFT_M_MAX),
            rotation_s: parts([(rx, "helmert.rx"), (ry, "helmert.ry"), (rz, "helmert.rz")], ROTATION_S_MAX),
            scale_ppm: number(Some(ppm), 0.0, (-SCALE_PPM_MAX, SCALE_PPM_MAX), "helmert.ppm"),
        }
    });
    Plane::projected(affine, TransverseMercator::new(&declared), helmert)
}
