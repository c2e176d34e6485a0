//! paidan's load harness: makes bench files with their truth, and measures paidan against a plain program in turns.

use clap::{Parser, Subcommand};
use loadtest::profile::{self, Profile};
use loadtest::{
    areas, bare, bench_city, compare, r#gen, idle, load, overload, ratio, reference, report, soak, sweep, texts,
    try_out, us311_city,
};
use std::path::PathBuf;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EXAMPLES: &str = "\
Examples:
  loadtest gen 5000000 bench.ndjson              2 GB, with bench.ndjson.truth.json and .truth.tsv beside it
  loadtest gen 1000 - --seed 7 | head            to standard output, without a truth
  loadtest gen 50000 storm.ndjson --profile typhoon   24 hours of a typhoon in 50,000 lines, for the built-in city
  loadtest gen 1000 - --profile year --of 9028000     the first thousand tickets of a year
  loadtest gen-texts 40000 texts.jsonl           messages with their class, for paidan train
  loadtest gen-areas src/city/pudong/area_cells.csv   what the default city's streets and towns are made of
  loadtest profiles typhoon outage               what they ask for: rates, sizes, shares, state
  loadtest gen-city bench bench-city             the city folder that the file is about
  loadtest gen-city us311 nyc --zips zipcodes.geojson --reports nyc311.jsonl
  loadtest reference bench.ndjson --out out.ndjson
  loadtest ratio bench.ndjson --city bench-city -- --data '{data}'
  loadtest ratio bench.ndjson --city bench-city --rival timely=1 --rival timely=2
  loadtest ratio bench.ndjson --city bench-city \\
      --rival-command bytewax='loadtest/rivals/bytewax/run {file} {out} {summary}'
  loadtest run --rate 50000 --profile normal --report page.html
  loadtest sweep --json sweep.json
  loadtest overload --sustainable 400000 --percent 300
  loadtest compare old/paidan new/paidan --file bench.ndjson --city bench-city --gate
  loadtest report open.json closed.json sweep.json --out report.html";

/// paidan's load harness: bench files with their truth, the plain reference program, and ratios.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// Write LINES lines of a workload to OUT, the same bytes for the same seed on every machine.
    ///
    /// Without --profile, the bench workload; beside the file: OUT.truth.json (the counts and sums of a right answer) and
    /// OUT.truth.tsv (every line that is not simply new: its number, resend|incident|malformed|invalid, and of which line, or
    /// how).
    ///
    /// With --profile, reports of the built-in city; beside the file: OUT.truth.json (counts, and what the profile asks for) and
    /// OUT.truth.tsv (every line: number, offset_ms on the profile's clock, kind, of which line or how, and the source, urgency,
    /// class, cell and flags that a right answer has).
    Gen {
        /// How many lines, about 393 bytes each
        lines: u64,
        /// The file to write; `-` is standard output, without a truth
        out: PathBuf,
        /// Another seed gives another file of the same mix
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// A profile of the built-in city instead of the bench workload
        #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(Profile::NAMES))]
        profile: Option<String>,
        /// How many lines the profile's whole period has, of which LINES are the first; without it, LINES
        #[arg(long, requires = "profile", value_parser = clap::value_parser!(u64).range(1..))]
        of: Option<u64>,
    },
    /// Write LINES messages with their class to OUT: what the built-in city's text classifier is trained on.
    GenTexts {
        /// How many messages
        lines: u64,
        /// The file to write; `-` is standard output
        out: PathBuf,
        /// Another seed gives other messages
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Write the table of the built-in city's areas to OUT: which cells of the raster each street or town has.
    ///
    /// From the outline and the towns' middles and sizes in loadtest/pudong/ and the raster in src/city/pudong/city.toml, the same
    /// bytes on every machine. The outline is real; the borders inside it are not, because those of streets are not public.
    GenAreas {
        /// The file to write, for the built-in city src/city/pudong/area_cells.csv; `-` is standard output
        out: PathBuf,
    },
    /// Tell what the profiles ask for: rates, sizes, shares and state, counted over a sample of their lines.
    Profiles(profile::Args),
    /// Write a city folder: city.toml, classes.csv, departments.csv, areas.csv or areas.geojson, duty.csv.
    #[command(subcommand)]
    GenCity(City),
    /// Send reports to a target at a rate, in an open loop, and measure how long answers take.
    Run(load::Args),
    /// Search for the largest rate that a target keeps up, and measure how long answers take at parts of it.
    Sweep(sweep::Args),
    /// Send more than a target can keep up, then half of it, and see who is served meanwhile and when all is as before.
    Overload(overload::Args),
    /// Send next to nothing: what waiting costs, and how long a lone report takes.
    Idle(idle::Args),
    /// Run for long, and fail if memory or handles are not flat.
    Soak(soak::Args),
    /// Take reports over HTTP, append and sync them, and nothing else: what paidan's HTTP door is measured against.
    Bare(bare::Args),
    /// Do the bench job the plain way, on one thread, as the bar to beat.
    Reference(reference::Args),
    /// Run `reference`, `paidan run` and rivals in turns on one file, check that they agree, and print their ratios.
    Ratio(ratio::Args),
    /// Tell whether B is better than A, two programs in turns or results of `run` and `sweep`, or whether that is noise.
    Compare(compare::Args),
    /// Draw result files as one HTML page that needs nothing else; runs are put side by side on the same axes.
    Report(report::Args),
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
        Mode::Gen { lines, out, seed, profile, of } => match profile.as_deref().and_then(Profile::by_name) {
            Some(profile) => profile::write(&profile, lines, of.unwrap_or(lines), &out, seed),
            None => r#gen::run(lines, &out, seed),
        },
        Mode::GenTexts { lines, out, seed } => texts::run(lines, &out, seed),
        Mode::GenAreas { out } => areas::run(&out),
        Mode::Profiles(args) => profile::run(&args),
        Mode::GenCity(City::Bench { folder }) => bench_city::write(&folder),
        Mode::GenCity(City::Us311(args)) => us311_city::write(&args),
        Mode::Run(args) => load::run(&args),
        Mode::Sweep(args) => sweep::run(&args),
        Mode::Overload(args) => overload::run(&args),
        Mode::Idle(args) => idle::run(&args),
        Mode::Soak(args) => soak::run(&args),
        Mode::Bare(args) => bare::run(&args),
        Mode::Reference(args) => reference::run(&args),
        Mode::Ratio(args) => ratio::run(&args),
        Mode::Compare(args) => compare::run(&args),
        Mode::Report(args) => report::run(&args),
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
