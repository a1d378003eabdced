//! Budgets: of users and keys, by day, by month, for ever; checked where the money is held.

use crate::rig::{Rig, at, completed, draft, job_id, key_id, lease, noted, plain, user};
use std::time::Duration;
use studio_core::{
    job::{Actor, Job, Payer},
    ledger::{Limits, Window},
    money::Nanos,
    ports::{Admission, Admitted},
    time::Timestamp,
};

stories![
    a_day_begins_anew_and_a_month_goes_on,
    a_late_settlement_counts_where_the_job_was_accepted,
    a_user_pays_for_all_of_their_keys,
    the_tightest_budget_is_named,
    budgets_are_set_as_a_whole,
    a_job_without_a_price_is_refused_where_there_is_a_budget,
    what_stands_is_told,
];

const DAY: Duration = Duration::from_secs(24 * 3600);

fn key_1() -> Payer {
    Payer::Key(key_id(1))
}

/// The `n`th job, accepted at a moment.
fn on(n: u32, at: Timestamp) -> Admission {
    let mut job = draft(n);
    job.created_at = at;
    job.run_at = at;
    plain(job)
}

/// Which window refuses it.
async fn refused(rig: &Rig, admission: Admission) -> Option<(Payer, Window, i64)> {
    match rig.store.admit(admission).await.unwrap() {
        Admitted::Accepted(_) => None,
        Admitted::OverCap(over) => Some((over.cap.payer, over.cap.window, over.committed.get())),
        other => panic!("{other:?}"),
    }
}

async fn a_day_begins_anew_and_a_month_goes_on(rig: Rig) {
    let noon = Window::Month.start(at(0)).plus(DAY / 2);
    let limits = Limits::from([(Window::Day, Nanos::new(200)), (Window::Month, Nanos::new(300))]);
    assert!(rig.store.set_budgets(key_1(), limits, noted(at(0))).await.unwrap());
    rig.accept(on(1, noon)).await;
    rig.accept(on(2, Window::Day.end(noon).unwrap().plus(Duration::ZERO))).await;
    rig.accept(on(3, noon)).await;
    assert_eq!(refused(&rig, on(4, noon)).await, Some((key_1(), Window::Day, 200)), "the day is full");
    let next = noon.plus(DAY);
    assert_eq!(refused(&rig, on(4, next)).await, Some((key_1(), Window::Month, 300)), "and so is the month");
    assert_eq!(refused(&rig, on(4, Window::Month.end(noon).unwrap())).await, None, "the next one is not");
}

async fn a_late_settlement_counts_where_the_job_was_accepted(rig: Rig) {
    let (noon, next) = (Window::Day.start(at(0)).plus(DAY / 2), Window::Day.start(at(0)).plus(DAY * 3 / 2));
    rig.limit(key_1(), Window::Day, 150).await;
    rig.accept(on(1, noon)).await;
    rig.claim_at(&[1], next).await;
    let ready =
        rig.store.advance(crate::rig::advance(1, Actor::Holder(lease(1)), studio_core::job::Event::OutputsReady, next));
    ready.await.unwrap();
    rig.store.advance(crate::rig::advance(1, Actor::Holder(lease(1)), completed(1, 60), next)).await.unwrap();
    assert_eq!(refused(&rig, on(2, noon)).await, Some((key_1(), Window::Day, 60)), "what it cost, in its own day");
    assert_eq!(refused(&rig, on(2, next)).await, None);
}

async fn a_user_pays_for_all_of_their_keys(rig: Rig) {
    let owner = Payer::User(user(1).id);
    rig.limit(owner, Window::Month, 250).await;
    let direct = |n| Admission { job: Job { payer: owner, ..draft(n) }, ..plain(draft(n)) };
    rig.accept(plain(draft(1))).await;
    rig.accept(direct(2)).await;
    assert_eq!(refused(&rig, plain(draft(3))).await, Some((owner, Window::Month, 200)), "by any key");
    assert_eq!(refused(&rig, direct(3)).await, Some((owner, Window::Month, 200)), "and without one");
    let mut theirs = draft(3);
    theirs.owner = user(2).id;
    theirs.payer = Payer::Key(key_id(2));
    assert_eq!(refused(&rig, plain(theirs)).await, None, "others are others");
}

async fn the_tightest_budget_is_named(rig: Rig) {
    rig.limit(Payer::User(user(1).id), Window::Day, 90).await;
    let limits = Window::ALL.into_iter().zip([80, 60, 70]).map(|(window, limit)| (window, Nanos::new(limit))).collect();
    assert!(rig.store.set_budgets(key_1(), limits, noted(at(0))).await.unwrap());
    assert_eq!(refused(&rig, plain(draft(1))).await, Some((key_1(), Window::Month, 0)));
    assert_eq!(rig.store.job_for_work(job_id(1)).await.unwrap(), None);
}

async fn budgets_are_set_as_a_whole(rig: Rig) {
    rig.limit(key_1(), Window::Day, 50).await;
    rig.limit(key_1(), Window::Month, 500).await;
    rig.accept(plain(draft(1))).await;
    // Lowered below what is held already: what runs goes on, nothing more is accepted.
    rig.limit(key_1(), Window::Month, 50).await;
    assert_eq!(refused(&rig, plain(draft(2))).await, Some((key_1(), Window::Month, 100)));
    assert!(rig.store.set_budgets(key_1(), Limits::new(), noted(at(0))).await.unwrap());
    rig.accept(plain(draft(2))).await;
    assert!(
        !rig.store.set_budgets(Payer::Key(key_id(9)), Limits::new(), noted(at(0))).await.unwrap(),
        "there is no such key"
    );
}

async fn a_job_without_a_price_is_refused_where_there_is_a_budget(rig: Rig) {
    let unpriced = |n| Admission { job: Job { price_list: None, hold: Nanos::ZERO, ..draft(n) }, ..plain(draft(n)) };
    rig.accept(unpriced(1)).await;
    rig.limit(Payer::User(user(1).id), Window::Day, 1_000).await;
    assert_eq!(rig.store.admit(unpriced(2)).await.unwrap(), Admitted::Unpriced);
    assert_eq!(rig.store.job_for_work(job_id(2)).await.unwrap(), None);
}

async fn what_stands_is_told(rig: Rig) {
    rig.limit(Payer::User(user(1).id), Window::Month, 900).await;
    rig.cap(300).await;
    rig.accept(plain(draft(1))).await;
    let standings = rig.store.standings(key_1(), user(1).id, at(5)).await.unwrap();
    let told: Vec<_> = standings.iter().map(|s| (s.cap.payer, s.cap.window, s.left().get())).collect();
    assert_eq!(told, [(Payer::User(user(1).id), Window::Month, 800), (key_1(), Window::Lifetime, 200)]);
    let rows = rig.store.budgets(Some(user(1).id), at(5)).await.unwrap();
    let limit = |limit: i64| Some(Nanos::new(limit));
    let held = Nanos::new(100);
    assert_eq!((rows.len(), &rows[1].key_name), (2, &Some("key 1".into())));
    assert_eq!(
        rows[0].windows,
        [(Window::Day, None, held), (Window::Month, limit(900), held), (Window::Lifetime, None, held)]
    );
    assert_eq!(rows[1].windows[2], (Window::Lifetime, limit(300), held));
    // Another day: what counts by the day is nothing yet.
    let later = rig.store.budgets(None, at(5).plus(DAY)).await.unwrap();
    assert_eq!((later.len(), later[0].windows[0].2, later[0].windows[2].2), (4, Nanos::ZERO, held));
    rig.store.revoke_key(key_id(1), None, noted(at(6))).await.unwrap();
    assert_eq!(rig.store.budgets(None, at(6)).await.unwrap().len(), 3, "a revoked key spends nothing more");
}
