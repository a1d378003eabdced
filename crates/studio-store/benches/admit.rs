//! How many jobs can be accepted a second, each of them safe from a power cut: many callers sharing one commit beside one
//! commit for each, in one run on one disk, with the disk's own rate of syncs for scale.
//!
//! An admission is what it is in the product: an idempotency record, a cap, the job, its hold in the ledger. Callers wait
//! for their answer before they ask again, so the latencies are those of a closed loop: true for so many callers, not for a
//! crowd that comes at its own pace. `cargo bench -p studio-store` takes about a quarter of a minute.
//!
//! Beside them, how often a second a thousand answers can be kept while they are written. That is not synced: it outlives
//! the process, not a power cut.
#![expect(clippy::print_stdout, reason = "a bench is there to print")]
#![expect(clippy::unwrap_used, reason = "a bench that can't run should say so and stop")]

mod common;

use common::{T0, draft, folder, sync_each_write, unlike, user};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use studio_core::{
    id::{KeyId, LeaseToken, UserId},
    job::{Durability, Payer, Status},
    ports::{Admission, Admitted, Checkpoint, Checkpointed, Said, Store},
    time::Timestamp,
    words::Segment,
};
use studio_store::{Options, SqliteStore};
use tokio::task::JoinSet;

const RUN: Duration = Duration::from_secs(2);
const CALLERS: usize = 256;
/// Keys that pay, in turn.
const PAYERS: u32 = 32;
/// Answers that are written at once.
const STREAMS: u32 = 1_000;
/// The most that is said between two checkpoints, in bytes.
const LARGE: usize = 4096;
/// What a model says in half a second, the longest time between two checkpoints, at 60 tokens a second.
const USUAL: usize = 128;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("Admissions, each safe from a power cut when answered ({} s each):\n", RUN.as_secs());
    println!("{:<44} {:>9} {:>7} {:>10} {:>10}", "", "per s", "ratio", "p50", "p99");
    let disk = Figures::of(sync_each_write(folder().path(), RUN));
    let one = runtime.block_on(admissions(1, 1));
    print_row("the disk: 4 KiB appended and synced", &disk, &one);
    print_row("one commit each, 1 caller", &one, &one);
    print_row(&format!("one commit each, {CALLERS} callers"), &runtime.block_on(admissions(1, CALLERS)), &one);
    print_row("shared commits, 1 caller", &runtime.block_on(admissions(256, 1)), &one);
    print_row(&format!("shared commits, {CALLERS} callers"), &runtime.block_on(admissions(256, CALLERS)), &one);
    println!("\nCheckpoints of {STREAMS} streams, each safe from the end of the process when answered:\n");
    print_row(&format!("shared commits, {USUAL} bytes each"), &runtime.block_on(checkpoints(USUAL)), &one);
    print_row(&format!("shared commits, {LARGE} bytes each"), &runtime.block_on(checkpoints(LARGE)), &one);
    println!("\nratio: to one commit each with 1 caller. Every ledger was audited after its run.");
}

/// How often and how fast something was done.
struct Figures {
    per_second: f64,
    p50: Duration,
    p99: Duration,
}

impl Figures {
    fn of((mut latencies, took): (Vec<Duration>, Duration)) -> Self {
        latencies.sort_unstable();
        let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
        Self { per_second: latencies.len() as f64 / took.as_secs_f64(), p50: at(50), p99: at(99) }
    }
}

fn print_row(name: &str, figures: &Figures, one: &Figures) {
    let ratio = figures.per_second / one.per_second;
    let millis = |latency: Duration| format!("{:.2} ms", latency.as_secs_f64() * 1e3);
    println!(
        "{name:<44} {:>9.0} {ratio:>6.1}x {:>10} {:>10}",
        figures.per_second,
        millis(figures.p50),
        millis(figures.p99)
    );
}

/// Admits until time is over, each caller one after another.
async fn admissions(max_group: usize, callers: usize) -> Figures {
    let folder = folder();
    let store = SqliteStore::open(folder.path(), Options { max_group, ..Options::default() }).unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let owner = user(store.as_ref(), 0).await;
    let next = Arc::new(AtomicU32::new(0));
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        let (store, next) = (store.clone(), next.clone());
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            while started.elapsed() < RUN {
                let admission = admission(owner, next.fetch_add(1, Ordering::Relaxed));
                let asked = Instant::now();
                let admitted = store.admit(admission).await.unwrap();
                latencies.push(asked.elapsed());
                assert!(matches!(admitted, Admitted::Accepted(_)));
            }
            latencies
        });
    }
    let latencies = tasks.join_all().await.concat();
    let took = started.elapsed();
    let audit = store.audit().await.unwrap();
    assert!(audit.sum == 0 && audit.violations.is_empty() && audit.jobs == latencies.len() as u64);
    Figures::of((latencies, took))
}

/// Keeps what every stream says until time is over, so many bytes at a time.
async fn checkpoints(bytes: usize) -> Figures {
    let folder = folder();
    let store = SqliteStore::open(folder.path(), Options::default()).unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let owner = user(store.as_ref(), 0).await;
    let lease = LeaseToken::new(Timestamp::from_millis(T0), [1; 10]);
    let mut jobs = Vec::new();
    for n in 0..STREAMS {
        let mut admission = admission(owner, n);
        admission.job.durability = Durability::Process;
        admission.claim = Some(lease);
        let admitted = store.admit(admission).await.unwrap();
        let Admitted::Accepted(job) = admitted else { continue };
        assert!(job.status == Status::Submitting);
        jobs.push(job.id);
    }
    let text = "the light turns, and ".repeat(bytes)[..bytes].to_owned();
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for job in jobs {
        let (store, text) = (store.clone(), text.clone());
        tasks.spawn(async move {
            let (mut latencies, mut offset) = (Vec::new(), 0);
            while started.elapsed() < RUN {
                let said = Said { epoch: 0, offset, segments: vec![Segment::text(text.as_str())] };
                offset += said.bytes();
                let asked = Instant::now();
                let kept = store.checkpoint(Checkpoint { job, lease, said }).await.unwrap();
                latencies.push(asked.elapsed());
                assert!(kept == Checkpointed::Kept);
            }
            latencies
        });
    }
    let latencies = tasks.join_all().await.concat();
    let took = started.elapsed();
    let audit = store.audit().await.unwrap();
    assert!(audit.violations.is_empty() && audit.jobs == u64::from(STREAMS));
    Figures::of((latencies, took))
}

/// The `n`th admission, as the server would make it.
fn admission(owner: UserId, n: u32) -> Admission {
    let payer = Payer::Key(KeyId::new(Timestamp::from_millis(T0), unlike(n % PAYERS)));
    let (job, record) = draft(n, owner, payer, Timestamp::from_millis(T0 + i64::from(n / 16)));
    let (assets, claim, per_owner, own_key, entry) = (Vec::new(), None, None, None, None);
    Admission { job, idempotency: Some(record), assets, claim, per_owner, own_key, entry, quota: u64::MAX }
}
