//! The report of results that a simulated target gave: open and closed loop over one stall, a sweep, and cost curves.
//!
//! The page is left in cargo's `target/tmp/report/`, for those who want to look at it.

use hdrhistogram::Histogram;
use loadtest::machine::Machine;
use loadtest::report::Report;
use loadtest::result::*;
use roxmltree::{Document, Node, ParsingOptions};
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

/// Must come out as text wherever it goes in.
const HOSTILE: &str = "<b>&\"'</b><script>";
const RATE_PER_S: u64 = 20_000;
const WARM_UP_S: u64 = 10;
const MEASURED_S: u64 = 60;
const STALL_AT_NS: u64 = 40_000_000_000;
const STALL_NS: u64 = 1_000_000_000;
const BUDGETS_MS: [f64; 3] = [50.0, 500.0, 2000.0];
const URGENCIES: [&str; 3] = ["A", "B", "C"];
const STAGES: [(&str, f64); 6] =
    [("door", 2.0), ("queue", 30.0), ("understand", 0.9), ("decide", 0.6), ("journal", 240.0), ("publish", 6.0)];

/// Even numbers between 0 and 1, the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Of an exponential distribution.
    fn wait_ns(&mut self, mean_us: f64) -> u64 {
        (-(1.0 - self.roll()).ln() * mean_us * 1e3) as u64
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 120_000_000_000, 3).unwrap()
}

fn machine() -> Machine {
    serde_json::from_value(json!({
        "cpu": "AMD EPYC (virtual)", "cores": 2, "kernel": "6.18.5", "date": "2026-11-24",
    }))
    .unwrap()
}

fn target() -> Target {
    let settings = [("journal", "on"), ("sync", "on"), ("doors", "2"), ("inbox", "4096")];
    Target {
        name: "paidan in process".into(),
        version: "0.1.0".into(),
        settings: settings.map(|(name, value)| (name.into(), value.into())).to_vec(),
    }
}

fn workload() -> Workload {
    let shares = [("urgency A", 0.03), ("urgency B", 0.27), ("urgency C", 0.7), ("12345", 0.1), ("110", 0.012)];
    Workload {
        profile: "normal".into(),
        seed: 1,
        lines: 1_000_000,
        bytes_per_line: 393.4,
        shares: shares.map(|(name, share)| (name.into(), share)).to_vec(),
    }
}

/// What is recorded about the reports of a run.
struct Records {
    latency: BTreeMap<(usize, bool), Histogram<u64>>,
    stages: BTreeMap<(usize, usize), Histogram<u64>>,
    missed: [BTreeMap<&'static str, u64>; 3],
    reports: [u64; 3],
    seconds: Vec<Second>,
    times: Vec<Histogram<u64>>,
}

/// One server with a stall of a second, behind an inbox of 4096; in a closed loop only 8 reports are ever under way.
fn simulate(is_open: bool) -> Records {
    let seconds = (WARM_UP_S + MEASURED_S) as usize;
    let mut records = Records {
        latency: BTreeMap::new(),
        stages: BTreeMap::new(),
        missed: Default::default(),
        reports: [0; 3],
        seconds: vec![Second::default(); seconds],
        times: vec![histogram(); seconds],
    };
    let mut dice = Dice(7);
    let (mut free_ns, mut under_way) = (0, VecDeque::new());
    for n in 0..RATE_PER_S * seconds as u64 {
        let scheduled = n * 1_000_000_000 / RATE_PER_S;
        let room = if is_open { 4096 } else { 8 };
        let has_room_at = if under_way.len() == room { under_way.pop_front().unwrap() } else { 0 };
        let sent: u64 = scheduled.max(has_room_at);
        let intended = if is_open { scheduled } else { sent };
        let starts = match sent.max(free_ns) {
            ns if (STALL_AT_NS..STALL_AT_NS + STALL_NS).contains(&ns) => STALL_AT_NS + STALL_NS,
            ns => ns,
        };
        free_ns = starts + dice.wait_ns(18.0);
        let done = free_ns + 180_000 + dice.wait_ns(90.0);
        under_way.push_back(done);
        records.note(&mut dice, intended, sent, starts, done);
    }
    let mut backlog = 0;
    for (second, times) in records.seconds.iter_mut().zip(&records.times) {
        backlog = backlog + second.due - second.answered.min(backlog + second.due);
        second.backlog = backlog;
        second.p50_ms = times.value_at_quantile(0.5) as f64 / 1e6;
        second.p99_ms = times.value_at_quantile(0.99) as f64 / 1e6;
    }
    records
}

impl Records {
    fn note(&mut self, dice: &mut Dice, intended: u64, sent: u64, starts: u64, done: u64) {
        let urgency = match dice.roll() {
            share if share < 0.03 => 0,
            share if share < 0.3 => 1,
            _ => 2,
        };
        let (due_s, done_s) = ((intended / 1_000_000_000) as usize, (done / 1_000_000_000) as usize);
        let is_missed = (done - intended) as f64 / 1e6 > BUDGETS_MS[urgency];
        if let Some(second) = self.seconds.get_mut(due_s) {
            second.due += 1;
        }
        if let Some(second) = self.seconds.get_mut(done_s) {
            second.answered += 1;
            second.missed[urgency] += u64::from(is_missed);
            second.rss_mib = 262.0 + 24.0 * (1.0 - (-(done_s as f64) / 15.0).exp());
            self.times[done_s].record(done - intended).unwrap();
        }
        if due_s < WARM_UP_S as usize {
            return;
        }
        for (is_intended, from) in [(true, intended), (false, sent)] {
            self.latency.entry((urgency, is_intended)).or_insert_with(histogram).record(done - from).unwrap();
        }
        for (n, (_, mean_us)) in STAGES.iter().enumerate() {
            let waited = if n == 1 { starts - sent } else { 0 };
            let time = waited + dice.wait_ns(*mean_us) + (mean_us * 500.0) as u64;
            self.stages.entry((n, urgency)).or_insert_with(histogram).record(time).unwrap();
        }
        self.reports[urgency] += 1;
        if is_missed {
            *self.missed[urgency].entry(if dice.roll() < 0.93 { "queue" } else { "journal" }).or_default() += 1;
        }
    }

    fn latencies(&self) -> Vec<Latency> {
        let clock = |is_intended| if is_intended { Clock::Intended } else { Clock::Sent };
        let all = self.latency.iter().map(|((urgency, is_intended), times)| Latency {
            urgency: URGENCIES[*urgency].into(),
            clock: clock(*is_intended),
            time: Distribution::of(times),
        });
        all.collect()
    }

    fn stage_latencies(&self) -> Vec<StageLatency> {
        let all = self.stages.iter().map(|((stage, urgency), times)| StageLatency {
            stage: STAGES[*stage].0.into(),
            urgency: URGENCIES[*urgency].into(),
            time: Distribution::of(times),
        });
        all.collect()
    }

    fn budgets(&self) -> Vec<Attainment> {
        let of = |n: usize| Attainment {
            urgency: URGENCIES[n].into(),
            budget_ms: if n == 1 { (BUDGETS_MS[1], 2.0 * BUDGETS_MS[1]) } else { (BUDGETS_MS[n], BUDGETS_MS[n]) },
            reports: self.reports[n],
            missed: self.missed[n].values().sum(),
            missed_by_stage: self.missed[n].iter().map(|(stage, missed)| (stage.to_string(), *missed)).collect(),
        };
        (0..3).map(of).collect()
    }
}

fn pauses(mean_us: f64) -> Distribution {
    let (mut dice, mut times) = (Dice(3), histogram());
    (0..400_000).for_each(|n| {
        let rare = if n % 5000 == 0 { dice.wait_ns(1500.0) } else { 0 };
        times.record(5_000 + dice.wait_ns(mean_us) + rare).unwrap();
    });
    Distribution::of(&times)
}

static OPEN: LazyLock<LoadResult> = LazyLock::new(|| result(true));
static CLOSED: LazyLock<LoadResult> = LazyLock::new(|| result(false));

fn result(is_open: bool) -> LoadResult {
    let records = simulate(is_open);
    let due: u64 = records.reports.iter().sum();
    let exemplar = |n: u64| Exemplar {
        minute: n % 2,
        urgency: URGENCIES[n as usize % 3].into(),
        id: if n == 4 { format!("app/{HOSTILE}") } else { format!("12345/HL-20261124-{n:04}") },
        ms: 980.0 / (n + 1) as f64,
        stage: "queue".into(),
    };
    LoadResult {
        format: FORMAT,
        mode: if is_open { "run" } else { "run --closed" }.into(),
        command: format!("loadtest run --profile normal --rate {RATE_PER_S} --name {HOSTILE}"),
        machine: machine(),
        target: target(),
        workload: workload(),
        schedule: Schedule {
            kind: if is_open { "constant" } else { "closed loop of 8" }.into(),
            rate_per_s: RATE_PER_S as f64,
            warm_up_s: WARM_UP_S as f64,
            measured_s: MEASURED_S as f64,
        },
        counts: Counts { due, sent: due, answered: due, ..Counts::default() },
        latency: records.latencies(),
        stages: records.stage_latencies(),
        budgets: records.budgets(),
        exemplars: (0..6).map(exemplar).collect(),
        timeline: records.seconds,
        lag: pauses(2.0),
        generator_cpu_share: 0.184,
        hiccups: pauses(9.0),
        cpu_ns_per_report: 1420.0,
        peak_rss_mib: 286.4,
        void_because: Vec::new(),
    }
}

fn sweep() -> Sweep {
    let point = |offered_per_s: f64| {
        let load = offered_per_s / 452_000.0;
        let slope = (offered_per_s - 452_000.0).max(12.0 * load);
        let (mut dice, mut times) = (Dice(offered_per_s as u64), histogram());
        let mean_us = if load < 1.0 { 40.0 / (1.0 - load) } else { 900_000.0 };
        (0..300_000).for_each(|_| times.record(190_000 + dice.wait_ns(mean_us)).unwrap());
        SweepPoint {
            offered_per_s,
            answered_per_s: offered_per_s.min(452_000.0),
            backlog_slope_per_s: slope,
            time: Distribution::of(&times),
            cpu_ns_per_report: 1100.0 + 300.0 * load,
            not_sustained_because: (load > 1.0).then(|| format!("the backlog grows by {slope:.0} reports/s")),
        }
    };
    let rates = [50e3, 100e3, 200e3, 400e3, 800e3, 600e3, 500e3, 450e3];
    Sweep {
        format: FORMAT,
        command: "loadtest sweep --profile normal --json sweep.json".into(),
        machine: machine(),
        target: target(),
        workload: workload(),
        points: rates.map(point).to_vec(),
        sustainable_per_s: 450_000.0,
        at_10_ms_per_s: 400_000.0,
        at_1_ms_per_s: 200_000.0,
        hiccups: pauses(9.0),
        too_noisy_because: None,
    }
}

fn curves() -> Vec<CostCurve> {
    let curve = |along: &str, points: &[(f64, f64)]| CostCurve {
        along: along.into(),
        cost: "ns a report".into(),
        how: "cargo bench --bench state -- curve".into(),
        points: points.to_vec(),
    };
    vec![
        curve("live ids", &[(1e4, 291.0), (1e5, 312.0), (1e6, 368.0), (1e7, 431.0)]),
        curve("open cases", &[(1e3, 288.0), (1e4, 296.0), (1e5, 329.0), (1e6, 402.0)]),
        curve("reports a second", &[(5e4, 1310.0), (1e5, 1190.0), (2e5, 1120.0), (4e5, 1090.0)]),
    ]
}

/// A place under `target/tmp` that stays.
fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn loadtest(args: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadtest")).arg("report").args(args).output().expect("the binary starts")
}

/// The page must be well-formed, and ask for nothing from outside.
fn parsed(html: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    let page = Document::parse_with_options(html, options).expect("well-formed");
    for word in ["http://", "https://", "@import", "url(", "NaN", "inf%"] {
        assert!(!html.contains(word), "{word}");
    }
    for node in page.descendants() {
        let name = node.tag_name().name();
        assert!(!["script", "link", "img", "iframe", "object", "image"].contains(&name), "<{name}>");
        for attribute in node.attributes() {
            assert!(!["src", "href"].contains(&attribute.name()) && !attribute.name().starts_with("on"));
        }
    }
    page
}

fn all_text(node: Node) -> String {
    let texts = node.descendants().filter(Node::is_text).filter_map(|text| text.text());
    texts.collect::<String>().replace('\u{a0}', " ")
}

fn figures<'a, 'b>(page: &'a Document<'b>) -> Vec<Node<'a, 'b>> {
    page.descendants().filter(|node| node.has_tag_name("figure")).collect()
}

fn has(node: Node, name: &str) -> bool {
    node.descendants().any(|inner| inner.has_tag_name(name))
}

#[test]
fn the_command_draws_every_figure_of_every_file() {
    let folder = folder();
    let written = |name: &str, json: String| {
        let path = folder.join(name);
        std::fs::write(&path, json).unwrap();
        path
    };
    let open = written("open.json", serde_json::to_string(&*OPEN).unwrap());
    let closed = written("closed.json", serde_json::to_string_pretty(&[&*CLOSED]).unwrap());
    let sweep = written("sweep.json", serde_json::to_string(&sweep()).unwrap());
    let curves = written("curves.json", serde_json::to_string(&curves()).unwrap());
    let out = folder.join("report.html");
    for (files, expected) in [
        // Percentiles, five of the timeline, stages.
        (vec![&open], 7),
        (vec![&open, &closed], 14),
        (vec![&sweep], 3),
        (vec![&curves], 3),
        (vec![&open, &closed, &sweep, &curves], 20),
    ] {
        let mut args: Vec<&Path> = files.into_iter().map(PathBuf::as_path).collect();
        args.extend([Path::new("--out"), &out]);
        let output = loadtest(&args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let html = std::fs::read_to_string(&out).unwrap();
        let page = parsed(&html);
        assert_eq!(figures(&page).len(), expected, "{args:?}");
        for figure in figures(&page) {
            assert!(has(figure, "title") && has(figure, "desc"), "{}", all_text(figure));
        }
    }
}

#[test]
fn the_page_says_what_was_found() {
    let (open, closed) = (OPEN.clone(), CLOSED.clone());
    let p99 = |run: &LoadResult| {
        let of_a = run.latency.iter().find(|one| one.urgency == "A" && one.clock == Clock::Intended).unwrap();
        of_a.time.ms_at(99.0).unwrap()
    };
    assert!(p99(&open) > 100.0 * p99(&closed), "the stall shows in an open loop only: {} {}", p99(&open), p99(&closed));
    let html = Report { runs: vec![open, closed], sweeps: vec![sweep()], curves: curves() }.html();
    let page = parsed(&html);
    let text = all_text(page.root_element());
    for expected in [
        "1,200,000 of 1,200,000 reports due in 60 s were answered",
        "可持续 sustainable: 450 k/s; p99.9 ≤ 10 ms: 400 k/s; p99 ≤ 1 ms: 200 k/s",
        "AMD EPYC (virtual), 2 cores, Linux 6.18.5, 2026-11-24",
        "A 预算 budget 50 ms",
        "B 预算 budget 1 s",
        "机器停顿 machine hiccups",
        "A 自实发 from sent",
        "paidan explain 12345/HL-20261124-0000",
        "the backlog grows by 348000 reports/s",
        "ns a report by live ids: × 1.48",
    ] {
        assert!(text.contains(expected), "{expected}");
    }
    let of_one = |title: &str| -> Vec<String> {
        let is_it = |figure: &Node| all_text(*figure).contains(title);
        let ticks = |figure: Node| {
            let is_tick = |node: &Node| node.attribute("class").is_some_and(|class| class.starts_with("tick"));
            figure.descendants().filter(is_tick).map(all_text).collect::<Vec<_>>().join("|")
        };
        figures(&page).into_iter().filter(is_it).map(ticks).collect()
    };
    for title in ["latency percentiles", "速率 rate", "积压 backlog", "time in each stage"] {
        let ticks = of_one(title);
        assert_eq!(ticks.len(), 2, "{title}");
        assert_eq!(ticks[0], ticks[1], "{title}: the same axes");
    }
}

#[test]
fn text_of_results_stays_text() {
    let mut run = OPEN.clone();
    run.target.name = HOSTILE.into();
    run.void_because = vec![HOSTILE.into()];
    run.stages.iter_mut().for_each(|stage| stage.stage = HOSTILE.into());
    run.budgets[0].missed_by_stage = vec![(HOSTILE.into(), 1)];
    let mut sweep = sweep();
    sweep.points[0].not_sustained_because = Some(HOSTILE.into());
    sweep.too_noisy_because = Some(HOSTILE.into());
    let curve =
        CostCurve { along: HOSTILE.into(), cost: HOSTILE.into(), how: HOSTILE.into(), points: vec![(1.0, 1.0)] };
    let html = Report { runs: vec![run], sweeps: vec![sweep], curves: vec![curve] }.html();
    let page = parsed(&html);
    assert!(all_text(page.root_element()).matches(HOSTILE).count() > 10);
}

#[test]
fn empty_and_void_runs_are_told_as_what_they_are() {
    let empty = LoadResult {
        latency: Vec::new(),
        stages: Vec::new(),
        budgets: Vec::new(),
        exemplars: Vec::new(),
        timeline: Vec::new(),
        lag: Distribution::default(),
        hiccups: Distribution::default(),
        counts: Counts::default(),
        void_because: vec!["the sender lagged by 12 ms at p99".into(), "nothing was answered".into()],
        ..OPEN.clone()
    };
    let nothing_found = Sweep { points: Vec::new(), sustainable_per_s: 0.0, ..sweep() };
    let check = |report: Report, expected: &[&str]| {
        let html = report.html();
        let text = all_text(parsed(&html).root_element());
        expected.iter().for_each(|words| assert!(text.contains(words), "{words} in {text}"));
    };
    let because = "the sender lagged by 12 ms at p99; nothing was answered";
    check(Report { runs: vec![empty.clone()], ..Report::default() }, &["作废 Void", because, "数据不足"]);
    check(Report { runs: vec![empty, CLOSED.clone()], ..Report::default() }, &["作废 Void", "有效 Valid", "对照"]);
    let mut untold = OPEN.clone();
    untold.latency.iter_mut().filter(|one| one.urgency == "A").for_each(|one| one.urgency = "all".into());
    check(Report { runs: vec![untold.clone()], ..Report::default() }, &["all p99", "中位数，自应发 p50, intended"]);
    check(Report { runs: vec![OPEN.clone(), untold], ..Report::default() }, &["中位数，自应发 p50, intended"]);
    check(Report { sweeps: vec![nothing_found], ..Report::default() }, &["no rate was kept up", "数据不足"]);
    check(Report::default(), &["派单 paidan"]);
}

#[test]
fn a_wrong_file_is_named_with_its_mend() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.json");
    std::fs::write(&path, r#"{"format": 7, "schedule": {}}"#).unwrap();
    let out = folder.path().join("report.html");
    let output = loadtest(&[&path, Path::new("--out"), &out]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success());
    assert!(told.contains("old.json: field `format` is 7, this program reads 1"), "{told}");
    assert!(!out.exists());
    let output = loadtest(&[&path, Path::new("--out"), &path]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("old.json: is a result and would be replaced"), "{told}");
}
