//! The API's description equals the API: every route is in it and nothing else, and real answers are as it says.

use crate::{
    IMAGE,
    chat::{CHAT, TITLE, ask, talking},
    setup, small, studio,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::Path};
use studio_core::{catalog::Catalog, limits::LimitClass, request::modern};
use studio_server::{
    http::{CODES, ROUTES, Who, api_document, errors_page, limits_page},
    settings::CONSTANTS,
};
use studio_testkit::{events::read_events, studio::Studio};

/// Says where `value` is not as `schema` allows. Stricter than the standard: a field that isn't described is a fault, for
/// an answer that grew must be described.
fn check(document: &Value, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    if let Some(path) = schema["$ref"].as_str() {
        let target = document.pointer(path.trim_start_matches('#')).unwrap_or(&Value::Null);
        return check(document, target, value, at, faults);
    }
    if let Some(wanted) = schema.get("const")
        && wanted != value
    {
        faults.push(format!("{at}: {value} is not {wanted}"));
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        faults.push(format!("{at}: {value} is not one of {words:?}"));
    }
    let fits = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        _ => true,
    };
    if !fits {
        faults.push(format!("{at}: {value} is no {}", schema["type"]));
    }
    if let Some(number) = value.as_f64() {
        let beyond = schema["maximum"].as_f64().is_some_and(|max| number > max);
        if beyond || schema["minimum"].as_f64().is_some_and(|min| number < min) {
            faults.push(format!("{at}: {number} is out of bounds"));
        }
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(name).is_none() {
            faults.push(format!("{at}.{name} is missing"));
        }
    }
    if let (Some(properties), Some(fields)) = (schema["properties"].as_object(), value.as_object()) {
        for (name, field) in fields {
            match properties.get(name) {
                Some(schema) => check(document, schema, field, &format!("{at}.{name}"), faults),
                None => faults.push(format!("{at}.{name} is not described")),
            }
        }
    }
    for item in value.as_array().into_iter().flatten() {
        check(document, &schema["items"], item, &format!("{at}[]"), faults);
    }
}

fn assert_described(document: &Value, path: &str, method: &str, status: StatusCode, body: &Value) {
    let operation = &document["paths"][path][method];
    let answer = &operation["responses"][status.as_str()];
    assert!(!answer.is_null(), "{method} {path} answers {status}, which is not described");
    let content = answer["content"].as_object().and_then(|content| content.values().next());
    let mut schema = &content.unwrap_or(&Value::Null)["schema"];
    if schema["$ref"] == "#/components/schemas/JobEvent" {
        schema = &document["components"]["schemas"]["JobEvent"]["properties"]["data"]["contentSchema"];
    }
    let mut faults = Vec::new();
    check(document, schema, body, "body", &mut faults);
    assert!(faults.is_empty(), "{method} {path} {status}: {faults:#?}\n{body:#}");
}

async fn document(studio: &Studio) -> Value {
    let reply = Studio::send(studio.bare_request(Method::GET, "/openapi.json")).await.unwrap();
    assert_eq!(reply.status, StatusCode::OK);
    reply.json()
}

#[tokio::test]
async fn f41_the_document_has_every_route_and_no_other() {
    let studio = studio();
    let document = document(&studio).await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut described = BTreeSet::new();
    let mut names = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            described.insert((method.to_uppercase(), path.clone()));
            assert!(names.insert(operation["operationId"].to_string()), "{path} shares its operationId");
        }
    }
    let table: BTreeSet<_> =
        ROUTES.iter().map(|route| (route.method.as_method().to_string(), route.path.to_owned())).collect();
    assert_eq!(described, table);
    for route in ROUTES {
        let operation = &document["paths"][route.path][route.method.as_method().as_str().to_lowercase()];
        let signed_in = operation["security"].as_array().is_some_and(|schemes| !schemes.is_empty());
        assert_eq!(signed_in, matches!(route.who(), Who::Key(_)), "{}", route.path);
    }
    // No reference leads nowhere.
    let text = document.to_string();
    for path in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(path).is_some(), "{path}");
    }
}

/// Every name of a field in a value, outside of what keeps the names that others gave.
fn names(value: &Value, found: &mut BTreeSet<String>) {
    // What a provider says of its usage, as it says it; and the document's own words for its parts.
    const OF_OTHERS: [&str; 1] = ["providerUsage"];
    for (name, value) in value.as_object().into_iter().flatten() {
        found.insert(name.clone());
        if !OF_OTHERS.contains(&&**name) {
            names(value, found);
        }
    }
    value.as_array().into_iter().flatten().for_each(|value| names(value, found));
}

/// The names of fields that a schema describes, with those of the schemas in it.
fn described(schema: &Value, found: &mut BTreeSet<String>) {
    for (word, inner) in schema.as_object().into_iter().flatten() {
        if word == "properties" {
            found.extend(inner.as_object().unwrap().keys().cloned());
        }
        described(inner, found);
    }
    schema.as_array().into_iter().flatten().for_each(|schema| described(schema, found));
}

fn is_camel_case(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase()) && name.chars().all(|c| c.is_ascii_alphanumeric())
}

#[tokio::test]
async fn f40_every_name_is_in_camel_case() {
    let (_api, studio) = talking();
    let document = document(&studio).await;
    let mut found = BTreeSet::new();
    described(&document, &mut found);
    for operation in document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values())
    {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        // Headers have the form that headers have.
        let ours = parameters.filter(|parameter| parameter["in"] != "header");
        found.extend(ours.map(|parameter| parameter["name"].as_str().unwrap().to_owned()));
    }
    assert!(found.len() > 100 && found.contains("queuePosition") && found.contains("dryRun"), "{found:?}");
    // What is described as an object of any fields shows them only when it is answered.
    let picture = studio.post(IMAGE, &small("a cat")).await.unwrap().json();
    let talk = studio.post(CHAT, &ask("[[think 2]] [[cached 3]] hello")).await.unwrap().json();
    let tried = studio.post(&format!("{IMAGE}?dryRun=true"), &small("a cat")).await.unwrap().json();
    let refused = studio.post(IMAGE, &json!({})).await.unwrap().json();
    [&picture, &talk, &tried, &refused].into_iter().for_each(|answer| names(answer, &mut found));
    for made in [&picture, &talk] {
        let job = made["jobId"].as_str().unwrap();
        names(&studio.get(&format!("/api/v1/jobs/{job}")).await.unwrap().json(), &mut found);
    }
    for list in ["models", "usage", "usage/entries", "budgets", "health"] {
        names(&studio.get(&format!("/api/v1/{list}")).await.unwrap().json(), &mut found);
    }
    // Names that the system before gave to a job, on its paths, for callers who know it only so.
    const OF_BEFORE: [&str; 2] = ["created_at", "result_url"];
    let odd: Vec<_> = found.iter().filter(|name| !is_camel_case(name) && !OF_BEFORE.contains(&&***name)).collect();
    assert!(odd.is_empty(), "{odd:?}");
}

#[tokio::test]
async fn real_answers_are_as_the_document_says() {
    let studio = studio();
    let document = document(&studio).await;
    let mut body = small("a described picture");
    body["provider"] = json!("sketch");
    let made = studio.post(IMAGE, &body).await.unwrap();
    assert_described(&document, IMAGE, "post", made.status, &made.json());
    let job = made.json()["jobId"].as_str().unwrap().to_owned();
    let request = studio.request(Method::POST, IMAGE).header("Prefer", "wait=0").json(&small("x"));
    let accepted = Studio::send(request).await.unwrap();
    assert_described(&document, IMAGE, "post", accepted.status, &accepted.json());
    let refused = studio.post(IMAGE, &json!({ "prompt": "" })).await.unwrap();
    assert_described(&document, IMAGE, "post", refused.status, &refused.json());

    let paths = [
        "/api/v1/usage/entries",
        "/api/v1/budgets",
        "/api/v1/dead-letters",
        "/api/v1/stuck-jobs",
        "/api/v1/jobs",
        "/api/v1/models",
        "/api/v1/usage",
        "/api/v1/health",
        "/api/v1/health/live",
        "/api/v1/assets",
        "/api/v1/shares",
    ];
    for path in paths {
        let reply = studio.get(path).await.unwrap();
        assert_described(&document, path, "get", reply.status, &reply.json());
    }
    let uploaded = crate::upload::send(&studio, "?name=cat.png", crate::upload::png()).await;
    assert_described(&document, "/api/v1/upload", "post", uploaded.status, &uploaded.json());
    let details = format!("{}/details", uploaded.json()["asset"]["url"].as_str().unwrap());
    let details = studio.get(&details).await.unwrap();
    assert_described(&document, "/api/v1/assets/{id}/details", "get", details.status, &details.json());
    let shown = studio
        .post("/api/v1/share", &json!({ "assetId": uploaded.json()["asset"]["id"], "title": "x" }))
        .await
        .unwrap();
    assert_described(&document, "/api/v1/share", "post", shown.status, &shown.json());
    let page = studio.get(&format!("/api/v1{}", shown.json()["url"].as_str().unwrap())).await.unwrap();
    assert_described(&document, "/api/v1/share/{slug}", "get", page.status, &page.json());
    for path in ["/api/v1/assets", "/api/v1/shares"] {
        let list = studio.get(path).await.unwrap();
        assert!(list.json()["items"][0].is_object());
        assert_described(&document, path, "get", list.status, &list.json());
    }
    let one = studio.get(&format!("/api/v1/jobs/{job}")).await.unwrap();
    assert_described(&document, "/api/v1/jobs/{id}", "get", one.status, &one.json());
    let page = studio.get("/api/v1/jobs?limit=1").await.unwrap();
    assert_described(&document, "/api/v1/jobs", "get", page.status, &page.json());
    let over = Studio::send(studio.request(Method::POST, &format!("/api/v1/jobs/{job}/cancel"))).await.unwrap();
    assert_described(&document, "/api/v1/jobs/{id}/cancel", "post", over.status, &over.json());
    let nothing = studio.get("/api/v1/jobs/019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b").await.unwrap();
    assert_described(&document, "/api/v1/jobs/{id}", "get", nothing.status, &nothing.json());
    let stream = studio.get(&format!("/api/v1/jobs/{job}/events")).await.unwrap();
    for event in read_events(&stream.body) {
        assert_described(&document, "/api/v1/jobs/{id}/events", "get", stream.status, &event.data);
    }
}

#[tokio::test]
async fn real_words_are_as_the_document_says() {
    let (_api, studio) = talking();
    let document = document(&studio).await;
    let mut body = ask("[[think 2]] [[tools]] hello");
    body["tools"] = json!([{ "name": "look", "parameters": {} }]);
    let answer = studio.post(CHAT, &body).await.unwrap();
    assert_described(&document, CHAT, "post", answer.status, &answer.json());
    let job = format!("/api/v1/jobs/{}", answer.json()["jobId"].as_str().unwrap());
    let shown = studio.get(&job).await.unwrap();
    assert_described(&document, "/api/v1/jobs/{id}", "get", shown.status, &shown.json());
    let title = studio.post(TITLE, &json!({ "messages": body["messages"] })).await.unwrap();
    assert_described(&document, TITLE, "post", title.status, &title.json());
    let cut = studio.post(CHAT, &ask("[[cut 3]] hello")).await.unwrap();
    assert_described(&document, CHAT, "post", cut.status, &cut.json());
    let refused = studio.post(CHAT, &json!({})).await.unwrap();
    assert_described(&document, CHAT, "post", refused.status, &refused.json());
    let streams = [studio.get(&format!("{job}/stream")).await.unwrap(), {
        let mut body = ask("[[cut 3]] hello");
        body["stream"] = true.into();
        studio.post(CHAT, &body).await.unwrap()
    }];
    let mut seen = BTreeSet::new();
    for event in streams.iter().flat_map(|stream| read_events(&stream.body)) {
        let name = match event.name.as_str() {
            "start" => "Accepted",
            "status" => "Standing",
            "delta" => "Delta",
            "end" => "Ending",
            other => panic!("{other} is not described"),
        };
        let mut faults = Vec::new();
        check(&document, &document["components"]["schemas"][name], &event.data, name, &mut faults);
        assert!(faults.is_empty(), "{faults:#?} {event:?}");
        seen.insert(name);
    }
    assert!(seen.contains("Delta") && seen.contains("Ending") && seen.contains("Accepted"));
}

#[tokio::test]
async fn the_request_that_is_described_is_the_one_that_is_taken() {
    let studio = studio();
    let document = document(&studio).await;
    for (path, name) in [(IMAGE, "ImageRequest"), (CHAT, "ChatRequest"), (TITLE, "TitleRequest")] {
        let schema = &document["components"]["schemas"][name];
        let known = schema["properties"].as_object().unwrap();
        // What is described is known: a value of the wrong kind is refused for its value, not for its name.
        let odd: Value = known.keys().map(|name| (name.clone(), json!([]))).collect::<serde_json::Map<_, _>>().into();
        let refused = studio.post(path, &odd).await.unwrap().json();
        for fault in refused["details"]["fields"].as_array().unwrap() {
            assert!(!fault["message"].as_str().unwrap().contains("not a known field"), "{fault}");
        }
        // And it is kept of what comes by an older path.
        let (kept, warnings) = modern(&odd);
        assert!(kept == odd && warnings.is_empty(), "{name}: {warnings:?}");
        for example in schema["examples"].as_array().unwrap() {
            let mut body = example.clone();
            if path == IMAGE {
                (body["width"], body["height"]) = (json!(64), json!(64));
            }
            assert_eq!(studio.post(path, &body).await.unwrap().status, StatusCode::OK, "{body}");
        }
    }
}

#[tokio::test]
async fn the_page_for_people_needs_nothing_from_elsewhere() {
    let config = "[[models]]\nid = \"sketch\"\ndescription = \"<script>alert(1)</script>\"\n";
    let studio = Studio::start(setup().config(config)).unwrap();
    let page = Studio::send(studio.bare_request(Method::GET, "/docs")).await.unwrap();
    let text = String::from_utf8(page.body.clone()).unwrap();
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    for route in ROUTES {
        assert!(text.contains(&format!("<code>{}</code>", route.path)), "{}", route.path);
    }
    for word in ["<script", "src=", "http://", "https://"] {
        assert!(!text.contains(word), "{word}");
    }
}

#[test]
fn the_committed_document_is_that_of_a_studio_with_all_providers() {
    // So that a change of the API is seen by whoever reviews it. `make openapi` writes it anew.
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let committed: Value = serde_json::from_str(&fs::read_to_string(committed).unwrap()).unwrap();
    let catalog = Catalog::load(&[]).unwrap();
    assert!(
        committed == api_document(&catalog, |_| true),
        "docs/openapi.json is old: run make openapi and look at the change"
    );
}

#[test]
fn f37_the_pages_of_errors_and_limits_are_those_that_the_program_writes() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    for (file, written) in [("errors.md", errors_page()), ("limits.md", limits_page())] {
        let committed = fs::read_to_string(docs.join(file)).unwrap();
        assert!(committed.trim() == written.trim(), "docs/{file} is old: run make reference and look at the change");
    }
    // Every constant of the server that bounds something is named there, with its unit.
    let page = limits_page();
    for constant in CONSTANTS {
        assert!(page.contains(&format!("| `{}` | ", constant.name)), "{}", constant.name);
    }
    for class in LimitClass::ALL {
        assert!(page.contains(&format!("| `{}` | {} |", class.as_str(), class.default_rate())), "{}", class.as_str());
    }
    // And every code that the sources can refuse with has a row, for a refusal is made from it.
    let errors = errors_page();
    for code in CODES {
        assert!(errors.contains(&format!("| {} | `{}` |", code.status.as_str(), code.code)), "{}", code.code);
    }
}
