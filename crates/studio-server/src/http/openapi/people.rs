//! Bodies about people: what is taken and what is answered.

use super::{
    requests::{budget, or_null},
    schemas::{boolean, id, list, number, object, text, time, to, yes},
};
use serde_json::{Map, Value, json};
use studio_core::{
    caller::Scope,
    limits::LimitClass,
    people::{Action, LinkKind, MAX_NAME_CHARS, MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS, Role},
};

/// A name, or a label: something that can be seen, and no control characters.
const NAME: &str = r"^[^\u0000-\u001f\u007f-\u009f]*[^\s\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$";
/// An address, as far as a pattern can say.
const ADDRESS: &str = r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+$";
/// A rate of calls.
const RATE: &str = r"^[1-9][0-9]{0,5}/(s|min|h|day)$";

fn name() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": MAX_NAME_CHARS, "pattern": NAME })
}

fn address() -> Value {
    json!({ "type": "string", "maxLength": 254, "pattern": ADDRESS })
}

fn password() -> Value {
    let about = "Long, and not one of those that are tried first";
    json!({
        "type": "string", "minLength": MIN_PASSWORD_CHARS, "maxLength": MAX_PASSWORD_CHARS, "writeOnly": true,
        "description": about,
    })
}

fn roles() -> Value {
    json!({ "enum": Role::ALL.map(Role::as_str) })
}

fn scopes() -> Value {
    json!({ "enum": Scope::ALL.map(Scope::as_str) })
}

fn body(required: &[&str], properties: Value, example: Value) -> Value {
    json!({
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": false,
        "examples": [example],
    })
}

/// All of them, by name.
pub(super) fn schemas() -> Value {
    let mut all = requests();
    all.extend(answers().as_object().cloned().unwrap_or_default());
    all.into()
}

fn requests() -> Map<String, Value> {
    let typed = || json!({ "type": "string" });
    let token = "0".repeat(43);
    let mut rates = Map::new();
    for class in LimitClass::ALL {
        rates.insert(class.as_str().to_owned(), json!({ "type": "string", "pattern": RATE }));
    }
    let mut budgets = budget();
    budgets.as_object_mut().map(|budgets| budgets.remove("examples"));
    let login = body(
        &["email", "password"],
        json!({ "email": typed(), "password": typed() }),
        json!({ "email": "me@example.com", "password": "correct mule battery staple" }),
    );
    let setup = body(
        &["token", "password"],
        json!({ "token": typed(), "email": or_null(address()), "name": or_null(name()), "password": password() }),
        json!({ "token": token, "email": "me@example.com", "password": "correct mule battery staple" }),
    );
    let accept = body(
        &["token", "password"],
        json!({ "token": typed(), "name": or_null(name()), "password": password() }),
        json!({ "token": token, "password": "correct mule battery staple" }),
    );
    let change = body(
        &["current", "new"],
        json!({ "current": typed(), "new": password() }),
        json!({ "current": "correct mule battery staple", "new": "another mule in the battery" }),
    );
    let key = body(
        &["name"],
        json!({
            "name": name(),
            "scopes": or_null(json!({ "type": "array", "items": scopes(), "minItems": 1, "maxItems": Scope::ALL.len() })),
            "budgets": or_null(budgets),
            "limits": or_null(json!({ "type": "object", "properties": rates, "additionalProperties": false })),
            "expiresAt": or_null(json!({
                "type": "string", "format": "date-time", "description": "When it ends by itself; a time to come",
            })),
        }),
        json!({ "name": "laptop", "scopes": ["read"] }),
    );
    let mut user = body(
        &[],
        json!({
            "role": or_null(roles()), "disabled": { "type": ["boolean", "null"] },
            "name": { "type": ["string", "null"], "maxLength": MAX_NAME_CHARS, "pattern": NAME, "description": "null: none any more" },
        }),
        json!({ "role": "member" }),
    );
    user["minProperties"] = 1.into();
    let invitation = body(
        &["email"],
        json!({ "email": address(), "role": or_null(roles()) }),
        json!({ "email": "new@example.com", "role": "member" }),
    );
    let mut all = Map::new();
    for (name, schema) in [
        ("LoginRequest", login),
        ("SetupRequest", setup),
        ("AcceptRequest", accept),
        ("PasswordRequest", change),
        ("KeyRequest", key),
        ("UserRequest", user),
        ("InvitationRequest", invitation),
    ] {
        all.insert(name.to_owned(), schema);
    }
    all
}

fn answers() -> Value {
    let kinds = json!({ "enum": LinkKind::ALL.map(LinkKind::as_str) });
    let actions: Vec<_> = Action::ALL.iter().map(|action| action.as_str()).collect();
    let user = vec![
        ("id", id()),
        ("email", text()),
        ("name?", text()),
        ("role", roles()),
        ("createdAt", time()),
        ("disabledAt?", time()),
    ];
    let mut row = user.clone();
    row.extend([("hasPassword", boolean()), ("keys", number()), ("lastSeenAt?", time())]);
    let key = vec![
        ("id", id()),
        ("name", text()),
        ("last4", text()),
        ("scopes", list(scopes())),
        ("budgets", json!({ "type": "object", "additionalProperties": to("Money") })),
        ("limits", json!({ "type": "object", "additionalProperties": text() })),
        ("createdAt", time()),
        ("expiresAt?", time()),
        ("revokedAt?", time()),
    ];
    let (mut listed, mut made) = (key.clone(), key);
    listed.extend([("committed", to("Money")), ("lastUsedAt?", time())]);
    made.push(("key", text()));
    json!({
        "User": object(user),
        "SessionAnswer": object(vec![
            ("success", yes()), ("by", json!({ "enum": ["session", "key"] })), ("user", to("User")), ("scopes", list(scopes())),
            ("csrfToken?", text()), ("expiresAt?", time()),
        ]),
        "DoneAnswer": object(vec![("success", yes()), ("ended?", number())]),
        "SessionList": object(vec![
            ("success", yes()),
            ("items", list(object(vec![
                ("id", id()), ("current", boolean()), ("createdAt", time()), ("lastSeenAt", time()), ("expiresAt", time()),
                ("network?", text()), ("agent?", text()),
            ]))),
        ]),
        "KeyList": object(vec![("success", yes()), ("items", list(object(listed)))]),
        "NewKeyAnswer": object(vec![("success", yes()), ("key", object(made))]),
        "UserList": object(vec![("success", yes()), ("items", list(object(row)))]),
        "UserAnswer": object(vec![("success", yes()), ("user", to("User"))]),
        "NewLinkAnswer": object(vec![
            ("success", yes()),
            ("link", object(vec![
                ("id", id()), ("kind", kinds), ("email", text()), ("role", roles()), ("token", text()), ("url", text()),
                ("expiresAt", time()),
            ])),
        ]),
        "InvitationList": object(vec![
            ("success", yes()),
            ("items", list(object(vec![
                ("id", id()), ("email", text()), ("role", roles()), ("createdAt", time()), ("expiresAt", time()),
            ]))),
        ]),
        "AuditPage": object(vec![
            ("success", yes()),
            ("items", list(object(vec![
                ("number", number()), ("at", time()), ("action", json!({ "enum": actions })), ("userId?", id()), ("user?", text()),
                ("via", json!({ "enum": ["session", "key", "link", "password", "command_line", "studio"] })), ("viaId?", id()),
                ("target?", text()), ("details", json!({ "type": "object" })), ("network?", text()), ("requestId?", id()),
            ]))),
            ("nextCursor?", text()),
        ]),
    })
}
