//! The cluster of `docker/docker-compose.yml`, brought up for real: hosts with names and addresses of their own.
//!
//! Used by the tests in `it/tests/it/docker`. An [`Engine`] is one that answers on this machine already, else one that
//! root can start in namespaces of its own, so that nothing of it stays. [`Images`] are made from Debian and the jars of
//! the bed, without a registry. [`Compose`] brings the file up with them.

mod compose;
mod engine;
mod error;
mod images;
mod programs;
mod scratch;
mod sweep;

pub use compose::Compose;
pub use engine::Engine;
pub use error::{DockerError, NoEngine};
pub use images::Images;
