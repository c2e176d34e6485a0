//! Inputs: files of JSON lines that many workers read at once, and streams of anything else, each read from its start by a
//! thread of its own.
//!
//! An input is a sequence of chunks. A chunk owns the lines that begin in its range of bytes, so that workers can read any
//! chunk of a file without knowing the others; where chunks are cut never shows in what is decided.
//!
//! An input that breaks (a file that shrinks, an archive that is damaged) ends there, with a last chunk of what was whole.
//! The other inputs go on.

use std::fs::File;
use std::io::{self, BufRead};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use memchr::memchr;
use serde::{Deserialize, Serialize};

use super::ahead::Ahead;
use super::file::{FileInput, read_at};
use super::follow::Follow;
use super::marks::{self, Mark};
use super::patient::Patient;
use super::stream::StreamInput;
use super::text::is_utf16;
use super::unpack::{Bounds, Unpack};
use crate::city::Layout;
use crate::fingerprint::body_hash;
use crate::ids::SourceId;
use crate::limits::LINE_BYTES_MAX;
use crate::report::Reject;
use crate::rights::Rights;

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
    /// Lines of the input that come before its first chunk and are nobody's: the header of a table.
    pub header_lines: u64,
    /// Lines that are turned away whatever they say, in their order.
    pub faults: Vec<Fault>,
    /// The source of lines that do not name one, if it is another than that of the whole run.
    pub speaker: Option<SourceId>,
    /// What its lines may say.
    pub rights: Rights,
}

/// A line of a chunk that could not become what it should.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Where it begins in the bodies.
    pub at: u32,
    /// Why it is turned away.
    pub reject: Reject,
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

/// Samples of an identity, and their size.
const SAMPLES: u64 = 64;
const SAMPLE_BYTES: u64 = 4096;

impl Identity {
    /// Of a file as it is now; what can be read only once has none but its name.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn of(path: &Path) -> io::Result<Self> {
        if let Place::Passing = Place::of(path)? {
            return Ok(Self { path: path.to_owned(), bytes: 0, modified_ns: 0, samples: 0 });
        }
        let file = File::open(path)?;
        let metadata = file.metadata()?;
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

    /// Whether it is the same input, whatever its path is now. A file that grows is known by its path alone.
    pub fn is_same(&self, other: &Self) -> bool {
        let content = |identity: &Self| (identity.bytes, identity.modified_ns, identity.samples);
        content(self) == content(other) && (!self.is_growing() || self.path == other.path)
    }

    /// Whether it is of a file that grows: nothing is noted of it but its path.
    pub fn is_growing(&self) -> bool {
        (self.bytes, self.modified_ns) == (0, 0)
    }

    /// Of a file that grows: it is recognised by its name, and by the sum of what was read.
    pub fn of_growing(path: &Path) -> Self {
        Self { path: path.to_owned(), bytes: 0, modified_ns: 0, samples: 0 }
    }
}

/// What a path leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// A file, which can be read again and at any place.
    Kept,
    /// A pipe or a device: what was read of it is gone.
    Passing,
}

impl Place {
    /// Of a path; `-` is standard input.
    ///
    /// # Errors
    /// If nothing is there, or a folder.
    pub fn of(path: &Path) -> io::Result<Self> {
        if path == Path::new(STDIN) {
            return Ok(Self::Passing);
        }
        let metadata = std::fs::metadata(path)?;
        if metadata.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "是文件夹 is a folder; name the files in it"));
        }
        Ok(if metadata.is_file() { Self::Kept } else { Self::Passing })
    }
}

/// What standard input is called on the command line.
pub const STDIN: &str = "-";

/// An input of a run.
pub enum Input {
    /// A file of JSON lines, read by all workers.
    File(FileInput),
    /// Anything else.
    Stream(StreamInput),
}

/// How inputs are opened.
#[derive(Clone, Debug)]
pub struct Opening {
    /// How they are laid out.
    pub layout: Layout,
    /// Bytes of a chunk.
    pub chunk_bytes: usize,
    /// They are waited on for more.
    pub follow: bool,
}

impl Input {
    /// Opens what a path names. Lines that begin before `start` were read in an earlier run.
    ///
    /// # Errors
    /// If it cannot be read, or not as it is said to be.
    pub fn open(path: &Path, start: u64, opening: &Opening) -> io::Result<Self> {
        let Opening { layout, chunk_bytes, follow } = opening;
        let mut stream = match Place::of(path)? {
            Place::Passing => {
                let bytes = Box::new(Patient::open(path)?);
                StreamInput::new(Unpack::new(bytes, Bounds::default()), layout.clone(), *chunk_bytes).live()
            }
            Place::Kept if *follow => {
                let bytes = Box::new(Follow::open(path)?);
                StreamInput::new(Unpack::plain(bytes), layout.clone(), *chunk_bytes).live()
            }
            Place::Kept if *layout == Layout::default() && has_plain_lines(path)? => {
                return FileInput::open(path, start, *chunk_bytes).map(Self::File);
            }
            Place::Kept => {
                let bytes = Box::new(File::open(path)?);
                StreamInput::new(Unpack::new(bytes, Bounds::default()), layout.clone(), *chunk_bytes)
            }
        };
        if Place::of(path)? == Place::Kept {
            stream.begin()?;
        }
        stream.pass_over(start);
        Ok(Self::Stream(stream))
    }

    /// Its length, where that says how much there is to read.
    pub const fn bytes(&self) -> Option<u64> {
        match self {
            Self::File(file) => Some(file.bytes()),
            Self::Stream(_) => None,
        }
    }

    /// Sum of the lines that begin before an offset: what a run that is taken up again compares with what the first one read.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn sum_before(self, end: u64) -> io::Result<u64> {
        match self {
            Self::File(file) => file.sum_before(end),
            Self::Stream(stream) => stream.sum_before(end),
        }
    }
}

/// Whether a file holds JSON lines as they are: not compressed, and no dead letters.
fn has_plain_lines(path: &Path) -> io::Result<bool> {
    let mut first = Ahead::new(File::open(path)?);
    if first.look(marks::packing)?.is_some() {
        return Ok(false);
    }
    match first.look(marks::byte_order_mark)? {
        Some(Mark::Utf16) => return Err(is_utf16()),
        Some(Mark::Utf8) => first.consume(Mark::Utf8.bytes()),
        Some(Mark::Gb18030) | None => {}
    }
    first.look(marks::is_letter).map(|is_letter| !is_letter)
}

/// Sum of those lines of a chunk that begin before an offset of the input.
pub fn sum_of_lines_before(bodies: &[u8], chunk: &Chunk, end: u64) -> u64 {
    let places = lines(bodies, chunk).map(|(at, line)| (chunk.bodies_at + at as u64, line));
    let before = places.take_while(|(offset, _)| *offset < end);
    before.fold(0, |sum, (offset, line)| sum.wrapping_add(line_sum(body_hash(line), offset)))
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
