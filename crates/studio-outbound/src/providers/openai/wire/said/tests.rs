//! Streams as vendors really send them, and as nobody should.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};
use studio_core::bill::Tokens;

const DONE: &str = "[DONE]";

/// What came of these data lines: the pieces, the stage, and the failure that ended them.
fn hear(lines: &[String]) -> (Vec<Piece>, Stage, Option<Failure>) {
    let (mut listening, mut pieces) = (Listening::new("lab", Some(Secret::new("hunter2"))), Vec::new());
    for line in lines {
        let event = Event { name: "message".into(), data: line.into() };
        if let Err(failure) = listening.event(event, &mut pieces) {
            return (pieces, listening.stage(), Some(failure));
        }
    }
    (pieces, listening.stage(), None)
}

fn lines(chunks: &[Value]) -> Vec<String> {
    chunks.iter().map(|chunk| chunk.as_str().map_or_else(|| chunk.to_string(), str::to_owned)).collect()
}

fn pieces(chunks: &[Value]) -> Vec<Piece> {
    let (pieces, _, failure) = hear(&lines(chunks));
    assert_eq!(failure, None, "{chunks:?}");
    pieces
}

fn delta(delta: Value) -> Value {
    json!({"id": "chatcmpl-1", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

fn ends(reason: &str) -> Value {
    json!({"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

fn fragments(fragments: Value) -> Value {
    delta(json!({ "tool_calls": fragments }))
}

fn named() -> Piece {
    Piece::Named("chatcmpl-1".into())
}

fn text(text: &str) -> Piece {
    Piece::Said(Voice::Text, text.into())
}

fn thought(text: &str) -> Piece {
    Piece::Said(Voice::Reasoning, text.into())
}

fn call(index: u32, id: &str, name: &str, arguments: &str) -> Piece {
    Piece::Said(Voice::ToolCall { index, id: id.into(), name: name.into() }, arguments.into())
}

fn used(input: u64, output: u64) -> Option<Tokens> {
    Some(Tokens { input, output, ..Tokens::default() })
}

#[test]
fn a_stream_of_openai() {
    let chunk = |choices: Value, usage: Value| {
        json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices,
            "service_tier": "default", "system_fingerprint": null, "usage": usage, "obfuscation": "x7"})
    };
    let said = |delta: Value, reason: Value| {
        chunk(json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": reason}]), Value::Null)
    };
    let usage = json!({"prompt_tokens": 19, "completion_tokens": 2, "total_tokens": 21});
    let all = [
        said(json!({"role": "assistant", "content": "", "refusal": null}), Value::Null),
        said(json!({"content": "a \"sea\" "}), Value::Null),
        said(json!({"content": "🌊"}), Value::Null),
        said(json!({}), "stop".into()),
        chunk(json!([]), usage.clone()),
        json!(DONE),
    ];
    let (pieces, stage, failure) = hear(&lines(&all));
    let reported = Reported { tokens: used(19, 2), cost: None, raw: Some(usage) };
    assert_eq!(
        pieces,
        [named(), text("a \"sea\" 🌊"), Piece::Finished(Finish::Stop), Piece::Used(reported)],
        "neighbours are one piece"
    );
    assert_eq!((stage, failure), (Stage::Over, None));
}

#[test]
fn voices_are_told_apart() {
    let all = [
        delta(json!({"role": "assistant", "reasoning_content": "hm"})),
        delta(json!({"reasoning": "m", "reasoning_content": null, "content": null})),
        delta(json!({"reasoning": {"text": "x"}, "content": "a"})),
        delta(json!({"refusal": "I can't"})),
        delta(json!({"reasoning_content": "so", "reasoning": "so", "content": " sea"})),
        delta(json!({})),
        json!({"id": "later", "choices": [{"index": 0, "delta": null}]}),
        json!({"id": null, "choices": [{"index": 1, "delta": {"content": "another"}, "finish_reason": "length"}]}),
        json!({"choices": null}),
        json!({"type": "ping"}),
        ends("stop"),
    ];
    let expected =
        [named(), thought("hmm"), text("aI can't"), thought("so"), text(" sea"), Piece::Finished(Finish::Stop)];
    assert_eq!(pieces(&all), expected);
}

#[test]
fn why_it_stopped() {
    for (reason, finish) in [
        ("stop", Finish::Stop),
        ("length", Finish::Length),
        ("tool_calls", Finish::ToolCalls),
        ("function_call", Finish::ToolCalls),
        ("content_filter", Finish::ContentFilter),
        ("end_turn", Finish::Other),
    ] {
        let all = [delta(json!({"content": "a"})), ends(reason), ends("stop"), json!(DONE), ends("stop")];
        assert_eq!(pieces(&all), [named(), text("a"), Piece::Finished(finish)], "once: {reason}");
    }
    // Whoever says that it is done, and not why, is done.
    let all = [delta(json!({"content": "a"})), ends(""), json!(DONE)];
    assert_eq!(pieces(&all)[2], Piece::Finished(Finish::Other));
    assert_eq!(hear(&lines(&[json!(DONE)])).2.unwrap().kind, FailureKind::BadOutput, "there was no answer");
    assert_eq!(hear(&lines(&[ends("stop")])).1, Stage::Finished, "the connection may end now");
    assert_eq!(hear(&lines(&[delta(json!({"role": "assistant"}))])).1, Stage::Thinking);
    assert_eq!(hear(&lines(&[delta(json!({"content": "a"}))])).1, Stage::Speaking);
}

#[test]
fn calls_of_tools_take_turns() {
    let all = [
        fragments(json!([{"index": 0, "id": "c0", "type": "function", "function": {"name": "look", "arguments": ""}}])),
        fragments(
            json!([{"index": 1, "id": "c1", "type": "function", "function": {"name": "jump", "arguments": "{"}}]),
        ),
        fragments(json!([{"index": 0, "function": {"arguments": "{\"a\":"}}])),
        fragments(json!([{"index": 0, "id": null, "function": {"name": null, "arguments": "1}"}},
            {"index": 1, "id": "", "function": {"name": "", "arguments": "}"}}])),
        ends("tool_calls"),
    ];
    let expected = [
        named(),
        call(1, "c1", "jump", "{"),
        call(0, "c0", "look", "{\"a\":1}"),
        call(1, "c1", "jump", "}"),
        Piece::Finished(Finish::ToolCalls),
    ];
    assert_eq!(pieces(&all), expected);
}

#[test]
fn a_call_is_held_until_it_is_known_what_it_is() {
    let all = [
        fragments(json!([{"index": 0, "function": {"arguments": "{\"a\""}}])),
        fragments(json!([{"index": 0, "id": "c0", "function": {"arguments": ":"}}])),
        fragments(json!([{"index": 0, "function": {"name": "look"}}])),
        fragments(json!([{"index": 0, "function": {"name": "other", "arguments": "1}"}}])),
        fragments(json!([{"index": 2, "id": "c2", "function": {"name": "rest"}}])),
        fragments(json!([{"index": 3, "function": {"name": "nameless", "arguments": "[]"}}])),
    ];
    assert_eq!(pieces(&all[..2]), [named()], "not known yet");
    assert_eq!(pieces(&all[..4]), [named(), call(0, "c0", "look", "{\"a\":1}")]);
    assert_eq!(pieces(&all), pieces(&all[..4]), "an empty piece is none");
    let ended = pieces(&[&all[..], &[ends("tool_calls")]].concat());
    let last = [call(2, "c2", "rest", "{}"), call(3, "call_3", "nameless", "[]"), Piece::Finished(Finish::ToolCalls)];
    assert_eq!(ended[2..], last, "nothing is an empty object, and an id is made up");
    let anonymous = [fragments(json!([{"index": 0, "id": "c0"}])), ends("tool_calls")];
    assert_eq!(hear(&lines(&anonymous)).2.unwrap().kind, FailureKind::BadOutput);
}

#[test]
fn calls_without_an_index_are_told_apart() {
    let all = [
        fragments(json!([{"id": "c0", "function": {"name": "look", "arguments": "{"}}])),
        fragments(json!([{"function": {"arguments": "}"}}])),
        fragments(json!([{"id": "c1", "function": {"name": "look", "arguments": "[]"}}])),
        fragments(json!([{"id": "c0", "function": {"arguments": " "}}])),
        fragments(json!([{"function": {"name": "jump", "arguments": "7"}}])),
        ends("tool_calls"),
    ];
    let expected = [
        named(),
        call(0, "c0", "look", "{}"),
        call(1, "c1", "look", "[]"),
        call(0, "c0", "look", " "),
        call(2, "call_2", "jump", "7"),
        Piece::Finished(Finish::ToolCalls),
    ];
    assert_eq!(pieces(&all), expected);
}

#[test]
fn the_last_usage_counts() {
    let with = |chunk: Value, usage: Value| {
        let mut chunk = chunk;
        chunk["usage"] = usage;
        chunk
    };
    let usage = |output: u64| json!({"prompt_tokens": 9, "completion_tokens": output});
    let all = [
        with(delta(json!({"content": "a"})), usage(1)),
        with(delta(json!({"content": "b"})), usage(2)),
        with(ends("stop"), json!("none")),
        json!(DONE),
    ];
    let tokens = |pieces: &[Piece]| match pieces.last() {
        Some(Piece::Used(reported)) => reported.tokens,
        _ => None,
    };
    assert_eq!(tokens(&pieces(&all)), used(9, 2));
    assert_eq!(pieces(&all).iter().filter(|piece| matches!(piece, Piece::Used(_))).count(), 1);
    // Groq's place for it.
    let mut groq = ends("stop");
    groq["x_groq"] = json!({"id": "req_1", "usage": usage(7)});
    assert_eq!(tokens(&pieces(&[delta(json!({"content": "a"})), groq, json!(DONE)])), used(9, 7));
    // Of a stream that fails, only if nothing was said after it.
    let mut last = delta(json!({"content": "b"}));
    last["error"] = json!({"message": "oh"});
    let (early, _, failure) = hear(&lines(&[all[0].clone(), last.clone()]));
    assert_eq!((tokens(&early), failure.is_some()), (None, true));
    last["usage"] = usage(2);
    assert_eq!(tokens(&hear(&lines(&[all[0].clone(), last])).0), used(9, 2));
}

#[test]
fn errors_are_told_in_clean_words() {
    let said = || delta(json!({"content": "a"}));
    for (error, words) in [
        (
            json!({"error": {"message": "overloaded at http://10.0.0.7/x, see req_1", "code": 502}}),
            "lab failed as it \
            answered: overloaded at [address] see […]",
        ),
        (json!({"error": {"message": "you sent hunter2"}}), "lab failed as it answered"),
        (json!({"error": {"code": "insufficient_quota"}}), "lab has no credit left"),
        (
            json!({"error": {"code": "content_policy_violation"}}),
            "lab stopped: what was asked for is against its content \
            policy",
        ),
        (
            json!({"error": {"code": 429}, "choices": [{"delta": {}, "finish_reason": "error"}]}),
            "lab failed as it answered",
        ),
        (json!({"error": "out of memory"}), "lab failed as it answered: out of memory"),
        (json!({"object": "error", "message": "out of memory"}), "lab failed as it answered: out of memory"),
        (ends("error"), "lab failed as it answered"),
    ] {
        let (pieces, _, failure) = hear(&lines(&[said(), error.clone(), ends("stop")]));
        let failure = failure.unwrap();
        assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::ModelFailed, words), "{error}");
        assert_eq!(pieces, [named(), text("a")], "what was said before is told");
    }
    let event = |data: &str| {
        let event = Event { name: "error".into(), data: data.into() };
        Listening::new("lab", None).event(event, &mut Vec::new()).unwrap_err()
    };
    assert_eq!(event("{\"message\": \"oh\"}").message, "lab failed as it answered: oh");
    assert_eq!(event("{\"error\": {\"message\": \"oh\"}}").message, "lab failed as it answered: oh");
    assert_eq!(event("<html>").message, "lab failed as it answered");
    assert_eq!(pieces(&[json!({"error": null, "choices": []})]), []);
}

#[test]
fn nonsense_is_bad_output() {
    let deep = format!("{{\"choices\": {}", "[".repeat(100_000));
    let many: Vec<_> = (0..200).map(|index| json!({"index": index, "function": {"name": "a"}})).collect();
    let long = "x".repeat(MAX_NAME_BYTES + 1);
    let mut bad = lines(&[
        json!([]),
        json!(7),
        json!(null),
        json!({"choices": {}}),
        json!({"choices": [7]}),
        json!({"choices": [{"delta": "a"}]}),
        json!({"choices": [{"index": -1, "delta": {}}]}),
        delta(json!({"content": 7})),
        delta(json!({"content": ["a"]})),
        fragments(json!({})),
        fragments(json!([{"index": -1}])),
        fragments(json!([{"index": 4_000_000_000_u32, "id": "c", "function": {"name": "a"}}])),
        fragments(json!([{"index": 0, "function": {"arguments": {}}}])),
        fragments(json!([{"index": 0, "id": long}])),
        fragments(json!(many)),
    ]);
    bad.extend(["", "oops", "{\"choices\": [{\"delta\": oops", "<html>", "\u{0}", "{} {}"].map(str::to_owned));
    bad.push(deep);
    for line in bad {
        let (pieces, _, failure) = hear(std::slice::from_ref(&line));
        assert_eq!(
            failure.map(|failure| failure.kind),
            Some(FailureKind::BadOutput),
            "{}",
            &line[..line.len().min(60)]
        );
        assert!(pieces.iter().all(|piece| matches!(piece, Piece::Named(_))), "{pieces:?}");
    }
    let held = fragments(json!([{"index": 0, "function": {"arguments": "x".repeat(MAX_HELD_BYTES / 2 + 1)}}]));
    assert_eq!(hear(&lines(&[held.clone(), held])).2.unwrap().kind, FailureKind::BadOutput);
    let endless_name = json!({"id": "x".repeat(9999), "choices": [{"delta": {"content": "a"}}]});
    assert_eq!(pieces(&[endless_name]), [text("a")]);
}

#[test]
fn an_answer_may_come_whole() {
    let whole = |answer: &Value| Listening::new("lab", None).whole(answer.to_string().as_bytes());
    let usage = json!({"prompt_tokens": 19, "completion_tokens": 2, "cost": 0.25});
    let answer = json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "usage": usage,
        "choices": [{"index": 0, "finish_reason": "tool_calls", "logprobs": null, "message": {"role": "assistant",
            "content": "a sea", "refusal": null, "reasoning_content": "hm", "annotations": [], "tool_calls": [
                {"id": "c0", "type": "function", "function": {"name": "look", "arguments": "{}"}},
                {"id": "c1", "type": "function", "function": {"name": "jump", "arguments": ""}}]}}]});
    let Ok(pieces) = whole(&answer) else { panic!("refused") };
    let said = [
        named(),
        thought("hm"),
        text("a sea"),
        call(0, "c0", "look", "{}"),
        call(1, "c1", "jump", "{}"),
        Piece::Finished(Finish::ToolCalls),
    ];
    assert_eq!(pieces[..6], said);
    let Piece::Used(reported) = &pieces[6] else { panic!("no usage") };
    assert_eq!(reported.cost.map(|cost| cost.get()), Some(250_000_000));
    let silent = json!({"choices": [{"message": {"content": null}, "finish_reason": null}]});
    assert_eq!(whole(&silent), Ok(vec![Piece::Finished(Finish::Other)]));
    for (answer, kind) in [
        (json!({"error": {"message": "oh"}}), FailureKind::ModelFailed),
        (json!({"choices": []}), FailureKind::BadOutput),
        (json!({"choices": [{"delta": {"content": "a"}}]}), FailureKind::BadOutput),
        (json!({"data": [{"url": "https://example.org/a"}]}), FailureKind::BadOutput),
        (json!("a sea"), FailureKind::BadOutput),
    ] {
        assert_eq!(whole(&answer).unwrap_err().kind, kind, "{answer}");
    }
    assert!(Listening::new("lab", None).whole(b"\xff").is_err());
}

/// A stream with everything in it, as bytes.
fn everything() -> Vec<u8> {
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2, "cost": 0.1}});
    let all = [
        delta(json!({"role": "assistant", "reasoning": "hm"})),
        delta(json!({"content": "a \"sea\" \u{1f30a}\n"})),
        fragments(json!([{"index": 0, "id": "c0", "function": {"name": "look", "arguments": "{"}}])),
        fragments(json!([{"index": 0, "function": {"arguments": "}"}}])),
        ends("tool_calls"),
        usage,
        json!(DONE),
    ];
    lines(&all).iter().flat_map(|line| format!(": ping\n\ndata: {line}\n\n").into_bytes()).collect()
}

/// What is heard of a stream that comes in these pieces, told as one, and how it ends.
fn hear_bytes<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Piece>, Option<FailureKind>) {
    let (mut listening, mut stream) = (Listening::new("lab", None), crate::event_stream::EventStream::default());
    let mut pieces = Vec::new();
    for bytes in chunks {
        if let Err(failure) = stream.feed(bytes, |event| listening.event(event, &mut pieces)) {
            return (pieces, Some(failure.kind));
        }
    }
    (pieces, None)
}

proptest! {
    #[test]
    fn a_damaged_stream_is_heard_alike_however_it_comes(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        length in any::<prop::sample::Index>(),
    ) {
        let mut bytes = everything();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes.truncate(length.index(bytes.len()) + 1);
        let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).chain([0, bytes.len()]).collect();
        places.sort_unstable();
        let chunks = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
        prop_assert_eq!(hear_bytes(chunks), hear_bytes([&bytes[..]]));
    }
}

#[test]
fn a_whole_stream_is_heard_whole() {
    let bytes = everything();
    let (pieces, failure) = hear_bytes(bytes.chunks(7));
    assert_eq!((pieces.len(), failure), (6, None), "{pieces:?}");
}

#[test]
fn a_count_that_more_words_follow_is_none() {
    let usage = json!({"id": "chatcmpl-1", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 1}});
    let word = delta(json!({"content": "a"}));
    for end in [&[ends("stop"), DONE.into()][..], &[DONE.into()]] {
        let used = |first: &[Value]| {
            let pieces = pieces(&[first, end].concat());
            pieces.iter().any(|piece| matches!(piece, Piece::Used(_)))
        };
        assert!(used(&[word.clone(), usage.clone()]));
        assert!(used(&[usage.clone(), word.clone(), usage.clone()]));
        assert!(!used(&[usage.clone(), word.clone()]), "a part was counted");
    }
    // As when the connection ends without a word.
    let (mut listening, mut pieces) = (Listening::new("lab", None), Vec::new());
    for line in lines(&[usage, word, ends("stop")]) {
        listening.event(Event { name: "message".into(), data: line.into() }, &mut pieces).unwrap();
    }
    listening.close(&mut pieces);
    assert!(!pieces.iter().any(|piece| matches!(piece, Piece::Used(_))));
}
