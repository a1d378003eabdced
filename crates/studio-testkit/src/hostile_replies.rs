//! What no honest provider answers (promise 48): bombs, floods, lies, nonsense. Each by its name, as it goes over the wire.

use crate::{
    raw_http::PNG,
    scripted::{Part, opened, whole},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// OpenAI's API, pictures.
    ApiImage,
    /// Its chats.
    ApiChat,
    /// A Cog worker's pictures.
    CogImage,
    /// Its conversations.
    CogChat,
}

/// All of them.
pub const WIRES: [Wire; 4] = [Wire::ApiImage, Wire::ApiChat, Wire::CogImage, Wire::CogChat];

/// One hostile answer.
pub struct Hostile {
    /// Its name.
    pub name: &'static str,
    /// What is written.
    pub parts: Vec<Part>,
    /// Whether the answer is still an answer, whatever else comes with it.
    pub may_succeed: bool,
}

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";
const PAGE: &[u8] = b"<!doctype html><title>Sign in</title><h1>Please sign in to this network</h1>";

impl Wire {
    /// Where it is asked.
    pub fn path(self) -> &'static str {
        match self {
            Self::ApiImage => "/v1/images/generations",
            Self::ApiChat => "/v1/chat/completions",
            Self::CogImage | Self::CogChat => "/predictions/",
        }
    }

    fn is_image(self) -> bool {
        matches!(self, Self::ApiImage | Self::CogImage)
    }

    /// The beginning of an answer, up to where its main value stands.
    fn begun(self) -> &'static str {
        match self {
            Self::ApiImage => r#"{"data":"#,
            Self::ApiChat => r#"{"object":"chat.completion","choices":"#,
            Self::CogImage | Self::CogChat => r#"{"status":"succeeded","output":"#,
        }
    }

    /// An answer that is right.
    pub fn honest(self) -> Vec<Part> {
        whole(200, JSON, self.body(&STANDARD.encode(PNG)).as_bytes())
    }

    /// A whole answer with this picture in base64, or this text.
    fn body(self, what: &str) -> String {
        let value = match self {
            Self::ApiImage => json!([{ "b64_json": what }]),
            Self::ApiChat => {
                json!([{ "index": 0, "message": { "role": "assistant", "content": what }, "finish_reason": "stop" }])
            }
            Self::CogImage => json!([format!("data:image/png;base64,{what}")]),
            Self::CogChat => json!([what]),
        };
        format!("{}{value}}}", self.begun())
    }

    /// Everything hostile that is told to this wire. `page` is where a picture should be, on the same server.
    pub fn hostile(self, origin: &str) -> Vec<Hostile> {
        let mut all = of_http(self);
        all.extend(of_json(self));
        if self.is_image() {
            all.extend(of_pictures(self, origin));
        } else {
            all.extend(of_words(self));
        }
        all
    }
}

fn bad(name: &'static str, parts: Vec<Part>) -> Hostile {
    Hostile { name, parts, may_succeed: false }
}

fn odd(name: &'static str, parts: Vec<Part>) -> Hostile {
    Hostile { name, parts, may_succeed: true }
}

fn raw(text: &str) -> Part {
    Part::Bytes(text.as_bytes().to_vec())
}

fn endless(bytes: &[u8]) -> Part {
    Part::Times(u64::MAX, bytes.repeat(((64 << 10) / bytes.len()).max(1)))
}

/// Lies about what comes, whatever it is.
fn of_http(wire: Wire) -> Vec<Hostile> {
    let honest = wire.body(&STANDARD.encode(PNG));
    let head = |headers: &str| raw(&format!("HTTP/1.1 200 OK\r\nContent-Type: {JSON}\r\n{headers}\r\n"));
    let with = |headers: &str, body: &str| vec![head(headers), raw(body)];
    let many: String = (0..300).map(|at| format!("X-Flood-{at}: x\r\n")).collect();
    vec![
        bad("a page instead of JSON", whole(200, "text/html", PAGE)),
        bad("a page that calls itself JSON", whole(200, JSON, PAGE)),
        bad("no body", whole(200, JSON, b"")),
        bad("no content", vec![raw("HTTP/1.1 204 No Content\r\n\r\n")]),
        bad("nothing at all", Vec::new()),
        bad("what is no HTTP", vec![raw("220 mail.example ESMTP\r\n")]),
        bad("a head without end", vec![raw("HTTP/1.1 200 OK\r\n"), endless(b"X-Flood: aaaaaaaa\r\n")]),
        bad("a header without end", vec![raw("HTTP/1.1 200 OK\r\nX-Flood: "), endless(b"a")]),
        bad("more headers than anyone needs", with(&format!("{many}Content-Length: {}\r\n", honest.len()), &honest)),
        bad("1xx without end", vec![endless(b"HTTP/1.1 102 Processing\r\n\r\n")]),
        bad("an informational answer and no other", vec![raw("HTTP/1.1 103 Early\r\n\r\n"), Part::Silence]),
        bad("a status that is none", vec![raw("HTTP/1.1 2000 OK\r\n\r\n")]),
        bad("half of what was announced", with(&format!("Content-Length: {}\r\n", honest.len() + 7), &honest)),
        bad("the announced end before the end", with("Content-Length: 9\r\n", &honest)),
        bad("an absurd length", with("Content-Length: 9999999999999\r\n", &honest)),
        bad("a negative length", with("Content-Length: -1\r\n", &honest)),
        bad("two lengths", with("Content-Length: 5\r\nContent-Length: 7\r\n", &honest)),
        bad("chunks that are none", with("Transfer-Encoding: chunked\r\n", "zz\r\nnonsense\r\n")),
        bad("a chunk of absurd size", with("Transfer-Encoding: chunked\r\n", "FFFFFFFFFFFFFFFFFF\r\n{")),
        bad("a chunk's extension without end", vec![head("Transfer-Encoding: chunked\r\n"), raw("5;"), endless(b"a")]),
        bad(
            "a compressed body that nobody asked for",
            with("Content-Encoding: gzip\r\nContent-Length: 4\r\n", "\x1f\x08\0\0"),
        ),
        bad("a body without end", vec![opened(JSON, "", wire.begun()), endless(b" ")]),
        bad(
            "a body that comes drop by drop",
            vec![opened(JSON, "", wire.begun()), Part::Drip(u64::MAX, b" ".to_vec(), 100)],
        ),
        bad("a body that falls silent", vec![opened(JSON, "", wire.begun()), Part::Silence]),
        bad("a redirect to somewhere else", crate::scripted::redirect("http://127.0.0.1:9/")),
        bad("a redirect to itself", crate::scripted::redirect(wire.path())),
    ]
}

/// JSON that is none, or too much of it.
fn of_json(wire: Wire) -> Vec<Hostile> {
    let begun = wire.begun();
    let list = |item: &[u8], times: usize| {
        vec![opened(JSON, "", begun), raw("["), Part::Bytes(item.repeat(times)), raw("0]}")]
    };
    let honest = wire.body("x");
    let twice = format!("{},{}", &honest[..honest.len() - 1], &honest[1..]);
    let mut bytes = honest.clone().into_bytes();
    bytes.extend_from_slice(b"\xff\xfe");
    vec![
        bad("lists in lists", vec![opened(JSON, "", begun), Part::Bytes(b"[".repeat(1 << 20))]),
        bad("objects in objects", vec![opened(JSON, "", begun), Part::Bytes(b"{\"a\":".repeat(1 << 20))]),
        bad("lists in lists, in what nobody reads", {
            let deep = [&b"{\"new\":"[..], &b"[".repeat(1 << 20), &b"]".repeat(1 << 20), b"}"].concat();
            whole(200, JSON, &deep)
        }),
        bad("a number without end", vec![opened(JSON, "", begun), Part::Bytes(b"9".repeat(4 << 20)), raw("}")]),
        bad("an absurd number", whole(200, JSON, format!("{begun}1e999999999}}").as_bytes())),
        bad(
            "a text of 65 MiB",
            vec![opened(JSON, "", begun), raw("\""), Part::Times(65, vec![b'a'; 1 << 20]), raw("\"}")],
        ),
        bad("a million zeros", list(b"0,", 1_000_000)),
        bad("a million nothings", list(b"null,", 1_000_000)),
        bad("a million empty objects", list(b"{},", 1_000_000)),
        bad("five million empty objects", list(b"{},", 5_000_000)),
        bad("a million empty texts", list(b"\"\",", 1_000_000)),
        bad("a million empty lists", list(b"[],", 1_000_000)),
        bad("five million items in an error", {
            let zeros = b"0,".repeat(5_000_000);
            whole(
                200,
                JSON,
                &[&b"{\"status\":\"failed\",\"object\":\"error\",\"error\":["[..], &zeros, b"0]}"].concat(),
            )
        }),
        bad("five million items in a refusal", {
            let zeros = b"0,".repeat(5_000_000);
            whole(400, JSON, &[&b"{\"detail\":["[..], &zeros, b"0],\"error\":{}}"].concat())
        }),
        bad("the same field twice", whole(200, JSON, twice.as_bytes())),
        bad("bytes that are no text", whole(200, JSON, &bytes)),
        bad("a text that is no text", whole(200, JSON, &[begun.as_bytes(), b"\"\xff\xfe\"}"].concat())),
        bad("half a letter", whole(200, JSON, format!("{begun}\"\\ud800\"}}").as_bytes())),
        bad("null", whole(200, JSON, b"null")),
        bad("JSON after JSON", whole(200, JSON, format!("{honest}{honest}").as_bytes())),
    ]
}

/// Pictures that are none.
fn of_pictures(wire: Wire, origin: &str) -> Vec<Hostile> {
    let inline = |bytes: &[u8]| whole(200, JSON, wire.body(&STANDARD.encode(bytes)).as_bytes());
    let at = |url: &str| {
        let value = if wire == Wire::ApiImage { json!([{ "url": url }]) } else { json!([url]) };
        whole(200, JSON, format!("{}{value}}}", wire.begun()).as_bytes())
    };
    // A picture that says it has 4·10⁹ × 4·10⁹ pixels.
    let bomb = [&PNG[..16], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], &PNG[24..]].concat();
    let many = |count: usize| {
        let one = if wire == Wire::ApiImage {
            json!({ "b64_json": "iVBORw0KGgo=" })
        } else {
            json!("data:;base64,iVBORw0KGgo=")
        };
        whole(200, JSON, format!("{}{}}}", wire.begun(), json!(vec![one; count])).as_bytes())
    };
    vec![
        bad("base64 that is none", whole(200, JSON, wire.body("%%%%").as_bytes())),
        bad("a page in base64", inline(PAGE)),
        bad("nothing in base64", inline(b"")),
        odd("a picture of absurd size", inline(&bomb)),
        bad("nothing", whole(200, JSON, format!("{}[]}}", wire.begun()).as_bytes())),
        bad("seventeen pictures", many(17)),
        bad("a hundred thousand pictures", many(100_000)),
        bad("a picture at a private address", at("http://10.0.0.1/x.png")),
        bad("a picture at the metadata of a cloud", at("http://169.254.169.254/latest/meta-data/")),
        bad("a picture on this machine", at("http://127.0.0.1:9/x.png")),
        bad("a picture in a file", at("file:///etc/passwd")),
        bad("a picture at an address of 9 KiB", at(&format!("{origin}/{}", "x".repeat(9000)))),
        bad("a page where the picture should be", at(&format!("{origin}/page"))),
        bad("a picture that redirects to itself", at(&format!("{origin}/round"))),
        bad("a picture that redirects inside", at(&format!("{origin}/inside"))),
        bad("a picture without end", at(&format!("{origin}/endless"))),
    ]
}

/// The answers at the addresses that [`of_pictures`] names: a path and what is there.
pub fn places() -> Vec<(&'static str, Vec<Part>)> {
    vec![
        ("/page", whole(200, "image/png", PAGE)),
        ("/round", crate::scripted::redirect("/round")),
        ("/inside", crate::scripted::redirect("http://127.0.0.1:9/")),
        ("/endless", vec![opened("image/png", "", ""), Part::Bytes(PNG.to_vec()), endless(b"\0")]),
    ]
}

/// Words that have no end, or are none.
fn of_words(wire: Wire) -> Vec<Hostile> {
    let events = |text: &str| opened(EVENTS, "", text);
    let chunk = |delta: serde_json::Value| match wire {
        Wire::ApiChat => format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "delta": delta }] })),
        _ => format!("event: output\ndata: {}\n\n", json!({ "chunk": delta["content"].as_str().unwrap_or_default() })),
    };
    let end = match wire {
        Wire::ApiChat => "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        _ => "event: completed\ndata: {\"status\":\"succeeded\"}\n\n",
    };
    let mut all = vec![
        bad("an event of 100 MiB in one line", vec![events("data: "), Part::Times(100, vec![b'a'; 1 << 20])]),
        bad("an event of a hundred million lines", vec![events(""), endless(b"data:\n")]),
        bad("a name without end", vec![events("event: "), endless(b"a")]),
        bad("comments without end", vec![events(""), endless(b": still here\n\n")]),
        bad("empty lines without end", vec![events(""), endless(b"\n")]),
        bad("events that nobody knows, without end", vec![events(""), endless(b"event: news\ndata: {}\n\n")]),
        bad("words without end", vec![events(""), endless(chunk(json!({ "content": "word " })).as_bytes())]),
        bad("one word of 900 KB after another", {
            vec![events(""), endless(chunk(json!({ "content": "a".repeat(900_000) })).as_bytes())]
        }),
        bad("events that are a page", vec![events("data: <html>\n\n")]),
        bad("an empty stream", vec![events("")]),
        bad("a stream that breaks off", vec![events(&chunk(json!({ "content": "word " })))]),
        odd("words that are no text", vec![events(""), Part::Bytes(b"data: \xff\xfe\n\n".to_vec()), raw(end)]),
    ];
    if wire == Wire::ApiChat {
        let calls = |call: &str, times: usize| {
            let list = vec![call; times].join(",");
            raw(&format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"tool_calls\":[{list}]}}}}]}}\n\n"))
        };
        let usage = |usage: serde_json::Value| {
            let word = chunk(json!({ "content": "word " }));
            let last = json!({ "choices": [], "usage": usage });
            vec![events(&format!("{word}{end}data: {last}\n\ndata: [DONE]\n\n"))]
        };
        all.extend([
            bad("more calls than anyone could make", vec![events(""), calls("{\"index\":4000000000}", 1)]),
            bad("a hundred thousand calls at once", vec![events(""), calls("{}", 100_000)]),
            bad("calls without end", {
                let call = r#"{"index":0,"id":"a","function":{"name":"look","arguments":"{{{{{{{{"}}"#;
                vec![
                    events(""),
                    endless(
                        format!("data: {{\"choices\":[{{\"delta\":{{\"tool_calls\":[{call}]}}}}]}}\n\n").as_bytes(),
                    ),
                ]
            }),
            bad("arguments of a call without a name", {
                let call = format!(r#"{{"index":0,"function":{{"arguments":"{}"}}}}"#, "a".repeat(500_000));
                vec![events(""), calls(&call, 1), calls(&call, 1), calls(&call, 1)]
            }),
            odd("a negative bill", usage(json!({ "prompt_tokens": -5, "completion_tokens": -7, "cost": -1 }))),
            odd(
                "an absurd bill",
                usage(json!({ "prompt_tokens": 1e300, "completion_tokens": u64::MAX, "cost": 1e300 })),
            ),
            odd(
                "a bill of a million dollars",
                usage(json!({ "prompt_tokens": 9, "completion_tokens": 9, "cost": 999_999.0 })),
            ),
            odd("a bill that is no bill", usage(json!([[[["prompt_tokens"]]]]))),
            odd("a bill of words", usage(json!({ "prompt_tokens": "many", "completion_tokens": {}, "cost": "all" }))),
            bad("more answers than anyone asked for", {
                let choices = "{\"index\":1},".repeat(1_000_000);
                whole(200, JSON, format!("{}[{choices}{{\"index\":1}}]}}", wire.begun()).as_bytes())
            }),
        ]);
    }
    all
}
