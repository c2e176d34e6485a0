//! A file of JSON lines, read at many places at once.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use memchr::{memchr, memrchr};

use super::input::{Chunk, Place, sum_of_lines_before};
use super::marks::{self, Mark};
use crate::journal::frame::Frame;
use crate::limits::LINE_BYTES_MAX;

/// One file, read by many.
pub struct FileInput {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// Where its first line begins: behind a byte order mark.
    begin: u64,
    /// Lines that begin before this offset were read in an earlier run.
    start: u64,
    chunk_bytes: u64,
    claimed: AtomicU64,
    /// A chunk could not be read to its end.
    is_broken: AtomicBool,
}

/// Reads as much as there is, up to the buffer's length.
pub(super) fn read_at(file: &File, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
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
        if Place::of(path)? == Place::Passing {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "is not a regular file"));
        }
        let file = File::open(path)?;
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::Sequential)?;
        let mut mark = [0; Mark::Utf8.bytes()];
        let len = read_at(&file, 0, &mut mark)?;
        let has_mark = marks::byte_order_mark(&mark[..len], true).flatten() == Some(Mark::Utf8);
        let begin = if has_mark { len as u64 } else { 0 };
        Ok(Self {
            path: path.to_owned(),
            bytes: file.metadata()?.len(),
            file,
            begin,
            start: start.max(begin),
            chunk_bytes: chunk_bytes as u64,
            claimed: AtomicU64::new(0),
            is_broken: AtomicBool::new(false),
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
        let limit = if self.is_broken.load(Ordering::Relaxed) { 0 } else { limit.min(self.chunks()) };
        let next = |index: u64| (index < limit).then_some(index + 1);
        self.claimed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()
    }

    /// Sum of the lines that begin before an offset: what a run that is taken up again compares with what the first one read.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn sum_before(&self, end: u64) -> io::Result<u64> {
        let (mut frame, mut sum) = (Frame::new(), 0_u64);
        for index in 0..end.min(self.bytes).saturating_sub(self.start).div_ceil(self.chunk_bytes) {
            frame.clear();
            let chunk = self.read(0, index, &mut frame)?;
            sum = sum.wrapping_add(sum_of_lines_before(frame.bodies(), &chunk, end));
        }
        Ok(sum)
    }

    /// How many chunks were claimed.
    pub fn claimed(&self) -> u64 {
        self.claimed.load(Ordering::Relaxed)
    }

    /// Reads chunk `index` into a cleared frame.
    ///
    /// # Errors
    /// If it cannot be read, or is shorter than it was. The frame then holds what could be read; see [`Self::break_off`].
    pub fn read(&self, input: u16, index: u64, frame: &mut Frame) -> io::Result<Chunk> {
        let Range { start: bodies_at, end: to } = self.range(index);
        let own = (to - bodies_at) as usize;
        self.extend(frame, bodies_at, own)?;
        let lines = match self.first_line(index, &frame.bodies()[..own]) {
            Some(first) => first..self.finish_line(frame, bodies_at, own)?,
            None => own..own,
        };
        frame.truncate_bodies(lines.end);
        let last = index + 1 >= self.chunks();
        let lines = lines.start..lines.end.min(own);
        Ok(Chunk { input, index, bodies_at, lines, end: to, last, ..Chunk::default() })
    }

    /// Ends the file at a chunk that could not be read to its end: its whole lines that are in the frame are the last.
    pub fn break_off(&self, input: u16, index: u64, frame: &mut Frame) -> Chunk {
        self.is_broken.store(true, Ordering::Relaxed);
        let Range { start: bodies_at, end } = self.range(index);
        let own = frame.bodies().len().min((end - bodies_at) as usize);
        let whole = memrchr(b'\n', frame.bodies()).map_or(0, |newline| newline + 1);
        let first = self.first_line(index, &frame.bodies()[..own]).filter(|first| *first < whole);
        frame.truncate_bodies(first.map_or(0, |_| whole));
        // Lines behind its own bytes are in no other chunk now.
        let lines = first.map_or(0..0, |first| first..whole);
        Chunk { input, index, bodies_at, end: bodies_at + lines.end as u64, lines, last: true, ..Chunk::default() }
    }

    /// The bytes that are read for a chunk, but for the end of its last line.
    fn range(&self, index: u64) -> Range<u64> {
        let from = self.start + index * self.chunk_bytes;
        // One byte before: a line begins at `from` only if a line ends there.
        let before = if self.is_begin(index) { 0 } else { 1 };
        from - before..(from + self.chunk_bytes).min(self.bytes)
    }

    /// Where in a chunk's bytes its first line begins, if one does.
    fn first_line(&self, index: u64, own: &[u8]) -> Option<usize> {
        let first = if self.is_begin(index) { 0 } else { memchr(b'\n', own)? + 1 };
        (first < own.len()).then_some(first)
    }

    /// Whether a chunk begins where the first line does.
    const fn is_begin(&self, index: u64) -> bool {
        index == 0 && self.start == self.begin
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
        let before = frame.bodies().len();
        let read = read_at(&self.file, at, frame.bodies_space(len));
        frame.truncate_bodies(before + *read.as_ref().unwrap_or(&0));
        let read = read?;
        if read < len {
            let what = format!(
                "文件变短 became shorter while it was read: {} of {} bytes are left",
                at + read as u64,
                self.bytes
            );
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
        }
        Ok(())
    }
}
