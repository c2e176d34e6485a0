//! The log on the disk.
//!
//! | file | noun |
//! |---|---|
//! | [`frame`] | one batch of records, filled by a worker, ordered by the lane, sealed by the writer |
//! | [`segment`] | one file of the log |
//! | [`packed`] | sealed segments in a quarter of the room |
//! | [`retention`] | gives up the oldest part of a log |
//! | [`writer`] | appends frames, syncs, begins and retires segments |
//! | [`reader`] | walks through all frames and decides how the log ends: cut, or damaged |
//! | [`recovery`] | opens a log again behind its last frame |
//! | [`snapshot`] | a state that was reached at a frame, so that nobody need begin at the first |
//! | [`disk`], [`sim`] | the disk: a real one, and one that can lose and break things |
//!
//! What the journal promises, and its tests show on the simulated disk:
//! - What [`Journal::sync`] confirmed is there after any crash, byte for byte and in order; what is there was appended.
//! - A frame that is bad and was never confirmed is cut off and reported. One that was confirmed is refused with its path
//!   and offset, and nothing is changed.
//! - Once a write or sync has failed, nothing more is confirmed.
//!
//! There is no clock, thread or random number here; salts follow from bits that the caller draws.

pub mod buffer;
pub mod disk;
pub mod error;
pub mod frame;
pub mod packed;
pub mod reader;
pub mod recovery;
pub mod retention;
pub mod segment;
pub mod sim;
pub mod snapshot;
pub mod writer;

pub use disk::{Disk, Mode, RealDisk};
pub use error::JournalError;
pub use frame::{FRAME_BYTES_MAX, Frame, FrameView, Kind, Order, Position, Slots};
pub use reader::{Cut, Found, Place, Reader};
pub use recovery::Recovery;
pub use writer::{Journal, Setup, Written};
