//! Jobs: list, see, follow, cancel, and the deadline.

use crate::{IMAGE, at_work, pages, setup, small, studio, submit};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use studio_testkit::{
    cog_worker::{Behaviour, CogWorker},
    events::read_events,
    studio::Studio,
};

/// A studio whose model `slow` runs on a worker that we hold in our hands.
pub(crate) fn with_worker(worker: &CogWorker) -> Studio {
    with_worker_and(worker, "")
}

/// The same, with something more in the configuration.
pub(crate) fn with_worker_and(worker: &CogWorker, more: &str) -> Studio {
    let config = format!(
        "{more}[providers.lab]\nkind = \"cog\"\nbase_url = \"{}\"\npolled = true\nconcurrency = 1\n\
         [[models]]\nid = \"lab\"\nmodality = \"image\"\nprovider = \"lab\"\n[models.prices]\nimage = 0.5\n",
        worker.base_url()
    );
    Studio::start(setup().config(&config)).unwrap()
}

pub(crate) fn lab() -> Value {
    json!({ "prompt": "a slow picture", "modelId": "lab" })
}

pub(crate) async fn status(studio: &Studio, id: &str) -> Value {
    studio.get(&format!("/api/v1/jobs/{id}")).await.unwrap().json()["job"].clone()
}

async fn cancel(studio: &Studio, id: &str) -> studio_testkit::studio::Reply {
    Studio::send(studio.request(Method::POST, &format!("/api/v1/jobs/{id}/cancel"))).await.unwrap()
}

#[tokio::test]
async fn lists_are_newest_first_in_pages() {
    let studio = studio();
    let mut ids = Vec::new();
    for n in 0..5 {
        let made = studio.post(IMAGE, &small(&format!("picture {n}"))).await.unwrap().json();
        ids.insert(0, made["jobId"].clone());
    }
    let listed = pages(&studio, "/api/v1/jobs?limit=2&status=succeeded&modality=image").await;
    let seen: Vec<_> = listed.iter().map(|job| job["id"].clone()).collect();
    assert_eq!(seen, ids);
    assert_eq!(studio.get("/api/v1/jobs?status=failed").await.unwrap().json()["items"], json!([]));
}

#[tokio::test]
async fn events_are_whole_snapshots_and_a_reader_who_comes_back_misses_nothing() {
    let studio = studio();
    let id = submit(&studio, &small("waves")).await;
    let path = format!("/api/v1/jobs/{id}/events");
    let stream = studio.get(&path).await.unwrap();
    assert_eq!(stream.header("content-type"), "text/event-stream");
    let events = read_events(&stream.body);
    let versions: Vec<u64> = events.iter().map(|event| event.id.parse().unwrap()).collect();
    assert!(versions.windows(2).all(|pair| pair[0] < pair[1]), "{versions:?}");
    let last = &events.last().unwrap().data;
    assert_eq!((&last["status"], &last["id"]), (&json!("succeeded"), &json!(id)));
    // Back with an old id: the newest snapshot. Back with the last: nothing more, and no reason to return.
    let back = studio.request(Method::GET, &path).header("Last-Event-ID", "1");
    assert_eq!(read_events(&Studio::send(back).await.unwrap().body).last().unwrap().data["status"], "succeeded");
    let done = studio.request(Method::GET, &path).header("Last-Event-ID", versions.last().unwrap().to_string());
    assert_eq!(Studio::send(done).await.unwrap().status, StatusCode::NO_CONTENT);
    let beyond = studio.request(Method::GET, &path).header("Last-Event-ID", "999");
    assert_eq!(
        read_events(&Studio::send(beyond).await.unwrap().body).len(),
        1,
        "another stream's number: all of this one"
    );
    let odd = studio.request(Method::GET, &path).header("Last-Event-ID", "x");
    assert_eq!(Studio::send(odd).await.unwrap().status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn nobody_waits_for_all_that_another_has_queued() {
    let worker = CogWorker::start(Behaviour::Async).unwrap();
    let studio = with_worker(&worker);
    worker.hold();
    let mut queued = tokio::task::JoinSet::new();
    for n in 0..100 {
        let mut body = lab();
        body["prompt"] = json!(format!("one of many {n}"));
        let request = studio.request(Method::POST, IMAGE).header("Prefer", "wait=0").json(&body);
        queued.spawn(async move { Studio::send(request).await.unwrap().status });
    }
    assert!(queued.join_all().await.iter().all(|status| *status == StatusCode::ACCEPTED));
    let key = studio.make_key("other@example.com", &[]).unwrap();
    let mine = |prompt: &str, priority: &str| {
        let body = json!({ "prompt": prompt, "modelId": "lab", "priority": priority });
        Studio::send(studio.request_as(&key, Method::POST, IMAGE).header("Prefer", "wait=0").json(&body))
    };
    mine("their first", "normal").await.unwrap();
    let urgent = mine("their urgent one", "high").await.unwrap().json();
    let path = format!("/api/v1/jobs/{}", urgent["jobId"].as_str().unwrap());
    let shown = Studio::send(studio.request_as(&key, Method::GET, &path)).await.unwrap().json();
    assert_eq!((&shown["job"]["queuePosition"], &shown["job"]["priority"]), (&json!(1), &json!("high")));
    worker.release();
    worker.wait_for_predictions(5);
    let sent: Vec<_> =
        worker.predictions().iter().map(|sent| sent.input["prompt"].as_str().unwrap().to_owned()).collect();
    let place = |prompt: &str| sent.iter().position(|sent| sent == prompt).unwrap();
    // One runs already; after it at most one turn of the other lies before each of theirs.
    assert!(place("their urgent one") <= 2 && place("their first") <= 4, "{sent:?}");
    assert!(place("their urgent one") < place("their first"), "{sent:?}");
}

#[tokio::test]
async fn a_queued_job_is_canceled_at_once_and_costs_nothing() {
    let worker = CogWorker::start(Behaviour::Async).unwrap();
    let studio = with_worker(&worker);
    worker.hold();
    let first = submit(&studio, &lab()).await;
    let second = submit(&studio, &lab()).await;
    let third = submit(&studio, &lab()).await;
    assert_eq!(status(&studio, &second).await["queuePosition"], 0);
    assert_eq!(status(&studio, &third).await["queuePosition"], 1);
    assert_eq!(status(&studio, &second).await["hold"]["amount"], "0.5");
    let canceled = cancel(&studio, &second).await;
    assert_eq!(canceled.status, StatusCode::OK);
    let job = canceled.json()["job"].clone();
    assert_eq!((&job["status"], &job["cost"]["amount"]), (&json!("canceled"), &json!("0")));
    assert_eq!(cancel(&studio, &second).await.status, StatusCode::OK, "twice is once");
    worker.release();
    assert_eq!(studio.end_of(&first).await.unwrap()["status"], "succeeded");
    assert_eq!(studio.end_of(&third).await.unwrap()["status"], "succeeded");
    let late = cancel(&studio, &first).await;
    assert_eq!((late.status.as_u16(), &late.json()["error"]), (409, &json!("job_over")));
    let usage = studio.get("/api/v1/usage").await.unwrap().json();
    assert_eq!((&usage["total"]["cost"]["amount"], &usage["total"]["held"]["amount"]), (&json!("1"), &json!("0")));
}

#[tokio::test]
async fn f13_what_it_may_cost_is_held_before_the_work_and_settled_after_it() {
    let (worker, mut studio, id) = at_work(Behaviour::Async).await;
    let money = |studio: &Studio| {
        let request = studio.request(Method::GET, "/api/v1/usage");
        async move {
            let total = Studio::send(request).await.unwrap().json()["total"].clone();
            (total["cost"]["amount"].clone(), total["held"]["amount"].clone())
        }
    };
    // The worker has just been asked, and has given nothing: the record is there.
    assert_eq!(money(&studio).await, (json!("0"), json!("0.5")));
    let entries = studio.get(&format!("/api/v1/usage/entries?jobId={id}")).await.unwrap().json();
    let [hold] = &entries["items"].as_array().unwrap()[..] else { panic!("{entries}") };
    assert_eq!((&hold["kind"], &hold["held"]["amount"]), (&json!("hold"), &json!("0.5")));
    // And outlives the process that would have settled it.
    studio.kill().unwrap();
    crate::assert_clean(&studio, 1);
    studio.launch().unwrap();
    assert_eq!(money(&studio).await, (json!("0"), json!("0.5")));
    worker.release();
    let end = studio.end_of(&id).await.unwrap();
    assert_eq!((&end["status"], &end["cost"]["amount"]), (&json!("succeeded"), &json!("0.5")));
    assert_eq!(money(&studio).await, (json!("0.5"), json!("0")));
    crate::assert_clean(&studio, 0);
}

#[tokio::test]
async fn f20_the_request_that_asked_is_named_in_its_job_and_in_every_line_about_it() {
    let studio = studio();
    let reply = studio.post(IMAGE, &small("a cat")).await.unwrap();
    let (request, id) = (reply.header("x-request-id").to_owned(), reply.json()["jobId"].as_str().unwrap().to_owned());
    assert_eq!(status(&studio, &id).await["requestId"], request);
    let log = studio.log();
    for what in ["job accepted", "attempt ended", "request"] {
        let line = log.lines().find(|line| line.contains(what) && line.contains(&request));
        assert!(line.is_some(), "{what}: {log}");
    }
    let ended = log.lines().find(|line| line.contains("attempt ended")).unwrap();
    for told in [&*id, "sketch", "succeeded"] {
        assert!(ended.contains(told), "{told}: {ended}");
    }
    let asked = log.lines().find(|line| line.contains(IMAGE)).unwrap();
    assert!(asked.contains("user=") && asked.contains("status=200") && asked.contains("ms="), "{asked}");
}

#[tokio::test]
async fn a_running_job_is_stopped_at_its_provider() {
    let (worker, studio, id) = at_work(Behaviour::Async).await;
    let asked = cancel(&studio, &id).await;
    assert!(matches!(asked.status.as_u16(), 200 | 202), "{:?}", asked.json());
    let end = studio.end_of(&id).await.unwrap();
    assert_eq!((&end["status"], &end["cost"]["amount"]), (&json!("canceled"), &json!("0")));
    assert_eq!(worker.canceled().len(), 1, "the provider was told");
    let told = &end["cancel"];
    assert_eq!((&told["answer"], &told["charged"]), (&json!("stopping"), &json!(false)), "{end}");
    assert_eq!(studio.verify().unwrap()["violations"], json!([]));
}

#[tokio::test]
async fn whoever_cancels_may_wait_for_what_becomes_of_it() {
    let (_worker, studio, id) = at_work(Behaviour::Async).await;
    let path = format!("/api/v1/jobs/{id}/cancel");
    let odd = studio.request(Method::POST, &path).header("Prefer", "wait=61");
    assert_eq!(Studio::send(odd).await.unwrap().status, StatusCode::BAD_REQUEST);
    assert_eq!(status(&studio, &id).await.get("cancel"), None, "a wish that can't be read is none");
    let ended = Studio::send(studio.request(Method::POST, &path).header("Prefer", "wait=60")).await.unwrap();
    let job = ended.json()["job"].clone();
    assert_eq!(
        (ended.status, &job["status"], &job["cancel"]["charged"]),
        (StatusCode::OK, &json!("canceled"), &json!(false))
    );
}

#[tokio::test]
async fn what_can_not_be_stopped_says_so_and_is_paid_for() {
    // As a plain Cog container, which knows no way to stop what is asked of it synchronously.
    let (worker, studio, id) = at_work(Behaviour::Normal).await;
    let asked = cancel(&studio, &id).await;
    let told = asked.json()["job"]["cancel"].clone();
    assert_eq!((asked.status, told.get("charged")), (StatusCode::ACCEPTED, None), "a wish, not a promise: {told}");
    worker.release();
    let end = studio.end_of(&id).await.unwrap();
    assert_eq!(
        (&end["status"], &end["cancel"]["charged"], &end["cost"]["amount"]),
        (&json!("succeeded"), &json!(true), &json!("0.5"))
    );
}

#[tokio::test]
async fn a_job_past_its_deadline_expires() {
    let worker = CogWorker::start(Behaviour::Async).unwrap();
    let studio = with_worker(&worker);
    worker.hold();
    let running = submit(&studio, &lab()).await;
    let soon =
        std::process::Command::new("date").args(["-u", "-d", "+5 seconds", "+%Y-%m-%dT%H:%M:%SZ"]).output().unwrap();
    let mut body = lab();
    body["deadline"] = json!(String::from_utf8(soon.stdout).unwrap().trim());
    let waiting = submit(&studio, &body).await;
    let end = studio.end_of(&waiting).await.unwrap();
    assert_eq!((&end["status"], &end["cost"]["amount"]), (&json!("expired"), &json!("0")));
    worker.release();
    assert_eq!(studio.end_of(&running).await.unwrap()["status"], "succeeded");
}

#[tokio::test]
async fn what_ended_without_a_result_can_be_done_again() {
    let worker = CogWorker::start(Behaviour::Async).unwrap();
    let studio = with_worker(&worker);
    worker.hold();
    let running = submit(&studio, &lab()).await;
    let canceled = submit(&studio, &lab()).await;
    let path = |id: &str, verb: &str| format!("/api/v1/jobs/{id}/{verb}");
    let post = |path: String| Studio::send(studio.request(Method::POST, &path));
    assert_eq!(post(path(&canceled, "cancel")).await.unwrap().status, StatusCode::OK);
    // Not while it goes on, and not after a result.
    let refused = post(path(&running, "retry")).await.unwrap();
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]), (409, &json!("not_to_retry")));
    worker.release();
    assert_eq!(studio.end_of(&running).await.unwrap()["status"], "succeeded");
    assert_eq!(post(path(&running, "retry")).await.unwrap().status, StatusCode::CONFLICT);
    let absent = "019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b";
    assert_eq!(post(path(absent, "retry")).await.unwrap().status, StatusCode::NOT_FOUND);
    // A new job, with a hold of its own, that names the one before; the same key is the same job, but not for another one.
    let again = |id: &str| studio.request(Method::POST, &path(id, "retry")).header("idempotency-key", "k");
    let first = Studio::send(again(&canceled)).await.unwrap();
    assert_eq!(first.status, StatusCode::ACCEPTED, "{:?}", first.json());
    let second = Studio::send(again(&canceled)).await.unwrap();
    assert_eq!((&first.json()["jobId"], second.header("idempotent-replayed")), (&second.json()["jobId"], "true"));
    assert_eq!(Studio::send(again(&running)).await.unwrap().status, StatusCode::UNPROCESSABLE_ENTITY);
    let end = studio.end_of(first.json()["jobId"].as_str().unwrap()).await.unwrap();
    assert_eq!((&end["status"], &end["retryOf"]), (&json!("succeeded"), &json!(canceled)));
    let before = studio.get(&path(&canceled, "")[..path(&canceled, "").len() - 1]).await.unwrap().json();
    assert_eq!(before["job"]["status"], "canceled", "what ended stays as it is");
    assert_eq!(studio.verify().unwrap()["violations"], json!([]));
}

#[tokio::test]
async fn a_stream_ends_when_its_key_is_revoked() {
    let worker = CogWorker::start(Behaviour::Async).unwrap();
    let studio = with_worker(&worker);
    worker.hold();
    let made = studio.run_json(&["key", "create", "--user", "a@example.com", "--name", "x"]).unwrap();
    let key = made["key"].as_str().unwrap();
    let request = studio.request_as(key, Method::POST, IMAGE).header("Prefer", "wait=0").json(&lab());
    let id = Studio::send(request).await.unwrap().json()["jobId"].as_str().unwrap().to_owned();
    let request = studio.request_as(key, Method::GET, &format!("/api/v1/jobs/{id}/events"));
    let mut stream = request.send().await.unwrap();
    assert_eq!(stream.status(), StatusCode::OK);
    assert!(stream.chunk().await.unwrap().is_some(), "it is open");
    studio.run_json(&["key", "revoke", made["id"].as_str().unwrap()]).unwrap();
    // The job is held, so nothing but the revocation can end the stream.
    while stream.chunk().await.unwrap().is_some() {}
    let again = Studio::send(studio.request_as(key, Method::GET, "/api/v1/jobs")).await.unwrap();
    assert_eq!(again.status, StatusCode::UNAUTHORIZED);
    worker.release();
}
