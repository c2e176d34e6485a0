//! The lines that a run sends: made before it begins, so that sending costs a copy, and sent again and again under new ids
//! and times for as long as it lasts.

use std::collections::BTreeMap;

use memchr::{memchr, memmem};

use crate::Outcome;
use crate::r#gen;
use crate::profile::{Kind, Profile};
use crate::pudong::Urgency;

/// A line of the pool, and what of it changes each time it is sent.
struct Line {
    start: u32,
    end: u32,
    /// Where its time stands, and how long it is; nothing if it has none, or not as milliseconds.
    time: Option<(u16, u8)>,
    /// Where its id begins, if it has one.
    id: Option<u16>,
    /// How much earlier or later than it is sent it happened, in milliseconds.
    lead_ms: i32,
    /// A re-send says what this line said.
    repeats: Option<u32>,
    urgency: Urgency,
}

/// What is known of a line besides its text.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// How much earlier (negative) or later than its own place on the clock of the file it happened, in milliseconds.
    pub lead_ms: i32,
    /// The line that it repeats, counted from 0.
    pub repeats: Option<u32>,
    /// How pressing it is.
    pub urgency: Urgency,
}

/// The workload that is no profile: that of the bench job, in a city of its own.
pub const BENCH: &str = "bench";

/// The lines.
pub struct Pool {
    /// What it is made of.
    pub profile: String,
    /// Its seed.
    pub seed: u64,
    text: Vec<u8>,
    lines: Vec<Line>,
}

impl Pool {
    /// Lines of the bench workload, or of a profile's whole period.
    ///
    /// # Errors
    /// If there is no such profile.
    ///
    /// # Panics
    /// If they have 4 GiB or more.
    pub fn of(profile: &str, lines: u64, seed: u64) -> Outcome<Self> {
        match Profile::by_name(profile) {
            Some(profile) => Ok(Self::of_profile(&profile, lines, seed)),
            None if profile == BENCH => Ok(Self::bench(lines, seed)),
            None => Err(format!("no profile \"{profile}\"; there are {BENCH}, {}", Profile::NAMES.join(", "))),
        }
    }

    fn of_profile(profile: &Profile, lines: u64, seed: u64) -> Self {
        let mut pool = Self { profile: profile.name().to_owned(), seed, text: Vec::new(), lines: Vec::new() };
        let (mut stream, mut line) = (profile.stream(seed, lines), Vec::new());
        for _ in 0..lines {
            line.clear();
            let truth = stream.next(&mut line);
            let repeats = if let Kind::Resend { of } = truth.kind { Some(of as u32 - 1) } else { None };
            let clock_ms = (profile.start_ms() + truth.offset_ns / 1_000_000) as i64;
            let lead_ms = number_at(&line, time_of(&line)).map_or(0, |time| time as i64 - clock_ms);
            pool.push(&line, Known { lead_ms: lead_ms as i32, repeats, urgency: truth.urgency });
        }
        pool
    }

    /// Lines of the bench workload.
    ///
    /// # Panics
    /// If they have 4 GiB or more.
    pub fn bench(lines: u64, seed: u64) -> Self {
        let mut pool = Self { profile: BENCH.to_owned(), seed, text: Vec::new(), lines: Vec::new() };
        r#gen::each(lines, seed, |line, repeats| {
            let repeats = repeats.map(|of| of as u32);
            let number = pool.lines.len() as u64;
            // A re-send happened when the line happened that it repeats.
            let time = number_at(line, time_of(line)).map_or(0, |time| time as i64 - r#gen::clock_ms(number) as i64);
            pool.push(line, Known { lead_ms: time as i32, repeats, urgency: Urgency::C });
        });
        pool
    }

    /// Adds a line without its newline.
    fn push(&mut self, line: &[u8], known: Known) {
        let start = u32::try_from(self.text.len()).expect("a pool has less than 4 GiB");
        self.text.extend_from_slice(line);
        self.lines.push(Line {
            start,
            end: start + line.len() as u32,
            time: time_of(line),
            id: id_of(line),
            lead_ms: known.lead_ms,
            repeats: known.repeats,
            urgency: known.urgency,
        });
    }

    /// How many lines there are.
    pub const fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How long a line is on average, in bytes, without what is added to its id.
    pub fn bytes_per_line(&self) -> f64 {
        self.text.len() as f64 / self.lines.len() as f64
    }

    /// The share of lines of an urgency.
    pub fn share(&self, urgency: Urgency) -> f64 {
        let of = self.lines.iter().filter(|line| line.urgency == urgency).count();
        of as f64 / self.lines.len() as f64
    }

    /// The share of lines of each source that a line names, such as `source 12345`.
    pub fn source_shares(&self) -> impl Iterator<Item = (String, f64)> {
        let mut counts = BTreeMap::<&str, usize>::new();
        let texts = self.lines.iter().map(|line| &self.text[line.start as usize..line.end as usize]);
        texts.filter_map(source_of).for_each(|source| *counts.entry(source).or_default() += 1);
        counts.into_iter().map(|(source, lines)| (format!("source {source}"), lines as f64 / self.lines.len() as f64))
    }

    /// How pressing report `number` of a run is.
    #[inline]
    pub fn urgency(&self, number: u64) -> Urgency {
        self.lines[(number % self.lines.len() as u64) as usize].urgency
    }

    /// Whoever sends the pool's lines from the first on, for the clock of the target.
    pub fn scribe(&self, epoch_ms: u64) -> Scribe<'_> {
        Scribe { pool: self, epoch_ms, next: 0, round: 0, times: vec![0; self.lines.len()] }
    }
}

/// Where the digits of the time of a line stand.
fn time_of(line: &[u8]) -> Option<(u16, u8)> {
    const KEY: &[u8] = b"\"ts\":";
    let at = memmem::find(line, KEY)? + KEY.len();
    let digits = line[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let ends = line.get(at + digits).is_some_and(|byte| matches!(byte, b',' | b'}'));
    (digits > 0 && ends).then_some((u16::try_from(at).ok()?, digits as u8))
}

fn number_at(line: &[u8], place: Option<(u16, u8)>) -> Option<u64> {
    let (at, len) = place?;
    std::str::from_utf8(&line[usize::from(at)..][..usize::from(len)]).ok()?.parse().ok()
}

/// What a line names as its source.
fn source_of(line: &[u8]) -> Option<&str> {
    const KEY: &[u8] = b"\"source\":\"";
    let named = &line[memmem::find(line, KEY)? + KEY.len()..];
    std::str::from_utf8(&named[..memchr(b'"', named)?]).ok()
}

/// Where the id of a line begins. An empty one stays empty: it is meant to be turned away.
fn id_of(line: &[u8]) -> Option<u16> {
    const KEY: &[u8] = b"\"id\":\"";
    let at = memmem::find(line, KEY)? + KEY.len();
    line.get(at).filter(|byte| **byte != b'"')?;
    u16::try_from(at).ok()
}

/// Writes the lines of a pool one after the other, each as if it had just been said.
pub struct Scribe<'a> {
    pool: &'a Pool,
    epoch_ms: u64,
    /// The next line.
    next: usize,
    /// How often the pool was used up.
    round: u32,
    /// The time that each line said when it was last written: a re-send says the same.
    times: Vec<u64>,
}

impl Scribe<'_> {
    /// Appends the next line with its newline, sent so many nanoseconds after the start.
    #[inline]
    pub fn write(&mut self, sent_ns: u64, out: &mut Vec<u8>) {
        let line = &self.pool.lines[self.next];
        let time = match line.repeats {
            Some(of) => self.times[of as usize],
            None => (self.epoch_ms + sent_ns / 1_000_000).saturating_add_signed(i64::from(line.lead_ms)),
        };
        self.times[self.next] = time;
        let text = &self.pool.text[line.start as usize..line.end as usize];
        let mut from = 0;
        for (at, skip, put) in self.changes(line, time) {
            out.extend_from_slice(&text[from..at]);
            out.extend_from_slice(put.as_bytes());
            from = at + skip;
        }
        out.extend_from_slice(&text[from..]);
        out.push(b'\n');
        self.next += 1;
        if self.next == self.pool.lines.len() {
            (self.next, self.round) = (0, self.round + 1);
        }
    }

    /// What is put where instead of how many bytes, in the order of the line.
    #[inline]
    fn changes(&self, line: &Line, time: u64) -> impl Iterator<Item = (usize, usize, Put)> {
        let id = line.id.map(|at| (usize::from(at), 0, Put::round(self.round)));
        let time = line.time.map(|(at, len)| (usize::from(at), usize::from(len), Put::number(time)));
        let is_id_first = line.id.map(usize::from) < line.time.map(|(at, _)| usize::from(at));
        let [first, second] = if is_id_first { [id, time] } else { [time, id] };
        first.into_iter().chain(second)
    }
}

/// A few digits.
struct Put {
    bytes: [u8; 24],
    len: usize,
}

impl Put {
    #[inline]
    fn number(number: u64) -> Self {
        let (mut bytes, mut digits) = ([0; 24], itoa::Buffer::new());
        let digits = digits.format(number).as_bytes();
        bytes[..digits.len()].copy_from_slice(digits);
        Self { bytes, len: digits.len() }
    }

    /// What makes the ids of a round its own.
    #[inline]
    fn round(round: u32) -> Self {
        let mut put = Self::number(u64::from(round));
        put.bytes[put.len] = b'~';
        put.len += 1;
        put
    }

    #[inline]
    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_has_its_own_ids_and_each_line_the_time_at_which_it_is_sent() {
        let mut pool = Pool { profile: String::new(), seed: 0, text: Vec::new(), lines: Vec::new() };
        let known = |lead_ms, repeats| Known { lead_ms, repeats, urgency: Urgency::C };
        pool.push(br#"{"source":"a","id":"x1","ts":1700000000000,"n":1}"#, known(-250, None));
        pool.push(br#"{"ts":17,"id":"x1"}"#, known(5, Some(0)));
        pool.push(br#"{"id":"","ts":"2026-01-01T00:00:00Z"}"#, known(0, None));
        pool.push(br#"{"source":"a","id":"x"#, known(0, None));
        let mut scribe = pool.scribe(10_000);
        let mut check = |sent_ns: u64, expected: &str| {
            let mut line = Vec::new();
            scribe.write(sent_ns, &mut line);
            assert_eq!(String::from_utf8(line).unwrap(), format!("{expected}\n"));
        };
        check(1_000_000_000, r#"{"source":"a","id":"0~x1","ts":10750,"n":1}"#);
        check(2_000_000_000, r#"{"ts":10750,"id":"0~x1"}"#);
        check(2_000_000_000, r#"{"id":"","ts":"2026-01-01T00:00:00Z"}"#);
        check(2_000_000_000, r#"{"source":"a","id":"0~x"#);
        check(3_000_000_000, r#"{"source":"a","id":"1~x1","ts":12750,"n":1}"#);
        assert_eq!(pool.source_shares().collect::<Vec<_>>(), [("source a".to_owned(), 0.5)]);
    }

    #[test]
    fn a_pool_of_the_bench_is_the_bench_file_but_for_ids_and_times() {
        let pool = Pool::bench(2_000, 1);
        let (mut scribe, mut lines, mut number) = (pool.scribe(r#gen::clock_ms(0)), Vec::new(), 0);
        (0..2_000).for_each(|n| scribe.write(n * 1_000_000_000 / 1_400, &mut lines));
        let sent: Vec<&[u8]> = lines.split(|byte| *byte == b'\n').collect();
        r#gen::each(2_000, 1, |line, repeats| {
            let now: serde_json::Result<serde_json::Value> = serde_json::from_slice(sent[number]);
            let then: serde_json::Result<serde_json::Value> = serde_json::from_slice(line);
            if let (Ok(now), Ok(then)) = (&now, &then) {
                let (id, ts) = (now["id"].as_str().unwrap(), now["ts"].as_u64().unwrap());
                assert_eq!(id.trim_start_matches("0~"), then["id"].as_str().unwrap());
                // The clock of the file is cut to milliseconds, in two places.
                assert!((ts as i64 - then["ts"].as_i64().unwrap()).abs() <= 1);
            }
            assert_eq!(now.is_ok(), then.is_ok());
            if let Some(of) = repeats {
                assert_eq!(sent[number], sent[of as usize]);
            }
            number += 1;
        });
    }
}
