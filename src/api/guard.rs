//! Who comes in over HTTP: from this machine or with a key, and to what.
//!
//! A key stands in a header that no browser adds by itself, so a page of somebody else cannot use one. Where none is needed, only
//! names of this machine and this service's own page are served: a page of somebody else would name its own host, or give its own
//! origin.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::answer::Error;
use super::keys::Caller;
use super::office::Office;

/// What stands before the router.
#[derive(Clone)]
pub(super) struct Guard {
    pub(super) office: Arc<Office>,
    /// The door can only be reached from this machine.
    pub(super) is_local: bool,
}

/// What a request is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Purpose {
    /// What holds nothing of the city: the page's own files, the description, whether the service lives.
    Open,
    Send,
    /// What only the review desk may.
    Rule,
    Read,
}

/// Whatever is not named here needs the right to read.
fn purpose(method: &Method, path: &str) -> Purpose {
    match path {
        "/" | "/review" | "/v1/docs" | "/v1/openapi.json" | "/livez" | "/readyz" => Purpose::Open,
        _ if path.starts_with("/page/") => Purpose::Open,
        "/v1/reports" | "/v1/actions" | "/v1/rulings" => Purpose::Send,
        "/v1/review/take" => Purpose::Rule,
        "/v1/units" if method == Method::POST => Purpose::Send,
        _ => Purpose::Read,
    }
}

/// Lets a request in, with who sends it, or answers why not.
pub(super) async fn admit(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    match guard.caller(&request) {
        Ok(caller) => {
            request.headers_mut().remove(header::AUTHORIZATION);
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

impl Guard {
    fn caller(&self, request: &Request) -> Result<Caller, Error> {
        let keys = &self.office.keys;
        let is_needed = keys.is_needed();
        self.check_place(request.headers(), is_needed)?;
        let purpose = purpose(request.method(), request.uri().path());
        if purpose == Purpose::Open {
            return Ok(Caller::nobody());
        }
        let caller = keys.admit(bearer(request.headers()), self.office.http_bucket.as_ref()).map_err(Error::not_in)?;
        let may = match purpose {
            Purpose::Open => true,
            Purpose::Send => caller.may_send,
            Purpose::Rule => caller.may_send && caller.rights.may_rule(),
            Purpose::Read => caller.may_read,
        };
        if may {
            return Ok(caller);
        }
        keys.note_not_allowed();
        Err(Error::not_for_that())
    }

    /// Whether host and origin are such as may come here.
    fn check_place(&self, headers: &HeaderMap, is_needed: bool) -> Result<(), Error> {
        let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
        let host = text(header::HOST).unwrap_or_default();
        // A gateway in front may speak TLS; a page that it serves is this service's own all the same.
        let is_own = |origin: &str| {
            let secure = origin.strip_prefix("https://").filter(|_| is_needed);
            origin.strip_prefix("http://").or(secure) == Some(host)
        };
        if self.is_local && !is_local(host) {
            let why = "only this machine is served here: the host must be localhost, 127.0.0.1 or [::1]";
            return Err(Error::new(StatusCode::FORBIDDEN, "只在本机提供服务", why));
        }
        if !text(header::ORIGIN).is_none_or(is_own) {
            let why = "only this service's own page may ask: the origin must be the host";
            return Err(Error::new(StatusCode::FORBIDDEN, "只接受本服务自己的页面", why));
        }
        Ok(())
    }
}

/// The key that a request shows.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

fn is_local(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
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

    #[test]
    fn what_is_open_holds_nothing_of_the_city() {
        let open: Vec<&str> = super::super::http::routes()
            .into_iter()
            .map(|(path, _)| path)
            .filter(|path| purpose(&Method::GET, path) == Purpose::Open)
            .collect();
        assert_eq!(
            open,
            ["/", "/page/{version}/{name}", "/review", "/v1/docs", "/v1/openapi.json", "/livez", "/readyz"]
        );
        assert_eq!(purpose(&Method::GET, "/v1/units"), Purpose::Read);
        assert_eq!(purpose(&Method::POST, "/v1/units"), Purpose::Send);
        assert_eq!(purpose(&Method::POST, "/v1/rulings"), Purpose::Send);
        assert_eq!(purpose(&Method::POST, "/v1/review/take"), Purpose::Rule);
        assert_eq!(purpose(&Method::GET, "/anything/else"), Purpose::Read);
    }
}
