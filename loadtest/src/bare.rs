//! `bare`: what a service costs that only takes reports. An axum handler that parses each line into a typed report, appends what
//! came to a file, syncs it together with whatever else has come, and answers. paidan's HTTP door is measured against it.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::post;
use serde::Deserialize;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;

use crate::Outcome;

/// Requests that may wait to be written.
const WAITING_MAX: usize = 1024;

/// What `bare` is told.
#[derive(clap::Args)]
pub struct Args {
    /// Where it listens
    #[arg(long, default_value = "127.0.0.1:8090")]
    http: SocketAddr,
    /// The folder for its file
    #[arg(long)]
    data: PathBuf,
    /// Threads that serve
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

/// Input schema v1, as far as a plain service would look at it.
#[derive(Deserialize)]
#[expect(dead_code, reason = "parsing is what is measured")]
struct Report<'a> {
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    ts: Option<Time<'a>>,
    lng: Option<f64>,
    lat: Option<f64>,
    #[serde(borrow)]
    category: Option<Cow<'a, str>>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "parsing is what is measured")]
enum Time<'a> {
    Ms(i64),
    #[serde(borrow)]
    Text(Cow<'a, str>),
}

/// Lines that are to be on the disk before somebody is answered.
struct Lines {
    body: Bytes,
    is_synced: oneshot::Sender<()>,
}

/// Serves until it is killed or asked to end.
///
/// # Errors
/// If it cannot listen or write.
pub fn run(args: &Args) -> Outcome {
    let failed = |what: &str, cause: io::Error| format!("{what}: {cause}");
    let path = args.data.join("bare.ndjson");
    let made = std::fs::create_dir_all(&args.data).and_then(|()| File::create(&path));
    let file = made.map_err(|cause| failed(&path.display().to_string(), cause))?;
    let (to_file, lines) = channel(WAITING_MAX);
    std::thread::spawn(move || append_and_sync(file, lines));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(args.threads).enable_all().build();
    let runtime = runtime.map_err(|cause| failed("no threads", cause))?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(args.http).await;
        let listener = listener.map_err(|cause| failed(&args.http.to_string(), cause))?;
        let place = listener.local_addr().map_err(|cause| failed("no address", cause))?;
        eprintln!("http {place}\nready");
        let router = Router::new().route("/v1/reports", post(take)).layer(DefaultBodyLimit::max(16 << 20));
        let served = axum::serve(listener, router.with_state(to_file)).with_graceful_shutdown(asked_to_end());
        served.await.map_err(|cause| failed("cannot serve", cause))
    })
}

async fn asked_to_end() {
    let signal = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate());
    if let Ok(mut signal) = signal {
        signal.recv().await;
    }
}

async fn take(State(to_file): State<Sender<Lines>>, body: Bytes) -> Result<Vec<u8>, StatusCode> {
    let mut answer = Vec::new();
    for (line, text) in (1_u64..).zip(body.split_inclusive(|byte| *byte == b'\n')) {
        let is_report = sonic_rs::from_slice::<Report<'_>>(text).is_ok();
        // Writing to memory does not fail.
        let _ = writeln!(answer, "{{\"line\":{line},\"accepted\":{is_report}}}");
    }
    let (is_synced, synced) = oneshot::channel();
    to_file.send(Lines { body, is_synced }).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    synced.await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(answer)
}

/// Whatever has come is written and synced together.
fn append_and_sync(mut file: File, mut lines: Receiver<Lines>) {
    let mut buffer = Vec::new();
    while let Some(first) = lines.blocking_recv() {
        let rest = std::iter::from_fn(|| lines.try_recv().ok());
        let all: Vec<Lines> = std::iter::once(first).chain(rest).collect();
        buffer.clear();
        all.iter().for_each(|lines| buffer.extend_from_slice(&lines.body));
        if file.write_all(&buffer).and_then(|()| file.sync_data()).is_err() {
            return;
        }
        for lines in all {
            // Who went away is not told.
            let _ = lines.is_synced.send(());
        }
    }
}
