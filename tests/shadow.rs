//! `paidan replay --city NEW`: what another city would have decided, told from the data folder alone.

#[path = "common/command.rs"]
mod command;
#[path = "common/pudong.rs"]
mod pudong;

use std::fs;
use std::path::Path;

use command::{paidan, path, text};
use loadtest::profile::Profile;
use loadtest::pudong::PUDONG;
use pudong::write_city;
use serde_json::{Value, json};

/// Runs a file into a data folder.
fn ran(folder: &Path, lines: impl AsRef<[u8]>) -> std::path::PathBuf {
    ran_with(folder, lines, &[])
}

fn ran_with(folder: &Path, lines: impl AsRef<[u8]>, more: &[&str]) -> std::path::PathBuf {
    let (input, data) = (folder.join("in.ndjson"), folder.join("data"));
    fs::write(&input, lines).expect("written");
    let arguments = ["run", path(&input), "--data", path(&data), "--emit", "assigned", "--quiet"];
    let output = paidan(&[&arguments, more].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    data
}

/// What a shadow run under a changed city comes to, as JSON, and what it tells.
fn shadow(folder: &Path, data: &Path, change: impl Fn(&str, &str) -> String) -> (Value, String) {
    let (city, summary) = (folder.join("next"), folder.join("shadow.json"));
    write_city(&city, change);
    let (changes, before) = (folder.join("changes.ndjson"), tree(data));
    let output =
        paidan(&["replay", path(data), "--city", path(&city), "--summary", path(&summary), "--out", path(&changes)]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(tree(data), before, "nothing in the folder changes");
    let shadow: Value = serde_json::from_slice(&fs::read(summary).expect("a summary")).expect("JSON");
    let written = fs::read_to_string(changes).expect("changes");
    assert_eq!(written.lines().count() as u64, shadow["changed"].as_u64().expect("a number"));
    let examples = shadow["examples"].as_array().expect("examples");
    for (example, line) in examples.iter().zip(written.lines()) {
        assert_eq!(*example, serde_json::from_str::<Value>(line).expect("JSON"));
    }
    (shadow, text(&output.stdout).to_owned())
}

/// Every file of a folder with its length.
fn tree(folder: &Path) -> Vec<(String, u64)> {
    let mut files: Vec<_> = ["journal", "city"]
        .iter()
        .flat_map(|name| fs::read_dir(folder.join(name)).expect("a folder"))
        .map(|entry| entry.expect("an entry"))
        .map(|entry| (path(&entry.path()).to_owned(), entry.metadata().expect("metadata").len()))
        .collect();
    files.sort();
    files
}

fn commented(name: &str, text: &str) -> String {
    if name == "city.toml" { format!("# another version\n{text}") } else { text.to_owned() }
}

fn report(id: &str, minute: u32, more: Value) -> Value {
    let ts = format!("2026-03-06T09:{minute:02}:00+08:00");
    let mut report = json!({"source": "12345", "id": id, "ts": ts, "lng": 121.5235, "lat": 31.2275});
    report.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    report
}

fn lines(reports: &[Value]) -> String {
    reports.iter().map(|report| format!("{report}\n")).collect()
}

#[test]
fn a_city_that_means_the_same_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["typhoon", "sensor-storm"] {
        let profile = Profile::by_name(name).expect("a profile");
        let mut stream = profile.stream(1, 20_000);
        let mut input = Vec::new();
        for _ in 0..20_000 {
            stream.next(&mut input);
            input.push(b'\n');
        }
        let data = ran(folder.path(), &input);
        let (shadow, told) = shadow(folder.path(), &data, commented);
        assert_eq!(
            (&shadow["records"], &shadow["changed"], &shadow["other_unit"]),
            (&20_000.into(), &0.into(), &0.into()),
            "{told}"
        );
        assert_ne!(shadow["cities"][0], shadow["cities"][1]);
        for (effect, counts) in shadow["effects"].as_object().expect("effects") {
            assert_eq!(counts[0], counts[1], "{effect}");
        }
        assert!(told.contains("0 条决定会改变") && !told.contains("by class"), "{told}");
        fs::remove_dir_all(data).expect("removed");
    }
}

#[test]
fn minds_of_two_cities_that_mean_the_same_forget_alike() {
    let folder = tempfile::tempdir().expect("a folder");
    // Cases that leave by their age just before there are too many, among lines that are turned away: with each record the mind
    // looks for cases that may leave, so whoever skips some records is late with it, and forgets.
    let small = |name: &str, text: &str| match name {
        "city.toml" => {
            text.replace("cases_max = 1000000", "cases_max = 1000").replace("minutes = 4320", "minutes = 60")
        }
        "classes.csv" => text.replace("fault,2 work_hour", "fault,"),
        _ => text.to_owned(),
    };
    let city = folder.path().join("city");
    write_city(&city, small);
    let mut input = String::new();
    for n in 0..6_000 {
        // No two in one cell, and in no area more than its units can take.
        let spot = PUDONG.grid.raster().middle(PUDONG.grid.nth(n * 7));
        let (lng, lat) = (f64::from(spot.lng) / 1e6, f64::from(spot.lat) / 1e6);
        let at = 1_772_759_000_000_i64 + i64::from(n) * 4_400;
        input += &format!(
            "{}\n",
            json!({"source": "12345", "id": n.to_string(), "ts": at, "lng": lng, "lat": lat, "category": "01037"})
        );
        input += &"{\"source\":\"12345\",\"id\":\"\"}\n".repeat(5);
        if n % 10 == 0 {
            input += &format!(
                "{}\n",
                json!({"source": "departments", "kind": "action", "id": format!("a{n}"), "ts": at, "action": "accept", "order": format!("{}-1", n * 6 + 1)})
            );
        }
    }
    let data = ran_with(folder.path(), input, &["--city", path(&city)]);
    let (shadow, told) = shadow(folder.path(), &data, |name, text| commented(name, &small(name, text)));
    assert_eq!((&shadow["changed"], &shadow["other_unit"]), (&0.into(), &0.into()), "{told}");
    let [forgot, rejected] = ["forgot", "rejected"].map(|effect| &shadow["effects"][effect]);
    assert_eq!((forgot, rejected), (&Value::Null, &json!([30_000, 30_000])), "{told}");
}

#[test]
fn what_another_city_would_decide_is_told_by_class_and_area() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = ran(
        folder.path(),
        lines(&[
            report("lamp", 0, json!({"category": "01037"})),
            report("lamp", 1, json!({"category": "01037"})),
            report("lid", 2, json!({"category": "01001"})),
            report("word", 3, json!({"category": "路灯罩破损"})),
            json!({"source": "drone", "id": "1", "ts": "2026-03-06T09:04:00+08:00", "lng": 121.51, "lat": 31.24, "category": "01037"}),
            report("", 5, json!({"category": "01037"})),
            json!({"source": "weibo", "id": "w", "ts": "2026-03-06T09:06:00+08:00", "lng": 121.508, "lat": 31.2395, "category": "06042"}),
            report("again", 7, json!({"category": "01037"})),
        ]),
    );
    let (shadow, told) = shadow(folder.path(), &data, |name, text| match name {
        "duty.csv" => text.replace("01037,district,,D-CONSTR,district", "01037,district,,D-WATER,street"),
        "classes.csv" => text.replace(",路灯异常|", ",路灯罩破损|路灯异常|").replace(
            "01001,供水井盖异常,Water-supply manhole cover,A",
            "01001,供水井盖异常,Water-supply manhole cover,B",
        ),
        "city.toml" => {
            text.replace("name = \"weibo\"", "name = \"microblog\"").replace("name = \"parking\"", "name = \"drone\"")
        }
        _ => text.to_owned(),
    });
    let changed: Vec<_> = shadow["examples"].as_array().expect("examples").iter().collect();
    let seqs: Vec<_> = changed.iter().map(|change| change["seq"].as_u64().expect("a number")).collect();
    assert_eq!(seqs, [1, 3, 4, 5, 7], "{told}");
    let part = |change: usize, part: &str| (changed[change]["was"][part].clone(), changed[change]["now"][part].clone());
    assert_eq!(part(0, "department"), (json!("D-CONSTR"), json!("D-WATER")));
    assert_eq!(part(0, "tier"), (json!("district"), json!("street")));
    assert_eq!(part(1, "urgency"), (json!("A"), json!("B")));
    assert_eq!(part(2, "decision"), (json!("opened"), json!("merged")), "with its word known, it joins the lamp");
    assert_eq!(part(2, "class"), (Value::Null, json!("01037")));
    assert_eq!(part(2, "reason"), (json!("NoClass"), Value::Null));
    assert_eq!(part(3, "decision"), (json!("rejected"), json!("opened")), "its source is known now");
    assert_eq!(part(3, "reason"), (json!("source unknown"), Value::Null));
    assert_eq!(part(4, "decision"), (json!("opened"), json!("rejected")), "its source is not known any more");
    assert_eq!(changed[4]["id"], "w");
    assert_eq!(shadow["effects"]["opened"], json!([4, 3]));
    assert_eq!(shadow["effects"]["rejected"], json!([2, 2]), "a line without an id is no line of any city");
    let classes: Vec<_> = shadow["classes"]
        .as_array()
        .expect("classes")
        .iter()
        .map(|share| {
            (
                share["code"].as_str().expect("a code"),
                share["changed"].as_u64().expect("a number"),
                share["records"].as_u64().expect("a number"),
            )
        })
        .collect();
    assert_eq!(classes, [("01037", 3, 4), ("01001", 1, 1), ("06042", 1, 1)]);
    assert!(told.contains("#1 12345 lamp: department D-CONSTR → D-WATER, tier district → street"), "{told}");
    assert!(told.contains("5 条决定会改变"), "{told}");
}

#[test]
fn lines_in_a_shape_of_their_own_are_read_by_the_shape_of_the_other_city() {
    let folder = tempfile::tempdir().expect("a folder");
    let message = |id: u32, label: &str| json!({"id": id, "source": if id == 1 { "电话" } else { "12345" }, "title": "路灯", "text": "不亮", "time": "2026-03-06T09:00:00", "label": label, "kind_of": "06042"});
    let input = lines(&[message(1, "01037"), message(2, "99999"), json!({"title": "没有编号"})]);
    let data = ran_with(folder.path(), input, &["--source", "messages"]);
    let (same, told) = shadow(folder.path(), &data, commented);
    assert_eq!((&same["records"], &same["changed"]), (&3.into(), &0.into()), "{told}");
    let (other, told) = shadow(folder.path(), &data, |_, text| text.replace("[\"/label\"]", "[\"/kind_of\"]"));
    let classes: Vec<_> =
        other["examples"].as_array().expect("examples").iter().map(|one| &one["now"]["class"]).collect();
    assert_eq!(classes, ["06042", "06042"], "{told}");
}

#[test]
fn what_cannot_be_shadowed_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let city = folder.path().join("next");
    write_city(&city, commented);
    let nowhere = folder.path().join("nowhere");
    let output = paidan(&["replay", path(&nowhere), "--city", path(&city)]);
    assert_ne!(output.status.code(), Some(0));
    let data = ran(folder.path(), lines(&[report("1", 0, json!({"category": "01037"}))]));
    write_city(&city, |name, text| {
        if name == "duty.csv" {
            "class,scope,where,department,tier\n01037,block,,D-WATER,district\n".to_owned()
        } else {
            text.to_owned()
        }
    });
    let output = paidan(&["replay", path(&data), "--city", path(&city)]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
}
