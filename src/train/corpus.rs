//! Messages with the class that people gave them, from lines of JSON.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::failure::Failure;

/// A message and its class.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Its title; may be empty.
    pub title: Box<str>,
    /// Its text; may be empty where there is a title.
    pub text: Box<str>,
    /// What people say that it is about.
    pub label: Box<str>,
    /// What it has in common with others, which are then held out together: an incident, a person.
    pub group: Option<Box<str>>,
}

/// A line that is no message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadLine {
    /// Its file.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.why)
    }
}

/// What some files hold.
#[derive(Default, Debug)]
pub struct Corpus {
    /// The messages, in the order of files and lines.
    pub messages: Vec<Message>,
    /// The lines that are none.
    pub bad: Vec<BadLine>,
}

/// A line, as it is written. Other members are left aside.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    title: Option<Cow<'a, str>>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    label: Option<Cow<'a, str>>,
    #[serde(borrow)]
    group: Option<Cow<'a, str>>,
}

impl Corpus {
    /// Reads files of lines.
    ///
    /// # Errors
    /// If a file cannot be read, or if none holds a message.
    pub fn read(files: &[PathBuf]) -> Result<Self, Failure> {
        let mut corpus = Self::default();
        for file in files {
            let bytes = std::fs::read(file).map_err(|cause| Failure::input(file, &cause))?;
            corpus.add(file, &bytes);
        }
        if corpus.messages.is_empty() {
            let first = corpus.bad.first().map(|bad| format!("\n{bad}")).unwrap_or_default();
            return Err(Failure::Refused(format!(
                "没有可用的数据 there is no message in what was given{first}\n  mend: {MEND}"
            )));
        }
        Ok(corpus)
    }

    fn add(&mut self, file: &Path, bytes: &[u8]) {
        // A mark of byte order is no part of the first line.
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            match message(line) {
                Ok(Some(message)) => self.messages.push(message),
                Ok(None) => {}
                Err(why) => self.bad.push(BadLine { file: file.to_owned(), line: at + 1, why }),
            }
        }
    }

    /// Refuses lines that are no messages, where none are wanted.
    ///
    /// # Errors
    /// If there are such lines.
    pub fn refuse_bad(&self, strict: bool) -> Result<(), Failure> {
        if strict && !self.bad.is_empty() {
            return Err(Failure::Refused(
                "有不可用的行 there are lines that are no message, and --strict wants none".to_owned(),
            ));
        }
        Ok(())
    }

    /// Tells of lines that are left out.
    pub fn tell_bad(&self) -> String {
        const LISTED: usize = 20;
        let mut told: String = self.bad.iter().take(LISTED).map(|bad| format!("{bad}\n")).collect();
        if self.bad.len() > LISTED {
            told += &format!("… 另有 and {} more\n", self.bad.len() - LISTED);
        }
        if !self.bad.is_empty() {
            told += &format!("不可用的行 lines that are no message: {}\n  mend: {MEND}\n", self.bad.len());
        }
        told
    }
}

/// What to do about lines that are no messages.
pub const MEND: &str = "a line is {\"title\":\"…\" or null,\"text\":\"…\",\"label\":\"…\"}, and may have a \"group\" that it shares with its like";

/// The message of a line, if it is not blank.
fn message(line: &[u8]) -> Result<Option<Message>, String> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let line: Line<'_> = serde_json::from_slice(line).map_err(|why| why.to_string())?;
    let of = |text: Option<Cow<'_, str>>| text.map(|text| text.trim().into()).unwrap_or_default();
    let group = line.group.map(|group| group.into());
    let message = Message { title: of(line.title), text: of(line.text), label: of(line.label), group };
    if message.label.is_empty() {
        return Err("it has no label".to_owned());
    }
    if message.title.is_empty() && message.text.is_empty() {
        return Err("it has neither title nor text".to_owned());
    }
    Ok(Some(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_messages_or_told_with_their_place() {
        let mut corpus = Corpus::default();
        let text = "\u{FEFF}{\"title\":null,\"text\":\" 漏水 \",\"label\":\"水务\",\"id\":7}\n\n{\"title\":\"路灯\",\"label\":\"照明\"}\r\n\
                    {\"text\":\"x\"}\n{\"label\":\"x\",\"text\":\"\"}\n{\"label\":7,\"text\":\"x\"}\nnothing\n";
        corpus.add(Path::new("a.jsonl"), text.as_bytes());
        let found: Vec<_> = corpus.messages.iter().map(|m| (&*m.title, &*m.text, &*m.label)).collect();
        assert_eq!(found, [("", "漏水", "水务"), ("路灯", "", "照明")]);
        let bad: Vec<_> = corpus.bad.iter().map(|bad| (bad.line, bad.why.as_str())).collect();
        assert_eq!(bad[..2], [(4, "it has no label"), (5, "it has neither title nor text")]);
        assert!(bad[2].0 == 6 && bad[2].1.contains("invalid type"), "{bad:?}");
        assert!(bad[3].0 == 7 && corpus.tell_bad().contains("a.jsonl:7: "), "{bad:?}");
    }
}
