//! What clients asked for, by which key, and what they were told: written down as it is read.

use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A picture of the built-in engine.
    Sketch,
    /// A picture of a Cog worker that can be asked after its work.
    Lab,
    /// A picture of a plain Cog container.
    Plain,
    /// A picture of OpenAI's API.
    Paint,
    /// An answer of the built-in guide.
    Guide,
    /// An answer of OpenAI's API.
    Talk,
    /// A title of the built-in engine.
    Title,
    /// Another job, once more.
    Retry,
}

/// One wish of one client: one job, however often it is asked for.
#[derive(Debug, Clone)]
pub(super) struct Order {
    /// What it is.
    pub(super) kind: Kind,
    /// Who asks: a place in the town's list of people.
    pub(super) who: usize,
    /// Where.
    pub(super) path: String,
    /// With what.
    pub(super) body: Value,
    /// Its `Idempotency-Key`. Without one it is asked for once.
    pub(super) name: Option<String>,
    /// The job, once an answer was read that names it.
    pub(super) job: Option<String>,
    /// How the job ended, once that was read.
    pub(super) ended: Option<String>,
    /// The most of its words that was read.
    pub(super) seen: String,
    /// It was asked for once more as another job.
    pub(super) retried: bool,
}

/// What an answer says.
#[derive(Debug, Clone)]
pub(super) enum Told {
    /// There was none.
    Nothing,
    /// There is a job.
    Job(String),
    /// There is none, for this reason.
    Refused(u16, String),
}

/// The books of all clients.
#[derive(Default)]
pub(super) struct Books {
    inner: Mutex<Inner>,
    answers: AtomicU64,
}

#[derive(Default)]
struct Inner {
    orders: Vec<Order>,
    told: BTreeMap<String, u64>,
    violations: Vec<String>,
    doubled: u64,
    lost: u64,
}

/// What clients saw with their own eyes.
pub(super) struct Seen {
    pub(super) orders: Vec<Order>,
    pub(super) told: BTreeMap<String, u64>,
    pub(super) violations: Vec<String>,
    pub(super) doubled: u64,
    pub(super) lost: u64,
}

/// Refusals that anyone may get at any time: too much at once, a server about to stop, a disk or a database in trouble.
const PASSING: [&str; 5] = ["stopping", "busy", "store_unavailable", "no_space", "blobs_unavailable"];

impl Books {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many answers that name a job were read.
    pub(super) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// Writes a new order down; its number. `make` is given it.
    pub(super) fn begin(&self, make: impl FnOnce(usize) -> Order) -> usize {
        let mut inner = self.inner();
        let number = inner.orders.len();
        inner.orders.push(make(number));
        number
    }

    pub(super) fn order(&self, number: usize) -> Option<Order> {
        self.inner().orders.get(number).cloned()
    }

    /// Something is not as it should be.
    pub(super) fn violation(&self, what: String) {
        self.inner().violations.push(what);
    }

    /// An accepted job is not there.
    pub(super) fn lost(&self, what: String) {
        let mut inner = self.inner();
        inner.lost += 1;
        inner.violations.push(what);
    }

    /// Writes down what was told about an order.
    pub(super) fn note(&self, number: usize, told: &Told) {
        let mut inner = self.inner();
        let word = match told {
            Told::Nothing => "no answer".to_owned(),
            Told::Job(_) => "a job".to_owned(),
            Told::Refused(status, code) => format!("{status} {code}"),
        };
        *inner.told.entry(word).or_default() += 1;
        if matches!(told, Told::Job(_)) {
            self.answers.fetch_add(1, Ordering::Relaxed);
        }
        let Some(order) = inner.orders.get_mut(number) else { return };
        match told {
            Told::Nothing => {}
            Told::Job(job) => match &order.job {
                None => order.job = Some(job.clone()),
                Some(known) if known == job => {}
                Some(known) => {
                    let what = format!("order {number}: its key names {known}, and now {job}");
                    inner.doubled += 1;
                    inner.violations.push(what);
                }
            },
            Told::Refused(_, code) if PASSING.contains(&code.as_str()) => {}
            Told::Refused(402, _) if order.job.is_none() => {}
            Told::Refused(409, code) if code == "not_to_retry" && order.job.is_none() => {}
            Told::Refused(status, code) => {
                let what =
                    format!("order {number} ({:?}, job {:?}) was refused: {status} {code}", order.kind, order.job);
                inner.violations.push(what);
            }
        }
    }

    /// Writes down how the job of an order ended. It ends once.
    pub(super) fn note_end(&self, number: usize, status: &str) {
        let mut inner = self.inner();
        let Some(order) = inner.orders.get_mut(number) else { return };
        match &order.ended {
            None => order.ended = Some(status.to_owned()),
            Some(before) if before == status => {}
            Some(before) => {
                let what = format!("order {number} had ended as {before}, and now as {status}");
                inner.violations.push(what);
            }
        }
    }

    /// Writes down what was read of the words of an order.
    pub(super) fn note_words(&self, number: usize, text: String) {
        if let Some(order) = self.inner().orders.get_mut(number)
            && order.seen.len() < text.len()
        {
            order.seen = text;
        }
    }

    /// Whether this order's job may be retried now; true once.
    pub(super) fn take_retry(&self, number: usize) -> Option<Order> {
        let mut inner = self.inner();
        let order = inner.orders.get_mut(number)?;
        let may = order.ended.as_deref().is_some_and(|ended| ended != "succeeded") && !order.retried;
        order.retried |= may;
        may.then(|| order.clone())
    }

    /// All of it.
    pub(super) fn read(&self) -> Seen {
        let inner = self.inner();
        Seen {
            orders: inner.orders.clone(),
            told: inner.told.clone(),
            violations: inner.violations.clone(),
            doubled: inner.doubled,
            lost: inner.lost,
        }
    }
}
