//! How many reports a second, and of whom: a line of knots over the profile's own clock, which comes round again.
//!
//! Floats are only added, multiplied, divided and rooted here; IEEE 754 makes those the same on every machine.

use serde::Serialize;

use crate::rehearsal::rng::Rng;

/// Who reports, as far as load has a curve of its own for them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum Group {
    /// Devices.
    Sensor,
    /// Telephone applications, social channels, partners and patrols.
    App,
    /// Citizens' hotlines.
    Hotline,
    /// Police, who hand on what is none of theirs.
    Police,
    /// Those whom one event makes call.
    Event,
}

/// Number of groups.
pub const GROUPS: usize = 5;

impl Group {
    /// All, in the order of a knot's rates.
    pub const ALL: [Self; GROUPS] = [Self::Sensor, Self::App, Self::Hotline, Self::Police, Self::Event];
}

/// The rates at a moment.
#[derive(Clone, Copy, Debug)]
pub struct Knot {
    /// Seconds from the start of the period.
    pub at_s: f64,
    /// Lines a second of each group.
    pub rates: [f64; GROUPS],
}

impl Knot {
    fn rate(&self) -> f64 {
        self.rates.iter().sum()
    }
}

/// A rate that changes linearly from knot to knot, and jumps where two knots share a moment.
#[derive(Clone, Debug)]
pub struct Curve {
    knots: Vec<Knot>,
    /// Lines from the start of the period to each knot.
    sums: Vec<f64>,
}

impl Curve {
    /// Of at least two knots in the order of time, the first at 0; the last one ends the period.
    pub fn new(knots: Vec<Knot>) -> Self {
        assert!(knots.len() >= 2 && knots[0].at_s == 0.0, "a curve has a period that starts at 0");
        assert!(knots.is_sorted_by(|a, b| a.at_s <= b.at_s), "knots come in the order of time");
        let mut sum = 0.0;
        let mut sums = vec![sum];
        for pair in knots.windows(2) {
            sum += (pair[0].rate() + pair[1].rate()) / 2.0 * (pair[1].at_s - pair[0].at_s);
            sums.push(sum);
        }
        Self { knots, sums }
    }

    /// The same rates from the start of a period to its end.
    pub fn flat(period_s: f64, rates: [f64; GROUPS]) -> Self {
        Self::new(vec![Knot { at_s: 0.0, rates }, Knot { at_s: period_s, rates }])
    }

    /// The knots.
    pub fn knots(&self) -> &[Knot] {
        &self.knots
    }

    /// Seconds until the curve comes round again.
    pub fn period_s(&self) -> f64 {
        self.knots[self.knots.len() - 1].at_s
    }

    /// Lines of a period.
    pub fn lines(&self) -> f64 {
        self.sums[self.sums.len() - 1]
    }

    /// Lines a second, on the average of a period.
    pub fn mean(&self) -> f64 {
        self.lines() / self.period_s()
    }

    /// Most lines a second.
    pub fn peak(&self) -> f64 {
        self.knots.iter().map(Knot::rate).fold(0.0, f64::max)
    }

    /// Lines a second at a moment, counted from the start of any period.
    pub fn rate(&self, at_s: f64) -> f64 {
        let at_s = at_s % self.period_s();
        let segment = self.knots.partition_point(|knot| knot.at_s <= at_s).clamp(1, self.knots.len() - 1) - 1;
        self.rates_at(segment, at_s).iter().sum()
    }

    fn rates_at(&self, segment: usize, at_s: f64) -> [f64; GROUPS] {
        let (from, to) = (&self.knots[segment], &self.knots[segment + 1]);
        let part = if to.at_s > from.at_s { (at_s - from.at_s) / (to.at_s - from.at_s) } else { 0.0 };
        std::array::from_fn(|group| from.rates[group] + (to.rates[group] - from.rates[group]) * part)
    }

    /// The moment, within a segment of the period, at which so many lines of the period have come.
    fn moment(&self, segment: usize, lines: f64) -> f64 {
        let (from, to) = (&self.knots[segment], &self.knots[segment + 1]);
        let (duration, missing) = (to.at_s - from.at_s, lines - self.sums[segment]);
        // Of rate·x + slope·x²/2 = missing, in the form that is exact for flat pieces too.
        let slope = (to.rate() - from.rate()) / duration;
        let root = (from.rate() * from.rate() + 2.0 * slope * missing).max(0.0).sqrt();
        let passed = 2.0 * missing / (from.rate() + root);
        from.at_s + if passed.is_finite() { passed.clamp(0.0, duration) } else { 0.0 }
    }
}

/// Walks along a curve, line by line.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    segment: usize,
    period: u64,
    at_s: f64,
}

impl Walk {
    /// Goes to line `index` of a stream in which a period has `volume` lines; never back. Gives nanoseconds from the start.
    pub fn to(&mut self, curve: &Curve, index: u64, volume: u64) -> u64 {
        if index / volume > self.period {
            (self.period, self.segment) = (index / volume, 0);
        }
        // Each line stands in the middle of its share of the period.
        let lines = (2 * (index % volume) + 1) as f64 / (2 * volume) as f64 * curve.lines();
        let last = curve.knots.len() - 2;
        while self.segment < last && curve.sums[self.segment + 1] <= lines {
            self.segment += 1;
        }
        self.at_s = curve.moment(self.segment, lines);
        ((self.period as f64 * curve.period_s() + self.at_s) * 1e9) as u64
    }

    /// Seconds into the period.
    pub const fn at_s(&self) -> f64 {
        self.at_s
    }

    /// Somebody to report now.
    pub fn group(&self, curve: &Curve, rng: &mut Rng) -> Group {
        let rates = curve.rates_at(self.segment, self.at_s);
        let ticket = rng.below(u32::MAX) as f64 / f64::from(u32::MAX) * rates.iter().sum::<f64>();
        let mut sum = 0.0;
        let reached = |rate: &f64| {
            sum += rate;
            ticket < sum
        };
        // The largest ticket may round up to the sum of all.
        let last = || rates.iter().rposition(|rate| *rate > 0.0).unwrap_or(0);
        Group::ALL[rates.iter().position(reached).unwrap_or_else(last)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knot(at_s: f64, sensor: f64) -> Knot {
        Knot { at_s, rates: [sensor, 0.0, 0.0, 0.0, 0.0] }
    }

    #[test]
    fn lines_stand_where_the_curve_puts_them() {
        let check = |knots: Vec<Knot>, volume: u64, expected_ms: &[u64]| {
            let (curve, mut walk) = (Curve::new(knots), Walk::default());
            let found: Vec<u64> =
                (0..expected_ms.len() as u64).map(|i| (walk.to(&curve, i, volume) + 500_000) / 1_000_000).collect();
            assert_eq!(found, expected_ms);
        };
        check(vec![knot(0.0, 4.0), knot(1.0, 4.0)], 4, &[125, 375, 625, 875, 1_125, 1_375]);
        // Twice the volume in the same period stands twice as densely.
        check(vec![knot(0.0, 4.0), knot(1.0, 4.0)], 8, &[63, 188, 313, 438]);
        // A rising edge: the middle line of 1 comes at √½.
        check(vec![knot(0.0, 0.0), knot(1.0, 2.0)], 1, &[707, 1_707]);
        // A jump, and a stretch of silence.
        check(
            vec![knot(0.0, 1.0), knot(1.0, 1.0), knot(1.0, 0.0), knot(3.0, 0.0), knot(3.0, 3.0), knot(4.0, 3.0)],
            4,
            &[500, 3_167, 3_500, 3_833, 4_500],
        );
    }

    #[test]
    fn figures_are_those_of_the_knots() {
        let curve = Curve::new(vec![knot(0.0, 2.0), knot(10.0, 4.0), knot(10.0, 1.0), knot(20.0, 1.0)]);
        assert_eq!((curve.period_s(), curve.lines(), curve.mean(), curve.peak()), (20.0, 40.0, 2.0, 4.0));
        let check = |at_s, expected: f64| assert_eq!(curve.rate(at_s), expected, "at {at_s} s");
        check(0.0, 2.0);
        check(5.0, 3.0);
        check(15.0, 1.0);
        check(25.0, 3.0);
    }

    #[test]
    fn groups_come_by_their_rates() {
        let curve = Curve::flat(10.0, [7.0, 2.0, 0.0, 1.0, 0.0]);
        let (mut walk, mut rng, mut counts) = (Walk::default(), Rng::seeded(5), [0u32; GROUPS]);
        for index in 0..10_000 {
            walk.to(&curve, index, 10_000);
            counts[walk.group(&curve, &mut rng) as usize] += 1;
        }
        assert!((6_850..7_150).contains(&counts[0]) && (900..1_100).contains(&counts[3]), "{counts:?}");
        assert_eq!((counts[2], counts[4]), (0, 0));
    }
}
