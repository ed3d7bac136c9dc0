//! Operator specs over the schema of their input → planned operators with the schema of their output.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use selvedge_core::job_graph::operator::{
    Aggregate, BlackholeSink, FileFormat, FileSink, FileSource, FlatMap, GeneratorSource, NamedExpression, PrintSink,
    Project,
};
use selvedge_core::job_graph::{Operator, OperatorSpec, SchemaSpec};
use selvedge_core::{OperatorId, VertexId};

use super::aggregate::PlannedAggregate;
use super::error::{ExpressionError, PlanError, PlanFault};
use super::expression::PlannedExpression;
use super::source::{file_source_schema, generator_schema, single_byte};
use crate::operator::FoundResources;
use crate::operator::partition::{key_index, row_converter};

/// An operator that can be set up for a subtask.
#[derive(Debug)]
pub(crate) struct PlannedOperator {
    /// Its id.
    pub(crate) id: OperatorId,
    /// The columns that leave it; `None` for a sink.
    pub(crate) output: Option<SchemaRef>,
    /// What it does.
    pub(crate) kind: PlannedKind,
}

/// What an operator does, with its expressions planned.
#[derive(Debug)]
pub(crate) enum PlannedKind {
    FileSource(FileSource),
    GeneratorSource(GeneratorSource),
    Project(Vec<PlannedExpression>),
    Filter(PlannedExpression),
    FlatMap {
        list: PlannedExpression,
        /// Indices of the columns that are repeated.
        keep: Vec<usize>,
    },
    Aggregate {
        input: SchemaRef,
        keys: Vec<usize>,
        aggregates: Vec<PlannedAggregate>,
    },
    FileSink {
        input: SchemaRef,
        spec: FileSink,
    },
    PrintSink(PrintSink),
    BlackholeSink(BlackholeSink),
}

/// Plans a chain, whose input has this schema where it does not start with a source, for a worker that has found this.
pub(crate) fn plan_operators(
    vertex: &VertexId,
    chain: &[OperatorSpec],
    input: Option<SchemaRef>,
    found: &FoundResources,
) -> Result<Vec<PlannedOperator>, PlanError> {
    let mut schema = input;
    let mut planned = Vec::with_capacity(chain.len());
    for spec in chain {
        let operator = plan_operator(spec, schema.as_ref(), found).map_err(|fault| PlanError {
            vertex: vertex.clone(),
            operator: spec.id.clone(),
            fault: Box::new(fault),
        })?;
        schema.clone_from(&operator.output);
        planned.push(operator);
    }
    Ok(planned)
}

fn plan_operator(
    spec: &OperatorSpec,
    input: Option<&SchemaRef>,
    found: &FoundResources,
) -> Result<PlannedOperator, PlanFault> {
    let entering =
        || input.ok_or_else(|| PlanFault::Option("no records reach it: a source must come before".to_owned()));
    let (output, kind) = match &spec.operator {
        Operator::FileSource(source) => (
            Some(file_source_schema(source)?),
            PlannedKind::FileSource(source.clone()),
        ),
        Operator::GeneratorSource(source) => (
            Some(generator_schema(source)?),
            PlannedKind::GeneratorSource(source.clone()),
        ),
        Operator::Project(project) => plan_project(project, entering()?, found)?,
        Operator::Filter(filter) => {
            let schema = entering()?;
            let predicate =
                PlannedExpression::predicate(&filter.predicate, schema, found).map_err(in_text(&filter.predicate))?;
            (Some(Arc::clone(schema)), PlannedKind::Filter(predicate))
        }
        Operator::FlatMap(flat_map) => plan_flat_map(flat_map, entering()?, found)?,
        Operator::Aggregate(aggregate) => plan_aggregate(aggregate, entering()?, found)?,
        Operator::FileSink(sink) => (None, plan_file_sink(sink, entering()?)?),
        Operator::PrintSink(sink) => {
            entering()?;
            (None, PlannedKind::PrintSink(sink.clone()))
        }
        Operator::BlackholeSink(sink) => {
            entering()?;
            check_throttle(sink)?;
            (None, PlannedKind::BlackholeSink(sink.clone()))
        }
        other => return Err(PlanFault::Option(format!("this version cannot run '{}'", other.kind()))),
    };
    Ok(PlannedOperator {
        id: spec.id.clone(),
        output,
        kind,
    })
}

fn in_text(text: &str) -> impl FnOnce(ExpressionError) -> PlanFault {
    let text = text.to_owned();
    move |error| PlanFault::Expression { text, error }
}

fn plan_project(
    project: &Project,
    input: &SchemaRef,
    found: &FoundResources,
) -> Result<(Option<SchemaRef>, PlannedKind), PlanFault> {
    if project.columns.is_empty() {
        return Err(PlanFault::Option(
            "'columns' is empty: at least one column must leave".to_owned(),
        ));
    }
    let plan = |column: &NamedExpression| {
        PlannedExpression::new(&column.expression, input, found).map_err(in_text(&column.expression))
    };
    let expressions = project.columns.iter().map(plan).collect::<Result<Vec<_>, _>>()?;
    let fields = expressions.iter().zip(&project.columns);
    let output = unique(fields.map(|(expression, column)| expression.field(&column.name)))?;
    Ok((Some(output), PlannedKind::Project(expressions)))
}

fn plan_flat_map(
    flat_map: &FlatMap,
    input: &SchemaRef,
    found: &FoundResources,
) -> Result<(Option<SchemaRef>, PlannedKind), PlanFault> {
    let (list, element) =
        PlannedExpression::list(&flat_map.expression, input, found).map_err(in_text(&flat_map.expression))?;
    let index = |column: &String| {
        input
            .index_of(column)
            .map_err(|_| PlanFault::unknown_column(column, input))
    };
    let keep = flat_map.keep.iter().map(index).collect::<Result<Vec<_>, _>>()?;
    let kept = keep.iter().map(|index| input.field(*index).clone());
    let unnested = Field::new(&flat_map.name, element.data_type().clone(), element.is_nullable());
    let output = unique(kept.chain([unnested]))?;
    Ok((Some(output), PlannedKind::FlatMap { list, keep }))
}

fn plan_aggregate(
    aggregate: &Aggregate,
    input: &SchemaRef,
    found: &FoundResources,
) -> Result<(Option<SchemaRef>, PlannedKind), PlanFault> {
    if aggregate.keys.is_empty() && aggregate.aggregates.is_empty() {
        return Err(PlanFault::Option(
            "'keys' and 'aggregates' are both empty: no column would leave".to_owned(),
        ));
    }
    let index = |key: &String| key_index(input, key);
    let keys = aggregate.keys.iter().map(index).collect::<Result<Vec<_>, _>>()?;
    row_converter(input, &keys)?;
    let plan = |wanted: &NamedExpression| {
        PlannedAggregate::new(&wanted.expression, &wanted.name, input, found).map_err(in_text(&wanted.expression))
    };
    let aggregates = aggregate.aggregates.iter().map(plan).collect::<Result<Vec<_>, _>>()?;
    let key_fields = keys.iter().map(|key| input.field(*key).clone());
    let results = aggregates.iter().zip(&aggregate.aggregates);
    let results = results.map(|(planned, wanted)| planned.field(&wanted.name));
    let output = unique(key_fields.chain(results))?;
    let input = Arc::clone(input);
    let kind = PlannedKind::Aggregate {
        input,
        keys,
        aggregates,
    };
    Ok((Some(output), kind))
}

fn plan_file_sink(sink: &FileSink, input: &SchemaRef) -> Result<PlannedKind, PlanFault> {
    let refuse = |format, reason: &str| PlanFault::SinkSchema {
        format,
        schema: SchemaSpec::from(input.as_ref()).to_string(),
        reason: reason.to_owned(),
    };
    match &sink.format {
        FileFormat::Text => {
            if !matches!(input.fields().as_ref(), [field] if *field.data_type() == DataType::Utf8) {
                let reason =
                    "text takes exactly one column, of the type Utf8; choose it in a 'project', or use csv or json";
                return Err(refuse("text", reason));
            }
        }
        FileFormat::Csv { delimiter, .. } => {
            single_byte(*delimiter)?;
            if let Some(field) = input.fields().iter().find(|field| field.data_type().is_nested()) {
                let reason = format!(
                    "'{}' is nested; use json or parquet, or take it apart in a 'project'",
                    field.name()
                );
                return Err(refuse("CSV", &reason));
            }
        }
        FileFormat::Json => {}
        FileFormat::Parquet => {
            parquet::arrow::ArrowWriter::try_new(std::io::sink(), Arc::clone(input), None)
                .map_err(|error| refuse("Parquet", &error.to_string()))?;
        }
    }
    Ok(PlannedKind::FileSink {
        input: Arc::clone(input),
        spec: sink.clone(),
    })
}

fn check_throttle(sink: &BlackholeSink) -> Result<(), PlanFault> {
    match sink.bytes_per_second {
        Some(rate) if rate.bytes() == 0 => Err(PlanFault::Option(
            "'bytes_per_second' is 0: the sink would never take a record; leave it out for no limit".to_owned(),
        )),
        _ => Ok(()),
    }
}

/// The schema of these columns.
pub(super) fn unique(fields: impl IntoIterator<Item = Field>) -> Result<SchemaRef, PlanFault> {
    let fields: Vec<Field> = fields.into_iter().collect();
    let mut names = BTreeSet::new();
    if let Some(twice) = fields.iter().find(|field| !names.insert(field.name())) {
        return Err(PlanFault::DuplicateColumn(twice.name().clone()));
    }
    Ok(Arc::new(Schema::new(fields)))
}
