//! The live state for dashboards: a snapshot, then what changed, at a pace that people can follow.
//!
//! One task makes each change for all who watch. Who is too slow to take every change gets a new snapshot instead, when it is
//! ready for one: what happened in between is in it. So a slow watcher costs the others nothing, and nothing piles up for it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::response::Response;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::keys::Caller;
use super::office::{Office, Phase};
use super::shown::{Live, Names};
use super::stream::{ALIVE, Gone, Pieces, SIGN_OF_LIFE, stream};
use crate::ids::Seq;
use crate::view::board::{CaseShown, CellShown};

/// How long changes are gathered.
const PACE: Duration = Duration::from_millis(250);
/// How long nothing may be said where nothing changes.
const QUIET: Duration = Duration::from_secs(5);
/// Cases of a snapshot, and most of a change.
const CASES: usize = 200;

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

pub(super) async fn watch(State(office): State<Arc<Office>>, Extension(caller): Extension<Caller>) -> Response {
    let (pieces, response) = stream(&office, caller, 1);
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
