//! Streams of events as bodies: pieces that a task makes and a connection takes, when it likes.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use http_body::Frame;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::keys::Caller;
use super::office::Office;

/// How often a quiet stream shows that it lives.
pub(super) const ALIVE: Duration = Duration::from_secs(15);
/// What it shows.
pub(super) const SIGN_OF_LIFE: Bytes = Bytes::from_static(b":\n\n");
/// How long whoever reads may take nothing at all.
const UNREAD_MAX: Duration = Duration::from_secs(30);

/// Whoever reads is gone, or took nothing for too long.
pub(super) struct Gone;

/// Where a task puts the pieces.
pub(super) struct Pieces {
    to: mpsc::Sender<Bytes>,
    /// For whom: a key that is revoked ends its streams with the next piece, which is never far off.
    caller: Caller,
    office: Arc<Office>,
}

impl Pieces {
    /// Puts a piece, as soon as there is room for it.
    pub(super) async fn put(&self, piece: Bytes) -> Result<(), Gone> {
        if !self.office.keys.still(&self.caller).is_some_and(|caller| caller.may_read) {
            return Err(Gone);
        }
        match timeout(UNREAD_MAX, self.to.send(piece)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Gone),
        }
    }
}

/// A stream for somebody, with room for so many pieces, and where they are put in.
pub(super) fn stream(office: &Arc<Office>, caller: Caller, room: usize) -> (Pieces, Response) {
    let (to, receiver) = mpsc::channel(room);
    let mut response = Response::new(Body::new(Taken(receiver)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    (Pieces { to, caller, office: office.clone() }, response)
}

/// The pieces as a body.
struct Taken(mpsc::Receiver<Bytes>);

impl http_body::Body for Taken {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}
