//! Devices: what and where each one is follows from its number, so that millions of them take no memory.

use super::mix::Choice;
use super::place::Places;
use crate::rehearsal::pen::{decimal, fixed, padded, text};
use crate::rehearsal::pudong::{CellId, ClassId, PUDONG, Spot};
use crate::rehearsal::rng::Rng;

/// Devices of the district: its share by population of the city's 11 million terminals (cetc-ss.cetc.com.cn, 1686547), an
/// estimate.
pub const DEVICES: u32 = 2_500_000;
/// Devices that stand in the cell where a profile wants half of its reports.
const HOT_DEVICES: u32 = 2_000;
/// Prime to both numbers: the devices speak in turn, but not in the order of their numbers.
const STRIDE: u32 = 1_500_007;

/// A kind of device: what it watches, and what it measures.
struct Kind {
    code: &'static str,
    /// How many there are, in parts of a thousand and one.
    weight: u64,
    device: &'static str,
    unit: &'static str,
    /// Its threshold and its largest value, in thousandths.
    range: (u32, u32),
}

const fn kind(code: &'static str, weight: u64, device: &'static str, unit: &'static str, range: (u32, u32)) -> Kind {
    Kind { code, weight, device, unit, range }
}

/// Most watch parking, cameras, noise, dust, bins and lamps; the urgent ones, of urgency A, are 46 in a thousand.
const KINDS: [Kind; 15] = [
    kind("09009", 300, "parking-magnet", "min", (30_000, 480_000)),
    kind("01050", 190, "camera-health", "score", (100, 999)),
    kind("06028", 120, "noise-meter", "dB", (60_000, 98_000)),
    kind("08004", 110, "dust-meter", "mg/m3", (150, 2_900)),
    kind("06042", 100, "bin-level", "%", (85_000, 100_000)),
    kind("01037", 90, "lamp-controller", "A", (0, 900)),
    kind("09010", 45, "camera-ai", "score", (600, 999)),
    kind("01001", 8, "cover-tilt", "deg", (15_000, 90_000)),
    kind("01002", 8, "cover-tilt", "deg", (15_000, 90_000)),
    kind("01003", 8, "cover-tilt", "deg", (15_000, 90_000)),
    kind("90006", 8, "water-level", "m", (150, 1_200)),
    kind("90001", 5, "pipe-pressure", "MPa", (10, 180)),
    kind("90010", 4, "lift-monitor", "s", (120_000, 1_800_000)),
    kind("09012", 3, "camera-ai", "score", (600, 999)),
    kind("90002", 2, "gas-detector", "%LEL", (10_000, 80_000)),
];

/// One device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Device {
    /// Its number.
    pub number: u32,
    /// What it watches.
    pub class: ClassId,
    kind: u8,
    /// Where it stands.
    pub spot: Spot,
    /// The cell that it stands in.
    pub cell: CellId,
    /// How far its clock is ahead, in milliseconds.
    pub skew_ms: i64,
    /// Seconds of the period in which it is silent.
    silence_s: (u32, u32),
}

/// How far a clock that is wrong is off, at least and at most. The largest is well within what a log believes without witnesses.
const SKEW_MS: (u32, u32) = (10_000, 240_000);

/// What goes wrong with devices.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trouble {
    /// Clocks that are off, in thousandths of the devices.
    pub skewed: u32,
    /// Devices that fall silent for some hours, in thousandths.
    pub silent: u32,
    /// Between which seconds of the period they fall silent.
    pub falls_s: (u32, u32),
}

/// How long a device stays silent, at least and at most.
const SILENCE_S: (u32, u32) = (3_600, 28_800);

/// All devices, who speak in turn.
pub struct Fleet {
    seed: u64,
    spoken: [u32; 2],
    kinds: Choice<(u8, ClassId)>,
    /// Reports of the hottest cell come from devices of their own.
    hot_cell: CellId,
    trouble: Trouble,
}

impl Fleet {
    /// The devices of a seed.
    pub fn new(seed: u64, hot_cell: CellId, trouble: Trouble) -> Self {
        let first = Rng::seeded(seed).below(HOT_DEVICES);
        let kinds = KINDS.iter().enumerate();
        let kinds = kinds.map(|(index, kind)| ((index as u8, PUDONG.class_of(kind.code)), kind.weight));
        Self { seed, spoken: [first; 2], kinds: Choice::new(kinds), hot_cell, trouble }
    }

    /// The next device that is not silent at a second of the period.
    pub fn next(&mut self, in_hot_cell: bool, at_s: f64, places: &Places) -> Device {
        loop {
            let devices = if in_hot_cell { HOT_DEVICES } else { DEVICES };
            let turn = &mut self.spoken[usize::from(in_hot_cell)];
            *turn = (*turn + STRIDE % devices) % devices;
            let number = if in_hot_cell { DEVICES + *turn } else { *turn };
            let device = self.device(number, places);
            if !device.is_silent(at_s) {
                return device;
            }
        }
    }

    fn device(&self, number: u32, places: &Places) -> Device {
        let mut rng = Rng::seeded(self.seed ^ u64::from(number) << 24);
        let cell = if number < DEVICES { places.cell(&mut rng) } else { self.hot_cell };
        let (kind, class) = self.kinds.draw(&mut rng);
        let spot = PUDONG.grid.inside(cell, &mut rng);
        let Trouble { skewed, silent, falls_s } = self.trouble;
        let ahead = [1, -1][rng.below(2) as usize];
        let off = rng.between(SKEW_MS.0, SKEW_MS.1);
        let skew_ms = if rng.below(1_000) < skewed { ahead * i64::from(off) } else { 0 };
        let silence_s = if rng.below(1_000) < silent {
            let falls = rng.between(falls_s.0, falls_s.1);
            (falls, falls + rng.between(SILENCE_S.0, SILENCE_S.1))
        } else {
            (0, 0)
        };
        Device { number, class, kind, spot, cell, skew_ms, silence_s }
    }
}

impl Device {
    /// Whether it cannot be heard at a second of the period.
    pub fn is_silent(&self, at_s: f64) -> bool {
        (f64::from(self.silence_s.0)..f64::from(self.silence_s.1)).contains(&at_s)
    }

    /// What it says beside when, where and on what.
    pub fn write(&self, rng: &mut Rng, out: &mut Vec<u8>) {
        let Kind { device, unit, range: (low, high), .. } = KINDS[usize::from(self.kind)];
        text(out, ",\"component\":\"310115");
        text(out, &PUDONG.class(self.class).code);
        padded(out, u64::from(self.number % 1_000_000), 6);
        text(out, "\",\"title\":\"");
        text(out, &PUDONG.class(self.class).name_zh);
        fixed(out, "\",\"value\":", rng.between(low, high), 3);
        text(out, ",\"unit\":\"");
        text(out, unit);
        text(out, "\",\"device\":{\"type\":\"");
        text(out, device);
        text(out, "\",\"fw\":\"3.");
        decimal(out, u64::from(rng.below(30)));
        fixed(out, "\",\"threshold\":", low, 3);
        fixed(out, ",\"battery\":", rng.between(295, 365), 2);
        text(out, ",\"rssi\":-");
        decimal(out, u64::from(rng.between(61, 117)));
        text(out, ",\"seq\":");
        decimal(out, u64::from(rng.below(1_000_000)));
        text(out, "}");
    }
}

#[cfg(test)]
mod tests {
    use super::super::place::hot;
    use super::*;
    use std::collections::HashSet;

    const TROUBLE: Trouble = Trouble { skewed: 200, silent: 50, falls_s: (40_000, 50_000) };

    #[test]
    fn devices_speak_in_turn_and_stay_what_they_are() {
        let places = Places::new();
        let mut fleet = Fleet::new(7, hot(0), TROUBLE);
        let devices: Vec<Device> = (0..20_000).map(|_| fleet.next(false, 0.0, &places)).collect();
        assert_eq!(devices.iter().map(|device| device.number).collect::<HashSet<_>>().len(), devices.len());
        assert!(devices.iter().all(|device| fleet.device(device.number, &places) == *device));
        assert!(devices.iter().all(|device| PUDONG.grid.cell(device.spot) == Some(device.cell)));
        let skewed = devices.iter().filter(|device| device.skew_ms != 0).count();
        assert!((3_800..4_200).contains(&skewed), "{skewed}");
        assert_eq!(fleet.next(true, 0.0, &places).cell, hot(0));
    }

    #[test]
    fn who_is_silent_is_not_heard() {
        let places = Places::new();
        let heard = |at_s| {
            let mut fleet = Fleet::new(7, hot(0), TROUBLE);
            let numbers: HashSet<u32> = (0..20_000).map(|_| fleet.next(false, at_s, &places).number).collect();
            numbers
        };
        let (before, during) = (heard(30_000.0), heard(52_000.0));
        let missed = before.difference(&during).count();
        assert!((500..1_000).contains(&missed), "{missed} of 20,000 fell silent");
    }
}
