//! People who sign in as browsers do: with a cookie, the token of their session, and the headers by which a browser tells whose
//! page it is.

use crate::{
    canaries,
    studio::{Reply, Studio},
};
use anyhow::{Context, Result, ensure};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// A password that will do.
pub const PASSWORD: &str = "correct mule battery staple";

/// Someone who is signed in.
#[derive(Debug, Clone)]
pub struct Session {
    /// `name=token`, as a browser sends it back.
    pub cookie: String,
    /// What a page of theirs sends to change anything.
    pub csrf: String,
    /// Who.
    pub user: Value,
}

impl Session {
    /// From the answer that made it.
    pub fn of(reply: &Reply) -> Result<Self> {
        ensure!(reply.status == StatusCode::OK, "not signed in: {} {}", reply.status, reply.json());
        let cookie = reply.header("set-cookie").split(';').next().unwrap_or("").to_owned();
        let token = cookie.split_once('=').context("a cookie")?.1;
        // From here on it is to be seen nowhere.
        canaries::plant(token);
        let body = reply.json();
        let csrf = body["csrfToken"].as_str().context("a token")?.to_owned();
        Ok(Self { cookie, csrf, user: body["user"].clone() })
    }
}

impl Studio {
    /// The token of the link by which the first owner sets the studio up.
    pub fn setup_token(&self) -> Result<String> {
        let link = std::fs::read_to_string(self.data().join("setup-link")).context("the link")?;
        Ok(link.trim().rsplit('/').next().unwrap_or_default().to_owned())
    }

    /// The first owner chooses a password.
    pub async fn set_up(&self) -> Result<Session> {
        let body = json!({ "token": self.setup_token()?, "password": PASSWORD });
        Session::of(&self.post_bare("/api/v1/auth/setup", &body).await?)
    }

    /// Signs someone in.
    pub async fn sign_in(&self, email: &str, password: &str) -> Result<Session> {
        Session::of(&self.try_to_sign_in(email, password).await?)
    }

    /// Tries to.
    pub async fn try_to_sign_in(&self, email: &str, password: &str) -> Result<Reply> {
        self.post_bare("/api/v1/auth/login", &json!({ "email": email, "password": password })).await
    }

    /// Posts JSON to a path, as a script that shows nothing.
    pub async fn post_bare(&self, path: &str, body: &Value) -> Result<Reply> {
        Self::send(self.bare_request(Method::POST, path).json(body)).await
    }

    /// The first key invites someone, and they come.
    pub async fn invite(&self, email: &str, role: &str) -> Result<Session> {
        let invited = self.post("/api/v1/invitations", &json!({ "email": email, "role": role })).await?.json();
        let body = json!({ "token": invited["link"]["token"], "password": PASSWORD });
        Session::of(&self.post_bare("/api/v1/auth/accept", &body).await?)
    }

    /// Someone who is known chooses a password, by a link that the first key makes.
    pub async fn give_password(&self, email: &str) -> Result<Session> {
        let id = self.user_id(email).await?;
        let made = self.post(&format!("/api/v1/users/{id}/reset-link"), &Value::Null).await?.json();
        let body = json!({ "token": made["link"]["token"], "password": PASSWORD });
        Session::of(&self.post_bare("/api/v1/auth/accept", &body).await?)
    }

    /// The id of someone.
    pub async fn user_id(&self, email: &str) -> Result<String> {
        let users = self.get("/api/v1/users").await?.json();
        let mut rows = users["items"].as_array().context("users")?.iter();
        let row = rows.find(|row| row["email"] == email).with_context(|| format!("{email} is not known"))?;
        Ok(row["id"].as_str().context("an id")?.to_owned())
    }

    /// A request by a page of theirs.
    pub fn request_by(&self, session: &Session, method: Method, path: &str) -> RequestBuilder {
        let request = self.bare_request(method, path).header("Cookie", &session.cookie);
        request.header("Sec-Fetch-Site", "same-origin").header("X-CSRF-Token", &session.csrf)
    }
}
