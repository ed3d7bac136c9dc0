use std::collections::BTreeMap;

use yarn_common::id::{ApplicationId, ContainerId};
use yarn_rpc::types::{ContainerState, ExecutionType};

use super::*;

fn status(exit_status: i32, diagnostics: &str) -> ContainerStatus {
    ContainerStatus {
        id: ContainerId::from_packed(ApplicationId::new(1_700_000_000_000, 7).attempt(1), 2),
        state: ContainerState::Complete,
        exit_status: Status(exit_status),
        diagnostics: diagnostics.to_owned(),
        capability: None,
        execution_type: ExecutionType::Guaranteed,
        sub_state: None,
        attributes: BTreeMap::new(),
    }
}

fn with<T>(status: &ContainerStatus, look: impl FnOnce(&mut Ending<'_>) -> T) -> T {
    let node = NodeId::new("node-7", 45454);
    look(&mut Ending {
        status,
        node: &node,
        memory_mb: 1728,
        queue: "root.etl",
        node_trouble: None,
    })
}

#[test]
fn each_way_to_end_says_what_happened_where_and_what_to_change() {
    for (code, diagnostics, happened, remedy) in [
        (
            -104,
            "",
            "more memory than the container has, which is 1728 MiB",
            "raise taskmanager.memory.process.size",
        ),
        (
            -103,
            "",
            "more virtual memory than allowed, which is its 1728 MiB times",
            "yarn.nodemanager.vmem-check-enabled",
        ),
        (
            -102,
            "Container preempted by scheduler",
            "preempted: the scheduler took its resources for another application, because the queue root.etl",
            "yarn.application.queue",
        ),
        (
            -100,
            "Container released on a *lost* node",
            "its node was lost",
            "yarn node -status node-7:45454",
        ),
        (
            -100,
            "Container released on a *lost* node",
            "its node was lost",
            "yarn.nodemanager.recovery.enabled",
        ),
        (
            -100,
            "Container expired since it was unused",
            "it expired",
            "node-7 can be reached",
        ),
        (
            -100,
            "Container released by application",
            "released by its application, or its node was lost",
            "NodeManager of node-7",
        ),
        (-101, "", "disks of its node", "yarn.nodemanager.local-dirs"),
        (
            -105,
            "",
            "in the name of its ApplicationMaster",
            "ApplicationMaster's log",
        ),
        (
            -106,
            "",
            "the ResourceManager had it killed",
            "work-preserving-recovery.enabled",
        ),
        (
            -107,
            "",
            "YARN counts the application as ended",
            "yarn application -status",
        ),
        (-108, "", "in favour of guaranteed containers", "load of the node"),
        (
            -109,
            "",
            "its logs grew too large",
            "container-log-monitor.dir-size-limit-bytes",
        ),
        (
            -1000,
            "",
            "could not fetch its files",
            "node-7 reaches the staging directory",
        ),
        (-55, "", "the unknown status -55", "see what YARN says"),
        (0, "", "ended well", "last lines of its log"),
        (1, "", "could not start (exit code 1)", "last lines of its log"),
        (3, "", "ended with exit code 3", "last lines of its log"),
        (31, "", "failed (exit code 31)", "last lines of its log"),
        (124, "", "did not end in time", "cluster.services.shutdown-timeout"),
        (126, "", "could not be executed", "platform"),
        (127, "", "was not found", "unpack the program"),
        (
            134,
            "",
            "gets no more memory or a stack is full",
            "taskmanager.memory.process.size",
        ),
        (
            137,
            "",
            "killed by SIGKILL (exit code 137): by the kernel",
            "kernel's log of node-7",
        ),
        (139, "", "signal 11 (exit code 139)", "last lines of its log"),
        (
            143,
            "",
            "ended by SIGTERM (exit code 143)",
            "NodeManager's log of node-7",
        ),
        (154, "", "did not find it any more", "yarn.nodemanager.recovery.enabled"),
        (255, "", "broke (exit code 255)", "container-executor of node-7"),
    ] {
        let cause = with(&status(code, diagnostics), |ending| ending.cause());
        let begins = format!(
            "container container_1700000000000_0007_01_000002 on node node-7:45454 ended with exit status {code}: "
        );
        assert!(cause.starts_with(&begins), "{cause}");
        let (what, advice) = cause[begins.len()..].split_once("; ").unwrap();
        assert!(what.contains(happened) && advice.contains(remedy), "{cause}");
    }
}

#[test]
fn what_yarn_told_of_the_node_is_told_too() {
    let (cause, words) = with(&status(-100, ""), |ending| {
        ending.node_trouble = Some("unhealthy: 1/1 local-dirs are bad");
        (ending.cause(), ending.has_last_words())
    });
    let expected = "for too long (YARN says that the node is unhealthy: 1/1 local-dirs are bad); look at";
    assert!(cause.contains(expected) && !words, "{cause}");
}

#[test]
fn yarns_words_lose_stamps_stacks_repetitions_and_lists_of_processes() {
    let said = "[2026-11-20 22:17:07.396]Container is running 12B beyond the 'PHYSICAL' memory limit. Killing container.\n\
                Dump of the process-tree for container_1 :\n\t|- PID PPID\n\t|- 12 1 (selvedge)\n\
                \tat org.x.Y.z(Y.java:1)\n\n[2026-11-20 22:17:08.1]Killed.\nKilled.\n";
    let cause = with(&status(-104, said), |ending| ending.cause());
    let expected =
        "; YARN says: Container is running 12B beyond the 'PHYSICAL' memory limit. Killing container. | Killed.";
    assert!(cause.ends_with(expected), "{cause}");
    let cause = with(&status(1, "\u{1b}[2Jwiped\rout"), |ending| ending.cause());
    assert!(cause.ends_with("YARN says:  [2Jwiped out"), "{cause:?}");
}

#[test]
fn a_log_is_looked_at_where_there_is_one_and_only_a_nodes_own_faults_speak_against_it() {
    for (code, words, against) in [
        (-104, true, true),
        (-103, true, true),
        (-109, true, true),
        (1, true, true),
        (137, true, true),
        (0, true, false),
        (154, false, true),
        (-1000, false, true),
        (-101, false, true),
        (-100, false, false),
        (-102, false, false),
        (-105, false, false),
        (-106, false, false),
        (-107, false, false),
    ] {
        let told = with(&status(code, ""), |ending| {
            (ending.has_last_words(), ending.is_against_node())
        });
        assert_eq!(told, (words, against), "{code}");
    }
}
