//! The driver's decisions, pure: which containers are wanted, which one serves which request, which are given back.
//!
//! Each distinct [`WorkerShape`] has a priority of its own, numbered from 1 in order of first use: YARN may grant larger
//! containers than asked for, so only the priority tells what a container was granted for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use selvedge_core::ResourceId;
use tokio::time::Instant;
use yarn_common::id::{ContainerId, NodeId};
use yarn_common::resource::{Priority, Resource};
use yarn_rpc::am::{AskKey, ContainerAsk, Locality, UpdatedContainer};
use yarn_rpc::types::{Container, ContainerState, ContainerStatus, NodeUpdate, Preemption};

use super::YarnDriverError;
use super::ending::Ending;
use super::label::WorkerLabel;
use super::nodes::Nodes;
use super::places::Places;
use crate::resourcemanager::{UnwantedNodes, WorkerSpec};
use crate::yarn::shape::WorkerShape;

/// After so long without a container, nodes that are only avoided are better than none.
const IN_VAIN: Duration = Duration::from_secs(60);

/// What the shell has to do, in this order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Action {
    /// Set the ask of one priority to this count.
    Ask(ContainerAsk),
    /// The same by place: each node is asked for its share.
    Spread(Vec<ContainerAsk>),
    /// Tell YARN to give no containers on these nodes, in place of earlier ones.
    LeaveOut(BTreeSet<String>),
    /// Start a worker in the container.
    Start {
        container: Box<Container>,
        shape: WorkerShape,
    },
    /// Stop the container on its node.
    Stop { node: NodeId, container: ContainerId },
    /// Give the container back to YARN.
    Release(ContainerId),
    /// Tell the ResourceManager which worker it gets.
    Allocated {
        worker: ResourceId,
        node: NodeId,
        spec: WorkerSpec,
    },
    /// Tell the ResourceManager which worker of an earlier attempt still runs.
    Recovered { worker: ResourceId, node: NodeId },
    /// Tell the ResourceManager that a worker is gone.
    Terminated(Termination),
}

/// The end of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Termination {
    pub(super) worker: ResourceId,
    pub(super) cause: String,
    /// Whether its node may be to blame, where it never registered.
    pub(super) against_node: bool,
    /// The container and the web address of its node, where its log can say more.
    pub(super) log: Option<(ContainerId, String)>,
}

/// A container that is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Owned {
    node: NodeId,
    /// Of its NodeManager: `host:port`.
    web_address: String,
    memory_mb: u64,
    /// YARN has said that it may take it back: that is told once. How it ends its exit status tells, since YARN changes its mind.
    preempted: bool,
}

impl Owned {
    fn new(container: &Container) -> Self {
        Self {
            node: container.node.clone(),
            web_address: container.node_http_address.clone(),
            memory_mb: container.resource.memory_mb,
            preempted: false,
        }
    }
}

/// Workers of one shape.
#[derive(Debug, Clone, PartialEq)]
struct Group {
    shape: WorkerShape,
    /// How many have no container yet.
    pending: u32,
}

/// Which requests are open and which containers are ours.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DriverState {
    maximum: Resource,
    label: WorkerLabel,
    /// Where the application runs, for causes.
    queue: String,
    /// By priority − 1.
    groups: Vec<Group>,
    containers: BTreeMap<ContainerId, Owned>,
    /// Whether any container has ever come.
    has_granted: bool,
    /// Since when nothing came of what is wanted.
    waiting_since: Option<Instant>,
    nodes: Nodes,
    places: Places,
}

impl DriverState {
    pub(super) fn new(maximum: Resource, label: WorkerLabel, queue: String) -> Self {
        Self {
            maximum,
            label,
            queue,
            groups: Vec::new(),
            containers: BTreeMap::new(),
            has_granted: false,
            waiting_since: None,
            nodes: Nodes::default(),
            places: Places::default(),
        }
    }

    /// How many requests have no container yet.
    pub(super) fn outstanding(&self) -> u32 {
        self.groups.iter().map(|group| group.pending).sum()
    }

    /// One more worker is wanted.
    pub(super) fn request(&mut self, shape: WorkerShape) -> Result<Vec<Action>, YarnDriverError> {
        if !shape.resource.fits_in(&self.maximum) {
            return Err(YarnDriverError::TooLarge {
                wanted: shape.resource,
                maximum: self.maximum.clone(),
            });
        }
        let index = match self.groups.iter().position(|group| group.shape == shape) {
            Some(index) => index,
            None => {
                self.groups.push(Group { shape, pending: 0 });
                self.groups.len() - 1
            }
        };
        self.groups[index].pending += 1;
        Ok(vec![self.ask(index)])
    }

    /// At most so many requests for such workers are no longer wanted. Tells how many were taken back.
    pub(super) fn cancel(&mut self, spec: &WorkerSpec, count: u32) -> (u32, Vec<Action>) {
        let Some(index) = self.groups.iter().position(|group| group.shape.spec == *spec) else {
            return (0, Vec::new());
        };
        let cancelled = count.min(self.groups[index].pending);
        if cancelled == 0 {
            return (0, Vec::new());
        }
        self.groups[index].pending -= cancelled;
        (cancelled, vec![self.ask(index)])
    }

    /// Containers were granted: each serves a request of its priority. What serves none, or is too small for its request,
    /// goes back at once.
    pub(super) fn granted(&mut self, containers: Vec<Container>) -> Vec<Action> {
        containers
            .into_iter()
            .flat_map(|container| self.match_container(container))
            .collect()
    }

    fn match_container(&mut self, container: Container) -> Vec<Action> {
        if self.containers.contains_key(&container.id) {
            tracing::warn!(container = %container.id, "granted again: it has its worker already");
            return Vec::new();
        }
        let is_wanted = |index: &usize| self.groups.get(*index).is_some_and(|group| group.pending > 0);
        let Some(index) = index_of(container.priority).filter(is_wanted) else {
            tracing::info!(container = %container.id, priority = container.priority.0, "returning an excess container");
            return vec![Action::Release(container.id)];
        };
        let shape = self.groups[index].shape.clone();
        // Only memory counts: not every scheduler looks at cores, and such a one grants a single core.
        if container.resource.memory_mb < shape.resource.memory_mb {
            let (granted, wanted) = (&container.resource, &shape.resource);
            tracing::warn!(container = %container.id, %granted, %wanted, "returning a container that is too small");
            return vec![Action::Release(container.id), self.ask(index)];
        }
        if self.nodes.is_left_out(&container.node) {
            tracing::info!(container = %container.id, node = %container.node, "returning a container of a node that is left out");
            let told = self.nodes.gave_one(&container.node).map(Action::LeaveOut);
            return [Action::Release(container.id), self.ask(index)]
                .into_iter()
                .chain(told)
                .collect();
        }
        let group = &mut self.groups[index];
        group.pending -= 1;
        self.has_granted = true;
        self.waiting_since = None;
        self.containers.insert(container.id, Owned::new(&container));
        vec![
            Action::Allocated {
                worker: resource_id(container.id),
                node: container.node.clone(),
                spec: shape.spec.clone(),
            },
            Action::Start {
                container: Box::new(container),
                shape,
            },
        ]
    }

    /// Containers of earlier attempts: their workers look for this one, and are taken over.
    pub(super) fn recovered(&mut self, containers: &[Container]) -> Vec<Action> {
        let mut actions = Vec::new();
        for container in containers {
            if self.containers.contains_key(&container.id) {
                continue;
            }
            tracing::info!(container = %container.id, node = %container.node, "a container of an earlier attempt still runs");
            self.containers.insert(container.id, Owned::new(container));
            self.has_granted = true;
            actions.push(Action::Recovered {
                worker: resource_id(container.id),
                node: container.node.clone(),
            });
        }
        actions
    }

    /// A container ended. One that was released, or was reported before, is no news.
    pub(super) fn completed(&mut self, status: &ContainerStatus) -> Vec<Action> {
        if status.state != ContainerState::Complete {
            return Vec::new();
        }
        let Some(owned) = self.containers.remove(&status.id) else {
            return Vec::new();
        };
        let ending = Ending {
            status,
            node: &owned.node,
            memory_mb: owned.memory_mb,
            queue: &self.queue,
            node_trouble: self.nodes.trouble(&owned.node),
        };
        vec![Action::Terminated(Termination {
            worker: resource_id(status.id),
            cause: ending.cause(),
            against_node: ending.is_against_node(),
            log: ending.has_last_words().then_some((status.id, owned.web_address)),
        })]
    }

    /// Whether YARN has ever given what was asked for: then what it refuses is no fault of the settings alone.
    pub(super) const fn has_granted(&self) -> bool {
        self.has_granted
    }

    /// A heartbeat has passed. Where nothing has come for a while, nodes that are only avoided are used until something comes:
    /// they may be all that have room, or all that have the label.
    pub(super) fn heard(&mut self, now: Instant) -> Vec<Action> {
        if self.outstanding() == 0 {
            self.waiting_since = None;
        } else if self.waiting_since.is_none() {
            self.waiting_since = Some(now);
        }
        let in_vain = self.waiting_since.is_some_and(|since| since + IN_VAIN <= now);
        let left_out = self.nodes.set_probation(in_vain);
        let mut actions: Vec<_> = left_out.map(Action::LeaveOut).into_iter().collect();
        if self.places.round_is_over(self.outstanding() > 0, now) {
            actions.extend(self.ask_all());
        }
        actions
    }

    /// All that is wanted, asked for anew.
    fn ask_all(&self) -> Vec<Action> {
        let wanted = (0..self.groups.len()).filter(|index| self.groups[*index].pending > 0);
        wanted.map(|index| self.ask(index)).collect()
    }

    /// What this priority stands for cannot be asked for. It is not wanted any more: which requests that were.
    pub(super) fn unaskable(&mut self, key: AskKey) -> (Vec<(WorkerSpec, u32)>, Vec<Action>) {
        let group = index_of(key.priority).and_then(|index| self.groups.get(index));
        let requests: Vec<_> = group
            .map(|group| (group.shape.spec.clone(), group.pending))
            .into_iter()
            .collect();
        let taken_back = requests.iter().flat_map(|(spec, count)| self.cancel(spec, *count).1);
        let actions = taken_back.collect();
        (requests, actions)
    }

    /// YARN refuses what is asked for. Nothing is wanted any more: which requests that were.
    pub(super) fn refused(&mut self) -> (Vec<(WorkerSpec, u32)>, Vec<Action>) {
        let pending = self.groups.iter().filter(|group| group.pending > 0);
        let requests: Vec<_> = pending.map(|group| (group.shape.spec.clone(), group.pending)).collect();
        let taken_back = requests.iter().flat_map(|(spec, count)| self.cancel(spec, *count).1);
        let actions = taken_back.collect();
        (requests, actions)
    }

    /// No new containers are wanted on these nodes.
    pub(super) fn block(&mut self, unwanted: UnwantedNodes) -> Vec<Action> {
        let left_out = self.nodes.set_unwanted(unwanted);
        left_out.map(Action::LeaveOut).into_iter().collect()
    }

    /// The cluster has so many nodes.
    pub(super) fn cluster_size(&mut self, nodes: u32) -> Vec<Action> {
        let left_out = self.nodes.set_count(nodes);
        left_out.map(Action::LeaveOut).into_iter().collect()
    }

    /// YARN wants containers back. Those of ours that it had not named before.
    pub(super) fn preempting(&mut self, preemption: &Preemption) -> Vec<(ContainerId, NodeId)> {
        let mut new = Vec::new();
        for id in preemption.strict.iter().chain(&preemption.negotiable) {
            if let Some(owned) = self.containers.get_mut(id).filter(|owned| !owned.preempted) {
                owned.preempted = true;
                new.push((*id, owned.node.clone()));
            }
        }
        new
    }

    /// YARN has changed a container, though nobody here asked for it: from now on it is killed for what it has now.
    pub(super) fn updated(&mut self, UpdatedContainer { kind, container }: &UpdatedContainer) {
        let (id, resource) = (container.id, &container.resource);
        if let Some(owned) = self.containers.get_mut(&id) {
            tracing::warn!(container = %id, ?kind, %resource, "YARN has changed a container");
            owned.memory_mb = resource.memory_mb;
        }
    }

    /// A node is not as it was. How many of our containers it takes with it.
    pub(super) fn node_changed(&mut self, update: &NodeUpdate) -> usize {
        self.nodes.update(update);
        self.places.update(update);
        if update.is_usable() {
            return 0;
        }
        let there = self.containers.values().filter(|owned| owned.node == update.node);
        there.count()
    }

    /// The cluster has these nodes. What is asked for already is spread over them.
    pub(super) fn listed(&mut self, nodes: &[NodeUpdate]) -> Vec<Action> {
        for node in nodes {
            self.places.update(node);
        }
        self.ask_all()
    }

    /// The node did not start the container.
    pub(super) fn start_failed(&mut self, container: ContainerId, cause: &str) -> Vec<Action> {
        let Some(Owned { node, .. }) = self.containers.remove(&container) else {
            return Vec::new();
        };
        vec![
            Action::Release(container),
            Action::Terminated(Termination {
                worker: resource_id(container),
                cause: format!("container {container} on node {node} could not be started: {cause}"),
                against_node: true,
                log: None,
            }),
        ]
    }

    /// A worker is no longer wanted. Its end is not told: who let it go knows.
    pub(super) fn release(&mut self, worker: &ResourceId) -> Vec<Action> {
        let container = worker.as_str().parse().ok();
        match container.and_then(|container| self.containers.remove_entry(&container)) {
            Some((container, owned)) => {
                let node = owned.node;
                vec![Action::Stop { node, container }, Action::Release(container)]
            }
            None => Vec::new(),
        }
    }

    /// Nothing is wanted any more: no ask stays, and every container is stopped.
    pub(super) fn release_all(&mut self) -> Vec<Action> {
        let mut actions = Vec::new();
        for index in 0..self.groups.len() {
            if self.groups[index].pending > 0 {
                self.groups[index].pending = 0;
                actions.push(self.ask(index));
            }
        }
        for (container, owned) in std::mem::take(&mut self.containers) {
            let node = owned.node;
            actions.push(Action::Stop { node, container });
        }
        actions
    }

    /// The absolute ask of a group.
    fn ask(&self, index: usize) -> Action {
        let group = &self.groups[index];
        let priority = i32::try_from(index + 1).unwrap_or(i32::MAX);
        let key = AskKey::priority(priority);
        let mut ask = ContainerAsk::new(key, group.shape.resource.clone(), group.pending);
        ask.node_label = self.label.of_asks();
        let places = match self.label.names_nodes() {
            true => self.places.spread(group.pending, self.nodes.left_out()),
            false => vec![(Locality::Anywhere, group.pending)],
        };
        if places.iter().all(|(place, _)| *place == Locality::Anywhere) {
            return Action::Ask(ask);
        }
        let at = |(place, count)| ContainerAsk { count, ..ask.clone() }.at(place);
        Action::Spread(places.into_iter().map(at).collect())
    }
}

fn index_of(priority: Priority) -> Option<usize> {
    usize::try_from(priority.0).ok()?.checked_sub(1)
}

/// A worker on YARN goes by its container's id.
pub(super) fn resource_id(container: ContainerId) -> ResourceId {
    ResourceId(container.to_string())
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
