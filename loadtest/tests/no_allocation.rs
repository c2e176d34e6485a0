//! Once it is warm, a stream allocates nothing for a line.
//!
//! This file holds one test, because it counts what the whole process allocates.

use loadtest::profile::Profile;
use std::sync::atomic::{AtomicU64, Ordering};

use counting::Counting;

#[path = "../../tests/common/counting.rs"]
mod counting;

#[global_allocator]
static COUNTING: Counting = Counting(AtomicU64::new(0));

#[test]
fn a_line_costs_no_allocation() {
    for profile in Profile::all() {
        let (mut stream, mut line) = (profile.stream(1, 200_000), Vec::with_capacity(4_096));
        let mut take = |lines: u32| {
            for _ in 0..lines {
                line.clear();
                stream.next(&mut line);
            }
        };
        take(60_000);
        let before = COUNTING.0.load(Ordering::Relaxed);
        take(100_000);
        assert_eq!(COUNTING.0.load(Ordering::Relaxed) - before, 0, "{}", profile.name());
    }
}
