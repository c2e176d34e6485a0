//! A browser: headless Chromium, driven over a pipe of its own by the DevTools protocol, without anything in between.

#![allow(dead_code, reason = "each test that looks at a page uses another part of this")]

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything in a page may take that a test waits for.
const LIMIT: Duration = Duration::from_secs(60);
/// How long the browser's own answer may take: it may be about something that is waited for.
const ANSWER: Duration = Duration::from_secs(90);
/// Messages that wait to be looked at; then the browser waits.
const MESSAGES_MAX: usize = 1024;
/// What the program is called, by those who package it.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// A browser with one page. Dropped, it ends.
pub struct Browser {
    child: Child,
    /// None once it was told to end.
    to: Option<ChildStdin>,
    from: Receiver<Value>,
    reading: Option<JoinHandle<()>>,
    session: Option<String>,
    asked: u64,
    events: Vec<Value>,
    complaints: Vec<String>,
    requests: Vec<String>,
    /// Its profile, and what it says.
    folder: TempDir,
}

impl Browser {
    /// Starts one whose window is so large.
    pub fn start(width: u32, height: u32) -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder in target");
        let said = File::create(folder.path().join("said")).expect("a file");
        // The browser reads from its third handle and writes to its fourth: they are the shell's two ends of pipes.
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>&2"]).arg(program());
        command.args(["--headless=new", "--no-sandbox", "--remote-debugging-pipe", "--no-first-run", "--lang=zh-CN"]);
        command.args([
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-extensions",
            "--disable-component-update",
        ]);
        command.args(["--disable-background-networking", "--disable-sync", "--disable-breakpad", "--mute-audio"]);
        command.arg(format!("--user-data-dir={}", folder.path().join("profile").display())).arg("about:blank");
        // Where the city is.
        command.env("TZ", "Asia/Shanghai");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(said);
        let mut child = command.spawn().expect("sh starts");
        let to = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, from) = sync_channel(MESSAGES_MAX);
        let reading = std::thread::spawn(move || {
            for message in stdout.split(0) {
                let Ok(message) = message else { return };
                let message = serde_json::from_slice(&message).expect("the browser speaks JSON");
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser = Self {
            child,
            to,
            from,
            reading: Some(reading),
            session: None,
            asked: 0,
            events: Vec::new(),
            complaints: Vec::new(),
            requests: Vec::new(),
            folder,
        };
        browser.attach();
        browser.size(width, height);
        browser.scheme("light");
        browser
    }

    fn attach(&mut self) {
        let targets = self.call("Target.getTargets", json!({}))["targetInfos"].clone();
        let pages = targets.as_array().expect("targets").iter().filter(|target| target["type"] == "page");
        let page = pages.map(|page| page["targetId"].clone()).next().expect("the browser opens a page");
        let attached = self.call("Target.attachToTarget", json!({"targetId": page, "flatten": true}));
        self.session = Some(text(&attached["sessionId"]));
        for domain in ["Page", "Runtime", "Log", "Network", "Accessibility"] {
            self.call(&format!("{domain}.enable"), json!({}));
        }
    }

    /// Calls a method of the protocol, and gives its result.
    #[track_caller]
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let mut message = json!({"id": self.asked, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        let to = self.to.as_mut().expect("it was not told to end");
        if let Err(why) = to.write_all(&bytes) {
            panic!("{method}: {why}; the browser said:\n{}", self.said());
        }
        let until = Instant::now() + ANSWER;
        loop {
            let message = self.receive(until, method);
            if message["id"] == self.asked {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
        }
    }

    /// Waits for an event that comes from now on, and gives what it says.
    #[track_caller]
    pub fn event(&mut self, method: &str) -> Value {
        let until = Instant::now() + LIMIT;
        loop {
            if let Some(place) = self.events.iter().position(|event| event["method"] == method) {
                return self.events.swap_remove(place)["params"].take();
            }
            self.receive(until, method);
        }
    }

    /// The next message; events are noted.
    #[track_caller]
    fn receive(&mut self, until: Instant, wanted: &str) -> Value {
        match self.from.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(message) => {
                self.note(&message);
                message
            }
            Err(why) => panic!("no {wanted}: {why}; the browser said:\n{}", self.said()),
        }
    }

    fn note(&mut self, message: &Value) {
        let params = &message["params"];
        match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => self.complaints.push(params["exceptionDetails"].to_string()),
            Some("Runtime.consoleAPICalled") if params["type"] == "error" || params["type"] == "warning" => {
                self.complaints.push(params["args"].to_string());
            }
            Some("Log.entryAdded") if params["entry"]["level"] == "error" => {
                self.complaints.push(params["entry"].to_string());
            }
            Some("Network.requestWillBeSent") => self.requests.push(text(&params["request"]["url"])),
            Some("Page.loadEventFired") => self.events.push(message.clone()),
            _ => {}
        }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("said")).unwrap_or_default()
    }

    /// What went wrong in the page since this was asked for last: exceptions, errors, what its policy forbade.
    pub fn complaints(&mut self) -> Vec<String> {
        std::mem::take(&mut self.complaints)
    }

    /// Every address that was asked for something.
    pub fn requests(&self) -> &[String] {
        &self.requests
    }

    /// Goes to an address, and waits until what it names is loaded.
    #[track_caller]
    pub fn go(&mut self, address: &str) {
        self.events.clear();
        let went = self.call("Page.navigate", json!({"url": address}));
        assert!(went["errorText"].is_null(), "{address}: {went}");
        self.event("Page.loadEventFired");
    }

    /// What an expression of JavaScript is in the page; a promise is waited for.
    #[track_caller]
    pub fn ask(&mut self, expression: &str) -> Value {
        let how = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let mut told = self.call("Runtime.evaluate", how);
        assert!(told["exceptionDetails"].is_null(), "{expression}: {}", told["exceptionDetails"]);
        told["result"]["value"].take()
    }

    /// What an expression that is text is in the page.
    #[track_caller]
    pub fn words(&mut self, expression: &str) -> String {
        text(&self.ask(expression))
    }

    /// Waits until what was changed in the page was drawn.
    #[track_caller]
    pub fn settle(&mut self) {
        self.ask("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
    }

    /// Waits until an expression is true in the page. If it never is, `otherwise` tells how things are.
    #[track_caller]
    pub fn until(&mut self, condition: &str, otherwise: &str) {
        let limit = LIMIT.as_millis();
        let came = self.ask(&format!(
            "new Promise((done) => {{
                const until = performance.now() + {limit};
                const look = () => {{
                    if ({condition}) done(true);
                    else if (performance.now() > until) done(false);
                    else setTimeout(look, 20);
                }};
                look();
            }})"
        ));
        if came != true {
            let otherwise = self.ask(otherwise);
            panic!("never: {condition}\n{otherwise}\nthe page complained: {:?}", self.complaints);
        }
    }

    /// Whoever holds the page in hand: a size in pixels of the style sheet.
    pub fn size(&mut self, width: u32, height: u32) {
        let is_phone = width < 700;
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone});
        self.call("Emulation.setDeviceMetricsOverride", size);
        self.call("Emulation.setTouchEmulationEnabled", json!({"enabled": is_phone}));
    }

    /// What the system of whoever looks at the page prefers: `light` or `dark`, and nothing that moves.
    pub fn scheme(&mut self, scheme: &str) {
        let colours = json!({"name": "prefers-color-scheme", "value": scheme});
        let motion = json!({"name": "prefers-reduced-motion", "value": "reduce"});
        self.call("Emulation.setEmulatedMedia", json!({"features": [colours, motion]}));
    }

    /// Clicks in the middle of an element, which must be what lies there, as soon as it stands still.
    #[track_caller]
    pub fn click(&mut self, selector: &str) {
        let place = self.ask(&format!(
            "(async () => {{
                let [element, box, before] = [];
                do {{
                    before = JSON.stringify(box);
                    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
                    element = document.querySelector({selector:?});
                    element.scrollIntoView({{ block: 'nearest', inline: 'nearest' }});
                    box = element.getBoundingClientRect();
                }} while (JSON.stringify(box) !== before);
                const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
                const hit = document.elementFromPoint(x, y);
                return {{ x, y, is_hit: element.contains(hit), hit: hit?.outerHTML.slice(0, 200) }};
            }})()"
        ));
        assert_eq!(place["is_hit"], true, "{selector} is covered: {place}");
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let mut mouse = json!({"type": kind, "x": place["x"], "y": place["y"]});
            if kind != "mouseMoved" {
                mouse["button"] = json!("left");
                mouse["clickCount"] = json!(1);
            }
            self.call("Input.dispatchMouseEvent", mouse);
        }
    }

    /// Presses and releases a key, with or without Shift.
    #[track_caller]
    pub fn press(&mut self, key: &str) {
        let (key, is_shifted) = key.strip_prefix("Shift+").map_or((key, false), |key| (key, true));
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            "End" => (35, ""),
            "Home" => (36, ""),
            "ArrowLeft" => (37, ""),
            "ArrowUp" => (38, ""),
            "ArrowRight" => (39, ""),
            "ArrowDown" => (40, ""),
            "+" => (187, "+"),
            "-" => (189, "-"),
            "0" => (48, "0"),
            "1" => (49, "1"),
            "n" => (78, "n"),
            "s" => (83, "s"),
            "x" => (88, "x"),
            other => panic!("a key that is not known here: {other}"),
        };
        let modifiers = if is_shifted { 8 } else { 0 };
        let pressed = json!({"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": modifiers});
        let (mut down, mut up) = (pressed.clone(), pressed);
        (down["type"], up["type"]) = (json!("rawKeyDown"), json!("keyUp"));
        if !text.is_empty() {
            down["type"] = json!("keyDown");
            down["text"] = json!(text);
        }
        self.call("Input.dispatchKeyEvent", down);
        self.call("Input.dispatchKeyEvent", up);
    }

    /// Writes where the focus is.
    #[track_caller]
    pub fn write(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text}));
    }

    /// Every node of the tree that a screen reader is given.
    pub fn accessible(&mut self) -> Vec<Value> {
        let mut tree = self.call("Accessibility.getFullAXTree", json!({}));
        match tree["nodes"].take() {
            Value::Array(nodes) => nodes,
            other => panic!("no tree: {other}"),
        }
    }

    /// A picture of what is on the screen, as a PNG file for people to look at. Gives its path and bytes.
    pub fn picture(&mut self, name: &str) -> (PathBuf, Vec<u8>) {
        let taken = self.call("Page.captureScreenshot", json!({"format": "png", "optimizeForSpeed": false}));
        let png = from_base64(taken["data"].as_str().expect("text"));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
        std::fs::create_dir_all(&folder).expect("a folder in target");
        let path = folder.join(format!("{name}.png"));
        std::fs::write(&path, &png).expect("written");
        (path, png)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(mut to) = self.to.take() {
            let _ = to.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        }
        if let Some(reading) = self.reading.take() {
            // It reads until the browser has closed its end.
            while self.from.recv().is_ok() {}
            let _ = reading.join();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The browser of this machine.
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let places = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = places.into_iter().find(|place| place.is_file());
    found.unwrap_or_else(|| panic!("none of {NAMES:?} is in PATH: apt-get install chromium, or tests/run"))
}

/// A text that must be one.
#[track_caller]
fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// Bytes that were written in 64 characters.
fn from_base64(text: &str) -> Vec<u8> {
    let (mut bytes, mut bits, mut held) = (Vec::with_capacity(text.len() / 4 * 3), 0_u32, 0);
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        (bits, held) = (bits << 6 | u32::from(six), held + 6);
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    bytes
}
