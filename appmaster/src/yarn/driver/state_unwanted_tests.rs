//! Nodes from which no containers are wanted.

use super::*;

#[test]
fn a_container_that_comes_from_a_node_that_is_left_out_goes_back_and_is_asked_for_again() {
    let mut state = state();
    state.request(shape(1024)).unwrap();
    let avoid = UnwantedNodes {
        avoided: vec!["127.0.0.2".to_owned()],
        ..UnwantedNodes::default()
    };
    assert_eq!(state.block(avoid), [], "it is not known how many nodes there are");
    let told = state.cluster_size(3);
    assert_eq!(told, [Action::LeaveOut(BTreeSet::from(["127.0.0.2".to_owned()]))]);
    assert_eq!(state.cluster_size(3), []);
    let actions = state.granted(vec![container(2, 1)]);
    assert_eq!(outcome(&actions), (Vec::new(), vec![container_id(2)]));
    assert_eq!(asks(&actions), [(1, 1024, 1)]);
    let mut elsewhere = container(3, 1);
    elsewhere.node = NodeId::new("127.0.0.3", 45454);
    assert_eq!(outcome(&state.granted(vec![elsewhere])).0.len(), 1);
}

#[test]
fn nodes_that_are_only_avoided_are_used_where_nothing_else_comes_for_a_while() {
    let (mut state, now) = (state(), Instant::now());
    let told = |nodes: &[&str]| vec![Action::LeaveOut(nodes.iter().map(|node| (*node).to_owned()).collect())];
    state.cluster_size(3);
    assert_eq!(state.heard(now), [], "nothing is wanted");
    let later = now + IN_VAIN;
    state.request(shape(1024)).unwrap();
    let unwanted = UnwantedNodes {
        blocked: BTreeSet::from(["127.0.0.9".to_owned()]),
        avoided: vec!["127.0.0.2".to_owned()],
    };
    assert_eq!(state.block(unwanted), told(&["127.0.0.2", "127.0.0.9"]));
    assert_eq!(state.heard(later), [], "the while begins");
    let actions = state.granted(vec![container(2, 1)]);
    assert_eq!(outcome(&actions), (Vec::new(), vec![container_id(2)]));
    assert_eq!(actions[2..], told(&["127.0.0.2", "127.0.0.2:45454", "127.0.0.9"]));
    assert_eq!(
        state.heard(later + IN_VAIN - Duration::from_millis(1)),
        [],
        "what is returned is none"
    );
    assert_eq!(state.heard(later + IN_VAIN), told(&["127.0.0.9"]));
    state.request(shape(1024)).unwrap();
    assert_eq!(state.heard(later + IN_VAIN), []);
    assert_eq!(outcome(&state.granted(vec![container(3, 1)])).0.len(), 1);
    assert_eq!(
        state.heard(later + IN_VAIN),
        told(&["127.0.0.2", "127.0.0.9"]),
        "it had its chance"
    );
}
