//! Shows our nouns as the API's JSON: camelCase, ISO times, decimal money, and no URL but our own.

mod library;

pub(super) use library::{asset, share, shared};

use crate::commands::Estimate;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use studio_core::{
    catalog::{Modality, Model},
    id::{AssetId, JobId},
    job::{Job, JobError, Output, Payer, Status, StopAnswer},
    ledger::{Account, Entry, Window},
    money::{CURRENCY, Nanos},
    parameter::Parameter,
    ports::{AttemptRow, BudgetRow, EntryRow, ProviderKey},
    price::{Unit, Usage},
    request::{ChatRequest, Input, MAX_PROMPT_CHARS, Message, Part, Picture},
    secret::Prompt,
    time::Timestamp,
    words::{Finish, Log},
};

/// Longest title that is shown.
const MAX_TITLE_CHARS: usize = 100;

pub(super) fn asset_url(id: AssetId) -> String {
    format!("/api/v1/assets/{id}")
}

pub(super) fn money(amount: Nanos) -> Value {
    json!({ "amount": amount.to_string(), "currency": CURRENCY })
}

fn time(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, |at| at.to_string().into())
}

/// Drops fields that have nothing to say: absent reads better than null.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(fields.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        other => other,
    }
}

/// What in its words is worth a second look.
fn flags(job: &Job) -> Value {
    if job.flags.is_empty() {
        return Value::Null;
    }
    let counts = job.flags.iter().map(|(flag, count)| (flag.as_str().to_owned(), Value::from(*count)));
    Value::Object(counts.collect())
}

fn links(id: JobId) -> Value {
    let own = format!("/api/v1/jobs/{id}");
    json!({ "self": own, "events": format!("{own}/events"), "cancel": format!("{own}/cancel") })
}

/// Those of a job that says something lead to what it says, too.
fn links_of(job: &Job) -> Value {
    let mut links = links(job.id);
    if matches!(job.input, Input::Chat(_)) {
        links["stream"] = format!("/api/v1/jobs/{}/stream", job.id).into();
    }
    links
}

fn output(job: &Job, output: &Output) -> Value {
    without_nulls(json!({
        "removed": job.removed.contains(&output.asset).then_some(true),
        "assetId": output.asset.to_string(),
        "url": asset_url(output.asset),
        "mediaType": output.media_type.as_str(),
        "bytes": output.bytes,
        "sha256": output.hash.to_string(),
        "seed": output.seed,
    }))
}

/// A job, as its owner sees it.
pub(super) fn job(job: &Job, queue_position: Option<u64>) -> Value {
    let over = job.status.is_terminal();
    without_nulls(json!({
        "id": job.id.to_string(),
        "modality": job.modality.as_str(),
        "status": job.status.as_str(),
        "version": job.version,
        "stage": job.stage,
        "progress": f64::from(job.progress) / 1000.0,
        "queuePosition": queue_position,
        "flags": flags(job),
        "retryOf": job.retry_of.map(|id| id.to_string()),
        "priority": job.priority.as_str(),
        "modelId": job.model,
        "provider": job.provider,
        "keySource": job.key_source.as_str(),
        "prompt": job.input.prompt().map(clipped),
        "parameters": parameters(job),
        "attempt": job.attempt,
        "createdAt": job.created_at.to_string(),
        "startedAt": time(job.started_at),
        "endedAt": time(job.ended_at),
        "deadline": time(job.deadline),
        "cancelRequestedAt": time(job.cancel_requested_at),
        "cancel": cancel(job),
        "outputs": job.outputs.iter().map(|made| output(job, made)).collect::<Vec<_>>(),
        "finishReason": job.finish.map(Finish::as_str),
        "usage": job.tokens,
        "providerUsage": job.reported,
        "estimated": job.estimated.then_some(true),
        "billedUnits": job.measured.as_ref().map(units),
        "cost": job.cost.map_or(Value::Null, money),
        "writtenOff": (job.absorbed != Nanos::ZERO).then(|| money(job.absorbed)),
        "hold": if over { Value::Null } else { money(job.hold) },
        "error": job.error.as_ref().filter(|_| over || job.status == Status::Unknown).map(shown_error),
        "warnings": (!job.warnings.is_empty()).then(|| job.warnings.clone()),
        "requestId": job.request_text(),
        "links": links_of(job),
    }))
}

/// What became of a wish to stop: what the provider answered, and, once all is over, whether anything was charged all the same.
fn cancel(job: &Job) -> Option<Value> {
    let asked = job.cancel_requested_at?;
    Some(without_nulls(json!({
        "requestedAt": asked.to_string(),
        "answer": job.stop.map(StopAnswer::as_str),
        "charged": job.cost.map(|cost| cost > Nanos::ZERO),
    })))
}

/// How many of each unit were charged.
fn units(usage: &Usage) -> Value {
    let used = usage.iter().filter(|(_, quantity)| *quantity > 0);
    Value::Object(used.map(|(unit, quantity)| (unit_name(unit), quantity.into())).collect())
}

fn unit_name(unit: Unit) -> String {
    serde_json::to_value(unit).ok().and_then(|v| v.as_str().map(camel)).unwrap_or_default()
}

/// An attempt, as it is on record.
pub(super) fn attempt(row: &AttemptRow) -> Value {
    without_nulls(json!({
        "number": row.number,
        "provider": row.provider,
        "startedAt": row.started_at.to_string(),
        "endedAt": time(row.ended_at),
        "outcome": row.outcome,
        "providerRef": row.handle,
    }))
}

/// A job for whoever runs the studio: how it stands or ended, and nothing of what was asked or made.
pub(super) fn for_operators(job: &Job) -> Value {
    without_nulls(json!({
        "jobId": job.id.to_string(),
        "userId": job.owner.to_string(),
        "payer": job.payer.to_string(),
        "keySource": job.key_source.as_str(),
        "status": job.status.as_str(),
        "requestId": job.request_text(),
        "modality": job.modality.as_str(),
        "modelId": job.model,
        "provider": job.provider,
        "providerRef": job.handle.clone().or_else(|| (job.attempt > 0).then(|| job.attempt_name())),
        "attempt": job.attempt,
        "error": job.error.as_ref().map(shown_error),
        "unknownSince": time(job.unknown_since),
        "hold": if job.status.is_terminal() { Value::Null } else { money(job.hold) },
        "cost": job.cost.map_or(Value::Null, money),
        "writtenOff": (job.absorbed != Nanos::ZERO).then(|| money(job.absorbed)),
        "createdAt": job.created_at.to_string(),
        "endedAt": time(job.ended_at),
        "flags": flags(job),
        "retryOf": job.retry_of.map(|id| id.to_string()),
    }))
}

/// A user's own key for a provider, as far as anyone may see it. `usable`: its master key is here.
pub(super) fn provider_key(key: &ProviderKey, usable: bool) -> Value {
    json!({
        "provider": key.provider,
        "last4": key.last4,
        "createdAt": key.created_at.to_string(),
        "usable": usable,
    })
}

/// The budgets of a user or of a key, as they stand at a moment.
pub(super) fn budget(row: &BudgetRow, now: Timestamp) -> Value {
    let (kind, id) = match row.payer {
        Payer::User(id) | Payer::OwnKey(id) => ("user", id.to_string()),
        Payer::Key(id) => ("key", id.to_string()),
    };
    let window = |(window, limit, committed): &(Window, Option<Nanos>, Nanos)| {
        let left = limit.and_then(|limit| limit.minus(*committed)).map(|left| left.max(Nanos::ZERO));
        without_nulls(json!({
            "window": window.as_str(),
            "limit": limit.map(money),
            "committed": money(*committed),
            "left": left.map(money),
            "endsAt": time(window.end(now)),
        }))
    };
    without_nulls(json!({
        "id": id,
        "kind": kind,
        "user": row.user.email,
        "userId": row.user.id.to_string(),
        "key": row.key_name,
        "windows": row.windows.iter().map(window).collect::<Vec<_>>(),
    }))
}

/// What an entry moves, as its readers think of it.
pub(super) struct Moved {
    /// Whose money.
    pub(super) payer: Option<Payer>,
    /// Held (or, below nothing, no longer held).
    pub(super) held: Nanos,
    /// Charged to them (or given back).
    pub(super) charged: Nanos,
    /// Earned by the provider (or given back by it).
    pub(super) provided: Nanos,
    /// Borne by the studio.
    pub(super) absorbed: Nanos,
}

/// What an entry moves.
pub(super) fn moved(entry: &Entry) -> Moved {
    let payer = entry.lines.iter().find_map(|line| match line.account {
        Account::Payer(payer) | Account::Held(payer) => Some(payer),
        _ => None,
    });
    Moved {
        payer,
        held: entry.held(),
        charged: entry.charged(),
        provided: entry.moved(|account| matches!(account, Account::Provider(_) | Account::Refunds(_))),
        absorbed: entry.moved(|account| *account == Account::WriteOffs).negated(),
    }
}

/// An entry of the ledger.
pub(super) fn entry(row: &EntryRow) -> Value {
    let (entry, moved) = (&row.entry, moved(&row.entry));
    let unless_nothing = |amount: Nanos| (amount != Nanos::ZERO).then(|| money(amount));
    without_nulls(json!({
        "number": row.number,
        "at": entry.at.to_string(),
        "kind": entry.kind.as_str(),
        "jobId": entry.job.to_string(),
        "attempt": entry.attempt,
        "modelId": row.model,
        "provider": entry.provider,
        "providerRef": entry.provider_ref,
        "priceList": entry.price_list,
        "payer": moved.payer.map(|payer| payer.to_string()),
        "held": money(moved.held),
        "charged": money(moved.charged),
        "provided": unless_nothing(moved.provided),
        "writtenOff": unless_nothing(moved.absorbed),
        "note": entry.note,
    }))
}

/// As much of it as a prompt may have: what was said last in a conversation may be far longer.
fn clipped(prompt: &Prompt) -> String {
    prompt.expose().chars().take(MAX_PROMPT_CHARS).collect()
}

fn parameters(job: &Job) -> Value {
    json!(job.input.parameters())
}

/// A picture that a request shows.
pub(super) fn picture(picture: &Picture) -> Value {
    json!({ "assetId": picture.asset.to_string(), "url": asset_url(picture.asset) })
}

/// The conversation that was gone on with.
pub(super) fn messages(request: &ChatRequest) -> Value {
    let part = |part: &Part| match part {
        Part::Text(text) => json!({ "type": "text", "text": text.expose() }),
        Part::Picture(shown) => {
            let mut part = picture(shown);
            part["type"] = "image".into();
            part
        }
    };
    let calls = |message: &Message| -> Vec<_> {
        let shown = message.tool_calls.iter().map(|call| tool_call(&call.id, &call.name, call.arguments.expose()));
        shown.collect()
    };
    let message = |message: &Message| {
        let calls = calls(message);
        without_nulls(json!({
            "role": message.role.as_str(),
            "content": message.parts.iter().map(part).collect::<Vec<_>>(),
            "toolCalls": (!calls.is_empty()).then_some(calls),
            "toolCallId": message.tool_call_id,
        }))
    };
    request.messages.iter().map(message).collect()
}

fn tool_call(id: &str, name: &str, arguments: &str) -> Value {
    json!({ "id": id, "name": name, "arguments": arguments })
}

/// What a model said, as a message of a conversation: it can be sent back as it is.
pub(super) fn message(log: &Log) -> Value {
    let reasoning = log.reasoning();
    let calls: Vec<_> = log.tool_calls().iter().map(|(id, name, arguments)| tool_call(id, name, arguments)).collect();
    without_nulls(json!({
        "role": "assistant",
        "content": log.answer(),
        "reasoning": (!reasoning.is_empty()).then_some(reasoning),
        "toolCalls": (!calls.is_empty()).then_some(calls),
    }))
}

/// A finished answer.
pub(super) fn chat(job: &Job, log: &Log) -> Value {
    let mut body = answer_head(job);
    body["message"] = message(log);
    add_bill(&mut body, job);
    without_nulls(body)
}

/// A finished title: the first line of what was said, without what models put around it.
pub(super) fn title(job: &Job, log: &Log) -> Value {
    let said = log.answer();
    let line = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let around = |c: char| c.is_whitespace() || "\"'`*#„“”«».".contains(c);
    let title: String = line.trim_start_matches("Title:").trim_matches(around).chars().take(MAX_TITLE_CHARS).collect();
    let mut body = answer_head(job);
    body["title"] = title.into();
    add_bill(&mut body, job);
    without_nulls(body)
}

/// How a job ended, for whoever followed what it said.
pub(super) fn ending(job: &Job) -> Value {
    let mut body = answer_head(job);
    body["success"] = (job.status == Status::Succeeded).into();
    body["error"] = json!(job.error.as_ref().map(shown_error));
    add_bill(&mut body, job);
    without_nulls(body)
}

/// Where a job stands, for whoever waits for its first word.
pub(super) fn standing(job: &Job, queue_position: Option<u64>) -> Value {
    without_nulls(json!({
        "jobId": job.id.to_string(),
        "status": job.status.as_str(),
        "attempt": job.attempt,
        "queuePosition": queue_position,
        "error": job.error.as_ref().filter(|_| job.status == Status::Unknown).map(shown_error),
    }))
}

fn shown_error(error: &JobError) -> Value {
    json!({ "code": error.kind.code(), "message": error.message })
}

/// Why its model stopped, what it used and what that costs.
fn add_bill(body: &mut Value, job: &Job) {
    body["finishReason"] = json!(job.finish.map(Finish::as_str));
    body["usage"] = json!(job.tokens);
    body["estimated"] = json!(job.estimated.then_some(true));
    body["cost"] = job.cost.map_or(Value::Null, money);
}

/// What a request would be and could cost.
pub(super) fn estimate(estimate: &Estimate) -> Value {
    let Estimate { job, available, at_least, within_budget } = estimate;
    without_nulls(json!({
        "success": true,
        "dryRun": true,
        "modelId": job.model,
        "provider": job.provider,
        "available": available,
        "priced": at_least.is_some(),
        "price": at_least.map(|least| json!({ "atLeast": money(least.min(job.hold)), "atMost": money(job.hold) })),
        "withinBudget": within_budget,
        "parameters": parameters(job),
        "warnings": (!job.warnings.is_empty()).then(|| job.warnings.clone()),
    }))
}

/// Finished pictures, in the shape that clients of image generation know.
pub(super) fn images(job: &Job) -> Value {
    let images: Vec<_> = job
        .outputs
        .iter()
        .map(|output| {
            without_nulls(json!({
                "url": asset_url(output.asset),
                "seed": output.seed,
                "assetId": output.asset.to_string(),
                "mediaType": output.media_type.as_str(),
            }))
        })
        .collect();
    let mut body = answer_head(job);
    body["images"] = images.into();
    body["cost"] = job.cost.map_or(Value::Null, money);
    without_nulls(body)
}

/// A job that goes on.
pub(super) fn accepted(job: &Job) -> Value {
    let mut body = answer_head(job);
    body["links"] = links_of(job);
    without_nulls(body)
}

/// What every answer to a generating request begins with.
fn answer_head(job: &Job) -> Value {
    json!({
        "success": true,
        "jobId": job.id.to_string(),
        "status": job.status.as_str(),
        "modelId": job.model,
        "provider": job.provider,
        "warnings": (!job.warnings.is_empty()).then(|| job.warnings.clone()),
    })
}

/// A model, for whoever chooses one.
pub(super) fn model(model: &Model, configured: bool, now: Timestamp) -> Value {
    let prices = model.price_at(now).map(|list| {
        let by: Vec<_> =
            list.by.iter().map(|row| json!({ "when": row.when, "rates": show_rates(&row.rates) })).collect();
        without_nulls(json!({
            "version": list.version,
            "from": list.from,
            "rates": show_rates(&list.rates),
            "by": (!by.is_empty()).then_some(by),
        }))
    });
    let talks = matches!(model.modality, Modality::Chat | Modality::Title);
    let parameters: serde_json::Map<String, Value> =
        model.parameters.iter().map(|(name, parameter)| (name.clone(), show_parameter(parameter))).collect();
    without_nulls(json!({
        "id": model.id,
        "name": model.name,
        "description": model.description,
        "modality": model.modality.as_str(),
        "provider": model.provider,
        "aliases": model.aliases,
        "default": model.default,
        "available": configured,
        "parameters": parameters,
        "prices": prices,
        "maxPromptBytes": model.max_prompt_bytes,
        "inputs": (model.modality == Modality::Image)
            .then(|| json!({ "image": model.inputs.image, "mask": model.inputs.mask.as_str() })),
        "chat": talks.then(|| json!({
            "contextTokens": model.chat.context_tokens,
            "vision": model.chat.vision,
            "tools": model.chat.tools,
            "json": model.chat.json,
            "streams": model.chat.streams,
        })),
        "totalLimitSeconds": model.total_limit.as_secs(),
    }))
}

fn show_rates(rates: &BTreeMap<Unit, i64>) -> Value {
    let shown = rates.iter().map(|(unit, rate)| {
        let (amount, per) = if unit.quoted_per_million() { (*rate, 1_000_000) } else { (rate / 1_000_000, 1) };
        (unit_name(*unit), json!({ "amount": Nanos::new(amount).to_string(), "currency": CURRENCY, "per": per }))
    });
    Value::Object(shown.collect())
}

fn show_parameter(parameter: &Parameter) -> Value {
    let mut shown = match parameter {
        Parameter::Integer { min, max, step, .. } => {
            without_nulls(json!({ "kind": "integer", "min": min, "max": max, "step": step }))
        }
        Parameter::Number { min, max, .. } => json!({ "kind": "number", "min": min, "max": max }),
        Parameter::Boolean { .. } => json!({ "kind": "boolean" }),
        Parameter::Choice { of, .. } => json!({ "kind": "choice", "of": of }),
        Parameter::Text { max_chars } => json!({ "kind": "text", "maxChars": max_chars }),
    };
    if let Some(default) = parameter.default_value() {
        shown["default"] = default;
    }
    shown
}

fn camel(snake: &str) -> String {
    let mut words = snake.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |text, word| {
        let mut chars = word.chars();
        let upper = chars.next().map(|c| c.to_ascii_uppercase());
        text + &upper.into_iter().chain(chars).collect::<String>()
    })
}
