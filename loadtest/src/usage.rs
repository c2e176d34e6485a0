//! What a process has used of the machine, as the kernel counts it.

use crate::Outcome;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// What a whole process has used.
#[derive(Serialize, Deserialize, Clone, Copy)]
pub struct Usage {
    /// Seconds that passed.
    pub wall_s: f64,
    /// User and system seconds of all threads.
    pub cpu_s: f64,
    /// The most memory ever resident, in MiB.
    pub peak_rss_mib: f64,
}

impl Usage {
    /// Of this process, which began its work at `started`.
    pub fn since(started: Instant) -> Outcome<Self> {
        let usage = getrusage(UsageWho::RUSAGE_SELF).map_err(refused)?;
        // Linux counts the resident memory in KiB.
        let peak_rss_mib = usage.max_rss() as f64 / 1024.0;
        Ok(Self { wall_s: started.elapsed().as_secs_f64(), cpu_s: cpu_s(UsageWho::RUSAGE_SELF)?, peak_rss_mib })
    }
}

/// User and system seconds of all children that have ended and been waited for.
pub fn children_cpu_s() -> Outcome<f64> {
    cpu_s(UsageWho::RUSAGE_CHILDREN)
}

fn cpu_s(who: UsageWho) -> Outcome<f64> {
    let usage = getrusage(who).map_err(refused)?;
    Ok((usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64 / 1e6)
}

fn refused(e: nix::Error) -> String {
    format!("the kernel does not tell the resource usage (getrusage): {e}")
}
