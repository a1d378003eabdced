//! The door. [`table`] declares every route; [`door`] enforces what its row says, in one visible order; handlers answer.
//! Whatever goes wrong becomes the one error body in [`refusal`].

mod address;
mod api;
mod auth;
mod body;
mod call;
mod caller;
mod codes;
mod cookie;
mod counting;
mod cross_origin;
mod csrf;
mod csv;
mod disposition;
mod door;
mod flights;
mod form;
mod headers;
mod leave;
mod multipart;
mod network;
mod openapi;
mod pages;
mod places;
mod present;
mod reference;
mod refusal;
mod row;
mod serve;
mod stream;
mod table;
mod words;

pub use auth::CallerMemory;
pub use codes::{CODES, ErrorCode};
pub use cross_origin::is_origin;
pub use door::router;
pub use flights::Flights;
pub use openapi::document as api_document;
pub use places::Places;
pub use reference::{errors_page, limits_page};
pub use serve::serve;
pub use table::{Audience, BodyRule, Cost, PAGES, Query, QueryKind, ROUTES, Route, Shape, Verb, Who};
