//! LEAVES THE BUILDING: every request that the studio makes to others, through one door.
//!
//! [`client`] is the door: it decides where a request may go, how long it may take and how much may come back.
//! [`address_policy`] knows which addresses are public, `event_stream` reads answers that come piece by piece. [`fetch`] gets what lies at a URL; [`providers`] speak the wire
//! formats of those who run models. Nothing here retries, stores or charges: that is done once, for all, around it.
#![forbid(unsafe_code)]

pub mod address_policy;
pub mod client;

mod body;
mod destination;
mod event_stream;
mod names;
mod own_addresses;
mod ports;

pub mod fetch;
pub mod providers;

#[cfg(test)]
mod canaries;
#[cfg(test)]
mod hostile;
