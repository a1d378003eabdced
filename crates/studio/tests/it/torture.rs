//! `make torture` in short: the program under load, killed again and again; then everything that was accepted is held against
//! the books of those who asked and of those who were asked.

use crate::setup;
use studio_testkit::torture::{Plan, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_often_it_is_killed_nothing_is_lost_or_doubled() {
    let plan = Plan { setup: setup(), kills: 8, clients: 5, seed: 7 };
    let report = run(plan, drop).await.unwrap();
    assert!(report.is_good(), "{report:#?}");
    assert!(report.kills >= 8 && report.accepted > 20 && report.blows.contains_key("server killed"), "{report:#?}");
}
