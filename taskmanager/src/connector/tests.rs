use std::fs;
use std::path::Path;

use selvedge_core::MemorySize;
use selvedge_core::job_graph::operator::FileSource;
use selvedge_runtime::connector::{Committable, InputSplit};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::operator::testing::TestTask;

const JOB: JobId = JobId::from_bytes([7; 16]);

struct Bench {
    directory: TempDir,
    task: TestTask,
    connectors: BuiltinConnectors,
}

impl Bench {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            task: TestTask::new(),
            connectors: BuiltinConnectors::new(FileSystems::local_only()),
        }
    }

    fn out(&self) -> std::path::PathBuf {
        self.directory.path().join("out")
    }

    fn sink(&self, format: &Value, overwrite: bool) -> Value {
        json!({"id": "write", "operator": "file-sink", "path": self.out(), "format": format, "overwrite": overwrite})
    }

    fn committer(&self, overwrite: bool) -> Arc<dyn JobCommitter> {
        let spec: OperatorSpec = serde_json::from_value(self.sink(&json!({"type": "text"}), overwrite)).unwrap();
        let committer = self.connectors.committer(JOB, &"v".into(), &spec).unwrap();
        committer.unwrap()
    }

    /// Writes `records` as an attempt of subtask 0.
    fn write(&mut self, attempt: u32, format: &Value, records: u64) -> Vec<Committable> {
        self.task.ctx.attempt.attempt = attempt;
        let chain = json!([{"id": "make", "operator": "generator-source", "rows": records,
            "fields": [{"name": "s", "generator": {"type": "random-string", "length": 3}}]},
            self.sink(format, true)]);
        self.task.run_source(&chain, Vec::new()).unwrap().committables
    }

    fn commit(&self, committer: &dyn JobCommitter, committables: &[Committable]) -> Result<(), ConnectorError> {
        self.block_on(async {
            committer.publish(committables).await?;
            committer.finish().await
        })
    }

    fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.task.runtime.block_on(work)
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn part(attempt: u32, extension: &str) -> String {
    format!("part-{JOB}-v-0-{attempt}.{extension}")
}

fn text() -> Value {
    json!({"type": "text"})
}

#[test]
fn files_appear_when_they_are_committed_and_once_is_enough() {
    let mut bench = Bench::new();
    let committer = bench.committer(false);
    bench.block_on(committer.prepare()).unwrap();
    let _lost = bench.write(0, &text(), 5);
    let kept = bench.write(1, &text(), 5);
    assert_eq!(names(&bench.out()), [format!(".selvedge-{JOB}")]);
    for _ in 0..2 {
        bench.commit(&*committer, &kept).unwrap();
        assert_eq!(names(&bench.out()), [part(1, "txt")]);
    }
    assert_eq!(
        fs::read_to_string(bench.out().join(part(1, "txt")))
            .unwrap()
            .lines()
            .count(),
        5
    );
}

#[test]
fn a_commit_goes_on_where_another_was_cut_off() {
    let mut bench = Bench::new();
    let committer = bench.committer(false);
    bench.block_on(committer.prepare()).unwrap();
    bench.block_on(committer.prepare()).expect("preparing again is fine");
    let mut all = bench.write(0, &text(), 1);
    bench.task.ctx.attempt.subtask = 1;
    all.extend(bench.write(0, &text(), 1));
    let temporary = bench.out().join(format!(".selvedge-{JOB}"));
    fs::rename(temporary.join(part(0, "txt")), bench.out().join(part(0, "txt"))).unwrap();
    bench.commit(&*committer, &all).unwrap();
    assert_eq!(names(&bench.out()).len(), 2);
}

#[test]
fn a_lost_file_fails_the_commit_and_abort_removes_what_was_published() {
    let mut bench = Bench::new();
    let committer = bench.committer(false);
    bench.block_on(committer.prepare()).unwrap();
    let mut all = bench.write(0, &text(), 1);
    bench.task.ctx.attempt.subtask = 1;
    all.extend(bench.write(0, &text(), 1));
    fs::remove_file(bench.out().join(format!(".selvedge-{JOB}/part-{JOB}-v-1-0.txt"))).unwrap();
    let error = bench.commit(&*committer, &all).unwrap_err().report();
    assert!(
        error.contains("cannot rename") && error.contains("no such file"),
        "{error}"
    );
    assert!(bench.out().join(part(0, "txt")).exists());
    for _ in 0..2 {
        bench.block_on(committer.abort()).unwrap();
        assert!(
            !bench.out().exists(),
            "the job made the directory, so it goes with the job"
        );
    }
}

#[test]
fn a_directory_that_was_there_before_outlives_an_abort() {
    let mut bench = Bench::new();
    fs::create_dir(bench.out()).unwrap();
    fs::write(bench.out().join("old"), "old").unwrap();
    let committer = bench.committer(true);
    bench.block_on(committer.prepare()).unwrap();
    bench.write(0, &text(), 1);
    bench.block_on(committer.abort()).unwrap();
    assert_eq!(names(&bench.out()), ["old"]);
}

#[test]
fn what_was_replaced_comes_back_when_another_sink_of_the_job_fails() {
    let mut bench = Bench::new();
    fs::create_dir_all(bench.out().join("old/deep")).unwrap();
    fs::write(bench.out().join("old/deep/file"), "old").unwrap();
    let committer = bench.committer(true);
    bench.block_on(committer.prepare()).unwrap();
    let written = bench.write(0, &text(), 1);
    for _ in 0..2 {
        bench.block_on(committer.publish(&written)).unwrap();
        assert_eq!(names(&bench.out()), [format!(".selvedge-{JOB}"), part(0, "txt")]);
    }
    for _ in 0..2 {
        bench.block_on(committer.abort()).unwrap();
        assert_eq!(names(&bench.out()), ["old"]);
    }
    assert_eq!(fs::read_to_string(bench.out().join("old/deep/file")).unwrap(), "old");
}

#[test]
fn an_abort_takes_nothing_back_from_a_job_that_has_finished() {
    let mut bench = Bench::new();
    let committer = bench.committer(false);
    bench.block_on(committer.prepare()).unwrap();
    let written = bench.write(0, &text(), 1);
    bench.commit(&*committer, &written).unwrap();
    bench.block_on(committer.abort()).unwrap();
    assert_eq!(names(&bench.out()), [part(0, "txt")]);
}

#[test]
fn a_job_that_runs_again_after_its_master_was_lost_is_not_in_its_own_way() {
    for (overwrite, lost) in [
        (false, "before a task ran"),
        (false, "with half of the output published"),
        (false, "with all of it finished"),
        (true, "with all of it finished"),
    ] {
        let mut bench = Bench::new();
        if overwrite {
            fs::create_dir(bench.out()).unwrap();
            fs::write(bench.out().join("old.txt"), "old").unwrap();
        }
        let committer = bench.committer(overwrite);
        bench
            .block_on(committer.prepare_again())
            .expect("the master was lost before anything was prepared");
        let first = bench.write(0, &text(), 3);
        match lost {
            "with half of the output published" => bench.block_on(committer.publish(&first)).unwrap(),
            "with all of it finished" => bench.commit(&*committer, &first).unwrap(),
            _ => {}
        }
        bench
            .block_on(committer.prepare_again())
            .unwrap_or_else(|error| panic!("{lost}: {}", error.report()));
        let second = bench.write(0, &text(), 3);
        bench.commit(&*committer, &second).unwrap();
        assert_eq!(names(&bench.out()), [part(0, "txt")], "{lost}");
    }
}

#[test]
fn two_sinks_of_a_job_share_a_directory_and_leave_none_when_it_is_aborted() {
    for overwrite in [false, true] {
        let mut bench = Bench::new();
        let (one, other) = (bench.committer(overwrite), bench.committer(overwrite));
        for committer in [&one, &other] {
            bench.block_on(committer.prepare()).unwrap();
        }
        let first = bench.write(0, &text(), 1);
        bench.task.ctx.attempt.subtask = 1;
        let second = bench.write(0, &text(), 1);
        bench.block_on(one.publish(&first)).unwrap();
        bench.block_on(other.publish(&second)).unwrap();
        assert_eq!(names(&bench.out()).len(), 3, "two files and what is hidden");
        for committer in [&one, &other] {
            bench.block_on(committer.abort()).unwrap();
        }
        assert!(!bench.out().exists(), "no empty directory is left");
    }
}

#[test]
fn an_output_that_exists_is_refused_unless_it_may_be_overwritten() {
    let mut bench = Bench::new();
    fs::create_dir(bench.out()).unwrap();
    fs::write(bench.out().join("old"), "old").unwrap();
    let error = bench.block_on(bench.committer(false).prepare()).unwrap_err().report();
    assert!(
        error.contains("/out exists already: delete it") && error.contains("\"overwrite\": true"),
        "{error}"
    );
    assert_eq!(names(&bench.out()), ["old"]);
    let committer = bench.committer(true);
    bench.block_on(committer.prepare()).unwrap();
    let written = bench.write(0, &text(), 1);
    assert!(
        bench.out().join("old").exists(),
        "the old content stays until the commit"
    );
    bench.commit(&*committer, &written).unwrap();
    assert_eq!(names(&bench.out()), [part(0, "txt")]);
    fs::write(bench.out().join("later"), "").unwrap();
    bench.commit(&*committer, &written).unwrap();
    assert!(
        bench.out().join("later").exists(),
        "a commit that is repeated deletes nothing more"
    );
}

#[test]
fn no_record_writes_no_file() {
    let mut bench = Bench::new();
    let committer = bench.committer(false);
    bench.block_on(committer.prepare()).unwrap();
    assert_eq!(bench.write(0, &text(), 0), []);
    bench.commit(&*committer, &[]).unwrap();
    assert_eq!(names(&bench.out()), Vec::<String>::new());
}

#[test]
fn a_file_in_place_of_the_output_or_its_parent_is_told() {
    let bench = Bench::new();
    fs::write(bench.out(), "").unwrap();
    let error = bench.block_on(bench.committer(true).prepare()).unwrap_err().report();
    assert!(error.contains("/out is a file: name a directory"), "{error}");
}

#[test]
fn every_format_can_be_read_again() {
    let columns = json!([{"name": "s", "type": "Utf8"}]);
    let formats = [
        (text(), json!([])),
        (json!({"type": "csv", "header": true}), columns.clone()),
        (json!({"type": "json"}), columns),
    ];
    for (format, schema) in formats {
        let mut bench = Bench::new();
        let committer = bench.committer(false);
        bench.block_on(committer.prepare()).unwrap();
        let written = bench.write(0, &format, 30_000);
        bench.commit(&*committer, &written).unwrap();
        let source = json!({"id": "read", "operator": "file-source", "paths": [bench.out()], "format": format,
            "schema": schema, "split_size": "50000"});
        let splits = all_splits(&bench, &source);
        assert!(splits.len() > 2);
        let rows = bench.task.run_source(&json!([source]), splits).unwrap().rows();
        assert_eq!(rows.len(), 30_000, "{format}");
        assert!(rows.iter().all(|row| row.len() == 3));
    }
}

#[test]
fn parquet_holds_every_record() {
    let mut bench = Bench::new();
    let committer = bench.committer(false);
    bench.block_on(committer.prepare()).unwrap();
    let written = bench.write(0, &json!({"type": "parquet"}), 30_000);
    bench.commit(&*committer, &written).unwrap();
    let file = fs::File::open(bench.out().join(part(0, "parquet"))).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let rows: usize = reader.build().unwrap().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows, 30_000);
}

fn no_job() -> JobGraph {
    serde_json::from_value(json!({"name": "j", "vertices": []})).unwrap()
}

fn all_splits(bench: &Bench, source: &Value) -> Vec<InputSplit> {
    let spec: OperatorSpec = serde_json::from_value(source.clone()).unwrap();
    bench.block_on(async {
        let mut enumerator = bench.connectors.enumerator(&no_job(), &spec, 1).await.unwrap().unwrap();
        let mut splits = Vec::new();
        while let Some(split) = enumerator.next_split(0, "host").await.unwrap() {
            splits.push(split);
        }
        splits
    })
}

#[tokio::test]
async fn returned_splits_are_given_out_again_first() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("a"), "0123456789").unwrap();
    fs::write(directory.path().join("empty"), "").unwrap();
    let file_systems = FileSystems::local_only();
    let source: FileSource =
        serde_json::from_value(json!({"paths": [directory.path()], "format": {"type": "text"}})).unwrap();
    let files = files_of(&file_systems, &source, &[]).await.unwrap();
    let mut enumerator = FileEnumerator::new(&files, MemorySize::from_bytes(4)).unwrap();
    let first = enumerator.next_split(0, "h").await.unwrap().unwrap();
    let second = enumerator.next_split(1, "h").await.unwrap().unwrap();
    let range = |split: &InputSplit| {
        let split = FileSplit::from_json(split).unwrap();
        (split.start, split.end)
    };
    enumerator.return_splits(0, vec![first, second]);
    let mut ranges = Vec::new();
    while let Some(split) = enumerator.next_split(0, "h").await.unwrap() {
        ranges.push(range(&split));
    }
    assert_eq!(ranges, [(0, 4), (4, 8), (8, 10)]);
}

#[tokio::test]
async fn what_is_sent_along_is_read_from_the_working_directory_of_whoever_reads() {
    // Tests work in the crate's own directory.
    let source = |path: &str| serde_json::from_value(json!({"paths": [path], "format": {"type": "text"}})).unwrap();
    let file_systems = FileSystems::local_only();
    let paths = async |path: &str| {
        let files = files_of(&file_systems, &source(path), &[])
            .await
            .map_err(|error| error.report())?;
        let mut enumerator = FileEnumerator::new(&files, MemorySize::from_bytes(1 << 30)).unwrap();
        let mut paths = Vec::new();
        while let Some(split) = enumerator.next_split(0, "h").await.unwrap() {
            paths.push(FileSplit::from_json(&split).unwrap().path);
        }
        Ok::<_, String>(paths)
    };
    assert_eq!(paths("shipped:Cargo.toml").await.unwrap(), ["shipped:Cargo.toml"]);
    let files = paths("shipped:src/connector/t*s.rs").await.unwrap();
    assert_eq!(files, ["shipped:src/connector/tests.rs"]);
    let error = paths("shipped:src/none.rs").await.unwrap_err();
    assert!(
        error.contains("'shipped:src/none.rs'") && error.contains("no such file"),
        "{error}"
    );
    let graph = json!({"name": "j", "vertices": [{"id": "v", "chain": [
        {"id": "read", "operator": "file-source", "paths": ["shipped:none"], "format": {"type": "text"}}]}]});
    // A client cannot look there.
    let connectors = BuiltinConnectors::new(file_systems.clone());
    connectors
        .check_paths(&serde_json::from_value(graph).unwrap())
        .await
        .unwrap();
}

#[tokio::test]
async fn paths_are_checked_before_a_job_is_sent() {
    let directory = tempfile::tempdir().unwrap();
    let (input, output) = (directory.path().join("in"), directory.path().join("out"));
    let graph: JobGraph = serde_json::from_value(json!({"name": "j", "vertices": [{"id": "v", "chain": [
        {"id": "read", "operator": "file-source", "paths": [input], "format": {"type": "text"}},
        {"id": "write", "operator": "file-sink", "path": output, "format": {"type": "text"}}]}]}))
    .unwrap();
    let connectors = BuiltinConnectors::new(FileSystems::local_only());
    let error = connectors.check_paths(&graph).await.unwrap_err().report();
    assert!(
        error.contains("operator 'read': the input path") && error.contains("no such file"),
        "{error}"
    );
    fs::write(&input, "x").unwrap();
    connectors.check_paths(&graph).await.unwrap();
    fs::create_dir(&output).unwrap();
    let error = connectors.check_paths(&graph).await.unwrap_err().report();
    assert!(error.contains("exists already"), "{error}");
}

#[tokio::test]
async fn a_sink_in_the_directory_of_another_or_below_one_that_another_replaces_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let sink = |id: &str, path: &str, overwrite: bool| {
        let path = directory.path().join(path);
        json!({"id": id, "chain": [{"id": format!("make-{id}"), "operator": "generator-source",
            "fields": [{"name": "n", "generator": {"type": "sequence"}}]},
            {"id": id, "operator": "file-sink", "path": path, "format": {"type": "csv"}, "overwrite": overwrite}]})
    };
    let connectors = BuiltinConnectors::new(FileSystems::local_only());
    let check = async |one: Value, other: Value| {
        let graph = serde_json::from_value(json!({"name": "j", "vertices": [one, other]})).unwrap();
        connectors.check_paths(&graph).await.map_err(|error| error.report())
    };
    let (outer, inner) = (sink("outer", "out", true), sink("inner", "out/a/b", false));
    for (one, other) in [(outer.clone(), inner.clone()), (inner.clone(), outer)] {
        let error = check(one, other).await.unwrap_err();
        assert!(error.contains("'inner'") && error.contains("'outer'"), "{error}");
        assert!(
            error.contains("/out/a/b lies within") && error.contains("side by side"),
            "{error}"
        );
    }
    check(sink("outer", "out", false), inner).await.unwrap();
    let error = check(sink("one", "out", false), sink("other", "out/../out/", false)).await;
    assert!(error.unwrap_err().contains("operator 'one' writes to file://"));
    check(sink("one", "out", true), sink("other", "out-2", true))
        .await
        .unwrap();
}
