//! A figure: lines and dots between two axes, as SVG that stretches with the page while its text does not.
//!
//! The `<svg>` is the area between the axes, as wide as the page leaves it: across, everything is placed in percent;
//! down, in pixels. Paths, which know no percent, lie in an inner `<svg>` that is stretched, with strokes that are not.
//! Labels stand outside of the area, in the padding of its box. So the same figure is legible on a phone and on a desk.

use super::axis::Axis;
use super::markup::{Element, Words};
use super::table::Table;
use std::fmt::Write;

/// Units across the stretched inner drawing.
const ACROSS: f64 = 1000.0;
/// Pixels between the base lines of labels that must not overlap.
const LINE_PX: f64 = 15.0;
/// Labels that start further apart than this part of the width cannot overlap.
const NEAR: f64 = 0.12;
/// Pixels between the area and the lowest label of a vertical line, past the tick at its corner.
const MARK_PX: f64 = 11.0;
/// Pixels across the page of a phone.
const PHONE_PX: f64 = 330.0;
/// Pixels above the area, for the title of the y axis.
const TOP_PX: f64 = 26.0;
/// Pixels below it, for ticks and the title of the x axis.
const BOTTOM_PX: f64 = 42.0;
/// What the table beside a figure is called.
const DATA: Words = Words("数据表", "data table");

/// How a series is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stroke {
    /// A line.
    Solid,
    /// A thinner, broken line.
    Dashed,
    /// A full dot at every point.
    Dots,
    /// An open dot at every point.
    Rings,
}

/// Points that belong together.
pub struct Series {
    /// What the legend calls it; one without a name is not in the legend.
    pub name: String,
    /// The class that colours it.
    pub class: &'static str,
    /// How it is drawn.
    pub stroke: Stroke,
    /// Along x; a point without a place on its axes breaks a line.
    pub points: Vec<(f64, f64)>,
    /// What stands at its end; may be empty.
    pub label: &'static str,
}

/// A value that the reader compares with.
pub struct Guide {
    /// On its axis.
    pub at: f64,
    /// The class that colours it.
    pub class: &'static str,
    /// What it is.
    pub label: String,
}

/// A figure in the making.
pub struct Chart<'a> {
    /// Its name.
    pub title: String,
    /// Whose figure it is, where there are several of the name; else empty.
    pub of: String,
    /// What is to be seen in it, for those who do not see it, in a sentence or two.
    pub about: String,
    /// Across.
    pub x: &'a Axis,
    /// Upwards.
    pub y: &'a Axis,
    /// Pixels between bottom and top.
    pub height: f64,
    /// What is drawn, the first at the back.
    pub series: Vec<Series>,
    /// Values of y.
    pub levels: Vec<Guide>,
    /// Values of x.
    pub marks: Vec<Guide>,
    /// Up to which x nothing counts.
    pub warm_up: Option<f64>,
}

impl Chart<'_> {
    /// The figure with its legend, and its numbers as a table.
    pub fn figure(&self, numbers: &Table) -> Element {
        self.drawing().child(numbers.folded(DATA))
    }

    /// The figure with its legend; its numbers stand in a table of the section.
    pub fn drawing(&self) -> Element {
        let caption = Element::new("figcaption").text(&self.title).children(of(&self.of));
        let figure = Element::new("figure").child(caption);
        match self.series.iter().all(|series| series.points.is_empty()) {
            true => figure.child(none()),
            false => figure.child(self.legend()).child(self.plot()),
        }
    }

    fn legend(&self) -> Element {
        // What is drawn last lies on top and is named first.
        let named = self.series.iter().rev().filter(|series| !series.name.is_empty());
        let entries = named.map(|series| (sample(series.stroke, series.class), series.name.as_str()));
        let warm_up = self.warm_up.filter(|until| *until > 0.0).map(|_| {
            let patch = Element::new("rect").class("warm-up").with("width", 26).with("height", 12);
            (patch, "预热 warm-up")
        });
        let items = entries.chain(warm_up).map(|(sample, name)| {
            let swatch = Element::new("svg").class("swatch").with("width", 26).with("height", 12);
            Element::new("li").child(swatch.with("aria-hidden", "true").child(sample)).text(name)
        });
        Element::new("ul").class("legend").children(items)
    }

    fn plot(&self) -> Element {
        let svg = Element::new("svg")
            .class("plot")
            .with("role", "img")
            .with("width", "100%")
            .with("height", self.height)
            .child(Element::new("title").text(&self.title))
            .child(Element::new("desc").text(&self.about))
            .children(self.shade())
            .children(self.grid())
            .child(self.lines())
            .children(self.series.iter().flat_map(|series| self.dots(series)))
            .children(self.level_guides())
            .children(self.mark_guides())
            .children(self.end_labels());
        let (left, right) = self.sides_px();
        let top = TOP_PX + self.marks_px();
        let padding = format!("padding:{top:.0}px {right:.0}px {BOTTOM_PX}px {left:.0}px");
        Element::new("div").class("area").with("style", padding).child(svg)
    }

    /// Pixels that labels take on the left and on the right.
    fn sides_px(&self) -> (f64, f64) {
        let left = self.y.ticks.iter().map(|tick| width_px(&tick.label)).fold(0.0, f64::max);
        let right = self.series.iter().map(|series| width_px(series.label)).fold(0.0, f64::max);
        (left + 14.0, right + 16.0)
    }

    /// Whether the ticks of x are too many for a phone.
    fn is_tight(&self) -> bool {
        let (left, right) = self.sides_px();
        let ticks = self.x.ticks.iter().map(|tick| width_px(&tick.label) + 4.0).sum::<f64>();
        left + ticks + right > PHONE_PX
    }

    fn shade(&self) -> Option<Element> {
        let until = self.x.place(self.warm_up?)?;
        let rect = Element::new("rect").class("warm-up").with("width", percent(until)).with("height", self.height);
        (until > 0.0).then_some(rect)
    }

    fn grid(&self) -> Vec<Element> {
        let mut grid = Vec::new();
        for tick in &self.y.ticks {
            let y = self.down(tick.at);
            grid.push(line("grid", ("0", y), ("100%", y)));
            grid.push(label("tick end", "0", y + 4.0, -8.0, &tick.label));
        }
        let is_tight = self.is_tight();
        for (n, tick) in self.x.ticks.iter().enumerate() {
            let x = percent(tick.at);
            // Left out where the page is narrow.
            let class = if is_tight && n % 2 == 1 { "tick middle wide-only" } else { "tick middle" };
            grid.push(line("grid", (&x, 0.0), (&x, self.height)));
            grid.push(label(class, &x, self.height + 17.0, 0.0, &tick.label));
        }
        grid.push(label("axis", "0", -10.0 - self.marks_px(), 0.0, &self.y.title));
        grid.push(label("axis end", "100%", self.height + 34.0, 0.0, &self.x.title));
        grid
    }

    fn lines(&self) -> Element {
        let is_line = |series: &&Series| matches!(series.stroke, Stroke::Solid | Stroke::Dashed);
        let paths = self.series.iter().filter(is_line).map(|series| {
            let class = format!("line {} {}", stroke_class(series.stroke), series.class);
            Element::new("path").class(class).with("d", self.path(&series.points))
        });
        Element::new("svg")
            .class("lines")
            .with("width", "100%")
            .with("height", self.height)
            .with("viewBox", format!("0 0 {ACROSS} {}", self.height))
            .with("preserveAspectRatio", "none")
            .children(paths)
    }

    fn path(&self, points: &[(f64, f64)]) -> String {
        let mut path = String::new();
        let mut goes_on = false;
        for &(x, y) in points {
            let place = self.place(x, y);
            if let Some((across, down)) = place {
                let (from, to) = if goes_on { ("L", "") } else { ("M", "h0") };
                // A line of no length, so that a point without neighbours is seen.
                write!(path, "{from}{:.1} {down:.1}{to}", across * ACROSS).expect("a string has room");
            }
            goes_on = place.is_some();
        }
        path
    }

    fn dots(&self, series: &Series) -> Vec<Element> {
        let radius = match series.stroke {
            Stroke::Dots => 4.0,
            Stroke::Rings => 3.5,
            Stroke::Solid | Stroke::Dashed => return Vec::new(),
        };
        let class = format!("{} {}", stroke_class(series.stroke), series.class);
        let places = series.points.iter().filter_map(|&(x, y)| self.place(x, y));
        places.map(|(across, down)| dot(&class, &percent(across), down, radius)).collect()
    }

    /// Horizontal lines, each with its label above its start.
    fn level_guides(&self) -> Vec<Element> {
        let placed = self.levels.iter().filter_map(|guide| Some((guide, self.down(self.y.place(guide.at)?))));
        let (guides, ys): (Vec<_>, Vec<_>) = placed.unzip();
        let bases = apart(ys.iter().map(|y| (0.0, y - 4.0)).collect(), self.height);
        let drawn = guides.iter().zip(ys).zip(bases).flat_map(|((guide, y), base)| {
            let class = format!("guide {}", guide.class);
            [line(&class, ("0", y), ("100%", y)), label(&format!("note {}", guide.class), "0", base, 4.0, &guide.label)]
        });
        drawn.collect()
    }

    /// Vertical lines up to their labels above the area. The further right, the higher: most labels stand to the left of
    /// their lines, where those of the others end below them.
    fn mark_guides(&self) -> Vec<Element> {
        let placed = self.marks.iter().filter_map(|guide| Some((guide, self.x.place(guide.at)?)));
        let mut placed: Vec<_> = placed.collect();
        placed.sort_by(|a, b| a.1.total_cmp(&b.1));
        let rows = placed.iter().enumerate().map(|(row, (guide, at))| (guide, at, -LINE_PX * row as f64 - MARK_PX));
        let lines = rows.clone().map(|(guide, at, base)| {
            let x = percent(*at);
            line(&format!("guide {}", guide.class), (&x, base - LINE_PX / 2.0), (&x, self.height))
        });
        let labels = rows.map(|(guide, at, base)| {
            let (side, dx) = if *at > 0.45 { ("end", -5.0) } else { ("start", 5.0) };
            label(&format!("note {side} {}", guide.class), &percent(*at), base, dx, &guide.label)
        });
        lines.chain(labels).collect()
    }

    /// Pixels above the area that the labels of vertical lines take.
    fn marks_px(&self) -> f64 {
        if self.marks.is_empty() { 0.0 } else { self.marks.len() as f64 * LINE_PX + MARK_PX }
    }

    fn end_labels(&self) -> Vec<Element> {
        let ends = self.series.iter().filter(|series| !series.label.is_empty());
        let placed = ends.filter_map(|series| {
            let last = series.points.iter().rev().find_map(|&(x, y)| self.place(x, y))?;
            Some((series, last))
        });
        let (series, places): (Vec<_>, Vec<_>) = placed.unzip();
        let bases = apart(places.iter().map(|(across, down)| (*across, down + 4.0)).collect(), self.height);
        let labels = series.iter().zip(places).zip(bases).map(|((series, (across, _)), base)| {
            label(&format!("note {}", series.class), &percent(across), base, 6.0, series.label)
        });
        labels.collect()
    }

    /// From 0 to 1 across, and pixels down.
    fn place(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        Some((self.x.place(x)?, self.down(self.y.place(y)?)))
    }

    fn down(&self, up: f64) -> f64 {
        (1.0 - up) * self.height
    }
}

/// Whose figure it is, in a line of its own, so that figures side by side start at the same height.
fn of(whose: &str) -> Option<Element> {
    (!whose.is_empty()).then(|| Element::new("span").class("of").with("title", whose).text(whose))
}

/// What stands where a figure would have nothing to show.
fn none() -> Element {
    Element::new("p").class("none").text(Words("数据不足，不作图。", "Not enough values for a figure."))
}

/// Base lines of labels that want to start at a place across and down, in the order of `wanted`: moved apart as little as
/// it takes where they are near each other, and none below `bottom`.
fn apart(wanted: Vec<(f64, f64)>, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].1.total_cmp(&wanted[*b].1));
    let mut bases: Vec<f64> = wanted.iter().map(|(_, down)| *down).collect();
    let is_near = |a: usize, b: usize| (wanted[a].0 - wanted[b].0).abs() < NEAR;
    for (rank, n) in order.iter().enumerate() {
        let above = order[..rank].iter().filter(|other| is_near(**other, *n)).map(|other| bases[*other] + LINE_PX);
        bases[*n] = above.fold(bases[*n], f64::max);
    }
    for (rank, n) in order.iter().enumerate().rev() {
        let below = order[rank + 1..].iter().filter(|other| is_near(**other, *n)).map(|other| bases[*other] - LINE_PX);
        bases[*n] = below.fold(bases[*n].min(bottom), f64::min);
    }
    bases
}

fn stroke_class(stroke: Stroke) -> &'static str {
    match stroke {
        Stroke::Solid => "solid",
        Stroke::Dashed => "dashed",
        Stroke::Dots => "dot",
        Stroke::Rings => "ring",
    }
}

/// What a series looks like, for the legend.
fn sample(stroke: Stroke, class: &str) -> Element {
    let classes = format!("{} {class}", stroke_class(stroke));
    match stroke {
        Stroke::Solid | Stroke::Dashed => line(&format!("line {classes}"), ("0", 6.0), ("26", 6.0)),
        Stroke::Dots | Stroke::Rings => dot(&classes, "13", 6.0, 4.0),
    }
}

/// About how wide a label is: han are as wide as the font is high, others about half.
fn width_px(text: &str) -> f64 {
    text.chars().map(|c| if c.is_ascii() || c == '\u{a0}' || c == 'µ' { 6.6 } else { 12.0 }).sum()
}

fn percent(at: f64) -> String {
    format!("{:.2}%", at * 100.0)
}

fn line(class: &str, (x1, y1): (&str, f64), (x2, y2): (&str, f64)) -> Element {
    let line = Element::new("line").class(class);
    line.with("x1", x1).with("y1", one_decimal(y1)).with("x2", x2).with("y2", one_decimal(y2))
}

fn dot(class: &str, x: &str, y: f64, radius: f64) -> Element {
    Element::new("circle").class(class).with("cx", x).with("cy", one_decimal(y)).with("r", radius)
}

fn label(class: &str, x: &str, y: f64, dx: f64, text: &str) -> Element {
    Element::new("text").class(class).with("x", x).with("y", one_decimal(y)).with("dx", dx).text(text)
}

fn one_decimal(px: f64) -> f64 {
    (px * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_moved_apart_and_stay_inside() {
        let check = |wanted: &[(f64, f64)], expected: &[f64]| assert_eq!(apart(wanted.to_vec(), 100.0), expected);
        check(&[], &[]);
        check(&[(0.0, 50.0), (0.0, 10.0)], &[50.0, 10.0]);
        check(&[(0.0, 50.0), (0.05, 48.0), (0.1, 49.0)], &[78.0, 48.0, 63.0]);
        check(&[(0.0, 50.0), (0.5, 50.0)], &[50.0, 50.0]);
        check(&[(0.0, 99.0), (0.0, 98.0)], &[100.0, 85.0]);
    }
}
