//! Providers: configured, with a key, answering; and models whose provider is none of these.

use super::Findings;
use crate::{
    config::Config,
    wiring::{ENGINES, OPENAI, configured},
};
use std::collections::BTreeSet;
use studio_core::catalog::Catalog;
use studio_outbound::{
    client::Door,
    providers::{
        openai::OPENAI_BASE_URL,
        reach::{Reached, reach},
    },
};
use studio_server::settings::{ProviderKind, ProviderSettings};

pub(super) async fn look(config: &Config, findings: &mut Findings) {
    let mut usable: BTreeSet<&str> = ENGINES.into();
    findings.ok("providers", format!("built in: {}", ENGINES.join(", ")));
    let door = Door::new();
    for (name, settings) in config.providers.iter().filter(|(name, _)| !ENGINES.contains(&name.as_str())) {
        let check = format!("provider {name}");
        match configured(name, settings) {
            Err(error) => findings.fail(&check, format!("{error:#}"), "mend it in studio.toml, or in its variables"),
            Ok(lane) if !lane.has_key => findings.warn(
                &check,
                match lane.takes_own_keys {
                    true => "its key is missing, so its models are there only for those who bring their own",
                    false => "its key is missing, so its models are not available",
                },
                format!("api_key in [providers.{name}]{}", if name == OPENAI { ", or OPENAI_API_KEY" } else { "" }),
            ),
            Ok(_) => {
                usable.insert(name);
                ask(&door, &check, name, settings, findings).await;
            }
        }
    }
    match Catalog::load(&config.models) {
        Ok(catalog) => models(&catalog, config, &usable, findings),
        Err(error) => findings.fail("models", format!("{error}"), "mend [[models]] in studio.toml"),
    }
}

async fn ask(door: &Door, check: &str, name: &str, settings: &ProviderSettings, findings: &mut Findings) {
    let base_url = settings.base_url.as_deref().unwrap_or(OPENAI_BASE_URL);
    let place = without_secrets(base_url);
    let cog = settings.kind == Some(ProviderKind::Cog);
    let path = if cog { "/health-check" } else { "/models" };
    let key = settings.api_key.as_ref().filter(|key| !key.expose().is_empty());
    let keyed = if key.is_some() { "with a key" } else { "without a key" };
    match reach(door, base_url, path, key).await {
        Reached::Answers => {
            findings.ok(check, format!("{place} answers, {keyed}"));
        }
        Reached::Refused if key.is_some() => findings.fail(
            check,
            format!("{place} does not accept the key"),
            format!("look the account up there, and put the right key into [providers.{name}] api_key"),
        ),
        Reached::Refused => findings.fail(
            check,
            format!("{place} wants a key"),
            format!("put it into [providers.{name}] api_key, or STUDIO_PROVIDERS__<NAME>__API_KEY"),
        ),
        Reached::Ailing(status) => {
            findings.warn(check, format!("{place} answers with {status}"), "look at its own log or status page");
        }
        Reached::Not(error) => findings.fail(
            check,
            format!("{place} can't be reached: {error}"),
            format!("is it running, and is base_url of [providers.{name}] right? Its jobs fail until then"),
        ),
    }
}

/// Scheme, host and port: names and passwords before them, and what follows, may be secret.
pub(super) fn without_secrets(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}")
}

/// This machine, or a private network, where http is usual.
pub(super) fn is_near(place: &str) -> bool {
    let host = place.split_once("://").map_or(place, |(_, host)| host);
    let name = host.strip_prefix('[').and_then(|rest| rest.split(']').next());
    let name = name.unwrap_or_else(|| host.split(':').next().unwrap_or_default());
    match name.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(address)) => address.is_loopback() || address.is_private(),
        Ok(std::net::IpAddr::V6(address)) => address.is_loopback() || address.is_unique_local(),
        Err(_) => name == "localhost" || !name.contains('.'),
    }
}

/// A model of our own catalog may wait for a provider that nobody wants; one that someone configured is meant.
fn models(catalog: &Catalog, config: &Config, usable: &BTreeSet<&str>, findings: &mut Findings) {
    let (mut ready, mut waiting) = (0, BTreeSet::new());
    for model in catalog.models() {
        if usable.contains(model.provider.as_str()) {
            ready += 1;
        } else if config.models.iter().any(|entry| entry.id() == model.id) {
            findings.warn(
                "models",
                format!("{} is not available: its provider {} is not configured", model.id, model.provider),
                format!("[providers.{}] in studio.toml", model.provider),
            );
        } else {
            waiting.insert(model.provider.as_str());
        }
    }
    let waiting: Vec<_> = waiting.into_iter().collect();
    let rest = if waiting.is_empty() { String::new() } else { format!("; others wait for {}", waiting.join(", ")) };
    findings.ok("models", format!("{ready} are available{rest}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_without_what_may_be_secret() {
        for (url, told) in [
            ("https://api.openai.com/v1", "https://api.openai.com"),
            ("http://me:secret@10.0.0.7:5000/v1?key=secret", "http://10.0.0.7:5000"),
            ("http://host?key=secret", "http://host"),
        ] {
            assert_eq!(without_secrets(url), told);
        }
        for (place, near) in [
            ("http://127.0.0.1:1", true),
            ("http://gpu:5000", true),
            ("http://[::1]:5000", true),
            ("http://192.168.1.2", true),
            ("http://example.com", false),
            ("http://8.8.8.8:80", false),
        ] {
            assert_eq!(is_near(place), near, "{place}");
        }
    }
}
