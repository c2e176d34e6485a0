//! The board over HTTP: cases, units and cells as they are now, a bounded page at a time.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::answer::{self, Error};
use super::office::Office;
use crate::city::{City, Named};
use crate::ids::{CaseId, ClassId, DepartmentId, UnitId};
use crate::report::Urgency;
use crate::view::board::{CaseFilter, CaseShown, CellShown, PAGE_MAX, UnitFilter, UnitShown};
use crate::weighed::Stage;

/// Which cases are asked for.
#[derive(Deserialize)]
pub(super) struct Cases {
    stage: Option<String>,
    area: Option<String>,
    class: Option<String>,
    urgency: Option<String>,
    department: Option<String>,
    before: Option<u64>,
    limit: Option<usize>,
}

pub(super) async fn cases(State(office): State<Arc<Office>>, Query(asked): Query<Cases>) -> Result<Response, Error> {
    #[derive(Serialize)]
    struct Page<'a> {
        cases: Vec<CaseShown<'a>>,
        next: Option<u64>,
    }
    let city = &office.city;
    let stage = |word: &str| Stage::ALL.into_iter().find(|stage| stage.word() == word);
    let filter = CaseFilter {
        stage: known(asked.stage.as_deref(), "stage", stage)?,
        area: known(asked.area.as_deref(), "area", |code| city.area_by_code(code))?,
        class: known(asked.class.as_deref(), "class", |code| class_by_code(city, code))?,
        urgency: known(asked.urgency.as_deref(), "urgency", Urgency::from_letter)?,
        department: known(asked.department.as_deref(), "department", |code| department_by_code(city, code))?,
        before: asked.before.map(CaseId),
        limit: limit(asked.limit, CaseFilter::default().limit)?,
    };
    let hall = office.hall();
    let page = hall.board.cases(&filter);
    let cases = page.cases.into_iter().map(|case| CaseShown { city, case }).collect();
    Ok(shown(&Page { cases, next: page.next.map(|case| case.0) }))
}

pub(super) async fn case(State(office): State<Arc<Office>>, Path(number): Path<u64>) -> Result<Response, Error> {
    let hall = office.hall();
    match hall.board.case(CaseId(number)) {
        Some(case) => Ok(shown(&CaseShown { city: &office.city, case })),
        None => {
            let why = format!("no case {number} is on the board; /v1/explain/{number} finds it in the journal");
            Err(Error::new(StatusCode::NOT_FOUND, "看板上没有这个案件", why))
        }
    }
}

/// Which units are asked for.
#[derive(Deserialize)]
pub(super) struct Units {
    department: Option<String>,
    area: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn units(State(office): State<Arc<Office>>, Query(asked): Query<Units>) -> Result<Response, Error> {
    #[derive(Serialize)]
    struct Page<'a> {
        units: Vec<UnitShown<'a>>,
        next: Option<&'a str>,
    }
    let city = &office.city;
    let unit = |code: &str| (0..).map(UnitId).zip(city.roster.units()).find(|(_, unit)| *unit.code == *code);
    let filter = UnitFilter {
        department: known(asked.department.as_deref(), "department", |code| department_by_code(city, code))?,
        area: known(asked.area.as_deref(), "area", |code| city.area_by_code(code))?,
        after: known(asked.after.as_deref(), "after", |code| unit(code).map(|(id, _)| id))?,
        limit: limit(asked.limit, UnitFilter::default().limit)?,
    };
    let hall = office.hall();
    let page = hall.board.units(&filter);
    let units = page.units.into_iter().map(|unit| UnitShown { city, unit }).collect();
    let next = page.next.and_then(|unit| city.roster.units().get(unit.index()).map(|unit| &*unit.code));
    Ok(shown(&Page { units, next }))
}

/// Cells with open cases, as GeoJSON.
pub(super) async fn cells(State(office): State<Arc<Office>>) -> Response {
    #[derive(Serialize)]
    struct Collection<'a> {
        r#type: &'static str,
        features: Vec<Feature<'a>>,
    }
    #[derive(Serialize)]
    struct Feature<'a> {
        r#type: &'static str,
        geometry: Geometry,
        properties: CellShown<'a>,
    }
    #[derive(Serialize)]
    struct Geometry {
        r#type: &'static str,
        coordinates: [[[f64; 2]; 5]; 1],
    }
    let city = &office.city;
    let hall = office.hall();
    let feature = |cell| {
        let shown = CellShown { city, cell };
        let [west, south, east, north] = shown.bounds();
        let ring = [[west, south], [east, south], [east, north], [west, north], [west, south]];
        let geometry = Geometry { r#type: "Polygon", coordinates: [ring] };
        Feature { r#type: "Feature", geometry, properties: shown }
    };
    let features = hall.board.open_cells().map(feature).collect();
    let text =
        serde_json::to_vec(&Collection { r#type: "FeatureCollection", features }).expect("what is shown is JSON");
    answer::with_type(StatusCode::OK, "application/geo+json", text)
}

fn shown(what: &impl Serialize) -> Response {
    answer::json(StatusCode::OK, serde_json::to_vec(what).expect("what is shown is JSON"))
}

/// What a word stands for, if one was said.
fn known<T>(word: Option<&str>, key: &str, find: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Error> {
    let Some(word) = word.filter(|word| !word.is_empty()) else { return Ok(None) };
    let unknown = || Error::new(StatusCode::BAD_REQUEST, "没有这个值", format!("{key}={word}: there is no such {key}"));
    find(word).map(Some).ok_or_else(unknown)
}

fn limit(said: Option<usize>, otherwise: usize) -> Result<usize, Error> {
    match said.unwrap_or(otherwise) {
        limit @ 1..=PAGE_MAX => Ok(limit),
        limit => {
            let why = format!("limit={limit}: give 1 to {PAGE_MAX}");
            Err(Error::new(StatusCode::BAD_REQUEST, "数量超出范围", why))
        }
    }
}

fn by_code<'a>(mut all: impl Iterator<Item = &'a Named>, code: &str) -> Option<u16> {
    all.position(|named| *named.code == *code).and_then(|index| u16::try_from(index).ok())
}

fn class_by_code(city: &City, code: &str) -> Option<ClassId> {
    by_code(city.classes.iter().map(|class| &class.named), code).map(ClassId)
}

fn department_by_code(city: &City, code: &str) -> Option<DepartmentId> {
    by_code(city.departments.iter(), code).map(DepartmentId)
}
