//! The rows of who may come in, and by what: signing in, sessions, keys, people, links, and what was done with all of them.

use super::{Access, BodyRule, Cost, LIMIT, Query, QueryKind, READS, Route, Shape, Verb, api, get, post};
use crate::settings::JSON_BODY_LIMIT;
use studio_core::{
    caller::Scope::{Account, Admin, Read},
    limits::LimitClass::{Auth, Control},
};

use Access::{Key, Public};
use Cost::Write;

const AUDIT_QUERY: &[Query] = &[
    Query::new("userId", QueryKind::Id, "Only what this person did"),
    LIMIT,
    Query::new("cursor", QueryKind::Number, "The `nextCursor` of the page before"),
];

/// Every row.
pub(super) const ROWS: &[Route] = &[
    Route {
        body: BodyRule::Json(JSON_BODY_LIMIT, "SetupRequest"),
        refuses: &[(409, "The link is not good, or somebody else has that address")],
        ..post(
            "/api/v1/auth/setup",
            Public(api::set_up),
            (Auth, Write),
            &[(200, Shape::Session)],
            "Choose the first owner's password, by the link that the first start shows",
        )
    },
    Route {
        body: BodyRule::Json(JSON_BODY_LIMIT, "LoginRequest"),
        refuses: &[(401, "The address or the password is wrong, or the account is disabled: nobody is told which")],
        ..post(
            "/api/v1/auth/login",
            Public(api::log_in),
            (Auth, Write),
            &[(200, Shape::Session)],
            "Sign in with address and password: a session, kept by a cookie",
        )
    },
    Route {
        body: BodyRule::Json(JSON_BODY_LIMIT, "AcceptRequest"),
        refuses: &[(409, "The link is not good, or somebody else has that address")],
        ..post(
            "/api/v1/auth/accept",
            Public(api::accept),
            (Auth, Write),
            &[(200, Shape::Session)],
            "Accept an invitation, or choose a new password by a link",
        )
    },
    Route {
        refuses: &[(409, "You came by a key, and have no session to end")],
        ..post(
            "/api/v1/auth/logout",
            Key(Account, api::log_out),
            (Control, Write),
            &[(200, Shape::Done)],
            "Sign out: end this session",
        )
    },
    get(
        "/api/v1/auth/session",
        Key(Read, api::who_am_i),
        READS,
        &[(200, Shape::Session)],
        "See who you are, what you may do, and the token that a page of your session must send",
    ),
    Route {
        body: BodyRule::Json(JSON_BODY_LIMIT, "PasswordRequest"),
        ..post(
            "/api/v1/auth/password",
            Key(Account, api::change_password),
            (Auth, Write),
            &[(200, Shape::Done)],
            "Change your password; all your other sessions end",
        )
    },
    get(
        "/api/v1/sessions",
        Key(Account, api::list_sessions),
        READS,
        &[(200, Shape::Sessions)],
        "List where you are signed in, newest first",
    ),
    Route {
        method: Verb::Delete,
        ..post(
            "/api/v1/sessions/{id}",
            Key(Account, api::end_session),
            (Control, Write),
            &[(200, Shape::Done)],
            "End one of your sessions",
        )
    },
    post(
        "/api/v1/sessions/revoke-others",
        Key(Account, api::revoke_other_sessions),
        (Control, Write),
        &[(200, Shape::Done)],
        "End all your sessions but this one",
    ),
    get(
        "/api/v1/keys",
        Key(Account, api::list_keys),
        READS,
        &[(200, Shape::Keys)],
        "List your keys, oldest first, with when each was used last",
    ),
    Route {
        body: BodyRule::Json(JSON_BODY_LIMIT, "KeyRequest"),
        refuses: &[(409, "You have made as many keys as one person makes")],
        ..post(
            "/api/v1/keys",
            Key(Account, api::create_key),
            (Control, Write),
            &[(200, Shape::NewKey)],
            "Make a key of your own; its text is told this once",
        )
    },
    Route {
        method: Verb::Delete,
        ..post(
            "/api/v1/keys/{id}",
            Key(Account, api::revoke_key),
            (Control, Write),
            &[(200, Shape::Done)],
            "Revoke one of your keys; within a second it opens nothing any more",
        )
    },
    get("/api/v1/users", Key(Admin, api::list_users), READS, &[(200, Shape::Users)], "List everyone, oldest first"),
    Route {
        method: Verb::Patch,
        body: BodyRule::Json(JSON_BODY_LIMIT, "UserRequest"),
        refuses: &[(409, "They are the last owner who is not disabled")],
        ..post(
            "/api/v1/users/{id}",
            Key(Admin, api::change_user),
            (Control, Write),
            &[(200, Shape::User)],
            "Change someone's role or name, or disable them; only an owner changes an owner",
        )
    },
    post(
        "/api/v1/users/{id}/reset-link",
        Key(Admin, api::create_reset_link),
        (Control, Write),
        &[(200, Shape::NewLink)],
        "Make a link by which someone chooses a password; its token is told this once",
    ),
    get(
        "/api/v1/invitations",
        Key(Admin, api::list_invitations),
        READS,
        &[(200, Shape::Invitations)],
        "List invitations that are open, newest first",
    ),
    Route {
        body: BodyRule::Json(JSON_BODY_LIMIT, "InvitationRequest"),
        refuses: &[(409, "There is someone of this address already")],
        ..post(
            "/api/v1/invitations",
            Key(Admin, api::create_invitation),
            (Control, Write),
            &[(200, Shape::NewLink)],
            "Invite someone, by a link; its token is told this once",
        )
    },
    Route {
        method: Verb::Delete,
        ..post(
            "/api/v1/invitations/{id}",
            Key(Admin, api::withdraw_invitation),
            (Control, Write),
            &[(200, Shape::Done)],
            "Withdraw an invitation",
        )
    },
    Route {
        query: AUDIT_QUERY,
        ..get(
            "/api/v1/audit",
            Key(Admin, api::list_audit),
            READS,
            &[(200, Shape::Audit)],
            "See who did what, of all that decides who may do what, newest first",
        )
    },
    // Own keys for providers
    get(
        "/api/v1/provider-keys",
        Key(Account, api::list_provider_keys),
        READS,
        &[(200, Shape::ProviderKeys)],
        "List your own keys for providers: which, and since when; never what they are",
    ),
    Route {
        method: Verb::Put,
        body: BodyRule::Json(JSON_BODY_LIMIT, "ProviderKeyRequest"),
        ..post(
            "/api/v1/provider-keys/{provider}",
            Key(Account, api::put_provider_key),
            (Control, Write),
            &[(200, Shape::ProviderKey)],
            "Store your own key for a provider, in place of the one before: your jobs there are paid by your own account",
        )
    },
    Route {
        method: Verb::Delete,
        ..post(
            "/api/v1/provider-keys/{provider}",
            Key(Account, api::delete_provider_key),
            (Control, Write),
            &[(200, Shape::Removed)],
            "Remove your own key for a provider",
        )
    },
];
