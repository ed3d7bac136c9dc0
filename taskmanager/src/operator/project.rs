//! `project`: computes new columns.

use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::chain::Operator;
use super::host::OperatorHost;
use super::{Collector, TaskError};
use crate::planner::PlannedExpression;

pub(super) struct ProjectOperator {
    host: OperatorHost,
    expressions: Vec<PlannedExpression>,
    schema: SchemaRef,
}

impl ProjectOperator {
    pub(super) fn new(host: OperatorHost, expressions: Vec<PlannedExpression>, schema: SchemaRef) -> Self {
        Self {
            host,
            expressions,
            schema,
        }
    }
}

impl Operator for ProjectOperator {
    fn process(&mut self, batch: RecordBatch, out: &mut dyn Collector) -> Result<(), TaskError> {
        let columns = self.expressions.iter().map(|expression| expression.evaluate(&batch));
        let columns = columns
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| self.host.caused("a column cannot be computed", error))?;
        let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let projected = RecordBatch::try_new_with_options(self.schema.clone(), columns, &rows)
            .map_err(|error| self.host.caused("the columns do not fit together", error))?;
        out.collect(projected)
    }
}
