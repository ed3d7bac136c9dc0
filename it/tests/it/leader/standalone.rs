//! Masters and workers that are started by hand.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

use reqwest::StatusCode;
use reqwest::header::LOCATION;
use selvedge_it::bed::ZooKeeper;
use selvedge_it::cli::{BOUND, Running, Selvedge};
use selvedge_it::wait;
use serde_json::{Value, json};

use super::nodes;
use crate::folder::{Folder, files_below, parts};
use crate::jobs::{blackhole, file_sink, job, numbers, rebalance, vertex};

const CLUSTER: &str = "/flink/by-hand";
/// As the settings file of all processes of a cluster has it.
const SECRET: &str = "0707070707070707070707070707070707070707070707070707070707070707";

/// The settings that all processes share.
pub(super) struct ByHand(pub(super) Folder);

/// A port below those that the system and the beds give out, as it is free until the master starts.
fn free_port() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let of_process = u16::try_from(std::process::id() % 6_000).unwrap();
    let first = 10_000 + of_process + 500 * TAKEN.fetch_add(1, Ordering::Relaxed);
    let (first, last) = (first.min(19_999), 20_000);
    (first..last).chain(10_000..first).find(is_free).unwrap()
}

impl ByHand {
    /// Without an election, workers look for their master at one address.
    pub(super) fn at_one_address(settings: &str) -> Self {
        Self::new(&format!("jobmanager.rpc.port: {}\n{settings}", free_port()))
    }

    fn new(settings: &str) -> Self {
        let folder = Folder::new();
        let common = format!(
            "selvedge.application.secret: {SECRET}\njobmanager.rpc.address: 127.0.0.1\nrest.port: 0\nenv.pid.dir: {}\n\
             taskmanager.host: 127.0.0.1\ntaskmanager.memory.process.size: 1728m\n{settings}",
            folder.path("run").display()
        );
        folder.write("conf/config.yaml", common);
        Self(folder)
    }

    fn with_zookeeper(zookeeper: &ZooKeeper) -> Self {
        Self::new(&format!(
            "high-availability.type: zookeeper\nhigh-availability.cluster-id: by-hand\n\
             high-availability.zookeeper.quorum: {}\nhigh-availability.zookeeper.client.session-timeout: 3 s\n\
             high-availability.zookeeper.client.retry-wait: 200 ms\n",
            zookeeper.quorum()
        ))
    }

    pub(super) fn command(&self, subcommand: &str) -> Selvedge {
        let conf = self.0.path("conf").display().to_string();
        Selvedge::new(subcommand).args(["--configDir", &conf])
    }

    pub(super) async fn master(&self) -> Master {
        Master::of(self.command("standalone-session").start()).await
    }

    pub(super) fn worker(&self) -> Running {
        self.command("standalone-taskmanager").start()
    }

    /// A leader with a worker, and a standby that knows it.
    async fn two_masters(&self) -> (Master, Master, Running) {
        let first = self.master().await;
        let worker = self.worker();
        first.leads(1).await;
        let second = self.master().await;
        second.sends_to(&first).await;
        (first, second, worker)
    }
}

pub(super) struct Master {
    pub(super) process: Running,
    pub(super) rest: String,
    pub(super) http: reqwest::Client,
}

impl Master {
    pub(super) async fn of(mut process: Running) -> Self {
        let rest = process
            .until_says("where its REST endpoint is", BOUND, |said| {
                let (_, rest) = said.split_once("REST at ")?;
                rest.split_once(',').map(|(address, _)| address.to_owned())
            })
            .await;
        let no_redirects = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(no_redirects)
            .build()
            .unwrap();
        Self { process, rest, http }
    }

    pub(super) async fn get(&self, path: &str) -> Result<(StatusCode, Option<String>, Value), String> {
        let url = format!("http://{}{path}", self.rest);
        let answer = self.http.get(url).send().await.map_err(|error| error.to_string())?;
        let location = answer.headers().get(LOCATION).map(|to| to.to_str().unwrap().to_owned());
        let status = answer.status();
        let text = answer.text().await.map_err(|error| error.to_string())?;
        Ok((status, location, serde_json::from_str(&text).unwrap_or_default()))
    }

    /// Waits until it leads so many workers.
    async fn leads(&self, workers: u64) {
        let look = || async {
            match self.get("/overview").await? {
                (StatusCode::OK, _, overview) if overview["taskmanagers"] == workers => Ok(()),
                other => Err(format!("{other:?}")),
            }
        };
        let what = format!("{} to lead {workers} workers", self.rest);
        if let Err(error) = wait::until(&what, BOUND, look).await {
            panic!("{error}\n{}", self.process.said());
        }
    }

    async fn sends_to(&self, leader: &Master) {
        let look = || async {
            match self.get("/overview?x=1").await? {
                (StatusCode::TEMPORARY_REDIRECT, Some(to), _)
                    if to == format!("http://{}/overview?x=1", leader.rest) =>
                {
                    Ok(())
                }
                other => Err(format!("{other:?}")),
            }
        };
        let what = format!("{} to send clients to {}", self.rest, leader.rest);
        if let Err(error) = wait::until(&what, BOUND, look).await {
            panic!("{error}\n{}", self.process.said());
        }
    }
}

#[tokio::test]
async fn a_standby_takes_over_from_a_killed_leader_with_its_workers() {
    let zookeeper = ZooKeeper::start().await.unwrap();
    let by_hand = ByHand::with_zookeeper(&zookeeper);
    let (first, second, worker) = by_hand.two_masters().await;
    first.process.kill();
    second.leads(1).await;
    assert!(!worker.said().contains("panic"), "{}", worker.said());
    // An end in order gives the leadership away at once, and has its own exit code.
    let third = by_hand.master().await;
    second.process.terminate();
    second.process.ended_within(BOUND).await.ended_with(143);
    third.leads(1).await;
    worker.terminate();
    worker.ended_within(BOUND).await.ended_with(143);
}

#[tokio::test]
async fn a_client_finds_the_leader_in_zookeeper_and_so_the_next_one() {
    let zookeeper = ZooKeeper::start().await.unwrap();
    let by_hand = ByHand::with_zookeeper(&zookeeper);
    let (first, second, worker) = by_hand.two_masters().await;
    let job = by_hand.0.job(&job(
        &[
            vertex("numbers", &[numbers("make", Some(10), None)]),
            vertex("drop", &[blackhole("out")]),
        ],
        &[rebalance("numbers", "drop")],
    ));
    let run = || by_hand.command("run").args(["-t", "remote"]).arg(&job).run();
    run()
        .await
        .ended_with(0)
        .assert_says(&["FINISHED", "the cluster by-hand"]);
    first.process.kill();
    second.leads(1).await;
    run()
        .await
        .ended_with(0)
        .assert_says(&["FINISHED", "the cluster by-hand"]);
    let listed = by_hand.command("list").args(["-t", "remote", "-a"]).run().await;
    listed.ended_with(0).assert_says(&["FINISHED"]);
    second.process.terminate();
    second.process.ended_within(BOUND).await.ended_with(143);
    worker.terminate();
    worker.ended_within(BOUND).await.ended_with(143);
}

#[tokio::test]
async fn a_leader_that_was_stopped_past_its_session_writes_nothing_when_it_goes_on() {
    let zookeeper = ZooKeeper::start().await.unwrap();
    let by_hand = ByHand::with_zookeeper(&zookeeper);
    let first = by_hand.master().await;
    first.leads(0).await;
    let second = by_hand.master().await;
    second.sends_to(&first).await;
    first.process.freeze();
    second.leads(0).await;
    let client = nodes::connect(zookeeper.quorum()).await;
    // It serves before it is named.
    let named = || async {
        match nodes::leader(&client, CLUSTER, "rest_server").await {
            Some(told) if told.0.address == second.rest => Ok(told),
            other => Err(format!("{other:?}")),
        }
    };
    let told = wait::until("the second to be named", BOUND, named).await.unwrap();
    first.process.thaw();
    // A standby again: it has seen that it is deposed, and does not serve what it had.
    first.sends_to(&second).await;
    let after = nodes::leader(&client, CLUSTER, "rest_server").await.unwrap();
    assert_eq!((after.0, after.1.mzxid), (told.0, told.1.mzxid), "nothing was written");
    assert!(
        first.process.said().contains("this process leads no more"),
        "{}",
        first.process.said()
    );
}

#[tokio::test]
async fn a_job_by_hand_runs_on_a_worker_by_hand_and_ends_its_master() {
    let by_hand = ByHand::at_one_address("");
    let output = by_hand.0.path("out");
    let graph = job(
        &[
            vertex("numbers", &[numbers("make", Some(100), None)]),
            vertex("files", &[file_sink("write", &output.display().to_string(), "csv")]),
        ],
        &[rebalance("numbers", "files")],
    );
    let file = by_hand.0.job(&graph);
    let mut worker = by_hand.worker();
    let own_line = format!("{}\n", worker.pid());
    let is_named = async || {
        let files = files_below(&by_hand.0.path("run"));
        let lines: Vec<_> = files
            .iter()
            // Also where no variable has the user's name.
            .filter(|file| !file.to_string_lossy().contains("unknown"))
            .filter_map(|file| std::fs::read_to_string(file).ok())
            .collect();
        if lines.contains(&own_line) {
            Ok(())
        } else {
            Err(format!("{lines:?}"))
        }
    };
    wait::until("the worker's PID file", BOUND, is_named).await.unwrap();
    let master = by_hand.command("standalone-job").arg(file).start();
    let registered = |said: &str| said.contains("registered").then_some(());
    worker.until_says("that it is registered", BOUND, registered).await;
    master.ended_within(BOUND).await.ended_with(0);
    let lines: usize = parts(&output).iter().map(|part| part.lines().count()).sum();
    assert!(lines >= 100, "{lines}");
    worker.ended_within(BOUND).await.ended_with(0);
    assert!(files_below(&by_hand.0.path("run")).is_empty());
}

#[tokio::test]
async fn a_master_by_hand_that_cannot_go_on_ends_with_the_exit_code_of_a_fault() {
    let by_hand = ByHand::new("high-availability.cluster-id: broken\njobmanager.rpc.port: 0\n");
    by_hand.0.write("ha/job-result-store/broken", "in the way");
    let storage = by_hand.0.path("ha").display().to_string();
    let storage = format!("high-availability.storageDir={storage}");
    let master = by_hand.command("standalone-session").args(["-D", &storage]).start();
    let ended = master.ended_within(BOUND).await.ended_with(2);
    ended.assert_says(&["the master broke down", "job-result-store/broken: not a directory"]);
}

#[tokio::test]
async fn what_is_missing_is_told_before_anything_starts() {
    let folder = Folder::new();
    folder.write(
        "conf/config.yaml",
        "jobmanager.rpc.address: 127.0.0.1\nrest.port: 0\ntaskmanager.memory.process.size: 1728m\n",
    );
    let conf = folder.path("conf").display().to_string();
    let start = |command: &str, setting: &str| Selvedge::new(command).args(["--configDir", &conf, "-D", setting]);
    let outcome = start("standalone-session", "env.log.level=info")
        .run()
        .await
        .ended_with(1);
    outcome
        .assert_says(&["selvedge.application.secret", "openssl rand -hex 32"])
        .assert_no_stack();
    let outcome = start("standalone-session", "high-availability.type=zookeeper")
        .run()
        .await
        .ended_with(1);
    outcome
        .assert_says(&["high-availability.zookeeper.quorum is not set"])
        .assert_no_stack();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let outcome = start("standalone-session", &format!("jobmanager.rpc.port={port}"))
        .args(["-D", &format!("selvedge.application.secret={SECRET}")])
        .run()
        .await
        .ended_with(1);
    outcome
        .assert_says(&["widen the range of jobmanager.rpc.port"])
        .assert_no_stack();
}

#[tokio::test]
async fn a_worker_has_its_directory_alone_and_clears_what_a_broken_one_of_its_id_has_left() {
    // Nobody listens there: it cannot register.
    let by_hand = ByHand::new("jobmanager.rpc.port: 1\ntaskmanager.resource-id: worker-1\n");
    let parent = format!("process.taskmanager.working-dir={}", by_hand.0.path("work").display());
    let own = by_hand.0.path("work/tm_worker-1");
    let worker = || by_hand.command("standalone-taskmanager").args(["-D", &parent]);
    let broken = worker().args(["-D", "taskmanager.registration.timeout=100 ms"]);
    broken.run().await.ended_with(31);
    assert!(own.is_dir(), "who looks into the fault finds it");
    let left = by_hand
        .0
        .write("work/tm_worker-1/blobStorage/left", "by the broken one");
    let first = worker().start();
    let cleared = || async { if left.exists() { Err("it is there") } else { Ok(()) } };
    wait::until("the next worker to clear the directory", BOUND, cleared)
        .await
        .unwrap();
    let second = worker().run().await.ended_with(1);
    second.assert_says(&["another process works in", "tm_worker-1", "taskmanager.resource-id"]);
    first.terminate();
    first.ended_within(BOUND).await.ended_with(143);
    assert!(!own.exists());
}

#[tokio::test]
async fn what_somebody_else_deletes_of_a_leader_in_zookeeper_is_written_again() {
    let zookeeper = ZooKeeper::start().await.unwrap();
    let by_hand = ByHand::with_zookeeper(&zookeeper);
    let master = by_hand.master().await;
    let worker = by_hand.worker();
    master.leads(1).await;
    let endless = job(
        &[
            vertex("numbers", &[numbers("make", None, Some(100.0))]),
            vertex("drop", &[blackhole("drop")]),
        ],
        &[rebalance("numbers", "drop")],
    );
    let id = "01".repeat(16);
    let submission = json!({"jobGraph": endless, "jobId": id});
    let rest = format!("http://{}/jobs", master.rest);
    let answer = master.http.post(rest).json(&submission).send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
    let client = nodes::connect(zookeeper.quorum()).await;
    for component in [&format!("job-{id}"), "rest_server"] {
        let found = || async {
            let leader = nodes::leader(&client, CLUSTER, component).await;
            leader.ok_or("nobody is named")
        };
        let (named, made) = wait::until(component, BOUND, found).await.unwrap();
        let path = format!("{CLUSTER}/leader/{component}/connection_info");
        client.delete(&path, None).await.unwrap();
        let (again, anew) = wait::until(component, BOUND, found).await.unwrap();
        assert_eq!(again, named);
        assert!(anew.czxid > made.czxid, "it is another node");
    }
    master.process.terminate();
    master.process.ended_within(BOUND).await.ended_with(143);
    drop(worker);
}
