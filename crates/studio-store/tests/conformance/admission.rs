//! One generating request = one job = one hold = one idempotency record, or nothing at all.

use crate::rig::{HOLD, Rig, at, draft, job_id, lease, plain, record, standing, user};
use studio_core::{
    id::UserId,
    job::Status,
    money::Nanos,
    ports::{Admission, Admitted, StoreError},
};
use tokio::task::JoinSet;

stories![
    an_accepted_job_is_there_as_it_was_asked_for,
    a_repeat_finds_the_job_as_it_stands,
    another_body_under_the_same_key_is_refused,
    a_key_is_known_within_one_user_and_route,
    the_same_job_again_is_the_same_job,
    a_refusal_for_its_cost_leaves_nothing,
    a_cap_can_be_reached_exactly,
    a_job_is_claimed_at_birth_when_nobody_waits,
    a_job_that_may_not_run_yet_is_not_claimed_at_birth,
    a_job_that_waits_for_a_time_before_the_clock_was_set_back_is_due,
    a_job_of_nobody_is_not_accepted,
    two_hundred_identical_requests_make_one_job,
    a_thousand_requests_at_the_edge_of_a_cap_do_not_pass_it,
];

fn known(n: u32, key: &str, body: u8) -> Admission {
    Admission { idempotency: Some(record(&user(1), key, body)), ..plain(draft(n)) }
}

async fn an_accepted_job_is_there_as_it_was_asked_for(rig: Rig) {
    let job = rig.accept(plain(draft(1))).await;
    assert_eq!(job, draft(1));
    assert_eq!(rig.store.job(user(1).id, job.id).await.unwrap(), Some(job.clone()));
    assert_eq!(rig.store.job_for_work(job.id).await.unwrap(), Some(job));
    assert_eq!(rig.committed(1).await, HOLD);
    assert_eq!(rig.store.audit().await.unwrap().open_holds, 1);
}

async fn a_repeat_finds_the_job_as_it_stands(rig: Rig) {
    rig.accept(known(1, "k", 1)).await;
    let claimed = rig.claim(1).await.remove(0);
    let again = rig.store.admit(known(2, "k", 1)).await.unwrap();
    assert_eq!(again, Admitted::Replayed(claimed.clone()));
    let asked = rig.store.replay(&record(&user(1), "k", 1)).await.unwrap();
    assert_eq!(asked, Some(Admitted::Replayed(claimed)));
    assert_eq!(rig.committed(1).await, HOLD, "held once");
    assert_eq!(rig.store.job_for_work(job_id(2)).await.unwrap(), None);
}

async fn another_body_under_the_same_key_is_refused(rig: Rig) {
    rig.accept(known(1, "k", 1)).await;
    assert_eq!(rig.store.admit(known(2, "k", 2)).await.unwrap(), Admitted::KeyReused);
    assert_eq!(rig.store.replay(&record(&user(1), "k", 2)).await.unwrap(), Some(Admitted::KeyReused));
    assert_eq!(rig.committed(1).await, HOLD);
}

async fn a_key_is_known_within_one_user_and_route(rig: Rig) {
    rig.accept(known(1, "k", 1)).await;
    let mut other = draft(2);
    other.owner = user(2).id;
    let theirs = Admission { idempotency: Some(record(&user(2), "k", 1)), ..plain(other) };
    assert_eq!(rig.accept(theirs).await.id, job_id(2));
    let mut elsewhere = known(3, "k", 2);
    elsewhere.idempotency.as_mut().unwrap().route = "POST /generate/video";
    assert_eq!(rig.accept(elsewhere).await.id, job_id(3));
    assert_eq!(rig.store.replay(&record(&user(1), "other", 1)).await.unwrap(), None);
}

async fn the_same_job_again_is_the_same_job(rig: Rig) {
    // A commit whose outcome was not known is tried again: by id, and before any cap, for its own hold must not count.
    rig.cap(200).await;
    for admission in [plain(draft(1)), known(2, "k", 1)] {
        let first = rig.accept(admission.clone()).await;
        assert_eq!(rig.accept(admission).await, first);
    }
    assert_eq!(rig.committed(1).await, Nanos::new(200));
}

async fn a_refusal_for_its_cost_leaves_nothing(rig: Rig) {
    rig.accept(plain(draft(1))).await;
    rig.cap(199).await;
    let dear = Admission { claim: Some(lease(1)), ..known(2, "k", 1) };
    let refused = rig.store.admit(dear).await.unwrap();
    assert_eq!(refused, Admitted::OverCap(standing(199, 100)));
    assert_eq!(rig.store.job_for_work(job_id(2)).await.unwrap(), None);
    assert_eq!(rig.store.replay(&record(&user(1), "k", 1)).await.unwrap(), None, "a refusal is not remembered");
    assert_eq!(rig.committed(1).await, HOLD);
    assert_eq!(rig.store.audit().await.unwrap().entries, 1);
}

async fn a_cap_can_be_reached_exactly(rig: Rig) {
    rig.cap(200).await;
    for n in [1, 2] {
        rig.accept(plain(draft(n))).await;
    }
    let full = rig.store.admit(plain(draft(3))).await.unwrap();
    assert_eq!(full, Admitted::OverCap(standing(200, 200)));
    let mut free = draft(4);
    free.hold = Nanos::ZERO;
    rig.accept(plain(free)).await;
}

async fn a_job_is_claimed_at_birth_when_nobody_waits(rig: Rig) {
    let born = rig.accept(Admission { claim: Some(lease(1)), ..plain(draft(1)) }).await;
    assert_eq!((born.status, born.attempt, born.lease, born.version), (Status::Submitting, 1, Some(lease(1)), 2));
    assert_eq!(born.started_at, Some(born.created_at));
    // One that runs is not one that waits; one that waits goes first.
    rig.accept(plain(draft(2))).await;
    let queued = rig.accept(Admission { claim: Some(lease(3)), ..plain(draft(3)) }).await;
    assert_eq!((queued.status, queued.lease), (Status::Queued, None));
    // At another provider nobody waits; and who may only run later does not wait yet.
    let mut elsewhere = draft(4);
    elsewhere.provider = "q".into();
    elsewhere.run_at = at(60_000);
    rig.accept(plain(elsewhere.clone())).await;
    let mut next = draft(5);
    next.provider = "q".into();
    let born = rig.accept(Admission { claim: Some(lease(5)), ..plain(next) }).await;
    assert_eq!(born.status, Status::Submitting);
}

async fn a_job_that_may_not_run_yet_is_not_claimed_at_birth(rig: Rig) {
    let mut later = draft(1);
    later.run_at = at(60_000);
    let job = rig.accept(Admission { claim: Some(lease(1)), ..plain(later) }).await;
    assert_eq!(job.status, Status::Queued);
}

async fn a_job_that_waits_for_a_time_before_the_clock_was_set_back_is_due(rig: Rig) {
    let mut stranded = draft(1);
    stranded.run_at = at(5 * 3_600_000);
    rig.accept(plain(stranded)).await;
    let next = rig.accept(Admission { claim: Some(lease(1)), ..plain(draft(2)) }).await;
    assert_eq!(next.status, Status::Queued, "it is not passed by");
    let claimed = rig.claim_at(&[1, 2], at(1_000)).await;
    assert_eq!(claimed.iter().map(|job| job.id).collect::<Vec<_>>(), [draft(1).id, draft(2).id]);
}

async fn a_job_of_nobody_is_not_accepted(rig: Rig) {
    let mut stray = draft(1);
    stray.owner = UserId::new(at(0), [99; 10]);
    let refused = rig.store.admit(plain(stray)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert_eq!(rig.store.audit().await.unwrap().entries, 0);
}

async fn two_hundred_identical_requests_make_one_job(rig: Rig) {
    let mut calls = JoinSet::new();
    for n in 0..200 {
        let store = rig.store.clone();
        calls.spawn(async move { store.admit(known(n, "k", 1)).await.unwrap() });
    }
    let (mut accepted, mut replayed) = (Vec::new(), Vec::new());
    for answer in calls.join_all().await {
        match answer {
            Admitted::Accepted(job) => accepted.push(job.id),
            Admitted::Replayed(job) => replayed.push(job.id),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((accepted.len(), replayed.len()), (1, 199));
    assert!(replayed.iter().all(|id| *id == accepted[0]));
    assert_eq!(rig.committed(1).await, HOLD);
    assert_eq!(rig.store.audit().await.unwrap().jobs, 1);
}

async fn a_thousand_requests_at_the_edge_of_a_cap_do_not_pass_it(rig: Rig) {
    rig.cap(50_050).await;
    let mut calls = JoinSet::new();
    for n in 0..1_000 {
        let store = rig.store.clone();
        calls.spawn(async move { store.admit(plain(draft(n))).await.unwrap() });
    }
    let answers = calls.join_all().await;
    let accepted = answers.iter().filter(|answer| matches!(answer, Admitted::Accepted(_))).count();
    let over = answers.iter().filter(|answer| matches!(answer, Admitted::OverCap { .. })).count();
    assert_eq!((accepted, over), (500, 500), "as many as fit, and no more");
    assert_eq!(rig.committed(1).await, Nanos::new(50_000));
}
