//! Axes: from values to places between 0 and 1, with ticks that people would choose.

use super::quantity::Quantity;

/// Labelled ticks that fit along the shortest axis, that of a phone.
const TICKS_MAX: f64 = 6.0;
/// Steps of a clock, in seconds.
const CLOCK_STEPS_S: [u32; 19] =
    [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 604_800];
/// Places behind the point that 100 - percent may have before rounding of floats shows.
const NINES_MAX: f64 = 9.0;

/// How a value becomes a place.
#[derive(Clone)]
enum Scale {
    /// In equal steps.
    Linear { from: f64, to: f64 },
    /// In equal ratios.
    Log { from: f64, to: f64 },
    /// Percentiles, one step for each nine: 0, 90, 99, 99.9, …
    Nines { nines: f64 },
}

/// A labelled place.
#[derive(Clone)]
pub struct Tick {
    /// Between 0 and 1.
    pub at: f64,
    /// What stands there.
    pub label: String,
}

/// A scale with its ticks and what it tells.
#[derive(Clone)]
pub struct Axis {
    scale: Scale,
    /// Ascending by value.
    pub ticks: Vec<Tick>,
    /// With the unit, where ticks do not carry it.
    pub title: String,
}

impl Axis {
    /// In equal ratios, around all values above 0.
    pub fn log(values: impl IntoIterator<Item = f64>, quantity: Quantity, title: impl ToString) -> Self {
        let above_0 = values.into_iter().filter(|value| value.is_finite() && *value > 0.0);
        let (low, high) = above_0.fold((f64::INFINITY, 0.0f64), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = if low > high { (1.0, 10.0) } else { (low, high) };
        let from = *STEPS.map(|step| step * decade(low)).iter().rfind(|step| **step <= low).unwrap_or(&decade(low));
        let to = STEPS.map(|step| step * decade(high)).into_iter().find(|step| *step > high).unwrap_or(10.0 * from);
        Self::new(Scale::Log { from, to }, log_ticks(from, to), |value| quantity.short(value), title)
    }

    /// In equal steps from 0, or from below where values are, to the largest value.
    pub fn linear(values: impl IntoIterator<Item = f64>, quantity: Quantity, title: impl ToString) -> Self {
        let finite = values.into_iter().filter(|value| value.is_finite());
        let (low, high) = finite.fold((0.0f64, 0.0f64), |(low, high), value| (low.min(value), high.max(value)));
        let step = round_step((high - low) / 4.0);
        let (from, to) = ((low / step).floor() * step, (high / step).ceil().max(1.0) * step);
        let steps = ((to - from) / step).round() as i64;
        let ticks = (0..=steps).map(|n| from + n as f64 * step).collect();
        Self::new(Scale::Linear { from, to }, ticks, |value| quantity.short(value), title)
    }

    /// Seconds since a start, to `seconds`.
    pub fn elapsed(seconds: f64, title: impl ToString) -> Self {
        let to = seconds.max(1.0);
        let fits = |step: &&u32| to / f64::from(**step) <= TICKS_MAX;
        let step = CLOCK_STEPS_S.iter().find(fits).map_or(to / TICKS_MAX, |step| f64::from(*step));
        let ticks = (0..=(to / step) as u32).map(|n| f64::from(n) * step).collect();
        let (unit_s, unit) = match step {
            s if s < 60.0 => (1.0, "s"),
            s if s < 3600.0 => (60.0, "min"),
            _ => (3600.0, "h"),
        };
        Self::new(Scale::Linear { from: 0.0, to }, ticks, |s| format!("{:.0} {unit}", s / unit_s), title)
    }

    /// Percentiles up to the largest of `percents`, at least to 99.
    pub fn nines(percents: impl IntoIterator<Item = f64>, title: impl ToString) -> Self {
        let nines = percents.into_iter().filter_map(nines_of).fold(2.0, f64::max);
        let ticks = (0..=nines as i32).map(|n| 100.0 - 10f64.powi(2 - n)).collect();
        let label = |percent: f64| {
            let decimals = nines_of(percent).map_or(0, |nines| (nines.round() as usize).saturating_sub(2));
            format!("{percent:.decimals$}")
        };
        Self::new(Scale::Nines { nines }, ticks, label, title)
    }

    /// One step for each name; value n is the middle of the n-th.
    pub fn named(names: &[String]) -> Self {
        let (from, to) = (-0.5, names.len() as f64 - 0.5);
        let ticks = (0..names.len()).map(|n| n as f64).collect();
        Self::new(Scale::Linear { from, to }, ticks, |n| names[n as usize].clone(), "")
    }

    fn new(scale: Scale, ticks: Vec<f64>, label: impl Fn(f64) -> String, title: impl ToString) -> Self {
        let axis = Self { scale, ticks: Vec::new(), title: title.to_string() };
        let tick = |value| Some(Tick { at: axis.place(value)?, label: label(value) });
        let ticks = ticks.into_iter().filter_map(tick).collect();
        Self { ticks, ..axis }
    }

    /// Where a value lies: 0 at the start, 1 at the end; none if it has no place.
    pub fn place(&self, value: f64) -> Option<f64> {
        let at = match self.scale {
            Scale::Linear { from, to } => (value - from) / (to - from),
            Scale::Log { from, to } => (value / from).ln() / (to / from).ln(),
            Scale::Nines { nines } => nines_of(value)? / nines,
        };
        at.is_finite().then(|| at.clamp(0.0, 1.0))
    }
}

/// The round numbers of a decade.
const STEPS: [f64; 4] = [1.0, 2.0, 5.0, 10.0];

fn decade(value: f64) -> f64 {
    // A hair up, since the logarithm of 1000 may come out below 3.
    10f64.powf((value.log10() + 1e-9).floor())
}

/// The smallest round number that is not below `least`.
fn round_step(least: f64) -> f64 {
    if least <= 0.0 {
        return 1.0;
    }
    STEPS.map(|step| step * decade(least)).into_iter().find(|step| *step >= least * 0.999).unwrap_or(least)
}

/// Decades, and their halves and fifths where there are few decades.
fn log_ticks(from: f64, to: f64) -> Vec<f64> {
    let steps: &[f64] = if to / from > 500.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let decades = (0..).map(|n| decade(from) * 10f64.powi(n)).take_while(|decade| *decade <= to * 1.001);
    let all = decades.flat_map(|decade| steps.iter().map(move |step| step * decade));
    all.filter(|tick| (from * 0.999..=to * 1.001).contains(tick)).collect()
}

/// How many nines a percentile has: 1 for 90, 2 for 99; none for what is no percentile or for 100.
fn nines_of(percent: f64) -> Option<f64> {
    let beyond = (100.0 - percent) / 100.0;
    // Rounded, since 100 - 99.99 is not quite 0.01.
    let nines = || (-beyond.log10() * 1e6).round() / 1e6;
    (beyond > 0.0 && beyond <= 1.0).then(|| nines().clamp(0.0, NINES_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks.iter().map(|tick| tick.label.replace('\u{a0}', " ")).collect()
    }

    fn check(axis: &Axis, expected: &[&str], value: f64, place: Option<f64>) {
        assert_eq!(labels(axis), expected);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
        let is_there = match (axis.place(value), place) {
            (Some(a), Some(b)) => near(a, b),
            (a, b) => a == b,
        };
        assert!(is_there, "{value} lies at {:?}, not {place:?}", axis.place(value));
    }

    #[test]
    fn a_log_axis_ends_at_round_numbers() {
        let axis = |values: &[f64]| Axis::log(values.iter().copied(), Quantity::Latency, "");
        check(&axis(&[0.3, 4.0]), &["200 µs", "500 µs", "1 ms", "2 ms", "5 ms"], 1.0, Some(0.5));
        check(&axis(&[0.1, 999.0]), &["100 µs", "1 ms", "10 ms", "100 ms", "1 s"], 0.1, Some(0.0));
        check(&axis(&[1000.0]), &["1 s", "2 s"], 2000.0, Some(1.0));
        check(&axis(&[]), &["1 ms", "2 ms", "5 ms", "10 ms", "20 ms"], 0.0, None);
        check(&axis(&[0.0, f64::NAN, 1.0]), &["1 ms", "2 ms"], -1.0, None);
    }

    #[test]
    fn a_linear_axis_holds_zero_and_every_value() {
        let axis = |values: &[f64]| Axis::linear(values.iter().copied(), Quantity::PerSecond, "");
        check(&axis(&[380.0]), &["0 /s", "100 /s", "200 /s", "300 /s", "400 /s"], 100.0, Some(0.25));
        check(&axis(&[-3.0, 9.0]), &["-5 /s", "0 /s", "5 /s", "10 /s"], 0.0, Some(1.0 / 3.0));
        check(&axis(&[]), &["0 /s", "1 /s"], f64::NAN, None);
    }

    #[test]
    fn time_has_the_steps_of_a_clock() {
        let check = |seconds, expected: &[&str]| assert_eq!(labels(&Axis::elapsed(seconds, "")), expected);
        check(0.0, &["0 s", "1 s"]);
        check(70.0, &["0 s", "20 s", "40 s", "60 s"]);
        check(3600.0, &["0 min", "10 min", "20 min", "30 min", "40 min", "50 min", "60 min"]);
        check(86_400.0, &["0 h", "4 h", "8 h", "12 h", "16 h", "20 h", "24 h"]);
    }

    #[test]
    fn every_nine_has_the_same_room() {
        let axis = Axis::nines([50.0, 99.99], "");
        check(&axis, &["0", "90", "99", "99.9", "99.99"], 99.0, Some(0.5));
        check(&axis, &["0", "90", "99", "99.9", "99.99"], 100.0, None);
        check(&Axis::nines([], ""), &["0", "90", "99"], 0.0, Some(0.0));
    }

    #[test]
    fn names_stand_in_the_middle_of_their_steps() {
        check(&Axis::named(&["a".into(), "b".into()]), &["a", "b"], 0.0, Some(0.25));
    }
}
