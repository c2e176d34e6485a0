//! The real binary: files are the same for ever, the truth beside them is true, and the reference finds it.
//!
//! The oracle here is a third implementation of the job, over `serde_json` values. It shares nothing with the two in the
//! program: neither code, nor constants, nor the way of parsing.

use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

fn loadtest(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadtest")).args(args).output().expect("the binary starts")
}

fn succeed(args: &[&str]) -> Vec<u8> {
    let output = loadtest(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A generated file with what lies beside it.
struct Bench {
    _folder: TempDir,
    path: PathBuf,
    bytes: Vec<u8>,
    truth: Value,
    /// Line number → kind and of.
    rows: HashMap<usize, (String, String)>,
}

impl Bench {
    fn new(lines: usize, seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bench.ndjson");
        succeed(&["gen", &lines.to_string(), text(&path), "--seed", &seed.to_string()]);
        let beside = |suffix: &str| std::fs::read_to_string(format!("{}{suffix}", path.display())).unwrap();
        let rows = beside(".truth.tsv").lines().skip(1).map(row).collect();
        let truth = serde_json::from_str(&beside(".truth.json")).unwrap();
        Self { bytes: std::fs::read(&path).unwrap(), truth, rows, _folder: folder, path }
    }

    fn lines(&self) -> Vec<&[u8]> {
        lines(&self.bytes)
    }

    fn count(&self, kind: &str) -> usize {
        self.rows.values().filter(|row| row.0 == kind).count()
    }
}

fn row(line: &str) -> (usize, (String, String)) {
    let [number, kind, of] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("three columns: {line}") };
    (number.parse().unwrap(), (kind.into(), of.into()))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.strip_suffix(b"\n").unwrap_or(bytes).split(|byte| *byte == b'\n').collect()
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(14_695_981_039_346_656_037, |hash, byte| (hash ^ *byte as u64).wrapping_mul(1_099_511_628_211))
}

/// A report that the job accepts.
struct Accepted {
    source: String,
    id: String,
    ts: i64,
    east: i64,
    north: i64,
    category: usize,
}

struct Oracle {
    categories: Vec<String>,
    counts: HashMap<&'static str, u64>,
    ids: HashSet<(i64, String, String)>,
    cases: HashSet<String>,
    loads: Vec<u32>,
    output: String,
}

impl Oracle {
    fn new() -> Self {
        let topics =
            "road water power gas sanitation greening noise parking building fire public-order livelihood".split(' ');
        let kinds = ["damage", "leak", "overflow", "blocked", "complaint"];
        let categories = topics.flat_map(|topic| kinds.map(|kind| format!("{topic}.{kind}"))).collect();
        let counts =
            ["lines", "malformed", "invalid", "unique", "duplicates", "opened", "merged"].map(|name| (name, 0)).into();
        let (ids, cases) = (HashSet::new(), HashSet::new());
        Self { categories, counts, ids, cases, loads: vec![0; 38_400], output: String::new() }
    }

    fn of(bytes: &[u8]) -> Self {
        let mut oracle = Self::new();
        for line in lines(bytes) {
            oracle.add("lines");
            match std::str::from_utf8(line).ok().and_then(|line| serde_json::from_str::<Value>(line).ok()) {
                Some(value @ Value::Object(_)) => match oracle.accepted(&value) {
                    Some(report) => oracle.report(&report),
                    None => oracle.add("invalid"),
                },
                _ => oracle.add("malformed"),
            }
        }
        oracle
    }

    fn add(&mut self, name: &str) {
        *self.counts.get_mut(name).unwrap() += 1;
    }

    /// The report that `value` is, if the job accepts it.
    fn accepted(&self, value: &Value) -> Option<Accepted> {
        let word = |name: &str| value[name].as_str().map(str::to_string);
        let (lng, lat) = (value["lng"].as_f64()?, value["lat"].as_f64()?);
        let known = word("category")?;
        let report = Accepted {
            source: word("source").filter(|source| ["hotline", "sensor", "app"].contains(&source.as_str()))?,
            id: word("id").filter(|id| !id.is_empty() && id.len() <= 64)?,
            ts: value["ts"].as_i64().filter(|ts| *ts > 0)?,
            east: (lng * 1e6).round() as i64 - 121_450_000,
            north: (lat * 1e6).round() as i64 - 30_900_000,
            category: self.categories.iter().position(|category| *category == known)?,
        };
        ((121.45..121.95).contains(&lng) && (30.9..31.4).contains(&lat)).then_some(report)
    }

    fn report(&mut self, report: &Accepted) {
        let bucket = report.ts / 600_000;
        if !self.ids.insert((bucket, report.source.clone(), report.id.clone())) {
            return self.add("duplicates");
        }
        self.add("unique");
        let (cx, cy) = (report.east / 1_049, report.north / 902);
        let case = format!("{}-{}-{bucket}", cy * 477 + cx, report.category);
        if !self.cases.insert(case.clone()) {
            return self.add("merged");
        }
        self.add("opened");
        let (dept, area) = ((report.category as i64 * 7 + 3) % 40, (cy / 50) * 10 + cx / 50);
        let first = ((dept * 120 + area) * 8) as usize;
        let lightest = *self.loads[first..first + 8].iter().min().unwrap();
        let unit = (first..first + 8).find(|unit| self.loads[*unit] == lightest).unwrap();
        self.loads[unit] += 1;
        let (Accepted { source, ts, .. }, id) = (report, Value::from(report.id.as_str()));
        let category = &self.categories[report.category];
        self.output += &format!(
            "{{\"case\":\"{case}\",\"source\":\"{source}\",\"id\":{id},\"ts\":{ts},\"cx\":{cx},\"cy\":{cy},\
             \"category\":\"{category}\",\"dept\":{dept},\"area\":{area},\"unit\":{unit}}}\n"
        );
    }

    /// Compares every count and sum with `found`.
    fn check(&self, found: &Value) {
        for (name, count) in &self.counts {
            assert_eq!(found[name].as_u64(), Some(*count), "{name} in {found}");
        }
        assert_eq!(found["rejected"].as_u64(), Some(self.counts["malformed"] + self.counts["invalid"]));
        let case_sum = self.cases.iter().fold(0u64, |sum, case| sum.wrapping_add(fnv1a(case.as_bytes())));
        assert_eq!(found["case_sum"].as_u64(), Some(case_sum));
        let loads: Vec<u8> = self.loads.iter().flat_map(|load| load.to_le_bytes()).collect();
        assert_eq!(found["unit_load_digest"].as_u64(), Some(fnv1a(&loads)));
    }
}

/// Runs the reference on `file`, and gives its counts and its output.
fn reference(file: &Path) -> (Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let (out, summary) = (folder.path().join("out.ndjson"), folder.path().join("summary.json"));
    succeed(&["reference", text(file), "--out", text(&out), "--summary", text(&summary)]);
    let summary = serde_json::from_slice(&std::fs::read(summary).unwrap()).unwrap();
    (summary, std::fs::read_to_string(out).unwrap())
}

#[test]
fn a_seed_means_the_same_bytes_for_ever() {
    let bench = Bench::new(3_000, 7);
    assert_eq!(
        fnv1a(&bench.bytes),
        16_379_495_500_327_559_470,
        "the workload changed: every figure measured on it loses its meaning"
    );
    assert_eq!(bench.truth["bytes"].as_u64(), Some(bench.bytes.len() as u64));
    assert!(bench.bytes.starts_with(&succeed(&["gen", "1000", "-", "--seed", "7"])), "fewer lines are a prefix");
    assert!(!bench.bytes.starts_with(&succeed(&["gen", "1", "-", "--seed", "8"])), "another seed, another file");
}

#[test]
fn truth_is_what_an_independent_reading_finds() {
    for (lines, seed) in [(0, 1), (1, 1), (20_000, 1), (20_000, 99)] {
        let bench = Bench::new(lines, seed);
        let oracle = Oracle::of(&bench.bytes);
        if lines > 0 {
            oracle.check(&bench.truth);
        }
        assert_eq!(bench.truth["lines"].as_u64(), Some(lines as u64));
        assert_eq!(bench.truth["seed"].as_u64(), Some(seed));
    }
}

#[test]
fn the_mix_is_the_workloads() {
    let bench = Bench::new(100_000, 5);
    let share = |of: usize| of as f64 / 100_000.0;
    let within = |what: &str, value: f64, low: f64, high: f64| {
        assert!((low..=high).contains(&value), "{what}: {value} is not in {low}..={high}");
    };
    within("re-sends", share(bench.count("resend")), 0.12, 0.15);
    within("incidents", share(bench.count("incident")), 0.19, 0.21);
    within("malformed", share(bench.count("malformed")), 0.001, 0.003);
    within("invalid", share(bench.count("invalid")), 0.004, 0.006);
    within("bytes of a line", bench.bytes.len() as f64 / 100_000.0, 390.0, 396.0);
    let (mut sources, mut escaped, mut characters) = (HashMap::<String, usize>::new(), 0, Vec::new());
    for line in bench.lines() {
        let Ok(value) = serde_json::from_slice::<Value>(line) else { continue };
        let (source, words) = (value["source"].as_str().unwrap(), value["text"].as_str().unwrap());
        *sources.entry(source.into()).or_default() += 1;
        escaped += usize::from(source == "app" && line.contains(&b'\\'));
        if source == "hotline" {
            characters.push(words.chars().count());
        }
    }
    within("sensors", share(sources["sensor"]), 0.69, 0.71);
    within("apps", share(sources["app"]), 0.19, 0.21);
    within("hotlines", share(sources["hotline"]), 0.09, 0.11);
    within("escapes in apps", escaped as f64 / sources["app"] as f64, 0.04, 0.06);
    assert_eq!((characters.iter().min(), characters.iter().max()), (Some(&60), Some(&200)));
    let cases = bench.truth["opened"].as_u64().unwrap() as f64 / bench.truth["unique"].as_u64().unwrap() as f64;
    within("cases of unique reports", cases, 0.6, 0.8);
}

#[test]
fn rows_name_what_they_repeat() {
    let bench = Bench::new(100_000, 11);
    let (lines, oracle) = (bench.lines(), Oracle::new());
    let value = |line: &[u8]| serde_json::from_slice::<Value>(line).unwrap();
    let (mut same_cell, mut incidents) = (0, 0);
    for (number, (kind, of)) in &bench.rows {
        let line = lines[number - 1];
        let earlier = || lines[of.parse::<usize>().unwrap() - 1];
        match kind.as_str() {
            "resend" => assert_eq!(line, earlier()),
            "incident" => {
                let (report, first) =
                    (oracle.accepted(&value(line)).unwrap(), oracle.accepted(&value(earlier())).unwrap());
                assert_eq!(report.category, first.category);
                assert!((report.east - first.east).abs() <= 300 && (report.north - first.north).abs() <= 300);
                let cell = |report: &Accepted| (report.east / 1_049, report.north / 902);
                same_cell += u32::from(cell(&report) == cell(&first));
                incidents += 1;
            }
            "malformed" => assert!(serde_json::from_slice::<Value>(line).is_err()),
            "invalid" => {
                let value = value(line);
                assert!(oracle.accepted(&value).is_none());
                let (lng, lat) = (value["lng"].as_f64().unwrap(), value["lat"].as_f64().unwrap());
                match of.as_str() {
                    "unknown-category" => assert_eq!(value["category"], "unknown.thing"),
                    "outside-east" => assert!(lng >= 121.95),
                    "outside-south" => assert!(lat < 30.9),
                    "empty-id" => assert_eq!(value["id"], ""),
                    other => panic!("no such flaw: {other}"),
                }
            }
            other => panic!("no such kind: {other}"),
        }
    }
    let share = f64::from(same_cell) / f64::from(incidents);
    assert!((0.65..0.8).contains(&share), "most but not all of an incident lies in one cell: {share}");
}

#[test]
fn no_line_is_a_minute_late() {
    let bench = Bench::new(150_000, 2);
    let (oracle, mut newest, mut latest) = (Oracle::new(), 0, 0);
    for line in bench.lines() {
        let value = serde_json::from_slice::<Value>(line).ok();
        let Some(report) = value.and_then(|value| oracle.accepted(&value)) else { continue };
        newest = newest.max(report.ts);
        latest = latest.max(newest - report.ts);
    }
    assert!((40_000..60_000).contains(&latest), "{latest} ms");
}

#[test]
fn the_reference_finds_the_truth() {
    let bench = Bench::new(20_000, 1);
    let (found, output) = reference(&bench.path);
    let oracle = Oracle::of(&bench.bytes);
    oracle.check(&found);
    assert_eq!(output, oracle.output);
    let printed: Value = serde_json::from_slice(&succeed(&["reference", text(&bench.path), "--no-case-sum"])).unwrap();
    assert_eq!((&printed["opened"], &printed["case_sum"]), (&found["opened"], &Value::Null));
}

#[test]
fn the_reference_agrees_with_the_oracle_on_hostile_lines() {
    let report = |changes: &[(&str, &str)]| {
        let mut fields = vec![
            ("source", "\"app\""),
            ("id", "\"A-1\""),
            ("ts", "1767225600000"),
            ("lng", "121.500000"),
            ("lat", "31.000000"),
            ("category", "\"gas.leak\""),
        ];
        for (name, value) in changes {
            fields.retain(|field| field.0 != *name);
            if !value.is_empty() {
                fields.push((name, value));
            }
        }
        let fields: Vec<_> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", fields.join(",")).into_bytes()
    };
    let id_of = |bytes: usize| format!("\"{}\"", "x".repeat(bytes));
    let mut hostile: Vec<Vec<u8>> = [
        "",
        " ",
        "{",
        "}",
        "{}",
        "[]",
        "[1]",
        "[\"app\",\"A-9\",1767225600000,121.5,31.0,\"gas.leak\"]",
        "null",
        "7",
        "\"text\"",
        "{} {}",
        "{}x",
        "\u{feff}{}",
    ]
    .map(|line| line.as_bytes().to_vec())
    .into();
    for name in ["source", "id", "ts", "lng", "lat", "category"] {
        for value in ["", "null", "true", "[]", "{}", "-1", "0", "1.5", "\"\"", "\"121.5\"", "\"1767225600000\""] {
            hostile.push(report(&[(name, value)]));
        }
    }
    for (name, value) in [
        ("ts", "1767225600000.0"),
        ("ts", "9223372036854775808"),
        ("ts", "1"),
        ("ts", "599999"),
        ("ts", "600000"),
        ("lng", "121.45"),
        ("lng", "121.4499999"),
        ("lng", "121.949999"),
        ("lng", "121.9499999"),
        ("lng", "121.95"),
        ("lng", "1.215e2"),
        ("lat", "30.9"),
        ("lat", "30.899999"),
        ("lat", "31.399999"),
        ("lat", "31.3999999"),
        ("lat", "31.4"),
        ("lat", "31"),
        ("source", "\"police\""),
        ("source", "\"App\""),
        ("source", "\"a\\u0070p\""),
        ("source", "\"sensor\""),
        ("id", "\"quote \\\" and \\\\ and \\u4e2d\""),
        ("id", "\"ends with a quote \\\"\""),
        ("id", "\"中文\""),
        ("id", &id_of(64)),
        ("id", &id_of(65)),
        ("id", &id_of(255)),
        ("id", &id_of(257)),
        ("category", "\"gas.Leak\""),
        ("category", "\"gas\\u002eleak\""),
        ("category", "\"unknown.thing\""),
        ("text", "\"id\\\":\\\"A-2\""),
        ("readings", "{\"id\":\"A-3\",\"ts\":[1,{\"lng\":0}]}"),
    ] {
        hostile.push(report(&[(name, value)]));
    }
    hostile.push([report(&[("id", "\"crlf\"")]).as_slice(), b"\r"].concat());
    hostile.push([b" \t".as_slice(), &report(&[("id", "\"indented\"")])].concat());
    hostile.push([report(&[]).as_slice(), b","].concat());
    hostile.push(report(&[("text", "unquoted")]));
    hostile.push(report(&[("text", "[1,2")]));
    let mut torn = report(&[("text", "\"中\"")]);
    torn.retain(|byte| *byte != 0xad);
    hostile.push(torn);
    // Everything twice, so that whatever was accepted is a duplicate once; and the last line lacks its newline.
    let once = hostile.join(&b'\n');
    let bytes = [once.as_slice(), &once].join(&b'\n');

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hostile.ndjson");
    std::fs::write(&file, &bytes).unwrap();
    let (found, output) = reference(&file);
    let oracle = Oracle::of(&bytes);
    oracle.check(&found);
    assert_eq!(output, oracle.output);
    assert!(oracle.counts.values().all(|count| *count > 1), "{:?}", oracle.counts);
}

#[test]
fn the_reference_forgets_a_bucket_only_after_its_grace() {
    let end = 1_767_226_200_000i64;
    let reports = [
        ("first", end - 600_000),
        ("first", end - 600_000),
        ("last", end - 1),
        ("next", end),
        // The same id in another bucket is another report.
        ("first", end + 1),
        ("newest", end + 60_000),
        ("first", end - 600_000),
        ("late", end - 1),
        ("first", end + 1),
        ("much newer", end + 1_300_000),
        ("much newer", end + 1_300_000),
    ];
    let line = |(id, ts): &(&str, i64)| {
        let place = "\"lng\":121.6,\"lat\":31.1";
        format!("{{\"source\":\"sensor\",\"id\":\"{id}\",\"ts\":{ts},{place},\"category\":\"fire.leak\"}}\n")
    };
    let bytes: String = reports.iter().map(line).collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("late.ndjson");
    std::fs::write(&file, &bytes).unwrap();
    let (found, output) = reference(&file);
    let oracle = Oracle::of(bytes.as_bytes());
    oracle.check(&found);
    assert_eq!((output, found["duplicates"].as_u64()), (oracle.output, Some(4)));
}

#[test]
fn the_city_folder_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let city = folder.path().join("new").join("bench");
    succeed(&["gen-city", "bench", text(&city)]);
    let mut files: Vec<_> = city.read_dir().unwrap().map(|file| file.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["areas.csv", "city.toml", "classes.csv", "departments.csv", "duty.csv"]);
    let classes = std::fs::read_to_string(city.join("classes.csv")).unwrap();
    let codes: Vec<_> = classes.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(codes, Oracle::new().categories);
}

/// Runs `ratio` with a shell script in place of paidan, which answers by the reference over `file`.
fn ratio(folder: &Path, file: &Path, extra: &[&str]) -> Output {
    let script =
        format!("exec {} reference {} --out \"$5\" --summary \"$9\"\n", env!("CARGO_BIN_EXE_loadtest"), file.display());
    // `sh run FILE …` runs the script named `run` in the current folder.
    std::fs::write(folder.join("run"), script).unwrap();
    Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .current_dir(folder)
        .args(["ratio", "bench.ndjson", "--city", "city", "--paidan", "sh", "--json", "ratio.json"])
        .args(extra)
        .output()
        .unwrap()
}

#[test]
fn ratio_runs_both_and_tidies_up() {
    let bench = Bench::new(500, 1);
    let folder = bench.path.parent().unwrap();
    let output = ratio(folder, &bench.path, &["--", "--data", "{data}"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("B over A"), "{table}");
    let result: Value = serde_json::from_slice(&std::fs::read(folder.join("ratio.json")).unwrap()).unwrap();
    assert_eq!((result["reference"].as_array().unwrap().len(), result["paidan"].as_array().unwrap().len()), (5, 5));
    assert_eq!(result["answer"]["opened"], bench.truth["opened"]);
    assert_eq!(
        result["commands"][1],
        "sh run bench.ndjson --city city --out RUN/out.ndjson --emit assigned --summary RUN/summary.json --data RUN/data"
    );
    let peak = |run: &Value| run["peak_rss_mib"].as_f64().unwrap();
    assert!(result["reference"].as_array().unwrap().iter().all(|run| peak(run) > 1.0), "{result}");
    let left: Vec<_> = folder.read_dir().unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("ratio-")), "{left:?}");
}

#[test]
fn ratio_measures_any_command() {
    let bench = Bench::new(500, 1);
    let command = |name: &str| format!("--rival-command={name}=sh run {{file}} - - - {{out}} - - - {{summary}}");
    let output = ratio(bench.path.parent().unwrap(), &bench.path, &[&command("one"), &command("two")]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("C one") && table.contains("D over A"), "{table}");
    let result = std::fs::read(bench.path.with_file_name("ratio.json")).unwrap();
    let result: Value = serde_json::from_slice(&result).unwrap();
    assert_eq!(result["commands"][2], "sh run bench.ndjson - - - RUN/out.ndjson - - - RUN/summary.json");
    let names: Vec<_> = result["rivals"].as_array().unwrap().iter().map(|rival| &rival["name"]).collect();
    assert_eq!(names, ["one", "two"]);
    assert_eq!(result["rivals"][1]["runs"].as_array().unwrap().len(), 5);
    let Value::Object(spread) = &result["rivals"][1]["rate_ratio"] else { panic!("{result}") };
    assert!(spread["min"].as_f64() > Some(0.0) && spread["min"].as_f64() <= spread["max"].as_f64());
    let reference = &result["answer"]["unit_load_digest"];
    assert_eq!(*reference, bench.truth["unit_load_digest"]);
}

#[test]
fn ratio_reads_what_was_assigned() {
    let bench = Bench::new(500, 1);
    let folder = bench.path.parent().unwrap();
    let check = |edit: &str, expected: &str| {
        // Right counts, but the assignments are edited afterwards.
        let cheat = format!(
            "{} reference bench.ndjson --out \"$2\" --summary \"$3\" && sed -i '{edit}' \"$2\"\n",
            env!("CARGO_BIN_EXE_loadtest")
        );
        std::fs::write(folder.join("cheat"), cheat).unwrap();
        let output = ratio(folder, &bench.path, &["--rival-command", "cheat=sh cheat {file} {out} {summary}"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && stderr.contains(expected), "{edit}: {stderr}");
    };
    check("1d", "the programs disagree");
    check("1s/\"unit\":[0-9]*/\"unit\":38399/", "the programs disagree");
    check("1s/\"unit\":[0-9]*/\"unit\":38400/", "no such unit: 38400");
    check("1s/\"unit\"/\"crew\"/", "its assignments are wrong");
}

#[test]
fn ratio_refuses_another_answer() {
    let (bench, other) = (Bench::new(500, 1), Bench::new(500, 2));
    let output = ratio(bench.path.parent().unwrap(), &other.path, &[]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("the programs disagree"));
}

#[test]
fn errors_name_the_file() {
    let check = |args: &[&str], expected: &str| {
        let output = loadtest(args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && stderr.contains(expected), "{args:?}: {stderr}");
    };
    check(&["gen", "1", "/nowhere/bench.ndjson"], "/nowhere/bench.ndjson: cannot create");
    check(&["gen", "many", "x"], "many");
    check(&["gen-city", "bench", "/dev/null/city"], "/dev/null/city: cannot make the folder");
    check(&["reference", "/nowhere/bench.ndjson"], "/nowhere/bench.ndjson: cannot open");
    check(&["ratio", "x", "--city", "y", "--runs", "4"], "--runs");
    check(&["ratio", "x", "--city", "y", "--paidan", "sh", "--rival", "nobody"], "rival-nobody: not there; build it");
    check(&["ratio", "x", "--city", "y", "--rival", "timely=two"], "the workers of timely");
    check(&["ratio", "x", "--city", "y", "--rival-command", "a=b {file} {out}"], "the command of a lacks {summary}");
    check(&["ratio", "x", "--city", "y", "--rival-command", "b"], "it lacks NAME=");
}
