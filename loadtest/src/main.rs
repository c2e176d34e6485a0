//! paidan's load harness: makes bench files with their truth, and measures paidan against a plain program in turns.

use clap::{Parser, Subcommand};
use loadtest::{bench_city, r#gen, ratio, reference, try_out, us311_city};
use std::path::PathBuf;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EXAMPLES: &str = "\
Examples:
  loadtest gen 5000000 bench.ndjson              2 GB, with bench.ndjson.truth.json and .truth.tsv beside it
  loadtest gen 1000 - --seed 7 | head            to standard output, without a truth
  loadtest gen-city bench bench-city             the city folder that the file is about
  loadtest gen-city us311 nyc --zips zipcodes.geojson --reports nyc311.jsonl
  loadtest reference bench.ndjson --out out.ndjson
  loadtest ratio bench.ndjson --city bench-city -- --data '{data}'
  loadtest ratio bench.ndjson --city bench-city --rival timely=1 --rival timely=2
  loadtest ratio bench.ndjson --city bench-city \\
      --rival-command bytewax='loadtest/rivals/bytewax/run {file} {out} {summary}'";

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
    /// Write a city folder: city.toml, classes.csv, departments.csv, areas.csv or areas.geojson, duty.csv.
    #[command(subcommand)]
    GenCity(City),
    /// Do the bench job the plain way, on one thread, as the bar to beat.
    Reference(reference::Args),
    /// Run `reference`, `paidan run` and rivals in turns on one file, check that they agree, and print their ratios.
    Ratio(ratio::Args),
    /// Make a bench file and its city, and have paidan decide about it: the main job on a fresh machine, in one command.
    Try(try_out::Args),
}

/// The cities that `gen-city` can write.
#[derive(Subcommand)]
enum City {
    /// The city of the bench job
    Bench {
        /// The folder to write into; made if it does not exist
        folder: PathBuf,
    },
    /// New York by its zip codes, for 311 reports of New York and Baltimore
    Us311(us311_city::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().mode {
        Mode::Gen { lines, out, seed } => r#gen::run(lines, &out, seed),
        Mode::GenCity(City::Bench { folder }) => bench_city::write(&folder),
        Mode::GenCity(City::Us311(args)) => us311_city::write(&args),
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
