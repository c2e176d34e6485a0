//! paidan as a service: a process of its own beside this one, through its doors; and a bare handler in its place.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use memchr::{memchr_iter, memmem};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use paidan::ingest::inbox::{Found, Inbox, parcel_end};
use paidan::meter::Moment;

use super::{Answer, Answers, Worker};
use crate::usage::{self, Usage};
use crate::{Outcome, programs};

/// Bytes that are written or read at once.
const PIECE: usize = 256 * 1024;
/// Connections of HTTP, each with one request under way.
const CONNECTIONS: usize = 8;
/// How long a full door is left alone.
const AGAIN: Duration = Duration::from_millis(2);

/// How the service is set up.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The city's folder; the built-in city without one.
    pub city: Option<PathBuf>,
    /// The folder of the journal.
    pub data: PathBuf,
    /// Worker threads.
    pub threads: usize,
}

/// The process.
struct Service {
    child: Child,
    started: Instant,
    http: SocketAddr,
    /// A bare handler has no such door.
    tcp: Option<SocketAddr>,
    /// Keeps its pipe open.
    _stderr: BufReader<std::process::ChildStderr>,
}

impl Service {
    fn paidan(setting: &Setting) -> Outcome<Self> {
        let mut command = Command::new(programs::beside("paidan")?);
        command.args(["serve", "--tcp", "127.0.0.1:0"]);
        if let Some(city) = &setting.city {
            command.arg("--city").arg(city);
        }
        Self::start(command, setting)
    }

    fn bare(setting: &Setting) -> Outcome<Self> {
        let mut command = Command::new(programs::beside("loadtest")?);
        command.arg("bare");
        Self::start(command, setting)
    }

    fn start(mut command: Command, setting: &Setting) -> Outcome<Self> {
        let program = PathBuf::from(command.get_program());
        command.args(["--http", "127.0.0.1:0", "--threads"]);
        command.arg(setting.threads.to_string()).arg("--data").arg(&setting.data);
        let started = Instant::now();
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.map_err(|cause| format!("{}: cannot start: {cause}", program.display()))?;
        let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut said = String::new();
        while !said.ends_with("ready\n") {
            let read = stderr.read_line(&mut said).map_err(|cause| format!("{}: {cause}", program.display()))?;
            if read == 0 {
                return Err(format!("{} ended before it was ready:\n{said}", program.display()));
            }
        }
        let place = |name: &str| {
            let line = said.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|place| place.trim().parse().ok())
        };
        let http = place("http ").ok_or_else(|| format!("no place of HTTP in:\n{said}"))?;
        let tcp = place("tcp ");
        Ok(Self { child, started, http, tcp, _stderr: stderr })
    }

    /// Ends it, and tells what it used.
    fn end(self) -> Outcome<Usage> {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a process number"));
        kill(pid, Signal::SIGTERM).map_err(|cause| format!("the service cannot be ended: {cause}"))?;
        let ended = usage::wait_for(self.child, self.started);
        let (status, usage) = ended.map_err(|cause| format!("the service did not end: {cause}"))?;
        if status.success() { Ok(usage) } else { Err(format!("the service ended with {status}")) }
    }
}

/// Lines over one TCP connection.
///
/// # Errors
/// If the service does not start.
pub fn tcp(setting: &Setting) -> Outcome<Worker> {
    let service = Service::paidan(setting)?;
    let tcp = service.tcp.ok_or("paidan did not say where it takes lines")?;
    Ok(Worker::start(move |inbox, answered| {
        let batches = send_lines(tcp, inbox, answered).map_err(|cause| format!("over TCP: {cause}"))?;
        Ok(Answers { batches, usage: Some(service.end()?), ..Answers::default() })
    }))
}

fn send_lines(address: SocketAddr, mut inbox: Inbox, answered: &AtomicU64) -> io::Result<Vec<Answer>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let receipts = stream.try_clone()?;
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || read_receipts(receipts, answered));
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            match inbox.take(PIECE, |parcel, _, _| buffer.extend_from_slice(parcel)) {
                Found::Parcels { .. } => stream.write_all(&buffer)?,
                Found::Nothing => {}
                Found::End => break,
            }
        }
        stream.shutdown(std::net::Shutdown::Write)?;
        reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn read_receipts(mut receipts: TcpStream, answered: &AtomicU64) -> io::Result<Vec<Answer>> {
    let (mut batches, mut buffer, mut first) = (Vec::new(), vec![0; PIECE], 0);
    loop {
        let read = receipts.read(&mut buffer)?;
        if read == 0 {
            return Ok(batches);
        }
        let next = first + memchr_iter(b'\n', &buffer[..read]).count() as u64;
        batches.push(Answer { first, next, at: Moment::now() });
        answered.store(next, Ordering::Relaxed);
        first = next;
    }
}

/// What one request carries.
struct Request {
    first: u64,
    reports: u64,
    lines: Vec<u8>,
}

/// NDJSON over HTTP: some connections, each with one request of at most so many bytes under way (or one parcel, if it is larger).
///
/// # Errors
/// If the service does not start.
pub fn http(setting: &Setting, request_bytes: usize) -> Outcome<Worker> {
    Ok(over_http(Service::paidan(setting)?, request_bytes))
}

/// The same requests to a handler that does nothing but parse, append and sync.
///
/// # Errors
/// If it does not start.
pub fn bare(setting: &Setting, request_bytes: usize) -> Outcome<Worker> {
    Ok(over_http(Service::bare(setting)?, request_bytes))
}

fn over_http(service: Service, request_bytes: usize) -> Worker {
    Worker::start(move |inbox, answered| {
        let sent = send_requests(service.http, request_bytes, inbox, answered);
        let mut batches = sent.map_err(|cause| format!("over HTTP: {cause}"))?;
        batches.sort_unstable_by_key(|answer| answer.first);
        Ok(Answers { batches, usage: Some(service.end()?), ..Answers::default() })
    })
}

fn send_requests(
    address: SocketAddr,
    request_bytes: usize,
    mut inbox: Inbox,
    answered: &AtomicU64,
) -> io::Result<Vec<Answer>> {
    let (requests, taken): (SyncSender<Request>, Receiver<Request>) = sync_channel(CONNECTIONS);
    let taken = Mutex::new(taken);
    std::thread::scope(|scope| {
        let connections: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(|| ask(address, &taken, answered))).collect();
        let mut first = 0;
        loop {
            let mut lines = Vec::with_capacity(request_bytes);
            let found = inbox.take(request_bytes, |parcel, _, _| lines.extend_from_slice(parcel));
            // A parcel of many reports is more than a request where those are to be small.
            let (mut rest, mut is_heard) = (&*lines, true);
            while is_heard && !rest.is_empty() {
                let (lines, behind) = rest.split_at(parcel_end(rest, request_bytes));
                let reports = memchr_iter(b'\n', lines).count() as u64;
                is_heard = requests.send(Request { first, reports, lines: lines.to_vec() }).is_ok();
                first += reports;
                rest = behind;
            }
            if found == Found::End || !is_heard {
                break;
            }
        }
        drop(requests);
        let mut all = Vec::new();
        for connection in connections {
            all.extend(connection.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(all)
    })
}

/// One connection: a request, its answer, the next request.
fn ask(address: SocketAddr, requests: &Mutex<Receiver<Request>>, answered: &AtomicU64) -> io::Result<Vec<Answer>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let (mut batches, mut message, mut answer) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        let next = requests.lock().unwrap_or_else(std::sync::PoisonError::into_inner).recv();
        let Ok(Request { first, reports, lines }) = next else { return Ok(batches) };
        message.clear();
        write!(
            message,
            "POST /v1/reports HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n",
            lines.len()
        )?;
        message.extend_from_slice(&lines);
        loop {
            stream.write_all(&message)?;
            let (status, body) = read_answer(&mut stream, &mut answer)?;
            match status {
                200 if memchr_iter(b'\n', &answer[body..]).count() as u64 == reports => break,
                503 => std::thread::sleep(AGAIN),
                _ => return Err(io::Error::other(format!("answered {}", String::from_utf8_lossy(&answer)))),
            }
        }
        batches.push(Answer { first, next: first + reports, at: Moment::now() });
        answered.fetch_add(reports, Ordering::Relaxed);
    }
}

/// Reads one answer: its status, and where its body begins.
fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) -> io::Result<(u16, usize)> {
    answer.clear();
    let mut body = None;
    loop {
        if body.is_none() {
            body = memmem::find(answer, b"\r\n\r\n").map(|end| end + 4);
        }
        if let Some(body) = body {
            let head = String::from_utf8_lossy(&answer[..body]).to_lowercase();
            let number = |key: &str| head.split(key).nth(1)?.split_whitespace().next()?.parse::<usize>().ok();
            let broken = || io::Error::other(format!("no HTTP: {head}"));
            let (status, len) =
                (number("http/1.1 ").ok_or_else(broken)?, number("content-length: ").ok_or_else(broken)?);
            if answer.len() >= body + len {
                return Ok((status as u16, body));
            }
        }
        let from = answer.len();
        answer.resize(from + PIECE, 0);
        let read = stream.read(&mut answer[from..])?;
        answer.truncate(from + read);
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
