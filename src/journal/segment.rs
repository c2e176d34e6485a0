//! A segment: one file of the log. Its first block says which part of the log it holds; frames follow, each at the start of
//! a block, none beyond the file's end.
//!
//! A segment gets its name only when its first block is on the disk. So a named segment whose first block is bad was
//! damaged; it was not caught half-made.

use std::fmt;

use crate::fingerprint::HashKey;
use crate::ids::Seq;

use super::buffer::{AlignedBuf, BLOCK};
use super::frame::{checksum, first_not_zero, get_u32, get_u64, put_u32, put_u64};

/// Bytes of a segment, unless the journal is told otherwise.
pub const SEGMENT_BYTES: u64 = 64 << 20;
/// Version of the format. It is raised for anything that an older reader would take for damage, such as a new kind of frame. (That a
/// segment is packed is not of its format: unpacked, it is what it was.)
pub const FORMAT: u32 = 1;

const MAGIC: u32 = u32::from_le_bytes([0xf5, b'p', b'd', b'S']);
const EXTENSION: &str = ".seg";
const SPARE_EXTENSION: &str = ".spare";
const PACKING_EXTENSION: &str = ".packing";
const ORDINAL_DIGITS: usize = 20;

const AT_MAGIC: usize = 0;
const AT_FORMAT: usize = 4;
const AT_ORDINAL: usize = 8;
const AT_SALT: usize = 16;
const AT_KEY: usize = 24;
const AT_FIRST_SEQ: usize = 40;
const AT_FIRST_INDEX: usize = 48;
const AT_CITY: usize = 56;
const AT_CHAIN: usize = 64;
const AT_RECYCLED: usize = 68;
// 72 .. 124 is free and zero.
const AT_SUM: usize = 124;

/// The name of a segment.
pub fn segment_name(ordinal: u64) -> String {
    format!("{ordinal:0ORDINAL_DIGITS$}{EXTENSION}")
}

/// The name of a file that is set aside to become a segment.
pub fn spare_name(ordinal: u64) -> String {
    format!("{ordinal:0ORDINAL_DIGITS$}{SPARE_EXTENSION}")
}

/// The name of a file in which a segment is being packed.
pub fn packing_name(ordinal: u64) -> String {
    format!("{ordinal:0ORDINAL_DIGITS$}{PACKING_EXTENSION}")
}

/// Whether a file of this name is, or was, being packed.
pub fn is_half_packed(name: &str) -> bool {
    name.ends_with(PACKING_EXTENSION)
}

/// The ordinal of the segment of this name, if it is one.
pub fn segment_ordinal(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(EXTENSION)?;
    (digits.len() == ORDINAL_DIGITS && digits.bytes().all(|digit| digit.is_ascii_digit()))
        .then(|| digits.parse().ok())?
}

/// Whether a file of this name is set aside to become a segment.
pub fn is_spare(name: &str) -> bool {
    name.ends_with(SPARE_EXTENSION)
}

/// What the first block of a segment says. All that lies before the segment is on the disk when the segment is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SegmentHeader {
    /// Counts the segments of a folder from 1.
    pub ordinal: u64,
    /// Stands in every frame of this use of the file, so that frames of an earlier use cannot pass. Nobody who sends
    /// reports can know it, so no body can pass for a frame either.
    pub salt: u64,
    /// The hash key of the folder.
    pub key: HashKey,
    /// The first record of the segment.
    pub first_seq: Seq,
    /// How many frames of the log come before the segment.
    pub first_index: u64,
    /// Version of the city when the segment was made.
    pub city: u64,
    /// Checksum of the header of the last frame before the segment, which chains the segments.
    pub chain: u32,
    /// Whether the file held another segment before; what lies behind the last frame then means nothing.
    pub is_recycled: bool,
}

/// Why a block is not the first block of a segment that this version can read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the fields of a mismatch are what the header says and what is there")]
pub enum SegmentError {
    /// The file is shorter than a block.
    Short { there: usize },
    /// The file does not begin as a segment does.
    Magic,
    /// The segment has another format.
    Format { said: u32 },
    /// The checksum does not fit.
    Sum { said: u32, found: u32 },
    /// The block is not zero behind the header.
    Padding { at: usize },
    /// The segment was made under another name.
    Ordinal { said: u64, expected: u64 },
    /// The segment belongs to another folder.
    Key,
    /// The segment is packed, and cannot be unpacked from this byte of it on.
    Packed { why: &'static str, at: u64 },
}

impl fmt::Display for SegmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Short { there } => write!(f, "the file has {there} bytes, the first block alone has {BLOCK}"),
            Self::Magic => write!(f, "the file does not begin as a segment does"),
            Self::Format { said } => {
                write!(f, "format version is {said}, this paidan reads {FORMAT}; use the version that wrote it")
            }
            Self::Sum { said, found } => write!(f, "checksum of the first block is {said:08x}, computed {found:08x}"),
            Self::Padding { at } => write!(f, "the first block is not zero at byte {at}"),
            Self::Ordinal { said, expected } => write!(f, "holds segment {said}, its name says {expected}"),
            Self::Packed { why, at } => write!(f, "the packed segment cannot be read from its byte {at} on: {why}"),
            Self::Key => write!(f, "hash key differs from that of the segments before it: it is from another folder"),
        }
    }
}

impl std::error::Error for SegmentError {}

impl SegmentHeader {
    /// The first block of the segment.
    pub fn encode(&self) -> AlignedBuf {
        let mut block = AlignedBuf::new();
        let bytes = block.space(BLOCK);
        bytes.fill(0);
        put_u32(bytes, AT_MAGIC, MAGIC);
        put_u32(bytes, AT_FORMAT, FORMAT);
        put_u64(bytes, AT_ORDINAL, self.ordinal);
        put_u64(bytes, AT_SALT, self.salt);
        put_u64(bytes, AT_KEY, self.key.k0);
        put_u64(bytes, AT_KEY + 8, self.key.k1);
        put_u64(bytes, AT_FIRST_SEQ, self.first_seq.0);
        put_u64(bytes, AT_FIRST_INDEX, self.first_index);
        put_u64(bytes, AT_CITY, self.city);
        put_u32(bytes, AT_CHAIN, self.chain);
        put_u32(bytes, AT_RECYCLED, u32::from(self.is_recycled));
        let sum = checksum(&bytes[..AT_SUM]);
        put_u32(bytes, AT_SUM, sum);
        block
    }

    /// Reads what [`SegmentHeader::encode`] wrote.
    ///
    /// # Errors
    /// If the block is not the first one of a segment of this format.
    pub fn parse(block: &[u8]) -> Result<Self, SegmentError> {
        let Some(bytes) = block.get(..BLOCK) else { return Err(SegmentError::Short { there: block.len() }) };
        if get_u32(bytes, AT_MAGIC) != MAGIC {
            return Err(SegmentError::Magic);
        }
        // Another format may keep its checksum elsewhere, so it is told first.
        let said = get_u32(bytes, AT_FORMAT);
        if said != FORMAT {
            return Err(SegmentError::Format { said });
        }
        let (said, found) = (get_u32(bytes, AT_SUM), checksum(&bytes[..AT_SUM]));
        if said != found {
            return Err(SegmentError::Sum { said, found });
        }
        if let Some(at) = first_not_zero(&bytes[AT_SUM + 4..]) {
            return Err(SegmentError::Padding { at: AT_SUM + 4 + at });
        }
        Ok(Self {
            ordinal: get_u64(bytes, AT_ORDINAL),
            salt: get_u64(bytes, AT_SALT),
            key: HashKey { k0: get_u64(bytes, AT_KEY), k1: get_u64(bytes, AT_KEY + 8) },
            first_seq: Seq(get_u64(bytes, AT_FIRST_SEQ)),
            first_index: get_u64(bytes, AT_FIRST_INDEX),
            city: get_u64(bytes, AT_CITY),
            chain: get_u32(bytes, AT_CHAIN),
            is_recycled: get_u32(bytes, AT_RECYCLED) != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: SegmentHeader = SegmentHeader {
        ordinal: 7,
        salt: u64::MAX - 1,
        key: HashKey { k0: 1, k1: 2 },
        first_seq: Seq(100),
        first_index: 9,
        city: 3,
        chain: 0x1234_5678,
        is_recycled: true,
    };

    #[test]
    fn a_header_survives_its_block() {
        for header in [HEADER, SegmentHeader { is_recycled: false, ..HEADER }] {
            assert_eq!(SegmentHeader::parse(header.encode().as_slice()), Ok(header));
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let mut bytes = HEADER.encode().as_slice().to_vec();
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(SegmentHeader::parse(&bytes).is_err(), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        for len in 0..bytes.len() {
            assert_eq!(SegmentHeader::parse(&bytes[..len]), Err(SegmentError::Short { there: len }));
        }
    }

    #[test]
    fn names_sort_as_their_ordinals_do() {
        for (name, ordinal) in [
            ("00000000000000000001.seg", Some(1)),
            ("18446744073709551615.seg", Some(u64::MAX)),
            ("18446744073709551616.seg", None),
            ("1.seg", None),
            ("+0000000000000000001.seg", None),
            ("00000000000000000001.spare", None),
            ("lock", None),
            (".seg", None),
        ] {
            assert_eq!(segment_ordinal(name), ordinal, "{name}");
        }
        assert_eq!(segment_name(1), "00000000000000000001.seg");
        assert!(is_spare(&spare_name(1)) && !is_spare(&segment_name(1)));
    }
}
