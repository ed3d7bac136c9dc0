use serde_json::{Value, json};

use super::super::JobType;
use super::*;

fn graph(change: impl FnOnce(&mut Value)) -> JobGraph {
    let mut document = json!({"name": "j", "vertices": [
        {"id": "in", "chain": [{"id": "make", "operator": "generator-source", "fields": [], "rows": 1}]},
        {"id": "mid", "chain": [{"id": "keep", "operator": "filter", "predicate": "true"}]},
        {"id": "out", "chain": [{"id": "drop", "operator": "blackhole-sink"}]}],
        "edges": [
            {"source": "in", "target": "mid", "partitioner": {"type": "forward"}},
            {"source": "mid", "target": "out", "partitioner": {"type": "rebalance"}}]});
    change(&mut document);
    serde_json::from_value(document).unwrap()
}

fn fault(change: impl FnOnce(&mut Value)) -> String {
    validate(&graph(change)).unwrap_err().to_string()
}

#[test]
fn a_sound_graph_passes() {
    assert_eq!(validate(&graph(|_| ())), Ok(()));
}

#[test]
fn each_fault_names_its_place_and_value() {
    let cases: Vec<(String, &str)> = vec![
        (fault(|g| g["vertices"] = json!([])), "no vertices"),
        (
            fault(|g| g["vertices"][1]["id"] = json!("in")),
            "two vertices have the id 'in'",
        ),
        (
            fault(|g| g["vertices"][1]["chain"][0]["id"] = json!("make")),
            "two operators have the id 'make'",
        ),
        (
            fault(|g| g["vertices"][1]["parallelism"] = json!(0)),
            "vertex 'mid': parallelism 0",
        ),
        (
            fault(|g| g["vertices"][1]["parallelism"] = json!(129)),
            "parallelism 129 is not between 1 and its max_parallelism 128",
        ),
        (
            fault(|g| g["vertices"][1]["max_parallelism"] = json!(40000)),
            "max_parallelism 40000",
        ),
        (
            fault(|g| g["edges"][0]["target"] = json!("mit")),
            "the vertex 'mit', which does not exist (did you mean 'mid'?)",
        ),
        (
            fault(|g| g["vertices"][1]["chain"] = json!([])),
            "vertex 'mid' has an empty chain",
        ),
        (
            fault(|g| g["vertices"][1]["parallelism"] = json!(2)),
            "the parallelisms differ (1 and 2)",
        ),
        (
            fault(|g| g["edges"][0]["exchange"] = json!("blocking")),
            "blocking exchange",
        ),
        (
            fault(|g| g["edges"][1]["partitioner"] = json!({"type": "hash", "keys": []})),
            "names no keys",
        ),
        (fault(|g| g["edges"] = json!([])), "go nowhere"),
        (
            fault(|g| g["configuration"] = json!({"restart-strategi.type": "none"})),
            "'restart-strategi.type', which is no setting of a job",
        ),
        (
            fault(|g| g["configuration"] = json!({"execution.runtime-mode": "FAST"})),
            "execution.runtime-mode 'FAST', which is none",
        ),
        (
            fault(|g| {
                g["configuration"] = json!({"execution.runtime-mode": "BATCH"});
                g["vertices"][0]["chain"][0]["rows"] = json!(null);
            }),
            "execution.runtime-mode 'BATCH', and a source of it does not end",
        ),
        (
            fault(|g| {
                g["resource_requirements"] = json!({"mid": {"parallelism": {"lowerBound": 2, "upperBound": 1}}});
            }),
            "resource_requirements: vertex 'mid': the lower bound 2",
        ),
    ];
    for (message, expected) in cases {
        assert!(message.contains(expected), "{message} / {expected}");
    }
}

#[test]
fn a_job_whose_sources_end_may_run_as_if_they_did_not() {
    let of = |mode: &str| graph(|g| g["configuration"] = json!({"execution.runtime-mode": mode})).job_type();
    assert_eq!(graph(|_| ()).job_type(), JobType::Batch);
    assert_eq!(
        ["STREAMING", "BATCH", "AUTOMATIC"].map(of),
        [JobType::Streaming, JobType::Batch, JobType::Batch]
    );
}

#[test]
fn a_cycle_is_drawn() {
    let message = fault(|g| {
        g["edges"]
            .as_array_mut()
            .unwrap()
            .push(json!({"source": "mid", "target": "mid", "partitioner": {"type": "rebalance"}}));
    });
    assert_eq!(message, "the edges form a cycle: mid -> mid; a job must be acyclic");
}
