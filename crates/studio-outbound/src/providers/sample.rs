//! Jobs to test adapters with.

use bytes::Bytes;
use serde_json::Value;
use std::collections::HashMap;
use studio_core::{
    catalog::Modality,
    id::{AssetId, JobId, RequestId, UserId},
    job::{ContentHash, Durability, Job, NewJob, Payer, Status},
    media::MediaType,
    money::Nanos,
    parameter::Parameters,
    request::{ChatRequest, Format, ImageRequest, Input, Message, Picture, Role},
    secret::Prompt,
    time::Timestamp,
};

const NOW: Timestamp = Timestamp::from_millis(1_795_600_000_000);

/// A job for pictures, about to be submitted for the first time.
pub(super) fn job(parameters: Parameters) -> Job {
    of(Modality::Image, Input::Image(ImageRequest::new(Prompt::new("a sea"), parameters)))
}

/// A job for the next message of a conversation.
pub(super) fn chat_job(request: ChatRequest) -> Job {
    of(Modality::Chat, Input::Chat(request))
}

/// A conversation of one question, its answer to be said piece by piece.
pub(super) fn chat(parameters: Value) -> ChatRequest {
    ChatRequest {
        messages: vec![Message::text(Role::User, "why is the \"sea\" 🌊 blue?")],
        tools: Vec::new(),
        tool_choice: None,
        format: Format::Text,
        stop: Vec::new(),
        streams: true,
        parameters: serde_json::from_value(parameters).unwrap(),
    }
}

/// A picture for a message, and its bytes.
pub(super) fn picture() -> (Picture, Bytes) {
    let bytes = Bytes::from_static(b"\x89PNG");
    let picture = Picture {
        asset: AssetId::new(NOW, [4; 10]),
        hash: ContentHash([5; 32]),
        media_type: MediaType::Png,
        bytes: 4,
        tokens: 0,
        raster: None,
    };
    (picture, bytes)
}

/// No pictures are shown.
pub(super) fn no_pictures() -> &'static HashMap<ContentHash, Bytes> {
    static NONE: std::sync::LazyLock<HashMap<ContentHash, Bytes>> = std::sync::LazyLock::new(HashMap::new);
    &NONE
}

fn of(modality: Modality, input: Input) -> Job {
    let user = UserId::new(NOW, [1; 10]);
    Job {
        status: Status::Submitting,
        version: 2,
        attempt: 1,
        ..NewJob {
            id: JobId::new(NOW, [2; 10]),
            owner: user,
            payer: Payer::User(user),
            request: RequestId::new(NOW, [3; 10]),
            modality,
            model: "m".into(),
            provider: "lab".into(),
            upstream: "m".into(),
            input,
            deadline: None,
            durability: Durability::Power,
            hold: Nanos::ZERO,
            price_list: None,
            warnings: Vec::new(),
            now: NOW,
        }
        .queued()
    }
}
