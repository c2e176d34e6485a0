//! Instants on the steady clock of this process, small enough to travel with a batch or in an atomic.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Nanoseconds since this process first asked for the time. Never goes back, and has nothing to do with log time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Moment(pub u64);

static FIRST: OnceLock<Instant> = OnceLock::new();

impl Moment {
    /// Now.
    #[inline]
    pub fn now() -> Self {
        // 500 years fit.
        Self(FIRST.get_or_init(Instant::now).elapsed().as_nanos() as u64)
    }

    /// Nanoseconds from an earlier moment to this one; 0 if that is the later one.
    #[inline]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment so much later.
    #[inline]
    #[must_use]
    pub const fn plus(self, later: Duration) -> Self {
        Self(self.0 + later.as_nanos() as u64)
    }
}
