use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, StringArray};
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;
use selvedge_core::job_graph::{JobGraph, file};
use selvedge_runtime::connector::GraphChecker;
use serde_json::{Value, json};

use super::{PlanChecker, PlannedAggregate, PlannedExpression};
use crate::operator::FoundResources;

fn batch() -> RecordBatch {
    let columns: Vec<(&str, ArrayRef, bool)> = vec![
        ("line", Arc::new(StringArray::from(vec![Some("Ab cd"), None])), true),
        ("userId", Arc::new(Int64Array::from(vec![7, 8])), false),
        ("v", Arc::new(Float64Array::from(vec![1.5, 9.0])), false),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn nothing() -> FoundResources {
    FoundResources::default()
}

fn shown(text: &str) -> String {
    shown_where(text, &nothing())
}

/// The same in a worker that has found this.
fn shown_where(text: &str, found: &FoundResources) -> String {
    let planned = PlannedExpression::new(text, &batch().schema(), found);
    let planned = planned.unwrap_or_else(|error| panic!("{text}: {error}"));
    let column = planned.evaluate(&batch()).unwrap();
    assert_eq!(column.data_type(), planned.field("x").data_type(), "{text}");
    let row = |index| arrow::util::display::array_value_to_string(&column, index).unwrap();
    format!("{}: {}, {}", planned.field("x").data_type(), row(0), row(1))
}

#[test]
fn expressions_have_types_and_values() {
    for (text, expected) in [
        ("lower(line)", "Utf8: ab cd, "),
        ("LOWER(line) || '!'", "Utf8: ab cd!, "),
        ("\"userId\" + 1", "Int64: 8, 9"),
        ("userId * 2", "Int64: 14, 16"),
        ("v < 5", "Boolean: true, false"),
        ("coalesce(line, 'none')", "Utf8: Ab cd, none"),
        ("case when v > 5 then 'big' else line end", "Utf8: Ab cd, big"),
        ("cast(userId as varchar)", "Utf8: 7, 8"),
        ("substr(line, 1, 2)", "Utf8: Ab, "),
        ("substring(line from 1 for 2)", "Utf8: Ab, "),
        ("array_length(words(line))", "UInt64: 2, "),
        ("words(line)[1]", "Utf8: Ab, "),
        ("split(line, ' ')", "List(Utf8): [Ab, cd], "),
        ("string_to_array(line, ' ')", "List(Utf8): [Ab, cd], "),
        ("line is null", "Boolean: false, true"),
        ("line like 'A%'", "Boolean: true, "),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn what_a_worker_has_is_known_in_it_alone_and_has_one_type_everywhere() {
    let found = [("loom".to_owned(), vec!["left".to_owned(), "right".to_owned()])];
    let found: FoundResources = found.into_iter().collect();
    let schema = batch().schema();
    for (text, in_worker, elsewhere) in [
        (
            "external_resource('loom')",
            "List(Utf8): [left, right], [left, right]",
            "List(Utf8): , ",
        ),
        ("External_Resource('lo' || 'om')[2]", "Utf8: right, right", "Utf8: , "),
        ("external_resource('gpu')", "List(Utf8): , ", "List(Utf8): , "),
        (
            "external_resource('loom') is null",
            "Boolean: false, false",
            "Boolean: true, true",
        ),
        (
            "case when v < 5 then external_resource('loom')[1] else line end",
            "Utf8: left, ",
            "Utf8: , ",
        ),
    ] {
        assert_eq!(shown_where(text, &found), in_worker, "{text}");
        assert_eq!(shown(text), elsewhere, "{text}");
        let field = |found: &FoundResources| PlannedExpression::new(text, &schema, found).unwrap().field("x");
        assert_eq!(field(&found), field(&nothing()), "{text}");
    }
}

#[test]
fn an_aggregate_is_over_what_its_worker_has() {
    let found = [("loom".to_owned(), vec!["left".to_owned()])];
    let found: FoundResources = found.into_iter().collect();
    for (found, expected) in [(&found, 2), (&nothing(), 0)] {
        let planned = PlannedAggregate::new("count(external_resource('loom'))", "x", &batch().schema(), found).unwrap();
        let mut state = planned.accumulator().unwrap();
        planned.update(state.as_mut(), &batch(), &[0, 0], 1).unwrap();
        let counts = state
            .evaluate(datafusion_expr_common::groups_accumulator::EmitTo::All)
            .unwrap();
        assert_eq!(counts.as_primitive::<Int64Type>().value(0), expected);
    }
}

#[test]
fn faults_of_expressions_are_told_with_what_was_meant() {
    let schema = batch().schema();
    for (text, expected) in [
        (
            "lower(lin)",
            "names the column 'lin', which does not exist (did you mean 'line'?); the columns are line, userId, v",
        ),
        ("userid", "does not exist (did you mean 'userId'?)"),
        (
            "lowr(line)",
            "calls the function 'lowr', which does not exist (did you mean 'lower'?)",
        ),
        ("word(line)", "(did you mean 'words'?)"),
        (
            "upper(frobnicate(line))",
            "calls the function 'frobnicate', which does not exist",
        ),
        ("median(v)", "calls the aggregate median()"),
        (
            "sum(v)",
            "calls the aggregate sum(), which can stand only in an operator 'aggregate'",
        ),
        (
            "random()",
            "calls random(), whose value is not decided by its arguments",
        ),
        ("now()", "calls now()"),
        ("uuid()", "calls uuid()"),
        ("current_timestamp", "calls now()"),
        ("line and true", "cannot be evaluated"),
        ("words(line) + 1", "cannot be evaluated"),
        ("lower(line, line)", "cannot be evaluated"),
        ("v <", "is not an SQL expression"),
        ("v 5", "'5' follows where the expression ends"),
        ("", "is not an SQL expression"),
        ("sum(v) over ()", "cannot be evaluated"),
        ("(select 1)", "cannot be evaluated"),
        ("v in (select 1 from t)", "cannot be evaluated"),
    ] {
        let error = PlannedExpression::new(text, &schema, &nothing()).map(|planned| format!("{planned:?}"));
        let message = error.expect_err(text).to_string();
        assert!(message.contains(expected), "{text}: {message}");
        assert!(!message.contains('\n'), "{text}: {message}");
    }
}

#[test]
fn predicates_are_boolean_and_flat_maps_are_lists() {
    let schema = batch().schema();
    let error = PlannedExpression::predicate("v + 1", &schema, &nothing()).unwrap_err();
    assert_eq!(error.to_string(), "has the type Float64, but must be Boolean");
    let error = PlannedExpression::list("line", &schema, &nothing())
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("has the type Utf8, but must yield a list"), "{error}");
}

#[test]
fn aggregates_are_the_five_and_nothing_else() {
    let schema = batch().schema();
    for (text, expected) in [
        ("count(*)", "Int64"),
        ("COUNT(line)", "Int64"),
        ("sum(userId)", "Int64"),
        ("min(line)", "Utf8"),
        ("max(v + 1)", "Float64"),
        ("avg(userId)", "Float64"),
        ("sum(v) filter (where v > 1)", "Float64"),
    ] {
        let planned =
            PlannedAggregate::new(text, "x", &schema, &nothing()).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(planned.field("x").data_type().to_string(), expected, "{text}");
    }
    for (text, expected) in [
        ("median(v)", "median is not offered"),
        ("sum(v) + 1", "compute with their results in a 'project'"),
        ("v", "is not one of count(*)"),
        ("count(distinct line)", "DISTINCT is not offered"),
        ("sum(lin)", "(did you mean 'line'?)"),
        ("sum(line)", "cannot be evaluated"),
        ("summ(v)", "(did you mean 'sum'?)"),
    ] {
        let message = PlannedAggregate::new(text, "x", &schema, &nothing())
            .unwrap_err()
            .to_string();
        assert!(message.contains(expected), "{text}: {message}");
    }
}

#[test]
fn a_filter_of_an_aggregate_counts_only_what_it_lets_through() {
    let planned = PlannedAggregate::new("count(*) filter (where v > 5)", "x", &batch().schema(), &nothing()).unwrap();
    let mut state = planned.accumulator().unwrap();
    planned.update(state.as_mut(), &batch(), &[0, 0], 1).unwrap();
    let counts = state
        .evaluate(datafusion_expr_common::groups_accumulator::EmitTo::All)
        .unwrap();
    assert_eq!(counts.as_primitive::<Int64Type>().value(0), 1);
}

const WORDCOUNT: &str = include_str!("../../../examples/wordcount.json");

fn wordcount() -> Value {
    serde_json::from_str(WORDCOUNT).unwrap()
}

fn check(document: &Value) -> Result<JobGraph, String> {
    let used = selvedge_core::job_graph::parameters::used_parameters(document).unwrap();
    let given: BTreeMap<_, _> = used
        .into_iter()
        .map(|name| (name.clone(), format!("/{name}")))
        .collect();
    let graph = file::parse(&document.to_string(), &given, 2).unwrap();
    PlanChecker.check(graph).map_err(|error| error.report())
}

#[test]
fn the_word_count_example_is_sound_and_gets_its_schema() {
    let graph = check(&wordcount()).unwrap();
    assert_eq!(graph.edges[0].schema.to_string(), "word Utf8");
    assert_eq!(
        PlanChecker.check(graph.clone()).unwrap(),
        graph,
        "a checked graph stays as it is"
    );
}

#[test]
fn faults_of_graphs_name_their_place() {
    type Change = fn(&mut Value);
    let cases: Vec<(Change, &str)> = vec![
        (
            |g| g["vertices"][0]["chain"][1]["expression"] = json!("words(lien)"),
            "vertex 'source': operator 'split': the expression 'words(lien)' names the column 'lien', which does not exist \
             (did you mean 'line'?); the columns are line",
        ),
        (
            |g| g["edges"][0]["partitioner"]["keys"] = json!(["wrod"]),
            "the edge from 'source' to 'count' is partitioned by hash: the key column 'wrod' does not exist (did you mean \
             'word'?); the columns are word",
        ),
        (
            |g| g["vertices"][1]["chain"][1]["format"] = json!({"type": "text"}),
            "operator 'write': text files cannot hold the columns (word Utf8, count Int64 not null): text takes exactly one",
        ),
        (
            |g| g["vertices"][0]["chain"][0]["format"] = json!({"type": "parquet"}),
            "operator 'read': the format parquet is for sinks only",
        ),
        (
            |g| g["vertices"][0]["chain"][0]["format"] = json!({"type": "csv"}),
            "operator 'read': 'schema' is missing: csv files need",
        ),
        (
            |g| g["edges"][0]["schema"] = json!([{"name": "word", "type": "Int64"}]),
            "states the schema (word Int64), but 'source' produces (word Utf8)",
        ),
        (
            |g| g["vertices"][1]["chain"][0]["keys"] = json!(["count"]),
            "operator 'count-words': the key column 'count' does not exist",
        ),
        (
            |g| g["vertices"][1]["chain"][0]["aggregates"][0]["as"] = json!("word"),
            "two columns have the name 'word'",
        ),
        (
            |g| g["vertices"][0]["chain"][0]["split_size"] = json!("0"),
            "'split_size' is 0",
        ),
        (
            |g| {
                let other = json!({"id": "numbers", "chain": [{"id": "make", "operator": "generator-source", "rows": 1,
                    "fields": [{"name": "n", "generator": {"type": "sequence"}}]}]});
                g["vertices"].as_array_mut().unwrap().push(other);
                let edge = json!({"source": "numbers", "target": "count", "partitioner": {"type": "rebalance"}});
                g["edges"].as_array_mut().unwrap().push(edge);
            },
            "vertex 'count' joins inputs of different schemas: 'source' produces (word Utf8), but 'numbers' produces \
             (n Int64 not null)",
        ),
        (
            |g| {
                let sink = json!({"id": "again", "chain": [{"id": "write-too", "operator": "file-sink", "path": "${output}/",
                    "format": {"type": "text"}}]});
                g["vertices"].as_array_mut().unwrap().push(sink);
                let edge = json!({"source": "source", "target": "again", "partitioner": {"type": "rebalance"}});
                g["edges"].as_array_mut().unwrap().push(edge);
            },
            "the operators 'write' and 'write-too' both write to '/output/'",
        ),
    ];
    for (change, expected) in cases {
        let mut document = wordcount();
        change(&mut document);
        let message = check(&document).unwrap_err();
        assert!(message.contains(expected), "{message}\n/ {expected}");
    }
}

#[test]
fn a_union_is_nullable_where_one_of_its_inputs_is() {
    let mut document = wordcount();
    let other = json!({"id": "made", "chain": [{"id": "make", "operator": "generator-source", "rows": 1,
        "fields": [{"name": "word", "generator": {"type": "random-string", "length": 3}}]}]});
    document["vertices"].as_array_mut().unwrap().push(other);
    let edge = json!({"source": "made", "target": "count", "partitioner": {"type": "hash", "keys": ["word"]}});
    document["edges"].as_array_mut().unwrap().push(edge);
    let graph = check(&document).unwrap();
    let schemas: Vec<_> = graph.edges.iter().map(|edge| edge.schema.to_string()).collect();
    assert_eq!(schemas, ["word Utf8", "word Utf8"]);
}
