//! The office: what all doors of a service share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use dashmap::DashMap;
use tokio::sync::watch;

use super::Counter;
use super::live::{Box4, Change, area_boxes};
use crate::city::City;
use crate::effect::Effect;
use crate::feed::{Cursor, Feed};
use crate::ids::Seq;
use crate::meter::{Journey, LatencyLedger};
use crate::record::Record;
use crate::time::At;
use crate::view::board::Board;
use crate::view::census::Census;
use crate::view::ledger::Ledger;

/// How far the service is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// It takes reports.
    Open,
    /// It takes no new connections, and ends when those that are there have been answered.
    Closing,
    /// It is at its end.
    Closed,
}

/// How an explanation is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// For people, 中文.
    Zh,
    /// For people, English.
    En,
    /// For programs.
    Json,
}

/// Why something is not explained.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotExplained {
    /// There is no such thing.
    NotFound(String),
    /// The journal cannot be read.
    Failed(String),
}

/// Explains what a name stands for, from the data folder. Takes its time.
pub type Explain = dyn Fn(&str, Form) -> Result<String, NotExplained> + Send + Sync;
/// Reads decisions from the journal: each line behind a cursor goes to the taker, until it wants no more.
pub type Resume = dyn Fn(Cursor, &mut dyn FnMut(&[u8]) -> bool) -> Result<(), String> + Send + Sync;

/// What is shown of the service: folds of what was published.
pub struct Hall {
    /// Cases, units and cells as they are.
    pub board: Board,
    /// What became of all reports.
    pub ledger: Ledger,
    /// How long the reports of this life took.
    pub latency: LatencyLedger,
    /// Log time.
    pub at: At,
    /// The record that comes next.
    pub next: Seq,
}

impl Hall {
    /// Takes in a record that was published.
    pub fn fold(&mut self, record: &Record, effects: &[(Seq, Effect)]) {
        self.board.fold(record, effects);
        self.ledger.fold(record, effects);
        self.at = record.at;
        self.next = record.seq.next();
    }

    /// The last record that is shown.
    pub const fn version(&self) -> Seq {
        Seq(self.next.0 - 1)
    }

    /// Takes in how long a batch took.
    pub fn note(&mut self, journey: &Journey, census: &Census) {
        self.latency.note(journey, census.iter());
    }
}

/// Somebody who follows a feed.
#[derive(Clone, Copy, Debug)]
pub struct Follower {
    /// The record that it gets next.
    pub next: Seq,
}

/// What all doors share.
pub struct Office {
    /// The city.
    pub city: Arc<City>,
    /// The doors, the one of HTTP first.
    pub counters: Vec<Arc<Counter>>,
    /// The newest decisions.
    pub feed: Feed,
    /// Who follows the feed, under a number each.
    pub followers: DashMap<u64, Follower>,
    /// When the service began.
    pub begun: Instant,
    /// What changed last, for all who watch.
    pub live: watch::Sender<Arc<Change>>,
    /// The box around each area.
    pub area_boxes: Vec<Option<Box4>>,
    hall: Mutex<Hall>,
    phase: watch::Sender<Phase>,
    explain: Box<Explain>,
    resume: Box<Resume>,
}

impl Office {
    /// Of a service that was recovered up to where the hall is.
    pub fn new(
        city: Arc<City>,
        counters: Vec<Arc<Counter>>,
        feed: Feed,
        hall: Hall,
        explain: Box<Explain>,
        resume: Box<Resume>,
    ) -> Self {
        Self {
            live: watch::Sender::new(Arc::new(Change::none(hall.version()))),
            area_boxes: area_boxes(&city),
            city,
            counters,
            feed,
            followers: DashMap::new(),
            begun: Instant::now(),
            hall: Mutex::new(hall),
            phase: watch::Sender::new(Phase::Open),
            explain,
            resume,
        }
    }

    /// The counter of HTTP.
    ///
    /// # Panics
    /// Where there is no door at all.
    pub fn http(&self) -> &Arc<Counter> {
        &self.counters[0]
    }

    /// What is shown. Held for a short, bounded time.
    pub fn hall(&self) -> MutexGuard<'_, Hall> {
        self.hall.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the service is, now and later.
    pub fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Moves on to another phase.
    pub fn move_on(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// Explains what a name stands for.
    ///
    /// # Errors
    /// As [`NotExplained`] says.
    pub fn explain(&self, name: &str, form: Form) -> Result<String, NotExplained> {
        (self.explain)(name, form)
    }

    /// Reads decisions behind a cursor from the journal.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn resume(&self, from: Cursor, take: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), String> {
        (self.resume)(from, take)
    }
}
