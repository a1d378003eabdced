//! Every setting of the server with its default, its unit and what it is for. `studio.toml`, the environment and flags are
//! read elsewhere (the program) and end here.

mod constants;
mod uploads;

pub use constants::*;
pub use uploads::{ByteSize, NotASize, USUAL_QUOTA, UploadSettings};

use serde::Deserialize;
use studio_core::limits::{LimitClass, Rate};

/// How much may be asked for, as configured. What is not said is usual.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSettings {
    /// [`LimitClass::Generation`]: `10/min`.
    pub generation: Option<Rate>,
    /// [`LimitClass::Chat`]: `60/min`.
    pub chat: Option<Rate>,
    /// [`LimitClass::Status`]: `60/min`.
    pub status: Option<Rate>,
    /// [`LimitClass::Asset`]: `600/min`.
    pub asset: Option<Rate>,
    /// [`LimitClass::Upload`]: `60/min`.
    pub upload: Option<Rate>,
    /// [`LimitClass::Control`]: `600/min`.
    pub control: Option<Rate>,
    /// [`LimitClass::Open`]: `600/min`.
    pub open: Option<Rate>,
    /// [`LimitClass::Auth`]: `10/15min`.
    pub auth: Option<Rate>,
    /// Most requests of one user that may stay for long at once.
    pub at_once: Option<usize>,
    /// Most jobs that may wait at a provider.
    pub queued: Option<u64>,
    /// Most of these of one user.
    pub queued_per_user: Option<u64>,
    /// Most connections at once, where the system allows as many files.
    pub connections: Option<usize>,
}

impl LimitSettings {
    /// What is configured for a class.
    pub fn of(&mut self, class: LimitClass) -> &mut Option<Rate> {
        match class {
            LimitClass::Generation => &mut self.generation,
            LimitClass::Chat => &mut self.chat,
            LimitClass::Status => &mut self.status,
            LimitClass::Asset => &mut self.asset,
            LimitClass::Upload => &mut self.upload,
            LimitClass::Control => &mut self.control,
            LimitClass::Open => &mut self.open,
            LimitClass::Auth => &mut self.auth,
        }
    }

    /// The limit of a class: configured, or the default.
    pub fn rate(&self, class: LimitClass) -> Rate {
        let configured = match class {
            LimitClass::Generation => self.generation,
            LimitClass::Chat => self.chat,
            LimitClass::Status => self.status,
            LimitClass::Asset => self.asset,
            LimitClass::Upload => self.upload,
            LimitClass::Control => self.control,
            LimitClass::Open => self.open,
            LimitClass::Auth => self.auth,
        };
        configured.unwrap_or_else(|| class.default_rate())
    }
}

/// How the outside sees the server.
#[derive(Debug, Clone, Default)]
pub struct Front {
    /// Origins whose pages may read our answers, as browsers write them.
    pub origins: Vec<String>,
    /// Proxies in front of it, whose word on where a request comes from is taken.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Whether people come by https, so that browsers are to insist on it.
    pub https: bool,
    /// The origin by which people come, as browsers write it, where it is configured.
    pub origin: Option<String>,
}

/// What a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// Cog's HTTP prediction API.
    Cog,
    /// OpenAI's API.
    #[serde(rename = "openai")]
    OpenAi,
}

/// Settings of one provider.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderSettings {
    /// What it speaks.
    pub kind: Option<ProviderKind>,
    /// Where it is.
    pub base_url: Option<String>,
    /// The key that it wants.
    pub api_key: Option<studio_core::secret::Secret>,
    /// How many jobs it may have at once.
    pub concurrency: Option<usize>,
    /// How many of these may be of one user.
    pub per_user: Option<u32>,
    /// Whether people may bring their own keys for it; of OpenAI they may unless this says no, of others only if it says yes.
    pub own_keys: Option<bool>,
    /// Whether it can be asked after its work, as our own engines can: `GET /predictions/{id}`.
    pub polled: bool,
}
