//! The driver's shell: one task that owns the conversation with YARN and carries out what the state decides.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use selvedge_core::ResourceId;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use yarn_common::id::{ContainerId, NodeId};
use yarn_rpc::am::{Allocation, AmClient, AmError, ContainerAsk};
use yarn_rpc::client::YarnClient;
use yarn_rpc::nm::NmClient;
use yarn_rpc::types::{Container, FinalStatus, NodeState, NodeUpdate};

use super::YarnDriverError;
use super::last_words::{ContainerLogPlace, ContainerLogs, last_words};
use super::pacing::Pacing;
use super::state::{Action, DriverState, Termination};
use crate::resourcemanager::{DriverEvent, UnwantedNodes, WorkerSpec};
use crate::yarn::launch::WorkerLaunch;
use crate::yarn::shape::WorkerShape;

/// YARN shows it as a bar; how far a job has come is not known before its end. Flink's value.
const PROGRESS: f32 = 1.0;
/// As many commands are looked at before the next heartbeat.
const BATCH: usize = 64;
/// So many logs are read at once; the end of a whole cluster is told without them.
const LOGS_AT_ONCE: usize = 16;
/// How long YARN may take to list its nodes.
const LISTING_PATIENCE: Duration = Duration::from_secs(10);

/// What the ResourceManager wants of the driver.
#[derive(Debug)]
pub(super) enum Command {
    /// One more worker.
    Request { shape: WorkerShape },
    /// At most so many such workers less, of those that have no container yet.
    Cancel {
        spec: WorkerSpec,
        count: u32,
        cancelled: oneshot::Sender<u32>,
    },
    /// This worker is not wanted any more.
    Release { worker: ResourceId },
    /// No new worker on these nodes.
    Block(UnwantedNodes),
    /// Someone waits for news.
    Hurry,
    /// The end.
    Unregister {
        status: FinalStatus,
        diagnostics: String,
        done: oneshot::Sender<Result<(), YarnDriverError>>,
    },
}

/// A container and whether its node started it.
type Started = (ContainerId, Result<(), String>);

/// Where the logs of containers are read.
#[derive(Debug)]
pub(super) struct LogAccess {
    pub(super) logs: Arc<dyn ContainerLogs>,
    /// `http` or `https`.
    pub(super) scheme: &'static str,
    pub(super) user: String,
}

/// The state and what it acts upon.
#[derive(Debug)]
pub(super) struct DriverService {
    pub(super) rm: AmClient,
    pub(super) nodes: NmClient,
    pub(super) state: DriverState,
    pub(super) pacing: Pacing,
    pub(super) launch: Arc<WorkerLaunch>,
    pub(super) commands: mpsc::Receiver<Command>,
    /// Where users look after the end.
    pub(super) history: String,
    /// Events on their way: the loop does not wait for who takes them.
    pub(super) events: VecDeque<DriverEvent>,
    pub(super) listener: mpsc::Sender<DriverEvent>,
    pub(super) starts: JoinSet<Started>,
    pub(super) stops: JoinSet<()>,
    /// `None` where logs are not read.
    pub(super) log_access: Option<LogAccess>,
    /// Ends of workers whose last words are being read.
    pub(super) endings: JoinSet<DriverEvent>,
    /// The nodes of the cluster, once they are known.
    pub(super) listing: JoinSet<Vec<NodeUpdate>>,
}

impl DriverService {
    /// Runs until it is told to unregister, its handle is gone, or YARN has given up the attempt.
    pub(super) async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        let listener = self.listener.clone();
        loop {
            tokio::select! {
                biased;
                received = self.commands.recv_many(&mut batch, BATCH) => {
                    if received == 0 {
                        return;
                    }
                    for command in batch.drain(..) {
                        if self.command(command).await.is_break() {
                            return;
                        }
                    }
                }
                Ok(permit) = listener.reserve(), if !self.events.is_empty() => {
                    if let Some(event) = self.events.pop_front() {
                        permit.send(event);
                    }
                }
                Some(started) = self.starts.join_next() => self.started(started),
                Some(_) = self.stops.join_next() => {}
                Some(Ok(nodes)) = self.listing.join_next() => {
                    let actions = self.state.listed(&nodes);
                    self.carry_out(actions);
                }
                Some(Ok(ended)) = self.endings.join_next() => self.events.push_back(ended),
                // A call that is dropped here is repeated as it was.
                news = heartbeat(&mut self.rm, self.pacing.due()) => match news {
                    Ok(news) => self.news(news),
                    Err(error) if error.is_refused_ask() && self.state.has_granted() => self.refused(&error),
                    Err(error) => {
                        self.fail(&YarnDriverError::Heartbeat(error));
                        return self.wait_for_the_end().await;
                    }
                },
            }
        }
    }

    /// Asks which nodes there are, beside the loop. Until that is known, or where it cannot be, asks name none.
    pub(super) fn list_nodes(&mut self, lister: YarnClient) {
        self.listing.spawn(async move {
            let listed = tokio::time::timeout(LISTING_PATIENCE, lister.nodes(&[NodeState::Running])).await;
            let unknown = match listed {
                Ok(Ok(nodes)) => return nodes,
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("not told within {LISTING_PATIENCE:?}"),
            };
            tracing::info!("the nodes of the cluster are not known ({unknown}): containers are asked for anywhere");
            Vec::new()
        });
    }

    /// Containers of earlier attempts.
    pub(super) fn take_over(&mut self, containers: &[Container]) {
        let actions = self.state.recovered(containers);
        self.carry_out(actions);
    }

    async fn command(&mut self, command: Command) -> std::ops::ControlFlow<()> {
        match command {
            Command::Request { shape } => self.request(shape),
            Command::Cancel { spec, count, cancelled } => {
                let (taken_back, actions) = self.state.cancel(&spec, count);
                self.carry_out(actions);
                // Whoever asked may have gone on.
                let _ = cancelled.send(taken_back);
            }
            Command::Release { worker } => {
                let actions = self.state.release(&worker);
                self.carry_out(actions);
            }
            Command::Block(nodes) => {
                let actions = self.state.block(nodes);
                self.carry_out(actions);
            }
            Command::Hurry => self.pacing.hurry(Instant::now()),
            Command::Unregister {
                status,
                diagnostics,
                done,
            } => {
                let result = self.unregister(status, &diagnostics).await;
                // Nobody waits any more when the process is being ended.
                let _ = done.send(result);
                return std::ops::ControlFlow::Break(());
            }
        }
        std::ops::ControlFlow::Continue(())
    }

    fn request(&mut self, shape: WorkerShape) {
        let was_idle = self.state.outstanding() == 0;
        match self.state.request(shape) {
            Ok(actions) => {
                self.carry_out(actions);
                if was_idle {
                    self.pacing.first_ask(Instant::now());
                }
            }
            Err(error) => self.fail(&error),
        }
    }

    fn news(&mut self, news: Allocation) {
        if news.resynchronised {
            tracing::warn!("the YARN ResourceManager restarted; all asks were repeated");
        }
        let granted: Vec<Container> = news.allocated.into_iter().map(|granted| granted.container).collect();
        for container in &granted {
            tracing::info!(container = %container.id, node = %container.node, resource = %container.resource, "container granted");
        }
        for (container, node) in news.preemption.iter().flat_map(|wish| self.state.preempting(wish)) {
            tracing::warn!(%container, %node, "YARN will take the container back for another application (preemption)");
        }
        for update in &news.updated_nodes {
            self.node_changed(update);
        }
        news.updated.iter().for_each(|changed| self.state.updated(changed));
        // One that was found again late may have ended meanwhile.
        self.take_over(&news.recovered);
        // The end of a container comes before the grant of the next, as it happened.
        for status in &news.completed {
            let actions = self.state.completed(status);
            self.carry_out(actions);
        }
        let actions = news.cluster_nodes.map(|nodes| self.state.cluster_size(nodes));
        self.carry_out(actions.unwrap_or_default());
        let actions = self.state.granted(granted);
        self.carry_out(actions);
        let actions = self.state.heard(Instant::now());
        self.carry_out(actions);
        self.answered();
    }

    /// When to beat again.
    fn answered(&mut self) {
        self.pacing.answered(Instant::now(), self.rm.asks().total());
        if self.rm.has_news() {
            self.pacing.news(Instant::now());
        }
    }

    /// The largest container may have become smaller since the registration, as when a node left: those that were asked
    /// for do not come, and the others are not to be lost with them.
    fn refused(&mut self, error: &AmError) {
        let (requests, actions) = self.state.refused();
        self.carry_out(actions);
        let remedy = match error.exception() {
            Some(exception) if exception.simple_class().contains("Label") => {
                "see whether yarn.taskmanager.node-label is a label that the queue may use"
            }
            _ => {
                "lower taskmanager.memory.process.size or yarn.containers.vcores, or see why the nodes of the cluster are \
                 smaller than they were"
            }
        };
        let cause = format!("the YARN ResourceManager refuses what was asked for: {error}; {remedy}");
        self.requests_failed(requests, &cause);
        // What the refused heartbeat carried besides is still to be said.
        self.answered();
    }

    fn requests_failed(&mut self, requests: Vec<(WorkerSpec, u32)>, cause: &str) {
        tracing::warn!("{cause}");
        for (spec, count) in requests {
            let cause = cause.to_owned();
            let failed = DriverEvent::RequestFailed { spec, cause };
            self.events.extend(std::iter::repeat_n(failed, count as usize));
        }
    }

    fn node_changed(&mut self, update: &NodeUpdate) {
        let containers = self.state.node_changed(update);
        let (node, state, report) = (&update.node, update.state, &update.health_report);
        if containers > 0 || update.decommissioning_timeout.is_some() {
            tracing::warn!(%node, ?state, %report, ?update.decommissioning_timeout, containers, "a node changed");
        }
        if containers > 0 {
            // How they end is told soon.
            self.pacing.hurry(Instant::now());
        }
    }

    fn started(&mut self, started: Result<Started, JoinError>) {
        match started {
            Ok((container, Ok(()))) => tracing::info!(%container, "worker started"),
            Ok((container, Err(cause))) => {
                tracing::warn!(%container, %cause, "worker not started");
                let actions = self.state.start_failed(container, &cause);
                self.carry_out(actions);
            }
            // Only aborted at the end, when nobody asks any more.
            Err(error) => tracing::debug!(%error, "a start was given up"),
        }
    }

    fn carry_out(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Ask(ask) => {
                    tracing::debug!(priority = ask.key.priority.0, count = ask.count, size = %ask.capability, "containers wanted");
                    self.ask(vec![ask]);
                }
                Action::Spread(asks) => {
                    tracing::debug!(nodes = asks.len(), "containers wanted, spread over nodes");
                    self.ask(asks);
                }
                Action::LeaveOut(nodes) => {
                    tracing::info!(?nodes, "YARN is told to give no containers on these nodes");
                    self.rm.set_blacklist(nodes);
                    self.pacing.news(Instant::now());
                }
                Action::Start { container, shape } => self.start(*container, shape),
                Action::Stop { node, container } => self.stop(node, container),
                Action::Release(container) => {
                    self.rm.release(container);
                    self.pacing.news(Instant::now());
                }
                Action::Allocated { worker, node, spec } => self.events.push_back(DriverEvent::WorkerStarted {
                    resource_id: worker,
                    node: node.host().to_owned(),
                    spec,
                }),
                Action::Recovered { worker, node } => self.events.push_back(DriverEvent::WorkerRecovered {
                    resource_id: worker,
                    node: node.host().to_owned(),
                }),
                Action::Terminated(ended) => self.terminated(ended),
            }
        }
    }

    /// Tells the end of a worker, with its last words where they can be read.
    fn terminated(&mut self, ended: Termination) {
        let Termination {
            worker,
            cause,
            against_node,
            log,
        } = ended;
        // Who is told logs the cause.
        tracing::debug!(%worker, "worker terminated");
        let event = move |cause| DriverEvent::WorkerTerminated {
            resource_id: worker,
            cause,
            against_node,
        };
        match (log, &self.log_access) {
            (Some((container, web_address)), Some(access)) if self.endings.len() < LOGS_AT_ONCE => {
                let place = ContainerLogPlace {
                    node_url: format!("{}://{web_address}", access.scheme),
                    container,
                    user: access.user.clone(),
                };
                let logs = Arc::clone(&access.logs);
                self.endings.spawn(async move {
                    // The end itself is to be told whatever becomes of the words.
                    let words = AssertUnwindSafe(last_words(logs, place, &cause)).catch_unwind().await;
                    event(cause + &words.unwrap_or_default())
                });
            }
            _ => self.events.push_back(event(cause)),
        }
    }

    /// Sets the asks of one priority, in place of all that stand under it. Each size has its own, so none is ever taken; but
    /// the cluster may lack what it had.
    fn ask(&mut self, asks: Vec<ContainerAsk>) {
        let Some(key) = asks.first().map(|ask| ask.key) else {
            return;
        };
        let is_wanted = asks.iter().any(|ask| ask.count > 0);
        let table = self.rm.asks();
        table.cancel(key);
        if let Some(error) = asks.into_iter().find_map(|ask| table.set(ask).err()) {
            let (requests, actions) = self.state.unaskable(key);
            self.requests_failed(requests, &error.to_string());
            // Taking back what was taken back leads nowhere.
            if is_wanted {
                self.carry_out(actions);
            }
        }
        self.pacing.news(Instant::now());
    }

    fn start(&mut self, container: Container, shape: WorkerShape) {
        let (launch, nodes) = (Arc::clone(&self.launch), self.nodes.clone());
        self.starts.spawn(async move {
            let started = match launch.context(container.id, &container.node, &shape) {
                Err(error) => Err(error.to_string()),
                Ok(context) => match nodes.start_container(&container, &context).await {
                    Err(error) => Err(error.to_string()),
                    Ok(_) => Ok(()),
                },
            };
            (container.id, started)
        });
    }

    fn stop(&mut self, node: NodeId, container: ContainerId) {
        let nodes = self.nodes.clone();
        self.stops.spawn(async move {
            match nodes.stop_container(&node, container).await {
                Ok(()) => tracing::info!(%container, "worker stopped"),
                // It was given back to the ResourceManager too, which sees to its end.
                Err(error) => tracing::warn!(%container, %error, "the node did not stop the worker"),
            }
        });
    }

    /// Ends everything that was started, and tells YARN how the application ended; YARN then ends what is left.
    async fn unregister(&mut self, status: FinalStatus, diagnostics: &str) -> Result<(), YarnDriverError> {
        self.starts.abort_all();
        let actions = self.state.release_all();
        self.carry_out(actions);
        let unregistered = self.rm.finish(status, diagnostics, &self.history).await;
        self.stops.abort_all();
        unregistered.map_err(YarnDriverError::Unregister)
    }

    /// YARN does not answer any more: nothing can be done but to say so.
    async fn wait_for_the_end(&mut self) {
        for event in self.events.drain(..) {
            if self.listener.send(event).await.is_err() {
                break;
            }
        }
        while let Some(command) = self.commands.recv().await {
            if let Command::Unregister { done, .. } = command {
                // As above.
                let _ = done.send(Err(YarnDriverError::Ended));
                return;
            }
        }
    }

    fn fail(&mut self, error: &YarnDriverError) {
        tracing::error!(%error, "the YARN driver cannot go on");
        let cause = error.to_string();
        self.events.push_back(DriverEvent::Fatal { cause });
    }
}

async fn heartbeat(rm: &mut AmClient, due: Instant) -> Result<Allocation, AmError> {
    sleep_until(due).await;
    rm.allocate(PROGRESS).await
}
