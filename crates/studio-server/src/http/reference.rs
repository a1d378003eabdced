//! Pages of the documentation that are written from the program, so that they can't say anything else: `docs/errors.md` and
//! `docs/limits.md`.

use super::{
    codes::CODES,
    table::{BodyRule, PAGES, ROUTES, Route},
};
use crate::{
    backlog::{USUAL_MOST, USUAL_MOST_OF_USER},
    settings::{AT_ONCE_LIMIT, CONNECTION_LIMIT, CONSTANTS, Shown},
};
use std::time::Duration;
use studio_core::{
    idempotency::MAX_KEY_BYTES,
    limits::LimitClass,
    request::{MAX_MESSAGES, MAX_PROMPT_CHARS, MAX_WORD_CHARS},
    retry::{FailureKind, LONGEST_LIFE, LONGEST_PAUSE, MAX_FAULTS, MAX_INTERRUPTIONS},
};

/// `docs/errors.md`.
pub fn errors_page() -> String {
    let mut page = String::from(ERRORS_HEAD);
    for code in CODES {
        row(&mut page, &[code.status.as_str(), &format!("`{}`", code.code), code.about, code.remedy]);
    }
    page += REASONS_HEAD;
    for kind in FailureKind::ALL {
        let again = if kind.may_pass() { "may pass" } else { "will fail again" };
        row(&mut page, &[&format!("`{}`", kind.code()), kind.about(), again]);
    }
    page
}

/// `docs/limits.md`.
pub fn limits_page() -> String {
    let mut page = String::from(LIMITS_HEAD);
    for class in LimitClass::ALL {
        let (name, rate) = (class.as_str(), class.default_rate());
        row(&mut page, &[&format!("`{name}`"), &rate.to_string(), class.about()]);
    }
    page += CLASSES_FOOT;
    for route in ROUTES.iter().chain(PAGES) {
        let class = route.limit.map_or("none", LimitClass::as_str);
        let body = match route.body {
            BodyRule::None => "none".to_owned(),
            BodyRule::Json(limit, _) => format!("JSON, {}", bytes(limit)),
            BodyRule::Form(limit) => format!("form, {}", bytes(limit)),
            BodyRule::Stream(limit) => bytes(limit),
            BodyRule::File => "a file".to_owned(),
        };
        row(&mut page, &[&format!("`{} {}`", route.method.as_method(), route.path), class, &body, cost(route)]);
    }
    page += AT_ONCE_HEAD;
    let count = |count: usize| number(count as u64);
    for (setting, usual, about) in [
        (
            "at_once",
            count(AT_ONCE_LIMIT),
            "requests of one user that stay for long: that wait for what they make, or follow a job",
        ),
        ("queued", number(USUAL_MOST), "jobs that wait for one provider"),
        ("queued_per_user", number(USUAL_MOST_OF_USER), "of these, jobs of one user"),
        ("connections", count(CONNECTION_LIMIT), "connections, where the system allows as many files"),
    ] {
        row(&mut page, &[&format!("`{setting}`"), &usual, about]);
    }
    page += CONSTANTS_HEAD;
    for constant in CONSTANTS {
        let about: Vec<_> = constant.about.iter().map(|line| line.trim()).collect();
        let shown = match constant.value {
            Shown::Time(time) => span(time),
            Shown::Bytes(count) => bytes(count),
            Shown::Count(count) => number(count),
        };
        row(&mut page, &[&format!("`{}`", constant.name), &shown, &linked(&about.join(" "))]);
    }
    page += REQUESTS_HEAD;
    for (name, shown, about) in [
        ("MAX_PROMPT_CHARS", number(MAX_PROMPT_CHARS as u64), "Most characters of a prompt."),
        (
            "MAX_WORD_CHARS",
            number(MAX_WORD_CHARS as u64),
            "Longest run without white space in a prompt, in characters.",
        ),
        ("MAX_MESSAGES", number(MAX_MESSAGES as u64), "Most messages of a conversation."),
        ("MAX_KEY_BYTES", bytes(MAX_KEY_BYTES as u64), "Longest `Idempotency-Key`."),
        ("MAX_FAULTS", number(MAX_FAULTS.into()), "Attempts of one job that may end by a fault."),
        (
            "MAX_INTERRUPTIONS",
            number(MAX_INTERRUPTIONS.into()),
            "How often a job may find its server stopped in the middle of it.",
        ),
        ("LONGEST_LIFE", span(LONGEST_LIFE), "Age at which a job that still needs another attempt fails."),
        ("LONGEST_PAUSE", span(LONGEST_PAUSE), "Longest pause before a further attempt, whatever a provider asks for."),
    ] {
        row(&mut page, &[&format!("`{name}`"), &shown, about]);
    }
    page
}

const ERRORS_HEAD: &str = "\
# Errors

This page is written from the program (`make reference`). Every refusal on `/api` has this body, whatever refused it:

```json
{\"success\": false, \"error\": \"<code>\", \"message\": \"<for people>\", \"details\": {}, \"requestId\": \"...\", \"timestamp\": \"...\"}
```

Program against `error` and the status; `message` may change, and `details` is there where it helps. What is absent and what
is another's is the same answer, to the letter.

| status | error | what happened | what to do |
| --- | --- | --- | --- |
";

const REASONS_HEAD: &str = "
## Why a job failed

A job that failed says why in `error.code`, and a caller who waited for it finds the same word in `details.reason`.

| code | what happened | the same again |
| --- | --- | --- |
";

const LIMITS_HEAD: &str = "\
# Limits

This page is written from the program (`make reference`).

## How often

A limit is a count and a window; the whole count may come at once, and is free again evenly over the window. Calls are
counted by user, by whichever key they come; a key that was given a limit of its own (`studio key create --limit
chat=100/min`) is counted by itself. Every answer of a limited route tells what is left, in `RateLimit` and `RateLimit-Policy`
and in the older `X-RateLimit-Limit`, `-Remaining` and `-Reset`; a refusal is `429 rate_limited` with `Retry-After`.

| class | default | for |
| --- | --- | --- |
";

const CLASSES_FOOT: &str = "
Change one in `studio.toml`, `[limits] generation = \"20/min\"`, or by `STUDIO_LIMITS__GENERATION=20/min`. Windows are `s`,
`min`, `h` and `day`. Health is never limited: whoever decides whether the server lives must get an answer.

| route | class | body | a call costs at most |
| --- | --- | --- | --- |
";

const AT_ONCE_HEAD: &str = "
A body that is larger is `413 body_too_large`. By a path of the system before (`/api/...` without a version) a body that asks for
pictures may have 20 MiB, for they came inside it there.

## How many at once

Set in `[limits]` of `studio.toml`, or by `STUDIO_LIMITS__AT_ONCE` and so on.

| setting | default | most |
| --- | --- | --- |
";

const CONSTANTS_HEAD: &str = "
## How large and how long

These are constants of the program.

| constant | value | what it is |
| --- | --- | --- |
";

const REQUESTS_HEAD: &str = "
## Of requests and jobs

Bounds of a model's parameters are in `GET /api/v1/models`. What lies beyond one is moved to it, and the answer has a warning;
what a model does not take is ignored with a warning; what can't be meant is `400`.

| constant | value | what it is |
| --- | --- | --- |
";

fn row(page: &mut String, cells: &[&str]) {
    page.push_str("| ");
    page.push_str(&cells.join(" | "));
    page.push_str(" |\n");
}

fn cost(route: &Route) -> &'static str {
    use super::table::Cost;
    match route.cost {
        Cost::Memory => "nothing",
        Cost::Read => "a look into the store",
        Cost::Write => "a commit",
        Cost::Paid => "a job and its money",
    }
}

/// Links to other items mean nothing on a page: only their names are left.
fn linked(about: &str) -> String {
    about.replace("[`", "`").replace("`]", "`")
}

fn bytes(count: u64) -> String {
    match count {
        _ if count >= 1 << 20 && count.is_multiple_of(1 << 20) => format!("{} MiB", count >> 20),
        _ if count >= 1 << 10 && count.is_multiple_of(1 << 10) => format!("{} KiB", count >> 10),
        _ => format!("{count} bytes"),
    }
}

fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        _ if seconds.is_multiple_of(24 * 3600) => format!("{} days", seconds / (24 * 3600)),
        _ if seconds.is_multiple_of(3600) => format!("{} h", seconds / 3600),
        _ if seconds > 120 && seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

/// With a blank between thousands.
fn number(count: u64) -> String {
    let digits = count.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(" ")
}
