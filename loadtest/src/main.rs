//! paidan's load harness: makes bench files with their truth, and measures paidan against a plain program in turns.

use clap::{Parser, Subcommand, ValueEnum};
use loadtest::{bench_city, r#gen, ratio, reference, try_out};
use std::path::PathBuf;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EXAMPLES: &str = "\
Examples:
  loadtest gen 5000000 bench.ndjson              2 GB, with bench.ndjson.truth.json and .truth.tsv beside it
  loadtest gen 1000 - --seed 7 | head            to standard output, without a truth
  loadtest gen-city bench bench-city             the city folder that the file is about
  loadtest reference bench.ndjson --out out.ndjson
  loadtest ratio bench.ndjson --city bench-city -- --data '{data}'";

/// paidan's load harness: bench files with their truth, the plain reference program, and ratios.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// Write LINES lines of the bench workload to OUT, the same bytes for the same seed on every machine.
    ///
    /// Beside the file: OUT.truth.json (the counts and sums of a right answer) and OUT.truth.tsv (every line that is not
    /// simply new: its number, resend|incident|malformed|invalid, and of which line, or how).
    Gen {
        /// How many lines, about 393 bytes each
        lines: u64,
        /// The file to write; `-` is standard output, without a truth
        out: PathBuf,
        /// Another seed gives another file of the same mix
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Write a city folder: city.toml, classes.csv, departments.csv, areas.csv, duty.csv.
    GenCity {
        /// Which city
        city: City,
        /// The folder to write into; made if it does not exist
        folder: PathBuf,
    },
    /// Do the bench job the plain way, on one thread, as the bar to beat.
    Reference(reference::Args),
    /// Run `reference` and `paidan run` in turns on one file, check that they agree, and print their ratios.
    Ratio(ratio::Args),
    /// Make a bench file and its city, and have paidan decide about it: the main job on a fresh machine, in one command.
    Try(try_out::Args),
}

/// The cities that `gen-city` can write.
#[derive(Clone, Copy, ValueEnum)]
enum City {
    /// The city of the bench job
    Bench,
}

fn main() -> ExitCode {
    let done = match Cli::parse().mode {
        Mode::Gen { lines, out, seed } => r#gen::run(lines, &out, seed),
        Mode::GenCity { city: City::Bench, folder } => bench_city::write(&folder),
        Mode::Reference(args) => reference::run(&args),
        Mode::Ratio(args) => ratio::run(&args),
        Mode::Try(args) => try_out::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("loadtest: {sentence}");
            ExitCode::FAILURE
        }
    }
}
