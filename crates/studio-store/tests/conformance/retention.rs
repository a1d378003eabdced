//! Forgetting: what was asked, said and made goes, what it cost stays, and nothing that is open is touched.

use crate::rig::{
    HOLD, Rig, asset_id, at, brought, completed, draft, failed, hash_of, job_id, lease, output, plain, record, said,
    showing, told, upload, user,
};
use studio_core::{
    job::{Actor, Event, Status},
    money::Nanos,
    ports::{Admission, Admitted, Forgotten, JobFilter, Period, Removed},
    request::Input,
    retry::FailureKind,
};

stories![
    what_is_over_for_long_is_forgotten_and_its_cost_is_not,
    what_is_open_is_never_forgotten,
    a_forgotten_name_is_free_again,
    words_and_dead_letters_go_too,
    bytes_are_unnamed_once_nobody_has_them,
    those_that_have_to_wait_hold_up_nobody,
    whose_bytes_were_is_forgotten_in_the_end,
];

async fn forget(rig: &Rig, over_before: i64) -> u64 {
    rig.forget(over_before, None, 100).await.jobs
}

async fn what_is_over_for_long_is_forgotten_and_its_cost_is_not(rig: Rig) {
    rig.accept(plain(draft(1))).await;
    rig.collecting(1).await;
    let (over, _) = rig.moved(1, Actor::Holder(lease(1)), completed(1, 60)).await;
    assert_eq!(forget(&rig, 1_000).await, 0, "over at that moment, not before");
    assert_eq!(forget(&rig, 1_001).await, 1);
    assert_eq!(forget(&rig, 1_001).await, 0, "once");
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
    assert_eq!(forget(&rig, 80_000).await, 0);
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
    forget(&rig, 80_000).await;
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
    for n in [1, 2] {
        assert_eq!(rig.forget(80_000, None, 1).await, Forgotten { jobs: 1, last: Some(job_id(n)) }, "one at a time");
    }
    assert_eq!(rig.forget(80_000, None, 1).await, Forgotten::default());
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
    forget(&rig, 80_000).await;
    assert_eq!(unnamed(100_000).await, [], "the other one has them still");
    rig.moved(2, Actor::Person, Event::CancelRequested).await;
    forget(&rig, 80_000).await;
    assert_eq!(unnamed(89_999).await, [], "a backup may be copying them");
    assert_eq!(unnamed(90_000).await, [hash]);
}

async fn those_that_have_to_wait_hold_up_nobody(rig: Rig) {
    // Five at the front whose pictures another one needs, and one behind them.
    for n in 1..=5 {
        let along = brought(n, &user(1), job_id(n));
        rig.accept(Admission { assets: vec![along.clone()], ..plain(draft(n)) }).await;
        rig.moved(n, Actor::Person, Event::CancelRequested).await;
        rig.accept(plain(showing(n + 20, &along))).await;
    }
    rig.accept(plain(draft(6))).await;
    rig.moved(6, Actor::Person, Event::CancelRequested).await;
    for (after, jobs, last) in [(None, 0, 2), (Some(2), 0, 4), (Some(4), 1, 6)] {
        assert_eq!(rig.forget(80_000, after, 2).await, Forgotten { jobs, last: Some(job_id(last)) }, "after {after:?}");
    }
    assert_eq!(rig.forget(80_000, Some(6), 2).await, Forgotten::default(), "none is behind it");
    for n in 21..=25 {
        rig.moved(n, Actor::Person, Event::CancelRequested).await;
    }
    assert_eq!(forget(&rig, 80_000).await, 10, "the next look begins at the front");
}

async fn whose_bytes_were_is_forgotten_in_the_end(rig: Rig) {
    for (n, removed) in [(1, 10), (2, 20), (3, 30)] {
        rig.store.add_upload(upload(n, 1, 100)).await.unwrap();
        assert_eq!(rig.store.remove_asset(user(1).id, asset_id(n), at(removed)).await.unwrap(), Removed::Gone);
    }
    let left = async || {
        let hashes = [1, 2, 3].map(hash_of).to_vec();
        (rig.store.stored(user(1).id, at(40)).await.unwrap().leaving, rig.store.unnamed(hashes, at(0)).await.unwrap())
    };
    assert_eq!(left().await, (300, vec![]));
    assert_eq!(rig.store.forget_blobs(at(9), 9).await.unwrap(), 0);
    assert_eq!(rig.store.forget_blobs(at(20), 1).await.unwrap(), 1);
    assert_eq!(left().await, (200, vec![hash_of(1)]), "the oldest first");
    assert_eq!(rig.store.forget_blobs(at(20), 9).await.unwrap(), 1);
    assert_eq!(left().await, (100, vec![hash_of(1), hash_of(2)]));
    // Removed again, they are there again.
    rig.store.add_upload(upload(1, 1, 100)).await.unwrap();
    rig.store.remove_asset(user(1).id, asset_id(1), at(40)).await.unwrap();
    assert_eq!(left().await, (200, vec![hash_of(2)]));
}
