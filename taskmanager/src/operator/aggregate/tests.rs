use std::collections::BTreeMap;

use arrow::array::{Int64Array, StringArray};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::operator::testing::{TestTask, managed};
use selvedge_core::MemorySize;

fn batch(rows: &[Row]) -> RecordBatch {
    let columns: Vec<(&str, ArrayRef, bool)> = vec![
        (
            "word",
            Arc::new(rows.iter().map(|row| row.0).collect::<StringArray>()),
            true,
        ),
        (
            "n",
            Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>()),
            false,
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn aggregate(keys: &Value) -> Value {
    json!([{"id": "agg", "operator": "aggregate", "keys": keys, "aggregates": [
        {"expression": "count(*)", "as": "count"},
        {"expression": "sum(n)", "as": "sum"},
        {"expression": "min(n)", "as": "min"},
        {"expression": "max(word)", "as": "max"},
        {"expression": "avg(n)", "as": "avg"}]}])
}

type Row = (Option<&'static str>, i64);
type Key = Vec<Option<String>>;
type KeyOf = fn(&Row) -> Key;

/// Each group's rows, in the order of first sight, aggregated one by one.
fn naive(rows: &[Row], key_of: KeyOf) -> Vec<String> {
    let mut order = Vec::new();
    let mut groups = BTreeMap::<Key, Vec<Row>>::new();
    for row in rows {
        let key = key_of(row);
        if !groups.contains_key(&key) {
            order.push(key.clone());
        }
        groups.entry(key).or_default().push(*row);
    }
    order.iter().map(|key| line(key, &groups[key])).collect()
}

fn line(key: &Key, group: &[Row]) -> String {
    let sum: i64 = group.iter().map(|row| row.1).sum();
    let least = group.iter().map(|row| row.1).min().unwrap();
    let most = group.iter().filter_map(|row| row.0).max().unwrap_or_default();
    let mean = sum as f64 / group.len() as f64;
    let mut values: Vec<_> = key.iter().map(|value| value.clone().unwrap_or_default()).collect();
    values.push(format!("{},{sum},{least},{most},{mean:?}", group.len()));
    values.join(",")
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let word = prop::sample::select(vec![
        None,
        Some(""),
        Some("a"),
        Some("a\0"),
        Some("eightlet"),
        Some("eightlets"),
        Some("eightletters and more"),
        Some("größe"),
    ]);
    prop::collection::vec((word, -2_i64..2), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn groups_are_those_of_a_naive_count(rows in rows(), cut in 0_usize..40) {
        let (left, right) = rows.split_at(cut.min(rows.len()));
        let batches: Vec<_> = [left, right].into_iter().map(batch).collect();
        let cases: Vec<(Value, KeyOf)> = vec![
            (json!(["word"]), |row| vec![row.0.map(str::to_owned)]),
            (json!(["word", "n"]), |row| vec![row.0.map(str::to_owned), Some(row.1.to_string())]),
            (json!([]), |_| vec![]),
        ];
        for (keys, key_of) in cases {
            let found = TestTask::new().run(&aggregate(&keys), &batches).unwrap().rows();
            prop_assert_eq!(found, naive(&rows, key_of), "{}", keys);
        }
    }
}

#[test]
fn no_record_gives_no_group_but_one_where_there_are_no_keys() {
    let nothing = [batch(&[])];
    let task = TestTask::new();
    assert_eq!(
        task.run(&aggregate(&json!(["word"])), &nothing).unwrap().rows(),
        Vec::<String>::new()
    );
    assert_eq!(task.run(&aggregate(&json!([])), &nothing).unwrap().rows(), ["0,,,,"]);
}

#[test]
fn many_groups_leave_in_bounded_batches() {
    let rows: Vec<_> = (0..20_000).map(|n| (Some("w"), n)).collect();
    let output = TestTask::new().run(&aggregate(&json!(["n"])), &[batch(&rows)]).unwrap();
    let sizes: Vec<_> = output.batches.iter().map(RecordBatch::num_rows).collect();
    assert_eq!(sizes, [8192, 8192, 3616]);
    assert_eq!(output.rows()[19_999], "19999,1,19999,19999,w,19999.0");
}

#[test]
fn groups_beyond_the_managed_memory_fail_with_a_remedy() {
    let mut task = TestTask::new();
    task.ctx.memory = managed(MemorySize::from_bytes(1 << 16));
    let rows: Vec<_> = (0..20_000).map(|n| (Some("w"), n)).collect();
    let error = task.run(&aggregate(&json!(["n"])), &[batch(&rows)]).err().unwrap();
    let TaskError::ManagedMemory(refused) = &error else {
        panic!("{error}");
    };
    assert_eq!((refused.operator.as_str(), refused.available), ("agg", 1 << 16));
    assert!(refused.requested > 20_000 * 16, "{error}");
    assert!(
        error.to_string().contains("raise taskmanager.memory.managed.size"),
        "{error}"
    );
}

#[test]
fn what_groups_take_was_reserved_before() {
    let words: Vec<String> = (0..60_000).map(|n| format!("{n:x<width$}", width = n % 23)).collect();
    for (table, name) in [(true, "text"), (false, "rows")] {
        let mut groups: Box<dyn Groups> = if table {
            Box::new(TextGroups::default())
        } else {
            let schema =
                arrow::datatypes::Schema::new(vec![arrow::datatypes::Field::new("word", DataType::Utf8, true)]);
            Box::new(RowGroups::new(&Arc::new(schema), &[0]).unwrap())
        };
        let whole = StringArray::from_iter_values(&words);
        let mut at = 0;
        for step in 1..60 {
            let rows = step * 37 % 1000;
            let keys: Vec<ArrayRef> = vec![Arc::new(whole.slice(at, rows))];
            let reserved = groups.size() + groups.growth(&keys, rows);
            groups.assign(&keys, rows, &mut Vec::new()).unwrap();
            assert!(
                groups.size() <= reserved,
                "{name} at {at}: {} of {reserved}",
                groups.size()
            );
            at += rows;
        }
        let reserved = groups.size() + groups.growth(&[Arc::new(whole.slice(at, 1))], 1);
        assert!(reserved <= 8 * groups.size(), "a little more costs no large reserve");
    }
}
