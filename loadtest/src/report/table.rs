//! Tables: beside every figure one that tells the same in numbers.

use super::markup::Element;
use std::fmt::Display;

/// What stands in a row and column.
pub enum Cell {
    /// Words.
    Text(String),
    /// Digits, right-aligned.
    Number(String),
    /// What can be typed into a shell.
    Code(String),
    /// Digits over a bar that fills a share of the cell.
    Bar {
        /// The digits.
        number: String,
        /// 0 to 1.
        share: f64,
    },
}

/// Rows under a head; the first column names the row.
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// With the heads of its columns, units included behind a comma; a unit stays in one line with its name.
    pub fn new(head: impl IntoIterator<Item = impl ToString>) -> Self {
        Self {
            head: head.into_iter().map(|title| title.to_string().replace(", ", ",\u{a0}")).collect(),
            rows: Vec::new(),
        }
    }

    /// With all of its rows.
    pub fn with_rows(mut self, rows: impl IntoIterator<Item = Vec<Cell>>) -> Self {
        self.rows.extend(rows);
        self
    }

    /// As it stands on the page; it scrolls by itself where the page is narrow.
    pub fn element(&self) -> Element {
        let heads =
            self.head.iter().enumerate().map(|(column, title)| {
                Element::new("th").with("scope", "col").class(self.class_of(column)).text(title)
            });
        let head = Element::new("thead").child(Element::new("tr").children(heads));
        let rows = self.rows.iter().map(|row| Element::new("tr").children(row.iter().enumerate().map(Cell::element)));
        let table = Element::new("table").child(head).child(Element::new("tbody").children(rows));
        Element::new("div").class("scroll").with("tabindex", 0).child(table)
    }

    /// Behind a line that names and opens it.
    pub fn folded(&self, name: impl Display) -> Element {
        Element::new("details").child(Element::new("summary").text(name)).child(self.element())
    }

    fn class_of(&self, column: usize) -> &'static str {
        self.rows.first().and_then(|row| row.get(column)).map_or("text", Cell::class)
    }
}

impl Cell {
    fn class(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Number(_) => "number",
            Self::Code(_) => "code",
            Self::Bar { .. } => "number bar",
        }
    }

    fn element((column, cell): (usize, &Self)) -> Element {
        let element = match column {
            0 => Element::new("th").with("scope", "row"),
            _ => Element::new("td"),
        };
        let element = element.class(cell.class());
        match cell {
            Self::Text(text) | Self::Number(text) => element.text(text),
            Self::Code(text) => element.child(Element::new("code").text(text)),
            Self::Bar { number, share } => {
                element.with("style", format!("--share:{:.1}%", share.clamp(0.0, 1.0) * 100.0)).text(number)
            }
        }
    }
}
