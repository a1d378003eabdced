//! For tests only: a started studio, and others on the wire who misbehave on demand.
#![forbid(unsafe_code)]

pub mod browser;
pub mod canaries;
pub mod canary;
pub mod clock;
pub mod cog_worker;
pub mod cuts;
pub mod events;
pub mod fairness;
pub mod good_files;
pub mod hostile_files;
pub mod hostile_replies;
pub mod hostile_targets;
pub mod openai;
pub mod people;
pub mod png;
pub mod polling;
pub mod polyglots;
pub mod raw_client;
pub mod scripted;
pub mod studio;
pub mod system;
pub mod text_attacks;
pub mod torture;
pub mod website;

mod bits;
mod described;
mod raw_http;
