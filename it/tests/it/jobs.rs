//! Jobs of the tests, by the data that a file holds.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The job that the README shows.
pub(crate) fn wordcount() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/wordcount.json")
}

/// The same over two inputs.
pub(crate) fn union() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs/union.json")
}

/// Whether a client has said that the vertex of the sink `out` runs: for `Running::until_says`.
pub(crate) fn out_runs(said: &str) -> Option<()> {
    said.contains("vertex out: RUNNING").then_some(())
}

pub(crate) fn job(vertices: &[Value], edges: &[Value]) -> Value {
    json!({"name": "a test's job", "vertices": vertices, "edges": edges})
}

/// A vertex of these operators, in a chain.
pub(crate) fn vertex(id: &str, chain: &[Value]) -> Value {
    json!({"id": id, "chain": chain})
}

pub(crate) fn rebalance(source: &str, target: &str) -> Value {
    json!({"source": source, "target": target, "partitioner": {"type": "rebalance"}})
}

/// A source of numbers: so many, or without end.
pub(crate) fn numbers(id: &str, rows: Option<u64>, per_second: Option<f64>) -> Value {
    let mut source = json!({"id": id, "operator": "generator-source",
        "fields": [{"name": "n", "generator": {"type": "sequence"}}]});
    if let Some(rows) = rows {
        source["rows"] = json!(rows);
    }
    if let Some(per_second) = per_second {
        source["rows_per_second"] = json!(per_second);
    }
    source
}

pub(crate) fn blackhole(id: &str) -> Value {
    json!({"id": id, "operator": "blackhole-sink"})
}

/// A sink that takes so much and no more, such as `1mb` a second.
pub(crate) fn slow_blackhole(id: &str, bytes_per_second: &str) -> Value {
    json!({"id": id, "operator": "blackhole-sink", "bytes_per_second": bytes_per_second})
}

pub(crate) fn text_source(id: &str, path: &str) -> Value {
    json!({"id": id, "operator": "file-source", "paths": [path], "format": {"type": "text"}})
}

pub(crate) fn file_sink(id: &str, path: &str, format: &str) -> Value {
    json!({"id": id, "operator": "file-sink", "path": path, "format": {"type": format}})
}

/// Numbers into files, without end: in two vertices.
pub(crate) fn endless_files(output: &str) -> Value {
    job(
        &[
            vertex("numbers", &[numbers("make", None, Some(1000.0))]),
            vertex("files", &[file_sink("write", output, "csv")]),
        ],
        &[rebalance("numbers", "files")],
    )
}
