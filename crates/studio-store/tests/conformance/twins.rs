//! Random lives, lived on both stores at once: every answer is the same, and so are the books.

use crate::rig::{
    PROVIDER, Rig, advance, at, brought, canceled, completed, cut_short, draft, failed, hash_of, job_id, key, key_id,
    lease, noted, page, plain, record, showing, told, upload, user,
};
use crate::vault::{master, provider_key, sealed};
use proptest::prelude::*;
use std::sync::Arc;
use studio_core::{
    job::{Actor, Event, Job, KeySource, Payer, Priority, StopAnswer},
    ledger::{Audit, Limits, Window},
    money::Nanos,
    ports::{
        Admission, Advance, AssetFilter, Checkpoint, Claim, EntryFilter, Forget, JobFilter, NewUpload, Period, Said,
        Store, StoreError,
    },
    retry::FailureKind,
    seal::Place,
    words::{Segment, Voice},
};
use studio_store::{MemoryStore, Options, SqliteStore};

/// Room for two of the pictures that come inside requests.
const QUOTA: u64 = 30_000;

/// One thing that happens. Numbers are drawn from few, so that things meet.
#[derive(Debug, Clone)]
enum Happening {
    Admit(Request),
    Move { job: u32, by: Speaker, event: Event, words: Option<Words> },
    Checkpoint { job: u32, by: Speaker, words: Words, again: bool },
    Claim { leases: u32, per_owner: Option<u32> },
    CreateKey { id: u32, hash: u32, cap: Option<i64> },
    SetBudgets { payer: Payer, limits: Limits },
    RevokeKey { id: u32 },
    Entrust { owner: u32, provider: bool, by: u8 },
    TakeBack { owner: u32, provider: bool },
    Retire { master: u8 },
    Forget { before: i64, after: Option<u32>, limit: u32 },
    ForgetBlobs { until: i64, limit: u32 },
    Upload { asset: u32, owner: u32, bytes: u64, name: Option<(u8, u8)> },
    Remove { asset: u32, owner: u32 },
    Share { asset: u32, owner: u32 },
    Unshare { page: u32, owner: u32 },
}

#[derive(Debug, Clone)]
struct Request {
    job: u32,
    owner: u32,
    hold: i64,
    key: Option<(u8, u8)>,
    payer: u8,
    priced: bool,
    retry_of: Option<u32>,
    priority: Priority,
    per_owner: Option<u32>,
    claim: Option<u32>,
    later: bool,
    asset: Option<u32>,
    /// An asset that it shows.
    shows: Option<u32>,
}

/// What is said, where: most of it fits.
#[derive(Debug, Clone)]
struct Words {
    /// Added to the job's epoch.
    epoch: u32,
    offset: Offset,
    segments: Vec<Segment>,
}

#[derive(Debug, Clone)]
enum Offset {
    /// Where what is kept ends.
    End,
    At(u64),
}

#[derive(Debug, Clone)]
enum Speaker {
    /// Whoever holds the lease now.
    Holder,
    Stranger(u32),
    Studio,
    Person,
}

fn event() -> impl Strategy<Value = Event> {
    let failure = (0usize..4, 0i64..3).prop_map(|(kind, charge)| {
        let kinds = [FailureKind::Busy, FailureKind::Lost, FailureKind::Rejected, FailureKind::WorkerDied];
        failed(kinds[kind], charge * 40, at(charge * 300))
    });
    prop_oneof![
        1 => (0u32..9).prop_map(|n| Event::Claimed(lease(n))),
        1 => (0u32..9, 0u64..4).prop_map(|(n, seen)| Event::TakenOver { lease: lease(n), seen }),
        1 => Just(Event::Submitted { handle: "h".into() }),
        1 => (0u16..1200).prop_map(|progress| Event::Progress { stage: None, progress }),
        3 => Just(Event::OutputsReady),
        3 => (0u32..12, 0i64..150).prop_map(|(n, charge)| completed(n, charge)),
        2 => failure,
        1 => Just(canceled(3)),
        1 => Just(cut_short(7)),
        1 => Just(told(20)),
        1 => Just(Event::CancelRequested),
        1 => Just(Event::DeadlinePassed),
        1 => Just(Event::NotLanded { retry_at: at(400) }),
        1 => Just(Event::Resolved { charge: Nanos::new(120), note: "looked up".into() }),
        1 => Just(Event::StopAnswered(StopAnswer::Stopping)),
        2 => (0i64..150, -20i64..50).prop_map(|(cost, absorbed)| Event::Adjusted {
            cost: Nanos::new(cost), absorbed: Nanos::new(absorbed), note: "a bill".into(),
        }),
    ]
}

fn payer(kind: u8, n: u32) -> Payer {
    match kind {
        0 => Payer::User(user(n).id),
        3 => Payer::OwnKey(user(n).id),
        _ => Payer::Key(key_id(n)),
    }
}

fn words() -> impl Strategy<Value = Words> {
    let epoch = prop_oneof![4 => Just(0), 1 => Just(1)];
    let offset = prop_oneof![5 => Just(Offset::End), 2 => Just(Offset::At(0)), 2 => (0u64..12).prop_map(Offset::At)];
    // Few, so that some are said twice.
    let segment = prop_oneof![
        3 => Just(Segment::text("ab")),
        1 => Just(Segment::text("ü")),
        1 => Just(Segment::text("")),
        1 => Just(Segment { voice: Voice::Reasoning, text: "ab".into() }),
        1 => Just(Segment { voice: Voice::ToolCall { index: 1, id: "c".into(), name: "n".into() }, text: "{}".into() }),
    ];
    let segments = prop::collection::vec(segment, 0..3);
    (epoch, offset, segments).prop_map(|(epoch, offset, segments)| Words { epoch, offset, segments })
}

fn happening() -> impl Strategy<Value = Happening> {
    let speaker = || {
        prop_oneof![
            6 => Just(Speaker::Holder),
            1 => (0u32..9).prop_map(Speaker::Stranger),
            2 => Just(Speaker::Studio),
            2 => Just(Speaker::Person),
        ]
    };
    let admit = (
        0u32..12,
        1u32..4,
        prop_oneof![1 => Just(0), 4 => 1i64..200],
        prop::option::of((0u8..3, 0u8..2)),
        (
            0u8..4,
            prop::bool::weighted(0.9),
            prop::option::weighted(0.3, 0u32..12),
            0usize..3,
            prop::option::weighted(0.2, 1u32..3),
        ),
        prop::option::of(0u32..9),
        prop::bool::weighted(0.2),
        (prop::option::weighted(0.3, 0u32..12), prop::option::weighted(0.3, 0u32..12)),
    );
    prop_oneof![
        4 => admit.prop_map(|(job, owner, hold, key, (payer, priced, retry_of, rank, per_owner), claim, later, assets)| {
            let (asset, shows) = assets;
            let priority = Priority::ALL[rank];
            Happening::Admit(Request {
                job, owner, hold, key, payer, priced, retry_of, priority, per_owner, claim, later, asset, shows,
            })
        }),
        9 => (0u32..12, speaker(), event(), prop::option::weighted(0.3, words()))
            .prop_map(|(job, by, event, words)| Happening::Move { job, by, event, words }),
        6 => (0u32..12, speaker(), words(), prop::bool::weighted(0.3))
            .prop_map(|(job, by, words, again)| Happening::Checkpoint { job, by, words, again }),
        3 => (0u32..4, prop::option::weighted(0.3, 1u32..3))
            .prop_map(|(leases, per_owner)| Happening::Claim { leases, per_owner }),
        1 => (1u32..6, 1u32..6, prop::option::of(100i64..900))
            .prop_map(|(id, hash, cap)| Happening::CreateKey { id, hash, cap }),
        2 => (0u8..4, 0u32..4, prop::collection::btree_map(prop::sample::select(Window::ALL.to_vec()), 100i64..900, 0..3))
            .prop_map(|(kind, n, limits)| Happening::SetBudgets {
                payer: payer(kind, n), limits: limits.into_iter().map(|(w, limit)| (w, Nanos::new(limit))).collect(),
            }),
        1 => (1u32..6).prop_map(|id| Happening::RevokeKey { id }),
        2 => (0u32..12, 1u32..4, 0..QUOTA, prop::option::of((0u8..2, 0u8..2)))
            .prop_map(|(asset, owner, bytes, name)| Happening::Upload { asset, owner, bytes, name }),
        2 => (0u32..12, 1u32..4).prop_map(|(asset, owner)| Happening::Remove { asset, owner }),
        1 => (0u32..12, 1u32..4).prop_map(|(asset, owner)| Happening::Share { asset, owner }),
        1 => (0u32..12, 1u32..4).prop_map(|(page, owner)| Happening::Unshare { page, owner }),
        2 => (1u32..4, prop::bool::ANY, 1u8..3)
            .prop_map(|(owner, provider, by)| Happening::Entrust { owner, provider, by }),
        1 => (1u32..3, prop::bool::ANY).prop_map(|(owner, provider)| Happening::TakeBack { owner, provider }),
        1 => (0u8..3).prop_map(|master| Happening::Retire { master }),
        1 => (0i64..4_000, prop::option::weighted(0.3, 0u32..12), 0u32..6)
            .prop_map(|(before, after, limit)| Happening::Forget { before, after, limit }),
        1 => (0i64..4_000, 0u32..4).prop_map(|(until, limit)| Happening::ForgetBlobs { until, limit }),
    ]
}

/// What a store says, without the words of an error: those may differ.
fn answer<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Ok(answer) => format!("{answer:?}"),
        Err(StoreError::Unavailable(_)) => "unavailable".into(),
        Err(other) => format!("{other:?}"),
    }
}

impl Words {
    /// As words of the `n`th job, as it stands.
    async fn of(self, rig: &Rig, n: u32, job: Option<&Job>) -> Said {
        let epoch = job.map_or(0, |job| job.epoch) + self.epoch;
        let offset = match self.offset {
            Offset::End => rig.log(n, epoch).await.end(),
            Offset::At(offset) => offset,
        };
        Said { epoch, offset, segments: self.segments }
    }
}

async fn happen(rig: &Rig, number: u32, happening: Happening) -> String {
    let now = at(100 * i64::from(number));
    match happening {
        Happening::Admit(request) => {
            let Request { job: n, owner, hold, key, payer: kind, priced, retry_of, claim, later, asset, .. } = request;
            let shown = request.shows.map(|asset| brought(asset, &user(owner), job_id(n)));
            let mut job = shown.map_or_else(|| draft(n), |asset| showing(n, &asset));
            job.owner = user(owner).id;
            job.payer = payer(kind, owner);
            let own = matches!(job.payer, Payer::OwnKey(_));
            job.key_source = if own { KeySource::Request } else { KeySource::Studio };
            job.price_list = job.price_list.filter(|_| priced);
            job.retry_of = retry_of.map(job_id);
            job.priority = request.priority;
            job.hold = Nanos::new(hold);
            job.created_at = now;
            job.run_at = if later { at(2_000) } else { now };
            job.deadline = (n % 3 == 0).then(|| at(1_500));
            let idempotency = key.map(|(name, body)| record(&user(owner), &format!("k{name}"), body));
            let assets = asset.map(|asset| brought(asset, &user(owner), job.id)).into_iter().collect();
            let own_key = own.then(|| sealed(1 + (n % 2) as u8, &Place::JobKey(job.id), "sk"));
            let (claim, per_owner) = (claim.map(lease), request.per_owner);
            let admission = Admission { idempotency, assets, claim, per_owner, own_key, quota: QUOTA, ..plain(job) };
            answer(rig.store.admit(admission).await)
        }
        Happening::Move { job: n, by, mut event, words } => {
            let job = rig.store.job_for_work(job_id(n)).await.unwrap();
            let holder = job.as_ref().and_then(|job| job.lease);
            // Mostly as it stands.
            if let (Event::TakenOver { seen, .. }, Some(job)) = (&mut event, &job)
                && *seen > 0
            {
                *seen = job.version;
            }
            let actor = match by {
                Speaker::Holder => Actor::Holder(holder.unwrap_or(lease(0))),
                Speaker::Stranger(n) => Actor::Holder(lease(n)),
                Speaker::Studio => Actor::Studio,
                Speaker::Person => Actor::Person,
            };
            let said = match words {
                Some(words) => Some(words.of(rig, n, job.as_ref()).await),
                None => None,
            };
            answer(rig.store.advance(Advance { said, ..advance(n, actor, event, now) }).await)
        }
        Happening::Checkpoint { job: n, by, words, again } => {
            let job = rig.store.job_for_work(job_id(n)).await.unwrap();
            let lease = match by {
                Speaker::Stranger(n) => lease(n),
                _ => job.as_ref().and_then(|job| job.lease).unwrap_or(lease(0)),
            };
            let said = words.of(rig, n, job.as_ref()).await;
            let checkpoint = Checkpoint { job: job_id(n), lease, said };
            if again {
                rig.store.checkpoint(checkpoint.clone()).await.unwrap();
            }
            answer(rig.store.checkpoint(checkpoint).await)
        }
        Happening::Claim { leases, per_owner } => {
            let leases = (0..leases).map(|n| lease(100 * number + n)).collect();
            answer(rig.store.claim(Claim { provider: PROVIDER.into(), leases, per_owner, now }).await)
        }
        Happening::CreateKey { id, hash, cap } => {
            let mut new = key(hash, user(1).id);
            new.id = key_id(id);
            let limits = cap.map(|cap| (Window::Lifetime, Nanos::new(cap))).into_iter().collect();
            answer(rig.store.create_key(new, limits, noted(now)).await)
        }
        Happening::SetBudgets { payer, limits } => answer(rig.store.set_budgets(payer, limits, noted(now)).await),
        Happening::Forget { before, after, limit } => {
            let after = after.map(job_id);
            answer(rig.store.forget(Forget { over_before: at(before), after, limit, now }).await)
        }
        Happening::ForgetBlobs { until, limit } => answer(rig.store.forget_blobs(at(until), limit).await),
        Happening::Upload { asset, owner, bytes, name } => {
            let named = name.map(|(name, sent)| (format!("u{name}"), hash_of(sent)));
            answer(rig.store.add_upload(NewUpload { named, quota: QUOTA, ..upload(asset, owner, bytes) }).await)
        }
        Happening::Remove { asset, owner } => {
            answer(rig.store.remove_asset(user(owner).id, crate::rig::asset_id(asset), now).await)
        }
        Happening::Share { asset, owner } => answer(rig.store.share(page(asset, owner)).await),
        Happening::Unshare { page, owner } => answer(rig.store.unshare(user(owner).id, &format!("slug{page}")).await),
        Happening::RevokeKey { id } => answer(rig.store.revoke_key(key_id(id), None, noted(now)).await),
        Happening::Entrust { owner, provider, by } => {
            let key = provider_key(by, user(owner).id, name(provider), "sk");
            answer(rig.store.keep_provider_key(key, noted(now)).await)
        }
        Happening::TakeBack { owner, provider } => {
            answer(rig.store.remove_provider_key(user(owner).id, name(provider), noted(now)).await)
        }
        Happening::Retire { master: 0 } => answer(rig.store.retire_master_keys([].into()).await),
        Happening::Retire { master: n } => answer(rig.store.retire_master_keys([master(n)].into()).await),
    }
}

fn name(provider: bool) -> &'static str {
    if provider { "openai" } else { "xai" }
}

/// Everything that can be asked.
async fn everything(rig: &Rig, now: i64) -> Vec<String> {
    let store = &rig.store;
    let mut all = vec![
        answer(store.unfinished().await),
        answer(store.overdue(at(now)).await),
        answer(store.next_run_at(PROVIDER).await),
        answer(store.keys(None).await),
        answer(store.waiting().await),
        answer(store.sealed_by().await),
        answer(store.retired_master_keys().await),
        answer(store.budgets(None, at(now)).await),
        answer(store.dead_letters(None, 99).await),
        answer(store.dead_letters(Some(job_id(6)), 2).await),
        answer(store.entries(EntryFilter { limit: 7, before: Some(20), ..EntryFilter::default() }).await),
    ];
    for n in 0..12 {
        let filter = EntryFilter { job: Some(job_id(n)), from: Some(at(300)), limit: 99, ..EntryFilter::default() };
        all.push(answer(store.entries(filter).await));
    }
    for n in 1..4 {
        let owner = user(n);
        all.push(answer(store.jobs(owner.id, JobFilter { limit: 99, ..JobFilter::default() }).await));
        let period = Period { from: Some(at(200)), until: Some(at(1500)) };
        all.push(answer(store.usage(owner.id, Period::default()).await));
        all.push(answer(store.usage(owner.id, period).await));
        let filter = EntryFilter { owner: Some(owner.id), until: period.until, limit: 99, ..EntryFilter::default() };
        all.push(answer(store.entries(filter).await));
        all.push(answer(store.budgets(Some(owner.id), at(now)).await));
        all.push(answer(store.provider_keys(owner.id).await));
        all.push(answer(store.standings(Payer::Key(key_id(n)), owner.id, at(now)).await));
        for name in 0..3 {
            all.push(answer(store.replay(&record(&owner, &format!("k{name}"), 0)).await));
        }
        all.push(answer(store.stored(owner.id, at(100_000)).await));
        all.push(answer(store.assets(owner.id, AssetFilter { limit: 99, ..AssetFilter::default() }).await));
        all.push(answer(store.shares(owner.id, None, 99).await));
        all.push(answer(store.unnamed((0..12).map(hash_of).collect(), at(500)).await));
        for asset in 0..12 {
            all.push(answer(store.asset(owner.id, crate::rig::asset_id(asset)).await));
        }
    }
    for n in 0..12 {
        all.push(answer(store.queue_position(job_id(n)).await));
        all.push(answer(store.job_key(job_id(n)).await));
        all.push(answer(store.attempts(job_id(n)).await));
        for epoch in 0..5 {
            // By its text: what is said does not print.
            let log = store
                .said(job_id(n), epoch)
                .await
                .map(|log| (log.end(), log.answer(), log.reasoning(), log.tool_calls()));
            all.push(answer(log));
        }
    }
    all
}

async fn live(happenings: Vec<Happening>) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    let sqlite: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.path(), Options::default()).unwrap());
    let (sqlite, memory) = (Rig::new(sqlite).await, Rig::new(Arc::new(MemoryStore::new())).await);
    let end = happenings.len() as i64 * 100;
    for (number, happening) in (0..).zip(happenings) {
        let label = format!("{number}: {happening:?}");
        let durable = happen(&sqlite, number, happening.clone()).await;
        prop_assert_eq!(durable, happen(&memory, number, happening).await, "{}", label);
    }
    prop_assert_eq!(everything(&sqlite, end).await, everything(&memory, end).await);
    let books = |audit: Audit| (audit.sum, audit.entries, audit.jobs, audit.open_holds, audit.violations);
    let (durable, oracle) = (books(sqlite.store.audit().await.unwrap()), books(memory.store.audit().await.unwrap()));
    prop_assert_eq!(&durable, &oracle);
    prop_assert_eq!((durable.0, durable.4), (0, Vec::new()));
    Ok(())
}

proptest! {
    // Each step is a synced commit, so cases are few and long.
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn both_stores_say_the_same(happenings in prop::collection::vec(happening(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(live(happenings))?;
    }
}
