//! What workers are made of and what slots hold, as the ResourceManager counts it.
//!
//! ```text
//! Configuration ──> TaskExecutorProcessSpec ──> WorkerResourceSpec ──> ResourceProfile of the worker ÷ slots = of a slot
//! ```
//!
//! A [`WorkerResourceSpec`] is what the ResourceManager asks a driver for; a [`ResourceProfile`] is what a worker or a slot
//! holds; a [`ProfileSpec`] is what somebody asks for or offers, which may be unknown or unlimited.

mod discovery;
mod external;
mod profile;
mod profile_spec;
mod quantity;
#[cfg(test)]
mod tests;
mod worker;
mod yarn;

pub use discovery::Discovery;
pub use external::{ExternalResources, YarnExternalResources};
pub use profile::ResourceProfile;
pub use profile_spec::ProfileSpec;
pub use quantity::{ParseQuantityError, Quantity};
pub use worker::WorkerResourceSpec;
pub use yarn::YarnContainer;
