//! Puts the parts together: which store, which blobs, which providers.

use crate::{
    backup::manifest::MANIFEST_FILE,
    config::Config,
    secrets::Masters,
    system::{SystemChance, SystemClock},
};
use anyhow::{Context, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};
use studio_core::{
    catalog::Catalog,
    job::Durability,
    ports::{Chance, Destination, Provider, StoreError},
};
use studio_outbound::{
    client::Door,
    fetch::HttpFetcher,
    providers::{
        cog::{CogProvider, CogSettings},
        openai::{OPENAI_BASE_URL, OpenAiProvider, OpenAiSettings},
    },
};
use studio_server::{
    app::{App, Lane, Parts},
    commands::people::Desk,
    settings::{CONNECTION_LIMIT, OTHER_FILES, ProviderKind, ProviderSettings},
    work::inspector::Inspector,
    work::workers::{SupervisedProvider, Supervisor, WorkerSpec},
};
use studio_store::{DATABASE_FILE, Depth, FolderAssets, FolderLock, MemoryLimiter, Options, SqliteStore, is_older};

/// Jobs that a server of OpenAI's API may have at once when nothing is configured: it has limits of its own and says when they are reached, and many short conversations run at
/// once.
const OPENAI_CONCURRENCY: usize = 64;
/// As many as a Cog container runs at once unless it is built otherwise (its `concurrency.max`).
const COG_CONCURRENCY: usize = 1;
/// The provider that is OpenAI itself: what it speaks and where it is need not be said, but it must have a key.
pub(crate) const OPENAI: &str = "openai";
/// The engines that run as workers of ours. Each is the provider of its name.
pub(crate) const ENGINES: [&str; 3] = ["sketch", "guide", "title"];
/// Where a restore works in a data folder until it is done.
pub(crate) const RESTORING: &str = "restoring";
/// Longest path of a Unix socket that Linux takes, less the end of the string.
const SOCKET_PATH_LIMIT: usize = 107;

/// Opens the store of a data folder that must be there: what looks or takes away makes nothing.
pub(crate) fn open_existing_store(data: &Path) -> anyhow::Result<SqliteStore> {
    refuse_absent(data)?;
    open_store_beside(data)
}

/// Refuses a folder that has no studio in it.
pub(crate) fn refuse_absent(data: &Path) -> anyhow::Result<()> {
    if !data.join(DATABASE_FILE).exists() {
        bail!("there is no studio in {}; name its data folder with --data", data.display());
    }
    Ok(())
}

/// Opens the store of a data folder beside a server that may run on it, making both if there are none.
pub(crate) fn open_store_beside(data: &Path) -> anyhow::Result<SqliteStore> {
    make_folder(data)?;
    // To bring a database up to date under a running server of an older program would have it write what nobody can read.
    let older = is_older(data).with_context(|| format!("database in {}", data.display()))?;
    let _alone = if older { Some(FolderLock::take(data).context(OLDER)?) } else { None };
    open_store(data)
}

const OLDER: &str = "the database was written by an older studio, and is brought up to date only while no server runs on it: \
    stop the server, and start it with this program";

/// What verbs of people work with on the command line.
pub(crate) fn desk(store: &SqliteStore) -> Desk<'_> {
    Desk { store, clock: &SystemClock, chance: &SystemChance }
}

/// Opens the store of a data folder that nobody else has.
fn open_store(data: &Path) -> anyhow::Result<SqliteStore> {
    SqliteStore::open(data, Options::default()).map_err(|error| advised(error, data))
}

/// An error of the store with what to do about it.
pub(crate) fn advised(error: StoreError, data: &Path) -> anyhow::Error {
    let file = data.join(DATABASE_FILE);
    let advice = match &error {
        StoreError::Damaged(_) => format!(
            "the database {} is damaged. Don't delete it: what can still be read in it may be needed. Bring the last backup back into a \
             new folder (studio restore <backup folder> --data <new folder>) and start the studio on that. Damage comes from the disk \
             or from another program that wrote to the file: look at the disk before you go on",
            file.display()
        ),
        _ => format!("database in {}", data.display()),
    };
    anyhow::Error::new(error).context(advice)
}

/// Refuses a folder whose database a server should not be started on.
fn refuse_unfit(data: &Path) -> anyhow::Result<()> {
    if data.join(MANIFEST_FILE).exists() {
        bail!(
            "{} is a backup. It stays as it is: studio restore {} --data <new folder>, and start the studio on that",
            data.display(),
            data.display()
        );
    }
    if !data.join(DATABASE_FILE).exists() {
        // A fresh studio here would look as if nothing had ever been accepted.
        if data.join(RESTORING).exists() {
            bail!("a restore into {} was broken off: run studio restore again", data.display());
        }
        return Ok(());
    }
    // Before anything is written to it. Every other error is told better by whoever opens it.
    match SqliteStore::look(data).and_then(|database| database.check(Depth::Start)) {
        Err(error @ StoreError::Damaged(_)) => Err(advised(error, data)),
        _ => Ok(()),
    }
}

/// Makes a folder that only its owner can look into.
pub(crate) fn make_folder(path: &Path) -> anyhow::Result<()> {
    // One that is there already belongs to whoever made it: a volume, perhaps, whose rights are not ours to change.
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("folder {}", path.display()))
}

/// A server's parts, and the lock that proves that it is the only one in its folder.
pub(crate) fn assemble(config: &Config) -> anyhow::Result<(Arc<App>, FolderLock)> {
    let data = config.data();
    make_folder(data)?;
    let lock = FolderLock::take_from_dying(data).with_context(|| format!("data folder {}", data.display()))?;
    refuse_unfit(data)?;
    let store = open_store(data)?;
    let assets = FolderAssets::open(&data.join("blobs")).with_context(|| format!("blobs in {}", data.display()))?;
    let catalog = Catalog::load(&config.models).context("catalog")?;
    let door = Door::new();
    let masters = Masters::of(data, config.secret_key.as_ref())?;
    // The studio starts without one, too: all that needs none works.
    if let Err(error) = masters.make() {
        tracing::error!(error = format!("{error:#}"), "no master key can be made");
    }
    let mut lanes = BTreeMap::new();
    for (name, settings) in config.providers.iter().filter(|(name, _)| !ENGINES.contains(&name.as_str())) {
        let lane = configured(name, settings)?;
        if !lane.has_key {
            tracing::warn!(
                "providers.{name}: api_key is missing, so its models are available only to those who bring their own"
            );
        }
        lanes.insert(name.clone(), lane);
    }
    if !lanes.contains_key(OPENAI) {
        // For whoever brings a key of their own.
        lanes.insert(OPENAI.to_owned(), configured(OPENAI, &ProviderSettings::default())?);
    }
    let sockets = socket_folder(data)?;
    let mut workers = Vec::new();
    for engine in ENGINES {
        let settings = config.providers.get(engine).cloned().unwrap_or_default();
        let (worker, lane) = built_in(engine, &settings, &sockets)?;
        workers.push(worker);
        lanes.insert(engine.to_owned(), lane);
    }
    tell_providers(&catalog, &lanes);
    let app = App::new(Parts {
        store: Arc::new(store),
        assets: Arc::new(assets),
        limiter: Arc::new(MemoryLimiter::new()),
        fetcher: Arc::new(HttpFetcher::new(door)),
        clock: Arc::new(SystemClock),
        chance: Arc::new(SystemChance),
        keyrings: Arc::new(masters),
        catalog,
        lanes,
        workers,
        durability: config.durability.unwrap_or(Durability::Process),
        limits: config.limits.clone(),
        upload_limits: config.uploads,
        inspector: Inspector::new(std::env::current_exe().context("our own program")?),
        front: config.front()?,
        connections: connections(config),
        retention: config.retention()?,
    });
    Ok((app, lock))
}

/// Most connections at once: as configured, and never more than there are files for. Each may have a blob open beside its socket.
fn connections(config: &Config) -> usize {
    let files = (raise_file_limit().saturating_sub(OTHER_FILES) / 2).clamp(64, CONNECTION_LIMIT);
    config.limits.connections.map_or(files, |wanted| wanted.clamp(8, files))
}

/// Raises how many files may be open to what the system allows: the usual 1024 is less than the connections of a busy
/// studio. How many that is.
fn raise_file_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        tracing::debug!(%error, "the limit of open files stays as it was");
    }
    getrlimit(Resource::Nofile).current.map_or(usize::MAX, |current| usize::try_from(current).unwrap_or(usize::MAX))
}

/// Says at start who can be asked and who can't, so that a missing key is not a surprise at first use.
fn tell_providers(catalog: &Catalog, lanes: &BTreeMap<String, Lane>) {
    let wanted: BTreeSet<_> = catalog.models().iter().map(|model| model.provider.as_str()).collect();
    let missing: Vec<_> =
        wanted.into_iter().filter(|name| !lanes.get(*name).is_some_and(|lane| lane.has_key)).collect();
    let configured: Vec<_> = lanes.iter().filter(|(_, lane)| lane.has_key).map(|(name, _)| name.as_str()).collect();
    tracing::info!(configured = configured.join(", "), not_configured = missing.join(", "), "providers");
}

/// A provider from the configuration. One that lacks only the key that it can't do without is there for those who bring their own.
pub(crate) fn configured(name: &str, settings: &ProviderSettings) -> anyhow::Result<Lane> {
    let own = name == OPENAI;
    let Some(kind) = settings.kind.or(own.then_some(ProviderKind::OpenAi)) else {
        bail!("providers.{name}: kind is missing; say kind = \"cog\" for a Cog worker, \"openai\" for OpenAI's API");
    };
    let usual_place = || (own && kind == ProviderKind::OpenAi).then(|| OPENAI_BASE_URL.to_owned());
    let Some(base_url) = settings.base_url.clone().or_else(usual_place) else {
        bail!("providers.{name}: base_url is missing");
    };
    if !["http://", "https://"].iter().any(|scheme| base_url.starts_with(scheme)) {
        bail!("providers.{name}: base_url must begin with http:// or https://");
    }
    let key = settings.api_key.clone().filter(|key| !key.expose().is_empty());
    if key.as_ref().is_some_and(|key| !key.expose().bytes().all(|byte| byte.is_ascii_graphic())) {
        bail!("providers.{name}: api_key has characters that no key has, such as a space or a line break");
    }
    let provider: Arc<dyn Provider> = match kind {
        ProviderKind::Cog => Arc::new(CogProvider::new(CogSettings {
            name: name.to_owned(),
            destination: Destination::Configured { base_url: base_url.clone() },
            token: key.clone(),
            own_token: false,
            polled: settings.polled,
            supervised: false,
        })),
        ProviderKind::OpenAi => Arc::new(OpenAiProvider::new(OpenAiSettings {
            name: name.to_owned(),
            base_url: base_url.clone(),
            api_key: key.clone(),
            own_key: false,
            max_completion_tokens: own,
        })),
    };
    let usual = match kind {
        ProviderKind::Cog => COG_CONCURRENCY,
        ProviderKind::OpenAi => OPENAI_CONCURRENCY,
    };
    let concurrency = settings.concurrency.unwrap_or(usual);
    // A server that asks nobody for a key would take any for one, and its work would count against no budget.
    let is_openai = own && kind == ProviderKind::OpenAi && base_url.trim_end_matches('/') == OPENAI_BASE_URL;
    let takes_own_keys = settings.own_keys.unwrap_or(is_openai);
    let has_key = key.is_some() || !(own && kind == ProviderKind::OpenAi);
    let lane = Lane::new(provider, concurrency, Some(base_url)).with_per_owner(settings.per_user);
    Ok(lane.with_keys(has_key, takes_own_keys))
}

/// A built-in engine as a supervised worker.
fn built_in(engine: &str, settings: &ProviderSettings, sockets: &Path) -> anyhow::Result<(Arc<Supervisor>, Lane)> {
    let socket = sockets.join(format!("{engine}.sock"));
    let program = std::env::current_exe().context("where this program is")?;
    let mut arguments: Vec<OsString> = ["worker", engine, "--with-stdin", "--socket"].map(OsString::from).into();
    arguments.push(socket.clone().into());
    let supervisor =
        Supervisor::new(WorkerSpec { name: engine.to_owned(), program, arguments, socket: socket.clone() });
    let wire = CogProvider::new(CogSettings {
        name: engine.to_owned(),
        destination: Destination::Worker { socket },
        token: None,
        own_token: false,
        polled: true,
        supervised: true,
    });
    let provider = SupervisedProvider::new(supervisor.clone(), Arc::new(wire));
    // More than the worker has room for would only be turned away by it.
    let slots = studio_engines::worker::slots();
    let lane = Lane::new(Arc::new(provider), settings.concurrency.unwrap_or(slots).min(slots), None)
        .with_per_owner(settings.per_user);
    Ok((supervisor, lane))
}

/// A fresh folder for the sockets of this run: what a run before us left can't be mistaken for ours.
fn socket_folder(data: &Path) -> anyhow::Result<PathBuf> {
    let mut random = [0; 4];
    SystemChance.fill(&mut random);
    let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let runs = std::path::absolute(data)?.join("run");
    if runs.exists() {
        fs::remove_dir_all(&runs).with_context(|| format!("old sockets in {}", runs.display()))?;
    }
    let mut folder = runs.join(&name);
    // The longest socket name of ours has some room to spare here.
    if folder.as_os_str().len() + 32 > SOCKET_PATH_LIMIT {
        folder = std::env::temp_dir().join(format!("studio-{name}"));
    }
    make_folder(&folder)?;
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
    Ok(folder)
}
