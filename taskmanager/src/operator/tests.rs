use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;
use selvedge_core::status::FailureType;
use selvedge_runtime::connector::InputSplit;
use serde_json::{Value, json};

use super::testing::{TestTask, specs};
use super::{Chain, TaskError, plan_chain};
use crate::exchange::ExchangeError;

fn splits(path: &Path, size: usize) -> Vec<InputSplit> {
    let length = std::fs::metadata(path).unwrap().len();
    let starts = (0..length).step_by(size);
    let split = |start| json!({"path": path, "start": start, "end": length.min(start + size as u64), "length": length});
    starts
        .map(|start| InputSplit(split(start).to_string().into()))
        .collect()
}

fn source(format: &Value, schema: &Value, on_error: &str) -> Value {
    json!([{"id": "read", "operator": "file-source", "paths": ["/unused"], "format": format, "schema": schema,
        "on_error": on_error}])
}

fn read(content: &[u8], size: usize, chain: &Value) -> (TestTask, Result<Vec<String>, String>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in");
    std::fs::write(&path, content).unwrap();
    let task = TestTask::new();
    let output = task.run_source(chain, splits(&path, size));
    let rows = output.map(|output| output.rows());
    let rows = rows.map_err(|error| error.to_string().replace(path.to_str().unwrap(), "/in"));
    (task, rows)
}

#[test]
fn a_file_is_read_whole_whatever_its_splits() {
    let text = json!({"type": "text"});
    let csv = json!({"type": "csv", "header": true, "delimiter": ";"});
    let json_lines = json!({"type": "json"});
    let columns = json!([{"name": "a", "type": "Utf8"}, {"name": "n", "type": "Int64"}]);
    for size in [1, 2, 3, 7, 1000] {
        let (task, rows) = read("ab\r\n\r\ncé\nd".as_bytes(), size, &source(&text, &json!([]), "fail"));
        assert_eq!(rows.unwrap(), ["ab", "", "cé", "d"], "{size}");
        assert_eq!(task.ctx.counters.snapshot(&task.ctx.attempt).records_in, 4);
        let (_, rows) = read(b"a;n\r\nx;1\r\n\n\"y;\";2\n;", size, &source(&csv, &columns, "fail"));
        assert_eq!(rows.unwrap(), ["x,1", "y;,2", ","], "{size}");
        let (_, rows) = read(
            b"{\"n\": 1, \"a\": \"x\"}\n\n{\"a\": null}",
            size,
            &source(&json_lines, &columns, "fail"),
        );
        assert_eq!(rows.unwrap(), ["x,1", ","], "{size}");
    }
}

#[test]
fn a_bad_line_fails_with_its_place_or_is_counted() {
    let columns = json!([{"name": "a", "type": "Utf8"}, {"name": "n", "type": "Int64"}]);
    let text = source(&json!({"type": "text"}), &json!([]), "fail");
    let csv = source(&json!({"type": "csv"}), &columns, "fail");
    let lines = source(&json!({"type": "json"}), &columns, "fail");
    let cases: Vec<(&Value, &[u8], &str)> = vec![
        (
            &text,
            b"ok\na\xffb\n",
            "line at byte 3 of file:///in cannot be read: it is not UTF-8 from byte 1",
        ),
        (
            &csv,
            b"x,1\nx,y\n",
            "line at byte 4 of file:///in cannot be read: Error while parsing value 'y'",
        ),
        (
            &csv,
            b"x,1\nx\n",
            "line at byte 4 of file:///in cannot be read: incorrect number of fields, expected 2 got 1",
        ),
        (
            &csv,
            b"x,1\n\"x,1\n",
            "line at byte 4 of file:///in cannot be read: a quoted field is not closed",
        ),
        (
            &csv,
            b"x,1\n\xff,1\n",
            "line at byte 4 of file:///in cannot be read: it is not UTF-8",
        ),
        (
            &lines,
            b"{}\n{\"n\": 1\n",
            "line at byte 3 of file:///in cannot be read: it is not exactly one JSON object",
        ),
        (
            &lines,
            b"{}\n{\"n\": \"x\"}\n",
            "line at byte 3 of file:///in cannot be read: ",
        ),
        (
            &lines,
            b"{}\n{} {}\n",
            "line at byte 3 of file:///in cannot be read: it is not exactly one JSON object",
        ),
    ];
    for (chain, content, expected) in cases {
        for size in [2, 1000] {
            let message = read(content, size, chain).1.unwrap_err();
            assert!(message.contains(expected), "{message}\n/ {expected}");
            assert!(message.contains("\"on_error\": \"skip\""), "{message}");
        }
        let mut skipping = chain.clone();
        skipping[0]["on_error"] = json!("skip");
        let (task, rows) = read(content, 1000, &skipping);
        assert_eq!(rows.unwrap().len(), 1, "{expected}");
        assert!(task.accumulated("read.skipped-lines").unwrap() >= 1);
    }
}

#[test]
fn characters_torn_by_a_line_end_are_not_joined() {
    // The two bytes of é on two lines: each line is bad, their concatenation is not.
    let (_, rows) = read(
        b"\xc3\n\xa9\n",
        100,
        &source(&json!({"type": "text"}), &json!([]), "skip"),
    );
    assert_eq!(rows.unwrap(), Vec::<String>::new());
}

#[test]
fn long_files_come_in_bounded_batches() {
    let content: String = (0..300_000).map(|n| format!("line {n}\n")).collect();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("in");
    std::fs::write(&path, &content).unwrap();
    let task = TestTask::new();
    let chain = source(&json!({"type": "text"}), &json!([]), "fail");
    let output = task.run_source(&chain, splits(&path, 1_500_000)).unwrap();
    assert_eq!(output.rows().concat().len(), content.len() - 300_000);
    assert_eq!(task.ctx.counters.snapshot(&task.ctx.attempt).records_in, 300_000);
}

fn words() -> RecordBatch {
    let lines: ArrayRef = Arc::new(StringArray::from(vec![Some("B a"), None, Some(""), Some("c a")]));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3, 4]));
    RecordBatch::try_from_iter([("line", lines), ("n", numbers)]).unwrap()
}

#[test]
fn a_chain_passes_records_from_operator_to_operator() {
    let chain = json!([
        {"id": "keep", "operator": "filter", "predicate": "n <> 2"},
        {"id": "split", "operator": "flat-map", "expression": "words(line)", "as": "word", "keep": ["n"]},
        {"id": "lower", "operator": "project", "columns": [
            {"expression": "lower(word)", "as": "word"}, {"expression": "n * 10", "as": "m"}]}]);
    let output = TestTask::new().run(&chain, &[words()]).unwrap();
    assert_eq!(output.rows(), ["b,10", "a,10", "c,40", "a,40"]);
    assert_eq!(output.batches[0].schema().field(1).name(), "m");
}

#[test]
fn elements_of_sliced_and_null_lists_stay_with_their_rows() {
    let chain =
        json!([{"id": "split", "operator": "flat-map", "expression": "words(line)", "as": "word", "keep": ["n"]}]);
    assert_eq!(
        TestTask::new().run(&chain, &[words().slice(1, 3)]).unwrap().rows(),
        ["4,c", "4,a"]
    );
    let chain = json!([{"id": "split", "operator": "flat-map", "as": "word", "keep": ["n"],
        "expression": "case when n = 1 then null else split('x,y', ',') end"}]);
    let rows = TestTask::new().run(&chain, &[words().slice(0, 2)]).unwrap().rows();
    assert_eq!(rows, ["2,x", "2,y"]);
}

fn generator(options: &Value) -> Value {
    let mut spec = json!({"id": "make", "operator": "generator-source", "fields": [
        {"name": "i", "generator": {"type": "sequence", "start": 100}},
        {"name": "r", "generator": {"type": "random-int", "min": -3, "max": 3}},
        {"name": "f", "generator": {"type": "random-float", "min": 0.0, "max": 1.0}},
        {"name": "s", "generator": {"type": "random-string", "length": 4}}]});
    spec.as_object_mut()
        .unwrap()
        .extend(options.as_object().unwrap().clone());
    json!([spec])
}

fn generate(options: &Value, subtask: u32, parallelism: u32) -> Vec<String> {
    let mut task = TestTask::new();
    task.ctx.attempt.subtask = subtask;
    task.ctx.parallelism = parallelism;
    task.run_source(&generator(options), Vec::new()).unwrap().rows()
}

#[test]
fn generated_records_depend_on_seed_and_subtask_only() {
    let options = json!({"rows": 20_001, "seed": 5});
    let first = generate(&options, 0, 2);
    assert_eq!(first, generate(&options, 0, 2));
    assert_ne!(first[..50], generate(&json!({"rows": 20_001, "seed": 6}), 0, 2)[..50]);
    let second = generate(&options, 1, 2);
    assert_eq!((first.len(), second.len()), (10_001, 10_000));
    let number = |row: &String| row.split(',').next().unwrap().parse::<i64>().unwrap();
    let mut numbers: Vec<_> = first.iter().chain(&second).map(number).collect();
    numbers.sort_unstable();
    assert!(
        numbers.into_iter().eq(100..20_101),
        "each number once over all subtasks"
    );
}

#[test]
fn a_rate_limit_spaces_records_out() {
    let start = selvedge_runtime::clock::thread_now();
    assert_eq!(generate(&json!({"rows": 40, "rows_per_second": 200.0}), 0, 1).len(), 40);
    let took = start.elapsed().as_secs_f64();
    // Four batches of ten, of which the first is free.
    assert!(took >= 0.15, "{took}");
}

#[test]
fn a_cancelled_task_leaves_its_waits() {
    let task = TestTask::new();
    let chain = json!([{"id": "drop", "operator": "blackhole-sink", "bytes_per_second": "1 bytes"}]);
    let cancelled = task.ctx.cancelled.clone();
    task.runtime.spawn(async move { cancelled.cancel() });
    assert!(matches!(task.run(&chain, &[words()]), Err(TaskError::Cancelled)));
}

#[test]
fn a_blackhole_counts_what_it_swallows() {
    let task = TestTask::new();
    let chain = json!([{"id": "drop", "operator": "blackhole-sink"}]);
    task.run(&chain, &[words(), words()]).unwrap();
    assert_eq!(task.accumulated("drop.records"), Some(8));
}

#[test]
fn an_input_of_the_same_columns_is_taken_as_declared_and_another_refused() {
    let task = TestTask::new();
    let chain = specs(&json!([{"id": "keep", "operator": "filter", "predicate": "true"}]));
    let mut planned: Box<dyn Chain> = plan_chain(&task.ctx, &chain, Some(words().schema())).unwrap();
    let mut output = super::testing::Output::default();
    let line: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
    let number: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let strict = RecordBatch::try_from_iter([("line", line.clone()), ("n", number)]).unwrap();
    planned.process(strict, &mut output).unwrap();
    assert_eq!(output.batches[0].schema(), words().schema());
    let other = RecordBatch::try_from_iter([("line", line)]).unwrap();
    let error = planned.process(other, &mut output).unwrap_err().to_string();
    assert!(error.contains("the input is not of the edge's schema"), "{error}");
}

#[test]
fn only_what_cannot_be_planned_would_fail_again() {
    let chain = json!([{"id": "divide", "operator": "project", "columns": [{"expression": "1 / (n - 2)", "as": "x"}]}]);
    let error = TestTask::new().run(&chain, &[words()]).err().unwrap();
    assert_eq!(error.failure_type(), FailureType::Recoverable, "{error}");
    let chain = json!([{"id": "pick", "operator": "project", "columns": [{"expression": "price", "as": "x"}]}]);
    let error = TestTask::new().run(&chain, &[words()]).err().unwrap();
    assert_eq!(error.failure_type(), FailureType::NonRecoverable, "{error}");
    assert!(
        error.to_string().starts_with("operator 'pick' cannot be planned: "),
        "{error}"
    );
    let lost = ExchangeError::ShuttingDown("w".into()).into_task_error("w");
    assert_eq!(lost.failure_type(), FailureType::PartitionDataMissing);
}

#[test]
fn a_fault_while_running_names_the_operator() {
    let chain = json!([{"id": "divide", "operator": "project", "columns": [{"expression": "1 / (n - 2)", "as": "x"}]}]);
    let error = TestTask::new().run(&chain, &[words()]).err().unwrap().to_string();
    assert!(
        error.starts_with("operator 'divide' failed: a column cannot be computed: "),
        "{error}"
    );
    assert!(error.to_lowercase().contains("divide by zero"), "{error}");
}
