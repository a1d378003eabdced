//! What everything in the server shares: the ports, the catalog, the providers, and who to tell.

use crate::{
    backlog::Backlog,
    commands::{
        OnTheirWay,
        people::{Desk, Hashing, LastSeen},
    },
    metrics::Metrics,
    news::News,
    settings::{AT_ONCE_LIMIT, Front, LimitSettings, PICTURE_ROOM, UploadSettings},
    work::{attempts::Attempts, inspector::Inspector, live::Lives, uploads::Uploads, workers::Supervisor},
};
use std::{
    collections::BTreeMap,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use studio_core::{
    catalog::Catalog,
    id::LeaseToken,
    job::Durability,
    ports::{AssetStore, Chance, Clock, Fetcher, Keyrings, Limiter, Provider, Store},
    time::Timestamp,
};
use tokio::sync::{Notify, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A provider, with how many jobs it may have at once and the bell of its queue.
pub struct Lane {
    /// The provider.
    pub provider: Arc<dyn Provider>,
    /// One permit for each job that it may have at once.
    pub permits: Arc<Semaphore>,
    /// Rung when its queue may have something for it, and it may have a place.
    bell: Notify,
    /// Whether its queue may hold something. A free place is then worth a look into the queue, which is a write to the store;
    /// most of the time nobody waits.
    waiting: AtomicBool,
    /// Its configured origin, where its outputs may lie too.
    pub origin: Option<String>,
    /// Most jobs that one user may have at work there at once.
    pub per_owner: Option<u32>,
    /// Whether the studio has a key for it, if it wants one.
    pub has_key: bool,
    /// Whether people may bring their own.
    pub takes_own_keys: bool,
}

impl Lane {
    /// A lane for `concurrency` jobs at once.
    pub fn new(provider: Arc<dyn Provider>, concurrency: usize, origin: Option<String>) -> Self {
        let permits = Arc::new(Semaphore::new(concurrency.max(1)));
        // What a run before this one has left is looked for first of all.
        let (bell, waiting) = (Notify::new(), AtomicBool::new(true));
        Self { provider, permits, bell, waiting, origin, per_owner: None, has_key: true, takes_own_keys: false }
    }

    /// The same, with or without a key of the studio's, taking those that people bring or not.
    #[must_use]
    pub fn with_keys(self, has_key: bool, takes_own_keys: bool) -> Self {
        Self { has_key, takes_own_keys, ..self }
    }

    /// The same, with at most so many places for each user.
    #[must_use]
    pub fn with_per_owner(self, most: Option<u32>) -> Self {
        Self { per_owner: most, ..self }
    }

    /// Something was queued.
    pub fn queued(&self) {
        self.waiting.store(true, Ordering::SeqCst);
        self.bell.notify_one();
    }

    /// A place became free.
    pub fn freed(&self) {
        if self.may_wait() {
            self.bell.notify_one();
        }
    }

    /// Whether its queue may hold something.
    pub(crate) fn may_wait(&self) -> bool {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Somebody looks into its queue now; what is queued from now on says so itself.
    pub(crate) fn looking(&self) {
        self.waiting.store(false, Ordering::SeqCst);
    }

    /// Something is still in its queue.
    pub(crate) fn still_waiting(&self) {
        self.waiting.store(true, Ordering::SeqCst);
    }

    /// Waits for its bell.
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }
}

/// What the program hands over to make an [`App`]: the ports, the catalog, the providers.
pub struct Parts {
    /// Remembers jobs, money, people.
    pub store: Arc<dyn Store>,
    /// Keeps bytes.
    pub assets: Arc<dyn AssetStore>,
    /// Counts calls.
    pub limiter: Arc<dyn Limiter>,
    /// Fetches what providers point to.
    pub fetcher: Arc<dyn Fetcher>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives chance.
    pub chance: Arc<dyn Chance>,
    /// Gives the master keys.
    pub keyrings: Arc<dyn Keyrings>,
    /// What can be asked for.
    pub catalog: Catalog,
    /// Who runs it, by name.
    pub lanes: BTreeMap<String, Lane>,
    /// Our own worker processes.
    pub workers: Vec<Arc<Supervisor>>,
    /// Configured limits.
    pub limits: LimitSettings,
    /// How much may be uploaded.
    pub upload_limits: UploadSettings,
    /// Looks into files.
    pub inspector: Inspector,
    /// How the outside sees the server.
    pub front: Front,
    /// What the answers to synchronous conversations promise.
    pub durability: Durability,
    /// Most connections at once.
    pub connections: usize,
    /// How long what is over is remembered. None: for ever.
    pub retention: Option<Duration>,
}

/// What everything in the server shares. Its parts are reached as if they were its own: `app.store`.
pub struct App {
    parts: Parts,
    /// Tells those who wait for a job that it changed.
    pub news: News,
    /// Who is being worked on.
    pub attempts: Attempts,
    /// What is counted for whoever watches from outside.
    pub metrics: Metrics,
    /// How much waits.
    pub backlog: Backlog,
    /// A place for each request that makes something and waits for it, and for each that follows something.
    pub places: crate::http::Places,
    /// A place for each upload.
    pub upload_places: crate::http::Places,
    /// Bytes of uploads that are not kept yet.
    pub on_their_way: OnTheirWay,
    /// What is being said.
    pub lives: Lives,
    /// Room for pictures on their way to providers.
    pub picture_room: Semaphore,
    /// Turns of those who have pictures fetched.
    pub fetches: crate::commands::Fetches,
    /// Where workers put what they made.
    pub uploads: Uploads,
    /// Keys and sessions that were checked a moment ago.
    pub callers: crate::http::CallerMemory,
    /// When keys and sessions were used last.
    pub last_seen: LastSeen,
    /// Hashes passwords, few at once.
    pub hashing: Hashing,
    /// Requests under way with the same idempotency key.
    pub flights: crate::http::Flights,
    /// Loops and attempts: drained first when the server stops.
    pub work: TaskTracker,
    /// Connections and requests: they end after the work, for workers hand in their outputs through the same door.
    pub doors: TaskTracker,
    /// Falls when the server is to stop: no new work is taken.
    pub stopping: CancellationToken,
    /// Falls when what still runs is to be left as it is.
    pub giving_up: CancellationToken,
    /// Falls when the door closes.
    pub closing: CancellationToken,
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

/// Three of four connections may be long ones.
fn long_places(connections: usize) -> usize {
    (connections / 4 * 3).max(1)
}

/// One of four may be an upload.
fn upload_places(connections: usize) -> usize {
    (connections / 4).max(1)
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            news: News::default(),
            attempts: Attempts::default(),
            metrics: Metrics::new(),
            backlog: Backlog::new(parts.limits.queued, parts.limits.queued_per_user),
            places: crate::http::Places::new(
                long_places(parts.connections),
                parts.limits.at_once.unwrap_or(AT_ONCE_LIMIT),
            ),
            upload_places: crate::http::Places::of_uploads(
                upload_places(parts.connections),
                parts.upload_limits.at_once(),
            ),
            on_their_way: OnTheirWay::default(),
            lives: Lives::default(),
            picture_room: Semaphore::new(PICTURE_ROOM as usize),
            fetches: crate::commands::Fetches::default(),
            uploads: Uploads::default(),
            callers: crate::http::CallerMemory::default(),
            last_seen: LastSeen::default(),
            hashing: Hashing::default(),
            flights: crate::http::Flights::default(),
            work: TaskTracker::new(),
            doors: TaskTracker::new(),
            stopping: CancellationToken::new(),
            giving_up: CancellationToken::new(),
            closing: CancellationToken::new(),
            parts,
        })
    }

    /// Whether a provider can be asked by a key of the studio's.
    pub fn is_ready(&self, provider: &str) -> bool {
        self.lanes.get(provider).is_some_and(|lane| lane.has_key)
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What verbs of people work with.
    pub fn desk(&self) -> Desk<'_> {
        Desk { store: self.store.as_ref(), clock: self.clock.as_ref(), chance: self.chance.as_ref() }
    }

    /// A fresh lease.
    pub fn lease(&self) -> LeaseToken {
        LeaseToken::new(self.now(), self.chance.id_bytes())
    }

    /// When a further attempt may start.
    pub fn retry_at(&self, next_attempt: u32, asked: Option<Duration>) -> Timestamp {
        self.now().plus(studio_core::retry::delay(next_attempt, self.chance.number(), asked))
    }
}
