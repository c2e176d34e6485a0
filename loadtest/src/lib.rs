//! The parts of paidan's load harness, for its command, for the rivals in `rivals/`, and for paidan's own tests.

pub mod areas;
pub mod bare;
pub mod bench_city;
pub mod compare;
pub mod counts;
mod folder;
pub mod r#gen;
pub mod hdr_files;
pub mod idle;
pub mod job;
mod line;
pub mod lines;
pub mod load;
pub mod machine;
pub mod measure;
pub mod mesh;
pub mod overload;
pub mod pool;
pub mod profile;
mod programs;
mod progress;
pub mod ratio;
pub mod reference;
pub mod report;
pub mod result;
pub mod schedule;
pub mod sender;
mod shown;
pub mod soak;
mod spread;
pub mod sweep;
pub mod target;
pub mod texts;
mod truth;
pub mod try_out;
pub mod us311_city;
pub mod usage;
pub mod watcher;
mod yardstick;

use paidan::rehearsal::pen;
pub use paidan::rehearsal::pudong;
pub use paidan::rehearsal::rng;

/// What a mode comes to: nothing, or a sentence that names the file and the cause.
pub type Outcome<T = ()> = Result<T, String>;
