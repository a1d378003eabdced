//! Against workers that misbehave on real sockets: each fault is told as what it means for the money.

mod chat;

use super::*;
use crate::providers::sample;
use bytes::Bytes;
use std::{path::PathBuf, time::Instant};
use studio_core::{parameter::Parameters, ports::Produced};
use studio_testkit::cog_worker::{Behaviour, CogWorker};

const LONG: Duration = Duration::from_secs(20);
/// Far beyond what anything here takes; only what never ends reaches it.
const PATIENCE: Duration = Duration::from_secs(60);

fn job() -> Job {
    sample::job(Parameters::from([("numImages".into(), 2.into()), ("format".into(), "jpeg".into())]))
}

fn provider(destination: Destination, polled: bool) -> CogProvider {
    let token = Some(Secret::new("s3cret"));
    CogProvider::new(CogSettings {
        name: "lab".into(),
        destination,
        token,
        own_token: false,
        polled,
        supervised: false,
    })
}

fn at(worker: &CogWorker, polled: bool) -> CogProvider {
    provider(Destination::Configured { base_url: worker.base_url() }, polled)
}

async fn start_within(provider: &CogProvider, first_byte: Duration, total: Duration) -> Result<Started, Failure> {
    let job = job();
    let upload_to = Some("http://127.0.0.1:1/up/");
    let submission = Submission {
        job: &job,
        upload_to,
        pictures: sample::no_pictures(),
        first_byte_limit: first_byte,
        idle_limit: LONG,
        total_limit: total,
    };
    provider.start(&submission).await
}

async fn start(provider: &CogProvider) -> Result<Started, Failure> {
    start_within(provider, LONG, LONG).await
}

#[tokio::test]
async fn a_plain_container_is_waited_for() {
    let worker = CogWorker::start(Behaviour::Slow(Duration::from_millis(30))).unwrap();
    let provider = at(&worker, false);
    assert_eq!(provider.capabilities(), Capabilities { supervised: false, lookup: false, cancel: false });
    assert_eq!(provider.health().await, Ok(Health::Ready));
    let Ok(Started::Done(outputs)) = start(&provider).await else { panic!("not done") };
    assert_eq!(outputs.len(), 2);
    assert!(outputs.iter().all(|output| matches!(output, Produced::Inline(bytes) if bytes.starts_with(b"\x89PNG"))));
    let landed = &worker.predictions()[0];
    assert_eq!(landed.id, job().attempt_name());
    assert_eq!(landed.input, serde_json::json!({"prompt": "a sea", "num_outputs": 2, "output_format": "jpg"}));
    assert_eq!(landed.output_file_prefix.as_deref(), Some("http://127.0.0.1:1/up/"));
    assert_eq!(landed.authorization.as_deref(), Some("Bearer s3cret"));
    assert_eq!(provider.cancel(&landed.id).await, Ok(Canceled::NotPossible));
}

#[tokio::test]
async fn a_polled_worker_is_asked() {
    let worker = CogWorker::start(Behaviour::Async).unwrap();
    let provider = at(&worker, true);
    assert_eq!(provider.capabilities(), Capabilities { supervised: false, lookup: true, cancel: true });
    worker.hold();
    let name = job().attempt_name();
    assert_eq!(provider.lookup(&name).await.unwrap_err().kind, FailureKind::Unavailable, "not knowing proves nothing");
    assert!(matches!(start(&provider).await, Ok(Started::Pending(given)) if given == name));
    assert_eq!(provider.lookup(&name).await, Ok(Lookup::Found(name.clone())));
    let running = Polled::Running { stage: Some("drawing".into()), progress: 500 };
    assert_eq!(provider.poll(&job(), &name, Duration::ZERO).await, Ok(running));
    // The question waits for its answer.
    let (job, wait) = (job(), Duration::from_secs(10));
    let poll = provider.poll(&job, &name, wait);
    let (polled, ()) = tokio::join!(poll, async { worker.release() });
    assert!(matches!(polled, Ok(Polled::Done(outputs)) if outputs.len() == 2));
    assert_eq!(worker.predictions().len(), 1);
}

#[tokio::test]
async fn a_polled_worker_is_told_to_stop() {
    let worker = CogWorker::start(Behaviour::Async).unwrap();
    let provider = at(&worker, true);
    worker.hold();
    let name = job().attempt_name();
    assert_eq!(provider.cancel(&name).await, Ok(Canceled::NotPossible), "it knows no such work");
    start(&provider).await.unwrap();
    assert_eq!(provider.cancel(&name).await, Ok(Canceled::Asked));
    assert_eq!(provider.poll(&job(), &name, LONG).await, Ok(Polled::Canceled));
}

#[tokio::test]
async fn a_lost_answer_is_found_by_its_name() {
    let worker = CogWorker::start(Behaviour::AsyncLosesFirstReply).unwrap();
    let provider = at(&worker, true);
    let name = job().attempt_name();
    assert_eq!(start(&provider).await.unwrap_err().kind, FailureKind::Lost);
    assert_eq!(provider.lookup(&name).await, Ok(Lookup::Found(name.clone())));
    assert!(matches!(provider.poll(&job(), &name, LONG).await, Ok(Polled::Done(_))));
}

#[tokio::test]
async fn every_misbehaviour_has_its_kind() {
    use Behaviour as B;
    use FailureKind as K;
    let worker = CogWorker::start(B::Normal).unwrap();
    for polled in [false, true] {
        for (behaviour, kind, word) in [
            (B::DiesBeforeReply, K::Lost, "lost"),
            (B::DiesMidReply, K::Lost, "lost"),
            (B::Refuses409, K::Busy, "no room"),
            (B::Rejects422, K::Rejected, "width: must be smaller"),
            (B::ServerError500, K::Lost, "500"),
            (B::NotReady503, K::Unavailable, "503"),
            (B::FailedPrediction("no\tGPU at http://10.1.2.3/x".into()), K::ModelFailed, "no GPU at [address]"),
            (B::WrongType, K::BadOutput, "not a prediction"),
            (B::EmptyOutput, K::BadOutput, "nothing"),
            (B::UrlOutput("file:///etc/passwd".into()), K::BadOutput, "not a file"),
            (B::Oversize(u64::MAX), K::BadOutput, "more than"),
        ] {
            worker.set(behaviour.clone());
            let begun = Instant::now();
            let started = start(&at(&worker, polled)).await;
            if polled && behaviour == B::DiesMidReply {
                // Its answer began as a success, so it has it, and it can be asked.
                assert!(matches!(started, Ok(Started::Pending(_))), "{started:?}");
                continue;
            }
            let failure = started.unwrap_err();
            assert_eq!(failure.kind, kind, "{behaviour:?}: {failure}");
            assert!(failure.message.contains(word), "{behaviour:?}: {failure}");
            assert!(!failure.message.contains("s3cret") && !failure.message.contains("127.0.0.1"), "{failure}");
            assert!(begun.elapsed() < PATIENCE, "{behaviour:?} is not bounded in time");
        }
        // Told as they are: whether these bytes are a picture, and whether that address is public, is seen by who collects.
        worker.set(B::NotAnImage);
        let text = Produced::Inline(Bytes::from_static(b"this is no picture"));
        assert!(matches!(start(&at(&worker, polled)).await, Ok(Started::Done(made)) if made == [text]));
        worker.set(B::UrlOutput("http://169.254.169.254/latest".into()));
        let inside = Produced::At("http://169.254.169.254/latest".into());
        assert!(matches!(start(&at(&worker, polled)).await, Ok(Started::Done(made)) if made == [inside]));
    }
}

#[tokio::test]
async fn time_that_runs_out_is_told_apart() {
    let worker = CogWorker::start(Behaviour::Hang).unwrap();
    let short = Duration::from_millis(50);
    // A container that was waited for has had all its time; first bytes don't count there.
    let timeout = start_within(&at(&worker, false), Duration::ZERO, short).await.unwrap_err();
    assert_eq!(timeout.kind, FailureKind::Timeout);
    // One that should have answered at once may be at it.
    for (first_byte, total) in [(short, LONG), (LONG, short)] {
        let lost = start_within(&at(&worker, true), first_byte, total).await.unwrap_err();
        assert_eq!(lost.kind, FailureKind::Lost);
    }
    assert_eq!(worker.predictions().len(), 3);
}

#[tokio::test]
async fn what_is_not_there_was_not_sent() {
    let gone = CogWorker::start(Behaviour::Normal).unwrap().base_url();
    let nowhere = PathBuf::from("/nowhere/w.sock");
    let stale = tempfile::tempdir().unwrap();
    let stale_socket = stale.path().join("w.sock");
    drop(std::os::unix::net::UnixListener::bind(&stale_socket).unwrap());
    for destination in [
        Destination::Configured { base_url: gone },
        Destination::Configured { base_url: "http://name.invalid".into() },
        Destination::Configured { base_url: "not a URL".into() },
        Destination::Worker { socket: nowhere },
        Destination::Worker { socket: stale_socket },
    ] {
        for polled in [false, true] {
            let provider = provider(destination.clone(), polled);
            let failure = start(&provider).await.unwrap_err();
            assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Unavailable, "lab can't be reached"));
            assert_eq!(provider.health().await.unwrap_err().kind, FailureKind::Unavailable);
        }
        let polled = provider(destination.clone(), true);
        let asked = polled.poll(&job(), "a-1", Duration::ZERO).await.unwrap_err();
        assert_eq!(asked.kind, FailureKind::Unavailable, "it can be asked again");
        assert_eq!(polled.lookup("a-1").await.unwrap_err().kind, FailureKind::Unavailable);
        assert_eq!(polled.cancel("a-1").await.unwrap_err().kind, FailureKind::Unavailable);
    }
}

#[tokio::test]
async fn a_worker_that_forgot_its_work_has_lost_it() {
    let worker = CogWorker::start(Behaviour::NoSuchPrediction).unwrap();
    let provider = at(&worker, true);
    let Ok(Started::Pending(name)) = start(&provider).await else { panic!("not pending") };
    assert_eq!(provider.poll(&job(), &name, LONG).await.unwrap_err().kind, FailureKind::Lost);
    assert_eq!(provider.lookup(&name).await.unwrap_err().kind, FailureKind::Unavailable, "not knowing proves nothing");
    for bad in ["", "../health-check", "a/b", "a?b", "a b"] {
        assert_eq!(provider.poll(&job(), bad, LONG).await.unwrap_err().kind, FailureKind::Lost, "{bad:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_gave_up_waiting_proves_nothing() {
    use axum::{Router, http::StatusCode, http::header::RETRY_AFTER, routing::put};
    for (status, kind) in [
        (500, FailureKind::Lost),
        (502, FailureKind::Lost),
        (504, FailureKind::Lost),
        // In words that are not the worker's own: something before it may have passed the request on.
        (503, FailureKind::Lost),
        (408, FailureKind::Lost),
        (429, FailureKind::Busy),
        (401, FailureKind::Rejected),
        (400, FailureKind::Rejected),
        (404, FailureKind::Rejected),
        (302, FailureKind::Unavailable),
    ] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let answer = (StatusCode::from_u16(status).unwrap(), [(RETRY_AFTER, "7")], "<h1>sorry</h1>");
        let app = Router::new().route("/predictions/{id}", put(move || async move { answer }));
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, app).await.unwrap() });
        let failure = start(&provider(Destination::Configured { base_url }, true)).await.unwrap_err();
        assert_eq!((failure.kind, failure.retry_after), (kind, Some(Duration::from_secs(7))), "{status}");
    }
}
