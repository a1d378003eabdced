//! The one writer, and why durability is cheap.
//!
//! A sync of the disk costs milliseconds whether one command waits for it or hundreds. So callers hand their commands to one
//! thread with a connection of its own; it takes what waits, runs all of it in one transaction, commits once, and only then
//! answers everyone. While it commits, the next group gathers: nobody ever waits for company, and the busier it is the more
//! share a sync.
//!
//! A refusal is an answer, so it disturbs nobody. An error rolls the whole group back; then each command runs in a
//! transaction of its own, so that the one at fault is the only one to fail. When not a command but the disk is at fault
//! (begin or commit fail), the rest is told at once instead of being led against the same wall one by one.
//!
//! A group is as durable as the most demanding of its commands: it syncs when anyone was promised to survive a power cut.
//! SQLite reports a failed commit only when nothing of it can be seen, so running again is safe; `apply` says why it would
//! be even if that were not known.

use super::{
    apply::{Answer, Command, apply},
    connection::Database,
    damage::Damage,
    error::store_error,
    mover::Mover,
};
use rusqlite::{Connection, TransactionBehavior};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
};
use studio_core::{job::Durability, ports::StoreError};
use tokio::sync::oneshot;

/// Hands commands to the writer's thread.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<SyncSender<Request>>,
    /// How many commands wait or are being done.
    waiting: Arc<AtomicUsize>,
    /// Beyond so many no job is accepted any more: what ends jobs, cancels them and keeps the books must still find room.
    most_admissions: usize,
    thread: Option<JoinHandle<()>>,
}

/// A command and who waits for its answer.
#[derive(Debug)]
struct Request {
    command: Command,
    answer: oneshot::Sender<Result<Answer, StoreError>>,
}

impl Writer {
    /// Starts the thread. `max_group`: most commands in one commit; `queue`: most that may wait.
    pub(super) fn start(
        database: Database,
        mut connection: Connection,
        max_group: usize,
        queue: usize,
        damage: Arc<Damage>,
    ) -> Result<Self, StoreError> {
        let (sender, receiver) = sync_channel(queue.max(1));
        let waiting = Arc::new(AtomicUsize::new(0));
        let mover = Mover::start(database.clone())?;
        mover.watch(&mut connection).map_err(store_error)?;
        let counter = waiting.clone();
        let connection = Some(connection);
        let work = Work { database, connection, mover, synced: None, max_group: max_group.max(1), damage };
        let thread = std::thread::Builder::new()
            .name("studio-store-writer".into())
            .spawn(move || work.run(&receiver, &counter))
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self { queue: Some(sender), waiting, most_admissions: (queue / 4 * 3).max(1), thread: Some(thread) })
    }

    /// Has a command done. Who stops waiting does not stop it.
    pub(super) async fn run(&self, command: Command) -> Result<Answer, StoreError> {
        let (answer, waiting) = oneshot::channel();
        let ahead = self.waiting.fetch_add(1, Ordering::Relaxed);
        if matches!(command, Command::Admit(_)) && ahead >= self.most_admissions {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(StoreError::Busy);
        }
        let sent = self.queue.as_ref().map(|queue| queue.try_send(Request { command, answer }));
        match sent {
            Some(Ok(())) => waiting.await.unwrap_or_else(|_| Err(gone())),
            Some(Err(TrySendError::Full(_))) => {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                Err(StoreError::Busy)
            }
            Some(Err(TrySendError::Disconnected(_))) | None => Err(gone()),
        }
    }
}

impl Drop for Writer {
    /// Lets the thread do what waits and end, so that the file is whole and closed when its store is gone.
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer had panicked");
        }
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("the store's writer is gone".into())
}

/// Why a group was not committed.
struct Failure {
    error: StoreError,
    fault: Fault,
}

/// Whose fault it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Nothing could be begun.
    Begin,
    /// One of the commands.
    Command,
    /// All were done, and could not be committed.
    Commit,
}

/// What the thread works with.
struct Work {
    database: Database,
    /// None: the last one failed in a way that a fresh one may not.
    connection: Option<Connection>,
    /// After the connection: it ends when nobody can ring it any more.
    mover: Mover,
    /// What the connection is set to do at a commit. None: not set yet.
    synced: Option<Durability>,
    max_group: usize,
    damage: Arc<Damage>,
}

impl Work {
    fn run(mut self, queue: &Receiver<Request>, waiting: &AtomicUsize) {
        while let Ok(first) = queue.recv() {
            let mut group = vec![first];
            group.extend(queue.try_iter().take(self.max_group - 1));
            let size = group.len();
            self.serve(group);
            waiting.fetch_sub(size, Ordering::Relaxed);
        }
    }

    /// Does a group of commands and answers each.
    fn serve(&mut self, group: Vec<Request>) {
        let commands: Vec<&Command> = group.iter().map(|request| &request.command).collect();
        match self.commit(&commands) {
            Ok(answers) => {
                for (request, answer) in group.into_iter().zip(answers) {
                    reply(request, Ok(answer));
                }
            }
            Err(failure) if group.len() == 1 || failure.fault == Fault::Begin => {
                tracing::warn!(commands = group.len(), fault = ?failure.fault, error = %failure.error, "writes failed");
                for request in group {
                    reply(request, Err(failure.error.clone()));
                }
            }
            Err(failure) => {
                tracing::warn!(
                    commands = group.len(), fault = ?failure.fault, error = %failure.error,
                    "a group of writes failed; each will run alone"
                );
                self.serve_one_by_one(group);
            }
        }
    }

    /// Does each command in a transaction of its own, until one shows that none can be done.
    fn serve_one_by_one(&mut self, group: Vec<Request>) {
        let mut hopeless: Option<StoreError> = None;
        for request in group {
            let result = match &hopeless {
                Some(error) => Err(error.clone()),
                None => self.commit(&[&request.command]).map_err(|failure| {
                    if failure.fault != Fault::Command {
                        hopeless = Some(failure.error.clone());
                    }
                    failure.error
                }),
            };
            reply(request, result.and_then(|mut answers| answers.pop().ok_or_else(gone)));
        }
    }

    /// Runs commands in one transaction: all of them or none.
    fn commit(&mut self, commands: &[&Command]) -> Result<Vec<Answer>, Failure> {
        let result = self.try_commit(commands);
        if let Err(failure) = &result {
            // A full disk or another writer passes by itself; a file that can't be read or written may need to be opened
            // again, and so does a connection that could not even roll back.
            let passes = matches!(failure.error, StoreError::NoSpace | StoreError::Busy);
            let rolled_back = self.connection.as_ref().is_some_and(Connection::is_autocommit);
            if !passes || !rolled_back {
                self.connection = None;
                self.synced = None;
            }
        }
        result
    }

    fn try_commit(&mut self, commands: &[&Command]) -> Result<Vec<Answer>, Failure> {
        let damage = self.damage.clone();
        let at = |fault| {
            let damage = damage.clone();
            move |error| Failure { error: damage.note(error), fault }
        };
        let wanted = commands.iter().map(|command| command.durability()).max().unwrap_or(Durability::Power);
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => {
                let fresh = self.database.open_writer();
                let mut fresh = fresh.map_err(|error| Failure { error: error.into(), fault: Fault::Begin })?;
                self.mover.watch(&mut fresh).map_err(at(Fault::Begin))?;
                none.insert(fresh)
            }
        };
        // Only outside of a transaction can this be set.
        if self.synced != Some(wanted) {
            let level = match wanted {
                Durability::Power => "FULL",
                Durability::Process => "NORMAL",
            };
            connection.pragma_update(None, "synchronous", level).map_err(at(Fault::Begin))?;
            self.synced = Some(wanted);
        }
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(at(Fault::Begin))?;
        let answers = commands
            .iter()
            .map(|command| apply(&transaction, command))
            .collect::<Result<Vec<_>, _>>()
            .map_err(at(Fault::Command))?;
        transaction.commit().map_err(at(Fault::Commit))?;
        Ok(answers)
    }
}

/// Answers, if someone still waits.
fn reply(request: Request, result: Result<Answer, StoreError>) {
    drop(request.answer.send(result));
}

#[cfg(test)]
mod tests;
