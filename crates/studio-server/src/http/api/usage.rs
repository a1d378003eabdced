//! `GET /usage` and `GET /usage/entries`: what was used, and every entry of the ledger behind it.

use super::{id, json, ours_or_all, page, page_size, time};
use crate::{
    app::App,
    http::{
        call::{Call, Caller},
        csv::{self, Cell},
        leave::Leave,
        present::{self, money},
        refusal::Refusal,
        table::Answer,
    },
};
use axum::{body::Body, response::Response};
use bytes::Bytes;
use futures_util::stream::try_unfold;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use std::sync::Arc;
use studio_core::{
    caller::Scope,
    id::JobId,
    money::{CURRENCY, Nanos},
    ports::{EntryFilter, EntryRow, Period, StoreError},
};

/// Entries that are read at once for a table.
const TABLE_PAGE: u32 = 500;
/// Entries on a page, unless the caller says otherwise.
const USUAL_PAGE: u32 = 20;

fn period(call: &Call) -> Result<Period, Refusal> {
    Ok(Period { from: time(call, "from")?, until: time(call, "until")? })
}

pub(in crate::http) fn get_usage(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let models = app.store.usage(caller.user(), period(&call)?).await?.models;
        let sum = |amounts: &mut dyn Iterator<Item = Nanos>| amounts.fold(Nanos::ZERO, |a, b| a.plus(b).unwrap_or(a));
        let total = json!({
            "jobs": models.iter().map(|m| m.jobs).sum::<u64>(),
            "cost": money(sum(&mut models.iter().map(|m| m.charged))),
            "held": money(sum(&mut models.iter().map(|m| m.held))),
            "ownKey": money(sum(&mut models.iter().map(|m| m.own_key))),
            "writtenOff": money(sum(&mut models.iter().map(|m| m.absorbed))),
        });
        let items: Vec<_> = models
            .iter()
            .map(|model| {
                json!({
                    "modelId": model.model,
                    "jobs": model.jobs,
                    "succeeded": model.succeeded,
                    "unfinished": model.unfinished,
                    "cost": money(model.charged),
                    "held": money(model.held),
                    "ownKey": money(model.own_key),
                    "writtenOff": money(model.absorbed),
                })
            })
            .collect();
        Ok(json(StatusCode::OK, &json!({ "success": true, "total": total, "items": items })))
    })
}

pub(in crate::http) fn list_entries(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let Period { from, until } = period(&call)?;
        let job = call.query.get("jobId").map(|text| id("jobId", text, JobId::parse)).transpose()?;
        let before = call.query.get("cursor").map(|text| {
            let number = text.parse().ok().filter(|number| i64::try_from(*number).is_ok_and(|number| number > 0));
            number.ok_or_else(|| Refusal::invalid_field("cursor", "must be the `nextCursor` of the page before"))
        });
        let owner = ours_or_all(&caller, &call)?;
        let filter = EntryFilter { owner, job, from, until, before: before.transpose()?, limit: 0 };
        let as_table = match call.query.get("format").map(String::as_str) {
            None => call.header(&header::ACCEPT).is_some_and(|accept| accept.starts_with("text/csv")),
            Some("json") => false,
            Some("csv") => true,
            Some(_) => return Err(Refusal::invalid_field("format", "must be one of json, csv")),
        };
        if as_table {
            return table(app, caller, filter).await;
        }
        let limit = page_size(&call, USUAL_PAGE)?;
        let rows = app.store.entries(EntryFilter { limit: limit + 1, ..filter }).await?;
        Ok(page(rows, limit, present::entry, |row| row.number.to_string()))
    })
}

/// All of them as a table, read page by page while it is sent; the first one before anything is. It breaks off when its reader may
/// not read on.
async fn table(app: Arc<App>, caller: Caller, filter: EntryFilter) -> Result<Response, Refusal> {
    const HEAD: [&str; 16] = [
        "number",
        "at",
        "kind",
        "jobId",
        "attempt",
        "modelId",
        "provider",
        "providerRef",
        "priceList",
        "payer",
        "held",
        "charged",
        "provided",
        "writtenOff",
        "currency",
        "note",
    ];
    let filter = EntryFilter { limit: TABLE_PAGE, ..filter };
    let first = app.store.entries(filter.clone()).await?;
    let head = csv::line(&HEAD.map(Cell::Text));
    let leave = Leave::Caller(caller, filter.owner.map_or(Scope::Admin, |_| Scope::Read));
    let store = app.store.clone();
    let pages = try_unfold(Some((store, filter, head, first)), |state| async move {
        let Some((store, filter, head, rows)) = state else { return Ok::<_, StoreError>(None) };
        let text = head + &rows.iter().map(row).collect::<String>();
        let next = match rows.last().filter(|_| rows.len() == TABLE_PAGE as usize) {
            None => None,
            Some(last) => {
                let filter = EntryFilter { before: Some(last.number), ..filter };
                let rows = store.entries(filter.clone()).await?;
                Some((store, filter, String::new(), rows))
            }
        };
        Ok(Some((Bytes::from(text), next)))
    });
    let mut response = Response::new(Body::from_stream(leave.send(app, Box::pin(pages))));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"usage.csv\""));
    Ok(response)
}

fn row(row: &EntryRow) -> String {
    let entry = &row.entry;
    let told = present::moved(entry);
    let payer = told.payer.map(|payer| payer.to_string()).unwrap_or_default();
    csv::line(&[
        Cell::Ours(row.number.to_string()),
        Cell::Ours(entry.at.to_string()),
        Cell::Ours(entry.kind.as_str().into()),
        Cell::Ours(entry.job.to_string()),
        Cell::Ours(entry.attempt.to_string()),
        Cell::Text(&row.model),
        Cell::Text(&entry.provider),
        Cell::Text(entry.provider_ref.as_deref().unwrap_or_default()),
        Cell::Text(entry.price_list.as_deref().unwrap_or_default()),
        Cell::Ours(payer),
        Cell::Ours(told.held.to_string()),
        Cell::Ours(told.charged.to_string()),
        Cell::Ours(told.provided.to_string()),
        Cell::Ours(told.absorbed.to_string()),
        Cell::Ours(CURRENCY.into()),
        Cell::Text(entry.note.as_deref().unwrap_or_default()),
    ])
}
