//! Providers that do what providers do: some of it late, twice, wrong or not at all, and all of it in their books.
//!
//! There are three. `polled` is paid and can be asked after its work. `mute` is paid and answers once: what is lost there
//! stays lost. `own` is our supervised worker: free, and dead as soon as its server is.

use crate::{
    books::{Standing, Work},
    dice::Dice,
    faults::Fault,
    planted::Plant,
    town::Town,
    words::{script, stream},
};
use async_trait::async_trait;
use bytes::Bytes;
use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
    time::Duration,
};
use studio_core::{
    job::Job,
    ports::{Canceled, Capabilities, Lookup, Polled, Produced, Provider, Started, Submission},
    request::Input,
    retry::{Failure, FailureKind},
    secret::Secret,
};
use studio_server::app::App;
use tokio::time::sleep;

/// Who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Paid; can be asked.
    Polled,
    /// Paid; can't be asked.
    Mute,
    /// Our own worker.
    Own,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Polled, Self::Mute, Self::Own];

    /// As in the catalog.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Polled => "polled",
            Self::Mute => "mute",
            Self::Own => "own",
        }
    }
}

/// The key that people of these worlds bring.
pub const OWN_KEY: &str = "sk-own";

/// A provider.
pub struct SimulatedProvider {
    kind: Kind,
    town: Arc<Town>,
    dice: Arc<Mutex<Dice>>,
    /// Whether it is asked by somebody's own key.
    own_key: bool,
    /// The server that lives now: workers put what they made into it.
    pub app: OnceLock<Weak<App>>,
}

/// Bytes that begin like a picture.
pub fn picture(name: &str, number: u64) -> Bytes {
    [&b"\x89PNG\r\n\x1a\n"[..], format!("{name} {number} and a few bytes more").as_bytes()].concat().into()
}

/// What arrives of a submission.
enum Fate {
    Refused(FailureKind),
    Lost,
    Late(Duration),
    LostAfter,
    Silence,
    Fails,
    Taken,
}

impl SimulatedProvider {
    /// As it is during one life of the server.
    pub fn new(kind: Kind, town: &Arc<Town>) -> Self {
        let part = 16 + kind as u64 + 8 * u64::from(town.world.life());
        let dice = Arc::new(Mutex::new(Dice::new(town.world.seed, part)));
        Self { kind, town: town.clone(), dice, own_key: false, app: OnceLock::new() }
    }

    fn draw<T>(&self, draw: impl FnOnce(&mut Dice) -> T) -> T {
        draw(&mut self.dice.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn paid(&self) -> bool {
        self.kind != Kind::Own
    }

    async fn travel(&self) {
        self.town.world.lives().await;
        let time = self.draw(|dice| dice.millis(1, 30));
        sleep(time).await;
        self.town.world.lives().await;
    }

    fn failure(&self, kind: FailureKind) -> Failure {
        let mut failure = Failure::new(kind, format!("{} says so", self.kind.name()));
        if kind == FailureKind::Busy {
            failure.retry_after = self.draw(|dice| dice.per_mille(500).then(|| dice.millis(100, 3000)));
        }
        failure
    }

    fn fate(&self) -> Fate {
        let world = &self.town.world;
        let strikes = |fault| world.strikes(fault);
        if strikes(Fault::Busy) {
            Fate::Refused(FailureKind::Busy)
        } else if strikes(Fault::Unreachable) {
            Fate::Refused(FailureKind::Unavailable)
        } else if strikes(Fault::Rejected) {
            Fate::Refused(FailureKind::Rejected)
        } else if self.paid() && strikes(Fault::NeverArrived) {
            Fate::Lost
        } else if self.kind == Kind::Polled && strikes(Fault::LandsLate) {
            Fate::Late(self.draw(|dice| dice.millis(500, 45_000)))
        } else if strikes(Fault::ReplyLost) {
            Fate::LostAfter
        } else if self.kind == Kind::Own && strikes(Fault::WorkerDies) {
            Fate::Refused(FailureKind::WorkerDied)
        } else if strikes(Fault::StartHangs) {
            Fate::Silence
        } else if strikes(Fault::ModelFails) {
            Fate::Fails
        } else {
            Fate::Taken
        }
    }

    /// It is asked about a job by the key that is meant for it.
    fn sees_key(&self, job: &Job) {
        if self.own_key == job.key_source.is_studio() {
            self.town.world.wrong("a job is asked for by the key that is meant for it", job.id.to_string());
        }
    }

    /// Writes the submission down as it leaves us. Nobody who is paid may be sent what may be there already.
    fn send(&self, submission: &Submission<'_>, fate: &Fate) -> usize {
        let (world, books) = (&self.town.world, &self.town.books);
        let job = submission.job;
        let name = job.attempt_name();
        self.sees_key(job);
        if self.paid()
            && let Some(earlier) = books.of(job.id).into_iter().find(|work| !work.proven_over)
        {
            world.wrong("no submit is repeated without proof", format!("{name}, and {} is not over", earlier.name));
        }
        let now = world.elapsed();
        let arrives = now + self.draw(|dice| dice.millis(1, 30));
        let lands_at = match fate {
            Fate::Refused(_) | Fate::Lost => None,
            Fate::Late(by) => Some(now + *by),
            Fate::LostAfter | Fate::Silence | Fate::Fails | Fate::Taken => Some(arrives),
        };
        let takes =
            self.draw(|dice| if dice.per_mille(700) { dice.millis(20, 1500) } else { dice.millis(1500, 20_000) });
        let never = self.kind == Kind::Polled && lands_at.is_some() && world.strikes(Fault::NeverEnds);
        let pictures = match &job.input {
            Input::Image(request) => request.count(),
            Input::Chat(_) => 0,
        };
        let said = match &job.input {
            Input::Chat(request) => self.draw(|dice| script(dice, &name, request.max_output())),
            Input::Image(_) => Vec::new(),
        };
        let number = books.len();
        books.open(Work {
            provider: self.kind.name(),
            job: job.id,
            handle: if self.kind == Kind::Polled { format!("w{number}") } else { name.clone() },
            name,
            life: world.life(),
            lands_at,
            proven_over: false,
            pictures,
            ends_at: lands_at.filter(|_| !never).map(|at| at + takes),
            fails: matches!(fate, Fate::Fails),
            garbage: pictures > 0 && lands_at.is_some() && world.strikes(Fault::BadOutput),
            stops_at: None,
            script: said,
            said: 0,
            said_all: false,
            used: None,
            told: 0,
        })
    }

    /// What a work made, as it is handed to us.
    async fn hand_over(&self, work: &Work, upload_to: Option<&str>) -> Vec<Produced> {
        let mut produced = Vec::new();
        for number in 0..work.pictures {
            let bytes = if work.garbage { Bytes::from_static(b"<html>") } else { picture(&work.name, number) };
            let uploaded = match upload_to {
                Some(place) if !work.garbage => self.upload(place, number, &bytes).await,
                _ => None,
            };
            produced.push(match uploaded {
                Some(url) => Produced::At(url),
                None if self.kind == Kind::Mute => Produced::Inline(bytes),
                None => {
                    let url = format!("https://{}/{}/{number}", self.kind.name(), work.handle);
                    self.town.fetcher.publish(&url, bytes);
                    Produced::At(url)
                }
            });
        }
        produced
    }

    /// A worker puts what it made to the server, which keeps it at once.
    async fn upload(&self, place: &str, number: u64, bytes: &Bytes) -> Option<String> {
        let app = self.app.get().and_then(Weak::upgrade)?;
        let ticket = place.trim_end_matches('/').rsplit('/').next()?.to_owned();
        let mut staged = app.assets.stage(1 << 20).await.ok()?;
        staged.write(bytes.clone()).await.ok()?;
        let blob = staged.commit().await.ok()?;
        app.uploads.received(&ticket, &number.to_string(), blob, studio_core::media::MediaType::Png)
    }

    fn note(&self, what: impl FnOnce() -> String) {
        self.town.world.note(|| format!("{}: {}", self.kind.name(), what()));
    }

    /// Waits for the end of a work, and tells it.
    async fn await_end(&self, number: usize, upload_to: Option<&str>) -> Result<Vec<Produced>, Failure> {
        loop {
            let world = &self.town.world;
            let work = self.town.books.change(number, |work| work.clone());
            let Some(work) = work else { return Err(self.failure(FailureKind::Lost)) };
            if work.standing(world.elapsed(), world.calm_since()) == Standing::Ended {
                self.travel().await;
                return Ok(self.hand_over(&work, upload_to).await);
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    fn proven_over(&self, number: usize) {
        self.town.books.change(number, |work| work.proven_over = true);
    }

    /// A work by its handle, if its worker still lives.
    fn by_handle(&self, handle: &str) -> Option<(usize, Work)> {
        let (own, life) = (self.kind == Kind::Own, self.town.world.life());
        let name = self.kind.name();
        self.town.books.find(|work| work.provider == name && work.handle == handle && (!own || work.life == life))
    }
}

#[async_trait]
impl Provider for SimulatedProvider {
    fn capabilities(&self) -> Capabilities {
        match self.kind {
            Kind::Polled => Capabilities { supervised: false, lookup: true, cancel: true },
            Kind::Mute => Capabilities::default(),
            Kind::Own => Capabilities { supervised: true, lookup: true, cancel: true },
        }
    }

    fn with_key(&self, key: &Secret) -> Option<Arc<dyn Provider>> {
        if key.expose() != OWN_KEY {
            self.town.world.wrong("a key comes back as it was given", format!("{key:?}"));
        }
        let (town, dice, app) = (self.town.clone(), self.dice.clone(), self.app.clone());
        Some(Arc::new(Self { kind: self.kind, town, dice, own_key: true, app }))
    }

    async fn start(&self, submission: &Submission<'_>) -> Result<Started, Failure> {
        self.town.world.lives().await;
        let fate = self.fate();
        let number = self.send(submission, &fate);
        self.note(|| format!("is sent {}", submission.job.attempt_name()));
        self.travel().await;
        match fate {
            Fate::Refused(kind) => {
                self.proven_over(number);
                return Err(self.failure(kind));
            }
            // Sometimes the connection takes long to break, and a stop can come first.
            Fate::Lost | Fate::Late(_) | Fate::LostAfter => {
                let breaks = self.draw(|dice| dice.millis(1, 2500));
                sleep(breaks).await;
                let planted = self.town.world.plant == Some(Plant::ResubmitAfterUnknown);
                return Err(self.failure(if planted { FailureKind::Unavailable } else { FailureKind::Lost }));
            }
            Fate::Silence => {
                sleep(submission.first_byte_limit.min(submission.total_limit)).await;
                return Err(self.failure(FailureKind::Lost));
            }
            Fate::Fails => {
                self.proven_over(number);
                return Err(self.failure(FailureKind::ModelFailed));
            }
            Fate::Taken => {}
        }
        if let Input::Chat(request) = &submission.job.input {
            let dice = self.draw(|dice| Dice::new(dice.number(), 7));
            return Ok(Started::Saying(stream(&self.town, number, dice, request, submission.idle_limit)));
        }
        let at_once = self.kind == Kind::Mute || self.draw(|dice| dice.per_mille(200));
        if at_once {
            return self.await_end(number, submission.upload_to).await.map(Started::Done);
        }
        if let Some(place) = submission.upload_to {
            self.town.places.lock().unwrap_or_else(PoisonError::into_inner).insert(number, place.to_owned());
        }
        let handle = self.town.books.change(number, |work| work.handle.clone()).unwrap_or_default();
        Ok(Started::Pending(handle))
    }

    async fn poll(&self, job: &Job, handle: &str, wait: Duration) -> Result<Polled, Failure> {
        let world = &self.town.world;
        self.sees_key(job);
        self.travel().await;
        let Some((number, work)) = self.by_handle(handle) else { return Err(self.failure(FailureKind::Lost)) };
        for (fault, kind) in [(Fault::PollFails, FailureKind::Unavailable), (Fault::PollLost, FailureKind::Lost)] {
            if world.strikes(fault) {
                return Err(self.failure(kind));
            }
        }
        if self.kind == Kind::Own && world.strikes(Fault::WorkerDies) {
            self.town.books.change(number, |work| work.life = 0);
            return Err(self.failure(FailureKind::WorkerDied));
        }
        if world.strikes(Fault::PollStrange) {
            return Ok(Polled::Running { stage: Some("mulling".into()), progress: 0 });
        }
        if work.told > 0 && world.strikes(Fault::PollOlder) {
            return Ok(Polled::Running {
                stage: None,
                progress: self.draw(|dice| dice.below(work.told.into())) as u16,
            });
        }
        let until = world.elapsed() + wait;
        loop {
            let now = world.elapsed();
            let Some(work) = self.town.books.change(number, |work| work.clone()) else {
                return Err(self.failure(FailureKind::Lost));
            };
            match work.standing(now, world.calm_since()) {
                Standing::Stopped => {
                    self.proven_over(number);
                    self.note(|| format!("says that {} was stopped", work.name));
                    return Ok(Polled::Canceled);
                }
                Standing::Ended if world.strikes(Fault::PollLies) => {
                    return Ok(Polled::Running { stage: Some("still at it".into()), progress: work.told });
                }
                Standing::Ended if work.fails => {
                    self.proven_over(number);
                    return Err(self.failure(FailureKind::ModelFailed));
                }
                Standing::Ended => {
                    self.note(|| format!("says that {} is done", work.name));
                    let places = self.town.places.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned();
                    return Ok(Polled::Done(self.hand_over(&work, places.as_deref()).await));
                }
                Standing::Running | Standing::Unheard => {}
            }
            let news = self.draw(|dice| dice.per_mille(400));
            if news && work.told < 900 {
                let progress = work.told + 50;
                self.town.books.change(number, |work| work.told = progress);
                return Ok(Polled::Running { stage: None, progress });
            }
            if now >= until {
                return Ok(Polled::Running { stage: None, progress: work.told });
            }
            sleep(Duration::from_millis(250)).await;
            world.lives().await;
        }
    }

    async fn cancel(&self, handle: &str) -> Result<Canceled, Failure> {
        let world = &self.town.world;
        self.travel().await;
        let Some((number, work)) = self.by_handle(handle) else { return Ok(Canceled::NotPossible) };
        if world.strikes(Fault::StopFails) {
            return Err(self.failure(FailureKind::Unavailable));
        }
        let now = world.elapsed();
        if work.standing(now, world.calm_since()) != Standing::Running {
            return Ok(Canceled::NotPossible);
        }
        if !world.strikes(Fault::StopIgnored) {
            let stops = now + self.draw(|dice| dice.millis(5, 4000));
            self.town.books.change(number, |work| work.stops_at = Some(work.stops_at.unwrap_or(stops)));
        }
        self.note(|| format!("is to stop {}", work.name));
        Ok(Canceled::Asked)
    }

    async fn abandon(&self, handle: &str) {
        if self.kind == Kind::Own
            && let Some((number, _)) = self.by_handle(handle)
        {
            self.town.books.change(number, |work| work.life = 0);
        }
    }

    async fn lookup(&self, attempt_name: &str) -> Result<Lookup, Failure> {
        let world = &self.town.world;
        self.travel().await;
        if world.strikes(Fault::LookupFails) {
            return Err(self.failure(FailureKind::Unavailable));
        }
        let name = self.kind.name();
        let found = self.town.books.find(|work| work.provider == name && work.name == attempt_name);
        let answer = match found {
            Some((_, work)) if work.standing(world.elapsed(), None) != Standing::Unheard => Lookup::Found(work.handle),
            Some((number, work)) => {
                // Whether that is proof is for the studio to judge: what is still on its way is not over.
                if work.lands_at.is_none() {
                    self.proven_over(number);
                }
                Lookup::NotLanded
            }
            // Written down before it was sent, and the server stopped before it was.
            None => Lookup::NotLanded,
        };
        self.note(|| format!("is asked after {attempt_name}: {answer:?}"));
        Ok(answer)
    }
}
