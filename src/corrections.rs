//! `paidan corrections`: what people ruled about the class of cases in review, as messages that `paidan train` learns from, and how often
//! each rule, the model and the senders' own words had been right.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::city::City;
use crate::data::{self, DataFolder, Printed, ReplayError};
use crate::effect::Effect;
use crate::failure::Failure;
use crate::ids::{CaseId, ClassId, Seq, SourceId};
use crate::ingest::decode::Decoder;
use crate::publish::{Press, Sink, each_record};
use crate::quoted::Quoted;
use crate::record::{Input, Record};
use crate::report::{Report, What};
use crate::run;
use crate::snapshots::to_the_beginning;
use crate::view::decision::{Decisions, Emit};

/// What is asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// The data folder.
    pub data: PathBuf,
    /// The city's folder; the one kept with the data without it.
    pub city: Option<PathBuf>,
}

/// A ruling, as a line to train on. It holds what a person wrote.
#[derive(Serialize, Debug)]
struct Correction<'a> {
    title: Option<&'a str>,
    text: &'a str,
    /// The code of the class that people gave it.
    label: &'a str,
    /// Messages of one case are held out together.
    group: String,
    /// The class that it had been thought to have.
    thought: Option<&'a str>,
    /// What had thought so.
    by: By,
    /// The record of the ruling.
    record: u64,
    /// Who ruled.
    actor: Option<String>,
}

/// What said the class of a report, whether or not it was believed.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The rule in a line of `keywords.csv`.
    Rule(u64),
    /// The model.
    Model,
    /// The sender's category.
    Category,
    /// Nothing.
    Nothing,
}

/// How often something that said a class was right where people ruled on it.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Share {
    /// What said the class.
    pub by: By,
    /// The class, by its code; none where nothing said one.
    pub class: Option<String>,
    /// Rulings on such cases.
    pub ruled: u64,
    /// Those that left the class as it was thought to be.
    pub right: u64,
}

/// What the rulings of a log came to.
#[derive(Serialize, Debug, Default)]
pub struct Corrections {
    /// Rulings that said a class, of which a message was made.
    pub messages: u64,
    /// Those whose cases had nothing in words.
    pub without_words: u64,
    /// By what had said the class, the most rulings first.
    pub shares: Vec<Share>,
}

/// A case in review: what was said, and what was thought of it.
struct Held {
    title: Option<String>,
    text: String,
    thought: ClassId,
    by: By,
}

/// Writes every ruling on a class as a message, a line each, in the order of the log.
///
/// # Errors
/// If the journal cannot be decided about again from its beginning, or `out` takes no more.
pub fn corrections(request: &Request, out: &mut dyn Write) -> Result<Corrections, Failure> {
    let folder = DataFolder::new(request.data.clone());
    let city = Arc::new(run::city(request.city.as_deref(), Some(&folder))?);
    let mut reader = data::reader(&folder)?;
    let lane = to_the_beginning(&folder, &city, &mut reader)?.lane;
    let decisions = Decisions::new(&city);
    let mut nobody = Press::new(&decisions, Emit::Assigned, Sink::Null, None);
    let (mut desk, mut written, read) = (Desk::new(&city), Ok(()), AtomicU64::new(0));
    run::with_progress(None, &read, false, || {
        data::replay_while(&mut reader, lane, Printed::Nothing, &mut nobody, |run, view, effects| {
            desk.hear(run.and_then(|run| run.manifest.speaker(&city)));
            each_record(view, effects, |record, own| {
                if written.is_ok() {
                    written = desk.see(record, view.body(record.origin.body), own, out);
                }
            });
            read.fetch_add(view.frame_bytes(), Ordering::Relaxed);
            written.is_ok()
        })
    })?;
    written.and_then(|()| out.flush()).map_err(ReplayError::Output)?;
    Ok(desk.end())
}

/// The cases in review, as the log goes on.
struct Desk<'c> {
    city: &'c City,
    /// Whose lines are read, and by what.
    speaker: Option<SourceId>,
    decoder: Decoder<'c>,
    held: HashMap<CaseId, Held>,
    counts: BTreeMap<(By, ClassId), (u64, u64)>,
    found: Corrections,
}

impl<'c> Desk<'c> {
    fn new(city: &'c City) -> Self {
        let (held, counts) = (HashMap::new(), BTreeMap::new());
        Self { city, speaker: None, decoder: Decoder::new(), held, counts, found: Corrections::default() }
    }

    /// What comes next was said by a file of one source, or by lines that name theirs.
    fn hear(&mut self, speaker: Option<SourceId>) {
        if speaker != self.speaker {
            (self.speaker, self.decoder) = (speaker, Decoder::of(self.city, speaker));
        }
    }

    fn see(&mut self, record: &Record, body: &[u8], effects: &[(Seq, Effect)], out: &mut dyn Write) -> io::Result<()> {
        for (_, effect) in effects {
            match (*effect, &record.input) {
                (Effect::Review { case, .. }, Input::Report(head)) if case.0 == record.seq.0 => {
                    if let Some(held) = self.read(body, record.origin.source, head.class) {
                        self.held.insert(case, held);
                    }
                }
                (Effect::Ruled { case, .. }, Input::Ruling(ruling)) if ruling.class.is_some() => {
                    self.correct(case, ruling.class, record, body, out)?;
                }
                // Whatever is about to happen to it, people have decided.
                (Effect::Assigned { order, .. }, _) => drop(self.held.remove(&order.case)),
                (Effect::Closed { case } | Effect::Forgot { case, .. }, _) => drop(self.held.remove(&case)),
                _ => {}
            }
        }
        Ok(())
    }

    /// What a report said, and what was thought of it; nothing if its line cannot be read any more.
    fn read(&mut self, body: &[u8], source: SourceId, class: ClassId) -> Option<Held> {
        let What::Report(report) = self.decoder.decode(std::str::from_utf8(body).ok()?).ok()?.said.what else {
            return None;
        };
        let (thought, by) = thought(&report, source, class, self.city);
        let words = |text: Option<Quoted<'_>>| {
            text.map(|text| text.chars().collect::<String>()).filter(|text| !text.is_empty())
        };
        let texts: Vec<String> = report.texts.into_iter().filter_map(words).collect();
        Some(Held { title: words(report.title), text: texts.join("\n"), thought, by })
    }

    fn correct(
        &mut self,
        case: CaseId,
        class: ClassId,
        record: &Record,
        body: &[u8],
        out: &mut dyn Write,
    ) -> io::Result<()> {
        #[derive(Deserialize)]
        struct Said {
            actor: Option<String>,
        }
        let Some(held) = self.held.get(&case) else { return Ok(()) };
        let (ruled, right) = self.counts.entry((held.by, held.thought)).or_default();
        *ruled += 1;
        *right += u64::from(held.thought == class);
        if held.title.is_none() && held.text.is_empty() {
            self.found.without_words += 1;
            return Ok(());
        }
        self.found.messages += 1;
        let code = |class: ClassId| self.city.classes.get(class.index()).map(|class| &*class.named.code);
        let correction = Correction {
            title: held.title.as_deref(),
            text: &held.text,
            label: code(class).unwrap_or_default(),
            group: format!("case {}", case.0),
            thought: code(held.thought),
            by: held.by,
            record: record.seq.0,
            actor: serde_json::from_slice::<Said>(body).ok().and_then(|said| said.actor),
        };
        serde_json::to_writer(&mut *out, &correction)?;
        out.write_all(b"\n")
    }

    fn end(mut self) -> Corrections {
        let code = |class: ClassId| self.city.classes.get(class.index()).map(|class| class.named.code.to_string());
        let share = |((by, class), (ruled, right)): (_, (u64, u64))| Share { by, class: code(class), ruled, right };
        self.found.shares = self.counts.into_iter().map(share).collect();
        self.found.shares.sort_by_key(|share| std::cmp::Reverse(share.ruled));
        self.found
    }
}

/// The class that a report was thought to have, believed or not, and what said so.
fn thought(report: &Report<'_>, source: SourceId, class: ClassId, city: &City) -> (ClassId, By) {
    if report.category.is_some_and(|word| city.categories.get(word).is_some()) {
        return (class, By::Category);
    }
    if !city.sources[source.index()].read_texts {
        return (class, By::Nothing);
    }
    let grounds = city.classifier.grounds(&report.words(), false);
    match (grounds.rule, grounds.guess) {
        (Some(rule), _) => (class, By::Rule(rule.line)),
        (None, Some(guess)) => (guess.class, By::Model),
        (None, None) => (class, By::Nothing),
    }
}

impl Corrections {
    /// For people.
    ///
    /// # Errors
    /// If nobody reads it.
    pub fn tell(&self, out: &mut dyn Write) -> io::Result<()> {
        for Share { by, class, ruled, right } in &self.shares {
            let by = match by {
                By::Rule(line) => format!("规则 rule keywords.csv:{line}"),
                By::Model => "模型 model".to_owned(),
                By::Category => "来源类别 category".to_owned(),
                By::Nothing => "无 nothing".to_owned(),
            };
            writeln!(out, "{by} → {}: 裁定 ruled {ruled}, 属实 right {right}", class.as_deref().unwrap_or("–"))?;
        }
        let Self { messages, without_words, .. } = self;
        writeln!(out, "可训练 messages {messages}, 无文字 without words {without_words}")
    }
}
