//! Splits from the JobMaster.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use selvedge_runtime::connector::{ConnectorError, InputSplit};
use selvedge_runtime::gateway::convert::WireId;
use selvedge_runtime::gateway::proto::RequestNextInputSplitRequest;
use selvedge_runtime::gateway::{GatewayError, JobMasterGateway};

use crate::exchange::JobKey;
use crate::operator::{SplitProvider, TaskContext, TaskError};

/// Asks the JobMaster, one split at a time.
pub struct JobMasterSplits {
    context: TaskContext,
    job: JobKey,
    job_master: Arc<dyn JobMasterGateway>,
    /// How many splits each source of the chain has had.
    answered: BTreeMap<String, u64>,
}

impl JobMasterSplits {
    /// For this task.
    pub const fn new(context: TaskContext, job: JobKey, job_master: Arc<dyn JobMasterGateway>) -> Self {
        Self {
            context,
            job,
            job_master,
            answered: BTreeMap::new(),
        }
    }

    async fn request(&self, operator: &str, sequence: u64) -> Result<Option<InputSplit>, GatewayError> {
        let request = RequestNextInputSplitRequest {
            job_id: self.job.job_id.to_wire(),
            job_master_id: self.job.job_master_id.to_wire(),
            attempt: Some((&self.context.attempt).into()),
            operator_id: operator.to_owned(),
            sequence,
        };
        let retry = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(2))
            .without_max_times()
            .with_jitter();
        let answer = (|| self.job_master.request_next_input_split(request.clone()))
            .retry(retry)
            // Where only the answer was lost, the same sequence number brings it again. A JobMaster that is gone for good is
            // noticed by its missing heartbeats, which cancel this task.
            .when(GatewayError::retryable)
            .await?;
        Ok((!answer.split.is_empty()).then_some(InputSplit(answer.split)))
    }
}

impl SplitProvider for JobMasterSplits {
    fn next_split(&mut self, operator: &str) -> Result<Option<InputSplit>, TaskError> {
        let sequence = self.answered.get(operator).copied().unwrap_or_default();
        let split = self.context.block_on(self.request(operator, sequence))?;
        let split = split.map_err(|error| TaskError::Operator {
            operator: operator.to_owned(),
            source: ConnectorError::caused_by("the JobMaster gave no input split", error),
        })?;
        self.answered.insert(operator.to_owned(), sequence + 1);
        Ok(split)
    }
}
