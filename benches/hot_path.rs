//! What one report costs on its way: decode and understand, order and decide, write. Each bench first checks its answer.
//!
//! ```sh
//! cargo bench --bench hot_path
//! ```

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use paidan::city::City;
use paidan::effect::Effects;
use paidan::fingerprint::HashKey;
use paidan::ingest::door::Door;
use paidan::ingest::file::FileInput;
use paidan::journal::frame::{Frame, Position};
use paidan::lane::Lane;
use paidan::publish::{Press, Sink};
use paidan::view::decision::{Decisions, Emit};

const LINES: u64 = 20_000;
const KEY: HashKey = HashKey { k0: 1, k1: 2 };

/// A bench file in memory, as one frame that is not yet closed, and its city.
struct Workload {
    folder: tempfile::TempDir,
    city: Arc<City>,
}

impl Workload {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        loadtest::r#gen::run(LINES, &folder.path().join("bench.ndjson"), 1).expect("a bench file");
        loadtest::bench_city::write(&folder.path().join("city")).expect("a city");
        let city = Arc::new(City::load(&folder.path().join("city")).expect("the bench city"));
        Self { folder, city }
    }

    fn read(&self, frame: &mut Frame) -> paidan::ingest::input::Chunk {
        let file = FileInput::open(&self.folder.path().join("bench.ndjson"), 0, 64 << 20).expect("opened");
        frame.clear();
        file.read(0, 0, frame).expect("read")
    }

    /// A closed frame whose records stand at their own times.
    fn understood(&self) -> Frame {
        let mut frame = Frame::new();
        let chunk = self.read(&mut frame);
        let filled = Door::new(&self.city, KEY, None).fill(&chunk, &mut frame);
        assert_eq!(filled.lines, LINES);
        for record in 0..frame.records() {
            let time = frame.event_time(record).expect("bench reports have a time");
            frame.set_stamp(record, time);
        }
        frame
    }
}

fn hot_path(criterion: &mut Criterion) {
    let workload = Workload::new();
    let mut group = criterion.benchmark_group("a report");
    group.throughput(Throughput::Elements(LINES)).sample_size(20);

    let (mut door, mut frame) = (Door::new(&workload.city, KEY, None), Frame::new());
    group.bench_function("read, decode, understand, close", |bencher| {
        bencher.iter(|| {
            let chunk = workload.read(&mut frame);
            black_box(door.fill(&chunk, &mut frame))
        });
    });

    let decided = |frame: &mut Frame, effects: &mut Effects| {
        let mut lane = Lane::new(workload.city.clone());
        effects.clear();
        lane.order_and_decide(frame, &[Position::default()], effects);
        lane
    };
    let (mut frame, mut effects) = (workload.understood(), Effects::default());
    let digest = decided(&mut frame, &mut effects).digest();
    assert_eq!(decided(&mut frame, &mut effects).digest(), digest, "the same frame decides the same");
    group.bench_function("order and decide", |bencher| {
        bencher.iter_batched(
            || Lane::new(workload.city.clone()),
            |mut lane| {
                effects.clear();
                lane.order_and_decide(&mut frame, &[Position::default()], &mut effects);
                assert_eq!(lane.digest(), digest);
                lane
            },
            BatchSize::PerIteration,
        );
    });

    let decisions = Decisions::new(&workload.city);
    let mut press = Press::new(&decisions, Emit::All, Sink::Null, None);
    let mut page = press.page();
    group.bench_function("write every effect", |bencher| {
        bencher.iter(|| {
            page.set(&frame.view(), effects.as_slice(), press.forms());
            press.print(&mut page).expect("nowhere to write to");
        });
    });
    assert!(press.ledger.closes());
    group.finish();
}

criterion_group!(benches, hot_path);
criterion_main!(benches);
