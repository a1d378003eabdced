//! People: who they are, how they sign in, and who did what.

mod accounts;
mod audit;
mod links;
mod port;
mod sessions;
mod users;

pub(super) use audit::note;
pub(super) use users::{COLUMNS as USER_COLUMNS, ensure as ensure_user, read_at as read_user_at, users};

#[cfg(test)]
pub(super) use {links::OPEN as OPEN_LINKS, sessions::OF_USER as SESSIONS_OF_USER, users::BY_ADDRESS};

use rusqlite::Transaction;
use studio_core::{
    id::{LinkId, UserId},
    job::Durability,
    people::{AuditEntry, LinkKind, Role},
    ports::{
        AcceptLink, ChangePassword, ChangeUser, CreateLink, LinkAccepted, LinkCreated, LinkWithdrawn, OpenSession,
        Seen, Sessions, UserChanged,
    },
};

/// What the writer can be told about people.
#[derive(Debug)]
pub(crate) enum PeopleCommand {
    /// Change someone.
    ChangeUser(ChangeUser),
    /// Begin a session.
    OpenSession(OpenSession),
    /// End sessions.
    EndSessions(UserId, Sessions, AuditEntry),
    /// Change a password.
    ChangePassword(ChangePassword),
    /// Make a link.
    CreateLink(CreateLink),
    /// Withdraw a link.
    WithdrawLink(LinkId, LinkKind, Option<Role>, AuditEntry),
    /// Use a link.
    AcceptLink(AcceptLink),
    /// Note what was used.
    NoteSeen(Seen),
    /// Write an entry of the audit log.
    Note(AuditEntry),
}

/// What became of it.
#[derive(Debug)]
pub(crate) enum PeopleAnswer {
    /// Of a change.
    User(UserChanged),
    /// Whether it was so.
    Done(bool),
    /// How many.
    Count(u64),
    /// Of a link that was to be made.
    Link(LinkCreated),
    /// Of a link that was to be withdrawn.
    Withdrawn(LinkWithdrawn),
    /// Of a link that was used.
    Accepted(LinkAccepted),
    /// It is written.
    Written,
}

impl PeopleCommand {
    /// Only what nobody would miss may be lost in a power cut.
    pub(super) fn durability(&self) -> Durability {
        match self {
            Self::NoteSeen(_) | Self::Note(_) => Durability::Process,
            _ => Durability::Power,
        }
    }
}

/// Does what is told, within `transaction`. Each may be run again and does nothing twice; but where what was done leaves no trace of
/// whose doing it was, the answer is that of a latecomer: the link is used, the session has ended.
pub(super) fn apply(transaction: &Transaction<'_>, command: &PeopleCommand) -> Result<PeopleAnswer, rusqlite::Error> {
    match command {
        PeopleCommand::ChangeUser(change) => users::change(transaction, change).map(PeopleAnswer::User),
        PeopleCommand::OpenSession(open) => sessions::open(transaction, open).map(PeopleAnswer::Done),
        PeopleCommand::EndSessions(user, which, entry) => {
            sessions::end(transaction, *user, *which, entry).map(PeopleAnswer::Count)
        }
        PeopleCommand::ChangePassword(change) => accounts::change(transaction, change).map(PeopleAnswer::Done),
        PeopleCommand::CreateLink(create) => links::create(transaction, create).map(PeopleAnswer::Link),
        PeopleCommand::WithdrawLink(id, kind, by, entry) => {
            links::withdraw(transaction, *id, *kind, *by, entry).map(PeopleAnswer::Withdrawn)
        }
        PeopleCommand::AcceptLink(accept) => links::accept(transaction, accept).map(PeopleAnswer::Accepted),
        PeopleCommand::NoteSeen(seen) => sessions::note_seen(transaction, seen).map(|()| PeopleAnswer::Written),
        PeopleCommand::Note(entry) => audit::note(transaction, entry).map(|()| PeopleAnswer::Written),
    }
}
