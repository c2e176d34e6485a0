//! An inbox: where reports come in that are said within this process, as parcels of whole lines.
//!
//! It is a bounded ring, so that a full one is an answer: whoever sends gets the parcel back, and decides. The room of parcels
//! goes back to the sender, so that nothing is allocated once it is under way.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::meter::Moment;
use crate::ring::{Bell, Consumer, Full, Producer, ring};

/// How long nothing may come before the reader is told so.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Lines, and when they were sent.
struct Parcel {
    bytes: Vec<u8>,
    sent: Moment,
}

/// An inbox for so many parcels, and who puts them in. It ends when the sender is dropped.
pub fn inbox(parcels: usize) -> (Sender, Inbox) {
    let (to_inbox, from_sender) = ring(parcels);
    // One more than can lie in the inbox: the one that is being read.
    let (to_sender, from_inbox) = ring(parcels + 1);
    let bell = Arc::new(Bell::new());
    let sender = Sender { parcels: to_inbox, used: from_inbox, bell: Ring(bell.clone()) };
    let reading = Parcel { bytes: Vec::new(), sent: Moment::default() };
    (sender, Inbox { parcels: from_sender, used: to_sender, reading, at: 0, arrivals: Arrivals::default(), bell })
}

/// Who puts parcels in.
pub struct Sender {
    parcels: Producer<Parcel>,
    used: Consumer<Vec<u8>>,
    /// Dropped last: it tells the reader that the ring is closed.
    bell: Ring,
}

struct Ring(Arc<Bell>);

impl Drop for Ring {
    fn drop(&mut self) {
        self.0.ring();
    }
}

impl Sender {
    /// Puts in whole lines that were sent at a moment.
    ///
    /// # Errors
    /// [`Full`] with the lines, if there is no room.
    pub fn push(&mut self, bytes: Vec<u8>, sent: Moment) -> Result<(), Full<Vec<u8>>> {
        self.parcels.push(Parcel { bytes, sent }).map_err(|Full(parcel)| Full(parcel.bytes))?;
        self.bell.0.ring();
        Ok(())
    }

    /// Empty room for the next parcel: that of one that was read, if there is one.
    pub fn room(&mut self) -> Vec<u8> {
        self.used.pop().unwrap_or_default()
    }
}

/// Who reads parcels.
pub struct Inbox {
    parcels: Consumer<Parcel>,
    used: Producer<Vec<u8>>,
    reading: Parcel,
    /// How much of it was read.
    at: usize,
    arrivals: Arrivals,
    bell: Arc<Bell>,
}

impl Inbox {
    /// When what is read of it arrived.
    pub fn arrivals(&self) -> Arrivals {
        self.arrivals.clone()
    }

    /// Takes the next parcel. False where nothing came in a while; none at the end.
    fn next(&mut self) -> Option<bool> {
        let seen = self.bell.listen();
        let is_closed = self.parcels.is_closed();
        match self.parcels.pop() {
            Some(parcel) => {
                let mut read = std::mem::replace(&mut self.reading, parcel);
                self.at = 0;
                read.bytes.clear();
                // The first one, which came from nobody, finds no place where all are under way; it holds nothing.
                let _ = self.used.push(read.bytes);
                Some(true)
            }
            None if is_closed => None,
            None => Some(self.bell.wait_for(seen, LOOK_EVERY)),
        }
    }
}

impl Read for Inbox {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.reading.bytes.len() {
            match self.next() {
                Some(true) => {}
                Some(false) => return Err(io::ErrorKind::WouldBlock.into()),
                None => return Ok(0),
            }
        }
        let rest = &self.reading.bytes[self.at..];
        let taken = rest.len().min(buffer.len());
        buffer[..taken].copy_from_slice(&rest[..taken]);
        self.at += taken;
        self.arrivals.note(self.reading.sent);
        Ok(taken)
    }
}

/// When the oldest bytes arrived that were read since somebody asked.
#[derive(Clone, Debug)]
pub struct Arrivals(Arc<AtomicU64>);

const NOTHING: u64 = u64::MAX;

impl Default for Arrivals {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(NOTHING)))
    }
}

impl Arrivals {
    // Reader and asker are one thread: the atomic only gets the moment past whoever unpacks and cuts in between.
    fn note(&self, sent: Moment) {
        self.0.fetch_min(sent.0, Ordering::Relaxed);
    }

    /// The moment, once; none if nothing was read since.
    pub fn take(&self) -> Option<Moment> {
        Some(self.0.swap(NOTHING, Ordering::Relaxed)).filter(|sent| *sent != NOTHING).map(Moment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parcels_are_read_in_their_order_and_their_room_comes_back() {
        let (mut sender, mut inbox) = inbox(2);
        let arrivals = inbox.arrivals();
        let mut buffer = [0; 4];
        sender.push(b"abcdef".to_vec(), Moment(10)).expect("room");
        sender.push(b"gh".to_vec(), Moment(20)).expect("room");
        assert_eq!(sender.push(b"no".to_vec(), Moment(30)), Err(Full(b"no".to_vec())));
        let mut check = |expected: io::Result<&[u8]>, arrived: Option<u64>| {
            let read = inbox.read(&mut buffer).map(|len| &buffer[..len]);
            assert_eq!(read.map_err(|cause| cause.kind()), expected.map_err(|cause| cause.kind()));
            assert_eq!(arrivals.take(), arrived.map(Moment));
        };
        check(Ok(b"abcd"), Some(10));
        check(Ok(b"ef"), Some(10));
        check(Ok(b"gh"), Some(20));
        check(Err(io::ErrorKind::WouldBlock.into()), None);
        assert!((0..2).any(|_| sender.room().capacity() >= 6), "the room of the first parcel comes back");
        sender.push(b"end".to_vec(), Moment(40)).expect("room");
        drop(sender);
        check(Ok(b"end"), Some(40));
        check(Ok(b""), None);
    }

    #[test]
    fn a_reader_that_waits_is_woken_by_a_parcel_and_by_the_end() {
        let (mut sender, mut inbox) = inbox(1);
        std::thread::scope(|scope| {
            let reader = scope.spawn(move || {
                let (mut all, mut buffer) = (Vec::new(), [0; 64]);
                loop {
                    match inbox.read(&mut buffer) {
                        Ok(0) => return all,
                        Ok(len) => all.extend_from_slice(&buffer[..len]),
                        Err(cause) => assert_eq!(cause.kind(), io::ErrorKind::WouldBlock),
                    }
                }
            });
            for n in 0..1000_u32 {
                let mut parcel = n.to_le_bytes().to_vec();
                while let Err(Full(back)) = sender.push(parcel, Moment(0)) {
                    parcel = back;
                    std::thread::yield_now();
                }
            }
            drop(sender);
            let expected: Vec<u8> = (0..1000_u32).flat_map(u32::to_le_bytes).collect();
            assert_eq!(reader.join().expect("reads on"), expected);
        });
    }
}
