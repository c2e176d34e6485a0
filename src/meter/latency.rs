//! The latency ledger: how long reports took from the door to the published decision, by urgency and stage, and which of
//! them missed their budgets.
//!
//! One thread keeps it, the one that publishes, so there is no lock and no atomic; it is told of batches, so the price is paid
//! once for each batch and urgency, and not for each report.

use std::collections::VecDeque;

use hdrhistogram::Histogram;

use super::{Journey, Moment, Stage};
use crate::ids::{Seq, SourceId};
use crate::report::Urgency;

/// Latencies are told in this range and to three digits; what lies outside counts as its nearest end.
const NS_MIN: u64 = 1_000;
const NS_MAX: u64 = 120_000_000_000;
const DIGITS: u8 = 3;

/// Minutes for which the slowest reports are remembered.
const MINUTES: u64 = 60;
const NS_OF_MINUTE: u64 = 60_000_000_000;

/// Reports of one source and urgency within a batch: source, urgency as understood, how many, and the first of them.
pub type Share = (SourceId, Urgency, u64, Seq);

/// The slowest report of a minute.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slow {
    /// Minutes since the ledger was begun.
    pub minute: u64,
    /// Its urgency.
    pub urgency: Urgency,
    /// Its record.
    pub seq: Seq,
    /// From arrival to publication, in nanoseconds.
    pub ns: u64,
    /// The stage that took the largest part.
    pub stage: Stage,
}

/// What is known of one urgency.
pub struct UrgencyLatency {
    /// From arrival to publication, in nanoseconds.
    pub total: Histogram<u64>,
    /// In each stage, in the order of [`Stage::ALL`].
    pub stages: [Histogram<u64>; Stage::ALL.len()],
    /// Reports that took longer than their budget, by the stage that took the largest part.
    pub missed: [u64; Stage::ALL.len()],
}

impl UrgencyLatency {
    fn new() -> Self {
        Self { total: times(), stages: std::array::from_fn(|_| times()), missed: [0; Stage::ALL.len()] }
    }
}

fn times() -> Histogram<u64> {
    Histogram::new_with_bounds(NS_MIN, NS_MAX, DIGITS).expect("constant bounds")
}

/// How long reports took.
pub struct LatencyLedger {
    begun: Moment,
    /// By source, then by the urgency's code, in nanoseconds.
    budgets: Vec<[u64; 3]>,
    /// By the urgency's code.
    urgencies: [UrgencyLatency; 3],
    /// The last minutes, oldest first.
    slowest: VecDeque<Slow>,
}

impl LatencyLedger {
    /// For sources with these budgets: milliseconds by source, then by the urgency's code.
    pub fn new(begun: Moment, budgets_ms: impl IntoIterator<Item = [u32; 3]>) -> Self {
        let ns = |ms: u32| u64::from(ms) * 1_000_000;
        Self {
            begun,
            budgets: budgets_ms.into_iter().map(|budget| budget.map(ns)).collect(),
            urgencies: std::array::from_fn(|_| UrgencyLatency::new()),
            slowest: VecDeque::with_capacity(MINUTES as usize * Urgency::ALL.len()),
        }
    }

    /// Notes a published batch.
    #[inline]
    pub fn note(&mut self, journey: &Journey, shares: impl Iterator<Item = Share>) {
        let (total, stages) = (journey.total(), journey.stages());
        for (source, urgency, reports, first) in shares {
            let line = &mut self.urgencies[urgency as usize];
            line.total.saturating_record_n(total, reports);
            for (times, ns) in line.stages.iter_mut().zip(stages) {
                times.saturating_record_n(ns, reports);
            }
            if self.budgets.get(source.index()).is_some_and(|budget| total > budget[urgency as usize]) {
                line.missed[journey.slowest() as usize] += reports;
            }
            self.note_slow(journey, urgency, first, total);
        }
    }

    /// Remembers a report that is the slowest of its minute and urgency so far.
    #[inline]
    fn note_slow(&mut self, journey: &Journey, urgency: Urgency, seq: Seq, ns: u64) {
        let minute = journey.published.since(self.begun) / NS_OF_MINUTE;
        let mut newest = self.slowest.iter_mut().rev().take_while(|slow| slow.minute == minute);
        match newest.find(|slow| slow.urgency == urgency) {
            Some(known) if known.ns >= ns => {}
            known => {
                let slow = Slow { minute, urgency, seq, ns, stage: journey.slowest() };
                match known {
                    Some(known) => *known = slow,
                    None => self.begin_minute(slow),
                }
            }
        }
    }

    #[cold]
    fn begin_minute(&mut self, slow: Slow) {
        while self.slowest.front().is_some_and(|oldest| oldest.minute + MINUTES <= slow.minute) {
            self.slowest.pop_front();
        }
        self.slowest.push_back(slow);
    }

    /// What is known of an urgency.
    pub const fn of(&self, urgency: Urgency) -> &UrgencyLatency {
        &self.urgencies[urgency as usize]
    }

    /// The smallest and the largest budget of an urgency, in nanoseconds; none without sources.
    pub fn budgets(&self, urgency: Urgency) -> Option<(u64, u64)> {
        let of = |budget: &[u64; 3]| budget[urgency as usize];
        Some((self.budgets.iter().map(of).min()?, self.budgets.iter().map(of).max()?))
    }

    /// The slowest report of each minute and urgency, the oldest minute first.
    pub fn slowest(&self) -> impl Iterator<Item = &Slow> {
        self.slowest.iter()
    }

    /// Forgets what was noted, for a measurement that begins now.
    pub fn begin_again(&mut self, now: Moment) {
        self.begun = now;
        self.urgencies = std::array::from_fn(|_| UrgencyLatency::new());
        self.slowest.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// A batch whose ink took all of `ms` milliseconds, published at minute `minute`.
    fn journey(minute: u64, ms: u64) -> Journey {
        let arrived = Moment(minute * NS_OF_MINUTE);
        let later = Moment(arrived.0 + ms * MS);
        Journey {
            arrived,
            cut: arrived,
            taken: arrived,
            understood: arrived,
            ordered: arrived,
            decided: arrived,
            durable: later,
            published: later,
        }
    }

    fn share(source: u16, urgency: Urgency, reports: u64, first: u64) -> Share {
        (SourceId(source), urgency, reports, Seq(first))
    }

    #[test]
    fn misses_are_counted_by_source_urgency_and_stage() {
        // Source 1 has less time for A.
        let mut ledger = LatencyLedger::new(Moment(0), [[2000, 500, 50], [2000, 500, 20]]);
        let check = |ledger: &LatencyLedger, urgency, reports: u64, missed: u64| {
            let line = ledger.of(urgency);
            assert_eq!((line.total.len(), line.missed.iter().sum::<u64>()), (reports, missed), "{urgency:?}");
            assert_eq!(line.missed[Stage::Journal as usize], missed);
            assert!(line.stages.iter().all(|stage| stage.len() == reports));
        };
        let reports = [share(0, Urgency::A, 3, 10), share(1, Urgency::A, 2, 11), share(0, Urgency::C, 5, 12)];
        ledger.note(&journey(0, 30), reports.into_iter());
        check(&ledger, Urgency::A, 5, 2);
        check(&ledger, Urgency::C, 5, 0);
        ledger.note(&journey(0, 50), reports.into_iter());
        check(&ledger, Urgency::A, 10, 4);
        ledger.note(&journey(0, 2001), reports.into_iter());
        check(&ledger, Urgency::A, 15, 9);
        check(&ledger, Urgency::C, 15, 5);
        assert_eq!(ledger.budgets(Urgency::A), Some((20 * MS, 50 * MS)));
        ledger.begin_again(Moment(7));
        check(&ledger, Urgency::A, 0, 0);
    }

    #[test]
    fn the_slowest_of_each_minute_is_remembered_for_an_hour() {
        let mut ledger = LatencyLedger::new(Moment(0), [[1, 1, 1]]);
        for minute in 0..100 {
            for (ms, first) in [(5, 1), (9, 2), (7, 3)] {
                let reports = [share(0, Urgency::A, 1, minute * 10 + first), share(0, Urgency::B, 1, 7)];
                ledger.note(&journey(minute, ms), reports.into_iter().take(if minute == 99 { 2 } else { 1 }));
            }
        }
        let slowest: Vec<_> = ledger.slowest().map(|slow| (slow.minute, slow.urgency, slow.seq.0, slow.ns)).collect();
        let (last, before) = slowest.split_last().expect("some");
        assert_eq!(*last, (99, Urgency::B, 7, 9 * MS));
        assert_eq!(before.last(), Some(&(99, Urgency::A, 992, 9 * MS)));
        assert_eq!((slowest.len(), slowest[0]), (61, (40, Urgency::A, 402, 9 * MS)));
    }

    #[test]
    fn what_is_too_long_to_tell_counts_as_the_longest() {
        let mut ledger = LatencyLedger::new(Moment(0), [[1, 1, 1]]);
        ledger.note(&journey(0, 500_000), [share(0, Urgency::C, 1, 1)].into_iter());
        assert_eq!(ledger.of(Urgency::C).total.len(), 1);
        assert!(ledger.of(Urgency::C).total.max() >= NS_MAX);
    }
}
