//! The library: what is in it, in which order, small pictures, and how things leave it.

use crate::{
    IMAGE, NOBODY,
    chat::{CHAT, ask, talking},
    pages, setup, small, studio,
    upload::{blobs, good, kept, png, send},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::fs;
use studio_testkit::studio::{Reply, Studio};
use tokio::task::JoinSet;

async fn delete(studio: &Studio, path: &str) -> Reply {
    Studio::send(studio.request(Method::DELETE, path)).await.unwrap()
}

fn url(asset: &Value) -> &str {
    asset["url"].as_str().unwrap()
}

#[tokio::test]
async fn it_lists_what_came_and_what_was_made_newest_first() {
    let studio = studio();
    for name in ["plain.png", "plain.wav", "plain.gif", "set.zip"] {
        kept(&studio, &format!("?name={name}"), good(name)).await;
    }
    let made = studio.post(IMAGE, &small("a cat")).await.unwrap().json();
    let names = async |query: &str| -> Vec<String> {
        let items = pages(&studio, &format!("/api/v1/assets?limit=2{query}")).await;
        items.iter().map(|asset| asset["name"].as_str().unwrap_or("made").to_owned()).collect()
    };
    assert_eq!(names("").await, ["made", "set.zip", "plain.gif", "plain.wav", "plain.png"]);
    assert_eq!(names("&kind=image").await, ["made", "plain.gif", "plain.png"]);
    assert_eq!(names("&origin=made").await, ["made"]);
    assert_eq!(names("&origin=uploaded&kind=audio").await, ["plain.wav"]);
    assert_eq!(names("&kind=video").await, [""; 0]);
    let first = studio.get("/api/v1/assets?limit=1").await.unwrap().json()["items"][0].clone();
    assert_eq!((&first["id"], &first["jobId"]), (&made["images"][0]["assetId"], &made["jobId"]));
    let details = studio.get(&format!("{}/details", url(&first))).await.unwrap().json();
    assert_eq!(details["asset"], first);
    for bad in ["kind=book", "origin=lost", "limit=0", "cursor=x", "more=1"] {
        let refused = studio.get(&format!("/api/v1/assets?{bad}")).await.unwrap();
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    let key = studio.make_key("other@example.com", &[]).unwrap();
    let theirs = Studio::send(studio.request_as(&key, Method::GET, "/api/v1/assets")).await.unwrap().json();
    assert_eq!(theirs["items"], json!([]));
}

#[tokio::test]
async fn a_small_picture_of_what_was_made_is_made_once() {
    let studio = studio();
    let made = studio.post(IMAGE, &json!({ "prompt": "a sea", "width": 512, "height": 256 })).await.unwrap().json();
    let path = format!("/api/v1/assets/{}", made["images"][0]["assetId"].as_str().unwrap());
    let before = blobs(&studio).len();
    let mut calls = JoinSet::new();
    for _ in 0..4 {
        calls.spawn(Studio::send(studio.request(Method::GET, &format!("{path}/thumbnail"))));
    }
    let replies: Vec<_> = calls.join_all().await.into_iter().map(Result::unwrap).collect();
    for reply in &replies {
        assert_eq!((reply.status, reply.header("content-type")), (StatusCode::OK, "image/jpeg"));
        assert_eq!(reply.header("etag"), replies[0].header("etag"));
        assert!(reply.header("content-security-policy").starts_with("sandbox;"));
    }
    assert_eq!(blobs(&studio).len(), before + 1, "one small picture");
    let whole = studio.get(&path).await.unwrap();
    assert!(replies[0].body.len() < whole.body.len());
    // Whoever made it again would need the whole one.
    let hash = whole.header("etag").trim_matches('"').to_owned();
    fs::remove_file(studio.data().join("blobs/blobs").join(&hash[..2]).join(&hash)).unwrap();
    let kept_one = studio.get(&format!("{path}/thumbnail")).await.unwrap();
    assert_eq!((kept_one.status, &kept_one.body), (StatusCode::OK, &replies[0].body));
    let details = studio.get(&format!("{path}/details")).await.unwrap().json()["asset"].clone();
    assert_eq!((&details["width"], &details["height"]), (&json!(512), &json!(256)), "learnt on the way");
    assert!(details["placeholder"].is_string(), "{details}");
    let again = studio.request(Method::GET, &format!("{path}/thumbnail"));
    let again = Studio::send(again.header("if-none-match", replies[0].header("etag"))).await.unwrap();
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    // Of a sound there is none.
    let sound = kept(&studio, "", good("plain.wav")).await;
    let none = studio.get(&format!("{}/thumbnail", url(&sound))).await.unwrap();
    assert_eq!((none.status, &none.json()["error"]), (StatusCode::NOT_FOUND, &json!("not_found")));
}

#[tokio::test]
async fn what_is_removed_is_gone_and_its_job_remembers_it() {
    let studio = studio();
    let made = studio.post(IMAGE, &small("a cat")).await.unwrap().json();
    let path = format!("/api/v1/assets/{}", made["images"][0]["assetId"].as_str().unwrap());
    let key = studio.make_key("other@example.com", &[]).unwrap();
    let theirs = Studio::send(studio.request_as(&key, Method::DELETE, &path)).await.unwrap();
    assert_eq!(theirs.status, StatusCode::NOT_FOUND);
    assert_eq!(delete(&studio, &format!("/api/v1/assets/{NOBODY}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(studio.get(&path).await.unwrap().status, StatusCode::OK);
    assert_eq!(delete(&studio, &path).await.json(), json!({ "success": true }));
    for path in [path.clone(), format!("{path}/details"), format!("{path}/thumbnail")] {
        assert_eq!(studio.get(&path).await.unwrap().status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(delete(&studio, &path).await.status, StatusCode::NOT_FOUND, "once");
    let job = studio.get(&format!("/api/v1/jobs/{}", made["jobId"].as_str().unwrap())).await.unwrap().json();
    assert_eq!(job["job"]["outputs"][0]["removed"], true, "{job}");
    assert_eq!((&job["job"]["status"], &job["job"]["prompt"]), (&json!("succeeded"), &json!("a cat")));
    crate::assert_clean(&studio, 0);
}

// The emulator is waited for with a thread.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_job_needs_stays_until_it_is_over() {
    let (api, studio) = talking();
    let asset = kept(&studio, "", png()).await;
    let mut body = ask("what is it?");
    body["messages"][0]["content"] = json!([{ "type": "image", "assetId": asset["id"] }]);
    api.hold();
    let request = studio.request(Method::POST, CHAT).header("Prefer", "wait=0").json(&body);
    let job = Studio::send(request).await.unwrap().json()["jobId"].as_str().unwrap().to_owned();
    let refused = delete(&studio, url(&asset)).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]), (409, &json!("asset_in_use")));
    assert_eq!(refused.json()["details"]["jobId"], job);
    api.release();
    studio.end_of(&job).await.unwrap();
    assert_eq!(delete(&studio, url(&asset)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_name_is_shown_and_can_not_become_anything_else() {
    let studio = studio();
    for (sent, kept_as, header) in [
        (
            "смотри.png",
            "смотри.png",
            "inline; filename=\"______.png\"; filename*=UTF-8''%D1%81%D0%BC%D0%BE%D1%82%D1%80%D0%B8.png",
        ),
        ("../../etc/passwd.png", "passwd.png", "inline; filename=\"passwd.png\""),
        ("gnp.\u{202e}x.png", "gnp.x.png", "inline; filename=\"gnp.x.png\""),
        (
            "a\"\r\nX-Injected: b.png",
            "a\"X-Injected: b.png",
            "inline; filename=\"a_X-Injected_ b.png\"; filename*=UTF-8''a%22X-Injected%3A%20b.png",
        ),
    ] {
        let query: String = sent.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let asset = kept(&studio, &format!("?name={query}"), png()).await;
        assert_eq!(asset["name"], kept_as);
        let served = studio.get(url(&asset)).await.unwrap();
        assert_eq!(served.header("content-disposition"), header);
        assert!(served.headers.get("x-injected").is_none());
    }
    let named = studio
        .request(Method::POST, "/api/v1/upload")
        .header("content-disposition", "attachment; filename*=UTF-8''%c3%b6.png");
    let named = Studio::send(named.body(png())).await.unwrap().json();
    assert_eq!(named["asset"]["name"], "ö.png");
    assert_eq!(send(&studio, "?name=%00", png()).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_backup_has_uploads_and_their_small_pictures() {
    let studio = studio();
    let asset = kept(&studio, "?name=cat.png", png()).await;
    let small = studio.get(asset["thumbnailUrl"].as_str().unwrap()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("backup");
    let made = studio.run_json(&["backup", to.to_str().unwrap()]).unwrap();
    assert_eq!(made["missing"], json!([]), "{made}");
    let mut back = Studio::unstarted(setup(), studio.key()).unwrap();
    back.run_json(&["restore", to.to_str().unwrap()]).unwrap();
    back.launch().unwrap();
    assert_eq!(back.get("/api/v1/assets").await.unwrap().json()["items"][0], asset);
    assert_eq!(back.get(url(&asset)).await.unwrap().body, studio.get(url(&asset)).await.unwrap().body);
    let there = back.get(asset["thumbnailUrl"].as_str().unwrap()).await.unwrap();
    assert_eq!((there.status, there.body), (StatusCode::OK, small.body));
}
