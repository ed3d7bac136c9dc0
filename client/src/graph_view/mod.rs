//! Draws a JobGraph for a terminal: vertices in topological order, each with its chain, and above it the edges that lead
//! to it with partitioner, exchange, schema and the reason why no chain crosses them.
//!
//! ```text
//! WordCount: BATCH, 2 vertices, 1 edge, 2 slots
//!
//! ┌ source   parallelism 2, max 128, group default
//! │ read   file-source  README.md (text)
//! │ split  flat-map     unnest words(line) as word
//! └
//!    source ─ HASH(word) ─▶ count   pipelined
//!      word Utf8
//!      not chained: its input is partitioned by HASH, not FORWARD
//! ┌ count   parallelism 2, max 128, group default
//! │ count-words  aggregate  count(*) as count by word
//! └
//! ```

mod operators;

use std::fmt::Write;

use selvedge_core::JobGraph;
use selvedge_core::config::ConfigValue;
use selvedge_core::job_graph::topology::topological_order;
use selvedge_core::job_graph::{CheckpointMode, Edge, JobType, Partitioner, Vertex};

use crate::builder::{ChainBreak, explain};

/// The drawing of a graph that has been checked: acyclic, with a schema on every edge.
pub fn draw(graph: &JobGraph) -> String {
    let reasons = explain(graph);
    let mut text = headline(graph);
    text.push_str(&surroundings(graph));
    let order = topological_order(graph).unwrap_or_else(|cycle| cycle);
    for vertex in order.iter().filter_map(|id| graph.vertex(id)) {
        text.push('\n');
        for (index, edge) in graph.inputs(&vertex.id) {
            text.push_str(&edge_lines(edge, &reasons[index]));
        }
        text.push_str(&vertex_lines(vertex));
    }
    text
}

fn headline(graph: &JobGraph) -> String {
    let kind = match graph.job_type() {
        JobType::Batch => "BATCH",
        JobType::Streaming => "STREAMING",
    };
    format!(
        "{}: {kind}, {}, {}, {}\n",
        graph.name,
        count(graph.vertices.len(), "vertex", "vertices"),
        count(graph.edges.len(), "edge", "edges"),
        count(graph.required_slots() as usize, "slot", "slots"),
    )
}

/// What the job says besides its vertices: its checkpoints, and the files that it brings along.
fn surroundings(graph: &JobGraph) -> String {
    let mut lines = Vec::new();
    if let Some(settings) = &graph.checkpointing {
        let interval = settings
            .interval
            .map_or_else(|| "never".to_owned(), |interval| interval.to_text());
        let mode = match settings.mode {
            CheckpointMode::ExactlyOnce => "exactly-once",
            CheckpointMode::AtLeastOnce => "at-least-once",
        };
        lines.push(format!(
            "checkpoints: {interval}, {mode}, timeout {}",
            settings.timeout.to_text()
        ));
    }
    for artifact in &graph.artifacts {
        lines.push(format!("artifact {}: {}", artifact.name, artifact.path));
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn vertex_lines(vertex: &Vertex) -> String {
    let mut text = format!(
        "┌ {}   parallelism {}, max {}, group {}\n",
        vertex.id, vertex.parallelism, vertex.max_parallelism, vertex.slot_sharing_group
    );
    let width = |texts: &dyn Fn(usize) -> usize| (0..vertex.chain.len()).map(texts).max().unwrap_or_default();
    let name_width = width(&|index| vertex.chain[index].display_name().chars().count());
    let kind_width = width(&|index| vertex.chain[index].operator.kind().len());
    for spec in &vertex.chain {
        let (name, kind) = (spec.display_name(), spec.operator.kind());
        let line = format!(
            "│ {name:name_width$}  {kind:kind_width$}  {}",
            operators::summary(&spec.operator)
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str("└\n");
    text
}

fn edge_lines(edge: &Edge, reasons: &[ChainBreak]) -> String {
    let partitioner = match &edge.partitioner {
        Partitioner::Hash { keys } => format!("HASH({})", keys.join(", ")),
        other => other.ship_strategy().to_owned(),
    };
    let mut text = format!(
        "   {} ─ {partitioner} ─▶ {}   {}\n",
        edge.source,
        edge.target,
        edge.exchange.as_str()
    );
    if !edge.schema.is_empty() {
        writeln!(text, "     {}", edge.schema).expect("writing to a string cannot fail");
    }
    for reason in reasons {
        writeln!(text, "     not chained: {reason}").expect("writing to a string cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use selvedge_core::job_graph::file::parse;

    use super::*;

    #[test]
    fn a_graph_is_drawn_with_its_chains_and_why_they_end() {
        let job = include_str!("../../../examples/wordcount.json");
        let given = [("input", "/in"), ("output", "/out")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let graph = parse(job, &given.into_iter().collect(), 2).unwrap();
        let drawing = draw(&graph);
        for expected in [
            "WordCount: BATCH, 2 vertices, 1 edge, 2 slots\n",
            "┌ source   parallelism 2, max 128, group default\n",
            "│ read   file-source  /in (text)\n",
            "source ─ HASH(word) ─▶ count   pipelined\n",
            "not chained: its input is partitioned by HASH, not FORWARD\n",
            "│ count-words  aggregate  count(*) as count by word\n",
        ] {
            assert!(drawing.contains(expected), "{expected}\n{drawing}");
        }
        assert!(
            !drawing.contains("artifact") && !drawing.contains("checkpoints"),
            "{drawing}"
        );
        let (source, count) = (drawing.find("┌ source").unwrap(), drawing.find("┌ count").unwrap());
        assert!(source < count, "{drawing}");
    }

    #[test]
    fn what_a_job_brings_along_and_says_of_its_checkpoints_is_drawn() {
        let job = r#"{"name": "j", "vertices": [], "checkpointing": {"timeout": "5 min", "mode": "at-least-once"},
            "artifacts": [{"name": "words.txt", "path": "hdfs:///data/words"}]}"#;
        let drawing = draw(&parse(job, &std::collections::BTreeMap::new(), 1).unwrap());
        for expected in [
            "checkpoints: never, at-least-once, timeout 5 m\n",
            "artifact words.txt: hdfs:///data/words\n",
        ] {
            assert!(drawing.contains(expected), "{expected}\n{drawing}");
        }
    }
}
