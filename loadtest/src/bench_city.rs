//! The city of the bench job: its geometry and its tables, and `gen-city bench`, which writes them as a city folder.

use crate::Outcome;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// West edge of the city in micro-degrees.
pub const WEST: i32 = 121_450_000;
/// South edge in micro-degrees.
pub const SOUTH: i32 = 30_900_000;
/// Length of both sides in micro-degrees; the east and the north edge are outside.
pub const SIDE: u32 = 500_000;
/// Width of a cell (100 m) in micro-degrees.
pub const CELL_WIDTH: u32 = 1_049;
/// Height of a cell (100 m) in micro-degrees.
pub const CELL_HEIGHT: u32 = 902;
/// Cells from west to east; the last is cut off by the east edge.
pub const COLUMNS: u32 = SIDE.div_ceil(CELL_WIDTH);
/// Cells from south to north; the last is cut off by the north edge.
pub const ROWS: u32 = SIDE.div_ceil(CELL_HEIGHT);
/// Cells along the side of an area (5 km).
pub const AREA_CELLS: u32 = 50;
/// Areas from west to east.
pub const AREA_COLUMNS: u32 = COLUMNS.div_ceil(AREA_CELLS);
/// Areas of the city.
pub const AREAS: u32 = AREA_COLUMNS * ROWS.div_ceil(AREA_CELLS);
/// Departments of the city.
pub const DEPARTMENTS: u32 = 40;
/// Units that a department has in an area.
pub const POOL: u32 = 8;
/// Units of the city.
pub const UNITS: usize = (DEPARTMENTS * AREAS * POOL) as usize;
/// Length of a bucket of event time in milliseconds.
pub const BUCKET_MS: u64 = 600_000;
/// How much later than the end of a bucket a report of it can still arrive, in milliseconds of event time.
pub const GRACE_MS: u64 = 60_000;
/// The longest id in bytes.
pub const ID_BYTES_MAX: usize = 64;

/// The department that handles the category of this index.
pub const fn department_of(category: usize) -> u32 {
    (category as u32 * 7 + 3) % DEPARTMENTS
}

/// The 60 categories. A category's index in this table is its number in case names.
#[rustfmt::skip]
pub const CATEGORIES: [&str; 60] = [
    "road.damage", "road.leak", "road.overflow", "road.blocked", "road.complaint",
    "water.damage", "water.leak", "water.overflow", "water.blocked", "water.complaint",
    "power.damage", "power.leak", "power.overflow", "power.blocked", "power.complaint",
    "gas.damage", "gas.leak", "gas.overflow", "gas.blocked", "gas.complaint",
    "sanitation.damage", "sanitation.leak", "sanitation.overflow", "sanitation.blocked", "sanitation.complaint",
    "greening.damage", "greening.leak", "greening.overflow", "greening.blocked", "greening.complaint",
    "noise.damage", "noise.leak", "noise.overflow", "noise.blocked", "noise.complaint",
    "parking.damage", "parking.leak", "parking.overflow", "parking.blocked", "parking.complaint",
    "building.damage", "building.leak", "building.overflow", "building.blocked", "building.complaint",
    "fire.damage", "fire.leak", "fire.overflow", "fire.blocked", "fire.complaint",
    "public-order.damage", "public-order.leak", "public-order.overflow", "public-order.blocked", "public-order.complaint",
    "livelihood.damage", "livelihood.leak", "livelihood.overflow", "livelihood.blocked", "livelihood.complaint",
];

/// Chinese and English names of the 12 topics, in the order of [`CATEGORIES`].
const TOPICS: [(&str, &str); 12] = [
    ("道路", "Road"),
    ("供水", "Water supply"),
    ("电力", "Power"),
    ("燃气", "Gas"),
    ("环卫", "Sanitation"),
    ("绿化", "Greening"),
    ("噪声", "Noise"),
    ("停车", "Parking"),
    ("房屋", "Building"),
    ("消防", "Fire safety"),
    ("治安", "Public order"),
    ("民生", "Livelihood"),
];

/// Chinese and English names of the 5 kinds within a topic.
const KINDS: [(&str, &str); 5] =
    [("损坏", "damage"), ("泄漏", "leak"), ("满溢", "overflow"), ("阻塞", "blocked"), ("投诉", "complaint")];

/// Chinese and English names of the departments, in the order of their codes.
const DEPARTMENT_NAMES: [(&str, &str); DEPARTMENTS as usize] = [
    ("电缆抢修队", "Cable repair team"),
    ("噪声投诉科", "Noise complaint section"),
    ("燃气调压站", "Gas pressure station"),
    ("道路养护所", "Road maintenance station"),
    ("垃圾清运队", "Refuse collection team"),
    ("供水抢修队", "Water repair team"),
    ("绿地养护队", "Green space team"),
    ("供电服务站", "Power service station"),
    ("停车管理所", "Parking office"),
    ("燃气管理所", "Gas office"),
    ("管线协调科", "Utility lines section"),
    ("环卫监督科", "Sanitation supervision section"),
    ("排水管理所", "Drainage office"),
    ("声环境监测站", "Noise monitoring station"),
    ("配电运维站", "Power distribution station"),
    ("路侧停车队", "Kerbside parking team"),
    ("燃气客服中心", "Gas customer centre"),
    ("防汛抢险队", "Flood emergency team"),
    ("园林工程队", "Landscape works team"),
    ("管网巡查队", "Pipe network patrol"),
    ("施工噪声执法队", "Construction noise enforcement team"),
    ("电力投诉科", "Power complaint section"),
    ("违停清障队", "Towing team"),
    ("保洁一队", "Street cleaning team 1"),
    ("交通疏导队", "Traffic relief team"),
    ("树木抢险队", "Tree emergency team"),
    ("用水服务科", "Water service section"),
    ("社会生活噪声科", "Neighbourhood noise section"),
    ("燃气抢修队", "Gas repair team"),
    ("车库监管科", "Garage supervision section"),
    ("污水处置队", "Sewage team"),
    ("市政投诉科", "Municipal complaint section"),
    ("绿化灌溉站", "Irrigation station"),
    ("电力抢修队", "Power repair team"),
    ("交通噪声科", "Traffic noise section"),
    ("燃气应急队", "Gas emergency team"),
    ("停车投诉科", "Parking complaint section"),
    ("垃圾中转站", "Refuse transfer station"),
    ("水管维修队", "Water main team"),
    ("绿化巡查队", "Greening patrol"),
];

/// The settings that stand before the sources.
const CITY: &str = r#"# 基准作业之城：纯属虚构，只用于测量。
# The city of the bench job: invented, and used for measurements only.

[city]
id = "bench"
name_zh = "基准城"
name_en = "Bench city"
"#;

/// What every source of the job has in common.
const SOURCE: &str = r#"may = ["report"]
require = ["ts", "place", "category"]
id_bytes_max = 64
dedup = { window = "aligned", minutes = 10, grace_s = 60 }
"#;

/// The merge policy and the units.
const POLICY: &str = r#"
[[policy]]
name = "bucket"
merge = { window = "aligned", minutes = 10, grace_s = 60 }
same_place = "cell"
assign = "least_loaded"

[[pool]]                     # codes run department by department, and area by area within a department
departments = "all"
areas = "all"
"#;

/// Writes the city folder of the bench job into `folder`, which is made if it does not exist.
pub fn write(folder: &Path) -> Outcome {
    std::fs::create_dir_all(folder).map_err(|e| format!("{}: cannot make the folder: {e}", folder.display()))?;
    let files = [
        ("city.toml", city()),
        ("classes.csv", classes()),
        ("departments.csv", departments()),
        ("areas.csv", areas()),
        ("duty.csv", duty()),
    ];
    for (name, text) in files {
        let path: PathBuf = folder.join(name);
        std::fs::write(&path, text).map_err(|e| format!("{}: cannot write: {e}", path.display()))?;
    }
    Ok(())
}

fn city() -> String {
    let (east, north) = (WEST + SIDE as i32, SOUTH + SIDE as i32);
    let mut text = format!(
        "{CITY}
[grid]                       # cells of about 100 m, in micro-degrees
west = {WEST}
south = {SOUTH}
east = {east}
north = {north}
cell_width = {CELL_WIDTH}
cell_height = {CELL_HEIGHT}
area_columns = {AREA_CELLS}
area_rows = {AREA_CELLS}
cell_code = \"index\"

[memory]
ids_max = 4000000
cases_max = 2500000
"
    );
    for (name, name_zh) in [("hotline", "热线"), ("app", "市民应用"), ("sensor", "传感器")] {
        push(
            &mut text,
            format_args!(
                "\n[[source]]\nname = \"{name}\"\nname_zh = \"{name_zh}\"\nkind = \"{name}\"\nurgency = \"C\"\nlate = \"refuse\"\n{SOURCE}"
            ),
        );
    }
    push(&mut text, format_args!("{POLICY}size = {POOL}\nfirst_code = 0\n"));
    text
}

fn classes() -> String {
    let mut text = String::from("code,name_zh,name_en,urgency,policy,limit_min\n");
    for (index, code) in CATEGORIES.iter().enumerate() {
        let (topic, kind) = (TOPICS[index / KINDS.len()], KINDS[index % KINDS.len()]);
        push(&mut text, format_args!("{code},{}{},{} {},C,bucket,\n", topic.0, kind.0, topic.1, kind.1));
    }
    text
}

fn departments() -> String {
    let mut text = String::from("code,name_zh,name_en\n");
    for (code, (name_zh, name_en)) in DEPARTMENT_NAMES.iter().enumerate() {
        push(&mut text, format_args!("{code},{name_zh},{name_en}\n"));
    }
    text
}

fn areas() -> String {
    let mut text = String::from("code,name_zh,name_en\n");
    for code in 0..AREAS {
        let (row, column) = (code / AREA_COLUMNS + 1, code % AREA_COLUMNS + 1);
        push(&mut text, format_args!("{code},北{row}东{column}片区,Area north {row} east {column}\n"));
    }
    text
}

fn duty() -> String {
    let mut text = String::from("class,scope,where,department,tier\n");
    for (index, class) in CATEGORIES.iter().enumerate() {
        push(&mut text, format_args!("{class},district,,{},district\n", department_of(index)));
    }
    text
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).expect("writing into a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn geometry_is_the_jobs() {
        assert_eq!((COLUMNS, ROWS, AREA_COLUMNS, AREAS, UNITS), (477, 555, 10, 120, 38_400));
    }

    #[test]
    fn tables_have_a_row_for_everything() {
        let check = |text: String, rows: usize, columns: usize, last: &str| {
            assert_eq!(text.lines().count(), rows + 1);
            assert!(text.lines().all(|line| line.split(',').count() == columns), "{text}");
            assert_eq!(text.lines().last(), Some(last));
        };
        check(classes(), 60, 6, "livelihood.complaint,民生投诉,Livelihood complaint,C,bucket,");
        check(departments(), 40, 3, "39,绿化巡查队,Greening patrol");
        check(areas(), 120, 3, "119,北12东10片区,Area north 12 east 10");
        check(duty(), 60, 5, "livelihood.complaint,district,,16,district");
    }

    #[test]
    fn names_are_told_apart() {
        let mut names: Vec<_> = DEPARTMENT_NAMES.iter().flat_map(|(zh, en)| [zh, en]).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 80);
    }
}
