//! How many instructions an event costs, counted by callgrind: the one figure that a busy machine does not change, and so the
//! gate. See `benches/README.md`.
//!
//! ```sh
//! cargo bench --bench instructions                            # counts, and fails where a count left its tolerance
//! cargo bench --bench instructions -- --rebaseline "why"      # writes the counts down as the new baseline
//! ```

use std::ffi::OsString;
use std::fmt;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::SystemTime;

use paidan::city::City;
use paidan::effect::Effects;
use paidan::geo::FinePoint;
use paidan::ingest::door::Door;
use paidan::journal::frame::{Frame, Header, Ink, Position};
use paidan::lane::Lane;
use paidan::publish::{Press, Sink};
use paidan::record::Input;
use paidan::rehearsal::profile::message;
use paidan::rehearsal::rng::Rng;
use paidan::view::decision::{Decisions, Emit};

use cities::bench_city;
use gate::{Baseline, Counts, counted_in, difference_percent};
use workload::{KEY, LINES, Workload, read};

#[path = "parts/cities.rs"]
mod cities;
#[path = "parts/gate.rs"]
mod gate;
#[path = "parts/workload.rs"]
mod workload;

/// The program's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.toml");
/// Leads the baseline's file.
const HEADING: &str = "# Instructions for each event, as callgrind counts them; `tests/run` holds every change to them.
# Written by: cargo bench --bench instructions -- --rebaseline \"why\"   (tolerances may be changed by hand)

";

/// Something of which an event's instructions are counted, once everything has its size.
struct Scenario {
    name: &'static str,
    /// Checks its answer, then has its work counted: [`LINES`] events.
    run: fn(&Workload),
}

const SCENARIOS: [Scenario; 8] = [
    Scenario { name: "understand", run: understand },
    Scenario { name: "words", run: words },
    Scenario { name: "locate", run: locate },
    Scenario { name: "decide", run: decide_aligned },
    Scenario { name: "decide_sliding", run: decide_sliding },
    Scenario { name: "write", run: write },
    Scenario { name: "frame", run: frame },
    Scenario { name: "ring", run: ring },
];

/// Callgrind counts only inside this function.
#[inline(never)]
fn counted_by_callgrind(work: &mut dyn FnMut()) {
    black_box(work)();
}

/// Decode, locate, classify, hash and frame.
fn understand(workload: &Workload) {
    let (mut door, mut frame) = (Door::new(&workload.city, KEY, None), Frame::new());
    let chunk = read(&workload.text, &mut frame);
    let first = door.fill(&chunk, &mut frame);
    assert_eq!((first.lines, frame.records() + frame.tallies()), (LINES, LINES as usize));
    let chunk = read(&workload.text, &mut frame);
    counted_by_callgrind(&mut || assert_eq!(door.fill(&chunk, &mut frame), first));
}

/// Reports of the built-in city that say what they are about in words: rules and model beside all that `understand` does.
fn words(_: &Workload) {
    let (city, mut rng, mut text) = (City::pudong(), Rng::seeded(1), Vec::new());
    for number in 0..LINES {
        write!(text, "{{\"source\":\"app\",\"id\":\"{number}\",\"lng\":121.6,\"lat\":31.2,\"text\":\"")
            .expect("memory");
        message::write(&mut rng, &mut text);
        text.extend_from_slice(b"\"}\n");
    }
    let (mut door, mut frame) = (Door::new(&city, KEY, None), Frame::new());
    let chunk = read(&text, &mut frame);
    let first = door.fill(&chunk, &mut frame);
    let classes = frame.view();
    let has_class = |input: &Input| matches!(input, Input::Report(head) if head.class.is_some());
    let classed =
        classes.records().filter(|placed| has_class(&placed.as_ref().expect("a record").record.input)).count();
    assert!((15_000..18_000).contains(&classed), "{classed} have a class, and four fifths should");
    let chunk = read(&text, &mut frame);
    counted_by_callgrind(&mut || assert_eq!(door.fill(&chunk, &mut frame), first));
}

/// From a place to its cell and area.
fn locate(workload: &Workload) {
    let frame = workload.understood(LINES);
    let view = frame.view();
    let heads = view.records().filter_map(|placed| match placed.expect("a record").record.input {
        Input::Report(head) => Some(head),
        _ => None,
    });
    let heads: Vec<_> = heads.cycle().take(LINES as usize).collect();
    let nano = |micro: i32| i64::from(micro) * 1000;
    let places: Vec<_> =
        heads.iter().map(|head| FinePoint { lng: nano(head.point.lng), lat: nano(head.point.lat) }).collect();
    let located = || places.iter().map(|place| workload.city.grid.locate(*place).expect("in the city").cell.0);
    assert!(located().eq(heads.iter().map(|head| head.cell.0)));
    let sum = located().fold(0, u32::wrapping_add);
    counted_by_callgrind(&mut || assert_eq!(located().fold(0, u32::wrapping_add), sum));
}

fn decide_aligned(workload: &Workload) {
    decide(workload, &workload.city);
}

fn decide_sliding(workload: &Workload) {
    let sliding = [("window = \"aligned\"", "window = \"sliding\""), ("\"cell\"", "\"radius\"\nradius_m = 50")];
    decide(workload, &bench_city(&sliding));
}

/// Order, dedup, merge, assign and digest, from an empty mind on.
fn decide(workload: &Workload, city: &std::sync::Arc<City>) {
    let (mut frame, mut effects) = (workload.understood(LINES), Effects::default());
    let mut first = Lane::new(city.clone());
    first.order_and_decide(&mut frame, &[Position::default()], &mut effects);
    let (ids, cases) = first.mind().size();
    assert!(LINES as usize > ids && ids > cases && cases > 1000, "{ids} ids, {cases} cases");
    let mut lane = Lane::new(city.clone());
    effects.clear();
    counted_by_callgrind(&mut || lane.order_and_decide(&mut frame, &[Position::default()], &mut effects));
    assert_eq!((lane.digest(), lane.next()), (first.digest(), first.next()));
}

/// All effects as lines, and the ledger.
fn write(workload: &Workload) {
    let (mut frame, mut effects) = (workload.understood(LINES), Effects::default());
    Lane::new(workload.city.clone()).order_and_decide(&mut frame, &[Position::default()], &mut effects);
    let decisions = Decisions::new(&workload.city);
    let mut press = Press::new(&decisions, Emit::All, Sink::Null, None);
    let mut page = press.page();
    page.set(&frame.view(), effects.as_slice(), &[], press.forms());
    press.print(&mut page).expect("nowhere to write to");
    assert!(press.ledger.closes() && press.ledger.total().offered == LINES);
    counted_by_callgrind(&mut || {
        page.set(&frame.view(), effects.as_slice(), &[], press.forms());
        press.print(&mut page).expect("nowhere to write to");
    });
}

/// Records into the slots of a frame that holds its bodies, checksums, and the seal: all but the write itself.
fn frame(workload: &Workload) {
    let (understood, mut frame) = (workload.understood(LINES), Frame::new());
    let view = understood.view();
    let records = view.records().map(|placed| placed.expect("a record").record);
    let records: Vec<_> = records.filter(|record| !matches!(record.input, Input::Tally(_))).collect();
    let fill = |frame: &mut Frame| {
        let (_, slots) = frame.fill();
        records.iter().cycle().take(LINES as usize).for_each(|record| slots.push(&record.origin, &record.input));
        frame.close();
        frame.seal(Ink::default())
    };
    read(&workload.text, &mut frame);
    let sum = fill(&mut frame);
    assert_eq!(Header::parse(frame.bytes()).expect("a header").records, LINES as u32);
    read(&workload.text, &mut frame);
    counted_by_callgrind(&mut || assert_eq!(fill(&mut frame), sum));
}

/// Items of 64 bytes into our ring and out again, 64 at a time.
fn ring(_: &Workload) {
    const AT_ONCE: u64 = 64;
    let (mut producer, mut consumer) = paidan::ring::ring(AT_ONCE as usize);
    let mut pass = || {
        let (mut next, mut sum) = (0, 0);
        while next < LINES {
            for number in next..LINES.min(next + AT_ONCE) {
                producer.push([number; 8]).expect("room");
            }
            next += consumer.take(usize::MAX, |item| sum += item[7]) as u64;
        }
        sum
    };
    assert_eq!(pass(), LINES * (LINES - 1) / 2);
    counted_by_callgrind(&mut || assert_eq!(pass(), LINES * (LINES - 1) / 2));
}

/// Why there is no verdict, or a bad one.
struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the command line asks for.
enum Task {
    /// Count and compare.
    Gate,
    /// Count and write down, for this reason.
    Rebaseline(String),
    /// Do the work of all scenarios, or of the one of this name, which callgrind watches.
    Work(Option<String>),
}

const USAGE: &str = "usage: cargo bench --bench instructions [-- --test | -- --rebaseline \"why\"]";
/// Tells the program that callgrind runs it.
const WORK: &str = "--work";

fn task(arguments: impl Iterator<Item = OsString>) -> Result<Task, Failure> {
    // Cargo itself says `--bench`.
    let arguments: Vec<_> = arguments.filter(|argument| argument != "--bench").collect();
    let arguments: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
    match arguments.iter().map(|argument| &**argument).collect::<Vec<_>>()[..] {
        [] => Ok(Task::Gate),
        ["--test"] => Ok(Task::Work(None)),
        [WORK, name] => Ok(Task::Work(Some(name.to_owned()))),
        ["--rebaseline", why] if !why.trim().is_empty() => Ok(Task::Rebaseline(why.trim().to_owned())),
        ["--rebaseline", ..] => Err(Failure(format!("a new baseline needs its reason in one argument; {USAGE}"))),
        _ => Err(Failure(USAGE.to_owned())),
    }
}

fn main() -> ExitCode {
    let done = task(std::env::args_os().skip(1)).and_then(|task| match task {
        Task::Gate => gate(),
        Task::Rebaseline(why) => rebaseline(why),
        Task::Work(name) => {
            work(name.as_deref());
            Ok(())
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn work(name: Option<&str>) {
    let workload = Workload::new();
    let chosen = SCENARIOS.iter().filter(|scenario| name.is_none_or(|name| name == scenario.name));
    chosen.for_each(|scenario| (scenario.run)(&workload));
}

/// Counts, tells, and objects.
fn gate() -> Result<(), Failure> {
    let (baseline, found) = (written()?, count()?);
    println!("{:<16} {:>12} {:>12} {:>8} {:>8}", "scenario", "instructions", "baseline", "", "allowed");
    for (name, found) in &found {
        let Some(scenario) = baseline.scenario.get(name) else { continue };
        let (known, percent) = (scenario.instructions, difference_percent(scenario.instructions, *found));
        println!("{name:<16} {found:>12.1} {known:>12.1} {percent:>+6.1} % {:>6} %", scenario.tolerance_percent);
    }
    let objections = baseline.objections(&found);
    if objections.is_empty() {
        return Ok(());
    }
    let Baseline { date, reason, compiler, .. } = &baseline;
    let here = self::compiler()?;
    let mut text = format!("\n{}\nThe baseline is of {date} ({reason}).", objections.join("\n"));
    if here != *compiler {
        text += &format!(" It was compiled by {compiler}, and now it is {here}: that alone may be the cause.");
    }
    Err(Failure(text))
}

fn rebaseline(why: String) -> Result<(), Failure> {
    let before = Path::new(BASELINE).exists().then(written).transpose()?;
    let found = count()?;
    let now = jiff::Timestamp::try_from(SystemTime::now()).expect("a clock between the years -9999 and 9999");
    let date = now.strftime("%F").to_string();
    let baseline = Baseline::taken(&found, before.as_ref(), date, why, compiler()?);
    let text = toml::to_string(&baseline).expect("a baseline is TOML");
    std::fs::write(BASELINE, format!("{HEADING}{text}"))
        .map_err(|e| Failure(format!("{BASELINE}: cannot write: {e}")))?;
    println!("{BASELINE}:\n{text}");
    Ok(())
}

fn written() -> Result<Baseline, Failure> {
    let text = std::fs::read_to_string(BASELINE).map_err(|e| Failure(format!("{BASELINE}: cannot read: {e}")))?;
    toml::from_str(&text).map_err(|e| Failure(format!("{BASELINE}: {e}")))
}

fn compiler() -> Result<String, Failure> {
    let output =
        Command::new("rustc").arg("--version").output().map_err(|e| Failure(format!("rustc --version: {e}")))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Has callgrind watch each scenario in a process of its own, and gives its instructions for one event, to a tenth.
fn count() -> Result<Counts, Failure> {
    let folder = tempfile::tempdir().expect("a folder");
    let out = |scenario: &Scenario| folder.path().join(scenario.name);
    let watched = SCENARIOS.iter().map(|scenario| watch(scenario, &out(scenario)));
    let watched = watched.collect::<Result<Vec<_>, Failure>>()?;
    let count = |(scenario, callgrind): (&Scenario, Child)| {
        let counted = read_count(callgrind, &out(scenario))?;
        Ok((scenario.name.to_owned(), (counted as f64 / LINES as f64 * 10.0).round() / 10.0))
    };
    SCENARIOS.iter().zip(watched).map(count).collect()
}

fn watch(scenario: &Scenario, out: &Path) -> Result<Child, Failure> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--quiet", "--toggle-collect=*counted_by_callgrind*"]);
    valgrind.arg(format!("--callgrind-out-file={}", out.display()));
    valgrind.arg(std::env::current_exe().expect("this program's path")).args([WORK, scenario.name]);
    valgrind.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(|e| {
        Failure(format!("valgrind cannot be started ({e}); it counts the instructions: apt-get install valgrind"))
    })
}

fn read_count(callgrind: Child, out: &Path) -> Result<u64, Failure> {
    let failed = |what: &dyn fmt::Display| Failure(format!("callgrind, {}: {what}", out.display()));
    let output = callgrind.wait_with_output().map_err(|e| failed(&e))?;
    if !output.status.success() {
        return Err(failed(&format_args!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr))));
    }
    let text = std::fs::read_to_string(out).map_err(|e| failed(&e))?;
    counted_in(&text).filter(|count| *count > 0).ok_or_else(|| failed(&"nothing was counted"))
}
