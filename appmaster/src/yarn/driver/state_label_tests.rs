//! Workers on nodes that have a label.

use super::*;

#[test]
fn whoever_has_a_label_asks_for_any_node_whatever_is_known_of_nodes() {
    let own = WorkerLabel::Own("gpu".to_owned());
    for (label, asked) in [(WorkerLabel::OfApplication, None), (own, Some("gpu"))] {
        let mut state = DriverState::new(Resource::new(4096, 4), label, "root.etl".to_owned());
        // News of a node comes to everybody, and this one has no label.
        state.node_changed(&node(NodeState::Running, ""));
        state.request(shape(1024)).unwrap();
        let actions = state.request(shape(1024)).unwrap();
        let [Action::Ask(ask)] = &actions[..] else {
            panic!("{actions:?}");
        };
        assert_eq!((ask.count, &ask.locality), (2, &Locality::Anywhere));
        assert_eq!(ask.node_label.as_deref(), asked);
    }
}
