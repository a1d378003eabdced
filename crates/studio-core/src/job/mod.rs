//! A job: one durable unit of work, of any modality, from the moment it is accepted to its one end.
//!
//! This file has the nouns. How a job moves is in [`machine`]: one pure function, and no other way.

mod content_hash;
pub mod machine;
mod payer;

pub use content_hash::ContentHash;
pub use machine::{Actor, Effect, Event, MOST_ADJUSTED, Moved, Refused, step};
pub use payer::{KeySource, Payer};

use crate::{
    bill::{Basis, Tokens},
    catalog::Modality,
    id::{AssetId, JobId, LeaseToken, RequestId, UserId},
    media::MediaType,
    money::Nanos,
    price::{PriceList, Usage},
    request::{Flags, Input},
    retry::FailureKind,
    time::Timestamp,
    words::Finish,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted; waits for its turn.
    Queued,
    /// Its intent is durable and it is on its way to the provider.
    Submitting,
    /// The provider has it; we hold a handle.
    Running,
    /// The provider is done; we fetch, check and keep what it made.
    Collecting,
    /// It was sent and the answer was lost. Its money stays held until someone knows.
    Unknown,
    /// Done, and its outputs are ours.
    Succeeded,
    /// Over without a result.
    Failed,
    /// Over because its owner said so.
    Canceled,
    /// Over because its deadline passed.
    Expired,
}

impl Status {
    /// All there are, in the order of a life.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Submitting,
        Self::Running,
        Self::Collecting,
        Self::Unknown,
        Self::Succeeded,
        Self::Failed,
        Self::Canceled,
        Self::Expired,
    ];

    /// Whether nothing comes after it.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled | Self::Expired)
    }

    /// As in the API and the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Submitting => "submitting",
            Self::Running => "running",
            Self::Collecting => "collecting",
            Self::Unknown => "unknown",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Expired => "expired",
        }
    }

    /// Reads what [`Status::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// How urgent a job is among those of its owner: everyone's turn comes all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// When nothing else of theirs waits.
    Low,
    /// As usual.
    #[default]
    Normal,
    /// Before the others.
    High,
}

impl Priority {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Low, Self::Normal, Self::High];

    /// As in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }

    /// Reads what [`Priority::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| priority.as_str() == text)
    }

    /// As a number: more is more urgent.
    pub const fn rank(self) -> i64 {
        match self {
            Self::Low => -1,
            Self::Normal => 0,
            Self::High => 1,
        }
    }
}

/// What the answers about a job promise (design.md, "Durability classes").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// They survive the end of this process, however it ends.
    Process,
    /// They survive a power cut.
    #[default]
    Power,
}

/// One thing that a job made, kept by us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// Its name in the library.
    pub asset: AssetId,
    /// Its content.
    pub hash: ContentHash,
    /// Its type, told by its bytes.
    pub media_type: MediaType,
    /// Its size in bytes.
    pub bytes: u64,
    /// The seed that makes it again, where the model has one.
    pub seed: Option<u64>,
}

/// What a provider answers when it is asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopAnswer {
    /// It will.
    Stopping,
    /// It can't, or is done with it: what it does is paid for, and kept.
    NotPossible,
}

impl StopAnswer {
    /// As in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stopping => "stopping",
            Self::NotPossible => "not_possible",
        }
    }
}

fn is_nothing(amount: &Nanos) -> bool {
    *amount == Nanos::ZERO
}

/// Why a job is over without a result, in words for its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobError {
    /// What kind of failure.
    pub kind: FailureKind,
    /// What happened.
    pub message: String,
}

/// One durable unit of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// Whose it is. Nobody else can see it.
    pub owner: UserId,
    /// Who pays for it.
    pub payer: Payer,
    /// By whose key its provider is asked.
    #[serde(default, skip_serializing_if = "KeySource::is_studio")]
    pub key_source: KeySource,
    /// The request that made it.
    pub request: RequestId,
    /// What its caller called that request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_name: Option<String>,
    /// The job that it does again, after that one ended without a result.
    #[serde(default)]
    pub retry_of: Option<JobId>,
    /// How urgent it is among its owner's.
    #[serde(default)]
    pub priority: Priority,
    /// What it makes.
    pub modality: Modality,
    /// The canonical id of its model.
    pub model: String,
    /// Who runs it.
    pub provider: String,
    /// The model's name there.
    pub upstream: String,
    /// What was asked.
    pub input: Input,
    /// Where it stands.
    pub status: Status,
    /// Grows by one with every change: numbers its snapshots.
    pub version: u64,
    /// What the provider is doing, in its own short words.
    pub stage: Option<String>,
    /// How far along it is, in thousandths. Never falls within an attempt.
    pub progress: u16,
    /// Submissions so far.
    pub attempt: u32,
    /// Attempts that ended by a fault.
    pub faults: u32,
    /// Attempts that ended because the server stopped.
    #[serde(default)]
    pub interruptions: u32,
    /// What its admission, its intents and its end promise.
    #[serde(default)]
    pub durability: Durability,
    /// How often what it said was dropped to be said anew: offsets of one epoch mean nothing in another.
    #[serde(default)]
    pub epoch: u32,
    /// Proof of who works on it now.
    pub lease: Option<LeaseToken>,
    /// The provider's name for the running attempt.
    pub handle: Option<String>,
    /// While queued: not before this.
    pub run_at: Timestamp,
    /// When the work dies.
    pub deadline: Option<Timestamp>,
    /// Since when nobody knows whether its submission landed.
    pub unknown_since: Option<Timestamp>,
    /// Its owner wants it to stop.
    pub cancel_requested_at: Option<Timestamp>,
    /// What its provider answered, when it was asked to stop.
    #[serde(default)]
    pub stop: Option<StopAnswer>,
    /// Its deadline passed while it was not ours to stop at once.
    pub deadline_passed_at: Option<Timestamp>,
    /// The most that it may cost; reserved at admission.
    pub hold: Nanos,
    /// The price list by which it is held and charged: the one in force when it was accepted, whatever the catalog says
    /// later. None: unpriced.
    pub price_list: Option<PriceList>,
    /// What it was charged, once it is over.
    pub cost: Option<Nanos>,
    /// What its provider takes beside that, for which nobody got anything: the studio bears it.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub absorbed: Nanos,
    /// On what the cost stands. None although it is over: nothing was charged, or before there was this field.
    #[serde(default)]
    pub basis: Option<Basis>,
    /// By what the cost was counted, where it follows from the price list and nobody else told it.
    #[serde(default)]
    pub measured: Option<Usage>,
    /// For so many tokens.
    #[serde(default)]
    pub tokens: Option<Tokens>,
    /// The cost was counted by us, because its provider could not tell it.
    #[serde(default)]
    pub estimated: bool,
    /// Usage in the provider's own words.
    #[serde(default)]
    pub reported: Option<Value>,
    /// Why its model stopped saying what it said.
    #[serde(default)]
    pub finish: Option<Finish>,
    /// What it made.
    pub outputs: Vec<Output>,
    /// Why it is over without a result.
    pub error: Option<JobError>,
    /// What its owner should know although it was accepted.
    pub warnings: Vec<String>,
    /// What in its words is worth a second look.
    #[serde(default, skip_serializing_if = "Flags::is_empty")]
    pub flags: Flags,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When a provider first had it.
    pub started_at: Option<Timestamp>,
    /// When its current attempt began.
    #[serde(default)]
    pub attempt_at: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// Those of its outputs that its owner has removed since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<AssetId>,
    /// When what was asked of it, and what came of it, was forgotten. What it cost stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forgotten_at: Option<Timestamp>,
}

/// What is known of a job when it is asked for; the rest of its life is still to come.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Its name.
    pub id: JobId,
    /// Whose it is.
    pub owner: UserId,
    /// Who pays for it.
    pub payer: Payer,
    /// The request that makes it.
    pub request: RequestId,
    /// What it makes.
    pub modality: Modality,
    /// The canonical id of its model.
    pub model: String,
    /// Who runs it.
    pub provider: String,
    /// The model's name there.
    pub upstream: String,
    /// What was asked.
    pub input: Input,
    /// When the work dies.
    pub deadline: Option<Timestamp>,
    /// The most that it may cost.
    pub hold: Nanos,
    /// The price list in force.
    pub price_list: Option<PriceList>,
    /// What its owner should know.
    pub warnings: Vec<String>,
    /// What its answers promise.
    pub durability: Durability,
    /// When it is asked for.
    pub now: Timestamp,
}

impl NewJob {
    /// The job as it begins: queued, its first version.
    pub fn queued(self) -> Job {
        let flags = self.input.flags();
        let Self { id, owner, payer, request, modality, model, provider, upstream, .. } = self;
        Job {
            id,
            owner,
            payer,
            key_source: KeySource::Studio,
            request,
            request_name: None,
            retry_of: None,
            priority: Priority::Normal,
            modality,
            model,
            provider,
            upstream,
            input: self.input,
            status: Status::Queued,
            version: 1,
            stage: None,
            progress: 0,
            attempt: 0,
            faults: 0,
            interruptions: 0,
            durability: self.durability,
            epoch: 0,
            lease: None,
            handle: None,
            run_at: self.now,
            deadline: self.deadline,
            unknown_since: None,
            cancel_requested_at: None,
            stop: None,
            deadline_passed_at: None,
            hold: self.hold,
            price_list: self.price_list,
            cost: None,
            absorbed: Nanos::ZERO,
            basis: None,
            measured: None,
            tokens: None,
            estimated: false,
            reported: None,
            finish: None,
            outputs: Vec::new(),
            error: None,
            warnings: self.warnings,
            flags,
            created_at: self.now,
            started_at: None,
            attempt_at: None,
            ended_at: None,
            removed: Vec::new(),
            forgotten_at: None,
        }
    }
}

impl Job {
    /// Whether the studio gave up on it for no fault of the request: a dead letter, which a person may have done again.
    pub fn is_dead_letter(&self) -> bool {
        self.status == Status::Failed && self.error.as_ref().is_some_and(|error| error.kind.may_pass())
    }

    /// Whether it has been over since before a moment: only then it may be forgotten, and never while anything of it is open.
    pub fn may_be_forgotten(&self, over_before: Timestamp) -> bool {
        self.status.is_terminal() && self.forgotten_at.is_none() && self.ended_at.is_some_and(|end| end < over_before)
    }

    /// The same without what was asked, said and made: what is left says how it went and what it cost.
    #[must_use]
    pub fn forgotten(&self, now: Timestamp) -> Self {
        Self {
            input: self.input.forgotten(),
            outputs: Vec::new(),
            reported: None,
            warnings: Vec::new(),
            version: self.version + 1,
            forgotten_at: Some(now),
            ..self.clone()
        }
    }

    /// The same once its owner has removed one of its outputs: it says so, and its history stays. Nothing: it is none of its
    /// outputs, or removed already.
    #[must_use]
    pub fn without_output(&self, asset: AssetId) -> Option<Self> {
        let has = self.outputs.iter().any(|output| output.asset == asset) && !self.removed.contains(&asset);
        let removed = || [&self.removed[..], &[asset]].concat();
        has.then(|| Self { removed: removed(), version: self.version + 1, ..self.clone() })
    }

    /// Whether it needs an asset to come to its end.
    pub fn needs(&self, asset: AssetId) -> bool {
        !self.status.is_terminal() && self.input.pictures().iter().any(|picture| picture.asset == asset)
    }

    /// The request that made it, as its caller was told: by their own name for it, or by ours. Providers and workers get it too.
    pub fn request_text(&self) -> String {
        self.request_name.clone().unwrap_or_else(|| self.request.to_string())
    }

    /// Whether nothing is charged for it whatever happens. What an own key pays at its provider is not known here.
    pub fn is_free(&self) -> bool {
        self.hold == Nanos::ZERO && self.price_list.is_some() && self.key_source.is_studio()
    }

    /// The name of its current attempt at the provider: ours to choose, the same if the same attempt is looked up.
    pub fn attempt_name(&self) -> String {
        format!("{}-{}", self.id, self.attempt)
    }
}
