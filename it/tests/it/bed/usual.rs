//! The usual bed, shared by all tests.

use selvedge_it::bed::{Bed, BedError, Hdfs};

use super::shell::ShellApplication;

#[tokio::test]
async fn the_user_writes_and_reads_hdfs() {
    let bed = Bed::shared().await.unwrap();
    let hdfs = bed.hdfs().unwrap();
    let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    // Another process may be running the same test on the same bed.
    let folder = format!("/user/alice/bed-test-{}", std::process::id());
    let path = format!("{folder}/a b.bin");
    hdfs.put(&path, content.clone()).await.unwrap();
    assert_eq!(hdfs.get(&path).await.unwrap(), content);
    let listed = hdfs.list(&folder).await.unwrap();
    assert_eq!(listed.len(), 1);
    let file = &listed[0];
    assert_eq!(
        (file.path_suffix.as_str(), file.length, file.owner.as_str()),
        ("a b.bin", 3_000_000, "alice")
    );
    hdfs.delete(&folder).await.unwrap();
    assert_eq!(hdfs.status(&folder).await.unwrap(), None);
}

#[tokio::test]
async fn the_users_home_is_the_users_alone() {
    let bed = Bed::shared().await.unwrap();
    assert_ne!(bed.user(), bed.daemon_user());
    let home = bed.hdfs().unwrap().status("/user/alice").await.unwrap().unwrap();
    assert_eq!((home.owner.as_str(), home.permission.as_str()), ("alice", "700"));
    assert_denied(&bed.hdfs_as("bob").unwrap(), "/user/alice/of-bob").await;
    assert_denied(&bed.hdfs().unwrap(), "/of-alice").await;
    let tmp = bed.hdfs().unwrap().status("/tmp").await.unwrap().unwrap();
    assert_eq!(tmp.permission, "1777");
}

async fn assert_denied(hdfs: &Hdfs, path: &str) {
    match hdfs.put(path, "x").await.unwrap_err() {
        BedError::Status { status, body, .. } => {
            assert!(
                status == 403 && body.contains("AccessControlException"),
                "{status} {body}"
            );
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn both_node_managers_are_active_and_check_memory() {
    let bed = Bed::shared().await.unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let get = async |url: String| http.get(url).send().await.unwrap().text().await.unwrap();
    let nodes: serde_json::Value =
        serde_json::from_str(&get(format!("{}/ws/v1/cluster/nodes", bed.rm_web())).await).unwrap();
    let mut seen: Vec<_> = nodes["nodes"]["node"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| (&node["id"], &node["state"]))
        .collect();
    seen.sort_by_key(|(id, _)| id.to_string());
    let expected: Vec<_> = bed
        .node_managers()
        .iter()
        .map(|node| (node.node_id.clone(), "RUNNING"))
        .collect();
    assert_eq!(seen.len(), 2);
    for ((id, state), (expected_id, expected_state)) in seen.into_iter().zip(&expected) {
        assert_eq!((id, state), (&expected_id.as_str().into(), &(*expected_state).into()));
    }
    for (node, host) in bed.node_managers().iter().zip(["127.0.0.2", "127.0.0.3"]) {
        assert_eq!(node.host.to_string(), host);
        let configuration = get(format!("{}/conf", node.web)).await;
        for (key, value) in [
            ("yarn.nodemanager.pmem-check-enabled", "true"),
            ("yarn.nodemanager.vmem-check-enabled", "true"),
            ("yarn.nodemanager.vmem-pmem-ratio", "2.1"),
            ("yarn.resourcemanager.nodemanagers.heartbeat-interval-ms", "1000"),
        ] {
            let property = format!("<name>{key}</name><value>{value}</value>");
            assert!(configuration.contains(&property), "{key} is not {value} at {host}");
        }
    }
}

#[tokio::test]
async fn a_shell_application_runs_on_a_node_and_ends() {
    let bed = Bed::shared().await.unwrap();
    let script = "echo host=$NM_HOST conf=$HADOOP_CONF_DIR user=$USER; exit 3";
    let application = ShellApplication::submit(bed, script).await;
    let report = application.ended().await;
    assert_eq!(
        (&report["state"], &report["user"]),
        (&"FAILED".into(), &"alice".into()),
        "{report}"
    );
    assert!(
        report["diagnostics"].as_str().unwrap().contains("exitCode: 3"),
        "{report}"
    );
    let logs = bed.container_logs(&application.id).unwrap();
    let index = logs.iter().find(|log| log.file == "stdout").unwrap().node_manager;
    let host = bed.node_managers()[index].host;
    let conf = bed.scratch().join("conf").join(format!("nodemanager-{index}"));
    assert_eq!(
        application.stdout(bed),
        format!("host={host} conf={} user=alice\n", conf.display())
    );
    assert_eq!(bed.container_processes(&application.id).unwrap(), []);
}

#[tokio::test]
async fn a_container_beyond_its_memory_is_killed() {
    let bed = Bed::shared().await.unwrap();
    // The shell holds three times what its container may.
    let script = "x=$(head -c 400000000 /dev/zero | tr '\\0' a); sleep 600; echo ${#x}";
    let application = ShellApplication::submit(bed, script).await;
    let report = application.ended().await;
    // -103 if the look at the virtual memory, which comes first, has found it; -104 for the physical.
    let diagnostics = report["diagnostics"].as_str().unwrap();
    assert!(
        diagnostics.contains("exitCode: -103") || diagnostics.contains("exitCode: -104"),
        "{report}"
    );
    assert!(
        diagnostics.contains("is running ") && diagnostics.contains("beyond the"),
        "{report}"
    );
}

#[tokio::test]
async fn a_container_that_only_reserves_too_much_address_space_is_killed() {
    let bed = Bed::shared().await.unwrap();
    // A JVM reserves its whole heap's addresses and touches few of them. This one runs until it is killed.
    let script = "exec $JAVA_HOME/bin/rmiregistry -J-Xms16m -J-Xmx2g -J-XX:+UseSerialGC 0";
    let application = ShellApplication::submit(bed, script).await;
    let report = application.ended().await;
    assert!(
        report["diagnostics"].as_str().unwrap().contains("exitCode: -103"),
        "{report}"
    );
}

#[tokio::test]
async fn two_tests_do_not_have_the_turn_at_once() {
    let bed = Bed::shared().await.unwrap();
    let first = bed.turn().await.unwrap();
    let mut second = std::pin::pin!(bed.turn());
    // Polled once, it has begun to wait; it cannot end before the first is dropped.
    assert!(futures_poll_once(second.as_mut()).await.is_none());
    drop(first);
    second.await.unwrap();
}

async fn futures_poll_once<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut future).poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}
