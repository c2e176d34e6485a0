//! The shape of a source's lines: where its fields lie, and what its words mean. A source without one speaks input schema v1.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::files::{Problems, Spanned};
use super::pointer::{Clash, Pointer, Pointers, Slot};
use super::time_format::TimeFormat;
use super::{Class, Names};
use crate::report::{Field, Urgency};

/// Where the fields of a source's lines lie, and what its words mean.
#[derive(Clone, PartialEq, Debug)]
pub struct Shape {
    /// Every place that a field lies at.
    pub pointers: Pointers,
    /// The slots of each field, by its code; several only where the first that says something counts or all are joined.
    slots: Vec<Box<[Slot]>>,
    /// The place of an area's code.
    pub area: Option<Slot>,
    /// The pointer to the reporter, for whoever must leave people out.
    pub reporter: Option<Box<str>>,
    /// The slots whose text takes part in understanding.
    pub understood: u64,
    /// How times are written.
    pub time_format: TimeFormat,
    /// Its own category words, to classes.
    words: Names,
    /// Its own words on urgency.
    urgencies: Vec<(Box<str>, Urgency)>,
}

impl Shape {
    /// The places of a field, the first to be looked at first.
    #[inline]
    pub fn slots(&self, field: Field) -> &[Slot] {
        &self.slots[field as usize]
    }

    /// The place of a field that has one at most.
    #[inline]
    pub fn slot(&self, field: Field) -> Option<Slot> {
        self.slots(field).first().copied()
    }

    /// What a report says in words: its title, then its texts.
    pub fn texts(&self) -> impl Iterator<Item = Slot> {
        [Field::Title, Field::Text].into_iter().flat_map(|field| self.slots(field)).copied()
    }

    /// The class that the source means by a word of its own.
    #[inline]
    pub fn class(&self, word: &str) -> Option<u16> {
        self.words.get(word)
    }

    /// What the source means by a word on urgency: its own words, else the letters.
    #[inline]
    pub fn urgency(&self, word: &str) -> Option<Urgency> {
        let own = self.urgencies.iter().find(|(own, _)| **own == *word).map(|(_, urgency)| *urgency);
        own.or_else(|| Urgency::from_letter(word))
    }
}

/// The classes that words can stand for.
pub(super) struct Catalogue<'a> {
    pub classes: &'a [Class],
    pub words: &'a Names,
}

impl Catalogue<'_> {
    /// The class of a code, which is one of its words.
    fn class_of_code(&self, code: &str) -> Option<u16> {
        self.words.get(code).filter(|&class| *self.classes[usize::from(class)].named.code == *code)
    }
}

/// `[source.shape]`, as written.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct ShapeSettings {
    id: Spanned<String>,
    time: Option<Spanned<String>>,
    time_format: Option<Spanned<String>>,
    zone: Option<Spanned<String>>,
    lng: Option<Spanned<String>>,
    lat: Option<Spanned<String>>,
    area: Option<Spanned<String>>,
    cell: Option<Spanned<String>>,
    component: Option<Spanned<String>>,
    #[serde(default)]
    address: Vec<Spanned<String>>,
    #[serde(default)]
    category: Vec<Spanned<String>>,
    condition: Option<Spanned<String>>,
    title: Option<Spanned<String>>,
    #[serde(default)]
    text: Vec<Spanned<String>>,
    urgency: Option<Spanned<String>>,
    reporter: Option<Spanned<String>>,
    confidence: Option<Spanned<u16>>,
    #[serde(default)]
    words: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    urgencies: BTreeMap<String, Spanned<String>>,
}

impl ShapeSettings {
    /// Each field with the pointers to it, in the order of the fields.
    fn fields(&self) -> [(Field, &[Spanned<String>]); 13] {
        [
            (Field::Id, std::slice::from_ref(&self.id)),
            (Field::Ts, self.time.as_slice()),
            (Field::Lng, self.lng.as_slice()),
            (Field::Lat, self.lat.as_slice()),
            (Field::Cell, self.cell.as_slice()),
            (Field::Component, self.component.as_slice()),
            (Field::Address, &self.address),
            (Field::Category, &self.category),
            (Field::Title, self.title.as_slice()),
            (Field::Text, &self.text),
            (Field::Urgency, self.urgency.as_slice()),
            (Field::Reporter, self.reporter.as_slice()),
            (Field::Condition, self.condition.as_slice()),
        ]
    }

    /// How far the source's category is trusted, in thousandths.
    pub(super) fn confidence(&self, certain: u16, problems: &mut Problems) -> u16 {
        let Some(confidence) = &self.confidence else { return certain };
        let given = *confidence.get_ref();
        if given > certain {
            let what = format!("confidence = {given}");
            problems.setting(confidence.span().start, what, format!("confidence is 0 to {certain}, in thousandths"));
        }
        given.min(certain)
    }

    /// The shape; what is wrong with it becomes problems. `offset` is where the shape stands in the settings.
    pub(super) fn compile(&self, offset: usize, catalogue: &Catalogue<'_>, problems: &mut Problems) -> Shape {
        let mut places = Places { pointers: Pointers::new(), taken: Vec::new(), slots: Vec::new() };
        places.slots.resize(Field::ALL.len(), Box::default());
        for (field, pointers) in self.fields() {
            places.slots[field as usize] = pointers
                .iter()
                .filter_map(|pointer| places.add(field, setting_name(field), pointer, problems))
                .collect();
        }
        // An area has no field of its own: nothing about it is ever wrong.
        let area = self.area.as_ref().and_then(|pointer| places.add(Field::Cell, "area", pointer, problems));
        let Places { pointers, slots, .. } = places;
        if self.lng.is_some() != self.lat.is_some() {
            problems.setting(offset, "a shape with one of lng and lat".to_owned(), "point to both, or to neither");
        }
        let read = |field: &Field| !matches!(field, Field::Title | Field::Text | Field::Reporter);
        let understood = Field::ALL.iter().filter(|field| read(field)).flat_map(|field| &slots[*field as usize]);
        Shape {
            understood: understood.chain(&area).fold(0, |set, slot| set | slot.bit()),
            area,
            reporter: self.reporter.as_ref().map(|pointer| pointer.get_ref().as_str().into()),
            time_format: self.time_format(offset, problems),
            words: self.words(catalogue, problems),
            urgencies: self.urgencies(problems),
            pointers,
            slots,
        }
    }

    fn time_format(&self, offset: usize, problems: &mut Problems) -> TimeFormat {
        match (&self.time, &self.time_format) {
            (Some(_), Some(format)) => TimeFormat::compile(format, self.zone.as_ref(), problems),
            (None, None) if self.zone.is_none() => TimeFormat::Rfc3339,
            (Some(time), None) => {
                let what = format!("time = \"{}\" without time_format", time.get_ref());
                problems.setting(time.span().start, what, TimeFormat::MEND);
                TimeFormat::Rfc3339
            }
            (None, _) => {
                let what = "a shape with time_format or zone, but without time".to_owned();
                problems.setting(offset, what, "point to the time, or leave them out");
                TimeFormat::Rfc3339
            }
        }
    }

    fn words(&self, catalogue: &Catalogue<'_>, problems: &mut Problems) -> Names {
        let mut words = Names::default();
        for (word, code) in &self.words {
            match catalogue.class_of_code(code.get_ref()) {
                // Words are compared without the space around them.
                Some(class) if words.insert(word.trim(), class) => {}
                Some(_) => {
                    let what = format!("the word \"{word}\" stands twice, but for the space around it");
                    problems.setting(code.span().start, what, "keep one of them");
                }
                None => {
                    let what = format!("the word \"{word}\" stands for class \"{}\"", code.get_ref());
                    problems.setting(code.span().start, what, "name a code of classes.csv");
                }
            }
        }
        words
    }

    fn urgencies(&self, problems: &mut Problems) -> Vec<(Box<str>, Urgency)> {
        let mut urgencies = Vec::new();
        for (word, letter) in &self.urgencies {
            match Urgency::from_letter(letter.get_ref()) {
                Some(urgency) => urgencies.push((word.trim().into(), urgency)),
                None => {
                    let what = format!("the word \"{word}\" stands for urgency \"{}\"", letter.get_ref());
                    problems.setting(letter.span().start, what, "urgency is \"A\", \"B\" or \"C\"");
                }
            }
        }
        urgencies
    }
}

/// The places of the fields as they come.
struct Places<'a> {
    pointers: Pointers,
    /// Which field has which pointer.
    taken: Vec<(Field, &'a str)>,
    slots: Vec<Box<[Slot]>>,
}

impl<'a> Places<'a> {
    fn add(
        &mut self,
        field: Field,
        name: &'static str,
        text: &'a Spanned<String>,
        problems: &mut Problems,
    ) -> Option<Slot> {
        let (at, text) = (text.span().start, text.get_ref().as_str());
        let mut problem = |what: &str, mend: &str| {
            problems.setting(at, format!("{name} = \"{text}\" {what}"), mend);
            None
        };
        let Some(pointer) = Pointer::parse(text) else {
            return problem(
                "is no JSON pointer",
                "a pointer is \"/key\", \"/outer/inner\" or \"/list/0\"; ~1 writes / and ~0 writes ~",
            );
        };
        if let Some((other, _)) = self.taken.iter().find(|(other, taken)| *taken == text && !may_share(field, *other)) {
            let what = format!("is where {} lies too", setting_name(*other));
            return problem(&what, "one value cannot mean both; point to another, or leave one out");
        }
        self.taken.push((field, text));
        match self.pointers.add(&pointer, field) {
            Ok(slot) => Some(slot),
            Err(Clash::Through) => problem(
                "and another pointer lead through each other",
                "point to values side by side: a value that is taken whole cannot be taken apart too",
            ),
            Err(Clash::Full) => problem(
                "is one place more than there is room for",
                "a shape has up to 63 places, objects on the way included, and its array positions are small",
            ),
        }
    }
}

/// Whether two fields can be read from one value: words can mean several things, times and coordinates cannot.
fn may_share(a: Field, b: Field) -> bool {
    let is_number = |field| matches!(field, Field::Ts | Field::Lng | Field::Lat);
    let is_text = |field| matches!(field, Field::Title | Field::Text);
    let means_two = a == b || is_number(a) || is_number(b) || is_text(a) && is_text(b);
    !means_two
}

/// What a field is called in the settings of a shape.
const fn setting_name(field: Field) -> &'static str {
    match field {
        Field::Ts => "time",
        _ => field.name(),
    }
}

#[cfg(test)]
mod tests {
    use crate::city::{City, CityFiles, Problems};

    /// What a source may, where nothing else is said of it.
    const MAY: &str = "may = [\"report\"]";

    /// Compiles the default city with one more source, of which this is said, and which has this shape; and gives the line of
    /// the settings at which the shape begins.
    fn compile(own: &str, shape: &str) -> (u64, Result<City, Problems>) {
        let pudong = CityFiles::pudong();
        let mut texts: Vec<_> = pudong.texts().collect();
        let source = format!(
            "\n[[source]]\nname = \"file\"\nname_zh = \"文件\"\nkind = \"app\"\nurgency = \"C\"\nlate = \"refuse\"\n\
             dedup = {{ window = \"sliding\", minutes = 60 }}\n{own}\n[source.shape]\n"
        );
        let before = format!("{}{source}", texts[0].1);
        let settings = format!("{before}{shape}\n");
        texts[0].1 = &settings;
        (before.lines().count() as u64 + 1, City::compile(CityFiles::from_texts(&texts)))
    }

    #[test]
    fn mistakes_in_a_shape_are_named_with_line_and_value() {
        // Line of the mistake within the shape, and part of what is said about it.
        let check_with = |own: &str, shape: &str, line: u64, what: &str| {
            let (first, compiled) = compile(own, shape);
            let problems = compiled.expect_err(shape);
            let found = problems.as_slice().iter().any(|problem| {
                (problem.file, problem.line) == ("city.toml", first + line - 1)
                    && problem.what.contains(what)
                    && !problem.mend.is_empty()
            });
            assert!(found, "{shape}\nexpected line {}: {what}; found {problems}", first + line - 1);
        };
        let check = |shape: &str, line: u64, what: &str| check_with(MAY, shape, line, what);
        check("id = \"id\"", 1, "id = \"id\" is no JSON pointer");
        check("id = \"\"", 1, "is no JSON pointer");
        check("id = \"/a~2\"", 1, "is no JSON pointer");
        check("text = [\"/a\"]", 0, "missing field `id`");
        check("id = \"/id\"\nname = \"/x\"", 2, "name");
        check("id = \"/id\"\ntext = [\"/t\", \"t\"]", 2, "text = \"t\"");
        check("id = \"/id\"\ncategory = [\"/a\", \"/a\"]", 2, "category = \"/a\" is where category lies too");
        check("id = \"/id\"\ntitle = \"/a\"\ntext = [\"/a\"]", 3, "text = \"/a\" is where title lies too");
        check("id = \"/id\"\nlng = \"/a\"\nlat = \"/a\"", 3, "lat = \"/a\" is where lng lies too");
        check("id = \"/id\"\ntime = \"/id\"\ntime_format = \"unix_s\"", 2, "time = \"/id\" is where id lies too");
        check("id = \"/id\"\nreporter = \"/id/who\"", 2, "reporter = \"/id/who\" and another");
        check("id = \"/a/id\"\nreporter = \"/a\"", 2, "reporter = \"/a\" and another");
        check("id = \"/id\"\narea = \"/id/zip\"", 2, "area = \"/id/zip\" and another");
        check("id = \"/a/999\"", 1, "more than there is room for");
        check("id = \"/id\"\nlng = \"/x\"", 0, "one of lng and lat");
        check("id = \"/id\"\ntime = \"/t\"", 2, "time = \"/t\" without time_format");
        check("id = \"/id\"\ntime_format = \"unix_ms\"", 0, "without time");
        check("id = \"/id\"\nzone = \"UTC\"", 0, "without time");
        let time = |rest: &str| format!("id = \"/id\"\ntime = \"/t\"\n{rest}");
        check(&time("time_format = \"yyyy-MM-dd\"\nzone = \"UTC\""), 3, "time_format = \"yyyy-MM-dd\"");
        check(&time("time_format = \"%Y-%m-%d %I:%M\"\nzone = \"UTC\""), 3, "reads that as");
        check(&time("time_format = \"%Y-%m-%dT%H:%M:%S\""), 3, "no offset");
        check(&time("time_format = \"rfc3339\"\nzone = \"UTC\""), 4, "zone = \"UTC\"");
        check(&time("time_format = \"%Y-%m-%dT%H:%M:%S%z\"\nzone = \"UTC\""), 4, "need none");
        check(&time("time_format = \"%Y-%m-%d\"\nzone = \"Asia/Pudong\""), 4, "zone = \"Asia/Pudong\" is not known");
        check(&time("time_format = \"%Y-%m-%d\"\nzone = \"+8\""), 4, "zone = \"+8\" is not known");
        check(
            "id = \"/id\"\n[source.shape.words]\n\"井盖\" = \"99999\"",
            3,
            "the word \"井盖\" stands for class \"99999\"",
        );
        check("id = \"/id\"\n[source.shape.words]\n\"井盖\" = \"供水井盖异常\"", 3, "供水井盖异常");
        check("id = \"/id\"\n[source.shape.words]\n\"a\" = \"01001\"\n\" a\" = \"01001\"", 3, "stands twice");
        check("id = \"/id\"\n[source.shape.urgencies]\n\"high\" = \"X\"", 3, "urgency \"X\"");
        check("id = \"/id\"\nconfidence = 1001", 2, "confidence = 1001");
        check_with("may = [\"report\"]\nrequire = [\"ts\"]", "id = \"/id\"", 0, "requires ts");
        check_with("may = [\"report\"]\nrequire = [\"place\"]", "id = \"/id\"", 0, "requires place");
        check_with("may = [\"report\"]\nrequire = [\"category\"]", "id = \"/id\"", 0, "requires category");
        check_with("may = [\"action\"]", "id = \"/id\"", 0, "may not report");
    }

    #[test]
    fn shapes_that_are_in_order() {
        let everything = "may = [\"report\"]\nrequire = [\"ts\", \"place\", \"category\"]";
        for (own, shape) in [
            (MAY, "id = \"/id\""),
            (everything, "id = \"/id\"\ntime = \"/t\"\ntime_format = \"rfc3339\"\ncell = \"/c\"\ncategory = [\"/k\"]"),
            (
                MAY,
                "id = \"/id\"\narea = \"/zip\"\naddress = [\"/street\", \"/zip\"]\ncomponent = \"/id\"\n\
                 category = [\"/type\", \"/label\"]\ntext = [\"/type\", \"/label\"]",
            ),
            (MAY, "id = \"/properties/id\"\nlng = \"/geometry/coordinates/0\"\nlat = \"/geometry/coordinates/1\""),
            (MAY, "id = \"/id\"\ntime = \"/t\"\ntime_format = \"%Y-%m-%d %H:%M\"\nzone = \"-03:30\""),
            (
                MAY,
                "id = \"/id\"\nconfidence = 0\n[source.shape.words]\n\"井盖\" = \"01001\"\n[source.shape.urgencies]\n\
                 \"高\" = \"A\"",
            ),
        ] {
            let (_, compiled) = compile(own, shape);
            let city = compiled.unwrap_or_else(|problems| panic!("{shape}\n{problems}"));
            assert!(city.sources.last().is_some_and(|source| source.shape.is_some()));
        }
    }
}
