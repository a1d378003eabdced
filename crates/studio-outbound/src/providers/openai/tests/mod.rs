//! Against an emulator that misbehaves on real sockets: each fault is told as what it means for the money.

mod chat;
mod image;

use super::*;
use studio_testkit::openai::{KEY, OpenAi};

const LONG: Duration = Duration::from_secs(20);

fn provider(base_url: String, key: Option<&str>) -> OpenAiProvider {
    let api_key = key.map(Secret::new);
    OpenAiProvider::new(OpenAiSettings {
        name: "lab".into(),
        base_url,
        api_key,
        own_key: false,
        max_completion_tokens: true,
    })
}

fn at(api: &OpenAi) -> OpenAiProvider {
    provider(api.base_url(), Some(KEY))
}
