//! The log on the disk.

pub mod buffer;
pub mod frame;
pub mod segment;
