//! Runs models: an outside API, or a worker. An adapter is one call and its wire format; retries, limits, money and
//! storage are around it, once, for all.

use crate::{
    bill::Reported,
    job::{ContentHash, Job},
    retry::Failure,
    secret::Secret,
    words::{Finish, Voice},
};
use async_trait::async_trait;
use bytes::Bytes;
use futures_core::stream::BoxStream;
use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

/// What a provider can do; the rules of retry and reconciliation ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// It is our own child process: when it dies its work dies with it.
    pub supervised: bool,
    /// It can say whether it knows a submission by our name for it.
    pub lookup: bool,
    /// It can stop work.
    pub cancel: bool,
}

/// What is sent to a provider.
#[derive(Debug, Clone)]
pub struct Submission<'a> {
    /// The job, its intent durable.
    pub job: &'a Job,
    /// Where the provider may put outputs instead of sending them in its answer: a URL that ends in a slash.
    pub upload_to: Option<&'a str>,
    /// The bytes of the pictures that the job shows: in its messages, or to begin with.
    pub pictures: &'a HashMap<ContentHash, Bytes>,
    /// Longest wait for the first byte of an answer, or for its first word.
    pub first_byte_limit: Duration,
    /// Longest silence in the middle of an answer.
    pub idle_limit: Duration,
    /// Longest that the work may take.
    pub total_limit: Duration,
}

/// One thing that a provider made, on its way to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Produced {
    /// In the answer itself.
    Inline(Bytes),
    /// At an address: of our own upload place, or of the provider.
    At(String),
}

/// What comes on the way of an answer that is said piece by piece.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// The provider's name for the work.
    Named(String),
    /// What was said next, never empty.
    Said(Voice, String),
    /// It has said all.
    Finished(Finish),
    /// What it used.
    Used(Reported),
}

/// An answer as it comes, several pieces at once where they came at once. It ended well if it ended after
/// [`Piece::Finished`]; an error ends it. To drop it is to hang up, which ends the work at the provider.
pub type Saying = BoxStream<'static, Result<Vec<Piece>, Failure>>;

/// The answer to a submission.
pub enum Started {
    /// It is done already.
    Done(Vec<Produced>),
    /// It goes on under this name.
    Pending(String),
    /// It took the work, and says its answer as it makes it.
    Saying(Saying),
}

impl fmt::Debug for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(outputs) => f.debug_tuple("Done").field(outputs).finish(),
            Self::Pending(handle) => f.debug_tuple("Pending").field(handle).finish(),
            Self::Saying(_) => f.write_str("Saying"),
        }
    }
}

/// The answer to a question after running work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Polled {
    /// It goes on.
    Running {
        /// What it is doing.
        stage: Option<String>,
        /// How far along, in thousandths.
        progress: u16,
    },
    /// It is done.
    Done(Vec<Produced>),
    /// It was stopped.
    Canceled,
}

/// The answer to a wish to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Canceled {
    /// Understood; a poll will tell when it has stopped.
    Asked,
    /// It does not know the work, or can't stop it.
    NotPossible,
}

/// The answer to "do you know this submission?".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// Yes, under this name.
    Found(String),
    /// No: it never landed.
    NotLanded,
}

/// Runs models.
#[async_trait]
pub trait Provider: Send + Sync {
    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// The same provider, asked by a key of the job's owner and by no other: neither shows the studio's own. None: it takes no keys.
    fn with_key(&self, _key: &Secret) -> Option<Arc<dyn Provider>> {
        None
    }

    /// Submits, once. An error of kind `Lost` means that it may have landed.
    async fn start(&self, submission: &Submission<'_>) -> Result<Started, Failure>;

    /// Asks after running work; may wait up to `wait` for news. An error here ends the attempt, so an adapter gives
    /// `Unavailable` only for a question that can be asked again.
    async fn poll(&self, job: &Job, handle: &str, wait: Duration) -> Result<Polled, Failure>;

    /// Asks running work to stop.
    async fn cancel(&self, handle: &str) -> Result<Canceled, Failure>;

    /// Told that work which was asked to stop did not: whoever can end it by force does so now.
    async fn abandon(&self, _handle: &str) {}

    /// Asks whether a submission landed, by the name that we gave it. Only where [`Capabilities::lookup`] says so.
    async fn lookup(&self, attempt_name: &str) -> Result<Lookup, Failure>;
}
