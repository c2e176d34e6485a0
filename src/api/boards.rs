//! The board over HTTP: cases, units and cells as they are now, a bounded page at a time.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{self, Error};
use super::asked::{Asked, Named as NamedInPath};
use super::office::Office;
use super::shown::Names;
use super::version;
use crate::city::{City, Named};
use crate::ids::{CaseId, ClassId, DepartmentId, OrderId, UnitId};
use crate::report::Urgency;
use crate::view::board::{
    CaseFilter, CaseMembers, CaseShown, CellMembers, CellShown, OrderMembers, OrderShown, PAGE_MAX, UnitFilter,
    UnitMembers, UnitShown,
};
use crate::view::words::{StageWord, UrgencyLetter};
use crate::weighed::Stage;

/// Which cases are asked for.
#[derive(Deserialize, IntoParams)]
pub(super) struct Cases {
    /// What is being done about them.
    #[param(value_type = Option<StageWord>)]
    stage: Option<String>,
    /// The code of an area.
    area: Option<String>,
    /// The code of a class.
    class: Option<String>,
    /// How pressing they are.
    #[param(value_type = Option<UrgencyLetter>)]
    urgency: Option<String>,
    /// The code of a department.
    department: Option<String>,
    /// Only cases that were opened before this one: the page's `next`.
    before: Option<u64>,
    /// How many, at most 1000.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

impl Cases {
    fn filter(&self, city: &City) -> Result<CaseFilter, Error> {
        let stage = |word: &str| Stage::ALL.into_iter().find(|stage| stage.word() == word);
        Ok(CaseFilter {
            stage: known(self.stage.as_deref(), "stage", stage)?,
            area: known(self.area.as_deref(), "area", |code| city.area_by_code(code))?,
            class: known(self.class.as_deref(), "class", |code| class_by_code(city, code))?,
            urgency: known(self.urgency.as_deref(), "urgency", Urgency::from_letter)?,
            department: known(self.department.as_deref(), "department", |code| department_by_code(city, code))?,
            is_ordered: false,
            before: self.before.map(CaseId),
            limit: limit(self.limit, CaseFilter::default().limit)?,
        })
    }
}

pub(super) async fn cases(
    State(office): State<Arc<Office>>,
    Asked(asked): Asked<Cases>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let city = &office.city;
    let filter = asked.filter(city)?;
    Ok(version::show(&office, &headers, |hall| {
        let page = hall.board.cases(&filter);
        let cases = page.cases.into_iter().map(|case| CaseShown { city, case }).collect();
        shown(&CasePage { cases, next: page.next.map(|case| case.0) })
    }))
}

pub(super) async fn case(
    State(office): State<Arc<Office>>,
    NamedInPath(number): NamedInPath<u64>,
) -> Result<Response, Error> {
    let hall = office.hall();
    match hall.board.case(CaseId(number)) {
        Some(case) => Ok(shown(&CaseShown { city: &office.city, case })),
        None => {
            let why = format!("no case {number} is on the board; /v1/explain/{number} finds it in the journal");
            Err(Error::new(StatusCode::NOT_FOUND, "看板上没有这个案件", why))
        }
    }
}

/// Orders that units have or have finished, those of the newest cases first.
#[derive(Serialize, ToSchema)]
pub(super) struct OrderPage<'a> {
    #[schema(value_type = Vec<OrderMembers>)]
    orders: Vec<OrderShown<'a>>,
    /// Where the next page begins (`before`); null where there is none.
    #[schema(required)]
    next: Option<u64>,
}

pub(super) async fn orders(
    State(office): State<Arc<Office>>,
    Asked(asked): Asked<Cases>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let city = &office.city;
    let filter = CaseFilter { is_ordered: true, ..asked.filter(city)? };
    Ok(version::show(&office, &headers, |hall| {
        let page = hall.board.cases(&filter);
        let order = |case| OrderShown::in_force(city, case);
        shown(&OrderPage {
            orders: page.cases.into_iter().filter_map(order).collect(),
            next: page.next.map(|case| case.0),
        })
    }))
}

pub(super) async fn order(
    State(office): State<Arc<Office>>,
    NamedInPath(name): NamedInPath<String>,
) -> Result<Response, Error> {
    let shape = |_| {
        let why = format!("{name}: an order is named case-attempt, as 12-1");
        Error::new(StatusCode::BAD_REQUEST, "工单号写作 案件号-次数", why)
    };
    let order: OrderId = name.parse().map_err(shape)?;
    let hall = office.hall();
    let case = hall.board.case(order.case);
    let in_force = case.and_then(|case| OrderShown::in_force(&office.city, case));
    match in_force {
        Some(found) if found.order == order => Ok(shown(&found)),
        _ => {
            let now = in_force.map(|other| format!("; its case has {} now", other.order)).unwrap_or_default();
            let why = format!("no unit has order {order}{now}; /v1/explain/{order} finds it in the journal");
            Err(Error::new(StatusCode::NOT_FOUND, "这张工单不在处置中", why))
        }
    }
}

/// Which units are asked for.
#[derive(Deserialize, IntoParams)]
pub(super) struct Units {
    /// The code of a department.
    department: Option<String>,
    /// The code of an area.
    area: Option<String>,
    /// Only units behind this one: the page's `next`.
    after: Option<String>,
    /// How many, at most 1000.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// Cases, the newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct CasePage<'a> {
    #[schema(value_type = Vec<CaseMembers>)]
    cases: Vec<CaseShown<'a>>,
    /// Where the next page begins (`before`); null where there is none.
    #[schema(required)]
    next: Option<u64>,
}

/// Units in the order of the roster.
#[derive(Serialize, ToSchema)]
pub(super) struct UnitPage<'a> {
    #[schema(value_type = Vec<UnitMembers>)]
    units: Vec<UnitShown<'a>>,
    /// Where the next page begins (`after`); null where there is none.
    #[schema(required)]
    next: Option<&'a str>,
}

/// Cells with open cases, as GeoJSON.
#[derive(Serialize, ToSchema)]
pub(super) struct CellCollection<'a> {
    r#type: &'static str,
    features: Vec<CellFeature<'a>>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct CellFeature<'a> {
    r#type: &'static str,
    geometry: CellPolygon,
    #[schema(value_type = CellMembers)]
    properties: CellShown<'a>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct CellPolygon {
    r#type: &'static str,
    coordinates: Vec<Vec<[f64; 2]>>,
}

pub(super) async fn units(
    State(office): State<Arc<Office>>,
    Asked(asked): Asked<Units>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let city = &office.city;
    let unit = |code: &str| (0..).map(UnitId).zip(city.roster.units()).find(|(_, unit)| *unit.code == *code);
    let filter = UnitFilter {
        department: known(asked.department.as_deref(), "department", |code| department_by_code(city, code))?,
        area: known(asked.area.as_deref(), "area", |code| city.area_by_code(code))?,
        after: known(asked.after.as_deref(), "after", |code| unit(code).map(|(id, _)| id))?,
        limit: limit(asked.limit, UnitFilter::default().limit)?,
    };
    Ok(version::show(&office, &headers, |hall| {
        let page = hall.board.units(&filter);
        let units = page.units.into_iter().map(|unit| UnitShown { city, unit }).collect();
        let next = page.next.and_then(|unit| city.roster.units().get(unit.index()).map(|unit| &*unit.code));
        shown(&UnitPage { units, next })
    }))
}

/// Cells with open cases, as GeoJSON.
pub(super) async fn cells(State(office): State<Arc<Office>>, headers: HeaderMap) -> Response {
    let city = &office.city;
    version::show(&office, &headers, |hall| {
        let feature = |cell| {
            let shown = CellShown { city, cell };
            let geometry = CellPolygon { r#type: "Polygon", coordinates: shown.outline() };
            CellFeature { r#type: "Feature", geometry, properties: shown }
        };
        let features = hall.board.open_cells().map(feature).collect();
        let text = serde_json::to_vec(&CellCollection { r#type: "FeatureCollection", features })
            .expect("what is shown is JSON");
        answer::with_type(StatusCode::OK, "application/geo+json", text)
    })
}

/// What the city names.
pub(super) async fn names(State(office): State<Arc<Office>>) -> Response {
    shown(&Names::of(&office))
}

pub(super) fn shown(what: &impl Serialize) -> Response {
    answer::json(StatusCode::OK, serde_json::to_vec(what).expect("what is shown is JSON"))
}

/// What a word stands for, if one was said.
pub(super) fn known<T>(word: Option<&str>, key: &str, find: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Error> {
    let Some(word) = word else { return Ok(None) };
    let unknown = || Error::new(StatusCode::BAD_REQUEST, "没有这个值", format!("{key}={word}: there is no such {key}"));
    find(word).map(Some).ok_or_else(unknown)
}

pub(super) fn limit(said: Option<usize>, otherwise: usize) -> Result<usize, Error> {
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
