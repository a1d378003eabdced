//! A real server on a real socket, and engines that do what a test tells them to.

mod stream;

use super::*;
use crate::engine::{Engine, EngineError, OutputFile, Work};
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::sync::{Mutex, mpsc::RecvTimeoutError};
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, UnixListener, UnixStream},
    runtime::Handle,
    sync::mpsc,
    task::JoinSet,
};

/// Waits at `gate` for a word of the test and then does what it says.
struct Puppet {
    gate: Arc<Mutex<std::sync::mpsc::Receiver<&'static str>>>,
    says_text: bool,
}

impl Engine for Puppet {
    fn name(&self) -> &'static str {
        "puppet"
    }

    fn says_text(&self) -> bool {
        self.says_text
    }

    fn prepare(&self, input: &Map<String, Value>) -> Result<Work, Vec<InputFault>> {
        if let Some(name) = input.keys().find(|name| *name != "size") {
            return Err(vec![InputFault { field: name.clone(), allowed: "is not an input".into() }]);
        }
        let size = input.get("size").and_then(Value::as_u64).unwrap_or(4);
        let gate = self.gate.clone();
        Ok(Box::new(move |report| {
            // What it said last stays said, so that whoever asks late sees it too.
            let mut said = (0.0, "waiting");
            loop {
                let told = gate.lock().unwrap().recv_timeout(Duration::from_millis(5));
                match told {
                    Ok("work") => said = (0.5, "half way"),
                    Ok("panic") => panic!("on purpose"),
                    Ok("fail") => return Err(EngineError::Failed("it rains".into())),
                    Ok("flood") => while report.say("All work and no play. ") {},
                    Ok("done") => break,
                    Ok("over") => return Ok(Vec::new()),
                    Ok(piece) => {
                        report.say(piece);
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    // Its test is over.
                    Err(RecvTimeoutError::Disconnected) => return Err(EngineError::Canceled),
                }
                if !report.progress(said.0, said.1) {
                    return Err(EngineError::Canceled);
                }
            }
            let bytes = vec![7; usize::try_from(size).unwrap()];
            let file = |name: &str| OutputFile { name: name.into(), media_type: "image/png", bytes: bytes.clone() };
            Ok(vec![file("0.png"), file("1.png")])
        }))
    }
}

struct Lab {
    socket: std::path::PathBuf,
    word: std::sync::mpsc::Sender<&'static str>,
    token: Option<&'static str>,
    _tasks: JoinSet<()>,
    _folder: TempDir,
}

struct Reply {
    status: u16,
    body: Value,
}

impl Lab {
    fn new(slots: usize, token: Option<&'static str>) -> Self {
        Self::of(slots, token, false)
    }

    fn of(slots: usize, token: Option<&'static str>, says_text: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("w.sock");
        let (word, gate) = std::sync::mpsc::channel();
        let engine = Arc::new(Puppet { gate: Arc::new(Mutex::new(gate)), says_text });
        let app = router(Predictions::new(engine, slots, Handle::current()), token.map(Token::new));
        let listener = UnixListener::bind(&socket).unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { socket, word, token, _tasks: tasks, _folder: folder }
    }

    async fn ask(&self, method: Method, path: &str, prefer: &str, body: &str) -> Reply {
        let stream = UnixStream::connect(&self.socket).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let mut driver = JoinSet::new();
        driver.spawn(async move { drop(connection.await) });
        let mut request = Request::builder().method(method).uri(path).header("host", "worker").header("prefer", prefer);
        if let Some(token) = self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        let response = sender.send_request(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Reply { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
    }

    async fn put(&self, id: &str, prefer: &str, body: &Value) -> Reply {
        self.ask(Method::PUT, &format!("/predictions/{id}"), prefer, &body.to_string()).await
    }

    async fn get(&self, id: &str, prefer: &str) -> Reply {
        self.ask(Method::GET, &format!("/predictions/{id}"), prefer, "").await
    }

    async fn health(&self) -> Value {
        self.ask(Method::GET, "/health-check", "", "").await.body["status"].clone()
    }

    fn say(&self, word: &'static str) {
        self.word.send(word).unwrap();
    }

    /// Asks until it is over.
    async fn end(&self, id: &str) -> Reply {
        loop {
            let reply = self.get(id, "wait=20").await;
            if ["succeeded", "failed", "canceled"].iter().any(|status| reply.body["status"] == *status) {
                return reply;
            }
        }
    }
}

#[tokio::test]
async fn a_synchronous_prediction_answers_with_its_result() {
    let lab = Lab::new(1, None);
    assert_eq!(lab.health().await, "READY");
    lab.say("done");
    let reply = lab.put("a", "", &json!({"input": {"size": 3}})).await;
    assert_eq!((reply.status, &reply.body["status"], &reply.body["id"]), (200, &json!("succeeded"), &json!("a")));
    assert_eq!(reply.body["output"], json!(["data:image/png;base64,BwcH", "data:image/png;base64,BwcH"]));
    assert!(reply.body["metrics"]["predict_time"].is_f64());
}

#[tokio::test]
async fn an_asynchronous_prediction_is_followed_to_its_end() {
    let lab = Lab::new(1, None);
    let reply = lab.put("a", "respond-async", &json!({"input": {}})).await;
    assert_eq!(reply.status, 202);
    assert!(reply.body["output"].is_null());
    assert_eq!(lab.health().await, "BUSY");
    assert_eq!(lab.get("a", "").await.status, 200);
    let waiting = async {
        loop {
            // Short: what was news before this question is none to it.
            let reply = lab.get("a", "wait=1").await;
            if reply.body["stage"] == "half way" {
                return reply;
            }
        }
    };
    lab.say("work");
    let news = waiting.await;
    assert_eq!((&news.body["status"], &news.body["progress"]), (&json!("processing"), &json!(0.5)));
    lab.say("done");
    assert_eq!(lab.end("a").await.body["status"], "succeeded");
    assert_eq!(lab.health().await, "READY");
}

#[tokio::test]
async fn the_same_id_is_the_same_prediction_while_it_runs_and_after_its_end() {
    let lab = Lab::new(1, None);
    lab.put("a", "respond-async", &json!({"input": {}})).await;
    // No slot is free, and a synchronous repeat does not wait: Cog answers with the state as it is.
    let repeat = lab.put("a", "", &json!({"input": {}})).await;
    assert_eq!((repeat.status, &repeat.body["id"]), (202, &json!("a")));
    lab.say("done");
    let end = lab.end("a").await;
    // It would wait for a word for ever if it ran again.
    let body = json!({"input": {}});
    let late = tokio::time::timeout(Duration::from_secs(5), lab.put("a", "", &body)).await.expect("it ran again");
    assert_eq!((late.status, &late.body["output"]), (200, &end.body["output"]));
    assert_eq!(lab.put("a", "respond-async", &json!({"input": {}})).await.status, 200);
}

#[tokio::test]
async fn all_slots_used_is_a_conflict_and_an_end_frees_one() {
    let lab = Lab::new(2, None);
    for id in ["a", "b"] {
        assert_eq!(lab.put(id, "respond-async", &json!({"input": {}})).await.status, 202);
    }
    assert_eq!(lab.put("c", "respond-async", &json!({"input": {}})).await.status, 409);
    assert_eq!(lab.get("c", "").await.status, 404, "nothing was started");
    lab.ask(Method::POST, "/predictions/a/cancel", "", "").await;
    lab.end("a").await;
    assert_eq!(lab.put("c", "respond-async", &json!({"input": {}})).await.status, 202);
}

#[tokio::test]
async fn a_cancel_stops_the_work() {
    let lab = Lab::new(1, None);
    lab.put("a", "respond-async", &json!({"input": {}})).await;
    assert_eq!(lab.ask(Method::POST, "/predictions/b/cancel", "", "").await.status, 404);
    assert_eq!(lab.ask(Method::POST, "/predictions/a/cancel", "", "").await.status, 200);
    let end = lab.end("a").await;
    assert_eq!((&end.body["status"], &end.body["output"]), (&json!("canceled"), &Value::Null));
    assert_eq!(lab.ask(Method::POST, "/predictions/a/cancel", "", "").await.status, 200, "late is no error");
}

#[tokio::test]
async fn an_engine_that_fails_or_panics_ends_its_prediction_and_nothing_else() {
    let lab = Lab::new(1, None);
    for (id, word, error) in [("a", "fail", "it rains"), ("b", "panic", "the engine crashed")] {
        lab.say(word);
        let reply = lab.put(id, "", &json!({"input": {}})).await;
        assert_eq!((reply.status, &reply.body["status"], &reply.body["error"]), (200, &json!("failed"), &json!(error)));
    }
    lab.say("done");
    assert_eq!(lab.put("c", "", &json!({"input": {}})).await.body["status"], "succeeded", "its slot is free");
}

#[tokio::test]
async fn bad_requests_are_named_and_start_nothing() {
    let lab = Lab::new(1, None);
    let long = "x".repeat(MAX_ID_CHARS + 1);
    for (id, body, field) in [
        ("a", r#"{"input": {"colour": 1}}"#, "colour"),
        ("a", r#"{"input": 7}"#, "body"),
        ("a", "[", "body"),
        ("a", "", "body"),
        ("a", r#"{"input": {}, "output_file_prefix": "https://x/"}"#, "output_file_prefix"),
        ("a%20b", r#"{"input": {}}"#, "id"),
        (&long, r#"{"input": {}}"#, "id"),
    ] {
        let reply = lab.ask(Method::PUT, &format!("/predictions/{id}"), "", body).await;
        assert_eq!((reply.status, &reply.body["detail"][0]["loc"][2]), (422, &json!(field)), "{id} {body}");
    }
    let large = format!(r#"{{"input": {{"x": "{}"}}}}"#, "x".repeat(BODY_LIMIT));
    assert_eq!(lab.ask(Method::PUT, "/predictions/a", "", &large).await.status, 413);
    assert_eq!(lab.ask(Method::GET, "/nowhere", "", "").await.status, 404);
    assert_eq!(lab.ask(Method::DELETE, "/predictions/a", "", "").await.status, 405);
    assert_eq!(lab.get("a", "").await.status, 404);
    assert_eq!(lab.health().await, "READY");
}

#[tokio::test]
async fn a_poll_without_news_answers_with_the_state_as_it_is() {
    let lab = Lab::new(1, None);
    lab.put("a", "respond-async", &json!({"input": {}})).await;
    while lab.get("a", "").await.body["stage"] != "waiting" {
        tokio::task::yield_now().await;
    }
    assert_eq!(lab.get("a", "wait=1").await.body["status"], "processing");
}

#[tokio::test]
async fn without_its_token_a_worker_does_nothing() {
    let mut lab = Lab::new(1, Some("right"));
    assert_eq!(lab.health().await, "READY");
    for token in [None, Some("wrong"), Some("")] {
        lab.token = token;
        assert_eq!(lab.ask(Method::GET, "/health-check", "", "").await.status, 401);
        assert_eq!(lab.put("a", "", &json!({"input": {}})).await.status, 401);
    }
}

#[tokio::test]
async fn too_many_ended_predictions_are_forgotten_oldest_first() {
    let lab = Lab::new(1, None);
    // Two files of this size make more than a third of what is remembered.
    let body = json!({"input": {"size": 9 << 20}});
    for id in ["a", "b", "c"] {
        lab.say("done");
        assert_eq!(lab.put(id, "", &body).await.status, 200);
    }
    let known = [lab.get("a", "").await.status, lab.get("b", "").await.status, lab.get("c", "").await.status];
    assert_eq!(known, [404, 200, 200]);
}

/// Takes uploads and says what came.
async fn receiver(answers: &'static [&'static str]) -> (String, mpsc::UnboundedReceiver<String>, JoinSet<()>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/up", listener.local_addr().unwrap());
    let (tell, told) = mpsc::unbounded_channel();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let last = answers.last().unwrap();
        for answer in answers.iter().chain(std::iter::repeat(last)) {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut text = Vec::new();
            // The files are five sevens long.
            while !text.ends_with(&[7; 5]) {
                stream.read_buf(&mut text).await.unwrap();
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            tell.send(String::from_utf8_lossy(&text).to_lowercase()).unwrap();
        }
    });
    (base, told, tasks)
}

#[tokio::test]
async fn files_are_uploaded_where_the_caller_wants_them() {
    let lab = Lab::new(1, None);
    let (base, mut told, _tasks) = receiver(&["HTTP/1.1 204 Fine\r\n\r\n"]).await;
    lab.say("done");
    let reply = lab.put("a", "", &json!({"input": {"size": 5}, "output_file_prefix": base})).await;
    assert_eq!(reply.body["output"], json!([format!("{base}/0.png"), format!("{base}/1.png")]), "{:?}", reply.body);
    for name in ["0", "1"] {
        let seen = told.recv().await.unwrap();
        assert!(seen.starts_with(&format!("put /up/{name}.png http/1.1\r\n")), "{seen}");
        assert!(seen.contains("content-type: image/png\r\n") && seen.contains("content-length: 5\r\n"), "{seen}");
    }

    let (base, _told, _tasks) =
        receiver(&["HTTP/1.1 201 Made\r\nLocation: http://x/y\r\nContent-Length: 0\r\n\r\n"]).await;
    lab.say("done");
    let reply = lab.put("b", "", &json!({"input": {"size": 5}, "output_file_prefix": base})).await;
    assert_eq!(reply.body["output"], json!(["http://x/y", "http://x/y"]), "the receiver knows better");
}

#[tokio::test]
async fn an_upload_that_is_refused_for_good_is_a_failed_prediction() {
    let lab = Lab::new(1, None);
    let (refusing, _told, _tasks) = receiver(&["HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n"]).await;
    lab.say("done");
    let reply = lab.put("a", "", &json!({"input": {"size": 5}, "output_file_prefix": refusing})).await;
    assert_eq!(reply.body["status"], "failed");
    assert!(reply.body["error"].as_str().unwrap().contains("404"), "{:?}", reply.body);
}

#[tokio::test]
async fn a_receiver_that_is_full_or_breaks_is_waited_for() {
    let lab = Lab::new(1, None);
    const FULL: &str = "HTTP/1.1 507 Full\r\nContent-Length: 0\r\n\r\n";
    let (base, mut told, _tasks) = receiver(&[FULL, "", "HTTP/1.1 204 Fine\r\n\r\n"]).await;
    lab.say("done");
    let reply = lab.put("a", "", &json!({"input": {"size": 5}, "output_file_prefix": base})).await;
    assert_eq!(reply.body["status"], "succeeded", "{:?}", reply.body);
    for name in ["0", "0", "0", "1"] {
        assert!(told.recv().await.unwrap().starts_with(&format!("put /up/{name}.png")));
    }
}

#[tokio::test]
async fn waiting_to_deliver_can_be_canceled() {
    let lab = Lab::new(1, None);
    let gone = format!("http://{}/", TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap());
    lab.say("done");
    lab.put("a", "respond-async", &json!({"input": {"size": 5}, "output_file_prefix": gone})).await;
    while lab.get("a", "wait=1").await.body["stage"] != "waiting to deliver" {}
    lab.ask(Method::POST, "/predictions/a/cancel", "", "").await;
    assert_eq!(lab.end("a").await.body["status"], "canceled");
}
