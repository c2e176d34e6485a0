//! Clocks for log time where lines are decided as they come: that of this machine, or one that somebody leads.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use crate::meter::Moment;
use crate::time::At;

/// What tells the lane the time. The lane itself takes care that log time never goes back.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The clock of this machine.
    Wall,
    /// A clock that somebody leads.
    Led(Led),
}

impl Clock {
    /// The time that it shows.
    pub fn now(&self) -> At {
        match self {
            Self::Wall => {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                At(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
            }
            Self::Led(led) => led.now(),
        }
    }
}

/// A clock that stands still until it is led on.
#[derive(Clone, Debug)]
pub struct Led(Arc<AtomicI64>);

impl Led {
    /// A clock that shows `from`.
    pub fn new(from: At) -> Self {
        Self(Arc::new(AtomicI64::new(from.0)))
    }

    /// The time that it shows.
    pub fn now(&self) -> At {
        At(self.0.load(Ordering::Acquire))
    }

    /// Leads it on to `at`; it never goes back.
    pub fn lead_to(&self, at: At) {
        self.0.fetch_max(at.0, Ordering::AcqRel);
    }
}

/// Nanoseconds of a millisecond.
const MS: u128 = 1_000_000;

/// How a clock should run that is faster than the world's: from an instant of log time at a moment, so many times as fast.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// The instant.
    pub from: At,
    /// When it was.
    pub begun: Moment,
    /// How many times as fast.
    pub speed: u32,
}

impl Pace {
    /// The time at a moment.
    pub fn at(&self, now: Moment) -> At {
        let passed = u128::from(now.since(self.begun)) * u128::from(self.speed) / MS;
        self.from.plus(i64::try_from(passed).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_pace_is_so_many_times_as_fast() {
        let begun = Moment(7_000_000_000);
        let check = |speed, later: Duration, expected_ms: i64| {
            let pace = Pace { from: At(5_000), begun, speed };
            assert_eq!(pace.at(begun.plus(later)), At(5_000 + expected_ms), "{speed} {later:?}");
        };
        check(1, Duration::ZERO, 0);
        check(1, Duration::from_micros(1_999), 1);
        check(60, Duration::from_secs(1), 60_000);
        check(60, Duration::from_micros(17), 1);
        check(10_000, Duration::from_secs(10 * 365 * 86_400), 10_000 * 10 * 365 * 86_400_000);
        let pace = Pace { from: At(5_000), begun, speed: 60 };
        assert_eq!(pace.at(Moment(0)), At(5_000), "before it began it stands");
    }

    #[test]
    fn a_led_clock_goes_on_only_when_it_is_led_and_never_back() {
        let led = Led::new(At(1_000));
        let clock = Clock::Led(led.clone());
        assert_eq!(clock.now(), At(1_000));
        for (to, shown) in [(2_000, 2_000), (1_500, 2_000), (2_001, 2_001)] {
            led.lead_to(At(to));
            assert_eq!(clock.now(), At(shown));
        }
    }

    #[test]
    fn the_clock_of_the_machine_is_not_that_of_1970() {
        assert!(Clock::Wall.now() > At(1_700_000_000_000));
    }
}
