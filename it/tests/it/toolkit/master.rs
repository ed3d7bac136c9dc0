//! An ApplicationMaster inside the test: unmanaged, so that the test can look at all it hears.

use std::collections::{BTreeMap, BTreeSet};

use selvedge_it::bed::Bed;
use selvedge_it::wait;
use tokio::sync::Mutex;
use yarn_common::conf::HadoopConfiguration;
use yarn_common::exit_status::ContainerExitStatus;
use yarn_common::id::{ApplicationId, ContainerId};
use yarn_common::launch::{ContainerLaunchContext, quote_argument, redirect_to_log_dir};
use yarn_common::resource::Resource;
use yarn_common::submission::ApplicationSubmissionContext;
use yarn_common::token::Token;
use yarn_rest::auth::Simple;
use yarn_rpc::RetryPolicy;
use yarn_rpc::am::{AmClient, AmOptions, AskKey, ContainerAsk};
use yarn_rpc::client::{ApplicationReport, FinalApplicationStatus, YarnClient, YarnClientOptions};
use yarn_rpc::ipc::{Identity, IpcOptions};
use yarn_rpc::nm::{NmClient, NmOptions};
use yarn_rpc::types::{Container, ContainerState, ContainerStatus, FinalStatus};

use super::BOUND;

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
    /// What it logged in with first.
    pub(super) first_token: Token,
    pub(super) nodes: NmClient,
    rm: YarnClient,
    heard: Mutex<Heard>,
}

/// The client and all that it has heard.
pub(super) struct Heard {
    pub(super) am: AmClient,
    pub(super) granted: Vec<Container>,
    pub(super) completed: BTreeMap<ContainerId, ContainerStatus>,
    /// Containers that the scheduler said it would take.
    pub(super) to_be_preempted: BTreeSet<ContainerId>,
    pub(super) resynchronisations: usize,
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
        let first_token = wait::until(&format!("the token of {id}"), BOUND, look).await.unwrap();
        let mut am = AmClient::new(options(&conf, first_token.clone(), ipc)).unwrap();
        let registration = am.register("localhost", None, "").await.unwrap();
        assert_eq!(registration.queue.rsplit('.').next(), Some(queue));
        assert_eq!(registration.maximum_capability, Resource::new(6144, 8));
        let options = NmOptions {
            retry: QUICK,
            registration_wait: BOUND,
            ..NmOptions::default()
        };
        let nodes = NmClient::new(am.nm_tokens().clone(), options);
        let heard = Heard {
            am,
            granted: Vec::new(),
            completed: BTreeMap::new(),
            to_be_preempted: BTreeSet::new(),
            resynchronisations: 0,
        };
        Self {
            bed,
            id,
            first_token,
            nodes,
            rm,
            heard: Mutex::new(heard),
        }
    }

    /// A second client of the same attempt that only knows the token it was started with.
    pub(super) fn client_with_first_token(&self) -> AmClient {
        let conf = HadoopConfiguration::from_directory(self.bed.hadoop_conf_dir()).unwrap();
        AmClient::new(options(&conf, self.first_token.clone(), IpcOptions::default())).unwrap()
    }

    pub(super) async fn ask(&self, priority: i32, memory_mb: u64, count: u32) {
        let ask = ContainerAsk::new(AskKey::priority(priority), Resource::new(memory_mb, 1), count);
        self.heard.lock().await.am.asks().set(ask).unwrap();
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

impl Heard {
    async fn heartbeat(&mut self) {
        let news = self.am.allocate(0.5).await.unwrap();
        for granted in news.allocated {
            assert!(granted.expected, "nobody asked for {}", granted.container.id);
            self.granted.push(granted.container);
        }
        for status in news.completed {
            self.completed.insert(status.id, status);
        }
        let preemption = news.preemption.unwrap_or_default();
        self.to_be_preempted.extend(preemption.strict);
        self.to_be_preempted.extend(preemption.negotiable);
        self.resynchronisations += usize::from(news.resynchronised);
    }

    /// The containers granted at a priority.
    pub(super) fn at(&self, priority: i32) -> Vec<Container> {
        let of_priority = self.granted.iter().filter(|container| container.priority.0 == priority);
        of_priority.cloned().collect()
    }
}

impl std::fmt::Display for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let granted: Vec<_> = self.granted.iter().map(|container| container.id.to_string()).collect();
        write!(
            f,
            "granted {granted:?}, completed {:?}, registered anew {} times",
            self.completed, self.resynchronisations
        )
    }
}

/// What every container goes through: granted, started, looked at, stopped; or ended by itself.
pub(super) async fn containers_live_and_end(bed: &Bed) {
    let master = Master::register(bed, "default").await;
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
