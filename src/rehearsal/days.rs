//! Day after day of a profile, each from a seed of its own: what is said when, without end.

use super::profile::{Profile, Stream};
use crate::time::At;

/// A profile that is played day after day. A day is a period of its curve, and most of them are one of 24 hours.
#[derive(Clone, Copy)]
pub struct Calendar<'p> {
    /// What is played.
    pub profile: &'p Profile,
    /// The seed of the first day; the days behind it have those behind it.
    pub seed: u64,
    /// Lines of a day.
    pub lines: u64,
}

impl<'p> Calendar<'p> {
    fn day_ms(&self) -> u64 {
        ((self.profile.curve().period_s() * 1_000.0) as u64).max(1)
    }

    /// When a day begins, counted from 0.
    pub fn begin(&self, day: u64) -> At {
        let begin_ms = self.profile.start_ms().saturating_add(day.saturating_mul(self.day_ms()));
        At(i64::try_from(begin_ms).unwrap_or(i64::MAX))
    }

    /// The first day that begins at a time or later.
    pub fn day_behind(&self, at: At) -> u64 {
        let passed_ms = at.0.saturating_sub(self.begin(0).0);
        u64::try_from(passed_ms).unwrap_or(0).div_ceil(self.day_ms())
    }

    fn stream(&self, day: u64) -> Stream<'p> {
        let stream = self.profile.stream(self.seed.wrapping_add(day), self.lines);
        // No id is given on two days, though a source's ids of yesterday are remembered.
        stream.on_day(self.begin(day).0.unsigned_abs(), day.wrapping_mul(self.lines))
    }
}

/// The lines of one day after the other.
pub struct Days<'p> {
    calendar: Calendar<'p>,
    day: u64,
    left: u64,
    stream: Stream<'p>,
}

impl<'p> Days<'p> {
    /// From the beginning of a day on.
    pub fn new(calendar: Calendar<'p>, day: u64) -> Self {
        let calendar = Calendar { lines: calendar.lines.max(1), ..calendar };
        Self { calendar, day, left: calendar.lines, stream: calendar.stream(day) }
    }

    /// Appends the next line with its end, and gives the time at which it is said.
    pub fn next(&mut self, out: &mut Vec<u8>) -> At {
        if self.left == 0 {
            self.day += 1;
            (self.left, self.stream) = (self.calendar.lines, self.calendar.stream(self.day));
        }
        self.left -= 1;
        let truth = self.stream.next(out);
        out.push(b'\n');
        self.calendar.begin(self.day).plus((truth.offset_ns / 1_000_000) as i64)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const HOUR: i64 = 3_600_000;

    /// What is said from a day on, and when.
    fn said(calendar: Calendar<'_>, day: u64, lines: usize) -> Vec<(At, String)> {
        let mut days = Days::new(calendar, day);
        let next = |_| {
            let mut out = Vec::new();
            let at = days.next(&mut out);
            (at, String::from_utf8_lossy(&out).into_owned())
        };
        (0..lines).map(next).collect()
    }

    #[test]
    fn a_seed_says_the_same_and_each_day_something_else() {
        let profile = Profile::by_name("typhoon").expect("a profile");
        let calendar = Calendar { profile: &profile, seed: 7, lines: 400 };
        let three = said(calendar, 0, 1_200);
        assert_eq!(three, said(calendar, 0, 1_200));
        assert_eq!(three[400..], said(calendar, 1, 800), "a day does not depend on those before it");
        assert_ne!(three, said(Calendar { seed: 8, ..calendar }, 0, 1_200));
        assert!(three.is_sorted_by(|a, b| a.0 <= b.0));
        for (day, lines) in three.chunks(400).enumerate() {
            let (begin, end) = (calendar.begin(day as u64), calendar.begin(day as u64 + 1));
            assert_eq!(end, begin.plus(24 * HOUR));
            assert!(lines.iter().all(|(at, line)| (begin..end).contains(at) && line.ends_with('\n')));
        }
        let id = |line: &str| Some(line.split("\"id\":\"").nth(1)?.split('"').next()?.rsplit('-').next()?.to_owned());
        let ids = |lines: &[(At, String)]| lines.iter().filter_map(|(_, line)| id(line)).collect::<HashSet<_>>();
        let (first, second) = (ids(&three[..400]), ids(&three[400..800]));
        // Ids that are wrong on purpose are wrong on every day.
        let shared: Vec<_> = first.intersection(&second).filter(|number| number.len() == 9).collect();
        assert!(first.len() > 300 && shared.is_empty(), "{shared:?}");
    }

    #[test]
    fn what_goes_on_begins_with_the_next_day() {
        let profile = Profile::by_name("typhoon").expect("a profile");
        let calendar = Calendar { profile: &profile, seed: 7, lines: 1 };
        let begin = calendar.begin(0);
        for (at, day) in
            [(At(0), 0), (begin, 0), (begin.plus(1), 1), (begin.plus(24 * HOUR), 1), (begin.plus(49 * HOUR), 3)]
        {
            assert_eq!(calendar.day_behind(at), day, "{at:?}");
        }
    }
}
