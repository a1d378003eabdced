//! Where workers put what they made, instead of sending it in their answer: large outputs go straight to disk and are never
//! whole in memory. A ticket, made for one attempt and unguessable, is the only permission; it ends with the attempt.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};
use studio_core::{
    media::MediaType,
    ports::{Blob, Chance},
};

/// Most files under one ticket.
const FILES_LIMIT: usize = 16;

type Files = HashMap<String, (Blob, MediaType)>;
type Tickets = HashMap<String, Files>;

/// Open tickets and what came in under them.
#[derive(Default, Clone)]
pub struct Uploads {
    base: Arc<OnceLock<String>>,
    tickets: Arc<Mutex<Tickets>>,
}

/// Permission to upload, as long as it is held.
pub struct Ticket {
    name: String,
    uploads: Uploads,
    /// Where to put files: a URL that ends in a slash.
    pub url: String,
}

impl Uploads {
    fn tickets(&self) -> MutexGuard<'_, Tickets> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says where the server can be reached by its own workers, such as `http://127.0.0.1:8080`.
    pub fn reachable_at(&self, base: String) {
        // A second call could only say the same: the server listens once.
        drop(self.base.set(base));
    }

    /// Opens a ticket.
    pub fn open(&self, chance: &dyn Chance) -> Ticket {
        let mut random = [0; 16];
        chance.fill(&mut random);
        let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let base = self.base.get().map_or("", String::as_str);
        let url = format!("{base}/api/v1/worker-outputs/{name}/");
        self.tickets().insert(name.clone(), HashMap::new());
        Ticket { name, uploads: self.clone(), url }
    }

    /// Whether a ticket is open and has room for one more file.
    pub fn admits(&self, ticket: &str) -> bool {
        self.tickets().get(ticket).is_some_and(|files| files.len() < FILES_LIMIT)
    }

    /// Notes a file that came in. Nothing: the ticket ended meanwhile. Else the URL by which it is told of.
    pub fn received(&self, ticket: &str, file: &str, blob: Blob, media_type: MediaType) -> Option<String> {
        self.tickets().get_mut(ticket)?.insert(file.to_owned(), (blob, media_type));
        let base = self.base.get().map_or("", String::as_str);
        Some(format!("{base}/api/v1/worker-outputs/{ticket}/{file}"))
    }

    /// The file at a URL, if it came in under an open ticket.
    pub fn take(&self, url: &str) -> Option<(Blob, MediaType)> {
        let base = self.base.get()?;
        let (ticket, file) =
            url.strip_prefix(base.as_str())?.strip_prefix("/api/v1/worker-outputs/")?.split_once('/')?;
        self.tickets().get(ticket)?.get(file).copied()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.uploads.tickets().remove(&self.name);
    }
}
