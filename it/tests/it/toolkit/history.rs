//! What is left of containers that have ended: a real history server, and the logs that were gathered into HDFS.

use std::time::Duration;

use futures::TryStreamExt;
use selvedge_it::bed::{Bed, BedOptions};
use selvedge_it::wait;
use yarn_common::exit_status::ContainerExitStatus;
use yarn_common::id::{ApplicationId, ContainerId};
use yarn_rest::history::HistoryClient;
use yarn_rest::logs::{ContainerLogs, Follow, LogRange};
use yarn_rest::nm::NmClient;
use yarn_rest::rm::RmClient;

use super::BOUND;
use super::rest::{configuration, resource_manager, running, submit, transport};
use super::variant::Variant;

/// 5,000 bytes, and what looks like the end of a log to those who do not count.
const LINES: &str = "for i in $(seq 1000 1999); do echo $i; done";
const LAST: &str = "End of LogType:stdout";

/// With what stands beside HDFS and YARN.
pub(super) async fn bed() -> Variant {
    let options = BedOptions::default().with_one_quick_node();
    Variant::of(options.with_history_server().with_httpfs()).await
}

/// As a user's configuration names it.
fn history_server(bed: &Bed) -> HistoryClient {
    HistoryClient::from_configuration(&configuration(bed), &transport(bed.user()))
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn a_container_that_has_ended_is_told_of_with_its_logs() {
    let bed = bed().await;
    let rm = resource_manager(&bed, bed.user());
    let id = submit(&rm, &format!("{LINES}; printf '{LAST}'; exit 3")).await;
    ended(&rm, id).await;
    let container = rm.attempts(id).await.unwrap()[0].container_id.unwrap();
    let history = history_server(&bed);
    let unknown = rm.container(container).await.unwrap_err();
    assert!(unknown.is_not_found(), "{unknown}");
    let look = async || {
        let report = rm.container_or_history(container, &history).await;
        let report = report.map_err(|error| error.to_string())?;
        match report.container_state.as_deref() {
            Some("COMPLETE") => Ok(report),
            _ => Err(format!("{report:?}")),
        }
    };
    let report = wait::until("the history of a container", BOUND, look).await.unwrap();
    assert_eq!(report.exit_status(), Some(ContainerExitStatus(3)), "{report:?}");
    assert_eq!((report.allocated_mb, report.allocated_vcores), (Some(128), Some(1)));
    let node = report.assigned_node_id.as_ref().map(ToString::to_string);
    assert_eq!(node.as_deref(), Some(bed.node_managers()[0].node_id.as_str()));
    assert!(report.finished_time >= report.started_time, "{report:?}");
    let all = history.containers(id.attempt(1)).await.unwrap();
    assert_eq!(all, [report]);

    gathered(&history, container).await;
    let node = rm.node_manager(&bed.node_managers()[0].web).unwrap();
    forgotten(&node, container).await;
    let both = ContainerLogs::new(node.clone(), Some(history.clone()));
    let length = 5_000 + LAST.len() as u64;
    for (range, text) in [
        (LogRange::First(10), "1000\n1001\n"),
        (LogRange::Last(6), "stdout"),
        (LogRange::Slice { offset: 5, length: 5 }, "1001\n"),
        (LogRange::From(5_000), LAST),
    ] {
        let from_history = history.log(container, "stdout", range).await.unwrap();
        assert_eq!(from_history.text, text, "{range:?}");
        assert_eq!(both.read(container, "stdout", range).await.unwrap(), from_history);
        // The NodeManager sends on to the history server.
        assert_eq!(node.log(container, "stdout", range).await.unwrap(), from_history);
    }
    let whole = history.log(container, "stdout", LogRange::All).await.unwrap();
    assert_eq!(whole.text.len() as u64, length);
    assert!(whole.text.ends_with(LAST));
    let missing = history.log(container, "nothing", LogRange::All).await.unwrap_err();
    assert!(missing.is_not_found(), "{missing}");
    let never = id.attempt(1).container(99);
    let missing = rm.container_or_history(never, &history).await.unwrap_err();
    assert!(missing.is_not_found(), "{missing}");
}

#[tokio::test]
async fn a_log_is_followed_from_its_node_into_the_history() {
    let bed = bed().await;
    let rm = resource_manager(&bed, bed.user());
    let gate = bed.scratch().join("gate-of-history");
    let gate_opens = format!("until [ -e {} ]; do sleep 0.1; done", gate.display());
    let id = submit(&rm, &format!("{LINES}; {gate_opens}; echo last; printf '{LAST}'")).await;
    let (container, node) = running(&rm, id).await;
    let node = rm.node_manager(&node).unwrap();
    let logs = ContainerLogs::new(node.clone(), Some(history_server(&bed)));
    let follow = Follow {
        offset: 4_990,
        poll: Duration::from_millis(50),
    };
    let mut followed = Box::pin(logs.follow(container, "stdout", follow));
    let mut text = Vec::new();
    while text.len() < 10 {
        text.extend_from_slice(&followed.try_next().await.unwrap().unwrap());
    }
    // Nobody reads while the log leaves the node.
    std::fs::write(&gate, "").unwrap();
    ended(&rm, id).await;
    gathered(&history_server(&bed), container).await;
    forgotten(&node, container).await;
    let rest: Vec<_> = tokio::time::timeout(BOUND, followed.try_collect())
        .await
        .unwrap()
        .unwrap();
    text.extend_from_slice(&rest.concat());
    assert_eq!(String::from_utf8(text).unwrap(), format!("1998\n1999\nlast\n{LAST}"));
}

async fn ended(rm: &RmClient, id: ApplicationId) {
    let look = async || match rm.application_state(id).await {
        Ok(state) if state.is_final() => Ok(()),
        other => Err(format!("{other:?}")),
    };
    wait::until(&format!("{id} to end"), BOUND, look).await.unwrap();
}

/// The NodeManager gathers the logs once the application has ended.
async fn gathered(history: &HistoryClient, container: ContainerId) {
    let look = async || {
        let files = history.log_files(container).await.map_err(|error| error.to_string())?;
        let names: Vec<_> = files.iter().map(|file| file.file_name.as_str()).collect();
        if names.contains(&"stdout") {
            Ok(())
        } else {
            Err(format!("{names:?}"))
        }
    };
    wait::until("the logs to be gathered", BOUND, look).await.unwrap();
}

async fn forgotten(node: &NmClient, container: ContainerId) {
    let look = async || match node.container(container).await {
        Err(error) if error.is_not_found() => Ok(()),
        other => Err(format!("{other:?}")),
    };
    wait::until("the node to forget the container", BOUND, look)
        .await
        .unwrap();
}
