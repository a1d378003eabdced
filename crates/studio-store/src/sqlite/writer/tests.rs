//! The writer's groups, worked off by hand: what fails, what goes on, and what is promised.

use super::*;
use studio_core::{
    caller::User,
    catalog::Modality,
    id::{AuditId, JobId, LeaseToken, RequestId, UserId},
    job::{Actor, Event, NewJob, Payer},
    money::Nanos,
    parameter::Parameters,
    people::{Action, Actor as Who, AuditEntry, Role, Via},
    ports::{Admission, Advance, Checkpoint, Said},
    request::{ImageRequest, Input},
    secret::Prompt,
    time::Timestamp,
};
use tempfile::TempDir;

const T0: Timestamp = Timestamp::from_millis(1_790_000_000_000);

fn work() -> (TempDir, Work) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database { file: folder.path().join("db") };
    let connection = Some(database.create().unwrap());
    let mover = Mover::start(database.clone()).unwrap();
    let damage = Arc::new(Damage::of(&database.file));
    (folder, Work { database, connection, mover, synced: None, max_group: 256, damage })
}

fn user(id: u8, email: impl Into<String>) -> Command {
    let entry =
        AuditEntry::new(AuditId::new(T0, [id; 10]), T0, Who { user: None, via: Via::CommandLine }, Action::UserCreated);
    Command::EnsureUser(Box::new(User::new(UserId::new(T0, [id; 10]), email, Role::Member, T0)), Box::new(entry))
}

fn job() -> JobId {
    JobId::new(T0, [1; 10])
}

fn lease() -> LeaseToken {
    LeaseToken::new(T0, [1; 10])
}

fn resolved() -> Event {
    Event::Resolved { charge: Nanos::ZERO, note: "looked up".into() }
}

fn advance(event: Event, durability: Durability) -> Command {
    Command::Advance(Box::new(Advance {
        job: job(),
        actor: Actor::Person,
        event,
        said: None,
        entry: None,
        durability,
        now: T0,
    }))
}

/// A job of user 1.
fn admit(n: u8, durability: Durability) -> Command {
    let owner = UserId::new(T0, [1; 10]);
    let job = NewJob {
        id: JobId::new(T0, [n; 10]),
        owner,
        payer: Payer::User(owner),
        request: RequestId::new(T0, [n; 10]),
        modality: Modality::Image,
        model: "m".into(),
        provider: "p".into(),
        upstream: "m".into(),
        input: Input::Image(ImageRequest::new(Prompt::new("a cat"), Parameters::new())),
        deadline: None,
        hold: Nanos::ZERO,
        price_list: None,
        warnings: Vec::new(),
        durability,
        now: T0,
    };
    let (idempotency, assets, claim, per_owner, own_key) = Default::default();
    Command::Admit(Box::new(Admission {
        job: job.queued(),
        idempotency,
        assets,
        claim,
        per_owner,
        own_key,
        entry: None,
        quota: u64::MAX,
    }))
}

/// Has a group served; what each was told.
fn serve(work: &mut Work, commands: Vec<Command>) -> Vec<Result<Answer, StoreError>> {
    let (group, answers): (Vec<_>, Vec<_>) = commands
        .into_iter()
        .map(|command| {
            let (answer, waiting) = oneshot::channel();
            (Request { command, answer }, waiting)
        })
        .unzip();
    work.serve(group);
    answers.into_iter().map(|mut waiting| waiting.try_recv().unwrap()).collect()
}

fn users(work: &Work) -> u32 {
    let connection = work.database.open_reader().unwrap();
    connection.query_row("SELECT count(*) FROM users", [], |row| row.get(0)).unwrap()
}

/// Lets the database grow by so many pages.
fn room(work: &mut Work, pages: u32) {
    let connection = work.connection.as_ref().unwrap();
    let now: u32 = connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    connection.pragma_update(None, "max_page_count", now + pages).unwrap();
}

#[test]
fn the_one_at_fault_is_the_only_one_to_fail() {
    let (_folder, mut work) = work();
    // The id of the first under another address.
    let commands = vec![user(1, "a"), user(2, "b"), user(1, "impostor"), user(3, "c")];
    let told: Vec<_> = serve(&mut work, commands).iter().map(Result::is_ok).collect();
    assert_eq!(told, [true, true, false, true]);
    assert_eq!(users(&work), 3);
}

#[test]
fn a_full_disk_refuses_and_recovers_by_itself() {
    let (_folder, mut work) = work();
    serve(&mut work, vec![user(1, "a")]);
    room(&mut work, 2);
    let huge = || user(2, "x".repeat(100_000));
    let told = serve(&mut work, vec![user(3, "c"), huge(), user(4, "d")]);
    assert!(matches!(&told[..], [Ok(_), Err(StoreError::NoSpace), Ok(_)]), "{told:?}");
    assert_eq!(users(&work), 3);
    room(&mut work, 1_000);
    assert!(serve(&mut work, vec![huge()])[0].is_ok());
    assert_eq!(users(&work), 4);
}

#[test]
fn a_connection_that_broke_is_opened_again_but_never_made_anew() {
    let (folder, mut work) = work();
    serve(&mut work, vec![user(1, "a")]);
    let connection = work.connection.as_ref().unwrap();
    connection.execute_batch("BEGIN").unwrap();
    let told = serve(&mut work, vec![user(2, "b")]);
    assert!(matches!(told[0], Err(StoreError::Unavailable(_))), "a transaction within one: {told:?}");
    assert!(serve(&mut work, vec![user(2, "b")])[0].is_ok());
    work.connection = None;
    work.synced = None;
    std::fs::rename(folder.path().join("db"), folder.path().join("elsewhere")).unwrap();
    let told = serve(&mut work, vec![user(3, "c"), user(4, "d")]);
    assert!(told.iter().all(|one| matches!(one, Err(StoreError::Unavailable(_)))), "{told:?}");
    assert!(!folder.path().join("db").exists());
    std::fs::rename(folder.path().join("elsewhere"), folder.path().join("db")).unwrap();
    assert!(serve(&mut work, vec![user(3, "c")])[0].is_ok());
    assert_eq!(users(&work), 3);
}

#[test]
fn a_group_is_as_durable_as_its_most_demanding_command() {
    let (_folder, mut work) = work();
    let level = |work: &Work| -> u32 {
        work.connection.as_ref().unwrap().pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap()
    };
    const NORMAL: u32 = 1;
    const FULL: u32 = 2;
    let said = Said { epoch: 0, offset: 0, segments: Vec::new() };
    let checkpoint = || Command::Checkpoint(Checkpoint { job: job(), lease: lease(), said: said.clone() });
    let progress = || Event::Progress { stage: None, progress: 1 };
    for (commands, wanted) in [
        (vec![Command::Probe, Command::Probe], NORMAL),
        (vec![Command::Probe, user(1, "a"), Command::Probe], FULL),
        (vec![Command::Probe], NORMAL),
        (vec![Command::Probe, Command::Harden], FULL),
        (vec![checkpoint()], NORMAL),
        (vec![admit(2, Durability::Power)], FULL),
        (vec![admit(3, Durability::Process)], NORMAL),
        (vec![advance(Event::CancelRequested, Durability::Power), checkpoint()], FULL),
        (vec![advance(Event::CancelRequested, Durability::Process), checkpoint()], NORMAL),
        (vec![advance(resolved(), Durability::Power)], FULL),
        (vec![advance(progress(), Durability::Power)], NORMAL),
    ] {
        assert!(serve(&mut work, commands).iter().all(Result::is_ok));
        assert_eq!(level(&work), wanted);
    }
}

#[test]
fn to_harden_is_to_write() {
    // A commit that changes nothing would sync nothing.
    let (_folder, mut work) = work();
    let frames = |work: &Work| std::fs::metadata(work.database.file.with_file_name("db-wal")).unwrap().len();
    for _ in 0..2 {
        let before = frames(&work);
        assert!(serve(&mut work, vec![Command::Harden])[0].is_ok());
        assert!(frames(&work) > before);
    }
}

#[tokio::test]
async fn a_writer_takes_what_waits_up_to_its_limit() {
    let (folder, work) = work();
    let Work { database, connection, .. } = work;
    let damage = Arc::new(Damage::of(&database.file));
    let writer = Writer::start(database, connection.unwrap(), 3, 64, damage).unwrap();
    let all = (0..20).map(|n| writer.run(user(n, format!("{n}"))));
    let told = futures_util::future::join_all(all).await;
    assert!(told.iter().all(Result::is_ok));
    drop(writer);
    let count: u32 = Connection::open(folder.path().join("db"))
        .unwrap()
        .query_row("SELECT count(*) FROM users", [], |row| row.get(0))
        .unwrap();
    assert_eq!(count, 20);
}

#[test]
fn a_long_log_is_moved_into_the_database_beside_the_writer() {
    let (_folder, mut work) = work();
    work.mover.watch(work.connection.as_mut().unwrap()).unwrap();
    // Each writes its page anew, so the log has as many.
    for _ in 0..4200 {
        assert!(serve(&mut work, vec![Command::Probe])[0].is_ok());
    }
    // Read without the log: what is there was moved.
    let file = format!("file:{}?immutable=1", work.database.file.display());
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_URI;
    let moved = || -> u32 {
        let database = Connection::open_with_flags(&file, flags).unwrap();
        database.query_row("SELECT times FROM probe", [], |row| row.get(0)).unwrap_or(0)
    };
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while moved() < 4000 {
        assert!(std::time::Instant::now() < patience, "{} of 4200 were moved", moved());
        std::thread::yield_now();
    }
}
