//! What is measured: anything that takes reports and answers them in the order in which it got them.

mod control;
mod in_process;
mod null;
mod service;
mod worker;

pub use control::control;
pub use in_process::{Setting, in_process};
pub use null::Null;
pub use service::{Setting as Serving, bare, http, tcp};
pub use worker::Worker;

use paidan::meter::{LatencyLedger, Moment};

use crate::Outcome;
use crate::usage::Usage;

/// A target under load. One thread sends.
pub trait Target {
    /// Takes whole lines, so many reports, or gives them back if there is no room. Never waits.
    ///
    /// # Errors
    /// The lines.
    fn offer(&mut self, lines: Vec<u8>, reports: u32, sent: Moment) -> Result<(), Vec<u8>>;

    /// Empty room for the next lines, if possible that of lines that were taken.
    fn room(&mut self) -> Vec<u8>;

    /// How many reports were answered.
    fn answered(&self) -> u64;

    /// Nothing more comes. Waits until all that was taken is answered.
    ///
    /// # Errors
    /// If the target failed, with the reason.
    fn finish(self: Box<Self>) -> Outcome<Answers>;
}

/// Reports that were answered together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The first of them, counted from 0 in the order of sending.
    pub first: u64,
    /// The one behind the last.
    pub next: u64,
    /// When.
    pub at: Moment,
}

/// All answers of a run.
#[derive(Default)]
pub struct Answers {
    /// In the order of the reports, without gaps.
    pub batches: Vec<Answer>,
    /// What the target itself measured, if it does.
    pub ledger: Option<LatencyLedger>,
    /// What the target used, if it is a process of its own.
    pub usage: Option<Usage>,
}
