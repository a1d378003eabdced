//! People and keys: made, found by hash, revoked.

use crate::rig::{HOLD, Rig, at, draft, key, key_id, noted, plain, user};
use studio_core::{
    caller::{ApiKey, KeyHash, KeyHolder},
    id::UserId,
    ledger::{Limits, Window},
    money::Nanos,
    people::{Actor, AuditEntry},
    ports::{MOST_OWN_KEYS, OWN_KEYS_WINDOW, StoreError},
};

stories![
    a_person_is_made_once,
    a_key_is_found_by_its_hash_as_it_was_made,
    a_hash_belongs_to_one_key,
    a_revoked_key_stays_revoked,
    there_are_only_so_many_keys_of_ones_own_making,
    keys_are_listed_with_owner_and_spend,
];

async fn a_person_is_made_once(rig: Rig) {
    let mut again = user(1);
    again.id = UserId::new(at(5), [5; 10]);
    assert_eq!(rig.store.ensure_user(again, noted(at(5))).await.unwrap(), user(1), "the one that is there");
    let mut impostor = user(1);
    impostor.email = "other@example.com".into();
    assert!(rig.store.ensure_user(impostor, noted(at(5))).await.is_err(), "one id is one person");
}

async fn a_key_is_found_by_its_hash_as_it_was_made(rig: Rig) {
    let mut unlimited = key(3, user(2).id);
    unlimited.limits.clear();
    rig.store.create_key(unlimited.clone(), Limits::new(), noted(at(0))).await.unwrap();
    for (made, owner) in [(key(1, user(1).id), user(1)), (unlimited, user(2))] {
        let holder = KeyHolder { key: made.clone(), user: owner };
        assert_eq!(rig.store.key(made.hash).await.unwrap(), Some(holder));
    }
    assert_eq!(rig.store.key(KeyHash([77; 32])).await.unwrap(), None);
}

async fn a_hash_belongs_to_one_key(rig: Rig) {
    assert_eq!(
        rig.store.create_key(key(1, user(1).id), Limits::new(), noted(at(0))).await,
        Ok(true),
        "the same again changes nothing"
    );
    let mut thief = key(9, user(2).id);
    thief.hash = key(1, user(1).id).hash;
    let mut twin = key(9, user(2).id);
    twin.id = key_id(1);
    let stray = key(9, UserId::new(at(0), [99; 10]));
    for bad in [thief, twin, stray] {
        let refused = rig.store.create_key(bad, Limits::new(), noted(at(0))).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    }
    assert_eq!(rig.store.keys(None).await.unwrap().len(), 2);
}

async fn there_are_only_so_many_keys_of_ones_own_making(rig: Rig) {
    let me = user(1).id;
    let make = async |n: u32, when: i64, by: Option<UserId>| {
        let made = ApiKey { created_at: at(when), expires_at: None, ..key(n, me) };
        let entry = noted(at(when));
        let entry = AuditEntry { actor: Actor { user: by, ..entry.actor }, ..entry };
        rig.store.create_key(made, Limits::new(), entry).await.unwrap()
    };
    // One is theirs already.
    let most = u32::try_from(MOST_OWN_KEYS).unwrap();
    for n in 10..10 + most - 1 {
        assert!(make(n, 10, Some(me)).await);
    }
    assert!(!make(500, 20, Some(me)).await);
    assert!(rig.store.revoke_key(key_id(10), None, noted(at(30))).await.unwrap());
    assert!(!make(500, 40, Some(me)).await, "what is made and revoked counts for a day");
    assert!(make(501, 40, None).await && make(502, 40, Some(user(2).id)).await, "others are not bound");
    let day = i64::try_from(OWN_KEYS_WINDOW.as_millis()).unwrap();
    for n in [11, 12] {
        assert!(rig.store.revoke_key(key_id(n), None, noted(at(50))).await.unwrap());
    }
    assert!(make(503, day + 100, Some(me)).await, "a day later three have gone and two have come");
    assert!(!make(504, day + 100, Some(me)).await);
}

async fn a_revoked_key_stays_revoked(rig: Rig) {
    assert!(rig.store.revoke_key(key_id(1), None, noted(at(50))).await.unwrap());
    assert!(rig.store.revoke_key(key_id(1), Some(user(1).id), noted(at(90))).await.unwrap());
    let revoked = rig.store.key(key(1, user(1).id).hash).await.unwrap().unwrap();
    assert_eq!(revoked.key.revoked_at, Some(at(50)), "the first time counts");
    assert!(!rig.store.revoke_key(key_id(2), Some(user(1).id), noted(at(50))).await.unwrap(), "it is another's");
    assert!(!rig.store.revoke_key(key_id(8), None, noted(at(50))).await.unwrap(), "there is none");
    rig.store.create_key(key(1, user(1).id), Limits::new(), noted(at(0))).await.unwrap();
    assert!(
        rig.store.key(revoked.key.hash).await.unwrap().unwrap().key.revoked_at.is_some(),
        "made again it is not open again"
    );
}

async fn keys_are_listed_with_owner_and_spend(rig: Rig) {
    assert!(rig.store.has_keys().await.unwrap());
    rig.accept(plain(draft(1))).await;
    rig.cap(500).await;
    let limits = Limits::from([(Window::Lifetime, Nanos::new(7)), (Window::Day, Nanos::new(1))]);
    rig.store.create_key(key(3, user(2).id), limits, noted(at(0))).await.unwrap();
    let rows = rig.store.keys(None).await.unwrap();
    let shown: Vec<_> =
        rows.iter().map(|row| (row.key.id, row.user.clone(), row.limits.clone(), row.committed)).collect();
    let lifetime = |amount| Limits::from([(Window::Lifetime, Nanos::new(amount))]);
    let both = Limits::from([(Window::Lifetime, Nanos::new(7)), (Window::Day, Nanos::new(1))]);
    let expected = [
        (key_id(1), user(1), lifetime(500), HOLD),
        (key_id(2), user(2), Limits::new(), Nanos::ZERO),
        (key_id(3), user(2), both, Nanos::ZERO),
    ];
    assert_eq!(shown, expected);
}
