//! Forgetting: what was asked, said and made goes, what it cost stays, and nothing that is open is touched.

use crate::rig::{
    HOLD, Rig, asset_id, at, brought, completed, draft, failed, job_id, lease, output, plain, record, said, told, user,
};
use studio_core::{
    job::{Actor, Event, Status},
    money::Nanos,
    ports::{Admission, Admitted, Forget, JobFilter, Period},
    request::Input,
    retry::FailureKind,
};

stories![
    what_is_over_for_long_is_forgotten_and_its_cost_is_not,
    what_is_open_is_never_forgotten,
    a_forgotten_name_is_free_again,
    words_and_dead_letters_go_too,
    bytes_are_unnamed_once_nobody_has_them,
];

fn before(over_before: i64) -> Forget {
    Forget { over_before: at(over_before), limit: 100, now: at(90_000) }
}

async fn what_is_over_for_long_is_forgotten_and_its_cost_is_not(rig: Rig) {
    rig.accept(plain(draft(1))).await;
    rig.collecting(1).await;
    let (over, _) = rig.moved(1, Actor::Holder(lease(1)), completed(1, 60)).await;
    assert_eq!(rig.store.forget(before(1_000)).await.unwrap(), 0, "over at that moment, not before");
    assert_eq!(rig.store.forget(before(1_001)).await.unwrap(), 1);
    assert_eq!(rig.store.forget(before(1_001)).await.unwrap(), 0, "once");
    assert_eq!(rig.store.job(user(1).id, job_id(1)).await.unwrap(), None);
    assert_eq!(rig.store.jobs(user(1).id, JobFilter { limit: 9, ..JobFilter::default() }).await.unwrap(), []);
    assert_eq!(rig.store.asset(user(1).id, asset_id(1)).await.unwrap(), None);
    let left = rig.store.job_for_work(job_id(1)).await.unwrap().unwrap();
    let Input::Image(request) = &left.input else { panic!("it was a picture") };
    assert!(request.prompt.expose().is_empty() && left.outputs.is_empty() && left.warnings.is_empty());
    assert_eq!((left.status, left.cost, left.hold, left.version), (over.status, over.cost, HOLD, over.version + 1));
    let usage = rig.store.usage(user(1).id, Period::default()).await.unwrap();
    assert_eq!((usage.models[0].jobs, usage.models[0].charged), (1, Nanos::new(60)));
    // Its bill may still come.
    let adjusted = Event::Adjusted { cost: Nanos::new(70), absorbed: Nanos::ZERO, note: "a bill".into() };
    rig.moved(1, Actor::Person, adjusted).await;
    assert_eq!(rig.committed(1).await, Nanos::new(70));
}

async fn what_is_open_is_never_forgotten(rig: Rig) {
    for n in 1..=3 {
        rig.accept(plain(draft(n))).await;
    }
    rig.collecting(1).await;
    rig.claim(2).await;
    rig.moved(2, Actor::Holder(lease(2)), failed(FailureKind::Lost, 0, at(0))).await;
    assert_eq!(rig.store.forget(before(80_000)).await.unwrap(), 0);
    let statuses: Vec<Status> = rig
        .store
        .jobs(user(1).id, JobFilter { limit: 9, ..JobFilter::default() })
        .await
        .unwrap()
        .iter()
        .map(|job| job.status)
        .collect();
    assert_eq!(statuses, [Status::Queued, Status::Unknown, Status::Collecting]);
}

async fn a_forgotten_name_is_free_again(rig: Rig) {
    let known = |n| Admission { idempotency: Some(record(&user(1), "k", 1)), ..plain(draft(n)) };
    rig.accept(known(1)).await;
    rig.moved(1, Actor::Person, Event::CancelRequested).await;
    assert!(matches!(rig.store.admit(known(2)).await.unwrap(), Admitted::Replayed(_)));
    rig.store.forget(before(80_000)).await.unwrap();
    assert_eq!(rig.accept(known(2)).await.id, job_id(2), "another request by another day");
}

async fn words_and_dead_letters_go_too(rig: Rig) {
    for n in 1..=2 {
        rig.accept(plain(draft(n))).await;
        rig.claim(n).await;
        rig.checkpoint(n, n, said(0, 0, "words")).await;
    }
    rig.moved(1, Actor::Holder(lease(1)), failed(FailureKind::NotConfigured, 0, at(0))).await;
    rig.moved(2, Actor::Holder(lease(2)), told(5)).await;
    assert_eq!(rig.store.dead_letters(None, 9).await.unwrap().len(), 1);
    let one = Forget { limit: 1, ..before(80_000) };
    assert_eq!((rig.store.forget(one).await.unwrap(), rig.store.forget(one).await.unwrap()), (1, 1), "one at a time");
    assert_eq!(rig.store.dead_letters(None, 9).await.unwrap(), []);
    assert_eq!((rig.log(1, 0).await.end(), rig.log(2, 0).await.end()), (0, 0));
}

async fn bytes_are_unnamed_once_nobody_has_them(rig: Rig) {
    let hash = output(1).hash;
    let unnamed = |since| {
        let store = rig.store.clone();
        async move { store.unnamed(vec![hash], at(since)).await.unwrap() }
    };
    assert_eq!(unnamed(0).await, [hash], "nobody ever had them");
    // The same bytes, in two jobs.
    for n in 1..=2 {
        rig.accept(Admission { assets: vec![brought(n, &user(1), job_id(n))], ..plain(draft(n)) }).await;
    }
    assert_eq!(unnamed(0).await, []);
    rig.moved(1, Actor::Person, Event::CancelRequested).await;
    rig.store.forget(before(80_000)).await.unwrap();
    assert_eq!(unnamed(100_000).await, [], "the other one has them still");
    rig.moved(2, Actor::Person, Event::CancelRequested).await;
    rig.store.forget(before(80_000)).await.unwrap();
    assert_eq!(unnamed(89_999).await, [], "a backup may be copying them");
    assert_eq!(unnamed(90_000).await, [hash]);
}
