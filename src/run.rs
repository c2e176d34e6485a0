//! `paidan run`: files of reports become decisions, durably if a data folder is given.

use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::city::{City, Layout};
use crate::data::{self, DataFolder, End, Manifest, Printed, ReplayError, Replayed, Run};
use crate::engine::{self, Finished, Inputs};
use crate::failure::{Failure, tell};
use crate::fingerprint::HashKey;
use crate::ids::{Seq, SourceId};
use crate::ingest::input::{Identity, Input, Opening, Place, STDIN};
use crate::journal::disk::RealDisk;
use crate::journal::frame::{Kind, Position};
use crate::journal::reader::{self, Reader};
use crate::journal::snapshot::NoteAt;
use crate::journal::writer::{Journal, Setup, Written};
use crate::lane::Lane;
use crate::meter::{Clock, LatencyLedger, Moment};
use crate::order::Order;
use crate::publish::{Press, Sink};
use crate::summary::{Outcome, Summary};
use crate::view::decision::{Decisions, Emit};

/// What a run is asked to do.
#[derive(Clone, Debug)]
pub struct Request {
    /// Files of lines; `-` is standard input.
    pub files: Vec<PathBuf>,
    /// The city's folder; the default city without one.
    pub city: Option<PathBuf>,
    /// The source of lines that do not name one.
    pub source: Option<String>,
    /// Where decisions go; standard output without one.
    pub out: Option<PathBuf>,
    /// Where rejected lines go.
    pub dead_letter: Option<PathBuf>,
    /// Which decisions are written.
    pub emit: Emit,
    /// The data folder.
    pub data: Option<PathBuf>,
    /// Wait for files to grow, and decide about each line as it comes.
    pub follow: bool,
    /// Worker threads.
    pub threads: usize,
    /// Bytes of a chunk.
    pub chunk_bytes: usize,
    /// Say less.
    pub quiet: bool,
}

/// The city of a request: of its folder, else the one kept with the data, else the default.
///
/// # Errors
/// If it is not in order.
pub fn city(folder: Option<&Path>, data: Option<&DataFolder>) -> Result<City, Failure> {
    let broken = |folder: &Path, problems| Failure::City { folder: folder.to_owned(), problems };
    if let Some(folder) = folder {
        return City::load(folder).map_err(|problems| broken(folder, problems));
    }
    let kept = match data {
        Some(data) => data.kept_city().map_err(|problems| broken(&data.city(), problems))?,
        None => None,
    };
    Ok(kept.unwrap_or_else(City::pudong))
}

/// What a run came to.
#[derive(Debug)]
pub struct Ran {
    /// What was decided.
    pub summary: Summary,
    /// Inputs could not be read to their end.
    pub broken: Option<Failure>,
}

/// Does what is asked. `stop` may be set at any time; the run then ends after what it has read.
///
/// # Errors
/// Whatever keeps it from being done.
pub fn run(request: &Request, stop: &AtomicBool) -> Result<Ran, Failure> {
    let started = Instant::now();
    let data = request.data.clone().map(DataFolder::new);
    let city = Arc::new(city(request.city.as_deref(), data.as_ref())?);
    let speaker = speaker(request, &city)?;
    let opening = Opening {
        layout: layout(request.source.as_deref(), &city),
        chunk_bytes: request.chunk_bytes,
        follow: request.follow,
    };
    check_outputs(request)?;
    let manifest = Manifest { inputs: identities(request, &opening)?, source: request.source.clone() };
    let decisions = Decisions::new(&city);
    let mut press = Press::new(&decisions, request.emit, out(request)?, dead_letters(request)?);
    let begun = begin(data.as_ref(), &city, &manifest, &opening, &mut press)?;
    if !request.quiet {
        tell(format_args!("{}", facts(request, &city, &begun)));
    }
    let Begun { lane, journal, positions, key, history } = begun;
    // Only where lines are decided as they come does the time that they take mean anything.
    let budgets = city.sources.iter().map(|source| source.budget_ms);
    let mut latency = request.follow.then(|| LatencyLedger::new(Moment::now(), budgets));
    let (lane, complete, broken) = if history == History::Done {
        (lane, true, None)
    } else {
        let inputs = open_inputs(request, &positions, &opening)?;
        let order = Order::new(positions, city.jump_ms, request.chunk_bytes);
        let progress = AtomicU64::new(0);
        let setup = engine::Setup {
            city: &city,
            key,
            speaker,
            threads: request.threads,
            chunk_bytes: request.chunk_bytes,
            clock: request.follow.then_some(Clock::Wall),
            stop,
            progress: &progress,
        };
        let finished = with_progress(inputs.bytes(), &progress, request.quiet, || {
            engine::run(&setup, inputs, lane, order, journal, &mut press, |published| {
                if let Some(latency) = &mut latency {
                    latency.note(published.journey, published.census.iter());
                }
            })
        })?;
        let broken = Failure::broken(&finished.broken);
        let (lane, complete, _) = close_journal(finished, &city)?;
        (lane, complete, broken)
    };
    press.finish().map_err(|cause| Failure::Machine(format!("cannot write decisions: {cause}")))?;
    let outcome = Outcome {
        digest: lane.digest(),
        next: lane.next(),
        complete,
        resumed: matches!(history, History::TakenUp | History::Done),
        threads: request.threads,
        wall_s: started.elapsed().as_secs_f64(),
    };
    Ok(Ran { summary: Summary::new(&city, &press.ledger, latency.as_ref(), outcome), broken })
}

/// How the files of a source are laid out. Lines that name their sources themselves are JSON lines.
fn layout(source: Option<&str>, city: &City) -> Layout {
    let source = source.and_then(|name| city.source_names.get(name));
    source.map_or_else(Layout::default, |source| city.sources[usize::from(source)].layout.clone())
}

fn speaker(request: &Request, city: &City) -> Result<Option<SourceId>, Failure> {
    let Some(name) = &request.source else { return Ok(None) };
    let known = || city.source_names.iter().collect::<Vec<_>>().join(", ");
    let unknown = || Failure::Usage(format!("--source {name}: the city knows the sources {}", known()));
    city.source_names.get(name).map(|source| Some(SourceId(source))).ok_or_else(unknown)
}

/// What tells the inputs from others. An input that can never be read is refused here, before anything is written down.
fn identities(request: &Request, opening: &Opening) -> Result<Vec<Identity>, Failure> {
    let stdin = Path::new(STDIN);
    if request.files == [stdin] {
        return Ok(Vec::new());
    }
    if request.files.iter().filter(|file| *file == stdin).count() > 1 {
        return Err(Failure::Usage("标准输入只能读一次 - (standard input) can be read only once".to_owned()));
    }
    let identity = |path: &PathBuf| {
        let unread = |cause: io::Error| Failure::input(path, &cause);
        match Place::of(path).map_err(unread)? {
            Place::Passing if request.data.is_some() => return Err(read_once(path)),
            Place::Passing => {}
            Place::Kept => drop(Input::open(path, 0, opening).map_err(unread)?),
        }
        if request.follow { Ok(Identity::of_growing(path)) } else { Identity::of(path).map_err(unread) }
    };
    request.files.iter().map(identity).collect()
}

fn read_once(path: &Path) -> Failure {
    let what = "管道只能读一次 can be read only once, so the run could not be taken up again among other files";
    let mend = "give it alone, as standard input, or leave out --data";
    Failure::Usage(format!("{}: {what}; {mend}", path.display()))
}

/// Refuses to write over an input, or two things into one file.
fn check_outputs(request: &Request) -> Result<(), Failure> {
    let place = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
    let mut taken: Vec<PathBuf> = request.files.iter().map(place).collect();
    for (option, path) in [("--out", &request.out), ("--dead-letter", &request.dead_letter)] {
        let Some(path) = path else { continue };
        if place(path).is_file() && taken.contains(&place(path)) {
            return Err(Failure::Usage(format!("{option} {}: this file is read or written already", path.display())));
        }
        taken.push(place(path));
    }
    Ok(())
}

fn out(request: &Request) -> Result<Sink, Failure> {
    match &request.out {
        Some(path) => Sink::file(path, request.data.is_some()).map_err(|cause| Failure::file("write", path, &cause)),
        None => Ok(Sink::Stream(Box::new(io::stdout()))),
    }
}

fn dead_letters(request: &Request) -> Result<Option<Sink>, Failure> {
    let Some(path) = &request.dead_letter else { return Ok(None) };
    let sink = Sink::file(path, request.data.is_some());
    sink.map(Some).map_err(|cause| Failure::file("write", path, &cause))
}

/// Where a run begins.
struct Begun {
    lane: Lane,
    journal: Option<Journal<RealDisk>>,
    positions: Vec<Position>,
    key: HashKey,
    history: History,
}

/// What was there before a run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum History {
    /// Nothing.
    New,
    /// Other runs, none of which is waited for.
    Continued,
    /// This run, cut short.
    TakenUp,
    /// This run, complete: nothing is left to do.
    Done,
}

impl History {
    /// For the page of facts.
    const fn text(self) -> &'static str {
        match self {
            Self::New => "新建 new",
            Self::Continued => "续写 behind earlier runs",
            Self::TakenUp => "续跑 taken up again",
            Self::Done => "已完成 complete",
        }
    }
}

/// The beginning of an input.
const START: Position = Position { offset: 0, line: 1, clock: None, sum: 0 };

fn begin(
    data: Option<&DataFolder>,
    city: &Arc<City>,
    manifest: &Manifest,
    opening: &Opening,
    press: &mut Press<'_>,
) -> Result<Begun, Failure> {
    let positions = vec![START; manifest.inputs.len().max(1)];
    let key = HashKey { k0: entropy()?, k1: entropy()? };
    let lane = Lane::new(city.clone());
    let Some(data) = data else {
        return Ok(Begun { lane, journal: None, positions, key, history: History::New });
    };
    let disk = open_journal(data)?;
    if Journal::is_in(&disk)? {
        return take_up(data, disk, lane, manifest, opening, city, press);
    }
    data.keep_city(city.files()).map_err(|cause| Failure::file("write", &data.city(), &cause))?;
    let mut journal = Journal::create(disk, key, city.version, Setup::new(entropy()?))?;
    write_manifest(&mut journal, manifest, &lane, city)?;
    Ok(Begun { lane, journal: Some(journal), positions, key, history: History::New })
}

/// The folder of a journal, for whoever writes it alone.
///
/// # Errors
/// If somebody else does, or it cannot be opened.
pub(crate) fn open_journal(data: &DataFolder) -> Result<RealDisk, Failure> {
    let path = data.journal();
    RealDisk::open(&path).map_err(|cause| match cause.kind() {
        io::ErrorKind::WouldBlock => Failure::Refused(format!("{}: {cause}", path.display())),
        _ => Failure::file("open", &path, &cause),
    })
}

/// Notes in the journal how a run begins.
///
/// # Errors
/// If the disk fails.
pub(crate) fn write_manifest(
    journal: &mut Journal<RealDisk>,
    manifest: &Manifest,
    lane: &Lane,
    city: &City,
) -> Result<NoteAt, Failure> {
    let Written { segment, offset, .. } =
        journal.append(&mut data::note(Kind::Manifest, manifest, lane, city.version))?;
    journal.sync()?;
    Ok((segment, offset))
}

/// Goes on in a folder that holds a journal: decides again about what it made durable, and takes up its last run, or begins
/// another behind it.
fn take_up(
    data: &DataFolder,
    disk: RealDisk,
    lane: Lane,
    manifest: &Manifest,
    opening: &Opening,
    city: &Arc<City>,
    press: &mut Press<'_>,
) -> Result<Begun, Failure> {
    let mut reader = Reader::open(disk)?;
    if reader.segments()[0].first_seq > Seq(1) {
        return Err(Failure::Refused(format!(
            "{}: 日志开头已按保留期删除，只能由 serve 继续 the beginning of this log was given up: only `paidan serve` goes on here",
            data.journal().display()
        )));
    }
    let replayed = data::replay(&mut reader, lane, Printed::Begun(manifest), press, |_, _| {})?;
    let Replayed { lane, runs, unproven, .. } = replayed;
    let next = next_run(data, &runs, manifest, opening)?;
    if let Some(cut) = reader.cut() {
        tell(format_args!("断尾 a torn tail was cut: {cut}\n"));
    }
    let (mut journal, _) = Journal::resume(reader, Setup::new(entropy()?))?;
    // Now all that was replayed is on the disk.
    for mut page in unproven {
        press.print(&mut page).map_err(ReplayError::Output)?;
    }
    let key = journal.key();
    let (positions, history) = match next {
        NextRun::Done => (Vec::new(), History::Done),
        NextRun::TakeUp(positions) => (positions, History::TakenUp),
        NextRun::Begin(positions) => {
            write_manifest(&mut journal, manifest, &lane, city)?;
            (positions, History::Continued)
        }
    };
    Ok(Begun { lane, journal: Some(journal), positions, key, history })
}

/// What is to be done in a folder that holds runs already.
enum NextRun {
    /// Nothing: this very run is complete.
    Done,
    /// The last run was cut short: its inputs are read on from here.
    TakeUp(Vec<Position>),
    /// The last run is complete: another one reads its inputs from here.
    Begin(Vec<Position>),
}

fn next_run(data: &DataFolder, runs: &[Run], manifest: &Manifest, opening: &Opening) -> Result<NextRun, Failure> {
    if runs.iter().any(|run| run.is_complete() && run.manifest.is_same(manifest)) {
        return Ok(NextRun::Done);
    }
    let is_cut_short = |last: &Run| match &last.end {
        Some(end) => end.broken && last.manifest.is_same(manifest),
        // A run that follows files has no other end than to be stopped: another one may go on behind it.
        None => last.manifest.is_same(manifest) || !last.manifest.is_growing(),
    };
    match runs.split_last() {
        Some((last, earlier)) if is_cut_short(last) => {
            check_manifest(data, &last.manifest, manifest)?;
            let positions = match last.positions.is_empty() {
                true => starts(data, earlier, manifest, opening)?,
                false => last.positions.clone(),
            };
            check_read_part(manifest, &positions, opening)?;
            Ok(NextRun::TakeUp(positions))
        }
        _ => Ok(NextRun::Begin(starts(data, runs, manifest, opening)?)),
    }
}

/// Where a run begins to read: a file that grew since an earlier run read it, behind what was read then.
fn starts(
    data: &DataFolder,
    earlier: &[Run],
    manifest: &Manifest,
    opening: &Opening,
) -> Result<Vec<Position>, Failure> {
    if manifest.inputs.is_empty() {
        return Ok(vec![START]);
    }
    manifest.inputs.iter().map(|identity| start(data, earlier, identity, opening)).collect()
}

fn start(data: &DataFolder, earlier: &[Run], identity: &Identity, opening: &Opening) -> Result<Position, Failure> {
    let inputs = earlier.iter().rev().flat_map(|run| run.manifest.inputs.iter().zip(&run.positions));
    let mut read_before = inputs.filter(|(known, _)| known.path == identity.path || known.is_same(identity));
    let Some((_, position)) = read_before.next() else { return Ok(START) };
    if is_what_was_read(identity, position, opening)? {
        return Ok(*position);
    }
    let (path, folder) = (identity.path.display(), data.path().display());
    Err(Failure::Refused(format!(
        "{path}: an earlier run in {folder} read this file, and it does not begin with the lines that were read then; give it \
         another name if it is another file, else put it back as it was"
    )))
}

/// Whether the lines of an input that lie before a position are those that were decided on.
fn is_what_was_read(identity: &Identity, position: &Position, opening: &Opening) -> Result<bool, Failure> {
    let opening = Opening { chunk_bytes: 1 << 20, follow: false, ..opening.clone() };
    let sum = Input::open(&identity.path, 0, &opening).and_then(|input| input.sum_before(position.offset));
    Ok(sum.map_err(|cause| Failure::input(&identity.path, &cause))? == position.sum)
}

/// Refuses to go on with other inputs than the run was begun with.
fn check_manifest(data: &DataFolder, written: &Manifest, manifest: &Manifest) -> Result<(), Failure> {
    let folder = data.path().display();
    let another = "use another --data folder for another run";
    if written.inputs.is_empty() {
        let what =
            "its last run was cut short, and standard input cannot be taken up again: what was read of it is gone";
        let mend = format!("`paidan replay {folder}` shows what was decided; {another}");
        return Err(Failure::Refused(format!("{folder}: {what}; {mend}")));
    }
    if written.source != manifest.source || written.inputs.len() != manifest.inputs.len() {
        let begun =
            |manifest: &Manifest| format!("{} files with --source {:?}", manifest.inputs.len(), manifest.source);
        let what = format!("its last run was cut short; it was begun with {}, not {}", begun(written), begun(manifest));
        return Err(Failure::Refused(format!("{folder}: {what}; give the same command again first, or {another}")));
    }
    let changed = |(old, new): (&Identity, &Identity)| {
        let what = match () {
            () if old.bytes != new.bytes => format!("has {} bytes, had {}", new.bytes, old.bytes),
            () if old.samples != new.samples => "holds other bytes".to_owned(),
            () if old.modified_ns != new.modified_ns => "was written since".to_owned(),
            () => return None,
        };
        Some(format!(
            "{}: the input {what}: it is not the one that the run in {folder} was begun with",
            new.path.display()
        ))
    };
    match written.inputs.iter().zip(&manifest.inputs).find_map(changed) {
        Some(what) => {
            Err(Failure::Refused(format!("{what}; put the file back as it was (with its time), or {another}")))
        }
        None => Ok(()),
    }
}

/// Refuses an input whose part that was read before is not the same byte for byte.
fn check_read_part(manifest: &Manifest, positions: &[Position], opening: &Opening) -> Result<(), Failure> {
    for (identity, position) in manifest.inputs.iter().zip(positions) {
        if !is_what_was_read(identity, position, opening)? {
            let (path, read) = (identity.path.display(), position.offset);
            return Err(Failure::Refused(format!(
                "{path}: its first {read} bytes are not those that were decided on; put the file back as it was"
            )));
        }
    }
    Ok(())
}

fn open_inputs(request: &Request, positions: &[Position], opening: &Opening) -> Result<Inputs, Failure> {
    let open = |(path, position): (&PathBuf, &Position)| {
        let input = Input::open(path, position.offset, opening);
        input.map(|input| (path.clone(), input)).map_err(|cause| Failure::input(path, &cause))
    };
    request.files.iter().zip(positions).map(open).collect::<Result<_, _>>().map(Inputs::new)
}

/// Notes in the journal that the run is at its end: complete, or with an input that broke off. Gives the lane, whether the run is
/// complete, and where the note lies.
///
/// # Errors
/// If the disk fails.
pub(crate) fn close_journal(finished: Finished, city: &City) -> Result<(Lane, bool, Option<reader::Place>), Failure> {
    let Finished { lane, complete, broken, journal, .. } = finished;
    let (broken, mut noted) = (!broken.is_empty(), None);
    if let (Some(mut journal), true) = (journal, complete || broken) {
        let end = End { digest: lane.digest().to_string(), broken };
        let mut note = data::note(Kind::End, &end, &lane, city.version);
        let Written { segment, offset, .. } = journal.append(&mut note)?;
        journal.sync()?;
        noted = Some(reader::Place { segment, offset, header: *note.header() });
    }
    Ok((lane, complete, noted))
}

/// Random bits of the system: for keys and salts, which decide nothing.
///
/// # Errors
/// If the system has none.
pub(crate) fn entropy() -> Result<u64, Failure> {
    const SOURCE: &str = "/dev/urandom";
    let mut bits = [0; 8];
    let read = std::fs::File::open(SOURCE).and_then(|mut file| file.read_exact(&mut bits));
    read.map_err(|cause| Failure::file("read", Path::new(SOURCE), &cause))?;
    Ok(u64::from_le_bytes(bits))
}

/// Shows how far something is that goes through many bytes, on a terminal.
pub(crate) fn with_progress<T>(bytes: Option<u64>, progress: &AtomicU64, quiet: bool, run: impl FnOnce() -> T) -> T {
    if quiet || !io::stderr().is_terminal() {
        return run();
    }
    let bar = match bytes {
        Some(bytes) => indicatif::ProgressBar::new(bytes).with_style(
            indicatif::ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {bytes_per_sec} 剩余 {eta} left")
                .expect("a constant template"),
        ),
        None => indicatif::ProgressBar::new_spinner().with_style(
            indicatif::ProgressStyle::with_template("{spinner} {bytes} {bytes_per_sec}").expect("a constant template"),
        ),
    };
    let done = AtomicBool::new(false);
    let result = std::thread::scope(|scope| {
        let painter = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                bar.set_position(progress.load(Ordering::Relaxed));
                std::thread::park_timeout(Duration::from_millis(100));
            }
        });
        let result = run();
        done.store(true, Ordering::Relaxed);
        painter.thread().unpark();
        result
    });
    bar.finish_and_clear();
    result
}

/// The page of facts at start.
fn facts(request: &Request, city: &City, begun: &Begun) -> String {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let plan = MemoryPlan::of(request, city);
    let mut text = format!(
        "城市 city {} ({}) version {:016x}
",
        city.name_zh, city.name_en, city.version
    );
    text += &format!(
        "内存计划 memory plan ≤ {} MiB: {} ids {} MiB, {} cases {} MiB, chunks and batches {} MiB
",
        mib(plan.ids + plan.cases + plan.boxes),
        city.memory.ids_max,
        mib(plan.ids),
        city.memory.cases_max,
        mib(plan.cases),
        mib(plan.boxes),
    );
    if let Some(data) = &request.data {
        text += &format!(
            "日志 journal {} ({}, next record {}), synced before every decision leaves
",
            data.display(),
            begun.history.text(),
            begun.lane.next()
        );
    }
    text + &warnings(city)
}

/// What is odd about the city, at most a few lines of it.
fn warnings(city: &City) -> String {
    const SHOWN: usize = 5;
    let shown = city.warnings.iter().take(SHOWN).map(|warning| format!("警告 warning: {warning}\n"));
    let more = city.warnings.len().saturating_sub(SHOWN);
    let rest = (more > 0).then(|| format!("另有 {more} 条警告 and {more} more warnings about the city\n"));
    shown.chain(rest).collect()
}

/// Upper bounds of what a run keeps in memory, in bytes.
struct MemoryPlan {
    ids: u64,
    cases: u64,
    boxes: u64,
}

impl MemoryPlan {
    fn of(request: &Request, city: &City) -> Self {
        // A chunk with its slots, effects and page, for lines of the usual length; chunks of tiny lines take a few times that.
        let chunk = request.chunk_bytes as u64 * 4;
        let chunks = engine::chunks_under_way(request.chunk_bytes, request.threads) * request.files.len();
        let boxes = (chunks + engine::batches_under_way(request.threads)) as u64 * chunk;
        let (id, case) = crate::dispatch::BYTES_OF_ID_AND_CASE;
        Self { ids: u64::from(city.memory.ids_max) * id, cases: u64::from(city.memory.cases_max) * case, boxes }
    }
}
