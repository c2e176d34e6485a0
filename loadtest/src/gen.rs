//! `gen`: the bench workload, the same bytes for the same number of lines and seed on every machine, and its truth.
//!
//! Every line is one of five kinds, drawn first; see `Kind::draw` for the shares.

use crate::bench_city::{CATEGORIES, CELL_HEIGHT, CELL_WIDTH, COLUMNS, ROWS, SIDE};
use crate::counts::write_json;
use crate::line::{Report, Source};
use crate::rng::{Rng, Weighted};
use crate::truth::{Oracle, Truth};
use crate::{Outcome, progress::Progress};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The line clock at the first line; events lie up to [`JITTER_MS`] to either side of it.
const CLOCK_START_MS: u64 = 1_767_225_610_000;
/// Lines of a second of event time.
const LINES_PER_S: u64 = 1_400;
/// How far an event's time lies from its line's clock, at most.
const JITTER_MS: u32 = 5_000;

/// Accepted lines that a re-send is normally drawn from: a few seconds.
const RESEND_NEAR: u32 = 4_000;
/// Accepted lines kept for the late re-sends: at most 40 s, so that with jitter on both sides no line is 60 s late.
const RESEND_FAR: u32 = 47_000;
/// Every so many re-sends one is late.
const RESEND_FAR_EVERY: u32 = 10;

/// Incidents that further reports still come in for: about half a minute's.
const INCIDENTS: usize = 4_096;
/// Before there are so many, none comes in: otherwise the first incident would get them all.
const INCIDENTS_MIN: usize = 64;
/// Every so many reports one is the first of an incident.
const INCIDENT_EVERY: u32 = 8;
/// How far a further report of an incident lies from its first one, in micro-degrees (30 m) each way.
const INCIDENT_JITTER: u32 = 300;

/// Cells where half of all reports lie, by Zipf's law with exponent 1.
const HOT_CELLS: u64 = 8_000;
/// The hottest, near the middle of the city.
const HOT_FIRST: u64 = 132_050;
/// Prime to the number of cells, so that ranks scatter over the whole city and never meet.
const HOT_STRIDE: u64 = 100_003;
/// One, as a weight.
const ONE: u64 = 1 << 40;

const BUFFER_BYTES: usize = 1 << 20;

/// Writes the file at `out` (`-`: standard output) and its truth beside it.
pub fn run(lines: u64, out: &Path, seed: u64) -> Outcome {
    if out == Path::new("-") {
        return to_stdout(|out| generate(lines, seed, out, io::sink()).map(drop));
    }
    let (truth_tsv, truth_json) = (beside(out, ".truth.tsv"), beside(out, ".truth.json"));
    let truth = generate(lines, seed, create(out)?, create(&truth_tsv)?).map_err(|e| failed(out, e))?;
    write_json(Some(&truth_json), &truth)
}

/// The first lines of a bench file, for whoever sends them: each line, and of a re-send the number of the line that it
/// repeats, counted from 0.
pub(crate) fn each(lines: u64, seed: u64, mut visit: impl FnMut(&[u8], Option<u64>)) {
    let (mut generator, mut line) = (Generator::new(seed), Vec::new());
    for number in 1..=lines {
        line.clear();
        let repeated = match generator.line(number, &mut line) {
            Origin::Resend(of) => Some(of - 1),
            _ => None,
        };
        visit(&line, repeated);
    }
}

/// The line clock of a line, counted from 0, in milliseconds since 1970.
pub(crate) const fn clock_ms(line: u64) -> u64 {
    CLOCK_START_MS + line * 1_000 / LINES_PER_S
}

/// Has standard output written through a large buffer.
pub(crate) fn to_stdout(write: impl FnOnce(BufWriter<io::StdoutLock<'_>>) -> io::Result<()>) -> Outcome {
    match write(BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock())) {
        // Whoever reads has seen enough.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|e| failed(Path::new("-"), e)),
    }
}

/// A file to be written through a large buffer.
pub(crate) fn create(path: &Path) -> Outcome<BufWriter<File>> {
    let file = File::create(path).map_err(|e| format!("{}: cannot create: {e}", path.display()))?;
    Ok(BufWriter::with_capacity(BUFFER_BYTES, file))
}

/// The sentence about a file that cannot be written on.
pub(crate) fn failed(path: &Path, e: io::Error) -> String {
    format!("{}: cannot write: {e}", path.display())
}

/// `path` with `suffix` behind its name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn generate(lines: u64, seed: u64, mut out: impl Write, mut truth: impl Write) -> io::Result<Truth> {
    let mut generator = Generator::new(seed);
    let mut progress = Progress::new("gen", lines);
    let (mut line, mut bytes) = (Vec::with_capacity(BUFFER_BYTES), 0);
    writeln!(truth, "line\tkind\tof")?;
    for number in 1..=lines {
        line.clear();
        let origin = generator.line(number, &mut line);
        line.push(b'\n');
        out.write_all(&line)?;
        bytes += line.len() as u64;
        match origin {
            Origin::New => {}
            Origin::Resend(of) => writeln!(truth, "{number}\tresend\t{of}")?,
            Origin::Incident(of) => writeln!(truth, "{number}\tincident\t{of}")?,
            Origin::Malformed => writeln!(truth, "{number}\tmalformed\ttruncated")?,
            Origin::Invalid(flaw) => writeln!(truth, "{number}\tinvalid\t{flaw}")?,
        }
        progress.reached(number);
    }
    out.flush()?;
    truth.flush()?;
    Ok(generator.oracle.finish(lines, bytes, seed))
}

/// What a line turned out to be; numbers are those of earlier lines.
enum Origin {
    New,
    Resend(u64),
    Incident(u64),
    Malformed,
    Invalid(&'static str),
}

/// What a line is meant to be.
enum Kind {
    New,
    Resend,
    Incident,
    Malformed,
    Invalid,
}

impl Kind {
    fn draw(rng: &mut Rng) -> Self {
        match rng.below(1_000) {
            0..135 => Self::Resend,
            135..335 => Self::Incident,
            335..337 => Self::Malformed,
            337..342 => Self::Invalid,
            _ => Self::New,
        }
    }
}

/// The first report of an incident.
#[derive(Clone, Copy)]
struct Incident {
    line: u64,
    east: u32,
    north: i32,
    category: &'static str,
}

struct Generator {
    rng: Rng,
    cells: Weighted,
    categories: Weighted,
    /// The last [`RESEND_FAR`] accepted lines with their numbers, in a ring.
    sent: Vec<(u64, Vec<u8>)>,
    sent_count: usize,
    /// The last [`INCIDENTS`] incidents, in a ring.
    incidents: Vec<Incident>,
    incident_count: usize,
    oracle: Oracle,
}

impl Generator {
    fn new(seed: u64) -> Self {
        Self {
            rng: Rng::seeded(seed),
            // Flattened at the top as real hot spots are: the first has 4 % of the hot half, the last 1/2,700 of that.
            cells: Weighted::new(HOT_CELLS, |rank| ONE / (rank + 3)),
            categories: Weighted::new(CATEGORIES.len() as u64, |rank| ONE / (rank + 4) + ONE / 25),
            sent: Vec::new(),
            sent_count: 0,
            incidents: Vec::new(),
            incident_count: 0,
            oracle: Oracle::new(),
        }
    }

    /// Appends line `number` to `out`.
    fn line(&mut self, number: u64, out: &mut Vec<u8>) -> Origin {
        match Kind::draw(&mut self.rng) {
            Kind::Resend if self.sent_count > 0 => self.resend(out),
            Kind::Incident if self.incident_count >= INCIDENTS_MIN => self.further(number, out),
            Kind::Malformed => self.truncated(number, out),
            Kind::Invalid => self.flawed(number, out),
            // The first lines have nothing before them to repeat.
            Kind::New | Kind::Resend | Kind::Incident => self.new_report(number, out),
        }
    }

    fn resend(&mut self, out: &mut Vec<u8>) -> Origin {
        let reach = if self.rng.below(RESEND_FAR_EVERY) == 0 { RESEND_FAR } else { RESEND_NEAR };
        let back = 1 + self.rng.below((self.sent_count as u32).min(reach)) as usize;
        let (line, bytes) = &self.sent[(self.sent_count - back) % RESEND_FAR as usize];
        out.extend_from_slice(bytes);
        self.oracle.resent();
        Origin::Resend(*line)
    }

    fn further(&mut self, number: u64, out: &mut Vec<u8>) -> Origin {
        let report = self.report(number);
        let first = self.rng.pick(&self.incidents);
        let of = first.line;
        let report = Report {
            east: nudged(first.east, &mut self.rng),
            north: nudged(first.north as u32, &mut self.rng) as i32,
            category: first.category,
            ..report
        };
        self.accept(number, &report, out);
        Origin::Incident(of)
    }

    fn truncated(&mut self, number: u64, out: &mut Vec<u8>) -> Origin {
        self.report(number).write(&mut self.rng, out);
        let quarter = out.len() as u32 / 4;
        out.truncate(self.rng.between(quarter, 3 * quarter) as usize);
        self.oracle.malformed();
        Origin::Malformed
    }

    fn flawed(&mut self, number: u64, out: &mut Vec<u8>) -> Origin {
        let right = self.report(number);
        let away = self.rng.between(1, SIDE);
        let (flaw, report) = match self.rng.below(20) {
            0..10 => ("unknown-category", Report { category: "unknown.thing", ..right }),
            10..14 => ("outside-east", Report { east: SIDE + away - 1, ..right }),
            14..18 => ("outside-south", Report { north: -(away as i32), ..right }),
            _ => ("empty-id", Report { number: None, ..right }),
        };
        report.write(&mut self.rng, out);
        self.oracle.invalid();
        Origin::Invalid(flaw)
    }

    fn new_report(&mut self, number: u64, out: &mut Vec<u8>) -> Origin {
        let report = self.report(number);
        if self.rng.below(INCIDENT_EVERY) == 0 {
            let Report { east, north, category, .. } = report;
            let incident = Incident { line: number, east, north, category };
            put(&mut self.incidents, self.incident_count, INCIDENTS, incident);
            self.incident_count += 1;
        }
        self.accept(number, &report, out);
        Origin::New
    }

    fn accept(&mut self, number: u64, report: &Report, out: &mut Vec<u8>) {
        report.write(&mut self.rng, out);
        self.oracle.accepted(report);
        let slot = self.sent_count % RESEND_FAR as usize;
        match self.sent.get_mut(slot) {
            Some((line, bytes)) => {
                *line = number;
                bytes.clear();
                bytes.extend_from_slice(out);
            }
            None => self.sent.push((number, out.clone())),
        }
        self.sent_count += 1;
    }

    /// A report of its own, at the clock of line `number`.
    fn report(&mut self, number: u64) -> Report {
        let rng = &mut self.rng;
        let source = match rng.below(10) {
            0..7 => Source::Sensor,
            7..9 => Source::App,
            _ => Source::Hotline,
        };
        let clock = clock_ms(number - 1);
        let ts = clock + u64::from(rng.below(2 * JITTER_MS)) - u64::from(JITTER_MS);
        let cell = if rng.below(2) == 0 {
            ((HOT_FIRST + self.cells.draw(rng) as u64 * HOT_STRIDE) % u64::from(COLUMNS * ROWS)) as u32
        } else {
            rng.below(COLUMNS * ROWS)
        };
        let east = inside(cell % COLUMNS, CELL_WIDTH, rng);
        let north = inside(cell / COLUMNS, CELL_HEIGHT, rng) as i32;
        let category = CATEGORIES[self.categories.draw(rng)];
        Report { source, number: Some(number), ts, east, north, category }
    }
}

/// A place in the `index`-th cell of this size along a side, which the city's edge may cut off.
fn inside(index: u32, size: u32, rng: &mut Rng) -> u32 {
    let first = index * size;
    first + rng.below(size.min(SIDE - first))
}

/// `place` moved by up to [`INCIDENT_JITTER`] either way, within the city.
fn nudged(place: u32, rng: &mut Rng) -> u32 {
    (place + rng.below(2 * INCIDENT_JITTER + 1)).saturating_sub(INCIDENT_JITTER).min(SIDE - 1)
}

/// Puts the `count`-th item into a ring of `size` that is still growing or already full.
fn put<T>(ring: &mut Vec<T>, count: usize, size: usize, item: T) {
    if ring.len() < size { ring.push(item) } else { ring[count % size] = item }
}
