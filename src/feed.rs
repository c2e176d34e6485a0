//! The feed: decisions for whoever follows them, each at its own pace.
//!
//! What was published lies in a bounded queue of batches; a follower holds a cursor, and takes a batch when it likes. Who is slow
//! keeps nobody else waiting, and costs nothing but its own cursor; what it finds no more here it reads from the journal.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::ids::Seq;

/// Decisions that were published together.
#[derive(Debug)]
pub struct Batch {
    /// The first record.
    pub first: Seq,
    /// The record behind the last.
    pub next: Seq,
    /// The decisions, a line each.
    pub lines: Box<[u8]>,
}

/// A decision's name: the record that caused it, and its place among the record's decisions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Cursor {
    /// The record.
    pub seq: Seq,
    /// Counted from 0.
    pub index: u32,
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.seq, self.index)
    }
}

impl std::str::FromStr for Cursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str = "an event is named record.index, for example 12345.0";
        let (seq, index) = text.split_once('.').ok_or(SHAPE)?;
        Ok(Self { seq: Seq(seq.parse().map_err(|_| SHAPE)?), index: index.parse().map_err(|_| SHAPE)? })
    }
}

/// What a follower finds.
#[derive(Debug)]
pub enum Found {
    /// The batch that holds the next record.
    Batch(Arc<Batch>),
    /// Nothing yet.
    Nothing,
    /// Records before this one are here no more.
    Gone {
        /// The oldest record that is.
        first: Seq,
    },
}

/// The newest decisions.
pub struct Feed {
    kept: Mutex<Kept>,
    /// The record that is published next.
    next: watch::Sender<Seq>,
    bytes_max: usize,
}

#[derive(Default)]
struct Kept {
    batches: VecDeque<Arc<Batch>>,
    bytes: usize,
}

impl Feed {
    /// Before record `next`, with room for so many bytes.
    pub fn new(next: Seq, bytes_max: usize) -> Self {
        Self { kept: Mutex::default(), next: watch::Sender::new(next), bytes_max }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a batch, and forgets the oldest ones where there is no room for it.
    pub fn publish(&self, first: Seq, next: Seq, lines: &[u8]) {
        let batch = Arc::new(Batch { first, next, lines: lines.into() });
        let mut forgotten = Vec::new();
        {
            let mut kept = self.kept();
            kept.bytes += lines.len();
            kept.batches.push_back(batch);
            while kept.bytes > self.bytes_max && kept.batches.len() > 1 {
                let oldest = kept.batches.pop_front().expect("there are two");
                kept.bytes -= oldest.lines.len();
                // Freed when the lock is given back.
                forgotten.push(oldest);
            }
        }
        self.next.send_replace(next);
    }

    /// The batch with a record.
    pub fn find(&self, seq: Seq) -> Found {
        let kept = self.kept();
        match kept.batches.front() {
            None if seq < *self.next.borrow() => Found::Gone { first: *self.next.borrow() },
            None => Found::Nothing,
            Some(oldest) if seq < oldest.first => Found::Gone { first: oldest.first },
            Some(_) => {
                let at = kept.batches.partition_point(|batch| batch.next <= seq);
                kept.batches.get(at).map_or(Found::Nothing, |batch| Found::Batch(batch.clone()))
            }
        }
    }

    /// Tells when something was published. The record that comes next.
    pub fn news(&self) -> watch::Receiver<Seq> {
        self.next.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(feed: &Feed, seq: u64) -> Result<Option<String>, u64> {
        match feed.find(Seq(seq)) {
            Found::Batch(batch) => Ok(Some(String::from_utf8(batch.lines.to_vec()).expect("text"))),
            Found::Nothing => Ok(None),
            Found::Gone { first } => Err(first.0),
        }
    }

    #[test]
    fn a_follower_finds_the_batch_of_a_record_or_where_the_feed_begins() {
        let feed = Feed::new(Seq(5), 10);
        assert_eq!([lines(&feed, 4), lines(&feed, 5)], [Err(5), Ok(None)]);
        feed.publish(Seq(5), Seq(7), b"5\n6\n");
        feed.publish(Seq(7), Seq(8), b"7\n");
        assert_eq!(lines(&feed, 4), Err(5));
        for (seq, expected) in [(5, Some("5\n6\n")), (6, Some("5\n6\n")), (7, Some("7\n")), (8, None)] {
            assert_eq!(lines(&feed, seq), Ok(expected.map(str::to_owned)), "{seq}");
        }
        feed.publish(Seq(8), Seq(12), b"8\n9\n10\n");
        assert_eq!(lines(&feed, 6), Err(7), "the oldest batch made room");
        feed.publish(Seq(12), Seq(13), &[b'x'; 100]);
        assert_eq!([lines(&feed, 11), lines(&feed, 12)], [Err(12), Ok(Some("x".repeat(100)))], "the newest one stays");
    }

    #[test]
    fn cursors_read_back() {
        let cursor = Cursor { seq: Seq(12), index: 3 };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in ["", "12", "12.", ".3", "a.b", "12.3.4"] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
