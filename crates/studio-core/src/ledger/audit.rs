//! Checks a whole ledger, and says what was checked.

use super::{Account, Entry, EntryKind, Window};
use crate::{
    bill::Basis,
    id::JobId,
    job::{Job, Payer},
    money::Nanos,
    time::Timestamp,
};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// One thing wrong with the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which rule is broken.
    pub rule: &'static str,
    /// Where and how.
    pub detail: String,
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audit {
    /// The sum of all lines: zero.
    pub sum: i128,
    /// Entries seen.
    pub entries: u64,
    /// Jobs seen.
    pub jobs: u64,
    /// Holds of jobs that are not over.
    pub open_holds: u64,
    /// How often each rule was checked.
    pub checked: BTreeMap<&'static str, u64>,
    /// Everything that is wrong: nothing.
    pub violations: Vec<Violation>,
}

/// Checks a whole ledger, fed from one snapshot: first every entry, in any order, then every account, every window, every job.
#[derive(Debug, Default)]
pub struct Auditor {
    audit: Audit,
    balances: HashMap<String, i128>,
    commitments: HashMap<(Payer, Window, Timestamp), i128>,
    jobs: HashMap<JobId, Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    held: Vec<i64>,
    posted: Vec<i64>,
    voids: u32,
    adjustments: u32,
    /// A person has said something about it.
    noted: bool,
    charged: i128,
    absorbed: i128,
}

impl Auditor {
    /// Notes that a rule was checked, and whether it is kept.
    pub fn check(&mut self, rule: &'static str, kept: bool, detail: impl FnOnce() -> String) {
        *self.audit.checked.entry(rule).or_default() += 1;
        if !kept {
            self.audit.violations.push(Violation { rule, detail: detail() });
        }
    }

    /// An entry.
    pub fn entry(&mut self, entry: &Entry) {
        let (kind, id) = (entry.kind.as_str(), entry.job);
        self.audit.entries += 1;
        let sum: i128 = entry.lines.iter().map(|line| i128::from(line.amount.get())).sum();
        self.audit.sum += sum;
        self.check("entry sums to zero", sum == 0, || format!("{kind} of job {id}: {sum}"));
        for line in &entry.lines {
            *self.balances.entry(line.account.to_string()).or_default() += i128::from(line.amount.get());
        }
        for (payer, window, start, amount) in entry.commits() {
            *self.commitments.entry((payer, window, start)).or_default() += i128::from(amount.get());
        }
        let absorbed = entry.moved(|account| *account == Account::WriteOffs).negated();
        let moves = absorbed != Nanos::ZERO || entry.charged() != Nanos::ZERO;
        let seen = self.jobs.entry(id).or_default();
        seen.noted |= entry.note.is_some();
        seen.charged += i128::from(entry.charged().get());
        seen.absorbed += i128::from(absorbed.get());
        match entry.kind {
            EntryKind::Hold => seen.held.push(entry.held().get()),
            EntryKind::Post => {
                seen.posted.push(entry.moved(|account| matches!(account, Account::Provider(_))).get());
            }
            EntryKind::Void => seen.voids += 1,
            EntryKind::Overage | EntryKind::WriteOff => {}
            EntryKind::Adjustment => seen.adjustments += 1,
        }
        if moves && entry.kind != EntryKind::Adjustment {
            let named = entry.attempt > 0 && entry.provider_ref.is_some();
            self.check("charge names attempt and the provider's name for it", named, || format!("{kind} of job {id}"));
        }
        if entry.kind == EntryKind::Adjustment {
            let noted = entry.note.as_ref().is_some_and(|note| !note.trim().is_empty());
            self.check("adjustment says why", noted, || format!("job {id}"));
        }
    }

    /// An account as the store keeps it.
    pub fn account(&mut self, name: &str, balance: Nanos) {
        let lines = self.balances.remove(name).unwrap_or(0);
        let kept = lines == i128::from(balance.get());
        self.check("balance equals its lines", kept, || format!("{name}: keeps {balance}, lines say {lines} nano-USD"));
    }

    /// What counts against a payer's budget in a window, as the store keeps it.
    pub fn commitment(&mut self, payer: Payer, window: Window, start: Timestamp, amount: Nanos) {
        let lines = self.commitments.remove(&(payer, window, start)).unwrap_or(0);
        let kept = lines == i128::from(amount.get());
        self.check("what counts against a budget equals its lines", kept, || {
            format!("{payer} in the {} from {start}: keeps {amount}, lines say {lines} nano-USD", window.as_str())
        });
    }

    /// A job.
    pub fn job(&mut self, job: &Job) {
        let (id, hold, over) = (job.id, job.hold, job.status.is_terminal());
        self.audit.jobs += 1;
        self.audit.open_holds += u64::from(!over);
        let seen = self.jobs.remove(&id).unwrap_or_default();
        let held_once = seen.held == [hold.get()];
        self.check("one hold for each job", held_once, || format!("job {id}: {:?} where {hold} is due", seen.held));
        let resolutions = seen.posted.len() + seen.voids as usize;
        self.check("a hold is resolved exactly once, at the end", resolutions == usize::from(over), || {
            format!("job {id} is {} and its hold was resolved {resolutions} times", job.status.as_str())
        });
        let within = seen.posted.iter().all(|posted| (0..=hold.get()).contains(posted));
        self.check("a post is within its hold", within, || format!("job {id}: {:?} of {hold}", seen.posted));
        let cost = job.cost.unwrap_or_default();
        self.check("a job costs what was charged", seen.charged == i128::from(cost.get()), || {
            format!("job {id} says {cost}, the ledger {} nano-USD", seen.charged)
        });
        self.check(
            "what the studio bears is what its jobs say",
            seen.absorbed == i128::from(job.absorbed.get()),
            || format!("job {id} says {}, the ledger {} nano-USD", job.absorbed, seen.absorbed),
        );
        self.check("an adjustment comes after the end", over || seen.adjustments == 0, || format!("job {id}"));
        if seen.adjustments == 0 && cost > Nanos::ZERO {
            self.charge_follows(job, cost, seen.noted);
        }
    }

    /// Every charge stands on something: what was counted, by the list that the job was accepted with; what was held; or the
    /// word of a provider or of a person. Of jobs that were over before this was kept, it is not known.
    fn charge_follows(&mut self, job: &Job, cost: Nanos, noted: bool) {
        let id = job.id;
        match job.basis {
            Some(Basis::Counted) => {
                let counted = job.price_list.as_ref().zip(job.measured.as_ref());
                let wanted = counted.and_then(|(list, measured)| list.cost(measured).ok());
                let kept = wanted.is_some_and(|wanted| cost == wanted || job.estimated && cost == wanted.min(job.hold));
                self.check("a counted charge follows from its price list", kept, || {
                    format!("job {id} costs {cost}, by its list {wanted:?}")
                });
            }
            Some(Basis::Held) => {
                self.check("what could not be counted is charged as held", cost == job.hold, || {
                    format!("job {id} costs {cost} of {}", job.hold)
                });
            }
            Some(Basis::Person) => {
                self.check("a person who says what was charged says why", noted, || format!("job {id}"));
            }
            Some(Basis::Told) | None => {}
        }
    }

    /// Ends the audit.
    pub fn finish(mut self) -> Audit {
        for (name, balance) in std::mem::take(&mut self.balances) {
            if balance != 0 {
                self.check("balance equals its lines", false, || {
                    format!("{name} has lines for {balance} and no account")
                });
            }
        }
        for ((payer, window, _), amount) in std::mem::take(&mut self.commitments) {
            if amount != 0 {
                self.check("what counts against a budget equals its lines", false, || {
                    format!("{payer} has lines for {amount} that count in no {}", window.as_str())
                });
            }
        }
        for id in std::mem::take(&mut self.jobs).into_keys() {
            self.check("an entry is for a job", false, || format!("there is no job {id}"));
        }
        let sum = self.audit.sum;
        self.check("everything sums to zero", sum == 0, || format!("all lines sum to {sum}"));
        self.audit
    }
}
