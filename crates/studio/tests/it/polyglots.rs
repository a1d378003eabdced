//! What users and models made never runs in our origin (promise 41): files that are a picture and a page at once are offered to the
//! studio in every way, and what it takes is opened in a real browser in every way.
//!
//! First the same files are put on a server without any care, where they must run: else silence here would mean nothing.

use crate::{
    IMAGE,
    jobs::with_worker,
    shares::{parts_of, share},
    upload::UPLOAD,
};
use reqwest::{Method, StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use studio_testkit::{
    browser::Browser,
    cog_worker::{Behaviour, CogWorker},
    polyglots::{Harm, Polyglot, RAN, corpus},
    studio::Studio,
    website::WebSite,
};

/// What a page can do with an address, without and with a script.
const EVERY_USE: &str = "<img src=URL><iframe src=URL></iframe><object data=URL></object><embed src=URL>\
    <iframe sandbox='allow-scripts' src=URL></iframe><video src=URL></video><audio src=URL></audio>\
    <link rel=stylesheet href=URL><link rel=stylesheet type=text/css charset=utf-8 href=URL>\
    <svg><use href=URL#x></use><image href=URL></image></svg><picture><source srcset=URL><img></picture>\
    <script src=URL></script><script src=URL charset=iso-8859-1></script><script src=URL charset=utf-8></script>\
    <script type=module src=URL></script><link rel=manifest href=URL><frameset><frame src=URL></frameset>";
/// Resolves when each of the ways in which a script starts another has succeeded or failed.
const EVERY_START: &str = "const [urls, done] = arguments;
    const settled = start => Promise.resolve().then(start).then(() => 'ran', () => 'refused');
    const worker = make => settled(() => new Promise((well, ill) => {
        const it = make(); (it.port || it).onmessage = well; it.onerror = ill; setTimeout(well, 1500);
    }));
    Promise.all(urls.map(url => Promise.all([
        settled(() => navigator.serviceWorker.register(url)), settled(() => import(url)),
        worker(() => new Worker(url)), worker(() => new Worker(url, { type: 'module' })),
        settled(() => fetch(url).then(answer => answer.text()).then(text => { if (!text) throw 0; })),
    ]))).then(done);";

/// Which of them have run since the last time: by what the canary heard, by the console, and by the title.
async fn ran(browser: &Browser, canary: &WebSite) -> BTreeSet<String> {
    let mut ran = BTreeSet::new();
    if browser.title().await.is_ok_and(|title| title == "ran") {
        ran.insert("by its title".into());
    }
    for line in browser.console().await.unwrap() {
        if let Some((_, rest)) = line.split_once(RAN) {
            ran.insert(rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect());
        }
    }
    let heard = canary.take_asked().into_iter();
    ran.extend(heard.filter_map(|asked| asked.path.strip_prefix("/ran/").map(str::to_owned)));
    ran
}

/// Puts each on a server that believes everything, and opens it there as its maker wishes: all must run that can.
async fn prove_that_they_run(browser: &Browser, canary: &WebSite, corpus: &[Polyglot]) -> usize {
    let careless = WebSite::start().unwrap();
    let (mut proven, mut idle) = (0, Vec::new());
    for one in corpus {
        let path = format!("/{}", one.name);
        match one.harm {
            Harm::None => continue,
            Harm::Page(media_type) => careless.put(&path, media_type, one.bytes.clone()),
            Harm::Script(charset) => {
                careless.put(&format!("{path}.js"), "text/javascript", one.bytes.clone());
                let page = format!("<!doctype html><script src={path}.js charset={charset}></script>");
                careless.put(&path, "text/html", page);
            }
        }
        browser.open(&format!("{}{path}", careless.origin())).await.unwrap();
        if ran(browser, canary).await.contains(&one.name) { proven += 1 } else { idle.push(&one.name) }
    }
    assert!(idle.is_empty(), "they don't run even where nobody minds: {idle:?}");
    // What they left there, such as a worker, is another origin's and stays there.
    proven
}

/// What the studio took of it and made of that, as paths to look at; empty where it refused every way in.
async fn taken(studio: &Studio, worker: &CogWorker, one: &Polyglot) -> Vec<String> {
    let (mut paths, mut kept) = (Vec::new(), BTreeSet::new());
    // A provider's answer.
    worker.set(Behaviour::UrlOutput(format!("data:{};base64,{}", one.media_type, base64(&one.bytes))));
    let made = studio.post(IMAGE, &json!({ "prompt": one.name, "modelId": "lab" })).await.unwrap();
    paths.extend(path(&made.json()["images"][0]["url"]));
    // A user's file, with all that it says of itself, and with none of it: told as what it claims, or with no claim at all.
    let named = format!("?name={}", one.file_name);
    for (query, claim) in [("?keepMetadata=true", None), ("", None), (&*named, Some(one.media_type))] {
        let mut request = studio.request(Method::POST, &format!("{UPLOAD}{query}")).body(one.bytes.clone());
        if let Some(claim) = claim {
            request = request.header(CONTENT_TYPE, claim);
        }
        let sent = Studio::send(request).await.unwrap();
        let asset = sent.json()["asset"].clone();
        // The same bytes are looked at once.
        if sent.status != StatusCode::OK || !kept.insert(asset["sha256"].to_string()) {
            continue;
        }
        paths.extend(path(&asset["url"]));
        // The same shown to others, who are in no session of ours.
        let shared = share(studio, &json!({ "assetId": asset["id"], "title": one.name })).await;
        let [_, page, content, thumbnail] = parts_of(&shared);
        paths.push(content);
        if kept.len() == 1 {
            paths.push(page);
            paths.extend(asset["thumbnailUrl"].is_string().then_some(thumbnail));
        }
    }
    paths
}

fn path(url: &Value) -> Option<String> {
    url.as_str().map(str::to_owned)
}

/// What has run since the last time, as lines for whoever reads the failure.
async fn heard(browser: &Browser, canary: &WebSite, name: &str, place: &str) -> Option<String> {
    let ran = ran(browser, canary).await;
    (!ran.is_empty()).then(|| format!("{name} by {place}: {ran:?}"))
}

fn base64(bytes: &[u8]) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes)
}

#[tokio::test]
async fn what_users_and_models_made_never_runs_in_our_origin() {
    let canary = WebSite::start().unwrap();
    let corpus = corpus(&canary.origin());
    let browser = Browser::start().await.unwrap();
    let proven = prove_that_they_run(&browser, &canary, &corpus).await;
    assert!(proven >= 50, "{proven}");

    let worker = CogWorker::start(Behaviour::Normal).unwrap();
    let studio = with_worker(&worker);
    // A page of ours that somebody has made their own: of the studio's origin, and without a policy.
    let ours = WebSite::before(studio.address(), Some(studio.key())).unwrap();
    let mut kept = BTreeMap::new();
    for one in &corpus {
        let paths = taken(&studio, &worker, one).await;
        if !paths.is_empty() {
            kept.insert(one.name.clone(), paths);
        }
    }
    assert!(kept.len() >= 20, "too few were taken to tell: {:?}", kept.keys());
    let paths: usize = kept.values().map(Vec::len).sum();
    let (mut looks, mut runs) = (0, Vec::<String>::new());
    for (name, paths) in &kept {
        for path in paths {
            // What is downloaded instead of shown is an error here, and as it should be.
            drop(browser.open(&format!("{}{path}", ours.origin())).await);
            runs.extend(heard(&browser, &canary, name, path).await);
        }
        // All of them at once in a page of ours.
        let uses: String = paths.iter().map(|path| EVERY_USE.replace("URL", path)).collect();
        ours.put("/of-ours", "text/html", format!("<!doctype html><title>ours</title>{uses}"));
        browser.open(&format!("{}/of-ours", ours.origin())).await.unwrap();
        let started = browser.run_async(EVERY_START, &[json!(paths)]).await.unwrap();
        for (path, started) in paths.iter().zip(started.as_array().unwrap()) {
            assert_eq!([&started[0], &started[1]], ["refused", "refused"], "{name} by {path}: {started}");
            assert_eq!(started[4], "ran", "{name} by {path}: the bytes themselves could be had");
        }
        runs.extend(heard(&browser, &canary, name, "a page of ours").await);
        looks += paths.len() * (1 + EVERY_USE.matches("URL").count() + 4);
    }
    println!(
        "polyglots: {} made, {proven} run on a careless server, {} taken as {paths} paths, {} refused, {looks} looks from our \
         origin, {} ran",
        corpus.len(),
        kept.len(),
        corpus.len() - kept.len(),
        runs.len()
    );
    assert!(runs.is_empty(), "{runs:#?}");
    // It would have been heard.
    ours.put("/proof", "text/html", corpus.iter().find(|one| one.name == "page").unwrap().bytes.clone());
    browser.open(&format!("{}/proof", ours.origin())).await.unwrap();
    assert!(ran(&browser, &canary).await.contains("page"));
}
