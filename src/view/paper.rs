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
    pub fn decimal(&mut self, mut value: u64, digits: usize) {
        const DIGITS_MAX: usize = 20;
        // Right-aligned in the first half; the second half is there to be copied along.
        let mut text = [b'0'; 2 * DIGITS_MAX];
        let mut at = DIGITS_MAX;
        while value >= 10 {
            let pair = PAIRS[(value % 100) as usize];
            at -= 2;
            text[at..at + 2].copy_from_slice(&pair);
            value /= 100;
        }
        // Left of an even number of digits stands one more, or none: `at` falls on the first that counts.
        if value > 0 || at == DIGITS_MAX {
            at -= 1;
            text[at] = b'0' + value as u8;
        } else if text[at] == b'0' {
            at += 1;
        }
        let from = at.min(DIGITS_MAX - digits);
        let mut block = [0; DIGITS_MAX];
        block.copy_from_slice(&text[from..from + DIGITS_MAX]);
        self.block(&block, DIGITS_MAX - from);
    }

    /// Writes a signed number in decimal.
    #[inline]
    pub fn signed(&mut self, value: i64) {
        if value < 0 {
            self.constant(b"-");
        }
        self.decimal(value.unsigned_abs(), 1);
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
        assert_eq!(written(|paper| paper.signed(i64::MIN)), i64::MIN.to_string());
    }

    proptest! {
        #[test]
        fn numbers_and_pieces_read_back(value: u64, text in ".{0,80}") {
            prop_assert_eq!(written(|paper| paper.decimal(value, 1)), value.to_string());
            prop_assert_eq!(written(|paper| paper.piece(&Piece::new(&text))), text.clone());
        }
    }
}
