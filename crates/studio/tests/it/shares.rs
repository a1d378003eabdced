//! Pages by which an asset is shown to whoever knows their address: what they show, how, and that they end at once.

use crate::{
    IMAGE, NOBODY, pages, small, studio,
    upload::{good, kept, png},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
};
use studio_testkit::{
    good_files::{sounds, webp},
    studio::{Reply, Studio},
};

const SHARE: &str = "/api/v1/share";

pub(crate) async fn share(studio: &Studio, body: &Value) -> Value {
    let reply = studio.post(SHARE, body).await.unwrap();
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.json());
    reply.json()
}

/// As a stranger sees it.
async fn look(studio: &Studio, path: &str) -> Reply {
    Studio::send(studio.bare_request(Method::GET, path)).await.unwrap()
}

/// All that a page has.
pub(crate) fn parts_of(share: &Value) -> [String; 4] {
    let url = share["url"].as_str().unwrap();
    [format!("/api/v1{url}"), url.to_owned(), format!("{url}/content"), format!("{url}/thumbnail")]
}

#[tokio::test]
async fn whoever_knows_the_address_sees_it_and_nothing_more() {
    let studio = studio();
    let asset = kept(&studio, "?name=cat.png", png()).await;
    let title = "<script>alert(1)</script> \"& \u{202e}cat";
    let shared = share(&studio, &json!({ "assetId": asset["id"], "title": title })).await;
    let slug = shared["slug"].as_str().unwrap();
    assert!(slug.len() == 22 && slug.bytes().all(|b| b.is_ascii_alphanumeric()), "{slug}");
    let [data, page, content, thumbnail] = parts_of(&shared);
    let told = look(&studio, &data).await;
    assert_eq!((told.status, &told.json()["content"]["mediaType"]), (StatusCode::OK, &json!("image/png")));
    let text = told.json().to_string();
    for secret in [&asset["id"], &asset["sha256"]] {
        assert!(!text.contains(secret.as_str().unwrap()), "{text}");
    }
    let shown = look(&studio, &page).await;
    assert_eq!((shown.status, shown.header("content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
    let html = String::from_utf8(shown.body.clone()).unwrap();
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt; &quot;&amp; cat"), "{html}");
    assert!(!html.contains("<script") && html.contains(&format!("<img src=\"{content}\"")), "{html}");
    assert!(!html.contains("http://") && !html.contains("https://"), "{html}");
    let policy = shown.header("content-security-policy");
    for word in
        ["default-src 'none'", "img-src 'self'", "media-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"]
    {
        assert!(policy.contains(word), "{policy}");
    }
    assert!(!policy.contains("script-src"), "{policy}");
    let bytes = look(&studio, &content).await;
    assert_eq!(bytes.body, studio.get(asset["url"].as_str().unwrap()).await.unwrap().body);
    assert!(bytes.header("content-security-policy").starts_with("sandbox;"));
    for reply in [&told, &shown, &bytes, &look(&studio, &thumbnail).await] {
        assert_eq!(reply.status, StatusCode::OK);
        assert_eq!((reply.header("cache-control"), reply.header("set-cookie")), ("no-store", ""));
        assert!(reply.header("x-robots-tag").contains("noindex"));
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn sound_and_film_play_and_what_is_only_for_keeping_is_kept() {
    let studio = studio();
    for (name, element) in [("plain.wav", "<audio src="), ("plain.mp4", "<video src="), ("set.zip", "download")] {
        let asset = kept(&studio, &format!("?name={name}"), good(name)).await;
        let [_, page, content, thumbnail] = parts_of(&share(&studio, &json!({ "assetId": asset["id"] })).await);
        let html = String::from_utf8(look(&studio, &page).await.body).unwrap();
        assert!(html.contains(element) && html.contains(name), "{html}");
        let request = studio.bare_request(Method::GET, &content).header("range", "bytes=0-3");
        let part = Studio::send(request).await.unwrap();
        assert_eq!((part.status.as_u16(), part.body.len()), (206, 4));
        let way = part.header("content-disposition");
        assert_eq!(way.starts_with("attachment"), name == "set.zip", "{way}");
        assert_eq!(look(&studio, &thumbnail).await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_page_ends_at_once_and_what_never_was_is_the_same_answer() {
    let studio = studio();
    let asset = kept(&studio, "", png()).await;
    let [first, second] = [share(&studio, &json!({ "assetId": asset["id"] })).await, {
        share(&studio, &json!({ "assetId": asset["id"] })).await
    }];
    assert_ne!(first["slug"], second["slug"]);
    let list = pages(&studio, "/api/v1/shares?limit=1").await;
    let slugs: Vec<_> = list.iter().map(|share| share["slug"].clone()).collect();
    assert_eq!(slugs, [second["slug"].clone(), first["slug"].clone()]);
    let end = |slug: &Value| studio.request(Method::DELETE, &format!("/api/v1/shares/{}", slug.as_str().unwrap()));
    let key = studio.make_key("other@example.com", &[]).unwrap();
    let path = format!("/api/v1/shares/{}", first["slug"].as_str().unwrap());
    let theirs = Studio::send(studio.request_as(&key, Method::DELETE, &path)).await.unwrap();
    assert_eq!(theirs.status, StatusCode::NOT_FOUND);
    assert_eq!(look(&studio, &parts_of(&first)[2]).await.status, StatusCode::OK);
    assert_eq!(Studio::send(end(&first["slug"])).await.unwrap().status, StatusCode::OK);
    let said = |reply: Reply| {
        let mut body = reply.json();
        body["requestId"].take();
        body["timestamp"].take();
        (reply.status.as_u16(), body)
    };
    let never = said(look(&studio, "/share/0123456789012345678901").await);
    assert_eq!(never.0, 404);
    for path in parts_of(&first) {
        assert_eq!(said(look(&studio, &path).await), never, "{path}");
    }
    assert_eq!(said(look(&studio, "/share/nonsense").await), never);
    assert_eq!(Studio::send(end(&first["slug"])).await.unwrap().status, StatusCode::NOT_FOUND);
    // With what it shows, it goes, too.
    assert_eq!(look(&studio, &parts_of(&second)[1]).await.status, StatusCode::OK);
    let gone = studio.request(Method::DELETE, asset["url"].as_str().unwrap());
    assert_eq!(Studio::send(gone).await.unwrap().status, StatusCode::OK);
    for path in parts_of(&second) {
        assert_eq!(said(look(&studio, &path).await), never, "{path}");
    }
    assert_eq!(studio.get("/api/v1/shares").await.unwrap().json()["items"], json!([]));
}

/// Begins to read what is there, and reads no more of it than its head; how many bytes it will have.
fn begin(studio: &Studio, path: &str, more: &str) -> (TcpStream, usize) {
    let mut stream = studio.connect().unwrap();
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nHost: studio\r\nConnection: close\r\n{more}\r\n").as_bytes())
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    (stream, length.parse().unwrap())
}

/// Reads until the connection ends; how many bytes came.
fn rest_of(mut stream: TcpStream) -> usize {
    let (mut part, mut count) = (vec![0; 64 << 10], 0);
    loop {
        match stream.read(&mut part) {
            Ok(0) => return count,
            Ok(read) => count += read,
            Err(error) => {
                assert_ne!(error.kind(), ErrorKind::WouldBlock, "it neither comes nor ends");
                return count;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_flows_breaks_off_when_its_page_or_its_key_ends() {
    let studio = studio();
    // Far more than what may be on its way between the two ends.
    let sound = sounds::riff(&[sounds::wav_format(1, 1, 8_000, 16), webp::chunk(b"data", &vec![0; 48 << 20])]);
    let asset = kept(&studio, "?name=long.wav", sound).await;
    let url = asset["url"].as_str().unwrap();
    let page = async || share(&studio, &json!({ "assetId": asset["id"] })).await;
    let delete = async |path: &str| {
        let reply = Studio::send(studio.request(Method::DELETE, path)).await.unwrap();
        assert_eq!(reply.status, StatusCode::OK, "{path}");
    };
    let (unread, length) = begin(&studio, &parts_of(&page().await)[2], "");
    assert_eq!((rest_of(unread), length as u64), (length, asset["bytes"].as_u64().unwrap()), "nothing ended");
    let ended = page().await;
    let (unread, length) = begin(&studio, &parts_of(&ended)[2], "");
    delete(&format!("/api/v1/shares/{}", ended["slug"].as_str().unwrap())).await;
    assert!(rest_of(unread) < length, "the page has ended");
    let key = studio.post("/api/v1/keys", &json!({ "name": "short-lived" })).await.unwrap().json()["key"].clone();
    let (unread, length) = begin(&studio, url, &format!("Authorization: Bearer {}\r\n", key["key"].as_str().unwrap()));
    delete(&format!("/api/v1/keys/{}", key["id"].as_str().unwrap())).await;
    assert!(rest_of(unread) < length, "the key is revoked");
    let (unread, length) = begin(&studio, &parts_of(&page().await)[2], "");
    delete(url).await;
    assert!(rest_of(unread) < length, "what it shows is removed");
}

#[tokio::test]
async fn what_is_shown_must_be_ones_own_and_may_be_named_as_it_was_before() {
    let studio = studio();
    let made = studio.post(IMAGE, &small("a cat")).await.unwrap().json();
    let old = json!({
        "type": "image", "content": { "url": made["images"][0]["url"], "prompt": "a cat" }, "metadata": { "title": "my cat" },
    });
    let shared = studio.post("/api/share", &old).await.unwrap();
    assert_eq!((shared.status, shared.header("deprecation").is_empty()), (StatusCode::OK, false), "{}", shared.json());
    assert_eq!((&shared.json()["title"], &shared.json()["assetId"]), (&json!("my cat"), &made["images"][0]["assetId"]));
    let html = String::from_utf8(look(&studio, &parts_of(&shared.json())[1]).await.body).unwrap();
    assert!(html.contains("<h1>my cat</h1>"), "{html}");
    let key = studio.make_key("other@example.com", &[]).unwrap();
    let theft = json!({ "assetId": made["images"][0]["assetId"] });
    let theft = Studio::send(studio.request_as(&key, Method::POST, SHARE).json(&theft)).await.unwrap();
    let absent = studio.post(SHARE, &json!({ "assetId": NOBODY })).await.unwrap();
    assert_eq!((theft.status, absent.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    assert_eq!(theft.json()["message"], absent.json()["message"]);
    for bad in [json!({}), json!({ "assetId": "x" }), json!({ "type": "analysis", "content": { "text": "x" } })] {
        let refused = studio.post(SHARE, &bad).await.unwrap();
        assert_eq!((refused.status, &refused.json()["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_request")));
    }
}
