//! Providers that misbehave: each job ends, or is unknown with its money held, and nothing is paid twice.

use crate::{IMAGE, assert_clean, setup};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use studio_testkit::{
    cog_worker::{Behaviour, CogWorker},
    studio::{Reply, Studio},
};

/// A studio with one model, `lab`, on that worker, at half a dollar a picture.
fn with_worker(worker: &CogWorker, polled: bool) -> Studio {
    let config = format!(
        "[providers.lab]\nkind = \"cog\"\nbase_url = \"{}\"\npolled = {polled}\n\
         [[models]]\nid = \"lab\"\nmodality = \"image\"\nprovider = \"lab\"\n[models.prices]\nimage = 0.5\n",
        worker.base_url()
    );
    Studio::start(setup().config(&config)).unwrap()
}

async fn make(studio: &Studio) -> Reply {
    studio.post(IMAGE, &json!({ "prompt": "a test", "modelId": "lab" })).await.unwrap()
}

#[tokio::test]
async fn a_plain_cog_container_is_a_provider() {
    let worker = CogWorker::start(Behaviour::Normal).unwrap();
    let studio = with_worker(&worker, false);
    let reply = make(&studio).await;
    assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.json());
    assert_eq!(reply.json()["cost"]["amount"], "0.5");
    let input = worker.predictions()[0].input.clone();
    assert_eq!((&input["prompt"], &input["num_outputs"]), (&json!("a test"), &json!(1)));
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn what_a_provider_gets_wrong_fails_the_job_with_a_clear_reason_and_no_charge() {
    for (behaviour, reason) in [
        (Behaviour::Rejects422, "rejected_by_provider"),
        (Behaviour::FailedPrediction("out of memory".into()), "model_failed"),
        (Behaviour::NotAnImage, "bad_output"),
        (Behaviour::EmptyOutput, "bad_output"),
        (Behaviour::Oversize(80 << 20), "bad_output"),
        // An address inside our network, named by a provider: nobody goes there.
        (Behaviour::UrlOutput("http://127.0.0.1:9/picture.png".into()), "bad_output"),
    ] {
        let worker = CogWorker::start(behaviour.clone()).unwrap();
        let studio = with_worker(&worker, false);
        let reply = make(&studio).await;
        let body = reply.json();
        assert_eq!(
            (reply.status.as_u16(), &body["error"]),
            (502, &json!("generation_failed")),
            "{behaviour:?}: {body}"
        );
        assert_eq!(
            (&body["details"]["reason"], &body["details"]["cost"]["amount"]),
            (&json!(reason), &json!("0")),
            "{behaviour:?}"
        );
        assert_eq!(worker.predictions().len(), 1, "{behaviour:?}: not sent twice");
        assert_clean(&studio, 0);
    }
}

#[tokio::test]
async fn a_lost_answer_of_a_provider_that_charges_is_unknown_and_never_sent_again() {
    // A 500 proves nothing: it may have broken after the work was done.
    for behaviour in [Behaviour::DiesBeforeReply, Behaviour::DiesMidReply, Behaviour::ServerError500] {
        let worker = CogWorker::start(behaviour.clone()).unwrap();
        let mut studio = with_worker(&worker, false);
        let reply = make(&studio).await;
        assert_eq!(reply.status, StatusCode::ACCEPTED, "{behaviour:?}: whoever waits is told: {:?}", reply.json());
        assert_eq!(reply.json()["status"], "unknown");
        // Neither time nor a restart sends it again; the money stays held.
        studio.kill().unwrap();
        studio.launch().unwrap();
        let id = reply.json()["jobId"].as_str().unwrap().to_owned();
        let job = studio.get(&format!("/api/v1/jobs/{id}")).await.unwrap().json()["job"].clone();
        assert_eq!(
            (&job["status"], &job["hold"]["amount"], &job["error"]["code"]),
            (&json!("unknown"), &json!("0.5"), &json!("reply_lost"))
        );
        assert_eq!(worker.requests(), 1, "{behaviour:?}: sent once");
        assert_clean(&studio, 1);
        let cancel = studio.request(Method::POST, &format!("/api/v1/jobs/{id}/cancel"));
        assert_eq!(Studio::send(cancel).await.unwrap().status, StatusCode::ACCEPTED, "only a wish");
    }
}

#[tokio::test]
async fn a_lost_answer_of_a_provider_that_can_be_asked_is_found_again() {
    let worker = CogWorker::start(Behaviour::AsyncLosesFirstReply).unwrap();
    let studio = with_worker(&worker, true);
    let reply = make(&studio).await;
    let id = reply.json()["jobId"].as_str().unwrap().to_owned();
    // Unknown at first; then the sweep asks, and the provider knows it.
    let end = studio.end_of(&id).await.unwrap();
    assert_eq!((&end["status"], &end["cost"]["amount"]), (&json!("succeeded"), &json!("0.5")), "{end}");
    assert_eq!(worker.predictions().len(), 1, "one submit, one charge");
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn a_restart_goes_on_with_what_a_provider_still_has() {
    let worker = CogWorker::start(Behaviour::Async).unwrap();
    let mut studio = with_worker(&worker, true);
    worker.hold();
    let request = studio.request(Method::POST, IMAGE).header("Prefer", "wait=0");
    let reply = Studio::send(request.json(&json!({ "prompt": "long", "modelId": "lab" }))).await.unwrap();
    let id = reply.json()["jobId"].as_str().unwrap().to_owned();
    worker.wait_for_predictions(1);
    let path = format!("/api/v1/jobs/{id}");
    while studio.get(&path).await.unwrap().json()["job"]["status"] != "running" {
        tokio::task::yield_now().await;
    }
    studio.kill().unwrap();
    studio.launch().unwrap();
    worker.release();
    let end = studio.end_of(&id).await.unwrap();
    assert_eq!((&end["status"], &end["attempt"]), (&json!("succeeded"), &json!(1)), "{end}");
    assert_eq!((worker.predictions().len(), worker.canceled().len()), (1, 0), "neither sent again nor canceled");
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn a_provider_that_is_busy_or_not_ready_is_tried_again() {
    for behaviour in [Behaviour::Refuses409, Behaviour::NotReady503] {
        let worker = CogWorker::start(behaviour.clone()).unwrap();
        let studio = with_worker(&worker, false);
        let request = studio.request(Method::POST, IMAGE).header("Prefer", "wait=0");
        let reply = Studio::send(request.json(&json!({ "prompt": "again", "modelId": "lab" }))).await.unwrap();
        let id = reply.json()["jobId"].as_str().unwrap().to_owned();
        worker.wait_for_requests(1);
        worker.set(Behaviour::Normal);
        let end = studio.end_of(&id).await.unwrap();
        assert_eq!(end["status"], "succeeded", "{behaviour:?}: {end}");
        assert!(end["attempt"].as_u64().unwrap() > 1);
        assert_clean(&studio, 0);
    }
}

#[tokio::test]
async fn a_provider_that_is_not_there_fails_the_job_in_the_end() {
    let config = "[providers.gone]\nkind = \"cog\"\nbase_url = \"http://127.0.0.1:9\"\n\
                  [[models]]\nid = \"gone\"\nmodality = \"image\"\nprovider = \"gone\"\n[models.prices]\nimage = 0.5\n";
    let studio = Studio::start(setup().config(config)).unwrap();
    let reply = studio.post(IMAGE, &json!({ "prompt": "x", "modelId": "gone" })).await.unwrap();
    assert_eq!((reply.status.as_u16(), &reply.json()["details"]["reason"]), (502, &json!("provider_unavailable")));
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn one_slow_provider_does_not_hold_up_another() {
    let worker = CogWorker::start(Behaviour::Hang).unwrap();
    let studio = with_worker(&worker, false);
    let hanging = studio.request(Method::POST, IMAGE).header("Prefer", "wait=0");
    let hanging = Studio::send(hanging.json(&json!({ "prompt": "x", "modelId": "lab" }))).await.unwrap();
    let sketched = studio.post(IMAGE, &json!({ "prompt": "x", "width": 64, "height": 64 })).await.unwrap();
    assert_eq!(sketched.status, StatusCode::OK);
    let id = hanging.json()["jobId"].as_str().unwrap().to_owned();
    let job: Value = studio.get(&format!("/api/v1/jobs/{id}")).await.unwrap().json();
    assert_eq!(job["job"]["status"], "submitting");
}

#[tokio::test]
async fn an_output_that_is_not_there_at_once_is_fetched_again() {
    let worker = CogWorker::start(Behaviour::UrlOutputSecondTry).unwrap();
    let studio = with_worker(&worker, false);
    let reply = make(&studio).await;
    assert_eq!((reply.status, worker.requests()), (StatusCode::OK, 1), "{:?}", reply.json());
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn what_a_provider_had_and_forgot_is_not_sent_again_and_a_person_settles_it() {
    let worker = CogWorker::start(Behaviour::NoSuchPrediction).unwrap();
    let mut studio = with_worker(&worker, true);
    let reply = make(&studio).await;
    assert_eq!((reply.status, reply.json()["status"].as_str()), (StatusCode::ACCEPTED, Some("unknown")));
    let id = reply.json()["jobId"].as_str().unwrap().to_owned();
    // A fresh start asks after it, too.
    studio.kill().unwrap();
    studio.launch().unwrap();
    worker.wait_for_lookups(3);
    assert_eq!(worker.requests(), 1, "it had landed, whatever the provider remembers");
    assert_clean(&studio, 1);
    let resolved = studio.run_json(&["job", "resolve", &id, "--charged", "0.4"]).unwrap();
    let log = studio.get("/api/v1/audit?limit=1").await.unwrap().json();
    let told = &log["items"][0];
    assert_eq!((&told["action"], &told["via"]), (&"job.resolved".into(), &"command_line".into()), "{told}");
    assert_eq!((&resolved["status"], &resolved["cost"]), (&json!("failed"), &json!("0.4")));
    assert_eq!(studio.end_of(&id).await.unwrap()["cost"]["amount"], "0.4", "whoever follows it is told");
    assert!(!studio.run(&["job", "resolve", &id, "--not-landed"]).unwrap().status.success(), "once");
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn what_took_too_long_at_a_provider_that_charges_is_unknown_not_free() {
    let worker = CogWorker::start(Behaviour::Hang).unwrap();
    let config = format!(
        "[providers.lab]\nkind = \"cog\"\nbase_url = \"{}\"\n\
         [[models]]\nid = \"lab\"\nmodality = \"image\"\nprovider = \"lab\"\ntotal_limit_s = 1\n\
         [models.prices]\nimage = 0.5\n",
        worker.base_url()
    );
    let studio = Studio::start(setup().config(&config)).unwrap();
    let reply = make(&studio).await;
    assert_eq!((reply.status, reply.json()["status"].as_str()), (StatusCode::ACCEPTED, Some("unknown")));
    assert_clean(&studio, 1);
}

#[tokio::test]
async fn jobs_of_a_provider_that_left_the_configuration_are_not_stuck() {
    let worker = CogWorker::start(Behaviour::Async).unwrap();
    let mut studio = with_worker(&worker, true);
    studio
        .configure(&format!(
            "[providers.lab]\nkind = \"cog\"\nbase_url = \"{}\"\npolled = true\nconcurrency = 1\n\
         [[models]]\nid = \"lab\"\nmodality = \"image\"\nprovider = \"lab\"\n[models.prices]\nimage = 0.5\n",
            worker.base_url()
        ))
        .unwrap();
    studio.stop().unwrap();
    studio.launch().unwrap();
    worker.hold();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let request = studio.request(Method::POST, IMAGE).header("Prefer", "wait=0");
        let reply = Studio::send(request.json(&json!({ "prompt": "x", "modelId": "lab" }))).await.unwrap();
        ids.push(reply.json()["jobId"].as_str().unwrap().to_owned());
    }
    worker.wait_for_predictions(1);
    studio.kill().unwrap();
    studio.configure("").unwrap();
    studio.launch().unwrap();
    let waited = studio.end_of(&ids[1]).await.unwrap();
    assert_eq!((&waited["status"], &waited["cost"]["amount"]), (&json!("failed"), &json!("0")), "it never started");
    let sent = studio.get(&format!("/api/v1/jobs/{}", ids[0])).await.unwrap().json();
    assert_eq!(sent["job"]["status"], "unknown", "it was sent: a person must say");
    studio.run_json(&["job", "resolve", &ids[0], "--not-landed"]).unwrap();
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn what_was_finished_before_a_crash_is_asked_after_and_never_sent_again() {
    let worker = CogWorker::start(Behaviour::Normal).unwrap();
    // It answers its submit with success at once, and its output can't be fetched: the job stays in the collecting.
    worker.set(Behaviour::UrlOutput(format!("{}/nothing", worker.base_url())));
    let mut studio = with_worker(&worker, true);
    let request = studio.request(Method::POST, IMAGE).header("Prefer", "wait=0");
    let reply = Studio::send(request.json(&json!({ "prompt": "x", "modelId": "lab" }))).await.unwrap();
    let id = reply.json()["jobId"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/jobs/{id}");
    let reach = async |studio: &Studio, status: &str| {
        while studio.get(&path).await.unwrap().json()["job"]["status"] != status {
            tokio::task::yield_now().await;
        }
    };
    reach(&studio, "collecting").await;
    studio.kill().unwrap();
    studio.launch().unwrap();
    // Asked by our name for it, the worker has forgotten: nobody knows, and nobody sends it again.
    reach(&studio, "unknown").await;
    assert_eq!(worker.requests(), 1);
    studio.run_json(&["job", "resolve", &id, "--charged", "0.5"]).unwrap();
    assert_clean(&studio, 0);
}
