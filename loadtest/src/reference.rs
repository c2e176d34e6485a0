//! `reference`: the bench job as a good Rust program does it without a second thread. It is the bar that paidan is
//! measured against, so it is written for speed and never slowed down: lines by `memchr` out of a large buffer, a typed
//! borrowed parse by `sonic-rs`, `hashbrown` sets for each bucket, ids in an arena, one output buffer.

use crate::counts::{Counts, Measured, write_json};
use crate::job::{Assignments, Ids, Loads, Reader, Report};
use crate::{Outcome, bench_city::*, lines::each_line, usage::Usage};
use hashbrown::{DefaultHashBuilder, HashSet};
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::{collections::BTreeMap, fs::File, io, io::Write, time::Instant};

const BUFFER_BYTES: usize = 1 << 20;

/// What `reference` is asked to do.
#[derive(clap::Args)]
pub struct Args {
    /// The NDJSON file of reports
    file: PathBuf,
    /// Where the assignments go, one a line; without it they are made and dropped
    #[arg(long)]
    out: Option<PathBuf>,
    /// Where the counts go as JSON; without it they are printed
    #[arg(long)]
    summary: Option<PathBuf>,
    /// Leave out case_sum, which only checks the answer and is no part of the job (`ratio` does)
    #[arg(long)]
    no_case_sum: bool,
}

/// What has been seen in ten minutes of event time.
#[derive(Default)]
struct Bucket {
    ids: Ids,
    /// Cell and category of every case.
    cases: HashSet<u32>,
}

#[derive(Default)]
struct Job {
    counts: Counts,
    reader: Reader,
    hasher: DefaultHashBuilder,
    buckets: BTreeMap<u64, Bucket>,
    ts_max: u64,
    loads: Loads,
    output: Assignments,
}

impl Job {
    fn line(&mut self, line: &[u8], output: &mut impl Write) -> io::Result<()> {
        self.counts.lines += 1;
        match self.reader.read(line) {
            Ok(report) => self.report(&report),
            Err(why) => self.counts.refuse(why),
        }
        if self.output.text.len() >= BUFFER_BYTES {
            output.write_all(&self.output.text)?;
            self.output.text.clear();
        }
        Ok(())
    }

    fn report(&mut self, report: &Report) {
        if report.ts > self.ts_max {
            self.ts_max = report.ts;
            let over = |first: &u64| report.ts > (first + 1) * BUCKET_MS + GRACE_MS;
            while self.buckets.first_key_value().is_some_and(|(first, _)| over(first)) {
                self.buckets.pop_first();
            }
        }
        let bucket = self.buckets.entry(report.bucket()).or_default();
        let hash = self.hasher.hash_one((report.source, &*report.id));
        if !bucket.ids.insert(hash, report.source, &report.id) {
            self.counts.duplicates += 1;
            return;
        }
        self.counts.unique += 1;
        if bucket.cases.insert(report.case()) {
            self.counts.opened += 1;
            let unit = self.loads.assign(report.pool());
            self.output.write(report, unit);
        } else {
            self.counts.merged += 1;
        }
    }
}

/// Does the job and tells its counts.
pub fn run(args: &Args) -> Outcome {
    let started = Instant::now();
    let failed = |path: &Path, e| format!("{}: cannot open: {e}", path.display());
    let input = File::open(&args.file).map_err(|e| failed(&args.file, e))?;
    let mut output: Box<dyn Write> = match &args.out {
        Some(path) => Box::new(File::create(path).map_err(|e| failed(path, e))?),
        None => Box::new(io::sink()),
    };
    let mut job = Job::default();
    job.output.case_sum = (!args.no_case_sum).then_some(0);
    each_line(input, |line| job.line(line, &mut output))
        .and_then(|()| output.write_all(&job.output.text))
        .map_err(|e| format!("{}: cannot read on, or write what follows: {e}", args.file.display()))?;
    let counts = Counts { case_sum: job.output.case_sum, unit_load_digest: job.loads.digest(), ..job.counts };
    write_json(args.summary.as_deref(), &Measured { counts, usage: Usage::since(started)? })
}
