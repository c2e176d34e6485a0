//! Compressed inputs: gzip of any number of members and zstd of any number of frames become the bytes that were packed.
//!
//! What was packed to harm is stopped by limits of ratio, size and window; see [`crate::limits`].

use std::io::{self, Read};
use std::ops::Range;

use flate2::bufread::MultiGzDecoder;
use zstd::stream::read::Decoder as ZstdDecoder;

use super::ahead::Ahead;
use super::marks::{self, Packing};
use crate::limits::{UNPACKED_BYTES_MAX, UNPACKED_FREE_BYTES, UNPACKED_RATIO_MAX, ZSTD_WINDOW_LOG_MAX};

/// Bytes, and whoever has to be waited for.
pub type Bytes = Box<dyn Read + Send>;

/// What is unpacked at once, whoever asks for how much: when it turns out to be damaged no more than this is lost with it, and
/// of a file always the same.
const PIECE_BYTES: usize = 4 * 1024;

/// How much a compressed input may unpack to.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Most bytes for one compressed byte,
    pub ratio: u64,
    /// beyond so many.
    pub free_bytes: u64,
    /// Most bytes in all.
    pub bytes: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { ratio: UNPACKED_RATIO_MAX, free_bytes: UNPACKED_FREE_BYTES, bytes: UNPACKED_BYTES_MAX }
    }
}

/// An input without its compression, if it has one.
pub struct Unpack {
    state: State,
    bounds: Bounds,
    unpacked: u64,
    may_be_packed: bool,
    /// What was unpacked last, and the part of it that nobody took yet.
    piece: Vec<u8>,
    ready: Range<usize>,
    /// What there is to say once it is taken.
    failure: Option<io::Error>,
}

enum State {
    /// Its first bytes have not come yet.
    Unseen(Ahead<Bytes>),
    Plain(Ahead<Bytes>),
    Gzip(Box<MultiGzDecoder<Ahead<Bytes>>>),
    Zstd(Box<ZstdDecoder<'static, Ahead<Bytes>>>),
    /// It was compressed and must not be, or cannot be unpacked.
    Refused,
}

impl Unpack {
    /// Whatever the bytes are.
    pub const fn new(bytes: Bytes, bounds: Bounds) -> Self {
        Self {
            state: State::Unseen(Ahead::new(bytes)),
            bounds,
            unpacked: 0,
            may_be_packed: true,
            piece: Vec::new(),
            ready: 0..0,
            failure: None,
        }
    }

    /// Bytes that are refused if they are compressed.
    pub fn plain(bytes: Bytes) -> Self {
        Self { may_be_packed: false, ..Self::new(bytes, Bounds { ratio: 1, free_bytes: 0, bytes: u64::MAX }) }
    }

    /// Looks at the first bytes, once.
    fn see(&mut self) -> io::Result<()> {
        let State::Unseen(bytes) = &mut self.state else { return Ok(()) };
        let packing = bytes.look(marks::packing)?;
        let State::Unseen(bytes) = std::mem::replace(&mut self.state, State::Refused) else { return Ok(()) };
        self.state = match packing {
            None => State::Plain(bytes),
            Some(_) if !self.may_be_packed => return Err(must_be_plain()),
            Some(Packing::Gzip) => State::Gzip(Box::new(MultiGzDecoder::new(bytes))),
            Some(Packing::Zstd) => {
                let mut decoder = ZstdDecoder::with_buffer(bytes)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                State::Zstd(Box::new(decoder))
            }
        };
        Ok(())
    }

    /// The packed bytes, and what their packing is called.
    fn packed(&self) -> Option<(&Ahead<Bytes>, &'static str)> {
        match &self.state {
            State::Gzip(decoder) => Some((decoder.get_ref(), "gzip")),
            State::Zstd(decoder) => Some((decoder.get_ref(), "zstd")),
            State::Unseen(_) | State::Plain(_) | State::Refused => None,
        }
    }

    /// What a decoder could not go on with, said so that the place is found.
    fn damage(&self, cause: io::Error) -> io::Error {
        match self.packed() {
            Some((bytes, _)) if bytes.has_failed() => cause,
            Some((bytes, packing)) if cause.kind() == io::ErrorKind::UnexpectedEof => invalid(format!(
                "压缩数据被截断 the {packing} data end in the middle, at compressed byte {}: the file is not whole",
                bytes.taken()
            )),
            Some((bytes, packing)) => invalid(format!(
                "压缩数据损坏 the {packing} data are damaged before compressed byte {}: {cause}",
                bytes.taken()
            )),
            None => cause,
        }
    }

    /// Unpacks a piece: whole, but at the end and where nothing more has come yet.
    fn unpack(&mut self) -> io::Result<()> {
        self.piece.resize(PIECE_BYTES, 0);
        let mut len = 0;
        while len < PIECE_BYTES {
            let space = &mut self.piece[len..];
            let read = match &mut self.state {
                State::Gzip(decoder) => decoder.read(space),
                State::Zstd(decoder) => decoder.read(space),
                State::Unseen(_) | State::Plain(_) | State::Refused => Ok(0),
            };
            match read {
                Ok(0) => break,
                Ok(read) => len += read,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock && len == 0 => return Err(cause),
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => break,
                Err(cause) => {
                    self.failure = Some(self.damage(cause));
                    break;
                }
            }
        }
        if let Err(bomb) = self.count(len) {
            (len, self.failure) = (0, Some(bomb));
        }
        self.ready = 0..len;
        Ok(())
    }

    /// Counts what was unpacked, and refuses what nobody packs who means well.
    fn count(&mut self, read: usize) -> io::Result<()> {
        self.unpacked += read as u64;
        let Some((bytes, packing)) = self.packed() else { return Ok(()) };
        let (packed, unpacked, bounds) = (bytes.taken(), self.unpacked, self.bounds);
        let what = if unpacked > bounds.bytes {
            format!("more than {} bytes in all", bounds.bytes)
        } else if unpacked > bounds.free_bytes.saturating_add(packed.saturating_mul(bounds.ratio)) {
            format!("more than {} bytes for each one", bounds.ratio)
        } else {
            return Ok(());
        };
        let place = format!("{packed} compressed bytes");
        Err(invalid(format!(
            "疑似压缩炸弹 {place} of {packing} unpack to {what}; unpack it yourself if it is meant so"
        )))
    }
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn must_be_plain() -> io::Error {
    invalid(
        "压缩文件不能跟读 is compressed, and a compressed file cannot be followed while it grows; leave out --follow"
            .to_owned(),
    )
}

impl Read for Unpack {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.see()?;
        if let State::Plain(bytes) = &mut self.state {
            return bytes.read(buffer);
        }
        if self.ready.is_empty() && self.failure.is_none() {
            self.unpack()?;
        }
        match self.failure.take_if(|_| self.ready.is_empty()) {
            Some(failure) => {
                self.state = State::Refused;
                Err(failure)
            }
            None => {
                let taken = self.ready.len().min(buffer.len());
                buffer[..taken].copy_from_slice(&self.piece[self.ready.start..][..taken]);
                self.ready.start += taken;
                Ok(taken)
            }
        }
    }
}
