//! Whether a job costs the same however many were there before: whole lives of jobs (accepted with a hold, claimed, completed,
//! charged), each step safe from a power cut when answered, while the store grows. `cargo bench -p studio-store --bench grown`
//! goes to a hundred thousand jobs; `-- 1000000` to a million, which takes a few minutes and a few GB.
//!
//! Each row is measured over two seconds around its number of jobs, beside the disk's own rate of syncs in that moment: a
//! noisy disk shows in both.
#![expect(clippy::print_stdout, reason = "a bench is there to print")]
#![expect(clippy::unwrap_used, reason = "a bench that can't run should say so and stop")]

mod common;

use common::{T0, draft, folder, sync_each_write, unlike, user};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use studio_core::{
    bill::Bill,
    id::{AssetId, LeaseToken, UserId},
    job::{Actor, ContentHash, Durability, Event, Output, Payer},
    media::MediaType,
    ports::{Admission, Admitted, Advance, Advanced, Store},
    time::Timestamp,
};
use studio_store::{Options, SqliteStore};
use tokio::task::JoinSet;

const CALLERS: usize = 256;
const WINDOW: Duration = Duration::from_secs(2);
const USERS: u32 = 100;

fn main() {
    let most = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(100_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("Whole lives of jobs, three commits each, {CALLERS} at once, as the store grows:\n");
    println!("{:>10} {:>12} {:>16} {:>12} {:>10}", "jobs", "lives per s", "to the first row", "syncs per s", "p99");
    runtime.block_on(grow(most));
}

async fn grow(most: u64) {
    let folder = folder();
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.path(), Options::default()).unwrap());
    let mut users = Vec::new();
    for n in 0..USERS {
        users.push(user(store.as_ref(), n).await);
    }
    let users: Arc<[UserId]> = users.into();
    let (next, done) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU64::new(0)));
    let mut first = None;
    let mut rows = [1_000, 10_000, 100_000, 1_000_000].into_iter().filter(|row| *row <= most);
    let mut row = rows.next();
    while let Some(jobs) = row {
        live(&store, &users, &next, &done, move |done| done >= jobs).await;
        let (before, begun) = (done.load(Ordering::Relaxed), Instant::now());
        let mut latencies = live(&store, &users, &next, &done, move |_| begun.elapsed() >= WINDOW).await;
        let rate = (done.load(Ordering::Relaxed) - before) as f64 / begun.elapsed().as_secs_f64();
        latencies.sort_unstable();
        let p99 = latencies[(latencies.len() - 1) * 99 / 100];
        let first = *first.get_or_insert(rate);
        let (synced, took) = sync_each_write(folder.path(), Duration::from_millis(500));
        let syncs = synced.len() as f64 / took.as_secs_f64();
        println!("{jobs:>10} {rate:>12.0} {:>15.2}x {syncs:>12.0} {:>7.1} ms", rate / first, p99.as_secs_f64() * 1e3);
        row = rows.next();
    }
    let audited = Instant::now();
    let audit = store.audit().await.unwrap();
    assert!(audit.sum == 0 && audit.violations.is_empty(), "{:?}", audit.violations);
    println!("\nThe whole ledger audited: {} entries, sum 0, {:.1} s.", audit.entries, audited.elapsed().as_secs_f64());
}

/// Has jobs live until it is enough; how long each took.
async fn live(
    store: &Arc<dyn Store>,
    users: &Arc<[UserId]>,
    next: &Arc<AtomicU32>,
    done: &Arc<AtomicU64>,
    enough: impl Fn(u64) -> bool + Clone + Send + 'static,
) -> Vec<Duration> {
    let mut tasks = JoinSet::new();
    for _ in 0..CALLERS {
        let (store, users) = (store.clone(), users.clone());
        let (next, done, enough) = (next.clone(), done.clone(), enough.clone());
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            while !enough(done.load(Ordering::Relaxed)) {
                let begun = Instant::now();
                life(store.as_ref(), &users, next.fetch_add(1, Ordering::Relaxed)).await;
                done.fetch_add(1, Ordering::Relaxed);
                latencies.push(begun.elapsed());
            }
            latencies
        });
    }
    tasks.join_all().await.concat()
}

async fn life(store: &dyn Store, users: &[UserId], n: u32) {
    let owner = users[n as usize % users.len()];
    // A thousand a second, so that days pass.
    let (job, record) = draft(n, owner, Payer::User(owner), Timestamp::from_millis(T0 + i64::from(n)));
    let lease = LeaseToken::new(job.created_at, unlike(n));
    let admission = Admission {
        job,
        idempotency: Some(record),
        assets: Vec::new(),
        claim: Some(lease),
        per_owner: None,
        own_key: None,
        entry: None,
        quota: u64::MAX,
    };
    let Admitted::Accepted(job) = store.admit(admission).await.unwrap() else { unreachable!("it was refused") };
    let move_by = |event| Advance {
        job: job.id,
        actor: Actor::Holder(lease),
        event,
        said: None,
        entry: None,
        durability: Durability::Power,
        now: job.created_at,
    };
    store.advance(move_by(Event::OutputsReady)).await.unwrap();
    let output = Output {
        asset: AssetId::new(job.created_at, unlike(n)),
        hash: ContentHash([n as u8; 32]),
        media_type: MediaType::Png,
        bytes: 100_000,
        seed: Some(1),
    };
    let completed = Event::Completed { outputs: vec![output], finish: None, bill: Bill::for_outputs(&job, 1, 1) };
    let moved = store.advance(move_by(completed)).await.unwrap();
    assert!(matches!(moved, Advanced::Moved { .. }), "{moved:?}");
}
