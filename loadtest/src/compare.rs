//! `compare`: is B better than A, or is that the machine's noise? Two programs in turns, or results that were measured before.
//!
//! Turn by turn, B is put over A; what is told is the median of these ratios, with an interval that holds the true one with 95 %.
//! Only where the interval leaves out 1 is there a difference.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::Outcome;
use crate::counts::write_json;
use crate::folder::Folder;
use crate::machine::Machine;
use crate::ratio::{measure, paidan_command};
use crate::result::{Clock, FORMAT, LoadResult, Sweep};
use crate::rng::Rng;
use crate::spread::Spread;

/// What `compare` is told.
#[derive(clap::Args)]
pub struct Args {
    /// The old: a paidan program, or result files of `run` or `sweep` with commas between
    a: String,
    /// The new
    b: String,
    /// The reports that programs decide about
    #[arg(long)]
    file: Option<PathBuf>,
    /// The city folder that the file is about
    #[arg(long)]
    city: Option<PathBuf>,
    /// Turns that count, after one to warm up
    #[arg(long, default_value_t = 7)]
    runs: u32,
    /// Where outputs and data folders lie while they are needed
    #[arg(long, default_value = "target/load")]
    work: PathBuf,
    /// Fail if anything is worse beyond the noise
    #[arg(long)]
    gate: bool,
    /// Where the result goes as JSON as well
    #[arg(long)]
    json: Option<PathBuf>,
    /// Further arguments of `paidan run`; `{data}` in them is replaced by a folder that is new for every run
    #[arg(last = true)]
    extra: Vec<String>,
}

/// Fewer pairs cannot tell a difference from noise: of five, even the whole range holds the true median with less than 95 %.
const PAIRS_MIN: usize = 6;
/// How often the pairs are drawn anew.
const DRAWS: usize = 10_000;
const SEED: u64 = 1;

/// A figure of both sides, pair by pair. Less is better, but where `more_is_better`.
struct Figure {
    name: String,
    more_is_better: bool,
    pairs: Vec<(f64, f64)>,
}

/// What became of a figure.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Better,
    Worse,
    Noise,
    TooFew,
}

/// A figure, compared.
#[derive(Serialize)]
struct Compared {
    name: String,
    a: Spread,
    b: Spread,
    /// Of the ratios B over A: their median, and the interval that holds the true one with 95 %.
    ratio: f64,
    low: f64,
    high: f64,
    verdict: Verdict,
}

#[derive(Serialize)]
struct Comparison {
    machine: Machine,
    a: String,
    b: String,
    figures: Vec<Compared>,
}

/// Compares, prints, and writes the result.
///
/// # Errors
/// If a side cannot be measured or read, the sides are not alike, or `--gate` is given and something is worse.
pub fn run(args: &Args) -> Outcome {
    let is_of_results = |side: &str| side.split(',').all(|path| path.ends_with(".json"));
    let figures = match (is_of_results(&args.a), is_of_results(&args.b)) {
        (true, true) => figures_of_results(&args.a, &args.b)?,
        (false, false) => figures_of_programs(args)?,
        _ => return Err(format!("{} and {}: one is of results, the other is not", args.a, args.b)),
    };
    let figures = figures.iter().map(Compared::of).collect();
    let comparison = Comparison { machine: Machine::of_this_process()?, a: args.a.clone(), b: args.b.clone(), figures };
    print!("{comparison}");
    if let Some(path) = &args.json {
        write_json(Some(path), &comparison)?;
    }
    let worse = comparison.figures.iter().filter(|figure| figure.verdict == Verdict::Worse).map(|figure| &*figure.name);
    match worse.collect::<Vec<_>>().join(", ") {
        worse if args.gate && !worse.is_empty() => Err(format!("变差 worse beyond the noise: {worse}")),
        _ => Ok(()),
    }
}

fn figures_of_programs(args: &Args) -> Outcome<Vec<Figure>> {
    let (Some(file), Some(city)) = (&args.file, &args.city) else {
        return Err("programs decide about something: give --file and --city (or two .json results)".to_owned());
    };
    let work = Folder::new(&args.work.join(format!("compare-{}", std::process::id())))?;
    let once =
        |program: &str| measure(&work, |folder| paidan_command(Path::new(program), file, city, &args.extra, folder));
    let mut figures = ["wall s", "CPU s", "peak MiB"].map(|name| Figure::less(name.to_owned()));
    for turn in 0..=args.runs {
        let ((said_a, a), (said_b, b)) = (once(&args.a)?, once(&args.b)?);
        if said_a != said_b {
            return Err(format!("the programs disagree. {}: {said_a}; {}: {said_b}", args.a, args.b));
        }
        eprintln!("turn {turn} of {}", args.runs);
        let pairs = [(a.wall_s, b.wall_s), (a.cpu_s, b.cpu_s), (a.peak_rss_mib, b.peak_rss_mib)];
        if turn > 0 {
            figures.iter_mut().zip(pairs).for_each(|(figure, pair)| figure.pairs.push(pair));
        }
    }
    Ok(figures.into())
}

/// One result, of whatever kind: what must be alike, and its figures, name, value and whether more is better.
struct Told {
    terms: String,
    figures: Vec<(String, f64, bool)>,
}

fn figures_of_results(a: &str, b: &str) -> Outcome<Vec<Figure>> {
    let read = |side: &str| side.split(',').map(|path| Told::read(Path::new(path))).collect::<Outcome<Vec<Told>>>();
    let (told_a, told_b) = (read(a)?, read(b)?);
    if told_a.len() != told_b.len() {
        return Err(format!("{} results on one side, {} on the other: give pairs", told_a.len(), told_b.len()));
    }
    let first = &told_a[0];
    if let Some(other) = told_a.iter().chain(&told_b).find(|told| told.terms != first.terms) {
        return Err(format!("not measured alike, so not to be compared:\n  {}\n  {}", first.terms, other.terms));
    }
    let figure = |(name, _, more_is_better): &(String, f64, bool)| {
        let of = |told: &Told| told.figures.iter().find(|(other, ..)| other == name).map(|(_, value, _)| *value);
        let pairs = told_a.iter().zip(&told_b).filter_map(|(a, b)| Some((of(a)?, of(b)?))).collect();
        Figure { name: name.clone(), more_is_better: *more_is_better, pairs }
    };
    Ok(first.figures.iter().map(figure).filter(|figure| !figure.pairs.is_empty()).collect())
}

impl Told {
    fn read(path: &Path) -> Outcome<Self> {
        let bytes = std::fs::read(path).map_err(|e| format!("{}: cannot read: {e}", path.display()))?;
        let told = match (serde_json::from_slice::<LoadResult>(&bytes), serde_json::from_slice::<Sweep>(&bytes)) {
            (Ok(run), _) if run.format == FORMAT => Self::of_run(&run),
            (_, Ok(sweep)) if sweep.format == FORMAT => Ok(Self::of_sweep(&sweep)),
            _ => Err(format!("no result of `run` or `sweep` in format {FORMAT}")),
        };
        told.map_err(|why| format!("{}: {why}", path.display()))
    }

    fn of_run(run: &LoadResult) -> Outcome<Self> {
        if let Some(why) = run.void_because.first() {
            return Err(format!("the run is void: {why}"));
        }
        let intended = run.latency.iter().filter(|line| line.clock == Clock::Intended);
        let percentiles = intended.flat_map(|line| {
            let at = |percent: f64| Some((format!("{} p{percent} ms", line.urgency), line.time.ms_at(percent)?, false));
            [50.0, 99.0, 99.9].into_iter().filter_map(at)
        });
        let cpu = ("CPU ns a report".to_owned(), run.cpu_ns_per_report, false);
        Ok(Self {
            terms: format!("{:?} {:?} {:?}", run.target.settings, run.workload, run.schedule),
            figures: percentiles.chain([cpu]).collect(),
        })
    }

    fn of_sweep(sweep: &Sweep) -> Self {
        let rates = [
            ("sustainable reports/s", sweep.sustainable_per_s),
            ("R@10ms reports/s", sweep.at_10_ms_per_s),
            ("R@1ms reports/s", sweep.at_1_ms_per_s),
        ];
        let told = rates.into_iter().filter(|(_, rate)| *rate > 0.0);
        Self {
            terms: format!("{:?} {:?}", sweep.target.settings, sweep.workload),
            figures: told.map(|(name, rate)| (name.to_owned(), rate, true)).collect(),
        }
    }
}

impl Figure {
    const fn less(name: String) -> Self {
        Self { name, more_is_better: false, pairs: Vec::new() }
    }

    fn logs(&self) -> Vec<f64> {
        self.pairs.iter().map(|(a, b)| (b / a).ln()).collect()
    }
}

impl Compared {
    fn of(figure: &Figure) -> Self {
        let logs = figure.logs();
        let (low, high) = interval(&logs);
        let (ratio, low, high) = (Spread::of(logs.iter().copied()).median.exp(), low.exp(), high.exp());
        let verdict = match () {
            () if logs.len() < PAIRS_MIN => Verdict::TooFew,
            () if low <= 1.0 && high >= 1.0 => Verdict::Noise,
            () if (ratio > 1.0) == figure.more_is_better => Verdict::Better,
            () => Verdict::Worse,
        };
        let side = |of: fn(&(f64, f64)) -> f64| Spread::of(figure.pairs.iter().map(of));
        Self { name: figure.name.clone(), a: side(|pair| pair.0), b: side(|pair| pair.1), ratio, low, high, verdict }
    }
}

/// The interval that holds the true median with 95 %, by drawing the values anew (Efron's percentile bootstrap), always with the
/// same seed.
fn interval(values: &[f64]) -> (f64, f64) {
    let mut rng = Rng::seeded(SEED);
    let mut medians: Vec<f64> = (0..DRAWS)
        .map(|_| Spread::of((0..values.len()).map(|_| values[rng.below(values.len() as u32) as usize])).median)
        .collect();
    medians.sort_by(f64::total_cmp);
    (medians[DRAWS / 40], medians[DRAWS - 1 - DRAWS / 40])
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\nA  {}\nB  {}\nmin / median / max of each\n", self.machine, self.a, self.b)?;
        for Compared { name, a, b, ratio, low, high, verdict } in &self.figures {
            let percent = |ratio: f64| (ratio - 1.0) * 100.0;
            let range = format!("{:+.1} % ({:+.1} … {:+.1})", percent(*ratio), percent(*low), percent(*high));
            let said = match verdict {
                Verdict::Better => format!("B 更好 is better: {range}"),
                Verdict::Worse => format!("B 更差 is worse: {range}"),
                Verdict::Noise => format!("看不出差别 no difference beyond the noise: {range}"),
                Verdict::TooFew => format!(
                    "次数太少 fewer than {PAIRS_MIN} pairs cannot tell it from noise: {:+.1} %",
                    percent(*ratio)
                ),
            };
            writeln!(f, "{name:<22} A {a}   B {b}   {said}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_difference_beyond_the_noise_counts() {
        let check = |more_is_better: bool, pairs: &[(f64, f64)], expected: Verdict| {
            let figure = Figure { name: "f".into(), more_is_better, pairs: pairs.into() };
            let compared = Compared::of(&figure);
            assert_eq!(compared.verdict, expected, "{pairs:?}: {} … {}", compared.low, compared.high);
            assert!(compared.low <= compared.ratio && compared.ratio <= compared.high);
        };
        let around = |ratio: f64, noise: &[f64]| -> Vec<(f64, f64)> {
            noise.iter().map(|noise| (2.0, 2.0 * ratio * (1.0 + noise))).collect()
        };
        let noise = [0.03, -0.02, 0.01, -0.03, 0.02, -0.01, 0.0];
        check(false, &around(1.0, &noise), Verdict::Noise);
        check(false, &around(1.10, &noise), Verdict::Worse);
        check(false, &around(0.90, &noise), Verdict::Better);
        check(true, &around(1.10, &noise), Verdict::Better);
        check(true, &around(0.90, &noise), Verdict::Worse);
        check(false, &around(1.0, &[0.0; 7]), Verdict::Noise);
        check(false, &around(1.10, &noise[..5]), Verdict::TooFew);
    }
}
