//! How many lines a second somebody may send.
//!
//! What was sent fills a bucket that empties at a steady pace. It holds a second's worth. A delivery that is larger is taken once
//! the bucket is empty, and what follows waits for all of it: so the pace is kept, and nothing is too large for ever.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::meter::Moment;

/// What a bucket holds, in nanoseconds of its pace.
const FULL_NS: u64 = 1_000_000_000;

/// A bucket: one moment, whatever the pace and however much is sent.
#[derive(Debug)]
pub struct Bucket {
    lines_per_second: u32,
    /// When it will be empty, in nanoseconds of the steady clock.
    empty_at: AtomicU64,
}

impl Bucket {
    /// An empty one. A pace of nothing is one line a second.
    pub const fn new(lines_per_second: u32) -> Self {
        let lines_per_second = if lines_per_second == 0 { 1 } else { lines_per_second };
        Self { lines_per_second, empty_at: AtomicU64::new(0) }
    }

    /// Its pace.
    pub const fn lines_per_second(&self) -> u32 {
        self.lines_per_second
    }

    /// Takes in so many lines.
    ///
    /// # Errors
    /// If there is no room for them now: how long until there is. Nothing was taken in then.
    pub fn take(&self, lines: u64, now: Moment) -> Result<(), Duration> {
        let fill = lines.saturating_mul(FULL_NS) / u64::from(self.lines_per_second);
        let room = FULL_NS - fill.min(FULL_NS);
        let mut seen = self.empty_at.load(Ordering::Relaxed);
        loop {
            let backlog = seen.saturating_sub(now.0);
            if backlog > room {
                return Err(Duration::from_nanos(backlog - room));
            }
            let next = seen.max(now.0).saturating_add(fill);
            match self.empty_at.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(other) => seen = other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at_ms(ms: u64) -> Moment {
        Moment(ms * 1_000_000)
    }

    #[test]
    fn a_second_is_taken_at_once_and_then_the_pace_is_kept() {
        let bucket = Bucket::new(100);
        assert_eq!(bucket.take(60, at_ms(0)), Ok(()));
        assert_eq!(bucket.take(40, at_ms(0)), Ok(()));
        assert_eq!(bucket.take(1, at_ms(0)), Err(Duration::from_millis(10)));
        assert_eq!(bucket.take(1, at_ms(9)), Err(Duration::from_millis(1)));
        assert_eq!(bucket.take(1, at_ms(10)), Ok(()));
        assert_eq!(bucket.take(50, at_ms(10)), Err(Duration::from_millis(500)));
        assert_eq!(bucket.take(0, at_ms(10)), Ok(()));
    }

    #[test]
    fn what_is_larger_than_the_bucket_is_taken_and_paid_for() {
        let bucket = Bucket::new(10);
        assert_eq!(bucket.take(50, at_ms(0)), Ok(()));
        assert_eq!(bucket.take(1, at_ms(0)), Err(Duration::from_millis(4100)));
        assert_eq!(bucket.take(50, at_ms(4999)), Err(Duration::from_millis(1)));
        assert_eq!(bucket.take(50, at_ms(5000)), Ok(()));
        assert_eq!(bucket.take(u64::MAX, at_ms(10_000)), Ok(()));
        assert!(bucket.take(1, at_ms(20_000)).is_err());
    }
}
