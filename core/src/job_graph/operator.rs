//! What an operator is, as data. Each kind has a struct of its own; the file form is flat:
//! `{"id": "split", "operator": "flat-map", "expression": "words(line)", "as": "word"}`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::schema::SchemaSpec;
use crate::id::OperatorId;
use crate::memory_size::MemorySize;

/// An operator in a chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "FlatSpec", into = "FlatSpec")]
pub struct OperatorSpec {
    /// Unique in the graph.
    pub id: OperatorId,
    /// What users see; the id where it is left out.
    pub name: Option<String>,
    /// What it does.
    pub operator: Operator,
}

/// What an operator does, by kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "operator", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Operator {
    /// Reads files; splits are byte ranges.
    FileSource(FileSource),
    /// Makes records from a seed.
    GeneratorSource(GeneratorSource),
    /// Computes new columns.
    Project(Project),
    /// Keeps the records for which a predicate is true.
    Filter(Filter),
    /// One record for each element of a list.
    FlatMap(FlatMap),
    /// Aggregates by key; bounded input is answered at its end.
    Aggregate(Aggregate),
    /// Writes files, visible when the job has FINISHED.
    FileSink(FileSink),
    /// Prints records to the task's standard output.
    PrintSink(PrintSink),
    /// Counts records and drops them.
    BlackholeSink(BlackholeSink),
}

/// Reads text, CSV or JSON-lines files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSource {
    /// Files, directories or globs: `file://`, `hdfs://` or without a scheme (the default file system); or
    /// `artifact:NAME`, a file that the job brings along; or `shipped:PATH`, what is sent along into every container.
    pub paths: Vec<String>,
    /// How bytes become records.
    pub format: FileFormat,
    /// The columns of CSV and JSON files; text has one column, `line`.
    #[serde(default, skip_serializing_if = "SchemaSpec::is_empty")]
    pub schema: SchemaSpec,
    /// The size of a split: a file is read by several subtasks in ranges of this size.
    #[serde(default = "default_split_size")]
    pub split_size: MemorySize,
    /// What to do with a line that is not UTF-8 or does not fit the schema.
    #[serde(default)]
    pub on_error: OnError,
}

/// Formats of files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum FileFormat {
    /// Lines of UTF-8 text, ended by LF or CR LF.
    Text,
    /// Comma-separated values. A quoted field may not hold a line break in a source, where files are split at line ends.
    Csv {
        /// Whether the first line of each file names the columns.
        #[serde(default)]
        header: bool,
        /// One byte between fields.
        #[serde(default = "comma")]
        delimiter: char,
    },
    /// One JSON object a line.
    Json,
    /// Apache Parquet. For sinks only.
    Parquet,
}

impl FileFormat {
    /// The ending of files of this format.
    pub const fn extension(&self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Csv { .. } => "csv",
            Self::Json => "jsonl",
            Self::Parquet => "parquet",
        }
    }
}

/// What to do with a line that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnError {
    /// Fail the job, with the file and the byte offset.
    #[default]
    Fail,
    /// Leave the line out and count it.
    Skip,
}

/// Makes records from a seed: the same seed and parallelism give the same records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GeneratorSource {
    /// The columns.
    pub fields: Vec<GeneratedField>,
    /// How many records all subtasks make together; without it the source does not end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// The most records a second that all subtasks make together; without it there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_per_second: Option<f64>,
    /// Where the random numbers start.
    #[serde(default)]
    pub seed: u64,
}

/// A generated column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GeneratedField {
    /// The column's name.
    pub name: String,
    /// How its values are made.
    pub generator: Generator,
}

/// How the values of a generated column are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Generator {
    /// `Int64`: start, start + 1, …; each number once over all subtasks.
    Sequence {
        /// The first number.
        #[serde(default)]
        start: i64,
    },
    /// `Int64`, uniform in min..=max.
    RandomInt {
        /// The smallest value.
        min: i64,
        /// The largest value.
        max: i64,
    },
    /// `Float64`, uniform in min..max.
    RandomFloat {
        /// The smallest value.
        min: f64,
        /// The bound, not reached.
        max: f64,
    },
    /// `Utf8` of random lower-case letters.
    RandomString {
        /// How many letters.
        length: u32,
    },
}

/// Computes new columns; only these leave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Project {
    /// The columns that leave, in order.
    pub columns: Vec<NamedExpression>,
}

/// An SQL expression and the name of its column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedExpression {
    /// SQL expression text over the columns that enter.
    pub expression: String,
    /// The name of the column that leaves.
    #[serde(rename = "as")]
    pub name: String,
}

/// Keeps the records for which a predicate is true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// SQL expression text of type Boolean; null drops the record.
    pub predicate: String,
}

/// One record for each element of a list; a null or empty list gives none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FlatMap {
    /// SQL expression text that yields a list.
    pub expression: String,
    /// The name of the column that holds the element.
    #[serde(rename = "as")]
    pub name: String,
    /// Columns that enter and are repeated for each element, before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<String>,
}

/// Aggregates by key. The keys leave first, then the aggregates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Aggregate {
    /// Columns that enter; none aggregates all records of the subtask to one.
    pub keys: Vec<String>,
    /// `count(*)`, `count(x)`, `sum(x)`, `min(x)`, `max(x)` or `avg(x)`, where x is an SQL expression.
    pub aggregates: Vec<NamedExpression>,
}

/// Writes files under names that hold job, subtask and attempt; they appear when the job has FINISHED.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSink {
    /// The output directory.
    pub path: String,
    /// How records become bytes. Text takes one `Utf8` column.
    pub format: FileFormat,
    /// Whether an output directory that exists is replaced when the job has FINISHED; without it, it is refused.
    #[serde(default)]
    pub overwrite: bool,
}

/// Prints records to the task's standard output, one JSON object a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrintSink {
    /// Stands before each line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

/// Counts records and drops them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BlackholeSink {
    /// The most bytes a second that a subtask takes; without it there is no limit. For tests of back-pressure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_second: Option<MemorySize>,
}

impl Operator {
    /// The names that `operator` takes.
    pub const KINDS: &'static [&'static str] = &[
        "file-source",
        "generator-source",
        "project",
        "filter",
        "flat-map",
        "aggregate",
        "file-sink",
        "print-sink",
        "blackhole-sink",
    ];

    /// The name under which a graph asks for this kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::FileSource(_) => "file-source",
            Self::GeneratorSource(_) => "generator-source",
            Self::Project(_) => "project",
            Self::Filter(_) => "filter",
            Self::FlatMap(_) => "flat-map",
            Self::Aggregate(_) => "aggregate",
            Self::FileSink(_) => "file-sink",
            Self::PrintSink(_) => "print-sink",
            Self::BlackholeSink(_) => "blackhole-sink",
        }
    }

    /// Whether records enter the graph here.
    pub const fn is_source(&self) -> bool {
        matches!(self, Self::FileSource(_) | Self::GeneratorSource(_))
    }

    /// Whether records enter here without end.
    pub const fn is_unbounded_source(&self) -> bool {
        matches!(self, Self::GeneratorSource(GeneratorSource { rows: None, .. }))
    }

    /// Whether records leave the graph here.
    pub const fn is_sink(&self) -> bool {
        matches!(self, Self::FileSink(_) | Self::PrintSink(_) | Self::BlackholeSink(_))
    }
}

impl OperatorSpec {
    /// What users see.
    pub fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or(self.id.as_str())
    }
}

/// The flat file form, read in two steps so that each error names the operator.
#[derive(Clone, Serialize, Deserialize)]
struct FlatSpec {
    id: OperatorId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    operator: String,
    #[serde(flatten)]
    options: Map<String, Value>,
}

impl TryFrom<FlatSpec> for OperatorSpec {
    type Error = String;

    fn try_from(flat: FlatSpec) -> Result<Self, Self::Error> {
        let options = Value::Object(flat.options);
        let operator = match flat.operator.as_str() {
            "file-source" => serde_json::from_value(options).map(Operator::FileSource),
            "generator-source" => serde_json::from_value(options).map(Operator::GeneratorSource),
            "project" => serde_json::from_value(options).map(Operator::Project),
            "filter" => serde_json::from_value(options).map(Operator::Filter),
            "flat-map" => serde_json::from_value(options).map(Operator::FlatMap),
            "aggregate" => serde_json::from_value(options).map(Operator::Aggregate),
            "file-sink" => serde_json::from_value(options).map(Operator::FileSink),
            "print-sink" => serde_json::from_value(options).map(Operator::PrintSink),
            "blackhole-sink" => serde_json::from_value(options).map(Operator::BlackholeSink),
            unknown => return Err(unknown_operator(&flat.id, unknown)),
        }
        .map_err(|error| format!("operator '{}' ({}): {error}", flat.id, flat.operator))?;
        Ok(Self {
            id: flat.id,
            name: flat.name,
            operator,
        })
    }
}

impl From<OperatorSpec> for FlatSpec {
    fn from(spec: OperatorSpec) -> Self {
        let operator = spec.operator.kind().to_owned();
        let mut options = match serde_json::to_value(&spec.operator) {
            Ok(Value::Object(options)) => options,
            // Every kind is a struct with string keys, so it is an object.
            Ok(_) | Err(_) => Map::new(),
        };
        options.shift_remove("operator");
        Self {
            id: spec.id,
            name: spec.name,
            operator,
            options,
        }
    }
}

fn unknown_operator(id: &OperatorId, unknown: &str) -> String {
    let hint = crate::nearest::nearest(unknown, Operator::KINDS.iter().copied())
        .map_or_else(String::new, |near| format!(" (did you mean '{near}'?)"));
    format!(
        "operator '{id}': unknown operator '{unknown}'{hint}; known are {}",
        Operator::KINDS.join(", ")
    )
}

/// What the JSON Schema shows of [`OperatorSpec`]: the common fields beside those of the kind.
#[derive(JsonSchema)]
#[schemars(rename = "OperatorSpec")]
#[allow(dead_code, reason = "only its JSON Schema is used")]
struct OperatorSpecSchema {
    /// Unique in the graph.
    id: OperatorId,
    /// What users see; the id where it is left out.
    name: Option<String>,
    #[serde(flatten)]
    operator: Operator,
}

impl JsonSchema for OperatorSpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        OperatorSpecSchema::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        OperatorSpecSchema::json_schema(generator)
    }
}

const fn default_split_size() -> MemorySize {
    MemorySize::from_mebibytes(64)
}

const fn comma() -> char {
    ','
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flat_form_reads_back() {
        let text = r#"{"id":"split","operator":"flat-map","expression":"words(line)","as":"word"}"#;
        let spec: OperatorSpec = serde_json::from_str(text).unwrap();
        assert_eq!(spec.operator.kind(), "flat-map");
        assert_eq!(serde_json::to_string(&spec).unwrap(), text);
    }

    #[test]
    fn an_unknown_operator_is_told_with_the_nearest() {
        let error = serde_json::from_str::<OperatorSpec>(r#"{"id":"f","operator":"fliter","predicate":"true"}"#);
        let message = error.unwrap_err().to_string();
        assert!(
            message.contains("unknown operator 'fliter' (did you mean 'filter'?)"),
            "{message}"
        );
    }

    #[test]
    fn an_unknown_option_is_told_with_the_operator() {
        let error = serde_json::from_str::<OperatorSpec>(r#"{"id":"f","operator":"filter","predicat":"true"}"#);
        let message = error.unwrap_err().to_string();
        assert!(
            message.contains("operator 'f' (filter): unknown field `predicat`"),
            "{message}"
        );
    }

    #[test]
    fn every_kind_is_listed() {
        let schema = serde_json::to_string(&schemars::schema_for!(Operator)).unwrap();
        for kind in Operator::KINDS {
            assert!(schema.contains(&format!("\"{kind}\"")), "{kind}");
        }
    }
}
