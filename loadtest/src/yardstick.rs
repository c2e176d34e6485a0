//! How fast the machine is just now: the same small work, timed again and again between the runs of a search. Where it
//! differs, the machine differs, and not what is measured.

use std::time::Instant;

use crate::counts::fnv1a;

const BYTES: usize = 8 << 20;
const TIMES: usize = 3;

/// The shortest of a few times that the work takes, in seconds.
pub fn seconds() -> f64 {
    let bytes: Vec<u8> = (0..BYTES).map(|n| n as u8).collect();
    let once = || {
        let started = Instant::now();
        std::hint::black_box(fnv1a(bytes.iter().copied()));
        started.elapsed().as_secs_f64()
    };
    (0..TIMES).map(|_| once()).fold(f64::INFINITY, f64::min)
}
