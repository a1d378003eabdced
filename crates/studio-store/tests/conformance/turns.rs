//! Queues: users take turns, and their own jobs go by urgency and age.

use crate::rig::{PROVIDER, Rig, at, draft, failed, job_id, lease, plain, user};
use studio_core::{
    job::{Actor, Job, Payer, Priority, Status},
    ports::{Admission, Claim},
    retry::FailureKind,
};

stories![
    users_take_turns,
    a_turn_is_remembered,
    whoever_has_nothing_due_is_passed_over,
    the_urgent_go_before_the_old,
    nobody_has_more_at_work_than_they_may,
    a_place_in_the_queue_counts_turns,
    ten_thousand_of_one_are_one_turn_of_another,
];

/// The `n`th job, of a user.
fn of(n: u32, owner: u32) -> Admission {
    let owner = user(owner).id;
    plain(Job { owner, payer: Payer::User(owner), ..draft(n) })
}

fn urgent(n: u32, owner: u32, priority: Priority) -> Admission {
    let admission = of(n, owner);
    Admission { job: Job { priority, ..admission.job.clone() }, ..admission }
}

/// Takes so many at once; which they are.
async fn take(rig: &Rig, leases: &[u32]) -> Vec<Job> {
    rig.claim_at(leases, at(60_000)).await
}

fn ids(jobs: &[Job]) -> Vec<studio_core::id::JobId> {
    jobs.iter().map(|job| job.id).collect()
}

async fn users_take_turns(rig: Rig) {
    for n in 1..=4 {
        rig.accept(of(n, 1)).await;
    }
    rig.accept(of(5, 2)).await;
    rig.accept(of(6, 2)).await;
    let taken = take(&rig, &[1, 2, 3, 4, 5]).await;
    assert_eq!(ids(&taken), [1, 5, 2, 6, 3].map(job_id));
    assert_eq!(taken[1].lease, Some(lease(2)));
}

async fn a_turn_is_remembered(rig: Rig) {
    for n in [1, 2, 3] {
        rig.accept(of(n, 1)).await;
    }
    assert_eq!(ids(&take(&rig, &[1]).await), [job_id(1)]);
    rig.accept(of(4, 2)).await;
    assert_eq!(ids(&take(&rig, &[2]).await), [job_id(4)], "the other's, though it came last");
    assert_eq!(ids(&take(&rig, &[3]).await), [job_id(2)]);
}

async fn whoever_has_nothing_due_is_passed_over(rig: Rig) {
    rig.accept(of(1, 1)).await;
    rig.claim(1).await;
    rig.moved(1, Actor::Holder(lease(1)), failed(FailureKind::Busy, 0, at(90_000))).await;
    for n in [2, 3] {
        rig.accept(of(n, 2)).await;
    }
    assert_eq!(ids(&take(&rig, &[2, 3, 4]).await), [job_id(2), job_id(3)], "and the rest waits for its time");
    assert_eq!(ids(&rig.claim_at(&[5], at(90_000)).await), [job_id(1)]);
    assert_eq!(take(&rig, &[6]).await, []);
}

async fn the_urgent_go_before_the_old(rig: Rig) {
    for (n, priority) in [(1, Priority::Low), (2, Priority::Normal), (3, Priority::High), (4, Priority::High)] {
        rig.accept(urgent(n, 1, priority)).await;
    }
    rig.accept(urgent(5, 2, Priority::Low)).await;
    let taken = take(&rig, &[1, 2, 3, 4, 5]).await;
    assert_eq!(ids(&taken), [3, 5, 4, 2, 1].map(job_id), "among one's own; another's turn comes all the same");
}

async fn nobody_has_more_at_work_than_they_may(rig: Rig) {
    for n in [1, 2, 3] {
        rig.accept(of(n, 1)).await;
    }
    rig.accept(of(4, 2)).await;
    let claim = |leases: &[u32]| {
        let claim = Claim {
            provider: PROVIDER.into(),
            leases: leases.iter().map(|n| lease(*n)).collect(),
            per_owner: Some(1),
            now: at(60_000),
        };
        let store = rig.store.clone();
        async move { ids(&store.claim(claim).await.unwrap()) }
    };
    assert_eq!(claim(&[1, 2, 3, 4]).await, [job_id(1), job_id(4)]);
    assert_eq!(claim(&[5]).await, []);
    let born = |n| Admission { claim: Some(lease(n)), per_owner: Some(1), ..of(n, 1) };
    rig.moved(1, Actor::Holder(lease(1)), failed(FailureKind::Rejected, 0, at(0))).await;
    assert_eq!(claim(&[6]).await, [job_id(2)], "once one of theirs is over");
    rig.moved(2, Actor::Holder(lease(6)), failed(FailureKind::Rejected, 0, at(0))).await;
    assert_eq!(claim(&[7]).await, [job_id(3)]);
    assert_eq!(rig.accept(born(8)).await.status, Status::Queued, "at birth neither");
}

async fn a_place_in_the_queue_counts_turns(rig: Rig) {
    for n in 1..=5 {
        rig.accept(of(n, 1)).await;
    }
    rig.accept(of(6, 2)).await;
    rig.accept(of(7, 2)).await;
    rig.accept(urgent(8, 1, Priority::High)).await;
    let position = |n| {
        let store = rig.store.clone();
        async move { store.queue_position(job_id(n)).await.unwrap() }
    };
    let waiting: Vec<_> = rig.store.waiting().await.unwrap().iter().map(|row| (row.owner, row.count)).collect();
    assert_eq!(waiting, [(user(1).id, 6), (user(2).id, 2)]);
    let places = [position(8).await, position(1).await, position(5).await, position(6).await, position(7).await];
    assert_eq!(places, [Some(1), Some(3), Some(7), Some(1), Some(3)]);
    take(&rig, &[1]).await;
    assert_eq!(position(8).await, None, "it does not wait");
}

async fn ten_thousand_of_one_are_one_turn_of_another(rig: Rig) {
    let mut calls = tokio::task::JoinSet::new();
    // A thousand prove as much as ten.
    for n in 10..1_010 {
        let store = rig.store.clone();
        calls.spawn(async move { store.admit(of(n, 1)).await.unwrap() });
    }
    calls.join_all().await;
    take(&rig, &[1]).await;
    rig.accept(of(2_000, 2)).await;
    assert_eq!(rig.store.queue_position(job_id(2_000)).await.unwrap(), Some(1));
    let next = [take(&rig, &[2]).await, take(&rig, &[3]).await].concat();
    assert!(ids(&next).contains(&job_id(2_000)), "{:?}", ids(&next));
}
