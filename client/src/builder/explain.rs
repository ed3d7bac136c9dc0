//! Why the vertices of a given graph are apart, by the same rules as the builder's.

use selvedge_core::JobGraph;

use super::chain::{ChainBreak, Link};

/// For each edge of the graph, in its order, why its two vertices are not one chain. Where only the graph itself keeps
/// them apart that is said; an edge to a missing vertex has no reasons, `validate` refuses it.
pub fn explain(graph: &JobGraph) -> Vec<Vec<ChainBreak>> {
    graph
        .edges
        .iter()
        .map(|edge| {
            let (Some(source), Some(target)) = (graph.vertex(&edge.source), graph.vertex(&edge.target)) else {
                return Vec::new();
            };
            let link = Link {
                partitioner: &edge.partitioner,
                outputs_of_source: graph.outputs(&source.id).count(),
                inputs_of_target: graph.inputs(&target.id).count(),
                parallelism: (source.parallelism, target.parallelism),
                max_parallelism: (source.max_parallelism, target.max_parallelism),
                slot_sharing_group: (&source.slot_sharing_group, &target.slot_sharing_group),
                disabled: None,
                enabled: true,
            };
            let mut reasons = link.breaks();
            if reasons.is_empty() {
                reasons.push(ChainBreak::SeparateVertices);
            }
            reasons
        })
        .collect()
}
