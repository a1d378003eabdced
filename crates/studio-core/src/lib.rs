//! WHAT IS TRUE: the types, rules and decisions of the studio, and the promises the outside makes to it.
//!
//! Everything here is pure. The core owns no clock, no chance, no environment and no I/O: they are handed in, so that a
//! seeded simulator can live through the whole life of jobs and money and replay it bit for bit.
//!
//! In reading order: the small values, what can be asked for, who asks, what a job may do, what it costs, and last the
//! [`ports`] that the other crates implement.
#![forbid(unsafe_code)]

pub mod id;
pub mod time;

pub mod money;
pub mod price;

pub mod inspection;
pub mod library;
pub mod media;
pub mod seal;
pub mod secret;
pub mod words;

pub mod parameter;

pub mod catalog;
pub mod request;

pub mod caller;
pub mod idempotency;
pub mod limits;
pub mod people;

pub mod bill;
pub mod job;
pub mod retry;

pub mod ledger;

pub mod ports;
