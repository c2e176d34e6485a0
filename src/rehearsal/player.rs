//! The player: plays days of a profile into a service, with crews that answer, and leads the service's clock.
//!
//! It goes on beat by beat. In each it hears what was decided, leads the clock on, and hands in what is said until then. The
//! clock goes no faster than the service decides: where a machine cannot keep up, the day takes longer, and nothing comes late.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::crews::Crews;
use super::days::{Calendar, Days};
use super::profile::Profile;
use crate::api::{Counter, Office, Phase, Receipts};
use crate::feed::Found;
use crate::ids::Seq;
use crate::ingest::inbox::Parcel;
use crate::meter::{Led, Moment, Pace};
use crate::rights::Rights;
use crate::time::At;

/// How often the player looks up: often enough for the eye, and not so often that a disk has to sync for each line.
const BEAT: Duration = Duration::from_millis(10);
/// How far the clock goes in one beat at most.
const STRIDE_MS: i64 = 60_000;
/// Parcels that are not yet answered; with more, the player waits.
const UNDER_WAY: usize = 4;
/// About how many bytes a parcel has.
const PARCEL_BYTES: usize = 32 * 1024;
const DAY_MS: i64 = 86_400_000;

/// What is played.
pub struct Play {
    /// The profile.
    pub profile: Profile,
    /// Another seed gives other days.
    pub seed: u64,
    /// How many times as fast as the world the city's time goes.
    pub speed: u32,
    /// Reports a second of the world, on the average of a day.
    pub rate: u32,
    /// How many days of 24 hours are played; all that come, without it.
    pub days: Option<u64>,
}

/// The service is to end, or has ended.
struct Over;

impl Play {
    fn calendar(&self) -> Calendar<'_> {
        let a_second = f64::from(self.rate) / f64::from(self.speed);
        let lines = (self.profile.curve().period_s() * a_second).round().max(1.0) as u64;
        Calendar { profile: &self.profile, seed: self.seed, lines }
    }

    /// When the first day begins where nothing was decided before.
    pub fn begin(&self) -> At {
        self.calendar().begin(0)
    }

    /// Plays until the days are over, and then asks the service to end, or until it is to end.
    ///
    /// # Errors
    /// If this machine gives no clock to go by.
    pub fn play(&self, office: &Office, counter: &Counter, clock: &Led) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        runtime.block_on(async {
            let mut player = Player::new(self, office, counter, clock);
            if player.play().await.is_ok() {
                office.move_on(Phase::Closing);
            }
        });
        Ok(())
    }
}

/// Somebody at play.
struct Player<'a> {
    office: &'a Office,
    counter: &'a Counter,
    clock: &'a Led,
    phase: watch::Receiver<Phase>,
    days: Days<'a>,
    /// The next line, and when it is said.
    line: Vec<u8>,
    line_at: At,
    crews: Crews,
    /// The record that is heard next.
    next: Seq,
    speed: u32,
    pace: Pace,
    /// Up to when all was said.
    played: At,
    end: At,
    under_way: VecDeque<Receipts>,
    lines_said: u64,
}

impl<'a> Player<'a> {
    fn new(play: &'a Play, office: &'a Office, counter: &'a Counter, clock: &'a Led) -> Self {
        let mut crews = Crews::new(play.seed, office.city.memory.cases_max as usize);
        let (at, next) = survey(office, &mut crews);
        let calendar = play.calendar();
        let day = calendar.day_behind(at);
        let (mut days, mut line, from) = (Days::new(calendar, day), Vec::new(), calendar.begin(day));
        let line_at = days.next(&mut line);
        let days_ms = play.days.map(|days| i64::try_from(days).unwrap_or(i64::MAX).saturating_mul(DAY_MS));
        Self {
            office,
            counter,
            clock,
            phase: office.phase(),
            days,
            line,
            line_at,
            crews,
            next,
            speed: play.speed,
            pace: Pace { from, begun: Moment::now(), speed: play.speed },
            played: from,
            end: days_ms.map_or(At(i64::MAX), |days_ms| from.plus(days_ms)),
            under_way: VecDeque::with_capacity(UNDER_WAY),
            lines_said: 0,
        }
    }

    /// Plays to the end of the last day.
    async fn play(&mut self) -> Result<(), Over> {
        // So short that a whole stride is more than a beat.
        let stride = Duration::from_millis(STRIDE_MS.unsigned_abs()) / self.speed;
        let mut beat = interval(BEAT.min(stride / 2).max(Duration::from_millis(1)));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.played < self.end {
            tokio::select! {
                _ = beat.tick() => {}
                _ = self.phase.wait_for(|phase| *phase != Phase::Open) => return Err(Over),
            }
            self.hear();
            let stop = self.next_stop();
            self.say(stop).await?;
        }
        for receipts in self.under_way.drain(..) {
            receipts.await.map_err(|_| Over)?;
        }
        Ok(())
    }

    /// Up to when the clock is to go now. Where it would be too far, it goes slower from here on.
    fn next_stop(&mut self) -> At {
        let now = Moment::now();
        let (wanted, furthest) = (self.pace.at(now).min(self.end), self.played.plus(STRIDE_MS));
        if wanted > furthest {
            self.pace = Pace { from: furthest, begun: now, speed: self.speed };
        }
        wanted.min(furthest)
    }

    /// Tells the crews what was decided since the last time.
    fn hear(&mut self) {
        loop {
            match self.office.feed.find(self.next) {
                Found::Batch(batch) => {
                    self.crews.hear(&batch.lines, self.next);
                    self.next = batch.next;
                }
                Found::Nothing => return,
                // So much was decided meanwhile that it is not all kept.
                Found::Gone { .. } => (_, self.next) = survey(self.office, &mut self.crews),
            }
        }
    }

    /// Says all that is to be said until `stop`, in the order of time.
    async fn say(&mut self, stop: At) -> Result<(), Over> {
        let mut lines = self.counter.paper();
        let mut count = 0;
        loop {
            let acts = self.crews.next_at().is_some_and(|at| at <= stop.min(self.line_at));
            if acts {
                self.crews.act(stop, &mut lines);
            } else if self.line_at <= stop {
                lines.append(&mut self.line);
                self.line_at = self.days.next(&mut self.line);
            } else {
                break;
            }
            count += 1;
            if lines.len() >= PARCEL_BYTES {
                let whole = std::mem::replace(&mut lines, self.counter.paper());
                self.hand_in(whole, std::mem::take(&mut count), stop).await?;
            }
        }
        self.hand_in(lines, count, stop).await?;
        self.played = stop;
        Ok(())
    }

    /// Hands in lines that are said at `at`, when all but a few of those before are answered.
    async fn hand_in(&mut self, lines: Vec<u8>, count: u64, at: At) -> Result<(), Over> {
        while self.under_way.len() >= UNDER_WAY {
            let Some(first) = self.under_way.front_mut() else { break };
            tokio::select! {
                receipts = first => receipts.map_err(|_| Over)?,
                _ = self.phase.wait_for(|phase| *phase != Phase::Open) => return Err(Over),
            };
            self.under_way.pop_front();
        }
        self.clock.lead_to(at);
        if lines.is_empty() {
            return Ok(());
        }
        let parcel = Parcel {
            lines,
            lines_before: self.lines_said,
            sent: Moment::now(),
            speaker: None,
            rights: Rights::ALL,
            reply: None,
        };
        tokio::select! {
            handed_in = self.counter.hand_in(parcel) => self.under_way.push_back(handed_in.map_err(|_| Over)?),
            _ = self.phase.wait_for(|phase| *phase != Phase::Open) => return Err(Over),
        }
        self.lines_said += count;
        Ok(())
    }
}

/// Lets crews look up what is open. Log time, and the record that they hear next.
fn survey(office: &Office, crews: &mut Crews) -> (At, Seq) {
    let hall = office.hall();
    crews.survey(&hall.board);
    (hall.at, hall.next)
}
