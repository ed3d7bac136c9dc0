//! What ends the driver.

use yarn_common::resource::Resource;
use yarn_rpc::am::AmError;

/// Why containers can no longer be had; fatal for the ApplicationMaster.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum YarnDriverError {
    /// No container of the cluster can hold the worker.
    #[error(
        "a TaskManager needs a container of {wanted}, and the largest that the queue gives is {maximum}; lower \
         taskmanager.memory.process.size, taskmanager.numberOfTaskSlots or yarn.containers.vcores, or raise \
         yarn.scheduler.maximum-allocation-mb and -vcores and the memory of the NodeManagers"
    )]
    TooLarge {
        /// What the worker needs.
        wanted: Resource,
        /// What the cluster allows.
        maximum: Resource,
    },
    /// The attempt could not be registered.
    #[error("the ApplicationMaster could not be registered: {0}")]
    Register(#[source] AmError),
    /// A heartbeat failed for good.
    #[error("the heartbeat to the YARN ResourceManager failed: {0}")]
    Heartbeat(#[source] AmError),
    /// The end could not be told.
    #[error("the ApplicationMaster could not be unregistered: {0}")]
    Unregister(#[source] AmError),
    /// It was not started yet.
    #[error("the YARN driver has not been initialised")]
    NotInitialised,
    /// It was started before.
    #[error("the YARN driver has been initialised already")]
    InitialisedTwice,
    /// The driver has ended.
    #[error("the YARN driver has ended")]
    Ended,
}
