//! Which cell has a place, among a quarter of a million polygons: paidan's index beside other libraries, on the same cells and the
//! same places.
//!
//! The others test one polygon at a time, so an R*-tree of boxes finds them their candidates. All coordinates are whole
//! micro-degrees, in which all of them are exact; each must find what paidan finds before it is timed.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use geo::indexed::IntervalTreeMultiPolygon;
use geo::{Contains, Intersects, LineString, MultiPolygon, Point as GeoPoint, Polygon, PreparedGeometry, Relate};
use geometry_rs::{I32Polygon, I32RaycastMode};
use loadtest::mesh::{Corner, Mesh};
use loadtest::rng::Rng;
use mimalloc::MiMalloc;
use paidan::city::{City, CityFiles};
use paidan::geo::Point;
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const MESH: Mesh = Mesh { columns: 500, rows: 500, seed: 5 };
const PLACES: usize = 1 << 18;

fn closed(cell: u32) -> Vec<Corner> {
    let ring = MESH.ring(cell);
    ring.into_iter().chain([ring[0]]).collect()
}

fn polygon(cell: u32) -> Polygon<f64> {
    let ring = closed(cell).into_iter().map(|[lng, lat]| (f64::from(lng), f64::from(lat)));
    Polygon::new(LineString::from_iter(ring), Vec::new())
}

type Box = GeomWithData<Rectangle<[f64; 2]>, u32>;

/// Candidates of every place, by their boxes.
fn boxes() -> RTree<Box> {
    let around = |cell| {
        let ring = MESH.ring(cell).map(|corner| corner.map(f64::from));
        GeomWithData::new(Rectangle::from_aabb(AABB::from_points(&ring)), cell)
    };
    RTree::bulk_load((0..MESH.cells()).map(around).collect())
}

/// The first candidate that has a place.
fn first(boxes: &RTree<Box>, [lng, lat]: Corner, has: impl Fn(usize) -> bool) -> Option<u32> {
    let candidates = boxes.locate_all_at_point(&[f64::from(lng), f64::from(lat)]).map(|found| found.data);
    candidates.filter(|cell| has(*cell as usize)).min()
}

fn made<T>(name: &str, make: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let made = make();
    println!("{name}: made in {:.2?}", started.elapsed());
    made
}

fn places(criterion: &mut Criterion) {
    let files = MESH.files();
    let texts: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let files = CityFiles::from_texts(&texts);
    let city = made("paidan, from GeoJSON", || City::compile(files).unwrap_or_else(|problems| panic!("{problems}")));
    let cells = city.grid.drawn().expect("its cells are drawn");
    let boxes = made("rstar, boxes", boxes);
    let all = 0..MESH.cells();
    let plain: Vec<_> = all.clone().map(polygon).collect();
    let trees: Vec<_> = made("geo, interval trees", || {
        plain.iter().map(|one| IntervalTreeMultiPolygon::new(&MultiPolygon::from(one.clone()))).collect()
    });
    let prepared: Vec<_> = made("geo, prepared", || plain.iter().map(PreparedGeometry::from).collect());
    let whole: Vec<_> = made("geometry-rs", || {
        let corner = |[lng, lat]: Corner| geometry_rs::Point { x: lng, y: lat };
        let ring = |cell| closed(cell).into_iter().map(corner).collect();
        all.map(|cell| I32Polygon::new_with_mode(ring(cell), Vec::new(), 1.0, I32RaycastMode::Integer)).collect()
    });

    let mut rng = Rng::seeded(7);
    let places: Vec<Corner> = (0..PLACES).map(|_| MESH.place(&mut rng)).collect();
    let point = |[lng, lat]: Corner| Point { lng, lat };
    let geo_point = |[lng, lat]: Corner| GeoPoint::new(f64::from(lng), f64::from(lat));
    let ours = |place| cells.cell(point(place)).map(|cell| cell.0);
    let by_geo = |place| first(&boxes, place, |cell| plain[cell].intersects(&geo_point(place)));
    let by_trees = |place| first(&boxes, place, |cell| trees[cell].contains(&geo_point(place)));
    let by_prepared = |place| first(&boxes, place, |cell| prepared[cell].relate(&geo_point(place)).is_intersects());
    let by_whole = |place: Corner| {
        let at = geometry_rs::Point { x: f64::from(place[0]), y: f64::from(place[1]) };
        first(&boxes, place, |cell| whole[cell].contains_point_allow_on_edge(at))
    };
    for place in &places {
        let found = ours(*place);
        assert_eq!(by_geo(*place), found, "{place:?}");
        assert_eq!(by_whole(*place), found, "{place:?}");
        // This one knows no borders.
        assert!(by_trees(*place).is_none_or(|cell| Some(cell) == found), "{place:?}");
    }
    for place in places.iter().step_by(64) {
        assert_eq!(by_prepared(*place), ours(*place), "{place:?}");
    }

    let mut group = criterion.benchmark_group("a place among 250,000 polygons");
    group.measurement_time(Duration::from_secs(5)).sample_size(10).throughput(Throughput::Elements(PLACES as u64));
    group.bench_function("paidan, all at once", |bencher| {
        let points: Vec<Point> = places.iter().copied().map(point).collect();
        bencher.iter(|| cells.cells(&points).filter(|cell| black_box(cell).is_some()).count());
    });
    let mut time = |name, find: &dyn Fn(Corner) -> Option<u32>, places: &[Corner]| {
        group.throughput(Throughput::Elements(places.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| places.iter().filter(|place| black_box(find(**place)).is_some()).count());
        });
    };
    time("paidan, one by one", &ours, &places);
    time("rstar and geometry-rs", &by_whole, &places);
    time("rstar and geo", &by_geo, &places);
    time("rstar and geo's interval trees", &by_trees, &places);
    time("rstar and geo's prepared geometries", &by_prepared, &places[..PLACES / 16]);
    group.finish();
}

criterion_group!(benches, places);
criterion_main!(benches);
