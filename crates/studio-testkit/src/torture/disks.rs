//! Disks that fail: the one that fills up, and the one that can't be written at all. What must be true then is one story,
//! whatever takes the room away: [`no_room`].
//!
//! A small disk of its own for one process needs a name space of mounts, and that is not to be had everywhere. So these are
//! part of `make torture`, where not to have it is a failure, and the same story with a limit on files is part of `make test`.

use crate::studio::{Reply, Setup, Studio};
use anyhow::{Context, Result, bail, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    time::{Duration, Instant},
};

const IMAGE: &str = "/api/v1/generate/image";
/// Most requests until the room is gone: what a log has once written over again takes no more of it.
const MOST_TRIES: usize = 5000;
/// So many refusals are read.
const REFUSALS: usize = 20;
/// How long it may take until all goes on.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of the small disk, as `mount` takes them.
const SMALL: &str = "24m";

/// All faults of this file, each with what came of it.
pub async fn all(setup: &Setup) -> Vec<(&'static str, Result<()>)> {
    vec![
        ("a disk that fills up and gets room again", full_disk(setup).await),
        ("a data folder that can't be written", read_only(setup)),
    ]
}

/// A server on a small disk of its own, which somebody fills.
pub async fn full_disk(setup: &Setup) -> Result<()> {
    let disk = format!("mount -t tmpfs -o size={SMALL} none \"$STUDIO_DATA\"");
    let studio = Studio::start(in_own_mounts(setup, &disk)).context("a small disk can't be mounted for it")?;
    let filler = studio.data().join("filler");
    let fill = || {
        let (mut file, block) = (File::create(&filler)?, vec![1; 64 << 10]);
        loop {
            match file.write(&block) {
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                written => drop(written?),
            }
        }
    };
    no_room(&studio, fill, || Ok(fs::remove_file(&filler)?)).await
}

/// A server whose folder can't be written says so, and does not start.
pub fn read_only(setup: &Setup) -> Result<()> {
    let mount = "mount --bind \"$STUDIO_DATA\" \"$STUDIO_DATA\" && mount -o remount,ro,bind \"$STUDIO_DATA\"";
    let log = tempfile::NamedTempFile::new()?;
    let mut setup = in_own_mounts(setup, mount);
    setup.log = Some(log.path().to_owned());
    ensure!(Studio::start(setup).is_err(), "it started where it can write nothing");
    let said = fs::read_to_string(log.path())?;
    ensure!(said.contains("studio: ") && said.contains("Read-only"), "it does not say why it does not start: {said}");
    Ok(())
}

/// A server with mounts of its own, made by a line of shell.
fn in_own_mounts(setup: &Setup, mount: &str) -> Setup {
    let shell = format!("mkdir -p -m 700 \"$STUDIO_DATA\" && {mount} && exec \"$@\"");
    let mut setup = setup.clone().wrapped(&shell);
    setup.wrapper.splice(..0, ["unshare", "--map-root-user", "--mount"].map(str::to_owned));
    setup.own_mounts = true;
    setup
}

/// The story of a server that has no more room: what comes is refused with a clear word, what is there is shown, what was
/// accepted waits, and all goes on by itself when there is room again.
pub async fn no_room(
    studio: &Studio,
    take_away: impl FnOnce() -> Result<()>,
    give_back: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let first = studio.post(IMAGE, &picture("before", 256)).await?;
    ensure!(first.status == StatusCode::OK, "before: {:?}", first.json());
    let asset = first.json()["images"][0]["url"].as_str().context("no picture")?.to_owned();
    let bytes = studio.get(&asset).await?.body;
    let mut accepted = Vec::new();
    // Some are in the middle of it.
    for n in 0..3 {
        accepted.push(job_of(&submit(studio, &picture(&format!("in between {n}"), 1024)).await?)?);
    }
    take_away()?;
    let mut refused = 0;
    for n in 0.. {
        ensure!(n < MOST_TRIES, "there is no room, and only {refused} of {n} requests were refused");
        let reply = match n % 3 {
            0 => submit(studio, &conversation(n)).await?,
            _ => submit(studio, &picture(&format!("without room {n}"), 64)).await?,
        };
        match reply.status {
            StatusCode::ACCEPTED => accepted.push(job_of(&reply)?),
            _ => refused += usize::from(is_clear_refusal(&reply)?),
        }
        if refused == REFUSALS {
            break;
        }
    }
    for path in ["/api/v1/jobs", "/api/v1/usage", &format!("/api/v1/jobs/{}", accepted[0])] {
        let reply = studio.get(path).await?;
        ensure!(reply.status == StatusCode::OK, "without room {path} is {}: {:?}", reply.status, reply.json());
    }
    ensure!(studio.get(&asset).await?.body == bytes, "without room a picture is not there");
    let (ready, live) = (studio.get("/api/v1/health/ready").await?, studio.get("/api/v1/health/live").await?);
    ensure!((ready.status, live.status) == (StatusCode::SERVICE_UNAVAILABLE, StatusCode::OK), "{:?}", ready.json());
    give_back()?;
    let begun = Instant::now();
    loop {
        let reply = submit(studio, &picture("after", 64)).await?;
        if reply.status == StatusCode::ACCEPTED {
            accepted.push(job_of(&reply)?);
            break;
        }
        ensure!(begun.elapsed() < PATIENCE, "there is room again: {:?}", reply.json());
    }
    for job in &accepted {
        let end = studio.end_of(job).await.with_context(|| job.clone())?;
        ensure!(end["status"] == "succeeded", "what was accepted, after there is room again: {end}");
    }
    // Whoever asks often is told what was found a moment ago.
    while studio.get("/api/v1/health/ready").await?.status != StatusCode::OK {
        ensure!(begun.elapsed() < PATIENCE, "there is room again, and it is not ready");
        tokio::task::yield_now().await;
    }
    let verified = studio.verify()?;
    ensure!(verified["sum"] == "0" && verified["violations"] == json!([]) && verified["openHolds"] == 0, "{verified}");
    ensure!(verified["jobs"].as_u64() > Some(accepted.len() as u64), "the books of another place: {verified}");
    Ok(())
}

fn picture(prompt: &str, side: u32) -> Value {
    json!({ "prompt": format!("a storm, {prompt}"), "width": side, "height": side })
}

fn conversation(n: usize) -> Value {
    json!({ "messages": [{ "role": "user", "content": format!("How do I set a budget, for the {n}th time?") }] })
}

async fn submit(studio: &Studio, body: &Value) -> Result<Reply> {
    let path = if body["messages"].is_array() { "/api/v1/chat" } else { IMAGE };
    Studio::send(studio.request(Method::POST, path).header("Prefer", "wait=0").json(body)).await
}

fn job_of(reply: &Reply) -> Result<String> {
    Ok(reply.json()["jobId"].as_str().with_context(|| format!("no job: {:?}", reply.json()))?.to_owned())
}

/// Whether it is a refusal of those that a full disk makes.
fn is_clear_refusal(reply: &Reply) -> Result<bool> {
    let body = reply.json();
    let code = body["error"].as_str().unwrap_or_default();
    match (reply.status.as_u16(), code) {
        (507, "no_space") | (503, "store_unavailable" | "blobs_unavailable" | "busy") => {
            ensure!(body["success"] == false && body["requestId"].is_string(), "{body}");
            Ok(body["message"].as_str().is_some_and(|message| !message.is_empty()))
        }
        (status, _) => bail!("without room a request is answered by {status}: {body}"),
    }
}
