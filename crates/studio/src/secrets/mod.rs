//! The master key: where it lies, and the commands that look after it.

mod command;
mod file;

pub(crate) use command::{rotate, status};
pub(crate) use file::{KEY_FILE, Masters, Source};
