//! The words of a text in HDFS, counted in containers and by `tr | sort | uniq -c`.

use std::collections::BTreeSet;
use std::path::Path;

use selvedge_it::bed::Hdfs;
use selvedge_it::data::{MEGABYTE, WordCounts, counts_in_csv, merge, reference_counts, zipf_text};

use super::support::{Cluster, application_in};
use crate::jobs;

async fn put(hdfs: &Hdfs, path: &str, text: &Path) {
    let length = std::fs::metadata(text).unwrap().len();
    let is_there = hdfs
        .status(path)
        .await
        .unwrap()
        .is_some_and(|status| status.length == length);
    if !is_there {
        hdfs.put(path, std::fs::read(text).unwrap()).await.unwrap();
    }
}

/// The counts in the part files of an output that is the user's own. Nothing else may be there.
pub(super) async fn counts_in(hdfs: &Hdfs, output: &str) -> WordCounts {
    let mut parts = Vec::new();
    for file in hdfs.list(output).await.unwrap() {
        assert!(file.kind == "FILE" && file.path_suffix.starts_with("part-"), "{file:?}");
        assert_eq!(file.owner, "alice", "{file:?}");
        let content = hdfs.get(&format!("{output}/{}", file.path_suffix)).await.unwrap();
        parts.push(String::from_utf8(content).unwrap());
    }
    counts_in_csv(parts.iter().map(String::as_str))
}

/// Counts 20 MB; returns the application, which has ended and left nothing.
async fn count(cluster: &Cluster, parallelism: u32) -> String {
    let hdfs = cluster.hdfs();
    let text = zipf_text(20 * MEGABYTE, 1);
    put(&hdfs, "/user/alice/zipf.txt", &text).await;
    let output = format!("/user/alice/wordcount-{parallelism}");
    hdfs.delete(&output).await.unwrap();
    let uri = cluster.bed.hdfs_uri();
    let outcome = cluster
        .run(parallelism)
        .arg("-Dyarn.application.name=words of a text")
        .arg(jobs::wordcount())
        .args([
            "--input",
            &format!("{uri}/user/alice/zipf.txt"),
            "--output",
            &format!("{uri}{output}"),
        ])
        .run()
        .await
        .ended_with(0);
    outcome.assert_says(&["FINISHED", &output]);
    assert!(
        counts_in(&hdfs, &output).await == reference_counts(&text),
        "the counts differ: {}",
        outcome.said()
    );
    let application = application_in(&outcome.said()).unwrap();
    // The tracking address.
    outcome.assert_says(&[&format!("/proxy/{application}")]);
    let report = cluster.ended(&application).await;
    assert_eq!(report["state"], "FINISHED", "{report}");
    assert_eq!(report["finalStatus"], "SUCCEEDED", "{report}");
    assert_eq!(
        (&report["name"], &report["user"]),
        (&"words of a text".into(), &"alice".into())
    );
    assert!(report["diagnostics"].as_str().unwrap().contains("FINISHED"), "{report}");
    cluster.assert_nothing_left(&application).await;
    application
}

fn nodes_of_workers(cluster: &Cluster, application: &str) -> (usize, BTreeSet<usize>) {
    let logs = cluster.bed.container_logs(application).unwrap();
    let workers: BTreeSet<_> = logs
        .iter()
        .filter(|log| log.file == "taskmanager.log")
        .map(|log| (log.container.clone(), log.node_manager))
        .collect();
    (workers.len(), workers.into_iter().map(|(_, node)| node).collect())
}

#[tokio::test]
async fn one_worker_counts_the_words_of_20_mb_as_tr_sort_uniq_do() {
    let cluster = Cluster::shared().await;
    let application = count(&cluster, 1).await;
    assert_eq!(nodes_of_workers(&cluster, &application).0, 1);
}

#[tokio::test]
async fn two_workers_count_the_words_of_20_mb_as_tr_sort_uniq_do() {
    let cluster = Cluster::shared().await;
    let application = count(&cluster, 2).await;
    assert_eq!(nodes_of_workers(&cluster, &application).0, 2);
}

#[tokio::test]
async fn four_workers_on_two_node_managers_count_the_words_of_20_mb_as_tr_sort_uniq_do() {
    let cluster = Cluster::shared().await;
    let application = count(&cluster, 4).await;
    assert_eq!(nodes_of_workers(&cluster, &application), (4, BTreeSet::from([0, 1])));
}

#[tokio::test]
async fn the_words_of_two_texts_are_counted_together() {
    let cluster = Cluster::shared().await;
    let hdfs = cluster.hdfs();
    let (left, right) = (zipf_text(MEGABYTE, 2), zipf_text(2 * MEGABYTE, 3));
    put(&hdfs, "/user/alice/left.txt", &left).await;
    put(&hdfs, "/user/alice/right.txt", &right).await;
    hdfs.delete("/user/alice/union").await.unwrap();
    // Without a scheme a path is in the default file system, HDFS.
    let outcome = cluster
        .run(2)
        .arg(jobs::union())
        .args([
            "--left",
            "/user/alice/left.txt",
            "--right",
            "/user/alice/right.txt",
            "--output",
            "/user/alice/union",
        ])
        .run()
        .await
        .ended_with(0);
    let expected = merge(reference_counts(&left), reference_counts(&right));
    assert!(
        counts_in(&hdfs, "/user/alice/union").await == expected,
        "the counts differ: {}",
        outcome.said()
    );
}
