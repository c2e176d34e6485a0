//! The story as text, for an operator to read from top to bottom.

use crate::city::Limit;
use crate::city::text::{Ground, Reason};

use super::{
    Case, Dedup, Event, Explanation, Guess, Handed, Lang, Line, Meant, Merging, Name, Pool, Understood, Unit,
    WindowSaid,
};

/// Units of a pool and cases that are listed; the others are counted.
const LISTED: usize = 10;
/// Records of a case's history that are listed from its beginning, and as many from its end.
const EVENTS_LISTED: usize = 20;

/// A time, in UTC.
fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| format!("{ms} ms"), |time| time.to_string())
}

/// A length of time in the largest unit that it fills.
fn length(ms: u64, lang: Lang) -> String {
    const UNITS: [(u64, &str, &str); 4] =
        [(86_400_000, "天", "d"), (3_600_000, "小时", "h"), (60_000, "分钟", "min"), (1000, "秒", "s")];
    let fits = |(unit, ..): &&(u64, &str, &str)| ms >= *unit;
    let (unit, zh, en) = UNITS.iter().find(fits).copied().unwrap_or((1, "毫秒", "ms"));
    let tenths = (u128::from(ms) * 10 + u128::from(unit) / 2) / u128::from(unit);
    let fraction = if tenths % 10 == 0 { String::new() } else { format!(".{}", tenths % 10) };
    format!("{}{fraction} {}", tenths / 10, lang.of(zh, en))
}

/// The words of an explanation in both languages; a word that is not here is shown as it is.
fn word(word: &str, lang: Lang) -> &str {
    let (zh, en) = match word {
        "report" => ("上报", "report"),
        "action" => ("处置动作", "action"),
        "unit" => ("力量状态", "unit's status"),
        "ruling" => ("人工研判", "ruling"),
        "ruled" => ("已研判", "ruled upon"),
        "tally" => ("未受理的一行", "a line that was turned away"),
        "review" => ("待人工审核", "in review"),
        "waiting" => ("待派", "waiting"),
        "assigned" => ("已派单", "assigned"),
        "accepted" => ("已签收", "accepted"),
        "suspended" => ("已挂账", "suspended"),
        "done" => ("已办结", "done"),
        "closed" => ("已结案", "closed"),
        "opened" => ("已立案", "opened"),
        "returned" => ("已退单", "returned"),
        "forgotten" => ("因内存上限被遗忘", "forgotten at the bound of memory"),
        "village" => ("居村工作站", "village workstation"),
        "station" => ("联勤联动站", "joint-service station"),
        "street" => ("街镇中心", "street centre"),
        "district" => ("区中心", "district centre"),
        "available" => ("在岗", "available"),
        "busy" => ("忙", "busy"),
        "off" => ("离岗", "off duty"),
        "no_place" => ("没有地点", "no place is known"),
        "outside_district" => ("地点在区外", "the place lies outside the district"),
        "no_class" => ("没有类别", "no class is known"),
        "no_department" => ("责任清单没有对应单位", "the duty list names nobody"),
        "no_unit" => ("没有力量", "no unit"),
        "no_room" => ("力量都没有余量", "no unit has room"),
        "not_needed" => ("不再需要", "not needed"),
        "taken" => ("采用", "taken"),
        "all_returned" => ("所有力量都退了单", "every unit gave it back"),
        "only_accused" => ("责任单位就是被投诉单位", "a complaint about the only body on the duty list"),
        "accused" => ("被投诉单位，不派", "the body complained about, left out"),
        "joined" => ("并入", "joined"),
        "behind" => ("另有更优者", "another is better"),
        "too_far" => ("太远", "too far away"),
        "apart" => ("时间相隔太久", "too far apart in time"),
        "past" => ("并案窗口已过", "its window has passed"),
        "chosen" => ("选中", "chosen"),
        "gave_back" => ("刚退过单", "gave it back"),
        "full" => ("已满", "full"),
        "away" => ("不可派", "cannot be given work"),
        "least_loaded" => ("负荷最少者", "the least loaded"),
        "nearest" => ("最近者", "the nearest"),
        "cell" => ("同一单元网格", "the same cell"),
        "radius" => ("一定半径内", "within a radius"),
        "component" => ("同一部件", "the same component"),
        "address" => ("同一地址", "the same address"),
        other => (other, other),
    };
    lang.of(zh, en)
}

fn scope(scope: &str, lang: Lang) -> &str {
    match scope {
        "cell" => lang.of("本单元网格", "this cell"),
        "area" => lang.of("本街镇", "this area"),
        _ => lang.of("全区", "the whole district"),
    }
}

fn window(window: &WindowSaid, lang: Lang) -> String {
    let (length_ms, grace) = (length(window.length_ms as u64, lang), length(window.grace_ms as u64, lang));
    match (lang, window.kind) {
        (Lang::Zh, "aligned") => format!("按钟点划分的 {length_ms}（宽限 {grace}）"),
        (Lang::Zh, _) => format!("滑动的 {length_ms}（宽限 {grace}）"),
        (Lang::En, "aligned") => format!("the same {length_ms} of the clock, and {grace} of grace"),
        (Lang::En, _) => format!("within {length_ms}, and {grace} of grace"),
    }
}

impl Name<'_> {
    fn text(&self, lang: Lang) -> String {
        match lang.of(self.zh, self.en) {
            "" => self.code.to_owned(),
            name => format!("{} {name}", self.code),
        }
    }
}

/// Gathers lines under headings.
struct Sheet {
    text: String,
    lang: Lang,
}

impl Sheet {
    fn head(&mut self, zh: &str, en: &str) {
        self.text += &match self.lang {
            Lang::Zh => format!("\n【{zh}】\n"),
            Lang::En => format!("\n{}\n", en.to_uppercase()),
        };
    }

    /// A line of its own.
    fn line(&mut self, zh: impl FnOnce() -> String, en: impl FnOnce() -> String) {
        let line = match self.lang {
            Lang::Zh => zh(),
            Lang::En => en(),
        };
        self.add(&line);
    }

    /// A label and what belongs to it.
    fn say(&mut self, zh: &str, en: &str, what: impl std::fmt::Display) {
        self.add(&match self.lang {
            Lang::Zh => format!("{zh}：{what}"),
            Lang::En => format!("{en}: {what}"),
        });
    }

    /// Adds a line. What people write may hold anything: a line break stays in its line, and nothing commands the terminal.
    fn add(&mut self, line: &str) {
        self.text += "  ";
        self.text.extend(line.chars().map(|char| match char {
            '\n' | '\r' | '\t' => ' ',
            char if char.is_control() => char::REPLACEMENT_CHARACTER,
            char => char,
        }));
        self.text += "\n";
    }
}

impl Explanation<'_> {
    /// The story for people.
    pub fn text(&self, lang: Lang) -> String {
        let mut sheet = Sheet { text: self.title(lang), lang };
        self.came_in(&mut sheet);
        if let Some(rejected) = &self.rejected {
            sheet.head("拒收", "turned away");
            sheet.say("字段", "field", rejected.field);
            sheet.say("原因", "reason", rejected.reason);
            let (input, line, offset) = (rejected.input, rejected.line, rejected.offset);
            let wrong_at = offset + u64::from(rejected.wrong_at);
            sheet.line(
                || format!("位置：第 {} 个输入，第 {line} 行，字节 {offset}，错在字节 {wrong_at}", input + 1),
                || format!("where: input {}, line {line}, byte {offset}, wrong at byte {wrong_at}", input + 1),
            );
        }
        if let Some(understood) = &self.understood {
            understood.tell(&mut sheet);
        }
        if let Some(scene) = &self.sketch {
            sheet.head("略图", "sketch");
            sheet.text += &scene.draw(lang);
        }
        if let Some(dedup) = &self.dedup {
            dedup.tell(&mut sheet);
        }
        if let Some(merging) = &self.merging {
            merging.tell(&mut sheet);
        }
        if let Some(case) = &self.case {
            case.tell(&mut sheet, self.order.as_deref());
        }
        sheet.text
    }

    fn title(&self, lang: Lang) -> String {
        let (zh, en) = match self.meant {
            Meant::Case => ("案件", "case"),
            Meant::Record => ("日志记录", "record"),
            Meant::Report => ("上报", "report"),
            Meant::Order => ("工单", "order"),
            Meant::Tracking => ("跟踪号", "tracking number"),
        };
        format!("{} {}\n", lang.of(zh, en), self.asked)
    }

    fn came_in(&self, sheet: &mut Sheet) {
        let (came_in, lang) = (&self.came_in, sheet.lang);
        sheet.head("来件", "what came in");
        sheet.line(
            || format!("记录 #{}（{}）", came_in.record, word(came_in.kind, lang)),
            || format!("record #{} ({})", came_in.record, word(came_in.kind, lang)),
        );
        if let Some(source) = came_in.source {
            let name = lang.of(came_in.source_zh.unwrap_or_default(), "");
            sheet.say("来源", "source", format!("{source} {name}").trim_end());
        }
        if let Some(id) = &came_in.id {
            sheet.say("来源编号", "its id", id);
        }
        if let Some(tracking) = &came_in.tracking {
            sheet.say("跟踪号", "tracking number", tracking);
        }
        if let Some((verb, order)) = &came_in.action {
            sheet.say("动作", "action", format!("{verb} {order}"));
        }
        if let Some(unit) = came_in.unit {
            sheet.say("力量", "unit", unit);
        }
        if let Some(happened) = came_in.time {
            sheet.say("事发时间", "happened", time(happened));
        }
        sheet.say("日志时间", "log time", time(came_in.at));
        for (key, value) in &came_in.fields {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            sheet.line(|| format!("| {key}: {value}"), || format!("| {key}: {value}"));
        }
        if came_in.fields.is_empty() {
            sheet.line(|| format!("| {}", came_in.raw), || format!("| {}", came_in.raw));
        }
        for again in came_in.again.iter().take(LISTED) {
            let (seq, at) = (again.record, time(again.at));
            sheet.line(
                || format!("重报 #{seq}，{at}{}", if again.conflict { "，内容不同" } else { "" }),
                || format!("sent again as #{seq}, {at}{}", if again.conflict { ", with another body" } else { "" }),
            );
        }
        more(sheet, came_in.again.len().saturating_sub(LISTED));
        if self.rejected.is_none() {
            for line in &came_in.decisions {
                let decision = decision(line, lang);
                sheet.say("决定", "decided", decision);
            }
        }
    }
}

fn more(sheet: &mut Sheet, more: usize) {
    if more > 0 {
        sheet.line(|| format!("……另有 {more} 个"), || format!("... and {more} more"));
    }
}

/// What was decided, in a line: its word, then what the decision says beyond who said it.
fn decision(line: &serde_json::Value, lang: Lang) -> String {
    let text = |key: &str| line.get(key).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let (zh, en) = match line["effect"].as_str().unwrap_or_default() {
        "opened" => ("立案", "opened"),
        "filed" => ("立案条件", "filed"),
        "merged" => ("并入", "merged"),
        "duplicate" => ("重复", "duplicate"),
        "expired" => ("过期，不受理", "expired, refused"),
        "raised" => ("提级", "raised"),
        "assigned" => ("派单", "assigned"),
        "waiting" => ("待派", "waiting"),
        "review" => ("转人工审核", "to review"),
        "ruled" => ("研判", "ruled"),
        "accepted" => ("签收", "accepted"),
        "returned" => ("退单", "returned"),
        "suspended" => ("挂账", "suspended"),
        "resumed" => ("恢复", "resumed"),
        "done" => ("办结", "done"),
        "closed" => ("结案", "closed"),
        "unit" => ("力量状态", "unit's status"),
        "refused" => ("无效", "refused"),
        "rejected" => ("拒收", "rejected"),
        "forgot" => ("遗忘", "forgotten"),
        other => (other, other),
    };
    let mut said = lang.of(zh, en).to_owned();
    let keys = [
        ("case", "案件", "case"),
        ("order", "工单", "order"),
        ("of", "同于 #", "of #"),
        ("unit", "力量", "unit"),
        ("department", "单位", "department"),
        ("condition", "立案条件", "condition"),
        ("urgency", "紧急程度", "urgency"),
        ("late_ms", "迟到毫秒", "late by ms"),
        ("reason", "原因", "reason"),
        ("status", "状态", "status"),
        ("load", "负荷", "load"),
        ("conflict", "内容不同", "another body"),
        ("late", "迟到", "late"),
    ];
    // What a report is about stands above all this; what people made of it does not.
    let ruled = [("class", "类别", "class"), ("cell", "单元网格", "cell")];
    let ruled = ruled.into_iter().filter(|_| line["effect"] == "ruled");
    for (key, zh, en) in keys.into_iter().chain(ruled) {
        if let Some(value) = text(key) {
            let value = if key == "reason" { reason(&value, lang).to_owned() } else { value };
            said += &format!("  {} {value}", lang.of(zh, en));
        }
    }
    if let Some(due) = line.get("due").and_then(serde_json::Value::as_i64) {
        said += &format!("  {} {}", lang.of("时限", "due"), time(due));
    }
    said
}

fn reason(reason: &str, lang: Lang) -> &str {
    match reason {
        "new" => lang.of("新案", "new case"),
        "freed" => lang.of("力量空出", "a unit became free"),
        "returned" => lang.of("前一力量退单", "the unit before gave it back"),
        "ruled" => lang.of("人工研判", "people decided"),
        "filed" => lang.of("立案条件明确", "its filing condition became known"),
        "no_free_unit" => lang.of("没有空闲力量", "no free unit"),
        "late" => lang.of("迟到", "late"),
        "no_such_order" => lang.of("没有这张工单", "no such order"),
        "superseded" => lang.of("已有后续工单", "another order followed"),
        "wrong_state" => lang.of("工单状态不符", "the order is in another state"),
        "incomplete" => lang.of("类别或地点仍不明", "class or place are still not known"),
        "accused" => lang.of("案件投诉的就是该单位", "the case is a complaint about that department"),
        "not_responsible" => lang.of("责任清单没有该力量的部门", "the duty list does not name the unit's department"),
        other => word(other, lang),
    }
}

impl Understood<'_> {
    fn tell(&self, sheet: &mut Sheet) {
        let lang = sheet.lang;
        sheet.head("理解", "how it was understood");
        let how = match self.place_from {
            "coordinates" => lang.of("按坐标", "by its coordinates"),
            "cell" => lang.of("按所报单元网格，取中心", "by the cell that it named, at its centre"),
            "component" => lang.of("按登记的部件", "where the component that it names is registered"),
            "words" => lang.of("按文字中的地名", "by the names in its words"),
            "unsure" => lang.of("文字中的地名不能确定街镇", "which area its words name is not certain"),
            "outside" => lang.of("坐标在区外", "its coordinates lie outside the district"),
            _ => lang.of("没有地点", "no place is known"),
        };
        match self.point {
            Some([lng, lat]) => sheet.say("地点", "place", format!("{lng:.6} {lat:.6} ({how})")),
            None => sheet.say("地点", "place", how),
        }
        if let Some(cell) = &self.cell {
            sheet.say("单元网格", "cell", cell);
        }
        for area in &self.areas_named {
            sheet.say("可能的街镇", "perhaps", area.text(lang));
        }
        if let Some(area) = &self.area {
            sheet.say("街镇", "area", area.text(lang));
        }
        self.tell_class(sheet);
        let mut from = vec![format!("{} {}", lang.of("来源", "source"), self.urgency_of_source)];
        if let Some(urgency) = self.urgency_of_class {
            let of = if self.condition.is_some() { ("立案条件", "condition") } else { ("类别", "class") };
            from.push(format!("{} {urgency}", lang.of(of.0, of.1)));
        }
        if let Some((urgency, ground)) = &self.urgency_of_words {
            from.push(format!("{} {urgency} ({})", lang.of("文字", "its words"), rule_text(ground, lang)));
        }
        if let Some(urgency) = self.urgency_said {
            let trusted = match self.urgency_trusted {
                true => lang.of("可信", "trusted"),
                false => lang.of("不采信", "not trusted"),
            };
            from.push(format!("{} {urgency} ({trusted})", lang.of("发送者", "sender")));
        }
        let from = from.join(lang.of("，", ", "));
        sheet.line(
            || format!("紧急程度：{}（取最高：{from}）", self.urgency),
            || format!("urgency: {} (the greatest of {from})", self.urgency),
        );
        if let Some(reporter) = &self.reporter {
            sheet.say("上报人代号", "reporter's pseudonym", reporter);
        }
    }

    fn tell_class(&self, sheet: &mut Sheet) {
        let lang = sheet.lang;
        let said = self.category.as_deref().unwrap_or(lang.of("未写", "none was said"));
        match &self.class {
            Some(class) => {
                let (class, sure) = (class.text(lang), percent(self.confidence));
                let from = match self.class_from {
                    Some("rule") => lang.of("按关键词规则", "by a keyword rule").to_owned(),
                    Some("model") => lang.of("按文字分类模型", "by the text classifier").to_owned(),
                    _ => format!("{}{said}{}", lang.of("类别词「", "category word \""), lang.of("」", "\"")),
                };
                sheet.line(
                    || format!("类别：{class}（{from}，把握 {sure}）"),
                    || format!("class: {class} ({from}, confidence {sure})"),
                );
            }
            None => sheet.line(
                || format!("类别：不明（类别词「{said}」）"),
                || format!("class: unknown (category word \"{said}\")"),
            ),
        }
        match (&self.condition, &self.condition_said) {
            (Some(condition), _) => sheet.say("立案条件", "filing condition", condition.text(lang)),
            (None, Some(said)) => sheet.line(
                || format!("立案条件：不明（「{said}」不是该类别的立案条件）"),
                || format!("filing condition: unknown (\"{said}\" is none of the class's)"),
            ),
            (None, None) => {}
        }
        if let Some(body) = &self.against {
            sheet.say("被投诉单位", "complaint about", body.text(lang));
        }
        if let Some(rule) = &self.rule {
            sheet.say("规则", "rule", rule_text(rule, lang));
        }
        if let Some(guess) = &self.guess {
            guess.tell(sheet);
        }
    }
}

/// A rule, and the words for which it applies.
fn rule_text(rule: &Ground, lang: Lang) -> String {
    format!("keywords.csv:{}{}{}", rule.line, lang.of("：", ": "), rule.words.join(lang.of("、", ", ")))
}

impl Guess<'_> {
    fn tell(&self, sheet: &mut Sheet) {
        let lang = sheet.lang;
        let name = |class: &Option<Name<'_>>| match class {
            Some(class) => class.text(lang),
            None => lang.of("不属任何类别", "no class of the city").to_owned(),
        };
        let (class, next) = (name(&self.class), name(&self.runner_up));
        let (sure, threshold) = (percent(self.confidence), percent(self.threshold));
        let is_sure = self.confidence >= self.threshold;
        sheet.line(
            || {
                format!(
                    "模型：{class}，把握 {sure}，{}门槛 {threshold}；其次 {next}",
                    if is_sure { "达到" } else { "低于" }
                )
            },
            || {
                let reaches = if is_sure { "reaches" } else { "is below" };
                format!("model: {class}, confidence {sure}, which {reaches} {threshold}; next best {next}")
            },
        );
        let thousandths = |weight: i32| format!("{:+.2}", f64::from(weight) / 1_000.0);
        let reason =
            |reason: &Reason| format!("{} {}", reason.gram, thousandths(reason.for_class - reason.for_runner_up));
        let reasons = self.reasons.iter().map(reason).collect::<Vec<_>>().join(lang.of("，", ", "));
        sheet.say("依据", "what spoke for it", reasons);
    }
}

fn percent(thousandths: u16) -> String {
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}

impl Dedup<'_> {
    fn tell(&self, sheet: &mut Sheet) {
        let lang = sheet.lang;
        sheet.head("查重", "said before?");
        match self.answer {
            "unique" => sheet.line(|| "首次上报".to_owned(), || "said for the first time".to_owned()),
            "duplicate" => {
                let of = self.of.unwrap_or_default();
                let case = self.case.map_or(String::new(), |case| case.to_string());
                sheet.line(
                    || format!("与 #{of} 重复，案件 {case}{}", if self.conflict { "，但内容不同" } else { "" }),
                    || {
                        format!(
                            "the same as #{of}, case {case}{}",
                            if self.conflict { ", but with another body" } else { "" }
                        )
                    },
                );
            }
            _ => {
                let late = length(self.late_ms.unwrap_or_default().unsigned_abs(), lang);
                sheet.line(
                    || format!("迟到 {late}，{}", if self.dispatched_late { "仍予派遣并标明" } else { "不受理" }),
                    || {
                        format!(
                            "too late by {late}, {}",
                            if self.dispatched_late { "dispatched all the same" } else { "refused" }
                        )
                    },
                );
            }
        }
        sheet.say("查重窗口", "window", format!("{}: {}", self.source, window(&self.window, lang)));
    }
}

impl Merging<'_> {
    fn tell(&self, sheet: &mut Sheet) {
        let lang = sheet.lang;
        sheet.head("并案", "the same matter?");
        let radius = self.radius_m.map_or(String::new(), |radius| format!(" {radius} m"));
        let (policy, place) = (self.policy, word(self.same_place, lang));
        sheet.line(
            || format!("规则 {policy}：{place}{radius}；{}", window(&self.window, lang)),
            || format!("policy {policy}: {place}{radius}; {}", window(&self.window, lang)),
        );
        if self.candidates.is_empty() {
            sheet.line(|| "没有可比较的案件".to_owned(), || "there was no case to compare it with".to_owned());
        }
        for (rank, case) in self.candidates.iter().take(LISTED).enumerate() {
            let distance = case.distance_m.map_or(String::new(), |metres| format!(" {metres:.1} m"));
            let (apart, fit, stage) = (length(case.apart_ms, lang), word(case.fit, lang), word(case.stage, lang));
            let (number, rank) = (case.case, rank + 1);
            sheet.line(
                || format!("{rank}. 案件 {number}：{fit}；{distance} 相隔 {apart}，当时{stage}，{}", case.urgency),
                || format!("{rank}. case {number}: {fit};{distance} {apart} apart, then {stage}, {}", case.urgency),
            );
        }
        more(sheet, self.more + self.candidates.len().saturating_sub(LISTED));
        if self.candidates.len() > 1 {
            sheet.line(
                || "取最近者，一样近取最早者".to_owned(),
                || "the nearest is joined; of equals the oldest".to_owned(),
            );
        }
    }
}

impl Case<'_> {
    fn tell(&self, sheet: &mut Sheet, order: Option<&str>) {
        let lang = sheet.lang;
        sheet.head("案件", "the case");
        let (stage, reports) = (word(self.stage, lang), self.reports);
        sheet.line(
            || format!("案件 {}：{stage}，紧急程度 {}，{reports} 件上报", self.case, self.urgency),
            || format!("case {}: {stage}, urgency {}, reports: {reports}", self.case, self.urgency),
        );
        if let Some(condition) = &self.condition {
            sheet.say("立案条件", "filing condition", condition.text(lang));
        }
        for handed in &self.handings {
            handed.tell(sheet);
        }
        self.tell_clocks(sheet);
        sheet.head("经过", "history");
        let hidden = self.history.len().saturating_sub(2 * EVENTS_LISTED);
        for event in self.history.iter().take(EVENTS_LISTED) {
            event.tell(sheet, self.case, order);
        }
        more(sheet, hidden + self.history_more);
        for event in self.history.iter().skip(EVENTS_LISTED + hidden) {
            event.tell(sheet, self.case, order);
        }
    }

    fn tell_clocks(&self, sheet: &mut Sheet) {
        let clocks = &self.clocks;
        sheet.head("时间", "clocks");
        let limit = clocks.limit.map(|Limit { amount, unit }| {
            let (zh, en) = unit.names();
            format!("{amount} {}", sheet.lang.of(zh, en))
        });
        sheet.say("时限", "limit", limit.as_deref().unwrap_or(sheet.lang.of("未规定", "none")));
        for (at, zh, en) in [
            (clocks.opened, "立案", "opened"),
            (clocks.assigned, "派单", "assigned"),
            (clocks.due, "到期", "due"),
            (clocks.accepted, "签收", "accepted"),
            (clocks.suspended, "挂账", "suspended"),
            (clocks.resumed, "恢复", "resumed"),
            (clocks.returned, "退单", "returned"),
            (clocks.done, "办结", "done"),
            (clocks.closed, "结案", "closed"),
        ] {
            if let Some(at) = at {
                sheet.say(zh, en, time(at));
            }
        }
    }
}

impl Event<'_> {
    fn tell(&self, sheet: &mut Sheet, case: u64, order: Option<&str>) {
        let lang = sheet.lang;
        let by = [self.source.unwrap_or_default(), self.id.as_deref().unwrap_or_default()].join("/");
        let (seq, at) = (self.record, time(self.at));
        // A record that frees a unit also shows in other cases' histories; only what concerns this one is told here.
        let own =
            self.decisions.iter().filter(|line| line.get("case").and_then(serde_json::Value::as_u64) == Some(case));
        for line in own {
            let is_asked = order.is_some() && line.get("order").and_then(serde_json::Value::as_str) == order;
            let mark = if is_asked { "→" } else { " " };
            let said = decision(line, lang);
            sheet.line(|| format!("{mark} {at}  #{seq} {by}  {said}"), || format!("{mark} {at}  #{seq} {by}  {said}"));
        }
    }
}

impl Handed<'_> {
    fn tell(&self, sheet: &mut Sheet) {
        let lang = sheet.lang;
        match lang {
            Lang::Zh => sheet.head(&format!("责任清单与力量（#{}）", self.record), ""),
            Lang::En => sheet.head("", &format!("duty list and units (#{})", self.record)),
        }
        if let Some(unit) = self.returned_by {
            sheet.say("退单的力量", "given back by", unit);
        }
        for (rank, line) in self.lines.iter().enumerate() {
            line.tell(rank + 1, sheet);
        }
        if let Some(assign) = self.assign {
            let assign = word(assign, lang);
            sheet.line(
                || format!("选法：{assign}，并列取名册靠前者"),
                || format!("choice: {assign}; of equals the first in the roster"),
            );
        }
        match (self.unit, &self.department, self.doubt) {
            (Some(unit), ..) => sheet.say("派给", "goes to", unit),
            (_, Some(department), _) => sheet.say("待派于", "waits at", department.text(lang)),
            (.., Some(doubt)) => sheet.say("转人工审核", "to review", reason(doubt, lang)),
            _ => {}
        }
    }
}

impl Line<'_> {
    fn tell(&self, rank: usize, sheet: &mut Sheet) {
        let lang = sheet.lang;
        let (department, tier) = (self.department.text(lang), word(self.tier, lang));
        let (scope, verdict) = (scope(self.scope, lang), word(self.verdict, lang));
        let basis = match self.basis {
            "condition" => lang.of("本立案条件", "for this condition"),
            "class" => lang.of("本类", "for this class"),
            _ => lang.of("各类托底", "for every class"),
        };
        sheet.line(
            || format!("{rank}. {department}，{tier}（{basis}，{scope}）：{verdict}"),
            || format!("{rank}. {department}, {tier} ({basis}, {scope}): {verdict}"),
        );
        for pool in self.pools.iter().filter(|pool| pool.asked && pool.size > 0) {
            pool.tell(sheet);
        }
    }
}

impl Pool<'_> {
    fn tell(&self, sheet: &mut Sheet) {
        let lang = sheet.lang;
        let place = self.area.as_ref().map_or_else(|| lang.of("全区", "district").to_owned(), |area| area.text(lang));
        let size = self.size;
        sheet.line(|| format!("   {place}：{size} 支力量"), || format!("   {place}: {size} units"));
        for unit in self.units.iter().take(LISTED) {
            unit.tell(sheet);
        }
        more(sheet, size.saturating_sub(LISTED));
    }
}

impl Unit<'_> {
    fn tell(&self, sheet: &mut Sheet) {
        let lang = sheet.lang;
        let (code, load, standing) = (self.unit, self.load, word(self.standing, lang));
        let capacity = self.capacity.map_or_else(|| "∞".to_owned(), |capacity| capacity.to_string());
        let distance = self.distance_m.map_or(String::new(), |metres| format!(" {metres:.1} m"));
        let status = word(self.status, lang);
        sheet.line(
            || format!("     {code}：{standing}；{status}，负荷 {load}/{capacity}{distance}"),
            || format!("     {code}: {standing}; {status}, load {load}/{capacity}{distance}"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_people_write_commands_the_terminal() {
        let mut sheet = Sheet { text: String::new(), lang: Lang::En };
        sheet.say("内容", "text", "two\nlines\t\u{1b}[2J\u{9b}31m\u{7}");
        assert_eq!(sheet.text, "  text: two lines \u{fffd}[2J\u{fffd}31m\u{fffd}\n");
    }
}
