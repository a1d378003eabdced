//! Any worker that speaks Cog's HTTP prediction API: our own engines, and any Cog container of the open-model world.
//!
//! A *polled* worker (our engines) knows one thing more than plain Cog: `GET /predictions/{id}`. There, `start` returns
//! at once and the truth is asked for. A plain container can't be asked, so `start` holds the connection until the
//! prediction is over. The id is always ours: the name of the attempt, so the same attempt sent twice is one prediction.
//!
//! A conversation is always asked for as a stream, and its worker stops when nobody reads it any more.

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
    Method, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use std::{sync::Arc, time::Duration};
use studio_core::{
    job::Job,
    ports::{Canceled, Capabilities, Destination, Lookup, Polled, Provider, Saying, Started, Submission},
    request::{ChatRequest, ImageRequest, Input},
    retry::{Failure, FailureKind},
    secret::Secret,
};
use wire::{News, Telling};

/// Longest that a question without a wait may take: cancel, lookup, health.
const QUESTION_LIMIT: Duration = Duration::from_secs(10);
/// How much longer than the wait that we asked for an answer may take.
const WAIT_SLACK: Duration = Duration::from_secs(10);
/// Longest that an answer with outputs may take to arrive once it has begun.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// Most bytes of a conversation's next message that comes whole.
const WHOLE_LIMIT: u64 = 16 << 20;

/// Where a worker is and what it can do.
#[derive(Debug, Clone)]
pub struct CogSettings {
    /// Its name, as models name their provider.
    pub name: String,
    /// Where it is: [`Destination::Worker`] or [`Destination::Configured`].
    pub destination: Destination,
    /// What it wants to be shown.
    pub token: Option<Secret>,
    /// Whether that is the token of whoever asks, and not the studio's.
    pub own_token: bool,
    /// Whether it can be asked after a prediction (`GET /predictions/{id}`), as our own engines can.
    pub polled: bool,
    /// Whether it is our own child process, whose work dies with it.
    pub supervised: bool,
}

/// How a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It still gets ready.
    Starting,
    /// It takes predictions.
    Ready,
    /// It is well, and has no room now.
    Busy,
    /// It will not get better by itself.
    Broken,
}

/// A worker as a provider.
pub struct CogProvider {
    settings: CogSettings,
    base_url: String,
    door: Door,
}

impl CogProvider {
    /// A provider for the worker at `settings.destination`. Opens nothing yet.
    pub fn new(settings: CogSettings) -> Self {
        let base_url = match &settings.destination {
            Destination::Configured { base_url } => base_url.trim_end_matches('/').to_owned(),
            // Behind a socket the host is only a word; other destinations are refused by the door.
            _ => "http://worker".to_owned(),
        };
        Self { settings, base_url, door: Door::new() }
    }

    /// How the worker is; an error when it doesn't say.
    pub async fn health(&self) -> Result<Health, Failure> {
        let answer = self
            .ask(Method::GET, "/health-check", None, None, QUESTION_LIMIT, QUESTION_LIMIT)
            .await
            .map_err(|_| self.unavailable("does not say how it is"))?;
        wire::health(&answer.body).ok_or_else(|| self.unavailable("does not say how it is"))
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
        prefer: Option<String>,
        first_byte: Duration,
        total: Duration,
    ) -> Result<Answer, Trouble> {
        let headers = self.headers(body.is_some(), prefer)?;
        self.ask_with(headers, method, path, body, first_byte, total).await
    }

    async fn ask_with(
        &self,
        headers: HeaderMap,
        method: Method,
        path: &str,
        body: Option<Bytes>,
        first_byte: Duration,
        total: Duration,
    ) -> Result<Answer, Trouble> {
        let url = format!("{}{path}", self.base_url);
        let (destination, idle) = (&self.settings.destination, IDLE_LIMIT);
        let call = Call { destination, method, url: &url, headers, body, first_byte, idle, total };
        exchange(&self.door, call).await
    }

    /// Submits a conversation, and listens.
    async fn talk(&self, submission: &Submission<'_>, chat: &ChatRequest) -> Result<Saying, Failure> {
        let name = submission.job.attempt_name();
        let url = format!("{}/predictions/{name}", self.base_url);
        let mut headers = self.headers(true, None).map_err(|trouble| self.submit_trouble(trouble))?;
        name_request(&mut headers, submission.job);
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        let call = Call {
            destination: &self.settings.destination,
            method: Method::PUT,
            url: &url,
            headers,
            body: Some(wire::chat_request(chat)),
            first_byte: submission.first_byte_limit,
            idle: submission.first_byte_limit,
            total: submission.total_limit,
        };
        let CogSettings { name: worker, token, supervised, .. } = &self.settings;
        let telling = Telling::new(worker, &name, *supervised, token.clone());
        match open(&self.door, call, WHOLE_LIMIT).await.map_err(|trouble| self.submit_trouble(trouble))? {
            Opened::Events(body) => Ok(saying(&self.settings.name, body, submission.idle_limit, telling)),
            // Plain containers of models that don't say piece by piece.
            Opened::Whole(answer) if answer.status.is_success() => telling.whole(&answer.body).map(said),
            Opened::Whole(answer) => Err(self.refused(&answer)),
            Opened::Other => Err(bad_output("the worker's answer is not a prediction")),
        }
    }

    /// Submits a request for pictures.
    async fn draw(&self, submission: &Submission<'_>, image: &ImageRequest) -> Result<Started, Failure> {
        let name = submission.job.attempt_name();
        let body = wire::image_request(image, submission.pictures, submission.upload_to)?;
        let (prefer, first_byte) = match self.settings.polled {
            true => (Some("respond-async".to_owned()), submission.first_byte_limit),
            // The first byte of a synchronous answer is the result.
            false => (None, submission.total_limit),
        };
        let path = format!("/predictions/{name}");
        let mut headers = self.headers(true, prefer).map_err(|trouble| self.submit_trouble(trouble))?;
        name_request(&mut headers, submission.job);
        let answer = self.ask_with(headers, Method::PUT, &path, Some(body), first_byte, submission.total_limit).await;
        let answer = match answer {
            // It has it, under the name that we gave it.
            Err(Trouble::Taken) if self.settings.polled => return Ok(Started::Pending(name)),
            answer => answer.map_err(|trouble| self.submit_trouble(trouble))?,
        };
        let news = match wire::read(&answer.body, INLINE_LIMIT) {
            // Some workers tell of a failed prediction with an error status.
            Ok(News::Failed(error)) => Ok(News::Failed(error)),
            _ if !answer.status.is_success() => return Err(self.refused(&answer)),
            other => other,
        };
        match news? {
            News::Done(outputs) => Ok(Started::Done(outputs)),
            News::Failed(error) => Err(self.model_failed(&answer, error)),
            News::Canceled => Err(self.failure(FailureKind::ModelFailed, "stopped the work by itself")),
            News::Running { .. } if self.settings.polled => Ok(Started::Pending(name)),
            News::Running { .. } => Err(self.failure(FailureKind::Lost, "is still at it and can't be asked again")),
        }
    }

    fn headers(&self, json: bool, prefer: Option<String>) -> Result<HeaderMap, Trouble> {
        let mut headers = HeaderMap::new();
        if json {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(prefer) = prefer {
            let value = HeaderValue::try_from(prefer).map_err(|_| Trouble::NotSent)?;
            headers.insert(HeaderName::from_static("prefer"), value);
        }
        if let Some(token) = &self.settings.token {
            show_key(&mut headers, token)?;
        }
        Ok(headers)
    }

    fn failure(&self, kind: FailureKind, what: &str) -> Failure {
        Failure::new(kind, format!("{} {what}", self.settings.name))
    }

    fn repeats(&self, answer: &Answer, words: &str) -> bool {
        repeats(&answer.body, words, self.settings.token.as_ref())
    }

    /// The model's own words, unless the token is among them.
    fn model_failed(&self, answer: &Answer, error: String) -> Failure {
        if self.repeats(answer, &error) {
            return self.failure(FailureKind::ModelFailed, "failed at it");
        }
        Failure::new(FailureKind::ModelFailed, error)
    }

    fn unavailable(&self, what: &str) -> Failure {
        self.failure(FailureKind::Unavailable, what)
    }

    /// What a status other than success says about a submit.
    fn refused(&self, answer: &Answer) -> Failure {
        let kind = match answer.status.as_u16() {
            409 | 429 => FailureKind::Busy,
            401 | 403 if self.settings.own_token => FailureKind::OwnKey,
            // Somewhere else, or not ready, in the worker's own words: it was turned away at the door.
            300..=399 => FailureKind::Unavailable,
            503 if wire::is_own_refusal(&answer.body) => FailureKind::Unavailable,
            // It broke, or something before it gave up or was cut off: none of these proves that the work was not begun.
            408 | 499..=599 => FailureKind::Lost,
            _ => FailureKind::Rejected,
        };
        let message = match kind {
            FailureKind::Busy => format!("{} has no room now", self.settings.name),
            FailureKind::OwnKey => format!("your key was refused by {}", self.settings.name),
            FailureKind::Rejected if matches!(answer.status.as_u16(), 401 | 403) => {
                format!("{} does not accept our token", self.settings.name)
            }
            FailureKind::Rejected => match wire::refusal(&answer.body) {
                words if self.repeats(answer, &words) => format!("{} refused the request", self.settings.name),
                words => words,
            },
            _ => format!("{} answered {}", self.settings.name, answer.status.as_u16()),
        };
        Failure { retry_after: answer.retry_after, ..Failure::new(kind, message) }
    }

    /// What trouble means for a submit.
    fn submit_trouble(&self, trouble: Trouble) -> Failure {
        match trouble {
            Trouble::NotSent => self.unavailable("can't be reached"),
            Trouble::Lost | Trouble::Taken => {
                self.failure(FailureKind::Lost, "was sent the work, and its answer was lost")
            }
            // A polled worker may still be at it; one that was waited for has had all the time there is.
            Trouble::OutOfTime if self.settings.polled => {
                self.failure(FailureKind::Lost, "was sent the work and did not answer in time")
            }
            Trouble::OutOfTime => self.failure(FailureKind::Timeout, "took longer than this model may"),
            Trouble::TooLarge => self.failure(FailureKind::BadOutput, "answered with more than can be taken"),
        }
    }
}

#[async_trait]
impl Provider for CogProvider {
    fn capabilities(&self) -> Capabilities {
        let CogSettings { polled, supervised, .. } = self.settings;
        Capabilities { supervised, lookup: polled, cancel: polled }
    }

    fn with_key(&self, key: &Secret) -> Option<Arc<dyn Provider>> {
        let settings = CogSettings { token: Some(key.clone()), own_token: true, ..self.settings.clone() };
        Some(Arc::new(Self { settings, base_url: self.base_url.clone(), door: self.door.clone() }))
    }

    async fn start(&self, submission: &Submission<'_>) -> Result<Started, Failure> {
        match &submission.job.input {
            Input::Image(image) => self.draw(submission, image).await,
            Input::Chat(chat) => self.talk(submission, chat).await.map(Started::Saying),
        }
    }

    async fn poll(&self, _job: &Job, handle: &str, wait: Duration) -> Result<Polled, Failure> {
        if !self.settings.polled {
            return Err(self.failure(FailureKind::Lost, "can't be asked after its work"));
        }
        let path = prediction_path(handle)?;
        let prefer = Some(format!("wait={}", wait.as_secs())).filter(|_| wait.as_secs() > 0);
        let first_byte = wait + WAIT_SLACK;
        let answer = self.ask(Method::GET, &path, None, prefer, first_byte, first_byte + ANSWER_LIMIT).await.map_err(
            |t| match t {
                Trouble::TooLarge => self.failure(FailureKind::BadOutput, "answered with more than can be taken"),
                _ => self.unavailable("does not answer"),
            },
        )?;
        match answer.status {
            StatusCode::NOT_FOUND => {
                return Err(self.failure(FailureKind::Lost, "no longer knows this prediction"));
            }
            status if !status.is_success() => {
                let unavailable = self.unavailable(&format!("answered {}", status.as_u16()));
                return Err(Failure { retry_after: answer.retry_after, ..unavailable });
            }
            _ => {}
        }
        match wire::read(&answer.body, INLINE_LIMIT)? {
            News::Running { stage, progress } => Ok(Polled::Running { stage, progress }),
            News::Done(outputs) => Ok(Polled::Done(outputs)),
            News::Canceled => Ok(Polled::Canceled),
            News::Failed(error) => Err(self.model_failed(&answer, error)),
        }
    }

    async fn cancel(&self, handle: &str) -> Result<Canceled, Failure> {
        if !self.settings.polled {
            return Ok(Canceled::NotPossible);
        }
        let path = format!("{}/cancel", prediction_path(handle)?);
        let answer = self
            .ask(Method::POST, &path, None, None, QUESTION_LIMIT, QUESTION_LIMIT)
            .await
            .map_err(|_| self.unavailable("does not answer"))?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(Canceled::NotPossible),
            status if status.is_success() => Ok(Canceled::Asked),
            status => Err(self.unavailable(&format!("answered {}", status.as_u16()))),
        }
    }

    async fn lookup(&self, attempt_name: &str) -> Result<Lookup, Failure> {
        if !self.settings.polled {
            return Err(self.unavailable("can't be asked after its work"));
        }
        let path = prediction_path(attempt_name)?;
        let answer = self
            .ask(Method::GET, &path, None, None, QUESTION_LIMIT, QUESTION_LIMIT + ANSWER_LIMIT)
            .await
            .map_err(|_| self.unavailable("does not answer"))?;
        match answer.status {
            // Cog remembers in memory: one that was started again knows nothing of what it had. Not knowing proves nothing.
            StatusCode::NOT_FOUND => Err(self.unavailable("does not know it, which proves nothing")),
            status if status.is_success() => Ok(Lookup::Found(attempt_name.to_owned())),
            status => Err(self.unavailable(&format!("answered {}", status.as_u16()))),
        }
    }
}

/// The path of a prediction. Its name is ours (see [`Job::attempt_name`]), so anything else is a bug, not a path.
fn prediction_path(name: &str) -> Result<String, Failure> {
    let ours = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if ours {
        Ok(format!("/predictions/{name}"))
    } else {
        Err(Failure::new(FailureKind::Lost, "the name of this attempt is not one of ours"))
    }
}
