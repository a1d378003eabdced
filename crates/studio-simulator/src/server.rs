//! The real server, for one life: made of its real parts around simulated ports, started by the real recovery, and ended as
//! a process ends, wherever it stands.

use crate::{
    checks,
    dice::{Dice, SeededChance},
    errand,
    faults::Fault,
    people::told,
    provider::{Kind, SimulatedProvider},
    store::StorePort,
    town::{self, Town},
    world::Doom,
};
use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};
use studio_core::{
    job::{Actor, Durability, Event, Refused, Status},
    money::Nanos,
    ports::{Advance, Advanced, Checkpoint, Claim, Clock, Keyrings, NoKeyring, Said},
    retry::{Failure, FailureKind},
    seal::{Keyring, MasterKey},
    words::Segment,
};
use studio_server::{
    app::{App, Lane, Parts},
    commands::{Move, move_job},
    lifecycle,
    settings::{DRAIN, Front, LimitSettings, UploadSettings},
    work::{self, inspector::Inspector},
};
use studio_store::MemoryLimiter;
use tokio::time::{sleep, sleep_until, timeout};

/// Longest that a calm world may take to come to rest.
const REST_LIMIT: Duration = Duration::from_secs(3600);
/// After so long in a calm world a person finds out what nobody can be asked for.
const PERSON_COMES: Duration = Duration::from_secs(20);

/// How a life is to end, unless it lasts until the world is calm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Plan {
    /// With a write.
    pub doom: Option<Doom>,
    /// At a time of its life.
    pub ends_after: Option<Duration>,
    /// By being asked to.
    pub politely: bool,
}

/// How a life ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The process ended.
    Gone,
    /// All is done.
    AtRest,
}

/// Lives one life.
pub fn live(town: &Arc<Town>, plan: Plan) -> std::io::Result<Ended> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let world = &town.world;
    Ok(runtime.block_on(async {
        world.begin_life(plan.doom);
        if world.life() > 1 && world.strikes(Fault::ClockBackward) {
            // Set right, or wrong, while the server was down.
            world.jump(-i64::try_from(world.draw(|dice| dice.from_to(1, 60_000))).unwrap_or(0));
        }
        let app = build(town, plan);
        let ended = tokio::select! {
            biased;
            () = world.death() => Ended::Gone,
            ended = act(town, &app, plan) => ended,
        };
        if world.is_starting() {
            world.count(Fault::CrashInRecovery);
        }
        world.end_life();
        ended
        // With the runtime everything of this server is dropped, wherever it stands.
    }))
}

fn build(town: &Arc<Town>, plan: Plan) -> Arc<App> {
    let world = &town.world;
    let providers: Vec<_> = Kind::ALL.map(|kind| (kind, Arc::new(SimulatedProvider::new(kind, town)))).into();
    let places = concurrency(world.seed);
    let mut lanes = BTreeMap::new();
    // Never in the last life, which is the one without an end in sight.
    let left_out = plan != Plan::default() && world.strikes(Fault::NotConfigured);
    let left_out = left_out.then(|| world.draw(|dice| dice.one(&Kind::ALL))).flatten();
    for (kind, provider) in providers.iter().filter(|(kind, _)| Some(*kind) != left_out) {
        lanes.insert(
            kind.name().to_owned(),
            Lane::new(provider.clone(), places, None).with_keys(true, *kind != Kind::Own),
        );
    }
    let app = App::new(Parts {
        store: Arc::new(StorePort(town.store.clone())),
        assets: Arc::new(town.assets.clone()),
        limiter: Arc::new(MemoryLimiter::new()),
        fetcher: town.fetcher.clone(),
        clock: world.clone(),
        chance: Arc::new(SeededChance::new(world.seed, world.life())),
        keyrings: Arc::new(OneKey),
        catalog: town.catalog.clone(),
        lanes,
        workers: Vec::new(),
        limits: LimitSettings::default(),
        upload_limits: UploadSettings::default(),
        // Nobody in these worlds uploads anything.
        inspector: Inspector::new("none".into()),
        front: Front::default(),
        durability: Durability::Process,
        connections: 16,
        retention: None,
    });
    for (_, provider) in providers {
        // Set once: the provider is as new as the app.
        drop(provider.app.set(Arc::downgrade(&app)));
    }
    app
}

/// The same master key in every life.
struct OneKey;

impl Keyrings for OneKey {
    fn keyring(&self) -> Result<Arc<Keyring>, NoKeyring> {
        Ok(Arc::new(Keyring::new(MasterKey::new([7; 32]), [])))
    }
}

/// How many jobs each provider takes at once.
fn concurrency(seed: u64) -> usize {
    usize::try_from(Dice::new(seed, 5).from_to(1, 4)).unwrap_or(1)
}

async fn act(town: &Arc<Town>, app: &Arc<App>, plan: Plan) -> Ended {
    let world = &town.world;
    if let Err(error) = lifecycle::prepare(app, SocketAddr::from(([127, 0, 0, 1], 8080))).await {
        // As the program does: it ends, and whoever watches it starts it again.
        world.note(|| format!("the start failed: {error}"));
        sleep(Duration::from_millis(200)).await;
        world.is_up();
        return Ended::Gone;
    }
    world.is_up();
    if world.has(Fault::SecondDispatcher) {
        world.count(Fault::SecondDispatcher);
        work::start(app);
    }
    for number in 0..town.errands().len() {
        world.tasks.spawn(errand::go(town.clone(), app.clone(), number));
    }
    world.tasks.spawn(mischief(town.clone(), app.clone()));
    let storm_ends = world.instant(errand::STORM);
    if let Some(after) = plan.ends_after
        && world.elapsed() + after < errand::STORM
    {
        sleep(after).await;
        if plan.politely {
            world.count(Fault::PoliteStop);
            stop(app).await;
        } else {
            world.count(Fault::CrashAnywhere);
        }
        return Ended::Gone;
    }
    if world.calm_since().is_none() {
        sleep_until(storm_ends).await;
        world.calm();
    }
    rest(town, app).await
}

/// As `lifecycle::run` does it, without the doors.
async fn stop(app: &App) {
    app.stopping.cancel();
    app.work.close();
    drop(timeout(DRAIN, app.work.wait()).await);
    app.giving_up.cancel();
    drop(timeout(Duration::from_secs(5), app.work.wait()).await);
}

/// What else goes on: the clock jumps, the dead speak, old news is told again.
async fn mischief(town: Arc<Town>, app: Arc<App>) {
    let world = &town.world;
    while world.calm_since().is_none() {
        let pause = world.draw(|dice| dice.millis(50, 5000));
        sleep(pause).await;
        world.lives().await;
        if world.strikes(Fault::ClockForward) {
            let far = world
                .draw(|dice| if dice.per_mille(800) { dice.from_to(1, 90_000) } else { dice.from_to(1, 7_200_000) });
            world.jump(i64::try_from(far).unwrap_or(0));
        }
        if world.strikes(Fault::ClockBackward) {
            let far = world.draw(|dice| dice.from_to(1, 60_000));
            world.jump(-i64::try_from(far).unwrap_or(0));
        }
        if world.has(Fault::StaleLease) {
            speak_as_the_dead(&town, &app).await;
        }
        if world.strikes(Fault::BudgetChanged)
            && let Some(payer) = world.draw(|dice| dice.one(&town.payers()))
        {
            let limits = town::draw_limits(world, 20, 400);
            drop(app.store.set_budgets(payer, limits, told(app.now())).await);
        }
        if world.strikes(Fault::ClaimForgotten)
            && let Some(kind) = world.draw(|dice| dice.one(&Kind::ALL))
        {
            let claim =
                Claim { provider: kind.name().into(), leases: vec![app.lease()], per_owner: None, now: app.now() };
            drop(app.store.claim(claim).await);
        }
        let jobs = town.store.record.jobs();
        if !jobs.is_empty() && world.strikes(Fault::OldNews) {
            let job =
                usize::try_from(world.draw(|dice| dice.below(jobs.len() as u64))).ok().and_then(|at| jobs.get(at));
            let version = job.map_or(1, |job| world.draw(|dice| dice.from_to(1, job.version)));
            if let Some(old) = job.and_then(|job| town.store.record.version(job.id, version)) {
                app.news.tell(&old);
            }
        }
    }
}

/// Somebody whose lease was taken over, or whose job is over, has something to say.
async fn speak_as_the_dead(town: &Town, app: &App) {
    let world = &town.world;
    let holder = |id| town.store.record.job(id).and_then(|job| job.lease);
    let mut stale = town.store.record.leases();
    stale.retain(|(id, lease)| holder(*id) != Some(*lease));
    // Where somebody works on it now, there is something to spoil.
    if stale.iter().any(|(id, _)| holder(*id).is_some()) {
        stale.retain(|(id, _)| holder(*id).is_some());
    }
    let Some((id, lease)) = world.draw(|dice| dice.one(&stale)) else { return };
    if !world.strikes(Fault::StaleLease) {
        return;
    }
    let Some(job) = town.store.record.job(id) else { return };
    let said = Said { epoch: job.epoch, offset: 0, segments: vec![Segment::text("from beyond")] };
    let failure = Failure::new(FailureKind::Unavailable, "from beyond");
    let bill = studio_core::bill::Bill::of(Nanos::new(1));
    let event = match world.draw(|dice| dice.below(5)) {
        0 => {
            drop(app.store.checkpoint(Checkpoint { job: id, lease, said }).await);
            return;
        }
        1 => Event::Submitted { handle: "from-beyond".into() },
        2 => Event::AttemptFailed { failure, harmless: true, bill: Default::default(), retry_at: app.now() },
        3 => Event::CanceledAtProvider { bill },
        _ => Event::OutputsReady,
    };
    let (actor, durability) = (Actor::Holder(lease), Durability::Power);
    let advance = Advance { job: id, actor, event, said: None, entry: None, durability, now: world.now() };
    drop(app.store.advance(advance).await);
}

/// The providers' bills come, for some of the jobs that are over, and whoever keeps the books adjusts what they say otherwise.
/// False: not everything could be written down.
async fn bills_come(town: &Arc<Town>, app: &App) -> bool {
    let world = &town.world;
    let mut all = true;
    for job in town.store.record.jobs() {
        if job.provider == Kind::Own.name() || town.store.record.billed(job.id).is_some() {
            continue;
        }
        let owed = checks::owed(town, &job);
        let differs = job.cost.and_then(|cost| cost.plus(job.absorbed)) != Some(owed);
        // Where they agree there is nothing to do, and not every bill is read.
        if !differs || world.draw(|dice| dice.per_mille(500)) {
            continue;
        }
        world.count(Fault::LateBill);
        // Now and then the studio bears a difference itself.
        let cost = if world.draw(|dice| dice.per_mille(300)) { job.cost.unwrap_or_default() } else { owed };
        let absorbed = owed.minus(cost).unwrap_or_default();
        let wanted = Move::new(job.id, Actor::Person, Event::Adjusted { cost, absorbed, note: "a bill".into() });
        town.store.record.bill(job.id, owed);
        // Said to have failed, it is tried again, and found to be so already.
        while !matches!(
            move_job(app, wanted.clone()).await,
            Ok(Advanced::Moved { .. } | Advanced::Refused { reason: Refused::Nothing, .. })
        ) {
            sleep(Duration::from_secs(1)).await;
            all = false;
        }
    }
    all
}

/// Waits until nothing is left to do. People find out what no provider can be asked for.
async fn rest(town: &Arc<Town>, app: &Arc<App>) -> Ended {
    let world = &town.world;
    let begun = world.elapsed();
    loop {
        sleep(Duration::from_secs(2)).await;
        let open: Vec<_> = town.store.record.jobs().into_iter().filter(|job| !job.status.is_terminal()).collect();
        if open.is_empty() && town.errands().iter().all(|errand| errand.over) && bills_come(town, app).await {
            break;
        }
        let waited = world.elapsed() - begun;
        if waited > REST_LIMIT {
            let errands = town.errands().iter().filter(|errand| !errand.over).count();
            let jobs: Vec<_> = open.iter().map(|job| format!("{} {}", job.id, job.status.as_str())).collect();
            world.wrong("everything comes to an end", format!("{jobs:?}, and {errands} errands"));
            return Ended::Gone;
        }
        for job in open.iter().filter(|job| job.status == Status::Unknown && waited > PERSON_COMES) {
            let can_be_asked = app.lanes.get(&job.provider).is_some_and(|lane| lane.provider.capabilities().lookup);
            if can_be_asked {
                continue;
            }
            let mut charge = checks::owed(town, job).min(job.hold);
            if world.draw(|dice| dice.per_mille(100)) {
                world.count(Fault::PersonErrs);
                charge = if charge == Nanos::ZERO { job.hold } else { Nanos::ZERO };
            }
            let wanted = Move::new(job.id, Actor::Person, Event::Resolved { charge, note: "looked up".into() });
            town.store.record.resolve(job.id, charge);
            // Said to have failed, it is tried again with the next look.
            drop(move_job(app, wanted).await);
        }
    }
    // Whoever is done lets go; the dispatcher holds places only for the moment in which it looks for work.
    let all = concurrency(world.seed);
    for (name, lane) in &app.lanes {
        let mut looks = 0;
        while lane.permits.available_permits() != all {
            looks += 1;
            if looks > 100 {
                let free = lane.permits.available_permits();
                world.wrong("whoever is done gives up its place", format!("{name}: {free} of {all} are free"));
                break;
            }
            sleep(Duration::from_millis(7)).await;
        }
    }
    for job in town.store.record.jobs() {
        if app.lives.find(job.id).is_some() {
            world.wrong("what is over is not being said", job.id);
        }
    }
    Ended::AtRest
}
