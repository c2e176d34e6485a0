//! A small map in text: a report, its cell, the cases and units around it.

use crate::geo::Point;
use crate::view::explain::Lang;

/// What is to be drawn.
#[derive(Debug)]
pub(super) struct Scene {
    pub point: Point,
    /// South-west and north-east corner of its cell.
    pub cell: Option<(Point, Point)>,
    pub radius_m: Option<f64>,
    /// Cases that were looked at, and whether they were joined.
    pub cases: Vec<(Point, bool)>,
    /// Units that say where they are, and whether they were chosen.
    pub units: Vec<(Point, bool)>,
}

const COLUMNS: usize = 41;
const ROWS: usize = 15;
/// A character is about twice as high as it is wide.
const HEIGHT: f64 = 2.0;
/// Metres to a micro-degree of latitude.
const METRES: f64 = 0.111_195;
/// Farther away than this nothing widens the map; it is told below it instead.
const REACH_M: f64 = 3_000.0;

/// East and north of a point, in metres.
fn offset(from: Point, to: Point) -> (f64, f64) {
    let shrink = (f64::from(from.lat) / 1e6).to_radians().cos();
    let (east, north) = (f64::from(to.lng) - f64::from(from.lng), f64::from(to.lat) - f64::from(from.lat));
    (east * METRES * shrink, north * METRES)
}

struct Canvas {
    cells: [[char; COLUMNS]; ROWS],
    /// Metres of a column.
    scale: f64,
}

impl Canvas {
    fn place(&self, (east, north): (f64, f64)) -> Option<(usize, usize)> {
        let column = (east / self.scale).round() + (COLUMNS / 2) as f64;
        let row = (ROWS / 2) as f64 - (north / self.scale / HEIGHT).round();
        let inside = (0.0..COLUMNS as f64).contains(&column) && (0.0..ROWS as f64).contains(&row);
        inside.then_some((row as usize, column as usize))
    }

    fn put(&mut self, at: (f64, f64), mark: char) -> bool {
        let place = self.place(at);
        if let Some((row, column)) = place {
            self.cells[row][column] = mark;
        }
        place.is_some()
    }
}

impl Scene {
    /// The map, its scale and its legend.
    pub(super) fn draw(&self, lang: Lang) -> String {
        let mut canvas = Canvas { cells: [[' '; COLUMNS]; ROWS], scale: self.scale() };
        self.draw_cell(&mut canvas);
        self.draw_radius(&mut canvas);
        let mut outside = 0;
        for (points, mark, special) in [(&self.units, 'u', 'U'), (&self.cases, 'o', 'O')] {
            // The special one is drawn last, so that nothing hides it.
            for wanted in [false, true] {
                for (point, _) in points.iter().filter(|(_, is_special)| *is_special == wanted) {
                    let mark = if wanted { special } else { mark };
                    outside += usize::from(!canvas.put(offset(self.point, *point), mark));
                }
            }
        }
        canvas.put((0.0, 0.0), '@');
        let mut text = String::new();
        for row in canvas.cells {
            let row: String = row.iter().collect();
            text += &format!("    {}\n", row.trim_end());
        }
        text + &self.legend(canvas.scale, outside, lang)
    }

    fn legend(&self, scale: f64, outside: usize, lang: Lang) -> String {
        let width = scale * COLUMNS as f64;
        let mut parts = vec![match lang {
            Lang::Zh => format!("图幅宽 {width:.0} 米，上北；@ 本件"),
            Lang::En => format!("{width:.0} m across, north up; @ this report"),
        }];
        let mut add = |shown: bool, zh: &str, en: &str| {
            if shown {
                parts.push(lang.of(zh, en).to_owned());
            }
        };
        add(self.cell.is_some(), "方框 单元网格", "box: its cell");
        add(self.radius_m.is_some(), "· 并案半径", "· merge radius");
        add(self.cases.iter().any(|(_, joined)| *joined), "O 并入的案件", "O case joined");
        add(self.cases.iter().any(|(_, joined)| !joined), "o 比较过的案件", "o case looked at");
        add(self.units.iter().any(|(_, chosen)| *chosen), "U 选中的力量", "U unit chosen");
        add(self.units.iter().any(|(_, chosen)| !chosen), "u 其他力量", "u other unit");
        if outside > 0 {
            parts.push(match lang {
                Lang::Zh => format!("图外 {outside} 个"),
                Lang::En => format!("{outside} beyond the map"),
            });
        }
        format!("    {}\n", parts.join(lang.of("，", ", ")))
    }

    /// Metres of a column: 1, 2 or 5 times a power of ten, so that what matters has a place.
    fn scale(&self) -> f64 {
        let corners = self.cell.iter().flat_map(|(low, high)| [*low, *high]);
        let marked = self.cases.iter().chain(self.units.iter().filter(|(_, chosen)| *chosen)).map(|(point, _)| *point);
        let offsets = corners.chain(marked.filter(|point| point.is_some())).map(|point| offset(self.point, point));
        let radius = self.radius_m.map(|radius| (radius, radius));
        let needed = offsets
            .chain(radius)
            .map(|(east, north)| (east.abs() / (COLUMNS / 2) as f64, north.abs() / (ROWS / 2) as f64 / HEIGHT))
            .map(|(across, up)| across.max(up))
            .filter(|needed| *needed * (COLUMNS / 2) as f64 <= REACH_M)
            .fold(0.5, f64::max);
        let steps = (0..6).flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * 10_f64.powi(power)));
        steps.into_iter().find(|step| *step >= needed).unwrap_or(needed)
    }

    fn draw_cell(&self, canvas: &mut Canvas) {
        let Some((low, high)) = self.cell else { return };
        let ((west, south), (east, north)) = (offset(self.point, low), offset(self.point, high));
        let (across, up) = (canvas.scale, canvas.scale * HEIGHT);
        let mut x = west;
        while x < east {
            canvas.put((x, south), '─');
            canvas.put((x, north), '─');
            x += across;
        }
        let mut y = south;
        while y < north {
            canvas.put((west, y), '│');
            canvas.put((east, y), '│');
            y += up;
        }
        for (corner, mark) in [((west, south), '└'), ((east, south), '┘'), ((west, north), '┌'), ((east, north), '┐')]
        {
            canvas.put(corner, mark);
        }
    }

    fn draw_radius(&self, canvas: &mut Canvas) {
        const DOTS: u32 = 64;
        let Some(radius) = self.radius_m else { return };
        for dot in 0..DOTS {
            let angle = f64::from(dot) / f64::from(DOTS) * std::f64::consts::TAU;
            canvas.put((radius * angle.cos(), radius * angle.sin()), '·');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Point = Point { lng: 121_500_000, lat: 31_200_000 };

    fn scene(case_east: i32) -> Scene {
        let near = |lng: i32, lat: i32| Point { lng: HERE.lng + lng, lat: HERE.lat + lat };
        Scene {
            point: HERE,
            cell: Some((near(-1000, -800), near(970, 890))),
            radius_m: Some(50.0),
            cases: vec![(near(case_east, 0), true)],
            units: vec![(near(0, 500), false), (near(40_000_000, 0), false)],
        }
    }

    #[test]
    fn everything_has_its_mark_and_the_rest_is_counted() {
        let map = scene(400).draw(Lang::En);
        let rows: Vec<&str> = map.lines().collect();
        assert_eq!(rows.len(), ROWS + 1);
        let place = |mark: char| {
            let row = rows[..ROWS].iter().position(|row| row.contains(mark)).expect("a mark");
            (row, rows[row].chars().position(|found| found == mark).expect("a mark"))
        };
        let (here, case, unit) = (place('@'), place('O'), place('u'));
        assert_eq!(here, (ROWS / 2, 4 + COLUMNS / 2));
        assert!(case.0 == here.0 && case.1 > here.1, "east is right: {map}");
        assert!(unit.1 == here.1 && unit.0 < here.0, "north is up: {map}");
        for corner in ['┌', '┐', '└', '┘', '·'] {
            place(corner);
        }
        assert!(rows[ROWS].contains("410 m across") && rows[ROWS].contains("1 beyond the map"), "{map}");
        assert!(scene(400).draw(Lang::Zh).contains("图幅宽 410 米"));
    }

    #[test]
    fn a_farther_case_makes_a_coarser_map() {
        assert!(scene(9000).draw(Lang::En).contains("2050 m across"));
    }
}
