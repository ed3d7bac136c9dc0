//! What the tests on YARN share: a bed, the command against it, and what the ResourceManager says.

use std::collections::BTreeSet;
use std::ops::Deref;

use procfs::process::{Process, all_processes};
use reqwest::header::CONTENT_LENGTH;
use rustix::process::{Pid, Signal, kill_process_group};
use selvedge_it::bed::{Bed, ContainerProcess, Hdfs, Turn};
use selvedge_it::cli::{BOUND, Outcome, Running, Selvedge};
use selvedge_it::wait;
use serde_json::{Value, json};

use crate::applications;
use crate::folder::Folder;
use crate::jobs::{blackhole, job, numbers, rebalance, vertex};

/// Where the client keeps what it stages, below the user's home.
pub(crate) const STAGING: &str = "/user/alice/.selvedge";

/// A bed whose whole memory is this test's.
pub(crate) struct Cluster {
    pub(crate) bed: BedRef,
    http: reqwest::Client,
    _turn: Turn,
}

pub(crate) enum BedRef {
    Shared(&'static Bed),
    Own(Box<Bed>),
}

impl Deref for BedRef {
    type Target = Bed;

    fn deref(&self) -> &Bed {
        match self {
            Self::Shared(bed) => bed,
            Self::Own(bed) => bed,
        }
    }
}

impl Cluster {
    pub(crate) async fn shared() -> Self {
        Self::new(BedRef::Shared(Bed::shared().await.unwrap())).await
    }

    /// A bed that tests of one kind share.
    pub(crate) async fn on(bed: &'static Bed) -> Self {
        Self::new(BedRef::Shared(bed)).await
    }

    pub(crate) async fn of(bed: Bed) -> Self {
        Self::new(BedRef::Own(Box::new(bed))).await
    }

    async fn new(bed: BedRef) -> Self {
        let turn = bed.turn().await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let cluster = Self { bed, http, _turn: turn };
        cluster.end_leftovers().await;
        cluster
    }

    /// A test that has failed leaves its applications, which would hold what this one needs.
    async fn end_leftovers(&self) {
        let all = self
            .get("/ws/v1/cluster/apps?states=NEW,SUBMITTED,ACCEPTED,RUNNING")
            .await
            .unwrap();
        let all = all["apps"]["app"].as_array().into_iter().flatten();
        for application in all.filter(|application| application["name"] != "shell") {
            let id = application["id"].as_str().unwrap();
            kill_application(self, id).await;
            self.ended(id).await;
        }
    }

    pub(crate) fn hdfs(&self) -> Hdfs {
        self.bed.hdfs().unwrap()
    }

    /// `selvedge run -t yarn-per-job -p N`, with containers of Flink's sizes: the bed's NodeManagers are made for them.
    pub(crate) fn run(&self, parallelism: u32) -> Selvedge {
        self.run_sized(parallelism, "1600m", "1728m")
    }

    /// The same with containers of these sizes.
    pub(crate) fn run_sized(&self, parallelism: u32, master: &str, worker: &str) -> Selvedge {
        Selvedge::on(&self.bed, "run")
            .args(["-t", "yarn-per-job", "-p", &parallelism.to_string()])
            .arg(format!("-Djobmanager.memory.process.size={master}"))
            .arg(format!("-Dtaskmanager.memory.process.size={worker}"))
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, String> {
        let text = self.get_text(path).await?;
        serde_json::from_str(&text).map_err(|error| format!("{path}: {error}: {text}"))
    }

    pub(crate) async fn get_text(&self, path: &str) -> Result<String, String> {
        self.get_with_length(path).await.map(|(text, _)| text)
    }

    /// The text with the length that the answer's head states.
    pub(crate) async fn get_with_length(&self, path: &str) -> Result<(String, Option<usize>), String> {
        let url = format!("{}{path}", self.bed.rm_web());
        let answer = self.http.get(&url).send().await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let stated = answer.headers().get(CONTENT_LENGTH).cloned();
        let text = answer.text().await.map_err(|error| error.to_string())?;
        if status.is_success() {
            let length = stated.and_then(|stated| stated.to_str().ok()?.parse().ok());
            Ok((text, length))
        } else {
            Err(format!("{url}: {status} {text}"))
        }
    }

    pub(crate) async fn send(&self, method: reqwest::Method, url: &str, body: &Value) -> reqwest::Response {
        let request = self.http.request(method, url).query(&[("user.name", self.bed.user())]);
        request.json(body).send().await.unwrap()
    }

    pub(crate) async fn report(&self, application: &str) -> Result<Value, String> {
        let mut report = self.get(&format!("/ws/v1/cluster/apps/{application}")).await?;
        Ok(report["app"].take())
    }

    /// The ids of all applications that YARN has ever heard of here, but for those of other tests' shells.
    pub(crate) async fn applications(&self) -> BTreeSet<String> {
        let all = self.get("/ws/v1/cluster/apps").await.unwrap();
        let all = all["apps"]["app"].as_array().into_iter().flatten();
        let ours = all.filter(|application| application["applicationType"] != "SHELL");
        ours.map(|application| application["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// What commands have left: the applications and the files in the user's staging directory. An archive that was
    /// staged once and is there for the next is no trace.
    pub(crate) async fn traces(&self) -> BTreeSet<String> {
        let mut traces = self.applications().await;
        let staged = files_in(&self.hdfs(), STAGING).await;
        traces.extend(staged.into_iter().filter(|file| file.contains("/application_")));
        traces
    }

    /// The report once the application has ended.
    pub(crate) async fn ended(&self, application: &str) -> Value {
        applications::ended(application, BOUND, || self.report(application)).await
    }

    /// Its containers have no process any more, and it has no staging directory.
    pub(crate) async fn assert_nothing_left(&self, application: &str) {
        let look = || async {
            let processes = self
                .bed
                .container_processes(application)
                .map_err(|error| error.to_string())?;
            let staged = files_in(&self.hdfs(), STAGING).await;
            let own: Vec<_> = staged.into_iter().filter(|file| file.contains(application)).collect();
            if processes.is_empty() && own.is_empty() {
                Ok(())
            } else {
                Err(format!("{processes:?} {own:?}"))
            }
        };
        wait::until(&format!("{application} to leave nothing"), BOUND, look)
            .await
            .unwrap();
        let directory = format!("{STAGING}/{application}");
        assert_eq!(self.hdfs().status(&directory).await.unwrap(), None);
    }

    /// The workers' containers, once as many have a process.
    pub(crate) async fn workers(&self, application: &str, count: usize) -> Vec<ContainerProcess> {
        let look = || async {
            let all = self
                .bed
                .container_processes(application)
                .map_err(|error| error.to_string())?;
            let master = self.master_container(application).await?;
            let workers: Vec<_> = all.into_iter().filter(|one| one.container != master).collect();
            if workers.len() == count {
                Ok(workers)
            } else {
                Err(format!("{workers:?}"))
            }
        };
        wait::until(&format!("{count} workers of {application}"), BOUND, look)
            .await
            .unwrap()
    }

    /// The container of the present master. Its number does not tell it: a ResourceManager that has restarted counts anew.
    pub(crate) async fn master_container(&self, application: &str) -> Result<String, String> {
        // Where there are lists of users, not everybody is told.
        let report = self
            .report(&format!("{application}?user.name={}", self.bed.user()))
            .await?;
        let logs = report["amContainerLogs"].as_str().unwrap_or_default();
        let container = logs.split('/').find(|part| part.starts_with("container_"));
        container.map(str::to_owned).ok_or_else(|| report.to_string())
    }

    /// The index of the NodeManager that runs the present master.
    pub(crate) async fn master_node(&self, application: &str) -> usize {
        let look = || async {
            let master = self.master_container(application).await?;
            let containers = self.bed.container_processes(application);
            let containers = containers.map_err(|error| error.to_string())?;
            let found = containers.iter().find(|one| one.container == master);
            found
                .map(|one| one.node_manager)
                .ok_or_else(|| format!("{containers:?}"))
        };
        wait::until("the master's container", BOUND, look).await.unwrap()
    }

    /// Asks the REST endpoint of an application, through YARN's proxy.
    pub(crate) async fn proxied(&self, application: &str, path: &str) -> Result<Value, String> {
        self.get(&format!("/proxy/{application}{path}")).await
    }

    /// The id of the application's only job, once that runs.
    pub(crate) async fn running_job(&self, application: &str) -> String {
        applications::running_job(application, BOUND, || self.proxied(application, "/jobs/overview")).await
    }
}

/// A job that does little and has no end, in an application of its own.
pub(crate) struct Endless {
    pub(crate) running: Running,
    pub(crate) application: String,
    pub(crate) job: String,
}

impl Endless {
    /// Started with these options; it runs.
    pub(crate) async fn start(cluster: &Cluster, folder: &Folder, options: &[&str]) -> Self {
        let job = folder.job(&job(
            &[
                vertex("numbers", &[numbers("make", None, Some(100.0))]),
                vertex("drop", &[blackhole("drop-all")]),
            ],
            &[rebalance("numbers", "drop")],
        ));
        let mut running = cluster.run(1).args(options.iter().copied()).arg(job).start();
        let application = application_of(&mut running).await;
        let job = cluster.running_job(&application).await;
        Self {
            running,
            application,
            job,
        }
    }

    /// Ends it by Ctrl-C.
    pub(crate) async fn end(self, cluster: &Cluster) -> Outcome {
        self.running.interrupt();
        let outcome = self.running.ended_within(BOUND).await.ended_with(130);
        cluster.ended(&self.application).await;
        outcome
    }
}

/// The application that the command has submitted.
pub(crate) async fn application_of(running: &mut Running) -> String {
    running.until_says("the application's id", BOUND, application_in).await
}

pub(crate) fn application_in(said: &str) -> Option<String> {
    let start = said.find("application_")?;
    let is_id = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let id: String = said[start..].chars().take_while(|c| is_id(*c)).collect();
    (id.split('_').count() == 3).then_some(id)
}

/// The numbers that a job has written into a directory of HDFS as CSV files, sorted.
pub(crate) async fn numbers_in(hdfs: &Hdfs, output: &str) -> Vec<u64> {
    let mut numbers = Vec::new();
    for file in hdfs.list(output).await.unwrap() {
        let content = hdfs.get(&format!("{output}/{}", file.path_suffix)).await.unwrap();
        let content = String::from_utf8(content).unwrap();
        // The names of the columns head each file.
        let lines = content.lines().filter(|line| *line != "n");
        numbers.extend(lines.map(|line| line.parse::<u64>().unwrap()));
    }
    numbers.sort_unstable();
    numbers
}

/// All files below a directory of HDFS, and the directories, sorted; none if it is not there.
pub(crate) async fn files_in(hdfs: &Hdfs, directory: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        if hdfs.status(&directory).await.unwrap().is_none() {
            continue;
        }
        // It may go while it is looked at.
        for entry in hdfs.list(&directory).await.unwrap_or_default() {
            let path = format!("{directory}/{}", entry.path_suffix);
            if entry.kind == "DIRECTORY" {
                open.push(path.clone());
            }
            found.push(path);
        }
    }
    found.sort();
    found
}

/// `hdfs dfsadmin ARGUMENTS`, as the superuser.
pub(crate) async fn hdfs_admin(bed: &Bed, arguments: &[&str]) {
    administrate(bed, "org.apache.hadoop.hdfs.tools.DFSAdmin", arguments).await;
}

/// `yarn rmadmin ARGUMENTS`, as the same.
pub(crate) async fn yarn_admin(bed: &Bed, arguments: &[&str]) {
    administrate(bed, "org.apache.hadoop.yarn.client.cli.RMAdminCLI", arguments).await;
}

async fn administrate(bed: &Bed, tool: &str, arguments: &[&str]) {
    let class_path = format!("{}:{}/*", bed.hadoop_conf_dir().display(), bed.hadoop_jars().display());
    let mut command = tokio::process::Command::from(bed.command(bed.java_home().join("bin/java")));
    command
        .args(["-cp", &class_path, tool])
        .args(arguments)
        .env("HADOOP_USER_NAME", bed.daemon_user());
    let output = tokio::time::timeout(BOUND, command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Applications that hold all memory of the cluster, until they are dropped by [`Self::release`].
pub(crate) struct Fillers(Vec<String>);

impl Fillers {
    /// Each takes a whole NodeManager.
    pub(crate) async fn start(cluster: &Cluster) -> Self {
        let apps = format!("{}/ws/v1/cluster/apps", cluster.bed.rm_web());
        let mut ids = Vec::new();
        for _ in cluster.bed.node_managers() {
            let new = cluster
                .send(reqwest::Method::POST, &format!("{apps}/new-application"), &json!({}))
                .await;
            let new: Value = new.json().await.unwrap();
            let id = new["application-id"].as_str().unwrap().to_owned();
            let submission = json!({
                "application-id": id, "application-name": "filler", "application-type": "SHELL", "max-app-attempts": 1,
                "resource": {"memory": 6144, "vCores": 1},
                "am-container-spec": {"commands": {"command": "exec sleep 600"}},
            });
            let submitted = cluster.send(reqwest::Method::POST, &apps, &submission).await;
            assert_eq!(submitted.status(), 202);
            ids.push(id);
        }
        let look = || async {
            let running: usize = ids
                .iter()
                .map(|id| cluster.bed.container_processes(id).unwrap_or_default().len())
                .sum();
            if running == ids.len() {
                Ok(())
            } else {
                Err(format!("{running} run"))
            }
        };
        wait::until("the fillers to run", BOUND, look).await.unwrap();
        Self(ids)
    }

    pub(crate) async fn release(self, cluster: &Cluster) {
        for id in &self.0 {
            kill_application(cluster, id).await;
            cluster.ended(id).await;
        }
    }
}

/// As an administrator does.
pub(crate) async fn kill_application(cluster: &Cluster, application: &str) {
    let url = format!("{}/ws/v1/cluster/apps/{application}/state", cluster.bed.rm_web());
    let answer = cluster
        .send(reqwest::Method::PUT, &url, &json!({"state": "KILLED"}))
        .await;
    assert!(answer.status().is_success(), "{}", answer.status());
}

/// The process of ours in a container, which a shell leads.
pub(crate) fn own_process(leader: i32) -> Pid {
    let is_it = |process: &Process| {
        process
            .stat()
            .is_ok_and(|stat| stat.session == leader && stat.comm == "selvedge")
    };
    let found = all_processes().unwrap().flatten().find(is_it);
    Pid::from_raw(found.expect("the container runs a process of ours").pid()).unwrap()
}

/// Kills the master of this attempt. Its container is not always the first: YARN may have reserved one, and taken another.
pub(crate) async fn kill_master(cluster: &Cluster, application: &str, attempt: &str) {
    let of_attempt = format!("_{attempt}_");
    let master = || async {
        let container = cluster.master_container(application).await?;
        let containers = cluster.bed.container_processes(application);
        let containers = containers.map_err(|error| error.to_string())?;
        let is_it = |one: &&ContainerProcess| one.container == container && container.contains(&of_attempt);
        let master = containers.iter().find(is_it);
        master
            .map(|one| one.pid)
            .ok_or_else(|| format!("{container}: {containers:?}"))
    };
    let master = wait::until("the master's container", BOUND, master).await.unwrap();
    kill_process_group(Pid::from_raw(master).unwrap(), Signal::KILL).unwrap();
}
