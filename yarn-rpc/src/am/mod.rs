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
//! | type | what it is |
//! | --- | --- |
//! | [`AmClient`] | the conversation call by call |
//! | [`AmHandle`], [`AmEvents`] | the same as a task of its own: it beats by itself, faster while something is asked for |
//! | [`ContainerAsk`], [`AskTable`] | containers by priority, size, label, kind and place |
//! | [`ConstrainedAsk`], [`PlacementConstraint`] | containers in relation to others, and by attributes of nodes |
//! | [`PlacementSpec`] | the same as text, as Hadoop's distributed shell takes it |
//! | [`ContainerUpdate`] | more or fewer resources, another execution type |
//!
//! What is sent and what answers mean is decided by pure parts: the tables of asks and updates, and the exchange that
//! numbers heartbeats and keeps what the ResourceManager has not confirmed.

mod ask;
mod asks;
mod client;
mod error;
mod events;
mod exchange;
mod handle;
mod ledger;
mod link;
mod nm_tokens;
mod options;
mod pacing;
mod placement;
mod placement_spec;
mod scheduling;
mod service;
mod updates;

#[cfg(test)]
mod tests;

pub use self::ask::{AskError, AskKey, ContainerAsk, Execution, Locality};
pub use self::asks::AskTable;
pub use self::client::AmClient;
pub use self::error::AmError;
pub use self::events::{AllocatedContainer, Allocation, Collector, Registration};
pub use self::exchange::Withdrawn;
pub use self::handle::{AmEvent, AmEvents, AmHandle};
pub use self::nm_tokens::NmTokenCache;
pub use self::options::AmOptions;
pub use self::pacing::Pace;
pub use self::placement::{PlacementConstraint, Scope, TagNamespace};
pub use self::placement_spec::{PlacementGroup, PlacementSpec};
pub use self::scheduling::{ConstrainedAsk, RejectedAsk, RejectionReason};
pub use self::updates::{ContainerUpdate, UpdateError, UpdateKind, UpdateRefusal, UpdatedContainer};
