//! Workers that YARN takes away for another queue.

use reqwest::Method;
use selvedge_it::cli::BOUND;
use selvedge_it::wait;
use serde_json::{Value, json};

use super::super::session::stop;
use super::super::support::{Cluster, kill_application};
use super::{cluster, session, until_exactly};
use crate::folder::Folder;

const WORKER_MB: u64 = 2048;
/// With the master they take nearly all of the cluster, of which half is theirs.
const WORKERS: usize = 11;

/// An application of the other queue that wants as much as one worker has.
async fn other(cluster: &Cluster) -> String {
    let apps = format!("{}/ws/v1/cluster/apps", cluster.bed.rm_web());
    let new = cluster
        .send(Method::POST, &format!("{apps}/new-application"), &json!({}))
        .await;
    let new: Value = new.json().await.unwrap();
    let id = new["application-id"].as_str().unwrap().to_owned();
    let submission = json!({
        "application-id": id, "application-name": "other", "application-type": "OTHER", "queue": "other",
        "max-app-attempts": 1, "resource": {"memory": WORKER_MB, "vCores": 1},
        "am-container-spec": {"commands": {"command": "exec sleep 600"}},
    });
    let submitted = cluster.send(Method::POST, &apps, &submission).await;
    assert_eq!(submitted.status(), 202);
    id
}

#[tokio::test]
async fn a_job_whose_worker_is_preempted_says_so_and_runs_again_when_there_is_room() {
    let cluster = cluster().await;
    let folder = Folder::new();
    let master = session(&cluster, &folder, &format!("{WORKER_MB}m"), &[]).await;
    let application = master.application.clone();
    let job = master.submit(WORKERS as u32).await;
    master.until_runs(job).await;
    until_exactly(&cluster, &application, WORKERS).await;
    let other = other(&cluster).await;
    let look = || async {
        let processes = cluster.bed.container_processes(&other);
        let processes = processes.map_err(|error| error.to_string())?;
        if processes.len() == 1 {
            Ok(())
        } else {
            Err("it waits".to_owned())
        }
    };
    wait::until("the other queue's application", BOUND, look).await.unwrap();
    until_exactly(&cluster, &application, WORKERS - 1).await;
    let told = master.exceptions(job).await;
    assert!(told.contains("-102") && told.contains("took its resources"), "{told}");
    kill_application(&cluster, &other).await;
    cluster.ended(&other).await;
    master.until_restarted(job, 0).await;
    until_exactly(&cluster, &application, WORKERS).await;
    stop(&cluster, &folder, &application).await;
}
