//! What leaves a source, and whether its options make sense.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use selvedge_core::job_graph::operator::{FileFormat, FileSource, GeneratedField, Generator, GeneratorSource};

use super::error::PlanFault;
use super::operator::unique;

/// The column of a text file.
const LINE: &str = "line";

pub(super) fn file_source_schema(source: &FileSource) -> Result<SchemaRef, PlanFault> {
    if source.paths.is_empty() {
        return Err(option("'paths' is empty: name at least one file, directory or glob"));
    }
    if source.split_size.bytes() == 0 {
        return Err(option(
            "'split_size' is 0: a split must hold at least a byte, such as 64mb",
        ));
    }
    match &source.format {
        FileFormat::Text => text_schema(source),
        FileFormat::Csv { delimiter, .. } => {
            single_byte(*delimiter)?;
            let schema = stated_schema(source, "csv")?;
            match schema.fields().iter().find(|field| field.data_type().is_nested()) {
                Some(field) => Err(PlanFault::Option(format!(
                    "the column '{}' has the type {}, which CSV cannot hold",
                    field.name(),
                    field.data_type()
                ))),
                None => Ok(schema),
            }
        }
        FileFormat::Json => {
            let schema = stated_schema(source, "json")?;
            arrow::json::ReaderBuilder::new(Arc::clone(&schema))
                .build_decoder()
                .map_err(|error| PlanFault::Option(format!("JSON cannot be read into these columns: {error}")))?;
            Ok(schema)
        }
        FileFormat::Parquet => Err(option(
            "the format parquet is for sinks only: read text, csv or json instead",
        )),
    }
}

fn text_schema(source: &FileSource) -> Result<SchemaRef, PlanFault> {
    let schema = Arc::new(Schema::new(vec![Field::new(LINE, DataType::Utf8, false)]));
    match source.schema.0.as_slice() {
        [] => Ok(schema),
        [only] if only.name == LINE && only.data_type.0 == DataType::Utf8 => Ok(schema),
        _ => Err(option("text files have one column, line Utf8: leave 'schema' out")),
    }
}

fn stated_schema(source: &FileSource, format: &str) -> Result<SchemaRef, PlanFault> {
    if source.schema.is_empty() {
        return Err(PlanFault::Option(format!(
            "'schema' is missing: {format} files need the names and types of their columns, such as \
             [{{\"name\": \"id\", \"type\": \"Int64\"}}]"
        )));
    }
    unique(
        source
            .schema
            .to_arrow()
            .fields()
            .iter()
            .map(|field| field.as_ref().clone()),
    )
}

/// A CSV delimiter as its byte.
pub(crate) fn single_byte(delimiter: char) -> Result<u8, PlanFault> {
    match u8::try_from(delimiter) {
        Ok(byte) if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r' | 0) => Ok(byte),
        _ => Err(PlanFault::Option(format!(
            "'delimiter' is {delimiter:?}: it must be one ASCII character other than a quote or a line break"
        ))),
    }
}

pub(super) fn generator_schema(source: &GeneratorSource) -> Result<SchemaRef, PlanFault> {
    if source.fields.is_empty() {
        return Err(option("'fields' is empty: at least one column must leave"));
    }
    if let Some(rate) = source.rows_per_second
        && !(rate.is_finite() && rate > 0.0)
    {
        return Err(PlanFault::Option(format!(
            "'rows_per_second' is {rate}: it must be above 0; leave it out for no limit"
        )));
    }
    source.fields.iter().try_for_each(check_range)?;
    unique(source.fields.iter().map(|field| {
        let data_type = match field.generator {
            Generator::Sequence { .. } | Generator::RandomInt { .. } => DataType::Int64,
            Generator::RandomFloat { .. } => DataType::Float64,
            Generator::RandomString { .. } => DataType::Utf8,
        };
        Field::new(&field.name, data_type, false)
    }))
}

fn check_range(field: &GeneratedField) -> Result<(), PlanFault> {
    /// Longer texts would let a batch outgrow what an exchange carries.
    const LONGEST: u32 = 1 << 16;
    let fault = match field.generator {
        Generator::RandomInt { min, max } if min > max => format!("min {min} is above max {max}"),
        Generator::RandomFloat { min, max } if !(min < max && (max - min).is_finite()) => {
            format!("min {min} is not below max {max}")
        }
        Generator::RandomString { length } if length > LONGEST => format!("length {length} is above {LONGEST}"),
        _ => return Ok(()),
    };
    Err(PlanFault::Option(format!("the field '{}': {fault}", field.name)))
}

fn option(text: &str) -> PlanFault {
    PlanFault::Option(text.to_owned())
}
