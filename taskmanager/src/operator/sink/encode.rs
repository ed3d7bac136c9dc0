//! Batches → bytes of a file: text, CSV, JSON lines, Parquet.

use arrow::array::{AsArray, StringArray};
use arrow::csv::WriterBuilder as CsvWriterBuilder;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::json::WriterBuilder as JsonWriterBuilder;
use arrow::json::writer::LineDelimited;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use selvedge_core::job_graph::operator::FileFormat;
use thiserror::Error;

use crate::planner::single_byte;

/// A Parquet row group is written out when its columns take this much memory, or what the slot has for it.
pub(super) const ROW_GROUP_BYTES: usize = 32 << 20;

/// Records that cannot be written in the format.
#[derive(Debug, Error)]
pub(super) enum EncodeError {
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    #[error(transparent)]
    Parquet(#[from] ParquetError),
    #[error("{0}")]
    Option(String),
}

/// Turns batches into the bytes of one file.
pub(super) enum Encoder {
    Text,
    Csv {
        delimiter: u8,
        header_due: bool,
    },
    Json,
    Parquet {
        writer: Box<ArrowWriter<Vec<u8>>>,
        row_group: usize,
    },
}

impl Encoder {
    /// `row_group`: when a Parquet row group is written out, in bytes.
    pub(super) fn new(format: &FileFormat, schema: &SchemaRef, row_group: usize) -> Result<Self, EncodeError> {
        Ok(match format {
            FileFormat::Text => Self::Text,
            FileFormat::Csv { header, delimiter } => Self::Csv {
                delimiter: single_byte(*delimiter).map_err(|fault| EncodeError::Option(fault.to_string()))?,
                header_due: *header,
            },
            FileFormat::Json => Self::Json,
            FileFormat::Parquet => {
                let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
                let writer = ArrowWriter::try_new(Vec::new(), SchemaRef::clone(schema), Some(properties))?;
                Self::Parquet {
                    writer: Box::new(writer),
                    row_group,
                }
            }
        })
    }

    /// Appends what a batch gives; Parquet may keep it back.
    pub(super) fn encode(&mut self, batch: &RecordBatch, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Text => text_lines(batch, bytes)?,
            Self::Csv { delimiter, header_due } => {
                let header = std::mem::take(header_due);
                let builder = CsvWriterBuilder::new().with_header(header).with_delimiter(*delimiter);
                builder.build(&mut *bytes).write(batch)?;
            }
            Self::Json => json_lines(batch, bytes)?,
            Self::Parquet { writer, row_group } => {
                writer.write(batch)?;
                if writer.in_progress_size() >= *row_group {
                    writer.flush()?;
                }
                bytes.append(writer.inner_mut());
            }
        }
        Ok(())
    }

    /// Appends what was kept back: the file ends.
    pub(super) fn finish(self, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
        if let Self::Parquet { writer, .. } = self {
            bytes.append(&mut writer.into_inner()?);
        }
        Ok(())
    }
}

fn text_lines(batch: &RecordBatch, bytes: &mut Vec<u8>) -> Result<(), ArrowError> {
    let column = batch.columns().first().and_then(|column| column.as_string_opt());
    let column: &StringArray =
        column.ok_or_else(|| ArrowError::SchemaError("text takes one Utf8 column".to_owned()))?;
    for text in column {
        bytes.extend_from_slice(text.unwrap_or_default().as_bytes());
        bytes.push(b'\n');
    }
    Ok(())
}

/// One JSON object a record; a null is written as such, so that all records of a file have one shape.
pub(super) fn json_lines(batch: &RecordBatch, bytes: &mut Vec<u8>) -> Result<(), ArrowError> {
    let mut writer = JsonWriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, LineDelimited>(bytes);
    writer.write(batch)?;
    writer.finish()
}
