//! What a process has used of the machine, as the kernel counts it.

use crate::Outcome;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::{Deserialize, Serialize};
use std::io;
use std::process::{Child, ExitStatus};
use std::time::Instant;
use wait4::{ResUse, Wait4};

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
        let cpu_s = process_cpu_s()?;
        Ok(Self { wall_s: started.elapsed().as_secs_f64(), cpu_s, peak_rss_mib: peak_rss_mib()? })
    }
}

/// Memory resident now, in MiB; zero where the kernel does not say.
pub fn rss_mib() -> f64 {
    status_mib("VmRSS:").unwrap_or(0.0)
}

/// Not from `getrusage`: its peak also counts what the parent had resident when it started this process.
pub fn peak_rss_mib() -> Outcome<f64> {
    status_mib("VmHWM:")
}

fn status_mib(key: &str) -> Outcome<f64> {
    let path = "/proc/self/status";
    let status = std::fs::read_to_string(path).map_err(|e| format!("{path}: cannot read: {e}"))?;
    let kib = |line: &str| line.strip_prefix(key)?.strip_suffix("kB")?.trim().parse::<f64>().ok();
    status.lines().find_map(kib).map(|kib| kib / 1024.0).ok_or_else(|| format!("{path}: has no {key} in kB"))
}

/// User and system seconds of this thread; zero where the kernel does not say.
pub fn thread_cpu_s() -> f64 {
    cpu_s(UsageWho::RUSAGE_THREAD).unwrap_or(0.0)
}

/// User and system seconds of this process.
pub fn process_cpu_s() -> Outcome<f64> {
    cpu_s(UsageWho::RUSAGE_SELF)
}

fn cpu_s(who: UsageWho) -> Outcome<f64> {
    let usage = getrusage(who).map_err(|e| format!("the kernel does not tell the resource usage (getrusage): {e}"))?;
    Ok((usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64 / 1e6)
}

/// Waits for a child that was started at `started`: how it ended, and what it and its own children have used. The peak is
/// that of the largest process among them.
pub fn wait_for(child: Child, started: Instant) -> io::Result<(ExitStatus, Usage)> {
    let ResUse { status, rusage } = child.wait4()?;
    let usage = Usage {
        wall_s: started.elapsed().as_secs_f64(),
        cpu_s: (rusage.utime + rusage.stime).as_secs_f64(),
        peak_rss_mib: rusage.maxrss as f64 / f64::from(1 << 20),
    };
    Ok((status, usage))
}
