//! Pictures that come with a request: what they say of people is gone before anybody gets them, what is refused leaves nothing
//! behind, and what is asked of the library is bounded.

use crate::{
    IMAGE, PRICED, assert_clean,
    chat::{CHAT, TALKER, ask, knowing, talking},
    jobs, setup, small, studio,
    upload::{blobs, good, kept},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use studio_testkit::{
    cog_worker::{Behaviour, CogWorker},
    good_files::{
        self, MAKER, PLACE,
        jpeg::{file, segment},
    },
    hostile_files,
    openai::{self, OpenAi},
    studio::{Reply, Studio},
};

fn uri(kind: &str, bytes: &[u8]) -> String {
    format!("data:{kind};base64,{}", STANDARD.encode(bytes))
}

/// The files with metadata, and their types.
fn told() -> [(&'static str, Vec<u8>); 3] {
    [("image/jpeg", "told.jpg"), ("image/png", "told.png"), ("image/webp", "told.webp")]
        .map(|(kind, name)| (kind, good(name)))
}

fn says(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// A question to `talker` about pictures.
fn shown(urls: &[String]) -> Value {
    let mut body = ask("what is it?");
    let pictures = urls.iter().map(|url| json!({ "type": "image", "url": url }));
    let parts = std::iter::once(json!({ "type": "text", "text": "what is it?" })).chain(pictures);
    body["messages"][0]["content"] = parts.collect();
    body
}

/// What was refused of the first field.
fn fault(reply: &Reply) -> String {
    assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{}", reply.json());
    reply.json()["details"]["fields"][0]["message"].as_str().unwrap().to_owned()
}

/// What is kept of what came with requests, and its bytes.
async fn sent(studio: &Studio) -> Vec<(Value, Vec<u8>)> {
    let mut found = Vec::new();
    for asset in studio.get("/api/v1/assets?origin=sent").await.unwrap().json()["items"].as_array().unwrap() {
        let bytes = studio.get(asset["url"].as_str().unwrap()).await.unwrap().body.to_vec();
        found.push((asset.clone(), bytes));
    }
    found
}

#[tokio::test]
async fn what_a_picture_says_of_people_is_gone_before_it_is_kept_or_sent() {
    let (api, studio) = talking();
    let urls: Vec<_> = told().iter().map(|(kind, bytes)| uri(kind, bytes)).collect();
    let reply = studio.post(CHAT, &shown(&urls)).await.unwrap();
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.json());
    let passed_on = api.chats()[0].body["messages"][0]["content"].clone();
    let assets = sent(&studio).await;
    assert_eq!(assets.len(), 3);
    for (n, (kind, original)) in told().iter().enumerate() {
        assert!([MAKER, PLACE].iter().all(|text| says(original, text)), "{kind}");
        let url = passed_on[n + 1]["image_url"]["url"].as_str().unwrap();
        let passed = STANDARD.decode(url.split_once(',').unwrap().1).unwrap();
        assert!(![MAKER, PLACE].iter().any(|text| says(&passed, text)), "{kind}: sent to a provider");
        let (asset, bytes) = assets.iter().find(|(asset, _)| asset["mediaType"] == *kind).unwrap();
        assert_eq!(*bytes, passed, "what is kept is what was sent");
        assert_eq!(asset["bytes"], json!(bytes.len()));
        let side = |name: &str| asset[name].as_u64().unwrap();
        assert!(side("width") > 0 && side("height") > 0 && asset["placeholder"].is_string(), "{asset}");
        assert!(asset["stripped"].as_array().unwrap().contains(&json!("EXIF")), "{asset}");
    }
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn a_picture_that_is_changed_is_cleaned_too_and_lies_as_it_lay() {
    let studio = studio();
    let [(kind, bytes), ..] = told();
    let mut body = json!({ "prompt": "a sea", "quality": "standard", "seed": 7, "image": uri(kind, &bytes) });
    let tried = studio.post(&format!("{IMAGE}?dryRun=true"), &body).await.unwrap().json();
    // It was told to lie on its side, and `sketch` makes nothing smaller than 64.
    let size = |answer: &Value| (answer["parameters"]["width"].clone(), answer["parameters"]["height"].clone());
    assert_eq!((blobs(&studio).len(), size(&tried)), (0, (json!(64), json!(85))), "{tried}");
    let reply = studio.post(IMAGE, &body).await.unwrap();
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.json());
    let [(asset, clean)] = &sent(&studio).await[..] else { panic!("not one asset") };
    assert!(!says(clean, MAKER) && !says(clean, PLACE));
    assert_eq!((&asset["width"], &asset["height"]), (&json!(48), &json!(64)));
    body["image"] = asset["id"].clone();
    let again = studio.post(&format!("{IMAGE}?dryRun=true"), &body).await.unwrap().json();
    assert_eq!(size(&again), size(&tried));
}

#[tokio::test]
async fn f03_a_conversation_is_shown_no_picture_that_can_not_be_decoded() {
    let (api, studio) = talking();
    let mut damaged = good("plain.png");
    let pixels = damaged.windows(4).position(|name| name == b"IDAT").unwrap() + 4;
    damaged[pixels..pixels + 8].fill(0xff);
    let bomb = hostile_files::all().into_iter().find(|file| file.name == "png of 60000 x 60000").unwrap().bytes;
    for (bytes, word) in [(damaged, "can't be decoded"), (bomb, "50000000 in all are allowed")] {
        let message = fault(&studio.post(CHAT, &shown(&[uri("image/png", &bytes)])).await.unwrap());
        assert!(message.contains(word), "{message}");
    }
    assert_eq!((blobs(&studio).len(), api.chats().len()), (0, 0));
}

#[tokio::test]
async fn who_is_refused_leaves_no_picture_behind() {
    let api = OpenAi::start(openai::Behaviour::Normal).unwrap();
    let config = format!("{TALKER}[[models]]\nid = \"sketch\"\n[models.prices]\nimage = 0.002\n");
    let free = "[[models]]\nid = \"unpriced\"\nmodality = \"chat\"\nprovider = \"openai\"\nupstream = \"gpt-4.1\"\n";
    let studio = Studio::start(knowing(&api).config(&format!("{config}{free}"))).unwrap();
    let poor = studio.make_key("poor@example.org", &["--budget", "0.0000001"]).unwrap();
    let picture = uri("image/png", &good("plain.png"));
    let edit = json!({ "prompt": "a sea", "quality": "standard", "image": picture });
    let mut unpriced = shown(std::slice::from_ref(&picture));
    unpriced["modelId"] = "unpriced".into();
    for (path, body, code) in [
        (CHAT, shown(std::slice::from_ref(&picture)), "over_budget"),
        (IMAGE, edit.clone(), "over_budget"),
        (CHAT, unpriced, "unpriced_model"),
    ] {
        let reply = Studio::send(studio.request_as(&poor, Method::POST, path).json(&body)).await.unwrap();
        assert_eq!((reply.status.as_u16(), &reply.json()["error"]), (402, &json!(code)), "{path}");
        assert_eq!(blobs(&studio).len(), 0, "{path} {code}: nothing is kept");
    }
    // It was the money, and nothing else.
    assert_eq!(studio.post(CHAT, &shown(&[picture])).await.unwrap().status, StatusCode::OK);
    assert_eq!(blobs(&studio).len(), 1);
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn a_picture_whose_head_is_long_is_known_by_what_was_seen_of_it_before() {
    let studio = studio();
    // More than is read of a head stands before its size.
    let profile = |n: u8| segment(0xe2, &[&b"ICC_PROFILE\0"[..], &[n, 9], &[7; 60_000][..]].concat());
    let long = file(96, 64, &(1..10).map(profile).collect::<Vec<_>>());
    let id = kept(&studio, "", long).await["id"].clone();
    let body = json!({ "prompt": "a sea", "quality": "standard", "image": id });
    let tried = studio.post(&format!("{IMAGE}?dryRun=true"), &body).await.unwrap();
    assert_eq!(tried.status, StatusCode::OK, "{}", tried.json());
    assert_eq!(tried.json()["parameters"]["width"], 96);
    assert_eq!(studio.post(IMAGE, &body).await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn what_a_model_made_is_decoded_before_it_is_changed() {
    let mut damaged = good_files::png::file(&good_files::png::Picture::rgb(40, 30), &[]);
    let pixels = damaged.windows(4).position(|name| name == b"IDAT").unwrap() + 4;
    damaged[pixels..pixels + 8].fill(0xff);
    let worker = CogWorker::start(Behaviour::UrlOutput(uri("image/png", &damaged))).unwrap();
    let studio = jobs::with_worker(&worker);
    let made = studio.post(IMAGE, &jobs::lab()).await.unwrap();
    assert_eq!(made.status, StatusCode::OK, "{}", made.json());
    let id = made.json()["images"][0]["assetId"].clone();
    let change = |id: &Value| json!({ "prompt": "a sea", "quality": "standard", "modelId": "sketch", "image": id });
    // The second time nobody is asked any more.
    for _ in 0..2 {
        let message = fault(&studio.post(IMAGE, &change(&id)).await.unwrap());
        assert!(message.contains("can't be decoded"), "{message}");
    }
    let good = studio.post(IMAGE, &small("a cat")).await.unwrap().json()["images"][0]["assetId"].clone();
    assert_eq!(studio.post(IMAGE, &change(&good)).await.unwrap().status, StatusCode::OK);
    let known = studio.get(&format!("/api/v1/assets/{}/details", good.as_str().unwrap())).await.unwrap().json();
    assert_eq!(known["asset"]["width"], 64, "and what was seen is kept");
}

#[tokio::test]
async fn a_picture_that_is_the_answer_is_as_harmless_as_at_its_address() {
    let studio = Studio::start(setup().config(PRICED)).unwrap();
    let body = small("a sea");
    let request = studio.request(Method::POST, IMAGE).header("Accept", "image/*").json(&body);
    let picture = Studio::send(request).await.unwrap();
    assert_eq!((picture.status, picture.header("content-type")), (StatusCode::OK, "image/png"));
    let job = jobs::status(&studio, picture.header("x-studio-job-id")).await;
    let there = studio.get(job["outputs"][0]["url"].as_str().unwrap()).await.unwrap();
    assert_eq!(picture.body, there.body);
    for header in [
        "content-security-policy",
        "cross-origin-resource-policy",
        "content-disposition",
        "content-length",
        "x-content-type-options",
    ] {
        assert_eq!(picture.header(header), there.header(header), "{header}");
    }
    assert!(picture.header("content-security-policy").starts_with("sandbox;"));
    assert_eq!(picture.header("cache-control"), "no-store", "the answer to one request");
}
