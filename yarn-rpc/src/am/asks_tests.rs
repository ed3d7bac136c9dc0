use yarn_common::{
    id::{ApplicationId, NodeId},
    resource::{Priority, Resource},
    token::{Token, TokenKind},
};

use super::*;
use crate::types::ExecutionType;

/// What happens to a table, and the rows that must be sent afterwards.
enum Step {
    /// An ask for containers of this many MiB on `*`: priority, memory, count.
    Set(i32, u64, u32),
    /// A container of this priority arrives; whether it was expected.
    Arrive(i32, bool),
    /// The ResourceManager forgets everything.
    Forget,
    /// A heartbeat is answered: the rows that it carried, as (priority, memory, count).
    Beat(&'static [(i32, i64, i32)]),
    /// A heartbeat is lost or refused: its rows, which stay unsaid.
    Lost(&'static [(i32, i64, i32)]),
}

fn container(priority: i32) -> Container {
    Container {
        id: ApplicationId::new(1, 1).attempt(1).container(2),
        node: NodeId::new("nm1", 1),
        node_http_address: String::new(),
        // What is granted is often not what was asked for.
        resource: Resource::new(1536, 1),
        priority: Priority(priority),
        allocation_request_id: 0,
        token: Token::new(vec![], vec![], TokenKind::Container, ""),
        version: 0,
        execution_type: ExecutionType::Guaranteed,
        allocation_tags: Vec::new(),
    }
}

fn rows(requests: &[ResourceRequestProto]) -> Vec<(i32, i64, i32)> {
    let row = |request: &ResourceRequestProto| {
        let memory = request.capability.as_ref().unwrap().memory();
        (request.priority.unwrap().priority(), memory, request.num_containers())
    };
    requests.iter().map(row).collect()
}

fn run(name: &str, steps: &[Step]) {
    let mut table = AskTable::new();
    for (number, step) in steps.iter().enumerate() {
        match step {
            Step::Set(priority, memory, count) => {
                let key = AskKey::priority(*priority);
                table
                    .set(ContainerAsk::new(key, Resource::new(*memory, 1), *count))
                    .unwrap();
            }
            Step::Arrive(priority, expected) => {
                assert_eq!(
                    table.arrived(&container(*priority), &SentRows::default()),
                    *expected,
                    "{name}, step {number}"
                );
            }
            Step::Forget => table.forget(),
            Step::Beat(expected) | Step::Lost(expected) => {
                let (requests, sent) = table.changed_rows();
                assert_eq!(rows(&requests), *expected, "{name}, step {number}");
                assert_eq!(table.has_changes(), !expected.is_empty());
                if let Step::Beat(_) = step {
                    table.confirm(&sent);
                    assert!(!table.has_changes());
                }
            }
        }
    }
}

#[test]
fn rows_are_absolute_and_sent_only_when_they_change() {
    use Step::{Arrive, Beat, Forget, Lost, Set};
    run(
        "an ask is sent once",
        &[Set(1, 1024, 2), Beat(&[(1, 1024, 2)]), Beat(&[])],
    );
    run(
        "both sides count down",
        &[Set(1, 1024, 2), Beat(&[(1, 1024, 2)]), Arrive(1, true), Beat(&[])],
    );
    run(
        "raising names the whole outstanding number",
        &[
            Set(1, 1024, 2),
            Beat(&[(1, 1024, 2)]),
            Arrive(1, true),
            Set(1, 1024, 3),
            Beat(&[(1, 1024, 3)]),
        ],
    );
    run(
        "cancelling sends zero",
        &[
            Set(1, 1024, 2),
            Beat(&[(1, 1024, 2)]),
            Set(1, 1024, 0),
            Beat(&[(1, 1, 0)]),
            Beat(&[]),
        ],
    );
    run(
        "a lost heartbeat is repeated",
        &[Set(1, 1024, 2), Lost(&[(1, 1024, 2)]), Beat(&[(1, 1024, 2)])],
    );
    run(
        "what crosses a cancellation is surplus",
        &[
            Set(1, 1024, 1),
            Beat(&[(1, 1024, 1)]),
            Set(1, 1024, 0),
            Arrive(1, false),
            Beat(&[]),
        ],
    );
    run(
        "what was refused is taken back without a word",
        &[Set(1, 4096, 2), Lost(&[(1, 4096, 2)]), Set(1, 4096, 0), Beat(&[])],
    );
    run(
        "so is what a restarted ResourceManager was not told of",
        &[
            Set(1, 4096, 2),
            Beat(&[(1, 4096, 2)]),
            Forget,
            Set(1, 4096, 0),
            Beat(&[]),
        ],
    );
    run(
        "another size of a key that is still known replaces it, or takes it back",
        &[
            Set(1, 1024, 1),
            Beat(&[(1, 1024, 1)]),
            Set(1, 1024, 0),
            Set(1, 4096, 1),
            Lost(&[(1, 4096, 1)]),
            Set(1, 4096, 0),
            Beat(&[(1, 1, 0)]),
        ],
    );
    run("a stranger is surplus", &[Arrive(7, false), Beat(&[])]);
    run(
        "a resync repeats what is outstanding and nothing else",
        &[
            Set(1, 1024, 2),
            Set(2, 512, 1),
            Beat(&[(1, 1024, 2), (2, 512, 1)]),
            Arrive(1, true),
            Arrive(2, true),
            Forget,
            Beat(&[(1, 1024, 1)]),
        ],
    );
    run(
        "a key may change its size when nothing is outstanding",
        &[
            Set(1, 1024, 1),
            Beat(&[(1, 1024, 1)]),
            Arrive(1, true),
            Set(1, 2048, 1),
            Beat(&[(1, 2048, 1)]),
        ],
    );
    run(
        "asks are ordered by priority",
        &[Set(9, 1, 1), Set(-1, 1, 1), Beat(&[(-1, 1, 1), (9, 1, 1)])],
    );
}

#[test]
fn one_key_has_one_size() {
    let mut table = AskTable::new();
    let key = AskKey::priority(1);
    table.set(ContainerAsk::new(key, Resource::new(1024, 1), 2)).unwrap();
    let error = table
        .set(ContainerAsk::new(key, Resource::new(2048, 1), 1))
        .unwrap_err();
    assert!(
        error.to_string().contains("memory:2048") && error.to_string().contains("2 containers"),
        "{error}"
    );
    let other = AskKey {
        allocation_request_id: 1,
        ..key
    };
    table.set(ContainerAsk::new(other, Resource::new(2048, 1), 1)).unwrap();
    assert_eq!(
        (table.outstanding(key), table.outstanding(other), table.total()),
        (2, 1, 3)
    );
}

fn places(table: &AskTable) -> Vec<(String, i32, bool, Option<String>)> {
    let (requests, _) = table.changed_rows();
    let place = |row: &ResourceRequestProto| {
        (
            row.resource_name().to_owned(),
            row.num_containers(),
            row.relax_locality(),
            row.node_label_expression.clone(),
        )
    };
    requests.iter().map(place).collect()
}

/// Places and counts of the rows that must be sent.
fn counts(table: &AskTable) -> Vec<(String, i32)> {
    let rows = places(table).into_iter();
    rows.map(|(place, count, ..)| (place, count)).collect()
}

fn confirm(table: &mut AskTable) {
    let (_, sent) = table.changed_rows();
    table.confirm(&sent);
}

fn row(place: &str, count: i32, relax: bool) -> (String, i32, bool, Option<String>) {
    (place.to_owned(), count, relax, None)
}

fn nodes(names: &[(&str, &str)], relax: bool) -> Locality {
    let nodes = names
        .iter()
        .map(|(host, rack)| ((*host).to_owned(), (*rack).to_owned()));
    Locality::Nodes {
        nodes: nodes.collect(),
        relax,
    }
}

fn ask_at(count: u32, locality: Locality) -> ContainerAsk {
    ContainerAsk::new(AskKey::priority(1), Resource::new(1024, 1), count).at(locality)
}

#[test]
fn places_are_asked_for_at_every_level_and_labels_only_at_the_top() {
    let mut table = AskTable::new();
    table
        .set(ask_at(2, nodes(&[("h1", "/r1")], false)).labelled("gpu"))
        .unwrap();
    let labelled = ("*".to_owned(), 2, false, Some("gpu".to_owned()));
    assert_eq!(places(&table), [labelled, row("/r1", 2, false), row("h1", 2, true)]);
    confirm(&mut table);

    // Taken back, every level is cancelled; the other place and label start anew.
    table.set(ask_at(0, nodes(&[("h1", "/r1")], false))).unwrap();
    let racks = Locality::Racks {
        racks: vec!["/r2".to_owned()],
        relax: true,
    };
    table.set(ask_at(2, racks)).unwrap();
    let expected = [
        row("*", 2, true),
        row("/r1", 0, true),
        row("/r2", 2, true),
        row("h1", 0, true),
    ];
    assert_eq!(places(&table), expected);
}

#[test]
fn wishes_for_different_places_share_a_key_and_their_rows_are_sums() {
    let mut table = AskTable::new();
    table.set(ask_at(1, nodes(&[("h1", "/r1")], true))).unwrap();
    table.set(ask_at(2, nodes(&[("h2", "/r1")], true))).unwrap();
    table.set(ask_at(3, Locality::Anywhere)).unwrap();
    let expected = [
        row("*", 6, true),
        row("/r1", 3, true),
        row("h1", 1, true),
        row("h2", 2, true),
    ];
    assert_eq!(places(&table), expected);
    assert_eq!(table.total(), 6);
    confirm(&mut table);
    table.set(ask_at(0, nodes(&[("h2", "/r1")], true))).unwrap();
    let expected = [row("*", 4, true), row("/r1", 1, true), row("h2", 0, true)];
    assert_eq!(places(&table), expected);
}

#[test]
fn two_hosts_of_one_rack_count_once_at_the_rack() {
    let mut table = AskTable::new();
    table
        .set(ask_at(2, nodes(&[("h1", "/r"), ("h2", "/r")], true)))
        .unwrap();
    let expected = [
        row("*", 2, true),
        row("/r", 2, true),
        row("h1", 2, true),
        row("h2", 2, true),
    ];
    assert_eq!(places(&table), expected);
}

#[test]
fn a_container_serves_the_wish_that_it_fits_best() {
    let here = nodes(&[("nm1", "/r1")], true);
    let beside = nodes(&[("nm2", "/r1")], true);
    let table_of = |wishes: &[&Locality]| {
        let mut table = AskTable::new();
        for wish in wishes {
            table.set(ask_at(1, (*wish).clone())).unwrap();
        }
        table
    };
    let mut table = table_of(&[&Locality::Anywhere, &beside, &here]);
    for left in [
        vec![Locality::Anywhere, beside.clone()],
        vec![Locality::Anywhere],
        vec![],
    ] {
        assert!(table.arrived(&container(1), &SentRows::default()));
        let places: Vec<Locality> = table.asks().map(|ask| ask.locality).collect();
        assert_eq!(places.len(), left.len());
    }
    assert!(!table.arrived(&container(1), &SentRows::default()));

    let mut strict = table_of(&[&Locality::Anywhere, &beside]);
    assert!(strict.arrived(&container(1), &SentRows::default()));
    assert_eq!(strict.outstanding_at(AskKey::priority(1), &beside), 1);
}

#[test]
fn strict_and_relaxed_wishes_for_one_place_need_keys_of_their_own() {
    let mut table = AskTable::new();
    table.set(ask_at(1, Locality::Anywhere)).unwrap();
    let error = table.set(ask_at(1, nodes(&[("h1", "/r1")], false))).unwrap_err();
    assert!(
        matches!(&error, AskError::MixedRelax { place, .. } if place == "*"),
        "{error}"
    );
    assert_eq!(table.total(), 1, "the table is unchanged");
    let own = ContainerAsk {
        key: table.free_key(1),
        ..ask_at(1, nodes(&[("h1", "/r1")], false))
    };
    table.set(own).unwrap();
    assert_eq!(table.total(), 2);
}

#[test]
fn opportunistic_containers_are_asked_for_as_such() {
    let mut table = AskTable::new();
    table
        .set(ask_at(1, Locality::Anywhere).executed(Execution::OPPORTUNISTIC))
        .unwrap();
    let (rows, _) = table.changed_rows();
    let kind = rows[0].execution_type_request.unwrap();
    assert_eq!(
        (kind.execution_type, kind.enforce_execution_type),
        (Some(2), Some(true))
    );
    let error = table.set(ask_at(2, Locality::Anywhere)).unwrap_err();
    assert!(error.to_string().contains("Opportunistic"), "{error}");
}

#[test]
fn impossible_asks_are_refused_and_named() {
    let mut table = AskTable::new();
    let types = [crate::types::ResourceType {
        name: "yarn.io/gpu".to_owned(),
        units: String::new(),
    }];
    let maximum = Resource::new(8192, 4).with_extra("yarn.io/gpu", 1);
    table.set_limits(Limits::new(Some(maximum), &types));
    let of = |capability| ContainerAsk::new(AskKey::priority(1), capability, 1);
    let small = || of(Resource::new(1, 1));
    let table_of_errors = [
        (of(Resource::new(0, 1)), "0 of \"memory-mb\""),
        (of(Resource::new(u64::MAX, 1)), "18446744073709551615 of \"memory-mb\""),
        (of(Resource::new(1, u32::MAX)), "4294967295 of \"vcores\""),
        (of(Resource::new(1, 1).with_extra("", 1)), "1 of \"\""),
        (of(Resource::new(1, 1).with_extra("yarn.io/fpga", 1)), "yarn.io/fpga"),
        (
            of(Resource::new(8193, 1)),
            "the largest that the queue gives is <memory:8192",
        ),
        (
            ContainerAsk {
                count: u32::MAX,
                ..small()
            },
            "4294967295 containers",
        ),
        (small().at(nodes(&[], true)), "names no node"),
        (small().at(nodes(&[("", "/r")], true)), "no host and no rack"),
        (small().labelled("a && b"), "a && b"),
    ];
    for (ask, expected) in table_of_errors {
        let error = table.set(ask).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert_eq!(table, {
        let mut untouched = AskTable::new();
        untouched.set_limits(table.limits().clone());
        untouched
    });
}

#[test]
fn a_row_that_crossed_a_grant_is_said_again() {
    let mut table = AskTable::new();
    table.set(ask_at(3, Locality::Anywhere)).unwrap();
    let (_, sent) = table.changed_rows();
    table.confirm(&sent);
    // Granted before the row arrived there: the row stands at 3 where 2 are wanted.
    assert!(table.arrived(&container(1), &sent));
    assert_eq!(places(&table), [row("*", 2, true)]);
}

#[test]
fn a_named_host_and_its_rack_are_counted_down_where_the_resource_manager_does_it() {
    let here = nodes(&[("nm1", "/r")], true);
    let beside = nodes(&[("nm2", "/r")], true);
    let both = nodes(&[("nm1", "/r"), ("nm2", "/r")], true);
    // Two are wanted; one comes to nm1.
    type Case<'a> = (&'a str, ContainerAsk, &'a [(&'a str, i32)]);
    let table: [Case<'_>; 4] = [
        ("on the host that was asked for", ask_at(2, here.clone()), &[]),
        ("on one of two", ask_at(2, both), &[("nm2", 1)]),
        ("on another", ask_at(2, beside), &[("/r", 1), ("nm2", 1)]),
        (
            "in what others leave",
            ask_at(2, here.clone()).executed(Execution::OPPORTUNISTIC),
            &[("/r", 1), ("nm1", 1)],
        ),
    ];
    for (name, ask, expected) in table {
        let mut table = AskTable::new();
        table.set(ask).unwrap();
        confirm(&mut table);
        assert!(table.arrived(&container(1), &SentRows::default()), "{name}");
        let expected: Vec<_> = expected
            .iter()
            .map(|(place, count)| ((*place).to_owned(), *count))
            .collect();
        assert_eq!(counts(&table), expected, "{name}");
    }
    // The last one leaves nothing to say, not even that nothing is wanted.
    let mut table = AskTable::new();
    table.set(ask_at(1, here.clone())).unwrap();
    confirm(&mut table);
    assert!(table.arrived(&container(1), &SentRows::default()) && !table.has_changes());
    // Rows that crossed the grant stand there as they were said.
    table.set(ask_at(2, here)).unwrap();
    let (_, sent) = table.changed_rows();
    table.confirm(&sent);
    assert!(table.arrived(&container(1), &sent));
    assert_eq!(
        places(&table),
        [row("*", 1, true), row("/r", 1, true), row("nm1", 1, true)]
    );
}
