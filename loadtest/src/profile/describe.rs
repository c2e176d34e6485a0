//! What a profile asks of whoever takes it in: rates from its curve, shares and sizes from a sample of its lines.

use super::tally::{Counts, Tally};
use super::{Flags, Kind, Profile, Truth};
use crate::Outcome;
use crate::counts::write_json;
use crate::pudong::{PUDONG, Urgency};
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;

/// Which profiles to describe, and from how many lines.
#[derive(clap::Args)]
pub struct Args {
    /// Which ones; all, if none is named
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(Profile::NAMES))]
    names: Vec<String>,
    /// How many lines of each to sample, spread over its whole period
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    sample: u64,
    /// Another seed gives another sample
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// As JSON, with all counts of the sample
    #[arg(long)]
    json: bool,
}

/// What a profile asks for. Shares are of lines, from 0 to 1.
#[derive(Serialize, Clone, Debug)]
pub struct Description {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub says: &'static str,
    /// Hours of its own clock until it comes round again.
    pub period_h: f64,
    /// Lines of a period at its natural size.
    pub lines: u64,
    /// Lines a second at its natural size, on the average.
    pub rate_mean: f64,
    /// The same, at most.
    pub rate_peak: f64,
    /// Bytes of a line, its newline included, on the average.
    pub bytes_per_line: f64,
    /// Exact re-sends: what dedup keeps out.
    pub duplicates: f64,
    /// Further reports on something known: what a perfect merger would merge.
    pub merges: f64,
    /// Lines to be turned away.
    pub rejected: f64,
    /// Lines that only their text tells the class of.
    pub needs_text: f64,
    /// Lines of the hottest cell.
    pub hottest_cell: f64,
    /// Lines of urgency A, B and C.
    pub urgencies: BTreeMap<&'static str, f64>,
    /// Lines of each source.
    pub sources: BTreeMap<&'static str, f64>,
    /// State at the natural size, at most: ids that sources' windows hold, scaled from the sample.
    pub ids: u64,
    /// State at the natural size, at most: incidents that further reports could still join, scaled from the sample.
    pub cases: u64,
    /// How many lines the shares were counted over.
    pub sample: u64,
    /// The counts of the sample.
    pub counts: Counts,
}

/// Prints the table.
///
/// # Errors
/// If the JSON cannot be written.
pub fn run(args: &Args) -> Outcome {
    let wanted = |profile: &Profile| args.names.is_empty() || args.names.iter().any(|name| name == profile.name());
    let profiles = Profile::all().filter(wanted);
    let described: Vec<Description> =
        profiles.map(|profile| Description::of(&profile, args.seed, args.sample)).collect();
    if args.json {
        return write_json(None, &described);
    }
    print!("{}", table(&described));
    Ok(())
}

impl Description {
    /// Of a profile, from so many lines of a seed.
    pub fn of(profile: &Profile, seed: u64, sample: u64) -> Self {
        let (mut stream, mut line) = (profile.stream(seed, sample), Vec::new());
        let (mut tally, mut state) = (Tally::default(), State::default());
        for _ in 0..sample {
            line.clear();
            let truth = stream.next(&mut line);
            tally.add(&truth, line.len() + 1);
            state.add(&truth);
        }
        let scale = profile.curve().lines() / sample as f64;
        Self::new(profile, &tally.counts(), state.most.map(|count| (count as f64 * scale).round() as u64))
    }

    /// From counts, and from the state at the natural size: ids, cases.
    fn new(profile: &Profile, counts: &Counts, [ids, cases]: [u64; 2]) -> Self {
        let (curve, share) = (profile.curve(), |count: u64| count as f64 / counts.lines as f64);
        let shares =
            |counts: &BTreeMap<&'static str, u64>| counts.iter().map(|(name, count)| (*name, share(*count))).collect();
        Self {
            name: profile.name(),
            says: profile.says(),
            period_h: curve.period_s() / 3_600.0,
            lines: profile.lines(),
            rate_mean: curve.mean(),
            rate_peak: curve.peak(),
            bytes_per_line: share(counts.bytes),
            duplicates: share(counts.kinds["resend"]),
            merges: share(counts.kinds["incident"]),
            rejected: share(counts.kinds["malformed"] + counts.kinds["invalid"]),
            needs_text: share(counts.flags["needs_text"]),
            hottest_cell: share(counts.hottest_cell),
            urgencies: shares(&counts.urgencies),
            sources: shares(&counts.sources),
            ids,
            cases,
            sample: counts.lines,
            counts: counts.clone(),
        }
    }
}

/// What must be remembered at a moment, by the city's windows and the intended instants of lines.
#[derive(Default)]
struct State {
    /// By its length in milliseconds, when the ids and the cases that each window holds came in.
    windows: BTreeMap<(usize, u64), VecDeque<u64>>,
    /// How many ids and cases are held.
    held: [u64; 2],
    /// The most that ever were.
    most: [u64; 2],
}

impl State {
    fn add(&mut self, truth: &Truth) {
        let now_ms = truth.offset_ns / 1_000_000;
        for ((what, window_ms), entries) in &mut self.windows {
            while entries.front().is_some_and(|at_ms| at_ms + window_ms < now_ms) {
                entries.pop_front();
                self.held[*what] -= 1;
            }
        }
        match truth.kind {
            Kind::New if !truth.flags.has(Flags::STALE) => {
                self.hold(0, PUDONG.remembered_ms(truth.source), now_ms);
                self.hold(1, PUDONG.joinable_ms(truth.class), now_ms);
            }
            Kind::SameIncident { .. } if !truth.flags.has(Flags::STALE) => {
                self.hold(0, PUDONG.remembered_ms(truth.source), now_ms);
            }
            _ => {}
        }
    }

    fn hold(&mut self, what: usize, window_ms: u64, now_ms: u64) {
        self.windows.entry((what, window_ms)).or_default().push_back(now_ms);
        self.held[what] += 1;
        self.most[what] = self.most[what].max(self.held[what]);
    }
}

/// The sources in the order of the table, with those that come under one heading.
const SOURCES: [(&str, &[&str]); 5] = [
    ("sensor", &["sensor"]),
    ("apps", &["app", "wechat", "weibo"]),
    ("partners, patrols", &["property", "parking", "chengguan", "grid"]),
    ("hotlines", &["12345", "12319"]),
    ("110", &["110"]),
];

/// One row a figure, one column a profile, in Markdown.
pub fn table(described: &[Description]) -> String {
    let mut out = String::new();
    let mut row = |name: &str, figure: &dyn Fn(&Description) -> String| {
        let cells: Vec<String> = described.iter().map(|of| format!("{:>12}", figure(of))).collect();
        writeln!(out, "| {name:<30} | {} |", cells.join(" | ")).expect("writing into a String cannot fail");
    };
    row("", &|of| of.name.to_owned());
    row("---", &|_| "---:".to_owned());
    row("period, h", &|of| format!("{:.2}", of.period_h));
    row("lines of a period", &|of| grouped(of.lines));
    row("lines/s, mean", &|of| rate(of.rate_mean));
    row("lines/s, peak", &|of| rate(of.rate_peak));
    row("bytes/line", &|of| format!("{:.0}", of.bytes_per_line));
    for urgency in Urgency::ALL.map(Urgency::letter) {
        row(&format!("urgency {urgency}, %"), &|of| percent(of.urgencies[urgency]));
    }
    for (name, sources) in SOURCES {
        let share =
            |of: &Description| sources.iter().filter_map(|source| of.sources.get(source)).fold(0.0, |a, b| a + b);
        row(&format!("{name}, %"), &|of| percent(share(of)));
    }
    row("exact re-sends, %", &|of| percent(of.duplicates));
    row("same incident, %", &|of| percent(of.merges));
    row("malformed or invalid, %", &|of| percent(of.rejected));
    row("class only in the text, %", &|of| percent(of.needs_text));
    row("hottest cell, %", &|of| percent(of.hottest_cell));
    row("ids in windows, peak", &|of| grouped(of.ids));
    row("incidents in windows, peak", &|of| grouped(of.cases));
    out
}

fn percent(share: f64) -> String {
    format!("{:.2}", share * 100.0)
}

fn rate(lines: f64) -> String {
    if lines < 10.0 { format!("{lines:.2}") } else { grouped(lines.round() as u64) }
}

/// With a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_told_apart() {
        let check = |number, expected: &str| assert_eq!(grouped(number), expected);
        check(0, "0");
        check(999, "999");
        check(1_000, "1,000");
        check(121_000_960, "121,000,960");
    }
}
