use std::time::Duration;

use yarn_common::id::ApplicationId;

use super::*;

fn simple(constraint: &PlacementConstraint) -> SimplePlacementConstraintProto {
    PlacementConstraintProto::from(constraint).simple_constraint.unwrap()
}

#[test]
fn tags_count_over_a_scope_in_a_namespace() {
    let table = [
        (PlacementConstraint::affinity(Scope::Node, ["a"]), "node", 1, i32::MAX),
        (PlacementConstraint::anti_affinity(Scope::Rack, ["a"]), "rack", 0, 0),
        (
            PlacementConstraint::cardinality(Scope::Node, 2, Some(3), ["a"]),
            "node",
            2,
            3,
        ),
    ];
    for (constraint, scope, min, max) in table {
        let message = simple(&constraint);
        assert_eq!(
            (
                message.scope.as_str(),
                message.min_cardinality(),
                message.max_cardinality()
            ),
            (scope, min, max)
        );
        let target = &message.target_expressions[0];
        assert_eq!(
            (target.target_type(), target.target_key()),
            (TargetType::AllocationTag, "self")
        );
        assert_eq!(target.target_values, ["a"]);
    }
    let application = ApplicationId::new(1_700_000_000_000, 7);
    let table = [
        (TagNamespace::Own, "self"),
        (TagNamespace::Others, "not-self"),
        (TagNamespace::All, "all"),
        (
            TagNamespace::Application(application),
            "app-id/application_1700000000000_0007",
        ),
        (TagNamespace::ApplicationTag("etl".to_owned()), "app-tag/etl"),
    ];
    for (namespace, key) in table {
        assert_eq!(namespace.key(), key);
    }
}

#[test]
fn attributes_are_compared_on_nodes() {
    let is = PlacementConstraint::attribute_is("rm.yarn.io/os", ["linux"]);
    let is_not = PlacementConstraint::Attribute {
        name: "rm.yarn.io/os".to_owned(),
        values: BTreeSet::from(["linux".to_owned()]),
        equal: false,
    };
    for (constraint, operation) in [
        (is, NodeAttributeOpCodeProto::Eq),
        (is_not, NodeAttributeOpCodeProto::Ne),
    ] {
        let message = simple(&constraint);
        assert_eq!(
            (message.scope.as_str(), message.attribute_op_code()),
            ("node", operation)
        );
        let target = &message.target_expressions[0];
        assert_eq!(
            (target.target_type(), target.target_key()),
            (TargetType::NodeAttribute, "rm.yarn.io/os")
        );
    }
}

#[test]
fn constraints_combine() {
    let near = PlacementConstraint::affinity(Scope::Node, ["a"]);
    let apart = PlacementConstraint::anti_affinity(Scope::Node, ["a"]);
    for (constraint, kind) in [
        (
            PlacementConstraint::And(vec![near.clone(), apart.clone()]),
            CompositeType::And,
        ),
        (
            PlacementConstraint::Or(vec![near.clone(), apart.clone()]),
            CompositeType::Or,
        ),
    ] {
        let message = PlacementConstraintProto::from(&constraint)
            .composite_constraint
            .unwrap();
        assert_eq!((message.composite_type(), message.child_constraints.len()), (kind, 2));
    }
    let later = PlacementConstraint::DelayedOr(vec![(near, Duration::from_secs(1)), (apart, Duration::from_secs(2))]);
    let message = PlacementConstraintProto::from(&later).composite_constraint.unwrap();
    assert_eq!(message.composite_type(), CompositeType::DelayedOr);
    assert_eq!(message.timed_child_constraints[1].scheduling_delay, 2000);
}

#[test]
fn what_the_server_would_refuse_is_refused_here_and_named() {
    let none: [&str; 0] = [];
    let empty = PlacementConstraint::And(Vec::new());
    let table = [
        (PlacementConstraint::affinity(Scope::Node, none), "no allocation tag"),
        (
            PlacementConstraint::cardinality(Scope::Node, 3, Some(2), ["a"]),
            "3 is above its greatest number 2",
        ),
        (PlacementConstraint::attribute_is("os", ["linux"]), "rm.yarn.io/os"),
        (PlacementConstraint::attribute_is("rm.yarn.io/os", none), "no value"),
        (empty.clone(), "empty"),
        (PlacementConstraint::Or(vec![empty]), "empty"),
        (
            PlacementConstraint::cardinality(Scope::Node, u32::MAX, None, ["a"]),
            "can count",
        ),
    ];
    for (constraint, expected) in table {
        let error = constraint.validate().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
