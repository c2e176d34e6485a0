use crate::city::{City, CityFiles};
use crate::fingerprint::HashKey;
use crate::ids::SourceId;
use crate::ingest::decode::Decoder;
use crate::ingest::decode::tests::told;
use crate::record::Input;
use crate::report::{Field, Reason, Urgency};

/// The default city with one more source, which has this shape.
fn city(shape: &str) -> City {
    city_with("", shape)
}

/// The same, with settings of the source's own.
fn city_with(own: &str, shape: &str) -> City {
    let pudong = CityFiles::pudong();
    let settings = pudong.texts().next().expect("settings come first").1;
    let source = "[[source]]\nname = \"file\"\nname_zh = \"文件\"\nkind = \"app\"\nurgency = \"C\"\nlate = \"refuse\"\n\
                  may = [\"report\"]\ndedup = { window = \"sliding\", minutes = 60 }";
    let settings = format!("{settings}\n{source}\n{own}\n[source.shape]\n{shape}\n");
    let mut texts: Vec<_> = pudong.texts().collect();
    texts[0].1 = &settings;
    City::compile(CityFiles::from_texts(&texts)).unwrap_or_else(|problems| panic!("{shape}\n{problems}"))
}

/// The last of the city's sources.
fn speaker(city: &City) -> Option<SourceId> {
    Some(SourceId(city.sources.len() as u16 - 1))
}

/// Checks lines of a shape, each with a decoder that has seen nothing and with one that has seen all lines before.
fn check(shape: &str, lines: &[(&str, &str)]) {
    check_in(&city(shape), lines);
}

/// The same, of a city.
fn check_in(city: &City, lines: &[(&str, &str)]) {
    let mut used = Decoder::of(city, speaker(city));
    for (line, expected) in lines {
        assert_eq!(told(&mut Decoder::of(city, speaker(city)), line), *expected, "{line}");
        assert_eq!(told(&mut used, line), *expected, "after others: {line}");
        assert_eq!(told(&mut used, line), *expected, "once more: {line}");
        assert_eq!(used.source_of(line), None, "no line of a shape names its source: {line}");
    }
}

#[test]
fn ids() {
    check(
        r#"id = "/key""#,
        &[
            (r#"{"key":"a"}"#, "-/a"),
            (r#"{"key":7}"#, "-/7"),
            (r#"{"key":-1.50e3}"#, "-/-1.50e3"),
            (r#"{"k\u0065y":"\u0061\n"}"#, "-/a\n"),
            (r#"{"key":" a "}"#, "-/ a "),
            (r#"{"source":"12345","kind":"action","id":"b","ts":true,"key":"a"}"#, "-/a"),
            (r#"{"id":"a"}"#, "id missing 0"),
            (r#"{"key":null}"#, "id missing 0"),
            (r#"{"key":""}"#, "id empty 7"),
            (r#"{"key":true}"#, "id wrong_type 7"),
            (r#"{"key":["a"]}"#, "id wrong_type 7"),
            (r#"{"key":{"key":"a"}}"#, "id wrong_type 7"),
            (r#"{"key":"a","x":{"key":"b"},"key":"c"}"#, "id repeated 27"),
            (r#"{"key":"a","x":1,"x":2}"#, "-/a"),
            (r#"{"key":"\ud800"}"#, "line not_json 8"),
            (r#"{"key":"a","x":"\ud800"}"#, "-/a"),
            (r#"["a"]"#, "line not_an_object 0"),
            (r#"{"key":"a""#, "line not_json 10"),
        ],
    );
    let (most, more) = ("x".repeat(128), "9".repeat(129));
    check(
        r#"id = "/key""#,
        &[
            (&format!(r#"{{"key":"{most}"}}"#), &format!("-/{most}")),
            (&format!(r#"{{"key":{more}}}"#), "id field_too_long 7"),
        ],
    );
}

#[test]
fn pointers_into_objects_and_arrays() {
    check(
        "id = \"/properties/id\"\nlng = \"/geometry/coordinates/0\"\nlat = \"/geometry/coordinates/1\"",
        &[
            (
                r#"{"type":"Feature","geometry":{"type":"Point","coordinates":[121.5,31.25,4]},"properties":{"id":"a"}}"#,
                "-/a @121500000,31250000",
            ),
            (
                r#"{"properties":{"x":[{"id":"b"}],"id":"a"},"geometry":{"coordinates":[121.5 , 31.25]}}"#,
                "-/a @121500000,31250000",
            ),
            (
                r#"{"properties":{"id":"a"},"geometry":{"coordinates":{"1":31.25,"0":121.5}}}"#,
                "-/a @121500000,31250000",
            ),
            (r#"{"properties":{"id":"a"},"geometry":{"coordinates":[[121.5,31.25],[1,2]]}}"#, "-/a"),
            (r#"{"properties":{"id":"a"},"geometry":{"coordinates":[[],31.25]}}"#, "-/a"),
            (r#"{"properties":{"id":"a"},"geometry":{"coordinates":[]}}"#, "-/a"),
            (r#"{"properties":{"id":"a"},"geometry":{}}"#, "-/a"),
            (r#"{"properties":{"id":"a"},"geometry":null}"#, "-/a"),
            (r#"{"properties":{"id":"a"},"geometry":[121.5,31.25]}"#, "-/a"),
            (r#"{"properties":{"id":"a"},"coordinates":[121.5,31.25],"0":1,"1":2}"#, "-/a"),
            (r#"{"properties":[{"id":"a"}]}"#, "id missing 0"),
            (r#"{"properties":"id","id":"a"}"#, "id missing 0"),
            (r#"{"properties":{},"id":"a"}"#, "id missing 0"),
            (r#"{"properties":{"id":"a"},"properties":{}}"#, "id repeated 25"),
            (r#"{"properties":{"id":"a"},"p":{"properties":{"id":"b"}}}"#, "-/a"),
            (r#"{"properties":{"id":"a","\ud800":1}}"#, "line not_json 25"),
            (r#"{"properties":{"id":"a","x":{"\ud800":1}}}"#, "-/a"),
        ],
    );
    check(
        r#"id = "/a~1b/~0\"/1""#,
        &[
            (r#"{"a/b":{"~\"":[1,"x"]}}"#, "-/x"),
            (r#"{"a\/b":{"\u007e\u0022":{"1":"x"}}}"#, "-/x"),
            (r#"{"a/b":{"~\"":[0],"~\"":[1,"x"]}}"#, "id repeated 18"),
            (r#"{"a/b":{"~\"":["x"]}}"#, "id missing 0"),
        ],
    );
}

#[test]
fn times() {
    let shape = |format: &str| format!("id = \"/id\"\ntime = \"/t\"\ntime_format = {format}");
    let check_times = |format: &str, times: &[(&str, &str)]| {
        let lines: Vec<_> =
            times.iter().map(|(time, told)| (format!(r#"{{"id":"a","t":{time}}}"#), (*told).to_owned())).collect();
        let lines: Vec<_> = lines.iter().map(|(line, told)| (line.as_str(), told.as_str())).collect();
        check(&shape(format), &lines);
    };
    let absent = ["null", r#""""#, r#"" ""#, "true", "[]", r#"{"a":1}"#].map(|time| (time, "-/a"));
    for format in ["\"rfc3339\"", "\"unix_s\"", "\"%Y-%m-%d\"\nzone = \"UTC\""] {
        check_times(format, &absent);
    }
    check_times(
        "\"%Y-%m-%dT%H:%M:%S\"\nzone = \"Asia/Shanghai\"",
        &[
            (r#""2026-01-01T08:00:00""#, "-/a at 1767225600000"),
            (r#"" 2026-01-01T08:00:00 ""#, "-/a at 1767225600000"),
            (r#""2026-01-01T08:00:00\u0020""#, "-/a at 1767225600000"),
            (r#""2026-01-01 08:00:00""#, "ts not_a_value 14"),
            (r#""2026-02-29T08:00:00""#, "ts not_a_value 14"),
            (r#""2026-01-01T08:00:00Z""#, "ts not_a_value 14"),
            (r#""0001-01-01T00:00:00""#, "ts out_of_range 14"),
            (r#""1970-01-01T08:00:00""#, "ts out_of_range 14"),
            ("20260101", "ts not_a_value 14"),
        ],
    );
    check_times("\"%Y%m%d\"\nzone = \"+08:00\"", &[("20260101", "-/a at 1767196800000")]);
    check_times(
        "\"%m/%d/%Y %I:%M:%S %p\"\nzone = \"America/New_York\"",
        &[
            (r#""01/07/2010 11:41:51 PM""#, "-/a at 1262925711000"),
            (r#""13/07/2010 11:41:51 PM""#, "ts not_a_value 14"),
        ],
    );
    check_times(
        "\"unix_ms\"",
        &[("1767225600001", "-/a at 1767225600001"), (r#""1767225600001""#, "-/a at 1767225600001")],
    );
    check_times("\"unix_s\"", &[("1767225600.5", "-/a at 1767225600500"), ("0", "ts out_of_range 14")]);
    check_times(
        "\"rfc3339\"",
        &[(r#""2026-01-01T08:00:00+08:00""#, "-/a at 1767225600000"), ("1", "ts not_a_value 14")],
    );
}

#[test]
fn coordinates() {
    let line = |lng: &str, lat: &str| format!(r#"{{"id":"a","x":{lng},"y":{lat}}}"#);
    let lines: Vec<_> = [
        ("121.5", "31.25", "-/a @121500000,31250000"),
        (r#""121.5""#, r#"" 31.25 ""#, "-/a @121500000,31250000"),
        (r#""+121.5""#, r#""031.25""#, "-/a @121500000,31250000"),
        (r#""-.5""#, r#""-7.""#, "-/a @-500000,-7000000"),
        (r#""1.215e2""#, r#""31.2500005""#, "-/a @121500000,31250001"),
        ("0", "31", "-/a @0,31000000"),
        ("0", "0.0", "-/a"),
        (r#""0.0000""#, "-0", "-/a"),
        ("121.5", "null", "-/a"),
        (r#""""#, r#""""#, "-/a"),
        (r#""121,5""#, "31", "-/a"),
        (r#""121.5E""#, "31", "-/a"),
        (r#""inf""#, r#""NaN""#, "-/a"),
        (r#""-""#, r#"".""#, "-/a"),
        ("[121.5]", "31", "-/a"),
        ("181", "31", "lng out_of_range 14"),
        ("121", r#""1e9""#, "lat out_of_range 22"),
        ("-999", "-999", "lng out_of_range 14"),
        ("999", "null", "-/a"),
    ]
    .map(|(lng, lat, told)| (line(lng, lat), told))
    .into();
    let lines: Vec<_> = lines.iter().map(|(line, told)| (line.as_str(), *told)).collect();
    check("id = \"/id\"\nlng = \"/x\"\nlat = \"/y\"", &lines);
    check(
        "id = \"/id\"\nlng = \"/x\"\nlat = \"/y\"",
        &[(r#"{"id":"a","x":1}"#, "-/a"), (r#"{"y":1,"id":"a"}"#, "-/a")],
    );
}

#[test]
fn metres_of_a_plane() {
    let shape = "id = \"/id\"\nlng = \"/x\"\nlat = \"/y\"\n[[frame]]\nname = \"town\"\nellipsoid = \"cgcs2000\"\ncentral_meridian = 121.5";
    check_in(
        &city_with("frame = \"town\"", shape),
        &[
            (r#"{"id":"a","x":12.5,"y":"-3000000.25"}"#, "-/a @EastNorth { east: 12.5, north: -3000000.25 }"),
            (r#"{"id":"a","x":0,"y":0.0}"#, "-/a"),
            (r#"{"id":"a","x":1,"y":null}"#, "-/a"),
            (r#"{"id":"a","x":1,"y":1e999}"#, "lat out_of_range 20"),
        ],
    );
}

#[test]
fn words_places_and_people() {
    check(
        "id = \"/id\"\ncategory = [\"/type\", \"/label\"]\ncondition = \"/how\"\nurgency = \"/u\"\n[source.shape.words]\n\"灯\" = \"01037\"\n\"5\" = \
         \"01001\"\n[source.shape.urgencies]\n\"高\" = \"A\"\n\"C\" = \"B\"",
        &[
            (r#"{"id":"a","type":"灯","how":"不亮"}"#, "-/a category=01037 condition=不亮"),
            (r#"{"id":"a","type":"灯","how":""}"#, "-/a category=01037"),
            (r#"{"id":"a","type":"灯"}"#, "-/a category=01037"),
            (r#"{"id":"a","type":" \u706f "}"#, "-/a category=01037"),
            (r#"{"id":"a","type":5}"#, "-/a category=01001"),
            (r#"{"id":"a","type":"01002","label":"灯"}"#, "-/a category=01002"),
            (r#"{"id":"a","type":"雨水井盖异常"}"#, "-/a category=01003"),
            (r#"{"id":"a","type":"?","label":"灯"}"#, "-/a category=01037"),
            (r#"{"id":"a","type":"?","label":"!"}"#, "-/a category=?"),
            (r#"{"id":"a","type":"","label":"!"}"#, "-/a category=!"),
            (r#"{"id":"a","type":null,"label":false}"#, "-/a"),
            (r#"{"id":"a","u":"高"}"#, "-/a A"),
            (r#"{"id":"a","u":"A"}"#, "-/a A"),
            (r#"{"id":"a","u":"C"}"#, "-/a B"),
            (r#"{"id":"a","u":"soon"}"#, "-/a"),
            (r#"{"id":"a","u":1}"#, "-/a"),
        ],
    );
    let long = "x".repeat(257);
    check(
        "id = \"/id\"\narea = \"/zip\"\ncell = \"/c\"\ncomponent = \"/m\"\naddress = [\"/street\", \"/city\"]\nreporter = \"/who\"",
        &[
            (r#"{"id":"a","c":7,"m":"井 1","street":"A 1","city":"B"}"#, "-/a cell=7 component=井 1 address=A 1 B"),
            (r#"{"id":"a","c":{},"m":"","street":null,"city":" \u0042 "}"#, "-/a address=B"),
            (r#"{"id":"a","street":"\u0041","city":"\u0042"}"#, "-/a address=A B"),
            (r#"{"id":"a","street":"","city":""}"#, "-/a"),
            (r#"{"id":"a","zip":"\u00310001"}"#, "-/a area=10001"),
            (r#"{"id":"a","zip":10001}"#, "-/a area=10001"),
            (r#"{"id":"a","zip":null}"#, "-/a"),
            (&format!(r#"{{"id":"a","c":"{long}","m":"{long}","street":"{}"}}"#, long.repeat(16)), "-/a"),
            (r#"{"id":"a","who":"A0182491"}"#, r#"-/a by "A0182491""#),
            (r#"{"id":"a","who": {"phone": "\u0031"} }"#, r#"-/a by {"phone": "\u0031"}"#),
            (r#"{"id":"a","who":7}"#, "-/a by 7"),
            (r#"{"id":"a","who":""}"#, "-/a"),
            (r#"{"id":"a","who":null}"#, "-/a"),
        ],
    );
}

/// What understanding makes of the source's words, and how far it trusts them.
#[test]
fn heads() {
    let check = |own: &str, shape: &str, line: &str, expected: (&str, u16, Urgency)| {
        let city = city_with(own, &format!("id = \"/id\"\ncategory = [\"/type\"]\nurgency = \"/u\"\n{shape}"));
        let mut decoder = Decoder::of(&city, speaker(&city));
        let said = decoder.decode(line).expect("a report").said;
        let understood = city.understand(&said, speaker(&city), &HashKey { k0: 1, k1: 2 }).expect("understood");
        let Input::Report(head) = understood.input else { panic!("a report: {line}") };
        let class = city.classes.get(head.class.index()).map_or("", |class| &class.named.code);
        assert_eq!((class, head.confidence, head.urgency), expected, "{own} {shape} {line}");
        assert_eq!(Some(understood.source), speaker(&city));
    };
    let words = "[source.shape.words]\n\"lamp\" = \"01037\"\n[source.shape.urgencies]\n\"now\" = \"A\"";
    let doubted = format!("confidence = 400\n{words}");
    let (lamp, both) = (r#"{"id":"a","type":"lamp"}"#, r#"{"id":"a","type":"lamp","u":"now"}"#);
    check("", words, lamp, ("01037", 1000, Urgency::B));
    check("", &doubted, lamp, ("01037", 400, Urgency::B));
    check("", &doubted, r#"{"id":"a","type":"?"}"#, ("", 0, Urgency::C));
    check("", words, both, ("01037", 1000, Urgency::B));
    check("trust_urgency = true", words, both, ("01037", 1000, Urgency::A));
    check("require = [\"category\"]", words, lamp, ("01037", 1000, Urgency::B));
}

/// What a source must say is missing or unknown there too.
#[test]
fn required_fields() {
    let shape =
        "id = \"/id\"\ntime = \"/t\"\ntime_format = \"unix_s\"\nlng = \"/x\"\nlat = \"/y\"\ncategory = [\"/type\"]";
    let check = |word: &str, line: &str, expected: Option<(Field, Reason)>| {
        let city = city_with(&format!("require = [\"{word}\"]"), shape);
        let mut decoder = Decoder::of(&city, speaker(&city));
        let said = decoder.decode(line).expect("a report").said;
        let understood = city.understand(&said, speaker(&city), &HashKey { k0: 1, k1: 2 });
        assert_eq!(understood.err().map(|reject| (reject.field, reject.reason)), expected, "{word}: {line}");
    };
    check("ts", r#"{"id":"a","t":1}"#, None);
    check("ts", r#"{"id":"a","t":""}"#, Some((Field::Ts, Reason::Missing)));
    check("place", r#"{"id":"a","x":121.5,"y":31.2}"#, None);
    check("place", r#"{"id":"a","x":0,"y":0}"#, Some((Field::Lng, Reason::Missing)));
    check("place", r#"{"id":"a","x":0,"y":31.2}"#, Some((Field::Lng, Reason::OutsideDistrict)));
    check("category", r#"{"id":"a","type":"01037"}"#, None);
    check("category", r#"{"id":"a","type":"?"}"#, Some((Field::Category, Reason::Unknown)));
    check("category", r#"{"id":"a","type":[]}"#, Some((Field::Category, Reason::Missing)));
}

/// What a report says in words, by a shape or by input schema v1.
#[test]
fn texts() {
    let shape = city("id = \"/id\"\ntitle = \"/t\"\ntext = [\"/more/0\", \"/more/1\"]");
    for (line, ours, v1) in [
        (r#"{"t":"a","more":["b","c"]}"#, Some("a\nb\nc"), None),
        (r#"{"t":"\u0061\n","more":["","\u0063"]}"#, Some("a\nc"), None),
        (r#"{"t":null,"more":["b",5]}"#, Some("b\n5"), None),
        (r#"{"t":"","more":[]}"#, None, None),
        (r#"{"title":"标题","text":"正\u6587"}"#, None, Some("标题\n正文")),
        (r#"{"title":7,"text":"x"}"#, None, Some("7\nx")),
        (r#"{"text":"x"#, None, None),
    ] {
        assert_eq!(Decoder::of(&shape, speaker(&shape)).texts(line), ours, "{line}");
        assert_eq!(Decoder::new().texts(line), v1, "{line}");
    }
}

#[test]
fn wrong_fields_have_their_place_in_the_line() {
    let city = city("id = \"/id\"\ncategory = [\"/a/type\", \"/b\"]\nlng = \"/x\"\nlat = \"/y\"");
    let mut decoder = Decoder::of(&city, speaker(&city));
    decoder.decode(r#"{"id":"1","b":"?","x":1}"#).expect("a report");
    for (field, at) in [(Field::Id, 6), (Field::Category, 14), (Field::Lng, 22), (Field::Lat, 0), (Field::Kind, 0)] {
        assert_eq!(decoder.place_of(field), at, "{}", field.name());
    }
}

/// The source of messages in the default city takes what message boards export.
#[test]
fn messages() {
    let city = City::pudong();
    let speaker = city.source_names.get("messages").map(SourceId);
    let mut decoder = Decoder::of(&city, speaker);
    for (line, expected) in [
        (
            r#"{"id": "360114", "user": "A0182491", "title": "标题", "text": "正文", "time": "2017-06-08T17:31:20", "likes": 0}"#,
            r#"-/360114 at 1496914280000 by "A0182491""#,
        ),
        (r#"{"id": "d2", "title": null, "text": "正文", "label": "交通运输", "time": null}"#, "-/d2 category=交通运输"),
    ] {
        assert_eq!(told(&mut decoder, line), expected);
    }
}
