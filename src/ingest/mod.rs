//! Doors: bytes from outside become records of the log, or tallies that say why not.
//!
//! The way of a line: [`input`] brings it in as part of a chunk, [`door`] cuts the chunk into lines, [`decode`] reads a line,
//! the city understands it, and it stands in a frame, ready for its place in the order.

pub mod decode;
pub mod door;
pub mod input;
mod json;
mod number;
mod reader;
mod scan;
mod steps;
mod time;
