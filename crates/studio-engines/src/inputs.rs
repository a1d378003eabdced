//! Reads an engine's inputs. A faulty one is noted and its default goes on, so that all faults are found in one pass.

use crate::engine::InputFault;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// Inputs being read.
pub(crate) struct Inputs<'a> {
    engine: &'static str,
    input: &'a Map<String, Value>,
    known: Vec<&'static str>,
    faults: Vec<InputFault>,
}

impl<'a> Inputs<'a> {
    /// None is known yet.
    pub(crate) fn new(engine: &'static str, input: &'a Map<String, Value>) -> Self {
        Self { engine, input, known: Vec::new(), faults: Vec::new() }
    }

    /// An input as it is. One that is null was not given.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.input.get(name).filter(|value| !value.is_null())
    }

    /// Notes a fault.
    pub(crate) fn fault(&mut self, field: &str, allowed: String) {
        self.faults.push(InputFault { field: field.to_owned(), allowed });
    }

    /// A text that must be there and say something.
    pub(crate) fn text(&mut self, name: &'static str, most_chars: usize) -> String {
        let text = self.take(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        if text.trim().is_empty() || text.chars().count() > most_chars {
            self.fault(name, format!("must be a text of 1 to {most_chars} characters"));
        }
        text
    }

    /// A whole number.
    pub(crate) fn integer(&mut self, name: &'static str, range: RangeInclusive<u32>, usual: u32) -> u32 {
        let Some(value) = self.take(name) else { return usual };
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        number.filter(|number| range.contains(number)).unwrap_or_else(|| {
            self.fault(name, format!("must be a whole number from {} to {}", range.start(), range.end()));
            usual
        })
    }

    /// A number.
    pub(crate) fn number(&mut self, name: &'static str, range: RangeInclusive<f32>, usual: f32) -> f32 {
        let Some(value) = self.take(name) else { return usual };
        let number = value.as_f64().map(|number| number as f32);
        number.filter(|number| range.contains(number)).unwrap_or_else(|| {
            self.fault(name, format!("must be a number from {} to {}", range.start(), range.end()));
            usual
        })
    }

    /// A picture as a `data:` URI in base64, of at most `most` bytes. It is not looked into yet.
    pub(crate) fn picture(&mut self, name: &'static str, most: usize) -> Option<Vec<u8>> {
        let value = self.take(name)?;
        let encoded = value.as_str().and_then(|uri| uri.strip_prefix("data:")?.split_once(','));
        let encoded = encoded.filter(|(head, _)| head.ends_with(";base64")).map(|(_, encoded)| encoded);
        let bytes =
            encoded.filter(|encoded| encoded.len() / 4 * 3 <= most + 3).and_then(|text| STANDARD.decode(text).ok());
        if bytes.is_none() {
            self.fault(name, format!("must be a picture as a data: URI in base64, of at most {} MiB", most >> 20));
        }
        bytes
    }

    /// One of the words; the first is the default.
    pub(crate) fn choice<T: Copy, const N: usize>(&mut self, name: &'static str, words: &[(&str, T); N]) -> T {
        let (_, usual) = words[0];
        let Some(value) = self.take(name) else { return usual };
        let found = words.iter().find(|(word, _)| value.as_str() == Some(word));
        found.map(|(_, meaning)| *meaning).unwrap_or_else(|| {
            let allowed = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
            self.fault(name, format!("must be one of {allowed}"));
            usual
        })
    }

    /// `read`, if nothing was wrong. Inputs that nobody took are.
    pub(crate) fn finish<T>(mut self, read: T) -> Result<T, Vec<InputFault>> {
        let (engine, known) = (self.engine, self.known.join(", "));
        let unknown = self.input.keys().filter(|name| !self.known.contains(&name.as_str()));
        for name in unknown {
            let field = name.chars().take(100).collect();
            self.faults.push(InputFault { field, allowed: format!("is not an input of {engine}; those are {known}") });
        }
        if self.faults.is_empty() { Ok(read) } else { Err(self.faults) }
    }
}
