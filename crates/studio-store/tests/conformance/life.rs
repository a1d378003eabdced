//! From the queue to the one end, by the machine's rules, with money and library in the same commit.

use crate::rig::{
    HOLD, Rig, advance, asset_id, at, canceled, completed, draft, failed, job_id, lease, output, plain, user,
};
use studio_core::{
    job::{Actor, Effect, Event, Refused, Status},
    library::{Facts, Origin},
    money::Nanos,
    ports::{Advanced, Asset, StoreError},
    retry::FailureKind,
};

stories![
    a_life_to_success,
    a_provider_that_is_busy_sends_it_back_to_the_queue,
    a_failure_releases_the_hold,
    a_lost_reply_keeps_the_hold_until_someone_knows,
    a_stale_lease_moves_nothing,
    what_is_over_never_moves,
    canceled_while_queued_is_void_at_once,
    a_cancel_while_running_is_a_wish,
    a_deadline_ends_what_waits,
    claims_take_the_oldest_due_jobs_first,
    news_of_nothing_is_refused_and_absent_is_absent,
    two_assets_of_one_name_are_refused_whole,
];

async fn a_life_to_success(rig: Rig) {
    rig.accept(plain(draft(1))).await;
    let claimed = rig.claim(1).await.remove(0);
    assert_eq!((claimed.status, claimed.attempt, claimed.lease), (Status::Submitting, 1, Some(lease(1))));
    let holder = Actor::Holder(lease(1));
    let (job, _) = rig.moved(1, holder, Event::Submitted { handle: "theirs".into() }).await;
    assert_eq!((job.status, job.handle.as_deref()), (Status::Running, Some("theirs")));
    let (job, _) = rig.moved(1, holder, Event::Progress { stage: Some("drawing".into()), progress: 400 }).await;
    assert_eq!((job.progress, job.stage.as_deref()), (400, Some("drawing")));
    let (job, _) = rig.moved(1, holder, Event::OutputsReady).await;
    assert_eq!(job.status, Status::Collecting);
    let (job, effects) = rig.moved(1, holder, completed(1, 60)).await;
    assert_eq!(effects, [Effect::Settle]);
    assert_eq!((job.status, job.cost, job.version), (Status::Succeeded, Some(Nanos::new(60)), 6));
    assert_eq!(job.ended_at, Some(at(1_000)));
    assert_eq!(rig.store.job(user(1).id, job.id).await.unwrap(), Some(job));
    assert_eq!(rig.committed(1).await, Nanos::new(60), "the rest is released");
    let asset = Asset {
        id: asset_id(1),
        owner: user(1).id,
        job: Some(job_id(1)),
        origin: Origin::Made,
        hash: output(1).hash,
        media_type: output(1).media_type,
        bytes: output(1).bytes,
        name: None,
        facts: Facts::default(),
        thumbnail: None,
        created_at: at(1_000),
    };
    assert_eq!(rig.store.asset(user(1).id, asset_id(1)).await.unwrap(), Some(asset));
    assert_eq!(rig.store.asset(user(2).id, asset_id(1)).await.unwrap(), None, "not yours = not there");
    assert_eq!(rig.store.audit().await.unwrap().open_holds, 0);
}

async fn a_provider_that_is_busy_sends_it_back_to_the_queue(rig: Rig) {
    rig.accept(plain(draft(1))).await;
    rig.claim(1).await;
    let (job, effects) = rig.moved(1, Actor::Holder(lease(1)), failed(FailureKind::Busy, 0, at(5_000))).await;
    assert_eq!((job.status, job.run_at, job.lease), (Status::Queued, at(5_000), None));
    assert_eq!(effects, [Effect::Requeued]);
    assert_eq!(rig.committed(1).await, HOLD, "still held");
    assert_eq!(rig.store.next_run_at(&job.provider).await.unwrap(), Some(at(5_000)));
    assert!(rig.claim_at(&[2], at(4_999)).await.is_empty(), "not before its time");
    let again = rig.claim_at(&[2], at(5_000)).await.remove(0);
    assert_eq!((again.attempt, again.lease), (2, Some(lease(2))));
}

async fn a_failure_releases_the_hold(rig: Rig) {
    for (n, charge) in [(1, 0), (2, 30)] {
        rig.accept(plain(draft(n))).await;
        rig.claim(n).await;
        let event = failed(FailureKind::Rejected, charge, at(0));
        let (job, _) = rig.moved(n, Actor::Holder(lease(n)), event).await;
        assert_eq!((job.status, job.cost), (Status::Failed, Some(Nanos::new(charge))));
        assert_eq!(job.error.unwrap().kind, FailureKind::Rejected);
    }
    assert_eq!(rig.committed(1).await, Nanos::new(30), "what a failure cost is charged, nothing else");
}

async fn a_lost_reply_keeps_the_hold_until_someone_knows(rig: Rig) {
    rig.accept(plain(draft(1))).await;
    rig.claim(1).await;
    let (job, effects) = rig.moved(1, Actor::Holder(lease(1)), failed(FailureKind::Lost, 0, at(0))).await;
    assert_eq!((job.status, job.lease, effects), (Status::Unknown, None, vec![]));
    assert_eq!(rig.committed(1).await, HOLD);
    assert_eq!(rig.store.unfinished().await.unwrap(), [job]);
    let (job, _) =
        rig.moved(1, Actor::Person, Event::Resolved { charge: Nanos::new(70), note: "looked up".into() }).await;
    assert_eq!((job.status, job.cost), (Status::Failed, Some(Nanos::new(70))));
    assert_eq!(rig.committed(1).await, Nanos::new(70));
}

async fn a_stale_lease_moves_nothing(rig: Rig) {
    rig.accept(plain(draft(1))).await;
    rig.collecting(1).await;
    rig.taken_over(1, 2).await;
    let before = rig.store.job_for_work(job_id(1)).await.unwrap().unwrap();
    let stale = rig.advance(1, Actor::Holder(lease(1)), completed(1, 60), at(2_000)).await;
    assert_eq!(stale, Advanced::Refused { job: before.clone(), reason: Refused::StaleLease });
    assert_eq!(rig.store.job_for_work(job_id(1)).await.unwrap(), Some(before));
    assert_eq!(rig.store.asset(user(1).id, asset_id(1)).await.unwrap(), None);
    rig.moved(1, Actor::Holder(lease(2)), completed(1, 60)).await;
}

async fn what_is_over_never_moves(rig: Rig) {
    rig.accept(plain(draft(1))).await;
    rig.collecting(1).await;
    let (done, _) = rig.moved(1, Actor::Holder(lease(1)), completed(1, 60)).await;
    let repeated = completed(2, 60);
    for (actor, event) in [(Actor::Holder(lease(1)), repeated), (Actor::Person, Event::CancelRequested)] {
        let late = rig.advance(1, actor, event, at(2_000)).await;
        assert_eq!(late, Advanced::Refused { job: done.clone(), reason: Refused::Over });
    }
    assert_eq!(rig.store.job_for_work(done.id).await.unwrap(), Some(done));
    assert_eq!(rig.committed(1).await, Nanos::new(60), "charged once");
    assert_eq!(rig.store.asset(user(1).id, asset_id(2)).await.unwrap(), None);
}

async fn canceled_while_queued_is_void_at_once(rig: Rig) {
    rig.accept(plain(draft(1))).await;
    let (job, effects) = rig.moved(1, Actor::Person, Event::CancelRequested).await;
    assert_eq!((job.status, effects), (Status::Canceled, vec![Effect::Settle]));
    assert_eq!(rig.committed(1).await, Nanos::ZERO);
    assert!(rig.claim(1).await.is_empty());
}

async fn a_cancel_while_running_is_a_wish(rig: Rig) {
    rig.accept(plain(draft(1))).await;
    rig.claim(1).await;
    rig.moved(1, Actor::Holder(lease(1)), Event::Submitted { handle: "h".into() }).await;
    let (job, effects) = rig.moved(1, Actor::Person, Event::CancelRequested).await;
    assert_eq!((job.status, effects), (Status::Running, vec![Effect::AskProviderToStop]));
    let (job, _) = rig.moved(1, Actor::Holder(lease(1)), canceled(5)).await;
    assert_eq!((job.status, job.cost), (Status::Canceled, Some(Nanos::new(5))));
    assert_eq!(rig.committed(1).await, Nanos::new(5));
}

async fn a_deadline_ends_what_waits(rig: Rig) {
    let mut job = draft(1);
    job.deadline = Some(at(500));
    rig.accept(plain(job)).await;
    assert!(rig.store.overdue(at(499)).await.unwrap().is_empty());
    assert_eq!(rig.store.overdue(at(500)).await.unwrap(), [job_id(1)]);
    let (job, _) = rig.moved(1, Actor::Studio, Event::DeadlinePassed).await;
    assert_eq!(job.status, Status::Expired);
    assert!(rig.store.overdue(at(500)).await.unwrap().is_empty(), "told once");
    assert_eq!(rig.committed(1).await, Nanos::ZERO);
}

async fn claims_take_the_oldest_due_jobs_first(rig: Rig) {
    // 1 may only run later; 4 was asked for last and may run first of all.
    for (n, run_at) in [(3, at(30)), (1, at(9_000)), (2, at(800)), (4, at(1))] {
        let mut job = draft(n);
        job.run_at = run_at;
        rig.accept(plain(job)).await;
    }
    let mut elsewhere = draft(0);
    elsewhere.provider = "q".into();
    rig.accept(plain(elsewhere)).await;
    let claimed = rig.claim_at(&[11, 12], at(1_000)).await;
    let taken: Vec<_> = claimed.iter().map(|job| (job.id, job.lease)).collect();
    assert_eq!(taken, [(job_id(2), Some(lease(11))), (job_id(3), Some(lease(12)))], "one for each lease, oldest first");
    let rest = rig.claim_at(&[13, 14], at(1_000)).await;
    assert_eq!(rest.iter().map(|job| job.id).collect::<Vec<_>>(), [job_id(4)], "no more than are due");
    assert!(rig.claim_at(&[], at(99_000)).await.is_empty());
}

async fn news_of_nothing_is_refused_and_absent_is_absent(rig: Rig) {
    let absent = rig.advance(9, Actor::Person, Event::CancelRequested, at(1_000)).await;
    assert_eq!(absent, Advanced::Absent);
    rig.accept(plain(draft(1))).await;
    rig.claim(1).await;
    let news = Event::Progress { stage: None, progress: 0 };
    let same = rig.advance(1, Actor::Holder(lease(1)), news, at(1_000)).await;
    assert!(matches!(same, Advanced::Refused { reason: Refused::Nothing, job } if job.version == 2));
}

async fn two_assets_of_one_name_are_refused_whole(rig: Rig) {
    for n in [1, 2] {
        rig.accept(plain(draft(n))).await;
        rig.collecting(n).await;
    }
    rig.moved(1, Actor::Holder(lease(1)), completed(1, 60)).await;
    let doubled = advance(2, Actor::Holder(lease(2)), completed(1, 60), at(2_000));
    assert!(matches!(rig.store.advance(doubled).await, Err(StoreError::Unavailable(_))));
    let job = rig.store.job_for_work(job_id(2)).await.unwrap().unwrap();
    assert_eq!(job.status, Status::Collecting, "nothing of it was done");
    assert_eq!(rig.committed(1).await, Nanos::new(160));
}
