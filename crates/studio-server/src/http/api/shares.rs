//! `/share` and `/shares`: pages by which one asset is shown to whoever knows their address. What a page shows is asked for
//! each time, so that it ends at once; absent, ended and removed are one answer.

use super::{
    bytes::{NOT_KEPT, Sent, send},
    id, json, page, page_size,
};
use crate::{
    app::App,
    commands,
    http::{
        call::{Call, Caller},
        disposition::disposition,
        leave::Leave,
        pages::escaped,
        present,
        refusal::Refusal,
        table::Answer,
    },
};
use axum::{body::Body, response::Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use std::sync::Arc;
use studio_core::{
    id::{AssetId, ShareId},
    inspection::FileKind,
    library::{Share, is_slug, title},
    ports::{Asset, Thumbnail},
    request::{Fields, Invalid},
};

/// Pages on a list, unless said otherwise.
const USUAL_PAGE: u32 = 20;
/// A page of ours that shows what is somebody's: from here alone, and nothing that acts.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);
/// What somebody shows to a few is nothing for those who look for everything.
const NO_INDEX: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow, noarchive"));
/// How the addresses of our assets begin.
const OUR_ASSETS: &str = "/api/v1/assets/";
/// Texts of an old request's `content` that are looked at.
const MOST_TEXTS: usize = 20;

pub(in crate::http) fn share(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let (asset, title) = read_share(&call.json)?;
        let share = commands::share(&app, caller.user(), asset, title).await?;
        let share = share.ok_or_else(|| Refusal::not_found("asset"))?;
        let mut shown = present::share(&share);
        shown["success"] = true.into();
        Ok(json(StatusCode::OK, &shown))
    })
}

/// `{"assetId": "...", "title": "..."}`, or what the system before took: `type`, `content` with an address of ours somewhere in
/// it, and `metadata`.
fn read_share(body: &Value) -> Result<(AssetId, Option<String>), Invalid> {
    let mut fields = Fields::of(body)?;
    let named = fields.text("assetId").map(|text| ("assetId", text.to_owned()));
    let called = fields.text("title").map(str::to_owned);
    fields.text("type");
    let content = fields.take("content");
    let metadata = fields.take("metadata").and_then(|metadata| metadata["title"].as_str()).map(str::to_owned);
    let named = named.or_else(|| Some(("content", asset_in(content?)?)));
    let asset = match named {
        Some((field, text)) => AssetId::parse(&text).map_err(|error| fields.fault(field, error.to_string())).ok(),
        None => {
            fields.fault("assetId", "is required: the asset that is to be shown");
            None
        }
    };
    let title = called.or(metadata).and_then(|text| title(&text));
    fields.finish(asset.map(|asset| (asset, title)))
}

/// The asset that an old request's `content` shows: by its id, or by an address of ours.
fn asset_in(content: &Value) -> Option<String> {
    if let Some(id) = content["assetId"].as_str() {
        return Some(id.to_owned());
    }
    let texts = content.as_object()?.values().filter_map(Value::as_str).take(MOST_TEXTS);
    texts.filter_map(|text| text.split_once(OUR_ASSETS)).next().map(|(_, id)| id.to_owned())
}

pub(in crate::http) fn list_shares(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let size = page_size(&call, USUAL_PAGE)?;
        let before = call.query.get("cursor").map(|text| id("cursor", text, ShareId::parse)).transpose()?;
        let shares = app.store.shares(caller.user(), before, size + 1).await?;
        Ok(page(shares, size, present::share, |share| share.id.to_string()))
    })
}

pub(in crate::http) fn end_share(app: Arc<App>, caller: Caller, call: Call) -> Answer {
    Box::pin(async move {
        let slug = call.parameter("slug");
        if is_slug(slug) && commands::unshare(&app, caller.user(), slug).await? {
            Ok(json(StatusCode::OK, &json!({ "success": true })))
        } else {
            Err(Refusal::not_found("page"))
        }
    })
}

/// What a page shows. One answer for whatever is not, or not any more.
async fn shown(app: &App, call: &Call) -> Result<(Share, Asset), Refusal> {
    let slug = call.parameter("slug");
    let found = if is_slug(slug) { app.store.shared(slug).await? } else { None };
    found.ok_or_else(|| Refusal::not_found("page"))
}

fn unlisted(mut response: Response) -> Response {
    let (name, value) = NO_INDEX;
    response.headers_mut().insert(name, value);
    response
}

pub(in crate::http) fn get_shared(app: Arc<App>, call: Call) -> Answer {
    Box::pin(async move {
        let (share, asset) = shown(&app, &call).await?;
        Ok(unlisted(json(StatusCode::OK, &present::shared(&share, &asset))))
    })
}

pub(in crate::http) fn get_shared_content(app: Arc<App>, call: Call) -> Answer {
    Box::pin(async move {
        let (share, asset) = shown(&app, &call).await?;
        let Asset { hash, media_type, bytes, .. } = asset;
        let disposition = disposition(media_type, asset.name.as_deref(), &share.slug);
        let leave = Leave::Page(share.slug, asset.id);
        send(&app, &call, leave, Sent { hash, media_type, bytes, disposition, cache: NOT_KEPT }).await.map(unlisted)
    })
}

pub(in crate::http) fn get_shared_thumbnail(app: Arc<App>, call: Call) -> Answer {
    Box::pin(async move {
        let (share, asset) = shown(&app, &call).await?;
        let Thumbnail { hash, media_type, bytes } = commands::thumbnail(&app, &asset).await?;
        // It may have waited for long until it was made.
        shown(&app, &call).await?;
        let disposition = disposition(media_type, None, &format!("{}-small", share.slug));
        let leave = Leave::Page(share.slug, asset.id);
        send(&app, &call, leave, Sent { hash, media_type, bytes, disposition, cache: NOT_KEPT }).await.map(unlisted)
    })
}

pub(in crate::http) fn get_shared_page(app: Arc<App>, call: Call) -> Answer {
    Box::pin(async move {
        let (share, asset) = shown(&app, &call).await?;
        let mut response = Response::new(Body::from(shared_page(&share, &asset)));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
        headers.insert(header::CACHE_CONTROL, NOT_KEPT);
        Ok(unlisted(response))
    })
}

/// The page: made on the server, without a script, a font or a request to anywhere else.
fn shared_page(share: &Share, asset: &Asset) -> String {
    let named = share.title.as_deref().or(asset.name.as_deref());
    let title = escaped(named.unwrap_or("Shared with you"));
    let content = format!("/share/{}/content", share.slug);
    let size = match (asset.facts.width, asset.facts.height) {
        (Some(width), Some(height)) => format!(" width=\"{width}\" height=\"{height}\""),
        _ => String::new(),
    };
    let shown = match asset.media_type.kind() {
        FileKind::Image => format!("<img src=\"{content}\" alt=\"{title}\"{size}>"),
        FileKind::Audio => format!("<audio src=\"{content}\" controls preload=\"metadata\"></audio>"),
        FileKind::Video => format!("<video src=\"{content}\" controls preload=\"metadata\"{size}></video>"),
        FileKind::Dataset => String::new(),
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"robots\" content=\"noindex\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n<main>\n<h1>{title}</h1>\n{shown}\n\
         <p><a href=\"{content}\" download>Download</a> <small>{} · {} bytes</small></p>\n</main>\n",
        asset.media_type.as_str(),
        asset.bytes,
    )
}

const STYLE: &str = ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:0}\
    main{max-width:60rem;margin:0 auto;padding:2rem 1.25rem}h1{font-size:1.4rem;overflow-wrap:anywhere}\
    img,video{max-width:100%;height:auto;border-radius:8px}audio{width:100%}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_asked_for_in_both_ways() {
        let id = "019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b";
        let read = |body: Value| read_share(&body).map(|(asset, title)| (asset.to_string(), title));
        let old =
            |content: Value| json!({ "type": "image", "content": content, "metadata": { "title": "a\u{202e}b" } });
        let titled = Ok((id.to_owned(), Some("ab".to_owned())));
        assert_eq!(read(json!({ "assetId": id })), Ok((id.to_owned(), None)));
        assert_eq!(read(json!({ "assetId": id, "title": " ab\n" })), titled);
        assert_eq!(read(old(json!({ "assetId": id }))), titled);
        assert_eq!(
            read(old(json!({ "prompt": "x", "imageUrl": format!("https://s.example/api/v1/assets/{id}") }))),
            titled
        );
        for bad in [
            json!({}),
            json!([]),
            json!({ "assetId": 5 }),
            json!({ "assetId": "5" }),
            json!({ "assetId": id, "more": 1 }),
            old(json!({ "url": "https://elsewhere.example/x.png" })),
            old(json!("x")),
        ] {
            assert!(read_share(&bad).is_err(), "{bad}");
        }
    }
}
