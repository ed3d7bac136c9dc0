//! A whole graph, checked as a worker would plan it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use selvedge_core::VertexId;
use selvedge_core::job_graph::topology::topological_order;
use selvedge_core::job_graph::validate::validate;
use selvedge_core::job_graph::{Edge, JobGraph, Operator, Partitioner, SchemaSpec, Vertex};
use selvedge_runtime::connector::{ConnectorError, GraphChecker};

use super::expression::same_columns;
use super::operator::plan_operators;
use crate::operator::FoundResources;
use crate::operator::partition::HashPartitioner;

/// Plans every chain of a graph and writes the schemas that come of it on the edges.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlanChecker;

impl GraphChecker for PlanChecker {
    fn check(&self, mut graph: JobGraph) -> Result<JobGraph, ConnectorError> {
        validate(&graph).map_err(|error| ConnectorError::new(error.to_string()))?;
        check_outputs_differ(&graph)?;
        // `validate` has refused cycles.
        let order = topological_order(&graph).unwrap_or_default();
        let mut outputs = BTreeMap::new();
        for id in order {
            let input = join_inputs(&mut graph, &id, &outputs)?;
            let Some(vertex) = graph.vertex(&id) else { continue };
            // Nothing runs here, and the types are the same everywhere.
            let planned = plan_operators(&id, &vertex.chain, input, &FoundResources::default())?;
            if let Some(output) = planned.last().and_then(|last| last.output.clone()) {
                outputs.insert(id, output);
            }
        }
        Ok(graph)
    }
}

/// Checks the edges into a vertex, writes their schema on them, and answers with it. A column is nullable where it is so
/// in any of them.
fn join_inputs(
    graph: &mut JobGraph,
    id: &VertexId,
    outputs: &BTreeMap<VertexId, SchemaRef>,
) -> Result<Option<SchemaRef>, ConnectorError> {
    let mut joined: Option<(VertexId, SchemaRef)> = None;
    for (_, edge) in graph.inputs(id) {
        let Some(produced) = outputs.get(&edge.source) else {
            return Err(ConnectorError::new(format!(
                "no records leave the vertex '{}'",
                edge.source
            )));
        };
        check_stated(edge, produced)?;
        joined = Some(match joined {
            None => (edge.source.clone(), Arc::clone(produced)),
            Some((first, schema)) => {
                let merged = merge(&schema, produced).ok_or_else(|| differ(id, &first, &schema, edge, produced))?;
                (first, merged)
            }
        });
    }
    let Some((_, schema)) = joined else { return Ok(None) };
    let Some(target) = graph.vertex(id).cloned() else {
        return Ok(None);
    };
    for edge in graph.edges.iter_mut().filter(|edge| edge.target == *id) {
        edge.schema = SchemaSpec::from(schema.as_ref());
        check_keys(edge, &target, &schema)?;
    }
    Ok(Some(schema))
}

fn check_stated(edge: &Edge, produced: &SchemaRef) -> Result<(), ConnectorError> {
    let stated = edge.schema.to_arrow();
    // A column that never is null may be stated as nullable.
    let narrower = |(stated, produced): (&Arc<Field>, &Arc<Field>)| stated.is_nullable() || !produced.is_nullable();
    let fits = || same_columns(&stated, produced) && stated.fields().iter().zip(produced.fields()).all(narrower);
    if edge.schema.is_empty() || fits() {
        return Ok(());
    }
    Err(ConnectorError::new(format!(
        "the edge from '{}' to '{}' states the schema ({}), but '{}' produces ({}): correct it or leave it out",
        edge.source,
        edge.target,
        edge.schema,
        edge.source,
        SchemaSpec::from(produced.as_ref())
    )))
}

fn merge(left: &SchemaRef, right: &SchemaRef) -> Option<SchemaRef> {
    if !same_columns(left, right) {
        return None;
    }
    let merged = left.fields().iter().zip(right.fields()).map(|(left, right)| {
        let nullable = left.is_nullable() || right.is_nullable();
        left.as_ref().clone().with_nullable(nullable)
    });
    Some(Arc::new(Schema::new(merged.collect::<Vec<_>>())))
}

fn differ(id: &VertexId, first: &VertexId, schema: &SchemaRef, edge: &Edge, produced: &SchemaRef) -> ConnectorError {
    ConnectorError::new(format!(
        "vertex '{id}' joins inputs of different schemas: '{first}' produces ({}), but '{}' produces ({}); make them equal \
         with a 'project'",
        SchemaSpec::from(schema.as_ref()),
        edge.source,
        SchemaSpec::from(produced.as_ref())
    ))
}

fn check_keys(edge: &Edge, target: &Vertex, schema: &SchemaRef) -> Result<(), ConnectorError> {
    let Partitioner::Hash { keys } = &edge.partitioner else {
        return Ok(());
    };
    HashPartitioner::new(schema, keys, target.max_parallelism, target.parallelism)
        .map(|_| ())
        .map_err(|error| {
            ConnectorError::new(format!(
                "the edge from '{}' to '{}' is partitioned by hash: {error}",
                edge.source, edge.target
            ))
        })
}

/// Whoever reads a directory that two sinks write to cannot tell their records apart.
fn check_outputs_differ(graph: &JobGraph) -> Result<(), ConnectorError> {
    let mut paths = BTreeMap::new();
    for spec in graph.vertices.iter().flat_map(|vertex| &vertex.chain) {
        let Operator::FileSink(sink) = &spec.operator else {
            continue;
        };
        if let Some(first) = paths.insert(sink.path.trim_end_matches('/'), &spec.id) {
            return Err(ConnectorError::new(format!(
                "the operators '{first}' and '{}' both write to '{}': give each file-sink a directory of its own",
                spec.id, sink.path
            )));
        }
    }
    Ok(())
}
