//! What a report costs on its way on one thread, stretch by stretch, and what a whole run of the program takes.
//!
//! ```sh
//! cargo bench --bench pipeline
//! ```

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use paidan::effect::Effects;
use paidan::ingest::door::Door;
use paidan::journal::frame::{Frame, Position};
use paidan::lane::Lane;
use paidan::publish::{Press, Sink};
use paidan::run::{Ran, Request};
use paidan::view::decision::{Decisions, Emit};

use workload::{KEY, LINES, Workload, read};

#[path = "parts/cities.rs"]
mod cities;
#[path = "parts/workload.rs"]
mod workload;

/// The program's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn stretches(criterion: &mut Criterion) {
    let workload = Workload::new();
    let mut group = criterion.benchmark_group("a report");
    group.throughput(Throughput::Elements(LINES)).sample_size(20);
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));

    let (mut door, mut frame) = (Door::new(&workload.city, KEY, None), Frame::new());
    group.bench_function("copy, decode, understand, close", |bencher| {
        bencher.iter(|| {
            let chunk = read(&workload.text, &mut frame);
            assert_eq!(door.fill(&chunk, &mut frame).lines, LINES);
        });
    });

    let (mut frame, mut effects) = (workload.understood(LINES), Effects::default());
    let mut first = Lane::new(workload.city.clone());
    first.order_and_decide(&mut frame, &[Position::default()], &mut effects);
    group.bench_function("order and decide", |bencher| {
        bencher.iter_batched(
            || Lane::new(workload.city.clone()),
            |mut lane| {
                effects.clear();
                lane.order_and_decide(&mut frame, &[Position::default()], &mut effects);
                assert_eq!(lane.digest(), first.digest(), "the same frame decides the same");
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
            page.set(&frame.view(), effects.as_slice(), &[], press.forms());
            press.print(&mut page).expect("nowhere to write to");
        });
    });
    assert!(press.ledger.closes());
    group.finish();
}

/// Lines of a whole run.
const RUN_LINES: u64 = 200_000;

/// A run in this process, as the command does it, into new files.
fn run(folder: &Path, has_journal: bool) -> (Ran, Duration) {
    let path = |name: &str| folder.join(name);
    let request = Request {
        files: vec![path("bench.ndjson")],
        city: Some(path("city")),
        source: None,
        out: Some(path("decisions.ndjson")),
        dead_letter: None,
        emit: Emit::All,
        data: has_journal.then(|| path("data")),
        follow: false,
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        chunk_bytes: 1 << 20,
        quiet: true,
    };
    let begun = Instant::now();
    let ran = paidan::run::run(&request, &AtomicBool::new(false)).expect("a run");
    let spent = begun.elapsed();
    if has_journal {
        std::fs::remove_dir_all(path("data")).expect("the data of the run");
    }
    std::fs::remove_file(path("decisions.ndjson")).expect("its decisions");
    (ran, spent)
}

fn whole(criterion: &mut Criterion) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder in target");
    loadtest::r#gen::run(RUN_LINES, &folder.path().join("bench.ndjson"), 1).expect("lines");
    loadtest::bench_city::write(&folder.path().join("city")).expect("a city");
    let first = run(folder.path(), false).0.summary;
    assert!(first.closes && first.complete && first.total.offered == RUN_LINES, "{first:?}");

    let mut group = criterion.benchmark_group("a whole run");
    group.throughput(Throughput::Elements(RUN_LINES)).sample_size(10);
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(5));
    for (name, has_journal) in [("journal off", false), ("journal on, synced", true)] {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| {
                let mut all = Duration::ZERO;
                for _ in 0..rounds {
                    let (ran, spent) = run(folder.path(), has_journal);
                    assert_eq!(ran.summary.digest, first.digest, "every run decides the same");
                    all += spent;
                }
                all
            });
        });
    }
    group.finish();
}

criterion_group!(benches, stretches, whole);
criterion_main!(benches);
