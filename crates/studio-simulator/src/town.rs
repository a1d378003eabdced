//! What outlives every server of a world: the stores, the blobs, the providers' books, and the people.

use crate::{
    books::Books,
    bytes::{SimulatedAssets, SimulatedFetcher},
    errand::{self, Errand},
    people::told,
    planted::Plant,
    record::Record,
    store::TwinStore,
    world::World,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use studio_core::{
    caller::{ApiKey, KeyHash, Scope, User},
    catalog::{Catalog, ModelEntry},
    id::{KeyId, UserId},
    job::Payer,
    ledger::{Limits, Window},
    money::Nanos,
    people::Role,
    ports::{Clock, Store, StoreError},
};

/// Models, short-lived and cheap enough that a budget is for several of them.
const MODELS: &str = r#"
[[models]]
id = "polled-image"
modality = "image"
provider = "polled"
total_limit_s = 40
[models.prices]
version = "p1"
image = 0.04

[[models]]
id = "mute-image"
modality = "image"
provider = "mute"
total_limit_s = 40
[models.prices]
version = "p1"
image = 0.02

[[models]]
id = "own-image"
modality = "image"
provider = "own"
total_limit_s = 40
[models.prices]
version = "p1"
image = 0

[[models]]
id = "polled-chat"
modality = "chat"
provider = "polled"
first_byte_limit_s = 10
idle_limit_s = 5
total_limit_s = 30
max_output = 2000
default_max_output = 500
[models.prices]
version = "p1"
input_tokens = 1
output_tokens = 4

[[models]]
id = "mute-chat"
modality = "chat"
provider = "mute"
first_byte_limit_s = 10
idle_limit_s = 5
total_limit_s = 30
max_output = 2000
default_max_output = 500
[models.prices]
version = "p1"
input_tokens = 1
output_tokens = 4

[[models]]
id = "own-chat"
modality = "chat"
provider = "own"
first_byte_limit_s = 10
idle_limit_s = 5
total_limit_s = 30
max_output = 2000
default_max_output = 500
[models.prices]
version = "p1"
input_tokens = 0
output_tokens = 0
"#;

/// What outlives every server.
pub struct Town {
    /// Time, chance, weather.
    pub world: Arc<World>,
    /// The studio's stores.
    pub store: Arc<TwinStore>,
    /// The studio's blobs.
    pub assets: SimulatedAssets,
    /// Where providers put what they made.
    pub fetcher: Arc<SimulatedFetcher>,
    /// The providers' books.
    pub books: Books,
    /// Where works of our own workers are to put what they make.
    pub places: Mutex<BTreeMap<usize, String>>,
    /// What can be asked for.
    pub catalog: Catalog,
    /// Who asks: each has a key.
    pub people: Vec<ApiKey>,
    /// What they may spend.
    pub budgets: Vec<(Payer, Limits)>,
    errands: Mutex<Vec<Errand>>,
}

/// The models of every world.
pub fn catalog() -> anyhow::Result<Catalog> {
    #[derive(serde::Deserialize)]
    struct File {
        models: Vec<ModelEntry>,
    }
    let file: File = toml::from_str(MODELS)?;
    Ok(Catalog::load(&file.models)?)
}

impl Town {
    /// A town whose people have plans.
    pub fn new(seed: u64, plant: Option<Plant>, keep_trace: bool, catalog: &Catalog) -> Result<Arc<Self>, StoreError> {
        let world = Arc::new(World::new(seed, plant, keep_trace));
        let assets = SimulatedAssets::new(&world);
        let store = Arc::new(TwinStore::new(&world, Record::new(&assets))?);
        let people = people(&world);
        let budgets = budgets(&world, &people);
        let errands = errand::plan(&world, &people);
        Ok(Arc::new(Self {
            fetcher: Arc::new(SimulatedFetcher::new(&world)),
            store,
            assets,
            books: Books::default(),
            places: Mutex::default(),
            catalog: catalog.clone(),
            people,
            budgets,
            errands: Mutex::new(errands),
            world,
        }))
    }

    /// What people want.
    pub fn errands(&self) -> MutexGuard<'_, Vec<Errand>> {
        self.errands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who has budgets.
    pub fn payers(&self) -> Vec<Payer> {
        self.budgets.iter().map(|(payer, _)| *payer).collect()
    }

    /// People come to the studio: users and keys, in both stores.
    pub async fn settle_in(&self) -> Result<(), StoreError> {
        for key in &self.people {
            let user = User::new(key.user, format!("{}@example.org", key.name), Role::Admin, key.created_at);
            for store in [&self.store.sqlite as &dyn Store, &self.store.twin] {
                store.ensure_user(user.clone(), told(key.created_at)).await?;
                store.create_key(key.clone(), Limits::new(), told(key.created_at)).await?;
            }
        }
        for (payer, limits) in &self.budgets {
            self.store.budgets_set().insert(*payer, limits.clone());
            for store in [&self.store.sqlite as &dyn Store, &self.store.twin] {
                store.set_budgets(*payer, limits.clone(), told(self.world.now())).await?;
            }
        }
        Ok(())
    }
}

/// Three of them, each with a key.
fn people(world: &World) -> Vec<ApiKey> {
    let now = world.now();
    let person = |number: u8| ApiKey {
        id: KeyId::new(now, [number; 10]),
        user: UserId::new(now, [number; 10]),
        name: format!("person-{number}"),
        hash: KeyHash([number; 32]),
        last4: "last".into(),
        scopes: Scope::ALL.into(),
        limits: BTreeMap::new(),
        created_at: now,
        expires_at: None,
        revoked_at: None,
    };
    (1..=3).map(person).collect()
}

/// One without a budget, one with some, one with hardly any; by key, by user, or both, for ever, for a month or for a day.
fn budgets(world: &World, people: &[ApiKey]) -> Vec<(Payer, Limits)> {
    let mut budgets = Vec::new();
    for (key, (low, high)) in people.iter().skip(1).zip([(50, 400), (20, 130)]) {
        let owner = Payer::User(key.user);
        let sometimes = world.draw(|dice| dice.per_mille(500)).then_some(owner);
        budgets.push((Payer::Key(key.id), draw_limits(world, low, high)));
        budgets.extend(sometimes.map(|payer| (payer, draw_limits(world, low, high))));
    }
    budgets
}

/// Some windows, with limits between so many thousandths of a dollar.
pub fn draw_limits(world: &World, low: u64, high: u64) -> Limits {
    let mut limits = Limits::new();
    for window in Window::ALL {
        if let Some(limit) = world.draw(|dice| dice.per_mille(500).then(|| dice.from_to(low, high))) {
            limits.insert(window, Nanos::new(i64::try_from(limit).unwrap_or(0) * 1_000_000));
        }
    }
    limits
}
