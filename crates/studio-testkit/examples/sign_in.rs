//! How long signing in takes for those who are there and for those who are not, one after the other in turn, and how long an open
//! stream outlives the rights of its reader: `sign_in <studio binary> [of each]`.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "this is a program for people")]

use anyhow::{Context, Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    env, fs,
    time::{Duration, Instant},
};
use studio_testkit::{
    cog_worker::{Behaviour, CogWorker},
    events::EventReader,
    people::Session,
    studio::{Setup, Studio},
};

/// Streams that are cut off for each reason.
const STREAMS: usize = 20;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let binary = arguments.first().context("usage: sign_in <studio binary> [of each]")?;
    let binary = fs::canonicalize(binary)?.to_string_lossy().into_owned();
    let of_each = arguments.get(1).map_or(Ok(50), |text| text.parse())?;
    let worker = CogWorker::start(Behaviour::Async)?;
    worker.hold();
    let config = format!(
        "[providers.lab]\nkind = \"cog\"\nbase_url = \"{}\"\npolled = true\nconcurrency = 1\n\
         [[models]]\nid = \"lab\"\nmodality = \"image\"\nprovider = \"lab\"\n[models.prices]\nimage = 0.5\n",
        worker.base_url()
    );
    let studio = Studio::start(Setup::of(&binary).config(&config).endless_queues())?;
    studio.set_up().await?;
    sign_in(&studio, of_each).await?;
    for ending in [Ending::Key, Ending::Session, Ending::User] {
        revoke(&studio, ending).await?;
    }
    worker.release();
    Ok(())
}

/// Wrong passwords, for an account that is there and for one that is not, in turn.
async fn sign_in(studio: &Studio, of_each: usize) -> Result<()> {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    // The first ones find nothing warm.
    for n in 0..of_each + 5 {
        for (email, times) in
            [("owner@localhost".to_owned(), &mut known), (format!("nobody{n}@example.com"), &mut unknown)]
        {
            let begun = Instant::now();
            let reply = studio.try_to_sign_in(&email, "not the password that it is").await?;
            let took = begun.elapsed();
            ensure!(reply.status == StatusCode::UNAUTHORIZED, "{} {}", reply.status, reply.json());
            if n >= 5 {
                times.push(took);
            }
        }
    }
    let (known, unknown) = (Spread::of(known), Spread::of(unknown));
    println!("{of_each} wrong passwords of a known account:    {known}");
    println!("{of_each} passwords of accounts that are not there: {unknown}");
    println!(
        "ratio of the medians {:.3}, of the p90 {:.3}",
        ratio(unknown.median, known.median),
        ratio(unknown.p90, known.p90)
    );
    Ok(())
}

fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64()
}

/// What ends someone's rights.
#[derive(Debug, Clone, Copy)]
enum Ending {
    Key,
    Session,
    User,
}

/// Opens streams, ends the rights of their readers one by one, and measures how long each goes on.
async fn revoke(studio: &Studio, ending: Ending) -> Result<()> {
    let mut times = Vec::new();
    for n in 0..STREAMS {
        let email = format!("{ending:?}{n}@example.com").to_lowercase();
        let session = studio.invite(&email, "member").await?;
        let made =
            post(studio, &session, "/api/v1/keys", &json!({ "name": "k", "scopes": ["account", "generate", "read"] }))
                .await?;
        let key = made["key"]["key"].as_str().context("a key")?.to_owned();
        let job = studio.request_by(&session, Method::POST, "/api/v1/generate/image").header("Prefer", "wait=0");
        let job = Studio::send(job.json(&json!({ "prompt": "a cat", "modelId": "lab" }))).await?.json();
        let path = format!("/api/v1/jobs/{}/events", job["jobId"].as_str().context("a job")?);
        let request = match ending {
            Ending::Session => studio.request_by(&session, Method::GET, &path),
            Ending::Key | Ending::User => studio.request_as(&key, Method::GET, &path),
        };
        let mut stream = EventReader::open(request).await?;
        stream.next().await.context("a snapshot")?;
        match ending {
            Ending::Key => {
                let id = made["key"]["id"].as_str().context("its id")?;
                let path = format!("/api/v1/keys/{id}");
                ensure!(
                    Studio::send(studio.request_by(&session, Method::DELETE, &path)).await?.status == StatusCode::OK
                );
            }
            Ending::Session => drop(post(studio, &session, "/api/v1/auth/logout", &Value::Null).await?),
            Ending::User => {
                let path = format!("/api/v1/users/{}", session.user["id"].as_str().context("an id")?);
                let request = studio.request(Method::PATCH, &path).json(&json!({ "disabled": true }));
                ensure!(Studio::send(request).await?.status == StatusCode::OK);
            }
        }
        let ended = Instant::now();
        while stream.next().await.is_some() {}
        times.push(ended.elapsed());
    }
    println!("{STREAMS} open streams after the end of their {ending:?}: {}", Spread::of(times));
    Ok(())
}

async fn post(studio: &Studio, session: &Session, path: &str, body: &Value) -> Result<Value> {
    let reply = Studio::send(studio.request_by(session, Method::POST, path).json(body)).await?;
    ensure!(reply.status == StatusCode::OK, "{path}: {} {}", reply.status, reply.json());
    Ok(reply.json())
}

/// How long it took.
struct Spread {
    median: Duration,
    p90: Duration,
    longest: Duration,
}

impl Spread {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
        Self { median: at(50), p90: at(90), longest: times.last().copied().unwrap_or_default() }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        write!(f, "median {:.1} ms, p90 {:.1} ms, longest {:.1} ms", ms(self.median), ms(self.p90), ms(self.longest))
    }
}
