//! Conversations: what each behaviour of the emulator becomes, and that what was told is what was sent.

use super::*;
use crate::providers::sample;
use futures_util::StreamExt;
use serde_json::json;
use std::collections::HashMap;
use studio_core::{
    bill::{Reported, Tokens},
    money::Nanos,
    ports::Piece,
    request::{Format, Message, Part, Role, Tool, ToolCall, ToolChoice},
    secret::Prompt,
    words::{Finish, Voice},
};
use studio_testkit::openai::{Behaviour, ChatRecord, Trick};

/// A conversation whose last words tell the emulator what to do.
fn asking(words: &str) -> ChatRequest {
    ChatRequest { messages: vec![Message::text(Role::User, words)], ..sample::chat(json!({ "maxOutputTokens": 64 })) }
}

fn job(chat: ChatRequest) -> Job {
    Job { upstream: "gpt-5.6-luna".into(), ..sample::chat_job(chat) }
}

/// First byte, silence, all of it.
type Limits = (Duration, Duration, Duration);

async fn talk_within(provider: &OpenAiProvider, chat: ChatRequest, limits: Limits) -> Result<Saying, Failure> {
    let (first_byte_limit, idle_limit, total_limit) = limits;
    let job = job(chat);
    let pictures = sample::no_pictures();
    let submission = Submission { job: &job, upload_to: None, pictures, first_byte_limit, idle_limit, total_limit };
    match provider.start(&submission).await? {
        Started::Saying(saying) => Ok(saying),
        other => panic!("{other:?}"),
    }
}

async fn talk(provider: &OpenAiProvider, chat: ChatRequest) -> Result<Saying, Failure> {
    talk_within(provider, chat, (LONG, LONG, LONG)).await
}

/// All that was heard, in one, and how it ended.
#[derive(Debug, Default)]
struct Heard {
    name: String,
    text: String,
    thought: String,
    calls: Vec<(u32, String, String, String)>,
    finish: Vec<Finish>,
    used: Vec<Reported>,
    batches: usize,
    failure: Option<Failure>,
}

impl Heard {
    fn take(&mut self, pieces: Vec<Piece>) {
        assert!(!pieces.is_empty());
        self.batches += 1;
        for piece in pieces {
            match piece {
                Piece::Named(name) => {
                    assert!(self.name.is_empty(), "named twice");
                    self.name = name;
                }
                Piece::Said(voice, text) => {
                    assert!(!text.is_empty());
                    match voice {
                        Voice::Text => self.text.push_str(&text),
                        Voice::Reasoning => self.thought.push_str(&text),
                        Voice::ToolCall { index, id, name } => {
                            match self.calls.iter_mut().find(|call| call.0 == index) {
                                Some(call) => call.3.push_str(&text),
                                None => self.calls.push((index, id, name, text)),
                            }
                        }
                    }
                }
                Piece::Finished(finish) => self.finish.push(finish),
                Piece::Used(reported) => self.used.push(reported),
            }
        }
    }

    fn tokens(&self) -> Option<Tokens> {
        let [used] = &self.used[..] else { return None };
        used.tokens
    }
}

async fn hear(mut saying: Saying) -> Heard {
    let mut heard = Heard::default();
    while let Some(news) = saying.next().await {
        assert!(heard.failure.is_none(), "an error is the last");
        match news {
            Ok(pieces) => heard.take(pieces),
            Err(failure) => heard.failure = Some(failure),
        }
    }
    heard
}

async fn ask(api: &OpenAi, words: &str) -> Heard {
    hear(talk(&at(api), asking(words)).await.unwrap()).await
}

fn words(count: u64) -> String {
    (1..=count).map(|number| format!("word{number} ")).collect()
}

/// The emulator's thread may be a step behind what its caller has seen of a connection's end.
async fn until(api: &OpenAi, is_so: impl Fn(&ChatRecord) -> bool) -> ChatRecord {
    loop {
        if let Some(chat) = api.chats().into_iter().next_back().filter(&is_so) {
            return chat;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn words_come_as_they_are_said_and_are_paid_as_they_are_billed() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    api.hold();
    let mut saying = talk(&at(&api), asking("why?")).await.unwrap();
    let first = saying.next().await.unwrap().unwrap();
    assert_eq!(first, [Piece::Named("chatcmpl-emulated0".into())]);
    for number in 1..=3 {
        api.let_go(1);
        let said = saying.next().await.unwrap().unwrap();
        assert_eq!(said, [Piece::Said(Voice::Text, format!("word{number} "))], "as it comes");
    }
    api.release();
    let heard = hear(saying).await;
    assert_eq!(words(3) + &heard.text, words(20));
    let chat = &api.chats()[0];
    assert_eq!((heard.finish.as_slice(), &heard.failure), (&[Finish::Stop][..], &None));
    assert_eq!((chat.said.as_str(), chat.pieces, chat.finished, chat.hung_up), (&*words(20), 20, true, false));
    let tokens = heard.tokens().unwrap();
    assert_eq!((tokens.input, tokens.cached, tokens.output, tokens.reasoning), chat.billed);
    assert_eq!(heard.used[0].raw.as_ref().unwrap()["total_tokens"], tokens.input + tokens.output);
}

#[tokio::test]
async fn what_is_heard_is_what_was_written() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    for (asked, said, finish) in [
        ("pieces 200]] [[word wörd🌊", 64, Finish::Length),
        ("pieces 64", 64, Finish::Stop),
        ("heartbeats", 20, Finish::Stop),
        ("pieces 0", 0, Finish::Stop),
        ("nodone", 20, Finish::Stop),
        ("noreason", 20, Finish::Other),
        ("whole", 20, Finish::Stop),
        ("gap 1]] [[pieces 5", 5, Finish::Stop),
    ] {
        let heard = ask(&api, &format!("[[{asked}]]")).await;
        let chat = until(&api, |chat| chat.finished).await;
        assert_eq!((&heard.text, chat.pieces, heard.failure), (&chat.said, said, None), "{asked}");
        assert_eq!(heard.finish, [finish], "{asked}");
        let used = heard.used[0].tokens.unwrap();
        assert_eq!((used.input, used.cached, used.output, used.reasoning), chat.billed, "{asked}");
    }
    let silent = ask(&api, "[[nousage]]").await;
    assert_eq!((silent.text, silent.used, silent.finish), (words(20), Vec::new(), vec![Finish::Stop]));
}

#[tokio::test]
async fn usage_is_told_with_its_details_and_costs() {
    let api = OpenAi::start(Behaviour::Chat(vec![Trick::Cached(3), Trick::Reasoning(9)])).unwrap();
    let heard = ask(&api, "[[think 2]] [[cost 0.0012345678901]]").await;
    assert_eq!((heard.thought.as_str(), &heard.text), ("thought1 thought2 ", &words(20)));
    let tokens = heard.tokens().unwrap();
    assert_eq!((tokens.cached, tokens.output, tokens.reasoning), (3, 31, 11));
    assert_eq!(heard.used[0].cost, Some(Nanos::new(1_234_568)));
    assert_eq!(heard.used[0].raw.as_ref().unwrap()["cost_details"]["new_kind_of_cost"], json!([1, "x"]));
    assert_eq!(ask(&api, "[[ticks 12345]]").await.used[0].cost, Some(Nanos::new(1235)));
    assert_eq!(ask(&api, "[[cost free]]").await.used[0].cost, None);
}

#[tokio::test]
async fn everything_of_a_conversation_is_taken_by_the_api() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    let (picture, bytes) = sample::picture();
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let tool =
        |name: &str| Tool { name: name.into(), description: Some(Prompt::new("Looks.")), parameters: schema.clone() };
    let parameters =
        json!({"maxOutputTokens": 64, "temperature": 0.5, "topP": 0.9, "seed": 7, "reasoningEffort": "low"});
    let first = vec![Part::Text(Prompt::new("[[tools]] look")), Part::Picture(picture.clone())];
    let mut chat = ChatRequest {
        messages: vec![
            Message::text(Role::System, "be short"),
            Message { parts: first, ..Message::text(Role::User, "") },
        ],
        tools: vec![tool("look"), tool("jump")],
        tool_choice: Some(ToolChoice::Required),
        format: Format::Schema { name: "answer".into(), schema: schema.clone() },
        stop: vec!["END".into()],
        ..sample::chat(parameters)
    };
    let pictures = HashMap::from([(picture.hash, bytes)]);
    let provider = at(&api);
    let (first_byte_limit, idle_limit, total_limit) = (LONG, LONG, LONG);
    for streams in [true, false] {
        let job = job(ChatRequest { streams, ..chat.clone() });
        let submission =
            Submission { job: &job, upload_to: None, pictures: &pictures, first_byte_limit, idle_limit, total_limit };
        let Ok(Started::Saying(saying)) = provider.start(&submission).await else { panic!("refused") };
        let heard = hear(saying).await;
        let call =
            |index: u32, name: &str, arguments: &str| (index, format!("call_{index}"), name.into(), arguments.into());
        let calls = [call(0, "look", "{\"city\":\"Oslo\"}"), call(1, "jump", "{\"city\":\"Rome\",\"days\":3}")];
        assert_eq!((&heard.calls[..], heard.finish), (&calls[..], vec![Finish::ToolCalls]), "streams: {streams}");
        let sent = api.requests().pop().unwrap();
        assert_eq!(sent.headers["x-client-request-id"], job.attempt_name());
        assert_eq!(sent.headers["authorization"], format!("Bearer {KEY}"));
        assert_eq!((sent.body.get("stream").is_some(), &sent.body["top_p"]), (streams, &json!(0.9)));
        assert_eq!(sent.body["max_completion_tokens"], 64);
        let url = &sent.body["messages"][1]["content"][1]["image_url"]["url"];
        assert_eq!(url, "data:image/png;base64,iVBORw==");
    }
    let call = ToolCall { id: "call_0".into(), name: "look".into(), arguments: Prompt::new("{}") };
    let empty = Message { parts: Vec::new(), ..Message::text(Role::Assistant, "") };
    chat.messages[1] = Message::text(Role::User, "[[tools]] look");
    chat.messages.push(Message { tool_calls: vec![call], ..empty });
    chat.messages.push(Message { tool_call_id: Some("call_0".into()), ..Message::text(Role::Tool, "a sea") });
    assert_eq!(hear(talk(&provider, chat).await.unwrap()).await.text, words(20), "and the answer to the tool's answer");
}

#[tokio::test]
async fn an_answer_that_ends_as_it_should_leaves_its_connection_open() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    let provider = at(&api);
    for _ in 0..12 {
        let saying = talk(&provider, asking("[[pieces 3]] [[lateend 5]]")).await.unwrap();
        assert_eq!(hear(saying).await.text, words(3));
    }
    // A machine that is very busy may end a body too late for one or the other.
    assert!(api.connections() <= 6, "{}", api.connections());
}

#[tokio::test]
async fn those_who_imitate_it_know_another_word() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    let mut older = at(&api);
    older.settings.max_completion_tokens = false;
    let refused = talk(&older, asking("hi")).await.map(drop).unwrap_err();
    assert!(refused.message.contains("Unsupported parameter: 'max_tokens'"), "{refused}");
    let job = Job { upstream: "gpt-oss".into(), ..job(asking("[[pieces 99]]")) };
    let pictures = sample::no_pictures();
    let (first_byte_limit, idle_limit, total_limit) = (LONG, LONG, LONG);
    let submission = Submission { job: &job, upload_to: None, pictures, first_byte_limit, idle_limit, total_limit };
    let Ok(Started::Saying(saying)) = older.start(&submission).await else { panic!("refused") };
    assert_eq!(hear(saying).await.text, words(64));
}

#[tokio::test]
async fn every_refusal_has_its_kind() {
    use Behaviour as B;
    use FailureKind as K;
    let api = OpenAi::start(B::Normal).unwrap();
    let trick = |trick: Trick| B::Chat(vec![trick]);
    for (behaviour, kind, word) in [
        (B::BadKey401, K::Rejected, "lab does not accept our key"),
        (B::InsufficientQuota, K::Rejected, "no credit"),
        (B::ModerationBlocked, K::Rejected, "content policy"),
        (B::Busy429Once(vec![]), K::Busy, "no room"),
        (B::Fails(400), K::Rejected, "The server at [address] had an error."),
        (B::Fails(402), K::Rejected, "no credit"),
        (B::Fails(408), K::Lost, "408"),
        (B::Fails(500), K::Lost, "500"),
        (trick(Trick::Status(503)), K::Unavailable, "503"),
        (trick(Trick::Status(504)), K::Lost, "504"),
        (B::DiesBeforeReply, K::Lost, "lost"),
        (B::Html, K::BadOutput, "no answer"),
        (B::Chat(vec![Trick::Whole, Trick::Cut(1)]), K::Lost, "lost"),
    ] {
        for streams in [true, false] {
            api.set(behaviour.clone());
            let chat = ChatRequest { streams, ..asking("hi") };
            let failure = talk(&at(&api), chat).await.map(drop).unwrap_err();
            assert_eq!(failure.kind, kind, "{behaviour:?}: {failure}");
            assert!(failure.message.contains(word), "{behaviour:?}: {failure}");
            assert_discreet(&failure);
        }
    }
    api.set(B::Normal);
    let busy = talk(&at(&api), asking("[[busy 7]]")).await.map(drop).unwrap_err();
    assert_eq!((busy.kind, busy.retry_after), (K::Busy, Some(Duration::from_secs(7))));
    assert_eq!(ask(&api, "[[busy 7]]").await.text, words(20), "the second time");
    let bad = ChatRequest { parameters: [("topK".to_owned(), 4.into())].into(), ..asking("hi") };
    let failure = talk(&at(&api), bad).await.map(drop).unwrap_err();
    assert_eq!(failure.message, "lab refused: Unknown parameter: 'top_k'.");
    let gone = provider(OpenAi::start(B::Normal).unwrap().base_url(), None);
    let failure = talk(&gone, asking("hi")).await.map(drop).unwrap_err();
    assert_eq!(failure.kind, K::Unavailable);
}

fn assert_discreet(failure: &Failure) {
    for secret in ["sk-", "127.0.0.1", "10.0.0.7", "org-", "req_", "chatcmpl", "://"] {
        assert!(!failure.message.contains(secret), "{failure}");
    }
}

#[tokio::test]
async fn every_way_to_break_off_has_its_kind() {
    use FailureKind as K;
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    for (asked, pieces, kind, word) in [
        ("cut 7", 7, K::CutOff, "broke off"),
        ("cut 0", 0, K::CutOff, "broke off"),
        ("nonsense 2", 2, K::BadOutput, "no answer"),
        ("error 3", 3, K::ModelFailed, "had an error"),
        ("large 100000000", 0, K::BadOutput, "more at once"),
        ("endless]] [[nonsense 9000", 9000, K::BadOutput, "no answer"),
    ] {
        let heard = ask(&api, &format!("[[{asked}]]")).await;
        let failure = heard.failure.unwrap();
        assert_eq!(failure.kind, kind, "{asked}: {failure}");
        assert!(failure.message.contains(word), "{asked}: {failure}");
        assert_discreet(&failure);
        assert_eq!((&heard.text, heard.finish.len(), heard.used.len()), (&words(pieces), 0, 0), "{asked}");
        let chat = api.chats().pop().unwrap();
        assert_eq!((chat.finished, chat.pieces), (false, pieces), "{asked}");
    }
    // What was on its way when the connection was reset may be lost.
    let reset = ask(&api, "[[reset 7]]").await;
    assert_eq!(reset.failure.unwrap().kind, K::CutOff);
    assert!(words(7).starts_with(&reset.text));
    api.set(Behaviour::WrongTypes);
    assert_eq!(ask(&api, "hi").await.failure.unwrap().kind, K::BadOutput);
}

/// Listens until `text` is heard; nothing more comes then.
async fn hear_until(saying: &mut Saying, text: &str) {
    let mut heard = Heard::default();
    while heard.name.is_empty() || heard.text != text {
        heard.take(saying.next().await.unwrap().unwrap());
    }
}

/// What comes of a stream from which nothing more will come, and after how much of a clock that runs ahead.
async fn wait_out(mut saying: Saying) -> (Failure, Duration) {
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    let failure = saying.next().await.unwrap().unwrap_err();
    let waited = begun.elapsed();
    tokio::time::resume();
    assert!(saying.next().await.is_none());
    (failure, waited)
}

#[tokio::test]
async fn silence_is_borne_longer_before_the_first_word() {
    let seconds = Duration::from_secs;
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    let provider = at(&api);
    for (asked, said, limits, at_least, at_most, word) in [
        ("silent 0", 0, (seconds(900), seconds(70), seconds(5000)), 890, 901, "did not begin"),
        ("silent 4", 4, (seconds(900), seconds(70), seconds(5000)), 60, 71, "fell silent in the middle"),
        ("think 1]] [[silent 1", 0, (seconds(900), seconds(70), seconds(5000)), 60, 71, "fell silent in the middle"),
        ("tools]] [[silent 2", 0, (seconds(900), seconds(70), seconds(5000)), 60, 71, "fell silent in the middle"),
        ("silent 0", 0, (seconds(900), seconds(70), seconds(500)), 450, 501, "took longer"),
        ("silent 4", 4, (seconds(900), seconds(700), seconds(500)), 450, 501, "took longer"),
    ] {
        api.hold();
        let mut saying = talk_within(&provider, asking(&format!("[[{asked}]]")), limits).await.unwrap();
        hear_until(&mut saying, "").await;
        api.release();
        if asked.contains("think") {
            assert!(matches!(&saying.next().await.unwrap().unwrap()[..], [Piece::Said(Voice::Reasoning, _)]));
        } else if asked.contains("tools") {
            // Both are named, and neither is said: nothing tells that they came but the time that they had to.
            until(&api, |chat| chat.pieces == 2).await;
            let early = tokio::time::timeout(Duration::from_millis(300), saying.next()).await;
            assert!(early.is_err(), "{early:?}");
        } else if said > 0 {
            let mut text = String::new();
            while text != words(said) {
                let Piece::Said(Voice::Text, more) = saying.next().await.unwrap().unwrap().remove(0) else { panic!() };
                text.push_str(&more);
            }
        }
        let (failure, waited) = wait_out(saying).await;
        assert_eq!(failure.kind, FailureKind::Timeout, "{asked}");
        assert!(failure.message.contains(word), "{asked}: {failure}");
        assert!((seconds(at_least)..seconds(at_most)).contains(&waited), "{asked}: {waited:?}");
        assert!(until(&api, |chat| chat.hung_up).await.hung_up, "and the connection is closed");
    }
}

#[tokio::test]
async fn an_answer_that_does_not_even_begin_is_lost() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    let provider = at(&api);
    for streams in [true, false] {
        let chats = api.chats().len();
        let sent = async {
            while api.chats().len() == chats {
                tokio::task::yield_now().await;
            }
            tokio::time::pause();
        };
        let chat = ChatRequest { streams, ..asking("[[mute]]") };
        let (started, ()) = tokio::join!(talk(&provider, chat), sent);
        tokio::time::resume();
        assert_eq!(started.map(drop).unwrap_err().kind, FailureKind::Lost);
        until(&api, |chat| chat.hung_up).await;
    }
}

#[tokio::test]
async fn what_ends_after_the_last_word_has_ended_well() {
    let api = OpenAi::start(Behaviour::Chat(vec![Trick::NoDone, Trick::Pieces(3)])).unwrap();
    let heard = ask(&api, "hi").await;
    assert_eq!((heard.finish, heard.failure, heard.used.len()), (vec![Finish::Stop], None, 1));
    let heard = ask(&api, "[[cutend]]").await;
    assert_eq!((heard.finish, heard.failure, heard.used.len()), (vec![Finish::Stop], None, 0));
}

#[tokio::test]
async fn whoever_stops_listening_hangs_up() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    api.hold();
    // Limits that no test lives to see: the connection is closed because nobody listens.
    let limits = (Duration::from_secs(3600), Duration::from_secs(3600), Duration::from_secs(3600));
    let mut saying = talk_within(&at(&api), asking("hi"), limits).await.unwrap();
    api.let_go(3);
    let mut heard = Heard::default();
    while heard.text != words(3) {
        heard.take(saying.next().await.unwrap().unwrap());
    }
    drop(saying);
    let chat = until(&api, |chat| chat.hung_up).await;
    assert_eq!((chat.pieces, chat.billed.2, chat.finished), (3, 3, false));
}

#[tokio::test]
async fn many_talk_at_once() {
    let api = OpenAi::start(Behaviour::Normal).unwrap();
    let provider = at(&api);
    let one = |number: u64| {
        let provider = &provider;
        async move {
            let cut = number.is_multiple_of(3);
            let asked = if cut { format!("[[word w{number}x]] [[cut 7]]") } else { format!("[[word w{number}x]]") };
            let heard = hear(talk(provider, asking(&asked)).await.unwrap()).await;
            let expected: String = (1..=if cut { 7 } else { 20 }).map(|word| format!("w{number}x{word} ")).collect();
            assert_eq!((heard.text, heard.failure.is_some()), (expected, cut));
        }
    };
    futures_util::future::join_all((0..200).map(one)).await;
    assert_eq!(api.chats().len(), 200);
}

/// A provider that says its one word and why it stopped, and then something else, again and again.
async fn says_a_word_and_then(listener: tokio::net::TcpListener, then: &str) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (mut stream, _) = listener.accept().await.unwrap();
    while !stream.read_u8().await.is_ok_and(|byte| byte == b'{') {}
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    let word = json!({"choices": [{"delta": {"content": "word"}, "finish_reason": "stop"}]});
    stream.write_all(format!("{head}data: {word}\n\n").as_bytes()).await.unwrap();
    while stream.write_all(then.as_bytes()).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn what_comes_after_the_last_word_spoils_nothing_and_is_not_waited_for_for_ever() {
    for then in [": neither silent nor over\n\n", "data: nonsense\n\n", "data: {\"error\": {\"message\": \"oh\"}}\n\n"]
    {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = provider(format!("http://{}", listener.local_addr().unwrap()), None);
        let hears = async { hear(talk(&provider, asking("go")).await.unwrap()).await };
        let ((), heard) = futures_util::future::join(says_a_word_and_then(listener, then), hears).await;
        assert_eq!((&*heard.text, &heard.finish[..], &heard.failure), ("word", &[Finish::Stop][..], &None), "{then}");
    }
}
