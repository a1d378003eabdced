//! The rows of what people keep here: uploads, what jobs made, and the pages by which they show it.

use super::{Access, BodyRule, Cost, LIMIT, NEXT, Query, QueryKind, READS, Route, Shape, Verb, api, get, post};
use crate::settings::JSON_BODY_LIMIT;
use studio_core::{
    caller::Scope,
    limits::LimitClass::{Asset, Control, Open, Upload},
};

use Access::{Key, Public};
use Cost::{Read, Write};

const KINDS: &[&str] = &["image", "audio", "video", "dataset"];

const ASSET_QUERY: &[Query] = &[
    Query::new("kind", QueryKind::Choice(KINDS), "Only assets of this kind"),
    Query::new("origin", QueryKind::Choice(&["uploaded", "sent", "made"]), "Only what came so"),
    LIMIT,
    NEXT,
];

const UPLOAD_QUERY: &[Query] = &[
    Query::new("name", QueryKind::FileName, "What the file is called; its ending must say what it is"),
    Query::new("kind", QueryKind::Choice(KINDS), "As what it is to be taken"),
    Query::new(
        "keepMetadata",
        QueryKind::Boolean,
        "`true`: what a file says of where, when and by what it was made stays in it",
    ),
];

/// Every row.
pub(super) const ROWS: &[Route] = &[
    get(
        "/api/v1/assets/{id}",
        Key(Scope::Read, api::get_asset),
        (Some(Asset), Read),
        &[(200, Shape::Bytes), (206, Shape::Bytes), (304, Shape::Nothing)],
        "Fetch the bytes of an asset, whole or a range",
    ),
    Route {
        query: ASSET_QUERY,
        ..get(
            "/api/v1/assets",
            Key(Scope::Read, api::list_assets),
            READS,
            &[(200, Shape::Assets)],
            "List what you uploaded and what was made for you, newest first",
        )
    },
    get(
        "/api/v1/assets/{id}/details",
        Key(Scope::Read, api::get_details),
        READS,
        &[(200, Shape::Asset)],
        "See what is known of an asset",
    ),
    get(
        "/api/v1/assets/{id}/thumbnail",
        Key(Scope::Read, api::get_thumbnail),
        (Some(Asset), Read),
        &[(200, Shape::Thumbnail), (206, Shape::Thumbnail), (304, Shape::Nothing)],
        "Fetch a small picture of an asset",
    ),
    Route {
        body: BodyRule::File,
        query: UPLOAD_QUERY,
        legacy: &["/api/upload"],
        ..post(
            "/api/v1/upload",
            Key(Scope::Generate, api::upload),
            (Upload, Write),
            &[(200, Shape::Asset)],
            "Bring a file: a picture, sound, a film, or things to learn from",
        )
    },
    Route {
        body: BodyRule::Json(JSON_BODY_LIMIT, "ShareRequest"),
        legacy: &["/api/share"],
        refuses: &[(404, "There is no such asset, or it is another's")],
        ..post(
            "/api/v1/share",
            Key(Scope::Generate, api::share),
            (Control, Write),
            &[(200, Shape::Share)],
            "Show an asset to whoever knows the address of its page",
        )
    },
    Route {
        query: &[LIMIT, NEXT],
        ..get(
            "/api/v1/shares",
            Key(Scope::Read, api::list_shares),
            READS,
            &[(200, Shape::Shares)],
            "List the pages by which you show assets, newest first",
        )
    },
    get(
        "/api/v1/share/{slug}",
        Public(api::get_shared),
        (Some(Open), Read),
        &[(200, Shape::Shared)],
        "See what a page shows",
    ),
    get("/share/{slug}", Public(api::get_shared_page), (Some(Open), Read), &[(200, Shape::Page)], "Such a page"),
    get(
        "/share/{slug}/content",
        Public(api::get_shared_content),
        (Some(Open), Read),
        &[(200, Shape::Bytes), (206, Shape::Bytes), (304, Shape::Nothing)],
        "The bytes that such a page shows",
    ),
    get(
        "/share/{slug}/thumbnail",
        Public(api::get_shared_thumbnail),
        (Some(Open), Read),
        &[(200, Shape::Thumbnail), (206, Shape::Thumbnail), (304, Shape::Nothing)],
        "A small picture of what such a page shows",
    ),
    Route {
        method: Verb::Delete,
        ..post(
            "/api/v1/shares/{slug}",
            Key(Scope::Generate, api::end_share),
            (Control, Write),
            &[(200, Shape::Done)],
            "End such a page, at once",
        )
    },
    Route {
        method: Verb::Delete,
        refuses: &[(409, "A job that is not over needs it")],
        ..post(
            "/api/v1/assets/{id}",
            Key(Scope::Generate, api::delete_asset),
            (Control, Write),
            &[(200, Shape::Done)],
            "Remove an asset, and end all pages that show it",
        )
    },
];
