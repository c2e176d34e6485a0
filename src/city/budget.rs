//! Machine budgets: how long a report may take from the door to its published decision.

use super::files::{BudgetSettings, Problems, Spanned};

/// Where the city says nothing: 2 s for C, 500 ms for B, 50 ms for A.
pub(super) const DEFAULT_MS: [u32; 3] = [2000, 500, 50];
const MS_MAX: u32 = 3_600_000;

/// Milliseconds by the urgency's code: those that are set, else those of `otherwise`.
pub(super) fn compile(settings: &BudgetSettings, otherwise: [u32; 3], problems: &mut Problems) -> [u32; 3] {
    let [c, b, a] = otherwise;
    let mut one = |set: &Option<Spanned<u32>>, letter: &str, otherwise: u32| {
        let Some(set) = set else { return otherwise };
        if !(1..=MS_MAX).contains(set.get_ref()) {
            let what = format!("budget_ms: {letter} = {}", set.get_ref());
            problems.setting(set.span().start, what, format!("a budget is 1 to {MS_MAX} milliseconds"));
        }
        *set.get_ref()
    };
    [one(&settings.c, "C", c), one(&settings.b, "B", b), one(&settings.a, "A", a)]
}
