//! `reference`: the bench job as a good Rust program does it without a second thread. It is the bar that paidan is
//! measured against, so it is written for speed and never slowed down: lines by `memchr` out of a large buffer, a typed
//! borrowed parse by `sonic-rs`, `hashbrown` sets for each bucket, ids in an arena, one output buffer.

use crate::counts::{Counts, Measured, fnv1a, write_json};
use crate::{Outcome, bench_city::*, lines::each_line, usage::Usage};
use hashbrown::{DefaultHashBuilder, HashMap, HashSet, HashTable, hash_table::Entry};
use serde::Deserialize;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::{borrow::Cow, collections::BTreeMap, fs::File, io, io::Write, time::Instant};

const BUFFER_BYTES: usize = 1 << 20;
const CASE_KEY: &str = "{\"case\":\"";

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

/// The fields that the job reads. An absent one gets a value that the job refuses.
#[derive(Deserialize, Default)]
#[serde(default, bound = "'de: 'a")]
struct Event<'a> {
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    ts: i64,
    lng: f64,
    lat: f64,
    #[serde(borrow)]
    category: Cow<'a, str>,
}

/// What has been seen in ten minutes of event time.
#[derive(Default)]
struct Bucket {
    /// Length, source and id of every report, one after the other.
    names: Vec<u8>,
    /// Hash of each and where it begins: eight bytes, so that a bucket's table stays small.
    ids: HashTable<(u32, u32)>,
    /// Cell and category of every case.
    cases: HashSet<u32>,
}

impl Bucket {
    /// Whether `id` of `source` is new here.
    fn insert(&mut self, hasher: &DefaultHashBuilder, source: &str, id: &str) -> bool {
        let first = self.names.len();
        self.names.extend_from_slice(&[id.len() as u8, source.as_bytes()[0]]);
        self.names.extend_from_slice(id.as_bytes());
        let name = &self.names[first..];
        let hash = hasher.hash_one(name) as u32;
        let spread = |hash: u32| u64::from(hash) << 32 | u64::from(hash);
        // A name begins with its length, so a prefix that is equal is all of it.
        let same = |seen: &(u32, u32)| seen.0 == hash && self.names[seen.1 as usize..].starts_with(name);
        match self.ids.entry(spread(hash), same, |seen| spread(seen.0)) {
            Entry::Occupied(_) => self.names.truncate(first),
            Entry::Vacant(slot) => {
                slot.insert((hash, u32::try_from(first).expect("ten minutes have less than 4 GiB of ids")));
            }
        }
        self.names.len() > first
    }
}

#[derive(Default)]
struct Job {
    counts: Counts,
    hasher: DefaultHashBuilder,
    categories: HashMap<&'static str, u32>,
    buckets: BTreeMap<u64, Bucket>,
    ts_max: u64,
    loads: Vec<u32>,
    output: Vec<u8>,
}

impl Job {
    fn line(&mut self, line: &[u8], output: &mut impl Write) -> io::Result<()> {
        self.counts.lines += 1;
        match sonic_rs::from_slice::<Event>(line) {
            // An array of six would be an event to serde as well.
            _ if !line.trim_ascii_start().starts_with(b"{") => self.counts.malformed += 1,
            Ok(event) => self.event(&event),
            // A field of another type makes an object invalid, not malformed.
            Err(_) if sonic_rs::from_slice::<sonic_rs::Value>(line).is_ok() => self.counts.invalid += 1,
            Err(_) => self.counts.malformed += 1,
        }
        if self.output.len() >= BUFFER_BYTES {
            output.write_all(&self.output)?;
            self.output.clear();
        }
        Ok(())
    }

    fn event(&mut self, event: &Event) {
        let right = matches!(&*event.source, "sensor" | "app" | "hotline")
            && (1..=ID_BYTES_MAX).contains(&event.id.len())
            && event.ts > 0
            && (121.45..121.95).contains(&event.lng)
            && (30.9..31.4).contains(&event.lat);
        let Some(&category) = self.categories.get(&*event.category).filter(|_| right) else {
            self.counts.invalid += 1;
            return;
        };
        let (ts, number) = (event.ts as u64, event.ts as u64 / BUCKET_MS);
        if ts > self.ts_max {
            self.ts_max = ts;
            while self.buckets.first_key_value().is_some_and(|(first, _)| ts > (first + 1) * BUCKET_MS + GRACE_MS) {
                self.buckets.pop_first();
            }
        }
        let bucket = self.buckets.entry(number).or_default();
        if !bucket.insert(&self.hasher, &event.source, &event.id) {
            self.counts.duplicates += 1;
            return;
        }
        self.counts.unique += 1;
        let column = ((event.lng * 1e6).round() as i32 - WEST) as u32 / CELL_WIDTH;
        let row = ((event.lat * 1e6).round() as i32 - SOUTH) as u32 / CELL_HEIGHT;
        if bucket.cases.insert((row * COLUMNS + column) * CATEGORIES.len() as u32 + category) {
            self.counts.opened += 1;
            self.assign(event, category, number, column, row);
        } else {
            self.counts.merged += 1;
        }
    }

    fn assign(&mut self, event: &Event, category: u32, number: u64, column: u32, row: u32) {
        let (department, area) =
            (department_of(category as usize), row / AREA_CELLS * AREA_COLUMNS + column / AREA_CELLS);
        let first = ((department * AREAS + area) * POOL) as usize;
        let unit = (first..first + POOL as usize).min_by_key(|unit| self.loads[*unit]).unwrap_or(first);
        self.loads[unit] += 1;
        let (out, mut digits) = (&mut self.output, itoa::Buffer::new());
        let case = out.len() + CASE_KEY.len();
        put(out, CASE_KEY, digits.format(row * COLUMNS + column));
        put(out, "-", digits.format(category));
        put(out, "-", digits.format(number));
        self.counts.case_sum = self.counts.case_sum.map(|sum| sum.wrapping_add(fnv1a(out[case..].iter().copied())));
        put(out, "\",\"source\":\"", &event.source);
        // Only an id that was escaped in the input can need it again.
        let quoted = matches!(event.id, Cow::Owned(_)).then(|| sonic_rs::to_string(&event.id).expect("a text is JSON"));
        put(out, "\",\"id\":\"", quoted.as_deref().map_or(&*event.id, |quoted| &quoted[1..quoted.len() - 1]));
        put(out, "\",\"ts\":", digits.format(event.ts));
        put(out, ",\"cx\":", digits.format(column));
        put(out, ",\"cy\":", digits.format(row));
        put(out, ",\"category\":\"", &event.category);
        put(out, "\",\"dept\":", digits.format(department));
        put(out, ",\"area\":", digits.format(area));
        put(out, ",\"unit\":", digits.format(unit));
        put(out, "}\n", "");
    }
}

fn put(out: &mut Vec<u8>, key: &str, value: &str) {
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(value.as_bytes());
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
    let mut job = Job { loads: vec![0; UNITS], ..Job::default() };
    job.categories.extend(CATEGORIES.iter().copied().zip(0..));
    job.counts.case_sum = (!args.no_case_sum).then_some(0);
    each_line(input, |line| job.line(line, &mut output))
        .and_then(|()| output.write_all(&job.output))
        .map_err(|e| format!("{}: cannot read on, or write what follows: {e}", args.file.display()))?;
    let mut counts = job.counts;
    counts.unit_load_digest = fnv1a(job.loads.iter().flat_map(|load| load.to_le_bytes()));
    counts.rejected = counts.malformed + counts.invalid;
    write_json(args.summary.as_deref(), &Measured { counts, usage: Usage::since(started)? })
}
