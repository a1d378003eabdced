//! Sessions: how they begin, by which cookie they are known, and that they end: at once, everywhere, open streams included.

use crate::{
    chat::{CHAT, ask, talking},
    jobs, setup, studio,
    upload::{blobs, good},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};
use studio_testkit::{
    clock::WallClock,
    cog_worker::Behaviour,
    events::EventReader,
    people::{PASSWORD, Session},
    studio::Studio,
};

const WHO: &str = "/api/v1/auth/session";

async fn who(studio: &Studio, session: &Session) -> StatusCode {
    Studio::send(studio.request_by(session, Method::GET, WHO)).await.unwrap().status
}

async fn post(studio: &Studio, session: &Session, path: &str, body: &Value) -> studio_testkit::studio::Reply {
    Studio::send(studio.request_by(session, Method::POST, path).json(body)).await.unwrap()
}

#[tokio::test]
async fn a_session_is_known_by_its_cookie_and_ends_with_signing_out() {
    let studio = studio();
    let session = studio.set_up().await.unwrap();
    let again = studio.try_to_sign_in("OWNER@localhost", PASSWORD).await.unwrap();
    let cookie = again.header("set-cookie").to_owned();
    assert!(
        cookie.starts_with("studio_session=")
            && cookie.ends_with("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
    assert_eq!(again.header("cache-control"), "no-store");
    let second = Session::of(&again).unwrap();
    assert!(second.cookie != session.cookie && second.csrf != session.csrf, "a new one each time");
    let me = Studio::send(studio.request_by(&second, Method::GET, WHO)).await.unwrap().json();
    assert_eq!(
        (&me["by"], &me["user"]["role"], &me["csrfToken"]),
        (&json!("session"), &json!("owner"), &json!(second.csrf))
    );
    assert_eq!(me["scopes"], json!(["generate", "read", "admin", "account"]));
    // By a key nobody has a session, and a key goes before a cookie.
    let key = studio.get(WHO).await.unwrap().json();
    assert_eq!((&key["by"], &key["csrfToken"]), (&json!("key"), &Value::Null));
    let both = studio.request_by(&second, Method::GET, WHO).bearer_auth("mgs_wrong");
    assert_eq!(Studio::send(both).await.unwrap().status, StatusCode::UNAUTHORIZED);
    assert_eq!(studio.post("/api/v1/auth/logout", &Value::Null).await.unwrap().json()["error"], "no_session");

    let list = Studio::send(studio.request_by(&second, Method::GET, "/api/v1/sessions")).await.unwrap().json();
    let items = list["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["current"], &items[1]["current"]), (2, &json!(true), &json!(false)));
    let out = post(&studio, &second, "/api/v1/auth/logout", &Value::Null).await;
    assert_eq!(out.header("set-cookie"), "studio_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    assert_eq!(who(&studio, &second).await, StatusCode::UNAUTHORIZED);
    let refused = Studio::send(studio.request_by(&second, Method::GET, WHO)).await.unwrap();
    assert!(refused.header("set-cookie").contains("Max-Age=0"), "and a browser forgets it");
    assert_eq!(who(&studio, &session).await, StatusCode::OK, "the other one goes on");
}

#[tokio::test]
async fn by_https_the_cookie_is_another_and_plain_ones_open_nothing() {
    let studio = Studio::start(setup().config("public_url = \"https://studio.example.com\"\n")).unwrap();
    let link = std::fs::read_to_string(studio.data().join("setup-link")).unwrap();
    assert!(link.starts_with("https://studio.example.com/setup/"), "where people come");
    let body = json!({ "token": studio.setup_token().unwrap(), "password": PASSWORD });
    let reply = studio.post_bare("/api/v1/auth/setup", &body).await.unwrap();
    let cookie = reply.header("set-cookie").to_owned();
    assert!(
        cookie.starts_with("__Host-studio_session=")
            && cookie.ends_with("; Path=/; Max-Age=2592000; Secure; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    let session = Session::of(&reply).unwrap();
    assert_eq!(who(&studio, &session).await, StatusCode::OK);
    let plain = Session { cookie: session.cookie.replace("__Host-", ""), ..session.clone() };
    assert_eq!(who(&studio, &plain).await, StatusCode::UNAUTHORIZED);
    let origin = |origin: &str| {
        let request = studio.bare_request(Method::POST, "/api/v1/sessions/revoke-others");
        request.header("Cookie", &session.cookie).header("X-CSRF-Token", &session.csrf).header("Origin", origin)
    };
    let ours = Studio::send(origin("https://studio.example.com")).await.unwrap();
    assert_eq!(ours.status, StatusCode::OK, "{}", ours.json());
    let host = Studio::send(origin(studio.address())).await.unwrap();
    assert_eq!(host.json()["error"], "csrf_refused", "where people come is what counts, not what is written in Host");
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    let clock = WallClock::new().unwrap();
    let studio = Studio::start(clock.given_to(setup())).unwrap();
    let idle = studio.set_up().await.unwrap();
    clock.set(7 * 24 - 1).unwrap();
    // What is used goes on; it is told to the store a little later.
    assert_eq!(who(&studio, &idle).await, StatusCode::OK);
    let used = studio.sign_in("owner@localhost", PASSWORD).await.unwrap();
    let seen = async |wanted: &str| {
        let begun = Instant::now();
        loop {
            let list = Studio::send(studio.request_by(&used, Method::GET, "/api/v1/sessions")).await.unwrap().json();
            let items = list["items"].as_array().unwrap().clone();
            if items.iter().all(|item| item["lastSeenAt"].as_str().unwrap() >= wanted) {
                return items.len();
            }
            assert!(begun.elapsed().as_secs() < 60, "never told: {list}");
        }
    };
    let list = Studio::send(studio.request_by(&used, Method::GET, "/api/v1/sessions")).await.unwrap().json();
    let newest = list["items"][0]["createdAt"].as_str().unwrap().to_owned();
    assert_eq!(seen(&newest[..13]).await, 2);
    clock.set(13 * 24).unwrap();
    assert_eq!(who(&studio, &idle).await, StatusCode::OK, "six days after it was used");
    clock.set(20 * 24 + 2).unwrap();
    assert_eq!(who(&studio, &idle).await, StatusCode::UNAUTHORIZED, "seven days after it was used");
    let last = studio.sign_in("owner@localhost", PASSWORD).await.unwrap();
    let list = Studio::send(studio.request_by(&last, Method::GET, "/api/v1/sessions")).await.unwrap().json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "what is over is gone: {list}");
}

#[tokio::test]
async fn another_password_ends_all_other_sessions() {
    let studio = studio();
    let (first, second) = (studio.set_up().await.unwrap(), studio.sign_in("owner@localhost", PASSWORD).await.unwrap());
    let change = async |current: &str, new: &str| {
        post(&studio, &second, "/api/v1/auth/password", &json!({ "current": current, "new": new })).await
    };
    let wrong = change("not the one that it was", "another mule in the battery").await;
    assert_eq!(
        (wrong.status, &wrong.json()["details"]["fields"][0]["field"]),
        (StatusCode::BAD_REQUEST, &json!("current"))
    );
    for bad in ["short", "OWNER@localhost", "passwordpassword", &"x".repeat(201)] {
        let reply = change(PASSWORD, bad).await;
        assert_eq!(
            (reply.status, &reply.json()["details"]["fields"][0]["field"]),
            (StatusCode::BAD_REQUEST, &json!("new")),
            "{bad}"
        );
    }
    assert_eq!(who(&studio, &first).await, StatusCode::OK, "so far nothing has happened");
    assert_eq!(change(PASSWORD, "another mule in the battery").await.status, StatusCode::OK);
    assert_eq!((who(&studio, &first).await, who(&studio, &second).await), (StatusCode::UNAUTHORIZED, StatusCode::OK));
    assert_eq!(studio.try_to_sign_in("owner@localhost", PASSWORD).await.unwrap().status, StatusCode::UNAUTHORIZED);
    studio.sign_in("owner@localhost", "another mule in the battery").await.unwrap();
    // One by one, and all others.
    let third = studio.sign_in("owner@localhost", "another mule in the battery").await.unwrap();
    let list = Studio::send(studio.request_by(&third, Method::GET, "/api/v1/sessions")).await.unwrap().json();
    let id = list["items"].as_array().unwrap().iter().find(|item| item["current"] == false).unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let end = studio.request_by(&third, Method::DELETE, &format!("/api/v1/sessions/{id}"));
    assert_eq!(Studio::send(end).await.unwrap().status, StatusCode::OK);
    let rest = post(&studio, &third, "/api/v1/sessions/revoke-others", &Value::Null).await.json();
    assert_eq!(rest["ended"], 1);
    assert_eq!((who(&studio, &second).await, who(&studio, &third).await), (StatusCode::UNAUTHORIZED, StatusCode::OK));
}

#[tokio::test]
async fn who_signs_in_again_has_one_session_in_that_browser() {
    let studio = studio();
    let first = studio.set_up().await.unwrap();
    let elsewhere = studio.sign_in("owner@localhost", PASSWORD).await.unwrap();
    let body = json!({ "email": "owner@localhost", "password": PASSWORD });
    let again = studio.request_by(&first, Method::POST, "/api/v1/auth/login").json(&body);
    let again = Session::of(&Studio::send(again).await.unwrap()).unwrap();
    // Whoever has a copy of the cookie of before has nothing.
    assert_eq!(who(&studio, &first).await, StatusCode::UNAUTHORIZED);
    assert_eq!((who(&studio, &again).await, who(&studio, &elsewhere).await), (StatusCode::OK, StatusCode::OK));
}

/// Begins a request and stops before its body: it is signed in once the server asks for that.
fn begun(studio: &Studio, method: &str, path: &str, key: &str, body: &str) -> TcpStream {
    let media_type = if path == "/api/v1/upload" { "application/octet-stream" } else { "application/json" };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: studio\r\nAuthorization: Bearer {key}\r\nContent-Type: {media_type}\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
        body.len()
    );
    studio.connect_and_wait(&head).unwrap()
}

fn ended(mut stream: TcpStream, body: &[u8]) -> String {
    stream.write_all(body).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

#[tokio::test]
async fn what_comes_late_counts_by_the_rights_of_then() {
    let studio = studio();
    studio.invite("admin@example.com", "admin").await.unwrap();
    let key = studio.make_key("admin@example.com", &["--scopes", "generate,read,admin,account"]).unwrap();
    let id = studio.user_id("admin@example.com").await.unwrap();
    let user = format!("/api/v1/users/{id}");
    // One who holds a request back can't take with it what they may no longer.
    let promote = r#"{"role": "admin"}"#;
    let held = begun(&studio, "PATCH", &user, &key, promote);
    let demote = studio.request(Method::PATCH, &user).json(&json!({ "role": "member" }));
    assert_eq!(Studio::send(demote).await.unwrap().status, StatusCode::OK);
    let reply = ended(held, promote.as_bytes());
    assert!(reply.starts_with("HTTP/1.1 403"), "{reply}");
    // Nor leave anything behind: a key that opens for longer, or a file.
    let more = r#"{"name": "successor"}"#;
    let (successor, file) = (begun(&studio, "POST", "/api/v1/keys", &key, more), good("plain.png"));
    let text = "x".repeat(file.len());
    let before = blobs(&studio);
    let upload = begun(&studio, "POST", "/api/v1/upload", &key, &text);
    let disable = studio.request(Method::PATCH, &user).json(&json!({ "disabled": true }));
    assert_eq!(Studio::send(disable).await.unwrap().status, StatusCode::OK);
    for (held, rest) in [(successor, more.as_bytes()), (upload, &file)] {
        let reply = ended(held, rest);
        assert!(reply.starts_with("HTTP/1.1 401"), "{reply}");
    }
    assert_eq!(blobs(&studio), before);
    let keys = studio.run_json(&["key", "list"]).unwrap().to_string();
    assert!(!keys.contains("successor"), "{keys}");
}

#[tokio::test]
async fn whoever_waits_is_shown_nothing_once_their_key_is_revoked() {
    let worker = studio_testkit::cog_worker::CogWorker::start(Behaviour::Async).unwrap();
    let studio = jobs::with_worker(&worker);
    worker.hold();
    let scopes = ["--scopes", "generate,read,account"];
    let made = studio.run_json(&[&["key", "create", "--user", "a@example.com", "--name", "k"], &scopes[..]].concat());
    let made = made.unwrap();
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    let body = json!({ "prompt": "a cat", "modelId": "lab" });
    let asked = studio.request_as(key, Method::POST, crate::IMAGE).header("Prefer", "wait=60").json(&body);
    let (reply, ()) = tokio::join!(Studio::send(asked), async {
        while worker.submissions().is_empty() {
            studio.get("/api/v1/jobs").await.unwrap();
        }
        let revoke = studio.request_as(key, Method::DELETE, &format!("/api/v1/keys/{id}"));
        assert_eq!(Studio::send(revoke).await.unwrap().status, StatusCode::OK);
        worker.release();
    });
    assert_eq!(reply.unwrap().status, StatusCode::UNAUTHORIZED);
}

/// What ends someone's rights, and how it is done.
#[derive(Debug, Clone, Copy)]
enum Ending {
    KeyRevoked,
    KeyRevokedOutside,
    SignedOut,
    Disabled,
    DisabledOutside,
}

/// A stream that was open when its reader's rights ended is closed, and takes no longer than that a person would wait for it.
#[expect(clippy::print_stdout, reason = "what it takes is told, not asserted")]
async fn ends(
    studio: &Studio,
    open: impl Fn(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    path: (Method, String),
    ending: Ending,
    name: &str,
) {
    let email = format!("{name}@example.com");
    let made = studio
        .run_json(&["key", "create", "--user", &email, "--name", "k", "--scopes", "generate,read,account"])
        .unwrap();
    let session = studio.give_password(&email).await.unwrap();
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    let by_session = matches!(ending, Ending::SignedOut | Ending::Disabled);
    let request = match by_session {
        true => studio.request_by(&session, path.0, &path.1),
        false => studio.request_as(key, path.0, &path.1),
    };
    let mut stream = EventReader::open(open(request)).await.unwrap();
    assert!(stream.next().await.is_some());
    match ending {
        Ending::KeyRevoked => {
            let revoke = studio.request_as(key, Method::DELETE, &format!("/api/v1/keys/{id}"));
            assert_eq!(Studio::send(revoke).await.unwrap().status, StatusCode::OK);
        }
        Ending::KeyRevokedOutside => drop(studio.run_json(&["key", "revoke", id]).unwrap()),
        Ending::SignedOut => {
            assert_eq!(post(studio, &session, "/api/v1/auth/logout", &Value::Null).await.status, StatusCode::OK);
        }
        Ending::Disabled => {
            let disable =
                studio.request(Method::PATCH, &format!("/api/v1/users/{}", session.user["id"].as_str().unwrap()));
            assert_eq!(Studio::send(disable.json(&json!({ "disabled": true }))).await.unwrap().status, StatusCode::OK);
        }
        Ending::DisabledOutside => drop(studio.run_json(&["user", "disable", &email]).unwrap()),
    }
    let ended = Instant::now();
    while stream.next().await.is_some() {}
    // By itself it would end after 30 s in which nothing came.
    assert!(ended.elapsed() < Duration::from_secs(20), "{ending:?}: it ended by itself, and not with the rights");
    println!("{ending:?}: the stream ended after {} ms", ended.elapsed().as_millis());
}

const ENDINGS: [Ending; 5] =
    [Ending::KeyRevoked, Ending::KeyRevokedOutside, Ending::SignedOut, Ending::Disabled, Ending::DisabledOutside];

#[tokio::test]
async fn an_open_stream_of_words_ends_with_the_rights_of_its_reader() {
    let (api, studio) = talking();
    api.hold();
    for (n, ending) in ENDINGS.into_iter().enumerate() {
        let mut body = ask("[[pieces 9]] hello");
        body["stream"] = true.into();
        ends(&studio, |request| request.json(&body), (Method::POST, CHAT.into()), ending, &format!("words{n}")).await;
    }
    api.release();
}

#[tokio::test]
async fn an_open_stream_of_events_ends_with_the_rights_of_its_reader() {
    let worker = studio_testkit::cog_worker::CogWorker::start(Behaviour::Async).unwrap();
    let studio = jobs::with_worker(&worker);
    worker.hold();
    for (n, ending) in ENDINGS.into_iter().enumerate() {
        // Each follows a job of their own, which goes on without them.
        let email = format!("events{n}@example.com");
        let key = studio.make_key(&email, &[]).unwrap();
        let request = studio.request_as(&key, Method::POST, crate::IMAGE).header("Prefer", "wait=0").json(&jobs::lab());
        let job = Studio::send(request).await.unwrap().json()["jobId"].as_str().unwrap().to_owned();
        let path = (Method::GET, format!("/api/v1/jobs/{job}/events"));
        ends(&studio, |request| request, path, ending, &format!("events{n}")).await;
    }
    worker.release();
}
