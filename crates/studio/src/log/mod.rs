//! The log: one event is one line on standard error, for people or for machines. What an event says is the caller's or a
//! provider's word in part; so a line can't be made to look like two, or like another, and what should not be read is not in it.
//!
//! `escape` makes every character visible, `redact` is the second belt around secrets and prompts (the first is their types,
//! `studio_core::secret`), `line` puts both to use.

mod escape;
mod line;
mod redact;

use crate::{
    config::{Config, LogFormat},
    system::SystemClock,
};
use anyhow::Context;
use line::{Line, Style};
use std::{
    io::{self, IsTerminal, Write},
    panic::PanicHookInfo,
    sync::{Mutex, PoisonError},
};
use studio_core::ports::Clock;
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer,
    layer::{Context as LayerContext, SubscriberExt},
    util::SubscriberInitExt,
};

/// Begins to log, as configured.
pub(crate) fn start(config: &Config) -> anyhow::Result<()> {
    let filter = config.log.as_deref().unwrap_or("info");
    let filter = EnvFilter::try_new(filter).with_context(|| format!("log filter {filter:?}"))?;
    let style = match config.log_format {
        LogFormat::Text => Style::Text { coloured: io::stderr().is_terminal() },
        LogFormat::Json => Style::Json,
    };
    let log = Log { clock: SystemClock, style, out: Mutex::new(Out { writer: io::stderr(), torn: false }) };
    tracing_subscriber::registry().with(filter).with(log).init();
    std::panic::set_hook(Box::new(note_panic));
    Ok(())
}

/// A panic's text may hold what a person wrote, and may be many lines; its place is enough to find the bug.
fn note_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string);
    tracing::error!(place, thread = std::thread::current().name(), "panicked");
}

/// Writes events as lines.
struct Log<C, W> {
    clock: C,
    style: Style,
    out: Mutex<Out<W>>,
}

impl<S, C, W> Layer<S> for Log<C, W>
where
    S: Subscriber,
    C: Clock + 'static,
    W: Write + Send + 'static,
{
    // Spans are not looked at: the studio has none.
    fn on_event(&self, event: &Event<'_>, _context: LayerContext<'_, S>) {
        let line = Line::of(event, self.clock.now()).written(self.style);
        self.out.lock().unwrap_or_else(PoisonError::into_inner).write(line);
    }
}

/// Where lines go. It must be unbuffered.
struct Out<W> {
    writer: W,
    /// The last line ended in its middle.
    torn: bool,
}

impl<W: Write> Out<W> {
    /// Writes a line, in one call if the system takes it whole.
    ///
    /// A line that can't be written is lost, and nobody is told: the complaint would go where the line could not. A full disk
    /// under the log, or a pipe whose reader has gone, must not end whoever has something to say. What comes after half a
    /// line begins on a line of its own.
    fn write(&mut self, mut line: String) {
        if self.torn {
            line.insert(0, '\n');
        }
        line.push('\n');
        let mut left = line.as_bytes();
        while !left.is_empty() {
            match self.writer.write(left) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
                Ok(written) => left = left.get(written..).unwrap_or_default(),
            }
        }
        if left.is_empty() {
            self.torn = false;
        } else if left.len() < line.len() {
            self.torn = true;
        }
    }
}

#[cfg(test)]
mod tests;
