//! What can be read: explanations, figures, and whether the service is well.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answer::{self, Error};
use super::asked::{Asked, Named};
use super::office::{Form, NotExplained, Office, Phase};
use super::version;
use crate::view::explain::ReportTold;
use crate::view::ledger::{Account, Work};

#[derive(Deserialize, IntoParams)]
pub(super) struct Language {
    /// `zh` or `en`; for programs, accept application/json instead.
    lang: Option<String>,
}

/// Why: a report, case, order or tracking number.
pub(super) async fn explain(
    State(office): State<Arc<Office>>,
    Named(name): Named<String>,
    Asked(language): Asked<Language>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let form = match language.lang.as_deref() {
        _ if accepts.contains("application/json") => Form::Json,
        Some("en") => Form::En,
        _ => Form::Zh,
    };
    let text = told(&office, name, form).await?.into_bytes();
    Ok(match form {
        Form::Json => answer::json(StatusCode::OK, text),
        Form::Zh | Form::En | Form::Brief => answer::with_type(StatusCode::OK, "text/plain; charset=utf-8", text),
    })
}

/// Reports that a name may mean, and what became of each.
#[derive(ToSchema, Debug)]
#[expect(dead_code, reason = "whoever reads the journal writes it already; this is its schema")]
pub(super) struct ReportsTold {
    reports: Vec<ReportTold>,
}

/// What became of a report: by its tracking number, its record, or `source/id`.
pub(super) async fn report(State(office): State<Arc<Office>>, Named(name): Named<String>) -> Result<Response, Error> {
    let text = told(&office, name, Form::Brief).await?;
    Ok(answer::json(StatusCode::OK, text.into_bytes()))
}

/// What the journal tells under a name.
async fn told(office: &Arc<Office>, name: String, form: Form) -> Result<String, Error> {
    match office.explain(name, form).await {
        Some(Ok(text)) => Ok(text),
        Some(Err(NotExplained::NotFound(why))) => Err(Error::new(StatusCode::NOT_FOUND, "找不到", why)),
        Some(Err(NotExplained::Failed(why))) => Err(Error::new(StatusCode::INTERNAL_SERVER_ERROR, "日志读不了", why)),
        None => Err(Error::new(StatusCode::INTERNAL_SERVER_ERROR, "出错了", "the explanation failed")),
    }
}

/// The ledger, and how far the log is.
#[derive(Serialize, ToSchema)]
pub(super) struct Summary<'a> {
    /// The record that comes next.
    next: u64,
    /// Log time, in milliseconds since 1970.
    at: i64,
    /// Every report is under exactly one heading.
    closes: bool,
    total: Account,
    work: Work,
    /// The same by source.
    sources: BTreeMap<&'a str, Account>,
}

/// The ledger and how far the log is.
pub(super) async fn summary(State(office): State<Arc<Office>>, headers: HeaderMap) -> Response {
    version::show(&office, &headers, |hall| {
        let sources = office.city.sources.iter().zip(hall.ledger.accounts());
        let summary = Summary {
            next: hall.next.0,
            at: hall.at.0,
            closes: hall.ledger.closes(),
            total: hall.ledger.total(),
            work: hall.ledger.work,
            sources: sources.map(|(source, account)| (&*source.name, *account)).collect(),
        };
        answer::json(StatusCode::OK, serde_json::to_vec(&summary).expect("a summary is JSON"))
    })
}

/// The process is there.
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// It takes reports.
pub(super) async fn ready(State(office): State<Arc<Office>>) -> Result<&'static str, Error> {
    match *office.phase().borrow() {
        Phase::Open => Ok("ok\n"),
        Phase::Closing | Phase::Closed => {
            Err(Error::new(StatusCode::SERVICE_UNAVAILABLE, "正在停止", "the service is ending"))
        }
    }
}
