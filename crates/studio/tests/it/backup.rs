//! Backups: made while the server is at work, brought back into a fresh folder, and good; and what is refused or told when
//! something is wrong.

use crate::{IMAGE, PRICED, jobs, pages, seeded, setup, small, studio};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
    process::Output,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};
use studio_testkit::{
    cog_worker::{Behaviour, CogWorker},
    studio::Studio,
};

/// What a command said, on both ways.
fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn path_text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A backup in a folder of its own, that must succeed; more flags may be given.
fn back_up(studio: &Studio, to: &Path, flags: &[&str]) -> Value {
    let made = studio.run_json(&[&["backup", path_text(to)], flags].concat()).unwrap();
    assert_eq!(made["missing"], json!([]), "{made}");
    made
}

/// A studio that is not started yet, on what a backup had.
fn restored(backup: &Path, key: &str, config: &str, flags: &[&str]) -> (Studio, Value) {
    let studio = Studio::unstarted(setup().config(config), key).unwrap();
    let told = studio.run_json(&[&["restore", path_text(backup)], flags].concat()).unwrap();
    assert_eq!(told["restored"], true, "{told}");
    (studio, told)
}

fn assert_clean(studio: &Studio) {
    let verified = studio.verify().unwrap();
    assert_eq!((&verified["sum"], &verified["violations"]), (&json!("0"), &json!([])), "{verified}");
}

/// Pictures that were made.
async fn pictures(studio: &Studio) -> Vec<Value> {
    pages(studio, "/api/v1/jobs?limit=100&status=succeeded&modality=image").await
}

/// The path of a picture's blob.
async fn blob_of(studio: &Studio, url: &str) -> PathBuf {
    let tag = studio.get(url).await.unwrap().header("etag").trim_matches('"').to_owned();
    studio.data().join("blobs/blobs").join(&tag[..2]).join(&tag)
}

#[tokio::test]
async fn snapshots_under_load_are_whole_studios() {
    const SNAPSHOTS: usize = 4;
    let place = tempfile::tempdir().unwrap();
    let live = Studio::start(setup().config(PRICED)).unwrap();
    let (stop, accepted) = (AtomicBool::new(false), AtomicU32::new(0));
    let load = async {
        while !stop.load(Ordering::Relaxed) {
            let n = accepted.fetch_add(1, Ordering::Relaxed);
            let request = live.request(Method::POST, IMAGE).header("Prefer", "wait=0").json(&seeded("a hill", n));
            assert_eq!(Studio::send(request).await.unwrap().status, StatusCode::ACCEPTED);
            let chat = json!({ "messages": [{ "role": "user", "content": "How do I set a budget?" }] });
            let request = live.request(Method::POST, "/api/v1/chat").header("Prefer", "wait=0").json(&chat);
            assert_eq!(Studio::send(request).await.unwrap().status, StatusCode::ACCEPTED);
        }
    };
    let snapshots = async {
        let mut made = Vec::new();
        for n in 0..SNAPSHOTS {
            // More is there than the time before, and something that was made.
            let before = accepted.load(Ordering::Relaxed);
            while accepted.load(Ordering::Relaxed) < before + 5 || pictures(&live).await.is_empty() {
                tokio::task::yield_now().await;
            }
            let (folder, binary, data) = (place.path().join(n.to_string()), env!("CARGO_BIN_EXE_studio"), live.data());
            let mut command = tokio::process::Command::new(binary);
            let data = path_text(&data).to_owned();
            // Beside the load, which goes on in this very thread.
            let output =
                command.args(["backup", path_text(&folder), "--json", "--data", &data]).output().await.unwrap();
            assert!(output.status.success(), "{}", text(&output));
            made.push((folder, serde_json::from_slice::<Value>(&output.stdout).unwrap()));
        }
        stop.store(true, Ordering::Relaxed);
        made
    };
    let ((), made) = tokio::join!(load, snapshots);
    let mut before = 0;
    for (folder, manifest) in made {
        let jobs = manifest["jobs"].as_u64().unwrap();
        assert!(jobs > before, "it went on meanwhile: {manifest}");
        before = jobs;
        let (mut studio, told) = restored(&folder, live.key(), PRICED, &[]);
        assert_eq!(told["jobs"], manifest["jobs"]);
        assert_clean(&studio);
        studio.launch().unwrap();
        let mut served = 0;
        for job in &pictures(&studio).await {
            for output in job["outputs"].as_array().unwrap() {
                let url = output["url"].as_str().unwrap();
                let (there, here) = (live.get(url).await.unwrap(), studio.get(url).await.unwrap());
                assert_eq!(here.status, StatusCode::OK);
                // What was queued in the snapshot is made here anew, under a name that the other one doesn't know.
                if there.status == StatusCode::OK {
                    assert_eq!(here.body, there.body);
                    served += 1;
                }
            }
        }
        // Each has another seed, so another blob.
        assert!(served > 0 && json!(served) == manifest["blobs"], "{served} of {manifest}");
        // What was queued, or under way, comes to its end here.
        for job in pages(&studio, "/api/v1/jobs?limit=100").await {
            let end = studio.end_of(job["id"].as_str().unwrap()).await.unwrap();
            assert_eq!(end["status"], "succeeded", "{end}");
        }
        assert_clean(&studio);
    }
}

#[tokio::test]
async fn a_backup_of_a_studio_that_does_not_run_has_what_was_still_in_its_log() {
    let place = tempfile::tempdir().unwrap();
    let mut live = studio();
    let made = live.post(IMAGE, &small("a bird")).await.unwrap().json();
    let url = made["images"][0]["url"].as_str().unwrap();
    let body = live.get(url).await.unwrap().body;
    live.kill().unwrap();
    let told = back_up(&live, &place.path().join("killed"), &["--verify"]);
    assert_eq!((&told["jobs"], &told["blobs"], &told["verified"]), (&json!(1), &json!(1), &json!(true)));
    live.launch().unwrap();
    live.stop().unwrap();
    back_up(&live, &place.path().join("stopped"), &["--copy"]);
    for name in ["killed", "stopped"] {
        let (mut studio, _) = restored(&place.path().join(name), live.key(), "", &[]);
        studio.launch().unwrap();
        assert_eq!(studio.get(url).await.unwrap().body, body, "{name}");
    }
}

#[tokio::test]
async fn blobs_are_links_on_one_disk_and_copies_where_wanted_or_brought_back() {
    let live = studio();
    let made = live.post(IMAGE, &small("a bee")).await.unwrap().json();
    let blob = blob_of(&live, made["images"][0]["url"].as_str().unwrap()).await;
    // In the data folder's own place, so on the same disk.
    let place = live.data().join("backups");
    let linked = back_up(&live, &place.join("linked"), &["--verify"]);
    assert_eq!((&linked["linked"], &linked["copied"]), (&json!(1), &json!(0)));
    let copied = back_up(&live, &place.join("copied"), &["--copy"]);
    assert_eq!((&copied["linked"], &copied["copied"]), (&json!(0), &json!(1)));
    let (studio, _) = restored(&place.join("linked"), live.key(), "", &[]);
    let relative = blob.strip_prefix(live.data()).unwrap();
    let inode = |path: PathBuf| fs::metadata(path).unwrap().ino();
    assert_eq!(inode(place.join("linked").join(relative)), inode(blob.clone()));
    assert_ne!(inode(place.join("copied").join(relative)), inode(blob.clone()));
    assert_ne!(inode(studio.data().join(relative)), inode(blob), "a studio and its backup share nothing");
}

#[tokio::test]
async fn what_is_no_place_for_it_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let mut live = studio();
    let (backup, full, file) = (place.path().join("backup"), place.path().join("full"), place.path().join("file"));
    fs::create_dir(&full).unwrap();
    fs::write(full.join("mine"), "mine").unwrap();
    fs::write(&file, "mine").unwrap();
    for (folder, word) in [(&full, "is not empty"), (&file, "is a file")] {
        let output = live.run(&["backup", path_text(folder)]).unwrap();
        assert!(!output.status.success() && text(&output).contains(word), "{}", text(&output));
    }
    let output = live.run(&["backup", path_text(&backup), "--data", path_text(&full)]).unwrap();
    assert!(!output.status.success() && text(&output).contains("there is no studio in"), "{}", text(&output));
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2, "nothing is left of what was refused");

    // An empty folder may be the place.
    fs::create_dir(&backup).unwrap();
    back_up(&live, &backup, &[]);
    let again = live.run(&["backup", path_text(&backup)]).unwrap();
    assert!(!again.status.success() && text(&again).contains("is not empty"), "{}", text(&again));

    let refused = |studio: &Studio, arguments: &[&str], word: &str| {
        let output = studio.run(arguments).unwrap();
        assert!(!output.status.success() && text(&output).contains(word), "{arguments:?}: {}", text(&output));
    };
    refused(&live, &["restore", path_text(&backup)], "another studio server uses");
    live.stop().unwrap();
    refused(&live, &["restore", path_text(&backup)], "has a studio.db in it");
    let mut fresh = Studio::unstarted(setup(), "").unwrap();
    refused(&fresh, &["restore", path_text(&full)], "is no backup");
    // A backup stays as it is: nothing is served from it, nor brought back over it.
    refused(&fresh, &["restore", path_text(&backup), "--data", path_text(&backup)], "has a studio.db in it");
    fs::create_dir_all(fresh.data()).unwrap();
    let manifest = fresh.data().join("backup.json");
    fs::copy(backup.join("backup.json"), &manifest).unwrap();
    assert!(fresh.launch().is_err() && fresh.log().contains("is a backup"), "{}", fresh.log());
    fs::remove_file(manifest).unwrap();
    fs::create_dir_all(fresh.data().join("blobs/blobs/ab")).unwrap();
    refused(&fresh, &["restore", path_text(&backup)], "whose are they?");
}

#[tokio::test]
async fn a_backup_that_was_broken_off_is_none_and_stands_in_nobodys_way() {
    let place = tempfile::tempdir().unwrap();
    let live = studio();
    let made = live.post(IMAGE, &small("a bee")).await.unwrap().json();
    let backup = place.path().join("backup");
    // Killed as soon as something of it is there. Should it have been faster, it is a whole one.
    for _ in 0..5 {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_studio"));
        command.args(["backup", "--copy", path_text(&backup), "--data", path_text(&live.data())]);
        let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
        let left = fs::read_dir(place.path()).unwrap().count();
        while fs::read_dir(place.path()).unwrap().count() == left && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if backup.exists() {
            restored(&backup, live.key(), "", &[]);
            fs::remove_dir_all(&backup).unwrap();
        }
    }
    back_up(&live, &backup, &[]);

    // One that can't go on says so, and clears away what it began.
    let (left, broken) = (fs::read_dir(place.path()).unwrap().count(), place.path().join("broken"));
    let blob = blob_of(&live, made["images"][0]["url"].as_str().unwrap()).await;
    fs::remove_dir_all(blob.parent().unwrap()).unwrap();
    fs::write(blob.parent().unwrap(), "no folder").unwrap();
    let output = live.run(&["backup", path_text(&broken)]).unwrap();
    assert!(!output.status.success() && text(&output).contains("blobs are not available"), "{}", text(&output));
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), left);
}

#[tokio::test]
async fn a_restore_that_was_broken_off_is_no_studio_and_is_done_again() {
    let place = tempfile::tempdir().unwrap();
    let live = studio();
    live.post(IMAGE, &small("a bee")).await.unwrap();
    let backup = place.path().join("backup");
    back_up(&live, &backup, &[]);
    // As it lies there when the power goes after the blobs were moved.
    let mut fresh = Studio::unstarted(setup(), live.key()).unwrap();
    fs::create_dir_all(fresh.data().join("blobs/blobs/ab")).unwrap();
    fs::create_dir_all(fresh.data().join("restoring")).unwrap();
    fs::write(fresh.data().join("restoring/studio.db"), "half of it").unwrap();
    assert!(fresh.launch().is_err() && fresh.log().contains("run studio restore again"), "{}", fresh.log());
    fresh.run_json(&["restore", path_text(&backup)]).unwrap();
    assert!(!fresh.data().join("restoring").exists() && !fresh.data().join("blobs/blobs/ab").exists());
    fresh.launch().unwrap();
    assert_eq!(pictures(&fresh).await.len(), 1);
}

#[tokio::test]
async fn a_backup_that_lost_something_says_what() {
    let place = tempfile::tempdir().unwrap();
    let live = studio();
    live.post(IMAGE, &small("a bee")).await.unwrap();
    let made = live.post(IMAGE, &seeded("a wasp", 3)).await.unwrap().json();
    let blob = blob_of(&live, made["images"][0]["url"].as_str().unwrap()).await;
    let hash = blob.file_name().unwrap().to_str().unwrap().to_owned();
    let bytes = fs::read(&blob).unwrap();

    // One letter in the middle: the same size, so only who hashes sees it.
    let mut changed = bytes.clone();
    changed[40] ^= 1;
    fs::write(&blob, &changed).unwrap();
    let output = live.run(&["backup", path_text(&place.path().join("other")), "--verify"]).unwrap();
    assert!(
        !output.status.success() && text(&output).contains(&format!("{hash} has other bytes")),
        "{}",
        text(&output)
    );
    back_up(&live, &place.path().join("unseen"), &[]);
    let fresh = Studio::unstarted(setup(), live.key()).unwrap();
    let output = fresh.run(&["restore", path_text(&place.path().join("unseen"))]).unwrap();
    assert!(!output.status.success() && text(&output).contains(&hash), "{}", text(&output));
    assert!(!fresh.data().join("studio.db").exists(), "nothing was restored");

    fs::remove_file(&blob).unwrap();
    let missing = place.path().join("missing");
    let told = live.run_json(&["backup", path_text(&missing)]).unwrap();
    assert_eq!((&told["blobs"], &told["missing"][0]["hash"]), (&json!(1), &json!(hash)), "{told}");
    let refused = fresh.run_json(&["restore", path_text(&missing)]).unwrap();
    assert_eq!((&refused["restored"], &refused["missing"][0]["hash"]), (&json!(false), &json!(hash)));
    let told = fresh.run_json(&["restore", path_text(&missing), "--allow-missing"]).unwrap();
    assert_eq!((&told["restored"], &told["blobs"]), (&json!(true), &json!(1)));
}

#[tokio::test]
async fn a_backup_whose_database_was_changed_is_not_brought_back() {
    let place = tempfile::tempdir().unwrap();
    let live = studio();
    live.post(IMAGE, &small("a quiet harbour")).await.unwrap();
    let backup = place.path().join("backup");
    back_up(&live, &backup, &[]);
    let database = backup.join("studio.db");
    let mut bytes = fs::read(&database).unwrap();
    // A letter within a text, which SQLite could not know to be wrong.
    let at = bytes.windows(13).position(|window| window == b"quiet harbour").unwrap();
    bytes[at] = b'Q';
    fs::write(&database, bytes).unwrap();
    let fresh = Studio::unstarted(setup(), live.key()).unwrap();
    let output = fresh.run(&["restore", path_text(&backup)]).unwrap();
    assert!(!output.status.success() && text(&output).contains("its bytes have changed"), "{}", text(&output));
    assert!(!fresh.data().join("studio.db").exists() && !fresh.data().join("restoring").exists());
}

/// Overwrites pages of a database with what no page is, from one of them on.
pub(crate) fn damage(database: &Path, from: u64) {
    let file = fs::File::options().write(true).open(database).unwrap();
    let pages = file.metadata().unwrap().len() / 4096;
    assert!(pages > from, "{pages} pages");
    for page in from..pages {
        file.write_all_at(&[0xa5; 4096], page * 4096).unwrap();
    }
}

/// A studio that was brought back and not started: all that it has lies in the database's file, and nothing in a log beside it.
pub(crate) async fn all_in_the_file(live: &Studio, backup: &Path) -> (Studio, String) {
    let made = live.post(IMAGE, &small("a bird")).await.unwrap().json();
    back_up(live, backup, &[]);
    let (studio, _) = restored(backup, live.key(), "", &[]);
    (studio, made["images"][0]["url"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_damaged_database_is_not_started_on_and_the_backup_is_as_good_as_new() {
    let (place, live) = (tempfile::tempdir().unwrap(), studio());
    let backup = place.path().join("backup");
    let (mut hurt, url) = all_in_the_file(&live, &backup).await;
    let database = hurt.data().join("studio.db");
    damage(&database, 4);
    let before = fs::read(&database).unwrap();
    assert!(hurt.launch().is_err(), "it was started on what is damaged");
    let said = hurt.log();
    for word in [path_text(&database), "is damaged", "Don't delete it", "studio restore", "last backup"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert_eq!(fs::read(&database).unwrap(), before, "it was left as it is");
    let output = hurt.run(&["backup", path_text(&place.path().join("of damage"))]).unwrap();
    assert!(!output.status.success() && text(&output).contains("is damaged"), "{}", text(&output));
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "a damaged database takes no good backup's place");

    let (mut studio, _) = restored(&backup, live.key(), "", &[]);
    studio.launch().unwrap();
    assert_eq!(studio.get(&url).await.unwrap().body, live.get(&url).await.unwrap().body);
    assert_clean(&studio);
}

#[tokio::test]
async fn damage_that_is_met_while_it_runs_is_told_and_the_server_is_not_ready() {
    let (place, live) = (tempfile::tempdir().unwrap(), studio());
    let (mut studio, _) = all_in_the_file(&live, &place.path().join("backup")).await;
    studio.launch().unwrap();
    assert_eq!(studio.get("/api/v1/health/ready").await.unwrap().status, StatusCode::OK);
    // Little of it is in memory yet, so it is the file that is read.
    damage(&studio.data().join("studio.db"), 1);
    let mut tries = 0;
    let ready = loop {
        studio.get("/api/v1/jobs?limit=100").await.unwrap();
        studio.get("/api/v1/usage/entries?limit=100").await.unwrap();
        let ready = studio.get("/api/v1/health/ready").await.unwrap();
        tries += 1;
        assert!(tries < 100, "nobody noticed");
        if ready.status != StatusCode::OK {
            break ready;
        }
    };
    assert_eq!(ready.json()["checks"]["database"], "failed");
    let log = studio.log();
    assert!(log.contains("the database is damaged") && log.contains("studio restore"), "{log}");
}

#[tokio::test]
async fn jobs_of_before_are_gone_on_with_or_canceled_and_nothing_is_sent_twice_unasked() {
    let place = tempfile::tempdir().unwrap();
    let worker = CogWorker::start(Behaviour::Async).unwrap();
    let live = jobs::with_worker(&worker);
    worker.hold();
    let mut asked = Vec::new();
    for _ in 0..3 {
        asked.push(crate::submit(&live, &jobs::lab()).await);
    }
    worker.wait_for_predictions(1);
    let backup = place.path().join("backup");
    back_up(&live, &backup, &[]);
    let fresh = Studio::unstarted(setup(), live.key()).unwrap();
    let told = fresh.run_json(&["restore", path_text(&backup), "--cancel-queued"]).unwrap();
    assert_eq!((&told["queued"], &told["canceled"], &told["underWay"]), (&json!(0), &json!(2), &json!(1)), "{told}");
    assert_clean(&fresh);
    let said = Studio::unstarted(setup(), live.key()).unwrap().run(&["restore", path_text(&backup)]).unwrap();
    let said = text(&said);
    for word in ["2 jobs are queued", "paid twice", "--cancel-queued", "1 jobs were under way", "unknown"] {
        assert!(said.contains(word), "{word}: {said}");
    }
}
