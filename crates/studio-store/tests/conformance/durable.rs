//! What only the store on disk promises: it outlives its process, knows damage when it sees it, shares its file with the
//! command line, and lets nobody rewrite its books.

use crate::rig::{
    Rig, advance, asset_id, at, brought, completed, cut_short, draft, failed, job_id, key, key_id, lease, noted, plain,
    record, said, showing, told, user,
};
use rusqlite::Connection;
use std::{path::Path, sync::Arc, time::Duration};
use studio_core::{
    caller::KeyHash,
    job::{Actor, Durability, Event, Job, Status},
    ledger::Limits,
    money::Nanos,
    people::Role,
    ports::{Admission, Admitted, Advance, Advanced, Checkpointed, Removed, Store, StoreError},
    retry::{FailureKind, LANDING},
    words::{Log, Segment},
};
use studio_store::{DATABASE_FILE, Options, SqliteStore};
use tempfile::TempDir;
use tokio::task::JoinSet;

fn open(folder: &Path) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(folder, Options::default()).unwrap())
}

async fn rig() -> (TempDir, Rig) {
    let folder = tempfile::tempdir().unwrap();
    let rig = Rig::new(open(folder.path())).await;
    (folder, rig)
}

/// The file as a stranger sees it.
fn raw(folder: &TempDir) -> Connection {
    Connection::open(folder.path().join(DATABASE_FILE)).unwrap()
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let (folder, rig) = rig().await;
    let known = Admission { idempotency: Some(record(&user(1), "k", 1)), ..plain(draft(1)) };
    rig.accept(known.clone()).await;
    rig.collecting(1).await;
    rig.moved(1, Actor::Holder(lease(1)), completed(1, 60)).await;
    rig.accept(plain(draft(2))).await;
    let running = rig.claim(2).await;
    let everything = |rig: Rig| async move {
        let jobs = rig.store.jobs(user(1).id, studio_core::ports::JobFilter { limit: 9, ..Default::default() });
        let asset = rig.store.asset(user(1).id, crate::rig::asset_id(1));
        let (keys, audit) = (rig.store.keys(None), rig.store.audit());
        (jobs.await.unwrap(), asset.await.unwrap(), keys.await.unwrap(), audit.await.unwrap())
    };
    let before = everything(rig.clone()).await;
    drop(rig);
    let rig = Rig { store: open(folder.path()) };
    assert_eq!(everything(rig.clone()).await, before);
    assert_eq!(rig.store.unfinished().await.unwrap(), running);
    let mut again = known;
    again.job = draft(3);
    assert!(matches!(rig.store.admit(again).await.unwrap(), Admitted::Replayed(job) if job.id == job_id(1)));
    rig.moved(2, Actor::Studio, Event::CancelRequested).await;
    rig.assert_audit_is_clean().await;
}

/// The files as a process that is killed in this moment leaves them: what it wrote, and nothing put away.
fn as_if_killed(folder: &TempDir) -> TempDir {
    let left = tempfile::tempdir().unwrap();
    for file in [DATABASE_FILE.to_owned(), format!("{DATABASE_FILE}-wal")] {
        std::fs::copy(folder.path().join(&file), left.path().join(&file)).unwrap();
    }
    left
}

#[tokio::test]
async fn what_is_promised_to_outlive_the_process_does() {
    let (folder, rig) = rig().await;
    let mut job = draft(1);
    job.durability = Durability::Process;
    let assets = vec![brought(5, &user(1), job_id(1))];
    rig.accept(Admission { claim: Some(lease(1)), assets, ..plain(job) }).await;
    rig.checkpoint(1, 1, said(0, 0, "so far")).await;
    let left = as_if_killed(&folder);
    let end = advance(1, Actor::Holder(lease(1)), told(60), at(2_000));
    let end = Advance { said: Some(said(0, 6, ", so good")), durability: Durability::Process, ..end };
    assert!(matches!(rig.store.advance(end).await.unwrap(), Advanced::Moved { .. }));
    let left_later = as_if_killed(&folder);
    for (left, text, status) in
        [(left, "so far", Status::Submitting), (left_later, "so far, so good", Status::Succeeded)]
    {
        let found = Rig { store: open(left.path()) };
        assert_eq!(found.log(1, 0).await, [Segment::text(text)].into_iter().collect::<Log>());
        assert_eq!(found.store.job_for_work(job_id(1)).await.unwrap().unwrap().status, status);
        assert!(found.store.asset(user(1).id, asset_id(5)).await.unwrap().is_some());
        let goes_on = found.checkpoint(1, 1, said(0, 6, ", and on")).await;
        assert_eq!(goes_on == Checkpointed::Kept, status == Status::Submitting);
        found.assert_audit_is_clean().await;
    }
}

/// A database of the first schema, which knows nothing of words and windows, with what is in that of `folder`.
fn of_the_first_schema(folder: &TempDir) -> TempDir {
    let older = tempfile::tempdir().unwrap();
    let file = older.path().join(DATABASE_FILE);
    let connection = Connection::open(&file).unwrap();
    connection.execute_batch(include_str!("../../migrations/0001_init.sql")).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    connection.execute("ATTACH ?1 AS newer", [folder.path().join(DATABASE_FILE).to_str()]).unwrap();
    let columns =
        "id, owner, status, provider, modality, model, run_at, untold_deadline, hold, cost, version, created_at";
    let fields = "'$.durability', '$.epoch', '$.tokens', '$.estimated', '$.reported', '$.finish', '$.measured', '$.basis', '$.stop',
        '$.priority', '$.attempt_at', '$.retry_of'";
    let of_jobs = format!("{columns}, json_remove(doc, {fields})");
    for (table, columns) in [
        ("users", "id, email, created_at"),
        // Each with a budget, which was a column of theirs.
        ("keys", "id, user_id, name, hash, last4, scopes, 5000, limits, created_at, revoked_at"),
        ("jobs", &of_jobs),
        ("attempts", "*"),
        ("assets", "id, owner, job_id, hash, media_type, bytes, created_at"),
        ("accounts", "*"),
        ("entries", "seq, job_id, kind, attempt, provider, provider_ref, price_list, at"),
        ("lines", "*"),
    ] {
        connection.execute(&format!("INSERT INTO {table} SELECT {columns} FROM newer.{table}"), []).unwrap();
    }
    older
}

#[tokio::test]
async fn a_database_of_the_first_schema_is_brought_up_to_date() {
    let (folder, rig) = rig().await;
    for n in 1..=3 {
        rig.accept(plain(draft(n))).await;
    }
    rig.collecting(1).await;
    rig.moved(1, Actor::Holder(lease(1)), completed(1, 60)).await;
    let mut on_another_day = elsewhere(4);
    on_another_day.created_at = at(40 * 24 * 3_600_000);
    rig.accept(Admission { claim: Some(lease(4)), ..plain(on_another_day.clone()) }).await;
    rig.moved(4, Actor::Holder(lease(4)), failed(FailureKind::NotConfigured, 7, at(0))).await;
    let running = rig.claim(2).await.remove(0);
    let shown = brought(5, &user(1), job_id(5));
    rig.accept(Admission { assets: vec![shown.clone()], ..plain(showing(5, &shown)) }).await;
    let (noon, later) = (at(0), on_another_day.created_at);
    let mut stood = rig.store.budgets(None, noon).await.unwrap();
    stood.extend(rig.store.budgets(None, later).await.unwrap());
    let older = of_the_first_schema(&folder);
    let rig = Rig { store: open(older.path()) };
    rig.assert_audit_is_clean().await;
    let mut stands = rig.store.budgets(None, noon).await.unwrap();
    stands.extend(rig.store.budgets(None, later).await.unwrap());
    for row in stands.iter_mut().filter(|row| row.key_name.is_some()) {
        assert_eq!(row.windows[2].1.take(), Some(Nanos::new(5_000)), "its budget of then");
    }
    for row in stood.iter_mut().filter(|row| row.user.id == user(1).id) {
        row.user.role = Role::Owner; // Of those who ran it, the oldest owns it from now on.
    }
    assert_eq!(stands, stood, "what counts, in every window");
    assert_eq!(
        rig.store.dead_letters(None, 9).await.unwrap().iter().map(|job| job.id).collect::<Vec<_>>(),
        [job_id(4)]
    );
    assert_eq!(rig.store.unfinished().await.unwrap(), [Job { attempt_at: None, ..running }]);
    assert_eq!(rig.checkpoint(2, 1, said(0, 0, "x")).await, Checkpointed::Stale);
    assert_eq!(rig.checkpoint(2, 2, said(0, 0, "now")).await, Checkpointed::Kept, "by the lease it had");
    for n in [1, 3] {
        assert_eq!(rig.checkpoint(n, n, said(0, 0, "x")).await, Checkpointed::Stale, "over, or nobody's");
    }
    let remove = async |n| rig.store.remove_asset(user(1).id, asset_id(n), at(9)).await.unwrap();
    assert_eq!(
        (remove(1).await, remove(5).await),
        (Removed::Gone, Removed::InUse(job_id(5))),
        "as it needed them then"
    );
    rig.moved(5, Actor::Person, Event::CancelRequested).await;
    assert_eq!(remove(5).await, Removed::Gone);
    rig.moved(2, Actor::Holder(lease(2)), told(5)).await;
    rig.assert_audit_is_clean().await;
}

#[tokio::test]
async fn what_is_over_says_nothing_even_if_somebody_holds_it() {
    let (folder, rig) = rig().await;
    rig.accept(Admission { claim: Some(lease(1)), ..plain(draft(1)) }).await;
    rig.moved(1, Actor::Holder(lease(1)), told(1)).await;
    raw(&folder).execute("UPDATE jobs SET lease = ?1", [lease(1).as_uuid()]).unwrap();
    assert_eq!(rig.checkpoint(1, 1, said(0, 0, "x")).await, Checkpointed::Stale);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bad_command_in_a_group_fails_alone() {
    let (folder, rig) = rig().await;
    // While a stranger writes, the writer waits with one command and the others gather behind it into one group.
    let stranger = raw(&folder);
    stranger.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut calls = JoinSet::new();
    for n in 0..50 {
        let mut new = key(100 + n, user(1).id);
        if n == 25 {
            new.hash = key(1, user(1).id).hash;
        }
        let store = rig.store.clone();
        calls.spawn(async move { (n, store.create_key(new, Limits::new(), noted(at(0))).await.map(drop)) });
    }
    for n in 0..10 {
        let store = rig.store.clone();
        calls.spawn(async move { (1_000 + n, store.admit(plain(draft(n))).await.map(drop)) });
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    stranger.execute_batch("COMMIT").unwrap();
    for (n, result) in calls.join_all().await {
        assert_eq!(result.is_err(), n == 25, "{n}: {result:?}");
    }
    assert_eq!(rig.store.keys(None).await.unwrap().len(), 2 + 49);
    assert_eq!(rig.store.audit().await.unwrap().jobs, 10);
    rig.assert_audit_is_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_may_wait_is_refused_as_busy() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { queue: 1, ..Options::default() };
    let rig = Rig::new(Arc::new(SqliteStore::open(folder.path(), options).unwrap())).await;
    let stranger = raw(&folder);
    stranger.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut calls = JoinSet::new();
    for n in 0..20 {
        let store = rig.store.clone();
        calls.spawn(async move { store.admit(plain(draft(n))).await });
    }
    // One is being written, one waits, and perhaps one came between; the others are told at once.
    for _ in 0..17 {
        assert_eq!(calls.join_next().await.unwrap().unwrap(), Err(StoreError::Busy));
    }
    stranger.execute_batch("COMMIT").unwrap();
    let answers = calls.join_all().await;
    let busy = answers.iter().filter(|answer| **answer == Err(StoreError::Busy)).count();
    let accepted = answers.iter().filter(|answer| matches!(answer, Ok(Admitted::Accepted(_)))).count();
    assert_eq!((busy + accepted, accepted >= 1), (3, true));
    assert_eq!(rig.store.refused_as_busy(), 17 + busy as u64, "each is counted");
    assert_eq!(rig.store.audit().await.unwrap().jobs, accepted as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn admissions_leave_room_for_what_ends_and_what_keeps_the_books() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { queue: 8, ..Options::default() };
    let rig = Rig::new(Arc::new(SqliteStore::open(folder.path(), options).unwrap())).await;
    rig.accept(plain(draft(100))).await;
    let stranger = raw(&folder);
    stranger.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut calls = JoinSet::new();
    for n in 0..20 {
        let store = rig.store.clone();
        calls.spawn(async move { store.admit(plain(draft(n))).await });
    }
    // Six find room; the others are told at once.
    for _ in 0..14 {
        assert_eq!(calls.join_next().await.unwrap().unwrap(), Err(StoreError::Busy));
    }
    let mut cancel = std::pin::pin!(rig.store.advance(advance(100, Actor::Person, Event::CancelRequested, at(5))));
    let asked = std::future::poll_fn(|context| std::task::Poll::Ready(cancel.as_mut().poll(context))).await;
    assert!(asked.is_pending(), "it waits like the others, and is not refused");
    stranger.execute_batch("COMMIT").unwrap();
    assert!(matches!(cancel.await, Ok(Advanced::Moved { job, .. }) if job.status == Status::Canceled));
    assert!(calls.join_all().await.iter().all(|answer| matches!(answer, Ok(Admitted::Accepted(_)))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_makes_keys_while_the_server_writes() {
    let (folder, rig) = rig().await;
    let other = open(folder.path());
    let mut calls = JoinSet::new();
    for n in 0..100 {
        let (server, command_line) = (rig.store.clone(), other.clone());
        calls.spawn(async move { server.admit(plain(draft(n))).await.map(drop) });
        calls.spawn(async move {
            command_line.create_key(key(1_000 + n, user(2).id), Limits::new(), noted(at(0))).await.map(drop)
        });
    }
    for result in calls.join_all().await {
        assert_eq!(result, Ok(()));
    }
    let made = key(1_050, user(2).id);
    assert_eq!(rig.store.key(made.hash).await.unwrap().map(|holder| holder.key), Some(made), "valid at once");
    assert_eq!(rig.store.keys(None).await.unwrap().len(), 102);
    rig.assert_audit_is_clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_may_make_the_same_database_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut calls = JoinSet::new();
    for n in 1..=8 {
        let path = folder.path().to_owned();
        calls.spawn_blocking(move || SqliteStore::open(&path, Options::default()).map(|store| (n, store)));
    }
    for opened in calls.join_all().await {
        let (n, store) = opened.unwrap();
        store.ensure_user(user(n), noted(at(0))).await.unwrap();
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let (folder, rig) = rig().await;
    drop(rig);
    raw(&folder).pragma_update(None, "user_version", 999).unwrap();
    let refused = SqliteStore::open(folder.path(), Options::default()).unwrap_err();
    assert!(
        matches!(&refused, StoreError::Unavailable(text) if text.contains("newer") && text.contains("999")),
        "{refused}"
    );
    let version: u32 = raw(&folder).pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 999);
}

#[tokio::test]
async fn a_damaged_file_is_called_damaged() {
    let (folder, rig) = rig().await;
    drop(rig);
    let file = folder.path().join(DATABASE_FILE);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[..100].fill(b'x');
    std::fs::write(&file, bytes).unwrap();
    let refused = SqliteStore::open(folder.path(), Options::default()).unwrap_err();
    assert!(matches!(refused, StoreError::Damaged(_)), "{refused}");
}

#[tokio::test]
async fn a_damaged_job_is_called_damaged_and_others_are_not_touched() {
    let (folder, rig) = rig().await;
    for n in [1, 2] {
        rig.accept(plain(draft(n))).await;
    }
    let id = job_id(1).as_uuid();
    raw(&folder).execute("UPDATE jobs SET doc = substr(doc, 1, 200) WHERE id = ?1", [id]).unwrap();
    let read = rig.store.job_for_work(job_id(1)).await;
    assert!(matches!(&read, Err(StoreError::Damaged(text)) if !text.contains("cat")), "{read:?}");
    assert_eq!(rig.store.job_for_work(job_id(2)).await.unwrap(), Some(draft(2)));
    rig.accept(plain(draft(3))).await;
    rig.moved(2, Actor::Person, Event::CancelRequested).await;
}

#[tokio::test]
async fn nobody_rewrites_the_books() {
    let (folder, rig) = rig().await;
    rig.accept(plain(draft(1))).await;
    let stranger = raw(&folder);
    rig.accept(Admission { claim: Some(lease(2)), ..plain(elsewhere(2)) }).await;
    rig.checkpoint(2, 2, said(0, 0, "said")).await;
    for vandalism in [
        "UPDATE words SET segments = '[]'",
        "UPDATE entries SET price_list = NULL",
        "DELETE FROM entries",
        "UPDATE lines SET amount = 0",
        "DELETE FROM lines",
    ] {
        let error = stranger.execute(vandalism, []).unwrap_err().to_string();
        assert!(error.contains("append-only"), "{vandalism}: {error}");
    }
    for doubled in ["hold", "post"] {
        let copy = format!(
            "INSERT INTO entries (job_id, kind, attempt, provider, at, owner, admitted)
            SELECT job_id, '{doubled}', attempt, provider, at, owner, admitted FROM entries"
        );
        let first = stranger.execute(&copy, []);
        assert_eq!(first.is_err(), doubled == "hold", "a job is held for once");
    }
    let again = "INSERT INTO entries (job_id, kind, attempt, provider, at, owner, admitted)
        SELECT job_id, 'void', attempt, provider, at, owner, admitted FROM entries WHERE kind = 'post'";
    assert!(stranger.execute(again, []).is_err(), "and resolved once");
    let of_before = "INSERT INTO entries (job_id, kind, attempt, provider, at)
        SELECT job_id, 'overage', attempt, provider, at FROM entries WHERE kind = 'post'";
    let error = stranger.execute(of_before, []).unwrap_err().to_string();
    assert!(error.contains("names its owner"), "a program of before can't go on beside this one: {error}");
}

/// A job of another queue, in which nobody waits.
fn elsewhere(n: u32) -> studio_core::job::Job {
    studio_core::job::Job { provider: "q".into(), ..draft(n) }
}

#[tokio::test]
async fn an_audit_sees_what_was_changed_by_hand() {
    let (folder, rig) = rig().await;
    rig.accept(plain(draft(1))).await;
    rig.collecting(1).await;
    rig.moved(1, Actor::Holder(lease(1)), completed(1, 60)).await;
    let stranger = raw(&folder);
    const NO_GAP: &str = "what a job said has no gap";
    rig.accept(Admission { claim: Some(lease(2)), ..plain(elsewhere(2)) }).await;
    for (offset, text) in [(0, "one"), (3, "two"), (6, "three")] {
        rig.checkpoint(2, 2, said(0, offset, text)).await;
    }
    let words = |epoch: u32, at: u32, bytes: u32, text: &str| {
        let segments = format!(r#"[{{"kind":"text","text":"{text}"}}]"#);
        format!("INSERT INTO words SELECT id, {epoch}, {at}, {bytes}, '{segments}' FROM jobs WHERE provider = 'q'")
    };
    let (first, second) = (words(0, 0, 3, "one"), words(0, 3, 3, "two"));
    let (late, too_long) = (words(1, 4, 1, "x"), words(0, 11, 1, "xy"));
    for (vandalism, repair, rule) in [
        (
            "UPDATE accounts SET balance = balance + 1 WHERE name LIKE 'held:%'",
            "UPDATE accounts SET balance = balance - 1 WHERE name LIKE 'held:%'",
            "balance equals its lines",
        ),
        (
            "UPDATE jobs SET hold = hold + 1",
            "UPDATE jobs SET hold = hold - 1",
            "a job's row says what its document says",
        ),
        (
            "UPDATE jobs SET doc = json_set(doc, '$.hold', 5), hold = 5",
            "UPDATE jobs SET doc = json_set(doc, '$.hold', 100), hold = 100",
            "one hold for each job",
        ),
        (
            "INSERT INTO accounts (name, balance) VALUES ('petty cash', 7)",
            "DELETE FROM accounts WHERE name = 'petty cash'",
            "balance equals its lines",
        ),
        (
            "UPDATE commitments SET amount = amount - 1 WHERE span = 'month'",
            "UPDATE commitments SET amount = amount + 1 WHERE span = 'month'",
            "what counts against a budget equals its lines",
        ),
        (
            "UPDATE attempts SET provider = 'another' WHERE provider = 'p'",
            "UPDATE attempts SET provider = 'p' WHERE provider = 'another'",
            "an entry is for an attempt that was made",
        ),
        (
            "UPDATE jobs SET absorbed = 1 WHERE provider = 'q'",
            "UPDATE jobs SET absorbed = 0 WHERE provider = 'q'",
            "a job's row says what its document says",
        ),
        (
            "UPDATE jobs SET lease = NULL WHERE provider = 'q'",
            "UPDATE jobs SET lease = unhex(replace(doc ->> '$.lease', '-', ''))",
            "a job's row says what its document says",
        ),
        (
            "UPDATE jobs SET lease = zeroblob(16) WHERE provider = 'p'",
            "UPDATE jobs SET lease = NULL WHERE provider = 'p'",
            "a job's row says what its document says",
        ),
        ("DELETE FROM words WHERE at = 0", &first, NO_GAP),
        ("DELETE FROM words WHERE at = 3", &second, NO_GAP),
        (&late, "DELETE FROM words WHERE epoch = 1", NO_GAP),
        (&too_long, "DELETE FROM words WHERE at = 11", NO_GAP),
    ] {
        rig.assert_audit_is_clean().await;
        stranger.execute(vandalism, []).unwrap();
        let found = rig.store.audit().await.unwrap().violations;
        assert!(found.iter().any(|violation| violation.rule == rule), "{vandalism}: {found:?}");
        stranger.execute(repair, []).unwrap();
    }
    rig.assert_audit_is_clean().await;
}

type AttemptRow = (u32, Option<String>, bool, Option<String>);

#[tokio::test]
async fn every_attempt_is_on_record() {
    let (folder, rig) = rig().await;
    let stranger = raw(&folder);
    let attempts = || -> Vec<AttemptRow> {
        let sql = "SELECT number, handle, ended_at IS NOT NULL, outcome FROM attempts ORDER BY number";
        let mut statement = stranger.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let text = |text: &str| Some(text.to_owned());
    let born = rig.accept(Admission { claim: Some(lease(1)), ..plain(draft(1)) }).await;
    assert_eq!(born.status, Status::Submitting);
    assert_eq!(attempts(), [(1, None, false, None)], "the intent, in the same commit as the job");
    rig.moved(1, Actor::Holder(lease(1)), failed(FailureKind::Busy, 0, at(5))).await;
    assert_eq!(attempts(), [(1, None, true, text("provider_busy"))]);
    rig.claim(2).await;
    rig.moved(1, Actor::Holder(lease(2)), Event::Submitted { handle: "h".into() }).await;
    assert_eq!(attempts()[1], (2, text("h"), false, None));
    rig.moved(1, Actor::Holder(lease(2)), failed(FailureKind::Lost, 0, at(5))).await;
    assert_eq!(attempts()[1], (2, text("h"), false, text("reply_lost")), "nobody knows: still open");
    rig.taken_over(1, 3).await;
    rig.moved(1, Actor::Holder(lease(3)), Event::Submitted { handle: "h".into() }).await;
    rig.moved(1, Actor::Holder(lease(3)), failed(FailureKind::WorkerDied, 0, at(5))).await;
    assert_eq!(attempts()[1], (2, text("h"), true, text("worker_died")), "found again, and then it died");
    rig.claim(4).await;
    rig.moved(1, Actor::Holder(lease(4)), failed(FailureKind::Lost, 0, at(5))).await;
    rig.taken_over(1, 5).await;
    let later = at(1_000).plus(LANDING);
    let never = Event::NotLanded { retry_at: at(5) };
    assert!(matches!(rig.advance(1, Actor::Holder(lease(5)), never, later).await, Advanced::Moved { .. }));
    assert_eq!(attempts()[2], (3, None, true, text("not_landed")));
    rig.collecting(1).await;
    rig.moved(1, Actor::Holder(lease(1)), completed(1, 60)).await;
    let own_name = format!("{}-4", job_id(1));
    assert_eq!(attempts()[3], (4, Some(own_name), true, text("completed")), "it gave no name, so ours");
    rig.accept(Admission { claim: Some(lease(2)), ..plain(draft(2)) }).await;
    rig.moved(2, Actor::Holder(lease(2)), cut_short(9)).await;
    assert!(attempts().contains(&(1, None, true, text("cut_off"))));
    rig.assert_audit_is_clean().await;
}

#[tokio::test]
async fn what_nobody_waits_for_is_still_done() {
    let (folder, rig) = rig().await;
    let stranger = raw(&folder);
    stranger.execute_batch("BEGIN IMMEDIATE").unwrap();
    let store = rig.store.clone();
    let impatient = tokio::time::timeout(Duration::from_millis(50), store.admit(plain(draft(1)))).await;
    assert!(impatient.is_err());
    stranger.execute_batch("COMMIT").unwrap();
    drop((store, rig));
    let rig = Rig { store: open(folder.path()) };
    assert!(rig.store.job_for_work(job_id(1)).await.unwrap().is_some());
    rig.assert_audit_is_clean().await;
    assert_eq!(rig.store.key(KeyHash([0; 32])).await.unwrap(), None);
    assert!(rig.store.revoke_key(key_id(1), None, noted(at(1))).await.unwrap());
}
