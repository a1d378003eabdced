//! Text that is read while it is made.

use super::*;
use hyper::body::Incoming;

/// One open stream.
struct Listener {
    body: Incoming,
    text: String,
    /// Ends with the listener, and so does its connection.
    _driver: JoinSet<()>,
}

impl Lab {
    /// One whose engine says what it is told to: every word but those that are commands.
    fn of_text() -> Self {
        Self::of(1, None, true)
    }

    async fn listen(&self, id: &str) -> Listener {
        self.listen_as(Method::PUT, &format!("/predictions/{id}"), "text/event-stream").await.expect("no stream")
    }

    async fn listen_as(&self, method: Method, path: &str, accept: &str) -> Result<Listener, u16> {
        let stream = UnixStream::connect(&self.socket).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let mut driver = JoinSet::new();
        driver.spawn(async move { drop(connection.await) });
        let request = Request::builder().method(method).uri(path).header("host", "worker").header("accept", accept);
        let request = request.body(Full::new(Bytes::from_static(br#"{"input": {}}"#))).unwrap();
        let response = sender.send_request(request).await.unwrap();
        if response.headers().get("content-type").is_none_or(|kind| kind != "text/event-stream") {
            return Err(response.status().as_u16());
        }
        Ok(Listener { body: response.into_body(), text: String::new(), _driver: driver })
    }
}

impl Listener {
    /// The next event; none at the end of the stream.
    async fn event(&mut self) -> Option<(String, Value)> {
        while !self.text.contains("\n\n") {
            let frame = self.body.frame().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
        }
        let (event, rest) = self.text.split_once("\n\n").unwrap();
        let (name, data) = event.split_once('\n').unwrap();
        let name = name.strip_prefix("event: ").unwrap().to_owned();
        let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        self.text = rest.to_owned();
        Some((name, data))
    }

    /// Reads until the text ends with `last`.
    async fn until(&mut self, last: &str) -> String {
        let mut text = String::new();
        while !text.ends_with(last) {
            match self.event().await.unwrap() {
                (name, data) if name == "output" => text.push_str(data["chunk"].as_str().unwrap()),
                (name, data) => assert_eq!(name, "start", "{data}"),
            }
        }
        text
    }

    /// The rest of the text, and the prediction at its end.
    async fn rest(mut self) -> (String, Value) {
        let (mut text, mut end) = (String::new(), Value::Null);
        while let Some((name, data)) = self.event().await {
            assert!(end.is_null(), "{name} after the end");
            match &*name {
                "start" => {}
                "output" => text.push_str(data["chunk"].as_str().unwrap()),
                "completed" => end = data,
                name => panic!("{name}"),
            }
        }
        (text, end)
    }
}

/// The text of a prediction object.
fn joined(prediction: &Value) -> String {
    prediction["output"].as_array().unwrap().iter().map(|piece| piece.as_str().unwrap()).collect()
}

#[tokio::test]
async fn each_piece_comes_when_it_is_said_and_the_end_has_all_of_them() {
    let lab = Lab::of_text();
    let mut listener = lab.listen("a").await;
    let start = listener.event().await.unwrap();
    assert_eq!(start, ("start".into(), json!({"id": "a", "status": "processing"})));
    for (index, piece) in ["A sea", " at\n\n", "\"düsk\""].into_iter().enumerate() {
        // Nothing further is said before this one has come.
        lab.say(piece);
        assert_eq!(listener.event().await.unwrap(), ("output".into(), json!({"chunk": piece, "index": index})));
    }
    let meanwhile = lab.get("a", "").await.body;
    assert_eq!(meanwhile["output"], json!(["A sea", " at\n\n", "\"düsk\""]));
    assert_eq!(meanwhile["status"], "processing");
    lab.say("over");
    let (name, end) = listener.event().await.unwrap();
    assert_eq!((&*name, &end["status"], &end["id"]), ("completed", &json!("succeeded"), &json!("a")));
    assert_eq!(end, lab.get("a", "").await.body);
    assert_eq!(joined(&end), "A sea at\n\n\"düsk\"");
    assert!(listener.event().await.is_none());
}

#[tokio::test]
async fn without_the_wish_for_events_the_text_is_the_output() {
    let lab = Lab::of_text();
    for word in ["A ", "sea", "over"] {
        lab.say(word);
    }
    let reply = lab.put("a", "", &json!({"input": {}})).await;
    assert_eq!((reply.status, &reply.body["output"]), (200, &json!(["A ", "sea"])));
    lab.say("over");
    assert_eq!(lab.put("b", "", &json!({"input": {}})).await.body["output"], json!([]), "nothing was said");
}

#[tokio::test]
async fn all_readers_get_the_same_text_however_late_they_come() {
    let lab = Lab::of_text();
    let mut first = lab.listen("a").await;
    lab.say("A sea");
    lab.say(" at");
    let beginning = first.until(" at").await;
    // It missed two pieces and gets them in one event.
    let mut second = lab.listen("a").await;
    assert_eq!(second.event().await.unwrap().0, "start");
    assert_eq!(second.event().await.unwrap().1, json!({"chunk": "A sea at", "index": 0}));
    lab.say(" dusk");
    assert_eq!(second.event().await.unwrap().1, json!({"chunk": " dusk", "index": 2}));
    lab.say("over");
    let ((rest, end), (nothing, same)) = (first.rest().await, second.rest().await);
    assert_eq!((beginning + &rest, nothing), ("A sea at dusk".to_owned(), String::new()));
    assert_eq!(end, same);
    let (again, last) = lab.listen("a").await.rest().await;
    assert_eq!((again, last), ("A sea at dusk".to_owned(), end), "after the end it is told once more");
}

#[tokio::test]
async fn a_stream_of_what_was_canceled_or_broke_ends_with_what_was_said() {
    let lab = Lab::of_text();
    for (id, word, status, error) in [
        ("a", None, "canceled", Value::Null),
        ("b", Some("panic"), "failed", json!("the engine crashed")),
        ("c", Some("fail"), "failed", json!("it rains")),
    ] {
        let mut listener = lab.listen(id).await;
        lab.say("A sea");
        listener.until("A sea").await;
        match word {
            Some(word) => lab.say(word),
            None => {
                lab.ask(Method::POST, &format!("/predictions/{id}/cancel"), "", "").await;
            }
        }
        let (rest, end) = listener.rest().await;
        assert_eq!((&*rest, &end["status"], &end["error"]), ("", &json!(status), &error));
        assert_eq!(joined(&end), "A sea");
        assert_eq!(lab.get(id, "").await.body, end);
    }
}

#[tokio::test]
async fn the_last_reader_who_goes_away_stops_what_was_started_for_readers() {
    let lab = Lab::of_text();
    let mut first = lab.listen("a").await;
    let mut second = lab.listen("a").await;
    lab.say("A");
    first.until("A").await;
    drop(first);
    lab.say(" sea");
    assert_eq!(second.until("sea").await, "A sea", "one of them still reads");
    drop(second);
    let end =
        tokio::time::timeout(Duration::from_secs(5), lab.end("a")).await.expect("nobody reads and it goes on").body;
    assert_eq!((&end["status"], joined(&end)), (&json!("canceled"), "A sea".to_owned()));
    assert_eq!(lab.health().await, "READY");

    lab.put("b", "respond-async", &json!({"input": {}})).await;
    lab.say("A");
    let mut passing = lab.listen("b").await;
    passing.until("A").await;
    drop(passing);
    lab.say(" sea");
    lab.say("over");
    assert_eq!(lab.end("b").await.body["output"], json!(["A", " sea"]), "it was not started for readers");
}

#[tokio::test]
async fn who_says_too_much_fails_and_what_fits_is_kept() {
    let lab = Lab::of_text();
    let listener = lab.listen("a").await;
    lab.say("flood");
    lab.say("over");
    let (text, end) = listener.rest().await;
    assert_eq!((&end["status"], &end["error"]), (&json!("failed"), &json!("the engine said more than it may")));
    assert!(text.len() > said::MOST_BYTES - 100 && text.len() <= said::MOST_BYTES, "{}", text.len());
    assert_eq!(text, joined(&end));
}

#[tokio::test]
async fn only_text_can_be_streamed_and_only_to_whom_wants_it() {
    let lab = Lab::new(1, None);
    let refused = lab.listen_as(Method::PUT, "/predictions/a", "text/event-stream").await;
    assert_eq!(refused.err(), Some(406));
    assert_eq!(lab.get("a", "").await.status, 404, "nothing was started");

    let lab = Lab::of_text();
    for accept in ["*/*", "application/json", "text/plain"] {
        lab.say("over");
        assert_eq!(lab.listen_as(Method::POST, "/predictions", accept).await.err(), Some(200), "{accept}");
    }
    lab.say("A sea");
    lab.say("over");
    let listener = lab.listen_as(Method::POST, "/predictions", "application/json, Text/Event-Stream;q=0.9").await;
    assert_eq!(listener.ok().unwrap().rest().await.0, "A sea");
    let busy = lab.listen("b").await;
    assert_eq!(lab.listen_as(Method::PUT, "/predictions/c", "text/event-stream").await.err(), Some(409));
    drop(busy);
}
