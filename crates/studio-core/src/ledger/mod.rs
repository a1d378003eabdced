//! The ledger's rules: double entry, whole nano-USD, append-only.
//!
//! Money only moves between accounts, so the lines of every entry sum to zero, and so does everything. A hold moves a job's
//! upper price from who pays to what is held for them; it is resolved exactly once, by a post (the charge, the rest
//! released) or a void. What a provider takes beyond the hold is an overage of its own, never hidden in the post; what is
//! learned after that is an adjustment, never a second post; and what nobody can be charged for the studio bears itself, as a
//! write-off that anyone can see.

mod audit;
mod budget;

pub use audit::{Audit, Auditor, Violation};
pub use budget::{Cap, Limits, Standing, Window, exceeded};

use crate::{
    id::{JobId, UserId},
    job::{Effect, Event, Job, Payer, Status},
    money::Nanos,
    time::Timestamp,
};
use std::fmt;

/// Where money is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// What a payer has left; minus what they have spent and what is held, since nobody pays in.
    Payer(Payer),
    /// What is reserved for a payer's unfinished jobs.
    Held(Payer),
    /// What a provider has earned.
    Provider(String),
    /// Minus what a provider has given back.
    Refunds(String),
    /// Minus what the studio bears itself.
    WriteOffs,
}

const WRITE_OFFS: &str = "write-offs";

impl Account {
    /// Reads what `Display` wrote: the store keeps accounts by that name.
    pub fn parse(name: &str) -> Option<Self> {
        if let Some(provider) = name.strip_prefix("provider:") {
            return Some(Self::Provider(provider.to_owned()));
        }
        if let Some(provider) = name.strip_prefix("refunds:") {
            return Some(Self::Refunds(provider.to_owned()));
        }
        if name == WRITE_OFFS {
            return Some(Self::WriteOffs);
        }
        match name.strip_prefix("held:") {
            Some(payer) => Payer::parse(payer).map(Self::Held),
            None => Payer::parse(name).map(Self::Payer),
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payer(payer) => write!(f, "{payer}"),
            Self::Held(payer) => write!(f, "held:{payer}"),
            Self::Provider(name) => write!(f, "provider:{name}"),
            Self::Refunds(name) => write!(f, "refunds:{name}"),
            Self::WriteOffs => f.write_str(WRITE_OFFS),
        }
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
    /// What a provider takes for work that nobody here got anything of: the studio bears it.
    WriteOff,
    /// What was learned after the end: a charge, or a provider's share of it, was another.
    Adjustment,
}

impl EntryKind {
    /// All there are.
    pub const ALL: [Self; 6] = [Self::Hold, Self::Post, Self::Void, Self::Overage, Self::WriteOff, Self::Adjustment];

    /// As in the API and the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Post => "post",
            Self::Void => "void",
            Self::Overage => "overage",
            Self::WriteOff => "write_off",
            Self::Adjustment => "adjustment",
        }
    }

    /// Reads what [`EntryKind::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
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
    /// Whose job that is.
    pub owner: UserId,
    /// When that was accepted: it counts in the windows of that moment.
    pub admitted: Timestamp,
    /// For which attempt of it; 0 before the first.
    pub attempt: u32,
    /// Who is paid.
    pub provider: String,
    /// The provider's own name for the work, where it gave one.
    pub provider_ref: Option<String>,
    /// By which price list.
    pub price_list: Option<String>,
    /// Why, where a person said so.
    pub note: Option<String>,
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
            owner: job.owner,
            admitted: job.created_at,
            attempt: job.attempt,
            provider: job.provider.clone(),
            // Where a provider gave no name, ours is the one that it knows.
            provider_ref: job.handle.clone().or_else(|| (job.attempt > 0).then(|| job.attempt_name())),
            price_list: job.price_list.as_ref().map(|list| list.version.clone()),
            note: None,
            lines,
            at,
        }
    }

    /// What moves to the accounts that `wanted` picks.
    pub fn moved(&self, wanted: impl Fn(&Account) -> bool) -> Nanos {
        let sum: i128 =
            self.lines.iter().filter(|line| wanted(&line.account)).map(|line| i128::from(line.amount.get())).sum();
        Nanos::new(i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX }))
    }

    /// What is held by it; less than nothing where a hold is resolved.
    pub fn held(&self) -> Nanos {
        self.moved(|account| matches!(account, Account::Held(_)))
    }

    /// What its payer is charged by it; less than nothing where something is given back.
    pub fn charged(&self) -> Nanos {
        let left = self.moved(|account| matches!(account, Account::Payer(_) | Account::Held(_)));
        left.negated()
    }

    /// What it adds to that which counts against each budget: of whoever its payer is bound by, in the windows in which the job
    /// was accepted.
    pub fn commits(&self) -> Vec<(Payer, Window, Timestamp, Nanos)> {
        let mut commits = Vec::new();
        for line in self.lines.iter().filter(|line| line.amount != Nanos::ZERO) {
            let Account::Payer(payer) = line.account else { continue };
            for payer in payer.bound(self.owner) {
                for window in Window::ALL {
                    commits.push((payer, window, window.start(self.admitted), line.amount.negated()));
                }
            }
        }
        commits
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

/// The entries that resolve the hold of `job`, which is over: one post or one void; an overage when it costs more than was
/// held, and a write-off when the studio bears something of it.
pub fn settle(job: &Job, at: Timestamp) -> Vec<Entry> {
    let charge = job.cost.unwrap_or_default().max(Nanos::ZERO);
    let posted = charge.min(job.hold);
    // Both are within 0..=hold, so neither subtraction can leave the range.
    let released = Nanos::new(job.hold.get() - posted.get());
    let beyond = Nanos::new(charge.get() - posted.get());
    let charged = job.status == Status::Succeeded || charge > Nanos::ZERO;
    let kind = if charged { EntryKind::Post } else { EntryKind::Void };
    let earned = |amount| line(Account::Provider(job.provider.clone()), amount);
    let mut lines = vec![line(Account::Held(job.payer), job.hold.negated()), line(Account::Payer(job.payer), released)];
    if charged {
        lines.push(earned(posted));
    }
    let mut entries = vec![Entry::of(job, kind, lines, at)];
    if beyond > Nanos::ZERO {
        let lines = vec![line(Account::Payer(job.payer), beyond.negated()), earned(beyond)];
        entries.push(Entry::of(job, EntryKind::Overage, lines, at));
    }
    if job.absorbed != Nanos::ZERO {
        let lines = vec![line(Account::WriteOffs, job.absorbed.negated()), earned(job.absorbed)];
        entries.push(Entry::of(job, EntryKind::WriteOff, lines, at));
    }
    entries
}

/// What the ledger has to write when `event` has moved a job.
pub fn entries_of(before: &Job, after: &Job, effects: &[Effect], event: &Event, at: Timestamp) -> Vec<Entry> {
    let mut entries = Vec::new();
    for effect in effects {
        match (effect, event) {
            (Effect::Settle, Event::Resolved { note, .. }) => {
                entries.extend(settle(after, at).into_iter().map(|entry| Entry { note: Some(note.clone()), ..entry }));
            }
            (Effect::Settle, _) => entries.extend(settle(after, at)),
            (Effect::Adjust, Event::Adjusted { note, .. }) => entries.push(adjust(before, after, note, at)),
            _ => {}
        }
    }
    entries
}

/// The entry by which a job that is over comes to cost what `after` says instead of what `before` said.
pub fn adjust(before: &Job, after: &Job, note: &str, at: Timestamp) -> Entry {
    let difference = |of: fn(&Job) -> Nanos| Nanos::new(of(after).get().saturating_sub(of(before).get()));
    let charge = difference(|job| job.cost.unwrap_or_default());
    let absorbed = difference(|job| job.absorbed);
    let earned = Nanos::new(charge.get().saturating_add(absorbed.get()));
    let provider = after.provider.clone();
    // What a provider gives back stands apart from what it earned, as on its bills.
    let earner = if earned < Nanos::ZERO { Account::Refunds(provider) } else { Account::Provider(provider) };
    let lines = [
        line(Account::Payer(after.payer), charge.negated()),
        line(Account::WriteOffs, absorbed.negated()),
        line(earner, earned),
    ];
    let lines = lines.into_iter().filter(|line| line.amount != Nanos::ZERO).collect();
    Entry { note: Some(note.to_owned()), ..Entry::of(after, EntryKind::Adjustment, lines, at) }
}

#[cfg(test)]
mod tests;
