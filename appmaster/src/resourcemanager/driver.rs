//! Where workers come from: YARN, this process, or nowhere.

use std::collections::BTreeSet;

use async_trait::async_trait;
use selvedge_core::ResourceId;
use selvedge_core::memory::TaskExecutorProcessSpec;
use selvedge_core::resource::WorkerResourceSpec;
use selvedge_core::status::ApplicationStatus;
use selvedge_runtime::rpc::ApplicationSecret;
use thiserror::Error;
use tokio::sync::mpsc;

/// A driver's fault, told so that a user can act on it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct DriverError(pub String);

/// What a driver is given when it starts.
#[derive(Debug, Clone)]
pub struct DriverStart {
    /// Where it reports to. Bounded: sending waits.
    pub events: mpsc::Sender<DriverEvent>,
    /// host:port under which workers reach the ResourceManager.
    pub resource_manager_address: String,
    /// host:port of the REST endpoint, for the tracking URL.
    pub rest_address: String,
    /// What workers must present on every call.
    pub secret: ApplicationSecret,
}

/// The worker that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerSpec {
    /// Its memory by use, its cores and its slots.
    pub process: TaskExecutorProcessSpec,
}

/// Nodes on which no new workers are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnwantedNodes {
    /// Whoever blocked them wants none there at all.
    pub blocked: BTreeSet<String>,
    /// Workers failed to start there again and again, the worst first: as many are left out as the cluster can do without.
    pub avoided: Vec<String>,
}

/// What a driver reports.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DriverEvent {
    /// A worker that was asked for is being started; it will register.
    WorkerStarted {
        /// On YARN the container id.
        resource_id: ResourceId,
        /// Its node.
        node: String,
        /// What was asked for.
        spec: WorkerSpec,
    },
    /// A worker that an earlier attempt of this master started still runs; it will register.
    WorkerRecovered {
        /// On YARN the container id.
        resource_id: ResourceId,
        /// Its node.
        node: String,
    },
    /// A worker has ended, started or not.
    WorkerTerminated {
        /// Which.
        resource_id: ResourceId,
        /// For users: `container container_… on node X exited with status 137 (killed, …)`.
        cause: String,
        /// Whether its node may be to blame, where it never registered.
        against_node: bool,
    },
    /// A worker that was asked for will not come.
    RequestFailed {
        /// What was asked for.
        spec: WorkerSpec,
        /// Why.
        cause: String,
    },
    /// The driver cannot go on: the cluster ends.
    Fatal {
        /// Why.
        cause: String,
    },
}

/// Starts and stops workers. Calls may be concurrent, and return as soon as the wish is noted; what comes of it is told by
/// events.
#[async_trait]
pub trait ResourceManagerDriver: Send + Sync + std::fmt::Debug + 'static {
    /// Connects to where workers come from. On YARN: registers the ApplicationMaster.
    async fn initialize(&self, start: DriverStart) -> Result<(), DriverError>;

    /// Asks for one worker. An error counts as a failed start.
    async fn request_worker(&self, spec: WorkerSpec) -> Result<(), DriverError>;

    /// Takes back wishes for such workers that are not fulfilled yet, at most `count`; returns how many. Workers that come
    /// nevertheless are released.
    async fn cancel_requests(&self, spec: WorkerSpec, count: u32) -> u32;

    /// Stops a worker.
    async fn release_worker(&self, resource_id: &ResourceId);

    /// The application ends with this status. On YARN: unregisters.
    async fn deregister(&self, status: ApplicationStatus, diagnostics: &str) -> Result<(), DriverError>;

    /// The leadership has ended while the application goes on: workers that live by this process end, nobody is told.
    async fn suspend(&self) {}

    /// Whether [`Self::initialize`] may be called again, under another leadership. Not on YARN: an attempt registers once.
    fn can_lead_again(&self) -> bool {
        true
    }

    /// The worker that comes where this one is asked for: YARN gives whole cores only.
    fn as_started(&self, process: TaskExecutorProcessSpec) -> TaskExecutorProcessSpec {
        process
    }

    /// The process of a worker of this size, for a slot that the usual worker has no room for; `None` where all workers have
    /// one size.
    ///
    /// # Errors
    /// Why there can be none of this size.
    fn process_for(&self, _worker: &WorkerResourceSpec) -> Result<Option<TaskExecutorProcessSpec>, DriverError> {
        Ok(None)
    }

    /// New workers are not wanted on these nodes, in place of those that were named before.
    async fn block_nodes(&self, _nodes: UnwantedNodes) {}

    /// Someone waits for news of a worker that may be gone: ask soon.
    fn hurry(&self) {}

    /// Whether workers can be asked for. Without, those that register by themselves are all there are, and none is released.
    fn is_active(&self) -> bool {
        true
    }
}
