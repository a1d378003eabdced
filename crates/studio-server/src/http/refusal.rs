//! The one error body, and the only place that knows which status a refusal has:
//! `{"success":false,"error":"<code>","message":"<human>","details":{...}?,"requestId":"...","timestamp":"<ISO>"}`.
//! What a refusal says never comes from the inside: no paths, no addresses, no text of a provider that was not cleaned.

mod library;

use super::codes::{self, ErrorCode};
use crate::{
    commands::{MAX_REASON_CHARS, NotLooked, NotRetried, NotSaid, NotSubmitted},
    secrets::NotOpened,
};
use axum::{body::Body, response::Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use std::time::Duration;
use studio_core::{
    caller::Scope,
    job::{Payer, Status},
    ledger::{Standing, Window},
    limits::{Decision, LimitClass},
    money::{CURRENCY, Nanos},
    people::Role,
    ports::{AssetError, StoreError},
    request::Invalid,
    time::Timestamp,
};

/// When to come back to a queue that is full.
const QUEUE_PAUSE: Duration = Duration::from_secs(5);

/// A request that is not served, and why.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: &'static ErrorCode,
    message: Box<str>,
    details: Option<Box<Value>>,
    retry_after: Option<Duration>,
    /// One more header that it needs.
    header: Option<Box<(HeaderName, String)>>,
    /// The limit that was reached, for the headers that tell of it.
    pub(crate) limited: Option<Box<(LimitClass, Decision)>>,
}

impl Refusal {
    pub(crate) fn new(code: &'static ErrorCode, message: impl Into<String>) -> Self {
        let message = message.into().into_boxed_str();
        Self { code, message, details: None, retry_after: None, header: None, limited: None }
    }

    pub(crate) fn with(mut self, details: Value) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    /// To be tried again after this.
    pub(super) fn retry_in(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    /// With this header.
    pub(super) fn with_header(mut self, name: HeaderName, value: String) -> Self {
        self.header = Some(Box::new((name, value)));
        self
    }

    /// What it says to people.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// A field, header or query parameter that is wrong.
    pub(crate) fn invalid_field(field: &str, message: impl Into<String>) -> Self {
        Invalid::one(field, message).into()
    }

    pub(crate) fn unauthorized(message: &str) -> Self {
        Self::new(codes::UNAUTHORIZED, message)
    }

    pub(crate) fn missing_scope(scope: Scope) -> Self {
        let message = format!("This API key lacks the scope {}.", scope.as_str());
        Self::new(codes::MISSING_SCOPE, message)
    }

    pub(crate) fn missing_role(scope: Scope, role: Role) -> Self {
        let message =
            format!("You are a {}, who may not do this: it needs the scope {}.", role.as_str(), scope.as_str());
        Self::new(codes::MISSING_SCOPE, message)
    }

    /// The one answer for what is absent and for what is another's.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(codes::NOT_FOUND, format!("There is no such {what}."))
    }

    pub(crate) fn method_not_allowed(allowed: String) -> Self {
        let message = format!("This path takes {allowed}.");
        let mut refusal = Self::new(codes::METHOD_NOT_ALLOWED, message);
        refusal.header = Some(Box::new((header::ALLOW, allowed)));
        refusal
    }

    pub(crate) fn too_large(limit: u64) -> Self {
        Self::new(codes::BODY_TOO_LARGE, format!("The body may have at most {limit} bytes."))
            .with(json!({ "limitBytes": limit }))
    }

    pub(crate) fn range_not_satisfiable(bytes: u64) -> Self {
        let message = format!("The asset has {bytes} bytes; the range lies outside of them.");
        let mut refusal = Self::new(codes::RANGE_NOT_SATISFIABLE, message).with(json!({ "bytes": bytes }));
        refusal.header = Some(Box::new((header::CONTENT_RANGE, format!("bytes */{bytes}"))));
        refusal
    }

    pub(crate) fn limited(class: LimitClass, decision: Decision) -> Self {
        let seconds = decision.retry_after.as_secs_f64().ceil();
        let message = format!(
            "The limit of {} for {} is reached. Try again in {seconds} s, or ask the operator to raise it ([limits] {}).",
            decision.rate,
            class.as_str(),
            class.as_str()
        );
        let mut refusal = Self::new(codes::RATE_LIMITED, message)
            .with(json!({ "class": class.as_str(), "limit": decision.rate.to_string() }));
        refusal.retry_after = Some(decision.retry_after);
        refusal.limited = Some(Box::new((class, decision)));
        refusal
    }

    pub(crate) fn stopping() -> Self {
        let message = "The server is about to stop. Try again in a moment.";
        Self::new(codes::STOPPING, message).retry_in(Duration::from_secs(2))
    }

    /// Too many requests wait for what they make already.
    pub(crate) fn overloaded() -> Self {
        let message = "Too many requests wait here already. Nothing was accepted; try again in a moment.";
        Self::new(codes::OVERLOADED, message).retry_in(Duration::from_secs(1))
    }

    /// A bug of ours. What happened is in the log, under the request id.
    pub(crate) fn internal() -> Self {
        let message = "Something went wrong here. The request id helps the operator to find out what.";
        Self::new(codes::INTERNAL, message)
    }

    /// The response. `request` and `now` name it in the log.
    pub(crate) fn into_response(self, request: RequestIdText<'_>, now: Timestamp) -> Response {
        let mut body = json!({
            "success": false,
            "error": self.code.code,
            "message": self.message,
            "requestId": request.0,
            "timestamp": now.to_string(),
        });
        if let Some(details) = self.details {
            body["details"] = *details;
        }
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.code.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(wait) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait).max(1)));
        }
        if let Some((name, text)) = self.header.map(|header| *header)
            && let Ok(value) = HeaderValue::try_from(text)
        {
            headers.insert(name, value);
        }
        if self.code.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"studio\""));
        }
        response
    }
}

/// A request's name as it is told: ours, or the caller's own.
#[derive(Clone, Copy)]
pub(crate) struct RequestIdText<'a>(pub(crate) &'a str);

/// Rounded up, as a promise to a waiting caller must be.
pub(crate) fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        let message = format!("The request is not valid: {invalid}.");
        Self::new(codes::INVALID_REQUEST, message).with(json!({ "fields": invalid.0 }))
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let (code, message) = match &error {
            StoreError::NoSpace => (codes::NO_SPACE, "The data folder is full. Nothing was accepted."),
            StoreError::Busy => (codes::BUSY, "Too much waits for the database. Try again in a moment."),
            StoreError::Unavailable(_) | StoreError::Damaged(_) => {
                (codes::STORE_UNAVAILABLE, "The database can't be used now.")
            }
        };
        tracing::error!(%error, "store failed a request");
        let mut refusal = Self::new(code, message);
        refusal.retry_after = (code.status == StatusCode::SERVICE_UNAVAILABLE).then_some(Duration::from_secs(1));
        refusal
    }
}

impl From<NotLooked> for Refusal {
    fn from(error: NotLooked) -> Self {
        match error {
            NotLooked::Store(error) => error.into(),
            NotLooked::Assets(error) => error.into(),
            NotLooked::NotInspected(not) => not.into(),
            NotLooked::OverQuota { quota, stored, received } => library::over_quota(quota, stored, received),
        }
    }
}

impl From<AssetError> for Refusal {
    fn from(error: AssetError) -> Self {
        tracing::error!(%error, "asset store failed a request");
        match error {
            AssetError::TooLarge { limit } => Self::too_large(limit),
            AssetError::NoSpace => Self::new(codes::NO_SPACE, "The place for blobs is full."),
            AssetError::Absent | AssetError::Unavailable(_) => {
                Self::new(codes::BLOBS_UNAVAILABLE, "The asset's bytes can't be read now.")
            }
        }
    }
}

impl From<NotSubmitted> for Refusal {
    fn from(not: NotSubmitted) -> Self {
        match not {
            NotSubmitted::KeyReused => Self::new(
                codes::IDEMPOTENCY_KEY_REUSED,
                "This Idempotency-Key was used for a request with another body. Use a new key for a new request.",
            ),
            NotSubmitted::OverCap { over, needed, now } => over_budget(over, needed, now),
            NotSubmitted::Unpriced => Self::new(
                codes::UNPRICED_MODEL,
                "This model has no price, so where there is a budget it can't be used. Give it one: [models.prices] in studio.toml.",
            ),
            NotSubmitted::Price(error) => Self::invalid_field("modelId", format!("can't be priced: {error}")),
            NotSubmitted::NoProvider => Self::new(
                codes::PROVIDER_NOT_CONFIGURED,
                "No provider is configured for this model. GET /api/v1/models lists those that are ready.",
            ),
            NotSubmitted::OwnKeyGone => Self::new(
                codes::OWN_KEY_GONE,
                "The job was paid by an own key, which was erased when it was over. Send it with the retry: x-api-key-<provider>, or store it.",
            ),
            NotSubmitted::Unopened(error) => error.into(),
            NotSubmitted::OverQuota { quota, stored, received } => library::over_quota(quota, stored, received),
            NotSubmitted::InputGone(asset) => {
                let message = format!(
                    "The picture {asset}, which the request needs, is not there any more. Name or bring another."
                );
                Self::new(codes::INPUT_GONE, message).with(json!({ "assetId": asset.to_string() }))
            }
            NotSubmitted::QueueFull(full) => {
                let whose = if full.of_user { "of your jobs" } else { "jobs" };
                let message = format!(
                    "{} {whose} wait for this provider already: as many as may. Try again when some of them are done.",
                    full.most
                );
                Self::new(codes::QUEUE_FULL, message)
                    .with(json!({ "limit": full.most, "whose": if full.of_user { "user" } else { "all" } }))
                    .retry_in(QUEUE_PAUSE)
            }
            NotSubmitted::Stopping => Self::stopping(),
            NotSubmitted::Store(error) => error.into(),
        }
    }
}

impl From<NotOpened> for Refusal {
    fn from(error: NotOpened) -> Self {
        match error {
            NotOpened::NoKeyring(error) => {
                tracing::error!(%error, "no master key");
                let message = "Own keys can't be used now: the studio can't read its master key.";
                Self::new(codes::SECRETS_UNAVAILABLE, message).retry_in(Duration::from_secs(10))
            }
            NotOpened::Seal(_) => {
                let message = "Your own key for this provider can't be opened any more. Set it again, or remove it.";
                Self::new(codes::OWN_KEY_UNUSABLE, message)
            }
        }
    }
}

impl From<NotRetried> for Refusal {
    fn from(not: NotRetried) -> Self {
        match not {
            NotRetried::Absent => Self::not_found("job"),
            NotRetried::NotNow(status) => {
                let message = match status {
                    Status::Succeeded => "The job succeeded. For another result make a new request.",
                    _ => "The job is not over yet. It can be done again once it has failed, or was canceled.",
                };
                let details = json!({ "status": status.as_str() });
                Self::new(codes::NOT_TO_RETRY, message).with(details)
            }
            NotRetried::ModelGone(model) => {
                let message = format!("Its model {model} is not in the catalog any more. Make a new request.");
                Self::new(codes::MODEL_GONE, message)
            }
            NotRetried::NotSubmitted(not) => not.into(),
        }
    }
}

impl From<NotSaid> for Refusal {
    fn from(not: NotSaid) -> Self {
        match &not {
            NotSaid::NotUnknown(status) | NotSaid::NotOver(status) => {
                not_to_settle(&not).with(json!({ "status": status.as_str() }))
            }
            // Whether these are right follows from how the job stands, too.
            NotSaid::WhoPays(_) | NotSaid::Amount => not_to_settle(&not),
            NotSaid::Reason => Self::invalid_field(
                "reason",
                format!(
                    "must have 1 to {MAX_REASON_CHARS} characters, none of them control characters: it stays in the ledger"
                ),
            ),
        }
    }
}

fn not_to_settle(not: &NotSaid) -> Refusal {
    Refusal::new(codes::NOT_TO_SETTLE, format!("The job can't be settled so: {not}."))
}

/// It could cost more than a budget has left.
fn over_budget(over: Standing, needed: Nanos, now: Timestamp) -> Refusal {
    let Standing { cap, committed } = over;
    let whose = match cap.payer {
        Payer::Key(_) => "key",
        Payer::User(_) | Payer::OwnKey(_) => "user",
    };
    let window = match cap.window {
        Window::Lifetime => "",
        Window::Day => " for the day",
        Window::Month => " for the month",
    };
    let ends = cap.window.end(now);
    let anew = ends.map(|at| format!(" Counting begins anew at {at}.")).unwrap_or_default();
    let message = format!(
        "This could cost up to {needed} USD; {committed} of the {whose}'s budget of {} USD{window} is spent or held.{anew}",
        cap.limit
    );
    let mut refusal = Refusal::new(codes::OVER_BUDGET, message);
    refusal.retry_after = ends.filter(|_| needed <= cap.limit).map(|at| at.since(now));
    refusal.with(json!({
        "budget": cap.limit.to_string(), "committed": committed.to_string(), "needed": needed.to_string(),
        "currency": CURRENCY, "whose": whose, "window": cap.window.as_str(), "endsAt": ends.map(|at| at.to_string()),
    }))
}
