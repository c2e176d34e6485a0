//! The lane: the only place where a record gets its number and its time, and where the mind decides. One thread at a time.
//!
//! A run, a replay and a test are the same call: [`Lane::decide`] on a frame whose records were stamped, here or in an earlier
//! life.

use std::sync::Arc;

use crate::city::City;
use crate::dispatch::{Dispatcher, MIND_VERSION, TOUCHED_MAX};
use crate::effect::{Digest, Effects};
use crate::fingerprint::Fingerprint;
use crate::geo::Point;
use crate::ids::{Seq, SourceId, UnitId};
use crate::journal::frame::{Frame, FrameError, FrameView, Order, Position};
use crate::record::{BodyRef, Input, Origin, Record, UnitChange};
use crate::time::At;

/// Where the log stands, and the mind at that point.
pub struct Lane {
    city: Arc<City>,
    mind: Dispatcher,
    next: Seq,
    at: At,
    digest: Digest,
}

/// A frame does not continue the log that was decided so far.
#[derive(Debug)]
pub enum Mismatch {
    /// It starts with another record than the one that is next.
    Seq {
        /// The record that is next.
        next: Seq,
        /// The frame's first.
        found: Seq,
    },
    /// It was written when other effects had been decided.
    Digest {
        /// What was decided here.
        here: Digest,
        /// What had been decided there.
        there: Digest,
    },
    /// Another city's records.
    City {
        /// The version of the city here.
        here: u64,
        /// The version that understood the records.
        there: u64,
    },
    /// Another mind decided them.
    Mind {
        /// The mind that decided.
        there: u32,
    },
    /// Its records cannot be read.
    Frame(FrameError),
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Seq { next, found } => write!(f, "record {next} is next, but the frame begins with {found}"),
            Self::Digest { here, there } => {
                write!(f, "the effects so far have the digest {here}, but they had {there} when the frame was written")
            }
            Self::City { here, there } => {
                write!(f, "the records were understood by city version {there:016x}, but this one is {here:016x}")
            }
            Self::Mind { there } => {
                write!(f, "the records were decided by mind version {there}, but this program's is {MIND_VERSION}")
            }
            Self::Frame(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Mismatch {}

/// What stands in a record's place until it is read.
const NOTHING: Record = Record {
    seq: Seq(0),
    at: At(0),
    origin: Origin {
        source: SourceId::NONE,
        fingerprint: Fingerprint { lo: 0, hi: 0 },
        body_hash: 0,
        event_time: None,
        body: BodyRef { at: 0, len: 0, id_at: 0, id_len: 0, key: 0 },
    },
    input: Input::Unit(UnitChange { unit: UnitId::NONE, status: None, point: Point::NONE, capacity: None }),
};

impl Lane {
    /// At the beginning of a log.
    pub fn new(city: Arc<City>) -> Self {
        let mind = Dispatcher::new(city.clone());
        Self { city, mind, next: Seq(1), at: At(0), digest: Digest::default() }
    }

    /// At a frame of a log, with the mind as it was before it.
    pub fn at_frame(city: Arc<City>, mind: Dispatcher, order: &Order) -> Self {
        Self { city, mind, next: order.first_seq, at: order.at_before, digest: order.digest }
    }

    /// The record that is next.
    pub const fn next(&self) -> Seq {
        self.next
    }

    /// Log time.
    pub const fn at(&self) -> At {
        self.at
    }

    /// Digest of all effects so far.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The mind as it is now.
    pub const fn mind(&self) -> &Dispatcher {
        &self.mind
    }

    /// Gives the records of a closed frame their numbers and times, decides about them, and adds the effects to `effects`. Each
    /// record's stamp holds its time for the order; log time is the largest so far.
    pub fn order_and_decide(&mut self, frame: &mut Frame, positions: &[Position], effects: &mut Effects) {
        frame.set_order(Order {
            first_seq: self.next,
            at_before: self.at,
            digest: self.digest,
            city: self.city.version,
            mind: MIND_VERSION,
        });
        let mut at = self.at;
        for record in 0..frame.records() {
            at = at.max(frame.stamp(record));
            frame.set_stamp(record, at);
        }
        frame.set_positions(positions);
        self.decide(&frame.view(), effects).expect("a frame that was just filled can be read");
    }

    /// Decides about the records of a frame that continues the log, and adds the effects to `effects`.
    ///
    /// # Errors
    /// If the frame cannot be read. What was decided before the error stays decided: the lane is of no more use.
    pub fn decide(&mut self, view: &FrameView<'_>, effects: &mut Effects) -> Result<(), FrameError> {
        self.decide_watched(view, effects, |_, _| {})
    }

    /// As [`Lane::decide`]; `watch` sees the mind and each record right before it is decided about.
    #[inline]
    fn decide_watched(
        &mut self,
        view: &FrameView<'_>,
        effects: &mut Effects,
        mut watch: impl FnMut(&Dispatcher, &Record),
    ) -> Result<(), FrameError> {
        let before = effects.as_slice().len();
        let mut records = view.records();
        let mut some = [NOTHING; TOUCHED_MAX];
        loop {
            let mut taken = 0;
            for (slot, placed) in some.iter_mut().zip(&mut records) {
                *slot = placed?.record;
                taken += 1;
            }
            let some = &some[..taken];
            std::hint::black_box(self.mind.touch(some));
            for record in some {
                watch(&self.mind, record);
                self.mind.apply(record, effects);
            }
            if taken < TOUCHED_MAX {
                break;
            }
        }
        effects.as_slice()[before..].iter().for_each(|(seq, effect)| self.digest.fold(*seq, effect));
        self.next = view.header().next_seq();
        self.at = view.at_after();
        Ok(())
    }

    /// Decides again about a frame of the journal.
    ///
    /// # Errors
    /// If it does not continue what was decided so far.
    pub fn replay(&mut self, view: &FrameView<'_>, effects: &mut Effects) -> Result<(), Mismatch> {
        self.replay_watched(view, effects, |_, _| {})
    }

    /// As [`Lane::replay`]; `watch` sees the mind and each record right before it is decided about.
    ///
    /// # Errors
    /// As [`Lane::replay`].
    pub fn replay_watched(
        &mut self,
        view: &FrameView<'_>,
        effects: &mut Effects,
        watch: impl FnMut(&Dispatcher, &Record),
    ) -> Result<(), Mismatch> {
        let order = view.header().order;
        if order.city != self.city.version {
            return Err(Mismatch::City { here: self.city.version, there: order.city });
        }
        if order.mind != MIND_VERSION {
            return Err(Mismatch::Mind { there: order.mind });
        }
        if order.first_seq != self.next {
            return Err(Mismatch::Seq { next: self.next, found: order.first_seq });
        }
        if order.digest != self.digest {
            return Err(Mismatch::Digest { here: self.digest, there: order.digest });
        }
        self.decide_watched(view, effects, watch).map_err(Mismatch::Frame)
    }
}
