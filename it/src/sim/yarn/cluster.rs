//! What ResourceManager and NodeManagers know and decide: pure, with the time as an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use yarn_common::exit_status::ContainerExitStatus;
use yarn_common::resource::Resource;
use yarn_rpc::proto::yarn::{
    AllocateRequestProto, AllocateResponseProto, FinishApplicationMasterRequestProto,
    RegisterApplicationMasterRequestProto, RegisterApplicationMasterResponseProto, ResourceProto,
};

use super::answers;
use super::node::Node;

pub(crate) use super::node::NodeFault;

/// What a NodeManager lost, as it is told where the process was killed.
const KILLED: i32 = 137;

/// An error as Hadoop IPC carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) class: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(super) fn new(class: &'static str, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
        }
    }
}

const NOT_REGISTERED: &str = "org.apache.hadoop.yarn.exceptions.ApplicationMasterNotRegisteredException";
const INVALID: &str = "org.apache.hadoop.yarn.exceptions.InvalidApplicationMasterRequestException";

/// What the world has to do with hosts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Order {
    /// The NodeManager starts the process of a container.
    Launch { container: u64, command: String },
    /// The NodeManager ends it.
    Kill { container: u64 },
}

/// What the scheduler does wrong next: what a real one may do too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GrantFault {
    /// One container more than was asked for.
    Surplus,
    /// A container of half the size.
    Undersized,
    /// A container for an ask that nobody made.
    Foreign,
}

/// Wants of one priority.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ask {
    pub(super) count: i32,
    pub(super) capability: ResourceProto,
    pub(super) request_id: i64,
}

/// A container as the ResourceManager knows it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Granted {
    pub(crate) node: String,
    pub(crate) priority: i32,
    pub(crate) capability: ResourceProto,
    pub(crate) since: Duration,
    /// The application gave it back; its node will hear of it.
    pub(crate) is_released: bool,
}

/// ResourceManager and NodeManagers.
#[derive(Debug)]
pub(crate) struct Cluster {
    /// Which start of the ResourceManager this is: grants of an earlier one are worth nothing.
    pub(super) identifier: i64,
    pub(super) nodes: BTreeMap<String, Node>,
    pub(super) maximum: Resource,
    tracking_url: Option<String>,
    is_registered: bool,
    finished: Option<FinishApplicationMasterRequestProto>,
    last_answer: AllocateResponseProto,
    asks: BTreeMap<i32, Ask>,
    granted: BTreeMap<u64, Granted>,
    news: AllocateResponseProto,
    tokens_sent: BTreeSet<String>,
    next_container: u64,
    grant_faults: Vec<GrantFault>,
    orders: Vec<Order>,
    /// A planted fault: it grants more than is asked for, and does not hear that something is given back.
    is_deaf: bool,
}

impl Cluster {
    /// Nodes of this size.
    pub(crate) fn new(nodes: impl IntoIterator<Item = String>, size: &Resource) -> Self {
        Self {
            identifier: 1,
            nodes: nodes.into_iter().map(|name| (name, Node::new())).collect(),
            maximum: size.clone(),
            tracking_url: None,
            is_registered: false,
            finished: None,
            last_answer: AllocateResponseProto::default(),
            asks: BTreeMap::new(),
            granted: BTreeMap::new(),
            news: AllocateResponseProto::default(),
            tokens_sent: BTreeSet::new(),
            // The first is the ApplicationMaster's own.
            next_container: 2,
            grant_faults: Vec::new(),
            orders: Vec::new(),
            is_deaf: false,
        }
    }

    // ---- what the world asks and does ----

    /// `host:port` of the application's pages, once it has registered.
    pub(crate) fn tracking_address(&self) -> Option<&str> {
        self.tracking_url.as_deref()?.strip_prefix("http://")
    }

    /// How the application ended, in YARN's number.
    pub(crate) fn final_status(&self) -> Option<i32> {
        Some(self.finished.as_ref()?.final_application_status.unwrap_or_default())
    }

    /// Containers that are granted or run, by number.
    pub(crate) const fn containers(&self) -> &BTreeMap<u64, Granted> {
        &self.granted
    }

    /// Containers still asked for.
    pub(crate) fn asked(&self) -> i32 {
        self.asks.values().map(|ask| ask.count).sum()
    }

    /// Processes that run or are being launched, and their nodes.
    pub(crate) fn processes(&self) -> impl Iterator<Item = (u64, &str)> {
        self.nodes
            .iter()
            .flat_map(|(name, node)| node.processes().map(move |container| (container, name.as_str())))
    }

    pub(crate) fn take_orders(&mut self) -> Vec<Order> {
        std::mem::take(&mut self.orders)
    }

    pub(crate) fn node_mut(&mut self, name: &str) -> Option<&mut Node> {
        self.nodes.get_mut(name)
    }

    pub(crate) fn fault_grants(&mut self, fault: GrantFault) {
        self.grant_faults.push(fault);
    }

    pub(crate) fn plant_deafness(&mut self) {
        self.is_deaf = true;
        self.fault_grants(GrantFault::Surplus);
    }

    /// The process of a container has ended by itself, or was killed by nobody of YARN.
    pub(crate) fn exited(&mut self, container: u64, exit_status: Option<i32>) {
        for node in self.nodes.values_mut() {
            let diagnostics = "Container exited with a non-zero exit code";
            node.exited(container, exit_status.unwrap_or(KILLED), diagnostics);
        }
    }

    /// A node is lost: what ran there is told of as lost. Its processes, which are to be ended.
    pub(crate) fn lose_node(&mut self, name: &str) -> Vec<u64> {
        let lost: Vec<_> = self.processes().filter(|(_, node)| *node == name).collect();
        let lost: Vec<_> = lost.into_iter().map(|(number, _)| number).collect();
        if let Some(node) = self.nodes.get_mut(name) {
            for number in &lost {
                node.exited(
                    *number,
                    ContainerExitStatus::ABORTED.0,
                    "Container released on a *lost* node",
                );
            }
        }
        lost
    }

    /// The ResourceManager starts anew: it remembers the application, but neither its registration nor its asks, and learns of
    /// containers from their nodes.
    pub(crate) fn restart_resource_manager(&mut self) {
        self.identifier += 1;
        self.is_registered = false;
        self.last_answer = AllocateResponseProto::default();
        self.news = AllocateResponseProto::default();
        self.asks.clear();
        self.tokens_sent.clear();
        let nodes = &self.nodes;
        self.granted
            .retain(|number, granted| nodes.get(&granted.node).is_some_and(|node| node.knows(*number)));
    }

    // ---- ApplicationMasterProtocol ----

    pub(super) fn register(
        &mut self,
        request: RegisterApplicationMasterRequestProto,
    ) -> Result<RegisterApplicationMasterResponseProto, Refusal> {
        if self.is_registered {
            return Err(Refusal::new(INVALID, "Application Master is already registered"));
        }
        self.is_registered = true;
        self.tracking_url = request.tracking_url;
        Ok(answers::registered(&self.maximum))
    }

    pub(super) fn allocate(&mut self, request: AllocateRequestProto) -> Result<AllocateResponseProto, Refusal> {
        if !self.is_registered {
            return Err(Refusal::new(
                NOT_REGISTERED,
                "AM is not registered for known application attempt",
            ));
        }
        let (last, acknowledged) = (self.last_answer.response_id(), request.response_id());
        if acknowledged + 1 == last {
            return Ok(self.last_answer.clone());
        }
        if acknowledged != last {
            let message = format!("Invalid responseId in AllocateRequest, expect {last}, but {acknowledged}");
            return Err(Refusal::new(INVALID, message));
        }
        for ask in &request.ask {
            self.ask(ask);
        }
        for released in &request.release {
            self.release(released.id() as u64);
        }
        let news = std::mem::take(&mut self.news);
        self.last_answer = AllocateResponseProto {
            response_id: Some(last + 1),
            num_cluster_nodes: Some(i32::try_from(self.nodes.len()).unwrap_or(i32::MAX)),
            limit: Some((&self.maximum).into()),
            ..news
        };
        Ok(self.last_answer.clone())
    }

    pub(super) fn finish(&mut self, request: FinishApplicationMasterRequestProto) -> Result<(), Refusal> {
        if !self.is_registered {
            return Err(Refusal::new(
                NOT_REGISTERED,
                "AM is not registered for known application attempt",
            ));
        }
        self.finished = Some(request);
        self.asks.clear();
        // What the application has left is ended by its nodes.
        for granted in self.granted.values_mut() {
            granted.is_released = true;
        }
        Ok(())
    }

    /// Only the row for any node counts; rows for nodes and racks only say where it would be best.
    fn ask(&mut self, ask: &yarn_rpc::proto::yarn::ResourceRequestProto) {
        if ask.resource_name() != "*" {
            return;
        }
        let priority = ask.priority.as_ref().map_or(0, |priority| priority.priority());
        if ask.num_containers() == 0 {
            self.asks.remove(&priority);
            return;
        }
        let wanted = Ask {
            count: ask.num_containers(),
            capability: ask.capability.clone().unwrap_or_default(),
            request_id: ask.allocation_request_id(),
        };
        self.asks.insert(priority, wanted);
    }

    fn release(&mut self, number: u64) {
        let Some(granted) = self.granted.get_mut(&number) else {
            return;
        };
        granted.is_released = true;
        let is_process = self.nodes.get(&granted.node).is_some_and(|node| node.knows(number));
        if !is_process && !self.is_deaf {
            self.complete(
                number,
                ContainerExitStatus::ABORTED.0,
                "Container released by application",
            );
        }
    }

    fn complete(&mut self, number: u64, exit_status: i32, diagnostics: &str) {
        if self.granted.remove(&number).is_some() {
            let status = answers::completed(number, exit_status, diagnostics);
            self.news.completed_container_statuses.push(status);
        }
    }

    // ---- a node's heartbeat ----

    /// The node tells what ended, hears what it shall end, and gets work.
    pub(super) fn node_heartbeat(&mut self, name: &str, now: Duration) {
        let Some(node) = self.nodes.get_mut(name) else {
            return;
        };
        node.obey(self.identifier);
        for (number, exit_status, diagnostics) in node.take_completed() {
            self.complete(number, exit_status, &diagnostics);
        }
        let released = self
            .granted
            .iter()
            .filter(|(_, granted)| granted.node == name && granted.is_released);
        let released: Vec<_> = released.map(|(number, _)| *number).collect();
        for number in released {
            self.stop(name, number);
        }
        if self.finished.is_none() && self.is_registered {
            self.schedule(name, now);
        }
    }

    fn schedule(&mut self, name: &str, now: Duration) {
        while let Some((priority, capability)) = self.next_grant() {
            let memory = capability.memory();
            if self.free_memory(name) < memory {
                return;
            }
            self.grant(name, priority, capability, now);
            if let Some(ask) = self.asks.get_mut(&priority) {
                ask.count -= 1;
                if ask.count == 0 {
                    self.asks.remove(&priority);
                }
            }
        }
    }

    /// What is granted next: with a fault where one is due.
    fn next_grant(&mut self) -> Option<(i32, ResourceProto)> {
        let (priority, ask) = self.asks.first_key_value()?;
        let (mut priority, mut capability, asked) = (*priority, ask.capability.clone(), ask.count);
        match self.grant_faults.pop() {
            Some(GrantFault::Surplus) => {
                if let Some(ask) = self.asks.get_mut(&priority) {
                    ask.count = asked + 1;
                }
            }
            Some(GrantFault::Foreign) => priority += 90,
            Some(GrantFault::Undersized) => capability = answers::half(&capability),
            None => {}
        }
        Some((priority, capability))
    }

    fn free_memory(&self, name: &str) -> i64 {
        let size = i64::try_from(self.maximum.memory_mb).unwrap_or(i64::MAX);
        let used = self.granted.values().filter(|granted| granted.node == name);
        size - used.map(|granted| granted.capability.memory()).sum::<i64>()
    }

    fn grant(&mut self, name: &str, priority: i32, capability: ResourceProto, now: Duration) {
        let number = self.next_container;
        self.next_container += 1;
        let request_id = self.asks.get(&priority).map_or(0, |ask| ask.request_id);
        let container = answers::container(number, name, priority, &capability, request_id, self.identifier);
        self.news.allocated_containers.push(container);
        if self.tokens_sent.insert(name.to_owned()) {
            self.news.nm_tokens.push(answers::nm_token(name));
        }
        tracing::info!(container = number, node = name, priority, "granted");
        let granted = Granted {
            node: name.to_owned(),
            priority,
            capability,
            since: now,
            is_released: false,
        };
        self.granted.insert(number, granted);
    }

    // ---- ContainerManagementProtocol ----

    pub(super) fn start(
        &mut self,
        name: &str,
        number: u64,
        identifier: i64,
        command: String,
        now: Duration,
    ) -> Result<(), Refusal> {
        let node = self.nodes.get_mut(name).ok_or_else(|| answers::no_node(name))?;
        node.start(number, identifier, command, now)
    }

    /// Processes whose files are there by now.
    pub(super) fn launch_due(&mut self, name: &str, now: Duration) {
        if let Some(node) = self.nodes.get_mut(name) {
            let due = node.take_launches(now).into_iter();
            self.orders
                .extend(due.map(|(container, command)| Order::Launch { container, command }));
        }
    }

    pub(super) fn stop(&mut self, name: &str, number: u64) {
        if let Some(node) = self.nodes.get_mut(name)
            && node.stop(number)
        {
            self.orders.push(Order::Kill { container: number });
        }
    }
}
