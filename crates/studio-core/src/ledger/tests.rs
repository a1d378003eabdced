//! The rules of the ledger, and that the auditor sees each of them broken.

use super::*;
use crate::{
    catalog::Modality,
    id::{KeyId, RequestId, UserId},
    job::NewJob,
    parameter::Parameters,
    price::PriceList,
    request::{ImageRequest, Input},
    secret::Prompt,
};
use proptest::prelude::*;

const T0: Timestamp = Timestamp::from_millis(1_790_000_000_000);

fn job(n: u8, hold: i64, status: Status) -> Job {
    let user = UserId::new(T0, [1; 10]);
    Job {
        status,
        attempt: 1,
        ..NewJob {
            id: JobId::new(T0, [n; 10]),
            owner: user,
            payer: Payer::User(user),
            request: RequestId::new(T0, [3; 10]),
            modality: Modality::Image,
            model: "m".into(),
            provider: "p".into(),
            upstream: "m".into(),
            input: Input::Image(ImageRequest { prompt: Prompt::new("x"), parameters: Parameters::new() }),
            deadline: None,
            hold: Nanos::new(hold),
            price_list: Some(PriceList {
                version: "l".into(),
                from: "2026-01-01".into(),
                rates: Default::default(),
                by: Vec::new(),
            }),
            warnings: Vec::new(),
            durability: crate::job::Durability::Power,
            now: T0,
        }
        .queued()
    }
}

fn sum(entries: &[Entry]) -> i64 {
    entries.iter().flat_map(|e| &e.lines).map(|l| l.amount.get()).sum()
}

/// Audits `entries` with the balances that they lead to and the jobs given.
fn audit(entries: &[Entry], jobs: &[(JobId, Status, i64, Option<i64>)]) -> Audit {
    let mut auditor = Auditor::default();
    let mut balances: HashMap<String, i64> = HashMap::new();
    for entry in entries {
        auditor.entry(entry);
        for line in &entry.lines {
            *balances.entry(line.account.to_string()).or_default() += line.amount.get();
        }
    }
    balances.iter().for_each(|(name, balance)| auditor.account(name, Nanos::new(*balance)));
    for (id, status, hold, cost) in jobs {
        auditor.job(*id, *status, Nanos::new(*hold), cost.map(Nanos::new));
    }
    auditor.finish()
}

fn rules(audit: &Audit) -> Vec<&'static str> {
    audit.violations.iter().map(|v| v.rule).collect()
}

#[test]
fn a_hold_becomes_a_charge_and_the_rest_is_released() {
    let job = job(1, 100, Status::Succeeded);
    let mut entries = vec![hold(&job, T0)];
    entries.extend(settle(&job, Nanos::new(60), T0));
    assert_eq!(entries.iter().map(|e| e.kind).collect::<Vec<_>>(), [EntryKind::Hold, EntryKind::Post]);
    assert_eq!(sum(&entries), 0);
    let clean = audit(&entries, &[(job.id, job.status, 100, Some(60))]);
    assert_eq!((clean.violations, clean.sum, clean.open_holds), (vec![], 0, 0));
}

#[test]
fn a_failure_releases_everything_and_an_excess_stands_apart() {
    let failed = job(1, 100, Status::Failed);
    assert_eq!(settle(&failed, Nanos::ZERO, T0)[0].kind, EntryKind::Void);
    assert_eq!(settle(&failed, Nanos::new(5), T0)[0].kind, EntryKind::Post, "what a failure cost is charged");
    let dear = job(1, 100, Status::Succeeded);
    let entries = settle(&dear, Nanos::new(130), T0);
    assert_eq!(entries.iter().map(|e| e.kind).collect::<Vec<_>>(), [EntryKind::Post, EntryKind::Overage]);
    let provider: Vec<_> = entries.iter().map(|e| e.lines.last().unwrap().amount.get()).collect();
    assert_eq!(provider, [100, 30]);
}

#[test]
fn a_free_job_is_charged_too() {
    let free = job(1, 0, Status::Succeeded);
    let entries = [vec![hold(&free, T0)], settle(&free, Nanos::ZERO, T0)].concat();
    assert_eq!(entries[1].kind, EntryKind::Post);
    assert!(audit(&entries, &[(free.id, free.status, 0, Some(0))]).violations.is_empty());
}

#[test]
fn the_name_of_an_account_is_read_back() {
    let (user, key) = (Payer::User(UserId::new(T0, [1; 10])), Payer::Key(KeyId::new(T0, [2; 10])));
    let odd = Account::Provider("held:user:x".into());
    for account in [Account::Payer(user), Account::Held(user), Account::Payer(key), Account::Held(key), odd] {
        assert_eq!(Account::parse(&account.to_string()), Some(account));
    }
    for bad in ["", "user", "user:", "user:1", "held:", "held:held:", "team:019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b"] {
        assert_eq!(Account::parse(bad), None, "{bad}");
    }
}

#[test]
fn caps_are_exact() {
    let cap = Nanos::new(100);
    assert!(fits(cap, Nanos::new(-40), Nanos::new(60)));
    assert!(!fits(cap, Nanos::new(-41), Nanos::new(60)));
    assert!(!fits(cap, Nanos::new(i64::MIN + 1), Nanos::new(60)), "no wrap");
}

#[test]
fn the_auditor_sees_every_rule_broken() {
    let done = job(1, 100, Status::Succeeded);
    let (held, settled) = (hold(&done, T0), settle(&done, Nanos::new(60), T0).remove(0));
    let row = (done.id, Status::Succeeded, 100, Some(60));
    let good = [held.clone(), settled.clone()];

    let mut crooked = good.clone();
    crooked[1].lines[0].amount = Nanos::new(-99);
    assert!(rules(&audit(&crooked, &[row])).contains(&"entry sums to zero"));
    assert!(rules(&audit(&crooked, &[row])).contains(&"everything sums to zero"));

    let doubled = [held.clone(), settled.clone(), settled.clone()];
    assert!(rules(&audit(&doubled, &[row])).contains(&"a hold is resolved exactly once, at the end"));
    assert!(rules(&audit(&good[..1], &[row])).contains(&"a hold is resolved exactly once, at the end"));
    let running = (done.id, Status::Running, 100, None);
    assert!(rules(&audit(&good, &[running])).contains(&"a hold is resolved exactly once, at the end"));
    assert_eq!(audit(&good[..1], &[running]).open_holds, 1);

    assert!(rules(&audit(&good[1..], &[row])).contains(&"one hold for each job"));
    assert!(rules(&audit(&good, &[])).contains(&"an entry is for a job"));
    assert!(
        rules(&audit(&good, &[(done.id, Status::Succeeded, 100, Some(61))])).contains(&"a job costs what was charged")
    );

    let over = settle(&job(1, 200, Status::Succeeded), Nanos::new(150), T0).remove(0);
    assert!(rules(&audit(&[held.clone(), over], &[row])).contains(&"a post is within its hold"));

    let mut untraced = good.clone();
    untraced[1].price_list = None;
    assert!(rules(&audit(&untraced, &[row])).contains(&"charge names attempt and price list"));

    let mut auditor = Auditor::default();
    good.iter().for_each(|entry| auditor.entry(entry));
    auditor.account(&Account::Provider("p".into()).to_string(), Nanos::new(61));
    auditor.job(done.id, Status::Succeeded, Nanos::new(100), Some(Nanos::new(60)));
    assert!(rules(&auditor.finish()).contains(&"balance equals its lines"));
}

proptest! {
    #[test]
    fn any_settlement_balances(held in 0i64..1_000_000, charge in -5i64..2_000_000, succeeded: bool) {
        let job = job(1, held, if succeeded { Status::Succeeded } else { Status::Failed });
        let entries = [vec![hold(&job, T0)], settle(&job, Nanos::new(charge), T0)].concat();
        for entry in &entries {
            prop_assert_eq!(sum(std::slice::from_ref(entry)), 0);
        }
        let cost = charge.max(0);
        let found = audit(&entries, &[(job.id, job.status, held, Some(cost))]);
        prop_assert!(found.violations.is_empty(), "{:?}", found.violations);
    }
}
