//! Reports over HTTP: one object, an array, lines, or CloudEvents. Answered with receipts, once all of them are on the disk.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt;
use serde::Deserialize;
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

use super::answer::{self, Error};
use super::asked::Asked;
use super::cloud_event;
use super::counter::{NotTaken, PARCEL_BYTES, Receipts};
use super::keys::Caller;
use super::office::Office;
use super::split;
use crate::ids::SourceId;
use crate::ingest::inbox::{Parcel, parcel_end};
use crate::meter::Moment;
use crate::rights::Rights;
use crate::view::ReceiptMembers;

/// Most bytes of a body.
const BODY_BYTES_MAX: usize = 16 << 20;
/// How long the next piece of a body may take.
const PIECE_LIMIT: Duration = Duration::from_secs(10);
/// When whoever finds no room may come again, in seconds.
const AGAIN: u32 = 1;

/// What may stand behind the path.
#[derive(Deserialize, IntoParams)]
pub(super) struct Said {
    /// The source of lines that do not name one.
    #[param(min_length = 1)]
    source: Option<String>,
}

/// The receipts of an array.
#[derive(ToSchema, Debug)]
#[schema(as = Receipts)]
#[expect(dead_code, reason = "receipts are written already when they come; this is their schema")]
pub(super) struct SaidReceipts {
    receipts: Vec<ReceiptMembers<'static>>,
}

/// How a body is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Written {
    Json,
    Lines,
    /// An event, its data within it.
    Event,
    /// An array of them.
    Events,
    /// An event's data; its attributes are headers.
    EventData,
}

pub(super) async fn post(
    State(office): State<Arc<Office>>,
    Extension(caller): Extension<Caller>,
    Asked(said): Asked<Said>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let speaker = speaker(&office, &caller, said.source.as_deref())?;
    let written = written(&headers)?;
    let sent = Moment::now();
    let body = read(body).await?;
    let name = speaker.and_then(|speaker| office.city.sources.get(speaker.index())).map(|source| &*source.name);
    let (lines, is_single) = match written {
        Written::Lines => (body, false),
        Written::Json => {
            let mut lines = Vec::with_capacity(body.len() + 1);
            let is_array = split::lines(&body, &mut lines).map_err(|at| {
                let why =
                    format!("the body is neither one JSON object nor an array of them; it goes wrong at byte {at}");
                Error::new(StatusCode::BAD_REQUEST, "请求体不是 JSON 对象或数组", why)
            })?;
            (lines.into(), !is_array)
        }
        Written::Event => (cloud_event::structured(&body, name).map_err(no_event)?.into(), true),
        Written::Events => (cloud_event::batched(&body, name).map_err(no_event)?.into(), false),
        Written::EventData => (cloud_event::binary(&headers, &body, name).map_err(no_event)?.into(), true),
    };
    // An event's line names its source, and is of input schema v1 whatever shape that source has.
    let speaker = speaker.filter(|_| matches!(written, Written::Json | Written::Lines));
    let count = memchr::memchr_iter(b'\n', &lines).count() as u64;
    if let Some(bucket) = &caller.bucket
        && let Err(wait) = bucket.take(count.max(1), sent)
    {
        office.http().note_limited();
        return Err(too_many(bucket.lines_per_second(), wait));
    }
    let from = From { speaker, rights: caller.rights, sent };
    let receipts = hand_in(&office, &lines, from).await?;
    Ok(match written {
        Written::Lines => answer::with_type(StatusCode::OK, "application/x-ndjson", receipts),
        _ if is_single => single(receipts),
        _ => answer::json(StatusCode::OK, array(&receipts)),
    })
}

/// The source that lines without one are of: the key's own, else the one that is asked for.
fn speaker(office: &Office, caller: &Caller, asked: Option<&str>) -> Result<Option<SourceId>, Error> {
    let own = caller.rights.only();
    let asked = asked.map(|name| source(office, name)).transpose()?;
    match (own, asked) {
        (Some(own), Some(asked)) if own != asked => {
            office.keys.note_not_allowed();
            let why = "source: this key is another source's; leave it out";
            Err(Error::new(StatusCode::FORBIDDEN, "这个密钥属于另一个来源", why))
        }
        _ => Ok(own.or(asked)),
    }
}

fn source(office: &Office, name: &str) -> Result<SourceId, Error> {
    office.city.source_names.get(name).map(SourceId).ok_or_else(|| {
        let known = office.city.source_names.iter().collect::<Vec<_>>().join(", ");
        let why = format!("source={name}: the city knows the sources {known}");
        Error::new(StatusCode::BAD_REQUEST, "城市没有这个来源", why)
    })
}

fn no_event(why: String) -> Error {
    Error::new(StatusCode::BAD_REQUEST, "不是有效的 CloudEvents 1.0 事件", why)
}

fn too_many(lines_per_second: u32, wait: Duration) -> Error {
    let seconds = wait.as_nanos().div_ceil(1_000_000_000).clamp(1, u128::from(u32::MAX)) as u32;
    let why = format!("{lines_per_second} lines a second may be sent; nothing was taken, come again in {seconds} s");
    Error::new(StatusCode::TOO_MANY_REQUESTS, "超过速率上限，请稍后重发", why).again(seconds)
}

fn written(headers: &HeaderMap) -> Result<Written, Error> {
    let kind = headers.get(header::CONTENT_TYPE).map_or(Ok("application/json"), |kind| kind.to_str());
    let kind = kind.unwrap_or("(no text)").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/cloudevents+json" => Ok(Written::Event),
        "application/cloudevents-batch+json" => Ok(Written::Events),
        "application/json" if cloud_event::is_binary(headers) => Ok(Written::EventData),
        "application/json" => Ok(Written::Json),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(Written::Lines),
        _ => Err(Error::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "不支持这种内容类型",
            format!(
                "Content-Type {kind}: send application/json, application/x-ndjson, application/cloudevents+json or \
                 application/cloudevents-batch+json"
            ),
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

/// Where lines come from.
#[derive(Clone, Copy)]
struct From {
    speaker: Option<SourceId>,
    rights: Rights,
    sent: Moment,
}

/// Hands in all lines, and waits for all receipts.
async fn hand_in(office: &Office, lines: &[u8], from: From) -> Result<Vec<u8>, Error> {
    let From { speaker, rights, sent } = from;
    let counter = office.http();
    let mut under_way: Vec<Receipts> = Vec::new();
    let (mut rest, mut lines_before) = (lines, 0);
    while !rest.is_empty() {
        let (lines, behind) = rest.split_at(parcel_end(rest, PARCEL_BYTES));
        let mut paper = counter.paper();
        paper.extend_from_slice(lines);
        let parcel = Parcel { lines: paper, lines_before, sent, speaker, rights, reply: None };
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
        let mut receipts = receipts.await.map_err(|_| not_taken(NotTaken::Closing))?;
        // Those of one parcel are not copied.
        if all.is_empty() { all = receipts } else { all.append(&mut receipts) }
    }
    Ok(all)
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
