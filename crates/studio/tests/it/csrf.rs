//! Promise 39: no page but ours changes anything by the cookie of a session, whatever a browser says or leaves out, by any method.

use crate::{setup, studio};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::json;
use studio_testkit::{people::Session, studio::Studio};

/// What the headers tell of the page that sends a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Page {
    SameOrigin,
    SameSite,
    CrossSite,
    UserInitiated,
    SameOriginTwice,
    OriginNull,
    OriginOther,
    OriginSibling,
    OriginOurs,
    OriginOursOfCrossSite,
    NothingAtAll,
}

const PAGES: [Page; 11] = [
    Page::SameOrigin,
    Page::SameSite,
    Page::CrossSite,
    Page::UserInitiated,
    Page::SameOriginTwice,
    Page::OriginNull,
    Page::OriginOther,
    Page::OriginSibling,
    Page::OriginOurs,
    Page::OriginOursOfCrossSite,
    Page::NothingAtAll,
];

impl Page {
    fn lines(self, studio: &Studio) -> Vec<(&'static str, String)> {
        let (site, origin) = ("Sec-Fetch-Site", "Origin");
        let ours = studio.address().to_owned();
        let sibling = format!("{}1", ours.trim_end_matches(|c: char| c.is_ascii_digit()));
        match self {
            Self::SameOrigin => vec![(site, "same-origin".into()), (origin, ours)],
            Self::SameSite => vec![(site, "same-site".into()), (origin, sibling)],
            Self::CrossSite => vec![(site, "cross-site".into()), (origin, "https://evil.example".into())],
            Self::UserInitiated => vec![(site, "none".into())],
            Self::SameOriginTwice => vec![(site, "cross-site".into()), (site, "same-origin".into())],
            Self::OriginNull => vec![(origin, "null".into())],
            Self::OriginOther => vec![(origin, "https://evil.example".into())],
            Self::OriginSibling => vec![(origin, sibling)],
            Self::OriginOurs => vec![(origin, ours)],
            Self::OriginOursOfCrossSite => vec![(site, "cross-site".into()), (origin, ours)],
            Self::NothingAtAll => Vec::new(),
        }
    }

    fn is_ours(self) -> bool {
        matches!(self, Self::SameOrigin | Self::OriginOurs)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Credential {
    Cookie,
    Key,
    Both,
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Right,
    Wrong,
    AnotherSessions,
    Absent,
}

/// Something that changes something, by each method that there is.
fn changes(nobody: &str) -> [(Method, String); 4] {
    [
        (Method::POST, format!("/api/v1/jobs/{nobody}/cancel")),
        (Method::PUT, format!("/api/v1/budgets/{nobody}")),
        (Method::PATCH, format!("/api/v1/users/{nobody}")),
        (Method::DELETE, format!("/api/v1/keys/{nobody}")),
    ]
}

fn signed(request: RequestBuilder, studio: &Studio, session: &Session, by: Credential) -> RequestBuilder {
    match by {
        Credential::Cookie => request.header("Cookie", &session.cookie),
        Credential::Key => request.bearer_auth(studio.key()),
        Credential::Both => request.header("Cookie", &session.cookie).bearer_auth(studio.key()),
        Credential::Nothing => request,
    }
}

#[tokio::test]
async fn only_a_page_of_ours_with_its_token_changes_anything() {
    let studio = studio();
    let session = studio.set_up().await.unwrap();
    let other = studio.invite("other@example.com", "member").await.unwrap();
    let owner = session.user["id"].as_str().unwrap().to_owned();
    let (mut tried, mut accepted, mut wrong) = (0, 0, Vec::new());
    for (method, path) in changes(crate::NOBODY) {
        for page in PAGES {
            for by in [Credential::Cookie, Credential::Key, Credential::Both, Credential::Nothing] {
                for token in [Token::Right, Token::Wrong, Token::AnotherSessions, Token::Absent] {
                    let mut request = signed(studio.bare_request(method.clone(), &path), &studio, &session, by);
                    for (name, value) in page.lines(&studio) {
                        request = request.header(name, value);
                    }
                    request = match token {
                        Token::Right => request.header("X-CSRF-Token", &session.csrf),
                        Token::Wrong => request.header("X-CSRF-Token", "0".repeat(24)),
                        Token::AnotherSessions => request.header("X-CSRF-Token", &other.csrf),
                        Token::Absent => request,
                    };
                    if [Method::PUT, Method::PATCH].contains(&method) {
                        request = request.json(&json!({ "role": "member" }));
                    }
                    let reply = Studio::send(request).await.unwrap();
                    let code = reply.json()["error"].as_str().unwrap_or("").to_owned();
                    let expected = match by {
                        Credential::Nothing => Some("unauthorized"),
                        Credential::Cookie if !(page.is_ours() && token == Token::Right) => Some("csrf_refused"),
                        _ => None,
                    };
                    tried += 1;
                    accepted += usize::from(!["unauthorized", "csrf_refused"].contains(&&*code));
                    let right = match expected {
                        Some(wanted) => code == wanted,
                        // It came through, to a thing that is not there, or a body that is not for it.
                        None => !["unauthorized", "csrf_refused"].contains(&&*code),
                    };
                    if !right {
                        wrong.push(format!("{method} {page:?} {by:?} {token:?}: {} {code}", reply.status));
                    }
                }
            }
        }
    }
    println!("{tried} tried, {accepted} accepted, {} wrongly", wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!((tried, accepted), (4 * 11 * 4 * 4, 4 * (2 + 11 * 2 * 4)));
    assert_eq!(studio.user_id("owner@localhost").await.unwrap(), owner);
}

#[tokio::test]
async fn who_has_no_session_must_be_no_page_of_another_either() {
    let studio = studio();
    let session = studio.set_up().await.unwrap();
    let body = json!({ "email": "owner@localhost", "password": studio_testkit::people::PASSWORD });
    let mut refused = 0;
    for page in PAGES {
        for cookie in [false, true] {
            let mut request = studio.bare_request(Method::POST, "/api/v1/auth/login").json(&body);
            for (name, value) in page.lines(&studio) {
                request = request.header(name, value);
            }
            if cookie {
                request = request.header("Cookie", &session.cookie);
            }
            let reply = Studio::send(request).await.unwrap();
            // A script that shows none of what browsers show is no browser.
            let passes = page.is_ours() || (page == Page::NothingAtAll && !cookie);
            let expected = if passes { StatusCode::OK } else { StatusCode::FORBIDDEN };
            assert_eq!(reply.status, expected, "{page:?} {cookie} {}", reply.json());
            refused += usize::from(!passes);
        }
    }
    println!("{refused} of 22 refused");
    assert_eq!(refused, 17);
}

#[tokio::test]
async fn what_a_page_of_another_sends_is_no_try_of_whoever_reads_it() {
    let studio = Studio::start(setup().variable("STUDIO_LIMITS__AUTH", "3/15min")).unwrap();
    let owner = studio.set_up().await.unwrap();
    let body = json!({ "email": "owner@localhost", "password": "x", "current": "x", "new": "y" });
    for path in ["/api/v1/auth/login", "/api/v1/auth/accept", "/api/v1/auth/password"] {
        for _ in 0..5 {
            let request = studio.bare_request(Method::POST, path).json(&body).header("Cookie", &owner.cookie);
            let reply = Studio::send(request.header("Sec-Fetch-Site", "cross-site")).await.unwrap();
            assert_eq!((reply.status, reply.json()["error"].as_str()), (StatusCode::FORBIDDEN, Some("csrf_refused")));
        }
    }
    studio.sign_in("owner@localhost", studio_testkit::people::PASSWORD).await.unwrap();
    let change = json!({ "current": studio_testkit::people::PASSWORD, "new": "another mule in the battery" });
    let request = studio.request_by(&owner, Method::POST, "/api/v1/auth/password").json(&change);
    assert_eq!(Studio::send(request).await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn a_listed_origin_passes_with_the_token_and_reading_needs_neither() {
    let app = "https://app.example.com";
    let studio = Studio::start(setup().config(&format!("[cors]\norigins = [\"{app}\"]\n"))).unwrap();
    let session = studio.set_up().await.unwrap();
    let post = |token: Option<&str>| {
        let request = studio.bare_request(Method::POST, "/api/v1/sessions/revoke-others");
        let request =
            request.header("Cookie", &session.cookie).header("Origin", app).header("Sec-Fetch-Site", "cross-site");
        token.into_iter().fold(request, |request, token| request.header("X-CSRF-Token", token))
    };
    assert_eq!(Studio::send(post(None)).await.unwrap().json()["error"], "csrf_refused");
    assert_eq!(Studio::send(post(Some(&session.csrf))).await.unwrap().status, StatusCode::OK);
    let read = studio.bare_request(Method::GET, "/api/v1/auth/session").header("Cookie", &session.cookie);
    let read = read.header("Sec-Fetch-Site", "cross-site").header("Origin", "https://evil.example");
    let reply = Studio::send(read).await.unwrap();
    assert_eq!((reply.status, reply.json()["csrfToken"].as_str()), (StatusCode::OK, Some(&*session.csrf)));
    assert_eq!(reply.header("access-control-allow-origin"), "", "and no page of theirs can read it");
}
