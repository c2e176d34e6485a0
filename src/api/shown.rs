//! What dashboards are shown, as JSON: figures, cells and cases, what the city names, and whether the service is well.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::Counter;
use super::ground::{Box4, Ground, Ring, around};
use super::office::{Hall, Office, Phase};
use crate::city::{City, Class, Named};
use crate::ids::ClassId;
use crate::report::Urgency;
use crate::view::board::{CaseMembers, CaseShown, CellMembers, CellShown, Open, Stages};
use crate::view::ledger::{Account, Work};
use crate::view::words::UrgencyLetter;

/// The part of a door's room from which on it is an alarm.
const NEARLY_FULL: f64 = 0.9;

/// What changed, and the figures as they are.
#[derive(Serialize, ToSchema)]
pub(super) struct Live<'a> {
    pub(super) version: u64,
    at: i64,
    totals: Account,
    work: Work,
    open: Open,
    stages: Stages,
    sources: Vec<SourceShown<'a>>,
    budgets: Vec<BudgetShown>,
    /// Cells that changed; in a snapshot, all that have open cases.
    #[schema(value_type = Vec<CellMembers>)]
    cells: Vec<CellShown<'a>>,
    /// Cases that changed, the newest change first.
    #[schema(value_type = Vec<CaseMembers>)]
    cases: Vec<CaseShown<'a>>,
    health: Health,
    #[serde(flatten)]
    #[schema(ignore)]
    names: Option<Names<'a>>,
}

impl<'a> Live<'a> {
    pub(super) fn of(
        office: &'a Office,
        hall: &'a Hall,
        cells: Vec<CellShown<'a>>,
        cases: Vec<CaseShown<'a>>,
        names: Option<Names<'a>>,
    ) -> Self {
        let sources = office.city.sources.iter().zip(hall.ledger.accounts());
        Self {
            version: hall.version().0,
            at: hall.at.0,
            totals: hall.ledger.total(),
            work: hall.ledger.work,
            open: hall.board.open(),
            stages: hall.board.stages(),
            sources: sources
                .map(|(source, account)| SourceShown {
                    name: &source.name,
                    name_zh: &source.name_zh,
                    account: *account,
                })
                .collect(),
            budgets: Urgency::ALL.into_iter().map(|urgency| BudgetShown::of(hall, urgency)).collect(),
            cells,
            cases,
            health: Health::of(office, hall),
            names,
        }
    }
}

/// What the city names. Said once.
#[derive(Serialize, ToSchema)]
pub(super) struct Names<'a> {
    city: CityShown<'a>,
    areas: Vec<AreaShown<'a>>,
    classes: Vec<ClassShown<'a>>,
    departments: Vec<NamedShown<'a>>,
}

impl<'a> Names<'a> {
    pub(super) fn of(office: &'a Office) -> Self {
        let city = &office.city;
        let areas = city.areas.iter().zip(&office.grounds);
        Self {
            city: CityShown {
                id: &city.id,
                name_zh: &city.name_zh,
                name_en: &city.name_en,
                version: format!("{:016x}", city.version),
                bounds: office.grounds.iter().filter_map(|ground| ground.bounds).reduce(around),
            },
            areas: areas.map(|(area, ground)| AreaShown::of(area, ground)).collect(),
            classes: (0..).map(ClassId).zip(&city.classes).map(|(id, class)| ClassShown::of(id, class, city)).collect(),
            departments: city.departments.iter().map(NamedShown::of).collect(),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct CityShown<'a> {
    id: &'a str,
    name_zh: &'a str,
    name_en: &'a str,
    version: String,
    #[schema(value_type = Option<Vec<f64>>)]
    bounds: Option<Box4>,
}

#[derive(Serialize, ToSchema)]
struct NamedShown<'a> {
    code: &'a str,
    name_zh: &'a str,
    name_en: &'a str,
}

impl<'a> NamedShown<'a> {
    fn of(named: &'a Named) -> Self {
        Self { code: &named.code, name_zh: &named.zh, name_en: &named.en }
    }
}

#[derive(Serialize, ToSchema)]
struct ClassShown<'a> {
    #[serde(flatten)]
    named: NamedShown<'a>,
    /// Its filing conditions.
    conditions: Vec<NamedShown<'a>>,
}

impl<'a> ClassShown<'a> {
    fn of(id: ClassId, class: &'a Class, city: &'a City) -> Self {
        let conditions = city.conditions.of(id).map(|(_, condition)| NamedShown::of(&condition.named));
        Self { named: NamedShown::of(&class.named), conditions: conditions.collect() }
    }
}

#[derive(Serialize, ToSchema)]
struct AreaShown<'a> {
    #[serde(flatten)]
    named: NamedShown<'a>,
    /// West, south, east, north, in degrees; null where the area has no cell.
    #[schema(value_type = Option<Vec<f64>>)]
    r#box: Option<Box4>,
    /// Closed rings of longitudes and latitudes around its cells, and around what is not its own amid them; empty where cells are
    /// polygons.
    #[schema(value_type = Vec<Vec<Vec<f64>>>)]
    outline: &'a [Ring],
}

impl<'a> AreaShown<'a> {
    fn of(area: &'a Named, ground: &'a Ground) -> Self {
        Self { named: NamedShown::of(area), r#box: ground.bounds, outline: &ground.outline }
    }
}

#[derive(Serialize, ToSchema)]
struct SourceShown<'a> {
    name: &'a str,
    name_zh: &'a str,
    #[serde(flatten)]
    account: Account,
}

#[derive(Serialize, ToSchema)]
struct BudgetShown {
    #[schema(value_type = UrgencyLetter)]
    urgency: &'static str,
    budget_ms: Option<f64>,
    reports: u64,
    missed: u64,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    p999_ms: Option<f64>,
}

impl BudgetShown {
    fn of(hall: &Hall, urgency: Urgency) -> Self {
        let ms = |ns: u64| ns as f64 / 1e6;
        let latency = hall.latency.of(urgency);
        let reports = latency.total.len();
        let at = |quantile: f64| (reports > 0).then(|| ms(latency.total.value_at_quantile(quantile)));
        Self {
            urgency: urgency.letter(),
            budget_ms: hall.latency.budgets(urgency).map(|(_, largest)| ms(largest)),
            reports,
            missed: latency.missed.iter().sum(),
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
        }
    }
}

/// Whether the service is well.
#[derive(Serialize, ToSchema)]
struct Health {
    ok: bool,
    alarms: Vec<Alarm>,
    journal: &'static str,
    uptime_s: u64,
    doors: Vec<DoorShown>,
    feeds: FeedsShown,
}

#[derive(Serialize, ToSchema)]
struct Alarm {
    zh: String,
    en: String,
}

#[derive(Serialize, ToSchema)]
struct DoorShown {
    name: &'static str,
    /// The part of its room that is taken.
    inbox: f64,
    /// Bytes that it took.
    bytes: u64,
    /// Parcels that it sent away because it was full.
    refused: u64,
}

#[derive(Serialize, ToSchema)]
struct FeedsShown {
    events: usize,
    /// Records that the slowest of those who follow the decisions has not been given yet.
    behind: u64,
    live: usize,
}

impl Health {
    fn of(office: &Office, hall: &Hall) -> Self {
        let mut alarms = Vec::new();
        if !hall.ledger.closes() {
            alarms.push(Alarm { zh: "账不平".to_owned(), en: "the ledger does not close".to_owned() });
        }
        for counter in office.counters.iter().filter(|counter| counter.fullness() >= NEARLY_FULL) {
            let name = counter.name();
            alarms.push(Alarm { zh: format!("接入口 {name} 已满"), en: format!("the door {name} is full") });
        }
        if let Some(why) = office.keys.trouble() {
            alarms.push(Alarm {
                zh: format!("密钥文件读不了，沿用上次读到的：{why}"),
                en: format!("the keys cannot be read, those read last stay: {why}"),
            });
        }
        if *office.phase().borrow() != Phase::Open {
            alarms.push(Alarm { zh: "服务正在停止".to_owned(), en: "the service is ending".to_owned() });
        }
        let door = |counter: &Arc<Counter>| DoorShown {
            name: counter.name(),
            inbox: counter.fullness(),
            bytes: counter.bytes(),
            refused: counter.refused(),
        };
        let behind = office.followers.iter().map(|follower| hall.next.0.saturating_sub(follower.next.0)).max();
        Self {
            ok: alarms.is_empty(),
            alarms,
            journal: "synced",
            uptime_s: office.begun.elapsed().as_secs(),
            doors: office.counters.iter().map(door).collect(),
            feeds: FeedsShown {
                events: office.followers.len(),
                behind: behind.unwrap_or(0),
                live: office.live.receiver_count(),
            },
        }
    }
}
