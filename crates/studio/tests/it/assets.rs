//! Assets: tags, ranges, and headers that keep what was made from being taken for a page.

use crate::{IMAGE, small, studio};
use reqwest::{Method, StatusCode};
use studio_testkit::studio::Studio;

#[tokio::test]
async fn ranges_and_tags_save_bytes() {
    let studio = studio();
    let made = studio.post(IMAGE, &small("a bird")).await.unwrap().json();
    let url = made["images"][0]["url"].as_str().unwrap();
    let whole = studio.get(url).await.unwrap();
    let (length, tag) = (whole.body.len(), whole.header("etag").to_owned());
    assert_eq!(whole.header("accept-ranges"), "bytes");
    assert_eq!(whole.header("content-length"), length.to_string());

    let get = |name: &'static str, value: String| Studio::send(studio.request(Method::GET, url).header(name, value));
    for (range, from, to) in [
        ("bytes=0-9", 0, 10),
        ("bytes=10-", 10, length),
        ("bytes=-5", length - 5, length),
        ("bytes=5-999999999", 5, length),
    ] {
        let part = get("range", range.into()).await.unwrap();
        assert_eq!(part.status, StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(part.body, whole.body[from..to], "{range}");
        assert_eq!(part.header("content-range"), format!("bytes {from}-{}/{length}", to - 1));
    }
    let outside = get("range", format!("bytes={length}-")).await.unwrap();
    assert_eq!(outside.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(outside.json()["error"], "range_not_satisfiable");
    // Nonsense, and several ranges at once, are answered with the whole.
    for odd in ["bytes=x", "lines=1-2", "bytes=0-1,5-6", "bytes=0-1,999999999-"] {
        assert_eq!(get("range", odd.into()).await.unwrap().body.len(), length, "{odd}");
    }
    for wanted in [tag.clone(), format!("W/{tag}"), "*".into(), format!("\"x\", {tag}")] {
        let same = get("if-none-match", wanted).await.unwrap();
        assert_eq!((same.status, same.body.len()), (StatusCode::NOT_MODIFIED, 0));
    }
    let other = studio.request(Method::GET, url).header("range", "bytes=0-9").header("if-range", "\"other\"");
    assert_eq!(Studio::send(other).await.unwrap().body.len(), length, "it changed, so all of it");
    let head = Studio::send(studio.request(Method::HEAD, url)).await.unwrap();
    assert_eq!((head.body.len(), head.header("content-length")), (0, length.to_string().as_str()));
}

#[tokio::test]
async fn what_was_made_is_not_a_page_of_ours() {
    let studio = studio();
    let made = studio.post(IMAGE, &small("a fish")).await.unwrap().json();
    let reply = studio.get(made["images"][0]["url"].as_str().unwrap()).await.unwrap();
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    assert!(reply.header("content-security-policy").starts_with("sandbox"));
    assert!(reply.header("cache-control").starts_with("private"));
    assert!(reply.header("content-disposition").ends_with(".png\""));
}

#[tokio::test]
async fn a_blob_that_is_gone_is_a_clear_503_and_not_a_cut_off_answer() {
    let studio = studio();
    let made = studio.post(IMAGE, &small("a ship")).await.unwrap().json();
    std::fs::remove_dir_all(studio.data().join("blobs")).unwrap();
    let reply = studio.get(made["images"][0]["url"].as_str().unwrap()).await.unwrap();
    assert_eq!((reply.status.as_u16(), reply.json()["error"].as_str()), (503, Some("blobs_unavailable")));
}
