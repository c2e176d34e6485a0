//! Result files, recognised by what is in them.

use super::Report;
use crate::Outcome;
use crate::result::FORMAT;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  loadtest report run.json --out run.html
  loadtest report open.json closed.json --out loops.html     side by side, on the same axes
  loadtest report sweep.json curves.json --out rates.html";

/// What `report` is asked to do.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Result files of `run`, `overload`, `idle`, `soak` and `sweep`, and cost curves; a file may hold a list of them
    #[arg(required = true)]
    pub(super) files: Vec<PathBuf>,
    /// The page to write
    #[arg(long)]
    pub(super) out: PathBuf,
}

/// A few fields, by which the kinds differ.
#[derive(Deserialize)]
struct Kind {
    format: Option<u32>,
    /// Of a run.
    schedule: Option<IgnoredAny>,
    /// Of a sweep.
    sustainable_per_s: Option<IgnoredAny>,
    /// Of a curve.
    along: Option<IgnoredAny>,
}

/// Everything that is in the files, in their order.
pub fn read(files: &[PathBuf]) -> Outcome<Report> {
    let mut report = Report::default();
    for file in files {
        let named = |cause: String| format!("{}: {cause}", file.display());
        let text = std::fs::read_to_string(file).map_err(|e| named(format!("cannot read: {e}")))?;
        report.add(&text).map_err(named)?;
    }
    Ok(report)
}

impl Report {
    /// Adds the results of one file.
    fn add(&mut self, text: &str) -> Outcome {
        let kinds: Vec<Kind> = one_or_more(text)?;
        for (n, kind) in kinds.iter().enumerate() {
            kind.check_format().map_err(|e| if kinds.len() > 1 { format!("result {}: {e}", n + 1) } else { e })?;
        }
        match kinds.first() {
            Some(Kind { schedule: Some(_), .. }) => self.runs.extend(one_or_more::<_>(text)?),
            Some(Kind { sustainable_per_s: Some(_), .. }) => self.sweeps.extend(one_or_more::<_>(text)?),
            Some(Kind { along: Some(_), .. }) => self.curves.extend(one_or_more::<_>(text)?),
            Some(_) => return Err("no result of this program: it has neither `schedule` (a run), nor \
                                   `sustainable_per_s` (a sweep), nor `along` (a curve); give files that `loadtest` wrote with --json".into()),
            None => return Err("an empty list: measure first".into()),
        }
        Ok(())
    }
}

impl Kind {
    fn check_format(&self) -> Outcome {
        match self.format {
            Some(format) if format != FORMAT => Err(format!(
                "field `format` is {format}, this program reads {FORMAT}: use the loadtest that wrote the file, or measure again"
            )),
            _ => Ok(()),
        }
    }
}

/// The values of a file that holds one, or a list. Read from the text, so that an error has its line and column.
fn one_or_more<T: DeserializeOwned>(text: &str) -> Outcome<Vec<T>> {
    let read = match text.trim_start().starts_with('[') {
        true => serde_json::from_str(text),
        false => serde_json::from_str(text).map(|one| vec![one]),
    };
    read.map_err(|e| format!("no result of this program: {e}; was it cut off, or edited?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_file_that_is_no_result_is_told_with_its_mend() {
        let check = |text: &str, expected: &str| {
            let told = Report::default().add(text).expect_err(text);
            assert!(told.contains(expected), "{text}: {told}");
        };
        check("", "EOF while parsing a value at line 1");
        check("{\n\"along\": 3,", "line 2");
        check("[]", "measure first");
        check("3", "invalid type");
        check("{}", "neither `schedule`");
        check(r#"{"format": 9, "schedule": {}}"#, "field `format` is 9, this program reads 1");
        check(r#"{"format": 1, "schedule": {}}"#, "missing field");
        check(r#"[{"along": "x", "cost": "y", "how": "z", "points": []}, {"format": 2}]"#, "result 2: field `format`");
        check(r#"[{"along": "x", "cost": "y", "how": "z", "points": []}, {}]"#, "missing field `along`");
    }

    #[test]
    fn a_file_is_named() {
        let told = read(&[Path::new("/nowhere/run.json").into()]).err().expect("it is not there");
        assert!(told.starts_with("/nowhere/run.json: cannot read"), "{told}");
    }

    #[test]
    fn curves_come_alone_or_as_a_list() {
        let check = |text: &str, curves| {
            let mut report = Report::default();
            report.add(text).unwrap();
            assert_eq!(report.curves.len(), curves);
        };
        check(r#"{"along": "live ids", "cost": "ns a report", "how": "z", "points": [[1e4, 300]]}"#, 1);
        check(
            r#" [{"along": "x", "cost": "y", "how": "z", "points": []}, {"along": "x", "cost": "y", "how": "z", "points": []}]"#,
            2,
        );
    }
}
