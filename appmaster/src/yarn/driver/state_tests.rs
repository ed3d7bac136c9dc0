use std::collections::BTreeMap;

use selvedge_core::{MemorySize, TaskExecutorProcessSpec};
use yarn_common::exit_status::ContainerExitStatus;
use yarn_common::id::ApplicationId;
use yarn_common::token::{Token, TokenKind};
use yarn_rpc::am::UpdateKind;
use yarn_rpc::types::{ExecutionType, NodeState};

use super::super::nodes::testing::node;
use super::*;

#[path = "state_label_tests.rs"]
mod labels;
#[path = "state_unwanted_tests.rs"]
mod unwanted;

fn shape(memory_mb: u64) -> WorkerShape {
    WorkerShape {
        resource: Resource::new(memory_mb, 1),
        properties: BTreeMap::new(),
        spec: spec(memory_mb),
    }
}

/// A worker of which this is all that matters.
fn spec(memory_mb: u64) -> WorkerSpec {
    let mut process = TaskExecutorProcessSpec::derive(&selvedge_core::config::shipped()).unwrap();
    process.task_heap = MemorySize::from_mebibytes(memory_mb);
    WorkerSpec { process }
}

fn container_id(number: u64) -> ContainerId {
    ContainerId::from_packed(ApplicationId::new(1_700_000_000_000, 7).attempt(1), number)
}

fn container(number: u64, priority: i32) -> Container {
    Container {
        id: container_id(number),
        node: NodeId::new("127.0.0.2", 45454),
        node_http_address: "127.0.0.2:8042".to_owned(),
        // What a scheduler that does not look at cores returns.
        resource: Resource::new(2048, 1),
        priority: Priority(priority),
        allocation_request_id: 0,
        token: Token::new(&b"id"[..], &b"password"[..], TokenKind::Container, ""),
        version: 0,
        execution_type: ExecutionType::Guaranteed,
        allocation_tags: Vec::new(),
    }
}

fn status(number: u64, exit_status: i32, diagnostics: &str) -> ContainerStatus {
    ContainerStatus {
        id: container_id(number),
        state: ContainerState::Complete,
        exit_status: ContainerExitStatus(exit_status),
        diagnostics: diagnostics.to_owned(),
        capability: None,
        execution_type: ExecutionType::Guaranteed,
        sub_state: None,
        attributes: BTreeMap::new(),
    }
}

fn state() -> DriverState {
    DriverState::new(Resource::new(4096, 4), WorkerLabel::None, "root.etl".to_owned())
}

/// The asks among actions, as (priority, memory, count).
fn asks(actions: &[Action]) -> Vec<(i32, u64, u32)> {
    let ask = |action: &Action| match action {
        Action::Ask(ask) => Some((ask.key.priority.0, ask.capability.memory_mb, ask.count)),
        _ => None,
    };
    actions.iter().filter_map(ask).collect()
}

/// Which containers become workers, and which are released.
fn outcome(actions: &[Action]) -> (Vec<String>, Vec<ContainerId>) {
    let mut served = Vec::new();
    let mut released = Vec::new();
    for action in actions {
        match action {
            Action::Allocated { worker, .. } => served.push(worker.0.clone()),
            Action::Release(container) => released.push(*container),
            _ => {}
        }
    }
    (served, released)
}

#[test]
fn each_shape_has_its_own_priority_and_asks_are_absolute() {
    let mut state = state();
    assert_eq!(asks(&state.request(shape(1024)).unwrap()), [(1, 1024, 1)]);
    assert_eq!(asks(&state.request(shape(2048)).unwrap()), [(2, 2048, 1)]);
    assert_eq!(asks(&state.request(shape(1024)).unwrap()), [(1, 1024, 2)]);
    assert_eq!(state.outstanding(), 3);
}

#[test]
fn containers_become_workers_of_their_prioritys_shape() {
    let mut state = state();
    state.request(shape(1024)).unwrap();
    state.request(shape(2048)).unwrap();
    state.request(shape(1024)).unwrap();
    let actions = state.granted(vec![container(2, 2), container(3, 1)]);
    let served = vec![container_id(2).to_string(), container_id(3).to_string()];
    assert_eq!(outcome(&actions), (served, Vec::new()));
    let started: Vec<_> = actions
        .iter()
        .filter_map(|action| match action {
            Action::Start { container, shape } => Some((container.id, shape.resource.memory_mb)),
            _ => None,
        })
        .collect();
    assert_eq!(started, [(container_id(2), 2048), (container_id(3), 1024)]);
    assert_eq!(state.outstanding(), 1);
}

#[test]
fn a_container_that_is_granted_twice_keeps_its_worker_and_serves_no_other_request() {
    let mut state = state();
    state.request(shape(1024)).unwrap();
    state.request(shape(1024)).unwrap();
    let actions = state.granted(vec![container(2, 1), container(2, 1)]);
    assert_eq!(outcome(&actions), (vec![container_id(2).to_string()], Vec::new()));
    assert_eq!(state.outstanding(), 1);
    state.cancel(&spec(1024), 1);
    assert_eq!(state.granted(vec![container(2, 1)]), []);
}

#[test]
fn a_container_that_is_too_small_goes_back_and_is_asked_for_again() {
    let mut state = state();
    state.request(shape(4096)).unwrap();
    let actions = state.granted(vec![container(2, 1)]);
    assert_eq!(outcome(&actions), (Vec::new(), vec![container_id(2)]));
    assert_eq!(asks(&actions), [(1, 4096, 1)]);
    let mut fits = container(3, 1);
    fits.resource = Resource::new(4096, 1);
    let served = outcome(&state.granted(vec![fits])).0;
    assert_eq!((served, state.outstanding()), (vec![container_id(3).to_string()], 0));
}

#[test]
fn what_serves_no_request_goes_back_at_once() {
    let mut state = state();
    state.request(shape(1024)).unwrap();
    let actions = state.granted(vec![container(2, 1), container(3, 1), container(4, 9), container(5, 0)]);
    let (served, released) = outcome(&actions);
    assert_eq!(served.len(), 1);
    assert_eq!(released, [container_id(3), container_id(4), container_id(5)]);
    assert_eq!(state.completed(&status(3, -100, "")), []);
}

#[test]
fn a_cancelled_request_lowers_the_ask_and_a_container_on_its_way_goes_back() {
    let mut state = state();
    state.request(shape(1024)).unwrap();
    state.request(shape(1024)).unwrap();
    let (cancelled, actions) = state.cancel(&spec(1024), 1);
    assert_eq!((cancelled, asks(&actions)), (1, vec![(1, 1024, 1)]));
    let (served, released) = outcome(&state.granted(vec![container(2, 1), container(3, 1)]));
    assert_eq!(served, [container_id(2).to_string()]);
    assert_eq!(released, [container_id(3)]);
    assert_eq!(state.cancel(&spec(1024), 1), (0, vec![]), "it has its container");
}

#[test]
fn requests_are_cancelled_by_what_was_asked_for() {
    let mut state = state();
    for memory_mb in [1024, 1024, 2048] {
        state.request(shape(memory_mb)).unwrap();
    }
    let (cancelled, actions) = state.cancel(&spec(1024), 1);
    assert_eq!((cancelled, asks(&actions)), (1, vec![(1, 1024, 1)]));
    let (cancelled, actions) = state.cancel(&spec(2048), 5);
    assert_eq!((cancelled, asks(&actions)), (1, vec![(2, 2048, 0)]));
    assert_eq!(state.cancel(&spec(512), 1), (0, vec![]), "nobody asked for such");
    let (served, released) = outcome(&state.granted(vec![container(2, 2), container(3, 1)]));
    assert_eq!(
        (served, released),
        (vec![container_id(3).to_string()], vec![container_id(2)]),
        "of both only the one is still wanted"
    );
}

#[test]
fn a_worker_that_fits_nowhere_is_refused_with_both_sizes() {
    for (memory_mb, vcores) in [(4097, 1), (64, 5)] {
        let mut wanted = shape(memory_mb);
        wanted.resource.vcores = vcores;
        let mut state = state();
        let message = state.request(wanted).unwrap_err().to_string();
        let sizes =
            format!("<memory:{memory_mb}, vCores:{vcores}>, and the largest that the queue gives is <memory:4096");
        assert!(message.contains(&sizes), "{message}");
        assert_eq!(state.outstanding(), 0);
    }
}

#[test]
fn an_end_is_told_once_and_in_plain_words() {
    let mut state = state();
    state.request(shape(1024)).unwrap();
    state.granted(vec![container(2, 1)]);
    let killed = status(
        2,
        -104,
        "[2026-11-20 22:17:07.396]running beyond limits\n\tat org.x.Y.z(Y.java:1)\n\n[2026-11-20 22:17:08.1]Killed.\nKilled.\n",
    );
    let actions = state.completed(&killed);
    let [Action::Terminated(Termination { worker, cause, log, .. })] = &actions[..] else {
        panic!("{actions:?}");
    };
    assert_eq!(worker.0, container_id(2).to_string());
    assert_eq!(log.as_ref().unwrap(), &(container_id(2), "127.0.0.2:8042".to_owned()));
    for part in [
        "container container_1700000000000_0007_01_000002 on node 127.0.0.2:45454 ended with exit status -104",
        "used more memory than the container has, which is 2048 MiB",
        "YARN says: running beyond limits | Killed.",
    ] {
        assert!(cause.contains(part), "{cause}");
    }
    assert_eq!(
        state.completed(&killed),
        [],
        "a restarted ResourceManager may repeat it"
    );
}

#[test]
fn a_container_that_yarn_has_changed_is_killed_for_what_it_has_by_then() {
    let mut state = state();
    state.request(shape(1024)).unwrap();
    state.granted(vec![container(2, 1)]);
    for (number, memory_mb) in [(2, 1536), (3, 512)] {
        let (kind, mut container) = (UpdateKind::Decrease, container(number, 1));
        container.resource.memory_mb = memory_mb;
        state.updated(&UpdatedContainer { kind, container });
    }
    let actions = state.completed(&status(2, -104, "running beyond limits"));
    let [Action::Terminated(Termination { cause, .. })] = &actions[..] else {
        panic!("{actions:?}");
    };
    assert!(cause.contains("which is 1536 MiB"), "{cause}");
    assert_eq!(state.completed(&status(3, -104, "")), [], "it was never ours");
}

#[test]
fn a_running_container_has_not_ended() {
    let mut state = state();
    state.request(shape(1024)).unwrap();
    state.granted(vec![container(2, 1)]);
    let mut running = status(2, -1000, "");
    running.state = ContainerState::Running;
    assert_eq!(state.completed(&running), []);
}

#[test]
fn a_start_that_fails_gives_the_container_back_and_ends_the_worker() {
    let mut state = state();
    state.request(shape(1024)).unwrap();
    state.granted(vec![container(2, 1)]);
    let actions = state.start_failed(container_id(2), "This token is expired");
    assert!(
        matches!(&actions[..], [Action::Release(_), Action::Terminated(Termination { cause, against_node: true, log: None, .. })]
            if cause.contains("could not be started: This token is expired")),
        "{actions:?}"
    );
    assert_eq!(state.completed(&status(2, -100, "")), []);
}

#[test]
fn a_released_worker_is_stopped_and_its_end_is_no_news() {
    let mut state = state();
    state.request(shape(1024)).unwrap();
    state.granted(vec![container(2, 1)]);
    let worker = resource_id(container_id(2));
    assert!(matches!(
        &state.release(&worker)[..],
        [Action::Stop { .. }, Action::Release(_)]
    ));
    assert_eq!(state.release(&worker), []);
    assert_eq!(state.release(&ResourceId::from("no container")), []);
    assert_eq!(state.completed(&status(2, -105, "")), []);
}

#[test]
fn at_the_end_nothing_is_wanted_and_everything_is_stopped() {
    let mut state = state();
    for _ in 0..3 {
        state.request(shape(1024)).unwrap();
    }
    state.granted(vec![container(2, 1)]);
    let actions = state.release_all();
    assert_eq!(asks(&actions), [(1, 1024, 0)]);
    assert!(matches!(&actions[1..], [Action::Stop { container, .. }] if *container == container_id(2)));
    assert_eq!(state.release_all(), []);
}

#[test]
fn workers_of_an_earlier_attempt_are_taken_over_once_and_end_like_others() {
    let mut state = state();
    state.request(shape(1024)).unwrap();
    state.granted(vec![container(2, 1)]);
    let old = [container(2, 1), container(9, 1)];
    let taken_over = Action::Recovered {
        worker: resource_id(container_id(9)),
        node: NodeId::new("127.0.0.2", 45454),
    };
    assert_eq!(state.recovered(&old), [taken_over]);
    assert_eq!(state.recovered(&old), []);
    assert!(matches!(
        &state.completed(&status(9, 137, ""))[..],
        [Action::Terminated(_)]
    ));
    state.recovered(&[container(10, 1)]);
    assert!(matches!(
        &state.release(&resource_id(container_id(10)))[..],
        [Action::Stop { .. }, Action::Release(_)]
    ));
}

#[test]
fn a_container_that_yarn_asks_back_is_marked_once_and_may_end_otherwise_later() {
    let mut state = state();
    state.request(shape(1024)).unwrap();
    state.granted(vec![container(2, 1)]);
    let asked = Preemption {
        strict: vec![container_id(2), container_id(9)],
        negotiable: vec![container_id(2)],
        wanted: Vec::new(),
    };
    assert_eq!(
        state.preempting(&asked),
        [(container_id(2), NodeId::new("127.0.0.2", 45454))]
    );
    assert_eq!(state.preempting(&asked), [], "it was named before");
    state.request(shape(1024)).unwrap();
    state.granted(vec![container(3, 1)]);
    for (id, code, expected, against_node) in [
        (2, 137, "killed by SIGKILL", true),
        (
            3,
            -102,
            "preempted: the scheduler took its resources for another application, because the queue root.etl",
            false,
        ),
    ] {
        let actions = state.completed(&status(id, code, ""));
        assert!(
            matches!(&actions[..], [Action::Terminated(ended)] if ended.cause.contains(expected)
                && ended.against_node == against_node && ended.log.is_some() == against_node),
            "{actions:?}"
        );
    }
}

#[test]
fn more_workers_than_nodes_are_asked_of_each_node_once_the_nodes_are_known() {
    let mut state = state();
    state.request(shape(1024)).unwrap();
    assert_eq!(asks(&state.request(shape(1024)).unwrap()), [(1, 1024, 2)]);
    let actions = state.listed(&[node(NodeState::Running, "")]);
    let [Action::Spread(spread)] = &actions[..] else {
        panic!("{actions:?}");
    };
    let here = Locality::Nodes {
        nodes: vec![("127.0.0.2".to_owned(), "/default-rack".to_owned())],
        relax: true,
    };
    assert_eq!((spread.len(), spread[0].count, &spread[0].locality), (1, 2, &here));
    // One more is wanted than there are nodes no longer, and then there is no node.
    assert_eq!(asks(&state.cancel(&spec(1024), 1).1), [(1, 1024, 1)]);
    state.node_changed(&node(NodeState::Lost, ""));
    assert_eq!(asks(&state.request(shape(1024)).unwrap()), [(1, 1024, 2)]);
}

#[test]
fn what_yarn_tells_of_a_node_is_told_with_the_end_of_what_ran_there() {
    for (told, there, expected) in [
        (
            vec![node(NodeState::Unhealthy, "1/1 local-dirs are bad ")],
            1,
            Some("the node is unhealthy: 1/1 local-dirs are bad)"),
        ),
        (vec![node(NodeState::Lost, "")], 1, Some("the node is lost)")),
        (
            vec![node(NodeState::Decommissioning, "")],
            0,
            Some("the node is being decommissioned)"),
        ),
        (vec![node(NodeState::Lost, ""), node(NodeState::Running, "")], 0, None),
    ] {
        let mut state = state();
        state.request(shape(1024)).unwrap();
        state.granted(vec![container(2, 1)]);
        let counts: Vec<_> = told.iter().map(|update| state.node_changed(update)).collect();
        assert_eq!(counts.last(), Some(&there));
        let actions = state.completed(&status(2, -100, ""));
        let [Action::Terminated(ended)] = &actions[..] else {
            panic!("{actions:?}");
        };
        match expected {
            Some(words) => assert!(ended.cause.contains(words), "{}", ended.cause),
            None => assert!(!ended.cause.contains("the node is"), "{}", ended.cause),
        }
    }
}

#[test]
fn what_yarn_refuses_is_taken_back_as_a_whole() {
    let mut state = state();
    for memory_mb in [1024, 1024, 2048] {
        state.request(shape(memory_mb)).unwrap();
    }
    assert!(!state.has_granted());
    let (requests, actions) = state.refused();
    assert_eq!(requests, [(spec(1024), 2), (spec(2048), 1)]);
    assert_eq!(asks(&actions), [(1, 1024, 0), (2, 2048, 0)]);
    state.request(shape(1024)).unwrap();
    state.granted(vec![container(2, 1)]);
    assert!(state.has_granted(), "from now on a refusal is news of the cluster");
    assert_eq!(state.outstanding(), 0);
}

#[test]
fn what_cannot_be_asked_for_is_taken_back_by_itself() {
    let mut state = state();
    for memory_mb in [1024, 2048, 2048] {
        state.request(shape(memory_mb)).unwrap();
    }
    let (requests, actions) = state.unaskable(AskKey::priority(2));
    assert_eq!((requests, asks(&actions)), (vec![(spec(2048), 2)], vec![(2, 2048, 0)]));
    assert_eq!(state.outstanding(), 1);
    assert_eq!(state.unaskable(AskKey::priority(9)), (vec![], vec![]));
}

#[test]
fn what_an_earlier_attempt_was_given_shows_that_the_settings_are_no_fault() {
    let mut state = state();
    state.recovered(&[container(10, 1)]);
    assert!(state.has_granted());
}
