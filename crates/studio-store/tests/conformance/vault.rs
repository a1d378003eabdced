//! Sealed keys: kept, replaced, sealed anew, taken out of use; those of a request for as long as its job.

use crate::rig::{HOLD, Rig, at, completed, draft, entry_of, failed, job_id, key_id, lease, noted, plain, user};
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU32, Ordering},
};
use studio_core::{
    id::UserId,
    job::{Actor, Event, Job, KeySource, Payer, Status},
    ledger::Window,
    money::Nanos,
    people::{Action, AuditEntry},
    ports::{Admission, Admitted, AuditFilter, Entrusted, Period, ProviderKey, Resealed, StoreError},
    retry::FailureKind,
    seal::{Keyring, MasterKey, MasterKeyId, Place, Sealed},
    secret::Secret,
};

stories![
    a_key_is_of_one_user_for_one_provider,
    a_key_of_a_request_lives_as_long_as_its_job,
    a_job_by_an_own_key_keeps_no_budget,
    everything_is_sealed_anew_and_nothing_is_lost_on_the_way,
    a_master_key_that_is_retired_seals_nothing_more,
];

fn ring(first: u8) -> Keyring {
    Keyring::new(MasterKey::new([first; 32]), [1, 2].map(|n| MasterKey::new([n; 32])))
}

pub(crate) fn master(n: u8) -> MasterKeyId {
    MasterKey::new([n; 32]).id()
}

pub(crate) fn sealed(by: u8, place: &Place, text: &str) -> Sealed {
    ring(by).seal(place, [by; 24], &Secret::new(text)).unwrap()
}

pub(crate) fn provider_key(by: u8, user: UserId, provider: &str, text: &str) -> ProviderKey {
    let place = Place::ProviderKey { user, provider: provider.into() };
    ProviderKey {
        user,
        provider: provider.into(),
        sealed: sealed(by, &place, text),
        last4: "abcd".into(),
        created_at: at(7),
    }
}

/// The `n`th job, by a key that came with its request.
fn by_own_key(n: u32, by: u8) -> Admission {
    let owner = user(1).id;
    let job = Job { payer: Payer::OwnKey(owner), key_source: KeySource::Request, ..draft(n) };
    let own_key = Some(sealed(by, &Place::JobKey(job.id), "sk-of-a-request"));
    Admission { own_key, ..plain(job) }
}

impl Rig {
    async fn keep(&self, key: ProviderKey) -> Result<Entrusted, StoreError> {
        self.store.keep_provider_key(key, self.entry(Action::ProviderKeySet)).await
    }

    async fn take_back(&self, user: UserId, provider: &str) -> bool {
        self.store.remove_provider_key(user, provider, self.entry(Action::ProviderKeyRemoved)).await.unwrap()
    }

    /// An entry unlike all before it.
    fn entry(&self, action: Action) -> AuditEntry {
        static NEXT: AtomicU32 = AtomicU32::new(7_000);
        entry_of(NEXT.fetch_add(1, Ordering::Relaxed), at(7), action)
    }
}

async fn a_key_is_of_one_user_for_one_provider(rig: Rig) {
    let (one, two) = (user(1).id, user(2).id);
    for (user, provider, text) in [(one, "xai", "a"), (one, "openai", "b"), (two, "openai", "c"), (one, "openai", "d")]
    {
        let key = provider_key(1, user, provider, text);
        assert_eq!(rig.keep(key).await.unwrap(), Entrusted::Kept);
    }
    let kept = rig.store.provider_keys(one).await.unwrap();
    assert_eq!(kept.iter().map(|key| key.provider.as_str()).collect::<Vec<_>>(), ["openai", "xai"]);
    assert_eq!(kept[0], provider_key(1, one, "openai", "d"), "the one that was set last");
    assert_eq!(ring(2).open(&kept[0].place(), &kept[0].sealed).unwrap(), Secret::new("d"));
    assert_eq!(rig.store.provider_key(two, "openai").await.unwrap(), Some(provider_key(1, two, "openai", "c")));
    assert_eq!(rig.store.provider_key(two, "xai").await.unwrap(), None);
    assert!(rig.take_back(one, "openai").await);
    assert!(!rig.take_back(one, "openai").await);
    assert_eq!(rig.store.provider_keys(one).await.unwrap().len(), 1);
    assert_eq!(rig.store.provider_keys(two).await.unwrap().len(), 1, "another's stays");
    let nobody = provider_key(1, user(9).id, "openai", "e");
    assert!(rig.keep(nobody).await.is_err(), "a key without an owner");
    // What was done is told, and nothing of what was not.
    let told = rig.store.audit_entries(AuditFilter { limit: 500, ..AuditFilter::default() }).await.unwrap();
    let count = |action| told.iter().filter(|row| row.entry.action == action).count();
    assert_eq!((count(Action::ProviderKeySet), count(Action::ProviderKeyRemoved)), (4, 1));
}

async fn a_key_of_a_request_lives_as_long_as_its_job(rig: Rig) {
    for n in 1..=3 {
        rig.accept(by_own_key(n, 1)).await;
    }
    let key = async |n| rig.store.job_key(job_id(n)).await.unwrap();
    assert_eq!(key(1).await, by_own_key(1, 1).own_key);
    // Its end, in any way, is the end of its key.
    rig.collecting(1).await;
    assert!(key(1).await.is_some());
    rig.moved(1, Actor::Holder(lease(1)), completed(1, 60)).await;
    assert_eq!(key(1).await, None);
    // Nobody knows: it is still needed.
    rig.claim(2).await;
    let (job, _) = rig.moved(2, Actor::Holder(lease(2)), failed(FailureKind::Lost, 0, at(0))).await;
    assert_eq!((job.status, key(2).await.is_some()), (Status::Unknown, true));
    rig.moved(2, Actor::Person, Event::Resolved { charge: Nanos::new(5), note: "a bill".into() }).await;
    assert_eq!(key(2).await, None);
    rig.moved(3, Actor::Person, Event::CancelRequested).await;
    assert_eq!((key(3).await, key(9).await), (None, None));
    assert_eq!(rig.store.sealed_by().await.unwrap(), []);
}

async fn a_job_by_an_own_key_keeps_no_budget(rig: Rig) {
    rig.cap(50).await;
    rig.limit(Payer::User(user(1).id), Window::Day, 50).await;
    let counted = plain(draft(1));
    assert!(matches!(rig.store.admit(counted).await.unwrap(), Admitted::OverCap(_)), "a job like any other");
    rig.accept(by_own_key(2, 1)).await;
    let unpriced = by_own_key(3, 1);
    let unpriced = Admission { job: Job { price_list: None, hold: Nanos::ZERO, ..unpriced.job.clone() }, ..unpriced };
    rig.accept(unpriced).await;
    rig.collecting(2).await;
    rig.moved(2, Actor::Holder(lease(2)), completed(2, 60)).await;
    assert_eq!(rig.committed(1).await, Nanos::ZERO);
    assert_eq!(rig.store.standings(Payer::OwnKey(user(1).id), user(1).id, at(0)).await.unwrap(), []);
    assert!(
        !rig.store.set_budgets(Payer::OwnKey(user(1).id), [].into(), noted(at(0))).await.unwrap(),
        "there is none to set"
    );
    let usage = rig.store.usage(user(1).id, Period::default()).await.unwrap();
    let [model] = &usage.models[..] else { panic!("{usage:?}") };
    assert_eq!((model.charged, model.own_key, model.held), (Nanos::ZERO, Nanos::new(60), Nanos::ZERO));
    assert!(HOLD > Nanos::ZERO && rig.store.audit().await.unwrap().open_holds == 1, "but all of it is on record");
    assert_eq!(rig.store.keys(None).await.unwrap()[0].key.id, key_id(1));
}

async fn everything_is_sealed_anew_and_nothing_is_lost_on_the_way(rig: Rig) {
    let (one, two) = (user(1).id, user(2).id);
    for key in [provider_key(1, one, "openai", "a"), provider_key(1, one, "xai", "b"), provider_key(2, two, "xai", "c")]
    {
        rig.keep(key).await.unwrap();
    }
    rig.accept(by_own_key(1, 1)).await;
    let mut counts = vec![(master(1), 3), (master(2), 1)];
    counts.sort();
    assert_eq!(rig.store.sealed_by().await.unwrap(), counts);
    let old = rig.store.sealed_by_others(master(2), BTreeSet::new(), 10).await.unwrap();
    assert_eq!(old.len(), 3);
    let but: BTreeSet<_> = old[..2].iter().map(|row| row.place.clone()).collect();
    assert_eq!(rig.store.sealed_by_others(master(2), but, 10).await.unwrap(), old[2..]);
    assert_eq!(rig.store.sealed_by_others(master(2), BTreeSet::new(), 2).await.unwrap(), old[..2]);
    let anew = |row: &studio_core::ports::SealedRow| {
        let text = ring(2).open(&row.place, &row.sealed).unwrap();
        let after = ring(2).seal(&row.place, [9; 24], &text).unwrap();
        Resealed { place: row.place.clone(), before: row.sealed.clone(), after }
    };
    // Meanwhile one was set again, and one removed.
    rig.keep(provider_key(1, one, "openai", "another")).await.unwrap();
    rig.take_back(one, "xai").await;
    let rows: Vec<_> = old.iter().map(anew).collect();
    assert_eq!(rig.store.reseal(rows.clone()).await.unwrap(), 1, "only the job's is as it was");
    assert_eq!(rig.store.reseal(rows).await.unwrap(), 0);
    let kept = rig.store.provider_key(one, "openai").await.unwrap().unwrap();
    assert_eq!(ring(2).open(&kept.place(), &kept.sealed).unwrap(), Secret::new("another"));
    assert_eq!(rig.store.provider_key(one, "xai").await.unwrap(), None, "what was removed does not come back");
    let of_job = rig.store.job_key(job_id(1)).await.unwrap().unwrap();
    assert_eq!(of_job.key(), master(2));
    assert_eq!(ring(2).open(&Place::JobKey(job_id(1)), &of_job).unwrap(), Secret::new("sk-of-a-request"));
}

async fn a_master_key_that_is_retired_seals_nothing_more(rig: Rig) {
    let one = user(1).id;
    rig.keep(provider_key(1, one, "xai", "a")).await.unwrap();
    rig.store.retire_master_keys([master(1)].into()).await.unwrap();
    assert_eq!(rig.store.retired_master_keys().await.unwrap(), [master(1)].into());
    assert_eq!(rig.keep(provider_key(1, one, "xai", "b")).await.unwrap(), Entrusted::Retired);
    assert_eq!(rig.store.admit(by_own_key(1, 1)).await.unwrap(), Admitted::SealRetired);
    assert_eq!(rig.store.job_for_work(job_id(1)).await.unwrap(), None, "nothing was made");
    assert_eq!(rig.store.provider_key(one, "xai").await.unwrap(), Some(provider_key(1, one, "xai", "a")));
    rig.accept(by_own_key(1, 2)).await;
    rig.store.retire_master_keys(BTreeSet::new()).await.unwrap();
    assert_eq!(rig.keep(provider_key(1, one, "xai", "c")).await.unwrap(), Entrusted::Kept);
}
