//! Files that jobs bring to containers.

use std::collections::BTreeMap;

use serde_json::json;

use super::support::{Cluster, application_in};
use crate::folder::Folder;
use crate::jobs::{file_sink, job, rebalance, text_source, vertex};

const LINES: usize = 20_000;

fn lines(of: &str) -> String {
    (0..LINES).map(|number| format!("{of} {number}\n")).collect()
}

/// How often each artifact was fetched, by the worker's container.
fn fetches(cluster: &Cluster, application: &str) -> BTreeMap<String, BTreeMap<&'static str, usize>> {
    let mut fetches = BTreeMap::<_, BTreeMap<_, _>>::new();
    for log in cluster.bed.container_logs(application).unwrap() {
        if log.file != "taskmanager.log" {
            continue;
        }
        let said = std::fs::read_to_string(&log.path).unwrap();
        let of_worker = fetches.entry(log.container.clone()).or_default();
        for name in ["ours", "theirs"] {
            let fetched = format!("the artifact {name} is fetched");
            of_worker.insert(name, said.matches(&fetched).count());
        }
    }
    fetches
}

#[tokio::test]
async fn files_of_the_clients_disk_and_of_hdfs_are_fetched_once_by_each_worker_on_two_node_managers() {
    let cluster = Cluster::shared().await;
    let (folder, hdfs) = (Folder::new(), cluster.hdfs());
    let ours = folder.write("ours.txt", lines("ours"));
    hdfs.put("/user/alice/theirs.txt", lines("theirs").into_bytes())
        .await
        .unwrap();
    hdfs.delete("/user/alice/artifacts").await.unwrap();
    let mut source = text_source("read", "artifact:ours");
    source["paths"] = json!(["artifact:ours", "artifact:theirs"]);
    source["split_size"] = json!("16kb");
    let vertices = [
        vertex("source", &[source]),
        vertex("sink", &[file_sink("write", "/user/alice/artifacts", "text")]),
    ];
    let mut copies = job(&vertices, &[rebalance("source", "sink")]);
    copies["artifacts"] = json!([
        {"name": "ours", "path": format!("file://{}", ours.display())},
        {"name": "theirs", "path": "/user/alice/theirs.txt"},
    ]);
    let outcome = cluster.run(4).arg(folder.job(&copies)).run().await.ended_with(0);
    let mut copied = Vec::new();
    for file in hdfs.list("/user/alice/artifacts").await.unwrap() {
        let part = hdfs
            .get(&format!("/user/alice/artifacts/{}", file.path_suffix))
            .await
            .unwrap();
        copied.extend(String::from_utf8(part).unwrap().lines().map(str::to_owned));
    }
    let expected = lines("ours") + &lines("theirs");
    let mut expected: Vec<_> = expected.lines().map(str::to_owned).collect();
    copied.sort_unstable();
    expected.sort_unstable();
    assert!(copied == expected, "{} lines: {}", copied.len(), outcome.said());
    let application = application_in(&outcome.said()).unwrap();
    let fetches = fetches(&cluster, &application);
    assert_eq!(fetches.len(), 4, "{fetches:?}");
    for (worker, fetched) in &fetches {
        assert_eq!(*fetched, BTreeMap::from([("ours", 1), ("theirs", 1)]), "{worker}");
    }
    cluster.ended(&application).await;
    cluster.assert_nothing_left(&application).await;
}

#[tokio::test]
async fn an_artifact_that_is_missing_in_hdfs_is_told_before_an_application_is_made() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let vertices = [
        vertex("source", &[text_source("read", "artifact:words")]),
        vertex("sink", &[crate::jobs::blackhole("drop")]),
    ];
    let mut reads = job(&vertices, &[rebalance("source", "sink")]);
    reads["artifacts"] = json!([{"name": "words", "path": "/user/alice/no-words"}]);
    let before = cluster.traces().await;
    let outcome = cluster.run(1).arg(folder.job(&reads)).run().await.ended_with(3);
    outcome
        .assert_says(&["'words'", "/user/alice/no-words", "no such file"])
        .assert_no_stack();
    assert_eq!(cluster.traces().await, before);
}
