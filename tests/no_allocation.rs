//! Once everything has its size, a line costs no allocation: from the file through door, order, mind and page.
//!
//! This file holds one test, because it counts what the whole process allocates.

use std::collections::VecDeque;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use paidan::city::City;
use paidan::effect::Effects;
use paidan::fingerprint::HashKey;
use paidan::ids::SourceId;
use paidan::ingest::door::Door;
use paidan::ingest::file::FileInput;
use paidan::journal::{Frame, Position};
use paidan::lane::Lane;
use paidan::order::{Decoded, Next, Order};
use paidan::publish::{Press, Sink};
use paidan::record::Input;
use paidan::rehearsal::profile::message;
use paidan::rehearsal::rng::Rng;
use paidan::view::decision::{Decisions, Emit};

use counting::Counting;

#[path = "common/counting.rs"]
mod counting;

#[global_allocator]
static COUNTING: Counting = Counting(AtomicU64::new(0));

/// Until then tables find their size; the lines behind it are measured.
const WARM: u64 = 80_000;
const LINES: u64 = 120_000;
/// What is left for each allocation: now and then a shard of a table grows, and the register of cases squeezes a block (seven
/// times for 4,096 cases). Both follow windows and cases, not lines.
const LINES_FOR_ONE: u64 = 300;
/// Event time that lies between a line and the next, on top of the bench's own: 40,000 lines pass through five windows.
const SPREAD_MS: u64 = 75;
const CHUNK_BYTES: usize = 256 << 10;
const BOXES: usize = 12;

/// The bench lines, with their times drawn apart. The number in its id says which line a report was first, so a re-send stays
/// the same byte for byte. Lines without both stay as they are.
fn write_spread(from: &Path, to: &Path) {
    let spread = |line: &str| {
        let (_, id) = line.split_once("\"id\":\"")?;
        let number: u64 = id.split_once('"')?.0.rsplit_once('-')?.1.parse().ok()?;
        let (before, ts) = line.split_once("\"ts\":")?;
        let (ts, after) = ts.split_once(',')?;
        let ts = ts.parse::<u64>().ok()? + number * SPREAD_MS;
        Some(format!("{before}\"ts\":{ts},{after}"))
    };
    let mut spread_lines = Vec::new();
    for line in std::fs::read(from).expect("bench lines").split_inclusive(|byte| *byte == b'\n') {
        let spread = std::str::from_utf8(line).ok().and_then(spread);
        spread_lines.extend_from_slice(spread.as_deref().map_or(line, str::as_bytes));
    }
    std::fs::write(to, spread_lines).expect("a file");
}

/// The source of the lines that are not of input schema v1, and their shape.
const SHAPED: &str = r#"
[[source]]
name = "file"
name_zh = "文件"
kind = "app"
urgency = "C"
late = "refuse"
may = ["report"]
require = ["ts", "place", "category"]
dedup = { window = "aligned", minutes = 10, grace_s = 60 }
[source.shape]
id = "/meta/key"
text = ["/words/0", "/words/1"]
time = "/meta/when"
time_format = "%m/%d/%Y %I:%M:%S %p"
zone = "Asia/Shanghai"
lng = "/geometry/coordinates/0"
lat = "/geometry/coordinates/1"
address = ["/words/1", "/meta/key"]
category = ["/words/0", "/kind"]
[source.shape.words]
"matter of \"road.leak\"" = "road.leak"
"#;

/// The same lines in the other shape, with local times, and with escapes now and then. Lines that are no JSON or have not
/// all fields stay as they are.
fn write_shaped(from: &Path, to: &Path) {
    let zone = jiff::tz::TimeZoneDatabase::bundled().get("Asia/Shanghai").expect("a zone");
    let shaped = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        let when = jiff::Timestamp::from_millisecond(line["ts"].as_i64()?).ok()?.to_zoned_datetime(zone.clone());
        let when = jiff::fmt::strtime::format("%m/%d/%Y %I:%M:%S %p", &when).ok()?;
        let category = line["category"].as_str()?.replace("road.leak", "matter of \"road.leak\"");
        let shaped = serde_json::json!({
            "source": "somebody", "kind": category, "words": [null, line["addr"].as_str()?],
            "geometry": { "type": "Point", "coordinates": [line["lng"].to_string(), line["lat"].as_f64()?] },
            "meta": { "key": line["id"].as_str()?, "when": when },
        });
        Some(format!("{shaped}\n"))
    };
    let mut lines = Vec::new();
    for line in std::fs::read(from).expect("lines").split_inclusive(|byte| *byte == b'\n') {
        let shaped = std::str::from_utf8(line).ok().and_then(shaped);
        lines.extend_from_slice(shaped.as_deref().map_or(line, str::as_bytes));
    }
    std::fs::write(to, lines).expect("a file");
}

/// One thread that does what all threads of a run do, with boxes that go round.
struct Run<'a> {
    file: FileInput,
    door: Door<'a>,
    order: Order,
    lane: Lane,
    effects: Effects,
    press: Press<'a>,
    boxes: VecDeque<Box<Decoded>>,
    never_used: Frame,
}

impl Run<'_> {
    /// Reads chunks while there are boxes, then decides and publishes the next one.
    fn step(&mut self, page: &mut paidan::publish::Page) {
        while let Some(mut decoded) = self.boxes.pop_front() {
            let Some(index) = self.file.claim(u64::MAX) else {
                self.boxes.push_back(decoded);
                break;
            };
            decoded.chunk = self.file.read(0, index, &mut decoded.frame).expect("a chunk");
            decoded.filled = self.door.fill(&decoded.chunk, &mut decoded.frame);
            self.order.put(decoded);
        }
        if let Next::Chunk(mut decoded) = self.order.next(&mut self.never_used, drop) {
            self.lane.order_and_decide(&mut decoded.frame, self.order.positions(), &mut self.effects);
            page.set(&decoded.frame.view(), self.effects.as_slice(), &[], self.press.forms());
            self.press.print(page).expect("nowhere takes everything");
            self.effects.clear();
            decoded.clear();
            self.boxes.push_back(decoded);
        }
    }

    /// Steps until so many lines are ordered.
    fn until(&mut self, lines: u64, page: &mut paidan::publish::Page) -> u64 {
        while self.order.positions()[0].line <= lines && !self.order.is_done() {
            self.step(page);
        }
        self.order.positions()[0].line - 1
    }
}

#[test]
fn a_line_allocates_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    loadtest::bench_city::write(&path("city")).expect("a city");
    let settings = path("city").join("city.toml");
    let with_shape = std::fs::read_to_string(&settings).expect("settings") + SHAPED;
    std::fs::write(&settings, with_shape).expect("settings");
    loadtest::r#gen::run(LINES, &path("bench.ndjson"), 3).expect("lines");
    write_spread(&path("bench.ndjson"), &path("spread.ndjson"));
    write_shaped(&path("spread.ndjson"), &path("shaped.ndjson"));
    let city = City::load(&path("city")).unwrap_or_else(|problems| panic!("{problems}"));
    let city = Arc::new(city);
    check(&city, &path("spread.ndjson"), None);
    check(&city, &path("shaped.ndjson"), city.source_names.get("file").map(SourceId));
    check_words(&path("words.ndjson"));
}

/// Reads reports of the default city that say what they are about in words, and counts what that allocates the second time.
fn check_words(file: &Path) {
    let mut rng = Rng::seeded(5);
    let mut lines = Vec::new();
    for number in 0..4_000 {
        let (title, text) = (if number % 3 == 0 { ",\"title\":\"\u{6025}\\u6025\"" } else { "" }, ",\"text\":\"");
        write!(lines, "{{\"source\":\"app\",\"id\":\"{number}\",\"lng\":121.6,\"lat\":31.2{title}{text}")
            .expect("memory");
        message::write(&mut rng, &mut lines);
        lines.extend_from_slice(b"\"}\n");
    }
    std::fs::write(file, &lines).expect("a file");
    let city = City::pudong();
    let mut door = Door::new(&city, HashKey { k0: 1, k1: 2 }, None);
    let input = FileInput::open(file, 0, 4 << 20).expect("a file");
    let (index, mut frame) = (input.claim(u64::MAX).expect("a chunk"), Frame::new());
    let mut understand = || {
        frame.clear();
        let chunk = input.read(0, index, &mut frame).expect("a chunk");
        let before = COUNTING.0.load(Ordering::Relaxed);
        door.fill(&chunk, &mut frame);
        (COUNTING.0.load(Ordering::Relaxed) - before, frame.records())
    };
    understand();
    assert_eq!(understand(), (0, 4_000));
    let view = frame.view();
    let classed = |input: &Input| matches!(input, Input::Report(head) if head.class.is_some());
    let classed = view.records().filter(|placed| classed(&placed.as_ref().expect("a record").record.input)).count();
    assert!((2_500..4_000).contains(&classed), "{classed} have a class");
}

/// Runs a file, and counts allocations once everything has its size.
fn check(city: &Arc<City>, file: &Path, speaker: Option<SourceId>) {
    let decisions = Decisions::new(city);
    let start = Position { line: 1, ..Position::default() };
    let mut run = Run {
        file: FileInput::open(file, 0, CHUNK_BYTES).expect("a file"),
        door: Door::new(city, HashKey { k0: 1, k1: 2 }, speaker),
        order: Order::new(vec![start], city.jump_ms, CHUNK_BYTES),
        lane: Lane::new(city.clone()),
        effects: Effects::default(),
        press: Press::new(&decisions, Emit::All, Sink::Null, None),
        boxes: (0..BOXES).map(|_| Box::default()).collect(),
        never_used: Frame::new(),
    };
    let mut page = run.press.page();
    let warm = run.until(WARM, &mut page);
    let (before, at) = (COUNTING.0.load(Ordering::Relaxed), run.lane.at());
    let all = run.until(LINES, &mut page);
    let allocations = COUNTING.0.load(Ordering::Relaxed) - before;
    println!("{allocations} allocations for {} lines", all - warm);
    assert_eq!(all, LINES);
    let total = run.press.ledger.total();
    assert!(run.lane.at().0 - at.0 > 4 * 10 * 60_000, "several windows pass");
    assert!(total.rejected > 0 && total.expired > 0 && total.duplicate > 0 && total.merged > 0, "{total:?}");
    assert!(allocations <= (all - warm) / LINES_FOR_ONE, "{allocations} allocations for {} lines", all - warm);
}
