//! The office: what all doors of a service share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use dashmap::DashMap;
use tokio::sync::{Semaphore, watch};

use super::Counter;
use super::bucket::Bucket;
use super::ground::{Ground, grounds};
use super::keys::Keys;
use super::live::Change;
use super::review::Desk;
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

/// How many explain at once, and how many resume; the others wait for their turn.
const WALKS: usize = 2;

/// The part of a door's room from which on the service is busy: more is under way than waits for one sync on an ordinary day.
const BUSY: f64 = 0.01;

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
    /// Only what became of reports, for programs: `{"reports":[…]}`.
    Brief,
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
/// Reads decisions from the journal: those of each frame, from the cursor's record on, go to the taker, until it wants no more.
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
    /// Who has which case on the review desk.
    pub desk: Desk,
    /// Who may come in.
    pub keys: Keys,
    /// How many lines a second HTTP takes from whoever needs no key.
    pub http_bucket: Option<Arc<Bucket>>,
    /// Tells this life of the service from others.
    pub life: u64,
    /// When the service began.
    pub begun: Instant,
    /// What changed last, for all who watch.
    pub live: watch::Sender<Arc<Change>>,
    /// Where each area is.
    pub grounds: Vec<Ground>,
    /// The first record about which decisions can be told.
    beginning: AtomicU64,
    /// Turns to walk through the log: each walk takes a core, and a mind of its own.
    explaining: Arc<Semaphore>,
    resuming: Arc<Semaphore>,
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
        keys: Keys,
        hall: Hall,
        explain: Box<Explain>,
        resume: Box<Resume>,
    ) -> Self {
        Self {
            live: watch::Sender::new(Arc::new(Change::none(hall.version()))),
            grounds: grounds(&city),
            city,
            http_bucket: keys.door_bucket(),
            keys,
            counters,
            feed,
            followers: DashMap::new(),
            desk: Desk::default(),
            life: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64),
            begun: Instant::now(),
            beginning: AtomicU64::new(1),
            explaining: Arc::new(Semaphore::new(WALKS)),
            resuming: Arc::new(Semaphore::new(WALKS)),
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

    /// Whether so much is under way that whoever can wait should.
    pub fn is_busy(&self) -> bool {
        self.counters.iter().any(|counter| counter.fullness() > BUSY)
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

    /// The first record about which decisions can be told: what came before was given up.
    pub fn beginning(&self) -> Seq {
        Seq(self.beginning.load(Ordering::Relaxed))
    }

    /// Says from which record on the log is kept.
    pub fn begin_at(&self, first: Seq) {
        self.beginning.store(first.0, Ordering::Relaxed);
    }

    /// Gives up the log before a record, while nobody walks through it; does nothing if somebody does.
    pub fn between_walks<T>(&self, first: Seq, give_up: impl FnOnce() -> T) -> Option<T> {
        let turns = WALKS as u32;
        let _explaining = self.explaining.try_acquire_many(turns).ok()?;
        let _resuming = self.resuming.try_acquire_many(turns).ok()?;
        self.begin_at(first);
        Some(give_up())
    }

    /// Explains what a name stands for, when it is its turn. Nothing if that panicked.
    pub async fn explain(self: &Arc<Self>, name: String, form: Form) -> Option<Result<String, NotExplained>> {
        let office = self.clone();
        walk(&self.explaining, move || (office.explain)(&name, form)).await
    }

    /// Reads decisions behind a cursor from the journal, when it is its turn. Nothing if that panicked.
    pub async fn resume(
        self: &Arc<Self>,
        from: Cursor,
        mut take: impl FnMut(&[u8]) -> bool + Send + 'static,
    ) -> Option<Result<(), String>> {
        let office = self.clone();
        walk(&self.resuming, move || (office.resume)(from, &mut take)).await
    }
}

/// Walks through the log on a thread that may take its time, when there is a turn for it.
async fn walk<T: Send + 'static>(turns: &Arc<Semaphore>, walk: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let turn = turns.clone().acquire_owned().await.expect("never closed");
    let done = tokio::task::spawn_blocking(move || {
        let done = walk();
        drop(turn);
        done
    });
    done.await.ok()
}
