//! The parts of paidan's load harness, for its command and for paidan's own tests.

pub mod bench_city;
mod counts;
pub mod r#gen;
mod line;
mod lines;
mod machine;
mod pen;
pub mod profile;
mod progress;
pub mod pudong;
pub mod ratio;
pub mod reference;
mod rng;
mod truth;
pub mod try_out;
pub mod us311_city;
mod usage;

/// What a mode comes to: nothing, or a sentence that names the file and the cause.
pub type Outcome<T = ()> = Result<T, String>;
