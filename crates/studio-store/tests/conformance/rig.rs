//! A store with two people in it, and short ways to say what a story needs.

use std::{collections::BTreeSet, future::Future, sync::Arc};
use studio_core::{
    bill::{Basis, Bill},
    caller::{ApiKey, KeyHash, Scope, User},
    catalog::Modality,
    id::{AssetId, AuditId, JobId, KeyId, LeaseToken, RequestId, ShareId, UserId},
    idempotency::{Fingerprint, IdempotencyKey, IdempotencyRecord},
    job::{Actor, ContentHash, Durability, Effect, Event, Job, NewJob, Output, Payer},
    ledger::{Cap, Limits, Standing, Window},
    library::{Facts, Origin, Share},
    media::MediaType,
    money::Nanos,
    parameter::Parameters,
    people::{Action, Actor as Who, AuditEntry, Role, Via},
    ports::{
        Admission, Admitted, Advance, Advanced, Asset, Checkpoint, Checkpointed, Claim, Forget, Forgotten, NewUpload,
        Said, Store,
    },
    price::{PriceList, Unit, Usage},
    request::{ChatRequest, Format, ImageRequest, Input, Message, Part, Picture, Role as Speaker},
    retry::{Failure, FailureKind},
    secret::Prompt,
    time::Timestamp,
    words::{Finish, Log, Segment},
};
use studio_store::{MemoryStore, Options, SqliteStore};

pub(crate) const PROVIDER: &str = "p";
pub(crate) const HOLD: Nanos = Nanos::new(100);

/// So many milliseconds after the stories begin.
pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000 + millis)
}

fn random(n: u32) -> [u8; 10] {
    let mut random = [7; 10];
    random[..4].copy_from_slice(&n.to_be_bytes());
    random
}

pub(crate) fn job_id(n: u32) -> JobId {
    JobId::new(at(i64::from(n)), random(n))
}

pub(crate) fn lease(n: u32) -> LeaseToken {
    LeaseToken::new(at(0), random(n))
}

pub(crate) fn key_id(n: u32) -> KeyId {
    KeyId::new(at(0), random(n))
}

pub(crate) fn asset_id(n: u32) -> AssetId {
    AssetId::new(at(0), random(n))
}

pub(crate) fn user(n: u32) -> User {
    User::new(UserId::new(at(0), random(n)), format!("{n}@example.com"), Role::Admin, at(0))
}

/// What is told of something that somebody does at a moment; `n` tells it from others.
pub(crate) fn entry_of(n: u32, now: Timestamp, action: Action) -> AuditEntry {
    AuditEntry::new(AuditId::new(at(0), random(n)), now, Who { user: None, via: Via::CommandLine }, action)
}

/// What is told where nobody will ask.
pub(crate) fn noted(now: Timestamp) -> AuditEntry {
    entry_of(0, now, Action::BudgetsSet)
}

pub(crate) fn key(n: u32, owner: UserId) -> ApiKey {
    let mut hash = [0; 32];
    hash[..4].copy_from_slice(&n.to_be_bytes());
    ApiKey {
        id: key_id(n),
        user: owner,
        name: format!("key {n}"),
        hash: KeyHash(hash),
        last4: "abcd".into(),
        scopes: BTreeSet::from(Scope::ALL),
        limits: [("generation".to_owned(), "3/s".parse().unwrap())].into(),
        created_at: at(i64::from(n)),
        expires_at: None,
        revoked_at: None,
    }
}

/// The `n`th job: of user 1, paid by key 1, asked for `n` milliseconds after the beginning.
pub(crate) fn draft(n: u32) -> Job {
    let now = at(i64::from(n));
    NewJob {
        id: job_id(n),
        owner: user(1).id,
        payer: Payer::Key(key_id(1)),
        request: RequestId::new(at(0), random(n)),
        modality: Modality::Image,
        model: "m".into(),
        provider: PROVIDER.into(),
        upstream: "upstream-m".into(),
        input: Input::Image(ImageRequest::new(Prompt::new("a cat, \"quoted\" ☂"), Parameters::new())),
        deadline: None,
        hold: HOLD,
        price_list: Some(PriceList {
            version: "m@1".into(),
            from: "2026-01-01".into(),
            rates: [(Unit::Call, 1_000_000)].into(),
            by: Vec::new(),
        }),
        warnings: vec!["mind the step".into()],
        durability: Durability::Power,
        now,
    }
    .queued()
}

pub(crate) fn plain(job: Job) -> Admission {
    let (assets, quota) = (Vec::new(), u64::MAX >> 1);
    Admission { job, idempotency: None, assets, claim: None, per_owner: None, own_key: None, entry: None, quota }
}

/// What a repeat of `owner`'s request under `key` finds it by; `body` stands for what was asked.
pub(crate) fn record(owner: &User, key: &str, body: u8) -> IdempotencyRecord {
    IdempotencyRecord {
        user: owner.id,
        route: "POST /generate/image",
        key: IdempotencyKey::parse(key).unwrap(),
        fingerprint: Fingerprint([body; 32]),
    }
}

/// What key 1 has spent and holds, ever, against a limit.
pub(crate) fn standing(limit: i64, committed: i64) -> Standing {
    let cap = Cap { payer: Payer::Key(key_id(1)), window: Window::Lifetime, limit: Nanos::new(limit) };
    Standing { cap, committed: Nanos::new(committed) }
}

pub(crate) fn output(n: u32) -> Output {
    Output {
        asset: asset_id(n),
        hash: ContentHash([9; 32]),
        media_type: MediaType::Webp,
        bytes: 12_345,
        seed: Some(u64::from(u32::MAX)),
    }
}

/// So much, for as many calls, as the provider told.
fn bill(charge: i64) -> Bill {
    let measured = Some(Usage::of(Unit::Call, charge.unsigned_abs()));
    Bill { amount: Nanos::new(charge), basis: Some(Basis::Told), measured, ..Bill::default() }
}

pub(crate) fn failed(kind: FailureKind, charge: i64, retry_at: Timestamp) -> Event {
    let failure = Failure::new(kind, "it did not work");
    Event::AttemptFailed { failure, harmless: false, bill: bill(charge), retry_at }
}

pub(crate) fn completed(n: u32, charge: i64) -> Event {
    Event::Completed { outputs: vec![output(n)], finish: None, bill: bill(charge) }
}

/// The end of a job that only said something.
pub(crate) fn told(charge: i64) -> Event {
    Event::Completed { outputs: Vec::new(), finish: Some(Finish::Stop), bill: bill(charge) }
}

pub(crate) fn cut_short(charge: i64) -> Event {
    let failure = Failure::new(FailureKind::CutOff, "it broke off");
    Event::CutShort { failure, bill: bill(charge) }
}

pub(crate) fn canceled(charge: i64) -> Event {
    Event::CanceledAtProvider { bill: bill(charge) }
}

/// `text` as an answer, said in an epoch from an offset on.
pub(crate) fn said(epoch: u32, offset: u64, text: &str) -> Said {
    Said { epoch, offset, segments: vec![Segment::text(text)] }
}

/// What `owner`'s input brings along.
pub(crate) fn brought(n: u32, owner: &User, job: JobId) -> Asset {
    let Output { asset: id, hash, media_type, bytes, .. } = output(n);
    Asset {
        id,
        owner: owner.id,
        job: Some(job),
        origin: Origin::Sent,
        hash,
        media_type,
        bytes,
        name: None,
        facts: Facts::default(),
        thumbnail: None,
        created_at: at(3),
    }
}

/// The address of some bytes.
pub(crate) fn hash_of(n: u8) -> ContentHash {
    ContentHash([n; 32])
}

/// Job `n`, a conversation that shows an asset.
pub(crate) fn showing(n: u32, asset: &Asset) -> Job {
    let Asset { id, hash, media_type, bytes, .. } = asset.clone();
    let parts = vec![Part::Picture(Picture { asset: id, hash, media_type, bytes, tokens: 0, raster: None })];
    let messages = vec![Message { role: Speaker::User, parts, tool_calls: Vec::new(), tool_call_id: None }];
    let request = ChatRequest {
        messages,
        tools: Vec::new(),
        tool_choice: None,
        format: Format::Text,
        stop: Vec::new(),
        streams: false,
        parameters: Parameters::new(),
    };
    Job { input: Input::Chat(request), ..draft(n) }
}

/// Asset `n`, uploaded by a user, with room for more.
pub(crate) fn upload(n: u32, owner: u32, bytes: u64) -> NewUpload {
    let asset = brought(n, &user(owner), job_id(n));
    let hash = hash_of(u8::try_from(n).unwrap());
    let asset = Asset { job: None, origin: Origin::Uploaded, hash, media_type: MediaType::Png, bytes, ..asset };
    NewUpload { asset, named: None, quota: u64::MAX >> 1 }
}

pub(crate) fn share_id(n: u32) -> ShareId {
    ShareId::new(at(0), random(n))
}

/// Page `n` of a user, which shows their asset of that number.
pub(crate) fn page(n: u32, owner: u32) -> Share {
    let (id, slug) = (share_id(n), format!("slug{n}"));
    Share { id, slug, owner: user(owner).id, asset: asset_id(n), title: Some("see".into()), created_at: at(4) }
}

/// Moves job `n`, and nothing more.
pub(crate) fn advance(n: u32, actor: Actor, event: Event, now: Timestamp) -> Advance {
    Advance { job: job_id(n), actor, event, said: None, entry: None, durability: Durability::Power, now }
}

/// A store with users 1 and 2, and their keys of the same numbers.
#[derive(Clone)]
pub(crate) struct Rig {
    pub(crate) store: Arc<dyn Store>,
}

impl Rig {
    pub(crate) async fn new(store: Arc<dyn Store>) -> Self {
        for n in [1, 2] {
            let owner = store.ensure_user(user(n), noted(at(0))).await.unwrap();
            store.create_key(key(n, owner.id), Limits::new(), noted(at(0))).await.unwrap();
        }
        Self { store }
    }

    /// Sets the one budget of a payer.
    pub(crate) async fn limit(&self, payer: Payer, window: Window, limit: i64) {
        assert!(
            self.store.set_budgets(payer, Limits::from([(window, Nanos::new(limit))]), noted(at(0))).await.unwrap()
        );
    }

    /// Caps what key 1 may ever spend.
    pub(crate) async fn cap(&self, limit: i64) {
        self.limit(Payer::Key(key_id(1)), Window::Lifetime, limit).await;
    }

    /// Admits and expects to be accepted.
    pub(crate) async fn accept(&self, admission: Admission) -> Job {
        match self.store.admit(admission).await.unwrap() {
            Admitted::Accepted(job) => job,
            other => panic!("not accepted: {other:?}"),
        }
    }

    pub(crate) async fn advance(&self, n: u32, actor: Actor, event: Event, now: Timestamp) -> Advanced {
        self.store.advance(advance(n, actor, event, now)).await.unwrap()
    }

    /// Moves job `n` and expects it to move.
    pub(crate) async fn moved(&self, n: u32, actor: Actor, event: Event) -> (Job, Vec<Effect>) {
        match self.advance(n, actor, event, at(1_000)).await {
            Advanced::Moved { job, effects } => (job, effects),
            other => panic!("not moved: {other:?}"),
        }
    }

    /// Someone new works on job `n`, by the lease of that number.
    pub(crate) async fn taken_over(&self, n: u32, by: u32) {
        let seen = self.store.job_for_work(job_id(n)).await.unwrap().unwrap().version;
        self.moved(n, Actor::Studio, Event::TakenOver { lease: lease(by), seen }).await;
    }

    /// What becomes of words of job `n`, told by the holder of a lease.
    pub(crate) async fn checkpoint(&self, n: u32, by: u32, said: Said) -> Checkpointed {
        self.store.checkpoint(Checkpoint { job: job_id(n), lease: lease(by), said }).await.unwrap()
    }

    /// What is kept of what job `n` said.
    pub(crate) async fn log(&self, n: u32, epoch: u32) -> Log {
        self.store.said(job_id(n), epoch).await.unwrap()
    }

    /// Takes one job by lease `n`.
    pub(crate) async fn claim(&self, n: u32) -> Vec<Job> {
        self.claim_at(&[n], at(1_000)).await
    }

    pub(crate) async fn claim_at(&self, leases: &[u32], now: Timestamp) -> Vec<Job> {
        let leases = leases.iter().map(|n| lease(*n)).collect();
        self.store.claim(Claim { provider: PROVIDER.into(), leases, per_owner: None, now }).await.unwrap()
    }

    /// Brings job `n`, which must be next in the queue, to `collecting`, held by lease `n`.
    pub(crate) async fn collecting(&self, n: u32) {
        assert_eq!(self.claim(n).await.first().map(|job| job.id), Some(job_id(n)));
        self.moved(n, Actor::Holder(lease(n)), Event::OutputsReady).await;
    }

    /// Forgets what was over before a moment, of the oldest so many jobs after one.
    pub(crate) async fn forget(&self, over_before: i64, after: Option<u32>, limit: u32) -> Forgotten {
        let forget = Forget { over_before: at(over_before), after: after.map(job_id), limit, now: at(90_000) };
        self.store.forget(forget).await.unwrap()
    }

    /// What key `n` has spent and holds.
    pub(crate) async fn committed(&self, n: u32) -> Nanos {
        let rows = self.store.keys(None).await.unwrap();
        rows.into_iter().find(|row| row.key.id == key_id(n)).unwrap().committed
    }

    pub(crate) async fn assert_audit_is_clean(&self) {
        let audit = self.store.audit().await.unwrap();
        assert_eq!((audit.sum, audit.violations), (0, Vec::new()));
    }
}

async fn tell<S, F>(store: Arc<dyn Store>, story: S)
where
    S: FnOnce(Rig) -> F,
    F: Future<Output = ()>,
{
    let rig = Rig::new(store).await;
    story(rig.clone()).await;
    rig.assert_audit_is_clean().await;
}

pub(crate) async fn on_sqlite<S, F>(story: S)
where
    S: FnOnce(Rig) -> F,
    F: Future<Output = ()>,
{
    let folder = tempfile::tempdir().unwrap();
    tell(Arc::new(SqliteStore::open(folder.path(), Options::default()).unwrap()), story).await;
}

pub(crate) async fn on_memory<S, F>(story: S)
where
    S: FnOnce(Rig) -> F,
    F: Future<Output = ()>,
{
    tell(Arc::new(MemoryStore::new()), story).await;
}
