//! The live page, the review desk and the page of the description: their files lie within the program, and they take nothing from anywhere else.
//!
//! The first file of each is asked for anew each time, and names the others under a version that is a sum over all of them: a browser
//! keeps those for good, and never mixes files of two builds.

use std::sync::LazyLock;

use axum::extract::{Path, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::answer::{self, Error};
use crate::fingerprint::body_hash;

/// What the page may load and do: what comes from this service, and nothing more.
const POLICY: &str = "default-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; \
                      require-trusted-types-for 'script'";

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// A file of the page beside the first one.
struct File {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

macro_rules! file {
    ($name:literal, $kind:expr) => {
        File { name: $name, kind: $kind, bytes: include_bytes!(concat!("../page/web/", $name)) }
    };
}

const FILES: [File; 35] = [
    file!("style.css", "text/css; charset=utf-8"),
    file!("icon.svg", "image/svg+xml"),
    file!("alarm.js", SCRIPT),
    file!("app.js", SCRIPT),
    file!("budgets.js", SCRIPT),
    file!("cases.js", SCRIPT),
    file!("cells.js", SCRIPT),
    file!("chart.js", SCRIPT),
    file!("docs.js", SCRIPT),
    file!("events.js", SCRIPT),
    file!("figures.js", SCRIPT),
    file!("filters.js", SCRIPT),
    file!("header.js", SCRIPT),
    file!("health.js", SCRIPT),
    file!("key.js", SCRIPT),
    file!("land.js", SCRIPT),
    file!("language.js", SCRIPT),
    file!("ledger.js", SCRIPT),
    file!("levels.js", SCRIPT),
    file!("list.js", SCRIPT),
    file!("live.js", SCRIPT),
    file!("map.js", SCRIPT),
    file!("news.js", SCRIPT),
    file!("palette.js", SCRIPT),
    file!("panels.js", SCRIPT),
    file!("paper.js", SCRIPT),
    file!("plain.js", SCRIPT),
    file!("rates.js", SCRIPT),
    file!("review.js", SCRIPT),
    file!("said.js", SCRIPT),
    file!("stages.js", SCRIPT),
    file!("steering.js", SCRIPT),
    file!("town.js", SCRIPT),
    file!("view.js", SCRIPT),
    file!("words.js", SCRIPT),
];

/// The pages as they are served.
struct Page {
    /// A sum over all files.
    version: String,
    /// The first file of the live page.
    index: String,
    /// That of the description.
    docs: String,
    /// That of the review desk.
    review: String,
}

static PAGE: LazyLock<Page> = LazyLock::new(|| {
    let index = include_str!("../page/web/index.html");
    let docs = include_str!("../page/web/docs.html");
    let review = include_str!("../page/web/review.html");
    let firsts = [index.as_bytes(), docs.as_bytes(), review.as_bytes()];
    let all = FILES.iter().flat_map(|file| [file.name.as_bytes(), file.bytes]).chain(firsts);
    let version = format!("{:016x}", body_hash(&all.collect::<Vec<_>>().concat()));
    let named = |page: &str| page.replace("{version}", &version);
    Page { index: named(index), docs: named(docs), review: named(review), version }
});

pub(super) async fn index(request: Request) -> Response {
    first(&request, &PAGE.index)
}

/// The description of the service, to be tried.
pub(super) async fn docs(request: Request) -> Response {
    first(&request, &PAGE.docs)
}

/// The review desk.
pub(super) async fn review(request: Request) -> Response {
    first(&request, &PAGE.review)
}

/// A first file, unless whoever asks has it already.
fn first(request: &Request, page: &str) -> Response {
    let tag = format!("\"{}\"", PAGE.version);
    let is_known = request.headers().get(header::IF_NONE_MATCH).is_some_and(|known| known == tag.as_str());
    let kind = "text/html; charset=utf-8";
    let mut response = match is_known {
        true => answer::with_type(StatusCode::NOT_MODIFIED, kind, Vec::new()),
        false => answer::with_type(StatusCode::OK, kind, page.as_bytes().to_vec()),
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, HeaderValue::from_str(&tag).expect("hexadecimal digits"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    guarded(response, "no-cache")
}

/// Another file of the page, of this build.
pub(super) async fn file(Path((version, name)): Path<(String, String)>) -> Result<Response, Error> {
    match FILES.iter().find(|file| file.name == name && version == PAGE.version) {
        Some(file) => {
            let response = answer::with_type(StatusCode::OK, file.kind, file.bytes.to_vec());
            Ok(guarded(response, "max-age=31536000, immutable"))
        }
        None => {
            let why = format!("the page of this build has no {version}/{name}; load / again");
            Err(Error::new(StatusCode::NOT_FOUND, "页面没有这个文件，请重新打开首页", why))
        }
    }
}

fn guarded(mut response: Response, keep: &'static str) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_served_and_every_name_is_there() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/page/web");
        let entries = std::fs::read_dir(folder).expect("the page's folder");
        let mut lying: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
            .filter(|name| !name.ends_with(".html"))
            .collect();
        let mut served: Vec<&str> = FILES.iter().map(|file| file.name).collect();
        lying.sort();
        served.sort_unstable();
        assert_eq!(lying, served);
        for file in &FILES[2..] {
            let text = std::str::from_utf8(file.bytes).expect("text");
            for import in text.split("from \"./").skip(1).chain(text.split("import \"./").skip(1)) {
                let name = import.split('"').next().expect("a name");
                assert!(served.contains(&name), "{} imports {name}", file.name);
            }
        }
        let prefix = format!("\"/page/{}/", PAGE.version);
        let named: Vec<&str> = PAGE.index.split(&prefix).skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(named, ["icon.svg", "style.css", "app.js"]);
        let named: Vec<&str> = PAGE.docs.split(&prefix).skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(named, ["icon.svg", "style.css", "docs.js"]);
        let named: Vec<&str> = PAGE.review.split(&prefix).skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(named, ["icon.svg", "style.css", "review.js"]);
    }
}
