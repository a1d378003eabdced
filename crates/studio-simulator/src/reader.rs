//! Somebody who reads what a job says, as the route of streams does: what is being said from the log in memory, what was
//! said from the store. They see no gap and nothing twice, and the end only once it is durable.

use crate::town::Town;
use std::{sync::Arc, time::Duration};
use studio_core::{job::Job, words::Segment};
use studio_server::{app::App, work::live::State};
use tokio::time::sleep;

/// How far somebody has read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    epoch: u32,
    text: String,
    /// In which life of the server they read last.
    life: u32,
}

impl Place {
    fn offset(&self) -> u64 {
        self.text.len() as u64
    }

    /// Starts anew when what was read is void, which only another epoch or a crash can make it.
    fn reset(&mut self, town: &Town, job: &Job, epoch: u32, end: u64) {
        if self.epoch == epoch && self.offset() <= end {
            return;
        }
        if self.epoch == epoch && self.life == town.world.life() {
            let detail = format!("{}: {} bytes were shown and {end} are there", job.id, self.offset());
            town.world.wrong("what was shown stays", detail);
        }
        *self = Self { epoch, text: String::new(), life: self.life };
    }

    fn take(&mut self, town: &Town, job: &Job, segments: &[Segment]) {
        self.life = town.world.life();
        segments.iter().for_each(|segment| self.text.push_str(&segment.text));
        if !town.books.said(job.id, &self.text) {
            let detail = format!("{} in epoch {}: {:?}", job.id, self.epoch, self.text);
            town.world.wrong("a reader sees no gap and nothing twice", detail);
        }
    }
}

/// Reads to the end.
pub async fn read(town: &Arc<Town>, app: &Arc<App>, job: &Job, number: usize, follows: bool) {
    let mut place = town.errands().get(number).map(|errand| errand.place.clone()).unwrap_or_default();
    let mut news = app.news.listen(job.id);
    loop {
        let over = look(town, app, job, &mut place, follows).await;
        if let Some(errand) = town.errands().get_mut(number) {
            errand.place = place.clone();
        }
        if over {
            return;
        }
        tokio::select! {
            biased;
            _ = news.hear() => {}
            () = sleep(Duration::from_secs(2)) => {}
        }
        town.world.lives().await;
    }
}

/// Reads what there is; whether that was all.
async fn look(town: &Town, app: &App, job: &Job, place: &mut Place, follows: bool) -> bool {
    if let Some(live) = app.lives.find(job.id) {
        let mut follower = live.follow();
        loop {
            // The state first: what it tells of is in the log.
            let state = follower.borrow_and_update().clone();
            place.reset(town, job, live.epoch, live.end());
            place.take(town, job, &live.after(place.offset()));
            match state {
                State::Settled(settled) => {
                    let kept = town.store.record.job(job.id).is_some_and(|job| *job == *settled);
                    if !kept {
                        town.world.wrong("the end is told when it is durable", job.id);
                    }
                    break;
                }
                State::Left => break,
                State::Saying(_) if !follows => return false,
                // Its sender lives as long as we hold the answer, so an error can't be.
                State::Saying(_) => drop(follower.changed().await),
            }
            town.world.lives().await;
        }
    }
    let Ok(Some(stored)) = app.store.job_for_work(job.id).await else { return false };
    if !stored.status.is_terminal() {
        return false;
    }
    let Ok(log) = app.store.said(job.id, stored.epoch).await else { return false };
    place.reset(town, &stored, stored.epoch, log.end());
    place.take(town, &stored, &log.after(place.offset()));
    let kept: String = log.segments().iter().map(|segment| segment.text.as_str()).collect();
    if kept != place.text {
        town.world.wrong("what was read is what is kept", format!("{}: {:?} and {kept:?}", job.id, place.text));
    }
    true
}
