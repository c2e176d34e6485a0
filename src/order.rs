//! The order of a run: which record is next, and what time it is by the data.
//!
//! One input keeps the order of its lines. Several are merged by (event time, input, line): always the smallest of what comes
//! next in each. Where chunks were cut, and when they were ready, never shows.
//!
//! Log time follows event time, but not every event time is believed. One that jumps ahead by more than the city allows is
//! believed only if most of the next 64 reports of its input are about as late; sparse data therefore moves on
//! at once, and one absurd time does not. A report that is not believed keeps its own time and moves nobody else's.

use std::collections::VecDeque;

use crate::fingerprint::body_hash;
use crate::ingest::door::Filled;
use crate::ingest::inbox::Reply;
use crate::ingest::input::{Chunk, line_sum};
use crate::journal::frame::{Frame, Position};
use crate::limits::LINE_BYTES_MAX;
use crate::meter::Journey;
use crate::record::{PlacedTally, SLOT, Tally, slot_body, slot_move_body};
use crate::time::At;

/// How many reports bear witness to a jump.
pub const WITNESSES: usize = 64;
/// How far ahead of a jump they are looked for, in bytes of the input. Bounds what must be held back.
pub const WITNESS_BYTES: u64 = LINE_BYTES_MAX as u64;

/// A chunk in a closed frame.
#[derive(Debug, Default)]
pub struct Decoded {
    /// Records and tallies of its lines.
    pub frame: Frame,
    /// Where it lies.
    pub chunk: Chunk,
    /// What its lines came to.
    pub filled: Filled,
    /// When it passed each stage of its way.
    pub journey: Journey,
    /// The parcels that it was made of, where it came from an inbox.
    pub deliveries: Vec<Delivery>,
    /// The input's clock after it, once it was judged.
    clock: Option<At>,
}

impl Decoded {
    /// Forgets the chunk, keeping the room.
    pub fn clear(&mut self) {
        self.frame.clear();
        self.chunk = Chunk::default();
        self.filled = Filled::default();
        self.journey = Journey::default();
        self.deliveries.clear();
        self.clock = None;
    }
}

/// A parcel of an inbox in a chunk.
pub struct Delivery {
    /// Where its lines end in the bodies.
    pub end: u32,
    /// How many lines its sender said before.
    pub lines_before: u64,
    /// Who waits for receipts.
    pub reply: Option<Reply>,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery").field("end", &self.end).field("is_awaited", &self.reply.is_some()).finish()
    }
}

/// The time before any report was believed.
const UNSET: At = At(i64::MIN);

/// One input's chunks, waiting for their turn.
#[derive(Debug, Default)]
struct Queue {
    chunks: VecDeque<Box<Decoded>>,
    /// The last chunk has come.
    ended: bool,
    /// How many of the chunks, and then of the next one's records, have had their times judged.
    judged_chunks: usize,
    judged_records: usize,
    /// The latest believed event time.
    clock: Option<At>,
}

/// What the witnesses of a jump say.
enum Verdict {
    Believed,
    Doubted,
    /// More of the input must be read.
    Open,
}

impl Queue {
    /// Judges as many records as can be judged, leaving each one's time for the order in its stamp.
    fn judge(&mut self, jump_ms: i64) {
        while self.judged_chunks < self.chunks.len() {
            let index = self.judged_chunks;
            let records = self.chunks[index].frame.records();
            while self.judged_records < records {
                let record = self.judged_records;
                let key = match self.chunks[index].frame.event_time(record) {
                    Some(time) if self.is_plain(time, jump_ms) => self.believe(time),
                    Some(time) => match self.verdict(index, record, time, jump_ms) {
                        Verdict::Believed => self.believe(time),
                        Verdict::Doubted => self.clock.unwrap_or(UNSET),
                        Verdict::Open => return,
                    },
                    None => self.clock.unwrap_or(UNSET),
                };
                self.chunks[index].frame.set_stamp(record, key);
                self.judged_records += 1;
            }
            self.chunks[index].clock = self.clock;
            self.judged_chunks += 1;
            self.judged_records = 0;
        }
    }

    /// Whether a time needs no witnesses.
    #[inline]
    fn is_plain(&self, time: At, jump_ms: i64) -> bool {
        self.clock.is_some_and(|clock| time <= clock.plus(jump_ms))
    }

    #[inline]
    fn believe(&mut self, time: At) -> At {
        self.clock = Some(self.clock.map_or(time, |clock| clock.max(time)));
        time
    }

    /// Hears the reports behind a jump: as many as bear witness, as far as they are looked for.
    #[cold]
    fn verdict(&self, index: usize, record: usize, time: At, jump_ms: i64) -> Verdict {
        let place = |decoded: &Decoded, record: usize| {
            decoded.chunk.bodies_at + u64::from(slot_body(decoded.frame.slot(record)).at)
        };
        let until = place(&self.chunks[index], record) + WITNESS_BYTES;
        let (mut heard, mut agree) = (0, 0);
        let mut seen_to_end = self.ended;
        'chunks: for (nth, decoded) in self.chunks.iter().enumerate().skip(index) {
            let from = if nth == index { record + 1 } else { 0 };
            for witness in from..decoded.frame.records() {
                if heard == WITNESSES || place(decoded, witness) > until {
                    seen_to_end = true;
                    break 'chunks;
                }
                if let Some(other) = decoded.frame.event_time(witness) {
                    heard += 1;
                    agree += usize::from(other.plus(jump_ms) >= time);
                }
            }
            seen_to_end |= decoded.chunk.end > until;
        }
        match (heard == WITNESSES || seen_to_end, heard) {
            (false, _) => Verdict::Open,
            // Nobody is left to ask: the first time of all is believed, a later jump harms least if it is not.
            (true, 0) if self.clock.is_none() => Verdict::Believed,
            (true, _) if agree * 2 > heard => Verdict::Believed,
            (true, _) => Verdict::Doubted,
        }
    }
}

/// Puts the chunks of all inputs into one order.
#[derive(Debug)]
pub struct Order {
    inputs: Vec<Queue>,
    positions: Vec<Position>,
    jump_ms: i64,
    /// What a batch of several inputs is gathered in, and where in each input's first chunk it goes on.
    cursors: Vec<Cursor>,
    /// Times for the order of the batch that is being gathered.
    keys: Vec<At>,
    batch_bytes: usize,
    /// The input that is looked at first, where they are taken as they come.
    turn: usize,
}

/// The next record or tally of an input's first chunk.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    record: usize,
    tally: usize,
    /// How many of both the input's position counts already.
    settled: usize,
    /// The latest believed time so far: the time of tallies and of records without one.
    clock: Option<At>,
}

/// What comes out of the order.
#[derive(Debug)]
pub enum Next {
    /// A chunk of a single input, as it is.
    Chunk(Box<Decoded>),
    /// A batch was gathered in the frame that was given.
    Gathered,
    /// Nothing can be said before more is read.
    Wait,
}

impl Order {
    /// For inputs that were read up to `positions`.
    pub fn new(positions: Vec<Position>, jump_ms: i64, batch_bytes: usize) -> Self {
        let queue = |position: &Position| Queue { clock: position.clock, ..Queue::default() };
        let cursor = |position: &Position| Cursor { clock: position.clock, ..Cursor::default() };
        Self {
            inputs: positions.iter().map(queue).collect(),
            cursors: positions.iter().map(cursor).collect(),
            positions,
            jump_ms,
            keys: Vec::new(),
            batch_bytes,
            turn: 0,
        }
    }

    /// How far each input is ordered.
    pub fn positions(&self) -> &[Position] {
        &self.positions
    }

    /// An input has no more chunks than it has given.
    pub fn end(&mut self, input: usize) {
        self.inputs[input].ended = true;
    }

    /// Whether an input has given its last chunk.
    pub fn has_ended(&self, input: usize) -> bool {
        self.inputs[input].ended
    }

    /// Whether all inputs have ended and nothing of them is left.
    pub fn is_done(&self) -> bool {
        self.inputs.iter().all(|input| input.ended && input.chunks.is_empty())
    }

    /// Whether chunks are held back until more of their input is heard.
    pub fn holds_back(&self) -> bool {
        self.inputs.iter().any(|input| !input.chunks.is_empty())
    }

    /// Takes the next chunk of an input.
    pub fn put(&mut self, decoded: Box<Decoded>) {
        let number = usize::from(decoded.chunk.input);
        let input = &mut self.inputs[number];
        input.ended |= decoded.chunk.last;
        if decoded.chunk.header_lines > 0 {
            self.positions[number].line = 1 + decoded.chunk.header_lines;
        }
        input.chunks.push_back(decoded);
    }

    /// What comes next of inputs that are decided as they come: whatever chunk is there, under the lane's own clock and not the
    /// data's.
    pub fn next_as_it_comes(&mut self, now: At) -> Next {
        let inputs = self.inputs.len();
        let waiting = |nth: &usize| !self.inputs[nth % inputs].chunks.is_empty();
        let Some(input) = (self.turn..self.turn + inputs).find(waiting).map(|nth| nth % inputs) else {
            return Next::Wait;
        };
        self.turn = input + 1;
        let queue = &mut self.inputs[input];
        let frame = &mut queue.chunks[0].frame;
        (0..frame.records()).for_each(|record| frame.set_stamp(record, now));
        queue.judged_chunks = 1;
        self.next_chunk(input)
    }

    /// What comes next, closed and with each record's time for the order in its stamp. With several inputs it is gathered in
    /// `batch`, an empty frame, and chunks of which nothing is left are given to `spent`.
    pub fn next(&mut self, batch: &mut Frame, spent: impl FnMut(Box<Decoded>)) -> Next {
        for input in &mut self.inputs {
            input.judge(self.jump_ms);
        }
        if self.inputs.len() == 1 { self.next_chunk(0) } else { self.gather(batch, spent) }
    }

    fn next_chunk(&mut self, input: usize) -> Next {
        let Some(mut decoded) = self.inputs[input].pop_judged() else { return Next::Wait };
        let position = &mut self.positions[input];
        decoded.frame.shift_tally_lines(position.line - 1);
        position.line += decoded.filled.lines;
        position.offset = decoded.chunk.end;
        position.clock = decoded.clock;
        position.sum = position.sum.wrapping_add(decoded.filled.sum);
        Next::Chunk(decoded)
    }

    /// Merges what is judged of all inputs, until the batch is full or an input must be waited for.
    fn gather(&mut self, batch: &mut Frame, mut spent: impl FnMut(Box<Decoded>)) -> Next {
        let mut taken = false;
        self.keys.clear();
        while batch.bodies().len() < self.batch_bytes {
            let Some(input) = self.first_of_all(&mut spent) else { break };
            self.take(input, batch);
            taken = true;
        }
        for input in 0..self.inputs.len() {
            self.settle(input);
        }
        if !taken {
            return Next::Wait;
        }
        batch.close();
        self.keys.iter().enumerate().for_each(|(record, key)| batch.set_stamp(record, *key));
        Next::Gathered
    }

    /// The input whose next item comes before all others. None if one of them must be waited for, or all are done.
    fn first_of_all(&mut self, spent: &mut impl FnMut(Box<Decoded>)) -> Option<usize> {
        let mut first: Option<(At, usize)> = None;
        for input in 0..self.inputs.len() {
            self.drop_spent(input, spent);
            let queue = &self.inputs[input];
            if queue.judged_chunks > 0 {
                let key = self.cursors[input].key(&queue.chunks[0].frame);
                first = Some(first.map_or((key, input), |known| known.min((key, input))));
            } else if !(queue.ended && queue.chunks.is_empty()) {
                return None;
            }
        }
        first.map(|(_, input)| input)
    }

    /// Gives back first chunks of which nothing is left.
    fn drop_spent(&mut self, input: usize, spent: &mut impl FnMut(Box<Decoded>)) {
        while self.inputs[input].judged_chunks > 0 && self.cursors[input].is_past(&self.inputs[input].chunks[0].frame) {
            self.settle(input);
            let decoded = self.inputs[input].pop_judged().expect("a judged chunk");
            self.positions[input].offset = decoded.chunk.end;
            let clock = self.cursors[input].clock;
            self.cursors[input] = Cursor { clock, ..Cursor::default() };
            spent(decoded);
        }
    }

    /// Copies the next item of an input into the batch.
    fn take(&mut self, input: usize, batch: &mut Frame) {
        let Decoded { frame, chunk, .. } = &*self.inputs[input].chunks[0];
        let (cursor, position) = (&mut self.cursors[input], &mut self.positions[input]);
        let mut copy = |at: u32, body: &[u8]| {
            position.sum = position.sum.wrapping_add(line_sum(body_hash(body), chunk.bodies_at + u64::from(at)));
            let copied = batch.push_body(body);
            batch.push_body(b"\n");
            copied
        };
        if cursor.at_tally(frame) {
            let tally = frame.placed_tally(cursor.tally);
            let body = &frame.bodies()[tally.body_at as usize..][..tally.body_len as usize];
            let body_at = copy(tally.body_at, body);
            let line = position.line + (cursor.record + cursor.tally - cursor.settled) as u64;
            batch.fill().1.tally(PlacedTally { body_at, tally: Tally { line, ..tally.tally }, ..tally });
            cursor.tally += 1;
        } else {
            let key = frame.stamp(cursor.record);
            let mut slot: [u8; SLOT] = *frame.slot(cursor.record);
            let body_at = slot_body(&slot).at;
            slot_move_body(&mut slot, copy(body_at, frame.body(cursor.record)));
            batch.fill().1.push_raw(&slot);
            self.keys.push(key);
            if frame.event_time(cursor.record) == Some(key) {
                cursor.clock = cursor.clock.max(Some(key));
            }
            cursor.record += 1;
        }
    }

    /// Notes how far an input was taken: its next line, and where that begins.
    fn settle(&mut self, input: usize) {
        let (queue, cursor, position) = (&self.inputs[input], &mut self.cursors[input], &mut self.positions[input]);
        let Some(decoded) = queue.chunks.front() else { return };
        position.line += (cursor.record + cursor.tally - cursor.settled) as u64;
        cursor.settled = cursor.record + cursor.tally;
        position.clock = cursor.clock;
        if cursor.settled == 0 {
            return;
        }
        position.offset = match cursor.is_past(&decoded.frame) {
            true => decoded.chunk.end,
            false => decoded.chunk.bodies_at + u64::from(cursor.next_body(&decoded.frame)),
        };
    }
}

impl Queue {
    fn pop_judged(&mut self) -> Option<Box<Decoded>> {
        self.judged_chunks = self.judged_chunks.checked_sub(1)?;
        self.chunks.pop_front()
    }
}

impl Cursor {
    fn is_past(&self, frame: &Frame) -> bool {
        self.record == frame.records() && self.tally == frame.tallies()
    }

    /// Whether the next item is a tally.
    fn at_tally(&self, frame: &Frame) -> bool {
        self.tally < frame.tallies() && frame.placed_tally(self.tally).before as usize <= self.record
    }

    /// When the next item comes in the order.
    fn key(&self, frame: &Frame) -> At {
        if self.at_tally(frame) { self.clock.unwrap_or(UNSET) } else { frame.stamp(self.record) }
    }

    /// Where the next item's line begins.
    fn next_body(&self, frame: &Frame) -> u32 {
        if self.at_tally(frame) {
            frame.placed_tally(self.tally).body_at
        } else {
            slot_body(frame.slot(self.record)).at
        }
    }
}
