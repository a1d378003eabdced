//! What a handler is given: a request that has passed the door.

pub(crate) use super::caller::Caller;
use super::{body::Lent, csrf::Way, flights::Flight, refusal::Refusal};
use crate::commands::GivenKeys;
use http::{HeaderMap, header::HeaderName};
use serde_json::Value;
use std::{collections::BTreeMap, net::IpAddr, time::Duration};
use studio_core::{id::RequestId, idempotency::IdempotencyRecord, job::Job, time::Timestamp};
use tokio_util::sync::CancellationToken;

/// A request that has passed the door.
pub(crate) struct Call {
    /// Its id.
    pub(crate) request: RequestId,
    /// The caller's own name for it.
    pub(crate) request_name: Option<String>,
    /// When it came.
    pub(crate) now: Timestamp,
    /// Path parameters by name.
    pub(crate) path: BTreeMap<&'static str, String>,
    /// Query parameters by name.
    pub(crate) query: BTreeMap<String, String>,
    /// It is only tried (`?dryRun=true`): nothing is to be made or held.
    pub(crate) tried: bool,
    /// It came by a path of the system that this one replaces.
    pub(crate) legacy: bool,
    /// Headers.
    pub(crate) headers: HeaderMap,
    /// From which address.
    pub(crate) from: Option<IpAddr>,
    /// How it came in: by https or not, and what our origin is then.
    pub(crate) way: Way,
    /// The JSON body, where the row takes one.
    pub(crate) json: Value,
    /// The fields of the form, where the row takes one.
    pub(crate) form: BTreeMap<String, String>,
    /// What is to be told of that, beside what is found in it later.
    pub(crate) warnings: Vec<String>,
    /// The body as it comes, where the row takes a stream.
    pub(crate) body: Lent,
    /// Keys for providers that came with it, where the row may need one.
    pub(crate) own_keys: GivenKeys,
    /// By what a repeat finds what this request makes.
    pub(crate) idempotency: Option<IdempotencyRecord>,
    /// The job that the same request made before.
    pub(crate) replayed: Option<Job>,
    /// Falls when the connection has gone: nobody will read the answer.
    pub(crate) gone: CancellationToken,
    /// Held while no other request with the same idempotency key may pass; to be dropped once its job is admitted.
    pub(super) turn: Option<Flight>,
}

impl Call {
    /// A path parameter.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// How long the caller wants HTTP to stay open: `Prefer: wait=N` (RFC 7240), in seconds.
    pub(crate) fn patience(&self, usual: Duration, longest: Duration) -> Result<Duration, Refusal> {
        let prefer = HeaderName::from_static("prefer");
        let values = self.headers.get_all(prefer).iter().filter_map(|value| value.to_str().ok());
        let mut preferences = values.flat_map(|value| value.split([',', ';'])).map(str::trim);
        let Some(wait) = preferences.find_map(|preference| preference.strip_prefix("wait=")) else {
            return Ok(usual);
        };
        let longest = longest.as_secs();
        match wait.trim_matches('"').parse::<u64>() {
            Ok(seconds) if seconds <= longest => Ok(Duration::from_secs(seconds)),
            _ => Err(Refusal::invalid_field(
                "Prefer",
                format!("wait must be a whole number of seconds from 0 to {longest}"),
            )),
        }
    }
}
