//! What an input is, told by its first bytes and never by its name.
//!
//! Each question is given the first bytes and whether they are all; None says that more must be seen. A byte that no mark
//! begins with answers at once, so a quiet pipe is not waited for.

/// How an input is compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packing {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// A byte order mark.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// Of UTF-8.
    Utf8,
    /// Of UTF-16 or UTF-32, either way round.
    Utf16,
    /// Of GB18030.
    Gb18030,
}

impl Mark {
    /// How many bytes it has.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Utf8 => 3,
            Self::Utf16 => 2,
            Self::Gb18030 => 4,
        }
    }
}

/// How an input is compressed, if it is.
pub fn packing(first: &[u8], is_all: bool) -> Option<Option<Packing>> {
    const GZIP: &[u8] = b"\x1f\x8b";
    const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
    // pzstd begins with a frame that says how long the next one is.
    const SKIPPABLE: &[u8] = b"\x50\x2a\x4d\x18";
    one_of(&[(GZIP, Packing::Gzip), (ZSTD, Packing::Zstd), (SKIPPABLE, Packing::Zstd)], first, is_all)
}

/// The byte order mark that an input begins with, if it does.
pub fn byte_order_mark(first: &[u8], is_all: bool) -> Option<Option<Mark>> {
    let marks: [(&[u8], Mark); 4] = [
        (b"\xef\xbb\xbf", Mark::Utf8),
        (b"\xff\xfe", Mark::Utf16),
        (b"\xfe\xff", Mark::Utf16),
        (b"\x84\x31\x95\x33", Mark::Gb18030),
    ];
    one_of(&marks, first, is_all)
}

/// Whether an input begins with a dead letter: `{"dead_letter":`, with whatever space a tool put there.
pub fn is_letter(first: &[u8], is_all: bool) -> Option<bool> {
    const SPACE_MAX: usize = 64;
    let mut rest = first;
    for token in [&b"{"[..], b"\"dead_letter\"", b":"] {
        let space = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
        rest = &rest[space..];
        if !rest.starts_with(token) {
            let may_come = !is_all && space <= SPACE_MAX && token.starts_with(rest);
            return if may_come { None } else { Some(false) };
        }
        rest = &rest[token.len()..];
    }
    Some(true)
}

fn one_of<T: Copy>(marks: &[(&[u8], T)], first: &[u8], is_all: bool) -> Option<Option<T>> {
    match marks.iter().find(|(mark, _)| first.starts_with(mark)) {
        Some((_, what)) => Some(Some(*what)),
        None if !is_all && marks.iter().any(|(mark, _)| mark.starts_with(first)) => None,
        None => Some(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told from the first byte on, until it is told for good.
    fn check<T: PartialEq + std::fmt::Debug>(
        tell: impl Fn(&[u8], bool) -> Option<T>,
        bytes: &[u8],
        expect: (usize, T),
    ) {
        let seen = (0..=bytes.len()).find(|len| tell(&bytes[..*len], false).is_some());
        let seen = seen.unwrap_or(bytes.len());
        assert_eq!((seen, tell(&bytes[..seen], seen == bytes.len())), (expect.0, Some(expect.1)), "{bytes:02x?}");
    }

    #[test]
    fn packings_are_told_by_as_few_bytes_as_can_be() {
        check(packing, b"{\"source\":1}", (1, None));
        check(packing, b"", (0, None));
        check(packing, b"\x1f\x8b\x08\x00", (2, Some(Packing::Gzip)));
        check(packing, b"\x1f", (1, None));
        check(packing, b"\x1f{}", (2, None));
        check(packing, b"\x28\xb5\x2f\xfd\x04", (4, Some(Packing::Zstd)));
        check(packing, b"(\xb5 ", (3, None));
        check(packing, b"\x50\x2a\x4d\x18", (4, Some(Packing::Zstd)));
        check(packing, b"PK\x03\x04", (2, None));
    }

    #[test]
    fn byte_order_marks_are_told_by_as_few_bytes_as_can_be() {
        check(byte_order_mark, b"id,text", (1, None));
        check(byte_order_mark, b"\xef\xbb\xbf{}", (3, Some(Mark::Utf8)));
        check(byte_order_mark, b"\xef\xbb", (2, None));
        check(byte_order_mark, b"\xff\xfe{\0", (2, Some(Mark::Utf16)));
        check(byte_order_mark, b"\xfe\xff\0{", (2, Some(Mark::Utf16)));
        check(byte_order_mark, b"\x84\x31\x95\x33", (4, Some(Mark::Gb18030)));
        assert_eq!([Mark::Utf8, Mark::Utf16, Mark::Gb18030].map(Mark::bytes), [3, 2, 4]);
    }

    #[test]
    fn dead_letters_are_told_through_any_space() {
        check(is_letter, b"{\"dead_letter\":{\"input\":0}}", (15, true));
        check(is_letter, b" { \"dead_letter\" : {}}", (18, true));
        check(is_letter, b"{\"source\":\"12345\"}", (3, false));
        check(is_letter, b"{\"dead_letters\":1}", (14, false));
        check(is_letter, b"{\"dead_letter\"", (14, false));
        check(is_letter, b"", (0, false));
        check(is_letter, &[b' '; 100], (65, false));
    }
}
