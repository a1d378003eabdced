//! Links that open once.

use super::{super::error::unknown, accounts, note, sessions, users};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params, params};
use studio_core::{
    id::{LinkId, UserId},
    people::{AuditEntry, Link, LinkKind, Role, Session, Standing, TokenHash, User, may_manage},
    ports::{AcceptLink, CreateLink, LinkAccepted, LinkCreated, LinkWithdrawn, Sessions},
    time::Timestamp,
};
use uuid::Uuid;

const COLUMNS: &str = "id, kind, hash, email, user_id, role, created_at, created_by, expires_at, used_at, withdrawn_at";

pub(in super::super) const OPEN: &str =
    "SELECT id, kind, hash, email, user_id, role, created_at, created_by, expires_at, used_at, withdrawn_at
    FROM links WHERE kind = ?1 AND used_at IS NULL AND withdrawn_at IS NULL AND expires_at > ?2 ORDER BY id DESC";

fn read(row: &Row<'_>) -> Result<Link, rusqlite::Error> {
    let time = |index: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(index)?.map(Timestamp::from_millis));
    let user = |index: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<Uuid>>(index)?.map(UserId::from_uuid));
    let kind = row.get_ref(1)?.as_str().ok().and_then(LinkKind::parse);
    let role = row.get_ref(5)?.as_str().ok().and_then(Role::parse);
    Ok(Link {
        id: LinkId::from_uuid(row.get(0)?),
        kind: kind.ok_or_else(|| unknown(1, "a kind of link"))?,
        hash: TokenHash(row.get(2)?),
        email: row.get(3)?,
        user: user(4)?,
        role: role.ok_or_else(|| unknown(5, "a role"))?,
        created_at: Timestamp::from_millis(row.get(6)?),
        created_by: user(7)?,
        expires_at: Timestamp::from_millis(row.get(8)?),
        used_at: time(9)?,
        withdrawn_at: time(10)?,
    })
}

/// The link of that hash.
pub(super) fn find(connection: &Connection, hash: TokenHash) -> Result<Option<Link>, rusqlite::Error> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM links WHERE hash = ?1"))?
        .query_row([hash.0], read)
        .optional()
}

/// Links of a kind that are good, newest first.
pub(super) fn list(connection: &Connection, kind: LinkKind, now: Timestamp) -> Result<Vec<Link>, rusqlite::Error> {
    connection.prepare_cached(OPEN)?.query_map(params![kind.as_str(), now.as_millis()], read)?.collect()
}

/// Makes a link in place of others of its kind for the same person.
pub(super) fn create(transaction: &Transaction<'_>, create: &CreateLink) -> Result<LinkCreated, rusqlite::Error> {
    const INSERT: &str = "INSERT INTO links
            (id, kind, hash, email, user_id, role, created_at, created_by, expires_at, used_at, withdrawn_at)
        VALUES (:id, :kind, :hash, :email, :user, :role, :created_at, :created_by, :expires_at, NULL, NULL)";
    const REPLACED: &str = "SELECT role FROM links WHERE kind = ?1 AND lower(email) = lower(?2)
        AND used_at IS NULL AND withdrawn_at IS NULL AND expires_at > ?3";
    const REPLACE: &str = "UPDATE links SET withdrawn_at = ?3 WHERE kind = ?1 AND lower(email) = lower(?2)
        AND used_at IS NULL AND withdrawn_at IS NULL";
    let link = &create.link;
    if find(transaction, link.hash)?.is_some_and(|known| known.id == link.id) {
        return Ok(LinkCreated::Created);
    }
    if let Err(not) = may_manage(create.by, link.role) {
        return Ok(LinkCreated::Refused(not));
    }
    match link.user {
        Some(id) => {
            let Some(user) = users::find(transaction, id)?.filter(User::is_active) else {
                return Ok(LinkCreated::Absent);
            };
            if let Err(not) = may_manage(create.by, user.role) {
                return Ok(LinkCreated::Refused(not));
            }
        }
        None if users::by_address(transaction, &link.email)?.is_some() => return Ok(LinkCreated::Known),
        None => {}
    }
    let now = link.created_at.as_millis();
    let others = params![link.kind.as_str(), link.email, now];
    let replaced: Vec<String> =
        transaction.prepare_cached(REPLACED)?.query_map(others, |row| row.get(0))?.collect::<Result<_, _>>()?;
    for role in replaced.iter().filter_map(|text| Role::parse(text)) {
        // To take the place of what someone above them made is to withdraw it.
        if let Err(not) = may_manage(create.by, role) {
            return Ok(LinkCreated::Refused(not));
        }
    }
    transaction.prepare_cached(REPLACE)?.execute(others)?;
    transaction.prepare_cached(INSERT)?.execute(named_params! {
        ":id": link.id.as_uuid(),
        ":kind": link.kind.as_str(),
        ":hash": link.hash.0,
        ":email": link.email,
        ":user": link.user.map(|user| user.as_uuid()),
        ":role": link.role.as_str(),
        ":created_at": now,
        ":created_by": link.created_by.map(|user| user.as_uuid()),
        ":expires_at": link.expires_at.as_millis(),
    })?;
    note(transaction, &create.entry)?;
    Ok(LinkCreated::Created)
}

/// Withdraws a link.
pub(super) fn withdraw(
    transaction: &Transaction<'_>,
    id: LinkId,
    kind: LinkKind,
    by: Option<Role>,
    entry: &AuditEntry,
) -> Result<LinkWithdrawn, rusqlite::Error> {
    let found = transaction
        .prepare_cached(&format!("SELECT {COLUMNS} FROM links WHERE id = ?1"))?
        .query_row([id.as_uuid()], read)
        .optional()?;
    let Some(link) = found.filter(|link| link.kind == kind && link.is_good(entry.at)) else {
        return Ok(LinkWithdrawn::Absent);
    };
    if let Err(not) = may_manage(by, link.role) {
        return Ok(LinkWithdrawn::Refused(not));
    }
    transaction
        .prepare_cached("UPDATE links SET withdrawn_at = ?2 WHERE id = ?1")?
        .execute(params![id.as_uuid(), entry.at.as_millis()])?;
    note(transaction, entry)?;
    Ok(LinkWithdrawn::Withdrawn)
}

/// Withdraws all links for someone that are not used, and those for others' passwords that they made: whoever had their session or their
/// key may have made them, and they are on no list.
pub(super) fn withdraw_of(transaction: &Transaction<'_>, user: &User, now: Timestamp) -> Result<(), rusqlite::Error> {
    const WITHDRAW: &str = "UPDATE links SET withdrawn_at = ?3 WHERE (user_id = ?1 OR lower(email) = lower(?2)
            OR created_by = ?1 AND kind = 'reset') AND used_at IS NULL AND withdrawn_at IS NULL";
    transaction.prepare_cached(WITHDRAW)?.execute(params![user.id.as_uuid(), user.email, now.as_millis()]).map(drop)
}

/// Uses a link.
pub(super) fn accept(transaction: &Transaction<'_>, accept: &AcceptLink) -> Result<LinkAccepted, rusqlite::Error> {
    let now = accept.entry.at;
    let good = |link: &Link| accept.kinds.contains(&link.kind) && link.is_good(now);
    let Some(link) = find(transaction, accept.hash)?.filter(good) else { return Ok(LinkAccepted::NotGood) };
    let known = match link.user {
        Some(id) => users::find(transaction, id)?,
        None => users::by_address(transaction, &link.email)?,
    };
    let maker = link.created_by.map(|maker| users::find(transaction, maker)).transpose()?.flatten();
    let has_password = match &known {
        Some(user) => accounts::password(transaction, user.id)?.is_some(),
        None => false,
    };
    if !link.opens_for(&Standing { maker: maker.as_ref(), known: known.as_ref(), has_password }) {
        return Ok(LinkAccepted::NotGood);
    }
    // Only the first owner says who they are; others were invited by their address.
    let email = accept.email.as_ref().filter(|_| link.kind == LinkKind::Setup);
    if let Some(email) = email
        && let Some(other) = users::by_address(transaction, email)?
        && known.as_ref().is_none_or(|user| user.id != other.id)
    {
        return Ok(LinkAccepted::AddressTaken);
    }
    let mut user = known.clone().unwrap_or_else(|| User::new(accept.user, link.email.clone(), link.role, now));
    if let Some(email) = email {
        user.email.clone_from(email);
    }
    user.name = accept.name.clone().or(user.name);
    match known {
        Some(_) => users::update(transaction, &user)?,
        None => users::insert(transaction, &user)?,
    }
    // It is used before the password withdraws all that are not.
    transaction
        .prepare_cached("UPDATE links SET used_at = ?2 WHERE id = ?1")?
        .execute(params![link.id.as_uuid(), now.as_millis()])?;
    accounts::set_password(transaction, &user, &accept.password, now)?;
    sessions::remove(transaction, user.id, Sessions::AllBut(None))?;
    sessions::replace(transaction, accept.replaces)?;
    sessions::insert(transaction, &Session { user: user.id, ..accept.session.clone() })?;
    note(transaction, &link.told_of_use(accept.entry.clone(), known.as_ref(), &user))?;
    Ok(LinkAccepted::Accepted(user))
}
