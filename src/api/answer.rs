//! How HTTP requests are answered.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

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

    /// It can be tried again in so many seconds.
    pub(super) const fn again(mut self, seconds: u32) -> Self {
        self.again = Some(seconds);
        self
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let text = serde_json::json!({ "error": { "zh": self.zh, "en": self.en } });
        let mut response = json(self.status, text.to_string().into_bytes());
        if let Some(seconds) = self.again {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
