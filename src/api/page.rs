//! The live page and the page of the description: files within the program, and nothing from anywhere else.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::answer;
use crate::fingerprint::body_hash;

/// What the page may load and do: itself, and nothing more.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

pub(super) async fn index(request: Request) -> Response {
    file(&request, "text/html; charset=utf-8", include_bytes!("../page/web/index.html"))
}

pub(super) async fn script(request: Request) -> Response {
    file(&request, "text/javascript; charset=utf-8", include_bytes!("../page/web/app.js"))
}

pub(super) async fn style(request: Request) -> Response {
    file(&request, "text/css; charset=utf-8", include_bytes!("../page/web/style.css"))
}

/// The description of the service, to be tried.
pub(super) async fn docs(request: Request) -> Response {
    file(&request, "text/html; charset=utf-8", include_bytes!("../page/web/docs.html"))
}

pub(super) async fn docs_script(request: Request) -> Response {
    file(&request, "text/javascript; charset=utf-8", include_bytes!("../page/web/docs.js"))
}

/// A file, unless whoever asks has it already.
fn file(request: &Request, kind: &'static str, bytes: &'static [u8]) -> Response {
    let tag = format!("\"{:016x}\"", body_hash(bytes));
    let is_known = request.headers().get(header::IF_NONE_MATCH).is_some_and(|known| known == tag.as_str());
    let mut response = match is_known {
        true => answer::with_type(StatusCode::NOT_MODIFIED, kind, Vec::new()),
        false => answer::with_type(StatusCode::OK, kind, bytes.to_vec()),
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, HeaderValue::from_str(&tag).expect("hexadecimal digits"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
