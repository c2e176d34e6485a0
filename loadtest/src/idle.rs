//! `idle`: what a target costs when nothing comes, and how long it takes when hardly anything does. Lingering and spinning
//! show here.

use std::time::{Duration, Instant};

use crate::load::{Bench, Load, Loop};
use crate::{Outcome, usage};

/// What `idle` is told.
#[derive(clap::Args)]
pub struct Args {
    /// Reports a second of the trickle
    #[arg(long, default_value_t = 10.0)]
    rate: f64,
    /// Seconds in which nothing is sent at all
    #[arg(long, default_value_t = 10.0)]
    quiet: f64,
    #[command(flatten)]
    load: Load,
}

/// Measures, prints, and writes the result.
pub fn run(args: &Args) -> Outcome {
    let bench = Bench::new(&args.load)?;
    let share = bench.idle_cpu_share(Duration::from_secs_f64(args.quiet))?;
    let pace = bench.pace(args.rate)?;
    let run = bench.measure("idle", &pace, bench.frame(), Loop::Open)?;
    run.tell(&args.load)?;
    println!("空闲 CPU idle CPU {:.2} % of a core", share * 100.0);
    Ok(())
}

impl Bench<'_> {
    /// The share of a core that the target uses while nothing comes.
    fn idle_cpu_share(&self, quiet: Duration) -> Outcome<f64> {
        let target = self.target(0, self.frame())?;
        // It may still be busy with its own start.
        std::thread::sleep(Duration::from_secs(1));
        let (cpu_before, before) = (usage::process_cpu_s()?, Instant::now());
        std::thread::sleep(quiet);
        let share = (usage::process_cpu_s()? - cpu_before) / before.elapsed().as_secs_f64();
        target.finish()?;
        self.clear_data();
        Ok(share)
    }
}
