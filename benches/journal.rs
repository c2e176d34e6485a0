//! What it costs to put a frame into the journal on the disk that holds `target`: written only, and synced.
//!
//! ```sh
//! cargo bench --bench journal
//! ```

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use paidan::ids::Seq;
use paidan::journal::frame::{Frame, Order};
use paidan::journal::{Journal, RealDisk, Setup};

use workload::{KEY, Workload};

#[path = "parts/cities.rs"]
mod cities;
#[path = "parts/workload.rs"]
mod workload;

/// Records of a frame: a trickle, a busy second's hundredth, a chunk.
const RECORDS: [u64; 3] = [16, 640, 10_000];

/// Appends a frame again and again, and syncs behind each if that is asked for; gives how long it took. What is full is given
/// up in between, so that the bench needs the room of a few segments and no more.
fn append(journal: &mut Journal<RealDisk>, frame: &mut Frame, rounds: u64, synced: bool) -> Duration {
    let mut spent = Duration::ZERO;
    for _ in 0..rounds {
        frame.set_order(Order { first_seq: journal.next_seq(), ..Order::default() });
        let begun = Instant::now();
        journal.append(frame).expect("the disk takes it");
        if synced {
            let durable = journal.sync().expect("the disk keeps it");
            assert_eq!(durable, journal.last());
        }
        spent += begun.elapsed();
        journal.retire(journal.next_seq()).expect("segments can be given up");
    }
    spent
}

/// The design that was not taken: the same bytes through the page cache, in a file that grows.
fn write_through_cache(folder: &Path, bytes: &[u8], rounds: u64, synced: bool) -> Duration {
    let mut file = File::create(folder.join("plain")).expect("a file");
    let begun = Instant::now();
    for _ in 0..rounds {
        file.write_all(bytes).expect("the disk takes it");
        if synced {
            file.sync_data().expect("the disk keeps it");
        }
    }
    begun.elapsed()
}

fn journal(criterion: &mut Criterion) {
    let workload = Workload::new();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder in target");
    let disk = RealDisk::open(&folder.path().join("journal")).expect("a folder");
    println!("{}: {} writes", folder.path().display(), disk.mode());
    let mut journal = Journal::create(disk, KEY, workload.city.version, Setup::new(1)).expect("a journal");
    for synced in [false, true] {
        let mut group = criterion.benchmark_group(if synced { "append and sync" } else { "append" });
        group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
        for records in RECORDS {
            let mut frame = workload.understood(records);
            let before = journal.next_seq();
            append(&mut journal, &mut frame, 1, true);
            assert_eq!(journal.durable(), Seq(before.0 + records - 1), "each line is a record or a tally");
            group.throughput(Throughput::Elements(records));
            group.bench_function(BenchmarkId::new("the journal", records), |bencher| {
                bencher.iter_custom(|rounds| append(&mut journal, &mut frame, rounds, synced));
            });
            let bytes = frame.bytes();
            group.bench_function(BenchmarkId::new("a plain file that grows (not taken)", records), |bencher| {
                bencher.iter_custom(|rounds| write_through_cache(folder.path(), bytes, rounds, synced));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, journal);
criterion_main!(benches);
