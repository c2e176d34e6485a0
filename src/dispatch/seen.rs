//! Exact dedup: has this source said this before?
//!
//! Each dedup window of the city has its own sets of fingerprints, one for each slice of the window's length. A look-up reads
//! one slice where windows are aligned, three where they slide; a slice that no report can match any more is dropped whole.
//! Nothing is compared by its text, so the odds of a false "duplicate" are those of two equal 128-bit keyed hashes among the
//! ids of a window (see [`crate::fingerprint`]); "conflict" compares 16 bits of the bodies' hashes and misses one in 65,536.

use std::cmp::Ordering;
use std::collections::VecDeque;

use super::sieve::Sieve;
use super::state::{Corrupt, In, Out};
use super::table::{Place, Slot, Table};
use crate::fingerprint::Fingerprint;
use crate::ids::{CaseId, Seq};
use crate::time::{At, Window, WindowKind};

/// The answer to a report: the first of its kind, said before, or too late to tell.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Seen {
    /// Nobody said it before. The ticket takes the case that it becomes part of.
    Unique(Ticket),
    /// The record `of` said it before.
    Duplicate { of: Seq, case: CaseId, conflict: bool },
    /// The window in which it could be compared has passed by so many milliseconds.
    Expired { late_ms: i64 },
}

/// Where a first report was noted; good until the next call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ticket {
    family: u8,
    /// Position among the generations, or [`STRAY`].
    generation: u32,
    place: Place,
}

/// Most slices that a report is looked for in.
pub(super) const SLICES_MAX: usize = 3;
/// Bytes that an encoded id takes.
pub(super) const ENTRY_BYTES: usize = 32;

const STRAY: u32 = u32::MAX;
/// Most reports kept that claim a time far ahead of the log.
const STRAYS_MAX: usize = 65_536;

/// One fingerprint, in half a cache line.
#[derive(Clone, Copy, PartialEq, Debug)]
#[repr(align(32))]
pub(super) struct Entry {
    print: Fingerprint,
    /// 48 bits of the record's number, 16 bits of the body's hash. Zero: nothing here.
    seq_body: u64,
    /// How many records before this one its case was opened; the largest value: too long ago, or no case.
    case_back: u32,
    /// Event time within the slice in milliseconds.
    time: u32,
}

impl Slot for Entry {
    const EMPTY: Self = Self { print: Fingerprint { lo: 0, hi: 0 }, seq_body: 0, case_back: 0, time: 0 };

    #[inline]
    fn is_empty(&self) -> bool {
        self.seq_body == 0
    }

    #[inline]
    fn home(&self) -> u32 {
        self.print.lo as u32
    }
}

impl Entry {
    #[inline]
    fn new(print: Fingerprint, seq: Seq, body_hash: u64, time: u32) -> Self {
        Self { print, seq_body: seq.0 << 16 | u64::from(body_hash as u16), case_back: u32::MAX, time }
    }

    #[inline]
    const fn seq(&self) -> Seq {
        Seq(self.seq_body >> 16)
    }

    #[inline]
    fn answer(&self, body_hash: u64) -> Seen {
        let of = self.seq();
        let case = if self.case_back == u32::MAX { CaseId::NONE } else { CaseId(of.0 - u64::from(self.case_back)) };
        Seen::Duplicate { of, case, conflict: self.seq_body as u16 != body_hash as u16 }
    }

    #[inline]
    fn join(&mut self, case: CaseId) {
        self.case_back = u32::try_from(self.seq().0 - case.0).unwrap_or(u32::MAX);
    }
}

/// The top bits choose the shard; the entry's home takes the low ones.
#[inline]
const fn shard(print: Fingerprint) -> u8 {
    (print.lo >> 56) as u8
}

/// A report that claims a time far ahead of the log: few, so kept apart with their whole time.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Stray {
    entry: Entry,
    time: At,
}

impl Slot for Stray {
    const EMPTY: Self = Self { entry: Entry::EMPTY, time: At(0) };

    fn is_empty(&self) -> bool {
        self.entry.is_empty()
    }

    fn home(&self) -> u32 {
        self.entry.home()
    }
}

/// The fingerprints of one slice of event time.
struct Generation {
    slice: i64,
    entries: Table<Entry>,
}

/// The sets of one window.
struct Family {
    window: Window,
    /// Ascending by slice.
    generations: VecDeque<Generation>,
    strays: Table<Stray>,
    /// Which reports need not be looked for among the strays.
    sieve: Sieve,
    /// Emptied tables, to be used again.
    spare: Vec<Table<Entry>>,
}

/// Everything that was said within the city's dedup windows.
pub(super) struct SeenSet {
    families: Vec<Family>,
    ids: usize,
    ids_max: usize,
}

impl SeenSet {
    pub(super) fn new(windows: &[Window], ids_max: u32) -> Self {
        let family = |window: &Window| Family {
            window: *window,
            generations: VecDeque::new(),
            strays: Table::new(),
            sieve: Sieve::default(),
            spare: Vec::new(),
        };
        Self { families: windows.iter().map(family).collect(), ids: 0, ids_max: ids_max as usize }
    }

    /// Notes a report, or recognises it. `time` is its event time, `at` log time.
    #[inline]
    pub(super) fn admit(&mut self, family: u8, print: Fingerprint, time: At, at: At, seq: Seq, body_hash: u64) -> Seen {
        let set = &mut self.families[usize::from(family)];
        self.ids -= set.drop_past(at);
        if let Some(answer) = set.answer(print, time, at, body_hash, 0) {
            return answer;
        }
        let (generation, place) = match set.slices_ahead(time, at) {
            0 => set.note(print, time, seq, body_hash, self.ids_max.saturating_sub(self.ids)),
            // A slice that the log has not reached grows as it is filled: few clocks are that far ahead.
            1 => set.note(print, time, seq, body_hash, 0),
            // No clock goes wrong so far by a little.
            _ => {
                self.ids -= set.room_for_stray();
                (STRAY, set.note_stray(Stray { entry: Entry::new(print, seq, body_hash, 0), time }))
            }
        };
        self.ids += 1;
        Seen::Unique(Ticket { family, generation, place })
    }

    /// What [`SeenSet::admit`] would answer, nothing for a first report.
    pub(super) fn recognise(&self, family: u8, print: Fingerprint, time: At, at: At, body_hash: u64) -> Option<Seen> {
        let set = &self.families[usize::from(family)];
        set.answer(print, time, at, body_hash, set.past(at))
    }

    /// Remembers which case a first report became part of.
    #[inline]
    pub(super) fn settle(&mut self, ticket: Ticket, case: CaseId) {
        let set = &mut self.families[usize::from(ticket.family)];
        match ticket.generation {
            STRAY => set.strays.get_mut(ticket.place).entry.join(case),
            generation => set.generations[generation as usize].entries.get_mut(ticket.place).join(case),
        }
    }

    /// The entries among which a report will be looked for: those of its own slice, and of the ones beside it where windows
    /// slide.
    #[inline]
    pub(super) fn places_of(
        &self,
        family: u8,
        print: Fingerprint,
        time: At,
    ) -> impl Iterator<Item = &[Entry]> + use<'_> {
        let set = &self.families[usize::from(family)];
        let slice = set.window.slice(time);
        let reach = match set.window.kind {
            WindowKind::Aligned => 0,
            WindowKind::Sliding => 1,
        };
        let beside = slice.saturating_sub(reach)..=slice.saturating_add(reach);
        let generations = set.generations.iter().rev();
        generations
            .filter(move |generation| beside.contains(&generation.slice))
            .map(move |generation| generation.entries.first_places(shard(print), print.lo as u32))
    }

    /// Reads the two cache lines in which a search nearly always ends.
    #[inline]
    pub(super) fn touch(entries: &[Entry]) -> u32 {
        let read = |index: usize| entries.get(index).map_or(0, |entry| entry.time);
        read(0) ^ read(2)
    }

    /// Number of ids remembered.
    pub(super) const fn len(&self) -> usize {
        self.ids
    }

    /// If the bound is passed, forgets the oldest slice of the window that holds most, and says how many ids that was.
    #[inline]
    pub(super) fn keep_bound(&mut self) -> Option<u64> {
        if self.len() <= self.ids_max { None } else { Some(self.forget_oldest()) }
    }

    #[cold]
    #[inline(never)]
    fn forget_oldest(&mut self) -> u64 {
        let most = self.families.iter_mut().max_by_key(|family| family.len()).expect("a city has sources, so windows");
        let strays = most.clear_strays();
        let dropped = most.generations.pop_front().map_or(0, |generation| most.recycle(generation));
        self.ids -= strays + dropped;
        (strays + dropped) as u64
    }
}

impl Family {
    fn len(&self) -> usize {
        self.strays.len() + self.generations.iter().map(|generation| generation.entries.len()).sum::<usize>()
    }

    /// Drops the slices that no report can match any more: those whose last moment is past. Gives how many ids that was.
    #[inline]
    fn drop_past(&mut self, at: At) -> usize {
        let mut dropped = 0;
        for _ in 0..self.past(at) {
            let past = self.generations.pop_front().expect("it was there");
            dropped += self.recycle(past);
        }
        dropped
    }

    /// How many slices, the oldest ones, no report can match any more.
    #[inline]
    fn past(&self, at: At) -> usize {
        let is_past = |generation: &&Generation| {
            let end = generation.slice.saturating_add(1).saturating_mul(self.window.len_ms);
            self.window.is_past(At(end.saturating_sub(1)), at)
        };
        self.generations.iter().take_while(is_past).count()
    }

    /// Too late, or said before, as far as the slices from position `from` on know.
    #[inline]
    fn answer(&self, print: Fingerprint, time: At, at: At, body_hash: u64, from: usize) -> Option<Seen> {
        if self.window.is_past(time, at) {
            return Some(Seen::Expired { late_ms: at.0.saturating_sub(self.window.until(time).0) });
        }
        self.find(print, time, from).map(|entry| entry.answer(body_hash))
    }

    #[cold]
    #[inline(never)]
    fn recycle(&mut self, mut past: Generation) -> usize {
        let ids = past.entries.len();
        past.entries.clear();
        self.spare.push(past.entries);
        ids
    }

    /// The first report of the same window, in the slices from position `from` on.
    #[inline]
    fn find(&self, print: Fingerprint, time: At, from: usize) -> Option<Entry> {
        let slice = self.window.slice(time);
        let found = match self.window.kind {
            WindowKind::Aligned => self.find_in(slice, print, from, |_| true),
            WindowKind::Sliding => [slice, slice - 1, slice + 1].into_iter().find_map(|near| {
                let start = At(near.saturating_mul(self.window.len_ms));
                let within = |entry: &Entry| self.window.joins(start.plus(i64::from(entry.time)), time);
                self.find_in(near, print, from, within)
            }),
        };
        found.or_else(|| if self.sieve.may_hold(print) { self.find_stray(print, time) } else { None })
    }

    #[inline]
    fn find_in(&self, slice: i64, print: Fingerprint, from: usize, within: impl Fn(&Entry) -> bool) -> Option<Entry> {
        let position = self.generation(slice).ok().filter(|position| *position >= from)?;
        let entries = &self.generations[position].entries;
        let is_it = |entry: &Entry| entry.print == print && within(entry);
        let place = entries.find(shard(print), print.lo as u32, is_it)?;
        Some(*entries.get(place))
    }

    /// Position of a slice, or where it would stand. The newest ones are asked for most.
    #[inline]
    fn generation(&self, slice: i64) -> Result<usize, usize> {
        for (index, generation) in self.generations.iter().enumerate().rev() {
            match generation.slice.cmp(&slice) {
                Ordering::Equal => return Ok(index),
                Ordering::Less => return Err(index + 1),
                Ordering::Greater => {}
            }
        }
        Err(0)
    }

    /// How many slices a time is ahead of the log.
    #[inline]
    fn slices_ahead(&self, time: At, at: At) -> i64 {
        if time <= at { 0 } else { self.window.slice(time).saturating_sub(self.window.slice(at)) }
    }

    #[cold]
    fn find_stray(&self, print: Fingerprint, time: At) -> Option<Entry> {
        let is_it = |stray: &Stray| stray.entry.print == print && self.window.joins(stray.time, time);
        let place = self.strays.find(shard(print), print.lo as u32, is_it)?;
        Some(self.strays.get(place).entry)
    }

    #[inline]
    fn note(&mut self, print: Fingerprint, time: At, seq: Seq, body_hash: u64, room: usize) -> (u32, Place) {
        let slice = self.window.slice(time);
        let index = self.generation(slice).unwrap_or_else(|index| self.begin(index, slice, room));
        let within = time.0 - slice * self.window.len_ms;
        let entry = Entry::new(print, seq, body_hash, within as u32);
        (index as u32, self.generations[index].entries.insert(shard(print), entry))
    }

    /// A slice in which nothing was said yet: with room for as much as the one before it holds, if so much may come.
    #[cold]
    #[inline(never)]
    fn begin(&mut self, index: usize, slice: i64, room: usize) -> usize {
        let before = index.checked_sub(1).map_or(0, |before| self.generations[before].entries.len());
        let entries = self.spare.pop().unwrap_or_else(|| Table::with_room(before.min(room)));
        self.generations.insert(index, Generation { slice, entries });
        index
    }

    fn note_stray(&mut self, stray: Stray) -> Place {
        let print = stray.entry.print;
        self.sieve.note(print);
        self.strays.insert(shard(print), stray)
    }

    /// Strays are bounded by themselves: whoever sends ever new absurd times pushes out only others of that kind. Gives how
    /// many were.
    #[cold]
    fn room_for_stray(&mut self) -> usize {
        if self.strays.len() >= STRAYS_MAX { self.clear_strays() } else { 0 }
    }

    fn clear_strays(&mut self) -> usize {
        let strays = self.strays.len();
        self.strays.clear();
        self.sieve.clear();
        strays
    }
}

impl Entry {
    fn encode(&self, out: &mut Out) {
        out.u64(self.print.lo);
        out.u64(self.print.hi);
        out.u64(self.seq_body);
        out.u32(self.case_back);
        out.u32(self.time);
    }

    fn decode(input: &mut In<'_>) -> Result<Self, Corrupt> {
        let print = Fingerprint { lo: input.u64()?, hi: input.u64()? };
        Ok(Self { print, seq_body: input.u64()?, case_back: input.u32()?, time: input.u32()? })
    }
}

impl SeenSet {
    /// Writes the sets, each in the order of its records: the same contents give the same bytes.
    pub(super) fn encode(&self, out: &mut Out) {
        for family in &self.families {
            out.u64(family.generations.len() as u64);
            for generation in &family.generations {
                out.i64(generation.slice);
                // Copied, not pointed to: sorting would else fetch each from far away, again and again.
                let mut entries = Vec::with_capacity(generation.entries.len());
                entries.extend(generation.entries.iter().copied());
                entries.sort_unstable_by_key(|entry: &Entry| entry.seq_body);
                out.list(&entries, |out, entry| entry.encode(out));
            }
            let mut strays: Vec<&Stray> = family.strays.iter().collect();
            strays.sort_unstable_by_key(|stray| stray.entry.seq_body);
            out.list(&strays, |out, stray| {
                stray.entry.encode(out);
                out.i64(stray.time.0);
            });
        }
    }

    /// Reads what [`SeenSet::encode`] wrote for the same windows.
    pub(super) fn decode(windows: &[Window], ids_max: u32, input: &mut In<'_>) -> Result<Self, Corrupt> {
        let mut set = Self::new(windows, ids_max);
        for family in &mut set.families {
            for _ in 0..input.u64()? {
                let (slice, said) = (input.i64()?, input.u64()?);
                let entries = Table::with_room(input.room(said, ENTRY_BYTES));
                let mut generation = Generation { slice, entries };
                for _ in 0..said {
                    let entry = Entry::decode(input)?;
                    generation.entries.insert(shard(entry.print), entry);
                }
                family.generations.push_back(generation);
            }
            for _ in 0..input.u64()? {
                let stray = Stray { entry: Entry::decode(input)?, time: At(input.i64()?) };
                family.note_stray(stray);
            }
        }
        set.ids = set.families.iter().map(Family::len).sum();
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: i64 = 60_000;
    const ALIGNED: Window = Window { kind: WindowKind::Aligned, len_ms: 10 * MIN, grace_ms: MIN };
    const SLIDING: Window = Window { kind: WindowKind::Sliding, len_ms: 10 * MIN, grace_ms: MIN };

    fn print(id: u64) -> Fingerprint {
        crate::fingerprint::HashKey { k0: 1, k1: 2 }.fingerprint(b"s", &id.to_le_bytes())
    }

    /// What each (id, event minute, log minute) is told: `None` for unique, `Some(n)` for a duplicate of the n-th, -1 for expired.
    fn check(window: Window, said: &[(u64, i64, i64)], expect: &[Option<i64>]) {
        let mut set = SeenSet::new(&[window], 1000);
        let answers: Vec<_> = said
            .iter()
            .enumerate()
            .map(|(index, &(id, time, at))| {
                let seq = Seq(index as u64 + 1);
                match set.admit(0, print(id), At(time * MIN), At(at * MIN), seq, 0) {
                    Seen::Unique(ticket) => {
                        set.settle(ticket, CaseId(seq.0));
                        None
                    }
                    Seen::Duplicate { of, case, conflict } => {
                        assert!(case.0 == of.0 && !conflict);
                        Some(of.0 as i64 - 1)
                    }
                    Seen::Expired { late_ms } => {
                        assert!(late_ms > 0);
                        Some(-1)
                    }
                }
            })
            .collect();
        assert_eq!(answers, expect, "{window:?} {said:?}");
    }

    #[test]
    fn aligned_windows_compare_within_their_slice() {
        check(ALIGNED, &[(1, 0, 0), (1, 9, 9), (1, 10, 10)], &[None, Some(0), None]);
        check(ALIGNED, &[(1, 9, 9), (2, 11, 11), (1, 9, 11)], &[None, None, Some(0)]);
        // The slice and its grace have passed: too late to tell, whatever is still in memory.
        check(ALIGNED, &[(1, 9, 9), (1, 9, 12)], &[None, Some(-1)]);
        check(ALIGNED, &[(1, 9, 12)], &[Some(-1)]);
    }

    #[test]
    fn sliding_windows_compare_across_slices() {
        check(SLIDING, &[(1, 5, 5), (1, 15, 15), (1, 16, 16)], &[None, Some(0), None]);
        check(SLIDING, &[(1, 15, 15), (1, 5, 15)], &[None, Some(0)]);
        check(SLIDING, &[(1, 19, 19), (1, 29, 29), (1, 17, 29)], &[None, Some(0), Some(-1)]);
    }

    #[test]
    fn times_that_the_log_has_not_reached_are_kept_apart() {
        const FAR: i64 = 150_000_000_000;
        check(ALIGNED, &[(1, FAR, 0), (1, FAR, 0), (1, 0, 0), (1, FAR + 10, 0)], &[None, Some(0), None, None]);
        // Once the log gets there, they are still found.
        check(SLIDING, &[(1, 30, 0), (1, 30, 30), (1, 31, 31)], &[None, Some(0), Some(0)]);
    }

    /// Half of all clocks go a little ahead of the log's: what they say is remembered as long as anything else.
    #[test]
    fn what_comes_a_little_early_is_not_forgotten_for_what_comes_after() {
        for window in [ALIGNED, SLIDING] {
            let mut set = SeenSet::new(&[window], u32::MAX);
            let many = STRAYS_MAX as u64 * 2;
            let say = |set: &mut SeenSet, n: u64, early: i64| {
                let at = At(n as i64);
                set.admit(0, print(n % many), at.plus(early), at, Seq(n + 1), 0)
            };
            for n in 0..many {
                assert!(matches!(say(&mut set, n, (n % 4) as i64 * MIN), Seen::Unique(_)));
            }
            let early = |n: u64| (n % 4) as i64 * MIN - many as i64;
            let again = (many..2 * many).filter(|n| matches!(say(&mut set, *n, early(*n)), Seen::Duplicate { .. }));
            assert_eq!(again.count() as u64, many, "{window:?}");
        }
    }

    #[test]
    fn another_body_under_the_same_id_is_a_conflict() {
        let mut set = SeenSet::new(&[ALIGNED], 1000);
        assert!(matches!(set.admit(0, print(1), At(0), At(0), Seq(1), 7), Seen::Unique(_)));
        for (body, expect) in [(7, false), (8, true)] {
            let answer = set.admit(0, print(1), At(0), At(0), Seq(2), body);
            assert_eq!(answer, Seen::Duplicate { of: Seq(1), case: CaseId::NONE, conflict: expect });
        }
    }

    #[test]
    fn the_bound_drops_the_oldest_slice_and_says_how_much() {
        let mut set = SeenSet::new(&[SLIDING], 1000);
        let mut forgotten = 0;
        for n in 0..5000_u64 {
            let at = At(n as i64 * 1000);
            assert!(matches!(set.admit(0, print(n), at, at, Seq(n + 1), 0), Seen::Unique(_)));
            forgotten += set.keep_bound().unwrap_or(0);
            assert!(set.len() <= 1000);
        }
        assert!(forgotten > 0);
        let mut strays = SeenSet::new(&[ALIGNED], u32::MAX);
        for n in 0..STRAYS_MAX as u64 + 10 {
            strays.admit(0, print(n), At(i64::MAX - n as i64 * 20 * MIN), At(0), Seq(n + 1), 0);
        }
        assert!(strays.len() <= STRAYS_MAX);
    }

    #[test]
    fn quiet_windows_shrink_when_anything_is_said() {
        let mut set = SeenSet::new(&[ALIGNED], 1_000_000);
        for n in 0..1000 {
            set.admit(0, print(n), At(0), At(0), Seq(n + 1), 0);
        }
        set.admit(0, print(5000), At(60 * MIN), At(60 * MIN), Seq(2000), 0);
        assert_eq!(set.len(), 1);
    }

    #[test]
    fn encoding_is_canonical_and_complete() {
        let mut set = SeenSet::new(&[ALIGNED, SLIDING], 1000);
        for n in 0..300 {
            let time = At(n as i64 * 10_000);
            set.admit((n % 2) as u8, print(n), time, time, Seq(n + 1), n);
        }
        set.admit(0, print(9999), At(i64::MAX), At(3_000_000), Seq(999), 0);
        let encoded = |set: &SeenSet| {
            let mut out = Out::default();
            set.encode(&mut out);
            out.into_bytes()
        };
        let bytes = encoded(&set);
        let again = SeenSet::decode(&[ALIGNED, SLIDING], 1000, &mut In::new(&bytes)).expect("own bytes");
        assert_eq!(encoded(&again), bytes);
        for cut in 0..bytes.len() {
            assert!(SeenSet::decode(&[ALIGNED, SLIDING], 1000, &mut In::new(&bytes[..cut])).is_err());
        }
    }
}
