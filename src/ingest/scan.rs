//! Looks at 32 bytes at once: where a string stops, where a run of digits ends, whether a remembered text stands here.
//!
//! Every question has one answer in bits, bit `i` for byte `i`. Builds for AVX2 ask the processor; others compute the same
//! bits in four 64-bit words, and a test holds the two together.

#![allow(unsafe_code)]

/// Bytes in a block.
pub const BLOCK: usize = 32;

#[cfg(target_feature = "avx2")]
use avx2::Block;
#[cfg(not(target_feature = "avx2"))]
use words::Block;

/// A text to be looked at. Positions count from its start; behind its end stand zeros.
pub struct Text<'a> {
    bytes: &'a [u8],
    /// Before this position, whole blocks begin.
    blocks_end: usize,
    /// The last bytes, at most a block, and a block of zeros, so that a block begins everywhere.
    tail: [u8; 2 * BLOCK],
    /// Where the tail begins.
    tail_at: usize,
}

impl<'a> Text<'a> {
    /// Looks at these bytes.
    #[inline(always)]
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut tail = [0; 2 * BLOCK];
        match bytes.last_chunk::<BLOCK>() {
            Some(last) => tail[..BLOCK].copy_from_slice(last),
            None => tail[..bytes.len()].copy_from_slice(bytes),
        }
        Self {
            bytes,
            blocks_end: bytes.len().saturating_sub(BLOCK - 1),
            tail,
            tail_at: bytes.len().saturating_sub(BLOCK),
        }
    }

    /// All of it.
    #[inline(always)]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The byte at a position.
    #[inline(always)]
    pub fn byte(&self, at: usize) -> u8 {
        if at < self.bytes.len() { self.bytes[at] } else { 0 }
    }

    /// The block at a position.
    #[inline(always)]
    fn block(&self, at: usize) -> Block {
        if at < self.blocks_end {
            // SAFETY: `blocks_end` is the length less 31, and not 0, so 32 bytes begin at `at`. Any 32 bytes are an array.
            Block::load(unsafe { &*self.bytes.as_ptr().add(at).cast::<[u8; BLOCK]>() })
        } else {
            Block::load(self.last_block(at))
        }
    }

    /// The block at a position near the end. A call, because two addresses to choose from would make all others wait.
    #[cold]
    #[inline(never)]
    fn last_block(&self, at: usize) -> &[u8; BLOCK] {
        self.tail.get(at - self.tail_at..).and_then(|rest| rest.first_chunk()).unwrap_or(&[0; BLOCK])
    }

    /// The first byte from `at` on that is not white space, and its position before it.
    #[inline(always)]
    pub fn skip_space(&self, mut at: usize) -> (usize, u8) {
        loop {
            match self.byte(at) {
                b' ' | b'\t' | b'\r' | b'\n' => at += 1,
                other => return (at, other),
            }
        }
    }

    /// Where the run of plain string bytes that begins at `at` stops: at the first quote, backslash or control character,
    /// or at the end of the text.
    #[inline(always)]
    pub fn string_stop(&self, mut at: usize) -> usize {
        loop {
            let stops = self.block(at).stops();
            if stops != 0 {
                return at + stops.trailing_zeros() as usize;
            }
            at += BLOCK;
        }
    }

    /// Where the run of digits that begins at `at` ends.
    #[inline(always)]
    pub fn digits_end(&self, mut at: usize) -> usize {
        loop {
            let others = !self.block(at).digits();
            if others != 0 {
                return at + others.trailing_zeros() as usize;
            }
            at += BLOCK;
        }
    }

    /// Where the decimal that begins at `at` ends: digits without a leading zero, perhaps with a point among them. `None` if
    /// there is another thing, or one of more than 31 bytes.
    #[inline(always)]
    pub fn decimal_end(&self, at: usize) -> Option<usize> {
        // The end hangs on one look only, so that the next step need not wait for the checks.
        let length = (!self.block(at).numerals()).trailing_zeros();
        let others = !self.block(at).digits() & ((1u64 << length) - 1) as u32;
        let end = at + length as usize;
        let is_integer = others == 0 && length > 0;
        let point = others.trailing_zeros();
        let is_fraction =
            others.is_power_of_two() && point > 0 && point + 1 < length && self.byte(at + point as usize) == b'.';
        let has_leading_zero = self.byte(at) == b'0' && length > 1 && point != 1;
        ((is_integer || is_fraction) && !has_leading_zero && length < BLOCK as u32).then_some(end)
    }

    /// Whether the first bytes of `pattern`, those whose bit is set in `mask`, stand at `at`.
    #[inline(always)]
    pub fn has(&self, at: usize, pattern: &[u8; BLOCK], mask: u32) -> bool {
        !self.block(at).same(Block::load(pattern)) & mask == 0
    }
}

#[cfg(target_feature = "avx2")]
mod avx2 {
    use std::arch::x86_64::*;

    /// 32 bytes in one register.
    #[derive(Clone, Copy)]
    pub struct Block(__m256i);

    impl Block {
        #[inline(always)]
        pub fn load(bytes: &[u8; super::BLOCK]) -> Self {
            // SAFETY: this module is compiled only for processors with AVX2; the reference is to 32 readable bytes, and this
            // load needs no alignment.
            Self(unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) })
        }

        /// Quotes, backslashes and control characters.
        #[inline(always)]
        pub fn stops(self) -> u32 {
            // SAFETY: this module is compiled only for processors with AVX2; the instructions touch registers alone.
            unsafe {
                let quotes = _mm256_cmpeq_epi8(self.0, _mm256_set1_epi8(b'"' as i8));
                let backslashes = _mm256_cmpeq_epi8(self.0, _mm256_set1_epi8(b'\\' as i8));
                let controls = _mm256_cmpeq_epi8(self.0, _mm256_min_epu8(self.0, _mm256_set1_epi8(0x1f)));
                _mm256_movemask_epi8(_mm256_or_si256(_mm256_or_si256(quotes, backslashes), controls)) as u32
            }
        }

        /// `0` to `9`.
        #[inline(always)]
        pub fn digits(self) -> u32 {
            // SAFETY: this module is compiled only for processors with AVX2; the instructions touch registers alone.
            unsafe {
                let value = _mm256_sub_epi8(self.0, _mm256_set1_epi8(b'0' as i8));
                _mm256_movemask_epi8(_mm256_cmpeq_epi8(value, _mm256_min_epu8(value, _mm256_set1_epi8(9)))) as u32
            }
        }

        /// `.` to `9`: all that a decimal is made of, and the slash.
        #[inline(always)]
        pub fn numerals(self) -> u32 {
            // SAFETY: this module is compiled only for processors with AVX2; the instructions touch registers alone.
            unsafe {
                let value = _mm256_sub_epi8(self.0, _mm256_set1_epi8(b'.' as i8));
                _mm256_movemask_epi8(_mm256_cmpeq_epi8(value, _mm256_min_epu8(value, _mm256_set1_epi8(11)))) as u32
            }
        }

        /// Bytes that are the same in both.
        #[inline(always)]
        pub fn same(self, other: Self) -> u32 {
            // SAFETY: this module is compiled only for processors with AVX2; the instructions touch registers alone.
            unsafe { _mm256_movemask_epi8(_mm256_cmpeq_epi8(self.0, other.0)) as u32 }
        }
    }
}

#[cfg(any(test, not(target_feature = "avx2")))]
mod words {
    /// The low bit of each byte.
    const LOW: u64 = u64::MAX / 255;
    /// All bits but the high one of each byte.
    const SEVEN: u64 = LOW * 0x7f;

    /// 32 bytes in four words.
    #[derive(Clone, Copy)]
    pub struct Block([u64; 4]);

    impl Block {
        #[inline(always)]
        pub fn load(bytes: &[u8; super::BLOCK]) -> Self {
            let (words, _) = bytes.as_chunks::<8>();
            Self(std::array::from_fn(|i| u64::from_le_bytes(words[i])))
        }

        /// Quotes, backslashes and control characters.
        #[inline(always)]
        pub fn stops(self) -> u32 {
            self.ask(|word| {
                zeros(word ^ (LOW * b'"' as u64)) | zeros(word ^ (LOW * b'\\' as u64)) | zeros(word & (LOW * 0xe0))
            })
        }

        /// `0` to `9`.
        #[inline(always)]
        pub fn digits(self) -> u32 {
            // A digit is a byte 0x3_ whose low half stays below 16 when 6 is added. Both sums stay within their byte.
            self.ask(|word| {
                zeros(((word & (LOW * 0xf0)) | (((word & (LOW * 0x0f)) + LOW * 6) >> 4) & LOW) ^ (LOW * 0x30))
            })
        }

        /// `.` to `9`: all that a decimal is made of, and the slash.
        #[inline(always)]
        pub fn numerals(self) -> u32 {
            let points = self.ask(|word| zeros((word & (LOW * 0xfe)) ^ (LOW * b'.' as u64)));
            self.digits() | points
        }

        /// Bytes that are the same in both.
        #[inline(always)]
        pub fn same(self, other: Self) -> u32 {
            Self(std::array::from_fn(|i| self.0[i] ^ other.0[i])).ask(zeros)
        }

        /// One bit a byte, of an answer that stands in the high bit of each byte.
        #[inline(always)]
        fn ask(self, question: impl Fn(u64) -> u64) -> u32 {
            let bits = |word: u64| ((question(word) >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32;
            let [a, b, c, d] = self.0;
            bits(a) | bits(b) << 8 | bits(c) << 16 | bits(d) << 24
        }
    }

    /// The high bit of each byte that is zero, and no other bit. (The shorter formula with a subtraction lets a borrow run
    /// into the next byte.)
    #[inline(always)]
    fn zeros(word: u64) -> u64 {
        !(((word & SEVEN) + SEVEN) | word | SEVEN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_stop(byte: u8) -> bool {
        byte == b'"' || byte == b'\\' || byte < 0x20
    }

    /// The bits that a byte-by-byte reader gives.
    fn bits(bytes: &[u8; BLOCK], question: impl Fn(u8) -> bool) -> u32 {
        bytes.iter().enumerate().fold(0, |bits, (i, &byte)| bits | u32::from(question(byte)) << i)
    }

    fn check(bytes: &[u8; BLOCK], other: &[u8; BLOCK]) {
        let same = bytes.iter().zip(other).enumerate().fold(0, |bits, (i, (a, b))| bits | u32::from(a == b) << i);
        let numerals = bits(bytes, |byte| (b'.'..=b'9').contains(&byte));
        let expected = (bits(bytes, is_stop), bits(bytes, |byte| byte.is_ascii_digit()), numerals, same);
        let words = words::Block::load(bytes);
        assert_eq!(
            (words.stops(), words.digits(), words.numerals(), words.same(words::Block::load(other))),
            expected,
            "words {bytes:?}"
        );
        let block = Block::load(bytes);
        assert_eq!(
            (block.stops(), block.digits(), block.numerals(), block.same(Block::load(other))),
            expected,
            "block {bytes:?}"
        );
    }

    #[test]
    fn every_byte_value_beside_every_other() {
        for a in 0..=255 {
            for b in 0..=255 {
                check(&std::array::from_fn(|i| if i % 2 == 0 { a } else { b }), &[a; BLOCK]);
            }
        }
    }

    /// A byte that is likely to matter.
    fn byte() -> impl Strategy<Value = u8> {
        prop_oneof![any::<u8>(), Just(b'"'), Just(b'\\'), b'0'..=b'9', 0u8..0x22, 0x7fu8..0x84]
    }

    proptest! {
        #[test]
        fn blocks_answer_as_a_reader_of_bytes(a in prop::array::uniform32(byte()), b in prop::array::uniform32(byte())) {
            check(&a, &b);
            check(&a, &a);
        }

        #[test]
        fn runs_end_where_a_reader_of_bytes_says(
            text in prop::collection::vec(prop_oneof![9 => Just(b'7'), 1 => Just(b'x'), 1 => byte()], 0..140),
        ) {
            for at in 0..=text.len() {
                let end = |question: fn(u8) -> bool| {
                    text[at..].iter().position(|&byte| question(byte)).map_or(text.len(), |length| at + length)
                };
                prop_assert_eq!(Text::new(&text).string_stop(at), end(is_stop));
                prop_assert_eq!(Text::new(&text).digits_end(at), end(|byte| !byte.is_ascii_digit()));
            }
        }

        #[test]
        fn decimals_end_where_a_reader_of_bytes_says(text in "[-0-9./:e]{0,3}[0-9]{0,40}[.][0-9]{0,4}|[-0-9./:eE ]{0,70}") {
            for at in 0..=text.len() {
                let rest = &text[at..];
                let end = rest.find(|char: char| !matches!(char, '.'..='9')).unwrap_or(rest.len());
                let (whole, decimals) = rest[..end].split_once('.').unwrap_or((&rest[..end], "0"));
                let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                let has_leading_zero = whole.len() > 1 && whole.starts_with('0');
                let is_decimal = is_digits(whole) && is_digits(decimals) && !has_leading_zero && end < BLOCK;
                let expected = is_decimal.then_some(at + end);
                prop_assert_eq!(Text::new(text.as_bytes()).decimal_end(at), expected, "{}", rest);
            }
        }

        #[test]
        fn patterns_stand_where_they_stand(
            text in prop::collection::vec(1u8..3, 0..80), pattern in prop::collection::vec(1u8..3, 0..=BLOCK),
        ) {
            let mut block = [7; BLOCK];
            block[..pattern.len()].copy_from_slice(&pattern);
            let mask = (1u64 << pattern.len()) as u32;
            let mask = mask.wrapping_sub(1);
            for at in 0..=text.len() {
                prop_assert_eq!(Text::new(&text).has(at, &block, mask), text[at..].starts_with(&pattern));
            }
        }
    }
}
