//! The master key and what it seals: nothing is readable at rest, nothing outlives its use, nothing is lost when the key is changed, and
//! what can't be opened any more is told.

use crate::{
    IMAGE, assert_clean,
    jobs::{lab, status},
    provider_keys::{OTHER, OWN, files_with, job, keyless, make, shown, store},
    setup,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt, time::Duration};
use studio_testkit::{
    cog_worker::{self, CogWorker},
    openai::{Behaviour, OpenAi},
    studio::Studio,
};

fn town() -> (OpenAi, Studio) {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    api.accept(OWN);
    api.accept(OTHER);
    let studio = Studio::start(keyless(&api)).unwrap();
    (api, studio)
}

fn mode(studio: &Studio) -> u32 {
    fs::metadata(studio.data().join("secret.key")).unwrap().permissions().mode() & 0o777
}

/// All envelopes that a database file has, as it stands.
fn envelopes(studio: &Studio) -> Vec<Vec<u8>> {
    let connection = rusqlite::Connection::open(studio.data().join("studio.db")).unwrap();
    let all = "SELECT sealed FROM provider_keys UNION ALL SELECT sealed FROM job_keys";
    let mut statement = connection.prepare(all).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

fn tamper(studio: &Studio, sql: &str) {
    rusqlite::Connection::open(studio.data().join("studio.db")).unwrap().execute_batch(sql).unwrap();
}

/// A job by a key that came with its request, held back at the API.
async fn held(api: &OpenAi, studio: &Studio) -> String {
    api.hold();
    let request = studio.request(Method::POST, IMAGE).header("x-api-key-openai", OTHER).header("prefer", "wait=0");
    let made = Studio::send(request.json(&json!({ "prompt": "a sea", "modelId": "gpt-image-2" }))).await.unwrap();
    assert_eq!(made.status, StatusCode::ACCEPTED, "{}", made.json());
    made.json()["jobId"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_key_is_readable_at_rest_and_nothing_is_left_of_it_after() {
    let (api, mut studio) = town();
    assert_eq!(mode(&studio), 0o600);
    store(&studio, studio.key(), OWN).await;
    let id = held(&api, &studio).await;
    api.wait_for_requests(1);
    let sealed = envelopes(&studio);
    assert_eq!(sealed.len(), 2, "one stored, one of a request");
    for text in [OWN, OTHER] {
        assert_eq!(files_with(&studio.data(), text.as_bytes()), Vec::<String>::new());
    }
    assert!(!files_with(&studio.data(), &sealed[1][33..]).is_empty(), "what is looked for could be found");
    api.release();
    assert_eq!(studio.end_of(&id).await.unwrap()["status"], "succeeded");
    assert_eq!(envelopes(&studio), sealed[..1], "its key went with it");
    let path = "/api/v1/provider-keys/openai";
    Studio::send(studio.request(Method::DELETE, path)).await.unwrap();
    let place = tempfile::tempdir().unwrap();
    let backup = place.path().join("backup");
    let made = studio.run_json(&["backup", backup.to_str().unwrap()]).unwrap();
    assert_eq!((&made["secretKeyIncluded"], &made["sealedKeys"]), (&json!(false), &json!(0)));
    assert!(!backup.join("secret.key").exists());
    studio.stop().unwrap();
    for place in [&backup, &studio.data()] {
        for text in [OWN.as_bytes(), OTHER.as_bytes(), &sealed[0][33..], &sealed[1][33..]] {
            assert_eq!(files_with(place, text), Vec::<String>::new());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_keeps_its_key_through_a_crash_and_until_it_is_known_how_it_ended() {
    let (api, mut studio) = town();
    // It waits in the queue, for its provider has no room.
    api.set(Behaviour::Busy429Once(vec![("retry-after-ms".to_owned(), "60000".to_owned())]));
    let id = held(&api, &studio).await;
    let path = format!("/api/v1/jobs/{id}");
    loop {
        let job = studio.get(&path).await.unwrap().json()["job"].clone();
        if job["status"] == "queued" && job["attempt"] == 1 {
            break;
        }
    }
    studio.kill().unwrap();
    assert_eq!(envelopes(&studio).len(), 1);
    tamper(&studio, "UPDATE jobs SET run_at = 0, doc = json_set(doc, '$.run_at', 0)");
    api.release();
    studio.launch().unwrap();
    assert_eq!(studio.end_of(&id).await.unwrap()["status"], "succeeded");
    assert_eq!((shown(&api), envelopes(&studio).len()), (vec![OTHER.to_owned(); 2], 0));
    // Nobody knows whether it landed: its key is kept until somebody does.
    api.set(Behaviour::DiesBeforeReply);
    let unknown = make(&studio, studio.key(), &[("x-api-key-openai", OTHER)]).await.json();
    assert_eq!((&unknown["status"], envelopes(&studio).len()), (&json!("unknown"), 1), "{unknown}");
    let id = unknown["jobId"].as_str().unwrap();
    studio.run_json(&["job", "resolve", id, "--not-landed"]).unwrap();
    assert_eq!(envelopes(&studio).len(), 0);
    // To do it again needs a key again.
    let retry = async |headers: &[(&str, &str)]| {
        let mut request = studio.request(Method::POST, &format!("/api/v1/jobs/{id}/retry"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Studio::send(request).await.unwrap()
    };
    api.set(Behaviour::Normal);
    let refused = retry(&[]).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]), (409, &json!("own_key_gone")));
    let again = retry(&[("x-api-key-openai", OWN)]).await.json();
    assert_eq!(studio.end_of(again["jobId"].as_str().unwrap()).await.unwrap()["keySource"], "request");
    store(&studio, studio.key(), OTHER).await;
    let again = retry(&[]).await.json();
    assert_eq!(studio.end_of(again["jobId"].as_str().unwrap()).await.unwrap()["keySource"], "own");
    assert_clean(&studio, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_master_key_is_changed_while_jobs_are_under_way() {
    let (api, studio) = town();
    store(&studio, studio.key(), OWN).await;
    let id = held(&api, &studio).await;
    api.wait_for_requests(1);
    let status = || studio.run_json(&["secret", "status"]).unwrap();
    let before = status()["keys"][0]["id"].clone();
    assert_eq!(status()["keys"][0]["rows"], 2);
    let rotated = studio.run_json(&["secret", "rotate"]).unwrap();
    assert_eq!((&rotated["resealed"], &rotated["older"]), (&json!(2), &json!([before])));
    assert_eq!((mode(&studio), status()["keys"].as_array().unwrap().len()), (0o600, 2));
    // The server goes on with the new one, at once.
    assert_ne!(rotated["current"], before);
    let keys = || fs::read_to_string(studio.data().join("secret.key")).unwrap();
    let old = keys().lines().last().unwrap().to_owned();
    // Once more is to go on with it.
    assert_eq!(studio.run_json(&["secret", "rotate"]).unwrap()["current"], rotated["current"]);
    let finished = studio.run_json(&["secret", "rotate", "--finish"]).unwrap();
    assert_eq!((&finished["dropped"], &finished["current"]), (&json!([before]), &rotated["current"]));
    assert!(!keys().contains(&old), "the old key is gone");
    api.release();
    assert_eq!(studio.end_of(&id).await.unwrap()["status"], "succeeded");
    assert_eq!(make(&studio, studio.key(), &[]).await.status, StatusCode::OK);
    assert_eq!(make(&studio, studio.key(), &[("x-api-key-openai", OTHER)]).await.status, StatusCode::OK);
    assert_eq!(shown(&api), [OTHER, OWN, OTHER]);
    store(&studio, studio.key(), OTHER).await;
    let now = status();
    assert_eq!(
        (now["keys"].as_array().unwrap().len(), &now["keys"][0]["rows"], &now["ok"]),
        (1, &json!(1), &json!(true))
    );
    assert_clean(&studio, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_the_master_key_may_be_broken_off_anywhere() {
    let (api, studio) = town();
    let people: Vec<_> = (0..12)
        .map(|n| studio.make_key(&format!("p{n}@x.org"), &["--scopes", "generate,read,account"]).unwrap())
        .collect();
    for key in &people {
        store(&studio, key, OWN).await;
    }
    // The first ones end before they have begun, the last ones after they are done.
    for after in [0, 1, 2, 3, 4, 6, 8, 10, 13, 17, 22, 30, 45] {
        for flags in [&["secret", "rotate"][..], &["secret", "rotate", "--finish"]] {
            studio.kill_command(flags, Duration::from_millis(after)).unwrap();
            assert_eq!(studio.run_json(&["secret", "status"]).unwrap()["lost"], json!([]), "{after} ms {flags:?}");
        }
    }
    studio.run_json(&["secret", "rotate", "--finish"]).unwrap();
    let status = studio.run_json(&["secret", "status"]).unwrap();
    assert_eq!((&status["keys"][0]["rows"], status["keys"].as_array().unwrap().len()), (&json!(12), 1), "{status}");
    for key in &people {
        assert_eq!(make(&studio, key, &[]).await.status, StatusCode::OK);
    }
    assert_eq!(shown(&api), vec![OWN.to_owned(); 12]);
    let left: Vec<_> = fs::read_dir(studio.data()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".secret")), "{left:?}");
}

/// It answers so, and says why where whoever runs it looks.
async fn assert_lost(studio: &Studio, status: u16, code: &str) {
    let reply = make(studio, studio.key(), &[]).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["error"]), (status, &json!(code)), "{}", reply.json());
    let body = json!({ "prompt": "a cat", "width": 64, "height": 64 });
    assert_eq!(studio.post(IMAGE, &body).await.unwrap().status, StatusCode::OK, "all else works");
}

fn doctor(studio: &Studio) -> (String, Value) {
    let report: Value = serde_json::from_slice(&studio.run(&["doctor", "--json"]).unwrap().stdout).unwrap();
    let check =
        report["checks"].as_array().unwrap().iter().find(|check| check["check"] == "master key").unwrap().clone();
    (check["code"].as_str().unwrap_or_default().to_owned(), report)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_key_that_is_wrong_missing_or_open_is_told_and_the_rest_works() {
    let (_api, mut studio) = town();
    store(&studio, studio.key(), OWN).await;
    let path = studio.data().join("secret.key");
    let good = fs::read_to_string(&path).unwrap();
    let set_mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    assert_eq!(doctor(&studio).0, "");
    // While it runs.
    set_mode(0o640);
    assert_lost(&studio, 503, "secrets_unavailable").await;
    assert_eq!(doctor(&studio).0, "secret_key_open");
    assert!(studio.log().contains("chmod 600"), "it says what to do");
    fs::remove_file(&path).unwrap();
    assert_lost(&studio, 503, "secrets_unavailable").await;
    assert_eq!(doctor(&studio).0, "secret_key_missing");
    // At a start.
    studio.stop().unwrap();
    fs::write(&path, "nonsense").unwrap();
    set_mode(0o600);
    studio.launch().unwrap();
    assert_lost(&studio, 503, "secrets_unavailable").await;
    assert_eq!(doctor(&studio).0, "secret_key_unreadable");
    fs::write(&path, format!("{}\n", "ab".repeat(32))).unwrap();
    assert_lost(&studio, 409, "own_key_unusable").await;
    let (code, report) = doctor(&studio);
    assert_eq!((code.as_str(), &report["ok"]), ("secret_key_wrong", &json!(false)));
    let status = studio.run(&["secret", "status", "--json"]).unwrap();
    assert!(!status.status.success());
    let listed = studio.get("/api/v1/provider-keys").await.unwrap().json();
    assert_eq!(listed["items"][0]["usable"], false);
    studio.stop().unwrap();
    studio.launch().unwrap();
    assert!(studio.log().contains("sealed keys can't be opened"), "told at start");
    // Brought back, all is as it was.
    fs::write(&path, &good).unwrap();
    assert_eq!((make(&studio, studio.key(), &[]).await.status, doctor(&studio).0.as_str()), (StatusCode::OK, ""));
}

#[tokio::test]
async fn work_that_landed_is_unknown_and_not_failed_while_its_key_can_not_be_opened() {
    let worker = CogWorker::start(cog_worker::Behaviour::Async).unwrap();
    worker.hold();
    let mut studio = {
        let config = format!(
            "[providers.lab]\nkind = \"cog\"\nbase_url = \"{}\"\npolled = true\nown_keys = true\n\
             [[models]]\nid = \"lab\"\nmodality = \"image\"\nprovider = \"lab\"\n[models.prices]\nimage = 0.5\n",
            worker.base_url()
        );
        Studio::start(setup().config(&config)).unwrap()
    };
    let request = studio.request(Method::POST, IMAGE).header("x-api-key-lab", OTHER).header("prefer", "wait=0");
    let made = Studio::send(request.json(&lab())).await.unwrap();
    assert_eq!(made.status, StatusCode::ACCEPTED, "{}", made.json());
    let id = made.json()["jobId"].as_str().unwrap().to_owned();
    worker.wait_for_predictions(1);
    while status(&studio, &id).await["status"] != "running" {
        tokio::task::yield_now().await;
    }
    studio.kill().unwrap();
    let (path, aside) = (studio.data().join("secret.key"), studio.data().join("aside"));
    fs::rename(&path, &aside).unwrap();
    studio.launch().unwrap();
    while status(&studio, &id).await["status"] != "unknown" {
        assert!(status(&studio, &id).await["endedAt"].is_null(), "{}", status(&studio, &id).await);
        tokio::task::yield_now().await;
    }
    // The key is back, and so is the picture.
    fs::rename(&aside, &path).unwrap();
    worker.release();
    assert_eq!(studio.end_of(&id).await.unwrap()["status"], "succeeded");
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn an_envelope_that_was_changed_opens_no_more_and_nor_does_one_in_another_place() {
    let (api, studio) = town();
    let ann = studio.make_key("ann@x.org", &["--scopes", "generate,read,account"]).unwrap();
    store(&studio, studio.key(), OWN).await;
    store(&studio, &ann, OTHER).await;
    // Ann's row gets the owner's envelope.
    tamper(
        &studio,
        "UPDATE provider_keys SET sealed = (SELECT sealed FROM provider_keys ORDER BY number LIMIT 1)
         WHERE number = (SELECT max(number) FROM provider_keys)",
    );
    let stolen = make(&studio, &ann, &[]).await;
    assert_eq!((stolen.status.as_u16(), &stolen.json()["error"]), (409, &json!("own_key_unusable")));
    tamper(
        &studio,
        "UPDATE provider_keys SET sealed = CAST(substr(sealed, 1, 40) || x'00' || substr(sealed, 42) AS BLOB)",
    );
    let changed = make(&studio, studio.key(), &[]).await;
    assert_eq!((changed.status.as_u16(), &changed.json()["error"]), (409, &json!("own_key_unusable")));
    assert!(api.requests().is_empty());
}

#[tokio::test]
async fn the_environment_may_name_the_keys() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    api.accept(OWN);
    let [one, two] = ["11", "22"].map(|digits| digits.repeat(32));
    let studio = Studio::start(keyless(&api).variable("STUDIO_SECRET_KEY", &format!("{two},{one}"))).unwrap();
    assert!(!studio.data().join("secret.key").exists());
    store(&studio, studio.key(), OWN).await;
    assert_eq!(make(&studio, studio.key(), &[]).await.status, StatusCode::OK);
    let status = studio.run_json(&["secret", "status"]).unwrap();
    assert_eq!((&status["source"], &status["keys"][0]["rows"]), (&json!("STUDIO_SECRET_KEY"), &json!(1)));
    assert_eq!(studio.run_json(&["secret", "rotate"]).unwrap()["resealed"], 0);
    for bad in ["hunter2hunter2", "11"] {
        assert!(Studio::start(keyless(&api).variable("STUDIO_SECRET_KEY", bad)).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_restore_without_the_master_key_says_what_is_missing() {
    let (_api, studio) = town();
    store(&studio, studio.key(), OWN).await;
    let place = tempfile::tempdir().unwrap();
    let (backup, data) = (place.path().join("backup"), place.path().join("data"));
    let said = studio.run(&["backup", backup.to_str().unwrap()]).unwrap();
    assert!(String::from_utf8_lossy(&said.stdout).contains("NOT in it: secret.key"), "loudly");
    let restore = ["restore", backup.to_str().unwrap(), "--data", data.to_str().unwrap()];
    let restored = studio.run_json(&restore).unwrap();
    let id = studio.run_json(&["secret", "status"]).unwrap()["keys"][0]["id"].clone();
    assert_eq!(restored["masterKeys"], json!([{ "id": id, "rows": 1 }]));
    // Nothing about the job of the studio that it was.
    let made = make(&studio, studio.key(), &[]).await;
    assert_eq!(job(&studio, studio.key(), &made).await["status"], "succeeded");
}
