//! A town's day in small, as sources and departments tell it.

use serde_json::{Value, json};

use crate::random::Random;
use crate::service::Service;

/// Where much happens: longitude, latitude.
const CENTRES: [(f64, f64); 7] = [
    (121.535, 31.235),
    (121.535, 31.212),
    (121.598, 31.205),
    (121.585, 31.262),
    (121.655, 31.195),
    (121.757, 31.052),
    (121.905, 30.905),
];
/// Of a hundred reports so many come from each source.
const SOURCES: [(&str, usize); 10] = [
    ("12345", 32),
    ("app", 18),
    ("wechat", 12),
    ("grid", 12),
    ("12319", 8),
    ("chengguan", 6),
    ("property", 5),
    ("110", 2),
    ("sensor", 3),
    ("parking", 2),
];
/// Of a hundred reports about so many are of each class: code and a citizen's words.
const CLASSES: [(&str, &str, usize); 17] = [
    ("06010", "小区门口垃圾没人清", 14),
    ("09006", "水果摊占了半条人行道", 12),
    ("09009", "车停在人行道上", 10),
    ("06028", "夜里唱歌太吵", 11),
    ("09010", "共享单车堆满路口", 9),
    ("06013", "路面坑洼", 8),
    ("01037", "路灯不亮", 8),
    ("08004", "工地扬尘", 6),
    ("06042", "垃圾桶满了", 6),
    ("07001", "电线杆上贴满小广告", 5),
    ("06017", "绿地里有垃圾", 4),
    ("90006", "路口积水过膝", 2),
    ("01002", "井盖没了", 1),
    ("09012", "消防通道被堵", 1),
    ("90008", "树倒在路上", 1),
    ("90001", "水管爆了", 1),
    ("90010", "有人困在电梯里", 1),
];

/// Who tells it.
pub struct Town {
    random: Random,
    /// Lines that were sent, of which some are sent again.
    sent: Vec<Value>,
    /// Orders that are not closed, and how many steps of their way they have gone.
    orders: Vec<(String, usize)>,
    ids: usize,
    has_begun: bool,
}

/// Reports that come at a time: few enough that the last of them need not wait for the others.
const PARCEL: usize = 20;
/// The way of an order, and of one in eight.
const WAY: &[&str] = &["accept", "done", "close"];
const LONG_WAY: &[&str] = &["accept", "suspend", "resume", "done", "close"];

/// Their crews are all at an exercise: who needs the first, for whom the second could stand in, waits.
const AWAY: [&str; 2] = ["D-MARKET", "T-STREET"];

impl Town {
    /// The same day for the same seed.
    pub const fn new(seed: u64) -> Self {
        Self { random: Random(seed), sent: Vec::new(), orders: Vec::new(), ids: 0, has_begun: false }
    }

    /// Sends so many reports, and what departments say of their orders meanwhile.
    pub fn live(&mut self, service: &Service, reports: usize) {
        if !self.has_begun {
            self.begin(service);
        }
        for from in (0..reports).step_by(PARCEL) {
            let lines: Vec<Value> = (from..reports.min(from + PARCEL)).map(|_| self.report()).collect();
            let receipts = service.lines(text_of(&lines).as_bytes());
            assert_eq!(receipts.len(), lines.len());
            let opened = receipts.iter().filter(|receipt| receipt["answer"] == "opened");
            self.orders.extend(opened.filter_map(|receipt| Some((receipt["order"].as_str()?.to_owned(), 0))));
            let acts: Vec<Value> = (0..lines.len() * 2).filter_map(|_| self.act()).collect();
            assert_eq!(service.lines(text_of(&acts).as_bytes()).len(), acts.len());
        }
    }

    /// Some crews are away.
    fn begin(&mut self, service: &Service) {
        let of = |department| service.get(&format!("/v1/units?department={department}&limit=1000")).json();
        let units: Vec<Value> =
            AWAY.map(of).iter().flat_map(|page| page["units"].as_array().expect("units")).cloned().collect();
        let word = |unit: &Value| {
            let id = self.id();
            json!({"source": "departments", "kind": "unit", "id": id, "unit": unit["unit"], "status": "off"})
        };
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
            18 => {
                line["lng"] = Value::Null;
                line["lat"] = Value::Null;
            }
            19 => line["category"] = json!("说不清"),
            20 => line["lng"] = json!("东边"),
            _ => {}
        }
        self.sent.push(line.clone());
        line
    }

    /// Some order goes one step on its way.
    fn act(&mut self) -> Option<Value> {
        let place = self.random.below(self.orders.len().max(1));
        let is_returned = self.random.below(100) < 2;
        let (order, steps) = self.orders.get_mut(place)?;
        let case: usize = order.split('-').next()?.parse().expect("an order begins with its case");
        let way = if case.is_multiple_of(8) { LONG_WAY } else { WAY };
        let (order, action) = (order.clone(), if is_returned { "return" } else { way[*steps] });
        *steps += 1;
        if is_returned || *steps == way.len() {
            self.orders.swap_remove(place);
        }
        Some(json!({"source": "departments", "kind": "action", "id": self.id(), "action": action, "order": order}))
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
        let mut part = |times: usize| {
            let steps: usize = (0..times).map(|_| self.random.below(1000)).sum();
            steps as f64 / (times * 1000) as f64 - 0.5
        };
        let (near, far) = ((part(4), part(4)), (part(1), part(1)));
        let (lng, lat) = CENTRES[self.random.below(CENTRES.len())];
        match self.random.below(100) {
            // Along the middle of the district, from its north-west to its south-east.
            0..=24 => (121.73 + far.0 * 0.3 + near.0 * 0.14, 31.12 - far.0 * 0.36 + near.1 * 0.12),
            _ => (lng + near.0 * 0.14, lat + near.1 * 0.12),
        }
    }
}

/// Lines as they are sent.
fn text_of(lines: &[Value]) -> String {
    lines.iter().map(|line| line.to_string() + "\n").collect()
}
