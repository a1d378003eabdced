//! Keys, by the command line, while the server runs.

use crate::{IMAGE, small, studio};
use reqwest::{Method, StatusCode};
use serde_json::json;
use studio_testkit::studio::Studio;

#[tokio::test]
async fn a_key_works_at_once_and_a_revoked_one_within_a_second_no_more() {
    let studio = studio();
    let made =
        studio.run_json(&["key", "create", "--user", "a@example.com", "--name", "laptop", "--budget", "0.25"]).unwrap();
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert_eq!(made.as_object().unwrap().len(), 2, "only the two: {made}");
    assert!(key.starts_with("mgs_") && key.len() == 40);
    let reply = Studio::send(studio.request_as(key, Method::POST, IMAGE).json(&small("x"))).await.unwrap();
    assert_eq!(reply.status, StatusCode::OK);
    let header = studio.bare_request(Method::GET, "/api/v1/jobs").header("x-api-key", key);
    assert_eq!(Studio::send(header).await.unwrap().status, StatusCode::OK);

    let listed = studio.run_json(&["key", "list"]).unwrap();
    let row = listed["keys"].as_array().unwrap().iter().find(|row| row["id"] == id).unwrap();
    assert_eq!((&row["budget"], &row["last4"], &row["revokedAt"]), (&json!("0.25"), &json!(&key[36..]), &json!(null)));

    studio.run_json(&["key", "revoke", id]).unwrap();
    let revoked = std::time::Instant::now();
    loop {
        let reply = Studio::send(studio.request_as(key, Method::GET, "/api/v1/jobs")).await.unwrap();
        if reply.status == StatusCode::UNAUTHORIZED {
            break;
        }
        assert!(revoked.elapsed().as_secs() < 10, "still open");
    }
}

#[test]
fn bad_arguments_say_what_is_allowed() {
    let studio = studio();
    for (arguments, word) in [
        (&["key", "create", "--user", "nobody", "--name", "x"][..], "e-mail"),
        (&["key", "create", "--user", "a@b.c", "--name", "x", "--budget", "much"], "USD"),
        (&["key", "create", "--user", "a@b.c", "--name", "x", "--budget=-1"], "negative"),
        (&["key", "create", "--user", "a@b.c", "--name", "x", "--scopes", "rule"], "generate"),
        (&["ledger", "verify", "--data", "mistyped"], "no studio"),
        (&["key", "list", "--data", "mistyped"], "no studio"),
        (&["job", "resolve", "019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b", "--not-landed"], "no job"),
        (&["key", "create", "--user", "a@b.c", "--name", "x", "--expires", "soon"], "30d"),
        (&["key", "create", "--user", "a@b.c", "--name", "x", "--expires", "2001-01-01T00:00:00Z"], "over already"),
        (&["key", "create", "--user", "a@b.c", "--name", "x", "--limit", "talk=1/s"], "generation"),
        (&["key", "revoke", "x"], "UUID"),
        (&["key", "revoke", "019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b"], "key list"),
    ] {
        let output = studio.run(arguments).unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(word), "{arguments:?}: {text}");
    }
}

#[test]
fn nothing_of_a_key_but_its_hash_is_kept() {
    let studio = studio();
    let key = studio.make_key("a@example.com", &[]).unwrap();
    studio.run(&["key", "list"]).unwrap();
    for name in ["studio.db", "studio.db-wal"] {
        let bytes = std::fs::read(studio.data().join(name)).unwrap_or_default();
        assert!(!bytes.windows(20).any(|window| window == &key.as_bytes()[..20]), "{name} holds a key");
    }
}

#[tokio::test]
async fn a_database_of_an_older_program_is_not_touched_beside_its_server() {
    let mut studio = studio();
    studio.stop().unwrap();
    let file = studio.data().join("studio.db");
    let version = |pragma: &str| {
        let database = rusqlite::Connection::open(&file).unwrap();
        database.query_row(pragma, [], |row| row.get::<_, u32>(0))
    };
    // To set it answers nothing.
    assert!(version("PRAGMA user_version = 1").is_err());
    let lock = std::fs::File::options().write(true).open(studio.data().join("studio.lock")).unwrap();
    lock.lock().unwrap();
    for command in [&["ledger", "verify"][..], &["key", "create", "--user", "a@example.com", "--name", "x"]] {
        let refused = studio.run(command).unwrap();
        let error = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && error.contains("stop the server"), "{command:?}: {error}");
    }
    assert_eq!(version("PRAGMA user_version"), Ok(1), "it is as it was");
}
