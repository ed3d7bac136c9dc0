//! Jobs and applications that fail: the cause is told, nothing is left behind.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, prlimit};
use selvedge_it::cli::BOUND;
use selvedge_it::wait;
use serde_json::{Value, json};

use super::support::{Cluster, application_in, application_of, files_in, hdfs_admin, kill_application, own_process};
use crate::folder::{Folder, files_below};
use crate::jobs::{self, file_sink, job, numbers, rebalance, vertex};

#[tokio::test]
async fn a_worker_killed_in_the_middle_fails_the_job_with_its_container_and_exit_status() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    cluster.hdfs().delete("/user/alice/killed").await.unwrap();
    let job = folder.job(&jobs::endless_files("/user/alice/killed"));
    let mut running = cluster.run(2).arg(job).start();
    let application = application_of(&mut running).await;
    cluster.running_job(&application).await;
    let victim = cluster.workers(&application, 2).await.remove(1);
    kill_process_group(Pid::from_raw(victim.pid).unwrap(), Signal::KILL).unwrap();
    let outcome = running.ended_within(BOUND).await.ended_with(1);
    outcome
        .assert_says(&[
            "FAILED",
            &victim.container,
            "137",
            "was killed by SIGKILL",
            "raise taskmanager.memory.process.size",
            "last lines of taskmanager.log",
        ])
        .assert_no_stack();
    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "FAILED", "{report}");
    assert!(
        report["diagnostics"].as_str().unwrap().contains(&victim.container),
        "{report}"
    );
    cluster.assert_nothing_left(&application).await;
    assert_eq!(cluster.hdfs().status("/user/alice/killed").await.unwrap(), None);
}

#[tokio::test]
async fn a_job_that_fails_exits_1_with_its_root_cause_and_without_a_stack() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    cluster.hdfs().delete("/user/alice/failed").await.unwrap();
    let divide = json!({"id": "divide", "operator": "project", "columns": [{"expression": "1 / (n - 40)", "as": "x"}]});
    let job = folder.job(&job(
        &[
            vertex("numbers", &[numbers("make", Some(1000), None)]),
            vertex("out", &[divide, file_sink("write", "/user/alice/failed", "csv")]),
        ],
        &[rebalance("numbers", "out")],
    ));
    let outcome = cluster.run(2).arg(job).run().await.ended_with(1);
    outcome
        .assert_says(&["FAILED", "divide by zero", "divide"])
        .assert_no_stack();
    let application = application_in(&outcome.said()).unwrap();
    let report = cluster.ended(&application).await;
    assert_eq!(
        (&report["state"], &report["finalStatus"]),
        (&"FINISHED".into(), &"FAILED".into()),
        "{report}"
    );
    assert!(
        report["diagnostics"]
            .as_str()
            .unwrap()
            .to_lowercase()
            .contains("divide by zero"),
        "{report}"
    );
    cluster.assert_nothing_left(&application).await;
    assert_eq!(cluster.hdfs().status("/user/alice/failed").await.unwrap(), None);
}

#[tokio::test]
async fn an_application_master_that_cannot_start_shows_the_last_lines_of_its_log() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    // It does not know which application it is: it can tell nobody but its log.
    let broken = "-Dcontainerized.master.env._SELVEDGE_APP_ID=nonsense";
    let job = folder.job(&jobs::endless_files("/user/alice/never"));
    let outcome = cluster.run(1).arg(broken).arg(job).run().await.ended_with(1);
    outcome
        .assert_says(&[
            "FAILED",
            "exitCode: 1",
            "last lines of jobmanager",
            "_SELVEDGE_APP_ID",
            "nonsense",
        ])
        .assert_no_stack();
    let application = application_in(&outcome.said()).unwrap();
    cluster.assert_nothing_left(&application).await;
}

#[tokio::test]
async fn an_application_master_without_a_port_says_which_setting_to_widen() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    // A port that is taken at every NodeManager's address.
    let first = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), 0)).unwrap();
    let port = first.local_addr().unwrap().port();
    let _second = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 3), port)).unwrap();
    let job = folder.job(&jobs::endless_files("/user/alice/never"));
    let setting = format!("-Drest.bind-port={port}");
    let outcome = cluster.run(1).arg(setting).arg(job).run().await.ended_with(1);
    outcome
        .assert_says(&[&port.to_string(), "rest.bind-port", "in use"])
        .assert_no_stack();
    let application = application_in(&outcome.said()).unwrap();
    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "FAILED", "{report}");
    cluster.assert_nothing_left(&application).await;
}

#[tokio::test]
async fn an_application_killed_while_it_runs_is_told_and_leaves_no_staging() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    cluster.hdfs().delete("/user/alice/stopped").await.unwrap();
    let job = folder.job(&jobs::endless_files("/user/alice/stopped"));
    let mut running = cluster.run(1).arg(job).start();
    let application = application_of(&mut running).await;
    cluster.running_job(&application).await;
    let is_written = || async {
        let files = files_in(&cluster.hdfs(), "/user/alice/stopped").await;
        let has_part = files.iter().any(|file| file.contains("/part-"));
        if has_part { Ok(()) } else { Err(format!("{files:?}")) }
    };
    wait::until("a file that is being written", BOUND, is_written)
        .await
        .unwrap();
    kill_application(&cluster, &application).await;
    let outcome = running.ended_within(BOUND).await.ended_with(7);
    outcome.assert_says(&["KILLED", "was killed by user"]).assert_no_stack();
    cluster.assert_nothing_left(&application).await;
    assert_eq!(cluster.hdfs().status("/user/alice/stopped").await.unwrap(), None);
}

/// Numbers into files of the local disk, without end.
fn endless_local_files(output: &Path) -> Value {
    let path = format!("file://{}", output.display());
    job(
        &[
            vertex("numbers", &[numbers("make", None, Some(200_000.0))]),
            vertex("files", &[file_sink("write", &path, "csv")]),
        ],
        &[rebalance("numbers", "files")],
    )
}

/// A file system of one MiB, until this is dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where this user may not mount anything.
    fn mount(at: PathBuf) -> Option<Self> {
        fs::create_dir(&at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m,mode=1777", "small-disk"])
            .arg(&at)
            .status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(at))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazy, as a container may still be there when a test fails. What stays mounted is a mebibyte.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_worker_whose_local_disk_is_full_fails_the_job_with_the_file_and_the_remedy() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let Some(disk) = SmallDisk::mount(folder.path("disk")) else {
        eprintln!("skipped: this user may not mount a small disk");
        return;
    };
    let output = disk.0.join("out");
    let job = folder.job(&endless_local_files(&output));
    let outcome = cluster.run(1).arg(job).run().await.ended_with(1);
    outcome
        .assert_says(&["FAILED", "no space left", output.to_str().unwrap(), "make room"])
        .assert_no_stack();
    let application = application_in(&outcome.said()).unwrap();
    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "FAILED", "{report}");
    cluster.assert_nothing_left(&application).await;
    assert_eq!(files_below(&disk.0), Vec::<PathBuf>::new());
}

/// A process that may not write larger files is treated like one whose disk is full, and needs no rights to mount.
#[tokio::test]
async fn a_worker_that_cannot_write_on_to_its_local_disk_fails_the_job_with_the_file_and_the_remedy() {
    const LIMIT: u64 = 1 << 20;
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let output = folder.path("out");
    let job = folder.job(&endless_local_files(&output));
    let mut running = cluster.run(1).arg(&job).start();
    let application = application_of(&mut running).await;
    cluster.running_job(&application).await;
    let worker = cluster.workers(&application, 1).await.remove(0);
    let limit = Rlimit {
        current: Some(LIMIT),
        maximum: Some(LIMIT),
    };
    prlimit(Some(own_process(worker.pid)), Resource::Fsize, limit).unwrap();
    let outcome = running.ended_within(BOUND).await.ended_with(1);
    outcome
        .assert_says(&["FAILED", "no space left", output.to_str().unwrap(), "make room"])
        .assert_no_stack();
    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "FAILED", "{report}");
    cluster.assert_nothing_left(&application).await;
    assert_eq!(files_below(folder.root()), [job]);
}

#[tokio::test]
async fn an_output_that_hdfs_has_no_room_for_fails_the_job_with_hdfss_own_words() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let hdfs = cluster.hdfs();
    hdfs.delete("/user/alice/narrow").await.unwrap();
    hdfs.mkdir("/user/alice/narrow", "755").await.unwrap();
    hdfs_admin(&cluster.bed, &["-setSpaceQuota", "1m", "/user/alice/narrow"]).await;
    let job = folder.job(&job(
        &[
            vertex("numbers", &[numbers("make", None, None)]),
            vertex("files", &[file_sink("write", "/user/alice/narrow/out", "csv")]),
        ],
        &[rebalance("numbers", "files")],
    ));
    let outcome = cluster.run(1).arg(job).run().await.ended_with(1);
    outcome
        .assert_says(&["FAILED", "quota", "/user/alice/narrow"])
        .assert_no_stack();
    let application = application_in(&outcome.said()).unwrap();
    cluster.ended(&application).await;
    cluster.assert_nothing_left(&application).await;
    assert_eq!(hdfs.list("/user/alice/narrow").await.unwrap(), []);
    hdfs.delete("/user/alice/narrow").await.unwrap();
}
