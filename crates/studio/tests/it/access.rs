//! The access matrix: every route, by every path that it has, tried by everyone who might come. What happens is what its row
//! says, and nothing else.

use crate::{
    IMAGE, NOBODY, in_millis,
    jobs::{lab, with_worker},
    small,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Mutex, time::Instant};
use studio_core::caller::Scope;
use studio_server::http::{Audience, BodyRule, PAGES, ROUTES, Route, Verb, Who};
use studio_testkit::{
    cog_worker::{Behaviour, CogWorker},
    people::{PASSWORD, Session},
    studio::{Reply, Studio},
};

/// Who comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Principal {
    Anonymous,
    Mistyped,
    Expired,
    Revoked,
    /// Has a good key, but none of the scopes that the row asks for.
    LacksScope,
    /// Has a good key, but nothing of theirs opens anything any more.
    Disabled,
    /// Had a session.
    EndedSession,
    /// Is signed in, and may only look.
    ViewerSession,
    /// A user who is not the owner.
    Other,
    /// Whoever runs the studio.
    Admin,
    /// The same, signed in.
    AdminSession,
    /// Whose things they are. Last: they may change them.
    Owner,
    /// The same, signed in.
    OwnerSession,
}

const PRINCIPALS: [Principal; 13] = [
    Principal::Anonymous,
    Principal::Mistyped,
    Principal::Expired,
    Principal::Revoked,
    Principal::LacksScope,
    Principal::Disabled,
    Principal::EndedSession,
    Principal::ViewerSession,
    Principal::Other,
    Principal::Admin,
    Principal::AdminSession,
    Principal::Owner,
    Principal::OwnerSession,
];

/// What everyone comes to: a studio in which the owner has one of everything.
struct Town {
    studio: Studio,
    keys: BTreeMap<&'static str, String>,
    /// By their names.
    sessions: Mutex<BTreeMap<&'static str, Session>>,
    ended: Session,
    own_key: String,
    bystander: String,
    picture: String,
    asset: String,
    /// A page that shows it.
    slug: String,
    talk: String,
    /// Two that failed: one for its owner to do again, one for whoever runs the studio.
    failed: [String; 2],
    owner: String,
    bodies: BTreeMap<String, Value>,
    _worker: CogWorker,
}

impl Town {
    async fn new() -> Self {
        let worker = CogWorker::start(Behaviour::NotReady503).unwrap();
        let studio = with_worker(&worker);
        let mut keys = BTreeMap::new();
        let mut make = |name: &'static str, scopes: &str, more: &[&str]| {
            let arguments = [&["--scopes", scopes], more].concat();
            keys.insert(name, studio.make_key(&format!("{name}@example.com"), &arguments).unwrap());
        };
        make("owner", "generate,read,account", &[]);
        make("other", "generate,read,account", &[]);
        make("admin", "generate,read,admin,account", &[]);
        make("disabled", "generate,read,admin,account", &[]);
        make("read", "read", &[]);
        make("generate", "generate", &[]);
        make("expired", "generate,read,admin,account", &["--expires", &in_millis(1500)]);
        make("mistyped", "read", &[]);
        let mistyped = keys.get_mut("mistyped").unwrap();
        let last = mistyped.pop().unwrap();
        mistyped.push(if last == '0' { '1' } else { '0' });
        let arguments =
            ["key", "create", "--user", "r@example.com", "--name", "r", "--scopes", "generate,read,admin,account"];
        let revoked = studio.run_json(&arguments).unwrap();
        keys.insert("revoked", revoked["key"].as_str().unwrap().to_owned());
        studio.run_json(&["key", "revoke", revoked["id"].as_str().unwrap()]).unwrap();

        let mut sessions = BTreeMap::new();
        for name in ["owner", "other", "admin", "disabled", "read"] {
            sessions.insert(name, studio.give_password(&format!("{name}@example.com")).await.unwrap());
        }
        let ended = sessions.remove("other").unwrap();
        let out = studio.request_by(&ended, Method::POST, "/api/v1/auth/logout");
        assert_eq!(Studio::send(out).await.unwrap().status, StatusCode::OK);
        let disabled = studio.user_id("disabled@example.com").await.unwrap();
        let disable = studio.request(Method::PATCH, &format!("/api/v1/users/{disabled}"));
        let disable = disable.json(&json!({ "disabled": true }));
        assert_eq!(Studio::send(disable).await.unwrap().status, StatusCode::OK);
        // One that nothing else comes by: it is revoked on the way.
        let spare = ["key", "create", "--user", "owner@example.com", "--name", "spare"];
        let own_key = studio.run_json(&spare).unwrap()["id"].as_str().unwrap().to_owned();

        let bystander = studio.user_id("r@example.com").await.unwrap();

        let post = async |path: &str, body: &Value| {
            Studio::send(studio.request_as(&keys["owner"], Method::POST, path).json(body)).await.unwrap().json()
        };
        let made = post(IMAGE, &small("a cat")).await;
        let show = json!({ "assetId": made["images"][0]["assetId"] });
        let shown = post("/api/v1/share", &show).await;
        let conversation = json!({ "messages": [{ "role": "user", "content": "what is a job?" }] });
        let said = post("/api/v1/chat", &conversation).await;
        let failed = [post(IMAGE, &lab()).await, post(IMAGE, &lab()).await];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let budgets = studio.run_json(&["budget", "list"]).unwrap();
        let owner =
            budgets["budgets"].as_array().unwrap().iter().find(|row| row["user"] == "owner@example.com").unwrap();
        let document = Studio::send(studio.bare_request(Method::GET, "/openapi.json")).await.unwrap().json();
        let mut bodies: BTreeMap<String, Value> = BTreeMap::new();
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            if let Some(example) = schema["examples"].get(0) {
                bodies.insert(name.clone(), example.clone());
            }
        }
        bodies.insert("ImageRequest".into(), small("a dog"));
        bodies.insert("ShareRequest".into(), show);
        // Enough for all that is done again here, whether or not what was done before it is over.
        bodies.insert("BudgetRequest".into(), json!({ "day": "1000" }));
        bodies.insert("ChatRequest".into(), conversation.clone());
        bodies.insert("TitleRequest".into(), conversation);
        bodies.insert("LoginRequest".into(), json!({ "email": "owner@example.com", "password": PASSWORD }));
        bodies.insert("PasswordRequest".into(), json!({ "current": PASSWORD, "new": PASSWORD }));
        Self {
            picture: text(&made["jobId"]),
            asset: text(&made["images"][0]["assetId"]),
            slug: text(&shown["slug"]),
            talk: text(&said["jobId"]),
            failed: failed.map(|failed| text(&failed["details"]["jobId"])),
            owner: text(&owner["id"]),
            keys,
            sessions: Mutex::new(sessions),
            ended,
            own_key,
            bystander,
            bodies,
            studio,
            _worker: worker,
        }
    }

    /// The thing of the owner's that a route is about.
    async fn thing(&self, route: &Route) -> String {
        let path = route.path;
        let thing = match () {
            () if path.contains("/shares/") => return self.fresh_share().await,
            () if path.contains("/share/") => &self.slug,
            () if path.contains("/assets/") && route.method == Verb::Delete => return self.fresh_asset().await,
            () if path.contains("/assets/") => &self.asset,
            // Nobody comes as they: what is done to them is seen by no one else.
            () if path.starts_with("/people/{id}/") => &self.bystander,
            () if path.contains("/budgets/") || path.contains("/users/") => &self.owner,
            () if path.contains("/dead-letters/") => &self.failed[1],
            () if path.contains("/keys/") => &self.own_key,
            // These are gone once somebody who may has had them.
            () if path.contains("/sessions/") => return self.fresh_session().await,
            () if path.contains("/invitations/") => return self.fresh_invitation().await,
            () if path.ends_with("/retry") => &self.failed[0],
            () if path.ends_with("/stream") => &self.talk,
            () => &self.picture,
        };
        thing.clone()
    }

    /// Another session of the owner's.
    async fn fresh_session(&self) -> String {
        let session = self.studio.sign_in("owner@example.com", PASSWORD).await.unwrap();
        let list = self.studio.request_by(&session, Method::GET, "/api/v1/sessions");
        let list = Studio::send(list).await.unwrap().json();
        let current = list["items"].as_array().unwrap().iter().find(|item| item["current"] == true).unwrap();
        current["id"].as_str().unwrap().to_owned()
    }

    /// Another picture of the owner's.
    async fn fresh_asset(&self) -> String {
        let sent = self.studio.request_as(&self.keys["owner"], Method::POST, crate::upload::UPLOAD);
        let kept = Studio::send(sent.body(crate::upload::png())).await.unwrap().json();
        kept["asset"]["id"].as_str().unwrap().to_owned()
    }

    /// Another page that shows the owner's picture.
    async fn fresh_share(&self) -> String {
        let shown = self.studio.request_as(&self.keys["owner"], Method::POST, "/api/v1/share");
        let shown = Studio::send(shown.json(&json!({ "assetId": self.asset }))).await.unwrap().json();
        shown["slug"].as_str().unwrap().to_owned()
    }

    async fn fresh_invitation(&self) -> String {
        let body = json!({ "email": "somebody@example.com" });
        let made = self.studio.post("/api/v1/invitations", &body).await.unwrap().json();
        made["link"]["id"].as_str().unwrap().to_owned()
    }

    /// Somebody's session, a new one if the one before has ended: by a password that was changed, for example.
    async fn session(&self, name: &'static str) -> Session {
        let known = self.sessions.lock().unwrap()[name].clone();
        let look = self.studio.request_by(&known, Method::GET, "/api/v1/auth/session");
        if Studio::send(look).await.unwrap().status == StatusCode::OK {
            return known;
        }
        let fresh = self.studio.sign_in(&format!("{name}@example.com"), PASSWORD).await.unwrap();
        self.sessions.lock().unwrap().insert(name, fresh.clone());
        fresh
    }

    /// Tries a route. `thing` stands for what it is about.
    async fn attempt(&self, route: &Route, path: &str, who: Principal, thing: &str) -> Reply {
        let mut path = path.replace("{id}", thing).replace("{slug}", thing).replace("{ticket}", "none");
        path = path.replace("{token}", "none").replace("{file}", "x.png");
        path = path.replace("{modality}", "image").replace("{provider}", "openai");
        if is_about_a_query(route) {
            path += &format!("?jobId={thing}");
        }
        let method = route.method.as_method();
        let session = match who {
            Principal::EndedSession => Some(self.ended.clone()),
            Principal::ViewerSession => Some(self.session("read").await),
            Principal::AdminSession => Some(self.session("admin").await),
            Principal::OwnerSession => Some(self.session("owner").await),
            _ => None,
        };
        let key = match who {
            Principal::Disabled => Some("disabled"),
            Principal::EndedSession | Principal::ViewerSession | Principal::AdminSession | Principal::OwnerSession => {
                None
            }
            Principal::Anonymous => None,
            Principal::Mistyped => Some("mistyped"),
            Principal::Expired => Some("expired"),
            Principal::Revoked => Some("revoked"),
            Principal::LacksScope => Some(if matches!(route.who(), Who::Key(scope) if scope.as_str() == "read") {
                "generate"
            } else {
                "read"
            }),
            Principal::Other => Some("other"),
            Principal::Admin => Some("admin"),
            Principal::Owner => Some("owner"),
        };
        let request = match (key, &session) {
            (Some(name), _) => self.studio.request_as(&self.keys[name], method, &path),
            (None, Some(session)) => self.studio.request_by(session, method, &path),
            (None, None) => self.studio.bare_request(method, &path),
        };
        let request = match route.body {
            BodyRule::Json(_, schema) => {
                let body = self.bodies.get(schema).ok_or_else(|| format!("{schema} has no example")).unwrap();
                request.json(body)
            }
            BodyRule::Stream(_) => request.body("x"),
            BodyRule::Form(_) => {
                let request = request.header("content-type", "application/x-www-form-urlencoded");
                request.body(session.map(|session| format!("csrf={}", session.csrf)).unwrap_or_default())
            }
            BodyRule::File => request.body(crate::upload::png()),
            BodyRule::None => request,
        };
        Studio::send(request).await.unwrap()
    }
}

/// Whether what a route is about is named in its query.
fn is_about_a_query(route: &Route) -> bool {
    route.query.iter().any(|query| query.name == "jobId") && route.path.ends_with("/status")
}

/// What a row says of someone: a status and an error code, or that they are served.
fn expected(route: &Route, who: Principal) -> Option<(u16, &'static str)> {
    use Principal::{
        Admin, AdminSession, Anonymous, Disabled, EndedSession, Expired, LacksScope, Mistyped, Other, Owner,
        OwnerSession, Revoked, ViewerSession,
    };
    let named = ["{id}", "{slug}"].iter().any(|name| route.path.contains(name));
    // What one shows must be one's own, though no path says what it is.
    let about_something = named || is_about_a_query(route) || route.path == "/api/v1/share";
    match (route.audience(), who) {
        (Audience::Everyone, _) => None,
        (Audience::Workers, _) => Some((404, "not_found")),
        (_, Anonymous | Mistyped | Expired | Revoked | Disabled | EndedSession) => Some((401, "unauthorized")),
        (_, LacksScope) => Some((403, "missing_scope")),
        (Audience::Operators, Other | Owner | OwnerSession | ViewerSession) => Some((403, "missing_scope")),
        (Audience::Users, ViewerSession) if route.who() == Who::Key(Scope::Generate) => Some((403, "missing_scope")),
        (Audience::Operators, Admin | AdminSession) | (Audience::Users, Owner | OwnerSession) => None,
        // Whoever runs the studio has no right to look at what others make.
        (Audience::Users, Other | Admin | AdminSession | ViewerSession) => {
            about_something.then_some((404, "not_found"))
        }
    }
}

/// Whether it is a page that tells of this code.
fn is_page_about(reply: &Reply, code: &str) -> bool {
    let page = String::from_utf8_lossy(&reply.body);
    reply.header("content-type").starts_with("text/html") && page.contains(&format!("<code id=\"code\">{code}</code>"))
}

/// What of an answer must not tell one case from another.
fn said(reply: &Reply) -> Value {
    let mut body = reply.json();
    for field in ["requestId", "timestamp"] {
        body.as_object_mut().map(|body| body.remove(field));
    }
    json!([reply.status.as_u16(), body])
}

#[tokio::test]
async fn every_route_does_for_everyone_what_its_row_says() {
    let town = Town::new().await;
    // The last key ends by itself; what was done until then has taken most of its time.
    let begun = Instant::now();
    while Studio::send(town.studio.request_as(&town.keys["expired"], Method::GET, "/api/v1/jobs")).await.unwrap().status
        != StatusCode::UNAUTHORIZED
    {
        assert!(begun.elapsed().as_secs() < 30, "it does not end");
    }
    let (mut tried, mut mismatches) = (0, Vec::new());
    for route in ROUTES.iter().chain(PAGES) {
        for path in std::iter::once(&route.path).chain(route.legacy) {
            for who in PRINCIPALS {
                let reply = town.attempt(route, path, who, &town.thing(route).await).await;
                tried += 1;
                let (status, body) = (reply.status.as_u16(), reply.json());
                let right = match expected(route, who) {
                    Some((wanted, code)) => status == wanted && (body["error"] == code || is_page_about(&reply, code)),
                    // What is there may be in a state in which nothing can be done with it.
                    None => route.answers.iter().any(|(answer, _)| *answer == status) || status == 409,
                };
                if !right {
                    mismatches.push(format!("{:?} {path} by {who:?}: {status} {body}", route.method));
                }
                if expected(route, who) == Some((404, "not_found")) {
                    let nobodys = town.attempt(route, path, who, NOBODY).await;
                    if said(&nobodys) != said(&reply) {
                        mismatches.push(format!(
                            "{path} tells {who:?} what is there: {} {}",
                            said(&reply),
                            said(&nobodys)
                        ));
                    }
                }
                let has_limit = !reply.header("ratelimit").is_empty() && !reply.header("x-ratelimit-limit").is_empty();
                if has_limit != route.limit.is_some() {
                    mismatches.push(format!("{path} by {who:?}: limit told: {has_limit}, has one: {:?}", route.limit));
                }
            }
        }
    }
    assert!(mismatches.is_empty(), "{} of {tried}: {mismatches:#?}", mismatches.len());
    println!("{tried} attempts, {} mismatches", mismatches.len());
    assert!(tried >= PRINCIPALS.len() * (ROUTES.len() + PAGES.len()), "{tried}");
}
