use std::io::{Read, Write};

use encoding_rs::GB18030;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;
use crate::city::{Encoding, TableLayout};
use crate::ingest::input::lines;
use crate::ingest::unpack::Bounds;
use crate::limits::LETTER_BYTES_MAX;
use crate::report::Reason;

// --- What comes out ------------------------------------------------------------------------------------------------------

/// A line that came out, and why it is to be turned away.
type Out = (Vec<u8>, Option<Reason>);

/// Bytes that come in pieces of at most `most`, with a pause before each.
struct Pieces {
    bytes: Vec<u8>,
    at: usize,
    most: usize,
    is_pause: bool,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.is_pause = !self.is_pause && self.most < usize::MAX;
        if self.is_pause {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let rest = &self.bytes[self.at..];
        let len = rest.len().min(self.most).min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        self.at += len;
        Ok(len)
    }
}

/// A stream that was read to its end: its lines, the header's lines, and what broke it.
#[derive(PartialEq, Debug, Default)]
struct All {
    lines: Vec<Out>,
    header_lines: u64,
    broken: Option<String>,
    end: u64,
}

fn stream(bytes: &[u8], layout: &Layout, bounds: Bounds, most: usize, chunk_bytes: usize) -> StreamInput {
    let pieces = Pieces { bytes: bytes.to_vec(), at: 0, most, is_pause: false };
    StreamInput::new(Unpack::new(Box::new(pieces), bounds), layout.clone(), chunk_bytes)
}

fn read_all(mut stream: StreamInput, patience: Patience) -> All {
    let (mut all, mut frame) = (All::default(), Frame::new());
    loop {
        frame.clear();
        let chunk = match stream.read(0, &mut frame, || patience) {
            Ok(Some(chunk)) => chunk,
            Ok(None) => continue,
            Err(cause) => {
                all.broken = Some(cause.to_string());
                stream.break_off(0)
            }
        };
        let mut faults = chunk.faults.iter().peekable();
        for (at, line) in lines(frame.bodies(), &chunk) {
            let fault = faults.next_if(|fault| fault.at as usize == at);
            all.lines.push((line.to_vec(), fault.map(|fault| fault.reject.reason)));
        }
        assert_eq!(faults.next(), None, "a fault is one of a line");
        all.header_lines += chunk.header_lines;
        all.end = chunk.end;
        if chunk.last {
            return all;
        }
    }
}

/// Reads a stream in many ways, which all give the same; then takes it up again behind every line.
#[track_caller]
fn read_with(bytes: &[u8], layout: &Layout) -> All {
    let bounds = Bounds::default();
    let first = read_all(stream(bytes, layout, bounds, usize::MAX, 1 << 20), Patience::Chunk);
    let pieces: &[usize] = if bytes.len() < 10_000 { &[1, 7, 1 << 20] } else { &[100_000] };
    for &most in pieces {
        for (chunk_bytes, patience) in [(64, Patience::Chunk), (64, Patience::Line), (1 << 16, Patience::Line)] {
            let all = read_all(stream(bytes, layout, bounds, most, chunk_bytes), patience);
            assert!(all == first, "in pieces of {most}, chunks of {chunk_bytes}, {patience:?}");
        }
    }
    if first.broken.is_none() && bytes.len() < 10_000 {
        // Lines begin behind a mark of three bytes or at the start, and the last one may be without its newline.
        let len: u64 = first.lines.iter().map(|(line, _)| line.len() as u64 + 1).sum();
        let mut offset = if first.end + 1 > len + 2 { 3 } else { 0 };
        for done in 0..first.lines.len() {
            let mut again = stream(bytes, layout, bounds, usize::MAX, 64);
            again.pass_over(offset);
            let rest = read_all(again, Patience::Chunk);
            if offset > 0 {
                assert_eq!((&rest.lines[..], rest.header_lines), (&first.lines[done..], 0), "behind line {done}");
            }
            offset += first.lines[done].0.len() as u64 + 1;
        }
    }
    first
}

/// Checks the lines of a stream, given as text.
#[track_caller]
fn check(layout: &Layout, bytes: &[u8], expect: &[(&str, Option<Reason>)]) {
    let all = read_with(bytes, layout);
    let found: Vec<_> =
        all.lines.iter().map(|(line, why)| (String::from_utf8_lossy(line).into_owned(), *why)).collect();
    let expect: Vec<_> = expect.iter().map(|(line, why)| ((*line).to_owned(), *why)).collect();
    assert_eq!((found, all.broken), (expect, None), "{}", String::from_utf8_lossy(bytes));
}

/// Checks that a stream cannot be read, and why.
#[track_caller]
fn check_broken(layout: &Layout, bytes: &[u8], lines: usize, why: &str) {
    let all = read_with(bytes, layout);
    let broken = all.broken.unwrap_or_default();
    assert!(all.lines.len() == lines && broken.contains(why), "{} lines, {broken:?}, not {why:?}", all.lines.len());
}

fn csv() -> Layout {
    Layout { encoding: Encoding::Utf8, table: Some(TableLayout { delimiter: b',', columns: Vec::new() }) }
}

fn gb18030(layout: Layout) -> Layout {
    Layout { encoding: Encoding::Gb18030, ..layout }
}

const GOOD: Option<Reason> = None;
const NOT_CSV: Option<Reason> = Some(Reason::NotCsv);
const BAD_ENCODING: Option<Reason> = Some(Reason::BadEncoding);

// --- Tables --------------------------------------------------------------------------------------------------------------

#[test]
fn rows_become_objects() {
    let two = [(r#"{"id":"1","text":"a"}"#, GOOD), (r#"{"id":"2","text":"b"}"#, GOOD)];
    for table in [
        "id,text\n1,a\n2,b\n",
        "id,text\n1,a\n2,b",
        "id,text\r\n1,a\r\n2,b\r\n",
        "id,text\r\n1,a\r\n2,b\r",
        "\u{feff}id,text\n1,a\n2,b\n",
        "\u{feff}\"id\",\"text\"\n\"1\",\"a\"\n\"2\",\"b\"",
        "id,text\n1,a\n2,b\n\n\r\n\n",
        "\"id\",text\r\n\"1\",a\r\n2,\"b\"\r\n",
        "\"id\",text\r\n\"1\",a\r\n2,\"b\"\r",
    ] {
        check(&csv(), table.as_bytes(), &two);
    }
    check(&csv(), b"", &[]);
    check(&csv(), b"id,text\n", &[]);
    check(&csv(), b"id,text", &[]);
    check(&csv(), b"id\n1\n", &[(r#"{"id":"1"}"#, GOOD)]);
    check(&csv(), b"id,text\n,\n", &[(r#"{"id":"","text":""}"#, GOOD)]);
    check(&csv(), b"id,text\n1\n", &[(r#"{"id":"1"}"#, GOOD)]);
    let columns = vec!["编号".into(), "内容".into()];
    let layout = Layout { encoding: Encoding::Utf8, table: Some(TableLayout { delimiter: b'\t', columns }) };
    check(&layout, "1\ta,b\n".as_bytes(), &[(r#"{"编号":"1","内容":"a,b"}"#, GOOD)]);
    assert_eq!((read_with(b"1\ta", &layout).header_lines, read_with(b"id\n1", &csv()).header_lines), (0, 1));
}

#[test]
fn cells_hold_anything_between_quotes() {
    for (cell, json) in [
        (r#""a,b""#, "a,b"),
        ("\"a\nb\"", "a\\nb"),
        ("\"a\r\n\r\nb\"", "a\\r\\n\\r\\nb"),
        (r#""a ""b"" c""#, r#"a \"b\" c"#),
        (r#""""""#, r#"\""#),
        (r#""""#, ""),
        ("a\"b", "a\\\"b"),
        (" \"a\" ", " \\\"a\\\" "),
        ("a\\b", "a\\\\b"),
        ("a\0b\u{1}\u{1f}\u{7f}", "a\\u0000b\\u0001\\u001f\u{7f}"),
        ("\u{8}\t\u{c}", "\\b\\t\\f"),
        ("井盖😀\u{2028}", "井盖😀\u{2028}"),
    ] {
        let line = format!("{{\"id\":\"1\",\"text\":\"{json}\",\"n\":\"2\"}}");
        check(&csv(), format!("id,text,n\n1,{cell},2\n").as_bytes(), &[(&line, GOOD)]);
    }
}

#[test]
fn a_broken_row_is_told_and_nothing_else_is_lost() {
    let row = |n: &str| format!("{{\"id\":\"{n}\",\"text\":\"x\"}}");
    let (first, last) = (row("1"), row("9"));
    let check = |middle: &str, expect: &[(&str, Option<Reason>)]| {
        let all: Vec<_> = [&[(&*first, GOOD)], expect, &[(&*last, GOOD)]].concat();
        check(&csv(), format!("id,text\n1,x\n{middle}9,x\n").as_bytes(), &all);
    };
    check("2,b,c\n", &[(r#"{"id":"2","text":"b","":["c"]}"#, NOT_CSV)]);
    check("2,b,\n", &[(r#"{"id":"2","text":"b","":[""]}"#, NOT_CSV)]);
    check("2,\"b\n", &[(r#"{"":["2,\"b"]}"#, NOT_CSV)]);
    check("2,\"b\r\n", &[(r#"{"":["2,\"b"]}"#, NOT_CSV)]);
    check("2,\"b\n3,\"c\"\n", &[(r#"{"":["2,\"b"]}"#, NOT_CSV), (r#"{"id":"3","text":"c"}"#, GOOD)]);
    check("2,\"b\"c\n", &[(r#"{"":["2,\"b\"c"]}"#, NOT_CSV)]);
    check("2,\"b\"\r3\n", &[(r#"{"":["2,\"b\"\r3"]}"#.replace('\r', "\\r").as_str(), NOT_CSV)]);
    check("\n\r\n", &[(r#"{"":[]}"#, NOT_CSV), (r#"{"":[]}"#, NOT_CSV)]);
}

#[test]
fn bytes_that_are_no_text_spoil_only_their_row() {
    let table = b"id,text\n1,a\xffb\n2,b\n\xe4\xba,c\n";
    check(
        &csv(),
        table,
        &[
            ("{\"id\":\"1\",\"text\":\"a\u{fffd}b\"}", BAD_ENCODING),
            (r#"{"id":"2","text":"b"}"#, GOOD),
            ("{\"id\":\"\u{fffd}\",\"text\":\"c\"}", BAD_ENCODING),
        ],
    );
}

#[test]
fn a_quote_that_is_never_closed_costs_one_line_of_a_long_table() {
    let rows = LINE_BYTES_MAX / 8;
    let table = format!("id,text\n1,\"x\n{}", "22,bbbb\n".repeat(rows));
    let all = read_with(table.as_bytes(), &csv());
    assert_eq!((all.lines.len(), &all.broken), (rows + 1, &None));
    assert_eq!(all.lines[0], (br#"{"":["1,\"x"]}"#.to_vec(), NOT_CSV));
    assert!(all.lines[1..].iter().all(|line| line == &(br#"{"id":"22","text":"bbbb"}"#.to_vec(), GOOD)));
}

#[test]
fn a_row_beyond_the_limit_is_cut_like_any_line() {
    let long = "x".repeat(LINE_BYTES_MAX + 10);
    for cell in [long.clone(), format!("\"{long}\""), format!("{long}{long}"), format!("\"\"\"{long}")] {
        let all = read_with(format!("id,text\n1,{cell}\n2,b\n").as_bytes(), &csv());
        let lengths: Vec<_> = all.lines.iter().map(|(line, _)| line.len()).collect();
        assert_eq!(lengths, [LINE_BYTES_MAX + 1, r#"{"id":"2","text":"b"}"#.len()], "{}", cell.len());
    }
    // Escapes, too, count.
    let all = read_with(format!("id,text\n1,{}\n2,b\n", "\0".repeat(LINE_BYTES_MAX / 2)).as_bytes(), &csv());
    assert_eq!(all.lines[0].0.len(), LINE_BYTES_MAX + 1);
}

#[test]
fn a_header_that_names_nothing_or_twice_is_refused() {
    check_broken(&csv(), b"id,text,id\n1,2,3\n", 0, "\"id\" twice, columns 1 and 3");
    check_broken(&csv(), b"id,,text\n1,2,3\n", 0, "column 2 of the header has no name");
    check_broken(&csv(), b"\nid\n1\n", 0, "column 1 of the header has no name");
    check_broken(&csv(), b"id,\"text\n1,2\n", 0, "a quote in it is not closed");
    check_broken(&csv(), b"id,t\xffxt\n1,2\n", 0, "no text in the encoding");
    check_broken(&gb18030(csv()), b"id,t\xffxt\n1,2\n", 0, "no text in the encoding");
    check_broken(&csv(), &[b'x'; LINE_BYTES_MAX + 2], 0, "longer than");
}

proptest! {
    #[test]
    fn tables_say_what_the_csv_crate_reads(
        rows in prop::collection::vec(prop::collection::vec("[a\", \r\n\\\\井\0]{0,6}", 3), 0..6),
        ends_with_return in any::<bool>(),
    ) {
        let terminator = if ends_with_return { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new().terminator(terminator).from_writer(Vec::new());
        writer.write_record(["a", "b", "c"]).expect("a header");
        rows.iter().for_each(|row| writer.write_record(row).expect("a row"));
        let table = writer.into_inner().expect("memory");
        let all = read_with(&table, &csv());
        let mut reader = csv::Reader::from_reader(&*table);
        let expect: Vec<Vec<String>> =
            reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect();
        let found: Vec<Vec<String>> = all.lines.iter().map(|(line, why)| {
            assert_eq!(*why, GOOD);
            let row: serde_json::Value = serde_json::from_slice(line).expect("JSON");
            ["a", "b", "c"].iter().map(|name| row[name].as_str().expect("a cell").to_owned()).collect()
        }).collect();
        prop_assert_eq!(found, expect);
    }

    #[test]
    fn any_bytes_are_some_table(bytes in "[a,\"\r\n\0\u{ff}]{0,40}") {
        let all = read_with(format!("a,b\n{bytes}").as_bytes(), &csv());
        prop_assert_eq!(all.broken, None);
        for (line, _) in all.lines {
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&line).is_ok_and(|row| row.is_object()));
        }
    }
}

// --- Other encodings -----------------------------------------------------------------------------------------------------

#[test]
fn gb18030_becomes_utf8() {
    let encode = |text: &str| GB18030.encode(text).0.into_owned();
    let json = gb18030(Layout::default());
    let text = "{\"id\":\"1\",\"text\":\"浦东新区 井盖 镕 𠮷 ä |\\\"\"}";
    for bytes in [format!("{text}\n{text}\n"), format!("{text}\n{text}"), format!("\u{feff}{text}\n{text}\n")] {
        check(&json, &encode(&bytes), &[(text, GOOD), (text, GOOD)]);
    }
    check(&gb18030(csv()), &encode("编号,内容\n1,\"井\n盖\"\n"), &[(r#"{"编号":"1","内容":"井\n盖"}"#, GOOD)]);
    check(&json, b"", &[]);
    check_broken(&json, "\u{feff}{}".as_bytes(), 0, "mend `encoding`");
}

#[test]
fn bytes_that_are_no_gb18030_spoil_only_their_line() {
    let json = gb18030(Layout::default());
    // The first byte of a character does not take the newline behind it.
    let bad = "{\"id\":\"\u{fffd}\"}";
    check(&json, b"{}\n{\"id\":\"\xff\"}\n{}\n", &[("{}", GOOD), (bad, BAD_ENCODING), ("{}", GOOD)]);
    check(&json, b"{}\nab\x81\n{}", &[("{}", GOOD), ("ab\u{fffd}", BAD_ENCODING), ("{}", GOOD)]);
    check(&json, b"{}\nab\x81\x30\n{}", &[("{}", GOOD), ("ab\u{fffd}", BAD_ENCODING), ("{}", GOOD)]);
    let row = |n: &str| format!("{{\"id\":\"{n}\",\"text\":\"x\"}}");
    let bad = "{\"id\":\"2\",\"text\":\"a\\n\u{fffd}\"}";
    let table = b"id,text\n1,x\n2,\"a\n\xff\"\n3,x\n";
    check(&gb18030(csv()), table, &[(&row("1"), GOOD), (bad, BAD_ENCODING), (&row("3"), GOOD)]);
}

#[test]
fn a_line_of_gb18030_beyond_the_limit_is_cut() {
    let json = gb18030(Layout::default());
    for bytes in [LINE_BYTES_MAX + 1, 3 * LINE_BYTES_MAX] {
        let all = read_with(&[&vec![b'x'; bytes][..], b"\n{}\n"].concat(), &json);
        let lengths: Vec<_> = all.lines.iter().map(|(line, _)| line.len()).collect();
        assert_eq!(lengths, [LINE_BYTES_MAX + 1, 2]);
    }
}

#[test]
fn utf16_is_refused() {
    for bytes in [&b"\xff\xfe{\0}\0"[..], b"\xfe\xff\0{\0}", b"\xff\xfe"] {
        for layout in [Layout::default(), csv(), gb18030(csv())] {
            check_broken(&layout, bytes, 0, "iconv -f UTF-16");
        }
    }
}

// --- Dead letters --------------------------------------------------------------------------------------------------------

#[test]
fn dead_letters_give_back_the_line() {
    let why = r#"{"dead_letter":{"line":7,"reason":"missing"}"#;
    for layout in [Layout::default(), csv(), gb18030(csv())] {
        let check = |rest: &str, line: &str, reason: Option<Reason>| {
            let letters = format!("{why},\"report\":{{\"id\":1}}}}\n{why}{rest}}}\n\n{{\"id\":2}}\n");
            let expect = [("{\"id\":1}", GOOD), (line, reason), ("", Some(Reason::NotJson)), ("{\"id\":2}", GOOD)];
            check(&layout, letters.as_bytes(), &expect);
        };
        check(r#","report":{"id":"1", "text":"a\u0041"}"#, r#"{"id":"1", "text":"a\u0041"}"#, GOOD);
        check(r#" , "report" : {"a":[{}]} "#, r#"{"a":[{}]}"#, GOOD);
        check(r#","report":[1]"#, "[1]", GOOD);
        check(r#","raw":"{\"id\":\"1\"""#, r#"{"id":"1""#, GOOD);
        check(r#","raw":"no json\t\u0000""#, "no json\t\0", GOOD);
        check(r#","raw":"mended","raw_hex":"ff""#, "mended", GOOD);
        let own = |rest: &str| format!("{why}{rest}}}");
        for (rest, reason) in [
            ("", Reason::Missing),
            (",\"report\":{\"id\":\"1}", Reason::NotJson),
            (",\"report\":{},\"report\":{}", Reason::Repeated),
            (",\"report\":{},\"raw\":\"\"", Reason::Repeated),
            (",\"raw\":1", Reason::WrongType),
            (",\"raw\":\"\\ud800\"", Reason::NotJson),
            (",\"raw\":\"a\\nb\"", Reason::NotAValue),
            (",\"raw\":\"\u{fffd}\",\"raw_hex\":\"0\"", Reason::NotAValue),
            (",\"raw\":\"\u{fffd}\",\"raw_hex\":\"0a\"", Reason::NotAValue),
        ] {
            check(rest, &own(rest), Some(reason));
        }
    }
}

#[test]
fn what_is_not_mended_is_turned_away_again() {
    let layout = Layout::default();
    let hex = "{\"dead_letter\":{},\"raw\":\"a\u{fffd}\",\"raw_hex\":\"61ff\"}\n";
    assert_eq!(read_with(hex.as_bytes(), &layout).lines, [(b"a\xff".to_vec(), GOOD)]);
    let letter =
        |reason: &str, report: &str| format!("{{\"dead_letter\":{{\"reason\":\"{reason}\"}},\"report\":{report}}}");
    for (reason, report, expect) in [
        ("bad_encoding", "{\"id\":\"\u{fffd}\"}", BAD_ENCODING),
        ("bad_encoding", "{\"id\":\"\\ufffd\"}", BAD_ENCODING),
        ("bad_encoding", "{\"id\":\"\\uFFFD\"}", BAD_ENCODING),
        ("bad_encoding", "{\"id\":\"mended\"}", GOOD),
        ("not_csv", r#"{"id":"1","":["rest"]}"#, NOT_CSV),
        ("not_csv", r#"{"id":"1"}"#, GOOD),
        ("missing", "{\"id\":\"\u{fffd}\",\"\":1}", GOOD),
    ] {
        check(&layout, letter(reason, report).as_bytes(), &[(report, expect)]);
    }
}

#[test]
fn an_envelope_in_an_envelope_is_opened() {
    let inner = r#"{"dead_letter":{"line":1},"report":{"id":"1"}}"#;
    let outer = format!("{{\"dead_letter\":{{}},\"raw\":{}}}", serde_json::to_string(inner).expect("JSON"));
    check(&Layout::default(), outer.as_bytes(), &[(r#"{"id":"1"}"#, GOOD)]);
}

#[test]
fn an_envelope_may_be_longer_than_what_is_in_it() {
    let raw = "\0".repeat(LINE_BYTES_MAX);
    let letter = format!("{{\"dead_letter\":{{}},\"raw\":{}}}\n", serde_json::to_string(&raw).expect("JSON"));
    assert!(letter.len() > 6 * LINE_BYTES_MAX);
    let all = read_with(letter.as_bytes(), &Layout::default());
    assert!(all.lines == [(raw.into_bytes(), GOOD)]);
    let endless = format!("{{\"dead_letter\":{{}},\"raw\":\"{}\n{{}}\n", "x".repeat(LETTER_BYTES_MAX));
    let lengths: Vec<_> =
        read_with(endless.as_bytes(), &Layout::default()).lines.iter().map(|(l, _)| l.len()).collect();
    assert_eq!(lengths, [LINE_BYTES_MAX + 1, 2]);
}

// --- Compression ---------------------------------------------------------------------------------------------------------

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    // As the command does.
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("an encoder");
    encoder.include_checksum(true).expect("a setting");
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn members_and_frames_become_one_text() {
    let (json, lines) = (Layout::default(), [("{\"id\":1}", GOOD), ("{\"id\":2}", GOOD)]);
    for pack in [gzip, zstd] {
        check(&json, &pack(b"{\"id\":1}\n{\"id\":2}\n"), &lines);
        check(&json, &[pack(b"{\"id\":1}\n{\"i"), pack(b""), pack(b"d\":2}")].concat(), &lines);
        check(&json, &pack("\u{feff}{\"id\":1}\n{\"id\":2}".as_bytes()), &lines);
        check(&json, &pack(b""), &[]);
        check(&csv(), &pack(b"id\n1\n"), &[(r#"{"id":"1"}"#, GOOD)]);
        check(&gb18030(csv()), &pack(b"id\n\xbe\xae\n"), &[(r#"{"id":"井"}"#, GOOD)]);
        let letter = pack(b"{\"dead_letter\":{},\"report\":{\"id\":1}}\n");
        check(&csv(), &letter, &[("{\"id\":1}", GOOD)]);
    }
}

/// Lines that do not repeat themselves much.
fn many_lines() -> Vec<u8> {
    (0..2_000_u64)
        .map(|n| format!("{{\"id\":\"{:x}\"}}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .collect::<String>()
        .into()
}

#[test]
fn what_came_before_the_end_of_a_cut_file_is_read() {
    let text = many_lines();
    let whole: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    for (pack, packing) in [(gzip as fn(&[u8]) -> Vec<u8>, "gzip"), (zstd, "zstd")] {
        let (first, second) = (pack(&text), pack(b"{}\n"));
        let packed = [&first[..], &second].concat();
        for cut in [4, 5, 20, first.len() / 2, first.len() - 1, first.len() + 5, packed.len() - 1] {
            let all = read_with(&packed[..cut], &Layout::default());
            let why = all.broken.unwrap_or_default();
            assert!(why.contains(packing) && why.contains(&format!("compressed byte {cut}:")), "{cut}: {why}");
            let is_beginning = all.lines.iter().zip(&whole).all(|((line, _), whole)| *line == whole[..whole.len() - 1]);
            assert!(is_beginning, "{cut}: only whole lines, in order");
            assert!(cut < first.len() || all.lines.len() >= whole.len(), "{cut}: all of the first member");
            assert!(cut < first.len() / 2 || all.lines.len() > whole.len() / 4 || packing == "zstd", "{cut}");
        }
    }
}

#[test]
fn damage_is_told_with_its_place() {
    let text = many_lines();
    for (pack, packing) in [(gzip as fn(&[u8]) -> Vec<u8>, "gzip"), (zstd, "zstd")] {
        let mut packed = pack(&text);
        let middle = packed.len() / 2;
        packed[middle..middle + 8].fill(0xff);
        let why = read_with(&packed, &Layout::default()).broken.unwrap_or_default();
        assert!(why.contains(&format!("the {packing} data are damaged before compressed byte")), "{why}");
        let behind = [pack(b"{}\n"), b"garbage".to_vec()].concat();
        check_broken(&Layout::default(), &behind, 1, &format!("the {packing} data"));
    }
}

#[test]
fn bombs_are_stopped() {
    let bounds = Bounds { ratio: 100, free_bytes: 1 << 20, bytes: 1 << 30 };
    let line = [&b"{}"[..], &[b' '; 997], b"\n"].concat();
    let read = |bytes: &[u8], bounds| {
        read_all(stream(bytes, &Layout::default(), bounds, usize::MAX, 1 << 16), Patience::Chunk)
    };
    for pack in [gzip, zstd] {
        let harmless = read(&pack(&line.repeat(1_000)), bounds);
        assert_eq!((harmless.lines.len(), harmless.broken), (1_000, None), "so much is free");
        let all = read(&pack(&line.repeat(20_000)), bounds);
        let why = all.broken.unwrap_or_default();
        assert!(why.contains("unpack to more than 100 bytes for each one"), "{why}");
        assert!(all.lines.len() >= 1_000 && all.lines.len() < 20_000, "{} lines came before", all.lines.len());
        let size = Bounds { ratio: u64::MAX, bytes: 1 << 20, ..bounds };
        let why = read(&pack(&line.repeat(2_000)), size).broken.unwrap_or_default();
        assert!(why.contains("more than 1048576 bytes in all"), "{why}");
        let behind = Bounds::default();
        assert_eq!(read(&pack(&line.repeat(20_000)), behind).broken, None);
    }
}

#[test]
fn a_zstd_window_has_a_bound() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("an encoder");
    encoder.window_log(30).expect("a window");
    encoder.long_distance_matching(true).expect("a setting");
    encoder.write_all(&many_lines()).expect("memory");
    let packed = encoder.finish().expect("memory");
    check_broken(&Layout::default(), &packed, 0, "the zstd data are damaged");
}

#[test]
fn compressed_bytes_are_refused_where_they_must_not_be() {
    for packed in [gzip(b"{}\n"), zstd(b"{}\n")] {
        let unpack = Unpack::plain(Box::new(io::Cursor::new(packed)));
        let all = read_all(StreamInput::new(unpack, Layout::default(), 64), Patience::Line);
        assert!(all.broken.is_some_and(|why| why.contains("--follow")));
    }
}
