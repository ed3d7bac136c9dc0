//! A planner and chains for tests: a source of numbers in splits, a doubling operator, a sink that keeps what it gets.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use parking_lot::Mutex;
use selvedge_core::job_graph::OperatorSpec;
use selvedge_runtime::connector::{Committable, InputSplit};

use super::ChainPlanner;
use crate::exchange::BatchPartitioner;
use crate::exchange::testing::{Modulo, int_schema, ints, values};
use crate::operator::{Chain, Collector, SourceStatus, SplitProvider, TaskContext, TaskError};

/// Plans by the operator's id: `numbers` reads splits (each a number n for 0..n), `endless` never ends, `deaf` not even
/// when it is told to (it shows itself in `seen` when it has begun), `panic` panics, anything else passes records on and
/// keeps them.
#[derive(Debug, Default)]
pub(crate) struct TestPlanner {
    pub(crate) seen: Arc<Mutex<Vec<i64>>>,
}

impl ChainPlanner for TestPlanner {
    fn plan(
        &self,
        context: &TaskContext,
        chain: &[OperatorSpec],
        _: Option<SchemaRef>,
    ) -> Result<Box<dyn Chain>, TaskError> {
        Ok(Box::new(TestChain {
            id: chain[0].id.to_string(),
            seen: self.seen.clone(),
            context: context.clone(),
        }))
    }

    fn hash_partitioner(
        &self,
        _: &SchemaRef,
        _: &[String],
        _: u32,
        channels: u32,
    ) -> Result<Box<dyn BatchPartitioner>, TaskError> {
        Ok(Box::new(Modulo(channels.into())))
    }
}

struct TestChain {
    id: String,
    seen: Arc<Mutex<Vec<i64>>>,
    context: TaskContext,
}

impl Chain for TestChain {
    fn output_schema(&self) -> Option<SchemaRef> {
        (self.id != "keep").then(int_schema)
    }

    fn advance_source(
        &mut self,
        splits: &mut dyn SplitProvider,
        out: &mut dyn Collector,
    ) -> Result<SourceStatus, TaskError> {
        match self.id.as_str() {
            "panic" => panic!("the operator has a fault"),
            "endless" => out.collect(ints(0..100))?,
            // Its thread is left behind.
            "deaf" => {
                self.seen.lock().push(0);
                loop {
                    std::thread::park();
                }
            }
            "stuck" => self.context.block_on(std::future::pending())?,
            _ => match splits.next_split(&self.id)? {
                Some(split) => out.collect(ints(0..String::from_utf8_lossy(&split.0).parse().unwrap()))?,
                None => return Ok(SourceStatus::Finished),
            },
        }
        Ok(SourceStatus::More)
    }

    fn process(&mut self, batch: RecordBatch, out: &mut dyn Collector) -> Result<(), TaskError> {
        self.seen.lock().extend(values(&batch));
        out.collect(batch)
    }

    fn finish(&mut self, _: &mut dyn Collector) -> Result<Vec<Committable>, TaskError> {
        let rows = self.seen.lock().len();
        let committable = Committable(Bytes::from(rows.to_string()));
        Ok(if self.id == "keep" {
            vec![committable]
        } else {
            Vec::new()
        })
    }
}

/// Splits from a list.
pub(crate) struct Listed(pub(crate) VecDeque<&'static str>);

impl SplitProvider for Listed {
    fn next_split(&mut self, _: &str) -> Result<Option<InputSplit>, TaskError> {
        Ok(self
            .0
            .pop_front()
            .map(|text| InputSplit(Bytes::from_static(text.as_bytes()))))
    }
}

/// A generator source or a blackhole sink by this id: what it does is the planner's.
pub(crate) fn spec(id: &str) -> OperatorSpec {
    let source = ["numbers", "endless", "panic", "stuck", "deaf"].contains(&id);
    let json = if source {
        format!(r#"{{"id": "{id}", "operator": "file-source", "paths": ["x"], "format": {{"type": "text"}}}}"#)
    } else {
        format!(r#"{{"id": "{id}", "operator": "blackhole-sink"}}"#)
    };
    serde_json::from_str(&json).unwrap()
}
