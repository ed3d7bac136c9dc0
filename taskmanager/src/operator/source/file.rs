//! `file-source`: reads splits of files line by line. The next piece of a file is on its way while one is worked on.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use selvedge_core::job_graph::artifact::artifact_name;
use selvedge_core::job_graph::operator::{FileFormat, FileSource, OnError};
use selvedge_core::job_graph::shipped::shipped_path;
use selvedge_runtime::connector::InputSplit;
use selvedge_runtime::fs::{FileSystem, FsError, Location};
use tokio::task::JoinHandle;

use super::super::chain::Source;
use super::super::host::{MAX_ROWS, OperatorHost};
use super::super::{Accumulator, Collector, SourceStatus, SplitProvider, TaskError};
use super::decode::LineDecoder;
use super::lines::{Block, LineRange, length_of_lines, lines_of};
use crate::connector::FileSplit;

/// The longest line of a slot with memory enough: it is held whole.
const LONGEST_LINE: usize = 64 << 20;

pub(in super::super) struct FileSourceOperator {
    host: OperatorHost,
    decoder: LineDecoder,
    has_header: bool,
    on_error: OnError,
    skipped: Accumulator,
    reading: Option<SplitReader>,
}

impl FileSourceOperator {
    pub(in super::super) fn new(host: OperatorHost, spec: &FileSource, schema: SchemaRef) -> Result<Self, TaskError> {
        let decoder = LineDecoder::new(&spec.format, schema).map_err(|reason| host.fail(reason))?;
        Ok(Self {
            decoder,
            has_header: matches!(spec.format, FileFormat::Csv { header: true, .. }),
            on_error: spec.on_error,
            skipped: host.accumulator("skipped-lines"),
            reading: None,
            host,
        })
    }

    fn open(&self, split: &InputSplit) -> Result<SplitReader, TaskError> {
        let split = FileSplit::from_json(split).map_err(|error| self.host.fail(error.report()))?;
        let location = self.location(&split.path)?;
        let file_systems = &self.host.ctx.file_systems;
        let file_system = file_systems
            .of(&location)
            .map_err(|error| self.host.caused("the split cannot be read", error))?;
        Ok(SplitReader {
            file_system: Arc::clone(file_system),
            location,
            lines: LineRange::new(split.start..split.end, split.length),
            coming: None,
            block: None,
        })
    }

    /// Where the file of a split is: on this worker, where the job brings it along or it was sent along with the application.
    fn location(&self, path: &str) -> Result<Location, TaskError> {
        let context = &self.host.ctx;
        if let Some(name) = artifact_name(path) {
            let file = context.artifacts.file(name);
            let file = file.ok_or_else(|| self.host.fail(format!("the job has no artifact '{name}'")))?;
            return Ok(Location::local(&file));
        }
        if let Some(below) = shipped_path(path) {
            let directory = std::env::current_dir();
            let directory = directory.map_err(|error| self.host.caused("there is no working directory", error))?;
            return Ok(Location::local(&directory).join(below));
        }
        let location = context.file_systems.resolve(path);
        location.map_err(|error| self.host.caused("the split cannot be read", error))
    }

    /// The records of some whole lines that start at `offset` in the file.
    fn decode(&self, location: &Location, offset: u64, lines: &[u8]) -> Result<RecordBatch, TaskError> {
        match self.decoder.decode(lines) {
            Ok(batch) => Ok(batch),
            Err(reason) => self.decode_singly(location, offset, lines, &reason),
        }
    }

    /// Finds the bad lines among some: fails at the first or leaves them out.
    fn decode_singly(
        &self,
        location: &Location,
        offset: u64,
        lines: &[u8],
        reason: &str,
    ) -> Result<RecordBatch, TaskError> {
        let mut good = Vec::with_capacity(lines.len());
        let mut at = offset;
        for line in lines_of(lines) {
            match self.decoder.fault_of(line) {
                None => good.extend_from_slice(line),
                Some(fault) if self.on_error == OnError::Fail => return Err(self.bad_line(location, at, &fault)),
                Some(_) => self.skipped.add(1),
            }
            at += line.len() as u64;
        }
        if good.len() == lines.len() {
            return Err(self.bad_line(location, offset, reason));
        }
        self.decoder
            .decode(&good)
            .map_err(|reason| self.bad_line(location, offset, &reason))
    }

    fn bad_line(&self, location: &Location, offset: u64, reason: &str) -> TaskError {
        self.host.fail(format!(
            "the line at byte {offset} of {location} cannot be read: {reason}; correct it, or set \"on_error\": \"skip\" to \
             leave such lines out and count them"
        ))
    }

    /// The next lines of a split: where they start and what they are. `None` at its end.
    fn next_lines(&self, reader: &mut SplitReader) -> Result<Option<(u64, Bytes)>, TaskError> {
        while reader.block.is_none() {
            let Some(wanted) = reader.lines.wanted() else {
                return Ok(None);
            };
            let piece = self.read(reader, wanted)?;
            let read = &self.host.ctx.counters.bytes_in;
            read.fetch_add(piece.len() as u64, Ordering::Relaxed);
            reader.block = reader.lines.feed(piece);
            reader.read_ahead(&self.host);
            self.drop_header(reader);
            self.check_pending(reader)?;
        }
        Ok(reader.take_lines())
    }

    /// A line has no bound of its own: a file that is no text may have none at all.
    fn check_pending(&self, reader: &SplitReader) -> Result<(), TaskError> {
        let longest = self.host.share_of_task_memory(LONGEST_LINE);
        if reader.lines.pending() <= longest {
            return Ok(());
        }
        let (offset, location) = (reader.lines.pending_offset(), &reader.location);
        let line = format!("the line at byte {offset} of {location} (is it a text file?)");
        Err(self.host.beyond_task_memory(line, longest))
    }

    fn read(&self, reader: &mut SplitReader, wanted: Range<u64>) -> Result<Bytes, TaskError> {
        let coming = reader
            .coming
            .take()
            .unwrap_or_else(|| reader.request(&self.host, wanted.clone()));
        let mut coming = coming;
        let arrived = self.host.ctx.block_on(&mut coming.0)?;
        let piece = arrived
            .map_err(|error| self.host.caused("the read was interrupted", error))?
            .map_err(|error| self.host.fail(error.to_string()))?;
        if (piece.len() as u64) < wanted.end - wanted.start {
            return Err(self.host.fail(format!(
                "{} became shorter while it was read: byte {} is not there any more",
                reader.location,
                wanted.start + piece.len() as u64
            )));
        }
        Ok(piece)
    }

    fn drop_header(&self, reader: &mut SplitReader) {
        let Some(block) = reader
            .block
            .as_mut()
            .filter(|block| self.has_header && block.offset == 0)
        else {
            return;
        };
        let header = length_of_lines(&block.bytes, 1);
        block.bytes = block.bytes.slice(header..);
        block.offset = header as u64;
        if block.bytes.is_empty() {
            reader.block = None;
        }
    }
}

impl Source for FileSourceOperator {
    fn advance(&mut self, splits: &mut dyn SplitProvider, out: &mut dyn Collector) -> Result<SourceStatus, TaskError> {
        let mut reader = match self.reading.take() {
            Some(reader) => reader,
            None => match splits.next_split(&self.host.id)? {
                Some(split) => self.open(&split)?,
                None => return Ok(SourceStatus::Finished),
            },
        };
        if let Some((offset, lines)) = self.next_lines(&mut reader)? {
            let batch = self.decode(&reader.location, offset, &lines)?;
            self.reading = Some(reader);
            let records = &self.host.ctx.counters.records_in;
            records.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
            out.collect(batch)?;
        }
        Ok(SourceStatus::More)
    }
}

/// A split that is being read.
struct SplitReader {
    file_system: Arc<dyn FileSystem>,
    location: Location,
    lines: LineRange,
    coming: Option<Coming>,
    block: Option<Block>,
}

impl SplitReader {
    fn request(&self, host: &OperatorHost, range: Range<u64>) -> Coming {
        let file_system = Arc::clone(&self.file_system);
        let location = self.location.clone();
        Coming(
            host.ctx
                .io
                .runtime()
                .spawn(async move { file_system.read(&location, range).await }),
        )
    }

    fn read_ahead(&mut self, host: &OperatorHost) {
        self.coming = self.lines.wanted().map(|range| self.request(host, range));
    }

    fn take_lines(&mut self) -> Option<(u64, Bytes)> {
        let mut block = self.block.take()?;
        let offset = block.offset;
        let lines = block.bytes.split_to(length_of_lines(&block.bytes, MAX_ROWS));
        if !block.bytes.is_empty() {
            block.offset += lines.len() as u64;
            self.block = Some(block);
        }
        Some((offset, lines))
    }
}

/// A piece that is being read; given up with its reader.
struct Coming(JoinHandle<Result<Bytes, FsError>>);

impl Drop for Coming {
    fn drop(&mut self) {
        self.0.abort();
    }
}
