//! Profiles as files with the truth of every line beside them, and what each of them asks of whoever takes it in. What they are
//! and say is paidan's own ([`paidan::rehearsal`]): its demo plays the same days.

mod describe;
mod file;
mod tally;

pub use describe::{Args, Description, run};
pub use file::write;
pub use paidan::rehearsal::profile::{Curve, Damage, Flags, Flaw, GROUPS, Group, Kind, Knot, Profile, Stream, Truth};
