//! Relays an answer in words: what comes from the provider is passed on as it comes and kept as it goes, and its end is told
//! only once it is paid for.
//!
//! Nothing of this waits for the store: a piece is passed on first, and one write at a time follows behind, at the latest
//! half a second or 4 KiB later. However the answer ends (well, by a wish to stop, by a limit, or broken off), the last
//! move keeps the rest of the words and settles what was really produced, in one commit.

use super::{
    attempt::{Attempt, Over},
    live::Speaker,
};
use crate::{
    alarm::Alarm,
    app::App,
    commands::move_job,
    settings::{BYTES_BESIDE, BYTES_PER_TOKEN, CHECKPOINT_BYTES, CHECKPOINT_PERIOD, LOOK_ANYWAY, WORDS_LIMIT},
};
use futures_util::StreamExt;
use std::{future::pending, pin::Pin};
use studio_core::{
    bill::{Bill, Reported},
    job::{Event, Job, Status},
    ports::{Advanced, Checkpoint, Checkpointed, Piece, Said, Saying, StoreError},
    request::Input,
    retry::{Failure, FailureKind},
    words::Finish,
};
use tokio::time::Instant;

/// Most turns between text, thoughts and calls in one answer: each costs room of its own, however short it is.
const MOST_SEGMENTS: usize = 4000;

/// How an answer ended.
enum Ended {
    /// It was said to its end.
    Well(Finish),
    /// Its owner wanted it to stop, or its deadline passed.
    Stopped,
    /// It took longer than the model may.
    OutOfTime,
    /// It broke off.
    Broke(Failure),
}

/// What was heard beside the words.
#[derive(Default)]
struct Heard {
    name: Option<String>,
    finish: Option<Finish>,
    used: Option<Reported>,
}

/// A write that is under way, and where the words end that it keeps.
struct Keeping<'a> {
    end: u64,
    write: Pin<Box<dyn Future<Output = Result<Written, StoreError>> + Send + 'a>>,
}

enum Written {
    /// The job is known to be at its provider.
    Submitted(Box<Advanced>),
    /// Its words are kept.
    Checkpoint(Checkpointed),
}

/// What happened next.
enum Next {
    Said(Option<Result<Vec<Piece>, Failure>>),
    Told,
    Written(Result<Written, StoreError>),
    Time,
}

/// How much of the answer is kept.
struct Keeper<'a> {
    kept: u64,
    /// When the last write ended.
    at: Instant,
    keeping: Option<Keeping<'a>>,
}

impl<'a> Attempt<'a> {
    /// Relays an answer to its end, and ends the job.
    pub(super) async fn relay(&mut self, mut saying: Saying, speaker: &Speaker) -> Result<(), Over> {
        let limit = words_limit(&self.job);
        let mut heard = Heard::default();
        let mut keeper = Keeper { kept: 0, at: Instant::now(), keeping: None };
        let mut look_at = Instant::now() + LOOK_ANYWAY;
        let mut alarm = Alarm::at(look_at);
        let ended = loop {
            let said = speaker.live().end();
            self.keep_if_due(&mut keeper, &heard, speaker, said);
            alarm.no_later_than(self.deadline.min(look_at).min(keeper.due(said).unwrap_or(look_at)));
            let next = tokio::select! {
                biased;
                told = self.news.hear() => {
                    self.note(&told);
                    Next::Told
                }
                written = keeper.written() => Next::Written(written),
                () = self.app.giving_up.cancelled() => {
                    let message = "the server stopped in the middle of the answer";
                    break Ended::Broke(Failure::new(FailureKind::Interrupted, message));
                }
                pieces = saying.next() => Next::Said(pieces),
                () = alarm.ring() => Next::Time,
            };
            match next {
                Next::Said(Some(Ok(pieces))) => {
                    heard.take(pieces, speaker);
                    if speaker.live().end() > limit || speaker.live().segments() > MOST_SEGMENTS {
                        let message = "the provider said more than it was allowed to";
                        break Ended::Broke(Failure::new(FailureKind::BadOutput, message));
                    }
                }
                Next::Said(Some(Err(failure))) => break Ended::Broke(failure),
                Next::Said(None) => {
                    break heard.finish.map_or_else(
                        || Ended::Broke(Failure::new(FailureKind::CutOff, "the answer broke off")),
                        Ended::Well,
                    );
                }
                Next::Written(written) => self.note_written(&mut keeper, written).await?,
                Next::Told => {}
                Next::Time => {
                    let now = Instant::now();
                    if now >= self.deadline {
                        // All was said; only what it used was still waited for.
                        break heard.finish.map_or(Ended::OutOfTime, Ended::Well);
                    }
                    if now >= look_at {
                        look_at = now + LOOK_ANYWAY;
                        // News is a convenience: a wish that nobody told of is seen all the same.
                        if let Ok(Some(job)) = self.app.store.job_for_work(self.job.id).await {
                            self.note(&job);
                        }
                    }
                }
            }
            if self.is_unwanted() {
                break Ended::Stopped;
            }
        };
        // Hangs up: whoever still speaks there has nobody to speak to.
        drop(saying);
        while keeper.keeping.is_some() {
            let written = keeper.written().await;
            self.note_written(&mut keeper, written).await?;
        }
        self.settle(ended, heard, &mut keeper, speaker).await
    }

    fn note(&mut self, job: &Job) {
        if job.version > self.job.version {
            self.job = job.clone();
        }
    }

    /// Begins to keep what was said, if it is time and nothing is being written. First of all that the provider has it.
    fn keep_if_due(&self, keeper: &mut Keeper<'a>, heard: &Heard, speaker: &Speaker, end: u64) {
        if keeper.keeping.is_some() {
            return;
        }
        let app: &'a App = self.app;
        let segments = || speaker.live().after(keeper.kept);
        let said = |segments| Said { epoch: self.job.epoch, offset: keeper.kept, segments };
        if self.job.status == Status::Submitting {
            // After a write that failed, not again at once.
            let begun = heard.name.is_some() || end > 0;
            if !begun || keeper.at > Instant::now() {
                return;
            }
            let handle = heard.name.clone().unwrap_or_else(|| self.job.attempt_name());
            let wanted = self.wanted(Event::Submitted { handle }, Some(said(segments())));
            let write =
                async move { move_job(app, wanted).await.map(|advanced| Written::Submitted(Box::new(advanced))) };
            keeper.keeping = Some(Keeping { end, write: Box::pin(write) });
        } else if keeper.due(end).is_some_and(|due| due <= Instant::now()) {
            let checkpoint = Checkpoint { job: self.job.id, lease: self.lease, said: said(segments()) };
            let write = async move { app.store.checkpoint(checkpoint).await.map(Written::Checkpoint) };
            keeper.keeping = Some(Keeping { end, write: Box::pin(write) });
        }
    }

    async fn note_written(
        &mut self,
        keeper: &mut Keeper<'_>,
        written: Result<Written, StoreError>,
    ) -> Result<(), Over> {
        let end = keeper.keeping.take().map_or(keeper.kept, |keeping| keeping.end);
        keeper.at = Instant::now();
        match written {
            Ok(Written::Submitted(advanced)) => match *advanced {
                Advanced::Moved { job, .. } => {
                    self.note(&job);
                    keeper.kept = end;
                }
                // A try before this one has done it, and its answer was lost.
                Advanced::Refused { job, .. } if job.lease == Some(self.lease) && job.status == Status::Running => {
                    self.note(&job);
                    self.look_what_is_kept(keeper).await;
                }
                Advanced::Refused { .. } | Advanced::Absent => return Err(self.left()),
            },
            Ok(Written::Checkpoint(Checkpointed::Kept)) => keeper.kept = end,
            Ok(Written::Checkpoint(Checkpointed::Stale)) => return Err(self.left()),
            Ok(Written::Checkpoint(Checkpointed::Gap)) => self.look_what_is_kept(keeper).await,
            // The words go on, and are kept with the next try: from where they are known to be kept.
            Err(error) => {
                tracing::warn!(job.id = %self.job.id, %error, "what was said can't be kept now");
                keeper.at += CHECKPOINT_PERIOD;
                if let Ok(Some(job)) = self.app.store.job_for_work(self.job.id).await {
                    self.note(&job);
                }
                self.look_what_is_kept(keeper).await;
            }
        }
        Ok(())
    }

    /// Reads where the words end that are kept: after a write whose outcome is not known.
    async fn look_what_is_kept(&self, keeper: &mut Keeper<'_>) {
        if let Ok(part) = self.app.store.said_after(self.job.id, self.job.epoch, u64::MAX).await {
            keeper.kept = keeper.kept.max(part.end);
        }
    }

    fn left(&self) -> Over {
        tracing::info!(job.id = %self.job.id, "the job moved on without this answer");
        Over::Left
    }

    /// Ends the job as its answer ended: what is not kept yet, and what it costs, in one commit.
    async fn settle(
        &mut self,
        ended: Ended,
        heard: Heard,
        keeper: &mut Keeper<'_>,
        speaker: &Speaker,
    ) -> Result<(), Over> {
        let produced = speaker.live().end();
        let ours = self.lane.provider.capabilities().supervised;
        let epoch = self.job.epoch;
        let unkept =
            |kept| (produced > kept).then(|| Said { epoch, offset: kept, segments: speaker.live().after(kept) });
        let bill = |failure: Option<&Failure>| self.bill(&heard, produced, failure);
        let event = match ended {
            Ended::Well(finish) => Event::Completed { outputs: Vec::new(), finish: Some(finish), bill: bill(None) },
            Ended::Stopped => Event::CanceledAtProvider { bill: bill(None) },
            Ended::OutOfTime | Ended::Broke(_) => {
                let failure = match ended {
                    Ended::Broke(failure) => failure,
                    _ => Failure::new(FailureKind::Timeout, "it took longer than the model may take"),
                };
                if ours {
                    let said = unkept(keeper.kept);
                    // Our own worker's answer can be made again; if it is not, readers keep what they were shown.
                    self.fail(failure, true, said).await;
                    return Ok(());
                }
                Event::CutShort { bill: bill(Some(&failure)), failure }
            }
        };
        loop {
            let said = unkept(keeper.kept);
            match move_job(self.app, self.wanted(event.clone(), said)).await {
                Ok(advanced) => return self.moved(advanced),
                Err(error) => {
                    tracing::warn!(job.id = %self.job.id, %error, "an answer can't be settled; will try again")
                }
            }
            tokio::select! {
                // The next start finds the job where it stands.
                () = self.app.giving_up.cancelled() => return Err(Over::Left),
                () = tokio::time::sleep(CHECKPOINT_PERIOD) => {}
            }
            self.look_what_is_kept(keeper).await;
        }
    }

    /// What is charged for `produced` bytes: by the provider's word if it gave it, else by a guess.
    fn bill(&self, heard: &Heard, produced: u64, failure: Option<&Failure>) -> Bill {
        if let Some(bill) = heard.used.clone().and_then(|used| Bill::as_reported(&self.job, used, produced)) {
            if bill.amount > self.job.hold {
                tracing::warn!(
                    job.id = %self.job.id, provider = %self.job.provider, hold = %self.job.hold, charge = %bill.amount,
                    "the provider charges more than the limits that it was sent allow"
                );
            } else if bill.estimated {
                tracing::warn!(job.id = %self.job.id, provider = %self.job.provider, "what the provider says of usage can't be");
            }
            return bill;
        }
        // An error in place of an answer is no answer.
        let refused = produced == 0
            && failure
                .is_some_and(|f| !matches!(f.kind, FailureKind::CutOff | FailureKind::Timeout | FailureKind::Lost));
        if refused || self.lane.provider.capabilities().supervised {
            return Bill::nothing();
        }
        Bill::estimate(&self.job, produced, 0)
    }
}

impl Keeper<'_> {
    /// When what was said up to `end` is to be kept at the latest; nothing when all of it is, or is on its way.
    fn due(&self, end: u64) -> Option<Instant> {
        let unkept = end - self.kept;
        if unkept == 0 || self.keeping.is_some() {
            return None;
        }
        Some(if unkept >= CHECKPOINT_BYTES { self.at } else { self.at + CHECKPOINT_PERIOD })
    }

    /// The outcome of the write that is under way; for ever when there is none.
    async fn written(&mut self) -> Result<Written, StoreError> {
        match &mut self.keeping {
            Some(keeping) => keeping.write.as_mut().await,
            None => pending().await,
        }
    }
}

impl Heard {
    /// Passes on what came.
    fn take(&mut self, pieces: Vec<Piece>, speaker: &Speaker) {
        let mut spoke = false;
        for piece in pieces {
            match piece {
                Piece::Said(voice, text) => {
                    speaker.say(&voice, &text);
                    spoke = true;
                }
                Piece::Named(name) => self.name = Some(name),
                Piece::Finished(finish) => self.finish = Some(finish),
                Piece::Used(used) => self.used = Some(used),
            }
        }
        if spoke {
            speaker.tell();
        }
    }
}

/// Most bytes that a job's answer may have.
fn words_limit(job: &Job) -> u64 {
    match &job.input {
        Input::Chat(request) => {
            request.max_output().saturating_mul(BYTES_PER_TOKEN).saturating_add(BYTES_BESIDE).min(WORDS_LIMIT)
        }
        Input::Image(_) => 0,
    }
}
