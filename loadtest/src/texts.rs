//! `gen-texts`: messages with their class, to train and to try the built-in city's text classifier with.

use std::io::{self, Write};
use std::path::Path;

use paidan::rehearsal::profile::message::{self, Meaning};
use paidan::rehearsal::rng::Rng;

use crate::Outcome;
use crate::r#gen::{create, failed, to_stdout};

/// Writes messages as lines of JSON; `-` is standard output.
pub fn run(lines: u64, out: &Path, seed: u64) -> Outcome {
    if out == Path::new("-") {
        return to_stdout(|out| write(lines, seed, out));
    }
    write(lines, seed, create(out)?).map_err(|error| failed(out, error))
}

fn write(lines: u64, seed: u64, mut out: impl Write) -> io::Result<()> {
    let (mut rng, mut text) = (Rng::seeded(seed), Vec::new());
    for _ in 0..lines {
        text.clear();
        let Meaning { label, fact } = message::write(&mut rng, &mut text);
        out.write_all(b"{\"title\":null,\"text\":\"")?;
        out.write_all(&text)?;
        writeln!(out, "\",\"label\":\"{label}\",\"group\":\"{fact}\"}}")?;
    }
    out.flush()
}
