//! What a report costs the mind, and how that grows with what the mind remembers.
//!
//! Dedup, merge and assignment are private to the mind, so they are measured through its one step, `Dispatcher::apply` (with
//! `touch` before it, as the lane calls it), on reports of which every one is a re-send, joins a case, or opens and assigns
//! one. What is beside the point of each is the same at every size.
//!
//! ```sh
//! cargo bench --bench state              # 10⁴, 10⁵ and 10⁶ live ids
//! cargo bench --bench state -- curve     # 10⁴ to 10⁷ in turns, with 3 GB of memory: the table, and target/curves.json
//! ```

use std::collections::HashSet;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use paidan::city::City;
use paidan::dispatch::{Dispatcher, TOUCHED_MAX};
use paidan::effect::{Effect, Effects};
use paidan::fingerprint::HashKey;
use paidan::record::Record;

use cities::bench_city;
use stream::{Drawn, Mix, PLACES, Stream};

#[path = "parts/cities.rs"]
mod cities;
#[path = "parts/stream.rs"]
mod stream;

/// The program's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KEY: HashKey = HashKey { k0: 1, k1: 2 };
const SIZES: [u64; 3] = [10_000, 100_000, 1_000_000];
/// About what a chunk of the engine holds.
const BATCH: usize = 4096;

#[derive(Clone, Copy, PartialEq, Debug)]
enum Windows {
    Aligned,
    Sliding,
}

const WINDOWS: [Windows; 2] = [Windows::Aligned, Windows::Sliding];

impl Windows {
    const fn word(self) -> &'static str {
        match self {
            Self::Aligned => "aligned",
            Self::Sliding => "sliding",
        }
    }

    /// The bench city with windows of a day, or with short ones for ids, and with memory for all that is measured.
    fn city(self, dedup_minutes: u32) -> Arc<City> {
        let dedup = format!("dedup = {{ window = \"{}\", minutes = {dedup_minutes},", self.word());
        let merge = format!("merge = {{ window = \"{}\", minutes = 1440,", self.word());
        bench_city(&[
            ("dedup = { window = \"aligned\", minutes = 10,", &dedup),
            ("merge = { window = \"aligned\", minutes = 10,", &merge),
            ("ids_max = 4000000", "ids_max = 100000000"),
            ("cases_max = 2500000", "cases_max = 100000000"),
        ])
    }

    /// First reports in a window, and how many come first, so that `live` ids are alive in the middle of a window: half a
    /// window's where windows are aligned, one and a half where they slide.
    const fn in_a_window_and_before(self, live: u64) -> (u64, u64) {
        match self {
            Self::Aligned => (2 * live, live),
            Self::Sliding => (live * 2 / 3, live),
        }
    }
}

/// A mind on its way through a stream.
struct Running {
    mind: Dispatcher,
    stream: Stream,
    records: Vec<Record>,
    effects: Effects,
}

impl Running {
    /// In the middle of a window.
    fn new(city: &Arc<City>, windows: Windows, live: u64, mix: impl FnOnce(u64) -> Mix) -> Self {
        let (in_a_window, before) = windows.in_a_window_and_before(live);
        let stream = Stream::new(mix(in_a_window));
        let mind = Dispatcher::new(city.clone());
        let mut running = Self { mind, stream, records: Vec::with_capacity(BATCH), effects: Effects::default() };
        while running.stream.ids() < before {
            running.draw();
            running.decide();
        }
        running
    }

    fn draw(&mut self) {
        self.stream.fill(&mut self.records, BATCH);
        self.effects.clear();
    }

    /// As the lane does it.
    fn decide(&mut self) {
        for some in self.records.chunks(TOUCHED_MAX) {
            black_box(self.mind.touch(some));
            some.iter().for_each(|record| self.mind.apply(record, &mut self.effects));
        }
    }

    fn timed(&mut self) -> Duration {
        self.draw();
        let begun = Instant::now();
        self.decide();
        begun.elapsed()
    }

    /// Every report of the next batch has one effect more than `first`, and that is of its kind.
    fn check(&mut self, is_expected: fn(&Effect) -> bool) {
        self.draw();
        self.decide();
        let effects = self.effects.as_slice();
        let expected = effects.iter().filter(|(_, effect)| is_expected(effect)).count();
        assert_eq!(expected, BATCH, "{:?}: {:?} …", self.stream.mix, &effects[..4]);
    }

    fn bench(mut self, group: &mut BenchmarkGroup<'_, WallTime>, id: BenchmarkId) {
        group.bench_function(id, |bencher| {
            bencher.iter_custom(|rounds| (0..rounds).map(|_| self.timed()).sum());
        });
    }
}

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(BATCH as u64)).sample_size(20);
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    group
}

/// Each size, kind of window and way to draw, in that order of change.
fn each(draws: &[Drawn], mut bench: impl FnMut(u64, Windows, Drawn, BenchmarkId)) {
    for windows in WINDOWS {
        for drawn in draws {
            for live in SIZES {
                let name = format!("{} {drawn:?}", windows.word()).to_lowercase();
                bench(live, windows, *drawn, BenchmarkId::new(name, live));
            }
        }
    }
}

const ALL_DRAWS: [Drawn; 3] = [Drawn::Evenly, Drawn::Zipf, Drawn::Hot];

/// Every line is a re-send of a live id.
fn dedup(criterion: &mut Criterion) {
    let mut group = group(criterion, "dedup");
    each(&ALL_DRAWS, |live, windows, drawn, id| {
        let first = |in_a_window| Mix { in_a_window, resent: 0, places: 1000, drawn };
        let mut running = Running::new(&windows.city(1440), windows, live, first);
        running.stream.mix.resent = 100;
        running.check(|effect| matches!(effect, Effect::Duplicate { conflict: false, .. }));
        running.bench(&mut group, id);
    });
    group.finish();
}

/// The design that was not taken: one hash set of all ids. It is as fast on average, but the insertion at which it grows moves
/// all of them at once, and a window's end must find its ids one by one.
fn dedup_by_one_set(criterion: &mut Criterion) {
    let mut group = group(criterion, "dedup by one hash set (not taken)");
    for live in SIZES {
        let print = |id: u64| KEY.fingerprint(b"hotline", &id.to_le_bytes());
        let wide = |id: u64| u128::from(print(id).hi) << 64 | u128::from(print(id).lo);
        let (mut set, mut longest) = (HashSet::new(), Duration::ZERO);
        for id in 0..live {
            let (key, begun) = (wide(id), Instant::now());
            assert!(set.insert(key));
            longest = longest.max(begun.elapsed());
        }
        println!("one hash set of {live} ids: the longest insertion took {longest:?}");
        let mut from = 0;
        group.bench_function(BenchmarkId::new("look up, evenly", live), |bencher| {
            bencher.iter_custom(|rounds| {
                let mut spent = Duration::ZERO;
                for _ in 0..rounds {
                    let keys: Vec<_> = (from..from + BATCH as u64).map(|n| wide(n * 7_919 % live)).collect();
                    from += BATCH as u64;
                    let begun = Instant::now();
                    assert_eq!(keys.iter().filter(|key| set.contains(*key)).count(), BATCH);
                    spent += begun.elapsed();
                }
                spent
            });
        });
    }
    group.finish();
}

/// Every line is new and joins one of 1,000 cases.
fn merge(criterion: &mut Criterion) {
    let mut group = group(criterion, "dedup and merge");
    each(&ALL_DRAWS, |live, windows, drawn, id| {
        let city = windows.city(1440);
        let mut running =
            Running::new(&city, windows, live, |in_a_window| Mix { in_a_window, resent: 0, places: 1000, drawn });
        // A place that is seldom drawn may be new now and then: the check allows for none where all come in turn.
        running.check(|effect| matches!(effect, Effect::Merged { .. } | Effect::Opened { .. }));
        running.bench(&mut group, id);
    });
    group.finish();
}

/// Every line is new, opens a case, and is assigned to the least loaded of eight units.
fn open_and_assign(criterion: &mut Criterion) {
    let mut group = group(criterion, "dedup, open and assign");
    each(&[Drawn::InTurn], |live, windows, drawn, id| {
        let city = windows.city(1440);
        let mut running =
            Running::new(&city, windows, live, |in_a_window| Mix { in_a_window, resent: 0, places: PLACES, drawn });
        running.check(|effect| matches!(effect, Effect::Assigned { .. }));
        running.bench(&mut group, id);
    });
    group.finish();
}

/// How the cost of a report grows with what is remembered.
mod curve {
    use std::fmt::Write;

    use loadtest::machine::Machine;
    use loadtest::result::CostCurve;

    use super::*;

    const SIZES: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];
    const TURNS: usize = 15;
    const BATCHES_A_TURN: usize = 16;

    /// What grows.
    #[derive(Clone, Copy, PartialEq, Debug)]
    enum Grows {
        /// Ids; all reports join 1,000 cases.
        Ids,
        /// Cases; ids are forgotten after ten minutes of their day.
        Cases,
        /// Both, as in a city: re-sends, reports that join cases, and new cases.
        Both,
    }

    impl Grows {
        fn mix(self, in_a_window: u64) -> Mix {
            match self {
                Self::Ids => Mix { in_a_window, resent: 13, places: 1000, drawn: Drawn::Evenly },
                Self::Cases => Mix { in_a_window, resent: 0, places: PLACES, drawn: Drawn::InTurn },
                Self::Both => Mix { in_a_window, resent: 13, places: in_a_window.min(PLACES), drawn: Drawn::Evenly },
            }
        }

        const fn dedup_minutes(self) -> u32 {
            if matches!(self, Self::Cases) { 10 } else { 1440 }
        }
    }

    /// A size, and what a report cost there in each turn.
    struct Point {
        running: Running,
        ids: usize,
        cases: usize,
        ns: Vec<f64>,
    }

    impl Point {
        fn turn(&mut self) {
            let spent: Duration = (0..BATCHES_A_TURN).map(|_| self.running.timed()).sum();
            self.ns.push(spent.as_nanos() as f64 / (BATCHES_A_TURN * BATCH) as f64);
            let (ids, cases) = self.running.mind.size();
            (self.ids, self.cases) = (self.ids + ids, self.cases + cases);
        }
    }

    /// Measures all curves, prints them, and writes them down for whoever draws them.
    pub fn run() {
        let mut table =
            String::from("grows\twindows\tids\tcases\tns_min\tns_median\tns_max\tmin_over_first\tmedian_over_first\n");
        let mut curves = Vec::new();
        for grows in [Grows::Ids, Grows::Cases, Grows::Both] {
            for windows in WINDOWS {
                curves.push(measure(grows, windows, &mut table));
            }
        }
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("curves.json");
        let text = serde_json::to_string_pretty(&curves).expect("numbers and names");
        std::fs::write(&path, text).expect("a file in target");
        println!("{table}\n{}", path.display());
    }

    /// All sizes in turns, so that what the machine does meanwhile is the same for all.
    fn measure(grows: Grows, windows: Windows, table: &mut String) -> CostCurve {
        let city = windows.city(grows.dedup_minutes());
        let begin = |live| Running::new(&city, windows, live, |in_a_window| grows.mix(in_a_window));
        let point = |live| Point { running: begin(live), ids: 0, cases: 0, ns: Vec::new() };
        let mut points = SIZES.map(point);
        for _ in 0..TURNS {
            points.iter_mut().for_each(Point::turn);
        }
        points.iter_mut().for_each(|point| point.ns.sort_by(f64::total_cmp));
        let (first_min, first_median) = (points[0].ns[0], points[0].ns[TURNS / 2]);
        for Point { ids, cases, ns, .. } in &points {
            let (ids, cases, median) = (ids / TURNS, cases / TURNS, ns[TURNS / 2]);
            let (name, words) = (format!("{grows:?}").to_lowercase(), windows.word());
            let (min, max) = (ns[0], ns[TURNS - 1]);
            let (min_grew, median_grew) = (min / first_min, median / first_median);
            writeln!(
                table,
                "{name}\t{words}\t{ids}\t{cases}\t{min:.0}\t{median:.0}\t{max:.0}\t{min_grew:.2}\t{median_grew:.2}"
            )
            .expect("writing into a String cannot fail");
        }
        curve(grows, windows, &points)
    }

    /// The medians, for whoever draws them.
    fn curve(grows: Grows, windows: Windows, points: &[Point]) -> CostCurve {
        let (along, of): (_, fn(&Point) -> usize) = match grows {
            Grows::Ids | Grows::Both => ("live ids", |point| point.ids),
            Grows::Cases => ("open cases", |point| point.cases),
        };
        let machine = Machine::of_this_process().expect("a machine that says what it is");
        CostCurve {
            along: along.to_owned(),
            cost: format!("ns a report, {} windows; what grows: {grows:?}", windows.word()).to_lowercase(),
            how: format!("cargo bench --bench state -- curve; {machine}"),
            points: points.iter().map(|point| ((of(point) / TURNS) as f64, point.ns[TURNS / 2])).collect(),
        }
    }
}

fn main() {
    if std::env::args().any(|argument| argument == "curve") {
        return curve::run();
    }
    let mut criterion = Criterion::default().configure_from_args();
    dedup(&mut criterion);
    dedup_by_one_set(&mut criterion);
    merge(&mut criterion);
    open_and_assign(&mut criterion);
    criterion.final_summary();
}
