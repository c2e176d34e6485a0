//! Measuring: what the process costs its machine.

pub mod process;
