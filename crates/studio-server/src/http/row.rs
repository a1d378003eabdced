//! What a row of the table of routes says.

use super::{
    call::{Call, Caller},
    refusal::Refusal,
};
use crate::app::App;
use axum::response::Response;
use futures_util::future::BoxFuture;
use http::Method;
use std::sync::Arc;
use studio_core::{caller::Scope, limits::LimitClass};

/// What a handler gives.
pub(crate) type Answer = BoxFuture<'static, Result<Response, Refusal>>;

/// Who may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Anyone.
    Anyone,
    /// Whoever has an API key with this scope, or a session of someone whose role has it.
    Key(Scope),
    /// Whoever knows an open ticket: our own workers.
    Ticket,
}

/// Who may pass, and the handler that they reach.
#[derive(Clone, Copy)]
pub(crate) enum Access {
    /// Anyone.
    Public(fn(Arc<App>, Call) -> Answer),
    /// Anyone; who is signed in by a session is known to be.
    Visitor(fn(Arc<App>, Option<Caller>, Call) -> Answer),
    /// Whoever has an API key with this scope, or a session of someone whose role has it.
    Key(Scope, fn(Arc<App>, Caller, Call) -> Answer),
    /// Whoever knows an open ticket in the path: our own workers. The handler checks it before it reads anything.
    Ticket(fn(Arc<App>, Call) -> Answer),
}

/// What body a route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyRule {
    /// None; one that comes all the same is cleared away.
    None,
    /// JSON of at most so many bytes, described by the schema of this name.
    Json(u64, &'static str),
    /// A form of at most so many bytes, as a page without a script sends it.
    Form(u64),
    /// Any bytes, at most so many, read by the handler as they come.
    Stream(u64),
    /// A file, by itself or in a form, read by the handler as it comes; how large it may be depends on what it is.
    File,
}

/// For whom a route is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Anyone.
    Everyone,
    /// Whoever uses the studio, for what is their own.
    Users,
    /// Whoever runs it, for what is anyone's.
    Operators,
    /// Its own workers.
    Workers,
}

impl Audience {
    /// As in the OpenAPI document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Users => "users",
            Self::Operators => "operators",
            Self::Workers => "workers",
        }
    }
}

/// What a call costs the studio at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cost {
    /// Nothing: it is answered from memory.
    Memory,
    /// A look into the store or the blobs.
    Read,
    /// A commit.
    Write,
    /// Work at a provider, and its money: held first, and only once for each idempotency key.
    Paid,
}

impl Cost {
    /// As in the OpenAPI document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Read => "read",
            Self::Write => "write",
            Self::Paid => "paid",
        }
    }
}

/// One route.
#[derive(Clone, Copy)]
pub struct Route {
    /// The method.
    pub method: Verb,
    /// The path, with `{parameters}`.
    pub path: &'static str,
    /// Who may pass, and what answers them.
    pub(crate) access: Access,
    /// Against which limit it counts. Only what must be answered whatever happens has none: health, and our own workers.
    pub limit: Option<LimitClass>,
    /// What a call costs the studio at most.
    pub cost: Cost,
    /// What body it takes.
    pub body: BodyRule,
    /// Whether it takes an `Idempotency-Key`.
    pub idempotent: bool,
    /// The query parameters that it takes; others are refused by name.
    pub query: &'static [Query],
    /// What it answers when all goes well, by status.
    pub answers: &'static [(u16, Shape)],
    /// What else it refuses with, by status, and why: beside what all routes of its kind do (see [`super::openapi`]).
    pub refuses: &'static [(u16, &'static str)],
    /// Paths by which the system that this one replaces had it: answered in the same way, with a hint at the path of today.
    pub legacy: &'static [&'static str],
    /// Whether it is a page for people: then a refusal is one, too.
    pub page: bool,
    /// What it does, in a few words.
    pub about: &'static str,
}

/// The methods that we have, as constants can hold them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// `GET`; answers `HEAD` too.
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
}

impl Verb {
    /// As in HTTP.
    pub const fn as_method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
            Self::Patch => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }
}

/// A query parameter.
#[derive(Debug, Clone, Copy)]
pub struct Query {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// What it may be.
    pub kind: QueryKind,
    /// Whether it must be there.
    pub required: bool,
}

impl Query {
    /// One that may be there or not.
    pub(super) const fn new(name: &'static str, kind: QueryKind, about: &'static str) -> Self {
        Self { name, about, kind, required: false }
    }
}

/// What a query parameter may be.
#[derive(Debug, Clone, Copy)]
pub enum QueryKind {
    /// One of our ids.
    Id,
    /// A whole number in a range.
    Integer(u32, u32),
    /// The number of a ledger entry.
    Number,
    /// The id of an event in a stream of words.
    EventId,
    /// A job's status.
    Status,
    /// A modality.
    Modality,
    /// `true` or `false`.
    Boolean,
    /// A day or a time.
    Time,
    /// The name of a file.
    FileName,
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// What an answer looks like; [`super::openapi`] describes each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Finished pictures, as JSON or the first one's bytes.
    Images,
    /// What a model said, as JSON or as a stream.
    Chat,
    /// A title.
    Title,
    /// A stream of what a job says.
    Words,
    /// A job that goes on.
    Accepted,
    /// One job.
    Job,
    /// A page of jobs.
    Jobs,
    /// A stream of job snapshots.
    Events,
    /// Bytes of an asset.
    Bytes,
    /// A small picture.
    Thumbnail,
    /// An asset, and what is known of it.
    Asset,
    /// A page of assets.
    Assets,
    /// A page by which an asset is shown, to its owner.
    Share,
    /// Several of them.
    Shares,
    /// What such a page shows, to whoever knows its address.
    Shared,
    /// That it is done.
    Done,
    /// Nothing.
    Nothing,
    /// Models.
    Models,
    /// Usage.
    Usage,
    /// Entries of the ledger, as JSON or as a table.
    Entries,
    /// Budgets.
    Budgets,
    /// The budgets of one.
    Budget,
    /// A page of dead letters.
    DeadLetters,
    /// One of them, with its attempts.
    DeadLetter,
    /// A user's own keys for providers.
    ProviderKeys,
    /// One of them.
    ProviderKey,
    /// Whether something was removed.
    Removed,
    /// Jobs that are stuck.
    StuckJobs,
    /// A job whose money was settled, or will be.
    Settled,
    /// Who is signed in.
    Session,
    /// Where someone is signed in.
    Sessions,
    /// Someone's keys.
    Keys,
    /// A key that was just made.
    NewKey,
    /// Everyone.
    Users,
    /// Someone.
    User,
    /// A link that was just made.
    NewLink,
    /// Invitations that are open.
    Invitations,
    /// A page of the audit log.
    Audit,
    /// That the process runs.
    Live,
    /// How each part is.
    Health,
    /// What is counted, as Prometheus reads it.
    Metrics,
    /// A page for people.
    Page,
    /// The description of the API.
    OpenApi,
    /// A little picture.
    Icon,
    /// Where a job stands, in the words of the system that this one replaces.
    LegacyStatus,
}

impl Route {
    /// Whether its requests may stay for long: those that make something and wait for it, and those that follow something.
    pub(super) fn is_long(&self) -> bool {
        self.cost == Cost::Paid || self.answers.iter().any(|(_, shape)| matches!(shape, Shape::Events | Shape::Words))
    }

    /// For whom it is.
    pub const fn audience(&self) -> Audience {
        match self.access {
            Access::Public(_) | Access::Visitor(_) => Audience::Everyone,
            Access::Key(Scope::Admin, _) => Audience::Operators,
            Access::Key(..) => Audience::Users,
            Access::Ticket(_) => Audience::Workers,
        }
    }

    /// Who may pass.
    pub const fn who(&self) -> Who {
        match self.access {
            Access::Public(_) | Access::Visitor(_) => Who::Anyone,
            Access::Key(scope, _) => Who::Key(scope),
            Access::Ticket(_) => Who::Ticket,
        }
    }
}
