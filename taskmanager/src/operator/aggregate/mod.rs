//! `aggregate`: aggregates by key, answered when the input has ended. Groups are numbered in the order in which they first
//! come; each aggregate keeps its state by that number.

mod groups;
mod keys;
mod row_groups;
mod text_groups;

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion_common::DataFusionError;
use datafusion_expr_common::groups_accumulator::{EmitTo, GroupsAccumulator};

use super::chain::Operator;
use super::host::{MAX_ROWS, OperatorHost};
use super::{Collector, TaskError};
use crate::memory::Reservation;
use crate::planner::PlannedAggregate;
use groups::{Groups, OneGroup};
use row_groups::RowGroups;
use text_groups::TextGroups;

pub(super) struct AggregateOperator {
    host: OperatorHost,
    keys: Vec<usize>,
    groups: Box<dyn Groups>,
    aggregates: Vec<PlannedAggregate>,
    states: Vec<Box<dyn GroupsAccumulator>>,
    output: SchemaRef,
    any_record: bool,
    /// Of groups and states.
    memory: Reservation,
    /// The group of each row of a batch; kept for its allocation.
    of_rows: Vec<usize>,
}

impl AggregateOperator {
    pub(super) fn new(
        host: OperatorHost,
        input: &SchemaRef,
        keys: Vec<usize>,
        aggregates: Vec<PlannedAggregate>,
        output: SchemaRef,
    ) -> Result<Self, TaskError> {
        let states = aggregates.iter().map(PlannedAggregate::accumulator);
        let states = states
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| host.caused("an aggregate cannot be set up", error))?;
        Ok(Self {
            groups: groups_for(&host, input, &keys)?,
            keys,
            aggregates,
            states,
            output,
            any_record: false,
            memory: host.reservation(),
            of_rows: Vec::new(),
            host,
        })
    }

    fn update(&mut self, batch: &RecordBatch) -> Result<(), TaskError> {
        let total = self.groups.len();
        for (aggregate, state) in self.aggregates.iter().zip(&mut self.states) {
            aggregate
                .update(state.as_mut(), batch, &self.of_rows, total)
                .map_err(|error| self.host.caused("an aggregate failed", error))?;
        }
        Ok(())
    }

    /// Reserves what groups and states take, and this much more.
    fn reserve(&mut self, growth: usize) -> Result<(), TaskError> {
        let states: usize = self.states.iter().map(|state| state.size()).sum();
        Ok(self.memory.resize((states + self.groups.size() + growth) as u64)?)
    }

    fn results(&mut self) -> Result<Vec<ArrayRef>, DataFusionError> {
        if !self.any_record {
            return self
                .aggregates
                .iter()
                .map(PlannedAggregate::result_of_nothing)
                .collect();
        }
        let states = self.aggregates.iter().zip(&mut self.states);
        states
            .map(|(aggregate, state)| aggregate.results(state.evaluate(EmitTo::All)?))
            .collect()
    }
}

fn groups_for(host: &OperatorHost, input: &SchemaRef, keys: &[usize]) -> Result<Box<dyn Groups>, TaskError> {
    match keys {
        [] => Ok(Box::new(OneGroup)),
        [key] if *input.field(*key).data_type() == DataType::Utf8 => Ok(Box::new(TextGroups::default())),
        keys => {
            let groups =
                RowGroups::new(input, keys).map_err(|error| host.caused("the keys cannot be compared", error))?;
            Ok(Box::new(groups))
        }
    }
}

impl Operator for AggregateOperator {
    fn process(&mut self, batch: RecordBatch, _out: &mut dyn Collector) -> Result<(), TaskError> {
        let keys: Vec<_> = self.keys.iter().map(|key| Arc::clone(batch.column(*key))).collect();
        self.of_rows.clear();
        // Before it is taken: a table that grows is there twice for a moment.
        self.reserve(self.groups.growth(&keys, batch.num_rows()))?;
        self.groups
            .assign(&keys, batch.num_rows(), &mut self.of_rows)
            .map_err(|error| self.host.caused("the keys cannot be compared", error))?;
        self.any_record |= batch.num_rows() > 0;
        self.update(&batch)?;
        self.reserve(0)
    }

    fn finish(&mut self, out: &mut dyn Collector) -> Result<(), TaskError> {
        let results = self
            .results()
            .map_err(|error| self.host.caused("the results cannot be computed", error))?;
        let mut start = 0;
        while start < self.groups.len() {
            let end = self.groups.len().min(start + MAX_ROWS);
            let keys = self.groups.keys(start..end);
            let mut columns = keys.map_err(|error| self.host.caused("the keys cannot be written", error))?;
            columns.extend(results.iter().map(|result| result.slice(start, end - start)));
            let batch = RecordBatch::try_new(Arc::clone(&self.output), columns)
                .map_err(|error| self.host.caused("the results do not fit together", error))?;
            out.collect(batch)?;
            start = end;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
