//! Reads a line once, from its first byte to its last, as JSON, and notes where the values lie that a table of pointers
//! names. What they mean is not asked here.

use super::json::{self, Between, Kind, Levels, Surrogates, not_json};
use super::scan::Text;
use super::steps::{Step, StepId, Steps};
use crate::city::{Node, Pointers, Slot};
use crate::quoted::Quoted;
use crate::report::{Field, Reason, Reject};

/// Reads lines for one table of pointers. It remembers the shape of lines and reuses its memory.
pub struct Reader<'p> {
    pointers: &'p Pointers,
    steps: Steps,
    found: Found,
    /// Strings that had escapes, without them.
    unescaped: String,
}

/// What stands in one line, by the places of the values.
struct Found {
    /// The slots whose values stand in the line.
    present: u64,
    /// Those whose value is a string with escapes.
    escaped: u64,
    /// The first that stands a second time.
    repeated: Option<Reject>,
    /// Their values in the line; of escaped ones the text in `unescaped` too.
    raw: [Span; Slot::COUNT],
    unescaped: [Span; Slot::COUNT],
}

/// Bytes from one position to another.
#[derive(Clone, Copy, Default)]
struct Span {
    from: u32,
    to: u32,
}

impl Span {
    /// From one position to another.
    #[inline(always)]
    fn new(from: usize, to: usize) -> Self {
        Self { from: from as u32, to: to as u32 }
    }
}

impl<'p> Reader<'p> {
    /// A reader that has seen no line yet.
    pub fn new(pointers: &'p Pointers) -> Self {
        let none = [Span::default(); Slot::COUNT];
        Self {
            pointers,
            steps: Steps::new(),
            found: Found { present: 0, escaped: 0, repeated: None, raw: none, unescaped: none },
            unescaped: String::new(),
        }
    }

    /// Reads a whole line. The texts of a set of slots will be asked for.
    #[inline(always)]
    pub fn values<'a>(&'a mut self, line: &'a str, texts: u64) -> Result<Values<'a>, Reject> {
        self.read(&Text::new(line.as_bytes()))?;
        if self.found.escaped & texts != 0 {
            self.unescape(line, texts);
        }
        Ok(Values { line, unescaped: &self.unescaped, found: &self.found })
    }

    /// Where the value of a slot begins in the line that was last read; 0 if it is absent.
    pub fn begin_of(&self, slot: Slot) -> u32 {
        if self.found.present & slot.bit() == 0 { 0 } else { self.found.raw[slot.index()].from }
    }

    /// Reads the whole line and notes where its values are.
    fn read(&mut self, line: &Text<'_>) -> Result<(), Reject> {
        self.found.clear();
        let mut at = 0;
        let mut id = StepId::START;
        loop {
            let step;
            (id, step) = match self.steps.follow(id, line, at) {
                Some(known) => known,
                None => new_step(self.pointers, &mut self.steps, id, line, at, &mut self.unescaped)?,
            };
            at += step.length as usize;
            if step.kind != Kind::Close && self.found.adds(step.slot) {
                self.found.repeat(self.pointers.field(step.slot), line, at);
            }
            let value = &mut self.found.raw[step.slot.index()];
            if step.kind == Kind::Text {
                let surrogates = if step.slot == Slot::NONE { Surrogates::Pass } else { Surrogates::Refuse };
                let string = json::string_end(line, at, surrogates)?;
                *value = Span::new(at - 1, string.end);
                if string.escaped {
                    self.found.escaped |= step.slot.bit();
                }
                at = string.end;
            } else if step.kind == Kind::Plain {
                let end = json::plain_end(line, at)?;
                *value = Span::new(at, end);
                at = end;
            } else if step.kind == Kind::Close {
                value.to = at as u32;
            } else {
                value.from = (at - 1) as u32;
            }
            if step.levels.depth == 0 {
                break;
            }
        }
        check_around(line, at)?;
        self.found.repeated.map_or(Ok(()), Err)
    }

    /// Gives the texts that had escapes without them.
    #[cold]
    #[inline(never)]
    fn unescape(&mut self, line: &str, texts: u64) {
        self.unescaped.clear();
        for slot in (0..Slot::COUNT as u8).map(Slot::new).filter(|slot| self.found.escaped & texts & slot.bit() != 0) {
            let Span { from, to } = self.found.raw[slot.index()];
            let start = self.unescaped.len();
            self.unescaped.extend(Quoted::new(&line[from as usize + 1..to as usize - 1]).chars());
            self.found.unescaped[slot.index()] = Span::new(start, self.unescaped.len());
        }
    }
}

impl Found {
    /// Back to a line of which nothing is known.
    #[inline(always)]
    fn clear(&mut self) {
        self.present = 0;
        self.escaped = 0;
        self.repeated = None;
    }

    /// Adds a slot to those whose values stand in the line, and says whether it was there.
    #[inline(always)]
    fn adds(&mut self, slot: Slot) -> bool {
        let was_there = self.present & slot.bit() & !Slot::NONE.bit() != 0;
        self.present |= slot.bit();
        was_there
    }

    /// Notes that a key has stood before, if it is the first that has. The step with it ends at `end`.
    #[cold]
    #[inline(never)]
    fn repeat(&mut self, field: Field, line: &Text<'_>, end: usize) {
        let step = &line.bytes()[..end];
        let colon = step.iter().rposition(|&byte| byte == b':').expect("a key has a colon");
        let close = step[..colon].iter().rposition(|&byte| byte == b'"').expect("a key has quotes");
        let open = opening_quote(&step[..close]).expect("a key has quotes");
        self.repeated.get_or_insert(Reject { field, reason: Reason::Repeated, at: open as u32 });
    }
}

/// The last quote of a text that is no escape. Backslashes before it are escapes of their own if they come in pairs.
fn opening_quote(text: &[u8]) -> Option<usize> {
    let backslashes = |end: usize| text[..end].iter().rev().take_while(|&&byte| byte == b'\\').count();
    (0..text.len()).rev().find(|&at| text[at] == b'"' && backslashes(at).is_multiple_of(2))
}

/// Checks that a line whose value ends at `end` is an object with nothing behind it.
fn check_around(line: &Text<'_>, end: usize) -> Result<(), Reject> {
    let (rest, _) = line.skip_space(end);
    if rest < line.bytes().len() {
        return Err(not_json(rest));
    }
    match line.skip_space(0) {
        (_, b'{') => Ok(()),
        (at, _) => Err(Reject { field: Field::Line, reason: Reason::NotAnObject, at: at as u32 }),
    }
}

/// The step that stands at `at` behind `from`, where it has not stood before. `unescaped` is for keys with escapes.
#[inline(never)]
fn new_step<'a>(
    pointers: &Pointers,
    steps: &'a mut Steps,
    from: StepId,
    line: &Text<'_>,
    at: usize,
    unescaped: &mut String,
) -> Result<(StepId, &'a Step), Reject> {
    let &Step { kind, levels, node, .. } = steps.get(from);
    let holder = holder(pointers, node, levels);
    // A key has to become text where it is compared with those of the table.
    let keys = if holder.is_some() { Surrogates::Refuse } else { Surrogates::Pass };
    let read = json::between(line, at, kind, levels, keys)?;
    let key = read.key.filter(|_| holder.is_some()).map(|key| text_of_key(line, key, unescaped));
    let node = node_of(pointers, node, holder, levels, &read, key);
    let mut step = Step::new(&line.bytes()[at..read.end], read.kind, read.levels, node);
    if read.levels.depth == pointers.depth(node) + u32::from(read.kind == Kind::Open) {
        step.slot = pointers.slot(node);
    }
    // Keys with escapes are for reading each time: whether they may hold lone surrogates depends on their level.
    let can_return = read.key.is_none_or(|key| !key.escaped);
    let id = steps.learn(from, step, can_return);
    Ok((id, steps.get(id)))
}

/// The array or object around what stands behind a step at `node`, if pointers lead into it.
fn holder(pointers: &Pointers, node: Node, levels: Levels) -> Option<Node> {
    if levels.depth == pointers.depth(node) {
        (levels.depth > 0).then(|| pointers.parent(node))
    } else {
        Some(node).filter(|&node| pointers.is_entered(node))
    }
}

/// The node of what stands behind a step at `node`.
fn node_of(
    pointers: &Pointers,
    node: Node,
    holder: Option<Node>,
    levels: Levels,
    read: &Between,
    key: Option<&[u8]>,
) -> Node {
    let is_behind = levels.depth == pointers.depth(node);
    match (holder, key) {
        // Inside of a value that no pointer leads into; or the line's own has not begun.
        (None, _) => node,
        // Its end is that of the value around.
        (Some(holder), _) if read.kind == Kind::Close => holder,
        (Some(holder), Some(key)) => pointers.member(holder, key),
        (Some(_), None) if is_behind => pointers.next_element(node),
        (Some(holder), None) => pointers.first_element(holder),
    }
}

/// A key without escapes, of which none is a lone surrogate.
fn text_of_key<'a>(line: &Text<'a>, key: json::Key, unescaped: &'a mut String) -> &'a [u8] {
    let name = &line.bytes()[key.from..key.to];
    if !key.escaped {
        return name;
    }
    unescaped.clear();
    unescaped.extend(Quoted::new(std::str::from_utf8(name).expect("quotes stand between characters")).chars());
    unescaped.as_bytes()
}

/// The values of a line that was read.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    line: &'a str,
    unescaped: &'a str,
    found: &'a Found,
}

impl<'a> Values<'a> {
    /// A value as it stands in the line, unless it is `null`. Its first byte tells its type.
    #[inline(always)]
    pub fn raw(&self, slot: Slot) -> Option<&'a [u8]> {
        if self.found.present & slot.bit() == 0 {
            return None;
        }
        let Span { from, to } = self.found.raw[slot.index()];
        Some(&self.line.as_bytes()[from as usize..to as usize]).filter(|raw| raw[0] != b'n')
    }

    /// A string as it stands in the line, if one is there.
    #[inline(always)]
    pub fn quoted(&self, slot: Slot) -> Option<Quoted<'a>> {
        let (from, to) = self.ends(slot);
        self.raw(slot).filter(|raw| raw[0] == b'"').map(|_| Quoted::new(&self.line[from as usize + 1..to as usize - 1]))
    }

    /// A string that is there, without its quotes and escapes. Its slot is one of those whose texts are asked for.
    #[inline(always)]
    pub fn string(&self, slot: Slot) -> &'a str {
        if self.found.escaped & slot.bit() == 0 {
            let Span { from, to } = self.found.raw[slot.index()];
            &self.line[from as usize + 1..to as usize - 1]
        } else {
            let Span { from, to } = self.found.unescaped[slot.index()];
            &self.unescaped[from as usize..to as usize]
        }
    }

    /// The text of a string or number that says something, without the space around it.
    #[inline]
    pub fn word(&self, slot: Slot) -> Option<&'a str> {
        let text = match self.raw(slot)?[0] {
            b'"' => self.string(slot),
            b'-' | b'0'..=b'9' => self.number(slot),
            _ => return None,
        };
        Some(text.trim()).filter(|text| !text.is_empty())
    }

    /// A number that is there, as it stands in the line.
    #[inline]
    pub fn number(&self, slot: Slot) -> &'a str {
        let (from, to) = self.ends(slot);
        &self.line[from as usize..to as usize]
    }

    /// The words of several slots with something between them; nothing if none says anything.
    pub fn join(&self, slots: &[Slot], between: &str, joined: &'a mut String) -> Option<&'a str> {
        let mut words = slots.iter().filter_map(|&slot| self.word(slot));
        let first = words.next()?;
        let Some(second) = words.next() else { return Some(first) };
        joined.clear();
        joined.push_str(first);
        for word in std::iter::once(second).chain(words) {
            joined.push_str(between);
            joined.push_str(word);
        }
        Some(joined)
    }

    /// Where a value that is there begins and ends in the line.
    #[inline(always)]
    pub fn ends(&self, slot: Slot) -> (u32, u32) {
        let Span { from, to } = self.found.raw[slot.index()];
        (from, to)
    }

    /// The rejection of the line for what stands in a slot.
    #[cold]
    #[inline(never)]
    pub fn wrong(&self, field: Field, slot: Slot, reason: Reason) -> Reject {
        let at = if reason == Reason::Missing { 0 } else { self.found.raw[slot.index()].from };
        Reject { field, reason, at }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;
    use serde_json::{Map, Value};

    use super::*;
    use crate::city::Pointer;

    /// Keys that are often met again: at other levels, as positions, with characters that JSON or pointers escape.
    const KEYS: [&str; 9] = ["a", "b", "0", "1", "2", "01", "", "/~\"\\", "é:"];

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a\"\\\\/é😀\n]{0,5}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
                object(inner).prop_map(Value::Object),
            ]
        })
    }

    fn object(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
        let member = (select(&KEYS[..]), value).prop_map(|(key, value)| (key.to_owned(), value));
        prop::collection::vec(member, 0..6).prop_map(Map::from_iter)
    }

    fn pointers() -> impl Strategy<Value = Vec<String>> {
        let token = select(&KEYS[..]).prop_map(|key| key.replace('~', "~0").replace('/', "~1"));
        let pointer = prop::collection::vec(token, 1..4).prop_map(|tokens| format!("/{}", tokens.join("/")));
        prop::collection::vec(pointer, 1..8)
    }

    /// A table of those pointers that go together, and their slots.
    fn table(texts: &[String]) -> (Pointers, Vec<(&str, Slot)>) {
        let (mut table, mut slots) = (Pointers::new(), Vec::new());
        for text in texts {
            let mut with = table.clone();
            if let Ok(slot) = with.add(&Pointer::parse(text).expect("a pointer"), Field::Id) {
                slots.push((text.as_str(), slot));
                table = with;
            }
        }
        (table, slots)
    }

    /// What a reader makes of a line: the value of each slot that is there.
    fn read(reader: &mut Reader<'_>, line: &str, slots: &[(&str, Slot)]) -> Result<Vec<Option<Value>>, Reject> {
        let values = reader.values(line, u64::MAX)?;
        let parse = |slot: Slot| {
            let raw = values.raw(slot)?;
            let value: Value = serde_json::from_slice(raw).expect("a value is JSON");
            if let Value::String(text) = &value {
                assert_eq!(values.string(slot), text);
            }
            Some(value)
        };
        Ok(slots.iter().map(|(_, slot)| parse(*slot)).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// One reader reads several lines, so that what it remembers is often of another.
        #[test]
        fn pointers_name_what_they_name_to_serde_json(
            texts in pointers(),
            lines in prop::collection::vec(object(value()), 1..6),
        ) {
            let (table, slots) = table(&texts);
            let mut used = Reader::new(&table);
            for line in &lines {
                let line = Value::Object(line.clone());
                let expected: Vec<_> =
                    slots.iter().map(|(text, _)| line.pointer(text).filter(|value| !value.is_null()).cloned()).collect();
                for text in [serde_json::to_string(&line), serde_json::to_string_pretty(&line)] {
                    let text = text.expect("JSON");
                    let check = |reader: &mut Reader<'_>, how: &str| {
                        assert_eq!(read(reader, &text, &slots).as_ref(), Ok(&expected), "{how}: {text} {slots:?}");
                    };
                    check(&mut used, "after others");
                    check(&mut used, "once more");
                    check(&mut Reader::new(&table), "alone");
                }
            }
        }

        /// A known key that stands twice is refused there; others may.
        #[test]
        fn known_keys_stand_once(texts in pointers(), line in object(value()), key in select(&KEYS[..]), again in value()) {
            let (table, slots) = table(&texts);
            let text = serde_json::to_string(&line).expect("JSON");
            let member = format!("{}:{again}", serde_json::to_string(key).expect("JSON"));
            let twice = format!("{},{member}}}", text.strip_suffix('}').expect("an object"));
            let is_known = texts.iter().any(|text| {
                let pointer = text[1..].split('/').next().expect("a token").replace("~1", "/").replace("~0", "~");
                pointer == key && slots.iter().any(|(known, _)| known == text)
            });
            if line.contains_key(key) {
                let verdict = read(&mut Reader::new(&table), &twice, &slots).map(|_| ());
                let at = text.len() as u32;
                let repeated = Reject { field: Field::Id, reason: Reason::Repeated, at };
                prop_assert_eq!(verdict, if is_known { Err(repeated) } else { Ok(()) }, "{} of {}", twice, texts.join(" "));
            }
        }
    }
}
