//! Reads a folder of segments from its first frame to its last, checks all of it on the way, and says how it ends.
//!
//! Where a frame is bad, one question decides: was it ever on the disk? Every header says how many frames were, when it was
//! written. If any header that can be read, also behind the bad frame, says that it was, the log is damaged and the reader
//! refuses to go on. If none does, a crash caught the writer there, nobody was told of it, and the log ends.

use std::collections::VecDeque;
use std::path::PathBuf;

use crate::ids::Seq;

use super::buffer::{AlignedBuf, BLOCK};
use super::disk::Disk;
use super::error::{During, JournalError};
use super::frame::{FrameError, FrameView, HEADER, Header, first_not_zero};
use super::packed::{SegmentFile, read_first_block};
use super::segment::{SegmentError, SegmentHeader, segment_name, segment_ordinal};

/// How much is looked through at a time behind the end of the log.
const WINDOW: usize = 256 * BLOCK;

/// Walks through the frames of a folder in order. It holds one frame at a time, and never more than a segment.
#[derive(Debug)]
pub struct Reader<D: Disk> {
    pub(super) disk: D,
    pub(super) segments: Vec<SegmentHeader>,
    /// Which segment is read.
    current: usize,
    file: SegmentFile<D::File>,
    /// Where in it the next frame begins.
    at: u64,
    buffer: AlignedBuf,
    /// Whether bodies are left in the file where nothing depends on them.
    skips_bodies: bool,
    pub(super) log: LogEnd,
    /// Where the frames of this segment begin that no header read so far says were on the disk.
    unproven: VecDeque<u64>,
    /// Where a frame was missing that is known to have been written, and was looked for again.
    looked_again_at: u64,
    end: Option<End>,
}

/// The state of the log behind a frame: what the next one must continue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct LogEnd {
    pub(super) next_seq: Seq,
    pub(super) next_index: u64,
    pub(super) chain: u32,
    pub(super) durable: Seq,
    pub(super) durable_frames: u64,
}

impl LogEnd {
    /// At the start of a segment all that comes before it is on the disk.
    pub(super) fn before(segment: &SegmentHeader) -> Self {
        Self {
            next_seq: segment.first_seq,
            next_index: segment.first_index,
            chain: segment.chain,
            durable: Seq(segment.first_seq.0.saturating_sub(1)),
            durable_frames: segment.first_index,
        }
    }

    /// Right before a frame of a segment, by what its header says.
    fn at(header: &Header, segment: &SegmentHeader) -> Self {
        let (next_seq, next_index, chain) = (header.order.first_seq, header.ink.index, header.ink.prev);
        let mut log = Self { next_seq, next_index, chain, ..Self::before(segment) };
        log.learn(header);
        log
    }

    fn meets(&self, segment: &SegmentHeader) -> bool {
        (self.next_seq, self.next_index, self.chain) == (segment.first_seq, segment.first_index, segment.chain)
    }

    fn check(&self, header: &Header) -> Result<(), FrameError> {
        let (ink, first) = (&header.ink, header.order.first_seq);
        if ink.index != self.next_index {
            return Err(FrameError::Index { said: ink.index, expected: self.next_index });
        }
        if ink.prev != self.chain {
            return Err(FrameError::Chain { said: ink.prev, expected: self.chain });
        }
        if first != self.next_seq {
            return Err(FrameError::FirstSeq { said: first.0, expected: self.next_seq.0 });
        }
        Ok(())
    }

    /// Goes on behind a frame.
    pub(super) fn advance(&mut self, header: &Header) {
        self.next_seq = header.next_seq();
        self.next_index += 1;
        self.chain = header.sum;
        self.learn(header);
    }

    fn learn(&mut self, header: &Header) {
        if header.ink.durable_frames > self.durable_frames {
            self.durable_frames = header.ink.durable_frames;
            self.durable = header.ink.durable;
        }
    }
}

/// Where and how the log ends.
#[derive(Clone, Debug)]
pub(super) struct End {
    /// Where in the last segment the last frame ends.
    pub(super) at: u64,
    /// Where the frames begin of which no header says that they were on the disk.
    pub(super) unproven_from: u64,
    pub(super) cut: Option<Cut>,
}

/// What a crash left behind the last whole frame. Nobody was ever told that it was kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cut {
    /// In which segment.
    pub path: PathBuf,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// How long it is, in bytes.
    pub bytes: u64,
    /// Why it is no frame.
    pub why: FrameError,
}

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, offset, bytes, why } = self;
        write!(
            f,
            "{}, byte {offset}: {bytes} bytes that were never confirmed are no whole frame: {why}",
            path.display()
        )
    }
}

/// A frame, and where it lies.
#[derive(Debug)]
pub struct Found<'a> {
    /// The frame.
    pub view: FrameView<'a>,
    /// In which segment.
    pub segment: u64,
    /// Where in it, in bytes.
    pub offset: u64,
}

/// Where a frame begins, and its header: whoever finds that header there again has found the same frame of the same log, since
/// the header holds the salt of its segment and the checksums that chain it to all frames before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// In which segment.
    pub segment: u64,
    /// Where in it, in bytes.
    pub offset: u64,
    /// What its header says.
    pub header: Header,
}

/// A frame that was taken out of its reader, so that another thread can look at it while the next one is read. It is used
/// again for another frame, and then allocates nothing.
#[derive(Debug)]
pub struct Taken {
    buffer: AlignedBuf,
    /// None before a frame was taken.
    header: Option<Header>,
    has_bodies: bool,
    /// In which segment the frame lies.
    pub segment: u64,
    /// Where in it, in bytes.
    pub offset: u64,
}

impl Default for Taken {
    fn default() -> Self {
        Self { buffer: AlignedBuf::new(), header: None, has_bodies: false, segment: 0, offset: 0 }
    }
}

impl Taken {
    /// The frame.
    ///
    /// # Panics
    /// If none was taken yet.
    pub fn view(&self) -> FrameView<'_> {
        checked(self.buffer.as_slice(), self.header.expect("a frame was taken"), self.has_bodies)
    }

    /// Where the frame begins.
    ///
    /// # Panics
    /// If none was taken yet.
    pub fn place(&self) -> Place {
        Place { segment: self.segment, offset: self.offset, header: *self.view().header() }
    }
}

fn checked(bytes: &[u8], header: Header, has_bodies: bool) -> FrameView<'_> {
    match has_bodies {
        true => FrameView::checked(bytes, header),
        false => FrameView::checked_without_bodies(bytes, header),
    }
}

/// What lies at the place where the next frame is due.
enum Next {
    Frame(Header),
    /// No frame. `is_whole`: its header is in order and of this segment, so no crash made it what it is.
    Bad {
        why: FrameError,
        is_whole: bool,
    },
}

impl<D: Disk> Reader<D> {
    /// Reads from the first segment that is still there.
    ///
    /// # Errors
    /// If the folder holds no journal, or a segment is missing, foreign or damaged in its first block.
    pub fn open(disk: D) -> Result<Self, JournalError> {
        Self::open_at(disk, Seq(0))
    }

    /// Reads from the start of the segment that holds record `from`, or from the first one that is still there.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn open_at(disk: D, from: Seq) -> Result<Self, JournalError> {
        match Self::open_sound(disk, from)? {
            (reader, None) => Ok(reader),
            (_, Some(damage)) => Err(damage),
        }
    }

    /// As [`Reader::open_at`], but where a segment is missing or damaged in its first block, the segments before it can be
    /// read all the same; the damage is given too.
    ///
    /// # Errors
    /// If the folder holds no journal, or not one segment can be read.
    pub fn open_sound(disk: D, from: Seq) -> Result<(Self, Option<JournalError>), JournalError> {
        let (segments, damage) = read_headers(&disk)?;
        let current = segments.partition_point(|segment| segment.first_seq <= from).saturating_sub(1);
        let file = SegmentFile::open(&disk, segments[current].ordinal)?;
        let reader = Self {
            log: LogEnd::before(&segments[current]),
            disk,
            segments,
            current,
            file,
            at: BLOCK as u64,
            buffer: AlignedBuf::new(),
            skips_bodies: false,
            unproven: VecDeque::new(),
            looked_again_at: 0,
            end: None,
        };
        Ok((reader, damage))
    }

    /// From here on bodies stay in the file, and frames come without them: whoever only decides again does not need them, and
    /// they are most of a log. (Of a packed segment they are unpacked, but not looked at.) The last segment is read whole all the
    /// same, because there the bodies too decide where a log that was cut short ends.
    #[must_use]
    pub fn without_bodies(mut self) -> Self {
        self.skips_bodies = true;
        self
    }

    /// Goes to a frame that was found before, which comes next then. False, and the reader stays where it is, if that frame is
    /// not there: it is of another log, or of a tail that was cut off since. What comes before it is not looked at.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn go_to(&mut self, place: &Place) -> Result<bool, JournalError> {
        let is_its = |segment: &SegmentHeader| segment.ordinal == place.segment;
        let Some(current) = self.segments.iter().position(is_its) else { return Ok(false) };
        let segment = self.segments[current];
        let mut file = SegmentFile::open(&self.disk, segment.ordinal)?;
        let mut bytes = [0; HEADER];
        let read = file.read_at(place.offset, &mut bytes)?;
        if place.header.ink.salt != segment.salt || Header::parse(&bytes[..read]) != Ok(place.header) {
            return Ok(false);
        }
        (self.current, self.file, self.at) = (current, file, place.offset);
        self.log = LogEnd::at(&place.header, &segment);
        self.unproven.clear();
        self.looked_again_at = 0;
        self.end = None;
        Ok(true)
    }

    /// What the segments say, from the oldest to the newest.
    pub fn segments(&self) -> &[SegmentHeader] {
        &self.segments
    }

    /// The record that is due next.
    pub fn next_seq(&self) -> Seq {
        self.log.next_seq
    }

    /// The full path of a segment, for texts.
    pub fn path(&self, segment: u64) -> PathBuf {
        self.disk.path(&segment_name(segment))
    }

    /// What lies behind the last frame, if anything; known once the reader is at its end.
    pub fn cut(&self) -> Option<&Cut> {
        self.end.as_ref()?.cut.as_ref()
    }

    /// The next frame, or nothing at the end of the log.
    ///
    /// # Errors
    /// If the disk fails, or the log is damaged.
    pub fn next_frame(&mut self) -> Result<Option<Found<'_>>, JournalError> {
        let Some((header, offset)) = self.advance()? else { return Ok(None) };
        let view = checked(self.buffer.as_slice(), header, self.reads_bodies());
        Ok(Some(Found { view, segment: self.segments[self.current].ordinal, offset }))
    }

    /// As [`Reader::next_frame`], but the frame is taken out, in exchange for the room of an earlier one. False at the end of
    /// the log.
    ///
    /// # Errors
    /// As [`Reader::next_frame`].
    pub fn take_frame(&mut self, into: &mut Taken) -> Result<bool, JournalError> {
        let Some((header, offset)) = self.advance()? else { return Ok(false) };
        into.header = Some(header);
        into.has_bodies = self.reads_bodies();
        (into.segment, into.offset) = (self.segments[self.current].ordinal, offset);
        std::mem::swap(&mut into.buffer, &mut self.buffer);
        Ok(true)
    }

    /// A frame that was found before, whole and checked: its place is that of a [`Found`] or [`Taken`].
    ///
    /// # Errors
    /// If it cannot be read any more, or its bodies are not what they were.
    pub fn whole_frame(&self, segment: u64, offset: u64, into: &mut Taken) -> Result<(), JournalError> {
        let known = self.segments.iter().find(|known| known.ordinal == segment);
        let known = known.ok_or_else(|| JournalError::Missing { path: self.path(segment) })?;
        let mut file = SegmentFile::open(&self.disk, segment)?;
        let there = file.bytes().saturating_sub(offset);
        let mut read = |buffer: &mut AlignedBuf, bytes: u64| {
            let before = buffer.len();
            let read = file.read_at(offset + before as u64, buffer.space(bytes as usize))?;
            buffer.truncate(before + read);
            Ok::<_, JournalError>(())
        };
        let corrupt = |why| JournalError::Corrupt {
            path: self.path(segment),
            offset,
            lost_from: known.first_seq,
            durable: self.log.durable,
            why,
        };
        into.buffer.clear();
        read(&mut into.buffer, HEADER as u64)?;
        let header = Header::parse(into.buffer.as_slice()).map_err(corrupt)?;
        if header.frame_bytes() > there {
            return Err(corrupt(FrameError::Short { said: header.frame_bytes(), there }));
        }
        read(&mut into.buffer, header.frame_bytes() - HEADER as u64)?;
        FrameView::parse(into.buffer.as_slice()).map_err(corrupt)?;
        (into.header, into.has_bodies, into.segment, into.offset) = (Some(header), true, segment, offset);
        Ok(())
    }

    fn reads_bodies(&self) -> bool {
        !self.skips_bodies || self.current + 1 == self.segments.len()
    }

    /// Reads on behind the next frame, and gives its header and where it begins.
    fn advance(&mut self) -> Result<Option<(Header, u64)>, JournalError> {
        while self.end.is_none() {
            match self.read_frame()? {
                Next::Frame(header) => return Ok(Some((header, self.accept(&header)))),
                Next::Bad { why, is_whole } if self.current + 1 == self.segments.len() => self.finish(why, is_whole)?,
                Next::Bad { why, .. } => self.next_segment(why)?,
            }
        }
        Ok(None)
    }

    /// Reads what is left, and says how the log ends.
    pub(super) fn read_to_end(&mut self, mut each: impl FnMut(&Found<'_>)) -> Result<End, JournalError> {
        while let Some(found) = self.next_frame()? {
            each(&found);
        }
        Ok(self.end.clone().expect("a reader without a next frame is at its end"))
    }

    fn read_frame(&mut self) -> Result<Next, JournalError> {
        let there = self.file.bytes().saturating_sub(self.at);
        self.buffer.clear();
        self.read_more(there.min(BLOCK as u64))?;
        let salt = self.segments[self.current].salt;
        let header = match Header::parse(self.buffer.as_slice()) {
            Ok(header) if header.ink.salt != salt => {
                let why = FrameError::Salt { said: header.ink.salt, expected: salt };
                return Ok(Next::Bad { why, is_whole: false });
            }
            Ok(header) => header,
            Err(why) => {
                let is_whole = why.is_of_whole_header() && Header::salt_said(self.buffer.as_slice()) == Some(salt);
                return Ok(Next::Bad { why, is_whole });
            }
        };
        if let Err(why) = self.log.check(&header) {
            return Ok(Next::Bad { why, is_whole: true });
        }
        if header.frame_bytes() > there {
            let why = FrameError::Short { said: header.frame_bytes(), there };
            return Ok(Next::Bad { why, is_whole: false });
        }
        let parsed = if self.reads_bodies() {
            self.read_more(header.frame_bytes() - self.buffer.len() as u64)?;
            FrameView::parse(self.buffer.as_slice())
        } else {
            let behind = header.behind_bodies();
            self.buffer.truncate(HEADER);
            self.read_at(self.at + behind.start, behind.end - behind.start)?;
            FrameView::parse_without_bodies(self.buffer.as_slice(), header)
        };
        Ok(match parsed {
            Ok(view) => Next::Frame(*view.header()),
            Err(why) => Next::Bad { why, is_whole: false },
        })
    }

    /// Appends the next `bytes` bytes of the frame, as far as there are so many, to the buffer.
    fn read_more(&mut self, bytes: u64) -> Result<(), JournalError> {
        self.read_at(self.at + self.buffer.len() as u64, bytes)
    }

    /// Appends `bytes` bytes of the file to the buffer.
    fn read_at(&mut self, at: u64, bytes: u64) -> Result<(), JournalError> {
        let before = self.buffer.len();
        let read = self.file.read_at(at, self.buffer.space(bytes as usize))?;
        self.buffer.truncate(before + read);
        Ok(())
    }

    /// Goes on behind a frame; gives where it began.
    fn accept(&mut self, header: &Header) -> u64 {
        let offset = self.at;
        self.at += header.frame_bytes();
        self.unproven.push_back(offset);
        self.log.advance(header);
        let unproven = self.log.next_index.saturating_sub(self.log.durable_frames) as usize;
        while self.unproven.len() > unproven {
            self.unproven.pop_front();
        }
        offset
    }

    /// Where no frame follows and this is not the last segment, the next one says whether that is right.
    fn next_segment(&mut self, why: FrameError) -> Result<(), JournalError> {
        let next = self.segments[self.current + 1];
        if !self.log.meets(&next) {
            self.log.durable = LogEnd::before(&next).durable;
            return Err(self.corrupt(why));
        }
        self.file = SegmentFile::open(&self.disk, next.ordinal)?;
        self.current += 1;
        self.at = BLOCK as u64;
        self.log = LogEnd::before(&next);
        self.unproven.clear();
        Ok(())
    }

    fn corrupt(&self, why: FrameError) -> JournalError {
        JournalError::Corrupt {
            path: self.path(self.segments[self.current].ordinal),
            offset: self.at,
            lost_from: self.log.next_seq,
            durable: self.log.durable,
            why,
        }
    }

    /// Where no frame follows in the last segment: is that the end, or damage?
    fn finish(&mut self, why: FrameError, is_whole: bool) -> Result<(), JournalError> {
        let left = self.search_on()?;
        let was_durable = self.log.durable_frames > self.log.next_index;
        if was_durable && self.looked_again_at != self.at {
            // A writer at work may have written it between the two looks.
            self.looked_again_at = self.at;
            return Ok(());
        }
        if is_whole || was_durable {
            return Err(self.corrupt(why));
        }
        let cut = (left > 0).then(|| Cut {
            path: self.path(self.segments[self.current].ordinal),
            offset: self.at,
            bytes: left,
            why,
        });
        let unproven_from = self.unproven.front().copied().unwrap_or(self.at);
        self.end = Some(End { at: self.at, unproven_from, cut });
        Ok(())
    }

    /// Looks at all blocks from here on for headers of this segment, and learns from them what was on the disk. Gives how
    /// many bytes from here on were written in this use of the file.
    fn search_on(&mut self) -> Result<u64, JournalError> {
        let segment = self.segments[self.current];
        let mut window_at = self.at;
        let mut left = 0;
        while window_at < self.file.bytes() {
            self.buffer.clear();
            let window = self.buffer.space((self.file.bytes() - window_at).min(WINDOW as u64) as usize);
            let read = self.file.read_at(window_at, window)?;
            if read == 0 {
                break;
            }
            for (i, block) in window[..read].chunks(BLOCK).enumerate() {
                let block_at = window_at + (i * BLOCK) as u64;
                let said = Header::parse(block).ok().filter(|header| header.ink.salt == segment.salt);
                let block_end = block_at + block.len() as u64;
                if let Some(header) = said {
                    self.log.learn(&header);
                    let frame_end = (block_at + header.frame_bytes()).min(self.file.bytes());
                    left = left.max(frame_end.max(block_end) - self.at);
                } else if is_of(block, &segment) {
                    left = left.max(block_end - self.at);
                }
            }
            window_at += read as u64;
        }
        Ok(left)
    }
}

/// Whether a block without a whole header was written in this use of the file. In a recycled file what is not zero may be
/// of an earlier use, and only the salt tells.
fn is_of(block: &[u8], segment: &SegmentHeader) -> bool {
    match segment.is_recycled {
        true => Header::salt_said(block) == Some(segment.salt),
        false => first_not_zero(block).is_some(),
    }
}

/// The headers of all segments, up to the first that is missing or damaged, and what is wrong with that one.
fn read_headers<D: Disk>(disk: &D) -> Result<(Vec<SegmentHeader>, Option<JournalError>), JournalError> {
    let ordinals = ordinals(disk)?;
    let Some(&first) = ordinals.first() else { return Err(JournalError::Empty { path: disk.path("") }) };
    let mut headers: Vec<SegmentHeader> = Vec::with_capacity(ordinals.len());
    let mut is_sealed = false;
    for (expected, ordinal) in (first..).zip(ordinals) {
        let header = match ordinal == expected {
            true => read_header(disk, ordinal),
            false => Err(JournalError::Missing { path: disk.path(&segment_name(expected)) }),
        };
        match header {
            Ok((header, is_packed)) if headers.first().is_none_or(|first| first.key == header.key) => {
                headers.push(header);
                is_sealed = is_packed;
            }
            Ok(_) => {
                let (path, why) = (disk.path(&segment_name(ordinal)), SegmentError::Key);
                return Ok((headers, Some(JournalError::Segment { path, why })));
            }
            Err(damage) if headers.is_empty() => return Err(damage),
            Err(damage) => return Ok((headers, Some(damage))),
        }
    }
    // What is packed had others behind it.
    let next = headers.last().filter(|_| is_sealed).map(|last| last.ordinal + 1);
    Ok((headers, next.map(|next| JournalError::Missing { path: disk.path(&segment_name(next)) })))
}

/// The ordinals of all segments, from the oldest to the newest.
pub(super) fn ordinals<D: Disk>(disk: &D) -> Result<Vec<u64>, JournalError> {
    let names = disk.list().during("listing", || disk.path(""), 0)?;
    let mut ordinals: Vec<u64> = names.iter().filter_map(|name| segment_ordinal(name)).collect();
    ordinals.sort_unstable();
    Ok(ordinals)
}

/// What a segment says in its first block, and whether it is packed.
fn read_header<D: Disk>(disk: &D, ordinal: u64) -> Result<(SegmentHeader, bool), JournalError> {
    let mut block = [0; BLOCK];
    let (read, is_packed) = read_first_block(disk, ordinal, &mut block)?;
    let refused = |why| JournalError::Segment { path: disk.path(&segment_name(ordinal)), why };
    let header = SegmentHeader::parse(&block[..read]).map_err(refused)?;
    match header.ordinal == ordinal {
        true => Ok((header, is_packed)),
        false => Err(refused(SegmentError::Ordinal { said: header.ordinal, expected: ordinal })),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::io;
    use std::rc::Rc;

    use super::*;
    use crate::fingerprint::HashKey;
    use crate::ids::SourceId;
    use crate::journal::disk::{Access, DiskFile};
    use crate::journal::frame::{Frame, HEADER, Ink, Kind, Order, checksum, put_u32};
    use crate::journal::sim::{SimDisk, SimFile};
    use crate::journal::writer::{Journal, Setup};
    use crate::record::{PlacedTally, Record, Tally, Turned};
    use crate::report::{Field, Reason};

    /// A disk on which something happens before each read.
    struct Busy<F> {
        disk: SimDisk,
        act: Rc<RefCell<F>>,
    }

    struct BusyFile<F> {
        file: SimFile,
        act: Rc<RefCell<F>>,
    }

    impl<F: FnMut()> Disk for Busy<F> {
        type File = BusyFile<F>;

        fn create(&self, name: &str, bytes: u64) -> io::Result<BusyFile<F>> {
            Ok(BusyFile { file: self.disk.create(name, bytes)?, act: self.act.clone() })
        }

        fn open(&self, name: &str, access: Access) -> io::Result<BusyFile<F>> {
            Ok(BusyFile { file: self.disk.open(name, access)?, act: self.act.clone() })
        }

        fn rename(&self, from: &str, to: &str) -> io::Result<()> {
            self.disk.rename(from, to)
        }

        fn remove(&self, name: &str) -> io::Result<()> {
            self.disk.remove(name)
        }

        fn list(&self) -> io::Result<Vec<String>> {
            self.disk.list()
        }

        fn sync_dir(&self) -> io::Result<()> {
            self.disk.sync_dir()
        }

        fn path(&self, name: &str) -> PathBuf {
            self.disk.path(name)
        }
    }

    impl<F: FnMut()> DiskFile for BusyFile<F> {
        fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
            self.file.write_at(at, bytes)
        }

        fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<usize> {
            (self.act.borrow_mut())();
            self.file.read_at(at, bytes)
        }

        fn size(&self) -> io::Result<u64> {
            self.file.size()
        }

        fn truncate(&mut self, bytes: u64) -> io::Result<()> {
            self.file.truncate(bytes)
        }

        fn sync(&mut self) -> io::Result<()> {
            self.file.sync()
        }
    }

    fn append(journal: &mut Journal<SimDisk>) {
        let mut frame = Frame::document(Kind::Manifest, b"{}");
        frame.set_order(Order { first_seq: journal.next_seq(), ..Order::default() });
        journal.append(&mut frame).unwrap();
        journal.sync().unwrap();
    }

    /// A log of a few segments, each frame a line that was turned away.
    fn log_of_tallies() -> SimDisk {
        let disk = SimDisk::new(1);
        let setup = Setup { entropy: 1, segment_bytes: 8 * BLOCK as u64 };
        let mut journal = Journal::create(disk.clone(), HashKey { k0: 1, k1: 1 }, 1, setup).unwrap();
        for n in 1..=10 {
            let mut frame = Frame::new();
            let body_at = frame.push_body(&[n; 5000]);
            let tally = Tally {
                turned: Turned::Rejected,
                count: 1,
                field: Field::Line,
                reason: Reason::NotJson,
                input: 0,
                line: u64::from(n),
                offset: 0,
                wrong_at: 0,
            };
            frame.fill().1.tally(PlacedTally { before: 0, source: SourceId::NONE, body_at, body_len: 5000, tally });
            frame.close();
            frame.set_positions(&[]);
            frame.set_order(Order { first_seq: journal.next_seq(), ..Order::default() });
            journal.append(&mut frame).unwrap();
            journal.sync().unwrap();
        }
        disk
    }

    /// All records of a log with their places, or the error that ends it.
    fn all(mut reader: Reader<SimDisk>) -> Result<Vec<(Record, u64, u64)>, String> {
        let (mut frame, mut all) = (Taken::default(), Vec::new());
        while reader.take_frame(&mut frame).map_err(|error| error.to_string())? {
            let records = frame.view().records().map(|placed| placed.expect("a checked frame").record);
            all.extend(records.map(|record| (record, frame.segment, frame.offset)));
        }
        Ok(all)
    }

    #[test]
    fn without_bodies_the_records_are_the_same_and_each_body_can_be_fetched() {
        let disk = log_of_tallies();
        let whole = all(Reader::open(disk.clone()).unwrap()).unwrap();
        assert_eq!(all(Reader::open(disk.clone()).unwrap().without_bodies()), Ok(whole.clone()));
        let reader = Reader::open(disk).unwrap().without_bodies();
        assert!(reader.segments().len() > 2);
        let mut frame = Taken::default();
        for (n, (record, segment, offset)) in (1..).zip(&whole) {
            reader.whole_frame(*segment, *offset, &mut frame).unwrap();
            assert_eq!(frame.view().body(record.origin.body), [n; 5000]);
        }
        assert!(reader.whole_frame(99, 0, &mut frame).is_err());
        assert!(reader.whole_frame(1, 0, &mut frame).is_err());
    }

    #[test]
    fn without_bodies_everything_but_old_bodies_is_checked() {
        let frame_at = BLOCK as u64;
        let (body, tally) = (frame_at + HEADER as u64 + 7, frame_at + HEADER as u64 + 5000 + 20);
        let last = {
            let reader = Reader::open(log_of_tallies()).unwrap();
            reader.segments().last().unwrap().ordinal
        };
        // Which segment, which byte, whether a reader without bodies may go on.
        for (segment, at, is_passed_over) in [(1, body, true), (1, tally, false), (last, body, false)] {
            let disk = log_of_tallies();
            let name = segment_name(segment);
            let byte = disk.contents(&name).unwrap()[at as usize];
            disk.overwrite(&name, at, &[byte ^ 1]);
            let whole = all(Reader::open(disk.clone()).unwrap());
            let lean = all(Reader::open(disk.clone()).unwrap().without_bodies());
            // In the last segment the bad body is a torn tail, which both cut off.
            assert_eq!(lean != whole, is_passed_over, "segment {segment}, byte {at}: {lean:?} {whole:?}");
            assert_eq!(lean.is_ok(), is_passed_over || segment == last, "segment {segment}, byte {at}: {lean:?}");
            let fetched = Reader::open(disk).unwrap().whole_frame(segment, frame_at, &mut Taken::default());
            assert!(fetched.is_err(), "what is fetched is checked whole");
        }
    }

    #[test]
    fn every_frame_can_be_gone_to_and_no_other_is_taken_for_it() {
        let disk = log_of_tallies();
        let whole = all(Reader::open(disk.clone()).unwrap()).unwrap();
        let (mut places, mut reader, mut frame) = (Vec::new(), Reader::open(disk.clone()).unwrap(), Taken::default());
        while reader.take_frame(&mut frame).unwrap() {
            places.push(frame.place());
        }
        assert!(places.last().unwrap().segment > 3, "a log of several segments");
        for (n, place) in places.iter().enumerate() {
            for reader in [Reader::open(disk.clone()).unwrap(), Reader::open(disk.clone()).unwrap().without_bodies()] {
                let mut reader = reader;
                assert!(reader.go_to(place).unwrap());
                assert_eq!(all(reader).as_deref(), Ok(&whole[n..]), "from frame {n}");
            }
        }
        let refused = |disk: &SimDisk, place: Place| {
            let mut reader = Reader::open(disk.clone()).unwrap();
            assert!(!reader.go_to(&place).unwrap());
            assert_eq!(all(reader).as_ref(), Ok(&whole), "a reader that was not moved");
        };
        refused(&disk, Place { segment: 99, ..places[5] });
        refused(&disk, Place { offset: places[5].offset + BLOCK as u64, ..places[5] });
        refused(&disk, Place { offset: u64::MAX - 1, ..places[5] });
        refused(&disk, Place { header: places[4].header, ..places[5] });
        disk.flip(&segment_name(places[5].segment), places[5].offset + 20, 1);
        let mut reader = Reader::open(disk).unwrap();
        assert!(!reader.go_to(&places[5]).unwrap(), "the frame is not what it was");
    }

    #[test]
    fn segments_before_a_missing_one_can_be_read() {
        let disk = log_of_tallies();
        let whole = all(Reader::open(disk.clone()).unwrap()).unwrap();
        disk.remove(&segment_name(3)).unwrap();
        assert!(matches!(Reader::open(disk.clone()), Err(JournalError::Missing { .. })));
        let (reader, damage) = Reader::open_sound(disk, Seq(0)).unwrap();
        assert!(matches!(damage, Some(JournalError::Missing { .. })));
        let sound: Vec<_> = whole.into_iter().filter(|(_, segment, _)| *segment < 3).collect();
        assert_eq!(all(reader), Ok(sound));
    }

    /// A writer that writes at a time when the reader has found nothing, and before it has looked behind it.
    #[test]
    fn a_writer_at_work_is_never_taken_for_damage() {
        for pause in 0..24 {
            let disk = SimDisk::new(1);
            let setup = Setup { entropy: 1, segment_bytes: 32 * BLOCK as u64 };
            let mut journal = Journal::create(disk.clone(), HashKey { k0: 1, k1: 1 }, 1, setup).unwrap();
            (0..6).for_each(|_| append(&mut journal));
            let mut reads = 0;
            let act = move || {
                reads += 1;
                if reads > pause && reads % 3 == pause % 3 && journal.segments() == 1 {
                    (0..3).for_each(|_| append(&mut journal));
                }
            };
            let busy = Busy { disk, act: Rc::new(RefCell::new(act)) };
            let mut reader = Reader::open(busy).unwrap();
            let mut frames = 0;
            while reader.next_frame().unwrap_or_else(|error| panic!("pause {pause}: {error}")).is_some() {
                frames += 1;
            }
            assert!(frames >= 6, "pause {pause}: {frames} frames");
        }
    }

    /// A frame that a newer version wrote at the very end of the log is not a torn tail, though nothing proves that it was on
    /// the disk.
    #[test]
    fn a_whole_header_that_cannot_be_read_is_refused_and_never_cut() {
        let check = |field: usize, value: u32, expected: &str| {
            let disk = SimDisk::new(1);
            let setup = Setup { entropy: 1, segment_bytes: 8 * BLOCK as u64 };
            let mut journal = Journal::create(disk.clone(), HashKey { k0: 1, k1: 1 }, 1, setup).unwrap();
            append(&mut journal);
            append(&mut journal);
            let (name, at) = (segment_name(1), 2 * BLOCK);
            let mut header = disk.contents(&name).unwrap()[at..at + HEADER].to_vec();
            put_u32(&mut header, field, value);
            let sum = checksum(&header[..HEADER - 4]);
            put_u32(&mut header, HEADER - 4, sum);
            disk.overwrite(&name, at as u64, &header);
            let error = Journal::open(disk, setup).expect_err(expected);
            assert!(error.to_string().contains(expected), "{error}");
        };
        check(4, 9, "unknown kind of frame 9");
        check(52, 1, "a frame without records says it holds 1");
        check(16, 5, "begins at record 5, record 1 is due");
        check(104, 5, "follows a frame with checksum 00000005");
    }

    /// Bodies are what strangers send. One that looks like a header must not make a torn tail look like damage.
    #[test]
    fn a_header_inside_a_body_proves_nothing_without_the_salt() {
        let check = |knows_salt: bool| {
            let disk = SimDisk::new(1);
            let setup = Setup { entropy: 1, segment_bytes: 8 * BLOCK as u64 };
            let mut journal = Journal::create(disk.clone(), HashKey { k0: 1, k1: 1 }, 1, setup).unwrap();
            let salt = Reader::open(disk.clone()).unwrap().segments()[0].salt;
            let mut forged = Frame::document(Kind::Manifest, b"");
            forged.seal(Ink { salt: if knows_salt { salt } else { 5 }, durable_frames: 1000, ..Ink::default() });
            let mut frame = Frame::new();
            frame.push_body(&[b' '; BLOCK - HEADER]);
            frame.push_body(forged.bytes());
            frame.close();
            frame.set_order(Order { first_seq: journal.next_seq(), ..Order::default() });
            journal.append(&mut frame).unwrap();
            disk.flip(&segment_name(1), BLOCK as u64 + 1000, 0);
            Journal::open(disk, setup).map(|(_, recovery)| recovery.cut.is_some())
        };
        assert!(check(false).unwrap(), "a torn tail");
        assert!(check(true).is_err(), "the salt is what keeps strangers out");
    }
}
