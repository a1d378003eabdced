//! The built-in engines, and the worker that runs one of them as a child process behind Cog's HTTP prediction API.
//!
//! An [`engine::Engine`] turns checked input into files or text and knows nothing of HTTP; [`cog`] is the server around any
//! engine; [`worker`] is the process: its limits, its socket, its end. All heavy media crates live here, away from the
//! server: a crash or a bomb in an engine ends a child and nothing else.
#![forbid(unsafe_code)]

pub mod engine;
pub mod inspect;
pub mod worker;

mod cog;
mod conversation;
mod given;
mod guide;
mod guide_engine;
mod inputs;
pub mod sketch;
mod sketch_engine;
mod title;
mod title_engine;
