//! Settings of the application on a cluster that has labels, priorities, lists of users and several queues.

use std::ffi::OsStr;

use procfs::process::all_processes;
use reqwest::{Method, StatusCode};
use selvedge_it::bed::{Bed, BedOptions, ZooKeeper};
use selvedge_it::cli::BOUND;
use selvedge_it::wait;
use serde_json::{Value, json};

use super::super::firewall::Firewall;
use super::super::support::Cluster;
use super::workers::parallel;
use super::{command, endless_job, id_in, stop, submit, until_is};
use crate::folder::Folder;
use crate::toolkit::rest::resource_manager;

/// Of one node, for the queue `other` alone.
const LABEL: &str = "gold";

/// The queue `default` is carl's and may use nodes of another label, `other` is everybody's; only the daemons' own user
/// may do everything.
async fn cluster() -> Cluster {
    let usual = BedOptions {
        node_vcores: 16,
        ..BedOptions::default()
    };
    let mut options = usual.with_two_queues().with_queue_of_label(LABEL);
    for (key, value) in [
        ("yarn.cluster.max-application-priority", "10"),
        ("yarn.acl.enable", "true"),
        // The user of the daemons, as Java names it.
        ("yarn.admin.acl", "${user.name}"),
    ] {
        options.yarn_site.insert(key.to_owned(), value.to_owned());
    }
    let label = format!("accessible-node-labels.{LABEL}");
    for (key, value) in [
        ("root.acl_submit_applications", " "),
        ("root.acl_administer_queue", " "),
        ("root.default.acl_submit_applications", "carl"),
        ("root.default.accessible-node-labels", "silver"),
        (&format!("root.default.{label}.capacity"), "0"),
        (&format!("root.other.{label}.capacity"), "100"),
        (&format!("root.other.{label}.maximum-am-resource-percent"), "1.0"),
    ] {
        let key = format!("yarn.scheduler.capacity.{key}");
        options.capacity_scheduler.insert(key, value.to_owned());
    }
    let bed = Bed::start(options).await.unwrap();
    let admin = resource_manager(&bed, bed.daemon_user());
    let node = bed.node_managers()[1].node_id.parse().unwrap();
    admin.add_node_labels(&[(LABEL, true)]).await.unwrap();
    admin.replace_labels_of_node(&node, &[LABEL]).await.unwrap();
    Cluster::of(bed).await
}

/// The report as this user gets it.
async fn report(cluster: &Cluster, application: &str, user: &str) -> Value {
    cluster
        .report(&format!("{application}?user.name={user}"))
        .await
        .unwrap()
}

async fn kill_as(cluster: &Cluster, application: &str, user: &str) -> StatusCode {
    let url = format!("{}/ws/v1/cluster/apps/{application}/state", cluster.bed.rm_web());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.request(Method::PUT, url).query(&[("user.name", user)]);
    request.json(&json!({"state": "KILLED"})).send().await.unwrap().status()
}

/// Waits until YARN counts so many containers on each node. The second has the label.
async fn until_on_nodes(cluster: &Cluster, expected: [u64; 2]) {
    let look = || async {
        let told = cluster.get("/ws/v1/cluster/nodes").await?;
        let all = told["nodes"]["node"].as_array().cloned().unwrap_or_default();
        let nodes = cluster.bed.node_managers().iter();
        let counts = nodes.map(|node| {
            let of_yarn = all.iter().find(|one| one["id"] == node.node_id);
            of_yarn.and_then(|one| one["numContainers"].as_u64())
        });
        let counts: Vec<_> = counts.collect();
        if counts == expected.map(Some) {
            Ok(())
        } else {
            Err(format!("{counts:?}"))
        }
    };
    let what = format!("{expected:?} containers on the nodes");
    wait::until(&what, BOUND, look).await.unwrap();
}

/// The variable as the command in this container sees it.
fn variable(container: &str, name: &str) -> Option<String> {
    let of_container = |process: procfs::process::Process| {
        let variables = process.environ().ok()?;
        let is_there = variables.get(OsStr::new("CONTAINER_ID"))? == container;
        let value = variables.get(OsStr::new(name)).filter(|_| is_there)?;
        Some(value.to_string_lossy().into_owned())
    };
    all_processes().unwrap().flatten().find_map(of_container)
}

#[tokio::test]
async fn what_is_set_for_the_application_shows_in_what_is_submitted_reported_and_allowed() {
    let zookeeper = ZooKeeper::start().await.unwrap();
    let cluster = cluster().await;
    let folder = Folder::new();
    let (recorder, address) = Firewall::start(&cluster, None, None).await;
    let session = command(&cluster, &folder, "yarn-session")
        .args([
            "-d", "-jm", "1100", "-tm", "1200", "-s", "2", "-qu", "other", "-nl", LABEL,
        ])
        .arg(format!("-Dflink.yarn.resourcemanager.webapp.address={address}"))
        .args([
            "-Dyarn.application.priority=3",
            "-Dyarn.tags=a, b",
            "-Dyarn.application-attempts=2",
            "-Dyarn.application-attempt-failures-validity-interval=60000",
            "-Dhigh-availability.type=zookeeper",
        ])
        .arg(format!("-Dhigh-availability.zookeeper.quorum={}", zookeeper.quorum()))
        .args(["-Dyarn.appmaster.vcores=2", "-Dyarn.containers.vcores=3"])
        .args(["-Dyarn.view.acls=bob", "-Dyarn.modify.acls=carl"])
        .args(["-Dyarn.rolled-logs.include-pattern=jobmanager.*"])
        .args([
            "-Dcontainerized.master.env.GREETING=hello, you",
            "-Dcontainerized.taskmanager.env.GREETING=bye",
        ]);
    let application = id_in(&session.run().await.ended_with(0));

    let told = report(&cluster, &application, "alice").await;
    for (key, expected) in [
        ("queue", json!("root.other")),
        ("priority", json!(3)),
        ("applicationTags", json!("a,b")),
        ("appNodeLabelExpression", json!(LABEL)),
        ("allocatedMB", json!(1152)),
        ("allocatedVCores", json!(2)),
        ("runningContainers", json!(1)),
    ] {
        assert_eq!(told[key], expected, "{key}: {told}");
    }
    let labelled = cluster.bed.node_managers()[1].host.to_string();
    let of_master = told["amHostHttpAddress"].as_str().unwrap();
    assert!(of_master.starts_with(labelled.as_str()), "{told}");
    let submitted = recorder.submitted();
    assert_eq!(submitted.len(), 1, "{submitted:?}");
    for (key, expected) in [
        ("max-app-attempts", json!(2)),
        ("attempt-failures-validity-interval", json!(60_000)),
        ("keep-containers-across-application-attempts", json!(true)),
    ] {
        assert_eq!(submitted[0][key], expected, "{key}: {submitted:?}");
    }
    let rolled = json!({"rolled-log-include-pattern": "jobmanager.*", "rolled-log-exclude-pattern": ""});
    assert_eq!(submitted[0]["log-aggregation-context"], rolled);

    let job = submit(&cluster, &folder, &application, &endless_job()).await;
    until_is(&cluster, &application, &job, "RUNNING").await;
    let worker = cluster.workers(&application, 1).await.remove(0);
    assert_eq!(worker.node_manager, 1, "the label is the workers' too");
    let told = report(&cluster, &application, "alice").await;
    // 1200 MiB are rounded up to YARN's unit of 64.
    assert_eq!(
        (&told["allocatedMB"], &told["allocatedVCores"]),
        (&json!(1152 + 1216), &json!(5)),
        "{told}"
    );
    let master = worker.container.replace("_000002", "_000001");
    assert_eq!(variable(&master, "GREETING").as_deref(), Some("hello, you"));
    assert_eq!(variable(&worker.container, "GREETING").as_deref(), Some("bye"));

    // More than there are nodes without the label: those are not asked.
    let more = submit(&cluster, &folder, &application, &parallel(5)).await;
    until_is(&cluster, &application, &more, "RUNNING").await;
    until_on_nodes(&cluster, [0, 4]).await;

    let is_shown = async |user: &str| report(&cluster, &application, user).await["amHostHttpAddress"].is_string();
    assert!(is_shown("bob").await && !is_shown("eve").await);
    assert_eq!(kill_as(&cluster, &application, "bob").await, StatusCode::FORBIDDEN);
    assert!(kill_as(&cluster, &application, "carl").await.is_success());
    let ended = cluster.ended(&application).await;
    assert_eq!(ended["state"], "KILLED", "{ended}");

    // Neither the label nor the queue is alice's there: nothing is left where YARN takes no application.
    let before = cluster.traces().await;
    let refused = command(&cluster, &folder, "yarn-session").args(["-d", "-qu", "default", "-nl", LABEL]);
    let refused = refused.run().await.ended_with(5);
    refused
        .assert_says(&[
            "the queue 'root.default' (yarn.application.queue) may not use nodes with the label 'gold' \
             (yarn.application.node-label); it may use silver",
            "yarn.scheduler.capacity.root.default.accessible-node-labels",
        ])
        .assert_no_stack();
    let refused = command(&cluster, &folder, "yarn-session").args(["-d", "-qu", "default"]);
    let refused = refused.run().await.ended_with(5);
    refused
        .assert_says(&[
            "the queue 'default'",
            "yarn.application.queue",
            "ask its administrator",
            "does not have permission",
        ])
        .assert_no_stack();
    assert_eq!(cluster.traces().await, before);
    workers_alone_have_a_label(&cluster, &folder).await;
}

async fn workers_alone_have_a_label(cluster: &Cluster, folder: &Folder) {
    let session = command(cluster, folder, "yarn-session")
        .args(["-d", "-jm", "1100", "-tm", "1200", "-qu", "other"])
        .arg(format!("-Dyarn.taskmanager.node-label={LABEL}"));
    let application = id_in(&session.run().await.ended_with(0));
    let job = submit(cluster, folder, &application, &parallel(3)).await;
    until_is(cluster, &application, &job, "RUNNING").await;
    until_on_nodes(cluster, [1, 3]).await;
    stop(cluster, folder, &application).await;
}

#[tokio::test]
async fn the_logs_of_a_session_are_gathered_where_the_cluster_gathers_logs() {
    let options = BedOptions {
        node_managers: 1,
        ..BedOptions::default()
    };
    let cluster = Cluster::of(Bed::start(options.with_history_server()).await.unwrap()).await;
    let folder = Folder::new();
    let application = super::detached(&cluster, &folder, &[]).await;
    stop(&cluster, &folder, &application).await;
    // Not the folder of the container, but what was gathered into HDFS.
    let daemons = cluster.bed.hdfs_as(cluster.bed.daemon_user()).unwrap();
    let gathered = || async {
        let files = super::super::support::files_in(&daemons, "/").await;
        let found = files
            .iter()
            .any(|file| file.contains(&application) && file.contains("logs"));
        if found { Ok(()) } else { Err(format!("{files:?}")) }
    };
    wait::until("the logs to be gathered", BOUND, gathered).await.unwrap();
}
