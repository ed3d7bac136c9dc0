//! The loop of a task's thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arrow::datatypes::{Schema, SchemaRef};
use selvedge_core::job_graph::OperatorSpec;
use selvedge_runtime::clock::{thread_elapsed, thread_now};
use selvedge_runtime::connector::{Committable, InputSplit};

use super::{ChainPlanner, TaskInput};
use crate::exchange::{Elapsed, GateEvent, Outputs};
use crate::operator::{Chain, SourceStatus, SplitProvider, TaskContext, TaskError};

/// What the loop works with.
pub(super) struct Parts {
    pub(super) context: TaskContext,
    pub(super) chain: Vec<OperatorSpec>,
    pub(super) input: Option<TaskInput>,
    pub(super) outputs: Outputs,
    pub(super) output_schema: Option<SchemaRef>,
    pub(super) splits: Box<dyn SplitProvider + Send>,
    pub(super) planner: Arc<dyn ChainPlanner>,
}

/// Plans, tells that the task is running, and runs it to the end of its input.
pub(super) fn drive(mut parts: Parts, running: impl FnOnce()) -> Result<Vec<Committable>, TaskError> {
    let schema = parts.input.as_ref().map(|input| input.schema.clone());
    let mut chain = parts.planner.plan(&parts.context, &parts.chain, schema)?;
    check_output(&parts, chain.output_schema())?;
    running();
    let mut busy = Busy::default();
    match parts.input.take() {
        Some(input) => consume(&mut parts, chain.as_mut(), input, &mut busy)?,
        None => while busy.of(&mut parts, |parts| produce(parts, chain.as_mut()))? == SourceStatus::More {},
    }
    busy.of(&mut parts, |parts| {
        let committables = chain.finish(&mut parts.outputs)?;
        parts.outputs.finish()?;
        Ok(committables)
    })
}

fn produce(parts: &mut Parts, chain: &mut dyn Chain) -> Result<SourceStatus, TaskError> {
    if parts.context.cancelled.is_cancelled() {
        return Err(TaskError::Cancelled);
    }
    let mut splits = IdleWhileAsking {
        splits: parts.splits.as_mut(),
        context: &parts.context,
        idle: Elapsed::default(),
    };
    let status = chain.advance_source(&mut splits, &mut parts.outputs)?;
    parts.outputs.flush_due(thread_now())?;
    Ok(status)
}

fn consume(parts: &mut Parts, chain: &mut dyn Chain, mut input: TaskInput, busy: &mut Busy) -> Result<(), TaskError> {
    loop {
        let timeout = parts.outputs.due_in(thread_now());
        let batch = match input.gate.next(&parts.context, timeout)? {
            GateEvent::Batch { batch, .. } => Some(batch),
            GateEvent::End { .. } | GateEvent::TimedOut => None,
            GateEvent::Finished => return Ok(()),
        };
        busy.of(parts, |parts| {
            if let Some(batch) = batch {
                chain.process(batch, &mut parts.outputs)?;
            }
            parts.outputs.flush_due(thread_now())
        })?;
    }
}

/// The consumers decode by the edge's schema: what the chain yields must have its types.
fn check_output(parts: &Parts, yielded: Option<SchemaRef>) -> Result<(), TaskError> {
    let (Some(expected), Some(yielded)) = (&parts.output_schema, yielded) else {
        return Ok(());
    };
    let types = |schema: &Schema| {
        schema
            .fields()
            .iter()
            .map(|field| field.data_type().clone())
            .collect::<Vec<_>>()
    };
    if types(expected) == types(&yielded) {
        return Ok(());
    }
    let operator = parts.chain.last().map(|spec| spec.id.to_string()).unwrap_or_default();
    let reason = format!("it yields {yielded} where the output edge has {expected}");
    Err(TaskError::Plan { operator, reason })
}

/// Time in operators: what passes, less the waiting that others count meanwhile.
#[derive(Default)]
struct Busy(Elapsed);

impl Busy {
    fn of<T>(&mut self, parts: &mut Parts, work: impl FnOnce(&mut Parts) -> T) -> T {
        let (since, waited_before) = (thread_now(), waited(&parts.context));
        let done = work(parts);
        let waited = Duration::from_millis(waited(&parts.context) - waited_before);
        let passed = thread_elapsed(since).saturating_sub(waited);
        self.0.add(passed, &parts.context.counters.busy_ms);
        done
    }
}

fn waited(context: &TaskContext) -> u64 {
    let counters = &context.counters;
    counters.idle_ms.load(Ordering::Relaxed) + counters.backpressured_ms.load(Ordering::Relaxed)
}

/// A source that waits for a split is idle.
struct IdleWhileAsking<'a> {
    splits: &'a mut dyn SplitProvider,
    context: &'a TaskContext,
    idle: Elapsed,
}

impl SplitProvider for IdleWhileAsking<'_> {
    fn next_split(&mut self, operator: &str) -> Result<Option<InputSplit>, TaskError> {
        let since = thread_now();
        let split = self.splits.next_split(operator);
        self.idle.add(thread_elapsed(since), &self.context.counters.idle_ms);
        split
    }
}
