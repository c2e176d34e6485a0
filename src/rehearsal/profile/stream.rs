//! The reports of a profile, one after the other, each with its truth. What a line is follows from the seed, the volume and
//! the lines before it, so the first lines are the same however many are taken.

use super::Profile;
use super::calendar::is_winter;
use super::curve::{Group, Walk};
use super::incident::{Incident, Incidents, Matter};
use super::mix::{Mix, TopicId};
use super::outage::Outage;
use super::place::{Places, astray, gcj02, hot};
use super::recent::Recent;
use super::report::{Category, Report, Voice, damage};
use super::sensor::Fleet;
use super::truth::{Damage, Flags, Flaw, Kind, Truth};
use super::wording::Address;
use crate::rehearsal::pudong::{ClassId, PUDONG, SourceId, Spot, Urgency};
use crate::rehearsal::rng::Rng;

/// How far an event's time lies from the moment at which it is sent, at most.
const JITTER_MS: u32 = 5_000;
/// How old a line is at most that is sent again. One that was late already, by a clock that is wrong, is then still within
/// the time for which its source's ids are remembered.
const RESEND_MS_MAX: u64 = 6 * 3_600_000;
const RESEND_SENSOR_MS_MAX: u64 = 15 * 60_000;
/// Every so many accepted lines one is kept for a long time; every so many re-sends repeat one of those.
const LONG_KEPT_EVERY: u64 = 32;
const LONG_KEPT_RESENT_EVERY: u32 = 10;
/// Every so many reports on something new there are further ones.
const INCIDENT_EVERY: u32 = 8;
/// Every so many further reports of people are on what a device found.
const DEVICE_FOUND_EVERY: u32 = 8;
/// Lines at the start of a stream that are neither late nor spoilt, so that its clock has something to go by.
const CALM_LINES: u64 = 64;
/// How late a late report of a device is at most, and of a person, in seconds.
const LATE_SENSOR_S_MAX: u32 = 40 * 60;
const LATE_PERSON_S_MAX: u32 = 6 * 3_600;
/// How much later a stale report is than its source's ids are remembered, in seconds.
const STALE_S: (u32, u32) = (600, 4 * 3_600);
/// How far from an incident's place an operator or a patrol marks it on the map, in metres.
const MARKED_M_MAX: u32 = 15;

/// The share of each kind in thousandths; the rest is new.
const RESENDS: u32 = 135;
const FURTHER: u32 = 200;
const MALFORMED: u32 = 2;
const INVALID: u32 = 5;

/// What a line is meant to be.
enum Plan {
    Resend,
    /// A report; on something known, where something goes on.
    Report {
        further: bool,
        spoilt: Option<Spoilt>,
    },
}

/// How a report is to be spoilt.
#[derive(Clone, Copy)]
enum Spoilt {
    Malformed(Damage),
    Invalid(Flaw),
}

impl Plan {
    fn draw(rng: &mut Rng) -> Self {
        const RESENT: u32 = RESENDS;
        const KNOWN: u32 = RESENT + FURTHER;
        const TORN: u32 = KNOWN + MALFORMED;
        const WRONG: u32 = TORN + INVALID;
        let report = |further, spoilt| Self::Report { further, spoilt };
        match rng.below(1_000) {
            0..RESENT => Self::Resend,
            RESENT..KNOWN => report(true, None),
            KNOWN..TORN => report(false, Some(Spoilt::Malformed(rng.pick(&Damage::ALL)))),
            TORN..WRONG => report(false, Some(Spoilt::Invalid(rng.pick(&Flaw::ALL)))),
            _ => report(false, None),
        }
    }
}

/// Where and when a report claims to be, and how it goes astray.
struct Claim {
    ts_ms: u64,
    spot: Spot,
    frame: Option<&'static str>,
    flags: Flags,
}

/// Reports one after the other, without end: behind the end of the profile's curve it comes round again.
pub struct Stream<'p> {
    profile: &'p Profile,
    volume: u64,
    /// When its clock starts, in milliseconds since 1970.
    start_ms: u64,
    /// Lines of days before, behind which its ids count on.
    before: u64,
    sent: u64,
    walk: Walk,
    rng: Rng,
    mix: Mix,
    places: Places,
    fleet: Fleet,
    recent: Recent,
    long_kept: Recent,
    accepted: u64,
    /// What people have found.
    found: Incidents,
    /// What devices have found.
    sensed: Incidents,
    outage: Outage,
    /// How each source writes, and how its ids begin.
    voices: Vec<(Voice, &'static str)>,
}

impl<'p> Stream<'p> {
    pub(super) fn new(profile: &'p Profile, seed: u64, volume: u64) -> Self {
        let mut rng = Rng::seeded(seed);
        let fleet = Fleet::new(rng.bits(), hot(0), profile.trouble);
        let outage = Outage::new(&mut rng);
        let voices = PUDONG.source_names().map(Voice::of).collect();
        Self {
            profile,
            volume: volume.max(1),
            start_ms: profile.start_ms,
            before: 0,
            sent: 0,
            walk: Walk::default(),
            rng,
            mix: Mix::new(),
            places: Places::new(),
            fleet,
            recent: Recent::new(),
            long_kept: Recent::new(),
            accepted: 0,
            found: Incidents::default(),
            sensed: Incidents::default(),
            outage,
            voices,
        }
    }

    /// The same stream on a day of its own: its clock starts at `start_ms`, and its ids count on behind those of so many lines.
    #[must_use]
    pub fn on_day(mut self, start_ms: u64, lines_before: u64) -> Self {
        (self.start_ms, self.before) = (start_ms, lines_before);
        self
    }

    /// Appends the next line, without a newline, at its time on the profile's own clock.
    pub fn next(&mut self, out: &mut Vec<u8>) -> Truth {
        self.write(None, out)
    }

    /// The same, at a time of the caller's, in milliseconds since 1970 and never falling: for whoever sends faster or slower than
    /// the profile's clock runs. Event time, lateness, and what can be sent again or is going on are counted from there.
    pub fn next_at(&mut self, now_ms: u64, out: &mut Vec<u8>) -> Truth {
        self.write(Some(now_ms), out)
    }

    fn write(&mut self, now_ms: Option<u64>, out: &mut Vec<u8>) -> Truth {
        let offset_ns = self.walk.to(&self.profile.curve, self.sent, self.volume);
        self.sent += 1;
        let now_ms = now_ms.unwrap_or(self.start_ms + offset_ns / 1_000_000);
        match Plan::draw(&mut self.rng) {
            Plan::Resend => match self.resend(offset_ns, now_ms, out) {
                Some(truth) => truth,
                // The first lines have nothing before them to repeat, and sparse ones nothing recent.
                None => self.report(false, None, offset_ns, now_ms, out),
            },
            Plan::Report { further, spoilt } => {
                let spoilt = spoilt.filter(|_| self.sent > CALM_LINES);
                self.report(further, spoilt, offset_ns, now_ms, out)
            }
        }
    }

    fn resend(&mut self, offset_ns: u64, now_ms: u64, out: &mut Vec<u8>) -> Option<Truth> {
        let fits = |truth: &Truth, at_ms: u64| {
            let is_device = PUDONG.source(truth.source).name == "sensor";
            now_ms.saturating_sub(at_ms) <= if is_device { RESEND_SENSOR_MS_MAX } else { RESEND_MS_MAX }
        };
        let rng = &mut self.rng;
        let long_since_ms = now_ms.saturating_sub(RESEND_MS_MAX);
        let sent = if rng.below(LONG_KEPT_RESENT_EVERY) == 0 {
            self.long_kept.repeat(long_since_ms, fits, rng, out)
        } else {
            None
        };
        let since_ms = now_ms.saturating_sub(RESEND_SENSOR_MS_MAX);
        let sent = sent.or_else(|| self.recent.repeat(since_ms, fits, rng, out))?;
        Some(Truth { number: self.sent, offset_ns, kind: Kind::Resend { of: sent.number }, ..sent })
    }

    fn report(
        &mut self,
        further: bool,
        spoilt: Option<Spoilt>,
        offset_ns: u64,
        now_ms: u64,
        out: &mut Vec<u8>,
    ) -> Truth {
        let group = self.walk.group(&self.profile.curve, &mut self.rng);
        let source = self.mix.source(group, &mut self.rng);
        let known = if further { self.going_on(group, now_ms) } else { None };
        let (matter, of) = match known {
            Some(incident) => (incident.matter, Some(incident.line)),
            None => self.happens(group, source, now_ms),
        };
        let source = self.mix.source_for(source, matter.class);
        let report = self.compose(source, matter, now_ms, spoilt);
        let start = out.len();
        report.0.write(&mut self.rng, out);
        let kind = match spoilt {
            Some(Spoilt::Malformed(how)) => {
                damage(how, start, &mut self.rng, out);
                Kind::Malformed(how)
            }
            Some(Spoilt::Invalid(flaw)) => Kind::Invalid(flaw),
            None => of.map_or(Kind::New, |of| Kind::SameIncident { of }),
        };
        let truth = self.truth(&report.0, report.1, kind, offset_ns);
        if !kind.is_bad() {
            self.accept(group, truth, matter, now_ms, &out[start..]);
        }
        truth
    }

    fn truth(&self, report: &Report, flags: Flags, kind: Kind, offset_ns: u64) -> Truth {
        Truth {
            number: self.sent,
            offset_ns,
            kind,
            source: report.source,
            urgency: PUDONG.urgency(report.source, Some(report.matter.class), report.urgency),
            class: report.matter.class,
            cell: report.matter.cell,
            flags,
        }
    }

    /// Remembers a line that will be accepted.
    fn accept(&mut self, group: Group, truth: Truth, matter: Matter, now_ms: u64, line: &[u8]) {
        if truth.kind == Kind::New {
            let incident = Incident { line: truth.number, at_ms: now_ms, matter };
            if group == Group::Event {
                self.outage.keep(incident);
            } else if self.rng.below(INCIDENT_EVERY) == 0 {
                if matter.device.is_some() { self.sensed.keep(incident) } else { self.found.keep(incident) }
            }
        }
        if truth.flags.has(Flags::STALE) {
            return;
        }
        self.recent.keep(truth, now_ms, line);
        self.accepted += 1;
        if self.accepted.is_multiple_of(LONG_KEPT_EVERY) {
            self.long_kept.keep(truth, now_ms, line);
        }
    }

    /// Something known that somebody of a group reports once more. Those whom an event makes call have their own.
    fn going_on(&mut self, group: Group, now_ms: u64) -> Option<Incident> {
        let rng = &mut self.rng;
        match group {
            Group::Event => None,
            Group::Sensor => self.sensed.draw(now_ms, rng),
            _ => {
                let sensed = if rng.below(DEVICE_FOUND_EVERY) == 0 { self.sensed.draw(now_ms, rng) } else { None };
                let told = sensed.map(|found| Incident { matter: Matter { device: None, ..found.matter }, ..found });
                told.or_else(|| self.found.draw(now_ms, rng))
            }
        }
    }

    /// Something that somebody of a group reports, and who reported it first, if it is not new after all.
    fn happens(&mut self, group: Group, source: SourceId, now_ms: u64) -> (Matter, Option<u64>) {
        let rng = &mut self.rng;
        if group == Group::Event {
            let topic = self.mix.outage(rng);
            return self.outage.happens(topic, now_ms, rng);
        }
        let in_hot_cell = rng.below(1_000) < self.profile.hot_permille;
        if group == Group::Sensor {
            let device = self.fleet.next(in_hot_cell, self.walk.at_s(), &self.places);
            let (class, cell, spot) = (device.class, device.cell, device.spot);
            let address = Address::draw(rng);
            return (Matter { class, topic: TopicId::of(class), cell, spot, address, device: Some(device) }, None);
        }
        let at_s = self.walk.at_s();
        let storm = self.profile.storm.as_ref().filter(|storm| storm.harms(at_s, rng));
        let (class, cell, spot) = match storm.and_then(|storm| storm.track.harmed(at_s, rng)) {
            Some((cell, spot)) => (self.mix.typhoon(rng), cell, PUDONG.grid.kept_in(cell, spot)),
            None => {
                let cell = if in_hot_cell { hot(0) } else { self.places.cell(rng) };
                (self.mix.everyday(source, is_winter(now_ms), rng), cell, PUDONG.grid.inside(cell, rng))
            }
        };
        (Matter { class, topic: TopicId::of(class), cell, spot, address: Address::draw(rng), device: None }, None)
    }

    /// What a source will say about a matter, and what will be peculiar about that.
    fn compose(&mut self, source: SourceId, matter: Matter, now_ms: u64, spoilt: Option<Spoilt>) -> (Report, Flags) {
        let voice = self.voices[usize::from(source.0)];
        let mut claim = self.claim(voice.0, source, &matter, now_ms);
        let rng = &mut self.rng;
        let untold = match voice.0 {
            Voice::Phone => 200,
            Voice::Operator => 100,
            Voice::Device | Voice::Terminal => 0,
        };
        let category = match rng.below(1_000) {
            ticket if ticket < untold => Category::Untold,
            ticket if ticket < 600 => Category::Code,
            _ => Category::Name,
        };
        let urgency: Option<Urgency> = self.mix.word_on_urgency(source, rng);
        claim.flags |= Flags::NEEDS_TEXT.when(category == Category::Untold);
        let flaw = match spoilt {
            Some(Spoilt::Invalid(flaw)) => Some(flaw),
            _ => None,
        };
        let Claim { ts_ms, spot, frame, flags } = claim;
        let number = self.before + self.sent;
        (Report { number, source, voice, ts_ms, spot, frame, category, urgency, matter, flaw }, flags)
    }

    fn claim(&mut self, voice: Voice, source: SourceId, matter: &Matter, now_ms: u64) -> Claim {
        let (late_ms, mut flags) = self.lateness(voice, source);
        let rng = &mut self.rng;
        let skew_ms = matter.device.map_or(0, |device| device.skew_ms);
        flags |= Flags::SKEWED.when(skew_ms != 0);
        let ahead_ms = i64::from(rng.below(2 * JITTER_MS)) - i64::from(JITTER_MS) + skew_ms - late_ms as i64;
        let mut spot = match voice {
            Voice::Device => matter.spot,
            Voice::Phone => {
                let far = rng.below(100) < 3;
                flags |= if far { Flags::GPS_FAR } else { Flags::GPS_NOISE };
                astray(matter.spot, if far { rng.between(60, 140) } else { rng.between(5, 30) }, rng)
            }
            Voice::Operator | Voice::Terminal => {
                let metres = rng.below(MARKED_M_MAX + 1);
                PUDONG.grid.kept_in(matter.cell, astray(matter.spot, metres, rng))
            }
        };
        let (shifted, frame) = claimed_frame(voice, &PUDONG.source(source).name, rng);
        if shifted {
            spot = gcj02(spot);
            flags |= Flags::WRONG_FRAME.when(frame != Some("gcj02"));
        }
        Claim { ts_ms: now_ms.saturating_add_signed(ahead_ms), spot, frame, flags }
    }

    /// By how much a report comes late.
    fn lateness(&mut self, voice: Voice, source: SourceId) -> (u64, Flags) {
        if self.sent <= CALM_LINES {
            return (0, Flags::default());
        }
        let rng = &mut self.rng;
        let (late, seconds_max, stale) = match voice {
            Voice::Device => (7, LATE_SENSOR_S_MAX, 1),
            Voice::Phone | Voice::Operator | Voice::Terminal => (15, LATE_PERSON_S_MAX, 0),
        };
        match rng.below(1_000) {
            ticket if ticket < late => (u64::from(rng.between(60, seconds_max)) * 1_000, Flags::LATE),
            ticket if ticket < late + stale => {
                let beyond = u64::from(rng.between(STALE_S.0, STALE_S.1)) * 1_000;
                (PUDONG.remembered_ms(source) + beyond, Flags::STALE)
            }
            _ => (0, Flags::default()),
        }
    }
}

/// Whether a report gives GCJ-02 coordinates, and the frame that it names. WeChat's maps are in GCJ-02, and it mostly says so.
fn claimed_frame(voice: Voice, source: &str, rng: &mut Rng) -> (bool, Option<&'static str>) {
    let wrong = match voice {
        Voice::Phone => 25,
        Voice::Terminal => 10,
        Voice::Device | Voice::Operator => 0,
    };
    let is_wrong = rng.below(1_000) < wrong;
    if source == "wechat" && !is_wrong {
        return (true, Some("gcj02"));
    }
    let named = if voice == Voice::Device { None } else { rng.pick(&[None, None, Some("wgs84"), Some("cgcs2000")]) };
    (is_wrong, named)
}

/// A topic's class.
pub(super) fn class_of(topic: TopicId) -> ClassId {
    PUDONG.class_of(super::facts::TOPICS[usize::from(topic.0)].code)
}
