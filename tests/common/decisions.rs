//! The decisions of a run, for tests that look for some of them.

use std::process::Output;

use serde_json::Value;

/// The decisions that a run wrote, in their order.
pub fn decisions(run: &Output) -> Vec<Value> {
    run.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

/// The first decision of an effect on a report; nothing where there is none.
pub fn decided(decisions: &[Value], id: &str, effect: &str) -> Value {
    decisions.iter().find(|told| told["id"] == id && told["effect"] == effect).cloned().unwrap_or_default()
}
