//! The log as its readers see it: whatever callers send, each event is one line in which everything can be seen, and nothing
//! that should not be read.

use crate::{
    IMAGE, setup, small,
    tidy::{root, sources},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::fs;
use studio_testkit::{raw_client::RawClient, studio::Studio};

/// Begins what would be a line of the log if it could begin one.
const FORGED: &str = "2020-01-01T00:00:00.000Z  INFO forged-canary";
/// What callers try. Each would do something to whoever reads the log.
const ATTACKS: [&str; 9] = [
    "x\r\n2020-01-01T00:00:00.000Z  INFO forged-canary",
    "x\n{\"timestamp\":\"2020-01-01T00:00:00.000Z\",\"level\":\"INFO\",\"message\":\"forged-canary\"}",
    "x\u{85}\u{2028}\u{2029}2020-01-01T00:00:00.000Z  INFO forged-canary",
    "x\u{1b}[2K\u{1b}[1Gforged\u{7}\u{8}\u{9b}31m",
    "x\u{202e}dellecnac\u{2066}\u{61c}\u{200f}",
    "x\u{200b}\u{2060}\u{feff}\u{fffa}y",
    "x\u{e0041}\u{e007f}y",
    "x\0\u{7f}",
    "x\" forged=\"true\\",
];

/// What a log must not have in it, raw.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}')
        || matches!(c, '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Has a studio attacked from all sides: all lines of its log.
async fn attacked(format: &str) -> Vec<String> {
    // Among what is logged word by word are the names of variables that nobody knows.
    let setup = setup().variable("STUDIO_LOG", "debug").variable("STUDIO_LOG_FORMAT", format);
    let names = ATTACKS.iter().filter(|attack| !attack.contains(['\0', '=']));
    let setup = names.fold(setup, |setup, attack| setup.variable(&format!("STUDIO_{attack}"), "1"));
    let mut studio = Studio::start(setup).unwrap();
    let key = studio.key().to_owned();
    for attack in ATTACKS {
        let end = format!("Host: x\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n");
        for head in [
            format!("GET /api/v1/{attack} HTTP/1.1\r\n"),
            format!("GET /api/v1/jobs?status={attack} HTTP/1.1\r\n"),
            format!("{attack} /api/v1/jobs HTTP/1.1\r\n"),
            format!("GET /api/v1/jobs HTTP/1.1\r\nX-Request-Id: {attack}\r\n"),
            format!("GET /api/v1/jobs HTTP/1.1\r\nUser-Agent: {attack}\r\n"),
            format!("GET /api/v1/jobs HTTP/1.1\r\n{attack}: 1\r\n"),
            format!("POST {IMAGE} HTTP/1.1\r\nContent-Length: 0\r\nIdempotency-Key: {attack}\r\n"),
        ] {
            // A server may have refused it before its end, and has then nothing more to say.
            drop(RawClient::new(studio.address()).send(format!("{head}{end}").as_bytes()));
        }
        for body in [
            small(attack),
            json!({ "prompt": "a cat", "modelId": attack }),
            json!({ "prompt": "a cat", "provider": attack, attack: attack }),
            json!({ "prompt": "a cat", "negativePrompt": attack, "format": attack }),
        ] {
            studio.post(IMAGE, &body).await.unwrap();
        }
        let escaped: String = attack.bytes().map(|byte| format!("%{byte:02x}")).collect();
        studio.get(&format!("/api/v1/jobs/{escaped}?cursor={escaped}")).await.unwrap();
        studio.post("/api/v1/chat", &json!({ "messages": [{ "role": attack, "content": attack }] })).await.unwrap();
    }
    studio.stop().unwrap();
    let log = studio.log();
    let said = ["STUDIO_x", "ready", "job accepted", "stopped"];
    assert!(said.iter().all(|word| log.contains(word)), "there is a log: {log}");
    assert!(!log.contains(&key), "a key was logged");
    assert!(log.ends_with('\n'));
    let lines: Vec<_> = log.split_terminator('\n').map(str::to_owned).collect();
    for line in &lines {
        assert!(!line.contains(is_hidden), "{line:?}");
        assert!(!line.starts_with(FORGED), "{line}");
    }
    lines
}

/// `2026-11-26T10:11:12.345Z`.
fn is_time(text: &str) -> bool {
    let like = |(c, pattern): (char, char)| if pattern == '0' { c.is_ascii_digit() } else { c == pattern };
    text.len() == 24 && text.chars().zip("0000-00-00T00:00:00.000Z".chars()).all(like)
}

const LEVELS: [&str; 5] = ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"];

#[tokio::test]
async fn lines_for_people_can_not_be_forged() {
    // `pretty` is another word for `text`.
    for line in attacked("pretty").await {
        let (time, rest) = line.split_at_checked(24).unwrap();
        let (level, said) = rest.split_at_checked(7).unwrap();
        assert!(is_time(time) && level.starts_with(' ') && level.ends_with(' '), "{line}");
        assert!(LEVELS.contains(&level.trim()), "{line}");
        assert!(!said.starts_with("forged") && !said.contains(" forged=\"true"), "{line}");
    }
}

#[tokio::test]
async fn lines_for_machines_can_not_be_forged() {
    for line in attacked("json").await {
        let read: Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| read[name].as_str().unwrap_or_else(|| panic!("no {name}: {line}"));
        assert!(is_time(text("timestamp")) && LEVELS.contains(&text("level")), "{line}");
        assert!(!text("target").is_empty() && text("message") != "forged-canary", "{line}");
        // What reads the object shows what it says.
        let values = read.as_object().unwrap().values().filter_map(Value::as_str);
        values.for_each(|value| assert!(!value.contains(is_hidden), "{line}"));
        if text("message") == "request" {
            assert!(read["status"].is_u64() && read["method"].is_string(), "{line}");
        }
    }
}

#[tokio::test]
async fn f18_a_key_in_the_wrong_place_is_not_in_the_log() {
    for format in ["text", "json"] {
        let setup = setup().variable("STUDIO_LOG", "debug").variable("STUDIO_LOG_FORMAT", format);
        let mut studio = Studio::start(setup.variable("STUDIO_OOPS_Bearer s3cr3t-canary", "1")).unwrap();
        // The caller's name of a request is logged, kept with its job and told to providers; these are well-formed.
        for name in ["sk-proj-0123456789canary", studio.key()] {
            let request = studio.request(Method::GET, "/api/v1/jobs").header("x-request-id", name);
            assert_ne!(Studio::send(request).await.unwrap().header("x-request-id"), name);
        }
        studio.stop().unwrap();
        let log = studio.log();
        assert!(!log.contains("canary") && !log.contains(studio.key()), "{log}");
        assert_eq!(log.matches("[redacted]").count(), 1, "{log}");
    }
}

#[test]
fn f36_nothing_is_printed_but_by_the_terminal() {
    let mut seen = 0;
    for member in fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path()) {
        let manifest: toml::Table = fs::read_to_string(member.join("Cargo.toml")).unwrap().parse().unwrap();
        assert_eq!(manifest["lints"]["workspace"].as_bool(), Some(true), "{} has lints of its own", member.display());
        for path in sources(&member.join("src")) {
            seen += 1;
            if path.ends_with("studio/src/terminal.rs") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            // Examples of documentation may print; they are comments.
            for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
                let words = ["print!(", "println!(", "dbg!(", "clippy::print_", "clippy::dbg_"];
                let printed = words.iter().find(|word| line.contains(**word));
                assert!(printed.is_none(), "{}: {line}", path.display());
            }
        }
    }
    assert!(seen > 100, "only {seen} files");
}

#[test]
fn f36_the_linter_refuses_what_prints() {
    let manifest: toml::Table = fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    for lint in ["print_stdout", "print_stderr", "dbg_macro"] {
        assert_eq!(manifest["workspace"]["lints"]["clippy"][lint].as_str(), Some("warn"), "{lint}");
    }
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let clippy = makefile.lines().find(|line| line.contains(" clippy ")).unwrap();
    assert!(clippy.contains("--all-targets") && clippy.contains("warnings"), "{clippy}");
}
