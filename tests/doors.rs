//! The doors of the service as strangers meet them: what is described, events of others, keys and limits.

#[path = "common/pudong.rs"]
mod pudong;
#[path = "common/schema.rs"]
mod schema;
#[path = "common/service.rs"]
mod service;

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use pudong::write_city;
use serde_json::{Value, json};
use service::{Answer, Service, connect};
use tempfile::TempDir;

const LINES: &str = "application/x-ndjson";
const JSON: &str = "application/json";
const EVENT: &str = "application/cloudevents+json";
const EVENTS: &str = "application/cloudevents-batch+json";

/// Headers of a request.
type Headers<'a> = &'a [(&'a str, &'a str)];

fn folder() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder in target")
}

fn report(id: &str, east: usize) -> Value {
    let lng = 121.5 + (east % 400) as f64 * 0.0005;
    json!({"source": "app", "id": id, "lng": lng, "lat": 31.2, "category": "01037", "text": "路灯不亮"})
}

#[track_caller]
fn paidan(arguments: &[&str], data: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paidan"));
    command.args(arguments).arg("--data").arg(data).output().expect("it starts")
}

/// Makes a key.
#[track_caller]
fn key(data: &Path, arguments: &[&str]) -> String {
    let made = paidan(&[&["keys", "add"], arguments].concat(), data);
    assert!(made.status.success(), "{made:?}");
    String::from_utf8(made.stdout).expect("text").trim().to_owned()
}

/// The name of the key that was made last.
fn last_key(data: &Path) -> String {
    let listed = paidan(&["keys", "list"], data);
    let listed = String::from_utf8(listed.stdout).expect("text");
    listed.lines().last().and_then(|line| line.split(' ').next()).expect("a key").to_owned()
}

fn verify(data: &Path) {
    let verify = Command::new(env!("CARGO_BIN_EXE_paidan")).arg("verify").arg(data).output().expect("it starts");
    assert!(verify.status.success(), "{}", String::from_utf8_lossy(&verify.stderr));
}

/// An answer is one that the description knows.
#[track_caller]
fn check(document: &Value, path: &str, method: &str, answer: &Answer) {
    let operation = &document["paths"][path][method];
    let response = &operation["responses"][answer.status.to_string()];
    assert!(response.is_object(), "{method} {path}: {} is not documented: {answer:?}", answer.status);
    let kind = answer.header("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    let Some(content) = response.get("content") else {
        assert!(answer.body.is_empty(), "{method} {path}: {answer:?}");
        return;
    };
    assert!(content[kind].is_object(), "{method} {path}: {kind} is not documented");
    if kind.ends_with("json") && kind != "application/x-ndjson" {
        let fits = schema::check(document, &content[kind]["schema"], &answer.json());
        assert!(fits.is_ok() || content[kind]["schema"] == json!({"type": "object"}), "{method} {path}: {fits:?}");
    }
}

#[test]
fn what_is_answered_is_what_is_described() {
    let folder = folder();
    let service = Service::start(folder.path());
    let document = service.get("/v1/openapi.json").json();
    let say = |path: &str, kind: &str, body: &[u8]| {
        let answer = service.ask("POST", path, &[("Content-Type", kind)], body);
        check(&document, path, "post", &answer);
        answer
    };
    let said = [
        report("1", 0),
        report("1", 0),
        report("2", 0),
        json!({"source": "app", "id": "3", "category": "01037"}),
        json!({"source": "app", "id": "4", "ts": 1}),
        json!({"source": "app"}),
        json!({"source": "nobody", "id": "5"}),
        json!({"source": "departments", "kind": "action", "id": "6", "action": "accept", "order": "1-1"}),
        json!({"source": "departments", "kind": "action", "id": "7", "action": "done", "order": "7-9"}),
        json!({"source": "departments", "kind": "action", "id": "8", "action": "done", "order": "1-1"}),
        json!({"source": "departments", "kind": "action", "id": "9", "action": "close", "order": "1-1"}),
        json!({"source": "departments", "kind": "action", "id": "10", "action": "close", "order": "1-1"}),
        json!(7),
    ];
    for one in &said {
        say("/v1/reports", JSON, one.to_string().as_bytes());
    }
    let all = say("/v1/actions", JSON, json!(said).to_string().as_bytes());
    assert_eq!(all.json()["receipts"].as_array().map(Vec::len), Some(said.len()));
    let units = service.get("/v1/units?limit=1").json();
    let unit = units["units"][0]["unit"].as_str().expect("a unit").to_owned();
    let off = json!({"source": "departments", "kind": "unit", "id": "11", "unit": unit, "status": "off"});
    let answer = say("/v1/units", JSON, off.to_string().as_bytes()).json();
    assert!(answer["answer"] == "unit" || answer["reason"] == "not_allowed", "{answer}");
    for (kind, body) in [(JSON, &b"[1,"[..]), ("text/plain", b"{}"), (LINES, b"{}\n\n{"), (EVENT, b"{}")] {
        say("/v1/reports", kind, body);
    }
    let page = service.get("/");
    let file = page.text().split('"').find(|word| word.starts_with("/page/")).expect("the page names its files");
    let paths = document["paths"].as_object().expect("paths");
    for path in paths.keys().filter(|path| !["/v1/live", "/v1/events"].contains(&path.as_str())) {
        let asked = path.replace("/page/{version}/{name}", file);
        let asked = asked.replace("{number}", "1").replace("{name}", "app%2F1").replace("{order}", "1-1");
        if document["paths"][path]["get"].is_object() {
            let answer = service.get(&asked);
            assert_eq!(answer.status, 200, "{asked}: {answer:?}");
            check(&document, path, "get", &answer);
        }
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            if document["paths"][path][method.to_lowercase()].is_null() {
                let answer = service.ask(method, &asked, &[], b"");
                assert_eq!(answer.status, 405, "{method} {path}");
                assert!(answer.header("allow").is_some(), "{method} {path}: {answer:?}");
            }
        }
    }
    for (path, asked, status) in [
        ("/v1/cases", "/v1/cases?limit=x", 400),
        ("/v1/cases", "/v1/cases?limit=1001", 400),
        ("/v1/cases", "/v1/cases?stage=review&urgency=C", 200),
        ("/v1/cases", "/v1/cases?stage=none", 400),
        ("/v1/cases/{number}", "/v1/cases/x", 400),
        ("/v1/cases/{number}", "/v1/cases/99", 404),
        ("/v1/orders", "/v1/orders?stage=done&limit=1", 200),
        ("/v1/orders", "/v1/orders?area=none", 400),
        ("/v1/orders/{order}", "/v1/orders/x", 400),
        ("/v1/orders/{order}", "/v1/orders/1-9", 404),
        ("/v1/reports/{name}", "/v1/reports/nobody", 404),
        ("/v1/reports/{name}", "/v1/reports/%ff", 400),
        ("/v1/units", "/v1/units?after=nobody", 400),
        ("/v1/explain/{name}", "/v1/explain/nobody", 404),
        ("/v1/explain/{name}", "/v1/explain/%ff", 400),
        ("/v1/events", "/v1/events?from=x", 400),
    ] {
        let answer = service.get(asked);
        assert_eq!(answer.status, status, "{asked}");
        check(&document, path, "get", &answer);
    }
    let told = service.ask("GET", "/v1/explain/1", &[("Accept", JSON)], b"");
    check(&document, "/v1/explain/{name}", "get", &told);
    // A snapshot is Live and what the city names.
    let mut stream = connect(service.http).expect("connected");
    stream.write_all(b"GET /v1/live HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("written");
    let text = read_until(&mut stream, |text| {
        text.split("event: snapshot").nth(1).is_some_and(|rest| rest.contains("\n\n\r\n"))
    });
    let data = text.lines().find_map(|line| line.strip_prefix("data: ")).expect("data");
    let live: Value = serde_json::from_str(data).expect("JSON");
    schema::check(&document, &json!({"$ref": "#/components/schemas/Snapshot"}), &live).expect("as described");
    // The check itself can fail.
    assert!(schema::check(&document, &json!({"$ref": "#/components/schemas/Receipt"}), &json!({"line": 1})).is_err());
    assert_eq!(service.end().0, Some(0));
    verify(folder.path());
}

/// Whoever sent a report finds what became of it by its tracking number, and a crew its order by its name.
#[test]
fn reports_and_orders_are_found_by_their_names() {
    let folder = folder();
    let service = Service::start(folder.path());
    let said = json!([
        report("1", 0),
        report("2", 0),
        report("1", 0),
        json!({"source": "app", "id": "3", "text": "在哪里"}),
        json!({"source": "app", "id": "4", "ts": "1999"}),
    ]);
    let said = service.ask("POST", "/v1/reports", &[("Content-Type", JSON)], said.to_string().as_bytes()).json();
    let receipts = said["receipts"].as_array().expect("receipts");
    let told = |name: &str| {
        let answer = service.get(&format!("/v1/reports/{name}"));
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        answer.json()["reports"].as_array().expect("reports").clone()
    };
    for (receipt, name) in receipts.iter().zip(["%231", "app%2F2", "%233", "app%2F3", "%235"]) {
        let of = told(name);
        assert_eq!(of.len(), 1, "{name}");
        let mut alone = receipt.clone();
        alone["line"] = json!(1);
        assert_eq!(of[0]["receipt"], alone, "{name}");
        if let Some(tracking) = receipt["tracking"].as_str() {
            // Of a duplicate, it is that of the first.
            let first = &told(tracking)[0]["receipt"];
            assert!(first["tracking"] == tracking && first["answer"] != "duplicate", "{first:?}");
        }
    }
    let order = receipts[0]["order"].as_str().expect("an order");
    let orders = service.get("/v1/orders").json();
    assert_eq!(orders["orders"].as_array().map(Vec::len), Some(1), "{orders}");
    let one = service.get(&format!("/v1/orders/{order}")).json();
    assert_eq!(one, orders["orders"][0]);
    assert_eq!((&one["unit"], &one["department"]), (&receipts[0]["unit"], &receipts[0]["department"]));
    let accept = json!({"source": "departments", "kind": "action", "id": "5", "action": "accept", "order": order});
    service.ask("POST", "/v1/actions", &[("Content-Type", JSON)], accept.to_string().as_bytes());
    assert_eq!(service.get("/v1/orders?stage=accepted").json()["orders"][0]["order"], order);
    let back = json!({"source": "departments", "kind": "action", "id": "6", "action": "return", "order": order});
    service.ask("POST", "/v1/actions", &[("Content-Type", JSON)], back.to_string().as_bytes());
    let gone = service.get(&format!("/v1/orders/{order}"));
    assert_eq!(gone.status, 404);
    assert!(gone.text().contains("/v1/explain/1-1"), "{gone:?}");
    assert_eq!(service.end().0, Some(0));
}

/// Reads until enough has come.
#[track_caller]
fn read_until(stream: &mut impl Read, is_enough: impl Fn(&str) -> bool) -> String {
    let (mut bytes, mut piece) = (Vec::new(), [0; 65536]);
    loop {
        let read = stream.read(&mut piece).expect("the stream goes on");
        assert!(read > 0, "it ended: {}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&piece[..read]);
        if std::str::from_utf8(&bytes).is_ok_and(&is_enough) {
            return String::from_utf8(bytes).expect("text");
        }
    }
}

#[test]
fn events_of_others_become_reports() {
    let folder = folder();
    let service = Service::start(folder.path());
    let data = json!({"lng": 121.53, "lat": 31.21, "category": "01037"});
    let event =
        |id: &str, source: &str| json!({"specversion": "1.0", "type": "t", "id": id, "source": source, "data": data});
    let post = |path: &str, headers: &[(&str, &str)], body: &Value| {
        service.ask("POST", path, headers, body.to_string().as_bytes())
    };
    let first = post("/v1/reports", &[("Content-Type", EVENT)], &event("1", "/city/app"));
    assert_eq!(
        (first.status, &first.json()["answer"], &first.json()["id"]),
        (200, &json!("opened"), &json!("/city/app#1"))
    );
    // Binary, the same event; and another one under the same id.
    let binary = [
        ("Content-Type", JSON),
        ("ce-specversion", "1.0"),
        ("ce-type", "t"),
        ("ce-id", "1"),
        ("ce-source", "/city/app"),
    ];
    let again = post("/v1/reports", &binary, &data).json();
    assert_eq!((&again["answer"], &again["tracking"]), (&json!("duplicate"), &first.json()["tracking"]));
    let other = post("/v1/reports?source=app", &[("Content-Type", EVENT)], &event("1", "urn:somebody:else")).json();
    assert_eq!((&other["answer"], &other["source"]), (&json!("merged"), &json!("app")));
    // The city's own name adds nothing to the id.
    let plain = post("/v1/reports", &[("Content-Type", EVENT)], &event("p", "app")).json();
    let known = service.post(JSON, json!({"source": "app", "id": "p", "lng": 121.53}).to_string().as_bytes()).json();
    assert_eq!(plain["id"], "p");
    assert_eq!(known["reason"], "missing", "{known}");
    let said = service.post(JSON, report("p", 0).to_string().as_bytes()).json();
    assert_eq!((&said["answer"], &said["conflict"]), (&json!("duplicate"), &json!(true)));
    // When it happened.
    let old = post(
        "/v1/reports",
        &[("Content-Type", EVENT)],
        &json!({"specversion": "1.0", "type": "t", "id": "2", "source": "app", "time": "2001-01-01T00:00:00Z", "data": data}),
    );
    assert_eq!((old.status, &old.json()["reason"]), (422, &json!("late")));
    // A batch, and one that is wrong somewhere: nothing of that is taken.
    let before = service.get("/v1/summary").json()["next"].clone();
    let wrong = json!([event("3", "app"), {"specversion": "1.0"}]);
    let answer = post("/v1/reports", &[("Content-Type", EVENTS)], &wrong);
    assert!(answer.status == 400 && answer.text().contains("event 2"), "{answer:?}");
    let hostile: [(Headers<'_>, Vec<u8>); 8] = [
        (&[("Content-Type", EVENT)], b"{".repeat(100_000)),
        (&[("Content-Type", EVENT)], b"[".repeat(100_000)),
        (&[("Content-Type", EVENTS)], b"{}".to_vec()),
        (&[("Content-Type", EVENTS)], [&b"["[..], &b"[".repeat(100_000)].concat()),
        (&[("Content-Type", EVENT)], b"\xff\xfe".to_vec()),
        (&[("Content-Type", JSON), ("ce-specversion", "1.0")], b"{}".to_vec()),
        (&[("Content-Type", JSON), ("ce-specversion", "1.0"), ("ce-id", "%GG")], b"{}".to_vec()),
        (&[("Content-Type", EVENT)], event("4", "app").to_string().replace("\"1.0\"", "\"1.0\\ud800\"").into_bytes()),
    ];
    for (headers, body) in hostile {
        let answer = service.ask("POST", "/v1/reports", headers, &body);
        assert_eq!(answer.status, 400, "{headers:?}: {answer:?}");
    }
    assert_eq!(service.get("/v1/summary").json()["next"], before);
    let mut both = event("6", "app");
    both["data"]["id"] = json!("7");
    let answer = post("/v1/reports", &[("Content-Type", EVENT)], &both);
    assert_eq!((answer.status, &answer.json()["reason"]), (422, &json!("repeated")), "an event has one id");
    let batch = json!([event("8", "app"), event("8", "app"), event("9", "nobody")]);
    let answer = post("/v1/reports", &[("Content-Type", EVENTS)], &batch).json();
    let answers: Vec<_> = answer["receipts"].as_array().expect("receipts").iter().map(|one| &one["answer"]).collect();
    assert_eq!(answers, ["merged", "duplicate", "refused"]);
    assert_eq!(service.end().0, Some(0));
    verify(folder.path());
}

/// One request with a key.
fn with_key(service: &Service, key: &str, method: &str, path: &str, body: &[u8]) -> Answer {
    service.ask(method, path, &[("Content-Type", LINES), ("Authorization", &format!("Bearer {key}"))], body)
}

/// What is answered to lines at the door for lines.
fn receipts(service: &Service, lines: &str) -> Vec<String> {
    let receipts = service.lines(lines.as_bytes());
    receipts
        .iter()
        .map(|one| one["answer"].as_str().or(one["error"]["en"].as_str()).expect("text").to_owned())
        .collect()
}

#[test]
fn a_key_opens_what_it_is_for_and_nothing_else() {
    let folder = folder();
    let data = folder.path();
    let app = key(data, &["--source", "app"]);
    let dispatch = key(data, &["--role", "dispatch"]);
    let read = key(data, &["--role", "read"]);
    let admin = key(data, &["--role", "admin"]);
    let service = Service::start(data);
    let report = report("r", 0).to_string() + "\n";
    let foreign = report.replace("\"app\"", "\"12345\"");
    let action = json!({"source": "departments", "kind": "action", "id": "a", "action": "accept", "order": "9-9"})
        .to_string()
        + "\n";
    let none = "paidan_0000000000000000000000000000000000000000000000000000000000000000";
    let cases: [(&str, [u16; 4]); 6] = [
        // reports, cases, metrics, events of nowhere
        (&app, [200, 403, 403, 403]),
        (&dispatch, [200, 403, 403, 403]),
        (&read, [403, 200, 200, 400]),
        (&admin, [200, 200, 200, 400]),
        (none, [401, 401, 401, 401]),
        ("", [401, 401, 401, 401]),
    ];
    for (key, expected) in cases {
        let told = [
            with_key(&service, key, "POST", "/v1/reports", b""),
            with_key(&service, key, "GET", "/v1/cases", b""),
            with_key(&service, key, "GET", "/metrics", b""),
            with_key(&service, key, "GET", "/v1/events?from=x", b""),
        ];
        assert_eq!(told.each_ref().map(|answer| answer.status), expected, "{key}: {told:?}");
        for refused in told.iter().filter(|answer| [401, 403].contains(&answer.status)) {
            let error = &refused.json()["error"];
            assert!(error["zh"].is_string() && error["en"].is_string(), "{error}");
        }
    }
    assert!(service.get("/v1/cases").header("www-authenticate").is_some());
    for open in ["/livez", "/readyz", "/", "/v1/docs", "/v1/openapi.json"] {
        assert_eq!(service.get(open).status, 200, "{open}");
    }
    // Line by line: which lines a key may say.
    let said = |key: &str, body: &str| -> (String, String) {
        let receipt = with_key(&service, key, "POST", "/v1/reports", body.as_bytes()).json();
        let text = |name: &str| receipt[name].as_str().unwrap_or_default().to_owned();
        (text("answer"), text("field"))
    };
    let pair = |answer: &str, field: &str| (answer.to_owned(), field.to_owned());
    assert_eq!(said(&app, &report), pair("opened", ""));
    assert_eq!(said(&app, &foreign), pair("refused", "source"));
    assert_eq!(said(&app, &action), pair("refused", "source"));
    assert_eq!(said(&dispatch, &report), pair("refused", "kind"));
    assert_eq!(said(&dispatch, &action), pair("refused", ""), "there is no such order, but it may say so");
    assert_eq!(said(&admin, &foreign).0, "merged");
    assert_eq!(with_key(&service, &app, "POST", "/v1/reports?source=12345", b"").status, 403);
    assert_eq!(said(&app, "{\"id\":\"own\",\"category\":\"01037\"}\n").0, "review", "the key says whose it is");
    // A line that is turned away is counted for whose key it was; one of `dispatch`, for whom it named.
    let sources = with_key(&service, &read, "GET", "/v1/summary", b"").json()["sources"].clone();
    assert_eq!((&sources["app"]["rejected"], &sources["12345"]["rejected"]), (&json!(3), &json!(0)), "{sources}");
    // The door for lines.
    let shown = |key: &str| json!({"key": key}).to_string() + "\n";
    assert_eq!(receipts(&service, &(shown(&app) + &report + &foreign)), ["duplicate", "refused"]);
    for (lines, why) in [
        (report.clone(), "a key is needed"),
        (shown(none) + &report, "not known"),
        (shown(&read) + &report, "not for that"),
        ("{\"key\":1}\n".to_owned(), "a key is needed"),
    ] {
        let told = receipts(&service, &lines);
        assert!(told.len() == 1 && told[0].contains(why), "{lines}: {told:?}");
    }
    // The guard against pages of others holds with a key, too.
    let bearer = format!("Bearer {admin}");
    for (header, value) in [("Host", "example.org"), ("Origin", "http://example.org")] {
        let answer = service.ask("GET", "/v1/cases", &[(header, value), ("Authorization", &bearer)], b"");
        assert_eq!(answer.status, 403, "{header}");
    }
    let figures = with_key(&service, &read, "GET", "/metrics", b"");
    for (reason, expected) in [("no_key", 7), ("unknown_key", 5), ("not_allowed", 9)] {
        let line =
            figures.text().lines().find(|line| line.contains(&format!("reason=\"{reason}\""))).expect("a figure");
        let count: u64 = line.rsplit(' ').next().and_then(|count| count.parse().ok()).expect("a number");
        assert_eq!(count, expected, "{line}");
    }
    // A stream and a connection end when their key does.
    let mut stream = connect(service.http).expect("connected");
    write!(stream, "GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {admin}\r\n\r\n")
        .expect("written");
    read_until(&mut stream, |text| text.contains("\n:\n\n"));
    let mut sender = connect(service.tcp).expect("connected");
    sender.write_all((shown(&admin) + &report).as_bytes()).expect("written");
    read_until(&mut sender, |text| text.contains("duplicate"));
    let name = last_key(data);
    assert!(paidan(&["keys", "revoke", &name], data).status.success());
    assert_eq!(with_key(&service, &admin, "GET", "/v1/cases", b"").status, 401);
    let mut told = String::new();
    sender.write_all(report.as_bytes()).expect("written");
    sender.read_to_string(&mut told).expect("it ends");
    assert!(told.contains("not known") && !told.contains("answer"), "{told}");
    with_key(&service, &app, "POST", "/v1/reports", report.replace("\"r\"", "\"news\"").as_bytes());
    let mut told = String::new();
    stream.read_to_string(&mut told).expect("it ends");
    assert!(!told.contains("news"), "{told}");
    let (code, said) = service.end();
    assert_eq!(code, Some(0));
    verify(data);
    for key in [&app, &dispatch, &read, &admin] {
        assert!(!said.contains(key.as_str()), "a key is in what the service said");
        assert!(!is_in(data, key.as_bytes()), "a key is in the folder");
    }
}

/// Whether some bytes are in a file of a folder.
fn is_in(folder: &Path, sought: &[u8]) -> bool {
    std::fs::read_dir(folder).expect("a folder").any(|entry| {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => is_in(&path, sought),
            false => std::fs::read(&path).expect("a file").windows(sought.len()).any(|some| some == sought),
        }
    })
}

#[test]
fn keys_that_come_and_go_are_seen_by_a_service_that_runs() {
    let folder = folder();
    let data = folder.path();
    let refused = paidan(&["keys", "add", "--source", "nobody"], data);
    assert!(
        refused.status.code() == Some(2) && String::from_utf8_lossy(&refused.stderr).contains("12345"),
        "{refused:?}"
    );
    assert_eq!(paidan(&["keys", "revoke", "x"], data).status.code(), Some(2));
    let service = Service::start(data);
    assert_eq!(service.get("/v1/cases").status, 200);
    // A line that shows a key is no report, also where none is needed.
    assert_eq!(receipts(&service, &format!("{{\"key\":\"x\"}}\n{}\n", report("1", 0))), ["opened"]);
    let mut sender = connect(service.tcp).expect("connected");
    sender.write_all((report("2", 0).to_string() + "\n").as_bytes()).expect("written");
    read_until(&mut sender, |text| text.contains("merged"));
    let admin = key(data, &["--role", "admin"]);
    assert_eq!(service.get("/v1/cases").status, 401);
    assert_eq!(with_key(&service, &admin, "GET", "/v1/cases", b"").status, 200);
    sender.write_all((report("3", 0).to_string() + "\n").as_bytes()).expect("written");
    let mut told = String::new();
    sender.read_to_string(&mut told).expect("it ends");
    assert!(told.contains("error") && !told.contains("answer"), "who came in without a key needs one now: {told}");
    let public = |at: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paidan"));
        command.args(["serve", "--http", at, "--data"]).arg(data).output().expect("it starts")
    };
    assert_eq!(service.end().0, Some(0));
    // With a key other machines are served: any host that is named, but only this service's own page.
    let service = Service::start_at(data, "0.0.0.0:0", &[]);
    let bearer = format!("Bearer {admin}");
    let ask = |headers: &[(&str, &str)]| {
        let headers = [headers, &[("Authorization", bearer.as_str())]].concat();
        service.ask("GET", "/v1/cases", &headers, b"").status
    };
    assert_eq!(ask(&[("Host", "centre.example")]), 200);
    assert_eq!(ask(&[("Host", "centre.example"), ("Origin", "https://centre.example")]), 200);
    assert_eq!(ask(&[("Host", "centre.example"), ("Origin", "https://evil.example")]), 403);
    assert_eq!(service.ask("GET", "/v1/cases", &[("Host", "centre.example")], b"").status, 401);
    assert_eq!(service.end().0, Some(0));
    std::fs::write(data.join("keys.toml"), "[[key]]\nid = 1\n").expect("written");
    let output = public("127.0.0.1:0");
    assert!(
        output.status.code() == Some(2) && String::from_utf8_lossy(&output.stderr).contains("keys.toml"),
        "{output:?}"
    );
    std::fs::remove_file(data.join("keys.toml")).expect("removed");
    let output = public("0.0.0.0:0");
    assert!(
        output.status.code() == Some(2) && String::from_utf8_lossy(&output.stderr).contains("keys add"),
        "{output:?}"
    );
}

#[test]
fn who_sends_too_much_is_told_when_to_come_again() {
    let folder = folder();
    let data = folder.path();
    let slow = key(data, &["--source", "app", "--rate-limit", "1"]);
    let other = key(data, &["--source", "app", "--rate-limit", "20"]);
    let read = key(data, &["--role", "read"]);
    let service = Service::start_at(data, "127.0.0.1:0", &["--rate-limit", "100000"]);
    let lines = |from: usize, count: usize| -> String {
        (from..from + count).map(|n| report(&format!("r{n}"), n).to_string() + "\n").collect()
    };
    let first = with_key(&service, &slow, "POST", "/v1/reports", lines(0, 300).as_bytes());
    assert_eq!(first.status, 200, "an empty bucket takes what is larger than it");
    let next = || with_key(&service, &read, "GET", "/v1/summary", b"").json()["next"].clone();
    assert_eq!(next(), 301);
    let over = with_key(&service, &slow, "POST", "/v1/reports", lines(300, 1).as_bytes());
    assert_eq!(over.status, 429);
    let again: u64 = over.header("retry-after").and_then(|seconds| seconds.parse().ok()).expect("a number");
    assert!((100..=300).contains(&again), "{again}");
    assert_eq!(next(), 301, "nothing of it was taken");
    // Over TCP what follows waits, and comes. Another key has a limit of its own.
    let begun = Instant::now();
    let mut sender = connect(service.tcp).expect("connected");
    sender.write_all((json!({"key": other}).to_string() + "\n" + &lines(300, 100)).as_bytes()).expect("written");
    read_until(&mut sender, |text| text.ends_with('\n') && text.lines().count() == 100);
    sender.write_all(lines(400, 1).as_bytes()).expect("written");
    let text = read_until(&mut sender, |text| text.ends_with('\n'));
    assert!(text.contains("\"line\":101,") && text.contains("tracking"), "{text}");
    assert!(begun.elapsed() >= Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(next(), 402);
    let figures = with_key(&service, &read, "GET", "/metrics", b"");
    let limited = |door: &str| -> u64 {
        let text = figures.text();
        let begin = format!("paidan_rate_limited_total{{door=\"{door}\"}} ");
        let count = text.lines().find_map(|line| line.strip_prefix(&begin)).expect("a figure");
        count.parse().expect("a number")
    };
    assert_eq!(limited("http"), 1);
    // The hundred may come in more than one piece, of which each but the first waits.
    assert!(limited("tcp") >= 1, "the last one waited");
    assert_eq!(service.end().0, Some(0));
    verify(data);
}

#[test]
fn what_is_known_already_is_not_sent_again() {
    let folder = folder();
    let service = Service::start(folder.path());
    service.post(JSON, report("1", 0).to_string().as_bytes());
    for path in ["/v1/cases", "/v1/cases?urgency=C", "/v1/units?limit=3", "/v1/cells", "/v1/summary"] {
        let first = service.get(path);
        let tag = first.header("etag").expect("a version").to_owned();
        let ask = |known: &str| service.ask("GET", path, &[("If-None-Match", known)], b"");
        for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
            let again = ask(&known);
            assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(tag.as_str())), "{path}");
        }
        assert_eq!(ask("\"x\"").status, 200);
        service.post(JSON, report(path, 1).to_string().as_bytes());
        let changed = ask(&tag);
        assert_eq!(changed.status, 200, "{path}");
        assert_ne!(changed.header("etag"), Some(tag.as_str()));
    }
    let tag = service.get("/v1/summary").header("etag").expect("a version").to_owned();
    assert_eq!(service.end().0, Some(0));
    let service = Service::start(folder.path());
    assert_eq!(service.ask("GET", "/v1/summary", &[("If-None-Match", &tag)], b"").status, 200, "another life");
}

#[test]
fn what_a_key_may_not_say_is_no_matter_of_the_city() {
    let folder = folder();
    let (data, next) = (folder.path().join("data"), folder.path().join("next"));
    let app = key(&data, &["--source", "app"]);
    let service = Service::start(&data);
    let mut other = report("1", 0);
    other["source"] = json!("12345");
    let body = format!("{other}\n{}\n", report("2", 0));
    let answer = with_key(&service, &app, "POST", "/v1/reports", body.as_bytes());
    assert!(answer.text().contains("not_allowed") && answer.text().contains("opened"), "{answer:?}");
    assert_eq!(service.end().0, Some(0));
    write_city(&next, |name, text| if name == "city.toml" { format!("# another\n{text}") } else { text.to_owned() });
    let mut command = Command::new(env!("CARGO_BIN_EXE_paidan"));
    let shadow = command.arg("replay").arg(&data).arg("--city").arg(&next).output().expect("it starts");
    let told = String::from_utf8(shadow.stdout).expect("text");
    assert!(shadow.status.success() && told.contains("2 条记录 records"), "{told}");
    assert!(told.contains("0 条决定会改变"), "another city would have turned it away, too: {told}");
}
