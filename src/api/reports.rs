//! Reports over HTTP: one object, an array, or lines. Answered with receipts, once all of them are on the disk.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt;
use memchr::memrchr;
use serde::Deserialize;
use tokio::time::timeout;

use super::answer::{self, Error};
use super::counter::{NotTaken, PARCEL_BYTES, Receipts};
use super::office::Office;
use super::split;
use crate::ids::SourceId;
use crate::ingest::inbox::Parcel;
use crate::meter::Moment;

/// Most bytes of a body.
const BODY_BYTES_MAX: usize = 16 << 20;
/// How long the next piece of a body may take.
const PIECE_LIMIT: Duration = Duration::from_secs(10);
/// When whoever finds no room may come again, in seconds.
const AGAIN: u32 = 1;

/// What may stand behind the path.
#[derive(Deserialize)]
pub(super) struct Asked {
    /// The source of lines that do not name one.
    source: Option<String>,
}

/// How a body is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Json,
    Lines,
}

pub(super) async fn post(
    State(office): State<Arc<Office>>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let speaker = asked.source.map(|name| speaker(&office, &name)).transpose()?;
    let written = written(&headers)?;
    let sent = Moment::now();
    let body = read(body).await?;
    let (lines, is_single) = match written {
        Written::Lines => (body.to_vec(), false),
        Written::Json => {
            let mut lines = Vec::with_capacity(body.len() + 1);
            let is_array = split::lines(&body, &mut lines).map_err(|at| {
                let why =
                    format!("the body is neither one JSON object nor an array of them; it goes wrong at byte {at}");
                Error::new(StatusCode::BAD_REQUEST, "请求体不是 JSON 对象或数组", why)
            })?;
            (lines, !is_array)
        }
    };
    let receipts = hand_in(&office, &lines, speaker, sent).await?;
    Ok(match written {
        Written::Lines => answer::with_type(StatusCode::OK, "application/x-ndjson", receipts),
        Written::Json if is_single => single(receipts),
        Written::Json => answer::json(StatusCode::OK, array(&receipts)),
    })
}

fn speaker(office: &Office, name: &str) -> Result<SourceId, Error> {
    office.city.source_names.get(name).map(SourceId).ok_or_else(|| {
        let known = office.city.source_names.iter().collect::<Vec<_>>().join(", ");
        let why = format!("source={name}: the city knows the sources {known}");
        Error::new(StatusCode::BAD_REQUEST, "城市没有这个来源", why)
    })
}

fn written(headers: &HeaderMap) -> Result<Written, Error> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("application/json");
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/json" => Ok(Written::Json),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(Written::Lines),
        _ => Err(Error::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "不支持这种内容类型",
            format!("Content-Type {kind}: send application/json or application/x-ndjson"),
        )),
    }
}

/// Reads a body: no more than is allowed, and no slower.
async fn read(mut body: Body) -> Result<Bytes, Error> {
    let mut all: Vec<u8> = Vec::new();
    let mut first: Option<Bytes> = None;
    loop {
        let Ok(frame) = timeout(PIECE_LIMIT, body.frame()).await else {
            let why = format!("nothing of the body came for {} seconds", PIECE_LIMIT.as_secs());
            return Err(Error::new(StatusCode::REQUEST_TIMEOUT, "请求体太慢", why));
        };
        let Some(frame) = frame else { break };
        let broken = |_| Error::new(StatusCode::BAD_REQUEST, "请求体中断", "the body broke off");
        let Ok(piece) = frame.map_err(broken)?.into_data() else { continue };
        if all.len() + first.as_ref().map_or(0, Bytes::len) + piece.len() > BODY_BYTES_MAX {
            let why = format!("a body may have {BODY_BYTES_MAX} bytes; send the rest in another request");
            return Err(Error::new(StatusCode::PAYLOAD_TOO_LARGE, "请求体太大", why));
        }
        // A body of one piece is not copied.
        match first.take() {
            None if all.is_empty() => first = Some(piece),
            begun => {
                all.extend_from_slice(begun.as_deref().unwrap_or_default());
                all.extend_from_slice(&piece);
            }
        }
    }
    Ok(first.unwrap_or_else(|| all.into()))
}

/// Hands in all lines, and waits for all receipts.
async fn hand_in(office: &Office, lines: &[u8], speaker: Option<SourceId>, sent: Moment) -> Result<Vec<u8>, Error> {
    let counter = office.http();
    let mut under_way: Vec<Receipts> = Vec::new();
    let (mut rest, mut lines_before) = (lines, 0);
    while !rest.is_empty() {
        let (lines, behind) = rest.split_at(parcel_end(rest));
        let parcel = Parcel { lines: lines.to_vec(), lines_before, sent, speaker, reply: None };
        let taken = if under_way.is_empty() {
            // Who has not begun is told to come again.
            counter.try_hand_in(parcel)
        } else {
            counter.hand_in(parcel).await
        };
        under_way.push(taken.map_err(not_taken)?);
        lines_before += memchr::memchr_iter(b'\n', lines).count() as u64;
        rest = behind;
    }
    let mut all = Vec::new();
    for receipts in under_way {
        all.extend(receipts.await.map_err(|_| not_taken(NotTaken::Closing))?);
    }
    Ok(all)
}

/// Where the first parcel of some lines ends: with a whole line, though it be long.
fn parcel_end(lines: &[u8]) -> usize {
    if lines.len() <= PARCEL_BYTES {
        return lines.len();
    }
    match memrchr(b'\n', &lines[..PARCEL_BYTES]) {
        Some(end) => end + 1,
        None => memchr::memchr(b'\n', lines).map_or(lines.len(), |end| end + 1),
    }
}

fn not_taken(why: NotTaken) -> Error {
    match why {
        NotTaken::Full => Error::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "忙，请稍后重发",
            "more is under way than this door may hold; nothing of this request was taken, send it again",
        )
        .again(AGAIN),
        NotTaken::Closing => Error::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "服务正在停止，请重发",
            "the service is ending; send the request again, what was taken of it is recognised",
        )
        .again(AGAIN),
    }
}

/// The receipt of one object; refused is not acceptable.
fn single(mut receipt: Vec<u8>) -> Response {
    let is_refused = memchr::memmem::find(&receipt, b",\"answer\":\"refused\"").is_some();
    receipt.pop();
    answer::json(if is_refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, receipt)
}

fn array(receipts: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(receipts.len() + 20);
    text.extend_from_slice(b"{\"receipts\":[");
    text.extend(receipts.strip_suffix(b"\n").unwrap_or(receipts).iter().map(|byte| match byte {
        b'\n' => b',',
        other => *other,
    }));
    text.extend_from_slice(b"]}");
    text
}
