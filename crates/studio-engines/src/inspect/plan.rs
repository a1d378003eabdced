//! How the clean file is made: ranges of the original, and a few bytes that take the place of others. Nothing that is played
//! or shown is encoded again, and however long the file is, none of it has to be in memory.

use super::{refusal::Looked, source::Source};
use std::{
    collections::BTreeSet,
    io::{self, Write},
    ops::Range,
};

/// How much is copied at once.
const COPY_BYTES: u64 = 256 << 10;

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Keep(Range<u64>),
    Bytes(Vec<u8>),
    Zeros(u64),
}

/// The clean file, piece by piece.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pieces: Vec<Piece>,
    stripped: BTreeSet<&'static str>,
}

impl Plan {
    /// This part of the original stays.
    pub(crate) fn keep(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        match self.pieces.last_mut() {
            Some(Piece::Keep(last)) if last.end == range.start => last.end = range.end,
            _ => self.pieces.push(Piece::Keep(range)),
        }
    }

    /// These bytes come here.
    pub(crate) fn put(&mut self, bytes: impl Into<Vec<u8>>) {
        self.pieces.push(Piece::Bytes(bytes.into()));
    }

    /// So many zeros come here.
    pub(crate) fn zeros(&mut self, length: u64) {
        self.pieces.push(Piece::Zeros(length));
    }

    /// Something of this kind is left out.
    pub(crate) fn strip(&mut self, what: &'static str) {
        self.stripped.insert(what);
    }

    /// What was left out.
    pub(crate) fn stripped(&self) -> impl Iterator<Item = &'static str> {
        self.stripped.iter().copied()
    }

    /// Whether the clean file is the original.
    pub(crate) fn changes_nothing(&self, length: u64) -> bool {
        match &self.pieces[..] {
            [] => length == 0,
            [Piece::Keep(all)] => *all == (0..length),
            _ => false,
        }
    }

    /// How long the clean file is, in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Keep(range) => range.end - range.start,
                Piece::Bytes(bytes) => bytes.len() as u64,
                Piece::Zeros(length) => *length,
            })
            .sum()
    }

    /// Writes the clean file.
    pub(crate) fn write(&self, source: &Source, out: &mut impl Write) -> io::Result<()> {
        let read = |at, length| -> Looked<Vec<u8>> { source.bytes(at, length) };
        for piece in &self.pieces {
            match piece {
                Piece::Keep(range) => {
                    let mut at = range.start;
                    while at < range.end {
                        let length = COPY_BYTES.min(range.end - at);
                        out.write_all(&read(at, length).map_err(|refused| io::Error::other(refused.message))?)?;
                        at += length;
                    }
                }
                Piece::Bytes(bytes) => out.write_all(bytes)?,
                Piece::Zeros(length) => {
                    io::copy(&mut io::Read::take(io::repeat(0), *length), out)?;
                }
            }
        }
        Ok(())
    }
}
