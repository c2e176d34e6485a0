//! The engine of a run: how chunks of inputs become published decisions on a few threads.
//!
//! ```text
//!  workers            baton: order ─► lane        ink            workers        publisher
//!  claim·read·decode ─► shelf ─► one at a time ─► ring ─► append·sync ─► format ─► shelf ─► write
//!        ▲
//!  readers: one for each stream, which can only be read from its start, and may be quiet
//! ```
//!
//! Every worker does whatever is next: format a durable batch, else decode a chunk, else wait for its bell. The lane has no
//! thread of its own: it is a baton, run by whoever brings something. Boxes of memory go round in a circle; how many there
//! are bounds everything, and nothing is allocated for a line.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{Scope, ScopedJoinHandle};

use crossbeam::queue::ArrayQueue;

use crate::city::City;
use crate::effect::{Effect, Effects};
use crate::fingerprint::HashKey;
use crate::ids::{Seq, SourceId};
use crate::ingest::door::Door;
use crate::ingest::file::FileInput;
use crate::ingest::inbox::{Found, Inbox};
use crate::ingest::input::{Chunk, Input};
use crate::ingest::stream::{Patience, StreamInput};
use crate::journal::disk::RealDisk;
use crate::journal::error::JournalError;
use crate::journal::frame::FrameView;
use crate::journal::writer::Journal;
use crate::lane::Lane;
use crate::meter::{Clock, Journey, Moment};
use crate::order::{Decoded, Delivery, Next, Order, WITNESS_BYTES, WITNESSES};
use crate::publish::{Page, Press};
use crate::ring::{Baton, Bell, Consumer, Pool, Producer, Shelf, ring};
use crate::view::census::Census;

/// Where the lines come from.
pub struct Inputs {
    paths: Vec<PathBuf>,
    /// Inputs that all workers read.
    files: Vec<(u16, FileInput)>,
    /// Inputs that are read by a thread each.
    streams: Vec<(u16, StreamInput)>,
    /// Inboxes, which are emptied by a thread each.
    inboxes: Vec<(u16, Inbox)>,
}

impl Inputs {
    /// Inputs in their order, each with what it is called.
    pub fn new(inputs: Vec<(PathBuf, Input)>) -> Self {
        let mut all = Self { paths: Vec::new(), files: Vec::new(), streams: Vec::new(), inboxes: Vec::new() };
        for (number, (path, input)) in (0..).zip(inputs) {
            all.paths.push(path);
            match input {
                Input::File(file) => all.files.push((number, file)),
                Input::Stream(stream) => all.streams.push((number, stream)),
            }
        }
        all
    }

    /// The inboxes of doors, each with what it is called.
    pub fn of_doors(doors: Vec<(PathBuf, Inbox)>) -> Self {
        let (paths, inboxes): (Vec<_>, Vec<_>) = doors.into_iter().unzip();
        let inboxes = (0..).zip(inboxes).collect();
        Self { paths, files: Vec::new(), streams: Vec::new(), inboxes }
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.paths.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// How many bytes there are to read, where that is known.
    pub fn bytes(&self) -> Option<u64> {
        (self.streams.is_empty() && self.inboxes.is_empty())
            .then(|| self.files.iter().map(|(_, file)| file.bytes()).sum())
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

/// A batch whose decisions are printed: what it answers, and how it came.
#[derive(Clone, Copy, Debug)]
pub struct Published<'a> {
    /// Its first record.
    pub first: Seq,
    /// The record behind its last.
    pub next: Seq,
    /// When it passed each stage; good where lines are decided as they come.
    pub journey: &'a Journey,
    /// Whose reports it answers.
    pub census: &'a Census,
    /// Its records.
    pub frame: FrameView<'a>,
    /// What was decided about them.
    pub effects: &'a [(Seq, Effect)],
    /// The decisions as lines, those that are to be written.
    pub lines: &'a [u8],
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
    /// The clock under which lines are decided as they come, and inputs are waited on. Without one, time is that of the data.
    pub clock: Option<Clock>,
    /// Set by whoever wants the run to end after the batches under way.
    pub stop: &'a AtomicBool,
    /// Bytes of input that were ordered, for a progress display.
    pub progress: &'a AtomicU64,
}

/// Why a run cannot go on.
#[derive(Debug)]
pub enum EngineError {
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
    /// Inputs that ended before their end, in their order. What came before is decided.
    pub broken: Vec<(PathBuf, io::Error)>,
    /// The journal, if there is one.
    pub journal: Option<Journal<RealDisk>>,
}

/// How many chunks of an input may be under way: those that a jump of time may have to wait for, and some for each worker.
pub const fn chunks_under_way(chunk_bytes: usize, threads: usize) -> usize {
    WITNESS_BYTES as usize / chunk_bytes + 3 + 2 * threads
}

/// How many chunks of a stream hold the witnesses of a jump. A chunk ends with its last whole line, so one before a long line
/// may be tiny; two of them are a whole one.
const fn stream_witness_chunks(chunk_bytes: usize) -> usize {
    2 * (WITNESS_BYTES as usize / chunk_bytes)
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
    files: &'a [(u16, FileInput)],
    /// Which inputs are streams or inboxes.
    streams: Vec<usize>,
    bells: Bells,
    /// How many chunks of each input may be under way.
    under_way: Vec<u64>,
    /// Empty chunks: one for each that may be under way.
    chunks: ArrayQueue<Box<Decoded>>,
    /// Chunks of streams that were read and not decoded.
    read: ArrayQueue<Box<Decoded>>,
    /// How many chunks of each input were read, if it is a stream.
    streamed: Vec<AtomicU64>,
    /// How many streams are still read.
    readers: AtomicUsize,
    /// Why inputs could not be read to their end.
    broken: Mutex<BTreeMap<u16, io::Error>>,
    /// Nothing more is to be read, because something that was followed has come to an end.
    halted: AtomicBool,
    /// Empty batches.
    batches: Pool<Box<Batch>>,
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

/// Runs inputs through a lane. `press` takes the pages in order, and `watch` is told of each once it is printed.
///
/// # Errors
/// The first thing that failed. What was durable before stays so.
pub fn run(
    setup: &Setup<'_>,
    inputs: Inputs,
    lane: Lane,
    mut order: Order,
    journal: Option<Journal<RealDisk>>,
    press: &mut Press<'_>,
    watch: impl FnMut(&Published<'_>),
) -> Result<Finished, EngineError> {
    let empty = inputs.files.iter().filter(|(_, file)| file.chunks() == 0);
    empty.for_each(|(input, _)| order.end(usize::from(*input)));
    let Inputs { paths, files, streams, inboxes } = inputs;
    let shared = Shared::new(setup, &files, &streams, &inboxes);
    let (to_ink, from_lane) = ring(batches_under_way(setup.threads));
    let conductor = Conductor {
        lane,
        order,
        next: vec![0; paths.len()],
        batches: 0,
        ink: journal.is_some().then_some(to_ink),
        shared: &shared,
        finished: false,
    };
    let baton = Baton::new(conductor);
    let forms = press.forms();
    let journal = std::thread::scope(|scope| {
        let ink = journal.map(|journal| spawn(scope, "ink", || write_ink(&shared, journal, from_lane)));
        for _ in 0..setup.threads {
            spawn(scope, "worker", || work(&shared, &baton, forms));
        }
        let shared = &shared;
        for (input, stream) in streams {
            spawn(scope, "stream", move || read_stream(shared, input, stream));
        }
        for (input, inbox) in inboxes {
            spawn(scope, "inbox", move || read_inbox(shared, input, inbox));
        }
        publish(shared, press, watch);
        ink.map(|ink| ink.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let Conductor { lane, order, .. } = baton.into_inner();
    let complete = shared.complete.load(Ordering::Relaxed);
    match shared.failure.into_inner() {
        Some(failure) => Err(failure),
        None => {
            let broken = shared.broken.into_inner().unwrap_or_else(PoisonError::into_inner);
            let broken = broken.into_iter().map(|(input, cause)| (paths[usize::from(input)].clone(), cause)).collect();
            Ok(Finished { lane, order, complete, broken, journal })
        }
    }
}

/// What threads wait for, by who waits: whoever rings wakes nobody else. (With one bell for all, most of what was woken went to
/// sleep again, and that cost a service more than what it decided.)
#[derive(Default)]
struct Bells {
    /// For those who decode, decide and print: something was read, or is durable; or there is an empty batch again.
    workers: Bell,
    /// For those who read streams and inboxes: there is room again, or no witnesses are waited for any more.
    readers: Bell,
    /// For the ink: something was decided, or nothing more will be.
    ink: Bell,
    /// For the publisher: something is printed, or it is known how many batches there are.
    publisher: Bell,
}

impl Bells {
    /// It is over.
    fn ring_all(&self) {
        let Self { workers, readers, ink, publisher } = self;
        [workers, readers, ink, publisher].into_iter().for_each(Bell::ring);
    }
}

/// Begins a thread under a name, by which `top -H` and profilers tell it from the others.
///
/// # Panics
/// If the system gives no thread.
pub fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    std::thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, work).expect("the system gives a thread")
}

impl<'a> Shared<'a> {
    fn new(
        setup: &'a Setup<'a>,
        files: &'a [(u16, FileInput)],
        streams: &[(u16, StreamInput)],
        inboxes: &[(u16, Inbox)],
    ) -> Self {
        let inputs = files.len() + streams.len() + inboxes.len();
        let mut under_way = vec![chunks_under_way(setup.chunk_bytes, setup.threads); inputs];
        for (input, stream) in streams {
            let for_live = if stream.is_live() { WITNESSES } else { 0 };
            // It may come a line at a time: a chunk for each witness, most of them tiny.
            under_way[usize::from(*input)] += stream_witness_chunks(setup.chunk_bytes) + for_live;
        }
        let (batches, chunks) = (batches_under_way(setup.threads), under_way.iter().sum());
        let shared = Self {
            setup,
            files,
            streams: streams
                .iter()
                .map(|(input, _)| input)
                .chain(inboxes.iter().map(|(input, _)| input))
                .map(|input| usize::from(*input))
                .collect(),
            bells: Bells::default(),
            chunks: ArrayQueue::new(chunks),
            read: ArrayQueue::new(chunks),
            streamed: (0..inputs).map(|_| AtomicU64::new(0)).collect(),
            readers: AtomicUsize::new(streams.len() + inboxes.len()),
            broken: Mutex::default(),
            halted: AtomicBool::new(false),
            batches: Pool::new(batches),
            decoded: under_way.iter().map(|under_way| Shelf::new(*under_way)).collect(),
            ordered: (0..inputs).map(|_| AtomicU64::new(0)).collect(),
            under_way: under_way.into_iter().map(|chunks| chunks as u64).collect(),
            waits_for_witnesses: AtomicBool::new(false),
            durable: ArrayQueue::new(batches),
            formatted: Shelf::new(batches),
            total: OnceLock::new(),
            complete: AtomicBool::new(false),
            over: AtomicBool::new(false),
            failure: OnceLock::new(),
        };
        while shared.chunks.push(Box::default()).is_ok() {}
        (0..batches).for_each(|_| shared.put_back(Box::new(Batch::new(setup.city))));
        shared
    }

    fn fail(&self, failure: EngineError) {
        // The first failure is the one that is told; what follows from it is not.
        let _ = self.failure.set(failure);
        self.over.store(true, Ordering::Release);
        self.bells.ring_all();
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    fn is_stopped(&self) -> bool {
        self.setup.stop.load(Ordering::Relaxed) || self.halted.load(Ordering::Relaxed)
    }

    /// Notes that an input ends before its end. The first cause is the one that is told.
    fn break_off(&self, input: u16, cause: io::Error) {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).entry(input).or_insert(cause);
        if self.setup.clock.is_some() {
            // Whoever follows wants to know at once.
            self.halted.store(true, Ordering::Relaxed);
        }
    }

    /// A batch can be printed.
    fn put_durable(&self, batch: Box<Batch>) {
        assert!(self.durable.push(batch).is_ok(), "the queue has a place for every batch");
        self.bells.workers.ring();
    }

    /// Puts back an empty batch.
    fn put_back(&self, batch: Box<Batch>) {
        if self.batches.give(batch) {
            self.bells.workers.ring();
        }
    }

    /// How many chunks of an input may still be read, of which `read` were.
    fn room(&self, input: usize, read: u64) -> u64 {
        self.ordered[input].load(Ordering::Acquire) + self.under_way[input] - read
    }

    /// An empty chunk, for somebody who has room for it.
    fn empty_chunk(&self) -> Box<Decoded> {
        self.chunks.pop().expect("there are as many chunks as may be under way")
    }

    /// Takes back a chunk of which nothing is left.
    fn spend(&self, mut decoded: Box<Decoded>) {
        let input = usize::from(decoded.chunk.input);
        decoded.clear();
        let _ = self.chunks.push(decoded);
        self.make_room(input);
    }

    /// Another chunk of an input has left the order.
    fn make_room(&self, input: usize) {
        self.ordered[input].fetch_add(1, Ordering::Release);
        let is_stream = self.streams.contains(&input);
        if is_stream { &self.bells.readers } else { &self.bells.workers }.ring();
    }

    /// Reads the next chunk of a file that has room for one.
    fn read_file(&self) -> Option<Box<Decoded>> {
        let (input, file, index) = self.files.iter().find_map(|(input, file)| {
            let number = usize::from(*input);
            let limit = self.ordered[number].load(Ordering::Acquire) + self.under_way[number];
            file.claim(limit).map(|index| (*input, file, index))
        })?;
        let mut decoded = self.empty_chunk();
        decoded.chunk = match file.read(input, index, &mut decoded.frame) {
            Ok(chunk) => chunk,
            Err(cause) => {
                self.break_off(input, cause);
                file.break_off(input, index, &mut decoded.frame)
            }
        };
        decoded.journey.cut = Moment::now();
        decoded.journey.arrived = decoded.journey.cut;
        Some(decoded)
    }

    /// Takes a chunk that was read of an input, the `read`-th.
    fn hand_in(&self, input: usize, read: u64, decoded: Box<Decoded>) {
        assert!(self.read.push(decoded).is_ok(), "the queue has a place for every chunk");
        self.streamed[input].store(read, Ordering::Release);
        self.bells.workers.ring();
    }

    /// One reader less.
    fn end_reading(&self) {
        self.readers.fetch_sub(1, Ordering::Release);
        self.bells.workers.ring();
        // The others may have to end as well.
        self.bells.readers.ring();
    }

    /// Whether every chunk that was read has been taken by the lane, once no more are read.
    fn all_arrived(&self, next: &[u64], order: &Order) -> bool {
        let is_taken = |input: usize, read: u64| read == next[input] || order.has_ended(input);
        self.files.iter().all(|(input, file)| is_taken(usize::from(*input), file.claimed()))
            && self.readers.load(Ordering::Acquire) == 0
            && self.streams.iter().all(|input| is_taken(*input, self.streamed[*input].load(Ordering::Acquire)))
    }
}

/// A reader: the chunks of one stream, as they come and as long as there is room for them.
fn read_stream(shared: &Shared<'_>, input: u16, mut stream: StreamInput) {
    let _alarm = Alarm(shared);
    let (number, is_live) = (usize::from(input), stream.is_live());
    let mut read = 0;
    loop {
        let seen = shared.bells.readers.listen();
        let is_asked_to_end = || shared.is_over() || shared.is_stopped();
        // Chunks that are scarce because the order waits for witnesses are filled, so that they cannot all be used up by a line
        // each; if they are scarce for another reason, reading waits. A quiet stream is never held back.
        let scarce = 2 + stream_witness_chunks(shared.setup.chunk_bytes) as u64;
        let is_scarce = || shared.room(number, read) <= scarce;
        let has_witnesses_to_hear = || shared.waits_for_witnesses.load(Ordering::Acquire);
        let patience = || match is_asked_to_end() {
            true => Patience::None,
            false if !is_live || (is_scarce() && has_witnesses_to_hear()) => Patience::Chunk,
            false => Patience::Line,
        };
        if is_asked_to_end() {
            break;
        }
        let must_wait = is_live && is_scarce() && !has_witnesses_to_hear();
        if must_wait || shared.room(number, read) == 0 {
            shared.bells.readers.wait(seen);
            continue;
        }
        let mut decoded = shared.empty_chunk();
        decoded.chunk = match stream.read(input, &mut decoded.frame, patience) {
            Ok(Some(chunk)) => chunk,
            Ok(None) => {
                decoded.clear();
                let _ = shared.chunks.push(decoded);
                continue;
            }
            Err(cause) => {
                shared.break_off(input, cause);
                decoded.frame.clear();
                stream.break_off(input)
            }
        };
        decoded.journey.cut = Moment::now();
        decoded.journey.arrived = decoded.journey.cut;
        let is_last = decoded.chunk.last;
        read += 1;
        shared.hand_in(number, read, decoded);
        if is_last {
            break;
        }
    }
    shared.end_reading();
}

/// Empties an inbox: what has piled up becomes a chunk, as long as there is room for one. It ends when its sender does.
fn read_inbox(shared: &Shared<'_>, input: u16, mut inbox: Inbox) {
    let _alarm = Alarm(shared);
    let (number, mut read, mut at) = (usize::from(input), 0, 0);
    loop {
        let seen = shared.bells.readers.listen();
        if shared.is_over() || shared.is_stopped() {
            break;
        }
        if shared.room(number, read) == 0 {
            shared.bells.readers.wait(seen);
            continue;
        }
        let mut decoded = shared.empty_chunk();
        let Decoded { frame, deliveries, .. } = &mut *decoded;
        let found = inbox.take(shared.setup.chunk_bytes, |lines, lines_before, reply| {
            frame.push_body(lines);
            if !lines.ends_with(b"\n") {
                frame.push_body(b"\n");
            }
            deliveries.push(Delivery { end: frame.bodies().len() as u32, lines_before, reply });
        });
        let len = frame.bodies().len();
        let chunk =
            Chunk { input, index: read, bodies_at: at, lines: 0..len, end: at + len as u64, ..Chunk::default() };
        decoded.journey.cut = Moment::now();
        match found {
            Found::Nothing => {
                decoded.clear();
                let _ = shared.chunks.push(decoded);
                continue;
            }
            Found::Parcels { sent, speaker, rights } => {
                decoded.chunk = Chunk { speaker, rights, ..chunk };
                decoded.journey.arrived = sent;
            }
            Found::End => {
                decoded.chunk = Chunk { last: true, ..chunk };
                decoded.journey.arrived = decoded.journey.cut;
            }
        }
        read += 1;
        at += len as u64;
        shared.hand_in(number, read, decoded);
        if found == Found::End {
            break;
        }
    }
    shared.end_reading();
}

/// Ends the run when its thread panics, so that nobody waits for what will not come. The panic itself goes on.
struct Alarm<'a>(&'a Shared<'a>);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.over.store(true, Ordering::Release);
            self.0.bells.ring_all();
        }
    }
}

/// A worker: whatever is next.
fn work(shared: &Shared<'_>, baton: &Baton<Conductor<'_>>, forms: crate::publish::Forms<'_>) {
    let _alarm = Alarm(shared);
    let mut doors = Doors { setup: shared.setup, doors: Vec::new() };
    loop {
        let seen = shared.bells.workers.listen();
        if shared.is_over() {
            return;
        }
        if let Some(mut batch) = shared.durable.pop() {
            let Batch { page, decoded, effects, .. } = &mut *batch;
            page.set(&decoded.frame.view(), effects.as_slice(), &decoded.deliveries, forms);
            shared.formatted.put(batch.number, batch);
            shared.bells.publisher.ring();
            continue;
        }
        let decoded = decode_one(shared, &mut doors);
        baton.run(Conductor::step);
        if !decoded {
            shared.bells.workers.wait(seen);
        }
    }
}

/// A worker's doors: one for each speaker that it has heard.
struct Doors<'a> {
    setup: &'a Setup<'a>,
    doors: Vec<(Option<SourceId>, Door<'a>)>,
}

impl<'a> Doors<'a> {
    fn of(&mut self, speaker: Option<SourceId>) -> &mut Door<'a> {
        let speaker = speaker.or(self.setup.speaker);
        let known = self.doors.iter().position(|(other, _)| *other == speaker).unwrap_or_else(|| {
            self.doors.push((speaker, Door::new(self.setup.city, self.setup.key, speaker)));
            self.doors.len() - 1
        });
        &mut self.doors[known].1
    }
}

/// Decodes one chunk, if there is one and room for it. What was read of a stream is decoded even when the run is to stop.
fn decode_one(shared: &Shared<'_>, doors: &mut Doors<'_>) -> bool {
    let streamed = shared.read.pop();
    let Some(mut decoded) = streamed.or_else(|| if shared.is_stopped() { None } else { shared.read_file() }) else {
        return false;
    };
    decoded.journey.taken = Moment::now();
    decoded.filled = doors.of(decoded.chunk.speaker).fill(&decoded.chunk, &mut decoded.frame);
    decoded.journey.understood = Moment::now();
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
        let Some(mut batch) = self.shared.batches.take() else { return false };
        let ordered = self.order_next(&mut batch);
        self.tell_whether_waiting(!ordered && self.order.holds_back());
        if !ordered {
            self.shared.put_back(batch);
            self.end_if_done();
            return false;
        }
        let positions = self.order.positions();
        batch.decoded.journey.ordered = Moment::now();
        self.lane.order_and_decide(&mut batch.decoded.frame, positions, &mut batch.effects);
        batch.decoded.journey.decided = Moment::now();
        batch.decoded.journey.durable = batch.decoded.journey.decided;
        let done = positions.iter().map(|position| position.offset).sum();
        self.shared.setup.progress.store(done, Ordering::Relaxed);
        batch.number = self.batches;
        self.batches += 1;
        self.send(batch);
        true
    }

    fn tell_whether_waiting(&self, waits: bool) {
        if self.shared.waits_for_witnesses.swap(waits, Ordering::AcqRel) != waits {
            self.shared.bells.readers.ring();
        }
    }

    fn take_arrivals(&mut self) {
        for (input, next) in self.next.iter_mut().enumerate() {
            while let Some(decoded) = self.shared.decoded[input].take(*next) {
                *next += 1;
                // Behind the chunk that an input broke off at, others may have been read.
                if self.order.has_ended(input) {
                    self.shared.spend(decoded);
                } else {
                    self.order.put(decoded);
                }
            }
        }
    }

    /// Fills a batch with what is next in the order.
    fn order_next(&mut self, batch: &mut Batch) -> bool {
        let shared = self.shared;
        let next = match &shared.setup.clock {
            Some(clock) => self.order.next_as_it_comes(clock.now()),
            None => self.order.next(&mut batch.decoded.frame, |spent| shared.spend(spent)),
        };
        match next {
            Next::Wait => false,
            Next::Gathered => true,
            Next::Chunk(decoded) => {
                let input = usize::from(decoded.chunk.input);
                let empty = std::mem::replace(&mut batch.decoded, decoded);
                let _ = shared.chunks.push(empty);
                shared.make_room(input);
                true
            }
        }
    }

    fn send(&mut self, batch: Box<Batch>) {
        match &mut self.ink {
            Some(ink) => {
                assert!(ink.push(batch).is_ok(), "the ring to the ink has a place for every batch");
                self.shared.bells.ink.ring();
            }
            None => self.shared.put_durable(batch),
        }
    }

    /// At the end of all inputs, or when stopped and all that was read is decided, says how many batches there are.
    fn end_if_done(&mut self) {
        let complete = self.order.is_done();
        let stopped = self.shared.is_stopped() && self.shared.all_arrived(&self.next, &self.order);
        if complete || stopped {
            self.finished = true;
            self.ink = None;
            let is_whole = self.shared.broken.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
            self.shared.complete.store(complete && is_whole, Ordering::Relaxed);
            let _ = self.shared.total.set(self.batches);
            self.shared.bells.ink.ring();
            self.shared.bells.publisher.ring();
        }
    }
}

/// The ink: appends what the lane decided, syncs all of it at once, and lets it go on. It ends when the lane closes the ring.
fn write_ink(shared: &Shared<'_>, mut journal: Journal<RealDisk>, mut lane: Consumer<Box<Batch>>) -> Journal<RealDisk> {
    let _alarm = Alarm(shared);
    let mut pending: Vec<Box<Batch>> = Vec::with_capacity(batches_under_way(shared.setup.threads));
    loop {
        let seen = shared.bells.ink.listen();
        let closed = lane.is_closed();
        lane.take(pending.capacity(), |batch| pending.push(batch));
        if shared.is_over() || (pending.is_empty() && closed) {
            return journal;
        }
        if pending.is_empty() {
            shared.bells.ink.wait(seen);
            continue;
        }
        let frames = pending.iter_mut().map(|batch| &mut batch.decoded.frame);
        if let Err(failure) = journal.append_all(frames).and_then(|()| journal.sync()) {
            shared.fail(EngineError::Journal(failure));
            return journal;
        }
        let durable = Moment::now();
        for mut batch in pending.drain(..) {
            batch.decoded.journey.durable = durable;
            shared.put_durable(batch);
        }
    }
}

/// The publisher: writes the pages in their order, and puts the boxes back into the circle.
fn publish(shared: &Shared<'_>, press: &mut Press<'_>, mut watch: impl FnMut(&Published<'_>)) {
    let _alarm = Alarm(shared);
    let mut next = 0;
    while shared.total.get() != Some(&next) {
        let seen = shared.bells.publisher.listen();
        if shared.is_over() {
            return;
        }
        let Some(mut batch) = shared.formatted.take(next) else {
            if shared.total.get() != Some(&next) {
                shared.bells.publisher.wait(seen);
            }
            continue;
        };
        if let Err(failure) = press.print(&mut batch.page) {
            return shared.fail(EngineError::Output(failure));
        }
        batch.decoded.journey.published = Moment::now();
        let frame = batch.decoded.frame.view();
        watch(&Published {
            first: frame.header().order.first_seq,
            next: frame.header().next_seq(),
            journey: &batch.decoded.journey,
            census: &batch.page.census,
            frame,
            effects: batch.effects.as_slice(),
            lines: batch.page.lines(),
        });
        // Whoever has a receipt finds what it tells of.
        for (delivery, receipts) in batch.decoded.deliveries.iter_mut().zip(batch.page.receipts()) {
            if let Some(reply) = delivery.reply.take() {
                reply(receipts.to_vec());
            }
        }
        next += 1;
        batch.decoded.clear();
        batch.effects.clear();
        shared.put_back(batch);
    }
    shared.over.store(true, Ordering::Release);
    shared.bells.ring_all();
}
