//! People: set up, invited, given roles, disabled; their keys; and that it is told who did what.

use crate::{IMAGE, setup, small, studio};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{collections::BTreeSet, os::unix::fs::PermissionsExt};
use studio_testkit::{
    clock::WallClock,
    people::{PASSWORD, Session},
    studio::{Reply, Studio},
};

async fn send(studio: &Studio, session: &Session, method: Method, path: &str, body: &Value) -> Reply {
    Studio::send(studio.request_by(session, method, path).json(body)).await.unwrap()
}

#[track_caller]
fn assert_refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status.as_u16(), reply.json()["error"].as_str()), (status, Some(code)), "{}", reply.json());
}

#[tokio::test]
async fn the_first_owner_chooses_a_password_by_a_link_that_opens_once() {
    let mut studio = studio();
    let first = studio.setup_token().unwrap();
    let file = studio.data().join("setup-link");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!studio.log().contains(&first));
    studio.stop().unwrap();
    studio.launch().unwrap();
    let link = studio.setup_token().unwrap();
    assert_ne!(link, first, "a new one at each start");
    let set_up = async |token: &str, password: &str| {
        let body = json!({ "token": token, "email": "me@example.com", "name": "Me", "password": password });
        studio.post_bare("/api/v1/auth/setup", &body).await.unwrap()
    };
    assert_refused(&set_up(&first, PASSWORD).await, 409, "link_not_good");
    assert_refused(&set_up(&link, "short").await, 400, "invalid_request");
    assert_refused(&set_up("x", PASSWORD).await, 409, "link_not_good");
    let me = Session::of(&set_up(&link, PASSWORD).await).unwrap();
    assert_eq!(
        (&me.user["email"], &me.user["name"], &me.user["role"]),
        (&json!("me@example.com"), &json!("Me"), &json!("owner"))
    );
    assert_refused(&set_up(&link, PASSWORD).await, 409, "link_not_good");
    // What the first key made is theirs.
    let made = studio.post(IMAGE, &small("a cat")).await.unwrap().json();
    let job = format!("/api/v1/jobs/{}", made["jobId"].as_str().unwrap());
    assert_eq!(send(&studio, &me, Method::GET, &job, &Value::Null).await.status, StatusCode::OK);
    studio.stop().unwrap();
    studio.launch().unwrap();
    assert!(!file.exists(), "nobody needs another one");
    assert!(!studio.run(&["user", "setup-link"]).unwrap().status.success());
    studio.sign_in("me@example.com", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn who_is_invited_comes_and_may_what_their_role_says() {
    let studio = studio();
    let owner = studio.set_up().await.unwrap();
    let admin = studio.invite("admin@example.com", "admin").await.unwrap();
    let member = studio.invite("member@example.com", "member").await.unwrap();
    let viewer = studio.invite("viewer@example.com", "viewer").await.unwrap();
    for (who, may_make, may_run) in
        [(&owner, true, true), (&admin, true, true), (&member, true, false), (&viewer, false, false)]
    {
        let made = send(&studio, who, Method::POST, IMAGE, &small("a cat")).await.status;
        let run = send(&studio, who, Method::GET, "/api/v1/users", &Value::Null).await.status;
        assert_eq!((made == StatusCode::OK, run == StatusCode::OK), (may_make, may_run), "{}", who.user);
    }
    // Their own budget is kept when they make something without a key.
    let budget = format!("/api/v1/budgets/{}", member.user["id"].as_str().unwrap());
    assert_eq!(send(&studio, &owner, Method::PUT, &budget, &json!({ "day": "0" })).await.status, StatusCode::OK);
    let usage = send(&studio, &member, Method::GET, "/api/v1/budgets", &Value::Null).await.json();
    assert_eq!(usage["items"][0]["windows"][0]["limit"]["amount"], "0", "{usage}");

    let invite = async |who: &Session, email: &str, role: &str| {
        send(&studio, who, Method::POST, "/api/v1/invitations", &json!({ "email": email, "role": role })).await
    };
    assert_refused(&invite(&admin, "x@example.com", "owner").await, 403, "not_allowed");
    assert_refused(&invite(&member, "x@example.com", "viewer").await, 403, "missing_scope");
    assert_refused(&invite(&owner, "MEMBER@example.com", "viewer").await, 409, "address_taken");
    assert_refused(&invite(&owner, "no address", "viewer").await, 400, "invalid_request");
    let open = invite(&admin, "late@example.com", "viewer").await.json();
    let list = send(&studio, &admin, Method::GET, "/api/v1/invitations", &Value::Null).await.json();
    assert_eq!((&list["items"][0]["email"], list["items"].as_array().unwrap().len()), (&json!("late@example.com"), 1));
    assert!(!list.to_string().contains(open["link"]["token"].as_str().unwrap()), "told once");
    let id = open["link"]["id"].as_str().unwrap();
    let withdrawn = send(&studio, &admin, Method::DELETE, &format!("/api/v1/invitations/{id}"), &Value::Null).await;
    assert_eq!(withdrawn.status, StatusCode::OK);
    let accept = json!({ "token": open["link"]["token"], "password": PASSWORD });
    assert_refused(&studio.post_bare("/api/v1/auth/accept", &accept).await.unwrap(), 409, "link_not_good");
}

#[tokio::test]
async fn an_admin_is_no_owner_and_the_last_owner_stays() {
    let studio = studio();
    let owner = studio.set_up().await.unwrap();
    let admin = studio.invite("admin@example.com", "admin").await.unwrap();
    let member = studio.invite("member@example.com", "member").await.unwrap();
    let change = async |by: &Session, whom: &Session, change: Value| {
        let path = format!("/api/v1/users/{}", whom.user["id"].as_str().unwrap());
        send(&studio, by, Method::PATCH, &path, &change).await
    };
    assert_refused(&change(&admin, &owner, json!({ "disabled": true })).await, 403, "not_allowed");
    assert_refused(&change(&admin, &admin, json!({ "role": "owner" })).await, 403, "not_allowed");
    let reset = format!("/api/v1/users/{}/reset-link", owner.user["id"].as_str().unwrap());
    assert_refused(&send(&studio, &admin, Method::POST, &reset, &Value::Null).await, 403, "not_allowed");
    for wanted in [json!({ "role": "member" }), json!({ "disabled": true })] {
        assert_refused(&change(&owner, &owner, wanted).await, 409, "last_owner");
    }
    for bad in
        [json!({}), json!({ "role": "king" }), json!({ "disabled": "yes" }), json!({ "name": "" }), json!({ "x": 1 })]
    {
        assert_refused(&change(&owner, &member, bad).await, 400, "invalid_request");
    }
    // A demotion acts at once, on what is open already.
    let key = send(
        &studio,
        &admin,
        Method::POST,
        "/api/v1/keys",
        &json!({ "name": "k", "scopes": ["admin", "generate", "read"] }),
    )
    .await
    .json();
    let key = key["key"]["key"].as_str().unwrap();
    let users = async || Studio::send(studio.request_as(key, Method::GET, "/api/v1/users")).await.unwrap();
    assert_eq!(users().await.status, StatusCode::OK);
    assert_eq!(change(&owner, &admin, json!({ "role": "viewer" })).await.status, StatusCode::OK);
    assert_refused(&users().await, 403, "missing_scope");
    let make = Studio::send(studio.request_as(key, Method::POST, IMAGE).json(&small("x"))).await.unwrap();
    assert_refused(&make, 403, "missing_scope");
    assert_refused(&send(&studio, &admin, Method::GET, "/api/v1/users", &Value::Null).await, 403, "missing_scope");
    // And so does disabling; a way back is a way back.
    assert_eq!(change(&owner, &member, json!({ "disabled": true })).await.status, StatusCode::OK);
    assert_eq!(
        send(&studio, &member, Method::GET, "/api/v1/jobs", &Value::Null).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_refused(&studio.try_to_sign_in("member@example.com", PASSWORD).await.unwrap(), 401, "sign_in_failed");
    assert_eq!(
        change(&owner, &member, json!({ "disabled": false, "name": "Back" })).await.json()["user"]["name"],
        "Back"
    );
    studio.sign_in("member@example.com", PASSWORD).await.unwrap();
}

#[tokio::test]
async fn keys_of_ones_own_are_bounded_by_what_makes_them() {
    let studio = studio();
    let member = studio.invite("member@example.com", "member").await.unwrap();
    let make = async |body: Value| send(&studio, &member, Method::POST, "/api/v1/keys", &body).await;
    assert_refused(&make(json!({ "name": "k", "scopes": ["admin"] })).await, 403, "missing_scope");
    for bad in [
        json!({}),
        json!({ "name": " " }),
        json!({ "name": "k", "scopes": [] }),
        json!({ "name": "k", "scopes": ["rule"] }),
        json!({ "name": "k", "expiresAt": "2001-01-01T00:00:00Z" }),
        json!({ "name": "k", "budgets": { "year": "1" } }),
        json!({ "name": "k", "limits": { "talk": "1/s" } }),
        json!({ "name": "k", "user": "other@example.com" }),
    ] {
        assert_refused(&make(bad).await, 400, "invalid_request");
    }
    let free = make(json!({ "name": "free", "scopes": ["account", "read"] })).await.json()["key"].clone();
    let bounded = [
        json!({ "name": "b", "scopes": ["account", "read"], "budgets": { "day": "1" } }),
        json!({ "name": "e", "scopes": ["account", "read"], "expiresAt": "2099-01-01T00:00:00Z" }),
    ];
    // Limits of its own stand in place of the operator's, so nobody gives them to themselves.
    let own_limits = json!({ "name": "l", "scopes": ["account", "read"], "limits": { "status": "1000000/s" } });
    assert_refused(&make(own_limits.clone()).await, 403, "not_allowed");
    let by = async |key: &Value, body: Value| {
        let key = key["key"].as_str().unwrap().to_owned();
        Studio::send(studio.request_as(&key, Method::POST, "/api/v1/keys").json(&body)).await.unwrap()
    };
    let made = by(&free, json!({ "name": "child", "scopes": ["read"] })).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.json());
    assert_refused(&by(&free, json!({ "name": "child", "scopes": ["generate"] })).await, 403, "bounded_key");
    assert_refused(&by(&free, own_limits).await, 403, "not_allowed");
    let mut keys = Vec::new();
    for body in bounded {
        keys.push(make(body).await.json()["key"].clone());
    }
    let limited = ["--user", "member@example.com", "--name", "l", "--scopes", "account,read", "--limit", "status=9/s"];
    keys.push(studio.run_json(&[&["key", "create"][..], &limited].concat()).unwrap());
    for key in keys {
        assert_refused(&by(&key, json!({ "name": "child", "scopes": ["read"] })).await, 403, "bounded_key");
    }
    let child = &made.json()["key"];
    let list = send(&studio, &member, Method::GET, "/api/v1/keys", &Value::Null).await.json();
    let names: Vec<_> = list["items"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["free", "child", "b", "e", "l"]);
    assert!(!list.to_string().contains(child["key"].as_str().unwrap()));
    let path = format!("/api/v1/keys/{}", child["id"].as_str().unwrap());
    let other = studio.invite("other@example.com", "admin").await.unwrap();
    assert_refused(&send(&studio, &other, Method::DELETE, &path, &Value::Null).await, 404, "not_found");
    assert_eq!(send(&studio, &member, Method::DELETE, &path, &Value::Null).await.status, StatusCode::OK);
    let gone =
        Studio::send(studio.request_as(child["key"].as_str().unwrap(), Method::GET, "/api/v1/jobs")).await.unwrap();
    assert_refused(&gone, 401, "unauthorized");
}

#[tokio::test]
async fn who_runs_the_studio_gives_limits_and_links_but_no_key_gives_more_than_it_has() {
    let studio = studio();
    studio.invite("admin@example.com", "admin").await.unwrap();
    let make = |arguments: &[&str]| studio.make_key("admin@example.com", arguments).unwrap();
    let all = ["--scopes", "generate,read,admin,account"];
    let member = studio.invite("member@example.com", "member").await.unwrap();
    let reset = format!("/api/v1/users/{}/reset-link", member.user["id"].as_str().unwrap());
    let post = async |key: &str, path: &str, body: Value| {
        Studio::send(studio.request_as(key, Method::POST, path).json(&body)).await.unwrap()
    };
    let patch = async |key: &str, change: Value| {
        let path = format!("/api/v1/users/{}", member.user["id"].as_str().unwrap());
        Studio::send(studio.request_as(key, Method::PATCH, &path).json(&change)).await.unwrap()
    };
    let links = async |key: &str| {
        let invitation = json!({ "email": "new@example.com" });
        [post(key, "/api/v1/invitations", invitation).await, post(key, &reset, Value::Null).await]
    };
    // A session begins with a link, and has none of the bounds of the key that made it.
    for bound in [
        &["--scopes", "admin,read"][..],
        &[&all[..], &["--budget", "1"]].concat(),
        &[&all[..], &["--limit", "generation=1/h"]].concat(),
        &[&all[..], &["--expires", "30d"]].concat(),
    ] {
        let key = make(bound);
        for reply in links(&key).await {
            assert_refused(&reply, 403, "bounded_key");
        }
        // Nor does it make anyone more than they are, who would be free of them, too.
        for change in [json!({ "role": "admin" }), json!({ "disabled": false })] {
            assert_refused(&patch(&key, change).await, 403, "bounded_key");
        }
    }
    // What gives no rights it may.
    assert_eq!(patch(&make(&["--scopes", "admin"]), json!({ "name": "M" })).await.status, StatusCode::OK);
    // And its own budget is not its own to lift, in whatever way.
    let made = studio.run_json(
        &[&["key", "create", "--user", "admin@example.com", "--name", "b", "--budget", "1"], &all[..]].concat(),
    );
    let (made, job) = (made.unwrap(), studio.post(IMAGE, &small("a cat")).await.unwrap().json());
    let (key, job) = (made["key"].as_str().unwrap(), job["jobId"].as_str().unwrap().to_owned());
    let budget = format!("/api/v1/budgets/{}", made["id"].as_str().unwrap());
    let lift = Studio::send(studio.request_as(key, Method::PUT, &budget).json(&json!({}))).await.unwrap();
    assert_refused(&lift, 403, "bounded_key");
    let adjust = json!({ "payerPays": "0", "reason": "x" });
    assert_refused(&post(key, &format!("/api/v1/jobs/{job}/adjust"), adjust).await, 403, "bounded_key");
    let resolve = json!({ "charged": "0" });
    assert_refused(&post(key, &format!("/api/v1/jobs/{job}/resolve"), resolve).await, 403, "bounded_key");
    let whole = make(&all);
    for reply in links(&whole).await {
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.json());
    }
    let limited = json!({ "name": "l", "limits": { "generation": "100/min" } });
    assert_refused(
        &post(&make(&["--scopes", "account,generate,read"]), "/api/v1/keys", limited.clone()).await,
        403,
        "not_allowed",
    );
    let made = post(&whole, "/api/v1/keys", limited).await.json();
    assert_eq!(made["key"]["limits"]["generation"], "100/min", "{made}");
}

#[tokio::test]
async fn there_are_only_so_many_keys_of_ones_own() {
    let clock = WallClock::new().unwrap();
    let studio = Studio::start(clock.given_to(setup())).unwrap();
    let member = studio.invite("member@example.com", "member").await.unwrap();
    let make = async || send(&studio, &member, Method::POST, "/api/v1/keys", &json!({ "name": "k" })).await;
    let mut last = Value::Null;
    for _ in 0..100 {
        let reply = make().await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.json());
        last = reply.json()["key"]["id"].clone();
    }
    assert_refused(&make().await, 409, "too_many_keys");
    // What is revoked makes room tomorrow: else whoever makes and revokes fills the store. Who has the data folder is not bound.
    let path = format!("/api/v1/keys/{}", last.as_str().unwrap());
    assert_eq!(send(&studio, &member, Method::DELETE, &path, &Value::Null).await.status, StatusCode::OK);
    assert_refused(&make().await, 409, "too_many_keys");
    clock.set(25).unwrap();
    assert_eq!(make().await.status, StatusCode::OK);
    assert_refused(&make().await, 409, "too_many_keys");
    studio.make_key("member@example.com", &[]).unwrap();
}

#[tokio::test]
async fn whoever_is_tried_the_same_work_is_done() {
    let studio = studio();
    studio.set_up().await.unwrap();
    studio.make_key("no-password@example.com", &[]).unwrap();
    studio.invite("disabled@example.com", "member").await.unwrap();
    studio.run_json(&["user", "disable", "disabled@example.com"]).unwrap();
    let hashed = async || {
        let text = String::from_utf8(studio.get("/metrics").await.unwrap().body.to_vec()).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("passwords_hashed_total ")).unwrap();
        line.parse::<u64>().unwrap()
    };
    // How long an answer takes tells nobody whether there is such an account: each costs one password.
    for (email, password) in [
        ("owner@localhost", "not the one that it is"),
        ("nobody@example.com", PASSWORD),
        ("no-password@example.com", PASSWORD),
        ("disabled@example.com", PASSWORD),
    ] {
        let before = hashed().await;
        assert_refused(&studio.try_to_sign_in(email, password).await.unwrap(), 401, "sign_in_failed");
        assert_eq!(hashed().await, before + 1, "{email}");
    }
}

#[tokio::test]
async fn a_link_has_the_rights_of_its_maker_when_it_is_used_and_goes_with_the_password() {
    let studio = studio();
    let owner = studio.set_up().await.unwrap();
    let admin = studio.invite("admin@example.com", "admin").await.unwrap();
    let member = studio.invite("member@example.com", "member").await.unwrap();
    let id = |who: &Session| who.user["id"].as_str().unwrap().to_owned();
    let reset = async |by: &Session, whom: &Session| {
        let path = format!("/api/v1/users/{}/reset-link", id(whom));
        send(&studio, by, Method::POST, &path, &Value::Null).await.json()["link"]["token"].clone()
    };
    let accept = async |token: &Value| {
        let body = json!({ "token": token, "password": PASSWORD });
        studio.post_bare("/api/v1/auth/accept", &body).await.unwrap()
    };
    let change = async |whom: &Session, change: Value| {
        let reply = send(&studio, &owner, Method::PATCH, &format!("/api/v1/users/{}", id(whom)), &change).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.json());
    };
    // A link made for a member is no way to become an owner.
    let link = reset(&admin, &member).await;
    change(&member, json!({ "role": "owner" })).await;
    assert_refused(&accept(&link).await, 409, "link_not_good");
    change(&member, json!({ "role": "member" })).await;
    // Nor does it outlive the rights of whoever made it.
    change(&admin, json!({ "disabled": true })).await;
    assert_refused(&accept(&link).await, 409, "link_not_good");
    // Nor a password that was chosen meanwhile.
    let open = reset(&owner, &member).await;
    let body = json!({ "current": PASSWORD, "new": "another mule in the battery" });
    assert_eq!(send(&studio, &member, Method::POST, "/api/v1/auth/password", &body).await.status, StatusCode::OK);
    assert_refused(&accept(&open).await, 409, "link_not_good");
    // Nor a new password of whoever made it: another may have had their session.
    let open = reset(&owner, &member).await;
    let body = json!({ "current": PASSWORD, "new": "a third mule in the battery" });
    assert_eq!(send(&studio, &owner, Method::POST, "/api/v1/auth/password", &body).await.status, StatusCode::OK);
    assert_refused(&accept(&open).await, 409, "link_not_good");
    // For oneself there is none: another password needs the one before.
    let own = format!("/api/v1/users/{}/reset-link", id(&owner));
    assert_refused(&send(&studio, &owner, Method::POST, &own, &Value::Null).await, 403, "not_allowed");
    let open = reset(&owner, &member).await;
    assert_eq!(accept(&open).await.status, StatusCode::OK);
    // What a link did is told with whom it brought.
    let log = studio.get("/api/v1/audit?limit=1").await.unwrap().json();
    let told = json!({ "userId": id(&member), "new": false, "addressChanged": false });
    assert_eq!(log["items"][0]["details"], told, "{log}");
}

#[tokio::test]
async fn tries_to_sign_in_are_bounded_for_an_account_and_for_a_network() {
    let clock = WallClock::new().unwrap();
    let setup = setup().variable("STUDIO_LIMITS__AUTH", "10/15min").config("trusted_proxies = [\"127.0.0.1\"]\n");
    let studio = Studio::start(clock.given_to(setup)).unwrap();
    let owner = studio.set_up().await.unwrap();
    let from = async |address: &str, email: &str, password: &str| {
        let body = json!({ "email": email, "password": password });
        let request = studio.bare_request(Method::POST, "/api/v1/auth/login").header("X-Forwarded-For", address);
        Studio::send(request.json(&body)).await.unwrap()
    };
    // One account, from everywhere.
    let mut seen = BTreeSet::new();
    for n in 0..10 {
        let reply = from(&format!("192.0.2.{n}"), "owner@localhost", "wrong").await;
        assert_refused(&reply, 401, "sign_in_failed");
        seen.insert(reply.json()["message"].to_string());
    }
    let refused = from("192.0.2.99", "OWNER@localhost", PASSWORD).await;
    assert_refused(&refused, 429, "rate_limited");
    assert_eq!(refused.header("ratelimit-policy"), "\"auth\";q=10;w=900");
    // A try comes back every 90 s; on a slow machine some of that has gone by.
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((30..=90).contains(&wait), "{wait}");
    // One network, at every account: those that are there, and those that are not.
    for n in 0..10 {
        let reply = from("198.51.100.7", &format!("nobody{n}@example.com"), PASSWORD).await;
        assert_refused(&reply, 401, "sign_in_failed");
        seen.insert(reply.json()["message"].to_string());
    }
    assert_eq!(seen.len(), 1, "one message for all: {seen:?}");
    assert_refused(&from("198.51.100.7", "another@example.com", PASSWORD).await, 429, "rate_limited");
    assert_refused(&from("203.0.113.5", "owner@localhost", PASSWORD).await, 429, "rate_limited");
    // Who is in can choose another password all the same: strangers used up those tries.
    let body = json!({ "current": PASSWORD, "new": "another mule in the battery" });
    assert_eq!(send(&studio, &owner, Method::POST, "/api/v1/auth/password", &body).await.status, StatusCode::OK);
    let body = json!({ "current": "another mule in the battery", "new": PASSWORD });
    assert_eq!(send(&studio, &owner, Method::POST, "/api/v1/auth/password", &body).await.status, StatusCode::OK);
    // But whoever has the session can't try passwords there without end.
    let wrong = json!({ "current": "a guess of somebody's", "new": PASSWORD });
    let mut statuses = Vec::new();
    for _ in 0..9 {
        statuses.push(send(&studio, &owner, Method::POST, "/api/v1/auth/password", &wrong).await.status.as_u16());
    }
    assert_eq!(statuses, [[400; 8].as_slice(), &[429]].concat());
    // Many who come in on one morning from one network are no guesses.
    for n in 0..12 {
        studio.invite(&format!("new{n}@example.com"), "viewer").await.unwrap();
    }
    clock.set(1).unwrap();
    assert_eq!(from("198.51.100.7", "owner@localhost", PASSWORD).await.status, StatusCode::OK, "an hour later");
}

#[tokio::test]
async fn it_is_told_who_did_what_and_nothing_that_is_secret() {
    let studio = studio();
    let owner = studio.set_up().await.unwrap();
    let member = studio.invite("member@example.com", "member").await.unwrap();
    studio.try_to_sign_in("member@example.com", "wrong password").await.unwrap();
    studio.try_to_sign_in("typed-by-mistake@example.com", "wrong password").await.unwrap();
    let id = member.user["id"].as_str().unwrap();
    let path = format!("/api/v1/users/{id}");
    send(&studio, &owner, Method::PATCH, &path, &json!({ "role": "viewer" })).await;
    let asked = json!({ "name": "k", "scopes": ["read"], "budgets": { "day": "0.5" } });
    let key = send(&studio, &member, Method::POST, "/api/v1/keys", &asked).await.json();
    let key = key["key"].clone();
    studio.run_json(&["key", "revoke", key["id"].as_str().unwrap()]).unwrap();
    send(&studio, &owner, Method::PUT, &format!("/api/v1/budgets/{id}"), &json!({ "day": "1.5" })).await;
    send(&studio, &member, Method::POST, "/api/v1/auth/logout", &Value::Null).await;
    let log = crate::pages(&studio, "/api/v1/audit?limit=3").await;
    let told: Vec<_> = log
        .iter()
        .rev()
        .map(|entry| {
            let text = |name: &str| entry[name].as_str().unwrap_or("-").to_owned();
            format!("{} {} {}", text("user"), text("via"), text("action"))
        })
        .collect();
    assert_eq!(
        told,
        [
            "- studio user.created",
            "- studio key.created",
            "- studio setup_link.created",
            "owner@localhost link link.used",
            "owner@localhost key invitation.created",
            "member@example.com link link.used",
            "- password session.refused",
            "- password session.refused",
            "owner@localhost session user.changed",
            "member@example.com session key.created",
            "- command_line key.revoked",
            "owner@localhost session budgets.set",
            "member@example.com session session.ended",
        ]
    );
    let newest_first: Vec<_> = log.iter().map(|entry| entry["number"].as_u64().unwrap()).collect();
    assert!(newest_first.is_sorted_by(|a, b| a > b));
    assert_eq!(log[4]["details"]["role"], json!({ "from": "member", "to": "viewer" }));
    assert_eq!(log[6]["target"], json!(format!("user:{id}")));
    // The first digits of the SHA-256 of what was typed.
    assert_eq!(log[5]["details"]["unknownAddress"], "50e1b2b09716");
    assert_eq!((&log[3]["details"]["budgets"]["day"], &log[3]["details"]["scopes"]), (&json!("0.5"), &json!(["read"])));
    assert_eq!((&log[1]["details"]["day"], &log[1]["network"]), (&json!("1.5"), &json!("127.0.0.1")));
    let text = json!(log).to_string();
    for secret in [PASSWORD, "typed-by-mistake", "wrong password", "argon2", &member.csrf, key["key"].as_str().unwrap()]
    {
        assert!(!text.contains(secret), "{secret}");
    }
    let by_owner =
        studio.get(&format!("/api/v1/audit?userId={}", owner.user["id"].as_str().unwrap())).await.unwrap().json();
    assert_eq!(by_owner["items"].as_array().unwrap().len(), 4);
    // The database itself refuses to have it otherwise.
    let database = rusqlite::Connection::open(studio.data().join("studio.db")).unwrap();
    for statement in ["DELETE FROM audit", "UPDATE audit SET action = 'x'"] {
        assert!(database.execute(statement, []).unwrap_err().to_string().contains("append-only"), "{statement}");
    }
}

#[tokio::test]
async fn the_command_line_does_what_an_owner_may_and_says_how_to_go_on() {
    let studio = studio();
    studio.make_key("m@example.com", &[]).unwrap();
    let refused = |arguments: &[&str], word: &str| {
        let output = studio.run(arguments).unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(word), "{arguments:?}: {text}");
    };
    let admin = ["key", "create", "--user", "m@example.com", "--name", "x", "--scopes", "admin"];
    refused(&admin, "studio user role m@example.com admin");
    let role = studio.run_json(&["user", "role", "m@example.com", "admin"]).unwrap();
    assert_eq!(role["role"], "admin");
    let key = studio.make_key("m@example.com", &["--scopes", "admin,read"]).unwrap();
    assert_eq!(
        Studio::send(studio.request_as(&key, Method::GET, "/api/v1/users")).await.unwrap().status,
        StatusCode::OK
    );
    refused(&["user", "role", "m@example.com", "king"], "viewer, member, admin, owner");
    refused(&["user", "role", "nobody@example.com", "member"], "studio user list");
    refused(&["user", "disable", "owner@localhost"], "last owner");
    refused(&["user", "invite", "m@example.com"], "reset-link");
    refused(&["user", "invite", "nonsense"], "e-mail");
    let disabled = studio.run_json(&["user", "disable", "M@example.com"]).unwrap();
    assert!(disabled["disabledAt"].is_string());
    refused(&admin, "studio user enable m@example.com");
    refused(&["user", "reset-link", "m@example.com"], "enable");
    studio.run_json(&["user", "enable", "m@example.com"]).unwrap();
    let accept = async |link: Value| {
        let body = json!({ "token": link["token"], "password": PASSWORD });
        Session::of(&studio.post_bare("/api/v1/auth/accept", &body).await.unwrap()).unwrap()
    };
    let reset = accept(studio.run_json(&["user", "reset-link", "m@example.com"]).unwrap()).await;
    assert_eq!(reset.user["role"], "admin");
    let invited = studio.run_json(&["user", "invite", "v@example.com", "--role", "viewer"]).unwrap();
    assert!(invited["url"].as_str().unwrap().contains("/invitations/"));
    assert_eq!(accept(invited).await.user["role"], "viewer");
    let users = studio.run_json(&["user", "list"]).unwrap();
    let shown: Vec<_> = users["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| (user["email"].as_str().unwrap(), user["hasPassword"] == true))
        .collect();
    assert_eq!(shown, [("owner@localhost", false), ("m@example.com", true), ("v@example.com", true)]);
    let listed = String::from_utf8(studio.run(&["user", "list"]).unwrap().stdout).unwrap();
    assert!(listed.contains("has no password") && listed.contains("viewer"), "{listed}");
    let set_up = studio.run_json(&["user", "setup-link"]).unwrap();
    let body = json!({ "token": set_up["token"], "password": PASSWORD });
    Session::of(&studio.post_bare("/api/v1/auth/setup", &body).await.unwrap()).unwrap();
}
