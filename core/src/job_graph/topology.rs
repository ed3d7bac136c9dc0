//! The order of a graph's vertices.

use std::collections::BTreeMap;

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::Topo;

use super::JobGraph;
use crate::id::VertexId;

/// The vertices so that every producer comes before its consumers, or the vertices of a cycle. Edges to missing vertices
/// are passed over: `validate` reports them.
pub fn topological_order(graph: &JobGraph) -> Result<Vec<VertexId>, Vec<VertexId>> {
    let mut directed = DiGraph::<&VertexId, ()>::new();
    let nodes: BTreeMap<&VertexId, NodeIndex> = graph
        .vertices
        .iter()
        .map(|vertex| (&vertex.id, directed.add_node(&vertex.id)))
        .collect();
    for edge in &graph.edges {
        if let (Some(source), Some(target)) = (nodes.get(&edge.source), nodes.get(&edge.target)) {
            directed.update_edge(*source, *target, ());
        }
    }
    let is_cycle = |component: &Vec<NodeIndex>| {
        component.len() > 1 || component.iter().any(|node| directed.contains_edge(*node, *node))
    };
    if let Some(cycle) = tarjan_scc(&directed).into_iter().find(is_cycle) {
        return Err(cycle.into_iter().rev().map(|node| directed[node].clone()).collect());
    }
    let mut walk = Topo::new(&directed);
    let order = std::iter::from_fn(|| walk.next(&directed)).map(|node| directed[node].clone());
    Ok(order.collect())
}
