//! `run`: one target under one schedule, measured; and what every other load command is made of.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::ValueEnum;
use hdrhistogram::Histogram;
use paidan::meter::{LatencyLedger, Moment};

use crate::counts::write_json;
use crate::folder::Folder;
use crate::hdr_files::{self, Interval};
use crate::machine::Machine;
use crate::measure::{self, Frame, Measured};
use crate::pool::{BENCH, Pool};
use crate::profile::Profile;
use crate::pudong::Urgency;
use crate::report::{self, Report};
use crate::result::{Clock, Distribution, FORMAT, LoadResult, Schedule, Target as Facts, Workload};
use crate::schedule::Pace;
use crate::sender::{self, Sending};
use crate::target::{Answers, Null, Serving, Setting, Target, bare, control, http, in_process, tcp};
use crate::watcher::{Watched, Watcher};
use crate::{Outcome, bench_city, shown, usage};

/// What every load command is told.
#[derive(clap::Args, Clone)]
pub struct Load {
    /// Who is measured
    #[arg(long, value_enum, default_value_t = Whom::Paidan)]
    pub target: Whom,
    /// What is sent: `bench`, or a profile (`loadtest profiles` tells about them)
    #[arg(long, default_value = BENCH)]
    pub profile: String,
    /// Another seed gives other lines of the same mix
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Different lines; used up, they come again under new ids and times
    #[arg(long, default_value_t = 500_000)]
    pub lines: u64,
    /// Seconds that count
    #[arg(long, default_value_t = 20.0)]
    pub seconds: f64,
    /// Seconds before anything counts
    #[arg(long, default_value_t = 3.0)]
    pub warm_up: f64,
    /// How reports follow each other
    #[arg(long, value_enum, default_value_t = Gaps::Poisson)]
    pub gaps: Gaps,
    /// paidan keeps no journal
    #[arg(long)]
    pub no_journal: bool,
    /// paidan's worker threads
    #[arg(long, default_value_t = 2)]
    pub threads: usize,
    /// Most bytes of a request over HTTP; one that is smaller than a report makes a request of each
    #[arg(long, default_value_t = 35_000)]
    pub request_bytes: usize,
    /// A folder on the disk that is to be measured, for journals while they are needed
    #[arg(long, default_value = "target/load")]
    pub work: PathBuf,
    /// Where the result goes as JSON
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Where the result goes as one HTML page with plots
    #[arg(long)]
    pub report: Option<PathBuf>,
    /// A folder for the histograms, as .hlog and .hgrm
    #[arg(long)]
    pub hdr: Option<PathBuf>,
}

/// Who can be measured.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whom {
    /// paidan in this process, journal on the real disk
    Paidan,
    /// The same lines appended to a file and synced, and nothing else
    Control,
    /// paidan as a service of its own: lines over one TCP connection, until their receipts
    Tcp,
    /// The same: NDJSON over HTTP, eight connections with a request each
    Http,
    /// A bare axum handler as a service of its own (`loadtest bare`): typed parse, append, sync, and nothing else
    Bare,
    /// Nobody: the harness itself
    Null,
    /// Nobody, who stalls for a second in the middle: the harness must show it
    Stall,
}

/// How intended instants follow each other.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gaps {
    /// Evenly
    Constant,
    /// As independent callers come
    Poisson,
    /// As the profile's own day goes, in the time of the run
    Curve,
}

/// What `run` is told.
#[derive(clap::Args)]
pub struct Args {
    /// Reports a second
    #[arg(long)]
    rate: f64,
    /// Send each report only when the one before was answered, as most benchmarks do, to see what that hides
    #[arg(long)]
    closed: bool,
    #[command(flatten)]
    load: Load,
}

/// Measures, prints, and writes the result.
pub fn run(args: &Args) -> Outcome {
    let bench = Bench::new(&args.load)?;
    let loop_kind = if args.closed { Loop::Closed } else { Loop::Open };
    bench.measure("run", &bench.pace(args.rate)?, bench.frame(), loop_kind)?.tell(&args.load)
}

/// Whether the sender waits for answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Loop {
    /// Never.
    Open,
    /// Always.
    Closed,
}

/// Seconds for which the sender proves itself before a run.
const PROOF: Duration = Duration::from_secs(1);
/// A sender may lag by this part of the smallest p99 that is reported.
const LAG_SHARE_MAX: f64 = 0.1;

/// Everything that is made once for any number of runs.
pub struct Bench<'a> {
    load: &'a Load,
    pool: Pool,
    city: Option<PathBuf>,
    work: Folder,
}

/// A run, measured.
pub struct Run {
    /// For files and people.
    pub result: LoadResult,
    /// The figures behind it.
    pub measured: Measured,
    /// The machine's own pauses meanwhile, in nanoseconds.
    pub hiccups: Histogram<u64>,
    /// What the target measured itself.
    ledger: Option<LatencyLedger>,
    frame: Frame,
    started: SystemTime,
}

impl Run {
    /// Prints the result, and writes it wherever the command says.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn tell(&self, load: &Load) -> Outcome {
        print!("{}", shown::run(&self.result));
        if let Some(path) = &load.json {
            write_json(Some(path), &self.result)?;
        }
        if let Some(path) = &load.report {
            report::write(path, &Report { runs: vec![self.result.clone()], ..Report::default() })?;
        }
        self.write_histograms(load)
    }

    /// Writes the histograms, if the command says where.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write_histograms(&self, load: &Load) -> Outcome {
        let Some(folder) = &load.hdr else { return Ok(()) };
        let mut named = vec![("hiccups".to_owned(), &self.hiccups)];
        for (urgency, times) in self.measured.by_urgency() {
            named.push((format!("{urgency}.intended"), &times.intended));
            named.push((format!("{urgency}.sent"), &times.sent));
        }
        if let Some(ledger) = &self.ledger {
            named.extend(measure::stage_times(ledger));
        }
        let (begin, length) = (self.frame.warm_up, self.frame.length - self.frame.warm_up);
        let interval = |(tag, times)| Interval { tag, begin, length, times };
        let intervals: Vec<Interval<'_>> = named.iter().map(|(tag, times)| interval((&**tag, *times))).collect();
        hdr_files::write(folder, &self.result.mode.replace(' ', "-").replace('%', ""), self.started, &intervals)
    }
}

impl<'a> Bench<'a> {
    /// Makes the lines and their city.
    ///
    /// # Errors
    /// If the work folder cannot be written.
    pub fn new(load: &'a Load) -> Outcome<Self> {
        let work = Folder::new(&load.work.join(format!("run-{}", std::process::id())))?;
        let pool = Pool::of(&load.profile, load.lines, load.seed)?;
        // Profiles are of the city that is built into paidan.
        let city = (load.profile == BENCH).then(|| work.0.join("city"));
        city.as_deref().map_or(Ok(()), bench_city::write)?;
        Ok(Self { load, pool, city, work })
    }

    /// What the command says.
    pub const fn load(&self) -> &Load {
        self.load
    }

    /// How reports follow each other at a rate, as the command says.
    ///
    /// # Errors
    /// If they are to follow a curve, and the workload has none.
    pub fn pace(&self, per_s: f64) -> Outcome<Pace> {
        Ok(match self.load.gaps {
            Gaps::Constant => Pace::Constant { per_s },
            Gaps::Poisson => Pace::Poisson { per_s, seed: self.load.seed },
            Gaps::Curve => {
                let profile = Profile::by_name(&self.load.profile);
                let profile = profile.ok_or_else(|| format!("{} has no curve; choose a profile", self.load.profile))?;
                curve(&profile, per_s, self.frame().length)
            }
        })
    }

    /// As the command says.
    pub fn frame(&self) -> Frame {
        let warm_up = Duration::from_secs_f64(self.load.warm_up);
        Frame { warm_up, length: warm_up + Duration::from_secs_f64(self.load.seconds) }
    }

    /// One run.
    ///
    /// # Errors
    /// If the target fails.
    pub fn measure(&self, mode: &str, pace: &Pace, frame: Frame, loop_kind: Loop) -> Outcome<Run> {
        let (proof, started) = (self.prove(pace), SystemTime::now());
        let warm_up = pace.instants().take_while(|ns| *ns < frame.warm_up.as_nanos() as u64).count() as u64;
        let mut target = self.target(warm_up, frame)?;
        let (cpu_before, start) = (usage::process_cpu_s()?, Moment::now());
        let watcher = Watcher::begin(start);
        let sending = match loop_kind {
            Loop::Open => sender::open_loop(&self.pool, pace, frame.length, &mut *target),
            Loop::Closed => sender::closed_loop(&self.pool, pace, frame.length, &mut *target),
        };
        let answers = target.finish()?;
        let watched = watcher.end();
        let own_cpu_s = usage::process_cpu_s()? - cpu_before - sending.cpu_s - watched.cpu_s;
        let cpu_s = answers.usage.map_or(own_cpu_s, |usage| usage.cpu_s);
        self.clear_data();
        let measured = measure::measure(&self.pool, pace, frame, &sending, &answers.batches);
        let seen = Seen { proof, sending, watched, cpu_s, answers: &answers };
        let result = self.result(mode, pace, frame, &measured, &seen)?;
        Ok(Run { result, measured, hiccups: seen.watched.hiccups, ledger: answers.ledger, frame, started })
    }

    /// The sender against nobody, at twice the rate: its lag is its own.
    fn prove(&self, pace: &Pace) -> Distribution {
        let twice = Pace::Constant { per_s: pace.mean_per_s() * 2.0 };
        let sending = sender::open_loop(&self.pool, &twice, PROOF, &mut Null::new());
        Distribution::of(&sending.lag)
    }

    /// A new target, which begins to count behind so many reports.
    pub(crate) fn target(&self, warm_up: u64, frame: Frame) -> Outcome<Box<dyn Target>> {
        Ok(match self.load.target {
            Whom::Paidan => Box::new(in_process(&Setting {
                city: self.city.clone(),
                data: (!self.load.no_journal).then(|| self.data()),
                threads: self.load.threads,
                warm_up,
            })?),
            Whom::Control => Box::new(control(&self.data())?),
            Whom::Tcp => Box::new(tcp(&self.serving())?),
            Whom::Http => Box::new(http(&self.serving(), self.load.request_bytes)?),
            Whom::Bare => Box::new(bare(&self.serving(), self.load.request_bytes)?),
            Whom::Null => Box::new(Null::new()),
            Whom::Stall => {
                let middle = (frame.warm_up + frame.length) / 2;
                Box::new(Null::stalling(Moment::now().plus(middle), Duration::from_secs(1)))
            }
        })
    }

    fn serving(&self) -> Serving {
        Serving { city: self.city.clone(), data: self.data(), threads: self.load.threads }
    }

    fn data(&self) -> PathBuf {
        self.work.0.join("data")
    }

    /// Removes what a target has left.
    pub(crate) fn clear_data(&self) {
        // What is left over goes with the work folder.
        let _ = std::fs::remove_dir_all(self.data());
    }

    fn result(
        &self,
        mode: &str,
        pace: &Pace,
        frame: Frame,
        measured: &Measured,
        seen: &Seen<'_>,
    ) -> Outcome<LoadResult> {
        let Seen { proof, sending, watched, cpu_s, answers } = seen;
        let latency = measured.latency();
        let ledger = answers.ledger.as_ref();
        let mut timeline = measured.timeline.clone();
        // The last second is cut short by the end of the watching: it has what the one before had.
        let last = watched.rss_mib.last().into_iter().cycle();
        for (line, rss_mib) in timeline.iter_mut().zip(watched.rss_mib.iter().chain(last)) {
            line.rss_mib = *rss_mib;
        }
        let answered = answers.batches.last().map_or(0, |last| last.next);
        let result = LoadResult {
            format: FORMAT,
            mode: mode.to_owned(),
            command: command(),
            machine: Machine::of_this_process()?,
            target: self.facts(),
            workload: self.workload(),
            schedule: Schedule {
                kind: pace.name().to_owned(),
                rate_per_s: pace.mean_per_s(),
                warm_up_s: frame.warm_up.as_secs_f64(),
                measured_s: (frame.length - frame.warm_up).as_secs_f64(),
            },
            counts: measured.counts,
            stages: ledger.map(measure::stages).unwrap_or_default(),
            budgets: ledger.map(measure::budgets).unwrap_or_default(),
            exemplars: ledger.map(measure::exemplars).unwrap_or_default(),
            timeline,
            lag: Distribution::of(&sending.lag),
            generator_cpu_share: sending.cpu_s / frame.length.as_secs_f64(),
            hiccups: Distribution::of(&watched.hiccups),
            cpu_ns_per_report: cpu_s * 1e9 / answered.max(1) as f64,
            peak_rss_mib: answers.usage.map_or_else(usage::peak_rss_mib, |usage| Ok(usage.peak_rss_mib))?,
            void_because: void(proof, &latency),
            latency,
        };
        Ok(result)
    }

    /// Who is measured.
    pub fn facts(&self) -> Facts {
        let journal = match (self.load.target, self.load.no_journal) {
            (Whom::Paidan, true) => "off",
            (Whom::Paidan | Whom::Tcp | Whom::Http | Whom::Bare | Whom::Control, _) => "on, synced",
            (Whom::Null | Whom::Stall, _) => "none",
        };
        let name = self.load.target.to_possible_value().map(|value| value.get_name().to_owned());
        let threads = self.load.threads.to_string();
        let settings = [("journal", journal.to_owned()), ("threads", threads)];
        Facts {
            name: name.unwrap_or_default(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            settings: settings.map(|(name, value)| (name.to_owned(), value)).into(),
        }
    }

    /// What is sent.
    pub fn workload(&self) -> Workload {
        let share = |urgency: Urgency| (format!("urgency {}", urgency.letter()), self.pool.share(urgency));
        Workload {
            profile: self.pool.profile.clone(),
            seed: self.pool.seed,
            lines: self.pool.len() as u64,
            bytes_per_line: self.pool.bytes_per_line(),
            shares: Urgency::ALL.map(share).into_iter().chain(self.pool.source_shares()).collect(),
        }
    }
}

/// The curve of a profile's day, in so much time, with a mean of so many reports a second.
fn curve(profile: &Profile, per_s: f64, length: Duration) -> Pace {
    const STEPS: u32 = 288;
    let curve = profile.curve();
    let middle = |step: u32| (f64::from(step) + 0.5) / f64::from(STEPS) * curve.period_s();
    let rate = |step: u32| curve.rate(middle(step)) / curve.mean() * per_s;
    Pace::Curve { step_s: length.as_secs_f64() / f64::from(STEPS), per_s: (0..STEPS).map(rate).collect() }
}

/// What was seen of a run besides its latencies.
struct Seen<'a> {
    proof: Distribution,
    sending: Sending,
    watched: Watched,
    cpu_s: f64,
    answers: &'a Answers,
}

/// Why a run says nothing about its target.
fn void(proof: &Distribution, latency: &[crate::result::Latency]) -> Vec<String> {
    let told = latency.iter().filter(|line| line.clock == Clock::Intended);
    let Some(smallest) = told.filter_map(|line| line.time.ms_at(99.0)).min_by(f64::total_cmp) else {
        return Vec::new();
    };
    let lag = proof.ms_at(99.0).unwrap_or(proof.max_us / 1e3);
    let is_void = lag > smallest * LAG_SHARE_MAX;
    let why = format!(
        "发送者自身滞后 the sender alone, at twice the rate, lagged {lag:.3} ms (p99), more than a tenth of the smallest p99 here, \
         {smallest:.3} ms"
    );
    is_void.then_some(why).into_iter().collect()
}

/// The command line of this process.
pub fn command() -> String {
    let words = std::env::args().enumerate().map(|(index, word)| match index {
        0 => Path::new(&word).file_name().map_or(word.clone(), |name| name.to_string_lossy().into_owned()),
        _ => word,
    });
    words.collect::<Vec<_>>().join(" ")
}
