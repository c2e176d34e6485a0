//! Histograms as files that other tools read: `.hlog` (interval log, compressed V2) and `.hgrm` (percentile text).
//!
//! In memory times are nanoseconds; `.hgrm` tells them in milliseconds, as its plotters expect.

use crate::Outcome;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Nanoseconds in a millisecond.
const NS_PER_MS: f64 = 1e6;
/// Lines for each halving of the distance to 100 %; what the other implementations write.
const TICKS_PER_HALF: u32 = 5;

/// The times of one kind in one interval of a run.
pub struct Interval<'a> {
    /// What they are times of, such as `A.intended` or `A.journal`: letters, digits, `.`, `-` and `_`.
    pub tag: &'a str,
    /// From the start of the run to the start of the interval.
    pub begin: Duration,
    /// How long it lasted.
    pub length: Duration,
    /// Times in nanoseconds.
    pub times: &'a Histogram<u64>,
}

/// Writes `STEM.hlog` with every interval, and for each tag `STEM.TAG.hgrm` with all its intervals together.
///
/// `folder` is made if it is not there; files of the same names are replaced. Intervals go in ascending order of `begin`.
pub fn write(folder: &Path, stem: &str, started: SystemTime, intervals: &[Interval]) -> Outcome {
    let at = |path: &Path, e: &dyn Display| format!("{}: cannot write: {e}", path.display());
    std::fs::create_dir_all(folder).map_err(|e| at(folder, &e))?;
    let whole = by_tag(intervals)?;
    let log = folder.join(format!("{stem}.hlog"));
    create(&log, |out| write_log(out, started, intervals)).map_err(|e| at(&log, &e))?;
    for (tag, times) in &whole {
        let text = folder.join(format!("{stem}.{tag}.hgrm"));
        create(&text, |out| write!(out, "{}", Percentiles(times))).map_err(|e| at(&text, &e))?;
    }
    Ok(())
}

/// The histogram of each tag over the whole run.
fn by_tag<'a>(intervals: &[Interval<'a>]) -> Outcome<BTreeMap<&'a str, Histogram<u64>>> {
    let mut whole = BTreeMap::<&str, Histogram<u64>>::new();
    for Interval { tag, times, .. } in intervals {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        if tag.is_empty() || !tag.chars().all(is_plain) {
            return Err(format!("the tag {tag:?} is no part of a file name: use letters, digits, `.`, `-` and `_`"));
        }
        match whole.get_mut(tag) {
            None => _ = whole.insert(tag, Histogram::clone(times)),
            Some(sum) => sum.add(*times).map_err(|e| format!("the histograms of {tag} do not add up: {e}"))?,
        }
    }
    Ok(whole)
}

fn create(path: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    fill(&mut out)?;
    out.flush()
}

fn write_log(out: &mut impl Write, started: SystemTime, intervals: &[Interval]) -> io::Result<()> {
    let mut serializer = V2DeflateSerializer::new();
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment("[Histogram log format version 1.3]")
        .with_start_time(started)
        .with_base_time(started)
        .with_max_value_divisor(NS_PER_MS)
        .begin_log_with(out, &mut serializer)?;
    for interval in intervals {
        let Interval { tag, begin, length, times } = interval;
        log.write_histogram(times, *begin, *length, Tag::new(tag)).map_err(io::Error::other)?;
    }
    Ok(())
}

/// The percentile text of a histogram of nanoseconds, in milliseconds.
pub struct Percentiles<'a>(pub &'a Histogram<u64>);

impl Display for Percentiles<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>12} {:>14} {:>10} {:>14}\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")?;
        let mut total = 0;
        for step in self.0.iter_quantiles(TICKS_PER_HALF) {
            total += step.count_since_last_iteration();
            let (ms, share) = (step.value_iterated_to() as f64 / NS_PER_MS, step.quantile_iterated_to());
            write!(f, "{ms:12.6} {share:14.12} {total:10}")?;
            // The last line is everything: one over nothing is left out.
            if share < 1.0 { writeln!(f, " {:14.2}", 1.0 / (1.0 - share))? } else { writeln!(f)? }
        }
        self.foot(f)
    }
}

impl Percentiles<'_> {
    fn foot(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = self.0;
        let ms = |ns: f64| ns / NS_PER_MS;
        // Every bucket but the first shares half of its values with the one below.
        let sub_buckets = 2 * times.distinct_values() / (usize::from(times.buckets()) + 1);
        writeln!(f, "#[Mean    = {:12.6}, StdDeviation   = {:12.6}]", ms(times.mean()), ms(times.stdev()))?;
        writeln!(f, "#[Max     = {:12.6}, Total count    = {:12}]", ms(times.max() as f64), times.len())?;
        writeln!(f, "#[Buckets = {:12}, SubBuckets     = {sub_buckets:12}]", times.buckets())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    fn histogram(milliseconds: impl IntoIterator<Item = u64>) -> Histogram<u64> {
        let mut times = Histogram::new_with_max(120_000_000_000, 3).expect("bounds of a run");
        milliseconds.into_iter().for_each(|ms| times.record(ms * 1_000_000).expect("within the bounds"));
        times
    }

    fn decoded(base64: &str) -> Histogram<u64> {
        let sextet = |c: u8| match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        let digits: Vec<u8> = base64.trim_end_matches('=').bytes().map(sextet).collect();
        let bytes: Vec<u8> = digits
            .chunks(4)
            .flat_map(|four| {
                let bits = four.iter().enumerate().fold(0u32, |bits, (n, six)| bits | u32::from(*six) << (18 - 6 * n));
                bits.to_be_bytes()[1..four.len()].to_vec()
            })
            .collect();
        Deserializer::new().deserialize(&mut bytes.as_slice()).expect("a compressed histogram")
    }

    #[test]
    fn a_log_is_read_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (histogram(1..=1000), histogram([7, 7, 9000]));
        let second_length = Duration::from_millis(1500);
        let interval = |tag, begin, length, times| Interval { tag, begin, length, times };
        let intervals = [
            interval("A.intended", Duration::ZERO, Duration::from_secs(60), &first),
            interval("A.intended", Duration::from_secs(60), second_length, &second),
            interval("B.journal", Duration::from_secs(60), second_length, &second),
        ];
        let started = SystemTime::UNIX_EPOCH + Duration::from_secs(1_780_000_000);
        write(folder.path(), "run", started, &intervals).unwrap();

        let log = std::fs::read(folder.path().join("run.hlog")).unwrap();
        let entries: Vec<_> = IntervalLogIterator::new(&log).map(Result::unwrap).collect();
        assert_eq!(entries[0], LogEntry::StartTime(Duration::from_secs(1_780_000_000)));
        assert_eq!(entries[1], LogEntry::BaseTime(Duration::from_secs(1_780_000_000)));
        assert_eq!(entries.len(), 2 + intervals.len());
        for (entry, expected) in entries[2..].iter().zip(&intervals) {
            let LogEntry::Interval(read) = entry else { panic!("{entry:?}") };
            assert_eq!(read.tag().unwrap().as_str(), expected.tag);
            assert_eq!((read.start_timestamp(), read.duration()), (expected.begin, expected.length));
            assert_eq!(&decoded(read.encoded_histogram()), expected.times);
        }

        let of_a = std::fs::read_to_string(folder.path().join("run.A.intended.hgrm")).unwrap();
        assert!(of_a.contains("Total count    =         1003]"), "{of_a}");
        assert!(folder.path().join("run.B.journal.hgrm").exists());
    }

    #[test]
    fn percentile_text_has_the_layout_that_others_read() {
        let times = histogram([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        let text = Percentiles(&times).to_string();
        let lines: Vec<&str> = text.lines().collect();
        let check = |n: usize, expected: &str| assert_eq!(lines[n], expected, "line {n} of\n{text}");
        check(0, "       Value     Percentile TotalCount 1/(1-Percentile)");
        check(1, "");
        check(2, "    1.000447 0.000000000000          1           1.00");
        check(3, "    1.000447 0.100000000000          1           1.11");
        check(lines.len() - 4, "   10.002431 1.000000000000         10");
        check(lines.len() - 3, "#[Mean    =     5.499520, StdDeviation   =     2.871853]");
        check(lines.len() - 2, "#[Max     =    10.002431, Total count    =           10]");
        check(lines.len() - 1, "#[Buckets =           27, SubBuckets     =         2048]");
    }

    #[test]
    fn an_empty_histogram_is_a_table_without_lines() {
        let text = Percentiles(&histogram([])).to_string();
        assert_eq!(text.lines().count(), 5, "{text}");
    }

    #[test]
    fn a_tag_that_leads_out_of_the_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let times = histogram([1]);
        let check = |tag: &str| {
            let interval = Interval { tag, begin: Duration::ZERO, length: Duration::from_secs(1), times: &times };
            let refused = write(folder.path(), "run", SystemTime::UNIX_EPOCH, &[interval]).unwrap_err();
            assert!(refused.contains(&format!("{tag:?}")), "{refused}");
        };
        check("");
        check("a,b");
        check("a b");
        check("../a");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
