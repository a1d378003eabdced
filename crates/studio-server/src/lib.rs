//! WHO ASKS, AND WHAT HAPPENS NEXT.
//!
//! [`http`] is the door: one table of routes, and the enforcement that comes from it. [`commands`] are the verbs: gather,
//! decide in the core, one store method, tell. [`work`] is the clockwork that runs accepted jobs to their end. `http` and
//! `work` call `commands`; neither `commands` nor `work` knows HTTP, and `http` never writes to the store.
#![forbid(unsafe_code)]

pub mod secrets;
pub mod settings;

mod alarm;
pub mod app;
pub mod backlog;
pub mod metrics;
pub mod news;

pub mod http;

pub mod commands;

pub mod work;

pub mod lifecycle;
