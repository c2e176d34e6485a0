//! HTTP: how connections are served, and which path leads where.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::watch;
use tokio::time::timeout;

use super::answer::Error;
use super::office::{Office, Phase};
use super::{Stream, boards, events, live, metrics, page, reads, reports};

/// How long a connection may wait with its first byte.
const FIRST_BYTE: Duration = Duration::from_secs(10);
/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(10);
/// Most bytes of a head.
const HEAD_BYTES: usize = 64 * 1024;

/// Which path leads where.
pub(super) fn router(office: Arc<Office>) -> Router {
    Router::new()
        .route("/", get(page::index))
        .route("/page/{version}/{name}", get(page::file))
        .route("/v1/reports", post(reports::post))
        .route("/v1/actions", post(reports::post))
        .route("/v1/explain/{name}", get(reads::explain))
        .route("/v1/cases", get(boards::cases))
        .route("/v1/cases/{number}", get(boards::case))
        .route("/v1/units", get(boards::units).post(reports::post))
        .route("/v1/cells", get(boards::cells))
        .route("/v1/live", get(live::watch))
        .route("/v1/events", get(events::follow))
        .route("/v1/summary", get(reads::summary))
        .route("/metrics", get(metrics::show))
        .route("/livez", get(reads::live))
        .route("/readyz", get(reads::ready))
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_that_way)
        .layer(axum::middleware::from_fn(only_this_machine))
        .with_state(office)
}

/// Without keys, a page of somebody else in a browser on this machine must not speak for whoever sits there: it would name
/// its own host, or give its own origin.
async fn only_this_machine(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(header::HOST).unwrap_or_default();
    let is_own = |origin: &str| origin.strip_prefix("http://") == Some(host);
    if is_local(host) && text(header::ORIGIN).is_none_or(is_own) {
        return next.run(request).await;
    }
    let why =
        "only this machine is served: the host must be localhost, 127.0.0.1 or [::1], and a page this service's own";
    Error::new(StatusCode::FORBIDDEN, "只在本机提供服务", why).into_response()
}

fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

async fn nothing_here() -> Response {
    Error::new(StatusCode::NOT_FOUND, "没有这个地址", "there is nothing at this path").into_response()
}

async fn not_that_way() -> Response {
    Error::new(StatusCode::METHOD_NOT_ALLOWED, "不支持这种方法", "this path does not take that method").into_response()
}

/// Serves one connection until it ends, or the service does.
pub(super) async fn serve(stream: Box<dyn Stream>, router: Router, mut phase: watch::Receiver<Phase>) {
    // hyper waits for the first byte for ever.
    let mut stream = BufReader::new(stream);
    if !matches!(timeout(FIRST_BYTE, stream.fill_buf()).await, Ok(Ok([_, ..]))) {
        return;
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = phase.wait_for(|phase| *phase != Phase::Open) => {}
    }
    // The request that is under way is answered, another one is not taken.
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ = connection => {}
        _ = phase.wait_for(|phase| *phase == Phase::Closed) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_local() {
        for host in ["localhost", "localhost:8080", "127.0.0.1", "127.0.0.1:1", "127.9.9.9:80", "[::1]", "[::1]:8080"] {
            assert!(is_local(host), "{host}");
        }
        for host in ["", "example.org", "example.org:8080", "10.0.0.1:8080", "localhost.example.org", "[::2]:80", ":80"]
        {
            assert!(!is_local(host), "{host}");
        }
    }
}
