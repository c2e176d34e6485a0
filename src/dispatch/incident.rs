//! Cases in memory, and which of them a report is about.
//!
//! A report joins an open case of its class at the same place within the class's window; what "same place" and "window" mean is
//! the class's policy. Candidates come from one index: the place (cell, component, address, or a tile of the radius' size) and
//! class are its key. Distance, then age, decide between candidates: never the order in which a table happens to hold them.
//!
//! A case is forgotten when no report can join it and nothing is owed on it. Whether one can join is decided by log time
//! alone; the memory itself is taken back by a hand that passes over a few cases with every record, so that a window in
//! which a million cases end costs no record more than any other.

use std::collections::BTreeMap;

use super::orders::Matter;
use super::register::{Line, Register};
use super::slab::Blocks;
use super::state::{Corrupt, In, Out};
use super::table::{Place, Slot, Table};
use crate::city::{Calendar, City, LimitUnit, Policy, SamePlace};
use crate::geo::{Point, distance2_cm};
use crate::ids::{AreaId, CaseId, CellId, ClassId, ConditionId, DepartmentId, UnitId};
use crate::record::Head;
use crate::report::Urgency;
use crate::time::{At, WindowKind};
use crate::weighed::Stage;

/// A case, as far as it is needed to decide: one line of memory, which one read brings near.
#[derive(Clone, Copy, PartialEq, Debug)]
#[repr(align(64))]
pub(super) struct Case {
    pub id: CaseId,
    /// The newest event time of its reports.
    pub last_time: At,
    pub point: Point,
    pub cell: CellId,
    pub area: AreaId,
    pub class: ClassId,
    pub condition: ConditionId,
    pub urgency: Urgency,
    pub stage: Stage,
    /// Orders given so far.
    pub attempt: u16,
    pub unit: UnitId,
    pub due: Due,
    /// What its place is called in the index; 0: it cannot be joined.
    key: u64,
    line: Line,
}

const _: () = assert!(size_of::<Case>() == 64);

/// A deadline or none, in the room of a deadline. While its case is suspended, what is left until then stands in its place.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Due(At);

impl Due {
    const NONE: Self = Self(At(i64::MIN));

    #[inline]
    pub(super) fn get(self) -> Option<At> {
        Some(self.0).filter(|_| self != Self::NONE)
    }

    /// The earlier of the deadline and another, if it is one already.
    pub(super) fn not_after(self, other: At) -> Self {
        if self == Self::NONE { self } else { Self(self.0.min(other)) }
    }

    /// The clock of a limit stops.
    pub(super) fn stopped(self, at: At, calendar: &Calendar, clock: LimitUnit) -> Self {
        self.get().map_or(Self::NONE, |due| Self(At(calendar.left(at, due, clock))))
    }

    /// The clock goes on.
    pub(super) fn going_on(self, at: At, calendar: &Calendar, clock: LimitUnit) -> Self {
        self.get().map_or(Self::NONE, |At(left)| Self(calendar.due_with(at, left, clock)))
    }

    /// The deadline, else another.
    #[inline]
    pub(super) fn or(self, other: Option<At>) -> Self {
        if self == Self::NONE { other.map_or(Self::NONE, Self) } else { self }
    }
}

/// An entry of the index: the low half of the key's hash, and where the case is kept.
#[derive(Clone, Copy)]
struct Mark {
    tag: u32,
    slot: u32,
}

/// A place in the index, not yet read: the marks there, and which of them are meant.
#[derive(Clone, Copy)]
pub(super) struct Noted<'a> {
    tag: u32,
    marks: &'a [Mark],
}

impl Slot for Mark {
    const EMPTY: Self = Self { tag: 0, slot: u32::MAX };

    #[inline]
    fn is_empty(&self) -> bool {
        self.slot == u32::MAX
    }

    #[inline]
    fn home(&self) -> u32 {
        self.tag
    }
}

/// What a slot without a case holds.
const VACATED: Case = Case {
    id: CaseId::NONE,
    last_time: At(0),
    point: Point::NONE,
    cell: CellId::NONE,
    area: AreaId::NONE,
    class: ClassId::NONE,
    condition: ConditionId::NONE,
    urgency: Urgency::C,
    stage: Stage::Review,
    attempt: 0,
    unit: UnitId::NONE,
    due: Due::NONE,
    key: 0,
    line: Line::NONE,
};
/// Until when a slot is kept whose case was forgotten.
const VACANT: At = At(i64::MAX);
/// A case on which something is owed is held, whatever the time. (One less than vacant.)
const HELD: At = At(i64::MAX - 1);
/// Slots that the hand passes over with each record. Four keep the memory within 4/3 of what is live.
pub(super) const SWEPT: usize = 4;

/// Bytes that an encoded case takes, with the time until which it is kept.
pub(super) const CASE_BYTES: usize = 66;

/// Bytes that a complaint takes beside its case, in a tree that may be half empty. Every case may be one.
pub(super) const ACCUSED_BYTES: u64 = 32;

/// All cases in memory.
pub(super) struct Incidents {
    cases: Blocks<Case>,
    /// The last log time at which each case must be kept.
    keep_until: Blocks<At>,
    vacant: Vec<u32>,
    hand: usize,
    index: Table<Mark>,
    register: Register,
    /// Whom the cases are about that are complaints: few, so that no other case has room for it.
    accused: BTreeMap<CaseId, DepartmentId>,
    cases_max: usize,
}

/// What all places have in common where a report looks: which kind of place, for which class, in which slice of time.
#[inline]
const fn ground(kind: u64, class: ClassId, slice: i64) -> u64 {
    mixed(mixed(kind << 32 | class.0 as u64) ^ slice as u64)
}

/// Names a place for the index. Zero only for "none". Names differ where their parts do, but for 2^-64.
#[inline]
const fn place_key(ground: u64, place: u64) -> u64 {
    let key = mixed(ground ^ place);
    if key == 0 { 1 } else { key }
}

/// A finalizer with full avalanche (multiply, fold, multiply).
#[inline]
const fn mixed(value: u64) -> u64 {
    let product = (value ^ 0xd6e8_feb8_6659_fd93) as u128 * 0xa076_1d64_78bd_642f_u128;
    (product as u64) ^ (product >> 64) as u64
}

const BY_CELL: u64 = 1;
const BY_TILE: u64 = 2;
const BY_COMPONENT: u64 = 3;
const BY_ADDRESS: u64 = 4;

/// Most places where a report looks: a tile and those around it.
pub(super) const PLACES_MAX: usize = 9;

/// Where a report looks for its case.
pub(super) struct Search {
    /// Keys to look under; more than one only for a radius.
    keys: [u64; PLACES_MAX],
    used: usize,
    /// Largest squared distance in cm², if distance matters.
    reach2: Option<u64>,
}

/// A tile of the radius' size, and twice as wide in longitude, so that its neighbours cover the radius up to 60° of latitude.
#[inline]
const fn tile(point: Point, radius_cm: u32) -> (i64, i64) {
    // 11.1 cm to a micro-degree of latitude; 10 makes tiles a tenth too large rather than a hair too small.
    let height = radius_cm as i64 / 10 + 1;
    ((point.lng as i64).div_euclid(height * 2), (point.lat as i64).div_euclid(height))
}

#[inline]
const fn tile_place(x: i64, y: i64) -> u64 {
    (x as u64) << 32 | (y as u64 & 0xffff_ffff)
}

impl Search {
    /// None if the report cannot be joined with any other: no class, or no place of the kind that its policy compares.
    #[inline]
    pub(super) fn of(head: &Head, policy: &Policy, time: At) -> Option<Self> {
        let slice = match policy.merge.kind {
            WindowKind::Aligned => policy.merge.slice(time),
            WindowKind::Sliding => 0,
        };
        // Complaints about one body are one matter, and what it is to handle is another.
        let complaint = u64::from(head.against.0.wrapping_add(1)) << 8;
        let ground = |kind| ground(kind | complaint, head.class, slice);
        let one = |kind, place| {
            let key = place_key(ground(kind), place);
            Some(Self { keys: [key, 0, 0, 0, 0, 0, 0, 0, 0], used: 1, reach2: None })
        };
        match policy.same_place {
            SamePlace::Component if head.component != 0 => one(BY_COMPONENT, head.component),
            SamePlace::Address if head.address != 0 => one(BY_ADDRESS, head.address),
            _ if !head.cell.is_some() => None,
            SamePlace::Radius { cm } => {
                let ((x, y), ground) = (tile(head.point, cm), ground(BY_TILE));
                let mut keys = [0; 9];
                for (index, found) in keys.iter_mut().enumerate() {
                    // The tile itself comes first: it is where a new case is noted.
                    const AROUND: [(i64, i64); 9] =
                        [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1)];
                    *found = place_key(ground, tile_place(x + AROUND[index].0, y + AROUND[index].1));
                }
                Some(Self { keys, used: 9, reach2: Some(u64::from(cm) * u64::from(cm)) })
            }
            SamePlace::Cell | SamePlace::Component | SamePlace::Address => one(BY_CELL, u64::from(head.cell.0)),
        }
    }
}

/// How a report and a case that it looks at fit together.
#[derive(Clone, Copy)]
pub(super) struct Fitting {
    /// Squared distance in cm², where distance matters; else 0.
    pub distance2: u64,
    /// Their event times lie too far apart.
    pub is_apart: bool,
    /// The case's window has passed in log time.
    pub is_past: bool,
    /// The report may join the case.
    pub joins: bool,
}

/// How a case stands when nobody names it.
pub(super) struct Standing {
    /// A report may still join it.
    pub is_joinable: bool,
    pub is_waiting: bool,
    /// It is held whatever the time, so that it can only be forgotten for lack of memory.
    pub is_held: bool,
}

/// What a report finds: a case to join, or the key under which a new one is to be noted.
pub(super) enum Found {
    Case(u32),
    None { key: u64 },
}

impl Incidents {
    pub(super) fn new(cases_max: u32) -> Self {
        Self {
            cases: Blocks::new(),
            keep_until: Blocks::new(),
            vacant: Vec::new(),
            hand: 0,
            index: Table::new(),
            register: Register::default(),
            accused: BTreeMap::new(),
            cases_max: cases_max as usize,
        }
    }

    /// The case that a report is about: the nearest, then the oldest, of those it may join.
    #[inline]
    pub(super) fn find(&self, head: &Head, city: &City, time: At, at: At) -> Found {
        let Some(policy) = policy_of(city, head.class) else { return Found::None { key: 0 } };
        let Some(search) = Search::of(head, policy, time) else { return Found::None { key: 0 } };
        let mut best: Option<(u64, CaseId, u32)> = None;
        self.look(&search, head, policy, time, at, |case, slot, fitting| {
            if fitting.joins {
                let candidate = (fitting.distance2, case.id, slot);
                best = Some(best.map_or(candidate, |known| known.min(candidate)));
            }
        });
        best.map_or(Found::None { key: search.keys[0] }, |(_, _, slot)| Found::Case(slot))
    }

    /// Looks at every case that is noted where a report looks, and how they fit together.
    #[inline]
    pub(super) fn look(
        &self,
        search: &Search,
        head: &Head,
        policy: &Policy,
        time: At,
        at: At,
        mut each: impl FnMut(&Case, u32, Fitting),
    ) {
        for key in &search.keys[..search.used] {
            self.index.find(shard(*key), *key as u32, |mark| {
                if mark.tag == *key as u32 {
                    let case = &self.cases[mark.slot as usize];
                    if case.key == *key {
                        let is_apart = !policy.merge.joins(case.last_time, time);
                        let is_past = policy.merge.is_past(case.last_time, at);
                        let distance2 = if search.reach2.is_some() { distance2_cm(head.point, case.point) } else { 0 };
                        let joins = !is_apart && !is_past && distance2 <= search.reach2.unwrap_or(0);
                        each(case, mark.slot, Fitting { distance2, is_apart, is_past, joins });
                    }
                }
                false
            });
        }
    }

    /// The places where a report's case will be looked for.
    #[inline]
    pub(super) fn places_of(&self, head: &Head, city: &City, time: At) -> impl Iterator<Item = Noted<'_>> + use<'_> {
        let search = policy_of(city, head.class).and_then(|policy| Search::of(head, policy, time));
        let keys = search.map(|search| search.keys.into_iter().take(search.used)).into_iter().flatten();
        keys.map(|key| self.noted(key))
    }

    /// The places of cases that the hand is about to take back, if so many records are next and the last one has log time `at`.
    #[inline]
    pub(super) fn places_left(&self, records: usize, at: At) -> impl Iterator<Item = Noted<'_>> + use<'_> {
        let next = self.hand..(self.hand + SWEPT * records).min(self.cases.len());
        let past = next.filter(move |slot| self.keep_until[*slot] < at).map(|slot| self.cases[slot].key);
        past.map(|key| self.noted(key))
    }

    #[inline]
    fn noted(&self, key: u64) -> Noted<'_> {
        Noted { tag: key as u32, marks: self.index.first_places(shard(key), key as u32) }
    }

    /// Reads the two cache lines in which a search for marks nearly always ends.
    #[inline]
    pub(super) fn touch(Noted { marks, .. }: Noted<'_>) -> u32 {
        let read = |index: usize| marks.get(index).map_or(0, |mark| mark.slot);
        read(0) ^ read(4)
    }

    /// Where the cases are kept that are marked in a place, as far as the index is not read beyond the end of a shard.
    #[inline]
    pub(super) fn slots_of(Noted { tag, marks }: Noted<'_>) -> impl Iterator<Item = u32> {
        let chain = marks.iter().take_while(|mark| !mark.is_empty());
        chain.filter(move |mark| mark.tag == tag).map(|mark| mark.slot)
    }

    /// Reads the case in a slot and until when it is kept, for the sake of having them near.
    #[inline]
    pub(super) fn touch_case(&self, slot: u32) -> u32 {
        self.cases[slot as usize].key as u32 ^ self.keep_until[slot as usize].0 as u32
    }

    /// A new case, noted under the key that [`Incidents::find`] gave.
    #[inline]
    pub(super) fn open(&mut self, id: CaseId, head: &Head, key: u64, city: &City, time: At) -> u32 {
        let case = Case {
            id,
            last_time: time,
            point: head.point,
            cell: head.cell,
            area: head.area,
            class: head.class,
            condition: head.condition,
            urgency: head.urgency,
            key,
            ..VACATED
        };
        let keep = keep_until(&case, city);
        let slot = if let Some(slot) = self.vacant.pop() {
            self.cases[slot as usize] = case;
            self.keep_until[slot as usize] = keep;
            slot
        } else {
            self.cases.push(case);
            self.keep_until.push(keep);
            self.cases.len() as u32 - 1
        };
        self.cases[slot as usize].line = self.register.note(id, slot);
        if head.against.is_some() {
            self.accuse(id, head.against);
        }
        if key != 0 {
            self.index.insert(shard(key), Mark { tag: key as u32, slot });
        }
        slot
    }

    /// The case in a slot.
    #[inline]
    pub(super) fn case(&self, slot: u32) -> &Case {
        &self.cases[slot as usize]
    }

    /// What a case is about.
    #[inline]
    pub(super) fn matter(&self, slot: u32) -> Matter {
        let Case { id, class, condition, cell, area, point, .. } = *self.case(slot);
        let against = match self.accused.is_empty() {
            true => DepartmentId::NONE,
            false => self.accused_in(id),
        };
        Matter { class, condition, against, cell, area, point }
    }

    /// Whom a case is a complaint about. As what follows, rare, and what is not pays nothing for it.
    #[cold]
    #[inline(never)]
    fn accused_in(&self, case: CaseId) -> DepartmentId {
        self.accused.get(&case).copied().unwrap_or(DepartmentId::NONE)
    }

    #[cold]
    #[inline(never)]
    fn accuse(&mut self, case: CaseId, body: DepartmentId) {
        self.accused.insert(case, body);
    }

    #[cold]
    #[inline(never)]
    fn forget_accused(&mut self, case: CaseId) {
        self.accused.remove(&case);
    }

    /// Changes the case in a slot, and how long it is kept.
    #[inline]
    pub(super) fn change(&mut self, slot: u32, city: &City, change: impl FnOnce(&mut Case)) {
        let case = &mut self.cases[slot as usize];
        change(case);
        self.keep_until[slot as usize] = keep_until(case, city);
        if case.stage == Stage::Closed && case.key != 0 {
            self.leave_index(slot);
        }
    }

    /// Changes what a case is about, and where reports find it that are about the same.
    #[cold]
    #[inline(never)]
    pub(super) fn settle(&mut self, slot: u32, matter: &Matter, city: &City) {
        let (before, matter_before) = (*self.case(slot), self.matter(slot));
        let key = |matter: &Matter| {
            let search =
                policy_of(city, matter.class).and_then(|policy| Search::of(&matter.head(), policy, before.last_time));
            search.map_or(0, |search| search.keys[0])
        };
        // Components and addresses are only kept in the key: it goes on to name them while the class is the same. Under another
        // class the cell stands for them.
        let is_named = matches!(
            policy_of(city, before.class).map(|policy| policy.same_place),
            Some(SamePlace::Component | SamePlace::Address)
        ) && before.key != key(&matter_before);
        let Matter { class, condition, cell, area, point, .. } = *matter;
        let stays = *matter == matter_before || (is_named && class == before.class && before.key != 0);
        if !stays && before.key != 0 {
            self.leave_index(slot);
        }
        let case = &mut self.cases[slot as usize];
        *case = Case { class, condition, cell, area, point, ..*case };
        if !stays {
            case.key = key(matter);
            if case.key != 0 {
                self.index.insert(shard(case.key), Mark { tag: case.key as u32, slot });
            }
        }
        self.keep_until[slot as usize] = keep_until(case, city);
    }

    /// Where a case is kept that must still be kept at log time `at`: one whose time has passed is gone for everybody,
    /// whether or not the hand came by.
    pub(super) fn by_id(&self, id: CaseId, at: At) -> Option<u32> {
        self.register.find(id).filter(|slot| self.keep_until[*slot as usize] >= at)
    }

    /// How a case stands at log time `at`, if it is in memory, its time passed or not.
    pub(super) fn standing(&self, id: CaseId, city: &City, at: At) -> Option<Standing> {
        let slot = self.register.find(id)?;
        let case = self.case(slot);
        let is_past = |policy: &Policy| policy.merge.is_past(case.last_time, at);
        Some(Standing {
            is_joinable: case.key != 0 && policy_of(city, case.class).is_some_and(|policy| !is_past(policy)),
            is_waiting: case.stage == Stage::Waiting,
            is_held: self.keep_until[slot as usize] == HELD,
        })
    }

    /// All that is known of a case, but for where it stands in the register, which decides nothing.
    pub(super) fn find_case(&self, id: CaseId) -> Option<Case> {
        self.register.find(id).map(|slot| Case { line: Line::NONE, ..*self.case(slot) })
    }

    /// Whether no case must be forgotten for lack of memory, if so many records follow.
    pub(super) const fn has_room_for(&self, records: u64) -> bool {
        (self.cases_max as u64).saturating_sub(records) >= self.len() as u64
    }

    /// Number of cases in memory.
    pub(super) const fn len(&self) -> usize {
        self.cases.len() - self.vacant.len()
    }

    /// The hand passes over a few slots and takes back those whose time has passed.
    #[inline]
    pub(super) fn sweep(&mut self, at: At) {
        for _ in 0..SWEPT.min(self.cases.len()) {
            if self.keep_until[self.hand] < at {
                self.forget(self.hand as u32);
            }
            self.hand += 1;
            if self.hand == self.cases.len() {
                self.hand = 0;
            }
        }
    }

    /// The oldest case, if there are more than the bound allows.
    #[inline]
    pub(super) fn beyond_bound(&self) -> Option<u32> {
        if self.len() <= self.cases_max { None } else { self.register.oldest() }
    }

    /// Takes back a slot.
    pub(super) fn forget(&mut self, slot: u32) {
        if self.cases[slot as usize].key != 0 {
            self.leave_index(slot);
        }
        if !self.accused.is_empty() {
            self.forget_accused(self.cases[slot as usize].id);
        }
        let cases = &mut self.cases;
        self.register.forget(cases[slot as usize].line, |slot, line| cases[slot as usize].line = line);
        self.keep_until[slot as usize] = VACANT;
        self.vacant.push(slot);
    }

    fn leave_index(&mut self, slot: u32) {
        let key = std::mem::take(&mut self.cases[slot as usize].key);
        let place: Option<Place> = self.index.find(shard(key), key as u32, |mark| mark.slot == slot);
        self.index.remove(place.expect("a case with a key is in the index"));
    }
}

#[inline]
const fn shard(key: u64) -> u8 {
    (key >> 56) as u8
}

#[inline]
pub(super) fn policy_of(city: &City, class: ClassId) -> Option<&Policy> {
    city.classes.get(class.index()).map(|class| &city.policies[usize::from(class.policy)])
}

/// Until when a case must be kept: while a report can join it, and while something is owed on it.
#[inline]
fn keep_until(case: &Case, city: &City) -> At {
    let owed = match case.stage {
        Stage::Waiting | Stage::Review | Stage::Suspended => true,
        Stage::Assigned | Stage::Accepted | Stage::Done => case.due != Due::NONE,
        Stage::Closed => false,
    };
    if owed {
        return HELD;
    }
    let joinable = case.key != 0 && case.stage != Stage::Closed;
    match policy_of(city, case.class) {
        Some(policy) if joinable => policy.merge.until(case.last_time).min(HELD),
        _ => At(i64::MIN),
    }
}

impl Case {
    fn encode(&self, out: &mut Out) {
        out.u64(self.id.0);
        out.i64(self.last_time.0);
        out.i32(self.point.lng);
        out.i32(self.point.lat);
        out.u32(self.cell.0);
        out.u16(self.area.0);
        out.u16(self.class.0);
        out.u16(self.condition.0);
        out.u8(self.urgency as u8);
        out.u8(self.stage as u8);
        out.u16(self.attempt);
        out.u32(self.unit.0);
        out.i64(self.due.0.0);
        out.u64(self.key);
    }

    fn decode(input: &mut In<'_>) -> Result<Self, Corrupt> {
        Ok(Self {
            id: CaseId(input.u64()?),
            last_time: At(input.i64()?),
            point: Point { lng: input.i32()?, lat: input.i32()? },
            cell: CellId(input.u32()?),
            area: AreaId(input.u16()?),
            class: ClassId(input.u16()?),
            condition: ConditionId(input.u16()?),
            urgency: Urgency::from_code(input.u8()?),
            stage: *Stage::ALL.get(usize::from(input.u8()?)).ok_or(Corrupt)?,
            attempt: input.u16()?,
            unit: UnitId(input.u32()?),
            due: Due(At(input.i64()?)),
            key: input.u64()?,
            line: Line::NONE,
        })
    }
}

impl Incidents {
    /// Writes every slot, forgotten ones too, so that a restored mind takes back memory at the same records as the first.
    pub(super) fn encode(&self, out: &mut Out) {
        out.u64(self.cases.len() as u64);
        for (case, keep) in self.cases.iter().zip(self.keep_until.iter()) {
            out.i64(keep.0);
            if *keep != VACANT {
                case.encode(out);
            }
        }
        out.list(&self.vacant, |out, slot| out.u32(*slot));
        out.u64(self.hand as u64);
        out.u64(self.accused.len() as u64);
        for (case, body) in &self.accused {
            out.u64(case.0);
            out.u16(body.0);
        }
    }

    /// Reads what [`Incidents::encode`] wrote.
    pub(super) fn decode(cases_max: u32, input: &mut In<'_>) -> Result<Self, Corrupt> {
        let mut incidents = Self::new(cases_max);
        let mut order = Vec::new();
        let said = input.u64()?;
        incidents.index = Table::with_room(input.room(said, CASE_BYTES));
        for slot in 0..said {
            let keep = At(input.i64()?);
            let case = if keep == VACANT { VACATED } else { Case::decode(input)? };
            if keep != VACANT {
                order.push((case.id, slot as u32));
            }
            incidents.cases.push(case);
            incidents.keep_until.push(keep);
        }
        order.sort_unstable();
        if order.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(Corrupt);
        }
        for (id, slot) in order {
            incidents.cases[slot as usize].line = incidents.register.note(id, slot);
            let key = incidents.cases[slot as usize].key;
            if key != 0 {
                incidents.index.insert(shard(key), Mark { tag: key as u32, slot });
            }
        }
        incidents.vacant = input.list(In::u32)?;
        incidents.hand = usize::try_from(input.u64()?).map_err(|_| Corrupt)?;
        for _ in 0..input.u64()? {
            incidents.accused.insert(CaseId(input.u64()?), DepartmentId(input.u16()?));
        }
        let slots = incidents.cases.len();
        let in_range = incidents.vacant.iter().all(|slot| (*slot as usize) < slots);
        if in_range && (incidents.hand < slots || incidents.hand == 0) { Ok(incidents) } else { Err(Corrupt) }
    }
}
