//! Workers on loopback, tasks and batches for tests.

use std::sync::Arc;

use arrow::array::{AsArray, Int64Array, RecordBatch, UInt64Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use async_trait::async_trait;
use bytes::Bytes;
use selvedge_core::{ExecutionAttemptId, JobId, LeaderSessionId, MemorySize};
use selvedge_runtime::fs::{
    CreateOptions, FileStatus, FileSystem, FileSystems, FileWriter, FsError, FsErrorKind, Location,
};
use selvedge_runtime::metrics::MetricGroup;
use selvedge_runtime::rpc::{ApplicationSecret, PortRange, RpcServer, bind};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    BatchPartitioner, Exchange, ExchangeConfig, InputChannelSpec, JobKey, OutputChannelSpec, OutputGrant, Peer,
    SendPool,
};
use crate::operator::testing::managed;
use crate::operator::{FoundResources, TaskArtifacts, TaskContext, TaskCounters, TaskError};

pub(crate) const WINDOW: u64 = 16 << 10;

pub(crate) fn secret(byte: u8) -> ApplicationSecret {
    ApplicationSecret::from_bytes(&[byte; 32]).unwrap()
}

pub(crate) fn job(leader: u8) -> JobKey {
    JobKey {
        job_id: JobId::from_bytes([7; 16]),
        job_master_id: LeaderSessionId::from_bytes([leader; 16]),
    }
}

pub(crate) fn attempt(vertex: &str, subtask: u32) -> ExecutionAttemptId {
    ExecutionAttemptId {
        vertex: vertex.into(),
        subtask,
        attempt: 0,
    }
}

/// An exchange that serves on loopback.
pub(crate) struct Worker {
    pub(crate) exchange: Exchange,
    pub(crate) peer: Peer,
    pub(crate) serving: JoinHandle<()>,
}

impl Worker {
    pub(crate) async fn start(name: &str, secret: ApplicationSecret) -> Self {
        let config = ExchangeConfig::new(MemorySize::from_mebibytes(1));
        let exchange = Exchange::new(name.into(), config, secret, Handle::current());
        let server = RpcServer::new(bind("127.0.0.1", &PortRange::any()).await.unwrap()).unwrap();
        let peer = Peer {
            resource_id: name.into(),
            data_address: server.address().to_string(),
        };
        exchange.begin_job(job(1));
        let serve = exchange.clone().serve(server);
        let serving = tokio::spawn(async move { serve.await.unwrap() });
        Self {
            exchange,
            peer,
            serving,
        }
    }

    pub(crate) fn channel_to(&self, consumer: &ExecutionAttemptId) -> OutputChannelSpec {
        OutputChannelSpec {
            consumer: consumer.clone(),
            peer: self.peer.clone(),
        }
    }
}

pub(crate) fn channel_from(edge: u32, producer: &ExecutionAttemptId) -> InputChannelSpec {
    InputChannelSpec {
        edge,
        producer: producer.clone(),
        schema: int_schema(),
    }
}

pub(crate) fn int_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]))
}

pub(crate) fn ints(values: impl IntoIterator<Item = i64>) -> RecordBatch {
    RecordBatch::try_new(int_schema(), vec![Arc::new(Int64Array::from_iter_values(values))]).unwrap()
}

pub(crate) fn values(batch: &RecordBatch) -> Vec<i64> {
    batch.column(0).as_primitive::<Int64Type>().values().to_vec()
}

pub(crate) fn context(attempt: ExecutionAttemptId) -> TaskContext {
    TaskContext {
        job_id: job(1).job_id,
        job_name: "test".to_owned(),
        task_name: attempt.vertex.to_string(),
        attempt,
        parallelism: 1,
        max_parallelism: 128,
        memory: managed(MemorySize::default()),
        file_systems: no_files(),
        artifacts: TaskArtifacts::default(),
        external_resources: FoundResources::default(),
        temp_dirs: Arc::default(),
        io: Arc::new(Handle::current()),
        counters: Arc::new(TaskCounters::default()),
        metrics: MetricGroup::default(),
        cancelled: CancellationToken::new(),
    }
}

/// Room enough for a test's batches.
pub(crate) fn grant() -> OutputGrant {
    OutputGrant {
        coalesce_bytes: 32 << 10,
        pool: SendPool::new(1 << 20, Arc::default()),
    }
}

/// By the value modulo the number of channels.
pub(crate) struct Modulo(pub(crate) u64);

impl BatchPartitioner for Modulo {
    fn partition(&mut self, batch: &RecordBatch) -> Result<Vec<(usize, RecordBatch)>, TaskError> {
        let column = batch.column(0).as_primitive::<Int64Type>();
        let part = |channel: u64| {
            let rows = (0..column.len()).filter(|row| column.value(*row).unsigned_abs() % self.0 == channel);
            let rows = UInt64Array::from_iter_values(rows.map(|row| row as u64));
            (channel as usize, take_record_batch(batch, &rows).unwrap())
        };
        Ok((0..self.0).map(part).collect())
    }
}

pub(crate) fn no_files() -> FileSystems {
    FileSystems::new(Arc::new(NoFiles), None, Location::root("file", ""))
}

/// For tasks that touch no file.
#[derive(Debug)]
struct NoFiles;

fn not_found<T>(operation: &'static str, location: &Location) -> Result<T, FsError> {
    Err(FsError {
        operation,
        location: location.clone(),
        kind: FsErrorKind::NotFound,
    })
}

#[async_trait]
impl FileSystem for NoFiles {
    async fn status(&self, location: &Location) -> Result<FileStatus, FsError> {
        not_found("look at", location)
    }
    async fn list(&self, directory: &Location) -> Result<Vec<FileStatus>, FsError> {
        not_found("list", directory)
    }
    async fn read(&self, file: &Location, _: std::ops::Range<u64>) -> Result<Bytes, FsError> {
        not_found("open", file)
    }
    async fn create(&self, file: &Location, _: CreateOptions) -> Result<Box<dyn FileWriter>, FsError> {
        not_found("create", file)
    }
    async fn rename(&self, from: &Location, _: &Location) -> Result<(), FsError> {
        not_found("rename", from)
    }
    async fn delete(&self, _: &Location) -> Result<bool, FsError> {
        Ok(false)
    }
    async fn mkdirs(&self, directory: &Location, _: CreateOptions) -> Result<(), FsError> {
        not_found("make", directory)
    }
}
