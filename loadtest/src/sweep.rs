//! `sweep`: the largest rate that a target keeps up, found by doubling and halving, and how long answers take below it.

use hdrhistogram::Histogram;

use crate::counts::write_json;
use crate::load::{Bench, Load, Loop, command};
use crate::machine::Machine;
use crate::report::{self, Report};
use crate::result::{Distribution, FORMAT, Sweep, SweepPoint};
use crate::{Outcome, shown, yardstick};

/// What `sweep` is told.
#[derive(clap::Args)]
pub struct Args {
    /// The rate that is tried first, in reports a second
    #[arg(long, default_value_t = 100_000.0)]
    from: f64,
    #[command(flatten)]
    load: Load,
}

/// A backlog that grows by less than this part of the rate does not grow.
const SLOPE_SHARE_MAX: f64 = 0.01;
/// What is answered later is not kept up.
const P99_MS_MAX: f64 = 1000.0;
/// How much faster the next rate is while all are kept up.
const STEP: f64 = 1.5;
/// How often the range between kept up and not is halved.
const HALVINGS: usize = 4;
/// Parts of the sustainable rate at which latencies are measured besides.
const BELOW: [f64; 6] = [0.9, 0.75, 0.5, 0.25, 0.1, 0.02];
/// Two searches agree within this part; a machine whose own speed changes by more cannot be searched.
const NOISE_MAX: f64 = 0.10;

/// Searches, prints, and writes the result.
pub fn run(args: &Args) -> Outcome {
    let bench = Bench::new(&args.load)?;
    let sweep = search(&bench, args.from)?;
    print!("{}", shown::sweep(&sweep));
    if let Some(path) = &args.load.json {
        write_json(Some(path), &sweep)?;
    }
    match &args.load.report {
        Some(path) => report::write(path, &Report { sweeps: vec![sweep], ..Report::default() }),
        None => Ok(()),
    }
}

/// The search.
///
/// # Errors
/// If the target fails.
pub fn search(bench: &Bench<'_>, from: f64) -> Outcome<Sweep> {
    let mut search = Search {
        bench,
        load: bench.load(),
        points: Vec::new(),
        hiccups: Vec::new(),
        speeds: vec![yardstick::seconds()],
    };
    let sustainable = search.largest(from)?;
    for part in BELOW {
        search.try_rate(sustainable * part)?;
    }
    let within = |percent: f64, ms_max: f64, points: &[SweepPoint]| {
        let is_within = |point: &&SweepPoint| {
            point.not_sustained_because.is_none() && point.time.ms_at(percent).is_some_and(|ms| ms <= ms_max)
        };
        points.iter().filter(is_within).map(|point| point.offered_per_s).fold(0.0, f64::max)
    };
    let Search { points, hiccups, speeds, .. } = search;
    Ok(Sweep {
        format: FORMAT,
        command: command(),
        machine: Machine::of_this_process()?,
        target: bench.facts(),
        workload: bench.workload(),
        sustainable_per_s: sustainable,
        at_10_ms_per_s: within(99.9, 10.0, &points),
        at_1_ms_per_s: within(99.0, 1.0, &points),
        points,
        hiccups: together(&hiccups),
        too_noisy_because: noise(&speeds),
    })
}

struct Search<'a> {
    bench: &'a Bench<'a>,
    load: &'a Load,
    points: Vec<SweepPoint>,
    hiccups: Vec<Histogram<u64>>,
    /// How long the yardstick took, before the first run and after each.
    speeds: Vec<f64>,
}

impl Search<'_> {
    /// The largest rate that is kept up.
    fn largest(&mut self, from: f64) -> Outcome<f64> {
        let (mut kept, mut lost) = (0.0, from);
        while self.keeps_up(lost)? {
            kept = lost;
            lost *= STEP;
        }
        while kept == 0.0 {
            lost /= STEP;
            if lost < 1.0 {
                return Err("the target does not even keep up one report a second".to_owned());
            }
            kept = if self.keeps_up(lost)? { lost } else { 0.0 };
        }
        if kept == lost {
            lost *= STEP;
        }
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(kept, lost);
            match self.keeps_up(middle)? {
                true => kept = middle,
                false => lost = middle,
            }
        }
        Ok(kept)
    }

    /// Whether a rate is kept up. What is not the first time is tried once more: one slow sync within the seconds of a step is a
    /// backlog too, and says nothing of the rate.
    fn keeps_up(&mut self, per_s: f64) -> Outcome<bool> {
        Ok(self.try_rate(per_s)? || self.try_rate(per_s)?)
    }

    /// Whether a rate is kept up this time.
    fn try_rate(&mut self, per_s: f64) -> Outcome<bool> {
        let frame = self.bench.frame();
        let pace = self.bench.pace(per_s)?;
        eprintln!("{per_s:.0} reports/s …");
        let run = self.bench.measure(&format!("sweep {per_s:.0}"), &pace, frame, Loop::Open)?;
        run.write_histograms(self.load)?;
        let (counts, slope) = (run.result.counts, run.measured.backlog_slope_per_s(frame));
        let p99 = run.measured.all.intended.value_at_percentile(99.0) as f64 / 1e6;
        let why = match () {
            () if counts.unsent + counts.unanswered > 0 => {
                Some(format!("{} unsent, {} unanswered", counts.unsent, counts.unanswered))
            }
            () if slope > per_s * SLOPE_SHARE_MAX => Some(format!("backlog grows by {slope:.0}/s")),
            () if p99 > P99_MS_MAX => Some(format!("p99 {p99:.0} ms")),
            () => None,
        };
        let measured_s = (frame.length - frame.warm_up).as_secs_f64();
        self.points.push(SweepPoint {
            offered_per_s: per_s,
            answered_per_s: (counts.due - counts.backlog_at_end) as f64 / measured_s,
            backlog_slope_per_s: slope,
            time: Distribution::of(&run.measured.all.intended),
            cpu_ns_per_report: run.result.cpu_ns_per_report,
            not_sustained_because: why.clone(),
        });
        self.hiccups.push(run.hiccups);
        self.speeds.push(yardstick::seconds());
        Ok(why.is_none())
    }
}

fn together(all: &[Histogram<u64>]) -> Distribution {
    let mut sum = Histogram::new_with_bounds(1_000, 120_000_000_000, 3).expect("constant bounds");
    all.iter().for_each(|one| sum.add(one).expect("the same bounds"));
    Distribution::of(&sum)
}

/// Why a machine was too noisy, if it was.
fn noise(speeds: &[f64]) -> Option<String> {
    let (least, most) = speeds.iter().fold((f64::INFINITY, 0.0_f64), |(least, most), s| (least.min(*s), most.max(*s)));
    let differs = most / least - 1.0;
    (differs > NOISE_MAX)
        .then(|| format!("同样的活时快时慢 the same work took up to {:.0} % longer between runs", differs * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_whose_speed_changes_is_noisy() {
        let check = |speeds: &[f64], is_noisy: bool| assert_eq!(noise(speeds).is_some(), is_noisy, "{speeds:?}");
        check(&[1.0], false);
        check(&[1.0, 1.05, 1.09], false);
        check(&[1.0, 1.2], true);
        check(&[1.2, 1.0], true);
    }
}
