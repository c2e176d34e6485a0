//! A byte buffer that direct I/O takes as it is: its first byte lies at a multiple of [`BLOCK`].

/// Alignment of the buffer's first byte, and the unit in which the journal writes. Every disk in use takes direct writes
/// that are aligned to it.
pub const BLOCK: usize = 4096;

/// A growable buffer whose bytes start at a multiple of [`BLOCK`]. It keeps its room when it is cleared.
#[derive(Debug, Default)]
pub struct AlignedBuf {
    /// Always initialised to its full length, so that handing out room needs no `unsafe`.
    raw: Vec<u8>,
    /// Where in `raw` the first multiple of `BLOCK` lies. A `Vec` that is never grown never moves its bytes.
    start: usize,
    len: usize,
}

impl AlignedBuf {
    /// An empty buffer without room.
    pub const fn new() -> Self {
        Self { raw: Vec::new(), start: 0, len: 0 }
    }

    /// How many bytes it holds.
    #[inline]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds nothing.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bytes it can hold before it must grow: a multiple of [`BLOCK`].
    #[inline]
    pub const fn capacity(&self) -> usize {
        (self.raw.len() - self.start) / BLOCK * BLOCK
    }

    /// The bytes it holds.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        &self.raw[self.start..self.start + self.len]
    }

    /// The bytes it holds, to be changed.
    #[inline]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.raw[self.start..self.start + self.len]
    }

    /// Forgets the bytes and keeps the room.
    #[inline]
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Forgets the bytes from `len` on.
    #[inline]
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Appends `len` bytes and returns them to be filled. They may hold what the buffer held before.
    #[inline]
    pub fn space(&mut self, len: usize) -> &mut [u8] {
        self.reserve(len);
        let from = self.start + self.len;
        self.len += len;
        &mut self.raw[from..from + len]
    }

    /// Appends a copy of `bytes`.
    #[inline]
    pub fn extend(&mut self, bytes: &[u8]) {
        self.space(bytes.len()).copy_from_slice(bytes);
    }

    /// Appends zeros up to the next multiple of `unit`.
    #[inline]
    pub fn pad_to(&mut self, unit: usize) {
        let padding = self.len.next_multiple_of(unit) - self.len;
        self.space(padding).fill(0);
    }

    /// Makes room for `more` bytes beyond those it holds.
    #[inline]
    pub fn reserve(&mut self, more: usize) {
        if self.capacity() - self.len < more {
            self.grow(self.len + more);
        }
    }

    #[cold]
    fn grow(&mut self, needed: usize) {
        let capacity = needed.max(2 * self.capacity()).next_multiple_of(BLOCK);
        let mut raw = vec![0; capacity + BLOCK - 1];
        let address = raw.as_ptr().addr();
        let start = address.next_multiple_of(BLOCK) - address;
        raw[start..start + self.len].copy_from_slice(self.as_slice());
        self.raw = raw;
        self.start = start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_aligned(buffer: &AlignedBuf) -> bool {
        buffer.as_slice().as_ptr().addr().is_multiple_of(BLOCK)
    }

    #[test]
    fn bytes_stay_and_stay_aligned_while_it_grows() {
        let mut buffer = AlignedBuf::new();
        let mut expected: Vec<u8> = Vec::new();
        for round in 1..2000_usize {
            let piece = vec![round as u8; round % 97];
            buffer.extend(&piece);
            expected.extend(&piece);
            assert!(is_aligned(&buffer), "round {round}");
        }
        assert_eq!(buffer.as_slice(), expected);
        buffer.truncate(1000);
        assert_eq!(buffer.as_slice(), &expected[..1000]);
    }

    #[test]
    fn a_cleared_buffer_reuses_its_room_and_pads_with_zeros() {
        let mut buffer = AlignedBuf::new();
        buffer.space(3 * BLOCK).fill(0xff);
        let (room, place) = (buffer.capacity(), buffer.as_slice().as_ptr());
        buffer.clear();
        assert!(buffer.is_empty());
        buffer.extend(b"abc");
        buffer.pad_to(8);
        assert_eq!(buffer.as_slice(), b"abc\0\0\0\0\0");
        buffer.pad_to(8);
        assert_eq!(buffer.len(), 8);
        buffer.space(3 * BLOCK - 8);
        assert_eq!((buffer.capacity(), buffer.as_slice().as_ptr()), (room, place));
    }
}
