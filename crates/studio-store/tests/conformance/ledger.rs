//! Money: what a charge beyond the hold leaves, who pays, and what is reported.

use crate::rig::{Rig, completed, draft, failed, lease, plain, user};
use studio_core::{
    id::KeyId,
    job::{Actor, Payer},
    money::Nanos,
    ports::{ModelUsage, UsageReport},
    retry::FailureKind,
};

stories![
    a_charge_beyond_the_hold_stands_apart,
    a_free_job_is_held_and_charged_too,
    everyone_pays_for_their_own,
    usage_is_told_by_model,
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
    theirs.payer = Payer::Key(crate::rig::key_id(2));
    theirs.hold = Nanos::new(7);
    let mut direct = draft(3);
    direct.payer = Payer::User(user(1).id);
    for job in [draft(1), theirs, direct] {
        rig.accept(plain(job)).await;
    }
    assert_eq!((rig.committed(1).await, rig.committed(2).await), (Nanos::new(100), Nanos::new(7)));
    let keys: Vec<KeyId> = rig.store.keys().await.unwrap().into_iter().map(|row| row.key.id).collect();
    assert_eq!(keys, [crate::rig::key_id(1), crate::rig::key_id(2)]);
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
    rig.claim(2).await;
    rig.moved(2, Actor::Holder(lease(2)), failed(FailureKind::ModelFailed, 5, crate::rig::at(0))).await;
    let model = |model: &str, jobs, succeeded, unfinished, charged, held| ModelUsage {
        model: model.into(),
        jobs,
        succeeded,
        unfinished,
        charged: Nanos::new(charged),
        held: Nanos::new(held),
    };
    let expected = UsageReport { models: vec![model("a", 1, 0, 1, 0, 100), model("m", 3, 1, 1, 65, 100)] };
    assert_eq!(rig.store.usage(user(1).id).await.unwrap(), expected);
    let nobody = studio_core::id::UserId::new(crate::rig::at(0), [1; 10]);
    assert_eq!(rig.store.usage(nobody).await.unwrap(), UsageReport::default());
}
