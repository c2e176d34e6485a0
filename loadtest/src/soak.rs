//! `soak`: a long run, after which memory and handles must be where they were.

use crate::Outcome;
use crate::load::{Bench, Load, Loop};
use crate::measure::slope;
use crate::result::Second;

/// What `soak` is told.
#[derive(clap::Args)]
pub struct Args {
    /// Reports a second
    #[arg(long)]
    rate: f64,
    #[command(flatten)]
    load: Load,
}

/// Memory that grows by less than this part of itself in the second half of a run is flat.
const GROWTH_MAX: f64 = 0.05;

/// Measures, prints, and writes the result.
///
/// # Errors
/// Also if memory or handles are not flat.
pub fn run(args: &Args) -> Outcome {
    let bench = Bench::new(&args.load)?;
    let pace = bench.pace(args.rate)?;
    let handles_before = handles()?;
    let run = bench.measure("soak", &pace, bench.frame(), Loop::Open)?;
    run.tell(&args.load)?;
    let (growth, more) = (growth(&run.result.timeline), handles()?.saturating_sub(handles_before));
    println!("内存 memory {:+.1} % in the second half; 句柄 {more} handles more than before", growth * 100.0);
    match growth > GROWTH_MAX || more > 0 {
        true => Err("内存或句柄不平 memory or handles are not flat".to_owned()),
        false => Ok(()),
    }
}

/// How much memory grew from the middle of a run to its end, as a part of what it was: by the line through its seconds.
fn growth(timeline: &[Second]) -> f64 {
    let seconds = timeline.iter().map(|second| second.rss_mib).enumerate().filter(|(_, rss)| *rss > 0.0);
    let points: Vec<(f64, f64)> = seconds.map(|(second, rss)| (second as f64, rss)).collect();
    let half = &points[points.len() / 2..];
    match half.first() {
        Some((_, rss)) => slope(half) * half.len() as f64 / rss,
        None => 0.0,
    }
}

/// Open files and sockets of this process.
fn handles() -> Outcome<usize> {
    let folder = "/proc/self/fd";
    std::fs::read_dir(folder).map(Iterator::count).map_err(|cause| format!("{folder}: cannot read: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_of_the_second_half() {
        let check = |rss: &[f64], expected: f64| {
            let timeline: Vec<Second> = rss.iter().map(|rss| Second { rss_mib: *rss, ..Second::default() }).collect();
            assert!((growth(&timeline) - expected).abs() < 1e-6, "{rss:?}: {}", growth(&timeline));
        };
        check(&[], 0.0);
        check(&[10.0, 100.0, 100.0, 100.0], 0.0);
        check(&[10.0, 50.0, 100.0, 110.0], 0.2);
        check(&[10.0, 50.0, 100.0, 110.0, 0.0], 0.2);
    }
}
