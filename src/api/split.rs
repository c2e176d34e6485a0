//! A JSON body becomes lines: the elements of an array, or one value, each on a line of its own.
//!
//! Only what must be known to cut is looked at: strings and brackets. Whether each line is a report is the door's business, and
//! it must find every fault that was there. A line break between tokens becomes a space; one within a string, which JSON does
//! not allow, becomes another control character that it does not allow either.

/// What stands in a string in place of a line break.
const BROKEN: u8 = 0x1f;

/// Cuts a body into lines. Whether it was an array.
///
/// # Errors
/// If brackets or strings do not end, or something follows the value: where.
pub fn lines(body: &[u8], out: &mut Vec<u8>) -> Result<bool, usize> {
    let start = body.iter().position(|byte| !is_space(*byte)).ok_or(body.len())?;
    if body[start] != b'[' {
        let end = value(body, start, out)?;
        out.push(b'\n');
        return rest_is_space(body, end).map(|()| false);
    }
    let mut at = skip_space(body, start + 1);
    if body.get(at) == Some(&b']') {
        return rest_is_space(body, at + 1).map(|()| true);
    }
    loop {
        at = value(body, at, out)?;
        out.push(b'\n');
        at = skip_space(body, at);
        match body.get(at) {
            Some(b',') => at = skip_space(body, at + 1),
            Some(b']') => return rest_is_space(body, at + 1).map(|()| true),
            _ => return Err(at),
        }
    }
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn skip_space(body: &[u8], from: usize) -> usize {
    body[from..].iter().position(|byte| !is_space(*byte)).map_or(body.len(), |more| from + more)
}

fn rest_is_space(body: &[u8], from: usize) -> Result<(), usize> {
    let end = skip_space(body, from);
    if end == body.len() { Ok(()) } else { Err(end) }
}

/// Copies one value: to the end of its brackets, or to what can follow a value. Gives where it ends.
fn value(body: &[u8], from: usize, out: &mut Vec<u8>) -> Result<usize, usize> {
    let (mut depth, mut at, mut in_string) = (0_usize, from, false);
    while let Some(&byte) = body.get(at) {
        if in_string {
            match byte {
                b'\\' => {
                    out.push(byte);
                    at += 1;
                    let escaped = *body.get(at).ok_or(at)?;
                    out.push(if escaped == b'\n' { BROKEN } else { escaped });
                }
                b'\n' => out.push(BROKEN),
                _ => {
                    out.push(byte);
                    in_string = byte != b'"';
                }
            }
        } else {
            match byte {
                b',' | b']' | b'}' if depth == 0 => break,
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth -= 1,
                b'"' => in_string = true,
                _ => {}
            }
            out.push(if byte == b'\n' { b' ' } else { byte });
            if depth == 0 && matches!(byte, b']' | b'}') {
                return Ok(at + 1);
            }
        }
        at += 1;
    }
    if in_string || depth > 0 || at == from { Err(at) } else { Ok(at) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(body: &str, expected: Result<(bool, &str), usize>) {
        let mut out = Vec::new();
        let cut = lines(body.as_bytes(), &mut out);
        let out = String::from_utf8(out).expect("text");
        assert_eq!(cut.map(|is_array| (is_array, out.as_str())), expected, "{body:?}");
    }

    #[test]
    fn values_become_lines() {
        check(r#"{"a":1}"#, Ok((false, "{\"a\":1}\n")));
        check(" {\n\"a\": [1,\n{}]}\n", Ok((false, "{ \"a\": [1, {}]}\n")));
        check("[]", Ok((true, "")));
        check(" [ ] ", Ok((true, "")));
        check("[{\"a\":\"]\"}, 2 ,\"x,\\\"y\"]", Ok((true, "{\"a\":\"]\"}\n2 \n\"x,\\\"y\"\n")));
        check("[[1],[2]]", Ok((true, "[1]\n[2]\n")));
    }

    #[test]
    fn what_is_wrong_stays_wrong_or_is_told() {
        check("{\"a\":\"x\ny\"}", Ok((false, "{\"a\":\"x\u{1f}y\"}\n")));
        check("{\"a\":\"\\\n\"}", Ok((false, "{\"a\":\"\\\u{1f}\"}\n")));
        for (body, at) in
            [("", 0), ("  ", 2), ("[1", 2), ("[1,]", 3), ("[1}", 2), ("{\"a\":\"", 6), ("{} {}", 3), ("[1] x", 4)]
        {
            check_fails(body, at);
        }
    }

    fn check_fails(body: &str, at: usize) {
        assert_eq!(lines(body.as_bytes(), &mut Vec::new()), Err(at), "{body:?}");
    }

    proptest! {
        /// Whatever is an array of objects for serde_json comes out line by line as the same objects.
        #[test]
        fn arrays_read_back(texts in prop::collection::vec("\\PC{0,12}|[\\[\\]{},\"\\\\\n ]{0,8}", 0..6), is_pretty: bool) {
            let values: Vec<serde_json::Value> =
                texts.iter().map(|text| serde_json::json!({"t": text, "n": [1, {"x": text}]})).collect();
            let body = if is_pretty { serde_json::to_vec_pretty(&values) } else { serde_json::to_vec(&values) }.unwrap();
            let mut out = Vec::new();
            prop_assert_eq!(lines(&body, &mut out), Ok(true));
            let read: Vec<serde_json::Value> =
                out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(|line| serde_json::from_slice(line).unwrap()).collect();
            prop_assert_eq!(read, values);
        }

        #[test]
        fn nothing_breaks_it(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut out = Vec::new();
            let _ = lines(&body, &mut out);
            prop_assert!(out.len() <= body.len() + body.len() + 1);
        }
    }
}
