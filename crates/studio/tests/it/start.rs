//! Starting: what a stranger sees first, and what goes wrong with a clear word.

use crate::{setup, studio};
use std::{fs, os::unix::fs::PermissionsExt, process::Command};
use studio_testkit::studio::Studio;

#[test]
fn the_first_key_is_for_its_owner_alone_and_made_once() {
    let mut studio = studio();
    let file = studio.data().join("first-key");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(studio.data()).unwrap().permissions().mode() & 0o777, 0o700);
    fs::remove_file(&file).unwrap();
    studio.stop().unwrap();
    studio.launch().unwrap();
    assert!(!file.exists(), "there is a key already");
    assert_eq!(studio.run_json(&["key", "list"]).unwrap()["keys"].as_array().unwrap().len(), 1);
}

#[test]
fn two_servers_on_one_folder_or_one_port_are_refused() {
    let studio = studio();
    let folder = studio.run(&["serve", "--listen", "127.0.0.1:0"]).unwrap();
    let text = String::from_utf8_lossy(&folder.stderr).into_owned();
    assert!(!folder.status.success() && text.contains("another"), "{text}");
    let port = studio.run(&["serve", "--listen", studio.address().trim_start_matches("http://")]).unwrap();
    let text = String::from_utf8_lossy(&port.stderr).into_owned();
    assert!(!port.status.success() && text.contains("--listen"), "{text}");
}

#[test]
fn a_wrong_configuration_is_named() {
    for (config, word) in [
        ("lisen = 1", "lisen"),
        ("[limits]\ngeneration = \"many\"", "10/min"),
        ("[[models]]\nid = \"x\"", "modality"),
        ("[providers.x]\nbase_url = \"http://127.0.0.1:1\"", "kind"),
        ("[providers.x]\nkind = \"openai\"", "base_url"),
        ("[providers.x]\nkind = \"openai\"\nbase_url = \"10.0.0.7:8000/v1\"", "http://"),
        ("[providers.openai]\napi_key = \"sk-a b\"", "api_key"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("studio.toml"), config).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_studio"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(word), "{config}: {text}");
    }
}

#[test]
fn unknown_variables_are_warned_of() {
    let studio = Studio::start(setup().variable("STUDIO_LIMIT__GENERATION", "1/min")).unwrap();
    assert!(studio.log().contains("STUDIO_LIMIT__GENERATION is not a setting"));
}

#[test]
fn help_teaches() {
    let output = Command::new(env!("CARGO_BIN_EXE_studio")).arg("--help").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for word in ["First steps", "studio serve", "key", "ledger", "worker"] {
        assert!(text.contains(word), "{word}");
    }
}

#[tokio::test]
async fn a_log_that_cannot_be_written_ends_nothing() {
    // As on a full disk, or with a pipe whose reader has gone.
    let mut setup = setup().variable("STUDIO_LOG", "trace");
    setup.log = Some("/dev/full".into());
    let studio = Studio::start(setup).unwrap();
    let chat = serde_json::json!({ "messages": [{ "role": "user", "content": "How do I set a budget?" }] });
    let reply = studio.post("/api/v1/chat", &chat).await.unwrap();
    assert_eq!((reply.status.as_u16(), reply.json()["status"].as_str()), (200, Some("succeeded")));
}

#[tokio::test]
async fn who_is_told_to_stop_in_the_moment_it_is_ready_stops_in_order() {
    for _ in 0..10 {
        let mut studio = studio();
        assert!(studio.stop().unwrap().success() && studio.log().contains("stopped"), "{}", studio.log());
    }
}
