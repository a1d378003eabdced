//! The catalog: which models there are, what they take and what they cost. It is data, in `catalog/*.toml`, embedded in
//! the binary; `[[models]]` of `studio.toml` lie over it.

use crate::{
    money::Nanos,
    parameter::{Parameter, Parameters},
    price::{PriceList, PriceRow, Unit},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, time::Duration};

/// The files of the catalog, in the order in which their models are listed.
const FILES: [&str; 1] = [include_str!("../../../catalog/image.toml")];

/// Whole-job limit of a model that doesn't name its own.
pub const DEFAULT_TOTAL_LIMIT: Duration = Duration::from_secs(600);
/// Wait for a provider's first byte where the model doesn't name its own (design.md, "Limits").
pub const DEFAULT_FIRST_BYTE_LIMIT: Duration = Duration::from_secs(120);

/// What a model makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    /// Pictures.
    Image,
}

impl Modality {
    /// As in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
        }
    }

    /// Reads what [`Modality::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Image].into_iter().find(|m| m.as_str() == text)
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
    /// Its price lists, oldest first. None: unpriced, which a budget refuses.
    pub prices: Vec<PriceList>,
    /// Longest wait for the first byte of an answer.
    pub first_byte_limit: Duration,
    /// Longest that one attempt may take.
    pub total_limit: Duration,
}

impl Model {
    /// The price list in force at `now`.
    pub fn price_at(&self, now: Timestamp) -> Option<&PriceList> {
        let day = now.day();
        self.prices.iter().rev().find(|list| list.from <= day)
    }
}

/// A model as it is written in TOML: all but the id may be left out where it lies over another.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelEntry {
    id: String,
    name: Option<String>,
    description: Option<String>,
    modality: Option<Modality>,
    provider: Option<String>,
    upstream: Option<String>,
    aliases: Option<Vec<String>>,
    default: Option<bool>,
    parameters: Option<BTreeMap<String, Parameter>>,
    /// Parameters that it would have by rule and does not take.
    without: Option<Vec<String>>,
    prices: Option<PriceEntry>,
    first_byte_limit_s: Option<u64>,
    total_limit_s: Option<u64>,
    max_prompt_bytes: Option<usize>,
}

/// A price list as it is written in TOML: decimal US dollars.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PriceEntry {
    version: Option<String>,
    from: Option<String>,
    #[serde(default)]
    by: Vec<RowEntry>,
    #[serde(flatten)]
    amounts: BTreeMap<String, toml::Value>,
}

/// Prices for some values of parameters as they are written in TOML: `{ when = { quality = "low" }, image = 0.01 }`.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct RowEntry {
    when: Parameters,
    #[serde(flatten)]
    amounts: BTreeMap<String, toml::Value>,
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
}

impl Catalog {
    /// The built-in models with `overrides` laid over them.
    pub fn load(overrides: &[ModelEntry]) -> Result<Self, CatalogError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            models: Vec<ModelEntry>,
        }
        let mut catalog = Self { models: Vec::new() };
        for text in FILES {
            let file: File = toml::from_str(text)
                .map_err(|e| CatalogError { model: "catalog file".into(), problem: e.to_string() })?;
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

    /// The model taken when none is named.
    pub fn default_of(&self, modality: Modality) -> Option<&Model> {
        let mut of_modality = self.models.iter().filter(|m| m.modality == modality);
        // The last one marked wins: a model marked in studio.toml comes after the built-in one.
        let marked = of_modality.clone().rfind(|m| m.default);
        marked.or_else(|| of_modality.next())
    }

    /// Ids that look like `name`, nearest first, for an error that helps.
    pub fn nearest(&self, name: &str, modality: Modality) -> Vec<&str> {
        let mut ids: Vec<_> = self
            .models
            .iter()
            .filter(|m| m.modality == modality)
            .map(|m| (distance(name, &m.id), m.id.as_str()))
            .collect();
        ids.sort_unstable();
        ids.into_iter().map(|(_, id)| id).take(3).collect()
    }

    fn lay(&mut self, entry: &ModelEntry) -> Result<(), CatalogError> {
        let fail = |problem: String| CatalogError { model: entry.id.clone(), problem };
        let valid_id = !entry.id.is_empty()
            && entry.id.len() <= 100
            && entry.id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:/".contains(&b));
        if !valid_id {
            return Err(fail("id must be 1 to 100 letters, digits, or - . _ : /".into()));
        }
        let place = self.models.iter().position(|m| m.id == entry.id);
        let mut model = match place {
            Some(place) => self.models[place].clone(),
            None => self.fresh(entry)?,
        };
        if let Some(name) = &entry.name {
            model.name.clone_from(name);
        }
        if let Some(description) = &entry.description {
            model.description.clone_from(description);
        }
        if let Some(modality) = entry.modality {
            model.modality = modality;
        }
        if let Some(provider) = &entry.provider {
            model.provider.clone_from(provider);
        }
        if let Some(upstream) = &entry.upstream {
            model.upstream.clone_from(upstream);
        }
        if let Some(aliases) = &entry.aliases {
            model.aliases.clone_from(aliases);
        }
        if let Some(default) = entry.default {
            model.default = default;
        }
        if let Some(parameters) = &entry.parameters {
            model.parameters.extend(parameters.clone());
        }
        for name in entry.without.iter().flatten() {
            model.parameters.remove(name);
        }
        if let Some(prices) = &entry.prices {
            model.prices = vec![prices.read().map_err(fail)?];
        }
        for (name, value) in model.prices.iter().flat_map(|list| &list.by).flat_map(|row| &row.when) {
            if model.parameters.get(name).and_then(|parameter| parameter.check(value)).as_ref() != Some(value) {
                return Err(fail(format!("prices.by: {name} = {value} is not a value that the model takes")));
            }
        }
        model.max_prompt_bytes = entry.max_prompt_bytes.or(model.max_prompt_bytes);
        if let Some(seconds) = entry.first_byte_limit_s {
            model.first_byte_limit = Duration::from_secs(seconds);
        }
        if let Some(seconds) = entry.total_limit_s {
            model.total_limit = Duration::from_secs(seconds);
        }
        if let Some((name, parameter)) = model.parameters.iter().find(|(_, p)| !p.is_sound()) {
            return Err(fail(format!("parameter {name}: its bounds and default contradict ({})", parameter.allowed())));
        }
        match place {
            Some(place) => self.models[place] = model,
            None => self.models.push(model),
        }
        Ok(())
    }

    /// A model seen for the first time. One that runs what another one runs takes the same parameters.
    fn fresh(&self, entry: &ModelEntry) -> Result<Model, CatalogError> {
        let lacks = |what: &str| CatalogError { model: entry.id.clone(), problem: format!("{what} is missing") };
        let modality = entry.modality.ok_or_else(|| lacks("modality"))?;
        let provider = entry.provider.clone().ok_or_else(|| lacks("provider"))?;
        let upstream = entry.upstream.clone().unwrap_or_else(|| entry.id.clone());
        let twin = self.models.iter().find(|m| m.provider == provider && m.upstream == upstream);
        let parameters = twin.map(|m| m.parameters.clone()).unwrap_or_else(|| usual_parameters(modality));
        Ok(Model {
            id: entry.id.clone(),
            name: entry.id.clone(),
            description: String::new(),
            modality,
            provider,
            upstream,
            aliases: Vec::new(),
            default: false,
            parameters,
            max_prompt_bytes: None,
            prices: Vec::new(),
            first_byte_limit: DEFAULT_FIRST_BYTE_LIMIT,
            total_limit: DEFAULT_TOTAL_LIMIT,
        })
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

impl PriceEntry {
    fn read(&self) -> Result<PriceList, String> {
        let rates = read_rates(&self.amounts)?;
        let by: Vec<PriceRow> = self
            .by
            .iter()
            .map(|row| Ok(PriceRow { when: row.when.clone(), rates: read_rates(&row.amounts)? }))
            .collect::<Result<_, String>>()?;
        // So nothing that a caller may ask for is without a price.
        if let Some(unit) = by.iter().flat_map(|row| row.rates.keys()).find(|unit| !rates.contains_key(unit)) {
            return Err(format!("prices.by: {unit:?} also needs a price of its own, for what no row fits"));
        }
        // A list without a name is named by what it says, so that every charge still traces to it.
        let version = self.version.clone().unwrap_or_else(|| {
            let said = if by.is_empty() { format!("{rates:?}") } else { format!("{rates:?}{by:?}") };
            let digest = Sha256::digest(said);
            format!("config-{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3])
        });
        Ok(PriceList { version, from: self.from.clone().unwrap_or_else(|| "1970-01-01".into()), rates, by })
    }
}

fn read_rates(amounts: &BTreeMap<String, toml::Value>) -> Result<BTreeMap<Unit, i64>, String> {
    let mut rates = BTreeMap::new();
    for (name, amount) in amounts {
        let unit: Unit = serde_json::from_value(serde_json::Value::from(name.as_str()))
            .map_err(|_| format!("prices: {name:?} is not a unit"))?;
        let text = match amount {
            toml::Value::String(text) => text.clone(),
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            _ => return Err(format!("prices: {name} must be an amount in USD, such as 0.04")),
        };
        let price = Nanos::parse_usd(&text).map_err(|e| format!("prices: {name} {e}"))?.get();
        if price < 0 {
            return Err(format!("prices: {name} must not be negative"));
        }
        let scale = if unit.quoted_per_million() { 1 } else { 1_000_000 };
        let rate = price.checked_mul(scale).ok_or_else(|| format!("prices: {name} is too large"))?;
        rates.insert(unit, rate);
    }
    Ok(rates)
}

/// What a model of this modality takes when nothing else is said of it.
fn usual_parameters(modality: Modality) -> BTreeMap<String, Parameter> {
    match modality {
        Modality::Image => BTreeMap::from([
            ("width".into(), Parameter::Integer { min: 64, max: 4096, step: None, default: Some(1024) }),
            ("height".into(), Parameter::Integer { min: 64, max: 4096, step: None, default: Some(1024) }),
            ("numImages".into(), Parameter::Integer { min: 1, max: 4, step: None, default: Some(1) }),
            ("seed".into(), Parameter::Integer { min: -1, max: i64::from(u32::MAX), step: None, default: Some(-1) }),
            (
                "format".into(),
                Parameter::Choice { of: ["png", "jpeg", "webp"].map(String::from).into(), default: Some("png".into()) },
            ),
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
mod tests {
    use super::*;
    use crate::price::Usage;

    fn entries(text: &str) -> Vec<ModelEntry> {
        #[derive(Deserialize)]
        struct File {
            models: Vec<ModelEntry>,
        }
        toml::from_str::<File>(text).unwrap().models
    }

    const NOW: Timestamp = Timestamp::from_millis(1_795_600_000_000);

    #[test]
    fn the_built_in_catalog_loads_and_the_default_image_model_is_free_and_offline() {
        let catalog = Catalog::load(&[]).unwrap();
        let model = catalog.default_of(Modality::Image).unwrap();
        assert_eq!((model.id.as_str(), model.provider.as_str()), ("sketch", "sketch"));
        assert_eq!(model.price_at(NOW).unwrap().cost(&Usage::of(Unit::Image, 4)), Ok(Nanos::ZERO));
        for model in catalog.models() {
            assert!(!model.description.is_empty() && !model.prices.is_empty(), "{}", model.id);
        }
    }

    #[test]
    fn configured_models_lie_over_the_built_in_ones() {
        let catalog = Catalog::load(&entries(
            r#"
            [[models]]
            id = "sketch"
            [models.prices]
            image = 0.002
            [[models]]
            id = "mine"
            modality = "image"
            provider = "sketch"
            upstream = "sketch"
            default = true
            aliases = ["m"]
            [models.prices]
            image = "0.05"
            [models.parameters]
            width = { kind = "integer", min = 64, max = 128, default = 64 }
            "#,
        ))
        .unwrap();
        let sketch = catalog.find("sketch").unwrap();
        assert_eq!(sketch.price_at(NOW).unwrap().cost(&Usage::of(Unit::Image, 3)), Ok(Nanos::new(6_000_000)));
        assert!(sketch.price_at(NOW).unwrap().version.starts_with("config-"));
        let mine = catalog.find("m").unwrap();
        assert_eq!(catalog.default_of(Modality::Image).unwrap().id, "mine");
        assert_eq!(mine.parameters["height"], sketch.parameters["height"], "it runs what sketch runs");
        assert_ne!(mine.parameters["width"], sketch.parameters["width"]);
    }

    #[test]
    fn contradictions_are_refused_by_name() {
        for (text, word) in [
            ("[[models]]\nid = \"new\"\nprovider = \"x\"", "modality"),
            ("[[models]]\nid = \"new\"\nmodality = \"image\"", "provider"),
            ("[[models]]\nid = \"a b\"", "id must be"),
            ("[[models]]\nid = \"sketch\"\n[models.prices]\npicture = 1", "picture"),
            ("[[models]]\nid = \"sketch\"\n[models.prices]\nimage = -1", "negative"),
            ("[[models]]\nid = \"n\"\nmodality = \"image\"\nprovider = \"x\"\naliases = [\"sketch\"]", "alias"),
            (
                "[[models]]\nid = \"sketch\"\n[models.prices]\nimage = 1\nby = [{ when = { size = 1 }, image = 1 }]",
                "size",
            ),
            (
                "[[models]]\nid = \"sketch\"\n[models.prices]\nimage = 1\nby = [{ when = { width = 1 }, image = 1 }]",
                "width",
            ),
            ("[[models]]\nid = \"sketch\"\n[models.prices]\nimage = 1\nby = [{ when = {}, call = 1 }]", "Call"),
            (
                "[[models]]\nid = \"sketch\"\n[models.parameters]\nwidth = { kind = \"integer\", min = 9, max = 1 }",
                "width",
            ),
        ] {
            let error = Catalog::load(&entries(text)).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
    }

    #[test]
    fn prices_change_on_their_day() {
        let mut model = Catalog::load(&[]).unwrap().find("sketch").unwrap().clone();
        let mut later = model.prices[0].clone();
        later.from = "2027-01-01".into();
        later.version = "later".into();
        model.prices.push(later);
        assert_eq!(model.price_at(NOW).unwrap().version, "2026-11-24");
        assert_eq!(model.price_at(Timestamp::parse("2027-01-01T00:00:00Z").unwrap()).unwrap().version, "later");
        assert_eq!(
            model.price_at(Timestamp::from_millis(0)).unwrap().version,
            "2026-11-24",
            "a clock that is off prices too"
        );
    }

    #[test]
    fn openai_images_cost_by_quality_and_size_and_nothing_costs_more_than_its_list_says() {
        let catalog = Catalog::load(&[]).unwrap();
        let models: Vec<_> = catalog.models().iter().filter(|m| m.provider == "openai").collect();
        assert_eq!(models.len(), 3);
        for model in models {
            assert!(!model.parameters.contains_key("seed"), "{}: the API takes none", model.id);
            let list = model.price_at(NOW).unwrap();
            for (quality, square, long, large) in
                [("low", 16, 19, 24), ("medium", 63, 90, 130), ("high", 221, 327, 485)]
            {
                for (width, height, price) in
                    [(1024, 1024, square), (1536, 1024, long), (1024, 1536, long), (1536, 1536, large)]
                {
                    let parameters = Parameters::from([
                        ("quality".into(), quality.into()),
                        ("width".into(), width.into()),
                        ("height".into(), height.into()),
                    ]);
                    let cost = list.settled_for(&parameters).cost(&Usage::of(Unit::Image, 2)).unwrap();
                    assert_eq!(cost, Nanos::new(price * 2_000_000), "{} {quality} {width}x{height}", model.id);
                }
            }
        }
    }

    #[test]
    fn near_names_are_suggested() {
        let catalog = Catalog::load(&[]).unwrap();
        assert_eq!(catalog.nearest("skecth", Modality::Image)[0], "sketch");
        assert_eq!(catalog.nearest("gpt-image2", Modality::Image)[0], "gpt-image-2");
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
