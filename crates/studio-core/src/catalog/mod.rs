//! The catalog: which models there are, what they take and what they cost. It is data, in `catalog/*.toml`, embedded in
//! the binary; `[[models]]` of `studio.toml` lie over it.

mod entry;
mod inputs;

pub use entry::{ModelEntry, PriceEntries, PriceEntry};
pub use inputs::{ImageInputs, MaskRule};

use crate::{parameter::Parameter, price::PriceList, time::Timestamp};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// The files of the catalog, in the order in which their models are listed.
const FILES: [&str; 2] =
    [include_str!("../../../../catalog/image.toml"), include_str!("../../../../catalog/chat.toml")];

/// Old names, and those of today.
const RENAMED: &str = include_str!("../../../../catalog/renamed.toml");

/// Whole-job limit of a model that doesn't name its own.
pub const DEFAULT_TOTAL_LIMIT: Duration = Duration::from_secs(600);
/// Wait for a provider's first byte where the model doesn't name its own (design.md, "Limits").
pub const DEFAULT_FIRST_BYTE_LIMIT: Duration = Duration::from_secs(120);

/// Longest silence in the middle of an answer where the model doesn't name its own (design.md, "Limits").
pub const DEFAULT_IDLE_LIMIT: Duration = Duration::from_secs(30);
/// Tokens that a chat model takes and gives together, where the catalog doesn't say.
pub const DEFAULT_CONTEXT_TOKENS: u64 = 128_000;
/// Most tokens of an answer that may be asked for, where the catalog doesn't say.
pub const DEFAULT_MAX_OUTPUT: i64 = 16_384;
/// Tokens of an answer when neither caller nor catalog says: it is sent to the provider, so that a hold is a limit.
pub const DEFAULT_OUTPUT: i64 = 4096;
/// Most tokens that one picture in a message is billed for, where the catalog doesn't say.
pub const DEFAULT_PICTURE_TOKENS: u64 = 4096;
/// The name of the parameter that bounds an answer, in tokens.
pub const MAX_OUTPUT_TOKENS: &str = "maxOutputTokens";

/// The name of the parameter that says how many steps a model takes for each picture: models may be priced by them.
pub const STEPS: &str = "steps";

/// What a model makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    /// Pictures.
    Image,
    /// Conversation.
    Chat,
    /// Titles of conversations.
    Title,
}

impl Modality {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Image, Self::Chat, Self::Title];

    /// As in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Chat => "chat",
            Self::Title => "title",
        }
    }

    /// Reads what [`Modality::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|m| m.as_str() == text)
    }
}

/// One model, ready to be asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The canonical id: the same in every route, log line and metric.
    pub id: String,
    /// For people.
    pub name: String,
    /// One or two sentences for people.
    pub description: String,
    /// What it makes.
    pub modality: Modality,
    /// Who runs it.
    pub provider: String,
    /// What the provider calls it.
    pub upstream: String,
    /// Other names by which it may be asked for.
    pub aliases: Vec<String>,
    /// Whether it is taken when the caller names no model.
    pub default: bool,
    /// What it takes beside the prompt.
    pub parameters: BTreeMap<String, Parameter>,
    /// Most bytes of a prompt, where its price is bounded by them: no tokenizer makes more tokens than bytes.
    pub max_prompt_bytes: Option<usize>,
    /// Which pictures it can begin with.
    pub inputs: ImageInputs,
    /// What it can do in a conversation.
    pub chat: ChatTraits,
    /// Its price lists, oldest first. None: unpriced, which a budget refuses.
    pub prices: Vec<PriceList>,
    /// Longest wait for the first byte of an answer.
    pub first_byte_limit: Duration,
    /// Longest silence in the middle of an answer.
    pub idle_limit: Duration,
    /// Longest that one attempt may take.
    pub total_limit: Duration,
}

/// What a model can do in a conversation. A model that says nothing of it may be asked for all; its provider refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatTraits {
    /// Tokens that it takes and gives together.
    pub context_tokens: u64,
    /// Whether it looks at pictures.
    pub vision: bool,
    /// Most tokens that one picture is billed for.
    pub picture_tokens: u64,
    /// Whether it calls tools.
    pub tools: bool,
    /// Whether it can be held to JSON.
    pub json: bool,
    /// Whether its provider can say its answer piece by piece.
    pub streams: bool,
}

impl Default for ChatTraits {
    fn default() -> Self {
        Self {
            context_tokens: DEFAULT_CONTEXT_TOKENS,
            vision: true,
            picture_tokens: DEFAULT_PICTURE_TOKENS,
            tools: true,
            json: true,
            streams: true,
        }
    }
}

impl Model {
    /// The price list in force at `now`.
    pub fn price_at(&self, now: Timestamp) -> Option<&PriceList> {
        let day = now.day();
        self.prices.iter().rev().find(|list| list.from <= day)
    }
}

/// Why a catalog does not load. Said at start, never at first use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("model {model:?}: {problem}")]
pub struct CatalogError {
    /// The model's id, or the file when it is not even TOML.
    pub model: String,
    /// What is wrong and what is allowed.
    pub problem: String,
}

/// All models.
#[derive(Debug, Clone)]
pub struct Catalog {
    models: Vec<Model>,
    renamed: BTreeMap<String, String>,
}

impl Catalog {
    /// The built-in models with `overrides` laid over them.
    pub fn load(overrides: &[ModelEntry]) -> Result<Self, CatalogError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            models: Vec<ModelEntry>,
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Renamed {
            renamed: BTreeMap<String, String>,
        }
        let broken = |e: toml::de::Error| CatalogError { model: "catalog file".into(), problem: e.to_string() };
        let Renamed { renamed } = toml::from_str(RENAMED).map_err(broken)?;
        let mut catalog = Self { models: Vec::new(), renamed };
        for text in FILES {
            let file: File = toml::from_str(text).map_err(broken)?;
            file.models.iter().try_for_each(|entry| catalog.lay(entry))?;
        }
        overrides.iter().try_for_each(|entry| catalog.lay(entry))?;
        catalog.check()?;
        Ok(catalog)
    }

    /// All models, in catalog order.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The model of that id or alias.
    pub fn find(&self, name: &str) -> Option<&Model> {
        self.models
            .iter()
            .find(|m| m.id == name)
            .or_else(|| self.models.iter().find(|m| m.aliases.iter().any(|alias| alias == name)))
    }

    /// What a model of an old name is called today. A name that is in use again is not old.
    pub fn renamed(&self, name: &str) -> Option<&str> {
        self.renamed.get(name).map(String::as_str).filter(|_| self.find(name).is_none())
    }

    /// The model taken when none is named.
    pub fn default_of(&self, modality: Modality) -> Option<&Model> {
        let mut of_modality = self.models.iter().filter(|m| m.modality == modality);
        // The last one marked wins: a model marked in studio.toml comes after the built-in one.
        let marked = of_modality.clone().rfind(|m| m.default);
        marked.or_else(|| of_modality.next())
    }

    /// Ids that look like `name`, nearest first, for an error that helps.
    pub fn nearest(&self, name: &str, modalities: &[Modality]) -> Vec<&str> {
        let mut ids: Vec<_> = self
            .models
            .iter()
            .filter(|m| modalities.contains(&m.modality))
            .map(|m| (distance(name, &m.id), m.id.as_str()))
            .collect();
        ids.sort_unstable();
        ids.into_iter().map(|(_, id)| id).take(3).collect()
    }

    /// No name may lead to two models.
    fn check(&self) -> Result<(), CatalogError> {
        for model in &self.models {
            for alias in &model.aliases {
                let owners = self.models.iter().filter(|m| m.id == *alias || m.aliases.contains(alias)).count();
                if owners > 1 {
                    let problem = format!("the alias {alias:?} also names another model");
                    return Err(CatalogError { model: model.id.clone(), problem });
                }
            }
        }
        Ok(())
    }
}

/// What a model of this modality takes when nothing else is said of it.
fn usual_parameters(modality: Modality) -> BTreeMap<String, Parameter> {
    let integer = |min, max, default| Parameter::Integer { min, max, step: None, default };
    let number = |min, max| Parameter::Number { min, max, default: None };
    match modality {
        Modality::Image => BTreeMap::from([
            ("width".into(), integer(64, 4096, Some(1024))),
            ("height".into(), integer(64, 4096, Some(1024))),
            ("numImages".into(), integer(1, 4, Some(1))),
            ("seed".into(), integer(-1, i64::from(u32::MAX), Some(-1))),
            (
                "format".into(),
                Parameter::Choice { of: ["png", "jpeg", "webp"].map(String::from).into(), default: Some("png".into()) },
            ),
        ]),
        Modality::Chat | Modality::Title => BTreeMap::from([
            ("temperature".into(), number(0.0, 2.0)),
            ("topP".into(), number(0.0, 1.0)),
            ("seed".into(), integer(0, i64::from(u32::MAX), None)),
            (MAX_OUTPUT_TOKENS.into(), integer(1, DEFAULT_MAX_OUTPUT, Some(DEFAULT_OUTPUT))),
        ]),
    }
}

/// Levenshtein's edit distance, in bytes: names are short and ASCII, so the plain algorithm will do.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().take(100).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests;
