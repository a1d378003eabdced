//! The rules that must hold when a world has come to rest.

use crate::{books::Work, town::Town};
use std::collections::BTreeMap;
use studio_core::{
    bill::{REMAINDER_TOKENS, Tokens},
    job::{Job, Status},
    ledger::Audit,
    money::Nanos,
    ports::Store,
    price::{Unit, Usage},
    request::Input,
};

/// What a provider bills for a job, by its own books.
pub fn owed(town: &Town, job: &Job) -> Nanos {
    let landed = town.books.of(job.id).into_iter().filter(|work| work.lands_at.is_some() && !work.proven_over);
    let owed = landed.map(|work| match &job.input {
        Input::Image(_) if work.fails => 0,
        Input::Image(_) => price(job, &Usage::of(Unit::Image, work.pictures)).get(),
        Input::Chat(_) => used(job, &work).map_or(0, Nanos::get),
    });
    Nanos::new(owed.sum())
}

fn price(job: &Job, usage: &Usage) -> Nanos {
    job.price_list.as_ref().and_then(|list| list.cost(usage).ok()).unwrap_or(Nanos::ZERO)
}

/// What a work told of its use, in money.
fn used(job: &Job, work: &Work) -> Option<Nanos> {
    let used = work.used.as_ref()?;
    Some(used.cost.unwrap_or_else(|| price(job, &used.tokens.unwrap_or_default().usage())))
}

/// Sees that everything is as it must be. What is not is told to the world.
pub async fn at_rest(town: &Town) {
    let world = &town.world;
    for (name, store) in [("SQLite", &town.store.sqlite as &dyn Store), ("its twin", &town.store.twin)] {
        match store.audit().await {
            Err(error) => world.wrong("the ledger can be audited", error),
            Ok(audit) => {
                for violation in &audit.violations {
                    world.wrong(violation.rule, format!("{name}: {}", violation.detail));
                }
                if audit.sum != 0 || audit.open_holds != 0 {
                    world
                        .wrong("all money is accounted for", format!("{name}: {} and {}", audit.sum, audit.open_holds));
                }
            }
        }
    }
    let books = (town.store.sqlite.audit().await, town.store.twin.audit().await);
    let told = |audit: &Audit| (audit.sum, audit.entries, audit.jobs, audit.open_holds, audit.violations.clone());
    if let (Ok(sqlite), Ok(twin)) = books
        && told(&sqlite) != told(&twin)
    {
        world.wrong("both stores keep the same books", format!("{sqlite:?} and {twin:?}"));
    }
    for errand in town.errands().iter() {
        if let Some(id) = errand.job
            && town.store.record.job(id).is_none()
        {
            world.wrong("what was accepted is not lost", id);
        }
    }
    if let Some(doubled) = town.store.record.doubled() {
        world.wrong("one job for each key", doubled);
    }
    dead_letters(town).await;
    for job in town.store.record.jobs() {
        match town.store.sqlite.job_for_work(job.id).await {
            Ok(Some(stored)) if stored == *job => {}
            stored => world.wrong("what was committed stays", format!("{}: {stored:?}", job.id)),
        }
        submitted_once(town, &job);
        if job.deadline.is_some() && job.deadline_passed_at.is_none() {
            in_time(town, &job);
        }
        // What a bill has set right is right by the bill.
        if let Some(owed) = town.store.record.billed(job.id) {
            if job.cost.and_then(|cost| cost.plus(job.absorbed)) != Some(owed) {
                wrong_charge(town, &job, &format!("its bill says {owed}"));
            }
            continue;
        }
        match &job.input {
            Input::Image(_) => pictures(town, &job),
            Input::Chat(_) => words(town, &job).await,
        }
    }
}

/// What failed for no fault of its request waits for a person, unless it was done again.
async fn dead_letters(town: &Town) {
    let jobs = town.store.record.jobs();
    let again = |job: &Job| jobs.iter().any(|other| other.retry_of == Some(job.id));
    let mut due: Vec<_> = jobs.iter().filter(|job| job.is_dead_letter() && !again(job)).map(|job| job.id).collect();
    due.reverse();
    let listed = town.store.sqlite.dead_letters(None, 1000).await.unwrap_or_default();
    let listed: Vec<_> = listed.iter().map(|job| job.id).collect();
    if listed != due {
        town.world.wrong("what failed for no fault of its own is a dead letter", format!("{listed:?} of {due:?}"));
    }
}

/// Nobody who is paid has two submissions of one job, of which the first was not known to be over.
fn submitted_once(town: &Town, job: &Job) {
    let landed: Vec<_> = town.books.of(job.id).into_iter().filter(|work| work.lands_at.is_some()).collect();
    let open = landed.iter().filter(|work| !work.proven_over).count();
    if job.provider != "own"
        && (open > 1 || landed.len() > 1 && landed.iter().rev().skip(1).any(|work| !work.proven_over))
    {
        let names: Vec<_> = landed.iter().map(|work| work.name.as_str()).collect();
        town.world.wrong("no submit is repeated without proof", format!("{names:?}"));
    }
}

/// What ended without having been told of its deadline ended before it, give or take a look and what a clock may do.
fn in_time(town: &Town, job: &Job) {
    const LATE: i64 = 30_000;
    let jumps = town.world.jumps();
    let (Some(deadline), Some(ended)) = (job.deadline, job.ended_at) else { return };
    if !jumps && ended.as_millis() > deadline.as_millis() + LATE {
        town.world.wrong("a deadline is told", format!("{} ended at {ended}, after {deadline}", job.id));
    }
}

fn wrong_charge(town: &Town, job: &Job, why: &str) {
    let detail = format!("{} {}: {:?} of {}: {why}", job.id, job.status.as_str(), job.cost, job.hold);
    town.world.wrong("a charge is what the provider's books justify", detail);
}

fn pictures(town: &Town, job: &Job) {
    let cost = job.cost.unwrap_or_default();
    if job.status == Status::Succeeded {
        let count = job.outputs.len() as u64;
        let made = town.books.of(job.id).into_iter().any(|work| {
            work.name == job.attempt_name() && work.lands_at.is_some() && !work.fails && work.pictures == count
        });
        if !made || cost != price(job, &Usage::of(Unit::Image, count)) {
            wrong_charge(town, job, "not what was made");
        }
        return;
    }
    if cost != town.store.record.resolved(job.id).unwrap_or_default() {
        wrong_charge(town, job, "nothing came of it");
    }
    // What was made and is no use is the studio's own loss, and seen.
    let useless = job.provider != "own" && job.key_source.is_studio() && town.store.record.was_useless(job.id);
    let lost = if useless { owed(town, job) } else { Nanos::ZERO };
    if job.absorbed != lost {
        wrong_charge(town, job, &format!("{} of {lost} are written off", job.absorbed));
    }
}

async fn words(town: &Town, job: &Job) {
    let world = &town.world;
    let log = town.store.sqlite.said(job.id, job.epoch).await.unwrap_or_default();
    let kept: String = log.segments().iter().map(|segment| segment.text.as_str()).collect();
    if !town.books.said(job.id, &kept) {
        world.wrong("what is kept is what was said", format!("{}: {kept:?}", job.id));
    }
    let by_name = |work: &Work| work.job == job.id && work.name == job.attempt_name();
    let work = town.books.find(by_name).map(|(_, work)| work);
    if job.status == Status::Succeeded && !work.as_ref().is_some_and(|work| work.said_all && work.text() == kept) {
        world.wrong("what succeeded is kept whole", format!("{}: {kept:?}", job.id));
    }
    let cost = job.cost.unwrap_or_default();
    if job.provider == "own" {
        if cost != Nanos::ZERO {
            wrong_charge(town, job, "our own worker is free");
        }
        return;
    }
    if let Some(resolved) = town.store.record.resolved(job.id) {
        if cost != resolved {
            wrong_charge(town, job, "a person found out otherwise");
        }
        return;
    }
    let told = work.as_ref().and_then(|work| used(job, work));
    if job.estimated {
        let (low, high) = (estimate(job, log.end(), 0), estimate(job, log.end(), REMAINDER_TOKENS));
        if !(low..=high).contains(&cost) {
            wrong_charge(town, job, &format!("{} bytes are {low} to {high}", log.end()));
        }
        if job.status == Status::Succeeded && told.is_some() {
            wrong_charge(town, job, "estimated, although it was told");
        }
    } else if cost != Nanos::ZERO && Some(cost) != told {
        wrong_charge(town, job, &format!("told was {told:?}"));
    } else if cost == Nanos::ZERO && (!kept.is_empty() || job.status == Status::Succeeded) && told != Some(cost) {
        wrong_charge(town, job, "it said something, for nothing");
    }
}

/// What the handbook says of an estimate: three bytes a token, by the list, within the hold.
fn estimate(job: &Job, bytes: u64, remainder: u64) -> Nanos {
    let Input::Chat(request) = &job.input else { return Nanos::ZERO };
    let output = (bytes.div_ceil(3) + remainder).min(request.max_output());
    let tokens = Tokens { input: request.estimated_input(), output, ..Tokens::default() };
    price(job, &tokens.usage()).min(job.hold)
}

/// How jobs ended, for a report.
pub fn ends(town: &Town) -> BTreeMap<&'static str, u64> {
    let mut ends = BTreeMap::new();
    for job in town.store.record.jobs() {
        *ends.entry(job.status.as_str()).or_default() += 1;
    }
    ends
}
