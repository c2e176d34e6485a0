//! Where the time goes: the stages of each run, p50 and p99 of every urgency, on the same axis.

use super::axis::Axis;
use super::chart::{Chart, Series, Stroke};
use super::markup::{Element, Words, note, section};
use super::names;
use super::quantity::{Quantity, aligned, count};
use super::table::{Cell, Table};
use crate::result::{LoadResult, StageLatency};

/// Pixels for each stage.
const STAGE_PX: f64 = 56.0;
/// How far the lines of two urgencies are apart, in stages.
const URGENCY_STEP: f64 = 0.24;

/// The section of all runs; none if no target says where its time goes.
pub fn of(runs: &[LoadResult]) -> Option<Element> {
    let all = || runs.iter().flat_map(|run| &run.stages);
    all().next()?;
    let ends = all().flat_map(ends).flatten();
    let x = Axis::log(ends, Quantity::Latency, "停留 time in the stage, log");
    let figures = (0..runs.len()).map(|n| figure(runs, n, &x));
    let section = section(Words("环节", "Stages"))
        .child(note(
            "每条线自中位数（实点）至 p99（空心点）。Each line runs from the median (dot) to p99 (ring) of the time that \
             reports of one urgency spent in the stage.",
        ))
        .child(Element::new("div").class("figures").children(figures));
    Some(section)
}

/// p50 and p99, where there were enough values.
fn ends(stage: &StageLatency) -> [Option<f64>; 2] {
    [stage.time.ms_at(50.0), stage.time.ms_at(99.0)]
}

fn figure(runs: &[LoadResult], n: usize, x: &Axis) -> Element {
    let stages = &runs[n].stages;
    let names = in_order(stages, |stage| &stage.stage);
    // The first stage stands at the top.
    let y = Axis::named(&names.iter().rev().map(|name| names::stage(name)).collect::<Vec<_>>());
    let row_of = |stage: &str| names.iter().rev().position(|name| *name == stage).unwrap_or(0) as f64;
    let urgencies = in_order(stages, |stage| &stage.urgency);
    let series = urgencies.iter().enumerate().rev().flat_map(|(place, urgency)| {
        let above = ((urgencies.len() - 1) as f64 / 2.0 - place as f64) * URGENCY_STEP;
        let of_urgency: Vec<_> = stages.iter().filter(|stage| stage.urgency == *urgency).collect();
        dumbbells(urgency, &of_urgency, |stage| row_of(stage) + above)
    });
    let chart = Chart {
        title: Words("各环节停留时间", "time in each stage").to_string(),
        of: names::of(runs, n),
        about: about(stages),
        x,
        y: &y,
        height: STAGE_PX * names.len() as f64,
        series: series.collect(),
        levels: Vec::new(),
        marks: Vec::new(),
        warm_up: None,
    };
    chart.figure(&table(stages))
}

/// The different names of stages, in the order in which they come.
fn in_order<'a>(stages: &'a [StageLatency], name: fn(&'a StageLatency) -> &'a String) -> Vec<&'a str> {
    let mut names = Vec::new();
    for name in stages.iter().map(name) {
        if !names.contains(&name.as_str()) {
            names.push(name.as_str());
        }
    }
    names
}

/// A line, a dot and a ring for each stage of one urgency.
fn dumbbells(urgency: &str, stages: &[&StageLatency], row: impl Fn(&str) -> f64) -> Vec<Series> {
    let class = names::urgency_class(urgency);
    let series = |name: String, stroke, points| Series { name, class, stroke, points, label: "" };
    let at = |end: usize| stages.iter().filter_map(|stage| Some((ends(stage)[end]?, row(&stage.stage)))).collect();
    let lines = stages.iter().map(|stage| {
        let points = ends(stage).into_iter().flatten().map(|ms| (ms, row(&stage.stage)));
        series(String::new(), Stroke::Solid, points.collect())
    });
    let dots =
        [series(format!("{urgency} p99"), Stroke::Rings, at(1)), series(format!("{urgency} p50"), Stroke::Dots, at(0))];
    lines.chain(dots).collect()
}

fn about(stages: &[StageLatency]) -> String {
    let slowest = stages.iter().max_by(|a, b| ends(a)[1].unwrap_or(0.0).total_cmp(&ends(b)[1].unwrap_or(0.0)));
    slowest.map_or(String::new(), |stage| {
        let p99 = ends(stage)[1].map_or("unknown".into(), |ms| Quantity::Latency.short(ms));
        format!(
            "p50 and p99 by stage and urgency. The longest p99 is that of {} in {}: {p99}.",
            stage.urgency, stage.stage
        )
    })
}

fn table(stages: &[StageLatency]) -> Table {
    let us = |us: Option<f64>| us.map_or(Cell::Number("—".into()), |us| Cell::Number(aligned(us)));
    let rows = stages.iter().map(|stage| {
        let at = |percent| us(stage.time.ms_at(percent).map(|ms| ms * 1e3));
        vec![
            Cell::Text(names::stage(&stage.stage)),
            Cell::Text(stage.urgency.clone()),
            Cell::Number(count(stage.time.count)),
            us((stage.time.count > 0).then_some(stage.time.mean_us)),
            at(50.0),
            at(99.0),
            at(99.9),
            us((stage.time.count > 0).then_some(stage.time.max_us)),
        ]
    });
    let heads = [
        "环节 stage",
        "等级 urgency",
        "个数 count",
        "均值 mean, µs",
        "p50, µs",
        "p99, µs",
        "p99.9, µs",
        "最大 max, µs",
    ];
    Table::new(heads).with_rows(rows)
}
