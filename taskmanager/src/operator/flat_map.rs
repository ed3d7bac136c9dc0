//! `flat-map`: one record for each element of a list.

use arrow::array::{Array, ArrayRef, AsArray, ListArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use super::chain::Operator;
use super::host::{MAX_ROWS, OperatorHost};
use super::{Collector, TaskError};
use crate::planner::PlannedExpression;

pub(super) struct FlatMapOperator {
    host: OperatorHost,
    list: PlannedExpression,
    keep: Vec<usize>,
    schema: SchemaRef,
}

impl FlatMapOperator {
    pub(super) fn new(host: OperatorHost, list: PlannedExpression, keep: Vec<usize>, schema: SchemaRef) -> Self {
        Self {
            host,
            list,
            keep,
            schema,
        }
    }

    /// Some of the elements, each with what is kept of its record; `rows` are the records' places, where anything is kept.
    fn unnested(
        &self,
        batch: &RecordBatch,
        elements: ArrayRef,
        rows: Option<UInt32Array>,
    ) -> Result<RecordBatch, ArrowError> {
        let kept = |rows: UInt32Array| {
            let columns = self.keep.iter().map(|index| take(batch.column(*index), &rows, None));
            columns.collect::<Result<Vec<_>, _>>()
        };
        let mut columns = rows.map_or_else(|| Ok(Vec::new()), kept)?;
        columns.push(elements);
        RecordBatch::try_new(self.schema.clone(), columns)
    }
}

impl Operator for FlatMapOperator {
    fn process(&mut self, batch: RecordBatch, out: &mut dyn Collector) -> Result<(), TaskError> {
        let lists = self.list.evaluate(&batch);
        let lists = lists.map_err(|error| self.host.caused("the list cannot be computed", error))?;
        let lists = lists.as_list();
        let failed = |error| self.host.caused("the list cannot be unnested", error);
        let elements = elements(lists).map_err(failed)?;
        let rows = (!self.keep.is_empty()).then(|| UInt32Array::from(parent_rows(lists)));
        // A long list repeats its record for each element: never more of them than a batch has.
        for start in (0..elements.len()).step_by(MAX_ROWS) {
            let length = MAX_ROWS.min(elements.len() - start);
            let rows = rows.as_ref().map(|rows| rows.slice(start, length));
            let unnested = self.unnested(&batch, elements.slice(start, length), rows);
            out.collect(unnested.map_err(failed)?)?;
        }
        Ok(())
    }
}

/// The elements of all lists, one after another; as they lie where no null list hides any.
fn elements(lists: &ListArray) -> Result<ArrayRef, ArrowError> {
    let ends = lists.value_offsets();
    let hidden = (0..lists.len()).any(|row| lists.is_null(row) && ends[row] != ends[row + 1]);
    if !hidden {
        let (first, last) = (position(ends[0]), position(ends[lists.len()]));
        return Ok(lists.values().slice(first, last - first));
    }
    let visible = |row: &usize| lists.is_valid(*row);
    let places = (0..lists.len())
        .filter(visible)
        .flat_map(|row| ends[row]..ends[row + 1]);
    let places: UInt32Array = places.map(i32::cast_unsigned).collect();
    take(lists.values(), &places, None)
}

/// For each element, the row whose list it is in.
fn parent_rows(lists: &ListArray) -> Vec<u32> {
    let mut rows = Vec::with_capacity(lists.values().len());
    for (row, number) in (0..lists.len()).zip(0_u32..) {
        if lists.is_valid(row) {
            rows.extend(std::iter::repeat_n(number, position(lists.value_length(row))));
        }
    }
    rows
}

/// Arrow's offsets are never negative.
fn position(offset: i32) -> usize {
    usize::try_from(offset).unwrap_or_default()
}
