//! The harness proves itself: what a target does must show, and the harness must not hide it.

use std::time::Duration;

use loadtest::measure::{Frame, Measured, measure};
use loadtest::pool::Pool;
use loadtest::schedule::Pace;
use loadtest::sender::{Sending, closed_loop, open_loop};
use loadtest::target::{Answers, Null, Setting, Target, control, in_process};
use paidan::meter::{Moment, Stage};
use paidan::report::Urgency;

const SECOND: Duration = Duration::from_secs(1);

/// Sends in an open loop, and measures from the first report on.
fn run(mut target: Box<dyn Target>, per_s: f64, length: Duration) -> (Measured, Sending, Answers) {
    let (pool, pace) = (Pool::bench(20_000, 1), Pace::Constant { per_s });
    let sending = open_loop(&pool, &pace, length, &mut *target);
    let answers = target.finish().expect("a target that ends well");
    let frame = Frame { warm_up: Duration::ZERO, length };
    (measure(&pool, &pace, frame, &sending, &answers.batches), sending, answers)
}

fn ms_at(measured: &Measured, percent: f64) -> f64 {
    measured.all.intended.value_at_percentile(percent) as f64 / 1e6
}

/// One of three seconds is a stall. Whoever sends by a schedule has a third of all reports in it; whoever waits for answers
/// has one.
#[test]
fn a_stall_shows_in_the_open_loop_and_hides_in_the_closed_one() {
    let (per_s, length) = (1_000.0, 3 * SECOND);
    let stalling = || Box::new(Null::stalling(Moment::now().plus(SECOND), SECOND));
    let (open, ..) = run(stalling(), per_s, length);
    assert_eq!((open.counts.due, open.counts.answered), (3_000, 3_000));
    assert!(ms_at(&open, 99.0) > 900.0, "p99 {} ms", ms_at(&open, 99.0));
    assert!((300.0..700.0).contains(&ms_at(&open, 83.0)), "p83 {} ms", ms_at(&open, 83.0));

    let (pool, pace) = (Pool::bench(20_000, 1), Pace::Constant { per_s });
    let mut target = stalling();
    let sending = closed_loop(&pool, &pace, length, &mut *target);
    let answers = target.finish().expect("a null target ends well");
    let closed = measure(&pool, &pace, Frame { warm_up: Duration::ZERO, length }, &sending, &answers.batches);
    assert!(closed.all.intended.max() > 900_000_000, "the stall happened");
    assert!(
        ms_at(&closed, 99.0) < 100.0,
        "p99 {} ms: one report of the stall is not one in a hundred",
        ms_at(&closed, 99.0)
    );
    assert!(closed.counts.due < 2_500, "{} reports: nobody sends during the stall", closed.counts.due);
}

/// Takes some reports and then none.
struct Clogged {
    null: Null,
    room: u32,
}

impl Target for Clogged {
    fn offer(&mut self, lines: Vec<u8>, reports: u32, sent: Moment) -> Result<(), Vec<u8>> {
        match self.room.checked_sub(reports) {
            Some(room) => {
                self.room = room;
                self.null.offer(lines, reports, sent)
            }
            None => Err(lines),
        }
    }

    fn room(&mut self) -> Vec<u8> {
        self.null.room()
    }

    fn answered(&self) -> u64 {
        self.null.answered()
    }

    fn finish(self: Box<Self>) -> loadtest::Outcome<Answers> {
        Box::new(self.null).finish()
    }
}

#[test]
fn a_target_without_room_is_not_waited_for_and_what_it_did_not_take_is_counted() {
    let (measured, sending, _) = run(Box::new(Clogged { null: Null::new(), room: 500 }), 1_000.0, SECOND);
    let counts = measured.counts;
    assert_eq!((counts.due, counts.sent + counts.unsent), (1_000, 1_000));
    assert!((400..=500).contains(&counts.sent), "{counts:?}");
    assert_eq!((counts.answered, counts.backlog_at_end), (counts.sent, counts.unsent));
    // Lateness that the target is to blame for is not the sender's.
    assert!(sending.lag.len() <= 500);
}

#[test]
fn paidan_answers_every_report_and_says_where_its_time_went() {
    let folder = tempfile::tempdir().expect("a folder");
    let city = folder.path().join("city");
    loadtest::bench_city::write(&city).expect("a city");
    let warm_up = 1_000;
    let setting = Setting { city: Some(city), data: Some(folder.path().join("journal")), threads: 2, warm_up };
    let (measured, _, answers) = run(Box::new(in_process(&setting).expect("it starts")), 4_000.0, SECOND);
    let counts = measured.counts;
    assert_eq!((counts.due, counts.answered), (4_000, 4_000), "{counts:?}");
    let ends: Vec<(u64, u64)> = answers.batches.iter().map(|batch| (batch.first, batch.next)).collect();
    assert_eq!((ends[0].0, ends[ends.len() - 1].1), (0, 4_000));
    assert!(ends.windows(2).all(|two| two[0].1 == two[1].0), "answers have no gaps");
    let ledger = answers.ledger.expect("paidan measures itself");
    let line = ledger.of(Urgency::C);
    // A batch that the warm-up ends in counts with it; rejected lines have no urgency.
    let counted = line.total.len();
    assert!((2_500..=3_000).contains(&counted), "{counted} reports behind the warm-up");
    assert!(line.stages.iter().all(|stage| stage.len() == counted));
    assert!(line.stages[Stage::Journal as usize].value_at_percentile(50.0) > 10_000, "a sync takes its time");
    assert!(
        line.total.max() <= measured.all.intended.max() + 1_000_000,
        "what paidan sees is within what is seen of it"
    );
}

#[test]
fn the_control_answers_every_report_behind_its_sync() {
    let folder = tempfile::tempdir().expect("a folder");
    let (measured, ..) = run(Box::new(control(folder.path()).expect("it starts")), 2_000.0, SECOND);
    assert_eq!((measured.counts.due, measured.counts.answered), (2_000, 2_000));
    let lines = std::fs::read(folder.path().join("control.ndjson")).expect("written");
    assert_eq!(lines.iter().filter(|byte| **byte == b'\n').count(), 2_000);
}
