use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::oracle;
use super::*;

/// Lines as sources write them, and some as they could.
const LINES: &[&str] = &[
    r#"{"source":"sensor","id":"SN-46c0-000000001","ts":1767225606729,"lng":121.812730,"lat":31.366002,"category":"sanitation.damage","severity":2,"device":{"type":"iot-12","fw":"3.7.7","battery":3.52},"readings":{"value":13.823,"threshold":180.0,"unit":"mm","seq":732828},"text":"threshold exceeded on channel 15","addr":"乱停放井盖632号","trace":"5d4edd8bdbfdb589"}"#,
    r#"{"source":"app","id":"AP-57a1-2","ts":1767225611288,"lng":121.591677,"lat":31.066720,"category":"water.leak","severity":1,"user":"u9f95340eb9a2","text":"道路破损\n\"急\"","photos":["/p/0b6399bc83a78df6.jpg","/p/1bad0f1da03a5a32.jpg"],"addr":"供水2045弄50号","anonymous":false,"client":"ios 18.1"}"#,
    r#"{"source": "hotline", "id": "HL-56b5-18", "ts": "2026-01-01T08:00:07.294+08:00", "frame": "wgs84", "address": "浦东新区\u5f20\u6c5f镇", "category": "water.overflow", "urgency": "B", "reporter": {"phone": "139****6076", "n": [1, -2.5e3]}, "media": [], "callback": null}"#,
    r#"{"\u0069d":"a\u0062\ud83d\ude00","source":"110","kind":"report","cell":"310115001001001","component":"","title":null,"value":-0.5,"unit":"mm","reporter":"张","media":["x"]}"#,
    r#"{"source":"crew","id":"a-1","ts":1767225606729,"kind":"action","action":"return","order":"12345-1","text":"门锁着","unit":7}"#,
    r#" { "id" : "u" , "kind" : "unit" , "unit" : "C-7" , "status" : "busy" , "lng" : 121.5 , "lat" : -31 , "capacity" : 3 , "x" : [ { } , [ ] , [ [ ] , { "y" : true } ] ] } "#,
    r#"{"id":"1","id":"2","lng":1,"x":0}"#,
    r#"[{"id":"1"},[],{},"x\ud800",-0.0e+1,true,false,null]"#,
];

/// What the decoder makes of a line, as text: the fault with its place, or what is said.
pub(super) fn told(decoder: &mut Decoder, line: &str) -> String {
    let decoded = match decoder.decode(line) {
        Ok(decoded) => decoded,
        Err(Reject { field, reason, at }) => return format!("{} {} {at}", field.name(), reason.name()),
    };
    let Said { source, id, time, what } = decoded.said;
    let mut told = format!("{}/{id}", source.unwrap_or("-"));
    if let Some(At(ms)) = time {
        told += &format!(" at {ms}");
    }
    let place = |spot: Option<Spot>, frame: Option<&str>| {
        let place = match spot {
            None => String::new(),
            Some(Spot::Degrees(fine)) => format!(" @{},{}", fine.rounded().lng, fine.rounded().lat),
            Some(Spot::Metres(metres)) => format!(" @{metres:?}"),
        };
        place + &frame.map_or(String::new(), |frame| format!(" in {frame}"))
    };
    match what {
        What::Report(Report {
            spot,
            frame,
            area,
            cell,
            component,
            address,
            category,
            condition,
            against,
            urgency,
            reporter,
            title: _,
            texts: _,
        }) => {
            told += &place(spot, frame);
            told += &area.map_or(String::new(), |area| format!(" area={area}"));
            for (name, text) in [
                ("cell", cell),
                ("component", component),
                ("address", address),
                ("category", category),
                ("condition", condition),
                ("against", against),
            ] {
                told += &text.map_or(String::new(), |text| format!(" {name}={text}"));
            }
            told += &urgency.map_or(String::new(), |urgency| format!(" {urgency:?}"));
            told += &reporter.map_or(String::new(), |raw| format!(" by {}", std::str::from_utf8(raw).unwrap()));
        }
        What::Action(Action { verb, order }) => told += &format!(" {} {order}", verb.word()),
        What::Ruling(RulingSays { order, category, condition, spot, frame, cell, unit }) => {
            told += &format!(" rules {order}");
            told += &place(spot, frame);
            for (name, text) in [("cell", cell), ("category", category), ("condition", condition), ("unit", unit)] {
                told += &text.map_or(String::new(), |text| format!(" {name}={text}"));
            }
        }
        What::Unit(UnitSays { unit, status, spot, frame, capacity }) => {
            told += &format!(" unit {unit}");
            told += &status.map_or(String::new(), |status| format!(" {}", status.word()));
            told += &place(spot, frame);
            told += &capacity.map_or(String::new(), |capacity| format!(" holds {capacity}"));
        }
    }
    told
}

/// Checks a line against what is expected, with a decoder that has seen nothing and with one that has seen the line.
fn check(line: &str, expected: &str) {
    let mut decoder = Decoder::new();
    assert_eq!(told(&mut decoder, line), expected, "{line}");
    assert_eq!(told(&mut decoder, line), expected, "once more: {line}");
    oracle::check(&mut decoder, line);
}

#[test]
fn reports() {
    let id = |rest: &str| format!(r#"{{"id":"1"{rest}}}"#);
    for (rest, expected) in [
        ("", "-/1"),
        (r#","source":"app""#, "app/1"),
        (r#","so\u0075rce":"\u0061pp\/\"""#, r#"app/"/1"#),
        (
            r#","source":null,"ts":null,"lng":null,"lat":null,"frame":null,"cell":null,"kind":null,"urgency":null"#,
            "-/1",
        ),
        (r#","reporter":null,"media":null,"value":null,"unit":null,"title":null,"text":null,"address":null"#, "-/1"),
        (r#","cell":"","component":"","address":"","category":"","title":"","text":"","unit":"""#, "-/1"),
        (r#","cell":"c","component":"m","address":"a","category":"x""#, "-/1 cell=c component=m address=a category=x"),
        (r#","category":"x","condition":"y""#, "-/1 category=x condition=y"),
        (r#","condition":"","action":1"#, "-/1"),
        (r#","against":"D-WATER","condition":"y""#, "-/1 condition=y against=D-WATER"),
        (r#","category":"\ud83d\ude00\u00e9\b\f\n\r\t\\""#, "-/1 category=😀é\u{8}\u{c}\n\r\t\\"),
        (r#","category":"\uD83D\uDE00x\u0000""#, "-/1 category=😀x\0"),
        (r#","kind":"report","value":1e5,"unit":"mm","media":[{}],"title":"t","text":"x""#, "-/1"),
        (r#","urgency":"A""#, "-/1 A"),
        (r#","urgency":"\u0042""#, "-/1 B"),
        (r#","urgency":"C""#, "-/1 C"),
        (r#","reporter":"张三""#, r#"-/1 by "张三""#),
        (r#","reporter": { "a" : [ "\ud800" ] } "#, r#"-/1 by { "a" : [ "\ud800" ] }"#),
        (r#","ts":1"#, "-/1 at 1"),
        (r#","ts":9223372036854775807"#, "-/1 at 9223372036854775807"),
        (r#","ts":"2026-01-01T08:00:00+08:00""#, "-/1 at 1767225600000"),
        (r#","ts":"2026-01-01T08:00:00\u002B08:00""#, "-/1 at 1767225600000"),
        (r#","lng":121.5,"lat":31.25"#, "-/1 @121500000,31250000"),
        (r#","lat":-90,"lng":-180.0,"frame":"cgcs2000""#, "-/1 @-180000000,-90000000 in cgcs2000"),
        (r#","lng":1.2e1,"lat":5e-7,"frame":"wgs84""#, "-/1 @12000000,1 in wgs84"),
        (r#","frame":"bd\u00309""#, "-/1 in bd09"),
        (r#","frame":"""#, "-/1 in "),
        (r#","action":7,"order":[],"status":{},"capacity":"x""#, "-/1"),
        (r#","":0,"ID":2,"i":3,"idd":4,"line":5,"line":6,"x":7,"x":8"#, "-/1"),
        (r#","Id":"2","\u0049d":0"#, "-/1"),
    ] {
        check(&id(rest), expected);
    }
}

#[test]
fn actions_and_units() {
    for (line, expected) in [
        (r#"{"id":"1","kind":"action","action":"accept","order":"7-1"}"#, "-/1 accept 7-1"),
        (r#"{"order":"x","action":"return","kind":"action","id":"1"}"#, "-/1 return x"),
        (
            r#"{"id":"1","kind":"ruling","order":"7-0","category":"01037","cell":"","unit":null}"#,
            "-/1 rules 7-0 category=01037",
        ),
        (
            r#"{"id":"1","kind":"ruling","order":"7-0","lng":121.5,"lat":31.25,"frame":"gcj02","unit":"PD1","action":7}"#,
            "-/1 rules 7-0 @121500000,31250000 in gcj02 unit=PD1",
        ),
        (r#"{"id":"1","kind":"action","action":"done","order":"7-1","lng":"x","unit":{}}"#, "-/1 done 7-1"),
        (r#"{"id":"1","kind":"actio\u006e","action":"clos\u0065","order":"\u0037-1"}"#, "-/1 close 7-1"),
        (r#"{"id":"1","kind":"unit","unit":"C7"}"#, "-/1 unit C7"),
        (r#"{"id":"1","kind":"unit","unit":"C7","status":"available","capacity":0}"#, "-/1 unit C7 available holds 0"),
        (
            r#"{"id":"1","kind":"unit","unit":"C7","status":"busy","capacity":1000000}"#,
            "-/1 unit C7 busy holds 1000000",
        ),
        (r#"{"id":"1","kind":"unit","unit":"C7","status":"off","lng":1,"lat":2}"#, "-/1 unit C7 off @1000000,2000000"),
        (
            r#"{"id":"1","kind":"unit","unit":"C7","lng":1,"lat":2,"frame":"gcj02"}"#,
            "-/1 unit C7 @1000000,2000000 in gcj02",
        ),
        (r#"{"id":"1","kind":"unit","unit":"C7","status":null,"capacity":null,"text":5,"order":5}"#, "-/1 unit C7"),
    ] {
        check(line, expected);
    }
}

#[test]
fn fields_that_are_wrong() {
    let long = |length: usize| "x".repeat(length);
    let field = |value: String| format!(r#"{{"id":"1",{value}}}"#);
    let kind = |kind: &str, rest: &str| field(format!(r#""kind":"{kind}"{rest}"#));
    for (line, expected) in [
        ("{}".into(), "id missing 0"),
        (r#"{"id":null}"#.into(), "id missing 0"),
        (r#"{"id":1}"#.into(), "id wrong_type 6"),
        (r#"{"id":[]}"#.into(), "id wrong_type 6"),
        (r#"{"id":""}"#.into(), "id empty 6"),
        (format!(r#"{{"id":"{}"}}"#, long(129)), "id field_too_long 6"),
        (format!(r#"{{"id":"{}"}}"#, r"\u4e00".repeat(43)), "id field_too_long 6"),
        (field(r#""source":"""#.into()), "source empty 19"),
        (field(r#""source":false"#.into()), "source wrong_type 19"),
        (field(format!(r#""source":"{}""#, long(65))), "source field_too_long 19"),
        (r#"{"source":""}"#.into(), "source empty 10"),
        (field(r#""ts":0"#.into()), "ts out_of_range 15"),
        (field(r#""ts":-0"#.into()), "ts out_of_range 15"),
        (field(r#""ts":-5"#.into()), "ts out_of_range 15"),
        (field(r#""ts":9223372036854775808"#.into()), "ts out_of_range 15"),
        (field(r#""ts":18446744073709551616"#.into()), "ts out_of_range 15"),
        (field(r#""ts":99999999999999999999999"#.into()), "ts out_of_range 15"),
        (field(r#""ts":1.0"#.into()), "ts wrong_type 15"),
        (field(r#""ts":1e3"#.into()), "ts wrong_type 15"),
        (field(r#""ts":-1.5"#.into()), "ts wrong_type 15"),
        (field(r#""ts":true"#.into()), "ts wrong_type 15"),
        (field(r#""ts":{}"#.into()), "ts wrong_type 15"),
        (field(r#""ts":"""#.into()), "ts not_a_value 15"),
        (field(r#""ts":"yesterday""#.into()), "ts not_a_value 15"),
        (field(r#""ts":"1969-12-31T23:59:59Z""#.into()), "ts out_of_range 15"),
        (field(r#""ts":"1970-01-01T00:00:00Z""#.into()), "ts out_of_range 15"),
        (field(r#""lng":1"#.into()), "lat missing 0"),
        (field(r#""lat":1"#.into()), "lng missing 0"),
        (field(r#""lat":1,"lng":null"#.into()), "lng missing 0"),
        (field(r#""lng":1,"lat":null"#.into()), "lat missing 0"),
        (field(r#""lat":"x""#.into()), "lng missing 0"),
        (field(r#""lng":"1","lat":1"#.into()), "lng wrong_type 16"),
        (field(r#""lng":1,"lat":[1]"#.into()), "lat wrong_type 24"),
        (field(r#""lng":180.000001,"lat":1"#.into()), "lng out_of_range 16"),
        (field(r#""lng":1,"lat":-90.000001"#.into()), "lat out_of_range 24"),
        (field(r#""lng":99999999999999999999999999,"lat":1"#.into()), "lng out_of_range 16"),
        (field(r#""lng":1e999,"lat":1"#.into()), "lng out_of_range 16"),
        (field(r#""frame":4326"#.into()), "frame wrong_type 18"),
        (field(r#""cell":310115"#.into()), "cell wrong_type 17"),
        (field(format!(r#""cell":"{}""#, long(257))), "cell field_too_long 17"),
        (field(format!(r#""component":"{}""#, long(257))), "component field_too_long 22"),
        (field(format!(r#""address":"{}""#, long(4097))), "address field_too_long 20"),
        (field(format!(r#""category":"{}""#, long(257))), "category field_too_long 21"),
        (field(r#""category":[]"#.into()), "category wrong_type 21"),
        (field(r#""condition":5,"media":[]"#.into()), "condition wrong_type 22"),
        (field(r#""condition":5,"media":{}"#.into()), "media wrong_type 32"),
        (field(r#""against":["a"]"#.into()), "against wrong_type 20"),
        (field(format!(r#""condition":"{}""#, long(257))), "condition field_too_long 22"),
        (field(r#""title":0"#.into()), "title wrong_type 18"),
        (field(r#""text":{}"#.into()), "text wrong_type 17"),
        (field(r#""value":"7""#.into()), "value wrong_type 18"),
        (field(r#""unit":7"#.into()), "unit wrong_type 17"),
        (field(r#""urgency":"a""#.into()), "urgency not_a_value 20"),
        (field(r#""urgency":1"#.into()), "urgency wrong_type 20"),
        (field(r#""reporter":[]"#.into()), "reporter wrong_type 21"),
        (field(r#""reporter":139"#.into()), "reporter wrong_type 21"),
        (field(r#""media":{}"#.into()), "media wrong_type 18"),
        (field(r#""kind":"alert""#.into()), "kind not_a_value 17"),
        (field(r#""kind":"""#.into()), "kind not_a_value 17"),
        (field(r#""kind":1"#.into()), "kind wrong_type 17"),
        (field(r#""kind":"alert","lng":"x""#.into()), "kind not_a_value 17"),
        (kind("action", ""), "action missing 0"),
        (kind("ruling", ""), "order missing 0"),
        (kind("ruling", r#","order":"7-0","category":7"#), "category wrong_type 51"),
        (kind("ruling", r#","order":"7-0","lat":31"#), "lng missing 0"),
        (kind("ruling", r#","order":"7-0","condition":7"#), "condition wrong_type 52"),
        (kind("action", r#","action":null"#), "action missing 0"),
        (kind("action", r#","action":"open""#), "action not_a_value 35"),
        (kind("action", r#","action":"done""#), "order missing 0"),
        (kind("action", r#","action":"done","order":"""#), "order empty 50"),
        (kind("action", r#","action":"done","order":5"#), "order wrong_type 50"),
        (kind("action", &format!(r#","action":"done","order":"{}""#, long(65))), "order field_too_long 50"),
        (kind("unit", ""), "unit missing 0"),
        (kind("unit", r#","unit":"""#), "unit empty 31"),
        (kind("unit", &format!(r#","unit":"{}""#, long(65))), "unit field_too_long 31"),
        (kind("unit", r#","unit":"u","status":"free""#), "status not_a_value 44"),
        (kind("unit", r#","unit":"u","lng":5"#), "lat missing 0"),
        (kind("unit", r#","unit":"u","frame":9"#), "frame wrong_type 43"),
        (kind("unit", r#","unit":"u","capacity":1000001"#), "capacity out_of_range 46"),
        (kind("unit", r#","unit":"u","capacity":-1"#), "capacity out_of_range 46"),
        (kind("unit", r#","unit":"u","capacity":4294967297"#), "capacity out_of_range 46"),
        (kind("unit", r#","unit":"u","capacity":1.5"#), "capacity wrong_type 46"),
        (kind("unit", r#","unit":"u","capacity":"4""#), "capacity wrong_type 46"),
    ] {
        check(&line, expected);
    }
}

#[test]
fn texts_of_the_greatest_length() {
    for (field, length) in [("source", 64), ("cell", 256), ("component", 256), ("address", 4096), ("category", 256)] {
        for text in ["x".repeat(length), r"\u4e00".repeat(length / 3)] {
            let line = format!(r#"{{"id":"{}","{field}":"{text}"}}"#, r"\u0061".repeat(128));
            let mut decoder = Decoder::new();
            let decoded = decoder.decode(&line).expect(field);
            assert_eq!((decoded.id_at, decoded.id_len), (7, 768));
            oracle::check(&mut decoder, &line);
        }
    }
}

#[test]
fn the_first_fault_in_the_stated_order_wins() {
    for (line, expected) in [
        // JSON before repetition, repetition before fields, fields in the order of their codes.
        (r#"{"id":1,"id":2,"ts":"x"x}"#, "line not_json 23"),
        (r#"{"id":"1","id":"2","text":"\ud800"}"#, "line not_json 27"),
        (r#"{"kind":0,"ts":"x","id":1,"ts":0,"id":2}"#, "ts repeated 26"),
        (r#"{"ts":0,"id":"", "source":5,"\u0069d" :2}"#, "id repeated 28"),
        (r#"{"x":0,"x":1 ,  "id":"1", "id":"1"}"#, "id repeated 26"),
        (r#"{"kind":0,"ts":"x","id":1}"#, "id wrong_type 24"),
        (r#"{"kind":0,"ts":"x","id":"1"}"#, "ts not_a_value 15"),
        (r#"{"text":1,"lat":"x","lng":1,"id":"1"}"#, "lat wrong_type 16"),
        (r#"{"reporter":1,"urgency":"x","id":"1"}"#, "urgency not_a_value 24"),
    ] {
        check(line, expected);
    }
}

#[test]
fn lines_that_are_no_object() {
    for (line, expected) in [
        ("", "line not_json 0"),
        (" ", "line not_json 1"),
        (" \t\r\n", "line not_json 4"),
        ("\u{feff}{\"id\":\"1\"}", "line not_json 0"),
        ("\u{a0}{\"id\":\"1\"}", "line not_json 0"),
        ("\0", "line not_json 0"),
        ("x", "line not_json 0"),
        (" null", "line not_an_object 1"),
        ("true", "line not_an_object 0"),
        ("-1.5e3", "line not_an_object 0"),
        ("\"\\ud800\"", "line not_an_object 0"),
        ("[]", "line not_an_object 0"),
        (" [ {} , [ 1 ] ] ", "line not_an_object 1"),
        ("[1,]", "line not_json 3"),
        ("[1]]", "line not_json 3"),
        ("1 1", "line not_json 2"),
        ("nul", "line not_json 3"),
    ] {
        check(line, expected);
    }
}

#[test]
fn the_line_around_its_fields() {
    for (line, expected) in [
        ("{", "line not_json 1"),
        ("{ }", "id missing 0"),
        ("{,}", "line not_json 1"),
        (r#"{"id"}"#, "line not_json 5"),
        (r#"{"id":}"#, "line not_json 6"),
        (r#"{"id":"1",}"#, "line not_json 10"),
        (r#"{"id":"1",,"x":1}"#, "line not_json 10"),
        (r#"{"id":"1" "x":1}"#, "line not_json 10"),
        (r#"{"id":"1","x":1"#, "line not_json 15"),
        (r#"{"id":"1"}}"#, "line not_json 10"),
        (r#"{"id":"1"}{"id":"1"}"#, "line not_json 10"),
        (r#"{"id":"1"} x"#, "line not_json 11"),
        (r#"{"id":"1"}""#, "line not_json 10"),
        (r#"{"id":"1"]"#, "line not_json 9"),
        (r#"{'id':"1"}"#, "line not_json 1"),
        (r#"{id:"1"}"#, "line not_json 1"),
        (r#"{1:"1"}"#, "line not_json 1"),
        (r#"{"id":"1",null:1}"#, "line not_json 10"),
        (r#"{"id" "1"}"#, "line not_json 6"),
        (r#"{"id"::"1"}"#, "line not_json 6"),
        (r#"{"id"="1"}"#, "line not_json 5"),
        (r#"{"id":"1",{"x":1}}"#, "line not_json 10"),
        (r#"{"id":"1","\ud800":1}"#, "line not_json 11"),
        (r#"{"id":"1","\udc00\ud800":1}"#, "line not_json 11"),
        (r#"{"id":"1","\x":1}"#, "line not_json 12"),
        (r#"{"id":"1","x":1/*c*/}"#, "line not_json 15"),
        (r#"{"id":"1","\ud83d\ude00":1}"#, "-/1"),
        (r#"{"id":"1","x":{"\ud800":"\udc00"}}"#, "-/1"),
        ("\r\n\t {\r\n\t \"id\"\r\n\t :\r\n\t \"1\"\r\n\t }\r\n\t ", "-/1"),
        ("{\u{b}\"id\":\"1\"}", "line not_json 1"),
        ("{\"id\":\"1\"}\0", "line not_json 10"),
        ("{\"id\":\"1\u{7f}\u{80}\u{2028}\"}", "-/1\u{7f}\u{80}\u{2028}"),
    ] {
        check(line, expected);
    }
}

/// Values, and at which byte they stop being JSON.
const VALUES: &[(&str, Option<usize>)] = &[
    // Numbers.
    ("0", None),
    ("-0", None),
    ("10", None),
    ("-1", None),
    ("0.0", None),
    ("1.5", None),
    ("-12.750", None),
    ("1e5", None),
    ("1E5", None),
    ("1e+5", None),
    ("1E-5", None),
    ("0e0", None),
    ("1.5e05", None),
    ("1e99999", None),
    ("123456789012345678901234567890123456789012345678901234567890", None),
    ("0.123456789012345678901234567890123456789012345678901234567890", None),
    ("1e123456789012345678901234567890123456789012345678901234567890", None),
    ("01", Some(1)),
    ("00", Some(1)),
    ("-01", Some(2)),
    ("-", Some(1)),
    ("--1", Some(1)),
    ("+1", Some(0)),
    (".5", Some(0)),
    ("-.5", Some(1)),
    ("1.", Some(2)),
    ("1.e5", Some(2)),
    ("1..5", Some(2)),
    ("1.5.5", Some(3)),
    ("1e", Some(2)),
    ("1e+", Some(3)),
    ("1e+-5", Some(3)),
    ("1e5.5", Some(3)),
    ("1ee5", Some(2)),
    ("0x1", Some(1)),
    ("1a", Some(1)),
    ("1_000", Some(1)),
    ("1 2", Some(2)),
    ("NaN", Some(0)),
    ("Infinity", Some(0)),
    ("-Infinity", Some(1)),
    ("-NaN", Some(1)),
    ("１", Some(0)),
    // Words.
    ("true", None),
    ("false", None),
    ("null", None),
    ("tru", Some(3)),
    ("truE", Some(3)),
    ("truex", Some(4)),
    ("True", Some(0)),
    ("fals", Some(4)),
    ("falze", Some(3)),
    ("nul", Some(3)),
    ("nil", Some(1)),
    ("nulll", Some(4)),
    ("undefined", Some(0)),
    // Strings.
    (r#""""#, None),
    (r#""a""#, None),
    (r#""张江""#, None),
    ("\"\u{7f}\u{2028}\u{10ffff}\"", None),
    (r#""\"\\\/\b\f\n\r\t""#, None),
    (r#""\u0000\uABCD\uabcd\u0aF9""#, None),
    (r#""\ud83d\ude00""#, None),
    (r#""0123456789012345678901234567890""#, None),
    (r#""01234567890123456789012345678901""#, None),
    (r#""012345678901234567890123456789012345678901234567890123456789012\n""#, None),
    (r#""a"#, Some(2)),
    (r#"""#, Some(1)),
    (r#""a'"#, Some(3)),
    (r#"'a'"#, Some(0)),
    (r#""\x""#, Some(2)),
    (r#""\a""#, Some(2)),
    (r#""\0""#, Some(2)),
    (r#""\U0041""#, Some(2)),
    (r#""\u""#, Some(3)),
    (r#""\u12""#, Some(5)),
    (r#""\u123g""#, Some(6)),
    (r#""\u 123""#, Some(3)),
    (r#""\u+123""#, Some(3)),
    (r#""\"#, Some(2)),
    (r#""\""#, Some(3)),
    (r#""\\"""#, Some(4)),
    ("\"\t\"", Some(1)),
    ("\"\n\"", Some(1)),
    ("\"\0\"", Some(1)),
    ("\"\u{1f}\"", Some(1)),
    ("\"\\\n\"", Some(2)),
    ("\"01234567890123456789012345678901234\u{1}\"", Some(36)),
    (r#""a"b"#, Some(3)),
    (r#""a""b""#, Some(3)),
    // Arrays and objects.
    ("[]", None),
    ("{}", None),
    ("[ ]", None),
    ("{ }", None),
    ("[[]]", None),
    ("[{}]", None),
    ("[[],{},[1],{\"a\":[]}]", None),
    ("[1,2,3]", None),
    ("[ 1 , \"a\" , true , null , -0.5e1 ]", None),
    (r#"{"a":1}"#, None),
    (r#"{"a":1,"a":2}"#, None),
    (r#"{"":0}"#, None),
    (r#"{"a\n":{"b":{"c":[{"d":null}]}}}"#, None),
    (r#"{ "a" : 1 , "b" : [ ] , "id" : 5 , "id" : 6 }"#, None),
    ("[", Some(1)),
    ("{", Some(1)),
    ("[}", Some(1)),
    ("{]", Some(1)),
    ("[1", Some(2)),
    ("[1,", Some(3)),
    ("[1,]", Some(3)),
    ("[,1]", Some(1)),
    ("[,]", Some(1)),
    ("[1,,2]", Some(3)),
    ("[1 2]", Some(3)),
    ("[1;2]", Some(2)),
    ("[1:2]", Some(2)),
    ("[1}", Some(2)),
    ("[[1]", Some(4)),
    ("[\"a\",\n\t01]", Some(8)),
    (r#"{"a""#, Some(4)),
    (r#"{"a"}"#, Some(4)),
    (r#"{"a":}"#, Some(5)),
    (r#"{"a":1,}"#, Some(7)),
    (r#"{"a":1"#, Some(6)),
    (r#"{"a":1]"#, Some(6)),
    (r#"{"a",1}"#, Some(4)),
    (r#"{"a":1 "b":2}"#, Some(7)),
    (r#"{"a":1,,"b":2}"#, Some(7)),
    (r#"{"a":1,2}"#, Some(7)),
    (r#"{a:1}"#, Some(1)),
    (r#"{1:1}"#, Some(1)),
    (r#"{null:1}"#, Some(1)),
    (r#"{["a"]:1}"#, Some(1)),
    (r#"{"a":[1,{"b":tru}]}"#, Some(16)),
    (r#"{"\q":1}"#, Some(3)),
    ("<", Some(0)),
    ("//", Some(0)),
];

/// A fault in the middle of a line is found where it is, whatever holds the value, and however far the end of the line is.
#[test]
fn values_in_fields_that_are_skipped() {
    for (value, fault) in VALUES {
        for before in [r#"{"x":"#, r#"{"source":"app", "x" :  "#, r#"{"x":["#, r#"{"x":{"y":"#, r#"{"media":[{"k":"#] {
            let closing = match before {
                r#"{"x":["# => "]",
                r#"{"x":{"y":"# => "}",
                r#"{"media":[{"k":"# => "}]",
                _ => "",
            };
            for after in
                [r#","id":"1"}"#, r#" , "id":"1","addr":"张江镇祖冲之路附近道路破损","trace":"5d4edd8bdbfdb589"}"#]
            {
                let line = format!("{before}{value}{closing}{after}");
                let mut decoder = Decoder::new();
                let ours = told(&mut decoder, &line);
                match fault {
                    None => assert!(ours.ends_with("/1"), "{ours}: {line}"),
                    // What is missing inside the value may come behind it: then only that it is a fault can be said.
                    Some(at) if *at == value.len() => assert!(ours.starts_with("line not_json"), "{ours}: {line}"),
                    Some(at) => assert_eq!(ours, format!("line not_json {}", before.len() + at), "{line}"),
                }
                oracle::check(&mut decoder, &line);
            }
        }
    }
}

#[test]
fn values_in_every_field_of_the_schema() {
    let mut decoder = Decoder::new();
    for kind in ["report", "action", "unit", "ruling"] {
        for field in Field::ALL {
            for (value, _) in VALUES {
                let name = field.name();
                oracle::check(&mut decoder, &format!(r#"{{"id":"1","kind":"{kind}","{name}":{value}}}"#));
                oracle::check(&mut decoder, &format!(r#"{{"{name}":{value},"x":0}}"#));
            }
        }
    }
}

#[test]
fn lone_surrogates_are_refused_where_text_is_read() {
    let lone = [r"\ud800", r"\udbff", r"\udc00", r"\udfff", r"\ud800x", r"\ud800\n", r"\ud800\ud800", r"\ud800\u0041"];
    for text in lone.into_iter().chain([r"\ud83d", r"\ude00\ud83d", r"\ud800\\udc00"]) {
        for field in ["source", "id", "text", "title", "category", "reporter", "order"] {
            let line = format!(r#"{{"{field}":"ab{text}"}}"#);
            check(&line, &format!("line not_json {}", field.len() + 7));
        }
        check(&format!(r#"{{"id":"1","other":"{text}","x":["{text}",{{"text":"{text}"}}]}}"#), "-/1");
    }
}

#[test]
fn nesting_ends_at_64_levels() {
    let arrays = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    let objects = |levels: usize| r#"{"a":"#.repeat(levels) + "0" + &"}".repeat(levels);
    let mixed = |pairs: usize| r#"[{"a":"#.repeat(pairs) + "0" + &"}]".repeat(pairs);
    for (value, at) in [(arrays(64), 63), (objects(64), 63 * 5), (mixed(32), 31 * 6 + 1), (arrays(100_000), 63)] {
        check(&format!(r#"{{"id":"1","x":{value}}}"#), &format!("line too_deep {}", 14 + at));
    }
    for value in [arrays(63), objects(63), format!("[{}]", mixed(31)), format!("[1,{},{}]", arrays(62), objects(62))] {
        check(&format!(r#"{{"id":"1","x":{value}}}"#), "-/1");
    }
    check(&arrays(64), "line not_an_object 0");
    check(&arrays(65), "line too_deep 64");
    check(&"[".repeat(100_000), "line too_deep 64");
    check(&r#"{"a":"#.repeat(100_000), "line too_deep 320");
    check(&format!("{}x", "[".repeat(64)), "line not_json 64");
    // Brackets in strings are no levels.
    check(&format!(r#"{{"id":"1","x":["{}"]}}"#, "[{".repeat(100)), "-/1");
}

#[test]
fn a_line_that_is_too_long_is_not_read() {
    let line = format!(r#"{{"id":"1","x":"{}"}}"#, "x".repeat(LINE_BYTES_MAX));
    assert_eq!(told(&mut Decoder::new(), &line), "line too_long 1048576");
    assert_eq!(told(&mut Decoder::new(), &line.replacen("xxxxxxxxxxxxxxxxx", "", 1)), "-/1");
}

#[test]
fn keys_that_never_come_again_are_read_all_the_same() {
    let mut decoder = Decoder::new();
    for n in 0..1000 {
        let line = format!(
            r#"{{"k{n}":0,"id":"{n}","j{n}":{{"k{n}":1}},"source":"s","a long key that no table holds {n}":1,"ts":7{n}}}"#
        );
        assert_eq!(told(&mut decoder, &line), format!("s/{n} at 7{n}"));
    }
}

/// What is remembered of one line must not change what another means.
#[test]
fn lines_that_resemble_the_one_before() {
    for (lines, expected) in [
        // The same bytes at another level, where keys have to be text.
        ([r#"{"id":"1","x":{"a":0,"\ud800":1}}"#, r#"{"id":"1","a":0,"\ud800":1}"#], "line not_json 17"),
        // The same bytes behind another bracket.
        ([r#"{"id":"1","x":{"a":0}}"#, r#"{"id":"1","x":["a":0]}"#], "line not_json 18"),
        ([r#"{"id":"1","x":[1,2]}"#, r#"{"id":"1","x":{1,2}}"#], "line not_json 15"),
        ([r#"{"id":"1","x":[[1],[2]]}"#, r#"{"id":"1","x":[[1],[2]}"#], "line not_json 22"),
        ([r#"{"id":"1","x":{}}"#, r#"{"id":"1","x":{}"#], "line not_json 16"),
        ([r#"{"id":"1"}"#, r#"{"id":"1"{"id":"2"}"#], "line not_json 9"),
        // More or less space, and another kind of value.
        ([r#"{"id":"1","ts":5}"#, r#"{"id":"1","ts": 6}"#], "-/1 at 6"),
        ([r#"{"id":"1","ts": 5}"#, r#"{"id":"1","ts":6}"#], "-/1 at 6"),
        ([r#"{"id":"1","ts":5}"#, r#"{"id":"1","ts":"1970-01-01T00:00:01Z"}"#], "-/1 at 1000"),
        ([r#"{"id":"1","ts":"1970-01-01T00:00:01Z"}"#, r#"{"id":"1","ts":5}"#], "-/1 at 5"),
        ([r#"{"id":"1","ts":5}"#, r#"{"id":"1","ts":}"#], "line not_json 15"),
        ([r#"{"id":"1","ts":5}"#, r#"{"id":"1","ts":[5]}"#], "ts wrong_type 15"),
        ([r#"{"id":"1","reporter":{"a":[1]}}"#, r#"{"id":"1","reporter":{"a":[]}}"#], r#"-/1 by {"a":[]}"#),
        ([r#"{"id":"1","x":{"a":1}}"#, r#"{"id":"1","reporter":{"a":1}}"#], r#"-/1 by {"a":1}"#),
        ([r#"{"id":"1","reporter":{"a":1}}"#, r#"{"id":"1","reporter":{"a":1},"x":{"a":1}}"#], r#"-/1 by {"a":1}"#),
        // Fields that were there before, and fields that stand twice.
        ([r#"{"id":"1","cell":"c"}"#, r#"{"id":"2"}"#], "-/2"),
        ([r#"{"id":"\u0031","cell":"c"}"#, r#"{"id":"2","cell":"c"}"#], "-/2 cell=c"),
        ([r#"{"x":0,"id":"1"}"#, r#"{"x":0,"id":"1","id":"1"}"#], "id repeated 16"),
        ([r#"{"id":"1","id":"1"}"#, r#"{"id":"1"}"#], "-/1"),
    ] {
        let mut decoder = Decoder::new();
        for line in lines.iter().chain(&lines) {
            oracle::check(&mut decoder, line);
        }
        assert_eq!(told(&mut decoder, lines[1]), expected, "{lines:?}");
    }
}

#[test]
fn lines_cut_off_at_every_character() {
    let mut decoder = Decoder::new();
    for line in LINES {
        oracle::check(&mut decoder, line);
        for end in (0..line.len()).filter(|&end| line.is_char_boundary(end)) {
            oracle::check(&mut decoder, &line[..end]);
            oracle::check(&mut Decoder::new(), &line[..end]);
        }
    }
}

/// Bytes that mean something to JSON, and some that do not.
const BYTES: &[u8] = b"\"\\{}[]:,-+.01289eEutfnrabs/ \t\n\0\x1f\x7f";

#[test]
fn lines_with_every_byte_changed_doubled_or_gone() {
    let mut decoder = Decoder::new();
    for line in LINES {
        for at in 0..line.len() {
            let (before, after) = (&line.as_bytes()[..at], &line.as_bytes()[at + 1..]);
            let changed = BYTES.iter().map(|&byte| [before, &[byte], after].concat());
            let added = BYTES.iter().map(|&byte| [before, &[byte], &line.as_bytes()[at..]].concat());
            for bytes in changed.chain(added).chain([[before, after].concat()]) {
                if let Ok(line) = std::str::from_utf8(&bytes) {
                    oracle::check(&mut decoder, line);
                }
            }
        }
    }
}

/// A change to a line.
#[derive(Clone, Debug)]
enum Change {
    Set(Index, u8),
    Insert(Index, &'static str),
    Remove(Index, usize),
    Repeat(Index, usize),
    Swap(Index, Index),
}

impl Change {
    fn apply(&self, line: &mut Vec<u8>) {
        if line.is_empty() {
            return;
        }
        match self {
            Self::Set(at, byte) => *at.get_mut(line) = *byte,
            Self::Insert(at, text) => drop(line.splice(at.index(line.len())..at.index(line.len()), text.bytes())),
            Self::Remove(at, length) => {
                let from = at.index(line.len());
                line.drain(from..(from + length).min(line.len()));
            }
            Self::Repeat(at, length) => {
                let from = at.index(line.len());
                let piece = line[from..(from + length).min(line.len())].to_vec();
                line.splice(from..from, piece);
            }
            Self::Swap(a, b) => {
                let (a, b) = (a.index(line.len()), b.index(line.len()));
                line.swap(a, b);
            }
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    let pieces = select(vec![
        r#""id":"2","#,
        r#","ts":5"#,
        r#","lng":1.5"#,
        r#""unit":"u","#,
        "[[[[[[[[",
        "]]",
        "{\"a\":",
        "}",
        r"\u0041",
        r"\ud800",
        r"\ud83d\ude00",
        "\\\\",
        "\\\"",
        "张",
        "0",
        "-",
        ".5",
        "e1",
        "null",
        " ",
        "\t",
        "\"\"",
        ",",
        ":",
    ]);
    prop_oneof![
        (any::<Index>(), select(BYTES)).prop_map(|(at, byte)| Change::Set(at, byte)),
        (any::<Index>(), pieces).prop_map(|(at, piece)| Change::Insert(at, piece)),
        (any::<Index>(), 1usize..20).prop_map(|(at, length)| Change::Remove(at, length)),
        (any::<Index>(), 1usize..40).prop_map(|(at, length)| Change::Repeat(at, length)),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Change::Swap(a, b)),
    ]
}

/// A JSON value of any shape, with white space that sources do not write.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        any::<f64>()
            .prop_filter("JSON has finite numbers", |value| value.is_finite())
            .prop_map(|value| format!("{value:?}")),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(5, 30, 5, |inner| {
        let space = select(vec!["", " ", "\t\r\n "]);
        prop_oneof![
            (prop::collection::vec(inner.clone(), 0..5), space.clone())
                .prop_map(|(all, space)| format!("[{space}{}{space}]", all.join(&format!("{space},")))),
            (prop::collection::vec((any::<String>(), inner), 0..5), space).prop_map(|(all, space)| {
                let pairs = all
                    .iter()
                    .map(|(key, value)| format!("{}{space}:{space}{value}", serde_json::to_string(key).unwrap()));
                format!("{{{space}{}{space}}}", pairs.collect::<Vec<_>>().join(","))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// One decoder reads all of them, so what it remembers is often wrong.
    #[test]
    fn lines_with_several_changes(changes in prop::collection::vec((select(LINES), prop::collection::vec(change(), 0..4)), 1..6)) {
        let mut decoder = Decoder::new();
        for (line, changes) in changes {
            let mut line = line.as_bytes().to_vec();
            changes.iter().for_each(|change| change.apply(&mut line));
            oracle::check(&mut decoder, &String::from_utf8_lossy(&line));
        }
    }

    #[test]
    fn any_json_is_read(value in value(), field in select(&Field::ALL[..])) {
        let mut decoder = Decoder::new();
        oracle::check(&mut decoder, &value);
        oracle::check(&mut decoder, &format!(r#"{{"id":"1","x":{value}}}"#));
        oracle::check(&mut decoder, &format!(r#"{{"id":"1","{}" : {value}}}"#, field.name()));
    }

    #[test]
    fn any_text_is_judged(text in any::<String>(), noise in prop::collection::vec(select(BYTES), 0..40)) {
        let mut decoder = Decoder::new();
        oracle::check(&mut decoder, &text);
        let noise = String::from_utf8(noise).unwrap();
        oracle::check(&mut decoder, &noise);
        oracle::check(&mut decoder, &format!(r#"{{"id":"{noise}","x":{noise}}}"#));
    }
}
