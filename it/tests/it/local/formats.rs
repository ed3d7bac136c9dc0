//! What one job writes, another reads.

use std::fs::File;
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use super::run;
use crate::folder::{Folder, files_below, parts};
use crate::jobs::{self, file_sink, job, rebalance, vertex};

fn rows() -> Vec<Value> {
    vec![
        json!({"name": "a,b", "n": 1, "x": 1.5, "ok": true}),
        json!({"name": "he said \"no\"", "n": i64::MIN, "x": -0.25, "ok": false}),
        json!({"name": "ünï – 例", "n": i64::MAX, "x": 1e300, "ok": true}),
        json!({"name": "no number", "n": null, "x": 0.0, "ok": false}),
    ]
}

fn schema() -> Value {
    json!([
        {"name": "name", "type": "Utf8"}, {"name": "n", "type": "Int64"},
        {"name": "x", "type": "Float64"}, {"name": "ok", "type": "Boolean"}])
}

/// Reads `input` in one format and writes `out-FORMAT` in another.
async fn convert(folder: &Folder, input: &Path, from: Value, to: Value) {
    let output = folder.path(&format!("out-{}", to["type"].as_str().unwrap()));
    let source = json!({"id": "read", "operator": "file-source", "paths": [input], "format": from, "schema": schema()});
    let sink = json!({"id": "write", "operator": "file-sink", "path": output, "format": to});
    let copy = job(
        &[vertex("in", &[source]), vertex("out", &[sink])],
        &[rebalance("in", "out")],
    );
    let job = folder.job(&copy);
    run(folder, 1, &job).run().await.ended_with(0);
}

fn json_rows(output: &Path) -> Vec<Value> {
    let parts = parts(output);
    let lines = parts.iter().flat_map(|part| part.lines());
    let mut rows: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    // A column that is left out is null.
    for row in &mut rows {
        row.as_object_mut().unwrap().entry("n").or_insert(Value::Null);
    }
    rows
}

fn in_order(mut rows: Vec<Value>) -> Vec<Value> {
    rows.sort_by_key(|row| row["name"].as_str().unwrap().to_owned());
    rows
}

#[tokio::test]
async fn rows_survive_csv_and_json_lines() {
    let folder = Folder::new();
    let lines: Vec<_> = rows().iter().map(Value::to_string).collect();
    let input = folder.write("in.jsonl", lines.join("\n"));
    let csv = json!({"type": "csv", "header": true, "delimiter": ";"});
    convert(&folder, &input, json!({"type": "json"}), csv.clone()).await;
    let written = parts(&folder.path("out-csv"));
    assert!(written[0].starts_with("name;n;x;ok\n"), "{written:?}");
    convert(&folder, &folder.path("out-csv"), csv, json!({"type": "json"})).await;
    assert_eq!(in_order(json_rows(&folder.path("out-json"))), in_order(rows()));
}

#[tokio::test]
async fn another_program_reads_the_parquet_files() {
    let folder = Folder::new();
    let lines: Vec<_> = rows().iter().map(Value::to_string).collect();
    let input = folder.write("in.jsonl", lines.join("\n"));
    convert(&folder, &input, json!({"type": "json"}), json!({"type": "parquet"})).await;
    let files = files_below(&folder.path("out-parquet"));
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(files[0].extension().unwrap(), "parquet");
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&files[0]).unwrap())
        .unwrap()
        .build()
        .unwrap();
    let mut read = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let names = batch.column_by_name("name").unwrap().as_string::<i32>();
        let numbers = batch.column_by_name("n").unwrap().as_primitive::<Int64Type>();
        let floats = batch.column_by_name("x").unwrap().as_primitive::<Float64Type>();
        let flags = batch.column_by_name("ok").unwrap().as_boolean();
        for row in 0..batch.num_rows() {
            let number = numbers.is_valid(row).then(|| numbers.value(row));
            read.push(json!({"name": names.value(row), "n": number, "x": floats.value(row), "ok": flags.value(row)}));
        }
    }
    assert_eq!(in_order(read), in_order(rows()));
}

#[tokio::test]
async fn a_part_file_is_named_for_its_job_subtask_and_attempt() {
    let folder = Folder::new();
    let output = folder.path("out");
    let job = folder.job(&job(
        &[
            vertex("numbers", &[jobs::numbers("make", Some(1000), None)]),
            vertex("out", &[file_sink("write", output.to_str().unwrap(), "csv")]),
        ],
        &[rebalance("numbers", "out")],
    ));
    run(&folder, 2, &job).run().await.ended_with(0);
    let names: Vec<_> = files_below(&output)
        .iter()
        .map(|file| file.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    // The job's id is 32 hexadecimal digits; the subtasks are 0 and 1, the attempt is 0.
    let job_id = |name: &str| {
        let is_id = |piece: &&str| piece.len() == 32 && piece.bytes().all(|byte| byte.is_ascii_hexdigit());
        name.split(['-', '.']).find(is_id).map(str::to_owned)
    };
    assert!(
        job_id(&names[0]).is_some() && job_id(&names[0]) == job_id(&names[1]),
        "{names:?}"
    );
    for (subtask, name) in names.iter().enumerate() {
        assert!(name.ends_with(&format!("-{subtask}-0.csv")), "{names:?}");
    }
    let lines: usize = parts(&output).iter().map(|part| part.lines().count()).sum();
    assert_eq!(lines, 1000);
}
