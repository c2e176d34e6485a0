//! A target that does nothing: what is measured with it is the harness itself. It can be told to stall, and then the harness
//! must show it.

use std::time::Duration;

use paidan::meter::Moment;

use super::{Answer, Answers, Target};
use crate::Outcome;

/// Answers at once, but for a stall: what is taken in it is answered when it ends.
#[derive(Default)]
pub struct Null {
    stall: Option<(Moment, Moment)>,
    batches: Vec<Answer>,
    room: Vec<u8>,
}

impl Null {
    /// One that never stalls.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that answers nothing for a while.
    pub fn stalling(from: Moment, length: Duration) -> Self {
        Self { stall: Some((from, from.plus(length))), ..Self::default() }
    }
}

impl Target for Null {
    fn offer(&mut self, mut lines: Vec<u8>, reports: u32, _sent: Moment) -> Result<(), Vec<u8>> {
        let now = Moment::now();
        let at = match self.stall {
            Some((from, to)) if (from..to).contains(&now) => to,
            _ => now,
        };
        let first = self.batches.last().map_or(0, |last| last.next);
        self.batches.push(Answer { first, next: first + u64::from(reports), at });
        lines.clear();
        self.room = lines;
        Ok(())
    }

    fn room(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.room)
    }

    fn answered(&self) -> u64 {
        let now = Moment::now();
        self.batches.iter().rev().find(|batch| batch.at <= now).map_or(0, |batch| batch.next)
    }

    fn finish(self: Box<Self>) -> Outcome<Answers> {
        Ok(Answers { batches: self.batches, ..Answers::default() })
    }
}
