//! A town's day in small, as sources and departments tell it.

use serde_json::{Value, json};

use crate::random::Random;
use crate::service::Service;

/// Where much happens: longitude, latitude.
const CENTRES: [(f64, f64); 7] = [
    (121.512, 31.238),
    (121.535, 31.212),
    (121.598, 31.205),
    (121.563, 31.268),
    (121.655, 31.195),
    (121.757, 31.052),
    (121.905, 30.905),
];
/// Of a hundred reports so many come from each source.
const SOURCES: [(&str, usize); 10] = [
    ("12345", 30),
    ("app", 18),
    ("wechat", 12),
    ("grid", 12),
    ("12319", 8),
    ("chengguan", 6),
    ("property", 5),
    ("110", 4),
    ("sensor", 3),
    ("parking", 2),
];
/// Of a hundred reports about so many are of each class: code and a citizen's words.
const CLASSES: [(&str, &str, usize); 17] = [
    ("06010", "小区门口垃圾没人清", 12),
    ("09006", "水果摊占了半条人行道", 11),
    ("09009", "车停在人行道上", 10),
    ("06028", "夜里唱歌太吵", 9),
    ("09010", "共享单车堆满路口", 9),
    ("06013", "路面坑洼", 8),
    ("01037", "路灯不亮", 8),
    ("08004", "工地扬尘", 6),
    ("06042", "垃圾桶满了", 6),
    ("07001", "电线杆上贴满小广告", 5),
    ("06017", "绿地里有垃圾", 4),
    ("90006", "路口积水过膝", 3),
    ("01002", "井盖没了", 3),
    ("09012", "消防通道被堵", 2),
    ("90008", "树倒在路上", 2),
    ("90001", "水管爆了", 1),
    ("90010", "有人困在电梯里", 1),
];

/// Who tells it.
pub struct Town {
    random: Random,
    /// Lines that were sent, of which some are sent again.
    sent: Vec<Value>,
    ids: usize,
    has_begun: bool,
}

/// Their crews are all at an exercise: who needs the first, for whom the second could stand in, waits.
const AWAY: [&str; 2] = ["D-MARKET", "T-STREET"];

impl Town {
    /// The same day for the same seed.
    pub const fn new(seed: u64) -> Self {
        Self { random: Random(seed), sent: Vec::new(), ids: 0, has_begun: false }
    }

    /// Sends so many reports, and what departments do about what comes of them. Gives how many lines that were.
    pub fn live(&mut self, service: &Service, reports: usize) -> usize {
        if !self.has_begun {
            self.begin(service);
        }
        let lines: Vec<Value> = (0..reports).map(|_| self.report()).collect();
        let receipts = service.lines(text_of(&lines).as_bytes());
        assert_eq!(receipts.len(), lines.len());
        let orders = receipts.iter().filter(|receipt| receipt["answer"] == "opened");
        let orders: Vec<&str> = orders.filter_map(|receipt| receipt["order"].as_str()).collect();
        let mut acts = Vec::new();
        for (share, action) in [(72, "accept"), (4, "return"), (38, "done"), (25, "close")] {
            for order in &orders {
                // An order goes the whole way, as far as it goes.
                if hash(order) % 100 < share && (action != "return" || hash(order).is_multiple_of(3)) {
                    acts.push(self.act(action, order));
                }
            }
        }
        if !acts.is_empty() {
            assert_eq!(service.lines(text_of(&acts).as_bytes()).len(), acts.len());
        }
        lines.len() + acts.len()
    }

    /// Some crews are away.
    fn begin(&mut self, service: &Service) {
        let of = |department| service.get(&format!("/v1/units?department={department}&limit=1000")).json();
        let units: Vec<Value> =
            AWAY.map(of).iter().flat_map(|page| page["units"].as_array().expect("units")).cloned().collect();
        let word = |unit: &Value| json!({"source": "departments", "kind": "unit", "id": self.id(), "unit": unit["unit"], "status": "off"});
        let words: Vec<Value> = units.iter().map(word).collect();
        assert_eq!(service.lines(text_of(&words).as_bytes()).len(), units.len());
        self.has_begun = true;
    }

    fn report(&mut self) -> Value {
        if !self.sent.is_empty() && self.random.below(100) < 9 {
            let again = self.random.below(self.sent.len());
            return self.sent[again].clone();
        }
        let (lng, lat) = self.place();
        let (class, words) = self.class();
        let mut line =
            json!({"source": self.source(), "id": self.id(), "lng": lng, "lat": lat, "category": class, "text": words});
        match self.random.below(100) {
            // A neighbour tells the same, from a few steps away.
            0..=17 if !self.sent.is_empty() => {
                let other = self.random.below(self.sent.len());
                for key in ["lng", "lat", "category", "text"] {
                    line[key] = self.sent[other][key].clone();
                }
            }
            18..=19 => {
                line["lng"] = Value::Null;
                line["lat"] = Value::Null;
            }
            20..=21 => line["category"] = json!("说不清"),
            22 => line["lng"] = json!("东边"),
            _ => {}
        }
        self.sent.push(line.clone());
        line
    }

    fn act(&mut self, action: &str, order: &str) -> Value {
        json!({"source": "departments", "kind": "action", "id": self.id(), "action": action, "order": order})
    }

    fn id(&mut self) -> String {
        self.ids += 1;
        format!("T{:05}", self.ids)
    }

    fn source(&mut self) -> &'static str {
        let mut pick = self.random.below(100);
        let found = SOURCES.iter().find(|(_, share)| match pick.checked_sub(*share) {
            Some(rest) => {
                pick = rest;
                false
            }
            None => true,
        });
        found.expect("the shares are a hundred").0
    }

    fn class(&mut self) -> (&'static str, &'static str) {
        let mut pick = self.random.below(100);
        let found = CLASSES.iter().find(|(.., share)| match pick.checked_sub(*share) {
            Some(rest) => {
                pick = rest;
                false
            }
            None => true,
        });
        let (code, words, _) = found.expect("the shares are a hundred");
        (code, words)
    }

    /// Near a centre, mostly.
    fn place(&mut self) -> (f64, f64) {
        let mut part = |wide: f64| {
            let steps: usize = (0..4).map(|_| self.random.below(1000)).sum();
            (steps as f64 / 4000.0 - 0.5) * wide
        };
        let (east, north) = (part(0.14), part(0.12));
        let far = (part(1.2), part(1.2));
        let (lng, lat) = CENTRES[self.random.below(CENTRES.len())];
        match self.random.below(100) {
            0..=29 => ((121.75 + far.0).clamp(121.46, 122.04), (31.1 + far.1).clamp(30.84, 31.44)),
            _ => (lng + east, lat + north),
        }
    }
}

/// A number that is an order's own.
fn hash(order: &str) -> usize {
    order.bytes().fold(7_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
}

/// Lines as they are sent.
fn text_of(lines: &[Value]) -> String {
    lines.iter().map(|line| line.to_string() + "\n").collect()
}
