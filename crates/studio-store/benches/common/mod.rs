//! What the benches have in common: where they write, what the disk itself can do, and the jobs that they bring.
#![expect(clippy::unwrap_used, reason = "a bench that can't run should say so and stop")]

use std::{
    fs::File,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};
use studio_core::{
    caller::User,
    catalog::Modality,
    id::{AuditId, JobId, RequestId, UserId},
    idempotency::{Fingerprint, IdempotencyKey, IdempotencyRecord},
    job::{Durability, Job, NewJob, Payer},
    ledger::Window,
    money::Nanos,
    parameter::Parameters,
    people::{Action, Actor, AuditEntry, Role, Via},
    ports::Store,
    price::{PriceList, Unit},
    request::{ImageRequest, Input},
    secret::Prompt,
    time::Timestamp,
};
use tempfile::TempDir;

/// When all of it begins, in milliseconds.
pub(crate) const T0: i64 = 1_790_000_000_000;

/// A folder on the disk that the build lies on: a real one, where a folder of the system for passing files may be memory.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap()
}

/// Appends 4 KiB and syncs them, for so long: how long each took.
pub(crate) fn sync_each_write(folder: &Path, time: Duration) -> (Vec<Duration>, Duration) {
    let mut file = File::create(folder.join("probe")).unwrap();
    let (mut latencies, started) = (Vec::new(), Instant::now());
    while started.elapsed() < time {
        let asked = Instant::now();
        file.write_all(&[1; 4096]).unwrap();
        file.sync_data().unwrap();
        latencies.push(asked.elapsed());
    }
    (latencies, started.elapsed())
}

/// The random part of an id: those of one millisecond are in no order.
pub(crate) fn unlike(n: u32) -> [u8; 10] {
    let mut random = [0; 10];
    random[..4].copy_from_slice(&n.wrapping_mul(0x9e37_79b9).to_be_bytes());
    random[4..8].copy_from_slice(&n.to_be_bytes());
    random
}

/// Makes the `n`th user, who has a budget of each kind that there is: all are looked at.
pub(crate) async fn user(store: &dyn Store, n: u32) -> UserId {
    let created_at = Timestamp::from_millis(T0);
    let user = User::new(UserId::new(created_at, unlike(n)), format!("{n}@example.com"), Role::Member, created_at);
    let actor = Actor { user: None, via: Via::Studio };
    let entry = AuditEntry::new(AuditId::new(created_at, unlike(n)), created_at, actor, Action::UserCreated);
    let id = store.ensure_user(user, entry.clone()).await.unwrap().id;
    let limits = Window::ALL.map(|window| (window, Nanos::new(i64::MAX))).into();
    store.set_budgets(Payer::User(id), limits, entry).await.unwrap();
    id
}

/// The `n`th job, as the server would make it.
pub(crate) fn draft(n: u32, owner: UserId, payer: Payer, now: Timestamp) -> (Job, IdempotencyRecord) {
    let job = NewJob {
        id: JobId::new(now, unlike(n)),
        owner,
        payer,
        request: RequestId::new(now, unlike(n)),
        modality: Modality::Image,
        model: "sketch-1".into(),
        provider: "sketch".into(),
        upstream: "sketch".into(),
        input: Input::Image(ImageRequest::new(
            Prompt::new("a lighthouse on a rock in a storm, oil on canvas, warm light in its windows ".repeat(3)),
            Parameters::from([("width".into(), 1024.into()), ("seed".into(), n.into())]),
        )),
        deadline: None,
        hold: Nanos::new(2_000_000),
        price_list: Some(PriceList {
            version: "1".into(),
            from: "2026-01-01".into(),
            rates: [(Unit::Image, 2_000_000_000_000)].into(),
            by: Vec::new(),
        }),
        warnings: Vec::new(),
        durability: Durability::Power,
        now,
    }
    .queued();
    let record = IdempotencyRecord {
        user: owner,
        route: "POST /api/v1/generate/image",
        key: IdempotencyKey::parse(&format!("order-{n}")).unwrap(),
        fingerprint: Fingerprint([7; 32]),
    };
    (job, record)
}
