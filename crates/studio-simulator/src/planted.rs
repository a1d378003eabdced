//! Bugs planted on purpose, to see that the rules find them. None of them is in the studio: each is a hand between it and
//! its store, its provider or its blobs, which does what a studio with that bug would do.

use crate::{
    people::told,
    store::{Answer, Command, TwinStore},
    world::World,
};
use studio_core::{
    bill::Bill,
    job::{Actor, Event, Job, Payer, Refused, Status},
    ledger::{Limits, exceeded},
    money::Nanos,
    ports::{Admission, Admitted, Advanced, Said, Store, StoreError},
};

macro_rules! plants {
    ($($(#[$doc:meta])* $name:ident = $word:literal;)*) => {
        /// A bug.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Plant { $($(#[$doc])* $name),* }

        impl Plant {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Whether the rules must find it without the oracle's help: it is planted in one store only.
            pub const fn is_in_one_store(self) -> bool {
                matches!(self, Self::DoublePost | Self::HoldForgotten | Self::AdjustedTwice | Self::DayForgotten)
            }

            /// As in the report.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }
        }
    };
}

plants! {
    /// What a job is charged is posted twice.
    DoublePost = "double_post";
    /// A job is accepted without its hold.
    HoldForgotten = "hold_forgotten";
    /// What may have landed is called not sent.
    ResubmitAfterUnknown = "resubmit_after_unknown";
    /// A wish to stop changes what is over.
    TerminalOverwritten = "terminal_overwritten";
    /// Blobs are called kept before they are.
    SettledWithoutAssets = "settled_without_assets";
    /// A cap is checked by a balance that was read before.
    CapOutsideTransaction = "cap_outside_transaction";
    /// A word by an old lease counts.
    StaleLeaseAccepted = "stale_lease_accepted";
    /// Two changes of a job have one number.
    VersionReused = "version_reused";
    /// Words are kept although some before them are missing.
    GapIgnored = "checkpoint_gap_ignored";
    /// Whoever asks for what is unfinished is not told of the oldest.
    OldestOverlooked = "oldest_overlooked";
    /// The caller's own name for a request is not written down.
    KeyForgotten = "idempotency_forgotten";
    /// More words are charged than were said.
    ChargedUnsaid = "charged_words_never_said";
    /// A job is called accepted although its commit failed.
    AnsweredBeforeCommit = "answered_before_commit";
    /// A piece of an answer is heard twice.
    PieceTwice = "piece_heard_twice";
    /// A deadline is not told to jobs that run.
    DeadlineForgotten = "deadline_forgotten";
    /// What is learned late is written down twice.
    AdjustedTwice = "adjusted_twice";
    /// What counts against the budget of a day is not written down.
    DayForgotten = "day_forgotten";
    /// Nobody looks for jobs that nobody works on.
    StuckUnseen = "stuck_unseen";
    /// What nobody got anything of is charged to its payer.
    UselessCharged = "useless_charged";
}

/// A command in a few words.
pub fn name(command: &Command) -> String {
    match command {
        Command::Admit(admission) => format!("admit {}", admission.job.id),
        Command::Advance(advance) => format!("{} {} {:?}", advance.event.name(), advance.job, advance.actor),
        Command::Checkpoint(checkpoint) => {
            format!("checkpoint {} {}+{}", checkpoint.job, checkpoint.said.offset, checkpoint.said.bytes())
        }
        Command::Claim(claim) => format!("claim {} of {}", claim.leases.len(), claim.provider),
        Command::EnsureUser(..) => "ensure user".into(),
        Command::CreateKey(..) => "create key".into(),
        Command::SetBudgets(payer, limits, _) => format!("set budgets of {payer}: {limits:?}"),
        Command::Harden => "harden".into(),
    }
}

/// What a caller who checks caps by themselves would read before their turn: whether the job fits.
pub async fn look(store: &TwinStore, plant: Option<Plant>, command: &Command) -> bool {
    let (Some(Plant::CapOutsideTransaction), Command::Admit(admission)) = (plant, command) else { return false };
    let job = &admission.job;
    let standings = store.sqlite.standings(job.payer, job.owner, job.created_at).await.unwrap_or_default();
    exceeded(&standings, job.hold).is_none()
}

/// Sets the budgets that a job has to keep, in both stores, without anybody noticing.
async fn replace_budgets(store: &TwinStore, job: &Job, with: impl Fn(Payer) -> Limits) {
    for payer in job.payer.bound(job.owner) {
        for store in [&store.sqlite as &dyn Store, &store.twin] {
            drop(store.set_budgets(payer, with(payer), told(job.created_at)).await);
        }
    }
}

/// Changes a command on its way in.
pub async fn twist(world: &World, store: &TwinStore, looked_well: bool, command: &mut Command) {
    match (world.plant, command) {
        (Some(Plant::CapOutsideTransaction), Command::Admit(admission)) if looked_well => {
            replace_budgets(store, &admission.job, |_| Limits::new()).await;
        }
        (Some(Plant::UselessCharged), Command::Advance(advance)) => {
            if let Event::AttemptFailed { bill, .. } = &mut advance.event {
                (bill.amount, bill.absorbed) = (bill.absorbed, Nanos::ZERO);
            }
        }
        (Some(Plant::KeyForgotten), Command::Admit(admission)) => admission.idempotency = None,
        (Some(Plant::StaleLeaseAccepted), Command::Advance(advance)) => {
            if let (Actor::Holder(lease), Some(job)) = (&mut advance.actor, store.record.job(advance.job)) {
                *lease = job.lease.unwrap_or(*lease);
            }
        }
        (Some(Plant::StaleLeaseAccepted), Command::Checkpoint(checkpoint)) => {
            if let Some(lease) = store.record.job(checkpoint.job).and_then(|job| job.lease) {
                checkpoint.lease = lease;
            }
        }
        (Some(Plant::GapIgnored), Command::Checkpoint(checkpoint)) => {
            if world.draw(|dice| dice.per_mille(300)) {
                checkpoint.said.segments.clear();
            }
            close_gap(store, checkpoint.job, &mut checkpoint.said).await;
        }
        (Some(Plant::GapIgnored), Command::Advance(advance)) => {
            if let Some(said) = &mut advance.said {
                close_gap(store, advance.job, said).await;
            }
        }
        (Some(Plant::ChargedUnsaid), Command::Advance(advance)) => {
            if let Event::CutShort { bill, .. } | Event::CanceledAtProvider { bill } | Event::Completed { bill, .. } =
                &mut advance.event
            {
                charge_more(bill, store.record.job(advance.job).as_deref());
            }
        }
        _ => {}
    }
}

/// Puts words where what is kept ends.
async fn close_gap(store: &TwinStore, job: studio_core::id::JobId, said: &mut Said) {
    if let Ok(log) = store.twin.said(job, said.epoch).await {
        said.offset = log.end();
    }
}

/// Half as much again, within the hold.
fn charge_more(bill: &mut Bill, job: Option<&Job>) {
    if bill.estimated {
        let more = Nanos::new(bill.amount.get() + 500_000);
        bill.amount = job.map_or(more, |job| more.min(job.hold));
    }
}

/// What is answered although the commit failed.
pub fn answered_anyway(plant: Option<Plant>, command: &Command) -> Option<Answer> {
    match (plant, command) {
        (Some(Plant::AnsweredBeforeCommit), Command::Admit(admission)) => {
            let Admission { job, .. } = admission.as_ref();
            Some(Answer::Admitted(Admitted::Accepted(job.clone())))
        }
        _ => None,
    }
}

/// Changes what was done, or what is said of it.
pub async fn after(
    world: &World,
    store: &TwinStore,
    looked_well: bool,
    command: &Command,
    answer: &mut Result<Answer, StoreError>,
) {
    let Some(plant) = world.plant else { return };
    if let (Plant::CapOutsideTransaction, Command::Admit(admission), true) = (plant, command, looked_well) {
        let set = store.budgets_set().clone();
        replace_budgets(store, &admission.job, |payer| set.get(&payer).cloned().unwrap_or_default()).await;
    }
    let done = match (plant, command, answer) {
        (Plant::HoldForgotten, _, Ok(Answer::Admitted(Admitted::Accepted(_)))) => {
            if world.draw(|dice| dice.per_mille(700)) {
                return;
            }
            store.sqlite.tamper(
                "DROP TRIGGER IF EXISTS lines_never_go; DROP TRIGGER IF EXISTS entries_never_go;
                UPDATE accounts SET balance = balance - (SELECT amount FROM lines WHERE account = name AND entry =
                    (SELECT max(seq) FROM entries))
                    WHERE name IN (SELECT account FROM lines WHERE entry = (SELECT max(seq) FROM entries));
                DELETE FROM lines WHERE entry = (SELECT max(seq) FROM entries);
                DELETE FROM entries WHERE seq = (SELECT max(seq) FROM entries);",
            )
        }
        (Plant::DayForgotten, Command::Admit(_), _) => {
            store.sqlite.tamper("DELETE FROM commitments WHERE span = 'day'")
        }
        (Plant::DoublePost | Plant::AdjustedTwice, Command::Advance(advance), Ok(Answer::Advanced(Advanced::Moved { job, .. })))
            if job.cost.is_some_and(|cost| cost > Nanos::ZERO)
                && matches!(advance.event, Event::Adjusted { .. }) == (plant == Plant::AdjustedTwice) =>
        {
            store.sqlite.tamper(
                "DROP INDEX IF EXISTS entries_resolved_once;
                INSERT INTO entries (job_id, kind, attempt, provider, provider_ref, price_list, at, owner, admitted, note)
                    SELECT job_id, kind, attempt, provider, provider_ref, price_list, at, owner, admitted, note FROM entries
                    WHERE seq = (SELECT max(seq) FROM entries);
                INSERT INTO lines (entry, number, account, amount)
                    SELECT (SELECT max(seq) FROM entries), number, account, amount FROM lines
                    WHERE entry = (SELECT max(seq) FROM entries) - 1;
                UPDATE accounts SET balance = balance + (SELECT sum(amount) FROM lines WHERE account = name AND entry =
                    (SELECT max(seq) FROM entries))
                    WHERE name IN (SELECT account FROM lines WHERE entry = (SELECT max(seq) FROM entries));",
            )
        }
        (Plant::TerminalOverwritten, Command::Advance(advance), Ok(Answer::Advanced(advanced))) => {
            let Advanced::Refused { job, reason: Refused::Over } = advanced else { return };
            if !matches!(advance.event, Event::CancelRequested) {
                return;
            }
            let mut job = job.clone();
            job.status = Status::Canceled;
            job.version += 1;
            *advanced = Advanced::Moved { job, effects: Vec::new() };
            Ok(())
        }
        (Plant::VersionReused, Command::Advance(advance), Ok(Answer::Advanced(Advanced::Moved { job, .. }))) => {
            if matches!(advance.event, Event::CancelRequested) {
                job.version -= 1;
            }
            Ok(())
        }
        _ => Ok(()),
    };
    if let Err(error) = done {
        world.wrong("a bug could not be planted", error);
    }
}

/// What is found unfinished, at a start and later.
pub fn unfinished(world: &World, mut jobs: Vec<Job>) -> Vec<Job> {
    if world.plant == Some(Plant::OldestOverlooked) && !jobs.is_empty() {
        jobs.remove(0);
    }
    if world.plant == Some(Plant::StuckUnseen) && !world.is_starting() {
        jobs.retain(|job| job.status == Status::Unknown);
    }
    jobs
}

/// What a sweep finds overdue.
pub fn overdue<T>(world: &World, jobs: Vec<T>) -> Vec<T> {
    if world.plant == Some(Plant::DeadlineForgotten) { Vec::new() } else { jobs }
}
