//! The ledger's rules: double entry, whole nano-USD, append-only.
//!
//! Money only moves between accounts, so the lines of every entry sum to zero, and so does everything. A hold moves a job's
//! upper price from who pays to what is held for them; it is resolved exactly once, by a post (the charge, the rest
//! released) or a void. What a provider takes beyond the hold is an overage of its own, never hidden in the post.

use crate::{
    id::{JobId, KeyId, UserId},
    job::{Job, Payer, Status},
    money::Nanos,
    time::Timestamp,
};
use serde::Serialize;
use std::{collections::HashMap, fmt};

/// Where money is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// What a payer has left; minus what they have spent and what is held, since nobody pays in.
    Payer(Payer),
    /// What is reserved for a payer's unfinished jobs.
    Held(Payer),
    /// What a provider has earned.
    Provider(String),
}

impl Account {
    /// Reads what `Display` wrote: the store keeps accounts by that name.
    pub fn parse(name: &str) -> Option<Self> {
        if let Some(provider) = name.strip_prefix("provider:") {
            return Some(Self::Provider(provider.to_owned()));
        }
        match name.strip_prefix("held:") {
            Some(payer) => read_payer(payer).map(Self::Held),
            None => read_payer(name).map(Self::Payer),
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payer(payer) => write_payer(f, payer),
            Self::Held(payer) => {
                f.write_str("held:")?;
                write_payer(f, payer)
            }
            Self::Provider(name) => write!(f, "provider:{name}"),
        }
    }
}

fn write_payer(f: &mut fmt::Formatter<'_>, payer: &Payer) -> fmt::Result {
    match payer {
        Payer::User(id) => write!(f, "user:{id}"),
        Payer::Key(id) => write!(f, "key:{id}"),
    }
}

fn read_payer(text: &str) -> Option<Payer> {
    let (kind, id) = text.split_once(':')?;
    match kind {
        "user" => UserId::parse(id).ok().map(Payer::User),
        "key" => KeyId::parse(id).ok().map(Payer::Key),
        _ => None,
    }
}

/// What an entry is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// Reserves a job's upper price.
    Hold,
    /// Charges a job and releases the rest of its hold.
    Post,
    /// Releases a hold whole.
    Void,
    /// What a provider took beyond a limit that we had sent it.
    Overage,
}

impl EntryKind {
    /// As in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Post => "post",
            Self::Void => "void",
            Self::Overage => "overage",
        }
    }

    /// Reads what [`EntryKind::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Hold, Self::Post, Self::Void, Self::Overage].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// One line: so much to (or, negative, from) an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The account.
    pub account: Account,
    /// The amount.
    pub amount: Nanos,
}

/// One entry: its lines sum to zero, and it says what for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// For which job.
    pub job: JobId,
    /// For which attempt of it; 0 before the first.
    pub attempt: u32,
    /// Who is paid.
    pub provider: String,
    /// The provider's own name for the work, where it gave one.
    pub provider_ref: Option<String>,
    /// By which price list.
    pub price_list: Option<String>,
    /// The movements.
    pub lines: Vec<Line>,
    /// When.
    pub at: Timestamp,
}

impl Entry {
    fn of(job: &Job, kind: EntryKind, lines: Vec<Line>, at: Timestamp) -> Self {
        Self {
            kind,
            job: job.id,
            attempt: job.attempt,
            provider: job.provider.clone(),
            // Where a provider gave no name, ours is the one that it knows.
            provider_ref: job.handle.clone().or_else(|| (job.attempt > 0).then(|| job.attempt_name())),
            price_list: job.price_list.as_ref().map(|list| list.version.clone()),
            lines,
            at,
        }
    }
}

fn line(account: Account, amount: Nanos) -> Line {
    Line { account, amount }
}

/// The entry that reserves `job`'s hold.
pub fn hold(job: &Job, at: Timestamp) -> Entry {
    let lines = vec![line(Account::Payer(job.payer), job.hold.negated()), line(Account::Held(job.payer), job.hold)];
    Entry::of(job, EntryKind::Hold, lines, at)
}

/// The entries that resolve `job`'s hold: one post or one void, and an overage when the charge is more than was held.
pub fn settle(job: &Job, charge: Nanos, at: Timestamp) -> Vec<Entry> {
    let charge = charge.max(Nanos::ZERO);
    let posted = charge.min(job.hold);
    // Both are within 0..=hold, so neither subtraction can leave the range.
    let released = Nanos::new(job.hold.get() - posted.get());
    let beyond = Nanos::new(charge.get() - posted.get());
    let charged = job.status == Status::Succeeded || charge > Nanos::ZERO;
    let kind = if charged { EntryKind::Post } else { EntryKind::Void };
    let mut lines = vec![line(Account::Held(job.payer), job.hold.negated()), line(Account::Payer(job.payer), released)];
    if charged {
        lines.push(line(Account::Provider(job.provider.clone()), posted));
    }
    let mut entries = vec![Entry::of(job, kind, lines, at)];
    if beyond > Nanos::ZERO {
        let lines = vec![
            line(Account::Payer(job.payer), beyond.negated()),
            line(Account::Provider(job.provider.clone()), beyond),
        ];
        entries.push(Entry::of(job, EntryKind::Overage, lines, at));
    }
    entries
}

/// A cap on what a payer may ever have spent and held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// Whose.
    pub payer: Payer,
    /// The most.
    pub limit: Nanos,
}

/// Whether `hold` more stays within a cap of `limit` for a payer whose account stands at `balance` (never positive: it is
/// minus what is spent and held).
pub fn fits(limit: Nanos, balance: Nanos, hold: Nanos) -> bool {
    let committed = balance.negated();
    committed.plus(hold).is_some_and(|sum| sum <= limit)
}

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
    /// Everything that is wrong: nothing.
    pub violations: Vec<Violation>,
}

/// Checks a whole ledger, fed in any order from one snapshot: every entry, every account, every job.
#[derive(Debug, Default)]
pub struct Auditor {
    audit: Audit,
    balances: HashMap<String, i128>,
    jobs: HashMap<JobId, Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    held: Vec<i64>,
    posted: Vec<i64>,
    voids: u32,
    beyond: i64,
}

impl Auditor {
    /// An entry.
    pub fn entry(&mut self, entry: &Entry) {
        self.audit.entries += 1;
        let sum: i128 = entry.lines.iter().map(|line| i128::from(line.amount.get())).sum();
        self.audit.sum += sum;
        if sum != 0 {
            self.wrong("entry sums to zero", format!("{} of job {}: {sum}", entry.kind.as_str(), entry.job));
        }
        for line in &entry.lines {
            *self.balances.entry(line.account.to_string()).or_default() += i128::from(line.amount.get());
        }
        let to = |wanted: fn(&Account) -> bool| {
            entry.lines.iter().filter(|l| wanted(&l.account)).map(|l| l.amount.get()).sum::<i64>()
        };
        let held = to(|account| matches!(account, Account::Held(_)));
        let paid = to(|account| matches!(account, Account::Provider(_)));
        let seen = self.jobs.entry(entry.job).or_default();
        match entry.kind {
            EntryKind::Hold => seen.held.push(held),
            EntryKind::Post => seen.posted.push(paid),
            EntryKind::Void => seen.voids += 1,
            EntryKind::Overage => seen.beyond += paid,
        }
        let traced = entry.attempt > 0 && entry.price_list.is_some();
        if entry.kind == EntryKind::Post && paid != 0 && !traced {
            self.wrong("charge names attempt and price list", format!("job {}", entry.job));
        }
    }

    /// An account as the store keeps it. Feed these after all entries.
    pub fn account(&mut self, name: &str, balance: Nanos) {
        let lines = self.balances.remove(name).unwrap_or(0);
        if lines != i128::from(balance.get()) {
            self.wrong("balance equals its lines", format!("{name}: keeps {balance}, lines say {lines} nano-USD"));
        }
    }

    /// A job. Feed these after all entries.
    pub fn job(&mut self, id: JobId, status: Status, hold: Nanos, cost: Option<Nanos>) {
        self.audit.jobs += 1;
        let seen = self.jobs.remove(&id).unwrap_or_default();
        if seen.held != [hold.get()] {
            self.wrong("one hold for each job", format!("job {id}: {:?} where {} is due", seen.held, hold.get()));
        }
        let resolutions = seen.posted.len() + seen.voids as usize;
        if resolutions != usize::from(status.is_terminal()) {
            let text = format!("job {id} is {} and its hold was resolved {resolutions} times", status.as_str());
            self.wrong("a hold is resolved exactly once, at the end", text);
        }
        if !status.is_terminal() {
            self.audit.open_holds += 1;
        }
        if seen.posted.iter().any(|posted| *posted > hold.get() || *posted < 0) {
            self.wrong("a post is within its hold", format!("job {id}: {:?} of {}", seen.posted, hold.get()));
        }
        let charged = seen.posted.iter().sum::<i64>().saturating_add(seen.beyond);
        let cost = cost.map_or(0, Nanos::get);
        if charged != cost {
            self.wrong("a job costs what was charged", format!("job {id} says {cost}, the ledger {charged}"));
        }
    }

    /// Ends the audit.
    pub fn finish(mut self) -> Audit {
        for (name, balance) in std::mem::take(&mut self.balances) {
            if balance != 0 {
                self.wrong("balance equals its lines", format!("{name} has lines for {balance} and no account"));
            }
        }
        for id in std::mem::take(&mut self.jobs).into_keys() {
            self.wrong("an entry is for a job", format!("there is no job {id}"));
        }
        if self.audit.sum != 0 {
            let text = format!("all lines sum to {}", self.audit.sum);
            self.wrong("everything sums to zero", text);
        }
        self.audit
    }

    fn wrong(&mut self, rule: &'static str, detail: String) {
        self.audit.violations.push(Violation { rule, detail });
    }
}

#[cfg(test)]
mod tests;
