//! The review desk over HTTP: what people must look at, in the order in which it presses, and each item to one of them at a time.
//!
//! Whoever takes a case has it for some minutes, and nobody else gets it meanwhile. That is a courtesy between people, not a decision: it lies
//! in the memory of this service alone, and a ruling counts whoever sends it, if the case is still as it was.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use dashmap::DashMap;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::Error;
use super::asked::Asked;
use super::boards::{known, limit, shown};
use super::office::Office;
use crate::ids::{CaseId, OrderId};
use crate::view::board::{Case, CaseMembers, CaseShown, LOOKED_AT_MAX};

/// How long somebody has a case.
const HELD: Duration = Duration::from_secs(10 * 60);
/// So many are had at once, at most.
const HELD_MAX: usize = 10_000;
/// Bytes of a name.
const NAME_BYTES_MAX: usize = 64;
/// Cases of a page where nobody says how many.
const PAGE: usize = 100;

/// Who has which case.
#[derive(Debug, Default)]
pub struct Desk(DashMap<CaseId, Holding>);

#[derive(Debug)]
struct Holding {
    by: Box<str>,
    until: Instant,
}

impl Desk {
    /// Gives somebody a case, unless somebody else has it. Held to be called by one at a time.
    fn take(&self, case: CaseId, by: &str, now: Instant) -> bool {
        if self.0.get(&case).is_some_and(|held| held.until > now && *held.by != *by) {
            return false;
        }
        self.0.insert(case, Holding { by: by.into(), until: now + HELD });
        true
    }

    /// Forgets what nobody has any more; says whether there is room.
    fn has_room(&self, now: Instant) -> bool {
        self.0.retain(|_, held| held.until > now);
        self.0.len() < HELD_MAX
    }

    fn holder(&self, case: CaseId, now: Instant) -> Option<String> {
        self.0.get(&case).filter(|held| held.until > now).map(|held| held.by.to_string())
    }
}

/// Which cases are asked for.
#[derive(Deserialize, IntoParams)]
pub(super) struct Queued {
    /// The code of an area.
    area: Option<String>,
    /// How many, at most 1000.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

/// Who takes a case.
#[derive(Deserialize, IntoParams)]
pub(super) struct Taken {
    /// Who it is, in 1 to 64 bytes.
    #[param(min_length = 1, max_length = 64)]
    by: String,
    /// The code of an area.
    area: Option<String>,
    /// Not this case, and none that presses more.
    after: Option<u64>,
}

/// A case that people must look at.
#[derive(Serialize, ToSchema)]
pub(super) struct QueuedCase<'a> {
    #[serde(flatten)]
    #[schema(value_type = CaseMembers)]
    case: CaseShown<'a>,
    /// What a ruling names.
    #[schema(example = "1-0")]
    order: String,
    /// Who has it.
    #[schema(required)]
    held_by: Option<String>,
}

impl<'a> QueuedCase<'a> {
    fn of(office: &'a Office, case: &'a Case, now: Instant) -> Self {
        let order = OrderId { case: case.id, attempt: case.attempts }.to_string();
        Self { case: CaseShown { city: &office.city, case }, order, held_by: office.desk.holder(case.id, now) }
    }
}

/// Cases that people must look at, the most urgent first, then the oldest.
#[derive(Serialize, ToSchema)]
pub(super) struct ReviewPage<'a> {
    cases: Vec<QueuedCase<'a>>,
    /// How many there are.
    total: usize,
}

/// The case that somebody got.
#[derive(Serialize, ToSchema)]
pub(super) struct TakenCase<'a> {
    /// Null where there is none.
    #[schema(required)]
    case: Option<QueuedCase<'a>>,
    /// For how long nobody else gets it.
    seconds: u64,
}

/// Who has what changes without a record, so this has no version.
pub(super) async fn queue(State(office): State<Arc<Office>>, Asked(asked): Asked<Queued>) -> Result<Response, Error> {
    let area = known(asked.area.as_deref(), "area", |code| office.city.area_by_code(code))?;
    let (limit, now) = (limit(asked.limit, PAGE)?, Instant::now());
    let hall = office.hall();
    let wanted = hall.board.queue().take(LOOKED_AT_MAX).filter(|case| area.is_none_or(|area| area == case.area));
    let cases = wanted.take(limit).map(|case| QueuedCase::of(&office, case, now)).collect();
    Ok(shown(&ReviewPage { cases, total: hall.board.queued() }))
}

pub(super) async fn take(State(office): State<Arc<Office>>, Asked(asked): Asked<Taken>) -> Result<Response, Error> {
    if !(1..=NAME_BYTES_MAX).contains(&asked.by.len()) {
        let why = format!("by={}: give a name of 1 to {NAME_BYTES_MAX} bytes", asked.by);
        return Err(Error::new(StatusCode::BAD_REQUEST, "请写明谁来处理", why));
    }
    let area = known(asked.area.as_deref(), "area", |code| office.city.area_by_code(code))?;
    let now = Instant::now();
    // Nobody else takes a case while the hall is held.
    let hall = office.hall();
    if !office.desk.has_room(now) {
        let why = format!("{HELD_MAX} cases are being looked at; rule on some of them first");
        return Err(Error::new(StatusCode::SERVICE_UNAVAILABLE, "正在研判的案件过多", why).again(60));
    }
    let mut behind = asked.after.is_none();
    let mut wanted = hall.board.queue().take(LOOKED_AT_MAX).filter(|case| {
        let is_behind = behind;
        behind |= asked.after == Some(case.id.0);
        is_behind && area.is_none_or(|area| area == case.area)
    });
    let case = wanted.find(|case| office.desk.take(case.id, &asked.by, now));
    let case = case.map(|case| QueuedCase::of(&office, case, now));
    Ok(shown(&TakenCase { case, seconds: HELD.as_secs() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_had_by_one_until_its_time_is_over() {
        let (desk, now) = (Desk::default(), Instant::now());
        assert!(desk.take(CaseId(1), "甲", now) && desk.take(CaseId(1), "甲", now));
        assert!(!desk.take(CaseId(1), "乙", now) && desk.take(CaseId(2), "乙", now));
        assert_eq!(desk.holder(CaseId(1), now).as_deref(), Some("甲"));
        let later = now + HELD;
        assert_eq!(desk.holder(CaseId(1), later), None);
        assert!(desk.take(CaseId(1), "乙", later));
        assert!(desk.has_room(later) && desk.0.len() == 1, "{desk:?}");
        (2..HELD_MAX as u64 + 1).for_each(|case| assert!(desk.take(CaseId(case), "丙", later)));
        assert!(!desk.has_room(later) && desk.has_room(later + HELD));
    }
}
