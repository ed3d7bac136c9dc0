//! The master's REST endpoint: directly and through YARN's proxy, which passes GET and PUT only.

use std::collections::BTreeSet;
use std::net::IpAddr;

use procfs::net::TcpState;
use procfs::process::{FDTarget, Process, all_processes};
use reqwest::{Method, StatusCode};
use selvedge_it::cli::BOUND;
use serde_json::{Value, json};

use super::support::{Cluster, Endless};
use crate::folder::Folder;

/// Where the proxy goes itself: the master says so in its log.
async fn address(cluster: &Cluster, application: &str) -> String {
    let path = format!("/proxy/{application}/jobmanager/log");
    let log = cluster.get_text(&path).await.unwrap();
    let (_, rest) = log.split_once("REST at ").unwrap_or_else(|| panic!("{log}"));
    let (address, _) = rest.split_once(',').unwrap();
    format!("http://{address}")
}

#[tokio::test]
async fn what_rest_shows_goes_through_the_proxy_and_yarn_cancel_cancels_through_it() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let Endless {
        running,
        application,
        job,
    } = Endless::start(&cluster, &folder, &[]).await;
    let get = async |path: &str| cluster.proxied(&application, path).await.unwrap();
    let overview = get("/overview").await;
    assert_eq!(
        (
            &overview["jobs-running"],
            &overview["taskmanagers"],
            &overview["slots-total"]
        ),
        (&json!(1), &json!(1), &json!(1)),
        "{overview}"
    );
    assert!(get("/config").await["refresh-interval"].is_number());
    assert_eq!(get("/jobs").await, json!({"jobs": [{"id": job, "status": "RUNNING"}]}));
    let shown = get(&format!("/jobs/{job}")).await;
    assert_eq!(
        (&shown["jid"], &shown["state"], &shown["job-type"]),
        (&json!(job), &json!("RUNNING"), &json!("STREAMING")),
        "{shown}"
    );
    assert_eq!(shown["vertices"].as_array().unwrap().len(), 2, "{shown}");
    assert!(shown["timestamps"]["RUNNING"].as_u64().unwrap() > 0, "{shown}");
    let result = get(&format!("/jobs/{job}/execution-result")).await;
    assert_eq!(result["status"]["id"], "IN_PROGRESS", "{result}");
    let exceptions = get(&format!("/jobs/{job}/exceptions")).await;
    assert_eq!(exceptions["exceptionHistory"]["entries"], json!([]), "{exceptions}");
    let unknown = cluster
        .proxied(&application, "/jobs/00000000000000000000000000000000")
        .await
        .unwrap_err();
    assert!(unknown.contains("404") && unknown.contains("errors"), "{unknown}");

    get(&format!("/jobs/{job}/yarn-cancel")).await;
    let outcome = running.ended_within(BOUND).await.ended_with(7);
    outcome.assert_says(&["CANCELED"]).assert_no_stack();
    let report = cluster.ended(&application).await;
    assert_eq!(report["finalStatus"], "KILLED", "{report}");
    cluster.assert_nothing_left(&application).await;
}

#[tokio::test]
async fn patch_cancels_the_job() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let endless = Endless::start(&cluster, &folder, &[]).await;
    let address = address(&cluster, &endless.application).await;
    let answer = cluster
        .send(
            Method::PATCH,
            &format!("{address}/jobs/{}?mode=cancel", endless.job),
            &json!({}),
        )
        .await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    endless
        .running
        .ended_within(BOUND)
        .await
        .ended_with(7)
        .assert_says(&["CANCELED"]);
    cluster.ended(&endless.application).await;
    cluster.assert_nothing_left(&endless.application).await;
}

#[tokio::test]
async fn delete_ends_the_cluster() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let endless = Endless::start(&cluster, &folder, &[]).await;
    let address = address(&cluster, &endless.application).await;
    let answer = cluster
        .send(Method::DELETE, &format!("{address}/cluster"), &json!({}))
        .await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.json::<Value>().await.unwrap(), json!({}));
    endless
        .running
        .ended_within(BOUND)
        .await
        .ended_with(7)
        .assert_no_stack();
    cluster.ended(&endless.application).await;
    cluster.assert_nothing_left(&endless.application).await;
}

/// The addresses at which a container's processes listen.
fn listening(leader: i32) -> BTreeSet<IpAddr> {
    let in_session = |process: &Process| process.stat().is_ok_and(|stat| stat.session == leader);
    let processes = all_processes().unwrap().flatten().filter(in_session);
    let targets = processes.flat_map(|process| process.fd().unwrap().flatten().map(|fd| fd.target));
    let sockets: BTreeSet<u64> = targets
        .filter_map(|target| match target {
            FDTarget::Socket(inode) => Some(inode),
            _ => None,
        })
        .collect();
    let all = procfs::net::tcp()
        .unwrap()
        .into_iter()
        .chain(procfs::net::tcp6().unwrap_or_default());
    all.filter(|entry| entry.state == TcpState::Listen && sockets.contains(&entry.inode))
        .map(|entry| entry.local_address.ip())
        .collect()
}

#[tokio::test]
async fn master_and_workers_listen_at_their_nodes_own_address_and_nowhere_else() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let endless = Endless::start(&cluster, &folder, &[]).await;
    let containers = cluster.bed.container_processes(&endless.application).unwrap();
    assert_eq!(containers.len(), 2, "{containers:?}");
    for container in containers {
        let host = cluster.bed.node_managers()[container.node_manager].host;
        assert_eq!(
            listening(container.pid),
            BTreeSet::from([IpAddr::V4(host)]),
            "{container:?}"
        );
    }
    endless.end(&cluster).await;
}
