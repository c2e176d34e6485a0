//! `ratio`: the reference, paidan and any rivals in turns on one file, and the ratios to the reference turn by turn.
//!
//! Absolute times of a shared machine mean little: the programs run as child processes, A B C A B C …, on the same disk, and
//! neighbours see about the same machine. Before a ratio counts, all must have given the same answer: the counts of their
//! summaries, and the load of every unit, read from the assignments that they wrote.

use crate::bench_city::UNITS;
use crate::counts::write_json;
use crate::folder::Folder;
use crate::job::Loads;
use crate::machine::Machine;
use crate::programs;
use crate::spread::Spread;
use crate::usage::{self, Usage};
use crate::{Outcome, lines::each_line};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::time::Instant;

/// Fewer turns do not give a median worth quoting.
const RUNS_MIN: u32 = 5;

/// Stands in arguments for a folder that is new for every run.
const FRESH_FOLDER: &str = "{data}";

/// What `ratio` is asked to do.
#[derive(clap::Args)]
pub struct Args {
    /// The NDJSON file of reports
    file: PathBuf,
    /// The city folder that the file is about
    #[arg(long)]
    city: PathBuf,
    /// Turns that count, after one to warm up
    #[arg(long, default_value_t = RUNS_MIN, value_parser = clap::value_parser!(u32).range(i64::from(RUNS_MIN)..))]
    runs: u32,
    /// The paidan to measure; without it, the one beside this program
    #[arg(long)]
    paidan: Option<PathBuf>,
    /// Measure a rival as well, on so many workers: the program rival-NAME beside this one. May be given several times
    #[arg(long = "rival", value_name = "NAME[=WORKERS]")]
    rivals: Vec<Rival>,
    /// Measure any command as well: {file} is the reports, {out} where its assignments go, {summary} where its counts go. May
    /// be given several times
    #[arg(long = "rival-command", value_name = "NAME=COMMAND")]
    commands: Vec<Template>,
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

/// A rival of this workspace.
#[derive(Clone)]
struct Rival {
    name: String,
    workers: Option<u32>,
}

impl FromStr for Rival {
    type Err = String;

    fn from_str(text: &str) -> Outcome<Self> {
        let Some((name, workers)) = text.split_once('=') else { return Ok(Self { name: text.into(), workers: None }) };
        let workers = workers.parse().map_err(|e| format!("the workers of {name}: {e}"))?;
        Ok(Self { name: name.into(), workers: Some(workers) })
    }
}

/// A command in words, with places for the paths.
#[derive(Clone)]
struct Template {
    name: String,
    words: Vec<String>,
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Outcome<Self> {
        let (name, command) = text.split_once('=').ok_or("it lacks NAME=")?;
        let words: Vec<_> = command.split_whitespace().map(str::to_string).collect();
        match ["{file}", "{out}", "{summary}"].iter().find(|place| !command.contains(**place)) {
            Some(place) => Err(format!("the command of {name} lacks {place}")),
            None => Ok(Self { name: name.into(), words }),
        }
    }
}

/// What all programs must agree on.
#[derive(Serialize, PartialEq, Eq, Clone, Copy)]
pub(crate) struct Answer {
    #[serde(flatten)]
    said: Said,
    unit_load_digest: u64,
}

/// The part of an answer that every program writes into its summary.
#[derive(Serialize, Deserialize, PartialEq, Eq, Clone, Copy)]
struct Said {
    rejected: u64,
    opened: u64,
    merged: u64,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { said: Said { rejected, opened, merged }, unit_load_digest } = self;
        let unique = opened + merged;
        write!(
            f,
            "{rejected} rejected, {unique} unique: {opened} opened, {merged} merged; loads {unit_load_digest:016x}"
        )
    }
}

/// A program's runs against the reference's.
#[derive(Serialize)]
struct Ratios {
    /// Its rate over the reference's, turn by turn: above 1, it is the faster.
    rate_ratio: Spread,
    /// Its CPU seconds over the reference's, turn by turn: below 1, it is the cheaper.
    cpu_ratio: Spread,
}

impl Ratios {
    fn of(runs: &[Usage], reference: &[Usage]) -> Self {
        let ratio = |of: fn(&Usage) -> f64| reference.iter().zip(runs).map(move |(a, b)| of(b) / of(a));
        Self { rate_ratio: Spread::of(ratio(|run| 1.0 / run.wall_s)), cpu_ratio: Spread::of(ratio(|run| run.cpu_s)) }
    }
}

#[derive(Serialize)]
struct Comparison {
    machine: Machine,
    /// Of all programs, in their order.
    commands: Vec<String>,
    bytes: u64,
    answer: Answer,
    reference: Vec<Usage>,
    paidan: Vec<Usage>,
    #[serde(flatten)]
    ratios: Ratios,
    rivals: Vec<Measured>,
}

/// A rival's share of a comparison.
#[derive(Serialize)]
struct Measured {
    name: String,
    runs: Vec<Usage>,
    #[serde(flatten)]
    ratios: Ratios,
}

/// Runs all in turns, and prints the table.
pub fn run(args: &Args) -> Outcome {
    let programs = Programs::new(args)?;
    let work = Folder::new(&args.work_folder())?;
    let (answer, _) = programs.turn(&work)?;
    let mut runs = vec![Vec::new(); programs.names.len()];
    for number in 1..=args.runs {
        eprintln!("turn {number} of {}", args.runs);
        let (again, used) = programs.turn(&work)?;
        if again != answer {
            return Err(format!("the answer is not stable: {answer} at first, then {again}"));
        }
        runs.iter_mut().zip(used).for_each(|(runs, used)| runs.push(used));
    }
    let comparison = Comparison::of(&programs, answer, runs)?;
    print!("{comparison}");
    args.json.as_deref().map_or(Ok(()), |path| write_json(Some(path), &comparison))
}

impl Args {
    fn work_folder(&self) -> PathBuf {
        let beside = || self.file.parent().map(Path::to_path_buf).unwrap_or_default();
        self.work.clone().unwrap_or_else(beside).join(format!("ratio-{}", std::process::id()))
    }
}

/// The programs: the reference, paidan, and the rivals, in the order of their turns.
struct Programs<'a> {
    args: &'a Args,
    loadtest: PathBuf,
    paidan: PathBuf,
    names: Vec<String>,
}

impl<'a> Programs<'a> {
    fn new(args: &'a Args) -> Outcome<Self> {
        let loadtest = programs::beside("loadtest")?;
        let paidan = args.paidan.clone().map_or_else(|| programs::beside("paidan"), Ok)?;
        for rival in &args.rivals {
            programs::beside(&rival.program())?;
        }
        let rivals = args.rivals.iter().map(|rival| match rival.workers {
            Some(workers) => format!("{}={workers}", rival.name),
            None => rival.name.clone(),
        });
        let commands = args.commands.iter().map(|template| template.name.clone());
        let names = ["reference".to_string(), "paidan".into()].into_iter().chain(rivals).chain(commands).collect();
        Ok(Self { args, loadtest, paidan, names })
    }

    /// Runs one after the other.
    fn turn(&self, work: &Folder) -> Outcome<(Answer, Vec<Usage>)> {
        let (mut agreed, mut used) = (None, Vec::new());
        for (index, name) in self.names.iter().enumerate() {
            let (answer, usage) = measure(work, |folder| self.commands(folder).swap_remove(index))?;
            let first = *agreed.get_or_insert(answer);
            if answer != first {
                return Err(format!("the programs disagree. {}: {first}; {name}: {answer}", self.names[0]));
            }
            used.push(usage);
        }
        Ok((agreed.ok_or("there is no program")?, used))
    }

    /// The command of every program, for a run in `folder`.
    fn commands(&self, folder: &Path) -> Vec<Command> {
        let rivals = self.args.rivals.iter().map(|rival| self.rival(rival, folder));
        let templates = self.args.commands.iter().map(|template| template.command(&self.args.file, folder));
        [self.reference(folder), self.paidan(folder)].into_iter().chain(rivals).chain(templates).collect()
    }

    fn reference(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.loadtest);
        command.arg("reference").arg(&self.args.file).arg("--no-case-sum").arg("--out").arg(folder.join(OUT));
        command.arg("--summary").arg(folder.join(SUMMARY));
        command
    }

    fn paidan(&self, folder: &Path) -> Command {
        paidan_command(&self.paidan, &self.args.file, &self.args.city, &self.args.extra, folder)
    }

    fn rival(&self, rival: &Rival, folder: &Path) -> Command {
        let mut command = Command::new(self.loadtest.with_file_name(rival.program()));
        command.arg(&self.args.file).arg("--out").arg(folder.join(OUT)).arg("--summary").arg(folder.join(SUMMARY));
        command.args(rival.workers.iter().flat_map(|workers| ["--workers".to_string(), workers.to_string()]));
        command
    }

    /// All command lines, with `RUN` for the folder of a run.
    fn shown(&self) -> Vec<String> {
        let shown = |command: &Command| {
            let words = std::iter::once(command.get_program()).chain(command.get_args());
            words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
        };
        self.commands(Path::new("RUN")).iter().map(shown).collect()
    }
}

/// The job as a paidan does it in a folder.
pub(crate) fn paidan_command(paidan: &Path, file: &Path, city: &Path, extra: &[String], folder: &Path) -> Command {
    let mut command = Command::new(paidan);
    command.arg("run").arg(file).arg("--city").arg(city);
    command.arg("--out").arg(folder.join(OUT)).args(["--emit", "assigned"]);
    command.arg("--summary").arg(folder.join(SUMMARY));
    let fresh = folder.join("data").display().to_string();
    command.args(extra.iter().map(|arg| arg.replace(FRESH_FOLDER, &fresh)));
    command
}

impl Rival {
    fn program(&self) -> String {
        format!("rival-{}", self.name)
    }
}

impl Template {
    fn command(&self, file: &Path, folder: &Path) -> Command {
        let places = [
            ("{file}", file.to_path_buf()),
            ("{out}", folder.join(OUT)),
            ("{summary}", folder.join(SUMMARY)),
            (FRESH_FOLDER, folder.join("data")),
        ];
        let fill = |word: &String| {
            places.iter().fold(word.clone(), |word, (place, path)| word.replace(place, &path.to_string_lossy()))
        };
        let mut words = self.words.iter().map(fill);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words);
        command
    }
}

/// Where a run leaves its assignments, in its folder.
const OUT: &str = "out.ndjson";

/// Where a run leaves its counts.
const SUMMARY: &str = "summary.json";

/// Where what a run has to say lies while it runs: a pipe that nobody reads would stop it.
const STDERR: &str = "stderr";

/// Runs a command in a folder of its own, which is gone afterwards.
pub(crate) fn measure(work: &Folder, command: impl Fn(&Path) -> Command) -> Outcome<(Answer, Usage)> {
    let folder = Folder::new(&work.0.join("run"))?;
    let mut command = command(&folder.0);
    let program = command.get_program().to_string_lossy().into_owned();
    let named = |what: &dyn fmt::Display| format!("{program}: {what}");
    let stderr = folder.0.join(STDERR);
    let (said, started) = (File::create(&stderr).map_err(|e| named(&e))?, Instant::now());
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn().map_err(|e| named(&e))?;
    let (status, usage) = usage::wait_for(child, started).map_err(|e| named(&e))?;
    if !status.success() {
        let said = std::fs::read(&stderr).unwrap_or_default();
        return Err(named(&format_args!("{status}\n{}", String::from_utf8_lossy(&said).trim_end())));
    }
    let summary = std::fs::read(folder.0.join(SUMMARY)).map_err(|e| named(&format_args!("left no summary: {e}")))?;
    let said = serde_json::from_slice(&summary).map_err(|e| named(&format_args!("its summary lacks a count: {e}")))?;
    let unit_load_digest =
        load_digest(&folder.0.join(OUT)).map_err(|e| named(&format_args!("its assignments are wrong: {e}")))?;
    Ok((Answer { said, unit_load_digest }, usage))
}

/// The part of a written assignment that is compared: a number, which paidan writes as the text that codes are.
#[derive(Deserialize)]
struct Assigned<'a> {
    #[serde(borrow)]
    unit: sonic_rs::LazyValue<'a>,
}

/// The digest of the loads that the assignments in a file come to.
fn load_digest(path: &Path) -> io::Result<u64> {
    let mut loads = Loads::default();
    each_line(File::open(path)?, |line| {
        let assigned: Assigned = sonic_rs::from_slice(line)?;
        let unit = assigned.unit.as_raw_str().trim_matches('"').parse().ok().filter(|unit| *unit < UNITS);
        loads.count(unit.ok_or_else(|| io::Error::other(format!("no such unit: {}", assigned.unit.as_raw_str())))?);
        Ok(())
    })?;
    Ok(loads.digest())
}

impl Comparison {
    fn of(programs: &Programs, answer: Answer, runs: Vec<Vec<Usage>>) -> Outcome<Self> {
        let (args, mut runs) = (programs.args, runs.into_iter());
        let mut next = || runs.next().unwrap_or_default();
        let (reference, paidan) = (next(), next());
        let measured = |name: &String| {
            let runs = next();
            Measured { name: name.clone(), ratios: Ratios::of(&runs, &reference), runs }
        };
        Ok(Self {
            machine: Machine::of_this_process()?,
            commands: programs.shown(),
            bytes: std::fs::metadata(&args.file).map_err(|e| format!("{}: {e}", args.file.display()))?.len(),
            answer,
            rivals: programs.names[2..].iter().map(measured).collect(),
            ratios: Ratios::of(&paidan, &reference),
            reference,
            paidan,
        })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rivals = self.rivals.iter().map(|rival| (rival.name.as_str(), &rival.runs, &rival.ratios));
        let compared: Vec<_> = std::iter::once(("paidan", &self.paidan, &self.ratios)).chain(rivals).collect();
        let runs = std::iter::once(("reference", &self.reference))
            .chain(compared.iter().map(|(name, runs, _)| (*name, *runs)));
        writeln!(f, "{}", self.machine)?;
        for (letter, command) in ('A'..).zip(&self.commands) {
            writeln!(f, "{letter}  {command}")?;
        }
        writeln!(f, "{} MB; all: {}", self.bytes / 1_000_000, self.answer)?;
        writeln!(f, "{} turns, A B … A B …, after a warm-up; min / median / max\n", self.reference.len())?;
        for (letter, (name, runs)) in ('A'..).zip(runs) {
            let spread = |of: fn(&Usage) -> f64| Spread::of(runs.iter().map(of));
            let (wall, cpu, rss) = (spread(|run| run.wall_s), spread(|run| run.cpu_s), spread(|run| run.peak_rss_mib));
            writeln!(f, "{letter} {name:<12} wall s {wall}   cpu s {cpu}   peak MiB {rss}")?;
        }
        for (letter, (_, _, Ratios { rate_ratio, cpu_ratio })) in ('B'..).zip(compared) {
            writeln!(f, "{letter} over A       rate   {rate_ratio}   cpu   {cpu_ratio}")?;
        }
        Ok(())
    }
}
