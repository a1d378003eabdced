//! Pictures that are changed: what may be given and how, what stays as it is, and what is refused by name.

use crate::{IMAGE, NOBODY, assert_clean, door::assert_refused, jobs, openai, setup, studio, upload::kept};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use studio_testkit::{
    cog_worker::{self, CogWorker},
    openai::{Behaviour, OpenAi},
    png::Png,
    studio::{Reply, Studio},
};

const SIZE: usize = 64;

fn data_url(png: &Png) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(png.file()))
}

/// A picture with forms in it.
fn given() -> Png {
    Png::new(SIZE, SIZE, |x, y| [(x * 4) as u8, (y * 4) as u8, if x / 8 % 2 == y / 8 % 2 { 200 } else { 40 }])
}

/// A hole in its middle, in both conventions.
fn in_hole(x: usize, y: usize) -> bool {
    (16..48).contains(&x) && (20..44).contains(&y)
}

fn clear_mask() -> Png {
    Png::new(SIZE, SIZE, |x, y| if in_hole(x, y) { [0, 0, 0, 0] } else { [9, 9, 9, 255] })
}

fn white_mask() -> Png {
    Png::new(SIZE, SIZE, |x, y| if in_hole(x, y) { [255; 3] } else { [0; 3] })
}

fn asked(more: Value) -> Value {
    let mut body = json!({ "prompt": "a warm sunset", "quality": "standard", "seed": 7 });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// The first picture of an answer.
async fn picture(studio: &Studio, reply: &Reply) -> Png {
    assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.json());
    let url = reply.json()["images"][0]["url"].as_str().unwrap().to_owned();
    Png::read(&studio.get(&url).await.unwrap().body).unwrap()
}

/// Which field was refused, and why.
fn fault(reply: &Reply) -> (String, String) {
    assert_refused(reply, 400, "invalid_request");
    let fault = &reply.json()["details"]["fields"][0];
    (fault["field"].as_str().unwrap().to_owned(), fault["message"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_picture_is_changed_however_it_is_named() {
    let studio = studio();
    let inline = data_url(&given());
    let first = studio.post(IMAGE, &asked(json!({ "image": inline }))).await.unwrap();
    let made = picture(&studio, &first).await;
    assert_eq!((made.width, made.height), (SIZE, SIZE), "as large as what was given");
    assert!(made != given());
    let job = jobs::status(&studio, first.json()["jobId"].as_str().unwrap()).await;
    let (id, url) = (job["image"]["assetId"].clone(), job["image"]["url"].clone());
    assert_eq!(studio.get(url.as_str().unwrap()).await.unwrap().body, given().file(), "it is its owner's");
    assert_eq!(job["parameters"]["strength"], 0.6);
    for image in [
        json!({ "image": id }),
        json!({ "image": { "assetId": id } }),
        json!({ "image": url }),
        json!({ "imageUrl": inline }),
    ] {
        let reply = studio.post(IMAGE, &asked(image.clone())).await.unwrap();
        assert_eq!(picture(&studio, &reply).await, made, "{image}: the same seed gives the same picture");
    }
    let reply =
        studio.post("/api/generate/image", &asked(json!({ "image": inline, "provider": "sketch" }))).await.unwrap();
    assert_eq!(picture(&studio, &reply).await, made);
    let mut other = asked(json!({ "image": inline }));
    other["seed"] = 8.into();
    assert!(picture(&studio, &studio.post(IMAGE, &other).await.unwrap()).await != made);
    // At no strength it is nearly what was given.
    let kept =
        picture(&studio, &studio.post(IMAGE, &asked(json!({ "image": inline, "strength": 0 }))).await.unwrap()).await;
    let off: u64 = kept.pixels.iter().zip(&given().pixels).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    assert!(off / (kept.pixels.len() as u64) < 4, "{off}");
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn a_mask_says_what_is_painted_anew_and_nothing_else_changes() {
    let studio = studio();
    let mut made = Vec::new();
    let small = Png::new(16, 16, |x, y| if in_hole(x * 4 + 2, y * 4 + 2) { [255; 3] } else { [0; 3] });
    for mask in [clear_mask(), white_mask(), small] {
        let body = asked(json!({ "image": data_url(&given()), "mask": data_url(&mask), "strength": 1 }));
        made.push(picture(&studio, &studio.post(IMAGE, &body).await.unwrap()).await);
    }
    assert!(made[0] == made[1] && made[1] == made[2], "both conventions, and any size");
    let changed = |x: usize, y: usize| made[0].at(x, y) != given().at(x, y);
    let all = || (0..SIZE * SIZE).map(|i| (i % SIZE, i / SIZE));
    assert!(all().filter(|(x, y)| !in_hole(*x, *y)).all(|(x, y)| !changed(x, y)));
    assert!(all().filter(|(x, y)| in_hole(*x, *y) && changed(*x, *y)).count() > 600);
    // A mask that shows nothing is told, and costs nothing.
    let nothing = Png::new(8, 8, |_, _| [0; 3]);
    let body = asked(json!({ "image": data_url(&given()), "mask": data_url(&nothing) }));
    let reply = studio.post(IMAGE, &body).await.unwrap();
    assert!(
        reply.status == StatusCode::BAD_GATEWAY && reply.json()["message"].to_string().contains("mask shows nothing")
    );
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn f03_a_picture_to_be_changed_that_is_none_is_refused_and_nothing_is_kept() {
    let studio = studio();
    let good = data_url(&given());
    let uri = |bytes: &[u8]| format!("data:image/png;base64,{}", STANDARD.encode(bytes));
    let mut bomb = given().file();
    bomb[16..24].copy_from_slice(&[0, 0, 0x3f, 0, 0, 0, 0x3f, 0]);
    let file = given().file();
    // A right head, a right end, and pixels that are none.
    let mut damaged = file.clone();
    let pixels = damaged.windows(4).position(|name| name == b"IDAT").unwrap() + 4;
    damaged[pixels..pixels + 8].fill(0xff);
    for (value, word) in [
        (json!(""), "not an asset of yours"),
        (json!(7), "must be an asset's id"),
        (json!({ "id": NOBODY }), "must be an asset's id"),
        (json!("data:image/png;base64,%%%"), "base64"),
        (json!(uri(b"<svg onload=alert(1)>")), "PNG, JPEG or WebP"),
        (json!(uri(&file[..file.len() - 9])), "cut off"),
        (json!(uri(&bomb)), "50 million pixels"),
        (json!(uri(&damaged)), "can't be decoded"),
    ] {
        for field in ["image", "mask"] {
            let mut body = asked(json!({ "image": good }));
            body[field] = value.clone();
            let (named, message) = fault(&studio.post(IMAGE, &body).await.unwrap());
            assert!(named == field && message.contains(word), "{value}: {named} {message}");
        }
    }
    // A body beyond the limit is refused before it is read; by the path of before it may be larger.
    let large = asked(json!({ "image": format!("data:image/png;base64,{}", "A".repeat(1 << 20)) }));
    assert_eq!(studio.post(IMAGE, &large).await.unwrap().status, StatusCode::PAYLOAD_TOO_LARGE);
    let (named, _) = fault(&studio.post("/api/generate/image", &large).await.unwrap());
    assert_eq!(named, "image");
    assert_eq!(studio.get("/api/v1/jobs").await.unwrap().json()["items"], json!([]));
    let blobs = walk(&studio.data().join("blobs"));
    assert_eq!(blobs, 0, "nothing is kept");
}

fn walk(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { walk(&entry.path()) } else { 1 }).sum()
}

#[tokio::test]
async fn anothers_picture_is_as_absent_as_none() {
    let studio = studio();
    let reply = studio.post(IMAGE, &asked(json!({ "image": data_url(&given()) }))).await.unwrap();
    let mine = reply.json()["images"][0]["assetId"].clone();
    let key = studio.make_key("other@example.org", &[]).unwrap();
    let ask = |image: Value| {
        Studio::send(studio.request_as(&key, Method::POST, IMAGE).json(&asked(json!({ "image": image }))))
    };
    let told = fault(&ask(mine).await.unwrap());
    assert_eq!(told, fault(&ask(json!(NOBODY)).await.unwrap()));
    assert_eq!(told, ("image".to_owned(), "is not an asset of yours".to_owned()));
}

#[tokio::test]
async fn a_model_says_what_it_takes_and_refuses_the_rest() {
    let worker = CogWorker::start(cog_worker::Behaviour::Normal).unwrap();
    let studio = jobs::with_worker(&worker);
    let mut body = jobs::lab();
    body["image"] = data_url(&given()).into();
    let (field, message) = fault(&studio.post(IMAGE, &body).await.unwrap());
    assert!(field == "image" && message.contains("models that do are sketch"), "{message}");
    let (field, message) =
        fault(&studio.post(IMAGE, &asked(json!({ "mask": data_url(&white_mask()) }))).await.unwrap());
    assert!(field == "mask" && message.contains("needs image"), "{message}");
    assert_eq!(worker.predictions().len(), 0);
    let models = studio.get("/api/v1/models/image").await.unwrap().json();
    let inputs = |id: &str| {
        let mut models = models["items"].as_array().unwrap().iter();
        models.find(|model| model["id"] == id).unwrap()["inputs"].clone()
    };
    assert_eq!(inputs("sketch"), json!({ "image": true, "mask": "any" }));
    assert_eq!(inputs("gpt-image-2"), json!({ "image": true, "mask": "transparent" }));
    assert_eq!(inputs("lab"), json!({ "image": false, "mask": "none" }));
}

/// A studio whose model `lab` changes pictures on a worker that we hold in our hands.
fn with_lab(worker: &CogWorker) -> Studio {
    let config = format!(
        "[providers.lab]\nkind = \"cog\"\nbase_url = \"{}\"\n[[models]]\nid = \"lab\"\nmodality = \"image\"\nprovider = \"lab\"\n\
         inputs = {{ image = true, mask = \"any\" }}\n[models.prices]\nimage = 0.5\ninput_image = 0.25\n",
        worker.base_url()
    );
    Studio::start(setup().config(&config)).unwrap()
}

#[tokio::test]
async fn a_retry_whose_picture_was_removed_is_refused_by_its_name_and_holds_nothing() {
    let worker = CogWorker::start(cog_worker::Behaviour::FailedPrediction("out of paint".into())).unwrap();
    let studio = with_lab(&worker);
    let asset = kept(&studio, "", given().file()).await;
    let reply = studio.post(IMAGE, &asked(json!({ "modelId": "lab", "image": asset["id"] }))).await.unwrap();
    assert_eq!(reply.status, StatusCode::BAD_GATEWAY);
    let id = reply.json()["details"]["jobId"].as_str().unwrap().to_owned();
    let gone = Studio::send(studio.request(Method::DELETE, asset["url"].as_str().unwrap())).await.unwrap();
    assert_eq!(gone.status, StatusCode::OK, "what is over needs nothing");
    worker.set(cog_worker::Behaviour::Normal);
    let again = studio.request(Method::POST, &format!("/api/v1/jobs/{id}/retry")).header("idempotency-key", "k");
    let refused = Studio::send(again).await.unwrap();
    assert_refused(&refused, 409, "input_gone");
    assert_eq!(refused.json()["details"], json!({ "assetId": asset["id"] }));
    let jobs = studio.get("/api/v1/jobs").await.unwrap().json();
    assert_eq!((jobs["items"].as_array().unwrap().len(), worker.predictions().len()), (1, 1), "nothing was made");
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn a_retry_finds_its_pictures_and_a_repeat_makes_nothing_new() {
    let failed = cog_worker::Behaviour::FailedPrediction("out of paint".into());
    let worker = CogWorker::start(failed).unwrap();
    let studio = with_lab(&worker);
    let body = asked(json!({ "modelId": "lab", "image": data_url(&given()), "mask": data_url(&white_mask()) }));
    let tried = studio.post(&format!("{IMAGE}?dryRun=true"), &body).await.unwrap().json();
    assert_eq!((&tried["price"]["atMost"]["amount"], &tried["parameters"]["width"]), (&json!("1"), &json!(SIZE)));
    assert_eq!(walk(&studio.data().join("blobs")), 0, "nothing is kept of what is only tried");
    let reply = studio.post(IMAGE, &body).await.unwrap();
    assert_eq!(reply.status, StatusCode::BAD_GATEWAY);
    let id = reply.json()["details"]["jobId"].as_str().unwrap().to_owned();
    worker.set(cog_worker::Behaviour::Normal);
    let again = Studio::send(studio.request(Method::POST, &format!("/api/v1/jobs/{id}/retry"))).await.unwrap().json();
    assert_eq!(studio.end_of(again["jobId"].as_str().unwrap()).await.unwrap()["status"], "succeeded");
    let sent: Vec<_> = worker.predictions().into_iter().map(|prediction| prediction.input).collect();
    assert_eq!(sent.len(), 2);
    for input in &sent {
        assert_eq!((&input["image"], &input["mask"]), (&json!(data_url(&given())), &json!(data_url(&white_mask()))));
    }
    for replayed in ["", "true"] {
        let request = studio.request(Method::POST, IMAGE).header("idempotency-key", "k").json(&body);
        let reply = Studio::send(request).await.unwrap();
        assert_eq!((reply.status, reply.header("idempotent-replayed")), (StatusCode::OK, replayed));
    }
    assert_eq!(worker.predictions().len(), 3);
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn openai_is_sent_a_form_once_and_held_for_all_that_it_is_shown() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    let mut studio = openai::with(&api);
    let body = json!({ "prompt": "a sea", "modelId": "gpt-image-2", "image": data_url(&given()), "mask": data_url(&clear_mask()) });
    let reply = studio.post(IMAGE, &body).await.unwrap();
    assert_eq!(
        (reply.status, &reply.json()["cost"]["amount"]),
        (StatusCode::OK, &json!("0.191")),
        "{:?}",
        reply.json()
    );
    let sent = api.requests()[0].clone();
    assert_eq!(sent.path, "/v1/images/edits");
    let fields = json!({ "model": "gpt-image-2", "prompt": "a sea", "n": 1, "size": "1024x1024", "quality": "medium",
        "output_format": "png", "background": "auto" });
    assert_eq!(sent.body["fields"], fields);
    let file = |name: &str, file: &str, png: &Png| json!({ "name": name, "file": file, "type": "image/png", "base64": STANDARD.encode(png.file()) });
    assert_eq!(
        sent.body["files"],
        json!([file("image[]", "image.png", &given()), file("mask", "mask.png", &clear_mask())])
    );
    // A mask that it would not understand is refused before it costs.
    let mut wrong = body.clone();
    wrong["mask"] = data_url(&white_mask()).into();
    let (field, message) = fault(&studio.post(IMAGE, &wrong).await.unwrap());
    assert!(field == "mask" && message.contains("as large as image, 64x64, transparent"), "{message}");
    // A lost answer stays one paid submit, through a crash, too.
    api.set(Behaviour::DiesBeforeReply);
    let reply = studio.post(IMAGE, &body).await.unwrap();
    assert_eq!((reply.status, &reply.json()["status"]), (StatusCode::ACCEPTED, &json!("unknown")));
    studio.kill().unwrap();
    studio.launch().unwrap();
    let job = jobs::status(&studio, reply.json()["jobId"].as_str().unwrap()).await;
    assert_eq!((&job["status"], &job["hold"]["amount"]), (&json!("unknown"), &json!("0.191")));
    assert_eq!(api.requests().len(), 2);
    assert_clean(&studio, 1);
}
