use std::time::Duration;

use selvedge_core::MemorySize;
use selvedge_core::job_graph::operator::{BlackholeSink, FileFormat, FileSource, Filter, GeneratorSource, OnError};

use super::*;

fn source(id: &str) -> Node {
    let source = GeneratorSource {
        fields: vec![],
        rows: Some(1),
        rows_per_second: None,
        seed: 0,
    };
    Node::new(id, Operator::GeneratorSource(source))
}

fn filter(id: &str) -> Node {
    let filter = Filter {
        predicate: "true".to_owned(),
    };
    Node::new(id, Operator::Filter(filter))
}

fn sink(id: &str) -> Node {
    Node::new(id, Operator::BlackholeSink(BlackholeSink { bytes_per_second: None }))
}

/// `in -> mid -> out`, all forward, after `change` of the middle one.
fn line(change: impl FnOnce(Node) -> Node, configuration: &Configuration) -> BuiltJob {
    let mut job = JobGraphBuilder::new("j");
    let from = job.add(source("in"));
    let middle = job.add(change(filter("mid")));
    let to = job.add(sink("out"));
    job.connect(from, middle, Partitioner::Forward);
    job.connect(middle, to, Partitioner::Forward);
    job.build(configuration).unwrap()
}

fn chains(built: &BuiltJob) -> Vec<String> {
    built.graph.vertices.iter().map(Vertex::display_name).collect()
}

fn reasons(built: &BuiltJob) -> Vec<String> {
    built.breaks.iter().map(|edge| edge.reasons[0].to_string()).collect()
}

#[test]
fn forward_connections_become_one_chain() {
    let built = line(|node| node, &Configuration::new());
    assert_eq!(chains(&built), ["in -> mid -> out"]);
    assert_eq!(built.graph.edges, []);
}

#[test]
fn a_chain_breaks_where_one_rule_says_so() {
    let none = Configuration::new();
    let off: Configuration = [("pipeline.operator-chaining.enabled", "false")].into_iter().collect();
    let cases = [
        (line(Node::disable_chaining, &none), "chaining is disabled for 'mid'"),
        (
            line(|node| node.slot_sharing_group("other"), &none),
            "the slot-sharing groups differ ('default' and 'other')",
        ),
        (
            line(|node| node.max_parallelism(64), &none),
            "the maximum parallelisms differ (128 and 64)",
        ),
        (line(|node| node, &off), "pipeline.operator-chaining.enabled is false"),
    ];
    for (built, reason) in cases {
        assert_eq!(chains(&built), ["in", "mid", "out"], "{reason}");
        assert_eq!(reasons(&built)[0], reason);
        assert_eq!(built.breaks.len(), built.graph.edges.len());
    }
}

#[test]
fn a_union_and_a_fan_out_are_not_chained() {
    let mut job = JobGraphBuilder::new("j");
    let (left, right) = (job.add(source("left")), job.add(source("right")));
    let union = job.add(filter("union"));
    let (first, second) = (job.add(sink("first")), job.add(sink("second")));
    for (from, to) in [(left, union), (right, union), (union, first), (union, second)] {
        job.connect(from, to, Partitioner::Forward);
    }
    let built = job.build(&Configuration::new()).unwrap();
    assert_eq!(built.graph.vertices.len(), 5);
    assert_eq!(
        reasons(&built),
        [
            "it has 2 inputs",
            "it has 2 inputs",
            "the records go to 2 consumers",
            "the records go to 2 consumers"
        ]
    );
}

#[test]
fn the_default_parallelism_fills_what_a_node_leaves_out() {
    let four: Configuration = [("parallelism.default", "4")].into_iter().collect();
    let mut job = JobGraphBuilder::new("j");
    let from = job.add(source("in").parallelism(1));
    let to = job.add(sink("out"));
    job.connect(from, to, Partitioner::Rebalance);
    let built = job.build(&four).unwrap();
    let parallelisms: Vec<_> = built.graph.vertices.iter().map(|vertex| vertex.parallelism).collect();
    assert_eq!(parallelisms, [1, 4]);
    assert_eq!(
        built.breaks[0].reasons,
        [ChainBreak::Partitioner("REBALANCE"), ChainBreak::Parallelism(1, 4)]
    );
}

#[test]
fn a_ring_is_refused_as_a_cycle() {
    let mut job = JobGraphBuilder::new("j");
    let (first, second) = (job.add(filter("a")), job.add(filter("b")));
    job.connect(first, second, Partitioner::Forward);
    job.connect(second, first, Partitioner::Forward);
    let error = job.build(&Configuration::new()).unwrap_err().to_string();
    assert!(error.contains("cycle"), "{error}");
}

#[test]
fn a_given_graph_is_explained_by_the_same_rules() {
    let off: Configuration = [("pipeline.operator-chaining.enabled", "false")].into_iter().collect();
    let built = line(|node| node, &off);
    assert_eq!(explain(&built.graph)[0], [ChainBreak::SeparateVertices]);
    let mut graph = built.graph;
    graph.edges[0].partitioner = Partitioner::Hash {
        keys: vec!["k".to_owned()],
    };
    assert_eq!(explain(&graph)[0], [ChainBreak::Partitioner("HASH")]);
}

#[test]
fn what_the_job_brings_along_and_its_checkpoints_are_in_the_graph() {
    let mut job = JobGraphBuilder::new("j");
    let read = FileSource {
        paths: vec!["artifact:words.txt".to_owned()],
        format: FileFormat::Text,
        schema: SchemaSpec::default(),
        split_size: MemorySize::from_mebibytes(1),
        on_error: OnError::Fail,
    };
    let source = job.add(Node::new("read", Operator::FileSource(read)));
    let drop = job.add(sink("drop"));
    job.connect(source, drop, Partitioner::Forward);
    let missing = job.clone().build(&Configuration::new()).unwrap_err().to_string();
    assert!(missing.contains("no artifact 'words.txt'"), "{missing}");
    job.bring("words.txt", "/data/words.txt");
    let settings = CheckpointSettings {
        tolerable_failed: 3,
        ..CheckpointSettings::default()
    };
    job.checkpointing(settings.clone());
    let graph = job.clone().build(&Configuration::new()).unwrap().graph;
    assert_eq!(graph.artifacts[0].path, "/data/words.txt");
    assert_eq!(graph.checkpointing, Some(settings.clone()));
    let interval = Some(Duration::from_secs(30));
    job.checkpointing(CheckpointSettings { interval, ..settings });
    let refused = job.build(&Configuration::new()).unwrap_err().to_string();
    assert!(refused.contains("no checkpoints are taken yet"), "{refused}");
}
