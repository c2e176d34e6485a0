//! Dead letters that come back: lines that were turned away, each in an envelope that says why, mended by hand or as they were.
//!
//! `{"dead_letter":{…},"report":{…}}` holds a line that is an object, open to any editor; `{"dead_letter":{…},"raw":"…"}` holds
//! any other as text, with `"raw_hex"` where it is no text. What comes out is the line that was turned away. What nobody has
//! mended is turned away again: bytes that are no text come back as they were, and a table's row or a text in another encoding
//! that could only be read in part stays a fault as long as it shows what was missing.

use std::borrow::Cow;
use std::io;
use std::ops::Range;

use memchr::memchr;
use serde::Deserialize;

use super::json::{self, Kind, Levels, Surrogates};
use super::marks;
use super::recode::{REPLACEMENT, bad_encoding};
use super::scan::Text;
use super::table::REST_KEY;
use super::text::{Convert, Given, Made, Step};
use crate::limits::{DEPTH_MAX, LETTER_BYTES_MAX, LINE_BYTES_MAX};
use crate::quoted::Quoted;
use crate::report::{Field, Reason, Reject};

/// Opens the envelopes of dead letters.
pub struct Letters;

impl Convert for Letters {
    fn convert(&mut self, given: Given<'_>, made: &mut Made) -> io::Result<Step> {
        let Given { bytes, is_all, .. } = given;
        let from = made.bytes().len();
        let len = match memchr(b'\n', bytes) {
            Some(newline) if newline <= LETTER_BYTES_MAX => newline,
            None if bytes.len() <= LETTER_BYTES_MAX && is_all => bytes.len(),
            None if bytes.len() <= LETTER_BYTES_MAX => return Ok(Step::More),
            _ => {
                made.bytes().extend_from_slice(&bytes[..=LINE_BYTES_MAX]);
                made.end_line(from, None);
                return Ok(Step::PassLine);
            }
        };
        let line = &bytes[..len];
        // An envelope that cannot be opened comes through closed, to be mended in its turn.
        let opened = open(line).unwrap_or_else(|reject| Opened { line: line.into(), fault: Some(reject) });
        made.bytes().extend_from_slice(&opened.line);
        made.end_line(from, opened.fault);
        Ok(Step::Took((len + 1).min(bytes.len())))
    }
}

/// What was in an envelope.
struct Opened<'a> {
    line: Cow<'a, [u8]>,
    fault: Option<Reject>,
}

/// The line in an envelope; one that is in none, as it is.
fn open(line: &[u8]) -> Result<Opened<'_>, Reject> {
    let text = text(line)?;
    let envelope = Envelope::read(text)?;
    let Some(header) = envelope.header else { return Ok(Opened { line: line.into(), fault: None }) };
    let opened = match (envelope.report, envelope.raw) {
        (Some(report), None) => {
            let fault = still_broken(&text[header], &text[report.clone()]);
            return Ok(Opened { line: line[report].into(), fault });
        }
        (None, Some(raw)) => exact(text, raw, envelope.raw_hex)?,
        // Nobody can tell which of the two is meant.
        (Some(_), Some(raw)) => return Err(refuse(Reason::Repeated, raw.start)),
        (None, None) => return Err(refuse(Reason::Missing, 0)),
    };
    // An envelope that could not be opened, and is mended now, was put into another one.
    match marks::is_letter(&opened, true) {
        Some(true) => open(&opened).map(|inner| Opened { line: inner.line.into_owned().into(), fault: inner.fault }),
        _ => Ok(Opened { line: opened.into(), fault: None }),
    }
}

fn text(line: &[u8]) -> Result<&str, Reject> {
    simdutf8::compat::from_utf8(line).map_err(|error| refuse(Reason::NotUtf8, error.valid_up_to()))
}

const fn refuse(reason: Reason, at: usize) -> Reject {
    Reject { field: Field::Line, reason, at: at as u32 }
}

/// The parts of an envelope, as places in its line.
#[derive(Default)]
struct Envelope {
    header: Option<Range<usize>>,
    report: Option<Range<usize>>,
    raw: Option<Range<usize>>,
    raw_hex: Option<Range<usize>>,
}

impl Envelope {
    fn read(line: &str) -> Result<Self, Reject> {
        let mut envelope = Self::default();
        let mut repeated = None;
        members(line, |key, value| {
            let part = match key {
                "dead_letter" => &mut envelope.header,
                "report" => &mut envelope.report,
                "raw" => &mut envelope.raw,
                "raw_hex" => &mut envelope.raw_hex,
                _ => return,
            };
            let at = value.start;
            if part.replace(value).is_some() {
                repeated = repeated.or(Some(refuse(Reason::Repeated, at)));
            }
        })?;
        match (repeated, &envelope.header) {
            // In a line that is no envelope this is the door's affair.
            (Some(reject), Some(_)) => Err(reject),
            _ => Ok(envelope),
        }
    }
}

/// Reads an object, and names the place of each of its members' values. Gives the deepest level that it opens.
fn members(line: &str, mut member: impl FnMut(&str, Range<usize>)) -> Result<u32, Reject> {
    let text = Text::new(line.as_bytes());
    let (mut at, mut kind, mut levels, mut deepest) = (0, Kind::Start, Levels::default(), 0);
    let (mut key, mut value_from) = (None, 0);
    loop {
        let step = json::between(&text, at, kind, levels, Surrogates::Pass)?;
        if levels.depth == 0 && !(step.kind == Kind::Open && line[..step.end].ends_with('{')) {
            return Err(refuse(Reason::NotAnObject, 0));
        }
        if levels.depth == 1 && step.kind != Kind::Close {
            key = step.key;
            value_from = step.end - usize::from(step.kind != Kind::Plain);
        }
        (at, kind, levels) = (step.end, step.kind, step.levels);
        deepest = deepest.max(levels.depth);
        at = match kind {
            Kind::Text => json::string_end(&text, at, Surrogates::Pass)?.end,
            Kind::Plain => json::plain_end(&text, at)?,
            Kind::Start | Kind::Open | Kind::Close => at,
        };
        if levels.depth == 0 {
            break;
        }
        if levels.depth == 1 && kind != Kind::Open {
            key.take().into_iter().for_each(|key| member(&line[key.from..key.to], value_from..at));
        } else if levels.depth == 1 {
            // The line's own object was opened.
            key = None;
        }
    }
    let (end, _) = text.skip_space(at);
    if end < line.len() { Err(json::not_json(end)) } else { Ok(deepest) }
}

/// Whether a line is one object that can stand in an envelope as it is.
pub fn can_be_embedded(line: &str) -> bool {
    members(line, |_, _| ()).is_ok_and(|deepest| deepest < DEPTH_MAX)
}

/// The bytes of a line that stands in its envelope as text.
fn exact(text: &str, raw: Range<usize>, raw_hex: Option<Range<usize>>) -> Result<Vec<u8>, Reject> {
    let at = raw.start;
    let line = string(text, raw)?;
    let line = match raw_hex {
        Some(place) if line.contains(REPLACEMENT) => {
            let at = place.start;
            bytes_of(&string(text, place)?).ok_or(refuse(Reason::NotAValue, at))?
        }
        _ => line.into_bytes(),
    };
    // One envelope is one line.
    if line.contains(&b'\n') { Err(refuse(Reason::NotAValue, at)) } else { Ok(line) }
}

fn string(line: &str, place: Range<usize>) -> Result<String, Reject> {
    let raw = &line[place.clone()];
    let Some(quoted) = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Err(refuse(Reason::WrongType, place.start));
    };
    json::string_end(&Text::new(line.as_bytes()), place.start + 1, Surrogates::Refuse)?;
    Ok(Quoted::new(quoted).chars().collect())
}

/// The bytes that hexadecimal digits stand for.
fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.bytes().map(|digit| char::from(digit).to_digit(16).map(|digit| digit as u8));
    let digits: Vec<u8> = digits.collect::<Option<_>>()?;
    digits.len().is_multiple_of(2).then(|| digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Why a line that was made of something broken is still broken.
fn still_broken(header: &str, report: &str) -> Option<Reject> {
    #[derive(Deserialize)]
    struct Header {
        reason: String,
    }
    let Header { reason } = serde_json::from_str(header).ok()?;
    if reason == Reason::BadEncoding.name() {
        let shows = report.contains(REPLACEMENT) || report.to_ascii_lowercase().contains("\\ufffd");
        return shows.then(|| bad_encoding(report));
    }
    if reason == Reason::NotCsv.name() {
        let mut rest = None;
        members(report, |key, value| rest = rest.or((key == REST_KEY).then_some(value.start))).ok()?;
        return rest.map(|at| refuse(Reason::NotCsv, at));
    }
    None
}
