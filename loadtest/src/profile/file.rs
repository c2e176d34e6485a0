//! `gen --profile`: a profile as a file, with the truth of every line beside it.

use super::describe::Description;
use super::tally::{Counts, Tally};
use super::{Profile, Truth};
use crate::counts::write_json;
use crate::r#gen::{beside, create, end_of_output, failed};
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
    if out == Path::new("-") {
        let written = write_lines(profile, lines, volume, seed, io::stdout().lock(), io::sink());
        return end_of_output(written.map(drop));
    }
    let (truth_tsv, truth_json) = (beside(out, ".truth.tsv"), beside(out, ".truth.json"));
    let counts = write_lines(profile, lines, volume, seed, create(out)?, create(&truth_tsv)?);
    let counts = counts.map_err(|e| failed(out, e))?;
    let profile = Description::of(profile, seed, SAMPLE);
    write_json(Some(&truth_json), &Beside { seed, volume, counts, profile })
}

fn write_lines(
    profile: &Profile,
    lines: u64,
    volume: u64,
    seed: u64,
    mut out: impl Write,
    mut truths: impl Write,
) -> io::Result<Counts> {
    let (mut stream, mut line, mut tally) = (profile.stream(seed, volume), Vec::new(), Tally::default());
    let mut progress = Progress::new("gen", lines);
    writeln!(truths, "{}", Truth::COLUMNS)?;
    for number in 1..=lines {
        line.clear();
        let truth = stream.next(&mut line);
        line.push(b'\n');
        out.write_all(&line)?;
        truth.write(&mut truths)?;
        truths.write_all(b"\n")?;
        tally.add(&truth, line.len());
        progress.reached(number);
    }
    out.flush()?;
    truths.flush()?;
    Ok(tally.counts())
}
