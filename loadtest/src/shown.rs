//! Results as text for people at a terminal.

use std::fmt::Write;

use crate::result::{Clock, Distribution, LoadResult, Sweep};

/// A figure in milliseconds, or that there were too few values to tell it.
fn ms(figure: Option<f64>) -> String {
    figure.map_or_else(|| format!("{:>9}", "–"), |ms| format!("{ms:9.3}"))
}

fn percentiles(time: &Distribution) -> String {
    let [p50, p90, p99, p999, p9999] = [50.0, 90.0, 99.0, 99.9, 99.99].map(|percent| ms(time.ms_at(percent)));
    format!("{:>10} {p50} {p90} {p99} {p999} {p9999} {:9.3}", time.count, time.max_us / 1e3)
}

/// One run.
pub fn run(result: &LoadResult) -> String {
    let mut text = String::new();
    let LoadResult { machine, target, workload, schedule, counts, .. } = result;
    let settings: Vec<String> = target.settings.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let mut line = |args: std::fmt::Arguments<'_>| writeln!(text, "{args}").expect("a text takes all");
    line(format_args!("{machine}"));
    line(format_args!("{} of {} {}, {}", result.mode, target.name, target.version, settings.join(", ")));
    line(format_args!(
        "{}, seed {}: {:.0} reports/s, {}, {:.0} s after {:.0} s of warm-up",
        workload.profile, workload.seed, schedule.rate_per_s, schedule.kind, schedule.measured_s, schedule.warm_up_s
    ));
    line(format_args!(
        "due {} = sent {} + unsent {}; answered {}, unanswered {}, backlog at the end {}",
        counts.due, counts.sent, counts.unsent, counts.answered, counts.unanswered, counts.backlog_at_end
    ));
    line(format_args!(
        "\n{:<22} {:>10} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "ms", "reports", "p50", "p90", "p99", "p99.9", "p99.99", "max"
    ));
    for latency in &result.latency {
        let clock = match latency.clock {
            Clock::Intended => "from intended",
            Clock::Sent => "from sent",
        };
        line(format_args!("{:<22} {}", format!("{} {clock}", latency.urgency), percentiles(&latency.time)));
    }
    for stage in &result.stages {
        line(format_args!("{:<22} {}", format!("{} {}", stage.urgency, stage.stage), percentiles(&stage.time)));
    }
    line(format_args!("{:<22} {}", "machine's hiccups", percentiles(&result.hiccups)));
    line(format_args!("{:<22} {}", "sender's lag", percentiles(&result.lag)));
    for budget in &result.budgets {
        let by_stage: Vec<String> =
            budget.missed_by_stage.iter().map(|(stage, missed)| format!(", {missed} in {stage}")).collect();
        let most_ms = budget.budget_ms.1;
        line(format_args!(
            "时限 budget {} {most_ms:.0} ms: {} of {} missed{}",
            budget.urgency,
            budget.missed,
            budget.reports,
            by_stage.concat()
        ));
    }
    line(format_args!(
        "CPU {:.0} ns a report besides the sender's ({:.0} % of a core), peak {:.0} MiB",
        result.cpu_ns_per_report,
        result.generator_cpu_share * 100.0,
        result.peak_rss_mib
    ));
    for why in &result.void_because {
        line(format_args!("无效 VOID: {why}"));
    }
    text
}

/// A search.
pub fn sweep(sweep: &Sweep) -> String {
    let mut text = String::new();
    let mut line = |args: std::fmt::Arguments<'_>| writeln!(text, "{args}").expect("a text takes all");
    line(format_args!("{}", sweep.machine));
    line(format_args!(
        "{:>11} {:>11} {:>11} {:>9} {:>9} {:>9} {:>7}",
        "offered/s", "answered/s", "backlog +/s", "p50 ms", "p99 ms", "p99.9 ms", "CPU ns"
    ));
    for point in &sweep.points {
        let [p50, p99, p999] = [50.0, 99.0, 99.9].map(|percent| ms(point.time.ms_at(percent)));
        line(format_args!(
            "{:>11.0} {:>11.0} {:>11.0} {p50} {p99} {p999} {:>7.0}  {}",
            point.offered_per_s,
            point.answered_per_s,
            point.backlog_slope_per_s,
            point.cpu_ns_per_report,
            point.not_sustained_because.as_deref().unwrap_or("kept up")
        ));
    }
    line(format_args!("可持续 sustainable {:>9.0} reports/s", sweep.sustainable_per_s));
    line(format_args!("R@10ms (p99.9)     {:>9.0} reports/s", sweep.at_10_ms_per_s));
    line(format_args!("R@1ms (p99)        {:>9.0} reports/s", sweep.at_1_ms_per_s));
    if let Some(why) = &sweep.too_noisy_because {
        line(format_args!("机器太吵 too noisy: {why}"));
    }
    text
}
