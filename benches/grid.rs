//! Which cell has a place, among a quarter of a million polygons: what building the index takes, how large it is, and what a
//! look-up costs, one after the other and side by side.
//!
//! Before anything is timed, ten million places are found with the index and with a plain test of every polygon near them,
//! places on borders and corners included.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use loadtest::mesh::{CELL, Corner, Mesh};
use loadtest::rng::Rng;
use paidan::city::{Cells, City, CityFiles};
use paidan::geo::Point;

const MESH: Mesh = Mesh { columns: 500, rows: 500, seed: 5 };
const PLACES: usize = 1 << 20;
const CHECKED: u32 = 10_000_000;

/// The cell of a place by testing all that could have it, with its border to the first.
fn oracle(mesh: &Mesh, [lng, lat]: Corner) -> Option<u32> {
    let around = |value: i32, from: i32, size: i32, count: u32| {
        let index = (value - from).div_euclid(size);
        (index - 2).max(0) as u32..(index + 2).clamp(0, count as i32) as u32
    };
    let [west, south, ..] = [loadtest::mesh::ORIGIN[0], loadtest::mesh::ORIGIN[1]];
    let rows = around(lat, south, CELL[1], mesh.rows);
    let near = rows.flat_map(|row| around(lng, west, CELL[0], mesh.columns).map(move |c| row * mesh.columns + c));
    let mut on_border = None;
    for cell in near {
        let ring = mesh.ring(cell);
        let (mut inside, mut border) = (false, false);
        for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            let [ax, ay, bx, by, x, y] = [a[0], a[1], b[0], b[1], lng, lat].map(i64::from);
            let cross = (bx - ax) * (y - ay) - (x - ax) * (by - ay);
            border |= cross == 0 && (x - ax) * (x - bx) <= 0 && (y - ay) * (y - by) <= 0;
            inside ^= (ay > y) != (by > y) && (cross > 0) == (by > ay);
        }
        if border {
            on_border = on_border.or(Some(cell));
        } else if inside {
            return Some(cell);
        }
    }
    on_border
}

/// Places all over, and one in eight on a border, a corner, or right beside.
fn places(count: usize, seed: u64) -> Vec<Corner> {
    let mut rng = Rng::seeded(seed);
    let mut place = || match rng.below(8) {
        0 => {
            let ring = MESH.ring(rng.below(MESH.cells()));
            let (from, share) = (rng.below(8) as usize, rng.below(5) as i32);
            let along = |part: usize| ring[from][part] + (ring[(from + 1) % 8][part] - ring[from][part]) * share / 4;
            let beside = |rng: &mut Rng| rng.below(3) as i32 - 1;
            [along(0) + beside(&mut rng), along(1) + beside(&mut rng)]
        }
        _ => MESH.place(&mut rng),
    };
    (0..count).map(|_| place()).collect()
}

fn point([lng, lat]: Corner) -> Point {
    Point { lng, lat }
}

fn check(cells: &Cells) {
    for part in 0..10 {
        let places = places(CHECKED as usize / 10, 100 + part);
        let points: Vec<Point> = places.iter().copied().map(point).collect();
        for (place, at_once) in places.into_iter().zip(cells.cells(&points)) {
            let found = cells.cell(point(place)).map(|cell| cell.0);
            assert_eq!(found, oracle(&MESH, place), "{place:?}");
            assert_eq!(at_once.map(|cell| cell.0), found, "{place:?}");
        }
    }
}

fn grid(criterion: &mut Criterion) {
    let files = MESH.files();
    let texts: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let files = CityFiles::from_texts(&texts);
    let started = Instant::now();
    let city = City::compile(files).unwrap_or_else(|problems| panic!("{problems}"));
    let whole = started.elapsed();
    let cells = city.grid.drawn().expect("its cells are drawn");
    let mebibytes = cells.index_bytes() as f64 / f64::from(1 << 20);
    println!("{} polygons, read and compiled in {whole:.2?}; the index takes {mebibytes:.1} MiB", cells.count());
    check(cells);
    println!("{CHECKED} places found as by testing every polygon near them");

    let mut rng = Rng::seeded(7);
    let places: Vec<Point> = (0..PLACES).map(|_| point(MESH.place(&mut rng))).collect();
    let mut group = criterion.benchmark_group("a place among 250,000 polygons");
    group.measurement_time(Duration::from_secs(5)).sample_size(20).throughput(Throughput::Elements(PLACES as u64));
    group.bench_function("all at once", |bencher| {
        bencher.iter(|| cells.cells(&places).filter(|cell| black_box(cell).is_some()).count());
    });
    group.bench_function("one by one", |bencher| {
        bencher.iter(|| places.iter().filter(|place| black_box(cells.cell(**place)).is_some()).count());
    });
    group.bench_function("one by one, each after the answer before it", |bencher| {
        // Each place waits for the answer before it.
        bencher.iter(|| {
            places.iter().fold(0, |before, place| {
                let place = Point { lng: place.lng + (before & 1), lat: place.lat };
                cells.cell(place).map_or(0, |cell| cell.0 as i32)
            })
        });
    });
    group.finish();
}

criterion_group!(benches, grid);
criterion_main!(benches);
