//! When each report is to be sent: known before the run begins, whatever the target does.

use crate::rng::Rng;

/// Nanoseconds of a second.
pub const NS_OF_SECOND: u64 = 1_000_000_000;

/// How the intended instants follow each other.
#[derive(Clone, Debug, PartialEq)]
pub enum Pace {
    /// One every so often.
    Constant {
        /// Reports a second.
        per_s: f64,
    },
    /// As independent callers come: gaps are exponential.
    Poisson {
        /// Reports a second, on average.
        per_s: f64,
        /// Another seed gives other gaps.
        seed: u64,
    },
    /// As recorded: how fast reports came in each of some equal steps of time.
    Curve {
        /// Seconds of a step.
        step_s: f64,
        /// Reports a second in each step; behind the last it begins again.
        per_s: Vec<f64>,
    },
}

impl Pace {
    /// Its name in results.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Constant { .. } => "constant",
            Self::Poisson { .. } => "poisson",
            Self::Curve { .. } => "curve",
        }
    }

    /// Reports a second, on average.
    pub fn mean_per_s(&self) -> f64 {
        match self {
            Self::Constant { per_s } | Self::Poisson { per_s, .. } => *per_s,
            Self::Curve { per_s, .. } => per_s.iter().sum::<f64>() / per_s.len() as f64,
        }
    }

    /// The intended instants, in nanoseconds from the start, ascending and without end. Each call gives the same ones.
    pub fn instants(&self) -> Instants<'_> {
        let seed = if let Self::Poisson { seed, .. } = self { *seed } else { 0 };
        Instants { pace: self, count: 0, at_s: 0.0, rng: Rng::seeded(seed) }
    }
}

/// The intended instants of a [`Pace`].
pub struct Instants<'a> {
    pace: &'a Pace,
    count: u64,
    at_s: f64,
    rng: Rng,
}

impl Iterator for Instants<'_> {
    type Item = u64;

    #[inline]
    fn next(&mut self) -> Option<u64> {
        self.count += 1;
        let at_s = match self.pace {
            // Not by adding up gaps, which would drift.
            Pace::Constant { per_s } => (self.count - 1) as f64 / per_s,
            Pace::Poisson { per_s, .. } => {
                let at_s = self.at_s;
                self.at_s += -unit(&mut self.rng).ln() / per_s;
                at_s
            }
            Pace::Curve { step_s, per_s } => {
                let at_s = self.at_s;
                self.at_s = after_one(at_s, *step_s, per_s);
                at_s
            }
        };
        Some((at_s * NS_OF_SECOND as f64) as u64)
    }
}

/// A number above 0 and at most 1.
fn unit(rng: &mut Rng) -> f64 {
    ((rng.bits() >> 11) + 1) as f64 / (1_u64 << 53) as f64
}

/// The time at which the integral of the rate since `at_s` reaches 1. A curve that is zero everywhere ends time.
fn after_one(at_s: f64, step_s: f64, per_s: &[f64]) -> f64 {
    let (mut at_s, mut left) = (at_s, 1.0);
    for _ in 0..=per_s.len() {
        let step = (at_s / step_s + 1e-9).floor();
        let rate = per_s[step as usize % per_s.len()];
        let end_s = (step + 1.0) * step_s;
        if rate * (end_s - at_s) >= left {
            return at_s + left / rate;
        }
        left -= rate * (end_s - at_s).max(0.0);
        at_s = end_s;
    }
    if left < 1.0 { at_s } else { f64::INFINITY }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_second(pace: &Pace, second: u64) -> usize {
        let of = |ns: &u64| ns / NS_OF_SECOND;
        pace.instants().skip_while(|ns| of(ns) < second).take_while(|ns| of(ns) == second).count()
    }

    #[test]
    fn a_constant_pace_is_even_and_does_not_drift() {
        let pace = Pace::Constant { per_s: 3.0 };
        assert_eq!(pace.instants().take(4).collect::<Vec<_>>(), [0, 333_333_333, 666_666_666, 1_000_000_000]);
        assert_eq!(pace.instants().nth(3_000_000), Some(1_000_000 * NS_OF_SECOND));
    }

    #[test]
    fn a_poisson_pace_has_its_mean_and_its_spread_and_the_same_instants_for_the_same_seed() {
        let pace = Pace::Poisson { per_s: 1000.0, seed: 7 };
        let instants: Vec<u64> = pace.instants().take(100_000).collect();
        let again: Vec<u64> = pace.instants().take(100_000).collect();
        assert_eq!(instants, again);
        assert!(instants.is_sorted());
        let gaps: Vec<f64> = instants.windows(2).map(|two| (two[1] - two[0]) as f64 / 1e6).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // Of exponential gaps, the deviation is the mean.
        assert!((mean - 1.0).abs() < 0.02 && (variance.sqrt() - 1.0).abs() < 0.03, "{mean} {variance}");
    }

    #[test]
    fn a_curve_has_the_rate_of_each_step_and_begins_again() {
        let pace = Pace::Curve { step_s: 1.0, per_s: vec![100.0, 0.0, 400.0] };
        for (second, expected) in [(0, 100), (1, 0), (2, 400), (3, 100), (4, 0), (5, 400)] {
            let found = in_second(&pace, second);
            assert!(found.abs_diff(expected) <= 1, "second {second}: {found}, expected {expected}");
        }
        let nobody = Pace::Curve { step_s: 1.0, per_s: vec![0.0, 0.0] };
        assert_eq!(nobody.instants().nth(1), Some(u64::MAX));
    }
}
