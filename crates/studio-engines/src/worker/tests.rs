//! The worker as a process of its own: this test binary started again, to run [`child`] alone.

use super::*;
use std::{
    io::Write,
    os::unix::net::UnixStream,
    process::{Child, Command, Stdio},
    time::Instant,
};
use tempfile::TempDir;

/// Where the child is told its socket. The environment, for the arguments belong to the test harness.
const SOCKET: &str = "STUDIO_TEST_WORKER_SOCKET";
const PATIENCE: Duration = Duration::from_secs(10);

/// What the others start; alone it does nothing.
#[test]
#[expect(clippy::disallowed_methods, reason = "the harness owns the arguments")]
fn child() {
    if let Ok(socket) = std::env::var(SOCKET) {
        let options = WorkerOptions { exit_with_stdin: true, ..WorkerOptions::new(Listen::Unix(socket.into())) };
        run("sketch", options).unwrap();
    }
}

struct Started {
    child: Child,
    socket: PathBuf,
    _folder: TempDir,
}

impl Started {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("w.sock");
        // A stale one, as a killed worker leaves it.
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        let begun = Instant::now();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "worker::tests::child", "--nocapture"])
            .env(SOCKET, &socket)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Self { child, socket, _folder: folder };
        while UnixStream::connect(&started.socket).is_err() {
            assert!(begun.elapsed() < PATIENCE, "it does not listen");
            std::thread::sleep(Duration::from_millis(1));
        }
        started
    }

    fn ask(&self, request: &str) -> String {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    }

    fn put(&self, id: &str, body: &str) -> String {
        self.ask(&format!(
            "PUT /predictions/{id} HTTP/1.1\r\nHost: w\r\nConnection: close\r\nPrefer: respond-async\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    fn ends(&mut self) -> std::process::ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn it_limits_itself_and_answers_fast() {
    let started = Started::new();
    let health = started.ask("GET /health-check HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n");
    assert!(health.starts_with("HTTP/1.1 200") && health.contains("READY"), "{health}");
    assert_eq!(fs::metadata(&started.socket).unwrap().permissions().mode() & 0o777, 0o600);
    let limits = fs::read_to_string(format!("/proc/{}/limits", started.child.id())).unwrap();
    let of = |name: &str| -> Vec<&str> {
        limits.lines().find_map(|line| line.strip_prefix(name)).unwrap().split_whitespace().take(2).collect()
    };
    let defaults = ProcessLimits::default();
    for (name, most) in [
        ("Max address space", defaults.address_space_bytes),
        ("Max file size", defaults.file_bytes),
        ("Max open files", defaults.open_files),
        ("Max core file size", 0),
    ] {
        let most = most.to_string();
        assert_eq!(of(name), [&most, &most], "{name}");
    }
    // Of the thread that limited itself and those that it started: here the harness has an older one.
    let threads = fs::read_dir(format!("/proc/{}/task", started.child.id())).unwrap();
    let niceness = threads.map(|thread| {
        let stat = fs::read_to_string(thread.unwrap().path().join("stat")).unwrap();
        // After the name in brackets: state is field 3, niceness field 19.
        stat.rsplit_once(") ").unwrap().1.split(' ').nth(16).unwrap().parse::<i32>().unwrap()
    });
    assert!(niceness.max().unwrap() >= defaults.niceness);
}

#[test]
fn it_ends_with_its_stdin_even_in_the_middle_of_work() {
    let mut started = Started::new();
    let large = r#"{"input": {"prompt": "a city", "width": 2048, "height": 2048, "num_outputs": 4, "quality": "hd"}}"#;
    assert!(started.put("a", large).starts_with("HTTP/1.1 202"));
    drop(started.child.stdin.take());
    assert!(started.ends().success());
    assert!(!started.socket.exists());
}

#[test]
fn it_stops_when_it_is_told_to_and_leaves_no_socket() {
    let mut started = Started::new();
    let large = r#"{"input": {"prompt": "a city", "width": 2048, "height": 2048, "num_outputs": 4, "quality": "hd"}}"#;
    assert!(started.put("a", large).starts_with("HTTP/1.1 202"));
    let pid = rustix::process::Pid::from_child(&started.child);
    // Ctrl-C reaches every process of a terminal; this one listens to its server alone.
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert!(started.put("b", "[").starts_with("HTTP/1.1 422"));
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(started.ends().success());
    assert!(!started.socket.exists());
}

#[test]
fn what_can_not_run_is_said_before_anything_is_done() {
    let unix = WorkerOptions::new(Listen::Unix("/nowhere/w.sock".into()));
    let unknown = run("scetch", unix).unwrap_err();
    assert!(unknown.to_string().contains("sketch"), "{unknown}");
    let open = WorkerOptions::new(Listen::Tcp("127.0.0.1:0".parse().unwrap()));
    assert!(matches!(run("sketch", open), Err(WorkerError::TokenMissing)));
}

#[test]
fn only_a_socket_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("thesis.txt");
    fs::write(&file, "years of work").unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { assert!(bind(&file).is_err()) });
    assert_eq!(fs::read_to_string(&file).unwrap(), "years of work");
}
