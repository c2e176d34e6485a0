//! GB18030 becomes UTF-8, line by line. (GBK and GB2312 are parts of GB18030.)
//!
//! A newline is never a part of another character of GB18030, so lines can be cut before they are understood.

use std::io;

use encoding_rs::GB18030;
use memchr::memrchr;

use super::text::{Convert, Given, Made, Step};
use crate::limits::LINE_BYTES_MAX;
use crate::report::{Field, Reason, Reject};

/// Most bytes of a line that are understood: a line of so many is beyond the limit in UTF-8 too, where four bytes of GB18030
/// are at least three.
const RAW_BYTES_MAX: usize = 2 * LINE_BYTES_MAX;

/// Turns GB18030 into UTF-8.
pub struct Recode;

/// What stands for bytes that are no text.
pub const REPLACEMENT: char = '\u{fffd}';

impl Convert for Recode {
    fn convert(&mut self, given: Given<'_>, made: &mut Made) -> io::Result<Step> {
        let Given { bytes, is_all, .. } = given;
        // Where a line is cut must not hang on how much of it is at hand.
        let near = &bytes[..bytes.len().min(RAW_BYTES_MAX + 1)];
        let end = match memrchr(b'\n', near) {
            Some(newline) => newline + 1,
            None if near.len() > RAW_BYTES_MAX => {
                recode_line(&near[..RAW_BYTES_MAX], made);
                return Ok(Step::PassLine);
            }
            None if is_all => bytes.len(),
            None => return Ok(Step::More),
        };
        let (text, has_errors) = GB18030.decode_without_bom_handling(&bytes[..end]);
        if has_errors {
            // Only where something is wrong are lines looked at one by one.
            let lines = bytes[..end].strip_suffix(b"\n").unwrap_or(&bytes[..end]);
            lines.split(|byte| *byte == b'\n').for_each(|line| recode_line(line, made));
        } else {
            made.bytes().extend_from_slice(text.as_bytes());
        }
        Ok(Step::Took(end))
    }
}

fn recode_line(line: &[u8], made: &mut Made) {
    let (text, has_errors) = GB18030.decode_without_bom_handling(line);
    let from = made.bytes().len();
    made.bytes().extend_from_slice(text.as_bytes());
    made.end_line(from, has_errors.then(|| bad_encoding(&text)));
}

/// The refusal of a text with a replacement in it, which stands where the bytes are that are none.
pub fn bad_encoding(text: &str) -> Reject {
    let at = text.find(REPLACEMENT).unwrap_or_default();
    Reject { field: Field::Line, reason: Reason::BadEncoding, at: at as u32 }
}
