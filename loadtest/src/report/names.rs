//! What things are called and which colour they have, the same in every figure.

use crate::result::{Clock, LoadResult};

/// The class that colours an urgency.
pub fn urgency_class(urgency: &str) -> &'static str {
    match urgency {
        "A" => "a",
        "B" => "b",
        "C" => "c",
        _ => "all",
    }
}

/// An urgency at the end of its line.
pub fn urgency_label(urgency: &str) -> &'static str {
    match urgency {
        "A" => "A",
        "B" => "B",
        "C" => "C",
        _ => "",
    }
}

/// A clock.
pub fn clock(clock: Clock) -> &'static str {
    match clock {
        Clock::Intended => "自应发 from intended",
        Clock::Sent => "自实发 from sent",
    }
}

/// A stage of the target, Chinese first where it is one of ours.
pub fn stage(name: &str) -> String {
    let chinese = match name {
        "door" => "入口",
        "queue" => "排队",
        "understand" => "理解",
        "decide" => "决策",
        "journal" => "日志",
        "publish" => "发布",
        _ => return name.into(),
    };
    format!("{chinese} {name}")
}

/// The `n`-th run among several.
pub fn run(n: usize, run: &LoadResult) -> String {
    format!("{}. {} · {} · {}", n + 1, run.mode, run.target.name, run.schedule.kind)
}

/// Whose figure it is: the `n`-th run's, or nothing if there is only one.
pub fn of(runs: &[LoadResult], n: usize) -> String {
    if runs.len() > 1 { run(n, &runs[n]) } else { String::new() }
}
