//! Events through the log, into memory.

use super::*;
use serde_json::{Value, json};
use std::{fmt, sync::Arc};
use studio_core::time::Timestamp;
use tracing_subscriber::Registry;

/// It is always the same moment.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_790_000_000_120)
    }
}

/// What was written, call by call, with so much room.
#[derive(Clone)]
struct Memory(Arc<Mutex<(Vec<String>, usize)>>);

impl Memory {
    fn new() -> Self {
        Self(Arc::new(Mutex::new((Vec::new(), usize::MAX))))
    }

    fn room(&self, bytes: usize) {
        self.0.lock().unwrap().1 = bytes;
    }

    fn calls(&self) -> Vec<String> {
        self.0.lock().unwrap().0.clone()
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (calls, room) = &mut *self.0.lock().unwrap();
        if *room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = bytes.len().min(*room);
        *room -= taken;
        calls.push(String::from_utf8(bytes[..taken].to_vec()).unwrap());
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn log_to(memory: &Memory, style: Style) -> impl Subscriber + Send + Sync {
    let out = Mutex::new(Out { writer: memory.clone(), torn: false });
    Registry::default().with(Log { clock: Still, style, out })
}

/// The one line that was written, in one call, when `say` said something.
fn line(style: Style, say: impl FnOnce()) -> String {
    let memory = Memory::new();
    tracing::subscriber::with_default(log_to(&memory, style), say);
    let [line] = &memory.calls()[..] else { panic!("{:?}", memory.calls()) };
    let line = line.strip_suffix('\n').unwrap();
    assert!(!line.contains('\n'), "{line}");
    line.to_owned()
}

const TEXT: Style = Style::Text { coloured: false };

#[derive(Debug)]
struct Cause(&'static str);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

fn say_something() {
    let (nobody, error) = (None::<u64>, Cause("no\nroom"));
    tracing::info!(
        job.id = "7", status = 200, less = -1, share = 0.5, none = f64::NAN, done = true, nobody, %error, fault = ?error,
        api_key = "hunter2", input_tokens = 12, r#type = "a b", "request {}", 1
    );
}

#[test]
fn people_read_one_line() {
    let read = line(TEXT, say_something);
    let expected = "2026-09-21T14:13:20.120Z  INFO request 1  job.id=7 status=200 less=-1 share=0.5 none=NaN done=true \
                    error=\"no\\nroom\" fault=\"Cause(\\\"no\\\\nroom\\\")\" api_key=[redacted] input_tokens=12 type=\"a b\"";
    assert_eq!(read, expected);
    assert_eq!(line(TEXT, || tracing::error!("ready")), "2026-09-21T14:13:20.120Z ERROR ready");
    assert_eq!(line(TEXT, || tracing::debug!(pid = 7)), "2026-09-21T14:13:20.120Z DEBUG  pid=7");
    let coloured = line(Style::Text { coloured: true }, || tracing::warn!(word = "\x1b[32m", "ready"));
    assert_eq!(coloured, "2026-09-21T14:13:20.120Z \x1b[33m WARN\x1b[0m ready  word=\\u{1b}[32m");
}

#[test]
fn machines_read_one_object() {
    let read: Value = serde_json::from_str(&line(Style::Json, say_something)).unwrap();
    let expected = json!({
        "timestamp": "2026-09-21T14:13:20.120Z", "level": "INFO", "target": "studio::log::tests", "message": "request 1",
        "job.id": "7", "status": 200, "less": -1, "share": 0.5, "none": "NaN", "done": true, "error": "no\\nroom",
        "fault": "Cause(\"no\\\\nroom\")", "api_key": "[redacted]", "input_tokens": 12, "type": "a b",
    });
    assert_eq!(read, expected);
    let posing = line(Style::Json, || tracing::info!(level = "ERROR", target = "\"}\n{", timestamp = 1, "x"));
    let expected = "{\"timestamp\":\"2026-09-21T14:13:20.120Z\",\"level\":\"INFO\",\"target\":\"studio::log::tests\",\
                    \"message\":\"x\",\"level_\":\"ERROR\",\"target_\":\"\\\"}\\\\n{\",\"timestamp_\":1}";
    assert_eq!(posing, expected);
}

#[test]
fn a_message_is_one_line_too() {
    let forged = "x\r\n2026-09-21T14:13:20.120Z  INFO forged\u{2028}  admin=true";
    let seen = "x\\r\\n2026-09-21T14:13:20.120Z  INFO forged\\u{2028}  admin=true";
    let read = line(TEXT, || tracing::info!("{forged}"));
    assert_eq!(read, format!("2026-09-21T14:13:20.120Z  INFO \"{seen}\""));
    let read: Value = serde_json::from_str(&line(Style::Json, || tracing::info!("{forged}"))).unwrap();
    assert_eq!(read["message"], seen);
}

#[test]
fn f18_messages_and_errors_lose_what_looks_like_a_key() {
    for style in [TEXT, Style::Json] {
        let error = Cause("refused: Bearer abc.def");
        let read = line(style, || tracing::warn!(%error, fault = ?error, "sent sk-0123456789abcdef"));
        assert_eq!(read.matches("[redacted]").count(), 3, "{read}");
        assert!(!read.contains("abc.def") && !read.contains("0123"), "{read}");
    }
}

#[test]
fn f18_a_panic_is_one_line_without_its_text() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(note_panic));
    let read = line(TEXT, || {
        let broken = std::panic::catch_unwind(|| panic!("xylophone-canary\nin the snow"));
        assert!(broken.is_err());
    });
    std::panic::set_hook(before);
    assert!(read.contains("ERROR panicked  place=crates/studio/src/log/tests.rs:"), "{read}");
    assert!(!read.contains("canary") && !read.contains("snow"), "{read}");
}

#[test]
fn a_line_that_can_not_be_written_is_lost_and_the_next_begins_anew() {
    let memory = Memory::new();
    tracing::subscriber::with_default(log_to(&memory, TEXT), || {
        memory.room(30);
        tracing::info!("one");
        tracing::info!("two");
        memory.room(usize::MAX);
        tracing::info!("three");
        tracing::info!("four");
    });
    let time = "2026-09-21T14:13:20.120Z";
    assert_eq!(memory.calls().concat(), format!("{time}  INFO\n{time}  INFO three\n{time}  INFO four\n"));
}
