//! The rows of pages for people: what a browser opens, and the forms on them. They are apart from the API's, for nobody but a person
//! reads them: what they refuse is a page, too, and the description of the API does not tell of them.

use super::{Access, BodyRule, Cost, Query, QueryKind, READS, Route, SHOWS, Shape, get, post};
use crate::http::pages;
use studio_core::{
    caller::Scope::{Account, Admin},
    limits::LimitClass::{Auth, Control, Open},
};

use Access::{Key, Public, Visitor};

/// A page.
const fn page(path: &'static str, access: Access, about: &'static str) -> Route {
    Route { page: true, ..get(path, access, READS, &[(200, Shape::Page)], about) }
}

/// A page for anyone.
const fn open(path: &'static str, access: Access, about: &'static str) -> Route {
    Route { limit: Some(Open), ..page(path, access, about) }
}

/// A form that changes something, and leads back to a page; or that shows its page again, with what is wrong.
const fn form(path: &'static str, access: Access, about: &'static str) -> Route {
    const ANSWERS: &[(u16, Shape)] = &[(303, Shape::Nothing), (400, Shape::Page), (404, Shape::Page)];
    let body = BodyRule::Form(pages::FORM);
    Route { page: true, body, ..post(path, access, (Control, Cost::Write), ANSWERS, about) }
}

/// A form that tries a password or a link: counted by where they come from, or by who is signed in.
const fn entrance(path: &'static str, access: Access, about: &'static str) -> Route {
    Route { limit: Some(Auth), ..form(path, access, about) }
}

/// A form that shows something once.
const SHOWN_ONCE: &[(u16, Shape)] = &[(200, Shape::Page), (400, Shape::Page), (404, Shape::Page)];
/// The page behind a link, or that it is not good any more.
const BEHIND_LINK: &[(u16, Shape)] = &[(200, Shape::Page), (404, Shape::Page)];
const ACCOUNT_DONE: &[Query] =
    &[Query::new("done", QueryKind::Choice(pages::ACCOUNT_DONE), "What was done a moment ago")];
const PEOPLE_DONE: &[Query] =
    &[Query::new("done", QueryKind::Choice(pages::PEOPLE_DONE), "What was done a moment ago")];
const SIGNED_OUT: &[Query] = &[Query::new("out", QueryKind::Boolean, "Somebody has just signed out")];

/// Every page for people, and every form on them.
pub const PAGES: &[Route] = &[
    Route {
        cost: Cost::Memory,
        ..open("/", Visitor(pages::welcome), "A page for people who open the address in a browser")
    },
    get("/studio.css", Public(pages::style), SHOWS, &[(200, Shape::Page)], "How pages look"),
    Route {
        query: SIGNED_OUT,
        answers: &[(200, Shape::Page), (303, Shape::Nothing)],
        ..open("/sign-in", Visitor(pages::sign_in_page), "Where people sign in")
    },
    Route {
        answers: &[(303, Shape::Nothing), (400, Shape::Page), (401, Shape::Page), (429, Shape::Page)],
        ..entrance("/sign-in", Visitor(pages::sign_in), "Sign in")
    },
    form("/sign-out", Key(Account, pages::sign_out), "Sign out"),
    Route {
        answers: BEHIND_LINK,
        ..open("/setup/{token}", Visitor(pages::setup), "Where the first owner chooses a password")
    },
    entrance("/setup/{token}", Visitor(pages::accept_setup), "Choose the first owner's password"),
    Route {
        answers: BEHIND_LINK,
        ..open("/invitations/{token}", Visitor(pages::invitation), "Where someone who has a link chooses a password")
    },
    entrance("/invitations/{token}", Visitor(pages::accept_invitation), "Join, or choose another password"),
    Route {
        query: ACCOUNT_DONE,
        ..page("/account", Key(Account, pages::account), "One's own keys, sessions and password")
    },
    Route {
        answers: SHOWN_ONCE,
        ..form("/account/keys", Key(Account, pages::create_key), "Make a key, which is shown once")
    },
    form("/account/keys/{id}/revoke", Key(Account, pages::revoke_key), "Revoke a key"),
    form("/account/sessions/{id}/end", Key(Account, pages::end_session), "End a session"),
    form("/account/sessions/end-others", Key(Account, pages::end_others), "End all sessions but this one"),
    entrance("/account/password", Key(Account, pages::change_password), "Choose another password"),
    Route { query: PEOPLE_DONE, ..page("/people", Key(Admin, pages::people), "Everyone, and who is invited") },
    Route {
        answers: SHOWN_ONCE,
        ..form("/people/invitations", Key(Admin, pages::invite), "Invite someone: the link is shown once")
    },
    form("/people/invitations/{id}/withdraw", Key(Admin, pages::withdraw), "Withdraw an invitation"),
    form("/people/{id}/role", Key(Admin, pages::change_role), "Give someone another role"),
    form("/people/{id}/disable", Key(Admin, pages::disable), "Disable someone"),
    form("/people/{id}/enable", Key(Admin, pages::enable), "Enable someone again"),
    Route {
        answers: SHOWN_ONCE,
        ..form(
            "/people/{id}/reset-link",
            Key(Admin, pages::reset_link),
            "Make a link for a new password, which is shown once",
        )
    },
];
