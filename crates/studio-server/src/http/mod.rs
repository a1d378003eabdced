//! The door. [`table`] declares every route; [`door`] enforces what its row says, in one visible order; handlers answer.
//! Whatever goes wrong becomes the one error body in [`refusal`].

mod api;
mod auth;
mod body;
mod call;
mod csv;
mod door;
mod flights;
mod headers;
mod openapi;
mod present;
mod refusal;
mod row;
mod serve;
mod stream;
mod table;
mod words;

pub use auth::KeyMemory;
pub use door::router;
pub use flights::Flights;
pub use openapi::document as api_document;
pub use serve::serve;
pub use table::{BodyRule, Query, QueryKind, ROUTES, Route, Shape, Verb, Who};
