//! The ApplicationMaster's conversation with the ResourceManager.
//!
//! ```text
//!                register                 allocate (heartbeat)               finish
//!   (unknown) ─────────────► registered ──────────┐ asks, releases ─────► (unregistered)
//!                              ▲   ▲  └───────────┘ containers, statuses
//!                              │   └ registers again, repeats everything
//!                              └──── the ResourceManager restarted or failed over
//! ```
//!
//! [`AmClient`] is the transport's end; what it sends and what answers mean is decided by pure parts: the
//! [`AskTable`], and the exchange that numbers heartbeats and keeps what the ResourceManager has not confirmed.

mod asks;
mod client;
mod error;
mod events;
mod exchange;
mod nm_tokens;

#[cfg(test)]
mod tests;

pub use self::asks::{AskError, AskKey, AskTable, ContainerAsk, Locality};
pub use self::client::{AmClient, AmOptions};
pub use self::error::AmError;
pub use self::events::{AllocatedContainer, Allocation, Registration};
pub use self::nm_tokens::NmTokenCache;
