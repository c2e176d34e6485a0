//! What it costs to hand an item of 64 bytes from one thread to another: our ring against those that could have been taken.
//!
//! Each candidate carries items one by one, and in batches (32 are offered at a time, and all that is there is taken); its two
//! ends run on two cores, and both on one. Where a candidate has no batches of its own, it is asked 32 times. Whoever finds
//! the way full or empty backs off: it spins a little, then yields.
//!
//! ```sh
//! cargo bench --bench hops
//! ```

use std::sync::Barrier;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use crossbeam::channel::bounded;
use crossbeam::queue::ArrayQueue;
use crossbeam::utils::Backoff;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// A cache line.
type Item = [u64; 8];

const CAPACITY: usize = 1024;
const AT_ONCE: u64 = 32;
/// Items of a round.
const ROUND: u64 = 100_000;

/// How items are carried.
#[derive(Clone, Copy)]
struct Way {
    /// How many are offered at a time; where it is more than one, all that is there is taken.
    at_once: u64,
    /// Where producer and consumer run.
    cores: [usize; 2],
}

impl Way {
    const fn is_one_by_one(self) -> bool {
        self.at_once == 1
    }
}

fn run_on(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    sched_setaffinity(None, &cores).expect("a thread may choose among its own cores");
}

/// Carries so many items and says how long that took, once all have arrived in order. `offer` puts as many of the items from
/// a number on as find room, `take` hands over what it takes; both say how many.
fn carry(
    items: u64,
    way: Way,
    mut offer: impl FnMut(std::ops::Range<u64>) -> u64 + Send,
    mut take: impl FnMut(&mut dyn FnMut(Item)) -> u64,
) -> Duration {
    let ready = Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            run_on(way.cores[0]);
            ready.wait();
            let (mut next, idle) = (0, Backoff::new());
            while next < items {
                let offered = offer(next..items.min(next + way.at_once));
                next += offered;
                if offered == 0 { idle.snooze() } else { idle.reset() }
            }
        });
        run_on(way.cores[1]);
        ready.wait();
        let (begun, mut due, idle) = (Instant::now(), 0, Backoff::new());
        while due < items {
            let taken = take(&mut |item| {
                assert!(item[0] == due && item[7] == due, "items arrive whole and in order");
                due += 1;
            });
            if taken == 0 { idle.snooze() } else { idle.reset() }
        }
        begun.elapsed()
    })
}

/// Offers items one after the other, as far as there is room.
fn each_in(numbers: std::ops::Range<u64>, mut push: impl FnMut(Item) -> bool) -> u64 {
    numbers.take_while(|number| push([*number; 8])).count() as u64
}

/// Takes one item, or all that are there.
fn each_out(way: Way, mut pop: impl FnMut() -> Option<Item>, each: &mut dyn FnMut(Item)) -> u64 {
    let max = if way.is_one_by_one() { 1 } else { CAPACITY };
    std::iter::from_fn(&mut pop).take(max).map(each).count() as u64
}

fn ours(items: u64, way: Way) -> Duration {
    let (mut producer, mut consumer) = paidan::ring::ring(CAPACITY);
    let offer = |numbers| each_in(numbers, |item| producer.push(item).is_ok());
    carry(items, way, offer, |each| match way.is_one_by_one() {
        true => each_out(way, || consumer.pop(), each),
        false => consumer.take(usize::MAX, each) as u64,
    })
}

/// One by one it is in our class; its chunks publish 32 items with one store, and then a hop between two cores cost 26 ns
/// where ours cost 92 (2026-11-25, busy machine). The engine hands over whole bundles, so it does not need them.
fn rtrb(items: u64, way: Way) -> Duration {
    let (mut producer, mut consumer) = rtrb::RingBuffer::new(CAPACITY);
    let offer = |numbers: std::ops::Range<u64>| {
        if way.is_one_by_one() {
            return each_in(numbers, |item| producer.push(item).is_ok());
        }
        let room = producer.slots().min((numbers.end - numbers.start) as usize);
        let chunk = producer.write_chunk_uninit(room).expect("room that was seen");
        chunk.fill_from_iter(numbers.map(|number| [number; 8])) as u64
    };
    carry(items, way, offer, |each| {
        if way.is_one_by_one() {
            return each_out(way, || consumer.pop().ok(), each);
        }
        let there = consumer.read_chunk(consumer.slots()).expect("items that were seen");
        there.into_iter().map(each).count() as u64
    })
}

/// For many producers and many consumers: each item costs an exchange that a ring for two does not need.
fn array_queue(items: u64, way: Way) -> Duration {
    let queue = ArrayQueue::new(CAPACITY);
    let offer = |numbers| each_in(numbers, |item| queue.push(item).is_ok());
    carry(items, way, offer, |each| each_out(way, || queue.pop(), each))
}

/// The same, and it can block.
fn channel(items: u64, way: Way) -> Duration {
    let (sender, receiver) = bounded(CAPACITY);
    let offer = |numbers| each_in(numbers, |item| sender.try_send(item).is_ok());
    carry(items, way, offer, |each| each_out(way, || receiver.try_recv().ok(), each))
}

/// Carries so many items.
type Candidate = fn(u64, Way) -> Duration;

const CANDIDATES: [(&str, Candidate); 4] =
    [("ours", ours), ("rtrb", rtrb), ("crossbeam ArrayQueue", array_queue), ("crossbeam channel", channel)];

fn bench(group: &mut BenchmarkGroup<'_, WallTime>, way: Way) {
    let how = if way.is_one_by_one() { "one by one" } else { "in batches" };
    for (name, candidate) in CANDIDATES {
        group.bench_function(BenchmarkId::new(how, name), |bencher| {
            bencher.iter_custom(|rounds| candidate(rounds * ROUND, way));
        });
    }
}

fn hops(criterion: &mut Criterion) {
    let all = sched_getaffinity(None).expect("a thread knows its cores");
    let cores: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core)).collect();
    for (name, cores) in [("two cores", cores.get(..2)), ("one core", cores.get(..1))] {
        let Some(cores) = cores else {
            println!("{name}: not measured, this process may use only one");
            continue;
        };
        let cores = [cores[0], cores[cores.len() - 1]];
        let mut group = criterion.benchmark_group(format!("a hop of 64 bytes, {name}"));
        group.throughput(Throughput::Elements(ROUND)).sample_size(20);
        group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
        bench(&mut group, Way { at_once: 1, cores });
        bench(&mut group, Way { at_once: AT_ONCE, cores });
        group.finish();
    }
    // Whatever this thread does next may run anywhere again.
    sched_setaffinity(None, &all).expect("the cores from before");
}

criterion_group!(benches, hops);
criterion_main!(benches);
