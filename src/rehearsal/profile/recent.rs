//! Lines that were sent a short while ago, to be sent again.

use super::truth::Truth;
use crate::rehearsal::rng::Rng;

/// Bytes of lines that are kept.
const ROOM_BYTES: usize = 1 << 21;
/// Lines that are kept at most.
const LINES: usize = 2_048;

/// A line that was sent.
#[derive(Clone, Copy)]
struct Sent {
    truth: Truth,
    /// When, by the clock that its time was told by, in milliseconds.
    at_ms: u64,
    start: usize,
    len: usize,
}

/// The last lines, as many as there is room for.
pub struct Recent {
    bytes: Box<[u8]>,
    /// Where the next line goes.
    end: usize,
    /// The lines, oldest first from `count % LINES` on once it is full.
    lines: Vec<Sent>,
    count: usize,
    /// The number of lines before the oldest one whose bytes are still there.
    lost: usize,
    /// The number of lines before the oldest one that was young enough when it was last asked for.
    old: usize,
}

impl Recent {
    /// None yet.
    pub fn new() -> Self {
        let (bytes, lines) = (vec![0; ROOM_BYTES].into_boxed_slice(), Vec::with_capacity(LINES));
        Self { bytes, end: 0, lines, count: 0, lost: 0, old: 0 }
    }

    /// Keeps a line, and forgets those whose room it takes.
    pub fn keep(&mut self, truth: Truth, at_ms: u64, line: &[u8]) {
        if self.end + line.len() > ROOM_BYTES {
            self.lose(self.end, ROOM_BYTES);
            self.end = 0;
        }
        let (start, end) = (self.end, self.end + line.len());
        self.lose(start, end);
        self.bytes[start..end].copy_from_slice(line);
        let sent = Sent { truth, at_ms, start, len: line.len() };
        if self.lines.len() < LINES {
            self.lines.push(sent)
        } else {
            self.lines[self.count % LINES] = sent
        }
        self.count += 1;
        self.end = end;
        self.lost = self.lost.max(self.count.saturating_sub(LINES));
    }

    /// Forgets the oldest lines as long as they begin between two places.
    fn lose(&mut self, from: usize, to: usize) {
        while self.lost < self.count && (from..to).contains(&self.lines[self.lost % LINES].start) {
            self.lost += 1;
        }
    }

    /// One of the lines that were kept at `since_ms` or later, each as likely, or else the newest, if `fits` likes its truth and
    /// when it was sent. Appends its bytes to `out`. `since_ms` never falls.
    pub fn repeat(
        &mut self,
        since_ms: u64,
        fits: impl Fn(&Truth, u64) -> bool,
        rng: &mut Rng,
        out: &mut Vec<u8>,
    ) -> Option<Truth> {
        self.old = self.old.max(self.lost);
        while self.old < self.count && self.lines[self.old % LINES].at_ms < since_ms {
            self.old += 1;
        }
        let young = (self.count - self.old) as u32;
        let index = if young > 0 { self.old + rng.below(young) as usize } else { self.count.checked_sub(1)? };
        let sent = &self.lines[index % LINES];
        if !fits(&sent.truth, sent.at_ms) {
            return None;
        }
        out.extend_from_slice(&self.bytes[sent.start..sent.start + sent.len]);
        Some(sent.truth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::profile::truth::{Flags, Kind};
    use crate::rehearsal::pudong::{CellId, ClassId, SourceId, Urgency};

    fn truth(number: u64) -> Truth {
        Truth {
            number,
            offset_ns: 0,
            kind: Kind::New,
            source: SourceId(0),
            urgency: Urgency::C,
            class: ClassId(0),
            cell: CellId(0),
            flags: Flags::default(),
        }
    }

    #[test]
    fn what_is_repeated_is_what_was_kept() {
        let (mut recent, mut rng, mut out) = (Recent::new(), Rng::seeded(1), Vec::new());
        assert_eq!(recent.repeat(0, |_, _| true, &mut rng, &mut out), None);
        let line = |number: u64| format!("{number} {}", "x".repeat(number as usize * 7_919 % 5_000)).into_bytes();
        let mut numbers = (u64::MAX, 0);
        for number in 1..=20_000 {
            recent.keep(truth(number), number, &line(number));
            out.clear();
            let since_ms = number.saturating_sub(400);
            let found = recent.repeat(since_ms, |_, _| true, &mut rng, &mut out).expect("the newest fits");
            assert_eq!(out, line(found.number));
            assert!(found.number >= since_ms);
            numbers = (numbers.0.min(number - found.number), numbers.1.max(number - found.number));
        }
        assert!(numbers.0 == 0 && numbers.1 == 400, "{numbers:?}");
        let newest = recent.repeat(u64::MAX, |_, _| true, &mut rng, &mut out);
        assert_eq!(newest.map(|truth| truth.number), Some(20_000));
        assert_eq!(recent.repeat(0, |_, _| false, &mut rng, &mut out), None);
    }

    #[test]
    fn short_lines_are_bounded_in_number() {
        let (mut recent, mut rng) = (Recent::new(), Rng::seeded(1));
        (1..=10_000).for_each(|number| recent.keep(truth(number), 0, b"{}"));
        let mut oldest = u64::MAX;
        for _ in 0..20_000 {
            let found = recent.repeat(0, |_, _| true, &mut rng, &mut Vec::new()).expect("some are kept");
            oldest = oldest.min(found.number);
        }
        assert_eq!(oldest, 10_000 - LINES as u64 + 1);
    }
}
