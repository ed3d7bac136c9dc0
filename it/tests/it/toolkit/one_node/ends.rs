//! How containers end, and what the ApplicationMaster is told.

use yarn_common::exit_status::ContainerExitStatus as Status;
use yarn_rpc::types::Container;

use super::super::master::{Heard, Master, containers_live_and_end};

#[tokio::test]
async fn containers_live_and_end_where_messages_are_encrypted() {
    let bed = super::bed().await;
    containers_live_and_end(&bed).await;
}

#[tokio::test]
async fn each_kind_of_end_has_its_typed_status() {
    const SLEEP: &str = "exec sleep 600";
    // A shell that holds three times what its container may.
    const MEMORY: &str = "x=$(head -c 400000000 /dev/zero | tr '\\0' a); sleep 600; echo ${#x}";
    // A JVM reserves its whole heap's addresses and touches few of them: more than 30 times 128 MB.
    const ADDRESSES: &str = "exec $JAVA_HOME/bin/rmiregistry -J-Xms16m -J-Xmx8g -J-XX:+UseSerialGC 0";
    let bed = super::bed().await;
    let master = Master::register(&bed, "default").await;
    let granted = master.containers(1, 128, 7).await;
    let [pmem, vmem, stopped, released, signalled, unknown_command, failed] = granted.as_slice() else {
        panic!("{granted:?}")
    };
    for (container, script) in [
        (pmem, MEMORY),
        (vmem, ADDRESSES),
        (stopped, SLEEP),
        (released, SLEEP),
        (signalled, SLEEP),
        (unknown_command, "no-such-command"),
        (failed, "exit 42"),
    ] {
        master.start(container, script).await;
    }
    for container in [stopped, released, signalled] {
        master.running(container).await;
    }
    master.nodes.stop_container(&stopped.node, stopped.id).await.unwrap();
    master.release(released.id).await;
    kill_as_user(&bed, signalled).await;

    for (container, status, is_fault) in [
        (pmem, Status::KILLED_EXCEEDED_PMEM, true),
        (vmem, Status::KILLED_EXCEEDED_VMEM, true),
        (stopped, Status::KILLED_BY_APPMASTER, true),
        (released, Status::ABORTED, false),
        (signalled, Status::FORCE_KILLED, true),
        (unknown_command, Status(127), true),
        (failed, Status(42), true),
    ] {
        let ended = master.completed(container.id).await;
        assert_eq!(ended.exit_status, status, "{ended:?}");
        assert_eq!(ended.exit_status.is_fault_of_application(), is_fault);
    }
    master.finish().await;
}

/// What `yarn container -signal ID FORCEFUL_SHUTDOWN` does.
async fn kill_as_user(bed: &selvedge_it::bed::Bed, container: &Container) {
    let url = format!(
        "{}/ws/v1/cluster/containers/{}/signal/FORCEFUL_SHUTDOWN",
        bed.rm_web(),
        container.id
    );
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http
        .post(&url)
        .query(&[("user.name", bed.user())])
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{url}: {}", answer.status());
}

#[tokio::test]
async fn containers_beyond_a_queues_share_are_announced_and_preempted() {
    let bed = super::bed().await;
    // All of the node, of which this queue may keep half.
    let greedy = Master::register(&bed, "default").await;
    let granted = greedy.containers(1, 1024, 6).await;
    for container in &granted {
        greedy.start(container, "exec sleep 600").await;
    }
    let owner = Master::register(&bed, "other").await;
    owner.ask(1, 1024, 2).await;
    let is_granted = |heard: &Heard| (heard.at(1).len() == 2).then_some(());
    let is_preempted = |heard: &Heard| {
        let ended: Vec<_> = heard.completed.values().cloned().collect();
        (ended.len() >= 2).then(|| (ended, heard.to_be_preempted.clone()))
    };
    let (_, (ended, announced)) = tokio::join!(
        owner.until("its share", is_granted),
        greedy.until("the preemption", is_preempted)
    );
    for container in ended {
        assert_eq!(container.exit_status, Status::PREEMPTED, "{container:?}");
        assert!(!container.exit_status.is_fault_of_application());
        assert!(
            announced.contains(&container.id),
            "{announced:?} without {}",
            container.id
        );
    }
    greedy.finish().await;
    owner.finish().await;
}
