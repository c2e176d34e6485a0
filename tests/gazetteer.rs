//! Where something is that a report only says in words: certain where the words are, and a question where they are not.

#[path = "common/command.rs"]
mod command;
#[path = "common/decisions.rs"]
mod decisions;
#[path = "common/pudong.rs"]
mod pudong;

use std::collections::{HashMap, HashSet};
use std::fs;

use command::{paidan, path, text};
use decisions::{decided, decisions};
use paidan::city::{City, CityFiles, Worded};
use pudong::write_city;
use serde_json::{Value, json};

/// Areas of the built-in city: Weifang, Lujiazui, Tangqiao, Chuansha, Zhangjiang.
const GAZETTEER: &str = "\
name,kind,area,lng,lat,aliases
潍坊一村居委会,committee,310115004,,,
潍坊六七村居委会,committee,310115004,,,潍坊六七
上港第二居委会,committee,310115005,,,
东方居委会,committee,310115008,,,
太平村村委会,committee,310115103,,,
太平村村委会,committee,310115125,,,
新园居委会,committee,310115103,,,
新园村村委会,committee,310115125,,,
银杏园居委会,committee,310115008,,,
龙阳路居委会,committee,310115008,,,
东门居委会,committee,310115103,,,
北小区居委会,committee,310115103,,,
明珠居委会,committee,310115103,,,
新农村村委会,committee,310115103,,,
东方路,road,310115004,,,
东方路,road,310115008,,,
世纪公园,place,310115004,121.5235,31.2275,世纪大公园|Century Park
";

fn city(gazetteer: &str) -> Result<City, paidan::city::Problems> {
    let built_in = CityFiles::pudong();
    let mut texts: Vec<(&str, &str)> = built_in.texts().filter(|(name, _)| *name != "gazetteer.csv").collect();
    texts.push(("gazetteer.csv", gazetteer));
    City::compile(CityFiles::from_texts(&texts))
}

/// Where texts say that something is: a code, `?` where they are unsure, nothing where they say nothing.
fn told(city: &City, texts: &[&str]) -> String {
    let mut ear = city.gazetteer.ear();
    texts.iter().for_each(|text| ear.hear(text.chars()));
    match ear.worded() {
        Worded::Nowhere => String::new(),
        Worded::Somewhere(area, _) => city.areas[area.index()].code.to_string(),
        Worded::Unsure(_) => "?".to_owned(),
    }
}

#[test]
fn words_that_are_certain_and_words_that_are_not() {
    let city = city(GAZETTEER).unwrap_or_else(|problems| panic!("{problems}"));
    let check = |text: &str, expect: &str| assert_eq!(told(&city, &[text]), expect, "{text}");
    for text in [
        "潍坊一村居委会楼下路灯坏了",
        "潍坊一村居民委员会",
        "家住潍坊一村居委，没人管",
        "潍坊一村居民区门口",
        "潍坊 1 村12号",
        "濰坊一村居民委員會",
        "潍坊①村",
        "潍坊１村社区",
        "我住潍坊一村，楼道堆物",
        "潍坊新村街道的路灯",
        "潍坊六七村对面",
        "潍坊六七那边",
        "潍坊新村街道东方路口",
        "到世纪公园，也就是 CENTURY PARK 看一下",
    ] {
        check(text, "310115004");
    }
    for text in ["上港第二居委会", "上港二居委", "上港2居委会", "上港第2居委"] {
        check(text, "310115005");
    }
    check("东方居委会门口", "310115008");
    check("银杏园里", "310115008");
    // A road is more than the committee that is called after it, many an estate has a gate to the east or a longer name that ends so.
    for text in ["龙阳路居委会", "龙阳路居民区"] {
        check(text, "310115008");
    }
    for text in ["东门居委", "北小区居委会", "明珠社区", "新农村村委会"] {
        check(text, "310115103");
    }
    for text in [
        "龙阳路积水",
        "龙阳路小区门口",
        "花园东门小区里",
        "东门社区",
        "城北小区",
        "东方明珠小区",
        "新农村建设",
        "新农村社区",
    ] {
        check(text, "");
    }
    // In several areas, until something else decides.
    check("太平村村委会", "?");
    check("太平村委会", "?");
    check("川沙新镇太平村村委会", "310115103");
    check("张江太平村村委会", "310115125");
    check("张江镇太平村", "310115125");
    check("新园社区", "310115103");
    check("新园居委会", "310115103");
    check("新园村委会", "310115125");
    check("东方路上积水", "?");
    check("塘桥街道东方路积水", "310115008");
    check("东方路靠近潍坊一村", "310115004");
    // What contradicts itself is nowhere for certain.
    check("张江镇潍坊一村居委会", "?");
    check("潍坊一村居委会和上港二居委之间", "?");
    // Another name begins with a known one, or is too short to be sure of.
    for text in ["东方之珠", "银杏园路上", "银杏园桥", "路灯坏了", "张江路", "住在张江", "", "新园"]
    {
        check(text, "");
    }
    // Several texts are one report.
    assert_eq!(told(&city, &["太平村村委会", "张江镇"]), "310115125");
    assert_eq!(told(&city, &["潍坊一村", "上港二居委"]), "?");
    assert_eq!(told(&city, &[&"潍坊一村居委会 ".repeat(100)]), "?", "whoever says that much is not understood");
}

/// Committees of the built-in city: name, and the code of the area.
fn committees() -> Vec<(String, String)> {
    let files = CityFiles::pudong();
    let (_, table) = files.texts().find(|(name, _)| *name == "gazetteer.csv").expect("a gazetteer");
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let rows = reader.records().map(|row| row.expect("a row"));
    rows.map(|row| (row[0].to_owned(), row[2].to_owned())).collect()
}

#[test]
fn no_committee_of_the_built_in_city_is_taken_for_one_of_another_street() {
    let (city, committees) = (City::pudong(), committees());
    let mut streets = HashMap::<&str, HashSet<&str>>::new();
    for (name, area) in &committees {
        streets.entry(name).or_default().insert(area);
    }
    // How many committees a sentence finds: of those whose name stands in one street, and of the others.
    let mut found = Vec::new();
    let mut check = |sentence: fn(&str, &str, &str, &str) -> String| {
        let mut counts = [0; 2];
        for (name, area) in &committees {
            let short = name.strip_suffix('会').expect("a committee");
            let bare = short.strip_suffix("居委").or(short.strip_suffix("村委")).expect("a committee");
            let street = city.areas.iter().find(|street| *street.code == **area).expect("an area");
            let text = sentence(&street.zh, name, short, bare);
            let told = told(&city, &[&text]);
            assert!(told == *area || told.is_empty() || told == "?", "{text}: {told}, but it is {area}");
            counts[usize::from(streets[&**name].len() > 1)] += usize::from(told == *area);
        }
        found.push(counts);
    };
    check(|_, name, _, _| format!("{name}门口路灯不亮"));
    check(|_, name, _, _| format!("请尽快处理。地址：浦东新区{name}12号101室"));
    check(|_, _, short, _| format!("家住{short}，楼道堆满杂物"));
    check(|street, name, _, _| format!("{street}，{name}"));
    check(|_, _, _, bare| format!("我们{bare}社区的垃圾没人收"));
    check(|_, _, _, bare| format!("{bare}旁边积水"));
    check(|_, _, _, bare| format!("就在{bare}小区北门外"));
    // A bare name is only heard where it has three characters, and is no road.
    let expected = [[1459, 0], [1459, 0], [1459, 0], [1459, 61], [1403, 0], [1054, 0], [1054, 0]];
    assert_eq!((committees.len(), found.as_slice()), (1_520, expected.as_slice()));
}

#[test]
fn no_text_is_too_strange() {
    let city = city(GAZETTEER).expect("a city");
    for text in ["\u{0}", "9".repeat(10_000).as_str(), "村".repeat(9_000).as_str(), "🚰潍坊一村🚰", "ſİ", "\u{fffd}"]
    {
        let _ = told(&city, &[text]);
    }
    assert_eq!(told(&city, &["🚰潍坊一村🚰"]), "310115004");
}

#[test]
fn mistakes_are_named_with_line_and_value() {
    let check = |row: &str, what: &str| {
        let problems = city(&format!("{GAZETTEER}{row}\n")).expect_err(row);
        let problem = &problems.as_slice()[0];
        assert_eq!((problem.file, problem.line), ("gazetteer.csv", 19), "{row}");
        assert!(problem.what.contains(what) && !problem.mend.is_empty(), "{row}: {problems}");
    };
    check("园,committee,310115004,,,", "name \"园\" is too short");
    check("桂园居委会,committee,31,,,", "area \"31\"");
    check("桂园居委会,house,310115004,,,", "house");
    check("桂园,place,310115004,,,", "place \"桂园\" has no lng and lat");
    check("桂园,place,310115004,121.5,,", "\"桂园\" has one of lng and lat");
    check("桂园,place,310115004,221.5,31,", "221.5 31 is no place");
    check("桂园,place,310115005,121.5235,31.2275,", "does not lie in area 310115005");
}

#[test]
fn a_report_without_coordinates_goes_to_the_street_that_its_words_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let (city, input, data) = (folder.path().join("city"), folder.path().join("in.ndjson"), folder.path().join("data"));
    write_city(&city, |_, text| text.to_owned());
    fs::write(city.join("gazetteer.csv"), GAZETTEER).expect("written");
    let report = |id: &str, more: Value| {
        let mut report = json!({"source": "12345", "id": id, "ts": "2026-03-06T09:00:00+08:00", "category": "06042"});
        report.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        format!("{report}\n")
    };
    let lines = [
        report("text", json!({"text": "潍坊\"一村\"\n我住潍坊一村居委会楼下"})),
        report("address", json!({"address": "上港二居委旁", "title": null})),
        report("place", json!({"title": "世纪公园", "text": "垃圾满了"})),
        report("unsure", json!({"text": "太平村村委会"})),
        report("nowhere", json!({"text": "路灯坏了"})),
        report("said", json!({"text": "潍坊一村居委会", "lng": 121.508, "lat": 31.2395})),
        // Whoever is nearest cannot be said where only the area is known.
        report("urgent", json!({"text": "潍坊一村居委会", "category": "90001"})),
    ];
    fs::write(&input, lines.concat()).expect("written");
    let run = paidan(&["run", path(&input), "--city", path(&city), "--data", path(&data), "--emit", "all", "--quiet"]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let effects = decisions(&run);
    let of = |id: &str, effect: &str| decided(&effects, id, effect);
    for (id, area) in [("text", "310115004"), ("address", "310115005"), ("urgent", "310115004")] {
        assert_eq!((&of(id, "assigned")["area"], &of(id, "assigned")["cell"]), (&json!(area), &Value::Null), "{id}");
    }
    assert_eq!(of("place", "assigned")["area"], "310115004");
    assert!(of("place", "assigned")["cell"].is_string(), "it stands at one place");
    for id in ["unsure", "nowhere"] {
        assert_eq!(of(id, "review")["reason"], "no_place", "{id}");
    }
    assert_eq!(of("said", "assigned")["area"], "310115005", "coordinates go before words");

    let explain = |id: &str| {
        let told = paidan(&["explain", id, "--data", path(&data), "--lang", "en"]);
        assert_eq!(told.status.code(), Some(0), "{}", text(&told.stderr));
        text(&told.stdout).to_owned()
    };
    assert!(explain("#4").contains("310115103") && explain("#4").contains("310115125"), "{}", explain("#4"));
    assert!(explain("#4").contains("which area its words name is not certain"), "{}", explain("#4"));
    assert!(explain("#1").contains("by the names in its words"), "{}", explain("#1"));
    assert!(explain("#3").contains("by the names in its words"), "{}", explain("#3"));
    assert!(explain("#5").contains("no place is known"), "{}", explain("#5"));
}
