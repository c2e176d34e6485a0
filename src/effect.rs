//! What the dispatcher can decide: the closed set. Everything anyone sees is a fold of these.
//!
//! An effect's key is the record that caused it and its place among that record's effects. The digest folds the encoded
//! effects one after the other, so two runs with the same digest decided the same, byte for byte, in the same order.

use serde::{Deserialize, Serialize};

use crate::geo::Point;
use crate::ids::{AreaId, CaseId, CellId, ClassId, ConditionId, DepartmentId, OrderId, Seq, SourceId, UnitId};
use crate::record::Turned;
use crate::report::{Field, Reason, UnitStatus, Urgency};
use crate::time::At;

/// Level of the organisation that holds an order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Tier {
    /// 居村工作站.
    Village = 0,
    /// 联勤联动站.
    Station = 1,
    /// 街镇城运中心.
    Street = 2,
    /// 区城运中心.
    District = 3,
}

impl Tier {
    /// All of them, from the nearest to the people up.
    pub const ALL: [Self; 4] = [Self::Village, Self::Station, Self::Street, Self::District];

    /// The word in city files and decisions.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Village => "village",
            Self::Station => "station",
            Self::Street => "street",
            Self::District => "district",
        }
    }
}

/// Which line of the duty list sent a case to its department.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// A rule for this very cell.
    Cell = 0,
    /// A rule for the area.
    Area = 1,
    /// The rule for the whole district.
    District = 2,
}

/// Why a case got the order it got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// The case is new.
    New = 0,
    /// It was waiting, and a unit became free.
    Freed = 1,
    /// The unit before gave it back.
    Returned = 2,
    /// People decided about it.
    Ruled = 3,
    /// It was waiting, and its filing condition became known.
    Filed = 4,
}

/// Why a case waits on its department's desk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waits {
    /// Every unit that could take it is full, busy or off duty.
    NoFreeUnit = 0,
}

/// Why people must look at a case.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Doubt {
    /// No place is known.
    NoPlace = 0,
    /// The place lies outside the district.
    OutsideDistrict = 1,
    /// No class is known.
    NoClass = 2,
    /// The duty list names nobody.
    NoDepartment = 3,
    /// The department has no unit for this area.
    NoUnit = 4,
    /// Every unit that could take it gave it back.
    AllReturned = 5,
    /// It is a complaint about the only body that the duty list names.
    OnlyAccused = 6,
}

/// Why an action or a unit's word changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// No such order is open here: never given, or its case is closed and forgotten.
    NoSuchOrder = 0,
    /// The order was followed by another.
    Superseded = 1,
    /// The order is not in a state that allows this.
    WrongState = 2,
    /// The duty list does not name the unit's department.
    NotResponsible = 3,
    /// A unit is named, but class or place are still not known.
    Incomplete = 4,
    /// The case is a complaint about the unit's department.
    Accused = 5,
}

/// What was forgotten because the memory plan's bound was reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Forgotten {
    /// The oldest window of ids for exact dedup.
    Ids = 0,
    /// The oldest case, whatever its state.
    Case = 1,
}

/// The closed set of everything the dispatcher can decide.
#[derive(Clone, Copy, PartialEq, Debug)]
#[expect(missing_docs, reason = "fields are of the type that says what they are")]
pub enum Effect {
    /// Counted, not recorded: a rejected line, a shed item, a reading below its threshold.
    Tallied { source: SourceId, turned: Turned, field: Field, reason: Reason, count: u32 },
    /// Said before. `conflict`: under the same id, but not with the same body.
    Duplicate { source: SourceId, of: Seq, case: CaseId, conflict: bool },
    /// Too late to be told from a re-send, and refused.
    Expired { source: SourceId, late_ms: i64 },
    /// A new case.
    Opened { source: SourceId, case: CaseId, class: ClassId, cell: CellId, area: AreaId, urgency: Urgency, late: bool },
    /// Joined an open case.
    Merged { source: SourceId, case: CaseId, class: ClassId, cell: CellId, area: AreaId, urgency: Urgency, late: bool },
    /// It is known, or known better, what exactly is the matter. `due`: by when its order is due from now on, if it has one that is.
    Filed { case: CaseId, condition: ConditionId, due: Option<At> },
    /// A merge or a ruling raised the urgency of a case.
    Raised { case: CaseId, urgency: Urgency },
    /// A case was handed to a unit.
    Assigned {
        order: OrderId,
        unit: UnitId,
        department: DepartmentId,
        class: ClassId,
        cell: CellId,
        area: AreaId,
        tier: Tier,
        scope: Scope,
        urgency: Urgency,
        why: Why,
        due: Option<At>,
    },
    /// A case waits on a department's desk.
    Waiting { case: CaseId, department: DepartmentId, why: Waits },
    /// People must look at a case.
    Review { case: CaseId, doubt: Doubt },
    /// People decided about a case: what it is about and where, from now on.
    Ruled { case: CaseId, class: ClassId, cell: CellId, area: AreaId, point: Point, urgency: Urgency },
    /// The unit took the order.
    Accepted { order: OrderId, unit: UnitId },
    /// The unit gave the order back.
    Returned { order: OrderId, unit: UnitId },
    /// The unit finished the order.
    Done { order: OrderId, unit: UnitId },
    /// The unit rests the order: it is not due while it does, and takes none of the unit's room.
    Suspended { order: OrderId, unit: UnitId },
    /// The unit goes on with an order that rested. `due`: by when, if it is ever due.
    Resumed { order: OrderId, unit: UnitId, due: Option<At> },
    /// The case is closed.
    Closed { case: CaseId },
    /// A unit's status, position or capacity changed.
    UnitChanged { unit: UnitId, status: UnitStatus, load: u32, capacity: u32 },
    /// An action changed nothing.
    Refused { source: SourceId, order: OrderId, why: Refusal },
    /// A bound of the memory plan was reached. `ids`: how many ids; `case`: which case.
    Forgot { what: Forgotten, ids: u64, case: CaseId },
}

/// The running digest of a sequence of effects.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Digest(pub u64);

/// Most bytes that an encoded effect takes, its sequence number included.
pub const EFFECT_BYTES_MAX: usize = 56;

/// Gathers the words of an encoded effect. Fields are packed into as few words as their widths allow.
struct Words {
    bytes: [u8; EFFECT_BYTES_MAX],
    len: usize,
}

impl Words {
    #[inline]
    fn word(&mut self, word: u64) {
        self.bytes[self.len..self.len + 8].copy_from_slice(&word.to_le_bytes());
        self.len += 8;
    }

    #[inline]
    fn shorts(&mut self, a: u16, b: u16, c: u16, d: u16) {
        self.word(u64::from(a) | u64::from(b) << 16 | u64::from(c) << 32 | u64::from(d) << 48);
    }

    #[inline]
    fn pair(&mut self, low: u32, high: u32) {
        self.word(u64::from(low) | u64::from(high) << 32);
    }
}

impl Effect {
    /// The case that it is about, if it is about one.
    #[inline]
    pub const fn case(&self) -> Option<CaseId> {
        let case = match *self {
            Self::Duplicate { case, .. }
            | Self::Opened { case, .. }
            | Self::Merged { case, .. }
            | Self::Raised { case, .. }
            | Self::Filed { case, .. }
            | Self::Waiting { case, .. }
            | Self::Review { case, .. }
            | Self::Ruled { case, .. }
            | Self::Closed { case }
            | Self::Forgot { case, .. } => case,
            Self::Assigned { order, .. }
            | Self::Accepted { order, .. }
            | Self::Returned { order, .. }
            | Self::Done { order, .. }
            | Self::Suspended { order, .. }
            | Self::Resumed { order, .. }
            | Self::Refused { order, .. } => order.case,
            Self::Tallied { .. } | Self::Expired { .. } | Self::UnitChanged { .. } => CaseId::NONE,
        };
        if case.0 == CaseId::NONE.0 { None } else { Some(case) }
    }

    /// Writes the effect, led by the record that caused it, into `bytes`; gives the length.
    ///
    /// The encoding is what the digest is taken of: append variants, never change one.
    #[inline]
    pub fn encode(&self, seq: Seq, bytes: &mut [u8; EFFECT_BYTES_MAX]) -> usize {
        let words = self.words(seq);
        *bytes = words.bytes;
        words.len
    }

    #[inline]
    fn words(&self, seq: Seq) -> Words {
        let mut words = Words { bytes: [0; EFFECT_BYTES_MAX], len: 0 };
        words.word(seq.0);
        match *self {
            Self::Tallied { source, turned, field, reason, count } => {
                words.shorts(1, source.0, turned as u16, field as u16);
                words.pair(count, reason as u32);
            }
            Self::Duplicate { source, of, case, conflict } => {
                words.shorts(2, source.0, u16::from(conflict), 0);
                words.word(of.0);
                words.word(case.0);
            }
            Self::Expired { source, late_ms } => {
                words.shorts(3, source.0, 0, 0);
                words.word(late_ms as u64);
            }
            Self::Opened { source, case, class, cell, area, urgency, late } => {
                words.shorts(4, source.0, class.0, area.0);
                words.pair(cell.0, urgency as u32 | u32::from(late) << 8);
                words.word(case.0);
            }
            Self::Merged { source, case, class, cell, area, urgency, late } => {
                words.shorts(5, source.0, class.0, area.0);
                words.pair(cell.0, urgency as u32 | u32::from(late) << 8);
                words.word(case.0);
            }
            Self::Raised { case, urgency } => {
                words.shorts(6, urgency as u16, 0, 0);
                words.word(case.0);
            }
            Self::Assigned { order, unit, department, class, cell, area, tier, scope, urgency, why, due } => {
                words.shorts(7, department.0, class.0, area.0);
                words.shorts(
                    order.attempt,
                    tier as u16 | (scope as u16) << 8,
                    urgency as u16,
                    why as u16 | u16::from(due.is_some()) << 8,
                );
                words.pair(cell.0, unit.0);
                words.word(order.case.0);
                words.word(due.map_or(0, |due| due.0) as u64);
            }
            Self::Waiting { case, department, why } => {
                words.shorts(8, department.0, why as u16, 0);
                words.word(case.0);
            }
            Self::Review { case, doubt } => {
                words.shorts(9, doubt as u16, 0, 0);
                words.word(case.0);
            }
            Self::Accepted { order, unit } => words.order(10, order, unit),
            Self::Returned { order, unit } => words.order(11, order, unit),
            Self::Done { order, unit } => words.order(12, order, unit),
            Self::Suspended { order, unit } => words.order(18, order, unit),
            Self::Resumed { order, unit, due } => {
                words.shorts(19, order.attempt, u16::from(due.is_some()), 0);
                words.word(order.case.0);
                words.pair(unit.0, 0);
                words.word(due.map_or(0, |due| due.0) as u64);
            }
            Self::Closed { case } => {
                words.shorts(13, 0, 0, 0);
                words.word(case.0);
            }
            Self::UnitChanged { unit, status, load, capacity } => {
                words.shorts(14, status as u16, 0, 0);
                words.pair(unit.0, load);
                words.word(u64::from(capacity));
            }
            Self::Refused { source, order, why } => {
                words.shorts(15, source.0, why as u16, order.attempt);
                words.word(order.case.0);
            }
            Self::Ruled { case, class, cell, area, point, urgency } => {
                words.shorts(17, class.0, area.0, urgency as u16);
                words.word(case.0);
                words.word(u64::from(cell.0));
                words.pair(point.lng as u32, point.lat as u32);
            }
            Self::Filed { case, condition, due } => {
                words.shorts(20, condition.0, u16::from(due.is_some()), 0);
                words.word(case.0);
                words.word(due.map_or(0, |due| due.0) as u64);
            }
            Self::Forgot { what, ids, case } => {
                words.shorts(16, what as u16, 0, 0);
                words.word(ids);
                words.word(case.0);
            }
        }
        words
    }
}

impl Words {
    #[inline]
    fn order(&mut self, kind: u16, order: OrderId, unit: UnitId) {
        self.shorts(kind, order.attempt, 0, 0);
        self.word(order.case.0);
        self.word(u64::from(unit.0));
    }
}

impl Digest {
    /// Takes one more effect into the digest.
    #[inline]
    pub fn fold(&mut self, seq: Seq, effect: &Effect) {
        let words = effect.words(seq);
        let secrets = rapidhash::v3::RapidSecrets::seed_cpp(self.0);
        self.0 = rapidhash::v3::rapidhash_v3_inline::<true, false, false>(&words.bytes[..words.len], &secrets);
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The effects of some records, in order, each with the record that caused it.
#[derive(Debug, Default)]
pub struct Effects {
    list: Vec<(Seq, Effect)>,
}

impl Effects {
    /// Adds one.
    #[inline]
    pub fn push(&mut self, seq: Seq, effect: Effect) {
        self.list.push((seq, effect));
    }

    /// All of them, in order.
    #[inline]
    pub fn as_slice(&self) -> &[(Seq, Effect)] {
        &self.list
    }

    /// Forgets them, keeping the room.
    #[inline]
    pub fn clear(&mut self) {
        self.list.clear();
    }
}
