//! A planned chain at work: batches go from operator to operator by direct calls.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use selvedge_core::job_graph::OperatorSpec;
use selvedge_runtime::connector::Committable;

use super::aggregate::AggregateOperator;
use super::filter::FilterOperator;
use super::flat_map::FlatMapOperator;
use super::host::OperatorHost;
use super::project::ProjectOperator;
use super::sink::{BlackholeSinkOperator, FileSinkOperator, PrintSinkOperator};
use super::source::{FileSourceOperator, GeneratorSourceOperator};
use super::{Chain, Collector, SourceStatus, SplitProvider, TaskContext, TaskError};
use crate::planner::{PlannedKind, PlannedOperator, plan_operators};

/// An operator behind another.
pub(super) trait Operator: Send {
    /// Takes a batch and passes on what comes of it.
    fn process(&mut self, batch: RecordBatch, out: &mut dyn Collector) -> Result<(), TaskError>;

    /// No batch comes any more: passes on what was kept back.
    fn finish(&mut self, _out: &mut dyn Collector) -> Result<(), TaskError> {
        Ok(())
    }

    /// After `finish`: what is to be committed.
    fn committable(&mut self) -> Option<Committable> {
        None
    }
}

/// An operator that a chain starts with.
pub(super) trait Source: Send {
    /// Reads or makes at most one batch.
    fn advance(&mut self, splits: &mut dyn SplitProvider, out: &mut dyn Collector) -> Result<SourceStatus, TaskError>;
}

/// Sets up the chain of a vertex for one subtask. `input` is the schema of its edges, `None` where it starts with a source.
pub fn plan_chain(
    ctx: &TaskContext,
    specs: &[OperatorSpec],
    input: Option<SchemaRef>,
) -> Result<Box<dyn Chain>, TaskError> {
    let planned = plan_operators(&ctx.attempt.vertex, specs, input.clone(), &ctx.external_resources);
    let planned = planned.map_err(|error| TaskError::Plan {
        operator: error.operator.to_string(),
        reason: error.to_string(),
    })?;
    let output = planned.last().and_then(|last| last.output.clone());
    let mut chain = PlannedChain {
        host: OperatorHost::new(ctx, specs.first().map_or("", |spec| spec.id.as_str())),
        source: None,
        operators: Vec::with_capacity(planned.len()),
        input,
        output,
    };
    for operator in planned {
        chain.add(ctx, operator)?;
    }
    Ok(Box::new(chain))
}

struct PlannedChain {
    /// Of the first operator.
    host: OperatorHost,
    source: Option<Box<dyn Source>>,
    operators: Vec<Box<dyn Operator>>,
    input: Option<SchemaRef>,
    output: Option<SchemaRef>,
}

impl PlannedChain {
    fn add(&mut self, ctx: &TaskContext, planned: PlannedOperator) -> Result<(), TaskError> {
        let host = OperatorHost::new(ctx, planned.id.as_str());
        let output = planned.output;
        let operator: Box<dyn Operator> = match (planned.kind, output) {
            (PlannedKind::FileSource(spec), Some(schema)) => {
                self.source = Some(Box::new(FileSourceOperator::new(host, &spec, schema)?));
                return Ok(());
            }
            (PlannedKind::GeneratorSource(spec), Some(schema)) => {
                self.source = Some(Box::new(GeneratorSourceOperator::new(host, spec, schema)));
                return Ok(());
            }
            (PlannedKind::Project(expressions), Some(schema)) => {
                Box::new(ProjectOperator::new(host, expressions, schema))
            }
            (PlannedKind::Filter(predicate), Some(_)) => Box::new(FilterOperator::new(host, predicate)),
            (PlannedKind::FlatMap { list, keep }, Some(schema)) => {
                Box::new(FlatMapOperator::new(host, list, keep, schema))
            }
            (
                PlannedKind::Aggregate {
                    input,
                    keys,
                    aggregates,
                },
                Some(output),
            ) => Box::new(AggregateOperator::new(host, &input, keys, aggregates, output)?),
            (PlannedKind::FileSink { input, spec }, None) => Box::new(FileSinkOperator::new(host, &spec, input)?),
            (PlannedKind::PrintSink(spec), None) => Box::new(PrintSinkOperator::new(host, spec)),
            (PlannedKind::BlackholeSink(spec), None) => Box::new(BlackholeSinkOperator::new(host, &spec)),
            // A sink has no output and everything else has one: the planner's types say so.
            (kind, _) => return Err(host.fail(format!("it was planned without its schema: {kind:?}"))),
        };
        self.operators.push(operator);
        Ok(())
    }

    /// The batch under the schema that the chain was planned for: the same columns, perhaps declared nullable.
    fn declared(&self, batch: RecordBatch) -> Result<RecordBatch, TaskError> {
        match &self.input {
            Some(schema) if !Arc::ptr_eq(schema, batch.schema_ref()) && schema != batch.schema_ref() => {
                batch_as(&batch, schema)
                    .map_err(|error| self.host.caused("the input is not of the edge's schema", error))
            }
            _ => Ok(batch),
        }
    }
}

fn batch_as(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, arrow::error::ArrowError> {
    RecordBatch::try_new(Arc::clone(schema), batch.columns().to_vec())
}

impl Chain for PlannedChain {
    fn output_schema(&self) -> Option<SchemaRef> {
        self.output.clone()
    }

    fn advance_source(
        &mut self,
        splits: &mut dyn SplitProvider,
        out: &mut dyn Collector,
    ) -> Result<SourceStatus, TaskError> {
        match &mut self.source {
            Some(source) => source.advance(splits, &mut Rest::new(&mut self.operators, out)),
            None => Err(self.host.fail("it is no source, but was asked for records")),
        }
    }

    fn process(&mut self, batch: RecordBatch, out: &mut dyn Collector) -> Result<(), TaskError> {
        if self.source.is_some() {
            return Err(self.host.fail("it is a source, but was given records"));
        }
        let batch = self.declared(batch)?;
        Rest::new(&mut self.operators, out).collect(batch)
    }

    fn finish(&mut self, out: &mut dyn Collector) -> Result<Vec<Committable>, TaskError> {
        for position in 0..self.operators.len() {
            if let Some((operator, rest)) = self.operators[position..].split_first_mut() {
                operator.finish(&mut Rest::new(rest, out))?;
            }
        }
        Ok(self
            .operators
            .iter_mut()
            .filter_map(|operator| operator.committable())
            .collect())
    }
}

/// The operators behind one, seen as where its records go.
struct Rest<'a> {
    operators: &'a mut [Box<dyn Operator>],
    out: &'a mut dyn Collector,
}

impl<'a> Rest<'a> {
    fn new(operators: &'a mut [Box<dyn Operator>], out: &'a mut dyn Collector) -> Self {
        Self { operators, out }
    }
}

impl Collector for Rest<'_> {
    fn collect(&mut self, batch: RecordBatch) -> Result<(), TaskError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        match self.operators.split_first_mut() {
            None => self.out.collect(batch),
            Some((next, rest)) => next.process(batch, &mut Rest::new(rest, self.out)),
        }
    }
}
