//! The gate on instruction counts closes where a count left its tolerance, and says how to go on.

use gate::{Baseline, Counts, REBASELINE, Scenario, counted_in};

#[path = "../benches/parts/gate.rs"]
mod gate;

fn counts(counts: &[(&str, f64)]) -> Counts {
    counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

fn baseline(found: &[(&str, f64)]) -> Baseline {
    Baseline::taken(&counts(found), None, "2026-11-25".to_owned(), "first".to_owned(), "rustc".to_owned())
}

/// What is objected to counts against a baseline of 1,000 for `decide` and 50 for `ring`: parts of the sentences, in order.
#[track_caller]
fn check(found: &[(&str, f64)], expect: &[&[&str]]) {
    let objections = baseline(&[("decide", 1000.0), ("ring", 50.0)]).objections(&counts(found));
    assert_eq!(objections.len(), expect.len(), "{objections:?}");
    for (objection, parts) in objections.iter().zip(expect) {
        for part in *parts {
            assert!(objection.contains(part), "{objection:?} does not say {part:?}");
        }
    }
}

#[test]
fn counts_within_their_tolerance_pass_and_others_are_told_with_the_mend() {
    check(&[("decide", 1000.0), ("ring", 50.0)], &[]);
    check(&[("decide", 1020.0), ("ring", 49.0)], &[]);
    check(
        &[("decide", 1021.0), ("ring", 50.0)],
        &[&["decide: 1021.0", "baseline is 1000.0", "+2.1 %", "2 % is allowed", "cheaper again", REBASELINE]],
    );
    check(&[("decide", 979.0), ("ring", 50.0)], &[&["decide: 979.0", "-2.1 %", "stale", REBASELINE]]);
    check(&[("decide", 2000.0), ("ring", 25.0)], &[&["decide", "+100.0 %"], &["ring", "-50.0 %"]]);
    check(&[("decide", 1000.0)], &[&["ring", "not counted", REBASELINE]]);
    check(&[("decide", 1000.0), ("ring", 50.0), ("write", 9.0)], &[&["write", "no baseline", REBASELINE]]);
    // A count that went wrong is no number, or none at all.
    check(&[("decide", f64::INFINITY), ("ring", 0.0)], &[&["decide"], &["ring", "-100.0 %"]]);
}

#[test]
fn a_new_baseline_keeps_tolerances_and_reads_as_it_is_written() {
    let mut first = baseline(&[("decide", 1000.0), ("ring", 50.0)]);
    first.scenario.get_mut("ring").expect("there").tolerance_percent = 5.0;
    let found = counts(&[("ring", 40.0), ("write", 9.0)]);
    let next = Baseline::taken(&found, Some(&first), "2026-11-26".to_owned(), "faster".to_owned(), "rustc".to_owned());
    let scenario = |instructions, tolerance_percent| Scenario { instructions, tolerance_percent };
    let expect = [("ring".to_owned(), scenario(40.0, 5.0)), ("write".to_owned(), scenario(9.0, 2.0))];
    assert_eq!(next.scenario, expect.into());
    assert_eq!(next.reason, "faster");
    let text = toml::to_string(&next).expect("TOML");
    assert_eq!(toml::from_str::<Baseline>(&text).expect("what was just written"), next);
}

#[test]
fn the_count_is_found_in_callgrinds_file() {
    let check = |text: &str, expect: Option<u64>| assert_eq!(counted_in(text), expect, "{text}");
    check("events: Ir\nsummary: 1234\nfn=(1) a\n", Some(1234));
    check("events: Ir\nfn=(1) a\n3 4\n\ntotals: 99\n", Some(99));
    check("events: Ir\n", None);
    check("summary: many\n", None);
}
