//! OpenAI, and every server that speaks its API.
//!
//! One request, one answer: the connection is held until the pictures are there, or the last word is said. The API promises nothing about a request
//! that comes twice and can't be asked after one, so an answer that is lost stays lost; an `Idempotency-Key` would only look
//! like safety and is not sent. `X-Client-Request-Id` is the attempt's name: by it the provider's support finds a request.

mod wire;

#[cfg(test)]
mod tests;

use crate::{
    client::{Call, Door, IDLE_LIMIT},
    providers::{
        exchange::{Answer, Opened, Trouble, exchange, name_request, open, repeats, show_key},
        outputs::{INLINE_LIMIT, bad_output},
        saying::{said, saying},
    },
};
use async_trait::async_trait;
use bytes::Bytes;
use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use std::{sync::Arc, time::Duration};
use studio_core::{
    job::Job,
    ports::{Canceled, Capabilities, Destination, Lookup, Polled, Provider, Saying, Started, Submission},
    request::{ChatRequest, ImageRequest, Input},
    retry::{Failure, FailureKind},
    secret::Secret,
};
use wire::{Listening, Refusal};

/// Where OpenAI itself is.
pub const OPENAI_BASE_URL: &str = "https://api.openai.com/v1";

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Most bytes of a conversation's next message that comes whole.
const WHOLE_LIMIT: u64 = 16 << 20;

/// Where a server is and what it wants to be shown.
#[derive(Debug, Clone)]
pub struct OpenAiSettings {
    /// Its name, as models name their provider.
    pub name: String,
    /// Where its API begins, version included: [`OPENAI_BASE_URL`].
    pub base_url: String,
    /// The key, if it wants one.
    pub api_key: Option<Secret>,
    /// Whether that is the key of whoever asks, and not the studio's.
    pub own_key: bool,
    /// Whether it calls the most tokens of an answer `max_completion_tokens`, as OpenAI itself does. Of those who imitate it
    /// many know only the older `max_tokens`, which OpenAI's newer models refuse.
    pub max_completion_tokens: bool,
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

    /// A call whose answer may be silent as long as all of it may take.
    fn call<'a>(&'a self, url: &'a str, job: &Job, body: Bytes, limit: Duration) -> Result<Call<'a>, Trouble> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, JSON);
        let name = HeaderValue::try_from(job.attempt_name()).map_err(|_| Trouble::NotSent)?;
        headers.insert(HeaderName::from_static("x-client-request-id"), name);
        name_request(&mut headers, job);
        if let Some(key) = &self.settings.api_key {
            show_key(&mut headers, key)?;
        }
        Ok(Call {
            destination: &self.destination,
            method: Method::POST,
            url,
            headers,
            body: Some(body),
            first_byte: limit,
            idle: IDLE_LIMIT,
            total: limit,
        })
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.settings.base_url)
    }

    async fn draw(&self, submission: &Submission<'_>, image: &ImageRequest) -> Result<Started, Failure> {
        let job = submission.job;
        let (url, body, kind) = if image.image.is_some() {
            let form = wire::edit_request(&job.upstream, image, submission.pictures, &job.attempt_name())?;
            let kind = HeaderValue::try_from(form.content_type);
            let kind = kind.map_err(|_| self.failure(FailureKind::Rejected, "can't be sent this form"))?;
            (self.url("/images/edits"), form.body, kind)
        } else {
            (self.url("/images/generations"), wire::image_request(&job.upstream, image), JSON)
        };
        // The first byte of an answer is the result: it may take all the time there is.
        let mut call = self.call(&url, job, body, submission.total_limit);
        if let Ok(call) = &mut call {
            call.headers.insert(CONTENT_TYPE, kind);
        }
        let answer = match call {
            Ok(call) => exchange(&self.door, call).await,
            Err(trouble) => Err(trouble),
        };
        let answer = answer.map_err(|trouble| self.submit_trouble(trouble))?;
        if !answer.status.is_success() {
            return Err(self.refused(&answer));
        }
        wire::images(&answer.body, INLINE_LIMIT).map(Started::Done)
    }

    async fn talk(&self, submission: &Submission<'_>, chat: &ChatRequest) -> Result<Saying, Failure> {
        let job = submission.job;
        let bound = if self.settings.max_completion_tokens { "max_completion_tokens" } else { "max_tokens" };
        let body = wire::chat_request(&job.upstream, chat, submission.pictures, bound)?;
        let url = self.url("/chat/completions");
        let opened = match self.call(&url, job, body, submission.total_limit) {
            Ok(call) if chat.streams => {
                let (first_byte, idle) = (submission.first_byte_limit, submission.first_byte_limit);
                open(&self.door, Call { first_byte, idle, ..call }, WHOLE_LIMIT).await
            }
            // As for a picture, the first byte is the result.
            Ok(call) => open(&self.door, Call { idle: submission.total_limit, ..call }, WHOLE_LIMIT).await,
            Err(trouble) => Err(trouble),
        };
        let listening = Listening::new(&self.settings.name, self.settings.api_key.clone());
        match opened.map_err(|trouble| self.submit_trouble(trouble))? {
            Opened::Events(body) => Ok(saying(&self.settings.name, body, submission.idle_limit, listening)),
            Opened::Whole(answer) if answer.status.is_success() => listening.whole(&answer.body).map(said),
            Opened::Whole(answer) => Err(self.refused(&answer)),
            Opened::Other => Err(bad_output("the provider answered with what is no answer")),
        }
    }

    fn failure(&self, kind: FailureKind, what: &str) -> Failure {
        Failure::new(kind, format!("{} {what}", self.settings.name))
    }

    /// What an answer other than success says about a submit.
    fn refused(&self, answer: &Answer) -> Failure {
        let no_credit = if self.settings.own_key {
            "has no credit left for your key"
        } else {
            "has no credit left for us; whoever runs this studio must look at the account there"
        };
        let status = answer.status.as_u16();
        let rejected = |what: &str| self.failure(FailureKind::Rejected, what);
        let failure = match (status, wire::refusal(&answer.body)) {
            (401 | 403, _) => self.key_refused(),
            (402, _) => rejected(no_credit),
            (400..=499, Refusal::NoCredit) => rejected(no_credit),
            (429, _) => self.failure(FailureKind::Busy, "has no room now"),
            (400..=499, Refusal::Policy) => rejected("refused: what was asked for is against its content policy"),
            // It gave up on the request, or something before it did: that proves nothing.
            (408, _) => self.failure(FailureKind::Lost, "answered 408"),
            (400..=499, Refusal::Other(words))
                if !words.is_empty() && !repeats(&answer.body, &words, self.settings.api_key.as_ref()) =>
            {
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

    /// The key is refused. It echoes keys here, so nothing of its text is passed on.
    fn key_refused(&self) -> Failure {
        if self.settings.own_key {
            let name = &self.settings.name;
            return Failure::new(FailureKind::OwnKey, format!("your key was refused by {name}"));
        }
        let what = "does not accept our key; whoever runs this studio must look at it";
        self.failure(FailureKind::Rejected, what)
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

    fn with_key(&self, key: &Secret) -> Option<Arc<dyn Provider>> {
        let settings = OpenAiSettings { api_key: Some(key.clone()), own_key: true, ..self.settings.clone() };
        Some(Arc::new(Self { settings, destination: self.destination.clone(), door: self.door.clone() }))
    }

    async fn start(&self, submission: &Submission<'_>) -> Result<Started, Failure> {
        match &submission.job.input {
            Input::Image(image) => self.draw(submission, image).await,
            Input::Chat(chat) => self.talk(submission, chat).await.map(Started::Saying),
        }
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
