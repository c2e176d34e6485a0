//! The doors of the service: HTTP, TCP and Unix sockets, each on a thread of its own that only moves bytes.
//!
//! | noun | what it is |
//! |---|---|
//! | [`Counter`] | where a door hands in lines, and from where receipts come back |
//! | [`Office`] | what all doors of a service share |
//! | [`Hall`] | what is shown: folds of what was published |
//! | [`keys::Keys`] | who may come in, and what for |
//!
//! Nothing here decides anything: lines go through a counter into the engine, and come back as receipts when they are on the
//! disk. Who reads is served from folds of what was published, and keeps nobody waiting.

mod answer;
mod asked;
mod boards;
mod bucket;
mod cloud_event;
mod counter;
mod events;
mod ground;
mod guard;
mod http;
pub mod keys;
mod lines;
mod live;
mod metrics;
mod office;
mod openapi;
mod page;
mod reads;
mod reports;
mod review;
mod seats;
mod shown;
mod split;
mod stream;
mod version;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use counter::{Counter, Receipts};
pub use office::{Explain, Form, Hall, NotExplained, Office, Phase, Resume};
use seats::Seats;
pub use seats::connections;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::time::timeout;

/// Connections that may wait to be accepted, where the system allows so many.
const BACKLOG: i32 = 4096;
/// Bytes of a connection that are read before it is served; the rest goes where it belongs without a stop.
const FIRST_WORD_BYTES: usize = 512;
/// How long connections may take to end when the service does.
const GRACE: Duration = Duration::from_secs(10);

/// Where a door listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// An address and a port.
    Tcp(SocketAddr),
    /// The path of a socket.
    Unix(PathBuf),
}

/// A door that listens, and is not yet served.
pub enum Listener {
    /// On an address.
    Tcp(std::net::TcpListener),
    /// On a socket of the file system.
    Unix(std::os::unix::net::UnixListener),
}

impl Listener {
    /// Listens. A socket in the file system that nobody serves any more makes room.
    ///
    /// # Errors
    /// If the place is taken, or cannot be used.
    pub fn open(place: &Place) -> io::Result<Self> {
        match place {
            Place::Tcp(address) => {
                let listener = std::net::TcpListener::bind(address)?;
                // Who comes in a crowd would else be turned away, and come again after a second.
                rustix::net::listen(&listener, BACKLOG)?;
                listener.set_nonblocking(true)?;
                Ok(Self::Tcp(listener))
            }
            Place::Unix(path) => {
                if std::os::unix::net::UnixStream::connect(path).is_err() && path.exists() {
                    std::fs::remove_file(path)?;
                }
                let listener = std::os::unix::net::UnixListener::bind(path)?;
                listener.set_nonblocking(true)?;
                Ok(Self::Unix(listener))
            }
        }
    }

    /// Whether only this machine can come to it.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(listener) => listener.local_addr().is_ok_and(|address| address.ip().is_loopback()),
            Self::Unix(_) => true,
        }
    }

    /// Where it listens in fact: the port may have been left to the system.
    pub fn place(&self) -> String {
        let address = match self {
            Self::Tcp(listener) => listener.local_addr().map(|address| address.to_string()),
            Self::Unix(listener) => listener
                .local_addr()
                .map(|address| address.as_pathname().map_or_else(String::new, |path| path.display().to_string())),
        };
        address.unwrap_or_default()
    }
}

/// Serves a door on this thread until the service ends.
///
/// # Errors
/// If the machine cannot serve it at all.
pub fn serve_http(listener: Listener, office: &Arc<Office>, connections: usize) -> io::Result<()> {
    let router = http::router(office.clone(), listener.is_local());
    let composing = live::compose(office.clone());
    let door = Door { counter: office.http(), connections, silence: Box::new(|| http::FIRST_BYTE) };
    serve(listener, office, door, composing, move |stream, phase| {
        let router = router.clone();
        async move { http::serve(stream, router, phase).await }
    })
}

/// As [`serve_http`], for lines.
///
/// # Errors
/// As [`serve_http`].
pub fn serve_lines(
    listener: Listener,
    office: &Arc<Office>,
    counter: &Arc<Counter>,
    connections: usize,
) -> io::Result<()> {
    let silence = Box::new(|| lines::silence(&office.keys));
    let door = Door { counter, connections, silence };
    let (at, own, bucket) = (counter.clone(), office.clone(), office.keys.door_bucket());
    serve(listener, office, door, std::future::ready(()), move |stream, phase| {
        let (counter, office, mut end) = (at.clone(), own.clone(), phase.clone());
        let bucket = bucket.clone();
        async move {
            let (from, to) = tokio::io::split(stream);
            tokio::select! {
                _ = lines::serve(from, to, lines::Place { counter, office, bucket }, phase) => {}
                _ = end.wait_for(|phase| *phase == Phase::Closed) => {}
            }
        }
    })
}

/// A connection, whatever it goes over.
pub(crate) trait Stream: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static {}
impl<S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// A connection that has said its first word, which is still to be read.
type Spoken = BufReader<Box<dyn Stream>>;

/// How a door is served.
struct Door<'a> {
    counter: &'a Arc<Counter>,
    /// Most connections at a time.
    connections: usize,
    /// How long a connection may take to begin.
    silence: Box<dyn Fn() -> Duration + 'a>,
}

/// Serves each connection by a task, and does what is to be done beside that.
fn serve<F>(
    listener: Listener,
    office: &Arc<Office>,
    door: Door<'_>,
    beside: impl Future<Output = ()> + Send + 'static,
    connection: impl Fn(Spoken, watch::Receiver<Phase>) -> F + Clone + Send + 'static,
) -> io::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let seats = Seats::new(door.connections);
    let mut phase = office.phase();
    runtime.block_on(async {
        let listener = Accepting::new(listener)?;
        tokio::spawn(beside);
        loop {
            let come = async {
                let stream = listener.accept().await?;
                Ok::<_, io::Error>((stream, seats.take().await))
            };
            let come = tokio::select! {
                come = come => come,
                _ = phase.wait_for(|phase| *phase != Phase::Open) => break,
            };
            match come {
                Ok((stream, mut seat)) => {
                    let (silence, mut phase, connection) = ((door.silence)(), office.phase(), connection.clone());
                    tokio::spawn(async move {
                        let mut stream = BufReader::with_capacity(FIRST_WORD_BYTES, stream);
                        let first_word = async {
                            tokio::select! {
                                come = timeout(silence, stream.fill_buf()) => matches!(come, Ok(Ok([_, ..]))),
                                _ = phase.wait_for(|phase| *phase != Phase::Open) => false,
                            }
                        };
                        if seat.until(first_word).await {
                            connection(stream, phase).await;
                        }
                    });
                }
                // Out of handles, or a connection that was gone before it came: the others go on.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
        drop(listener);
        // What is being sent is taken for a while; then nothing more is, and what was taken is answered.
        let _ = timeout(GRACE / 2, seats.until_empty()).await;
        door.counter.close();
        let _ = timeout(GRACE / 2, seats.until_empty()).await;
        Ok(())
    })
}

enum Accepting {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Accepting {
    fn new(listener: Listener) -> io::Result<Self> {
        match listener {
            Listener::Tcp(listener) => TcpListener::from_std(listener).map(Self::Tcp),
            Listener::Unix(listener) => UnixListener::from_std(listener).map(Self::Unix),
        }
    }

    async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| Box::new(stream) as Box<dyn Stream>),
        }
    }
}
