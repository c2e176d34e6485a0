//! The other city: it is told what was said then, and decides for itself.

use super::Request;
use crate::city::{City, Source};
use crate::dispatch::Dispatcher;
use crate::effect::{Effect, Effects};
use crate::fingerprint::HashKey;
use crate::ids::{Seq, SourceId};
use crate::ingest::decode::Decoder;
use crate::journal::frame::FrameView;
use crate::record::{Input, Origin, Record, Tally, Turned};
use crate::report::{Field, Reason, Reject};
use crate::understand::Understood;

/// What reads the bodies of a journal by one of the cities.
struct Reading<'a> {
    city: &'a City,
    key: HashKey,
    plain: Decoder<'a>,
    /// For what each source of the city that was in force says in a shape of its own.
    shaped: Vec<Decoder<'a>>,
}

impl<'a> Reading<'a> {
    /// By a city, of what sources of the city that was in force said.
    fn new(city: &'a City, was: &City, key: HashKey) -> Self {
        let decoder = |source: &Source| Decoder::of(city, city.source_names.get(&source.name).map(SourceId));
        Self { city, key, plain: Decoder::new(), shaped: was.sources.iter().map(decoder).collect() }
    }

    /// Whether a line is of the schema, and names the source whose record it is; otherwise it is of the source's own shape.
    fn is_plain(&mut self, record: &Record, line: &str) -> bool {
        let (source, body) = (record.origin.source, record.origin.body);
        if !source.is_some() {
            return true;
        }
        let is_report = !matches!(record.input, Input::Tally(_));
        self.plain.decode(line).is_ok_and(|decoded| {
            let named = decoded.said.source.and_then(|name| self.city.source_names.get(name)).map(SourceId);
            let same_id = (decoded.id_at, decoded.id_len) == (body.id_at, body.id_len);
            named == Some(source) && (same_id || !is_report)
        })
    }

    /// Understands a line of a source that the city that was in force calls by this name.
    fn understand(&mut self, is_plain: bool, source: SourceId, name: &str, line: &str) -> Result<Understood, Reject> {
        if is_plain {
            let decoded = self.plain.decode(line)?;
            let missing = Reject { field: Field::Source, reason: Reason::Missing, at: 0 };
            decoded.said.source.ok_or(missing)?;
            return self.city.understand(&decoded.said, None, &self.key);
        }
        let unknown = Reject { field: Field::Source, reason: Reason::Unknown, at: 0 };
        let speaker = self.city.source_names.get(name).map(SourceId).ok_or(unknown)?;
        let decoded = self.shaped[source.index()].decode(line)?;
        self.city.understand(&decoded.said, Some(speaker), &self.key)
    }
}

/// The mind of the other city, and what it is told.
pub(super) struct Other<'a> {
    was: &'a City,
    then: Reading<'a>,
    now: Reading<'a>,
    mind: Dispatcher,
    effects: Effects,
}

impl<'a> Other<'a> {
    pub(super) fn new(request: &'a Request<'_>, key: HashKey) -> Self {
        let (was, now) = (&*request.was, &*request.now);
        Self {
            was,
            then: Reading::new(was, was, key),
            now: Reading::new(now, was, key),
            mind: Dispatcher::new(request.now.clone()),
            effects: Effects::default(),
        }
    }

    /// What it decides about a record whose body lies in this frame.
    pub(super) fn decide(&mut self, record: &Record, view: &FrameView<'_>) -> &[(Seq, Effect)] {
        self.effects.clear();
        let origin = record.origin;
        let (origin, input) = match self.understand(record, view.body(origin.body)) {
            Ok(Understood { source, fingerprint, event_time, input }) => {
                (Origin { source, fingerprint, event_time, ..origin }, input)
            }
            Err(tally) => (Origin { source: SourceId::NONE, ..origin }, Input::Tally(tally)),
        };
        // A record that is turned away is one all the same: time goes on with it, and what waits is looked at.
        self.mind.apply(&Record { origin, input, ..*record }, &mut self.effects);
        self.effects.as_slice()
    }

    /// What a record's body says in the other city; or what it is counted as.
    fn understand(&mut self, record: &Record, body: &[u8]) -> Result<Understood, Tally> {
        let tally = match record.input {
            // What is turned away for what it is, and not for what it says, is so in every city.
            Input::Tally(tally)
                if tally.turned != Turned::Rejected || tally.field == Field::Line || body.is_empty() =>
            {
                return Err(tally);
            }
            Input::Tally(tally) => tally,
            _ => Tally {
                turned: Turned::Rejected,
                count: 1,
                field: Field::Line,
                reason: Reason::NotUtf8,
                input: 0,
                line: 0,
                offset: 0,
                wrong_at: 0,
            },
        };
        let line = std::str::from_utf8(body).map_err(|_| tally)?;
        let source = record.origin.source;
        let name = self.was.sources.get(source.index()).map_or("", |source| &*source.name);
        let is_plain = self.then.is_plain(record, line);
        // The city that was in force understood it, so it was turned away for who said it.
        let was_forbidden =
            matches!(record.input, Input::Tally(_)) && self.then.understand(is_plain, source, name, line).is_ok();
        if was_forbidden {
            return Err(tally);
        }
        let understood = self.now.understand(is_plain, source, name, line);
        understood.map_err(|Reject { field, reason, at }| Tally { field, reason, wrong_at: at, ..tally })
    }
}
