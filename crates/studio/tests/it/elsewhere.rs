//! Pictures at addresses of others: fetched at the door as the rule for what users name allows, kept as if they had come inline, and
//! refused in words that tell nothing of the network inside.
//!
//! No place on this machine is public, so where one is needed the server runs in this process, with its own door and store, and what it
//! fetches from `pictures.example` lies on a server of the test. The program knows no such thing.

use crate::{
    assert_clean,
    chat::{CHAT, talking},
};
use async_trait::async_trait;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use studio_core::{
    caller::Scope,
    catalog::Catalog,
    job::Durability,
    people::Role,
    ports::{Body, Chance, Clock, Destination, FetchError, Fetcher, Keyrings, NoKeyring},
    seal::{Keyring, MasterKey},
    secret::Secret,
    time::Timestamp,
};
use studio_outbound::{
    fetch::HttpFetcher,
    providers::openai::{OpenAiProvider, OpenAiSettings},
};
use studio_server::{
    app::{App, Lane, Parts},
    commands::people::{Doer, NewKey, create_key, ensure_user},
    http::{router, serve},
    lifecycle,
    settings::{Front, LimitSettings, UploadSettings},
    work::inspector::Inspector,
};
use studio_store::{FolderAssets, MemoryLimiter, Options, SqliteStore};
use studio_testkit::{
    openai::{Behaviour, KEY, OpenAi, PICTURE},
    scripted::{Part, Scripted, opened, redirect, whole},
    studio::{Reply, Studio, test_client},
};
use tempfile::TempDir;
use tokio::net::TcpListener;

const PUBLIC: &str = "http://pictures.example";

/// The real fetcher, for which `pictures.example` is a place of the test.
struct Placed {
    real: HttpFetcher,
    place: String,
}

#[async_trait]
impl Fetcher for Placed {
    fn check(&self, destination: &Destination, url: &str) -> Result<(), FetchError> {
        self.real.check(destination, url)
    }

    async fn open(&self, destination: &Destination, url: &str, cap: u64) -> Result<Body, FetchError> {
        assert_eq!(destination, &Destination::UserGiven, "what a user named goes as such");
        match url.strip_prefix(PUBLIC) {
            Some(path) => {
                // As from a provider's origin: redirects are followed, and any address may be it.
                let there = Destination::ProviderGiven { origin: Some(self.place.clone()) };
                self.real.open(&there, &format!("{}{path}", self.place), cap).await
            }
            None => self.real.open(destination, url, cap).await,
        }
    }
}

struct Now(Instant);

impl Clock for Now {
    fn now(&self) -> Timestamp {
        let ms = i64::try_from(self.0.elapsed().as_millis()).unwrap();
        Timestamp::from_millis(1_795_600_000_000 + ms)
    }
}

/// Never twice the same, and no chance at all.
struct Counted(AtomicU64);

impl Chance for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        for piece in bytes.chunks_mut(8) {
            let mixed = self.0.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17);
            piece.copy_from_slice(&mixed.wrapping_mul(0xd6e8_feb8_6659_fd93).to_le_bytes()[..piece.len()]);
        }
    }
}

/// Nothing is sealed here.
struct OneKey;

impl Keyrings for OneKey {
    fn keyring(&self) -> Result<Arc<Keyring>, NoKeyring> {
        Ok(Arc::new(Keyring::new(MasterKey::new([7; 32]), [])))
    }
}

/// A server in this process.
struct Here {
    app: Arc<App>,
    address: SocketAddr,
    api: OpenAi,
    place: Scripted,
    client: reqwest::Client,
    folder: TempDir,
}

impl Here {
    async fn start() -> Self {
        let (api, place) = (OpenAi::start(Behaviour::Normal).unwrap(), Scripted::start().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let own: Value = toml::from_str(crate::chat::TALKER).unwrap();
        let entries =
            own["models"].as_array().unwrap().iter().map(|entry| serde_json::from_value(entry.clone()).unwrap());
        let entries: Vec<_> = entries.collect();
        let provider = OpenAiProvider::new(OpenAiSettings {
            name: "openai".into(),
            base_url: api.base_url(),
            api_key: Some(Secret::new(KEY)),
            max_completion_tokens: true,
            own_key: false,
        });
        let lane = Lane::new(Arc::new(provider), 8, Some(api.base_url()));
        let app = App::new(Parts {
            store: Arc::new(SqliteStore::open(folder.path(), Options::default()).unwrap()),
            assets: Arc::new(FolderAssets::open(&folder.path().join("blobs")).unwrap()),
            limiter: Arc::new(MemoryLimiter::new()),
            fetcher: Arc::new(Placed { real: HttpFetcher::default(), place: place.origin() }),
            clock: Arc::new(Now(Instant::now())),
            chance: Arc::new(Counted(AtomicU64::new(1))),
            catalog: Catalog::load(&entries).unwrap(),
            lanes: BTreeMap::from([("openai".to_owned(), lane)]),
            workers: Vec::new(),
            limits: LimitSettings { chat: Some("10000/min".parse().unwrap()), ..LimitSettings::default() },
            front: Front::default(),
            durability: Durability::Process,
            connections: 1000,
            retention: None,
            keyrings: Arc::new(OneKey),
            upload_limits: UploadSettings::default(),
            inspector: Inspector::new(env!("CARGO_BIN_EXE_studio").into()),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        lifecycle::prepare(&app, address).await.unwrap();
        app.doors.spawn(serve(app.clone(), listener, router(app.clone())));
        let client = test_client().unwrap();
        Self { app, address, api, place, client, folder }
    }

    async fn key(&self, email: &str) -> String {
        let new = NewKey { name: "test".into(), scopes: Scope::ALL.into(), ..NewKey::default() };
        let desk = self.app.desk();
        let owner = ensure_user(desk, &Doer::STUDIO, email, Role::Admin).await.unwrap();
        let made = create_key(desk, &Doer::STUDIO, &owner, new).await.unwrap();
        made.1.expose().to_owned()
    }

    fn request(&self, key: &str, query: &str, body: &Value) -> reqwest::RequestBuilder {
        self.client.request(Method::POST, format!("http://{}{CHAT}{query}", self.address)).bearer_auth(key).json(body)
    }

    async fn show(&self, key: &str, urls: &[String]) -> Reply {
        Studio::send(self.request(key, "", &shown(urls))).await.unwrap()
    }

    /// Files among the blobs, passing ones too.
    fn blobs(&self) -> usize {
        fn files(folder: &std::path::Path) -> usize {
            let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
        }
        files(&self.folder.path().join("blobs"))
    }

    fn jobs(&self) -> usize {
        self.api.chats().len()
    }
}

fn shown(urls: &[String]) -> Value {
    let pictures = urls.iter().map(|url| json!({ "type": "image", "url": url }));
    let parts: Vec<_> = std::iter::once(json!({ "type": "text", "text": "what is it?" })).chain(pictures).collect();
    json!({ "modelId": "talker", "messages": [{ "role": "user", "content": parts }] })
}

fn fault(reply: &Reply) -> (u16, String, String) {
    let body = reply.json();
    let fault = &body["details"]["fields"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (reply.status.as_u16(), text(&fault["field"]), text(&fault["message"]))
}

#[tokio::test]
async fn a_picture_elsewhere_is_fetched_once_and_kept_as_an_asset_of_its_owner() {
    let here = Here::start().await;
    let key = here.key("a@example.org").await;
    here.place.answer("/cat", whole(200, "text/plain", PICTURE));
    here.place.answer("/moved", redirect("/cat"));
    let urls = ["/cat.png?secret=1", "/moved"].map(|path| format!("{PUBLIC}{path}"));
    let send = || here.request(&key, "", &shown(&urls)).header("Idempotency-Key", "once");
    let reply = Studio::send(send()).await.unwrap();
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.json());
    let sent = here.api.chats()[0].body["messages"][0]["content"].clone();
    for at in [1, 2] {
        let url = sent[at]["image_url"]["url"].as_str().unwrap();
        assert!(url.starts_with("data:image/png;base64,"), "told by its bytes, and nobody else's address is passed on");
    }
    let asked = ["GET /cat.png?secret=1", "GET /moved", "GET /cat"];
    let mut was_asked = here.place.asked();
    was_asked.sort_by_key(|path| asked.iter().position(|asked| asked == path));
    assert_eq!(was_asked, asked);
    assert_eq!(here.blobs(), 1, "the same bytes are kept once");
    // A replay is the same job, and asks nobody.
    let again = Studio::send(send()).await.unwrap();
    assert_eq!((again.header("idempotent-replayed"), &again.json()["jobId"]), ("true", &reply.json()["jobId"]));
    assert_eq!((here.place.asked().len(), here.jobs()), (3, 1));
    // A try asks nobody either, and still refuses what could never be.
    let tried = Studio::send(here.request(&key, "?dryRun=true", &shown(&urls))).await.unwrap();
    assert_eq!((tried.status, &tried.json()["dryRun"]), (StatusCode::OK, &json!(true)), "{}", tried.json());
    for url in ["http://127.0.0.1/cat.png", "http://[::1]/", "ftp://pictures.example/cat.png"] {
        let refused = Studio::send(here.request(&key, "?dryRun=true", &shown(&[url.to_owned()]))).await.unwrap();
        assert_eq!((refused.status.as_u16(), fault(&refused).1.as_str()), (400, "messages[0].content[1]"), "{url}");
    }
    assert_eq!(here.place.asked().len(), 3);
}

#[tokio::test]
async fn what_is_no_picture_or_too_much_is_refused_by_its_field_and_nothing_is_kept() {
    let here = Here::start().await;
    let key = here.key("a@example.org").await;
    let large = [PICTURE, &vec![0; 5 << 20][..]].concat();
    here.place.answer("/page", whole(200, "image/png", b"<!doctype html><title>It works!</title>"));
    here.place.answer("/svg", whole(200, "image/svg+xml", b"<svg onload=alert(1)>"));
    here.place.answer("/cut", whole(200, "image/png", &PICTURE[..PICTURE.len() - 5]));
    here.place.answer("/empty", whole(200, "image/png", b""));
    here.place.answer("/large", whole(200, "image/png", &large));
    here.place.answer(
        "/endless",
        vec![opened("image/png", "", ""), Part::Bytes(PICTURE.to_vec()), Part::Times(u64::MAX, vec![0; 1 << 16])],
    );
    here.place.answer("/lies", vec![opened("image/png", "Content-Length: 99999999999\r\n", ""), Part::Silence]);
    here.place.answer("/gzip", {
        let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\nConnection: close\r\n\r\n";
        vec![Part::Bytes([head.as_bytes(), b"\x1f\x8b\x08\0"].concat())]
    });
    here.place.answer("/round", redirect("/round"));
    here.place.answer("/inside", redirect("http://127.0.0.1:9/"));
    here.place.answer("/metadata", redirect("http://169.254.169.254/latest/meta-data/"));
    here.place.answer("/gone", vec![]);
    here.place.answer("/broken", vec![Part::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec())]);
    here.place.answer("/nonsense", vec![Part::Bytes(b"220 smtp.example ESMTP\r\n".to_vec())]);
    for (path, word) in [
        ("/page", "PNG, JPEG or WebP"),
        ("/svg", "PNG, JPEG or WebP"),
        ("/empty", "PNG, JPEG or WebP"),
        ("/gzip", "PNG, JPEG or WebP"),
        ("/cut", "cut off"),
        ("/large", "at most 5 MiB"),
        ("/endless", "at most 5 MiB"),
        ("/lies", "at most 5 MiB"),
        ("/absent", "the place answered 404"),
        ("/round", "could not be fetched"),
        ("/inside", "could not be fetched"),
        ("/metadata", "could not be fetched"),
        ("/gone", "could not be fetched"),
        ("/broken", "could not be fetched"),
        ("/nonsense", "could not be fetched"),
    ] {
        let reply = here.show(&key, &[format!("{PUBLIC}{path}")]).await;
        let (status, field, message) = fault(&reply);
        assert_eq!((status, field.as_str()), (400, "messages[0].content[1]"), "{path}: {}", reply.json());
        assert!(message.contains(word), "{path}: {message}");
    }
    // Five at 5 MiB each are more than all may have; each by itself would do.
    here.place.answer("/fits", whole(200, "image/png", &[PICTURE, &vec![0; (4 << 20) + (1 << 19)]].concat()));
    let five: Vec<_> = (0..5).map(|at| format!("{PUBLIC}/fits{at}")).collect();
    let reply = here.show(&key, &five).await;
    assert!(fault(&reply).2.contains("at most 20 MiB"), "{}", reply.json());
    // Too many are not even asked for.
    let before = here.place.asked().len();
    let many: Vec<_> = (0..17).map(|at| format!("{PUBLIC}/fits{at}")).collect();
    assert_eq!(here.show(&key, &many).await.status, StatusCode::BAD_REQUEST);
    assert_eq!((here.place.asked().len(), here.jobs(), here.blobs()), (before, 0, 0));
}

#[tokio::test]
async fn a_user_has_few_fetches_at_once_and_leaves_turns_to_others() {
    let here = Here::start().await;
    let (key, other) = (here.key("a@example.org").await, here.key("b@example.org").await);
    here.place.answer("/held", [vec![Part::Held], whole(200, "image/png", PICTURE)].concat());
    here.place.answer("/free", whole(200, "image/png", PICTURE));
    let held: Vec<_> = (0..8).map(|at| vec![format!("{PUBLIC}/held{at}"), format!("{PUBLIC}/held{at}b")]).collect();
    let waiting = futures_util::future::join_all(held.iter().map(|urls| here.show(&key, urls)));
    let others = async {
        here.place.wait_for(4).await.unwrap();
        let reply = here.show(&other, &[format!("{PUBLIC}/free")]).await;
        assert_eq!(reply.status, StatusCode::OK, "others have turns of their own");
        assert_eq!(here.place.most_at_once(), 5, "four of the first user, one of the other");
        here.place.release();
    };
    let (replies, ()) = tokio::join!(waiting, others);
    assert!(replies.iter().all(|reply| reply.status == StatusCode::OK));
    assert_eq!((here.place.asked().len(), here.place.most_at_once()), (17, 5));
}

#[tokio::test]
async fn all_pictures_of_a_request_have_one_deadline() {
    let here = Here::start().await;
    let key = here.key("a@example.org").await;
    // A little comes again and again, so that no silence ends it: the deadline does, for all eight together.
    let drip = vec![opened("image/png", "", ""), Part::Bytes(PICTURE.to_vec()), Part::Drip(u64::MAX, vec![0], 200)];
    here.place.answer("/drip", drip);
    let began = Instant::now();
    let urls: Vec<_> = (0..8).map(|at| format!("{PUBLIC}/drip{at}")).collect();
    let reply = here.show(&key, &urls).await;
    println!("eight pictures that never end: refused after {:?}", began.elapsed());
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    let faults = reply.json()["details"]["fields"].as_array().unwrap().clone();
    let in_words = |fault: &Value| fault["message"].as_str().unwrap().contains("could not be fetched");
    assert!(faults.len() == 8 && faults.iter().all(in_words), "{faults:?}");
    // Had each had its own, the second four would have been asked for.
    assert_eq!((here.place.asked().len(), here.blobs()), (4, 0));
}

#[tokio::test]
async fn nothing_is_told_of_the_network_inside() {
    let (api, studio) = talking();
    let open = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = open.local_addr().unwrap().port();
    let mut told = std::collections::BTreeSet::new();
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        "http://127.0.0.1:8099/".to_owned(),
        "http://10.0.0.1/".to_owned(),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        format!("http://localhost:{port}/"),
        "http://nobody.invalid/".to_owned(),
        "http://[::1]/".to_owned(),
        "http://[fe80::1]/".to_owned(),
    ] {
        let reply = studio.post(CHAT, &shown(std::slice::from_ref(&url))).await.unwrap();
        let (status, field, message) = fault(&reply);
        assert_eq!((status, field.as_str()), (400, "messages[0].content[1]"), "{url}: {}", reply.json());
        told.insert(message);
    }
    assert_eq!(told.len(), 1, "there, not there, closed, unknown: all the same words: {told:?}");
    open.set_nonblocking(true).unwrap();
    assert!(open.accept().is_err(), "and nobody came");
    assert!(api.requests().is_empty());
    assert_clean(&studio, 0);
}
