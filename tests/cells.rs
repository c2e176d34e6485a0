//! Cells that are polygons: whatever is drawn, a place is in the cell that a test of every polygon finds.

use loadtest::mesh::{Corner, Mesh};
use loadtest::rng::Rng;
use paidan::city::{Cells, City, CityFiles, Problems};
use paidan::fingerprint::HashKey;
use paidan::geo::{FinePoint, Point};
use paidan::ids::CellId;
use paidan::record::Input;
use paidan::report::{Report, Said, What};
use proptest::prelude::*;
use serde_json::{Value, json};

type Ring = Vec<Corner>;

/// A feature of rings of micro-degrees, which are closed here.
fn feature(properties: Value, rings: &[Ring]) -> Value {
    let degrees = |micro: i32| f64::from(micro) / 1e6;
    let ring = |ring: &Ring| -> Vec<[f64; 2]> {
        ring.iter().chain(ring.first()).map(|[lng, lat]| [degrees(*lng), degrees(*lat)]).collect()
    };
    let rings: Vec<_> = rings.iter().map(ring).collect();
    json!({"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": rings}})
}

/// A city of such features, with more lines in its `[cells]`.
fn compile(more: &str, features: &[Value]) -> Result<City, Problems> {
    let mesh = Mesh { columns: 1, rows: 1, seed: 0 };
    let mut files = mesh.files();
    let code = "code = \"/properties/code\"\n";
    files[0].1 = files[0].1.replacen(code, &format!("{code}{more}"), 1);
    let text = json!({"type": "FeatureCollection", "features": features});
    files[5].1 = serde_json::to_string_pretty(&text).expect("json");
    let texts: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    City::compile(CityFiles::from_texts(&texts))
}

fn cells(city: &City) -> &Cells {
    city.grid.drawn().expect("its cells are drawn")
}

/// The code of a cell: in the first area, and in order.
fn code(cell: usize) -> String {
    format!("310115001{cell:06}")
}

#[derive(PartialEq)]
enum Side {
    Outside,
    Border,
    Inside,
}

/// By looking at every edge, along a line to the north.
fn side(rings: &[Ring], [lng, lat]: Corner) -> Side {
    let mut inside = false;
    for (a, b) in rings.iter().flat_map(|ring| ring.iter().zip(ring.iter().cycle().skip(1))) {
        let [ax, ay, bx, by, x, y] = [a[0], a[1], b[0], b[1], lng, lat].map(i64::from);
        let cross = (bx - ax) * (y - ay) - (x - ax) * (by - ay);
        if cross == 0 && (x - ax) * (x - bx) <= 0 && (y - ay) * (y - by) <= 0 {
            return Side::Border;
        }
        inside ^= (ax > x) != (bx > x) && (cross < 0) == (bx > ax);
    }
    if inside { Side::Inside } else { Side::Outside }
}

/// Checks a drawing at every corner, along every edge, right beside them, and all over.
fn check(drawing: &[Vec<Ring>]) {
    let features: Vec<_> =
        drawing.iter().enumerate().map(|(cell, rings)| feature(json!({"code": code(cell)}), rings)).collect();
    let city = compile("", &features).unwrap_or_else(|problems| panic!("{problems}"));
    let cells = cells(&city);
    let look = |place: Corner| {
        let first = |wanted: Side| drawing.iter().position(|rings| side(rings, place) == wanted);
        let expected = first(Side::Inside).or_else(|| first(Side::Border));
        let found = cells.cell(Point { lng: place[0], lat: place[1] }).map(CellId::index);
        assert_eq!(found, expected, "{place:?} in {drawing:?}");
    };
    for (a, b) in drawing.iter().flatten().flat_map(|ring| ring.iter().zip(ring.iter().cycle().skip(1))) {
        for share in 0..=4 {
            let along = |part: usize| a[part] + (b[part] - a[part]) / 4 * share;
            for (x, y) in [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1)] {
                look([along(0) + x, along(1) + y]);
            }
        }
    }
    let corners = || drawing.iter().flatten().flatten();
    let span = |part: usize| {
        let all = || corners().map(|corner| corner[part]);
        (all().min().expect("corners"), all().max().expect("corners"))
    };
    let ((west, east), (south, north)) = (span(0), span(1));
    for (x, y) in (-1..=13).flat_map(|x| (-1..=13).map(move |y| (x, y))) {
        let part = |from: i32, to: i32, part: i64| from + (i64::from(to - from) * part / 12) as i32;
        look([part(west, east, x), part(south, north, y)]);
    }
    for (index, rings) in drawing.iter().enumerate() {
        let inside = city.grid.centre(CellId(index as u32));
        let found = side(rings, [inside.lng, inside.lat]);
        assert!(found == Side::Inside || is_thin(rings), "{inside:?} in {rings:?}");
    }
}

/// Whether a drawing may have no whole micro-degree in its interior where one was looked for.
fn is_thin(rings: &[Ring]) -> bool {
    let corners = || rings.iter().flatten();
    let height = corners().map(|corner| corner[1]).max().zip(corners().map(|corner| corner[1]).min());
    height.is_some_and(|(north, south)| {
        (0..=64).all(|part| {
            let lat = south + (((i64::from(north) - i64::from(south)) * part * 2 + 64) / 128) as i32;
            let (west, east) = (corners().map(|corner| corner[0]).min(), corners().map(|corner| corner[0]).max());
            let (west, east) = (west.expect("corners"), east.expect("corners"));
            let step = ((east - west) / 256).max(1);
            (west..=east).step_by(step as usize).all(|lng| side(rings, [lng, lat]) != Side::Inside)
        })
    })
}

/// Rings of small numbers, made larger, somewhere in the district.
fn drawn(cells: &[Vec<Vec<(i32, i32)>>], scale: i32) -> Vec<Vec<Ring>> {
    let corner = |(x, y): &(i32, i32)| [121_500_000 + x * scale, 31_200_000 + y * scale];
    let ring = |ring: &Vec<(i32, i32)>| ring.iter().map(corner).collect();
    cells.iter().map(|rings| rings.iter().map(ring).collect()).collect()
}

#[test]
fn nasty_drawings() {
    let square = |x: i32, y: i32, size: i32| vec![(x, y), (x + size, y), (x + size, y + size), (x, y + size)];
    let fan: Vec<_> = (0..12).map(|x| vec![vec![(0, 0), (x, 12), (x + 1, 12)]]).collect();
    let comb: Vec<_> = (0..40).map(|x| (x, if x % 2 == 0 { 0 } else { 30 })).chain([(20, -5)]).collect();
    let drawings = [
        ("neighbours", vec![vec![square(0, 0, 4)], vec![square(4, 0, 4)]]),
        ("corners touch", vec![vec![square(0, 0, 4)], vec![square(4, 4, 4)]]),
        ("one in the hole of another", vec![vec![square(0, 0, 9), square(3, 3, 3)], vec![square(3, 3, 3)]]),
        ("one over another", vec![vec![square(0, 0, 9)], vec![square(2, 2, 3)], vec![square(4, 4, 3)]]),
        ("a spike and corners twice", vec![vec![vec![(0, 0), (6, 0), (6, 0), (6, 6), (12, 6), (6, 6), (0, 6)]]]),
        ("a sliver", vec![vec![vec![(0, 0), (12, 1), (12, 2)]], vec![vec![(0, 0), (12, 1), (12, 0)]]]),
        ("interiors beside the middle", vec![vec![vec![(4, 10), (8, 8), (4, 11), (0, 2)]]]),
        ("a figure of eight", vec![vec![vec![(0, 0), (8, 8), (8, 0), (0, 8)]]]),
        ("more cells at a corner than fit a cache line", fan),
        ("more edges than fit a cache line", vec![vec![comb], vec![square(0, -9, 4)]]),
        ("far apart", vec![vec![square(0, 0, 1)], vec![square(900, 900, 2)], vec![square(0, 890, 30)]]),
    ];
    for (name, cells) in &drawings {
        for scale in [1, 7, 1001, 20_000] {
            println!("{name}, {scale}");
            check(&drawn(cells, scale));
        }
    }
}

proptest! {
    #[test]
    fn any_drawing(
        cells in prop::collection::vec(
            prop::collection::vec(prop::collection::vec((0i32..13, 0i32..13), 3..9), 1..4),
            1..9,
        ),
        scale in prop::sample::select(vec![1, 5, 64, 977, 40_000]),
    ) {
        let has_ground = |ring: &Vec<(i32, i32)>| {
            let a = ring[0];
            let turns = |b: (i32, i32), c: (i32, i32)| (b.0 - a.0) * (c.1 - a.1) != (c.0 - a.0) * (b.1 - a.1);
            ring.windows(2).any(|pair| turns(pair[0], pair[1]))
        };
        prop_assume!(cells.iter().flatten().all(has_ground));
        check(&drawn(&cells, scale));
    }
}

#[test]
fn a_place_beside_all_cells_is_in_the_nearest_within_reach() {
    // Two cells of 1,000 micro-degrees; one of them is closed and lies nearer.
    let square =
        |lng: i32| vec![vec![[lng, 31_200_000], [lng + 1000, 31_200_000], [lng + 1000, 31_201_000], [lng, 31_201_000]]];
    let features = [
        feature(json!({"code": code(0)}), &square(121_500_000)),
        feature(json!({"code": code(1), "to": "2026-07-01"}), &square(121_501_000)),
        feature(json!({"code": code(2), "to": null}), &square(121_502_000)),
    ];
    let locate = |more: &str, lng: i32, lat: i32| {
        let city = compile(&format!("closed = \"/properties/to\"\n{more}"), &features).expect("a city");
        city.grid.locate(Point { lng, lat }.into()).map(|located| located.cell.index())
    };
    // A micro-degree of longitude is 9.51 cm here, one of latitude 11.12 cm.
    for (lng, lat, without, within_20_m) in [
        (121_500_500, 31_200_500, Some(0), Some(0)),
        (121_501_000, 31_200_500, Some(0), Some(0)),
        (121_501_200, 31_200_500, None, Some(0)),
        (121_501_220, 31_200_500, None, None),
        (121_501_780, 31_200_500, None, None),
        (121_501_800, 31_200_500, None, Some(2)),
        (121_500_500, 31_199_830, None, Some(0)),
        (121_500_500, 31_199_810, None, None),
        (121_503_120, 31_201_120, None, Some(2)),
        (121_503_150, 31_201_150, None, None),
        (0, 0, None, None),
        (-180_000_000, -90_000_000, None, None),
        (180_000_000, 90_000_000, None, None),
    ] {
        assert_eq!(locate("", lng, lat), without, "{lng} {lat}");
        assert_eq!(locate("snap_m = 20\n", lng, lat), within_20_m, "{lng} {lat}");
    }
    // Half way between two that are near enough it is the first.
    assert_eq!(locate("snap_m = 60\n", 121_501_500, 31_200_500), Some(0));
}

#[test]
fn a_closed_cell_keeps_its_code_and_leads_to_the_one_that_is_there_now() {
    let square = |lng: i32, width: i32| {
        vec![vec![[lng, 31_200_000], [lng + width, 31_200_000], [lng + width, 31_201_000], [lng, 31_201_000]]]
    };
    let dates = |from: &str, to: Value| json!({"code": code(0), "from": from, "to": to, "area": "310115002"});
    let mut features = vec![
        feature(dates("2020-01-01", json!("2026-07-01")), &square(121_500_000, 2000)),
        feature(dates("2026-07-01", json!("")), &square(121_500_000, 800)),
        feature(dates("2026-07-01", Value::Null), &square(121_500_800, 1200)),
    ];
    for (index, feature) in features.iter_mut().enumerate() {
        feature["properties"]["code"] = json!(code(index));
    }
    let more = "area = \"/properties/area\"\nopened = \"/properties/from\"\nclosed = \"/properties/to\"\n";
    let city = compile(more, &features).unwrap_or_else(|problems| panic!("{problems}"));
    let (cells, grid) = (cells(&city), &city.grid);
    assert_eq!((cells.count(), cells.open()), (3, 2));
    let old = grid.by_code(&code(0), &city.areas).expect("its code is known");
    assert_eq!(grid.code(old, &city.areas).to_string(), code(0));
    let corner = |lng, lat| Point { lng: 121_500_000 + lng, lat: 31_200_000 + lat };
    let outline = [corner(0, 0), corner(2000, 0), corner(2000, 1000), corner(0, 1000), corner(0, 0)];
    assert_eq!(grid.outline(old), [outline], "what GeoJSON shows of it");
    let now = grid.locate_cell(old).expect("there is one now");
    assert_eq!(now.cell, grid.by_code(&code(2), &city.areas).expect("known"), "its middle lies in the larger part");
    assert_eq!(&*city.areas[now.area.index()].code, "310115002");
    assert_eq!(grid.by_code("310115001999999", &city.areas), None);
}

#[test]
fn what_is_odd_about_a_drawing_is_remarked_upon() {
    let square = |lng: i32| vec![vec![[lng, 31_200_000], [lng + 900, 31_200_000], [lng + 900, 31_200_900]]];
    let features = [
        feature(json!({"code": code(0)}), &square(121_500_000)),
        feature(json!({"code": code(1)}), &square(121_500_000)),
        feature(json!({"code": code(2), "to": "2026-01-01"}), &square(121_502_000)),
    ];
    let mesh = Mesh { columns: 1, rows: 1, seed: 0 };
    let mut files = mesh.files();
    files[0].1 = files[0].1.replacen("[cells]\n", "[cells]\nclosed = \"/properties/to\"\n", 1);
    files[3].1 += &format!("x,cell,{},D,street\n", code(2));
    files[5].1 = json!({"type": "FeatureCollection", "features": features}).to_string();
    let texts: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let city = City::compile(CityFiles::from_texts(&texts)).unwrap_or_else(|problems| panic!("{problems}"));
    let remarks: Vec<_> = city.remarks().iter().map(ToString::to_string).collect();
    for part in [
        format!("duty.csv: x cell {} D: the cell is closed", code(2)),
        format!("1 cells, for example {}, lie under others", code(1)),
        "35 areas, for example 310115002, have no cell".to_owned(),
    ] {
        assert!(remarks.iter().any(|remark| remark.contains(&part)), "{part}: {remarks:?}");
    }
}

#[test]
fn mistakes_in_a_survey_are_named_with_line_and_value() {
    let square = vec![vec![[121_500_000, 31_200_000], [121_501_000, 31_200_000], [121_501_000, 31_201_000]]];
    let good = || feature(json!({"code": code(0)}), &square);
    let with = |properties: Value| vec![good(), feature(properties, &square)];
    let dates = "opened = \"/properties/from\"\nclosed = \"/properties/to\"\n";
    let line_of = |features: &[Value], index: usize| {
        let text = serde_json::to_string_pretty(&json!({"type": "FeatureCollection", "features": features}));
        let text = text.expect("json");
        let starts: Vec<_> = text.match_indices("\n    {\n").map(|(at, _)| at).collect();
        text[..=starts[index]].lines().count() as u64 + 1
    };
    let check = |more: &str, features: Vec<Value>, wrong: usize, what: &str| {
        let problems = compile(more, &features).expect_err(what);
        let line = line_of(&features, wrong);
        let found = problems.as_slice().iter().any(|problem| {
            (problem.file, problem.line) == ("cells.geojson", line)
                && problem.what.contains(what)
                && !problem.mend.is_empty()
        });
        assert!(found, "expected line {line}: {what}; found {problems}");
    };
    check("", with(json!({"code": ""})), 1, "/properties/code is missing");
    check("", with(json!({"code": [1]})), 1, "/properties/code is [1]");
    check("", with(json!({"code": code(0)})), 1, &format!("cell \"{}\" stands here and in line", code(0)));
    check("", with(json!({"code": "999999999000001"})), 1, "is in area \"999999999\"");
    check("", with(json!({"code": "号"})), 1, "is in area \"号\"");
    check("area = \"/properties/area\"\n", with(json!({"code": code(1)})), 0, "says no area");
    check(dates, with(json!({"code": code(1), "from": "2026-13-01"})), 1, "\"2026-13-01\" is no date");
    check(dates, with(json!({"code": code(1), "from": "2026-02-01", "to": "2026-01-01"})), 1, "before it is opened");
    let mut thin = good();
    thin["properties"]["code"] = json!(code(1));
    thin["geometry"]["coordinates"] = json!([[[121.5, 31.2], [121.5000001, 31.2], [121.5, 31.2000001], [121.5, 31.2]]]);
    check("", vec![good(), thin.clone()], 1, "nothing in micro-degrees");
    thin["geometry"]["coordinates"] = json!([[[121.5, 31.2], [121.5, 31.2001], [121.5, 31.2002], [121.5, 31.2]]]);
    check("", vec![good(), thin.clone()], 1, "nothing in micro-degrees");
    thin["geometry"]["coordinates"] = json!([[[121.5, 31.2], [121.6, 31.2], [121.5, 31.3]]]);
    check("", vec![good(), thin.clone()], 1, "is not closed");
    thin["geometry"] = json!({"type": "MultiPolygon", "coordinates": []});
    check("", vec![good(), thin.clone()], 1, "not one polygon");
    thin["geometry"] = json!({"type": "Polygon", "coordinates": [[[121.5]]]});
    // What is no GeoJSON is told with the very line.
    let features = [good(), thin.clone()];
    let problems = compile("", &features).expect_err("a position of one number");
    let problem = &problems.as_slice()[0];
    assert!(problem.line > line_of(&features, 1) && problem.what.contains("two numbers"), "{problems}");
    thin["geometry"] = Value::Null;
    let problems = compile("", &[good(), thin.clone(), thin]).expect_err("no geometry");
    assert_eq!(problems.as_slice().len(), 2, "each is told: {problems}");
    assert!(problems.to_string().contains("feature 2: invalid type: null"), "{problems}");
    check("", with(json!({"code": 1.5})), 1, "/properties/code is 1.5");
    check("", with(json!({"code": "310115001\"1"})), 1, "cell code");

    let says = |more: &str, features: &[Value], what: &str| {
        let problems = compile(more, features).expect_err(what).to_string();
        assert!(problems.contains(what), "expected {what}; found {problems}");
    };
    says("snap_m = 501\n", &[good()], "[cells] snap_m = 501");
    says("area = \"area\"\n", &[good()], "[cells] area = \"area\"");
    says(dates, &[feature(json!({"code": code(0), "to": "2026-01-01"}), &square)], "no open cell");
    says("", &[], "no open cell");
    let same: Vec<Value> = (0..2000).map(|cell| feature(json!({"code": code(cell)}), &square)).collect();
    says("", &same, "dozens deep");
    says("[grid]\ncell_width = 1\ncell_height = 1\n", &[good()], "[grid] beside cells.geojson");
}

#[test]
fn a_registered_component_locates_what_has_no_coordinates() {
    let mesh = Mesh { columns: 20, rows: 36, seed: 3 };
    let mut files = mesh.files();
    let [lng, lat] = mesh.ring(500)[0];
    let (cell, degrees) = (mesh.code(7), |micro: i32| format!("{:.6}", f64::from(micro) / 1e6));
    let register =
        format!("code,lng,lat,cell\n31011501001000001,{},{},\npump-9,,,{cell}\n", degrees(lng), degrees(lat));
    files.push(("components.csv", register.clone()));
    let compile = |files: &[(&str, String)]| {
        let texts: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        City::compile(CityFiles::from_texts(&texts))
    };
    let city = compile(&files).unwrap_or_else(|problems| panic!("{problems}"));
    let key = HashKey { k0: 1, k1: 2 };
    let understand = |report: Report<'_>| {
        let said = Said { source: Some("gps"), id: "1", time: None, what: What::Report(report) };
        match city.understand(&said, None, &key).expect("understood").input {
            Input::Report(head) => head,
            other => panic!("{other:?}"),
        }
    };
    let named = |component| Report { component: Some(component), ..Report::default() };
    let head = understand(named("31011501001000001"));
    assert_eq!((head.point, head.area.is_some()), (Point { lng, lat }, true));
    assert_eq!(understand(named("pump-9")).cell.index(), 7);
    assert!(!understand(named("pump-8")).cell.is_some(), "nobody registered it");
    let elsewhere = Report { cell: Some(&cell), ..named("31011501001000001") };
    assert_eq!(understand(elsewhere).cell.index(), 7, "what a report says itself goes before the register");

    let mut wrong = |row: &str, what: &str| {
        files.last_mut().expect("the register").1 = format!("{register}{row}\n");
        let problems = compile(&files).expect_err(row);
        let problem = &problems.as_slice()[0];
        assert_eq!((problem.file, problem.line), ("components.csv", 4), "{row}");
        assert!(problem.what.contains(what) && !problem.mend.is_empty(), "{row}: {problems}");
    };
    wrong("pump-9,121.5,31.0,", "\"pump-9\" is empty or stands twice");
    wrong(",121.5,31.0,", "\"\" is empty or stands twice");
    wrong("x,121.5,,", "\"x\" has no place, or two");
    wrong("x,,,", "\"x\" has no place, or two");
    wrong(&format!("x,121.5,31.0,{cell}"), "\"x\" has no place, or two");
    wrong("x,,,31", "cell \"31\"");
    wrong("x,200,31.0,", "200 31 is no place");
    wrong("x,100,31.0,", "\"x\" lies in no cell");
}

#[test]
fn a_mesh_of_ten_thousand_cells() {
    let mesh = Mesh { columns: 100, rows: 100, seed: 3 };
    let files = mesh.files();
    let texts: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let city = City::compile(CityFiles::from_texts(&texts)).unwrap_or_else(|problems| panic!("{problems}"));
    let mut rng = Rng::seeded(11);
    for _ in 0..50_000 {
        let place = mesh.place(&mut rng);
        let near = |cell: &u32| {
            let ring = mesh.ring(*cell);
            let reach = |part: usize| {
                let all = || ring.iter().map(|corner| corner[part]);
                (all().min().expect("corners")..=all().max().expect("corners")).contains(&place[part])
            };
            reach(0) && reach(1)
        };
        let row = (place[1] - loadtest::mesh::ORIGIN[1]).div_euclid(loadtest::mesh::CELL[1]);
        let rows = (row - 1).max(0) as u32..(row + 2).clamp(0, 100) as u32;
        let candidates = (rows.start * 100..rows.end * 100).filter(near);
        let rings: Vec<_> = candidates.map(|cell| (cell, vec![mesh.ring(cell).to_vec()])).collect();
        let first = |wanted: Side| rings.iter().find(|(_, rings)| side(rings, place) == wanted).map(|(cell, _)| *cell);
        let expected = first(Side::Inside).or_else(|| first(Side::Border));
        let fine = FinePoint::from(Point { lng: place[0], lat: place[1] });
        let found = city.grid.locate(fine);
        assert_eq!(found.map(|located| located.cell.0), expected, "{place:?}");
        let area = |cell: u32| (cell / 100 * 36 / 100) as u16;
        assert_eq!(found.map(|located| located.area.0), expected.map(area), "{place:?}");
    }
}
