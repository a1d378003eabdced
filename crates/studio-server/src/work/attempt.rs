//! One attempt: from its durable intent to its end. Submit, follow, collect, settle; what goes wrong is told to the machine,
//! which decides what comes next. Every step is recorded before the next one is taken, so a crash anywhere leaves a job that
//! the next start understands.

use super::{
    collect::{self, NotCollected},
    live::Speaker,
    own_key, recover, shown,
};
use crate::{
    app::{App, Lane},
    commands::{Move, move_surely},
    news::Listener,
    settings::LOOK_ANYWAY,
};
use futures_util::FutureExt;
use std::{panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};
use studio_core::{
    bill::Bill,
    catalog::{DEFAULT_FIRST_BYTE_LIMIT, DEFAULT_IDLE_LIMIT, DEFAULT_TOTAL_LIMIT},
    id::LeaseToken,
    job::{Actor, Event, Job, Refused, Status, StopAnswer},
    ports::{Advanced, Canceled, Polled, Produced, Provider, Said, Saying, Started, Submission},
    request::Input,
    retry::{Failure, FailureKind, repeat_is_harmless},
};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep_until, timeout_at},
};

/// How long a provider may wait for news before it answers a poll.
const POLL_WAIT: Duration = Duration::from_secs(20);
/// Least time between two polls that brought nothing new.
const POLL_PAUSE: Duration = Duration::from_millis(500);
/// Least time between two polls that brought news: a provider that always has some must not keep the store busy.
const NEWS_PAUSE: Duration = Duration::from_millis(20);
/// How long work that was asked to stop may take to do so before we stop waiting for it.
const STOP_GRACE: Duration = Duration::from_secs(30);

/// How long an answer that is being said may take to end and settle once the server gives up.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Runs a claimed job in a task of its own; `permit` is its place at the provider, where it needs one.
pub fn begin(app: &Arc<App>, job: Job, permit: Option<OwnedSemaphorePermit>) {
    let app = app.clone();
    // At once, so that whoever follows the job finds what it says.
    let speaker = matches!(job.input, Input::Chat(_)).then(|| app.lives.begin(&job));
    let living = app.attempts.begin(job.id);
    app.work.clone().spawn(async move {
        let _living = living;
        let (id, provider) = (job.id, job.provider.clone());
        let last_words = if speaker.is_some() { LAST_WORDS } else { Duration::ZERO };
        let leave = async {
            app.giving_up.cancelled().await;
            tokio::time::sleep(last_words).await;
        };
        let run = AssertUnwindSafe(run(&app, job, speaker)).catch_unwind();
        tokio::select! {
            biased;
            ended = run => {
                if ended.is_err() {
                    app.metrics.attempt_over(&provider, None);
                    tracing::error!(job.id = %id, "an attempt broke");
                    if let Err(error) = recover::broken(&app, id).await {
                        tracing::error!(job.id = %id, %error, "and could not be ended; the next start will");
                    }
                }
            }
            // The next start finds the job where it stands.
            () = leave => {}
        }
        drop(permit);
        if let Some(lane) = app.lanes.get(&provider) {
            lane.freed();
        }
    });
}

/// Goes on with a job that its provider has already. It has its place there, whether or not one is free in our own count.
pub fn resume(app: &Arc<App>, job: Job) {
    let permit = app.lanes.get(&job.provider).and_then(|lane| lane.permits.clone().try_acquire_owned().ok());
    begin(app, job, permit);
}

/// What a provider gave.
enum Given {
    /// Files.
    Files(Vec<Produced>),
    /// Words, as they come.
    Words(Saying),
}

/// Why an attempt ends without outputs.
pub(super) enum Over {
    /// Its job moved on without us, or the server gives up: nothing is left to say.
    Left,
    /// The provider stopped it as we asked.
    Stopped,
    /// We hung up before it had said a word.
    HungUp,
    /// The provider stopped it because it took longer than the model may.
    OutOfTime,
    /// It went wrong.
    Failed(Failure),
}

impl From<Failure> for Over {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

pub(super) struct Attempt<'a> {
    pub(super) app: &'a App,
    pub(super) lane: &'a Lane,
    /// Its provider, by the key that is meant for this job.
    provider: Arc<dyn Provider>,
    pub(super) lease: LeaseToken,
    pub(super) job: Job,
    pub(super) news: Listener,
    pub(super) deadline: Instant,
    begun: Instant,
    /// It was begun by a server before this one.
    resumed: bool,
    limits: Limits,
}

/// How long a model may take.
struct Limits {
    first_byte: Duration,
    idle: Duration,
    total: Duration,
}

async fn run(app: &App, job: Job, speaker: Option<Speaker>) {
    let (Some(lane), Some(lease)) = (app.lanes.get(&job.provider), job.lease) else {
        // Jobs are claimed by lane and with a lease; recovery sorts out those whose lane is gone.
        return tracing::error!(job.id = %job.id, provider = %job.provider, "a job without a lane or a lease");
    };
    let started = Instant::now();
    let number = job.attempt;
    let model = app.catalog.find(&job.model);
    let limits = Limits {
        first_byte: model.map_or(DEFAULT_FIRST_BYTE_LIMIT, |model| model.first_byte_limit),
        idle: model.map_or(DEFAULT_IDLE_LIMIT, |model| model.idle_limit),
        total: model.map_or(DEFAULT_TOTAL_LIMIT, |model| model.total_limit),
    };
    let news = app.news.listen(job.id);
    let deadline = started + limits.total;
    let resumed = job.status != Status::Submitting;
    let provider = lane.provider.clone();
    let mut attempt = Attempt { app, lane, provider, lease, job, news, deadline, begun: started, resumed, limits };
    // Held until the outputs are ours: what a worker of ours uploads is found by it.
    let makes_files = lane.provider.capabilities().supervised && speaker.is_none();
    let ticket = makes_files.then(|| app.uploads.open(app.chance.as_ref()));
    let given = match attempt.take_key().await {
        Ok(()) => attempt.produce(ticket.as_ref().map(|ticket| ticket.url.as_str())).await,
        Err(over) => Err(over),
    };
    let ended = match (given, &speaker) {
        (Ok(Given::Files(produced)), _) => attempt.keep(produced).await,
        (Ok(Given::Words(saying)), Some(speaker)) => attempt.relay(saying, speaker).await,
        (Ok(Given::Words(_)), None) => Err(bad_words().into()),
        (Err(Over::Stopped), _) => {
            let bill = Bill::for_time(&attempt.job, attempt.seconds());
            attempt.say(Event::CanceledAtProvider { bill }).await
        }
        // It had the question, and may have begun to think; nobody will tell what that costs.
        (Err(Over::HungUp), _) => {
            let ours = lane.provider.capabilities().supervised;
            let bill = if ours { Bill::nothing() } else { Bill::estimate(&attempt.job, 0, 0) };
            attempt.say(Event::CanceledAtProvider { bill }).await
        }
        (Err(over), _) => Err(over),
    };
    match ended {
        Err(Over::Failed(failure)) => {
            let harmless = repeat_is_harmless(lane.provider.capabilities(), attempt.job.is_free());
            attempt.fail(failure, harmless, None).await;
        }
        // It is known to have stopped, so nothing is left to find out.
        Err(Over::OutOfTime) => {
            let failure = Failure::new(FailureKind::Timeout, "it took longer than the model may take");
            // Whoever bills by time bills for this, too; nobody here got anything.
            let ours = lane.provider.capabilities().supervised;
            let Bill { amount: absorbed, .. } = Bill::for_time(&attempt.job, attempt.seconds());
            let bill = if ours { Bill::nothing() } else { Bill { absorbed, ..Bill::nothing() } };
            let retry_at = app.retry_at(attempt.job.attempt + 1, None);
            let event = Event::AttemptFailed { failure, harmless: true, bill, retry_at };
            drop(attempt.say(event).await);
        }
        Ok(()) | Err(Over::Left | Over::Stopped | Over::HungUp) => {}
    }
    let job = &attempt.job;
    if let Some(speaker) = speaker.filter(|_| job.status.is_terminal()) {
        speaker.settled(job);
    }
    app.metrics.attempt_over(&job.provider, Some(job.status));
    tracing::info!(
        job.id = %job.id, request.id = job.request_text(), attempt = number, provider = %job.provider, model = %job.model,
        status = job.status.as_str(), error = job.error.as_ref().map(|e| e.kind.code()),
        ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX), "attempt ended"
    );
}

fn bad_words() -> Failure {
    Failure::new(FailureKind::BadOutput, "the provider answered with words instead of files")
}

impl Attempt<'_> {
    /// Takes the key by which its provider is to be asked.
    async fn take_key(&mut self) -> Result<(), Over> {
        let taken = own_key::provider_of(self.app, self.lane, &self.job).await.ok_or(Over::Left)?;
        self.provider = taken.map_err(|failure| match self.resumed {
            // It landed: that nobody can be asked by this key says nothing of the work.
            true => Failure::new(FailureKind::Lost, failure.message),
            false => failure,
        })?;
        Ok(())
    }

    /// Has the provider do the work: submits it, if that is still to be done, and follows it.
    async fn produce(&mut self, upload_to: Option<&str>) -> Result<Given, Over> {
        if self.job.status != Status::Submitting {
            return self.follow().await.map(Given::Files);
        }
        let provider = self.provider.clone();
        // Held until they are sent: what pictures take in memory has a bound of its own.
        let app = self.app;
        let _room = shown::room(app, &self.job).await;
        let pictures = shown::bytes(app, &self.job).await?;
        if matches!(self.job.input, Input::Chat(_)) && self.unwanted().now_or_never().is_some() {
            // Nothing was sent.
            return Err(Over::Stopped);
        }
        let job = self.job.clone();
        let submission = Submission {
            job: &job,
            upload_to,
            pictures: &pictures,
            first_byte_limit: self.limits.first_byte,
            idle_limit: self.limits.idle,
            total_limit: self.limits.total,
        };
        let mut start = pin!(timeout_at(self.deadline, provider.start(&submission)));
        let started = match job.input {
            Input::Image(_) => start.await,
            // To hang up is to stop: whoever waits for a first word need not wait for it to do that.
            Input::Chat(_) => tokio::select! {
                biased;
                () = self.unwanted() => return Err(Over::HungUp),
                () = app.giving_up.cancelled() => return Err(Over::Left),
                started = &mut start => started,
            },
        };
        match started {
            Err(_) => Err(Failure::new(FailureKind::Timeout, "the provider did not answer in time").into()),
            Ok(started) => match started? {
                Started::Done(produced) => Ok(Given::Files(produced)),
                Started::Saying(saying) => Ok(Given::Words(saying)),
                Started::Pending(handle) => {
                    self.say(Event::Submitted { handle }).await?;
                    self.follow().await.map(Given::Files)
                }
            },
        }
    }

    /// Waits until its owner wishes it to stop, or its deadline has passed.
    async fn unwanted(&mut self) {
        while !self.is_unwanted() {
            let told = tokio::select! {
                biased;
                told = self.news.hear() => Some(told),
                // News is a convenience: a wish that nobody told of is seen all the same.
                () = sleep_until(Instant::now() + LOOK_ANYWAY) => {
                    self.app.store.job_for_work(self.job.id).await.ok().flatten().map(Arc::new)
                }
            };
            if let Some(told) = told.filter(|told| told.version > self.job.version) {
                self.job = told.as_ref().clone();
            }
        }
    }

    /// Follows work that the provider has, by asking it, until it is over.
    async fn follow(&mut self) -> Result<Vec<Produced>, Over> {
        let Some(handle) = self.job.handle.clone() else {
            let message = "the server stopped before it had kept the provider's answer";
            return Err(Failure::new(FailureKind::Interrupted, message).into());
        };
        // Once it was asked to stop: how long we wait for that.
        let mut stop_until: Option<Instant> = None;
        loop {
            let now = Instant::now();
            match stop_until {
                None if self.is_unwanted() || now >= self.deadline => {
                    stop_until = Some(self.ask_to_stop(&handle).await?)
                }
                Some(until) if now >= until => {
                    self.provider.abandon(&handle).await;
                    return Err(
                        Failure::new(FailureKind::Timeout, "it took too long and did not stop when asked to").into()
                    );
                }
                _ => {}
            }
            let until = stop_until.unwrap_or(self.deadline);
            match self.ask(&handle, until, stop_until.is_none()).await {
                None => {}
                Some(Ok(Polled::Done(produced))) => return Ok(produced),
                Some(Ok(Polled::Canceled)) if self.is_unwanted() || stop_until.is_none() => return Err(Over::Stopped),
                Some(Ok(Polled::Canceled)) => return Err(Over::OutOfTime),
                // Asked again after a restart, a provider may say that it still works on what it had finished: no news.
                Some(Ok(Polled::Running { stage, progress })) => {
                    let news = stage != self.job.stage || progress > self.job.progress;
                    let pause = if news && self.job.status != Status::Collecting {
                        self.say(Event::Progress { stage, progress }).await?;
                        NEWS_PAUSE
                    } else {
                        POLL_PAUSE
                    };
                    sleep_until((now + pause).min(until)).await;
                }
                // It can be asked again.
                Some(Err(failure)) if failure.kind == FailureKind::Unavailable => {
                    sleep_until((now + POLL_PAUSE).min(until)).await;
                }
                Some(Err(failure)) => return Err(failure.into()),
            }
        }
    }

    /// Asks the provider for news until `until`. Nothing: time is up, or its owner wishes it to stop (`heed_wishes`).
    async fn ask(&mut self, handle: &str, until: Instant, heed_wishes: bool) -> Option<Result<Polled, Failure>> {
        let (asked, provider) = (self.job.clone(), self.provider.clone());
        let mut poll = pin!(provider.poll(&asked, handle, POLL_WAIT));
        loop {
            let look_at = Instant::now() + LOOK_ANYWAY;
            let told = tokio::select! {
                // The provider's answer first: a result that is there is paid for, and a wish to stop it comes too late.
                biased;
                polled = &mut poll => return Some(polled),
                told = self.news.hear() => Some(told),
                // News is a convenience: a wish that nobody told of is seen all the same.
                () = sleep_until(look_at.min(until)) => {
                    self.app.store.job_for_work(self.job.id).await.ok().flatten().map(Arc::new)
                }
            };
            if let Some(told) = told.filter(|told| told.version > self.job.version) {
                self.job = told.as_ref().clone();
            }
            if Instant::now() >= until || (heed_wishes && self.is_unwanted()) {
                return None;
            }
        }
    }

    /// Asks the provider to stop; until when to wait for that.
    async fn ask_to_stop(&mut self, handle: &str) -> Result<Instant, Over> {
        let now = Instant::now();
        match self.provider.cancel(handle).await {
            Ok(Canceled::Asked) => {
                self.say(Event::StopAnswered(StopAnswer::Stopping)).await?;
                Ok(now + STOP_GRACE)
            }
            // It goes on, is paid for, and its result is kept: better than money for nothing.
            Ok(Canceled::NotPossible) => {
                self.say(Event::StopAnswered(StopAnswer::NotPossible)).await?;
                Ok(self.deadline.max(now))
            }
            Err(failure) if failure.kind == FailureKind::Unavailable => Ok(now + STOP_GRACE),
            Err(failure) => Err(failure.into()),
        }
    }

    pub(super) fn is_unwanted(&self) -> bool {
        self.job.cancel_requested_at.is_some() || self.job.deadline_passed_at.is_some()
    }

    /// Keeps what was produced and ends the job.
    async fn keep(&mut self, produced: Vec<Produced>) -> Result<(), Over> {
        if self.job.status != Status::Collecting {
            self.say(Event::OutputsReady).await?;
        }
        // What the provider took, not what it takes to make it ours.
        let seconds = self.seconds();
        let outputs = match collect::collect(self.app, self.lane, &self.job, produced).await {
            Ok(outputs) => outputs,
            Err(NotCollected::GaveUp) => return Err(Over::Left),
            Err(NotCollected::Bad(failure)) => return self.useless(failure, seconds).await,
        };
        let mut bill = Bill::for_outputs(&self.job, outputs.len() as u64, seconds);
        bill.estimated = self.resumed && bill.is_by_time();
        self.say(Event::Completed { outputs, finish: None, bill }).await
    }

    /// `harmless`: sending it again can't be paid twice, or it is known that nothing is at work any more. `said`: what was said
    /// since the last checkpoint; if there is no further attempt, it is what stays.
    pub(super) async fn fail(&mut self, failure: Failure, harmless: bool, said: Option<Said>) {
        let retry_at = self.app.retry_at(self.job.attempt + 1, failure.retry_after);
        tracing::warn!(job.id = %self.job.id, attempt = self.job.attempt, kind = failure.kind.code(), "attempt failed");
        // Refused: it moved on without us, which `say` has noted.
        let bill = Bill::nothing();
        drop(self.say_with(Event::AttemptFailed { failure, harmless, bill, retry_at }, said).await);
    }

    /// What a provider calls done was done, and is billed, though it is no use: the studio bears that.
    async fn useless(&mut self, failure: Failure, seconds: u64) -> Result<(), Over> {
        let bill = match &self.job.input {
            Input::Image(request) if !self.lane.provider.capabilities().supervised => {
                Bill::for_nothing_of_use(&self.job, request.count(), seconds)
            }
            _ => Bill::nothing(),
        };
        tracing::warn!(job.id = %self.job.id, absorbed = %bill.absorbed, "what came of it is no use");
        let retry_at = self.app.retry_at(self.job.attempt + 1, None);
        self.say(Event::AttemptFailed { failure, harmless: true, bill, retry_at }).await
    }

    /// How long this attempt has taken, in begun seconds: by our own clock, unless it was begun before our time.
    fn seconds(&self) -> u64 {
        let taken = match self.job.attempt_at {
            Some(begun) if self.resumed => self.app.now().since(begun),
            _ => self.begun.elapsed(),
        };
        u64::try_from(taken.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1)
    }

    /// Tells the machine what happened; the job is then as it stands after.
    async fn say(&mut self, event: Event) -> Result<(), Over> {
        self.say_with(event, None).await
    }

    /// As [`Attempt::say`], with what was said since the last checkpoint.
    pub(super) async fn say_with(&mut self, event: Event, said: Option<Said>) -> Result<(), Over> {
        match move_surely(self.app, self.wanted(event, said)).await {
            Some(advanced) => self.moved(advanced),
            None => Err(Over::Left),
        }
    }

    /// Takes what became of a move.
    pub(super) fn moved(&mut self, advanced: Advanced) -> Result<(), Over> {
        match advanced {
            Advanced::Moved { job, .. } | Advanced::Refused { job, reason: Refused::Nothing } => {
                self.job = job;
                Ok(())
            }
            // Nobody else has moved it, for our lease is good: it happened already, by a try that was said to have failed.
            Advanced::Refused { job, reason: Refused::Impossible { .. } } if job.lease == Some(self.lease) => {
                self.job = job;
                Ok(())
            }
            Advanced::Refused { reason, .. } => {
                tracing::info!(job.id = %self.job.id, %reason, "the job moved on without this attempt");
                Err(Over::Left)
            }
            Advanced::Absent => Err(Over::Left),
        }
    }

    /// A move of this attempt's job, on its word.
    pub(super) fn wanted(&self, event: Event, said: Option<Said>) -> Move {
        let durability = self.job.durability;
        Move { said, durability, ..Move::new(self.job.id, Actor::Holder(self.lease), event) }
    }
}
