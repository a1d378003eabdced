//! Money: what a charge beyond the hold leaves, who pays, and what is reported.

use crate::rig::{PROVIDER, Rig, at, completed, draft, failed, job_id, key_id, lease, plain, user};
use studio_core::{
    bill::Bill,
    id::KeyId,
    job::{Actor, Event, Payer, Refused, Status},
    money::Nanos,
    ports::{Advanced, EntryFilter, ModelUsage, Period, UsageReport},
    retry::{Failure, FailureKind},
};

stories![
    a_charge_beyond_the_hold_stands_apart,
    a_free_job_is_held_and_charged_too,
    everyone_pays_for_their_own,
    usage_is_told_by_model,
    what_is_learned_late_is_an_adjustment,
    what_the_studio_bears_is_written_off,
    entries_are_listed_newest_first,
    a_dead_letter_is_listed_until_it_is_done_again,
];

async fn a_charge_beyond_the_hold_stands_apart(rig: Rig) {
    rig.accept(plain(draft(1))).await;
    rig.collecting(1).await;
    let (job, _) = rig.moved(1, Actor::Holder(lease(1)), completed(1, 130)).await;
    assert_eq!(job.cost, Some(Nanos::new(130)));
    assert_eq!(rig.committed(1).await, Nanos::new(130));
    let audit = rig.store.audit().await.unwrap();
    assert_eq!(audit.entries, 3, "hold, post, overage");
}

async fn a_free_job_is_held_and_charged_too(rig: Rig) {
    let mut free = draft(1);
    free.hold = Nanos::ZERO;
    rig.accept(plain(free)).await;
    rig.collecting(1).await;
    rig.moved(1, Actor::Holder(lease(1)), completed(1, 0)).await;
    let audit = rig.store.audit().await.unwrap();
    assert_eq!((audit.entries, audit.jobs, audit.open_holds), (2, 1, 0));
}

async fn everyone_pays_for_their_own(rig: Rig) {
    let mut theirs = draft(2);
    theirs.owner = user(2).id;
    theirs.payer = Payer::Key(key_id(2));
    theirs.hold = Nanos::new(7);
    let mut direct = draft(3);
    direct.payer = Payer::User(user(1).id);
    for job in [draft(1), theirs, direct] {
        rig.accept(plain(job)).await;
    }
    assert_eq!((rig.committed(1).await, rig.committed(2).await), (Nanos::new(100), Nanos::new(7)));
    let keys: Vec<KeyId> = rig.store.keys(None).await.unwrap().into_iter().map(|row| row.key.id).collect();
    assert_eq!(keys, [key_id(1), key_id(2)]);
}

async fn usage_is_told_by_model(rig: Rig) {
    let mut other_model = draft(3);
    other_model.model = "a".into();
    let mut theirs = draft(9);
    theirs.owner = user(2).id;
    for job in [draft(1), draft(2), other_model, draft(4), theirs] {
        rig.accept(plain(job)).await;
    }
    rig.collecting(1).await;
    rig.moved(1, Actor::Holder(lease(1)), completed(1, 60)).await;
    rig.claim_at(&[9, 2], at(1_000)).await;
    rig.moved(2, Actor::Holder(lease(2)), failed(FailureKind::ModelFailed, 5, at(0))).await;
    let model = |model: &str, jobs, succeeded, unfinished, charged, held| ModelUsage {
        model: model.into(),
        jobs,
        succeeded,
        unfinished,
        charged: Nanos::new(charged),
        own_key: Nanos::ZERO,
        held: Nanos::new(held),
        absorbed: Nanos::ZERO,
    };
    let expected = UsageReport { models: vec![model("a", 1, 0, 1, 0, 100), model("m", 3, 1, 1, 65, 100)] };
    assert_eq!(rig.store.usage(user(1).id, Period::default()).await.unwrap(), expected);
    let nobody = studio_core::id::UserId::new(at(0), [1; 10]);
    assert_eq!(rig.store.usage(nobody, Period::default()).await.unwrap(), UsageReport::default());
}

/// The bill of a job that failed although its provider did the work.
fn useless(absorbed: i64) -> Event {
    let failure = Failure::new(FailureKind::BadOutput, "no picture");
    let bill = Bill { absorbed: Nanos::new(absorbed), ..Bill::nothing() };
    Event::AttemptFailed { failure, harmless: false, bill, retry_at: at(0) }
}

fn adjusted(cost: i64, absorbed: i64, note: &str) -> Event {
    Event::Adjusted { cost: Nanos::new(cost), absorbed: Nanos::new(absorbed), note: note.into() }
}

async fn what_is_learned_late_is_an_adjustment(rig: Rig) {
    rig.accept(plain(draft(1))).await;
    rig.collecting(1).await;
    rig.moved(1, Actor::Holder(lease(1)), completed(1, 60)).await;
    rig.moved(1, Actor::Person, adjusted(75, 0, "the bill says so")).await;
    assert_eq!(rig.committed(1).await, Nanos::new(75));
    let again = rig.advance(1, Actor::Person, adjusted(75, 0, "said twice"), at(2_000)).await;
    assert!(matches!(again, Advanced::Refused { reason: Refused::Nothing, .. }), "{again:?}");
    // The provider gives all of it back, and the studio keeps half of it.
    let (job, _) = rig.moved(1, Actor::Person, adjusted(30, -30, "a credit note")).await;
    assert_eq!((job.status, job.cost, job.absorbed.get()), (Status::Succeeded, Some(Nanos::new(30)), -30));
    let filter = EntryFilter { job: Some(job_id(1)), limit: 9, ..EntryFilter::default() };
    let rows = rig.store.entries(filter).await.unwrap();
    let told: Vec<_> = rows.iter().map(|row| (row.entry.kind.as_str(), row.entry.charged().get())).collect();
    assert_eq!(told, [("adjustment", -45), ("adjustment", 15), ("post", 60), ("hold", 0)]);
    let lines: Vec<_> = rows[0].entry.lines.iter().map(|line| (line.account.to_string(), line.amount.get())).collect();
    let key = format!("key:{}", key_id(1));
    assert_eq!(lines, [(key, 45), ("write-offs".into(), 30), (format!("refunds:{PROVIDER}"), -75)]);
    assert_eq!(rows[0].entry.note.as_deref(), Some("a credit note"));
    let usage = rig.store.usage(user(1).id, Period::default()).await.unwrap();
    assert_eq!((usage.models[0].charged.get(), usage.models[0].absorbed.get()), (30, -30));
}

async fn what_the_studio_bears_is_written_off(rig: Rig) {
    rig.accept(plain(draft(1))).await;
    rig.collecting(1).await;
    let (job, _) = rig.moved(1, Actor::Holder(lease(1)), useless(40)).await;
    assert_eq!((job.status, job.cost, job.absorbed.get()), (Status::Failed, Some(Nanos::ZERO), 40));
    assert_eq!(rig.committed(1).await, Nanos::ZERO, "nobody pays for what nobody got");
    let usage = rig.store.usage(user(1).id, Period::default()).await.unwrap();
    assert_eq!(usage.models[0].absorbed.get(), 40);
    assert_eq!(rig.store.audit().await.unwrap().entries, 3, "hold, void, write-off");
}

async fn entries_are_listed_newest_first(rig: Rig) {
    let mut theirs = draft(2);
    theirs.owner = user(2).id;
    theirs.payer = Payer::Key(key_id(2));
    for job in [draft(1), theirs, draft(3)] {
        rig.accept(plain(job)).await;
    }
    let list = |filter: EntryFilter| {
        let store = rig.store.clone();
        async move { store.entries(filter).await.unwrap().iter().map(|row| row.entry.job).collect::<Vec<_>>() }
    };
    let all = EntryFilter { limit: 9, ..EntryFilter::default() };
    assert_eq!(list(all.clone()).await, [job_id(3), job_id(2), job_id(1)]);
    let mine = EntryFilter { owner: Some(user(1).id), ..all.clone() };
    assert_eq!(list(mine.clone()).await, [job_id(3), job_id(1)]);
    let first = rig.store.entries(EntryFilter { limit: 1, ..mine.clone() }).await.unwrap().remove(0);
    assert_eq!(first.model, "m");
    assert_eq!(list(EntryFilter { before: Some(first.number), ..mine.clone() }).await, [job_id(1)]);
    assert_eq!(list(EntryFilter { from: Some(at(3)), ..mine.clone() }).await, [job_id(3)], "from that moment on");
    assert_eq!(list(EntryFilter { until: Some(at(3)), ..mine }).await, [job_id(1)], "before that moment");
    assert_eq!(list(EntryFilter { job: Some(job_id(2)), owner: Some(user(1).id), ..all }).await, []);
}

async fn a_dead_letter_is_listed_until_it_is_done_again(rig: Rig) {
    for n in 1..=4 {
        rig.accept(plain(draft(n))).await;
    }
    let ends = [FailureKind::NotConfigured, FailureKind::Rejected, FailureKind::CutOff, FailureKind::ModelFailed];
    for (n, kind) in (1..).zip(ends) {
        rig.claim(n).await;
        rig.moved(n, Actor::Holder(lease(n)), failed(kind, 0, at(0))).await;
    }
    let dead = |before, limit| {
        let store = rig.store.clone();
        async move { store.dead_letters(before, limit).await.unwrap().iter().map(|job| job.id).collect::<Vec<_>>() }
    };
    assert_eq!(dead(None, 9).await, [job_id(3), job_id(1)], "no fault of their requests");
    assert_eq!((dead(None, 1).await, dead(Some(job_id(3)), 9).await), (vec![job_id(3)], vec![job_id(1)]));
    let mut again = draft(5);
    again.retry_of = Some(job_id(3));
    rig.accept(plain(again)).await;
    assert_eq!(dead(None, 9).await, [job_id(1)]);
    rig.moved(3, Actor::Person, adjusted(5, 0, "it was charged after all")).await;
    assert_eq!(dead(None, 9).await, [job_id(1)], "what is learned late does not bring it back");
}
