//! A shadow run: what would be decided about a journal's records if another city had been in force.
//!
//! Two minds go through the log side by side. One is given what was understood then; for the other, each body is read and
//! understood again, by the other city. Both see the same order and the same times, and only what a decision says is compared: a
//! case is named after its first report, so even what became of it later can be.

mod other;
mod verdict;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::city::{City, Named};
use crate::data::{self, DataFolder, Printed, ReplayError};
use crate::effect::Effect;
use crate::failure::{Failure, tell};
use crate::ids::Seq;
use crate::journal::frame::FrameView;
use crate::lane::Lane;
use crate::publish::{Press, Sink, each_record};
use crate::record::{Input, Record};
use crate::run::with_progress;
use crate::view::decision::{Decisions, Emit, word};
use other::Other;
use verdict::UNIT;
pub use verdict::Verdict;

/// What is asked.
pub struct Request<'a> {
    /// The data folder.
    pub data: &'a Path,
    /// The city that was in force.
    pub was: Arc<City>,
    /// The other one.
    pub now: Arc<City>,
    /// Where every decision that would change is written, a JSON object a line.
    pub out: Option<PathBuf>,
}

/// What a shadow run came to.
#[derive(Serialize, Debug)]
pub struct Shadow {
    /// Versions of both cities: the one that was in force, and the other.
    pub cities: [String; 2],
    /// Records of the journal.
    pub records: u64,
    /// Records about which something else would be decided.
    pub changed: u64,
    /// Records, besides those, for which only another unit of the same department would go.
    pub other_unit: u64,
    /// How often each part of a decision would change.
    pub parts: BTreeMap<&'static str, u64>,
    /// By class, the most changed first.
    pub classes: Vec<Share>,
    /// By area, the most changed first.
    pub areas: Vec<Share>,
    /// How often each effect was decided, and would be.
    pub effects: BTreeMap<&'static str, [u64; 2]>,
    /// The first of the decisions that would change.
    pub examples: Vec<Change>,
}

/// A share of the records.
#[derive(Serialize, Debug)]
pub struct Share {
    /// Code of the class or area; empty for records that have none.
    pub code: String,
    /// Its name, 中文.
    pub name_zh: String,
    /// Its name, English.
    pub name_en: String,
    /// How many records have it.
    pub records: u64,
    /// About how many of these something else would be decided.
    pub changed: u64,
}

/// A decision that would change.
#[derive(Serialize, Clone, Debug)]
pub struct Change {
    /// Number of the record.
    pub seq: u64,
    /// Who said it.
    pub source: Option<String>,
    /// Its id there.
    pub id: Option<String>,
    /// What was decided.
    pub was: Verdict,
    /// What would be.
    pub now: Verdict,
}

/// Examples that are kept.
const EXAMPLES: usize = 10;
/// Classes and areas that are listed for people; all of them are in the JSON.
const LISTED: usize = 12;

/// Goes through a journal with both cities.
///
/// # Errors
/// If the journal cannot be decided about again from its beginning, or the changes cannot be written.
pub fn shadow(request: &Request<'_>) -> Result<Shadow, Failure> {
    let folder = DataFolder::new(request.data.to_owned());
    let mut reader = data::reader(&folder)?;
    let segments = reader.segments();
    let (first, key) = (segments[0].first_seq, segments[0].key);
    if first != Seq(1) {
        return Err(Failure::Refused(format!(
            "日志从第 {first} 条记录起保留，影子回放需要从头开始 the log is kept from record {first} on, and a shadow run begins at the \
             first: what another city would have made of the records before cannot be known\n  mend: shadow a journal that \
             is kept whole (`paidan serve --keep-gib` says how much is kept)"
        )));
    }
    let read = AtomicU64::new(0);
    let out = match &request.out {
        Some(path) => Some(BufWriter::new(File::create(path).map_err(|cause| Failure::file("write", path, &cause))?)),
        None => None,
    };
    let mut other = Other::new(request, key);
    let mut count = Count { was: &request.was, now: &request.now, shadow: Shadow::of(request), out, failed: None };
    let (mut classes, mut areas) = (BTreeMap::new(), BTreeMap::new());
    let decisions = Decisions::new(&request.was);
    let mut press = Press::new(&decisions, Emit::Assigned, Sink::Null, None);
    let lane = Lane::new(request.was.clone());
    with_progress(None, &read, false, || {
        data::replay_while(&mut reader, lane, Printed::Nothing, &mut press, |_, view, effects| {
            each_record(view, effects, |record, was| {
                let now = other.decide(record, view);
                let about = count.compare(record, view, was, now);
                let add = |table: &mut BTreeMap<Box<str>, [u64; 2]>, code: Option<Box<str>>| {
                    let entry = table.entry(code.unwrap_or_default()).or_default();
                    entry[0] += 1;
                    entry[1] += u64::from(about.is_changed);
                };
                if matches!(record.input, Input::Report(_)) || about.is_changed {
                    add(&mut classes, about.class);
                    add(&mut areas, about.area);
                }
            });
            read.fetch_add(view.frame_bytes(), Ordering::Relaxed);
            count.failed.is_none()
        })
    })?;
    let shadow = count.finish(request, &classes, &areas)?;
    if let Some(cut) = reader.cut() {
        tell(format_args!("断尾 a torn tail follows the last whole batch: {cut}\n"));
    }
    Ok(shadow)
}

/// Compares decisions, and counts what differs.
struct Count<'a> {
    was: &'a City,
    now: &'a City,
    shadow: Shadow,
    out: Option<BufWriter<File>>,
    failed: Option<io::Error>,
}

/// What a record is counted under.
struct About {
    is_changed: bool,
    class: Option<Box<str>>,
    area: Option<Box<str>>,
}

impl Count<'_> {
    fn compare(
        &mut self,
        record: &Record,
        view: &FrameView<'_>,
        was: &[(Seq, Effect)],
        now: &[(Seq, Effect)],
    ) -> About {
        self.shadow.records += 1;
        let was_verdict = Verdict::of(self.was, was);
        let now_verdict = Verdict::of(self.now, now);
        self.count(was, 0);
        self.count(now, 1);
        let parts = was_verdict.parts_unlike(&now_verdict);
        let is_changed = parts.iter().any(|part| *part != UNIT);
        self.shadow.changed += u64::from(is_changed);
        self.shadow.other_unit += u64::from(parts == [UNIT]);
        for part in &parts {
            *self.shadow.parts.entry(part).or_default() += 1;
        }
        let about = About {
            is_changed,
            class: was_verdict.class.clone().or_else(|| now_verdict.class.clone()),
            area: was_verdict.area.clone().or_else(|| now_verdict.area.clone()),
        };
        if is_changed {
            self.note(record, view, was_verdict, now_verdict);
        }
        about
    }

    fn count(&mut self, effects: &[(Seq, Effect)], city: usize) {
        for (_, effect) in effects {
            self.shadow.effects.entry(word(effect)).or_default()[city] += 1;
        }
    }

    fn note(&mut self, record: &Record, view: &FrameView<'_>, was: Verdict, now: Verdict) {
        let is_example = self.shadow.examples.len() < EXAMPLES;
        if !is_example && self.out.is_none() {
            return;
        }
        let source = self.was.sources.get(record.origin.source.index()).map(|source| source.name.to_string());
        let body = view.body(record.origin.body);
        let change = Change { seq: record.seq.0, source, id: record.origin.body.id_in(body), was, now };
        if let Some(out) = &mut self.out {
            let written = serde_json::to_writer(&mut *out, &change).map_err(io::Error::from);
            let written = written.and_then(|()| out.write_all(b"\n"));
            self.failed = self.failed.take().or(written.err());
        }
        if is_example {
            self.shadow.examples.push(change);
        }
    }

    fn finish(
        mut self,
        request: &Request<'_>,
        classes: &BTreeMap<Box<str>, [u64; 2]>,
        areas: &BTreeMap<Box<str>, [u64; 2]>,
    ) -> Result<Shadow, Failure> {
        let flushed = self.out.as_mut().map_or(Ok(()), Write::flush);
        self.failed.map_or(flushed, Err).map_err(ReplayError::Output)?;
        let (was, now) = (&request.was, &request.now);
        let named = |city: &City| city.classes.iter().map(|class| class.named.clone()).collect::<Vec<_>>();
        self.shadow.classes = shares(classes, [&named(was), &named(now)]);
        self.shadow.areas = shares(areas, [&was.areas, &now.areas]);
        Ok(self.shadow)
    }
}

/// The most changed first; those of which nothing would change are left out.
fn shares(table: &BTreeMap<Box<str>, [u64; 2]>, named: [&[Named]; 2]) -> Vec<Share> {
    let share = |code: &str, [records, changed]: [u64; 2]| {
        let known = named.into_iter().flatten().find(|named| *named.code == *code);
        let name = |of: fn(&Named) -> &str| known.map(of).unwrap_or_default().to_owned();
        Share {
            code: code.to_owned(),
            name_zh: name(|named| &named.zh),
            name_en: name(|named| &named.en),
            records,
            changed,
        }
    };
    let mut shares: Vec<_> =
        table.iter().map(|(code, counts)| share(code, *counts)).filter(|share| share.changed > 0).collect();
    shares.sort_by_key(|share| std::cmp::Reverse(share.changed));
    shares
}

impl Shadow {
    fn of(request: &Request<'_>) -> Self {
        let version = |city: &City| format!("{:016x}", city.version);
        Self {
            cities: [version(&request.was), version(&request.now)],
            records: 0,
            changed: 0,
            other_unit: 0,
            parts: BTreeMap::new(),
            classes: Vec::new(),
            areas: Vec::new(),
            effects: BTreeMap::new(),
            examples: Vec::new(),
        }
    }

    /// For people.
    ///
    /// # Errors
    /// If nobody reads it.
    pub fn tell(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { cities: [was, now], records, changed, other_unit, .. } = self;
        writeln!(out, "影子回放 shadow run: {records} 条记录 records, city {was} → {now}")?;
        writeln!(
            out,
            "{changed} 条决定会改变 decisions would change; {other_unit} 条只换处置力量 more only get another unit of the same department"
        )?;
        if self.parts.is_empty() {
            return Ok(());
        }
        let parts: Vec<_> = self.parts.iter().map(|(part, count)| format!("{part} {count}")).collect();
        writeln!(out, "变化 what changes: {}", parts.join(", "))?;
        let unlike = self.effects.iter().filter(|(_, [was, now])| was != now);
        let effects: Vec<_> = unlike.map(|(effect, [was, now])| format!("{effect} {was} → {now}")).collect();
        if !effects.is_empty() {
            writeln!(out, "总数 totals: {}", effects.join(", "))?;
        }
        for (title, shares) in [("按类别 by class:", &self.classes), ("按街镇 by area:", &self.areas)] {
            if shares.is_empty() {
                continue;
            }
            writeln!(out, "{title}")?;
            for Share { code, name_zh, name_en, records, changed } in shares.iter().take(LISTED) {
                let name = if code.is_empty() { "无 none".to_owned() } else { format!("{code} {name_zh} {name_en}") };
                writeln!(out, "  {changed:>8} / {records:<8} {name}")?;
            }
            if shares.len() > LISTED {
                writeln!(out, "  … {} more", shares.len() - LISTED)?;
            }
        }
        if !self.examples.is_empty() {
            writeln!(out, "例 for example:")?;
        }
        for Change { seq, source, id, was, now } in &self.examples {
            let said = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
            let parts = was.parts_unlike(now);
            let parts: Vec<_> =
                parts.into_iter().map(|part| format!("{part} {} → {}", was.part(part), now.part(part))).collect();
            writeln!(out, "  #{seq} {} {}: {}", said(source), said(id), parts.join(", "))?;
        }
        Ok(())
    }
}
