//! The gazetteer 地名: where something is that a report only says in words.
//!
//! Names of streets, committees, roads and places lie in one automaton, with the other ways in which people write them. Of names
//! that overlap the longest counts: 东方路 is a road, and no committee 东方. What is left must agree on one area; where it does not, or
//! where one name stands in several areas and nothing else decides between them, people decide. A wrong certain answer costs more
//! than a question.

use std::collections::BTreeMap;
use std::fmt;
use std::iter::FusedIterator;

use daachorse::CharwiseDoubleArrayAhoCorasick;
use serde::Deserialize;

use super::files::{CityFiles, GAZETTEER, Problems};
use super::spelling::{fold, folded};
use super::{Grid, Named, position};
use crate::geo::FinePoint;
use crate::ids::AreaId;

/// What kind of thing has a name.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// A road 道路, in a row for each area that it passes through.
    Road,
    /// A residents' or villagers' committee 居委会、村委会.
    Committee,
    /// A crossing, a building, a park: something that stands at one place.
    Place,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    kind: Kind,
    area: String,
    #[serde(default)]
    lng: Option<f64>,
    #[serde(default)]
    lat: Option<f64>,
    #[serde(default)]
    aliases: String,
}

/// Something with a name.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Entry {
    area: AreaId,
    place: Option<FinePoint>,
}

/// How a name stands for something.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Form {
    /// An area without the word for what it is: it decides between others, and says nothing alone.
    Hint,
    /// Something else without that word: not where what follows makes another name of it.
    Bare,
    /// A whole name.
    Whole,
}

/// Names, and what they may stand for.
#[derive(Default)]
pub struct Gazetteer {
    automaton: Option<CharwiseDoubleArrayAhoCorasick<u32>>,
    /// Of each name: how it stands for something, and where its entries end.
    names: Vec<(Form, u32)>,
    entries: Vec<Entry>,
}

/// What words say of a place.
#[derive(Clone, PartialEq, Debug)]
pub enum Worded {
    /// Nothing.
    Nowhere,
    /// One area, and one place in it if what was named stands at one.
    Somewhere(AreaId, Option<FinePoint>),
    /// One of these areas, in the order of the city's table; or, where they contradict each other, none of them for certain.
    Unsure(Vec<AreaId>),
}

/// Most names that are taken note of in one report; whoever says more is not understood.
const HEARD_MAX: usize = 64;

/// Words for what a committee is, the longest first.
const COMMITTEES: [&str; 8] =
    ["社区居民委员会", "居民委员会", "村民委员会", "社区居委会", "居委会", "村委会", "居委", "村委"];
/// Words that people put behind the name of a residents' committee, and of a villagers'.
const AFTER_RESIDENTS: [&str; 10] =
    ["居委会", "居委", "居民委员会", "居民区", "居民会", "社区居委会", "社区居委", "社区居民委员会", "社区", "小区"];
const AFTER_VILLAGERS: [&str; 4] = ["村委会", "村委", "村民委员会", "社区"];
/// Words for what an area is.
const AREA_WORDS: [&str; 4] = ["街道", "新镇", "镇", "乡"];
/// What makes another name of the one before it, or no name: 龙园 is no part of 龙园路, and 联合村 none of 联合村民.
const GOES_ON: &str = "路街道弄巷桥港河浦湾渠塘站镇乡庄宅民";
/// Without the word for what it is, a name of fewer characters may be part of anything.
const BARE_CHARS_MIN: usize = 3;
/// What roads end with. A road goes on where the committee does not that is called after it.
const ROADS: [char; 4] = ['路', '街', '弄', '巷'];
/// A name of nothing else only says which of several: 东门, 第一, 北小区. Any estate has a 东门 and a 小区 behind it.
const WHICH: &str = "东南西北中第一二三四五六七八九十大小新老门区街市";
/// What is said of villages anywhere.
const ANY_VILLAGE: &str = "新农村";

impl Gazetteer {
    pub(super) fn compile(files: &CityFiles, grid: &Grid, areas: &[Named], problems: &mut Problems) -> Self {
        if files.get(GAZETTEER).is_none() {
            return Self::default();
        }
        let mut names = NameTable::default();
        for (index, area) in areas.iter().enumerate() {
            let entry = Entry { area: AreaId(index as u16), place: None };
            names.add(&area.zh, Form::Whole, entry);
            if let Some(short) = without(&area.zh, &AREA_WORDS).filter(|short| short.chars().count() > 1) {
                names.add(short, Form::Hint, entry);
            }
        }
        let mut placed = Vec::new();
        for (line, row) in files.rows::<Row>(GAZETTEER, problems) {
            match entry(&row, areas) {
                Ok(entry) => {
                    placed.extend(entry.place.map(|place| (line, place, entry.area)));
                    names.add_row(&row, entry);
                }
                Err((what, mend)) => problems.push(GAZETTEER, line, what, mend),
            }
        }
        let places: Vec<FinePoint> = placed.iter().map(|(_, place, _)| *place).collect();
        for ((line, _, area), located) in placed.iter().zip(grid.locate_all(&places)) {
            if located.map(|located| located.area) != Some(*area) {
                let what = format!("its place does not lie in area {}", areas[area.index()].code);
                problems.push(GAZETTEER, *line, what, "give the area that lng and lat lie in, or leave them out");
            }
        }
        names.build(problems)
    }

    /// Whether it knows no names.
    pub const fn is_empty(&self) -> bool {
        self.automaton.is_none()
    }

    /// To hear what the texts of one report say of its place.
    pub const fn ear(&self) -> Ear<'_> {
        Ear { gazetteer: self, heard: Vec::new(), is_flooded: false }
    }

    /// What names that were heard come to together.
    fn weigh(&self, heard: &[Heard]) -> Worded {
        let names = || heard.iter().map(|heard| (self.names[heard.name as usize].0, self.entries_of(heard.name)));
        let areas_of = |entries: &[Entry]| entries.iter().map(|entry| entry.area).collect::<Vec<_>>();
        // Whole names of areas and names of other things must agree.
        let mut areas: Option<Vec<AreaId>> = None;
        let mut all: Vec<AreaId> = Vec::new();
        for (_, entries) in names().filter(|(form, _)| *form != Form::Hint) {
            let these = areas_of(entries);
            all.extend(&these);
            areas = Some(match areas {
                None => these,
                Some(known) => known.into_iter().filter(|area| these.contains(area)).collect(),
            });
        }
        let Some(mut areas) = areas else { return Worded::Nowhere };
        areas.sort_unstable();
        areas.dedup();
        if areas.len() > 1 {
            let hinted: Vec<AreaId> =
                names().filter(|(form, _)| *form == Form::Hint).flat_map(|(_, entries)| areas_of(entries)).collect();
            let narrowed: Vec<AreaId> = areas.iter().copied().filter(|area| hinted.contains(area)).collect();
            if !narrowed.is_empty() {
                areas = narrowed;
            }
        }
        match areas[..] {
            [area] => {
                let here = names().flat_map(|(_, entries)| entries).filter(|entry| entry.area == area);
                let mut places: Vec<FinePoint> = here.filter_map(|entry| entry.place).collect();
                places.sort_unstable();
                places.dedup();
                Worded::Somewhere(area, <[FinePoint; 1]>::try_from(places).ok().map(|[place]| place))
            }
            _ => {
                all.sort_unstable();
                all.dedup();
                Worded::Unsure(all)
            }
        }
    }

    fn entries_of(&self, name: u32) -> &[Entry] {
        let name = name as usize;
        let from = name.checked_sub(1).map_or(0, |before| self.names[before].1);
        &self.entries[from as usize..self.names[name].1 as usize]
    }
}

impl fmt::Debug for Gazetteer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gazetteer of {} names", self.names.len())
    }
}

/// A name where it stands in a text.
#[derive(Clone, Copy)]
struct Heard {
    name: u32,
    from: usize,
    to: usize,
}

/// Hears the texts of one report, one after the other.
pub struct Ear<'g> {
    gazetteer: &'g Gazetteer,
    heard: Vec<Heard>,
    /// More names were said than anybody could make sense of.
    is_flooded: bool,
}

impl Ear<'_> {
    /// Hears a text.
    pub fn hear(&mut self, text: impl FusedIterator<Item = char>) {
        let Some(automaton) = &self.gazetteer.automaton else { return };
        let (from, names) = (self.heard.len(), &self.gazetteer.names);
        let is_whole = |heard: &Heard| names[heard.name as usize].0 == Form::Whole;
        let (mut stepper, mut at) = (automaton.find_overlapping_stepper(), 0);
        fold(text, |c| {
            if GOES_ON.contains(c) {
                // What other texts said stays, wherever it stood in them.
                let mut before = from;
                self.heard.retain(|heard| {
                    let is_of_another = before > 0;
                    before -= usize::from(is_of_another);
                    is_of_another || heard.to < at || is_whole(heard)
                });
            }
            stepper.consume(c);
            at += c.len_utf8();
            for found in stepper.matches() {
                self.is_flooded |= self.heard.len() >= HEARD_MAX;
                if !self.is_flooded {
                    self.heard.push(Heard { name: found.value(), from: found.start(), to: found.end() });
                }
            }
        });
        keep_longest(&mut self.heard, from);
    }

    /// Where all that was heard says that it is.
    pub fn worded(&self) -> Worded {
        if self.is_flooded { Worded::Unsure(Vec::new()) } else { self.gazetteer.weigh(&self.heard) }
    }
}

/// Leaves out what lies within a longer name, among those of one text.
fn keep_longest(heard: &mut Vec<Heard>, from: usize) {
    let these: Vec<Heard> = heard.drain(from..).collect();
    let is_within = |one: &Heard, other: &Heard| {
        other.from <= one.from && one.to <= other.to && other.to - other.from > one.to - one.from
    };
    heard.extend(these.iter().filter(|one| !these.iter().any(|other| is_within(one, other))));
}

fn entry(row: &Row, areas: &[Named]) -> Result<Entry, (String, &'static str)> {
    if folded(&row.name).chars().count() < 2 {
        return Err((format!("name \"{}\" is too short", row.name), "a name has two characters at least"));
    }
    let area = position(areas, &row.area).map(AreaId);
    let area = area.ok_or_else(|| (format!("area \"{}\"", row.area), "name a code of the city's areas"))?;
    let place = match (row.lng, row.lat) {
        (None, None) => None,
        (Some(lng), Some(lat)) => match FinePoint::of_degrees(lng, lat) {
            Some(place) => Some(place),
            None => return Err((format!("{lng} {lat} is no place"), "lng and lat are degrees in the city's frame")),
        },
        _ => return Err((format!("\"{}\" has one of lng and lat", row.name), "give both, or none")),
    };
    if row.kind == Kind::Place && place.is_none() {
        return Err((format!("place \"{}\" has no lng and lat", row.name), "say where it stands"));
    }
    Ok(Entry { area, place })
}

/// Names while they are gathered, each with what it may stand for.
#[derive(Default)]
struct NameTable {
    names: BTreeMap<String, (Form, Vec<Entry>)>,
}

impl NameTable {
    fn add(&mut self, name: &str, form: Form, entry: Entry) {
        let name = folded(name);
        if name.chars().count() < 2 {
            return;
        }
        let (known, entries) = self.names.entry(name).or_insert((form, Vec::new()));
        // A whole name goes before what is only short for something.
        match form.cmp(known) {
            std::cmp::Ordering::Less => return,
            std::cmp::Ordering::Greater => {
                *known = form;
                entries.clear();
            }
            std::cmp::Ordering::Equal => {}
        }
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }

    fn add_row(&mut self, row: &Row, entry: Entry) {
        self.add(&row.name, Form::Whole, entry);
        for alias in row.aliases.split('|').map(str::trim).filter(|alias| !alias.is_empty()) {
            self.add(alias, Form::Whole, entry);
        }
        if row.kind == Kind::Committee
            && let Some(base) = without(&row.name, &COMMITTEES)
        {
            let words = if row.name[base.len()..].starts_with('村') { &AFTER_VILLAGERS[..] } else { &AFTER_RESIDENTS };
            self.add_committee(base, words, entry);
            // 上港第二居委会 is called 上港二居委, too.
            if let Some((before, number)) = base.split_once('第').filter(|(before, _)| !before.is_empty()) {
                self.add_committee(&format!("{before}{number}"), words, entry);
            }
        }
    }

    fn add_committee(&mut self, base: &str, words: &[&str], entry: Entry) {
        let is_vague = base.ends_with(ROADS) || base == ANY_VILLAGE || base.chars().all(|c| WHICH.contains(c));
        let is_short = base.chars().count() < BARE_CHARS_MIN;
        // Estates have longer names of which a short one may be the end: 明珠 is no part of 东方明珠小区.
        let says_enough = |word: &str| match word {
            "社区" => !is_vague,
            "小区" => !is_vague && !is_short,
            _ => true,
        };
        for word in words.iter().filter(|word| says_enough(word)) {
            self.add(&format!("{base}{word}"), Form::Whole, entry);
            // 太平村村委会 is called 太平村委会, too.
            if let Some(village) = base.strip_suffix('村').filter(|_| word.starts_with('村')) {
                self.add(&format!("{village}{word}"), Form::Whole, entry);
            }
        }
        if !is_vague && !is_short {
            self.add(base, Form::Bare, entry);
        }
    }

    fn build(self, problems: &mut Problems) -> Gazetteer {
        let mut gazetteer = Gazetteer::default();
        for (form, entries) in self.names.values() {
            gazetteer.entries.extend(entries);
            gazetteer.names.push((*form, gazetteer.entries.len() as u32));
        }
        let numbered = self.names.keys().zip(0u32..);
        match CharwiseDoubleArrayAhoCorasick::with_values(numbered) {
            Ok(automaton) => gazetteer.automaton = Some(automaton),
            Err(error) => problems.push(GAZETTEER, 0, error.to_string(), "give fewer or shorter names"),
        }
        gazetteer
    }
}

/// A name without the word for what it is.
fn without<'n>(name: &'n str, words: &[&str]) -> Option<&'n str> {
    words.iter().find_map(|word| name.strip_suffix(word)).filter(|rest| !rest.is_empty())
}
