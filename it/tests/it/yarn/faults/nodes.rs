//! NodeManagers that are restarted or run no container, and a ResourceManager that is restarted.

use std::fs;
use std::path::{Path, PathBuf};

use selvedge_it::bed::Daemon;

use super::super::session::stop;
use super::{cluster, session, until_exactly};
use crate::folder::Folder;

#[tokio::test]
async fn the_workers_of_a_nodemanager_that_is_killed_and_recovers_run_on() {
    let cluster = cluster().await;
    let folder = Folder::new();
    let master = session(&cluster, &folder, "1728m", &[]).await;
    let job = master.submit(2).await;
    master.until_runs(job).await;
    let before = cluster.workers(&master.application, 2).await;
    cluster
        .bed
        .restart(Daemon::NodeManager(before[0].node_manager))
        .await
        .unwrap();
    master.until_runs(job).await;
    until_exactly(&cluster, &master.application, 2).await;
    assert_eq!(cluster.workers(&master.application, 2).await, before);
    assert_eq!(master.restarts(job).await, 0);
    // The new NodeManager tells of its end, as the old one would have.
    super::master::kill(&before[0]);
    master.until_restarted(job, 0).await;
    until_exactly(&cluster, &master.application, 2).await;
    stop(&cluster, &folder, &master.application).await;
}

#[tokio::test]
async fn workers_are_asked_for_while_the_resourcemanager_is_down_and_no_task_is_restarted() {
    let cluster = cluster().await;
    let folder = Folder::new();
    let master = session(&cluster, &folder, "1728m", &[]).await;
    let first = master.submit(2).await;
    master.until_runs(first).await;
    let before = cluster.workers(&master.application, 2).await;
    cluster.bed.kill(Daemon::ResourceManager).await.unwrap();
    let second = master.submit(2).await;
    cluster.bed.restart(Daemon::ResourceManager).await.unwrap();
    master.until_runs(second).await;
    until_exactly(&cluster, &master.application, 4).await;
    master.until_runs(first).await;
    assert_eq!((master.restarts(first).await, master.restarts(second).await), (0, 0));
    let after = cluster.workers(&master.application, 4).await;
    assert!(
        before.iter().all(|worker| after.contains(worker)),
        "{before:?} {after:?}"
    );
    stop(&cluster, &folder, &master.application).await;
}

/// A node that can start no container as long as this is there: where their directories are to be is a file.
struct Broken {
    directory: PathBuf,
    away: PathBuf,
}

impl Broken {
    fn new(local: &Path) -> Self {
        let (directory, away) = (local.join("usercache"), local.join("usercache.away"));
        fs::rename(&directory, &away).unwrap();
        fs::write(&directory, "").unwrap();
        Self { directory, away }
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.directory);
        let _ = fs::rename(&self.away, &self.directory);
    }
}

#[tokio::test]
async fn jobs_run_on_the_other_node_where_one_can_start_no_container() {
    let cluster = cluster().await;
    let folder = Folder::new();
    let options = ["-Dresourcemanager.taskmanager-timeout=1 s"];
    let master = session(&cluster, &folder, "1728m", &options).await;
    let bad = 1 - cluster.master_node(&master.application).await;
    let node = &cluster.bed.node_managers()[bad];
    let broken = Broken::new(&node.local_dir);
    let failures = || {
        let log = master.log(&cluster);
        let ends = log.lines().filter(|line| line.contains(" ended: container "));
        ends.filter(|line| line.contains(&node.host.to_string())).count()
    };
    let is_left_out = || {
        let log = master.log(&cluster);
        let mut told = log
            .lines()
            .filter(|line| line.contains("YARN is told to give no containers on these nodes"));
        told.any(|line| line.contains(&node.host.to_string()))
    };
    // Which node is given is YARN's choice: sooner or later it is the bad one, and often enough to be left out.
    for round in 0.. {
        if is_left_out() {
            break;
        }
        assert!(round < 20, "{} failures on {}", failures(), node.node_id);
        let job = master.submit(4).await;
        master.until_runs(job).await;
        until_exactly(&cluster, &master.application, 4).await;
        let workers = cluster.workers(&master.application, 4).await;
        assert!(workers.iter().all(|worker| worker.node_manager != bad), "{workers:?}");
        master.cancel(job).await;
        until_exactly(&cluster, &master.application, 0).await;
    }
    let failed = failures();
    // After three the node is avoided, and four may be on their way.
    assert!(failed <= 7, "{failed} containers were started on {}", node.node_id);
    drop(broken);
    stop(&cluster, &folder, &master.application).await;
}
