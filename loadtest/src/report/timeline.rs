//! What happened second by second: rate, backlog, budget misses, latency and memory of each run, on the same axes.

use super::axis::Axis;
use super::chart::{Chart, Series, Stroke};
use super::markup::{Element, Words, note, section};
use super::names;
use super::quantity::{Quantity, aligned, whole};
use super::table::{Cell, Table};
use crate::result::{LoadResult, Second};

/// More points than this are more than a screen can show.
const POINTS_MAX: usize = 600;
/// More rows than this nobody reads.
const ROWS_MAX: usize = 60;

/// Some seconds as one: means of rates, the worst of everything else.
struct Span {
    /// The first second, and how many there are.
    from_s: usize,
    length_s: usize,
    due_per_s: f64,
    answered_per_s: f64,
    backlog_max: f64,
    missed_per_s: [f64; 3],
    p50_ms_max: f64,
    p99_ms_max: f64,
    rss_mib_max: f64,
}

impl Span {
    fn of((n, seconds): (usize, &[Second]), length_s: usize) -> Self {
        let mean = |of: &dyn Fn(&Second) -> u64| {
            seconds.iter().map(|second| of(second) as f64).sum::<f64>() / seconds.len() as f64
        };
        let max = |of: fn(&Second) -> f64| seconds.iter().map(of).fold(0.0, f64::max);
        Self {
            from_s: n * length_s,
            length_s: seconds.len(),
            due_per_s: mean(&|second| second.due),
            answered_per_s: mean(&|second| second.answered),
            backlog_max: max(|second| second.backlog as f64),
            missed_per_s: [0, 1, 2].map(|urgency| mean(&|second| second.missed[urgency])),
            p50_ms_max: max(|second| second.p50_ms),
            p99_ms_max: max(|second| second.p99_ms),
            rss_mib_max: max(|second| second.rss_mib),
        }
    }

    fn middle_s(&self) -> f64 {
        self.from_s as f64 + self.length_s as f64 / 2.0
    }

    fn row(&self) -> Vec<Cell> {
        let time = |ms: f64| super::ms_cell((ms > 0.0).then_some(ms));
        let [a, b, c] = self.missed_per_s;
        let rates = [self.due_per_s, self.answered_per_s, self.backlog_max, a, b, c];
        let rates = rates.map(|value| Cell::Number(whole(value)));
        let rest = [time(self.p50_ms_max), time(self.p99_ms_max), Cell::Number(aligned(self.rss_mib_max))];
        std::iter::once(Cell::Number(self.from_s.to_string())).chain(rates).chain(rest).collect()
    }
}

/// The timeline in spans of equal length; the last may be shorter.
fn spans(timeline: &[Second], length_s: usize) -> Vec<Span> {
    timeline.chunks(length_s).enumerate().map(|chunk| Span::of(chunk, length_s)).collect()
}

/// A line of one measure.
struct Line {
    name: &'static str,
    class: &'static str,
    stroke: Stroke,
    value: fn(&Span) -> f64,
}

/// Something that is drawn over time.
struct Measure {
    title: Words,
    quantity: Quantity,
    unit: &'static str,
    is_log: bool,
    lines: &'static [Line],
}

const fn solid(name: &'static str, class: &'static str, value: fn(&Span) -> f64) -> Line {
    Line { name, class, stroke: Stroke::Solid, value }
}

const fn dashed(name: &'static str, class: &'static str, value: fn(&Span) -> f64) -> Line {
    Line { name, class, stroke: Stroke::Dashed, value }
}

const MEASURES: [Measure; 5] = [
    Measure {
        title: Words("速率", "rate"),
        quantity: Quantity::PerSecond,
        unit: "报告每秒 reports/s",
        is_log: false,
        lines: &[
            solid("答复 answered", "answered", |span| span.answered_per_s),
            dashed("应发 due", "due", |span| span.due_per_s),
        ],
    },
    Measure {
        title: Words("积压", "backlog"),
        quantity: Quantity::Count,
        unit: "应发未答 reports due and not answered",
        is_log: false,
        lines: &[solid("", "answered", |span| span.backlog_max)],
    },
    Measure {
        title: Words("超预算", "budget misses"),
        quantity: Quantity::PerSecond,
        unit: "报告每秒 reports/s",
        is_log: false,
        lines: &[
            solid("C", "c", |span| span.missed_per_s[2]),
            solid("B", "b", |span| span.missed_per_s[1]),
            solid("A", "a", |span| span.missed_per_s[0]),
        ],
    },
    Measure {
        title: Words("延迟", "latency"),
        quantity: Quantity::Latency,
        unit: "自应发 from intended, log",
        is_log: true,
        lines: &[solid("p50", "p50", |span| span.p50_ms_max), solid("p99", "p99", |span| span.p99_ms_max)],
    },
    Measure {
        title: Words("内存", "memory"),
        quantity: Quantity::Memory,
        unit: "常驻 resident",
        is_log: false,
        lines: &[solid("", "answered", |span| span.rss_mib_max)],
    },
];

/// The section of all runs.
pub fn of(runs: &[LoadResult]) -> Element {
    let seconds = runs.iter().map(|run| run.timeline.len()).max().unwrap_or(0);
    let each_s = seconds.div_ceil(POINTS_MAX).max(1);
    let drawn: Vec<Vec<Span>> = runs.iter().map(|run| spans(&run.timeline, each_s)).collect();
    let x = Axis::elapsed(seconds as f64, "时间 time since start");
    let figures = MEASURES.iter().flat_map(|measure| {
        let y = measure.axis(drawn.iter().flatten());
        let figure = |n: usize| measure.figure(runs, n, &drawn[n], (&x, &y));
        (0..runs.len()).map(figure).collect::<Vec<_>>()
    });
    section(Words("时间线", "Timeline"))
        .children(coarse(each_s))
        .child(Element::new("div").class("figures").children(figures))
        .children((0..runs.len()).map(|n| table(runs, n)))
}

/// Says so if a point is more than a second.
fn coarse(each_s: usize) -> Option<Element> {
    (each_s > 1).then(|| {
        note(format!(
            "每点为 {each_s} 秒：速率与超预算取均值，其余取最大值。Each point covers {each_s} s: rates and misses are means, the \
             rest are maxima."
        ))
    })
}

impl Measure {
    fn axis<'a>(&self, spans: impl Iterator<Item = &'a Span>) -> Axis {
        let values = spans.flat_map(|span| self.lines.iter().map(|line| (line.value)(span)));
        match self.is_log {
            true => Axis::log(values, self.quantity, self.unit),
            false => Axis::linear(values, self.quantity, self.unit),
        }
    }

    fn figure(&self, runs: &[LoadResult], n: usize, spans: &[Span], (x, y): (&Axis, &Axis)) -> Element {
        let series = self.lines.iter().map(|line| Series {
            name: line.name.into(),
            class: line.class,
            stroke: line.stroke,
            points: spans.iter().map(|span| (span.middle_s(), (line.value)(span))).collect(),
            label: "",
        });
        let chart = Chart {
            title: self.title.to_string(),
            of: names::of(runs, n),
            about: self.about(spans),
            x,
            y,
            height: 150.0,
            series: series.collect(),
            levels: Vec::new(),
            marks: Vec::new(),
            warm_up: Some(runs[n].schedule.warm_up_s),
        };
        chart.drawing()
    }

    fn about(&self, spans: &[Span]) -> String {
        let told = self.lines.iter().map(|line| {
            let max = spans.iter().map(line.value).fold(0.0, f64::max);
            format!("{} at most {}", line.name, self.quantity.short(max))
        });
        format!("{} over time: {}.", self.title, told.collect::<Vec<_>>().join(", "))
    }
}

/// The numbers of all measures together.
fn table(runs: &[LoadResult], n: usize) -> Element {
    let timeline = &runs[n].timeline;
    let rows = spans(timeline, timeline.len().div_ceil(ROWS_MAX).max(1));
    let heads = [
        "自 from, s",
        "应发 due, /s",
        "答复 answered, /s",
        "积压 backlog, max",
        "超预算 missed A, /s",
        "B, /s",
        "C, /s",
        "p50, ms",
        "p99, ms",
        "内存 RSS, MiB",
    ];
    let numbers = Table::new(heads).with_rows(rows.iter().map(Span::row));
    numbers.folded(format_args!("{} {}", Words("数据表", "data table"), names::of(runs, n)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_is_told_in_spans_that_hide_no_peak() {
        let second =
            |n: u64| Second { due: 10, answered: n % 2 * 20, backlog: n, p99_ms: n as f64, ..Second::default() };
        let timeline: Vec<Second> = (0..1500).map(second).collect();
        let spans = spans(&timeline, 3);
        assert_eq!(spans.len(), 500);
        let Span { from_s, length_s, due_per_s, backlog_max, p99_ms_max, .. } = spans[499];
        assert_eq!((from_s, length_s, due_per_s, backlog_max, p99_ms_max), (1497, 3, 10.0, 1499.0, 1499.0));
        assert_eq!(spans[0].answered_per_s, 20.0 / 3.0);
    }

    #[test]
    fn nothing_has_no_spans() {
        assert!(spans(&[], 1).is_empty());
    }
}
