//! The door: cuts a chunk into lines, has each one decoded and understood, and puts it into the frame, or a tally that says
//! why not.

use super::decode::Decoder;
use super::input::{Chunk, line_sum, lines};
use crate::city::City;
use crate::fingerprint::{HashKey, body_hash};
use crate::ids::SourceId;
use crate::journal::frame::{Frame, Slots};
use crate::limits::LINE_BYTES_MAX;
use crate::record::{BodyRef, Origin, PlacedTally, Tally, Turned};
use crate::report::{Field, Reason, Reject};
use crate::rights::Rights;

/// One worker's door. It keeps its decoder's memory, and allocates nothing for a line.
pub struct Door<'a> {
    city: &'a City,
    key: HashKey,
    /// The source of lines that do not name one.
    speaker: Option<SourceId>,
    decoder: Decoder<'a>,
}

/// What a chunk came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Filled {
    /// How many lines it has.
    pub lines: u64,
    /// Sum of its lines; see [`line_sum`].
    pub sum: u64,
}

/// A line, and where it stands.
struct Line<'a> {
    bytes: &'a [u8],
    /// The same as text, where the whole chunk is known to be text.
    text: Option<&'a str>,
    /// Offset in the frame's bodies.
    at: u32,
    /// Offset in the input.
    offset: u64,
    /// Hash of its bytes.
    hash: u64,
    /// Its number, counted from 1 within the chunk.
    number: u64,
}

impl<'a> Door<'a> {
    /// A door of a city.
    pub fn new(city: &'a City, key: HashKey, speaker: Option<SourceId>) -> Self {
        Self { city, key, speaker, decoder: Decoder::of(city, speaker) }
    }

    /// Understands the lines of a chunk that was read into a frame, and closes the frame.
    pub fn fill(&mut self, chunk: &Chunk, frame: &mut Frame) -> Filled {
        let (bodies, slots) = frame.fill();
        // One check for the whole chunk; only in a chunk that fails it are lines checked one by one.
        let whole = simdutf8::basic::from_utf8(&bodies[chunk.lines.start..]).ok();
        let mut filled = Filled::default();
        let mut faults = chunk.faults.iter().peekable();
        for (at, bytes) in lines(bodies, chunk) {
            filled.lines += 1;
            let within = at - chunk.lines.start;
            let text = whole.and_then(|whole| whole.get(within..within + bytes.len()));
            let offset = chunk.bodies_at + at as u64;
            let line = Line { bytes, text, at: at as u32, offset, number: filled.lines, hash: body_hash(bytes) };
            filled.sum = filled.sum.wrapping_add(line_sum(line.hash, offset));
            let fault = faults.next_if(|fault| fault.at == line.at).map(|fault| fault.reject);
            if let Err(reject) = self.line(&line, fault, chunk.rights, slots) {
                self.turn_away(&line, reject, chunk, slots);
            }
        }
        frame.close();
        filled
    }

    #[inline]
    fn line(
        &mut self,
        line: &Line<'_>,
        fault: Option<Reject>,
        rights: Rights,
        slots: &mut Slots,
    ) -> Result<(), Reject> {
        if line.bytes.len() > LINE_BYTES_MAX {
            return Err(Reject { field: Field::Line, reason: Reason::TooLong, at: LINE_BYTES_MAX as u32 });
        }
        if let Some(reject) = fault {
            return Err(reject);
        }
        let text = line.text.map_or_else(|| text(line.bytes), Ok)?;
        let decoded = self.decoder.decode(text)?;
        let (id_at, id_len) = (decoded.id_at, decoded.id_len);
        match self.city.understand(&decoded.said, self.speaker, &self.key) {
            Ok(understood) => {
                if let Some(field) = rights.forbids(understood.source, &understood.input) {
                    return Err(Reject { field, reason: Reason::NotAllowed, at: self.decoder.place_of(field) });
                }
                let body = BodyRef { at: line.at, len: line.bytes.len() as u32, id_at, id_len, key: 0 };
                let origin = Origin {
                    source: understood.source,
                    fingerprint: understood.fingerprint,
                    body_hash: line.hash,
                    event_time: understood.event_time,
                    body,
                };
                slots.push(&origin, &understood.input);
                Ok(())
            }
            Err(reject) => Err(Reject { at: self.decoder.place_of(reject.field), ..reject }),
        }
    }

    #[cold]
    fn turn_away(&mut self, line: &Line<'_>, reject: Reject, chunk: &Chunk, slots: &mut Slots) {
        slots.tally(PlacedTally {
            before: 0,
            // Whoever may speak for one source only speaks for that one, whatever it says.
            source: chunk.rights.only().unwrap_or_else(|| self.source_of(line.bytes)),
            body_at: line.at,
            body_len: line.bytes.len() as u32,
            tally: Tally {
                turned: Turned::Rejected,
                count: 1,
                field: reject.field,
                reason: reject.reason,
                input: chunk.input,
                line: line.number,
                offset: line.offset,
                wrong_at: reject.at,
            },
        });
    }

    /// Whose line it was, if it says so and the city knows the name.
    fn source_of(&mut self, line: &[u8]) -> SourceId {
        let text = text(line).unwrap_or_default();
        let named = self.decoder.source_of(text).and_then(|name| self.city.source_names.get(name));
        named.map(SourceId).or(self.speaker).unwrap_or(SourceId::NONE)
    }
}

/// A line as text.
fn text(line: &[u8]) -> Result<&str, Reject> {
    simdutf8::compat::from_utf8(line).map_err(|error| Reject {
        field: Field::Line,
        reason: Reason::NotUtf8,
        at: error.valid_up_to() as u32,
    })
}
