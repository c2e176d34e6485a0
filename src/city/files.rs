//! Reading a city: its files as text, its mistakes as sentences that say where and how to mend them.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
pub use toml::Spanned;

use super::Named;

/// The settings file; everything else is a table.
pub(super) const SETTINGS: &str = "city.toml";
/// The files of a city, in the order in which its version is taken. `units.csv`, `calendar.csv` and `areas.geojson` may be
/// absent, and with the latter `areas.csv` too; so may `cells.geojson`, `components.csv`, `gazetteer.csv`, `keywords.csv`,
/// `conditions.csv` and `area_cells.csv`.
const NAMES: [&str; 14] = [
    SETTINGS,
    "classes.csv",
    "departments.csv",
    AREAS,
    "duty.csv",
    "units.csv",
    POLYGONS,
    CALENDAR,
    CELLS,
    COMPONENTS,
    GAZETTEER,
    KEYWORDS,
    CONDITIONS,
    AREA_CELLS,
];
const UNITS: &str = "units.csv";
/// Codes and names of areas.
pub(super) const AREAS: &str = "areas.csv";
/// Where areas are, if they are polygons.
pub(super) const POLYGONS: &str = "areas.geojson";
/// Where areas are, if they are patches of the raster.
pub(super) const AREA_CELLS: &str = "area_cells.csv";
/// Where cells are, if they are no raster.
pub(super) const CELLS: &str = "cells.geojson";
/// Where components and devices stand.
pub(super) const COMPONENTS: &str = "components.csv";
/// What places are called.
pub(super) const GAZETTEER: &str = "gazetteer.csv";
/// What words say of class and urgency.
pub(super) const KEYWORDS: &str = "keywords.csv";
/// What exactly can be the matter with something of a class.
pub(super) const CONDITIONS: &str = "conditions.csv";
/// The text classifier's model. It is no text, and comes last.
pub(super) const MODEL: &str = "text.model";
/// Holidays, and the workdays that make up for them.
pub(super) const CALENDAR: &str = "calendar.csv";

/// Whether a code can stand in a decision as it is.
pub(super) fn is_plain(code: &str) -> bool {
    !code.contains(|c: char| c.is_control() || "\"\\".contains(c))
}

/// What to do about one that cannot.
pub(super) const PLAIN: &str = "codes stand in decisions as they are: no quotes, no backslashes, no control characters";

/// The files of a city.
#[derive(Clone)]
pub struct CityFiles {
    texts: Vec<(&'static str, String)>,
    model: Option<Cow<'static, [u8]>>,
}

impl fmt::Debug for CityFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, bytes)| (name, bytes.len()))).finish()
    }
}

impl CityFiles {
    /// Reads a folder.
    ///
    /// # Errors
    /// If a file cannot be read, or one of text is not UTF-8.
    pub fn read(folder: &Path) -> Result<Self, Problems> {
        let may_be_absent = |name: &str, folder: &Path| match name {
            AREAS => folder.join(POLYGONS).is_file(),
            name => [UNITS, POLYGONS, CALENDAR, CELLS, COMPONENTS, GAZETTEER, KEYWORDS, CONDITIONS, AREA_CELLS]
                .contains(&name),
        };
        let mut problems = Problems::default();
        let mut texts = Vec::new();
        for name in NAMES {
            match std::fs::read_to_string(folder.join(name)) {
                Ok(text) => texts.push((name, text)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound && may_be_absent(name, folder) => {}
                Err(error) => problems.push(name, 0, format!("{}: {error}", folder.join(name).display()), Self::MEND),
            }
        }
        let path = folder.join(MODEL);
        let model = match std::fs::read(&path) {
            Ok(bytes) => Some(bytes.into()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                problems.push(MODEL, 0, format!("{}: {error}", path.display()), Self::MEND);
                None
            }
        };
        problems.into_result(Self { texts, model })
    }

    const MEND: &'static str = "a city is a folder with city.toml, classes.csv, departments.csv, areas.csv or areas.geojson, duty.csv and, if \
         it names single units, units.csv, if classes have filing conditions, conditions.csv, if it has holidays, calendar.csv, if areas \
         are patches of the raster, area_cells.csv, if cells are polygons, cells.geojson, if components are registered, components.csv, \
         if words shall be located, gazetteer.csv, if they shall be classified, keywords.csv and text.model; `src/city/pudong` is an example";

    /// The default city's files.
    pub fn pudong() -> Self {
        let texts = vec![
            (NAMES[0], include_str!("pudong/city.toml").to_owned()),
            (NAMES[1], include_str!("pudong/classes.csv").to_owned()),
            (NAMES[2], include_str!("pudong/departments.csv").to_owned()),
            (NAMES[3], include_str!("pudong/areas.csv").to_owned()),
            (NAMES[4], include_str!("pudong/duty.csv").to_owned()),
            (NAMES[5], include_str!("pudong/units.csv").to_owned()),
            (NAMES[7], include_str!("pudong/calendar.csv").to_owned()),
            (NAMES[10], include_str!("pudong/gazetteer.csv").to_owned()),
            (NAMES[11], include_str!("pudong/keywords.csv").to_owned()),
            (NAMES[12], include_str!("pudong/conditions.csv").to_owned()),
            (NAMES[13], include_str!("pudong/area_cells.csv").to_owned()),
        ];
        Self { texts, model: Some(include_bytes!("pudong/text.model").into()) }
    }

    /// A city from texts, for tests. Names are those of the files.
    pub fn from_texts(texts: &[(&str, &str)]) -> Self {
        let find = |name: &str| texts.iter().find(|(given, _)| *given == name);
        Self {
            texts: NAMES.iter().filter_map(|name| find(name).map(|(_, text)| (*name, (*text).to_owned()))).collect(),
            model: None,
        }
    }

    /// The same with the file of a model.
    #[must_use]
    pub fn with_model(self, bytes: Vec<u8>) -> Self {
        Self { model: Some(bytes.into()), ..self }
    }

    /// Name and text of each file that is one.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().map(|(name, text)| (*name, text.as_str()))
    }

    /// Each file's name and bytes.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.texts().map(|(name, text)| (name, text.as_bytes())).chain(self.model().map(|bytes| (MODEL, bytes)))
    }

    /// The bytes of the model, if there is one.
    pub(super) fn model(&self) -> Option<&[u8]> {
        self.model.as_deref()
    }

    /// Hash of names and contents: two cities with the same version are the same.
    pub fn version(&self) -> u64 {
        let mut hasher = rapidhash::v3::RapidSecrets::seed_cpp(0);
        for (name, bytes) in self.iter() {
            for part in [name.as_bytes(), bytes] {
                hasher = rapidhash::v3::RapidSecrets::seed_cpp(rapidhash::v3::rapidhash_v3_seeded(part, &hasher));
            }
        }
        hasher.seed
    }

    fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// The text of a file, if it is there.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.texts().find(|(given, _)| *given == name).map(|(_, text)| text)
    }

    /// The rows of a table, each with its line. Rows that do not fit are problems.
    pub(super) fn rows<T: DeserializeOwned>(&self, name: &'static str, problems: &mut Problems) -> Vec<(u64, T)> {
        let mut rows = Vec::new();
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(self.text(name).as_bytes());
        let headers = match reader.headers() {
            Ok(headers) => headers.clone(),
            Err(error) => {
                problems.push(name, 1, error.to_string(), "the first line names the columns");
                return rows;
            }
        };
        for record in reader.into_records() {
            let parsed = record.and_then(|record| {
                let line = record.position().map_or(0, csv::Position::line);
                record.deserialize(Some(&headers)).map(|row| (line, row))
            });
            match parsed {
                Ok(row) => rows.push(row),
                Err(error) => {
                    let line = error.position().map_or(0, csv::Position::line);
                    let columns = headers.iter().collect::<Vec<_>>().join(",");
                    problems.push(name, line, error.to_string(), format!("a row has the columns {columns}"));
                }
            }
        }
        rows
    }

    /// A table of codes and names. Codes must be there and differ.
    pub(super) fn named(&self, name: &'static str, problems: &mut Problems) -> Vec<Named> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Row {
            code: Box<str>,
            name_zh: Box<str>,
            name_en: Box<str>,
        }
        let mut seen = super::Names::default();
        let mut named = Vec::new();
        for (line, row) in self.rows::<Row>(name, problems) {
            if !is_plain(&row.code) {
                problems.push(name, line, format!("code {:?}", row.code), PLAIN);
            } else if row.code.is_empty() || !seen.insert(&row.code, named.len() as u16) {
                problems.push(
                    name,
                    line,
                    format!("code \"{}\" is empty or stands twice", row.code),
                    "give each row its own code",
                );
            } else if named.len() >= usize::from(u16::MAX) {
                problems.push(name, line, "too many rows".to_owned(), "a table of this kind has at most 65,534 rows");
                break;
            }
            named.push(Named { code: row.code, zh: row.name_zh, en: row.name_en });
        }
        named
    }
}

/// One mistake in a city's files.
#[derive(Clone, PartialEq, Debug)]
pub struct Problem {
    /// The file's name within the folder.
    pub file: &'static str,
    /// The line, counted from 1; 0 for the file as a whole.
    pub line: u64,
    /// What is wrong, with the value.
    pub what: String,
    /// What to do about it.
    pub mend: String,
}

/// All the mistakes that were found.
#[derive(Default, Debug)]
pub struct Problems {
    list: Vec<Problem>,
    /// Where each line of the settings begins, to turn an offset into a line.
    settings_lines: Vec<usize>,
}

impl Problems {
    /// Each of them.
    pub fn as_slice(&self) -> &[Problem] {
        &self.list
    }

    pub(super) fn push(&mut self, file: &'static str, line: u64, what: String, mend: impl Into<String>) {
        self.list.push(Problem { file, line, what, mend: mend.into() });
    }

    /// A problem with a setting at a byte offset of the settings file.
    pub(super) fn setting(&mut self, offset: usize, what: String, mend: impl Into<String>) {
        let line = self.settings_lines.partition_point(|start| *start <= offset) as u64;
        self.push(SETTINGS, line, what, mend);
    }

    pub(super) fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.list.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 20;
        for (index, problem) in self.list.iter().take(SHOWN).enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            match problem.line {
                0 => write!(f, "{newline}{}: {}", problem.file, problem.what)?,
                line => write!(f, "{newline}{}:{line}: {}", problem.file, problem.what)?,
            }
            write!(f, "\n  mend: {}", problem.mend)?;
        }
        if self.list.len() > SHOWN {
            write!(f, "\n… and {} more", self.list.len() - SHOWN)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// `city.toml`, as written.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    pub city: CitySettings,
    pub grid: Option<Spanned<GridSettings>>,
    pub areas: Option<Spanned<AreasSettings>>,
    pub cells: Option<Spanned<CellsSettings>>,
    #[serde(default)]
    pub frame: Vec<Spanned<FrameSettings>>,
    #[serde(default)]
    pub time: TimeSettings,
    pub calendar: Option<Spanned<CalendarSettings>>,
    #[serde(default)]
    pub text: TextSettings,
    #[serde(default)]
    pub budget_ms: BudgetSettings,
    #[serde(default)]
    pub memory: MemorySettings,
    #[serde(default)]
    pub source: Vec<Spanned<SourceSettings>>,
    #[serde(default)]
    pub policy: Vec<Spanned<PolicySettings>>,
    #[serde(default)]
    pub pool: Vec<Spanned<PoolSettings>>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct CitySettings {
    pub id: String,
    pub name_zh: String,
    pub name_en: String,
    pub frame: Option<Spanned<String>>,
}

/// When people work.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct CalendarSettings {
    pub utc_offset: String,
    pub days: Vec<String>,
    pub hours: Vec<String>,
}

/// How sure the model must be, in thousandths; and which of its labels stand for no class.
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct TextSettings {
    pub threshold: Option<Spanned<u16>>,
    #[serde(default)]
    pub none: Vec<Spanned<String>>,
}

/// Edges, areas and codes are optional here because areas that are polygons give or forbid them.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct GridSettings {
    pub west: Option<i32>,
    pub south: Option<i32>,
    pub east: Option<i32>,
    pub north: Option<i32>,
    pub cell_width: Option<u32>,
    pub cell_height: Option<u32>,
    pub area_columns: Option<u32>,
    pub area_rows: Option<u32>,
    pub cell_code: Option<super::CellCode>,
}

/// Where the features of `areas.geojson` say what they are, as JSON pointers.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct AreasSettings {
    pub id: String,
    pub name_zh: Option<String>,
    pub name_en: Option<String>,
    pub frame: Option<Spanned<String>>,
}

/// Where the features of `cells.geojson` say what they are, as JSON pointers, and how far beside them a place may lie, in metres.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct CellsSettings {
    pub code: String,
    pub area: Option<String>,
    pub opened: Option<String>,
    pub closed: Option<String>,
    pub frame: Option<Spanned<String>>,
    pub snap_m: Option<u32>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct FrameSettings {
    pub name: String,
    pub ellipsoid: Option<String>,
    pub central_meridian: Option<f64>,
    pub latitude_of_origin: Option<f64>,
    pub false_easting: Option<f64>,
    pub false_northing: Option<f64>,
    pub scale: Option<f64>,
    pub affine: Option<[f64; 6]>,
    pub helmert: Option<HelmertSettings>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct HelmertSettings {
    pub dx: f64,
    pub dy: f64,
    pub dz: f64,
    pub rx: f64,
    pub ry: f64,
    pub rz: f64,
    pub ppm: f64,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct TimeSettings {
    pub jump_minutes: u32,
}

impl Default for TimeSettings {
    fn default() -> Self {
        Self { jump_minutes: 10 }
    }
}

/// Milliseconds by urgency; what is left out is as for the city.
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct BudgetSettings {
    #[serde(rename = "A")]
    pub a: Option<Spanned<u32>>,
    #[serde(rename = "B")]
    pub b: Option<Spanned<u32>>,
    #[serde(rename = "C")]
    pub c: Option<Spanned<u32>>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct MemorySettings {
    pub ids_max: Spanned<u32>,
    pub cases_max: Spanned<u32>,
}

impl Default for MemorySettings {
    fn default() -> Self {
        Self { ids_max: Spanned::new(0..0, 2_000_000), cases_max: Spanned::new(0..0, 1_000_000) }
    }
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceSettings {
    pub name: String,
    pub name_zh: String,
    pub kind: super::SourceKind,
    pub urgency: String,
    pub late: super::Late,
    pub may: Vec<String>,
    #[serde(default)]
    pub require: Vec<String>,
    #[serde(default)]
    pub trust_urgency: bool,
    #[serde(default = "yes")]
    pub read_texts: bool,
    pub id_bytes_max: Option<u16>,
    #[serde(default)]
    pub budget_ms: BudgetSettings,
    pub frame: Option<Spanned<String>>,
    pub dedup: WindowSettings,
    pub layout: Option<Spanned<super::layout::LayoutSettings>>,
    pub shape: Option<Spanned<super::shape::ShapeSettings>>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicySettings {
    pub name: String,
    pub merge: WindowSettings,
    pub same_place: String,
    pub radius_m: Option<u32>,
    pub assign: super::Assign,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct WindowSettings {
    pub window: WindowWord,
    pub minutes: u32,
    #[serde(default)]
    pub grace_s: u32,
}

#[derive(Deserialize, Debug, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(super) enum WindowWord {
    Sliding,
    Aligned,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct PoolSettings {
    pub departments: AllOr,
    pub areas: AllOr,
    pub size: u32,
    #[serde(default)]
    pub code_prefix: String,
    #[serde(default)]
    pub first_code: u64,
    pub capacity: Option<u32>,
}

/// `"all"`, `"district"` or a list of codes.
#[derive(Deserialize, Debug)]
#[serde(untagged)]
pub(super) enum AllOr {
    Word(String),
    Codes(Vec<String>),
}

const fn yes() -> bool {
    true
}

impl Settings {
    pub(super) fn parse(files: &CityFiles, problems: &mut Problems) -> Option<Self> {
        let text = files.text(SETTINGS);
        problems.settings_lines =
            std::iter::once(0).chain(text.match_indices('\n').map(|(offset, _)| offset + 1)).collect();
        match toml::from_str(text) {
            Ok(settings) => Some(settings),
            Err(error) => {
                let offset = error.span().map_or(0, |span| span.start);
                let mend = "see `src/city/pudong/city.toml` for every setting with its meaning";
                problems.setting(offset, error.message().to_owned(), mend);
                None
            }
        }
    }
}

impl WindowSettings {
    /// As a window; a length of 0 or of more than 400 days is a problem at `offset`.
    pub(super) fn compile(&self, offset: usize, problems: &mut Problems) -> crate::time::Window {
        const MINUTES_MAX: u32 = 400 * 24 * 60;
        if !(1..=MINUTES_MAX).contains(&self.minutes) || self.grace_s > MINUTES_MAX {
            problems.setting(
                offset,
                format!("a window of {} minutes with {} s of grace", self.minutes, self.grace_s),
                format!("minutes are 1 to {MINUTES_MAX}, grace_s at most {MINUTES_MAX}"),
            );
        }
        crate::time::Window {
            kind: match self.window {
                WindowWord::Sliding => crate::time::WindowKind::Sliding,
                WindowWord::Aligned => crate::time::WindowKind::Aligned,
            },
            len_ms: i64::from(self.minutes.max(1)) * 60_000,
            grace_ms: i64::from(self.grace_s) * 1000,
        }
    }
}
