//! A rehearsal: a city that is not there, as its senders would be heard and its crews would answer.
//!
//! | noun | what it is |
//! |---|---|
//! | [`profile::Profile`] | what reaches the built-in city on an ordinary day, in a typhoon and so on, line by line, each with its truth |
//! | [`days::Days`] | day after day of a profile, each from a seed of its own |
//! | [`crews::Crews`] | what units and officers do about their orders, as people would |
//! | [`player::Play`] | both, played into a service whose clock goes faster than the world's |
//! | [`pudong::PUDONG`] | the built-in city, as far as whoever writes reports for it must know it |
//!
//! What is said follows from a seed alone, byte for byte, on every machine. The load harness measures with it, the demo plays it.

pub mod crews;
pub mod days;
pub mod pen;
pub mod player;
pub mod profile;
pub mod pudong;
pub mod rng;
