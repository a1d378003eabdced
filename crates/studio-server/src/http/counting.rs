//! Who is counted for a request, and by which limit.

use super::{caller::Caller, refusal::Refusal};
use crate::app::App;
use studio_core::{
    limits::{Counted, Decision, LimitClass, Rate},
    time::Timestamp,
};

/// A key that has a limit of its own is counted by that, all others of a user together, and their sessions with them.
fn counted(app: &App, caller: &Caller, class: LimitClass) -> (Counted, Rate) {
    match caller.key().and_then(|key| Some((key.id, *key.limits.get(class.as_str())?))) {
        Some((id, own)) => (Counted::Key(id), own),
        None => (Counted::User(caller.user()), app.limits.rate(class)),
    }
}

/// Counts a call.
pub(super) fn count(app: &App, caller: &Caller, class: LimitClass, now: Timestamp) -> Result<Decision, Refusal> {
    let (who, rate) = counted(app, caller, class);
    let decision = app.limiter.check(who, class, rate, now);
    if decision.allowed { Ok(decision) } else { Err(Refusal::limited(class, decision)) }
}

/// What counting a call would say.
pub(super) fn peek(app: &App, caller: &Caller, class: LimitClass, now: Timestamp) -> Decision {
    let (who, rate) = counted(app, caller, class);
    app.limiter.peek(who, class, rate, now)
}
