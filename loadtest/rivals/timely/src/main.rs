//! The bench job on timely-dataflow, with the parser, the sets and the allocator of the reference.

mod blocks;
mod dispatch;
mod message;

use blocks::Blocks;
use clap::Parser;
use dispatch::{Output, dispatch};
use hashbrown::DefaultHashBuilder;
use loadtest::Outcome;
use loadtest::bench_city::GRACE_MS;
use loadtest::counts::{Counts, Measured, write_json};
use loadtest::job::{Loads, Reader};
use loadtest::usage::Usage;
use message::Message;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use timely::dataflow::InputHandle;
use timely::worker::Worker;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How far, in event time, a worker reads ahead of what all workers have finished: timely has no flow control of its own.
const LEAD_MS: u64 = 30_000;

/// The bench job on timely-dataflow.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// The NDJSON file of reports
    file: PathBuf,
    /// Where the assignments go, one a line
    #[arg(long)]
    out: PathBuf,
    /// Where the counts go as JSON; without it they are printed
    #[arg(long)]
    summary: Option<PathBuf>,
    /// Worker threads
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=64))]
    workers: u64,
    /// Work out case_sum, which only checks the answer and is no part of the job
    #[arg(long)]
    case_sum: bool,
}

/// What a worker adds to the answer.
struct Part {
    counts: Counts,
    loads: Loads,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("rival-timely: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Outcome {
    let started = Instant::now();
    let failed = |path: &Path, e| format!("{}: cannot open: {e}", path.display());
    let input = File::open(&args.file).map_err(|e| failed(&args.file, e))?;
    let blocks = Blocks::of(input).map_err(|e| failed(&args.file, e))?;
    let output = Arc::new(Mutex::new(File::create(&args.out).map_err(|e| failed(&args.out, e))?));
    // Hashes decide who gets what: all workers must have the same seed.
    let (hasher, case_sum) = (DefaultHashBuilder::default(), args.case_sum);
    let guards = timely::execute(timely::Config::process(args.workers as usize), move |worker| {
        work(worker, &blocks, &hasher, Output::new(Arc::clone(&output), case_sum))
    })?;
    let mut whole = Part { counts: Counts::default(), loads: Loads::default() };
    for part in guards.join() {
        let part = part?.map_err(|e| format!("{}: cannot read on, or write what follows: {e}", args.file.display()))?;
        whole.counts.add(&part.counts);
        whole.loads.add(&part.loads);
    }
    let counts = Counts { unit_load_digest: whole.loads.digest(), ..whole.counts };
    write_json(args.summary.as_deref(), &Measured { counts, usage: Usage::since(started)? })
}

/// Reads this worker's blocks, and runs the dataflow beside and behind it.
fn work(worker: &mut Worker, blocks: &Blocks, hasher: &DefaultHashBuilder, output: Output) -> io::Result<Part> {
    let (mut input, reader, mut counts) = (InputHandle::new(), Reader::default(), Counts::default());
    let (probe, decided) = worker.dataflow(|scope| dispatch(input.to_stream(scope), output));
    for number in (worker.index() as u64..blocks.count()).step_by(worker.peers()) {
        let mut ts_max = 0;
        blocks.each_line(number, |line| {
            counts.lines += 1;
            match reader.read(line) {
                Ok(report) => {
                    ts_max = ts_max.max(report.ts);
                    input.send(Message::of(&report, hasher));
                }
                Err(why) => counts.refuse(why),
            }
            Ok(())
        })?;
        input.advance_to(ts_max.saturating_sub(GRACE_MS).max(*input.time()));
        let due = input.time().saturating_sub(LEAD_MS);
        worker.step_while(|| probe.less_than(&due));
    }
    drop(input);
    worker.step_while(|| !probe.done());
    let (found, loads) = decided.finish()?;
    counts.add(&found);
    Ok(Part { counts, loads })
}
