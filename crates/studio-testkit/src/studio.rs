//! A started studio: the real binary, on a free port, with a folder of its own that is gone afterwards.
//!
//! Tests see it as a stranger does, by HTTP and by its command line, and may kill it at any moment and start it again on the
//! same folder. When a test fails, the end of its log is printed.

use crate::{
    canaries,
    clock::WallClock,
    described,
    events::{EventReader, read_events},
};
use anyhow::{Context, Result, bail, ensure};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::Value;
use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// Lines of the log that a failed test shows.
const LOG_TAIL: usize = 40;

/// How a studio is to be started.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The binary.
    pub binary: PathBuf,
    /// What stands in `studio.toml`.
    pub config: String,
    /// Variables in its environment.
    pub variables: Vec<(String, String)>,
    /// Where its log goes; beside its data unless said.
    pub log: Option<PathBuf>,
    /// A command that does something to its own process and then becomes the server, whose command line follows it.
    pub wrapper: Vec<String>,
    /// Its wrapper gives it mounts of its own, so its folder is seen only through its process.
    pub own_mounts: bool,
}

impl Setup {
    /// The usual one, for tests: nothing configured but limits that are out of the way.
    pub fn of(binary: &str) -> Self {
        let classes = ["GENERATION", "CHAT", "STATUS", "ASSET", "UPLOAD", "CONTROL", "OPEN", "AUTH"];
        let mut variables: Vec<_> =
            classes.map(|class| (format!("STUDIO_LIMITS__{class}"), "100000/min".to_owned())).into();
        variables.push(("STUDIO_LIMITS__AT_ONCE".to_owned(), "100000".to_owned()));
        Self {
            binary: binary.into(),
            config: String::new(),
            variables,
            log: None,
            wrapper: Vec::new(),
            own_mounts: false,
        }
    }

    /// Started by a line of shell that ends with `exec "$@"`.
    #[must_use]
    pub fn wrapped(mut self, shell: &str) -> Self {
        self.wrapper = ["sh", "-c", shell, "sh"].map(str::to_owned).into();
        self
    }

    /// With queues that are never full.
    #[must_use]
    pub fn endless_queues(self) -> Self {
        let names = ["QUEUED", "QUEUED_PER_USER"].map(|name| format!("STUDIO_LIMITS__{name}"));
        names.iter().fold(self, |setup, name| setup.variable(name, "1000000"))
    }

    /// With this in `studio.toml`.
    #[must_use]
    pub fn config(mut self, text: &str) -> Self {
        self.config.push_str(text);
        self
    }

    /// With this variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(other, _)| other != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A started studio.
pub struct Studio {
    setup: Setup,
    folder: TempDir,
    child: Option<Child>,
    address: String,
    key: String,
    client: reqwest::Client,
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// A header as text; empty when it isn't there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}

/// A client for tests, of plain HTTP to this machine.
pub fn test_client() -> Result<reqwest::Client> {
    // A client wants a TLS provider even if it never uses it; a second installation is refused, which is fine.
    drop(rustls::crypto::ring::default_provider().install_default());
    // A proxy from the environment has no business here. The server closes what is idle for 10 s: a test that blocks its thread
    // for as long would not see that, and write its next request to nobody.
    #[expect(clippy::disallowed_methods, reason = "the tests' client, not the product's")]
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .pool_idle_timeout(Duration::from_secs(5))
        .no_proxy()
        .tls_certs_only([])
        .build()?;
    Ok(client)
}

impl Studio {
    /// Starts one and waits until it is ready.
    pub fn start(setup: Setup) -> Result<Self> {
        let mut studio = Self::unstarted(setup, "")?;
        studio.launch()?;
        studio.key = fs::read_to_string(studio.data().join("first-key")).context("first key")?.trim().to_owned();
        Ok(studio)
    }

    /// One that was not started yet, and has no data: what it is to begin with is brought by [`Studio::run`]; it is then opened by
    /// `key`, and started by [`Studio::launch`].
    pub fn unstarted(setup: Setup, key: &str) -> Result<Self> {
        let folder = TempDir::new()?;
        let client = test_client()?;
        fs::write(folder.path().join("studio.toml"), &setup.config)?;
        canaries::plant_those_of(&setup.config);
        for (_, value) in
            setup.variables.iter().filter(|(name, _)| name.ends_with("API_KEY") || name.ends_with("SECRET_KEY"))
        {
            canaries::plant(value.trim());
        }
        Ok(Self { setup, folder, child: None, address: String::new(), key: key.to_owned(), client })
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        let data = self.folder.path().join("data");
        match self.pid().filter(|_| self.setup.own_mounts) {
            Some(pid) => PathBuf::from(format!("/proc/{pid}/root{}", data.display())),
            None => data,
        }
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Its first key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Where it listens: `http://127.0.0.1:1234`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A connection of one's own, for what no client sends. Half a minute of silence on it is an error.
    pub fn connect(&self) -> Result<TcpStream> {
        let stream = TcpStream::connect(self.address.trim_start_matches("http://"))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(stream)
    }

    /// The same, with a head sent that waits for permission to send its body, and the permission read.
    pub fn connect_and_wait(&self, head: &str) -> Result<TcpStream> {
        const PERMISSION: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
        let mut stream = self.connect()?;
        stream.write_all(head.as_bytes())?;
        let mut told = [0; PERMISSION.len()];
        stream.read_exact(&mut told)?;
        ensure!(told == PERMISSION, "{}", String::from_utf8_lossy(&told));
        Ok(stream)
    }

    /// Its process.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    fn command(&self) -> Command {
        self.prepared(Command::new(&self.setup.binary))
    }

    fn prepared(&self, mut command: Command) -> Command {
        command.current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        command.envs(self.setup.variables.iter().map(|(name, value)| (name, value)));
        command.env("STUDIO_DATA", self.data());
        command
    }

    /// Changes what stands in `studio.toml`; the next start reads it.
    pub fn configure(&self, text: &str) -> Result<()> {
        Ok(fs::write(self.folder.path().join("studio.toml"), text)?)
    }

    /// From its next start on it lives by this clock.
    pub fn live_by(&mut self, clock: &WallClock) {
        self.setup = clock.given_to(self.setup.clone());
    }

    /// Starts it, again or for the first time, on its folder.
    pub fn launch(&mut self) -> Result<()> {
        let mut child = self.spawn()?;
        let stdout = child.stdout.take().context("its output")?;
        self.child = Some(child);
        let mut lines = BufReader::new(stdout).lines();
        for line in lines.by_ref() {
            if let Some(address) = line?.strip_prefix("The studio is ready at ") {
                self.address = address.trim().to_owned();
                // It says a few lines more; nobody needs them, but they must go somewhere.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(());
            }
        }
        bail!("it ended before it was ready")
    }

    fn spawn(&self) -> Result<Child> {
        let log = self.setup.log.clone().unwrap_or_else(|| self.folder.path().join("log"));
        let log = File::options().create(true).append(true).open(log)?;
        let mut command = match self.setup.wrapper.split_first() {
            None => self.command(),
            Some((wrapper, arguments)) => {
                let mut command = self.prepared(Command::new(wrapper));
                command.args(arguments).arg(&self.setup.binary);
                // What a wrapper calls is found as usual.
                command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
                command
            }
        };
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        Ok(command.stdout(Stdio::piped()).stderr(log).spawn()?)
    }

    /// Starts it and kills it so much later, in the middle of its start if that takes longer.
    pub fn kill_in_start(&self, after: Duration) -> Result<()> {
        let mut child = self.spawn()?;
        std::thread::sleep(after);
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Runs a command of its command line on its folder and kills it so much later, if it still runs then.
    pub fn kill_command(&self, arguments: &[&str], after: Duration) -> Result<()> {
        let mut child = self.command().args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        std::thread::sleep(after);
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Kills it as `kill -9` does, and waits until it is gone.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Waits until it has ended, by itself or because it was told to.
    pub fn ended(&mut self) -> Result<std::process::ExitStatus> {
        Ok(self.child.take().context("it is not running")?.wait()?)
    }

    /// How it ended, if it has.
    pub fn has_ended(&mut self) -> Result<Option<std::process::ExitStatus>> {
        let child = self.child.as_mut().context("it is not running")?;
        Ok(child.try_wait()?)
    }

    /// Asks it to stop, as Ctrl-C does, and waits until it has.
    pub fn stop(&mut self) -> Result<std::process::ExitStatus> {
        let mut child = self.child.take().context("it is not running")?;
        Command::new("kill").args(["-INT", &child.id().to_string()]).status()?;
        Ok(child.wait()?)
    }

    /// Asks it twice, as those do who can't wait, and waits until it has stopped.
    pub fn stop_at_once(&mut self) -> Result<std::process::ExitStatus> {
        let child = self.child.as_ref().context("it is not running")?;
        Command::new("kill").args(["-INT", &child.id().to_string()]).status()?;
        // Two signals in one moment are one: the second has to wait until the first was heard.
        while !self.log().contains("stopping") {
            std::thread::yield_now();
        }
        self.stop()
    }

    /// Runs a command of its command line on its folder.
    pub fn run(&self, arguments: &[&str]) -> Result<Output> {
        let output = self.run_there(arguments)?;
        // The one place where a key is to be seen, once.
        if !arguments.starts_with(&["key", "create"]) {
            canaries::forbid(&output.stdout, "what a command prints");
        }
        canaries::forbid(&output.stderr, "what a command complains of");
        Ok(output)
    }

    fn run_there(&self, arguments: &[&str]) -> Result<Output> {
        let Some(pid) = self.pid().filter(|_| self.setup.own_mounts) else {
            return Ok(self.command().args(arguments).output()?);
        };
        // Where its mounts are: a path through `/proc` would be resolved by SQLite to what this process has at that place.
        let command = self.command();
        let mut there = Command::new("nsenter");
        there.args(["--target", &pid.to_string(), "--user", "--preserve-credentials", "--mount"]);
        there.arg(command.get_program()).args(command.get_args()).args(arguments);
        there.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        there.env("STUDIO_DATA", self.folder.path().join("data"));
        Ok(there.current_dir(self.folder.path()).output()?)
    }

    /// Runs a command with `--json` and reads its answer.
    pub fn run_json(&self, arguments: &[&str]) -> Result<Value> {
        let output = self.run(&[arguments, &["--json"]].concat())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        serde_json::from_str(&text).with_context(|| format!("{text} {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Makes a key for a user: its text.
    pub fn make_key(&self, user: &str, more: &[&str]) -> Result<String> {
        let made = self.run_json(&[&["key", "create", "--user", user, "--name", "test"], more].concat())?;
        Ok(made["key"].as_str().context("no key")?.to_owned())
    }

    /// A request, signed in by the first key.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.request_as(&self.key, method, path)
    }

    /// A request, signed in by another key.
    pub fn request_as(&self, key: &str, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.bare_request(method, path).bearer_auth(key)
    }

    /// A request, not signed in.
    pub fn bare_request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.address)).timeout(Duration::from_secs(90))
    }

    /// Sends a request and reads the answer.
    pub async fn send(request: reqwest::RequestBuilder) -> Result<Reply> {
        let (client, request) = request.build_split();
        let request = request?;
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let response = client.execute(request).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        described::hold(method.as_str(), &path, status.as_u16());
        headers.values().for_each(|value| canaries::forbid(value.as_bytes(), "a header"));
        let body = response.bytes().await?.to_vec();
        // The one answer in which a key is to be seen, once.
        if (method, path.as_str()) != (Method::POST, "/api/v1/keys") {
            canaries::forbid(&body, "an answer");
        }
        Ok(Reply { status, headers, body })
    }

    /// Gets a path.
    pub async fn get(&self, path: &str) -> Result<Reply> {
        Self::send(self.request(Method::GET, path)).await
    }

    /// Posts JSON to a path.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Reply> {
        Self::send(self.request(Method::POST, path).json(body)).await
    }

    /// Opens the stream of what a job says.
    pub async fn stream_of(&self, job: &str) -> Result<EventReader> {
        EventReader::open(self.request(Method::GET, &format!("/api/v1/jobs/{job}/stream"))).await
    }

    /// Follows a job by its events until it is over: how it ended.
    pub async fn end_of(&self, job: &str) -> Result<Value> {
        let reply = self.get(&format!("/api/v1/jobs/{job}/events")).await?;
        let last = read_events(&reply.body).pop().context("no events")?;
        Ok(last.data)
    }

    /// `ledger verify --json`.
    pub fn verify(&self) -> Result<Value> {
        self.run_json(&["ledger", "verify"])
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        // Nothing can be done about a child that is gone already.
        drop(self.kill());
        if !std::thread::panicking() {
            canaries::forbid(self.log().as_bytes(), "the log");
        } else {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(LOG_TAIL)..].join("\n");
            drop(std::io::Write::write_all(&mut std::io::stderr(), format!("--- studio's log\n{tail}\n").as_bytes()));
        }
    }
}

/// An amount of US dollars, as the API tells it, in nano-USD.
pub fn nanos(amount: &Value) -> u64 {
    let usd: f64 = amount.as_str().and_then(|text| text.parse().ok()).unwrap_or(0.0);
    (usd * 1e9).round() as u64
}

/// Processes whose parent is `pid`, with their command lines. Linux only, as the studio's own supervision is.
pub fn children_of(pid: u32) -> Vec<(u32, String)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| {
            let child: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{child}/stat")).ok()?;
            // The name stands in brackets and may hold anything; what follows is state and parent.
            let mut rest = stat.rsplit_once(')')?.1.split_whitespace();
            let (state, parent) = (rest.next()?, rest.next()?);
            let command = fs::read_to_string(format!("/proc/{child}/cmdline")).ok()?.replace('\0', " ");
            (state != "Z" && parent == pid.to_string()).then_some((child, command))
        })
        .collect()
}

/// Whether a process is there.
pub fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

/// Kills a process as `kill -9` does.
pub fn kill_process(pid: u32) -> Result<()> {
    let status = Command::new("kill").args(["-9", &pid.to_string()]).status()?;
    if status.success() { Ok(()) } else { bail!("process {pid} can't be killed") }
}
