//! The review desk over HTTP: what people must look at, in the order in which it presses, and each item to one of them at a time.
//!
//! Whoever takes a case has it for some minutes, and nobody else gets it meanwhile. That is a courtesy between people, not a decision: it lies
//! in the memory of this service alone, and a ruling counts whoever of the desk sends it, as long as the case is in review.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
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
/// So many one person has at once: whoever puts aside more gets the first ones again.
const HELD_EACH_MAX: usize = 20;
/// So many are had at once by all.
const HELD_MAX: usize = 2_000;
/// Bytes of a name.
const NAME_BYTES_MAX: usize = 64;
/// Cases of a page where nobody says how many.
const PAGE: usize = 100;

/// Who has which case.
#[derive(Debug, Default)]
pub struct Desk(Mutex<BTreeMap<CaseId, Holding>>);

#[derive(Debug)]
struct Holding {
    by: Box<str>,
    until: Instant,
}

/// Why somebody gets no case.
#[derive(PartialEq, Eq, Debug)]
enum NotTaken {
    /// All that are there others have.
    None,
    /// Too many are had already, by this one or by all.
    TooMany,
}

impl Desk {
    /// Gives somebody the first of some cases that nobody else has. `is_asked` says which cases people must still look at.
    fn take(
        &self,
        mut cases: impl Iterator<Item = CaseId>,
        is_asked: impl Fn(CaseId) -> bool,
        by: &str,
        now: Instant,
    ) -> Result<CaseId, NotTaken> {
        let mut held = self.held();
        held.retain(|case, holding| holding.until > now && is_asked(*case));
        let case = cases.find(|case| held.get(case).is_none_or(|holding| *holding.by == *by)).ok_or(NotTaken::None)?;
        let own = held.values().filter(|holding| *holding.by == *by).count();
        if !held.contains_key(&case) && (own >= HELD_EACH_MAX || held.len() >= HELD_MAX) {
            return Err(NotTaken::TooMany);
        }
        held.insert(case, Holding { by: by.into(), until: now + HELD });
        Ok(case)
    }

    fn holder(&self, case: CaseId, now: Instant) -> Option<String> {
        self.held().get(&case).filter(|holding| holding.until > now).map(|holding| holding.by.to_string())
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<CaseId, Holding>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Which cases are asked for.
#[derive(Deserialize, IntoParams)]
pub(super) struct Queued {
    /// The code of an area; cases that lie nowhere are then left out.
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
    /// The code of an area; cases that lie nowhere are then left out.
    area: Option<String>,
    /// Not this case, and none that presses more, unless it has left the queue.
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
    let hall = office.hall();
    let queue = || hall.board.queue().take(LOOKED_AT_MAX);
    let after = asked.after.and_then(|after| queue().position(|case| case.id.0 == after));
    let behind = queue().skip(after.map_or(0, |at| at + 1));
    let wanted = behind.filter(|case| area.is_none_or(|area| area == case.area));
    let wanted = wanted.map(|case| case.id);
    let case = match office.desk.take(wanted, |case| hall.board.is_queued(case), &asked.by, now) {
        Ok(case) => hall.board.case(case).map(|case| QueuedCase::of(&office, case, now)),
        Err(NotTaken::None) => None,
        Err(NotTaken::TooMany) => {
            let why =
                format!("at most {HELD_EACH_MAX} cases each and {HELD_MAX} in all are looked at; rule on some first");
            return Err(Error::new(StatusCode::SERVICE_UNAVAILABLE, "已领取的案件过多，请先裁定", why).again(60));
        }
    };
    Ok(shown(&TakenCase { case, seconds: HELD.as_secs() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases(cases: impl IntoIterator<Item = u64>) -> impl Iterator<Item = CaseId> {
        cases.into_iter().map(CaseId)
    }

    #[test]
    fn a_case_is_had_by_one_until_its_time_is_over_or_it_is_ruled_upon() {
        let (desk, now) = (Desk::default(), Instant::now());
        let take = |by: &str, now| desk.take(cases([1, 2]), |_| true, by, now);
        assert_eq!((take("甲", now), take("乙", now)), (Ok(CaseId(1)), Ok(CaseId(2))));
        assert_eq!((take("甲", now), take("丙", now)), (Ok(CaseId(1)), Err(NotTaken::None)));
        assert_eq!(desk.holder(CaseId(1), now).as_deref(), Some("甲"));
        let later = now + HELD;
        assert_eq!((desk.holder(CaseId(1), later), take("乙", later)), (None, Ok(CaseId(1))));
        assert_eq!(desk.take(cases([2]), |case| case != CaseId(1), "丙", later), Ok(CaseId(2)));
        assert_eq!(desk.held().len(), 1, "what is ruled upon nobody has");
    }

    #[test]
    fn nobody_has_all_cases_and_the_own_ones_come_again() {
        let (desk, now) = (Desk::default(), Instant::now());
        let take = |case: u64, by: &str| desk.take(cases([case]), |_| true, by, now);
        (0..HELD_EACH_MAX as u64).for_each(|case| assert!(take(case, "甲").is_ok()));
        assert_eq!((take(9_999, "甲"), take(0, "甲")), (Err(NotTaken::TooMany), Ok(CaseId(0))));
        let others = HELD_EACH_MAX as u64..HELD_MAX as u64;
        others.for_each(|case| assert!(take(case, &format!("{}", case / HELD_EACH_MAX as u64)).is_ok()));
        assert_eq!(take(9_999, "乙"), Err(NotTaken::TooMany));
    }
}
