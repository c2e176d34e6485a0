//! What the default city makes of reports that say what they are about in words: rules first, then the model, then people.

#[path = "common/built.rs"]
mod built;
#[path = "common/command.rs"]
mod command;
#[path = "common/decisions.rs"]
mod decisions;
#[path = "common/pudong.rs"]
mod pudong;

use std::fs;

use command::{paidan, path, text};
use decisions::{decided, decisions};
use paidan::city::text::Read;
use paidan::city::{City, CityFiles};
use paidan::ids::ClassId;
use paidan::rehearsal::profile::message::{self, Meaning, NONE};
use paidan::rehearsal::rng::Rng;
use paidan::report::{Urgency, Words};
use pudong::write_city;
use serde_json::{Value, json};

/// The code of what was read, or [`NONE`].
fn code(city: &City, read: Read) -> &str {
    city.classes.get(read.class.index()).map_or(NONE, |class| &class.named.code)
}

fn read(city: &City, text: &str) -> Read {
    city.classifier.read(&Words::text(text.chars()))
}

/// Sentences that neither rules nor model were made from, with their class; none for what is no matter of the city's classes.
#[rustfmt::skip]
const UNSEEN: [(&str, &str); 58] = [
    ("01037", "家门口那条弄堂晚上一点光都没有，灯泡全坏掉了，老人出门容易摔跤"),
    ("01037", "世纪大道人行道上有五根灯柱子不亮，麻烦修一下"),
    ("01003", "下暴雨把路边的雨水井盖冲走了"),
    ("01002", "门口那个污水井盖子翘边，昨天差点把我绊倒"),
    ("01001", "自来水公司的井盖压裂了，谁来换一下"),
    ("06001", "对面501室正在阳台外面搭一个玻璃房子，明显是违章"),
    ("06010", "楼下垃圾好几天没人收，堆成小山了"),
    ("06010", "有人半夜把拆下来的沙发床垫丢在马路边上"),
    ("06013", "人行道上砖头松了，下雨天一踩一身水"),
    ("06013", "路上一个大坑，我的轮胎都爆了"),
    ("06014", "一辆水泥车一路走一路漏，地上全是水泥"),
    ("06017", "小花园草坪里全是狗屎和塑料袋"),
    ("06028", "楼下烧烤店晚上放歌放到两点，没法睡"),
    ("06028", "每天早上六点公园里的喇叭就开始放音乐跳舞"),
    ("06042", "小区的湿垃圾桶每天都满出来，清洁工也不倒"),
    ("07001", "我们楼的墙上被人喷了好多疏通下水道的电话"),
    ("08001", "旁边楼盘工地天天夜里赶工，敲得震天响"),
    ("08001", "楼上装修，星期天早上七点就用电钻"),
    ("08004", "对面拆房子，灰大得窗户不敢开"),
    ("09006", "地铁口摆摊的把路都堵了，卖煎饼的油烟很大"),
    ("09009", "我家车库门口被一辆沪C牌照的车堵住了，联系不上车主"),
    ("09009", "救护车通道旁边停了十几辆私家车，都是乱停"),
    ("09010", "共享单车把盲道占满了"),
    ("09010", "地铁站外面的助动车停得乱七八糟"),
    ("09012", "十八号楼消防通道上长期停着一辆SUV"),
    ("10001", "桥上结冰，已经摔了好几个人"),
    ("10002", "刮大风把电话线吹下来了，挂在半空中很低"),
    ("10002", "有一根黑色的线从电线杆上掉下来拖在地上"),
    ("90001", "马路中间自来水管爆了，水喷得两层楼高"),
    ("90001", "门前地面一直往外渗水，像是水管漏了"),
    ("90002", "厨房没开火但是闻到很重的煤气味道"),
    ("90002", "挖机把燃气管子挖破了，嘶嘶响"),
    ("90003", "一楼卫生间返水，粪水都漫出来了"),
    ("90003", "小区下水道堵塞，污水流了一地"),
    ("90005", "马路突然塌下去一块，一辆车陷进去了"),
    ("90006", "下了一夜雨，小区里的水到膝盖了"),
    ("90006", "隧道里面积水，好几辆车抛锚"),
    ("90008", "昨晚台风把一棵香樟树吹倒了，压在车上"),
    ("90008", "树枝断了挂在树上，随时要掉下来"),
    ("90010", "我和三个同事被关在电梯里已经半小时了"),
    ("90010", "电梯又坏了，二十楼的老人下不来"),
    ("01050", "路口的摄像头被撞歪了，朝着天上"),
    ("", "想问一下退休金什么时候发"),
    ("", "公司三个月没发工资了"),
    ("", "我要表扬居委会的小王，帮我找回了钱包"),
    ("", "孩子的学籍怎么转到浦东"),
    ("", "网上买了一个热水器，商家不给退"),
    ("", "请问公园几点关门"),
    ("", "我想申请在小区里装充电桩，物业不同意"),
    ("", "小区垃圾分类督导员态度恶劣"),
    ("", "咨询加装电梯的流程和补贴"),
    ("", "请问燃气灶的补贴怎么申请"),
    ("", "路灯下面有人跳广场舞吗，我想参加"),
    ("", "我在路口被电子警察拍了，想申诉"),
    ("", "停车场收费太高，能不能便宜点"),
    ("", "外地车牌几点可以上高架"),
    ("", "请问共享单车押金怎么退"),
    ("", "井盖广告设计公司的联系方式是多少"),
];

#[test]
fn sentences_that_nobody_has_seen_are_mostly_right_and_hardly_ever_wrong() {
    let city = City::pudong();
    let (mut right, mut asked, mut wrong) = (0, 0, Vec::new());
    for (class, text) in UNSEEN {
        let class = if class.is_empty() { NONE } else { class };
        match code(&city, read(&city, text)) {
            said if said == class => right += 1,
            NONE => asked += 1,
            said => wrong.push((said.to_owned(), text)),
        }
    }
    println!("{right} right, {asked} for people, {} wrong: {wrong:?}", wrong.len());
    assert!(right >= 49 && wrong.len() <= 4, "{right} right, {asked} for people, wrong: {wrong:?}");
}

/// A message of the rehearsal.
fn made_up(rng: &mut Rng) -> (Meaning, String) {
    let mut out = vec![b'"'];
    let meaning = message::write(rng, &mut out);
    out.push(b'"');
    (meaning, serde_json::from_slice(&out).expect("a string"))
}

#[test]
fn rules_and_model_agree_with_whoever_wrote_the_messages() {
    let (city, mut rng) = (City::pudong(), Rng::seeded(77));
    let (mut by_rule, mut by_model) = (0, 0);
    for _ in 0..10_000 {
        let (Meaning { label, .. }, text) = made_up(&mut rng);
        assert_eq!(code(&city, read(&city, &text)), label, "{text}");
        let grounds = city.classifier.grounds(&Words::text(text.chars()), false);
        assert!(label != NONE || grounds.urgency.is_none(), "{grounds:?} {text}");
        match (grounds.rule, grounds.guess) {
            (Some(_), None) => by_rule += 1,
            (None, Some(_)) => by_model += 1,
            (rule, guess) => panic!("{rule:?} {guess:?} {text}"),
        }
    }
    assert!(by_rule > 3_000 && by_model > 3_000, "{by_rule} by rules, {by_model} by the model");
}

/// What city.toml says of it.
const MESSAGES: usize = 8_000;

#[test]
fn the_model_comes_from_the_documented_command_byte_by_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let (texts, model) = (folder.path().join("texts.jsonl"), folder.path().join("text.model"));
    loadtest::texts::run(MESSAGES as u64, &texts, 1).expect("messages");
    let trained = std::process::Command::new(built::paidan(built::target(), "release", &["--release"]))
        .args(["train", path(&texts), "--out", path(&model)])
        .output()
        .expect("it starts");
    assert!(trained.status.success(), "{}", text(&trained.stderr));
    let files = CityFiles::pudong();
    let kept = files.iter().find(|(name, _)| *name == "text.model").expect("a model").1;
    assert!(
        fs::read(&model).expect("a model") == kept,
        "train it again as src/city/pudong/city.toml says, and look at it"
    );
    assert!(kept.len() < 2 << 20, "{} bytes", kept.len());
}

/// The default city with its rules and model, and other settings.
fn city(change: impl Fn(&str, &str) -> String, model: Option<Vec<u8>>) -> Result<City, paidan::city::Problems> {
    let files = CityFiles::pudong();
    let texts: Vec<(&str, String)> = files.texts().map(|(name, text)| (name, change(name, text))).collect();
    let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let changed = CityFiles::from_texts(&texts);
    let kept = || files.iter().find(|(name, _)| *name == "text.model").expect("a model").1.to_vec();
    City::compile(changed.with_model(model.unwrap_or_else(kept)))
}

fn settings(from: &'static str, to: &'static str) -> impl Fn(&str, &str) -> String {
    move |name, text| match name {
        "city.toml" => {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        }
        _ => text.to_owned(),
    }
}

#[test]
fn a_model_is_believed_from_the_threshold_on() {
    let text = "楼下烧烤店晚上放歌放到两点，没法睡";
    let guess = City::pudong().classifier.grounds(&Words::text(text.chars()), false).guess.expect("no rule applies");
    let read_at = |threshold: u16| {
        let to: &str = format!("threshold = {threshold}").leak();
        read(&city(settings("threshold = 700", to), None).expect("a city"), text)
    };
    assert!(guess.class.is_some() && (2..999).contains(&guess.confidence), "{guess:?}");
    assert_eq!(read_at(guess.confidence).class, guess.class);
    assert_eq!(read_at(guess.confidence).confidence, guess.confidence);
    assert_eq!(read_at(guess.confidence + 1), Read { class: ClassId::NONE, confidence: 0, urgency: None });
}

#[test]
fn mistakes_are_named_with_file_and_value() {
    let check = |city: Result<City, paidan::city::Problems>, file: &str, what: &str| {
        let problems = city.expect_err(what);
        let problem = &problems.as_slice()[0];
        assert!(problem.file == file && problem.what.contains(what) && !problem.mend.is_empty(), "{what}: {problems}");
    };
    check(city(settings("threshold = 700", "threshold = 0"), None), "city.toml", "threshold = 0");
    check(city(settings("threshold = 700", "threshold = 1001"), None), "city.toml", "threshold = 1001");
    check(city(settings("none = [\"none\"]", "none = [\"none\", \"其他\"]"), None), "city.toml", "其他");
    check(city(settings("none = [\"none\"]", ""), None), "text.model", "label \"none\"");
    check(city(settings("", ""), Some(b"PAIDANTX".to_vec())), "text.model", "model is not whole");
    check(city(settings("", ""), Some(b"rules".to_vec())), "text.model", "PAIDANTX");
}

#[test]
fn a_model_is_part_of_the_city() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in CityFiles::pudong().iter() {
        fs::write(folder.path().join(name), bytes).expect("a file");
    }
    assert_eq!(City::load(folder.path()).expect("the same city").version, City::pudong().version);
    fs::remove_file(folder.path().join("text.model")).expect("a file");
    fs::write(
        folder.path().join("city.toml"),
        settings("none = [\"none\"]", "")("city.toml", CityFiles::pudong().texts().next().expect("settings").1),
    )
    .expect("a file");
    let without = City::load(folder.path()).expect("a city without a model");
    assert_ne!(without.version, City::pudong().version);
    assert_eq!(code(&without, read(&without, "世纪大道人行道上有五根灯柱子不亮")), NONE);
    assert_eq!(code(&without, read(&without, "路灯不亮")), "01037");
}

#[test]
fn reports_without_a_category_are_read_and_the_reading_is_explained() {
    let folder = tempfile::tempdir().expect("a folder");
    let (city, input, data) = (folder.path().join("city"), folder.path().join("in.ndjson"), folder.path().join("data"));
    // A source whose texts nobody reads.
    let unread = |name: &str, text: &str| match name {
        "city.toml" => text.replacen("name_zh = \"微信\"", "name_zh = \"微信\"\nread_texts = false", 1),
        _ => text.to_owned(),
    };
    write_city(&city, unread);
    let report = |id: &str, more: Value| {
        let mut report =
            json!({"source": "app", "id": id, "ts": "2026-03-06T09:00:00+08:00", "lng": 121.508, "lat": 31.2395});
        report.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        format!("{report}\n")
    };
    let lines = [
        report("rule", json!({"title": "路\"灯\"？", "text": "路灯\n不亮"})),
        report("model", json!({"text": "世纪大道人行道上有五根灯柱子不亮，麻烦修一下"})),
        report("people", json!({"text": "想问一下退休金什么时候发"})),
        report("unsure", json!({"text": "楼下烧烤店晚上放歌放到两点，没法睡"})),
        report("said", json!({"category": "06013", "text": "路灯不亮，有人触电了"})),
        report("unknown", json!({"category": "怪事", "text": "小区下水道堵塞，污水外溢"})),
        report("title", json!({"title": "电梯困人"})),
        report("unread", json!({"source": "wechat", "text": "路灯不亮，有人触电了"})),
        report("silent", json!({"title": "", "text": ""})),
    ];
    fs::write(&input, lines.concat()).expect("written");
    let run = paidan(&["run", path(&input), "--city", path(&city), "--data", path(&data), "--emit", "all", "--quiet"]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let effects = decisions(&run);
    let of = |id: &str, effect: &str| decided(&effects, id, effect);
    for (id, class, urgency) in
        [("rule", "01037", "B"), ("said", "06013", "A"), ("unknown", "90003", "A"), ("title", "90010", "A")]
    {
        let opened = of(id, "opened");
        assert_eq!((&opened["class"], &opened["urgency"]), (&json!(class), &json!(urgency)), "{id}: {opened}");
    }
    // The second lamp is the first one's case, which no report of an unknown class could be.
    assert_eq!(of("model", "merged")["case"], of("rule", "opened")["case"], "{effects:?}");
    for id in ["people", "unsure", "unread", "silent"] {
        assert_eq!(of(id, "review")["reason"], "no_class", "{id}");
    }
    assert_eq!(of("unread", "opened")["urgency"], "C");

    let explain = |record: &str, lang: &str| {
        let told = paidan(&["explain", record, "--data", path(&data), "--lang", lang]);
        assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
        text(&told.stdout).to_owned()
    };
    let check = |record: &str, parts: &[&str]| {
        let told = explain(record, "en");
        assert!(parts.iter().all(|part| told.contains(part)), "{parts:?}: {told}");
    };
    let line = CityFiles::pudong()
        .texts()
        .find(|(name, _)| *name == "keywords.csv")
        .and_then(|(_, text)| text.lines().position(|line| line.contains("01037")))
        .expect("a rule for lamps")
        + 1;
    check("#1", &["01037", "by a keyword rule, confidence 100.0 %", &format!("keywords.csv:{line}: 路灯, 不亮")]);
    check("#2", &["01037", "by the text classifier", "which reaches 70.0 %", "what spoke for it"]);
    check("#3", &["class: unknown", "model: no class of the city"]);
    check("#4", &["class: unknown", "which is below 70.0 %", "06028"]);
    check("#5", &["category word \"06013\"", "its words A (keywords.csv:4: 触电)"]);
    check("#6", &["by a keyword rule"]);
    check("#8", &["class: unknown (category word \"none was said\")"]);
    check("#9", &["class: unknown"]);
    assert!(explain("#2", "zh").contains("按文字分类模型") && explain("#1", "zh").contains("按关键词规则"));
    assert!(!explain("#5", "en").contains("model:") && !explain("#8", "en").contains("keywords.csv"));
    assert!(!explain("#9", "en").contains("model:"), "nothing was said, and nothing read");
    let told = paidan(&["explain", "#2", "--data", path(&data), "--json"]);
    let told: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    let understood = &told["understood"];
    assert_eq!(understood["class_from"], "model", "{told}");
    assert!(understood["guess"]["confidence"].as_u64() > Some(700), "{told}");
    assert!(understood["guess"]["reasons"][0]["gram"].is_string(), "{told}");

    // The journal decides again by what was read then, and the same words are read the same way.
    let replay = paidan(&["replay", path(&data)]);
    assert_eq!(replay.status.code(), Some(0), "{}", text(&replay.stderr));
    let shadow = paidan(&["replay", path(&data), "--city", path(&city)]);
    assert_eq!(shadow.status.code(), Some(0), "{}", text(&shadow.stderr));
}

#[test]
fn words_raise_and_never_lower() {
    let city = City::pudong();
    let urgency = |text: &str| city.classifier.urgency(&Words::text(text.chars()));
    assert_eq!(urgency("楼道里着火了"), Some(Urgency::A));
    assert_eq!(urgency("没有人被困，无人员受伤"), None);
    assert_eq!(urgency("二楼没有人被困，五楼有人被困"), Some(Urgency::A));
    assert_eq!(urgency("有人触电了，围观的人怕触电不敢救"), Some(Urgency::A));
    assert_eq!(urgency("一直有火灾隐患没人管，今天真的着火了"), Some(Urgency::A));
    assert_eq!(urgency("楼道堆物，有火灾隐患"), None);
    assert_eq!(urgency("绿地里有垃圾"), None);
}
