//! Random lives, lived on both stores at once: every answer is the same, and so are the books.

use crate::rig::{PROVIDER, Rig, at, cap, completed, draft, failed, job_id, key, key_id, lease, plain, record, user};
use proptest::prelude::*;
use std::sync::Arc;
use studio_core::{
    job::{Actor, Event},
    money::Nanos,
    ports::{Admission, Advance, Claim, JobFilter, Store, StoreError},
    retry::FailureKind,
};
use studio_store::{MemoryStore, Options, SqliteStore};

/// One thing that happens. Numbers are drawn from few, so that things meet.
#[derive(Debug, Clone)]
enum Happening {
    Admit { job: u32, owner: u32, hold: i64, key: Option<(u8, u8)>, cap: Option<i64>, claim: Option<u32>, later: bool },
    Move { job: u32, by: Speaker, event: Event },
    Claim { leases: u32 },
    CreateKey { id: u32, hash: u32 },
    RevokeKey { id: u32 },
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
        1 => (0u32..9).prop_map(|n| Event::TakenOver(lease(n))),
        1 => Just(Event::Submitted { handle: "h".into() }),
        1 => (0u16..1200).prop_map(|progress| Event::Progress { stage: None, progress }),
        3 => Just(Event::OutputsReady),
        3 => (0u32..12, 0i64..150).prop_map(|(n, charge)| completed(n, charge)),
        2 => failure,
        1 => Just(Event::CanceledAtProvider { charge: Nanos::new(3) }),
        1 => Just(Event::CancelRequested),
        1 => Just(Event::DeadlinePassed),
        1 => Just(Event::NotLanded { retry_at: at(400) }),
        1 => Just(Event::Resolved { charge: Nanos::new(120) }),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    let speaker = prop_oneof![
        6 => Just(Speaker::Holder),
        1 => (0u32..9).prop_map(Speaker::Stranger),
        2 => Just(Speaker::Studio),
        2 => Just(Speaker::Person),
    ];
    let admit = (
        0u32..12,
        1u32..4,
        prop_oneof![1 => Just(0), 4 => 1i64..200],
        prop::option::of((0u8..3, 0u8..2)),
        prop::option::of(100i64..900),
        prop::option::of(0u32..9),
        prop::bool::weighted(0.2),
    );
    prop_oneof![
        4 => admit.prop_map(|(job, owner, hold, key, cap, claim, later)| {
            Happening::Admit { job, owner, hold, key, cap, claim, later }
        }),
        9 => (0u32..12, speaker, event()).prop_map(|(job, by, event)| Happening::Move { job, by, event }),
        3 => (0u32..3).prop_map(|leases| Happening::Claim { leases }),
        1 => (1u32..6, 1u32..6).prop_map(|(id, hash)| Happening::CreateKey { id, hash }),
        1 => (1u32..6).prop_map(|id| Happening::RevokeKey { id }),
    ]
}

/// What a store says, without the words of an error: those may differ.
fn said<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Ok(answer) => format!("{answer:?}"),
        Err(StoreError::Unavailable(_)) => "unavailable".into(),
        Err(other) => format!("{other:?}"),
    }
}

async fn happen(rig: &Rig, number: u32, happening: Happening) -> String {
    let now = at(100 * i64::from(number));
    match happening {
        Happening::Admit { job: n, owner, hold, key, cap: limit, claim, later } => {
            let mut job = draft(n);
            job.owner = user(owner).id;
            job.hold = Nanos::new(hold);
            job.created_at = now;
            job.run_at = if later { at(2_000) } else { now };
            job.deadline = (n % 3 == 0).then(|| at(1_500));
            let idempotency = key.map(|(name, body)| record(&user(owner), &format!("k{name}"), body));
            let caps = limit.map(cap).into_iter().collect();
            said(rig.store.admit(Admission { idempotency, caps, claim: claim.map(lease), ..plain(job) }).await)
        }
        Happening::Move { job: n, by, event } => {
            let holder = rig.store.job_for_work(job_id(n)).await.unwrap().and_then(|job| job.lease);
            let actor = match by {
                Speaker::Holder => Actor::Holder(holder.unwrap_or(lease(0))),
                Speaker::Stranger(n) => Actor::Holder(lease(n)),
                Speaker::Studio => Actor::Studio,
                Speaker::Person => Actor::Person,
            };
            said(rig.store.advance(Advance { job: job_id(n), actor, event, now }).await)
        }
        Happening::Claim { leases } => {
            let leases = (0..leases).map(|n| lease(100 * number + n)).collect();
            said(rig.store.claim(Claim { provider: PROVIDER.into(), leases, now }).await)
        }
        Happening::CreateKey { id, hash } => {
            let mut new = key(hash, user(1).id);
            new.id = key_id(id);
            said(rig.store.create_key(new).await)
        }
        Happening::RevokeKey { id } => said(rig.store.revoke_key(key_id(id), now).await),
    }
}

/// Everything that can be asked.
async fn everything(rig: &Rig, now: i64) -> Vec<String> {
    let store = &rig.store;
    let mut all = vec![
        said(store.unfinished().await),
        said(store.overdue(at(now)).await),
        said(store.next_run_at(PROVIDER).await),
        said(store.keys().await),
    ];
    for n in 1..4 {
        let owner = user(n);
        all.push(said(store.jobs(owner.id, JobFilter { limit: 99, ..JobFilter::default() }).await));
        all.push(said(store.usage(owner.id).await));
        for name in 0..3 {
            all.push(said(store.replay(&record(&owner, &format!("k{name}"), 0)).await));
        }
        for asset in 0..12 {
            all.push(said(store.asset(owner.id, crate::rig::asset_id(asset)).await));
        }
    }
    for n in 0..12 {
        all.push(said(store.queue_position(job_id(n)).await));
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
    let (durable, oracle) = (sqlite.store.audit().await.unwrap(), memory.store.audit().await.unwrap());
    prop_assert_eq!(&durable, &oracle);
    prop_assert_eq!((durable.sum, durable.violations), (0, Vec::new()));
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
