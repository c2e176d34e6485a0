//! `overload`: more than a target can keep up, for a while, and then half of it: who is served meanwhile, and how long it takes
//! until everything is as before.

use std::time::Duration;

use crate::Outcome;
use crate::load::{Bench, Load, Loop};
use crate::measure::Frame;
use crate::result::Second;
use crate::schedule::Pace;

/// What `overload` is told.
#[derive(clap::Args)]
pub struct Args {
    /// The largest rate that is kept up, in reports a second; `sweep` finds it
    #[arg(long)]
    sustainable: f64,
    /// How much more is sent, in percent of that rate
    #[arg(long, default_value_t = 150.0)]
    percent: f64,
    /// Seconds of overload; `--seconds` counts the time behind it
    #[arg(long, default_value_t = 60.0)]
    overload: f64,
    #[command(flatten)]
    load: Load,
}

/// Parts of the sustainable rate before and behind the overload.
const BEFORE: f64 = 0.5;

/// Measures, prints, and writes the result.
pub fn run(args: &Args) -> Outcome {
    let bench = Bench::new(&args.load)?;
    let steps = |seconds: f64| seconds.round().max(1.0) as usize;
    let (before, during, behind) = (steps(args.load.warm_up), steps(args.overload), steps(args.load.seconds));
    let calm = args.sustainable * BEFORE;
    let mut per_s = vec![calm; before + during + behind];
    per_s[before..before + during].fill(args.sustainable * args.percent / 100.0);
    let pace = Pace::Curve { step_s: 1.0, per_s };
    let seconds = |steps: usize| Duration::from_secs(steps as u64);
    // What counts is the overload and what follows from it.
    let frame = Frame { warm_up: seconds(before), length: seconds(before + during + behind) };
    let run = bench.measure(&format!("overload {:.0} %", args.percent), &pace, frame, Loop::Open)?;
    run.tell(&args.load)?;
    let normal = run.measured.timeline[..before].iter().map(|second| second.backlog).max().unwrap_or(0);
    match recovered_after(&run.measured.timeline, before + during, normal) {
        Some(seconds) => println!("恢复 recovered {seconds} s behind the overload"),
        None => println!("未恢复 not recovered {behind} s behind the overload"),
    }
    Ok(())
}

/// Seconds from the end of the overload until the backlog is no larger than it was before, and stays so.
fn recovered_after(timeline: &[Second], end: usize, normal: u64) -> Option<usize> {
    let behind = timeline.get(end..)?;
    let last_bad = behind.iter().rposition(|second| second.backlog > 2 * normal.max(1));
    match last_bad {
        None => Some(0),
        Some(last) if last + 1 < behind.len() => Some(last + 1),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_is_when_the_backlog_is_as_before_for_good() {
        let check = |backlogs: &[u64], expected: Option<usize>| {
            let timeline: Vec<Second> =
                backlogs.iter().map(|backlog| Second { backlog: *backlog, ..Second::default() }).collect();
            assert_eq!(recovered_after(&timeline, 2, 10), expected, "{backlogs:?}");
        };
        check(&[10, 500, 5, 5], Some(0));
        check(&[10, 500, 400, 200, 15, 12], Some(2));
        check(&[10, 500, 400, 5, 300, 12], Some(3));
        check(&[10, 500, 400, 300], None);
    }
}
