//! The access matrix: every route, by every path that it has, tried by everyone who might come. What happens is what its row
//! says, and nothing else.

use crate::{
    IMAGE, NOBODY, in_millis,
    jobs::{lab, with_worker},
    small,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Instant};
use studio_server::http::{Audience, BodyRule, ROUTES, Route, Who};
use studio_testkit::{
    cog_worker::{Behaviour, CogWorker},
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
    /// A user who is not the owner.
    Other,
    /// Whoever runs the studio.
    Admin,
    /// Whose things they are. Last: they may change them.
    Owner,
}

const PRINCIPALS: [Principal; 8] = [
    Principal::Anonymous,
    Principal::Mistyped,
    Principal::Expired,
    Principal::Revoked,
    Principal::LacksScope,
    Principal::Other,
    Principal::Admin,
    Principal::Owner,
];

/// What everyone comes to: a studio in which the owner has one of everything.
struct Town {
    studio: Studio,
    keys: BTreeMap<&'static str, String>,
    picture: String,
    asset: String,
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
        make("owner", "generate,read", &[]);
        make("other", "generate,read", &[]);
        make("admin", "generate,read,admin", &[]);
        make("read", "read", &[]);
        make("generate", "generate", &[]);
        make("expired", "generate,read,admin", &["--expires", &in_millis(1500)]);
        make("mistyped", "read", &[]);
        let mistyped = keys.get_mut("mistyped").unwrap();
        let last = mistyped.pop().unwrap();
        mistyped.push(if last == '0' { '1' } else { '0' });
        let arguments = ["key", "create", "--user", "r@example.com", "--name", "r", "--scopes", "generate,read,admin"];
        let revoked = studio.run_json(&arguments).unwrap();
        keys.insert("revoked", revoked["key"].as_str().unwrap().to_owned());
        studio.run_json(&["key", "revoke", revoked["id"].as_str().unwrap()]).unwrap();

        let post = async |path: &str, body: &Value| {
            Studio::send(studio.request_as(&keys["owner"], Method::POST, path).json(body)).await.unwrap().json()
        };
        let made = post(IMAGE, &small("a cat")).await;
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
        bodies.insert("ChatRequest".into(), conversation.clone());
        bodies.insert("TitleRequest".into(), conversation);
        Self {
            picture: text(&made["jobId"]),
            asset: text(&made["images"][0]["assetId"]),
            talk: text(&said["jobId"]),
            failed: failed.map(|failed| text(&failed["details"]["jobId"])),
            owner: text(&owner["id"]),
            keys,
            bodies,
            studio,
            _worker: worker,
        }
    }

    /// The thing of the owner's that a route is about.
    fn thing(&self, route: &Route) -> &str {
        let path = route.path;
        match () {
            () if path.contains("/assets/") => &self.asset,
            () if path.contains("/budgets/") => &self.owner,
            () if path.contains("/dead-letters/") => &self.failed[1],
            () if path.ends_with("/retry") => &self.failed[0],
            () if path.ends_with("/stream") => &self.talk,
            () => &self.picture,
        }
    }

    /// Tries a route. `thing` stands for what it is about.
    async fn attempt(&self, route: &Route, path: &str, who: Principal, thing: &str) -> Reply {
        let mut path = path.replace("{id}", thing).replace("{ticket}", "none").replace("{file}", "x.png");
        path = path.replace("{modality}", "image").replace("{provider}", "openai");
        if is_about_a_query(route) {
            path += &format!("?jobId={thing}");
        }
        let method = route.method.as_method();
        let key = match who {
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
        let request = match key {
            Some(name) => self.studio.request_as(&self.keys[name], method, &path),
            None => self.studio.bare_request(method, &path),
        };
        let request = match route.body {
            BodyRule::Json(_, schema) => {
                let body = self.bodies.get(schema).ok_or_else(|| format!("{schema} has no example")).unwrap();
                request.json(body)
            }
            BodyRule::Stream(_) => request.body("x"),
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
    use Principal::{Admin, Anonymous, Expired, LacksScope, Mistyped, Other, Owner, Revoked};
    let about_something = route.path.contains("{id}") || is_about_a_query(route);
    match (route.audience(), who) {
        (Audience::Everyone, _) => None,
        (Audience::Workers, _) => Some((404, "not_found")),
        (_, Anonymous | Mistyped | Expired | Revoked) => Some((401, "unauthorized")),
        (_, LacksScope) => Some((403, "missing_scope")),
        (Audience::Operators, Other | Owner) => Some((403, "missing_scope")),
        (Audience::Operators, Admin) | (Audience::Users, Owner) => None,
        // Whoever runs the studio has no right to look at what others make.
        (Audience::Users, Other | Admin) => about_something.then_some((404, "not_found")),
    }
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
    for route in ROUTES {
        for path in std::iter::once(&route.path).chain(route.legacy) {
            for who in PRINCIPALS {
                let reply = town.attempt(route, path, who, town.thing(route)).await;
                tried += 1;
                let (status, body) = (reply.status.as_u16(), reply.json());
                let right = match expected(route, who) {
                    Some((wanted, code)) => status == wanted && body["error"] == code,
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
    assert!(tried >= 8 * ROUTES.len(), "{tried}");
}
