//! A stream of lines, read from its start by one reader: compressed files, tables, other encodings, dead letters, pipes, and
//! files that grow.
//!
//! Offsets count in the text that comes out, which is the same text each time. So a run is taken up again by reading the
//! stream anew and passing over what was decided.

use std::io;

use memchr::{memchr, memrchr};

use super::input::{Chunk, Fault, sum_of_lines_before};
use super::text::{Begun, Text, Unread};
use super::unpack::Unpack;
use crate::city::Layout;
use crate::journal::frame::Frame;
use crate::limits::LINE_BYTES_MAX;

#[cfg(test)]
mod tests;

/// How long a reader waits before it takes what has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Patience {
    /// For a whole chunk.
    Chunk,
    /// For a whole line.
    Line,
    /// Not at all.
    None,
}

/// A stream of lines.
pub struct StreamInput {
    state: State,
    chunk_bytes: usize,
    is_live: bool,
    /// Lines that begin before this offset were read in an earlier run.
    passed: u64,
    /// What was read and is in no chunk yet: the beginning of a line whose end has not come.
    carry: Vec<u8>,
    /// Offset of `carry` in the text.
    at: u64,
    header_lines: u64,
    /// The rest of a line beyond the limit is passed over.
    skipping: bool,
    chunks: u64,
    ended: bool,
    /// What the stream said when whole lines were still at hand; told when they are not.
    failure: Option<io::Error>,
}

enum State {
    Unread(Box<Unread>),
    Begun(Box<dyn Text>),
}

impl StreamInput {
    /// A stream of a layout.
    pub fn new(bytes: Unpack, layout: Layout, chunk_bytes: usize) -> Self {
        Self {
            state: State::Unread(Box::new(Unread::new(bytes, layout))),
            chunk_bytes,
            is_live: false,
            passed: 0,
            carry: Vec::new(),
            at: 0,
            header_lines: 0,
            skipping: false,
            chunks: 0,
            ended: false,
            failure: None,
        }
    }

    /// The same, of which a line may come alone.
    #[must_use]
    pub fn live(self) -> Self {
        Self { is_live: true, ..self }
    }

    /// Whether a line may come alone, and nothing behind it for long.
    pub const fn is_live(&self) -> bool {
        self.is_live
    }

    /// Lines that begin before an offset were read in an earlier run: they are read, and not given.
    pub const fn pass_over(&mut self, end: u64) {
        self.passed = end;
    }

    /// Reads what must be known before the first line, as far as it has come.
    ///
    /// # Errors
    /// If the input cannot be read, or not as it is said to be.
    pub fn begin(&mut self) -> io::Result<()> {
        match self.text().and_then(Text::begin) {
            Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => Ok(()),
            done => done,
        }
    }

    fn text(&mut self) -> io::Result<&mut dyn Text> {
        if let State::Unread(unread) = &mut self.state {
            let Begun { text, at, header_lines } = unread.begin()?;
            (self.at, self.header_lines) = (at, header_lines);
            self.state = State::Begun(text);
        }
        match &mut self.state {
            State::Begun(text) => Ok(&mut **text),
            State::Unread(_) => unreachable!("it was begun"),
        }
    }

    /// Reads what has piled up into a cleared frame: whole lines, at most a chunk. `patience` is asked before each wait. None if
    /// nothing whole has come in a while.
    ///
    /// # Errors
    /// If the stream cannot be read, and no whole line is left of what was; see [`Self::break_off`].
    pub fn read(
        &mut self,
        input: u16,
        frame: &mut Frame,
        patience: impl Fn() -> Patience,
    ) -> io::Result<Option<Chunk>> {
        while let Some(mut chunk) = self.read_any(frame, &patience)? {
            if chunk.end > self.passed || chunk.last {
                let passed = self.passed.saturating_sub(chunk.bodies_at) as usize;
                chunk.lines.start = chunk.lines.start.max(passed.min(chunk.lines.end));
                chunk.faults.retain(|fault| fault.at as usize >= chunk.lines.start);
                chunk.header_lines = if self.chunks == 0 && self.passed == 0 { self.header_lines } else { 0 };
                (chunk.input, chunk.index) = (input, self.chunks);
                self.chunks += 1;
                return Ok(Some(chunk));
            }
            frame.clear();
        }
        Ok(None)
    }

    /// Sum of the lines that begin before an offset.
    ///
    /// # Errors
    /// If the stream cannot be read.
    pub fn sum_before(mut self, end: u64) -> io::Result<u64> {
        self.passed = 0;
        let (mut frame, mut sum) = (Frame::new(), 0_u64);
        while self.at < end && !self.ended {
            frame.clear();
            // A stream that breaks off behind `end` has all that is asked for.
            match self.read_any(&mut frame, &|| Patience::Chunk)? {
                Some(chunk) => sum = sum.wrapping_add(sum_of_lines_before(frame.bodies(), &chunk, end)),
                // A file that grows is at its end, and `end` is beyond it.
                None => break,
            }
        }
        Ok(sum)
    }

    /// Ends a stream that cannot be read on.
    pub fn break_off(&mut self, input: u16) -> Chunk {
        self.ended = true;
        let index = self.chunks;
        self.chunks += 1;
        Chunk { input, index, bodies_at: self.at, end: self.at, last: true, ..Chunk::default() }
    }

    fn read_any(&mut self, frame: &mut Frame, patience: &impl Fn() -> Patience) -> io::Result<Option<Chunk>> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        frame.push_body(&self.carry);
        self.carry.clear();
        let (mut whole, mut searched) = (0, 0);
        loop {
            if self.skipping {
                self.skip(frame);
                (whole, searched) = (0, 0);
            }
            let len = frame.bodies().len();
            whole = memrchr(b'\n', &frame.bodies()[searched..]).map_or(whole, |newline| searched + newline + 1);
            searched = len;
            let patience = patience();
            let is_enough = match patience {
                Patience::Chunk => len >= self.chunk_bytes,
                Patience::Line | Patience::None => true,
            };
            if self.ended || (is_enough && whole > 0) || len > LINE_BYTES_MAX {
                return self.cut(frame, whole).map(Some);
            }
            let pulled = if patience == Patience::None { Ok(false) } else { self.pull(frame) };
            match pulled {
                Ok(true) => {}
                Ok(false) if whole > 0 => {}
                Ok(false) => {
                    self.carry.extend_from_slice(frame.bodies());
                    frame.truncate_bodies(0);
                    return Ok(None);
                }
                Err(failure) if whole > 0 => {
                    self.failure = Some(failure);
                    return self.cut(frame, whole).map(Some);
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Makes a chunk of the whole lines in a frame; what is left of the last line is kept for the next.
    fn cut(&mut self, frame: &mut Frame, whole: usize) -> io::Result<Chunk> {
        let len = frame.bodies().len();
        // No line ended within the limit: it is cut here, and its rest passed over.
        self.skipping = !self.ended && whole == 0;
        let end = if self.ended || self.skipping { len } else { whole };
        self.carry.extend_from_slice(&frame.bodies()[end..]);
        frame.truncate_bodies(end);
        let bodies_at = self.at;
        self.at += end as u64;
        let (at, text) = (self.at, self.text()?);
        let mut faults = Vec::new();
        while let Some(fault) = text.fault_before(at) {
            faults.extend(fault.at.checked_sub(bodies_at).map(|at| Fault { at: at as u32, reject: fault.reject }));
        }
        let lines = 0..end;
        Ok(Chunk { bodies_at, lines, end: at, last: self.ended, faults, ..Chunk::default() })
    }

    /// Reads once. Whether anything came, be it the end.
    fn pull(&mut self, frame: &mut Frame) -> io::Result<bool> {
        let before = frame.bodies().len();
        let len = self.chunk_bytes.saturating_sub(before).max(self.chunk_bytes / 4).max(1);
        let space = frame.bodies_space(len);
        let read = loop {
            match self.text().and_then(|text| text.read(space)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Ok(None),
                other => break other.map(Some),
            }
        };
        frame.truncate_bodies(before + read.as_ref().map_or(0, |read| read.unwrap_or(0)));
        let read = read?;
        self.ended = read == Some(0);
        Ok(read.is_some())
    }

    /// Passes over what has come of the line that was cut.
    fn skip(&mut self, frame: &mut Frame) {
        let newline = memchr(b'\n', frame.bodies());
        let rest = newline.map_or(frame.bodies().len(), |newline| newline + 1);
        self.skipping = newline.is_none() && !self.ended;
        self.at += rest as u64;
        let kept = frame.bodies()[rest..].to_vec();
        frame.truncate_bodies(0);
        frame.push_body(&kept);
    }
}
