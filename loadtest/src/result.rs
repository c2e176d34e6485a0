//! What a load run found: values that are written as JSON, read again by `compare`, and drawn by the report.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::machine::Machine;

/// The layout of these files; a reader refuses another one.
pub const FORMAT: u32 = 1;

/// One run of one target under one schedule.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct LoadResult {
    /// [`FORMAT`].
    pub format: u32,
    /// What was asked: `run`, `overload 150 %`, `idle`, `soak`.
    pub mode: String,
    /// The exact command.
    pub command: String,
    /// Where and when.
    pub machine: Machine,
    /// Who was measured.
    pub target: Target,
    /// With what.
    pub workload: Workload,
    /// How fast.
    pub schedule: Schedule,
    /// What became of the reports of the measured time.
    pub counts: Counts,
    /// How long answers took, by urgency and by clock.
    pub latency: Vec<Latency>,
    /// How long each stage of the target took, by urgency, where the target says so.
    pub stages: Vec<StageLatency>,
    /// How well the target's latency budgets were kept.
    pub budgets: Vec<Attainment>,
    /// The slowest report of each minute and urgency.
    pub exemplars: Vec<Exemplar>,
    /// One point for each second, warm-up included.
    pub timeline: Vec<Second>,
    /// How far the sender lagged behind its own schedule while the target had room.
    pub lag: Distribution,
    /// CPU seconds of the sending thread over the seconds that passed: its share of one core.
    pub generator_cpu_share: f64,
    /// How long the machine kept a thread from running that wanted to, measured beside the run.
    pub hiccups: Distribution,
    /// CPU seconds of the whole process over the reports answered, in nanoseconds.
    pub cpu_ns_per_report: f64,
    /// The most memory resident at once, in MiB.
    pub peak_rss_mib: f64,
    /// Why the run says nothing about the target; empty for a run that counts.
    pub void_because: Vec<String>,
}

/// Who was measured.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Settings that matter, name and value.
    pub settings: Vec<(String, String)>,
}

/// What was sent.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct Workload {
    /// The profile.
    pub profile: String,
    /// Its seed.
    pub seed: u64,
    /// Different lines; when they are used up they come again under new ids and times.
    pub lines: u64,
    /// Mean length of a line in bytes.
    pub bytes_per_line: f64,
    /// Shares of urgencies and sources among the lines, such as `urgency A`.
    pub shares: Vec<(String, f64)>,
}

/// How fast it was sent.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct Schedule {
    /// `constant`, `poisson`, or the name of a curve.
    pub kind: String,
    /// Mean reports a second.
    pub rate_per_s: f64,
    /// Seconds before anything counts.
    pub warm_up_s: f64,
    /// Seconds that count.
    pub measured_s: f64,
}

/// What became of the reports whose intended instants lie in the measured time.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Reports that were due.
    pub due: u64,
    /// Of those, given to the target before the end or a second after it.
    pub sent: u64,
    /// Of those, never given to it: it had no room.
    pub unsent: u64,
    /// Given and answered.
    pub answered: u64,
    /// Given and not answered before the patience at the end ran out.
    pub unanswered: u64,
    /// Due and not answered when the measured time ended.
    pub backlog_at_end: u64,
}

/// From when a latency is counted.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// The instant at which the schedule wanted the report sent.
    Intended,
    /// The instant at which it was sent.
    Sent,
}

/// The latencies of one urgency on one clock.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct Latency {
    /// `A`, `B`, `C`, or `all`.
    pub urgency: String,
    /// From when.
    pub clock: Clock,
    /// How long.
    pub time: Distribution,
}

/// The time that reports of one urgency spent in one stage.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct StageLatency {
    /// `door`, `queue`, `understand`, `decide`, `journal`, `publish`; in the order of the way.
    pub stage: String,
    /// `A`, `B`, `C`.
    pub urgency: String,
    /// How long.
    pub time: Distribution,
}

/// How well a latency budget was kept.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct Attainment {
    /// `A`, `B`, `C`.
    pub urgency: String,
    /// The budgets of its sources, smallest and largest, in milliseconds.
    pub budget_ms: (f64, f64),
    /// Reports that had one.
    pub reports: u64,
    /// Those that took longer.
    pub missed: u64,
    /// The misses, by the stage that took the largest part of the time.
    pub missed_by_stage: Vec<(String, u64)>,
}

/// A slow report.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct Exemplar {
    /// Minutes since the start.
    pub minute: u64,
    /// `A`, `B`, `C`.
    pub urgency: String,
    /// What `paidan explain` knows it by.
    pub id: String,
    /// How long it took, in milliseconds.
    pub ms: f64,
    /// The stage that took the largest part.
    pub stage: String,
}

/// A second of a run.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Debug, Default)]
pub struct Second {
    /// Reports that were due in it.
    pub due: u64,
    /// Reports that were answered in it.
    pub answered: u64,
    /// Due and not answered at its end.
    pub backlog: u64,
    /// Answers in it that came later than their urgency's budget, counted from the intended instant: A, B, C.
    pub missed: [u64; 3],
    /// Median and 99th percentile of its answers from their intended instants, in milliseconds; 0 if there were none.
    pub p50_ms: f64,
    /// See `p50_ms`.
    pub p99_ms: f64,
    /// Memory resident at its end, in MiB.
    pub rss_mib: f64,
}

/// A distribution of times.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug, Default)]
pub struct Distribution {
    /// How many values.
    pub count: u64,
    /// The smallest, in microseconds.
    pub min_us: f64,
    /// Their mean.
    pub mean_us: f64,
    /// The largest.
    pub max_us: f64,
    /// Percent and the value in microseconds that so many do not exceed, ascending, as far as enough values lie beyond.
    pub percentiles: Vec<(f64, f64)>,
}

/// Values that must lie beyond a percentile before it is told.
const BEYOND_MIN: f64 = 100.0;
/// The percentiles that are told, from which a plot can be drawn.
const PERCENTS: [f64; 22] = [
    0.0, 10.0, 25.0, 50.0, 60.0, 70.0, 75.0, 80.0, 85.0, 90.0, 92.5, 95.0, 97.5, 98.0, 99.0, 99.5, 99.8, 99.9, 99.95,
    99.98, 99.99, 99.999,
];

impl Distribution {
    /// Of a histogram of nanoseconds.
    pub fn of(times: &Histogram<u64>) -> Self {
        let us = |ns: u64| ns as f64 / 1e3;
        let is_told = |percent: &f64| times.len() as f64 * (100.0 - percent) / 100.0 >= BEYOND_MIN;
        let told = PERCENTS.into_iter().filter(is_told);
        Self {
            count: times.len(),
            min_us: us(times.min()),
            mean_us: times.mean() / 1e3,
            max_us: us(times.max()),
            percentiles: told.map(|percent| (percent, us(times.value_at_percentile(percent)))).collect(),
        }
    }

    /// A percentile in milliseconds, if there were enough values to tell it.
    pub fn ms_at(&self, percent: f64) -> Option<f64> {
        let told = self.percentiles.iter().find(|(told, _)| *told == percent);
        told.map(|(_, us)| us / 1e3)
    }
}

/// What is kept of a run's rate in a search for the largest that can be kept up.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct SweepPoint {
    /// Reports offered a second.
    pub offered_per_s: f64,
    /// Reports answered a second.
    pub answered_per_s: f64,
    /// How fast the backlog grew over the measured time, in reports a second.
    pub backlog_slope_per_s: f64,
    /// From the intended instant, all urgencies.
    pub time: Distribution,
    /// See [`LoadResult::cpu_ns_per_report`].
    pub cpu_ns_per_report: f64,
    /// Why this rate is not kept up; none if it is.
    pub not_sustained_because: Option<String>,
}

/// A search for the largest rate.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct Sweep {
    /// [`FORMAT`].
    pub format: u32,
    /// The exact command.
    pub command: String,
    /// Where and when.
    pub machine: Machine,
    /// Who was measured.
    pub target: Target,
    /// With what.
    pub workload: Workload,
    /// Every rate that was tried, in the order of the search.
    pub points: Vec<SweepPoint>,
    /// The largest rate whose backlog does not grow, without loss, p99 within 1 s.
    pub sustainable_per_s: f64,
    /// The largest of the tried rates with p99.9 within 10 ms; 0 if none.
    pub at_10_ms_per_s: f64,
    /// The largest of the tried rates with p99 within 1 ms; 0 if none.
    pub at_1_ms_per_s: f64,
    /// The machine's own pauses during the search.
    pub hiccups: Distribution,
    /// Why the machine was too noisy for this to be repeated within 10 %; none if it was quiet.
    pub too_noisy_because: Option<String>,
}

/// How a cost grows with something.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct CostCurve {
    /// What is counted along x: `live ids`, `open cases`, `reports a second`.
    pub along: String,
    /// What it costs: `ns a report`, …
    pub cost: String,
    /// By which command, on which machine, when.
    pub how: String,
    /// x and cost, ascending.
    pub points: Vec<(f64, f64)>,
}

impl Sweep {
    /// What a report costs at each rate that was kept up.
    pub fn cost_curve(&self) -> CostCurve {
        let kept = self.points.iter().filter(|point| point.not_sustained_because.is_none());
        let mut points: Vec<(f64, f64)> = kept.map(|point| (point.offered_per_s, point.cpu_ns_per_report)).collect();
        points.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        CostCurve {
            along: "reports a second".to_owned(),
            cost: "ns of CPU a report".to_owned(),
            how: format!("{}; {}", self.command, self.machine),
            points,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_told_only_with_a_hundred_values_beyond_it() {
        let check = |values: u64, expected: &[(f64, bool)]| {
            let mut times = Histogram::new(3).expect("three digits");
            (1..=values).for_each(|n| times.record(n * 1000).expect("it grows"));
            let told = Distribution::of(&times);
            assert_eq!(told.count, values);
            for (percent, is_told) in expected {
                assert_eq!(told.ms_at(*percent).is_some(), *is_told, "{values} values, p{percent}");
            }
        };
        check(99, &[(50.0, false), (0.0, false)]);
        check(200, &[(50.0, true), (60.0, false)]);
        check(10_000, &[(99.0, true), (99.5, false)]);
        check(1_000_000, &[(99.99, true), (99.999, false)]);
    }
}
