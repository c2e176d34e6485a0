//! HTTP: how connections are served, and which path leads where.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::watch;

use super::answer::Error;
use super::office::{Office, Phase};
use super::{Spoken, boards, events, guard, live, metrics, openapi, page, reads, reports, review};

/// How long a connection may wait with its first byte. (hyper waits for it for ever.)
pub(super) const FIRST_BYTE: Duration = Duration::from_secs(10);
/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(10);
/// Most bytes of a head.
const HEAD_BYTES: usize = 64 * 1024;

/// Which path leads where.
pub(super) fn routes() -> [(&'static str, MethodRouter<Arc<Office>>); 25] {
    [
        ("/", get(page::index)),
        ("/page/{version}/{name}", get(page::file)),
        ("/review", get(page::review)),
        ("/v1/docs", get(page::docs)),
        ("/v1/openapi.json", get(openapi::show)),
        ("/v1/reports", post(reports::post)),
        ("/v1/reports/{name}", get(reads::report)),
        ("/v1/actions", post(reports::post)),
        ("/v1/rulings", post(reports::post)),
        ("/v1/review", get(review::queue)),
        ("/v1/review/take", post(review::take)),
        ("/v1/explain/{name}", get(reads::explain)),
        ("/v1/cases", get(boards::cases)),
        ("/v1/cases/{number}", get(boards::case)),
        ("/v1/orders", get(boards::orders)),
        ("/v1/orders/{order}", get(boards::order)),
        ("/v1/units", get(boards::units).post(reports::post)),
        ("/v1/cells", get(boards::cells)),
        ("/v1/names", get(boards::names)),
        ("/v1/live", get(live::watch)),
        ("/v1/events", get(events::follow)),
        ("/v1/summary", get(reads::summary)),
        ("/metrics", get(metrics::show)),
        ("/livez", get(reads::live)),
        ("/readyz", get(reads::ready)),
    ]
}

/// The paths, and what is answered elsewhere.
pub(super) fn router(office: Arc<Office>, is_local: bool) -> Router {
    let guard = guard::Guard { office: office.clone(), is_local };
    let router = routes().into_iter().fold(Router::new(), |router, (path, methods)| router.route(path, methods));
    router
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_that_way)
        .layer(axum::middleware::from_fn_with_state(guard, guard::admit))
        .with_state(office)
}

async fn nothing_here() -> Response {
    Error::new(StatusCode::NOT_FOUND, "没有这个地址", "there is nothing at this path").into_response()
}

async fn not_that_way() -> Response {
    Error::new(StatusCode::METHOD_NOT_ALLOWED, "不支持这种方法", "this path does not take that method").into_response()
}

/// Serves one connection until it ends, or the service does.
pub(super) async fn serve(stream: Spoken, router: Router, mut phase: watch::Receiver<Phase>) {
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
