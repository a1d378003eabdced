//! `POST /generate/image`.

use super::{
    answers::{Made, answer, asked, make, name, wait_for},
    bytes::{NOT_KEPT, Sent, send_made},
};
use crate::{
    app::App,
    commands::{self, Asked, Wanted},
    http::{
        call::{Call, Caller},
        disposition::disposition,
        present,
        refusal::Refusal,
        table::Answer,
    },
    settings::{LONGEST_WAIT, PICTURES_LIMIT, USUAL_WAIT},
};
use axum::response::Response;
use http::header;
use std::sync::Arc;
use studio_core::{
    job::{Job, Output},
    request::{Input, edit_pictures_of, read_image},
};

pub(in crate::http) fn generate_image(app: Arc<App>, caller: Caller, mut call: Call) -> Answer {
    Box::pin(async move {
        let patience = call.patience(USUAL_WAIT, LONGEST_WAIT)?;
        let job = match call.replayed.take() {
            Some(job) => job,
            None => {
                let named = edit_pictures_of(&call.json);
                let wanted = Wanted { tried: call.tried, decoded: true };
                let shown = commands::find_pictures(&app, caller.user(), named, PICTURES_LIMIT, wanted).await?;
                let read = read_image(&call.json, &app.catalog, &shown.pictures, app.chance.number(), call.now)?;
                let asked = Asked { brought: shown.brought, ..asked(&caller, &mut call, read, Input::Image) };
                match make(&app, call.tried, asked).await? {
                    Made::Job(job) => *job,
                    Made::Estimate(estimate) => return Ok(estimate),
                }
            }
        };
        let job = wait_for(&app, &mut call, job, patience).await;
        // `Accept: image/*`: the picture itself, for people at a terminal and for `<img>`-minded clients.
        let wants_picture =
            call.headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"image/"));
        match job.outputs.first() {
            Some(first) if wants_picture && !patience.is_zero() => picture(&app, &job, first).await,
            _ => answer(&app, call.legacy, &job, patience.is_zero(), present::images).await,
        }
    })
}

/// The first picture's bytes.
async fn picture(app: &App, job: &Job, output: &Output) -> Result<Response, Refusal> {
    let Output { hash, media_type, bytes, .. } = *output;
    let disposition = disposition(media_type, None, &output.asset.to_string());
    let mut response = send_made(app, Sent { hash, media_type, bytes, disposition, cache: NOT_KEPT }).await?;
    name(&mut response, job);
    Ok(response)
}
