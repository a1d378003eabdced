//! The providers' own books: what each was asked, what it made and what it takes for it. They are the truth by which the
//! studio's are judged, so they are written by the providers alone and outlive every server.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use studio_core::{bill::Reported, id::JobId, words::Segment};

/// One submission, as the provider sees it.
#[derive(Debug, Clone)]
pub struct Work {
    /// Where.
    pub provider: &'static str,
    /// For which job.
    pub job: JobId,
    /// By our name for it.
    pub name: String,
    /// By its own.
    pub handle: String,
    /// By which server's life it was sent.
    pub life: u32,
    /// When it arrives, in true time. None: never.
    pub lands_at: Option<Duration>,
    /// We were told, in a way that proves it, that nothing is or will be at work for it.
    pub proven_over: bool,
    /// How many pictures it makes.
    pub pictures: u64,
    /// When it ends by itself. None: never.
    pub ends_at: Option<Duration>,
    /// It ends without a result.
    pub fails: bool,
    /// What it makes is no picture.
    pub garbage: bool,
    /// When it stops because it was asked to.
    pub stops_at: Option<Duration>,
    /// All that it would say.
    pub script: Vec<Segment>,
    /// So many bytes of it were said to us.
    pub said: u64,
    /// It said all of it, and that it was all.
    pub said_all: bool,
    /// What it told of its use.
    pub used: Option<Reported>,
    /// How far along it said it was, last.
    pub told: u16,
}

/// How a work stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It has not arrived.
    Unheard,
    /// It goes on.
    Running,
    /// It was stopped.
    Stopped,
    /// It ended by itself.
    Ended,
}

impl Work {
    /// How it stands at `now`; nothing goes on for ever once the world is calm.
    pub fn standing(&self, now: Duration, calm_since: Option<Duration>) -> Standing {
        let healed = calm_since.map(|since| since + Duration::from_secs(3));
        let ends_at = self.ends_at.or(healed);
        match (self.lands_at, self.stops_at, ends_at) {
            (None, ..) => Standing::Unheard,
            (Some(lands), ..) if lands > now => Standing::Unheard,
            (_, Some(stops), ends) if stops <= now && ends.is_none_or(|ends| stops < ends) => Standing::Stopped,
            (.., Some(ends)) if ends <= now => Standing::Ended,
            _ => Standing::Running,
        }
    }

    /// All of its text, in order.
    pub fn text(&self) -> String {
        self.script.iter().map(|segment| segment.text.as_str()).collect()
    }
}

/// All submissions, in order.
#[derive(Debug, Default)]
pub struct Books(Mutex<Vec<Work>>);

impl Books {
    fn works(&self) -> MutexGuard<'_, Vec<Work>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a submission down; its number.
    pub fn open(&self, work: Work) -> usize {
        let mut works = self.works();
        works.push(work);
        works.len() - 1
    }

    /// Changes one.
    pub fn change<T>(&self, number: usize, change: impl FnOnce(&mut Work) -> T) -> Option<T> {
        self.works().get_mut(number).map(change)
    }

    /// The last one that fits.
    pub fn find(&self, fits: impl Fn(&Work) -> bool) -> Option<(usize, Work)> {
        let works = self.works();
        works.iter().enumerate().rev().find(|(_, work)| fits(work)).map(|(number, work)| (number, work.clone()))
    }

    /// All for one job.
    pub fn of(&self, job: JobId) -> Vec<Work> {
        self.works().iter().filter(|work| work.job == job).cloned().collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.works().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.works().is_empty()
    }

    /// Whether somebody said a text that begins like this for a job.
    pub fn said(&self, job: JobId, text: &str) -> bool {
        text.is_empty()
            || self.works().iter().any(|work| {
                work.job == job && work.said >= text.len() as u64 && work.text().as_bytes().starts_with(text.as_bytes())
            })
    }
}
