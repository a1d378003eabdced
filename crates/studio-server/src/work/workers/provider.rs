//! A worker of ours as a provider: the plain adapter for its wire, and around it what only its supervisor knows. That the
//! process died is proof that its work ended, so what would be "the answer was lost" for a stranger is "the worker died" here.

use super::{InUse, Supervisor};
use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use std::{sync::Arc, time::Duration};
use studio_core::{
    job::Job,
    ports::{Canceled, Capabilities, Lookup, Polled, Provider, Saying, Started, Submission},
    retry::{Failure, FailureKind},
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// A broken connection is often noticed before the death that broke it: wait so long for the news.
const NEWS_OF_DEATH: Duration = Duration::from_millis(500);

/// A supervised worker.
pub struct SupervisedProvider {
    supervisor: Arc<Supervisor>,
    wire: Arc<dyn Provider>,
}

impl SupervisedProvider {
    /// The worker of `supervisor`, spoken to by `wire`.
    pub fn new(supervisor: Arc<Supervisor>, wire: Arc<dyn Provider>) -> Self {
        Self { supervisor, wire }
    }

    fn died(&self) -> Failure {
        died(self.supervisor.name())
    }

    /// An answer of the wire, or the news that the worker died.
    async fn or_death<T>(
        &self,
        dead: &CancellationToken,
        answer: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let answer = tokio::select! {
            biased;
            answer = answer => answer,
            () = dead.cancelled() => return Err(self.died()),
        };
        match answer {
            Err(failure) if matches!(failure.kind, FailureKind::Lost | FailureKind::Unavailable) => {
                match timeout(NEWS_OF_DEATH, dead.cancelled()).await {
                    Ok(()) => Err(self.died()),
                    Err(_) => Err(failure),
                }
            }
            answer => answer,
        }
    }
}

impl SupervisedProvider {
    /// What a life of the worker says. It is in use until that ends; that it died, or hangs, is told as such.
    fn said_while_it_lives(&self, saying: Saying, life: InUse) -> Saying {
        let name = self.supervisor.name().to_owned();
        let supervisor = self.supervisor.clone();
        let state = (saying, life, supervisor);
        stream::unfold(Some(state), move |state| {
            let name = name.clone();
            async move {
                let (mut saying, life, supervisor) = state?;
                match saying.next().await {
                    Some(Ok(pieces)) => Some((Ok(pieces), Some((saying, life, supervisor)))),
                    Some(Err(failure)) => {
                        let failure = match failure.kind {
                            FailureKind::CutOff if timeout(NEWS_OF_DEATH, life.dead.cancelled()).await.is_ok() => {
                                died(&name)
                            }
                            FailureKind::Timeout => {
                                supervisor.kill(life.generation).await;
                                failure
                            }
                            _ => failure,
                        };
                        Some((Err(failure), None))
                    }
                    None => {
                        supervisor.praise().await;
                        None
                    }
                }
            }
        })
        .boxed()
    }
}

fn died(name: &str) -> Failure {
    Failure::new(FailureKind::WorkerDied, format!("the {name} worker died"))
}

/// Handles carry the life of the worker that they belong to: `3/<name>`.
fn read_handle(handle: &str) -> Option<(u64, &str)> {
    let (generation, name) = handle.split_once('/')?;
    Some((generation.parse().ok()?, name))
}

#[async_trait]
impl Provider for SupervisedProvider {
    fn capabilities(&self) -> Capabilities {
        Capabilities { supervised: true, ..self.wire.capabilities() }
    }

    async fn start(&self, submission: &Submission<'_>) -> Result<Started, Failure> {
        let life = self.supervisor.ready().await?;
        let started = self.or_death(&life.dead, self.wire.start(submission)).await;
        match started {
            Ok(Started::Pending(name)) => Ok(Started::Pending(format!("{}/{name}", life.generation))),
            Ok(Started::Saying(saying)) => Ok(Started::Saying(self.said_while_it_lives(saying, life))),
            Ok(done) => {
                self.supervisor.praise().await;
                Ok(done)
            }
            Err(failure) => {
                if failure.kind == FailureKind::Lost {
                    // It lives, was given work, and does not answer.
                    self.supervisor.kill(life.generation).await;
                }
                Err(failure)
            }
        }
    }

    async fn poll(&self, job: &Job, handle: &str, wait: Duration) -> Result<Polled, Failure> {
        let (generation, name) = read_handle(handle).ok_or_else(|| self.died())?;
        let life = self.supervisor.life(generation).await.ok_or_else(|| self.died())?;
        let polled = self.or_death(&life.dead, self.wire.poll(job, name, wait)).await;
        if matches!(polled, Ok(Polled::Done(_))) {
            self.supervisor.praise().await;
        }
        polled
    }

    async fn cancel(&self, handle: &str) -> Result<Canceled, Failure> {
        let (generation, name) = read_handle(handle).ok_or_else(|| self.died())?;
        let life = self.supervisor.life(generation).await.ok_or_else(|| self.died())?;
        let canceled = self.or_death(&life.dead, self.wire.cancel(name)).await;
        if let Err(failure) = &canceled
            && failure.kind != FailureKind::WorkerDied
        {
            self.supervisor.kill(generation).await;
        }
        canceled
    }

    async fn abandon(&self, handle: &str) {
        if let Some((generation, _)) = read_handle(handle) {
            self.supervisor.kill(generation).await;
        }
    }

    async fn lookup(&self, attempt_name: &str) -> Result<Lookup, Failure> {
        self.wire.lookup(attempt_name).await
    }
}
