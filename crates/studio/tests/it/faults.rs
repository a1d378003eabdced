//! Faults of the machine below: no room, places that can't be written, workers that hang, eat memory or die again and again.
//! What comes is refused with a clear word or waits; nothing is corrupted; and all goes on by itself when the cause goes away.

use crate::{IMAGE, PRICED, assert_clean, crashes::worker_of, setup, small, studio, submit};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    fs,
    time::{Duration, Instant},
};
use studio_testkit::{
    studio::{Studio, children_of, is_running, kill_process},
    system::{Signal, limit_files, limit_memory, mapped, signal},
    torture::disks::no_room,
};

async fn job(studio: &Studio, id: &str) -> Value {
    studio.get(&format!("/api/v1/jobs/{id}")).await.unwrap().json()["job"].clone()
}

/// A picture that takes a while.
fn large() -> Value {
    json!({ "prompt": "a storm over the sea", "width": 2048, "height": 2048, "seed": 7 })
}

#[tokio::test]
async fn without_room_for_any_file_it_refuses_and_then_goes_on() {
    let studio = Studio::start(setup().config(PRICED)).unwrap();
    let pid = studio.pid().unwrap();
    // Not one byte more in any file: its log, too.
    no_room(&studio, || limit_files(pid, Some(0)), || limit_files(pid, None)).await.unwrap();
}

#[tokio::test]
async fn without_room_for_longer_files_it_refuses_and_then_goes_on() {
    let studio = Studio::start(setup().config(PRICED)).unwrap();
    let pid = studio.pid().unwrap();
    let log = fs::metadata(studio.data().join("studio.db-wal")).unwrap().len();
    // What is there may be written over, and grow a little: the middle of a write is reached, not its beginning.
    no_room(&studio, || limit_files(pid, Some(log + 100_000)), || limit_files(pid, None)).await.unwrap();
}

#[tokio::test]
async fn a_limit_on_files_from_the_start_is_a_full_disk_and_no_end() {
    // Its log is a file, too: only what matters is in it.
    let setup = setup().variable("STUDIO_LOG", "warn").wrapped("ulimit -f 1400; exec \"$@\"");
    let studio = Studio::start(setup).unwrap();
    // Too large for it: it waits with its result, and others are served.
    let noise = json!({ "prompt": "an abstract storm of noise", "width": 1024, "height": 1024, "seed": 7 });
    let waiting = submit(&studio, &noise).await;
    while !studio.log().contains("no space left for outputs") && !studio.log().contains("no space left for blobs") {
        assert!(job(&studio, &waiting).await["endedAt"].is_null(), "{:?}", job(&studio, &waiting).await);
        tokio::task::yield_now().await;
    }
    assert_eq!(studio.post(IMAGE, &small("a tree")).await.unwrap().status, StatusCode::OK);
    limit_files(studio.pid().unwrap(), None).unwrap();
}

#[tokio::test]
async fn f11_where_blobs_can_not_be_written_it_is_not_ready_and_jobs_wait() {
    let studio = Studio::start(setup().config(PRICED)).unwrap();
    let first = studio.post(IMAGE, &small("a tree")).await.unwrap().json();
    let passing = studio.data().join("blobs/blobs/tmp");
    fs::remove_dir_all(&passing).unwrap();
    fs::write(&passing, "no folder any more").unwrap();
    let waiting = submit(&studio, &small("another tree")).await;
    while !studio.log().contains("asset store failed a request") {
        assert!(job(&studio, &waiting).await["endedAt"].is_null());
        tokio::task::yield_now().await;
    }
    let ready = studio.get("/api/v1/health/ready").await.unwrap();
    assert_eq!((ready.status.as_u16(), &ready.json()["checks"]["blobs"]), (503, &json!("failed")));
    assert_eq!(studio.get(first["images"][0]["url"].as_str().unwrap()).await.unwrap().status, StatusCode::OK);
    fs::remove_file(&passing).unwrap();
    fs::create_dir(&passing).unwrap();
    assert_eq!(studio.end_of(&waiting).await.unwrap()["status"], "succeeded");
    assert_eq!(studio.get("/api/v1/health/ready").await.unwrap().status, StatusCode::OK);
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn f11_where_the_database_can_not_be_written_it_is_not_ready() {
    let studio = studio();
    let pid = studio.pid().unwrap();
    let ready = || async {
        let reply = studio.get("/api/v1/health/ready").await.unwrap();
        (reply.status.as_u16(), reply.json())
    };
    assert_eq!(ready().await.0, 200);
    limit_files(pid, Some(0)).unwrap();
    // Whoever asks often is told what was found a moment ago.
    let deadline = Instant::now() + Duration::from_secs(20);
    let failed = loop {
        let (status, body) = ready().await;
        if body["checks"]["database"] == "failed" {
            break (status, body);
        }
        assert!(Instant::now() < deadline, "{body}");
    };
    assert_eq!((failed.0, &failed.1["success"], &failed.1["status"]), (503, &json!(false), &json!("unavailable")));
    assert_eq!(studio.get("/api/v1/health/live").await.unwrap().status, StatusCode::OK, "no reason to be started anew");
    limit_files(pid, None).unwrap();
    while ready().await.0 != 200 {}
}

#[tokio::test]
async fn a_worker_that_gets_no_more_memory_dies_and_its_job_is_done_by_the_next_one() {
    let studio = Studio::start(setup().config(PRICED)).unwrap();
    assert_eq!(studio.post(IMAGE, &small("a tree")).await.unwrap().status, StatusCode::OK);
    let worker = worker_of(&studio);
    limit_memory(worker, Some(mapped(worker).unwrap() + (1 << 20))).unwrap();
    let id = submit(&studio, &large()).await;
    let end = studio.end_of(&id).await.unwrap();
    assert_eq!((&end["status"], end["attempt"].as_u64() > Some(1)), (&json!("succeeded"), true), "{end}");
    assert_ne!(worker_of(&studio), worker);
    assert_clean(&studio, 0);
}

/// A studio whose pictures have so many seconds to begin, and so many in all.
fn impatient(first_byte: u32, total: u32) -> Studio {
    let limits = format!("first_byte_limit_s = {first_byte}\ntotal_limit_s = {total}\n");
    Studio::start(setup().config(&format!("[[models]]\nid = \"sketch\"\n{limits}[models.prices]\nimage = 0.002\n")))
        .unwrap()
}

#[tokio::test]
async fn a_worker_that_hangs_when_it_is_given_work_is_killed_and_the_work_done_by_the_next_one() {
    let studio = impatient(1, 60);
    assert_eq!(studio.post(IMAGE, &small("a tree")).await.unwrap().status, StatusCode::OK);
    let worker = worker_of(&studio);
    signal(worker, Signal::STOP).unwrap();
    let id = submit(&studio, &small("another tree")).await;
    let end = studio.end_of(&id).await.unwrap();
    assert_eq!((&end["status"], end["attempt"].as_u64() > Some(1)), (&json!("succeeded"), true), "{end}");
    assert!(!is_running(worker));
    assert_eq!(studio.post(IMAGE, &small("a third tree")).await.unwrap().status, StatusCode::OK);
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn a_worker_that_hangs_in_the_middle_of_its_work_is_killed_when_its_time_is_over() {
    let studio = impatient(30, 6);
    let mut pictures = json!({ "prompt": "a storm", "width": 512, "height": 512, "numImages": 4 });
    let mut tries = 0;
    // Until one is caught in the middle: a worker is quick.
    loop {
        tries += 1;
        pictures["seed"] = tries.into();
        let id = submit(&studio, &pictures).await;
        while job(&studio, &id).await["status"] == "submitting" {
            tokio::task::yield_now().await;
        }
        let worker = worker_of(&studio);
        signal(worker, Signal::STOP).unwrap();
        // It ends. How, is a matter of what this machine has to do besides: the second attempt has six seconds, too.
        let end = studio.end_of(&id).await.unwrap();
        if end["attempt"].as_u64() > Some(1) {
            assert!(!is_running(worker), "{end}");
            break;
        }
        signal(worker, Signal::CONT).unwrap();
    }
    assert_eq!(studio.post(IMAGE, &small("a tree")).await.unwrap().status, StatusCode::OK);
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn a_worker_that_dies_again_and_again_leaves_a_dead_letter_and_not_a_loop() {
    let studio = studio();
    let id = submit(&studio, &large()).await;
    while job(&studio, &id).await["endedAt"].is_null() {
        for (worker, _) in children_of(studio.pid().unwrap()) {
            // It may be gone already.
            drop(kill_process(worker));
        }
    }
    let letters = studio.get("/api/v1/dead-letters").await.unwrap().json();
    let [letter] = &letters["items"].as_array().unwrap()[..] else { panic!("not one: {letters}") };
    // Three faults; that it had to wait for a worker that keeps dying is none.
    assert!(letter["jobId"] == id.as_str() && letter["attempt"].as_u64() >= Some(3), "{letter}");
    let again = Studio::send(studio.request(Method::POST, &format!("/api/v1/jobs/{id}/retry"))).await.unwrap();
    let end = studio.end_of(again.json()["jobId"].as_str().unwrap()).await.unwrap();
    assert_eq!(end["status"], "succeeded", "{end}");
    assert_eq!(studio.get("/api/v1/dead-letters").await.unwrap().json()["items"], json!([]));
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn a_taken_port_is_named_and_nothing_is_touched() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_studio"))
        .args(["serve", "--listen", &address])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(&format!("can't listen on {address}")) && text.contains("--listen"), "{text}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no data folder was made");
}
