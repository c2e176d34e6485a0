//! A small city and a short day in it: every kind of answer once, run by the real program.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

const SETTINGS: &str = r#"
[city]
id = "small"
name_zh = "小城"
name_en = "Small"

[grid]                       # 4 × 2 cells of about 190 × 220 m; the west half is area a0, the east half a1
west = 121000000
south = 31000000
east = 121008000
north = 31004000
cell_width = 2000
cell_height = 2000
area_columns = 2
area_rows = 2
cell_code = "index"

[time]
jump_minutes = 600

[[policy]]
name = "spot"
merge = { window = "sliding", minutes = 10, grace_s = 60 }
same_place = "radius"
radius_m = 50
assign = "nearest"

[[policy]]
name = "cell"
merge = { window = "sliding", minutes = 10, grace_s = 60 }
same_place = "cell"
assign = "least_loaded"

[[source]]
name = "app"
name_zh = "应用"
kind = "app"
urgency = "C"
late = "refuse"
may = ["report", "action", "unit"]
dedup = { window = "sliding", minutes = 10, grace_s = 60 }

[[source]]
name = "12345"
name_zh = "热线"
kind = "hotline"
urgency = "C"
late = "dispatch"
trust_urgency = true
may = ["report"]
dedup = { window = "sliding", minutes = 10, grace_s = 60 }
"#;

const TABLES: [(&str, &str); 5] = [
    (
        "classes.csv",
        "code,name_zh,name_en,urgency,policy,limit_min,aliases\nleak,漏水,Leak,B,spot,60,漏水\nlamp,路灯,Lamp,C,cell,,\n",
    ),
    ("departments.csv", "code,name_zh,name_en\nW,水务局,Water\nS,街道,Street\n"),
    ("areas.csv", "code,name_zh,name_en\na0,西街道,West\na1,东街道,East\n"),
    ("duty.csv", "class,scope,where,department,tier\nleak,district,,W,district\n*,district,,S,street\n"),
    (
        "units.csv",
        "code,department,area,lng,lat,capacity\nw0,W,a0,121.001,31.001,1\nw1,W,a0,121.003,31.001,1\ns0,S,,,,1\n",
    ),
];

/// When the day begins.
pub const START: i64 = 1_767_225_600_000;

/// The day, a line for each record.
pub fn day() -> Vec<String> {
    let report = |id: &str, second: i64, east: f64, more: Value| {
        let mut line = json!({
            "source": "app", "id": id, "ts": START + second * 1000, "lng": 121.001 + east, "lat": 31.001,
            "category": "漏水", "text": "路面冒水", "reporter": {"phone": "13900000001"},
        });
        for (key, value) in more.as_object().expect("fields") {
            line[key] = value.clone();
        }
        line.to_string()
    };
    let act = |id: &str, second: i64, action: &str, order: &str| {
        let ts = START + second * 1000;
        json!({"source": "app", "kind": "action", "id": id, "ts": ts, "action": action, "order": order}).to_string()
    };
    let none = || json!({});
    vec![
        report("r1", 0, 0.0, json!({"urgency": "A"})), // 1 opens; w0 is nearest
        report("r2", 1, 0.000_65, none()),             // 2 opens 62 m away; w0 is full, w1
        report("r3", 2, 0.000_25, json!({"reporter": "小王"})), // 3 joins 1 at 24 m; 2 is 38 m away
        report("r1", 0, 0.0, json!({"urgency": "A"})), // 4 the same as 1
        report("r1", 0, 0.0, json!({"text": "还在冒水"})), // 5 the same, with another body
        report("r4", 3, 0.002, none()),                // 6 water is full, the street takes it
        report("r5", 4, 0.006, json!({"source": "12345", "urgency": "A"})), // 7 in a1, where water has no unit; the street is full: waits
        act("a1", 5, "return", "1-1"), // 8 w0 gives 1 back, which waits; w0 is free again
        json!({"source": "app", "id": "r6", "ts": START + 6000, "category": "漏水"}).to_string(), // 9 no place
        "{\"source\":\"app\",\"id\":\"r7\"".to_owned(), // 10 no JSON
        report("r8", 7, 0.0, json!({"category": "怪事"})), // 11 no class
        act("a2", 8, "accept", "2-1"), // 12
        act("a3", 9, "done", "2-1"),   // 13 w1 is free: case 1
        act("a4", 10, "close", "2-1"), // 14
        json!({"source": "app", "id": "r9", "ts": START + 11_000, "cell": "5", "category": "lamp"}).to_string(), // 15
        report("900001", 3000, 0.004, json!({"source": "12345"})), // 16 an hour later
        report("900001", 3000, 0.004, none()), // 17 another source's
        report("r10", 12, 0.0, none()), // 18 too late
        act("a5", 3001, "accept", "1-1"), // 19 an order that was followed by another
    ]
}

/// The day in a data folder.
pub struct Small {
    folder: TempDir,
    /// The data folder.
    pub data: PathBuf,
    /// The decisions of the run, a line for each effect.
    pub decisions: Vec<Value>,
}

impl Small {
    /// Runs the day.
    pub fn new() -> Self {
        Self::of(&day())
    }

    /// Runs other lines in the same city.
    pub fn of(lines: &[String]) -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder in target");
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("city")).expect("a folder");
        for (name, text) in TABLES.into_iter().chain([("city.toml", SETTINGS)]) {
            std::fs::write(path("city").join(name), text).expect("a city");
        }
        std::fs::write(path("day.ndjson"), lines.join("\n") + "\n").expect("a file");
        run(&path("day.ndjson"), &path("city"), &path("data"), &path("out"));
        let mut replay = paidan("replay");
        ended(replay.arg(path("data")).arg("--out").arg(path("again")), 0);
        let decisions = std::fs::read_to_string(path("again")).expect("decisions");
        assert_eq!(std::fs::read_to_string(path("out")).expect("decisions"), decisions);
        let decisions = decisions.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        Self { data: path("data"), folder, decisions }
    }

    /// A path beside the data folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// The program, with nothing on standard input.
pub fn paidan(mode: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paidan"));
    command.arg(mode).stdin(Stdio::null());
    command
}

/// What a program writes, if it ends with `code`; and what it says on stderr.
#[track_caller]
fn ended(command: &mut Command, code: i32) -> (String, String) {
    let output = command.output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program writes UTF-8");
    let (out, stderr) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(code), "{command:?}: {stderr}");
    (out, stderr)
}

/// Decides about a file.
#[track_caller]
pub fn run(file: &Path, city: &Path, data: &Path, out: &Path) {
    let mut run = paidan("run");
    run.arg(file).arg("--city").arg(city).arg("--data").arg(data).arg("--out").arg(out).arg("--quiet");
    ended(&mut run, 0);
}

/// What a command about a data folder writes, if it ends with `code`; and what it says on stderr.
#[track_caller]
pub fn said(mode: &str, data: &Path, arguments: &[&str], code: i32) -> (String, String) {
    let mut command = paidan(mode);
    match mode {
        "inspect" => command.arg(data),
        _ => command.arg("--data").arg(data),
    };
    ended(command.args(arguments), code)
}
