//! What a session asks of YARN for its jobs, and gives back.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::PathBuf;

use procfs::process::{Process, all_processes};
use rustix::process::{Pid, Signal, kill_process_group};
use selvedge::cluster::RestClusterClient;
use selvedge_core::{JobGraph, JobId};
use selvedge_it::cli::BOUND;
use selvedge_it::wait;
use serde_json::Value;
use tokio::time::Instant;

use super::super::support::Cluster;
use super::{detached, endless_job, stop, submit, until_is};
use crate::folder::{Folder, files_below};

/// Waits until YARN counts so many containers of the application, its master's among them.
pub(in crate::yarn) async fn until_containers(cluster: &Cluster, application: &str, count: u64) {
    let look = || async {
        let report = cluster.report(application).await?;
        match report["runningContainers"].as_u64() {
            Some(found) if found == count => Ok(()),
            _ => Err(report.to_string()),
        }
    };
    wait::until(&format!("{application} to have {count} containers"), BOUND, look)
        .await
        .unwrap();
}

pub(in crate::yarn) fn parallel(parallelism: u32) -> Value {
    let mut job = endless_job();
    for vertex in job["vertices"].as_array_mut().unwrap() {
        vertex["parallelism"] = parallelism.into();
    }
    job
}

#[tokio::test]
async fn concurrent_jobs_share_slots_that_are_released_and_idle_containers_are_given_back() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let options = ["-s", "2", "-Dresourcemanager.taskmanager-timeout=4 s"];
    let application = detached(&cluster, &folder, &options).await;
    until_containers(&cluster, &application, 1).await;
    // The four tasks of each are in two slots: those of one worker.
    let first = submit(&cluster, &folder, &application, &parallel(2)).await;
    until_is(&cluster, &application, &first, "RUNNING").await;
    until_containers(&cluster, &application, 2).await;
    let second = submit(&cluster, &folder, &application, &parallel(2)).await;
    until_is(&cluster, &application, &second, "RUNNING").await;
    until_containers(&cluster, &application, 3).await;
    let overview = cluster.proxied(&application, "/overview").await.unwrap();
    let slots = (
        &overview["slots-total"],
        &overview["slots-available"],
        &overview["jobs-running"],
    );
    assert_eq!(slots, (&4.into(), &0.into(), &2.into()), "{overview}");
    // The second job runs on when the first has gone, and its slots serve the next.
    super::command(&cluster, &folder, "cancel")
        .arg(&first)
        .run()
        .await
        .ended_with(0);
    until_is(&cluster, &application, &first, "CANCELED").await;
    let third = submit(&cluster, &folder, &application, &parallel(2)).await;
    until_is(&cluster, &application, &third, "RUNNING").await;
    until_containers(&cluster, &application, 3).await;
    until_is(&cluster, &application, &second, "RUNNING").await;
    super::command(&cluster, &folder, "cancel")
        .arg(&second)
        .run()
        .await
        .ended_with(0);
    until_containers(&cluster, &application, 2).await;
    until_is(&cluster, &application, &third, "RUNNING").await;
    super::command(&cluster, &folder, "cancel")
        .arg(&third)
        .run()
        .await
        .ended_with(0);
    until_containers(&cluster, &application, 1).await;
    stop(&cluster, &folder, &application).await;
}

/// The master's REST endpoint, directly.
async fn rest(cluster: &Cluster, application: &str) -> RestClusterClient {
    let report = cluster.report(application).await.unwrap();
    RestClusterClient::direct(report["amRPCAddress"].as_str().unwrap()).unwrap()
}

#[tokio::test]
#[allow(clippy::print_stderr, reason = "the times are for a reader")]
async fn a_worker_killed_under_load_is_replaced_and_its_job_runs_again() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let options = [
        "-Drestart-strategy.type=fixed-delay",
        "-Drestart-strategy.fixed-delay.attempts=10",
        "-Drestart-strategy.fixed-delay.delay=0 s",
    ];
    let application = detached(&cluster, &folder, &options).await;
    // As much as it can.
    let mut job = parallel(2);
    job["vertices"][0]["chain"][0]
        .as_object_mut()
        .unwrap()
        .remove("rows_per_second");
    let job = submit(&cluster, &folder, &application, &job).await;
    until_is(&cluster, &application, &job, "RUNNING").await;
    let rest = rest(&cluster, &application).await;
    let victim = cluster.workers(&application, 2).await.remove(1);
    let killed = Instant::now();
    kill_process_group(Pid::from_raw(victim.pid).unwrap(), Signal::KILL).unwrap();
    let id: JobId = job.parse().unwrap();
    let running = || async {
        let details = rest.job(id).await.map_err(|error| error.to_string())?;
        let running: u32 = details.vertices.iter().map(|vertex| vertex.tasks.of("RUNNING")).sum();
        Ok::<_, String>((details.state, running))
    };
    let lost = || async {
        let (state, running) = running().await?;
        if state == "RUNNING" && running == 4 {
            Err(state)
        } else {
            Ok(killed.elapsed())
        }
    };
    let detected = wait::until("the loss to be seen", BOUND, lost).await.unwrap();
    let replaced = || async {
        let workers = cluster.proxied(&application, "/taskmanagers").await?;
        let workers = workers["taskmanagers"].as_array().cloned().unwrap_or_default();
        let others: Vec<_> = workers
            .iter()
            .filter(|worker| worker["id"] != victim.container.as_str())
            .collect();
        if others.len() == 2 {
            Ok(killed.elapsed())
        } else {
            Err(format!("{workers:?}"))
        }
    };
    let allocated = wait::until("another worker", BOUND, replaced).await.unwrap();
    let again = || async {
        let (state, running) = running().await?;
        if state == "RUNNING" && running == 4 {
            Ok(killed.elapsed())
        } else {
            Err(format!("{state} {running}"))
        }
    };
    let deployed = wait::until("the job to run again", BOUND, again).await.unwrap();
    eprintln!(
        "worker killed: loss seen after {detected:?}, another registered after {:?} more, all running after {:?} more",
        allocated.saturating_sub(detected),
        deployed.saturating_sub(allocated)
    );
    let path = format!("/jobs/{job}/metrics?get=numRestarts");
    let metrics = cluster.proxied(&application, &path).await.unwrap();
    assert_eq!(metrics[0]["value"], "1", "{metrics}");
    until_containers(&cluster, &application, 3).await;
    stop(&cluster, &folder, &application).await;
}

/// What the processes of the application's containers hold, and the files below their nodes' directories for it.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    containers: usize,
    threads: usize,
    descriptors: usize,
    files: BTreeSet<PathBuf>,
}

impl Held {
    fn now(cluster: &Cluster, application: &str) -> Self {
        let containers = cluster.bed.container_processes(application).unwrap();
        let leaders: Vec<_> = containers.iter().map(|container| container.pid).collect();
        let is_ours = |process: &Process| {
            let session = process.stat().is_ok_and(|stat| leaders.contains(&stat.session));
            session
                && process
                    .exe()
                    .is_ok_and(|exe| exe.file_name() == Some(OsStr::new("selvedge")))
        };
        let processes: Vec<_> = all_processes().unwrap().flatten().filter(is_ours).collect();
        let threads = processes
            .iter()
            .map(|process| process.tasks().map_or(0, Iterator::count));
        let descriptors = processes.iter().map(|process| process.fd_count().unwrap_or(0));
        let nodes = cluster.bed.node_managers().iter();
        let files = nodes.flat_map(|node| files_below(&node.local_dir.join("usercache")));
        // The logs grow, and are elsewhere.
        let own = files.filter(|file| file.to_string_lossy().contains(application));
        Self {
            containers: containers.len(),
            threads: threads.sum(),
            descriptors: descriptors.sum(),
            files: own.collect(),
        }
    }

    fn is_at_most(&self, other: &Self) -> bool {
        self.containers <= other.containers
            && self.threads <= other.threads
            && self.descriptors <= other.descriptors
            && self.files.is_subset(&other.files)
    }
}

#[tokio::test]
async fn fifty_jobs_that_were_cancelled_leave_no_container_thread_descriptor_or_file() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let options = ["-Djobstore.type=Memory", "-Djobstore.max-capacity=3"];
    let application = detached(&cluster, &folder, &options).await;
    let rest = rest(&cluster, &application).await;
    let graph: JobGraph = serde_json::from_value(parallel(1)).unwrap();
    let cycle = async |number: u8| {
        let id = JobId::from_bytes([number; 16]);
        rest.submit(id, &graph).await.unwrap();
        until_is(&cluster, &application, &id.to_string(), "RUNNING").await;
        rest.cancel(id).await.unwrap();
        until_is(&cluster, &application, &id.to_string(), "CANCELED").await;
    };
    // What is made once is there after a few.
    for number in 1..=5 {
        cycle(number).await;
    }
    let before = Held::now(&cluster, &application);
    assert_eq!(before.containers, 2, "{before:?}");
    for number in 6..=55 {
        cycle(number).await;
    }
    // Threads that wait for work that may block, and connections that nobody uses, end after a while without.
    let settled = || {
        let now = Held::now(&cluster, &application);
        std::future::ready(if now.is_at_most(&before) {
            Ok(())
        } else {
            Err(format!("{now:?}"))
        })
    };
    wait::until(&format!("at most {before:?}"), BOUND, settled)
        .await
        .unwrap();
    stop(&cluster, &folder, &application).await;
}
