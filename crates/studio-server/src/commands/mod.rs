//! The verbs: gather, decide in the core, one store method, tell. Called by HTTP, by the clockwork and by the command line.

mod bookkeeping;
mod budgets;
mod cancel;
mod fetches;
mod library;
mod moves;
mod own_keys;
pub mod people;
mod pictures;
mod provider_keys;
mod retry;
mod submit;
mod upload;
mod wait;

pub use bookkeeping::{MAX_REASON_CHARS, NotSaid, adjustment, resolution, told};
pub use budgets::set_budgets;
pub use cancel::{CancelOutcome, cancel};
pub use fetches::Fetches;
pub use library::{NoThumbnail, remove_asset, share, thumbnail, unshare};
pub use moves::{Move, move_job, move_surely};
pub use own_keys::{Allowed, GivenKeys, Keys};
pub use pictures::{Brought, NotLooked, Shown, Wanted, find_pictures};
pub use provider_keys::{
    MAX_PROVIDER_KEY_CHARS, NotKept, is_provider_key, own_key_providers, remove_provider_key, set_provider_key,
};
pub use retry::{NotRetried, replay, retry};
pub use submit::{Asked, Estimate, NotSubmitted, Submitted, estimate, submit};
pub use upload::{Claims, NotUploaded, OnTheirWay, Upload, Uploaded, Wishes};
pub use wait::wait;
