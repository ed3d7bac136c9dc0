use yarn_common::{
    id::{ApplicationId, NodeId},
    resource::Resource,
    token::{Token, TokenKind},
};

use super::*;

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
                assert_eq!(table.arrived(&container(*priority)), *expected, "{name}, step {number}");
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
            Beat(&[(1, 1024, 0)]),
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

#[test]
fn places_are_asked_for_at_every_level_and_labels_only_at_the_top() {
    let nodes = Locality::Nodes {
        nodes: vec![("h1".to_owned(), "/r1".to_owned())],
        relax: false,
    };
    let mut table = AskTable::new();
    let wish = ContainerAsk {
        locality: nodes,
        node_label: Some("gpu".to_owned()),
        ..ContainerAsk::new(AskKey::priority(1), Resource::new(1024, 1), 2)
    };
    table.set(wish.clone()).unwrap();
    let row =
        |place: &str, count, relax, label: Option<&str>| (place.to_owned(), count, relax, label.map(str::to_owned));
    let expected = [
        row("*", 2, false, Some("gpu")),
        row("/r1", 2, false, None),
        row("h1", 2, true, None),
    ];
    assert_eq!(places(&table), expected);
    let (_, sent) = table.changed_rows();
    table.confirm(&sent);

    let racks = Locality::Racks {
        racks: vec!["/r2".to_owned()],
        relax: true,
    };
    table
        .set(ContainerAsk {
            locality: racks,
            node_label: None,
            ..wish
        })
        .unwrap();
    let expected = [
        row("*", 2, true, None),
        row("/r1", 0, true, None),
        row("/r2", 2, true, None),
        row("h1", 0, true, None),
    ];
    assert_eq!(places(&table), expected);
}

#[test]
fn an_arrival_lowers_the_rows_of_all_places() {
    let mut table = AskTable::new();
    let nodes = Locality::Nodes {
        nodes: vec![("nm1".to_owned(), "/r".to_owned())],
        relax: true,
    };
    table
        .set(ContainerAsk {
            locality: nodes,
            ..ContainerAsk::new(AskKey::priority(1), Resource::new(1024, 1), 2)
        })
        .unwrap();
    let (_, sent) = table.changed_rows();
    table.confirm(&sent);
    assert!(table.arrived(&container(1)));
    let counts: Vec<_> = places(&table)
        .into_iter()
        .map(|(place, count, ..)| (place, count))
        .collect();
    assert_eq!(counts, [("/r".to_owned(), 1), ("nm1".to_owned(), 1)]);
}
