//! The master on YARN: the driver that gets workers from it, and the entrypoint of an application with one job.

mod driver;
mod entrypoint;
mod launch;
mod settings;
mod shape;

pub use driver::{YarnDriverError, YarnResourceManagerDriver};
pub use entrypoint::{Compose, Composition, run_per_job};
pub use settings::YarnSettingsError;
