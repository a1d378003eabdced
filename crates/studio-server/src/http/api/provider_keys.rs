//! `/provider-keys`: a user's own keys for providers. Once set, nobody is told one again, whoever asks.

use super::json;
use crate::{
    app::App,
    commands::{self, NotKept},
    http::{
        call::{Call, Caller},
        present,
        refusal::Refusal,
        table::Answer,
    },
    secrets::is_openable,
};
use http::StatusCode;
use serde_json::json;
use std::sync::Arc;
use studio_core::{request::Fields, secret::Secret};

const API_KEY: &str = "apiKey";

pub(in crate::http) fn list_provider_keys(app: Arc<App>, caller: Caller, _: Call) -> Answer {
    Box::pin(async move {
        let keys = app.store.provider_keys(caller.user()).await?;
        let items: Vec<_> = keys.iter().map(|key| present::provider_key(key, is_openable(&app, &key.sealed))).collect();
        let providers: Vec<_> = commands::own_key_providers(&app).collect();
        Ok(json(StatusCode::OK, &json!({ "success": true, "items": items, "providers": providers })))
    })
}

pub(in crate::http) fn put_provider_key(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let mut fields = Fields::of(&call.json)?;
        let text = fields.text(API_KEY).map(Secret::new);
        if text.is_none() {
            fields.fault(API_KEY, "is required");
        }
        let text = fields.finish(text)?;
        let doer = caller.doer(&call);
        match commands::set_provider_key(&app, &doer, caller.user(), call.parameter("provider"), &text).await {
            Ok(key) => {
                let shown = present::provider_key(&key, true);
                Ok(json(StatusCode::OK, &json!({ "success": true, "providerKey": shown })))
            }
            Err(NotKept::NoProvider) => Err(Refusal::not_found("provider that takes own keys")),
            Err(error @ NotKept::NotAKey) => Err(Refusal::invalid_field(API_KEY, error.to_string())),
            Err(NotKept::NotSealed(error)) => Err(error.into()),
            Err(NotKept::Store(error)) => Err(error.into()),
        }
    })
}

pub(in crate::http) fn delete_provider_key(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let (doer, provider) = (caller.doer(&call), call.parameter("provider"));
        let removed = commands::remove_provider_key(&app, &doer, caller.user(), provider).await?;
        Ok(json(StatusCode::OK, &json!({ "success": true, "removed": removed })))
    })
}
