//! The door. [`table`] declares every route; [`door`] enforces what its row says, in one visible order; handlers answer.
//! Whatever goes wrong becomes the one error body in [`refusal`].

mod address;
mod api;
mod auth;
mod body;
mod call;
mod codes;
mod cross_origin;
mod csv;
mod door;
mod flights;
mod headers;
mod network;
mod openapi;
mod places;
mod present;
mod refusal;
mod row;
mod serve;
mod stream;
mod table;
mod words;

pub use auth::KeyMemory;
pub use codes::{CODES, ErrorCode};
pub use cross_origin::is_origin;
pub use door::router;
pub use flights::Flights;
pub use openapi::document as api_document;
pub use places::Places;
pub use serve::serve;
pub use table::{Audience, BodyRule, Cost, Query, QueryKind, ROUTES, Route, Shape, Verb, Who};
