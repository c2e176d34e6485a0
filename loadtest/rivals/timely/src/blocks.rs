//! The file in blocks of bytes, so that each worker reads its share and all move on through event time together.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

/// Some seconds of the bench file's event time.
const BLOCK_BYTES: u64 = 4 << 20;

/// Room to look for the end of a line.
const PEEK_BYTES: usize = 4096;

/// A file as blocks of whole lines: a line belongs to the block in which its first byte lies.
pub struct Blocks {
    file: File,
    bytes: u64,
}

impl Blocks {
    /// The blocks of `file`.
    pub fn of(file: File) -> io::Result<Self> {
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes })
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.bytes.div_ceil(BLOCK_BYTES)
    }

    /// Shows the lines of a block.
    pub fn each_line(&self, number: u64, visit: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let (from, to) = (self.first_line(number * BLOCK_BYTES)?, self.first_line((number + 1) * BLOCK_BYTES)?);
        loadtest::lines::each_line(Stretch { file: &self.file, at: from }.take(to - from), visit)
    }

    /// Where the first line begins at `at` or behind it.
    fn first_line(&self, at: u64) -> io::Result<u64> {
        let (mut at, mut peek) = (at.min(self.bytes), [0; PEEK_BYTES]);
        if at == 0 || at == self.bytes {
            return Ok(at);
        }
        at -= 1;
        loop {
            let read = self.file.read_at(&mut peek, at)?;
            match peek[..read].iter().position(|byte| *byte == b'\n') {
                Some(newline) => return Ok(at + newline as u64 + 1),
                None if read == 0 => return Ok(at),
                None => at += read as u64,
            }
        }
    }
}

/// A file from a place on, with a position of its own.
struct Stretch<'a> {
    file: &'a File,
    at: u64,
}

impl Read for Stretch<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_in_one_block() {
        let check = |lengths: &[usize], newline_at_end: bool| {
            let mut text = lengths.iter().map(|length| "x".repeat(*length)).collect::<Vec<_>>().join("\n");
            text.push_str(if newline_at_end { "\n" } else { "" });
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("lines");
            std::fs::write(&path, &text).unwrap();
            let blocks = Blocks::of(File::open(path).unwrap()).unwrap();
            let mut seen = Vec::new();
            for number in 0..blocks.count() {
                blocks
                    .each_line(number, |line| {
                        seen.push(line.len());
                        Ok(())
                    })
                    .unwrap();
            }
            assert_eq!(seen, lengths);
        };
        let block = BLOCK_BYTES as usize;
        check(&[1], false);
        check(&[3, 0, 5], true);
        check(&[block - 1, 7], true);
        check(&[block, 7], false);
        check(&[block - 2, 0, 7], true);
        check(&[3, 3 * block, 0, PEEK_BYTES, 9], true);
        check(&[5, block], false);
    }
}
