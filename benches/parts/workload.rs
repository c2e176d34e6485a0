//! What most benches work on: 20,000 lines of the bench job in memory, and the city that they belong to.

use std::sync::Arc;

use paidan::city::City;
use paidan::fingerprint::HashKey;
use paidan::ingest::door::Door;
use paidan::ingest::input::Chunk;
use paidan::journal::frame::Frame;

use crate::cities::bench_city;

/// Lines of the workload.
pub const LINES: u64 = 20_000;
/// The same on every machine and in every run, so that counts are, too.
pub const KEY: HashKey = HashKey { k0: 1, k1: 2 };

/// Lines of the bench job, and their city.
pub struct Workload {
    /// The bench city.
    pub city: Arc<City>,
    /// The lines.
    pub text: Vec<u8>,
}

impl Workload {
    /// The same lines every time.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("bench.ndjson");
        loadtest::r#gen::run(LINES, &file, 1).expect("a bench file");
        Self { city: bench_city(&[]), text: std::fs::read(&file).expect("the bench file") }
    }

    /// A closed frame of the first lines, whose records stand at their own times.
    pub fn understood(&self, lines: u64) -> Frame {
        let each = self.text.split_inclusive(|byte| *byte == b'\n');
        let text = &self.text[..each.take(lines as usize).map(<[u8]>::len).sum()];
        let mut frame = Frame::new();
        let chunk = read(text, &mut frame);
        assert_eq!(Door::new(&self.city, KEY, None).fill(&chunk, &mut frame).lines, lines);
        for record in 0..frame.records() {
            let time = frame.event_time(record).expect("bench reports have a time");
            frame.set_stamp(record, time);
        }
        frame
    }
}

/// Some lines, as if they had just been read into a frame as the whole of an input.
pub fn read(text: &[u8], frame: &mut Frame) -> Chunk {
    frame.clear();
    frame.push_body(text);
    Chunk { lines: 0..text.len(), end: text.len() as u64, last: true, ..Chunk::default() }
}
