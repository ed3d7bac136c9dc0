//! One application in all that REST tells of it, and its logs.

use futures::TryStreamExt;
use selvedge_it::bed::Bed;
use selvedge_it::wait;
use yarn_common::id::ContainerId;
use yarn_rest::error::RestErrorKind;
use yarn_rest::logs::{ContainerLogs, Follow, LogRange};
use yarn_rest::model::{ActivitiesFilter, ApplicationState, ContainerSignal, FinalApplicationStatus};
use yarn_rest::nm::NmClient;
use yarn_rest::rm::{ApplicationFilter, RmClient};

use super::rest::{BOUND, killed, resource_manager, running, submit};

/// Until it is killed or a signal ends it; it says when it is ready for one.
const ENDLESS: &str = "echo ready; while :; do sleep 0.1; done";

#[tokio::test]
async fn an_application_is_told_of_in_every_list_that_it_is_in() {
    let bed = Bed::shared().await.unwrap();
    let rm = resource_manager(bed, bed.user());
    let id = submit(&rm, ENDLESS).await;
    let (container, _) = running(&rm, id).await;
    let tag = format!("tag-{}", id.sequence());
    let report = rm.application(id).await.unwrap();
    assert_eq!(report.application_tags, std::slice::from_ref(&tag));
    let started = std::time::Duration::from_millis(report.started_time.unwrap());
    let filter = ApplicationFilter {
        application_tags: vec![tag],
        ..ApplicationFilter::default()
    };
    for (is_in, filter) in [
        (true, filter.clone()),
        (
            true,
            ApplicationFilter {
                user: Some(bed.user().to_owned()),
                ..filter.clone()
            },
        ),
        (
            false,
            ApplicationFilter {
                user: Some("nobody".to_owned()),
                ..filter.clone()
            },
        ),
        (
            true,
            ApplicationFilter {
                queue: Some("default".to_owned()),
                ..filter.clone()
            },
        ),
        (
            true,
            ApplicationFilter {
                name: Some("toolkit".to_owned()),
                ..filter.clone()
            },
        ),
        (
            false,
            ApplicationFilter {
                name: Some("other".to_owned()),
                ..filter.clone()
            },
        ),
        (
            true,
            ApplicationFilter {
                states: vec![ApplicationState::Accepted],
                ..filter.clone()
            },
        ),
        (
            false,
            ApplicationFilter {
                states: vec![ApplicationState::Finished],
                ..filter.clone()
            },
        ),
        (
            true,
            ApplicationFilter {
                final_status: Some(FinalApplicationStatus::Undefined),
                ..filter.clone()
            },
        ),
        (
            false,
            ApplicationFilter {
                final_status: Some(FinalApplicationStatus::Failed),
                ..filter.clone()
            },
        ),
        (
            true,
            ApplicationFilter {
                application_types: vec!["SHELL".to_owned()],
                ..filter.clone()
            },
        ),
        (
            false,
            ApplicationFilter {
                application_types: vec!["SPARK".to_owned()],
                ..filter.clone()
            },
        ),
        (
            true,
            ApplicationFilter {
                started_from: Some(started),
                started_until: Some(started),
                ..filter.clone()
            },
        ),
        (
            false,
            ApplicationFilter {
                started_from: Some(started + BOUND * 1000),
                ..filter.clone()
            },
        ),
        (
            false,
            ApplicationFilter {
                finished_from: Some(started),
                ..filter.clone()
            },
        ),
        (
            true,
            ApplicationFilter {
                limit: Some(1),
                resource_requests: true,
                ..filter.clone()
            },
        ),
    ] {
        let found = rm.applications(&filter).await.unwrap();
        assert_eq!(found.iter().any(|one| one.id == id), is_in, "{filter:?}");
    }
    assert_eq!(rm.application_with_requests(id).await.unwrap().id, id);
    assert_eq!(rm.application_state(id).await.unwrap(), ApplicationState::Accepted);
    let counts = rm
        .statistics(&[ApplicationState::Accepted], Some("SHELL"))
        .await
        .unwrap();
    assert!(counts[0].count.unwrap() >= 1, "{counts:?}");

    let attempt = id.attempt(1);
    assert_eq!(rm.attempts(id).await.unwrap()[0].app_attempt_id, Some(attempt));
    assert_eq!(rm.attempt(attempt).await.unwrap().am_container_id, Some(container));
    assert_eq!(rm.container(container).await.unwrap().allocated_mb, Some(128));
    let missing = rm.container(attempt.container(99)).await.unwrap_err();
    assert!(missing.is_not_found(), "{missing}");
    killed(&rm, id).await;
    let report = rm.application(id).await.unwrap();
    assert!(report.diagnostics.unwrap().contains("no longer needed"));
}

#[tokio::test]
async fn an_application_is_given_a_lifetime_and_a_signal_and_its_activities_are_told() {
    let bed = Bed::shared().await.unwrap();
    let rm = resource_manager(bed, bed.user());
    let id = submit(&rm, ENDLESS).await;
    let (container, node) = running(&rm, id).await;

    assert_eq!(rm.lifetime(id).await.unwrap().remaining_time_in_seconds, None);
    let set = rm.set_lifetime(id, "2199-01-01T00:00:00.000+0000").await.unwrap();
    assert!(set.remaining_time_in_seconds.unwrap() > 1000, "{set:?}");
    let timeouts = rm.timeouts(id).await.unwrap();
    assert_eq!(timeouts[0].expiry_time.as_deref(), Some("2199-01-01T00:00:00.000+0000"));
    assert_eq!(rm.application(id).await.unwrap().timeouts.len(), 1);
    let past = rm.set_lifetime(id, "2001-01-01T00:00:00.000+0000").await.unwrap_err();
    // 3.4.3 hides the reason behind an exception of Java's reflection.
    assert!(matches!(past.kind(), RestErrorKind::RemoteException { .. }), "{past}");
    assert_eq!(rm.queue(id).await.unwrap(), "root.default");

    let told = async || {
        let activities = rm.application_activities(id, &ActivitiesFilter::default()).await;
        let activities = activities.map_err(|error| error.to_string())?;
        if activities.application_id == Some(id) {
            Ok(())
        } else {
            Err(format!("{activities:?}"))
        }
    };
    wait::until("the activities", BOUND, told).await.unwrap();
    let told = async || {
        let activities = rm
            .scheduler_activities(None, true)
            .await
            .map_err(|error| error.to_string())?;
        match activities.allocations.first() {
            Some(partition) if !partition.children.is_empty() => Ok(()),
            _ => Err(format!("{activities:?}")),
        }
    };
    wait::until("the scheduler's activities", BOUND, told).await.unwrap();
    assert!(!rm.bulk_activities(1).await.unwrap().is_empty());

    let node = rm.node_manager(&node).unwrap();
    let ready = async || {
        let part = node.log(container, "stdout", LogRange::All).await;
        let text = part.map_err(|error| error.to_string())?.text;
        if text.contains("ready") { Ok(()) } else { Err(text) }
    };
    // Earlier the signal might find no process.
    wait::until("a process in the container", BOUND, ready).await.unwrap();
    rm.signal(container, ContainerSignal::GracefulShutdown).await.unwrap();
    ended(&rm, id).await;
    let gone = rm
        .signal(container, ContainerSignal::ForcefulShutdown)
        .await
        .unwrap_err();
    assert!(gone.is_not_found(), "{gone}");
}

#[tokio::test]
async fn a_log_is_read_in_ranges_and_followed_to_its_end() {
    let bed = Bed::shared().await.unwrap();
    let rm = resource_manager(bed, bed.user());
    let gate = bed.scratch().join(format!("gate-{}", std::process::id()));
    let script = format!(
        "for i in $(seq 1000 1999); do echo $i; done; until [ -e {} ]; do sleep 0.1; done; echo last; \
         printf 'End of LogType:stdout'",
        gate.display()
    );
    let id = submit(&rm, &script).await;
    let (container, node) = running(&rm, id).await;
    let node = rm.node_manager(&node).unwrap();
    assert_eq!(node.application(id).await.unwrap().containers, [container]);
    assert!(node.applications().await.unwrap().iter().any(|one| one.id == id));
    assert!(node.containers().await.unwrap().iter().any(|one| one.id == container));
    until_length(&node, container, 5000).await;

    let read = async |range| node.log(container, "stdout", range).await.unwrap();
    let first = read(LogRange::First(10)).await;
    assert_eq!((first.text.as_str(), first.file_length), ("1000\n1001\n", Some(5000)));
    assert_eq!(read(LogRange::Last(5)).await.text, "1999\n");
    assert_eq!(read(LogRange::From(4990)).await.text, "1998\n1999\n");
    assert_eq!(read(LogRange::From(6000)).await.text, "");
    let slice = LogRange::Slice { offset: 5, length: 5 };
    assert_eq!(read(slice).await.text, "1001\n");
    assert_eq!(read(LogRange::All).await.text.len(), 5000);
    assert_eq!(node.log(container, "stderr", LogRange::All).await.unwrap().text, "");
    let missing = node.log(container, "nothing", LogRange::All).await.unwrap_err();
    assert!(missing.is_not_found(), "{missing}");

    let follow = Follow {
        offset: 4990,
        poll: std::time::Duration::from_millis(50),
    };
    let logs = ContainerLogs::new(node.clone(), None);
    let mut followed = Box::pin(logs.follow(container, "stdout", follow));
    let mut text = Vec::new();
    while text.len() < 10 {
        text.extend_from_slice(&followed.try_next().await.unwrap().unwrap());
    }
    assert_eq!(text, b"1998\n1999\n");
    std::fs::write(&gate, "").unwrap();
    let rest: Vec<_> = tokio::time::timeout(BOUND, followed.try_collect())
        .await
        .unwrap()
        .unwrap();
    let rest = String::from_utf8(rest.concat()).unwrap();
    // Once the application is over its node forgets it, and there is no history server here.
    assert!("last\nEnd of LogType:stdout".starts_with(&rest), "{rest:?}");
    ended(&rm, id).await;
}

async fn until_length(node: &NmClient, container: ContainerId, length: u64) {
    let look = async || {
        let files = node.log_files(container).await.map_err(|error| error.to_string())?;
        let stdout = files.iter().find(|file| file.file_name == "stdout");
        match stdout.and_then(|file| file.file_size) {
            Some(size) if size == length => Ok(()),
            other => Err(format!("{other:?}")),
        }
    };
    wait::until("the log to be written", BOUND, look).await.unwrap();
}

async fn ended(rm: &RmClient, id: yarn_common::id::ApplicationId) {
    let look = async || match rm.application_state(id).await {
        Ok(state) if state.is_final() => Ok(()),
        other => Err(format!("{other:?}")),
    };
    wait::until(&format!("{id} to end"), BOUND, look).await.unwrap();
}
