//! The board: cases, orders, units and cells as they are now, and what changed since a moment.
//!
//! A fold of records and effects like every view, so a board after a recovery is the board before it. It holds so many cases and no
//! more. That the mind forgot a case changes nothing on the board: what happened, happened.

mod case;
mod cell;
mod index;
mod kept;
mod page;
mod queue;
mod shown;
mod trail;
mod unit;

use serde::Serialize;
use utoipa::ToSchema;

pub use case::{Case, Sources};
pub use cell::{Cell, Counts};
pub use kept::KeptBoard;
pub use page::{CaseFilter, LOOKED_AT_MAX, PAGE_MAX, Page, UnitFilter, UnitPage};
pub use shown::{CaseMembers, CaseShown, CellMembers, CellShown, OrderMembers, OrderShown, UnitMembers, UnitShown};
pub use unit::Unit;

use crate::city::City;
use crate::effect::Effect;
use crate::geo::Point;
use crate::ids::{CaseId, ConditionId, DepartmentId, Seq, UnitId};
use crate::record::{Input, Record};
use crate::report::Urgency;
use crate::time::At;
use crate::weighed::Stage;

use case::Cases;
use cell::Cells;
use queue::Queue;
use unit::Units;

/// Cases that are not closed, by urgency.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, ToSchema)]
pub struct Open {
    /// Urgent.
    #[serde(rename = "A")]
    pub a: u64,
    /// Important.
    #[serde(rename = "B")]
    pub b: u64,
    /// Routine.
    #[serde(rename = "C")]
    pub c: u64,
}

impl Open {
    const fn of(&mut self, urgency: Urgency) -> &mut u64 {
        match urgency {
            Urgency::A => &mut self.a,
            Urgency::B => &mut self.b,
            Urgency::C => &mut self.c,
        }
    }
}

/// Cases that are not closed, by how far they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, ToSchema)]
pub struct Stages {
    /// On a desk, for a unit.
    pub waiting: u64,
    /// With people.
    pub review: u64,
    /// With a unit.
    pub assigned: u64,
    /// Under way.
    pub accepted: u64,
    /// Resting; their clocks stand still.
    pub suspended: u64,
    /// Done, and not yet closed.
    pub done: u64,
}

impl Stages {
    const fn of(&mut self, stage: Stage) -> Option<&mut u64> {
        match stage {
            Stage::Waiting => Some(&mut self.waiting),
            Stage::Review => Some(&mut self.review),
            Stage::Assigned => Some(&mut self.assigned),
            Stage::Accepted => Some(&mut self.accepted),
            Stage::Suspended => Some(&mut self.suspended),
            Stage::Done => Some(&mut self.done),
            Stage::Closed => None,
        }
    }
}

/// A fold of records and effects: how things are now.
#[derive(Debug)]
pub struct Board {
    version: Seq,
    at: At,
    cases: Cases,
    cases_max: usize,
    cells: Cells,
    units: Units,
    open: Open,
    stages: Stages,
    open_dropped: u64,
    /// Cases that people must look at.
    queue: Queue,
}

/// Most cases that room is made for at the beginning; for more the tables grow.
const ROOM_MAX: usize = (1 << 20) - 1;

/// How a case is counted: its stage and urgency.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Standing(Stage, Urgency);

impl Standing {
    const fn of(case: &Case) -> Self {
        Self(case.stage, case.urgency)
    }

    /// That of a case that is not there.
    const GONE: Self = Self(Stage::Closed, Urgency::C);
}

impl Board {
    /// An empty board of a city, which holds at most so many cases.
    pub fn new(city: &City, cases_max: usize) -> Self {
        Self {
            version: Seq(0),
            at: At(0),
            // One more than are held, until one was dropped.
            cases: Cases::with_room(cases_max.min(ROOM_MAX) + 1),
            cases_max: cases_max.min(u32::MAX as usize / 2),
            cells: Cells::new(),
            units: Units::new(&city.roster),
            open: Open::default(),
            stages: Stages::default(),
            open_dropped: 0,
            queue: Queue::default(),
        }
    }

    /// Bytes of memory for so many cases, besides what city and cells take.
    pub const fn bytes_max(cases_max: usize) -> u64 {
        // A case, its entry in an index of twice its number rounded up, its links in three trails, and its place in the queue.
        (cases_max as u64) * (size_of::<Case>() as u64 + 4 * 8 + 3 * 8 + Queue::ENTRY_BYTES_MAX)
    }

    /// The board of a city as bytes: what [`Board::restored`] takes.
    pub fn kept(&self) -> impl Serialize + use<'_> {
        kept::Kept::of(self)
    }

    /// A board from what [`Board::kept`] gave of one of the same city; nothing if it is not that.
    pub fn restored(city: &City, cases_max: usize, kept: KeptBoard) -> Option<Self> {
        kept.restore(Self::new(city, cases_max))
    }

    /// The last record that is in it.
    pub const fn version(&self) -> Seq {
        self.version
    }

    /// Log time of that record.
    pub const fn at(&self) -> At {
        self.at
    }

    /// Cases that are not closed.
    pub const fn open(&self) -> Open {
        self.open
    }

    /// The same cases by stage.
    pub const fn stages(&self) -> Stages {
        self.stages
    }

    /// How many cases had to leave the board before they were closed, because there was no room: they are in no count any more.
    pub const fn open_dropped(&self) -> u64 {
        self.open_dropped
    }

    /// A case, if the board still has it.
    pub fn case(&self, case: CaseId) -> Option<&Case> {
        self.cases.get(case)
    }

    /// Cases that people must look at, the most urgent first, then the oldest.
    pub fn queue(&self) -> impl Iterator<Item = &Case> {
        self.queue.iter().filter_map(|case| self.cases.get(case))
    }

    /// Whether people must look at a case.
    pub fn is_queued(&self, case: CaseId) -> bool {
        self.cases.get(case).is_some_and(Queue::has)
    }

    /// How many there are.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Cells with open cases, in the order in which they had their first.
    pub fn open_cells(&self) -> impl Iterator<Item = &Cell> {
        self.cells.open()
    }

    /// What changed behind a record, the newest `cases_max` of the cases.
    pub const fn changes(&self, since: Seq, cases_max: usize) -> Changes<'_> {
        Changes { board: self, since, cases_max }
    }

    /// Brings near what effects will change that are about to be folded, a batch of them at once.
    pub fn touch(&self, effects: &[(Seq, Effect)]) {
        // A case that is opened lies where nothing is to be looked for.
        let merged = |(_, effect): &(Seq, Effect)| match *effect {
            Effect::Merged { case, .. } => Some(case),
            _ => None,
        };
        self.cases.touch(effects.iter().filter_map(merged));
    }

    /// Takes in a record and the effects that it caused.
    #[inline]
    pub fn fold(&mut self, record: &Record, effects: &[(Seq, Effect)]) {
        (self.version, self.at) = (record.seq, record.at);
        for (_, effect) in effects {
            self.fold_effect(effect, record);
        }
        while self.cases.len() > self.cases_max {
            self.drop_one();
        }
    }

    #[inline]
    fn fold_effect(&mut self, effect: &Effect, record: &Record) {
        match *effect {
            Effect::Opened { .. } => self.open_case(effect, record),
            Effect::Merged { source, case, .. } => self.change(case, record, |case| {
                case.reports = case.reports.saturating_add(1);
                case.sources.add(source);
            }),
            Effect::Filed { case, condition, due } => self.change(case, record, |case| {
                (case.condition, case.due) = (condition, due.or(case.due));
            }),
            Effect::Raised { case, urgency } => self.change(case, record, |case| case.urgency = urgency),
            Effect::Assigned { order, unit, department, urgency, due, .. } => {
                self.units.take(unit, record.seq);
                self.change(order.case, record, |case| {
                    (case.stage, case.doubt) = (Stage::Assigned, None);
                    (case.attempts, case.unit, case.department) = (order.attempt, unit, department);
                    (case.urgency, case.due) = (urgency, due);
                });
            }
            Effect::Waiting { case, department, .. } => self.change(case, record, |case| {
                (case.stage, case.doubt) = (Stage::Waiting, None);
                (case.unit, case.department) = (UnitId::NONE, department);
            }),
            Effect::Review { case, doubt } => self.change(case, record, |case| {
                (case.stage, case.doubt) = (Stage::Review, Some(doubt));
                (case.unit, case.department) = (UnitId::NONE, DepartmentId::NONE);
            }),
            Effect::Accepted { order, .. } => {
                self.change(order.case, record, |case| case.stage = Stage::Accepted);
            }
            Effect::Ruled { .. } => self.rule(effect, record),
            // What becomes of the case is said by the effect behind.
            Effect::Returned { order, unit } => {
                self.units.release(unit, record.seq);
                self.change(order.case, record, |case| {
                    (case.unit, case.department) = (UnitId::NONE, DepartmentId::NONE);
                });
            }
            Effect::Done { order, unit } => {
                self.units.release(unit, record.seq);
                self.change(order.case, record, |case| case.stage = Stage::Done);
            }
            Effect::Suspended { order, unit } => {
                self.units.release(unit, record.seq);
                self.change(order.case, record, |case| (case.stage, case.due) = (Stage::Suspended, None));
            }
            Effect::Resumed { order, unit, due } => {
                self.units.take(unit, record.seq);
                self.change(order.case, record, |case| (case.stage, case.due) = (Stage::Accepted, due));
            }
            Effect::Closed { case } => self.change(case, record, |case| case.stage = Stage::Closed),
            Effect::UnitChanged { unit, status, load, capacity } => {
                self.units.say(unit, status, load, capacity, record);
            }
            Effect::Tallied { .. }
            | Effect::Duplicate { .. }
            | Effect::Expired { .. }
            | Effect::Refused { .. }
            | Effect::Forgot { .. } => {}
        }
    }

    fn open_case(&mut self, effect: &Effect, record: &Record) {
        let Effect::Opened { source, case: id, class, cell, area, urgency, .. } = *effect else { return };
        let point = match &record.input {
            Input::Report(head) => head.point,
            _ => Point::NONE,
        };
        let cells = &mut self.cells;
        let opened = self.cases.open(id, || Case {
            id,
            version: record.seq,
            point,
            cell,
            area,
            class,
            condition: ConditionId::NONE,
            urgency,
            stage: Stage::Review,
            reports: 1,
            sources: Sources::of(source),
            opened_at: record.at,
            changed_at: record.at,
            department: DepartmentId::NONE,
            unit: UnitId::NONE,
            attempts: 0,
            due: None,
            doubt: None,
            cell_place: cells.place(cell, record.seq),
        });
        if let Some(case) = opened {
            let (place, standing) = (case.cell_place, Standing::of(case));
            self.recount(place, Standing::GONE, standing, record.seq);
        }
    }

    /// Takes in what people decided: the case may lie in another cell from now on.
    #[cold]
    fn rule(&mut self, effect: &Effect, record: &Record) {
        let Effect::Ruled { case, class, cell, area, point, urgency } = *effect else { return };
        let Some(place) = self.cases.place(case) else { return };
        let cell_place = self.cells.place(cell, record.seq);
        let mut before = (None, Standing::GONE);
        let queue = &mut self.queue;
        let case = self.cases.change(place, |case| {
            before = (case.cell_place, Standing::of(case));
            queue.change(case, |case| {
                if case.class != class {
                    // A condition is one of its class.
                    case.condition = ConditionId::NONE;
                }
                (case.class, case.cell, case.area, case.point, case.urgency) = (class, cell, area, point, urgency);
            });
            (case.version, case.changed_at, case.cell_place) = (record.seq, record.at, cell_place);
        });
        let after = Standing::of(case);
        self.recount(before.0, before.1, Standing::GONE, record.seq);
        self.recount(cell_place, Standing::GONE, after, record.seq);
    }

    /// Changes a case, unless it left the board.
    #[inline]
    fn change(&mut self, case: CaseId, record: &Record, change: impl FnOnce(&mut Case)) {
        let Some(place) = self.cases.place(case) else { return };
        let mut before = Standing::GONE;
        let queue = &mut self.queue;
        let case = self.cases.change(place, |case| {
            before = Standing::of(case);
            queue.change(case, change);
            (case.version, case.changed_at) = (record.seq, record.at);
        });
        let (cell, after) = (case.cell_place, Standing::of(case));
        if before != after {
            self.recount(cell, before, after, record.seq);
        }
    }

    /// Counts a case differently from now on.
    fn recount(&mut self, cell: Option<u32>, before: Standing, after: Standing, seq: Seq) {
        let (from, to) = (Counts::of(before.0, before.1), Counts::of(after.0, after.1));
        *self.open.of(after.1) += u64::from(to.open);
        *self.open.of(before.1) -= u64::from(from.open);
        if let Some(count) = self.stages.of(after.0) {
            *count += 1;
        }
        if let Some(count) = self.stages.of(before.0) {
            *count -= 1;
        }
        if let Some(cell) = cell {
            self.cells.recount(cell, from, to, seq);
        }
    }

    #[cold]
    fn drop_one(&mut self) {
        let Some(case) = self.cases.drop_one() else { return };
        let (cell, standing) = (case.cell_place, Standing::of(case));
        self.queue.drop(case);
        if standing.0 != Stage::Closed {
            self.open_dropped += 1;
            self.recount(cell, standing, Standing::GONE, self.version);
        }
    }
}

/// What changed on a board behind a record. Only what changed is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Changes<'a> {
    board: &'a Board,
    since: Seq,
    cases_max: usize,
}

impl<'a> Changes<'a> {
    /// Cells whose counts changed, the newest change first; also those where nothing is open any more.
    pub fn cells(&self) -> impl Iterator<Item = &'a Cell> + use<'a> {
        let since = self.since;
        self.board.cells.by_change().take_while(move |cell| cell.version > since)
    }

    /// Cases that changed, the newest change first, not more than were asked for.
    pub fn cases(&self) -> impl Iterator<Item = &'a Case> + use<'a> {
        self.all_cases().take(self.cases_max)
    }

    /// Whether more cases changed than were asked for.
    pub fn has_more_cases(&self) -> bool {
        self.all_cases().nth(self.cases_max).is_some()
    }

    /// Whether no case and no cell changed.
    pub fn is_empty(&self) -> bool {
        self.all_cases().next().is_none() && self.cells().next().is_none()
    }

    fn all_cases(&self) -> impl Iterator<Item = &'a Case> + use<'a> {
        let since = self.since;
        self.board.cases.by_change().take_while(move |case| case.version > since)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::effect::{Doubt, Effects, Forgotten, Refusal, Scope, Tier, Waits, Why};
    use crate::fingerprint::HashKey;
    use crate::geo::FinePoint;
    use crate::ids::{AreaId, CellId, ClassId, OrderId, SourceId};
    use crate::ingest::door::Door;
    use crate::ingest::input::Chunk;
    use crate::journal::frame::{Frame, Position};
    use crate::lane::Lane;
    use crate::record::{Head, UnitChange};
    use crate::report::UnitStatus;
    use crate::view::ledger::Ledger;
    use crate::view::overview;

    const START: i64 = 1_767_225_600_000;
    const POINT: Point = Point { lng: 121_506_000, lat: 31_240_001 };

    fn record(seq: u64, input: Input) -> Record {
        Record { at: At(START + seq as i64), ..Record::sample(seq, 0, input) }
    }

    fn report() -> Input {
        Input::Report(Head { point: POINT, ..Head::SAMPLE })
    }

    fn order(case: u64, attempt: u16) -> OrderId {
        OrderId { case: CaseId(case), attempt }
    }

    fn opened(case: u64, cell: CellId, urgency: Urgency) -> Effect {
        let (source, class, area) = (SourceId(0), ClassId(0), AreaId(0));
        Effect::Opened { source, case: CaseId(case), class, cell, area, urgency, late: false }
    }

    fn merged(case: u64, source: u16) -> Effect {
        let (class, cell, area) = (ClassId(0), CellId(0), AreaId(0));
        let urgency = Urgency::C;
        Effect::Merged { source: SourceId(source), case: CaseId(case), class, cell, area, urgency, late: false }
    }

    fn assigned(case: u64, attempt: u16, unit: u32, urgency: Urgency) -> Effect {
        Effect::Assigned {
            order: order(case, attempt),
            unit: UnitId(unit),
            department: DepartmentId(0),
            class: ClassId(0),
            cell: CellId(0),
            area: AreaId(0),
            tier: Tier::District,
            scope: Scope::District,
            urgency,
            why: Why::New,
            due: Some(At(START + 60_000)),
        }
    }

    fn waiting(case: u64) -> Effect {
        Effect::Waiting { case: CaseId(case), department: DepartmentId(1), why: Waits::NoFreeUnit }
    }

    /// Folds one record with the effects that it caused.
    fn fold(board: &mut Board, seq: u64, input: Input, effects: &[Effect]) {
        let effects: Vec<_> = effects.iter().map(|effect| (Seq(seq), *effect)).collect();
        board.fold(&record(seq, input), &effects);
    }

    fn shown(city: &City, board: &Board, case: u64) -> Value {
        let case = board.case(CaseId(case)).expect("held");
        serde_json::to_value(CaseShown { city, case }).expect("JSON")
    }

    /// What a case shows of its stage: stage, urgency, reports, order, unit is there, department, doubt, unit 0's load, and its
    /// cell's open, urgent, waiting and review.
    fn brief(city: &City, board: &Board, case: u64) -> String {
        let json = shown(city, board, case);
        let word = |key: &str| json[key].as_str().unwrap_or("-").to_owned();
        let counts = board.cells.by_change().next().expect("a cell").counts;
        format!(
            "{} {}{} {} {} {} {} load {} cell {}{}{}{}",
            word("stage"),
            word("urgency"),
            json["reports"],
            word("order"),
            word("unit"),
            word("department"),
            word("doubt"),
            board.units.as_slice()[0].load,
            counts.open,
            counts.urgent,
            counts.waiting,
            counts.review,
        )
    }

    #[test]
    fn every_transition_is_shown() {
        let city = City::pudong();
        let mut board = Board::new(&city, 10);
        let (a, b) = (&*city.departments[0].code, &*city.departments[1].code);
        let unit = &*city.roster.units()[0].code;
        let accepted = |attempt| Effect::Accepted { order: order(1, attempt), unit: UnitId(0) };
        let returned = |attempt| Effect::Returned { order: order(1, attempt), unit: UnitId(0) };
        let done = Effect::Done { order: order(1, 3), unit: UnitId(0) };
        let review = Effect::Review { case: CaseId(1), doubt: Doubt::AllReturned };
        let refused = Effect::Refused { source: SourceId(0), order: order(1, 1), why: Refusal::Superseded };
        let again = Effect::Duplicate { source: SourceId(0), of: Seq(1), case: CaseId(1), conflict: false };
        let raised = Effect::Raised { case: CaseId(1), urgency: Urgency::A };
        let forgot = Effect::Forgot { what: Forgotten::Case, ids: 0, case: CaseId(1) };
        let steps: [(&[Effect], String); 13] = [
            (&[opened(1, CellId(7), Urgency::C), waiting(1)], format!("waiting C1 - - {b} - load 0 cell 1010")),
            (&[merged(1, 1)], format!("waiting C2 - - {b} - load 0 cell 1010")),
            (&[merged(1, 0), raised], format!("waiting A3 - - {b} - load 0 cell 1110")),
            (&[assigned(1, 1, 0, Urgency::A)], format!("assigned A3 1-1 {unit} {a} - load 1 cell 1100")),
            (&[accepted(1)], format!("accepted A3 1-1 {unit} {a} - load 1 cell 1100")),
            (&[returned(1), waiting(1)], format!("waiting A3 1-1 - {b} - load 0 cell 1110")),
            (&[assigned(1, 2, 0, Urgency::A)], format!("assigned A3 1-2 {unit} {a} - load 1 cell 1100")),
            (&[returned(2), review], "review A3 1-2 - - all_returned load 0 cell 1101".to_owned()),
            (&[assigned(1, 3, 0, Urgency::A)], format!("assigned A3 1-3 {unit} {a} - load 1 cell 1100")),
            (&[refused], format!("assigned A3 1-3 {unit} {a} - load 1 cell 1100")),
            (&[done], format!("done A3 1-3 {unit} {a} - load 0 cell 1100")),
            (&[again, forgot], format!("done A3 1-3 {unit} {a} - load 0 cell 1100")),
            (&[Effect::Closed { case: CaseId(1) }], format!("closed A3 1-3 {unit} {a} - load 0 cell 0000")),
        ];
        for (seq, (effects, expected)) in (1..).zip(&steps) {
            let before = board.case(CaseId(1)).map(|case| case.version);
            fold(&mut board, seq, report(), effects);
            assert_eq!(brief(&city, &board, 1), *expected, "step {seq}");
            let case = board.case(CaseId(1)).expect("held");
            let untouched = matches!(effects[0], Effect::Refused { .. } | Effect::Duplicate { .. });
            assert_eq!(case.version, if untouched { before.expect("held") } else { Seq(seq) });
            assert_eq!(case.changed_at.0, START + case.version.0 as i64);
        }
        assert_eq!((board.open(), board.stages()), (Open::default(), Stages::default()));
        assert_eq!(board.case(CaseId(1)).expect("held").due, Some(At(START + 60_000)));
        let gone: Vec<_> = board.changes(Seq(12), 9).cells().map(|cell| (cell.cell, cell.counts.open)).collect();
        assert_eq!(gone, [(CellId(7), 0)], "a cell where nothing is open any more is a change");
        assert_eq!((board.open_cells().count(), board.version()), (0, Seq(13)));
        assert!(board.changes(Seq(13), 9).is_empty() && !board.changes(Seq(12), 9).is_empty());
    }

    #[test]
    fn units_are_as_they_said_last() {
        let city = City::pudong();
        let mut board = Board::new(&city, 10);
        fold(&mut board, 1, report(), &[opened(1, CellId(0), Urgency::B), assigned(1, 1, 0, Urgency::B)]);
        let said = |point| {
            Input::Unit(UnitChange { unit: UnitId(0), status: Some(UnitStatus::Busy), point, capacity: Some(5) })
        };
        let changed = Effect::UnitChanged { unit: UnitId(0), status: UnitStatus::Busy, load: 1, capacity: 5 };
        fold(&mut board, 2, said(POINT), &[changed]);
        fold(&mut board, 3, said(Point::NONE), &[changed]);
        let unit = board.units(&UnitFilter::default()).units[0];
        let show = |unit| serde_json::to_value(UnitShown { city: &city, unit }).expect("JSON");
        assert_eq!(
            show(unit),
            json!({"unit": city.roster.units()[0].code, "department": city.departments[1].code, "area": city.areas[0].code,
                "status": "busy", "load": 1, "capacity": 5, "lng": 121.506, "lat": 31.240_001})
        );
        assert_eq!(unit.version, Seq(3));
        let fire = city.roster.by_code("消防张江站").expect("a unit");
        let page = board.units(&UnitFilter { after: Some(UnitId(fire.0 - 1)), limit: 1, ..UnitFilter::default() });
        assert_eq!(
            show(page.units[0]),
            json!({"unit": "消防张江站", "department": "D-FIRE", "area": null, "status": "available", "load": 0,
                "capacity": 8, "lng": 121.595, "lat": 31.205})
        );
        let unlimited = Unit { capacity: u32::MAX, point: Point::NONE, ..*unit };
        let json = show(&unlimited);
        assert!(json["capacity"].is_null() && json["lng"].is_null() && json["lat"].is_null());
    }

    #[test]
    fn a_case_and_a_cell_are_written_as_agreed() {
        let city = City::pudong();
        let mut board = Board::new(&city, 10);
        let cell = city.grid.cell(POINT).expect("inside");
        fold(&mut board, 123, report(), &[opened(123, cell, Urgency::A), assigned(123, 1, 0, Urgency::A)]);
        fold(&mut board, 124, report(), &[merged(123, 4)]);
        let unit = &city.roster.units()[0].code;
        let (class, area, department) = (&city.classes[0].named.code, &city.areas[0].code, &city.departments[0].code);
        let expected = format!(
            "{{\"case\":123,\"tracking\":\"{}\",\"class\":\"{class}\",\"condition\":null,\"area\":\"{area}\",\"cell\":\"{}\",\"urgency\":\"A\",\
             \"stage\":\"assigned\",\"reports\":2,\"sources\":[\"12345\",\"app\"],\"opened_at\":{},\"changed_at\":{},\
             \"order\":\"123-1\",\"unit\":\"{unit}\",\"department\":\"{department}\",\"due\":{},\"doubt\":null,\
             \"lng\":121.506,\"lat\":31.240001}}",
            crate::ids::Tracking(Seq(123)),
            city.grid.code(cell, &city.areas),
            START + 123,
            START + 124,
            START + 60_000,
        );
        let case = board.case(CaseId(123)).expect("held");
        assert_eq!(serde_json::to_string(&CaseShown { city: &city, case }).expect("JSON"), expected);

        let cell = board.open_cells().next().expect("one");
        let json = serde_json::to_value(CellShown { city: &city, cell }).expect("JSON");
        let bounds: [f64; 4] = serde_json::from_value(json["box"].clone()).expect("four numbers");
        let [west, south, east, north] = bounds.map(|degrees| (degrees * 1e6).round() as i32);
        assert!(west <= POINT.lng && POINT.lng < east && south <= POINT.lat && POINT.lat < north);
        assert_eq!((east - west, north - south), (1970, 1690));
        assert_eq!(
            json,
            json!({"cell": city.grid.code(cell.cell, &city.areas).to_string(), "box": bounds, "open": 1, "urgent": 1, "waiting": 0,
                "review": 0})
        );
        assert_eq!(serde_json::to_value(board.open()).expect("JSON"), json!({"A": 1, "B": 0, "C": 0}));

        // What is known of nothing.
        let unknown = Effect::Opened {
            source: SourceId::NONE,
            case: CaseId(125),
            class: ClassId::NONE,
            cell: CellId::NONE,
            area: AreaId::NONE,
            urgency: Urgency::C,
            late: false,
        };
        let tally = Input::Unit(UnitChange { unit: UnitId(0), status: None, point: Point::NONE, capacity: None });
        fold(&mut board, 125, tally, &[unknown, Effect::Review { case: CaseId(125), doubt: Doubt::NoPlace }]);
        let json = shown(&city, &board, 125);
        for key in ["class", "area", "cell", "order", "unit", "department", "due", "lng", "lat"] {
            assert!(json[key].is_null(), "{key}");
        }
        assert_eq!((&json["doubt"], &json["sources"]), (&json!("no_place"), &json!([])));
        assert_eq!(board.open_cells().count(), 1);
    }

    #[test]
    fn a_full_board_drops_closed_cases_first() {
        let city = City::pudong();
        let mut board = Board::new(&city, 3);
        for seq in 1..=3 {
            fold(&mut board, seq, report(), &[opened(seq, CellId(seq as u32), Urgency::A)]);
        }
        let held = |board: &Board| -> Vec<u64> { board.cases.newest().map(|case| case.id.0).collect() };
        fold(&mut board, 4, report(), &[Effect::Closed { case: CaseId(3) }]);
        fold(&mut board, 5, report(), &[Effect::Closed { case: CaseId(2) }]);
        fold(&mut board, 6, report(), &[opened(6, CellId(1), Urgency::B)]);
        assert_eq!(held(&board), [6, 2, 1], "of those that are closed, the one that changed first");
        fold(&mut board, 7, report(), &[opened(7, CellId(1), Urgency::B)]);
        assert_eq!((held(&board), board.open_dropped()), (vec![7, 6, 1], 0));
        fold(&mut board, 8, report(), &[opened(8, CellId(2), Urgency::C)]);
        assert_eq!((held(&board), board.open_dropped()), (vec![8, 7, 6], 1), "none is closed: the oldest");
        assert_eq!(board.open(), Open { a: 0, b: 2, c: 1 });
        // The mind still knows a case that left the board, and its unit has the order all the same.
        fold(&mut board, 9, report(), &[assigned(1, 1, 0, Urgency::A), merged(1, 0)]);
        assert_eq!((board.case(CaseId(1)), board.units.as_slice()[0].load), (None, 1));
        assert_eq!(board.changes(Seq(8), 9).cases().count(), 0);
        let mut none = Board::new(&city, 0);
        fold(&mut none, 1, report(), &[opened(1, CellId(1), Urgency::A), assigned(1, 1, 0, Urgency::A)]);
        assert_eq!((none.cases.len(), none.open()), (0, Open::default()));
    }

    #[test]
    fn pages_lead_through_all_that_a_filter_takes() {
        let city = City::pudong();
        let mut board = Board::new(&city, 100);
        for seq in 1..=50 {
            let urgency = Urgency::from_code((seq % 3) as u8);
            let hand_over = if seq % 2 == 0 { waiting(seq) } else { assigned(seq, 1, 0, urgency) };
            fold(&mut board, seq, report(), &[opened(seq, CellId(0), urgency), hand_over]);
        }
        let walk = |filter: CaseFilter| {
            let (mut filter, mut found) = (CaseFilter { limit: 4, ..filter }, Vec::new());
            loop {
                let page = board.cases(&filter);
                assert!(page.cases.len() <= 4);
                found.extend(page.cases.iter().map(|case| case.id.0));
                match page.next {
                    Some(next) => filter.before = Some(next),
                    None => return found,
                }
            }
        };
        let all = || (1..=50_u64).rev();
        assert_eq!(walk(CaseFilter::default()), all().collect::<Vec<_>>());
        let waiting = CaseFilter { stage: Some(Stage::Waiting), ..CaseFilter::default() };
        assert_eq!(walk(waiting), all().filter(|seq| seq % 2 == 0).collect::<Vec<_>>());
        let desk = CaseFilter { department: Some(DepartmentId(1)), urgency: Some(Urgency::A), ..CaseFilter::default() };
        assert_eq!(walk(desk), all().filter(|seq| seq % 6 == 2).collect::<Vec<_>>());
        for nothing in [
            CaseFilter { area: Some(AreaId(1)), ..CaseFilter::default() },
            CaseFilter { class: Some(ClassId(1)), ..CaseFilter::default() },
        ] {
            assert!(walk(nothing).is_empty());
        }
        assert_eq!(board.cases(&CaseFilter { limit: 0, ..CaseFilter::default() }).cases.len(), 1);
        assert_eq!(board.cases(&CaseFilter { limit: 50, ..CaseFilter::default() }).next, None);

        let mut filter =
            UnitFilter { department: Some(DepartmentId(2)), area: Some(AreaId(5)), limit: 2, ..UnitFilter::default() };
        let mut found = Vec::new();
        loop {
            let page = board.units(&filter);
            found.extend(page.units.iter().map(|unit| unit.unit.index()));
            match page.next {
                Some(next) => filter.after = Some(next),
                None => break,
            }
        }
        let pool = city.roster.pool(city.roster.area_pool(DepartmentId(2), AreaId(5)));
        assert_eq!(found, pool.collect::<Vec<_>>());
        let beyond = UnitFilter { after: Some(UnitId::NONE), ..UnitFilter::default() };
        assert_eq!(board.units(&beyond), UnitPage { units: Vec::new(), next: None });
    }

    #[test]
    fn a_page_looks_at_a_bounded_number_of_cases() {
        let city = City::pudong();
        let count = LOOKED_AT_MAX as u64 + 10;
        let mut board = Board::new(&city, count as usize);
        for seq in 1..=count {
            let urgency = if seq <= 2 { Urgency::A } else { Urgency::C };
            fold(&mut board, seq, report(), &[opened(seq, CellId(0), urgency)]);
        }
        let urgent = CaseFilter { urgency: Some(Urgency::A), ..CaseFilter::default() };
        let page = board.cases(&urgent);
        assert_eq!((page.cases.len(), page.next), (0, Some(CaseId(11))));
        let page = board.cases(&CaseFilter { before: page.next, ..urgent });
        assert_eq!((page.cases.len(), page.next), (2, None));
        let most = board.cases(&CaseFilter { limit: usize::MAX, ..CaseFilter::default() });
        assert_eq!(most.cases.len(), PAGE_MAX);
    }

    #[test]
    fn a_page_goes_on_behind_a_case_that_left_the_board() {
        let city = City::pudong();
        let mut board = Board::new(&city, 3);
        let far = LOOKED_AT_MAX as u64 * 2;
        for seq in [1, 5, 9, far] {
            fold(&mut board, seq, report(), &[opened(seq, CellId(0), Urgency::C)]);
        }
        let before = |case| {
            let page = board.cases(&CaseFilter { before: Some(CaseId(case)), ..CaseFilter::default() });
            (page.cases.iter().map(|case| case.id.0).collect::<Vec<_>>(), page.next.map(|case| case.0))
        };
        assert_eq!(before(u64::MAX), (vec![far, 9, 5], None));
        assert_eq!(before(9), (vec![5], None));
        assert_eq!(before(7), (vec![5], None));
        assert_eq!(before(5), (vec![], None), "case 1 is gone");
        assert_eq!(before(1), (vec![], None));
        // The way to the next case is long: a page ends on it, and the next one goes on.
        assert_eq!(before(far), (vec![], Some(far / 2)));
        assert_eq!(before(far / 2), (vec![9, 5], None));
    }

    /// One of many things that could happen to one of the last cases.
    fn effects(seq: u64, kind: u8, pick: u64, code: u8) -> Vec<Effect> {
        let (case, unit, urgency) = (pick, u32::from(code % 4), Urgency::from_code(code % 3));
        let (order, cell) = (order(case, 1), if code > 200 { CellId::NONE } else { CellId(u32::from(code) % 5) });
        let unit = UnitId(unit);
        let id = CaseId(case);
        match kind {
            0 => vec![opened(seq, cell, urgency), assigned(seq, 1, unit.0, urgency)],
            1 => vec![opened(seq, cell, urgency), waiting(seq)],
            2 => vec![opened(seq, cell, urgency), Effect::Review { case: CaseId(seq), doubt: Doubt::NoClass }],
            3 if code.is_multiple_of(3) => {
                vec![
                    merged(case, u16::from(code) % 20),
                    Effect::Filed { case: id, condition: ConditionId(0), due: Some(At(9)) },
                ]
            }
            3 => vec![merged(case, u16::from(code) % 20), Effect::Raised { case: id, urgency }],
            4 => vec![assigned(case, 2, unit.0, urgency), waiting(case + 1)],
            5 => vec![Effect::Accepted { order, unit }],
            6 => vec![Effect::Returned { order, unit }, assigned(case, 2, unit.0, urgency)],
            7 => vec![Effect::Returned { order, unit }, Effect::Review { case: id, doubt: Doubt::AllReturned }],
            8 if code.is_multiple_of(2) => {
                vec![Effect::Suspended { order, unit }, assigned(case + 1, 3, unit.0, urgency)]
            }
            8 => {
                vec![Effect::Done { order, unit }, Effect::Resumed { order: self::order(case + 1, 1), unit, due: None }]
            }
            11 => {
                let (class, area, point) = (ClassId(7), AreaId(1), POINT);
                let ruled = Effect::Ruled { case: id, class, cell, area, point, urgency };
                vec![ruled, assigned(case, 2, unit.0, urgency)]
            }
            12 => {
                let (class, area, point) = (ClassId(7), AreaId(1), POINT);
                vec![
                    Effect::Ruled { case: id, class, cell, area, point, urgency },
                    Effect::Review { case: id, doubt: Doubt::NoUnit },
                ]
            }
            9 => vec![Effect::Forgot { what: Forgotten::Case, ids: 0, case: id }],
            _ => vec![Effect::Closed { case: id }],
        }
    }

    /// Counts of cells and open cases, made of nothing but the cases.
    fn recounted(board: &Board) -> (BTreeMap<CellId, Counts>, (Open, Stages)) {
        let (mut cells, mut open) = (BTreeMap::<CellId, Counts>::new(), Open::default());
        for case in board.cases.newest().filter(|case| case.stage != Stage::Closed) {
            *open.of(case.urgency) += 1;
            if case.cell.is_some() {
                let counts = cells.entry(case.cell).or_default();
                counts.open += 1;
                counts.urgent += u32::from(case.urgency == Urgency::A);
                counts.waiting += u32::from(case.stage == Stage::Waiting);
                counts.review += u32::from(case.stage == Stage::Review);
            }
        }
        let [review, waiting, assigned, accepted, done, _, suspended] =
            Stage::ALL.map(|stage| board.cases.newest().filter(|case| case.stage == stage).count() as u64);
        (cells, (open, Stages { waiting, review, assigned, accepted, suspended, done }))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        /// Whatever happens, counts are those of the cases, and whoever takes in the changes now and then sees the same board.
        #[test]
        fn counts_and_changes_agree_with_the_cases(
            steps in prop::collection::vec((0_u8..15, 0_u64..30, any::<u8>()), 1..200),
            cases_max in 1_usize..40,
            every in 1_u64..20,
        ) {
            let city = City::pudong();
            let mut board = Board::new(&city, cases_max);
            let (mut seen, mut cases, mut cells) = (Seq(0), BTreeMap::new(), BTreeMap::new());
            let last = steps.len() as u64;
            for (seq, (kind, back, code)) in (1..).zip(steps) {
                fold(&mut board, seq, report(), &effects(seq, kind, seq.saturating_sub(back).max(1), code));
                prop_assert!(board.cases.len() <= cases_max);
                let (in_cells, open) = recounted(&board);
                let held: BTreeMap<_, _> = board.open_cells().map(|cell| (cell.cell, cell.counts)).collect();
                prop_assert_eq!(&held, &in_cells);
                prop_assert_eq!((board.open(), board.stages()), open);
                let is_asked = |case: &&Case| case.stage == Stage::Review && case.doubt.is_some();
                let mut asked: Vec<_> = board.cases.newest().filter(is_asked).collect();
                asked.sort_by_key(|case| (std::cmp::Reverse(case.urgency), case.id));
                prop_assert!(board.queue().eq(asked.iter().copied()) && board.queued() == asked.len());
                if seq % every != 0 && seq != last {
                    continue;
                }
                let changes = board.changes(seen, usize::MAX);
                let versions: Vec<_> = changes.cases().map(|case| case.version).collect();
                prop_assert!(versions.is_sorted_by(|a, b| a >= b) && versions.iter().all(|version| *version > seen));
                prop_assert_eq!(board.changes(seen, 3).cases().count(), versions.len().min(3));
                prop_assert_eq!(board.changes(seen, 3).has_more_cases(), versions.len() > 3);
                cases.extend(changes.cases().map(|case| (case.id, case.clone())));
                cells.extend(changes.cells().map(|cell| (cell.cell, cell.counts)));
                cells.retain(|_, counts| counts.open > 0);
                seen = board.version();
                prop_assert_eq!(&cells, &in_cells);
                cases.retain(|id, _| board.case(*id).is_some());
                let all: BTreeMap<_, _> = board.cases.newest().map(|case| (case.id, case.clone())).collect();
                prop_assert_eq!(&cases, &all);
                prop_assert!(board.changes(seen, 1).is_empty());
            }
        }
    }

    /// All that can be seen of a board, in the orders in which it is seen.
    fn everything(board: &Board) -> String {
        let by_change: Vec<&Case> = board.cases.by_change().collect();
        let newest: Vec<CaseId> = board.cases.newest().map(|case| case.id).collect();
        let cells: Vec<&Cell> = board.cells.by_change().collect();
        let open_cells: Vec<&Cell> = board.open_cells().collect();
        let (units, open) = (board.units.as_slice(), (board.open(), board.stages()));
        let counts = (board.version(), board.at(), board.open_dropped());
        format!("{by_change:?} {newest:?} {cells:?} {open_cells:?} {units:?} {open:?} {counts:?}")
    }

    /// The real mind, decided frame by frame, with a board and a ledger behind it.
    struct World {
        city: Arc<City>,
        lane: Lane,
        board: Board,
        ledger: Ledger,
        lines: u64,
    }

    impl World {
        fn new() -> Self {
            let city = Arc::new(City::pudong());
            let (board, ledger) = (Board::new(&city, 10_000), Ledger::new(city.sources.len()));
            Self { lane: Lane::new(city.clone()), city, board, ledger, lines: 0 }
        }

        /// Puts board and ledger into bytes and makes them again: nobody sees a difference.
        fn keep_and_restore(&mut self) {
            let bytes = overview::encode(&self.board, &self.ledger);
            let (board, ledger) = overview::decode(&self.city, &bytes).expect("what was encoded");
            assert_eq!(everything(&board), everything(&self.board));
            assert_eq!(ledger, self.ledger);
            assert_eq!(overview::encode(&board, &ledger), bytes, "equal views are equal bytes");
            for cut in [0, 1, 7, bytes.len() / 2, bytes.len() - 1] {
                assert!(overview::decode(&self.city, &bytes[..cut]).is_none(), "{cut} bytes of {}", bytes.len());
            }
            (self.board, self.ledger) = (board, ledger);
        }

        /// Gives a line its source, its id and a time.
        fn line(&mut self, source: &str, mut line: Value) -> String {
            self.lines += 1;
            line["source"] = json!(source);
            line["id"] = json!(format!("n{}", self.lines));
            line["ts"] = json!(START + self.lines as i64 * 1000);
            line.to_string()
        }

        /// Takes in some lines; each unit's load is the mind's whenever it says one.
        fn say(&mut self, lines: &[String]) {
            let text = lines.join("\n") + "\n";
            let mut frame = Frame::new();
            frame.push_body(text.as_bytes());
            let chunk = Chunk { lines: 0..text.len(), end: text.len() as u64, last: true, ..Chunk::default() };
            let filled = Door::new(&self.city, HashKey { k0: 1, k1: 2 }, None).fill(&chunk, &mut frame);
            assert_eq!(filled.lines, lines.len() as u64);
            for record in 0..frame.records() {
                let time = frame.event_time(record).expect("every line has a time");
                frame.set_stamp(record, time);
            }
            let mut effects = Effects::default();
            self.lane.order_and_decide(&mut frame, &[Position::default()], &mut effects);
            let mut rest = effects.as_slice();
            for placed in frame.view().records() {
                let record = placed.expect("a record").record;
                let caused = rest.iter().take_while(|(seq, _)| *seq == record.seq).count();
                let (caused, behind) = rest.split_at(caused);
                rest = behind;
                for (_, effect) in caused {
                    if let Effect::UnitChanged { unit, load, .. } = effect {
                        assert_eq!(self.board.units.as_slice()[unit.index()].load, *load, "{unit:?}");
                    }
                }
                self.board.fold(&record, caused);
                self.ledger.fold(&record, caused);
            }
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn the_board_is_what_the_real_mind_decided() {
        let mut world = World::new();
        let city = world.city.clone();
        let mut random = 7_u64;
        let mut below = |count: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % count
        };
        // Few places, and crews that soon are full: cases are joined, and have to wait.
        let place = |east: u64, north: u64| (121.510 + east as f64 * 0.004, 31.195 + north as f64 * 0.004);
        let areas: BTreeSet<AreaId> = (0..144)
            .filter_map(|index| {
                let (lng, lat) = place(index % 12, index / 12);
                city.grid.locate(FinePoint::of_degrees(lng, lat)?).map(|located| located.area)
            })
            .collect();
        let in_area = |unit: &&Unit| areas.contains(&unit.area) || !unit.area.is_some();
        let crews: Vec<String> = world
            .board
            .units
            .as_slice()
            .iter()
            .filter(in_area)
            .map(|unit| city.roster.units()[unit.unit.index()].code.to_string())
            .collect();
        let words = |world: &mut World, capacity: Value| -> Vec<String> {
            let word = |code| world.line("departments", json!({"kind": "unit", "unit": code, "capacity": capacity}));
            crews.iter().map(word).collect()
        };
        let lines = words(&mut world, json!(2));
        world.say(&lines);
        for round in 0..12 {
            let mut lines: Vec<String> = (0..60)
                .map(|_| {
                    let class = &city.classes[below(city.classes.len() as u64) as usize].named.code;
                    let (lng, lat) = place(below(12), below(12));
                    let mut line = json!({"lng": lng, "lat": lat, "category": class, "title": "路面冒水"});
                    match below(20) {
                        0 => line["category"] = json!("怪事"),
                        1 => line = json!({"category": class, "title": "路面冒水"}),
                        2 => line["urgency"] = json!("A"),
                        3 => line["lng"] = json!("east"),
                        _ => {}
                    }
                    world.line(["12345", "app", "grid"][below(3) as usize], line)
                })
                .collect();
            lines.push(lines[0].clone());
            let acts: Vec<(String, &str)> = world
                .board
                .cases
                .newest()
                .filter_map(|case| {
                    let order = case.order().map_or(format!("{}-0", case.id.0), |order| order.to_string());
                    let acts: &[&str] = match case.stage {
                        Stage::Assigned => &["accept", "return", "done", "suspend"],
                        Stage::Accepted => &["done", "return", "suspend", "done"],
                        Stage::Suspended => &["resume", "resume", "close"],
                        Stage::Done => &["close"],
                        Stage::Waiting | Stage::Review => &["close", "none", "none"],
                        Stage::Closed => return None,
                    };
                    let act = acts[below(acts.len() as u64) as usize];
                    (act != "none" && below(3) > 0).then_some((order, act))
                })
                .collect();
            for (order, act) in acts {
                lines.push(world.line("departments", json!({"kind": "action", "action": act, "order": order})));
            }
            let status = ["available", "busy", "off", "available"][below(4) as usize];
            let crew = &crews[below(crews.len() as u64) as usize];
            let word = json!({"kind": "unit", "unit": crew, "status": status, "lng": 121.5, "lat": 31.0 + f64::from(round) / 100.0});
            lines.push(world.line("departments", word));
            world.say(&lines);
            // From here on it is the board that was kept and made again that folds.
            world.keep_and_restore();
        }
        // At the end everybody says how much there is to do.
        let lines = words(&mut world, json!(3));
        world.say(&lines);

        let (board, work, total) = (&world.board, world.ledger.work, world.ledger.total());
        assert!(world.ledger.closes());
        let cases: Vec<&Case> = board.cases.newest().collect();
        assert_eq!(cases.len() as u64, total.opened);
        assert_eq!(cases.iter().map(|case| u64::from(case.reports)).sum::<u64>(), total.opened + total.merged);
        let in_stage = |stage| cases.iter().filter(|case| case.stage == stage).count() as u64;
        assert_eq!(in_stage(Stage::Closed), work.closed);
        let Open { a, b, c } = board.open();
        assert_eq!(a + b + c, total.opened - work.closed);
        assert_eq!(cases.iter().map(|case| u64::from(case.attempts)).sum::<u64>(), work.assigned + work.reassigned);
        let (in_cells, open) = recounted(board);
        assert_eq!(board.open_cells().map(|cell| (cell.cell, cell.counts)).collect::<BTreeMap<_, _>>(), in_cells);
        assert_eq!((board.open(), board.stages()), open);
        let mut loads = vec![0; board.units.as_slice().len()];
        for case in cases.iter().filter(|case| matches!(case.stage, Stage::Assigned | Stage::Accepted)) {
            loads[case.unit.index()] += 1;
        }
        let held: Vec<u32> = board.units.as_slice().iter().map(|unit| unit.load).collect();
        assert_eq!(held, loads, "a unit's load is the cases that it has");
        let (taken, left) =
            (work.assigned + work.reassigned + work.resumed, work.returned + work.done + work.suspended);
        assert_eq!(u64::from(held.iter().sum::<u32>()), taken - left);
        // The day had everything in it.
        let stages = Stage::ALL.map(in_stage);
        assert!(stages.iter().all(|count| *count > 0), "{stages:?}");
        assert!(work.returned > 0 && work.reassigned > 0 && work.acts_refused > 0 && work.waiting > 0, "{work:?}");
        assert!(total.rejected > 0 && total.duplicate > 0 && total.merged > 0, "{total:?}");
        assert!(cases.iter().any(|case| case.sources.iter().count() > 1));
    }
}
