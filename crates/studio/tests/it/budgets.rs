//! Money: caps stop work before it is submitted, and every cent is accounted for.

use crate::{IMAGE, PRICED, setup, small};
use reqwest::Method;
use serde_json::json;
use studio_testkit::studio::Studio;
use tokio::task::JoinSet;

#[tokio::test]
async fn a_cap_is_never_passed_however_many_ask_at_once() {
    let studio = Studio::start(setup().config(PRICED)).unwrap();
    // Room for ten pictures at 0.002 and a bit.
    let key = studio.make_key("capped@example.com", &["--budget", "0.0215"]).unwrap();
    let mut posts = JoinSet::new();
    for n in 0..60 {
        let request = studio.request_as(&key, Method::POST, IMAGE).json(&small(&format!("picture {n}")));
        posts.spawn(async move { Studio::send(request).await.unwrap() });
    }
    let replies = posts.join_all().await;
    let made = replies.iter().filter(|reply| reply.status == 200).count();
    let refused: Vec<_> = replies.iter().filter(|reply| reply.status == 402).collect();
    assert_eq!((made, refused.len()), (10, 50));
    let body = refused[0].json();
    assert_eq!((&body["error"], &body["details"]["budget"]), (&json!("over_budget"), &json!("0.0215")));
    let keys = studio.run_json(&["key", "list"]).unwrap();
    let capped = keys["keys"].as_array().unwrap().iter().find(|key| key["user"] == "capped@example.com").unwrap();
    assert_eq!(capped["committed"], "0.02");
    let verified = studio.verify().unwrap();
    assert_eq!((&verified["sum"], &verified["violations"], &verified["jobs"]), (&json!("0"), &json!([]), &json!(10)));
}

#[tokio::test]
async fn several_pictures_cost_several_times_one() {
    let studio = Studio::start(setup().config(PRICED)).unwrap();
    let mut body = small("four of them");
    body["numImages"] = json!(4);
    let made = studio.post(IMAGE, &body).await.unwrap().json();
    assert_eq!(made["cost"], json!({ "amount": "0.008", "currency": "USD" }));
}

#[tokio::test]
async fn a_model_without_a_price_is_refused_under_a_budget_only() {
    let config = "[[models]]\nid = \"mystery\"\nmodality = \"image\"\nprovider = \"sketch\"\nupstream = \"sketch\"\n";
    let studio = Studio::start(setup().config(config)).unwrap();
    let mut body = small("x");
    body["modelId"] = json!("mystery");
    assert_eq!(studio.post(IMAGE, &body).await.unwrap().status, 200);
    let key = studio.make_key("capped@example.com", &["--budget", "1"]).unwrap();
    let reply = Studio::send(studio.request_as(&key, Method::POST, IMAGE).json(&body)).await.unwrap();
    assert_eq!((reply.status.as_u16(), &reply.json()["error"]), (402, &json!("unpriced_model")));
    assert_eq!(studio.verify().unwrap()["violations"], json!([]));
}
