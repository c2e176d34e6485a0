//! CloudEvents 1.0: an event whose data is a report becomes a line.
//!
//! Source and id of an event identify it together, so both are in the report's id: `SOURCE#ID`, or the id alone where the event's
//! source is just the name of the city's. Which source of the city it is, the key or `?source=` says, else the last segment of
//! the event's source: `/city/app`, `https://city.example/app` and `urn:city:app` are all of `app`.

use std::borrow::Cow;

use axum::http::HeaderMap;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::split;

/// Most bytes of an event's source and id: more than any report's id may have.
const NAME_BYTES_MAX: usize = 4096;

/// What an event says about its data.
#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    specversion: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(borrow)]
    time: Option<Cow<'a, str>>,
    #[serde(borrow)]
    datacontenttype: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "is_there")]
    data_base64: bool,
}

/// What of the data must be known.
#[derive(Deserialize)]
struct Timed {
    #[serde(default, deserialize_with = "is_there")]
    ts: bool,
}

fn is_there<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}

/// One event, attributes and data in one object.
///
/// # Errors
/// What is wrong with it.
pub(super) fn structured(body: &[u8], source: Option<&str>) -> Result<Vec<u8>, String> {
    let mut line = Vec::with_capacity(body.len());
    read(body)?.line(source, &mut line)?;
    Ok(line)
}

/// An array of events.
///
/// # Errors
/// What is wrong with the first that is wrong.
pub(super) fn batched(body: &[u8], source: Option<&str>) -> Result<Vec<u8>, String> {
    let mut events = Vec::with_capacity(body.len());
    let is_array = split::lines(body, &mut events).map_err(|at| format!("the body goes wrong at byte {at}"))?;
    if !is_array {
        return Err("a batch is an array of events".to_owned());
    }
    let mut lines = Vec::with_capacity(events.len());
    for (event, number) in events.split_inclusive(|byte| *byte == b'\n').zip(1..) {
        let made = read(event).and_then(|event| event.line(source, &mut lines));
        made.map_err(|why| format!("event {number}: {why}"))?;
    }
    Ok(lines)
}

/// Attributes in headers, the data as the body.
///
/// # Errors
/// What is wrong with it.
pub(super) fn binary(headers: &HeaderMap, body: &[u8], source: Option<&str>) -> Result<Vec<u8>, String> {
    let data: &RawValue = serde_json::from_slice(body).map_err(|why| format!("the data is no JSON: {why}"))?;
    let attribute = |name: &'static str| -> Result<Option<Cow<'_, str>>, String> {
        let mut values = headers.get_all(format!("ce-{name}")).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(format!("ce-{name} stands twice"));
        }
        let text = value.to_str().ok().and_then(unescaped);
        text.map(Some).ok_or_else(|| format!("ce-{name} is not percent-encoded text"))
    };
    let needed = |name| attribute(name)?.ok_or_else(|| format!("ce-{name} is missing"));
    let event = Event {
        specversion: needed("specversion")?,
        id: needed("id")?,
        source: needed("source")?,
        r#type: needed("type")?,
        time: attribute("time")?,
        datacontenttype: None,
        data: Some(data),
        data_base64: false,
    };
    let mut line = Vec::with_capacity(body.len());
    event.line(source, &mut line)?;
    Ok(line)
}

/// Whether a request carries an event in binary mode.
pub(super) fn is_binary(headers: &HeaderMap) -> bool {
    headers.contains_key("ce-specversion")
}

fn read(event: &[u8]) -> Result<Event<'_>, String> {
    serde_json::from_slice(event).map_err(|why| why.to_string())
}

impl Event<'_> {
    /// Writes the line that it stands for.
    fn line(&self, source: Option<&str>, out: &mut Vec<u8>) -> Result<(), String> {
        self.check()?;
        let data = self.data.map_or("", RawValue::get).trim();
        let Some(members) = data.strip_prefix('{') else {
            return Err("data must be a JSON object: the report".to_owned());
        };
        let named = match source {
            Some(name) => Cow::Borrowed(name),
            None => unescaped(last_segment(&self.source))
                .ok_or_else(|| format!("source {} is not percent-encoded text", self.source))?,
        };
        let id = match *self.source == *named {
            true => self.id.clone(),
            false => format!("{}#{}", self.source, self.id).into(),
        };
        out.extend_from_slice(format!("{{\"source\":{},\"id\":{}", quoted(&named), quoted(&id)).as_bytes());
        // Two of them are refused by the door, as in every line.
        let has_time = serde_json::from_str(data).map_or(true, |Timed { ts }| ts);
        if let Some(time) = self.time.as_deref().filter(|_| !has_time) {
            out.extend_from_slice(format!(",\"ts\":{}", quoted(time)).as_bytes());
        }
        if members.trim_start() != "}" {
            out.push(b',');
        }
        // A line break can only stand between tokens: the data was read as JSON.
        out.extend(members.bytes().map(|byte| if byte == b'\n' { b' ' } else { byte }));
        out.push(b'\n');
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        if self.specversion != "1.0" {
            return Err(format!("specversion {}: send 1.0", self.specversion));
        }
        for (name, value) in [("id", &self.id), ("source", &self.source), ("type", &self.r#type)] {
            if value.is_empty() || value.len() > NAME_BYTES_MAX {
                return Err(format!("{name} must have 1 to {NAME_BYTES_MAX} bytes"));
            }
        }
        if self.data_base64 {
            return Err("data_base64: send the report as JSON, in data".to_owned());
        }
        let kind = self.datacontenttype.as_deref().unwrap_or("application/json");
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if kind != "application/json" && !kind.ends_with("+json") {
            return Err(format!("datacontenttype {kind}: send application/json"));
        }
        Ok(())
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text is JSON")
}

/// The last segment of a URI reference that says something.
fn last_segment(reference: &str) -> &str {
    let path = reference.split(['?', '#']).next().unwrap_or_default();
    path.rsplit(['/', ':']).find(|segment| !segment.is_empty()).unwrap_or_default()
}

/// Percent-encoded text as text; nothing if it is none.
fn unescaped(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        bytes.push(match byte {
            b'%' => {
                let (digits, behind) = rest.split_at_checked(2)?;
                rest = behind;
                let digit = |digit: u8| char::from(digit).to_digit(16);
                (digit(digits[0])? * 16 + digit(digits[1])?) as u8
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    const EVENT: &str = r#""specversion":"1.0","type":"t","id":"7","source":"/city/app""#;

    #[track_caller]
    fn check(event: &str, expected: Result<&str, &str>) {
        let made = structured(event.as_bytes(), None).map(|line| String::from_utf8(line).expect("text"));
        match (made, expected) {
            (Ok(line), Ok(expected)) => assert_eq!(line, format!("{expected}\n"), "{event}"),
            (Err(why), Err(part)) => assert!(why.contains(part), "{event}: {why}"),
            (made, expected) => panic!("{event}: {made:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn an_event_becomes_a_line() {
        let with = |more: &str| format!("{{{EVENT}{more}}}");
        check(&with(r#","data":{"lng":1.50}"#), Ok(r#"{"source":"app","id":"/city/app#7","lng":1.50}"#));
        check(&with(r#","data":{}"#), Ok(r#"{"source":"app","id":"/city/app#7"}"#));
        check(
            &with(r#","time":"2026-01-01T00:00:00Z","data":{"x":1}"#),
            Ok(r#"{"source":"app","id":"/city/app#7","ts":"2026-01-01T00:00:00Z","x":1}"#),
        );
        check(
            &with(r#","time":"x","data":{"\u0074s":null}"#),
            Ok(r#"{"source":"app","id":"/city/app#7","\u0074s":null}"#),
        );
        check(&with(",\"data\" : {\n\"x\":\n1}\n"), Ok("{\"source\":\"app\",\"id\":\"/city/app#7\", \"x\": 1}"));
        check(
            r#"{"specversion":"1.0","type":"t","id":"7","source":"app","data":{"a":1},"extension":[{}]}"#,
            Ok(r#"{"source":"app","id":"7","a":1}"#),
        );
    }

    #[test]
    fn what_is_wrong_is_told() {
        let with = |more: &str| format!("{{{EVENT}{more}}}");
        check("", Err("EOF"));
        check("[]", Err("invalid"));
        check("{}", Err("specversion"));
        check(&with(""), Err("data must be"));
        check(&with(r#","data":[1]"#), Err("data must be"));
        check(&with(r#","data":null"#), Err("data must be"));
        check(&with(r#","data_base64":"e30=""#), Err("data_base64"));
        check(&with(r#","data":{},"data_base64":null"#), Err("data_base64"));
        check(&with(r#","data":{},"id":"8""#), Err("duplicate"));
        check(&with(r#","data":{},"datacontenttype":"text/xml""#), Err("datacontenttype"));
        check(&with(r#","data":{} x"#), Err("expected"));
        check(&EVENT.replace("1.0", "0.3").replacen('"', "{\"", 1).replace("app\"", "app\",\"data\":{}}"), Err("0.3"));
        check(r#"{"specversion":"1.0","type":"t","id":7,"source":"a","data":{}}"#, Err("invalid type"));
        check(r#"{"specversion":"1.0","type":"t","id":"","source":"a","data":{}}"#, Err("id must have"));
        check(r#"{"specversion":"1.0","type":"t","id":"1","source":"%zz","data":{}}"#, Err("percent"));
        let batch = format!("[{{{EVENT},\"data\":{{}}}},{{}}]");
        assert!(batched(batch.as_bytes(), None).expect_err("the second is none").starts_with("event 2: "));
        assert!(batched(b"{}", None).is_err());
        let deep = with(&format!(",\"data\":{}", "[".repeat(1 << 20)));
        assert!(structured(deep.as_bytes(), None).is_err());
    }

    #[test]
    fn the_last_segment_names_the_source() {
        for (reference, name) in [
            ("app", "app"),
            ("/city/app", "app"),
            ("/city/app/", "app"),
            ("https://city.example/app?x=/y#z", "app"),
            ("urn:city:app", "app"),
            ("//", ""),
        ] {
            assert_eq!(last_segment(reference), name, "{reference}");
        }
        assert_eq!(unescaped("%E7%83%AD%e7%BA%BF").as_deref(), Some("热线"));
        for broken in ["%", "%4", "%zz", "%ff", "%+1"] {
            assert_eq!(unescaped(broken), None, "{broken}");
        }
    }

    #[test]
    fn attributes_come_from_headers() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("ce-specversion", "1.0"), ("ce-id", "a%20b"), ("ce-source", "x"), ("ce-type", "t")] {
            assert!(!is_binary(&headers) || name != "ce-specversion");
            headers.insert(name, HeaderValue::from_static(value));
        }
        let line = binary(&headers, b"{\"k\":1}", Some("app")).expect("an event");
        assert_eq!(line, b"{\"source\":\"app\",\"id\":\"x#a b\",\"k\":1}\n");
        assert!(binary(&headers, b"no", None).is_err());
        headers.append("ce-id", HeaderValue::from_static("c"));
        assert!(binary(&headers, b"{}", None).expect_err("two ids").contains("twice"));
        headers.remove("ce-id");
        assert!(binary(&headers, b"{}", None).expect_err("no id").contains("missing"));
    }

    proptest! {
        /// Whatever comes, what is made of it is whole lines of JSON objects, one for each event.
        #[test]
        fn a_line_is_one_object(text in "\\PC{0,80}", id in "\\PC{1,20}", source in "\\PC{1,20}") {
            let _ = structured(text.as_bytes(), None);
            let event = serde_json::json!({"specversion": "1.0", "type": "t", "id": id, "source": source, "data": {"text": text}});
            if let Ok(line) = structured(&serde_json::to_vec_pretty(&event).unwrap(), Some("app")) {
                prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
                let line: serde_json::Value = serde_json::from_slice(&line).unwrap();
                prop_assert_eq!(&line["text"], &text);
                prop_assert_eq!(&line["source"], "app");
            }
        }
    }
}
