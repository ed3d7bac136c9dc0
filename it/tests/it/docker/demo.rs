//! The demo of `docker/README.md`, and the loss of one of its hosts.

use std::collections::BTreeSet;
use std::path::Path;

use selvedge_it::cli::Outcome;
use selvedge_it::data::{MEGABYTE, counts_in_csv, reference_counts, zipf_text};
use selvedge_it::wait;

use super::support::{BOUND, Cluster, host_of_master};
use crate::jobs::{file_sink, job, numbers, rebalance, vertex};
use crate::yarn::support::application_in;

const NODES: [&str; 2] = ["nodemanager-1", "nodemanager-2"];
/// A minute of them, so that the job still runs when its master's host is lost.
const ROWS: u64 = 6000;

/// One test: each part would otherwise bring up a cluster of its own.
#[tokio::test]
async fn jobs_and_sessions_run_across_hosts_and_the_loss_of_a_masters_host_costs_nothing() {
    let Some(cluster) = Cluster::up().await else { return };
    let text = zipf_text(2 * MEGABYTE, 5);
    cluster.compose.copy(&text, "client", "/tmp/zipf.txt").await;
    cluster.hdfs(&["-put", "/tmp/zipf.txt", "/user/demo/zipf.txt"]).await;
    words_are_counted_on_both_nodes(&cluster, &text).await;
    a_session_counts_on_both_nodes(&cluster, &text).await;
    the_page_and_rest_open_through_the_proxy(&cluster).await;
    the_node_of_a_master_is_lost_and_the_output_is_there_once(&cluster).await;
    assert_eq!(cluster.compose.down().await, "", "it is left");
}

/// `selvedge run` with these options and the demo's job; what it has counted is what the text has.
async fn count(cluster: &Cluster, text: &Path, options: &[&str], output: &str) -> Outcome {
    let job = [
        "examples/wordcount.json",
        "--input",
        "/user/demo/zipf.txt",
        "--output",
        output,
    ];
    let outcome = cluster
        .selvedge(&[&["run"], options, &job].concat())
        .await
        .ended_with(0);
    outcome.assert_says(&["FINISHED", output]);
    let mut parts = Vec::new();
    for file in cluster.hdfs(&["-ls", "-C", output]).await.lines() {
        parts.push(cluster.hdfs(&["-cat", file]).await);
    }
    assert_eq!(parts.len(), 4);
    assert!(
        counts_in_csv(parts.iter().map(String::as_str)) == reference_counts(text),
        "the counts differ: {}",
        outcome.said()
    );
    outcome
}

async fn words_are_counted_on_both_nodes(cluster: &Cluster, text: &Path) {
    let outcome = count(cluster, text, &["-p", "4"], "/user/demo/words").await;
    let application = application_in(&outcome.said()).unwrap();
    assert_five_containers_on_both_nodes(cluster, &application).await;
}

async fn a_session_counts_on_both_nodes(cluster: &Cluster, text: &Path) {
    let started = cluster.selvedge(&["yarn-session", "-d"]).await.ended_with(0);
    let application = application_in(&started.said()).unwrap();
    let options = ["-t", "yarn-session", "-p", "4"];
    let outcome = count(cluster, text, &options, "/user/demo/session-words").await;
    outcome.assert_says(&[&application]);
    assert_five_containers_on_both_nodes(cluster, &application).await;
    let stop = format!("echo stop | selvedge yarn-session -id {application}");
    cluster
        .compose
        .run("client", &["bash", "-c", &stop])
        .await
        .ended_with(0);
    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "SUCCEEDED", "{report}");
}

/// Four workers and the master have left logs, and not all on one node.
async fn assert_five_containers_on_both_nodes(cluster: &Cluster, application: &str) {
    let logs = format!("/tmp/hadoop/nm-log-dir/{application}");
    let mut containers = 0;
    for node in NODES {
        let here = cluster.compose.run(node, &["ls", &logs]).await.ended_with(0).stdout;
        assert!(here.contains("container_"), "{node} ran nothing of {application}");
        containers += here.lines().count();
    }
    assert_eq!(containers, 5);
}

async fn the_page_and_rest_open_through_the_proxy(cluster: &Cluster) {
    let endless = "docker/endless.json";
    let started = cluster.selvedge(&["run", "-d", "-p", "4", endless]).await.ended_with(0);
    let application = application_in(&started.said()).unwrap();
    let job = cluster.running_job(&application).await;

    let path = format!("/proxy/{application}/");
    let page = cluster.compose.get("resourcemanager", 8088, &path, "text/html").await;
    let page = page.unwrap();
    assert!(page.contains("<html") && page.contains("Selvedge"), "{page}");
    let workers = cluster.proxied(&application, "/taskmanagers").await.unwrap();
    let workers = workers["taskmanagers"].as_array().unwrap();
    let host = |worker: &serde_json::Value| {
        let path = worker["path"].as_str().unwrap().trim_start_matches("grpc://");
        path.split(':').next().unwrap().to_owned()
    };
    let hosts: BTreeSet<_> = workers.iter().map(host).collect();
    assert_eq!((workers.len(), hosts), (4, NODES.map(str::to_owned).into()));

    let cancel = format!("/jobs/{job}/yarn-cancel");
    cluster.proxied(&application, &cancel).await.unwrap();
    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "KILLED", "{report}");
}

async fn the_node_of_a_master_is_lost_and_the_output_is_there_once(cluster: &Cluster) {
    let counted = job(
        &[
            vertex("numbers", &[numbers("make", Some(ROWS), Some(100.0))]),
            vertex("files", &[file_sink("write", "/user/demo/numbers", "csv")]),
        ],
        &[rebalance("numbers", "files")],
    );
    let counted = cluster.job(&counted).await;
    let started = cluster
        .selvedge(&[
            "run",
            "-d",
            "-p",
            "2",
            "-Dyarn.application-attempts=3",
            // The next master leads when ZooKeeper has given up the last one.
            "-Dhigh-availability.zookeeper.client.session-timeout=6 s",
            counted,
        ])
        .await
        .ended_with(0);
    let application = application_in(&started.said()).unwrap();
    // Looked up before the wait: once the job runs, it is on its way to its end.
    let lost = cluster.host_of_master(&application).await;
    let container = cluster.compose.container(&lost).await;
    cluster.running_job(&application).await;
    cluster.compose.kill(&container).await;

    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "SUCCEEDED", "{report}");
    assert_ne!(host_of_master(&report).unwrap(), lost);
    let lines = cluster.hdfs(&["-cat", "/user/demo/numbers/*"]).await;
    let lines: Vec<u64> = lines.lines().filter_map(|line| line.parse().ok()).collect();
    let numbers: BTreeSet<_> = lines.iter().collect();
    assert_eq!((lines.len() as u64, numbers.len() as u64), (ROWS, ROWS));

    cluster.compose.start(&lost).await;
    let look = || async {
        let metrics = cluster.compose.resource_manager("/ws/v1/cluster/metrics").await?;
        match metrics["clusterMetrics"]["activeNodes"].as_u64() {
            Some(2) => Ok(()),
            _ => Err(metrics.to_string()),
        }
    };
    wait::until("the node to be back", BOUND, look).await.unwrap();
}
