//! Pictures.

use super::*;
use crate::providers::sample;
use serde_json::{Value, json};
use studio_core::{parameter::Parameters, ports::Produced};
use studio_testkit::openai::Behaviour;

fn job(parameters: Value) -> Job {
    let parameters: Parameters = serde_json::from_value(parameters).unwrap();
    Job { upstream: "gpt-image-2".into(), ..sample::job(parameters) }
}

async fn start_job(provider: &OpenAiProvider, job: &Job, limit: Duration) -> Result<Started, Failure> {
    let submission = Submission {
        job,
        upload_to: None,
        pictures: sample::no_pictures(),
        first_byte_limit: Duration::ZERO,
        idle_limit: Duration::ZERO,
        total_limit: limit,
    };
    provider.start(&submission).await
}

async fn start(provider: &OpenAiProvider) -> Result<Started, Failure> {
    start_job(provider, &job(json!({"numImages": 2})), LONG).await
}

#[tokio::test]
async fn pictures_come_in_the_answer() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    let job = job(json!({"width": 1536, "height": 1024, "numImages": 2, "format": "webp", "quality": "low"}));
    // A slash too many is forgiven.
    let provider = provider(format!("{}//", api.base_url()), Some(KEY));
    let Ok(Started::Done(outputs)) = start_job(&provider, &job, LONG).await else { panic!("not done") };
    assert_eq!(outputs.len(), 2);
    assert!(outputs.iter().all(|output| matches!(output, Produced::Inline(bytes) if bytes.starts_with(b"\x89PNG"))));
    let [sent] = &api.requests()[..] else { panic!("not one request") };
    assert_eq!(sent.path, "/v1/images/generations");
    assert_eq!(sent.headers["authorization"], format!("Bearer {KEY}"));
    assert_eq!(sent.headers["x-client-request-id"], job.attempt_name());
    assert!(!sent.headers.contains_key("idempotency-key"), "nobody promises anything for it");
    let body = json!({"model": "gpt-image-2", "prompt": "a sea", "n": 2, "size": "1536x1024", "output_format": "webp",
        "quality": "low"});
    assert_eq!(sent.body, body);
}

#[tokio::test]
async fn pictures_may_lie_at_an_address() {
    let api = OpenAi::start(Behaviour::UrlOutput).unwrap();
    let origin = api.base_url().trim_end_matches("/v1").to_owned();
    let expected = [0, 1].map(|index| Produced::At(format!("{origin}/pictures/{index}.png")));
    let Ok(Started::Done(outputs)) = start(&at(&api)).await else { panic!("not done") };
    assert_eq!(outputs, expected);
}

#[tokio::test]
async fn a_slow_answer_is_waited_for() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    api.hold();
    let provider = at(&api);
    let released = async {
        while api.made() == 0 {
            tokio::task::yield_now().await;
        }
        api.release();
    };
    let (started, ()) = tokio::join!(start(&provider), released);
    assert!(matches!(started, Ok(Started::Done(_))), "{started:?}");
}

#[tokio::test]
async fn every_misbehaviour_has_its_kind() {
    use Behaviour as B;
    use FailureKind as K;
    let api = OpenAi::start(B::Normal).unwrap();
    for (behaviour, kind, word) in [
        (B::BadKey401, K::Rejected, "lab does not accept our key"),
        (B::InsufficientQuota, K::Rejected, "no credit"),
        (B::ModerationBlocked, K::Rejected, "content policy"),
        (B::Busy429Once(vec![]), K::Busy, "no room"),
        (B::Fails(400), K::Rejected, "The server at [address] had an error."),
        (B::Fails(402), K::Rejected, "no credit"),
        (B::Fails(403), K::Rejected, "does not accept our key"),
        (B::Fails(404), K::Rejected, "refused: The server"),
        (B::Fails(422), K::Rejected, "refused: The server"),
        (B::Fails(408), K::Lost, "408"),
        (B::Fails(500), K::Lost, "500"),
        (B::Fails(502), K::Lost, "502"),
        (B::Fails(504), K::Lost, "504"),
        (B::Fails(503), K::Unavailable, "503"),
        (B::Fails(302), K::Unavailable, "302"),
        (B::DiesBeforeReply, K::Lost, "lost"),
        (B::DiesMidReply, K::Lost, "lost"),
        (B::Html, K::BadOutput, "not a list of pictures"),
        (B::WrongTypes, K::BadOutput, "not a list of pictures"),
        (B::Oversize(u64::MAX), K::BadOutput, "more than"),
    ] {
        api.set(behaviour.clone());
        let failure = start(&at(&api)).await.unwrap_err();
        assert_eq!(failure.kind, kind, "{behaviour:?}: {failure}");
        assert!(failure.message.contains(word), "{behaviour:?}: {failure}");
        for secret in ["sk-", "127.0.0.1", "10.0.0.7", "org-", "req_", "://"] {
            assert!(!failure.message.contains(secret), "{behaviour:?}: {failure}");
        }
    }
}

#[tokio::test]
async fn a_busy_provider_says_how_long() {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    for (headers, wait) in [
        (vec![header("Retry-After", "7")], Duration::from_secs(7)),
        (vec![header("Retry-After", "7"), header("retry-after-ms", "40")], Duration::from_millis(40)),
    ] {
        api.set(Behaviour::Busy429Once(headers));
        let failure = start(&at(&api)).await.unwrap_err();
        assert_eq!((failure.kind, failure.retry_after), (FailureKind::Busy, Some(wait)));
        assert!(start(&at(&api)).await.is_ok());
    }
}

#[tokio::test]
async fn what_the_api_does_not_take_is_refused_in_its_words() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    for (parameters, word) in [
        (json!({"seed": 7}), "Unknown parameter: 'seed'"),
        (json!({"numImages": 11}), "'n'"),
        (json!({"width": 1000, "height": 1000}), "'size'"),
        (json!({"quality": "hd"}), "'quality'"),
    ] {
        let failure = start_job(&at(&api), &job(parameters), LONG).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Rejected);
        assert!(failure.message.contains(word), "{failure}");
    }
    let unknown = Job { upstream: "gpt-image-1".into(), ..job(json!({})) };
    let failure = start_job(&at(&api), &unknown, LONG).await.unwrap_err();
    assert!(failure.message.contains("does not exist"), "{failure}");
    assert_eq!(api.made(), 0);
}

#[tokio::test]
async fn a_wrong_key_and_no_key_are_told_to_the_operator_without_it() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    for key in [Some("hunter2"), None] {
        let failure = start(&provider(api.base_url(), key)).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Rejected);
        assert!(failure.message.contains("our key") && !failure.message.contains("hunter2"), "{failure}");
    }
}

#[tokio::test]
async fn a_key_that_comes_back_in_an_error_goes_no_further() {
    use axum::{Router, http::StatusCode, routing::post};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let answer = (StatusCode::BAD_REQUEST, json!({"error": {"message": "you sent Bearer hunter2"}}).to_string());
    let app = Router::new().route("/images/generations", post(move || async move { answer }));
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, app).await.unwrap() });
    let failure = start(&provider(base_url, Some("hunter2"))).await.unwrap_err();
    assert_eq!(failure.message, "lab refused the request (400)");
}

#[tokio::test]
async fn time_that_runs_out_after_sending_proves_nothing() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    api.hold();
    let failure = start_job(&at(&api), &job(json!({})), Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Lost);
}

#[tokio::test]
async fn what_is_not_there_was_not_sent() {
    let gone = OpenAi::start(Behaviour::Normal).unwrap().base_url();
    for base_url in [gone, "http://name.invalid/v1".into(), "not a URL".into()] {
        let failure = start(&provider(base_url, Some(KEY))).await.unwrap_err();
        assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Unavailable, "lab can't be reached"));
    }
}

#[tokio::test]
async fn it_can_not_be_asked_or_stopped() {
    let provider = provider("http://127.0.0.1:9".into(), None);
    assert_eq!(provider.capabilities(), Capabilities { supervised: false, lookup: false, cancel: false });
    assert_eq!(provider.cancel("a-1").await, Ok(Canceled::NotPossible));
    assert_eq!(provider.poll(&job(json!({})), "a-1", LONG).await.unwrap_err().kind, FailureKind::Lost);
    assert_eq!(provider.lookup("a-1").await.unwrap_err().kind, FailureKind::Unavailable);
}
