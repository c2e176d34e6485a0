//! A thread that watches the machine beside a run: how long it was kept from running although it wanted to, and how much
//! memory the process had.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use hdrhistogram::Histogram;
use paidan::meter::Moment;

use crate::usage;

/// What it sleeps at a time.
const NAP: Duration = Duration::from_millis(1);
const NS_OF_SECOND: u64 = 1_000_000_000;

/// What was seen.
pub struct Watched {
    /// How much longer each nap was than it should have been, in nanoseconds.
    pub hiccups: Histogram<u64>,
    /// Memory resident at the end of each second, in MiB.
    pub rss_mib: Vec<f64>,
    /// CPU seconds of the watching itself.
    pub cpu_s: f64,
}

/// The thread, at work.
pub struct Watcher {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Watched>,
}

impl Watcher {
    /// Begins to watch; seconds are counted from `start`.
    pub fn begin(start: Moment) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        Self { is_over, thread: std::thread::spawn(move || watch(start, &over)) }
    }

    /// Ends it.
    pub fn end(self) -> Watched {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

fn watch(start: Moment, is_over: &AtomicBool) -> Watched {
    let hiccups = Histogram::new_with_bounds(1_000, 120_000_000_000, 3).expect("constant bounds");
    let mut watched = Watched { hiccups, rss_mib: Vec::new(), cpu_s: 0.0 };
    while !is_over.load(Ordering::Relaxed) {
        let before = Moment::now();
        std::thread::sleep(NAP);
        let after = Moment::now();
        watched.hiccups.saturating_record(after.since(before.plus(NAP)));
        if after.since(start) / NS_OF_SECOND > watched.rss_mib.len() as u64 {
            watched.rss_mib.push(usage::rss_mib());
        }
    }
    watched.cpu_s = usage::thread_cpu_s();
    watched
}
