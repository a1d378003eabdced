//! The main job: a picture is asked for and comes.

use crate::{IMAGE, seeded, setup, small, studio};
use reqwest::{Method, StatusCode};
use serde_json::json;
use studio_testkit::studio::Studio;

#[tokio::test]
async fn a_prompt_becomes_a_picture_that_can_be_fetched_and_is_accounted_for() {
    let studio = studio();
    let made = studio.post(IMAGE, &small("a sea at dusk")).await.unwrap();
    assert_eq!(made.status, StatusCode::OK, "{:?}", made.json());
    let body = made.json();
    assert_eq!((&body["success"], &body["status"]), (&json!(true), &json!("succeeded")));
    assert_eq!((&body["modelId"], &body["provider"]), (&json!("sketch"), &json!("sketch")));
    assert_eq!(body["cost"], json!({ "amount": "0", "currency": "USD" }));
    let picture = studio.get(body["images"][0]["url"].as_str().unwrap()).await.unwrap();
    assert_eq!((picture.status, picture.header("content-type")), (StatusCode::OK, "image/png"));
    assert!(picture.body.starts_with(b"\x89PNG"));

    let job = studio.get(&format!("/api/v1/jobs/{}", body["jobId"].as_str().unwrap())).await.unwrap().json();
    assert_eq!(job["job"]["outputs"][0]["bytes"], json!(picture.body.len()));
    assert_eq!(job["job"]["prompt"], "a sea at dusk");
    assert_eq!(job["job"]["progress"], json!(1.0));
    let verified = studio.verify().unwrap();
    assert_eq!((&verified["sum"], &verified["violations"]), (&json!("0"), &json!([])));
    assert_eq!(verified["jobs"], 1);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes_and_another_seed_does_not() {
    let studio = studio();
    let mut hashes = Vec::new();
    for seed in [7, 7, 8] {
        let made = studio.post(IMAGE, &seeded("a dense forest", seed)).await.unwrap().json();
        let picture = studio.get(made["images"][0]["url"].as_str().unwrap()).await.unwrap();
        assert_eq!(made["images"][0]["seed"], seed);
        hashes.push(picture.header("etag").to_owned());
    }
    assert_eq!(hashes[0], hashes[1]);
    assert_ne!(hashes[0], hashes[2]);
}

#[tokio::test]
async fn each_of_several_pictures_can_be_made_again_alone() {
    let studio = studio();
    let mut body = seeded("a neon city", 4_294_967_295);
    body["numImages"] = json!(3);
    let made = studio.post(IMAGE, &body).await.unwrap().json();
    let images = made["images"].as_array().unwrap();
    let seeds: Vec<_> = images.iter().map(|image| image["seed"].as_u64().unwrap()).collect();
    assert_eq!(seeds, [4_294_967_295, 0, 1]);
    let again = studio.post(IMAGE, &seeded("a neon city", 1)).await.unwrap().json();
    let tag = |image: &serde_json::Value| {
        let url = image["url"].as_str().unwrap().to_owned();
        let studio = &studio;
        async move { studio.get(&url).await.unwrap().header("etag").to_owned() }
    };
    assert_eq!(tag(&images[2]).await, tag(&again["images"][0]).await);
}

#[tokio::test]
async fn every_format_is_what_it_says() {
    let studio = studio();
    for (format, kind, head) in [
        ("png", "image/png", &b"\x89PNG"[..]),
        ("jpeg", "image/jpeg", b"\xff\xd8\xff"),
        ("webp", "image/webp", b"RIFF"),
    ] {
        let mut body = small("a desert");
        body["format"] = json!(format);
        let made = studio.post(IMAGE, &body).await.unwrap().json();
        assert_eq!(made["images"][0]["mediaType"], kind);
        let picture = studio.get(made["images"][0]["url"].as_str().unwrap()).await.unwrap();
        assert_eq!(picture.header("content-type"), kind);
        assert!(picture.body.starts_with(head), "{format}");
    }
}

#[tokio::test]
async fn whoever_accepts_a_picture_gets_the_picture() {
    let studio = studio();
    let request = studio.request(Method::POST, IMAGE).header("Accept", "image/png").json(&small("a lighthouse"));
    let reply = Studio::send(request).await.unwrap();
    assert_eq!((reply.status, reply.header("content-type")), (StatusCode::OK, "image/png"));
    assert!(reply.body.starts_with(b"\x89PNG") && !reply.header("x-studio-job-id").is_empty());
}

#[tokio::test]
async fn no_wait_is_a_202_and_the_job_comes_to_its_end_alone() {
    let studio = studio();
    let request = studio.request(Method::POST, IMAGE).header("Prefer", "wait=0").json(&small("mountains"));
    let reply = Studio::send(request).await.unwrap();
    assert_eq!(reply.status, StatusCode::ACCEPTED);
    let body = reply.json();
    let id = body["jobId"].as_str().unwrap();
    assert_eq!(body["links"]["self"], format!("/api/v1/jobs/{id}"));
    assert_eq!(studio.end_of(id).await.unwrap()["status"], "succeeded");
}

#[tokio::test]
async fn the_old_provider_field_works_and_warns() {
    let studio = studio();
    let mut body = small("fog");
    body["provider"] = json!("sketch");
    let made = studio.post(IMAGE, &body).await.unwrap();
    assert_eq!(made.status, StatusCode::OK);
    assert!(made.json()["warnings"][0].as_str().unwrap().contains("modelId"));
}

#[tokio::test]
async fn a_model_of_studio_toml_can_be_asked_for() {
    let config = "[[models]]\nid = \"postcards\"\nname = \"Postcards\"\nmodality = \"image\"\nprovider = \"sketch\"\n\
                  upstream = \"sketch\"\naliases = [\"pc\"]\n[models.prices]\nimage = 0.01\n";
    let studio = Studio::start(setup().config(config)).unwrap();
    let mut body = small("a boat");
    body["modelId"] = json!("pc");
    let made = studio.post(IMAGE, &body).await.unwrap().json();
    assert_eq!((&made["modelId"], &made["cost"]["amount"]), (&json!("postcards"), &json!("0.01")));
    let models = studio.get("/api/v1/models").await.unwrap().json();
    let ids: Vec<_> = models["items"].as_array().unwrap().iter().map(|model| model["id"].clone()).collect();
    assert_eq!((&ids[0], ids.last()), (&json!("sketch"), Some(&json!("postcards"))), "after the built-in ones");
}

#[tokio::test]
async fn f18_prompts_and_keys_are_not_in_the_log() {
    let studio = Studio::start(setup().variable("STUDIO_LOG", "trace")).unwrap();
    studio.post(IMAGE, &small("xylophone-canary in the snow")).await.unwrap();
    studio.post(IMAGE, &json!({ "prompt": 7, "xylophone-canary": 1 })).await.unwrap();
    let log = studio.log();
    assert!(log.contains("job accepted"), "there is a log");
    assert!(!log.contains("xylophone-canary"), "a prompt was logged");
    assert!(!log.contains(studio.key()), "a key was logged");
}
