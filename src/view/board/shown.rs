//! The board as JSON: cases, cells and units with the city's codes. What is not known is null.

use std::fmt;

use serde::{Serialize, Serializer};

use super::case::{Case, Sources};
use super::cell::Cell;
use super::unit::Unit;
use crate::city::City;
use crate::geo::Point;
use crate::ids::{AreaId, CellId, DepartmentId, OrderId, Seq, Tracking, UnitId};
use crate::view::decision::doubt_word;

/// A case as it is shown.
#[derive(Clone, Copy, Debug)]
pub struct CaseShown<'a> {
    /// Gives the codes.
    pub city: &'a City,
    /// The case.
    pub case: &'a Case,
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
        let (area, number, digits) = self.0.grid.code_parts(self.1, &self.0.areas);
        write!(f, "{area}{number:0digits$}")
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

fn department_code(city: &City, department: DepartmentId) -> Option<&str> {
    city.departments.get(department.index()).map(|department| &*department.code)
}

fn unit_code(city: &City, unit: UnitId) -> Option<&str> {
    city.roster.units().get(unit.index()).map(|unit| &*unit.code)
}

impl Serialize for CaseShown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Members<'a> {
            case: u64,
            tracking: Text<Tracking>,
            class: Option<&'a str>,
            area: Option<&'a str>,
            cell: Option<Text<CellCode<'a>>>,
            urgency: &'static str,
            stage: &'static str,
            reports: u32,
            sources: SourceNames<'a>,
            opened_at: i64,
            changed_at: i64,
            order: Option<Text<OrderId>>,
            unit: Option<&'a str>,
            department: Option<&'a str>,
            due: Option<i64>,
            doubt: Option<&'static str>,
            lng: Option<f64>,
            lat: Option<f64>,
        }
        let Self { city, case } = *self;
        let (lng, lat) = lng_lat(case.point);
        let members = Members {
            case: case.id.0,
            tracking: Text(Tracking(Seq(case.id.0))),
            class: city.classes.get(case.class.index()).map(|class| &*class.named.code),
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

impl Serialize for CellShown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Members<'a> {
            cell: Text<CellCode<'a>>,
            /// West, south, east, north.
            r#box: [f64; 4],
            open: u32,
            urgent: u32,
            waiting: u32,
            review: u32,
        }
        let Self { city, cell } = *self;
        let (south_west, north_east) = city.grid.corners(cell.cell);
        let members = Members {
            cell: Text(CellCode(city, cell.cell)),
            r#box: [south_west.lng, south_west.lat, north_east.lng, north_east.lat].map(degrees),
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
        #[derive(Serialize)]
        struct Members<'a> {
            unit: Option<&'a str>,
            department: Option<&'a str>,
            area: Option<&'a str>,
            status: &'static str,
            load: u32,
            /// Null for no limit.
            capacity: Option<u32>,
            lng: Option<f64>,
            lat: Option<f64>,
        }
        let Self { city, unit } = *self;
        let (lng, lat) = lng_lat(unit.point);
        let members = Members {
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
