//! OpenAI as a provider: pictures by its catalog and price list, and what goes wrong there told in clean words.

use crate::{IMAGE, assert_clean, setup};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use studio_testkit::{
    openai::{Behaviour, KEY, OpenAi},
    studio::{Reply, Studio},
};

/// A studio that knows that API by the well-known variables, and logs all that it can.
pub(crate) fn with(api: &OpenAi) -> Studio {
    let setup = setup().variable("OPENAI_API_KEY", KEY).variable("OPENAI_BASE_URL", &api.base_url());
    // It asks for keys, as OpenAI does.
    let setup = setup.variable("STUDIO_PROVIDERS__OPENAI__OWN_KEYS", "true");
    Studio::start(setup.variable("STUDIO_LOG", "trace")).unwrap()
}

async fn make(studio: &Studio) -> Reply {
    studio.post(IMAGE, &json!({ "prompt": "xylophone-canary", "modelId": "gpt-image-2" })).await.unwrap()
}

async fn model(studio: &Studio) -> Value {
    let models = studio.get("/api/v1/models").await.unwrap().json();
    models["items"].as_array().unwrap().iter().find(|model| model["id"] == "gpt-image-2").unwrap().clone()
}

/// Neither an answer nor the log tells the key; nor the answer where the API is, nor the log what was asked.
fn assert_discreet(studio: &Studio, reply: &Reply) {
    let (log, text) = (studio.log(), String::from_utf8_lossy(&reply.body).into_owned());
    for said in [&log, &text] {
        assert!(!said.contains(KEY) && !said.contains("sk-") && !said.contains("req_emulated"), "{said}");
    }
    assert!(!log.contains("xylophone-canary"), "a prompt was logged");
    assert!(!text.contains("127.0.0.1") && !text.contains("org-emulated"), "{text}");
}

#[tokio::test]
async fn a_key_in_the_environment_is_all_that_openai_needs() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    let studio = with(&api);
    assert!(studio.log().contains("configured=\"guide, openai, sketch, title\""), "{}", studio.log());
    let asked = json!({ "prompt": "a sea", "modelId": "gpt-image-2", "width": 1536, "height": 1024, "numImages": 2,
        "quality": "high", "format": "webp" });
    let reply = studio.post(IMAGE, &asked).await.unwrap();
    assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.json());
    let body = reply.json();
    assert_eq!((&body["cost"]["amount"], &body["provider"]), (&json!("0.654"), &json!("openai")));
    let images = body["images"].as_array().unwrap();
    assert_eq!((images.len(), images[0].get("seed")), (2, None), "it has no seeds");
    let picture = studio.get(images[1]["url"].as_str().unwrap()).await.unwrap();
    assert!(picture.body.starts_with(b"\x89PNG"), "told by its bytes, whatever was asked for");
    let [sent] = &api.requests()[..] else { panic!("not one request") };
    let expected = json!({ "model": "gpt-image-2", "prompt": "a sea", "n": 2, "size": "1536x1024", "quality": "high",
        "output_format": "webp", "background": "auto" });
    assert_eq!(sent.body, expected);
    assert_eq!(sent.headers["authorization"], format!("Bearer {KEY}"));
    // Without a wish: the catalog's defaults, and their price.
    assert_eq!(make(&studio).await.json()["cost"]["amount"], "0.063");
    assert_discreet(&studio, &reply);
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn the_hold_is_by_quality_and_size_so_a_budget_is_never_passed() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    let studio = with(&api);
    let key = studio.make_key("small@example.com", &["--budget", "0.05"]).unwrap();
    for (quality, status) in [("medium", 402), ("low", 200)] {
        let body = json!({ "prompt": "a sea", "modelId": "gpt-image-2", "quality": quality });
        let request = studio.request_as(&key, Method::POST, IMAGE).json(&body);
        assert_eq!(Studio::send(request).await.unwrap().status, status, "{quality}");
    }
    assert_eq!(api.made(), 1);
    let shown = model(&studio).await;
    assert_eq!(shown["prices"]["rates"]["image"]["amount"], "0.485");
    let first = &shown["prices"]["by"][0];
    assert_eq!(
        (&first["when"], &first["rates"]["image"]["amount"]),
        (&json!({ "quality": "low", "width": 1024, "height": 1024 }), &json!("0.016"))
    );
    assert_eq!(
        shown["parameters"]["width"],
        json!({ "kind": "integer", "min": 1024, "max": 1536, "step": 512, "default": 1024 })
    );
}

#[tokio::test]
async fn what_its_models_do_not_take_is_refused_before_it_costs() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    let studio = with(&api);
    for (field, value, word) in
        [("width", json!("broad"), "in steps of 512"), ("quality", json!("auto"), "low, medium, high")]
    {
        let reply =
            studio.post(IMAGE, &json!({ "prompt": "x", "modelId": "gpt-image-2", field: value })).await.unwrap();
        let text = reply.json()["message"].to_string();
        assert!(reply.status == StatusCode::BAD_REQUEST && text.contains(word), "{field}: {text}");
    }
    assert!(api.requests().is_empty());
    // What is only too much, or not known there, is told and done without.
    let body = json!({ "prompt": "x", "modelId": "gpt-image-1.5", "width": 1100, "height": 9000, "seed": 7 });
    let reply = studio.post(IMAGE, &body).await.unwrap().json();
    let warnings = reply["warnings"].to_string();
    for words in [
        "old name",
        "width must be a whole number from 1024 to 1536",
        "1024 was taken",
        "1536 was taken",
        "seed: ignored",
    ] {
        assert!(warnings.contains(words), "{words}: {warnings}");
    }
    let sent = api.requests()[0].body.clone();
    assert_eq!((&sent["size"], &sent["seed"]), (&json!("1024x1536"), &Value::Null), "{sent}");
}

#[tokio::test]
async fn a_server_that_imitates_it_needs_no_key_and_may_answer_with_addresses() {
    let api = OpenAi::start(Behaviour::UrlOutput).unwrap();
    // The emulator insists on a key, so this one has it from the file; the address has a slash too many.
    let config = format!(
        "[providers.lan]\nkind = \"openai\"\nbase_url = \"{}/\"\napi_key = \"{KEY}\"\n\
         [providers.open]\nkind = \"openai\"\nbase_url = \"{}\"\n\
         [[models]]\nid = \"lan\"\nmodality = \"image\"\nprovider = \"lan\"\nupstream = \"gpt-image-2\"\n\
         without = [\"seed\"]\n[models.prices]\nimage = 0.1\n\
         [[models]]\nid = \"open\"\nmodality = \"image\"\nprovider = \"open\"\n[models.prices]\nimage = 0.1\n",
        api.base_url(),
        api.base_url()
    );
    let studio = Studio::start(setup().config(&config)).unwrap();
    let reply = studio.post(IMAGE, &json!({ "prompt": "a sea", "modelId": "lan" })).await.unwrap();
    assert_eq!((reply.status, &reply.json()["cost"]["amount"]), (StatusCode::OK, &json!("0.1")), "{:?}", reply.json());
    assert!(!String::from_utf8_lossy(&reply.body).contains("/pictures/"), "nobody else's address");
    let reply = studio.post(IMAGE, &json!({ "prompt": "a sea", "modelId": "open" })).await.unwrap();
    assert_eq!((reply.status.as_u16(), &reply.json()["details"]["reason"]), (502, &json!("rejected_by_provider")));
    let sent = api.requests();
    assert!(sent[0].headers.contains_key("authorization") && !sent[1].headers.contains_key("authorization"));
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn f23_where_a_provider_is_comes_from_the_configuration() {
    let (of_file, of_variable) = (OpenAi::start(Behaviour::Normal).unwrap(), OpenAi::start(Behaviour::Normal).unwrap());
    let file = format!("[providers.openai]\nbase_url = \"{}\"\napi_key = \"{KEY}\"\n", of_file.base_url());
    let by_file = setup().config(&file);
    let by_both = by_file.clone().variable("STUDIO_PROVIDERS__OPENAI__BASE_URL", &of_variable.base_url());
    // What the environment says lies over the file.
    for (setup, asked) in [(by_file, [1, 0]), (by_both, [1, 1])] {
        let reply = make(&Studio::start(setup).unwrap()).await;
        assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.json());
        assert_eq!([of_file.requests().len(), of_variable.requests().len()], asked);
    }
}

#[tokio::test]
async fn when_it_has_no_room_it_is_asked_again_when_it_says_so() {
    let headers = vec![("Retry-After".to_owned(), "1".to_owned()), ("retry-after-ms".to_owned(), "30".to_owned())];
    let api = OpenAi::start(Behaviour::Busy429Once(headers)).unwrap();
    let studio = with(&api);
    let reply = make(&studio).await;
    assert_eq!(
        (reply.status, &reply.json()["cost"]["amount"]),
        (StatusCode::OK, &json!("0.063")),
        "{:?}",
        reply.json()
    );
    assert_eq!((api.requests().len(), api.made()), (2, 1));
    assert_discreet(&studio, &reply);
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_its_request_is_not_sent_again() {
    for behaviour in [Behaviour::DiesBeforeReply, Behaviour::DiesMidReply, Behaviour::Fails(500), Behaviour::Fails(504)]
    {
        let api = OpenAi::start(behaviour.clone()).unwrap();
        let mut studio = with(&api);
        let reply = make(&studio).await;
        assert_eq!((reply.status, &reply.json()["status"]), (StatusCode::ACCEPTED, &json!("unknown")), "{behaviour:?}");
        studio.kill().unwrap();
        studio.launch().unwrap();
        let id = reply.json()["jobId"].as_str().unwrap().to_owned();
        let job = studio.get(&format!("/api/v1/jobs/{id}")).await.unwrap().json()["job"].clone();
        assert_eq!((&job["status"], &job["hold"]["amount"]), (&json!("unknown"), &json!("0.063")), "{behaviour:?}");
        assert_eq!(api.requests().len(), 1, "{behaviour:?}: sent once");
        assert_discreet(&studio, &reply);
        assert_clean(&studio, 1);
    }
}

#[tokio::test]
async fn what_it_refuses_fails_in_clean_words_and_costs_nothing() {
    for (behaviour, reason, word) in [
        (Behaviour::ModerationBlocked, "rejected_by_provider", "content policy"),
        (Behaviour::InsufficientQuota, "rejected_by_provider", "no credit"),
        (Behaviour::BadKey401, "rejected_by_provider", "does not accept our key"),
        (Behaviour::Fails(400), "rejected_by_provider", "had an error"),
        (Behaviour::Html, "bad_output", "not a list of pictures"),
    ] {
        let api = OpenAi::start(behaviour.clone()).unwrap();
        let studio = with(&api);
        let reply = make(&studio).await;
        let body = reply.json();
        assert_eq!(
            (reply.status.as_u16(), &body["error"]),
            (502, &json!("generation_failed")),
            "{behaviour:?}: {body}"
        );
        let details = &body["details"];
        assert_eq!((&details["reason"], &details["cost"]["amount"]), (&json!(reason), &json!("0")), "{behaviour:?}");
        assert!(body["message"].as_str().unwrap().contains(word), "{behaviour:?}: {body}");
        assert_eq!(api.requests().len(), 1, "{behaviour:?}: not sent twice");
        assert_discreet(&studio, &reply);
        assert_clean(&studio, 0);
    }
}

#[tokio::test]
async fn f30_a_missing_key_is_told_at_start_and_its_models_are_not_available() {
    // Nothing at all, a section without its key, an empty variable: the same.
    for setup in
        [setup(), setup().config("[providers.openai]\nconcurrency = 2\n"), setup().variable("OPENAI_API_KEY", "")]
    {
        let studio = Studio::start(setup).unwrap();
        assert!(studio.log().contains("not_configured=openai"), "{}", studio.log());
        let shown = model(&studio).await;
        assert_eq!((&shown["available"], &shown["default"]), (&json!(false), &json!(false)));
        let reply = make(&studio).await;
        assert_eq!((reply.status.as_u16(), &reply.json()["error"]), (409, &json!("provider_not_configured")));
        assert_eq!(studio.get("/api/v1/jobs").await.unwrap().json()["items"], json!([]), "nothing was made");
    }
    let key = setup().variable("OPENAI_API_KEY", "sk-a b");
    assert!(Studio::start(key).is_err(), "a key that no header can carry is told at start, too");
}
