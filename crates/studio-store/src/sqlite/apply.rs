//! What the writer can be told, and how it is done: a synchronous function from a transaction and a command to an answer.
//!
//! There is no clock, no chance and no thread in it or below it, so a simulator can run the same function on a connection
//! in memory. A refusal is an answer; an error means that the command did nothing, for its transaction is rolled back.
//!
//! Every command may be run again when it is not known whether its first run was committed: an admission finds its job by
//! id, a key its row; a move that happened already is refused by the state that it led to, words that are kept are found at
//! their offset; none of them doubles anything.

use super::{
    admit, budgets, jobs, keys, library,
    people::{self, PeopleAnswer, PeopleCommand},
    retention, turns, vault, words,
};
use rusqlite::Transaction;
use std::collections::BTreeSet;
use studio_core::{
    caller::{ApiKey, User},
    id::{KeyId, UserId},
    job::{Durability, Event, Job, Payer},
    ledger::Limits,
    people::AuditEntry,
    ports::{
        Admission, Admitted, Advance, Advanced, Checkpoint, Checkpointed, Claim, Entrusted, Forget, Forgotten,
        ProviderKey, Resealed, StoreError,
    },
    seal::MasterKeyId,
    time::Timestamp,
};

/// What the writer can be told.
#[derive(Debug)]
pub(crate) enum Command {
    /// Accept a job.
    Admit(Box<Admission>),
    /// Move a job.
    Advance(Box<Advance>),
    /// Keep what a job has said so far.
    Checkpoint(Checkpoint),
    /// Take jobs from a queue.
    Claim(Claim),
    /// Make a user, if there is none of that address.
    EnsureUser(Box<User>, Box<AuditEntry>),
    /// Keep a key.
    CreateKey(Box<ApiKey>, Limits, Box<AuditEntry>),
    /// Revoke a key.
    RevokeKey(KeyId, Option<UserId>, Box<AuditEntry>),
    /// Set a payer's budgets.
    SetBudgets(Payer, Limits, Box<AuditEntry>),
    /// Something about people.
    People(Box<PeopleCommand>),
    /// Forget old jobs.
    Forget(Forget),
    /// Forget whose some blobs were.
    ForgetBlobs(Timestamp, u32),
    /// Change what someone keeps here.
    Library(Box<library::Change>),
    /// Keep a user's own key for a provider.
    KeepProviderKey(Box<ProviderKey>, Box<AuditEntry>),
    /// Remove one.
    RemoveProviderKey(UserId, String, Box<AuditEntry>),
    /// Put what was sealed anew in its place.
    Reseal(Vec<Resealed>),
    /// Say by which master keys nothing is to be sealed.
    RetireMasterKeys(BTreeSet<MasterKeyId>),
    /// Write something, anything.
    Probe,
    /// Make sure that nothing committed before is lost in a power cut.
    Harden,
}

/// What became of it.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Of an admission.
    Admitted(Admitted),
    /// Of a move.
    Advanced(Advanced),
    /// Of a checkpoint.
    Checkpointed(Checkpointed),
    /// Of a claim.
    Claimed(Vec<Job>),
    /// The user of that address.
    User(User),
    /// Of something about people.
    People(PeopleAnswer),
    /// Whether there was such a key, such a payer.
    Found(bool),
    /// Of a change of what someone keeps here.
    Library(library::Done),
    /// Of old jobs.
    Forgotten(Forgotten),
    /// How many blobs were forgotten, or keys sealed anew.
    Counted(u64),
    /// Whether something sealed is kept.
    Kept(Entrusted),
    /// It is written.
    Written,
}

impl Command {
    /// What is promised by whoever answers this. Losing news of running work costs a repeated question to its provider, or
    /// words that are counted by guess. Losing anything else would cost money or a promise: there the job's own word decides,
    /// or that of whoever moves it.
    pub(crate) fn durability(&self) -> Durability {
        match self {
            Self::Admit(admission) => admission.job.durability,
            Self::Advance(advance) => match &advance.event {
                Event::Progress { .. } | Event::TakenOver { .. } | Event::OutputsReady | Event::StopAnswered(_) => {
                    Durability::Process
                }
                Event::Claimed(_)
                | Event::Submitted { .. }
                | Event::Completed { .. }
                | Event::AttemptFailed { .. }
                | Event::CutShort { .. }
                | Event::CanceledAtProvider { .. }
                | Event::CancelRequested
                | Event::DeadlinePassed
                | Event::NotLanded { .. }
                | Event::Resolved { .. }
                | Event::Adjusted { .. } => advance.durability,
            },
            Self::People(command) => command.durability(),
            Self::Checkpoint(_) | Self::Forget(_) | Self::ForgetBlobs(..) | Self::Probe => Durability::Process,
            Self::Library(change) => change.durability(),
            Self::Claim(_)
            | Self::EnsureUser(..)
            | Self::CreateKey(..)
            | Self::RevokeKey(..)
            | Self::SetBudgets(..)
            | Self::KeepProviderKey(..)
            | Self::RemoveProviderKey(..)
            | Self::Reseal(_)
            | Self::RetireMasterKeys(_)
            | Self::Harden => Durability::Power,
        }
    }
}

impl Answer {
    /// An answer to another command than was given: our own mistake.
    pub(crate) fn misplaced(&self) -> StoreError {
        StoreError::Unavailable("the writer answered another command than it was given".into())
    }
}

/// Does what is told, within `transaction`.
pub(crate) fn apply(transaction: &Transaction<'_>, command: &Command) -> Result<Answer, rusqlite::Error> {
    match command {
        Command::Admit(admission) => admit::admit(transaction, admission).map(Answer::Admitted),
        Command::Advance(advance) => jobs::advance(transaction, advance).map(Answer::Advanced),
        Command::Checkpoint(checkpoint) => words::checkpoint(transaction, checkpoint).map(Answer::Checkpointed),
        Command::Claim(claim) => turns::claim(transaction, claim).map(Answer::Claimed),
        Command::EnsureUser(user, entry) => people::ensure_user(transaction, user, entry).map(Answer::User),
        Command::CreateKey(key, limits, entry) => keys::create(transaction, key, limits, entry).map(Answer::Found),
        Command::RevokeKey(id, of, entry) => keys::revoke(transaction, *id, *of, entry).map(Answer::Found),
        Command::SetBudgets(payer, limits, entry) => {
            let found = budgets::set(transaction, *payer, limits)?;
            if found {
                people::note(transaction, entry)?;
            }
            Ok(Answer::Found(found))
        }
        Command::People(command) => people::apply(transaction, command).map(Answer::People),
        Command::Library(change) => library::apply(transaction, change).map(Answer::Library),
        Command::Forget(forget) => retention::forget(transaction, forget).map(Answer::Forgotten),
        Command::ForgetBlobs(until, limit) => retention::forget_blobs(transaction, *until, *limit).map(Answer::Counted),
        Command::KeepProviderKey(key, entry) => vault::keep(transaction, key, entry).map(Answer::Kept),
        Command::RemoveProviderKey(user, provider, entry) => {
            vault::remove(transaction, *user, provider, entry).map(Answer::Found)
        }
        Command::Reseal(rows) => vault::reseal(transaction, rows).map(Answer::Counted),
        Command::RetireMasterKeys(ids) => vault::retire(transaction, ids).map(|()| Answer::Written),
        // A commit syncs the whole log, with all that was only written before; but one that changes nothing is none.
        Command::Probe | Command::Harden => probe(transaction).map(|()| Answer::Written),
    }
}

fn probe(transaction: &Transaction<'_>) -> Result<(), rusqlite::Error> {
    transaction
        .prepare_cached("INSERT INTO probe (id, times) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET times = times + 1")?
        .execute([])
        .map(drop)
}
