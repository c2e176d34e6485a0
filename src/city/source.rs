//! Sources: who may speak, what they must say, and what a re-send of theirs looks like.

use serde::Deserialize;

use super::budget;
use super::files::{Problems, Settings, SourceSettings};
use super::shape::Catalogue;
use super::{FrameId, Frames, Layout, Names, Shape};
use crate::limits::{ID_BYTES_MAX, SOURCE_BYTES_MAX};
use crate::report::{Field, Urgency};
use crate::time::Window;

/// What kind of system a source is.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// 12345, 12319.
    Hotline,
    /// 110.
    Police,
    /// Citizens' apps, WeChat, Weibo.
    App,
    /// Property, parking, 城管.
    Partner,
    /// Grid patrols.
    Grid,
    /// Machines.
    Sensor,
}

/// What becomes of a report that comes too late to be told from a re-send. Urgent ones are always dispatched.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Late {
    /// It is refused, with the reason.
    Refuse,
    /// It is dispatched all the same, and flagged.
    Dispatch,
}

/// One source.
#[derive(Clone, PartialEq, Debug)]
pub struct Source {
    /// Its name in the `source` field.
    pub name: Box<str>,
    /// Its name for people.
    pub name_zh: Box<str>,
    /// What kind of system it is.
    pub kind: SourceKind,
    /// Urgency of its reports before they are understood.
    pub urgency: Urgency,
    /// What becomes of its late reports.
    pub late: Late,
    /// It may send reports.
    pub may_report: bool,
    /// It may send actions on orders.
    pub may_act: bool,
    /// It may send units' status.
    pub may_move_units: bool,
    /// It may rule on cases that went to review.
    pub may_rule: bool,
    /// A report without a time is rejected.
    pub require_time: bool,
    /// A report without a place inside the district is rejected.
    pub require_place: bool,
    /// A report without a known category is rejected.
    pub require_category: bool,
    /// Its own word on urgency counts.
    pub trust_urgency: bool,
    /// Its titles and texts are read for class and urgency.
    pub read_texts: bool,
    /// Longest id in bytes.
    pub id_bytes_max: usize,
    /// How long a report of it may take from the door to its published decision: milliseconds by the urgency's code.
    pub budget_ms: [u32; 3],
    /// The frame of its places where it does not say one.
    pub frame: FrameId,
    /// Which of the city's dedup windows is its own.
    pub dedup: u8,
    /// How far its category is trusted, in thousandths.
    pub confidence: u16,
    /// How the lines of a file are read that is declared to come from it; as input schema v1 without one.
    pub shape: Option<Shape>,
    /// How its files are laid out.
    pub layout: Layout,
}

/// A class that the source's own category gives is certain, unless the city says otherwise.
const CERTAIN: u16 = 1000;

/// Longest dedup window: times within it are kept as 32 bits of milliseconds.
const DEDUP_MINUTES_MAX: i64 = 49 * 24 * 60;
/// Most different dedup windows: each costs the mind a set of its own.
const DEDUP_WINDOWS_MAX: usize = 16;

pub(super) fn compile(
    settings: &Settings,
    frames: &Frames,
    catalogue: &Catalogue<'_>,
    problems: &mut Problems,
) -> (Vec<Source>, Names, Vec<Window>) {
    let (mut sources, mut names, mut windows) = (Vec::new(), Names::default(), Vec::new());
    let budget_ms = budget::compile(&settings.budget_ms, budget::DEFAULT_MS, problems);
    for spanned in &settings.source {
        let (offset, raw) = (spanned.span().start, spanned.get_ref());
        if raw.name.is_empty() || raw.name.len() > SOURCE_BYTES_MAX || !names.insert(&raw.name, sources.len() as u16) {
            let what = format!(
                "[[source]] name \"{}\" is empty, longer than {SOURCE_BYTES_MAX} bytes, or stands twice",
                raw.name
            );
            problems.setting(offset, what, "give each source its own name");
        }
        let window = raw.dedup.compile(offset, problems);
        if window.len_ms > DEDUP_MINUTES_MAX * 60_000 {
            let what = format!("[[source]] \"{}\": dedup over {} minutes", raw.name, raw.dedup.minutes);
            problems.setting(offset, what, format!("a dedup window has at most {DEDUP_MINUTES_MAX} minutes (49 days)"));
        }
        let dedup = windows.iter().position(|known| *known == window).unwrap_or_else(|| {
            windows.push(window);
            windows.len() - 1
        });
        let frame = frames.of_setting(raw.frame.as_ref(), problems);
        let shape = raw.shape.as_ref().map(|shape| {
            let (offset, shape) = (shape.span().start, shape.get_ref());
            let compiled = shape.compile(offset, catalogue, problems);
            check_shape(raw, &compiled, offset, problems);
            compiled
        });
        sources.push(compile_one(raw, offset, (frame, shape), (dedup as u8, budget_ms), problems));
    }
    if sources.is_empty() || sources.len() > 60_000 {
        problems.setting(0, format!("{} sources", sources.len()), "declare at least one [[source]], at most 60,000");
    }
    if windows.len() > DEDUP_WINDOWS_MAX {
        let what = format!("{} different dedup windows", windows.len());
        problems.setting(0, what, format!("let sources share windows: at most {DEDUP_WINDOWS_MAX} differ"));
    }
    (sources, names, windows)
}

fn compile_one(
    raw: &SourceSettings,
    offset: usize,
    (frame, shape): (FrameId, Option<Shape>),
    (dedup, budget_ms): (u8, [u32; 3]),
    problems: &mut Problems,
) -> Source {
    let name = &raw.name;
    let urgency = Urgency::from_letter(&raw.urgency).unwrap_or_else(|| {
        let what = format!("[[source]] \"{name}\": urgency = \"{}\"", raw.urgency);
        problems.setting(offset, what, "urgency is \"A\", \"B\" or \"C\"");
        Urgency::C
    });
    let mut word = |list: &[String], known: &[&str], key: &str| {
        for given in list.iter().filter(|given| !known.contains(&given.as_str())) {
            let what = format!("[[source]] \"{name}\": {key} has \"{given}\"");
            problems.setting(offset, what, format!("{key} takes {}", known.join(", ")));
        }
    };
    word(&raw.may, &["report", "action", "unit", "ruling"], "may");
    word(&raw.require, &["ts", "place", "category"], "require");
    let id_bytes_max = raw.id_bytes_max.map_or(ID_BYTES_MAX, usize::from);
    if !(1..=ID_BYTES_MAX).contains(&id_bytes_max) {
        let what = format!("[[source]] \"{name}\": id_bytes_max = {id_bytes_max}");
        problems.setting(offset, what, format!("id_bytes_max is 1 to {ID_BYTES_MAX}"));
    }
    let has = |list: &[String], word: &str| list.iter().any(|given| given == word);
    Source {
        name: name.as_str().into(),
        name_zh: raw.name_zh.as_str().into(),
        kind: raw.kind,
        urgency,
        late: raw.late,
        may_report: has(&raw.may, "report"),
        may_act: has(&raw.may, "action"),
        may_move_units: has(&raw.may, "unit"),
        may_rule: has(&raw.may, "ruling"),
        require_time: has(&raw.require, "ts"),
        require_place: has(&raw.require, "place"),
        require_category: has(&raw.require, "category"),
        trust_urgency: raw.trust_urgency,
        read_texts: raw.read_texts,
        id_bytes_max,
        budget_ms: budget::compile(&raw.budget_ms, budget_ms, problems),
        frame,
        dedup,
        confidence: raw.shape.as_ref().map_or(CERTAIN, |shape| shape.get_ref().confidence(CERTAIN, problems)),
        shape,
        layout: Layout::compile(raw.layout.as_ref(), name, problems),
    }
}

/// A shape says reports, and what its source must say has a place in it.
fn check_shape(raw: &SourceSettings, shape: &Shape, offset: usize, problems: &mut Problems) {
    let mut check = |is_right: bool, what: &str, mend: &str| {
        if !is_right {
            problems.setting(offset, format!("[[source]] \"{}\" has a shape, but {what}", raw.name), mend);
        }
    };
    let has = |list: &[String], word: &str| list.iter().any(|given| given == word);
    let points = |fields: &[Field]| fields.iter().any(|field| shape.slot(*field).is_some());
    check(has(&raw.may, "report"), "may not report", "add \"report\" to may: lines of a shape are reports");
    for (word, fields) in
        [("ts", &[Field::Ts][..]), ("place", &[Field::Lng, Field::Cell]), ("category", &[Field::Category])]
    {
        let what = format!("it requires {word}, which the shape does not point to");
        check(!has(&raw.require, word) || points(fields), &what, "point to it, or do not require it");
    }
}
