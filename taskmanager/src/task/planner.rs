//! The planner of real jobs: the operators of this crate.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use selvedge_core::job_graph::OperatorSpec;
use selvedge_core::status::FailureType;

use super::ChainPlanner;
use crate::exchange::BatchPartitioner;
use crate::operator::partition::{HashPartitioner, PartitionError};
use crate::operator::{Chain, TaskContext, TaskError, plan_chain};

/// Plans chains of the built-in operators.
#[derive(Debug, Clone, Copy, Default)]
pub struct OperatorPlanner;

impl ChainPlanner for OperatorPlanner {
    fn plan(
        &self,
        context: &TaskContext,
        chain: &[OperatorSpec],
        input: Option<SchemaRef>,
    ) -> Result<Box<dyn Chain>, TaskError> {
        plan_chain(context, chain, input)
    }

    fn hash_partitioner(
        &self,
        schema: &SchemaRef,
        keys: &[String],
        max_parallelism: u32,
        channels: u32,
    ) -> Result<Box<dyn BatchPartitioner>, TaskError> {
        let partitioner = HashPartitioner::new(schema, keys, max_parallelism, channels);
        Ok(Box::new(KeyGroups(partitioner.map_err(|error| {
            not_partitioned(&error, FailureType::NonRecoverable)
        })?)))
    }
}

struct KeyGroups(HashPartitioner);

impl BatchPartitioner for KeyGroups {
    fn partition(&mut self, batch: &RecordBatch) -> Result<Vec<(usize, RecordBatch)>, TaskError> {
        let split = self.0.split(batch);
        split.map_err(|error| not_partitioned(&error, FailureType::Recoverable))
    }
}

fn not_partitioned(error: &PartitionError, failure_type: FailureType) -> TaskError {
    TaskError::Exchange {
        peer: "the consumers of the hash edge".to_owned(),
        reason: error.to_string(),
        failure_type,
    }
}
