//! Files, directories and archives that go along into every container.

use std::path::Path;
use std::process::Command;

use selvedge_it::cli::{BOUND, Outcome};
use serde_json::{Value, json};

use super::session::{command, detached, stop, with_id};
use super::support::{Cluster, STAGING, application_in, files_in};
use crate::folder::Folder;
use crate::jobs::{file_sink, job, rebalance, text_source, vertex};

/// Copies what these paths mean into a directory of HDFS, by as many subtasks as there are workers.
fn copies(paths: &[&str], output: &str) -> Value {
    let mut source = text_source("read", paths[0]);
    source["paths"] = json!(paths);
    // A split of its own for each few lines: every worker gets some.
    source["split_size"] = json!("64b");
    job(
        &[
            vertex("source", &[source]),
            vertex("sink", &[file_sink("write", output, "text")]),
        ],
        &[rebalance("source", "sink")],
    )
}

async fn lines_in(cluster: &Cluster, output: &str) -> Vec<String> {
    let hdfs = cluster.hdfs();
    let mut lines = Vec::new();
    for part in hdfs.list(output).await.unwrap() {
        let part = hdfs.get(&format!("{output}/{}", part.path_suffix)).await.unwrap();
        lines.extend(String::from_utf8(part).unwrap().lines().map(str::to_owned));
    }
    lines.sort_unstable();
    lines
}

fn lines_of(names: &[&str]) -> Vec<String> {
    let mut lines: Vec<_> = names
        .iter()
        .flat_map(|name| text(name).lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    lines.sort_unstable();
    lines
}

fn text(name: &str) -> String {
    (0..200).map(|number| format!("{name} {number}\n")).collect()
}

/// `more.tar.gz` with `inner/packed.txt`.
fn archive(folder: &Folder) -> String {
    folder.write("packing/inner/packed.txt", text("packed"));
    let archive = folder.path("more.tar.gz");
    let packed = Command::new("tar")
        .args(["-czf".as_ref(), archive.as_os_str(), "-C".as_ref()])
        .arg(folder.path("packing"))
        .arg("inner")
        .status();
    assert!(packed.unwrap().success());
    archive.display().to_string()
}

#[tokio::test]
async fn a_job_reads_shipped_files_directories_and_archives_of_the_disk_and_of_hdfs_in_every_container() {
    let cluster = Cluster::shared().await;
    let (folder, hdfs, uri) = (Folder::new(), cluster.hdfs(), cluster.bed.hdfs_uri());
    for (path, name) in [
        ("one.txt", "one"),
        ("data/two.txt", "two"),
        ("data/below/three.txt", "three"),
    ] {
        folder.write(path, text(name));
    }
    hdfs.put("/user/alice/ours/four.txt", text("four")).await.unwrap();
    hdfs.put("/user/alice/provided/usrlib/five.txt", text("five"))
        .await
        .unwrap();
    hdfs.delete("/user/alice/shipped").await.unwrap();
    let files = [folder.path("one.txt"), folder.path("data")].map(|path| path.display().to_string());
    let files = format!("-Dyarn.ship-files={};{uri}/user/alice/ours", files.join(";"));
    let paths = [
        "shipped:one.txt",
        "shipped:data",
        "shipped:data/below/*.txt",
        "shipped:ours/four.txt",
        "shipped:usrlib/five.txt",
        "shipped:more.tar.gz/inner/packed.txt",
    ];
    let job = folder.job(&copies(&paths, "/user/alice/shipped"));
    let outcome = cluster
        .run(2)
        .arg(files)
        .arg(format!("-Dyarn.ship-archives={}", archive(&folder)))
        .arg(format!("-Dyarn.provided.usrlib.dir={uri}/user/alice/provided/usrlib"))
        .arg(job)
        .run()
        .await
        .ended_with(0);
    let read = lines_in(&cluster, "/user/alice/shipped").await;
    let expected = lines_of(&["one", "two", "three", "four", "five", "packed"]);
    assert!(read == expected, "{} lines: {}", read.len(), outcome.said());
    let application = application_in(&outcome.said()).unwrap();
    cluster.ended(&application).await;
    cluster.assert_nothing_left(&application).await;
    // What was there before is nobody's to delete.
    for file in ["ours/four.txt", "provided/usrlib/five.txt"] {
        assert!(hdfs.status(&format!("/user/alice/{file}")).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn what_a_session_ships_is_staged_for_its_user_alone_as_often_as_asked_and_read_by_its_jobs() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let hdfs = cluster.hdfs();
    hdfs.delete("/user/alice/shipped-session").await.unwrap();
    let sent = ["one", "two"].map(|name| folder.write(&format!("{name}.txt"), text(name)).display().to_string());
    let application = detached(
        &cluster,
        &folder,
        &["-t", &sent[0], "-t", &sent[1], "-Dyarn.file-replication=2"],
    )
    .await;
    let staged = files_in(&hdfs, &format!("{STAGING}/{application}")).await;
    assert_eq!(staged.len(), 4, "two of ours, two shipped: {staged:?}");
    for file in staged {
        let status = hdfs.status(&file).await.unwrap().unwrap();
        assert_eq!(
            (status.owner.as_str(), status.permission.as_str(), status.replication),
            ("alice", "600", 2),
            "{file}"
        );
    }
    let job = folder.job(&copies(
        &["shipped:one.txt", "shipped:two.txt"],
        "/user/alice/shipped-session",
    ));
    let run = command(&cluster, &folder, "run").args(["-t", "yarn-session", "-p", "2"]);
    run.arg(with_id(&application)).arg(job).run().await.ended_with(0);
    assert_eq!(
        lines_in(&cluster, "/user/alice/shipped-session").await,
        lines_of(&["one", "two"])
    );
    // Not there: the job says so, the session goes on.
    let job = folder.job(&copies(&["shipped:three.txt"], "/user/alice/shipped-none"));
    let run = command(&cluster, &folder, "run").arg(with_id(&application)).arg(job);
    let failed = run.run().await.ended_with(1);
    failed
        .assert_says(&["shipped:three.txt", "no such file"])
        .assert_no_stack();
    stop(&cluster, &folder, &application).await;
}

#[tokio::test]
async fn the_binary_is_taken_from_a_disk_that_all_nodes_share() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let job = folder.job(&super::session::short_job(10));
    cluster.run(1).arg(&job).run().await.ended_with(0);
    let hdfs = cluster.hdfs();
    let archives = hdfs.list(&format!("{STAGING}/archives")).await.unwrap();
    for archive in &archives {
        let content = hdfs
            .get(&format!("{STAGING}/archives/{}", archive.path_suffix))
            .await
            .unwrap();
        folder.write(&format!("shared/{}", archive.path_suffix), content);
    }
    hdfs.delete("/user/alice/elsewhere").await.unwrap();
    hdfs.mkdir("/user/alice/elsewhere", "755").await.unwrap();
    let outcome = run_from(&cluster, &folder.path("shared"), &job).await.ended_with(0);
    outcome.assert_does_not_say(&["staging the binary"]);
    let staged = files_in(&hdfs, "/user/alice/elsewhere").await;
    assert!(staged.iter().all(|file| !file.contains(".tar.gz")), "{staged:?}");
    // Where it is not, it is staged.
    let outcome = run_from(&cluster, folder.root(), &job).await.ended_with(0);
    outcome.assert_says(&["yarn.provided.lib.dirs", "staging the binary"]);
    hdfs.delete("/user/alice/elsewhere").await.unwrap();
}

async fn run_from(cluster: &Cluster, provided: &Path, job: &Path) -> Outcome {
    let staging = format!(
        "-Dyarn.staging-directory={}/user/alice/elsewhere",
        cluster.bed.hdfs_uri()
    );
    let run = cluster.run(1).arg(staging);
    let run = run.arg(format!("-Dyarn.provided.lib.dirs=file://{}", provided.display()));
    run.arg(job).run_within(BOUND).await
}

#[tokio::test]
async fn what_cannot_be_shipped_is_told_before_an_application_is_made() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let job = folder.job(&super::session::short_job(10));
    let plain = folder.write("plain.txt", "x").display().to_string();
    let before = cluster.traces().await;
    for (setting, says) in [
        (
            "yarn.ship-files=/no/such/file".to_owned(),
            &["/no/such/file", "no such file"][..],
        ),
        (
            "yarn.ship-files=hdfs:///user/alice/no-file".to_owned(),
            &["no-file", "no such file"],
        ),
        (
            format!("yarn.ship-archives={plain}"),
            &["plain.txt is no archive", ".tar.gz"],
        ),
        ("yarn.provided.usrlib.dir=/user/alice".to_owned(), &["not named usrlib"]),
    ] {
        let outcome = cluster
            .run(1)
            .arg(format!("-D{setting}"))
            .arg(&job)
            .run()
            .await
            .ended_with(3);
        outcome.assert_says(says).assert_no_stack();
    }
    assert_eq!(cluster.traces().await, before);
}
