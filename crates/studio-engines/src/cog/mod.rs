//! Cog's HTTP prediction API (docs/reference/http.md of replicate/cog) around any engine.
//!
//! Beyond plain Cog: `GET /predictions/{id}` answers the prediction as it is (404 when unknown), with `Prefer: wait=N`
//! at the next news or after N seconds; prediction objects have `progress` (0.0 to 1.0) and `stage`; and an id that has
//! ended is remembered, so that asking for it again gives the result instead of running it again. Webhooks are not sent.
//!
//! What a text engine says is its `output`, as a list of pieces in their order, while it runs too. With
//! `Accept: text/event-stream` it is [read while it is made](stream); engines that make files answer that with 406.

mod predictions;
mod said;
mod stream;
#[cfg(test)]
mod tests;
mod token;
mod upload;

pub(crate) use predictions::Predictions;
pub use token::Token;

use crate::engine::InputFault;
use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode, header};
use predictions::{NotStarted, Prediction};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Most bytes of a request body: pictures come in it, 20 MiB of them, four letters for three bytes.
const BODY_LIMIT: usize = 28 << 20;
/// Most characters of a prediction's id.
const MAX_ID_CHARS: usize = 128;
/// Longest wait that a poll may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The routes. With a `token`, every request must show it.
pub(crate) fn router(predictions: Arc<Predictions>, token: Option<Token>) -> Router {
    let router = Router::new()
        .route("/", get(index))
        .route("/health-check", get(health))
        .route("/predictions", post(post_prediction))
        .route("/predictions/{id}", get(get_prediction).put(put_prediction))
        .route("/predictions/{id}/cancel", post(cancel_prediction))
        .fallback(|| async { detail(StatusCode::NOT_FOUND, "no such route") })
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(predictions);
    match token {
        Some(token) => router.layer(middleware::from_fn_with_state(Arc::new(token), check_token)),
        None => router,
    }
}

/// The body that asks for a prediction. What else Cog knows (webhooks) is passed over.
#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    input: Map<String, Value>,
    #[serde(default)]
    output_file_prefix: Option<String>,
}

async fn index() -> Response {
    Json(json!({"predictions_url": "/predictions", "health_check_url": "/health-check"})).into_response()
}

async fn health(State(predictions): State<Arc<Predictions>>) -> Response {
    let status = if predictions.is_busy() { "BUSY" } else { "READY" };
    let version = json!({"engine": predictions.engine(), "studio": env!("CARGO_PKG_VERSION")});
    Json(json!({"status": status, "setup": {"status": "succeeded"}, "version": version})).into_response()
}

async fn post_prediction(state: State<Arc<Predictions>>, headers: HeaderMap, body: Bytes) -> Response {
    /// Ids of those who bring none; unlike any that a server of ours would choose.
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let id = format!("anonymous.{}", NEXT.fetch_add(1, Ordering::Relaxed));
    put_prediction(state, Path(id), headers, body).await
}

async fn put_prediction(
    State(predictions): State<Arc<Predictions>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let wanted = match read(&id, &body) {
        Ok(wanted) => wanted,
        Err(faults) => return unprocessable(&faults),
    };
    let as_stream = stream::is_wanted(&headers);
    if as_stream && !predictions.say_text() {
        return detail(
            StatusCode::NOT_ACCEPTABLE,
            "what this engine makes can't be streamed: ask for application/json",
        );
    }
    let (prediction, is_new) = match predictions.start(&id, &wanted.input, wanted.output_file_prefix, as_stream) {
        Ok(started) => started,
        Err(NotStarted::Busy) => return detail(StatusCode::CONFLICT, "all prediction slots are in use"),
        Err(NotStarted::Input(faults)) => return unprocessable(&faults),
    };
    if as_stream {
        return stream::answer(prediction);
    }
    let state = if is_new && !preferences(&headers).any(|wish| wish == "respond-async") {
        prediction.end().await
    } else {
        prediction.now()
    };
    let status = if state.status.is_terminal() { StatusCode::OK } else { StatusCode::ACCEPTED };
    (status, Json(object(&prediction, &state))).into_response()
}

async fn get_prediction(
    State(predictions): State<Arc<Predictions>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some(prediction) = predictions.find(&id) else { return unknown() };
    let wait = preferences(&headers).find_map(|wish| wish.strip_prefix("wait=")?.parse().ok());
    let state = match wait.map(Duration::from_secs) {
        Some(wait) => prediction.news(wait.min(LONGEST_WAIT)).await,
        None => prediction.now(),
    };
    Json(object(&prediction, &state)).into_response()
}

async fn cancel_prediction(State(predictions): State<Arc<Predictions>>, Path(id): Path<String>) -> Response {
    if predictions.cancel(&id) { Json(json!({})).into_response() } else { unknown() }
}

async fn check_token(State(token): State<Arc<Token>>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = shown.and_then(|value| value.strip_prefix("Bearer "));
    if shown.is_some_and(|shown| token.is(shown)) {
        next.run(request).await
    } else {
        detail(StatusCode::UNAUTHORIZED, "the worker's token is missing or wrong")
    }
}

/// The wishes of all `Prefer` headers.
fn preferences(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

fn read(id: &str, body: &[u8]) -> Result<Wanted, Vec<InputFault>> {
    let fault = |field: &str, allowed: String| vec![InputFault { field: field.to_owned(), allowed }];
    let valid_id = (1..=MAX_ID_CHARS).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if !valid_id {
        return Err(fault("id", format!("must be 1 to {MAX_ID_CHARS} letters, digits, or - _ .")));
    }
    let wanted: Wanted = serde_json::from_slice(body)
        .map_err(|_| fault("body", "must be a JSON object with an object called input".into()))?;
    if let Some(prefix) = &wanted.output_file_prefix {
        upload::check(prefix).map_err(|error| fault("output_file_prefix", error.to_string()))?;
    }
    Ok(wanted)
}

fn object(prediction: &Prediction, state: &predictions::State) -> Value {
    let said = prediction.said.borrow();
    let output = if said.pieces() > 0 {
        Some(said.iter().collect())
    } else {
        (state.status == predictions::Status::Succeeded).then(|| state.output.iter().map(String::as_str).collect())
    };
    let output: Option<Vec<&str>> = output;
    let metrics = state.took.map(|took| json!({"predict_time": took.as_secs_f64()}));
    json!({
        "id": prediction.id,
        "status": state.status.as_str(),
        "stage": state.stage,
        "progress": state.progress,
        "output": output,
        "error": state.error,
        "metrics": metrics.unwrap_or_else(|| json!({})),
    })
}

fn unprocessable(faults: &[InputFault]) -> Response {
    let detail: Vec<_> = faults
        .iter()
        .map(|fault| json!({"loc": ["body", "input", fault.field], "msg": fault.allowed, "type": "value_error"}))
        .collect();
    (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"detail": detail}))).into_response()
}

fn unknown() -> Response {
    detail(StatusCode::NOT_FOUND, "no such prediction")
}

fn detail(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({"detail": text}))).into_response()
}
