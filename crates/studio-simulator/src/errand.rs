//! What people want of the studio, and how they go about it: they ask, sometimes twice; wait, read, change their minds. An
//! errand outlives the server that it began with: whoever was cut off asks again by the name that they gave the request.

use crate::{
    faults::Fault,
    provider::OWN_KEY,
    reader::{self, Place},
    town::Town,
    world::World,
};
use futures_util::future::join4;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use studio_core::{
    caller::ApiKey,
    catalog::Model,
    id::{JobId, RequestId},
    idempotency::{Fingerprint, IdempotencyKey, IdempotencyRecord},
    job::{Durability, Job, Payer, Priority, Status},
    request::{Input, Pictures, read_chat, read_image},
    secret::Secret,
};
use studio_server::{
    app::App,
    commands::{self, Asked, CancelOutcome, Keys, NotSubmitted},
};
use tokio::time::{sleep, sleep_until};

/// How long people go about their errands, in true time.
pub const STORM: Duration = Duration::from_secs(40);

/// One thing that somebody wants.
#[derive(Debug, Clone)]
pub struct Errand {
    person: usize,
    at: Duration,
    body: Value,
    key: Option<String>,
    deadline_after: Option<Duration>,
    cancel_after: Option<Duration>,
    patience: Option<Duration>,
    reads: bool,
    /// Reads as it is said, and not only from time to time.
    follows: bool,
    /// Asks for it once more, if nothing came of it.
    retries: bool,
    asked: bool,
    canceled: bool,
    /// What they were told is theirs.
    pub job: Option<JobId>,
    /// What they have read.
    pub place: Place,
    /// Nothing is left to do.
    pub over: bool,
}

/// Draws everyone's errands.
pub fn plan(world: &World, people: &[ApiKey]) -> Vec<Errand> {
    const MODELS: [&str; 6] = ["polled-image", "polled-image", "mute-image", "own-image", "mute-chat", "own-chat"];
    let mut errands: Vec<Errand> = Vec::new();
    let wanted = world.draw(|dice| dice.from_to(5, 16));
    for number in 0..wanted {
        let (person, at) = world.draw(|dice| {
            let person = usize::try_from(dice.below(people.len() as u64)).unwrap_or(0);
            (person, dice.millis(10, u64::try_from(STORM.as_millis()).unwrap_or(0) * 2 / 3))
        });
        let model = world.draw(|dice| if dice.per_mille(50) { Some("polled-chat") } else { dice.one(&MODELS) });
        let errand = draw(world, person, at, model.unwrap_or("own-image"), number);
        let repeat = errand.key.is_some() && world.strikes(Fault::Repeat);
        let other = errand.key.is_some() && world.strikes(Fault::KeyReused);
        for again in [repeat, other].into_iter().filter(|again| *again) {
            let mut second = errand.clone();
            let later = world.draw(|dice| if dice.per_mille(500) { Duration::ZERO } else { dice.millis(1, 9000) });
            second.at += later;
            second.follows = false;
            if other && again {
                second.body["modelParams"] = json!({ "seed": 77 });
            }
            errands.push(second);
        }
        errands.push(errand);
    }
    if world.has(Fault::BudgetRace) {
        world.count(Fault::BudgetRace);
        let (at, count) = world.draw(|dice| (dice.millis(10, 8000), dice.from_to(4, 9)));
        for number in 0..count {
            let model = world.draw(|dice| dice.one(&["mute-image", "polled-image", "mute-chat"]));
            errands.push(draw(world, people.len() - 1, at, model.unwrap_or("mute-image"), 100 + number));
        }
    }
    errands
}

fn draw(world: &World, person: usize, at: Duration, model: &str, number: u64) -> Errand {
    let chat = model.ends_with("chat");
    let body = if chat {
        let mut body =
            json!({ "modelId": model, "messages": [{ "role": "user", "content": format!("say {number}") }] });
        if let Some(most) = world.draw(|dice| dice.per_mille(300).then(|| dice.from_to(1, 300))) {
            body["maxOutputTokens"] = most.into();
        }
        body
    } else {
        json!({ "modelId": model, "prompt": format!("draw {number}"), "numImages": world.draw(|dice| dice.from_to(1, 3)) })
    };
    let race = |fault| world.strikes(fault).then(|| world.draw(|dice| dice.millis(1, 1800)));
    let sometimes = |low, high| world.draw(|dice| dice.per_mille(120).then(|| dice.millis(low, high)));
    Errand {
        person,
        at,
        body,
        key: world.draw(|dice| dice.per_mille(650)).then(|| format!("key-{number}")),
        deadline_after: race(Fault::DeadlineRace).or_else(|| sometimes(100, 30_000)),
        cancel_after: race(Fault::CancelRace).or_else(|| sometimes(0, 25_000)),
        patience: world.draw(|dice| dice.per_mille(500).then(|| dice.millis(0, 30_000))),
        reads: chat && world.draw(|dice| dice.per_mille(800)),
        follows: true,
        retries: world.strikes(Fault::Retried),
        asked: false,
        canceled: false,
        job: None,
        place: Place::default(),
        over: false,
    }
}

/// Goes about an errand for as long as this server lives.
pub async fn go(town: Arc<Town>, app: Arc<App>, number: usize) {
    let Some(errand) = town.errands().get(number).cloned() else { return };
    if errand.over {
        return;
    }
    // Cut off without a name for what they had asked: they don't know whether it was accepted, and leave it.
    if errand.job.is_none() && errand.asked && errand.key.is_none() {
        return change(&town, number, |errand| errand.over = true);
    }
    let job = match errand.job {
        Some(id) => app.store.job_for_work(id).await.ok().flatten(),
        None => {
            sleep_until(town.world.instant(errand.at)).await;
            ask(&town, &app, &errand, number).await
        }
    };
    let Some(job) = job else { return };
    let id = job.id;
    join4(
        cancel(&town, &app, &errand, number, id),
        wait(&town, &app, &errand, &job),
        listen(&town, &app, &errand, &job),
        async {
            if errand.reads {
                reader::read(&town, &app, &job, number, errand.follows).await;
            }
        },
    )
    .await;
    // Whoever neither waits nor reads looks in the end.
    while !town.store.record.job(id).is_some_and(|job| job.status.is_terminal()) {
        sleep(Duration::from_secs(3)).await;
        town.world.lives().await;
    }
    if errand.retries {
        retry(&town, &app, &errand, id).await;
    }
    change(&town, number, |errand| errand.over = true);
}

/// Asks for it once more. What becomes of that, nobody waits for.
async fn retry(town: &Arc<Town>, app: &Arc<App>, errand: &Errand, id: JobId) {
    let Some(person) = town.people.get(errand.person) else { return };
    let request = RequestId::new(app.now(), app.chance.id_bytes());
    // Half of those who brought a key bring it again; for the others the studio does not pay.
    let given = town
        .world
        .draw(|dice| dice.per_mille(500))
        .then(|| ["polled", "mute"].map(|name| (name.to_owned(), Secret::new(OWN_KEY))));
    let given = given.into_iter().flatten().collect();
    let again = commands::retry(app, person.user, Payer::Key(person.id), request, id, None, given).await;
    town.world.note(|| format!("{id} once more: {:?}", again.map(|job| job.id)));
}

fn change(town: &Town, number: usize, change: impl FnOnce(&mut Errand)) {
    if let Some(errand) = town.errands().get_mut(number) {
        change(errand);
    }
}

/// Asks until there is an answer.
async fn ask(town: &Arc<Town>, app: &Arc<App>, errand: &Errand, number: usize) -> Option<Job> {
    let world = &town.world;
    loop {
        world.lives().await;
        change(town, number, |errand| errand.asked = true);
        let answer = submit(town, app, errand).await;
        world.lives().await;
        match answer {
            Ok(job) => {
                world.note(|| format!("errand {number} is told of {}", job.id));
                change(town, number, |errand| errand.job = Some(job.id));
                return Some(job);
            }
            Err(Some(NotSubmitted::Store(_))) if errand.key.is_some() => sleep(Duration::from_millis(700)).await,
            // The next server is asked.
            Err(Some(NotSubmitted::Stopping)) if errand.key.is_some() => return None,
            Err(refusal) => {
                world.note(|| format!("errand {number} is refused: {refusal:?}"));
                change(town, number, |errand| errand.over = true);
                return None;
            }
        }
    }
}

/// As the routes do it: read the body, name the request, submit. Nothing: the body is none.
async fn submit(town: &Town, app: &Arc<App>, errand: &Errand) -> Result<Job, Option<NotSubmitted>> {
    let person = town.people.get(errand.person).ok_or(None)?;
    let (now, catalog) = (app.now(), &app.catalog);
    let chat = errand.body.get("messages").is_some();
    let (model, input, may_shorten, warnings): (&Model, _, _, _) = if chat {
        let chat = read_chat(&errand.body, catalog, &Pictures::new(), now).map_err(|_| None)?;
        (chat.read.model, Input::Chat(chat.read.request), !chat.bounded_by_caller, chat.read.warnings)
    } else {
        let read = read_image(&errand.body, catalog, &Pictures::new(), app.chance.number(), now).map_err(|_| None)?;
        (read.model, Input::Image(read.request), false, read.warnings)
    };
    let idempotency = errand.key.as_ref().and_then(|key| IdempotencyKey::parse(key).ok()).map(|key| {
        let route = if chat { "POST /api/v1/chat" } else { "POST /api/v1/generate/image" };
        IdempotencyRecord { user: person.user, route, key, fingerprint: Fingerprint::of_json(&errand.body) }
    });
    // Some bring a key of their own; not all who run their model have a use for it.
    let given = town.world.draw(|dice| dice.per_mille(120)).then(|| (model.provider.clone(), Secret::new(OWN_KEY)));
    let keys = Keys { given: given.into_iter().collect(), ..Keys::default() };
    let asked = Asked {
        owner: person.user,
        payer: Payer::Key(person.id),
        request: RequestId::new(now, app.chance.id_bytes()),
        model,
        input,
        request_name: None,
        retry_of: None,
        priority: town.world.draw(|dice| dice.one(&Priority::ALL)).unwrap_or_default(),
        may_shorten,
        brought: Vec::new(),
        durability: Durability::Power,
        deadline: errand.deadline_after.map(|after| now.plus(after)),
        warnings,
        idempotency,
        keys,
        entry: None,
    };
    commands::submit(app, asked).await.map(|submitted| submitted.job).map_err(Some)
}

/// Changes their mind.
async fn cancel(town: &Town, app: &Arc<App>, errand: &Errand, number: usize, id: JobId) {
    let (Some(after), Some(person)) = (errand.cancel_after, town.people.get(errand.person)) else { return };
    if errand.canceled {
        return;
    }
    sleep_until(town.world.instant(errand.at + after)).await;
    loop {
        town.world.lives().await;
        match commands::cancel(app, person.user, id).await {
            Err(_) => sleep(Duration::from_millis(500)).await,
            Ok(outcome) => {
                let honest = match &outcome {
                    CancelOutcome::Canceled(job) => job.status == Status::Canceled,
                    CancelOutcome::Requested(job) => job.cancel_requested_at.is_some(),
                    CancelOutcome::Over(job) => job.status.is_terminal(),
                    CancelOutcome::Absent => false,
                };
                if !honest {
                    town.world.wrong("a cancel is answered honestly", format!("{id}: {outcome:?}"));
                }
                return change(town, number, |errand| errand.canceled = true);
            }
        }
    }
}

/// Keeps the connection open.
async fn wait(town: &Town, app: &Arc<App>, errand: &Errand, job: &Job) {
    let Some(patience) = errand.patience else { return };
    let told = commands::wait(app, job.clone(), patience).await;
    committed(town, &told);
}

/// Listens to the news of the job.
async fn listen(town: &Town, app: &Arc<App>, errand: &Errand, job: &Job) {
    if errand.patience.is_none() {
        return;
    }
    let mut news = app.news.listen(job.id);
    let mut heard = 0;
    let mut status = town.store.record.job(job.id).map_or(job.status, |job| job.status);
    while !status.is_terminal() {
        let told = tokio::select! {
            biased;
            told = news.hear() => told,
            // News is a convenience.
            () = sleep(Duration::from_secs(5)) => {
                status = town.store.record.job(job.id).map_or(status, |job| job.status);
                continue;
            }
        };
        committed(town, &told);
        if told.version < heard {
            town.world.wrong("news is in order", format!("{}: {} after {heard}", job.id, told.version));
        }
        heard = told.version;
        status = told.status;
    }
}

/// What is told was committed.
fn committed(town: &Town, told: &Job) {
    if town.store.record.version(told.id, told.version).is_none_or(|known| *known != *told) {
        town.world.wrong("what is told was committed", format!("{} version {}", told.id, told.version));
    }
}
