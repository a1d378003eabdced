//! The verbs: gather, decide in the core, one store method, tell. Called by HTTP, by the clockwork and by the command line.

mod bookkeeping;
mod budgets;
mod cancel;
mod fetches;
mod keys;
mod moves;
mod pictures;
mod retry;
mod submit;
mod wait;

pub use bookkeeping::{MAX_REASON_CHARS, NotSaid, adjustment, resolution};
pub use budgets::set_budgets;
pub use cancel::{CancelOutcome, cancel};
pub use fetches::Fetches;
pub use keys::{NewKey, create_key, ensure_owner};
pub use moves::{Move, move_job, move_surely};
pub use pictures::{NotLooked, Shown, find_pictures};
pub use retry::{NotRetried, replay, retry};
pub use submit::{Asked, Estimate, NotSubmitted, Submitted, estimate, submit};
pub use wait::wait;
