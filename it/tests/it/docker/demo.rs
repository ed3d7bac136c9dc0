//! The demo of `docker/README.md`, and the loss of one of its hosts.

use std::collections::BTreeSet;

use selvedge_it::data::{MEGABYTE, counts_in_csv, reference_counts, zipf_text};
use selvedge_it::wait;

use super::support::{BOUND, Cluster};
use crate::jobs::{file_sink, job, numbers, rebalance, vertex};
use crate::yarn::support::application_in;

const NODES: [&str; 2] = ["nodemanager-1", "nodemanager-2"];
const ROWS: u64 = 2000;

/// One test: each part would otherwise bring up a cluster of its own.
#[tokio::test]
async fn jobs_run_across_separate_hosts_their_page_opens_through_the_proxy_and_the_loss_of_the_masters_host_costs_nothing()
 {
    let Some(cluster) = Cluster::up().await else { return };
    words_are_counted_on_both_nodes(&cluster).await;
    the_page_and_rest_open_through_the_proxy(&cluster).await;
    the_node_of_a_master_is_lost_and_the_output_is_there_once(&cluster).await;
    assert_eq!(cluster.compose.down().await, "", "it is left");
}

async fn words_are_counted_on_both_nodes(cluster: &Cluster) {
    let text = zipf_text(2 * MEGABYTE, 5);
    cluster.compose.copy(&text, "client", "/tmp/zipf.txt").await;
    cluster.hdfs(&["-put", "/tmp/zipf.txt", "/user/demo/zipf.txt"]).await;
    let outcome = cluster
        .selvedge(&[
            "run",
            "-p",
            "4",
            "examples/wordcount.json",
            "--input",
            "/user/demo/zipf.txt",
            "--output",
            "/user/demo/words",
        ])
        .await
        .ended_with(0);
    outcome.assert_says(&["FINISHED", "/user/demo/words"]);
    let application = application_in(&outcome.said()).unwrap();
    let mut parts = Vec::new();
    for file in cluster.hdfs(&["-ls", "-C", "/user/demo/words"]).await.lines() {
        parts.push(cluster.hdfs(&["-cat", file]).await);
    }
    assert_eq!(parts.len(), 4);
    assert!(
        counts_in_csv(parts.iter().map(String::as_str)) == reference_counts(&text),
        "the counts differ: {}",
        outcome.said()
    );
    let logs = format!("/tmp/hadoop/nm-log-dir/{application}");
    let mut containers = 0;
    for node in NODES {
        let here = cluster.compose.run(node, &["ls", &logs]).await.ended_with(0).stdout;
        assert!(here.contains("container_"), "{node} ran nothing of {application}");
        containers += here.lines().count();
    }
    // Four workers and the master.
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
    cluster.running_job(&application).await;
    let report = cluster.report(&application).await.unwrap();
    let lost = report["amHostHttpAddress"].as_str().unwrap().split(':').next().unwrap();
    cluster.compose.kill(lost).await;

    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "SUCCEEDED", "{report}");
    let then = report["amHostHttpAddress"].as_str().unwrap().split(':').next().unwrap();
    assert_ne!(then, lost);
    let lines = cluster.hdfs(&["-cat", "/user/demo/numbers/*"]).await;
    let lines: Vec<u64> = lines.lines().filter_map(|line| line.parse().ok()).collect();
    let numbers: BTreeSet<_> = lines.iter().collect();
    assert_eq!((lines.len() as u64, numbers.len() as u64), (ROWS, ROWS));

    cluster.compose.start(lost).await;
    let look = || async {
        let metrics = cluster.compose.resource_manager("/ws/v1/cluster/metrics").await?;
        match metrics["clusterMetrics"]["activeNodes"].as_u64() {
            Some(2) => Ok(()),
            _ => Err(metrics.to_string()),
        }
    };
    wait::until("the node to be back", BOUND, look).await.unwrap();
}
