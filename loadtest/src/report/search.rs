//! A search for the largest rate: latency and growth of the backlog over rate, and every point with its reason.

use super::axis::Axis;
use super::chart::{Chart, Guide, Series, Stroke};
use super::markup::{Element, Words, note, section};
use super::quantity::{Quantity, aligned, whole};
use super::table::{Cell, Table};
use crate::result::{Sweep, SweepPoint};

/// Percentiles that are drawn, with the class that colours each.
const DRAWN: [(f64, &str, &str); 3] = [(50.0, "p50", "p50"), (99.0, "p99", "p99"), (99.9, "p99.9", "p999")];

/// The section of one search.
pub fn of(sweep: &Sweep) -> Element {
    let rates = || sweep.points.iter().map(|point| point.offered_per_s);
    let x = Axis::log(rates(), Quantity::PerSecond, "应发 offered, reports/s, log");
    section(Words("速率扫描", "Sweep of rates"))
        .child(note(
            "实点：积压不增长、无丢失、p99 ≤ 1 s；空心：不可持续。Dots: rates that are kept up; rings: rates that are not.",
        ))
        .child(Element::new("div").class("figures").child(latency(sweep, &x)).child(slopes(sweep, &x)))
        .child(table(sweep).element())
}

fn latency(sweep: &Sweep, x: &Axis) -> Element {
    let at = |point: &SweepPoint, percent| point.time.ms_at(percent);
    let all = DRAWN.iter().flat_map(|(percent, ..)| sweep.points.iter().filter_map(|point| at(point, *percent)));
    let y = Axis::log(all, Quantity::Latency, "延迟 latency, log");
    let series = DRAWN.iter().flat_map(|(percent, name, class)| with_dots(sweep, name, class, |p| at(p, *percent)));
    let chart = Chart {
        title: Words("速率与延迟", "latency by rate").to_string(),
        of: String::new(),
        about: format!("p50, p99 and p99.9 over the offered rate. {}.", found(sweep)),
        x,
        y: &y,
        height: 300.0,
        series: series.collect(),
        levels: Vec::new(),
        marks: marks(sweep),
        warm_up: None,
    };
    chart.drawing()
}

fn slopes(sweep: &Sweep, x: &Axis) -> Element {
    let slopes = sweep.points.iter().map(|point| point.backlog_slope_per_s);
    let y = Axis::linear(slopes, Quantity::PerSecond, "积压增长 growth of the backlog, reports/s");
    let chart = Chart {
        title: Words("速率与积压增长", "growth of the backlog by rate").to_string(),
        of: String::new(),
        about: format!("How fast the backlog grew, over the offered rate. {}.", found(sweep)),
        x,
        y: &y,
        height: 300.0,
        series: with_dots(sweep, "", "answered", |point| Some(point.backlog_slope_per_s)),
        levels: Vec::new(),
        marks: marks(sweep).into_iter().take(1).collect(),
        warm_up: None,
    };
    chart.drawing()
}

/// A line through all points by ascending rate, a dot at those that are kept up, a ring at those that are not.
fn with_dots(
    sweep: &Sweep,
    name: &'static str,
    class: &'static str,
    value: impl Fn(&SweepPoint) -> Option<f64>,
) -> Vec<Series> {
    let mut ascending: Vec<_> = sweep.points.iter().collect();
    ascending.sort_by(|a, b| a.offered_per_s.total_cmp(&b.offered_per_s));
    let is_kept = |point: &&SweepPoint| point.not_sustained_because.is_none();
    let (kept, lost): (Vec<&SweepPoint>, Vec<_>) = ascending.iter().partition(|point| is_kept(point));
    let series = |name: &str, stroke, points: &[&SweepPoint], label| Series {
        name: name.into(),
        class,
        stroke,
        points: points.iter().filter_map(|point| Some((point.offered_per_s, value(point)?))).collect(),
        label,
    };
    vec![
        series(name, Stroke::Solid, &ascending, name),
        series("", Stroke::Dots, &kept, ""),
        series("", Stroke::Rings, &lost, ""),
    ]
}

/// The largest rates that were found, the sustainable one first.
fn marks(sweep: &Sweep) -> Vec<Guide> {
    let rates = [
        ("可持续 sustainable", sweep.sustainable_per_s),
        ("p99.9 ≤ 10 ms", sweep.at_10_ms_per_s),
        ("p99 ≤ 1 ms", sweep.at_1_ms_per_s),
    ];
    let guide = |(name, at): (&str, f64)| Guide {
        at,
        class: "mark",
        label: format!("{name}: {}", Quantity::PerSecond.short(at)),
    };
    rates.into_iter().filter(|(_, rate)| *rate > 0.0).map(guide).collect()
}

/// The rates in words.
pub fn found(sweep: &Sweep) -> String {
    match sweep.sustainable_per_s > 0.0 {
        true => marks(sweep).into_iter().map(|guide| guide.label).collect::<Vec<_>>().join("; "),
        false => Words("没有一个速率可持续", "no rate was kept up").to_string(),
    }
}

fn table(sweep: &Sweep) -> Table {
    let rows = sweep.points.iter().map(|point| {
        let at = |percent| super::ms_cell(point.time.ms_at(percent));
        let because = point.not_sustained_because.as_deref().unwrap_or("可持续 kept up");
        vec![
            Cell::Number(whole(point.offered_per_s)),
            Cell::Number(whole(point.answered_per_s)),
            Cell::Number(whole(point.backlog_slope_per_s)),
            at(50.0),
            at(99.0),
            at(99.9),
            Cell::Number(aligned(point.cpu_ns_per_report)),
            Cell::Text(because.into()),
        ]
    });
    let heads = [
        "应发 offered, /s",
        "答复 answered, /s",
        "积压增长 slope, /s",
        "p50, ms",
        "p99, ms",
        "p99.9, ms",
        "CPU, ns/report",
        "结论 verdict",
    ];
    Table::new(heads).with_rows(rows)
}
