//! What an engine is: checked input in, files or text out, and an ear for "stop" in between.
//!
//! An engine runs on a plain thread, may take its time, may even panic: the worker around it answers for it.

use crate::{guide_engine::GuideEngine, sketch_engine::SketchEngine, title_engine::TitleEngine};
use serde_json::{Map, Value};
use std::sync::Arc;

/// One file that an engine made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    /// Its name: letters, digits and dots, unlike the others of its prediction.
    pub name: String,
    /// Its media type.
    pub media_type: &'static str,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// One input that can't be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFault {
    /// Its name.
    pub field: String,
    /// What is allowed: `must be a whole number from 64 to 2048`.
    pub allowed: String,
}

/// Why work did not come to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// It was told to stop.
    #[error("canceled")]
    Canceled,
    /// It can't be done; in words for the person who asked.
    #[error("{0}")]
    Failed(String),
}

/// Takes word from work while it is done. Every answer may be `false`, which means: stop.
pub trait Report {
    /// How far it is (0.0 to 1.0), and what it is doing.
    fn progress(&self, done: f32, stage: &str) -> bool;

    /// The next piece of the text that it makes, white space and all: the pieces, joined, are the text. Whoever reads along
    /// has it at once, so it can't be taken back.
    fn say(&self, piece: &str) -> bool;
}

/// Work whose input was checked, ready to be done. What it said is its output, or else the files that it gives back.
pub type Work = Box<dyn FnOnce(&dyn Report) -> Result<Vec<OutputFile>, EngineError> + Send>;

/// Makes things.
pub trait Engine: Send + Sync {
    /// Its name: `studio worker <name>`.
    fn name(&self) -> &'static str;

    /// Whether it makes text, so that it can be read while it is made.
    fn says_text(&self) -> bool {
        false
    }

    /// Checks the input, quickly and wholly: every fault is named, an unknown input too.
    fn prepare(&self, input: &Map<String, Value>) -> Result<Work, Vec<InputFault>>;
}

/// The names of all engines.
pub const NAMES: [&str; 3] = ["sketch", "guide", "title"];

/// The engine of that name.
pub fn find(name: &str) -> Option<Arc<dyn Engine>> {
    match name {
        "sketch" => Some(Arc::new(SketchEngine)),
        "guide" => Some(Arc::new(GuideEngine::new())),
        "title" => Some(Arc::new(TitleEngine)),
        _ => None,
    }
}

/// Keeps what work says, and stops it when it is that far.
#[cfg(test)]
pub(crate) struct Notes {
    pub(crate) until: f32,
    pub(crate) said: std::cell::RefCell<Vec<String>>,
}

#[cfg(test)]
impl Default for Notes {
    fn default() -> Self {
        Self { until: f32::INFINITY, said: std::cell::RefCell::default() }
    }
}

#[cfg(test)]
impl Report for Notes {
    fn progress(&self, done: f32, _: &str) -> bool {
        done < self.until
    }

    fn say(&self, piece: &str) -> bool {
        self.said.borrow_mut().push(piece.to_owned());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_engine_is_found_by_its_name() {
        for name in NAMES {
            assert_eq!(find(name).map(|engine| engine.name()), Some(name));
        }
        assert!(find("scetch").is_none());
    }
}
