//! Lines out of a large read buffer, without a copy of each.

use std::io::{self, Read};

const BUFFER_BYTES: usize = 1 << 20;

/// Shows every line of `input` to `visit`, without its newline; the last one may lack it.
pub fn each_line(input: impl Read, visit: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    each_line_within(BUFFER_BYTES, input, visit)
}

/// A line that is longer than `room` bytes makes the buffer grow.
fn each_line_within(
    room: usize,
    mut input: impl Read,
    mut visit: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let (mut buffer, mut filled) = (vec![0; room], 0);
    loop {
        let read = match input.read(&mut buffer[filled..]) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if read == 0 {
            return if filled > 0 { visit(&buffer[..filled]) } else { Ok(()) };
        }
        filled += read;
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', &buffer[..filled]) {
            visit(&buffer[start..end])?;
            start = end + 1;
        }
        buffer.copy_within(start..filled, 0);
        filled -= start;
        if filled == buffer.len() {
            buffer.resize(2 * filled, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_same_for_every_buffer() {
        let check = |input: &str, expected: &[&str]| {
            for room in 1..20 {
                let mut seen = Vec::new();
                each_line_within(room, input.as_bytes(), |line| {
                    seen.push(String::from_utf8_lossy(line).into_owned());
                    Ok(())
                })
                .unwrap();
                assert_eq!(seen, expected, "{room} bytes of room");
            }
        };
        check("", &[]);
        check("\n", &[""]);
        check("one", &["one"]);
        check("one\n", &["one"]);
        check("one\n\ntwo", &["one", "", "two"]);
        check("\r\na line longer than the buffer\nb\n", &["\r", "a line longer than the buffer", "b"]);
    }

    #[test]
    fn a_refusal_ends_the_reading() {
        let mut seen = 0;
        let refused = each_line("a\nb\nc\n".as_bytes(), |line| {
            seen += 1;
            if line == b"b" { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        });
        assert_eq!((seen, refused.unwrap_err().kind()), (2, io::ErrorKind::StorageFull));
    }
}
