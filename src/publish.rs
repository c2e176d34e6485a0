//! Publishing: effects become lines, in order, in files that a crash may have cut anywhere.
//!
//! Decisions and dead letters are functions of the log. So a run that is taken up again writes all of them anew, and the file
//! compares: what is there already and right stays, what was torn is cut, and the rest follows. A reader of the file sees
//! it grow, never change.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde::Serialize;

use crate::city::City;
use crate::effect::Effect;
use crate::ids::Seq;
use crate::ingest::letter;
use crate::journal::frame::FrameView;
use crate::order::Delivery;
use crate::record::{Input, Record};
use crate::view::census::Census;
use crate::view::decision::{Decisions, Emit};
use crate::view::ledger::Ledger;
use crate::view::paper::Paper;

/// What a batch publishes.
pub struct Page {
    decisions: Paper,
    dead_letters: Paper,
    ledger: Ledger,
    /// Whose reports it answers.
    pub census: Census,
    /// What senders are told who wait for it, and where the part of each ends.
    receipts: Paper,
    receipt_ends: Vec<usize>,
}

/// Gives each record of a frame with the effects that it caused.
///
/// # Panics
/// If the frame cannot be read; it was read when it was decided.
#[inline]
pub fn each_record(
    view: &FrameView<'_>,
    mut effects: &[(Seq, Effect)],
    mut each: impl FnMut(&Record, &[(Seq, Effect)]),
) {
    for placed in view.records() {
        let record = placed.expect("a frame that was decided can be read").record;
        let own = effects.iter().take_while(|(seq, _)| *seq == record.seq).count();
        let (these, rest) = effects.split_at(own);
        effects = rest;
        each(&record, these);
    }
}

/// How pages are set.
#[derive(Clone, Copy)]
pub struct Forms<'a> {
    decisions: &'a Decisions<'a>,
    emit: Emit,
    dead_letters: bool,
}

impl Page {
    /// An empty page for a city's decisions.
    pub fn new(city: &City) -> Self {
        let sources = city.sources.len();
        Self {
            decisions: Paper::default(),
            dead_letters: Paper::default(),
            ledger: Ledger::new(sources),
            census: Census::new(sources),
            receipts: Paper::default(),
            receipt_ends: Vec::new(),
        }
    }

    /// The decisions, a line each.
    pub fn lines(&self) -> &[u8] {
        self.decisions.as_bytes()
    }

    /// The receipts of each delivery, in their order.
    pub fn receipts(&self) -> impl Iterator<Item = &[u8]> {
        let begins = std::iter::once(0).chain(self.receipt_ends.iter().copied());
        begins.zip(&self.receipt_ends).map(|(begin, end)| &self.receipts.as_bytes()[begin..*end])
    }

    /// Sets a frame's effects, and the receipts of its deliveries.
    ///
    /// # Panics
    /// If the frame cannot be read; it was read when it was decided.
    pub fn set(&mut self, view: &FrameView<'_>, effects: &[(Seq, Effect)], deliveries: &[Delivery], forms: Forms<'_>) {
        self.decisions.clear();
        self.dead_letters.clear();
        self.census.clear();
        self.receipts.clear();
        self.receipt_ends.clear();
        let mut line = deliveries.first().map_or(0, |first| first.lines_before);
        each_record(view, effects, |record, these| {
            self.ledger.fold(record, these);
            self.census.fold(record);
            self.set_record(view, record, these, forms);
            if !deliveries.is_empty() {
                let body = record.origin.body;
                while deliveries.get(self.receipt_ends.len()).is_some_and(|delivery| delivery.end <= body.at) {
                    self.receipt_ends.push(self.receipts.as_bytes().len());
                    line = deliveries.get(self.receipt_ends.len()).map_or(0, |next| next.lines_before);
                }
                line += 1;
                forms.decisions.receipt(line, record, these, view.body(body), &mut self.receipts);
            }
        });
        self.receipt_ends.resize(deliveries.len(), self.receipts.as_bytes().len());
    }

    #[inline]
    fn set_record(&mut self, view: &FrameView<'_>, record: &Record, effects: &[(Seq, Effect)], forms: Forms<'_>) {
        for (_, effect) in effects.iter().filter(|(_, effect)| forms.emit.takes(effect)) {
            forms.decisions.write(effect, record, view.body(record.origin.body), &mut self.decisions);
        }
        if forms.dead_letters && matches!(record.input, Input::Tally(_)) {
            self.set_dead_letter(view, record, forms.decisions);
        }
    }

    #[cold]
    fn set_dead_letter(&mut self, view: &FrameView<'_>, record: &Record, decisions: &Decisions<'_>) {
        let Input::Tally(tally) = &record.input else { return };
        let line = view.body(record.origin.body);
        let text = std::str::from_utf8(line);
        let letter = DeadLetter {
            input: tally.input,
            line: tally.line,
            offset: tally.offset,
            byte: tally.offset + u64::from(tally.wrong_at),
            source: decisions.source_name(record.origin.source),
            field: tally.field.name(),
            reason: tally.reason.name(),
        };
        let paper = &mut self.dead_letters;
        paper.constant(b"{\"dead_letter\":");
        write_json(paper, &letter);
        match text.map(str::trim_ascii).ok().filter(|text| letter::can_be_embedded(text)) {
            Some(object) => {
                paper.constant(b",\"report\":");
                paper.text(object.as_bytes());
            }
            None => {
                paper.constant(b",\"raw\":");
                write_json(paper, &String::from_utf8_lossy(line));
            }
        }
        if text.is_err() {
            paper.constant(b",\"raw_hex\":");
            write_json(paper, &hex(line));
        }
        paper.constant(b"}\n");
    }
}

fn write_json(paper: &mut Paper, value: &impl Serialize) {
    serde_json::to_writer(paper, value).expect("writing to memory cannot fail");
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Why a line was not accepted, and where it stood. The line itself stands beside it, open to be mended: as `report` if it is
/// an object, else as `raw` text. [`letter`] reads it again.
#[derive(Serialize)]
struct DeadLetter<'a> {
    /// Which input, counted from 0 in the order of the command line.
    input: u16,
    /// Its line, counted from 1.
    line: u64,
    /// Where the line begins, in bytes.
    offset: u64,
    /// Where it goes wrong, in bytes from the start of the input.
    byte: u64,
    source: Option<&'a str>,
    field: &'a str,
    reason: &'a str,
}

/// Where pages go.
pub struct Press<'a> {
    decisions: &'a Decisions<'a>,
    emit: Emit,
    out: Sink,
    dead_letters: Option<Sink>,
    /// The fold of all pages.
    pub ledger: Ledger,
}

impl<'a> Press<'a> {
    /// For the decisions of a city.
    pub fn new(decisions: &'a Decisions<'a>, emit: Emit, out: Sink, dead_letters: Option<Sink>) -> Self {
        let ledger = Ledger::new(decisions.city().sources.len());
        Self { decisions, emit, out, dead_letters, ledger }
    }

    /// An empty page.
    pub fn page(&self) -> Page {
        Page::new(self.decisions.city())
    }

    /// How pages are set.
    pub const fn forms(&self) -> Forms<'a> {
        Forms { decisions: self.decisions, emit: self.emit, dead_letters: self.dead_letters.is_some() }
    }

    /// Writes a page.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn print(&mut self, page: &mut Page) -> io::Result<()> {
        self.out.write(page.decisions.as_bytes())?;
        if let Some(dead_letters) = &mut self.dead_letters {
            dead_letters.write(page.dead_letters.as_bytes())?;
        }
        self.ledger.absorb(&mut page.ledger);
        Ok(())
    }

    /// Ends the files: what an earlier life wrote beyond this end is cut.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn finish(&mut self) -> io::Result<()> {
        self.out.finish()?;
        self.dead_letters.as_mut().map_or(Ok(()), Sink::finish)
    }
}

/// A file that is written anew from its beginning, keeping what is there already, or a stream.
pub enum Sink {
    /// A regular file.
    File(KeptFile),
    /// Standard output, a pipe or a device.
    Stream(Box<dyn Write + Send>),
    /// Nowhere.
    Null,
}

impl Sink {
    /// A file at a path. Unless `keep`, what it holds is thrown away.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn file(path: &Path, keep: bool) -> io::Result<Self> {
        let file = OpenOptions::new().read(keep).write(true).create(true).truncate(false).open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(Self::Stream(Box::new(file)));
        }
        if !keep {
            file.set_len(0)?;
        }
        let there = if keep { metadata.len() } else { 0 };
        Ok(Self::File(KeptFile { file, at: 0, there }))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Stream(stream) => stream.write_all(bytes),
            Self::Null => Ok(()),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.cut(),
            Self::Stream(stream) => stream.flush(),
            Self::Null => Ok(()),
        }
    }
}

/// A file, the place up to which it is known to be right, and how far an earlier life wrote.
pub struct KeptFile {
    file: File,
    at: u64,
    there: u64,
}

impl KeptFile {
    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        if self.at < self.there {
            bytes = self.keep_equal(bytes)?;
        }
        self.file.write_all_at(bytes, self.at)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Passes over what is there already; at the first difference the rest of the file is cut. Gives what is to be written.
    #[cold]
    fn keep_equal<'b>(&mut self, bytes: &'b [u8]) -> io::Result<&'b [u8]> {
        let len = bytes.len().min((self.there - self.at) as usize);
        let mut old = vec![0; len];
        self.file.read_exact_at(&mut old, self.at)?;
        let equal = old.iter().zip(bytes).take_while(|(old, new)| old == new).count();
        self.at += equal as u64;
        if equal < len {
            self.cut()?;
        }
        Ok(&bytes[equal..])
    }

    fn cut(&mut self) -> io::Result<()> {
        if self.at < self.there {
            self.file.set_len(self.at)?;
            self.there = self.at;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes pieces into a file that already holds something, and compares what it holds in the end.
    fn check(there: &str, pieces: &[&str]) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out");
        std::fs::write(&path, there).expect("written");
        let mut sink = Sink::file(&path, true).expect("opened");
        for piece in pieces {
            sink.write(piece.as_bytes()).expect("written");
        }
        sink.finish().expect("finished");
        assert_eq!(std::fs::read_to_string(&path).expect("text"), pieces.concat(), "over {there:?}");
    }

    #[test]
    fn a_file_that_was_cut_anywhere_ends_as_if_it_had_not_been() {
        let whole = "one\ntwo\nthree\n";
        for cut in 0..=whole.len() {
            check(&whole[..cut], &["one\n", "two\n", "three\n"]);
            check(&format!("{}garbage\n", &whole[..cut]), &["one\n", "two\n", "three\n"]);
            check(&format!("{}\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", &whole[..cut]), &["one\n", "two\nthree\n"]);
        }
        check(whole, &[]);
        check("", &["", "one\n"]);
    }

    #[test]
    fn what_is_there_and_right_is_not_written_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out");
        std::fs::write(&path, "one\ntwo\n").expect("written");
        let mut sink = Sink::file(&path, true).expect("opened");
        let before = std::fs::metadata(&path).expect("there").modified().expect("a time");
        sink.write(b"one\n").expect("compared");
        sink.write(b"two\n").expect("compared");
        sink.finish().expect("finished");
        assert_eq!(std::fs::metadata(&path).expect("there").modified().expect("a time"), before);
    }

    #[test]
    fn a_new_run_throws_away_what_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out");
        std::fs::write(&path, "old").expect("written");
        let mut sink = Sink::file(&path, false).expect("opened");
        sink.write(b"n").expect("written");
        sink.finish().expect("finished");
        assert_eq!(std::fs::read(&path).expect("there"), b"n");
    }
}
