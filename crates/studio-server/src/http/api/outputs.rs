//! `PUT /worker-outputs/{ticket}/{file}`: where our own workers put what they made, straight to disk.

use crate::{
    app::App,
    http::{call::Call, multipart::Reader, refusal::Refusal, table::Answer},
    settings::{BODY_DEADLINE, OUTPUT_LIMIT},
    work::collect::Taker,
};
use axum::{body::Body, response::Response};
use http::{StatusCode, header};
use std::sync::Arc;

/// Longest file name, in bytes.
const NAME_LIMIT: usize = 64;

pub(in crate::http) fn receive_output(app: Arc<App>, mut call: Call) -> Answer {
    Box::pin(async move {
        let (ticket, file) = (call.parameter("ticket").to_owned(), call.parameter("file").to_owned());
        if !app.uploads.admits(&ticket) {
            return Err(Refusal::not_found("ticket"));
        }
        let plain = file.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if file.is_empty() || file.len() > NAME_LIMIT || !plain {
            return Err(Refusal::invalid_field("file", "must be 1 to 64 letters, digits, or - _ ."));
        }
        let mut taker = Taker::new(app.assets.stage(OUTPUT_LIMIT).await?);
        let mut reader = Reader::new(&mut call.body, BODY_DEADLINE, BODY_DEADLINE);
        while let Some(bytes) = reader.next().await? {
            taker.take(bytes).await?;
        }
        let Some((blob, media_type)) = taker.finish().await? else {
            return Err(Refusal::invalid_field("body", "must be a PNG, JPEG or WebP picture"));
        };
        let url = app.uploads.received(&ticket, &file, blob, media_type).ok_or_else(|| Refusal::not_found("ticket"))?;
        let response =
            Response::builder().status(StatusCode::CREATED).header(header::LOCATION, url).body(Body::empty());
        response.map_err(|_| Refusal::internal())
    })
}
