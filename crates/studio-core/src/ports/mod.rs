//! What the outside promises to the core: one trait for each way out, implemented by the crates around it.

mod assets;
mod chance;
mod fetcher;
mod library;
mod limiter;
mod people;
mod provider;
mod store;
mod vault;

pub use assets::{AssetError, AssetStore, Blob, BlobReader, StagedBlob};
pub use chance::{Chance, Clock};
pub use fetcher::{Body, Destination, FetchError, Fetcher};
pub use library::{Asset, AssetFilter, Kept, Library, NewUpload, Removed, STAYS, SentBefore, Stored, Thumbnail};
pub use limiter::Limiter;
pub use people::{
    AcceptLink, Account, AuditFilter, AuditRow, ChangePassword, ChangeUser, CreateLink, LinkAccepted, LinkCreated,
    LinkWithdrawn, MOST_SESSIONS, OpenSession, PasswordHash, People, Seen, SessionHolder, Sessions, UserChanged,
    UserRow,
};
pub use provider::{Canceled, Capabilities, Lookup, Piece, Polled, Produced, Provider, Saying, Started, Submission};
pub use store::{
    Admission, Admitted, Advance, Advanced, AttemptRow, BudgetRow, Checkpoint, Checkpointed, Claim, EntryFilter,
    EntryRow, Forget, Forgotten, JobFilter, KeyRow, MOST_OWN_KEYS, ModelUsage, OWN_KEYS_WINDOW, PART_BYTES, Part,
    Period, Said, Store, StoreError, UsageReport, Waiting,
};
pub use vault::{Entrusted, Keyrings, NoKeyring, ProviderKey, Resealed, SealedRow, Vault};
