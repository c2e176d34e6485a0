//! The engine of a run: how chunks of inputs become published decisions on a few threads.
//!
//! ```text
//!  workers            baton: order ─► lane        ink            workers        publisher
//!  claim·read·decode ─► shelf ─► one at a time ─► ring ─► append·sync ─► format ─► shelf ─► write
//! ```
//!
//! Every worker does whatever is next: format a durable batch, else decode a chunk, else wait for the bell. The lane has no
//! thread of its own: it is a baton, run by whoever brings something. Boxes of memory go round in a circle; how many there
//! are bounds everything, and nothing is allocated for a line.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crossbeam::queue::ArrayQueue;

use crate::city::City;
use crate::effect::Effects;
use crate::fingerprint::HashKey;
use crate::ids::SourceId;
use crate::ingest::door::Door;
use crate::ingest::input::{Chunk, FileInput, PipeInput};
use crate::journal::disk::RealDisk;
use crate::journal::error::JournalError;
use crate::journal::writer::Journal;
use crate::lane::Lane;
use crate::order::{Decoded, Next, Order, WITNESS_BYTES, WITNESSES};
use crate::publish::{Page, Press};
use crate::ring::{Baton, Bell, Consumer, Producer, Shelf, ring};

/// Where the lines come from.
pub enum Inputs {
    /// Files, each read by all workers.
    Files(Vec<FileInput>),
    /// One stream.
    Pipe(PipeInput),
}

impl Inputs {
    /// How many there are.
    pub const fn len(&self) -> usize {
        match self {
            Self::Files(files) => files.len(),
            Self::Pipe(_) => 1,
        }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A batch on its way from the lane to the reader of decisions.
struct Batch {
    number: u64,
    decoded: Box<Decoded>,
    effects: Effects,
    page: Page,
}

impl Batch {
    fn new(city: &City) -> Self {
        Self { number: 0, decoded: Box::default(), effects: Effects::default(), page: Page::new(city) }
    }
}

/// How a run is set up.
pub struct Setup<'a> {
    /// The city.
    pub city: &'a Arc<City>,
    /// The folder's hash key.
    pub key: HashKey,
    /// The source of lines that do not name one.
    pub speaker: Option<SourceId>,
    /// Worker threads.
    pub threads: usize,
    /// Bytes of a chunk.
    pub chunk_bytes: usize,
    /// Set by whoever wants the run to end after the batches under way.
    pub stop: &'a AtomicBool,
    /// Bytes of input that were ordered, for a progress display.
    pub progress: &'a AtomicU64,
}

/// Why a run cannot go on.
#[derive(Debug)]
pub enum EngineError {
    /// An input cannot be read.
    Input {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The journal cannot be written.
    Journal(JournalError),
    /// Decisions cannot be written.
    Output(std::io::Error),
}

/// What a run leaves behind.
pub struct Finished {
    /// The lane, at the end of the log.
    pub lane: Lane,
    /// How far each input was ordered.
    pub order: Order,
    /// Whether all inputs were read to their end.
    pub complete: bool,
    /// The journal, if there is one.
    pub journal: Option<Journal<RealDisk>>,
}

/// How many chunks of an input may be under way: those that a jump of time may have to wait for, and some for each worker.
pub const fn chunks_under_way(chunk_bytes: usize, threads: usize) -> usize {
    WITNESS_BYTES as usize / chunk_bytes + 3 + 2 * threads
}

/// How many batches may be under way: enough that workers go on while a sync takes its milliseconds.
pub const fn batches_under_way(threads: usize) -> usize {
    8 * threads + 16
}

/// What the lane's holder works with.
struct Conductor<'a> {
    lane: Lane,
    order: Order,
    /// The next chunk of each input.
    next: Vec<u64>,
    batches: u64,
    /// To the ink, or, without a journal, straight to the formatting.
    ink: Option<Producer<Box<Batch>>>,
    shared: &'a Shared<'a>,
    finished: bool,
}

/// What all threads of a run share.
struct Shared<'a> {
    setup: &'a Setup<'a>,
    inputs: &'a Inputs,
    bell: Bell,
    /// Empty chunks.
    chunks: ArrayQueue<Box<Decoded>>,
    /// Empty batches.
    batches: ArrayQueue<Box<Batch>>,
    /// Decoded chunks of each input, until the lane takes them.
    decoded: Vec<Shelf<Decoded>>,
    /// How many chunks of each input have left the order.
    ordered: Vec<AtomicU64>,
    /// The order holds back chunks until it has heard more of their input.
    waits_for_witnesses: AtomicBool,
    /// Batches whose records are on the disk.
    durable: ArrayQueue<Box<Batch>>,
    /// Batches that can be written.
    formatted: Shelf<Batch>,
    /// How many batches there are in all; known at the end.
    total: OnceLock<u64>,
    complete: AtomicBool,
    /// Everything is written, or something failed: threads end.
    over: AtomicBool,
    failure: OnceLock<EngineError>,
}

/// Runs inputs through a lane. `press` takes the pages in order.
///
/// # Errors
/// The first thing that failed. What was durable before stays so.
pub fn run(
    setup: &Setup<'_>,
    inputs: &Inputs,
    lane: Lane,
    mut order: Order,
    journal: Option<Journal<RealDisk>>,
    press: &mut Press<'_>,
) -> Result<Finished, EngineError> {
    if let Inputs::Files(files) = inputs {
        let empty = files.iter().enumerate().filter(|(_, file)| file.chunks() == 0);
        empty.for_each(|(input, _)| order.end(input));
    }
    let shared = Shared::new(setup, inputs);
    let (to_ink, from_lane) = ring(batches_under_way(setup.threads));
    let conductor = Conductor {
        lane,
        order,
        next: vec![0; inputs.len()],
        batches: 0,
        ink: journal.is_some().then_some(to_ink),
        shared: &shared,
        finished: false,
    };
    let baton = Baton::new(conductor);
    let forms = press.forms();
    let journal = std::thread::scope(|scope| {
        let ink = journal.map(|journal| scope.spawn(|| write_ink(&shared, journal, from_lane)));
        for _ in 0..setup.threads {
            scope.spawn(|| work(&shared, &baton, forms));
        }
        publish(&shared, press);
        ink.map(|ink| ink.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let Conductor { lane, order, .. } = baton.into_inner();
    let complete = shared.complete.load(Ordering::Relaxed);
    match shared.failure.into_inner() {
        Some(failure) => Err(failure),
        None => Ok(Finished { lane, order, complete, journal }),
    }
}

impl<'a> Shared<'a> {
    fn new(setup: &'a Setup<'a>, inputs: &'a Inputs) -> Self {
        let under_way = match inputs {
            Inputs::Files(_) => chunks_under_way(setup.chunk_bytes, setup.threads),
            // A stream may come a line at a time: a chunk for each witness, most of them tiny.
            Inputs::Pipe(_) => chunks_under_way(setup.chunk_bytes, setup.threads) + WITNESSES,
        };
        let batches = batches_under_way(setup.threads);
        let shared = Self {
            setup,
            inputs,
            bell: Bell::new(),
            chunks: ArrayQueue::new(under_way * inputs.len()),
            batches: ArrayQueue::new(batches),
            decoded: (0..inputs.len()).map(|_| Shelf::new(under_way)).collect(),
            ordered: (0..inputs.len()).map(|_| AtomicU64::new(0)).collect(),
            waits_for_witnesses: AtomicBool::new(false),
            durable: ArrayQueue::new(batches),
            formatted: Shelf::new(batches),
            total: OnceLock::new(),
            complete: AtomicBool::new(false),
            over: AtomicBool::new(false),
            failure: OnceLock::new(),
        };
        while shared.chunks.push(Box::default()).is_ok() {}
        while shared.batches.push(Box::new(Batch::new(setup.city))).is_ok() {}
        shared
    }

    fn fail(&self, failure: EngineError) {
        // The first failure is the one that is told; what follows from it is not.
        let _ = self.failure.set(failure);
        self.over.store(true, Ordering::Release);
        self.bell.ring();
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    fn is_stopped(&self) -> bool {
        self.setup.stop.load(Ordering::Relaxed)
    }

    /// Reads the next chunk of whichever input has the fewest under way.
    fn read(&self, decoded: &mut Decoded) -> Option<Chunk> {
        let under_way = chunks_under_way(self.setup.chunk_bytes, self.setup.threads) as u64;
        match self.inputs {
            Inputs::Files(files) => {
                let (file, index, input) = files.iter().enumerate().find_map(|(input, file)| {
                    let limit = self.ordered[input].load(Ordering::Acquire) + under_way;
                    file.claim(limit).map(|index| (file, index, input))
                })?;
                let cause = match file.read(input as u16, index, &mut decoded.frame) {
                    Ok(chunk) => return Some(chunk),
                    Err(cause) => cause,
                };
                self.fail(EngineError::Input { path: file.path().to_owned(), cause });
                None
            }
            Inputs::Pipe(pipe) => {
                // Boxes that are scarce because the order waits for witnesses are filled, so that they cannot all be used up
                // by a line each; if they are scarce for another reason, reading waits. A quiet stream is never held back.
                let scarce = || self.chunks.len() <= WITNESS_BYTES as usize / self.setup.chunk_bytes + 2;
                if scarce() && !self.waits_for_witnesses.load(Ordering::Acquire) {
                    return None;
                }
                let full = || scarce() && self.waits_for_witnesses.load(Ordering::Acquire);
                match pipe.read(&mut decoded.frame, full) {
                    Ok(chunk) => chunk,
                    Err(_) if self.is_stopped() => None,
                    Err(cause) => {
                        self.fail(EngineError::Input { path: "-".into(), cause });
                        None
                    }
                }
            }
        }
    }

    /// Whether every chunk that was claimed has been taken by the lane, once no more are claimed.
    fn all_arrived(&self, next: &[u64]) -> bool {
        match self.inputs {
            Inputs::Files(files) => files.iter().zip(next).all(|(file, next)| file.claimed() == *next),
            Inputs::Pipe(pipe) => pipe.chunks() == Some(next[0]),
        }
    }
}

/// Ends the run when its thread panics, so that nobody waits for what will not come. The panic itself goes on.
struct Alarm<'a>(&'a Shared<'a>);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.over.store(true, Ordering::Release);
            self.0.bell.ring();
        }
    }
}

/// A worker: whatever is next.
fn work(shared: &Shared<'_>, baton: &Baton<Conductor<'_>>, forms: crate::publish::Forms<'_>) {
    let _alarm = Alarm(shared);
    let mut door = Door::new(shared.setup.city, shared.setup.key, shared.setup.speaker);
    loop {
        let seen = shared.bell.listen();
        if shared.is_over() {
            return;
        }
        if let Some(mut batch) = shared.durable.pop() {
            batch.page.set(&batch.decoded.frame.view(), batch.effects.as_slice(), forms);
            shared.formatted.put(batch.number, batch);
            shared.bell.ring();
            continue;
        }
        let decoded = decode_one(shared, &mut door);
        baton.run(Conductor::step);
        if !decoded {
            shared.bell.wait(seen);
        }
    }
}

/// Decodes one chunk, if there is one and a box for it.
fn decode_one(shared: &Shared<'_>, door: &mut Door<'_>) -> bool {
    if shared.is_stopped() {
        return false;
    }
    let Some(mut decoded) = shared.chunks.pop() else { return false };
    let Some(chunk) = shared.read(&mut decoded) else {
        decoded.clear();
        let _ = shared.chunks.push(decoded);
        return false;
    };
    decoded.filled = door.fill(&chunk, &mut decoded.frame);
    decoded.chunk = chunk;
    let (input, index) = (usize::from(decoded.chunk.input), decoded.chunk.index);
    shared.decoded[input].put(index, decoded);
    true
}

impl Conductor<'_> {
    /// Takes what has arrived and decides about the next batch. Whether there may be more to do.
    fn step(&mut self) -> bool {
        if self.finished {
            return false;
        }
        self.take_arrivals();
        let Some(mut batch) = self.shared.batches.pop() else { return false };
        let ordered = self.order_next(&mut batch);
        self.tell_whether_waiting(!ordered && self.order.holds_back());
        if !ordered {
            let _ = self.shared.batches.push(batch);
            self.end_if_done();
            return false;
        }
        let positions = self.order.positions();
        self.lane.order_and_decide(&mut batch.decoded.frame, positions, &mut batch.effects);
        let done = positions.iter().map(|position| position.offset).sum();
        self.shared.setup.progress.store(done, Ordering::Relaxed);
        batch.number = self.batches;
        self.batches += 1;
        self.send(batch);
        true
    }

    fn tell_whether_waiting(&self, waits: bool) {
        if self.shared.waits_for_witnesses.swap(waits, Ordering::AcqRel) != waits {
            self.shared.bell.ring();
        }
    }

    fn take_arrivals(&mut self) {
        for (input, next) in self.next.iter_mut().enumerate() {
            while let Some(decoded) = self.shared.decoded[input].take(*next) {
                self.order.put(decoded);
                *next += 1;
            }
        }
    }

    /// Fills a batch with what is next in the order.
    fn order_next(&mut self, batch: &mut Batch) -> bool {
        let shared = self.shared;
        let freed = |mut decoded: Box<Decoded>| {
            shared.ordered[usize::from(decoded.chunk.input)].fetch_add(1, Ordering::Release);
            decoded.clear();
            let _ = shared.chunks.push(decoded);
            shared.bell.ring();
        };
        match self.order.next(&mut batch.decoded.frame, freed) {
            Next::Wait => false,
            Next::Gathered => true,
            Next::Chunk(decoded) => {
                let input = usize::from(decoded.chunk.input);
                let empty = std::mem::replace(&mut batch.decoded, decoded);
                let _ = shared.chunks.push(empty);
                shared.ordered[input].fetch_add(1, Ordering::Release);
                true
            }
        }
    }

    fn send(&mut self, batch: Box<Batch>) {
        match &mut self.ink {
            Some(ink) => assert!(ink.push(batch).is_ok(), "the ring to the ink has a place for every batch"),
            None => assert!(self.shared.durable.push(batch).is_ok(), "the queue has a place for every batch"),
        }
        self.shared.bell.ring();
    }

    /// At the end of all inputs, or when stopped and all that was read is decided, says how many batches there are.
    fn end_if_done(&mut self) {
        let complete = self.order.is_done();
        let stopped = self.shared.is_stopped() && self.shared.all_arrived(&self.next);
        if complete || stopped {
            self.finished = true;
            self.ink = None;
            self.shared.complete.store(complete, Ordering::Relaxed);
            let _ = self.shared.total.set(self.batches);
            self.shared.bell.ring();
        }
    }
}

/// The ink: appends what the lane decided, syncs all of it at once, and lets it go on. It ends when the lane closes the ring.
fn write_ink(shared: &Shared<'_>, mut journal: Journal<RealDisk>, mut lane: Consumer<Box<Batch>>) -> Journal<RealDisk> {
    let _alarm = Alarm(shared);
    let mut pending: Vec<Box<Batch>> = Vec::with_capacity(batches_under_way(shared.setup.threads));
    loop {
        let seen = shared.bell.listen();
        let closed = lane.is_closed();
        lane.take(pending.capacity(), |batch| pending.push(batch));
        if shared.is_over() || (pending.is_empty() && closed) {
            return journal;
        }
        if pending.is_empty() {
            shared.bell.wait(seen);
            continue;
        }
        let frames = pending.iter_mut().map(|batch| &mut batch.decoded.frame);
        if let Err(failure) = journal.append_all(frames).and_then(|()| journal.sync()) {
            shared.fail(EngineError::Journal(failure));
            return journal;
        }
        for batch in pending.drain(..) {
            assert!(shared.durable.push(batch).is_ok(), "the queue has a place for every batch");
        }
        shared.bell.ring();
    }
}

/// The publisher: writes the pages in their order, and puts the boxes back into the circle.
fn publish(shared: &Shared<'_>, press: &mut Press<'_>) {
    let _alarm = Alarm(shared);
    let mut next = 0;
    while shared.total.get() != Some(&next) {
        let seen = shared.bell.listen();
        if shared.is_over() {
            return;
        }
        let Some(mut batch) = shared.formatted.take(next) else {
            if shared.total.get() != Some(&next) {
                shared.bell.wait(seen);
            }
            continue;
        };
        if let Err(failure) = press.print(&mut batch.page) {
            return shared.fail(EngineError::Output(failure));
        }
        next += 1;
        batch.decoded.clear();
        batch.effects.clear();
        let _ = shared.batches.push(batch);
        shared.bell.ring();
    }
    shared.over.store(true, Ordering::Release);
    shared.bell.ring();
}
