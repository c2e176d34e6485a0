//! How latencies are distributed: the percentile plot of each run, all on the same axes.

use super::axis::Axis;
use super::chart::{Chart, Guide, Series, Stroke};
use super::markup::{Element, Words, note, section};
use super::names;
use super::quantity::{Quantity, aligned, count};
use super::table::{Cell, Table};
use crate::result::{Attainment, Clock, Distribution, LoadResult};

/// Percentiles of the table.
const PERCENTS: [f64; 6] = [50.0, 90.0, 99.0, 99.9, 99.99, 99.999];

/// The section of all runs.
pub fn of(runs: &[LoadResult]) -> Element {
    let latencies = || runs.iter().flat_map(|run| &run.latency).map(|latency| &latency.time);
    let hiccups = || runs.iter().map(|run| &run.hiccups);
    let budgets = runs.iter().flat_map(|run| &run.budgets).flat_map(|kept| [kept.budget_ms.0, kept.budget_ms.1]);
    let ms = latencies().chain(hiccups()).flat_map(points).map(|(_, ms)| ms).chain(budgets);
    let x = Axis::nines(latencies().flat_map(points).map(|(percent, _)| percent), "百分位 percentile, %");
    let y = Axis::log(ms, Quantity::Latency, "延迟 latency, log");
    section(Words("延迟分布", "Latency distribution"))
        .child(note(
            "自应发时刻计的延迟（实线）包含因目标或发送方停顿而推迟的等待；自实发时刻计的（虚线）不含。两线分开之处即有积压。\
             Latency from the intended instant (solid) includes the waiting that a stall causes; from the sent instant \
             (broken) it does not. Where they part, reports had to queue. A percentile is drawn only with 100 values beyond it.",
        ))
        .child(Element::new("div").class("figures").children((0..runs.len()).map(|n| figure(runs, n, &x, &y))))
}

fn figure(runs: &[LoadResult], n: usize, x: &Axis, y: &Axis) -> Element {
    let run = &runs[n];
    let chart = Chart {
        title: Words("延迟百分位", "latency percentiles").to_string(),
        of: names::of(runs, n),
        about: about(run),
        x,
        y,
        height: 380.0,
        series: series(run),
        levels: budgets(run),
        marks: Vec::new(),
        warm_up: None,
    };
    chart.figure(&table(run))
}

fn series(run: &LoadResult) -> Vec<Series> {
    let hiccups = Series {
        name: "机器停顿 machine hiccups".into(),
        class: "hiccup",
        stroke: Stroke::Solid,
        points: points(&run.hiccups).collect(),
        label: "",
    };
    // The most urgent and the intended times last, so that they lie on top.
    let of_clock = |clock| run.latency.iter().rev().filter(move |latency| latency.clock == clock);
    let latencies = of_clock(Clock::Sent).chain(of_clock(Clock::Intended)).map(|latency| Series {
        name: format!("{} {}", latency.urgency, names::clock(latency.clock)),
        class: names::urgency_class(&latency.urgency),
        stroke: if latency.clock == Clock::Intended { Stroke::Solid } else { Stroke::Dashed },
        points: points(&latency.time).collect(),
        label: if latency.clock == Clock::Intended { names::urgency_label(&latency.urgency) } else { "" },
    });
    std::iter::once(hiccups).chain(latencies).collect()
}

fn budgets(run: &LoadResult) -> Vec<Guide> {
    let of_one = |kept: &Attainment| {
        let (low, high) = kept.budget_ms;
        let both = [low, high];
        let different = if low == high { &both[..1] } else { &both[..] };
        let guide = |ms: &f64| Guide {
            at: *ms,
            class: names::urgency_class(&kept.urgency),
            label: format!("{} 预算 budget {}", kept.urgency, Quantity::Latency.short(*ms)),
        };
        different.iter().map(guide).collect::<Vec<_>>()
    };
    run.budgets.iter().flat_map(of_one).collect()
}

fn about(run: &LoadResult) -> String {
    let intended = run.latency.iter().filter(|latency| latency.clock == Clock::Intended);
    let told = intended.map(|latency| {
        let at = |percent| latency.time.ms_at(percent).map_or("—".into(), |ms| Quantity::Latency.short(ms));
        format!("{}: p50 {}, p99 {}, p99.9 {}", latency.urgency, at(50.0), at(99.0), at(99.9))
    });
    format!("Latency over percentile on an axis of nines. {}.", told.collect::<Vec<_>>().join("; "))
}

fn table(run: &LoadResult) -> Table {
    let heads = ["分布 distribution", "个数 count", "均值 mean, ms"].map(String::from);
    let percents = PERCENTS.map(|percent| format!("p{percent}, ms"));
    let latencies = run
        .latency
        .iter()
        .map(|latency| row(format!("{} {}", latency.urgency, names::clock(latency.clock)), &latency.time));
    let others = [("机器停顿 machine hiccups", &run.hiccups), ("发送滞后 generator lag", &run.lag)];
    let others = others.into_iter().map(|(name, time)| row(name.into(), time));
    Table::new(heads.into_iter().chain(percents).chain(["最大 max, ms".into()])).with_rows(latencies.chain(others))
}

fn row(name: String, time: &Distribution) -> Vec<Cell> {
    let ms = |us: f64| Cell::Number(aligned(us / 1e3));
    let percents = PERCENTS.map(|percent| super::ms_cell(time.ms_at(percent)));
    let front = [Cell::Text(name), Cell::Number(count(time.count)), ms(time.mean_us)];
    front.into_iter().chain(percents).chain([ms(time.max_us)]).collect()
}

/// Percent and milliseconds.
fn points(time: &Distribution) -> impl Iterator<Item = (f64, f64)> {
    time.percentiles.iter().map(|(percent, us)| (*percent, us / 1e3))
}
