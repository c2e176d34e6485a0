//! `gen --profile`: a profile as a file, with the truth of every line beside it.

use super::describe::Description;
use super::tally::{Counts, Tally};
use super::{Profile, Stream, Truth};
use crate::counts::write_json;
use crate::r#gen::{beside, create, failed, to_stdout};
use crate::{Outcome, progress::Progress};
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;

/// What stands beside a file as JSON.
#[derive(Serialize)]
struct Beside {
    seed: u64,
    /// Lines of a period; those of the file are the first of them.
    volume: u64,
    counts: Counts,
    /// What the profile asks for.
    profile: Description,
}

/// Lines that the profile's table beside a file is counted over.
const SAMPLE: u64 = 50_000;

/// Writes the first `lines` of a profile whose period has `volume` lines to `out` (`-`: standard output) and the truth beside it:
/// OUT.truth.json has the counts and what the profile asks for, OUT.truth.tsv has every line.
///
/// # Errors
/// If a file cannot be written.
pub fn write(profile: &Profile, lines: u64, volume: u64, out: &Path, seed: u64) -> Outcome {
    let mut lines = Lines::new(profile, lines, volume, seed);
    if out == Path::new("-") {
        return to_stdout(|mut out| {
            while let Some(line) = lines.next() {
                out.write_all(line.bytes)?;
            }
            out.flush()
        });
    }
    let (truth_tsv, truth_json) = (beside(out, ".truth.tsv"), beside(out, ".truth.json"));
    let counts = lines.write(create(out)?, create(&truth_tsv)?).map_err(|e| failed(out, e))?;
    let profile = Description::of(profile, seed, SAMPLE);
    write_json(Some(&truth_json), &Beside { seed, volume, counts, profile })
}

/// A line with its newline, and what it is meant to be.
struct Line<'a> {
    bytes: &'a [u8],
    truth: Truth,
}

/// The first lines of a stream.
struct Lines<'p> {
    stream: Stream<'p>,
    line: Vec<u8>,
    done: u64,
    total: u64,
    progress: Progress,
}

impl<'p> Lines<'p> {
    fn new(profile: &'p Profile, total: u64, volume: u64, seed: u64) -> Self {
        let (stream, progress) = (profile.stream(seed, volume), Progress::new("gen", total));
        Self { stream, line: Vec::new(), done: 0, total, progress }
    }

    fn next(&mut self) -> Option<Line<'_>> {
        if self.done == self.total {
            return None;
        }
        self.line.clear();
        let truth = self.stream.next(&mut self.line);
        self.line.push(b'\n');
        self.done += 1;
        self.progress.reached(self.done);
        Some(Line { bytes: &self.line, truth })
    }

    /// Writes them and their truth.
    fn write(&mut self, mut out: impl Write, mut truths: impl Write) -> io::Result<Counts> {
        let mut tally = Tally::default();
        writeln!(truths, "{}", Truth::COLUMNS)?;
        while let Some(Line { bytes, truth }) = self.next() {
            out.write_all(bytes)?;
            truth.write(&mut truths)?;
            truths.write_all(b"\n")?;
            tally.add(&truth, bytes.len());
        }
        out.flush()?;
        truths.flush()?;
        Ok(tally.counts())
    }
}
