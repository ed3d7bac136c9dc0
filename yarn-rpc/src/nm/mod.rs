//! The ApplicationMaster's conversation with NodeManagers: start, stop, look at and change containers.

mod change;
mod client;
mod error;
mod gather;
mod manage;
mod options;
mod start;

#[cfg(test)]
mod tests;

pub use self::change::{Localization, LocalizationState};
pub use self::client::NmClient;
pub use self::error::NmError;
pub use self::manage::Signal;
pub use self::options::NmOptions;
pub use self::start::ServiceData;
