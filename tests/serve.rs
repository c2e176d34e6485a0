//! `paidan serve` as those who talk to it know it: the real program, real sockets, real kills.

#[path = "common/built.rs"]
mod built;
#[path = "common/service.rs"]
mod service;

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};
use service::{Service, connect, try_ask};
use tempfile::TempDir;

const LINES: &str = "application/x-ndjson";
const JSON: &str = "application/json";

fn folder() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder in target")
}

fn report(id: &str, east: usize) -> Value {
    let lng = 121.5 + (east % 400) as f64 * 0.0005;
    json!({"source": "app", "id": id, "lng": lng, "lat": 31.2, "category": "01037", "text": "路灯不亮"})
}

#[test]
fn every_door_answers_every_line_alike() {
    let folder = folder();
    let lines = |door: &str| {
        [
            report(&format!("{door}-1"), 0).to_string(),
            report(&format!("{door}-1"), 0).to_string(),
            "{\"source\":\"app\",\"id\":".to_owned(),
            json!({"source": "nobody", "id": "x"}).to_string(),
            json!({"source": "app", "id": format!("{door}-2"), "category": "01037"}).to_string(),
            json!({"source": "app", "id": format!("{door}-3"), "ts": 1}).to_string(),
            json!({"source": "departments", "kind": "action", "id": format!("{door}-4"), "action": "accept", "order": "7-9"})
                .to_string(),
        ]
    };
    let service = Service::start(folder.path());
    let body = |door: &str| (lines(door).join("\n") + "\n").into_bytes();
    let by_tcp = service.lines(&body("a"));
    let answer = service.post(LINES, &body("a"));
    assert_eq!(answer.status, 200);
    let by_http: Vec<Value> = answer.text().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let answers = |receipts: &[Value]| -> Vec<String> {
        receipts.iter().map(|receipt| receipt["answer"].as_str().expect("an answer").to_owned()).collect()
    };
    assert_eq!(answers(&by_tcp), ["opened", "duplicate", "refused", "refused", "review", "refused", "refused"]);
    assert_eq!(
        answers(&by_http),
        ["duplicate", "duplicate", "refused", "refused", "duplicate", "refused", "duplicate"]
    );
    for receipts in [&by_tcp, &by_http] {
        let counted: Vec<u64> = receipts.iter().map(|receipt| receipt["line"].as_u64().expect("a number")).collect();
        assert_eq!(counted, [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(receipts[1]["tracking"], by_tcp[0]["tracking"], "a retry gets the same number");
        assert_eq!(receipts[3]["field"], "source");
    }
    assert_eq!(by_tcp[4]["reason"], "no_place");
    assert_eq!(by_tcp[5]["reason"], "late");
    // The same as an array, and one alone; what is no JSON cannot stand in an array.
    let values: Vec<Value> = lines("b").iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let array = service.post(JSON, serde_json::to_string_pretty(&values).expect("JSON").as_bytes());
    let by_array = array.json()["receipts"].as_array().expect("receipts").clone();
    assert_eq!(
        answers(&by_array),
        ["opened", "duplicate", "refused", "review", "refused", "refused"].map(|answer| {
            // The lamp of the first door is still broken.
            if answer == "opened" { "merged" } else { answer }
        })
    );
    let alone = service.post(JSON, report("c-1", 300).to_string().as_bytes());
    assert_eq!((alone.status, &alone.json()["answer"]), (200, &json!("opened")));
    let refused = service.post(JSON, b"{\"source\":\"app\"}");
    assert_eq!(
        (refused.status, &refused.json()["answer"], &refused.json()["field"]),
        (422, &json!("refused"), &json!("id"))
    );
    let spoken = service.ask("POST", "/v1/reports?source=app", &[("Content-Type", JSON)], b"{\"id\":\"d-1\"}");
    assert_eq!(spoken.json()["source"], "app");
    let explained = service.get(&format!("/v1/explain/{}?lang=en", by_tcp[0]["tracking"].as_str().expect("a number")));
    assert!(explained.status == 200 && explained.text().contains("a-1"), "{explained:?}");
    assert_eq!(service.get("/v1/explain/nobody").status, 404);
    let metrics = service.get("/metrics");
    assert!(metrics.text().contains("paidan_ledger_closes 1"), "{}", metrics.text());
    assert!(!metrics.text().contains("a-1"), "no id of a sender is in the figures");
    let (code, said) = service.end();
    assert!(code == Some(0) && said.contains("the ledger closes"), "{code:?} {said}");
    // What the service decided is what a replay decides.
    verify(folder.path());
}

fn verify(data: &Path) {
    let verify = Command::new(env!("CARGO_BIN_EXE_paidan")).arg("verify").arg(data).output().expect("it starts");
    assert!(verify.status.success(), "{}", String::from_utf8_lossy(&verify.stderr));
}

/// A request, its headers and body, and the status that it is answered with.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [u8], u16);

#[test]
fn what_is_not_acceptable_is_answered_and_harms_nobody() {
    let folder = folder();
    let service = Service::start(folder.path());
    let cases: [Case<'_>; 11] = [
        ("POST", "/v1/reports", &[("Content-Type", "text/plain")], b"{}", 415),
        ("POST", "/v1/reports", &[("Content-Type", JSON)], b"[1,", 400),
        ("POST", "/v1/reports", &[("Content-Type", JSON)], b"", 400),
        ("POST", "/v1/reports?source=nobody", &[("Content-Type", JSON)], b"{}", 400),
        ("POST", "/v1/reports", &[("Content-Type", JSON), ("Host", "example.org")], b"{}", 403),
        ("POST", "/v1/reports", &[("Content-Type", JSON), ("Origin", "http://example.org")], b"{}", 403),
        ("DELETE", "/v1/reports", &[], b"", 405),
        ("GET", "/nowhere", &[], b"", 404),
        ("GET", "/v1/events?from=x", &[], b"", 400),
        ("GET", "/livez", &[], b"", 200),
        ("GET", "/readyz", &[], b"", 200),
    ];
    for (method, path, headers, body, status) in cases {
        let answer = service.ask(method, path, headers, body);
        assert_eq!(answer.status, status, "{method} {path} {headers:?}: {answer:?}");
        assert!(status == 200 || answer.json()["error"]["en"].is_string(), "{answer:?}");
    }
    assert_eq!(service.post(LINES, &vec![b'x'; (16 << 20) + 1]).status, 413);
    // A line beyond the limit, bytes that are no text, and NUL are refused; the lines around them are not.
    let [before, after] = [("before", 1), ("after", 90)].map(|(id, east)| report(id, east).to_string());
    let long = vec![b'x'; 3 << 20];
    let bytes = [before.as_bytes(), b"\n", &long, b"\n\xff\xfe\n\0\n", after.as_bytes()];
    let receipts = service.lines(&bytes.concat());
    let told: Vec<(&str, &str)> = receipts
        .iter()
        .map(|receipt| (receipt["answer"].as_str().unwrap_or_default(), receipt["reason"].as_str().unwrap_or_default()))
        .collect();
    assert_eq!(told.len(), 5, "{receipts:?}");
    assert_eq!(told[1], ("refused", "too_long"));
    assert_eq!([told[0].0, told[2].0, told[3].0, told[4].0], ["opened", "refused", "refused", "opened"]);
    // Who says nothing, who is slow, and who goes away in the middle.
    let idle: Vec<_> = (0..500).map(|_| connect(service.http).expect("connected")).collect();
    let mut slow = connect(service.http).expect("connected");
    slow.write_all(b"POST /v1/reports HTTP/1.1\r\nHo").expect("written");
    for _ in 0..50 {
        let mut gone = connect(service.http).expect("connected");
        gone.write_all(b"POST /v1/reports HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"id\"")
            .expect("written");
        let mut gone = connect(service.tcp).expect("connected");
        gone.write_all(report("gone", 2).to_string().as_bytes()).expect("written");
    }
    let begun = Instant::now();
    for n in 0..20 {
        assert_eq!(service.post(JSON, report(&format!("meanwhile-{n}"), n).to_string().as_bytes()).status, 200);
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let mut rest = String::new();
    let _ = slow.read_to_string(&mut rest);
    assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 4"), "a slow head is cut off: {rest}");
    drop(idle);
    assert_eq!(service.end().0, Some(0));
    verify(folder.path());
}

/// As many handles as the system gives this process, at most so many.
fn handles(wanted: u64) -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(limit.maximum.map_or(wanted, |maximum| maximum.min(wanted)));
    setrlimit(Resource::Nofile, limit).expect("less than is allowed");
    limit.current.unwrap_or(wanted)
}

/// Ten thousand connections that say nothing keep nobody out, however many places the door has.
#[test]
fn idle_connections_keep_no_report_out() {
    let folder = folder();
    let service = Service::start(folder.path());
    let idle = handles(10_500).saturating_sub(500);
    let (mut silent, mut slowest) = (Vec::new(), Duration::ZERO);
    for n in 0..idle {
        silent.push(connect(service.http).expect("connected"));
        if n % 500 == 0 || n + 1 == idle {
            let begun = Instant::now();
            let answer = service.post(JSON, report(&format!("urgent-{n}"), n as usize).to_string().as_bytes());
            assert!(matches!(answer.json()["answer"].as_str(), Some("opened" | "merged")), "{answer:?}");
            slowest = slowest.max(begun.elapsed());
        }
    }
    assert!(slowest < Duration::from_secs(1), "beside {idle} idle connections a report waited {slowest:?}");
    // Where seats were short, those who had been silent for longest made room; whoever speaks at last is heard.
    let seats = service.facts.lines().find_map(|line| line.strip_prefix("连接 connections ")).expect("it says so");
    let seats: usize = seats.split(' ').next().and_then(|seats| seats.parse().ok()).expect("a number");
    let mut last = silent.pop().expect("many");
    silent.iter_mut().for_each(|stream| stream.set_nonblocking(true).expect("set"));
    let has_left = |stream: &mut TcpStream| matches!(stream.read(&mut [0]), Ok(0));
    let left = silent.iter_mut().position(|stream| !has_left(stream)).unwrap_or(silent.len());
    let short = (idle as usize).saturating_sub(seats);
    assert!((short..=short + 25).contains(&left), "{left} left, {short} seats were short");
    assert!(!silent.iter_mut().skip(left).any(has_left), "none of those who came later");
    last.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("written");
    let mut answer = String::new();
    last.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(silent);
    assert_eq!(service.end().0, Some(0));
    verify(folder.path());
}

/// Bodies that are no JSON, or nearly none, or JSON that nobody means.
fn hostile_bodies() -> Vec<Vec<u8>> {
    let values: [&[u8]; 52] = [
        b"-",
        b"+1",
        b"01",
        b"-01",
        b"1.",
        b".5",
        b"1e",
        b"1e+",
        b"0x10",
        b"1_000",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999999",
        b"-1e-999999",
        b"123456789012345678901234567890",
        b"0.00000000000000000000000000000000000001",
        b"tru",
        b"True",
        b"nul",
        b"undefined",
        b"'a'",
        b"\"",
        b"\"\\\"",
        b"\"\\x41\"",
        b"\"\\u12\"",
        b"\"\\u{1F600}\"",
        b"\"\\ud800\"",
        b"\"\\udc00\\ud800\"",
        b"\"\\u0000\"",
        b"\"a\tb\"",
        b"\"a\0b\"",
        b"\"\xff\"",
        b"\"\xc0\xaf\"",
        b"\"\xed\xa0\x80\"",
        b"\"\xf8\x88\x80\x80\x80\"",
        b"\xef\xbb\xbf1",
        b"[1,]",
        b"[,1]",
        b"[1 2]",
        b"[",
        b"]",
        b"{\"a\":}",
        b"{\"a\" 1}",
        b"{a:1}",
        b"{\"a\":1,}",
        b"{\"a\":1,\"a\":2}",
        b"{\"\":0}",
        b"1//",
        b"/**/1",
        b"#",
        b"1\x0b2",
    ];
    let words = [
        "'; DROP TABLE reports;--",
        "<script>alert(1)</script>",
        "../../../../etc/passwd",
        "${jndi:ldap://127.0.0.1/a}",
        "%s%n%d",
        "$(reboot)",
        "{{7*7}}",
        "\u{202e}倒着\u{202c}",
        "\u{200b}\u{feff}",
        "ﷺ",
        "👩‍👩‍👧‍👦",
        "Z̷̢̛a̸l̶g̷o̶",
        "null",
        "true",
        "0",
        "-1",
        "1e309",
        "CON",
        "\r\nX-Injected: 1",
        "data: x\n\nevent: y",
        "ｆｕｌｌ ｗｉｄｔｈ",
        "\u{7f}\u{85}\u{2028}",
    ];
    let in_report = |field: &str, value: &[u8]| {
        [format!("{{\"source\":\"app\",\"id\":\"h\",\"{field}\":").as_bytes(), value, b"}"].concat()
    };
    let mut bodies: Vec<Vec<u8>> = values.iter().map(|value| value.to_vec()).collect();
    for field in ["id", "ts", "lng", "category", "text", "urgency", "reporter", "media", "kind", "unknown"] {
        bodies.extend(values.iter().map(|value| in_report(field, value)));
        bodies.extend(words.iter().map(|word| in_report(field, json!(word).to_string().as_bytes())));
    }
    for (open, close, levels) in [("[", "]", 65), ("{\"a\":", "}", 65), ("[", "]", 100_000), ("{\"a\":", "}", 100_000)]
    {
        bodies.push(in_report("x", [open.repeat(levels), "1".to_owned(), close.repeat(levels)].concat().as_bytes()));
        bodies.push(in_report("x", open.repeat(levels).as_bytes()));
    }
    bodies.push(in_report("x", format!("\"{}\"", "长".repeat(1 << 19)).as_bytes()));
    bodies.push(format!("{{\"{}\":1}}", "k".repeat(1 << 16)).into_bytes());
    bodies.push(format!("[{}]", vec!["{}"; 100_000].join(",")).into_bytes());
    bodies
}

/// What is hostile is answered, in whatever form it is sent; what is urgent and well said is answered meanwhile.
#[test]
fn hostile_bodies_are_answered_and_hold_up_nobody() {
    const EVENT: &str = "application/cloudevents+json";
    let folder = folder();
    let service = Service::start(folder.path());
    let bodies = hostile_bodies();
    let is_over = AtomicBool::new(false);
    let slowest = std::thread::scope(|scope| {
        let urgent = scope.spawn(|| {
            let (mut slowest, mut n) = (Duration::ZERO, 0);
            while !is_over.load(Ordering::Relaxed) || n < 20 {
                let report = json!({"source": "110", "id": format!("urgent-{n}"), "lng": 121.5, "lat": 31.2, "category": "90006"});
                let begun = Instant::now();
                let answer = service.post(JSON, report.to_string().as_bytes());
                slowest = slowest.max(begun.elapsed());
                assert!(matches!(answer.json()["answer"].as_str(), Some("opened" | "merged")), "{answer:?}");
                n += 1;
                std::thread::sleep(Duration::from_millis(5));
            }
            slowest
        });
        for body in &bodies {
            for kind in [JSON, LINES, EVENT] {
                let answer = service.post(kind, body);
                let about = String::from_utf8_lossy(&body[..body.len().min(100)]);
                assert!([200, 400, 413, 422].contains(&answer.status), "{kind} {about}: {answer:?}");
            }
            let line: Vec<u8> = body.iter().copied().filter(|byte| *byte != b'\n').collect();
            assert_eq!(service.lines(&[&line, &b"\n"[..]].concat()).len(), usize::from(!line.is_empty()));
        }
        is_over.store(true, Ordering::Relaxed);
        urgent.join().expect("it sends on")
    });
    assert!(slowest < Duration::from_secs(2), "an urgent report waited {slowest:?}");
    let metrics = service.get("/metrics").text().to_owned();
    assert!(!metrics.contains("DROP TABLE") && !metrics.contains("script"), "nothing of a body is in the figures");
    assert_eq!(service.end().0, Some(0));
    verify(folder.path());
}

/// Events of a stream from a cursor on, until `last` was seen.
fn events(service: &Service, from: &str, last: &str) -> Vec<(String, String)> {
    let mut stream = connect(service.http).expect("connected");
    write!(stream, "GET /v1/events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: {from}\r\n\r\n").expect("written");
    let (mut text, mut piece) = (String::new(), [0; 65536]);
    let end = format!("id: {last}\n");
    while !text.contains(&end) || !text.ends_with("\n\n\r\n") {
        let read = stream.read(&mut piece).expect("the stream goes on");
        assert!(read > 0, "the stream ended before {last}");
        text += std::str::from_utf8(&piece[..read]).expect("text");
    }
    let lines: Vec<&str> = text.lines().collect();
    let event =
        |pair: &[&str]| Some((pair[0].strip_prefix("id: ")?.to_owned(), pair[1].strip_prefix("data: ")?.to_owned()));
    lines.windows(2).filter_map(event).collect()
}

#[test]
fn a_follower_that_comes_back_goes_on_exactly() {
    let folder = folder();
    let service = Service::start(folder.path());
    let body: String = (0..300).map(|n| report(&format!("r{n}"), n).to_string() + "\n").collect();
    service.lines(body.as_bytes());
    // The one who reads nothing at all is in nobody's way.
    let mut frozen = connect(service.http).expect("connected");
    frozen.write_all(b"GET /v1/events?from=0 HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("written");
    let summary = service.get("/v1/summary").json();
    assert_eq!(summary["next"], 301);
    let all = all_events(&service);
    assert!(all.len() > 300 && all.len() <= 600, "{}", all.len());
    let resumed = |service: &Service| {
        for cut in [0, 1, 2, 77, all.len() - 2] {
            let rest = events(service, &all[cut].0, &all[all.len() - 1].0);
            assert_eq!(rest, all[cut + 1..], "behind {}", all[cut].0);
        }
    };
    resumed(&service);
    assert_eq!(service.end().0, Some(0));
    // In its next life the service has them only in its journal.
    let service = Service::start(folder.path());
    assert_eq!(all_events(&service), all);
    resumed(&service);
    let more = service.post(JSON, report("more", 333).to_string().as_bytes()).json();
    assert_eq!(events(&service, &all[all.len() - 1].0, "301.0")[0].0, "301.0", "{more}");
}

/// All events up to the last record that the summary knows.
fn all_events(service: &Service) -> Vec<(String, String)> {
    let next = service.get("/v1/summary").json()["next"].as_u64().expect("a number");
    let mut all = events(service, "0", &format!("{}.0", next - 1));
    all.dedup();
    all
}

/// What was promised: ids and their tracking numbers.
type Promised = Arc<Mutex<HashMap<String, String>>>;

/// Sends reports in parcels until the connection breaks, and notes what was promised.
fn send_until_killed(
    address: std::net::SocketAddr,
    is_http: bool,
    ids: &AtomicUsize,
    over: &AtomicBool,
    promised: &Promised,
) {
    let parcel = || {
        let from = ids.fetch_add(20, Ordering::Relaxed);
        (from..from + 20).map(|n| report(&format!("r{n}"), n).to_string() + "\n").collect::<String>()
    };
    let keep = |receipts: &str| {
        let mut promised = promised.lock().expect("no panic");
        for line in receipts.lines() {
            let receipt: Value = serde_json::from_str(line).expect("a receipt is JSON");
            let text = |key: &str| receipt[key].as_str().expect("text").to_owned();
            assert_ne!(receipt["answer"], "duplicate", "every id is said once: {receipt}");
            promised.insert(text("id"), text("tracking"));
        }
    };
    if is_http {
        while !over.load(Ordering::Relaxed) {
            let kind = [("Content-Type", LINES)];
            let Ok(answer) = try_ask(address, "POST", "/v1/reports", &kind, parcel().as_bytes()) else { return };
            if answer.status == 200 {
                keep(answer.text());
            }
        }
        return;
    }
    let Ok(mut stream) = connect(address) else { return };
    let (mut text, mut piece) = (String::new(), [0; 65536]);
    while !over.load(Ordering::Relaxed) {
        if stream.write_all(parcel().as_bytes()).is_err() {
            return;
        }
        match stream.read(&mut piece) {
            Ok(read) if read > 0 => {
                text += std::str::from_utf8(&piece[..read]).expect("receipts are cut at bytes of ASCII")
            }
            _ => return,
        }
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        keep(&text[..whole]);
        text.drain(..whole);
    }
}

/// `PAIDAN_KILLS` asks for more of them than every run of the tests needs.
#[test]
fn a_receipt_outlives_every_kill() {
    let kills: u64 = std::env::var("PAIDAN_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(24);
    let folder = folder();
    let (ids, promised) = (AtomicUsize::new(0), Promised::default());
    for kill in 0..kills {
        let service = Service::start(folder.path());
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for (address, is_http) in [(service.http, true), (service.tcp, false), (service.tcp, false)] {
                let (ids, over, promised) = (&ids, &over, &promised);
                scope.spawn(move || send_until_killed(address, is_http, ids, over, promised));
            }
            // At another moment each time: it need not be known which one.
            std::thread::sleep(Duration::from_millis(30 + kill * 37 % 120));
            service.kill();
            over.store(true, Ordering::Relaxed);
        });
    }
    let service = Service::start(folder.path());
    let mut tellings: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (_, event) in all_events(&service) {
        let event: Value = serde_json::from_str(&event).expect("JSON");
        if ["opened", "merged"].contains(&event["effect"].as_str().expect("text")) {
            let id = event["id"].as_str().expect("text").to_owned();
            tellings.entry(id).or_default().push(event["seq"].as_u64().expect("a number"));
        }
    }
    let promised = promised.lock().expect("no panic");
    assert!(promised.len() as u64 > kills * 20, "{} reports were promised in {kills} lives", promised.len());
    for (id, tracking) in promised.iter() {
        let told = tellings.get(id).map_or(&[][..], Vec::as_slice);
        assert_eq!(told.len(), 1, "{id} was promised {tracking}");
        assert!(tracking.starts_with(&format!("SL{:010}", told[0])), "{id}: {tracking} is not of record {}", told[0]);
    }
    // Said again, a report that was promised is known, under the same number.
    let (id, tracking) = promised.iter().next().expect("one");
    let again = service.post(JSON, report(id, id[1..].parse().expect("a number")).to_string().as_bytes()).json();
    assert_eq!((&again["answer"], &again["tracking"]), (&json!("duplicate"), &json!(tracking)));
    assert_eq!(service.end().0, Some(0));
    verify(folder.path());
}

#[test]
fn asked_to_end_it_answers_what_it_took() {
    let folder = folder();
    let service = Service::start(folder.path());
    let (ids, over, promised) = (AtomicUsize::new(0), AtomicBool::new(false), Promised::default());
    // A gateway that says nothing keeps nobody from ending.
    let _quiet = connect(service.tcp).expect("connected");
    let (code, said) = std::thread::scope(|scope| {
        for (address, is_http) in [(service.http, true), (service.tcp, false)] {
            let (ids, over, promised) = (&ids, &over, &promised);
            scope.spawn(move || send_until_killed(address, is_http, ids, over, promised));
        }
        while promised.lock().expect("no panic").len() < 2000 {
            std::thread::yield_now();
        }
        let ended = service.end();
        over.store(true, Ordering::Relaxed);
        ended
    });
    assert!(code == Some(0) && said.contains("the ledger closes"), "{code:?} {said}");
    verify(folder.path());
    let records = said.split("records=").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok()).unwrap_or(0);
    assert!(records >= promised.lock().expect("no panic").len(), "{said}");
}

#[test]
fn only_this_machine_is_served_and_a_folder_has_one_service() {
    let folder = folder();
    let serve = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paidan"));
        let output = command.arg("serve").arg("--data").arg(folder.path()).args(arguments).output().expect("it starts");
        (output.status.code(), String::from_utf8(output.stderr).expect("text"))
    };
    let (code, said) = serve(&["--http", "0.0.0.0:0"]);
    assert!(code == Some(2) && said.contains("loopback"), "{code:?} {said}");
    let service = Service::start(folder.path());
    assert!(service.facts.contains("only this machine is served"), "{}", service.facts);
    let (code, said) = serve(&["--http", "127.0.0.1:0"]);
    assert!(code == Some(2), "{code:?} {said}");
    let (code, said) = serve(&["--http", &service.http.to_string()]);
    assert!(code == Some(1) && said.contains("cannot listen"), "{code:?} {said}");
}

/// systemd, and whoever else starts a service for others, is told when it is ready and when it ends; logs are JSON if asked for.
#[test]
fn whoever_runs_it_is_told_how_it_is() {
    let folder = folder();
    let words = std::os::unix::net::UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
    words.set_read_timeout(Some(Duration::from_secs(60))).expect("a limit");
    let mut command = Command::new(env!("CARGO_BIN_EXE_paidan"));
    command.env("NOTIFY_SOCKET", folder.path().join("notify"));
    command.args(["serve", "--log", "json", "--http", "127.0.0.1:0", "--data"]).arg(folder.path().join("data"));
    let mut child = command.stderr(std::process::Stdio::piped()).spawn().expect("it starts");
    let hear = || {
        let mut word = [0; 64];
        let heard = words.recv(&mut word).expect("a word");
        String::from_utf8_lossy(&word[..heard]).trim().to_owned()
    };
    assert_eq!(hear(), "READY=1");
    assert!(Command::new("kill").arg(child.id().to_string()).status().expect("kill starts").success());
    assert_eq!(hear(), "STOPPING=1");
    let mut said = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    assert!(child.wait().expect("it ends").success());
    let notices: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect("a JSON object")).collect();
    let [ready, stopped] = &notices[..] else { panic!("{said}") };
    assert!(ready["message"] == "就绪 ready" && ready["disk"].is_string() && ready["records"] == 0, "{ready}");
    assert!(stopped["level"] == "INFO" && stopped["digest"].is_string(), "{stopped}");
    let unit = Command::new(env!("CARGO_BIN_EXE_paidan"))
        .args(["serve", "--data", "/var/lib/paidan", "--tcp", "127.0.0.1:9", "--print-systemd-unit"])
        .output()
        .expect("it starts");
    let unit = String::from_utf8(unit.stdout).expect("text");
    let expected = "paidan serve --data /var/lib/paidan --http 127.0.0.1:8080 --tcp 127.0.0.1:9\n";
    assert!(unit.contains(expected) && unit.contains("StateDirectory=paidan\n"), "{unit}");
}

/// Talks to a service under strace, one report at a time, and counts receipts that left without a sync of their own before.
fn receipts_before_sync(program: &Path) -> (usize, usize) {
    let folder = folder();
    let trace = folder.path().join("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-q", "-s", "256", "-e", "signal=none", "-e"]);
    strace.arg("trace=write,writev,sendto,sendmsg,fdatasync,fsync,pwrite64,pwritev,pwritev2");
    strace.arg("-o").arg(&trace).arg(program);
    let service = Service::start_by(strace, &folder.path().join("data"));
    let mut stream = connect(service.tcp).expect("connected");
    for n in 0..10 {
        let answer = service.post(JSON, report(&format!("h{n}"), n).to_string().as_bytes());
        assert_eq!(answer.status, 200);
        stream.write_all((report(&format!("t{n}"), n + 50).to_string() + "\n").as_bytes()).expect("written");
        let mut byte = [0; 1];
        while byte != *b"\n" {
            stream.read_exact(&mut byte).expect("a receipt");
        }
    }
    drop(stream);
    assert_eq!(service.end().0, Some(0));
    let trace = std::fs::read_to_string(&trace).expect("a trace");
    let (mut is_synced, mut receipts, mut too_early) = (false, 0, 0);
    for line in trace.lines() {
        let is_sync = line.contains("fdatasync") || line.contains("fsync");
        if is_sync && line.contains("= 0") {
            is_synced = true;
        }
        if line.contains("\\\"answer\\\"") {
            receipts += 1;
            too_early += usize::from(!is_synced);
            is_synced = false;
        }
    }
    (receipts, too_early)
}

#[test]
fn no_receipt_leaves_before_its_sync() {
    let program = Path::new(env!("CARGO_BIN_EXE_paidan"));
    assert_eq!(receipts_before_sync(program), (20, 0));
    // A program that does not sync must be found out.
    let lying = built::paidan(&built::target().join("fault-no-sync"), "debug", &["--features", "fault-no-sync"]);
    let (receipts, too_early) = receipts_before_sync(&lying);
    assert!(receipts == 20 && too_early >= 19, "{receipts} {too_early}");
}
