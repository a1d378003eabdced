//! Our own worker processes: started when first needed, watched, restarted with growing pauses when they die, stopped when
//! idle. What a worker does can't hurt the server: it is another process with limits of its own, and it ends when the pipe to
//! its standard input closes, which the system does even when the server is killed.

mod provider;

pub use provider::SupervisedProvider;

use std::{
    ffi::OsString,
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use studio_core::retry::{Failure, FailureKind};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    net::UnixStream,
    process::{Child, ChildStderr, ChildStdin, Command},
    sync::Mutex,
    time::{Instant, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long a worker may take from its start to its first answer (finding 37).
const START_LIMIT: Duration = Duration::from_secs(60);
/// How often a starting worker is tried.
const START_LOOK: Duration = Duration::from_millis(3);
/// An unused worker is stopped after this long.
const IDLE_LIMIT: Duration = Duration::from_secs(300);
/// How often unused workers are looked for.
const IDLE_LOOK: Duration = Duration::from_secs(30);
/// How long a worker may take to end before it is killed.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// First and longest pause before a worker that keeps dying is started again.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Most of a line that a worker says which is logged, in bytes.
const LINE_LIMIT: u64 = 500;

/// How a worker is started.
#[derive(Debug, Clone)]
pub struct WorkerSpec {
    /// Its name, for people.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Where it listens.
    pub socket: PathBuf,
}

/// How a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerHealth {
    /// It is not running, and nothing is wrong with that.
    Idle,
    /// It is running.
    Running,
    /// It keeps dying.
    Failing,
}

/// Keeps one worker.
pub struct Supervisor {
    spec: WorkerSpec,
    state: Mutex<State>,
    /// What health is told from: never behind the lock above, which is held while a worker starts or stops.
    view: std::sync::Mutex<View>,
    used: Arc<AtomicUsize>,
    tasks: TaskTracker,
    stopping: CancellationToken,
}

#[derive(Default)]
struct View {
    dead: Option<CancellationToken>,
    deaths: u32,
}

#[derive(Default)]
struct State {
    running: Option<Running>,
    generation: u64,
    /// Deaths since it last did something useful.
    deaths: u32,
    not_before: Option<Instant>,
    last_used: Option<Instant>,
}

impl State {
    /// The first death may be anyone's fault; from the second on the next start must wait.
    fn note_death(&mut self) {
        self.deaths += 1;
        let doublings = self.deaths.checked_sub(2);
        let pause = doublings.map(|n| FIRST_PAUSE.saturating_mul(1 << n.min(16)).min(LONGEST_PAUSE));
        self.not_before = pause.map(|pause| Instant::now() + pause);
    }
}

struct Running {
    generation: u64,
    /// Held open: the worker ends when it closes.
    stdin: Option<ChildStdin>,
    kill: CancellationToken,
    dead: CancellationToken,
}

/// Nobody holds it any more, so nobody could stop it: a start that is broken off must not leave a child behind.
impl Drop for Running {
    fn drop(&mut self) {
        self.kill.cancel();
    }
}

/// A running worker in use; while one of these is held it is not stopped for being idle.
pub struct InUse {
    /// Which life of the worker it is.
    pub generation: u64,
    /// Falls when this life ends.
    pub dead: CancellationToken,
    used: Arc<AtomicUsize>,
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.used.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Supervisor {
    /// A supervisor; its worker starts when it is first needed.
    pub fn new(spec: WorkerSpec) -> Arc<Self> {
        let supervisor = Arc::new(Self {
            spec,
            state: Mutex::default(),
            view: std::sync::Mutex::default(),
            used: Arc::default(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
        });
        supervisor.tasks.spawn(supervisor.clone().stop_when_idle());
        supervisor
    }

    /// Its worker's name.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// How its worker is. Answers at once, whatever the worker does.
    pub fn health(&self) -> WorkerHealth {
        let view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        match &view.dead {
            Some(dead) if !dead.is_cancelled() => WorkerHealth::Running,
            _ if view.deaths > 1 => WorkerHealth::Failing,
            _ => WorkerHealth::Idle,
        }
    }

    /// Shows the state as it is now to whoever asks for health.
    fn show(&self, state: &State) {
        let mut view = self.view.lock().unwrap_or_else(PoisonError::into_inner);
        *view = View { dead: state.running.as_ref().map(|running| running.dead.clone()), deaths: state.deaths };
    }

    /// The running worker, started if it isn't.
    pub async fn ready(&self) -> Result<InUse, Failure> {
        let mut state = self.state.lock().await;
        self.bury(&mut state);
        if state.running.is_none() {
            if let Some(wait) = state.not_before.and_then(|t| t.checked_duration_since(Instant::now())) {
                // Not the job's fault: it waits, and is not counted against.
                let failure = Failure::new(FailureKind::Busy, format!("the {} worker keeps ending", self.spec.name));
                return Err(Failure { retry_after: Some(wait), ..failure });
            }
            state.generation += 1;
            match self.start(state.generation).await {
                Ok(running) => state.running = Some(running),
                Err(failure) => {
                    state.note_death();
                    self.show(&state);
                    return Err(failure);
                }
            }
            self.show(&state);
        }
        let Some(running) = &state.running else {
            return Err(self.not_started("it ended at once"));
        };
        let in_use = InUse { generation: running.generation, dead: running.dead.clone(), used: self.used.clone() };
        self.used.fetch_add(1, Ordering::Relaxed);
        state.last_used = Some(Instant::now());
        Ok(in_use)
    }

    /// The running worker if it still is in that life.
    pub async fn life(&self, generation: u64) -> Option<InUse> {
        let mut state = self.state.lock().await;
        let running = state.running.as_ref().filter(|r| r.generation == generation && !r.dead.is_cancelled())?;
        let in_use = InUse { generation, dead: running.dead.clone(), used: self.used.clone() };
        self.used.fetch_add(1, Ordering::Relaxed);
        state.last_used = Some(Instant::now());
        Some(in_use)
    }

    /// It did something useful: earlier deaths are forgiven.
    pub async fn praise(&self) {
        let mut state = self.state.lock().await;
        state.deaths = 0;
        state.not_before = None;
        self.show(&state);
    }

    /// Kills that life of it: it hangs.
    pub async fn kill(&self, generation: u64) {
        let state = self.state.lock().await;
        if let Some(running) = state.running.as_ref().filter(|r| r.generation == generation) {
            tracing::warn!(worker = self.spec.name, "worker does not answer; killing it");
            running.kill.cancel();
        }
    }

    /// Stops it for good.
    pub async fn shut_down(&self) {
        self.stopping.cancel();
        self.stop(&mut *self.state.lock().await).await;
        self.tasks.close();
        if timeout(STOP_GRACE, self.tasks.wait()).await.is_err() {
            tracing::warn!(worker = self.spec.name, "worker does not end; leaving it");
        }
    }

    /// Notes the death of a worker that ended without being asked to.
    fn bury(&self, state: &mut State) {
        if state.running.as_ref().is_some_and(|running| running.dead.is_cancelled()) {
            state.running = None;
            state.note_death();
            self.show(state);
        }
    }

    fn not_started(&self, why: &str) -> Failure {
        tracing::error!(worker = self.spec.name, why, "worker could not be started");
        Failure::new(FailureKind::Unavailable, format!("the {} worker could not be started", self.spec.name))
    }

    async fn start(&self, generation: u64) -> Result<Running, Failure> {
        let started = Instant::now();
        // Nothing of the server's environment is the worker's business: no keys, no configuration.
        let mut command = Command::new(&self.spec.program);
        command.args(&self.spec.arguments).env_clear().kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        // Ctrl-C in a terminal goes to the whole foreground group; the server drains and needs its workers for that.
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| self.not_started(&error.to_string()))?;
        let running = Running {
            generation,
            stdin: child.stdin.take(),
            kill: CancellationToken::new(),
            dead: CancellationToken::new(),
        };
        let pid = child.id();
        self.watch(child, &running);
        while UnixStream::connect(&self.spec.socket).await.is_err() {
            if running.dead.is_cancelled() {
                return Err(self.not_started("it ended before it listened"));
            }
            if started.elapsed() > START_LIMIT {
                running.kill.cancel();
                return Err(self.not_started("it did not listen in time"));
            }
            sleep(START_LOOK).await;
        }
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(worker = self.spec.name, pid, ms, "worker started");
        Ok(running)
    }

    /// Waits for a child's end in a task of its own, and logs what it says.
    fn watch(&self, mut child: Child, running: &Running) {
        let (name, kill, dead) = (self.spec.name.clone(), running.kill.clone(), running.dead.clone());
        if let Some(stderr) = child.stderr.take() {
            self.tasks.spawn(listen_to(name.clone(), BufReader::new(stderr)));
        }
        self.tasks.spawn(async move {
            let ended = tokio::select! {
                biased;
                ended = child.wait() => ended,
                () = kill.cancelled() => {
                    // Fails only when it is gone already.
                    drop(child.start_kill());
                    child.wait().await
                }
            };
            dead.cancel();
            match ended {
                Ok(status) if status.success() => tracing::info!(worker = name, "worker stopped"),
                Ok(status) => tracing::warn!(worker = name, %status, "worker died"),
                Err(error) => tracing::error!(worker = name, %error, "worker is lost"),
            }
        });
    }

    /// Asks the worker to end, and kills it if it doesn't.
    async fn stop(&self, state: &mut State) {
        let Some(mut running) = state.running.take() else { return };
        drop(running.stdin.take());
        if timeout(STOP_GRACE, running.dead.cancelled()).await.is_err() {
            running.kill.cancel();
            // What even a kill does not end (it waits for a disk, say) is not waited for.
            drop(timeout(STOP_GRACE, running.dead.cancelled()).await);
        }
        self.show(state);
    }

    async fn stop_when_idle(self: Arc<Self>) {
        loop {
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => return,
                () = sleep(IDLE_LOOK) => {}
            }
            // Decided and done under one lock: whoever needs it meanwhile waits and has it started again.
            let mut state = self.state.lock().await;
            let unused = self.used.load(Ordering::Relaxed) == 0;
            if unused && state.last_used.is_none_or(|t| t.elapsed() > IDLE_LIMIT) {
                self.stop(&mut state).await;
            }
        }
    }
}

/// Logs what a worker says, line by line and within bounds, until it ends.
async fn listen_to(name: String, mut stderr: BufReader<ChildStderr>) {
    loop {
        let mut line = Vec::new();
        match (&mut stderr).take(LINE_LIMIT).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let text = String::from_utf8_lossy(&line);
                let line: String = text.chars().filter(|c| !c.is_control()).collect();
                tracing::warn!(worker = name, line, "worker says");
            }
        }
    }
}
