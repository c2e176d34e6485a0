//! The live page as those who sit before it know it: the real program, a real browser, and a town that tells what happens in it.
//!
//! What was on the screen is left in the folder `page` of the tests' temporary folder, for people to look at.

#[path = "common/browser.rs"]
mod browser;
#[path = "common/random.rs"]
mod random;
#[path = "common/service.rs"]
mod service;
#[path = "common/town.rs"]
mod town;

use std::io::{Read, Write};
use std::process::Command;

use browser::Browser;
use serde_json::{Value, json};
use service::Service;
use tempfile::TempDir;
use town::Town;

const JSON: &str = "application/json";
/// A desk, and a phone.
const DESK: (u32, u32) = (1440, 900);
const PHONE: (u32, u32) = (390, 844);

/// The last record that the page shows, by its own words.
const RECORD: &str =
    "Number(document.querySelector('#health [data-key=record] dd')?.textContent.replace(/\\D/g, '') || -1)";

fn folder() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder in target")
}

/// Opens the page of a service, and waits until it shows all that the service knows.
fn open(service: &Service, (width, height): (u32, u32)) -> Browser {
    let mut browser = Browser::start(width, height);
    browser.go(&format!("http://{}/", service.http));
    catch_up(&mut browser, service);
    browser
}

/// Waits until the page shows all that the service knows.
fn catch_up(browser: &mut Browser, service: &Service) {
    let next = service.get("/v1/summary").json()["next"].as_u64().expect("a number");
    browser.until(&format!("{RECORD} >= {}", next - 1), "document.body.innerText");
}

/// Numbers of a JSON object.
fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("no number: {value}"))
}

/// All cases that the service knows, newest first.
fn all_cases(service: &Service) -> Vec<Value> {
    let (mut cases, mut before) = (Vec::new(), String::new());
    loop {
        let page = service.get(&format!("/v1/cases?limit=1000{before}")).json();
        cases.extend(page["cases"].as_array().expect("cases").iter().cloned());
        match page["next"].as_u64() {
            Some(next) => before = format!("&before={next}"),
            None => return cases,
        }
    }
}

/// Sends one report, and gives its receipt.
fn send(service: &Service, report: &Value) -> Value {
    let answer = service.post(JSON, report.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The digits of what elements show, as numbers.
fn shown(browser: &mut Browser, selector: &str) -> Vec<u64> {
    let numbers = browser.ask(&format!(
        "[...document.querySelectorAll({selector:?})].map((element) => Number(element.textContent.replace(/\\D/g, '')))"
    ));
    numbers.as_array().expect("a list").iter().map(number).collect()
}

/// Asks a module of the page, by its name, for what an expression of it is: the one that the page itself uses.
fn of_modules(names: &[&str], expression: &str) -> String {
    let imports: Vec<String> = names.iter().map(|name| format!("...await import(at('{name}'))")).collect();
    format!(
        "(async () => {{
            const app = document.querySelector('script[type=module]').src;
            const at = (name) => app.replace('app.js', name + '.js');
            const page = {{ {} }};
            const told = {expression};
            return told;
        }})()",
        imports.join(", ")
    )
}

#[test]
fn the_page_shows_what_was_sent_and_asks_nobody_else() {
    let folder = folder();
    let service = Service::start(folder.path());
    Town::new(1).live(&service, 3000);
    let mut browser = open(&service, DESK);
    let own = format!("http://{}/", service.http);
    assert_eq!(browser.complaints(), [""; 0]);

    // The key figures and the stages are those of the cases.
    let cases = all_cases(&service);
    let are = |key: &str, word: &str| cases.iter().filter(|case| case[key] == word).count() as u64;
    let open_cases = |urgency: &str| {
        cases.iter().filter(|case| case["urgency"] == urgency && case["stage"] != "closed").count() as u64
    };
    let expected = [open_cases("A"), open_cases("B"), open_cases("C"), are("stage", "waiting"), are("stage", "review")];
    assert_eq!(shown(&mut browser, "#figures .figure-value")[..5], expected);
    let stages = ["waiting", "review", "assigned", "accepted", "suspended", "done", "closed"];
    let stages = stages.map(|stage| are("stage", stage));
    assert_eq!(shown(&mut browser, "#stages b"), stages);
    assert!(stages.iter().all(|count| *count > 0), "the town has everything: {stages:?}");

    // The ledger and what became of orders are those of the summary.
    let summary = service.get("/v1/summary").json();
    let headings = ["offered", "opened", "merged", "duplicate", "expired", "rejected", "shed", "observed"];
    let total = headings.map(|heading| number(&summary["total"][heading]));
    assert_eq!(shown(&mut browser, "#ledger-rows td:nth-of-type(1)"), total);
    assert_eq!(browser.ask("document.querySelector('#ledger-closes').textContent"), "✓ 账平");
    let events = [
        "assigned",
        "waiting",
        "review",
        "reassigned",
        "accepted",
        "returned",
        "suspended",
        "resumed",
        "done",
        "closed",
    ];
    assert_eq!(shown(&mut browser, "#work dd"), events.map(|event| number(&summary["work"][event])));

    // The map: its sum, the colour of a cell, and what the pointer is told of it.
    browser.settle();
    let cells = service.get("/v1/cells").json();
    let cells = cells["features"].as_array().expect("features");
    let sum: u64 = cells.iter().map(|cell| number(&cell["properties"]["open"])).sum();
    let told = browser.ask("document.querySelector('#map-sum').textContent.replaceAll(',', '')");
    assert_eq!(told, format!("{} 个网格有未结案件，共 {sum} 件", cells.len()));
    let fullest = cells.iter().max_by_key(|cell| number(&cell["properties"]["open"])).expect("cells");
    let code = fullest["properties"]["cell"].as_str().expect("text");
    let place = browser.ask(&of_modules(
        &["view", "town"],
        &format!(
            "(() => {{
                const map = document.querySelector('#map');
                const slot = page.town.cells.slots.get('{code}');
                const plane = page.view.plane(map.clientWidth, map.clientHeight);
                const [x, y, w, h] = page.screenBox(page.town.cells.shown(slot).box, plane);
                const pen = map.getContext('2d');
                const colour = [...pen.getImageData(Math.round(x + w / 2), Math.round(y + h / 2), 1, 1).data];
                const land = [...pen.getImageData(2, 2, 1, 1).data];
                const box = map.getBoundingClientRect();
                return {{ x: box.x + x + w / 2, y: box.y + y + h / 2, is_painted: String(colour) !== String(land) }};
            }})()"
        ),
    ));
    assert_eq!(place["is_painted"], true, "{place}");
    // The land has the shape of the district: the sea and what lies across the river are left as they are.
    let painted = browser.ask(&of_modules(
        &["view"],
        "(() => {
            const map = document.querySelector('#map');
            const { kx, ky, x0, y0 } = page.view.plane(map.clientWidth, map.clientHeight);
            const opacity = ([lng, lat]) => map.getContext('2d').getImageData(lng * kx + x0, y0 - lat * ky, 1, 1).data[3];
            return [[121.95, 31.08], [121.47, 31.3], [121.65, 30.9], [121.7, 31.1], [121.92, 30.9], [121.58, 31.34]].map(opacity);
        })()",
    ));
    assert_eq!(painted, json!([0, 0, 0, 255, 255, 255]));
    browser.call("Input.dispatchMouseEvent", json!({"type": "mouseMoved", "x": place["x"], "y": place["y"]}));
    browser.until("!document.querySelector('#map-tip').hidden", "document.querySelector('#map-tip').outerHTML");
    let properties = &fullest["properties"];
    let counts = ["open", "urgent", "waiting", "review"].map(|key| number(&properties[key]));
    assert_eq!(shown(&mut browser, "#map-tip dd"), counts);
    assert_eq!(browser.ask("document.querySelector('#map-tip .tip-code').textContent"), format!("网格 {code}"));

    // A new case is there without anybody asking for it.
    browser.ask("void (window.isTheSame = true)");
    let report =
        json!({"source": "110", "id": "new", "lng": 121.61, "lat": 31.11, "category": "90002", "text": "燃气味很重"});
    let receipt = send(&service, &report);
    assert_eq!(receipt["answer"], "opened", "{receipt}");
    browser.until(
        &format!("document.querySelector('#case-rows tr[data-key=\"{}\"]')", receipt["case"]),
        "document.querySelector('#case-rows').innerText",
    );
    let row =
        browser.ask(&format!("document.querySelector('#case-rows tr[data-key=\"{}\"]').innerText", receipt["case"]));
    let unit = receipt["unit"].as_str().expect("text");
    assert!(row.as_str().is_some_and(|row| row.starts_with("A\t") && row.contains(unit)), "{row}");
    catch_up(&mut browser, &service);
    assert_eq!(shown(&mut browser, "#figures .figure-value")[0], open_cases("A") + 1);
    assert_eq!(browser.ask("window.isTheSame"), true);

    // So is what becomes of it, and who follows.
    let mut follower = service::connect(service.http).expect("connected");
    write!(follower, "GET /v1/events HTTP/1.1\r\nHost: {}\r\n\r\n", service.http).expect("written");
    let mut byte = [0];
    follower.read_exact(&mut byte).expect("an answer begins");
    let accepted =
        json!({"source": "departments", "kind": "action", "id": "yes", "action": "accept", "order": receipt["order"]});
    assert_eq!(send(&service, &accepted)["answer"], "accepted");
    catch_up(&mut browser, &service);
    assert_eq!(shown(&mut browser, "#stages b")[2..4], [stages[2], stages[3] + 1]);
    browser.until(&format!("{HEALTH}.includes('决定订阅 1 方')"), HEALTH);
    // A door tells how much it took, to three digits.
    let sent = service.get("/metrics").text().to_owned();
    let tcp =
        sent.lines().find_map(|line| line.strip_prefix("paidan_door_bytes_total{door=\"tcp\"} ")).expect("a figure");
    let tcp: f64 = tcp.parse().expect("a number");
    assert!(tcp > 100_000.0, "{tcp}");
    assert!(
        browser.words(HEALTH).contains(&format!("入口 tcp 占用 0% · 已收 {:.0} kB", tcp / 1000.0)),
        "{tcp} {}",
        browser.words(HEALTH)
    );
    assert_eq!(browser.ask("window.isTheSame"), true, "nobody loaded the page again");

    // Nothing came from anywhere else.
    assert_eq!(browser.complaints(), [""; 0]);
    let elsewhere: Vec<&String> = browser.requests().iter().filter(|address| !address.starts_with(&own)).collect();
    assert!(elsewhere.is_empty() && browser.requests().len() > 20, "{elsewhere:?}");
}

/// What the page says about the service, in one line.
const HEALTH: &str = "document.querySelector('#health').innerText.replace(/\\s+/g, ' ')";

#[test]
fn the_page_runs_nothing_but_its_own_files() {
    let folder = folder();
    let service = Service::start(folder.path());
    let mut browser = open(&service, DESK);
    let policy = browser.ask("fetch('/').then((answer) => answer.headers.get('content-security-policy'))");
    let policy = policy.as_str().expect("a policy");
    assert!(
        policy.starts_with("default-src 'self';") && !policy.contains("unsafe") && !policy.contains("data:"),
        "{policy}"
    );
    assert_eq!(browser.complaints(), [""; 0]);
    browser.ask(
        "(() => {
            const script = document.createElement('script');
            try { script.textContent = 'window.isBroken = true'; } catch {}
            document.head.append(script);
            const style = document.createElement('style');
            style.textContent = 'body { display: none }';
            document.head.append(style);
        })()",
    );
    let is_whole = "[window.isBroken ?? false, getComputedStyle(document.body).display]";
    assert_eq!(browser.ask(is_whole), json!([false, "flex"]));
    assert!(!browser.complaints().is_empty(), "the browser says what the policy forbade");
    // What is named under a version is kept for good, the first file never without asking; no other version is served.
    let kept = |address: &str| format!("fetch({address}).then((answer) => answer.headers.get('cache-control'))");
    let script = "document.querySelector('script[type=module]').src";
    assert_eq!(browser.ask(&kept(script)), "max-age=31536000, immutable");
    assert_eq!(browser.ask(&kept("'/'")), "no-cache");
    assert_eq!(service.get("/page/0000000000000000/app.js").status, 404);
    // A second look brings only the first file and the data.
    let before = browser.requests().len();
    browser.go(&format!("http://{}/", service.http));
    catch_up(&mut browser, &service);
    let from_cache = browser.ask(
        "performance.getEntriesByType('resource')
            .filter((entry) => entry.name.includes('/page/'))
            .map((entry) => entry.transferSize)",
    );
    let sizes = from_cache.as_array().expect("a list");
    assert!(sizes.len() > 20 && sizes.iter().all(|size| *size == 0), "{} requests before, {from_cache}", before);
}

#[test]
fn the_page_of_a_service_with_keys_asks_for_one() {
    let folder = folder();
    let mut add = Command::new(env!("CARGO_BIN_EXE_paidan"));
    let made = add.args(["keys", "add", "--role", "read", "--data"]).arg(folder.path()).output().expect("it starts");
    assert!(made.status.success(), "{made:?}");
    let key = String::from_utf8(made.stdout).expect("text");
    let service = Service::start(folder.path());
    let mut browser = Browser::start(DESK.0, DESK.1);
    browser.go(&format!("http://{}/", service.http));
    let is_asked = "document.querySelector('#key-dialog').open";
    browser.until(is_asked, "document.body.innerText");
    assert_eq!(browser.ask(&format!("{RECORD} < 0")), true, "nothing is shown before");
    // A wrong one is told so; the right one is kept for this tab, and in no address.
    for (typed, is_right) in [("pd_0000", false), (key.trim(), true)] {
        browser.click("#key");
        browser.write(typed);
        browser.press("Enter");
        let answered =
            if is_right { format!("{RECORD} >= 0") } else { "document.querySelector('#key-why').innerText".into() };
        browser.until(&answered, "document.body.innerText");
    }
    assert_eq!(browser.ask(is_asked), false);
    assert!(browser.requests().iter().all(|address| !address.contains(key.trim())));
    browser.picture("desk-with-a-key");
    let refused = browser.complaints();
    assert!(refused.iter().all(|complaint| complaint.contains("401")), "{refused:?}");
    browser.go(&format!("http://{}/", service.http));
    browser.until(&format!("{RECORD} >= 0"), "document.body.innerText");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn the_description_of_the_doors_opens_in_a_browser() {
    let folder = folder();
    let service = Service::start(folder.path());
    let mut browser = Browser::start(DESK.0, DESK.1);
    let own = format!("http://{}/", service.http);
    for (size, name) in [(DESK, "docs"), (PHONE, "docs-phone")] {
        browser.size(size.0, size.1);
        browser.go(&format!("{own}v1/docs"));
        browser.until("document.querySelectorAll('#doors .door').length > 10", "document.body.innerText");
        assert_eq!(browser.ask("document.documentElement.scrollWidth <= innerWidth"), true);
        browser.picture(name);
    }
    assert_eq!(browser.complaints(), [""; 0]);
    assert!(browser.requests().iter().all(|address| address.starts_with(&own)), "{:?}", browser.requests());
}

#[test]
fn the_review_desk_is_worked_by_keyboard() {
    let folder = folder();
    let service = Service::start(folder.path());
    let say = |id: &str, text: &str, more: Value| {
        let mut said = json!({"source": "app", "id": id, "text": text});
        said.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let answer = service.ask("POST", "/v1/reports", &[("Content-Type", JSON)], said.to_string().as_bytes()).json();
        assert_eq!(answer["answer"], "review", "{answer}");
        answer["case"].as_u64().expect("a case")
    };
    let here = json!({"lng": 121.5, "lat": 31.2});
    // The machine has a guess, and is not sure of it.
    let noise = say("1", "楼下烧烤店晚上放歌放到两点，没法睡", here.clone());
    let lamp = say("2", "路灯不亮", json!({}));
    let none = say("3", "请问公园几点关门", here);
    let mut browser = Browser::start(DESK.0, DESK.1);
    let own = format!("http://{}/", service.http);
    browser.go(&format!("{own}review"));
    browser.until("document.querySelectorAll('#queue li').length === 3", "document.body.innerText");
    browser.picture("review-queue");
    // Who it is must be said first; then n takes what presses most: the lamp, which lies nowhere.
    browser.ask("document.activeElement.blur()");
    browser.press("n");
    browser.until("document.activeElement.id === 'who'", "document.activeElement.outerHTML");
    browser.write("张三");
    browser.click("#take");
    // The case can be read, and decided about.
    let title = |case: u64| {
        format!(
            "document.getElementById('case-title').textContent === '案件 {case}' && !document.getElementById('skip').disabled"
        )
    };
    browser.until(&title(lamp), "document.body.innerText");
    assert_eq!(browser.words("document.getElementById('said').textContent"), "路灯不亮");
    browser.picture("review");
    // What exactly is the matter is chosen among what the class has.
    let offered = "[...document.querySelectorAll('#conditions option')].map((one) => one.value)";
    let offered: Vec<String> = serde_json::from_value(browser.ask(offered)).expect("words");
    let dark = offered.iter().find(|words| words.starts_with("light_out")).expect("a lamp can be dark");
    browser.click("#condition");
    browser.write(dark);
    browser.click("#lng");
    browser.write("121.52");
    browser.click("#lat");
    browser.write("31.21");
    browser.press("Enter");
    // It is dispatched, and the next one is there: the first candidate is its class.
    browser.until(&title(noise), "document.body.innerText");
    browser.until("document.getElementById('state').textContent.includes('派给')", "document.body.innerText");
    let told = service.get(&format!("/v1/cases/{lamp}")).json();
    assert_eq!((&told["stage"], &told["class"]), (&json!("assigned"), &json!("01037")), "{told}");
    assert_eq!(told["condition"], "light_out", "{told}");
    browser.until("document.querySelectorAll('#guesses button').length === 2", "document.body.innerText");
    browser.press("1");
    browser.until("document.getElementById('category').value.startsWith('06028')", "document.body.innerText");
    browser.press("Enter");
    browser.until(&title(none), "document.body.innerText");
    assert_eq!(service.get(&format!("/v1/cases/{noise}")).json()["class"], "06028");
    // Put aside, it comes again when it is asked for; what is no matter of the city's is closed.
    browser.ask("document.getElementById('case-title').focus()");
    browser.press("s");
    let is_aside = "document.getElementById('case-title').textContent === '没有领取案件' && !document.getElementById('take').disabled";
    browser.until(is_aside, "document.body.innerText");
    browser.press("n");
    browser.until(&title(none), "document.body.innerText");
    browser.press("x");
    browser.until("document.getElementById('state').textContent.startsWith('已结案')", "document.body.innerText");
    assert_eq!(service.get(&format!("/v1/cases/{none}")).json()["stage"], "closed");
    browser.until("document.querySelectorAll('#queue li').length === 0", "document.body.innerText");
    // In English nothing is left in 中文 but the link back; and a phone has room for it.
    browser.click("#language");
    browser
        .until("document.getElementById('queue-title').textContent === 'To be looked at'", "document.body.innerText");
    assert!(!browser.words("document.querySelector('main').innerText").contains('案'), "there is 中文 left");
    browser.size(PHONE.0, PHONE.1);
    assert_eq!(browser.ask("document.documentElement.scrollWidth <= innerWidth"), true);
    browser.picture("review-phone");
    assert_eq!(browser.complaints(), [""; 0]);
    assert!(browser.requests().iter().all(|address| address.starts_with(&own)), "{:?}", browser.requests());
}

#[test]
fn a_filter_shows_what_it_says_and_is_part_of_the_address() {
    let folder = folder();
    let service = Service::start(folder.path());
    Town::new(9).live(&service, 1200);
    let mut browser = open(&service, DESK);
    let cases = all_cases(&service);
    let row_stages = "[...document.querySelectorAll('#case-rows .stage')].map((cell) => cell.firstChild.textContent)";
    for (stage, word) in [("waiting", "待派"), ("review", "待核"), ("closed", "已结案")] {
        browser.click(&format!("#stages .stage-{stage}"));
        let count = cases.iter().filter(|case| case["stage"] == stage).count();
        assert!(count > 0, "{stage}");
        let expected = count.min(100);
        browser.until(&format!("document.querySelectorAll('#case-rows tr').length === {expected}"), row_stages);
        let rows = browser.ask(row_stages);
        assert!(rows.as_array().expect("rows").iter().all(|row| row == word), "{stage}: {rows}");
        assert_eq!(browser.ask("location.hash"), format!("#stage={stage}"));
    }
    // A colleague who is sent the address sees the same; a second press shows all again.
    let area = cases.iter().filter_map(|case| case["area"].as_str()).next().expect("an area");
    let of_area = cases.iter().filter(|case| case["area"] == area && case["stage"] == "closed").count();
    browser.go("about:blank");
    browser.go(&format!("http://{}/#stage=closed&area={area}", service.http));
    catch_up(&mut browser, &service);
    browser.until(&format!("document.querySelectorAll('#case-rows tr').length === {of_area}"), row_stages);
    assert_eq!(browser.ask("document.querySelector('#filters [name=area]').value"), area);
    browser.click("#clear");
    browser.until("document.querySelectorAll('#case-rows tr').length === 100", row_stages);
    assert_eq!(browser.ask("[location.hash, document.querySelectorAll('[aria-pressed=true]').length]"), json!(["", 0]));
    assert_eq!(browser.complaints(), [""; 0]);
}

/// Everything that the page has words in, with these words: texts, labels, titles and hints, whether they are on the screen or
/// not. What the service itself tells about a case is not the page's.
const WORDS: &str = include_str!("page/words.js");

/// Words with a letter of 中文 in them, without the names that the city gives.
fn chinese(browser: &mut Browser, city: &[String]) -> Vec<String> {
    let said = browser.ask(WORDS);
    let mut found = Vec::new();
    for pair in said.as_array().expect("a list") {
        let mut words = pair[1].as_str().expect("text").to_owned();
        for name in city {
            words = words.replace(name, "");
        }
        if words.chars().any(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter)) {
            found.push(format!("{} in {}", pair[1], pair[0]));
        }
    }
    found
}

/// What the city's units are called: names, in no language but the city's.
fn units(service: &Service) -> Vec<String> {
    let (mut names, mut after) = (Vec::new(), String::new());
    loop {
        let page = service.get(&format!("/v1/units?limit=1000{after}")).json();
        names.extend(
            page["units"].as_array().expect("units").iter().map(|unit| unit["unit"].as_str().expect("text").to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return names.into_iter().filter(|name| !name.is_ascii()).collect(),
        }
    }
}

#[test]
fn every_word_is_in_the_language_that_was_chosen() {
    let folder = folder();
    let service = Service::start(folder.path());
    Town::new(2).live(&service, 600);
    let mut city = units(&service);
    city.push("中文".to_owned());
    let mut browser = open(&service, DESK);
    assert_eq!(browser.ask("document.documentElement.lang"), "zh-CN");
    assert!(chinese(&mut browser, &city).len() > 100);
    browser.click("#case-rows tr:nth-child(3) .case-name");
    browser.until("!document.querySelector('#paper-text').hidden", "document.querySelector('#paper').innerText");
    browser.press("Escape");
    browser.click("#language");
    browser.until("document.documentElement.lang === 'en'", "document.documentElement.lang");
    catch_up(&mut browser, &service);
    browser.until(
        "document.querySelector('#search button').textContent === 'Look up' && document.title.startsWith('paidan')",
        "document.title",
    );
    // Panels follow in the next frame.
    browser.settle();
    assert_eq!(chinese(&mut browser, &city), [""; 0]);
    browser.click("#case-rows tr:nth-child(2) .case-name");
    browser.until("!document.querySelector('#paper-text').hidden", "document.querySelector('#paper').innerText");
    assert_eq!(chinese(&mut browser, &city), [""; 0]);
    assert_eq!(browser.ask("document.querySelector('#paper-title').textContent.startsWith('Case ')"), true);
    browser.press("Escape");
    browser.picture("desk-english");

    // The choice is kept.
    browser.go(&format!("http://{}/", service.http));
    catch_up(&mut browser, &service);
    assert_eq!(browser.ask("document.documentElement.lang"), "en");
    assert_eq!(chinese(&mut browser, &city), [""; 0]);
    browser.click("#language");
    browser.until("document.documentElement.lang === 'zh-CN'", "document.documentElement.lang");
    browser.go(&format!("http://{}/", service.http));
    catch_up(&mut browser, &service);
    assert_eq!(browser.ask("document.documentElement.lang"), "zh-CN");
    assert_eq!(browser.complaints(), [""; 0]);
}

const PAPER: &str = "document.querySelector('#paper').innerText";

/// Waits until the sheet is open with a whole explanation, and gives its title and text.
#[track_caller]
fn paper(browser: &mut Browser) -> (String, String) {
    browser.until("document.querySelector('#paper').open && !document.querySelector('#paper-text').hidden", PAPER);
    let told = browser.ask("['#paper-title', '#paper-text'].map((part) => document.querySelector(part).textContent)");
    let part = |n: usize| told[n].as_str().expect("text").to_owned();
    (part(0), part(1))
}

/// Presses Tab until the focus is on what a selector takes, as somebody without a mouse does.
fn tab_to(browser: &mut Browser, selector: &str) {
    let mut passed = Vec::new();
    for _ in 0..60 {
        if browser.ask(&format!("document.activeElement.matches({selector:?})")) == true {
            return;
        }
        browser.press("Tab");
        passed.push(browser.ask("document.activeElement.id || document.activeElement.className"));
    }
    panic!("Tab never leads to {selector}: {passed:?}");
}

#[test]
fn a_case_is_explained_to_a_mouse_to_keys_and_to_a_search() {
    let folder = folder();
    let service = Service::start(folder.path());
    Town::new(3).live(&service, 400);
    let mut report = json!({"source": "12345", "id": "HL-20261125-0042", "lng": 121.62, "lat": 31.12});
    (report["category"], report["text"]) = (json!("90006"), json!("祖冲之路积水"));
    let receipt = send(&service, &report);
    let case = receipt["case"].to_string();
    let explained = service.get(&format!("/v1/explain/{case}?lang=zh")).text().to_owned();
    assert!(explained.contains("祖冲之路积水"), "{explained}");
    let mut browser = open(&service, DESK);

    // A click on a row, and Escape back to it.
    let row = format!("#case-rows tr[data-key=\"{case}\"] .case-name");
    browser.click(&row);
    assert_eq!(paper(&mut browser), (format!("案件 {case}"), explained.clone()));
    browser.picture("desk-explained");
    browser.press("Escape");
    browser.until("!document.querySelector('#paper').open", PAPER);
    assert_eq!(browser.ask(&format!("document.activeElement.matches({row:?})")), true);

    // Keys alone: the first one offers the way to the list.
    browser.go(&format!("http://{}/", service.http));
    catch_up(&mut browser, &service);
    browser.press("Tab");
    assert_eq!(browser.ask("document.activeElement.className"), "skip");
    browser.press("Enter");
    assert_eq!(browser.ask("document.activeElement.id"), "cases-panel");
    tab_to(&mut browser, ".case-name");
    let second = browser.ask("document.querySelector('#case-rows tr:nth-child(2)').dataset.key");
    browser.press("ArrowDown");
    browser.press("ArrowDown");
    browser.press("ArrowUp");
    browser.press("Enter");
    let (title, text) = paper(&mut browser);
    let second = second.as_str().expect("text");
    assert_eq!(title, format!("案件 {second}"));
    assert_eq!(text, service.get(&format!("/v1/explain/{second}?lang=zh")).text());
    assert_eq!(browser.ask("document.querySelector('#paper').contains(document.activeElement)"), true);
    browser.press("Escape");
    browser.until("!document.querySelector('#paper').open", PAPER);
    assert_eq!(browser.ask("document.activeElement.closest('tr')?.dataset.key"), second);

    // The map by keys: near enough, Enter shows the cases of the cell under the cross, Escape all again.
    browser.go(&format!("http://{}/", service.http));
    catch_up(&mut browser, &service);
    tab_to(&mut browser, "#map");
    browser.press("+");
    browser.press("ArrowLeft");
    for key in ["ArrowUp", "ArrowRight", "ArrowDown", "ArrowLeft", "-", "ArrowUp"].iter().cycle().take(60) {
        browser.press(key);
        if browser.ask(&of_modules(&["view"], "page.view.hover !== null")) == true {
            break;
        }
    }
    browser.until("!document.querySelector('#map-tip').hidden", "'no cell is near the cross'");
    browser.press("Enter");
    browser.until("!document.querySelector('#cell-chip').hidden", "document.querySelector('#filters').innerText");
    let cell = browser.ask("document.querySelector('#cell-chip').textContent.replace(/\\D/g, '')");
    let told = browser.ask("document.querySelector('#map-says').textContent");
    assert!(told.as_str().expect("text").contains(cell.as_str().expect("text")), "who listens is told: {told}");
    browser.until(
        "document.querySelectorAll('#case-rows tr').length > 0",
        "document.querySelector('#cases-panel').innerText",
    );
    browser.press("Escape");
    browser.until("document.querySelector('#cell-chip').hidden", "document.querySelector('#filters').innerText");

    // Whatever people have in hand leads there: the case, its tracking number, its order, the report.
    let tracking = receipt["tracking"].as_str().expect("text");
    let order = receipt["order"].as_str().expect("text");
    for name in [&case, tracking, order, "12345/HL-20261125-0042", "HL-20261125-0042"] {
        browser.click("#search-id");
        browser.ask("document.querySelector('#search-id').select()");
        browser.write(name);
        browser.press("Enter");
        let (_, text) = paper(&mut browser);
        assert!(text.contains("祖冲之路积水") && text.contains(tracking), "{name}: {text}");
        browser.press("Escape");
        browser.until("!document.querySelector('#paper').open", PAPER);
    }
    assert_eq!(browser.complaints(), [""; 0]);
    // What is not there is said, in the language of the page.
    browser.click("#search-id");
    browser.ask("document.querySelector('#search-id').select()");
    browser.write("SL999999999999");
    browser.press("Enter");
    browser.until("document.querySelector('#paper-state').textContent.startsWith('查询失败：')", PAPER);
    assert_eq!(browser.ask("document.querySelector('#paper-text').hidden"), true);
}

#[test]
fn an_alarm_shows_while_the_service_is_gone_and_the_page_comes_back_by_itself() {
    let folder = folder();
    let service = Service::start(folder.path());
    Town::new(4).live(&service, 300);
    let mut browser = open(&service, DESK);
    assert_eq!(browser.ask("document.querySelector('#alarm').hidden"), true);
    browser.ask("void (window.isTheSame = true)");
    let place = service.http;
    service.kill();
    let alarm = "document.querySelector('#alarm').innerText";
    browser.until("!document.querySelector('#alarm').hidden", alarm);
    let told = browser.ask(alarm);
    assert!(told.as_str().is_some_and(|told| told.contains("连接中断") && told.contains("重连")), "{told}");
    assert_eq!(browser.ask("document.querySelector('#connection').innerText"), "连接中断");
    let service_is = "document.querySelector('#health [data-key=service] dd').innerText.trim()";
    assert_eq!(browser.ask(service_is), "失联");
    browser.picture("desk-alarm");

    let service = Service::start_again(folder.path(), place);
    browser.until("document.querySelector('#alarm').hidden", alarm);
    assert_eq!(browser.ask("document.querySelector('#connection').innerText"), "实时");
    browser.until(&format!("{service_is} === '正常'"), service_is);
    let report =
        json!({"source": "app", "id": "behind", "lng": 121.71, "lat": 31.02, "category": "01037", "text": "路灯不亮"});
    let receipt = send(&service, &report);
    browser.until(
        &format!("document.querySelector('#case-rows tr[data-key=\"{}\"]')", receipt["case"]),
        "document.querySelector('#case-rows').innerText",
    );
    catch_up(&mut browser, &service);
    assert_eq!(browser.ask("window.isTheSame"), true, "nobody loaded the page again");
    let complaints = browser.complaints();
    let is_lost = |complaint: &String| complaint.contains("/v1/live") || complaint.contains("net::ERR_CONNECTION");
    assert!(complaints.iter().all(is_lost), "{complaints:?}");
}

/// What lies beyond the right edge of the screen, or is wider than what holds it.
const BEYOND: &str = include_str!("page/beyond.js");

/// Controls that cannot be brought into sight and hit, or are too small to be.
const OUT_OF_REACH: &str = include_str!("page/out_of_reach.js");

#[test]
fn a_phone_shows_everything() {
    let folder = folder();
    let service = Service::start(folder.path());
    Town::new(5).live(&service, 1500);
    let mut browser = open(&service, PHONE);
    for language in ["zh", "en"] {
        browser.go(&format!("http://{}/?lang={language}", service.http));
        catch_up(&mut browser, &service);
        assert_eq!(browser.ask(BEYOND), json!([]), "{language}");
        assert_eq!(browser.ask(OUT_OF_REACH), json!([]), "{language}");
        browser.picture(&format!("phone-{language}"));
        browser.ask("document.querySelector('#cases-panel').scrollIntoView()");
        browser.picture(&format!("phone-cases-{language}"));
        browser.click("#case-rows tr:nth-child(2) .case-name");
        paper(&mut browser);
        assert_eq!(browser.ask(BEYOND), json!([]), "{language}");
        browser.picture(&format!("phone-explained-{language}"));
        browser.click("#paper-close");
        browser.until("!document.querySelector('#paper').open", PAPER);
        browser.ask("document.querySelector('.budgets-panel').scrollIntoView()");
        browser.picture(&format!("phone-below-{language}"));
    }
    assert_eq!(browser.complaints(), [""; 0]);
}

/// Roles of what people do something with, and of what else can have the focus.
const CONTROLS: [&str; 10] = [
    "button",
    "link",
    "searchbox",
    "textbox",
    "combobox",
    "application",
    "Canvas",
    "DisclosureTriangle",
    "dialog",
    "region",
];

/// Texts on the screen whose contrast with what lies under them is below 4.5 (WCAG 2.2, 1.4.3), with that contrast.
const FAINT: &str = include_str!("page/faint.js");

#[test]
fn everything_has_a_name_and_can_be_read() {
    let folder = folder();
    let service = Service::start(folder.path());
    Town::new(6).live(&service, 800);
    let mut browser = open(&service, DESK);
    browser.ask("document.querySelector('.by-source').open = true");
    for (scheme, is_open) in [("light", false), ("dark", false), ("dark", true), ("light", true)] {
        browser.scheme(scheme);
        if is_open {
            browser.click("#case-rows tr:nth-child(1) .case-name");
            paper(&mut browser);
        }
        browser.settle();
        let contrasts = browser.ask(FAINT);
        assert_eq!(contrasts["faint"], json!([]), "{scheme}");
        assert!(number(&contrasts["seen"]) > 40, "{contrasts}");
        browser.picture(&format!("desk-{scheme}{}", if is_open { "-explained" } else { "" }));
        if is_open {
            browser.press("Escape");
            browser.until("!document.querySelector('#paper').open", PAPER);
        }
        let nodes = browser.accessible();
        let (mut controls, mut nameless) = (0, Vec::new());
        for node in nodes.iter().filter(|node| node["ignored"] == false) {
            let role = node["role"]["value"].as_str().unwrap_or_default();
            let is_focusable = node["properties"].as_array().is_some_and(|properties| {
                properties.iter().any(|property| property["name"] == "focusable" && property["value"]["value"] == true)
            });
            // What a list offers belongs to its control.
            if ["RootWebArea", "MenuListPopup", "option"].contains(&role)
                || !(is_focusable || CONTROLS[..8].contains(&role))
            {
                continue;
            }
            controls += 1;
            let name = node["name"]["value"].as_str().unwrap_or_default();
            if name.trim().is_empty() || !CONTROLS.contains(&role) {
                nameless.push(format!("{role} {name:?} {}", node["backendDOMNodeId"]));
            }
        }
        assert!(nameless.is_empty() && controls > 30, "{controls} controls, {nameless:?}");
    }
    assert_eq!(browser.complaints(), [""; 0]);
}

/// A frame at 20 a second: what a hand on the map does not feel.
const FRAME_MS: f64 = 50.0;

#[test]
fn forty_thousand_cells_are_drawn_within_a_frame() {
    let folder = folder();
    let service = Service::start(folder.path());
    Town::new(7).live(&service, 50);
    let mut browser = open(&service, DESK);
    // The page's own fold and its own drawing, with a city in which every cell has open cases.
    let measured = browser.ask(&of_modules(&["town", "panels", "view", "live"], include_str!("page/cells.js")));
    println!("{measured}");
    assert_eq!(measured["size"], 40_000);
    for key in ["far", "near"] {
        let ms = measured[key].as_f64().expect("a number");
        assert!(ms > 0.0 && ms < FRAME_MS, "{key}: {measured}");
    }
    browser.picture("desk-cells");
}

/// What citizens said about themselves, and what of it must be seen nowhere.
const SECRETS: [&str; 6] = ["欧阳测试", "13912345678", "13700001111", "祖冲之路899弄", "602室", "ouyang@example.org"];

#[test]
fn nothing_that_a_citizen_said_of_themselves_is_shown() {
    let folder = folder();
    let service = Service::start(folder.path());
    let report = |id: &str, east: f64| {
        json!({
            "source": "12345", "id": id, "lng": 121.5 + east, "lat": 31.2, "category": "06028",
            "title": "欧阳测试反映夜间噪声",
            "text": "我是欧阳测试，家住祖冲之路899弄12号602室，请打13700001111联系",
            "address": "祖冲之路899弄12号602室", "reporter": "13912345678", "media": ["ouyang@example.org"],
            "name": "欧阳测试", "phone": "13912345678",
            "contact": {"name": "欧阳测试", "mail": "ouyang@example.org"},
        })
    };
    let mut browser = open(&service, DESK);
    let mut lines = vec![report("a", 0.0), report("b", 0.0), report("c", 0.01), report("a", 0.0)];
    // One that nobody can place, one that is turned away, and one that says something else under the same id.
    lines.push(report("d", 0.02));
    for key in ["lng", "lat"] {
        lines[4].as_object_mut().expect("an object").remove(key);
    }
    lines.push(report("e", 0.03));
    lines[5]["lat"] = json!("欧阳测试");
    lines.push(report("c", 0.01));
    lines[6]["text"] = json!("欧阳测试，13700001111");
    let sent: String = lines.iter().map(|line| line.to_string() + "\n").collect();
    let receipts = service.lines(sent.as_bytes());
    let answers: Vec<&str> = receipts.iter().filter_map(|receipt| receipt["answer"].as_str()).collect();
    assert_eq!(answers, ["opened", "merged", "opened", "duplicate", "review", "refused", "duplicate"]);
    catch_up(&mut browser, &service);
    browser.until("document.querySelectorAll('#case-rows tr').length === 3", "document.body.innerText");

    let next = number(&service.get("/v1/summary").json()["next"]);
    let mut told: Vec<(String, String)> = vec![("receipts".to_owned(), format!("{receipts:?}"))];
    for path in [
        "/v1/cases",
        "/v1/cases/1",
        "/v1/reports/1",
        "/v1/orders",
        "/v1/units",
        "/v1/cells",
        "/v1/summary",
        "/metrics",
        "/",
    ] {
        let answer = service.get(path);
        assert_eq!(answer.status, 200, "{path}");
        told.push((path.to_owned(), answer.text().to_owned()));
    }
    told.push(("/v1/events".to_owned(), stream(&service, "/v1/events?from=0", &format!("id: {}.", next - 1))));
    told.push(("/v1/live".to_owned(), stream(&service, "/v1/live", "\n\n")));
    let held = of_modules(&["town"], "JSON.stringify({ ...page.town, cases: [...page.town.cases.byNumber] })");
    let kept = "JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])";
    for (place, of) in
        [("the page", "document.documentElement.outerHTML"), ("its memory", &held), ("its storage", kept)]
    {
        told.push((place.to_owned(), browser.words(of)));
    }
    // Those words are there to be found: whoever asks why is told what was said, and nobody else.
    let explained = service.get("/v1/explain/1").text().to_owned();
    assert!(explained.contains("祖冲之路899弄"), "{explained}");
    told.push(("what it says at start".to_owned(), service.facts.clone()));
    let (code, said) = service.end();
    assert_eq!(code, Some(0));
    told.push(("what it says".to_owned(), said));
    for (place, text) in &told {
        for secret in SECRETS {
            assert!(!text.contains(secret), "{place} shows {secret}");
        }
        assert!(text.len() > 2, "{place} says something");
    }
}

/// What a stream says up to a piece of text that must come.
fn stream(service: &Service, path: &str, last: &str) -> String {
    let mut stream = service::connect(service.http).expect("connected");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", service.http).expect("written");
    let (mut text, mut piece) = (String::new(), vec![0; 1 << 16]);
    let mut bytes = Vec::new();
    while !text.contains("data: ") || !text.contains(last) {
        let read = stream.read(&mut piece).expect("the stream goes on");
        assert!(read > 0, "{path} ended before {last}:\n{text}");
        bytes.extend_from_slice(&piece[..read]);
        text = String::from_utf8_lossy(&bytes).into_owned();
    }
    text
}

/// Most bytes of a picture that people are shown.
const PICTURE_BYTES: usize = 300_000;

/// The page in the middle of a day, as README shows it. `PAIDAN_PICTURE_SECONDS` asks for a longer look: 300 fill its five
/// minutes.
#[test]
fn a_picture_of_the_page_is_small_enough_to_be_shown() {
    let seconds: u64 =
        std::env::var("PAIDAN_PICTURE_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(2);
    let folder = folder();
    let service = Service::start(folder.path());
    let mut town = Town::new(8);
    town.live(&service, 2000);
    let mut browser = open(&service, DESK);
    for second in 0..seconds {
        let wave = (second as f64 / 37.0).sin() + (second as f64 / 11.0).sin() / 2.0;
        town.live(&service, (22.0 + 10.0 * wave) as usize);
        // The town's own pace: nothing is waited for.
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
    catch_up(&mut browser, &service);
    browser.settle();
    let (path, png) = browser.picture("page");
    assert!(png.len() <= PICTURE_BYTES, "{}: {} bytes", path.display(), png.len());
}
