//! Who may manage whom, in every combination, and what can be a token, an address, a password.

use super::*;
use crate::caller::Scope;
use std::collections::BTreeSet;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000 + millis)
}

fn someone(role: Role) -> User {
    User::new(UserId::new(at(0), [1; 10]), "a@example.com", role, at(0))
}

#[test]
fn only_owners_touch_owners_and_one_always_remains() {
    let roles = [None, Some(Role::Viewer), Some(Role::Member), Some(Role::Admin), Some(Role::Owner)];
    let (mut allowed, mut refused) = (0, 0);
    for by in roles {
        for before in Role::ALL {
            for after in Role::ALL {
                for other_owners in [false, true] {
                    let to = UserChange { role: Some(after), ..UserChange::default() };
                    let result = change(&someone(before), &to, by, other_owners, at(1));
                    let touches_owner = before == Role::Owner || after == Role::Owner;
                    let expected = match by {
                        Some(Role::Viewer | Role::Member) => Err(NotChanged::OwnersOnly),
                        Some(Role::Admin) if touches_owner => Err(NotChanged::OwnersOnly),
                        _ if before == Role::Owner && after != Role::Owner && !other_owners => {
                            Err(NotChanged::LastOwner)
                        }
                        _ => Ok(after),
                    };
                    assert_eq!(result.map(|changed| changed.user.role), expected, "{by:?} {before:?} {after:?}");
                    if expected.is_ok() { allowed += 1 } else { refused += 1 }
                }
            }
        }
    }
    assert_eq!((allowed, refused), (76, 84));
    let disable = UserChange { disabled: Some(true), ..UserChange::default() };
    assert_eq!(change(&someone(Role::Owner), &disable, None, false, at(1)), Err(NotChanged::LastOwner));
    let disabled = change(&someone(Role::Owner), &disable, None, true, at(1)).unwrap();
    assert_eq!((disabled.user.disabled_at, disabled.details), (Some(at(1)), Some(json!({ "disabled": true }))));
    let again = change(&disabled.user, &disable, None, false, at(9)).unwrap();
    assert_eq!((again.user.disabled_at, again.details), (Some(at(1)), None), "the first time counts");
}

#[test]
fn a_role_has_the_scopes_of_those_below_it() {
    for pair in Role::ALL.windows(2) {
        assert!(pair[0].scopes().iter().all(|scope| pair[1].has(*scope)));
    }
    let least = |scopes: &[Scope]| Role::least_with(&scopes.iter().copied().collect::<BTreeSet<_>>());
    assert_eq!(least(&[]), Role::Viewer);
    assert_eq!(least(&[Scope::Read, Scope::Account]), Role::Viewer);
    assert_eq!(least(&[Scope::Generate]), Role::Member);
    assert_eq!(least(&Scope::ALL), Role::Admin);
    for role in Role::ALL {
        assert_eq!(Role::parse(role.as_str()), Some(role));
    }
    for action in Action::ALL {
        assert_eq!(Action::parse(action.as_str()), Some(*action));
    }
}

#[test]
fn a_token_is_long_random_and_read_as_it_was_written() {
    let random: [u8; 96] = std::array::from_fn(|i| (i * 41 % 256) as u8);
    let token = mint_token(&random).unwrap();
    assert_eq!(token.expose().len(), 43);
    assert!(read_token(token.expose()).is_some());
    for bad in ["", "short", &format!("{}x", token.expose()), &"ü".repeat(43), &token.expose().replace('9', "-")] {
        assert!(bad == token.expose() || read_token(bad).is_none(), "{bad}");
    }
    assert_eq!(mint_token(&[255; 96]), None);
    let csrf = csrf_token(&token);
    assert!(csrf.len() >= 24 && csrf.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_ne!(csrf, csrf_token(&mint_token(&[7; 96]).unwrap()));
    assert!(!token.expose().contains(&csrf[..8]));
}

#[test]
fn a_session_ends_by_itself() {
    let user = someone(Role::Member);
    let session = Session {
        id: crate::id::SessionId::new(at(0), [1; 10]),
        user: user.id,
        hash: TokenHash([0; 32]),
        created_at: at(0),
        last_seen_at: at(0),
        expires_at: at(0).plus(SESSION_LIFE),
        network: None,
        agent: None,
    };
    let just_before = |time: Timestamp| Timestamp::from_millis(time.as_millis() - 1);
    let idle = at(0).plus(SESSION_IDLE);
    assert!(session.is_good(&user, just_before(idle)) && !session.is_good(&user, idle));
    let used = Session { last_seen_at: just_before(session.expires_at), ..session.clone() };
    assert!(used.is_good(&user, just_before(used.expires_at)) && !used.is_good(&user, used.expires_at));
    let disabled = User { disabled_at: Some(at(0)), ..user };
    assert!(!session.is_good(&disabled, at(1)));
    assert_eq!(shown_agent("Fire\u{202e}fox\n"), Some("Fire?fox?".into()));
    assert_eq!(shown_agent(&"x".repeat(999)).unwrap().len(), MAX_AGENT_CHARS);
}

#[test]
fn passwords_are_long_and_not_what_everyone_tries() {
    for good in ["correct mule battery staple", "ein langer Satz ✓✓✓✓", "пароль из слов ок"] {
        assert_eq!(check_password(good, "a@example.com"), Ok(()), "{good}");
    }
    for (bad, why) in [
        ("short", NotAPassword::Length),
        (&"x".repeat(201)[..], NotAPassword::Length),
        ("Somebody@Example.com", NotAPassword::Address),
        ("PasswordPassword", NotAPassword::Common),
        ("qwertyuiop2024!", NotAPassword::Common),
        ("zzzzzzzzzzzzzz", NotAPassword::Common),
        ("            x", NotAPassword::Common),
        ("administrator99", NotAPassword::Common),
    ] {
        assert_eq!(check_password(bad, "somebody@example.com"), Err(why), "{bad}");
    }
}

#[test]
fn addresses_and_names_are_plain() {
    for good in ["a@b", " me@example.com ", "ü@bücher.example", "a+b@c"] {
        assert!(read_address(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "@",
        "a@",
        "@b",
        "a b@c",
        "a@b@c",
        "a@b\u{202e}",
        "a@b\nc",
        "a@\u{e0041}b",
        &format!("{}@b", "a".repeat(300)),
    ] {
        assert!(read_address(bad).is_err(), "{bad:?}");
    }
    assert!(same_address("Me@Example.com", "me@example.COM"));
    assert!(read_name("  Ada ").is_ok() && read_name(" ").is_err() && read_name("a\u{1b}[2J").is_err());
}
