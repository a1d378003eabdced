//! A model as it is written in TOML, and how it is laid over what is there already.

use super::{
    Catalog, CatalogError, ChatTraits, DEFAULT_FIRST_BYTE_LIMIT, DEFAULT_IDLE_LIMIT, DEFAULT_TOTAL_LIMIT, ImageInputs,
    MAX_OUTPUT_TOKENS, MaskRule, Modality, Model, STEPS, usual_parameters,
};
use crate::{
    money::Nanos,
    parameter::{Parameter, Parameters},
    price::{PriceList, PriceRow, Unit},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, time::Duration};

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
    prices: Option<PriceEntries>,
    first_byte_limit_s: Option<u64>,
    idle_limit_s: Option<u64>,
    total_limit_s: Option<u64>,
    max_prompt_bytes: Option<usize>,
    inputs: Option<ImageInputs>,
    /// Most tokens of an answer.
    max_output: Option<i64>,
    /// Tokens of an answer when the caller doesn't say.
    default_max_output: Option<i64>,
    context_tokens: Option<u64>,
    vision: Option<bool>,
    picture_tokens: Option<u64>,
    tools: Option<bool>,
    json: Option<bool>,
    streams: Option<bool>,
}

impl ModelEntry {
    /// What callers say.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// One price list, or several, each from another day on.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PriceEntries {
    /// `[models.prices]`
    One(PriceEntry),
    /// `[[models.prices]]`
    Several(Vec<PriceEntry>),
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

impl Catalog {
    pub(super) fn lay(&mut self, entry: &ModelEntry) -> Result<(), CatalogError> {
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
        bound_output(&mut model.parameters, entry);
        lay_traits(&mut model.chat, entry);
        if let Some(prices) = &entry.prices {
            lay_prices(&mut model, prices).map_err(fail)?;
        }
        for (name, value) in model.prices.iter().flat_map(|list| &list.by).flat_map(|row| &row.when) {
            if model.parameters.get(name).and_then(|parameter| parameter.check(value)).as_ref() != Some(value) {
                return Err(fail(format!("prices.by: {name} = {value} is not a value that the model takes")));
            }
        }
        if let Some(inputs) = entry.inputs {
            model.inputs = inputs;
        }
        if model.inputs.mask != MaskRule::None && !model.inputs.image {
            return Err(fail("inputs: a mask is of no use without image = true".into()));
        }
        model.max_prompt_bytes = entry.max_prompt_bytes.or(model.max_prompt_bytes);
        if let Some(seconds) = entry.first_byte_limit_s {
            model.first_byte_limit = Duration::from_secs(seconds);
        }
        if let Some(seconds) = entry.idle_limit_s {
            model.idle_limit = Duration::from_secs(seconds);
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
            inputs: twin.map(|m| m.inputs).unwrap_or_default(),
            chat: twin.map(|m| m.chat.clone()).unwrap_or_default(),
            prices: Vec::new(),
            first_byte_limit: DEFAULT_FIRST_BYTE_LIMIT,
            idle_limit: DEFAULT_IDLE_LIMIT,
            total_limit: DEFAULT_TOTAL_LIMIT,
        })
    }
}

/// New price lists take the place of those that begin on the same day or later: what was dated before stays in force until then.
fn lay_prices(model: &mut Model, entries: &PriceEntries) -> Result<(), String> {
    let entries = match entries {
        PriceEntries::One(entry) => std::slice::from_ref(entry),
        PriceEntries::Several(entries) => entries,
    };
    let mut lists = Vec::new();
    for entry in entries {
        let list = entry.read()?;
        can_be_counted(model, &list)?;
        lists.push(list);
    }
    lists.sort_by(|a: &PriceList, b| a.from.cmp(&b.from));
    if lists.windows(2).any(|pair| pair[0].from == pair[1].from) {
        return Err("prices: two lists begin on the same day".into());
    }
    model.prices.retain(|old| lists.first().is_none_or(|first| old.from < first.from));
    model.prices.append(&mut lists);
    Ok(())
}

/// A price is good only for what is counted, and bounded before the work.
fn can_be_counted(model: &Model, list: &PriceList) -> Result<(), String> {
    let name = |unit: Unit| serde_json::to_string(&unit).unwrap_or_default();
    // One with a default, so that every request has them.
    let steps = model.parameters.get(STEPS);
    let counts_steps = matches!(steps, Some(Parameter::Integer { min: 0.., default: Some(_), .. }));
    let counted = |unit: &Unit| match model.modality {
        Modality::Chat | Modality::Title => !matches!(unit, Unit::Image | Unit::InputImage | Unit::Second | Unit::Step),
        Modality::Image => {
            matches!(unit, Unit::Image | Unit::InputImage | Unit::Second | Unit::Call | Unit::Characters)
                || *unit == Unit::Step && counts_steps
        }
    };
    if let Some(unit) = list.rates.keys().find(|unit| !counted(unit)) {
        let hint = if *unit == Unit::Step {
            ": it has no parameter \"steps\", a whole number with a default, that bounds them"
        } else {
            ""
        };
        let (name, modality) = (name(*unit), model.modality.as_str());
        return Err(format!("prices: {name} can't be counted for this {modality} model{hint}"));
    }
    if matches!(model.modality, Modality::Chat | Modality::Title) {
        let lacking = [Unit::InputTokens, Unit::OutputTokens].into_iter().find(|unit| !list.rates.contains_key(unit));
        if let Some(unit) = lacking {
            return Err(format!("prices: {} is missing; what is free costs 0", name(unit)));
        }
    }
    Ok(())
}

/// `max_output` and `default_max_output` are the bounds and the default of a parameter, said shortly.
fn bound_output(parameters: &mut BTreeMap<String, Parameter>, entry: &ModelEntry) {
    if let Some(Parameter::Integer { max, default, .. }) = parameters.get_mut(MAX_OUTPUT_TOKENS) {
        *max = entry.max_output.unwrap_or(*max);
        *default = match entry.default_max_output {
            Some(given) => Some(given),
            None => default.map(|usual| usual.min(*max)),
        };
    }
}

fn lay_traits(traits: &mut ChatTraits, entry: &ModelEntry) {
    traits.context_tokens = entry.context_tokens.unwrap_or(traits.context_tokens);
    traits.vision = entry.vision.unwrap_or(traits.vision);
    traits.picture_tokens = entry.picture_tokens.unwrap_or(traits.picture_tokens);
    traits.tools = entry.tools.unwrap_or(traits.tools);
    traits.json = entry.json.unwrap_or(traits.json);
    traits.streams = entry.streams.unwrap_or(traits.streams);
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
        let from = self.from.clone().unwrap_or_else(|| "1970-01-01".into());
        if Timestamp::parse(&format!("{from}T00:00:00Z")).is_none_or(|day| day.day() != from) {
            return Err(format!("prices: from must be a day, such as 2026-11-24, not {from:?}"));
        }
        Ok(PriceList { version, from, rates, by })
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
