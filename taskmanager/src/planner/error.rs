//! What can be wrong with an operator of a graph.

use arrow::datatypes::{DataType, Schema};
use datafusion_common::{DataFusionError, SchemaError};
use selvedge_core::nearest::nearest;
use selvedge_core::{OperatorId, VertexId};
use selvedge_runtime::connector::ConnectorError;
use thiserror::Error;

use crate::operator::partition::PartitionError;

/// An operator that cannot be planned.
#[derive(Debug, Error)]
#[error("vertex '{vertex}': operator '{operator}': {fault}")]
pub struct PlanError {
    /// The vertex.
    pub vertex: VertexId,
    /// The operator in its chain.
    pub operator: OperatorId,
    /// What is wrong.
    pub fault: Box<PlanFault>,
}

/// What is wrong with an operator.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlanFault {
    /// An expression.
    #[error("the expression '{text}' {error}")]
    Expression {
        /// As the user wrote it.
        text: String,
        /// Why it cannot be planned.
        error: ExpressionError,
    },
    /// An option's value.
    #[error("{0}")]
    Option(String),
    /// A column that is named.
    #[error("the column '{column}' does not exist{hint}; the columns are {known}")]
    UnknownColumn {
        /// The column as the user wrote it.
        column: String,
        /// ` (did you mean '…'?)` or nothing.
        hint: String,
        /// The columns that enter.
        known: String,
    },
    /// A key of an aggregate.
    #[error(transparent)]
    Key(#[from] PartitionError),
    /// Two columns of one name.
    #[error("two columns have the name '{0}': the names of the columns that leave an operator must be unique")]
    DuplicateColumn(String),
    /// Columns that a sink cannot write.
    #[error("{format} files cannot hold the columns ({schema}): {reason}")]
    SinkSchema {
        /// The format.
        format: &'static str,
        /// The columns that enter.
        schema: String,
        /// Why.
        reason: String,
    },
}

/// Why an expression cannot be planned; completes `the expression '…'`.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExpressionError {
    /// Not SQL.
    #[error("is not an SQL expression: {0}")]
    Syntax(String),
    /// A column that does not exist.
    #[error("names the column '{column}', which does not exist{hint}; the columns are {known}")]
    UnknownColumn {
        /// As the user wrote it.
        column: String,
        /// ` (did you mean '…'?)` or nothing.
        hint: String,
        /// The columns that enter.
        known: String,
    },
    /// A function that does not exist.
    #[error("calls the function '{function}', which does not exist{hint}; docs/functions.md lists what there is")]
    UnknownFunction {
        /// As the user wrote it.
        function: String,
        /// ` (did you mean '…'?)` or nothing.
        hint: String,
    },
    /// A function whose value depends on more than its arguments.
    #[error(
        "calls {function}(), whose value is not decided by its arguments: a subtask that runs again after a failure must \
         yield the same records"
    )]
    Volatile {
        /// The function.
        function: String,
    },
    /// An aggregate outside an aggregate operator.
    #[error("calls the aggregate {function}(), which can stand only in an operator 'aggregate'")]
    MisplacedAggregate {
        /// The function.
        function: String,
    },
    /// Something else in an aggregate operator.
    #[error(
        "is not one of count(*), count(x), sum(x), min(x), max(x) and avg(x): {reason}; compute with their results in a \
         'project' behind the aggregate"
    )]
    NotAnAggregate {
        /// What it is.
        reason: String,
    },
    /// A type that the operator cannot use.
    #[error("has the type {found}, but must {expected}")]
    WrongType {
        /// `be Boolean`, `yield a list`
        expected: &'static str,
        /// The type.
        found: DataType,
    },
    /// Types that do not fit each other, and whatever else DataFusion refuses.
    #[error("cannot be evaluated: {0}")]
    Refused(String),
}

impl ExpressionError {
    /// What DataFusion says of an expression over this schema.
    pub(super) fn from_datafusion(error: &DataFusionError, schema: &Schema) -> Self {
        match error.find_root() {
            DataFusionError::SchemaError(cause, _) => match cause.as_ref() {
                SchemaError::FieldNotFound { field, .. } => Self::unknown_column(&field.name, schema),
                other => Self::Refused(other.to_string()),
            },
            root => Self::Refused(plain(&root.strip_backtrace())),
        }
    }

    fn unknown_column(column: &str, schema: &Schema) -> Self {
        Self::UnknownColumn {
            column: column.to_owned(),
            hint: hint(column, column_names(schema)),
            known: known(schema),
        }
    }
}

impl PlanFault {
    pub(super) fn unknown_column(column: &str, schema: &Schema) -> Self {
        Self::UnknownColumn {
            column: column.to_owned(),
            hint: hint(column, column_names(schema)),
            known: known(schema),
        }
    }
}

impl From<PlanError> for ConnectorError {
    fn from(error: PlanError) -> Self {
        Self::new(error.to_string())
    }
}

/// ` (did you mean '…'?)` or nothing.
pub(super) fn hint<'a>(unknown: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(unknown, candidates).map_or_else(String::new, |near| format!(" (did you mean '{near}'?)"))
}

fn column_names(schema: &Schema) -> impl Iterator<Item = &str> {
    schema.fields().iter().map(|field| field.name().as_str())
}

fn known(schema: &Schema) -> String {
    column_names(schema).collect::<Vec<_>>().join(", ")
}

/// The message without DataFusion's categories and line breaks.
fn plain(message: &str) -> String {
    let mut text = message;
    for category in [
        "Error during planning: ",
        "Execution error: ",
        "Arrow error: ",
        "This feature is not implemented: ",
    ] {
        text = text.strip_prefix(category).unwrap_or(text);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
