//! The board as JSON: cases, cells and units with the city's codes. What is not known is null.

use std::fmt;

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::case::{Case, Sources};
use super::cell::Cell;
use super::unit::Unit;
use crate::city::City;
use crate::geo::Point;
use crate::ids::{AreaId, CellId, ClassId, DepartmentId, OrderId, Seq, Tracking, UnitId};
use crate::view::decision::doubt_word;
use crate::view::words::{StageWord, StatusWord, UrgencyLetter};

/// A case as it is shown.
#[derive(Clone, Copy, Debug)]
pub struct CaseShown<'a> {
    /// Gives the codes.
    pub city: &'a City,
    /// The case.
    pub case: &'a Case,
}

/// The order of a case as it is shown.
#[derive(Clone, Copy, Debug)]
pub struct OrderShown<'a> {
    /// Gives the codes.
    pub city: &'a City,
    /// The case.
    pub case: &'a Case,
    /// Its order.
    pub order: OrderId,
}

/// A cell as it is shown.
#[derive(Clone, Copy, Debug)]
pub struct CellShown<'a> {
    /// Gives the codes.
    pub city: &'a City,
    /// The cell.
    pub cell: &'a Cell,
}

/// A unit as it is shown.
#[derive(Clone, Copy, Debug)]
pub struct UnitShown<'a> {
    /// Gives the codes.
    pub city: &'a City,
    /// The unit.
    pub unit: &'a Unit,
}

/// A case as it is now.
#[derive(Serialize, ToSchema)]
#[schema(as = Case)]
pub struct CaseMembers<'a> {
    /// The record that opened it.
    case: u64,
    /// The number by which its first report is asked for.
    #[schema(value_type = String, example = "SL000000000195")]
    tracking: Text<Tracking>,
    /// Its class.
    class: Option<&'a str>,
    /// Its filing condition.
    condition: Option<&'a str>,
    /// Its area.
    area: Option<&'a str>,
    /// Its cell.
    #[schema(value_type = Option<String>)]
    cell: Option<Text<CellCode<'a>>>,
    /// How pressing it is.
    #[schema(value_type = UrgencyLetter)]
    urgency: &'static str,
    /// What is being done about it.
    #[schema(value_type = StageWord)]
    stage: &'static str,
    /// Reports that are part of it.
    reports: u32,
    /// Who reported it, the first first.
    #[schema(value_type = Vec<String>)]
    sources: SourceNames<'a>,
    /// When it was opened: log time, in milliseconds since 1970.
    opened_at: i64,
    /// When it changed last.
    changed_at: i64,
    /// The last order that was given.
    #[schema(value_type = Option<String>, example = "1-1")]
    order: Option<Text<OrderId>>,
    /// The unit that has it, or that finished it.
    unit: Option<&'a str>,
    /// The department that has it.
    department: Option<&'a str>,
    /// When it must be handled.
    due: Option<i64>,
    /// Why people must look at it.
    doubt: Option<&'static str>,
    /// Where it is, in degrees.
    lng: Option<f64>,
    /// Where it is, in degrees.
    lat: Option<f64>,
}

/// An order as it is now.
#[derive(Serialize, ToSchema)]
#[schema(as = Order)]
pub struct OrderMembers<'a> {
    /// Its name, `case-attempt`.
    #[schema(value_type = String, example = "1-1")]
    order: Text<OrderId>,
    /// Its case.
    case: u64,
    /// What is being done about it.
    #[schema(value_type = StageWord)]
    stage: &'static str,
    /// How pressing it is.
    #[schema(value_type = UrgencyLetter)]
    urgency: &'static str,
    /// The unit that has it, or that finished it.
    unit: Option<&'a str>,
    /// The department that has it.
    department: Option<&'a str>,
    /// The class of its case.
    class: Option<&'a str>,
    /// Its area.
    area: Option<&'a str>,
    /// Its cell.
    #[schema(value_type = Option<String>)]
    cell: Option<Text<CellCode<'a>>>,
    /// When it must be handled: log time, in milliseconds since 1970.
    due: Option<i64>,
    /// When it changed last.
    changed_at: i64,
    /// Where it is, in degrees.
    lng: Option<f64>,
    /// Where it is, in degrees.
    lat: Option<f64>,
}

/// A cell with its open work.
#[derive(Serialize, ToSchema)]
#[schema(as = Cell)]
pub struct CellMembers<'a> {
    /// Its code.
    #[schema(value_type = String)]
    cell: Text<CellCode<'a>>,
    /// West, south, east, north, in degrees.
    r#box: [f64; 4],
    /// Open cases.
    open: u32,
    /// Those of urgency A.
    urgent: u32,
    /// Those that wait for a unit.
    waiting: u32,
    /// Those that people must look at.
    review: u32,
}

/// A unit as it is now.
#[derive(Serialize, ToSchema)]
#[schema(as = Unit)]
pub struct UnitMembers<'a> {
    /// Its code.
    unit: Option<&'a str>,
    /// Its department.
    department: Option<&'a str>,
    /// Its area.
    area: Option<&'a str>,
    /// Whether it can be given work.
    #[schema(value_type = StatusWord)]
    status: &'static str,
    /// Orders that it has.
    load: u32,
    /// How many it can have; null for no limit.
    capacity: Option<u32>,
    /// Where it is, in degrees.
    lng: Option<f64>,
    /// Where it is, in degrees.
    lat: Option<f64>,
}

/// What is written as text, without making the text first.
struct Text<T>(T);

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A cell's code.
struct CellCode<'a>(&'a City, CellId);

impl fmt::Display for CellCode<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.grid.code(self.1, &self.0.areas).fmt(f)
    }
}

/// The names of sources.
struct SourceNames<'a>(&'a City, &'a Sources);

impl Serialize for SourceNames<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer
            .collect_seq(self.1.iter().filter_map(|source| self.0.sources.get(source.index()).map(|of| &*of.name)))
    }
}

/// Micro-degrees as degrees: the nearest number, which is written with six digits behind the point at most.
fn degrees(micro: i32) -> f64 {
    f64::from(micro) / 1e6
}

fn lng_lat(point: Point) -> (Option<f64>, Option<f64>) {
    let known = Some(point).filter(|point| point.is_some());
    (known.map(|point| degrees(point.lng)), known.map(|point| degrees(point.lat)))
}

fn area_code(city: &City, area: AreaId) -> Option<&str> {
    city.areas.get(area.index()).map(|area| &*area.code)
}

fn class_code(city: &City, class: ClassId) -> Option<&str> {
    city.classes.get(class.index()).map(|class| &*class.named.code)
}

fn department_code(city: &City, department: DepartmentId) -> Option<&str> {
    city.departments.get(department.index()).map(|department| &*department.code)
}

fn unit_code(city: &City, unit: UnitId) -> Option<&str> {
    city.roster.units().get(unit.index()).map(|unit| &*unit.code)
}

impl Serialize for CaseShown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { city, case } = *self;
        let (lng, lat) = lng_lat(case.point);
        let members = CaseMembers {
            case: case.id.0,
            tracking: Text(Tracking(Seq(case.id.0))),
            class: class_code(city, case.class),
            condition: city.conditions.get(case.condition).map(|condition| &*condition.named.code),
            area: area_code(city, case.area),
            cell: case.cell.is_some().then_some(Text(CellCode(city, case.cell))),
            urgency: case.urgency.letter(),
            stage: case.stage.word(),
            reports: case.reports,
            sources: SourceNames(city, &case.sources),
            opened_at: case.opened_at.0,
            changed_at: case.changed_at.0,
            order: case.order().map(Text),
            unit: unit_code(city, case.unit),
            department: department_code(city, case.department),
            due: case.due.map(|due| due.0),
            doubt: case.doubt.map(doubt_word),
            lng,
            lat,
        };
        members.serialize(serializer)
    }
}

impl<'a> OrderShown<'a> {
    /// The order of a case that a unit has, or has finished.
    pub fn in_force(city: &'a City, case: &'a Case) -> Option<Self> {
        case.order_in_force().map(|order| Self { city, case, order })
    }
}

impl Serialize for OrderShown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { city, case, order } = *self;
        let (lng, lat) = lng_lat(case.point);
        let members = OrderMembers {
            order: Text(order),
            case: case.id.0,
            stage: case.stage.word(),
            urgency: case.urgency.letter(),
            unit: unit_code(city, case.unit),
            department: department_code(city, case.department),
            class: class_code(city, case.class),
            area: area_code(city, case.area),
            cell: case.cell.is_some().then_some(Text(CellCode(city, case.cell))),
            due: case.due.map(|due| due.0),
            changed_at: case.changed_at.0,
            lng,
            lat,
        };
        members.serialize(serializer)
    }
}

impl CellShown<'_> {
    /// The closed rings around it, the outer one first, in degrees.
    pub fn outline(&self) -> Vec<Vec<[f64; 2]>> {
        let corner = |corner: &Point| [degrees(corner.lng), degrees(corner.lat)];
        let rings = self.city.grid.outline(self.cell.cell);
        rings.iter().map(|ring| ring.iter().map(corner).collect()).collect()
    }

    /// West, south, east, north, in degrees.
    fn bounds(&self) -> [f64; 4] {
        let (south_west, north_east) = self.city.grid.corners(self.cell.cell);
        [south_west.lng, south_west.lat, north_east.lng, north_east.lat].map(degrees)
    }
}

impl Serialize for CellShown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { city, cell } = *self;
        let members = CellMembers {
            cell: Text(CellCode(city, cell.cell)),
            r#box: self.bounds(),
            open: cell.counts.open,
            urgent: cell.counts.urgent,
            waiting: cell.counts.waiting,
            review: cell.counts.review,
        };
        members.serialize(serializer)
    }
}

impl Serialize for UnitShown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { city, unit } = *self;
        let (lng, lat) = lng_lat(unit.point);
        let members = UnitMembers {
            unit: unit_code(city, unit.unit),
            department: department_code(city, unit.department),
            area: area_code(city, unit.area),
            status: unit.status.word(),
            load: unit.load,
            capacity: Some(unit.capacity).filter(|capacity| *capacity != u32::MAX),
            lng,
            lat,
        };
        members.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degrees_are_written_with_six_digits_at_most() {
        for micro in (-180_000_000..=180_000_000).step_by(9_973).chain([121_506_000, 31_240_001, i32::MAX - 1]) {
            let text = serde_json::to_string(&degrees(micro)).expect("JSON");
            let digits = text.split_once('.').map_or("", |(_, digits)| digits);
            assert!(digits.len() <= 6 && !text.contains('e'), "{text}");
        }
    }
}
