//! `file-sink`: writes a subtask's records to a file under a temporary name. The committer gives it its final name when the
//! whole job has finished.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use selvedge_core::job_graph::operator::{FileFormat, FileSink};
use selvedge_runtime::connector::Committable;
use selvedge_runtime::fs::{CreateOptions, FileSystem, FileWriter, FsError, Location};

use super::super::chain::Operator;
use super::super::host::OperatorHost;
use super::super::{Collector, TaskError};
use super::encode::{EncodeError, Encoder, ROW_GROUP_BYTES};
use crate::connector::{OutputDirectory, PartFile};

/// Bytes are handed to the file system in pieces of about this size.
const PIECE: usize = 1 << 20;

pub(in super::super) struct FileSinkOperator {
    host: OperatorHost,
    file_system: Arc<dyn FileSystem>,
    directory: OutputDirectory,
    part: PartFile,
    format: FileFormat,
    schema: SchemaRef,
    /// From the first record on: a subtask without records writes no file.
    open: Option<OpenFile>,
    written: bool,
}

struct OpenFile {
    encoder: Encoder,
    writer: Box<dyn FileWriter>,
    bytes: Vec<u8>,
}

impl FileSinkOperator {
    pub(in super::super) fn new(host: OperatorHost, spec: &FileSink, schema: SchemaRef) -> Result<Self, TaskError> {
        let file_systems = &host.ctx.file_systems;
        let root = file_systems
            .resolve(&spec.path)
            .map_err(|error| host.caused("the output directory is not usable", error))?;
        let file_system = file_systems
            .of(&root)
            .map_err(|error| host.caused("the output directory is not usable", error))?;
        let directory = OutputDirectory::new(root, host.ctx.job_id);
        Ok(Self {
            part: directory.part(&host.ctx.attempt, spec.format.extension()),
            file_system: Arc::clone(file_system),
            directory,
            format: spec.format.clone(),
            schema,
            open: None,
            written: false,
            host,
        })
    }

    fn file(&mut self) -> Result<&mut OpenFile, TaskError> {
        if self.open.is_none() {
            let row_group = self.host.share_of_task_memory(ROW_GROUP_BYTES);
            let encoder =
                Encoder::new(&self.format, &self.schema, row_group).map_err(|error| self.unwritable(error))?;
            let writer = self.wait(create(&*self.file_system, &self.directory, &self.part.temporary))?;
            self.written = true;
            self.open = Some(OpenFile {
                encoder,
                writer,
                bytes: Vec::with_capacity(PIECE + PIECE / 4),
            });
        }
        self.open.as_mut().ok_or_else(|| TaskError::Cancelled)
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T, FsError>>) -> Result<T, TaskError> {
        self.host
            .ctx
            .block_on(work)?
            .map_err(|error| self.host.fail(error.to_string()))
    }

    fn unwritable(&self, error: EncodeError) -> TaskError {
        self.host.caused("records cannot be written in this format", error)
    }
}

async fn create(
    file_system: &dyn FileSystem,
    directory: &OutputDirectory,
    temporary: &Location,
) -> Result<Box<dyn FileWriter>, FsError> {
    file_system
        .mkdirs(&directory.temporary, CreateOptions::default())
        .await?;
    file_system.create(temporary, CreateOptions::default()).await
}

impl Operator for FileSinkOperator {
    fn process(&mut self, batch: RecordBatch, _out: &mut dyn Collector) -> Result<(), TaskError> {
        let batch = batch
            .with_schema(Arc::clone(&self.schema))
            .map_err(|error| self.host.caused("the records are not of the sink's schema", error))?;
        let file = self.file()?;
        let encoded = file.encoder.encode(&batch, &mut file.bytes);
        let due = (file.bytes.len() >= PIECE).then(|| std::mem::take(&mut file.bytes));
        encoded.map_err(|error| self.unwritable(error))?;
        match (due, self.open.take()) {
            (Some(due), Some(mut file)) => {
                file.bytes = Vec::with_capacity(PIECE + PIECE / 4);
                let written = self.wait(file.writer.write(Bytes::from(due)));
                self.open = Some(file);
                written
            }
            (_, file) => {
                self.open = file;
                Ok(())
            }
        }
    }

    fn finish(&mut self, _out: &mut dyn Collector) -> Result<(), TaskError> {
        let Some(mut file) = self.open.take() else {
            return Ok(());
        };
        let mut bytes = file.bytes;
        let finished = file.encoder.finish(&mut bytes);
        finished.map_err(|error| self.unwritable(error))?;
        self.wait(async move {
            file.writer.write(Bytes::from(bytes)).await?;
            file.writer.close().await
        })
    }

    fn committable(&mut self) -> Option<Committable> {
        self.written.then(|| self.part.to_committable())
    }
}
