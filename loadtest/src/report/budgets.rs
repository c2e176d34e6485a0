//! Whether promises were kept: budgets, misses by the stage that ate the time, and the slowest reports by name.

use super::markup::{Element, Words, note, section};
use super::names;
use super::quantity::{Quantity, aligned, count, percent};
use super::table::{Cell, Table};
use crate::result::{Attainment, Exemplar, LoadResult};

/// More slow reports than this nobody looks up.
const EXEMPLARS_MAX: usize = 30;

/// The section of all runs; none if no run had a budget or a slow report.
pub fn of(runs: &[LoadResult]) -> Option<Element> {
    let is_known = |run: &LoadResult| !run.budgets.is_empty() || !run.exemplars.is_empty();
    runs.iter().any(is_known).then(|| {
        section(Words("预算", "Budgets"))
            .child(note(
                "预算自应发时刻计至决定发布；未按时者归于耗时最多的环节。A budget runs from the intended instant to the \
                 published decision; a miss is put down to the stage that took the largest part of the time.",
            ))
            .children((0..runs.len()).map(|n| of_run(runs, n)))
    })
}

fn of_run(runs: &[LoadResult], n: usize) -> Element {
    let run = &runs[n];
    let heading = |words: Words| Element::new("h3").text(format_args!("{words} {}", names::of(runs, n)));
    let mut all = vec![heading(Words("超预算", "budget misses")), misses(&run.budgets).element()];
    if !run.exemplars.is_empty() {
        all.push(heading(Words("最慢的上报", "slowest reports")));
        all.extend(left_out(&run.exemplars));
        all.push(slowest(&run.exemplars).element());
    }
    Element::new("div").class("run").children(all)
}

/// A row for each urgency, a column for each stage.
fn misses(budgets: &[Attainment]) -> Table {
    let mut stages: Vec<&String> = Vec::new();
    for (stage, _) in budgets.iter().flat_map(|kept| &kept.missed_by_stage) {
        if !stages.contains(&stage) {
            stages.push(stage);
        }
    }
    let heads = ["等级 urgency", "预算 budget", "有预算 reports", "超出 missed", "占比 share"].map(String::from);
    let columns = stages.iter().map(|stage| names::stage(stage));
    let rows = budgets.iter().map(|kept| {
        let front = [
            Cell::Text(kept.urgency.clone()),
            Cell::Text(span(kept.budget_ms)),
            Cell::Number(count(kept.reports)),
            Cell::Number(count(kept.missed)),
            Cell::Number(percent(kept.missed as f64, kept.reports as f64)),
        ];
        front.into_iter().chain(stages.iter().map(|stage| eaten(kept, stage))).collect()
    });
    Table::new(heads.into_iter().chain(columns)).with_rows(rows)
}

/// The misses of one urgency in one stage, the bar its part of that urgency's misses.
fn eaten(kept: &Attainment, stage: &str) -> Cell {
    let of_stage = kept.missed_by_stage.iter().filter(|(name, _)| name == stage).map(|(_, missed)| missed);
    let missed: u64 = of_stage.sum();
    Cell::Bar { number: count(missed), share: missed as f64 / (kept.missed as f64).max(1.0) }
}

fn span((low, high): (f64, f64)) -> String {
    let short = |ms| Quantity::Latency.short(ms);
    if low == high { short(low) } else { format!("{} – {}", short(low), short(high)) }
}

fn left_out(exemplars: &[Exemplar]) -> Option<Element> {
    let all = exemplars.len();
    (all > EXEMPLARS_MAX)
        .then(|| note(format!("{all} 条中最慢的 {EXEMPLARS_MAX} 条。The {EXEMPLARS_MAX} slowest of {all}.")))
}

fn slowest(exemplars: &[Exemplar]) -> Table {
    let mut slowest: Vec<&Exemplar> = exemplars.iter().collect();
    slowest.sort_by(|a, b| b.ms.total_cmp(&a.ms));
    slowest.truncate(EXEMPLARS_MAX);
    let rows = slowest.into_iter().map(|report| {
        vec![
            Cell::Code(format!("paidan explain {}", quoted(&report.id))),
            Cell::Text(report.urgency.clone()),
            Cell::Number(aligned(report.ms)),
            Cell::Text(names::stage(&report.stage)),
            Cell::Number(report.minute.to_string()),
        ]
    });
    Table::new(["为什么 why", "等级 urgency", "用时 time, ms", "环节 stage", "分钟 minute"]).with_rows(rows)
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-_.:@+".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.into(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_quoted_for_a_shell() {
        let check = |word, expected: &str| assert_eq!(quoted(word), expected);
        check("12345/HL-20260101-0042", "12345/HL-20260101-0042");
        check("app/a b", "'app/a b'");
        check("app/it's $5", r"'app/it'\''s $5'");
        check("", "''");
    }
}
