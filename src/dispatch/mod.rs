//! The mind: what is decided about every record, and nothing else.
//!
//! [`Dispatcher::apply`] is the whole of it: the same records in the same order give the same effects, byte for byte. It knows no
//! clock, file, socket, thread, environment or random number; it never sees a body; its work for one record is bounded, and
//! counted in steps, never in time.

mod desk;
mod few;
mod incident;
mod orders;
mod outlook;
mod register;
mod review;
mod seen;
mod sieve;
mod slab;
mod state;
mod table;
mod weigh;

use std::sync::Arc;

use crate::city::City;
use crate::effect::{Doubt, Effect, Effects, Forgotten, Why};
use crate::ids::{CaseId, Seq, UnitId};
use crate::record::{Head, Input, Origin, Record, Tally};
use crate::weighed::Stage;
use desk::Desks;
use few::Few;
use incident::{Found, Incidents, PLACES_MAX, SWEPT};
use orders::Matter;
pub use outlook::Outlook;
use seen::{Seen, SeenSet, Ticket};
pub use state::Corrupt;
use state::{In, Out};

/// The version of the mind. Another version may decide otherwise; journals and snapshots name theirs.
pub const MIND_VERSION: u32 = 3;

/// Upper bounds in bytes of what an id and a case take, their share of the tables included: those are 4/9 full right after
/// they grew.
pub const BYTES_OF_ID_AND_CASE: (u64, u64) = (80, 160);

/// Most records that [`Dispatcher::touch`] takes at once.
pub const TOUCHED_MAX: usize = 32;

/// The dispatcher's state, and the step that changes it.
pub struct Dispatcher {
    city: Arc<City>,
    seen: SeenSet,
    incidents: Incidents,
    desks: Desks,
}

impl Dispatcher {
    /// A mind that has seen nothing.
    pub fn new(city: Arc<City>) -> Self {
        Self {
            seen: SeenSet::new(&city.dedup_windows, city.memory.ids_max),
            incidents: Incidents::new(city.memory.cases_max),
            desks: Desks::new(&city.roster),
            city,
        }
    }

    /// Decides about one record.
    #[inline]
    pub fn apply(&mut self, record: &Record, out: &mut Effects) {
        self.incidents.sweep(record.at);
        match &record.input {
            Input::Report(head) => self.on_report(record, head, out),
            Input::Action(action) => {
                if self.first_time(record, out) {
                    self.on_action(record, action, out);
                }
            }
            Input::Unit(change) => {
                if self.first_time(record, out) {
                    self.on_unit(record, change, out);
                }
            }
            Input::Ruling(ruling) => {
                if self.first_time(record, out) {
                    self.on_ruling(record, ruling, out);
                }
            }
            Input::Tally(tally) => on_tally(record, tally, out),
        }
        self.serve_waiting(record, out);
        self.keep_bounds(record.seq, out);
    }

    /// Reads the lines of memory that some records will need, so that their cache misses overlap: first all addresses are
    /// worked out, then all are read. Changes and decides nothing; the number it gives is only there to be used.
    #[inline]
    pub fn touch(&self, records: &[Record]) -> u32 {
        let mut seen = Few::<_, { seen::SLICES_MAX * TOUCHED_MAX }>::new();
        let mut marks = Few::<_, { PLACES_MAX * TOUCHED_MAX }>::new();
        for record in records {
            let Input::Report(head) = &record.input else { continue };
            let time = record.origin.time_or(record.at);
            let places = self.seen.places_of(self.family(record), record.origin.fingerprint, time);
            places.for_each(|entries| seen.push(entries));
            self.incidents.places_of(head, &self.city, time).for_each(|noted| marks.push(noted));
        }
        let mut left = Few::<_, { SWEPT * TOUCHED_MAX }>::new();
        if let Some(last) = records.last() {
            self.incidents.places_left(records.len(), last.at).for_each(|marks| left.push(marks));
        }
        let mut sum = seen.iter().fold(0, |sum, entries| sum ^ SeenSet::touch(entries));
        sum ^= left.iter().fold(0, |sum, marks| sum ^ Incidents::touch(marks));
        sum ^= marks.iter().fold(0, |sum, marks| sum ^ Incidents::touch(marks));
        // Marks lead to the cases that they stand for: what comes next wants those too.
        let mut slots = Few::<_, { PLACES_MAX * TOUCHED_MAX }>::new();
        marks.iter().for_each(|marks| Incidents::slots_of(marks).for_each(|slot| slots.push(slot)));
        for slot in slots.iter() {
            sum ^= self.incidents.touch_case(slot);
        }
        sum
    }

    #[inline]
    fn on_report(&mut self, record: &Record, head: &Head, out: &mut Effects) {
        let (source, time) = (record.origin.source, record.origin.time_or(record.at));
        let (ticket, late) = match self.admit(record) {
            Seen::Unique(ticket) => (Some(ticket), false),
            Seen::Duplicate { of, case, conflict } => {
                return out.push(record.seq, Effect::Duplicate { source, of, case, conflict });
            }
            // Too late to be told from a re-send: what is urgent goes out all the same, and says that it is late.
            Seen::Expired { .. } if head.keep_late => (None, true),
            Seen::Expired { late_ms } => return out.push(record.seq, Effect::Expired { source, late_ms }),
        };
        let case = match self.incidents.find(head, &self.city, time, record.at) {
            Found::Case(slot) => self.join(slot, record, head, late, out),
            Found::None { key } => self.open(key, record, head, late, out),
        };
        if let Some(ticket) = ticket {
            self.seen.settle(ticket, case);
        }
    }

    #[inline]
    fn admit(&mut self, record: &Record) -> Seen {
        let Origin { fingerprint, body_hash, .. } = record.origin;
        let family = self.family(record);
        let time = record.origin.time_or(record.at);
        self.seen.admit(family, fingerprint, time, record.at, record.seq, body_hash)
    }

    /// Which dedup window a record's source has.
    #[inline]
    fn family(&self, record: &Record) -> u8 {
        self.city.sources[record.origin.source.index()].dedup
    }

    /// Whether an action or a unit's word is said for the first time. Late ones count: what a crew did, it did.
    fn first_time(&mut self, record: &Record, out: &mut Effects) -> bool {
        match self.admit(record) {
            Seen::Unique(Ticket { .. }) | Seen::Expired { .. } => true,
            Seen::Duplicate { of, case, conflict } => {
                let source = record.origin.source;
                out.push(record.seq, Effect::Duplicate { source, of, case, conflict });
                false
            }
        }
    }

    #[inline]
    fn join(&mut self, slot: u32, record: &Record, head: &Head, late: bool, out: &mut Effects) -> CaseId {
        let time = record.origin.time_or(record.at);
        let (case, before) = (self.incidents.case(slot).id, self.incidents.case(slot).urgency);
        let urgency = before.max(head.urgency);
        let (class, cell, area, source) = (head.class, head.cell, head.area, record.origin.source);
        out.push(record.seq, Effect::Merged { source, case, class, cell, area, urgency, late });
        if urgency > before {
            self.rearrange(slot, |case| case.urgency = urgency);
            out.push(record.seq, Effect::Raised { case, urgency });
            if self.incidents.case(slot).stage == Stage::Suspended {
                // What becomes more urgent rests no longer.
                self.resume(slot, record, out);
            }
        }
        if head.condition.is_some() {
            self.file(slot, head.condition, record, out);
        }
        self.incidents.change(slot, &self.city, |case| case.last_time = case.last_time.max(time));
        case
    }

    #[inline]
    fn open(&mut self, key: u64, record: &Record, head: &Head, late: bool, out: &mut Effects) -> CaseId {
        let case = CaseId(record.seq.0);
        let Head { class, cell, area, urgency, .. } = *head;
        let source = record.origin.source;
        out.push(record.seq, Effect::Opened { source, case, class, cell, area, urgency, late });
        if head.condition.is_some() {
            out.push(record.seq, Effect::Filed { case, condition: head.condition, due: None });
        }
        let slot = self.incidents.open(case, head, key, &self.city, record.origin.time_or(record.at));
        match doubt(&Matter::of(head)) {
            Some(doubt) => self.review(slot, record.seq, doubt, out),
            None => self.assign(slot, record, Why::New, UnitId::NONE, out),
        }
        case
    }

    #[inline]
    fn keep_bounds(&mut self, seq: Seq, out: &mut Effects) {
        if let Some(ids) = self.seen.keep_bound() {
            out.push(seq, Effect::Forgot { what: Forgotten::Ids, ids, case: CaseId::NONE });
        }
        if let Some(slot) = self.incidents.beyond_bound() {
            self.end_wait(slot);
            let case = self.incidents.case(slot).id;
            self.incidents.forget(slot);
            out.push(seq, Effect::Forgot { what: Forgotten::Case, ids: 0, case });
        }
    }

    /// How much is remembered: ids and cases.
    pub fn size(&self) -> (usize, usize) {
        (self.seen.len(), self.incidents.len())
    }

    /// Bytes of memory at most, besides the city: tables are at least four ninths full.
    pub fn bytes_max(city: &City) -> u64 {
        let (ids, cases) = (u64::from(city.memory.ids_max), u64::from(city.memory.cases_max));
        let per_table = |entry: usize| entry as u64 * 9 / 4;
        ids * per_table(seen::ENTRY_BYTES)
            + cases * (incident::CASE_BYTES as u64 + incident::ACCUSED_BYTES + 8 + per_table(8))
    }

    /// The whole state as bytes. Equal states give equal bytes.
    pub fn encode(&self) -> Vec<u8> {
        self.encode_into(Vec::new())
    }

    /// As [`Dispatcher::encode`], in the room of bytes that nobody needs any more.
    pub fn encode_into(&self, room: Vec<u8>) -> Vec<u8> {
        let (ids, cases) = self.size();
        let mut out = Out::in_room_of(room, ids * seen::ENTRY_BYTES + cases * incident::CASE_BYTES * 4 / 3);
        out.u32(MIND_VERSION);
        out.u64(self.city.version);
        self.seen.encode(&mut out);
        self.incidents.encode(&mut out);
        self.desks.encode(&mut out);
        out.into_bytes()
    }

    /// A mind from what [`Dispatcher::encode`] wrote for the same city.
    ///
    /// # Errors
    /// If the bytes are not such a state.
    pub fn decode(city: Arc<City>, bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut input = In::new(bytes);
        if input.u32()? != MIND_VERSION || input.u64()? != city.version {
            return Err(Corrupt);
        }
        let mind = Self {
            seen: SeenSet::decode(&city.dedup_windows, city.memory.ids_max, &mut input)?,
            incidents: Incidents::decode(city.memory.cases_max, &mut input)?,
            desks: Desks::decode(&city.roster, &mut input)?,
            city,
        };
        if input.is_empty() { Ok(mind) } else { Err(Corrupt) }
    }
}

fn on_tally(record: &Record, tally: &Tally, out: &mut Effects) {
    let Tally { turned, count, field, reason, .. } = *tally;
    out.push(record.seq, Effect::Tallied { source: record.origin.source, turned, field, reason, count });
}

/// What keeps a matter from being dispatched by the machine.
#[inline]
fn doubt(matter: &Matter) -> Option<Doubt> {
    // Whoever only says in words where something is may name an area and no place in it.
    match (matter.area.is_some(), matter.class.is_some()) {
        (true, true) => None,
        (true, false) => Some(Doubt::NoClass),
        (false, _) if matter.point.is_some() => Some(Doubt::OutsideDistrict),
        (false, _) => Some(Doubt::NoPlace),
    }
}
