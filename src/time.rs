//! Time as a value: log time and the windows that are measured in it. Nothing here can read a clock.

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z, of an event or of the log.
///
/// Log time ("At") is given once, in the lane, and never goes back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct At(pub i64);

impl At {
    /// This time moved by `ms`, staying within what an `i64` can say.
    #[inline]
    #[must_use]
    pub const fn plus(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

/// How far apart two reports may lie in event time and still be one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WindowKind {
    /// Within `len_ms` of each other.
    Sliding,
    /// In the same interval of `len_ms`, counted from 1970.
    Aligned,
}

/// A window of event time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Window {
    /// Sliding or aligned.
    pub kind: WindowKind,
    /// Length in milliseconds; at least 1.
    pub len_ms: i64,
    /// How much longer than its length the window is kept for reports that arrive late.
    pub grace_ms: i64,
}

impl Window {
    /// The interval of `len_ms` that holds `time`.
    #[inline]
    pub const fn slice(&self, time: At) -> i64 {
        time.0.div_euclid(self.len_ms)
    }

    /// The last log time at which a report of event time `time` can still be compared with others of its window.
    #[inline]
    pub const fn until(&self, time: At) -> At {
        match self.kind {
            WindowKind::Sliding => time.plus(self.len_ms).plus(self.grace_ms),
            WindowKind::Aligned => {
                At(self.slice(time).saturating_add(1).saturating_mul(self.len_ms)).plus(self.grace_ms)
            }
        }
    }

    /// Whether, at log time `at`, a report of event time `time` comes too late to be compared.
    #[inline]
    pub const fn is_past(&self, time: At, at: At) -> bool {
        at.0 > self.until(time).0
    }

    /// Whether two event times fall into one window.
    #[inline]
    pub const fn joins(&self, a: At, b: At) -> bool {
        match self.kind {
            WindowKind::Sliding => a.0.abs_diff(b.0) <= self.len_ms as u64,
            WindowKind::Aligned => self.slice(a) == self.slice(b),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: i64 = 60_000;

    #[test]
    fn aligned_windows_end_with_their_slice_and_grace() {
        let window = Window { kind: WindowKind::Aligned, len_ms: 10 * MIN, grace_ms: MIN };
        for (time, at, past) in [
            (At(0), At(11 * MIN), false),
            (At(0), At(11 * MIN + 1), true),
            (At(10 * MIN - 1), At(11 * MIN + 1), true),
            (At(10 * MIN), At(11 * MIN + 1), false),
            (At(-1), At(MIN), false),
            (At(-1), At(MIN + 1), true),
            (At(i64::MAX), At(i64::MAX), false),
        ] {
            assert_eq!(window.is_past(time, at), past, "{time:?} seen at {at:?}");
        }
        assert!(window.joins(At(0), At(10 * MIN - 1)));
        assert!(!window.joins(At(10 * MIN - 1), At(10 * MIN)));
    }

    #[test]
    fn sliding_windows_are_symmetric() {
        let window = Window { kind: WindowKind::Sliding, len_ms: 5, grace_ms: 2 };
        assert!(window.joins(At(10), At(15)) && window.joins(At(15), At(10)));
        assert!(!window.joins(At(10), At(16)));
        assert!(!window.joins(At(i64::MIN), At(i64::MAX)));
        assert!(!window.is_past(At(10), At(17)));
        assert!(window.is_past(At(10), At(18)));
    }
}
