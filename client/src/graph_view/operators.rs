//! One line about an operator.

use selvedge_core::job_graph::Operator;
use selvedge_core::job_graph::operator::{FileFormat, NamedExpression};

/// What an operator does, short enough for a line.
pub(super) fn summary(operator: &Operator) -> String {
    match operator {
        Operator::FileSource(source) => format!("{} ({})", source.paths.join(", "), format_name(&source.format)),
        Operator::GeneratorSource(source) => {
            let fields: Vec<_> = source.fields.iter().map(|field| field.name.as_str()).collect();
            let rows = source
                .rows
                .map_or_else(|| "unbounded".to_owned(), |rows| format!("{rows} rows"));
            let rate = source
                .rows_per_second
                .map_or_else(String::new, |rate| format!(", at most {rate} a second"));
            format!("{} ({rows}{rate}, seed {})", fields.join(", "), source.seed)
        }
        Operator::Project(project) => expressions(&project.columns),
        Operator::Filter(filter) => filter.predicate.clone(),
        Operator::FlatMap(flat_map) => {
            let kept: String = flat_map.keep.iter().map(|column| format!("{column}, ")).collect();
            format!("{kept}unnest {} as {}", flat_map.expression, flat_map.name)
        }
        Operator::Aggregate(aggregate) => {
            let by = if aggregate.keys.is_empty() {
                String::new()
            } else {
                format!(" by {}", aggregate.keys.join(", "))
            };
            format!("{}{by}", expressions(&aggregate.aggregates))
        }
        Operator::FileSink(sink) => {
            let overwrite = if sink.overwrite { ", overwrite" } else { "" };
            format!("{} ({}{overwrite})", sink.path, format_name(&sink.format))
        }
        Operator::PrintSink(sink) => sink.prefix.clone().unwrap_or_default(),
        Operator::BlackholeSink(sink) => sink
            .bytes_per_second
            .map_or_else(String::new, |rate| format!("at most {rate} a second")),
        // A kind that this page does not know yet still has its name.
        _ => String::new(),
    }
}

fn expressions(columns: &[NamedExpression]) -> String {
    let column = |column: &NamedExpression| {
        if column.expression == column.name {
            column.name.clone()
        } else {
            format!("{} as {}", column.expression, column.name)
        }
    };
    columns.iter().map(column).collect::<Vec<_>>().join(", ")
}

const fn format_name(format: &FileFormat) -> &'static str {
    match format {
        FileFormat::Text => "text",
        FileFormat::Csv { .. } => "csv",
        FileFormat::Json => "json",
        FileFormat::Parquet => "parquet",
    }
}
