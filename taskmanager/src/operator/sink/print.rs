//! `print-sink`: prints records, one JSON object a line.

use std::io::Write;

use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use memchr::memchr_iter;
use selvedge_core::job_graph::operator::PrintSink;

use super::super::chain::Operator;
use super::super::host::OperatorHost;
use super::super::{Collector, TaskError};
use super::encode::json_lines;

pub(in super::super) struct PrintSinkOperator {
    host: OperatorHost,
    prefix: String,
}

impl PrintSinkOperator {
    pub(in super::super) fn new(host: OperatorHost, spec: PrintSink) -> Self {
        Self {
            host,
            prefix: spec.prefix.unwrap_or_default(),
        }
    }
}

impl Operator for PrintSinkOperator {
    fn process(&mut self, batch: RecordBatch, _out: &mut dyn Collector) -> Result<(), TaskError> {
        let lines =
            lines_of(&batch, &self.prefix).map_err(|error| self.host.caused("records cannot be printed", error))?;
        // One lock for a batch, so that lines of tasks of one process do not mix.
        let mut stdout = std::io::stdout().lock();
        stdout
            .write_all(&lines)
            .and_then(|()| stdout.flush())
            .map_err(|error| self.host.caused("standard output cannot be written", error))
    }
}

fn lines_of(batch: &RecordBatch, prefix: &str) -> Result<Vec<u8>, ArrowError> {
    let mut lines = Vec::new();
    json_lines(batch, &mut lines)?;
    if prefix.is_empty() {
        return Ok(lines);
    }
    let mut prefixed = Vec::with_capacity(lines.len() + batch.num_rows() * prefix.len());
    let mut start = 0;
    for end in memchr_iter(b'\n', &lines) {
        prefixed.extend_from_slice(prefix.as_bytes());
        prefixed.extend_from_slice(&lines[start..=end]);
        start = end + 1;
    }
    Ok(prefixed)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    #[test]
    fn each_record_is_a_line_behind_the_prefix() {
        let words: ArrayRef = Arc::new(StringArray::from(vec![Some("a\nb"), None]));
        let counts: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let batch = RecordBatch::try_from_iter([("word", words), ("n", counts)]).unwrap();
        let lines = String::from_utf8(lines_of(&batch, "1> ").unwrap()).unwrap();
        assert_eq!(lines, "1> {\"word\":\"a\\nb\",\"n\":1}\n1> {\"word\":null,\"n\":2}\n");
    }
}
