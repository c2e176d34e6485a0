//! The live state for dashboards: a snapshot, then what changed, at a pace that people can follow.
//!
//! One task makes each change for all who watch. Who is too slow to take every change gets a new snapshot instead, when it is
//! ready for one: what happened in between is in it. So a slow watcher costs the others nothing, and nothing piles up for it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::office::{Hall, Office, Phase};
use super::stream::{ALIVE, Gone, Pieces, SIGN_OF_LIFE, stream};
use crate::city::{City, Named};
use crate::ids::Seq;
use crate::report::Urgency;
use crate::view::board::{CaseShown, CellShown, Open};
use crate::view::ledger::{Account, Work};

/// How long changes are gathered.
const PACE: Duration = Duration::from_millis(250);
/// How long nothing may be said where nothing changes.
const QUIET: Duration = Duration::from_secs(5);
/// Cases of a snapshot, and most of a change.
const CASES: usize = 200;
/// The part of a door's room from which on it is an alarm.
const NEARLY_FULL: f64 = 0.9;

/// What changed behind one record up to another, as an event.
pub struct Change {
    from: Seq,
    to: Seq,
    event: Bytes,
}

impl Change {
    /// Nothing, at a record.
    pub const fn none(at: Seq) -> Self {
        Self { from: at, to: at, event: Bytes::new() }
    }
}

/// Makes changes until the service ends, as long as somebody watches.
pub(super) async fn compose(office: Arc<Office>) {
    let mut news = office.feed.news();
    let mut phase = office.phase();
    let mut last = office.hall().version();
    loop {
        // Also where nothing happens: an alarm may have come or gone.
        tokio::select! {
            _ = timeout(QUIET, news.changed()) => {}
            _ = phase.wait_for(|phase| *phase != Phase::Open) => return,
        }
        sleep(PACE).await;
        news.mark_unchanged();
        if office.live.receiver_count() == 0 {
            continue;
        }
        let change = {
            let hall = office.hall();
            let to = hall.version();
            let changes = hall.board.changes(last, CASES);
            // More than a change may hold: everybody takes a snapshot.
            let from = if changes.has_more_cases() { to } else { last };
            let city = &office.city;
            let cells = changes.cells().map(|cell| CellShown { city, cell }).collect();
            let cases = changes.cases().map(|case| CaseShown { city, case }).collect();
            let event = event("delta", &Live::of(&office, &hall, cells, cases, None));
            Change { from, to, event }
        };
        last = change.to;
        office.live.send_replace(Arc::new(change));
    }
}

pub(super) async fn watch(State(office): State<Arc<Office>>) -> Response {
    let (pieces, response) = stream(1);
    let changes = office.live.subscribe();
    tokio::spawn(async move {
        let mut phase = office.phase();
        tokio::select! {
            _ = tell(&office, changes, pieces) => {}
            _ = phase.wait_for(|phase| *phase != Phase::Open) => {}
        }
    });
    response
}

/// Tells one watcher, until it is gone.
async fn tell(office: &Office, mut changes: watch::Receiver<Arc<Change>>, pieces: Pieces) -> Result<(), Gone> {
    let mut at = None;
    loop {
        let change = changes.borrow_and_update().clone();
        if at == Some(change.from) && !change.event.is_empty() {
            pieces.put(change.event.clone()).await?;
            at = Some(change.to);
        } else if at.is_none_or(|at| at < change.to) {
            let (to, snapshot) = snapshot(office);
            pieces.put(snapshot).await?;
            at = Some(to);
        }
        match timeout(ALIVE, changes.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Ok(()),
            Err(_) => pieces.put(SIGN_OF_LIFE).await?,
        }
    }
}

/// All that is shown, and the last record that is in it.
fn snapshot(office: &Office) -> (Seq, Bytes) {
    let hall = office.hall();
    let city = &office.city;
    let cells = hall.board.open_cells().map(|cell| CellShown { city, cell }).collect();
    let newest = hall.board.changes(Seq(0), CASES);
    let cases = newest.cases().map(|case| CaseShown { city, case }).collect();
    let live = Live::of(office, &hall, cells, cases, Some(Names::of(office)));
    (hall.version(), event("snapshot", &live))
}

fn event(name: &str, live: &Live<'_>) -> Bytes {
    let mut text = format!("event: {name}\nid: {}\ndata: ", live.version).into_bytes();
    serde_json::to_writer(&mut text, live).expect("what is shown is JSON");
    text.extend_from_slice(b"\n\n");
    text.into()
}

/// What is shown.
#[derive(Serialize)]
struct Live<'a> {
    version: u64,
    at: i64,
    totals: Account,
    work: Work,
    open: Open,
    sources: Vec<SourceShown<'a>>,
    budgets: Vec<BudgetShown>,
    cells: Vec<CellShown<'a>>,
    cases: Vec<CaseShown<'a>>,
    health: Health,
    #[serde(flatten)]
    names: Option<Names<'a>>,
}

impl<'a> Live<'a> {
    fn of(
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
#[derive(Serialize)]
struct Names<'a> {
    city: CityShown<'a>,
    areas: Vec<AreaShown<'a>>,
    classes: Vec<NamedShown<'a>>,
    departments: Vec<NamedShown<'a>>,
}

impl<'a> Names<'a> {
    fn of(office: &'a Office) -> Self {
        let city = &office.city;
        let areas = city.areas.iter().zip(&office.area_boxes);
        Self {
            city: CityShown {
                id: &city.id,
                name_zh: &city.name_zh,
                name_en: &city.name_en,
                version: format!("{:016x}", city.version),
                bounds: office.area_boxes.iter().flatten().copied().reduce(around),
            },
            areas: areas.map(|(area, r#box)| AreaShown { named: NamedShown::of(area), r#box: *r#box }).collect(),
            classes: city.classes.iter().map(|class| NamedShown::of(&class.named)).collect(),
            departments: city.departments.iter().map(NamedShown::of).collect(),
        }
    }
}

/// West, south, east, north, in degrees.
pub type Box4 = [f64; 4];

/// The box around two boxes.
fn around(one: Box4, other: Box4) -> Box4 {
    [one[0].min(other[0]), one[1].min(other[1]), one[2].max(other[2]), one[3].max(other[3])]
}

/// The box around each area's cells; none where an area has none.
pub fn area_boxes(city: &City) -> Vec<Option<Box4>> {
    let mut boxes: Vec<Option<Box4>> = vec![None; city.areas.len()];
    for cell in (0..city.grid.cells()).map(crate::ids::CellId) {
        let Some(located) = city.grid.locate_cell(cell) else { continue };
        let (south_west, north_east) = city.grid.corners(cell);
        let own = [south_west.lng, south_west.lat, north_east.lng, north_east.lat].map(|micro| f64::from(micro) / 1e6);
        if let Some(known) = boxes.get_mut(located.area.index()) {
            *known = Some(known.map_or(own, |known| around(known, own)));
        }
    }
    boxes
}

#[derive(Serialize)]
struct CityShown<'a> {
    id: &'a str,
    name_zh: &'a str,
    name_en: &'a str,
    version: String,
    bounds: Option<Box4>,
}

#[derive(Serialize)]
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

#[derive(Serialize)]
struct AreaShown<'a> {
    #[serde(flatten)]
    named: NamedShown<'a>,
    r#box: Option<Box4>,
}

#[derive(Serialize)]
struct SourceShown<'a> {
    name: &'a str,
    name_zh: &'a str,
    #[serde(flatten)]
    account: Account,
}

#[derive(Serialize)]
struct BudgetShown {
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
#[derive(Serialize)]
struct Health {
    ok: bool,
    alarms: Vec<Alarm>,
    journal: &'static str,
    uptime_s: u64,
    doors: Vec<DoorShown>,
    feeds: FeedsShown,
}

#[derive(Serialize)]
struct Alarm {
    zh: String,
    en: String,
}

#[derive(Serialize)]
struct DoorShown {
    name: &'static str,
    inbox: f64,
}

#[derive(Serialize)]
struct FeedsShown {
    events: usize,
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
        if *office.phase().borrow() != Phase::Open {
            alarms.push(Alarm { zh: "服务正在停止".to_owned(), en: "the service is ending".to_owned() });
        }
        let door = |counter: &Arc<super::Counter>| DoorShown { name: counter.name(), inbox: counter.fullness() };
        Self {
            ok: alarms.is_empty(),
            alarms,
            journal: "synced",
            uptime_s: office.begun.elapsed().as_secs(),
            doors: office.counters.iter().map(door).collect(),
            feeds: FeedsShown { events: office.followers.len(), live: office.live.receiver_count() },
        }
    }
}
