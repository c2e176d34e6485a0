//! The parts of paidan's load harness, for its command, for the rivals in `rivals/`, and for paidan's own tests.

pub mod bench_city;
pub mod counts;
pub mod r#gen;
pub mod job;
mod line;
pub mod lines;
mod machine;
mod progress;
pub mod ratio;
pub mod reference;
mod rng;
mod truth;
pub mod try_out;
pub mod us311_city;
pub mod usage;

/// What a mode comes to: nothing, or a sentence that names the file and the cause.
pub type Outcome<T = ()> = Result<T, String>;
