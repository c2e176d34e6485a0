//! One batch of records as it lies in the journal: filled by a worker, ordered by the lane, sealed by the writer.
//!
//! All parts lie in one buffer, little-endian, so that a frame is one write and an input is read straight into it:
//!
//! | part | bytes | covered by |
//! |---|---|---|
//! | header | 128 | its own checksum, whose last value chains the next frame |
//! | bodies | as said in the header, zeros to a multiple of 8 | checksum of the bodies, taken by the worker |
//! | slots | [`SLOT`] a record | checksum of the slots, taken by the worker |
//! | tallies | [`TALLY_SLOT`] each, zeros to a multiple of 8 | checksum of the rest, taken when the frame is sealed |
//! | stamps | 8 a record: its log time | the same |
//! | positions | 32 an input: where its next unread line begins | the same |
//! | padding | zeros to a multiple of [`BLOCK`] | must be zero |
//!
//! Every bit of a frame is covered, so any one that flips is noticed. Checksums are CRC-32C. They find accidents; they are
//! no signature.

use std::fmt;
use std::ops::Range;

use crate::effect::Digest;
use crate::ids::Seq;
use crate::record::{
    self, BodyRef, Input, Origin, PlacedTally, Record, SLOT, TALLY_SLOT, encode_slot, slot_body, slot_event_time,
    tally_slot_shift_line,
};
use crate::time::At;

use super::buffer::{AlignedBuf, BLOCK};
use super::segment::SEGMENT_BYTES;

/// Bytes of a frame's header. It lies within one 512-byte sector, so a torn write leaves it whole or absent.
pub const HEADER: usize = 128;
/// Bytes of an input's position.
pub const POSITION: usize = 32;
/// Bytes of a record's stamp.
const STAMP: usize = size_of::<i64>();
/// Most bytes that a frame may take in a journal of default segments: a segment without its header block.
pub const FRAME_BYTES_MAX: usize = SEGMENT_BYTES as usize - BLOCK;

/// The first bytes of every frame: no UTF-8 text contains them.
const MAGIC: u32 = u32::from_le_bytes([0xf5, b'p', b'd', b'F']);
/// "No time is known", in a position.
const NO_TIME: i64 = i64::MIN;

// Offsets in the header.
const AT_MAGIC: usize = 0;
const AT_KIND: usize = 4;
const AT_SALT: usize = 8;
const AT_FIRST_SEQ: usize = 16;
const AT_DURABLE: usize = 24;
const AT_DIGEST: usize = 32;
const AT_CITY: usize = 40;
const AT_MIND: usize = 48;
const AT_RECORDS: usize = 52;
const AT_TALLIES: usize = 56;
const AT_POSITIONS: usize = 60;
const AT_BODIES: usize = 64;
const AT_BODIES_SUM: usize = 68;
const AT_SLOTS_SUM: usize = 72;
const AT_REST_SUM: usize = 76;
const AT_BEFORE: usize = 80;
const AT_INDEX: usize = 88;
const AT_DURABLE_FRAMES: usize = 96;
const AT_PREV: usize = 104;
// 108 .. 124 is free and zero.
const AT_HEADER_SUM: usize = HEADER - 4;

pub(super) fn put_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

pub(super) fn put_u64(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

#[inline]
pub(super) fn get_u32(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

#[inline]
pub(super) fn get_u64(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

#[inline]
fn get_at(bytes: &[u8], at: usize) -> At {
    At(get_u64(bytes, at).cast_signed())
}

/// CRC-32C.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// The same of bytes that come piece by piece.
pub(super) struct Checksum(crc_fast::Digest);

impl Default for Checksum {
    fn default() -> Self {
        Self(crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi))
    }
}

impl Checksum {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn end(self) -> u32 {
        self.0.finalize() as u32
    }
}

/// What a frame holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Records, tallies and the positions of the inputs behind them.
    Records = 1,
    /// What a run was started with, as JSON in the bodies.
    Manifest = 2,
    /// That a run ended, and how, as JSON in the bodies.
    End = 3,
}

impl Kind {
    const fn from_code(code: u32) -> Option<Self> {
        match code {
            1 => Some(Self::Records),
            2 => Some(Self::Manifest),
            3 => Some(Self::End),
            _ => None,
        }
    }
}

/// Why some bytes are not a frame, or not one that this version can read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields of a mismatch are what the header says and what is there")]
pub enum FrameError {
    /// The bytes do not begin as a frame does.
    Magic,
    /// The bytes end before the frame does.
    Short { said: u64, there: u64 },
    /// The header's checksum does not fit the header.
    HeaderSum { said: u32, found: u32 },
    /// The kind of frame is not known to this version.
    Kind { code: u32 },
    /// A frame that is not of records says that it holds some.
    Shape { records: u32, tallies: u32 },
    /// The sequence numbers run beyond what 64 bits can count.
    SeqOverflow,
    /// The bodies do not fit their checksum.
    BodiesSum { said: u32, found: u32 },
    /// The slots do not fit their checksum.
    SlotsSum { said: u32, found: u32 },
    /// Tallies, stamps and positions do not fit their checksum.
    RestSum { said: u32, found: u32 },
    /// The padding at this offset is not zero.
    Padding { at: usize },
    /// The slot at this offset says nothing that this version knows.
    UnknownSlot { at: usize },
    /// The slot at this offset points to a body outside the frame's bodies, or to an id outside its body.
    BodyOutside { at: usize },
    /// The tally at this offset stands before the one that precedes it, or behind the last record.
    TallyPlace { at: usize },
    /// The frame belongs to another segment, or to an earlier use of this file.
    Salt { said: u64, expected: u64 },
    /// The frame does not follow the one before it.
    Chain { said: u32, expected: u32 },
    /// The frame begins at another record than the one that is due.
    FirstSeq { said: u64, expected: u64 },
    /// The frame is not the one that is due.
    Index { said: u64, expected: u64 },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Magic => write!(f, "no frame begins here"),
            Self::Short { said, there } => write!(f, "the frame needs {said} bytes, {there} are there"),
            Self::HeaderSum { said, found } => write!(f, "header checksum is {said:08x}, computed {found:08x}"),
            Self::Kind { code } => write!(f, "unknown kind of frame {code}; a newer paidan may have written it"),
            Self::Shape { records, tallies } => {
                write!(f, "a frame without records says it holds {records} and {tallies} tallies")
            }
            Self::SeqOverflow => write!(f, "sequence numbers run beyond 64 bits"),
            Self::BodiesSum { said, found } => write!(f, "checksum of the bodies is {said:08x}, computed {found:08x}"),
            Self::SlotsSum { said, found } => write!(f, "checksum of the slots is {said:08x}, computed {found:08x}"),
            Self::RestSum { said, found } => {
                write!(f, "checksum of tallies, stamps and positions is {said:08x}, computed {found:08x}")
            }
            Self::Padding { at } => write!(f, "padding is not zero at byte {at} of the frame"),
            Self::UnknownSlot { at } => {
                write!(f, "unknown slot at byte {at} of the frame; a newer paidan may have written it")
            }
            Self::BodyOutside { at } => write!(f, "the slot at byte {at} of the frame points outside its bodies"),
            Self::TallyPlace { at } => write!(f, "the tally at byte {at} of the frame is out of place"),
            Self::Salt { said, expected } => write!(f, "salt is {said:016x}, this segment's is {expected:016x}"),
            Self::Chain { said, expected } => {
                write!(f, "follows a frame with checksum {said:08x}, the one before it has {expected:08x}")
            }
            Self::FirstSeq { said, expected } => write!(f, "begins at record {said}, record {expected} is due"),
            Self::Index { said, expected } => write!(f, "is frame {said} of the log, frame {expected} is due"),
        }
    }
}

impl std::error::Error for FrameError {}

impl FrameError {
    /// Whether the header's checksum fits and yet the header cannot be read: no crash does that.
    pub(super) const fn is_of_whole_header(self) -> bool {
        matches!(self, Self::Kind { .. } | Self::Shape { .. } | Self::SeqOverflow)
    }
}

/// What the header of a frame says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// What the frame holds.
    pub kind: Kind,
    /// How many records.
    pub records: u32,
    /// How many tallies.
    pub tallies: u32,
    /// How many positions of inputs.
    pub positions: u32,
    /// Bytes of the bodies.
    pub bodies: u32,
    /// Where the frame stands in the log and what was known before it.
    pub order: Order,
    /// What the writer added.
    pub ink: Ink,
    bodies_sum: u32,
    slots_sum: u32,
    rest_sum: u32,
    /// The header's own checksum: the next frame's [`Ink::prev`].
    pub sum: u32,
}

/// Where a frame stands in the log, and what was known before its first record. The lane decides it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Order {
    /// The first record (or tally) of the frame; the next one to come where the frame holds none.
    pub first_seq: Seq,
    /// Log time before the frame, so that a tally that leads the frame has one, wherever the batch was cut.
    pub at_before: At,
    /// Digest of all effects before the frame.
    pub digest: Digest,
    /// Version of the city that understood the reports.
    pub city: u64,
    /// Version of the mind that decides.
    pub mind: u32,
}

/// What the writer adds when it seals a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ink {
    /// Salt of the segment that the frame lies in.
    pub salt: u64,
    /// Checksum of the header of the frame before, which chains the frames.
    pub prev: u32,
    /// How many frames of the log come before this one.
    pub index: u64,
    /// How many frames of the log were known to be on the disk when this one was sealed.
    pub durable_frames: u64,
    /// The last record that was known to be on the disk then.
    pub durable: Seq,
}

/// Offsets of the parts of a frame, as numbers that a hostile header cannot make wrap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Layout {
    bodies_end: u64,
    slots: u64,
    tallies: u64,
    stamps: u64,
    positions: u64,
    end: u64,
    padded: u64,
}

impl Layout {
    fn of(bodies: u32, records: u32, tallies: u32, positions: u32) -> Self {
        let bodies_end = HEADER as u64 + u64::from(bodies);
        let slots = bodies_end.next_multiple_of(8);
        let tallies_at = slots + u64::from(records) * SLOT as u64;
        let stamps = (tallies_at + u64::from(tallies) * TALLY_SLOT as u64).next_multiple_of(8);
        let positions_at = stamps + u64::from(records) * STAMP as u64;
        let end = positions_at + u64::from(positions) * POSITION as u64;
        let padded = end.next_multiple_of(BLOCK as u64);
        Self { bodies_end, slots, tallies: tallies_at, stamps, positions: positions_at, end, padded }
    }
}

impl Header {
    const EMPTY: Self = Self {
        kind: Kind::Records,
        records: 0,
        tallies: 0,
        positions: 0,
        bodies: 0,
        order: Order { first_seq: Seq(0), at_before: At(0), digest: Digest(0), city: 0, mind: 0 },
        ink: Ink { salt: 0, prev: 0, index: 0, durable_frames: 0, durable: Seq(0) },
        bodies_sum: 0,
        slots_sum: 0,
        rest_sum: 0,
        sum: 0,
    };

    /// Reads the header at the start of `bytes` and checks it against its own checksum; nothing behind it is looked at.
    ///
    /// # Errors
    /// If the bytes do not begin with a header that this version can read.
    pub fn parse(bytes: &[u8]) -> Result<Self, FrameError> {
        let Some(bytes) = bytes.get(..HEADER) else {
            return Err(FrameError::Short { said: HEADER as u64, there: bytes.len() as u64 });
        };
        if get_u32(bytes, AT_MAGIC) != MAGIC {
            return Err(FrameError::Magic);
        }
        let (said, found) = (get_u32(bytes, AT_HEADER_SUM), checksum(&bytes[..AT_HEADER_SUM]));
        if said != found {
            return Err(FrameError::HeaderSum { said, found });
        }
        let code = get_u32(bytes, AT_KIND);
        let header = Self { kind: Kind::from_code(code).ok_or(FrameError::Kind { code })?, ..Self::decode(bytes) };
        header.check()?;
        Ok(header)
    }

    /// The salt that the header at the start of `bytes` says, if they begin as a frame does, whole or not.
    pub(super) fn salt_said(bytes: &[u8]) -> Option<u64> {
        (bytes.len() >= HEADER && get_u32(bytes, AT_MAGIC) == MAGIC).then(|| get_u64(bytes, AT_SALT))
    }

    fn decode(bytes: &[u8]) -> Self {
        Self {
            kind: Kind::Records,
            records: get_u32(bytes, AT_RECORDS),
            tallies: get_u32(bytes, AT_TALLIES),
            positions: get_u32(bytes, AT_POSITIONS),
            bodies: get_u32(bytes, AT_BODIES),
            order: Order {
                first_seq: Seq(get_u64(bytes, AT_FIRST_SEQ)),
                at_before: get_at(bytes, AT_BEFORE),
                digest: Digest(get_u64(bytes, AT_DIGEST)),
                city: get_u64(bytes, AT_CITY),
                mind: get_u32(bytes, AT_MIND),
            },
            ink: Ink {
                salt: get_u64(bytes, AT_SALT),
                prev: get_u32(bytes, AT_PREV),
                index: get_u64(bytes, AT_INDEX),
                durable_frames: get_u64(bytes, AT_DURABLE_FRAMES),
                durable: Seq(get_u64(bytes, AT_DURABLE)),
            },
            bodies_sum: get_u32(bytes, AT_BODIES_SUM),
            slots_sum: get_u32(bytes, AT_SLOTS_SUM),
            rest_sum: get_u32(bytes, AT_REST_SUM),
            sum: get_u32(bytes, AT_HEADER_SUM),
        }
    }

    /// Writes the header into [`HEADER`] bytes, and sets its checksum.
    pub(super) fn encode(&mut self, bytes: &mut [u8]) {
        bytes.fill(0);
        put_u32(bytes, AT_MAGIC, MAGIC);
        put_u32(bytes, AT_KIND, self.kind as u32);
        put_u64(bytes, AT_SALT, self.ink.salt);
        put_u64(bytes, AT_FIRST_SEQ, self.order.first_seq.0);
        put_u64(bytes, AT_DURABLE, self.ink.durable.0);
        put_u64(bytes, AT_DIGEST, self.order.digest.0);
        put_u64(bytes, AT_CITY, self.order.city);
        put_u32(bytes, AT_MIND, self.order.mind);
        put_u32(bytes, AT_RECORDS, self.records);
        put_u32(bytes, AT_TALLIES, self.tallies);
        put_u32(bytes, AT_POSITIONS, self.positions);
        put_u32(bytes, AT_BODIES, self.bodies);
        put_u32(bytes, AT_BODIES_SUM, self.bodies_sum);
        put_u32(bytes, AT_SLOTS_SUM, self.slots_sum);
        put_u32(bytes, AT_REST_SUM, self.rest_sum);
        put_u64(bytes, AT_BEFORE, self.order.at_before.0.cast_unsigned());
        put_u64(bytes, AT_INDEX, self.ink.index);
        put_u64(bytes, AT_DURABLE_FRAMES, self.ink.durable_frames);
        put_u32(bytes, AT_PREV, self.ink.prev);
        self.sum = checksum(&bytes[..AT_HEADER_SUM]);
        put_u32(bytes, AT_HEADER_SUM, self.sum);
    }

    fn check(&self) -> Result<(), FrameError> {
        if self.kind != Kind::Records && (self.records, self.tallies) != (0, 0) {
            return Err(FrameError::Shape { records: self.records, tallies: self.tallies });
        }
        self.order.first_seq.0.checked_add(self.seqs()).map(|_| ()).ok_or(FrameError::SeqOverflow)
    }

    /// How many sequence numbers the frame covers.
    #[inline]
    pub const fn seqs(&self) -> u64 {
        self.records as u64 + self.tallies as u64
    }

    /// The record that is due after this frame.
    #[inline]
    pub const fn next_seq(&self) -> Seq {
        Seq(self.order.first_seq.0 + self.seqs())
    }

    /// Bytes of the whole frame, with its padding.
    pub fn frame_bytes(&self) -> u64 {
        self.layout().padded
    }

    fn layout(&self) -> Layout {
        Layout::of(self.bodies, self.records, self.tallies, self.positions)
    }

    /// Where the part behind the bodies lies, without the padding, in bytes from the start of the frame.
    pub(super) fn behind_bodies(&self) -> Range<u64> {
        self.layout().slots..self.layout().end
    }
}

/// How far an input was read when a frame was ordered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Position {
    /// Where the next unread line begins, in bytes from the start of the input.
    pub offset: u64,
    /// The number of that line, counted from 1.
    pub line: u64,
    /// The input's own log clock.
    pub clock: Option<At>,
    /// Sum over the input's lines before `offset`, to recognise it when it is read again.
    pub sum: u64,
}

impl Position {
    fn encode(&self, bytes: &mut [u8]) {
        put_u64(bytes, 0, self.offset);
        put_u64(bytes, 8, self.line);
        put_u64(bytes, 16, self.clock.map_or(NO_TIME, |clock| clock.0).cast_unsigned());
        put_u64(bytes, 24, self.sum);
    }

    fn decode(bytes: &[u8]) -> Self {
        let clock = get_at(bytes, 16);
        let clock = (clock.0 != NO_TIME).then_some(clock);
        Self { offset: get_u64(bytes, 0), line: get_u64(bytes, 8), clock, sum: get_u64(bytes, 24) }
    }
}

/// The slots and tallies of a frame that is being filled.
#[derive(Debug, Default)]
pub struct Slots {
    slots: Vec<u8>,
    tallies: Vec<u8>,
}

impl Slots {
    /// How many records were pushed.
    #[inline]
    pub fn records(&self) -> usize {
        self.slots.len() / SLOT
    }

    /// How many tallies were pushed.
    #[inline]
    pub fn tallies(&self) -> usize {
        self.tallies.len() / TALLY_SLOT
    }

    /// Appends a record.
    ///
    /// # Panics
    /// If the input is a tally; see [`Slots::tally`].
    #[inline]
    pub fn push(&mut self, origin: &Origin, input: &Input) {
        let at = self.slots.len();
        self.slots.resize(at + SLOT, 0);
        encode_slot(origin, input, &mut self.slots[at..]);
    }

    /// Appends a record that was encoded before.
    #[inline]
    pub fn push_raw(&mut self, slot: &[u8; SLOT]) {
        self.slots.extend_from_slice(slot);
    }

    /// Appends a tally behind the records that were pushed so far, whatever place it names itself.
    #[inline]
    pub fn tally(&mut self, tally: PlacedTally) {
        let mut slot = [0; TALLY_SLOT];
        PlacedTally { before: self.records() as u32, ..tally }.encode(&mut slot);
        self.tallies.extend_from_slice(&slot);
    }

    fn clear(&mut self) {
        self.slots.clear();
        self.tallies.clear();
    }
}

/// A frame on its way: filled ([`Frame::bodies_space`], [`Frame::fill`]) and closed by a worker, stamped and ordered by the
/// lane, sealed and written by the journal. It is cleared and used again, and then allocates nothing.
#[derive(Debug)]
pub struct Frame {
    buffer: AlignedBuf,
    slots: Slots,
    header: Header,
    closed: Option<Layout>,
}

impl Default for Frame {
    fn default() -> Self {
        Self::new()
    }
}

impl Frame {
    /// An empty frame, open for bodies and records.
    pub fn new() -> Self {
        let mut buffer = AlignedBuf::new();
        buffer.space(HEADER);
        Self { buffer, slots: Slots::default(), header: Header::EMPTY, closed: None }
    }

    /// A closed frame that holds no records, but a JSON text.
    pub fn document(kind: Kind, json: &[u8]) -> Self {
        let mut frame = Self::new();
        frame.push_body(json);
        frame.close();
        frame.header.kind = kind;
        frame
    }

    /// Forgets everything and opens the frame again, keeping its room.
    pub fn clear(&mut self) {
        self.buffer.truncate(HEADER);
        self.slots.clear();
        self.header = Header::EMPTY;
        self.closed = None;
    }

    // --- Filling -------------------------------------------------------------------------------------------------------

    /// Appends `len` bytes to the bodies and returns them to be filled. What they hold until then is unspecified.
    pub fn bodies_space(&mut self, len: usize) -> &mut [u8] {
        self.assert_open();
        self.buffer.space(len)
    }

    /// Forgets the bodies from `len` on.
    pub fn truncate_bodies(&mut self, len: usize) {
        self.assert_open();
        self.buffer.truncate(HEADER + len);
    }

    /// Appends a copy of a body, and returns where it begins.
    pub fn push_body(&mut self, body: &[u8]) -> u32 {
        self.assert_open();
        let at = self.buffer.len() - HEADER;
        self.buffer.extend(body);
        u32::try_from(at).expect("a frame's bodies are far below 4 GiB")
    }

    /// The bodies, and where the records found in them go.
    pub fn fill(&mut self) -> (&[u8], &mut Slots) {
        self.assert_open();
        (&self.buffer.as_slice()[HEADER..], &mut self.slots)
    }

    /// Puts slots and tallies behind the bodies, makes room for the stamps, and takes the checksums that a worker can take.
    ///
    /// # Panics
    /// If the bodies have 4 GiB or more.
    pub fn close(&mut self) {
        self.assert_open();
        let count = |count: usize| u32::try_from(count).expect("a frame counts far below 2^32 of anything");
        self.header.bodies = count(self.buffer.len() - HEADER);
        self.header.records = count(self.slots.records());
        self.header.tallies = count(self.slots.tallies());
        let layout = self.header.layout();
        self.buffer.reserve(layout.padded as usize - self.buffer.len());
        self.buffer.pad_to(8);
        self.buffer.extend(&self.slots.slots);
        self.buffer.extend(&self.slots.tallies);
        self.buffer.pad_to(8);
        self.buffer.space(self.slots.records() * STAMP).fill(0);
        self.header.bodies_sum = checksum(&self.buffer.as_slice()[HEADER..layout.slots as usize]);
        self.header.slots_sum = checksum(&self.buffer.as_slice()[layout.slots as usize..layout.tallies as usize]);
        self.closed = Some(layout);
    }

    fn assert_open(&self) {
        assert!(self.closed.is_none(), "a closed frame takes no more bodies or records; clear it first");
    }

    // --- Reading, whether open or closed -------------------------------------------------------------------------------

    /// The bodies: the text of the batch.
    #[inline]
    pub fn bodies(&self) -> &[u8] {
        let end = self.closed.map_or(self.buffer.len(), |layout| layout.bodies_end as usize);
        &self.buffer.as_slice()[HEADER..end]
    }

    /// How many records the frame holds.
    #[inline]
    pub fn records(&self) -> usize {
        self.slots.records()
    }

    /// How many tallies the frame holds.
    #[inline]
    pub fn tallies(&self) -> usize {
        self.slots.tallies()
    }

    /// When record `i` happened, if its source said so.
    #[inline]
    pub fn event_time(&self, i: usize) -> Option<At> {
        slot_event_time(self.slot(i))
    }

    /// The body of record `i`.
    ///
    /// # Panics
    /// If the record was pushed with a body that does not lie within the frame's bodies.
    #[inline]
    pub fn body(&self, i: usize) -> &[u8] {
        let body = slot_body(self.slot(i));
        &self.bodies()[body.at as usize..][..body.len as usize]
    }

    /// Record `i` as it was encoded.
    #[inline]
    pub fn slot(&self, i: usize) -> &[u8; SLOT] {
        nth(&self.slots.slots, i)
    }

    /// Tally `i`. Once the frame is closed, its line is the one that [`Frame::shift_tally_lines`] made of it.
    ///
    /// # Panics
    /// Never for a frame filled through [`Slots::tally`], which encodes only what it can decode.
    pub fn placed_tally(&self, i: usize) -> PlacedTally {
        let slot = match self.closed {
            None => nth(&self.slots.tallies, i),
            Some(layout) => nth(&self.buffer.as_slice()[layout.tallies as usize..], i),
        };
        PlacedTally::decode(slot).expect("a frame holds what was pushed into it")
    }

    // --- Ordering: after `close` ---------------------------------------------------------------------------------------

    /// Gives record `i` its log time.
    #[inline]
    pub fn set_stamp(&mut self, i: usize, at: At) {
        let from = self.stamp_at(i);
        put_u64(self.buffer.as_mut_slice(), from, at.0.cast_unsigned());
    }

    /// The log time of record `i`.
    #[inline]
    pub fn stamp(&self, i: usize) -> At {
        get_at(self.buffer.as_slice(), self.stamp_at(i))
    }

    #[inline]
    fn stamp_at(&self, i: usize) -> usize {
        assert!(i < self.records(), "only a record has a stamp");
        self.layout().stamps as usize + i * STAMP
    }

    /// Turns the lines of tallies, counted from 1 within the batch, into lines of the input, of which `lines_before` came
    /// earlier. The worker's checksums do not cover tallies, so this costs no second one.
    pub fn shift_tally_lines(&mut self, lines_before: u64) {
        let (from, len) = (self.layout().tallies as usize, self.tallies() * TALLY_SLOT);
        for slot in self.buffer.as_mut_slice()[from..from + len].chunks_exact_mut(TALLY_SLOT) {
            tally_slot_shift_line(slot, lines_before);
        }
    }

    /// Says how far each input was read. May be called again; the last call holds.
    pub fn set_positions(&mut self, positions: &[Position]) {
        self.buffer.truncate(self.layout().positions as usize);
        for position in positions {
            position.encode(self.buffer.space(POSITION));
        }
        self.header.positions = u32::try_from(positions.len()).expect("inputs are counted in 16 bits");
        self.closed = Some(self.header.layout());
    }

    /// Gives the frame its place in the log.
    pub fn set_order(&mut self, order: Order) {
        self.header.order = order;
    }

    /// What the header says so far; the writer's part only once it is sealed.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// How many bytes the frame takes in the journal.
    pub fn frame_bytes(&self) -> u64 {
        self.layout().padded
    }

    /// The closed frame as its readers will see it; the writer's part of the header only once it is sealed.
    #[inline]
    pub fn view(&self) -> FrameView<'_> {
        FrameView { bytes: self.buffer.as_slice(), header: self.header, layout: self.layout(), left_out: 0 }
    }

    #[inline]
    fn layout(&self) -> Layout {
        self.closed.expect("a frame is closed before it is ordered")
    }

    // --- Sealing -------------------------------------------------------------------------------------------------------

    /// Writes the header; returns its checksum, which chains the next frame. A frame may be sealed again with other ink.
    pub fn seal(&mut self, ink: Ink) -> u32 {
        let layout = self.layout();
        self.buffer.truncate(layout.end as usize);
        self.header.rest_sum = checksum(&self.buffer.as_slice()[layout.tallies as usize..]);
        self.buffer.pad_to(BLOCK);
        self.header.ink = ink;
        self.header.encode(&mut self.buffer.as_mut_slice()[..HEADER]);
        self.header.sum
    }

    /// The sealed frame: whole blocks at an aligned address.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.as_slice()
    }
}

/// The first byte that is not zero, of at most a block.
pub(super) fn first_not_zero(bytes: &[u8]) -> Option<usize> {
    // Nearly always there is none, and a comparison of the whole is quicker than a search.
    const ZEROS: [u8; BLOCK] = [0; BLOCK];
    if bytes == &ZEROS[..bytes.len()] { None } else { bytes.iter().position(|&byte| byte != 0) }
}

/// Makes some bytes say that they are a frame, checksums and all, as far as they are long enough: what no accident does, so
/// that what lies behind the checksums can be tried too.
#[cfg(any(test, fuzzing))]
pub(crate) fn forge(bytes: &mut [u8], ink: Ink) {
    let Some(header_bytes) = bytes.get(..HEADER) else { return };
    let mut header = Header::decode(header_bytes);
    header.kind = Kind::from_code(get_u32(header_bytes, AT_KIND) % 4).unwrap_or(Kind::Records);
    header.ink = ink;
    let layout = header.layout();
    if layout.padded <= bytes.len() as u64 {
        let sum = |from: u64, to: u64| checksum(&bytes[from as usize..to as usize]);
        header.bodies_sum = sum(HEADER as u64, layout.slots);
        header.slots_sum = sum(layout.slots, layout.tallies);
        header.rest_sum = sum(layout.tallies, layout.end);
        bytes[layout.end as usize..layout.padded as usize].fill(0);
    }
    header.encode(&mut bytes[..HEADER]);
}

/// The `i`-th array of `bytes`.
#[inline]
fn nth<const N: usize>(bytes: &[u8], i: usize) -> &[u8; N] {
    bytes[i * N..].first_chunk().expect("the index is below the frame's count")
}

/// A frame that is read: from the journal, where every length was checked against the bytes, or before it is written.
#[derive(Clone, Copy, Debug)]
pub struct FrameView<'a> {
    /// The frame; what follows it is never looked at.
    bytes: &'a [u8],
    header: Header,
    layout: Layout,
    /// How many bytes of bodies were left in the file: what follows them lies that much nearer to the header here.
    left_out: usize,
}

impl<'a> FrameView<'a> {
    /// Reads the frame at the start of `bytes`, and checks every bit of it.
    ///
    /// # Errors
    /// If the bytes are no whole frame, or any checksum does not fit.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FrameError> {
        let header = Header::parse(bytes)?;
        let layout = header.layout();
        let there = bytes.len() as u64;
        let Some(bytes) = usize::try_from(layout.padded).ok().and_then(|len| bytes.get(..len)) else {
            return Err(FrameError::Short { said: layout.padded, there });
        };
        let view = Self { bytes, header, layout, left_out: 0 };
        let found = checksum(view.part(HEADER as u64, layout.slots));
        if found != header.bodies_sum {
            return Err(FrameError::BodiesSum { said: header.bodies_sum, found });
        }
        view.check_behind_bodies()?;
        match first_not_zero(view.part(layout.end, layout.padded)) {
            Some(at) => Err(FrameError::Padding { at: layout.end as usize + at }),
            None => Ok(view),
        }
    }

    /// Reads a frame of which `bytes` hold the header and, right behind it, what follows the bodies; checks every bit of that.
    ///
    /// # Errors
    /// If bytes are missing, or a checksum does not fit.
    pub(super) fn parse_without_bodies(bytes: &'a [u8], header: Header) -> Result<Self, FrameError> {
        let view = Self::checked_without_bodies(bytes, header);
        let there = (bytes.len() + view.left_out) as u64;
        if there < header.layout().end {
            return Err(FrameError::Short { said: header.layout().end, there });
        }
        view.check_behind_bodies()?;
        Ok(view)
    }

    /// A frame that was parsed before, without checking it again.
    pub(super) fn checked(bytes: &'a [u8], header: Header) -> Self {
        Self { bytes, header, layout: header.layout(), left_out: 0 }
    }

    /// As [`FrameView::checked`], where the bodies were left in the file.
    pub(super) fn checked_without_bodies(bytes: &'a [u8], header: Header) -> Self {
        let left_out = header.behind_bodies().start as usize - HEADER;
        let layout = Layout::of(0, header.records, header.tallies, header.positions);
        Self { bytes, header, layout, left_out }
    }

    fn check_behind_bodies(&self) -> Result<(), FrameError> {
        let Header { slots_sum, rest_sum, .. } = self.header;
        let found = checksum(self.part(self.layout.slots, self.layout.tallies));
        if found != slots_sum {
            return Err(FrameError::SlotsSum { said: slots_sum, found });
        }
        let found = checksum(self.part(self.layout.tallies, self.layout.end));
        if found != rest_sum {
            return Err(FrameError::RestSum { said: rest_sum, found });
        }
        Ok(())
    }

    #[inline]
    fn part(&self, from: u64, to: u64) -> &'a [u8] {
        &self.bytes[from as usize..to as usize]
    }

    /// What the header says.
    #[inline]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Bytes of the frame, with its padding.
    pub fn frame_bytes(&self) -> u64 {
        self.header.frame_bytes()
    }

    /// The text of the batch; the JSON of a manifest or an end. Empty where the bodies were left in the file.
    #[inline]
    pub fn bodies(&self) -> &'a [u8] {
        self.part(HEADER as u64, self.layout.bodies_end)
    }

    /// The text that a record of this frame points to; empty for a record of another frame that points outside.
    #[inline]
    pub fn body(&self, body: BodyRef) -> &'a [u8] {
        let from = body.at as usize;
        self.bodies().get(from..).and_then(|rest| rest.get(..body.len as usize)).unwrap_or_default()
    }

    /// The slots of the records, not yet read: for whoever looks for a few among many.
    pub fn slots(&self) -> &'a [[u8; SLOT]] {
        self.part(self.layout.slots, self.layout.tallies).as_chunks().0
    }

    /// How far each input was read behind this frame.
    pub fn positions(&self) -> impl ExactSizeIterator<Item = Position> + use<'a> {
        self.part(self.layout.positions, self.layout.end).chunks_exact(POSITION).map(Position::decode)
    }

    /// Log time behind the frame: that of its last record, or the one before the frame where it has none.
    pub fn at_after(&self) -> At {
        match self.header.records as usize {
            0 => self.header.order.at_before,
            records => self.stamp(records - 1),
        }
    }

    /// Records and tallies in the order of the log.
    ///
    /// A tally has the log time of the record before it, in whichever frame that is; so batch boundaries never show.
    #[inline]
    pub fn records(&self) -> Records<'a> {
        let mut records = Records {
            view: *self,
            next_record: 0,
            next_tally: 0,
            tally_due: usize::MAX,
            seq: self.header.order.first_seq,
            at: self.header.order.at_before,
        };
        records.look_for_tally();
        records
    }

    #[inline]
    fn stamp(&self, i: usize) -> At {
        get_at(self.bytes, self.layout.stamps as usize + i * STAMP)
    }
}

/// A record as it was found in its frame.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Placed {
    /// The record.
    pub record: Record,
    /// Where its slot begins, in bytes from the start of the frame: for error texts.
    pub wire_at: usize,
}

/// The records and tallies of a frame, in the order of the log. It ends after the first error.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    view: FrameView<'a>,
    next_record: usize,
    next_tally: usize,
    /// Before which record the next tally stands; `usize::MAX` behind the last tally.
    tally_due: usize,
    seq: Seq,
    at: At,
}

impl Records<'_> {
    #[inline]
    fn look_for_tally(&mut self) {
        self.tally_due = match self.next_tally < self.view.header.tallies as usize {
            true => get_u32(self.view.bytes, self.tally_at()) as usize,
            false => usize::MAX,
        };
    }

    #[inline]
    fn tally_at(&self) -> usize {
        self.view.layout.tallies as usize + self.next_tally * TALLY_SLOT
    }

    #[inline]
    fn is_at_end(&self) -> bool {
        self.next_record >= self.view.header.records as usize
    }

    #[inline]
    fn record(&mut self) -> Result<Placed, FrameError> {
        let from = self.view.layout.slots as usize + self.next_record * SLOT;
        let (slot, at) = (&self.view.bytes[from..from + SLOT], from + self.view.left_out);
        let (origin, input) = record::decode_slot(slot).map_err(|_| FrameError::UnknownSlot { at })?;
        self.check_body(&origin.body, at)?;
        self.at = self.view.stamp(self.next_record);
        self.next_record += 1;
        Ok(Placed { record: Record { seq: self.seq, at: self.at, origin, input }, wire_at: at })
    }

    fn tally(&mut self) -> Result<Placed, FrameError> {
        let (from, at) = (self.tally_at(), self.tally_at() + self.view.left_out);
        if self.tally_due != self.next_record {
            return Err(FrameError::TallyPlace { at });
        }
        let tally =
            PlacedTally::decode(nth(&self.view.bytes[from..], 0)).map_err(|_| FrameError::UnknownSlot { at })?;
        let record = tally.record(self.seq, self.at);
        self.check_body(&record.origin.body, at)?;
        self.next_tally += 1;
        self.look_for_tally();
        Ok(Placed { record, wire_at: at })
    }

    #[inline]
    fn check_body(&self, body: &BodyRef, at: usize) -> Result<(), FrameError> {
        let is_inside = u64::from(body.at) + u64::from(body.len) <= u64::from(self.view.header.bodies)
            && u64::from(body.id_at) + u64::from(body.id_len) <= u64::from(body.len);
        if is_inside { Ok(()) } else { Err(FrameError::BodyOutside { at }) }
    }

    #[cold]
    fn stop(&mut self) {
        self.next_record = self.view.header.records as usize;
        self.tally_due = usize::MAX;
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Placed, FrameError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let placed = if self.tally_due <= self.next_record || (self.is_at_end() && self.tally_due != usize::MAX) {
            self.tally()
        } else if self.is_at_end() {
            return None;
        } else {
            self.record()
        };
        match placed {
            Ok(_) => self.seq = self.seq.next(),
            Err(_) => self.stop(),
        }
        Some(placed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::Fingerprint;
    use crate::geo::Point;
    use crate::ids::{AreaId, CellId, ClassId, ConditionId, DepartmentId, SourceId};
    use crate::record::{Head, Tally, Turned};
    use crate::report::{Field, Reason, Urgency};

    const ORDER: Order = Order { first_seq: Seq(100), at_before: At(50), digest: Digest(7), city: 3, mind: 2 };
    const INK: Ink = Ink { salt: 0xdead_beef, prev: 11, index: 5, durable_frames: 4, durable: Seq(99) };

    fn origin(body: BodyRef) -> Origin {
        Origin { source: SourceId(1), fingerprint: Fingerprint { lo: 1, hi: 2 }, body_hash: 9, event_time: None, body }
    }

    fn report() -> Input {
        Input::Report(Head {
            point: Point { lng: 1, lat: 2 },
            cell: CellId(3),
            area: AreaId(4),
            class: ClassId(5),
            condition: ConditionId(2),
            against: DepartmentId::NONE,
            confidence: 6,
            urgency: Urgency::A,
            keep_late: false,
            reporter: 7,
            component: 8,
            address: 9,
        })
    }

    fn tally(line: u64) -> PlacedTally {
        let tally = Tally {
            turned: Turned::Rejected,
            count: 1,
            field: Field::ALL[0],
            reason: Reason::ALL[0],
            input: 0,
            line,
            offset: 0,
            wrong_at: 0,
        };
        PlacedTally { before: u32::MAX, source: SourceId(1), body_at: 0, body_len: 1, tally }
    }

    /// Fills a frame from a word: `r` a record, `t` a tally. Record `i` gets the log time 1000 + i.
    fn frame_of(word: &str) -> Frame {
        let mut frame = Frame::new();
        fill(&mut frame, word);
        frame
    }

    fn fill(frame: &mut Frame, word: &str) {
        for (line, kind) in (1..).zip(word.bytes()) {
            let body = format!("body of {line}");
            let at = frame.push_body(body.as_bytes());
            let (bodies, slots) = frame.fill();
            let body = BodyRef { at, len: (bodies.len() - at as usize) as u32, id_at: 2, id_len: 3, key: 0 };
            match kind {
                b'r' => slots.push(&Origin { event_time: Some(At(line as i64)), ..origin(body) }, &report()),
                _ => slots.tally(tally(line)),
            }
        }
        frame.close();
        for i in 0..frame.records() {
            frame.set_stamp(i, At(1000 + i as i64));
        }
        frame.set_positions(&[
            Position { offset: 1 << 40, line: 12, clock: None, sum: 7 },
            Position { clock: Some(At(-1)), ..Position::default() },
        ]);
        frame.set_order(ORDER);
        frame.seal(INK);
    }

    /// What a reader finds: `r` or `t`, its sequence number and its log time.
    fn read(frame: &FrameView<'_>) -> Result<Vec<(char, u64, i64)>, FrameError> {
        let letter = |input: &Input| if matches!(input, Input::Tally(_)) { 't' } else { 'r' };
        frame.records().map(|found| found.map(|Placed { record: r, .. }| (letter(&r.input), r.seq.0, r.at.0))).collect()
    }

    #[test]
    fn records_and_tallies_come_back_in_their_order_with_their_times() {
        for (word, times) in [
            ("", &[][..]),
            ("r", &[1000]),
            ("t", &[50]),
            ("ttr", &[50, 50, 1000]),
            ("rttrt", &[1000, 1000, 1000, 1001, 1001]),
            ("trrrt", &[50, 1000, 1001, 1002, 1002]),
        ] {
            let frame = frame_of(word);
            let view = FrameView::parse(frame.bytes()).unwrap();
            let expected: Vec<_> =
                (100..).zip(word.chars()).zip(times).map(|((seq, kind), &at)| (kind, seq, at)).collect();
            assert_eq!(read(&view), Ok(expected.clone()), "{word}");
            assert_eq!(read(&frame.view()), Ok(expected), "{word}, before it is written");
            assert_eq!(view.header().next_seq(), Seq(100 + word.len() as u64), "{word}");
            let last = times.last().map_or(ORDER.at_before, |&at| At(at));
            assert_eq!(view.at_after(), last, "{word}");
        }
    }

    #[test]
    fn everything_that_was_said_is_read_back() {
        let mut frame = frame_of("rtr");
        frame.shift_tally_lines(40);
        let sum = frame.seal(INK);
        assert_eq!(frame.placed_tally(0).tally.line, 42);
        let view = FrameView::parse(frame.bytes()).unwrap();
        let header = view.header();
        assert_eq!((header.order, header.ink, header.sum), (ORDER, INK, sum));
        assert_eq!(header.frame_bytes(), frame.bytes().len() as u64);
        assert_eq!(view.bodies(), b"body of 1body of 2body of 3");
        let positions: Vec<_> = view.positions().collect();
        assert_eq!(positions[0], Position { offset: 1 << 40, line: 12, clock: None, sum: 7 });
        assert_eq!(positions[1], Position { clock: Some(At(-1)), ..Position::default() });
        let placed: Vec<_> = view.records().map(Result::unwrap).collect();
        let Input::Tally(tally) = placed[1].record.input else { panic!("a tally") };
        assert_eq!(tally.line, 42);
        for (i, at) in [(0, 0), (1, 2)] {
            assert_eq!(view.body(placed[at].record.origin.body), frame.body(i));
            assert_eq!(placed[at].record.origin.event_time, frame.event_time(i));
            assert_eq!(&frame.bytes()[placed[at].wire_at..][..SLOT], frame.slot(i));
            assert_eq!(frame.stamp(i), placed[at].record.at);
        }
    }

    #[test]
    fn a_document_carries_its_text_and_no_records() {
        for kind in [Kind::Manifest, Kind::End] {
            let mut frame = Frame::document(kind, b"{}");
            frame.set_order(ORDER);
            frame.seal(INK);
            let view = FrameView::parse(frame.bytes()).unwrap();
            assert_eq!((view.header().kind, view.bodies(), view.header().seqs()), (kind, &b"{}"[..], 0));
            assert!(view.records().next().is_none());
        }
    }

    #[test]
    fn a_used_frame_is_as_good_as_a_new_one_and_allocates_nothing() {
        let mut frame = frame_of("rrrtttrrr");
        let place = frame.bytes().as_ptr();
        for word in ["rt", "", "rrrtttrrr"] {
            frame.clear();
            fill(&mut frame, word);
            assert_eq!(frame.bytes(), frame_of(word).bytes(), "{word}");
            assert_eq!(frame.bytes().as_ptr(), place, "{word}");
        }
        frame.clear();
        frame.bodies_space(10).copy_from_slice(b"0123456789");
        frame.truncate_bodies(4);
        assert_eq!(frame.bodies(), b"0123");
    }

    #[test]
    fn gathering_slots_again_gives_the_same_frame() {
        let (one, mut two) = (frame_of("rrtr"), Frame::new());
        two.push_body(one.bodies());
        let (_, slots) = two.fill();
        slots.push_raw(one.slot(0));
        slots.push_raw(one.slot(1));
        slots.tally(one.placed_tally(0));
        slots.push_raw(one.slot(2));
        two.close();
        (0..3).for_each(|i| two.set_stamp(i, one.stamp(i)));
        two.set_positions(&one.view().positions().collect::<Vec<_>>());
        two.set_order(ORDER);
        two.seal(INK);
        assert_eq!(one.bytes(), two.bytes());
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let mut bytes = frame_of("rtrr").bytes().to_vec();
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(FrameView::parse(&bytes).is_err(), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        FrameView::parse(&bytes).unwrap();
    }

    #[test]
    fn every_cut_is_noticed() {
        let bytes = frame_of("rtrr").bytes().to_vec();
        for len in 0..bytes.len() {
            assert!(matches!(FrameView::parse(&bytes[..len]), Err(FrameError::Short { .. })), "cut at {len}");
        }
    }

    /// Makes a changed frame's checksums fit again, as far as its lengths allow: a writer with a fault, not a bad disk.
    fn reseal(bytes: &mut [u8]) {
        let header = Header::decode(bytes);
        let layout = header.layout();
        for (at, from, to) in [
            (AT_BODIES_SUM, HEADER as u64, layout.slots),
            (AT_SLOTS_SUM, layout.slots, layout.tallies),
            (AT_REST_SUM, layout.tallies, layout.end),
        ] {
            if let Some(part) = bytes.get(from as usize..to as usize) {
                let sum = checksum(part);
                put_u32(bytes, at, sum);
            }
        }
        let sum = checksum(&bytes[..AT_HEADER_SUM]);
        put_u32(bytes, AT_HEADER_SUM, sum);
    }

    /// Reads all there is to read; the answer does not matter, only that there is one.
    fn exhaust(bytes: &[u8]) {
        if let Ok(view) = FrameView::parse(bytes) {
            view.positions().for_each(drop);
            view.at_after();
            for placed in view.records().flatten() {
                view.body(placed.record.origin.body);
            }
        }
    }

    #[test]
    fn hostile_headers_never_panic() {
        let good = frame_of("rtrr").bytes().to_vec();
        for at in 0..AT_HEADER_SUM {
            for value in 0..=u8::MAX {
                let mut bytes = good.clone();
                bytes[at] = value;
                reseal(&mut bytes);
                exhaust(&bytes);
            }
        }
    }

    #[test]
    fn extreme_lengths_are_errors() {
        let good = frame_of("rtrr").bytes().to_vec();
        let fields = [AT_RECORDS, AT_TALLIES, AT_POSITIONS, AT_BODIES];
        for set in 1..1 << fields.len() {
            for value in [u32::MAX, u32::MAX - 7, i32::MAX as u32, 1 << 31, 4096] {
                let mut bytes = good.clone();
                for (_, &at) in fields.iter().enumerate().filter(|(i, _)| set & (1 << i) != 0) {
                    put_u32(&mut bytes, at, value);
                }
                reseal(&mut bytes);
                let error = FrameView::parse(&bytes).expect_err("a frame of one block holds no 4096 of anything");
                assert!(matches!(error, FrameError::Short { .. }), "{set:04b} {value}: {error}");
            }
        }
    }

    #[test]
    fn wrong_contents_under_right_checksums_are_told_with_their_place() {
        let frame = frame_of("rtrr");
        let layout = frame.layout();
        let (slot, tally) = (layout.slots as usize, layout.tallies as usize);
        let check = |at: usize, value: u32, expected: FrameError| {
            let mut bytes = frame.bytes().to_vec();
            put_u32(&mut bytes, at, value);
            reseal(&mut bytes);
            let found = FrameView::parse(&bytes).and_then(|view| read(&view));
            assert_eq!(found, Err(expected), "{value} at {at}");
        };
        check(AT_KIND, 9, FrameError::Kind { code: 9 });
        check(AT_KIND, Kind::End as u32, FrameError::Shape { records: 3, tallies: 1 });
        check(slot + SLOT, u32::MAX, FrameError::UnknownSlot { at: slot + SLOT });
        check(slot + 8, 1 << 30, FrameError::BodyOutside { at: slot });
        check(slot + 12, u32::MAX, FrameError::BodyOutside { at: slot });
        check(slot + 16, 100, FrameError::BodyOutside { at: slot });
        check(tally, 4, FrameError::TallyPlace { at: tally });
        check(tally, u32::MAX, FrameError::TallyPlace { at: tally });
        check(tally + 40, 0xff, FrameError::UnknownSlot { at: tally });
        check(tally + 8, 1 << 20, FrameError::BodyOutside { at: tally });
        let mut bytes = frame.bytes().to_vec();
        put_u64(&mut bytes, AT_FIRST_SEQ, u64::MAX - 3);
        reseal(&mut bytes);
        assert_eq!(FrameView::parse(&bytes).err(), Some(FrameError::SeqOverflow));
    }

    #[test]
    fn tallies_out_of_their_order_are_told() {
        let frame = frame_of("rtrt");
        let at = frame.layout().tallies as usize;
        let mut bytes = frame.bytes().to_vec();
        put_u32(&mut bytes, at + TALLY_SLOT, 0);
        reseal(&mut bytes);
        let view = FrameView::parse(&bytes).unwrap();
        let mut records = view.records();
        assert!(records.by_ref().take(2).all(|found| found.is_ok()));
        assert_eq!(records.next(), Some(Err(FrameError::TallyPlace { at: at + TALLY_SLOT })));
        assert_eq!(records.next(), None, "nothing comes after an error");
    }
}
