//! `POST /generate/image`.

use super::answers::{Made, answer, asked, make, wait_for};
use crate::{
    app::App,
    http::{
        call::{Call, Caller},
        present,
        refusal::Refusal,
        table::Answer,
    },
    settings::{LONGEST_WAIT, USUAL_WAIT},
};
use axum::{body::Body, response::Response};
use http::header;
use std::sync::Arc;
use studio_core::{
    job::{Job, Output},
    request::{Input, read_image},
};

pub(in crate::http) fn generate_image(app: Arc<App>, caller: Caller, mut call: Call) -> Answer {
    Box::pin(async move {
        let patience = call.patience(USUAL_WAIT, LONGEST_WAIT)?;
        let job = match call.replayed.take() {
            Some(job) => job,
            None => {
                let read = read_image(&call.json, &app.catalog, app.chance.number(), call.now)?;
                match make(&app, call.tried, asked(&caller, &mut call, read, Input::Image)).await? {
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
    let bytes = app.assets.open(output.hash, 0..output.bytes).await?;
    let response = Response::builder()
        .header(header::CONTENT_TYPE, output.media_type.as_str())
        .header(header::CONTENT_LENGTH, output.bytes)
        .header("x-studio-job-id", job.id.to_string());
    response.body(Body::from_stream(bytes)).map_err(|_| Refusal::internal())
}
