//! Money in memory: entries, balances, budgets, and what is told of them.

use super::State;
use std::collections::{BTreeMap, BTreeSet};
use studio_core::{
    caller::User,
    id::UserId,
    job::{Payer, Status},
    ledger::{Audit, Auditor, Cap, Entry, Limits, Standing, Window},
    money::Nanos,
    ports::{BudgetRow, EntryFilter, EntryRow, ModelUsage, Period, UsageReport},
    time::Timestamp,
};

impl State {
    pub(super) fn record(&mut self, entry: Entry) {
        let add = |sum: &mut Nanos, amount: Nanos| *sum = Nanos::new(sum.get().saturating_add(amount.get()));
        for line in &entry.lines {
            add(self.balances.entry(line.account.to_string()).or_default(), line.amount);
        }
        for (payer, window, start, amount) in entry.commits() {
            add(self.commitments.entry((payer, window, start)).or_default(), amount);
        }
        self.entries.push(entry);
    }

    pub(super) fn committed(&self, payer: Payer, window: Window, at: Timestamp) -> Nanos {
        self.commitments.get(&(payer, window, window.start(at))).copied().unwrap_or_default()
    }

    pub(super) fn standings(&self, payer: Payer, owner: UserId, at: Timestamp) -> Vec<Standing> {
        let mut standings = Vec::new();
        for payer in payer.bound(owner).collect::<BTreeSet<_>>() {
            for (window, limit) in self.budgets.get(&payer).into_iter().flatten() {
                let cap = Cap { payer, window: *window, limit: *limit };
                standings.push(Standing { cap, committed: self.committed(payer, *window, at) });
            }
        }
        standings
    }

    pub(super) fn budget_row(&self, payer: Payer, user: &User, key_name: Option<String>, at: Timestamp) -> BudgetRow {
        let limits = self.budgets.get(&payer);
        let limit = |window| limits.and_then(|limits| limits.get(&window).copied());
        let windows = Window::ALL.map(|window| (window, limit(window), self.committed(payer, window, at))).into();
        BudgetRow { payer, user: user.clone(), key_name, windows }
    }

    pub(super) fn set_budgets(&mut self, payer: Payer, limits: Limits) -> bool {
        let known = match payer {
            Payer::User(id) => self.users.contains_key(&id),
            Payer::Key(id) => self.keys.get(&id).is_some_and(|key| key.revoked_at.is_none()),
            Payer::OwnKey(_) => false,
        };
        if known {
            self.budgets.insert(payer, limits);
        }
        known
    }

    pub(super) fn entries(&self, filter: &EntryFilter) -> Vec<EntryRow> {
        let numbered = self.entries.iter().enumerate().rev().map(|(place, entry)| (place as u64 + 1, entry));
        let period = Period { from: filter.from, until: filter.until };
        let wanted = numbered.filter(|(number, entry)| {
            filter.owner.is_none_or(|owner| entry.owner == owner)
                && filter.job.is_none_or(|job| entry.job == job)
                && filter.before.is_none_or(|before| *number < before)
                && period.contains(entry.at)
        });
        let rows = wanted.filter_map(|(number, entry)| {
            Some(EntryRow { number, entry: entry.clone(), model: self.jobs.get(&entry.job)?.model.clone() })
        });
        rows.take(usize::try_from(filter.limit).unwrap_or(usize::MAX)).collect()
    }

    pub(super) fn audit(&self) -> Audit {
        let mut auditor = Auditor::default();
        self.entries.iter().for_each(|entry| auditor.entry(entry));
        self.balances.iter().for_each(|(name, balance)| auditor.account(name, *balance));
        for ((payer, window, start), amount) in &self.commitments {
            auditor.commitment(*payer, *window, *start, *amount);
        }
        self.jobs.values().for_each(|job| auditor.job(job));
        self.audit_sealed(&mut auditor);
        auditor.finish()
    }

    pub(super) fn usage(&self, owner: UserId, period: Period) -> UsageReport {
        let mut models: BTreeMap<&str, ModelUsage> = BTreeMap::new();
        for job in self.jobs.values().filter(|job| job.owner == owner && period.contains(job.created_at)) {
            let usage = models.entry(&job.model).or_insert_with(|| ModelUsage {
                model: job.model.clone(),
                jobs: 0,
                succeeded: 0,
                unfinished: 0,
                charged: Nanos::ZERO,
                own_key: Nanos::ZERO,
                held: Nanos::ZERO,
                absorbed: Nanos::ZERO,
            });
            let over = job.status.is_terminal();
            usage.jobs += 1;
            usage.succeeded += u64::from(job.status == Status::Succeeded);
            usage.unfinished += u64::from(!over);
            let ours = job.key_source.is_studio();
            let paid = if ours { &mut usage.charged } else { &mut usage.own_key };
            *paid = paid.plus(job.cost.unwrap_or_default()).unwrap_or(*paid);
            usage.absorbed = usage.absorbed.plus(job.absorbed).unwrap_or(usage.absorbed);
            usage.held = usage.held.plus(if over || !ours { Nanos::ZERO } else { job.hold }).unwrap_or(usage.held);
        }
        UsageReport { models: models.into_values().collect() }
    }
}
