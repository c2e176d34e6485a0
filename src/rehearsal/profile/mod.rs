//! Profiles: what reaches the built-in city on an ordinary day, in a typhoon, in an outage and so on, as endless streams of
//! reports with their truth.
//!
//! ```
//! use paidan::rehearsal::profile::{Kind, Profile};
//! let typhoon = Profile::by_name("typhoon").expect("one of Profile::NAMES");
//! let mut stream = typhoon.stream(1, 50_000); // its 24 hours in 50,000 lines
//! let mut line = Vec::new();
//! let truth = stream.next(&mut line);
//! assert_eq!((truth.number, truth.kind), (1, Kind::New));
//! assert!(line.ends_with(b"}"));
//! assert!(typhoon.curve().peak() > 2.0 * typhoon.curve().mean());
//! ```
//!
//! A profile is a curve (lines a second over its own clock, for each group of senders), and what those senders say. A stream
//! follows the curve with as many lines a period as the caller likes, and comes round again behind its end. The caller may use
//! the curve alone, or send at moments of its own ([`Stream::next_at`]).

mod calendar;
mod curve;
mod facts;
mod incident;
pub mod message;
mod mix;
mod outage;
mod place;
mod recent;
mod report;
mod sensor;
mod stream;
mod truth;
mod wording;

pub use curve::{Curve, GROUPS, Group, Knot};
pub use stream::Stream;
pub use truth::{Damage, Flags, Flaw, Kind, Truth};

use crate::rehearsal::pudong::Spot;
use crate::rehearsal::rng::Rng;
use place::Track;
use sensor::Trouble;

/// Lines a second of an ordinary hour, of sensors, applications, hotlines and police: 70, 20 and 10 in a hundred. Real people
/// of one district write about one line in eight seconds (an estimate from 24,700 calls a day in all of Shanghai); a
/// workload with so few would measure nothing but sensors.
const ORDINARY: [f64; GROUPS] = [980.0, 280.0, 133.0, 7.0, 0.0];
/// Clocks that are off on an ordinary day, in thousandths of the devices.
const SKEWED: u32 = 50;

const HOUR_S: f64 = 3_600.0;
/// When a typhoon begins to be felt, makes landfall, and is over, in hours.
const ONSET_H: f64 = 5.5;
const LANDFALL_H: f64 = 14.5;
const OVER_H: f64 = 23.5;

/// The typhoon of a day.
struct Storm {
    track: Track,
    /// From which second of the period on people talk about it.
    from_s: f64,
    /// How many of them, in thousandths.
    share: u32,
}

impl Storm {
    /// Whether a person reports what the storm did.
    fn harms(&self, at_s: f64, rng: &mut Rng) -> bool {
        at_s >= self.from_s && rng.below(1_000) < self.share
    }
}

/// One of the six.
pub struct Profile {
    name: &'static str,
    says: &'static str,
    start_ms: u64,
    curve: Curve,
    trouble: Trouble,
    storm: Option<Storm>,
    /// Reports in the hottest cell, in thousandths.
    hot_permille: u32,
}

/// 2026-01-01T00:00:00+08:00, a Thursday.
const NEW_YEAR_MS: u64 = 1_767_196_800_000;
const DAY_MS: u64 = 86_400_000;
/// Days from there to a Tuesday in spring, and to a day in the season of typhoons.
const SPRING: u64 = 104;
const AUTUMN: u64 = 257;

impl Profile {
    /// Names of all, in the order in which they are told.
    pub const NAMES: [&str; 6] = ["normal", "typhoon", "outage", "sensor-storm", "hot-cell", "year"];

    /// The profile of a name.
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "normal" => Some(normal()),
            "typhoon" => Some(typhoon()),
            "outage" => Some(outage()),
            "sensor-storm" => Some(sensor_storm()),
            "hot-cell" => Some(hot_cell()),
            "year" => Some(year()),
            _ => None,
        }
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::NAMES.into_iter().filter_map(Self::by_name)
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What it is, in one sentence.
    pub const fn says(&self) -> &'static str {
        self.says
    }

    /// The start of its own clock, in milliseconds since 1970.
    pub const fn start_ms(&self) -> u64 {
        self.start_ms
    }

    /// Lines a second over its own clock, at its natural size.
    pub const fn curve(&self) -> &Curve {
        &self.curve
    }

    /// Lines of a period at its natural size.
    pub fn lines(&self) -> u64 {
        self.curve.lines().round() as u64
    }

    /// Its reports for a seed, with `volume` lines in every period of its curve. The same seed and volume give the same bytes on
    /// every machine.
    pub fn stream(&self, seed: u64, volume: u64) -> Stream<'_> {
        Stream::new(self, seed, volume)
    }
}

const fn ordinary_trouble() -> Trouble {
    Trouble { skewed: SKEWED, silent: 0, falls_s: (0, 0) }
}

fn normal() -> Profile {
    Profile {
        name: "normal",
        says: "平日: a working day, people by the hour, sensors evenly",
        start_ms: NEW_YEAR_MS + SPRING * DAY_MS,
        curve: calendar::day(ORDINARY, |_| [1.0; GROUPS]),
        trouble: ordinary_trouble(),
        storm: None,
        hot_permille: 0,
    }
}

fn typhoon() -> Profile {
    // From 1 at the onset to the most at landfall, then down to what is left of it at the end.
    let swell = |hour: f64, most: f64, left: f64| {
        let rising = 1.0 + (most - 1.0) * (hour - ONSET_H) / (LANDFALL_H - ONSET_H);
        let falling = most + (left - most) * (hour - LANDFALL_H) / (OVER_H - LANDFALL_H);
        rising.min(falling).max(1.0)
    };
    let swells = |hour| {
        let people = swell(hour, 10.0, 2.0);
        [swell(hour, 3.0, 1.0), people, people, swell(hour, 5.0, 1.0), 1.0]
    };
    let track = Track {
        from: Spot { lng: 121_960_000, lat: 30_870_000 },
        to: Spot { lng: 121_560_000, lat: 31_360_000 },
        seconds: (ONSET_H * HOUR_S, OVER_H * HOUR_S),
        reach: 60_000,
    };
    Profile {
        name: "typhoon",
        says: "台风: 24 hours with a landfall at half past two; people ×10, sensors ×3 with drop-outs, police ×5",
        start_ms: NEW_YEAR_MS + AUTUMN * DAY_MS,
        curve: calendar::day(ORDINARY, swells),
        trouble: Trouble { skewed: 200, silent: 50, falls_s: (41_400, 55_800) },
        storm: Some(Storm { track, from_s: ONSET_H * HOUR_S, share: 800 }),
        hot_permille: 0,
    }
}

fn outage() -> Profile {
    const BACKGROUND: [f64; GROUPS] = [3.5, 1.0, 0.475, 0.025, 0.0];
    let with_calls = |calls: f64| [BACKGROUND[0], BACKGROUND[1], BACKGROUND[2], BACKGROUND[3], calls];
    let knot = |minute: f64, calls: f64| Knot { at_s: minute * 60.0, rates: with_calls(calls) };
    let knots =
        vec![knot(0.0, 0.0), knot(10.0, 0.0), knot(10.0, 5.0), knot(20.0, 5.0), knot(20.0, 0.0), knot(40.0, 0.0)];
    Profile {
        name: "outage",
        says: "停电: one substation fails; 3,000 calls in 10 minutes from 30 cells over a quiet background",
        start_ms: NEW_YEAR_MS + SPRING * DAY_MS + 20 * 3_600_000,
        curve: Curve::new(knots),
        trouble: ordinary_trouble(),
        storm: None,
        hot_permille: 0,
    }
}

fn sensor_storm() -> Profile {
    const STORM: f64 = 200_000.0;
    let with_sensors = |sensors: f64| [sensors, ORDINARY[1], ORDINARY[2], ORDINARY[3], 0.0];
    let knot = |at_s: f64, sensors: f64| Knot { at_s, rates: with_sensors(sensors) };
    let calm = ORDINARY[0];
    let knots = vec![
        knot(0.0, calm),
        knot(120.0, calm),
        knot(120.0, STORM),
        knot(180.0, STORM),
        knot(180.0, calm),
        knot(300.0, calm),
    ];
    Profile {
        name: "sensor-storm",
        says: "传感器风暴: all sensors at once for 60 seconds, 200,000 lines a second",
        start_ms: NEW_YEAR_MS + SPRING * DAY_MS + 3 * 3_600_000,
        curve: Curve::new(knots),
        trouble: ordinary_trouble(),
        storm: None,
        hot_permille: 0,
    }
}

fn hot_cell() -> Profile {
    Profile {
        name: "hot-cell",
        says: "热点网格: half of all reports in one cell, for an hour",
        start_ms: NEW_YEAR_MS + SPRING * DAY_MS + 9 * 3_600_000,
        curve: Curve::flat(HOUR_S, ORDINARY),
        trouble: ordinary_trouble(),
        storm: None,
        hot_permille: 500,
    }
}

fn year() -> Profile {
    Profile {
        name: "year",
        says: "全年: 9 million hotline tickets of a year, by hour, weekday and season",
        start_ms: NEW_YEAR_MS,
        curve: calendar::year(9_028_000.0, [0.0, 0.0, 0.98, 0.02, 0.0]),
        trouble: ordinary_trouble(),
        storm: None,
        hot_permille: 0,
    }
}
