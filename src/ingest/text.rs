//! What an input says, as JSON lines: as it stands there, or made of a table, of another encoding, of mended dead letters.
//!
//! Whatever cannot become a line as it should becomes one all the same, as good as can be, with a fault beside it. So nothing
//! is lost, and nothing else is touched.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

use super::ahead::Ahead;
use super::letter::Letters;
use super::marks::{self, Mark};
use super::recode::Recode;
use super::table::Table;
use super::unpack::Unpack;
use crate::city::{Encoding, Layout};
use crate::report::Reject;

/// A line of a text that is to be turned away, whatever it says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Where the line begins in the text.
    pub at: u64,
    /// Why.
    pub reject: Reject,
}

/// JSON lines, as they come out of an input. Reading may say [`io::ErrorKind::WouldBlock`] when nothing is there yet.
pub trait Text: Read + Send {
    /// Reads what must be known before the first line.
    ///
    /// # Errors
    /// If the input cannot be what it is said to be.
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// The next fault of the lines that begin before an offset. Each is told once.
    fn fault_before(&mut self, _end: u64) -> Option<Fault> {
        None
    }
}

impl Text for Ahead<Unpack> {}

/// A text that is still to be begun.
pub struct Unread {
    bytes: Ahead<Unpack>,
    layout: Layout,
    mark: Option<Option<Mark>>,
}

/// A text that was begun.
pub struct Begun {
    /// Its lines.
    pub text: Box<dyn Text>,
    /// Where they begin: behind the byte order mark of an input that is read as it stands.
    pub at: u64,
    /// Lines of the input that come before them: the header of a table.
    pub header_lines: u64,
}

impl Unread {
    /// What has to be known of an input to read it.
    pub const fn new(bytes: Unpack, layout: Layout) -> Self {
        Self { bytes: Ahead::new(bytes), layout, mark: None }
    }

    /// Looks at the first bytes and decides how they are read.
    ///
    /// # Errors
    /// What the reader says, [`io::ErrorKind::WouldBlock`] among it: then it may be asked again. Or that the input is not
    /// encoded as it is said to be.
    pub fn begin(&mut self) -> io::Result<Begun> {
        let mark = match self.mark {
            Some(mark) => mark,
            None => self.pass_mark()?,
        };
        let is_letters = self.bytes.look(marks::is_letter)?;
        let nothing = Ahead::new(Unpack::plain(Box::new(io::empty())));
        let bytes = Box::new(std::mem::replace(&mut self.bytes, nothing));
        if is_letters {
            return Ok(Begun { text: Box::new(Rewrite::new(bytes, Letters)), at: 0, header_lines: 0 });
        }
        let text: Box<dyn Text> = match self.layout.encoding {
            Encoding::Utf8 => bytes,
            Encoding::Gb18030 => Box::new(Rewrite::new(bytes, Recode)),
        };
        match self.layout.table.take() {
            Some(layout) => {
                let header_lines = u64::from(layout.columns.is_empty());
                Ok(Begun { text: Box::new(Rewrite::new(text, Table::new(layout))), at: 0, header_lines })
            }
            None => {
                let is_as_it_stands = self.layout.encoding == Encoding::Utf8;
                let at = mark.filter(|_| is_as_it_stands).map_or(0, Mark::bytes) as u64;
                Ok(Begun { text, at, header_lines: 0 })
            }
        }
    }

    fn pass_mark(&mut self) -> io::Result<Option<Mark>> {
        let mark = self.bytes.look(marks::byte_order_mark)?;
        let mark = match (mark, self.layout.encoding) {
            (Some(Mark::Utf16), _) => return Err(is_utf16()),
            (Some(Mark::Utf8), Encoding::Gb18030) => return Err(is_utf8()),
            // In UTF-8 these four bytes are no mark, and no text either.
            (Some(Mark::Gb18030), Encoding::Utf8) => None,
            (mark, _) => mark,
        };
        self.bytes.consume(mark.map_or(0, Mark::bytes));
        self.mark = Some(mark);
        Ok(mark)
    }
}

/// The refusal of UTF-16.
pub fn is_utf16() -> io::Error {
    let what = "是 UTF-16 编码，请先转换 is encoded in UTF-16; convert it first: iconv -f UTF-16 -t UTF-8";
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn is_utf8() -> io::Error {
    let what = "is UTF-8 by its first bytes, but its source declares GB18030: mend `encoding` in [source.layout]";
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// How lines are made of other text.
pub trait Convert: Send {
    /// Makes what can be made of what is given.
    ///
    /// # Errors
    /// If nothing can ever be made of it.
    fn convert(&mut self, given: Given<'_>, made: &mut Made) -> io::Result<Step>;

    /// Whether lines can be made already.
    fn has_begun(&self) -> bool {
        true
    }
}

/// What a converter is given: it need not take all.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// What comes next.
    pub bytes: &'a [u8],
    /// Nothing comes behind it.
    pub is_all: bool,
    /// Where its first line begins that is faulty already.
    pub faulty: Option<usize>,
}

/// What a converter did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// It took so many bytes; zero is a step too, if it made something.
    Took(usize),
    /// It needs more than it was given.
    More,
    /// It made of the line what could be made; what is left of it, up to its newline, is passed over.
    PassLine,
}

/// Lines that were made and not yet read.
#[derive(Default)]
pub struct Made {
    bytes: Vec<u8>,
    given: usize,
    /// Where `bytes` begin in the text.
    at: u64,
    faults: VecDeque<Fault>,
}

impl Made {
    /// The end of what was made: a line is written here, and then ended.
    pub const fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Ends the line that was begun at `from`, and says what is wrong with it.
    pub fn end_line(&mut self, from: usize, fault: Option<Reject>) {
        self.bytes.push(b'\n');
        self.faults.extend(fault.map(|reject| Fault { at: self.at + from as u64, reject }));
    }

    fn is_empty(&self) -> bool {
        self.given == self.bytes.len()
    }

    fn read(&mut self, buffer: &mut [u8]) -> usize {
        let len = (self.bytes.len() - self.given).min(buffer.len());
        buffer[..len].copy_from_slice(&self.bytes[self.given..][..len]);
        self.given += len;
        if self.is_empty() {
            self.at += self.given as u64;
            self.given = 0;
            self.bytes.clear();
        }
        len
    }
}

/// A text that is made of another one.
pub struct Rewrite<C> {
    from: Ahead<Box<dyn Text>>,
    /// Where the lines begin that are faulty already, in what is not taken yet.
    faulty: VecDeque<u64>,
    passing: bool,
    convert: C,
    made: Made,
}

impl<C: Convert> Rewrite<C> {
    /// Nothing is made yet.
    pub fn new(from: Box<dyn Text>, convert: C) -> Self {
        let (faulty, made) = (VecDeque::new(), Made::default());
        Self { from: Ahead::new(from), faulty, passing: false, convert, made }
    }

    /// Makes what can be made of what is at hand, up to about a read's worth. Whether anything moved.
    fn make(&mut self) -> io::Result<bool> {
        const ENOUGH_BYTES: usize = 64 * 1024;
        let before = self.from.taken();
        while self.made.bytes.len() < ENOUGH_BYTES {
            if self.passing {
                if !self.pass_line() {
                    break;
                }
                continue;
            }
            let at = self.from.taken();
            let faulty = self.faulty.front().map(|fault| (fault - at) as usize);
            let given = Given { bytes: self.from.ahead(), is_all: self.from.is_ended(), faulty };
            if given.bytes.is_empty() {
                break;
            }
            match self.convert.convert(given, &mut self.made)? {
                Step::Took(len) => self.take(len),
                Step::PassLine => self.passing = true,
                Step::More => break,
            }
        }
        Ok(!self.made.is_empty() || self.from.taken() > before)
    }

    fn more(&mut self) -> io::Result<()> {
        self.from.more()?;
        while let Some(fault) = self.from.reader_mut().fault_before(u64::MAX) {
            self.faulty.push_back(fault.at);
        }
        Ok(())
    }

    fn take(&mut self, len: usize) {
        self.from.consume(len);
        let taken = self.from.taken();
        while self.faulty.pop_front_if(|fault| *fault < taken).is_some() {}
    }

    /// Passes over what is left of a line, as far as it has come. Whether that was all.
    fn pass_line(&mut self) -> bool {
        let newline = memchr::memchr(b'\n', self.from.ahead());
        self.passing = newline.is_none() && !self.from.is_ended();
        self.take(newline.map_or(self.from.ahead().len(), |newline| newline + 1));
        !self.passing
    }
}

impl<C: Convert> Read for Rewrite<C> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.made.is_empty() {
            if self.make()? {
                continue;
            }
            if self.from.is_ended() {
                return Ok(0);
            }
            self.more()?;
            if self.passing && !self.from.is_ended() {
                self.pass_line();
                // A line without an end must not keep anybody from asking whether the run is over.
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
        Ok(self.made.read(buffer))
    }
}

impl<C: Convert> Text for Rewrite<C> {
    fn begin(&mut self) -> io::Result<()> {
        self.from.reader_mut().begin()?;
        while !self.convert.has_begun() && !self.from.is_ended() {
            self.more()?;
            self.make()?;
        }
        Ok(())
    }

    fn fault_before(&mut self, end: u64) -> Option<Fault> {
        self.made.faults.pop_front_if(|fault| fault.at < end)
    }
}
