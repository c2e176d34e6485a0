//! What comes first: does the run count, what are its figures, and how was it made.

use super::markup::{Element, Words, section};
use super::names;
use super::quantity::{Quantity, count, percent, whole};
use super::search;
use super::table::{Cell, Table};
use crate::machine::Machine;
use crate::result::{Attainment, Clock, Distribution, LoadResult, Sweep, Target, Workload};

/// The verdict on a run in one sentence.
pub fn verdict_on_run(runs: &[LoadResult], n: usize) -> Element {
    let run = &runs[n];
    let name = if runs.len() > 1 { names::of(runs, n) } else { run.mode.clone() };
    match run.void_because.is_empty() {
        true => verdict("valid", &name, Words("有效", "Valid"), summary(run)),
        false => {
            let chinese = "此次运行说明不了被测对象，因为：";
            let because = run.void_because.join("; ");
            let sentence = format!("{chinese} It says nothing about the target, because: {because}.");
            verdict("void", &name, Words("作废", "Void"), sentence)
        }
    }
}

/// The verdict on a search in one sentence.
pub fn verdict_on_sweep(sweep: &Sweep) -> Element {
    match &sweep.too_noisy_because {
        None => verdict("valid", "sweep", Words("有效", "Valid"), format!("{}.", search::found(sweep))),
        Some(because) => {
            let sentence = format!("机器不够安静，结果不可复现。Too noisy to be repeated within 10 %: {because}.");
            verdict("void", "sweep", Words("存疑", "Doubtful"), sentence)
        }
    }
}

fn verdict(class: &str, name: &str, words: Words, sentence: String) -> Element {
    let badge = words.in_element(Element::new("strong"));
    let name = Element::new("span").class("name").text(name);
    Element::new("p").class(format!("verdict {class}")).child(badge).child(name).text(sentence)
}

/// What a run that counts says.
fn summary(run: &LoadResult) -> String {
    let counts = &run.counts;
    let urgency = most_urgent(std::slice::from_ref(run));
    let p99 = told(time_of(run, urgency, Clock::Intended), 99.0);
    let missed = missed(run);
    let (seconds, due, answered) = (whole(run.schedule.measured_s), count(counts.due), count(counts.answered));
    format!(
        "{seconds} s 内应发 {due} 条，答复 {answered} 条；{urgency} p99 {p99}，超预算 {missed}。{answered} of {due} reports \
         due in {seconds} s were answered; {urgency} p99 {p99}, {missed} over budget."
    )
}

/// A, or all where one of the runs does not tell urgencies apart.
fn most_urgent(runs: &[LoadResult]) -> &'static str {
    let has_a = |run: &LoadResult| time_of(run, "A", Clock::Intended).is_some();
    if runs.iter().all(has_a) { "A" } else { "all" }
}

fn time_of<'a>(run: &'a LoadResult, urgency: &str, clock: Clock) -> Option<&'a Distribution> {
    let found = run.latency.iter().find(|one| one.clock == clock && one.urgency == urgency);
    found.map(|latency| &latency.time)
}

fn told(time: Option<&Distribution>, percent: f64) -> String {
    time.and_then(|time| time.ms_at(percent)).map_or("—".into(), |ms| Quantity::Latency.short(ms))
}

/// The part of all reports with a budget that missed it.
fn missed(run: &LoadResult) -> String {
    let sum = |of: fn(&Attainment) -> u64| run.budgets.iter().map(of).sum::<u64>() as f64;
    if run.budgets.is_empty() { "—".into() } else { percent(sum(|kept| kept.missed), sum(|kept| kept.reports)) }
}

/// The latencies among the figures, of A.
const OF_A: [Words; 4] = [
    Words("A 中位数，自应发", "A p50, intended"),
    Words("A p99，自应发", "A p99, intended"),
    Words("A p99.9，自应发", "A p99.9, intended"),
    Words("A p99，自实发", "A p99, sent"),
];
/// The same of all reports.
const OF_ALL: [Words; 4] = [
    Words("中位数，自应发", "p50, intended"),
    Words("p99，自应发", "p99, intended"),
    Words("p99.9，自应发", "p99.9, intended"),
    Words("p99，自实发", "p99, sent"),
];

/// The figures by which runs are compared; latencies are those of one urgency.
fn figures(run: &LoadResult, urgency: &str) -> Vec<(Words, String)> {
    let rate = |reports: u64| Quantity::PerSecond.short(reports as f64 / run.schedule.measured_s.max(1e-9));
    let [intended, sent] = [Clock::Intended, Clock::Sent].map(|clock| time_of(run, urgency, clock));
    let [p50, p99, p999, p99_sent] = if urgency == "A" { OF_A } else { OF_ALL };
    let us = |us: f64| Quantity::Latency.short(us / 1e3);
    vec![
        (Words("应发速率", "due"), rate(run.counts.due)),
        (Words("答复速率", "answered"), rate(run.counts.answered)),
        (p50, told(intended, 50.0)),
        (p99, told(intended, 99.0)),
        (p999, told(intended, 99.9)),
        (p99_sent, told(sent, 99.0)),
        (Words("超预算", "over budget"), missed(run)),
        (Words("未发", "unsent"), count(run.counts.unsent)),
        (Words("未答", "unanswered"), count(run.counts.unanswered)),
        (Words("终时积压", "backlog at the end"), count(run.counts.backlog_at_end)),
        (Words("单条 CPU 耗时", "CPU per report"), Quantity::Nanoseconds.short(run.cpu_ns_per_report)),
        (Words("内存峰值", "peak RSS"), Quantity::Memory.short(run.peak_rss_mib)),
        (Words("发送滞后 p99", "generator lag p99"), told(Some(&run.lag), 99.0)),
        (Words("发送方 CPU", "generator CPU"), percent(run.generator_cpu_share, 1.0)),
        (Words("停顿 p99.9", "hiccups p99.9"), told(Some(&run.hiccups), 99.9)),
        (Words("最长停顿", "longest hiccup"), us(run.hiccups.max_us)),
    ]
}

/// The figures of one run as tiles, of several side by side.
pub fn overview(runs: &[LoadResult]) -> Option<Element> {
    let urgency = most_urgent(runs);
    match runs {
        [] => None,
        [run] => {
            let tiles = figures(run, urgency).into_iter().map(|(words, value)| {
                let value = Element::new("dd").text(value);
                Element::new("div").child(words.in_element(Element::new("dt"))).child(value)
            });
            let tiles = Element::new("dl").class("tiles").children(tiles);
            Some(section(Words("概览", "At a glance")).child(tiles))
        }
        runs => Some(section(Words("对照", "Side by side")).child(side_by_side(runs, urgency).element())),
    }
}

fn side_by_side(runs: &[LoadResult], urgency: &str) -> Table {
    let columns: Vec<_> = runs.iter().map(|run| figures(run, urgency)).collect();
    let heads = runs.iter().enumerate().map(|(n, run)| names::run(n, run));
    let rows = columns[0].iter().enumerate().map(|(n, (words, _))| {
        let values = columns.iter().map(|column| Cell::Number(column[n].1.clone()));
        std::iter::once(Cell::Text(words.to_string())).chain(values).collect()
    });
    Table::new(std::iter::once("数值 figure".to_string()).chain(heads)).with_rows(rows)
}

/// How a run was made.
pub fn facts_of_run(runs: &[LoadResult], n: usize) -> Element {
    let run = &runs[n];
    let schedule = &run.schedule;
    let at = format!(
        "{}，{} 条每秒 reports/s；预热 warm-up {} s，计量 measured {} s",
        schedule.kind,
        whole(schedule.rate_per_s),
        whole(schedule.warm_up_s),
        whole(schedule.measured_s),
    );
    let facts =
        facts(&run.command, &run.machine, &run.target, &run.workload).child(fact(Words("日程", "schedule"), at));
    titled(format!("{} {}", Words("运行", "run"), names::of(runs, n)), facts)
}

/// How a search was made.
pub fn facts_of_sweep(sweep: &Sweep) -> Element {
    let facts = facts(&sweep.command, &sweep.machine, &sweep.target, &sweep.workload);
    let at = |percent| told(Some(&sweep.hiccups), percent);
    let max = Quantity::Latency.short(sweep.hiccups.max_us / 1e3);
    let hiccups = format!("p50 {}, p99 {}, p99.9 {}, 最长 max {max}", at(50.0), at(99.0), at(99.9));
    let facts = facts.child(fact(Words("机器停顿", "hiccups"), hiccups));
    titled(Words("扫描", "sweep").to_string(), facts)
}

fn titled(title: String, facts: Element) -> Element {
    Element::new("div").class("run").child(Element::new("h3").text(title)).child(facts)
}

fn facts(command: &str, machine: &Machine, target: &Target, workload: &Workload) -> Element {
    let settings = target.settings.iter().map(|(name, value)| format!("{name} = {value}"));
    let shares = workload.shares.iter().map(|(name, share)| format!("{name} {}", percent(*share, 1.0)));
    let lines = format!(
        "{}，种子 seed {}，{} 行 lines，每行 {} 字节 bytes a line",
        workload.profile,
        workload.seed,
        count(workload.lines),
        whole(workload.bytes_per_line)
    );
    let command = Element::new("dd").child(Element::new("code").text(command));
    Element::new("dl")
        .class("facts")
        .child(Element::new("div").child(Words("命令", "command").in_element(Element::new("dt"))).child(command))
        .child(fact(Words("机器与日期", "machine and date"), machine.to_string()))
        .child(fact(Words("对象", "target"), format!("{} {}", target.name, target.version)))
        .children(chips(Words("设置", "settings"), settings))
        .child(fact(Words("负载", "workload"), lines))
        .children(chips(Words("占比", "shares"), shares))
}

fn fact(words: Words, value: String) -> Element {
    Element::new("div").child(words.in_element(Element::new("dt"))).child(Element::new("dd").text(value))
}

/// Several short facts under one name; none if there are none.
fn chips(words: Words, values: impl Iterator<Item = String>) -> Option<Element> {
    let chips: Vec<_> = values.map(|value| Element::new("span").class("chip").text(value)).collect();
    let fact = Element::new("div").child(words.in_element(Element::new("dt")));
    (!chips.is_empty()).then(|| fact.child(Element::new("dd").children(chips)))
}
