//! Nobody in these worlds signs in, so their store needs no people beyond whoever has a key.

use crate::store::{StorePort, misplaced};
use async_trait::async_trait;
use studio_core::{
    id::{AuditId, LinkId, UserId},
    people::{Action, Actor, AuditEntry, Link, LinkKind, Role, Session, TokenHash, User, Via},
    ports::{
        AcceptLink, Account, AuditFilter, AuditRow, ChangePassword, ChangeUser, CreateLink, LinkAccepted, LinkCreated,
        LinkWithdrawn, OpenSession, People, Seen, SessionHolder, Sessions, StoreError, UserChanged, UserRow,
    },
    time::Timestamp,
};

/// What is told of whatever is done here: the same each time, so that it is kept once.
pub fn told(now: Timestamp) -> AuditEntry {
    let id = AuditId::new(Timestamp::from_millis(0), [0; 10]);
    AuditEntry::new(id, now, Actor { user: None, via: Via::Studio }, Action::BudgetsSet)
}

#[async_trait]
impl People for StorePort {
    async fn user(&self, _: UserId) -> Result<Option<User>, StoreError> {
        Err(misplaced())
    }

    async fn account(&self, _: &str) -> Result<Option<Account>, StoreError> {
        Err(misplaced())
    }

    async fn users(&self, _: Timestamp) -> Result<Vec<UserRow>, StoreError> {
        Err(misplaced())
    }

    async fn change_user(&self, _: ChangeUser) -> Result<UserChanged, StoreError> {
        Err(misplaced())
    }

    async fn open_session(&self, _: OpenSession) -> Result<bool, StoreError> {
        Err(misplaced())
    }

    async fn session(&self, _: TokenHash) -> Result<Option<SessionHolder>, StoreError> {
        Err(misplaced())
    }

    async fn sessions(&self, _: UserId) -> Result<Vec<Session>, StoreError> {
        Err(misplaced())
    }

    async fn end_sessions(&self, _: UserId, _: Sessions, _: AuditEntry) -> Result<u64, StoreError> {
        Err(misplaced())
    }

    async fn change_password(&self, _: ChangePassword) -> Result<bool, StoreError> {
        Err(misplaced())
    }

    async fn create_link(&self, _: CreateLink) -> Result<LinkCreated, StoreError> {
        Err(misplaced())
    }

    async fn link(&self, _: TokenHash) -> Result<Option<Link>, StoreError> {
        Err(misplaced())
    }

    async fn links(&self, _: LinkKind, _: Timestamp) -> Result<Vec<Link>, StoreError> {
        Err(misplaced())
    }

    async fn withdraw_link(
        &self,
        _: LinkId,
        _: LinkKind,
        _: Option<Role>,
        _: AuditEntry,
    ) -> Result<LinkWithdrawn, StoreError> {
        Err(misplaced())
    }

    async fn accept_link(&self, _: AcceptLink) -> Result<LinkAccepted, StoreError> {
        Err(misplaced())
    }

    async fn note_seen(&self, _: Seen) -> Result<(), StoreError> {
        Err(misplaced())
    }

    async fn note(&self, _: AuditEntry) -> Result<(), StoreError> {
        Err(misplaced())
    }

    async fn audit_entries(&self, _: AuditFilter) -> Result<Vec<AuditRow>, StoreError> {
        Err(misplaced())
    }
}
