//! Ctrl-C and SIGTERM.

use std::path::Path;

use selvedge_it::cli::{BOUND, Running};
use selvedge_it::wait;
use tokio::net::TcpListener;

use super::run;
use crate::folder::{Folder, files_below};
use crate::jobs;

/// Waits until the job has files that hold records already.
async fn until_written(running: &Running, output: &Path, earlier: usize) {
    let is_written = || async {
        let files = files_below(output);
        let parts = files
            .iter()
            .filter(|file| file.file_name().unwrap().to_string_lossy().starts_with("part-"));
        if parts.count() > earlier {
            Ok(())
        } else {
            Err(format!("{files:?} {}", running.said()))
        }
    };
    wait::until("files that are being written", BOUND, is_written)
        .await
        .unwrap();
}

#[tokio::test]
async fn ctrl_c_cancels_the_job_leaves_no_part_files_and_exits_130() {
    let folder = Folder::new();
    let job = folder.job(&jobs::endless_files("${output}"));
    let output = folder.path("out");
    let command = run(&folder, 2, &job).args(["--output".as_ref(), output.as_os_str()]);
    let running = command.start();
    until_written(&running, &output, 0).await;
    running.interrupt();
    let outcome = running.ended_within(BOUND).await.ended_with(130);
    outcome.assert_says(&["cancel"]).assert_no_stack();
    assert_eq!(files_below(folder.root()), [job]);
    assert!(!output.exists(), "{} is left behind", output.display());
}

#[tokio::test]
async fn ctrl_c_leaves_the_result_of_an_earlier_run_that_was_to_be_overwritten() {
    let folder = Folder::new();
    let mut job = jobs::endless_files("${output}");
    job["vertices"][1]["chain"][0]["overwrite"] = true.into();
    let job = folder.job(&job);
    let earlier = folder.write("out/part-earlier.csv", "1\n");
    let command = run(&folder, 1, &job).args(["--output".as_ref(), folder.path("out").as_os_str()]);
    let running = command.start();
    until_written(&running, &folder.path("out"), 1).await;
    running.interrupt();
    let outcome = running.ended_within(BOUND).await.ended_with(130);
    assert_eq!(files_below(folder.root()), [job, earlier], "{}", outcome.said());
}

#[tokio::test]
async fn sigterm_cancels_the_job_leaves_no_hidden_directory_and_exits_143() {
    let folder = Folder::new();
    let mut job = jobs::endless_files("${output}");
    job["vertices"][1]["chain"][0]["overwrite"] = true.into();
    let job = folder.job(&job);
    let earlier = folder.write("out/part-earlier.csv", "1\n");
    let command = run(&folder, 1, &job).args(["--output".as_ref(), folder.path("out").as_os_str()]);
    let running = command.start();
    until_written(&running, &folder.path("out"), 1).await;
    running.terminate();
    let outcome = running.ended_within(BOUND).await.ended_with(143);
    outcome.assert_says(&["cancel", "CANCELED"]).assert_no_stack();
    let left: Vec<_> = std::fs::read_dir(folder.path("out"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(left, [earlier]);
}

#[tokio::test]
async fn ctrl_c_ends_a_command_that_waits_for_a_namenode_that_does_not_answer() {
    let folder = Folder::new();
    let namenode = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let path = format!("hdfs://{}/in", namenode.local_addr().unwrap());
    let job = folder.job(&jobs::job(
        &[jobs::vertex(
            "all",
            &[jobs::text_source("read", &path), jobs::blackhole("drop")],
        )],
        &[],
    ));
    let running = run(&folder, 1, &job).env("HADOOP_USER_NAME", "alice").start();
    let connected = tokio::time::timeout(BOUND, namenode.accept()).await;
    let _silent = connected
        .unwrap_or_else(|_| panic!("no connection: {}", running.said()))
        .unwrap();
    running.interrupt();
    running.ended_within(BOUND).await.ended_with(130).assert_no_stack();
}
