//! `/keys`: someone's own keys.

use super::{
    super::{budgets::limits_of, id, json},
    no_such, required,
};
use crate::{
    app::App,
    commands::people::{self, NewKey},
    http::{
        call::{Call, Caller},
        table::Answer,
    },
};
use http::StatusCode;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use studio_core::{
    caller::{ApiKey, Scope},
    id::KeyId,
    ledger::Limits,
    limits::{LimitClass, Rate},
    money::Nanos,
    people::read_name,
    ports::KeyRow,
    request::Fields,
    time::Timestamp,
};

pub(in crate::http) fn list_keys(app: Arc<App>, caller: Caller, _: Call) -> Answer {
    Box::pin(async move {
        let rows = app.store.keys(Some(caller.user())).await?;
        let items: Vec<_> = rows.iter().map(show_row).collect();
        Ok(json(StatusCode::OK, &json!({ "success": true, "items": items })))
    })
}

fn show_row(row: &KeyRow) -> Value {
    let mut shown = show(&row.key, &row.limits);
    shown["committed"] = money(row.committed);
    if let Some(at) = row.last_used_at {
        shown["lastUsedAt"] = at.to_string().into();
    }
    shown
}

fn money(amount: Nanos) -> Value {
    json!({ "amount": amount.to_string(), "currency": studio_core::money::CURRENCY })
}

fn show(key: &ApiKey, limits: &Limits) -> Value {
    let budgets: BTreeMap<_, _> = limits.iter().map(|(window, limit)| (window.as_str(), money(*limit))).collect();
    let mut shown = json!({
        "id": key.id.to_string(),
        "name": key.name,
        "last4": key.last4,
        "scopes": key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>(),
        "budgets": budgets,
        "limits": key.limits,
        "createdAt": key.created_at.to_string(),
    });
    for (field, at) in [("expiresAt", key.expires_at), ("revokedAt", key.revoked_at)] {
        if let Some(at) = at {
            shown[field] = at.to_string().into();
        }
    }
    shown
}

pub(in crate::http) fn create_key(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let new = read(&call.json, call.now)?;
        let limits = new.limits.clone();
        let (doer, owner) = (caller.doer(&call), caller.person());
        let (key, text) = people::create_own_key(app.desk(), &doer, owner, new).await?;
        let mut shown = show(&key, &limits);
        shown["key"] = text.expose().into();
        Ok(json(StatusCode::OK, &json!({ "success": true, "key": shown })))
    })
}

/// `{"name", "scopes"?, "budgets"?, "limits"?, "expiresAt"?}`.
fn read(body: &Value, now: Timestamp) -> Result<NewKey, studio_core::request::Invalid> {
    let mut fields = Fields::of(body)?;
    let name = required(&mut fields, "name").map(read_name).transpose();
    let name = name.map_err(|fault| fields.fault("name", fault)).ok().flatten();
    let scopes = scopes(&mut fields);
    let mut limits = Limits::new();
    if let Some(budgets) = fields.take("budgets") {
        match limits_of(budgets) {
            Ok(read) => limits = read,
            Err(invalid) => fields.absorb("budgets", invalid),
        }
    }
    let rates = rates(&mut fields);
    let expires_at = fields.text("expiresAt").map(Timestamp::parse);
    if expires_at.is_some_and(|end| end.is_none_or(|end| end <= now)) {
        fields.fault("expiresAt", "must be a time to come in ISO 8601, such as 2027-01-31T00:00:00Z");
    }
    let expires_at = expires_at.flatten();
    fields.finish(name.map(|name| NewKey { name, scopes, limits, rates, expires_at }))
}

fn scopes(fields: &mut Fields<'_>) -> BTreeSet<Scope> {
    let usual = BTreeSet::from([Scope::Generate, Scope::Read]);
    let Some(value) = fields.take("scopes") else { return usual };
    let read = |item: &Value| item.as_str().and_then(Scope::parse);
    let listed = value.as_array().filter(|items| !items.is_empty() && items.len() <= Scope::ALL.len());
    let found = listed.and_then(|items| items.iter().map(read).collect::<Option<BTreeSet<_>>>());
    found.unwrap_or_else(|| {
        fields.fault("scopes", format!("must be a list of {}", Scope::ALL.map(Scope::as_str).join(", ")));
        usual
    })
}

/// Rate limits of the key's own, by class: `{"generation": "100/min"}`.
fn rates(fields: &mut Fields<'_>) -> BTreeMap<String, Rate> {
    let Some(value) = fields.take("limits") else { return BTreeMap::new() };
    let read = |(class, rate): (&String, &Value)| {
        LimitClass::parse(class)?;
        Some((class.clone(), rate.as_str()?.parse::<Rate>().ok()?))
    };
    let found = value.as_object().and_then(|object| object.iter().map(read).collect::<Option<_>>());
    found.unwrap_or_else(|| {
        let classes = LimitClass::ALL.map(LimitClass::as_str).join(", ");
        fields.fault("limits", format!("must be rates such as 100/min by class; classes are {classes}"));
        BTreeMap::new()
    })
}

pub(in crate::http) fn revoke_key(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let id = id("id", call.parameter("id"), KeyId::parse)?;
        let revoked = people::revoke_key(app.desk(), &caller.doer(&call), Some(caller.user()), id).await?;
        app.callers.forget();
        if revoked { Ok(json(StatusCode::OK, &json!({ "success": true }))) } else { Err(no_such("key")) }
    })
}
