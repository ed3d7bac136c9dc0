//! What operators hold without a reservation stays within the slot's task memory.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;
use parquet::file::reader::{FileReader, SerializedFileReader};
use selvedge_core::MemorySize;
use selvedge_runtime::connector::InputSplit;
use serde_json::json;

use super::TaskError;
use super::testing::TestTask;

/// A quarter of it is what an operator may hold of one thing: 1 MiB.
const SMALL: MemorySize = MemorySize::from_mebibytes(4);

#[test]
fn a_line_that_is_longer_than_the_slots_share_fails_with_its_place_and_what_to_raise() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("no-text");
    let mut content = b"first\n".to_vec();
    content.resize(3 << 20, b'x');
    std::fs::write(&path, &content).unwrap();
    let split = json!({"path": path, "start": 0, "end": content.len(), "length": content.len()});
    let split = || vec![InputSplit(split.to_string().into())];
    let source = json!([{"id": "read", "operator": "file-source", "paths": ["/unused"], "format": {"type": "text"},
        "schema": []}]);
    let error = TestTask::with_task_memory(SMALL)
        .run_source(&source, split())
        .err()
        .unwrap();
    let TaskError::TaskMemory(refused) = &error else {
        panic!("{error}");
    };
    assert_eq!(
        (refused.operator.as_str(), refused.limit, refused.slot_size),
        ("read", 1 << 20, 4 << 20)
    );
    for told in [
        "the line at byte 6 of",
        "no-text",
        "taskmanager.memory.task.heap.size",
        "a text file?",
    ] {
        assert!(error.to_string().contains(told), "{told}: {error}");
    }
    let whole = TestTask::new().run_source(&source, split()).unwrap();
    assert_eq!(whole.rows().len(), 2, "a slot with memory enough reads it");
}

fn texts(from: i64, count: i64) -> RecordBatch {
    let text = |number: i64| format!("{:064x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.cast_signed()));
    let column: ArrayRef = Arc::new(StringArray::from_iter_values((from..from + count).map(text)));
    RecordBatch::try_from_iter([("text", column)]).unwrap()
}

fn row_groups(task: &TestTask, directory: &Path) -> usize {
    let chain = json!([{"id": "write", "operator": "file-sink", "path": directory, "format": {"type": "parquet"}}]);
    let input: Vec<_> = (0..20).map(|batch| texts(batch * 4096, 4096)).collect();
    task.run(&chain, &input).unwrap();
    let mut open = vec![directory.to_owned()];
    while let Some(place) = open.pop() {
        if place.is_file() {
            let file = std::fs::File::open(place).unwrap();
            let metadata = SerializedFileReader::new(file).unwrap().metadata().clone();
            assert_eq!(metadata.file_metadata().num_rows(), 20 * 4096);
            return metadata.num_row_groups();
        }
        open.extend(std::fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path()));
    }
    panic!("no file in {}", directory.display());
}

#[test]
fn a_row_group_is_written_out_when_it_has_taken_the_slots_share() {
    let directory = tempfile::tempdir().unwrap();
    let small = row_groups(&TestTask::with_task_memory(SMALL), &directory.path().join("small"));
    let large = row_groups(&TestTask::new(), &directory.path().join("large"));
    assert!(small >= 3 && large == 1, "{small} {large}");
}

#[test]
fn a_long_list_repeats_its_record_no_more_often_than_a_batch_has_rows() {
    const ELEMENTS: usize = 20_000;
    let words: Vec<_> = (0..ELEMENTS).map(|number| number.to_string()).collect();
    let lines: ArrayRef = Arc::new(StringArray::from(vec![Some("a".to_owned()), Some(words.join(" "))]));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let input = RecordBatch::try_from_iter([("line", lines), ("n", numbers)]).unwrap();
    let chain =
        json!([{"id": "split", "operator": "flat-map", "expression": "words(line)", "as": "word", "keep": ["n"]}]);
    let output = TestTask::new().run(&chain, &[input]).unwrap();
    let sizes: Vec<_> = output.batches.iter().map(RecordBatch::num_rows).collect();
    assert_eq!(sizes, [8192, 8192, ELEMENTS + 1 - 2 * 8192]);
    let rows = output.rows();
    assert_eq!(
        (rows[0].as_str(), rows[1].as_str(), rows[ELEMENTS].as_str()),
        ("1,a", "2,0", "2,19999")
    );
}
