//! People, in memory.

use super::{MemoryStore, State};
use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
use studio_core::{
    id::{AuditId, KeyId, LinkId, SessionId, UserId},
    people::{
        AuditEntry, Changed, Link, LinkKind, Role, SESSION_IDLE, Session, Standing, TokenHash, User, change,
        may_manage, same_address,
    },
    ports::{
        AcceptLink, Account, AuditFilter, AuditRow, ChangePassword, ChangeUser, CreateLink, LinkAccepted, LinkCreated,
        LinkWithdrawn, MOST_SESSIONS, OpenSession, PasswordHash, People, Seen, SessionHolder, Sessions, StoreError,
        UserChanged, UserRow,
    },
    time::Timestamp,
};

/// What is kept of people beside themselves.
#[derive(Debug, Default)]
pub(super) struct Papers {
    passwords: BTreeMap<UserId, PasswordHash>,
    sessions: BTreeMap<SessionId, Session>,
    links: BTreeMap<LinkId, Link>,
    used: BTreeMap<KeyId, Timestamp>,
    entries: Vec<AuditEntry>,
    known: BTreeSet<AuditId>,
}

impl Papers {
    pub(super) fn note(&mut self, entry: AuditEntry) {
        if self.known.insert(entry.id) {
            self.entries.push(entry);
        }
    }

    pub(super) fn used(&self, key: KeyId) -> Option<Timestamp> {
        self.used.get(&key).copied()
    }

    fn set_password(&mut self, user: &User, password: PasswordHash, now: Timestamp) {
        self.passwords.insert(user.id, password);
        let theirs = |link: &&mut Link| {
            let made = link.created_by == Some(user.id) && link.kind == LinkKind::Reset;
            (made || link.user == Some(user.id) || same_address(&link.email, &user.email))
                && link.used_at.is_none()
                && link.withdrawn_at.is_none()
        };
        self.links.values_mut().filter(theirs).for_each(|link| link.withdrawn_at = Some(now));
    }

    fn begin(&mut self, session: Session) {
        let now = session.created_at;
        let gone = |other: &Session| other.expires_at <= now || now >= other.last_seen_at.plus(SESSION_IDLE);
        self.sessions.retain(|_, other| other.user != session.user || !gone(other));
        let theirs = self.sessions.values().filter(|other| other.user == session.user && other.id != session.id);
        let mut theirs: Vec<_> = theirs.map(|other| (other.last_seen_at, other.id)).collect();
        theirs.sort();
        for (_, id) in theirs.into_iter().rev().skip(MOST_SESSIONS - 1) {
            self.sessions.remove(&id);
        }
        self.sessions.entry(session.id).or_insert(session);
    }

    fn replace(&mut self, before: Option<TokenHash>) {
        self.sessions.retain(|_, session| Some(session.hash) != before);
    }

    fn end(&mut self, user: UserId, which: Sessions) -> u64 {
        let before = self.sessions.len();
        self.sessions.retain(|id, session| {
            let meant = match which {
                Sessions::One(one) => *id == one,
                Sessions::AllBut(but) => Some(*id) != but,
            };
            session.user != user || !meant
        });
        (before - self.sessions.len()) as u64
    }
}

impl State {
    fn by_address(&self, email: &str) -> Option<&User> {
        self.users.values().find(|user| same_address(&user.email, email))
    }

    fn is_active(&self, user: UserId) -> bool {
        self.users.get(&user).is_some_and(User::is_active)
    }

    fn change_user(&mut self, wanted: ChangeUser) -> UserChanged {
        let Some(before) = self.users.get(&wanted.user) else { return UserChanged::Absent };
        let others = self.users.values().any(|user| user.id != before.id && user.is_active_owner());
        match change(before, &wanted.change, wanted.by, others, wanted.entry.at) {
            Ok(Changed { user, details }) => {
                if let Some(details) = details {
                    self.users.insert(user.id, user.clone());
                    if !user.is_active() {
                        self.people.end(user.id, Sessions::AllBut(None));
                    }
                    self.people.note(wanted.entry.with(details));
                }
                UserChanged::Changed(user)
            }
            Err(not) => UserChanged::Refused(not),
        }
    }

    fn open_session(&mut self, open: OpenSession) -> bool {
        let user = open.session.user;
        if !self.is_active(user) || self.people.passwords.get(&user) != Some(&open.password) {
            return false;
        }
        self.people.replace(open.replaces);
        self.people.begin(open.session);
        self.people.note(open.entry);
        true
    }

    fn change_password(&mut self, change: ChangePassword) -> bool {
        let now = self.people.passwords.get(&change.user);
        let Some(user) = self.users.get(&change.user).filter(|user| user.is_active()) else { return false };
        if now == Some(&change.after) {
            return true;
        }
        if now != Some(&change.before) {
            return false;
        }
        self.people.set_password(user, change.after, change.entry.at);
        self.people.end(change.user, Sessions::AllBut(change.keep));
        self.people.note(change.entry);
        true
    }

    fn create_link(&mut self, create: CreateLink) -> LinkCreated {
        let CreateLink { link, by, entry } = create;
        if self.people.links.contains_key(&link.id) {
            return LinkCreated::Created;
        }
        if let Err(not) = may_manage(by, link.role) {
            return LinkCreated::Refused(not);
        }
        match link.user.map(|id| self.users.get(&id).filter(|user| user.is_active())) {
            Some(None) => return LinkCreated::Absent,
            Some(Some(user)) => {
                if let Err(not) = may_manage(by, user.role) {
                    return LinkCreated::Refused(not);
                }
            }
            None if self.by_address(&link.email).is_some() => return LinkCreated::Known,
            None => {}
        }
        let replaced = |other: &&mut Link| {
            other.kind == link.kind
                && same_address(&other.email, &link.email)
                && other.used_at.is_none()
                && other.withdrawn_at.is_none()
        };
        for other in self.people.links.values().filter(|other| other.is_good(link.created_at)) {
            let same = other.kind == link.kind && same_address(&other.email, &link.email);
            if let (true, Err(not)) = (same, may_manage(by, other.role)) {
                return LinkCreated::Refused(not);
            }
        }
        self.people.links.values_mut().filter(replaced).for_each(|other| other.withdrawn_at = Some(link.created_at));
        self.people.links.insert(link.id, link);
        self.people.note(entry);
        LinkCreated::Created
    }

    fn accept_link(&mut self, accept: AcceptLink) -> LinkAccepted {
        let now = accept.entry.at;
        let found = self.people.links.values().find(|link| link.hash == accept.hash).cloned();
        let Some(link) = found.filter(|link| accept.kinds.contains(&link.kind) && link.is_good(now)) else {
            return LinkAccepted::NotGood;
        };
        let known = match link.user {
            Some(id) => self.users.get(&id),
            None => self.by_address(&link.email),
        };
        let known = known.cloned();
        let maker = link.created_by.and_then(|maker| self.users.get(&maker));
        let has_password = known.as_ref().is_some_and(|user| self.people.passwords.contains_key(&user.id));
        if !link.opens_for(&Standing { maker, known: known.as_ref(), has_password }) {
            return LinkAccepted::NotGood;
        }
        let email = accept.email.filter(|_| link.kind == LinkKind::Setup);
        if let Some(other) = email.as_ref().and_then(|email| self.by_address(email))
            && known.as_ref().is_none_or(|user| user.id != other.id)
        {
            return LinkAccepted::AddressTaken;
        }
        let mut user = known.clone().unwrap_or_else(|| User::new(accept.user, link.email.clone(), link.role, now));
        user.email = email.unwrap_or(user.email);
        user.name = accept.name.or(user.name);
        self.users.insert(user.id, user.clone());
        if let Some(link) = self.people.links.get_mut(&link.id) {
            link.used_at = Some(now);
        }
        self.people.set_password(&user, accept.password, now);
        self.people.end(user.id, Sessions::AllBut(None));
        self.people.replace(accept.replaces);
        self.people.begin(Session { user: user.id, ..accept.session });
        self.people.note(link.told_of_use(accept.entry, known.as_ref(), &user));
        LinkAccepted::Accepted(user)
    }

    fn user_rows(&self, now: Timestamp) -> Vec<UserRow> {
        let row = |user: &User| {
            let sessions = self.people.sessions.values().filter(|session| session.user == user.id);
            let keys = self.keys.values().filter(|key| key.user == user.id && key.is_good(now));
            UserRow {
                user: user.clone(),
                has_password: self.people.passwords.contains_key(&user.id),
                last_seen_at: sessions.map(|session| session.last_seen_at).max(),
                keys: keys.count() as u64,
            }
        };
        self.users.values().map(row).collect()
    }
}

#[async_trait]
impl People for MemoryStore {
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.state().users.get(&id).cloned())
    }

    async fn account(&self, email: &str) -> Result<Option<Account>, StoreError> {
        let state = self.state();
        Ok(state
            .by_address(email)
            .map(|user| Account { user: user.clone(), password: state.people.passwords.get(&user.id).cloned() }))
    }

    async fn users(&self, now: Timestamp) -> Result<Vec<UserRow>, StoreError> {
        Ok(self.state().user_rows(now))
    }

    async fn change_user(&self, change: ChangeUser) -> Result<UserChanged, StoreError> {
        Ok(self.state().change_user(change))
    }

    async fn open_session(&self, open: OpenSession) -> Result<bool, StoreError> {
        Ok(self.state().open_session(open))
    }

    async fn session(&self, hash: TokenHash) -> Result<Option<SessionHolder>, StoreError> {
        let state = self.state();
        let session = state.people.sessions.values().find(|session| session.hash == hash);
        Ok(session.and_then(|session| {
            Some(SessionHolder { session: session.clone(), user: state.users.get(&session.user)?.clone() })
        }))
    }

    async fn sessions(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        let state = self.state();
        Ok(state.people.sessions.values().rev().filter(|session| session.user == user).cloned().collect())
    }

    async fn end_sessions(&self, user: UserId, which: Sessions, entry: AuditEntry) -> Result<u64, StoreError> {
        let mut state = self.state();
        let count = state.people.end(user, which);
        if count > 0 {
            state.people.note(entry);
        }
        Ok(count)
    }

    async fn change_password(&self, change: ChangePassword) -> Result<bool, StoreError> {
        Ok(self.state().change_password(change))
    }

    async fn create_link(&self, create: CreateLink) -> Result<LinkCreated, StoreError> {
        Ok(self.state().create_link(create))
    }

    async fn link(&self, hash: TokenHash) -> Result<Option<Link>, StoreError> {
        Ok(self.state().people.links.values().find(|link| link.hash == hash).cloned())
    }

    async fn links(&self, kind: LinkKind, now: Timestamp) -> Result<Vec<Link>, StoreError> {
        let state = self.state();
        let good = state.people.links.values().rev().filter(|link| link.kind == kind && link.is_good(now));
        Ok(good.cloned().collect())
    }

    async fn withdraw_link(
        &self,
        id: LinkId,
        kind: LinkKind,
        by: Option<Role>,
        entry: AuditEntry,
    ) -> Result<LinkWithdrawn, StoreError> {
        let mut state = self.state();
        let good = |link: &&mut Link| link.kind == kind && link.is_good(entry.at);
        let Some(link) = state.people.links.get_mut(&id).filter(good) else { return Ok(LinkWithdrawn::Absent) };
        if let Err(not) = may_manage(by, link.role) {
            return Ok(LinkWithdrawn::Refused(not));
        }
        link.withdrawn_at = Some(entry.at);
        state.people.note(entry);
        Ok(LinkWithdrawn::Withdrawn)
    }

    async fn accept_link(&self, accept: AcceptLink) -> Result<LinkAccepted, StoreError> {
        Ok(self.state().accept_link(accept))
    }

    async fn note_seen(&self, seen: Seen) -> Result<(), StoreError> {
        let mut state = self.state();
        for (id, at) in seen.keys {
            if state.keys.contains_key(&id) {
                let used = state.people.used.entry(id).or_insert(at);
                *used = (*used).max(at);
            }
        }
        for (id, at) in seen.sessions {
            if let Some(session) = state.people.sessions.get_mut(&id) {
                session.last_seen_at = session.last_seen_at.max(at);
            }
        }
        Ok(())
    }

    async fn note(&self, entry: AuditEntry) -> Result<(), StoreError> {
        self.state().people.note(entry);
        Ok(())
    }

    async fn audit_entries(&self, filter: AuditFilter) -> Result<Vec<AuditRow>, StoreError> {
        let state = self.state();
        let numbered = state.people.entries.iter().enumerate().rev().map(|(place, entry)| (place as u64 + 1, entry));
        let wanted = numbered.filter(|(number, entry)| {
            filter.before.is_none_or(|before| *number < before)
                && filter.user.is_none_or(|user| entry.actor.user == Some(user))
        });
        let rows = wanted.map(|(number, entry)| {
            let email = entry.actor.user.and_then(|user| Some(state.users.get(&user)?.email.clone()));
            AuditRow { number, entry: entry.clone(), email }
        });
        Ok(rows.take(usize::try_from(filter.limit).unwrap_or(usize::MAX)).collect())
    }
}
