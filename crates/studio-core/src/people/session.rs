//! Sessions: what a browser has after signing in.

use super::{TokenHash, User};
use crate::{
    caller::base62,
    id::{SessionId, UserId},
    secret::Secret,
    time::Timestamp,
};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// A session that nobody used for so long has ended.
pub const SESSION_IDLE: Duration = Duration::from_secs(7 * 24 * 3600);
/// A session ends after so long, however much it is used.
pub const SESSION_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Most characters that are kept of what a browser calls itself.
pub const MAX_AGENT_CHARS: usize = 200;

/// A session as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id: a name to end it by, which opens nothing.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// All that we keep of its token.
    pub hash: TokenHash,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was used last, to the minute.
    pub last_seen_at: Timestamp,
    /// When it ends, however much it is used.
    pub expires_at: Timestamp,
    /// From where it began.
    pub network: Option<String>,
    /// What the browser called itself then, harmless to show.
    pub agent: Option<String>,
}

impl Session {
    /// Whether it opens anything at `now`, for a person as they are now.
    pub fn is_good(&self, user: &User, now: Timestamp) -> bool {
        user.is_active() && now < self.expires_at && now < self.last_seen_at.plus(SESSION_IDLE)
    }
}

/// What a page must send beside the cookie of a session to change anything: it follows from the session's token, so it need not
/// be kept, and whoever learns it does not learn the token.
pub fn csrf_token(session: &Secret) -> String {
    let digest = Sha256::new().chain_update("studio: csrf of session ").chain_update(session.expose()).finalize();
    // Every digest has enough good bytes but for one in some billions; such a one is written as what it is.
    let fallback = || digest.iter().map(|byte| format!("{byte:02x}")).collect();
    base62(&digest, 24).unwrap_or_else(fallback)
}

/// What a browser calls itself, bounded and in characters that can be seen: it will stand in a list.
pub fn shown_agent(text: &str) -> Option<String> {
    let shown: String =
        text.chars().take(MAX_AGENT_CHARS).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
    (!shown.trim().is_empty()).then_some(shown)
}
