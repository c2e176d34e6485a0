//! One report as a line of input schema v1, as whoever sends it writes it, and the ways in which a line is spoilt.

use super::facts::TOPICS;
use super::incident::Matter;
use super::truth::{Damage, Flaw};
use super::wording::{noted, typed, written_down};
use crate::rehearsal::pen::{boolean, decimal, degrees, hex, padded, text};
use crate::rehearsal::pudong::{PUDONG, SourceId, Spot, Urgency};
use crate::rehearsal::rng::Rng;

/// How a source writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Voice {
    /// A device: measurements.
    Device,
    /// A telephone: short text, photographs, a position by satellite.
    Phone,
    /// A hotline's operator: long text, a position off the map.
    Operator,
    /// A partner's or a patrol's terminal.
    Terminal,
}

impl Voice {
    /// How the source of this name writes, and how its ids begin.
    pub fn of(source: &str) -> (Self, &'static str) {
        match source {
            "sensor" => (Self::Device, "SN-"),
            "app" => (Self::Phone, "AP-"),
            "wechat" => (Self::Phone, "WX-"),
            "weibo" => (Self::Phone, "WB-"),
            "12345" => (Self::Operator, "HL-"),
            "12319" => (Self::Operator, "CJ-"),
            "110" => (Self::Operator, "PD-"),
            "grid" => (Self::Terminal, "GD-"),
            "property" => (Self::Terminal, "WY-"),
            "parking" => (Self::Terminal, "PK-"),
            _ => (Self::Terminal, "CG-"),
        }
    }
}

/// How a report names its class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Category {
    /// Not at all.
    Untold,
    /// By its code.
    Code,
    /// By its name.
    Name,
}

/// What a report will say.
pub struct Report {
    /// The number that makes its id unique.
    pub number: u64,
    /// Who sends it.
    pub source: SourceId,
    /// How it writes, and how its ids begin.
    pub voice: (Voice, &'static str),
    /// Event time in milliseconds since 1970.
    pub ts_ms: u64,
    /// Where it says that it is.
    pub spot: Spot,
    /// The frame that it names.
    pub frame: Option<&'static str>,
    /// How it names its class.
    pub category: Category,
    /// Its own word on urgency.
    pub urgency: Option<Urgency>,
    /// What it is about.
    pub matter: Matter,
    /// What is wrong with it.
    pub flaw: Option<Flaw>,
}

/// Bytes of an id that is longer than any may be.
const LONG_ID_BYTES: usize = 140;

impl Report {
    /// Appends the report as one line without its newline; what nobody reads is drawn from `rng`.
    pub fn write(&self, rng: &mut Rng, out: &mut Vec<u8>) {
        self.write_head(rng, out);
        self.write_place(out);
        self.write_class(out);
        match self.voice.0 {
            Voice::Device => self.write_device(rng, out),
            Voice::Phone => self.write_phone(rng, out),
            Voice::Operator => self.write_operator(rng, out),
            Voice::Terminal => self.write_terminal(rng, out),
        }
        text(out, "}");
    }

    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// Source, id and time.
    fn write_head(&self, rng: &mut Rng, out: &mut Vec<u8>) {
        text(out, "{\"source\":\"");
        text(out, if self.is(Flaw::UnknownSource) { "pigeon" } else { &PUDONG.source(self.source).name });
        text(out, "\"");
        if !self.is(Flaw::NoId) {
            self.write_id(rng, out);
        }
        if self.is(Flaw::TwoIds) {
            self.write_id(rng, out);
        }
        text(out, ",\"ts\":");
        if self.is(Flaw::WordyTime) {
            text(out, "\"昨天下午三点左右\"");
        } else {
            decimal(out, self.ts_ms);
        }
    }

    fn write_id(&self, rng: &mut Rng, out: &mut Vec<u8>) {
        text(out, ",\"id\":\"");
        let start = out.len();
        if !self.is(Flaw::EmptyId) {
            text(out, self.voice.1);
            hex(out, rng, 4);
            text(out, "-");
            padded(out, self.number, 9);
        }
        if self.is(Flaw::LongId) {
            out.resize(start + LONG_ID_BYTES, b'0');
        }
        text(out, "\"");
    }

    fn write_place(&self, out: &mut Vec<u8>) {
        degrees(out, ",\"lng\":", self.spot.lng);
        degrees(out, if self.is(Flaw::FarLatitude) { ",\"lat\":1" } else { ",\"lat\":" }, self.spot.lat);
        if let Some(frame) = if self.is(Flaw::UnknownFrame) { Some("utm51n") } else { self.frame } {
            text(out, ",\"frame\":\"");
            text(out, frame);
            text(out, "\"");
        }
    }

    fn write_class(&self, out: &mut Vec<u8>) {
        let class = PUDONG.class(self.matter.class);
        let word = match self.category {
            Category::Untold => None,
            Category::Code => Some(&class.code),
            Category::Name => Some(&class.name_zh),
        };
        if let Some(word) = word {
            text(out, ",\"category\":\"");
            text(out, word);
            text(out, "\"");
        }
        if let Some(urgency) = self.urgency {
            text(out, ",\"urgency\":\"");
            text(out, urgency.letter());
            text(out, "\"");
        }
    }

    fn write_device(&self, rng: &mut Rng, out: &mut Vec<u8>) {
        if let Some(device) = &self.matter.device {
            device.write(rng, out);
        }
        if self.is(Flaw::NumberText) {
            text(out, NUMBER_TEXT);
        }
    }

    fn write_phone(&self, rng: &mut Rng, out: &mut Vec<u8>) {
        text(out, ",\"reporter\":\"u");
        hex(out, rng, 12);
        text(out, "\"");
        self.write_text(typed, rng, out);
        text(out, ",\"media\":[");
        for photo in 0..rng.below(3) {
            text(out, if photo == 0 { "\"/p/" } else { ",\"/p/" });
            hex(out, rng, 16);
            text(out, ".jpg\"");
        }
        text(out, "],\"anonymous\":");
        boolean(rng, out);
        text(out, ",\"client\":\"");
        text(out, rng.pick(&["ios 26.", "android 16.", "harmony 6."]));
        decimal(out, u64::from(rng.below(6)));
        text(out, "\"");
    }

    fn write_operator(&self, rng: &mut Rng, out: &mut Vec<u8>) {
        text(out, ",\"reporter\":{\"phone\":\"139****");
        padded(out, u64::from(rng.below(10_000)), 4);
        text(out, "\",\"callback\":");
        boolean(rng, out);
        text(out, "},\"operator\":\"OP");
        padded(out, u64::from(rng.below(320)), 3);
        text(out, "\"");
        self.write_address(out);
        self.write_text(written_down, rng, out);
    }

    fn write_terminal(&self, rng: &mut Rng, out: &mut Vec<u8>) {
        text(out, ",\"reporter\":\"PTR");
        padded(out, u64::from(rng.below(4_000)), 4);
        text(out, "\",\"title\":\"");
        text(out, &PUDONG.class(self.matter.class).name_zh);
        text(out, "\"");
        self.write_address(out);
        self.write_text(noted, rng, out);
    }

    fn write_address(&self, out: &mut Vec<u8>) {
        text(out, ",\"address\":\"");
        self.matter.address.write(out);
        text(out, "\"");
    }

    fn write_text(
        &self,
        style: impl Fn(&super::facts::Topic, super::wording::Address, &mut Rng, &mut Vec<u8>),
        rng: &mut Rng,
        out: &mut Vec<u8>,
    ) {
        if self.is(Flaw::NumberText) {
            return text(out, NUMBER_TEXT);
        }
        text(out, ",\"text\":\"");
        style(&TOPICS[usize::from(self.matter.topic.0)], self.matter.address, rng, out);
        text(out, "\"");
    }
}

const NUMBER_TEXT: &str = ",\"text\":119";

/// Makes the line that begins at `start` no JSON object.
pub fn damage(how: Damage, start: usize, rng: &mut Rng, out: &mut Vec<u8>) {
    let quarter = (out.len() - start) as u32 / 4;
    let mut at = start + rng.between(quarter, 3 * quarter) as usize;
    match how {
        Damage::Truncated => {
            // Not within a character: that would be damage of another kind.
            while out[at] & 0xc0 == 0x80 {
                at -= 1;
            }
            out.truncate(at);
        }
        Damage::NotUtf8 => out[at] = 0xff,
        Damage::Array => {
            out.insert(start, b'[');
            out.push(b']');
        }
    }
}
