//! What it costs to say what was decided: as words of the digest, and as lines of JSON.
//!
//! ```sh
//! cargo bench --bench effects
//! ```

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use paidan::effect::{Digest, EFFECT_BYTES_MAX, Effects};
use paidan::journal::frame::Position;
use paidan::lane::Lane;
use paidan::publish::{Press, Sink};
use paidan::view::decision::{Decisions, Emit};

use workload::{LINES, Workload};

#[path = "parts/cities.rs"]
mod cities;
#[path = "parts/workload.rs"]
mod workload;

fn effects(criterion: &mut Criterion) {
    let workload = Workload::new();
    let (mut frame, mut effects) = (workload.understood(LINES), Effects::default());
    let mut lane = Lane::new(workload.city.clone());
    lane.order_and_decide(&mut frame, &[Position::default()], &mut effects);
    let (effects, decided) = (effects.as_slice(), lane.digest());
    let digest = || {
        let mut digest = Digest::default();
        effects.iter().for_each(|(seq, effect)| digest.fold(*seq, effect));
        digest
    };
    assert_eq!(digest(), decided, "the lane folds the same effects in the same order");

    let mut group = criterion.benchmark_group("an effect");
    group.throughput(Throughput::Elements(effects.len() as u64)).sample_size(20);
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    let mut bytes = [0; EFFECT_BYTES_MAX];
    group.bench_function("encode", |bencher| {
        bencher.iter(|| effects.iter().map(|(seq, effect)| black_box(effect.encode(*seq, &mut bytes))).sum::<usize>());
    });
    group.bench_function("encode and digest", |bencher| bencher.iter(|| assert_eq!(digest(), decided)));

    let decisions = Decisions::new(&workload.city);
    let mut press = Press::new(&decisions, Emit::All, Sink::Null, None);
    let mut page = press.page();
    group.bench_function("write as a line, and count", |bencher| {
        bencher.iter(|| {
            page.set(&frame.view(), effects, &[], press.forms());
            press.print(&mut page).expect("nowhere to write to");
        });
    });
    let total = press.ledger.total();
    assert!(press.ledger.closes() && total.offered > 0 && total.offered.is_multiple_of(LINES), "{total:?}");
    group.finish();
}

criterion_group!(benches, effects);
criterion_main!(benches);
