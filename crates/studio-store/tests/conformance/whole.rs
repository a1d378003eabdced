//! A change in several steps is made whole or not at all, whichever step breaks: each table in turn refuses what is written
//! to it.

use crate::rig::{Rig, advance, at, brought, completed, job_id, lease, plain, record, showing, user};
use rusqlite::Connection;
use std::sync::Arc;
use studio_core::{
    job::{Actor, Event, Status},
    ports::{Admission, Admitted},
};
use studio_store::{DATABASE_FILE, Options, SqliteStore};

/// What an admission with everything writes to.
const ADMITTED: [&str; 8] =
    ["jobs", "attempts", "entries", "lines", "commitments", "assets", "job_inputs", "idempotency"];
/// What the end of a job writes to.
const SETTLED: [&str; 6] = ["jobs", "attempts", "entries", "lines", "job_inputs", "assets"];

/// A table refuses every change.
fn breaks(file: &Connection, table: &str) {
    for change in ["INSERT", "UPDATE", "DELETE"] {
        let trigger = format!("CREATE TRIGGER broken_{change} BEFORE {change} ON {table}");
        file.execute_batch(&format!("{trigger} BEGIN SELECT RAISE(ABORT, 'broken'); END")).unwrap();
    }
}

fn mended(file: &Connection) {
    file.execute_batch("DROP TRIGGER broken_INSERT; DROP TRIGGER broken_UPDATE; DROP TRIGGER broken_DELETE").unwrap();
}

/// All rows of all tables that a job is in.
fn rows(file: &Connection) -> Vec<i64> {
    let count = |table| file.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
    ADMITTED.into_iter().map(count).collect()
}

#[tokio::test]
async fn f35_a_change_that_breaks_in_any_step_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let rig = Rig::new(Arc::new(SqliteStore::open(folder.path(), Options::default()).unwrap())).await;
    let file = Connection::open(folder.path().join(DATABASE_FILE)).unwrap();
    let admission = Admission {
        idempotency: Some(record(&user(1), "k", 1)),
        assets: vec![brought(5, &user(1), job_id(1))],
        claim: Some(lease(1)),
        ..plain(showing(1, &brought(5, &user(1), job_id(1))))
    };
    let before = rows(&file);
    for table in ADMITTED {
        breaks(&file, table);
        let refused = rig.store.admit(admission.clone()).await;
        assert!(refused.is_err(), "{table}: {refused:?}");
        mended(&file);
        assert_eq!(rows(&file), before, "{table} was broken");
        assert_eq!(rig.store.replay(&record(&user(1), "k", 1)).await.unwrap(), None, "{table}");
        rig.assert_audit_is_clean().await;
    }
    let accepted = rig.store.admit(admission).await.unwrap();
    assert!(matches!(&accepted, Admitted::Accepted(job) if job.status == Status::Submitting), "{accepted:?}");

    rig.moved(1, Actor::Holder(lease(1)), Event::OutputsReady).await;
    let (before, held) = (rows(&file), rig.committed(1).await);
    for table in SETTLED {
        breaks(&file, table);
        let end = advance(1, Actor::Holder(lease(1)), completed(1, 60), at(2_000));
        let refused = rig.store.advance(end).await;
        assert!(refused.is_err(), "{table}: {refused:?}");
        mended(&file);
        assert_eq!(rows(&file), before, "{table} was broken");
        let job = rig.store.job_for_work(job_id(1)).await.unwrap().unwrap();
        assert_eq!((job.status, rig.committed(1).await), (Status::Collecting, held), "{table}: as it was");
        rig.assert_audit_is_clean().await;
    }
    let (end, _) = rig.moved(1, Actor::Holder(lease(1)), completed(1, 60)).await;
    assert_eq!(end.status, Status::Succeeded);
    rig.assert_audit_is_clean().await;
}
