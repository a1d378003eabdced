//! Conversations: what is asked, what goes to the provider, what comes back, what it costs, and what is refused by name.

use crate::{IMAGE, assert_clean, door::assert_refused, setup, small, studio};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use studio_testkit::{
    events::{joined, read_events},
    openai::{Behaviour, KEY, OpenAi, Trick},
    studio::{Reply, Setup, Studio},
};

pub(crate) const CHAT: &str = "/api/v1/chat";
pub(crate) const TITLE: &str = "/api/v1/title";

/// A model of the emulated API: 1 and 10 USD per million tokens, short answers unless said otherwise.
pub(crate) const TALKER: &str = "[[models]]\nid = \"talker\"\nmodality = \"chat\"\nprovider = \"openai\"\nupstream = \"gpt-4.1\"\n\
    default_max_output = 1000\ncontext_tokens = 20000\n[models.prices]\nversion = \"test-1\"\ninput_tokens = 1\n\
    cached_input_tokens = 0.5\noutput_tokens = 10\n";

/// A setup that knows the emulated API.
pub(crate) fn knowing(api: &OpenAi) -> Setup {
    let setup = setup().variable("OPENAI_API_KEY", KEY).variable("OPENAI_BASE_URL", &api.base_url());
    setup.config(TALKER)
}

/// The emulated API, and a studio that knows it.
pub(crate) fn talking() -> (OpenAi, Studio) {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    let studio = Studio::start(knowing(&api).variable("STUDIO_LOG", "trace")).unwrap();
    (api, studio)
}

/// A question to `talker`.
pub(crate) fn ask(text: &str) -> Value {
    json!({ "modelId": "talker", "messages": [{ "role": "user", "content": text }] })
}

/// What so many tokens cost at `talker`, in USD.
fn price(input: u64, output: u64) -> String {
    let nanos = input * 1000 + output * 10_000;
    format!("{:.9}", nanos as f64 / 1e9).trim_end_matches('0').to_owned()
}

async fn job_of(studio: &Studio, reply: &Reply) -> Value {
    let id = reply.json()["jobId"].as_str().unwrap().to_owned();
    studio.get(&format!("/api/v1/jobs/{id}")).await.unwrap().json()["job"].clone()
}

#[tokio::test]
async fn a_question_is_answered_and_charged_by_the_providers_count() {
    let (api, studio) = talking();
    let reply = studio.post(CHAT, &ask("[[cached 3]] [[reasoning 2]] xylophone-canary")).await.unwrap();
    let body = reply.json();
    assert_eq!(reply.status, StatusCode::OK, "{body}");
    let [chat] = &api.chats()[..] else { panic!("not one chat") };
    let (prompt, cached, completion, reasoning) = chat.billed;
    assert_eq!((body["message"]["content"].as_str(), &body["finishReason"]), (Some(&*chat.said), &json!("stop")));
    assert_eq!(
        body["usage"],
        json!({ "inputTokens": prompt, "cachedInputTokens": cached, "outputTokens": completion, "reasoningTokens": reasoning })
    );
    let nanos = (prompt - cached) * 1000 + cached * 500 + completion * 10_000;
    assert_eq!(body["cost"]["amount"], format!("{:.9}", nanos as f64 / 1e9).trim_end_matches('0'));
    assert!(cached == 3 && reasoning == 2 && body.get("estimated").is_none(), "{body}");
    let job = job_of(&studio, &reply).await;
    assert_eq!(
        (&job["status"], &job["modality"], &job["message"]),
        (&json!("succeeded"), &json!("chat"), &body["message"])
    );
    assert_eq!(job["messages"][0]["content"][0]["text"], "[[cached 3]] [[reasoning 2]] xylophone-canary");
    assert!(job["providerUsage"]["total_tokens"].is_u64(), "{job}");
    assert_eq!(
        chat.body,
        json!({ "model": "gpt-4.1", "messages": [{ "role": "user", "content": "[[cached 3]] [[reasoning 2]] xylophone-canary" }],
            "max_completion_tokens": 1000, "stream": true, "stream_options": { "include_usage": true } })
    );
    assert_eq!(reply.header("x-ratelimit-limit"), "100000");
    assert!(reply.header("ratelimit-policy").starts_with("\"chat\""));
    assert_clean(&studio, 0);
    let log = studio.log();
    assert!(!log.contains("xylophone-canary") && !log.contains("word7") && !log.contains(KEY), "words in the log");
}

#[tokio::test]
async fn everything_that_can_be_asked_for_reaches_the_provider() {
    let (api, studio) = talking();
    let picture = studio.post(IMAGE, &small("a cat")).await.unwrap().json()["images"][0]["assetId"].clone();
    let inline = format!("data:image/png;base64,{}", STANDARD.encode(studio_testkit::openai::PICTURE));
    let body = json!({
        "modelId": "talker", "temperature": 0.5, "topP": 0.9, "seed": 7, "maxOutputTokens": 60, "stop": ["END"],
        "messages": [
            { "role": "system", "content": "be brief" },
            { "role": "user", "content": [{ "type": "text", "text": "what is it? [[tools]]" },
                { "type": "image", "assetId": picture }, { "type": "image", "url": inline }] },
            { "role": "assistant", "toolCalls": [{ "id": "a", "name": "look", "arguments": "{\"x\":1}" }] },
            { "role": "tool", "toolCallId": "a", "content": "a cat" },
            { "role": "user", "content": "and now?" },
        ],
        "tools": [{ "name": "look", "description": "looks", "parameters": { "type": "object" } }],
        "toolChoice": "auto", "responseFormat": "json",
    });
    let reply = studio.post(CHAT, &body).await.unwrap();
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.json());
    let [chat] = &api.chats()[..] else { panic!("not one chat") };
    let sent = &chat.body;
    for (field, value) in [
        ("temperature", json!(0.5)),
        ("top_p", json!(0.9)),
        ("seed", json!(7)),
        ("max_completion_tokens", json!(60)),
        ("stop", json!(["END"])),
        ("tool_choice", json!("auto")),
        ("response_format", json!({ "type": "json_object" })),
    ] {
        assert_eq!(sent[field], value, "{field}");
    }
    assert_eq!(sent["tools"][0]["function"]["name"], "look");
    let parts = sent["messages"][1]["content"].as_array().unwrap();
    assert_eq!(parts.len(), 3);
    for part in &parts[1..] {
        assert!(part["image_url"]["url"].as_str().unwrap().starts_with("data:image/png;base64,iVBOR"), "{part}");
    }
    assert_eq!(sent["messages"][2]["tool_calls"][0]["function"]["arguments"], "{\"x\":1}");
    // What came inline is an asset now; the conversation shows both.
    let job = job_of(&studio, &reply).await;
    let shown = job["messages"][1]["content"][2]["url"].as_str().unwrap();
    assert_eq!(studio.get(shown).await.unwrap().body, studio_testkit::openai::PICTURE);
    let other = studio.make_key("other@example.org", &[]).unwrap();
    let theirs = Studio::send(studio.request_as(&other, Method::GET, shown)).await.unwrap();
    assert_eq!(theirs.status, StatusCode::NOT_FOUND);
    let theft = json!({ "modelId": "talker", "messages": [{ "role": "user", "content": [{ "type": "image", "assetId": picture }] }] });
    let theft = Studio::send(studio.request_as(&other, Method::POST, CHAT).json(&theft)).await.unwrap();
    assert_eq!(
        (theft.status.as_u16(), &theft.json()["details"]["fields"][0]["field"]),
        (400, &json!("messages[0].content[0]"))
    );
}

#[tokio::test]
async fn a_model_that_calls_tools_is_answered_and_goes_on() {
    let (api, studio) = talking();
    let tools =
        json!([{ "name": "weather", "parameters": { "type": "object" } }, { "name": "forecast", "parameters": {} }]);
    let mut body = ask("[[tools]] what is the weather?");
    body["tools"] = tools;
    let reply = studio.post(CHAT, &body).await.unwrap().json();
    assert_eq!(reply["finishReason"], "tool_calls", "{reply}");
    let message = reply["message"].clone();
    let calls = message["toolCalls"].as_array().unwrap();
    assert_eq!(calls.len(), 2);
    for call in calls {
        assert!(serde_json::from_str::<Value>(call["arguments"].as_str().unwrap()).unwrap().is_object(), "{call}");
    }
    // The answer is a message that can be sent back as it is.
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(message.clone());
    messages.extend(calls.iter().map(|call| json!({ "role": "tool", "toolCallId": call["id"], "content": "sun" })));
    body["stream"] = true.into();
    let stream = studio.post(CHAT, &body).await.unwrap();
    let events = read_events(&stream.body);
    assert_eq!(joined(&events, 0).unwrap(), api.chats()[1].said, "{events:?}");
}

#[tokio::test]
async fn bad_input_is_refused_by_name_and_nothing_is_made() {
    let (api, studio) = talking();
    let with = |more: Value| {
        let mut body = ask("x");
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let large = format!("data:image/png;base64,{}", "A".repeat(5 << 20));
    let message = json!({ "role": "user", "content": "x" });
    for (body, status, field, word) in [
        (json!({}), 400, "messages", "required"),
        (with(json!({ "messages": [] })), 400, "messages", "1 to 100"),
        (with(json!({ "messages": vec![message; 101] })), 400, "messages", "101"),
        (with(json!({ "messages": [{ "role": "wizard", "content": "x" }] })), 400, "messages[0].role", "assistant"),
        (with(json!({ "messages": [{ "role": "user", "content": "" }] })), 400, "messages[0].content", "empty"),
        (with(json!({ "modelId": "gpt-4.2" })), 400, "modelId", "gpt-4.1"),
        (with(json!({ "modelId": "sketch" })), 400, "modelId", "guide"),
        (with(json!({ "tools": [{ "name": "look" }] })), 400, "tools[0].parameters", "schema"),
        (
            with(json!({ "messages": [{ "role": "user", "content": "word ".repeat(20_001) }] })),
            400,
            "messages",
            "too long",
        ),
        (with(json!({ "maxOutputTokens": "many" })), 400, "maxOutputTokens", "1 to 32768"),
        (with(json!({ "maxTokens": 5 })), 400, "maxTokens", "maxOutputTokens"),
        (
            with(
                json!({ "messages": [{ "role": "user", "content": [{ "type": "image", "url": "http://10.0.0.1/x.png" }] }] }),
            ),
            400,
            "messages[0].content[0]",
            "fetched",
        ),
        (
            with(
                json!({ "messages": [{ "role": "user", "content": [{ "type": "image", "url": "data:image/png;base64,aGVsbG8=" }] }] }),
            ),
            400,
            "messages[0].content[0]",
            "PNG",
        ),
        (
            with(json!({ "messages": [{ "role": "user", "content": [{ "type": "image", "url": large }] }] })),
            413,
            "",
            "1048576",
        ),
    ] {
        for path in [CHAT, "/api/v1/chat?"] {
            let reply = studio.post(path, &body).await.unwrap();
            let refusal = reply.json();
            assert_eq!(reply.status.as_u16(), status, "{field}: {refusal}");
            let message = refusal["message"].as_str().unwrap();
            assert!(message.contains(field) && message.contains(word), "{field} {word}: {refusal}");
        }
    }
    assert!(api.requests().is_empty());
    assert_eq!(studio.get("/api/v1/jobs").await.unwrap().json()["items"], json!([]));
    let job = "/api/v1/jobs/019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b/stream";
    assert_eq!(studio.get(job).await.unwrap().status, StatusCode::NOT_FOUND);
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn f03_a_picture_that_is_none_is_refused_and_nothing_is_kept() {
    let (api, studio) = talking();
    let picture = studio_testkit::openai::PICTURE;
    let whole = STANDARD.encode(picture);
    let shown = |url: &str| {
        json!({ "modelId": "talker", "messages": [{ "role": "user", "content": [
            { "type": "text", "text": "what is it?" }, { "type": "image", "url": url }] }] })
    };
    for (url, word) in [
        (String::new(), "data: URI"),
        ("data:".into(), "data: URI"),
        ("data:image/png;base64,".into(), "PNG, JPEG or WebP"),
        ("data:image/png;base64,%%%".into(), "base64"),
        (format!("data:image/png,{whole}"), "base64"),
        (format!("data:image/png;base64{whole}"), "base64"),
        (format!("data:image/png;base64,{}", &whole[..whole.len() - 1]), "base64"),
        (format!("data:image/png;base64,{whole}\n"), "base64"),
        ("data:text/html;base64,PGh0bWw+PC9odG1sPg==".into(), "PNG, JPEG or WebP"),
        (format!("data:image/png;base64,{}", STANDARD.encode(b"<svg onload=alert(1)>")), "PNG, JPEG or WebP"),
        (format!("data:image/png;base64,{}", STANDARD.encode(b"GIF89a\x01\0\x01\0\0\0\0;")), "PNG, JPEG or WebP"),
        (format!("data:image/png;base64,{}", STANDARD.encode(&picture[..picture.len() - 5])), "cut off"),
        (format!("data:image/png;base64,{}", STANDARD.encode(&picture[..20])), "cut off"),
        ("file:///etc/passwd".into(), "only http and https"),
        ("http://169.254.169.254/latest".into(), "could not be fetched"),
    ] {
        let reply = studio.post(CHAT, &shown(&url)).await.unwrap();
        assert_refused(&reply, 400, "invalid_request");
        let fault = reply.json()["details"]["fields"][0].clone();
        assert_eq!(fault["field"], "messages[0].content[1]", "{url}");
        assert!(fault["message"].as_str().unwrap().contains(word), "{url}: {fault}");
    }
    let large = format!("data:image/png;base64,{}", "A".repeat(5 << 20));
    assert_refused(&studio.post(CHAT, &shown(&large)).await.unwrap(), 413, "body_too_large");
    assert!(api.requests().is_empty());
    assert_eq!(studio.verify().unwrap()["jobs"], 0);
    let blobs = studio.data().join("blobs/blobs");
    let kept = || -> Vec<_> {
        let folders = std::fs::read_dir(&blobs).unwrap().map(|folder| folder.unwrap().path());
        folders.flat_map(|folder| std::fs::read_dir(folder).unwrap()).collect()
    };
    assert!(kept().is_empty(), "{:?}", kept());
    // It is the picture that was wrong, and nothing else.
    assert_eq!(
        studio.post(CHAT, &shown(&format!("data:image/png;base64,{whole}"))).await.unwrap().status,
        StatusCode::OK
    );
    assert_eq!(kept().len(), 1);
}

#[tokio::test]
async fn a_budget_bounds_the_answer_and_is_never_passed() {
    let api = OpenAi::start(Behaviour::Chat(vec![Trick::Pieces(400)])).unwrap();
    let unpriced =
        "[[models]]\nid = \"unpriced\"\nmodality = \"chat\"\nprovider = \"openai\"\nupstream = \"gpt-4.1\"\n";
    let studio = Studio::start(knowing(&api).config(unpriced)).unwrap();
    let key = studio.make_key("app@example.org", &["--budget", "0.003"]).unwrap();
    let send = |body: Value| Studio::send(studio.request_as(&key, Method::POST, CHAT).json(&body));
    // 1,000 tokens of answer would cost 0.01: an answer that nobody bounded is bounded to what is left.
    let reply = send(ask("go on")).await.unwrap();
    let body = reply.json();
    assert_eq!((reply.status, &body["finishReason"]), (StatusCode::OK, &json!("length")), "{body}");
    assert!(body["warnings"][0].as_str().unwrap().contains("budget"), "{body}");
    let bound = api.chats()[0].body["max_completion_tokens"].as_u64().unwrap();
    assert!((16..300).contains(&bound), "{bound}");
    assert_eq!(body["usage"]["outputTokens"], bound, "the provider kept to it");
    // One that the caller bounded is refused instead, and so is what has no price.
    let mut bounded = ask("go on");
    bounded["maxOutputTokens"] = 1000.into();
    assert_eq!(send(bounded).await.unwrap().json()["error"], "over_budget");
    let mut free = ask("go on");
    free["modelId"] = "unpriced".into();
    assert_eq!(send(free.clone()).await.unwrap().json()["error"], "unpriced_model");
    // Without a budget it goes, and is recorded.
    let reply = studio.post(CHAT, &free).await.unwrap().json();
    assert_eq!((&reply["status"], &reply["cost"]["amount"]), (&json!("succeeded"), &json!("0")), "{reply}");
    // Until nothing is left that an answer could be made of.
    let mut last = StatusCode::OK;
    for _ in 0..40 {
        last = send(ask("go on")).await.unwrap().status;
        if last != StatusCode::OK {
            break;
        }
    }
    assert_eq!(last, StatusCode::PAYMENT_REQUIRED);
    let spent = Studio::send(studio.request_as(&key, Method::GET, "/api/v1/usage")).await.unwrap().json();
    let spent: f64 = spent["total"]["cost"]["amount"].as_str().unwrap().parse().unwrap();
    assert!(spent <= 0.003 && spent > 0.002, "{spent}");
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn a_provider_that_has_no_room_or_refuses_is_told_in_clean_words() {
    let (api, studio) = talking();
    let reply = studio.post(CHAT, &ask("[[busy 0]] hello")).await.unwrap();
    assert_eq!((reply.status, api.chats().len()), (StatusCode::OK, 1), "{}", reply.json());
    for (behaviour, reason, word) in [
        (Behaviour::BadKey401, "rejected_by_provider", "does not accept our key"),
        (Behaviour::InsufficientQuota, "rejected_by_provider", "no credit"),
        (Behaviour::ModerationBlocked, "rejected_by_provider", "content policy"),
        (Behaviour::Html, "bad_output", ""),
    ] {
        api.set(behaviour.clone());
        let reply = studio.post(CHAT, &ask("hello")).await.unwrap();
        let body = reply.json();
        assert_eq!((reply.status.as_u16(), &body["details"]["reason"]), (502, &json!(reason)), "{behaviour:?}: {body}");
        let message = body["message"].as_str().unwrap();
        assert!(message.contains(word) && !message.contains("sk-") && !message.contains("127.0.0.1"), "{message}");
        assert_eq!(body["details"]["cost"]["amount"], "0", "{behaviour:?}");
    }
    assert_clean(&studio, 0);
    for behaviour in [Behaviour::Fails(500), Behaviour::DiesBeforeReply] {
        api.set(behaviour.clone());
        let reply = studio.post(CHAT, &ask("hello")).await.unwrap();
        assert_eq!((reply.status.as_u16(), &reply.json()["status"]), (202, &json!("unknown")), "{behaviour:?}");
    }
    assert_clean(&studio, 2);
}

#[tokio::test]
async fn a_provider_tells_its_own_price_or_none() {
    let (api, studio) = talking();
    let cost = studio.post(CHAT, &ask("[[cost 0.00123]]")).await.unwrap();
    assert_eq!(cost.json()["cost"]["amount"], "0.00123", "{}", cost.json());
    let job = job_of(&studio, &cost).await;
    assert_eq!(
        job["providerUsage"]["cost"].to_string().trim_matches('"'),
        "0.00123",
        "what we don't know of is kept: {job}"
    );
    let silent = studio.post(CHAT, &ask("[[nousage]] hello")).await.unwrap().json();
    assert_eq!((&silent["status"], &silent["estimated"]), (&json!("succeeded"), &json!(true)), "{silent}");
    let said = api.chats()[1].said.len() as u64;
    let (input, output) =
        (silent["usage"]["inputTokens"].as_u64().unwrap(), silent["usage"]["outputTokens"].as_u64().unwrap());
    assert_eq!((output, silent["cost"]["amount"].as_str()), (said.div_ceil(3), Some(&*price(input, output))));
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn a_model_that_does_not_stream_answers_all_the_same() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    let whole = "[[models]]\nid = \"whole\"\nmodality = \"chat\"\nprovider = \"openai\"\nupstream = \"gpt-4.1\"\nstreams = false\n\
        [models.prices]\ninput_tokens = 1\noutput_tokens = 10\n";
    let studio = Studio::start(knowing(&api).config(whole)).unwrap();
    let mut body = ask("hello");
    body["modelId"] = "whole".into();
    body["stream"] = true.into();
    let events = read_events(&studio.post(CHAT, &body).await.unwrap().body);
    assert_eq!(joined(&events, 0).unwrap(), api.chats()[0].said);
    assert_eq!(events.last().unwrap().data["status"], "succeeded", "{events:?}");
    assert_eq!(api.chats()[0].body.get("stream"), None);
    // And one that is asked for a stream may answer whole.
    let reply = studio.post(CHAT, &ask("[[whole]] hello")).await.unwrap().json();
    assert_eq!(reply["message"]["content"], api.chats()[1].said, "{reply}");
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn it_works_with_no_key_and_no_network() {
    let studio = studio();
    let asked = json!({ "messages": [{ "role": "user", "content": "How do I make a key with a budget?" }] });
    let reply = studio.post(CHAT, &asked).await.unwrap().json();
    assert_eq!(
        (&reply["status"], &reply["modelId"], &reply["cost"]["amount"]),
        (&json!("succeeded"), &json!("guide"), &json!("0"))
    );
    let answer = reply["message"]["content"].as_str().unwrap();
    assert!(answer.contains("--budget") && answer.contains("[1]"), "{answer}");
    let unknown =
        json!({ "stream": true, "messages": [{ "role": "user", "content": "Who won the world cup in 1954?" }] });
    let events = read_events(&studio.post(CHAT, &unknown).await.unwrap().body);
    let answer = joined(&events, 0).unwrap();
    assert!(answer.contains("know") && !answer.contains("[1]"), "{answer}");
    let title =
        json!({ "messages": [{ "role": "user", "content": "How do I bake sourdough bread without a Dutch oven?" }] });
    let reply = studio.post(TITLE, &title).await.unwrap().json();
    let words = reply["title"].as_str().unwrap().to_lowercase();
    assert!(words.contains("sourdough") && words.split(' ').count() <= 5, "{reply}");
    assert_eq!(studio.get("/api/v1/jobs?modality=title").await.unwrap().json()["items"].as_array().unwrap().len(), 1);
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn a_title_can_be_asked_of_a_chat_model() {
    let (api, studio) = talking();
    let body = json!({ "modelId": "talker", "messages": [{ "role": "user", "content": "[[pieces 4]] hello" }] });
    let reply = studio.post(TITLE, &body).await.unwrap().json();
    assert_eq!(reply["title"], api.chats()[0].said.trim(), "{reply}");
    assert_eq!(studio.post(TITLE, &json!({ "messages": [] })).await.unwrap().status, StatusCode::BAD_REQUEST);
}
