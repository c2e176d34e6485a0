//! Doors: bytes from outside become records of the log, or tallies that say why not.
//!
//! An input is a [`mod@file`] of JSON lines, or a [`stream`] that becomes JSON lines: [`unpack`] takes off its compression,
//! [`text`] finds out by [`marks`] and by the city's layout what it is, and has it converted.
//!
//! The way of a line: [`input`] brings it in as part of a chunk, [`door`] cuts the chunk into lines, [`decode`] reads a line,
//! the city understands it, and it stands in a frame, ready for its place in the order.

pub mod ahead;
pub mod decode;
pub mod door;
pub mod file;
pub mod follow;
pub mod inbox;
pub mod input;
mod json;
pub mod letter;
pub mod marks;
mod number;
pub mod patient;
mod reader;
mod recode;
mod scan;
mod steps;
pub mod stream;
mod table;
pub mod text;
mod time;
pub mod unpack;
