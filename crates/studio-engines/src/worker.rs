//! The worker process: `studio worker <engine>`.
//!
//! First it limits itself, so that nothing an engine does can hurt its neighbours; then it watches its stdin, a pipe held
//! by the server that started it: when that closes, however the server died, the process ends; then it serves
//! [Cog's API](crate::cog) until it is told to stop. Call [`run`] before any async runtime or other thread exists.

pub use crate::cog::Token;

use crate::{
    cog::{Predictions, router},
    engine,
};
use axum::{
    Router,
    serve::{Listener, ListenerExt},
};
use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};
use std::{
    fs::{self, Permissions},
    future::Future,
    io::{self, Read, Write},
    net::SocketAddr,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    net::{TcpListener, UnixListener},
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
};

/// Most predictions at once, whatever the number of cores: they share the worker's memory limit.
const MOST_SLOTS: usize = 8;
/// How long requests and predictions may take to end once the worker is told to stop.
const STOP_LIMIT: Duration = Duration::from_secs(2);

/// Where a worker listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// At a Unix socket, made with mode 0600 in a folder that should be 0700. A stale one is replaced.
    Unix(PathBuf),
    /// At a TCP address. Needs a token, for others can reach it.
    Tcp(SocketAddr),
}

/// What a worker may use of the machine. Set once, at start; the kernel holds it to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessLimits {
    /// Address space, in bytes. An engine that wants more ends the process.
    pub address_space_bytes: u64,
    /// Longest file that it may write, in bytes. Its outputs go out by sockets; this leaves room for its stderr.
    pub file_bytes: u64,
    /// Open files and sockets.
    pub open_files: u64,
    /// Added to its niceness: the server's answers come before its work. From 0 to 19.
    pub niceness: i32,
}

impl Default for ProcessLimits {
    fn default() -> Self {
        Self { address_space_bytes: 2 << 30, file_bytes: 1 << 20, open_files: 256, niceness: 10 }
    }
}

impl ProcessLimits {
    /// Limits this process, for good. Core dumps are off: they would hold what people wrote.
    fn apply(&self) -> io::Result<()> {
        limit(Resource::Core, 0)?;
        limit(Resource::As, self.address_space_bytes)?;
        limit(Resource::Fsize, self.file_bytes)?;
        limit(Resource::Nofile, self.open_files)?;
        nice(self.niceness)?;
        Ok(())
    }
}

/// Sets a limit, or leaves a lower one that is already in force.
pub(crate) fn limit(resource: Resource, wanted: u64) -> io::Result<()> {
    let most = getrlimit(resource).maximum.map_or(wanted, |in_force| in_force.min(wanted));
    Ok(setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?)
}

/// How a worker runs.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// Where it listens.
    pub listen: Listen,
    /// What callers must show.
    pub token: Option<Token>,
    /// What it may use.
    pub limits: ProcessLimits,
    /// Whether it ends when its stdin does. Then the holder of that pipe decides when it ends, and Ctrl-C, which reaches
    /// every process of a terminal, is left to that holder.
    pub exit_with_stdin: bool,
}

impl WorkerOptions {
    /// The usual ones for a worker that listens there.
    pub fn new(listen: Listen) -> Self {
        Self { listen, token: None, limits: ProcessLimits::default(), exit_with_stdin: false }
    }
}

/// Why a worker did not start, or broke.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// There is no such engine.
    #[error("there is no engine {name:?}; engines are {}", engine::NAMES.join(", "))]
    UnknownEngine {
        /// What was asked for.
        name: String,
    },
    /// It would be open to everyone who can reach its address.
    #[error("a worker that listens on TCP needs a token")]
    TokenMissing,
    /// The kernel refused a limit.
    #[error("can't limit this process: {0}")]
    Limits(#[source] io::Error),
    /// It can't listen where it should.
    #[error("can't listen at {place}: {source}")]
    Listen {
        /// Where.
        place: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The system refused something that it needs.
    #[error("can't run: {0}")]
    System(#[from] io::Error),
}

/// How many predictions a worker on this machine runs at once; a further one is refused as a conflict.
pub fn slots() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(MOST_SLOTS)
}

/// Runs a worker until it is told to stop: by SIGTERM, by the end of its stdin, or (on its own) by Ctrl-C.
pub fn run(engine: &str, options: WorkerOptions) -> Result<(), WorkerError> {
    let found = engine::find(engine).ok_or_else(|| WorkerError::UnknownEngine { name: engine.to_owned() })?;
    if matches!(options.listen, Listen::Tcp(_)) && options.token.is_none() {
        return Err(WorkerError::TokenMissing);
    }
    options.limits.apply().map_err(WorkerError::Limits)?;
    hide_panic_texts();
    if options.exit_with_stdin {
        end_with_stdin(&options.listen)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let predictions = Predictions::new(found, slots(), tokio::runtime::Handle::current());
        let stop = stop_signal(!options.exit_with_stdin)?;
        let router = router(predictions.clone(), options.token);
        let stop = async move {
            stop.await;
            predictions.cancel_all();
        };
        listen(options.listen, router, stop).await
    })
}

/// A panic's text may hold what a person wrote; its place is enough to find the bug.
pub(crate) fn hide_panic_texts() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |place| format!(" at {place}"));
        // There is nobody to tell when even stderr is gone.
        drop(io::stderr().write_all(format!("the engine panicked{place}\n").as_bytes()));
    }));
}

fn end_with_stdin(listen: &Listen) -> io::Result<()> {
    let socket = match listen {
        Listen::Unix(path) => Some(path.clone()),
        Listen::Tcp(_) => None,
    };
    let watch = move || {
        let mut stdin = io::stdin().lock();
        let mut ignored = [0; 64];
        loop {
            match stdin.read(&mut ignored) {
                Ok(1..) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
            }
        }
        if let Some(socket) = socket {
            drop(fs::remove_file(socket));
        }
        leave();
    };
    std::thread::Builder::new().name("stdin".into()).spawn(watch).map(drop)
}

/// Ends the process now: whoever wanted its work is gone, and there is nothing to put away.
#[expect(clippy::disallowed_methods, reason = "the server is gone; an engine at work must not keep the child alive")]
fn leave() -> ! {
    std::process::exit(0)
}

/// Falls when the process is asked to stop. Handlers are in place when this returns.
fn stop_signal(with_ctrl_c: bool) -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        let ctrl_c = async {
            match with_ctrl_c {
                true => first(&mut interrupt).await,
                false => std::future::pending().await,
            }
        };
        tokio::select! {
            () = first(&mut terminate) => {}
            () = ctrl_c => {}
        }
    })
}

async fn first(signal: &mut Signal) {
    signal.recv().await;
}

async fn listen(
    listen: Listen,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), WorkerError> {
    let cannot = |place: String| move |source| WorkerError::Listen { place, source };
    match listen {
        Listen::Unix(path) => {
            let listener = bind(&path).map_err(cannot(path.display().to_string()))?;
            let served = serve(listener, router, stop).await;
            drop(fs::remove_file(&path));
            Ok(served?)
        }
        Listen::Tcp(address) => {
            let listener = TcpListener::bind(address).await.map_err(cannot(address.to_string()))?;
            // A word that was said leaves at once. Where that can't be had it leaves a little later.
            let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
            Ok(serve(listener, router, stop).await?)
        }
    }
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    // Only a socket is ever removed: a mistyped path must not cost a file.
    if fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn serve<L: Listener>(
    listener: L,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()>
where
    L::Addr: std::fmt::Debug,
{
    let (told, mut stopping) = oneshot::channel::<()>();
    let stop = async move {
        stop.await;
        drop(told);
    };
    let served = axum::serve(listener, router).with_graceful_shutdown(stop).into_future();
    tokio::select! {
        served = served => served,
        () = async { drop((&mut stopping).await); tokio::time::sleep(STOP_LIMIT).await } => Ok(()),
    }
}

#[cfg(test)]
mod tests;
