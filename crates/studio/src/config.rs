//! Configuration: `studio.toml`, then the environment, then flags; the later one wins. Everything has a working default.
//! Unknown keys in the file are refused, unknown `STUDIO_*` variables are warned of: the one is a typo in a file meant for
//! us, the other may be meant for something else.
//!
//! Variables by which a provider's own tools know its key, such as `OPENAI_API_KEY`, are not meant for us alone: they fill
//! in what nothing else says.

use crate::arguments::Shared;
use anyhow::{Context, bail};
use ipnet::IpNet;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};
use studio_core::{catalog::ModelEntry, job::Durability, limits::LimitClass, secret::Secret};
use studio_server::{
    http::is_origin,
    settings::{Front, LimitSettings, ProviderKind, ProviderSettings, UploadSettings},
};

/// The file that is read when none is named.
const USUAL_FILE: &str = "studio.toml";
/// Variables that flags read themselves, or other parts of the program.
const VARIABLES: [&str; 5] = ["STUDIO_DATA", "STUDIO_CONFIG", "STUDIO_LISTEN", "STUDIO_KEY", "STUDIO_WORKER_TOKEN"];

/// Providers' well-known variables: name, provider, setting.
const WELL_KNOWN: [(&str, &str, &str); 2] =
    [("OPENAI_API_KEY", "openai", "API_KEY"), ("OPENAI_BASE_URL", "openai", "BASE_URL")];

/// Everything that can be configured.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Where to listen.
    pub(crate) listen: Option<SocketAddr>,
    /// The data folder.
    data: Option<PathBuf>,
    /// Where people find it, such as `https://studio.example.com`.
    pub(crate) public_url: Option<String>,
    /// What it is run for.
    mode: Option<Mode>,
    /// Proxies in front of it, as addresses or networks: `10.0.0.0/8`.
    trusted_proxies: Vec<String>,
    /// Pages of other origins.
    cors: Cors,
    /// What to log: `info`, `debug`, `studio_server=debug,warn`.
    pub(crate) log: Option<String>,
    /// How to log.
    pub(crate) log_format: LogFormat,
    /// What the answers to synchronous conversations survive: `process`, or `power`, which costs a sync of the disk each.
    pub(crate) durability: Option<Durability>,
    /// Master keys, in place of the file in the data folder. Only from the environment: a configuration file is copied about.
    #[serde(skip)]
    pub(crate) secret_key: Option<Secret>,
    /// How long what is over is remembered.
    retention: Retention,
    /// How much may be uploaded.
    pub(crate) uploads: UploadSettings,
    /// Rate limits.
    pub(crate) limits: LimitSettings,
    /// Providers, by name.
    pub(crate) providers: BTreeMap<String, ProviderSettings>,
    /// Models over the built-in catalog.
    pub(crate) models: Vec<ModelEntry>,
    /// The file that was read and holds keys of providers, if it does.
    #[serde(skip)]
    pub(crate) file_of_keys: Option<PathBuf>,
    /// What to warn of once there is a log.
    #[serde(skip)]
    pub(crate) warnings: Vec<String>,
}

/// Which pages of other origins may read our answers.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Cors {
    /// Their origins, such as `https://app.example.com`.
    origins: Vec<String>,
}

/// How long what is over is remembered.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Retention {
    /// In days; for ever, unless said.
    jobs_days: Option<u32>,
}

/// Fewer days would forget the names of requests before they may be forgotten (design.md, "Idempotency").
const LEAST_DAYS: u32 = 7;

/// What a studio is run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// For people: nothing that only eases development is allowed.
    Production,
    /// To try things.
    Development,
}

impl Mode {
    /// As in the configuration.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Development => "development",
        }
    }
}

/// How log lines look.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    /// For people; `pretty` means the same.
    #[default]
    #[serde(alias = "pretty")]
    Text,
    /// For machines.
    Json,
}

impl Config {
    /// The data folder.
    pub(crate) fn data(&self) -> &Path {
        self.data.as_deref().unwrap_or_else(|| Path::new("data"))
    }

    /// What it is run for: as said, or else for people where they come by https.
    pub(crate) fn mode(&self) -> Mode {
        let https = self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
        self.mode.unwrap_or(if https { Mode::Production } else { Mode::Development })
    }

    /// How the outside sees the server.
    pub(crate) fn front(&self) -> anyhow::Result<Front> {
        for origin in &self.cors.origins {
            if !is_origin(origin) {
                bail!(
                    "[cors] origins: {origin:?} must be an origin as browsers write it, such as https://app.example.com: \
                     no path, no capital letters, no *"
                );
            }
        }
        let network = |text: &String| {
            let address = text.parse::<IpAddr>().map(IpNet::from);
            address.or_else(|_| text.parse::<IpNet>()).with_context(|| {
                format!("trusted_proxies: {text:?} must be an address or a network, such as 10.0.0.0/8")
            })
        };
        let origin = self.public_url.as_deref().map(origin_of).transpose()?;
        let https = origin.as_ref().is_some_and(|origin| origin.starts_with("https://"));
        let trusted_proxies = self.trusted_proxies.iter().map(network).collect::<anyhow::Result<_>>()?;
        Ok(Front { origins: self.cors.origins.clone(), trusted_proxies, https, origin })
    }

    /// How long what is over is remembered. None: for ever.
    pub(crate) fn retention(&self) -> anyhow::Result<Option<Duration>> {
        match self.retention.jobs_days {
            Some(days) if days < LEAST_DAYS => {
                bail!("[retention] jobs_days must be at least {LEAST_DAYS}: so long a repeated request finds its job")
            }
            days => Ok(days.map(|days| Duration::from_secs(u64::from(days) * 24 * 3600))),
        }
    }
}

/// The origin of an address, as browsers write it: without a path, in small letters, without the port that goes without saying.
fn origin_of(url: &str) -> anyhow::Result<String> {
    let small = url.to_ascii_lowercase();
    let (scheme, rest) = small.split_once("://").unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => bail!("public_url: {url:?} must begin with https:// or http://"),
    };
    let origin = format!("{scheme}://{}", host.strip_suffix(port).unwrap_or(host));
    if !is_origin(&origin) {
        bail!("public_url: {url:?} must name a host, such as https://studio.example.com");
    }
    Ok(origin)
}

/// Reads everything.
pub(crate) fn load(shared: &Shared) -> anyhow::Result<Config> {
    let mut config = read_file(shared.config.as_deref())?;
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    let variables = std::env::vars_os();
    let mut well_known = Vec::new();
    for (name, value) in variables {
        // Others' variables may hold any bytes; they are none of our business.
        let Some(name) = name.to_str() else { continue };
        let known = WELL_KNOWN.iter().find(|(variable, ..)| *variable == name);
        if known.is_none() && !name.starts_with("STUDIO_") {
            continue;
        }
        let Some(value) = value.to_str() else { bail!("environment variable {name} is not UTF-8") };
        match known {
            Some((_, provider, setting)) => well_known.push((*provider, *setting, value.to_owned())),
            None => lay(&mut config, name, value).with_context(|| format!("environment variable {name}"))?,
        }
    }
    well_known.sort_by_key(|(_, setting, _)| *setting != "BASE_URL");
    well_known.iter().for_each(|(provider, setting, value)| fill(&mut config, provider, setting, value));
    if let Some(data) = &shared.data {
        config.data = Some(data.clone());
    }
    Ok(config)
}

fn read_file(named: Option<&Path>) -> anyhow::Result<Config> {
    let path = named.unwrap_or_else(|| Path::new(USUAL_FILE));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => return Ok(Config::default()),
        Err(error) => return Err(error).with_context(|| format!("configuration file {}", path.display())),
    };
    let mut config: Config = toml::from_str(&text).with_context(|| format!("configuration file {}", path.display()))?;
    if config.providers.values().any(|provider| provider.api_key.is_some()) {
        config.file_of_keys = Some(path.to_owned());
    }
    Ok(config)
}

/// Lays one variable over what was read.
fn lay(config: &mut Config, name: &str, value: &str) -> anyhow::Result<()> {
    let pieces: Vec<_> = name.trim_start_matches("STUDIO_").split("__").collect();
    match pieces.as_slice() {
        ["LOG"] => config.log = Some(value.to_owned()),
        ["LOG_FORMAT"] => {
            config.log_format = match value {
                "text" | "pretty" => LogFormat::Text,
                "json" => LogFormat::Json,
                _ => bail!("must be text, pretty (the same) or json"),
            }
        }
        ["MODE"] => {
            config.mode = match value {
                "production" => Some(Mode::Production),
                "development" => Some(Mode::Development),
                _ => bail!("must be production or development"),
            }
        }
        ["DURABILITY"] => {
            config.durability = match value {
                "process" => Some(Durability::Process),
                "power" => Some(Durability::Power),
                _ => bail!("must be process or power"),
            }
        }
        ["SECRET_KEY"] => config.secret_key = Some(Secret::new(value)).filter(|key| !key.expose().trim().is_empty()),
        ["RETENTION", "JOBS_DAYS"] => {
            config.retention.jobs_days = Some(value.parse().context("must be a whole number of days")?);
        }
        ["LIMITS", class] if LimitClass::parse(&class.to_ascii_lowercase()).is_some() => {
            let class = LimitClass::parse(&class.to_ascii_lowercase()).context("a class")?;
            *config.limits.of(class) = Some(value.parse()?);
        }
        ["LIMITS", "AT_ONCE"] => config.limits.at_once = Some(value.parse().context("must be a whole number")?),
        ["PUBLIC_URL"] => config.public_url = Some(value.to_owned()),
        ["TRUSTED_PROXIES"] => config.trusted_proxies = listed(value),
        ["CORS", "ORIGINS"] => config.cors.origins = listed(value),
        ["LIMITS", "QUEUED"] => config.limits.queued = Some(value.parse().context("must be a whole number")?),
        ["LIMITS", "QUEUED_PER_USER"] => {
            config.limits.queued_per_user = Some(value.parse().context("must be a whole number")?);
        }
        ["LIMITS", "CONNECTIONS"] => {
            config.limits.connections = Some(value.parse().context("must be a whole number")?);
        }
        ["UPLOADS", setting] => {
            if !config.uploads.lay(setting, value).map_err(anyhow::Error::msg)? {
                config.warnings.push(format!("{name} is not a setting of uploads; it is ignored"));
            }
        }
        ["PROVIDERS", provider, setting] => {
            let known = |name: &&String| name.replace('-', "_").eq_ignore_ascii_case(provider);
            let provider =
                config.providers.keys().find(known).cloned().unwrap_or_else(|| provider.to_ascii_lowercase());
            let settings = config.providers.entry(provider).or_default();
            match *setting {
                "KIND" => {
                    settings.kind = match value {
                        "cog" => Some(ProviderKind::Cog),
                        "openai" => Some(ProviderKind::OpenAi),
                        _ => bail!("must be cog or openai"),
                    }
                }
                "BASE_URL" => settings.base_url = Some(value.to_owned()),
                "API_KEY" => settings.api_key = Some(Secret::new(value)),
                "CONCURRENCY" => settings.concurrency = Some(value.parse().context("must be a whole number")?),
                "PER_USER" => settings.per_user = Some(value.parse().context("must be a whole number")?),
                "OWN_KEYS" => settings.own_keys = Some(value.parse().context("must be true or false")?),
                "POLLED" => settings.polled = value.parse().context("must be true or false")?,
                _ => config.warnings.push(format!("{name} is not a setting of a provider; it is ignored")),
            }
        }
        _ if VARIABLES.contains(&name) => {}
        _ => config.warnings.push(format!("{name} is not a setting of the studio; it is ignored")),
    }
    Ok(())
}

/// The items of a list in a variable, between commas.
fn listed(value: &str) -> Vec<String> {
    value.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
}

/// Fills in a setting of a provider that nothing else has said. An empty variable says nothing; what runs something else
/// under that name does not get the key.
fn fill(config: &mut Config, provider: &str, setting: &str, value: &str) {
    let value = value.trim();
    let taken = config.providers.get(provider).is_some_and(|settings| settings.kind == Some(ProviderKind::Cog));
    if value.is_empty() || taken {
        return;
    }
    let settings = config.providers.entry(provider.to_owned()).or_default();
    // A key that was said elsewhere is not sent to an address of the shell; so addresses are filled in first.
    if setting == "BASE_URL" && settings.api_key.is_some() {
        return;
    }
    match setting {
        "API_KEY" => drop(settings.api_key.get_or_insert_with(|| Secret::new(value))),
        _ => drop(settings.base_url.get_or_insert_with(|| value.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_is_as_browsers_write_it() {
        for (url, origin) in [
            ("https://Studio.Example.com/", "https://studio.example.com"),
            ("https://studio.example.com:443/path?x", "https://studio.example.com"),
            ("http://10.0.0.7:8080", "http://10.0.0.7:8080"),
            ("http://[::1]:80", "http://[::1]"),
        ] {
            assert_eq!(origin_of(url).unwrap(), origin);
        }
        for bad in ["studio.example.com", "ftp://a", "https://", "https:///x", "https://a b"] {
            assert!(origin_of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_file_with_an_unknown_key_is_refused_by_name() {
        let error = toml::from_str::<Config>("lisen = \"127.0.0.1:1\"").unwrap_err();
        assert!(error.to_string().contains("lisen"), "{error}");
    }

    #[test]
    fn the_environment_lies_over_the_file() {
        let mut config: Config = toml::from_str(
            "[limits]\ngeneration = \"5/min\"\n[providers.my-gpu]\nkind = \"cog\"\nbase_url = \"http://10.0.0.7:5000\"",
        )
        .unwrap();
        lay(&mut config, "STUDIO_LIMITS__GENERATION", "9/s").unwrap();
        lay(&mut config, "STUDIO_PROVIDERS__MY_GPU__API_KEY", "0123").unwrap();
        lay(&mut config, "STUDIO_PROVIDERS__OTHER__BASE_URL", "http://x").unwrap();
        lay(&mut config, "STUDIO_NONSENSE", "1").unwrap();
        assert_eq!(config.limits.generation, Some("9/s".parse().unwrap()));
        assert_eq!(config.providers["my-gpu"].api_key, Some(Secret::new("0123")));
        assert!(config.providers.contains_key("other"));
        assert!(config.warnings[0].contains("STUDIO_NONSENSE"));
        assert!(lay(&mut config, "STUDIO_LIMITS__GENERATION", "many").is_err());
        lay(&mut config, "STUDIO_PROVIDERS__OTHER__KIND", "openai").unwrap();
        assert_eq!(config.providers["other"].kind, Some(ProviderKind::OpenAi));
        assert!(lay(&mut config, "STUDIO_PROVIDERS__OTHER__KIND", "magic").is_err());
    }

    #[test]
    fn the_log_has_two_formats_and_three_words_for_them() {
        for (word, format) in [("text", LogFormat::Text), ("pretty", LogFormat::Text), ("json", LogFormat::Json)] {
            let config: Config = toml::from_str(&format!("log_format = \"{word}\"")).unwrap();
            assert_eq!(config.log_format, format);
            let mut config = Config { log_format: LogFormat::Json, ..Config::default() };
            lay(&mut config, "STUDIO_LOG_FORMAT", word).unwrap();
            assert_eq!(config.log_format, format);
        }
        assert!(lay(&mut Config::default(), "STUDIO_LOG_FORMAT", "xml").is_err());
    }

    #[test]
    fn well_known_variables_fill_in_what_nothing_else_says() {
        let said = |file: &str| {
            let mut config: Config = toml::from_str(file).unwrap();
            fill(&mut config, "openai", "BASE_URL", "http://env/v1");
            fill(&mut config, "openai", "API_KEY", " sk-env\n");
            let openai = config.providers.remove("openai").unwrap();
            (openai.api_key, openai.base_url)
        };
        let (key, url) = (|text: &str| Some(Secret::new(text)), |text: &str| Some(text.to_owned()));
        for (file, expected) in [
            ("", (key("sk-env"), url("http://env/v1"))),
            ("[providers.openai]\nconcurrency = 2", (key("sk-env"), url("http://env/v1"))),
            ("[providers.openai]\nkind = \"openai\"\napi_key = \"sk-file\"", (key("sk-file"), None)),
            ("[providers.openai]\nbase_url = \"http://file/v1\"", (key("sk-env"), url("http://file/v1"))),
            ("[providers.openai]\nkind = \"cog\"\nbase_url = \"http://file\"", (None, url("http://file"))),
        ] {
            assert_eq!(said(file), expected, "{file}");
        }
        let mut config = Config::default();
        fill(&mut config, "openai", "API_KEY", " ");
        assert!(config.providers.is_empty(), "an empty variable says nothing");
    }
}
