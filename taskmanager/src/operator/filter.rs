//! `filter`: keeps the records for which a predicate is true.

use arrow::array::AsArray;
use arrow::compute::filter_record_batch;
use arrow::record_batch::RecordBatch;

use super::chain::Operator;
use super::host::OperatorHost;
use super::{Collector, TaskError};
use crate::planner::PlannedExpression;

pub(super) struct FilterOperator {
    host: OperatorHost,
    predicate: PlannedExpression,
}

impl FilterOperator {
    pub(super) fn new(host: OperatorHost, predicate: PlannedExpression) -> Self {
        Self { host, predicate }
    }
}

impl Operator for FilterOperator {
    fn process(&mut self, batch: RecordBatch, out: &mut dyn Collector) -> Result<(), TaskError> {
        let answers = self.predicate.evaluate(&batch);
        let answers = answers.map_err(|error| self.host.caused("the predicate cannot be evaluated", error))?;
        let kept = filter_record_batch(&batch, answers.as_boolean())
            .map_err(|error| self.host.caused("records cannot be filtered", error))?;
        out.collect(kept)
    }
}
