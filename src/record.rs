//! What the log holds: one input of the world, with its place in the order and its time.
//!
//! Records are written as fixed-size slots, little-endian, so that a frame of the journal is an array and a replay is a loop.
//! The layouts below are the journal's format: append, never reorder.

use crate::fingerprint::Fingerprint;
use crate::geo::Point;
use crate::ids::{AreaId, CaseId, CellId, ClassId, ConditionId, DepartmentId, OrderId, Seq, SourceId, UnitId};
use crate::report::{Field, Reason, UnitStatus, Urgency, Verb};
use crate::time::At;

/// All that the mind ever sees.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Record {
    /// Place in the log.
    pub seq: Seq,
    /// Log time.
    pub at: At,
    /// Who said it, and where the body lies.
    pub origin: Origin,
    /// What was said.
    pub input: Input,
}

/// Who said it: the same for every kind of input.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Origin {
    /// The source, or [`SourceId::NONE`] where a rejected line did not even say that.
    pub source: SourceId,
    /// Stands for (source, id). Zero for tallies.
    pub fingerprint: Fingerprint,
    /// Hash of the body, to recognise a conflicting re-send.
    pub body_hash: u64,
    /// When it happened, if the source said so.
    pub event_time: Option<At>,
    /// Where the body lies. The mind never follows it.
    pub body: BodyRef,
}

impl Origin {
    /// Event time, or log time where none was said.
    #[inline]
    pub fn time_or(&self, at: At) -> At {
        self.event_time.unwrap_or(at)
    }
}

/// Where a body lies within its frame's bodies, and where the id stands inside it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BodyRef {
    /// Offset of the body, in bytes from the start of the frame's bodies.
    pub at: u32,
    /// Length of the body in bytes.
    pub len: u32,
    /// Offset within the body of the id's JSON text, without its quotes.
    pub id_at: u32,
    /// Length of that text in bytes, escapes and all (at most 6 × 128 for an id of 128 bytes).
    pub id_len: u16,
    /// The key that opens the body; 0 for one that lies open.
    pub key: u16,
}

impl BodyRef {
    /// The id in its body, as its source wrote it.
    pub fn id_in(self, body: &[u8]) -> Option<String> {
        let from = self.id_at as usize;
        let escaped = body.get(from..from + usize::from(self.id_len)).filter(|id| !id.is_empty())?;
        serde_json::from_slice(&[b"\"", escaped, b"\""].concat()).ok()
    }
}

/// The closed set of everything the world can say to the mind.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Input {
    /// A report, understood.
    Report(Head),
    /// Something was done with an order.
    Action(OrderAction),
    /// A unit's status, position or capacity.
    Unit(UnitChange),
    /// People decided what the machine left to them.
    Ruling(Ruling),
    /// Something was turned away or condensed at a door; it is counted, so that the ledger closes.
    Tally(Tally),
}

/// A report as understood: what the decision needs, and nothing a person wrote.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Head {
    /// Where it is, or [`Point::NONE`].
    pub point: Point,
    /// The cell that the place lies in.
    pub cell: CellId,
    /// The area of that cell.
    pub area: AreaId,
    /// The class, or [`ClassId::NONE`] for the review desk to find.
    pub class: ClassId,
    /// The filing condition of that class, or [`ConditionId::NONE`].
    pub condition: ConditionId,
    /// The department that it complains about, or [`DepartmentId::NONE`].
    pub against: DepartmentId,
    /// How sure the class is, in thousandths.
    pub confidence: u16,
    /// The greatest of what source, class and a trusted sender say.
    pub urgency: Urgency,
    /// Late reports of this source are dispatched all the same (urgent ones always are).
    pub keep_late: bool,
    /// Pseudonym of the reporter, 0 for none.
    pub reporter: u64,
    /// Pseudonym of the component, 0 for none.
    pub component: u64,
    /// Pseudonym of the address text, 0 for none.
    pub address: u64,
}

const _: () = assert!(size_of::<Head>() + size_of::<Origin>() <= 128, "a head with its origin is two cache lines");

/// An action on an order.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct OrderAction {
    /// What was done.
    pub verb: Verb,
    /// With which order.
    pub order: OrderId,
}

/// A change of a unit; what is absent stays as it was.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct UnitChange {
    /// Which unit.
    pub unit: UnitId,
    /// Its new status.
    pub status: Option<UnitStatus>,
    /// Its new position, or [`Point::NONE`].
    pub point: Point,
    /// Its new capacity in orders.
    pub capacity: Option<u32>,
}

/// What people decide about a case that went to review; what is absent stays as it was.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Ruling {
    /// The case, and how many orders it had when they looked at it.
    pub order: OrderId,
    /// What it is about, or [`ClassId::NONE`].
    pub class: ClassId,
    /// The filing condition of that class, or [`ConditionId::NONE`].
    pub condition: ConditionId,
    /// Where it is, or [`Point::NONE`].
    pub point: Point,
    /// The cell of that place, or [`CellId::NONE`].
    pub cell: CellId,
    /// The area of that cell, or [`AreaId::NONE`].
    pub area: AreaId,
    /// Who gets it, or [`UnitId::NONE`] for the duty list to say.
    pub unit: UnitId,
}

/// What became of something that is not a record of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Turned {
    /// Not accepted, and answered with the reason.
    Rejected = 0,
    /// Not taken in overload, by the source's policy.
    Shed = 1,
    /// A reading below its threshold.
    Observed = 2,
}

impl Turned {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 3] = [Self::Rejected, Self::Shed, Self::Observed];
}

/// Things turned away or condensed at a door.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Tally {
    /// What became of them.
    pub turned: Turned,
    /// How many.
    pub count: u32,
    /// The first of them: which field was wrong.
    pub field: Field,
    /// And why.
    pub reason: Reason,
    /// Which input it came from, counted from 0.
    pub input: u16,
    /// Its line in that input, counted from 1.
    pub line: u64,
    /// Where that line begins, in bytes from the start of that input.
    pub offset: u64,
    /// Where in the line it went wrong, in bytes from the line's start.
    pub wrong_at: u32,
}

/// Bytes of a record in a frame, without its stamp.
pub const SLOT: usize = 104;
/// Bytes of a tally in a frame.
pub const TALLY_SLOT: usize = 44;

const KIND_REPORT: u8 = 1;
const KIND_ACTION: u8 = 2;
const KIND_UNIT: u8 = 3;
const KIND_RULING: u8 = 4;
/// "No time was said", in a slot.
const NO_TIME: i64 = i64::MIN;
/// "No capacity was said", in a slot.
const NO_CAPACITY: u32 = u32::MAX;

/// Writes and reads little-endian fields at fixed offsets of a slot. Offsets are constants, so the checks compile away.
macro_rules! slot_access {
    ($($put:ident $get:ident $type:ty),+) => {
        $(
            #[inline]
            fn $put(slot: &mut [u8], at: usize, value: $type) {
                slot[at..at + size_of::<$type>()].copy_from_slice(&value.to_le_bytes());
            }
            #[inline]
            fn $get(slot: &[u8], at: usize) -> $type {
                let mut bytes = [0; size_of::<$type>()];
                bytes.copy_from_slice(&slot[at..at + size_of::<$type>()]);
                <$type>::from_le_bytes(bytes)
            }
        )+
    };
}
slot_access!(put_u16 get_u16 u16, put_u32 get_u32 u32, put_i32 get_i32 i32, put_u64 get_u64 u64, put_i64 get_i64 i64);

// Offsets in a slot: first what every kind has, then what its kind adds from `OWN` on.
const AT_KIND: usize = 0;
const AT_URGENCY: usize = 1;
const AT_FLAGS: usize = 2;
const AT_SOURCE: usize = 4;
const AT_ID_LEN: usize = 6;
const AT_BODY: usize = 8;
const AT_BODY_LEN: usize = 12;
const AT_ID: usize = 16;
const AT_KEY: usize = 20;
const AT_FINGERPRINT: usize = 24;
const AT_BODY_HASH: usize = 40;
const AT_EVENT_TIME: usize = 48;
const OWN: usize = 56;

const FLAG_KEEP_LATE: u8 = 1;

/// Event time in a slot, without reading the rest: the order needs only this.
#[inline]
pub fn slot_event_time(slot: &[u8]) -> Option<At> {
    let time = get_i64(slot, AT_EVENT_TIME);
    (time != NO_TIME).then_some(At(time))
}

/// Who said what is in a slot: source and id.
#[inline]
pub fn slot_fingerprint(slot: &[u8; SLOT]) -> Fingerprint {
    Fingerprint { lo: get_u64(slot, AT_FINGERPRINT), hi: get_u64(slot, AT_FINGERPRINT + 8) }
}

/// The case that a slot acts on, if it holds an action or a ruling.
#[inline]
pub fn slot_acts_on(slot: &[u8; SLOT]) -> Option<CaseId> {
    matches!(slot[AT_KIND], KIND_ACTION | KIND_RULING).then(|| CaseId(get_u64(slot, OWN + 8)))
}

/// Moves the body that a slot points to: for a frame that gathers lines of several inputs.
#[inline]
pub fn slot_move_body(slot: &mut [u8], at: u32) {
    put_u32(slot, AT_BODY, at);
}

/// Where the body of a slot lies.
#[inline]
pub fn slot_body(slot: &[u8]) -> BodyRef {
    BodyRef {
        at: get_u32(slot, AT_BODY),
        len: get_u32(slot, AT_BODY_LEN),
        id_at: get_u32(slot, AT_ID),
        id_len: get_u16(slot, AT_ID_LEN),
        key: get_u16(slot, AT_KEY),
    }
}

/// A slot that says nothing any reader of this version knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownSlot;

/// Writes an input (any but a tally, which has slots of its own) into a slot.
///
/// # Panics
/// If the input is a tally, or the slot is not [`SLOT`] bytes long.
#[inline]
pub fn encode_slot(origin: &Origin, input: &Input, slot: &mut [u8]) {
    let slot: &mut [u8; SLOT] = slot.try_into().expect("a slot has SLOT bytes");
    slot.fill(0);
    put_u16(slot, AT_SOURCE, origin.source.0);
    put_u16(slot, AT_ID_LEN, origin.body.id_len);
    put_u32(slot, AT_BODY, origin.body.at);
    put_u32(slot, AT_BODY_LEN, origin.body.len);
    put_u32(slot, AT_ID, origin.body.id_at);
    put_u16(slot, AT_KEY, origin.body.key);
    put_u64(slot, AT_FINGERPRINT, origin.fingerprint.lo);
    put_u64(slot, AT_FINGERPRINT + 8, origin.fingerprint.hi);
    put_u64(slot, AT_BODY_HASH, origin.body_hash);
    put_i64(slot, AT_EVENT_TIME, origin.event_time.map_or(NO_TIME, |time| time.0));
    match input {
        Input::Report(head) => {
            slot[AT_KIND] = KIND_REPORT;
            slot[AT_URGENCY] = head.urgency as u8;
            slot[AT_FLAGS] = if head.keep_late { FLAG_KEEP_LATE } else { 0 };
            put_i32(slot, OWN, head.point.lng);
            put_i32(slot, OWN + 4, head.point.lat);
            put_u32(slot, OWN + 8, head.cell.0);
            put_u16(slot, OWN + 12, head.area.0);
            put_u16(slot, OWN + 14, head.class.0);
            put_u64(slot, OWN + 16, head.reporter);
            put_u64(slot, OWN + 24, head.component);
            put_u64(slot, OWN + 32, head.address);
            put_u16(slot, OWN + 40, head.confidence);
            put_u16(slot, OWN + 42, head.condition.0);
            put_u16(slot, OWN + 44, head.against.0);
            // OWN + 46 .. OWN + 48 is free and zero.
        }
        Input::Action(action) => {
            slot[AT_KIND] = KIND_ACTION;
            slot[OWN] = action.verb as u8;
            put_u16(slot, OWN + 2, action.order.attempt);
            put_u64(slot, OWN + 8, action.order.case.0);
        }
        Input::Unit(change) => {
            slot[AT_KIND] = KIND_UNIT;
            slot[OWN] = change.status.map_or(u8::MAX, |status| status as u8);
            put_u32(slot, OWN + 4, change.unit.0);
            put_i32(slot, OWN + 8, change.point.lng);
            put_i32(slot, OWN + 12, change.point.lat);
            put_u32(slot, OWN + 16, change.capacity.unwrap_or(NO_CAPACITY));
        }
        Input::Ruling(ruling) => {
            slot[AT_KIND] = KIND_RULING;
            put_u16(slot, OWN + 2, ruling.order.attempt);
            put_u64(slot, OWN + 8, ruling.order.case.0);
            put_i32(slot, OWN + 16, ruling.point.lng);
            put_i32(slot, OWN + 20, ruling.point.lat);
            put_u32(slot, OWN + 24, ruling.cell.0);
            put_u32(slot, OWN + 28, ruling.unit.0);
            put_u16(slot, OWN + 32, ruling.area.0);
            put_u16(slot, OWN + 34, ruling.class.0);
            put_u16(slot, OWN + 36, ruling.condition.0);
        }
        Input::Tally(_) => unreachable!("tallies have slots of their own"),
    }
}

/// Reads what [`encode_slot`] wrote.
///
/// # Errors
/// If the slot's kind or one of its codes is not known to this version.
#[inline]
pub fn decode_slot(slot: &[u8]) -> Result<(Origin, Input), UnknownSlot> {
    let slot: &[u8; SLOT] = slot.try_into().map_err(|_| UnknownSlot)?;
    let origin = Origin {
        source: SourceId(get_u16(slot, AT_SOURCE)),
        fingerprint: slot_fingerprint(slot),
        body_hash: get_u64(slot, AT_BODY_HASH),
        event_time: slot_event_time(slot),
        body: slot_body(slot),
    };
    let input = match slot[AT_KIND] {
        KIND_REPORT => Input::Report(Head {
            point: Point { lng: get_i32(slot, OWN), lat: get_i32(slot, OWN + 4) },
            cell: CellId(get_u32(slot, OWN + 8)),
            area: AreaId(get_u16(slot, OWN + 12)),
            class: ClassId(get_u16(slot, OWN + 14)),
            confidence: get_u16(slot, OWN + 40),
            condition: ConditionId(get_u16(slot, OWN + 42)),
            against: DepartmentId(get_u16(slot, OWN + 44)),
            urgency: Urgency::from_code(slot[AT_URGENCY]),
            keep_late: slot[AT_FLAGS] & FLAG_KEEP_LATE != 0,
            reporter: get_u64(slot, OWN + 16),
            component: get_u64(slot, OWN + 24),
            address: get_u64(slot, OWN + 32),
        }),
        KIND_ACTION => Input::Action(OrderAction {
            verb: *Verb::ALL.get(usize::from(slot[OWN])).ok_or(UnknownSlot)?,
            order: OrderId { case: CaseId(get_u64(slot, OWN + 8)), attempt: get_u16(slot, OWN + 2) },
        }),
        KIND_RULING => Input::Ruling(Ruling {
            order: OrderId { case: CaseId(get_u64(slot, OWN + 8)), attempt: get_u16(slot, OWN + 2) },
            class: ClassId(get_u16(slot, OWN + 34)),
            condition: ConditionId(get_u16(slot, OWN + 36)),
            point: Point { lng: get_i32(slot, OWN + 16), lat: get_i32(slot, OWN + 20) },
            cell: CellId(get_u32(slot, OWN + 24)),
            area: AreaId(get_u16(slot, OWN + 32)),
            unit: UnitId(get_u32(slot, OWN + 28)),
        }),
        KIND_UNIT => Input::Unit(UnitChange {
            unit: UnitId(get_u32(slot, OWN + 4)),
            status: match slot[OWN] {
                u8::MAX => None,
                code => Some(*UnitStatus::ALL.get(usize::from(code)).ok_or(UnknownSlot)?),
            },
            point: Point { lng: get_i32(slot, OWN + 8), lat: get_i32(slot, OWN + 12) },
            capacity: Some(get_u32(slot, OWN + 16)).filter(|&capacity| capacity != NO_CAPACITY),
        }),
        _ => return Err(UnknownSlot),
    };
    Ok((origin, input))
}

const AT_TALLY_LINE: usize = 16;

/// Turns a tally's line, counted from 1 within a chunk, into its line in the input, of which `lines_before` came earlier.
#[inline]
pub fn tally_slot_shift_line(slot: &mut [u8], lines_before: u64) {
    let line = get_u64(slot, AT_TALLY_LINE);
    put_u64(slot, AT_TALLY_LINE, line + lines_before);
}

/// A tally and where it stands among the records of its frame.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PlacedTally {
    /// How many records of the frame come before it.
    pub before: u32,
    /// Who was turned away.
    pub source: SourceId,
    /// Where the line lies in the frame's bodies.
    pub body_at: u32,
    /// Its length in bytes.
    pub body_len: u32,
    /// What happened.
    pub tally: Tally,
}

impl PlacedTally {
    /// Writes it into a slot of [`TALLY_SLOT`] bytes.
    #[inline]
    pub fn encode(&self, slot: &mut [u8; TALLY_SLOT]) {
        put_u32(slot, 0, self.before);
        put_u32(slot, 4, self.body_at);
        put_u32(slot, 8, self.body_len);
        put_u32(slot, 12, self.tally.wrong_at);
        put_u64(slot, AT_TALLY_LINE, self.tally.line);
        put_u64(slot, 24, self.tally.offset);
        put_u32(slot, 32, self.tally.count);
        put_u16(slot, 36, self.source.0);
        put_u16(slot, 38, self.tally.input);
        slot[40] = self.tally.turned as u8;
        slot[41] = self.tally.field as u8;
        slot[42] = self.tally.reason as u8;
        slot[43] = 0;
    }

    /// Reads what [`PlacedTally::encode`] wrote.
    ///
    /// # Errors
    /// If one of its codes is not known to this version.
    #[inline]
    pub fn decode(slot: &[u8; TALLY_SLOT]) -> Result<Self, UnknownSlot> {
        Ok(Self {
            before: get_u32(slot, 0),
            source: SourceId(get_u16(slot, 36)),
            body_at: get_u32(slot, 4),
            body_len: get_u32(slot, 8),
            tally: Tally {
                turned: *Turned::ALL.get(usize::from(slot[40])).ok_or(UnknownSlot)?,
                count: get_u32(slot, 32),
                field: *Field::ALL.get(usize::from(slot[41])).ok_or(UnknownSlot)?,
                reason: *Reason::ALL.get(usize::from(slot[42])).ok_or(UnknownSlot)?,
                input: get_u16(slot, 38),
                line: get_u64(slot, AT_TALLY_LINE),
                offset: get_u64(slot, 24),
                wrong_at: get_u32(slot, 12),
            },
        })
    }

    /// As a record of the log.
    #[inline]
    pub fn record(&self, seq: Seq, at: At) -> Record {
        Record {
            seq,
            at,
            origin: Origin {
                source: self.source,
                fingerprint: Fingerprint::default(),
                body_hash: 0,
                event_time: None,
                body: BodyRef { at: self.body_at, len: self.body_len, ..BodyRef::default() },
            },
            input: Input::Tally(self.tally),
        }
    }
}

#[cfg(test)]
impl Record {
    /// A record that nobody sent.
    pub(crate) fn sample(seq: u64, source: u16, input: Input) -> Self {
        let origin = Origin {
            source: SourceId(source),
            fingerprint: Fingerprint { lo: seq, hi: 0 },
            body_hash: seq,
            event_time: None,
            body: BodyRef::default(),
        };
        Self { seq: Seq(seq), at: At(1), origin, input }
    }
}

#[cfg(test)]
impl Head {
    /// Of a report that says nothing.
    pub(crate) const SAMPLE: Self = Self {
        point: Point::NONE,
        cell: CellId::NONE,
        area: AreaId::NONE,
        class: ClassId::NONE,
        condition: ConditionId::NONE,
        against: DepartmentId::NONE,
        confidence: 0,
        urgency: Urgency::C,
        keep_late: false,
        reporter: 0,
        component: 0,
        address: 0,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin {
            source: SourceId(3),
            fingerprint: Fingerprint { lo: 0x0123_4567_89ab_cdef, hi: u64::MAX - 1 },
            body_hash: 42,
            event_time: Some(At(-7)),
            body: BodyRef { at: 1 << 30, len: 70_000, id_at: 65_536, id_len: 768, key: 0 },
        }
    }

    #[test]
    fn every_kind_of_input_survives_its_slot() {
        let inputs = [
            Input::Report(Head {
                point: Point { lng: -1, lat: 31_000_000 },
                cell: CellId(7),
                area: AreaId(8),
                class: ClassId::NONE,
                condition: ConditionId(5),
                against: DepartmentId(6),
                confidence: 1000,
                urgency: Urgency::A,
                keep_late: true,
                reporter: 1,
                component: 2,
                address: u64::MAX,
            }),
            Input::Action(OrderAction { verb: Verb::Return, order: OrderId { case: CaseId(1 << 40), attempt: 9 } }),
            Input::Ruling(Ruling {
                order: OrderId { case: CaseId(1 << 41), attempt: 3 },
                class: ClassId(4),
                condition: ConditionId(7),
                point: Point { lng: 121_000_000, lat: -1 },
                cell: CellId::NONE,
                area: AreaId(9),
                unit: UnitId(1 << 20),
            }),
            Input::Unit(UnitChange { unit: UnitId(1), status: None, point: Point::NONE, capacity: None }),
            Input::Unit(UnitChange {
                unit: UnitId(1),
                status: Some(UnitStatus::Off),
                point: Point { lng: 1, lat: 2 },
                capacity: Some(0),
            }),
        ];
        for input in inputs {
            for event_time in [None, Some(At(0)), Some(At(i64::MAX))] {
                let origin = Origin { event_time, ..origin() };
                let mut slot = [0xff; SLOT];
                encode_slot(&origin, &input, &mut slot);
                assert_eq!(decode_slot(&slot), Ok((origin, input)));
                assert_eq!(slot_event_time(&slot), event_time);
            }
        }
    }

    #[test]
    fn a_tally_survives_its_slot_and_moves_with_its_lines() {
        let tally = PlacedTally {
            before: 17,
            source: SourceId::NONE,
            body_at: 5,
            body_len: 6,
            tally: Tally {
                turned: Turned::Shed,
                count: 1 << 20,
                field: Field::Capacity,
                reason: Reason::NotAllowed,
                input: 3,
                line: 2,
                offset: 1 << 40,
                wrong_at: 9,
            },
        };
        let mut slot = [0xff; TALLY_SLOT];
        tally.encode(&mut slot);
        assert_eq!(PlacedTally::decode(&slot), Ok(tally));
        tally_slot_shift_line(&mut slot, 1 << 33);
        assert_eq!(PlacedTally::decode(&slot).map(|t| t.tally.line), Ok((1 << 33) + 2));
    }

    #[test]
    fn unknown_codes_are_told() {
        let mut slot = [0; SLOT];
        assert_eq!(decode_slot(&slot), Err(UnknownSlot));
        slot[AT_KIND] = KIND_ACTION;
        slot[OWN] = Verb::ALL.len() as u8;
        assert_eq!(decode_slot(&slot), Err(UnknownSlot));
        assert_eq!(decode_slot(&slot[1..]), Err(UnknownSlot));
    }
}
