//! What ResourceManager and NodeManagers know and decide: pure, with the time as an argument.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use yarn_common::exit_status::ContainerExitStatus;
use yarn_common::id::ApplicationAttemptId;
use yarn_common::resource::Resource;
use yarn_rpc::proto::yarn::{
    AllocateResponseProto, FinishApplicationMasterRequestProto, RegisterApplicationMasterRequestProto,
    RegisterApplicationMasterResponseProto, ResourceProto,
};

use super::answers;
use super::faults::GrantFault;
use super::heartbeats::HeartbeatFault;
use super::node::Node;

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

pub(super) const NOT_REGISTERED: &str = "org.apache.hadoop.yarn.exceptions.ApplicationMasterNotRegisteredException";
pub(super) const INVALID: &str = "org.apache.hadoop.yarn.exceptions.InvalidApplicationMasterRequestException";
pub(super) const STANDBY: &str = "org.apache.hadoop.ipc.StandbyException";
const NO_ATTEMPT: &str = "org.apache.hadoop.yarn.exceptions.ApplicationAttemptNotFoundException";

/// What the world has to do with hosts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Order {
    /// The NodeManager starts the process of a container; one that hangs does nothing at all.
    Launch {
        container: u64,
        command: String,
        hangs: bool,
    },
    /// The NodeManager ends it.
    Kill { container: u64 },
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
    /// The attempt that it was granted to.
    pub(crate) attempt: u32,
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
    /// The host of the ResourceManager that is active; none while the other one takes over.
    active: Option<&'static str>,
    pub(super) nodes: BTreeMap<String, Node>,
    pub(super) maximum: Resource,
    /// The attempt of the application that runs, or is to be started next.
    pub(super) attempt: u32,
    tracking_url: Option<String>,
    pub(super) is_registered: bool,
    pub(super) finished: Option<FinishApplicationMasterRequestProto>,
    pub(super) last_answer: AllocateResponseProto,
    pub(super) asks: BTreeMap<i32, Ask>,
    pub(super) granted: BTreeMap<u64, Granted>,
    pub(super) news: AllocateResponseProto,
    /// Grants that are told later than what came after them.
    pub(super) held_back: AllocateResponseProto,
    /// Nodes on which the application wants no containers.
    pub(super) blacklist: BTreeSet<String>,
    pub(super) tokens_sent: BTreeSet<String>,
    pub(super) next_container: u64,
    pub(super) grant_faults: Vec<GrantFault>,
    /// What befalls the next heartbeats, one each.
    pub(super) heartbeat_faults: VecDeque<HeartbeatFault>,
    /// By host: how many of the next answers are lost on their way, with their connections.
    pub(super) lost_answers: BTreeMap<String, u32>,
    pub(super) orders: Vec<Order>,
    /// A planted fault: it grants more than is asked for, and does not hear that something is given back.
    pub(super) is_deaf: bool,
}

impl Cluster {
    /// Nodes of this size.
    pub(crate) fn new(nodes: impl IntoIterator<Item = String>, size: &Resource) -> Self {
        Self {
            identifier: 1,
            active: Some(super::RESOURCE_MANAGERS[0]),
            nodes: nodes.into_iter().map(|name| (name, Node::new())).collect(),
            maximum: size.clone(),
            attempt: 1,
            tracking_url: None,
            is_registered: false,
            finished: None,
            last_answer: AllocateResponseProto::default(),
            asks: BTreeMap::new(),
            granted: BTreeMap::new(),
            news: AllocateResponseProto::default(),
            held_back: AllocateResponseProto::default(),
            blacklist: BTreeSet::new(),
            tokens_sent: BTreeSet::new(),
            // The first is the ApplicationMaster's own.
            next_container: 2,
            grant_faults: Vec::new(),
            heartbeat_faults: VecDeque::new(),
            lost_answers: BTreeMap::new(),
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

    /// The attempt of the application that the ResourceManager knows of.
    pub(crate) const fn attempt(&self) -> u32 {
        self.attempt
    }

    pub(super) fn has_process(&self, node: &str, container: u64) -> bool {
        let node = self.nodes.get(node);
        node.is_some_and(|node| node.processes().any(|known| known == container))
    }

    /// The host of the active ResourceManager.
    pub(crate) const fn active(&self) -> Option<&'static str> {
        self.active
    }

    /// The active ResourceManager is that no more.
    pub(crate) const fn step_down(&mut self) {
        self.active = None;
    }

    /// Another one is, with what the first has stored: as after a restart.
    pub(crate) fn take_over(&mut self, host: &'static str) {
        self.active = Some(host);
        self.restart_resource_manager();
    }

    pub(super) fn is_active(&self, host: &str) -> bool {
        self.active == Some(host)
    }

    pub(crate) fn take_orders(&mut self) -> Vec<Order> {
        std::mem::take(&mut self.orders)
    }

    pub(crate) fn node_mut(&mut self, name: &str) -> Option<&mut Node> {
        self.nodes.get_mut(name)
    }

    /// The ResourceManager starts anew: it remembers the application, but neither its registration nor its asks, and learns of
    /// containers from their nodes.
    pub(crate) fn restart_resource_manager(&mut self) {
        self.identifier += 1;
        self.forget_attempt();
        let nodes = &self.nodes;
        self.granted
            .retain(|number, granted| nodes.get(&granted.node).is_some_and(|node| node.knows(*number)));
    }

    /// The ApplicationMaster is gone without a word: what runs in its containers goes on for the next attempt, the others end.
    /// That attempt; `None` where the application has ended.
    pub(crate) fn attempt_ended(&mut self) -> Option<u32> {
        if self.finished.is_some() {
            return None;
        }
        self.attempt += 1;
        self.tracking_url = None;
        self.forget_attempt();
        let nodes = &self.nodes;
        let is_started =
            |number: u64, granted: &Granted| nodes.get(&granted.node).is_some_and(|node| node.knows(number));
        let unstarted = self
            .granted
            .iter()
            .filter(|(number, granted)| !is_started(**number, granted));
        for number in unstarted.map(|(number, _)| *number).collect::<Vec<_>>() {
            self.release(number);
        }
        Some(self.attempt)
    }

    fn forget_attempt(&mut self) {
        self.is_registered = false;
        self.last_answer = AllocateResponseProto::default();
        self.news = AllocateResponseProto::default();
        self.held_back = AllocateResponseProto::default();
        self.asks.clear();
        self.blacklist.clear();
        self.tokens_sent.clear();
    }

    // ---- ApplicationMasterProtocol ----

    /// Only the present attempt is listened to.
    pub(super) fn check_attempt(&self, caller: Option<ApplicationAttemptId>) -> Result<(), Refusal> {
        let present = super::attempt(self.attempt);
        match caller {
            Some(caller) if caller == present => Ok(()),
            caller => {
                let caller = caller.map_or_else(|| "nobody".to_owned(), |caller| caller.to_string());
                let message = format!("Application attempt {caller} doesn't exist in ApplicationMasterService cache.");
                Err(Refusal::new(NO_ATTEMPT, message))
            }
        }
    }

    pub(super) fn register(
        &mut self,
        request: RegisterApplicationMasterRequestProto,
    ) -> Result<RegisterApplicationMasterResponseProto, Refusal> {
        if self.is_registered {
            return Err(Refusal::new(INVALID, "Application Master is already registered"));
        }
        self.is_registered = true;
        self.tracking_url = request.tracking_url;
        let earlier = self.granted.iter().filter(|(_, granted)| self.is_of_earlier(granted));
        let earlier: Vec<_> = earlier
            .map(|(number, granted)| answers::granted(*number, granted, self.identifier))
            .collect();
        let nodes: BTreeSet<_> = self
            .granted
            .values()
            .filter(|granted| self.is_of_earlier(granted))
            .map(|granted| granted.node.clone())
            .collect();
        self.tokens_sent.extend(nodes.iter().cloned());
        Ok(RegisterApplicationMasterResponseProto {
            containers_from_previous_attempts: earlier,
            nm_tokens_from_previous_attempts: nodes.iter().map(|node| answers::nm_token(node)).collect(),
            ..answers::registered(&self.maximum)
        })
    }

    fn is_of_earlier(&self, granted: &Granted) -> bool {
        granted.attempt != self.attempt && !granted.is_released
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

    pub(super) fn release(&mut self, number: u64) {
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

    /// An attempt is told of its own containers, and of those that it has from earlier ones.
    pub(super) fn complete(&mut self, number: u64, exit_status: i32, diagnostics: &str) {
        if let Some(granted) = self.granted.remove(&number) {
            let status = answers::completed(granted.attempt, number, exit_status, diagnostics);
            self.news.completed_container_statuses.push(status);
        }
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
            self.orders.extend(due.map(|launch| Order::Launch {
                container: launch.container,
                command: launch.command,
                hangs: launch.hangs,
            }));
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
