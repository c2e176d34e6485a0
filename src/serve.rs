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
use std::time::{Duration, Instant};

use crate::api::{self, Counter, Form, Hall, Listener, NotExplained, Office, Phase, Place};
use crate::city::City;
use crate::data::{self, DataFolder, Manifest, Printed, Replayed};
use crate::engine::{self, Finished, Inputs, Published};
use crate::explain;
use crate::failure::{Failure, tell};
use crate::feed::{Cursor, Feed};
use crate::fingerprint::HashKey;
use crate::ids::Seq;
use crate::ingest::input::Identity;
use crate::journal::disk::RealDisk;
use crate::journal::frame::Position;
use crate::journal::reader::Reader;
use crate::journal::writer::{Journal, Setup};
use crate::lane::Lane;
use crate::meter::{Clock, LatencyLedger, Led, Moment};
use crate::order::Order;
use crate::publish::{Press, Sink, each_record};
use crate::run;
use crate::time::At;
use crate::view::board::Board;
use crate::view::decision::{Decisions, Emit};
use crate::view::explain::Lang;
use crate::view::ledger::Ledger;
use crate::view::paper::Paper;

/// Bytes of decisions that are kept for followers.
const FEED_BYTES: usize = 64 << 20;
/// Bytes of a chunk.
const CHUNK_BYTES: usize = 256 * 1024;
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
    /// Worker threads.
    pub threads: usize,
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
    check_places(request)?;
    let folder = DataFolder::new(request.data.clone());
    let city = Arc::new(run::city(request.city.as_deref(), Some(&folder))?);
    // A port that is taken is told before the log is read.
    let doors = open_doors(request)?;
    let names: Vec<_> = doors.iter().map(|door| door.name).chain(guest.iter().map(|guest| guest.name)).collect();
    let manifest =
        Manifest { inputs: names.iter().map(|name| Identity::of_growing(&path(name))).collect(), source: None };
    let Recovered { lane, journal, hall } = recover(&folder, &city, &manifest)?;
    let records = hall.next.0 - 1;
    let (counters, inboxes): (Vec<_>, Vec<_>) = names.iter().map(|name| Counter::new(name)).unzip();
    let feed = Feed::new(hall.next, FEED_BYTES);
    let explained = explainer(folder.clone(), city.clone());
    let office = Office::new(city.clone(), counters.clone(), feed, hall, explained, resumer(folder, city.clone()));
    let office = Arc::new(office);
    let closing = office.clone();
    on_end(Box::new(move || closing.move_on(Phase::Closing)));
    tell(format_args!("{}", facts(request, &city, &doors, records, begun.elapsed())));
    let inputs = names.iter().map(|name| path(name)).zip(inboxes).collect();
    let clock = guest.as_ref().map_or(Clock::Wall, |guest| Clock::Led(guest.clock.clone()));
    let finished = std::thread::scope(|scope| {
        if let Some(guest) = guest {
            let (office, http) = (&office, doors[0].listener.place());
            let counter = counters.last().expect("the guest's comes behind those of the doors");
            scope.spawn(move || {
                (guest.speak)(&Visit { office, counter, http });
                counter.close();
            });
        }
        for (door, counter) in doors.into_iter().zip(&counters) {
            let office = &office;
            scope.spawn(move || {
                let served = match door.kind {
                    Kind::Http => api::serve_http(door.listener, office),
                    Kind::Lines => api::serve_lines(door.listener, office, counter),
                };
                if let Err(cause) = served {
                    tell(format_args!("{} 无法服务 cannot be served: {cause}\n", door.name));
                }
                // Whatever happened: who reads the inbox must not wait for ever.
                counter.close();
            });
        }
        let finished = work(request, &city, clock, lane, journal, Inputs::of_doors(inputs), &office);
        office.move_on(Phase::Closed);
        finished
    })?;
    let (lane, _) = run::close_journal(finished, &city)?;
    let hall = office.hall();
    if !hall.ledger.closes() {
        return Err(Failure::Ledger(format!("{:?}", hall.ledger.total())));
    }
    tell(format_args!(
        "已停止 stopped: {} records, digest {}, 账平 the ledger closes\n",
        lane.next().0 - 1,
        lane.digest()
    ));
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
        each_record(&published.frame, published.effects, |record, effects| hall.fold(record, effects));
        hall.note(published.journey, published.census);
    }
    office.feed.publish(published.first, published.next, published.lines);
}

/// Decides again about what the journal holds, or begins one.
fn recover(folder: &DataFolder, city: &Arc<City>, manifest: &Manifest) -> Result<Recovered, Failure> {
    let budgets = city.sources.iter().map(|source| source.budget_ms);
    let mut hall = Hall {
        board: Board::new(city, city.memory.cases_max as usize),
        ledger: Ledger::new(city.sources.len()),
        latency: LatencyLedger::new(Moment::now(), budgets),
        at: At(0),
        next: Seq(1),
    };
    let lane = Lane::new(city.clone());
    let disk = run::open_journal(folder)?;
    if !Journal::is_in(&disk)? {
        folder.keep_city(city.files()).map_err(|cause| Failure::file("write", &folder.city(), &cause))?;
        let key = HashKey { k0: run::entropy()?, k1: run::entropy()? };
        let mut journal = Journal::create(disk, key, city.version, Setup::new(run::entropy()?))?;
        run::write_manifest(&mut journal, manifest, &lane, city)?;
        return Ok(Recovered { lane, journal, hall });
    }
    let mut reader = Reader::open(disk)?;
    let decisions = Decisions::new(city);
    let mut nobody = Press::new(&decisions, Emit::All, Sink::Null, None);
    let begun = Instant::now();
    let mut has_told = false;
    let replayed = data::replay(&mut reader, lane, Printed::Nothing, &mut nobody, |frame, effects| {
        each_record(frame, effects, |record, effects| hall.fold(record, effects));
        if !has_told && begun.elapsed() > PATIENCE {
            has_told = true;
            tell(format_args!("正在恢复 recovering: {} records so far\n", hall.next.0 - 1));
        }
    })?;
    let Replayed { lane, .. } = replayed;
    if let Some(cut) = reader.cut() {
        tell(format_args!("断尾 a torn tail was cut: {cut}\n"));
    }
    let (mut journal, _) = Journal::resume(reader, Setup::new(run::entropy()?))?;
    run::write_manifest(&mut journal, manifest, &lane, city)?;
    Ok(Recovered { lane, journal, hall })
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
fn check_places(request: &Request) -> Result<(), Failure> {
    let public = [Some(request.http), request.tcp].into_iter().flatten().find(|address| !address.ip().is_loopback());
    match public {
        Some(address) => Err(Failure::Usage(format!(
            "{address}: 没有密钥时只在本机提供服务 whoever can connect may say anything, so only this machine is served: \
             give a loopback address (127.0.0.1 or ::1), and put a gateway that knows its callers before it"
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
        let mut text = String::new();
        let told = explain::explain_in(&request, city.clone(), |explanation| {
            text += &match form {
                Form::Json => serde_json::to_string(explanation).expect("an explanation is JSON") + "\n",
                Form::Zh => explanation.text(Lang::Zh),
                Form::En => explanation.text(Lang::En),
            };
            Ok(())
        });
        match told {
            Ok(_) => Ok(text),
            Err(failure @ Failure::Usage(_)) => Err(NotExplained::NotFound(failure.to_string())),
            Err(failure) => Err(NotExplained::Failed(failure.to_string())),
        }
    })
}

/// Reads decisions from the journal: all of it is decided again, as `paidan replay` does.
fn resumer(folder: DataFolder, city: Arc<City>) -> Box<api::Resume> {
    Box::new(move |from: Cursor, take| {
        let mut reader = data::reader(&folder).map_err(|error| error.to_string())?;
        let decisions = Decisions::new(&city);
        let mut nobody = Press::new(&decisions, Emit::All, Sink::Null, None);
        let (lane, mut paper) = (Lane::new(city.clone()), Paper::default());
        let read = data::replay_while(&mut reader, lane, Printed::Nothing, &mut nobody, |frame, effects| {
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

/// The page of facts at start.
fn facts(request: &Request, city: &City, doors: &[Door], records: u64, took: Duration) -> String {
    let mut text = format!("城市 city {} ({}) version {:016x}\n", city.name_zh, city.name_en, city.version);
    text += &format!(
        "日志 journal {} ({records} records, recovered in {:.2} s), synced before every receipt\n",
        request.data.display(),
        took.as_secs_f64()
    );
    for door in doors {
        text += &format!("{} {}\n", door.name, door.listener.place());
    }
    text + "只在本机提供服务 only this machine is served: there are no keys\n就绪 ready\n"
}
