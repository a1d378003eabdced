//! What requests of every modality have in common: a model by name, a deadline, parameters by the model's declaration.

use super::Fields;
use crate::{
    catalog::{Catalog, Modality, Model},
    job::Priority,
    parameter::{Given, Parameter, Parameters},
    time::Timestamp,
};
use serde_json::Value;

/// Characters of a name of the caller's that a warning repeats, and how many of such names.
const MAX_SHOWN_CHARS: usize = 100;
const MOST_SHOWN: usize = 10;

/// A seed when the caller gives none or −1 is drawn from this many; every client's numbers hold it exactly.
pub(super) const SEEDS: u64 = 1 << 32;

/// What was read from a body.
#[derive(Debug, Clone, PartialEq)]
pub struct Read<'c, R> {
    /// The model that will do it.
    pub model: &'c Model,
    /// The request.
    pub request: R,
    /// When the work dies, if the caller said so.
    pub deadline: Option<Timestamp>,
    /// How urgent it is among the caller's own.
    pub priority: Priority,
    /// What the caller should know although it was accepted.
    pub warnings: Vec<String>,
}

/// The model by `modelId`, by `model` (an older name of the field), by the old fields `provider` and `providerId`, or the
/// default of the first of `modalities`. The others are taken when they are named.
pub(super) fn model<'c>(
    fields: &mut Fields<'_>,
    catalog: &'c Catalog,
    modalities: &[Modality],
    warnings: &mut Vec<String>,
) -> Option<&'c Model> {
    let usual = *modalities.first()?;
    let (by_id, by_old_name) = (fields.text("modelId"), fields.text("model"));
    let (provider, old_provider) = (fields.text("provider"), fields.text("providerId"));
    let provider = provider.map(|name| ("provider", name)).or(old_provider.map(|name| ("providerId", name)));
    if by_id.is_some() && by_old_name.is_some() {
        fields.fault("model", "is an older name of modelId, which is given too: send one of them");
    }
    if let Some((field, name)) = by_id.map(|n| ("modelId", n)).or(by_old_name.map(|n| ("model", n))) {
        let of_this = |name: &str| catalog.find(name).filter(|m| modalities.contains(&m.modality));
        let renamed = catalog.renamed(name);
        let found = of_this(name).or_else(|| {
            let model = of_this(renamed?)?;
            warnings.push(format!("{field} {name:?} is an old name: {:?} was taken, at its own price", model.id));
            Some(model)
        });
        if found.is_none() {
            let near = catalog.nearest(renamed.unwrap_or(name), modalities).join(", ");
            let article = if usual == Modality::Image { "an" } else { "a" };
            let today = renamed.map(|today| format!(" (today it is {today:?})")).unwrap_or_default();
            let message =
                format!("is not {article} {} model of this catalog{today}; near names are {near}", usual.as_str());
            fields.fault(field, message);
        }
        if let (Some(model), Some((given, provider))) = (found, provider)
            && model.provider != provider
        {
            fields.fault(given, format!("contradicts {field}: {} is run by {}", model.id, model.provider));
        }
        return found;
    }
    let Some((given, provider)) = provider else {
        return catalog.default_of(usual);
    };
    let of_modality = || catalog.models().iter().filter(|m| m.modality == usual);
    let found = of_modality().find(|m| m.provider == provider);
    match found {
        Some(model) => warnings.push(format!("{given} is deprecated: send modelId {:?} instead", model.id)),
        None => {
            let mut known: Vec<_> = of_modality().map(|m| m.provider.as_str()).collect();
            known.dedup();
            fields.fault(given, format!("runs no {} model here; providers are {}", usual.as_str(), known.join(", ")));
        }
    }
    found
}

pub(super) fn deadline(fields: &mut Fields<'_>, now: Timestamp) -> Option<Timestamp> {
    let text = fields.text("deadline")?;
    match Timestamp::parse(text) {
        Some(deadline) if deadline > now => Some(deadline),
        Some(_) => {
            fields.fault("deadline", "is already over");
            None
        }
        None => {
            fields.fault("deadline", "must be an ISO 8601 time with an offset, such as 2026-11-24T21:04:51Z");
            None
        }
    }
}

pub(super) fn priority(fields: &mut Fields<'_>) -> Priority {
    let Some(text) = fields.text("priority") else { return Priority::Normal };
    Priority::parse(text).unwrap_or_else(|| {
        fields.fault("priority", format!("must be one of {}", Priority::ALL.map(Priority::as_str).join(", ")));
        Priority::Normal
    })
}

/// The parameters as the caller gave them, each with the name by which a fault is reported. `others` are fields of the body
/// that are parameters by another place: `{"width": 512}` is `{"modelParams": {"width": 512}}`.
pub(super) fn given_parameters<'a>(
    fields: &mut Fields<'a>,
    others: &[&'static str],
) -> Vec<(String, &'a str, &'a Value)> {
    let mut given: Vec<(String, &str, &Value)> = Vec::new();
    match fields.take("modelParams") {
        None => {}
        Some(Value::Object(nested)) => {
            for (name, value) in nested.iter().filter(|(_, value)| !value.is_null()) {
                given.push((format!("modelParams.{name}"), name, value));
            }
        }
        Some(_) => fields.fault("modelParams", "must be a JSON object"),
    }
    for name in others.iter().copied() {
        let Some(value) = fields.take(name) else { continue };
        if given.iter().any(|(_, other, _)| *other == name) {
            fields.fault(name, format!("is given twice: here and in modelParams.{name}"));
        }
        given.push((name.to_owned(), name, value));
    }
    given
}

/// Whether another model of the same modality takes this word for this parameter.
fn is_known_elsewhere(catalog: &Catalog, model: &Model, name: &str, value: &Value) -> bool {
    let others = catalog.models().iter().filter(|other| other.modality == model.modality && other.id != model.id);
    value.is_string()
        && others.filter_map(|other| other.parameters.get(name)).any(|parameter| {
            matches!(parameter, Parameter::Choice { .. }) && matches!(parameter.read(value), Given::Taken(_))
        })
}

/// Checks what was given against the model's declaration and fills in the rest.
pub(super) fn parameters(
    fields: &mut Fields<'_>,
    catalog: &Catalog,
    model: &Model,
    given: Vec<(String, &str, &Value)>,
    random: u64,
    warnings: &mut Vec<String>,
) -> Parameters {
    let mut checked = Parameters::new();
    let mut unknown = Vec::new();
    for (path, name, value) in given {
        let Some(parameter) = model.parameters.get(name) else {
            unknown.push(path.chars().take(MAX_SHOWN_CHARS).collect::<String>());
            continue;
        };
        match parameter.read(value) {
            Given::Taken(value) => drop(checked.insert(name.to_owned(), value)),
            Given::Moved(value) => {
                warnings.push(format!("{path} must be {}: {value} was taken", parameter.allowed()));
                checked.insert(name.to_owned(), value);
            }
            // Clients that know one model send its words to all.
            Given::Refused if is_known_elsewhere(catalog, model, name, value) => {
                let usual = parameter.default_value().map(|usual| format!(": {usual} was taken")).unwrap_or_default();
                warnings.push(format!("{path} must be {} for {}{usual}", parameter.allowed(), model.id));
            }
            Given::Refused => fields.fault(&path, format!("must be {}", parameter.allowed())),
        }
    }
    // What is not declared could not be priced, so it is not passed on (origin.md passed it on).
    if !unknown.is_empty() {
        let known = model.parameters.keys().cloned().collect::<Vec<_>>().join(", ");
        let (more, shown) = (unknown.len().saturating_sub(MOST_SHOWN), unknown.iter().take(MOST_SHOWN));
        let mut shown = shown.cloned().collect::<Vec<_>>().join(", ");
        if more > 0 {
            shown += &format!(" and {more} more");
        }
        warnings.push(format!("{shown}: ignored, for {} takes {known}", model.id));
    }
    for (name, parameter) in &model.parameters {
        if let (false, Some(value)) = (checked.contains_key(name), parameter.default_value()) {
            checked.insert(name.clone(), value);
        }
    }
    if let Some(seed) = checked.get_mut("seed").filter(|seed| seed.as_i64() == Some(-1)) {
        *seed = Value::from(random % SEEDS);
    }
    checked
}
