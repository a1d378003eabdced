//! What a person says of a job's money: what became of one that nobody knows about, and what one cost after all. The same for
//! the command line and the API; whoever calls carries the move out.

use super::people::{Desk, Doer};
use serde_json::json;
use studio_core::{
    job::{Event, Job, MOST_ADJUSTED, Status},
    money::Nanos,
    people::{Action, AuditEntry},
};

/// Why it can't be said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSaid {
    /// Only what is unknown is resolved.
    #[error("it is {}, and only a job that is unknown can be resolved", .0.as_str())]
    NotUnknown(Status),
    /// Only what is over is adjusted.
    #[error("it is {}; its cost can be adjusted once it is over", .0.as_str())]
    NotOver(Status),
    /// Somebody has to pay, and it is not said who.
    #[error("the studio bears {0} USD of it already: say what its payer pays, too")]
    WhoPays(Nanos),
    /// Not an amount that a job can have cost.
    #[error("no job can have cost less than nothing, or more than {MOST_ADJUSTED} USD")]
    Amount,
    /// It stays in the ledger for whoever reads it.
    #[error("a reason must be given, of 1 to {MAX_REASON_CHARS} characters that can be seen: it stays in the ledger")]
    Reason,
}

/// Most characters of a reason.
pub const MAX_REASON_CHARS: usize = 1000;

/// What became of an unknown job: its provider charged so much, or (nothing) never had it.
pub fn resolution(job: &Job, charge: Nanos, reason: &str) -> Result<Event, NotSaid> {
    if job.status != Status::Unknown {
        return Err(NotSaid::NotUnknown(job.status));
    }
    if !(Nanos::ZERO..=MOST_ADJUSTED).contains(&charge) {
        return Err(NotSaid::Amount);
    }
    Ok(Event::Resolved { charge, note: read_reason(reason)? })
}

/// What a job that is over cost after all: its provider takes `provided`, its payer pays `paid`, and the studio bears the
/// difference. What is not said stays as it is, or follows from the other; and nobody pays for what nobody got.
pub fn adjustment(job: &Job, provided: Option<Nanos>, paid: Option<Nanos>, reason: &str) -> Result<Event, NotSaid> {
    if !job.status.is_terminal() {
        return Err(NotSaid::NotOver(job.status));
    }
    let note = read_reason(reason)?;
    let so_far = job.cost.unwrap_or_default();
    let provided = provided.or_else(|| so_far.plus(job.absorbed)).ok_or(NotSaid::Amount)?;
    let cost = match paid {
        // Their own account at the provider pays all of it; the studio bears nothing.
        _ if !job.key_source.is_studio() => provided,
        Some(paid) => paid,
        None if job.absorbed != Nanos::ZERO && so_far != Nanos::ZERO => return Err(NotSaid::WhoPays(job.absorbed)),
        None if so_far == Nanos::ZERO && job.status != Status::Succeeded => Nanos::ZERO,
        None => provided,
    };
    let allowed = Nanos::ZERO..=MOST_ADJUSTED;
    if !allowed.contains(&cost) || !allowed.contains(&provided) {
        return Err(NotSaid::Amount);
    }
    Ok(Event::Adjusted { cost, absorbed: provided.minus(cost).ok_or(NotSaid::Amount)?, note })
}

/// What is told in the audit log of what a person says of a job; the reason stands in the ledger. Nothing of what no person says.
pub fn told(desk: Desk<'_>, doer: &Doer, job: &Job, event: &Event) -> Option<AuditEntry> {
    let (action, details) = match event {
        Event::Resolved { charge, .. } => (Action::JobResolved, json!({ "charged": charge.to_string() })),
        Event::Adjusted { cost, absorbed, .. } => {
            (Action::JobAdjusted, json!({ "cost": cost.to_string(), "writtenOff": absorbed.to_string() }))
        }
        _ => return None,
    };
    Some(desk.entry(doer, action).of("job", job.id).with(details))
}

fn read_reason(reason: &str) -> Result<String, NotSaid> {
    let reason = reason.trim();
    let plain = !reason.is_empty()
        && reason.chars().count() <= MAX_REASON_CHARS
        && !reason.chars().any(|c| c.is_control() && !"\r\n\t".contains(c));
    if plain { Ok(reason.to_owned()) } else { Err(NotSaid::Reason) }
}
