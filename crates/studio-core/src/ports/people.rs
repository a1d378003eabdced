//! Remembers people: their roles, passwords, sessions and links, and who did what. One method is one transaction, with its
//! entry of the audit log in it.

use super::StoreError;
use crate::{
    id::{KeyId, LinkId, SessionId, UserId},
    people::{AuditEntry, Link, LinkKind, NotChanged, Role, Session, TokenHash, User, UserChange},
    time::Timestamp,
};
use async_trait::async_trait;

/// Sessions of one person at most: the one that was used longest ago goes.
pub const MOST_SESSIONS: usize = 100;

/// Who signs in, and what their password is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The person.
    pub user: User,
    /// The hash of their password, as a PHC string; nothing: they have none.
    pub password: Option<PasswordHash>,
}

/// The hash of a password. It does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// A session with whose it is, as both stand at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionHolder {
    /// The session.
    pub session: Session,
    /// Whose it is.
    pub user: User,
}

/// A person, for a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// The person.
    pub user: User,
    /// Whether they can sign in.
    pub has_password: bool,
    /// When a session of theirs was used last, of those that are kept.
    pub last_seen_at: Option<Timestamp>,
    /// How many keys of theirs are neither revoked nor over.
    pub keys: u64,
}

/// Changes a person.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeUser {
    /// Whom.
    pub user: UserId,
    /// What.
    pub change: UserChange,
    /// On the word of whoever has this role; nothing: of the command line.
    pub by: Option<Role>,
    /// What is told of it, but for what was what.
    pub entry: AuditEntry,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserChanged {
    /// They are so now, whether or not they were before.
    Changed(User),
    /// They stay as they are.
    Refused(NotChanged),
    /// There is no such person.
    Absent,
}

/// Begins a session, of someone whose password was right a moment ago.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenSession {
    /// The session.
    pub session: Session,
    /// The hash that the password was right for: another one meanwhile means no.
    pub password: PasswordHash,
    /// The session that the same browser had before, whoever's it was: it ends.
    pub replaces: Option<TokenHash>,
    /// What is told of it.
    pub entry: AuditEntry,
}

/// Which sessions of someone are to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sessions {
    /// This one.
    One(SessionId),
    /// All but this one.
    AllBut(Option<SessionId>),
}

/// Chooses a password, for someone who is signed in and has just shown the one before.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangePassword {
    /// Whose.
    pub user: UserId,
    /// The hash that was shown to be theirs.
    pub before: PasswordHash,
    /// The new one.
    pub after: PasswordHash,
    /// The session that stays; all others end.
    pub keep: Option<SessionId>,
    /// What is told of it.
    pub entry: AuditEntry,
}

/// Makes a key or a link on behalf of someone; kept only while they may.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateLink {
    /// The link. Others of its kind for the same address are withdrawn.
    pub link: Link,
    /// On the word of whoever has this role; nothing: of the command line, or of the studio itself.
    pub by: Option<Role>,
    /// What is told of it.
    pub entry: AuditEntry,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkCreated {
    /// It is good from now on.
    Created,
    /// Someone of that address is known already.
    Known,
    /// There is no such person to make it for, or they are disabled.
    Absent,
    /// They may not.
    Refused(NotChanged),
}

/// What became of a link that was to be withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkWithdrawn {
    /// It opens nothing any more.
    Withdrawn,
    /// There is none of that id and kind that is good.
    Absent,
    /// They may not.
    Refused(NotChanged),
}

/// Uses a link: a password is chosen, a session begins, and whoever had one before that password has none any more.
#[derive(Debug, Clone, PartialEq)]
pub struct AcceptLink {
    /// Which.
    pub hash: TokenHash,
    /// Of these kinds.
    pub kinds: Vec<LinkKind>,
    /// The id of the person, if they are new.
    pub user: UserId,
    /// Another address than the link's: only where the first owner sets the studio up.
    pub email: Option<String>,
    /// What they are called.
    pub name: Option<String>,
    /// The hash of the password.
    pub password: PasswordHash,
    /// The session that begins; whose it is, is filled in.
    pub session: Session,
    /// The session that the same browser had before, whoever's it was: it ends.
    pub replaces: Option<TokenHash>,
    /// What is told of it; who, of what, and whether they are new is filled in.
    pub entry: AuditEntry,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkAccepted {
    /// They are in.
    Accepted(User),
    /// There is no such link, it is used, over or withdrawn, or whoever made it may not any more: nobody is told which.
    NotGood,
    /// Somebody else has that address.
    AddressTaken,
}

/// Keys and sessions that were used, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Keys.
    pub keys: Vec<(KeyId, Timestamp)>,
    /// Sessions.
    pub sessions: Vec<(SessionId, Timestamp)>,
}

/// Which entries of the audit log are to be shown, newest first.
#[derive(Debug, Clone, Copy, Default)]
pub struct AuditFilter {
    /// Only what this person did.
    pub user: Option<UserId>,
    /// Only those with a smaller number.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: u32,
}

/// An entry of the audit log, for a list.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRow {
    /// Its number: entries are numbered in the order in which they were made.
    pub number: u64,
    /// The entry.
    pub entry: AuditEntry,
    /// The address of whoever did it, as it is now.
    pub email: Option<String>,
}

/// Remembers people.
#[async_trait]
pub trait People: Send + Sync {
    /// Someone by id.
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError>;

    /// Someone by address, with what their password is checked against.
    async fn account(&self, email: &str) -> Result<Option<Account>, StoreError>;

    /// Everyone, as they stand at a moment, oldest first.
    async fn users(&self, now: Timestamp) -> Result<Vec<UserRow>, StoreError>;

    /// Changes someone's role, name or standing, by the rules of [`crate::people::change`]. The sessions of who is disabled end.
    async fn change_user(&self, change: ChangeUser) -> Result<UserChanged, StoreError>;

    /// Begins a session. False: they are disabled, or their password was changed meanwhile.
    async fn open_session(&self, open: OpenSession) -> Result<bool, StoreError>;

    /// The session of that hash, whether or not it is good, with whose it is.
    async fn session(&self, hash: TokenHash) -> Result<Option<SessionHolder>, StoreError>;

    /// Someone's sessions, newest first.
    async fn sessions(&self, user: UserId) -> Result<Vec<Session>, StoreError>;

    /// Ends sessions of someone: how many. It is told of only if there was one.
    async fn end_sessions(&self, user: UserId, which: Sessions, entry: AuditEntry) -> Result<u64, StoreError>;

    /// Changes a password; what links there were for them are withdrawn. False: the one before is not theirs any more, or they are
    /// disabled.
    async fn change_password(&self, change: ChangePassword) -> Result<bool, StoreError>;

    /// Makes a link.
    async fn create_link(&self, create: CreateLink) -> Result<LinkCreated, StoreError>;

    /// The link of that hash, whether or not it is good.
    async fn link(&self, hash: TokenHash) -> Result<Option<Link>, StoreError>;

    /// All links of a kind that are good at a moment, newest first.
    async fn links(&self, kind: LinkKind, now: Timestamp) -> Result<Vec<Link>, StoreError>;

    /// Withdraws a link, on the word of whoever has this role; nothing: of the command line.
    async fn withdraw_link(
        &self,
        id: LinkId,
        kind: LinkKind,
        by: Option<Role>,
        entry: AuditEntry,
    ) -> Result<LinkWithdrawn, StoreError>;

    /// Uses a link, by the rules of [`Link::opens_for`]; what others there were for the same person are withdrawn.
    async fn accept_link(&self, accept: AcceptLink) -> Result<LinkAccepted, StoreError>;

    /// Notes when keys and sessions were used. What is newer already stays.
    async fn note_seen(&self, seen: Seen) -> Result<(), StoreError>;

    /// Writes an entry of the audit log that tells of no other change.
    async fn note(&self, entry: AuditEntry) -> Result<(), StoreError>;

    /// Entries of the audit log.
    async fn audit_entries(&self, filter: AuditFilter) -> Result<Vec<AuditRow>, StoreError>;
}
