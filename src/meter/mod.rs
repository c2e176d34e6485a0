//! Measuring: what the process costs its machine, how long reports take on their way, and how well their budgets are kept.
//!
//! Clocks are read once for each stage of a batch, never for a report. What is measured decides nothing.

mod clock;
mod journey;
mod latency;
mod moment;
pub mod process;

pub use clock::{Clock, Led, Pace};
pub use journey::{Journey, Stage};
pub use latency::{LatencyLedger, Share, Slow, UrgencyLatency};
pub use moment::Moment;
