//! Where and when a figure was measured; a figure without them is worth nothing.

use crate::Outcome;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// A machine on a day.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Machine {
    cpu: String,
    cores: usize,
    kernel: String,
    date: String,
}

impl Machine {
    /// The machine that this process runs on, today.
    pub fn of_this_process() -> Outcome<Self> {
        let read = |path: &str| std::fs::read_to_string(path).map_err(|e| format!("{path}: cannot read: {e}"));
        let model = |line: &str| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim().to_string());
        let cores = std::thread::available_parallelism().map_err(|e| format!("cannot count the cores: {e}"))?;
        let since_1970 =
            SystemTime::now().duration_since(UNIX_EPOCH).map_err(|e| format!("the clock is wrong: {e}"))?;
        Ok(Self {
            cpu: read("/proc/cpuinfo")?.lines().find_map(model).unwrap_or_else(|| "unknown processor".into()),
            cores: cores.get(),
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_string(),
            date: date(since_1970.as_secs() / 86_400),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} cores, Linux {}, {}", self.cpu, self.cores, self.kernel, self.date)
    }
}

/// The date in UTC so many days after 1970-01-01, by years and months taken off from there.
fn date(mut days: u64) -> String {
    let leap = |year: u64| u64::from(year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + leap(year) {
        days -= 365 + leap(year);
        year += 1;
    }
    let mut month = 1;
    for length in [31, 28 + leap(year), 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_the_calendars() {
        let check = |days, expected: &str| assert_eq!(date(days), expected);
        check(0, "1970-01-01");
        check(58, "1970-02-28");
        check(59, "1970-03-01");
        check(11_016, "2000-02-29");
        check(19_782, "2024-02-29");
        check(20_453, "2025-12-31");
        check(20_454, "2026-01-01");
    }
}
