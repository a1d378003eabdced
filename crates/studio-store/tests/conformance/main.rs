//! What every store promises, as stories that are run on each of them: same story, SQLite and memory, every run.
//!
//! After each story the ledger is audited, whatever the story was about. Beside the stories: what only SQLite promises
//! (restart, damage, other processes), random lives compared on both, and blobs.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "stories are test code, though most of them are plain functions"
)]

/// Makes a test of each story for each store.
macro_rules! stories {
    ($($story:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                crate::rig::on_sqlite(super::$story).await;
            })+
        }
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $story() {
                crate::rig::on_memory(super::$story).await;
            })+
        }
    };
}

mod rig;

mod admission;
mod keys;
mod ledger;
mod library;
mod life;
mod people;
mod queries;
mod retention;
mod turns;
mod vault;
mod words;

mod durable;
mod twins;
mod whole;

mod blobs;
mod budgets;
