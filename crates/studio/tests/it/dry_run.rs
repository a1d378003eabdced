//! `?dryRun=true`: what a request would be and could cost, and nothing of it made.

use crate::{
    IMAGE, PRICED,
    chat::{CHAT, TALKER, TITLE, ask},
    setup, small,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use studio_testkit::{
    openai::{Behaviour, KEY, OpenAi},
    studio::Studio,
};

fn tried(path: &str) -> String {
    format!("{path}?dryRun=true")
}

#[tokio::test]
async fn a_try_tells_the_price_range_and_makes_nothing() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    let unpriced =
        "[[models]]\nid = \"unpriced\"\nmodality = \"chat\"\nprovider = \"openai\"\nupstream = \"gpt-4.1\"\n";
    let setup = setup().config(PRICED).config(TALKER).config(unpriced).variable("STUDIO_LIMITS__GENERATION", "1/day");
    let setup = setup.variable("OPENAI_API_KEY", KEY).variable("OPENAI_BASE_URL", &api.base_url());
    let studio = Studio::start(setup).unwrap();
    let mut three = small("a cat");
    three["numImages"] = 3.into();
    // More often than the limit would allow, and with a key that is not remembered.
    for _ in 0..3 {
        let request = studio.request(Method::POST, &tried(IMAGE)).header("idempotency-key", "k").json(&three);
        let reply = Studio::send(request).await.unwrap();
        let body = reply.json();
        assert_eq!((reply.status, &body["price"]["atMost"]["amount"]), (StatusCode::OK, &json!("0.006")), "{body}");
        assert_eq!(
            (&body["price"]["atLeast"], &body["parameters"]["numImages"]),
            (&body["price"]["atMost"], &json!(3))
        );
        assert_eq!((&body["dryRun"], &body["available"], body.get("jobId")), (&json!(true), &json!(true), None));
    }
    let chat = studio.post(&tried(CHAT), &ask("hello")).await.unwrap().json();
    let amount = |value: &Value| value["amount"].as_str().unwrap().parse::<f64>().unwrap();
    let (least, most) = (amount(&chat["price"]["atLeast"]), amount(&chat["price"]["atMost"]));
    // 1,000 tokens of answer at most, and a few of the question.
    assert!(least > 0.0 && least < 0.0001 && (0.01..0.0102).contains(&most), "{chat}");
    let title = studio.post(&tried(TITLE), &json!({ "messages": ask("x")["messages"] })).await.unwrap().json();
    assert_eq!((&title["modelId"], &title["price"]["atMost"]["amount"]), (&json!("title"), &json!("0")));
    let mut free = ask("x");
    free["modelId"] = "unpriced".into();
    let body = studio.post(&tried(CHAT), &free).await.unwrap().json();
    assert_eq!((&body["priced"], body.get("price")), (&json!(false), None));
    // What is wrong is refused as ever.
    assert_eq!(studio.post(&tried(IMAGE), &json!({ "prompt": "" })).await.unwrap().status, StatusCode::BAD_REQUEST);
    for path in [format!("{IMAGE}?dryRun=maybe"), "/api/v1/jobs?dryRun=true".to_owned()] {
        let method = if path.starts_with(IMAGE) { Method::POST } else { Method::GET };
        let reply = Studio::send(studio.request(method, &path).json(&three)).await.unwrap();
        assert_eq!(reply.json()["details"]["fields"][0]["field"], "dryRun", "{path}");
    }
    assert!(api.requests().is_empty());
    assert_eq!(studio.get("/api/v1/jobs").await.unwrap().json()["items"], json!([]));
    assert_eq!(studio.verify().unwrap()["entries"], 0);
    // The one that the limit allows is still there.
    let request =
        studio.request(Method::POST, &format!("{IMAGE}?dryRun=false")).header("idempotency-key", "k").json(&three);
    assert_eq!(Studio::send(request).await.unwrap().json()["cost"]["amount"], "0.006");
}

#[tokio::test]
async fn a_try_knows_the_budget() {
    let studio = Studio::start(setup().config(PRICED).config(TALKER)).unwrap();
    let key = studio.make_key("app@example.org", &["--budget", "0.005"]).unwrap();
    let try_it =
        |path: &str, body: Value| Studio::send(studio.request_as(&key, Method::POST, &tried(path)).json(&body));
    let mut two = small("a cat");
    two["numImages"] = 2.into();
    assert_eq!(try_it(IMAGE, two.clone()).await.unwrap().json()["withinBudget"], true);
    two["numImages"] = 3.into();
    assert_eq!(try_it(IMAGE, two).await.unwrap().json()["withinBudget"], false);
    // Its answer would be bounded to what is left; one that the caller bounds would be refused. Its provider has no key here.
    let body = try_it(CHAT, ask("hello")).await.unwrap().json();
    assert_eq!((&body["withinBudget"], &body["available"]), (&json!(true), &json!(false)), "{body}");
    assert!(body["warnings"][0].as_str().unwrap().contains("budget"));
    assert!(body["price"]["atMost"]["amount"].as_str().unwrap().parse::<f64>().unwrap() <= 0.005);
    let mut bounded = ask("hello");
    bounded["maxOutputTokens"] = 1000.into();
    assert_eq!(try_it(CHAT, bounded).await.unwrap().json()["withinBudget"], false);
}
