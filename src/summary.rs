//! The summary of a run: the ledger and the costs, for people on stderr and for programs as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::city::City;
use crate::effect::Digest;
use crate::ids::{Seq, Tracking};
use crate::meter::{LatencyLedger, Stage, process};
use crate::report::Urgency;
use crate::view::ledger::{Account, Ledger, Work};

/// What a run, a replay or an audit came to.
#[derive(Serialize, Debug)]
pub struct Summary {
    /// All sources together.
    #[serde(flatten)]
    pub total: Account,
    /// Reports that were the first of their id: merged or opened.
    pub unique: u64,
    /// Cases, orders and acts.
    #[serde(flatten)]
    pub work: Work,
    /// Whether everything offered is under exactly one heading.
    pub closes: bool,
    /// Digest of all effects.
    pub digest: String,
    /// The last record.
    pub last_seq: u64,
    /// Whether the inputs were read to their end.
    pub complete: bool,
    /// Whether an earlier run was taken up.
    pub resumed: bool,
    /// Why lines were rejected.
    pub reasons: Vec<Rejected>,
    /// How long reports took from the door to the published decision, where they were decided as they came.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub latency: Vec<Latency>,
    /// What people should look at.
    pub warnings: Vec<String>,
    /// Each source's account; `""` for lines that named none.
    pub sources: BTreeMap<String, Account>,
    /// The city and its version.
    pub city: String,
    /// Worker threads.
    pub threads: usize,
    /// Seconds from start to end.
    pub wall_s: f64,
    /// CPU seconds of the whole process.
    pub cpu_s: f64,
    /// Most resident memory at once.
    pub peak_rss_mib: f64,
}

/// How many lines were rejected for one reason.
#[derive(Serialize, Debug)]
pub struct Rejected {
    /// The reason.
    pub reason: &'static str,
    /// The field that was wrong.
    pub field: &'static str,
    /// How many lines.
    pub lines: u64,
}

/// How long reports of one urgency took, against their budget.
#[derive(Serialize, Debug)]
pub struct Latency {
    /// The urgency.
    pub urgency: &'static str,
    /// The smallest and the largest budget of its sources.
    pub budget_ms: (f64, f64),
    /// How many reports.
    pub reports: u64,
    /// How many took longer than their budget.
    pub missed: u64,
    /// Those, by the stage that took the largest part of the time.
    pub missed_in: BTreeMap<&'static str, u64>,
    /// Half of them took no longer.
    pub p50_ms: f64,
    /// 99 of 100 took no longer.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
    /// The median time in each stage.
    pub stages_p50_ms: BTreeMap<&'static str, f64>,
    /// The slowest report of the last hour: what `paidan explain` knows it by.
    pub slowest: Option<String>,
}

impl Latency {
    /// Of every urgency that was reported.
    fn of(ledger: &LatencyLedger) -> Vec<Self> {
        let reported = Urgency::ALL.into_iter().filter(|urgency| !ledger.of(*urgency).total.is_empty());
        reported.map(|urgency| Self::of_urgency(ledger, urgency)).collect()
    }

    fn of_urgency(ledger: &LatencyLedger, urgency: Urgency) -> Self {
        let (line, (smallest, largest)) = (ledger.of(urgency), ledger.budgets(urgency).unwrap_or_default());
        let named = |stage: Stage| (stage.name(), line.missed[stage as usize]);
        let slowest = ledger.slowest().filter(|slow| slow.urgency == urgency).max_by_key(|slow| slow.ns);
        Self {
            urgency: urgency.letter(),
            budget_ms: (ms(smallest), ms(largest)),
            reports: line.total.len(),
            missed: line.missed.iter().sum(),
            missed_in: Stage::ALL.into_iter().map(named).filter(|(_, missed)| *missed > 0).collect(),
            p50_ms: ms(line.total.value_at_percentile(50.0)),
            p99_ms: ms(line.total.value_at_percentile(99.0)),
            max_ms: ms(line.total.max()),
            stages_p50_ms: Stage::ALL
                .into_iter()
                .map(|stage| (stage.name(), ms(line.stages[stage as usize].value_at_percentile(50.0))))
                .collect(),
            slowest: slowest.map(|slow| Tracking(slow.seq).to_string()),
        }
    }

    fn text(&self) -> String {
        let Self { urgency, reports, missed, budget_ms, p50_ms, p99_ms, max_ms, .. } = self;
        let mut text = format!(
            "时限 budget {urgency}: {reports} 份 reports, p50 {p50_ms:.2} ms, p99 {p99_ms:.2} ms, max {max_ms:.2} ms, 超时 missed \
             {missed} ({:.0} ms)",
            budget_ms.1
        );
        for (stage, missed) in &self.missed_in {
            text += &format!(", {missed} in {stage}");
        }
        if let Some(slowest) = &self.slowest {
            text += &format!("; 最慢 slowest {slowest}");
        }
        text + "\n"
    }
}

fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

/// How the log ended.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Digest of all effects.
    pub digest: Digest,
    /// The record that would be next.
    pub next: Seq,
    /// The inputs were read to their end.
    pub complete: bool,
    /// An earlier run was taken up.
    pub resumed: bool,
    /// Worker threads.
    pub threads: usize,
    /// Seconds from start to end.
    pub wall_s: f64,
}

impl Summary {
    /// Of a ledger of a city, and how long its reports took, if that was measured.
    pub fn new(city: &City, ledger: &Ledger, latency: Option<&LatencyLedger>, outcome: Outcome) -> Self {
        let total = ledger.total();
        let names = city.sources.iter().map(|source| source.name.to_string()).chain([String::new()]);
        let sources = names.zip(ledger.accounts()).filter(|(_, account)| account.offered > 0);
        let reasons = ledger.reasons().map(|(reason, field, lines)| Rejected {
            reason: reason.name(),
            field: field.name(),
            lines,
        });
        Self {
            total,
            unique: total.merged + total.opened,
            work: ledger.work,
            closes: ledger.closes(),
            digest: outcome.digest.to_string(),
            last_seq: outcome.next.0 - 1,
            complete: outcome.complete,
            resumed: outcome.resumed,
            reasons: reasons.collect(),
            latency: latency.map(Latency::of).unwrap_or_default(),
            warnings: ledger.whereabouts.suspicions(city).iter().map(ToString::to_string).collect(),
            sources: sources.map(|(name, account)| (name, *account)).collect(),
            city: format!("{} {:016x}", city.id, city.version),
            threads: outcome.threads,
            wall_s: outcome.wall_s,
            cpu_s: process::cpu_seconds(),
            peak_rss_mib: process::peak_rss_mib(),
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        let Self { total, work, .. } = self;
        let mut text = format!(
            "上报 offered {} = 拒收 rejected {} + 甩负 shed {} + 观测 observed {} + 过期 expired {} + 重复 duplicate {} + \
             并案 merged {} + 立案 opened {}{}\n",
            total.offered,
            total.rejected,
            total.shed,
            total.observed,
            total.expired,
            total.duplicate,
            total.merged,
            total.opened,
            if self.closes { "" } else { "  ← 不平 does not close" },
        );
        text += &format!(
            "立案 opened {} = 派单 assigned {} + 待派 waiting {} + 待审 review {}\n",
            total.opened, work.assigned, work.waiting, work.review
        );
        if work.acts > 0 {
            text += &format!(
                "处置 acts {}: 重复 duplicate {}, 无效 refused {}, 签收 accepted {}, 退单 returned {}, 办结 done {}, 结案 closed {}",
                work.acts, work.acts_duplicate, work.acts_refused, work.accepted, work.returned, work.done, work.closed
            );
            if work.suspended > 0 {
                text += &format!(", 挂账 suspended {}, 恢复 resumed {}", work.suspended, work.resumed);
            }
            text.push('\n');
        }
        for Rejected { reason, field, lines } in &self.reasons {
            text += &format!("  拒收 rejected {lines}: {field} {reason}\n");
        }
        if work.forgotten > 0 {
            text += &format!(
                "内存上限 {} ids and cases were forgotten early: raise [memory] in city.toml\n",
                work.forgotten
            );
        }
        text.extend(self.latency.iter().map(Latency::text));
        for warning in &self.warnings {
            text += &format!("警告 warning: {warning}\n");
        }
        text += &format!("摘要 digest {} after record {}\n", self.digest, self.last_seq);
        text += &format!(
            "{:.2} s, CPU {:.2} s, {:.0} MiB peak, {} threads, {:.0} reports/s\n",
            self.wall_s,
            self.cpu_s,
            self.peak_rss_mib,
            self.threads,
            total.offered as f64 / self.wall_s.max(1e-9)
        );
        text
    }
}
