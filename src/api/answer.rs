//! How HTTP requests are answered.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::keys::NotIn;

/// JSON, written already.
pub(super) fn json(status: StatusCode, text: Vec<u8>) -> Response {
    with_type(status, "application/json; charset=utf-8", text)
}

/// A text of some type.
pub(super) fn with_type(status: StatusCode, kind: &'static str, text: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Why a request is not done, in both languages.
#[derive(Debug)]
pub(super) struct Error {
    status: StatusCode,
    zh: &'static str,
    en: String,
    /// Seconds after which it may be tried again.
    again: Option<u32>,
}

impl Error {
    pub(super) fn new(status: StatusCode, zh: &'static str, en: impl Into<String>) -> Self {
        Self { status, zh, en: en.into(), again: None }
    }

    /// Nobody has come in.
    pub(super) fn not_in(why: NotIn) -> Self {
        let (zh, en) = why.told();
        Self::new(StatusCode::UNAUTHORIZED, zh, en)
    }

    /// Somebody has come in, and asks for what its key is not for.
    pub(super) fn not_for_that() -> Self {
        let why = "this key is not for that: a source's sends its reports, dispatch sends actions and units' status, desk \
                   rules and reads, read reads, admin does all";
        Self::new(StatusCode::FORBIDDEN, "这个密钥没有此权限", why)
    }

    /// As JSON.
    pub(super) fn text(&self) -> String {
        serde_json::json!({ "error": { "zh": self.zh, "en": self.en } }).to_string()
    }

    /// It can be tried again in so many seconds.
    pub(super) const fn again(mut self, seconds: u32) -> Self {
        self.again = Some(seconds);
        self
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = json(self.status, self.text().into_bytes());
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.again {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
