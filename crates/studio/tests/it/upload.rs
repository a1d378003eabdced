//! Uploads: bounded before they are read, told by their bytes, looked into by a child, kept whole or not at all.

use crate::{
    chat::{CHAT, talking},
    setup, studio,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use studio_testkit::{
    good_files::{self, Expected, MAKER, PLACE, Sample, png::Picture},
    hostile_files,
    raw_client::RawClient,
    studio::{Reply, Studio},
    system::limit_files,
};

pub(crate) const UPLOAD: &str = "/api/v1/upload";

/// A small picture.
pub(crate) fn png() -> Vec<u8> {
    good_files::png::file(&Picture::rgb(40, 30), &[])
}

/// A good file of that name.
pub(crate) fn good(name: &str) -> Vec<u8> {
    good_files::all().into_iter().find(|file| file.name == name).unwrap().bytes
}

/// Sends a file by itself, without saying what it is.
pub(crate) async fn send(studio: &Studio, query: &str, bytes: Vec<u8>) -> Reply {
    Studio::send(studio.request(Method::POST, &format!("{UPLOAD}{query}")).body(bytes)).await.unwrap()
}

/// The asset that became of a file that must be taken.
pub(crate) async fn kept(studio: &Studio, query: &str, bytes: Vec<u8>) -> Value {
    let reply = send(studio, query, bytes).await;
    assert_eq!(reply.status, StatusCode::OK, "{query}: {}", reply.json());
    reply.json()["asset"].clone()
}

/// Every file among the blobs, what is on its way too.
pub(crate) fn blobs(studio: &Studio) -> BTreeSet<PathBuf> {
    fn walk(folder: &Path, found: &mut BTreeSet<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.insert(path);
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(&studio.data().join("blobs"), &mut found);
    found
}

/// What is refused, with its details.
pub(crate) fn refusal(reply: &Reply) -> (u16, String, Value) {
    let body = reply.json();
    (reply.status.as_u16(), body["error"].as_str().unwrap_or_default().to_owned(), body["details"].clone())
}

/// A head for a body that may never come.
pub(crate) fn head(studio: &Studio, more: &str) -> String {
    format!("POST {UPLOAD} HTTP/1.1\r\nHost: studio\r\nAuthorization: Bearer {}\r\n{more}\r\n", studio.key())
}

#[tokio::test]
async fn f07_a_file_over_its_limit_is_refused_before_it_is_read() {
    let studio = Studio::start(setup().config("[uploads]\nimage = \"10 KiB\"\naudio = \"20 KiB\"\n")).unwrap();
    let before = blobs(&studio);
    // Nothing of it comes: whoever read it would wait.
    for (kind, announced, limit) in [
        ("image/png", 10_241_u64, 10 << 10),
        ("audio/wav", 1 << 40, 20 << 10),
        ("application/octet-stream", 1 << 40, 1 << 30),
    ] {
        let head =
            head(&studio, &format!("Content-Type: {kind}\r\nContent-Length: {announced}\r\nExpect: 100-continue\r\n"));
        let reply = RawClient::new(studio.address()).send(head.as_bytes()).unwrap();
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!((reply.status, &body["error"]), (413, &json!("too_large")), "{kind}: {body}");
        assert_eq!(
            (&body["details"]["limitBytes"], &body["details"]["receivedBytes"]),
            (&json!(limit), &json!(announced)),
            "{kind}"
        );
    }
    // What it is said to be is not believed: its first bytes say which limit it has.
    let picture = [png(), vec![0; 20 << 10]].concat();
    let (status, code, details) = refusal(&send(&studio, "", picture.clone()).await);
    assert_eq!((status, &*code, &details["kind"]), (413, "too_large", &json!("image")));
    assert_eq!((&details["limitBytes"], &details["receivedBytes"]), (&json!(10 << 10), &json!(picture.len())));
    assert_eq!(blobs(&studio), before);
    kept(&studio, "", png()).await;
}

#[tokio::test]
async fn f07_what_is_of_no_type_that_is_taken_is_refused_by_its_first_bytes() {
    let studio = studio();
    let before = blobs(&studio);
    let page = b"<!doctype html><script>alert(1)</script>".to_vec();
    for bytes in
        [page, b"%PDF-1.7".to_vec(), b"\x7fELF".to_vec(), b"<svg xmlns='x'/>".to_vec(), b"BM".to_vec(), Vec::new()]
    {
        let (status, code, details) = refusal(&send(&studio, "", bytes).await);
        assert_eq!((status, &*code), (400, "unsupported_type"));
        for taken in ["audio/mpeg", "audio/wav", "audio/ogg", "audio/flac", "image/gif", "video/webm"] {
            assert!(details["taken"].as_array().unwrap().contains(&json!(taken)), "{details}");
        }
    }
    // What it is said to be must be true.
    for (query, declared, field) in [
        ("?name=cat.html", "", "name"),
        ("?name=cat.jpg", "", "name"),
        ("?kind=audio", "", "kind"),
        ("", "text/html", "Content-Type"),
        ("", "image/jpeg", "Content-Type"),
        ("?name=cat.png", "application/pdf", "Content-Type"),
    ] {
        let mut request = studio.request(Method::POST, &format!("{UPLOAD}{query}")).body(png());
        if !declared.is_empty() {
            request = request.header("content-type", declared);
        }
        let (status, code, details) = refusal(&Studio::send(request).await.unwrap());
        assert_eq!((status, &*code, &details["field"]), (400, "type_mismatch", &json!(field)), "{query} {declared}");
        assert_eq!(details["found"], "image/png");
    }
    assert_eq!(blobs(&studio), before);
    let request = studio.request(Method::POST, &format!("{UPLOAD}?name=cat.PNG")).header("content-type", "image/png");
    assert_eq!(Studio::send(request.body(png())).await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn who_was_told_to_send_can_read_why_it_was_for_nothing() {
    let studio = studio();
    let bytes = [png(), vec![0; 2 << 20]].concat();
    let more = format!("Content-Length: {}\r\nExpect: 100-continue\r\n", bytes.len());
    let head = head(&studio, &more).replacen(UPLOAD, &format!("{UPLOAD}?name=cat.jpg"), 1);
    let mut stream = studio.connect_and_wait(&head).unwrap();
    stream.write_all(&bytes).unwrap();
    // The connection goes on, so it is asked for something else.
    stream.write_all(b"GET /api/v1/health/live HTTP/1.1\r\nHost: studio\r\nConnection: close\r\n\r\n").unwrap();
    let mut replies = String::new();
    stream.read_to_string(&mut replies).unwrap();
    let (refused, next) = replies.split_once("HTTP/1.1 200").unwrap_or((&replies, ""));
    assert!(refused.starts_with("HTTP/1.1 400") && refused.contains("type_mismatch"), "{replies}");
    assert!(!refused.to_ascii_lowercase().contains("connection: close") && !next.is_empty(), "{replies}");
}

#[tokio::test]
async fn a_file_is_what_its_bytes_say_and_is_served_as_that() {
    let studio = studio();
    for (name, kind, media_type) in [
        ("plain.png", "image", "image/png"),
        ("plain.jpg", "image", "image/jpeg"),
        ("lossless.webp", "image", "image/webp"),
        ("plain.gif", "image", "image/gif"),
        ("plain.wav", "audio", "audio/wav"),
        ("plain.mp3", "audio", "audio/mpeg"),
        ("plain.flac", "audio", "audio/flac"),
        ("told.ogg", "audio", "audio/ogg"),
        ("plain.m4a", "audio", "audio/mp4"),
        ("plain.mp4", "video", "video/mp4"),
        ("plain.webm", "video", "video/webm"),
        ("set.zip", "dataset", "application/zip"),
        ("set.jsonl", "dataset", "application/jsonl"),
    ] {
        let asset = kept(&studio, &format!("?name={name}"), good(name)).await;
        assert_eq!(
            (&asset["kind"], &asset["mediaType"], &asset["name"]),
            (&json!(kind), &json!(media_type), &json!(name))
        );
        assert_eq!((&asset["origin"], asset["jobId"].is_null()), (&json!("uploaded"), true));
        let served = studio.get(asset["url"].as_str().unwrap()).await.unwrap();
        assert_eq!((served.status, served.header("content-type")), (StatusCode::OK, media_type));
        assert_eq!(served.body.len() as u64, asset["bytes"], "{name}");
        assert_eq!(served.header("etag"), format!("{}", asset["sha256"]), "{name}");
        let way = if kind == "dataset" { "attachment" } else { "inline" };
        assert_eq!(served.header("content-disposition"), format!("{way}; filename=\"{name}\""));
        assert!(served.header("content-security-policy").starts_with("sandbox;"), "{name}");
        assert_eq!(served.header("x-content-type-options"), "nosniff");
        assert_eq!(served.header("cross-origin-resource-policy"), "same-origin");
        if kind == "image" {
            let small = studio.get(asset["thumbnailUrl"].as_str().unwrap()).await.unwrap();
            assert!(small.header("content-type").starts_with("image/") && !small.body.is_empty(), "{name}");
            assert!(asset["width"].as_u64().unwrap() > 0 && asset["placeholder"].is_string(), "{name}: {asset}");
        } else {
            assert!(asset["thumbnailUrl"].is_null(), "{name}");
        }
        if kind == "audio" || kind == "video" {
            assert!(asset["durationMs"].as_u64().is_some(), "{name}: {asset}");
            let range = studio.request(Method::GET, asset["url"].as_str().unwrap()).header("range", "bytes=2-5");
            let part = Studio::send(range).await.unwrap();
            assert_eq!((part.status.as_u16(), &part.body[..]), (206, &served.body[2..6]), "{name}");
        }
    }
}

/// A form with these fields; a file where there is a name for one.
pub(crate) fn form(fields: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file, bytes) in fields {
        let file = file.map(|file| format!("; filename=\"{file}\"")).unwrap_or_default();
        body.extend(format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n").bytes());
        body.extend(*bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"--xyz--\r\n");
    body
}

async fn send_form(studio: &Studio, fields: &[(&str, Option<&str>, &[u8])]) -> Reply {
    let request = studio.request(Method::POST, UPLOAD).header("content-type", "multipart/form-data; boundary=xyz");
    Studio::send(request.body(form(fields))).await.unwrap()
}

#[tokio::test]
async fn a_form_brings_one_file_and_nothing_that_is_not_known() {
    let studio = studio();
    let png = png();
    let file = ("file", Some("../a cat.png"), &png[..]);
    for fields in [vec![file], vec![("kind", None, &b"image"[..]), file, ("keepMetadata", None, b"true")]] {
        let reply = send_form(&studio, &fields).await;
        assert_eq!((reply.status, &reply.json()["asset"]["name"]), (StatusCode::OK, &json!("a cat.png")));
    }
    let before = blobs(&studio);
    for (fields, wrong, word) in [
        (vec![file, file], "file", "once"),
        (vec![("kind", None, &b"image"[..])], "file", "required"),
        (vec![file, ("folder", None, b"x")], "folder", "not a known field"),
        (vec![("kind", None, b"book"), file], "kind", "must be image"),
        (vec![file, ("keepMetadata", None, b"maybe")], "keepMetadata", "true or false"),
        (vec![file, ("kind", None, &[b'x'; 9 << 10])], "kind", "at most"),
    ] {
        let reply = send_form(&studio, &fields).await;
        let fault = &reply.json()["details"]["fields"][0];
        assert_eq!((reply.status.as_u16(), &fault["field"]), (400, &json!(wrong)), "{fault}");
        assert!(fault["message"].as_str().unwrap().contains(word), "{fault}");
    }
    // Behind the file it is known, too, and what it says is meant.
    let reply = send_form(&studio, &[file, ("name", None, b"another cat.png")]).await;
    assert_eq!(reply.json()["asset"]["name"], "another cat.png");
    let (status, code, _) = refusal(&send_form(&studio, &[file, ("kind", None, b"video")]).await);
    assert_eq!((status, &*code), (400, "type_mismatch"));
    let request = studio.request(Method::POST, UPLOAD).header("content-type", "multipart/form-data; boundary=xyz");
    let broken = Studio::send(request.body("--xyz\r\nnonsense\r\n\r\nx\r\n--xyz--")).await.unwrap();
    assert_eq!(refusal(&broken).1, "malformed_form");
    assert_eq!(blobs(&studio), before, "nothing is left of what was refused");
}

#[tokio::test]
async fn what_a_file_tells_of_people_and_places_is_gone_unless_it_is_to_stay() {
    let studio = studio();
    let within = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    for name in ["told.jpg", "told.png", "told.webp"] {
        let bytes = good(name);
        assert!(within(&bytes, MAKER) && within(&bytes, PLACE), "{name} tells it");
        let asset = kept(&studio, "", bytes.clone()).await;
        assert!(asset["stripped"].as_array().unwrap().contains(&json!("EXIF")), "{asset}");
        let served = studio.get(asset["url"].as_str().unwrap()).await.unwrap().body;
        assert!(!within(&served, MAKER) && !within(&served, PLACE), "{name}");
        let small = studio.get(asset["thumbnailUrl"].as_str().unwrap()).await.unwrap().body;
        assert!(!within(&small, MAKER) && !within(&small, PLACE), "{name}");
        for blob in blobs(&studio) {
            assert!(!within(&fs::read(&blob).unwrap(), MAKER), "{name}: {}", blob.display());
        }
        let whole = kept(&studio, "?keepMetadata=true", bytes.clone()).await;
        assert_eq!(
            studio.get(whole["url"].as_str().unwrap()).await.unwrap().body,
            bytes,
            "{name}: all of it is wanted"
        );
        assert!(whole["stripped"].is_null());
        let gone = studio.request(Method::DELETE, whole["url"].as_str().unwrap());
        assert_eq!(Studio::send(gone).await.unwrap().status, StatusCode::OK);
        let hash = whole["sha256"].as_str().unwrap().to_owned();
        fs::remove_file(studio.data().join("blobs/blobs").join(&hash[..2]).join(&hash)).unwrap();
    }
}

#[tokio::test]
async fn the_same_request_again_is_the_same_asset() {
    let studio = studio();
    let send = async |key: &str, bytes: Vec<u8>| {
        let request = studio.request(Method::POST, UPLOAD).header("Idempotency-Key", key).body(bytes);
        Studio::send(request).await.unwrap()
    };
    let first = send("a", png()).await;
    let again = send("a", png()).await;
    assert_eq!(
        (again.header("idempotent-replayed"), again.json()["asset"].clone()),
        ("true", first.json()["asset"].clone())
    );
    let (status, code, _) = refusal(&send("a", good("plain.gif")).await);
    assert_eq!((status, &*code), (422, "idempotency_key_reused"));
    let other = send("b", png()).await.json()["asset"].clone();
    assert_ne!(other["id"], first.json()["asset"]["id"], "another request is another asset");
    assert_eq!(other["sha256"], first.json()["asset"]["sha256"], "on the same bytes");
    let (status, code, _) = refusal(&send("a b", png()).await);
    assert_eq!((status, &*code), (400, "invalid_request"));
}

/// Sends a file until it is taken: what broke off is let go a moment after its bytes.
pub(crate) async fn taken_in_the_end(studio: &Studio, bytes: Vec<u8>) {
    let begun = Instant::now();
    let mut reply = send(studio, "", bytes.clone()).await;
    while reply.status != StatusCode::OK && begun.elapsed() < Duration::from_secs(30) {
        reply = send(studio, "", bytes.clone()).await;
    }
    assert_eq!(reply.status, StatusCode::OK, "its room is never free: {}", reply.json());
}

/// Waits until nothing is on its way.
pub(crate) fn wait_until_settled(studio: &Studio) {
    let begun = Instant::now();
    while fs::read_dir(studio.data().join("blobs/blobs/tmp")).unwrap().next().is_some() {
        assert!(begun.elapsed() < Duration::from_secs(30), "something stays on its way");
        std::thread::yield_now();
    }
}

/// Waits until so many bytes of something are on their way.
pub(crate) fn wait_until_on_its_way(studio: &Studio, bytes: u64) {
    let begun = Instant::now();
    let passing = studio.data().join("blobs/blobs/tmp");
    while !fs::read_dir(&passing).unwrap().any(|file| file.unwrap().metadata().is_ok_and(|file| file.len() >= bytes)) {
        assert!(begun.elapsed() < Duration::from_secs(30), "nothing comes");
        std::thread::yield_now();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_breaks_off_leaves_nothing_and_frees_its_place() {
    let studio = Studio::start(setup().config("[uploads]\nat_once = 1\n")).unwrap();
    let before = blobs(&studio);
    let mut stream = studio.connect().unwrap();
    stream.write_all(head(&studio, "Content-Length: 100000\r\n").as_bytes()).unwrap();
    stream.write_all(&[png(), vec![0; 1_000]].concat()).unwrap();
    wait_until_on_its_way(&studio, 1);
    let (status, code, details) = refusal(&send(&studio, "", png()).await);
    assert_eq!((status, &*code, &details["limit"]), (429, "too_many_at_once", &json!(1)));
    drop(stream);
    wait_until_settled(&studio);
    assert_eq!(blobs(&studio), before);
    taken_in_the_end(&studio, png()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_too_slowly_is_told_so() {
    let studio = Studio::start(setup().config("[uploads]\nidle_seconds = 1\n")).unwrap();
    let before = blobs(&studio);
    let mut stream = studio.connect().unwrap();
    stream.write_all(head(&studio, "Content-Length: 100000\r\n").as_bytes()).unwrap();
    stream.write_all(&png()[..20]).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 408") && reply.contains("body_too_slow"), "{reply}");
    assert!(reply.to_ascii_lowercase().contains("connection: close"), "{reply}");
    assert_eq!(blobs(&studio), before);
    // And altogether, however it drips.
    let studio = Studio::start(setup().config("[uploads]\ndeadline_seconds = 1\n")).unwrap();
    let mut stream = studio.connect().unwrap();
    stream.write_all(head(&studio, "Content-Length: 100000000\r\n").as_bytes()).unwrap();
    stream.write_all(&good("plain.wav")).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let (mut reply, begun) = (Vec::new(), Instant::now());
    while !reply.ends_with(b"}") {
        assert!(begun.elapsed() < Duration::from_secs(30), "{reply:?}");
        // It may have closed its ear already.
        drop(stream.write(&[0]));
        let mut part = [0; 1024];
        if let Ok(read) = stream.read(&mut part) {
            reply.extend_from_slice(&part[..read]);
        }
    }
    assert!(String::from_utf8(reply).unwrap().starts_with("HTTP/1.1 408"));
}

#[tokio::test]
async fn on_a_full_disk_it_is_refused_and_with_room_it_is_taken() {
    let studio = studio();
    let (pid, before) = (studio.pid().unwrap(), blobs(&studio));
    limit_files(pid, Some(16 << 10)).unwrap();
    let large = [good("plain.wav"), vec![0; 64 << 10]].concat();
    let (status, code, _) = refusal(&send(&studio, "", large).await);
    assert_eq!((status, &*code), (507, "no_space"));
    assert_eq!(blobs(&studio), before);
    limit_files(pid, None).unwrap();
    kept(&studio, "", png()).await;
}

#[tokio::test]
async fn what_was_uploaded_is_shown_to_a_model_if_it_is_a_picture() {
    let (api, studio) = talking();
    let ask = |asset: &Value| {
        let picture = json!({ "type": "image", "assetId": asset["id"] });
        json!({ "modelId": "talker", "messages": [{ "role": "user", "content": [{ "type": "text", "text": "what?" }, picture] }] })
    };
    let picture = kept(&studio, "", png()).await;
    let reply = studio.post(CHAT, &ask(&picture)).await.unwrap();
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.json());
    assert!(api.chats()[0].body.to_string().contains("data:image/png;base64,"));
    for other in ["plain.gif", "plain.wav", "set.zip"] {
        let asset = kept(&studio, "", good(other)).await;
        let reply = studio.post(CHAT, &ask(&asset)).await.unwrap();
        let fault = &reply.json()["details"]["fields"][0];
        assert_eq!((reply.status.as_u16(), &fault["field"]), (400, &json!("messages[0].content[1]")), "{other}");
        assert!(fault["message"].as_str().unwrap().contains("PNG, JPEG or WebP"), "{fault}");
    }
}

/// What is wrong with what was said of a file, if anything is.
fn fault(sample: &Sample, reply: &Reply) -> Option<String> {
    let (status, code, details) = refusal(reply);
    let refused = status == 400 && ["unsupported_type", "type_mismatch", "invalid_file"].contains(&&*code);
    let right = match sample.expected {
        Expected::Taken | Expected::Cleaned(_) => status == 200,
        Expected::Refused(_) => refused,
        Expected::Either => status == 200 || refused,
    };
    (!right).then(|| format!("{}: {status} {code} {details}", sample.name))
}

#[tokio::test]
async fn hostile_files_are_refused_and_hurt_nobody() {
    // They take longer to make than a connection is kept open without a use.
    let files = hostile_files::all();
    let limits = "[uploads]\nper_user = \"1 TiB\"\nimage = \"256 MiB\"\naudio = \"512 MiB\"\n";
    let studio = Studio::start(setup().config(limits)).unwrap();
    kept(&studio, "", png()).await;
    let (mut faults, mut seen, mut slowest) = (Vec::new(), [0_usize; 2], Duration::ZERO);
    let count = files.len();
    for sample in files {
        let before = blobs(&studio);
        let begun = Instant::now();
        let reply = send(&studio, &format!("?kind={}", sample.kind.as_str()), sample.bytes.clone()).await;
        slowest = slowest.max(begun.elapsed());
        faults.extend(fault(&sample, &reply));
        seen[usize::from(reply.status != StatusCode::OK)] += 1;
        if reply.status != StatusCode::OK && blobs(&studio) != before {
            faults.push(format!("{} left something", sample.name));
        }
    }
    let died = studio.log().lines().filter(|line| line.contains("a file could not be looked into")).count();
    println!(
        "{count} files: {} taken, {} refused, {died} of them ended by a limit, slowest {slowest:?}",
        seen[0], seen[1]
    );
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(count >= 120, "{count}");
    assert_eq!(studio.get("/api/v1/health/ready").await.unwrap().status, StatusCode::OK);
    kept(&studio, "", png()).await;
}

#[test]
fn settings_that_can_not_be_meant_are_refused_at_start() {
    for (variable, bad) in [("STUDIO_UPLOADS__IMAGE", "20 MB"), ("STUDIO_UPLOADS__AT_ONCE", "many")] {
        let output = Studio::unstarted(setup().variable(variable, bad), "").unwrap().run(&["serve"]).unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(variable), "{variable}: {error}");
    }
}
