//! How much people report, by hour, weekday and season, and the curves that are made of it.
//!
//! What is known of the shape, as far as public sources tell it: Shanghai's 12345 took 9.028 million requests in 2023
//! (163.com, J63128NP055040N3); its calls grew 3.5-fold on the worst days of 2022 (taiwan.cn, 2022-05-30). The rest are
//! estimates: seven tenths of calls come between 8 and 20 o'clock, most at 9 and 10 and again at 14 and 15; six people call
//! on a working day for five on a free one.

use super::curve::{Curve, Knot};

const HOUR_S: f64 = 3_600.0;

/// Reports of people in each hour of a day, in thousandths of the day's.
pub const HOURS: [u32; 24] =
    [12, 8, 6, 5, 6, 10, 20, 38, 56, 93, 90, 58, 40, 48, 70, 68, 56, 46, 40, 35, 55, 58, 48, 34];

/// How much more or less is reported in each month, in hundredths: plum rains and typhoons in summer.
const MONTHS: [u32; 12] = [94, 85, 97, 98, 101, 107, 113, 112, 105, 99, 96, 93];
/// How much is reported on a free day for 100 on a working day.
const FREE_DAY: u32 = 83;
/// Spring Festival of 2026: days of the year from 0, and how much is reported for 100 on others.
const FESTIVAL: std::ops::Range<u32> = 46..53;
const FESTIVAL_LEVEL: u32 = 60;
const MONTH_DAYS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/// 2026-01-01 is a Thursday; Monday is 0.
const FIRST_WEEKDAY: u32 = 3;

/// Whether a time, in milliseconds since 1970, lies in December, January or February, give or take a day.
pub const fn is_winter(at_ms: u64) -> bool {
    const DAY_MS: u64 = 86_400_000;
    /// Of a year of 365.2425 days, to the end of February and of November.
    const WINTER_ENDS_MS: u64 = 59 * DAY_MS;
    const WINTER_BEGINS_MS: u64 = 334 * DAY_MS;
    let of_year_ms = at_ms % 31_556_952_000;
    of_year_ms < WINTER_ENDS_MS || of_year_ms >= WINTER_BEGINS_MS
}

/// How much people report at an hour of the day, where the day's average is 1. Between the middles of hours it is linear.
fn level(hour: f64) -> f64 {
    let from = (hour + 23.5) % 24.0;
    let (first, part) = (from as usize, from % 1.0);
    let [a, b] = [first, first + 1].map(|hour| f64::from(HOURS[hour % 24]) * 24.0 / 1_000.0);
    a + (b - a) * part
}

/// A day of knots, one in the middle of each hour and one at each end: rates of people follow the hours, those of devices do
/// not. `swell(hour)` multiplies each group's rate.
pub fn day(rates: [f64; 5], swell: impl Fn(f64) -> [f64; 5]) -> Curve {
    let hours = [0.0].into_iter().chain((0..24).map(|hour| f64::from(hour) + 0.5)).chain([24.0]);
    let knot = |hour: f64| {
        let (people, swell) = (level(hour), swell(hour));
        let devices = [1.0, people, people, people, people];
        Knot { at_s: hour * HOUR_S, rates: std::array::from_fn(|group| rates[group] * devices[group] * swell[group]) }
    };
    Curve::new(hours.map(knot).collect())
}

/// The year 2026 of knots, an hour apart, with `lines` lines in all, divided among the groups by `shares`.
pub fn year(lines: f64, shares: [f64; 5]) -> Curve {
    let mut levels = Vec::with_capacity(365 * 24 + 1);
    for (month, days) in MONTH_DAYS.into_iter().enumerate() {
        for _ in 0..days {
            let day = levels.len() as u32 / 24;
            let free = (day + FIRST_WEEKDAY) % 7 >= 5;
            let week = if free { FREE_DAY } else { 100 };
            let festival = if FESTIVAL.contains(&day) { FESTIVAL_LEVEL } else { 100 };
            let of_day = f64::from(MONTHS[month] * week * festival) / 1e6;
            levels.extend((0..24).map(|hour| of_day * level(f64::from(hour))));
        }
    }
    levels.push(levels[0]);
    let sum: f64 = levels.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0 * HOUR_S).sum();
    let knot = |(hour, level): (usize, &f64)| Knot {
        at_s: hour as f64 * HOUR_S,
        rates: shares.map(|share| lines * share * level / sum),
    };
    Curve::new(levels.iter().enumerate().map(knot).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_S: f64 = 86_400.0;

    /// Lines between two moments, by a fine sum.
    fn between(curve: &Curve, from_s: f64, to_s: f64) -> f64 {
        (0..20_000).map(|i| curve.rate(from_s + (to_s - from_s) * (f64::from(i) + 0.5) / 20_000.0)).sum::<f64>()
            * (to_s - from_s)
            / 20_000.0
    }

    #[test]
    fn winter_is_three_months() {
        let check = |at_ms, expected| assert_eq!(is_winter(at_ms), expected, "{at_ms}");
        // 2026: 15 January, 26 February, 4 March, 15 September, 28 November, 4 December.
        check(1_768_435_200_000, true);
        check(1_772_064_000_000, true);
        check(1_772_582_400_000, false);
        check(1_789_430_400_000, false);
        check(1_795_824_000_000, false);
        check(1_796_342_400_000, true);
    }

    #[test]
    fn a_day_has_its_hours() {
        assert_eq!((HOURS.iter().sum::<u32>(), HOURS[8..20].iter().sum::<u32>()), (1_000, 700));
        let curve = day([0.0, 1.0, 0.0, 0.0, 0.0], |_| [1.0; 5]);
        let share = between(&curve, 8.0 * HOUR_S, 20.0 * HOUR_S) / curve.lines();
        assert!((0.69..0.71).contains(&share), "{share}");
        assert!((curve.lines() / DAY_S - 1.0).abs() < 0.01, "{}", curve.mean());
    }

    #[test]
    fn a_year_has_its_lines_weeks_and_seasons() {
        let curve = year(9_028_000.0, [0.0, 0.0, 0.98, 0.02, 0.0]);
        assert!((curve.lines() - 9_028_000.0).abs() < 1.0, "{}", curve.lines());
        let of_day = |day: f64| between(&curve, day * DAY_S, (day + 1.0) * DAY_S);
        // Monday 5 and Saturday 10 January; Monday 12 January and Monday 13 July; the festival.
        let (monday, saturday, summer, festival) = (of_day(4.0), of_day(9.0), of_day(193.0), of_day(47.0));
        assert!((1.15..1.25).contains(&(monday / saturday)), "{monday} {saturday}");
        assert!((1.15..1.25).contains(&(summer / monday)), "{summer} {monday}");
        assert!(festival < 0.65 * monday, "{festival} {monday}");
    }
}
