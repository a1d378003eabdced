//! `POST /chat` and `POST /title`.

use super::answers::{Made, answer, asked, make, name, wait_for};
use crate::{
    app::App,
    commands::{self, Asked, Wanted},
    http::{
        call::{Call, Caller},
        present,
        table::Answer,
        words,
    },
    settings::{LONGEST_WAIT, PICTURE_LIMIT, USUAL_WAIT},
};
use http::{HeaderMap, header};
use std::{sync::Arc, time::Duration};
use studio_core::{
    job::{Durability, Job},
    request::{Input, ReadChat, pictures_of, read_chat, read_title},
    words::Log,
};

pub(in crate::http) fn chat(app: Arc<App>, caller: Caller, mut call: Call) -> Answer {
    Box::pin(async move {
        let patience = call.patience(USUAL_WAIT, LONGEST_WAIT)?;
        let (job, stream) = match call.replayed.take() {
            // The same body as before, so the same wish.
            Some(job) => (job, call.json["stream"] == true),
            None => {
                let named = pictures_of(&call.json);
                let wanted = Wanted { tried: call.tried, decoded: false };
                let shown = commands::find_pictures(&app, caller.user(), named, PICTURE_LIMIT, wanted).await?;
                let ReadChat { read, stream, bounded_by_caller } =
                    read_chat(&call.json, &app.catalog, &shown.pictures, call.now)?;
                let asked = Asked {
                    may_shorten: !bounded_by_caller,
                    brought: shown.brought,
                    durability: durability(&app, patience),
                    ..asked(&caller, &mut call, read, Input::Chat)
                };
                match make(&app, call.tried, asked).await? {
                    Made::Job(job) => (*job, stream),
                    Made::Estimate(estimate) => return Ok(estimate),
                }
            }
        };
        if (stream || wants_events(&call.headers)) && !patience.is_zero() {
            let mut response = words::follow(app, caller, job.clone(), words::Place::BEGINNING);
            name(&mut response, &job);
            return Ok(response);
        }
        let job = wait_for(&app, &mut call, job, patience).await;
        let log = said(&app, &job).await?;
        answer(&app, call.legacy, &job, patience.is_zero(), |job| present::chat(job, &log)).await
    })
}

pub(in crate::http) fn title(app: Arc<App>, caller: Caller, mut call: Call) -> Answer {
    Box::pin(async move {
        let patience = call.patience(USUAL_WAIT, LONGEST_WAIT)?;
        let job = match call.replayed.take() {
            Some(job) => job,
            None => {
                let read = read_title(&call.json, &app.catalog, call.now)?;
                let durability = durability(&app, patience);
                let asked = Asked { may_shorten: true, durability, ..asked(&caller, &mut call, read, Input::Chat) };
                match make(&app, call.tried, asked).await? {
                    Made::Job(job) => *job,
                    Made::Estimate(estimate) => return Ok(estimate),
                }
            }
        };
        let job = wait_for(&app, &mut call, job, patience).await;
        let log = said(&app, &job).await?;
        answer(&app, call.legacy, &job, patience.is_zero(), |job| present::title(job, &log)).await
    })
}

/// What was said, once it is all said.
async fn said(app: &App, job: &Job) -> Result<Log, crate::http::refusal::Refusal> {
    if job.finish.is_some() { Ok(app.store.said(job.id, job.epoch).await?) } else { Ok(Log::default()) }
}

/// Whoever doesn't wait for the result may rely on what they were told through a power cut.
fn durability(app: &App, patience: Duration) -> Durability {
    if patience.is_zero() { Durability::Power } else { app.durability }
}

fn wants_events(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/event-stream"))
}
