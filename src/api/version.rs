//! The version of what is shown: whoever has it already is told so, and nothing is made anew.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::answer;
use super::office::{Hall, Office};

/// Shows what is folded from records, under its version; to whoever has that already, nothing is made anew.
pub(super) fn show(office: &Office, headers: &HeaderMap, shown: impl FnOnce(&Hall) -> Response) -> Response {
    let hall = office.hall();
    let version = Version::of(office, &hall);
    version.known(headers).unwrap_or_else(|| version.on(shown(&hall)))
}

/// Of all that is folded from records: which life of the service showed it, and behind which record.
struct Version(String);

impl Version {
    fn of(office: &Office, hall: &Hall) -> Self {
        Self(format!("\"{:x}-{}\"", office.life, hall.version().0))
    }

    /// The answer to whoever has it.
    fn known(&self, headers: &HeaderMap) -> Option<Response> {
        let mut tags = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok());
        let is_known = tags.any(|tags| {
            tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.0)
        });
        is_known.then(|| {
            let mut response = answer::json(StatusCode::NOT_MODIFIED, Vec::new());
            response.headers_mut().remove(header::CONTENT_TYPE);
            self.on(response)
        })
    }

    /// Puts it on an answer.
    fn on(&self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        headers.insert(header::ETAG, HeaderValue::from_str(&self.0).expect("hexadecimal digits"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        response
    }
}
