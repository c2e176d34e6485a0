//! `ratio`: the reference and paidan in turns on one file, and the ratios pair by pair.
//!
//! Absolute times of a shared machine mean little: both programs run as child processes, A B A B …, on the same disk, and
//! a pair of neighbours sees about the same machine. Before a ratio counts, both must have given the same answer.

use crate::counts::write_json;
use crate::machine::Machine;
use crate::{Outcome, usage};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Fewer pairs do not give a median worth quoting.
const RUNS_MIN: u32 = 5;

/// Stands in the extra arguments for a folder that is new for every run.
const FRESH_FOLDER: &str = "{data}";

/// What `ratio` is asked to do.
#[derive(clap::Args)]
pub struct Args {
    /// The NDJSON file of reports
    file: PathBuf,
    /// The city folder that the file is about
    #[arg(long)]
    city: PathBuf,
    /// Pairs of runs that count, after one of each to warm up
    #[arg(long, default_value_t = RUNS_MIN, value_parser = clap::value_parser!(u32).range(i64::from(RUNS_MIN)..))]
    runs: u32,
    /// The paidan to measure; without it, the one beside this program
    #[arg(long)]
    paidan: Option<PathBuf>,
    /// Where outputs and data folders lie while they are needed; without it, a folder beside FILE
    #[arg(long)]
    work: Option<PathBuf>,
    /// Where the result goes as JSON as well
    #[arg(long)]
    json: Option<PathBuf>,
    /// Further arguments of `paidan run`; `{data}` in them is replaced by a folder that is new for every run
    #[arg(last = true)]
    extra: Vec<String>,
}

/// What both programs must agree on, as both write it into their summaries.
#[derive(Serialize, Deserialize, PartialEq, Eq, Clone, Copy)]
struct Answer {
    rejected: u64,
    opened: u64,
    merged: u64,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rejected, opened, merged } = self;
        write!(f, "{rejected} rejected, {} unique: {opened} opened, {merged} merged", opened + merged)
    }
}

/// What one run of one program took.
#[derive(Serialize)]
struct Run {
    wall_s: f64,
    cpu_s: f64,
}

/// The middle of several values, and how far they spread.
#[derive(Serialize)]
struct Spread {
    min: f64,
    median: f64,
    max: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.collect();
        sorted.sort_by(f64::total_cmp);
        let (last, half) = (sorted.len() - 1, sorted.len() / 2);
        Self { min: sorted[0], median: (sorted[half] + sorted[last - half]) / 2.0, max: sorted[last] }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:7.2} / {:6.2} / {:6.2}", self.min, self.median, self.max)
    }
}

#[derive(Serialize)]
struct Comparison {
    machine: Machine,
    commands: [String; 2],
    bytes: u64,
    answer: Answer,
    reference: Vec<Run>,
    paidan: Vec<Run>,
    /// paidan's rate over the reference's, pair by pair: above 1, paidan is the faster.
    rate_ratio: Spread,
    /// paidan's CPU seconds over the reference's, pair by pair: below 1, paidan is the cheaper.
    cpu_ratio: Spread,
}

/// Runs both, and prints the table.
pub fn run(args: &Args) -> Outcome {
    let pair = Pair::new(args)?;
    let work = Folder::new(&args.work_folder())?;
    let answer = pair.agreed(&work)?.0;
    let (mut reference, mut paidan) = (Vec::new(), Vec::new());
    for number in 1..=args.runs {
        eprintln!("pair {number} of {}", args.runs);
        let (again, first, second) = pair.agreed(&work)?;
        if again != answer {
            return Err(format!("the answer is not stable: {answer} at first, then {again}"));
        }
        reference.push(first);
        paidan.push(second);
    }
    let ratio = |of: fn(&Run) -> f64| reference.iter().zip(&paidan).map(move |(a, b)| of(b) / of(a));
    let comparison = Comparison {
        machine: Machine::of_this_process()?,
        commands: pair.shown(),
        bytes: std::fs::metadata(&args.file).map_err(|e| format!("{}: {e}", args.file.display()))?.len(),
        answer,
        rate_ratio: Spread::of(ratio(|run| 1.0 / run.wall_s)),
        cpu_ratio: Spread::of(ratio(|run| run.cpu_s)),
        reference,
        paidan,
    };
    print!("{comparison}");
    args.json.as_deref().map_or(Ok(()), |path| write_json(Some(path), &comparison))
}

impl Args {
    fn work_folder(&self) -> PathBuf {
        let beside = || self.file.parent().map(Path::to_path_buf).unwrap_or_default();
        self.work.clone().unwrap_or_else(beside).join(format!("ratio-{}", std::process::id()))
    }
}

/// The two programs.
struct Pair<'a> {
    args: &'a Args,
    loadtest: PathBuf,
    paidan: PathBuf,
}

impl<'a> Pair<'a> {
    fn new(args: &'a Args) -> Outcome<Self> {
        let loadtest = std::env::current_exe().map_err(|e| format!("cannot find this program's own file: {e}"))?;
        let paidan = args.paidan.clone().unwrap_or_else(|| loadtest.with_file_name("paidan"));
        if args.paidan.is_none() && !paidan.exists() {
            return Err(format!(
                "{}: not there; build it (cargo build --release) or name it by --paidan",
                paidan.display()
            ));
        }
        Ok(Self { args, loadtest, paidan })
    }

    /// Runs one after the other.
    fn agreed(&self, work: &Folder) -> Outcome<(Answer, Run, Run)> {
        let (theirs, reference) = measure(work, |folder| self.reference(folder))?;
        let (ours, paidan) = measure(work, |folder| self.paidan(folder))?;
        if ours != theirs {
            return Err(format!("the programs disagree. reference: {theirs}; paidan: {ours}"));
        }
        Ok((ours, reference, paidan))
    }

    fn reference(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.loadtest);
        command.arg("reference").arg(&self.args.file).arg("--no-case-sum").arg("--out").arg(folder.join("out.ndjson"));
        command.arg("--summary").arg(folder.join(SUMMARY));
        command
    }

    fn paidan(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.paidan);
        command.arg("run").arg(&self.args.file).arg("--city").arg(&self.args.city);
        command.arg("--out").arg(folder.join("out.ndjson")).args(["--emit", "assigned"]);
        command.arg("--summary").arg(folder.join(SUMMARY));
        let fresh = folder.join("data").display().to_string();
        command.args(self.args.extra.iter().map(|arg| arg.replace(FRESH_FOLDER, &fresh)));
        command
    }

    /// Both command lines, with `RUN` for the folder of a run.
    fn shown(&self) -> [String; 2] {
        [self.reference(Path::new("RUN")), self.paidan(Path::new("RUN"))].map(|command| {
            let words = std::iter::once(command.get_program()).chain(command.get_args());
            words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
        })
    }
}

/// Where a run leaves its answer, in its folder.
const SUMMARY: &str = "summary.json";

/// Runs a command in a folder of its own, which is gone afterwards.
fn measure(work: &Folder, command: impl Fn(&Path) -> Command) -> Outcome<(Answer, Run)> {
    let folder = Folder::new(&work.0.join("run"))?;
    let mut command = command(&folder.0);
    let program = command.get_program().to_string_lossy().into_owned();
    let named = |what: &dyn fmt::Display| format!("{program}: {what}");
    let cpu_before = usage::children_cpu_s()?;
    let started = Instant::now();
    let output = command.output().map_err(|e| named(&e))?;
    let wall_s = started.elapsed().as_secs_f64();
    let cpu_s = usage::children_cpu_s()? - cpu_before;
    if !output.status.success() {
        return Err(named(&format_args!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim_end())));
    }
    let summary = std::fs::read(folder.0.join(SUMMARY)).map_err(|e| named(&format_args!("left no summary: {e}")))?;
    let answer =
        serde_json::from_slice(&summary).map_err(|e| named(&format_args!("its summary lacks a count: {e}")))?;
    Ok((answer, Run { wall_s, cpu_s }))
}

/// A new folder that is removed with all that is in it.
struct Folder(PathBuf);

impl Folder {
    fn new(path: &Path) -> Outcome<Self> {
        std::fs::create_dir_all(path).map_err(|e| format!("{}: cannot make the folder: {e}", path.display()))?;
        Ok(Self(path.to_path_buf()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(e) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{}: cannot remove the folder: {e}", self.0.display());
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [reference, paidan] = &self.commands;
        writeln!(f, "{}", self.machine)?;
        writeln!(f, "A  {reference}\nB  {paidan}")?;
        writeln!(f, "{} MB; both: {}", self.bytes / 1_000_000, self.answer)?;
        writeln!(f, "{} pairs, A B A B …, after a warm-up; min / median / max\n", self.reference.len())?;
        for (name, runs) in [("A reference", &self.reference), ("B paidan", &self.paidan)] {
            let (wall, cpu) =
                (Spread::of(runs.iter().map(|run| run.wall_s)), Spread::of(runs.iter().map(|run| run.cpu_s)));
            writeln!(f, "{name:<12} wall s {wall}   cpu s {cpu}")?;
        }
        writeln!(f, "{:<12} rate   {}   cpu   {}", "B over A", self.rate_ratio, self.cpu_ratio)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_is_of_sorted_values() {
        let check = |values: &[f64], expected: [f64; 3]| {
            let Spread { min, median, max } = Spread::of(values.iter().copied());
            assert_eq!([min, median, max], expected);
        };
        check(&[3.0], [3.0, 3.0, 3.0]);
        check(&[3.0, 1.0, 2.0], [1.0, 2.0, 3.0]);
        check(&[4.0, 1.0, 2.0, 9.0], [1.0, 3.0, 9.0]);
    }
}
