//! `count(*)`, `sum(x)`, … over a schema → accumulators by group.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray};
use arrow::datatypes::{DataType, Field, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion_common::DataFusionError;
use datafusion_expr::Expr;
use datafusion_expr::expr::AggregateFunction;
use datafusion_expr_common::groups_accumulator::GroupsAccumulator;
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::aggregate::{AggregateFunctionExpr, LoweredAggregateBuilder};

use super::context::AGGREGATES;
use super::error::ExpressionError;
use super::expression::{Columns, plain_type};
use crate::operator::FoundResources;

/// An aggregate of an operator.
#[derive(Debug, Clone)]
pub(crate) struct PlannedAggregate {
    function: Arc<AggregateFunctionExpr>,
    arguments: Vec<Arc<dyn PhysicalExpr>>,
    filter: Option<Arc<dyn PhysicalExpr>>,
    result: DataType,
}

impl PlannedAggregate {
    /// Plans a text over a schema, and tries it on no record.
    pub(crate) fn new(
        text: &str,
        name: &str,
        schema: &SchemaRef,
        found: &FoundResources,
    ) -> Result<Self, ExpressionError> {
        let refused = |error: DataFusionError| ExpressionError::from_datafusion(&error, schema);
        let columns = Columns::new(schema, found)?;
        let expr = columns.name_and_type(text)?;
        refuse_other(&expr)?;
        let lowered = LoweredAggregateBuilder::new(&expr, &columns.named, schema, &columns.props, &columns.planning)
            .with_name(name)
            .build()
            .map_err(refused)?;
        let function = lowered.aggregate;
        if !function.groups_accumulator_supported() {
            let types: Vec<_> = function.expressions().iter().map(ToString::to_string).collect();
            let reason = format!(
                "{} does not take the type of {}",
                function.fun().name(),
                types.join(", ")
            );
            return Err(ExpressionError::NotAnAggregate { reason });
        }
        let planned = Self {
            result: plain_type(function.field().data_type()),
            arguments: function.expressions(),
            filter: lowered.filter,
            function,
        };
        let nothing = RecordBatch::new_empty(Arc::clone(schema));
        let mut accumulator = planned.accumulator().map_err(refused)?;
        planned
            .update(accumulator.as_mut(), &nothing, &[], 1)
            .map_err(refused)?;
        Ok(planned)
    }

    /// The column of results, under a name.
    pub(crate) fn field(&self, name: &str) -> Field {
        Field::new(name, self.result.clone(), self.function.field().is_nullable())
    }

    /// No group yet.
    pub(crate) fn accumulator(&self) -> Result<Box<dyn GroupsAccumulator>, DataFusionError> {
        self.function.create_groups_accumulator()
    }

    /// Adds the rows of a batch to their groups.
    pub(crate) fn update(
        &self,
        accumulator: &mut dyn GroupsAccumulator,
        batch: &RecordBatch,
        groups: &[usize],
        total_groups: usize,
    ) -> Result<(), DataFusionError> {
        let column = |expr: &Arc<dyn PhysicalExpr>| expr.evaluate(batch)?.into_array(batch.num_rows());
        let arguments = self.arguments.iter().map(column).collect::<Result<Vec<_>, _>>()?;
        let filter = self.filter.as_ref().map(column).transpose()?;
        let filter: Option<&BooleanArray> = filter.as_ref().and_then(|filter| filter.as_boolean_opt());
        accumulator.update_batch(&arguments, groups, filter, total_groups)
    }

    /// The result over no record at all, which a state that was never updated does not know.
    pub(crate) fn result_of_nothing(&self) -> Result<ArrayRef, DataFusionError> {
        self.function.default_value(&self.result)?.to_array()
    }

    /// The results, in the type of the field.
    pub(crate) fn results(&self, evaluated: ArrayRef) -> Result<ArrayRef, DataFusionError> {
        if *evaluated.data_type() == self.result {
            return Ok(evaluated);
        }
        Ok(arrow::compute::cast(&evaluated, &self.result)?)
    }
}

fn refuse_other(expr: &Expr) -> Result<(), ExpressionError> {
    let refuse = |reason: String| Err(ExpressionError::NotAnAggregate { reason });
    let mut inner = expr;
    while let Expr::Alias(alias) = inner {
        inner = &alias.expr;
    }
    let Expr::AggregateFunction(AggregateFunction { func, params }) = inner else {
        return refuse(format!("it is '{inner}'"));
    };
    if !AGGREGATES.contains(&func.name()) {
        return refuse(format!("{} is not offered", func.name()));
    }
    if params.distinct {
        return refuse("DISTINCT is not offered".to_owned());
    }
    if !params.order_by.is_empty() {
        return refuse("ORDER BY has no meaning in it".to_owned());
    }
    Ok(())
}
