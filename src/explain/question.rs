//! What is asked, and the stories that answer it.

use std::collections::BTreeMap;

use super::scan::Log;
use super::walk::{Met, Walk};
use crate::city::{City, Worded};
use crate::failure::Failure;
use crate::fingerprint::Fingerprint;
use crate::ids::{CaseId, NotTracking, OrderId, Seq, SourceId, Tracking};
use crate::ingest::decode::Decoder;
use crate::report::What;
use crate::view::explain::{Explanation, Found, Hints, Meant, Teller, Told};

/// What was asked, as it was taken.
pub(super) struct Question {
    asked: String,
    meant: Asked,
}

/// What a name was taken for.
enum Asked {
    /// A record, or the case that it opened.
    Number(Seq),
    /// A record.
    Record(Seq),
    /// A report's tracking number.
    Tracking(Seq),
    /// An order.
    Order(OrderId),
    /// The id of a report, of each source that may have it.
    Report(Vec<(SourceId, Fingerprint)>),
}

impl Question {
    pub(super) fn of(asked: &str, source: Option<&str>, city: &City, log: &Log) -> Result<Self, Failure> {
        let meant = match source {
            Some(name) => Asked::Report(vec![print_of(city, log, name, asked)?]),
            None => Asked::of(asked, city, log)?,
        };
        Ok(Self { asked: asked.to_owned(), meant })
    }

    /// The record that the question names, if it names one.
    pub(super) fn seq(&self) -> Option<Seq> {
        match &self.meant {
            Asked::Number(seq) | Asked::Record(seq) | Asked::Tracking(seq) => Some(*seq),
            Asked::Order(order) => Some(Seq(order.case.0)),
            Asked::Report(_) => None,
        }
    }
}

impl Asked {
    fn of(asked: &str, city: &City, log: &Log) -> Result<Self, Failure> {
        let last = log.next.0 - 1;
        let beyond = |what: &str| {
            let first = log.first;
            let begins = match first {
                Seq(1) => String::new(),
                _ => format!("；日志从第 {first} 条记录起保留 it is kept from record {first} on"),
            };
            not_found(asked, &format!("{what}；日志到第 {last} 条记录为止 the log ends with record {last}{begins}"))
        };
        if let Some(number) = asked.strip_prefix('#') {
            let shape = || not_found(asked, "记录号写作 #123 a record is written #123");
            let seq = number.parse().map(Seq).map_err(|_| shape())?;
            return if log.holds(seq) {
                Ok(Self::Record(seq))
            } else {
                Err(beyond("没有这条记录 no such record"))
            };
        }
        match asked.parse() {
            Ok(Tracking(seq)) if log.holds(seq) => return Ok(Self::Tracking(seq)),
            Ok(Tracking(_)) => return Err(beyond("没有这个跟踪号 no such tracking number")),
            Err(NotTracking::Check) => {
                let hint = "跟踪号校验位不符，请核对每一位 the check digits of this tracking number do not fit: \
                            a digit is wrong, or two were swapped";
                return Err(not_found(asked, hint));
            }
            Err(NotTracking::Shape) => {}
        }
        if let Ok(seq) = asked.parse().map(Seq)
            && log.holds(seq)
        {
            return Ok(Self::Number(seq));
        }
        if let Ok(order) = asked.parse::<OrderId>()
            && log.holds(Seq(order.case.0))
        {
            return Ok(Self::Order(order));
        }
        if let Some((name, id)) = asked.split_once('/')
            && city.source_names.get(name).is_some()
        {
            return Ok(Self::Report(vec![print_of(city, log, name, id)?]));
        }
        let print = |(source, index): (&crate::city::Source, u16)| {
            (SourceId(index), log.key.fingerprint(source.name.as_bytes(), asked.as_bytes()))
        };
        Ok(Self::Report(city.sources.iter().zip(0..).map(print).collect()))
    }
}

fn print_of(city: &City, log: &Log, name: &str, id: &str) -> Result<(SourceId, Fingerprint), Failure> {
    let known = || city.source_names.iter().collect::<Vec<_>>().join(", ");
    let unknown =
        || Failure::Usage(format!("--source {name}: 城市没有这个来源 the city knows the sources {}", known()));
    let source = city.source_names.get(name).map(SourceId).ok_or_else(unknown)?;
    Ok((source, log.key.fingerprint(name.as_bytes(), id.as_bytes())))
}

fn not_found(asked: &str, hint: &str) -> Failure {
    Failure::Usage(format!("找不到 not found: {asked}：{hint}"))
}

impl Question {
    /// The ids that it may mean, of each source that may have it.
    pub(super) fn prints(&self) -> impl Iterator<Item = Fingerprint> {
        let prints = match &self.meant {
            Asked::Report(prints) => prints.as_slice(),
            _ => &[],
        };
        prints.iter().map(|(_, print)| *print)
    }

    /// The stories that answer the question; several where several sources have the id.
    pub(super) fn stories(&self, walk: &Walk<'_>, city: &City) -> Result<Vec<Story>, Failure> {
        let one = |meant, seq: Seq, order| {
            let met =
                walk.met().get(&seq).ok_or_else(|| Failure::Damaged(format!("record {seq} is not in the log")))?;
            Ok(vec![Story::of(meant, met, walk, order)])
        };
        let opened = |seq: &Seq| walk.met().get(seq).is_some_and(Met::has_opened);
        match &self.meant {
            Asked::Number(seq) if opened(seq) => one(Meant::Case, *seq, None),
            Asked::Number(seq) | Asked::Record(seq) => one(Meant::Record, *seq, None),
            Asked::Tracking(seq) => one(Meant::Tracking, *seq, None),
            Asked::Order(order) => {
                let seq = Seq(order.case.0);
                let given = walk.orders(order.case);
                if given.contains(order) {
                    return one(Meant::Order, seq, Some(*order));
                }
                let given: Vec<_> = given.iter().map(OrderId::to_string).collect();
                let hint = match (opened(&seq), given.is_empty()) {
                    (false, _) => format!("记录 #{seq} 没有立案，试 #{seq} record #{seq} opened no case; try #{seq}"),
                    (true, true) => format!("案件 {seq} 还没有工单 case {seq} has no order yet; try {seq}"),
                    (true, false) => format!("案件 {seq} 的工单 case {seq} has the orders {}", given.join(", ")),
                };
                Err(not_found(&self.asked, &hint))
            }
            Asked::Report(prints) => {
                let stories = walk.reports(prints);
                if stories.is_empty() { Err(self.no_report(prints, city)) } else { Ok(stories) }
            }
        }
    }

    fn no_report(&self, prints: &[(SourceId, Fingerprint)], city: &City) -> Failure {
        let names = prints.iter().map(|(source, _)| &*city.sources[source.index()].name);
        let sources = names.collect::<Vec<_>>().join(", ");
        let hint = format!(
            "已在来源 {sources} 的编号中查找；可写 来源/编号、#记录号、案件号、工单号（案件号-次数）、跟踪号 SL… \
             searched the ids of {sources}; write source/id, #record, a case, an order (case-attempt) or a tracking number SL…; \
             `paidan inspect` lists what there is"
        );
        not_found(&self.asked, &hint)
    }
}

/// One story: the record that it begins with, and the records that say the same again.
pub(super) struct Story {
    meant: Meant,
    subject: Seq,
    again: Vec<Seq>,
    case: Option<CaseId>,
    order: Option<OrderId>,
}

impl Story {
    pub(super) fn of(meant: Meant, met: &Met, walk: &Walk<'_>, order: Option<OrderId>) -> Self {
        Self { meant, subject: met.record.seq, again: walk.again(met), case: met.case(), order }
    }

    pub(super) fn told<'a>(
        &self,
        question: &Question,
        shown: &BTreeMap<Seq, Told>,
        teller: &Teller<'a>,
        walk: &Walk<'_>,
    ) -> Explanation<'a> {
        let subject = &shown[&self.subject];
        let again: Vec<&Told> = self.again.iter().filter_map(|seq| shown.get(seq)).collect();
        let touches = |case: CaseId| move |told: &&Told| told.effects.iter().any(|effect| effect.case() == Some(case));
        let touching: Option<(CaseId, Vec<&Told>)> =
            self.case.map(|case| (case, shown.values().filter(touches(case)).collect()));
        let more = touching.as_ref().map_or(0, |(case, touching)| {
            walk.met().values().filter(|met| met.touches(*case)).count() - touching.len()
        });
        let hints = hints(subject, teller.city());
        teller.tell(&Found {
            asked: &question.asked,
            meant: self.meant,
            subject,
            hints: hints.as_ref(),
            again: &again,
            case: touching.as_ref().map(|(case, touching)| (*case, &**touching)),
            more,
            order: self.order,
        })
    }
}

/// What a report said that its record does not keep. The door read the same line.
fn hints(told: &Told, city: &City) -> Option<Hints> {
    let mut decoder = Decoder::of(city, told.speaker);
    let line = std::str::from_utf8(&told.body).ok()?;
    let text = decoder.texts(line).map(str::to_owned);
    let decoded = decoder.decode(line).ok()?;
    let What::Report(report) = decoded.said.what else { return None };
    let areas = match city.place_in_words(&report) {
        Worded::Unsure(areas) => areas,
        Worded::Nowhere | Worded::Somewhere(..) => Vec::new(),
    };
    let is_classed = report.category.is_some_and(|word| city.categories.get(word).is_some());
    let source = &city.sources[told.record.origin.source.index()];
    let grounds = source.read_texts.then(|| city.classifier.grounds(&report.words(), is_classed));
    Some(Hints {
        grounds: grounds.unwrap_or_default(),
        has_point: report.spot.is_some(),
        is_registered: report.component.and_then(|component| city.components.place(component)).is_some(),
        areas,
        cell: report.cell.map(str::to_owned),
        category: report.category.map(str::to_owned),
        condition: report.condition.map(str::to_owned),
        urgency: report.urgency,
        text,
    })
}
