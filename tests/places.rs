//! Places: from what a line says, in whatever frame, to the point, the cell and the area that the mind decides on.

use std::process::Command;

use paidan::city::{City, CityFiles, Frame};
use paidan::datum::plane::EastNorth;
use paidan::datum::{Datum, LngLat};
use paidan::fingerprint::HashKey;
use paidan::geo::FinePoint;
use paidan::ids::{AreaId, CellId};
use paidan::ingest::decode::Decoder;
use paidan::record::Input;
use paidan::report::{Report, Said, Spot, What};

const CITY: &str = r#"
[city]
id = "two"
name_zh = "二片"
name_en = "Two areas"

[grid]
cell_width = 1000
cell_height = 1000

[areas]
id = "/properties/code"

[[frame]]
name = "old"
ellipsoid = "krassovsky1940"
central_meridian = 116.35
latitude_of_origin = 39.9
false_easting = 1000
helmert = { dx = 20.0, dy = -150.0, dz = -80.0, rx = 0.1, ry = 0.2, rz = -0.3, ppm = 1.5 }

[[frame]]
name = "paper"
affine = [0.00001, 0, 116.40, 0, 0.00001, 39.91]

[[policy]]
name = "p"
merge = { window = "sliding", minutes = 10 }
same_place = "cell"
assign = "least_loaded"

[[source]]
name = "gps"
name_zh = "定位"
kind = "sensor"
urgency = "C"
late = "dispatch"
may = ["report", "unit"]
dedup = { window = "sliding", minutes = 10 }

[[source]]
name = "amap"
name_zh = "高德"
kind = "app"
urgency = "C"
late = "dispatch"
may = ["report", "unit"]
require = ["place"]
frame = "gcj02"
dedup = { window = "sliding", minutes = 10 }

[[source]]
name = "survey"
name_zh = "测绘"
kind = "partner"
urgency = "C"
late = "dispatch"
may = ["report"]
frame = "old"
dedup = { window = "sliding", minutes = 10 }
"#;

/// West, east with a hole, and in the hole an area that is also a far block of it.
const AREAS: &str = r#"{"type": "FeatureCollection", "name": "areas", "features": [
  {"type": "Feature", "properties": {"code": "west", "zh": "西片", "en": ""}, "geometry":
    {"type": "Polygon", "coordinates": [[[116.40, 39.91], [116.41, 39.91], [116.41, 39.92], [116.40, 39.92], [116.40, 39.91]]]}},
  {"type": "Feature", "properties": {"code": "east", "zh": null}, "bbox": [], "geometry":
    {"coordinates": [[[116.41, 39.91, 5], [116.42, 39.91], [116.42, 39.92], [116.41, 39.92], [116.41, 39.91, 5]],
      [[116.414, 39.914], [116.416, 39.914], [116.416, 39.916], [116.414, 39.916], [116.414, 39.914]]], "type": "Polygon"}},
  {"type": "Feature", "id": 9, "properties": {"code": 7}, "geometry":
    {"type": "MultiPolygon", "coordinates": [[[[116.414, 39.914], [116.416, 39.914], [116.416, 39.916], [116.414, 39.916], [116.414, 39.914]]]]}},
  {"type": "Feature", "properties": {"code": 7}, "geometry":
    {"type": "Polygon", "coordinates": [[[116.43, 39.91], [116.44, 39.91], [116.44, 39.92], [116.43, 39.91]]]}}
]}"#;

/// The other files of the city.
const REST: [(&str, &str); 4] = [
    ("classes.csv", "code,name_zh,name_en,urgency,policy,limit_min\nx,事,Matter,C,p,\n"),
    ("departments.csv", "code,name_zh,name_en\nD,处,Department\n"),
    ("duty.csv", "class,scope,where,department,tier\nx,area,west,D,street\n*,district,,D,district\n"),
    ("units.csv", "code,department,area,lng,lat,capacity\nC-1,D,west,116.405,39.915,\n"),
];

fn compile(city: &str, areas: &str, more: &[(&str, &str)]) -> Result<City, paidan::city::Problems> {
    let texts = [&[("city.toml", city), ("areas.geojson", areas)], &REST[..], more].concat();
    City::compile(CityFiles::from_texts(&texts))
}

fn city() -> City {
    compile(CITY, AREAS, &[]).unwrap_or_else(|problems| panic!("{problems}"))
}

/// What becomes of something said: the point in micro-degrees with its cell and area, or what is wrong.
fn told(city: &City, said: &Said<'_>) -> String {
    let input = match city.understand(said, None, &HashKey { k0: 1, k1: 2 }) {
        Ok(understood) => understood.input,
        Err(reject) => return format!("{} {}", reject.field.name(), reject.reason.name()),
    };
    let place = |point: paidan::geo::Point| match point.is_some() {
        true => format!("{} {}", point.lng, point.lat),
        false => "nowhere".to_owned(),
    };
    match input {
        Input::Report(head) => {
            assert_eq!(head.cell.is_some(), head.area.is_some());
            let cell = if head.cell == CellId::NONE { String::new() } else { format!(" in {}", head.cell.0) };
            let area = if head.area == AreaId::NONE {
                String::new()
            } else {
                format!(" of {}", city.areas[head.area.index()].code)
            };
            place(head.point) + &cell + &area
        }
        Input::Unit(change) => place(change.point),
        other => panic!("{other:?}"),
    }
}

/// What becomes of a line with these fields.
fn told_line(city: &City, source: &str, fields: &str) -> String {
    let line = format!(r#"{{"source":"{source}","id":"1"{fields}}}"#);
    told(city, &Decoder::new().decode(&line).expect("a line").said)
}

#[test]
fn lines_in_all_frames() {
    let city = city();
    // A place in the west, as published for GCJ-02, and what that is in BD-09.
    let gcj = r#","lng":116.41024449916938,"lat":39.91640428150164"#;
    let bd = Datum::Bd09.of_wgs84(LngLat { lng: 116.404, lat: 39.915 });
    let bd = format!(r#","lng":{},"lat":{},"frame":"bd09""#, bd.lng, bd.lat);
    let here = "116404000 39915000 in 209 of west";
    for (source, fields, expected) in [
        ("gps", r#","lng":116.404,"lat":39.915"#, here),
        ("gps", r#","lng":116.404,"lat":39.915,"frame":"wgs84""#, here),
        ("gps", r#","lng":116.404,"lat":39.915,"frame":"cgcs2000""#, here),
        ("gps", r#","lng":116.4040004999,"lat":39.9149995,"frame":null"#, here),
        ("gps", &format!(r#"{gcj},"frame":"gcj02""#), here),
        ("gps", &bd, here),
        ("amap", gcj, here),
        ("amap", &bd, here),
        ("amap", r#","lng":116.404,"lat":39.915,"frame":"wgs84""#, here),
        ("gps", gcj, "116410244 39916404 in 256 of east"),
        // Frames that are not known, or not degrees; also where no place is said.
        ("gps", r#","lng":116.404,"lat":39.915,"frame":"WGS84""#, "frame not_a_value"),
        ("gps", r#","lng":116.404,"lat":39.915,"frame":"""#, "frame not_a_value"),
        ("gps", r#","frame":"epsg:4326""#, "frame not_a_value"),
        ("gps", r#","frame":"old""#, "nowhere"),
        ("gps", r#","lng":116.404,"lat":39.915,"frame":"old""#, "frame not_a_value"),
        ("survey", r#","lng":116.404,"lat":39.915"#, "frame not_a_value"),
        ("survey", r#","lng":116.404,"lat":39.915,"frame":"wgs84""#, here),
        ("survey", "", "nowhere"),
        // Outside of the raster, and in it but in no area.
        ("gps", r#","lng":180,"lat":-90"#, "180000000 -90000000"),
        ("gps", r#","lng":116.425,"lat":39.915"#, "116425000 39915000"),
        ("amap", r#","lng":117.1,"lat":39.915"#, "lng outside_district"),
        ("amap", r#","lng":116.43,"lat":38"#, "lat outside_district"),
        ("amap", r#","lng":116.425,"lat":39.915,"frame":"wgs84""#, "lat outside_district"),
        ("amap", "", "lng missing"),
        // Units.
        ("gps", r#","kind":"unit","unit":"C-1""#, "nowhere"),
        ("amap", &format!(r#","kind":"unit","unit":"C-1"{gcj}"#), "116404000 39915000"),
        ("gps", r#","kind":"unit","unit":"C-1","lng":1,"lat":2,"frame":"mars""#, "frame not_a_value"),
    ] {
        assert_eq!(told_line(&city, source, fields), expected, "{source} {fields}");
    }
}

#[test]
fn metres_in_planes() {
    let city = city();
    let Frame::Plane(old) = city.frames.get(city.frames.by_name("old").expect("a frame")) else { panic!("a plane") };
    let place = old.of_degrees(LngLat { lng: 116.404, lat: 39.915 }).expect("a place");
    let metres = |east: f64, north: f64| EastNorth { east, north };
    for (source, frame, spot, expected) in [
        ("survey", None, place, "116404000 39915000 in 209 of west"),
        ("gps", Some("old"), place, "116404000 39915000 in 209 of west"),
        ("gps", Some("paper"), metres(400.0, 500.0), "116404000 39915000 in 209 of west"),
        ("gps", None, place, "frame not_a_value"),
        ("gps", Some("gcj02"), place, "frame not_a_value"),
        ("survey", None, metres(1e9, 0.0), "lng out_of_range"),
        ("survey", None, metres(f64::NAN, 0.0), "lng out_of_range"),
        ("survey", Some("paper"), metres(0.0, 5_009_000.1), "lng out_of_range"),
    ] {
        let report = Report { spot: Some(Spot::Metres(spot)), frame, ..Report::default() };
        let said = Said { source: Some(source), id: "1", time: None, what: What::Report(report) };
        assert_eq!(told(&city, &said), expected, "{source} {frame:?} {spot:?}");
    }
}

#[test]
fn areas_of_places() {
    let city = city();
    let names = city.areas.iter().map(|area| (&*area.code, &*area.zh, &*area.en)).collect::<Vec<_>>();
    assert_eq!(names, [("west", "west", "west"), ("east", "east", "east"), ("7", "7", "7")]);
    for (fields, area) in [
        // Edges and corners belong to the closed polygon, and of several to the first.
        (r#","lng":116.40,"lat":39.91"#, Some("west")),
        (r#","lng":116.41,"lat":39.915"#, Some("west")),
        (r#","lng":116.410000001,"lat":39.915"#, Some("east")),
        (r#","lng":116.409999999,"lat":39.915"#, Some("west")),
        (r#","lng":116.399999999,"lat":39.915"#, None),
        (r#","lng":116.42,"lat":39.92"#, Some("east")),
        (r#","lng":116.420000001,"lat":39.92"#, None),
        // A hole, its edge, and what lies in it.
        (r#","lng":116.415,"lat":39.915"#, Some("7")),
        (r#","lng":116.414,"lat":39.915"#, Some("east")),
        (r#","lng":116.414000001,"lat":39.915"#, Some("7")),
        // A far part of the same area.
        (r#","lng":116.435,"lat":39.912"#, Some("7")),
        (r#","lng":116.435,"lat":39.918"#, None),
        // Only a cell: the area of its middle.
        (r#","cell":"0""#, Some("west")),
        (r#","cell":"230""#, None),
        (r#","cell":"9040""#, None),
    ] {
        let told = told_line(&city, "gps", fields);
        let found = told.split_once(" of ").map(|(_, area)| area);
        assert_eq!(found, area, "{fields}: {told}");
    }
}

#[test]
fn a_report_decides_between_areas_that_overlap_and_no_others() {
    let wide = AREAS.replacen("[116.41, 39.91], [116.41, 39.92]", "[116.412, 39.91], [116.412, 39.92]", 1);
    let city = compile(CITY, &wide, &[]).unwrap_or_else(|problems| panic!("{problems}"));
    for (lng, said, expected) in [
        ("116.411", None, "west"),
        ("116.411", Some("east"), "east"),
        ("116.411", Some("west"), "west"),
        ("116.411", Some("7"), "west"),
        ("116.411", Some("nowhere"), "west"),
        ("116.412", Some("west"), "west"),
        ("116.413", Some("west"), "east"),
        ("116.405", Some("east"), "west"),
    ] {
        let line = format!(r#"{{"source":"gps","id":"1","lng":{lng},"lat":39.915}}"#);
        let mut decoder = Decoder::new();
        let mut decoded = decoder.decode(&line).expect("a line").said;
        let What::Report(report) = &mut decoded.what else { panic!("a report") };
        report.area = said;
        let told = told(&city, &decoded);
        assert_eq!(told.split_once(" of ").map(|(_, area)| area), Some(expected), "{lng} {said:?}");
    }
}

#[test]
fn names_come_from_the_table_or_the_file() {
    let names = |city: &str, more: &[(&str, &str)]| {
        let city = compile(city, AREAS, more).unwrap_or_else(|problems| panic!("{problems}"));
        city.areas.iter().map(|area| format!("{} {} {}", area.code, area.zh, area.en)).collect::<Vec<_>>()
    };
    let pointers = "id = \"/properties/code\"\nname_zh = \"/properties/zh\"\nname_en = \"/properties/en\"";
    let named = CITY.replacen("id = \"/properties/code\"", pointers, 1);
    assert_eq!(names(&named, &[]), ["west 西片 西片", "east east east", "7 7 7"]);
    let table = "code,name_zh,name_en\n7,七,Seven\neast,东,East\nwest,西,West\nlake,湖,Lake\n";
    assert_eq!(names(CITY, &[("areas.csv", table)]), ["7 七 Seven", "east 东 East", "west 西 West", "lake 湖 Lake"]);
}

#[test]
fn polygons_are_part_of_the_city() {
    let (city, other) = (city(), compile(CITY, &AREAS.replacen("39.92", "39.93", 2), &[]).expect("a city"));
    assert_ne!(city.version, other.version);
    let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    for (name, text) in city.files().iter() {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    assert_eq!(City::load(folder.path()).expect("the same city").version, city.version);
    std::fs::remove_file(folder.path().join("areas.geojson")).expect("a file");
    let problems = City::load(folder.path()).expect_err("no areas at all").to_string();
    assert!(problems.contains("areas.csv") && problems.contains("or areas.geojson"), "{problems}");
}

/// The same polygons in another frame are the same areas.
#[test]
fn polygons_in_other_frames() {
    let square = |corners: [(f64, f64); 5]| {
        let corners = corners.map(|(x, y)| format!("[{x:.9}, {y:.9}]")).join(", ");
        format!(
            r#"{{"type": "FeatureCollection", "features": [{{"type": "Feature", "properties": {{"code": "west"}},
            "geometry": {{"type": "Polygon", "coordinates": [[{corners}]]}}}}]}}"#
        )
    };
    let corners = [(116.40, 39.91), (116.41, 39.91), (116.41, 39.92), (116.40, 39.92), (116.40, 39.91)];
    let plain = city();
    let Frame::Plane(old) = plain.frames.get(plain.frames.by_name("old").expect("a frame")) else { panic!("a plane") };
    let shifted = |datum: Datum| {
        corners.map(|(lng, lat)| datum.of_wgs84(LngLat { lng, lat })).map(|place| (place.lng, place.lat))
    };
    let metres =
        corners.map(|(lng, lat)| old.of_degrees(LngLat { lng, lat }).map_or((0.0, 0.0), |at| (at.east, at.north)));
    for (frame, corners) in
        [("wgs84", corners), ("gcj02", shifted(Datum::Gcj02)), ("bd09", shifted(Datum::Bd09)), ("old", metres)]
    {
        let settings = CITY.replacen("code\"", &format!("code\"\nframe = \"{frame}\""), 1);
        let city = compile(&settings, &square(corners), &[]).unwrap_or_else(|problems| panic!("{problems}"));
        // A hundredth of a metre inside and outside of each edge.
        for (lng, lat, is_inside) in [
            ("116.4000001", "39.915", true),
            ("116.3999999", "39.915", false),
            ("116.4099999", "39.915", true),
            ("116.4100001", "39.915", false),
            ("116.405", "39.9100001", true),
            ("116.405", "39.9099999", false),
            ("116.405", "39.9199999", true),
            ("116.405", "39.9200001", false),
        ] {
            let told = told_line(&city, "gps", &format!(r#","lng":{lng},"lat":{lat}"#));
            assert_eq!(told.ends_with(" of west"), is_inside, "{frame}: {lng} {lat}: {told}");
        }
    }
}

#[test]
fn mistakes_are_named() {
    let line = |part: &str| CITY[..CITY.find(part).expect(part)].lines().count() as u64 + 1;
    let (grid, areas, frames) =
        (line("[grid]"), line("[areas]"), (line("[[frame]]"), line("[[frame]]\nname = \"paper\"")));
    let settings = |from: &str, to: &str| (CITY.replacen(from, to, 1), AREAS.to_owned());
    let drawing = |from: &str, to: &str| (CITY.to_owned(), AREAS.replacen(from, to, 1));
    let cases = [
        (settings("name_en = \"Two areas\"", "name_en = \"\"\nframe = \"old\""), ("city.toml", 6, "\"old\"")),
        (settings("frame = \"gcj02\"", "frame = \"GCJ02\""), ("city.toml", line("frame = \"gcj02\""), "GCJ02")),
        (settings("frame = \"old\"", "frame = \"new\""), ("city.toml", line("frame = \"old\""), "new")),
        (settings("name = \"old\"", "name = \"Old\""), ("city.toml", frames.0, "Old")),
        (settings("name = \"old\"", "name = \"wgs84\""), ("city.toml", frames.0, "wgs84")),
        (settings("name = \"old\"", "name = \"\""), ("city.toml", frames.0, "\"\"")),
        (settings("name = \"paper\"", "name = \"old\""), ("city.toml", frames.1, "old")),
        (settings("krassovsky1940", "bessel"), ("city.toml", frames.0, "bessel")),
        (settings("central_meridian = 116.35\n", ""), ("city.toml", frames.0, "central_meridian")),
        (settings("= 116.35", "= 216.35"), ("city.toml", frames.0, "216.35")),
        (settings("= 39.9\n", "= nan\n"), ("city.toml", frames.0, "latitude_of_origin = NaN")),
        (settings("= 1000\nhelmert", "= 1e300\nhelmert"), ("city.toml", frames.0, "false_easting")),
        (settings("dy = -150.0", "dy = inf"), ("city.toml", frames.0, "helmert.dy = inf")),
        (settings("rz = -0.3", "rz = 61"), ("city.toml", frames.0, "helmert.rz = 61")),
        (settings("ppm = 1.5", "ppm = 2000"), ("city.toml", frames.0, "helmert.ppm = 2000")),
        (settings(", 0.00001, 39.91]", ", 0, 39.91]"), ("city.toml", frames.1, "affine")),
        (settings(", 0.00001, 39.91]", ", 39.91]"), ("city.toml", frames.1 + 2, "length 5")),
        (settings("name = \"paper\"", "name = \"paper\"\nscale = 1"), ("city.toml", frames.1, "no ellipsoid")),
        (settings("affine = [0.00001, 0, 116.40, 0, 0.00001, 39.91]", ""), ("city.toml", frames.1, "no ellipsoid")),
        (settings("cell_height = 1000", "cell_height = 0"), ("city.toml", grid, "[grid] cell_height = 0")),
        (settings("cell_height = 1000", "cell_height = 1000\narea_rows = 2"), ("city.toml", grid, "area_rows")),
        (
            settings("cell_height = 1000", "cell_height = 1\ncell_code = \"area_row_column\""),
            ("city.toml", grid, "cell_code"),
        ),
        (settings("cell_height = 1000", "cell_height = 1000\nwest = 116450000"), ("city.toml", grid, "116450000")),
        (settings("[areas]\nid = \"/properties/code\"", ""), ("areas.geojson", 0, "[areas]")),
        (settings("id = \"/properties/code\"", "id = \"code\""), ("city.toml", areas, "\"code\"")),
        (settings("id = \"/properties/code\"", "id = \"/id\""), ("areas.geojson", 2, "feature 1: /id is missing")),
        (
            settings("id = \"/properties/code\"", "id = \"/id\"\nname_en = \"/x\""),
            ("city.toml", areas, "name_en = \"/x\""),
        ),
        (drawing("FeatureCollection", "Feature"), ("areas.geojson", 1, "FeatureCollection")),
        (drawing("\"Polygon\"", "\"Point\""), ("areas.geojson", 3, "Point")),
        (drawing("[116.40, 39.91]", "[116.40]"), ("areas.geojson", 3, "two numbers")),
        (drawing("[116.40, 39.91]", "[1e999, 39.91]"), ("areas.geojson", 3, "out of range")),
        (drawing("\"west\"", "{}"), ("areas.geojson", 2, "feature 1: /properties/code is {}")),
        (drawing("\"east\"", "\"\""), ("areas.geojson", 4, "feature 2: /properties/code is missing")),
        (
            drawing("39.92], [116.40, 39.91]]", "39.92]]"),
            ("areas.geojson", 2, "feature 1: /geometry/coordinates/0 is not closed"),
        ),
        (
            drawing("[116.41, 39.92]", "[181, 39.92]"),
            ("areas.geojson", 2, "feature 1: /geometry/coordinates/0/2 is 181 39.92"),
        ),
        (
            drawing("[116.416, 39.914], [116.416, 39.916], [116.414, 39.916]", "[116.414, 39.914], [116.4, 39.9]"),
            ("areas.geojson", 4, "feature 2: /geometry/coordinates/1 has 2 different corners"),
        ),
        (
            drawing("[[[[116.414, 39.914], [116.416, 39.914]", "[[[[116.414, 39.914], [116.416, 99]"),
            ("areas.geojson", 7, "feature 3: /geometry/coordinates/0/0/1 is 116.416 99"),
        ),
        (
            drawing("\"coordinates\": [[[116.43", "\"coordinates\": [], \"were\": [[[116.43"),
            ("areas.geojson", 9, "feature 4: /geometry/coordinates has no rings"),
        ),
        (
            (CITY.to_owned(), r#"{"type": "FeatureCollection", "features": []}"#.to_owned()),
            ("areas.geojson", 0, "no features"),
        ),
    ];
    for ((city, areas), (file, line, what)) in cases {
        let problems = compile(&city, &areas, &[]).expect_err(what);
        let named = |problem: &paidan::city::Problem| {
            problem.file == file && problem.line == line && problem.what.contains(what) && !problem.mend.is_empty()
        };
        assert!(problems.as_slice().iter().any(named), "{file}:{line}: {what}, but found {problems}");
    }
    let table = [("areas.csv", "code,name_zh,name_en\nwest,西,West\neast,东,East\n")];
    let problems = compile(CITY, AREAS, &table).expect_err("an area is not in the table").to_string();
    assert!(problems.contains("feature 3: area \"7\""), "{problems}");
    let texts = [&[("city.toml", CITY)], &REST[..]].concat();
    let problems = City::compile(CityFiles::from_texts(&texts)).expect_err("no polygons").to_string();
    assert!(problems.contains("[areas] without areas.geojson"), "{problems}");
}

#[test]
fn seams_are_told_with_a_place() {
    let told = |areas: &str| {
        let city = compile(CITY, areas, &[]).unwrap_or_else(|problems| panic!("{problems}"));
        city.warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(told(AREAS), [] as [&str; 0]);
    // The west ends 20 m short of the east, reaches 2 m into it, or misses it by a hair.
    let west_to =
        |lng: &str| AREAS.replacen("[116.41, 39.91], [116.41, 39.92]", &format!("[{lng}, 39.91], [{lng}, 39.92]"), 1);
    let gap = told(&west_to("116.40977"));
    assert_eq!(gap.len(), 1, "{gap:?}");
    assert!(
        gap[0].contains("gap") && gap[0].contains("west / east: 22 ×") && gap[0].contains("at 116.40977"),
        "{gap:?}"
    );
    let overlap = told(&west_to("116.410023"));
    assert_eq!(overlap.len(), 1, "{overlap:?}");
    assert!(overlap[0].contains("overlap") && overlap[0].contains("west / east"), "{overlap:?}");
    assert_eq!(told(&west_to("116.4100002")), [] as [&str; 0]);
    assert_eq!(told(&west_to("116.409")), [] as [&str; 0], "80 m are open ground");
}

/// A run over reports in GCJ-02, which the city takes for WGS-84 until it is told: the district is 300 m wide.
#[test]
fn a_wrong_frame_is_suspected() {
    let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let district = r#"{"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"code": "west"}, "geometry": {"type": "Polygon", "coordinates":
            [[[116.40, 39.91], [116.403, 39.91], [116.403, 39.913], [116.40, 39.913], [116.40, 39.91]]]}},
        {"type": "Feature", "properties": {"code": "over"}, "geometry": {"type": "Polygon", "coordinates":
            [[[116.40, 39.91], [116.403, 39.91], [116.403, 39.913], [116.40, 39.913], [116.40, 39.91]]]}}]}"#;
    let write = |name: &str, text: &str| std::fs::write(path(name), text).expect("a file");
    std::fs::create_dir(path("city")).expect("a folder");
    REST.iter().for_each(|(name, text)| write(&format!("city/{name}"), text));
    write("city/areas.geojson", district);
    let lines = (0..300).map(|n| {
        let place = LngLat { lng: 116.4001 + f64::from(n % 20) * 0.000_1, lat: 39.9101 + f64::from(n / 20) * 0.000_1 };
        let shifted = Datum::Gcj02.of_wgs84(place);
        format!(
            "{{\"source\":\"gps\",\"id\":\"{n}\",\"ts\":{},\"lng\":{},\"lat\":{}}}\n",
            1 + n,
            shifted.lng,
            shifted.lat
        )
    });
    write("lines.ndjson", &lines.collect::<String>());
    let run = |frame: &str| {
        write("city/city.toml", &CITY.replacen("kind = \"sensor\"", &format!("kind = \"sensor\"\n{frame}"), 1));
        let mut command = Command::new(env!("CARGO_BIN_EXE_paidan"));
        command.arg("run").arg(path("lines.ndjson")).arg("--city").arg(path("city"));
        let ended = command.arg("--out").arg(path("out")).arg("--summary").arg(path("summary.json")).output();
        let ended = ended.expect("the program starts");
        let stderr = String::from_utf8(ended.stderr).expect("the program writes UTF-8");
        assert!(ended.status.success() && stderr.contains("片区重叠 an overlap of areas west / over"), "{stderr}");
        let summary = std::fs::read(path("summary.json")).expect("a summary");
        let summary: serde_json::Value = serde_json::from_slice(&summary).expect("JSON");
        (stderr, summary["warnings"].clone())
    };
    let (stderr, warnings) = run("");
    let [warning] = warnings.as_array().expect("a list").as_slice() else { panic!("{warnings}") };
    let warning = warning.as_str().expect("a text");
    for part in ["300", "坐标系可能有误", "gps", "as gcj02 64 of 64", "try frame = \"gcj02\""] {
        assert!(warning.contains(part), "{part}: {warning}");
    }
    assert!(stderr.contains(warning), "{stderr}");
    let (stderr, warnings) = run("frame = \"gcj02\"");
    assert_eq!(warnings, serde_json::json!([]), "{stderr}");
}

#[test]
fn the_table_of_the_built_in_areas_comes_from_the_documented_command_byte_by_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = folder.path().join("area_cells.csv");
    loadtest::areas::run(&table).expect("a table");
    let files = CityFiles::pudong();
    let kept = files.texts().find(|(name, _)| *name == "area_cells.csv").expect("a table").1;
    let made = std::fs::read_to_string(&table).expect("text");
    assert!(made == kept, "write it again as src/city/pudong/city.toml says, and look at the map");
    assert!(kept.len() < 64 << 10, "{} bytes", kept.len());
}

#[test]
fn the_built_in_city_ends_where_the_district_does() {
    let city = City::pudong();
    let check = |name: &str, lng: f64, lat: f64, area: Option<&str>| {
        let located = city.grid.locate(FinePoint::of_degrees(lng, lat).expect("a place"));
        let found = located.map(|located| &*city.areas[located.area.index()].code);
        assert_eq!(found, area, "{name}");
        if let Some(located) = located {
            let code = city.grid.code(located.cell, &city.areas).to_string();
            assert!(code.len() == 15 && code.starts_with(area.expect("an area")), "{name}: {code}");
            assert_eq!(city.grid.by_code(&code, &city.areas), Some(located.cell), "{name}: {code}");
        }
    };
    check("东方明珠", 121.4998, 31.2397, Some("310115005"));
    check("浦东国际机场", 121.8050, 31.1500, Some("310115139"));
    check("滴水湖", 121.9300, 30.9000, Some("310115145"));
    check("高桥古镇", 121.5750, 31.3480, Some("310115104"));
    check("九段沙", 121.9800, 31.1900, Some("310115139"));
    check("外滩", 121.4870, 31.2380, None);
    check("人民广场", 121.4737, 31.2304, None);
    check("奉贤", 121.4700, 30.9200, None);
    check("长兴岛", 121.7000, 31.3800, None);
    check("东海", 122.0200, 30.9000, None);
    // People look at a report from outside, and a cell that is none has no code.
    let key = HashKey { k0: 1, k1: 2 };
    let report = Report {
        spot: Some(Spot::Degrees(FinePoint::of_degrees(121.487, 31.238).expect("a place"))),
        ..Report::default()
    };
    let said = Said { source: Some("12345"), id: "1", time: None, what: What::Report(report) };
    let Input::Report(head) = city.understand(&said, None, &key).expect("it is taken").input else {
        panic!("a report")
    };
    assert!(!head.cell.is_some() && !head.area.is_some() && head.point.is_some());
    assert_eq!(
        city.grid.by_code("310115005000000", &city.areas),
        None,
        "a corner of the box around 陆家嘴 is in the river"
    );
}
