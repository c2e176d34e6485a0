//! From what was sent and what was answered to figures: the schedule is gone through again, and every report's intended
//! instant, sending and answer are put side by side. Nothing of this happens while the target works.

use std::time::Duration;

use hdrhistogram::Histogram;
use paidan::ids::Tracking;
use paidan::meter::{LatencyLedger, Moment, Stage};
use paidan::report;

use crate::pool::Pool;
use crate::pudong::Urgency;
use crate::result::{Attainment, Clock, Counts, Distribution, Exemplar, Latency, Second, StageLatency};
use crate::schedule::{NS_OF_SECOND, Pace};
use crate::sender::{Sending, Sent};
use crate::target::Answer;

/// Budgets of the timeline: milliseconds for A, B, C.
const BUDGETS_MS: [u64; 3] = [50, 500, 2000];

/// Two latencies of some reports, in nanoseconds.
pub struct Times {
    /// From the intended instants.
    pub intended: Histogram<u64>,
    /// From the sending.
    pub sent: Histogram<u64>,
}

impl Times {
    fn new() -> Self {
        let times = || Histogram::new_with_bounds(1_000, 120_000_000_000, 3).expect("constant bounds");
        Self { intended: times(), sent: times() }
    }
}

/// What a run came to.
pub struct Measured {
    /// By urgency, A first.
    pub times: [Times; 3],
    /// All urgencies.
    pub all: Times,
    /// What became of the reports.
    pub counts: Counts,
    /// Second by second, from the start.
    pub timeline: Vec<Second>,
}

/// How a run is cut.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Before this nothing counts.
    pub warm_up: Duration,
    /// The whole run, warm-up included.
    pub length: Duration,
}

/// Goes through all reports of a run.
pub fn measure(pool: &Pool, pace: &Pace, frame: Frame, sending: &Sending, answers: &[Answer]) -> Measured {
    let mut book = Book::new(frame);
    let (mut sent, mut answered) = (Follow::new(&sending.sent), Follow::new(answers));
    for (number, due_ns) in (0..).zip(sending.instants(pace)) {
        let report = Report {
            due_ns,
            sent: sent.of(number).map(|sent| sent.at),
            answered: answered.of(number).map(|answer| answer.at),
            urgency: pool.urgency(number),
        };
        book.enter(&report, sending.start);
    }
    book.close()
}

/// A is 0, B 1, C 2.
const fn rank(urgency: Urgency) -> usize {
    Urgency::A as usize - urgency as usize
}

/// One report's instants.
struct Report {
    due_ns: u64,
    sent: Option<Moment>,
    answered: Option<Moment>,
    urgency: Urgency,
}

/// Something that covers a range of reports.
trait Covers: Copy {
    fn next(&self) -> u64;
}

impl Covers for Sent {
    fn next(&self) -> u64 {
        self.next
    }
}

impl Covers for Answer {
    fn next(&self) -> u64 {
        self.next
    }
}

/// Finds what covers a report, for ascending reports.
struct Follow<'a, T> {
    list: &'a [T],
}

impl<'a, T: Covers> Follow<'a, T> {
    const fn new(list: &'a [T]) -> Self {
        Self { list }
    }

    #[inline]
    fn of(&mut self, number: u64) -> Option<T> {
        while self.list.first().is_some_and(|first| first.next() <= number) {
            self.list = &self.list[1..];
        }
        self.list.first().copied()
    }
}

struct Book {
    frame: Frame,
    measured: Measured,
    /// Answers of each second, from the intended instants, in nanoseconds.
    seconds: Vec<Histogram<u64>>,
}

impl Book {
    fn new(frame: Frame) -> Self {
        let measured = Measured {
            times: std::array::from_fn(|_| Times::new()),
            all: Times::new(),
            counts: Counts::default(),
            timeline: Vec::new(),
        };
        Self { frame, measured, seconds: Vec::new() }
    }

    fn second(&mut self, ns: u64) -> usize {
        let second = (ns / NS_OF_SECOND) as usize;
        while self.measured.timeline.len() <= second {
            self.measured.timeline.push(Second::default());
            // Two digits: a run has thousands of seconds.
            self.seconds.push(Histogram::new_with_bounds(1_000, 120_000_000_000, 2).expect("constant bounds"));
        }
        second
    }

    #[inline]
    fn enter(&mut self, report: &Report, start: Moment) {
        let counts = report.due_ns >= self.frame.warm_up.as_nanos() as u64;
        let due = self.second(report.due_ns);
        self.measured.timeline[due].due += 1;
        if counts {
            self.count(report, start);
        }
        let Some(answered) = report.answered.map(|at| at.since(start)) else { return };
        let second = self.second(answered);
        let took = answered.saturating_sub(report.due_ns);
        let line = &mut self.measured.timeline[second];
        line.answered += 1;
        let is_late = took > BUDGETS_MS[rank(report.urgency)] * 1_000_000;
        line.missed[rank(report.urgency)] += u64::from(is_late);
        self.seconds[second].saturating_record(took);
        if counts {
            let own = &mut self.measured.times[rank(report.urgency)];
            own.intended.saturating_record(took);
            self.measured.all.intended.saturating_record(took);
            let service = report.sent.map_or(took, |sent| answered.saturating_sub(sent.since(start)));
            own.sent.saturating_record(service);
            self.measured.all.sent.saturating_record(service);
        }
    }

    fn count(&mut self, report: &Report, start: Moment) {
        let counts = &mut self.measured.counts;
        let end = self.frame.length.as_nanos() as u64;
        counts.due += 1;
        counts.sent += u64::from(report.sent.is_some());
        counts.unsent += u64::from(report.sent.is_none());
        counts.answered += u64::from(report.answered.is_some());
        counts.unanswered += u64::from(report.sent.is_some() && report.answered.is_none());
        counts.backlog_at_end += u64::from(report.answered.is_none_or(|at| at.since(start) > end));
    }

    fn close(mut self) -> Measured {
        let (mut due, mut answered) = (0, 0);
        for (line, times) in self.measured.timeline.iter_mut().zip(&self.seconds) {
            due += line.due;
            answered += line.answered;
            line.backlog = due - answered.min(due);
            let ms = |percent| times.value_at_percentile(percent) as f64 / 1e6;
            (line.p50_ms, line.p99_ms) = if times.is_empty() { (0.0, 0.0) } else { (ms(50.0), ms(99.0)) };
        }
        self.measured
    }
}

impl Measured {
    /// How fast the backlog grew over the measured time, in reports a second: the slope of a line through the backlogs of
    /// its whole seconds.
    pub fn backlog_slope_per_s(&self, frame: Frame) -> f64 {
        let (from, to) = (frame.warm_up.as_secs_f64().ceil() as usize, frame.length.as_secs() as usize);
        let seconds = self.timeline.iter().enumerate().take(to).skip(from);
        let points: Vec<(f64, f64)> = seconds.map(|(second, line)| (second as f64, line.backlog as f64)).collect();
        slope(&points)
    }

    /// The times of each urgency that was sent, and of all.
    pub fn by_urgency(&self) -> impl Iterator<Item = (&'static str, &Times)> {
        let named = Urgency::ALL.into_iter().map(|urgency| (urgency.letter(), &self.times[rank(urgency)]));
        named.chain([("all", &self.all)]).filter(|(_, times)| !times.intended.is_empty())
    }

    /// The latencies of each urgency that was sent, and of all, on both clocks.
    pub fn latency(&self) -> Vec<Latency> {
        let clocks = |(urgency, times): (&str, &Times)| {
            let one = |clock, times| Latency { urgency: urgency.to_owned(), clock, time: Distribution::of(times) };
            [one(Clock::Intended, &times.intended), one(Clock::Sent, &times.sent)]
        };
        self.by_urgency().flat_map(clocks).collect()
    }
}

/// The least squares slope; 0 of fewer than two points.
pub fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let (mean_x, mean_y) =
        points.iter().fold((0.0, 0.0), |(sum_x, sum_y), (x, y)| (sum_x + x / count, sum_y + y / count));
    let (up, across) = points
        .iter()
        .fold((0.0, 0.0), |(up, across), (x, y)| (up + (x - mean_x) * (y - mean_y), across + (x - mean_x).powi(2)));
    if across > 0.0 { up / across } else { 0.0 }
}

/// What the target itself measured.
pub fn stages(ledger: &LatencyLedger) -> Vec<StageLatency> {
    let of = |stage: Stage| {
        reported(ledger).map(move |urgency| StageLatency {
            stage: stage.name().to_owned(),
            urgency: urgency.letter().to_owned(),
            time: Distribution::of(&ledger.of(urgency).stages[stage as usize]),
        })
    };
    Stage::ALL.into_iter().flat_map(of).collect()
}

/// The times behind [`stages`], each with its name.
pub fn stage_times(ledger: &LatencyLedger) -> impl Iterator<Item = (String, &Histogram<u64>)> {
    let of = move |urgency: report::Urgency| {
        let named = move |stage: Stage| {
            (format!("{}.{}", urgency.letter(), stage.name()), &ledger.of(urgency).stages[stage as usize])
        };
        Stage::ALL.into_iter().map(named)
    };
    reported(ledger).flat_map(of)
}

/// How well the target's budgets were kept.
pub fn budgets(ledger: &LatencyLedger) -> Vec<Attainment> {
    let of = |urgency: report::Urgency| {
        let (line, (least, most)) = (ledger.of(urgency), ledger.budgets(urgency).unwrap_or_default());
        let by_stage = Stage::ALL.into_iter().map(|stage| (stage.name().to_owned(), line.missed[stage as usize]));
        Attainment {
            urgency: urgency.letter().to_owned(),
            budget_ms: (least as f64 / 1e6, most as f64 / 1e6),
            reports: line.total.len(),
            missed: line.missed.iter().sum(),
            missed_by_stage: by_stage.filter(|(_, missed)| *missed > 0).collect(),
        }
    };
    reported(ledger).map(of).collect()
}

/// The slowest reports.
pub fn exemplars(ledger: &LatencyLedger) -> Vec<Exemplar> {
    let named = |slow: &paidan::meter::Slow| Exemplar {
        minute: slow.minute,
        urgency: slow.urgency.letter().to_owned(),
        id: Tracking(slow.seq).to_string(),
        ms: slow.ns as f64 / 1e6,
        stage: slow.stage.name().to_owned(),
    };
    ledger.slowest().map(named).collect()
}

fn reported(ledger: &LatencyLedger) -> impl Iterator<Item = report::Urgency> {
    report::Urgency::ALL.into_iter().filter(|urgency| !ledger.of(*urgency).total.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// Ten reports a second for two seconds; the second second stalls.
    #[test]
    fn every_report_is_put_beside_its_own_instant() {
        let (pool, pace) = (Pool::bench(20, 1), Pace::Constant { per_s: 10.0 });
        let frame = Frame { warm_up: Duration::from_secs(1), length: Duration::from_secs(2) };
        let start = Moment(1000);
        let at = |ms: u64| Moment(start.0 + ms * MS);
        let mut sending = crate::sender::sending_for_tests(start, 20);
        sending.sent = (0..18).map(|n| Sent { first: n, next: n + 1, at: at(n * 100 + 1) }).collect();
        let mut answers: Vec<Answer> = (0..12).map(|n| Answer { first: n, next: n + 1, at: at(n * 100 + 3) }).collect();
        answers.push(Answer { first: 12, next: 17, at: at(2500) });
        let measured = measure(&pool, &pace, frame, &sending, &answers);
        let expected = Counts { due: 10, sent: 8, unsent: 2, answered: 7, unanswered: 1, backlog_at_end: 8 };
        assert_eq!(measured.counts, expected);
        let all = &measured.all;
        assert_eq!((all.intended.len(), all.sent.len()), (7, 7));
        assert!(all.intended.max().abs_diff(1300 * MS) < 2 * MS && all.sent.max().abs_diff(1299 * MS) < 2 * MS);
        assert!(all.intended.min().abs_diff(3 * MS) < MS / 10 && all.sent.min().abs_diff(2 * MS) < MS / 10);
        let backlogs: Vec<u64> = measured.timeline.iter().map(|line| line.backlog).collect();
        assert_eq!(backlogs, [0, 8, 3]);
        assert_eq!(measured.timeline[2].answered, 5);
    }

    #[test]
    fn slopes_are_of_the_line_of_least_squares() {
        let check = |points: &[(f64, f64)], expected: f64| assert!((slope(points) - expected).abs() < 1e-9);
        check(&[], 0.0);
        check(&[(1.0, 5.0)], 0.0);
        check(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)], 2.0);
        check(&[(0.0, 0.0), (1.0, 2.0), (2.0, 1.0)], 0.5);
    }
}
