//! What it costs to read a line: from bytes to what was said, and from a place to its cell and area.
//!
//! ```sh
//! cargo bench --bench decode
//! ```

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use loadtest::mesh::plain_city;
use paidan::city::{City, CityFiles, Grid};
use paidan::geo::FinePoint;
use paidan::ingest::decode::Decoder;
use paidan::ingest::door::Door;
use paidan::journal::frame::Frame;
use paidan::record::Input;
use serde::Deserialize;

use workload::{KEY, LINES, Workload, read};

#[path = "parts/cities.rs"]
mod cities;
#[path = "parts/workload.rs"]
mod workload;

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(LINES)).sample_size(20);
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    group
}

/// The fields that a decision needs, for serde: the design that was not taken.
#[derive(Deserialize)]
struct Typed<'a> {
    source: &'a str,
    id: &'a str,
    ts: i64,
    lng: f64,
    lat: f64,
    category: &'a str,
}

impl Typed<'_> {
    fn is_plain(&self) -> bool {
        let texts = [self.source, self.id, self.category];
        self.ts > 0 && self.lng > 0.0 && self.lat > 0.0 && texts.iter().all(|text| !text.is_empty())
    }
}

fn lines(criterion: &mut Criterion) {
    let workload = Workload::new();
    // A line that is cut off within a character is no text; the door turns it away before anybody decodes it.
    let lines = workload.text.split(|byte| *byte == b'\n').filter_map(|line| str::from_utf8(line).ok());
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let mut decoder = Decoder::new();
    let mut decoded = || lines.iter().filter(|line| decoder.decode(line).is_ok()).count();
    let typed = || {
        lines.iter().filter(|line| serde_json::from_str(line).is_ok_and(|typed: Typed<'_>| typed.is_plain())).count()
    };
    // serde reads numbers in texts as we do not, and the other way round; nearly all lines are plain.
    let (ours, theirs) = (decoded(), typed());
    assert!(ours > LINES as usize * 99 / 100 && ours.abs_diff(theirs) < LINES as usize / 100, "{ours}, {theirs}");

    let mut group = group(criterion, "a line");
    group.bench_function("decode", |bencher| bencher.iter(|| assert_eq!(decoded(), ours)));
    group.bench_function("decode by typed serde_json (not taken)", |bencher| {
        bencher.iter(|| assert_eq!(typed(), theirs));
    });

    let (mut door, mut frame) = (Door::new(&workload.city, KEY, None), Frame::new());
    let chunk = read(&workload.text, &mut frame);
    let first = door.fill(&chunk, &mut frame);
    assert_eq!((first.lines, frame.records() as u64 + frame.tallies() as u64), (LINES, LINES));
    group.bench_function("decode, understand, frame", |bencher| {
        let frame = || {
            let mut frame = Frame::new();
            read(&workload.text, &mut frame);
            frame
        };
        bencher.iter_batched_ref(frame, |frame| assert_eq!(door.fill(&chunk, frame), first), BatchSize::PerIteration);
    });
    group.finish();
}

const STRIPS: u32 = 20;
const CORNERS: u32 = 200;

/// How it is said that areas are polygons.
const POLYGONS: &str = "[grid]\ncell_width = 1049\ncell_height = 902\n[areas]\nid = \"/properties/code\"\n";

/// The bench city's square as strips from south to north, with a border of 200 corners between each and the next.
fn strips() -> Grid {
    let corner = |border: u32, step: u32| {
        let is_ragged = (1..STRIPS).contains(&border) && step % 2 == 1;
        let lng = 121.45 + 0.025 * f64::from(border) + if is_ragged { 0.004 } else { 0.0 };
        [lng, 30.9 + 0.5 * f64::from(step) / f64::from(CORNERS)]
    };
    let strip = |strip: u32| {
        let up = (0..=CORNERS).map(|step| corner(strip + 1, step));
        let down = (0..=CORNERS).rev().map(|step| corner(strip, step));
        let ring: Vec<_> = up.chain(down).chain([corner(strip + 1, 0)]).collect();
        let geometry = serde_json::json!({"type": "Polygon", "coordinates": [ring]});
        serde_json::json!({"type": "Feature", "properties": {"code": strip.to_string()}, "geometry": geometry})
    };
    let features: Vec<_> = (0..STRIPS).map(strip).collect();
    let areas = serde_json::json!({"type": "FeatureCollection", "features": features}).to_string();
    let files = plain_city(POLYGONS, vec![("areas.geojson", areas)]);
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    City::compile(CityFiles::from_texts(&files)).unwrap_or_else(|problems| panic!("{problems}")).grid
}

/// The bench city's raster, of which a table gives each strip its columns.
const RASTER: &str = "[grid]\nwest = 121450000\nsouth = 30900000\neast = 121950000\nnorth = 31400000\ncell_width = 1049\n\
                      cell_height = 902\ncell_code = \"index\"\n";

/// The same strips as patches of cells, with straight borders.
fn patches() -> Grid {
    let (columns, rows) = (477, 555);
    let (mut areas, mut cells) = (String::from("code,name_zh,name_en\n"), String::from("row,from,to,area\n"));
    (0..STRIPS).for_each(|strip| areas += &format!("{strip},,\n"));
    for (row, strip) in (0..rows).flat_map(|row| (0..STRIPS).map(move |strip| (row, strip))) {
        cells += &format!("{row},{},{},{strip}\n", strip * columns / STRIPS, (strip + 1) * columns / STRIPS - 1);
    }
    let files = plain_city(RASTER, vec![("areas.csv", areas), ("area_cells.csv", cells)]);
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    City::compile(CityFiles::from_texts(&files)).unwrap_or_else(|problems| panic!("{problems}")).grid
}

fn places(criterion: &mut Criterion) {
    let workload = Workload::new();
    let frame = workload.understood(LINES);
    let view = frame.view();
    let places = view.records().filter_map(|placed| match placed.expect("a record").record.input {
        Input::Report(head) => Some((i64::from(head.point.lng), i64::from(head.point.lat), head.cell)),
        _ => None,
    });
    let places: Vec<_> = places.cycle().take(LINES as usize).collect();
    let fine: Vec<_> = places.iter().map(|(lng, lat, _)| FinePoint { lng: lng * 1000, lat: lat * 1000 }).collect();
    let (blocks, patches, polygons) = (&workload.city.grid, patches(), strips());
    let located = |grid: &Grid| fine.iter().map(|place| grid.locate(*place)).map(|l| l.expect("in the city")).collect();
    let (in_blocks, in_strips): (Vec<_>, Vec<_>) = (located(blocks), located(&polygons));
    let in_patches: Vec<_> = located(&patches);
    assert!(in_patches.iter().zip(&in_blocks).all(|(patch, block)| {
        patch.cell == block.cell && patch.area.0 == ((patch.cell.0 % 477 + 1) * STRIPS - 1).div_euclid(477) as u16
    }));
    for ((at, place), (block, strip)) in places.iter().zip(&fine).zip(in_blocks.iter().zip(&in_strips)) {
        assert!(block.cell == at.2 && strip.cell == at.2, "{place:?}");
        let west = u16::try_from((place.lng - 121_450_000_000) / 25_000_000).expect("a strip");
        assert!(strip.area.0 == west || strip.area.0 + 1 == west, "{place:?} {strip:?}");
    }

    let mut group = group(criterion, "a place");
    let grids = [
        ("locate, areas of blocks", blocks),
        ("locate, areas of patches", &patches),
        ("locate, 20 polygons of 402 corners", &polygons),
    ];
    for (name, grid) in grids {
        group.bench_function(name, |bencher| {
            bencher.iter(|| fine.iter().filter(|place| black_box(grid.locate(**place)).is_some()).count());
        });
    }
    group.finish();
}

criterion_group!(benches, lines, places);
criterion_main!(benches);
