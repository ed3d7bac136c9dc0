//! An ApplicationMaster inside the test: unmanaged, so that the test can look at all it hears.

mod heard;
mod stand_in;

use selvedge_it::bed::Bed;
use selvedge_it::wait;
use tokio::sync::Mutex;
use yarn_common::conf::HadoopConfiguration;
use yarn_common::exit_status::ContainerExitStatus;
use yarn_common::id::{ApplicationId, ContainerId, NodeId};
use yarn_common::launch::{ContainerLaunchContext, quote_argument, redirect_to_log_dir};
use yarn_common::resource::Resource;
use yarn_common::submission::ApplicationSubmissionContext;
use yarn_common::token::Token;
use yarn_rest::auth::Simple;
use yarn_rpc::RetryPolicy;
use yarn_rpc::am::{AmClient, AmOptions, AskKey, ConstrainedAsk, ContainerAsk, ContainerUpdate};
use yarn_rpc::client::{ApplicationReport, FinalApplicationStatus, YarnClient, YarnClientOptions};
use yarn_rpc::ipc::{Identity, IpcOptions};
use yarn_rpc::nm::{NmClient, NmOptions};
use yarn_rpc::types::{Container, ContainerState, ContainerStatus, ExecutionType, FinalStatus};

use super::BOUND;
pub(super) use heard::Heard;
use stand_in::StandIn;

/// A daemon that is away is looked for often, so that a test does not wait for its own patience.
const QUICK: RetryPolicy = RetryPolicy {
    first_delay: std::time::Duration::from_millis(100),
    max_delay: std::time::Duration::from_millis(500),
    max_wait: BOUND,
    jitter_seed: None,
};

/// A registered ApplicationMaster.
pub(super) struct Master<'a> {
    bed: &'a Bed,
    pub(super) id: ApplicationId,
    queue: String,
    /// What it logged in with first, and where.
    options: AmOptions,
    pub(super) nodes: NmClient,
    rm: YarnClient,
    heard: Mutex<Heard>,
    /// The ApplicationMaster's own container, where it has one.
    container: Option<StandIn>,
}

impl<'a> Master<'a> {
    pub(super) async fn register(bed: &'a Bed, queue: &str) -> Self {
        Self::register_with(bed, queue, IpcOptions::default()).await
    }

    /// Submitted over REST; its token comes over IPC, since REST does not tell it.
    pub(super) async fn register_with(bed: &'a Bed, queue: &str, ipc: IpcOptions) -> Self {
        let conf = HadoopConfiguration::from_directory(bed.hadoop_conf_dir()).unwrap();
        let rest = rest_client(bed);
        let id = rest.new_application().await.unwrap().application_id;
        let nothing = ContainerLaunchContext::default();
        let mut application = ApplicationSubmissionContext::new(id, "toolkit", Resource::new(64, 1), nothing);
        application.unmanaged_am = true;
        application.queue = Some(queue.to_owned());
        rest.submit(&application).await.unwrap();

        let rm = rm_client(bed, &conf);
        let look = || async {
            let report = rm.application(id).await.unwrap();
            report
                .am_rm_token
                .ok_or(format!("{:?} {}", report.state, report.diagnostics))
        };
        let token = wait::until(&format!("the token of {id}"), BOUND, look).await.unwrap();
        let master = Self::registered(bed, id, options(&conf, token, ipc), None).await;
        assert_eq!(master.queue.rsplit('.').next(), Some(queue));
        master
    }

    /// Has a container of its own, in whose place the test speaks, through the proxy of its node.
    pub(super) async fn behind_proxy(bed: &'a Bed, ipc: IpcOptions) -> Self {
        let conf = HadoopConfiguration::from_directory(bed.hadoop_conf_dir()).unwrap();
        let rest = rest_client(bed);
        let id = rest.new_application().await.unwrap().application_id;
        let container = StandIn::new(bed, id);
        let mut application =
            ApplicationSubmissionContext::new(id, "toolkit", Resource::new(64, 1), container.context());
        application.max_app_attempts = Some(1);
        rest.submit(&application).await.unwrap();
        let credentials = container.credentials().await;
        let mut options = AmOptions::from_configuration(&conf, &credentials).unwrap();
        options.addresses = vec![bed.node_managers()[0].amrm_proxy.clone().unwrap()];
        options.ipc = ipc;
        Self::registered(bed, id, options, Some(container)).await
    }

    async fn registered(bed: &'a Bed, id: ApplicationId, options: AmOptions, container: Option<StandIn>) -> Self {
        let mut am = AmClient::new(options.clone()).unwrap();
        let registration = am.register("localhost", None, "").await.unwrap();
        assert_eq!(registration.maximum_capability, Resource::new(6144, 8));
        let of_nodes = NmOptions {
            retry: QUICK,
            registration_wait: BOUND,
            ..NmOptions::default()
        };
        let conf = HadoopConfiguration::from_directory(bed.hadoop_conf_dir()).unwrap();
        Self {
            bed,
            id,
            queue: registration.queue,
            options,
            nodes: NmClient::new(am.nm_tokens().clone(), of_nodes),
            rm: rm_client(bed, &conf),
            heard: Mutex::new(Heard::new(am)),
            container,
        }
    }

    /// What it logged in with first, and where.
    pub(super) fn options(&self) -> &AmOptions {
        &self.options
    }

    /// What opens a node that has granted a container.
    pub(super) async fn nm_token(&self, node: &NodeId) -> Token {
        self.heard.lock().await.am.nm_tokens().get(node).unwrap()
    }

    /// A second client of the same attempt that only knows the token it was started with.
    pub(super) fn client_with_first_token(&self) -> AmClient {
        let options = AmOptions {
            ipc: IpcOptions::default(),
            ..self.options.clone()
        };
        AmClient::new(options).unwrap()
    }

    /// The same past the proxy of its node.
    pub(super) fn client_at_the_resource_manager(&self) -> AmClient {
        let conf = HadoopConfiguration::from_directory(self.bed.hadoop_conf_dir()).unwrap();
        AmClient::new(options(&conf, self.options.token.clone(), IpcOptions::default())).unwrap()
    }

    pub(super) async fn ask(&self, priority: i32, memory_mb: u64, count: u32) {
        let ask = ContainerAsk::new(AskKey::priority(priority), Resource::new(memory_mb, 1), count);
        self.ask_for(ask).await;
    }

    pub(super) async fn ask_for(&self, ask: ContainerAsk) {
        self.heard.lock().await.am.asks().set(ask).unwrap();
    }

    pub(super) async fn ask_constrained(&self, ask: ConstrainedAsk) {
        self.heard.lock().await.am.ask_constrained(ask).unwrap();
    }

    /// Has a container changed, and waits until that is granted: it has a new token and a new version then.
    pub(super) async fn change(&self, container: &Container, update: &ContainerUpdate) -> Container {
        self.heard.lock().await.am.update(container, update).unwrap();
        let what = format!("{:?} of {}", update.kind(), container.id);
        self.until(&what, |heard| {
            let mut changes = heard.updated.iter().map(|updated| &updated.container);
            let granted = changes.find(|updated| updated.id == container.id && updated.version > container.version);
            granted.cloned()
        })
        .await
    }

    /// Heartbeats until the ResourceManager tells of a container as of one of this kind, or does not tell of it.
    pub(super) async fn known_as(&self, container: ContainerId, kind: Option<ExecutionType>) {
        let look = || async {
            self.heartbeat().await;
            let all = self.rm.containers(container.attempt()).await;
            let all = all.map_err(|error| error.to_string())?;
            let report = all.into_iter().find(|report| report.id == container);
            match report {
                known if known.as_ref().map(|report| report.execution_type) == kind => Ok(()),
                other => Err(format!("{other:?}")),
            }
        };
        wait::until(&format!("{container} to be known as {kind:?}"), BOUND, look)
            .await
            .unwrap();
    }

    /// The containers granted at a priority so far.
    pub(super) async fn at(&self, priority: i32) -> Vec<Container> {
        self.heard.lock().await.at(priority)
    }

    pub(super) async fn outstanding(&self) -> u32 {
        self.heard.lock().await.am.asks().total()
    }

    pub(super) async fn release(&self, container: ContainerId) {
        self.heard.lock().await.am.release(container);
    }

    pub(super) async fn heartbeat(&self) {
        self.heard.lock().await.heartbeat().await;
    }

    /// Heartbeats until `look` finds what it looks for in all that was heard.
    pub(super) async fn until<T>(&self, what: &str, look: impl Fn(&Heard) -> Option<T>) -> T {
        let beat = || async {
            let mut heard = self.heard.lock().await;
            heard.heartbeat().await;
            look(&heard).ok_or_else(|| heard.to_string())
        };
        wait::until(&format!("{what} of {}", self.id), BOUND, beat)
            .await
            .unwrap()
    }

    /// Asks for containers and waits until all are granted. Each size needs a priority of its own.
    pub(super) async fn containers(&self, priority: i32, memory_mb: u64, count: u32) -> Vec<Container> {
        self.ask(priority, memory_mb, count).await;
        self.granted(priority, count).await
    }

    /// Waits until so many are granted at a priority.
    pub(super) async fn granted(&self, priority: i32, count: u32) -> Vec<Container> {
        self.until("the containers", |heard| {
            let granted = heard.at(priority);
            (granted.len() == count as usize).then_some(granted)
        })
        .await
    }

    /// Has a shell read `script` in the container.
    pub(super) async fn start(&self, container: &Container, script: &str) {
        self.nodes
            .start_container(container, &script_context(script))
            .await
            .unwrap();
    }

    /// Waits for the NodeManager to say so, and for a process: it says so of a container that is yet to get one, too.
    pub(super) async fn running(&self, container: &Container) {
        let look = || async {
            let status = self.nodes.container_status(&container.node, container.id).await;
            let status = status.map_err(|error| error.to_string())?;
            let processes = self.bed.container_processes(&self.id.to_string());
            let processes = processes.map_err(|error| error.to_string())?;
            let id = container.id.to_string();
            let is_alive = processes.iter().any(|process| process.container == id);
            match status.state {
                ContainerState::Running if is_alive => Ok(()),
                other => Err(format!("{other:?}, {processes:?}")),
            }
        };
        wait::until(&format!("{} to run", container.id), BOUND, look)
            .await
            .unwrap();
    }

    /// Waits for the ResourceManager to report the container's end.
    pub(super) async fn completed(&self, container: ContainerId) -> ContainerStatus {
        self.until(&format!("the end of {container}"), |heard| {
            heard.completed.get(&container).cloned()
        })
        .await
    }

    /// Something is wanted, and two containers run, when `outage` befalls the ResourceManager: afterwards the containers
    /// still run, and what was wanted is granted once without being asked for again.
    pub(super) async fn asks_outlive(&self, outage: impl AsyncFnOnce()) {
        let running = self.containers(1, 1024, 2).await;
        let large = self.containers(2, 3072, 1).await.remove(0);
        for container in running.iter().chain([&large]) {
            self.start(container, "exec sleep 600").await;
            self.running(container).await;
        }
        // The node has no room for it beside the large one.
        self.ask(3, 3072, 1).await;
        self.heartbeat().await;
        outage().await;
        self.until("a new registration", |heard| {
            (heard.resynchronisations > 0).then_some(())
        })
        .await;
        assert_eq!(self.outstanding().await, 1);
        self.release(large.id).await;
        let late = self.until("what was asked for", |heard| heard.at(3).pop()).await;
        self.start(&late, "exec sleep 600").await;
        self.running(&late).await;
        for container in &running {
            self.running(container).await;
        }
        let heard = self.heard.lock().await;
        assert_eq!(heard.completed.keys().collect::<Vec<_>>(), [&large.id], "{heard}");
        assert_eq!(heard.granted.len(), 4, "{heard}");
    }

    /// Unregisters, and waits for YARN to say so.
    pub(super) async fn finish(self) {
        let mut heard = self.heard.into_inner();
        heard.am.finish(FinalStatus::Succeeded, "done", "").await.unwrap();
        if let Some(container) = self.container {
            container.end();
        }
        let rm = self.rm;
        let look = || async {
            let report: ApplicationReport = rm.application(self.id).await.unwrap();
            if report.state.is_final() {
                Ok(report)
            } else {
                Err(format!("{:?}", report.state))
            }
        };
        let report = wait::until(&format!("the end of {}", self.id), BOUND, look)
            .await
            .unwrap();
        assert_eq!(report.final_status, FinalApplicationStatus::Succeeded, "{report:?}");
        // After a restart of the ResourceManager its remark stands before ours.
        assert!(report.diagnostics.trim().ends_with("done"), "{report:?}");
    }
}

/// What every container goes through: granted, started, looked at, stopped; or ended by itself.
pub(super) async fn containers_live_and_end(bed: &Bed) {
    master_lives_and_ends(Master::register(bed, "default").await).await;
}

/// The same for an ApplicationMaster that is registered already.
pub(super) async fn master_lives_and_ends(master: Master<'_>) {
    let granted = master.containers(1, 128, 2).await;
    let [stays, ends] = granted.as_slice() else {
        panic!("{granted:?}")
    };
    master.start(stays, "echo stays; exec sleep 600").await;
    master.start(ends, "exit 7").await;
    assert_eq!(master.completed(ends.id).await.exit_status, ContainerExitStatus(7));
    master.running(stays).await;
    master.nodes.stop_container(&stays.node, stays.id).await.unwrap();
    let stopped = master.completed(stays.id).await;
    assert_eq!(stopped.exit_status, ContainerExitStatus::KILLED_BY_APPMASTER);
    master.finish().await;
}

pub(super) fn rest_client(bed: &Bed) -> yarn_rest::rm::RmClient {
    let conf = HadoopConfiguration::from_directory(bed.hadoop_conf_dir()).unwrap();
    let builder = yarn_rest::rm::RmClient::builder().configuration(&conf).unwrap();
    builder.authenticator(Simple::new(bed.user())).build().unwrap()
}

/// A container whose shell reads `script`.
pub(super) fn script_context(script: &str) -> ContainerLaunchContext {
    let command = format!("exec /bin/bash -c {}", quote_argument(script).unwrap());
    ContainerLaunchContext {
        commands: vec![redirect_to_log_dir(&command, "stdout", "stderr")],
        ..ContainerLaunchContext::default()
    }
}

fn rm_client(bed: &Bed, conf: &HadoopConfiguration) -> YarnClient {
    let identity = Identity::Simple {
        user: bed.user().to_owned(),
    };
    let mut options = YarnClientOptions::from_configuration(conf, identity).unwrap();
    options.retry = QUICK;
    YarnClient::new(options).unwrap()
}

fn options(conf: &HadoopConfiguration, token: Token, ipc: IpcOptions) -> AmOptions {
    let addresses = conf.rm_scheduler_addresses().unwrap();
    let mut options = AmOptions::new(addresses.iter().map(ToString::to_string).collect(), token);
    options.retry = QUICK;
    options.ipc = ipc;
    options
}
