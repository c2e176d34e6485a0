//! `paidan check`: whether a city is in order. Every mistake is shown in its line, with the value underlined and the mend; what is
//! allowed, but hardly meant, is told too.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use unicode_width::UnicodeWidthChar;

use crate::city::{City, CityFiles, Problem, Problems};

/// What was found.
#[derive(Serialize, Debug)]
pub struct Checked {
    /// Whether it can be used.
    pub ok: bool,
    /// The city, if so.
    pub city: Option<Census>,
    /// The mistakes.
    pub errors: Vec<Mistake>,
    /// What is odd.
    pub warnings: Vec<String>,
}

/// What a city is made of.
#[derive(Serialize, Debug)]
#[expect(missing_docs, reason = "each counts what it is called")]
pub struct Census {
    pub id: String,
    pub name_zh: String,
    pub name_en: String,
    pub version: String,
    pub cells: u32,
    pub areas: usize,
    pub classes: usize,
    pub departments: usize,
    pub units: usize,
    pub sources: usize,
    pub policies: usize,
}

/// A mistake, and the line that it is in.
#[derive(Serialize, Debug)]
pub struct Mistake {
    /// The file within the folder.
    pub file: &'static str,
    /// The line, counted from 1; 0 for the file as a whole.
    pub line: u64,
    /// What the line says.
    pub text: Option<String>,
    /// Where in it the value stands, in characters from 0.
    pub column: Option<usize>,
    /// How many characters it has.
    pub length: Option<usize>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub mend: String,
}

/// Checks the city of a folder, or the built-in one.
pub fn check(folder: Option<&Path>) -> Checked {
    let files = match folder {
        Some(folder) => CityFiles::read(folder),
        None => Ok(CityFiles::pudong()),
    };
    match files {
        Ok(files) => match City::compile(files.clone()) {
            Ok(city) => Checked {
                ok: true,
                city: Some(Census::of(&city)),
                errors: Vec::new(),
                warnings: city.remarks().iter().map(ToString::to_string).collect(),
            },
            Err(problems) => Checked::refused(&problems, |file| files.texts().find(|(name, _)| *name == file)),
        },
        Err(problems) => Checked::refused(&problems, |_| None),
    }
}

impl Census {
    fn of(city: &City) -> Self {
        Self {
            id: city.id.to_string(),
            name_zh: city.name_zh.to_string(),
            name_en: city.name_en.to_string(),
            version: format!("{:016x}", city.version),
            cells: city.grid.open_cells(),
            areas: city.areas.len(),
            classes: city.classes.len(),
            departments: city.departments.len(),
            units: city.roster.units().len(),
            sources: city.sources.len(),
            policies: city.policies.len(),
        }
    }
}

impl Checked {
    fn refused<'f>(problems: &Problems, text: impl Fn(&str) -> Option<(&'f str, &'f str)>) -> Self {
        let errors = problems.as_slice().iter().map(|problem| Mistake::of(problem, text(problem.file))).collect();
        Self { ok: false, city: None, errors, warnings: Vec::new() }
    }

    /// For people: what is wrong, or what is there.
    ///
    /// # Errors
    /// If nobody reads it.
    pub fn tell(&self, out: &mut dyn Write) -> io::Result<()> {
        for mistake in &self.errors {
            mistake.tell(out)?;
        }
        if let Some(city) = &self.city {
            let Census { id, name_zh, name_en, version, cells, areas, classes, departments, units, sources, policies } =
                city;
            writeln!(out, "城市 city {id}  {name_zh}  {name_en}  版本 version {version}")?;
            writeln!(
                out,
                "网格 cells {cells} · 街镇 areas {areas} · 类别 classes {classes} · 部门 departments {departments} · \
                 处置力量 units {units} · 来源 sources {sources} · 策略 policies {policies}"
            )?;
        }
        for warning in &self.warnings {
            writeln!(out, "警告 warning: {warning}")?;
        }
        match self.errors.len() {
            0 => writeln!(out, "可用 in order; 警告 warnings: {}", self.warnings.len()),
            errors => writeln!(out, "不可用 not in order; 错误 errors: {errors}"),
        }
    }
}

impl Mistake {
    fn of(problem: &Problem, file: Option<(&str, &str)>) -> Self {
        let Problem { file: name, line, what, mend } = problem.clone();
        let at = usize::try_from(line).ok().and_then(|line| line.checked_sub(1));
        let text = at.and_then(|at| file?.1.lines().nth(at));
        let span = text.and_then(|text| span_of(text, &what));
        Self {
            file: name,
            line,
            text: text.map(str::to_owned),
            column: span.map(|span| span.0),
            length: span.map(|span| span.1),
            what,
            mend,
        }
    }

    fn tell(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { file, line, text, column, length, what, mend } = self;
        match line {
            0 => writeln!(out, "{file}: {what}")?,
            line => writeln!(out, "{file}:{line}: {what}")?,
        }
        if let Some(text) = text {
            let number = line.to_string();
            writeln!(out, "  {number} | {text}")?;
            if let (Some(column), Some(length)) = (*column, *length) {
                let width = |from, count| text.chars().skip(from).take(count).filter_map(char::width).sum::<usize>();
                let (before, under) = (width(0, column), width(column, length).max(1));
                writeln!(out, "  {} | {}{}", " ".repeat(number.len()), " ".repeat(before), "^".repeat(under))?;
            }
        }
        writeln!(out, "  改法 mend: {mend}")
    }
}

/// Where the first value that a sentence quotes stands in a line: as a word of its own if it does, else as part of one.
fn span_of(text: &str, what: &str) -> Option<(usize, usize)> {
    let value = what.split('"').nth(1).filter(|value| !value.is_empty())?;
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let is_word =
        |at: &usize| !is_part(text[..*at].chars().next_back()) && !is_part(text[at + value.len()..].chars().next());
    let places = || text.match_indices(value).map(|(at, _)| at);
    let at = places().find(is_word).or_else(|| places().next())?;
    Some((text[..at].chars().count(), value.chars().count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_as_a_word_before_it_is_found_as_a_part() {
        assert_eq!(span_of("01002,D类,Damage,D,x", "urgency \"D\""), Some((16, 1)));
        assert_eq!(span_of("a = \"08:00-12:00\"", "hours has \"08:00-12:00\""), Some((5, 11)));
        assert_eq!(span_of("x,街,y", "area \"街\""), Some((2, 1)));
        assert_eq!(span_of("xDy", "urgency \"D\""), Some((1, 1)));
        for nothing in ["no value", "an empty \"\"", "\"not there\""] {
            assert_eq!(span_of("x,y", nothing), None);
        }
    }

    #[test]
    fn what_is_underlined_stands_under_its_value_also_behind_wide_characters() {
        let problem = Problem {
            file: "classes.csv",
            line: 2,
            what: "urgency \"D\"".to_owned(),
            mend: "urgency is A, B or C".to_owned(),
        };
        let mistake = Mistake::of(&problem, Some(("classes.csv", "code,urgency\n01,路灯,D\n")));
        let mut told = Vec::new();
        mistake.tell(&mut told).expect("told");
        let told = String::from_utf8(told).expect("text");
        assert_eq!(
            told,
            "classes.csv:2: urgency \"D\"\n  2 | 01,路灯,D\n    |         ^\n  改法 mend: urgency is A, B or C\n"
        );
    }
}
