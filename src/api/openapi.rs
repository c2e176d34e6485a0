//! What can be asked of the service, as OpenAPI 3.1: the schemas are those of the types that are serialised, the parameters those
//! of the types that are read, and a test compares the paths with the router's.

use std::sync::LazyLock;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};
use utoipa::openapi::Schema;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::answer;
use super::boards::{CasePage, Cases, CellCollection, OrderPage, UnitPage, Units};
use super::events::Wanted;
use super::reads::{Language, ReportsTold, Summary};
use super::reports::{Said, SaidReceipts};
use super::review::{Queued, ReviewPage, Taken, TakenCase};
use super::shown::{Live, Names};
use crate::limits::{ADDRESS_BYTES_MAX, CAPACITY_ORDERS_MAX, ID_BYTES_MAX, SOURCE_BYTES_MAX, TEXT_BYTES_MAX};
use crate::view::ReceiptMembers;
use crate::view::board::{CaseMembers, CellMembers, OrderMembers, UnitMembers};
use crate::view::explain::ReportTold;
use crate::view::words::{StatusWord, UrgencyLetter, VerbWord};

pub(super) async fn show() -> Response {
    static TEXT: LazyLock<Vec<u8>> = LazyLock::new(|| serde_json::to_vec(&document()).expect("values are JSON"));
    answer::json(StatusCode::OK, TEXT.clone())
}

/// A report 上报. Unknown fields are kept with it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the decoder reads lines without making one; this is its schema")]
struct Report {
    /// Who says it; may be absent where `?source=` or the key says so.
    #[schema(nullable = false, min_length = 1, max_length = 64)]
    source: Option<String>,
    /// The source's own id of this message: said again under the same one, it is a duplicate.
    #[schema(min_length = 1, max_length = 128)]
    id: String,
    /// When it happened: RFC 3339, or milliseconds since 1970.
    #[schema(schema_with = moment)]
    ts: Option<Value>,
    /// Degrees; both coordinates or none.
    #[schema(minimum = -180, maximum = 180)]
    lng: Option<f64>,
    #[schema(minimum = -90, maximum = 90)]
    lat: Option<f64>,
    /// The frame of the coordinates, where it is not the source's own.
    frame: Option<String>,
    /// The code of a cell.
    #[schema(max_length = 256)]
    cell: Option<String>,
    /// The code of a component: a manhole, a lamp.
    #[schema(max_length = 256)]
    component: Option<String>,
    #[schema(max_length = 4096)]
    address: Option<String>,
    /// What the source calls this kind of matter.
    #[schema(max_length = 256)]
    category: Option<String>,
    /// What exactly is the matter: a code, name or alias of one of the class's filing conditions.
    #[schema(max_length = 256)]
    condition: Option<String>,
    /// The body that is complained about, which does not get the case: a department's code or name.
    #[schema(max_length = 256)]
    against: Option<String>,
    title: Option<String>,
    text: Option<String>,
    /// A reading.
    value: Option<f64>,
    /// The reading's unit.
    unit: Option<String>,
    /// The sender's own word; a hint, unless the city trusts the source.
    #[schema(value_type = Option<UrgencyLetter>)]
    urgency: Option<String>,
    /// Only ever kept as a pseudonym.
    #[schema(schema_with = reporter)]
    reporter: Option<Value>,
    /// Pictures and the like.
    media: Option<Vec<Value>>,
}

fn moment() -> Schema {
    written(json!({"type": ["string", "integer", "null"], "minimum": 1}))
}

fn reporter() -> Schema {
    written(json!({"type": ["string", "object", "null"]}))
}

fn word_action() -> Schema {
    written(json!({"type": "string", "enum": ["action"]}))
}

fn word_ruling() -> Schema {
    written(json!({"type": "string", "enum": ["ruling"]}))
}

fn word_unit() -> Schema {
    written(json!({"type": "string", "enum": ["unit"]}))
}

/// A schema that is written by hand, because no type says it.
fn written(schema: Value) -> Schema {
    serde_json::from_value(schema).expect("it is a schema")
}

/// An action on an order.
#[derive(ToSchema)]
#[expect(dead_code, reason = "as a report")]
struct OrderAction {
    #[schema(schema_with = word_action)]
    kind: String,
    #[schema(nullable = false, min_length = 1, max_length = 64)]
    source: Option<String>,
    #[schema(min_length = 1, max_length = 128)]
    id: String,
    /// What is done.
    #[schema(value_type = VerbWord)]
    action: String,
    /// The order's name, `case-attempt`.
    #[schema(min_length = 1, max_length = 64, example = "1-1")]
    order: String,
}

/// What people decide about a case that went to review; what is left out stays as it was.
#[derive(ToSchema)]
#[expect(dead_code, reason = "as a report")]
struct Ruling {
    #[schema(schema_with = word_ruling)]
    kind: String,
    #[schema(nullable = false, min_length = 1, max_length = 64)]
    source: Option<String>,
    #[schema(min_length = 1, max_length = 128)]
    id: String,
    /// The case and how many orders it had, `case-attempt`; attempt 0 before the first order.
    #[schema(min_length = 1, max_length = 64, example = "1-0")]
    order: String,
    /// What it is about: a category word.
    category: Option<String>,
    /// What exactly is the matter, beside its category.
    condition: Option<String>,
    lng: Option<f64>,
    lat: Option<f64>,
    frame: Option<String>,
    cell: Option<String>,
    /// Who gets it, in place of whom the duty list would say; of a department that the list names.
    unit: Option<String>,
    /// Who decided; kept with the line, and told where the ruling itself is explained.
    actor: Option<String>,
}

/// A unit's status, position or capacity.
#[derive(ToSchema)]
#[expect(dead_code, reason = "as a report")]
struct UnitWord {
    #[schema(schema_with = word_unit)]
    kind: String,
    #[schema(nullable = false, min_length = 1, max_length = 64)]
    source: Option<String>,
    #[schema(min_length = 1, max_length = 128)]
    id: String,
    /// The unit's code.
    #[schema(min_length = 1, max_length = 64)]
    unit: String,
    #[schema(value_type = Option<StatusWord>)]
    status: Option<String>,
    lng: Option<f64>,
    lat: Option<f64>,
    #[schema(maximum = 1_000_000)]
    capacity: Option<u32>,
}

// The numbers above are these; an attribute cannot name them.
const _: () = assert!(
    SOURCE_BYTES_MAX == 64
        && ID_BYTES_MAX == 128
        && TEXT_BYTES_MAX == 256
        && ADDRESS_BYTES_MAX == 4096
        && CAPACITY_ORDERS_MAX == 1_000_000
);

/// A CloudEvent 1.0 whose data is a report.
#[derive(ToSchema)]
#[expect(dead_code, reason = "as a report")]
struct CloudEvent {
    /// `1.0`.
    #[schema(example = "1.0")]
    specversion: String,
    /// The report's id.
    #[schema(min_length = 1)]
    id: String,
    /// A URI reference; its last segment names the source, unless `?source=` or the key does.
    #[schema(min_length = 1, example = "/city/app")]
    source: String,
    #[schema(min_length = 1)]
    r#type: String,
    /// When it happened, where the data does not say so.
    #[schema(nullable = false, format = DateTime)]
    time: Option<String>,
    /// `application/json` or some other JSON; may be absent.
    #[schema(nullable = false, pattern = "^application/([a-z0-9.-]+[+])?json$")]
    datacontenttype: Option<String>,
    /// A report without source and id, or with the same.
    #[schema(value_type = Object)]
    data: Value,
}

/// All that is shown, and what the city names.
#[derive(ToSchema)]
#[expect(dead_code, reason = "names are an option of what is shown; where they are there, it is this")]
struct Snapshot {
    #[serde(flatten)]
    live: Live<'static>,
    #[serde(flatten)]
    names: Names<'static>,
}

/// Why a request is not done, in both languages.
#[derive(ToSchema)]
#[expect(dead_code, reason = "errors are written as they are found")]
struct Error {
    error: Told,
}

#[derive(ToSchema)]
#[expect(dead_code, reason = "as an error")]
struct Told {
    zh: String,
    en: String,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "派单 paidan",
        version = "1",
        description = "上报进来，派单出去 Reports in, durable assignments out. 回执在落盘之后才发出 A receipt comes when report and decision are on the disk."
    ),
    components(schemas(
        CaseMembers,
        CasePage,
        CellCollection,
        CellMembers,
        CloudEvent,
        Error,
        Live,
        Names,
        Snapshot,
        OrderAction,
        OrderMembers,
        OrderPage,
        ReceiptMembers,
        Report,
        ReportTold,
        ReportsTold,
        ReviewPage,
        Ruling,
        SaidReceipts,
        Summary,
        TakenCase,
        UnitMembers,
        UnitPage,
        UnitWord
    ))
)]
struct Schemas;

/// The whole document.
pub(super) fn document() -> Value {
    let mut document = serde_json::to_value(Schemas::openapi()).expect("schemas are JSON");
    document["paths"] = paths();
    document["components"]["securitySchemes"] = json!({
        "key": {"type": "http", "scheme": "bearer", "description": "`paidan keys add` makes one; without any, this machine is served"},
    });
    document
}

/// A path and what can be asked there.
fn paths() -> Value {
    let page = |zh, en| answered(zh, en, "text/html", json!({"type": "string"}));
    let say = |zh, en, only: &str| {
        let mut said = operation(zh, en, parameters::<Said>(), &[(200, receipts()), (422, receipts())]);
        said["requestBody"] = body(only);
        refusable(&mut said, &[400, 401, 408, 413, 415, 429, 503]);
        said["security"] = json!([{"key": []}, {}]);
        json!({ "post": said })
    };
    json!({
        "/": { "get": page("实时派单台", "The live page") },
        "/review": { "get": page("研判台", "The review desk") },
        "/page/{version}/{name}": { "get": page_file() },
        "/v1/docs": { "get": page("接口文档", "This description, to be tried") },
        "/v1/openapi.json": { "get": answered("接口描述", "This description", JSON, json!({"type": "object"})) },
        "/v1/reports": say("上报", "Send reports; answered with receipts", "Report"),
        "/v1/reports/{name}": {
            "get": read("一条上报", "What became of a report: by tracking number, record or source/id", vec![in_path("name", "string")], JSON, reference("ReportsTold"), &[400, 404, 500])
        },
        "/v1/actions": say("工单操作", "Act on orders", "OrderAction"),
        "/v1/rulings": say("研判裁定", "Decide about cases that went to review", "Ruling"),
        "/v1/review": {
            "get": read("研判队列", "Cases that people must look at, the most urgent first, then the oldest", parameters::<Queued>(), JSON, reference("ReviewPage"), &[400])
        },
        "/v1/review/take": {
            "post": read("领取一个待研判案件", "Get the case that presses most and that nobody else has, for ten minutes", parameters::<Taken>(), JSON, reference("TakenCase"), &[400, 503])
        },
        "/v1/units": {
            "get": read_version("处置力量", "Units as they are now", parameters::<Units>(), JSON, reference("UnitPage"), &[400]),
            "post": say("处置力量状态", "Say what units do", "UnitWord")["post"],
        },
        "/v1/cases": {
            "get": read_version("案件", "Cases, the newest first", parameters::<Cases>(), JSON, reference("CasePage"), &[400])
        },
        "/v1/cases/{number}": {
            "get": read("一个案件", "One case", vec![in_path("number", "integer")], JSON, reference("Case"), &[400, 404])
        },
        "/v1/orders": {
            "get": read_version("工单", "Orders that units have or have finished, those of the newest cases first", parameters::<Cases>(), JSON, reference("OrderPage"), &[400])
        },
        "/v1/orders/{order}": {
            "get": read("一张工单", "One order, as long as a unit has it or has finished it", vec![in_path("order", "string")], JSON, reference("Order"), &[400, 404])
        },
        "/v1/names": {
            "get": read("名称", "What the city names: areas, classes, departments", vec![], JSON, reference("Names"), &[])
        },
        "/v1/cells": {
            "get": read_version("网格", "Cells with open cases", vec![], "application/geo+json", reference("CellCollection"), &[])
        },
        "/v1/explain/{name}": { "get": explain() },
        "/v1/summary": { "get": read_version("账目", "The ledger", vec![], JSON, reference("Summary"), &[]) },
        "/v1/live": {
            "get": stream("实时状态", "A snapshot, then what changed; the data of the events `snapshot` and `delta` is Snapshot and Live", vec![], &[])
        },
        "/v1/events": { "get": stream("派单流", "Decisions as they are published", events(), &[400, 410, 503]) },
        "/metrics": {
            "get": read("指标", "Figures for Prometheus", vec![], "application/openmetrics-text", json!({"type": "string"}), &[])
        },
        "/livez": { "get": answered("存活", "The process is there", "text/plain", json!({"type": "string"})) },
        "/readyz": { "get": ready() },
    })
}

const JSON: &str = "application/json";

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// The parameters of a type that is read.
fn parameters<T: IntoParams>() -> Vec<Value> {
    let all: Vec<Parameter> = T::into_params(|| Some(ParameterIn::Query));
    let mut all: Vec<Value> =
        all.into_iter().map(|parameter| serde_json::to_value(parameter).expect("a parameter is JSON")).collect();
    all.iter_mut().for_each(|parameter| never_null(&mut parameter["schema"]));
    all
}

/// What stands in an address may be left out, but is never null.
fn never_null(schema: &mut Value) {
    if let Some(one) = schema["oneOf"].as_array().and_then(|all| all.iter().find(|one| one["type"] != "null")) {
        *schema = one.clone();
    } else if let Some(kind) = schema["type"].as_array().and_then(|all| all.iter().find(|kind| **kind != "null")) {
        schema["type"] = kind.clone();
    }
    // The format of a number that is never negative would end at half of what is taken.
    if schema["type"] == "integer" && schema["minimum"] == 0 && schema["format"] == "int64" {
        *schema = json!({"type": "integer", "minimum": 0, "maximum": u64::MAX});
    }
}

fn in_path(name: &str, kind: &str) -> Value {
    let schema = match kind {
        "integer" => json!({"type": "integer", "minimum": 0, "maximum": u64::MAX}),
        _ => json!({"type": kind, "minLength": 1}),
    };
    json!({"name": name, "in": "path", "required": true, "schema": schema})
}

fn content(kind: &str, schema: &Value) -> Value {
    json!({ kind: { "schema": schema } })
}

/// An operation; every one can be refused for the host and origin that it comes from.
fn operation(zh: &str, en: &str, parameters: Vec<Value>, answers: &[(u16, Value)]) -> Value {
    let mut responses = Map::new();
    for (status, content) in answers {
        responses.insert(status.to_string(), json!({"description": meaning(*status), "content": content}));
    }
    let mut operation = json!({"summary": zh, "description": en, "parameters": parameters, "responses": responses});
    refusable(&mut operation, &[403]);
    operation
}

/// It can be answered with an error.
fn refusable(operation: &mut Value, statuses: &[u16]) {
    for status in statuses {
        operation["responses"][status.to_string()] =
            json!({"description": meaning(*status), "content": content(JSON, &reference("Error"))});
    }
}

const fn meaning(status: u16) -> &'static str {
    match status {
        200 => "好了 Done",
        304 => "没有变化 Not changed",
        400 => "请求有误 The request is wrong",
        401 => "需要密钥 A key is needed",
        403 => "不允许 Not allowed",
        404 => "找不到 There is no such thing",
        408 => "太慢 Too slow",
        410 => "已不保留 No longer kept",
        413 => "太大 Too large",
        415 => "不支持这种内容类型 Not a type that is taken",
        422 => "不接受 Not acceptable; the receipt says why",
        429 => "太多，请稍后重发 Too many; come again",
        503 => "忙，请稍后重发 Busy; come again",
        _ => "出错了 Something failed",
    }
}

/// Open to everybody, and always answered.
fn answered(zh: &str, en: &str, kind: &str, schema: Value) -> Value {
    operation(zh, en, vec![], &[(200, content(kind, &schema))])
}

/// A file that a page names.
fn page_file() -> Value {
    let kinds = ["text/javascript", "text/css", "image/svg+xml"];
    let content: Map<String, Value> =
        kinds.into_iter().map(|kind| (kind.to_owned(), json!({"schema": {"type": "string"}}))).collect();
    let parameters = vec![in_path("version", "string"), in_path("name", "string")];
    let mut operation = operation("页面文件", "Of the pages, of this build", parameters, &[(200, content.into())]);
    refusable(&mut operation, &[404]);
    operation
}

/// With a key that may read.
fn read(zh: &str, en: &str, parameters: Vec<Value>, kind: &str, schema: Value, errors: &[u16]) -> Value {
    let mut operation = operation(zh, en, parameters, &[(200, content(kind, &schema))]);
    keyed(&mut operation, errors);
    operation
}

/// The same, of what has a version: whoever has it already is told so.
fn read_version(zh: &str, en: &str, parameters: Vec<Value>, kind: &str, schema: Value, errors: &[u16]) -> Value {
    let tag = json!({"ETag": {"description": "The version", "schema": {"type": "string"}}});
    let mut operation = read(zh, en, parameters, kind, schema, errors);
    operation["responses"]["200"]["headers"] = tag.clone();
    operation["responses"]["304"] = json!({"description": meaning(304), "headers": tag});
    let known = json!({"name": "If-None-Match", "in": "header", "schema": {"type": "string"}, "description": "A version that is known"});
    operation["parameters"].as_array_mut().expect("parameters are an array").push(known);
    operation
}

fn keyed(operation: &mut Value, errors: &[u16]) {
    refusable(operation, &[401]);
    refusable(operation, errors);
    operation["security"] = json!([{"key": []}, {}]);
}

fn stream(zh: &str, en: &str, parameters: Vec<Value>, errors: &[u16]) -> Value {
    read(zh, en, parameters, "text/event-stream", json!({"type": "string"}), errors)
}

fn events() -> Vec<Value> {
    let last = json!({
        "name": "Last-Event-ID", "in": "header", "schema": {"type": "string"},
        "description": "The cursor of the last event that was seen",
    });
    parameters::<Wanted>().into_iter().chain([last]).collect()
}

fn explain() -> Value {
    let parameters = [vec![in_path("name", "string")], parameters::<Language>()].concat();
    let told = json!({
        "text/plain": { "schema": {"type": "string"} },
        JSON: { "schema": {"type": "object"} },
    });
    let mut operation = operation("处置经过", "Why: any report, case or order", parameters, &[(200, told)]);
    keyed(&mut operation, &[400, 404, 500]);
    operation
}

fn ready() -> Value {
    let mut operation = answered("就绪", "It takes reports", "text/plain", json!({"type": "string"}));
    refusable(&mut operation, &[503]);
    operation
}

/// Receipts, written as what was sent.
fn receipts() -> Value {
    json!({
        JSON: { "schema": { "oneOf": [reference("Receipt"), reference("Receipts")] } },
        "application/x-ndjson": { "schema": {"type": "string"} },
    })
}

/// One of a kind, several, lines, or events.
fn body(one: &str) -> Value {
    let one = reference(one);
    json!({
        "required": true,
        "content": {
            JSON: { "schema": { "oneOf": [one, {"type": "array", "items": one}] } },
            "application/x-ndjson": { "schema": {"type": "string"} },
            "application/cloudevents+json": { "schema": reference("CloudEvent") },
            "application/cloudevents-batch+json": { "schema": {"type": "array", "items": reference("CloudEvent")} },
        },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::http::routes;
    use super::*;

    #[test]
    fn what_is_documented_is_what_there_is() {
        let document = document();
        let documented: BTreeSet<&str> =
            document["paths"].as_object().expect("paths").keys().map(String::as_str).collect();
        let served: BTreeSet<&str> = routes().into_iter().map(|(path, _)| path).collect();
        assert_eq!(documented, served);
        assert_eq!(document["openapi"], "3.1.0");
    }

    /// Every schema that is named is there.
    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let text = document.to_string();
        let mut names = text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next());
        let schemas = document["components"]["schemas"].as_object().expect("schemas");
        let lost: BTreeSet<&str> = names.by_ref().filter(|name| !schemas.contains_key(*name)).collect();
        assert!(lost.is_empty(), "{lost:?}");
        assert!(schemas.len() > 20, "{:?}", schemas.keys());
    }
}
