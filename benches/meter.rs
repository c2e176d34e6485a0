//! What measuring itself costs: reading the clock at every stage of a batch, counting whose reports it holds, and noting how
//! long they took.
//!
//! ```sh
//! cargo bench --bench meter
//! ```

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use paidan::meter::{Journey, LatencyLedger, Moment};
use paidan::report::Urgency;
use paidan::view::census::Census;
use workload::Workload;

#[path = "parts/cities.rs"]
mod cities;
#[path = "parts/workload.rs"]
mod workload;

/// Reads the clock as often as a batch passes a stage.
fn journey() -> Journey {
    let arrived = Moment::now();
    Journey {
        arrived,
        cut: Moment::now(),
        taken: Moment::now(),
        understood: Moment::now(),
        ordered: Moment::now(),
        decided: Moment::now(),
        durable: Moment::now(),
        published: Moment::now(),
    }
}

fn measuring(criterion: &mut Criterion) {
    let workload = Workload::new();
    let mut group = criterion.benchmark_group("measuring");
    group.sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for lines in [1, 10, 100, 650] {
        let frame = workload.understood(lines);
        let records: Vec<_> =
            frame.view().records().map(|placed| placed.expect("a frame just filled").record).collect();
        let mut census = Census::new(workload.city.sources.len());
        let budgets = workload.city.sources.iter().map(|source| source.budget_ms);
        let mut ledger = LatencyLedger::new(Moment::now(), budgets);
        let mut measure = || {
            census.clear();
            records.iter().for_each(|record| census.fold(record));
            ledger.note(&journey(), census.iter());
            ledger.of(Urgency::C).total.len()
        };
        let reports = measure();
        assert!(reports > 0 && reports <= lines, "every report is counted, and nothing else");
        group.throughput(Throughput::Elements(lines));
        group.bench_function(BenchmarkId::new("a batch of reports", lines), |bencher| {
            bencher.iter(|| black_box(measure()));
        });
    }
    group.finish();
}

criterion_group!(benches, measuring);
criterion_main!(benches);
