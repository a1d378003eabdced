//! Who is there: providers with books of their own, people with keys and budgets, and the weather, which keeps answers back and
//! lets them go.

use super::books::{Books, Kind};
use crate::{
    cog_worker::{self, CogWorker},
    openai::{self, KEY, OpenAi},
    studio::{Setup, Studio},
};
use anyhow::{Context, Result};
use fastrand::Rng;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;

/// What a picture costs, in nano-USD.
pub(super) const fn price(kind: Kind) -> u64 {
    match kind {
        Kind::Sketch => 2_000_000,
        Kind::Lab => 500_000_000,
        Kind::Plain => 300_000_000,
        Kind::Paint => 40_000_000,
        Kind::Guide | Kind::Talk | Kind::Title | Kind::Retry => 0,
    }
}

/// What a token of a chat costs, in nano-USD: sent, sent and cached, received.
pub(super) const TOKEN_PRICES: (u64, u64, u64) = (1000, 500, 10_000);
/// Most tokens of an answer.
pub(super) const MAX_OUTPUT: u64 = 200;
/// What those who have a budget may spend at first, and by how much it is raised now and then, in cents.
const BUDGET_CENTS: u64 = 400;

/// The models and providers of the town.
fn config(lab: &CogWorker, plain: &CogWorker) -> String {
    format!(
        "[providers.lab]\nkind = \"cog\"\nbase_url = \"{}\"\npolled = true\nconcurrency = 6\n\
         [providers.plain]\nkind = \"cog\"\nbase_url = \"{}\"\nconcurrency = 4\n\
         [[models]]\nid = \"sketch\"\n[models.prices]\nversion = \"t1\"\nimage = 0.002\n\
         [[models]]\nid = \"lab\"\nmodality = \"image\"\nprovider = \"lab\"\n[models.prices]\nimage = 0.5\n\
         [[models]]\nid = \"plain\"\nmodality = \"image\"\nprovider = \"plain\"\n[models.prices]\nimage = 0.3\n\
         [[models]]\nid = \"paint\"\nmodality = \"image\"\nprovider = \"openai\"\nupstream = \"gpt-image-2\"\n\
         [models.prices]\nimage = 0.04\n\
         [[models]]\nid = \"talk\"\nmodality = \"chat\"\nprovider = \"openai\"\nupstream = \"gpt-4.1\"\n\
         default_max_output = {MAX_OUTPUT}\n[models.prices]\ninput_tokens = 1\ncached_input_tokens = 0.5\noutput_tokens = 10\n",
        lab.base_url(),
        plain.base_url(),
    )
}

/// One who asks.
pub(super) struct Person {
    pub(super) key: String,
    /// Whom a budget is set for, and in which window; nobody, if this one may spend all they like.
    budget: Option<(String, &'static str)>,
}

/// The town.
pub(super) struct Town {
    pub(super) lab: CogWorker,
    pub(super) plain: CogWorker,
    pub(super) api: OpenAi,
    pub(super) people: Vec<Person>,
    pub(super) books: Books,
    /// Where the studio listens now.
    pub(super) address: watch::Sender<String>,
    closed: AtomicBool,
}

impl Town {
    /// Opens the town, and starts the studio in it.
    pub(super) fn open(setup: Setup) -> Result<(Self, Studio)> {
        let lab = CogWorker::start(cog_worker::Behaviour::Async)?;
        let plain = CogWorker::start(cog_worker::Behaviour::Normal)?;
        let api = OpenAi::start(openai::Behaviour::Normal)?;
        let setup = setup
            .config(&config(&lab, &plain))
            .variable("OPENAI_API_KEY", KEY)
            .variable("OPENAI_BASE_URL", &api.base_url());
        let studio = Studio::start(setup)?;
        let mut people = Vec::new();
        for (user, flag, window) in [
            ("rich@example.com", "", ""),
            ("edge@example.com", "--budget", "--lifetime"),
            ("daily@example.com", "--budget-day", "--day"),
        ] {
            let mut arguments = vec!["key", "create", "--user", user, "--name", "torture"];
            let usd = usd(BUDGET_CENTS);
            if !flag.is_empty() {
                arguments.extend([flag, &usd]);
            }
            let made = studio.run_json(&arguments)?;
            let field = |name: &str| Ok::<_, anyhow::Error>(made[name].as_str().context("no key")?.to_owned());
            let budget = if flag.is_empty() { None } else { Some((field("id")?, window)) };
            people.push(Person { key: field("key")?, budget });
        }
        let (address, _) = watch::channel(studio.address().to_owned());
        let closed = AtomicBool::new(false);
        Ok((Self { lab, plain, api, people, books: Books::default(), address, closed }, studio))
    }

    /// Gives those who are at the edge of their budgets a little more room, for the `times`-th time.
    pub(super) fn raise_budgets(&self, studio: &Studio, times: u64) -> Result<()> {
        for (id, window) in self.people.iter().filter_map(|person| person.budget.as_ref()) {
            studio.run_json(&["budget", "set", id, window, &usd(BUDGET_CENTS * (times + 1))])?;
        }
        Ok(())
    }

    /// Whether nobody is to ask for anything more.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Nothing is kept back any more, and everyone behaves.
    pub(super) fn calm(&self) {
        self.lab.set(cog_worker::Behaviour::Async);
        self.plain.set(cog_worker::Behaviour::Normal);
        self.api.set(openai::Behaviour::Normal);
        self.lab.release();
        self.plain.release();
        self.api.release();
    }
}

fn usd(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// Keeps providers' answers back and lets them go, and has them misbehave now and then, so that whatever comes finds work in
/// every stage of its life.
pub(super) async fn weather(town: Arc<Town>, mut chance: Rng) {
    loop {
        tokio::time::sleep(Duration::from_millis(20 + chance.u64(..180))).await;
        match chance.u64(..6) {
            0 => town.lab.hold(),
            1 => town.lab.release(),
            2 => town.plain.hold(),
            3 => town.plain.release(),
            4 => town.api.hold(),
            _ => town.api.release(),
        }
        match chance.u64(..3) {
            0 => town.lab.set(polled_worker(&mut chance)),
            1 => town.plain.set(plain_worker(&mut chance)),
            _ => town.api.set(paid_api(&mut chance)),
        }
    }
}

fn polled_worker(chance: &mut Rng) -> cog_worker::Behaviour {
    use cog_worker::Behaviour::{Async, DiesBeforeReply, NotReady503, Refuses409, ServerError500};
    match chance.u64(..20) {
        0 => DiesBeforeReply,
        1 => NotReady503,
        2 => Refuses409,
        3 => ServerError500,
        _ => Async,
    }
}

fn plain_worker(chance: &mut Rng) -> cog_worker::Behaviour {
    use cog_worker::Behaviour::{DiesBeforeReply, DiesMidReply, Normal, NotReady503, Refuses409, ServerError500};
    match chance.u64(..25) {
        0 => DiesBeforeReply,
        1 => DiesMidReply,
        2 => NotReady503,
        3 => Refuses409,
        4 => ServerError500,
        _ => Normal,
    }
}

fn paid_api(chance: &mut Rng) -> openai::Behaviour {
    use openai::Behaviour::{Busy429Once, DiesBeforeReply, DiesMidReply, Fails, Normal};
    match chance.u64(..25) {
        0 => DiesBeforeReply,
        1 => DiesMidReply,
        2 => Fails(503),
        3 => Fails(500),
        4 => Busy429Once(Vec::new()),
        _ => Normal,
    }
}
