//! Every place in the API where a stranger may put text, found in the API's own description: what is described later is a
//! place as well, without a word here.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use studio_testkit::{raw_client::RawReply, text_attacks::Attack};

/// Stands where the text is to be.
const HOLE: &str = "@@HERE@@";
/// What the HTTP library reads of an address, and of a head, in bytes. What is longer never becomes a request.
const LONGEST_ADDRESS: usize = 60 << 10;
const LONGEST_HEAD: usize = 120 << 10;
/// Headers that no route describes, for the door reads them, or a log might show them.
const GENERAL_HEADERS: [&str; 13] = [
    "x-request-id",
    "idempotency-key",
    "prefer",
    "authorization",
    "x-api-key",
    "last-event-id",
    "range",
    "if-none-match",
    "content-type",
    "accept",
    "user-agent",
    "x-forwarded-for",
    "origin",
];

/// How text is written in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// As a JSON string.
    Json,
    /// Percent-encoded.
    Address,
    /// As it is, after a header's name.
    Header,
}

/// A text in every manner: written once, for it is put into many places.
pub(super) struct Written {
    json: Vec<u8>,
    address: Vec<u8>,
    header: Vec<u8>,
}

impl Written {
    /// That one.
    pub(super) fn of(attack: &Attack) -> Self {
        let address =
            if attack.bytes().len() < LONGEST_ADDRESS { attack.percent_encoded() } else { "x".repeat(LONGEST_ADDRESS) };
        Self { json: attack.json(), address: address.into_bytes(), header: attack.bytes().to_vec() }
    }
}

/// A request with a hole in it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// `POST /api/v1/chat messages[].content`.
    pub(super) name: String,
    /// How text is written there.
    pub(super) manner: Manner,
    head: String,
    body: Option<String>,
}

impl Place {
    /// The request with that text in its hole; nothing when the server would not even read it.
    pub(super) fn request(&self, written: &Written) -> Option<Vec<u8>> {
        let text = match self.manner {
            Manner::Json => &written.json,
            Manner::Address => &written.address,
            Manner::Header => &written.header,
        };
        let body = self.body.as_ref().map(|body| fill(body, &format!("\"{HOLE}\""), &written.json));
        let length = body.as_ref().map(|body| format!("Content-Length: {}\r\n", body.len())).unwrap_or_default();
        // Before the hole: what ends the head early must not leave a body without a length.
        let head = fill(&self.head.replacen("\r\n", &format!("\r\n{length}"), 1), HOLE, text);
        let longest = if self.manner == Manner::Address { LONGEST_ADDRESS } else { LONGEST_HEAD };
        (head.len() < longest).then(|| [&head[..], b"\r\n", &body.unwrap_or_default()].concat())
    }

    /// Whether an answer without a body will do: what stands in a header may be no HTTP, and then nobody of ours was asked.
    pub(super) fn is_no_http(&self, attack: &Attack, reply: &RawReply) -> bool {
        let control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
        let head_broken = self.manner == Manner::Header && attack.bytes().iter().any(control);
        head_broken && reply.status == 400 && reply.body.is_empty()
    }
}

/// What the description does not say.
pub(super) struct Known<'a> {
    /// The API's description.
    pub(super) document: &'a Value,
    /// A key that may do everything.
    pub(super) key: &'a str,
    /// Bodies that are taken, by the name of their schema. Those that aren't here are the schema's own first example.
    pub(super) bodies: &'a BTreeMap<&'a str, Value>,
    /// What is meant by `{id}`, by the beginning of the route; the longest fitting counts.
    pub(super) ids: &'a [(&'a str, String)],
}

impl Known<'_> {
    /// Every place, and every route as it is without an attack.
    pub(super) fn places(&self) -> (Vec<Place>, Vec<Place>) {
        let (mut places, mut plain) = (Vec::new(), Vec::new());
        for (path, operations) in self.document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                let route = Route::of(self, path, &method.to_uppercase(), operation);
                plain.push(route.place("", Manner::Json, &route.path, &[], route.body.clone()));
                route.add_places(operation, &mut places);
                let general = (path.ends_with("/jobs") && method == "get") || path.ends_with("/generate/image");
                for header in GENERAL_HEADERS.iter().filter(|_| general) {
                    places.push(route.in_header(header));
                }
            }
        }
        (places, plain)
    }
}

/// Stands in a body where the text is to be.
pub(super) fn hole() -> Value {
    HOLE.into()
}

/// A body with that text in its hole. Maybe not JSON any more.
pub(super) fn filled(body: &Value, attack: &Attack) -> Vec<u8> {
    fill(&body.to_string(), &format!("\"{HOLE}\""), &attack.json())
}

fn fill(with_hole: &str, hole: &str, text: &[u8]) -> Vec<u8> {
    match with_hole.split_once(hole) {
        Some((before, after)) => [before.as_bytes(), text, after.as_bytes()].concat(),
        None => with_hole.as_bytes().to_vec(),
    }
}

struct Route<'a> {
    known: &'a Known<'a>,
    pattern: &'a str,
    method: String,
    /// With its parameters filled in, and only tried where that can be.
    path: String,
    body: Option<Value>,
    content_type: &'static str,
    schema: Option<&'a Value>,
}

impl<'a> Route<'a> {
    fn of(known: &'a Known<'a>, pattern: &'a str, method: &str, operation: &'a Value) -> Self {
        let (mut body, mut schema, mut content_type) = (None, None, "application/json");
        if let Some(content) = operation["requestBody"]["content"].as_object() {
            schema = content.get("application/json").map(|content| &content["schema"]);
            body = Some(schema.map_or(Value::Null, |schema| known.body_of(pattern, schema)));
            // A file: the shortest that is one, and is text.
            if content.contains_key("multipart/form-data") {
                (body, content_type) = (Some(json!({ "text": "a line" })), "application/jsonl");
            }
        }
        let mut route =
            Self { known, pattern, method: method.to_owned(), path: String::new(), body, content_type, schema };
        route.path = route.address(operation, None, &route.query(operation, ""));
        route
    }

    /// What its query must have, and that it is only tried where that can be; but not the parameter of this name.
    fn query(&self, operation: &Value, but: &str) -> String {
        let mut query = String::from("?");
        for (name, parameter) in parameters(operation, "query").filter(|(name, _)| *name != but) {
            if name == "dryRun" {
                query += "dryRun=true&";
            } else if parameter["required"] == true {
                let (_, job) = self.known.ids.first().unwrap();
                query += &format!("{name}={job}&");
            }
        }
        query
    }

    /// Its address, with a hole for one parameter.
    fn address(&self, operation: &Value, hole: Option<&str>, query: &str) -> String {
        let mut path = self.pattern.to_owned();
        for (name, _) in parameters(operation, "path") {
            let usual = self.known.ids.iter().filter(|(prefix, _)| self.pattern.starts_with(prefix) && name == "id");
            let usual = usual.max_by_key(|(prefix, _)| prefix.len()).map_or("x.png", |(_, id)| id);
            // What is removed once is not there for the others.
            let usual = if self.method == "DELETE" { crate::NOBODY } else { usual };
            path = path.replace(&format!("{{{name}}}"), if hole == Some(name) { HOLE } else { usual });
        }
        path + query
    }

    fn place(&self, name: &str, manner: Manner, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Place {
        let mut head = format!("{} {path} HTTP/1.1\r\nHost: studio\r\n", self.method);
        let bearer = format!("Bearer {}", self.known.key);
        for (name, value) in [("authorization", &*bearer), ("content-type", self.content_type)] {
            if !headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)) {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        let name = format!("{} {} {name}", self.method, self.pattern);
        Place { name, manner, head, body: body.map(|body| body.to_string()) }
    }

    fn in_header(&self, header: &str) -> Place {
        // The last one: what is behind it may be cut off.
        let headers = [("connection", "close"), (header, HOLE)];
        self.place(&format!("header {header}"), Manner::Header, &self.path, &headers, self.body.clone())
    }

    fn add_places(&self, operation: &Value, places: &mut Vec<Place>) {
        let at = |name: String, path: &str| self.place(&name, Manner::Address, path, &[], self.body.clone());
        for (name, _) in parameters(operation, "path") {
            let path = self.address(operation, Some(name), &self.query(operation, ""));
            places.push(at(format!("{{{name}}}"), &path));
        }
        let mut queries = parameters(operation, "query").peekable();
        if queries.peek().is_some() {
            places.push(at(
                "?name".into(),
                &self.address(operation, None, &format!("{}{HOLE}=1", self.query(operation, ""))),
            ));
        }
        for (name, _) in queries {
            let query = self.query(operation, name);
            places.push(at(format!("?{name}"), &self.address(operation, None, &format!("{query}{name}={HOLE}"))));
        }
        places.extend(parameters(operation, "header").map(|(name, _)| self.in_header(name)));
        let (Some(schema), Some(body)) = (self.schema, &self.body) else { return };
        let mut found = BTreeMap::new();
        for only_what_is_there in [true, false] {
            let walk = Walk { document: self.known.document, only_what_is_there };
            walk.schema(schema, Some(body), "", &|value| value, &mut found);
        }
        places
            .extend(found.into_iter().map(|(name, body)| self.place(&name, Manner::Json, &self.path, &[], Some(body))));
    }
}

fn parameters<'a>(operation: &'a Value, place: &'static str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let all = operation["parameters"].as_array().into_iter().flatten();
    all.filter(move |parameter| parameter["in"] == place)
        .map(|parameter| (parameter["name"].as_str().unwrap(), parameter))
}

impl Known<'_> {
    fn body_of(&self, pattern: &str, schema: &Value) -> Value {
        let name = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
        let example = || resolved(self.document, schema)["examples"].get(0).cloned();
        let body = self.bodies.get(name).cloned().or_else(example);
        body.ok_or_else(|| format!("{pattern}: {name:?} has no example: give it a body in text_attacks.rs")).unwrap()
    }
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(path) => {
            document.pointer(path.trim_start_matches('#')).ok_or_else(|| format!("{path} is nowhere")).unwrap()
        }
        None => schema,
    }
}

fn alternatives(schema: &Value) -> impl Iterator<Item = &Value> {
    ["anyOf", "oneOf", "allOf"].iter().filter_map(|word| schema[*word].as_array()).flatten()
}

fn is(schema: &Value, kind: &str) -> bool {
    schema["type"] == kind || schema["type"].as_array().is_some_and(|kinds| kinds.iter().any(|other| other == kind))
}

/// Whether a schema says nothing of what is within.
fn is_open(schema: &Value) -> bool {
    let silent = schema["type"].is_null() && schema["enum"].is_null() && schema["const"].is_null();
    (silent && alternatives(schema).next().is_none() || is(schema, "object")) && schema["properties"].is_null()
}

/// A value that a schema allows, as short as can be.
fn sample(document: &Value, schema: &Value) -> Value {
    let schema = resolved(document, schema);
    let said = [&schema["examples"][0], &schema["default"], &schema["const"], &schema["enum"][0]];
    if let Some(said) = said.into_iter().find(|value| !value.is_null()) {
        return said.clone();
    }
    if let Some(first) = alternatives(schema).next() {
        return sample(document, first);
    }
    match schema["type"].as_str() {
        Some("object") => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            required.map(|name| (name.to_owned(), sample(document, &schema["properties"][name]))).collect()
        }
        Some("array") => json!([sample(document, &schema["items"])]),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        Some("boolean") => json!(false),
        _ if schema["format"] == "uuid" => json!("019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b"),
        _ if schema["format"] == "date-time" => json!("2999-01-01T00:00:00Z"),
        _ => json!("x"),
    }
}

/// Whether a value may be meant by that schema.
fn fits(schema: &Value, value: &Value) -> bool {
    let kind = match value {
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::String(_) => "string",
        _ => "other",
    };
    let said = schema["properties"].as_object().into_iter().flatten();
    let mut said = said.filter_map(|(name, schema)| Some((name, schema.get("const")?)));
    (schema["type"].is_null() || is(schema, kind))
        && said.all(|(name, wanted)| value.get(name).is_none_or(|is| is == wanted))
}

/// Bodies with a hole, by the name of the place.
type Found = BTreeMap<String, Value>;
/// Makes the whole body from what stands at a place.
type Make<'a> = &'a dyn Fn(Value) -> Value;

struct Walk<'a> {
    document: &'a Value,
    /// First what the body has, so that what stands beside it is as it should be; then the rest.
    only_what_is_there: bool,
}

impl Walk<'_> {
    fn schema(&self, schema: &Value, here: Option<&Value>, name: &str, make: Make<'_>, found: &mut Found) {
        let schema = resolved(self.document, schema);
        for alternative in alternatives(schema) {
            self.schema(alternative, here, name, make, found);
        }
        let here = here.filter(|value| fits(schema, value));
        let words = [&schema["enum"][0], &schema["const"]].iter().any(|word| word.is_string());
        if is(schema, "string") || words || (is_open(schema) && !is(schema, "object")) {
            found.entry(name.to_owned()).or_insert_with(|| make(hole()));
        }
        if let Some(properties) = schema["properties"].as_object() {
            let object = here.cloned().unwrap_or_else(|| sample(self.document, schema));
            let object = object.as_object().cloned().unwrap_or_default();
            for (field, inner) in properties {
                let there = object.get(field);
                if there.is_some() || !self.only_what_is_there {
                    let with = |value| make(with_field(&object, field, value));
                    self.schema(inner, there, &format!("{name}.{field}"), &with, found);
                }
            }
            found.entry(format!("{name}.<name>")).or_insert_with(|| make(with_field(&object, HOLE, json!(1))));
        } else if is_open(schema) {
            self.open(here.unwrap_or(&json!({})), name, make, found);
        }
        if is(schema, "array") {
            let array = here.and_then(Value::as_array).filter(|array| !array.is_empty()).cloned();
            let array = array.unwrap_or_else(|| vec![sample(self.document, &schema["items"])]);
            for (index, item) in array.iter().enumerate() {
                let with = |value| make(with_item(&array, index, value));
                self.schema(&schema["items"], Some(item), &format!("{name}[]"), &with, found);
            }
        }
    }

    /// What no schema tells of: every text and every name that the body has there, and one more.
    fn open(&self, here: &Value, name: &str, make: Make<'_>, found: &mut Found) {
        match here {
            Value::String(_) => {
                found.entry(name.to_owned()).or_insert_with(|| make(hole()));
            }
            Value::Array(array) => {
                for (index, item) in array.iter().enumerate() {
                    self.open(item, &format!("{name}[]"), &|value| make(with_item(array, index, value)), found);
                }
            }
            Value::Object(object) => {
                for (field, inner) in object {
                    self.open(
                        inner,
                        &format!("{name}.{field}"),
                        &|value| make(with_field(object, field, value)),
                        found,
                    );
                }
                found.entry(format!("{name}.<more>")).or_insert_with(|| make(with_field(object, "more", hole())));
                found.entry(format!("{name}.<name>")).or_insert_with(|| make(with_field(object, HOLE, json!(1))));
            }
            _ => {}
        }
    }
}

fn with_field(object: &Map<String, Value>, field: &str, value: Value) -> Value {
    let mut object = object.clone();
    object.insert(field.to_owned(), value);
    object.into()
}

fn with_item(array: &[Value], index: usize, value: Value) -> Value {
    let mut array = array.to_vec();
    array[index] = value;
    array.into()
}
