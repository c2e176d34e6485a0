//! A text as it is compared: one spelling for what people take for the same.
//!
//! Compatibility forms become plain ones (NFKC: full-width letters, circled numbers, squared units), digits ASCII, letters lower-case,
//! traditional characters simplified ones, and runs of space one space, or none beside a Chinese character. Characters are
//! handed on one by one: there is no buffer, and nothing to allocate.
//!
//! Nearly all characters stand for themselves and are told by their range. Only around one that may not is the Unicode
//! algorithm asked, as far as the next plain character: in front of those every normalisation form has a boundary.

use std::iter::FusedIterator;

use unicode_normalization::UnicodeNormalization;

/// The first of the unified ideographs that have a place in [`SIMPLIFIED`].
const HAN_FIRST: u32 = 0x4E00;
/// The last of them.
const HAN_LAST: u32 = 0x9FFF;
const HAN_COUNT: usize = (HAN_LAST - HAN_FIRST + 1) as usize;

/// Each ideograph's simplified form, or itself. The pairs are those of which Unicode's variants and OpenCC's character table say that
/// one simplified character stands for the traditional one, whatever the word.
static SIMPLIFIED: [u16; HAN_COUNT] = simplified(include_str!("simplified.txt").as_bytes());

const fn simplified(pairs: &[u8]) -> [u16; HAN_COUNT] {
    const fn han(bytes: &[u8], at: usize) -> u16 {
        let (a, b, c) = (bytes[at] as u16, bytes[at + 1] as u16, bytes[at + 2] as u16);
        (a & 0x0F) << 12 | (b & 0x3F) << 6 | (c & 0x3F)
    }
    let mut table = [0; HAN_COUNT];
    let mut at = 0;
    while at < HAN_COUNT {
        table[at] = HAN_FIRST as u16 + at as u16;
        at += 1;
    }
    // A pair is two characters of three bytes, and a space or the end of the line.
    let mut at = 0;
    while at < pairs.len() {
        table[han(pairs, at) as usize - HAN_FIRST as usize] = han(pairs, at + 3);
        at += 7;
    }
    table
}

/// Hands on the characters of a text as they are compared.
#[inline]
pub fn normalise(mut chars: impl FusedIterator<Item = char>, sink: impl FnMut(char)) {
    let mut out = Spaced { sink, last: '\0', is_gap: false };
    // A plain character waits for the next one, which may be a mark that belongs to it; but none belongs to an ideograph.
    let mut held: Held = None;
    while let Some(c) = chars.next() {
        if let Some(simple) = simplified_han(c) {
            if let Some((_, before)) = held.take() {
                out.push(before);
            }
            out.push_han(simple);
            continue;
        }
        match plain(c) {
            Some(folded) => {
                if let Some((_, before)) = held.replace((c, folded)) {
                    out.push(before);
                }
            }
            // What goes there and comes back by value stays in registers here.
            None => (chars, out, held) = odd_run(held.map(|(before, _)| before), c, chars, out),
        }
    }
    if let Some((_, last)) = held {
        out.push(last);
    }
}

/// The simplified form of an ideograph.
#[inline(always)]
fn simplified_han(c: char) -> Option<char> {
    let simple = SIMPLIFIED.get(u32::from(c).wrapping_sub(HAN_FIRST) as usize)?;
    char::from_u32(u32::from(*simple))
}

/// The folded form of a character that is plain: no normalisation form changes it otherwise, whatever stands before it.
#[inline]
fn plain(c: char) -> Option<char> {
    match c {
        '\u{4E00}'..='\u{9FFF}' => simplified_han(c),
        ' '..='~' => Some(c.to_ascii_lowercase()),
        // Full-width ASCII.
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).map(|c| c.to_ascii_lowercase()),
        '\t' | '\n' | '\r' | '\u{3000}' => Some(' '),
        // 、。〃 〈〉《》「」『』【】 — ‘’ “” ·
        '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' | '\u{2014}' | '\u{2018}'..='\u{201D}' | '\u{B7}' => Some(c),
        _ => None,
    }
}

/// A plain character that waits, as it stands and as it is compared.
type Held = Option<(char, char)>;

/// Normalises from a character that is not plain up to the next that is, and gives the latter back. `before` is the plain
/// character in front, if one waits.
#[cold]
#[inline(never)]
fn odd_run<I: FusedIterator<Item = char>, S: FnMut(char)>(
    before: Option<char>,
    odd: char,
    mut chars: I,
    mut out: Spaced<S>,
) -> (I, Spaced<S>, Held) {
    let mut next = None;
    let rest = std::iter::from_fn(|| {
        let c = chars.next()?;
        next = plain(c).map(|folded| (c, folded));
        next.is_none().then_some(c)
    });
    let run = before.into_iter().chain([odd]).chain(rest.fuse()).filter(|c| !is_invisible(*c));
    run.nfkc().flat_map(folded).nfkc().for_each(|c| out.push(c));
    (chars, out, next)
}

/// A character of a normalised run, folded.
fn folded(c: char) -> impl Iterator<Item = char> {
    let blank = c.is_whitespace() || c.is_control();
    let one = if blank { Some(' ') } else { plain(c) };
    one.into_iter().chain(one.is_none().then(|| c.to_lowercase()).into_iter().flatten())
}

/// What is not seen, and stands where somebody wants a word not to be found, or where a program left it.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E0FFF}'
    )
}

/// Hands on characters with runs of spaces made one, and with none at the ends or beside an ideograph.
struct Spaced<S> {
    sink: S,
    last: char,
    is_gap: bool,
}

impl<S: FnMut(char)> Spaced<S> {
    #[inline(always)]
    fn push_han(&mut self, c: char) {
        self.is_gap = false;
        self.last = c;
        (self.sink)(c);
    }

    #[inline]
    fn push(&mut self, c: char) {
        if c == ' ' {
            self.is_gap = true;
            return;
        }
        if self.is_gap && self.last != '\0' && !is_han(self.last) && !is_han(c) {
            (self.sink)(' ');
        }
        self.is_gap = false;
        self.last = c;
        (self.sink)(c);
    }
}

const fn is_han(c: char) -> bool {
    matches!(c as u32, HAN_FIRST..=HAN_LAST)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn normal(text: &str) -> String {
        let mut out = String::new();
        normalise(text.chars(), |c| out.push(c));
        out
    }

    #[test]
    fn what_people_take_for_the_same_is_spelt_the_same() {
        let cases = [
            ("", ""),
            ("祖冲之路积水", "祖冲之路积水"),
            ("祖沖之路積水，請處理！", "祖冲之路积水,请处理!"),
            ("Ｋ１２号 ＡＴＭ", "k12号atm"),
            ("①②③ ㎡ ℃ ㏄", "123 m2 °c cc"),
            ("  路 灯\u{3000}\n不 亮  ", "路灯不亮"),
            ("hello   World", "hello world"),
            ("张江 road  3 号", "张江road 3号"),
            ("漏\u{200B}水\u{FEFF}", "漏水"),
            ("Cafe\u{301}", "caf\u{e9}"),
            ("e\u{200B}\u{301}", "\u{e9}"),
            ("……", "......"),
            ("カ\u{3099}ス", "ガス"),
            ("ﾊﾟｲﾌﾟ", "パイプ"),
            ("ÀÉ", "àé"),
            ("\u{F900}", "岂"),
            ("水\0管", "水管"),
        ];
        for (text, expected) in cases {
            assert_eq!(normal(text), expected, "{text:?}");
        }
    }

    #[test]
    fn the_table_is_whole_and_leads_nowhere_twice() {
        let pairs = include_str!("simplified.txt");
        assert!(pairs.split_ascii_whitespace().all(|pair| pair.chars().count() == 2 && pair.chars().all(is_han)));
        assert_eq!(pairs.split_ascii_whitespace().count() * 7, pairs.len());
        let to = |c: char| plain(c).expect("an ideograph");
        for pair in pairs.split_ascii_whitespace() {
            let (from, into) = (pair.chars().next().expect("two"), pair.chars().nth(1).expect("two"));
            assert_eq!((to(from), to(into)), (into, into), "{pair}");
        }
    }

    #[test]
    fn plain_characters_are_those_that_unicode_leaves_alone() {
        for c in ('\0'..=char::MAX).filter(|c| plain(*c).is_some()) {
            let (alone, folded): (String, _) = ([c].into_iter().nfkc().collect(), plain(c).expect("plain"));
            let blank = c.is_whitespace() || c.is_control();
            let same = alone.chars().flat_map(super::folded).eq([folded]);
            assert!(same && (blank || unicode_normalization::char::canonical_combining_class(c) == 0), "{c:?}");
            // Nothing before it composes with it.
            let quick = unicode_normalization::is_nfc_quick([c].into_iter());
            assert_eq!(quick, unicode_normalization::IsNormalized::Yes, "{c:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_normal_stays_so(text in any::<String>()) {
            let once = normal(&text);
            prop_assert_eq!(&normal(&once), &once);
        }

        #[test]
        fn also_where_it_is_odd(
            text in proptest::collection::vec(
                prop_oneof![
                    Just(' '), Just('e'), Just('水'), Just('\u{301}'), Just('\u{345}'), Just('\u{323}'), Just('\u{A8}'), Just('\u{130}'),
                    Just('\u{3099}'), Just('カ'), Just('\u{FF76}'), Just('\u{200B}'), Just('\u{1100}'), Just('\u{1161}'), Just('\u{11A8}'),
                    Just('\u{2026}'), Just('１'), Just('①'), Just('臺'), Just('\u{2F800}'), Just('\u{1E9E}'), any::<char>(),
                ],
                0..12,
            )
        ) {
            let text: String = text.into_iter().collect();
            let once = normal(&text);
            prop_assert_eq!(normal(&once), once);
        }
    }
}
