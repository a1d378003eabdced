//! Reads the fields of a JSON object, remembers every fault, and knows at the end which fields nobody asked for.

use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Most faults that are told: an error can't be made as large as a body.
const MOST_FAULTS: usize = 20;

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldFault {
    /// Its name, with dots into nested objects.
    pub field: String,
    /// What is allowed.
    pub message: String,
}

/// A request that breaks the rules: all its faults, never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", summary(.0))]
pub struct Invalid(pub Vec<FieldFault>);

fn summary(faults: &[FieldFault]) -> String {
    faults.iter().map(|f| format!("{} {}", f.field, f.message)).collect::<Vec<_>>().join("; ")
}

impl Invalid {
    /// A single fault.
    pub fn one(field: &str, message: impl Into<String>) -> Self {
        Self(vec![FieldFault { field: field.to_owned(), message: message.into() }])
    }
}

/// A JSON object being read.
pub struct Fields<'a> {
    object: &'a Map<String, Value>,
    known: BTreeSet<&'a str>,
    faults: Vec<FieldFault>,
}

impl<'a> Fields<'a> {
    /// Starts to read `body`, which must be an object.
    pub fn of(body: &'a Value) -> Result<Self, Invalid> {
        let object = body.as_object().ok_or_else(|| Invalid::one("body", "must be a JSON object"))?;
        Ok(Self { object, known: BTreeSet::new(), faults: Vec::new() })
    }

    /// The raw value of a field; `null` counts as absent, as in the system that this one replaces.
    pub fn take(&mut self, name: &'a str) -> Option<&'a Value> {
        self.known.insert(name);
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// A field that must be a text when it is there.
    pub fn text(&mut self, name: &'a str) -> Option<&'a str> {
        let value = self.take(name)?;
        if value.as_str().is_none() {
            self.fault(name, "must be a text");
        }
        value.as_str()
    }

    /// Notes that a field is wrong.
    pub fn fault(&mut self, field: &str, message: impl Into<String>) {
        self.faults.push(FieldFault { field: field.to_owned(), message: message.into() });
    }

    /// Notes what was wrong within `path`. Of very many faults the first will do.
    pub fn absorb(&mut self, path: &str, invalid: Invalid) {
        for fault in invalid.0 {
            if self.faults.len() >= MOST_FAULTS {
                return;
            }
            let within = fault.field != "body";
            let field = if within { format!("{path}.{}", fault.field) } else { path.to_owned() };
            self.faults.push(FieldFault { field, message: fault.message });
        }
    }

    /// Ends the reading: `value` when nothing was wrong, else all faults, unknown fields among them.
    pub fn finish<T>(mut self, value: Option<T>) -> Result<T, Invalid> {
        let known = self.known.iter().copied().collect::<Vec<_>>().join(", ");
        let unknown = self.object.keys().filter(|name| !self.known.contains(name.as_str()));
        for name in unknown.take(MOST_FAULTS.saturating_sub(self.faults.len()).max(1)) {
            // The name is the caller's own text: shortened, so that an error can't be made as large as the body.
            let field: String = name.chars().take(100).collect();
            self.faults.push(FieldFault { field, message: format!("is not a known field; known are {known}") });
        }
        match value {
            Some(value) if self.faults.is_empty() => Ok(value),
            _ if self.faults.is_empty() => Err(Invalid::one("body", "is incomplete")),
            _ => Err(Invalid(self.faults)),
        }
    }
}
