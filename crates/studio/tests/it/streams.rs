//! Answers as they are said: by several readers, from any offset, through cuts, stops and crashes; and what each costs.

use crate::{
    IMAGE, assert_clean,
    chat::{CHAT, ask, knowing, talking},
    small,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use studio_testkit::{
    events::{EventReader, StreamEvent, joined, read_events},
    openai::{Behaviour, OpenAi, Trick},
    studio::Studio,
};

fn streamed(text: &str) -> Value {
    let mut body = ask(text);
    body["stream"] = true.into();
    body
}

async fn open(studio: &Studio, body: &Value) -> EventReader {
    EventReader::open(studio.request(Method::POST, CHAT).json(body)).await.unwrap()
}

/// Opens a stream and reads to its first words: its job, and what came.
async fn begun(studio: &Studio, body: &Value) -> (EventReader, String, Vec<StreamEvent>) {
    let mut stream = open(studio, body).await;
    let start = stream.next_named("start").await.unwrap();
    let id = start.data["jobId"].as_str().unwrap().to_owned();
    let first = stream.next_named("delta").await.unwrap();
    (stream, id, vec![first])
}

async fn job(studio: &Studio, id: &str) -> Value {
    studio.get(&format!("/api/v1/jobs/{id}")).await.unwrap().json()["job"].clone()
}

/// Reads until so much text has come.
async fn read_to(stream: &mut EventReader, events: &mut Vec<StreamEvent>, bytes: usize) {
    while joined(events, 0).unwrap().len() < bytes {
        events.push(stream.next().await.unwrap());
    }
}

async fn resumed(studio: &Studio, id: &str, from: &str) -> Vec<StreamEvent> {
    let request = studio.request(Method::GET, &format!("/api/v1/jobs/{id}/stream")).header("last-event-id", from);
    EventReader::open(request).await.unwrap().rest().await
}

#[tokio::test]
async fn an_answer_comes_as_it_is_said_and_its_end_is_durable() {
    let (api, studio) = talking();
    api.hold();
    let mut stream = open(&studio, &streamed("[[pieces 6]] [[think 2]] hello")).await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    assert_eq!(stream.headers()["x-timeout-ms"], "600000");
    let id = stream.headers()["x-studio-job-id"].to_str().unwrap().to_owned();
    let start = stream.next().await.unwrap();
    assert_eq!((&*start.name, &start.data["jobId"], &start.data["modelId"]), ("start", &json!(id), &json!("talker")));
    // Held by the provider, let go piece by piece: each comes without the next one.
    let mut events = Vec::new();
    for pieces in 1..=8 {
        api.let_go(1);
        let event = stream.next_named("delta").await.unwrap();
        assert_eq!(event.data.get("reasoning").is_some(), pieces <= 2, "{event:?}");
        events.push(event);
    }
    // That write follows behind the words.
    while job(&studio, &id).await["status"] != "running" {}
    api.release();
    let end = stream.next_named("end").await.unwrap();
    assert_eq!(
        (&end.data["status"], &end.data["finishReason"], &*end.id),
        (&json!("succeeded"), &json!("stop"), "end")
    );
    // Whoever has read the end finds it settled.
    let settled = job(&studio, &id).await;
    assert_eq!(
        (&settled["status"], &settled["cost"], &settled["usage"]),
        (&end.data["status"], &end.data["cost"], &end.data["usage"])
    );
    assert_eq!(stream.next().await, None);
    let text: String = events.iter().map(StreamEvent::text).collect();
    assert_eq!(Some(&*text), settled["message"]["content"].as_str());
    assert_eq!(text, api.chats()[0].said);
    assert!(joined(&events, 0).unwrap().starts_with("thought1 thought2 word1 "));
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn several_readers_see_the_same_and_whoever_comes_back_misses_nothing() {
    let (api, studio) = talking();
    api.hold();
    api.let_go(5);
    let (mut first, id, mut events) = begun(&studio, &streamed("[[pieces 12]] hello")).await;
    let mut second = studio.stream_of(&id).await.unwrap();
    let so_far = second.next_named("delta").await.unwrap();
    assert!(!so_far.text().is_empty());
    read_to(&mut first, &mut events, 20).await;
    let left_at = events.last().unwrap().id.clone();
    drop(first);
    api.release();
    let mut all = vec![so_far];
    all.extend(second.rest().await);
    let whole = joined(&all, 0).unwrap();
    assert_eq!(whole, api.chats()[0].said);
    let rest = resumed(&studio, &id, &left_at).await;
    assert_eq!(joined(&events, 0).unwrap() + &joined(&rest, left_at.parse().unwrap()).unwrap(), whole);
    // After its end: whole, and from every offset.
    for from in 0..=whole.len() {
        let rest = resumed(&studio, &id, &from.to_string()).await;
        assert_eq!(joined(&rest, from as u64).unwrap(), whole[from..], "{from}");
        assert!(rest.iter().all(|event| event.name != "reset") && rest.last().unwrap().name == "end");
    }
    let by_query = studio.get(&format!("/api/v1/jobs/{id}/stream?offset=7")).await.unwrap();
    assert_eq!(joined(&read_events(&by_query.body), 7).unwrap(), whole[7..]);
    let beyond = resumed(&studio, &id, "9999").await;
    assert_eq!((&*beyond[1].name, &beyond[1].data["reason"]), ("reset", &json!("not_kept")), "{beyond:?}");
    assert_eq!(joined(&beyond, 9999).unwrap(), whole);
    let path = format!("/api/v1/jobs/{id}/stream");
    let seen_it_end = studio.request(Method::GET, &path).header("last-event-id", "end");
    assert_eq!(Studio::send(seen_it_end).await.unwrap().status, StatusCode::NO_CONTENT);
    let nonsense = studio.request(Method::GET, &path).header("last-event-id", "soon");
    assert_eq!(Studio::send(nonsense).await.unwrap().status, StatusCode::BAD_REQUEST);
    let picture = studio.post(IMAGE, &small("a cat")).await.unwrap().json()["jobId"].as_str().unwrap().to_owned();
    let reply = studio.get(&format!("/api/v1/jobs/{picture}/stream")).await.unwrap();
    assert_eq!((reply.status.as_u16(), &reply.json()["error"]), (409, &json!("no_stream")));
}

#[tokio::test]
async fn a_reader_who_goes_away_stops_nothing() {
    let (api, studio) = talking();
    api.hold();
    api.let_go(2);
    let (stream, id, _) = begun(&studio, &streamed("[[pieces 9]] hello")).await;
    drop(stream);
    api.release();
    let rest = studio.stream_of(&id).await.unwrap().rest().await;
    assert_eq!(rest.last().unwrap().data["status"], "succeeded");
    assert!(api.chats()[0].finished && !api.chats()[0].hung_up);
    // Nor does one who waited for JSON.
    api.hold();
    let impatient = studio.request(Method::POST, CHAT).json(&ask("[[pieces 3]] again")).header("prefer", "wait=1");
    let reply = Studio::send(impatient).await.unwrap();
    assert_eq!(reply.status, StatusCode::ACCEPTED);
    let id = reply.json()["jobId"].as_str().unwrap().to_owned();
    api.release();
    let rest = studio.stream_of(&id).await.unwrap().rest().await;
    assert_eq!(joined(&rest, 0).unwrap(), api.chats()[1].said);
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn stop_hangs_up_at_once_and_charges_what_was_said() {
    let (api, studio) = talking();
    api.hold();
    api.let_go(7);
    let (mut stream, id, mut events) = begun(&studio, &streamed("[[pieces 50]] hello")).await;
    read_to(&mut stream, &mut events, 5 * "word1 ".len()).await;
    let reply = studio.request(Method::POST, &format!("/api/v1/jobs/{id}/cancel"));
    assert_eq!(Studio::send(reply).await.unwrap().status, StatusCode::ACCEPTED);
    // Before any limit could: a provider that is silent now would be given up only after 30 s.
    api.wait_for_chats(1, |chat| chat.hung_up);
    let end = loop {
        let event = stream.next().await.unwrap();
        if event.name == "end" {
            break event;
        }
        events.push(event);
    };
    assert_eq!((&end.data["status"], &end.data["estimated"]), (&json!("canceled"), &json!(true)), "{end:?}");
    let said = api.chats()[0].said.clone();
    assert_eq!(joined(&events, 0).unwrap(), said, "nothing after the stop, nothing lost before it");
    let job = job(&studio, &id).await;
    assert_eq!(job["message"]["content"], said);
    assert_eq!(job["usage"]["outputTokens"], (said.len() as u64).div_ceil(3));
    assert!(job["cost"]["amount"].as_str().unwrap().parse::<f64>().unwrap() > 0.0);
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn stop_works_before_the_first_word_too() {
    let (api, studio) = talking();
    let mut stream = open(&studio, &streamed("[[mute]] hello")).await;
    let id = stream.next_named("start").await.unwrap().data["jobId"].as_str().unwrap().to_owned();
    api.wait_for_requests(1);
    let cancel = studio.request(Method::POST, &format!("/api/v1/jobs/{id}/cancel"));
    assert_eq!(Studio::send(cancel).await.unwrap().status, StatusCode::ACCEPTED);
    let end = stream.next_named("end").await.unwrap().data;
    assert_eq!(
        (&end["status"], &end["estimated"], &end["usage"]["outputTokens"]),
        (&json!("canceled"), &json!(true), &json!(0))
    );
    api.wait_for_chats(1, |chat| chat.hung_up);
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn what_breaks_off_is_kept_and_charged_and_never_asked_for_again() {
    let (api, studio) = talking();
    for (index, (trick, code)) in [
        ("[[cut 7]]", "cut_off"),
        ("[[reset 7]]", "cut_off"),
        ("[[error 7]]", "model_failed"),
        ("[[nonsense 7]]", "bad_output"),
        ("[[cut 0]]", "cut_off"),
    ]
    .into_iter()
    .enumerate()
    {
        let events = open(&studio, &streamed(&format!("{trick} hello"))).await.rest().await;
        let end = events.last().unwrap();
        assert_eq!(
            (&end.data["status"], &end.data["error"]["code"]),
            (&json!("failed"), &json!(code)),
            "{trick}: {end:?}"
        );
        assert_eq!(end.data["estimated"], true, "{trick}");
        let chat = &api.chats()[index];
        let text = joined(&events, 0).unwrap();
        // A reset throws away what was on the wire.
        assert!(chat.said.starts_with(&text) && (trick.contains("reset") || chat.said == text), "{trick}: {text}");
        let id = events[0].data["jobId"].as_str().unwrap();
        let kept = job(&studio, id).await;
        assert_eq!(kept["message"]["content"].as_str().unwrap_or_default(), text, "{trick}");
        assert_eq!(end.data["usage"]["outputTokens"], (text.len() as u64).div_ceil(3), "{trick}");
        assert_eq!(api.requests().len(), index + 1, "{trick}: asked once");
    }
    // As JSON it is a failure that tells what it cost.
    let reply = studio.post(CHAT, &ask("[[cut 3]] hello")).await.unwrap();
    assert_eq!((reply.status.as_u16(), &reply.json()["details"]["reason"]), (502, &json!("cut_off")));
    assert_ne!(reply.json()["details"]["cost"]["amount"], "0");
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn f05_silence_and_endless_talk_are_cut_by_their_limits() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    let hasty = "[[models]]\nid = \"hasty\"\nmodality = \"chat\"\nprovider = \"openai\"\nupstream = \"gpt-4.1\"\n\
        idle_limit_s = 1\ntotal_limit_s = 3\ndefault_max_output = 16\n[models.prices]\ninput_tokens = 1\noutput_tokens = 10\n";
    let studio = Studio::start(knowing(&api).config(hasty)).unwrap();
    for (trick, code) in [("[[silent 4]]", "timeout"), ("[[gap 700]]", "timeout"), ("[[endless]]", "bad_output")] {
        let mut body = streamed(&format!("{trick} hello"));
        body["modelId"] = "hasty".into();
        let stream = open(&studio, &body).await;
        assert_eq!(stream.headers()["x-timeout-ms"], "3000", "its limit in all is told before it begins");
        let events = stream.rest().await;
        let end = events.last().unwrap();
        assert_eq!(
            (&end.data["status"], &end.data["error"]["code"]),
            (&json!("failed"), &json!(code)),
            "{trick}: {end:?}"
        );
        let text = joined(&events, 0).unwrap();
        assert!(!text.is_empty() && text.len() < 64 << 10, "{trick}: {}", text.len());
        assert!(end.data["usage"]["outputTokens"].as_u64().unwrap() <= 16, "never more than was held: {end:?}");
    }
    // Its provider is hung up on, each time.
    api.wait_for_chats(3, |chat| chat.hung_up);
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn a_deadline_ends_an_answer_in_its_middle() {
    let (api, studio) = talking();
    api.hold();
    api.let_go(3);
    let mut body = streamed("[[pieces 50]] hello");
    body["deadline"] = crate::in_millis(1500).into();
    let events = open(&studio, &body).await.rest().await;
    let end = events.last().unwrap();
    assert_eq!((&end.data["status"], &end.data["estimated"]), (&json!("expired"), &json!(true)), "{end:?}");
    api.wait_for_chats(1, |chat| chat.hung_up);
    assert_eq!(joined(&events, 0).unwrap(), api.chats()[0].said);
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn a_crash_in_the_middle_keeps_what_was_kept_and_charges_it() {
    let api = OpenAi::start(Behaviour::Chat(vec![Trick::Pieces(900)])).unwrap();
    let mut studio = Studio::start(knowing(&api)).unwrap();
    api.hold();
    api.let_go(800);
    let mut body = streamed("hello");
    body["maxOutputTokens"] = 5000.into();
    let (mut stream, id, mut events) = begun(&studio, &body).await;
    // More than a checkpoint's worth, all of it read.
    let said = loop {
        let said = api.chats()[0].said.clone();
        if api.chats()[0].pieces == 800 {
            break said;
        }
        events.push(stream.next().await.unwrap());
    };
    read_to(&mut stream, &mut events, said.len()).await;
    studio.kill().unwrap();
    studio.launch().unwrap();
    let job = job(&studio, &id).await;
    assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!("interrupted")), "{job}");
    assert_eq!(job["estimated"], true);
    let kept = job["message"]["content"].as_str().unwrap().to_owned();
    assert!(said.starts_with(&kept) && kept.len() >= 4096, "{} of {}", kept.len(), said.len());
    assert_eq!(job["usage"]["outputTokens"], (kept.len() as u64).div_ceil(3) + 128);
    assert_eq!(api.requests().len(), 1, "asked once");
    // Its reader comes back with more than was kept: told so, and shown what there is.
    let seen = events.last().unwrap().id.clone();
    let back = resumed(&studio, &id, &seen).await;
    if kept.len() < said.len() {
        assert_eq!((&*back[1].name, &back[1].data["reason"]), ("reset", &json!("not_kept")), "{back:?}");
        assert_eq!(joined(&back, said.len() as u64).unwrap(), kept);
    }
    assert_eq!(back.last().unwrap().data["status"], "failed");
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn a_server_that_is_asked_to_stop_settles_what_is_being_said() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    let mut studio = Studio::start(knowing(&api)).unwrap();
    api.hold();
    api.let_go(12);
    let (mut stream, id, mut events) = begun(&studio, &streamed("[[pieces 50]] hello")).await;
    read_to(&mut stream, &mut events, 10 * "word1 ".len()).await;
    assert!(studio.stop_at_once().unwrap().success());
    api.wait_for_chats(1, |chat| chat.hung_up);
    studio.launch().unwrap();
    let job = job(&studio, &id).await;
    let said = api.chats()[0].said.clone();
    assert_eq!((&job["status"], &job["error"]["code"]), (&json!("failed"), &json!("interrupted")), "{job}");
    // To the last byte, and charged for that alone.
    assert_eq!(
        (&job["message"]["content"], &job["usage"]["outputTokens"]),
        (&json!(said), &json!(said.len().div_ceil(3)))
    );
    assert_clean(&studio, 0);
}

#[tokio::test]
async fn a_repeat_finds_the_same_answer_from_its_beginning() {
    let (api, studio) = talking();
    let send = || studio.request(Method::POST, CHAT).header("idempotency-key", "k1").json(&streamed("hello"));
    let first = EventReader::open(send()).await.unwrap().rest().await;
    let again = Studio::send(send()).await.unwrap();
    assert_eq!(again.header("idempotent-replayed"), "true");
    let second = read_events(&again.body);
    assert_eq!(joined(&first, 0).unwrap(), joined(&second, 0).unwrap());
    assert_eq!(first[0].data["jobId"], second[0].data["jobId"]);
    assert_eq!(api.chats().len(), 1);
    let other = studio.request(Method::POST, CHAT).header("idempotency-key", "k1").json(&streamed("else"));
    assert_eq!(Studio::send(other).await.unwrap().status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn whoever_does_not_wait_is_told_where_to_look() {
    let (api, studio) = talking();
    api.hold();
    let request = studio.request(Method::POST, CHAT).header("prefer", "wait=0").json(&streamed("[[pieces 5]] hello"));
    let reply = Studio::send(request).await.unwrap();
    assert_eq!(reply.status, StatusCode::ACCEPTED);
    let link = reply.json()["links"]["stream"].as_str().unwrap().to_owned();
    let stream = EventReader::open(studio.request(Method::GET, &link)).await.unwrap();
    api.release();
    assert_eq!(joined(&stream.rest().await, 0).unwrap(), api.chats()[0].said);
}

#[tokio::test]
async fn a_queued_answer_tells_where_it_stands_and_begins_when_it_may() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    let setup = knowing(&api).variable("STUDIO_PROVIDERS__OPENAI__CONCURRENCY", "1");
    let studio = Studio::start(setup).unwrap();
    api.hold();
    api.let_go(1);
    let (first, _, _) = begun(&studio, &streamed("[[pieces 3]] first")).await;
    let mut second = open(&studio, &streamed("[[pieces 3]] second")).await;
    let status = second.next_named("status").await.unwrap();
    assert_eq!((&status.data["status"], &status.data["queuePosition"]), (&json!("queued"), &json!(0)));
    api.release();
    assert_eq!(first.rest().await.last().unwrap().data["status"], "succeeded");
    let rest = second.rest().await;
    assert_eq!(joined(&rest, 0).unwrap(), api.chats()[1].said);
}

#[tokio::test]
async fn a_revoked_key_loses_its_open_stream() {
    let (api, studio) = talking();
    let made = studio.run_json(&["key", "create", "--user", "app@example.org", "--name", "app"]).unwrap();
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    api.hold();
    api.let_go(2);
    let mut stream =
        EventReader::open(studio.request_as(key, Method::POST, CHAT).json(&streamed("hello"))).await.unwrap();
    stream.next_named("delta").await.unwrap();
    assert!(studio.run(&["key", "revoke", id]).unwrap().status.success());
    let rest = stream.rest().await;
    assert!(rest.iter().all(|event| event.name != "end"), "{rest:?}");
    api.release();
}

#[tokio::test]
async fn an_answer_that_was_lost_before_its_first_word_is_unknown() {
    let (api, studio) = talking();
    let events = open(&studio, &streamed("[[gone]] hello")).await.rest().await;
    let last = events.last().unwrap();
    assert_eq!((&*last.name, &last.data["status"]), ("status", &json!("unknown")), "{events:?}");
    assert_eq!(api.requests().len(), 1);
    assert_clean(&studio, 1);
}

#[tokio::test]
async fn streams_cut_at_random_agree_with_what_was_sent() {
    let report = studio_testkit::cuts::cut_at_random(crate::setup(), 100, 7).await.unwrap();
    assert!(report.streams == 100 && report.cuts["killed"] > 0 && report.resumes > 50, "{report:?}");
}

#[tokio::test]
async fn an_offset_within_a_character_is_its_beginning() {
    let (api, studio) = talking();
    api.hold();
    api.let_go(2);
    let (stream, id, mut events) = begun(&studio, &streamed("[[word ü🌊]] [[pieces 6]]")).await;
    // While it is said: nothing is taken back, and nothing comes twice.
    let request = studio.request(Method::GET, &format!("/api/v1/jobs/{id}/stream?offset=1"));
    let mut reader = EventReader::open(request).await.unwrap();
    let mut live = vec![reader.next_named("delta").await.unwrap()];
    api.release();
    events.extend(stream.rest().await);
    live.extend(reader.rest().await);
    let all = joined(&events, 0).unwrap();
    assert_eq!(joined(&live, 0).unwrap(), all);
    assert!(live.iter().all(|event| event.name != "reset"), "{live:?}");
    // And when it is over.
    for within in 0..all.len() {
        let rest = resumed(&studio, &id, &within.to_string()).await;
        let from = all.floor_char_boundary(within);
        assert_eq!(joined(&rest, from as u64).unwrap(), all[from..], "from {within}");
    }
}
