//! The review desk: what the machine left to people, in the order in which it presses, each to one of them, and what they rule.

#[path = "common/service.rs"]
mod service;

use std::process::Command;

use serde_json::{Value, json};
use service::Service;
use tempfile::TempDir;

const JSON: &str = "application/json";

fn folder() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder in target")
}

fn paidan(arguments: &[&str]) -> String {
    let told = Command::new(env!("CARGO_BIN_EXE_paidan")).args(arguments).output();
    let told = told.expect("it starts");
    assert!(told.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&told.stderr));
    String::from_utf8(told.stdout).expect("text")
}

/// Says something through a door, and gives its receipt.
#[track_caller]
fn say(service: &Service, path: &str, said: &Value) -> Value {
    let answer = service.ask("POST", path, &[("Content-Type", JSON)], said.to_string().as_bytes());
    answer.json()
}

fn take(service: &Service, asked: &str) -> Value {
    let answer = service.ask("POST", &format!("/v1/review/take?{asked}"), &[], b"");
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The cases of the queue, in its order.
fn queue(service: &Service) -> Vec<u64> {
    let page = service.get("/v1/review").json();
    let cases = page["cases"].as_array().expect("cases");
    assert_eq!(page["total"], cases.len(), "{page}");
    cases.iter().map(|case| case["case"].as_u64().expect("a case")).collect()
}

#[test]
fn people_take_what_presses_most_and_what_they_rule_is_dispatched() {
    let folder = folder();
    let service = Service::start(folder.path());
    let unclear = |id: &str, urgency: &str, more: Value| {
        let mut said = json!({"source": "12345", "id": id, "text": "请来看看", "urgency": urgency});
        said.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let receipt = say(&service, "/v1/reports", &said);
        assert_eq!(receipt["answer"], "review", "{receipt}");
        receipt["case"].as_u64().expect("a case")
    };
    let here = json!({"lng": 121.5, "lat": 31.2});
    let routine = unclear("1", "C", here.clone());
    let nowhere = unclear("2", "C", json!({"category": "01037"}));
    let urgent = unclear("3", "A", here.clone());
    let important = unclear("4", "B", here);
    // A lamp is important by its class.
    assert_eq!(queue(&service), [urgent, nowhere, important, routine]);

    // Two people never get the same; who asks again gets the own one again, and the next one behind it.
    let of = |taken: &Value| taken["case"]["case"].as_u64();
    let first = take(&service, "by=zhang");
    assert_eq!((of(&first), &first["case"]["order"]), (Some(urgent), &json!(format!("{urgent}-0"))), "{first}");
    assert_eq!(of(&take(&service, "by=li")), Some(nowhere));
    assert_eq!(of(&take(&service, "by=zhang")), Some(urgent));
    assert_eq!(of(&take(&service, &format!("by=zhang&after={urgent}"))), Some(important));
    assert_eq!(of(&take(&service, "by=wang")), Some(routine));
    assert_eq!(of(&take(&service, "by=zhao")), None);
    let held: Vec<Value> = service.get("/v1/review").json()["cases"].as_array().expect("cases").clone();
    assert_eq!(
        held.iter().map(|case| case["held_by"].as_str()).collect::<Vec<_>>(),
        [Some("zhang"), Some("li"), Some("zhang"), Some("wang")]
    );

    // What is said must be known, and the case must be as it was.
    let rule = |id: &str, more: Value| {
        let mut said = json!({"source": "desk", "id": id, "kind": "ruling", "actor": "zhang"});
        said.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        say(&service, "/v1/rulings", &said)
    };
    let order = |case: u64| format!("{case}-0");
    let refused = rule("r1", json!({"order": order(urgent), "category": "怪事"}));
    assert_eq!((&refused["answer"], &refused["field"]), (&json!("refused"), &json!("category")), "{refused}");
    let refused = rule("r2", json!({"order": order(urgent), "lng": 120.0, "lat": 30.0}));
    assert_eq!((&refused["reason"], &refused["field"]), (&json!("outside_district"), &json!("lng")), "{refused}");
    for (more, field, reason) in [
        (json!({"category": "90001", "condition": "怪事"}), "condition", "unknown"),
        (json!({"condition": "缺失、移位且有危险"}), "category", "missing"),
    ] {
        let mut said = json!({"order": order(urgent)});
        said.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let refused = rule("r2c", said);
        assert_eq!((&refused["field"], &refused["reason"]), (&json!(field), &json!(reason)), "{refused}");
    }
    let complaint = json!({"source": "app", "id": "c1", "text": "请来看看", "against": "没有这个单位"});
    let refused = say(&service, "/v1/reports", &complaint);
    assert_eq!((&refused["field"], &refused["reason"]), (&json!("against"), &json!("unknown")), "{refused}");
    let foreign =
        say(&service, "/v1/rulings", &json!({"source": "app", "id": "r3", "kind": "ruling", "order": order(urgent)}));
    assert_eq!(foreign["reason"], "not_allowed", "{foreign}");
    let ruled = rule("r4", json!({"order": order(urgent), "category": "90001"}));
    assert_eq!((&ruled["answer"], &ruled["case"]), (&json!("ruled"), &json!(urgent)), "{ruled}");
    assert!(ruled["order"] == format!("{urgent}-1") && ruled["unit"].is_string(), "{ruled}");
    let late = rule("r5", json!({"order": order(urgent), "category": "01037"}));
    assert_eq!((&late["answer"], &late["reason"]), (&json!("refused"), &json!("superseded")), "{late}");
    let placed = rule("r6", json!({"order": order(nowhere), "lng": 121.52, "lat": 31.21}));
    assert_eq!(placed["answer"], "ruled", "{placed}");
    let case = service.get(&format!("/v1/cases/{nowhere}")).json();
    assert_eq!((&case["stage"], &case["class"]), (&json!("assigned"), &json!("01037")), "{case}");
    assert!(case["cell"].is_string() && case["lng"] == 121.52, "{case}");
    assert_eq!(queue(&service), [important, routine]);
    // The cell on the map counts it from now on.
    let cells = service.get("/v1/cells").json();
    let counts =
        cells["features"].as_array().expect("cells").iter().find(|cell| cell["properties"]["cell"] == case["cell"]);
    assert_eq!(counts.expect("the cell")["properties"]["open"], 1, "{cells}");
    assert_eq!(service.ask("POST", "/v1/review/take?by=", &[], b"").status, 400);
    assert_eq!(service.get("/v1/review?area=nowhere").status, 400);

    // It is in the log: explained, decided again, and shown again after a restart.
    let explained = service.get(&format!("/v1/explain/{urgent}?lang=en"));
    assert!(explained.text().contains("90001") && explained.text().contains("ruled"), "{explained:?}");
    service.kill();
    let service = Service::start(folder.path());
    assert_eq!(queue(&service), [important, routine]);
    assert_eq!(service.get(&format!("/v1/cases/{nowhere}")).json(), case);
    assert_eq!(take(&service, "by=zhao")["case"]["case"], important);
    assert_eq!(service.end().0, Some(0));
    let data = folder.path().to_str().expect("UTF-8");
    let rulings = paidan(&["inspect", data, "--kind", "ruling"]);
    assert_eq!(rulings.lines().count(), 3, "{rulings}");
    // The one ruling on a class is a message to train on; the place of a lamp is none.
    let file = folder.path().join("corrections.jsonl");
    let counted = paidan(&["corrections", data, "--json", "--out", file.to_str().expect("UTF-8")]);
    let counted: Value = serde_json::from_str(&counted).expect("JSON");
    let share = json!({"by": "model", "class": null, "ruled": 1, "right": 0});
    assert_eq!((&counted["messages"], &counted["shares"]), (&json!(1), &json!([share])), "{counted}");
    let lines = std::fs::read_to_string(&file).expect("it is written");
    let line: Value = serde_json::from_str(&lines).expect("one line");
    let expected = json!({"title": null, "text": "请来看看", "label": "90001", "group": format!("case {urgent}"), "thought": null,
        "by": "model", "record": line["record"], "actor": "zhang"});
    assert_eq!(line, expected);
    let told = paidan(&["explain", &nowhere.to_string(), "--lang", "en", "--data", data]);
    assert!(told.contains("ruled") && told.contains("people decided"), "{told}");
}

/// Makes a key for a role.
fn key(data: &std::path::Path, role: &str) -> String {
    let data = data.to_str().expect("UTF-8");
    format!("Bearer {}", paidan(&["keys", "add", "--data", data, "--role", role]).trim())
}

#[test]
fn only_the_desk_takes_and_rules() {
    let folder = folder();
    let [desk, dispatch, read] = ["desk", "dispatch", "read"].map(|role| key(folder.path(), role));
    let app = paidan(&["keys", "add", "--data", folder.path().to_str().expect("UTF-8"), "--source", "app"]);
    let app = format!("Bearer {}", app.trim());
    let service = Service::start(folder.path());
    let ask = |key: &str, path: &str, body: &Value| {
        service.ask("POST", path, &[("Content-Type", JSON), ("Authorization", key)], body.to_string().as_bytes())
    };
    let said =
        ask(&app, "/v1/reports", &json!({"source": "app", "id": "1", "text": "请来看看", "lng": 121.5, "lat": 31.2}));
    assert_eq!(said.json()["answer"], "review", "{said:?}");
    let ruling = json!({"source": "desk", "id": "r1", "kind": "ruling", "order": "1-0", "category": "01037"});
    for other in [&dispatch, &read, &app] {
        assert_eq!(ask(other, "/v1/review/take?by=li", &Value::Null).status, 403);
        let refused = ask(other, "/v1/rulings", &ruling);
        assert!(refused.status == 403 || refused.json()["reason"] == "not_allowed", "{refused:?}");
    }
    let page = |path: &str| {
        let answer = service.ask("GET", path, &[("Authorization", &desk), ("Accept", JSON)], b"");
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    };
    // All that the page asks for.
    assert!(page("/v1/names")["classes"].is_array() && page("/v1/explain/1")["case"].is_object());
    assert_eq!(page("/v1/review")["total"], 1);
    assert_eq!(ask(&desk, "/v1/review/take?by=li", &Value::Null).json()["case"]["order"], "1-0");
    assert_eq!(ask(&desk, "/v1/rulings", &ruling).json()["answer"], "ruled");
    let close = json!({"source": "desk", "id": "c1", "kind": "action", "action": "close", "order": "1-1"});
    assert_eq!(
        ask(&desk, "/v1/actions", &close).json()["reason"],
        "wrong_state",
        "it may, and the order is still open"
    );
    assert_eq!(page("/v1/review")["total"], 0);
}

#[test]
fn corrections_are_counted_by_what_had_said_the_class() {
    let folder = folder();
    let (file, data) = (folder.path().join("day.ndjson"), folder.path().join("data"));
    let report = |id: &str, more: Value| {
        let mut said = json!({"source": "12345", "id": id, "ts": 1_767_225_600_000_i64});
        said.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        said.to_string()
    };
    let ruling = |id: &str, case: u64, class: &str| {
        json!({"source": "desk", "id": id, "kind": "ruling", "order": format!("{case}-0"), "category": class, "lng": 121.5, "lat": 31.2}).to_string()
    };
    let lines = [
        report("1", json!({"title": "路灯", "text": "门口的路灯不亮"})),
        report("2", json!({"text": "门口的路灯不亮"})),
        report("3", json!({"category": "06028"})),
        report("4", json!({})),
        ruling("r1", 1, "01037"),
        ruling("r2", 2, "01038"),
        ruling("r3", 3, "06028"),
        ruling("r4", 4, "06028"),
        // Decided already, so nothing is learned from it.
        ruling("r5", 1, "06028"),
    ];
    std::fs::write(&file, lines.join("\n") + "\n").expect("written");
    let [file, data] = [&file, &data].map(|path| path.to_str().expect("UTF-8"));
    paidan(&["run", "-q", "--out", "/dev/null", "--data", data, file]);
    let out = folder.path().join("corrections.jsonl");
    let counted = paidan(&["corrections", data, "--json", "--out", out.to_str().expect("UTF-8")]);
    let counted: Value = serde_json::from_str(&counted).expect("JSON");
    let shares = counted["shares"].as_array().expect("shares");
    let rule = shares[0]["by"]["rule"].as_u64().expect("a rule is first: it was ruled on twice");
    let keywords = include_str!("../src/city/pudong/keywords.csv").lines().nth(rule as usize - 1).expect("its line");
    assert!(keywords.contains("路灯") && keywords.contains("01037"), "{keywords}");
    let figures: Vec<_> = shares.iter().map(|share| [&share["class"], &share["ruled"], &share["right"]]).collect();
    assert_eq!(figures[0], [&json!("01037"), &json!(2), &json!(1)]);
    assert!(figures.contains(&[&json!("06028"), &json!(1), &json!(1)]), "{counted}");
    assert!(figures.contains(&[&Value::Null, &json!(1), &json!(0)]), "{counted}");
    assert_eq!((&counted["messages"], &counted["without_words"]), (&json!(2), &json!(2)));
    let lines = std::fs::read_to_string(&out).expect("it is written");
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told: Vec<_> =
        lines.iter().map(|line| [&line["title"], &line["text"], &line["label"], &line["thought"]]).collect();
    let text = json!("门口的路灯不亮");
    assert_eq!(told[0], [&json!("路灯"), &text, &json!("01037"), &json!("01037")]);
    assert_eq!(told[1], [&Value::Null, &text, &json!("01038"), &json!("01037")]);
    let words = paidan(&["corrections", data]);
    assert!(words.contains(&format!("规则 rule keywords.csv:{rule} → 01037: 裁定 ruled 2, 属实 right 1")), "{words}");
}
