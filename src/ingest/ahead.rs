//! A reader that can be looked into: what comes next is seen before anybody takes it.

use std::io::{self, BufRead, Read};

/// How much is read at once, at least. Little under the fuzzer, so that every boundary is met.
const READ_BYTES: usize = if cfg!(fuzzing) { 64 } else { 64 * 1024 };

/// A reader, and what was read of it and not yet taken.
pub struct Ahead<R> {
    reader: R,
    buffer: Vec<u8>,
    from: usize,
    to: usize,
    taken: u64,
    is_ended: bool,
    has_failed: bool,
}

impl<R: Read> Ahead<R> {
    /// Nothing is read yet.
    pub const fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new(), from: 0, to: 0, taken: 0, is_ended: false, has_failed: false }
    }

    /// What comes next, as far as it was read.
    pub fn ahead(&self) -> &[u8] {
        &self.buffer[self.from..self.to]
    }

    /// Nothing comes behind what is ahead.
    pub const fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// How many bytes were taken.
    pub const fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether the reader itself has failed, and not somebody who made something of its bytes.
    pub const fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// The reader.
    pub const fn reader_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// Reads once, and keeps what came.
    ///
    /// # Errors
    /// What the reader says.
    pub fn more(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.from..self.to, 0);
        (self.from, self.to) = (0, self.to - self.from);
        if self.buffer.len() - self.to < READ_BYTES {
            self.buffer.resize((self.to + READ_BYTES).next_power_of_two(), 0);
        }
        let read = read_once(&mut self.reader, &mut self.buffer[self.to..]);
        self.to += *self.note(&read).unwrap_or(&0);
        read.map(drop)
    }

    /// Looks as far ahead as `tell` needs: it is given what comes next, and whether that is all, until it has an answer.
    ///
    /// # Errors
    /// What the reader says; asking again goes on from there.
    ///
    /// # Panics
    /// If `tell` has no answer although it was given all.
    pub fn look<T>(&mut self, tell: impl Fn(&[u8], bool) -> Option<T>) -> io::Result<T> {
        loop {
            match tell(self.ahead(), self.is_ended) {
                Some(told) => return Ok(told),
                None => assert!(!self.is_ended, "whoever is given all has an answer"),
            }
            self.more()?;
        }
    }

    fn note<'r>(&mut self, read: &'r io::Result<usize>) -> Option<&'r usize> {
        self.is_ended |= matches!(read, Ok(0));
        self.has_failed |= read.as_ref().is_err_and(|cause| cause.kind() != io::ErrorKind::WouldBlock);
        read.as_ref().ok()
    }
}

fn read_once(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

impl<R: Read> Read for Ahead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.from == self.to {
            // Straight to whoever reads much at once.
            let read = read_once(&mut self.reader, buffer);
            self.taken += *self.note(&read).unwrap_or(&0) as u64;
            return read;
        }
        let len = self.ahead().len().min(buffer.len());
        buffer[..len].copy_from_slice(&self.ahead()[..len]);
        self.consume(len);
        Ok(len)
    }
}

impl<R: Read> BufRead for Ahead<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.from == self.to && !self.is_ended {
            self.more()?;
        }
        Ok(self.ahead())
    }

    fn consume(&mut self, len: usize) {
        self.from += len;
        self.taken += len as u64;
    }
}
