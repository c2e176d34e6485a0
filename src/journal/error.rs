//! What can go wrong with a journal, in words that name the file, the place and the mend.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::ids::Seq;

use super::frame::FrameError;
use super::segment::SegmentError;

/// Why the journal cannot go on.
#[derive(Clone, Debug)]
pub enum JournalError {
    /// The disk refused something.
    Io {
        /// What was tried.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// Where in it, in bytes.
        offset: u64,
        /// What the disk said.
        cause: Arc<io::Error>,
    },
    /// Something that was once on the disk is not there any more, or not as it was.
    Corrupt {
        /// In which segment.
        path: PathBuf,
        /// Where in it, in bytes.
        offset: u64,
        /// The first record that cannot be read.
        lost_from: Seq,
        /// The last record that is known to have been on the disk.
        durable: Seq,
        /// What is wrong there.
        why: FrameError,
    },
    /// A segment's first block cannot be read, or is that of another segment.
    Segment {
        /// Which segment.
        path: PathBuf,
        /// What is wrong with it.
        why: SegmentError,
    },
    /// A segment is missing between others.
    Missing {
        /// Which one.
        path: PathBuf,
    },
    /// The folder holds a journal already.
    Exists {
        /// Its first segment.
        path: PathBuf,
    },
    /// The folder holds no journal.
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// A frame is larger than a segment.
    TooLarge {
        /// Bytes of the frame.
        bytes: u64,
        /// Bytes that fit.
        max: u64,
    },
    /// A frame begins at another record than the one that is due.
    OutOfOrder {
        /// Where it begins.
        said: Seq,
        /// The record that is due.
        due: Seq,
    },
}

impl JournalError {
    /// Whether the disk is full. Nothing was written then, and the same call may be made again once there is room.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Io { cause, .. } if cause.kind() == io::ErrorKind::StorageFull)
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, path, offset, cause } => {
                write!(f, "{}, byte {offset}: {doing} failed: {cause}", path.display())
            }
            Self::Corrupt { path, offset, lost_from, durable, why } => write!(
                f,
                "{}, byte {offset}: {why}. The log up to record {durable} was on the disk, and from record {lost_from} on \
                 it cannot be read. Nothing was changed. Put this file and those after it back from a copy",
                path.display()
            ),
            Self::Segment { path, why } => {
                write!(f, "{}: {why}. Nothing was changed. Put the file back from a copy", path.display())
            }
            Self::Missing { path } => {
                write!(f, "{} is missing between other segments. Nothing was changed. Put it back", path.display())
            }
            Self::Exists { path } => {
                write!(
                    f,
                    "{} is there: the folder holds a journal already. Open it, or use another folder",
                    path.display()
                )
            }
            Self::Empty { path } => write!(f, "{} holds no journal", path.display()),
            Self::TooLarge { bytes, max } => {
                write!(
                    f,
                    "a frame of {bytes} bytes does not fit into a segment, which takes {max}. Make smaller batches"
                )
            }
            Self::OutOfOrder { said, due } => write!(f, "a frame begins at record {said}, but record {due} is due"),
        }
    }
}

impl std::error::Error for JournalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { cause, .. } => Some(&**cause),
            Self::Corrupt { why, .. } => Some(why),
            Self::Segment { why, .. } => Some(why),
            _ => None,
        }
    }
}

/// Says what was tried, with which file, and where.
pub(super) trait During<T> {
    fn during(self, doing: &'static str, path: impl FnOnce() -> PathBuf, offset: u64) -> Result<T, JournalError>;
}

impl<T> During<T> for io::Result<T> {
    fn during(self, doing: &'static str, path: impl FnOnce() -> PathBuf, offset: u64) -> Result<T, JournalError> {
        self.map_err(|cause| JournalError::Io { doing, path: path(), offset, cause: Arc::new(cause) })
    }
}
