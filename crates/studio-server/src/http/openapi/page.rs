//! The description as a page for people: made on the server, without a script, a font or a request to anywhere.

use crate::http::pages::escaped;
use serde_json::Value;
use std::fmt::Write;

const HEAD: &str = include_str!("page_head.html");

/// The page for a document.
pub(in crate::http) fn page(document: &Value) -> String {
    let mut html = HEAD.to_owned();
    match write_page(&mut html, document) {
        Ok(()) => html,
        // Writing to a String can't fail.
        Err(_) => HEAD.to_owned(),
    }
}

fn write_page(html: &mut String, document: &Value) -> std::fmt::Result {
    let info = &document["info"];
    writeln!(html, "<h1>{} <small>{}</small></h1>", text(&info["title"]), text(&info["version"]))?;
    writeln!(html, "<p>{}</p><p><a href=\"/openapi.json\">openapi.json</a></p>", marked(&info["description"]))?;
    for (path, operations) in entries(&document["paths"]) {
        for (method, operation) in entries(operations) {
            write_operation(html, path, method, operation)?;
        }
    }
    writeln!(html, "<h2 id=\"schemas\">Bodies</h2>")?;
    for (name, schema) in entries(&document["components"]["schemas"]) {
        writeln!(html, "<details id=\"{0}\"><summary><code>{0}</code></summary>", escaped(name))?;
        write_fields(html, schema)?;
        writeln!(html, "</details>")?;
    }
    writeln!(html, "</main></html>")
}

fn write_operation(html: &mut String, path: &str, method: &str, operation: &Value) -> std::fmt::Result {
    let id = text(&operation["operationId"]);
    writeln!(
        html,
        "<details id=\"{id}\"><summary><b class=\"{0}\">{0}</b> <code>{1}</code> {2}</summary>",
        escaped(method),
        escaped(path),
        text(&operation["summary"])
    )?;
    if let Some(parameters) = operation["parameters"].as_array() {
        writeln!(html, "<h4>Parameters</h4><table>")?;
        for parameter in parameters {
            writeln!(
                html,
                "<tr><td><code>{}</code><td>{}<td>{}<td>{}",
                text(&parameter["name"]),
                text(&parameter["in"]),
                allowed(&parameter["schema"]),
                marked(&parameter["description"])
            )?;
        }
        writeln!(html, "</table>")?;
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if !body.is_null() {
        writeln!(html, "<h4>Body</h4><p>{}</p>", allowed(body))?;
    }
    writeln!(html, "<h4>Answers</h4><table>")?;
    for (status, answer) in entries(&operation["responses"]) {
        let schema = entries(&answer["content"]).into_iter().map(|(_, content)| allowed(&content["schema"])).next();
        writeln!(
            html,
            "<tr><td><code>{}</code><td>{}<td>{}",
            escaped(status),
            schema.unwrap_or_default(),
            marked(&answer["description"])
        )?;
    }
    writeln!(html, "</table></details>")
}

fn write_fields(html: &mut String, schema: &Value) -> std::fmt::Result {
    let required: Vec<_> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    writeln!(html, "<table>")?;
    for (name, field) in entries(&schema["properties"]) {
        let always = if required.contains(&name) { "required" } else { "" };
        writeln!(
            html,
            "<tr><td><code>{}</code><td>{always}<td>{}<td>{}",
            escaped(name),
            allowed(field),
            marked(&field["description"])
        )?;
    }
    writeln!(html, "</table>")
}

/// What a schema allows, in a few words.
fn allowed(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return format!("<a href=\"#{0}\">{0}</a>", escaped(name));
    }
    if let Some(words) = schema["enum"].as_array() {
        let words = words.iter().filter(|word| !word.is_null());
        return words.map(|word| format!("<code>{}</code>", text(word))).collect::<Vec<_>>().join(" ");
    }
    if !schema["const"].is_null() {
        return format!("<code>{}</code>", escaped(&schema["const"].to_string()));
    }
    // That a field which may be left out may be null, too, goes without saying.
    let forms = schema["anyOf"].as_array().filter(|_| schema["type"].is_null()).into_iter().flatten().map(allowed);
    let forms: Vec<_> = forms.filter(|form| form != "null").collect();
    if !forms.is_empty() {
        return forms.join(" or ");
    }
    let mut words = match &schema["type"] {
        Value::Array(kinds) => {
            let kinds = kinds.iter().filter(|kind| *kind != "null").map(text);
            kinds.collect::<Vec<_>>().join(" or ")
        }
        kind => text(kind),
    };
    if let (Some(min), Some(max)) = (schema["minimum"].as_f64(), schema["maximum"].as_f64()) {
        words += &format!(", {min} to {max}");
    }
    if !schema["default"].is_null() {
        words += &format!(", else <code>{}</code>", text(&schema["default"]));
    }
    if !schema["items"].is_null() {
        words += &format!(" of {}", allowed(&schema["items"]));
    }
    words
}

fn entries(object: &Value) -> Vec<(&str, &Value)> {
    object.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value)).collect()
}

/// A value as text that a page can show: a model's description may hold anything.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => escaped(text),
        Value::Null => String::new(),
        other => escaped(&other.to_string()),
    }
}

/// As [`text`], with `words between back ticks` as code.
fn marked(value: &Value) -> String {
    let pieces = text(value);
    let marked = pieces.split('`').enumerate();
    marked.map(|(n, piece)| if n % 2 == 1 { format!("<code>{piece}</code>") } else { piece.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_page_shows_can_not_become_markup() {
        assert_eq!(
            marked(&json!("a `b<c` \"d\" & <script>")),
            "a <code>b&lt;c</code> &quot;d&quot; &amp; &lt;script&gt;"
        );
    }
}
