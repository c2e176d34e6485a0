//! Numbers as people read them: with three digits that count, grouped thousands, and a unit.

/// Between a number and its unit, which stay in one line.
const NO_BREAK: char = '\u{a0}';

/// What a number is a number of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Milliseconds.
    Latency,
    /// Nanoseconds.
    Nanoseconds,
    /// Something a second.
    PerSecond,
    /// Things.
    Count,
    /// MiB.
    Memory,
}

impl Quantity {
    /// Short, with its unit.
    pub fn short(self, value: f64) -> String {
        match self {
            Self::Latency => time(value * 1e6),
            Self::Nanoseconds => time(value),
            Self::PerSecond => format!("{}/s", prefixed(value)),
            Self::Count => prefixed(value).trim_end().to_string(),
            Self::Memory => format!("{}{NO_BREAK}MiB", significant(value)),
        }
    }
}

/// Of nanoseconds, in the unit that suits.
fn time(ns: f64) -> String {
    let (unit_ns, unit) = match ns.abs() {
        ns if ns < 1e3 => (1.0, "ns"),
        ns if ns < 1e6 => (1e3, "µs"),
        ns if ns < 1e9 => (1e6, "ms"),
        _ => (1e9, "s"),
    };
    format!("{}{NO_BREAK}{unit}", significant(ns / unit_ns))
}

/// With k or M where it is large.
fn prefixed(value: f64) -> String {
    match value.abs() {
        n if n < 1e4 => format!("{}{NO_BREAK}", significant(value)),
        n if n < 1e6 => format!("{}{NO_BREAK}k", significant(value / 1e3)),
        _ => format!("{}{NO_BREAK}M", significant(value / 1e6)),
    }
}

/// Three digits that count, without zeros behind the point that say nothing.
fn significant(value: f64) -> String {
    let text = fixed(value, 3);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

/// At most three digits that count and at most `decimals_max` behind the point.
fn fixed(value: f64, decimals_max: usize) -> String {
    let decimals = match value.abs() {
        n if n >= 99.95 => 0,
        n if n >= 9.995 => 1,
        n if n >= 0.9995 => 2,
        _ => 3,
    };
    grouped(&format!("{value:.*}", decimals.min(decimals_max)))
}

/// Three digits that count, the point always in the same column of right-aligned cells with tabular digits.
pub fn aligned(value: f64) -> String {
    let text = fixed(value, 3);
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    // Spaces as wide as a point and as a digit.
    let point = if decimals == 0 { "\u{2008}" } else { "" };
    text + point + &"\u{2007}".repeat(3 - decimals)
}

/// A whole number with a comma at every thousand.
pub fn whole(value: f64) -> String {
    grouped(&format!("{value:.0}"))
}

/// A count with a comma at every thousand.
pub fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// A part of a whole in percent, fine enough that one in a million shows.
pub fn percent(part: f64, whole: f64) -> String {
    let percent = if whole > 0.0 { part / whole * 100.0 } else { 0.0 };
    match percent {
        0.0 => format!("0{NO_BREAK}%"),
        p if p < 0.001 => format!("<{NO_BREAK}0.001{NO_BREAK}%"),
        p => format!("{}{NO_BREAK}%", fixed(p, 3)),
    }
}

fn grouped(number: &str) -> String {
    let (whole, decimals) = number.find('.').map_or((number, ""), |point| number.split_at(point));
    let mut text = String::new();
    for (n, c) in whole.chars().enumerate() {
        let left = whole.len() - n;
        if n > 0 && left.is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(c);
    }
    text + decimals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_numbers_carry_their_unit() {
        let check = |quantity: Quantity, value, expected: &str| {
            assert_eq!(quantity.short(value).replace(NO_BREAK, " "), expected);
        };
        check(Quantity::Latency, 0.0005, "500 ns");
        check(Quantity::Latency, 0.0125, "12.5 µs");
        check(Quantity::Latency, 1.0, "1 ms");
        check(Quantity::Latency, 2000.0, "2 s");
        check(Quantity::Latency, 120_000.0, "120 s");
        check(Quantity::Nanoseconds, 297.4, "297 ns");
        check(Quantity::PerSecond, 0.0, "0 /s");
        check(Quantity::PerSecond, 412_345.0, "412 k/s");
        check(Quantity::PerSecond, -20_000.0, "-20 k/s");
        check(Quantity::Count, 10_000_000.0, "10 M");
        check(Quantity::Count, 9_999.0, "9,999");
        check(Quantity::Memory, 286.0, "286 MiB");
    }

    #[test]
    fn aligned_numbers_have_their_points_in_one_column() {
        let check = |value, expected: &str| assert_eq!(aligned(value), expected);
        check(0.12345, "0.123");
        check(1.2345, "1.23\u{2007}");
        check(99.96, "100\u{2008}\u{2007}\u{2007}\u{2007}");
        check(12_345.6, "12,346\u{2008}\u{2007}\u{2007}\u{2007}");
    }

    #[test]
    fn counts_are_grouped() {
        let check = |value, expected: &str| assert_eq!(count(value), expected);
        check(0, "0");
        check(999, "999");
        check(1_200_000, "1,200,000");
        assert_eq!(whole(-123_456.4), "-123,456");
    }

    #[test]
    fn a_small_part_is_not_told_as_none() {
        let check = |part, of, expected: &str| assert_eq!(percent(part, of).replace(NO_BREAK, " "), expected);
        check(0.0, 1e6, "0 %");
        check(1.0, 0.0, "0 %");
        check(1.0, 1e6, "< 0.001 %");
        check(12.0, 1e6, "0.001 %");
        check(1.0, 4.0, "25.0 %");
        check(4.0, 4.0, "100 %");
    }
}
