//! A value against a schema of an OpenAPI document: so much of JSON Schema as our document uses. A keyword that is not known here
//! is a fault, so that nothing passes because it was not looked at. Members that an object does not name are a fault too: what is
//! answered is to be documented.

use serde_json::Value;

/// Keywords that say nothing about a value.
const NOTES: [&str; 5] = ["description", "example", "examples", "title", "format"];

/// What is wrong with a value, and where.
pub fn check(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    check_at(document, schema, value, "")
}

fn check_at(document: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let wrong = |why: String| Err(format!("{at}: {why}: {value}"));
    for (keyword, said) in schema.as_object().expect("a schema is an object") {
        match keyword.as_str() {
            note if NOTES.contains(&note) => {}
            "$ref" => {
                let name = said.as_str().and_then(|path| path.strip_prefix('#')).expect("a path in the document");
                check_at(document, document.pointer(name).expect("it leads somewhere"), value, at)?;
            }
            "type" => {
                let is_one = |kind: &Value| is_of(kind.as_str().expect("a type is text"), value);
                if !said.as_array().map_or_else(|| is_one(said), |kinds| kinds.iter().any(is_one)) {
                    return wrong(format!("not {said}"));
                }
            }
            "enum" => {
                if !said.as_array().expect("a list").contains(value) {
                    return wrong(format!("not one of {said}"));
                }
            }
            "oneOf" => {
                let fits: Vec<_> =
                    said.as_array().expect("a list").iter().map(|one| check_at(document, one, value, at)).collect();
                if fits.iter().filter(|fit| fit.is_ok()).count() != 1 {
                    return wrong(format!("not one of several: {fits:?}"));
                }
            }
            "allOf" => check_all(document, said, value, at)?,
            "minimum" if value.as_f64() < said.as_f64() && value.is_number() => return wrong(format!("below {said}")),
            "maximum" if value.as_f64() > said.as_f64() && value.is_number() => return wrong(format!("above {said}")),
            "minItems" | "maxItems" if value.is_array() => {
                let (len, said_len) = (value.as_array().map(Vec::len), said.as_u64().map(|len| len as usize));
                if (keyword == "minItems" && len < said_len) || (keyword == "maxItems" && len > said_len) {
                    return wrong(format!("{keyword} {said}"));
                }
            }
            "minimum" | "maximum" | "minItems" | "maxItems" => {}
            "items" => {
                for (position, item) in value.as_array().into_iter().flatten().enumerate() {
                    check_at(document, said, item, &format!("{at}/{position}"))?;
                }
            }
            "required" => {
                let mut names = said.as_array().expect("a list").iter().filter_map(Value::as_str);
                if let Some(name) = names.find(|name| value.get(name).is_none()) {
                    return wrong(format!("{name} is missing"));
                }
            }
            "properties" => {
                let known = said.as_object().expect("an object");
                for (name, member) in value.as_object().into_iter().flatten() {
                    match known.get(name) {
                        Some(schema) => check_at(document, schema, member, &format!("{at}/{name}"))?,
                        None => return wrong(format!("{name} is not documented")),
                    }
                }
            }
            "additionalProperties" => {
                for (name, member) in value.as_object().into_iter().flatten() {
                    check_at(document, said, member, &format!("{at}/{name}"))?;
                }
            }
            "propertyNames" => {}
            other => panic!("{at}: the keyword {other} is not known"),
        }
    }
    Ok(())
}

/// Parts of one object: each member is of one of them.
fn check_all(document: &Value, parts: &Value, value: &Value, at: &str) -> Result<(), String> {
    let parts: Vec<&Value> = parts.as_array().expect("a list").iter().map(|part| resolved(document, part)).collect();
    let mut whole = serde_json::json!({"type": "object", "properties": {}, "required": []});
    for part in parts {
        for (name, schema) in part["properties"].as_object().into_iter().flatten() {
            whole["properties"][name] = schema.clone();
        }
        let required = part["required"].as_array().cloned().unwrap_or_default();
        whole["required"].as_array_mut().expect("a list").extend(required);
    }
    check_at(document, &whole, value, at)
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(path) => resolved(document, document.pointer(&path[1..]).expect("it leads somewhere")),
        None => schema,
    }
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type {other}"),
    }
}
