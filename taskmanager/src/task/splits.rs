//! Splits from the JobMaster.

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
}

impl JobMasterSplits {
    /// For this task.
    pub const fn new(context: TaskContext, job: JobKey, job_master: Arc<dyn JobMasterGateway>) -> Self {
        Self {
            context,
            job,
            job_master,
        }
    }

    async fn request(&self, operator: &str) -> Result<Option<InputSplit>, GatewayError> {
        let request = RequestNextInputSplitRequest {
            job_id: self.job.job_id.to_wire(),
            job_master_id: self.job.job_master_id.to_wire(),
            attempt: Some((&self.context.attempt).into()),
            operator_id: operator.to_owned(),
        };
        let retry = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(2))
            .without_max_times()
            .with_jitter();
        let answer = (|| self.job_master.request_next_input_split(request.clone()))
            .retry(retry)
            // Not `Unreachable`: the JobMaster may have given the split and only its answer was lost. Asking again would
            // yield the next one, and the lost one would never be read.
            .when(|error| matches!(error, GatewayError::Busy(_)))
            .await?;
        Ok((!answer.split.is_empty()).then_some(InputSplit(answer.split)))
    }
}

impl SplitProvider for JobMasterSplits {
    fn next_split(&mut self, operator: &str) -> Result<Option<InputSplit>, TaskError> {
        self.context
            .block_on(self.request(operator))?
            .map_err(|error| TaskError::Operator {
                operator: operator.to_owned(),
                source: ConnectorError::caused_by("the JobMaster gave no input split", error),
            })
    }
}
