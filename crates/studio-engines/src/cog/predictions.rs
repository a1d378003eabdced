//! All state of the worker: which predictions run, and which have ended.
//!
//! A prediction runs on a thread of its own, from its start to the delivery of its files; slots bound how many run at
//! once. Its state is one `watch` value: whoever waits sees every end, and progress in steps. What it says is another, so
//! that a word doesn't wake those who wait for news. Ended ones are remembered, bounded in number and bytes, so that a poll
//! or a repeated request after the end finds the result.

use super::{said::Said, upload};
use crate::engine::{Engine, EngineError, InputFault, OutputFile, Report, Work};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Map, Value};
use std::{
    collections::{HashMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{runtime::Handle, sync::watch};

/// How many ended predictions are remembered.
const REMEMBERED: usize = 256;
/// How many bytes of output all remembered predictions may hold together. The newest is kept whatever its size.
const REMEMBERED_BYTES: usize = 64 << 20;
/// Progress is news when it grew by this much; each piece of news may become a write in the server's store.
const NEWS_STEP: f32 = 0.1;
/// How long a receiver that does not take an output is tried again, and how often. Whoever asked stops it earlier.
const DELIVERY_LIMIT: Duration = Duration::from_secs(600);
const DELIVERY_PAUSE: Duration = Duration::from_millis(250);
/// Most characters of an engine's error.
const MAX_ERROR_CHARS: usize = 500;

/// Where a prediction stands, in Cog's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Starting,
    Processing,
    Succeeded,
    Failed,
    Canceled,
}

impl Status {
    /// As on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// Whether nothing comes after it.
    pub(crate) const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled)
    }
}

/// A prediction at one moment. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) status: Status,
    pub(crate) stage: String,
    /// From 0.0 to 1.0.
    pub(crate) progress: f32,
    /// Data URLs, or the addresses of uploads. Empty before success.
    pub(crate) output: Arc<[String]>,
    pub(crate) error: Option<String>,
    /// How long it took, once it is over.
    pub(crate) took: Option<Duration>,
}

impl State {
    fn over(status: Status) -> Self {
        Self { status, stage: String::new(), progress: 0.0, output: Arc::new([]), error: None, took: None }
    }

    fn failed(error: &str) -> Self {
        Self { error: Some(error.chars().take(MAX_ERROR_CHARS).collect()), ..Self::over(Status::Failed) }
    }

    fn bytes(&self) -> usize {
        self.output.iter().map(String::len).sum()
    }
}

/// One prediction.
pub(crate) struct Prediction {
    pub(crate) id: String,
    stop: AtomicBool,
    /// Whether it is there only for those who read it as a stream: when the last of them has gone, it stops.
    for_readers: bool,
    readers: AtomicUsize,
    /// All of it is said before the state says that it is over.
    pub(super) said: watch::Sender<Said>,
    pub(super) state: watch::Sender<State>,
}

impl Prediction {
    fn new(id: &str, for_readers: bool) -> Self {
        Self {
            id: id.to_owned(),
            stop: AtomicBool::new(false),
            for_readers,
            readers: AtomicUsize::new(0),
            said: watch::channel(Said::default()).0,
            state: watch::channel(State::over(Status::Starting)).0,
        }
    }

    /// As it is now.
    pub(crate) fn now(&self) -> State {
        self.state.borrow().clone()
    }

    /// As it is once it is over.
    pub(crate) async fn end(&self) -> State {
        match self.state.subscribe().wait_for(|state| state.status.is_terminal()).await {
            Ok(state) => state.clone(),
            Err(_) => self.now(), // Can't be: the sender lives in `self`.
        }
    }

    /// As it is at the next news, or after `wait` without any. At once when it is over.
    pub(crate) async fn news(&self, wait: Duration) -> State {
        let mut told = self.state.subscribe();
        if !told.borrow_and_update().status.is_terminal() {
            // Without news in time the state as it is will do.
            drop(tokio::time::timeout(wait, told.changed()).await);
        }
        self.now()
    }

    /// Counts a reader in.
    pub(super) fn reader_came(&self) {
        self.readers.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a reader out.
    pub(super) fn reader_left(&self) {
        if self.readers.fetch_sub(1, Ordering::AcqRel) == 1 && self.for_readers {
            self.stop();
        }
    }

    fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    fn bytes(&self) -> usize {
        self.state.borrow().bytes() + self.said.borrow().bytes()
    }
}

impl Report for Prediction {
    fn progress(&self, done: f32, stage: &str) -> bool {
        self.state.send_if_modified(|state| {
            let done = if done.is_finite() { done.clamp(0.0, 1.0) } else { state.progress };
            let is_news =
                state.status == Status::Starting || state.stage != stage || done >= state.progress + NEWS_STEP;
            if is_news {
                state.status = Status::Processing;
                state.stage.clear();
                state.stage.push_str(stage);
                state.progress = done;
            }
            is_news
        });
        !self.stop.load(Ordering::Relaxed)
    }

    fn say(&self, piece: &str) -> bool {
        let mut fits = true;
        self.said.send_if_modified(|said| {
            fits = said.push(piece);
            fits && !piece.is_empty()
        });
        fits && !self.stop.load(Ordering::Relaxed)
    }
}

/// Why a prediction was not started.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotStarted {
    /// All slots are used.
    Busy,
    /// The input can't be taken.
    Input(Vec<InputFault>),
}

/// All predictions of a worker.
pub(crate) struct Predictions {
    engine: Arc<dyn Engine>,
    slots: usize,
    /// Where uploads run.
    runtime: Handle,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    by_id: HashMap<String, Arc<Prediction>>,
    running: usize,
    /// Oldest first.
    ended: VecDeque<Arc<Prediction>>,
    ended_bytes: usize,
}

impl Predictions {
    /// None yet. At most `slots` will run at once.
    pub(crate) fn new(engine: Arc<dyn Engine>, slots: usize, runtime: Handle) -> Arc<Self> {
        Arc::new(Self { engine, slots: slots.max(1), runtime, known: Mutex::default() })
    }

    /// The name of the engine.
    pub(crate) fn engine(&self) -> &'static str {
        self.engine.name()
    }

    /// Whether no further one can start now.
    pub(crate) fn is_busy(&self) -> bool {
        self.known().running >= self.slots
    }

    /// Whether what it makes can be read while it is made.
    pub(crate) fn say_text(&self) -> bool {
        self.engine.says_text()
    }

    /// The prediction of that id, running or remembered.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Prediction>> {
        self.known().by_id.get(id).cloned()
    }

    /// Starts a prediction, or finds the one that has this id already (`false`). One that is started only `for_readers`
    /// stops when the last of them has gone.
    pub(crate) fn start(
        self: &Arc<Self>,
        id: &str,
        input: &Map<String, Value>,
        upload_to: Option<String>,
        for_readers: bool,
    ) -> Result<(Arc<Prediction>, bool), NotStarted> {
        let mut known = self.known();
        if let Some(found) = known.by_id.get(id) {
            return Ok((found.clone(), false));
        }
        let work = self.engine.prepare(input).map_err(NotStarted::Input)?;
        if known.running >= self.slots {
            return Err(NotStarted::Busy);
        }
        let prediction = Arc::new(Prediction::new(id, for_readers));
        let (me, mine) = (self.clone(), prediction.clone());
        let thread = std::thread::Builder::new().name("prediction".into());
        // A thread that can't be had is a slot that can't be had.
        thread.spawn(move || me.run(&mine, work, upload_to.as_deref())).map_err(|_| NotStarted::Busy)?;
        known.running += 1;
        known.by_id.insert(id.to_owned(), prediction.clone());
        Ok((prediction, true))
    }

    /// Asks a prediction to stop. False: there is none of that id.
    pub(crate) fn cancel(&self, id: &str) -> bool {
        self.find(id).is_some_and(|prediction| {
            prediction.stop();
            true
        })
    }

    /// Asks all of them to stop.
    pub(crate) fn cancel_all(&self) {
        self.known().by_id.values().for_each(|prediction| prediction.stop());
    }

    /// The whole life of a prediction, on its own thread.
    fn run(&self, prediction: &Arc<Prediction>, work: Work, upload_to: Option<&str>) {
        let started = Instant::now();
        prediction.progress(0.0, "starting");
        // Nothing is shared with the work but the prediction, which is whole after every step.
        let done = catch_unwind(AssertUnwindSafe(|| work(&**prediction)));
        let end = match done {
            _ if prediction.said.borrow().was_too_much() => State::failed("the engine said more than it may"),
            Ok(Ok(files)) => self.deliver(prediction, files, upload_to),
            Ok(Err(EngineError::Canceled)) => State::over(Status::Canceled),
            Ok(Err(EngineError::Failed(error))) => State::failed(&error),
            Err(_) => State::failed("the engine crashed"),
        };
        self.remember(prediction, State { took: Some(started.elapsed()), ..end });
    }

    fn deliver(&self, prediction: &Prediction, files: Vec<OutputFile>, upload_to: Option<&str>) -> State {
        let mut output = Vec::with_capacity(files.len());
        for file in files {
            let Some(prefix) = upload_to else {
                output.push(format!("data:{};base64,{}", file.media_type, STANDARD.encode(&file.bytes)));
                continue;
            };
            if !prediction.progress(1.0, "delivering") {
                return State::over(Status::Canceled);
            }
            let bytes = Bytes::from(file.bytes);
            let begun = Instant::now();
            loop {
                match self.runtime.block_on(upload::put(prefix, &file.name, file.media_type, bytes.clone())) {
                    Ok(url) => break output.push(url),
                    // The work is done and would have to be done again: a receiver that is full or busy is waited for.
                    Err(error) if error.may_pass() && begun.elapsed() < DELIVERY_LIMIT => {
                        if !prediction.progress(1.0, "waiting to deliver") {
                            return State::over(Status::Canceled);
                        }
                        std::thread::sleep(DELIVERY_PAUSE);
                    }
                    Err(error) => return State::failed(&format!("the output could not be delivered: {error}")),
                }
            }
        }
        State { output: output.into(), progress: 1.0, ..State::over(Status::Succeeded) }
    }

    /// Ends a prediction, frees its slot, and forgets what is too much to remember.
    fn remember(&self, prediction: &Arc<Prediction>, end: State) {
        let mut known = self.known();
        known.running -= 1;
        known.ended_bytes += end.bytes() + prediction.said.borrow().bytes();
        known.ended.push_back(prediction.clone());
        while known.ended.len() > 1 && (known.ended.len() > REMEMBERED || known.ended_bytes > REMEMBERED_BYTES) {
            let Some(oldest) = known.ended.pop_front() else { break };
            known.ended_bytes -= oldest.bytes();
            known.by_id.remove(&oldest.id);
        }
        // Under the lock: whoever hears of the end and starts another finds the slot free.
        prediction.state.send_replace(end);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // No code that can panic leaves it half changed.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
