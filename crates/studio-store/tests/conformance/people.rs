//! People: who they are, how they come in, and what is told of it.

use crate::rig::{Rig, at, entry_of, key, noted, user};
use studio_core::{
    caller::User,
    id::{LinkId, SessionId, UserId},
    ledger::Limits,
    people::{
        Action, Actor, AuditEntry, Link, LinkKind, NotChanged, Role, SESSION_IDLE, SESSION_LIFE, Session, TokenHash,
        UserChange, Via,
    },
    ports::{
        AcceptLink, AuditFilter, ChangePassword, ChangeUser, CreateLink, LinkAccepted, LinkCreated, LinkWithdrawn,
        MOST_SESSIONS, OpenSession, PasswordHash, Seen, Sessions, UserChanged,
    },
    time::Timestamp,
};

stories![
    addresses_are_one_whatever_their_capitals,
    someone_is_changed_by_the_rules_and_told_of_once,
    the_last_owner_stays,
    a_link_opens_once,
    a_link_is_for_who_it_says,
    a_link_opens_only_while_its_maker_may,
    a_password_withdraws_what_links_there_were,
    a_newer_link_takes_the_place_of_an_older,
    a_session_begins_with_the_password_of_now,
    a_browser_has_one_session,
    sessions_end_one_by_one_and_all_together,
    there_are_only_so_many_sessions,
    a_password_is_changed_by_who_knows_it,
    what_was_used_is_noted_and_never_goes_back,
    the_log_is_told_page_by_page,
];

fn random(n: u32) -> [u8; 10] {
    let mut random = [3; 10];
    random[..4].copy_from_slice(&n.to_be_bytes());
    random
}

fn hash(n: u32) -> TokenHash {
    let mut hash = [5; 32];
    hash[..4].copy_from_slice(&n.to_be_bytes());
    TokenHash(hash)
}

fn password(n: u32) -> PasswordHash {
    PasswordHash(format!("$argon2id${n}"))
}

fn session_id(n: u32) -> SessionId {
    SessionId::new(at(i64::from(n)), random(n))
}

fn session(n: u32, user: UserId, now: Timestamp) -> Session {
    Session {
        id: session_id(n),
        user,
        hash: hash(n),
        created_at: now,
        last_seen_at: now,
        expires_at: now.plus(SESSION_LIFE),
        network: Some("192.0.2.1".into()),
        agent: n.is_multiple_of(2).then(|| "Browser".into()),
    }
}

fn link(n: u32, kind: LinkKind, email: &str, user: Option<UserId>, role: Role) -> Link {
    Link {
        id: LinkId::new(at(i64::from(n)), random(n)),
        kind,
        hash: hash(n),
        email: email.into(),
        user,
        role,
        created_at: at(10),
        created_by: None,
        expires_at: at(10).plus(kind.life()),
        used_at: None,
        withdrawn_at: None,
    }
}

/// An entry of its own for the `n`th thing that happens.
fn entry(n: u32, now: Timestamp) -> AuditEntry {
    entry_of(1_000 + n, now, Action::UserChanged)
}

impl Rig {
    async fn create(&self, n: u32, link: Link, by: Option<Role>) -> LinkCreated {
        self.store.create_link(CreateLink { link, by, entry: entry(n, at(10)) }).await.unwrap()
    }

    async fn use_link(&self, n: u32, now: Timestamp, change: impl FnOnce(&mut AcceptLink)) -> LinkAccepted {
        let mut accept = AcceptLink {
            hash: hash(n),
            kinds: LinkKind::ALL.into(),
            user: UserId::new(at(0), random(n)),
            email: None,
            name: None,
            password: password(n),
            session: session(900 + n, UserId::new(at(0), random(n)), now),
            replaces: None,
            entry: entry(900 + n, now),
        };
        change(&mut accept);
        self.store.accept_link(accept).await.unwrap()
    }

    /// User 1 chooses a password and has a session.
    async fn sign_up(&self) {
        assert_eq!(
            self.create(1, link(1, LinkKind::Reset, "1@example.com", Some(user(1).id), Role::Admin), None).await,
            LinkCreated::Created
        );
        assert_eq!(self.use_link(1, at(20), |_| {}).await, LinkAccepted::Accepted(user(1)));
    }

    async fn open(&self, n: u32, with: u32, now: Timestamp) -> bool {
        self.reopen(n, with, None, now).await
    }

    async fn reopen(&self, n: u32, with: u32, replaces: Option<TokenHash>, now: Timestamp) -> bool {
        let (session, password, entry) = (session(n, user(1).id, now), password(with), entry(n, now));
        self.store.open_session(OpenSession { session, password, replaces, entry }).await.unwrap()
    }

    pub(crate) async fn change(&self, n: u32, whom: UserId, change: UserChange, by: Option<Role>) -> UserChanged {
        let change = ChangeUser { user: whom, change, by, entry: entry(n, at(50)) };
        self.store.change_user(change).await.unwrap()
    }

    async fn actions(&self) -> Vec<(Action, Option<UserId>, Via)> {
        let rows = self.store.audit_entries(AuditFilter { limit: 500, ..AuditFilter::default() }).await.unwrap();
        rows.into_iter().map(|row| (row.entry.action, row.entry.actor.user, row.entry.actor.via)).collect()
    }

    /// What else is told by the newest entry.
    async fn details(&self) -> serde_json::Value {
        let filter = AuditFilter { limit: 1, ..AuditFilter::default() };
        self.store.audit_entries(filter).await.unwrap().remove(0).entry.details
    }

    async fn ids(&self) -> Vec<SessionId> {
        self.store.sessions(user(1).id).await.unwrap().into_iter().map(|session| session.id).collect()
    }
}

fn role(role: Role) -> UserChange {
    UserChange { role: Some(role), ..UserChange::default() }
}

pub(crate) fn disabled(disabled: bool) -> UserChange {
    UserChange { disabled: Some(disabled), ..UserChange::default() }
}

async fn addresses_are_one_whatever_their_capitals(rig: Rig) {
    let mut again = user(1);
    again.id = UserId::new(at(9), random(9));
    again.email = "1@EXAMPLE.com".into();
    assert_eq!(rig.store.ensure_user(again, entry(1, at(9))).await.unwrap(), user(1));
    let account = rig.store.account("1@Example.Com").await.unwrap().unwrap();
    assert_eq!((account.user, account.password), (user(1), None));
    assert_eq!(rig.store.account("nobody@example.com").await.unwrap(), None);
    assert_eq!(rig.store.user(user(2).id).await.unwrap(), Some(user(2)));
    assert_eq!(rig.store.user(UserId::new(at(0), [99; 10])).await.unwrap(), None);
    let rows = rig.store.users(at(9)).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| (row.user.clone(), row.has_password, row.keys)).collect::<Vec<_>>(),
        [(user(1), false, 1), (user(2), false, 1)]
    );
}

async fn someone_is_changed_by_the_rules_and_told_of_once(rig: Rig) {
    let before = rig.actions().await.len();
    let viewer = UserChange { name: Some(Some("Ada".into())), ..role(Role::Viewer) };
    let UserChanged::Changed(changed) = rig.change(1, user(1).id, viewer.clone(), Some(Role::Admin)).await else {
        panic!("not changed");
    };
    assert_eq!((changed.role, changed.name.as_deref()), (Role::Viewer, Some("Ada")));
    assert_eq!(rig.change(2, user(1).id, viewer, None).await, UserChanged::Changed(changed.clone()), "so already");
    assert_eq!(rig.actions().await.len(), before + 1, "told once");
    // What is read with a key is what they are now.
    let holder = rig.store.key(key(1, user(1).id).hash).await.unwrap().unwrap();
    assert_eq!(holder.user, changed);
    assert!(matches!(rig.change(3, user(1).id, disabled(true), None).await, UserChanged::Changed(_)));
    assert!(!rig.store.key(holder.key.hash).await.unwrap().unwrap().is_good(at(60)));
    let nameless = UserChange { name: Some(None), ..disabled(false) };
    assert!(
        matches!(rig.change(4, user(1).id, nameless, None).await, UserChanged::Changed(back) if back.is_active() && back.name.is_none())
    );
    let nobody = UserId::new(at(0), [99; 10]);
    assert_eq!(rig.change(5, nobody, disabled(true), None).await, UserChanged::Absent);
    let made = rig.change(6, user(1).id, role(Role::Owner), Some(Role::Admin)).await;
    assert_eq!(made, UserChanged::Refused(NotChanged::OwnersOnly));
}

async fn the_last_owner_stays(rig: Rig) {
    for (n, id) in [(1, user(1).id), (2, user(2).id)] {
        assert!(matches!(rig.change(n, id, role(Role::Owner), None).await, UserChanged::Changed(_)));
    }
    assert!(matches!(rig.change(3, user(2).id, disabled(true), None).await, UserChanged::Changed(_)));
    for (n, change) in [(4, role(Role::Admin)), (5, disabled(true))] {
        let refused = rig.change(n, user(1).id, change, None).await;
        assert_eq!(refused, UserChanged::Refused(NotChanged::LastOwner), "the other one is disabled");
    }
    assert!(matches!(rig.change(6, user(2).id, disabled(false), None).await, UserChanged::Changed(_)));
    assert!(matches!(rig.change(7, user(1).id, role(Role::Viewer), None).await, UserChanged::Changed(_)));
}

async fn a_link_opens_once(rig: Rig) {
    let invited = link(1, LinkKind::Invitation, "new@example.com", None, Role::Viewer);
    assert_eq!(rig.create(1, invited.clone(), Some(Role::Admin)).await, LinkCreated::Created);
    assert_eq!(rig.create(1, invited.clone(), Some(Role::Admin)).await, LinkCreated::Created, "told again");
    assert_eq!(rig.store.link(hash(1)).await.unwrap(), Some(invited.clone()));
    assert_eq!(rig.store.links(LinkKind::Invitation, at(20)).await.unwrap(), std::slice::from_ref(&invited));
    assert_eq!(rig.use_link(1, at(20), |accept| accept.kinds = vec![LinkKind::Reset]).await, LinkAccepted::NotGood);
    assert_eq!(rig.use_link(1, invited.expires_at, |_| {}).await, LinkAccepted::NotGood, "over");
    assert_eq!(rig.use_link(8, at(20), |_| {}).await, LinkAccepted::NotGood, "there is none");
    let name = |accept: &mut AcceptLink| {
        accept.name = Some("New".into());
        accept.email = Some("other@example.com".into());
    };
    let mut new = User::new(UserId::new(at(0), random(1)), "new@example.com", Role::Viewer, at(20));
    new.name = Some("New".into());
    assert_eq!(rig.use_link(1, at(20), name).await, LinkAccepted::Accepted(new.clone()), "by the link's own address");
    assert_eq!(rig.use_link(1, at(21), |_| {}).await, LinkAccepted::NotGood, "used");
    assert_eq!(rig.store.link(hash(1)).await.unwrap().unwrap().used_at, Some(at(20)));
    assert_eq!(rig.store.links(LinkKind::Invitation, at(20)).await.unwrap(), []);
    let holder = rig.store.session(hash(901)).await.unwrap().unwrap();
    assert_eq!((holder.user, holder.session), (new.clone(), session(901, new.id, at(20))));
    let via = Via::Link(invited.id);
    assert!(rig.actions().await.contains(&(Action::UserChanged, Some(new.id), via)), "who came, by what");
    let told = rig.details().await;
    assert_eq!(told, serde_json::json!({ "userId": new.id.to_string(), "new": true, "addressChanged": false }));
}

async fn a_link_is_for_who_it_says(rig: Rig) {
    let known = link(1, LinkKind::Invitation, "2@EXAMPLE.com", None, Role::Member);
    assert_eq!(rig.create(1, known, None).await, LinkCreated::Known);
    let nobody = link(2, LinkKind::Reset, "x@example.com", Some(UserId::new(at(0), [99; 10])), Role::Member);
    assert_eq!(rig.create(2, nobody, None).await, LinkCreated::Absent);
    let owner = link(3, LinkKind::Invitation, "owner@example.com", None, Role::Owner);
    let refused = LinkCreated::Refused(NotChanged::OwnersOnly);
    assert_eq!(rig.create(3, owner, Some(Role::Admin)).await, refused);
    rig.change(4, user(2).id, role(Role::Owner), None).await;
    let reset = link(5, LinkKind::Reset, "2@example.com", Some(user(2).id), Role::Member);
    assert_eq!(rig.create(5, reset, Some(Role::Admin)).await, refused, "that would be a way in");
    rig.sign_up().await;
    // The first owner says who they are, and can't be somebody else.
    let setup = link(6, LinkKind::Setup, "2@example.com", Some(user(2).id), Role::Owner);
    assert_eq!(rig.create(6, setup, None).await, LinkCreated::Created);
    let taken = rig.use_link(6, at(20), |accept| accept.email = Some("1@example.COM".into())).await;
    assert_eq!(taken, LinkAccepted::AddressTaken);
    let accepted = rig.use_link(6, at(20), |accept| accept.email = Some("me@example.com".into())).await;
    assert!(matches!(accepted, LinkAccepted::Accepted(me) if me.email == "me@example.com" && me.id == user(2).id));
    assert_eq!(rig.details().await["addressChanged"], true);
    // Who is disabled meanwhile stays so.
    let reset = link(7, LinkKind::Reset, "1@example.com", Some(user(1).id), Role::Admin);
    assert_eq!(rig.create(7, reset, None).await, LinkCreated::Created);
    rig.change(8, user(1).id, disabled(true), None).await;
    assert_eq!(rig.use_link(7, at(60), |_| {}).await, LinkAccepted::NotGood);
    let again = link(9, LinkKind::Reset, "1@example.com", Some(user(1).id), Role::Admin);
    assert_eq!(rig.create(9, again, None).await, LinkCreated::Absent);
    // Who was invited and came by another way has a password that no invitation replaces.
    let invited = link(10, LinkKind::Invitation, "late@example.com", None, Role::Viewer);
    assert_eq!(rig.create(10, invited, None).await, LinkCreated::Created);
    let late = User::new(UserId::new(at(0), random(77)), "late@example.com", Role::Member, at(20));
    rig.store.ensure_user(late.clone(), entry(11, at(20))).await.unwrap();
    let accepted = rig.use_link(10, at(60), |_| {}).await;
    assert_eq!(accepted, LinkAccepted::Accepted(late), "they keep what they are");
}

async fn a_link_opens_only_while_its_maker_may(rig: Rig) {
    let (maker, whom) = (user(1).id, user(2).id);
    let by = |link: Link| Link { created_by: Some(maker), ..link };
    let reset = |n| by(link(n, LinkKind::Reset, "2@example.com", Some(whom), Role::Member));
    let invited = |n, role| by(link(n, LinkKind::Invitation, &format!("new{n}@example.com"), None, role));
    let role_of = async |n: u32, who: UserId, to: Role| {
        assert!(matches!(rig.change(n, who, role(to), None).await, UserChanged::Changed(_)));
    };
    role_of(20, maker, Role::Admin).await;
    // Whom it is for has risen above its maker meanwhile.
    assert_eq!(rig.create(1, reset(1), Some(Role::Admin)).await, LinkCreated::Created);
    role_of(21, whom, Role::Owner).await;
    assert_eq!(rig.use_link(1, at(20), |_| {}).await, LinkAccepted::NotGood, "promoted");
    role_of(22, maker, Role::Owner).await;
    role_of(23, whom, Role::Member).await;
    // Its maker may less now.
    assert_eq!(rig.create(2, invited(2, Role::Owner), Some(Role::Owner)).await, LinkCreated::Created);
    role_of(24, whom, Role::Owner).await;
    role_of(25, maker, Role::Admin).await;
    assert_eq!(rig.use_link(2, at(20), |_| {}).await, LinkAccepted::NotGood, "an admin makes no owner");
    role_of(26, maker, Role::Member).await;
    assert_eq!(rig.create(3, invited(3, Role::Viewer), Some(Role::Admin)).await, LinkCreated::Created);
    assert_eq!(rig.use_link(3, at(20), |_| {}).await, LinkAccepted::NotGood, "nor a member anyone");
    // Its maker is disabled.
    role_of(27, maker, Role::Admin).await;
    assert!(matches!(rig.change(28, maker, disabled(true), None).await, UserChanged::Changed(_)));
    assert_eq!(rig.use_link(3, at(20), |_| {}).await, LinkAccepted::NotGood, "disabled");
    assert_eq!(rig.store.account("new3@example.com").await.unwrap(), None, "nobody came");
    assert!(matches!(rig.change(29, maker, disabled(false), None).await, UserChanged::Changed(_)));
    assert!(matches!(rig.use_link(3, at(20), |_| {}).await, LinkAccepted::Accepted(_)), "and may again");
}

async fn a_password_withdraws_what_links_there_were(rig: Rig) {
    let me = user(1);
    let reset = |n| link(n, LinkKind::Reset, "1@example.com", Some(me.id), me.role);
    let setup = |n| link(n, LinkKind::Setup, "1@example.com", Some(me.id), me.role);
    // By a link.
    assert_eq!(rig.create(1, setup(1), None).await, LinkCreated::Created);
    assert_eq!(rig.create(2, reset(2), None).await, LinkCreated::Created);
    let elsewhere = link(3, LinkKind::Reset, "2@example.com", Some(user(2).id), Role::Member);
    assert_eq!(rig.create(3, elsewhere, None).await, LinkCreated::Created);
    assert_eq!(rig.use_link(2, at(20), |_| {}).await, LinkAccepted::Accepted(me.clone()));
    assert_eq!(rig.use_link(1, at(21), |_| {}).await, LinkAccepted::NotGood);
    let stands = async |n: u32| {
        let link = rig.store.link(hash(n)).await.unwrap().unwrap();
        (link.used_at, link.withdrawn_at)
    };
    assert_eq!((stands(1).await, stands(2).await), ((None, Some(at(20))), (Some(at(20)), None)));
    assert_eq!(stands(3).await, (None, None), "another's");
    // By whoever knows the one before.
    assert_eq!(rig.create(4, reset(4), None).await, LinkCreated::Created);
    let (before, after, entry) = (password(2), password(9), entry(30, at(30)));
    let change = ChangePassword { user: me.id, before, after, keep: None, entry };
    assert!(rig.store.change_password(change).await.unwrap());
    assert_eq!(stands(4).await, (None, Some(at(30))));
    assert_eq!(rig.use_link(4, at(31), |_| {}).await, LinkAccepted::NotGood);
    // What they made for others goes as well: whoever had their session may have made it.
    let made = |n, kind| Link {
        created_by: Some(me.id),
        ..link(n, kind, &format!("{n}@example.com"), (kind == LinkKind::Reset).then_some(user(2).id), Role::Member)
    };
    assert_eq!(rig.create(6, made(6, LinkKind::Reset), None).await, LinkCreated::Created);
    assert_eq!(rig.create(7, made(7, LinkKind::Invitation), None).await, LinkCreated::Created);
    let (before, after, told) = (password(9), password(10), entry_of(1_031, at(31), Action::UserChanged));
    let change = ChangePassword { user: me.id, before, after, keep: None, entry: told };
    assert!(rig.store.change_password(change).await.unwrap());
    assert_eq!((stands(6).await, stands(7).await), ((None, Some(at(31))), (None, None)), "invitations are on a list");
    // One to set the studio up is for an owner who has no way in.
    assert_eq!(rig.create(5, setup(5), None).await, LinkCreated::Created);
    assert_eq!(rig.use_link(5, at(32), |_| {}).await, LinkAccepted::NotGood);
}

async fn a_newer_link_takes_the_place_of_an_older(rig: Rig) {
    let of = |n| link(n, LinkKind::Invitation, "new@example.com", None, Role::Member);
    assert_eq!(rig.create(1, of(1), None).await, LinkCreated::Created);
    assert_eq!(rig.create(2, of(2), None).await, LinkCreated::Created);
    assert_eq!(rig.use_link(1, at(20), |_| {}).await, LinkAccepted::NotGood);
    let id = of(2).id;
    let withdraw = async |id, kind, by, n| rig.store.withdraw_link(id, kind, by, entry(n, at(20))).await.unwrap();
    assert_eq!(withdraw(id, LinkKind::Reset, None, 3).await, LinkWithdrawn::Absent, "another kind");
    assert_eq!(withdraw(id, LinkKind::Invitation, Some(Role::Admin), 3).await, LinkWithdrawn::Withdrawn);
    assert_eq!(withdraw(id, LinkKind::Invitation, None, 4).await, LinkWithdrawn::Absent, "withdrawn already");
    assert_eq!(rig.use_link(2, at(22), |_| {}).await, LinkAccepted::NotGood);
    // What an owner made is out of an admin's reach, to withdraw it and to take its place.
    let owners = link(5, LinkKind::Invitation, "new@example.com", None, Role::Owner);
    assert_eq!(rig.create(5, owners.clone(), Some(Role::Owner)).await, LinkCreated::Created);
    let refused = LinkWithdrawn::Refused(NotChanged::OwnersOnly);
    assert_eq!(withdraw(owners.id, LinkKind::Invitation, Some(Role::Admin), 6).await, refused);
    let created = rig.create(6, of(6), Some(Role::Admin)).await;
    assert_eq!(created, LinkCreated::Refused(NotChanged::OwnersOnly));
    assert!(matches!(rig.use_link(5, at(23), |_| {}).await, LinkAccepted::Accepted(_)));
}

async fn a_session_begins_with_the_password_of_now(rig: Rig) {
    assert!(!rig.open(1, 1, at(20)).await, "there is no password yet");
    rig.sign_up().await;
    assert!(!rig.open(2, 2, at(30)).await, "it is another one");
    assert!(rig.open(3, 1, at(30)).await);
    let holder = rig.store.session(hash(3)).await.unwrap().unwrap();
    assert_eq!((holder.session, holder.user), (session(3, user(1).id, at(30)), user(1)));
    assert_eq!(rig.store.session(hash(2)).await.unwrap(), None);
    rig.change(4, user(1).id, disabled(true), None).await;
    assert!(!rig.open(5, 1, at(60)).await);
    assert_eq!(rig.store.session(hash(3)).await.unwrap(), None, "it has ended");
    rig.change(6, user(1).id, disabled(false), None).await;
    assert_eq!(rig.ids().await, [], "and does not come back when they do");
}

async fn a_browser_has_one_session(rig: Rig) {
    rig.sign_up().await;
    assert!(rig.open(2, 1, at(30)).await && rig.open(3, 1, at(31)).await);
    assert!(!rig.reopen(4, 2, Some(hash(2)), at(32)).await, "the password is another one");
    assert_eq!(rig.ids().await.len(), 3);
    assert!(rig.reopen(5, 1, Some(hash(2)), at(33)).await);
    assert_eq!(rig.store.session(hash(2)).await.unwrap(), None);
    assert!(rig.store.session(hash(3)).await.unwrap().is_some(), "another browser's");
    // By a link as well, whoever it was before.
    let invited = link(6, LinkKind::Invitation, "new@example.com", None, Role::Viewer);
    assert_eq!(rig.create(6, invited, None).await, LinkCreated::Created);
    rig.use_link(6, at(34), |accept| accept.replaces = Some(hash(3))).await;
    assert_eq!(rig.store.session(hash(3)).await.unwrap(), None);
    assert!(rig.store.session(hash(906)).await.unwrap().is_some());
}

async fn sessions_end_one_by_one_and_all_together(rig: Rig) {
    rig.sign_up().await;
    for n in [2, 3, 4] {
        assert!(rig.open(n, 1, at(30 + i64::from(n))).await);
    }
    assert_eq!(rig.ids().await.len(), 4);
    let before = rig.actions().await.len();
    let end =
        async |user: UserId, which, n: u32| rig.store.end_sessions(user, which, entry(500 + n, at(40))).await.unwrap();
    assert_eq!(end(user(2).id, Sessions::One(session_id(2)), 1).await, 0, "another's");
    assert_eq!(rig.actions().await.len(), before, "nothing is told of nothing");
    assert_eq!(end(user(1).id, Sessions::One(session_id(2)), 2).await, 1);
    assert_eq!(end(user(1).id, Sessions::AllBut(Some(session_id(3))), 3).await, 2);
    assert_eq!(rig.ids().await, [session_id(3)]);
    assert_eq!(end(user(1).id, Sessions::AllBut(None), 4).await, 1);
    assert_eq!((rig.ids().await, rig.actions().await.len()), (vec![], before + 3));
}

async fn there_are_only_so_many_sessions(rig: Rig) {
    rig.sign_up().await;
    let first = rig.ids().await[0];
    let count = u32::try_from(MOST_SESSIONS).unwrap();
    for n in 0..count {
        assert!(rig.open(1_000 + n, 1, at(1_000 + i64::from(n))).await);
    }
    let ids = rig.ids().await;
    assert_eq!(ids.len(), MOST_SESSIONS);
    assert!(!ids.contains(&first), "the one that was used longest ago");
    // What is over goes by itself.
    assert!(rig.open(5_000, 1, at(2_000).plus(SESSION_IDLE)).await);
    assert_eq!(rig.ids().await, [session_id(5_000)]);
}

async fn a_password_is_changed_by_who_knows_it(rig: Rig) {
    rig.sign_up().await;
    assert!(rig.open(2, 1, at(30)).await);
    let change = async |n: u32, before: u32, after: u32| {
        let (before, after, keep) = (password(before), password(after), Some(session_id(2)));
        let change = ChangePassword { user: user(1).id, before, after, keep, entry: entry(600 + n, at(40)) };
        rig.store.change_password(change).await.unwrap()
    };
    assert!(!change(1, 9, 10).await, "it is another one");
    assert!(change(2, 1, 10).await);
    assert!(change(2, 1, 10).await, "told again, it is done");
    assert_eq!(rig.ids().await, [session_id(2)], "the others have ended");
    assert!(!rig.open(3, 1, at(50)).await && rig.open(4, 10, at(50)).await);
    rig.change(5, user(1).id, disabled(true), None).await;
    assert!(!change(6, 10, 11).await);
}

async fn what_was_used_is_noted_and_never_goes_back(rig: Rig) {
    rig.sign_up().await;
    let id = rig.ids().await[0];
    let used = async |millis: i64| {
        let strange = SessionId::new(at(0), [99; 10]);
        let seen = Seen {
            keys: vec![(key(1, user(1).id).id, at(millis))],
            sessions: vec![(id, at(millis)), (strange, at(1))],
        };
        rig.store.note_seen(seen).await.unwrap();
        let keys = rig.store.keys(Some(user(1).id)).await.unwrap();
        (keys[0].last_used_at, rig.store.sessions(user(1).id).await.unwrap()[0].last_seen_at)
    };
    assert_eq!(rig.store.keys(Some(user(1).id)).await.unwrap()[0].last_used_at, None);
    assert_eq!(used(5_000).await, (Some(at(5_000)), at(5_000)));
    assert_eq!(used(4_000).await, (Some(at(5_000)), at(5_000)));
    assert_eq!(rig.store.keys(Some(user(2).id)).await.unwrap()[0].last_used_at, None, "another's");
    assert_eq!(rig.store.users(at(0)).await.unwrap()[0].last_seen_at, Some(at(5_000)));
}

async fn the_log_is_told_page_by_page(rig: Rig) {
    let before = rig.actions().await.len();
    for n in 0..10 {
        let actor = Actor { user: Some(user(1 + n % 2).id), via: Via::Session(session_id(n)) };
        let entry =
            AuditEntry { actor, ..entry(n, at(i64::from(n))) }.of("user", n).with(serde_json::json!({ "n": n }));
        let entry = AuditEntry { network: Some("::1".into()), ..entry };
        rig.store.note(entry.clone()).await.unwrap();
        rig.store.note(entry).await.unwrap();
    }
    assert_eq!(rig.actions().await.len(), before + 10, "each once");
    let filter = AuditFilter { user: Some(user(2).id), limit: 2, before: None };
    let page = rig.store.audit_entries(filter).await.unwrap();
    let targets = |page: &[studio_core::ports::AuditRow]| {
        page.iter().map(|row| row.entry.target.clone().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(targets(&page), ["user:9", "user:7"]);
    assert_eq!((page[0].email.as_deref(), &page[0].entry.details["n"]), (Some("2@example.com"), &9.into()));
    let filter = AuditFilter { before: Some(page[1].number), ..filter };
    assert_eq!(targets(&rig.store.audit_entries(filter).await.unwrap()), ["user:5", "user:3"]);
    // A key that is revoked once is told of once.
    let told = rig.actions().await.len();
    rig.store.revoke_key(key(1, user(1).id).id, None, entry(70, at(70))).await.unwrap();
    rig.store.revoke_key(key(1, user(1).id).id, None, entry(71, at(71))).await.unwrap();
    rig.store.create_key(key(5, user(1).id), Limits::new(), entry(72, at(72))).await.unwrap();
    rig.store.create_key(key(5, user(1).id), Limits::new(), noted(at(73))).await.unwrap();
    assert_eq!(rig.actions().await.len(), told + 2);
}
