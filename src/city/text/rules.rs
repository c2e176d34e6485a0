//! Keyword rules 关键词规则: what people know for certain about words.
//!
//! A rule asks for some words, each perhaps in several forms, and for the absence of others; where one of the latter holds one of the former,
//! it only hides that: 没有触电 keeps its own 触电 from counting, and no other. The first rule of the file that applies says the
//! class, as the lines of a duty list do; how urgent a text is, all rules that apply say together, and the most urgent one counts.
//! A text goes once through all words, character by character, and nothing is allocated. Where something else says the class, it goes only
//! through the few words that tell how urgent it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::iter::FusedIterator;

use serde::Deserialize;

use super::lexicon::Lexicon;
use super::normalise;
use crate::city::Names;
use crate::city::files::{CityFiles, KEYWORDS, Problems};
use crate::ids::ClassId;
use crate::report::{Urgency, Words};

/// A city has at most so many rules, and so many different words in them.
const RULES_MAX: usize = 4_096;
const WORDS_MAX: usize = 4_096;

/// Position of a word.
type Word = u16;

/// One line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Where it stands in the file.
    pub line: u64,
    /// The class that it says, or [`ClassId::NONE`].
    pub class: ClassId,
    /// How urgent a text is that it applies to.
    pub urgency: Option<Urgency>,
    /// One word of each group must be there.
    groups: Vec<Vec<Word>>,
    /// None of these may be.
    unless: Vec<Word>,
    /// These hide words that stand in them: which word, how often it stands in which other.
    hiding: Vec<(Word, u8, Word)>,
}

/// All rules of a city.
#[derive(Default)]
pub struct Rules {
    all: Lexicon,
    /// The words of the rules that tell how urgent something is.
    urgent: Lexicon,
    words: Vec<Box<str>>,
    /// Of each word: the rules whose first group it is in.
    leads: Vec<Vec<u16>>,
    rules: Vec<Rule>,
}

/// The words that stand in a text, and how often.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Heard {
    is_there: [u64; WORDS_MAX / 64],
    times: [u8; WORDS_MAX],
}

/// The rules that decide about a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Applied<'r> {
    /// The first that says a class.
    pub class: Option<&'r Rule>,
    /// The first of the most urgent.
    pub urgency: Option<&'r Rule>,
}

/// A rule that never says anything.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Mute {
    /// It asks for a word that holds one which must be absent.
    Dead {
        /// Its line.
        line: u64,
    },
    /// Wherever it applies, an earlier one applies too and has said the class.
    Shadowed {
        /// Its line.
        line: u64,
        /// The line of the earlier one.
        by: u64,
        /// Whether that says another class.
        is_conflict: bool,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    words: String,
    #[serde(default)]
    unless: String,
    #[serde(default)]
    class: String,
    #[serde(default)]
    urgency: String,
}

impl Rules {
    pub(in crate::city) fn compile(files: &CityFiles, categories: &Names, problems: &mut Problems) -> Self {
        if files.get(KEYWORDS).is_none() {
            return Self::default();
        }
        let mut gathered = Gathered::default();
        for (line, row) in files.rows::<Row>(KEYWORDS, problems) {
            match gathered.rule(line, &row, categories) {
                Ok(rule) => gathered.rules.push(rule),
                Err((what, mend)) => problems.push(KEYWORDS, line, what, mend),
            }
        }
        gathered.build(problems)
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether any says how urgent something is.
    pub const fn raises(&self) -> bool {
        !self.urgent.is_empty()
    }

    /// The words that stand in what is said.
    #[inline]
    pub fn hear<C: FusedIterator<Item = char> + Clone>(&self, said: &Words<C>) -> Heard {
        Heard::of(&self.all, said)
    }

    /// The rule that says how urgent something is, if any does.
    #[inline]
    pub fn urgency<C: FusedIterator<Item = char> + Clone>(&self, said: &Words<C>) -> Option<&Rule> {
        // Other rules may miss words here; what they say is not asked.
        self.apply(&Heard::of(&self.urgent, said)).urgency
    }

    /// The rules that decide about a text with these words.
    pub fn apply(&self, heard: &Heard) -> Applied<'_> {
        let (mut class, mut urgency) = (None::<u16>, None::<(Urgency, std::cmp::Reverse<u16>)>);
        for number in heard.words().flat_map(|word| &self.leads[usize::from(word)]) {
            let rule = &self.rules[usize::from(*number)];
            if !rule.applies(heard) {
                continue;
            }
            if rule.class.is_some() && class.is_none_or(|first| *number < first) {
                class = Some(*number);
            }
            urgency = urgency.max(rule.urgency.map(|urgency| (urgency, std::cmp::Reverse(*number))));
        }
        let rule = |number: u16| &self.rules[usize::from(number)];
        Applied { class: class.map(rule), urgency: urgency.map(|(_, number)| rule(number.0)) }
    }

    /// The words for which a rule applies to a text: of each group the first that stands there.
    pub fn words_of<'r>(&'r self, rule: &'r Rule, heard: &'r Heard) -> impl Iterator<Item = &'r str> {
        let first = |group: &'r Vec<Word>| group.iter().find(|word| rule.sees(heard, **word));
        rule.groups.iter().filter_map(first).map(|word| &*self.words[usize::from(*word)])
    }

    /// The rules that never say anything, as far as their words tell.
    pub fn mute(&self) -> Vec<Mute> {
        let mut mute = Vec::new();
        for (number, rule) in self.rules.iter().enumerate() {
            let line = rule.line;
            let mut earlier = self.rules[..number].iter().filter(|earlier| earlier.class.is_some());
            if self.is_dead(rule) {
                mute.push(Mute::Dead { line });
            } else if rule.class.is_some()
                && let Some(earlier) = earlier.find(|earlier| self.covers(earlier, rule))
            {
                let is_conflict = earlier.class != rule.class;
                mute.push(Mute::Shadowed { line, by: earlier.line, is_conflict });
            }
        }
        mute
    }

    /// Whether one word stands wherever another does.
    fn holds(&self, word: Word, part: Word) -> bool {
        self.words[usize::from(word)].contains(&*self.words[usize::from(part)])
    }

    /// Whether wherever one of some words stands, one of others stands too.
    fn hold(&self, words: &[Word], parts: &[Word]) -> bool {
        words.iter().all(|word| parts.iter().any(|part| self.holds(*word, *part)))
    }

    fn is_dead(&self, rule: &Rule) -> bool {
        let hides_itself = |word: &Word| rule.hiding.iter().any(|(hidden, _, by)| hidden == word && by == word);
        let never = |word: &Word| hides_itself(word) || rule.unless.iter().any(|part| self.holds(*word, *part));
        rule.groups.iter().any(|group| group.iter().all(never))
    }

    /// Whether a rule applies wherever another does.
    fn covers(&self, earlier: &Rule, later: &Rule) -> bool {
        let is_asked = |group: &Vec<Word>| later.groups.iter().any(|other| self.hold(other, group));
        let hides_nothing = earlier.hiding.is_empty();
        earlier.groups.iter().all(is_asked) && hides_nothing && self.hold(&earlier.unless, &later.unless)
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rules: {} with {} words", self.rules.len(), self.words.len())
    }
}

impl Rule {
    /// Words of `unless` in which some of the rule's own stand hide those, and nothing else: 没有触电 is no 触电, and says nothing
    /// of another one.
    fn hide(&mut self, words: &[Box<str>]) {
        let spelt = |word: Word| &*words[usize::from(word)];
        let own: BTreeSet<Word> = self.groups.iter().flatten().copied().collect();
        for by in std::mem::take(&mut self.unless) {
            let times = |word: Word| spelt(by).matches(spelt(word)).count().min(usize::from(u8::MAX)) as u8;
            let hidden = own.iter().map(|word| (*word, times(*word), by)).filter(|(_, each, _)| *each > 0);
            let before = self.hiding.len();
            self.hiding.extend(hidden);
            if self.hiding.len() == before {
                self.unless.push(by);
            }
        }
        // One that holds another of them hides nothing that the other does not.
        let hiding = self.hiding.clone();
        self.hiding.retain(|(word, _, by)| {
            let mut others = hiding.iter().filter(|(hidden, _, other)| hidden == word && other != by);
            !others.any(|(.., other)| spelt(*by).contains(spelt(*other)))
        });
    }

    /// Every word that it knows.
    fn words(&self) -> impl Iterator<Item = Word> {
        let hiding = self.hiding.iter().map(|(.., by)| by);
        self.groups.iter().flatten().chain(&self.unless).chain(hiding).copied()
    }

    fn applies(&self, heard: &Heard) -> bool {
        self.groups.iter().all(|group| group.iter().any(|word| self.sees(heard, *word)))
            && !self.unless.iter().any(|word| heard.has(*word))
    }

    /// Whether a word stands somewhere where nothing hides it.
    fn sees(&self, heard: &Heard, word: Word) -> bool {
        let times = heard.times(word);
        if times == 0 {
            return false;
        }
        let hidden = self.hiding.iter().filter(|(hidden, ..)| *hidden == word);
        let hidden: u32 = hidden.map(|(_, each, by)| u32::from(*each) * u32::from(heard.times(*by))).sum();
        // Whoever says something more often than is counted is not told that it is all hidden.
        times == u8::MAX || u32::from(times) > hidden
    }
}

impl Heard {
    #[inline]
    fn of<C: FusedIterator<Item = char> + Clone>(words: &Lexicon, said: &Words<C>) -> Self {
        let mut heard = Self { is_there: [0; WORDS_MAX / 64], times: [0; WORDS_MAX] };
        said.each().for_each(|text| words.hear(text, |word| heard.add(word)));
        heard
    }

    fn add(&mut self, word: Word) {
        self.is_there[usize::from(word) / 64] |= 1 << (word % 64);
        let times = &mut self.times[usize::from(word)];
        *times = times.saturating_add(1);
    }

    fn times(&self, word: Word) -> u8 {
        self.times[usize::from(word)]
    }

    fn has(&self, word: Word) -> bool {
        self.times(word) > 0
    }

    fn words(&self) -> impl Iterator<Item = Word> {
        self.is_there.iter().zip(0..).flat_map(|(bits, block)| {
            let below = |bits: &u64| Some(bits & (bits - 1)).filter(|rest| *rest > 0);
            let left = std::iter::successors(Some(*bits).filter(|bits| *bits > 0), below);
            left.map(move |bits| block * 64 + bits.trailing_zeros() as Word)
        })
    }
}

/// Rules while they are read.
#[derive(Default)]
struct Gathered {
    words: BTreeMap<Box<str>, Word>,
    rules: Vec<Rule>,
}

impl Gathered {
    fn rule(&mut self, line: u64, row: &Row, categories: &Names) -> Result<Rule, (String, String)> {
        let class = match &*row.class {
            "" => ClassId::NONE,
            word => categories.get(word).map(ClassId).ok_or_else(|| {
                (format!("class \"{word}\""), "name a code or an alias of classes.csv, or leave it empty".to_owned())
            })?,
        };
        let urgency = match &*row.urgency {
            "" => None,
            letter => Some(
                Urgency::from_letter(letter)
                    .ok_or_else(|| (format!("urgency \"{letter}\""), "urgency is A, B or C, or empty".to_owned()))?,
            ),
        };
        if class == ClassId::NONE && urgency.is_none() {
            let what = format!("words \"{}\" say neither class nor urgency", row.words);
            return Err((what, "give one of them, or both".to_owned()));
        }
        if self.rules.len() >= RULES_MAX {
            return Err(("too many rules".to_owned(), format!("a city has at most {RULES_MAX}")));
        }
        let groups = row.words.split('+').map(|group| self.words(group)).collect::<Result<_, _>>()?;
        let unless = if row.unless.trim().is_empty() { Vec::new() } else { self.words(&row.unless)? };
        Ok(Rule { line, class, urgency, groups, unless, hiding: Vec::new() })
    }

    /// Words that stand for each other.
    fn words(&mut self, group: &str) -> Result<Vec<Word>, (String, String)> {
        group.split('|').map(|word| self.word(word)).collect()
    }

    fn word(&mut self, written: &str) -> Result<Word, (String, String)> {
        let mut word = String::with_capacity(written.len());
        normalise(written.trim().chars(), |c| word.push(c));
        if word.is_empty() {
            let mend = "write 路灯+不亮|坏 for a lamp, and that it is dark or broken; no + and no | at an end";
            return Err(("a word is empty".to_owned(), mend.to_owned()));
        }
        let next = self.words.len();
        if next >= WORDS_MAX && !self.words.contains_key(&*word) {
            return Err((format!("word \"{word}\" is one too many"), format!("rules have at most {WORDS_MAX} words")));
        }
        Ok(*self.words.entry(word.into()).or_insert(next as Word))
    }

    fn build(self, problems: &mut Problems) -> Rules {
        let Self { words: numbers, mut rules } = self;
        let mut words = vec![Box::default(); numbers.len()];
        numbers.iter().for_each(|(word, number)| words[usize::from(*number)] = word.clone());
        rules.iter_mut().for_each(|rule| rule.hide(&words));
        let mut leads = vec![Vec::new(); words.len()];
        for (rule, number) in rules.iter().zip(0..) {
            rule.groups[0].iter().for_each(|word| leads[usize::from(*word)].push(number));
        }
        let urgent = rules.iter().filter(|rule| rule.urgency.is_some());
        let urgent: BTreeSet<Word> = urgent.flat_map(Rule::words).collect();
        let mut lexicon = |is_meant: &dyn Fn(Word) -> bool| {
            let numbered = words.iter().map(|word| &**word).zip(0..);
            Lexicon::new(numbered.filter(|(_, number)| is_meant(*number)).collect()).unwrap_or_else(|error| {
                problems.push(KEYWORDS, 0, error, "give fewer or shorter words");
                Lexicon::default()
            })
        };
        let all = lexicon(&|_| true);
        let urgent = lexicon(&|word| urgent.contains(&word));
        Rules { all, urgent, words, leads, rules }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::city::City;

    /// Rules with the words of the default city's catalogue.
    fn rules(table: &str) -> Result<Rules, String> {
        let files = CityFiles::from_texts(&[(KEYWORDS, table)]);
        let mut problems = Problems::default();
        let rules = Rules::compile(&files, &City::pudong().categories, &mut problems);
        problems.into_result(rules).map_err(|problems| problems.to_string())
    }

    const TABLE: &str = "words,unless,class,urgency\n\
                         路灯+不亮|坏|灭,路灯井盖|信号灯,01037,\n\
                         灯+坏,,01050,\n\
                         被困|触电,没有人被困,,A\n\
                         路灯|電線+脱落,,10002,B\n";

    fn said(rules: &Rules, text: &str) -> (Option<u64>, Option<(Urgency, u64)>) {
        let heard = rules.hear(&Words::text(text.chars()));
        let Applied { class, urgency } = rules.apply(&heard);
        (class.map(|rule| rule.line), urgency.map(|rule| (rule.urgency.expect("it says one"), rule.line)))
    }

    #[test]
    fn the_first_rule_says_the_class_and_the_most_urgent_one_the_urgency() {
        let rules = rules(TABLE).expect("rules");
        let check = |text: &str, class, urgency| assert_eq!(said(&rules, text), (class, urgency), "{text}");
        check("门口的路灯不亮", Some(2), None);
        check("门口的路燈\u{FF0C}全都滅了", Some(2), None);
        check("路灯好好的", None, None);
        check("路灯井盖坏了", Some(3), None);
        check("路灯坏了，灯罩脱落", Some(2), Some((Urgency::B, 5)));
        check("电线脱落，有人触电", Some(5), Some((Urgency::A, 4)));
        check("没有人被困", None, None);
        check("三楼没有人被困，四楼有人被困", None, Some((Urgency::A, 4)));
        check("没有人被困，有人触电", None, Some((Urgency::A, 4)));
        check("没有人被困，没有人被困", None, None);
        check(&format!("{}有人被困", "没有人被困，".repeat(300)), None, Some((Urgency::A, 4)));
        check("", None, None);
    }

    #[test]
    fn a_title_and_a_text_are_read_together_but_no_word_lies_across() {
        let rules = rules(TABLE).expect("rules");
        let line = |title: &'static str, text: &'static str| {
            let said = Words { title: Some(title.chars()), ..Words::text(text.chars()) };
            rules.apply(&rules.hear(&said)).class.map(|rule| rule.line)
        };
        assert_eq!((line("路灯", "不亮"), line("路", "灯不亮"), line("路灯不", "亮")), (Some(2), None, None));
    }

    #[test]
    fn the_words_that_decided_are_told_in_the_order_of_the_rule() {
        let rules = rules(TABLE).expect("rules");
        let heard = rules.hear(&Words::text("脱落的是電線".chars()));
        let rule = rules.apply(&heard).class.expect("one applies");
        assert_eq!(rules.words_of(rule, &heard).collect::<Vec<_>>(), ["电线", "脱落"]);
    }

    #[test]
    fn mistakes_are_named_with_line_and_value() {
        let check = |line: &str, at: &str, what: &str| {
            let problems = rules(&format!("words,unless,class,urgency\n{line}\n")).expect_err("a mistake");
            assert!(problems.contains(at) && problems.contains(what), "{line}: {problems}");
        };
        check("路灯,,99999,", "keywords.csv:2", "99999");
        check("路灯,,01037,D", "keywords.csv:2", "\"D\"");
        check("路灯,,,", "keywords.csv:2", "路灯");
        check("路灯+,,01037,", "keywords.csv:2", "empty");
        check("路灯|,,01037,", "keywords.csv:2", "empty");
        check("路灯,坏|,01037,", "keywords.csv:2", "empty");
        check("\u{200B},,01037,", "keywords.csv:2", "empty");
        let many = "路灯,,01037,\n".repeat(RULES_MAX + 1);
        check(many.trim_end(), &format!("keywords.csv:{}", RULES_MAX + 2), "too many");
        let long = (0..=WORDS_MAX).map(|n| format!("第{n}个")).collect::<Vec<_>>().join("|");
        check(&format!("{long},,01037,"), "keywords.csv:2", "one too many");
    }

    /// Groups of words, words that must be absent, the position of a class, and whether it is urgent.
    type Line = (Vec<Vec<String>>, Vec<String>, usize, bool);

    fn line() -> impl Strategy<Value = Line> {
        let group = prop::collection::vec("[甲乙丙]{1,2}", 1..3);
        (prop::collection::vec(group, 1..3), prop::collection::vec("[甲乙丙]{1,3}", 0..2), 0usize..4, any::<bool>())
    }

    proptest! {
        /// By looking for each word by itself.
        #[test]
        fn rules_apply_as_they_read(lines in prop::collection::vec(line(), 1..8), text in "[甲乙丙丁]{0,8}") {
            let classes = ["", "01037", "01050", "10002"];
            let row = |(groups, unless, class, is_urgent): &Line| {
                let groups: Vec<_> = groups.iter().map(|group| group.join("|")).collect();
                let urgency = if *is_urgent || *class == 0 { "A" } else { "" };
                format!("{},{},{},{urgency}\n", groups.join("+"), unless.join("|"), classes[*class])
            };
            let table = lines.iter().map(row).collect::<String>();
            let rules = rules(&format!("words,unless,class,urgency\n{table}")).expect("rules");
            let times = |word: &str| text.char_indices().filter(|(at, _)| text[*at..].starts_with(word)).count();
            let applies = |(groups, unless, ..): &Line| {
                let own = |other: &String| groups.iter().flatten().any(|word| other.contains(word.as_str()));
                let sees = |word: &String| {
                    let holds = |other: &&String| other.contains(word.as_str());
                    let each = |other: &String| other.matches(word.as_str()).count() * times(other);
                    times(word) > unless.iter().filter(holds).map(each).sum::<usize>()
                };
                let is_asked = groups.iter().all(|group| group.iter().any(sees));
                is_asked && !unless.iter().any(|other| !own(other) && text.contains(other.as_str()))
            };
            let first = |is_it: &dyn Fn(&Line) -> bool| lines.iter().position(is_it).map(|at| at as u64 + 2);
            let class = first(&|line| line.2 > 0 && applies(line));
            let urgency = first(&|line| (line.3 || line.2 == 0) && applies(line)).map(|line| (Urgency::A, line));
            prop_assert_eq!(said(&rules, &text), (class, urgency), "{} {}", table, text);
            let alone = rules.urgency(&Words::text(text.chars())).map(|rule| rule.line);
            prop_assert_eq!(alone, urgency.map(|(_, line)| line), "{} {}", table, text);
            for mute in rules.mute() {
                let (line, by) = match mute {
                    Mute::Dead { line } => (line, None),
                    Mute::Shadowed { line, by, .. } => (line, Some(by)),
                };
                let applies = |line: u64| applies(&lines[line as usize - 2]);
                prop_assert!(!applies(line) || by.is_some_and(applies), "{} is not mute: {} {}", line, table, text);
            }
        }
    }
}
