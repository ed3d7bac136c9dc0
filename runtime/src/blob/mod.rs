//! Blobs: content that is too large for a message and travels beside it, under the hash of what it is.
//!
//! ```text
//!  master: BlobStore ── put ──► a file, as long as its StoredBlob lives
//!              └── BlobServer (gRPC) ── pieces of 1 MiB ──► worker: fetch, checked against size and hash
//! ```
//!
//! The master's connections to workers put large deployments here; the workers that are told of one fetch it.

mod error;
mod fetch;
mod key;
mod server;
mod store;
#[cfg(test)]
mod tests;

pub use error::BlobError;
pub use fetch::fetch;
pub use key::BlobKey;
pub use server::BlobServer;
pub use store::{BlobStore, StoredBlob};
