//! What the mind weighs when it decides about a record: what it asks itself, what it finds, and what it takes.
//!
//! The mind gives these values on request, right before it decides, from the same functions that decide. Views show them.

use serde::{Deserialize, Serialize};

use crate::effect::{Doubt, Scope, Tier};
use crate::geo::Point;
use crate::ids::{AreaId, CaseId, CellId, DepartmentId, Seq, UnitId};
use crate::report::{UnitStatus, Urgency};
use crate::time::At;

/// What is being done about a case.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Stage {
    /// People look at it.
    Review = 0,
    /// It waits on a desk.
    Waiting = 1,
    /// A unit has the order.
    Assigned = 2,
    /// The unit took the order.
    Accepted = 3,
    /// The unit finished the order.
    Done = 4,
    /// Nothing more; reports of the same matter open a new case.
    Closed = 5,
    /// The unit rests the order, and its clock stands still.
    Suspended = 6,
}

impl Stage {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 7] =
        [Self::Review, Self::Waiting, Self::Assigned, Self::Accepted, Self::Done, Self::Closed, Self::Suspended];

    /// The word in explanations.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::Waiting => "waiting",
            Self::Assigned => "assigned",
            Self::Accepted => "accepted",
            Self::Suspended => "suspended",
            Self::Done => "done",
            Self::Closed => "closed",
        }
    }
}

/// What speaks for and against a record, right before it is decided about.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Weighed {
    /// Whether it was said before; nothing for a tally, which nobody says.
    pub heard: Option<Heard>,
    /// The cases that a report could join, those that fit first, each part by distance, then age.
    pub cases: Vec<CaseWeighed>,
    /// How many more cases were looked at.
    pub cases_more: usize,
    /// Who could get the case. Nothing where nobody is looked for.
    pub handing: Option<Handing>,
}

impl Weighed {
    /// The case that a report joins.
    pub fn joined(&self) -> Option<CaseId> {
        self.cases.first().filter(|case| case.fit == Fit::Joined).map(|case| case.case)
    }
}

/// Whether something was said before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Heard {
    /// For the first time.
    First,
    /// A record said it before.
    Again {
        /// Which record.
        of: Seq,
        /// The case that it became part of, or none.
        case: CaseId,
        /// Under the same id, but not with the same body.
        conflict: bool,
    },
    /// Too late to tell.
    Late {
        /// By so many milliseconds.
        late_ms: i64,
    },
}

/// A case that a report could join.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CaseWeighed {
    /// The case.
    pub case: CaseId,
    /// Where it is.
    pub point: Point,
    /// Its cell.
    pub cell: CellId,
    /// How pressing it is.
    pub urgency: Urgency,
    /// What is being done about it.
    pub stage: Stage,
    /// The newest event time of its reports.
    pub last_time: At,
    /// Squared distance from the report in cm², where distance matters.
    pub distance2_cm: Option<u64>,
    /// How far apart they lie in event time.
    pub apart_ms: u64,
    /// Whether the report joins it.
    pub fit: Fit,
}

/// Whether a report joins a case, and if not, why.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fit {
    /// It joins this one.
    Joined,
    /// It could, but another case is nearer, or as near and older.
    Behind,
    /// The case is too far away.
    TooFar,
    /// Their event times lie too far apart.
    Apart,
    /// The case's window has passed in log time.
    Past,
}

/// Who could get a case.
#[derive(Clone, PartialEq, Debug)]
pub struct Handing {
    /// The unit that gave it back, or none.
    pub returned_by: UnitId,
    /// The lines of the duty list that name somebody for it, in the order in which they are asked.
    pub lines: Vec<LineWeighed>,
    /// What comes of it.
    pub choice: Choice,
}

/// What becomes of a case that is to be handed to somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    /// A unit gets it.
    Unit(UnitId),
    /// It waits on the desk of a department.
    Waits(DepartmentId),
    /// People must look at it.
    Review(Doubt),
}

/// For which matters a line of the duty list is: from the narrowest to the widest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Basis {
    /// Those of a class under one filing condition.
    Condition,
    /// All of a class.
    Class,
    /// All: 街镇托底, the fallback.
    Every,
}

/// A line of the duty list.
#[derive(Clone, PartialEq, Debug)]
pub struct LineWeighed {
    /// Whom it names.
    pub department: DepartmentId,
    /// The level that would hold the order.
    pub tier: Tier,
    /// For which place.
    pub scope: Scope,
    /// For which matters.
    pub basis: Basis,
    /// Whether the case is a complaint about that department, which is passed over therefore.
    pub is_accused: bool,
    /// The department's pools, in the order in which they are asked: of the area, then of the district.
    pub pools: Vec<PoolWeighed>,
}

/// The units that a department draws from.
#[derive(Clone, PartialEq, Debug)]
pub struct PoolWeighed {
    /// Of which area; none for the whole district.
    pub area: Option<AreaId>,
    /// How many units it has.
    pub size: usize,
    /// Whether it was asked: behind the pool that had room none is.
    pub is_asked: bool,
    /// The units, the best first; no more than the mind cares to list.
    pub units: Vec<UnitWeighed>,
}

/// A unit that could get a case.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct UnitWeighed {
    /// The unit.
    pub unit: UnitId,
    /// Whether it can be given work.
    pub status: UnitStatus,
    /// Orders that it has.
    pub load: u32,
    /// Orders that it can have; the largest value for any number.
    pub capacity: u32,
    /// Where it is.
    pub point: Point,
    /// Squared distance in cm², where the nearest is wanted and both places are known.
    pub distance2_cm: Option<u64>,
    /// Whether it gets the case.
    pub standing: Standing,
}

/// Whether a unit gets a case, and if not, why.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Standing {
    /// It gets the case.
    Chosen,
    /// It has room, but another costs less, or as much and comes first in the roster.
    Behind,
    /// It gave the case back.
    GaveBack,
    /// It has as many orders as it can have.
    Full,
    /// It is busy or off duty.
    Away,
}
