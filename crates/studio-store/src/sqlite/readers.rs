//! Reads beside the writer: a few connections, each on a thread of its own, that see the last commit and can't write.
//!
//! A question waits in front of them for at most two seconds (finding 19); then the answer is that the store is busy, which
//! is a better answer than a late one. Each is asked within one snapshot.

use super::{connection::Database, damage::Damage};
use rusqlite::Connection;
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};
use studio_core::ports::StoreError;
use tokio::{
    sync::{Semaphore, oneshot},
    time::timeout,
};

/// Longest wait for a connection.
const WAIT_LIMIT: Duration = Duration::from_secs(2);

type Question = Box<dyn FnOnce(&mut Reader) + Send>;

/// Hands questions to the readers.
#[derive(Debug)]
pub(super) struct Readers {
    /// One permit for each thread, held until its question is answered: so the queue between never grows.
    idle: Arc<Semaphore>,
    /// How many of these may be busy with questions that take long: one fewer, so that who asks for a key or a job is answered.
    patient: Semaphore,
    queue: Option<Sender<Question>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// Starts `count` threads. Each opens its connection when it is first asked.
    pub(super) fn start(database: &Database, count: usize, damage: Arc<Damage>) -> Result<Self, StoreError> {
        let count = count.max(1);
        let (queue, questions) = channel::<Question>();
        let questions = Arc::new(Mutex::new(questions));
        let mut readers = Self {
            idle: Arc::new(Semaphore::new(count)),
            patient: Semaphore::new((count - 1).max(1)),
            queue: Some(queue),
            threads: Vec::new(),
        };
        for number in 0..count {
            let reader = Reader { database: database.clone(), connection: None, damage: damage.clone() };
            let questions = questions.clone();
            let thread = std::thread::Builder::new()
                .name(format!("studio-store-reader-{number}"))
                .spawn(move || reader.run(&questions))
                .map_err(|error| StoreError::Unavailable(error.to_string()))?;
            readers.threads.push(thread);
        }
        Ok(readers)
    }

    /// Asks what may take long.
    pub(super) async fn ask_at_length<T, Q>(&self, question: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    {
        let patient = timeout(WAIT_LIMIT, self.patient.acquire()).await.map_err(|_| StoreError::Busy)?;
        let answer = self.ask(question).await;
        drop(patient);
        answer
    }

    /// Asks, within one snapshot of what is committed.
    pub(super) async fn ask<T, Q>(&self, question: Q) -> Result<T, StoreError>
    where
        T: Send + 'static,
        Q: FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    {
        let gone = || StoreError::Unavailable("the store's readers are gone".into());
        let permit = timeout(WAIT_LIMIT, self.idle.clone().acquire_owned())
            .await
            .map_err(|_| StoreError::Busy)?
            .map_err(|_| gone())?;
        let (answer, waiting) = oneshot::channel();
        let question: Question = Box::new(move |reader| {
            let result = reader.ask(question);
            drop(permit);
            drop(answer.send(result));
        });
        self.queue.as_ref().ok_or_else(gone)?.send(question).map_err(|_| gone())?;
        waiting.await.unwrap_or_else(|_| Err(gone()))
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        drop(self.queue.take());
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a reader of the store had panicked");
            }
        }
    }
}

/// One thread's connection.
struct Reader {
    database: Database,
    /// None: not opened yet, or the last one failed in a way that a fresh one may not.
    connection: Option<Connection>,
    damage: Arc<Damage>,
}

impl Reader {
    fn run(mut self, questions: &Mutex<Receiver<Question>>) {
        loop {
            // Whoever is idle stands at the lock; one of them waits inside.
            let question = questions.lock().unwrap_or_else(PoisonError::into_inner).recv();
            match question {
                Ok(question) => question(&mut self),
                Err(_) => return,
            }
        }
    }

    fn ask<T>(&mut self, question: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>) -> Result<T, StoreError> {
        let result = self.try_ask(question).map_err(|error| self.damage.note(error));
        if matches!(result, Err(StoreError::Unavailable(_) | StoreError::Damaged(_))) {
            self.connection = None;
        }
        result
    }

    fn try_ask<T>(
        &mut self,
        question: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, rusqlite::Error> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.database.open_reader()?),
        };
        let snapshot = connection.transaction()?;
        let answer = question(&snapshot)?;
        snapshot.commit()?;
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Error;
    use std::{sync::mpsc::sync_channel, time::Instant};

    fn one_reader(folder: &tempfile::TempDir) -> Arc<Readers> {
        let database = Database { file: folder.path().join("db") };
        database.create().unwrap();
        let damage = Arc::new(Damage::of(&database.file));
        Arc::new(Readers::start(&database, 1, damage).unwrap())
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn f19_a_question_waits_two_seconds_and_no_longer() {
        let folder = tempfile::tempdir().unwrap();
        let readers = one_reader(&folder);
        let (go_on, held) = sync_channel::<()>(0);
        let long = {
            let readers = readers.clone();
            let mut tasks = tokio::task::JoinSet::new();
            tasks.spawn(async move { readers.ask(move |_| held.recv().map_err(|_| Error::InvalidQuery)).await });
            tasks
        };
        while readers.idle.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let asked = Instant::now();
        assert_eq!(readers.ask(|_| Ok(())).await, Err(StoreError::Busy));
        assert!((1_900..3_000).contains(&asked.elapsed().as_millis()));
        go_on.send(()).unwrap();
        assert_eq!(long.join_all().await, [Ok(())]);
        assert_eq!(readers.ask(|_| Ok(7)).await, Ok(7), "free again");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn questions_that_take_long_leave_somebody_for_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database { file: folder.path().join("db") };
        database.create().unwrap();
        let readers = Arc::new(Readers::start(&database, 2, Arc::new(Damage::of(&database.file))).unwrap());
        let mut tasks = tokio::task::JoinSet::new();
        let mut holds = Vec::new();
        for _ in 0..2 {
            let (go_on, held) = sync_channel::<()>(0);
            holds.push(go_on);
            let readers = readers.clone();
            tasks.spawn(
                async move { readers.ask_at_length(move |_| held.recv().map_err(|_| Error::InvalidQuery)).await },
            );
        }
        while readers.patient.available_permits() > 0 || readers.idle.available_permits() > 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(readers.ask(|_| Ok(7)).await, Ok(7), "one is left for what is quick");
        for hold in holds {
            // The second is asked once the first has its answer, or has given up waiting.
            drop(hold);
        }
        tasks.join_all().await;
    }

    #[tokio::test]
    async fn a_reader_can_not_write() {
        let folder = tempfile::tempdir().unwrap();
        let readers = one_reader(&folder);
        let write = readers.ask(|connection| connection.execute("INSERT INTO probe VALUES (1, 1)", [])).await;
        assert!(matches!(&write, Err(StoreError::Unavailable(text)) if text.contains("readonly")), "{write:?}");
        assert_eq!(readers.ask(|_| Ok(7)).await, Ok(7), "a failure does not stay");
    }
}
