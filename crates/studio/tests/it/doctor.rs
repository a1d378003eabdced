//! `studio doctor`: its verdicts, with the server at work and without one.

use crate::{
    IMAGE,
    backup::{all_in_the_file, damage},
    inspect::can_confine,
    jobs, setup, small, studio,
};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};
use studio_testkit::{
    cog_worker::{Behaviour, CogWorker},
    openai::{self, KEY, OpenAi},
    studio::{Setup, Studio},
};

/// What it says of one thing: verdict and sentence, of each of its lines.
fn said(report: &Value, check: &str) -> Vec<(String, String)> {
    let of = |line: &Value, field: &str| line[field].as_str().unwrap_or("").to_owned();
    let lines = report["checks"].as_array().unwrap().iter().filter(|line| line["check"] == check);
    lines.map(|line| (of(line, "verdict"), of(line, "says"))).collect()
}

/// It says this of that, and what to do next where all is not well.
fn assert_says(report: &Value, check: &str, verdict: &str, word: &str) {
    let lines = said(report, check);
    assert!(lines.iter().any(|(is, says)| is == verdict && says.contains(word)), "{check}: {verdict} {word}: {report}");
    for line in report["checks"].as_array().unwrap() {
        assert_eq!(line["next"].is_null(), line["verdict"] == "ok", "{line}");
    }
}

fn unstarted(setup: Setup) -> Studio {
    Studio::unstarted(setup, "").unwrap()
}

async fn blob(studio: &Studio) -> PathBuf {
    let made = studio.post(IMAGE, &small("a heron")).await.unwrap().json();
    let tag = studio.get(made["images"][0]["url"].as_str().unwrap()).await.unwrap().header("etag").replace('"', "");
    studio.data().join("blobs/blobs").join(&tag[..2]).join(&tag)
}

/// Its exit code says whether anything failed.
fn ask(studio: &Studio, flags: &[&str]) -> Value {
    let output = studio.run(&[&["doctor", "--json"], flags].concat()).unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(output.status.success(), report["ok"] == true, "{report}");
    assert_eq!(report["ok"] == true, report["failures"] == 0, "{report}");
    report
}

#[tokio::test]
async fn a_studio_that_is_well_is_told_so_while_it_runs_and_after() {
    let mut studio = studio();
    blob(&studio).await;
    for running in [true, false] {
        for flags in [&[][..], &["--deep"]] {
            let report = ask(&studio, flags);
            assert_eq!(report["ok"], true, "{report}");
            for (check, word) in [
                ("configuration", "every STUDIO_"),
                ("address", "127.0.0.1:8080"),
                ("data folder", "can be written"),
                ("rights", "700"),
                ("schema", "the version"),
                ("database", "can be read"),
                ("ledger", "sum 0, 2 entries of 1 jobs, 0 violations"),
                ("jobs", "0 queued, 0 under way"),
                ("blobs", "1 of 1"),
                ("providers", "sketch"),
                ("models", "openai"),
            ] {
                assert_says(&report, check, "ok", word);
            }
        }
        if running {
            studio.stop().unwrap();
        }
    }
    let text = studio.run(&["doctor"]).unwrap();
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("ok    ledger") && text.contains("0 failures"), "{text}");
    assert!(
        !fs::read_dir(studio.data())
            .unwrap()
            .any(|entry| { entry.unwrap().file_name().to_string_lossy().starts_with(".doctor") })
    );
}

#[test]
fn where_nothing_is_yet_nothing_is_made() {
    let studio = unstarted(setup());
    let report = ask(&studio, &[]);
    assert_says(&report, "data folder", "warn", "is not there yet");
    assert_says(&report, "database", "ok", "none yet");
    assert!(!studio.data().exists());
}

#[test]
fn what_is_unsafe_is_warned_of() {
    let studio = studio();
    fs::set_permissions(studio.data(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(studio.data().join("first-key"), fs::Permissions::from_mode(0o644)).unwrap();
    let report = ask(&studio, &["--listen", "0.0.0.0:8080"]);
    assert_says(&report, "address", "warn", "unencrypted");
    assert_says(&report, "rights", "warn", "755");
    assert_says(&report, "first key", "fail", "644");
    fs::set_permissions(studio.data(), fs::Permissions::from_mode(0o777)).unwrap();
    assert_says(&ask(&studio, &[]), "rights", "fail", "everyone may change");
}

/// The codes of what it finds unsafe.
fn codes(report: &Value) -> Vec<String> {
    let codes = report["checks"].as_array().unwrap().iter().filter_map(|check| check["code"].as_str());
    // Of the machine on which this runs.
    let of_the_machine = |code: &str| code == "runs_as_root" || code == "inspector_unconfined" && !can_confine();
    codes.filter(|code| !of_the_machine(code)).map(str::to_owned).collect()
}

#[tokio::test]
async fn each_thing_that_is_unsafe_has_a_code() {
    let mut studio = studio();
    assert_eq!(codes(&ask(&studio, &[])), ["backup_none"]);
    let place = tempfile::tempdir().unwrap();
    studio.run(&["backup", place.path().join("backup").to_str().unwrap()]).unwrap();
    let report = ask(&studio, &[]);
    assert_eq!(codes(&report), Vec::<String>::new());
    assert_says(&report, "inspector", if can_confine() { "ok" } else { "warn" }, "who looks into files");
    fs::write(studio.data().join("last-backup"), "2026-01-01T00:00:00Z\n").unwrap();
    let link = studio.data().join("setup-link");
    fs::write(&link, "https://studio.example.com/setup?x").unwrap();
    fs::set_permissions(&link, fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(studio.data().join("secret.key"), fs::Permissions::from_mode(0o604)).unwrap();
    studio.stop().unwrap();
    let database = rusqlite::Connection::open(studio.data().join("studio.db")).unwrap();
    database.execute("UPDATE keys SET created_at = created_at - 91 * 86400000", []).unwrap();
    drop(database);
    studio
        .configure(
            "public_url = \"http://studio.example.com\"\ntrusted_proxies = [\"0.0.0.0/0\", \"10.0.0.0/8\"]\n\
             [cors]\norigins = [\"http://app.example.com\", \"http://localhost:3000\"]\n\
             [providers.far]\nkind = \"openai\"\nbase_url = \"http://far.invalid/v1\"\napi_key = \"sk-0123\"\n",
        )
        .unwrap();
    let settings = studio.data().parent().unwrap().join("studio.toml");
    fs::set_permissions(&settings, fs::Permissions::from_mode(0o644)).unwrap();
    let report = ask(&studio, &["--listen", "0.0.0.0:8080"]);
    let expected = [
        "listens_unencrypted",
        "public_url_unencrypted",
        "development_in_public",
        "trusted_proxies_wide",
        "origin_unencrypted",
        "provider_unencrypted",
        "config_open",
        "setup_link_open",
        "secret_key_open",
        "admin_key_lasts",
        "backup_old",
    ];
    assert_eq!(codes(&report), expected, "{report}");
    assert!(report["failures"].as_u64() >= Some(2));
    studio.configure("public_url = \"https://studio.example.com\"\n").unwrap();
    let report = ask(&studio, &[]);
    assert!(codes(&report).contains(&"trusted_proxies_none".to_owned()), "{report}");
    fs::remove_file(studio.data().join("secret.key")).unwrap();
    assert_says(&ask(&studio, &[]), "master key", "ok", "the next start makes one");
}

#[test]
fn a_configuration_that_can_not_be_read_is_a_finding() {
    let report = ask(&unstarted(setup().config("lisen = 1")), &[]);
    assert_says(&report, "configuration", "fail", "lisen");
    let report = ask(&unstarted(setup().variable("STUDIO_LIMIT__GENERATION", "1/min")), &[]);
    assert_says(&report, "configuration", "warn", "STUDIO_LIMIT__GENERATION");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn providers_are_asked_and_their_keys_never_told() {
    let (api, worker) =
        (OpenAi::start(openai::Behaviour::Normal).unwrap(), CogWorker::start(Behaviour::Normal).unwrap());
    let config = format!(
        "[providers.good]\nkind = \"openai\"\nbase_url = \"{0}\"\napi_key = \"{KEY}\"\n\
         [providers.wrong]\nkind = \"openai\"\nbase_url = \"{0}\"\napi_key = \"sk-wrong-0123\"\n\
         [providers.keyless]\nkind = \"openai\"\nbase_url = \"{0}\"\n\
         [providers.gpu]\nkind = \"cog\"\nbase_url = \"{1}\"\n\
         [providers.away]\nkind = \"cog\"\nbase_url = \"http://me:sk-password@127.0.0.1:1\"\n\
         [providers.odd]\nbase_url = \"http://127.0.0.1:1\"\n\
         [providers.openai]\nconcurrency = 2\n\
         [[models]]\nid = \"lost\"\nmodality = \"image\"\nprovider = \"nowhere\"\n[models.prices]\nimage = 0.1\n",
        api.base_url(),
        worker.base_url()
    );
    let studio = unstarted(setup().config(&config));
    let report = ask(&studio, &[]);
    for (check, verdict, word) in [
        ("provider good", "ok", "answers, with a key"),
        ("provider wrong", "fail", "does not accept the key"),
        ("provider keyless", "fail", "wants a key"),
        ("provider gpu", "ok", "answers, without a key"),
        ("provider away", "fail", "http://127.0.0.1:1 can't be reached"),
        ("provider odd", "fail", "kind is missing"),
        ("provider openai", "warn", "key is missing"),
        ("models", "warn", "lost is not available: its provider nowhere"),
    ] {
        assert_says(&report, check, verdict, word);
    }
    let text = studio.run(&["doctor"]).unwrap();
    let text = format!("{report} {}{}", String::from_utf8_lossy(&text.stdout), String::from_utf8_lossy(&text.stderr));
    assert!(!text.contains("sk-"), "{text}");
}

#[tokio::test]
async fn a_blob_that_is_missing_or_damaged_is_found() {
    let studio = studio();
    let blob = blob(&studio).await;
    let mut bytes = fs::read(&blob).unwrap();
    bytes[50] ^= 1;
    fs::write(&blob, &bytes).unwrap();
    assert_eq!(ask(&studio, &[])["ok"], true, "only who hashes it sees that");
    let report = ask(&studio, &["--deep"]);
    assert_says(&report, "blobs", "fail", "has other bytes");
    fs::write(&blob, &bytes[..60]).unwrap();
    assert_says(&ask(&studio, &[]), "blobs", "fail", "has 60 bytes");
    fs::remove_file(&blob).unwrap();
    assert_says(&ask(&studio, &[]), "blobs", "fail", "is missing");
    assert_says(&ask(&studio, &[]), "blobs", "fail", "1 of 1 are missing or damaged");
}

#[tokio::test]
async fn a_damaged_database_is_found_and_what_to_do_is_said() {
    let (place, live) = (tempfile::tempdir().unwrap(), studio());
    let (studio, _) = all_in_the_file(&live, &place.path().join("backup")).await;
    damage(&studio.data().join("studio.db"), 4);
    let report = ask(&studio, &[]);
    assert_says(&report, "database", "fail", "is damaged");
    assert!(report.to_string().contains("studio restore"), "{report}");
}

#[tokio::test]
async fn jobs_that_wait_for_a_person_are_counted() {
    let worker = CogWorker::start(Behaviour::NotReady503).unwrap();
    let studio = jobs::with_worker(&worker);
    studio.post(IMAGE, &jobs::lab()).await.unwrap();
    worker.set(Behaviour::Async);
    worker.hold();
    let first = crate::submit(&studio, &jobs::lab()).await;
    worker.wait_for_predictions(1);
    crate::submit(&studio, &jobs::lab()).await;
    let report = ask(&studio, &[]);
    assert_says(&report, "jobs", "warn", "1 dead letters");
    assert_says(&report, "jobs", "ok", "1 queued, 1 under way");
    assert_eq!(jobs::status(&studio, &first).await["status"], json!("running"));
}
