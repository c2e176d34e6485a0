//! Decisions as they are published, for whoever follows: server-sent events, each under its cursor.
//!
//! A follower that comes back with the cursor of the last event that it saw (`Last-Event-ID`) goes on with the next one, exactly:
//! from memory, or, where it is too far behind for that, from the journal. Each follower is read for by a task of its own that waits
//! for nobody else, and for whom nobody waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::answer::Error;
use super::office::{Follower, Office, Phase};
use super::stream::{ALIVE, Gone, Pieces, SIGN_OF_LIFE, stream};
use crate::feed::{Cursor, Found};
use crate::ids::Seq;

/// Most followers.
const FOLLOWERS_MAX: usize = 2048;
/// Pieces that wait for a follower; then its task waits for it.
const PIECES_MAX: usize = 2;
/// How long a follower may take for what it reads from the journal at a time.
const TURN_MAX: Duration = Duration::from_secs(60);
/// Bytes of a piece.
const PIECE: usize = 32 * 1024;

/// Which decisions are wanted: those that have each of the members that are asked for.
#[derive(Deserialize, Default)]
pub(super) struct Wanted {
    area: Option<String>,
    department: Option<String>,
    class: Option<String>,
    urgency: Option<String>,
    effect: Option<String>,
    /// Begin behind this cursor; `0` is the beginning of the log. Without it: what comes from now on.
    from: Option<String>,
}

impl Wanted {
    /// What must stand in a decision's line. Quotes within a value are escaped there, so this stands nowhere else.
    fn members(&self) -> Vec<Vec<u8>> {
        let members = [
            ("area", &self.area),
            ("department", &self.department),
            ("class", &self.class),
            ("urgency", &self.urgency),
            ("effect", &self.effect),
        ];
        let member = |(key, value): (&str, &Option<String>)| {
            let value = serde_json::to_string(value.as_ref()?).expect("text is JSON");
            Some(format!(",\"{key}\":{value}").into_bytes())
        };
        members.into_iter().filter_map(member).collect()
    }
}

pub(super) async fn follow(
    State(office): State<Arc<Office>>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).or(wanted.from.as_deref());
    let next = match last {
        None => Cursor { seq: office.hall().next, index: 0 },
        Some("0") => Cursor { seq: office.beginning(), index: 0 },
        Some(id) => {
            let seen: Cursor = id
                .parse()
                .map_err(|why| Error::new(StatusCode::BAD_REQUEST, "事件编号有误", format!("{id}: {why}")))?;
            Cursor { index: seen.index.saturating_add(1), ..seen }
        }
    };
    if next.seq < office.beginning() {
        let why = format!("decisions are kept from record {} on; from=0 begins there", office.beginning());
        return Err(Error::new(StatusCode::GONE, "已按保留期删除", why));
    }
    if office.followers.len() >= FOLLOWERS_MAX {
        let why = format!("{FOLLOWERS_MAX} follow already");
        return Err(Error::new(StatusCode::SERVICE_UNAVAILABLE, "订阅者太多", why).again(10));
    }
    let (pieces, response) = stream(PIECES_MAX);
    let reading =
        Reading { office: office.clone(), members: wanted.members(), next, last: None, pieces, piece: Vec::new() };
    tokio::spawn(reading.run());
    Ok(response)
}

/// What reads for a follower.
struct Reading {
    office: Arc<Office>,
    members: Vec<Vec<u8>>,
    /// The event that it gets next.
    next: Cursor,
    /// The event that was looked at last.
    last: Option<Cursor>,
    pieces: Pieces,
    piece: Vec<u8>,
}

impl Reading {
    async fn run(mut self) {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let office = self.office.clone();
        office.followers.insert(number, Follower { next: self.next.seq });
        let mut phase = office.phase();
        tokio::select! {
            _ = self.read(number) => {}
            // The follower comes back with its cursor.
            _ = phase.wait_for(|phase| *phase != Phase::Open) => {}
        }
        office.followers.remove(&number);
    }

    async fn read(&mut self, number: u64) -> Result<(), Gone> {
        let mut news = self.office.feed.news();
        // Whoever connects learns at once that it is connected.
        self.pieces.put(SIGN_OF_LIFE).await?;
        loop {
            news.mark_unchanged();
            match self.office.feed.find(self.next.seq) {
                Found::Batch(batch) => {
                    self.take_all(&batch.lines).await?;
                    self.next = Cursor { seq: batch.next, index: 0 };
                    if let Some(mut follower) = self.office.followers.get_mut(&number) {
                        follower.next = self.next.seq;
                    }
                }
                Found::Nothing => {
                    self.send().await?;
                    if timeout(ALIVE, news.changed()).await.is_err() {
                        self.pieces.put(SIGN_OF_LIFE).await?;
                    }
                }
                Found::Gone { first } => self.read_journal(first).await?,
            }
        }
    }

    /// What is no more in memory, up to a record that is.
    async fn read_journal(&mut self, until: Seq) -> Result<(), Gone> {
        let (lines, mut read) = mpsc::channel::<Vec<u8>>(4);
        let (office, from) = (self.office.clone(), self.next);
        let task = tokio::spawn(async move {
            let take = move |some: &[u8]| {
                seq_of(some).is_some_and(|seq| seq < until) && lines.blocking_send(some.to_vec()).is_ok()
            };
            office.resume(from, take).await
        });
        // Others wait for the turn: who is slow goes on with the next one, from the cursor that it has reached.
        let all = timeout(TURN_MAX, async {
            while let Some(some) = read.recv().await {
                self.take_all(&some).await?;
            }
            Ok(())
        });
        all.await.unwrap_or(Err(Gone))?;
        match task.await {
            Ok(Some(Ok(()))) => {}
            _ => return Err(Gone),
        }
        self.next = Cursor { seq: until, index: 0 };
        Ok(())
    }

    /// Turns decisions behind the cursor into events.
    async fn take_all(&mut self, lines: &[u8]) -> Result<(), Gone> {
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let Some(seq) = seq_of(line) else { continue };
            let index = match self.last {
                Some(last) if last.seq == seq => last.index + 1,
                _ => 0,
            };
            let cursor = Cursor { seq, index };
            self.last = Some(cursor);
            let is_wanted = self.members.iter().all(|member| memchr::memmem::find(line, member).is_some());
            if cursor >= self.next && is_wanted {
                self.piece.extend_from_slice(format!("id: {cursor}\ndata: ").as_bytes());
                self.piece.extend_from_slice(line);
                self.piece.push(b'\n');
                if self.piece.len() >= PIECE {
                    self.send().await?;
                }
            }
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<(), Gone> {
        if self.piece.is_empty() {
            return Ok(());
        }
        self.pieces.put(std::mem::take(&mut self.piece).into()).await
    }
}

/// The record that a decision's line begins with.
fn seq_of(line: &[u8]) -> Option<Seq> {
    let digits = line.strip_prefix(b"{\"seq\":")?;
    let len = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&digits[..len]).ok()?.parse().ok().map(Seq)
}
