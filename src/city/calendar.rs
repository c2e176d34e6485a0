//! The calendar: when people work, and by when something is to be done.
//!
//! Two clocks run. One never stops: minutes, urgent hours 紧急工作时 and natural days 自然日 are lengths of time. The other runs only
//! while people work: working hours 工作时 and working days 工作日 (as many hours as a day of the calendar has). Days that are not
//! what their weekday says, holidays and the make-up workdays 调休 for them, stand in `calendar.csv`.
//!
//! Everything is whole milliseconds, and every start has a deadline: beyond the days that are listed the week goes on as always.

use jiff::civil::Date;
use serde::Deserialize;

use super::files::{CALENDAR, CalendarSettings, CityFiles, Problems, Spanned};
use super::limit::{Limit, LimitUnit};
use crate::time::At;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// The weekday of 1970-01-01, a Thursday, counted from Monday.
const FIRST_WEEKDAY: i64 = 3;
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// When people work.
#[derive(Clone, PartialEq, Debug)]
pub struct Calendar {
    /// How much local time is ahead of UTC.
    ahead_ms: i64,
    /// The parts of a day in which people work, from its midnight: in order, and apart.
    spans: Vec<(i64, i64)>,
    /// How long they work on a day.
    day_ms: i64,
    /// The weekdays on which they do, from Monday.
    works: [bool; 7],
    /// Days, from 1970 on, that are not what their weekday says, in order; with how many working days more there are, up to and
    /// including it, than the weekdays say.
    exceptions: Vec<(i64, i64)>,
}

impl Calendar {
    /// People work around the clock, every day.
    fn around_the_clock() -> Self {
        Self { ahead_ms: 0, spans: vec![(0, DAY)], day_ms: DAY, works: [true; 7], exceptions: Vec::new() }
    }

    pub(super) fn compile(
        files: &CityFiles,
        settings: Option<&Spanned<CalendarSettings>>,
        problems: &mut Problems,
    ) -> Self {
        let Some(settings) = settings else {
            if files.get(CALENDAR).is_some() {
                let what = format!("there is {CALENDAR}, but city.toml has no [calendar]");
                problems.push(CALENDAR, 0, what, "add [calendar] with utc_offset, days and hours");
            }
            return Self::around_the_clock();
        };
        let (offset, settings) = (settings.span().start, settings.get_ref());
        let mut calendar = Self { works: [false; 7], spans: Vec::new(), ..Self::around_the_clock() };
        match utc_offset(&settings.utc_offset) {
            Some(ahead) => calendar.ahead_ms = ahead,
            None => problems.setting(
                offset,
                format!("[calendar] utc_offset = \"{}\"", settings.utc_offset),
                "an offset from UTC is written as \"+08:00\"",
            ),
        }
        for day in &settings.days {
            match WEEKDAYS.iter().position(|known| known == day) {
                Some(weekday) => calendar.works[weekday] = true,
                None => {
                    let mend = format!("days are {}", WEEKDAYS.join(", "));
                    problems.setting(offset, format!("[calendar] days has \"{day}\""), mend);
                }
            }
        }
        for text in &settings.hours {
            let last = calendar.spans.last().map_or(0, |span| span.1);
            match span(text).filter(|span| span.0 >= last) {
                Some(span) => calendar.spans.push(span),
                None => problems.setting(
                    offset,
                    format!("[calendar] hours has \"{text}\""),
                    "hours are written as \"08:00-12:00\", one part of the day behind the other, none beyond \"24:00\"",
                ),
            }
        }
        calendar.day_ms = calendar.spans.iter().map(|(from, to)| to - from).sum();
        if calendar.day_ms == 0 || !calendar.works.contains(&true) {
            problems.setting(
                offset,
                "[calendar] nobody ever works".to_owned(),
                "give at least one of days and of hours",
            );
            return Self::around_the_clock();
        }
        calendar.read_days(files, problems);
        calendar
    }

    /// Reads the days that are not what their weekday says.
    fn read_days(&mut self, files: &CityFiles, problems: &mut Problems) {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Row {
            from: String,
            to: String,
            kind: String,
            #[expect(dead_code, reason = "for who reads the table")]
            name_zh: String,
            #[expect(dead_code, reason = "for who reads the table")]
            name_en: String,
        }
        /// A span beyond this is a slip of the pen.
        const DAYS_MAX: i64 = 366;
        const COLUMNS: [&str; 5] = ["from", "to", "kind", "name_zh", "name_en"];
        let Some(text) = files.get(CALENDAR) else { return };
        let header: Vec<&str> = text.lines().next().unwrap_or_default().split(',').map(str::trim).collect();
        if COLUMNS.iter().any(|column| !header.contains(column)) {
            // Without rows below it nobody else would notice, and a holiday would be taken for the header.
            problems.push(CALENDAR, 1, "the first line does not name the columns".to_owned(), COLUMNS.join(","));
            return;
        }
        let mut listed = std::collections::BTreeMap::new();
        for (line, Row { from, to, kind, .. }) in files.rows::<Row>(CALENDAR, problems) {
            let (Some(first), Some(last)) = (day_number(&from), day_number(&to)) else {
                problems.push(CALENDAR, line, format!("from \"{from}\" to \"{to}\""), "days are written as 2026-10-01");
                continue;
            };
            if first > last || last - first >= DAYS_MAX {
                let what = format!("from {from} to {to} are {} days", last - first + 1);
                problems.push(CALENDAR, line, what, "the first day comes first, and a year is the most");
                continue;
            }
            let is_workday = match kind.as_str() {
                "workday" => true,
                "holiday" => false,
                _ => {
                    problems.push(CALENDAR, line, format!("kind \"{kind}\""), "kind is holiday or workday");
                    continue;
                }
            };
            for day in first..=last {
                if listed.insert(day, is_workday).is_some() {
                    let what = format!("a day from \"{from}\" to \"{to}\" stands in another line, too");
                    problems.push(CALENDAR, line, what, "give each day once");
                    break;
                }
            }
        }
        let mut more = 0;
        for (day, is_workday) in listed {
            if is_workday != self.works_on_weekday(day) {
                more += if is_workday { 1 } else { -1 };
                self.exceptions.push((day, more));
            }
        }
    }

    /// By when something that begins at `start` is to be done. A limit that ends with the working day is due at its end.
    pub fn due(&self, start: At, limit: Limit) -> At {
        let of_one = match limit.unit {
            LimitUnit::Minute => MINUTE,
            LimitUnit::UrgentHour | LimitUnit::WorkHour => HOUR,
            LimitUnit::NaturalDay => DAY,
            LimitUnit::WorkDay => self.day_ms,
        };
        self.due_with(start, i64::from(limit.amount) * of_one, limit.unit)
    }

    /// How much is left at a moment of what is due at another: milliseconds on the clock of a unit, less than none of what is late.
    pub fn left(&self, at: At, due: At, unit: LimitUnit) -> i64 {
        if unit.is_working() { self.worked(due).saturating_sub(self.worked(at)) } else { due.0.saturating_sub(at.0) }
    }

    /// By when something is due of which so much is left at a moment, as [`Calendar::left`] says it.
    pub fn due_with(&self, at: At, left: i64, unit: LimitUnit) -> At {
        if unit.is_working() { self.after_work(at, left) } else { at.plus(left) }
    }

    /// The first moment by which people have worked for `ms` more than at `start`; less, if that is less than nothing.
    fn after_work(&self, start: At, ms: i64) -> At {
        if ms == 0 {
            return start;
        }
        let target = i128::from(self.worked(start)) + i128::from(ms);
        // The working day, counted as in `workdays_before`, on which it is reached, and what is worked of that day until then.
        let which = (target - 1).div_euclid(i128::from(self.day_ms)) as i64;
        let rest = (target - i128::from(which) * i128::from(self.day_ms)) as i64;
        let is_reached = |day: i64| self.workdays_before(day + 1) > which;
        let mut before = self.day_of(start).0 - 1;
        let mut step = 1;
        while is_reached(before) {
            before -= step;
            step *= 2;
        }
        step = 1;
        while !is_reached(before + step) {
            before += step;
            step *= 2;
        }
        let mut reached = before + step;
        while reached - before > 1 {
            let middle = before + (reached - before) / 2;
            if is_reached(middle) { reached = middle } else { before = middle }
        }
        let of_day = self.clock_after(rest);
        let due = reached.saturating_mul(DAY).saturating_add(of_day).saturating_sub(self.ahead_ms);
        // At the very end of what a time can say, local time is not ahead of it any more.
        if ms < 0 { At(due).min(start) } else { At(due).max(start) }
    }

    /// How long people have worked from the Monday before 1970 to a moment; before it less than nothing.
    fn worked(&self, at: At) -> i64 {
        let (day, of_day) = self.day_of(at);
        let today = match self.is_workday(day) {
            true => self.spans.iter().map(|(from, to)| of_day.clamp(*from, *to) - from).sum(),
            false => 0,
        };
        self.workdays_before(day).saturating_mul(self.day_ms).saturating_add(today)
    }

    /// The time of day by which people have worked for so long.
    fn clock_after(&self, mut worked: i64) -> i64 {
        for (from, to) in &self.spans {
            if worked <= to - from {
                return from + worked;
            }
            worked -= to - from;
        }
        unreachable!("nobody works longer on a day than the day has hours for it")
    }

    /// The local day of a moment, counted from 1970, and how much of it is over.
    fn day_of(&self, at: At) -> (i64, i64) {
        let local = at.0.saturating_add(self.ahead_ms);
        (local.div_euclid(DAY), local.rem_euclid(DAY))
    }

    fn works_on_weekday(&self, day: i64) -> bool {
        self.works[(day + FIRST_WEEKDAY).rem_euclid(7) as usize]
    }

    /// Whether people work on a day.
    fn is_workday(&self, day: i64) -> bool {
        let is_listed = self.exceptions.binary_search_by_key(&day, |(day, _)| *day).is_ok();
        self.works_on_weekday(day) != is_listed
    }

    /// How many working days there are from the Monday before 1970 to a day, that day not included.
    fn workdays_before(&self, day: i64) -> i64 {
        let (week, weekday) = ((day + FIRST_WEEKDAY).div_euclid(7), (day + FIRST_WEEKDAY).rem_euclid(7) as usize);
        let count = |days: &[bool]| days.iter().filter(|works| **works).count() as i64;
        let listed = self.exceptions.partition_point(|(listed, _)| *listed < day);
        let more = listed.checked_sub(1).map_or(0, |last| self.exceptions[last].1);
        week * count(&self.works) + count(&self.works[..weekday]) + more
    }
}

/// Milliseconds of an offset such as `+08:00`.
fn utc_offset(text: &str) -> Option<i64> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    Some(sign * time_of_day(rest)?).filter(|offset| offset.abs() <= 15 * HOUR)
}

/// Milliseconds of a time such as `08:00`, of which the day has as many as 24 hours.
fn time_of_day(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |digits: &str| match digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit()) {
        true => digits.parse::<i64>().ok(),
        false => None,
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    Some(hours * HOUR + minutes * MINUTE).filter(|ms| minutes < 60 && *ms <= DAY)
}

/// A part of a day, such as `08:00-12:00`.
fn span(text: &str) -> Option<(i64, i64)> {
    let (from, to) = text.split_once('-')?;
    let span = (time_of_day(from.trim())?, time_of_day(to.trim())?);
    Some(span).filter(|(from, to)| from < to)
}

/// The number of a day such as `2026-10-01`, counted from 1970.
fn day_number(text: &str) -> Option<i64> {
    let date: Date = text.parse().ok()?;
    let first = Date::constant(1970, 1, 1);
    Some(i64::from(date.since((jiff::Unit::Day, first)).ok()?.get_days()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::city::{City, Problem};

    /// Monday to Friday, 08–12 and 14–18; with some days that are not what their weekday says.
    fn calendar(exceptions: &[(&str, bool)]) -> Calendar {
        let hours = |from, to| (from * HOUR, to * HOUR);
        let mut calendar = Calendar {
            ahead_ms: 8 * HOUR,
            spans: vec![hours(8, 12), hours(14, 18)],
            day_ms: 8 * HOUR,
            works: [true, true, true, true, true, false, false],
            exceptions: Vec::new(),
        };
        let mut more = 0;
        for (day, is_workday) in exceptions {
            more += if *is_workday { 1 } else { -1 };
            calendar.exceptions.push((day_number(day).expect("a day"), more));
        }
        calendar
    }

    /// The moment of a local time, such as `2026-03-02 08:00`.
    fn at(text: &str) -> At {
        let (day, time) = text.split_once(' ').expect("day and time");
        At(day_number(day).expect("a day") * DAY + time_of_day(time).expect("a time") - 8 * HOUR)
    }

    #[test]
    fn deadlines_are_those_that_were_worked_out_by_hand() {
        // Friday is the 6th of March 2026.
        for (start, limit, due) in [
            ("2026-03-06 17:00", "2 urgent_hour", "2026-03-06 19:00"),
            ("2026-03-06 17:00", "4 work_hour", "2026-03-09 11:00"),
            ("2026-03-06 17:00", "1 work_day", "2026-03-09 17:00"),
            ("2026-03-07 10:00", "2 work_hour", "2026-03-09 10:00"),
            ("2026-03-02 11:30", "1 work_hour", "2026-03-02 14:30"),
            ("2026-03-02 12:00", "1 work_hour", "2026-03-02 15:00"),
            ("2026-03-02 18:00", "1 work_hour", "2026-03-03 09:00"),
            ("2026-03-04 09:00", "5 work_day", "2026-03-11 09:00"),
            ("2026-03-06 17:00", "2 natural_day", "2026-03-08 17:00"),
            // What ends with the day is due at its end.
            ("2026-03-02 16:00", "2 work_hour", "2026-03-02 18:00"),
            ("2026-03-02 08:00", "1 work_day", "2026-03-02 18:00"),
            ("2026-03-02 07:00", "4 work_hour", "2026-03-02 12:00"),
            ("2026-03-02 11:30", "30 minute", "2026-03-02 12:00"),
            ("2026-03-07 11:30", "0 work_hour", "2026-03-07 11:30"),
        ] {
            let limit: Limit = limit.parse().expect("a limit");
            assert_eq!(calendar(&[]).due(at(start), limit), at(due), "{start} + {limit}");
        }
        let four = Limit { amount: 4, unit: LimitUnit::WorkHour };
        let monday_off = calendar(&[("2026-03-09", false)]);
        assert_eq!(monday_off.due(at("2026-03-06 17:00"), four), at("2026-03-10 11:00"));
        let saturday_on = calendar(&[("2026-03-07", true)]);
        assert_eq!(saturday_on.due(at("2026-03-06 17:00"), four), at("2026-03-07 11:00"));
    }

    #[test]
    fn what_is_left_of_a_limit_goes_on_behind_a_rest() {
        let calendar = calendar(&[]);
        for (start, limit, from, to, due) in [
            // Two hours of Monday and one of Tuesday are done.
            ("2026-03-02 16:00", "1 work_day", "2026-03-03 09:00", "2026-03-05 09:00", "2026-03-05 16:00"),
            ("2026-03-02 16:00", "1 work_day", "2026-03-02 20:00", "2026-03-03 07:00", "2026-03-03 16:00"),
            ("2026-03-02 16:00", "2 urgent_hour", "2026-03-02 17:00", "2026-03-02 19:30", "2026-03-02 20:30"),
            ("2026-03-02 16:00", "1 natural_day", "2026-03-02 16:00", "2026-03-07 16:00", "2026-03-08 16:00"),
            // An hour late on Tuesday, and so on Friday.
            ("2026-03-02 16:00", "2 work_hour", "2026-03-03 09:00", "2026-03-06 09:00", "2026-03-05 18:00"),
            ("2026-03-02 16:00", "1 urgent_hour", "2026-03-02 18:00", "2026-03-02 20:00", "2026-03-02 19:00"),
        ] {
            let limit: Limit = limit.parse().expect("a limit");
            let left = calendar.left(at(from), calendar.due(at(start), limit), limit.unit);
            assert_eq!(
                calendar.due_with(at(to), left, limit.unit),
                at(due),
                "{start} + {limit} without {from} to {to}"
            );
        }
    }

    #[test]
    fn the_default_city_keeps_its_holidays() {
        let calendar = City::pudong().calendar;
        let day = Limit { amount: 1, unit: LimitUnit::WorkDay };
        for (start, due) in [
            // Over the holidays of the year's turn and of spring, and a Sunday and Saturdays that make up for them.
            ("2025-12-31 17:00", "2026-01-04 17:00"),
            ("2026-02-13 17:00", "2026-02-14 17:00"),
            ("2026-02-14 17:00", "2026-02-24 17:00"),
            ("2026-09-30 09:00", "2026-10-08 09:00"),
            ("2026-10-09 17:00", "2026-10-10 17:00"),
            // Leap days, and days beyond the tables.
            ("2028-02-28 17:00", "2028-02-29 17:00"),
            ("2128-02-27 17:00", "2128-03-01 17:00"),
            ("1968-02-28 17:00", "1968-02-29 17:00"),
        ] {
            assert_eq!(calendar.due(at(start), day), at(due), "{start}");
        }
    }

    /// Minute by minute.
    fn slowly(calendar: &Calendar, start: At, minutes: i64) -> At {
        let (mut now, mut left) = (start, minutes);
        while left > 0 {
            let (day, of_day) = calendar.day_of(now);
            let works =
                calendar.is_workday(day) && calendar.spans.iter().any(|(from, to)| (*from..*to).contains(&of_day));
            left -= i64::from(works);
            now = now.plus(MINUTE);
        }
        now
    }

    fn listed() -> Calendar {
        calendar(&[
            ("2026-02-14", true),
            ("2026-02-16", false),
            ("2026-02-17", false),
            ("2026-02-28", true),
            ("2026-03-03", false),
        ])
    }

    proptest! {
        #[test]
        fn a_deadline_is_the_one_that_counting_minutes_finds(start in 0_i64..60 * 24 * 60, hours in 1_u32..60) {
            let calendar = listed();
            let start = at("2026-02-01 00:00").plus(start * MINUTE);
            let due = calendar.due(start, Limit { amount: hours, unit: LimitUnit::WorkHour });
            prop_assert_eq!(due, slowly(&calendar, start, i64::from(hours) * 60));
        }

        #[test]
        fn every_start_has_a_deadline_and_later_ones_are_never_sooner(
            start in prop_oneof![any::<i64>(), i64::MIN..i64::MIN + (1 << 30), i64::MAX - (1 << 30)..=i64::MAX],
            more in 0_i64..1 << 40,
            amount: u32,
        ) {
            let calendar = listed();
            for unit in LimitUnit::ALL {
                let limit = Limit { amount, unit };
                let (due, later) = (calendar.due(At(start), limit), calendar.due(At(start.saturating_add(more)), limit));
                prop_assert!(due >= At(start) && later >= due, "{limit}");
            }
        }

        /// A rest moves a deadline by exactly as long as it takes, on the clock of the limit, also where it was late already.
        #[test]
        fn a_rest_adds_itself(start in 0_i64..40 * 24 * 60, amount in 0_u32..60, work in 0_i64..20 * 24 * 60, rest in 0_i64..20 * 24 * 60) {
            let calendar = listed();
            let start = at("2026-02-01 00:00").plus(start * MINUTE);
            let (from, to) = (start.plus(work * MINUTE), start.plus((work + rest) * MINUTE));
            for unit in LimitUnit::ALL {
                let due = calendar.due(start, Limit { amount, unit });
                let moved = calendar.due_with(to, calendar.left(from, due, unit), unit);
                let added = if unit.is_working() { calendar.worked(moved) - calendar.worked(due) } else { moved.0 - due.0 };
                let rested = if unit.is_working() { calendar.worked(to) - calendar.worked(from) } else { to.0 - from.0 };
                prop_assert_eq!(added, rested);
                prop_assert_eq!(moved < to, due < from && calendar.left(from, due, unit) < 0);
            }
        }

        /// Work that is interrupted takes as long as work that is not.
        #[test]
        fn the_parts_of_a_limit_are_the_whole(start in 0_i64..60 * 24 * 60, first in 0_u32..40, rest in 0_u32..40) {
            let calendar = listed();
            let start = at("2026-02-01 00:00").plus(start * MINUTE);
            let hours = |amount| Limit { amount, unit: LimitUnit::WorkHour };
            let in_parts = calendar.due(calendar.due(start, hours(first)), hours(rest));
            prop_assert_eq!(in_parts, calendar.due(start, hours(first + rest)));
        }
    }

    #[test]
    fn what_is_wrong_with_a_calendar_is_said_with_its_line() {
        let base = CityFiles::pudong();
        let check = |settings: &dyn Fn(&str) -> String, days: &str| {
            let texts: Vec<(String, String)> = base
                .texts()
                .map(|(name, text)| match name {
                    "city.toml" => (name.to_owned(), settings(text)),
                    CALENDAR => (name.to_owned(), format!("from,to,kind,name_zh,name_en\n{days}")),
                    _ => (name.to_owned(), text.to_owned()),
                })
                .collect();
            let texts: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
            let told = |Problem { file, line, what, mend }: &Problem| format!("{file}:{line}: {what}; {mend}\n");
            let all = |problems: Problems| problems.as_slice().iter().map(told).collect::<String>();
            City::compile(CityFiles::from_texts(&texts)).map(drop).map_err(all)
        };
        let as_it_is = |text: &str| text.to_owned();
        assert_eq!(check(&as_it_is, "2026-03-09,2026-03-09,holiday,假,off\n"), Ok(()));
        for (days, said) in [
            ("2026-03-09,2026-03-08,holiday,,\n", "calendar.csv:2: from 2026-03-09"),
            ("2026-03-09,2028-03-08,holiday,,\n", "a year is the most"),
            ("2026-02-30,2026-03-08,holiday,,\n", "calendar.csv:2: from \"2026-02-30\""),
            ("2026-03-09,2026-03-09,rest,,\n", "kind \"rest\""),
            ("2026-03-09,2026-03-10,holiday,,\n2026-03-10,2026-03-10,workday,,\n", "calendar.csv:3"),
            ("2026-03-09,2026-03-10,holiday,,\n2026-03-10,2026-03-10,holiday,,\n", "calendar.csv:3"),
        ] {
            assert!(
                check(&as_it_is, days).is_err_and(|why| why.contains(said)),
                "{days}: {:?}",
                check(&as_it_is, days)
            );
        }
        for (from, to, said) in [
            ("\"+08:00\"", "\"8\"", "utc_offset"),
            ("\"mon\"", "\"moon\"", "days has \"moon\""),
            ("\"14:00-18:00\"", "\"11:00-18:00\"", "hours has \"11:00-18:00\""),
            ("\"14:00-18:00\"", "\"14:00-24:01\"", "hours has"),
            ("[\"08:00-12:00\", \"14:00-18:00\"]", "[]", "nobody ever works"),
        ] {
            let settings = |text: &str| {
                assert!(text.contains(from), "{from}");
                text.replace(from, to)
            };
            assert!(check(&settings, "").is_err_and(|why| why.contains(said)), "{to}: {:?}", check(&settings, ""));
        }
        let without = |text: &str| {
            let (before, rest) = text.split_once("[calendar]").expect("it has one");
            let (_, after) = rest.split_once("\n[").expect("something follows");
            format!("{before}[{after}")
        };
        let no_header = base.texts().map(|(name, text)| match name {
            CALENDAR => (name, "2026-03-09,2026-03-09,holiday,假,off\n"),
            _ => (name, text),
        });
        let refused = City::compile(CityFiles::from_texts(&no_header.collect::<Vec<_>>()));
        assert!(refused.is_err_and(|why| why.to_string().contains("calendar.csv:1: the first line")));
        let told = check(&without, "").expect_err("there are working hours in it");
        assert!(told.contains("calendar.csv") && told.contains("work_hour"), "{told}");
    }
}
