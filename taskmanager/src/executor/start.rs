//! Starts a worker: its servers, its exchange and its loop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use selvedge_runtime::blob::BlobCache;
use selvedge_runtime::gateway::grpc::serve_task_executor;
use selvedge_runtime::gateway::proto::{ExternalResource, NotifyWorkerUnfitRequest};
use selvedge_runtime::metrics::{FlinkMemory, MetricRegistry, Recent, register_process};
use selvedge_runtime::profiling::Profiler;
use selvedge_runtime::rpc::{PortRange, RpcServer, bind};
use selvedge_runtime::scratch::usable;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use super::deploy::Deployer;
use super::discovery::{self, discover};
use super::event::{Notification, Urgent};
use super::files::WorkerFiles;
use super::gateway::Inbox;
use super::leader::LeadingResourceManager;
use super::links::{Identity, ResourceManagerLink};
use super::payload::{BlobServerLink, Payloads};
use super::service::{Queues, Service};
use super::state::State;
use super::{TaskExecutorConfig, TaskExecutorError};
use crate::exchange::{Exchange, NetworkBudget};
use crate::memory::{MemoryAccount, MemoryManager};
use crate::operator::FoundResources;
use crate::slot::SlotTable;

/// Requests that may wait; beyond them callers are told to come again.
const REQUEST_QUEUE: usize = 256;
const URGENT_QUEUE: usize = 64;
/// What own helpers tell waits where the queue is full.
const NOTIFICATION_QUEUE: usize = 256;
/// How long the answers of a worker that ends may take to leave it.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// The worker.
#[derive(Debug)]
pub struct TaskExecutor;

/// Where a worker is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerAddresses {
    /// host:port of its TaskExecutorService.
    pub rpc: String,
    /// host:port of its Flight service.
    pub data: String,
}

/// A started worker; cheap to clone. Dropping all handles does not stop it.
#[derive(Debug, Clone)]
pub struct TaskExecutorHandle {
    addresses: WorkerAddresses,
    inbox: Inbox,
    ended: watch::Receiver<Option<Result<(), TaskExecutorError>>>,
}

impl TaskExecutorHandle {
    /// Where it is reached.
    pub const fn addresses(&self) -> &WorkerAddresses {
        &self.addresses
    }

    /// Ends it, and waits until it has ended.
    pub async fn stop(&self) {
        drop(self.inbox.urgent.send(Urgent::Stop).await);
        drop(self.terminated().await);
    }

    /// Waits until it has ended, and tells why where that was no wish of anybody's.
    pub async fn terminated(&self) -> Result<(), TaskExecutorError> {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(end) => end.clone().unwrap_or(Ok(())),
            // The runtime is going down, and the worker with it.
            Err(_) => Ok(()),
        }
    }
}

impl TaskExecutor {
    /// Starts a worker on the runtime that this is called in: its control and its exchange run there, its tasks on threads
    /// of their own. It registers by itself.
    pub async fn start(mut config: TaskExecutorConfig) -> Result<TaskExecutorHandle, TaskExecutorError> {
        config.temp_dirs = usable(config.temp_dirs)?;
        let config = Arc::new(config);
        let io = Handle::current();
        let external_resources = match discover(&config.discoveries, discovery::LIMIT).await {
            Ok(found) => found,
            Err(unfit) => {
                tell_unfit(&config, &unfit).await;
                return Err(unfit);
            }
        };
        let control = listen(&config, &config.rpc_ports, "control").await?;
        let data = listen(&config, &config.data_ports, "data").await?;
        let addresses = WorkerAddresses {
            rpc: format!("{}:{}", config.host, control.address().port()),
            data: format!("{}:{}", config.host, data.address().port()),
        };
        let (requests, request_queue) = mpsc::channel(REQUEST_QUEUE);
        let (urgent, urgent_queue) = mpsc::channel(URGENT_QUEUE);
        let (notifications, notification_queue) = mpsc::channel(NOTIFICATION_QUEUE);
        let memory = MemoryManager::of_slots(&config.memory.slot_profile(), &config.consumer_weights);
        let exchange = Exchange::new(
            config.resource_id.clone(),
            config.exchange(),
            config.secret.clone(),
            io.clone(),
        );
        let account = MemoryAccount::new(memory.clone(), exchange.usage().clone(), config.own_process);
        let metrics = MetricRegistry::start(config.clock.clone());
        register_metrics(&metrics, &config, &account);
        let mut service = service(
            &config,
            &addresses,
            exchange.clone(),
            memory,
            notifications.clone(),
            io,
            metrics.clone(),
        )?;
        let inbox = Inbox {
            requests,
            urgent,
            instance_id: config.instance_id,
            payloads: Payloads {
                blobs: service.deployer.blob_server.clone(),
                limits: config.blobs.limits,
            },
            memory: account,
            metrics,
            files: Arc::new(WorkerFiles {
                log: config.log_file.clone(),
                stdout: config.stdout_file.clone(),
                profiler: Profiler::new(
                    config.resource_id.to_string(),
                    config.profiling.clone(),
                    config.clock.clone(),
                ),
            }),
        };
        let of_name = |found: &ExternalResource| (found.name.clone(), found.indices.clone());
        service.deployer.external_resources = external_resources.iter().map(of_name).collect();
        service.external_resources = external_resources;
        let closed = service.resource_manager.closed.clone();
        let control = serve_control(control, &config, inbox.clone(), notifications.clone(), closed);
        serve_data(data, exchange, notifications);
        let queues = Queues {
            urgent: urgent_queue,
            notifications: notification_queue,
            requests: request_queue,
        };
        let (end, ended) = watch::channel(None);
        tokio::spawn(async move {
            let result = service.run(queues).await;
            // The call that told it to end is answered before the process may go.
            drop(control.await);
            end.send_replace(Some(result));
        });
        Ok(TaskExecutorHandle {
            addresses,
            inbox,
            ended,
        })
    }
}

/// Tells the ResourceManager why this worker will not come, as it would start others in its place for ever; only tries.
async fn tell_unfit(config: &TaskExecutorConfig, unfit: &TaskExecutorError) {
    let request = NotifyWorkerUnfitRequest {
        resource_id: config.resource_id.0.clone(),
        cause: format!("TaskManager {} on {}: {unfit}", config.resource_id, config.node),
    };
    let told = async {
        config.resource_manager.found(config.timeouts.ask).await?;
        leader(config)
            .ok()?
            .gateway()
            .ok()?
            .notify_worker_unfit(request)
            .await
            .ok()
    };
    // The last words of this process are the cause itself.
    if let Ok(None) | Err(_) = tokio::time::timeout(config.timeouts.ask, told).await {
        tracing::warn!("the ResourceManager was not told that this worker will not come");
    }
}

fn service(
    config: &Arc<TaskExecutorConfig>,
    addresses: &WorkerAddresses,
    exchange: Exchange,
    memory: MemoryManager,
    notifications: mpsc::Sender<Notification>,
    io: Handle,
    metrics: MetricRegistry,
) -> Result<Service, TaskExecutorError> {
    let slots = config.memory.number_of_slots;
    let (of_slot, of_all) = (config.memory.slot_profile(), config.memory.total_profile());
    let table = SlotTable::new(slots, of_slot, of_all, config.timeouts.slot);
    let now = config.clock.monotonic().into_std();
    Ok(Service {
        identity: Identity {
            resource_id: config.resource_id.clone(),
            instance_id: config.instance_id,
            rpc_address: addresses.rpc.clone(),
            data_address: addresses.data.clone(),
            node: config.node.clone(),
        },
        external_resources: Vec::new(),
        state: State::new(table, config.timeouts.clone(), now),
        deployer: Deployer {
            config: config.clone(),
            budget: NetworkBudget::new(config.memory.network, slots, exchange.usage().clone()),
            exchange,
            memory,
            metrics,
            notifications: notifications.clone(),
            blobs: BlobCache::new(&config.blob_storage, &config.blobs, config.clock.clone(), &io),
            blob_server: BlobServerLink::new(config.secret.clone(), config.timeouts.ask),
            external_resources: FoundResources::default(),
            io: config.runner.io(io),
        },
        resource_manager: ResourceManagerLink {
            leader: leader(config)?,
            notifications: notifications.clone(),
            last_error: Arc::default(),
            pauses: config.timeouts.registration_pauses.clone(),
            registration: Arc::default(),
            closed: CancellationToken::new(),
        },
        notifications,
        links: BTreeMap::new(),
        connections: 0,
        tasks: BTreeMap::new(),
        end: None,
        config: config.clone(),
    })
}

/// The worker's memory, and what its process takes where that is its own.
fn register_metrics(registry: &MetricRegistry, config: &TaskExecutorConfig, account: &MemoryAccount) {
    let group = registry.group(&config.metric_scope());
    let (account, size) = (account.clone(), config.memory_configuration());
    let memory = Recent::new(config.clock.clone(), move || FlinkMemory::new(size, account.read()));
    if config.own_process {
        register_process(&group, &memory);
    }
    group.worker_memory(move || memory.get());
}

fn leader(config: &TaskExecutorConfig) -> Result<LeadingResourceManager, TaskExecutorError> {
    let retrieval = config.resource_manager.clone();
    let known = retrieval.current();
    let leader = LeadingResourceManager::new(retrieval, config.secret.clone(), config.timeouts.ask);
    // A wrong setting is told at once, not when the time for registering is over.
    match (known, leader.gateway()) {
        (Some(known), Err(error)) => Err(TaskExecutorError::Address {
            address: known.address.into(),
            of: "ResourceManager",
            reason: error.to_string().into(),
        }),
        _ => Ok(leader),
    }
}

async fn listen(
    config: &TaskExecutorConfig,
    ports: &PortRange,
    server: &'static str,
) -> Result<RpcServer, TaskExecutorError> {
    let failed = |reason: String| TaskExecutorError::Bind {
        server,
        reason: reason.into(),
    };
    let listener = bind(&config.bind_host, ports)
        .await
        .map_err(|error| failed(error.to_string()))?;
    RpcServer::new(listener).map_err(|error| failed(error.to_string()))
}

fn serve_control(
    server: RpcServer,
    config: &TaskExecutorConfig,
    inbox: Inbox,
    notifications: mpsc::Sender<Notification>,
    closed: CancellationToken,
) -> JoinHandle<()> {
    let routes = Routes::new(serve_task_executor(Arc::new(inbox), &config.secret));
    let server = server.grace(LAST_ANSWERS);
    tokio::spawn(async move {
        let served = server.serve(routes, closed.cancelled_owned()).await;
        tell_failure(served, "control", &notifications).await;
    })
}

fn serve_data(server: RpcServer, exchange: Exchange, notifications: mpsc::Sender<Notification>) {
    tokio::spawn(async move {
        let served = exchange.serve(server).await;
        tell_failure(served, "data", &notifications).await;
    });
}

async fn tell_failure(
    served: Result<(), selvedge_runtime::rpc::ServerError>,
    server: &'static str,
    notifications: &mpsc::Sender<Notification>,
) {
    if let Err(error) = served {
        let reason = selvedge_runtime::connector::report(&error).into();
        let failure = TaskExecutorError::Server { server, reason };
        drop(notifications.send(Notification::ServerFailed(failure)).await);
    }
}
