//! paidan in this process: its engine with a journal on the real disk, fed through an inbox, its decisions set and printed to
//! nobody.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use paidan::city::City;
use paidan::engine::{self, Finished, Inputs};
use paidan::fingerprint::HashKey;
use paidan::ids::Seq;
use paidan::ingest::inbox::Inbox;
use paidan::journal::disk::RealDisk;
use paidan::journal::frame::Position;
use paidan::journal::writer::{Journal, Setup};
use paidan::lane::Lane;
use paidan::meter::{Clock, LatencyLedger, Moment};
use paidan::order::Order;
use paidan::publish::{Press, Sink};
use paidan::view::decision::{Decisions, Emit};

use super::{Answer, Answers, Worker};
use crate::Outcome;

/// Bytes of a chunk, as `paidan run` has them.
const CHUNK_BYTES: usize = 256 * 1024;
/// Keys decide nothing; constant ones make runs alike.
const KEY: HashKey = HashKey { k0: 0x5eed, k1: 0xf00d };

/// How paidan is set up.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The city's folder; the built-in city without one.
    pub city: Option<PathBuf>,
    /// The folder of the journal; none: nothing is kept.
    pub data: Option<PathBuf>,
    /// Worker threads.
    pub threads: usize,
    /// Reports before anything counts: the target's own ledger begins behind them.
    pub warm_up: u64,
}

/// paidan, at work.
///
/// # Errors
/// If the city is not in order, or the journal cannot be made.
pub fn in_process(setting: &Setting) -> Outcome<Worker> {
    let city = Arc::new(match &setting.city {
        Some(folder) => City::load(folder).map_err(|problems| format!("{}: {problems}", folder.display()))?,
        None => City::pudong(),
    });
    let journal = setting.data.as_deref().map(|folder| journal(folder, &city)).transpose()?;
    let (threads, warm_up) = (setting.threads, setting.warm_up);
    Ok(Worker::start(move |lines, answered| work(&city, journal, lines, threads, warm_up, answered)))
}

fn journal(folder: &Path, city: &City) -> Outcome<Journal<RealDisk>> {
    let disk = RealDisk::open(folder).map_err(|cause| format!("{}: cannot open: {cause}", folder.display()))?;
    Journal::create(disk, KEY, city.version, Setup::new(KEY.k0)).map_err(|error| error.to_string())
}

/// The engine from the first parcel to the last.
fn work(
    city: &Arc<City>,
    journal: Option<Journal<RealDisk>>,
    lines: Inbox,
    threads: usize,
    warm_up: u64,
    answered: &AtomicU64,
) -> Outcome<Answers> {
    let (stop, progress) = (AtomicBool::new(false), AtomicU64::new(0));
    let setup = engine::Setup {
        city,
        key: KEY,
        speaker: None,
        threads,
        chunk_bytes: CHUNK_BYTES,
        clock: Some(Clock::Wall),
        stop: &stop,
        progress: &progress,
    };
    let lane = Lane::new(city.clone());
    let before = lane.next();
    let inputs = Inputs::of_doors(vec![(PathBuf::from("inbox"), lines)]);
    let order = Order::new(vec![Position { offset: 0, line: 1, clock: None, sum: 0 }], city.jump_ms, CHUNK_BYTES);
    let decisions = Decisions::new(city);
    let mut press = Press::new(&decisions, Emit::All, Sink::Null, None);
    let budgets = city.sources.iter().map(|source| source.budget_ms);
    let (mut ledger, mut is_warm) = (LatencyLedger::new(Moment::now(), budgets), false);
    let mut batches = Vec::new();
    let number = |seq: Seq| seq.0 - before.0;
    let ended = engine::run(&setup, inputs, lane, order, journal, &mut press, |published| {
        let (first, next, at) = (number(published.first), number(published.next), published.journey.published);
        if !is_warm && first >= warm_up {
            is_warm = true;
            ledger.begin_again(at);
        }
        ledger.note(published.journey, published.census.iter());
        batches.push(Answer { first, next, at });
        answered.store(next, Ordering::Relaxed);
    });
    let Finished { complete, .. } = ended.map_err(|error| format!("paidan failed: {error:?}"))?;
    match (complete, press.ledger.closes()) {
        (true, true) => Ok(Answers { batches, ledger: Some(ledger), usage: None }),
        (false, _) => Err("paidan did not decide all that it was given".to_owned()),
        (_, false) => Err("paidan's ledger does not close".to_owned()),
    }
}
