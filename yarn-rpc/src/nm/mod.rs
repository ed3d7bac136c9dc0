//! The ApplicationMaster's conversation with NodeManagers: start, stop and look at containers.

mod client;
mod error;

#[cfg(test)]
mod tests;

pub use self::client::{NmClient, NmOptions};
pub use self::error::NmError;
