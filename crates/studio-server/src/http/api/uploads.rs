//! `POST /upload`: one file, by itself or in a form, taken in as it comes.

use super::json;
use crate::{
    app::App,
    commands::{Claims, Upload, Uploaded, Wishes},
    http::{
        auth,
        call::{Call, Caller},
        disposition::sent_name,
        door::read_idempotency_key,
        multipart::{Form, Part, Reader, boundary},
        present,
        refusal::Refusal,
        table::Answer,
    },
    settings::FORM_OVERHEAD,
};
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use std::sync::Arc;
use studio_core::{caller::Scope, inspection::FileKind, library::file_name};

/// The field of a form in which the file is.
const FILE: &str = "file";

pub(in crate::http) fn upload(app: Arc<App>, caller: Caller, mut call: Call) -> Answer {
    Box::pin(async move {
        let _place = app.upload_places.take(caller.user())?;
        let wishes = read_wishes(&call)?;
        let said = call.header(&header::CONTENT_TYPE).unwrap_or_default().to_owned();
        let announced = call.header(&header::CONTENT_LENGTH).and_then(|text| text.parse().ok());
        let claims = Claims {
            name: wishes.name.clone().or_else(|| file_name(&sent_name(call.header(&header::CONTENT_DISPOSITION)?)?)),
            media_type: Some(said.clone()),
            kind: wishes.kind,
            announced,
            request: read_idempotency_key(&call.headers)?.map(|key| key.as_str().to_owned()),
        };
        let limits = app.upload_limits;
        let boundary = boundary(&said).transpose()?;
        let mut reader = Reader::new(&mut call.body, limits.deadline(), limits.idle());
        let uploaded = match boundary {
            Some(boundary) => {
                let announced = announced.map(|bytes: u64| bytes.saturating_sub(FORM_OVERHEAD));
                let claims = Claims { media_type: None, announced, ..claims };
                let form = Form::new(reader, &boundary);
                from_form(&app, &caller, claims, wishes, form).await?
            }
            None => {
                let mut upload = Upload::begin(&app, caller.user(), claims).await?;
                while let Some(bytes) = reader.next().await? {
                    upload.take(bytes).await?;
                }
                finish(&app, &caller, upload, wishes).await?
            }
        };
        Ok(answer(&uploaded))
    })
}

fn answer(uploaded: &Uploaded) -> Response {
    let shown = json!({ "success": true, "asset": present::asset(&uploaded.asset) });
    let mut response = json(StatusCode::OK, &shown);
    if uploaded.replayed {
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    response
}

/// What address and headers say.
fn read_wishes(call: &Call) -> Result<Wishes, Refusal> {
    let mut wishes = Wishes::default();
    for field in ["name", "kind", "keepMetadata"] {
        if let Some(text) = call.query.get(field) {
            read_wish(&mut wishes, field, text)?;
        }
    }
    Ok(wishes)
}

/// Reads one wish. False: it is none.
fn read_wish(wishes: &mut Wishes, field: &str, text: &str) -> Result<bool, Refusal> {
    match field {
        "name" => {
            let unnamed = || Refusal::invalid_field("name", "must be a name that can be seen, such as cat.png");
            wishes.name = Some(file_name(text).ok_or_else(unnamed)?);
        }
        "kind" => {
            let wanted = "must be image, audio, video or dataset";
            wishes.kind = Some(FileKind::parse(text).ok_or_else(|| Refusal::invalid_field("kind", wanted))?);
        }
        "keepMetadata" => {
            wishes.keep_metadata = match text {
                "true" => true,
                "false" => false,
                _ => return Err(Refusal::invalid_field("keepMetadata", "must be true or false")),
            };
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Takes the one file of a form; what else it may say stands before or behind it.
async fn from_form(
    app: &App,
    caller: &Caller,
    claims: Claims,
    mut wishes: Wishes,
    mut form: Form<'_>,
) -> Result<Uploaded, Refusal> {
    let mut file = None;
    while let Some(Part { name, file_name: file_named, content_type }) = form.next().await? {
        if name != FILE {
            let short: String = name.chars().take(100).collect();
            let text = match ["name", "kind", "keepMetadata"].contains(&&*name) {
                true => form.text(&name).await?,
                false => String::new(),
            };
            if !read_wish(&mut wishes, &name, &text)? {
                let wanted = "is not a known field; known are file, name, kind, keepMetadata";
                return Err(Refusal::invalid_field(&short, wanted));
            }
            continue;
        }
        if file.is_some() {
            return Err(Refusal::invalid_field(FILE, "must be there once: one file at a time"));
        }
        let name = wishes.name.clone().or_else(|| file_name(&file_named?));
        let claims = Claims { name, media_type: content_type, kind: wishes.kind, ..claims.clone() };
        let mut upload = Upload::begin(app, caller.user(), claims).await?;
        while let Some(bytes) = form.chunk().await? {
            upload.take(bytes).await?;
        }
        file = Some(upload);
    }
    let upload = file.ok_or_else(|| Refusal::invalid_field(FILE, "is required: the field that has the file"))?;
    finish(app, caller, upload, wishes).await
}

/// Keeps what came, if whoever began to send it may still.
async fn finish(app: &App, caller: &Caller, upload: Upload<'_>, wishes: Wishes) -> Result<Uploaded, Refusal> {
    auth::again(app, caller, Scope::Generate).await?;
    Ok(upload.finish(wishes).await?)
}
