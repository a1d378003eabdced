//! The process that looks into a file that somebody sent: `studio inspect`.
//!
//! A file from outside is hostile until it has been read, and whoever reads it may break: decoders are large, and files are
//! made to hit their bugs. So the server only ever looks at the first bytes itself, and has a child read the rest. The child
//! first limits itself for good: memory, seconds on a processor, nothing written, almost nothing open. Standard input is the
//! file; once it has that, it gives up whatever else a process can do ([`confine`]), and only then reads its first byte. It writes
//! one line, a [`Verdict`], and then the bytes of its sections: a thumbnail, and a clean copy if there was something to remove. If it
//! dies instead, the file is refused.
//!
//! Each format has a file that walks through its container, and each walk goes from the outside in: first what the headers
//! say is held against the [`bounds`], and only then is anything unpacked. The same walk says what the clean copy leaves
//! out (`plan`). No pixel and no sample is encoded again.

pub mod bounds;

mod audio;
mod boxes;
mod confine;
mod dataset;
mod image;
mod plan;
mod refusal;
mod source;
mod video;
mod webm;

pub use confine::Probe;

use crate::worker;
use bounds::{ADDRESS_SPACE_BYTES, CPU_SECONDS, DATASET_CPU_SECONDS, NICENESS, OPEN_FILES};
use plan::Plan;
use refusal::{Looked, damaged, refuse};
use rustix::process::{Resource, Rlimit, nice, setrlimit};
use source::Source;
use std::{
    fs::File,
    io::{self, BufWriter, Read, Write},
    panic::{AssertUnwindSafe, catch_unwind},
};
use studio_core::inspection::{Facts, FileKind, MOST_TEXT_BYTES, RefusalCode, Section, SectionName, Verdict};

/// What to look at, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// As what.
    pub kind: FileKind,
    /// Whether metadata may stay. What follows the end of the file proper never does.
    pub keep_metadata: bool,
    /// Whether only a thumbnail is wanted, and no clean copy.
    pub only_thumbnail: bool,
    /// Whether to say on standard error how much memory it took, at most.
    pub tell_peak: bool,
}

/// Why nothing could be said of a file.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The kernel refused a limit.
    #[error("can't limit this process: {0}")]
    Limits(#[source] io::Error),
    /// There is no file, or nobody who listens.
    #[error("can't read the file or say what it is: {0}")]
    System(#[from] io::Error),
}

/// What came of looking.
struct Found {
    facts: Facts,
    /// Its media type and its bytes.
    thumbnail: Option<(&'static str, Vec<u8>)>,
    clean: Plan,
}

/// Looks at standard input and says on standard output what it is. Call it before any other thread exists.
pub fn run(options: Options) -> Result<(), InspectError> {
    limit(options.kind).map_err(InspectError::Limits)?;
    worker::hide_panic_texts();
    let source = Source::stdin()?;
    // Opened as long as anything can be.
    let status = options.tell_peak.then(|| File::open("/proc/self/status")).transpose()?;
    confine::confine();
    let found = catch_unwind(AssertUnwindSafe(|| look(&source, options))).unwrap_or_else(|_| Err(damaged(BROKE)));
    let mut out = BufWriter::new(io::stdout().lock());
    match found {
        Ok(found) => write(found, &source, options, &mut out)?,
        Err(refused) => write_line(&Verdict::Refused(refused), &mut out)?,
    }
    out.flush()?;
    if let Some(status) = status {
        // There is nobody to tell when standard error is gone.
        drop(io::stderr().write_all(format!("{PEAK} {} KiB\n", peak_kib(status)?).as_bytes()));
    }
    Ok(())
}

/// Confines itself as [`run`] does, tries to do what it should not be able to do then, and says on standard output what came of it,
/// a [`Probe`]. Call it before any other thread exists.
pub fn try_confinement() -> io::Result<()> {
    let probe = confine::probe();
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, &probe)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// What is said of a file that we could not look into for a fault of our own.
pub const BROKE: &str = "nothing could be made of it";

/// What stands before the number when the process says how much memory it took.
pub const PEAK: &str = "peak memory:";

/// The most memory that this process ever had, in KiB, by what the kernel says of it there.
fn peak_kib(file: File) -> io::Result<u64> {
    let mut status = String::new();
    file.take(1 << 20).read_to_string(&mut status)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Limits this process, for good. Core dumps are off: they would hold what people sent.
fn limit(kind: FileKind) -> io::Result<()> {
    let seconds = if kind == FileKind::Dataset { DATASET_CPU_SECONDS } else { CPU_SECONDS };
    worker::limit(Resource::Core, 0)?;
    worker::limit(Resource::Fsize, 0)?;
    worker::limit(Resource::As, ADDRESS_SPACE_BYTES)?;
    worker::limit(Resource::Nofile, OPEN_FILES)?;
    setrlimit(Resource::Cpu, Rlimit { current: Some(seconds), maximum: Some(seconds + 1) })?;
    nice(NICENESS)?;
    Ok(())
}

fn look(source: &Source, options: Options) -> Looked<Found> {
    if source.length() == 0 {
        return refuse(RefusalCode::NotMedia, "the file is empty");
    }
    match options.kind {
        FileKind::Image => image::look(source, options),
        FileKind::Audio => audio::look(source, options),
        FileKind::Video => video::look(source, options),
        FileKind::Dataset => dataset::look(source, options),
    }
}

fn write(found: Found, source: &Source, options: Options, out: &mut impl Write) -> io::Result<()> {
    let Found { mut facts, thumbnail, clean } = found;
    let clean = (!options.only_thumbnail && !clean.changes_nothing(source.length())).then_some(clean);
    if let Some((media_type, bytes)) = &thumbnail {
        let bytes = bytes.len() as u64;
        facts.sections.push(Section { name: SectionName::Thumbnail, media_type: (*media_type).to_owned(), bytes });
    }
    if let Some(clean) = &clean {
        facts.stripped = clean.stripped().map(str::to_owned).collect();
        let media_type = facts.media_type.clone();
        facts.sections.push(Section { name: SectionName::Clean, media_type, bytes: clean.length() });
    }
    write_line(&Verdict::Ok(facts), out)?;
    if let Some((_, bytes)) = thumbnail {
        out.write_all(&bytes)?;
    }
    clean.map_or(Ok(()), |clean| clean.write(source, out))
}

fn write_line(verdict: &Verdict, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, verdict)?;
    out.write_all(b"\n")
}

const _: () = assert!(MOST_TEXT_BYTES >= 500, "refusals are cut at 480 bytes and a character");
