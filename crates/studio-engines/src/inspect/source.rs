//! The file, read by position. It is never opened by a path: the server hands over what it has written, open for reading.

use super::refusal::{Looked, cut_off, damaged};
use std::{
    cell::RefCell,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::{fd::AsFd, unix::fs::FileExt},
    sync::Arc,
};

/// How much is read at once: headers lie close together.
const WINDOW_BYTES: usize = 64 << 10;

/// A regular file of a known length.
pub(crate) struct Source {
    file: Arc<File>,
    length: u64,
    window: RefCell<Window>,
}

/// What was read last.
struct Window {
    at: u64,
    bytes: Vec<u8>,
}

impl Source {
    /// Standard input. Only a regular file can be read by position.
    pub(crate) fn stdin() -> io::Result<Self> {
        Self::new(File::from(io::stdin().as_fd().try_clone_to_owned()?))
    }

    /// An open file.
    pub(crate) fn new(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "standard input is not a regular file"));
        }
        let window = RefCell::new(Window { at: 0, bytes: Vec::new() });
        Ok(Self { file: Arc::new(file), length: metadata.len(), window })
    }

    /// Its length, in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// As many bytes from there on as there are, up to `into`'s length.
    pub(crate) fn read(&self, at: u64, into: &mut [u8]) -> Looked<usize> {
        if into.len() >= WINDOW_BYTES {
            return fill(&self.file, at, into).map_err(damaged);
        }
        let mut window = self.window.borrow_mut();
        let inside = |window: &Window| {
            at.checked_sub(window.at)
                .and_then(|skip| usize::try_from(skip).ok())
                .filter(|skip| *skip <= window.bytes.len())
        };
        let wanted = into.len().min(usize::try_from(self.length.saturating_sub(at)).unwrap_or(usize::MAX));
        let held = inside(&window).is_some_and(|skip| window.bytes.len() - skip >= wanted);
        if !held {
            window.bytes.resize(WINDOW_BYTES, 0);
            window.at = at;
            let read = fill(&self.file, at, &mut window.bytes).map_err(damaged)?;
            window.bytes.truncate(read);
        }
        let skip = inside(&window).unwrap_or(window.bytes.len());
        let found = window.bytes.get(skip..).unwrap_or_default();
        let length = found.len().min(into.len());
        if let (Some(into), Some(found)) = (into.get_mut(..length), found.get(..length)) {
            into.copy_from_slice(found);
        }
        Ok(length)
    }

    /// Exactly so many bytes from there on.
    pub(crate) fn array<const N: usize>(&self, at: u64) -> Looked<[u8; N]> {
        let mut bytes = [0; N];
        if self.read(at, &mut bytes)? == N { Ok(bytes) } else { Err(cut_off()) }
    }

    /// Exactly so many bytes from there on. The caller has bounded how many.
    pub(crate) fn bytes(&self, at: u64, length: u64) -> Looked<Vec<u8>> {
        if at.checked_add(length).is_none_or(|end| end > self.length) {
            return Err(cut_off());
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(damaged)?];
        if self.read(at, &mut bytes)? == bytes.len() { Ok(bytes) } else { Err(cut_off()) }
    }

    /// At most so many bytes from the start.
    pub(crate) fn head(&self, most: usize) -> Looked<Vec<u8>> {
        let mut bytes = vec![0; most];
        let read = self.read(0, &mut bytes)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// A part of it as a stream.
    pub(crate) fn part(&self, start: u64, end: u64) -> Part {
        let end = end.min(self.length);
        Part { file: self.file.clone(), before: Vec::new(), start, end: end.max(start), at: 0 }
    }
}

/// Reads on until `into` is full or the file ends.
fn fill(file: &File, mut at: u64, into: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest @ [_, ..]) = into.get_mut(filled..) {
        match file.read_at(rest, at) {
            Ok(0) => break,
            Ok(read) => {
                filled += read;
                at += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// A part of the file, as a stream with a start and an end of its own; perhaps with a few bytes of ours before it.
pub(crate) struct Part {
    file: Arc<File>,
    before: Vec<u8>,
    start: u64,
    end: u64,
    at: u64,
}

impl Part {
    /// With these bytes before it.
    pub(crate) fn behind(self, before: Vec<u8>) -> Self {
        Self { before, ..self }
    }

    /// How long it is, in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.before.len() as u64 + self.end - self.start
    }
}

impl Read for Part {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let skip = usize::try_from(self.at).unwrap_or(usize::MAX);
        let read = match self.before.get(skip..) {
            Some(rest @ [_, ..]) => {
                let length = rest.len().min(into.len());
                for (into, byte) in into.iter_mut().zip(rest) {
                    *into = *byte;
                }
                length
            }
            _ => {
                let left = self.length().saturating_sub(self.at);
                let most = usize::try_from(left).unwrap_or(usize::MAX).min(into.len());
                let at = self.start + self.at.saturating_sub(self.before.len() as u64);
                match into.get_mut(..most) {
                    Some(into @ [_, ..]) => self.file.read_at(into, at)?,
                    _ => 0,
                }
            }
        };
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Part {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.length().checked_add_signed(offset),
            SeekFrom::Current(offset) => self.at.checked_add_signed(offset),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
