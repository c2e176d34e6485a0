//! The open loop: every report is sent when the schedule says, or as soon after as the target has room, and nobody waits for
//! an answer. And the closed loop, to show what it hides.

use std::time::Duration;

use hdrhistogram::Histogram;
use paidan::meter::Moment;

use crate::pool::{Pool, Scribe};
use crate::schedule::Pace;
use crate::target::Target;
use crate::usage;

/// Most reports of a parcel: so that a target that was full is not given all that piled up at once.
const PARCEL_REPORTS_MAX: u32 = 2_048;
/// How long after the end a target may take to make room for what was due before it.
const PATIENCE: Duration = Duration::from_secs(1);
/// What is slept when nothing is due, or the target is full: the operating system does not wake anybody much faster.
const NAP: Duration = Duration::from_micros(50);

/// Reports that were sent together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    /// The first of them, counted from 0.
    pub first: u64,
    /// The one behind the last.
    pub next: u64,
    /// When.
    pub at: Moment,
}

/// What a sender did.
pub struct Sending {
    /// When the schedule began.
    pub start: Moment,
    /// What was sent, in order, without gaps.
    pub sent: Vec<Sent>,
    /// Reports that were due before the end.
    pub due: u64,
    /// How late each report was sent although the target had room: the sender's own fault. In nanoseconds.
    pub lag: Histogram<u64>,
    /// CPU seconds of the sending thread.
    pub cpu_s: f64,
    /// Whether each report was due when it was sent, because the sender waited for answers.
    is_closed: bool,
}

impl Sending {
    fn new(start: Moment) -> Self {
        let lag = Histogram::new_with_bounds(1_000, 120_000_000_000, 3).expect("constant bounds");
        Self { start, sent: Vec::new(), due: 0, lag, cpu_s: 0.0, is_closed: false }
    }

    /// When each report was due, in nanoseconds from the start.
    pub fn instants<'a>(&'a self, pace: &'a Pace) -> Box<dyn Iterator<Item = u64> + 'a> {
        match self.is_closed {
            true => Box::new(self.sent.iter().map(|sent| sent.at.since(self.start))),
            false => Box::new(pace.instants().take(self.due as usize)),
        }
    }

    fn note(&mut self, reports: u32, at: Moment) {
        let first = self.sent.last().map_or(0, |last| last.next);
        self.sent.push(Sent { first, next: first + u64::from(reports), at });
    }
}

/// By itself the kernel lets timers of ordinary threads be 50 µs late, to gather them.
fn wake_in_time() {
    // Where it refuses, the lag shows it.
    let _ = nix::sys::prctl::set_timerslack(1);
}

/// Milliseconds since 1970, by the clock that targets stamp with.
fn wall_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as u64
}

/// Sends at a pace for so long, in an open loop.
pub fn open_loop(pool: &Pool, pace: &Pace, length: Duration, target: &mut dyn Target) -> Sending {
    wake_in_time();
    let cpu_before = usage::thread_cpu_s();
    let start = Moment::now();
    let mut run = OpenLoop {
        scribe: pool.scribe(wall_ms()),
        instants: pace.instants().take_while(|ns| *ns < length.as_nanos() as u64).peekable(),
        sending: Sending::new(start),
        held: None,
        was_full: false,
    };
    let end = start.plus(length + PATIENCE);
    while run.has_more() && (run.step(target) || Moment::now() < end) {
        run.nap_unless_due();
    }
    let mut sending = run.sending;
    sending.due = pace.instants().take_while(|ns| *ns < length.as_nanos() as u64).count() as u64;
    sending.cpu_s = usage::thread_cpu_s() - cpu_before;
    sending
}

/// Lines that the target had no room for.
struct Held {
    lines: Vec<u8>,
    reports: u32,
    /// The first of them was due.
    due: u64,
}

struct OpenLoop<'a, I: Iterator<Item = u64>> {
    scribe: Scribe<'a>,
    instants: std::iter::Peekable<I>,
    sending: Sending,
    held: Option<Held>,
    was_full: bool,
}

impl<I: Iterator<Item = u64>> OpenLoop<'_, I> {
    fn has_more(&mut self) -> bool {
        self.held.is_some() || self.instants.peek().is_some()
    }

    /// Sends what is due. Whether there may be more to send at once.
    fn step(&mut self, target: &mut dyn Target) -> bool {
        let Some(held) = self.gather(target) else { return false };
        let sent = Moment::now();
        match target.offer(held.lines, held.reports, sent) {
            Ok(()) => {
                if !self.was_full {
                    let lag = sent.since(self.sending.start).saturating_sub(held.due);
                    self.sending.lag.saturating_record_n(lag, u64::from(held.reports));
                }
                self.sending.note(held.reports, sent);
                self.was_full = false;
                true
            }
            Err(lines) => {
                self.held = Some(Held { lines, ..held });
                self.was_full = true;
                false
            }
        }
    }

    /// Writes what is due by now, behind what the target had no room for.
    fn gather(&mut self, target: &mut dyn Target) -> Option<Held> {
        let now = Moment::now().since(self.sending.start);
        let mut held = match self.held.take() {
            Some(held) => held,
            None => {
                let due = *self.instants.peek().filter(|due| **due <= now)?;
                Held { lines: target.room(), reports: 0, due }
            }
        };
        while held.reports < PARCEL_REPORTS_MAX {
            let Some(instant) = self.instants.next_if(|instant| *instant <= now) else { break };
            self.scribe.write(instant, &mut held.lines);
            held.reports += 1;
        }
        Some(held)
    }

    /// Sleeps until something is due, or the target may have room.
    fn nap_unless_due(&mut self) {
        let now = Moment::now().since(self.sending.start);
        let due = self.instants.peek().map_or(0, |due| due.saturating_sub(now));
        if due == 0 && self.held.is_none() {
            return;
        }
        let wait = if self.held.is_some() { NAP } else { Duration::from_nanos(due).max(NAP) };
        std::thread::sleep(wait);
    }
}

/// Sends the next report when the one before was answered, as most benchmarks do: nothing is due while the target stalls, so
/// hardly anything is late.
pub fn closed_loop(pool: &Pool, pace: &Pace, length: Duration, target: &mut dyn Target) -> Sending {
    let start = Moment::now();
    let (mut scribe, mut sending) = (pool.scribe(wall_ms()), Sending { is_closed: true, ..Sending::new(start) });
    let gap = Duration::from_secs_f64(1.0 / pace.mean_per_s());
    while Moment::now() < start.plus(length) {
        let mut lines = target.room();
        let sent = Moment::now();
        scribe.write(sent.since(start), &mut lines);
        while let Err(back) = target.offer(lines, 1, sent) {
            lines = back;
            std::thread::sleep(NAP);
        }
        sending.note(1, sent);
        sending.due += 1;
        while target.answered() < sending.due {
            std::thread::sleep(NAP);
        }
        std::thread::sleep(gap.saturating_sub(Duration::from_nanos(Moment::now().since(sent))));
    }
    sending
}

#[cfg(test)]
pub(crate) fn sending_for_tests(start: Moment, due: u64) -> Sending {
    Sending { due, ..Sending::new(start) }
}
