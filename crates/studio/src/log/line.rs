//! One event as one line.
//!
//! For people: `2026-11-26T10:11:12.345Z  INFO message  field=value field="another value"`. For machines: one JSON object with
//! `timestamp`, `level`, `target`, `message`, and the fields beside them, numbers and truths as such. The characters of a text
//! are made visible in both: JSON could spell them, but whoever reads it would show them as they were.

use super::{escape, redact};
use serde_json::Value;
use std::fmt;
use studio_core::time::Timestamp;
use tracing::{
    Event, Level,
    field::{Field, Visit},
};

/// How a line looks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Style {
    /// For people; on a terminal the level has its colour.
    Text { coloured: bool },
    /// For machines.
    Json,
}

/// What a line says.
#[derive(Debug)]
pub(super) struct Line {
    time: Timestamp,
    level: Level,
    target: String,
    fields: Fields,
}

impl Line {
    /// What `event` says, as far as it may be shown.
    pub(super) fn of(event: &Event<'_>, time: Timestamp) -> Self {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let target = fields.target.take().unwrap_or_else(|| event.metadata().target().to_owned());
        Self { time, level: *event.metadata().level(), target, fields }
    }

    /// It, without the end of a line.
    pub(super) fn written(&self, style: Style) -> String {
        match style {
            Style::Text { coloured } => self.text(coloured),
            Style::Json => self.json(),
        }
    }

    fn text(&self, coloured: bool) -> String {
        let (on, off) = if coloured { (colour(self.level), "\x1b[0m") } else { ("", "") };
        let mut line = format!("{} {on}{:>5}{off}", self.time, self.level.as_str());
        if let Some(message) = &self.fields.message {
            line.push(' ');
            line.push_str(&escape::message(message));
        }
        // Two blanks end the message; it has none in it.
        let mut gap = "  ";
        for (name, value) in &self.fields.others {
            let value = value.as_str().map_or_else(|| value.to_string(), escape::value);
            line.push_str(&format!("{gap}{}={value}", escape::visible(name)));
            gap = " ";
        }
        line
    }

    fn json(&self) -> String {
        let string = |text: &str| Value::from(escape::visible(text));
        let mut line = format!(r#"{{"timestamp":"{}","level":"{}""#, self.time, self.level);
        let mut add = |name: &str, value: &Value| line.push_str(&format!(",{}:{value}", string(name)));
        add("target", &string(&self.target));
        if let Some(message) = &self.fields.message {
            add("message", &string(message));
        }
        for (name, value) in &self.fields.others {
            let value = value.as_str().map_or_else(|| value.clone(), string);
            if ["timestamp", "level", "target"].contains(name) {
                add(&format!("{name}_"), &value)
            } else {
                add(name, &value)
            }
        }
        line.push('}');
        line
    }
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG => "\x1b[34m",
        Level::TRACE => "\x1b[35m",
    }
}

/// The fields of an event, as they may be shown.
#[derive(Debug, Default)]
struct Fields {
    /// Who really said it, when it came by the facade `log`.
    target: Option<String>,
    message: Option<String>,
    others: Vec<(&'static str, Value)>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = Some(redact::text(&text)),
            ("log.target", Value::String(target)) => self.target = Some(target),
            // Places in libraries.
            (name, _) if name.starts_with("log.") => {}
            (name, value) => {
                // `type` and the like are spelt so in Rust.
                let name = name.strip_prefix("r#").unwrap_or(name);
                self.others.push((name, redact::field(name, value)));
            }
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no word for what is no number.
        let value = if value.is_finite() { value.into() } else { value.to_string().into() };
        self.add(field, value);
    }
}
