//! What this process has used so far, as the kernel counts it.

use std::fs;

/// CPU seconds, user and system, of all threads so far. Zero where the kernel does not say.
pub fn cpu_seconds() -> f64 {
    // Fields 14 and 15 of proc(5) stat, counted behind the name, which may itself hold spaces and parentheses.
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: u64 =
        fields.split_ascii_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}

/// The most memory that was resident at once, in MiB. Zero where the kernel does not say.
pub fn peak_rss_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_ascii_whitespace().next()).and_then(|kib| kib.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_counts_what_is_used() {
        let before = cpu_seconds();
        let mut block = vec![1_u8; 64 << 20];
        let mut sum = 0_u64;
        loop {
            block.iter_mut().for_each(|byte| *byte = byte.wrapping_mul(3));
            sum += u64::from(block[sum as usize % block.len()]);
            if cpu_seconds() >= before + 0.02 {
                break;
            }
        }
        assert!(sum > 0 && peak_rss_mib() > 64.0);
    }
}
