//! How costs grow with something.

use super::axis::Axis;
use super::chart::{Chart, Series, Stroke};
use super::markup::{Element, Words, section};
use super::quantity::{Quantity, aligned, whole};
use super::table::{Cell, Table};
use crate::result::CostCurve;

/// From this ratio between the ends on, x is drawn in equal ratios.
const LOG_FROM: f64 = 20.0;

/// The section of all curves; none if there are none.
pub fn of(curves: &[CostCurve]) -> Option<Element> {
    (!curves.is_empty()).then(|| {
        section(Words("成本曲线", "Cost curves"))
            .child(Element::new("div").class("figures").children(curves.iter().map(figure)))
    })
}

fn figure(curve: &CostCurve) -> Element {
    let CostCurve { along, cost, how, points } = curve;
    let xs = || points.iter().map(|(x, _)| *x);
    let title = format!("{} {along}", named(along));
    let is_wide = matches!((xs().next(), xs().next_back()), (Some(a), Some(b)) if a > 0.0 && b / a >= LOG_FROM);
    let x = match is_wide {
        true => Axis::log(xs(), Quantity::Count, format!("{title}, log")),
        false => Axis::linear(xs(), Quantity::Count, title),
    };
    let quantity = if cost.starts_with("ns") { Quantity::Nanoseconds } else { Quantity::Count };
    let y = Axis::linear(points.iter().map(|(_, cost)| *cost), quantity, cost);
    let series = |stroke| Series { name: String::new(), class: "answered", stroke, points: points.clone(), label: "" };
    let chart = Chart {
        title: format!("成本与{} {cost} by {along}{}", named(along), growth(points)),
        of: how.clone(),
        about: format!("{cost} over {along}{}.", growth(points)),
        x: &x,
        y: &y,
        height: 240.0,
        series: vec![series(Stroke::Solid), series(Stroke::Dots)],
        levels: Vec::new(),
        marks: Vec::new(),
        warm_up: None,
    };
    let rows = points.iter().map(|(x, cost)| vec![Cell::Number(whole(*x)), Cell::Number(aligned(*cost))]);
    chart.figure(&Table::new([along, cost]).with_rows(rows))
}

fn named(along: &str) -> &'static str {
    match along {
        "live ids" => "在窗编号",
        "open cases" => "在办案件",
        "reports a second" => "负载",
        _ => "规模",
    }
}

/// From the first point to the last.
fn growth(points: &[(f64, f64)]) -> String {
    match (points.first(), points.last()) {
        (Some((_, first)), Some((_, last))) if points.len() > 1 && *first > 0.0 => format!(": × {:.2}", last / first),
        _ => String::new(),
    }
}
