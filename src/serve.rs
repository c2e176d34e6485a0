//! `paidan serve`: the service. Doors, lane, feeds, one journal, until it is asked to end.
//!
//! ```text
//!  doors: a thread each        the engine of a run, under the lane's clock          publisher
//!  counter ─► inbox ─► read ─► understand ─► lane ─► append·sync ─► set page ─► hall · feed ─► receipts ─► doors
//! ```

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use serde_json::json;
use tracing::{error, info, warn};

use crate::api::keys::Keys;
use crate::api::{self, Counter, Form, Hall, Listener, NotExplained, Office, Phase, Place};
use crate::city::City;
use crate::data::{self, DataFolder, Manifest, Printed, ReplayError, Replayed};
use crate::engine::{self, Finished, Inputs, Published};
use crate::explain;
use crate::facts::{Facts, Memory};
use crate::failure::{Failure, tell};
use crate::feed::{Cursor, Feed};
use crate::fingerprint::HashKey;
use crate::ids::Seq;
use crate::ingest::input::Identity;
use crate::journal::disk::RealDisk;
use crate::journal::frame::Position;
use crate::journal::reader::Reader;
use crate::journal::segment::SEGMENT_BYTES;
use crate::journal::snapshot::NoteAt;
use crate::journal::writer::{Journal, Setup};
use crate::lane::Lane;
use crate::meter::{Clock, LatencyLedger, Led, Moment};
use crate::notices;
use crate::order::Order;
use crate::publish::{Press, Sink, each_record};
use crate::replayer::Replayer;
use crate::run;
use crate::snapshots::{Snapshots, Whole, no_beginning, to_the_beginning};
use crate::systemd;
use crate::view::board::Board;
use crate::view::decision::{Decisions, Emit};
use crate::view::explain::Lang;
use crate::view::ledger::Ledger;
use crate::view::paper::Paper;

/// Bytes of decisions that are kept for followers.
const FEED_BYTES: usize = 64 << 20;
/// Bytes of a chunk.
const CHUNK_BYTES: usize = 256 * 1024;
/// Segments of the journal in a GiB.
const SEGMENTS_IN_GIB: u64 = (1 << 30) / SEGMENT_BYTES;
/// Where an input begins.
const START: Position = Position { offset: 0, line: 1, clock: None, sum: 0 };
/// How long a recovery may take before it says that it is at work.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a service is asked to be.
#[derive(Clone, Debug)]
pub struct Request {
    /// The data folder.
    pub data: PathBuf,
    /// The city's folder; the one kept with the data without it, else the default city.
    pub city: Option<PathBuf>,
    /// Where HTTP is served.
    pub http: SocketAddr,
    /// Where lines are taken, if they are.
    pub tcp: Option<SocketAddr>,
    /// The socket on which lines are taken, if they are.
    pub unix: Option<PathBuf>,
    /// Lines a second that a key without a limit of its own, or a door without keys, takes.
    pub rate_limit: Option<u32>,
    /// Worker threads.
    pub threads: usize,
    /// How many GiB of the log are kept at least; all without a number.
    pub keep_gib: Option<u32>,
    /// How it says what it has to say.
    pub notices: notices::Form,
}

/// Somebody within the service who speaks to it from a counter like that of a door, and leads its clock.
pub struct Guest {
    /// What the counter is called.
    pub name: &'static str,
    /// The clock that is led.
    pub clock: Led,
    /// Speaks until the service is to end.
    pub speak: Box<dyn FnOnce(&Visit<'_>) + Send>,
}

/// What a guest finds.
pub struct Visit<'a> {
    /// What all doors share.
    pub office: &'a Arc<Office>,
    /// Where the guest hands in.
    pub counter: &'a Arc<Counter>,
    /// Where HTTP is served.
    pub http: String,
}

/// What the log held, and where it goes on.
struct Recovered {
    lane: Lane,
    journal: Journal<RealDisk>,
    hall: Hall,
    replayer: Replayer,
    /// Where the beginnings of all lives are written down.
    notes: Vec<NoteAt>,
    /// The first record of which the log still tells.
    first: Seq,
    /// The first record that had to be decided about again.
    from: Seq,
}

/// Serves until somebody calls what `on_end` is given.
///
/// # Errors
/// Whatever keeps it from serving, or ends it before it was asked to.
pub fn serve(
    request: &Request,
    guest: Option<Guest>,
    on_end: impl FnOnce(Box<dyn Fn() + Send>),
) -> Result<(), Failure> {
    let begun = Instant::now();
    notices::begin(request.notices);
    let folder = DataFolder::new(request.data.clone());
    let city = Arc::new(run::city(request.city.as_deref(), Some(&folder))?);
    let keys = Keys::open(&request.data, city.clone(), request.rate_limit)
        .map_err(|cause| Failure::Refused(format!("密钥有误 the keys are not in order: {cause}")))?;
    check_places(request, &keys)?;
    // A port that is taken is told before the log is read.
    let doors = open_doors(request)?;
    let names: Vec<_> = doors.iter().map(|door| door.name).chain(guest.iter().map(|guest| guest.name)).collect();
    let manifest =
        Manifest { inputs: names.iter().map(|name| Identity::of_growing(&path(name))).collect(), source: None };
    let Recovered { lane, journal, hall, replayer, notes, first, from } = recover(&folder, &city, &manifest)?;
    let connections = api::connections(doors.len());
    let facts = Facts {
        connections,
        city: format!("{} ({}) version {:016x}", city.name_zh, city.name_en, city.version),
        data: request.data.clone(),
        decided: from.0 - 1..hall.next.0 - 1,
        recovery: begun.elapsed(),
        mode: journal.disk().mode(),
        memory: Memory::of(&city, FEED_BYTES as u64, names.len() as u64 * Counter::BYTES_MAX),
        doors: doors.iter().map(|door| (door.name, door.listener.place())).collect(),
        keys: keys.is_needed().then(|| keys.count()),
    };
    let (counters, inboxes): (Vec<_>, Vec<_>) = names.iter().map(|name| Counter::new(name)).unzip();
    let feed = Feed::new(hall.next, FEED_BYTES);
    let explained = explainer(folder.clone(), city.clone());
    let office =
        Office::new(city.clone(), counters.clone(), feed, keys, hall, explained, resumer(folder, city.clone()));
    let office = Arc::new(office);
    office.begin_at(first);
    let keep = request.keep_gib.map(|gib| u64::from(gib) * SEGMENTS_IN_GIB);
    let closing = office.clone();
    on_end(Box::new(move || {
        systemd::stopping();
        closing.move_on(Phase::Closing);
    }));
    match request.notices {
        notices::Form::Text => tell(format_args!("{facts}")),
        notices::Form::Json => facts.note(),
    }
    systemd::ready();
    let inputs = names.iter().map(|name| path(name)).zip(inboxes).collect();
    let clock = guest.as_ref().map_or(Clock::Wall, |guest| Clock::Led(guest.clock.clone()));
    let finished = std::thread::scope(|scope| {
        if let Some(guest) = guest {
            let (office, http) = (&office, doors[0].listener.place());
            let counter = counters.last().expect("the guest's comes behind those of the doors");
            engine::spawn(scope, guest.name, move || {
                (guest.speak)(&Visit { office, counter, http });
                counter.close();
            });
        }
        for (door, counter) in doors.into_iter().zip(&counters) {
            let office = &office;
            engine::spawn(scope, door.name, move || {
                let served = match door.kind {
                    Kind::Http => api::serve_http(door.listener, office, connections),
                    Kind::Lines => api::serve_lines(door.listener, office, counter, connections),
                };
                if let Err(cause) = served {
                    error!(door = door.name, %cause, "门无法服务 a door cannot be served");
                }
                // Whatever happened: who reads the inbox must not wait for ever.
                counter.close();
            });
        }
        let (closed, until_closed) = sync_channel(0);
        engine::spawn(scope, "replayer", || {
            let until_closed = until_closed;
            replayer.run(&office, keep, &until_closed)
        });
        let finished = work(request, &city, clock, lane, journal, Inputs::of_doors(inputs), &office);
        office.move_on(Phase::Closed);
        drop(closed);
        finished
    })?;
    let (lane, _, end) = run::close_journal(finished, &city)?;
    let hall = office.hall();
    // What is on the disk is safe without it: it is only for a quick start.
    if let Some(Err(failure)) = end.map(|place| replayer.keep(place, notes, &lane, &hall.board, &hall.ledger)) {
        warn!(%failure, "没有留下快照 no snapshot was left");
    }
    if !hall.ledger.closes() {
        return Err(Failure::Ledger(format!("{:?}", hall.ledger.total())));
    }
    info!(records = lane.next().0 - 1, digest = %lane.digest(), "已停止，账平 stopped, the ledger closes");
    Ok(())
}

/// The engine, from the first parcel to the last.
fn work(
    request: &Request,
    city: &Arc<City>,
    clock: Clock,
    lane: Lane,
    journal: Journal<RealDisk>,
    inputs: Inputs,
    office: &Office,
) -> Result<Finished, Failure> {
    let (stop, progress) = (AtomicBool::new(false), AtomicU64::new(0));
    let setup = engine::Setup {
        city,
        key: journal.key(),
        speaker: None,
        threads: request.threads,
        chunk_bytes: CHUNK_BYTES,
        clock: Some(clock),
        stop: &stop,
        progress: &progress,
    };
    let order = Order::new(vec![START; inputs.len()], city.jump_ms, CHUNK_BYTES);
    let decisions = Decisions::new(city);
    let mut press = Press::new(&decisions, Emit::All, Sink::Null, None);
    let finished =
        engine::run(&setup, inputs, lane, order, Some(journal), &mut press, |published| show(office, published));
    // Doors that wait for receipts learn that none will come.
    office.move_on(Phase::Closing);
    Ok(finished?)
}

/// What was published is shown: to who reads, then to who follows.
fn show(office: &Office, published: &Published<'_>) {
    {
        let mut hall = office.hall();
        hall.board.touch(published.effects);
        each_record(&published.frame, published.effects, |record, effects| hall.fold(record, effects));
        hall.note(published.journey, published.census);
    }
    office.feed.publish(published.first, published.next, published.lines);
}

/// Begins a journal, or decides again about what it holds behind the newest snapshot.
fn recover(folder: &DataFolder, city: &Arc<City>, manifest: &Manifest) -> Result<Recovered, Failure> {
    let disk = run::open_journal(folder)?;
    if !Journal::is_in(&disk)? {
        folder.keep_city(city.files()).map_err(|cause| Failure::file("write", &folder.city(), &cause))?;
        let key = HashKey { k0: run::entropy()?, k1: run::entropy()? };
        let mut journal = Journal::create(disk, key, city.version, Setup::new(run::entropy()?))?;
        let whole = Whole::at_first(city);
        let note = run::write_manifest(&mut journal, manifest, &whole.lane, city)?;
        let replayer = Replayer::open(folder.clone(), city.clone(), key)?;
        let (hall, lane) = (hall(city, whole.board, whole.ledger, &whole.lane), whole.lane);
        return Ok(Recovered { lane, journal, hall, replayer, notes: vec![note], first: Seq(1), from: Seq(1) });
    }
    let mut reader = Reader::open(disk)?;
    let newest = *reader.segments().last().expect("a reader has at least one segment");
    let replayer = Replayer::open(folder.clone(), city.clone(), newest.key)?;
    let mut snapshots = replayer.snapshots(newest.first_seq)?;
    let first = snapshots.first_seq().ok_or_else(|| no_beginning(folder))?;
    let whole = snapshots.load_whole().ok_or_else(|| no_beginning(folder))?;
    if whole.place.is_some_and(|place| !matches!(reader.go_to(&place), Ok(true))) {
        return Err(no_beginning(folder));
    }
    let (from, mut notes) = (whole.place.map(|place| place.header.order.first_seq), whole.runs);
    let mut hall = hall(city, whole.board, whole.ledger, &whole.lane);
    let decisions = Decisions::new(city);
    let mut nobody = Press::new(&decisions, Emit::All, Sink::Null, None);
    let begun = Instant::now();
    let mut has_told = false;
    let replayed = data::replay(&mut reader, whole.lane, Printed::Nothing, &mut nobody, |frame, effects| {
        hall.board.touch(effects);
        each_record(frame, effects, |record, effects| hall.fold(record, effects));
        if !has_told && begun.elapsed() > PATIENCE {
            has_told = true;
            info!(records = hall.next.0 - 1, "正在恢复 recovering");
        }
    });
    let Replayed { lane, notes: behind, .. } = match (replayed, from) {
        (Err(why @ (ReplayError::Mismatch { .. } | ReplayError::End { .. })), Some(seq)) => {
            // It is the log that holds: without that snapshot it says all that happened.
            replayer.remove(&snapshots, seq, &Failure::from(why))?;
            drop((reader, replayer));
            return recover(folder, city, manifest);
        }
        (replayed, _) => replayed?,
    };
    if let Some(cut) = reader.cut() {
        warn!(%cut, "断尾 a torn tail was cut");
    }
    let (mut journal, _) = Journal::resume(reader, Setup::new(run::entropy()?))?;
    notes.extend(behind);
    notes.push(run::write_manifest(&mut journal, manifest, &lane, city)?);
    Ok(Recovered { lane, journal, hall, replayer, notes, first, from: from.unwrap_or(first) })
}

/// What is shown where a lane is.
fn hall(city: &City, board: Board, ledger: Ledger, lane: &Lane) -> Hall {
    let budgets = city.sources.iter().map(|source| source.budget_ms);
    Hall { board, ledger, latency: LatencyLedger::new(Moment::now(), budgets), at: lane.at(), next: lane.next() }
}

/// A door of the service.
struct Door {
    name: &'static str,
    kind: Kind,
    listener: Listener,
}

#[derive(Clone, Copy)]
enum Kind {
    Http,
    Lines,
}

impl Door {
    fn open(name: &'static str, kind: Kind, place: &Place) -> Result<Self, Failure> {
        let listener = Listener::open(place).map_err(|cause| {
            let place = match place {
                Place::Tcp(address) => address.to_string(),
                Place::Unix(path) => path.display().to_string(),
            };
            Failure::Machine(format!(
                "无法监听 cannot listen on {place} for {name}: {cause}; give another place with --{name}"
            ))
        })?;
        Ok(Self { name, kind, listener })
    }
}

/// What the input of a door is called in the journal.
fn path(name: &str) -> PathBuf {
    PathBuf::from(format!("serve:{name}"))
}

fn open_doors(request: &Request) -> Result<Vec<Door>, Failure> {
    let mut doors = vec![Door::open("http", Kind::Http, &Place::Tcp(request.http))?];
    if let Some(address) = request.tcp {
        doors.push(Door::open("tcp", Kind::Lines, &Place::Tcp(address))?);
    }
    if let Some(path) = &request.unix {
        doors.push(Door::open("unix", Kind::Lines, &Place::Unix(path.clone()))?);
    }
    Ok(doors)
}

/// Without keys only this machine is served.
fn check_places(request: &Request, keys: &Keys) -> Result<(), Failure> {
    if keys.is_needed() {
        return Ok(());
    }
    let public = [Some(request.http), request.tcp].into_iter().flatten().find(|address| !address.ip().is_loopback());
    match public {
        Some(address) => Err(Failure::Usage(format!(
            "{address}: 没有密钥时只在本机提供服务 whoever can connect may say anything, so only this machine is served: \
             give a loopback address (127.0.0.1 or ::1), or make keys first: paidan keys add --data {}",
            request.data.display()
        ))),
        None => Ok(()),
    }
}

/// Explains from the data folder, as `paidan explain` does.
fn explainer(folder: DataFolder, city: Arc<City>) -> Box<api::Explain> {
    Box::new(move |name, form| {
        let request = explain::Request {
            ids: vec![name.to_owned()],
            data: folder.path().to_owned(),
            city: None,
            source: None,
            every: explain::EVERY,
        };
        let (mut text, mut briefs) = (String::new(), Vec::new());
        let told = explain::explain_in(&request, city.clone(), |explanation| {
            match form {
                Form::Json => text += &(serde_json::to_string(explanation).expect("an explanation is JSON") + "\n"),
                Form::Zh => text += &explanation.text(Lang::Zh),
                Form::En => text += &explanation.text(Lang::En),
                Form::Brief => briefs.extend(explanation.brief().map(|brief| json!(brief))),
            }
            Ok(())
        });
        match told {
            Ok(_) if form == Form::Brief && briefs.is_empty() => Err(NotExplained::NotFound(format!(
                "{name} 不是上报 is no report; /v1/explain/{name} tells what it is"
            ))),
            Ok(_) if form == Form::Brief => Ok(json!({ "reports": briefs }).to_string()),
            Ok(_) => Ok(text),
            Err(failure @ Failure::Usage(_)) => Err(NotExplained::NotFound(failure.to_string())),
            Err(failure) => Err(NotExplained::Failed(failure.to_string())),
        }
    })
}

/// Reads decisions from the journal: what is behind the nearest snapshot is decided again, as `paidan replay` does.
fn resumer(folder: DataFolder, city: Arc<City>) -> Box<api::Resume> {
    Box::new(move |from: Cursor, take| {
        let mut reader = data::reader(&folder).map_err(|error| error.to_string())?;
        let decisions = Decisions::new(&city);
        let mut nobody = Press::new(&decisions, Emit::All, Sink::Null, None);
        let key = reader.segments()[0].key;
        let near = Snapshots::open(&folder, key, from.seq, city.clone(), explain::EVERY)
            .map_err(|failure| failure.to_string())?
            .load(Seq(1), from.seq)
            .filter(|start| start.place.is_some_and(|place| matches!(reader.go_to(&place), Ok(true))));
        let lane = match near {
            Some(start) => start.lane,
            None => to_the_beginning(&folder, &city, &mut reader).map_err(|failure| failure.to_string())?.lane,
        };
        if lane.next() > from.seq {
            return Err(format!("decisions are kept from record {} on", lane.next()));
        }
        let mut paper = Paper::default();
        let read = data::replay_while(&mut reader, lane, Printed::Nothing, &mut nobody, |_, frame, effects| {
            paper.clear();
            let from = effects.partition_point(|(seq, _)| *seq < from.seq);
            each_record(frame, &effects[from..], |record, effects| {
                for (_, effect) in effects {
                    decisions.write(effect, record, frame.body(record.origin.body), &mut paper);
                }
            });
            paper.as_bytes().is_empty() || take(paper.as_bytes())
        });
        read.map(drop).map_err(|error| Failure::from(error).to_string())
    })
}
