//! `paidan train` and `paidan eval` as a centre uses them, on messages that are written here.

#[path = "common/command.rs"]
mod command;

use std::fs;
use std::path::PathBuf;

use command::{paidan, path, text};
use paidan::rehearsal::rng::Rng;
use serde_json::{Value, json};

/// What people write about, and in which words.
const MATTERS: [(&str, [&str; 6]); 4] = [
    ("照明", ["路灯不亮", "路灯忽明忽暗", "灯杆歪了", "夜里一片漆黑", "灯罩掉下来", "路灯白天也开着"]),
    ("水务", ["自来水管爆裂", "水压很低", "水龙头出黄水", "窨井往外冒水", "停水一整天", "管道漏水"]),
    ("环卫", ["垃圾没有清运", "垃圾桶满了", "建筑垃圾堆在路边", "臭味很大", "没人打扫", "偷倒渣土"]),
    ("交通", ["红绿灯坏了", "车辆乱停", "公交车不停站", "堵车严重", "斑马线看不清", "电动车逆行"]),
];
const PLACES: [&str; 7] = ["祖冲之路", "世纪大道", "龙阳路", "张江地铁站", "我们小区", "学校门口", "菜场后面"];
const WORDS: [&str; 6] = ["请尽快处理", "已经反映过几次", "居民意见很大", "希望有关部门重视", "谢谢", "等了三天了"];

/// A message of a seed: a matter, a place, two of its phrases, other words; every fifth has no title. Of twenty, one is said to be
/// something else, if people err.
fn message(seed: u64, people_err: bool) -> String {
    let mut rng = Rng::seeded(seed);
    let matter = rng.below(MATTERS.len() as u32) as usize;
    let (label, phrases) = MATTERS[matter];
    let (place, first, second) = (rng.pick(&PLACES), rng.pick(&phrases), rng.pick(&phrases));
    let label = if people_err && rng.below(20) == 0 { rng.pick(&MATTERS).0 } else { label };
    let title = (rng.below(5) > 0).then(|| format!("{place}{first}"));
    let text = format!("{place}{seed}号,{second},{first}。{}{}", rng.pick(&WORDS), rng.pick(&WORDS));
    json!({"id": seed, "title": title, "text": text, "label": label}).to_string() + "\n"
}

fn messages(count: u64) -> String {
    (0..count).map(|seed| message(seed, true)).collect()
}

/// A folder with a model that was trained in it.
struct Trained {
    folder: tempfile::TempDir,
    model: PathBuf,
    told: String,
}

fn train(data: &str, more: &[&str]) -> Trained {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, model) = (folder.path().join("messages.jsonl"), folder.path().join("text.model"));
    fs::write(&file, data).expect("written");
    let output = paidan(&[&["train", path(&file), "--out", path(&model)], more].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    Trained { told: text(&output.stdout).to_owned(), folder, model }
}

#[test]
fn a_model_learns_and_its_worth_is_told_in_text_json_and_a_picture() {
    let trained = train(&messages(600), &[]);
    assert!(trained.told.contains("messages 600") && trained.told.contains("classes 4"), "{}", trained.told);
    let folder = trained.folder.path();
    let (data, json, svg) = (folder.join("held-out.jsonl"), folder.join("figures.json"), folder.join("figures.svg"));
    // Others, all of them under their right label.
    let others: String = (10_000..11_000).map(|seed| message(seed, false)).collect();
    fs::write(&data, others).expect("written");
    let output = paidan(&["eval", path(&trained.model), path(&data), "--json", path(&json), "--svg", path(&svg)]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for part in ["macro-F1", "ECE", "照明", "coverage", "recall"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let figures: Value = serde_json::from_slice(&fs::read(&json).expect("written")).expect("JSON");
    let number = |key: &str| figures[key].as_f64().unwrap_or_else(|| panic!("{key}: {figures}"));
    assert!(number("macro_f1") > 0.99 && number("accuracy") > 0.99 && number("ece") < 0.1, "{figures}");
    assert_eq!((figures["messages"].as_u64(), figures["trained_on"].as_u64()), (Some(1_000), Some(600)));
    let sum: u64 = figures["confusion"]
        .as_array()
        .expect("rows")
        .iter()
        .flat_map(|row| row.as_array().expect("a row"))
        .map(|n| n.as_u64().expect("a count"))
        .sum();
    assert_eq!((sum, figures["classes"].as_array().expect("classes").len()), (1_000, 4));
    assert_eq!(figures["coverage"].as_array().expect("a curve").len(), 20);
    let picture = fs::read_to_string(&svg).expect("written");
    assert!(picture.starts_with("<svg ") && picture.contains("环卫") && picture.ends_with("</svg>\n"));
    let output = paidan(&["eval", path(&trained.model), path(&data), "--json", "-"]);
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).expect("JSON alone"), figures);
}

#[test]
fn the_same_messages_and_seed_make_the_same_file_whatever_the_threads() {
    let data = messages(300);
    let bytes = |more: &[&str]| fs::read(train(&data, more).model).expect("written");
    let one = bytes(&["--threads", "1"]);
    assert_eq!(bytes(&["--threads", "2"]), one);
    assert_eq!(bytes(&["--threads", "7"]), one);
    assert_ne!(bytes(&["--seed", "2"]), one);
}

#[test]
fn lines_that_are_no_messages_are_told_with_file_line_and_reason() {
    let bad = "nothing\n{\"title\":null,\"text\":null,\"label\":\"水务\"}\n{\"text\":\"漏水\"}\n";
    let folder = tempfile::tempdir().expect("a folder");
    let (file, model) = (folder.path().join("messages.jsonl"), folder.path().join("text.model"));
    fs::write(&file, messages(200) + bad).expect("written");
    let arguments = ["train", path(&file), "--out", path(&model), "--json"];
    let output = paidan(&arguments);
    let (told, trained) = (text(&output.stderr), serde_json::from_slice::<Value>(&output.stdout).expect("JSON"));
    assert_eq!(
        (output.status.code(), trained["messages"].as_u64(), trained["bad_lines"].as_u64()),
        (Some(0), Some(200), Some(3))
    );
    for (line, reason) in [(201, "expected"), (202, "neither title nor text"), (203, "no label")] {
        let found = told.lines().find(|told| told.contains(&format!("messages.jsonl:{line}: ")));
        assert!(found.is_some_and(|told| told.contains(reason)), "{line}: {told}");
    }
    fs::remove_file(&model).expect("it was there");
    let output = paidan(&[&arguments[..], &["--strict"]].concat());
    assert!(output.status.code() == Some(2) && !model.exists(), "{}", text(&output.stderr));
}

#[test]
fn what_cannot_be_used_is_refused_and_says_why() {
    let trained = train(&messages(200), &[]);
    let folder = trained.folder.path();
    let check = |arguments: &[&str], code: i32, why: &str| {
        let output = paidan(arguments);
        let told = text(&output.stderr);
        assert!(output.status.code() == Some(code) && told.contains(why), "{arguments:?}: {told}");
    };
    let (data, empty, one) = (folder.join("messages.jsonl"), folder.join("empty.jsonl"), folder.join("one.jsonl"));
    let (out, cut, turned) = (folder.join("out.model"), folder.join("cut.model"), folder.join("turned.model"));
    fs::write(&empty, "\n").expect("written");
    fs::write(&one, message(1, false).repeat(9)).expect("written");
    let model = fs::read(&trained.model).expect("there");
    fs::write(&cut, &model[..model.len() / 2]).expect("written");
    let mut bytes = model;
    bytes[5_000] ^= 16;
    fs::write(&turned, bytes).expect("written");
    check(&["train", path(&empty), "--out", path(&out)], 2, "no message");
    check(&["train", path(&one), "--out", path(&out)], 2, "1 labels");
    check(&["train", path(&folder.join("absent")), "--out", path(&out)], 1, "absent");
    check(&["train", path(&data), "--out", path(&folder.join("absent/out.model"))], 1, "out.model");
    check(&["eval", path(&cut), path(&data)], 2, "not whole");
    check(&["eval", path(&turned), path(&data)], 2, "SHA-256");
    check(&["eval", path(&data), path(&data)], 2, "no model");
    check(&["eval", path(&trained.model), path(&empty)], 2, "no message");
    // Labels that the model does not know are wrong, and told.
    fs::write(&one, "{\"text\":\"路灯不亮\",\"label\":\"园林\"}\n").expect("written");
    let output = paidan(&["eval", path(&trained.model), path(&one)]);
    assert!(output.status.success() && text(&output.stdout).contains("园林"), "{}", text(&output.stdout));
}
