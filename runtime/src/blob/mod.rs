//! Blobs: content that is too large for a message and travels beside it, under the hash of what it is.
//!
//! ```text
//!  master: BlobStore ── put ──► a file, as long as its StoredBlob lives
//!              └── BlobServer (gRPC) ── pieces of 1 MiB ──► worker: checked against size and hash
//!                                                             ├─ fetch: into memory, for once (transient)
//!                                                             └─ BlobCache: a file, for all tasks of a job (permanent)
//! ```
//!
//! The master's connections to workers put large deployments here, and its Dispatcher what jobs bring along.

mod cache;
mod directory;
mod error;
mod fetch;
mod key;
mod server;
mod store;
#[cfg(test)]
mod tests;
mod writer;

pub use cache::{BlobCache, BlobCacheSettings, JobBlobs, NamedBlob};
pub use error::BlobError;
pub use fetch::{FetchLimits, fetch};
pub use key::{BlobKey, ParseBlobKeyError};
pub use server::{BlobServer, FetchTurns};
pub use store::{BlobStore, StoredBlob};
pub use writer::BlobWriter;
