//! How the files of a source are laid out: which encoding, and which table, becomes JSON lines.

use serde::Deserialize;

use super::files::{Problems, Spanned};
use crate::limits::COLUMNS_MAX;

/// The layout of a source's files. By itself: JSON lines in UTF-8.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Layout {
    /// How their characters are written.
    pub encoding: Encoding,
    /// They are tables, and no JSON.
    pub table: Option<TableLayout>,
}

/// How characters are written as bytes.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Encoding {
    /// UTF-8, and ASCII with it.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// GB18030, and GBK and GB2312 with it.
    #[serde(rename = "gb18030")]
    Gb18030,
}

/// A table of cells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableLayout {
    /// What stands between cells.
    pub delimiter: u8,
    /// What the columns are called, where the first row does not say it.
    pub columns: Vec<Box<str>>,
}

/// What a file is made of.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Json,
    Csv,
}

/// `[source.layout]`, as written.
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LayoutSettings {
    format: Format,
    encoding: Encoding,
    delimiter: Option<String>,
    columns: Option<Vec<String>>,
}

impl Layout {
    pub(super) fn compile(settings: Option<&Spanned<LayoutSettings>>, source: &str, problems: &mut Problems) -> Self {
        let Some(spanned) = settings else { return Self::default() };
        let (offset, raw) = (spanned.span().start, spanned.get_ref());
        let mut problem = |what: String, mend: &str| {
            problems.setting(offset, format!("[[source]] \"{source}\": layout.{what}"), mend);
        };
        if raw.format == Format::Json {
            if raw.delimiter.is_some() || raw.columns.is_some() {
                let what = "delimiter or columns, but format is not \"csv\"".to_owned();
                problem(what, "only a table has columns: add format = \"csv\"");
            }
            return Self { encoding: raw.encoding, table: None };
        }
        let delimiter = match raw.delimiter.as_deref().map(str::as_bytes) {
            None => b',',
            Some(&[byte]) if is_delimiter(byte) => byte,
            Some(_) => {
                problem(
                    format!("delimiter = {:?}", raw.delimiter.as_deref().unwrap_or_default()),
                    "a delimiter is one ASCII character that is no letter, digit, quote or line end, as \",\", \";\", \"|\" or \"\\t\"",
                );
                b','
            }
        };
        let columns = raw.columns.as_deref().unwrap_or_default();
        let wrong =
            columns.iter().enumerate().find(|(index, name)| name.is_empty() || columns[..*index].contains(name));
        if let Some((_, name)) = wrong {
            problem(format!("columns has \"{name}\", which is empty or stands twice"), "give each column its own name");
        }
        if columns.len() > COLUMNS_MAX || raw.columns.as_ref().is_some_and(Vec::is_empty) {
            let what = format!("columns has {} names", columns.len());
            let mend = "name at least one column, or leave columns out if the first row names them";
            problem(what, &format!("{mend}; at most {COLUMNS_MAX}"));
        }
        let columns = columns.iter().map(|name| name.as_str().into()).collect();
        Self { encoding: raw.encoding, table: Some(TableLayout { delimiter, columns }) }
    }
}

/// Whether cells can be told apart by a byte.
fn is_delimiter(byte: u8) -> bool {
    byte == b'\t' || byte == b' ' || (byte.is_ascii_punctuation() && byte != b'"')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compiles a layout; gives it with the first problem.
    fn compile(text: &str) -> (Layout, Option<String>) {
        #[derive(Deserialize)]
        struct Settings {
            layout: Spanned<LayoutSettings>,
        }
        let mut problems = Problems::default();
        let layout = match toml::from_str::<Settings>(&format!("[layout]\n{text}")) {
            Ok(settings) => Layout::compile(Some(&settings.layout), "export", &mut problems),
            Err(error) => return (Layout::default(), Some(error.message().to_owned())),
        };
        (layout, problems.as_slice().first().map(|problem| problem.what.clone()))
    }

    #[test]
    fn layouts_are_what_they_say() {
        let table = |encoding, delimiter, columns: &[&str]| Layout {
            encoding,
            table: Some(TableLayout { delimiter, columns: columns.iter().map(|name| (*name).into()).collect() }),
        };
        let cases = [
            ("", Layout::default()),
            ("format = \"json\"\nencoding = \"utf-8\"", Layout::default()),
            ("encoding = \"gb18030\"", Layout { encoding: Encoding::Gb18030, table: None }),
            ("format = \"csv\"", table(Encoding::Utf8, b',', &[])),
            ("format = \"csv\"\ndelimiter = \"\\t\"", table(Encoding::Utf8, b'\t', &[])),
            (
                "format = \"csv\"\ndelimiter = \"|\"\nencoding = \"gb18030\"\ncolumns = [\"编号\", \"内容\"]",
                table(Encoding::Gb18030, b'|', &["编号", "内容"]),
            ),
        ];
        for (text, expect) in cases {
            assert_eq!(compile(text), (expect, None), "{text}");
        }
        assert_eq!(Layout::compile(None, "export", &mut Problems::default()), Layout::default());
    }

    #[test]
    fn mistakes_are_named_with_their_value() {
        let cases = [
            ("format = \"xlsx\"", "xlsx"),
            ("encoding = \"gbk\"", "gbk"),
            ("colums = []", "colums"),
            ("format = \"csv\"\ndelimiter = \"\"", "layout.delimiter = \"\""),
            ("format = \"csv\"\ndelimiter = \";;\"", "layout.delimiter = \";;\""),
            ("format = \"csv\"\ndelimiter = \"\\\"\"", "layout.delimiter = \"\\\"\""),
            ("format = \"csv\"\ndelimiter = \"\\n\"", "layout.delimiter = \"\\n\""),
            ("format = \"csv\"\ndelimiter = \"0\"", "layout.delimiter = \"0\""),
            ("format = \"csv\"\ndelimiter = \"、\"", "layout.delimiter = \"、\""),
            ("format = \"csv\"\ncolumns = []", "layout.columns has 0 names"),
            ("format = \"csv\"\ncolumns = [\"id\", \"id\"]", "\"id\""),
            ("format = \"csv\"\ncolumns = [\"id\", \"\"]", "\"\""),
            ("delimiter = \",\"", "format is not \"csv\""),
            ("columns = [\"id\"]", "format is not \"csv\""),
        ];
        for (text, expect) in cases {
            let (_, problem) = compile(text);
            assert!(problem.as_ref().is_some_and(|what| what.contains(expect)), "{text}: {problem:?}");
        }
    }
}
