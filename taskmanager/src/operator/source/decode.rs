//! Lines → batches: text, CSV, JSON.

use std::sync::Arc;

use arrow::array::StringArray;
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::csv::reader::Decoder as CsvDecoder;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::json::reader::Decoder as JsonDecoder;
use arrow::record_batch::RecordBatch;
use selvedge_core::job_graph::operator::FileFormat;

use super::super::host::MAX_ROWS;
use super::lines::{lines_of, without_line_end};
use crate::planner::single_byte;

/// Turns whole lines into a batch.
#[derive(Debug, Clone)]
pub(super) struct LineDecoder {
    schema: SchemaRef,
    format: LineFormat,
}

#[derive(Debug, Clone, Copy)]
enum LineFormat {
    Text,
    Csv { delimiter: u8 },
    Json,
}

impl LineDecoder {
    pub(super) fn new(format: &FileFormat, schema: SchemaRef) -> Result<Self, String> {
        let format = match format {
            FileFormat::Text => LineFormat::Text,
            FileFormat::Csv { delimiter, .. } => LineFormat::Csv {
                delimiter: single_byte(*delimiter).map_err(|fault| fault.to_string())?,
            },
            FileFormat::Json => LineFormat::Json,
            FileFormat::Parquet => return Err("the format parquet is for sinks only".to_owned()),
        };
        Ok(Self { schema, format })
    }

    /// The records of at most [`MAX_ROWS`] whole lines; fails where any of them is not a record.
    pub(super) fn decode(&self, lines: &[u8]) -> Result<RecordBatch, String> {
        match self.format {
            LineFormat::Text => self.decode_text(lines).map_err(|error| error.to_string()),
            LineFormat::Csv { delimiter } => self.decode_csv(lines, delimiter),
            LineFormat::Json => self.decode_json(lines),
        }
    }

    /// Why one line is no record, if it is none.
    pub(super) fn fault_of(&self, line: &[u8]) -> Option<String> {
        if let Err(error) = std::str::from_utf8(without_line_end(line)) {
            return Some(format!(
                "it is not UTF-8 from byte {} of the line on",
                error.valid_up_to()
            ));
        }
        match self.format {
            LineFormat::Text => None,
            LineFormat::Csv { .. } | LineFormat::Json => self.decode(line).err(),
        }
    }

    fn decode_text(&self, lines: &[u8]) -> Result<RecordBatch, ArrowError> {
        let mut values = Vec::with_capacity(lines.len());
        let mut ends = Vec::with_capacity(MAX_ROWS + 1);
        ends.push(0_i32);
        for line in lines_of(lines) {
            values.extend_from_slice(without_line_end(line));
            ends.push(i32::try_from(values.len()).map_err(|_| ArrowError::OffsetOverflowError(values.len()))?);
        }
        let ends = OffsetBuffer::new(ScalarBuffer::from(ends));
        let column = StringArray::try_new(ends, Buffer::from_vec(values), None)?;
        RecordBatch::try_new(Arc::clone(&self.schema), vec![Arc::new(column)])
    }

    fn decode_csv(&self, lines: &[u8], delimiter: u8) -> Result<RecordBatch, String> {
        let lines = ended_by_lf(lines);
        let mut decoder = arrow::csv::ReaderBuilder::new(Arc::clone(&self.schema))
            .with_header(false)
            .with_delimiter(delimiter)
            .with_terminator(b'\n')
            .with_batch_size(MAX_ROWS)
            .build_decoder();
        let rows = count_records(&lines);
        let mut rest: &[u8] = &lines;
        while !rest.is_empty() && decoder.capacity() > 0 {
            let read = CsvDecoder::decode(&mut decoder, rest).map_err(|error| csv_reason(&error))?;
            rest = &rest[read..];
        }
        // A quote that is not closed takes the lines behind it into its record.
        if MAX_ROWS - decoder.capacity() != rows {
            return Err("a quoted field is not closed on its line".to_owned());
        }
        let batch = decoder.flush().map_err(|error| csv_reason(&error))?;
        Ok(batch.unwrap_or_else(|| RecordBatch::new_empty(Arc::clone(&self.schema))))
    }

    fn decode_json(&self, lines: &[u8]) -> Result<RecordBatch, String> {
        let reason = |error: ArrowError| plain(&error);
        let mut decoder: JsonDecoder = arrow::json::ReaderBuilder::new(Arc::clone(&self.schema))
            .with_batch_size(MAX_ROWS + 1)
            .build_decoder()
            .map_err(reason)?;
        let read = decoder.decode(lines).map_err(reason)?;
        if read != lines.len() || decoder.has_partial_record() || decoder.len() != count_records(lines) {
            return Err("it is not exactly one JSON object".to_owned());
        }
        let batch = decoder.flush().map_err(reason)?;
        Ok(batch.unwrap_or_else(|| RecordBatch::new_empty(Arc::clone(&self.schema))))
    }
}

/// Blank lines hold no record in CSV and JSON.
fn count_records(lines: &[u8]) -> usize {
    lines_of(lines).filter(|line| !line.trim_ascii().is_empty()).count()
}

/// The lines, each ended by LF alone, blank ones left out; copied only where that is not so already.
fn ended_by_lf(lines: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    let blank = |line: &[u8]| line.trim_ascii().is_empty();
    let clean = lines.ends_with(b"\n") && memchr::memchr(b'\r', lines).is_none() && !lines_of(lines).any(blank);
    if clean || lines.is_empty() {
        return lines.into();
    }
    let mut copied = Vec::with_capacity(lines.len() + 1);
    for line in lines_of(lines).filter(|line| !blank(line)) {
        copied.extend_from_slice(without_line_end(line));
        copied.push(b'\n');
    }
    copied.into()
}

/// What Arrow says, without its line numbers: it counts from the start of the block.
fn csv_reason(error: &ArrowError) -> String {
    let text = plain(error);
    let text = text.split(" at line ").next().unwrap_or_default();
    match text.split_once(" for line ") {
        Some((before, after)) => {
            let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
            format!("{before}{after}")
        }
        None => text.to_owned(),
    }
}

fn plain(error: &ArrowError) -> String {
    let text = error.to_string();
    let categories = ["Csv error: ", "Json error: ", "Parser error: "];
    let category = categories.iter().find(|category| text.starts_with(**category));
    category
        .map_or(text.as_str(), |category| &text[category.len()..])
        .to_owned()
}
