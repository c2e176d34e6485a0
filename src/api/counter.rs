//! The counter of a door: where lines are handed in, and from where their receipts come back.
//!
//! What is under way through a door is bounded by its bytes: whoever hands in takes room, and the room comes back with the
//! receipts. So the inbox behind it is never full, and a full counter is an answer: wait (and stop reading), or come again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::ingest::inbox::{Inbox, Parcel, Reply, Sender, inbox};

/// Bytes of one piece of room.
const PIECE: usize = 2048;
/// Pieces that a door has: 16 MiB.
const PIECES: usize = 8192;
/// Most bytes of a parcel.
pub const PARCEL_BYTES: usize = 64 * 1024;

/// Where the receipts of a parcel will come out: a line for each line that was handed in.
pub type Receipts = oneshot::Receiver<Vec<u8>>;

/// Why lines are not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotTaken {
    /// There is no room now.
    Full,
    /// The service is about to end.
    Closing,
}

/// A door's counter.
pub struct Counter {
    name: &'static str,
    /// Only the door's own thread takes this lock.
    sender: Mutex<Option<Sender>>,
    room: Arc<Semaphore>,
    /// Parcels that found no room.
    refused: AtomicU64,
    /// Deliveries that were more than their sender may send.
    limited: AtomicU64,
    /// Bytes that were taken.
    bytes: AtomicU64,
}

impl Counter {
    /// Bytes that are under way at most.
    pub const BYTES_MAX: u64 = (PIECES * PIECE) as u64;

    /// A door's counter, and the inbox behind it.
    pub fn new(name: &'static str) -> (Arc<Self>, Inbox) {
        // A parcel takes a piece at least: there is a place for each that finds room.
        let (sender, inbox) = inbox(PIECES);
        let room = Arc::new(Semaphore::new(PIECES));
        let sender = Mutex::new(Some(sender));
        let [refused, limited, bytes] = [const { AtomicU64::new(0) }; 3];
        (Arc::new(Self { name, sender, room, refused, limited, bytes }), inbox)
    }

    /// What the door is called.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The part of the room that is taken.
    pub fn fullness(&self) -> f64 {
        (PIECES - self.room.available_permits()) as f64 / PIECES as f64
    }

    /// How many parcels found no room.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// How many deliveries were more than their sender may send.
    pub fn limited(&self) -> u64 {
        self.limited.load(Ordering::Relaxed)
    }

    /// Notes that somebody sent more than it may.
    pub fn note_limited(&self) {
        self.limited.fetch_add(1, Ordering::Relaxed);
    }

    /// How many bytes were taken.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Hands in a parcel, if there is room now.
    ///
    /// # Errors
    /// If there is none, or nothing is taken any more.
    pub fn try_hand_in(&self, parcel: Parcel) -> Result<Receipts, NotTaken> {
        match self.room.clone().try_acquire_many_owned(pieces(&parcel.lines)) {
            Ok(room) => self.put(parcel, room),
            Err(tokio::sync::TryAcquireError::NoPermits) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Err(NotTaken::Full)
            }
            Err(tokio::sync::TryAcquireError::Closed) => Err(NotTaken::Closing),
        }
    }

    /// Hands in a parcel, as soon as there is room.
    ///
    /// # Errors
    /// If nothing is taken any more.
    pub async fn hand_in(&self, parcel: Parcel) -> Result<Receipts, NotTaken> {
        let room = self.room.clone().acquire_many_owned(pieces(&parcel.lines)).await.map_err(|_| NotTaken::Closing)?;
        self.put(parcel, room)
    }

    fn put(&self, parcel: Parcel, room: OwnedSemaphorePermit) -> Result<Receipts, NotTaken> {
        let (answer, receipts) = oneshot::channel();
        let reply: Reply = Box::new(move |lines| {
            drop(room);
            // Who asked may have gone.
            let _ = answer.send(lines);
        });
        let mut sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = sender.as_mut().ok_or(NotTaken::Closing)?;
        self.bytes.fetch_add(parcel.lines.len() as u64, Ordering::Relaxed);
        let pushed = sender.push(Parcel { reply: Some(reply), ..parcel });
        assert!(pushed.is_ok(), "there is a place for every parcel that has room");
        Ok(receipts)
    }

    /// Empty room for the next lines.
    pub fn paper(&self) -> Vec<u8> {
        let mut sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        sender.as_mut().map(Sender::room).unwrap_or_default()
    }

    /// Takes nothing any more. What was taken is answered.
    pub fn close(&self) {
        self.room.close();
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// How many pieces of room some lines take.
fn pieces(lines: &[u8]) -> u32 {
    lines.len().div_ceil(PIECE).clamp(1, PIECES) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::Moment;
    use crate::rights::Rights;

    /// What is under way is bounded by its bytes, and its room comes back with the receipts, also where nobody hears them.
    #[test]
    fn room_is_taken_and_comes_back() {
        let (counter, mut inbox) = Counter::new("test");
        let large = vec![b'\n'; PIECE * PIECES / 2];
        let hand_in = |lines: &[u8]| {
            let lines = lines.to_vec();
            counter.try_hand_in(Parcel {
                lines,
                lines_before: 0,
                sent: Moment(1),
                speaker: None,
                rights: Rights::ALL,
                reply: None,
            })
        };
        let mut heard = hand_in(&large).expect("room");
        drop(hand_in(&large).expect("room"));
        assert_eq!(hand_in(b"x\n").map(drop), Err(NotTaken::Full));
        assert_eq!((counter.refused(), counter.fullness()), (1, 1.0));
        for _ in 0..2 {
            inbox.take(1, |_, _, reply| reply.expect("somebody asked")(b"receipt\n".to_vec()));
        }
        assert_eq!(heard.try_recv().expect("an answer"), b"receipt\n");
        assert_eq!(counter.fullness(), 0.0);
        counter.close();
        assert_eq!(hand_in(b"x\n").map(drop), Err(NotTaken::Closing));
    }
}
