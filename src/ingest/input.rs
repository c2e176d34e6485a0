//! Inputs: files that many workers read at once, or one pipe that is read as it comes.
//!
//! An input is a sequence of chunks. A chunk owns the lines that begin in its range of bytes, so that workers can read any
//! chunk of a file without knowing the others; where chunks are cut never shows in what is decided.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use memchr::{memchr, memrchr};
use serde::{Deserialize, Serialize};

use crate::fingerprint::body_hash;
use crate::journal::frame::{Frame, Position};
use crate::limits::LINE_BYTES_MAX;

/// A part of an input, read into a frame's bodies.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Chunk {
    /// Which input.
    pub input: u16,
    /// Which chunk of it, counted from 0.
    pub index: u64,
    /// Offset in the input of the first byte of the bodies.
    pub bodies_at: u64,
    /// Where in the bodies lines begin that belong to this chunk.
    pub lines: Range<usize>,
    /// Every line that begins before this offset of the input is in this chunk or an earlier one.
    pub end: u64,
    /// Nothing follows.
    pub last: bool,
}

/// What tells an input from another: recorded when it is first read, compared when a run is taken up again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Identity {
    /// The path as it was given.
    pub path: PathBuf,
    /// Length in bytes.
    pub bytes: u64,
    /// When it was last changed, in nanoseconds since 1970.
    pub modified_ns: i128,
    /// Hash of samples spread over the whole.
    pub samples: u64,
}

/// One file, read by many.
pub struct FileInput {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// Lines that begin before this offset were read in an earlier run.
    start: u64,
    chunk_bytes: u64,
    claimed: AtomicU64,
}

/// Samples of an identity, and their size.
const SAMPLES: u64 = 64;
const SAMPLE_BYTES: u64 = 4096;

impl Identity {
    /// Of a file as it is now.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn of(path: &Path) -> io::Result<Self> {
        let (file, metadata) = open_regular(path)?;
        let (mut samples, mut sample) = (0, vec![0; SAMPLE_BYTES as usize]);
        for index in 0..SAMPLES {
            let last = metadata.len().saturating_sub(SAMPLE_BYTES);
            let len = read_at(&file, last / (SAMPLES - 1) * index, &mut sample)?;
            samples ^= body_hash(&sample[..len]).rotate_left(index as u32);
        }
        Ok(Self {
            path: path.to_owned(),
            bytes: metadata.len(),
            modified_ns: i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()),
            samples,
        })
    }
}

impl Identity {
    /// Whether it is the same input, whatever its path is now.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.bytes, self.modified_ns, self.samples) == (other.bytes, other.modified_ns, other.samples)
    }
}

/// Opens a file that can be read at any place.
fn open_regular(path: &Path) -> io::Result<(File, Metadata)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() {
        return Ok((file, metadata));
    }
    let what = if metadata.is_dir() { "is a folder" } else { "is not a regular file; pipe it in as -" };
    Err(io::Error::new(io::ErrorKind::InvalidInput, what))
}

/// Reads as much as there is, up to the buffer's length.
fn read_at(file: &File, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match file.read_at(&mut buffer[done..], at + done as u64) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

impl FileInput {
    /// Opens a regular file, of which the lines before `start` are already read.
    ///
    /// # Errors
    /// If it cannot be opened, or is not a regular file.
    pub fn open(path: &Path, start: u64, chunk_bytes: usize) -> io::Result<Self> {
        let (file, metadata) = open_regular(path)?;
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::Sequential)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            bytes: metadata.len(),
            start,
            chunk_bytes: chunk_bytes as u64,
            claimed: AtomicU64::new(0),
        })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its length when it was opened. What is added later is not read.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many chunks it has.
    pub const fn chunks(&self) -> u64 {
        self.bytes.saturating_sub(self.start).div_ceil(self.chunk_bytes)
    }

    /// Claims the next chunk, if there is one below `limit`.
    pub fn claim(&self, limit: u64) -> Option<u64> {
        let limit = limit.min(self.chunks());
        let next = |index: u64| (index < limit).then_some(index + 1);
        self.claimed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()
    }

    /// Sum of the lines that begin before an offset: what a run that is taken up again compares with what the first one read.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn sum_before(&self, end: u64) -> io::Result<u64> {
        let (mut frame, mut sum) = (Frame::new(), 0_u64);
        for index in 0..end.min(self.bytes).div_ceil(self.chunk_bytes) {
            frame.clear();
            let chunk = self.read(0, index, &mut frame)?;
            for (at, line) in lines(frame.bodies(), &chunk) {
                let offset = chunk.bodies_at + at as u64;
                if offset < end {
                    sum = sum.wrapping_add(line_sum(body_hash(line), offset));
                }
            }
        }
        Ok(sum)
    }

    /// Whether a run that has read up to `position` can go on there: the lines before it are those that it read.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn goes_on_at(&self, position: &Position) -> io::Result<bool> {
        let mut before = [b'\n'];
        if (1..self.bytes).contains(&position.offset) {
            read_at(&self.file, position.offset - 1, &mut before)?;
        }
        let is_whole_lines = position.offset <= self.bytes && before == [b'\n'];
        Ok(is_whole_lines && self.sum_before(position.offset)? == position.sum)
    }

    /// How many chunks were claimed.
    pub fn claimed(&self) -> u64 {
        self.claimed.load(Ordering::Relaxed)
    }

    /// Reads chunk `index` into a cleared frame.
    ///
    /// # Errors
    /// If it cannot be read, or is shorter than it was.
    pub fn read(&self, input: u16, index: u64, frame: &mut Frame) -> io::Result<Chunk> {
        let from = self.start + index * self.chunk_bytes;
        let to = (from + self.chunk_bytes).min(self.bytes);
        // One byte before: a line begins at `from` only if a line ends there.
        let bodies_at = from.saturating_sub(1);
        self.extend(frame, bodies_at, (to - bodies_at) as usize)?;
        let own = (to - bodies_at) as usize;
        let bodies = frame.bodies();
        let first = match from {
            0 => Some(0),
            _ => memchr(b'\n', &bodies[..own]).map(|newline| newline + 1),
        };
        let lines = match first.filter(|first| *first < own) {
            Some(first) => first..self.finish_line(frame, bodies_at, own)?,
            None => own..own,
        };
        frame.truncate_bodies(lines.end);
        let last = index + 1 >= self.chunks();
        Ok(Chunk { input, index, bodies_at, lines: lines.start..lines.end.min(own), end: to, last })
    }

    /// Reads on until the line that crosses `own` ends; gives where. A line beyond the limit is cut there.
    fn finish_line(&self, frame: &mut Frame, bodies_at: u64, own: usize) -> io::Result<usize> {
        const STEP: usize = 4096;
        let mut searched = own - 1;
        loop {
            if let Some(newline) = memchr(b'\n', &frame.bodies()[searched..]) {
                return Ok(searched + newline + 1);
            }
            searched = frame.bodies().len();
            let rest = self.bytes - (bodies_at + searched as u64);
            if rest == 0 || searched - own > LINE_BYTES_MAX {
                return Ok(searched);
            }
            // Twice as much each time: a long line costs few reads.
            let step = STEP.max(searched - own).min(rest as usize);
            self.extend(frame, bodies_at, step)?;
        }
    }

    fn extend(&self, frame: &mut Frame, bodies_at: u64, len: usize) -> io::Result<()> {
        let at = bodies_at + frame.bodies().len() as u64;
        let read = read_at(&self.file, at, frame.bodies_space(len))?;
        if read < len {
            let what =
                format!("became shorter while it was read: {} of {} bytes are left", at + read as u64, self.bytes);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
        }
        Ok(())
    }
}

/// The lines of a chunk, each with its offset in the bodies. A line beyond the limit is cut one byte behind it, wherever the
/// chunk ends.
pub fn lines<'a>(bodies: &'a [u8], chunk: &Chunk) -> impl Iterator<Item = (usize, &'a [u8])> {
    let (mut at, end) = (chunk.lines.start, chunk.lines.end);
    std::iter::from_fn(move || {
        let from = at;
        if from >= end {
            return None;
        }
        let line_end = memchr(b'\n', &bodies[from..]).map_or(bodies.len(), |newline| from + newline);
        at = line_end + 1;
        Some((from, &bodies[from..line_end.min(from + LINE_BYTES_MAX + 1)]))
    })
}

/// What a line adds to the sum of its input: lines that differ, or lie elsewhere, add something else.
#[inline]
pub fn line_sum(hash: u64, offset: u64) -> u64 {
    (hash ^ offset).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29) ^ hash
}

/// A pipe, read by whoever comes.
pub struct PipeInput {
    state: Mutex<Pipe>,
    chunk_bytes: usize,
}

struct Pipe {
    reader: Box<dyn Read + Send>,
    /// The beginning of a line whose end has not come.
    carry: Vec<u8>,
    /// Offset of `carry` in the stream.
    at: u64,
    /// The rest of a line beyond the limit is passed over.
    skipping: bool,
    chunks: u64,
    ended: bool,
    /// What the stream said when whole lines were still at hand; told when they are not.
    failure: Option<io::Error>,
}

impl PipeInput {
    /// A stream of lines.
    pub fn new(reader: impl Read + Send + 'static, chunk_bytes: usize) -> Self {
        let pipe = Pipe {
            reader: Box::new(reader),
            carry: Vec::new(),
            at: 0,
            skipping: false,
            chunks: 0,
            ended: false,
            failure: None,
        };
        Self { state: Mutex::new(pipe), chunk_bytes }
    }

    /// Reads what has piled up into a cleared frame: whole lines, at most a chunk. As long as `full` says so, it waits for a whole
    /// chunk. None if another worker is reading, or the stream has ended.
    ///
    /// A reader may answer [`io::ErrorKind::WouldBlock`] when nothing has come for a while: `full` is then asked again.
    ///
    /// # Errors
    /// If the stream cannot be read, and no whole line is left of what was.
    ///
    /// # Panics
    /// If a worker panicked while reading.
    pub fn read(&self, frame: &mut Frame, full: impl Fn() -> bool) -> io::Result<Option<Chunk>> {
        match self.state.try_lock() {
            Ok(pipe) if pipe.ended => Ok(None),
            Ok(mut pipe) => pipe.read(frame, self.chunk_bytes, full).map(Some),
            Err(std::sync::TryLockError::WouldBlock) => Ok(None),
            Err(poisoned) => panic!("{poisoned}"),
        }
    }
}

impl PipeInput {
    /// How many chunks were read so far; nothing while somebody is reading.
    pub fn chunks(&self) -> Option<u64> {
        self.state.try_lock().ok().map(|pipe| pipe.chunks)
    }
}

impl Pipe {
    fn read(&mut self, frame: &mut Frame, chunk_bytes: usize, full: impl Fn() -> bool) -> io::Result<Chunk> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        frame.push_body(&self.carry);
        self.carry.clear();
        while self.skipping && !self.ended {
            self.skip(frame, chunk_bytes)?;
        }
        let mut whole = memrchr(b'\n', frame.bodies()).map_or(0, |newline| newline + 1);
        while !self.ended {
            let len = frame.bodies().len();
            let enough = if full() { len >= chunk_bytes } else { whole > 0 };
            if (enough && whole > 0) || len > LINE_BYTES_MAX {
                break;
            }
            match self.pull(frame, chunk_bytes) {
                Err(failure) if whole > 0 => {
                    self.failure = Some(failure);
                    break;
                }
                pulled => pulled?,
            }
            let newline = memrchr(b'\n', &frame.bodies()[len..]);
            whole = newline.map_or(whole, |newline| len + newline + 1);
        }
        Ok(self.cut(frame, whole))
    }

    /// Makes a chunk of the whole lines in a frame; what is left of the last line is kept for the next.
    fn cut(&mut self, frame: &mut Frame, whole: usize) -> Chunk {
        let len = frame.bodies().len();
        // No line ended within the limit: it is cut here, and its rest passed over.
        self.skipping = !self.ended && whole == 0;
        let end = if self.ended || self.skipping { len } else { whole };
        self.carry.extend_from_slice(&frame.bodies()[end..]);
        frame.truncate_bodies(end);
        let bodies_at = self.at;
        self.at += end as u64;
        self.chunks += 1;
        Chunk { input: 0, index: self.chunks - 1, bodies_at, lines: 0..end, end: self.at, last: self.ended }
    }

    /// Reads once.
    fn pull(&mut self, frame: &mut Frame, chunk_bytes: usize) -> io::Result<()> {
        let before = frame.bodies().len();
        let space = frame.bodies_space(chunk_bytes.saturating_sub(before).max(chunk_bytes / 4).max(1));
        let read = loop {
            match self.reader.read(space) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break None,
                other => break Some(other?),
            }
        };
        self.ended = read == Some(0);
        let read = read.unwrap_or(0);
        frame.truncate_bodies(before + read);
        Ok(())
    }

    /// Reads once, and passes over what still belongs to the line that was cut.
    fn skip(&mut self, frame: &mut Frame, chunk_bytes: usize) -> io::Result<()> {
        self.pull(frame, chunk_bytes)?;
        let newline = memchr(b'\n', frame.bodies());
        let rest = newline.map_or(frame.bodies().len(), |newline| newline + 1);
        self.skipping = newline.is_none();
        self.at += rest as u64;
        self.carry.extend_from_slice(&frame.bodies()[rest..]);
        frame.truncate_bodies(0);
        frame.push_body(&self.carry);
        self.carry.clear();
        Ok(())
    }
}
