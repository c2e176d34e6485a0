//! The order of a run: where chunks are cut and when they arrive never shows, and a naive oracle that knows all lines at once
//! says the same.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use paidan::city::City;
use paidan::effect::{Digest, Effects};
use paidan::fingerprint::HashKey;
use paidan::ingest::door::Door;
use paidan::ingest::file::FileInput;
use paidan::journal::{Frame, Position};
use paidan::lane::Lane;
use paidan::order::{Decoded, Next, Order, WITNESS_BYTES};
use paidan::record::Input;
use paidan::time::At;
use proptest::prelude::*;

use random::Random;

#[path = "common/random.rs"]
mod random;

const KEY: HashKey = HashKey { k0: 3, k1: 4 };
const START: Position = Position { offset: 0, line: 1, clock: None, sum: 0 };
/// When the data begin.
const T0: i64 = 1_767_225_600_000;
const S: i64 = 1000;
const MIN: i64 = 60 * S;
const HOUR: i64 = 60 * MIN;
/// A time that no clock shows.
const ABSURD: i64 = 9_000_000_000_000_000;

// --- Lines and what a naive reader makes of them -------------------------------------------------------------------------

/// A line of an input.
#[derive(Clone, Debug)]
enum Line {
    /// A report, with its time if it says one, and so many bytes that nobody reads.
    Report { ts: Option<i64>, filler: usize },
    /// Nothing that is accepted.
    Rejected,
}

use Line::Rejected;

const fn at(ts: i64) -> Line {
    Line::Report { ts: Some(ts), filler: 0 }
}

const TIMELESS: Line = Line::Report { ts: None, filler: 0 };

impl Line {
    /// Its text, which no other line of any input has.
    fn text(&self, input: usize, number: usize) -> String {
        match self {
            Rejected => format!("no report {input}-{number}"),
            Self::Report { ts, filler } => {
                let ts = ts.map_or(String::new(), |ts| format!(",\"ts\":{ts}"));
                let filler =
                    if *filler == 0 { String::new() } else { format!(",\"text\":\"{}\"", "x".repeat(*filler)) };
                // Every fifth id was said before.
                let id = number - usize::from(number % 5 == 4);
                let lng = 121.5 + (number % 7) as f64 / 1000.0;
                format!(
                    "{{\"source\":\"12345\",\"id\":\"{input}-{id}\"{ts},\"lng\":{lng},\"lat\":31.2,\"category\":\"06010\"{filler}}}"
                )
            }
        }
    }

    const fn ts(&self) -> Option<i64> {
        match self {
            Self::Report { ts, .. } => *ts,
            Rejected => None,
        }
    }
}

/// Where a line stands: input and number, both counted from 0.
type Place = (usize, usize);

/// Inputs as files, and what is expected of them.
struct Inputs {
    city: Arc<City>,
    paths: Vec<PathBuf>,
    lengths: Vec<u64>,
    lines: Vec<usize>,
    by_text: HashMap<String, Place>,
    /// Every line in its place in the log, with log time behind it.
    order: Vec<(Place, At)>,
    clocks: Vec<Option<At>>,
    _folder: tempfile::TempDir,
}

/// The naive reader of one input: for each line its time for the order; and the clock at its end.
fn judge(lines: &[Line], offsets: &[u64], jump_ms: i64) -> (Vec<i64>, Option<i64>) {
    let (mut clock, mut keys) = (None::<i64>, Vec::new());
    for (nth, line) in lines.iter().enumerate() {
        let key = line.ts().filter(|ts| {
            if clock.is_some_and(|clock| *ts <= clock + jump_ms) {
                return true;
            }
            let near = (nth + 1..lines.len()).take_while(|other| offsets[*other] <= offsets[nth] + WITNESS_BYTES);
            let witnesses: Vec<i64> = near.filter_map(|other| lines[other].ts()).take(64).collect();
            let agree = witnesses.iter().filter(|other| **other + jump_ms >= *ts).count();
            if witnesses.is_empty() { clock.is_none() } else { agree * 2 > witnesses.len() }
        });
        clock = clock.max(key);
        keys.push(key.or(clock).unwrap_or(i64::MIN));
    }
    (keys, clock)
}

/// Always the smallest of what comes next in each input.
fn merge(inputs: &[Vec<Line>], keys: &[Vec<i64>]) -> Vec<(Place, At)> {
    let (mut next, mut order, mut log_time) = (vec![0; inputs.len()], Vec::new(), 0);
    loop {
        let fronts = (0..inputs.len()).filter(|input| next[*input] < inputs[*input].len());
        let Some(first) = fronts.min_by_key(|input| (keys[*input][next[*input]], *input)) else { return order };
        if !matches!(inputs[first][next[first]], Rejected) {
            log_time = log_time.max(keys[first][next[first]]);
        }
        order.push(((first, next[first]), At(log_time)));
        next[first] += 1;
    }
}

impl Inputs {
    fn new(inputs: &[Vec<Line>]) -> Self {
        let city = Arc::new(City::pudong());
        let folder = tempfile::tempdir().expect("a folder");
        let (mut paths, mut lengths, mut by_text) = (Vec::new(), Vec::new(), HashMap::new());
        let (mut keys, mut clocks) = (Vec::new(), Vec::new());
        for (input, lines) in inputs.iter().enumerate() {
            let (mut text, mut offsets) = (String::new(), Vec::new());
            for (number, line) in lines.iter().enumerate() {
                let line = line.text(input, number);
                offsets.push(text.len() as u64);
                text += &line;
                text.push('\n');
                by_text.insert(line, (input, number));
            }
            let path = folder.path().join(format!("{input}.ndjson"));
            std::fs::write(&path, &text).expect("a file");
            let (of_lines, clock) = judge(lines, &offsets, city.jump_ms);
            keys.push(of_lines);
            clocks.push(clock.map(At));
            paths.push(path);
            lengths.push(text.len() as u64);
        }
        let order = merge(inputs, &keys);
        let lines = inputs.iter().map(Vec::len).collect();
        Self { city, paths, lengths, lines, by_text, order, clocks, _folder: folder }
    }
}

// --- The drive -----------------------------------------------------------------------------------------------------------

/// How a run cuts its inputs, and in which order what it reads arrives.
#[derive(Clone, Copy, Debug)]
struct Manner {
    chunk_bytes: usize,
    seed: u64,
}

/// Chunks on their way from the files to the order.
struct Drive {
    files: Vec<FileInput>,
    order: Order,
    /// Read, not yet arrived.
    under_way: Vec<Decoded>,
    /// Arrived before its turn.
    early: Vec<BTreeMap<u64, Box<Decoded>>>,
    next: Vec<u64>,
}

impl Drive {
    fn new(inputs: &Inputs, positions: Vec<Position>, chunk_bytes: usize) -> Self {
        let open = |(path, position): (&PathBuf, &Position)| {
            FileInput::open(path, position.offset, chunk_bytes).expect("a file")
        };
        let files: Vec<FileInput> = inputs.paths.iter().zip(&positions).map(open).collect();
        let mut order = Order::new(positions, inputs.city.jump_ms, chunk_bytes);
        let is_read = |(_, file): &(usize, &FileInput)| file.chunks() == 0;
        files.iter().enumerate().filter(is_read).for_each(|(input, _)| order.end(input));
        let (early, next) = (files.iter().map(|_| BTreeMap::new()).collect(), vec![0; files.len()]);
        Self { files, order, under_way: Vec::new(), early, next }
    }

    fn read(&mut self, input: usize, door: &mut Door<'_>) -> bool {
        let Some(index) = self.files[input].claim(u64::MAX) else { return false };
        let mut decoded = Decoded::default();
        decoded.chunk = self.files[input].read(input as u16, index, &mut decoded.frame).expect("a chunk");
        decoded.filled = door.fill(&decoded.chunk, &mut decoded.frame);
        self.under_way.push(decoded);
        true
    }

    fn arrive(&mut self, nth: usize) {
        let decoded = self.under_way.swap_remove(nth);
        let input = usize::from(decoded.chunk.input);
        self.early[input].insert(decoded.chunk.index, Box::new(decoded));
        while let Some(decoded) = self.early[input].remove(&self.next[input]) {
            self.order.put(decoded);
            self.next[input] += 1;
        }
    }

    fn take(&mut self) -> Option<Frame> {
        let mut batch = Frame::new();
        match self.order.next(&mut batch, drop) {
            Next::Chunk(mut decoded) => Some(std::mem::take(&mut decoded.frame)),
            Next::Gathered => Some(batch),
            Next::Wait => None,
        }
    }
}

/// Orders and decides all that is left of the inputs. Gives the frames.
fn drive(inputs: &Inputs, lane: &mut Lane, positions: Vec<Position>, manner: Manner) -> (Vec<Frame>, Vec<Position>) {
    let (mut drive, mut random) = (Drive::new(inputs, positions, manner.chunk_bytes), Random(manner.seed));
    let mut door = Door::new(&inputs.city, KEY, None);
    let (mut frames, mut effects) = (Vec::new(), Effects::default());
    while !drive.order.is_done() {
        if random.below(3) > 0 || drive.under_way.is_empty() {
            let first = random.below(inputs.paths.len());
            let read = (0..inputs.paths.len()).any(|more| drive.read((first + more) % inputs.paths.len(), &mut door));
            assert!(read || !drive.under_way.is_empty(), "all has arrived, and the order still waits");
        }
        if random.below(2) == 0 && !drive.under_way.is_empty() {
            drive.arrive(random.below(drive.under_way.len()));
        }
        while let Some(mut frame) = drive.take() {
            lane.order_and_decide(&mut frame, drive.order.positions(), &mut effects);
            frames.push(frame);
        }
    }
    (frames, drive.order.positions().to_vec())
}

/// Every line in its place in the log, with log time.
fn order_of(inputs: &Inputs, frames: &[Frame]) -> Vec<(Place, At)> {
    let mut order = Vec::new();
    for frame in frames {
        let view = frame.view();
        for placed in view.records() {
            let record = placed.expect("a frame that was decided can be read").record;
            let body = std::str::from_utf8(view.body(record.origin.body)).expect("a line is text");
            let place = inputs.by_text[body];
            if let Input::Tally(tally) = record.input {
                assert_eq!((usize::from(tally.input), tally.line), (place.0, place.1 as u64 + 1), "{body}");
            }
            order.push((place, record.at));
        }
    }
    order
}

/// Runs the inputs from the beginning and compares with the oracle.
fn run(inputs: &Inputs, manner: Manner) -> (Digest, Vec<Position>, Vec<Frame>) {
    let mut lane = Lane::new(inputs.city.clone());
    let (frames, positions) = drive(inputs, &mut lane, vec![START; inputs.paths.len()], manner);
    let found = order_of(inputs, &frames);
    assert!(found.is_sorted_by_key(|(_, at)| *at), "{manner:?}: log time goes back");
    let differs = found.iter().zip(&inputs.order).position(|(found, expected)| found != expected);
    if let Some(differs) = differs {
        panic!("{manner:?}, record {}: {:?}, expected {:?}", differs + 1, found[differs], inputs.order[differs]);
    }
    assert_eq!(found.len(), inputs.order.len(), "{manner:?}");
    for (input, position) in positions.iter().enumerate() {
        let file = FileInput::open(&inputs.paths[input], 0, 777).expect("a file");
        let sum = file.sum_before(position.offset).expect("a file");
        let line = inputs.lines[input] as u64 + 1;
        let expected = Position { offset: inputs.lengths[input], line, clock: inputs.clocks[input], sum };
        assert_eq!(*position, expected, "{manner:?}, input {input}");
    }
    (lane.digest(), positions, frames)
}

const MANNERS: [Manner; 7] = [
    Manner { chunk_bytes: 1 << 20, seed: 0 },
    Manner { chunk_bytes: 100, seed: 1 },
    Manner { chunk_bytes: 1 << 10, seed: 2 },
    Manner { chunk_bytes: 1 << 10, seed: 3 },
    Manner { chunk_bytes: 5000, seed: 4 },
    Manner { chunk_bytes: 16 << 10, seed: 5 },
    Manner { chunk_bytes: 16 << 10, seed: 6 },
];

/// Runs inputs in every manner: all agree with the oracle and with each other. Gives the inputs for more.
fn check(inputs: &[Vec<Line>]) -> Inputs {
    let inputs = Inputs::new(inputs);
    let (digest, ..) = run(&inputs, MANNERS[0]);
    for manner in &MANNERS[1..] {
        assert_eq!(run(&inputs, *manner).0, digest, "{manner:?}");
    }
    inputs
}

/// `count` lines of which each is 1 s later than the one before, give or take 3 s; some without time, some rejected.
fn steady(count: usize, shift_ms: i64) -> Vec<Line> {
    let line = |nth: usize| match nth % 23 {
        5 | 6 => Rejected,
        9 | 20 => TIMELESS,
        _ => at(T0 + shift_ms + nth as i64 * S + (nth as i64 * 7919 % 7 - 3) * S),
    };
    (0..count).map(line).collect()
}

/// Log time at the end.
fn end(inputs: &Inputs) -> i64 {
    inputs.order.last().map_or(0, |(_, at)| at.0 - T0)
}

// --- One input -----------------------------------------------------------------------------------------------------------

#[test]
fn one_input_keeps_the_order_of_its_lines() {
    let inputs = check(&[steady(600, 0)]);
    assert!(inputs.order.iter().map(|((_, line), _)| *line).eq(0..600));
    assert!((595 * S..605 * S).contains(&end(&inputs)));
}

#[test]
fn an_absurd_time_moves_nobody_wherever_it_stands() {
    for nth in [0, 1, 63, 300, 598, 599] {
        let mut lines = steady(600, 0);
        lines[nth] = at(ABSURD);
        assert!((590 * S..605 * S).contains(&end(&check(&[lines]))), "at line {nth}");
    }
    let mut lines = steady(600, 0);
    lines.iter_mut().step_by(100).for_each(|line| *line = at(ABSURD));
    assert!((590 * S..605 * S).contains(&end(&check(&[lines]))));
}

#[test]
fn a_gap_of_hours_is_believed_at_once() {
    let mut lines = steady(300, 0);
    lines.push(at(T0 + 5 * HOUR));
    lines.extend(steady(200, 5 * HOUR + S));
    let inputs = check(&[lines]);
    assert_eq!(inputs.order[300].1, At(T0 + 5 * HOUR));
}

#[test]
fn a_share_that_runs_ahead_is_believed_once_it_is_the_most() {
    let ahead = |share: usize| {
        let line = |nth: usize| at(T0 + nth as i64 * S + if nth % 5 < share && nth >= 100 { HOUR } else { 0 });
        end(&check(&[(0..600).map(line).collect()]))
    };
    assert_eq!(ahead(2), 599 * S);
    assert_eq!(ahead(3), 597 * S + HOUR);
}

#[test]
fn a_jump_up_to_the_citys_own_needs_no_witness() {
    let jump = City::pudong().jump_ms;
    assert_eq!(end(&check(&[vec![at(T0), at(T0 + jump)]])), jump);
    assert_eq!(end(&check(&[vec![at(T0), at(T0 + jump + 1)]])), 0);
}

#[test]
fn at_the_end_of_an_input_those_who_are_left_are_asked() {
    let cases: [(&[Line], i64); 8] = [
        // Nobody is left: the first time of all is believed, a later jump is not.
        (&[at(T0)], T0),
        (&[at(ABSURD)], ABSURD),
        (&[Rejected, TIMELESS, at(T0), TIMELESS, Rejected], T0),
        (&[at(T0), at(T0 + HOUR)], T0),
        // Half of those who are left are not most of them.
        (&[at(T0), at(T0 + HOUR), at(T0 + HOUR), at(T0 + S)], T0 + S),
        (&[at(T0), at(T0 + HOUR), at(T0 + HOUR), at(T0 + HOUR), at(T0 + S)], T0 + HOUR),
        (&[at(ABSURD), at(T0)], T0),
        (&[TIMELESS, Rejected, TIMELESS], 0),
    ];
    for (lines, expected) in cases {
        let inputs = check(&[lines.to_vec()]);
        assert_eq!(inputs.order[lines.len() - 1].1, At(expected), "{lines:?}");
    }
}

#[test]
fn witnesses_beyond_a_mebibyte_are_not_heard() {
    let filled = |filler: usize| Line::Report { ts: None, filler };
    for (more, believed) in [(0, true), (1, false)] {
        let jump = at(T0 + HOUR);
        let empty = filled(1).text(0, 2).len() as u64;
        let before = jump.text(0, 1).len() as u64 + 1;
        // The witness begins `WITNESS_BYTES + more` bytes behind the jump's line.
        let filler = WITNESS_BYTES + more - before - 2 * empty;
        let half = filler as usize / 2;
        let lines = vec![at(T0), jump, filled(half), filled(filler as usize - half), at(T0 + HOUR)];
        let inputs = Inputs::new(&[lines]);
        // In chunks of the last length the first one ends where a witness that is still heard would begin.
        let until = at(T0).text(0, 0).len() + 1 + WITNESS_BYTES as usize;
        for chunk_bytes in [16 << 10, 100_000, 1 << 20, until] {
            (0..6).for_each(|seed| drop(run(&inputs, Manner { chunk_bytes, seed })));
        }
        assert_eq!(inputs.order[1].1, At(T0 + if believed { HOUR } else { 0 }), "{more} bytes too far");
    }
}

#[test]
fn files_without_lines_end_at_once() {
    assert!(check(&[vec![]]).order.is_empty());
    check(&[vec![], steady(100, 0), vec![]]);
    check(&[vec![], vec![], vec![]]);
}

// --- Three inputs --------------------------------------------------------------------------------------------------------

fn three() -> Vec<Vec<Line>> {
    let mut first = steady(400, 0);
    first[17] = at(ABSURD);
    let mut third = steady(150, -20 * MIN);
    third.extend(steady(150, 3 * HOUR));
    vec![first, steady(500, 90 * S), third]
}

#[test]
fn several_inputs_are_merged_by_time_then_input_then_line() {
    check(&three());
    check(&[steady(300, 0), steady(300, 0), steady(300, 0)]);
    check(&[steady(300, 0), vec![TIMELESS; 50], vec![Rejected; 50]]);
    check(&[steady(200, 10 * HOUR), steady(200, 5 * HOUR), steady(200, 0)]);
}

// --- Taking up again -----------------------------------------------------------------------------------------------------

/// Takes a run up again behind every frame: what is read anew gives what the first run gave.
fn check_taking_up(inputs: &Inputs, first: Manner, second: Manner) {
    let (digest, positions, frames) = run(inputs, first);
    for done in 0..=frames.len() {
        let (mut lane, mut effects) = (Lane::new(inputs.city.clone()), Effects::default());
        let mut from = vec![START; inputs.paths.len()];
        for frame in &frames[..done] {
            lane.replay(&frame.view(), &mut effects).unwrap_or_else(|why| panic!("{why}"));
            from = frame.view().positions().collect();
        }
        for (path, position) in inputs.paths.iter().zip(&from) {
            let file = FileInput::open(path, 0, 777).expect("a file");
            let sum = file.sum_before(position.offset).expect("a file");
            assert_eq!(sum, position.sum, "behind frame {done}: the sum of what was read, {position:?}");
        }
        let (_, end) = drive(inputs, &mut lane, from, second);
        assert_eq!((lane.digest(), end), (digest, positions.clone()), "behind frame {done}, {first:?}, {second:?}");
    }
}

#[test]
fn a_run_taken_up_again_behind_any_frame_ends_as_the_first() {
    let (one, many) = (Manner { chunk_bytes: 3000, seed: 1 }, Manner { chunk_bytes: 1 << 20, seed: 2 });
    for inputs in [vec![steady(300, 0)], three(), vec![vec![], steady(100, 0)]] {
        let inputs = Inputs::new(&inputs);
        check_taking_up(&inputs, one, many);
        check_taking_up(&inputs, one, Manner { chunk_bytes: 1 << 10, seed: 3 });
    }
}

// --- Anything ------------------------------------------------------------------------------------------------------------

fn any_line() -> impl Strategy<Value = Line> {
    prop_oneof![
        12 => (0..20 * S).prop_map(|ts| at(T0 + ts)),
        6 => (0..40 * MIN).prop_map(|ts| at(T0 + ts)),
        3 => (3 * HOUR..3 * HOUR + 20 * MIN).prop_map(|ts| at(T0 + ts)),
        1 => Just(at(ABSURD)),
        2 => Just(TIMELESS),
        2 => Just(Rejected),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_inputs_in_any_manner_are_ordered_as_the_oracle_says(
        inputs in prop::collection::vec(prop::collection::vec(any_line(), 0..120), 1..4),
        manners in prop::collection::vec((60..4000_usize, any::<u64>()), 2),
    ) {
        let inputs = Inputs::new(&inputs);
        let manner = |(chunk_bytes, seed)| Manner { chunk_bytes, seed };
        let (first, second) = (manner(manners[0]), manner(manners[1]));
        prop_assert_eq!(run(&inputs, first).0, run(&inputs, second).0);
        check_taking_up(&inputs, Manner { chunk_bytes: 2000, ..first }, second);
    }
}
