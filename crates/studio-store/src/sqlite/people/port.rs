//! From the port to commands and questions about people.

use super::{
    super::{
        apply::{Answer, Command},
        store::{Engine, Sqlite},
    },
    PeopleAnswer, PeopleCommand, accounts, audit, links, sessions, users,
};
use async_trait::async_trait;
use studio_core::{
    id::{LinkId, UserId},
    people::{AuditEntry, Link, LinkKind, Role, Session, TokenHash, User},
    ports::{
        AcceptLink, Account, AuditFilter, AuditRow, ChangePassword, ChangeUser, CreateLink, LinkAccepted, LinkCreated,
        LinkWithdrawn, OpenSession, People, Seen, SessionHolder, Sessions, StoreError, UserChanged, UserRow,
    },
    time::Timestamp,
};

async fn tell(engine: &impl Engine, command: PeopleCommand) -> Result<PeopleAnswer, StoreError> {
    match engine.run(Command::People(Box::new(command))).await? {
        Answer::People(answer) => Ok(answer),
        other => Err(other.misplaced()),
    }
}

async fn whether(engine: &impl Engine, command: PeopleCommand) -> Result<bool, StoreError> {
    match tell(engine, command).await? {
        PeopleAnswer::Done(done) => Ok(done),
        other => Err(misplaced(&other)),
    }
}

fn misplaced(_: &PeopleAnswer) -> StoreError {
    Answer::Written.misplaced()
}

#[async_trait]
impl<E: Engine> People for Sqlite<E> {
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.0.ask(move |connection| users::find(connection, id)).await
    }

    async fn account(&self, email: &str) -> Result<Option<Account>, StoreError> {
        let email = email.to_owned();
        self.0.ask(move |connection| accounts::account(connection, &email)).await
    }

    async fn users(&self, now: Timestamp) -> Result<Vec<UserRow>, StoreError> {
        self.0.ask_at_length(move |connection| users::list(connection, now)).await
    }

    async fn change_user(&self, change: ChangeUser) -> Result<UserChanged, StoreError> {
        match tell(&self.0, PeopleCommand::ChangeUser(change)).await? {
            PeopleAnswer::User(changed) => Ok(changed),
            other => Err(misplaced(&other)),
        }
    }

    async fn open_session(&self, open: OpenSession) -> Result<bool, StoreError> {
        whether(&self.0, PeopleCommand::OpenSession(open)).await
    }

    async fn session(&self, hash: TokenHash) -> Result<Option<SessionHolder>, StoreError> {
        self.0.ask(move |connection| sessions::find(connection, hash)).await
    }

    async fn sessions(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        self.0.ask(move |connection| sessions::list(connection, user)).await
    }

    async fn end_sessions(&self, user: UserId, which: Sessions, entry: AuditEntry) -> Result<u64, StoreError> {
        match tell(&self.0, PeopleCommand::EndSessions(user, which, entry)).await? {
            PeopleAnswer::Count(count) => Ok(count),
            other => Err(misplaced(&other)),
        }
    }

    async fn change_password(&self, change: ChangePassword) -> Result<bool, StoreError> {
        whether(&self.0, PeopleCommand::ChangePassword(change)).await
    }

    async fn create_link(&self, create: CreateLink) -> Result<LinkCreated, StoreError> {
        match tell(&self.0, PeopleCommand::CreateLink(create)).await? {
            PeopleAnswer::Link(created) => Ok(created),
            other => Err(misplaced(&other)),
        }
    }

    async fn link(&self, hash: TokenHash) -> Result<Option<Link>, StoreError> {
        self.0.ask(move |connection| links::find(connection, hash)).await
    }

    async fn links(&self, kind: LinkKind, now: Timestamp) -> Result<Vec<Link>, StoreError> {
        self.0.ask(move |connection| links::list(connection, kind, now)).await
    }

    async fn withdraw_link(
        &self,
        id: LinkId,
        kind: LinkKind,
        by: Option<Role>,
        entry: AuditEntry,
    ) -> Result<LinkWithdrawn, StoreError> {
        match tell(&self.0, PeopleCommand::WithdrawLink(id, kind, by, entry)).await? {
            PeopleAnswer::Withdrawn(withdrawn) => Ok(withdrawn),
            other => Err(misplaced(&other)),
        }
    }

    async fn accept_link(&self, accept: AcceptLink) -> Result<LinkAccepted, StoreError> {
        match tell(&self.0, PeopleCommand::AcceptLink(accept)).await? {
            PeopleAnswer::Accepted(accepted) => Ok(accepted),
            other => Err(misplaced(&other)),
        }
    }

    async fn note_seen(&self, seen: Seen) -> Result<(), StoreError> {
        tell(&self.0, PeopleCommand::NoteSeen(seen)).await.map(drop)
    }

    async fn note(&self, entry: AuditEntry) -> Result<(), StoreError> {
        tell(&self.0, PeopleCommand::Note(entry)).await.map(drop)
    }

    async fn audit_entries(&self, filter: AuditFilter) -> Result<Vec<AuditRow>, StoreError> {
        self.0.ask_at_length(move |connection| audit::list(connection, &filter)).await
    }
}
