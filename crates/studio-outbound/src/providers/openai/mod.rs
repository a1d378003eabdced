//! OpenAI, and every server that speaks its API.
//!
//! One request, one answer: the connection is held until the pictures are there. The API promises nothing about a request
//! that comes twice and can't be asked after one, so an answer that is lost stays lost; an `Idempotency-Key` would only look
//! like safety and is not sent. `X-Client-Request-Id` is the attempt's name: by it the provider's support finds a request.

mod wire;

#[cfg(test)]
mod tests;

use crate::{
    client::{Call, Door},
    providers::{
        exchange::{Answer, Trouble, exchange, show_key},
        outputs::INLINE_LIMIT,
    },
};
use async_trait::async_trait;
use bytes::Bytes;
use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use std::time::Duration;
use studio_core::{
    job::Job,
    ports::{Canceled, Capabilities, Destination, Lookup, Polled, Provider, Started, Submission},
    retry::{Failure, FailureKind},
    secret::Secret,
};
use wire::Refusal;

/// Where OpenAI itself is.
pub const OPENAI_BASE_URL: &str = "https://api.openai.com/v1";

/// Where a server is and what it wants to be shown.
#[derive(Debug, Clone)]
pub struct OpenAiSettings {
    /// Its name, as models name their provider.
    pub name: String,
    /// Where its API begins, version included: [`OPENAI_BASE_URL`].
    pub base_url: String,
    /// The key, if it wants one.
    pub api_key: Option<Secret>,
}

/// A server of that API as a provider.
pub struct OpenAiProvider {
    settings: OpenAiSettings,
    destination: Destination,
    door: Door,
}

impl OpenAiProvider {
    /// A provider for the server at `settings.base_url`. Opens nothing yet.
    pub fn new(mut settings: OpenAiSettings) -> Self {
        settings.base_url.truncate(settings.base_url.trim_end_matches('/').len());
        let destination = Destination::Configured { base_url: settings.base_url.clone() };
        Self { settings, destination, door: Door::new() }
    }

    async fn post(&self, path: &str, name: &str, body: Bytes, limit: Duration) -> Result<Answer, Trouble> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let name = HeaderValue::try_from(name).map_err(|_| Trouble::NotSent)?;
        headers.insert(HeaderName::from_static("x-client-request-id"), name);
        if let Some(key) = &self.settings.api_key {
            show_key(&mut headers, key)?;
        }
        let url = format!("{}{path}", self.settings.base_url);
        // The first byte of an answer is the result: it may take all the time there is.
        let call = Call {
            destination: &self.destination,
            method: Method::POST,
            url: &url,
            headers,
            body: Some(body),
            first_byte: limit,
            total: limit,
        };
        exchange(&self.door, call).await
    }

    fn failure(&self, kind: FailureKind, what: &str) -> Failure {
        Failure::new(kind, format!("{} {what}", self.settings.name))
    }

    /// What an answer other than success says about a submit.
    fn refused(&self, answer: &Answer) -> Failure {
        const NO_CREDIT: &str = "has no credit left for us; whoever runs this studio must look at the account there";
        let status = answer.status.as_u16();
        let rejected = |what: &str| self.failure(FailureKind::Rejected, what);
        let failure = match (status, wire::refusal(&answer.body)) {
            // It echoes keys here, so nothing of its text is passed on.
            (401 | 403, _) => rejected("does not accept our key; whoever runs this studio must look at it"),
            (402, _) => rejected(NO_CREDIT),
            (400..=499, Refusal::NoCredit) => rejected(NO_CREDIT),
            (429, _) => self.failure(FailureKind::Busy, "has no room now"),
            (400..=499, Refusal::Policy) => rejected("refused: what was asked for is against its content policy"),
            // It gave up on the request, or something before it did: that proves nothing.
            (408, _) => self.failure(FailureKind::Lost, "answered 408"),
            (400..=499, Refusal::Other(words)) if !words.is_empty() && !self.shows_key(&words) => {
                rejected(&format!("refused: {words}"))
            }
            (400..=499, _) => rejected(&format!("refused the request ({status})")),
            // Somewhere else, or overloaded, in its own words: it was turned away at the door. Something before it that
            // says 503 may have passed the request on.
            (300..=399, _) => self.failure(FailureKind::Unavailable, &format!("answered {status}")),
            (503, _) if wire::is_own_refusal(&answer.body) => self.failure(FailureKind::Unavailable, "answered 503"),
            // It broke, or a proxy before it waited in vain: neither proves that the work was not done.
            _ => self.failure(FailureKind::Lost, &format!("answered {status}")),
        };
        Failure { retry_after: answer.retry_after, ..failure }
    }

    fn shows_key(&self, words: &str) -> bool {
        self.settings.api_key.as_ref().is_some_and(|key| words.contains(key.expose()))
    }

    /// What trouble means for a submit.
    fn submit_trouble(&self, trouble: Trouble) -> Failure {
        let (kind, what) = match trouble {
            Trouble::NotSent => (FailureKind::Unavailable, "can't be reached"),
            Trouble::Lost | Trouble::Taken => (FailureKind::Lost, "was sent the work, and its answer was lost"),
            Trouble::OutOfTime => (FailureKind::Lost, "was sent the work and did not answer in time"),
            Trouble::TooLarge => (FailureKind::BadOutput, "answered with more than can be taken"),
        };
        self.failure(kind, what)
    }
}

#[async_trait]
impl Provider for OpenAiProvider {
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn start(&self, submission: &Submission<'_>) -> Result<Started, Failure> {
        let job = submission.job;
        let answer = self
            .post("/images/generations", &job.attempt_name(), wire::image_request(job), submission.total_limit)
            .await
            .map_err(|trouble| self.submit_trouble(trouble))?;
        if !answer.status.is_success() {
            return Err(self.refused(&answer));
        }
        wire::images(&answer.body, INLINE_LIMIT).map(Started::Done)
    }

    async fn poll(&self, _: &Job, _: &str, _: Duration) -> Result<Polled, Failure> {
        Err(self.failure(FailureKind::Lost, "can't be asked after its work"))
    }

    async fn cancel(&self, _: &str) -> Result<Canceled, Failure> {
        Ok(Canceled::NotPossible)
    }

    async fn lookup(&self, _: &str) -> Result<Lookup, Failure> {
        Err(self.failure(FailureKind::Unavailable, "can't be asked after its work"))
    }
}
