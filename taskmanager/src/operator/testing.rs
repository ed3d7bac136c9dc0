//! A task's surroundings for tests of operators.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use selvedge_core::job_graph::OperatorSpec;
use selvedge_core::{AllocationId, ExecutionAttemptId, JobId, MemorySize};
use selvedge_runtime::connector::{Committable, InputSplit};
use selvedge_runtime::fs::FileSystems;
use selvedge_runtime::metrics::MetricGroup;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::{
    Chain, Collector, FoundResources, SourceStatus, SplitProvider, TaskArtifacts, TaskContext, TaskCounters, TaskError,
    plan_chain,
};
use crate::memory::TaskMemory;
use crate::memory::testing::{of_managed, of_sizes};

/// A task with a runtime of its own.
pub(crate) struct TestTask {
    pub(crate) runtime: Runtime,
    pub(crate) ctx: TaskContext,
}

/// A slot with this much managed memory.
pub(crate) fn managed(size: MemorySize) -> TaskMemory {
    of_managed(size).task(AllocationId::from_bytes([1; 16]))
}

impl TestTask {
    pub(crate) fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let ctx = TaskContext {
            job_id: JobId::from_bytes([7; 16]),
            job_name: "test".to_owned(),
            attempt: ExecutionAttemptId {
                vertex: "v".into(),
                subtask: 0,
                attempt: 0,
            },
            task_name: "test".to_owned(),
            parallelism: 1,
            max_parallelism: 128,
            memory: managed(MemorySize::from_mebibytes(64)),
            file_systems: FileSystems::local_only(),
            artifacts: TaskArtifacts::default(),
            external_resources: FoundResources::default(),
            temp_dirs: Arc::new([]),
            io: Arc::new(runtime.handle().clone()),
            counters: Arc::new(TaskCounters::default()),
            metrics: MetricGroup::default(),
            cancelled: CancellationToken::new(),
        };
        Self { runtime, ctx }
    }

    /// In a slot with this much task memory.
    pub(crate) fn with_task_memory(size: MemorySize) -> Self {
        let mut task = Self::new();
        let slot = AllocationId::from_bytes([1; 16]);
        task.ctx.memory = of_sizes(MemorySize::from_mebibytes(64), size).task(slot);
        task
    }

    pub(crate) fn accumulated(&self, name: &str) -> Option<i64> {
        self.ctx
            .counters
            .snapshot(&self.ctx.attempt)
            .accumulators
            .get(name)
            .copied()
    }

    /// Runs a chain that does not start with a source.
    pub(crate) fn run(&self, chain: &Value, input: &[RecordBatch]) -> Result<Output, TaskError> {
        let mut chain = plan_chain(&self.ctx, &specs(chain), input.first().map(RecordBatch::schema))?;
        let mut output = Output::default();
        for batch in input {
            chain.process(batch.clone(), &mut output)?;
        }
        output.committables = chain.finish(&mut output)?;
        Ok(output)
    }

    /// Runs a chain that starts with a source.
    pub(crate) fn run_source(&self, chain: &Value, splits: Vec<InputSplit>) -> Result<Output, TaskError> {
        let mut chain = plan_chain(&self.ctx, &specs(chain), None)?;
        let mut output = Output::default();
        self.drain(chain.as_mut(), splits, &mut output)?;
        output.committables = chain.finish(&mut output)?;
        Ok(output)
    }

    fn drain(&self, chain: &mut dyn Chain, splits: Vec<InputSplit>, output: &mut Output) -> Result<(), TaskError> {
        let mut splits = Splits(splits.into());
        while chain.advance_source(&mut splits, output)? == SourceStatus::More {}
        Ok(())
    }
}

pub(crate) fn specs(chain: &Value) -> Vec<OperatorSpec> {
    serde_json::from_value(chain.clone()).unwrap()
}

struct Splits(VecDeque<InputSplit>);

impl SplitProvider for Splits {
    fn next_split(&mut self, _operator: &str) -> Result<Option<InputSplit>, TaskError> {
        Ok(self.0.pop_front())
    }
}

/// What left a chain.
#[derive(Default)]
pub(crate) struct Output {
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) committables: Vec<Committable>,
}

impl Output {
    /// The records, each with its values joined by commas.
    pub(crate) fn rows(&self) -> Vec<String> {
        let mut rows = Vec::new();
        for batch in &self.batches {
            for row in 0..batch.num_rows() {
                let values = batch.columns().iter();
                let values = values.map(|column| arrow::util::display::array_value_to_string(column, row).unwrap());
                rows.push(values.collect::<Vec<_>>().join(","));
            }
        }
        rows
    }
}

impl Collector for Output {
    fn collect(&mut self, batch: RecordBatch) -> Result<(), TaskError> {
        assert!(batch.num_rows() <= super::host::MAX_ROWS);
        self.batches.push(batch);
        Ok(())
    }
}
