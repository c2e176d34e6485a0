//! The fast door: JSON lines in, receipts out, a line each and in the same order, over TCP or a Unix socket.
//!
//! A connection may send on without waiting for receipts; one that does not read its receipts is not read any more. Whole lines
//! that have piled up are handed in together.
//!
//! Where keys are needed, the first line is `{"key":"…"}`. It is no report: it gets no receipt and no number.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use memchr::{memchr, memchr_iter, memrchr};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};

use super::answer::Error;
use super::bucket::Bucket;
use super::counter::{Counter, PARCEL_BYTES, Receipts};
use super::keys::{Caller, Keys, NotIn};
use super::office::{Office, Phase};
use crate::ingest::inbox::Parcel;
use crate::limits::LINE_BYTES_MAX;
use crate::meter::Moment;

/// Parcels of a connection whose receipts have not been written.
const UNDER_WAY: usize = 64;
/// How long a connection may leave its receipts unread.
const WRITE_LIMIT: Duration = Duration::from_secs(30);
/// How long a connection may say nothing.
const QUIET_LIMIT: Duration = Duration::from_secs(3600);
/// How long a connection may take to show its key.
const KEY_LIMIT: Duration = Duration::from_secs(10);
/// How long a line may take to come.
const LINE_LIMIT: Duration = Duration::from_secs(60);

/// How long a connection may say nothing at first.
pub(super) fn silence(keys: &Keys) -> Duration {
    if keys.is_needed() { KEY_LIMIT } else { QUIET_LIMIT }
}

/// Where a connection comes in.
pub(super) struct Place {
    pub(super) counter: Arc<Counter>,
    pub(super) office: Arc<Office>,
    /// How many lines a second the door takes from whoever needs no key.
    pub(super) bucket: Option<Arc<Bucket>>,
}

/// Serves one connection until it ends.
///
/// # Errors
/// If the connection fails; what was handed in is decided all the same.
pub(super) async fn serve(
    from: impl AsyncRead + Unpin,
    to: impl AsyncWrite + Unpin,
    place: Place,
    phase: watch::Receiver<Phase>,
) -> io::Result<()> {
    let (under_way, receipts) = mpsc::channel(UNDER_WAY);
    let (read, written) = tokio::join!(read(from, &place, under_way, phase), write(to, receipts));
    read.and(written)
}

/// Hands in whole lines as they come.
async fn read(
    mut from: impl AsyncRead + Unpin,
    place: &Place,
    under_way: mpsc::Sender<Receipts>,
    mut phase: watch::Receiver<Phase>,
) -> io::Result<()> {
    let Place { counter, office, .. } = place;
    let (mut lines_before, mut caller, begun) = (0, None, Moment::now());
    let mut lines = Lines { bytes: counter.paper(), searched: 0, is_skipping: false };
    loop {
        // Room is waited for before more is read: who sends too much feels it.
        let Ok(answer) = under_way.reserve().await else {
            // Nobody reads the receipts.
            return Ok(());
        };
        let is_known = caller.is_some() || !office.keys.is_needed();
        let limit = match lines.bytes.is_empty() {
            // All of it, however slowly it comes.
            _ if !is_known => Duration::from_nanos(begun.plus(KEY_LIMIT).since(Moment::now())),
            true => QUIET_LIMIT,
            false => LINE_LIMIT,
        };
        let read = tokio::select! {
            read = timeout(limit, from.read_buf(&mut lines.bytes)) => read.map_err(|_| io::ErrorKind::TimedOut)??,
            // What was handed in is answered; the rest is for the next life.
            _ = phase.wait_for(|phase| *phase != Phase::Open) => return Ok(()),
        };
        let sent = Moment::now();
        if read == 0 && !lines.bytes.is_empty() {
            lines.bytes.push(b'\n');
        }
        if let Some(mut whole) = lines.whole(counter.paper()) {
            let admitted = match &caller {
                None => place.admit(&mut whole),
                Some(known) => office.keys.still(known).ok_or(NotIn::Unknown),
            };
            let known = match admitted {
                Ok(known) => caller.insert(known),
                Err(why) => {
                    answer.send(refusal(&Error::not_in(why)));
                    return Ok(());
                }
            };
            if !known.may_send {
                office.keys.note_not_allowed();
                answer.send(refusal(&Error::not_for_that()));
                return Ok(());
            }
            let count = memchr_iter(b'\n', &whole).count() as u64;
            if count > 0 {
                tokio::select! {
                    () = place.wait(known, count) => {}
                    _ = phase.wait_for(|phase| *phase != Phase::Open) => return Ok(()),
                }
                let (speaker, rights) = (known.rights.only(), known.rights);
                let parcel = Parcel { lines: whole, lines_before, sent, speaker, rights, reply: None };
                lines_before += count;
                match counter.hand_in(parcel).await {
                    Ok(receipts) => answer.send(receipts),
                    Err(_) => return Ok(()),
                };
            }
        }
        if read == 0 {
            return Ok(());
        }
    }
}

/// The first line of a connection that shows its key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
}

impl Place {
    /// Who has come in, by the first of its lines. One that shows a key is taken out: it is no report, and goes into no journal.
    fn admit(&self, lines: &mut Vec<u8>) -> Result<Caller, NotIn> {
        let end = memchr(b'\n', lines).map_or(lines.len(), |end| end + 1);
        let shown = serde_json::from_slice(&lines[..end]).ok().map(|Shown { key }| key.into_owned());
        if shown.is_some() {
            lines.drain(..end);
        }
        self.office.keys.admit(shown.as_deref(), self.bucket.as_ref())
    }

    /// Waits until there is room for so many lines.
    async fn wait(&self, caller: &Caller, lines: u64) {
        let Some(bucket) = &caller.bucket else { return };
        let mut is_noted = false;
        while let Err(wait) = bucket.take(lines, Moment::now()) {
            if !is_noted {
                self.counter.note_limited();
                is_noted = true;
            }
            sleep(wait).await;
        }
    }
}

/// An error in place of receipts.
fn refusal(error: &Error) -> Receipts {
    let (answer, receipts) = oneshot::channel();
    // It cannot be gone: it is given back below.
    let _ = answer.send([error.text().as_bytes(), b"\n"].concat());
    receipts
}

/// Writes receipts as they come.
async fn write(mut to: impl AsyncWrite + Unpin, mut receipts: mpsc::Receiver<Receipts>) -> io::Result<()> {
    while let Some(next) = receipts.recv().await {
        // The service ends before it can answer: the connection ends without the receipt, and the sender says it again.
        let lines = next.await.map_err(|_| io::ErrorKind::ConnectionAborted)?;
        timeout(WRITE_LIMIT, to.write_all(&lines)).await.map_err(|_| io::ErrorKind::TimedOut)??;
        to.flush().await?;
    }
    to.shutdown().await
}

/// What has come of a connection and is not handed in.
struct Lines {
    bytes: Vec<u8>,
    /// How much of it holds no end of a line.
    searched: usize,
    /// The rest of a line beyond the limit is passed over.
    is_skipping: bool,
}

impl Lines {
    /// Takes the whole lines, leaving the beginning of the next one in `paper`.
    fn whole(&mut self, mut paper: Vec<u8>) -> Option<Vec<u8>> {
        if self.is_skipping {
            match memchr(b'\n', &self.bytes) {
                Some(end) => {
                    self.bytes.drain(..=end);
                    (self.is_skipping, self.searched) = (false, 0);
                }
                None => {
                    self.bytes.clear();
                    return None;
                }
            }
        }
        let end = memrchr(b'\n', &self.bytes[self.searched..]).map(|end| self.searched + end + 1);
        self.searched = self.bytes.len();
        let Some(end) = end else {
            return (self.bytes.len() > LINE_BYTES_MAX).then(|| self.cut());
        };
        paper.extend_from_slice(&self.bytes[end..]);
        self.searched = 0;
        let mut whole = std::mem::replace(&mut self.bytes, paper);
        whole.truncate(end);
        if self.bytes.capacity() < PARCEL_BYTES {
            self.bytes.reserve(PARCEL_BYTES);
        }
        Some(whole)
    }

    /// No line ended within the limit: its beginning is handed in, to be turned away with its reason, and its rest is passed over.
    fn cut(&mut self) -> Vec<u8> {
        let mut line = std::mem::take(&mut self.bytes);
        line.truncate(LINE_BYTES_MAX + 1);
        line.push(b'\n');
        (self.is_skipping, self.searched) = (true, 0);
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds pieces, and gives what is handed in.
    fn fed(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut lines = Lines { bytes: Vec::new(), searched: 0, is_skipping: false };
        let mut all = Vec::new();
        for piece in pieces {
            lines.bytes.extend_from_slice(piece);
            all.extend(lines.whole(Vec::new()));
        }
        all
    }

    #[test]
    fn whole_lines_are_taken_wherever_they_were_cut() {
        let text = b"one\ntwo\n\nthree\n";
        for cut in 0..=text.len() {
            for second in cut..=text.len() {
                let taken = fed(&[&text[..cut], &text[cut..second], &text[second..]]).concat();
                assert_eq!(taken, text, "{cut}, {second}");
            }
        }
        assert_eq!(fed(&[b"one\ntw", b"o"]), [b"one\n"]);
    }

    #[test]
    fn a_line_beyond_the_limit_is_cut_once_and_the_next_one_is_whole() {
        let long = vec![b'x'; LINE_BYTES_MAX];
        let taken = fed(&[&long, b"xx", &long, b"rest\nnext\n", b"more\n"]);
        let lengths: Vec<usize> = taken.iter().map(Vec::len).collect();
        assert_eq!(lengths, [LINE_BYTES_MAX + 2, 5, 5]);
        assert_eq!(taken[1..], [b"next\n".to_vec(), b"more\n".to_vec()]);
    }
}
