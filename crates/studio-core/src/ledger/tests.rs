//! The rules of the ledger, and that the auditor sees each of them broken.

use super::*;
use crate::{
    bill::Basis,
    catalog::Modality,
    id::{KeyId, RequestId, UserId},
    job::NewJob,
    parameter::Parameters,
    price::{PriceList, Unit, Usage},
    request::{ImageRequest, Input},
    secret::Prompt,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

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
            input: Input::Image(ImageRequest::new(Prompt::new("x"), Parameters::new())),
            deadline: None,
            hold: Nanos::new(hold),
            price_list: Some(PriceList {
                version: "l".into(),
                from: "2026-01-01".into(),
                rates: [(Unit::Call, 1_000_000)].into(),
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

/// The job as it ended.
fn over(job: &Job, status: Status, cost: i64) -> Job {
    Job {
        status,
        cost: Some(Nanos::new(cost)),
        basis: Some(Basis::Counted),
        measured: Some(Usage::of(Unit::Call, cost.unsigned_abs())),
        ..job.clone()
    }
}

/// Audits `entries` with the balances that they lead to and the jobs given.
fn audit(entries: &[Entry], jobs: &[&Job]) -> Audit {
    let mut auditor = Auditor::default();
    let (mut balances, mut commitments) = (BTreeMap::new(), BTreeMap::new());
    for entry in entries {
        auditor.entry(entry);
        for line in &entry.lines {
            *balances.entry(line.account.to_string()).or_insert(0) += line.amount.get();
        }
        for (payer, window, start, amount) in entry.commits() {
            *commitments.entry((payer, window, start)).or_insert(0) += amount.get();
        }
    }
    balances.iter().for_each(|(name, balance)| auditor.account(name, Nanos::new(*balance)));
    for ((payer, window, start), amount) in commitments {
        auditor.commitment(payer, window, start, Nanos::new(amount));
    }
    jobs.iter().for_each(|job| auditor.job(job));
    auditor.finish()
}

fn rules(audit: &Audit) -> Vec<&'static str> {
    audit.violations.iter().map(|v| v.rule).collect()
}

#[test]
fn a_hold_becomes_a_charge_and_the_rest_is_released() {
    let job = over(&job(1, 100, Status::Queued), Status::Succeeded, 60);
    let mut entries = vec![hold(&job, T0)];
    entries.extend(settle(&job, T0));
    assert_eq!(entries.iter().map(|e| e.kind).collect::<Vec<_>>(), [EntryKind::Hold, EntryKind::Post]);
    assert_eq!(sum(&entries), 0);
    let clean = audit(&entries, &[&job]);
    assert_eq!((&clean.violations, clean.sum, clean.open_holds), (&vec![], 0, 0));
    assert_eq!(clean.checked["entry sums to zero"], 2);
    assert_eq!(entries.iter().map(|e| (e.held().get(), e.charged().get())).collect::<Vec<_>>(), [(100, 0), (-100, 60)]);
}

#[test]
fn a_failure_releases_everything_and_an_excess_stands_apart() {
    let held = job(1, 100, Status::Queued);
    let settled = |status, cost| settle(&over(&held, status, cost), T0);
    assert_eq!(settled(Status::Failed, 0)[0].kind, EntryKind::Void);
    assert_eq!(settled(Status::Failed, 5)[0].kind, EntryKind::Post, "what a failure cost is charged");
    let entries = settled(Status::Succeeded, 130);
    assert_eq!(entries.iter().map(|e| e.kind).collect::<Vec<_>>(), [EntryKind::Post, EntryKind::Overage]);
    let provider: Vec<_> = entries.iter().map(|e| e.lines.last().unwrap().amount.get()).collect();
    assert_eq!(provider, [100, 30]);
}

#[test]
fn a_free_job_is_charged_too() {
    let free = over(&job(1, 0, Status::Queued), Status::Succeeded, 0);
    let entries = [vec![hold(&free, T0)], settle(&free, T0)].concat();
    assert_eq!(entries[1].kind, EntryKind::Post);
    assert!(audit(&entries, &[&free]).violations.is_empty());
}

#[test]
fn what_nobody_got_anything_of_is_borne_by_the_studio_and_seen() {
    let failed = Job { absorbed: Nanos::new(40), ..over(&job(1, 100, Status::Queued), Status::Failed, 0) };
    let entries = [vec![hold(&failed, T0)], settle(&failed, T0)].concat();
    assert_eq!(
        entries.iter().map(|e| e.kind).collect::<Vec<_>>(),
        [EntryKind::Hold, EntryKind::Void, EntryKind::WriteOff]
    );
    assert_eq!((sum(&entries), entries[2].charged()), (0, Nanos::ZERO));
    assert_eq!(entries[2].moved(|account| *account == Account::WriteOffs), Nanos::new(-40));
    assert_eq!(audit(&entries, &[&failed]).violations, vec![]);
}

#[test]
fn what_is_learned_late_is_an_adjustment() {
    let before = over(&job(1, 100, Status::Queued), Status::Failed, 60);
    let settled = [vec![hold(&before, T0)], settle(&before, T0)].concat();
    let provider = |entry: &Entry| entry.moved(|account| matches!(account, Account::Provider(_))).get();
    let refunded = |entry: &Entry| entry.moved(|account| matches!(account, Account::Refunds(_))).get();
    for (cost, absorbed, earned, given_back) in [(70, 0, 10, 0), (0, 0, 0, -60), (0, 60, 0, 0), (20, 10, 0, -30)] {
        let after = Job { cost: Some(Nanos::new(cost)), absorbed: Nanos::new(absorbed), ..before.clone() };
        let entry = adjust(&before, &after, "a bill", T0);
        assert_eq!((provider(&entry), refunded(&entry)), (earned, given_back), "{cost} and {absorbed}");
        assert_eq!((entry.charged().get(), sum(std::slice::from_ref(&entry))), (cost - 60, 0));
        let entries = [settled.clone(), vec![entry]].concat();
        assert_eq!(audit(&entries, &[&after]).violations, vec![]);
        assert!(rules(&audit(&entries, &[&before])).contains(&"a job costs what was charged"));
        let mut silent = entries.clone();
        silent[2].note = Some(" ".into());
        assert!(rules(&audit(&silent, &[&after])).contains(&"adjustment says why"));
    }
}

#[test]
fn a_budget_counts_for_the_payer_and_for_the_owner_in_the_windows_of_admission() {
    let user = UserId::new(T0, [1; 10]);
    let key = Payer::Key(KeyId::new(T0, [2; 10]));
    let by_key = Job { payer: key, ..job(1, 100, Status::Queued) };
    let late = T0.plus(std::time::Duration::from_secs(40 * 24 * 3600));
    let entries = [vec![hold(&by_key, T0)], settle(&over(&by_key, Status::Succeeded, 60), late)].concat();
    let mut sums: BTreeMap<_, i64> = BTreeMap::new();
    for (payer, window, start, amount) in entries.iter().flat_map(Entry::commits) {
        assert_eq!(start, window.start(T0), "a late settlement counts where the job was accepted");
        *sums.entry((payer, window)).or_default() += amount.get();
    }
    let all = Window::ALL.iter().flat_map(|window| [(Payer::User(user), *window), (key, *window)]);
    assert_eq!(sums, all.map(|place| (place, 60)).collect());
    assert_eq!(hold(&job(2, 100, Status::Queued), T0).commits().len(), 3, "who pays for themselves counts once");
}

#[test]
fn what_an_own_key_pays_is_recorded_and_counts_against_no_budget() {
    let owner = UserId::new(T0, [1; 10]);
    let own = Job { payer: Payer::OwnKey(owner), ..over(&job(1, 100, Status::Queued), Status::Succeeded, 60) };
    let after = Job { cost: Some(Nanos::new(50)), ..own.clone() };
    let entries = [vec![hold(&own, T0)], settle(&own, T0), vec![adjust(&own, &after, "a bill", T0)]].concat();
    assert!(entries.iter().all(|entry| entry.commits().is_empty()));
    assert_eq!(entries.iter().map(|entry| entry.charged().get()).sum::<i64>(), 50);
    assert_eq!(audit(&entries, &[&after]).violations, vec![]);
}

#[test]
fn the_name_of_an_account_is_read_back() {
    let (user, key) = (Payer::User(UserId::new(T0, [1; 10])), Payer::Key(KeyId::new(T0, [2; 10])));
    let (odd, back) = (Account::Provider("held:user:x".into()), Account::Refunds("p".into()));
    let own = Payer::OwnKey(UserId::new(T0, [1; 10]));
    let payers = [user, key, own].into_iter().flat_map(|payer| [Account::Payer(payer), Account::Held(payer)]);
    for account in payers.chain([odd, back, Account::WriteOffs]) {
        assert_eq!(Account::parse(&account.to_string()), Some(account));
    }
    for bad in ["", "user", "user:", "user:1", "held:", "held:held:", "team:019a0b1c-2d3e-7f40-8a5b-6c7d8e9f0a1b"] {
        assert_eq!(Account::parse(bad), None, "{bad}");
    }
}

#[test]
fn the_auditor_sees_every_rule_broken() {
    let done = over(&job(1, 100, Status::Queued), Status::Succeeded, 60);
    let (held, settled) = (hold(&done, T0), settle(&done, T0).remove(0));
    let good = [held.clone(), settled.clone()];
    let broken = |entries: &[Entry], jobs: &[&Job], rule| {
        let found = audit(entries, jobs);
        assert!(rules(&found).contains(&rule), "{rule}: {found:?}");
    };

    let mut crooked = good.clone();
    crooked[1].lines[0].amount = Nanos::new(-99);
    broken(&crooked, &[&done], "entry sums to zero");
    broken(&crooked, &[&done], "everything sums to zero");

    let doubled = [held.clone(), settled.clone(), settled.clone()];
    broken(&doubled, &[&done], "a hold is resolved exactly once, at the end");
    broken(&good[..1], &[&done], "a hold is resolved exactly once, at the end");
    let running = Job { cost: None, ..over(&done, Status::Running, 0) };
    broken(&good, &[&running], "a hold is resolved exactly once, at the end");
    assert_eq!(audit(&good[..1], &[&running]).open_holds, 1);

    broken(&good[1..], &[&done], "one hold for each job");
    broken(&good, &[], "an entry is for a job");
    broken(&good, &[&over(&done, Status::Succeeded, 61)], "a job costs what was charged");
    let dear = Job { hold: Nanos::new(200), ..over(&done, Status::Succeeded, 150) };
    broken(&[held.clone(), settle(&dear, T0).remove(0)], &[&done], "a post is within its hold");

    let mut untraced = good.clone();
    untraced[1].provider_ref = None;
    broken(&untraced, &[&done], "charge names attempt and the provider's name for it");
    let miscounted = Job { measured: Some(Usage::of(Unit::Call, 59)), ..done.clone() };
    broken(&good, &[&miscounted], "a counted charge follows from its price list");
    broken(&good, &[&Job { measured: None, ..done.clone() }], "a counted charge follows from its price list");
    let on = |basis| Job { basis, ..done.clone() };
    broken(&good, &[&on(Some(Basis::Held))], "what could not be counted is charged as held");
    broken(&good, &[&on(Some(Basis::Person))], "a person who says what was charged says why");
    for known in [Some(Basis::Told), None] {
        assert!(audit(&good, &[&on(known)]).violations.is_empty(), "{known:?}");
    }
    broken(&good, &[&Job { absorbed: Nanos::new(1), ..done.clone() }], "what the studio bears is what its jobs say");
    let early = [vec![held.clone()], vec![adjust(&running, &over(&running, Status::Running, 5), "early", T0)]].concat();
    broken(&early, &[&running], "an adjustment comes after the end");

    let mut auditor = Auditor::default();
    good.iter().for_each(|entry| auditor.entry(entry));
    auditor.account(&Account::Provider("p".into()).to_string(), Nanos::new(61));
    auditor.commitment(done.payer, Window::Month, Window::Month.start(T0), Nanos::new(59));
    auditor.job(&done);
    let found = auditor.finish();
    assert!(rules(&found).contains(&"balance equals its lines"));
    let of_budgets = rules(&found).into_iter().filter(|rule| *rule == "what counts against a budget equals its lines");
    assert_eq!(of_budgets.count(), 3, "one that is wrong, two that are missing");
}

proptest! {
    #[test]
    fn any_settlement_balances(
        held in 0i64..1_000_000, cost in 0i64..2_000_000, absorbed in 0i64..1000, succeeded: bool,
        later in prop::option::of((0i64..2_000_000, 0i64..1000)),
    ) {
        let status = if succeeded { Status::Succeeded } else { Status::Failed };
        let mut done = Job { absorbed: Nanos::new(absorbed), ..over(&job(1, held, Status::Queued), status, cost) };
        let mut entries = [vec![hold(&done, T0)], settle(&done, T0)].concat();
        if let Some((cost, absorbed)) = later {
            let after = Job { cost: Some(Nanos::new(cost)), absorbed: Nanos::new(absorbed), ..done.clone() };
            entries.push(adjust(&done, &after, "a bill", T0));
            done = after;
        }
        for entry in &entries {
            prop_assert_eq!(sum(std::slice::from_ref(entry)), 0);
        }
        let found = audit(&entries, &[&done]);
        prop_assert!(found.violations.is_empty(), "{:?}", found.violations);
    }
}
