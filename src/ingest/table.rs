//! A table (RFC 4180) becomes JSON lines: each row an object of its cells by their columns' names, all of them strings.
//!
//! The `csv` crate reads whatever it is given as some table. Here a quote that is never closed must not swallow the rest of a
//! file, so rows are cut by this file: text behind a closing quote, or a quote still open at the limit of a line, says that the
//! first line of the row is broken, and reading goes on behind that line. Tests hold the two against each other.
//!
//! What has no column stands under the empty name, which no column has. A row with such a rest is a fault for as long as the
//! rest stands there, also when it comes back as a dead letter.

use std::borrow::Cow;
use std::io;

use memchr::{memchr, memchr2};

use super::recode::{REPLACEMENT, bad_encoding};
use super::text::{Convert, Given, Made, Step};
use crate::city::TableLayout;
use crate::limits::{COLUMNS_MAX, LINE_BYTES_MAX};
use crate::report::{Field, Reason, Reject};

/// Turns rows into lines.
pub struct Table {
    delimiter: u8,
    /// The names of the columns, each written as a key; none before the header was read.
    keys: Vec<String>,
    row: Row,
    /// Rows without any cell that may be the end of the table. If it goes on, they are told.
    blank_rows: u64,
}

/// What a rest without a column is called.
pub const REST_KEY: &str = "";

impl Table {
    /// A table of which nothing was read.
    pub fn new(layout: TableLayout) -> Self {
        let keys = layout.columns.iter().map(|name| key(name)).collect();
        Self { delimiter: layout.delimiter, keys, row: Row::default(), blank_rows: 0 }
    }

    /// Takes the row that was found whole.
    fn take_row(&mut self, given: Given<'_>, len: usize, made: &mut Made) -> io::Result<Step> {
        let bytes = &given.bytes[..len];
        let row = std::mem::take(&mut self.row);
        let text = simdutf8::basic::from_utf8(bytes).ok();
        let cells = row.cells.iter().map(|cell| cell.text(bytes, text));
        let is_text = text.is_some() && given.faulty.is_none_or(|at| at >= len);
        if self.keys.is_empty() {
            self.keys = header(cells, is_text)?;
        } else {
            let (columns, known) = (self.keys.iter(), row.cells.len().min(self.keys.len()));
            let rest = (row.cells.len() > self.keys.len()).then(|| cells.clone().skip(known));
            let line = Line { cells: columns.zip(cells), rest, is_text };
            line.write(made);
        }
        // The cells' memory is used again.
        self.row = Row { cells: row.cells, ..Row::default() };
        self.row.cells.clear();
        Ok(Step::Took(len))
    }

    /// Makes what can be made of the first line of a row that never ends.
    fn take_broken(&mut self, given: Given<'_>, len: usize, made: &mut Made) -> io::Result<Step> {
        self.row.clear();
        if self.keys.is_empty() {
            return Err(invalid("the header is no row of a table: a quote in it is not closed".to_owned()));
        }
        let line = &given.bytes[..len];
        let rest = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(line));
        let rest = rest.strip_suffix('\r').unwrap_or(&rest);
        let is_text = given.faulty.is_none_or(|at| at >= len) && !rest.contains(REPLACEMENT);
        let line = Line { cells: std::iter::empty(), rest: Some(std::iter::once(Cow::Borrowed(rest))), is_text };
        line.write(made);
        Ok(Step::Took(len))
    }

    /// Makes a line of what is beyond the limit of one, cut there: as in any input.
    fn take_too_long(&mut self, given: Given<'_>, made: &mut Made) -> io::Result<Step> {
        self.row.clear();
        if self.keys.is_empty() {
            return Err(invalid(format!("the header is longer than {LINE_BYTES_MAX} bytes")));
        }
        let from = made.bytes().len();
        made.bytes().extend_from_slice(&given.bytes[..=LINE_BYTES_MAX]);
        made.end_line(from, None);
        Ok(Step::PassLine)
    }
}

impl Convert for Table {
    fn convert(&mut self, given: Given<'_>, made: &mut Made) -> io::Result<Step> {
        // What becomes of a long row must not hang on how much of it is at hand.
        let bytes = &given.bytes[..given.bytes.len().min(LINE_BYTES_MAX + 1)];
        let is_all = given.is_all && bytes.len() == given.bytes.len();
        if self.row.is_untouched() && !self.keys.is_empty() {
            match blank_row(bytes, is_all) {
                Some(0) if self.blank_rows > 0 => {
                    self.blank_rows -= 1;
                    let no_cells = std::iter::empty::<(&String, Cow<'_, str>)>();
                    Line { cells: no_cells, rest: Some(std::iter::empty()), is_text: true }.write(made);
                    return Ok(Step::Took(0));
                }
                Some(0) => {}
                Some(len) => {
                    self.blank_rows += 1;
                    return Ok(Step::Took(len));
                }
                None => return Ok(Step::More),
            }
        }
        match self.row.read(bytes, is_all, self.delimiter) {
            Found::Whole(len) => return self.take_row(given, len, made),
            // Of a row that cannot become whole, the first line is needed.
            Found::Open if !is_all && bytes.len() <= LINE_BYTES_MAX => return Ok(Step::More),
            Found::Open | Found::Stray => {}
        }
        let first_line = memchr(b'\n', bytes).map(|newline| newline + 1).or(is_all.then_some(bytes.len()));
        match first_line {
            Some(len) if len <= LINE_BYTES_MAX && self.row.is_quoted() => self.take_broken(given, len, made),
            _ if bytes.len() > LINE_BYTES_MAX => self.take_too_long(given, made),
            _ => Ok(Step::More),
        }
    }

    fn has_begun(&self) -> bool {
        !self.keys.is_empty()
    }
}

/// How many bytes a row takes that has nothing in it; 0 if this is none. None if more must be seen.
fn blank_row(bytes: &[u8], is_all: bool) -> Option<usize> {
    match bytes {
        [b'\n', ..] => Some(1),
        [b'\r', b'\n', ..] => Some(2),
        [b'\r'] if is_all => Some(1),
        [b'\r'] => None,
        _ => Some(0),
    }
}

/// A cell within its row.
#[derive(Clone, Copy)]
struct Cell {
    from: usize,
    to: usize,
    /// It has quotes in it, each written twice.
    has_doubled: bool,
}

impl Cell {
    fn text<'a>(&self, row: &'a [u8], text: Option<&'a str>) -> Cow<'a, str> {
        let range = self.from..self.to;
        // Cells end at ASCII characters, which lie within no other.
        let cell = match text {
            Some(text) => Cow::Borrowed(&text[range]),
            None => String::from_utf8_lossy(&row[range]),
        };
        if self.has_doubled { Cow::Owned(cell.replace("\"\"", "\"")) } else { cell }
    }
}

/// A row as far as it was read: more of it may come at any byte.
#[derive(Default)]
struct Row {
    cells: Vec<Cell>,
    at: usize,
    cell_from: usize,
    has_doubled: bool,
    within: Within,
}

/// Where in a row reading stands.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Within {
    #[default]
    CellStart,
    Plain,
    Quoted,
    /// Behind a quote within a quoted cell: its end, or the first of two.
    Quote,
}

/// What was found of a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    /// All of it, so many bytes.
    Whole(usize),
    /// Its end has not come.
    Open,
    /// Text behind a closing quote: no table has that.
    Stray,
}

impl Row {
    fn clear(&mut self) {
        self.cells.clear();
        *self = Self { cells: std::mem::take(&mut self.cells), ..Self::default() };
    }

    const fn is_untouched(&self) -> bool {
        self.at == 0
    }

    const fn is_quoted(&self) -> bool {
        matches!(self.within, Within::Quoted | Within::Quote)
    }

    /// Reads on in a row, given from its first byte.
    fn read(&mut self, row: &[u8], is_all: bool, delimiter: u8) -> Found {
        loop {
            match self.within {
                Within::CellStart => match row.get(self.at) {
                    None if is_all => return self.end(row, self.at, self.at),
                    None => return Found::Open,
                    Some(b'"') => self.go_on(self.at + 1, Within::Quoted),
                    Some(_) => self.go_on(self.at, Within::Plain),
                },
                Within::Plain => match memchr2(delimiter, b'\n', &row[self.at..]).map(|stop| self.at + stop) {
                    Some(stop) if row[stop] == delimiter => self.end_cell(stop, stop + 1),
                    Some(newline) => return self.end_plain(row, newline, newline + 1),
                    None if is_all => return self.end_plain(row, row.len(), row.len()),
                    None => {
                        self.at = row.len();
                        return Found::Open;
                    }
                },
                Within::Quoted => match memchr(b'"', &row[self.at..]) {
                    Some(quote) => (self.at, self.within) = (self.at + quote + 1, Within::Quote),
                    None => {
                        self.at = row.len();
                        return Found::Open;
                    }
                },
                Within::Quote => match (row.get(self.at), row.get(self.at + 1)) {
                    (None, _) if is_all => return self.end(row, self.at - 1, self.at),
                    (Some(b'\r'), None) if is_all => return self.end(row, self.at - 1, self.at + 1),
                    (None, _) | (Some(b'\r'), None) => return Found::Open,
                    (Some(b'"'), _) => {
                        self.has_doubled = true;
                        (self.at, self.within) = (self.at + 1, Within::Quoted);
                    }
                    (Some(b'\n'), _) => return self.end(row, self.at - 1, self.at + 1),
                    (Some(b'\r'), Some(b'\n')) => return self.end(row, self.at - 1, self.at + 2),
                    (Some(byte), _) if *byte == delimiter => self.end_cell(self.at - 1, self.at + 1),
                    (Some(_), _) => return Found::Stray,
                },
            }
        }
    }

    const fn go_on(&mut self, cell_from: usize, within: Within) {
        (self.at, self.cell_from, self.within) = (cell_from, cell_from, within);
    }

    fn end_cell(&mut self, to: usize, next: usize) {
        self.cells.push(Cell { from: self.cell_from, to, has_doubled: self.has_doubled });
        (self.at, self.within, self.has_doubled, self.cell_from) = (next, Within::CellStart, false, next);
    }

    fn end_plain(&mut self, row: &[u8], to: usize, next: usize) -> Found {
        let has_return = to > self.cell_from && row[to - 1] == b'\r';
        self.end(row, to - usize::from(has_return), next)
    }

    fn end(&mut self, row: &[u8], to: usize, next: usize) -> Found {
        debug_assert!(next <= row.len());
        self.end_cell(to, next);
        Found::Whole(next)
    }
}

/// A line to be written: cells by their keys, and what has no column.
struct Line<C, R> {
    cells: C,
    rest: Option<R>,
    is_text: bool,
}

impl<'a, C, R> Line<C, R>
where
    C: Iterator<Item = (&'a String, Cow<'a, str>)>,
    R: Iterator<Item = Cow<'a, str>>,
{
    fn write(self, made: &mut Made) {
        let from = made.bytes().len();
        let out = made.bytes();
        let mut opening = b'{';
        for (key, cell) in self.cells {
            out.push(opening);
            out.extend_from_slice(key.as_bytes());
            write_text(&cell, out);
            opening = b',';
            if out.len() - from > LINE_BYTES_MAX {
                break;
            }
        }
        let mut fault = None;
        if let Some(rest) = self.rest {
            out.push(opening);
            fault = Some(Reject { field: Field::Line, reason: Reason::NotCsv, at: (out.len() - from) as u32 });
            out.extend_from_slice(key(REST_KEY).as_bytes());
            opening = b'[';
            for cell in rest {
                out.push(opening);
                write_text(&cell, out);
                opening = b',';
                if out.len() - from > LINE_BYTES_MAX {
                    break;
                }
            }
            out.extend_from_slice(if opening == b'[' { b"[]" } else { b"]" });
        }
        out.push(b'}');
        // One byte beyond the limit is enough to be beyond it.
        out.truncate(from + LINE_BYTES_MAX + 1);
        if !self.is_text {
            fault = Some(bad_encoding(&String::from_utf8_lossy(&out[from..])));
        }
        made.end_line(from, fault);
    }
}

/// A name written as a key, with its colon.
fn key(name: &str) -> String {
    let mut key = Vec::new();
    write_text(name, &mut key);
    key.push(b':');
    String::from_utf8(key).expect("JSON of a text is text")
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    serde_json::to_writer(out, text).expect("writing to memory cannot fail");
}

/// The keys of a header.
fn header<'a>(cells: impl Iterator<Item = Cow<'a, str>>, is_text: bool) -> io::Result<Vec<String>> {
    if !is_text {
        return Err(invalid("the header is no text in the encoding that its source declares".to_owned()));
    }
    let mut names: Vec<String> = Vec::new();
    for (index, name) in cells.map(Cow::into_owned).enumerate() {
        let column = index + 1;
        if name.is_empty() {
            return Err(invalid(format!("column {column} of the header has no name")));
        }
        if let Some(first) = names.iter().position(|known| *known == name) {
            return Err(invalid(format!("the header names \"{name}\" twice, columns {} and {column}", first + 1)));
        }
        if column > COLUMNS_MAX {
            return Err(invalid(format!("the header has more than {COLUMNS_MAX} columns")));
        }
        names.push(name);
    }
    Ok(names.iter().map(|name| key(name)).collect())
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("表头有误 {what}; mend the file or [source.layout]"))
}
