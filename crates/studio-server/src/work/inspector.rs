//! Has files looked into by a child that has little to lose: `studio inspect`, with the file as its standard input, limits of its
//! own, and nothing of the server's: no environment, no paths, no sockets. A file that makes it crash or hang is a file that is
//! not taken, and what it says is read as hostile input, for it had a hostile file in its memory.

mod places;

use crate::settings::{INSPECTION_LIMIT, INSPECTION_LIMIT_OF_DATASETS, THUMBNAIL_LIMIT, THUMBNAILS_WAITING};
use bytes::Bytes;
use places::Places;
use std::{
    collections::HashSet,
    fs::File,
    path::PathBuf,
    process::Stdio,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use studio_core::{
    id::UserId,
    inspection::{Facts, FileKind, MOST_LINE_BYTES, Refusal, Section, SectionName, Verdict},
    job::ContentHash,
    media::MediaType,
    ports::{AssetError, AssetStore, StagedBlob},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader},
    process::{ChildStdout, Command},
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

/// How much longer than the file may be what is left of it when metadata is removed: a container may need some padding.
const ROOM_BESIDE: u64 = 64 << 10;
/// How many files are remembered of which no small picture can be made.
const MOST_HOPELESS: usize = 4096;
/// How much is read from the child at once.
const CHUNK_BYTES: usize = 64 << 10;

/// What is wanted of a look into a file.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Whose it is or will be.
    pub owner: UserId,
    /// What it is by its first bytes.
    pub kind: FileKind,
    /// Its size in bytes.
    pub bytes: u64,
    /// Metadata stays in it.
    pub keep_metadata: bool,
    /// Only a small picture is wanted; the file is known to be good.
    pub only_thumbnail: bool,
}

/// A file that is taken.
pub struct Inspected {
    /// What it is: of the kind that was asked for.
    pub media_type: MediaType,
    /// What is known of it.
    pub facts: Facts,
    /// A small picture of it.
    pub thumbnail: Option<(MediaType, Bytes)>,
    /// The file without what should not be kept, on its way in; absent when nothing had to be removed.
    pub clean: Option<Box<dyn StagedBlob>>,
}

/// Why there is no answer that the file is good.
#[derive(Debug, thiserror::Error)]
pub enum NotInspected {
    /// The child refuses it, and says why.
    #[error("the file is not taken: {}", .0.message)]
    Refused(Refusal),
    /// The child died of it, by the limit of its own time perhaps, or said what it never says.
    #[error("the file can't be looked into: {0}")]
    Unreadable(&'static str),
    /// It took too long by the clock. Its own time has a limit far below that, so it did not get any: the machine is busy.
    #[error("it takes too long to look into the file")]
    TooSlow,
    /// Too many files, of all or of one user, wait to be looked into.
    #[error("too many files wait to be looked into")]
    Busy,
    /// No child can be started.
    #[error("files can't be looked into now: {0}")]
    Unavailable(String),
    /// What is left of it can't be kept.
    #[error(transparent)]
    Assets(#[from] AssetError),
}

/// Looks into files, a few at once.
pub struct Inspector {
    program: PathBuf,
    places: Places,
    small_places: Semaphore,
    small_queue: Semaphore,
    /// Files of which no small picture can be made.
    hopeless: Mutex<HashSet<ContentHash>>,
}

/// A turn to have a small picture made, until it is dropped.
pub struct SmallTurn<'a> {
    _queued: SemaphorePermit<'a>,
    _place: SemaphorePermit<'a>,
}

impl Inspector {
    /// One that runs this program: our own.
    pub fn new(program: PathBuf) -> Self {
        Self {
            program,
            places: Places::new(),
            small_places: Semaphore::new(1),
            small_queue: Semaphore::new(1 + THUMBNAILS_WAITING),
            hopeless: Mutex::default(),
        }
    }

    /// Waits for a turn to have a small picture made of something that is kept. One at a time: strangers can ask for them, and
    /// must not be able to take the places of uploads. It is taken before all that a look takes.
    pub async fn turn_for_small(&self) -> Result<SmallTurn<'_>, NotInspected> {
        let queued = self.small_queue.try_acquire().map_err(|_| NotInspected::Busy)?;
        let place = self.small_places.acquire().await.map_err(|_| NotInspected::Busy)?;
        Ok(SmallTurn { _queued: queued, _place: place })
    }

    fn hopeless(&self) -> MutexGuard<'_, HashSet<ContentHash>> {
        // A set that has or has not one more is always whole.
        self.hopeless.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it was tried before to make a small picture of these bytes, and will fail again.
    pub fn is_hopeless(&self, hash: ContentHash) -> bool {
        self.hopeless().contains(&hash)
    }

    /// Notes that no small picture can be made of these bytes.
    pub fn give_up(&self, hash: ContentHash) {
        let mut hopeless = self.hopeless();
        // Forgotten, they are tried once more.
        if hopeless.len() >= MOST_HOPELESS {
            hopeless.clear();
        }
        hopeless.insert(hash);
    }

    /// Looks into a file, which is read from its beginning.
    pub async fn look(&self, assets: &dyn AssetStore, look: Look, file: File) -> Result<Inspected, NotInspected> {
        let waiting = self.places.enter(look.owner)?;
        let _place = waiting.place(look.kind).await?;
        let limit = if look.kind == FileKind::Dataset { INSPECTION_LIMIT_OF_DATASETS } else { INSPECTION_LIMIT };
        self.ask(assets, look, file, limit).await
    }

    async fn ask(
        &self,
        assets: &dyn AssetStore,
        look: Look,
        file: File,
        limit: Duration,
    ) -> Result<Inspected, NotInspected> {
        let mut command = Command::new(&self.program);
        command.args(["inspect", "--kind", look.kind.as_str()]);
        command.args(look.keep_metadata.then_some("--keep-metadata"));
        command.args(look.only_thumbnail.then_some("--only-thumbnail"));
        // Nothing of the server's environment is its business. Ctrl-C in a terminal goes to the whole foreground group; a file
        // that was all but taken should be.
        command.env_clear().process_group(0).kill_on_drop(true);
        command.stdin(Stdio::from(file)).stdout(Stdio::piped()).stderr(Stdio::null());
        let unavailable = |error: std::io::Error| {
            tracing::error!(%error, "the child that looks into files can't be started");
            NotInspected::Unavailable(error.to_string())
        };
        let mut child = command.spawn().map_err(unavailable)?;
        let stdout = child.stdout.take().ok_or_else(|| NotInspected::Unavailable("it has no output".into()))?;
        let said = timeout(limit, async {
            let said = read(assets, look, stdout).await?;
            let status = child.wait().await.map_err(|error| NotInspected::Unavailable(error.to_string()))?;
            if status.success() { Ok(said) } else { Err(NotInspected::Unreadable("the child died of it")) }
        });
        let said = said.await.unwrap_or(Err(NotInspected::TooSlow));
        // Gone before its place is another's; of one that ended by itself this is nothing new.
        if let Err(error) = child.kill().await {
            tracing::debug!(%error, "the child that looked into a file was gone already");
        }
        let why = match &said {
            Err(NotInspected::Unreadable(why)) => why,
            Err(NotInspected::TooSlow) => "it takes too long",
            _ => return said,
        };
        tracing::warn!(kind = look.kind.as_str(), bytes = look.bytes, why, "a file could not be looked into");
        said
    }
}

/// Reads what the child says, to its end.
async fn read(assets: &dyn AssetStore, look: Look, stdout: ChildStdout) -> Result<Inspected, NotInspected> {
    let mut stdout = BufReader::new(stdout);
    let mut line = Vec::new();
    (&mut stdout).take(MOST_LINE_BYTES as u64).read_until(b'\n', &mut line).await.map_err(|_| BROKEN)?;
    // Without its end it is what a child says that dies.
    let line = line.strip_suffix(b"\n").ok_or(DIED)?;
    let facts = match Verdict::parse(line) {
        Ok(Verdict::Ok(facts)) => facts,
        Ok(Verdict::Refused(refusal)) => return Err(NotInspected::Refused(refusal)),
        Err(_) => return Err(ODD),
    };
    let media_type = MediaType::parse(&facts.media_type).filter(|kind| kind.kind() == look.kind).ok_or(ODD)?;
    let (mut thumbnail, mut clean) = (None, None);
    for Section { name, media_type, bytes } in &facts.sections {
        match name {
            SectionName::Thumbnail => {
                let kind = MediaType::parse(media_type).filter(|kind| kind.is_picture()).ok_or(ODD)?;
                let size =
                    usize::try_from(*bytes).ok().filter(|size| (1..=THUMBNAIL_LIMIT).contains(size)).ok_or(ODD)?;
                let mut picture = vec![0; size];
                stdout.read_exact(&mut picture).await.map_err(|_| DIED)?;
                if MediaType::sniff_picture(&picture) != Some(kind) {
                    return Err(ODD);
                }
                thumbnail = Some((kind, Bytes::from(picture)));
            }
            SectionName::Clean => clean = Some(take(assets, look, *bytes, &mut stdout).await?),
        }
    }
    // And nothing more.
    match stdout.read(&mut [0]).await {
        Ok(0) => Ok(Inspected { media_type, facts, thumbnail, clean }),
        _ => Err(ODD),
    }
}

/// Takes what is left of the file to where it will be kept, never whole in memory.
async fn take(
    assets: &dyn AssetStore,
    look: Look,
    bytes: u64,
    from: &mut (impl AsyncRead + Unpin + Send),
) -> Result<Box<dyn StagedBlob>, NotInspected> {
    let cap = look.bytes.saturating_add(ROOM_BESIDE);
    if bytes == 0 || bytes > cap {
        return Err(ODD);
    }
    let mut staged = assets.stage(cap).await?;
    let mut left = bytes;
    while left > 0 {
        let mut chunk = vec![0; usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK_BYTES)];
        let read = from.read(&mut chunk).await.map_err(|_| BROKEN)?;
        if read == 0 {
            return Err(DIED);
        }
        chunk.truncate(read);
        staged.write(chunk.into()).await?;
        left -= read as u64;
    }
    Ok(staged)
}

const DIED: NotInspected = NotInspected::Unreadable("the child died of it");
const BROKEN: NotInspected = NotInspected::Unreadable("what the child says can't be read");
const ODD: NotInspected = NotInspected::Unreadable("the child says what it never says");

#[cfg(test)]
mod tests;
