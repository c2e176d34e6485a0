//! `paidan explain` on a short day: every form of ID, every kind of answer, in both languages and as JSON.

#[path = "common/small.rs"]
mod small;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::Value;
use small::{Small, day, said};

static SMALL: LazyLock<Small> = LazyLock::new(Small::new);

/// The decisions about a record.
fn decided(seq: u64) -> Vec<Value> {
    SMALL.decisions.iter().filter(|line| line["seq"] == seq).cloned().collect()
}

#[track_caller]
fn text(arguments: &[&str]) -> String {
    said("explain", &SMALL.data, arguments, 0).0
}

/// The stories as JSON, one a line.
#[track_caller]
fn told(arguments: &[&str]) -> Vec<Value> {
    let text = text(&[arguments, &["--json"]].concat());
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The one story of an ID.
#[track_caller]
fn one(id: &str) -> Value {
    let mut stories = told(&[id]);
    assert_eq!(stories.len(), 1, "{id}");
    stories.remove(0)
}

/// The text of an ID in English and its 中文 hold these.
#[track_caller]
fn check(id: &str, english: &[&str], chinese: &[&str]) {
    for (lang, parts) in [("en", english), ("zh", chinese)] {
        let text = text(&[id, "--lang", lang]);
        for part in parts {
            assert!(text.contains(part), "{id} in {lang} lacks {part:?}:\n{text}");
        }
    }
}

/// A report of one broken lamp, in a cell of its own.
fn lamp(n: i64) -> String {
    let ts = small::START + n;
    serde_json::json!({"source": "app", "id": format!("c{n}"), "ts": ts, "cell": "5", "category": "lamp"}).to_string()
}

#[test]
fn every_form_of_id_leads_to_its_record() {
    let cases = [
        ("app/r1", "report", 1),
        ("r3", "report", 3),
        ("12345/900001", "report", 16),
        ("#4", "record", 4),
        ("1", "case", 1),
        ("3", "record", 3),
        ("1-2", "order", 1),
        ("SL000000000389", "tracking", 3),
        ("a1", "report", 8),
    ];
    for (id, meant, record) in cases {
        let story = one(id);
        assert_eq!((story["meant"].as_str(), story["came_in"]["record"].as_u64()), (Some(meant), Some(record)), "{id}");
        assert_eq!(story["asked"], id);
    }
    let stories = told(&["900001"]);
    let records: Vec<_> = stories.iter().map(|story| story["came_in"]["record"].as_u64()).collect();
    assert_eq!(records, [Some(16), Some(17)], "two sources have the id");
    assert_eq!(told(&["900001", "--source", "app"]).len(), 1);
    assert_eq!(told(&["1", "r3", "#10"]).len(), 3, "as many as are asked for, in order");
}

#[test]
fn what_is_not_found_is_told_with_what_was_searched() {
    let cases = [
        ("r99", "searched the ids of app, 12345"),
        ("app/r99", "searched the ids of app"),
        ("#20", "the log ends with record 19"),
        ("#x", "#123"),
        ("777", "searched the ids of app, 12345"),
        ("1-7", "case 1 has the orders 1-1, 1-2"),
        ("9-1", "case 9 has no order yet"),
        ("3-1", "record #3 opened no case"),
        ("SL000000000390", "check digits"),
        ("SL000000099911", "no such tracking number"),
    ];
    for (id, expect) in cases {
        let (out, stderr) = said("explain", &SMALL.data, &[id], 2);
        assert!(out.is_empty() && stderr.contains("找不到 not found") && stderr.contains(expect), "{id}: {stderr}");
    }
    let (_, stderr) = said("explain", &SMALL.data, &["r1", "--source", "nobody"], 2);
    assert!(stderr.contains("app, 12345"), "{stderr}");
}

#[test]
fn json_agrees_with_the_decisions_of_a_replay() {
    for seq in 1..=day().len() as u64 {
        let story = one(&format!("#{seq}"));
        assert_eq!(story["came_in"]["decisions"], Value::from(decided(seq)), "#{seq}");
        let Some(case) = story["case"]["case"].as_u64() else { continue };
        let touching = SMALL.decisions.iter().filter(|line| line["case"] == case);
        let history = story["case"]["history"].as_array().expect("a history");
        let events = history.iter().flat_map(|event| event["decisions"].as_array().expect("decisions"));
        let own = events.filter(|line| line["case"] == case);
        assert!(touching.eq(own), "the history of case {case} is all that was decided about it");
    }
}

#[test]
fn a_merge_shows_both_candidates_and_why_the_nearer_one() {
    let story = one("r3");
    let merging = &story["merging"];
    assert_eq!((&merging["joined"], &merging["radius_m"]), (&Value::from(1), &Value::from(50.0)));
    let candidates = merging["candidates"].as_array().expect("candidates");
    let seen: Vec<_> = candidates.iter().map(|case| (case["case"].as_u64(), case["fit"].as_str())).collect();
    assert_eq!(seen, [(Some(1), Some("joined")), (Some(2), Some("behind"))]);
    let metres: Vec<_> = candidates.iter().map(|case| case["distance_m"].as_f64().expect("metres")).collect();
    assert!((23.0..25.0).contains(&metres[0]) && (37.0..39.0).contains(&metres[1]), "{metres:?}");
    check(
        "r3",
        &[
            "1. case 1: joined; 23.",
            "2. case 2: another is better; 38.",
            "within a radius 50 m",
            "O case joined",
            "m across",
        ],
        &["1. 案件 1：并入； 23.", "2. 案件 2：另有更优者； 38.", "一定半径内 50 m", "O 并入的案件", "图幅宽"],
    );
    let too_far = one("r2")["merging"]["candidates"][0].clone();
    assert_eq!((too_far["case"].as_u64(), too_far["fit"].as_str()), (Some(1), Some("too_far")));
}

#[test]
fn a_first_report_shows_how_it_was_understood_and_who_says_it_again() {
    let story = one("app/r1");
    let understood = &story["understood"];
    assert_eq!(understood["place_from"], "coordinates");
    assert_eq!((&understood["class"]["code"], &understood["category"]), (&"leak".into(), &"漏水".into()));
    assert_eq!((&understood["urgency"], &understood["urgency_said"]), (&"B".into(), &"A".into()));
    assert_eq!(understood["urgency_trusted"], false);
    assert_eq!(understood["reporter"].as_str().map(str::len), Some(8));
    let again: Vec<_> =
        story["came_in"]["again"].as_array().expect("re-sends").iter().map(|a| &a["conflict"]).collect();
    assert_eq!(again, [false, true]);
    assert_eq!(story["came_in"]["raw"], day()[0]);
    assert!(story["came_in"]["fields"].get("reporter").is_none());
    check(
        "app/r1",
        &["text: 路面冒水", "sender A (not trusted)", "sent again as #4", "sent again as #5", "with another body"],
        &["text: 路面冒水", "发送者 A (不采信)", "重报 #4", "重报 #5", "内容不同"],
    );
    assert!(!text(&["app/r1"]).contains("13900000001"), "a person's number is not shown");
    let trusted = one("r5");
    assert_eq!(
        (&trusted["understood"]["urgency"], &trusted["understood"]["urgency_trusted"]),
        (&"A".into(), &true.into())
    );
    assert_eq!(one("r9")["understood"]["place_from"], "cell");
}

#[test]
fn duplicates_late_ones_and_doubts_say_so() {
    check("#4", &["the same as #1, case 1"], &["与 #1 重复，案件 1"]);
    check("#5", &["the same as #1, case 1, but with another body"], &["但内容不同"]);
    check("r10", &["too late by", "refused", "expired, refused"], &["迟到", "不受理"]);
    let late = one("r10");
    assert_eq!((&late["dedup"]["answer"], &late["dedup"]["dispatched_late"]), (&"late".into(), &false.into()));
    assert_eq!(late["dedup"]["late_ms"], decided(18)[0]["late_ms"]);
    check("r6", &["to review: no place is known", "place: no place is known"], &["转人工审核：没有地点"]);
    check(
        "r8",
        &["to review: no class is known", "class: unknown (category word \"怪事\")"],
        &["类别：不明（类别词「怪事」）"],
    );
    assert_eq!(one("r6")["case"]["stage"], "review");
}

#[test]
fn the_duty_list_shows_who_was_passed_over_and_who_waits() {
    let story = one("6");
    let lines = story["case"]["handings"][0]["lines"].as_array().expect("lines").clone();
    let verdicts: Vec<_> = lines.iter().map(|line| line["verdict"].as_str().expect("a word")).collect();
    assert_eq!(verdicts, ["no_room", "taken"]);
    let standings: Vec<_> =
        lines[0]["pools"][0]["units"].as_array().expect("units").iter().map(|u| &u["standing"]).collect();
    assert_eq!(standings, ["full", "full"]);
    check(
        "6",
        &["no unit has room", "w0: full", "for every class", "goes to: s0"],
        &["力量都没有余量", "w0：已满", "各类托底", "派给：s0"],
    );
    let first = one("1")["case"]["handings"][0]["lines"].clone();
    assert_eq!((&first[0]["verdict"], &first[1]["verdict"]), (&"taken".into(), &"not_needed".into()));
    assert_eq!(first[0]["pools"][0]["units"][0]["unit"], "w0");
    check(
        "7",
        &[
            "waits at: S Street",
            "reason no free unit",
            "1. W Water, district centre (for this class, the whole district): no unit",
        ],
        &["待派于：S 街道"],
    );
    check("1", &["reason a unit became free"], &["原因 力量空出"]);
}

#[test]
fn a_returned_order_shows_its_whole_life() {
    let story = one("1-2");
    let case = &story["case"];
    assert_eq!(case["handings"].as_array().map(Vec::len), Some(2), "opened, and given back");
    assert_eq!(
        (&case["handings"][1]["returned_by"], &case["handings"][1]["outcome"]),
        (&"w0".into(), &"waiting".into())
    );
    let units = case["handings"][1]["lines"][0]["pools"][0]["units"].as_array().expect("units");
    assert!(units.iter().any(|unit| unit["unit"] == "w0" && unit["standing"] == "gave_back"), "{units:?}");
    let clocks = &case["clocks"];
    let start = small::START;
    assert_eq!((&clocks["opened"], &clocks["due"]), (&start.into(), &(start + 3_600_000).into()));
    assert_eq!((&clocks["returned"], &clocks["assigned"]), (&(start + 5000).into(), &(start + 9000).into()));
    assert_eq!(case["reports"], 2);
    check(
        "1-2",
        &["given back by: w0", "→ 2026-01-01T00:00:09Z  #13 app/a3  assigned"],
        &["退单的力量：w0", "派单  案件 1  工单 1-2"],
    );
    let closed = one("2");
    assert_eq!(closed["case"]["stage"], "closed");
    let Value::Object(clocks) = &closed["case"]["clocks"] else { panic!("clocks") };
    assert!(
        ["opened", "assigned", "accepted", "done", "closed"].iter().all(|word| clocks[*word].is_i64()),
        "{clocks:?}"
    );
}

#[test]
fn a_line_that_was_turned_away_shows_reason_place_and_itself() {
    let story = one("#10");
    assert_eq!((&story["rejected"]["reason"], &story["rejected"]["line"]), (&"not_json".into(), &10.into()));
    assert_eq!(story["came_in"]["raw"], day()[9]);
    check("#10", &["reason: not_json", "line 10", &day()[9]], &["原因：not_json", "第 10 行", &day()[9]]);
}

#[test]
fn a_report_of_a_crowd_leads_to_the_case_that_was_opened_long_before() {
    // More of the same place than are guessed to matter: the log is walked a second time.
    let crowd = Small::of(&(0..600).map(lamp).collect::<Vec<_>>());
    for id in ["c599", "#600", "c1"] {
        let (out, _) = said("explain", &crowd.data, &[id, "--json"], 0);
        let story: Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!((&story["merging"]["joined"], &story["case"]["reports"]), (&1.into(), &600.into()), "{id}");
        assert_eq!(story["case"]["handings"][0]["unit"], "s0", "{id}");
        let (text, _) = said("explain", &crowd.data, &[id, "--lang", "en"], 0);
        assert!(text.contains("app/c19 ") && text.contains("... and 560 more") && text.contains("app/c599 "), "{text}");
    }
}

#[test]
fn a_run_at_work_and_one_that_was_killed_can_be_asked() {
    let folder = SMALL.path("live");
    let mut run = small::paidan("run");
    run.arg("-").arg("--city").arg(SMALL.path("city")).arg("--data").arg(&folder).arg("--quiet");
    let mut child = run.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut input = child.stdin.take().expect("a pipe");
    // The first time of all is believed when as many reports bear witness as are asked.
    let lines = [&day()[..3], &(0..70).map(lamp).collect::<Vec<_>>()].concat();
    input.write_all((lines.join("\n") + "\n").as_bytes()).expect("written");
    // A decision that can be read is on the disk.
    let decisions = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let merged = decisions.map(|line| line.expect("a line")).find(|line| line.contains("\"merged\""));
    assert!(merged.expect("a merge").contains("\"seq\":3,"));
    let ask = || said("explain", &folder, &["r3", "--lang", "en"], 0).0;
    let at_work = ask();
    assert!(at_work.contains("1. case 1: joined"), "{at_work}");
    child.kill().expect("killed");
    child.wait().expect("ended");
    assert_eq!(ask(), at_work);
}

#[test]
fn the_language_follows_the_environment() {
    for (variable, value, expect) in [
        ("LC_ALL", "en_GB.UTF-8", "WHAT CAME IN"),
        ("LC_ALL", "C", "【来件】"),
        ("LC_ALL", "zh_CN.UTF-8", "【来件】"),
        ("LANG", "de_DE.UTF-8", "WHAT CAME IN"),
        ("LANG", "", "【来件】"),
    ] {
        let mut command = small::paidan("explain");
        command.env_remove("LC_ALL").env_remove("LC_MESSAGES").env_remove("LANG").env(variable, value);
        let output = command.arg("1").arg("--data").arg(&SMALL.data).output().expect("the program starts");
        assert!(String::from_utf8_lossy(&output.stdout).contains(expect), "{variable}={value}");
    }
}

#[test]
fn another_city_is_refused_and_nothing_is_changed() {
    let other = SMALL.path("other");
    std::fs::create_dir_all(&other).expect("a folder");
    for entry in std::fs::read_dir(SMALL.path("city")).expect("a city") {
        let path = entry.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("text").replace("Leak", "Burst");
        std::fs::write(other.join(path.file_name().expect("a name")), text).expect("written");
    }
    let (_, stderr) = said("explain", &SMALL.data, &["1", "--city", other.to_str().expect("text")], 2);
    assert!(stderr.contains("use the city that is kept in the data folder"), "{stderr}");
}

/// A complaint about a body in the built-in city, whose condition is said by its Chinese name, and another condition that is none.
#[test]
fn a_condition_and_a_complaint_are_told_with_what_follows_from_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, data) = (folder.path().join("day.ndjson"), folder.path().join("data"));
    let report = |id: &str, condition: &str| {
        serde_json::json!({"source": "12345", "id": id, "ts": "2026-03-06T17:00:00+08:00", "lng": 121.51, "lat": 31.24,
            "category": "01003", "condition": condition, "against": "D-WATER"})
    };
    std::fs::write(&file, format!("{}\n{}\n", report("c1", "周边下沉"), report("c2", "不合群"))).expect("written");
    let run = Command::new(env!("CARGO_BIN_EXE_paidan"))
        .args(["run", "-q", "--out", "/dev/null", "--data"])
        .args([&data, &file])
        .output()
        .expect("it runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let (json, _) = said("explain", &data, &["c1", "--json"], 0);
    let story: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(story["understood"]["condition"]["code"], "surround_sunk");
    assert_eq!(story["understood"]["against"]["code"], "D-WATER");
    assert_eq!(story["understood"]["urgency_of_class"], "C");
    let line = &story["case"]["handings"][0]["lines"][0];
    assert_eq!((&line["department"]["code"], &line["verdict"]), (&"D-WATER".into(), &"accused".into()));
    // Five working days from Friday 17:00, and the street behind the department.
    assert_eq!(story["case"]["clocks"]["limit"], "5 work_day");
    let assigned = story["came_in"]["decisions"].as_array().and_then(|all| all.last()).expect("a decision");
    assert_eq!((&assigned["department"], &assigned["due"]), (&"T-STREET".into(), &1_773_392_400_000_i64.into()));
    let (text, _) = said("explain", &data, &["c1", "--lang", "zh"], 0);
    for part in ["立案条件：surround_sunk 周边下沉", "被投诉单位：", "被投诉单位，不派", "立案条件 C"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (text, _) = said("explain", &data, &["c2", "--lang", "en"], 0);
    assert!(text.contains("filing condition: unknown (\"不合群\" is none of the class's)"), "{text}");
}
