//! A target with a thread of its own behind an inbox: what is offered goes in, and the thread answers until nothing more comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use paidan::ingest::inbox::{Inbox, Parcel, Sender, inbox};
use paidan::meter::Moment;
use paidan::rights::Rights;
use paidan::ring::Full;

use super::{Answers, Target};
use crate::Outcome;

/// Parcels that an inbox holds.
const PARCELS: usize = 64;

/// The thread, and the way to it.
pub struct Worker {
    sender: Sender,
    answered: Arc<AtomicU64>,
    thread: JoinHandle<Outcome<Answers>>,
}

impl Worker {
    /// Starts a thread that reads an inbox to its end, and keeps count of the reports that it has answered.
    pub(super) fn start(work: impl FnOnce(Inbox, &AtomicU64) -> Outcome<Answers> + Send + 'static) -> Self {
        let (sender, lines) = inbox(PARCELS);
        let answered = Arc::new(AtomicU64::new(0));
        let count = answered.clone();
        Self { sender, answered, thread: std::thread::spawn(move || work(lines, &count)) }
    }
}

impl Target for Worker {
    fn offer(&mut self, lines: Vec<u8>, _reports: u32, sent: Moment) -> Result<(), Vec<u8>> {
        let parcel = Parcel { lines, lines_before: 0, sent, speaker: None, rights: Rights::ALL, reply: None };
        self.sender.push(parcel).map_err(|Full(parcel)| parcel.lines)
    }

    fn room(&mut self) -> Vec<u8> {
        self.sender.room()
    }

    fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    fn finish(self: Box<Self>) -> Outcome<Answers> {
        drop(self.sender);
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}
