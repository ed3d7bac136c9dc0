//! What flags make of the application, as the ResourceManager reports it; and what it tells of itself.

use selvedge_it::cli::Selvedge;
use serde_json::json;

use super::super::support::Cluster;
use super::endless_job;
use super::{command, stop, submit, until_is};
use crate::folder::Folder;

#[tokio::test]
async fn each_flag_shows_in_the_application_that_is_submitted() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let session = command(&cluster, &folder, "yarn-session")
        .args([
            "-d",
            "-jm",
            "1100m",
            "-tm",
            "1200",
            "-s",
            "2",
            "-nm",
            "night shift",
            "-qu",
            "default",
        ])
        .args([
            "-at",
            "Night",
            "-z",
            "ours",
            "-j",
            "flink-dist.jar",
            "-m",
            "yarn-cluster",
        ])
        .args(["-Dyarn.tags=a,b", "-Dyarn.application.priority=3"]);
    let outcome = session.run().await.ended_with(0);
    outcome.assert_says(&["-j flink-dist.jar has no meaning", "-m yarn-cluster has no meaning"]);
    let application = super::id_in(&outcome);
    let report = cluster.report(&application).await.unwrap();
    for (key, expected) in [
        ("name", json!("night shift")),
        ("queue", json!("root.default")),
        ("applicationType", json!("Night")),
        ("applicationTags", json!("a,b")),
        ("runningContainers", json!(1)),
        // Rounded up to YARN's unit.
        ("allocatedMB", json!(1152)),
    ] {
        assert_eq!(report[key], expected, "{key}: {report}");
    }
    let settings = cluster.proxied(&application, "/jobmanager/config").await.unwrap();
    let setting = |key: &str| {
        let all = settings.as_array().unwrap().iter();
        let mut found = all.filter(|entry| entry["key"] == key);
        found.next().map(|entry| entry["value"].as_str().unwrap().to_owned())
    };
    for (key, expected) in [
        ("taskmanager.memory.process.size", "1200m"),
        ("high-availability.cluster-id", "ours"),
        ("execution.target", "yarn-session"),
        ("yarn.application.priority", "3"),
    ] {
        assert_eq!(setting(key).as_deref(), Some(expected), "{key}");
    }
    // Two tasks of a job in the slots of one worker.
    let job = submit(&cluster, &folder, &application, &endless_job()).await;
    until_is(&cluster, &application, &job, "RUNNING").await;
    let workers = cluster.proxied(&application, "/taskmanagers").await.unwrap();
    assert_eq!(workers["taskmanagers"][0]["slotsNumber"], 2, "{workers}");
    stop(&cluster, &folder, &application).await;
}

#[tokio::test]
async fn the_help_shows_flinks_short_flags() {
    let outcome = Selvedge::new("yarn-session").arg("--help").run().await.ended_with(0);
    for flag in ["-jm", "-tm", "-qu", "-nm", "-nl", "-id", "-at"] {
        outcome.assert_says(&[&format!("[{flag}] ")]);
    }
    let outcome = Selvedge::new("run").arg("--help").run().await.ended_with(0);
    outcome.assert_says(&["[-sae] "]);
}

#[tokio::test]
async fn a_query_shows_nodes_and_queues_and_starts_nothing() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let before = cluster.traces().await;
    let outcome = command(&cluster, &folder, "yarn-session")
        .arg("-q")
        .run()
        .await
        .ended_with(0);
    let nodes = cluster.bed.node_managers().len();
    outcome.assert_says(&[&format!("{nodes} NodeManagers run"), "root.default"]);
    let outcome = command(&cluster, &folder, "yarn-session")
        .args(["-q", "-o", "json"])
        .run()
        .await;
    let shown: serde_json::Value = serde_json::from_str(&outcome.ended_with(0).stdout).unwrap();
    assert_eq!(shown["nodes"].as_array().unwrap().len(), nodes, "{shown}");
    assert!(shown["nodes"][0]["memory-mb"].as_u64().unwrap() > 0, "{shown}");
    assert_eq!(cluster.traces().await, before);
}
