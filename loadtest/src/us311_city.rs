//! `gen-city us311`: a city made of open data, so that real exports of New York and Baltimore can be run as they are.
//!
//! Areas are the polygons of a GeoJSON file of zip codes. Classes are the types of the reports, and each is the duty of the
//! agency that has most of its reports. What is ours: the numbers of classes, the policy, and units enough for every report.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::io::BufRead;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::Outcome;

/// What the city is made of.
#[derive(clap::Args)]
pub struct Args {
    /// The folder to write into; made if it does not exist
    pub folder: PathBuf,
    /// GeoJSON polygons of zip codes, with the code in the property postalCode
    #[arg(long, value_name = "FILE")]
    pub zips: PathBuf,
    /// Reports whose types and agencies the city knows: lines with source, type and agency
    #[arg(long, value_name = "FILE", required = true)]
    pub reports: Vec<PathBuf>,
}

/// What a report says about itself that makes the city.
#[derive(Deserialize)]
struct Report {
    source: String,
    #[serde(rename = "type")]
    kind: String,
    agency: String,
    agency_name: Option<String>,
}

/// What all reports come to.
#[derive(Default)]
struct Survey {
    reports: usize,
    /// How many reports of each type each agency has.
    types: BTreeMap<String, BTreeMap<String, u64>>,
    /// The types that each source has reports of.
    words: BTreeMap<String, BTreeSet<String>>,
    /// Agencies and their names.
    agencies: BTreeMap<String, String>,
}

/// The number before that of the first class, so that each has five digits.
const CLASSES_FROM: usize = 10_000;
/// Units of a department.
const POOL: usize = 10;
/// Who answers for what is nobody's duty.
const FALLBACK: [&str; 3] = ["311", "市民服务热线中心", "311 customer service centre"];

/// The settings that stand before the sources.
const CITY: &str = r#"# 由公开数据生成：纽约邮编区，纽约与巴尔的摩 311 的事项类别与部门。
# Made of open data: the zip codes of New York, and the types and agencies of 311 in New York and Baltimore.

[city]
id = "us311"
name_zh = "纽约"
name_en = "New York"

[areas]                      # polygons in areas.geojson
id = "/properties/postalCode"
name_en = "/properties/PO_NAME"

[grid]                       # cells of about 100 m, in micro-degrees
cell_width = 1190
cell_height = 900

[[policy]]
name = "matter"
merge = { window = "sliding", minutes = 1440, grace_s = 600 }
same_place = "radius"
radius_m = 50
assign = "least_loaded"
"#;

/// What the two sources have in common: exports of the same kind.
const SOURCE: &str = r#"kind = "hotline"
urgency = "C"
late = "dispatch"
may = ["report"]
dedup = { window = "sliding", minutes = 1440, grace_s = 600 }
[source.shape]
id = "/id"
time = "/created"
time_format = "%Y-%m-%dT%H:%M:%S"
zone = "America/New_York"
category = ["/type"]
"#;

/// The sources with their Chinese names, and what only their lines have.
const SOURCES: [(&str, &str, &str); 2] = [
    (
        "nyc311",
        "纽约 311",
        "text = [\"/type\", \"/descriptor\", \"/location_type\"]\narea = \"/zip\"\naddress = [\"/address\", \"/zip\"]\nlng = \"/lon\"\nlat = \"/lat\"\n",
    ),
    ("baltimore311", "巴尔的摩 311", "text = [\"/type\", \"/neighborhood\"]\naddress = [\"/address\"]\n"),
];

/// Writes the city folder.
///
/// # Errors
/// If a file cannot be read, is not what it should be, or cannot be written.
pub fn write(args: &Args) -> Outcome {
    let mut survey = Survey::default();
    args.reports.iter().try_for_each(|path| survey.read(path))?;
    let folder = &args.folder;
    std::fs::create_dir_all(folder).map_err(|e| format!("{}: cannot make the folder: {e}", folder.display()))?;
    let zips = &args.zips;
    let areas = std::fs::read_to_string(zips).map_err(|e| format!("{}: cannot read: {e}", zips.display()))?;
    let files = [
        ("areas.geojson", areas),
        ("city.toml", survey.city()),
        ("classes.csv", survey.classes()),
        ("departments.csv", survey.departments()),
        ("duty.csv", survey.duty()),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|e| format!("{}: cannot write: {e}", path.display()))?;
    }
    Ok(())
}

impl Survey {
    fn read(&mut self, path: &Path) -> Outcome {
        let file = std::fs::File::open(path).map_err(|e| format!("{}: cannot open: {e}", path.display()))?;
        for (index, line) in std::io::BufReader::new(file).lines().enumerate() {
            let wrong = |what: String| format!("{}:{}: {what}", path.display(), index + 1);
            let line = line.map_err(|e| wrong(format!("cannot read: {e}")))?;
            self.add(serde_json::from_str(&line).map_err(|e| wrong(e.to_string()))?);
        }
        Ok(())
    }

    fn add(&mut self, report: Report) {
        let Report { source, kind, agency, agency_name } = report;
        self.reports += 1;
        *self.types.entry(kind.clone()).or_default().entry(agency.clone()).or_default() += 1;
        self.words.entry(source).or_default().insert(kind);
        let name = agency_name.unwrap_or_else(|| agency.clone());
        self.agencies.entry(agency).or_insert(name);
    }

    /// Types in the order of their words, with the codes of their classes.
    fn codes(&self) -> impl Iterator<Item = (&str, String)> {
        self.types.keys().zip(CLASSES_FROM + 1..).map(|(kind, code)| (kind.as_str(), code.to_string()))
    }

    fn city(&self) -> String {
        let mut text = CITY.to_owned();
        let codes: BTreeMap<&str, String> = self.codes().collect();
        for (name, name_zh, own) in SOURCES {
            push(&mut text, format_args!("\n[[source]]\nname = \"{name}\"\nname_zh = \"{name_zh}\"\n{SOURCE}{own}"));
            text.push_str("[source.shape.words]\n");
            for word in self.words.get(name).into_iter().flatten() {
                // A string of JSON is one of TOML.
                let quoted = serde_json::Value::from(word.as_str());
                push(&mut text, format_args!("{quoted} = \"{}\"\n", codes[word.as_str()]));
            }
        }
        let capacity = self.reports.max(1);
        push(
            &mut text,
            format_args!(
                "\n[[pool]]                     # room for every report\ndepartments = \"all\"\nareas = \"district\"\nsize = {POOL}\n\
                 code_prefix = \"U\"\nfirst_code = 1\ncapacity = {capacity}\n"
            ),
        );
        text
    }

    fn classes(&self) -> String {
        let mut text = String::from("code,name_zh,name_en,urgency,policy,limit_min\n");
        for (kind, code) in self.codes() {
            row(&mut text, &[&code, kind, kind, "C", "matter", ""]);
        }
        text
    }

    fn departments(&self) -> String {
        let mut text = String::from("code,name_zh,name_en\n");
        if !self.agencies.contains_key(FALLBACK[0]) {
            row(&mut text, &FALLBACK);
        }
        for (agency, name) in &self.agencies {
            row(&mut text, &[agency, name, name]);
        }
        text
    }

    fn duty(&self) -> String {
        let mut text = String::from("class,scope,where,department,tier\n");
        for ((_, code), agencies) in self.codes().zip(self.types.values()) {
            // Of agencies with equally many reports, the first by name.
            let most = agencies.iter().rev().max_by_key(|(_, reports)| **reports);
            let (agency, _) = most.expect("a type has come from an agency");
            row(&mut text, &[&code, "district", "", agency, "district"]);
        }
        row(&mut text, &["*", "district", "", FALLBACK[0], "district"]);
        text
    }
}

/// Adds a row of a table.
fn row(text: &mut String, cells: &[&str]) {
    let quoted = |cell: &&str| match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => (*cell).to_owned(),
    };
    push(text, format_args!("{}\n", cells.iter().map(quoted).collect::<Vec<_>>().join(",")));
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).expect("writing into a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_what_the_reports_say() {
        let mut survey = Survey::default();
        for (source, kind, agency, agency_name) in [
            ("nyc311", "Noise, \"loud\"", "NYPD", Some("Police")),
            ("nyc311", "Dead Tree", "DPR", Some("Parks")),
            ("baltimore311", "Dead Tree", "Forestry", None),
            ("baltimore311", "Dead Tree", "Forestry", None),
            ("nyc311", "Noise, \"loud\"", "DEP", Some("Environment")),
        ] {
            let agency_name = agency_name.map(str::to_owned);
            survey.add(Report { source: source.into(), kind: kind.into(), agency: agency.into(), agency_name });
        }
        assert_eq!(
            survey.classes(),
            "code,name_zh,name_en,urgency,policy,limit_min\n10001,Dead Tree,Dead Tree,C,matter,\n\
             10002,\"Noise, \"\"loud\"\"\",\"Noise, \"\"loud\"\"\",C,matter,\n"
        );
        assert_eq!(
            survey.duty(),
            "class,scope,where,department,tier\n10001,district,,Forestry,district\n10002,district,,DEP,district\n\
             *,district,,311,district\n"
        );
        assert!(survey.departments().ends_with(
            "\nDEP,Environment,Environment\nDPR,Parks,Parks\nForestry,Forestry,Forestry\nNYPD,Police,Police\n"
        ));
        let city = survey.city();
        assert!(
            city.contains("[source.shape.words]\n\"Dead Tree\" = \"10001\"\n\"Noise, \\\"loud\\\"\" = \"10002\"\n")
        );
        assert!(city.contains("[source.shape.words]\n\"Dead Tree\" = \"10001\"\n\n[[pool]]"));
        assert!(city.contains("capacity = 5\n"));
    }
}
