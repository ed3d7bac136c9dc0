//! The master on YARN: the driver that gets workers from it, and the entrypoint of its applications: sessions, and those with one job.

mod driver;
mod entrypoint;
mod launch;
mod settings;
mod shape;

pub use driver::{ContainerLogPlace, ContainerLogs, YarnDriverError, YarnResourceManagerDriver};
pub use entrypoint::{Compose, Composition, run_application_master};
pub use settings::YarnSettingsError;
