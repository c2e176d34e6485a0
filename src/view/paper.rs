//! Paper: bytes that grow at their end, written in pieces of known size.
//!
//! Decisions are made of a few dozen short pieces each. Copying a piece as a whole block of constant size and then moving the
//! end by its true length costs a few instructions, where a copy of variable length costs a call.

/// A growing text. Cleared and used again, it allocates nothing.
#[derive(Default, Debug)]
pub struct Paper {
    /// Longer than what is written, and never shrunk: what lies behind `end` is scrap.
    bytes: Vec<u8>,
    end: usize,
    name: Digits,
    time: Digits,
}

/// Most digits of a number.
const DIGITS_MAX: usize = 20;

/// A number and how it is written. Decisions name the same few numbers again and again: each is worked out once.
#[derive(Clone, Copy, Debug)]
struct Digits {
    value: u64,
    block: [u8; DIGITS_MAX],
    len: usize,
}

impl Default for Digits {
    fn default() -> Self {
        Self::of(0, 1)
    }
}

impl Digits {
    /// In decimal, with leading zeros up to `least` digits.
    #[inline]
    fn of(value: u64, least: usize) -> Self {
        // Right-aligned in the first half; the second half is there to be copied along.
        let mut text = [b'0'; 2 * DIGITS_MAX];
        let (mut at, mut rest) = (DIGITS_MAX, value);
        while rest >= 10 {
            at -= 2;
            text[at..at + 2].copy_from_slice(&PAIRS[(rest % 100) as usize]);
            rest /= 100;
        }
        // Left of an even number of digits stands one more, or none: `at` falls on the first that counts.
        if rest > 0 || at == DIGITS_MAX {
            at -= 1;
            text[at] = b'0' + rest as u8;
        } else if text[at] == b'0' {
            at += 1;
        }
        let from = at.min(DIGITS_MAX - least);
        let mut block = [0; DIGITS_MAX];
        block.copy_from_slice(&text[from..from + DIGITS_MAX]);
        Self { value, block, len: DIGITS_MAX - from }
    }
}

/// Bytes of a [`Piece`].
const BLOCK: usize = 48;

/// A short text in a block.
#[derive(Clone, Debug)]
pub struct Piece {
    block: [u8; BLOCK],
    len: usize,
    /// The rest of a text that is longer than a block.
    rest: Box<[u8]>,
}

impl Piece {
    /// A piece of a text.
    pub fn new(text: &str) -> Self {
        let len = text.len().min(BLOCK);
        let mut block = [0; BLOCK];
        block[..len].copy_from_slice(&text.as_bytes()[..len]);
        Self { block, len, rest: text.as_bytes()[len..].into() }
    }
}

impl Paper {
    /// What is written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.end]
    }

    /// Takes away what is written, keeping the room.
    pub const fn clear(&mut self) {
        self.end = 0;
    }

    #[inline]
    fn room(&mut self, len: usize) {
        if self.bytes.len() < self.end + len {
            self.grow(len);
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, len: usize) {
        self.bytes.resize((self.end + len).max(self.bytes.len() * 2), 0);
    }

    /// Writes a piece.
    #[inline]
    pub fn piece(&mut self, piece: &Piece) {
        self.block(&piece.block, piece.len);
        if !piece.rest.is_empty() {
            self.text(&piece.rest);
        }
    }

    #[inline]
    fn block<const N: usize>(&mut self, block: &[u8; N], len: usize) {
        self.room(N);
        self.bytes[self.end..self.end + N].copy_from_slice(block);
        self.end += len;
    }

    /// Writes a constant.
    #[inline]
    pub fn constant<const N: usize>(&mut self, text: &[u8; N]) {
        self.block(text, N);
    }

    /// Writes any text.
    #[inline]
    pub fn text(&mut self, text: &[u8]) {
        self.room(text.len());
        self.bytes[self.end..self.end + text.len()].copy_from_slice(text);
        self.end += text.len();
    }

    /// Writes a number in decimal, with leading zeros up to `digits`.
    #[inline]
    pub fn decimal(&mut self, value: u64, digits: usize) {
        let Digits { block, len, .. } = Digits::of(value, digits);
        self.block(&block, len);
    }

    /// Writes the number of a record or a case, which is often the one before.
    #[inline]
    pub fn name(&mut self, value: u64) {
        if self.name.value != value {
            self.name = Digits::of(value, 1);
        }
        let Digits { block, len, .. } = self.name;
        self.block(&block, len);
    }

    /// Writes a time, which is often the one before.
    #[inline]
    pub fn time(&mut self, value: i64) {
        if value < 0 {
            self.constant(b"-");
        }
        if self.time.value != value.unsigned_abs() {
            self.time = Digits::of(value.unsigned_abs(), 1);
        }
        let Digits { block, len, .. } = self.time;
        self.block(&block, len);
    }
}

/// 00 to 99.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut n = 0;
    while n < 100 {
        pairs[n] = [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
        n += 1;
    }
    pairs
};

impl std::io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.text(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut Paper)) -> String {
        let mut paper = Paper::default();
        paper.text("说".as_bytes());
        write(&mut paper);
        String::from_utf8(paper.as_bytes()["说".len()..].to_vec()).expect("text")
    }

    #[test]
    fn numbers_at_the_edges() {
        let powers = (0..20).map(|n| 10_u64.pow(n));
        for value in powers.flat_map(|power| [power - 1, power, power + 1]).chain([u64::MAX]) {
            assert_eq!(written(|paper| paper.decimal(value, 1)), value.to_string());
            assert_eq!(written(|paper| paper.decimal(value, 3)), format!("{value:03}"));
        }
        for value in [0, 0, i64::MIN, i64::MAX, i64::MAX, -1, 1, 0] {
            assert_eq!(written(|paper| paper.time(value)), value.to_string());
        }
    }

    #[test]
    fn numbers_and_times_that_come_again_are_the_same() {
        let mut paper = Paper::default();
        for value in [0, 7, 7, 123_456, 7, 0, 0] {
            paper.name(value);
            paper.time(-(value as i64));
            paper.text(b" ");
        }
        assert_eq!(paper.as_bytes(), b"00 7-7 7-7 123456-123456 7-7 00 00 ");
    }

    proptest! {
        #[test]
        fn numbers_and_pieces_read_back(value: u64, text in ".{0,80}") {
            prop_assert_eq!(written(|paper| paper.decimal(value, 1)), value.to_string());
            prop_assert_eq!(written(|paper| paper.piece(&Piece::new(&text))), text.clone());
        }
    }
}
