//! Inputs that are not there or cannot be read, outputs that are there already.

use serde_json::json;

use selvedge_it::cli::Selvedge;

use crate::folder::{Folder, files_below, parts};
use crate::jobs::{self, file_sink, job, rebalance, vertex};

fn wordcount(input: &std::path::Path, output: &std::path::Path) -> Selvedge {
    Selvedge::new("run").arg(jobs::wordcount()).args([
        "--input".as_ref(),
        input.as_os_str(),
        "--output".as_ref(),
        output.as_os_str(),
    ])
}

#[tokio::test]
async fn an_input_that_is_not_there_is_named_and_no_output_is_made() {
    let folder = Folder::new();
    let output = folder.path("out");
    for (input, says) in [("missing.txt", "missing.txt"), ("*.nothing", "*.nothing")] {
        let outcome = wordcount(&folder.path(input), &output).run().await.ended_with(3);
        outcome.assert_says(&[says]).assert_no_stack();
        assert!(
            files_below(folder.root()).is_empty() && !output.exists(),
            "{}",
            outcome.said()
        );
    }
    let outcome = wordcount("ftp://host/in".as_ref(), &output).run().await.ended_with(3);
    outcome.assert_says(&["ftp", "file://", "hdfs://"]);
}

/// Two good lines, a bad one that begins at byte 11, and a good one.
const LINES: &[u8] = b"first\nnext\nbad \xff\xfe here\nlast\n";

fn lines_job(folder: &Folder, on_error: &str) -> std::path::PathBuf {
    let input = folder.write("in.txt", LINES);
    let read = json!({"id": "read", "operator": "file-source", "paths": [input], "format": {"type": "text"},
        "on_error": on_error});
    folder.job(&job(
        &[
            vertex("in", &[read]),
            vertex(
                "out",
                &[file_sink("write", folder.path("out").to_str().unwrap(), "text")],
            ),
        ],
        &[rebalance("in", "out")],
    ))
}

#[tokio::test]
async fn a_line_that_is_not_utf_8_fails_the_job_with_its_file_and_byte_offset() {
    let folder = Folder::new();
    let job = lines_job(&folder, "fail");
    let outcome = Selvedge::new("run").arg(&job).run().await.ended_with(1);
    outcome.assert_says(&["in.txt", "UTF-8", "11"]).assert_no_stack();
    assert_eq!(files_below(folder.root()), [folder.path("in.txt"), job]);
}

#[tokio::test]
async fn a_line_that_is_not_utf_8_is_skipped_and_counted_where_that_is_asked_for() {
    let folder = Folder::new();
    let outcome = Selvedge::new("run")
        .arg(lines_job(&folder, "skip"))
        .run()
        .await
        .ended_with(0);
    assert_eq!(parts(&folder.path("out")).concat(), "first\nnext\nlast\n");
    outcome.assert_says(&["read.skipped-lines: 1"]);
}

#[tokio::test]
async fn a_row_that_does_not_fit_its_schema_fails_the_job_with_its_file_and_byte_offset() {
    let folder = Folder::new();
    let input = folder.write("in.csv", "1,a\ntwo,b\n");
    let read = json!({"id": "read", "operator": "file-source", "paths": [input], "format": {"type": "csv"},
        "schema": [{"name": "n", "type": "Int64"}, {"name": "text", "type": "Utf8"}]});
    let job = folder.job(&job(
        &[
            vertex("in", &[read]),
            vertex(
                "out",
                &[file_sink("write", folder.path("out").to_str().unwrap(), "csv")],
            ),
        ],
        &[rebalance("in", "out")],
    ));
    let outcome = Selvedge::new("run").arg(&job).run().await.ended_with(1);
    outcome.assert_says(&["in.csv", "byte 4"]).assert_no_stack();
    assert_eq!(files_below(folder.root()), [input, job]);
}

#[tokio::test]
async fn an_output_that_exists_is_refused_and_left_as_it_is() {
    let folder = Folder::new();
    let input = folder.write("in.txt", "a b a\n");
    let kept = folder.write("out/kept.txt", "mine\n");
    let outcome = wordcount(&input, &folder.path("out")).run().await.ended_with(3);
    outcome.assert_says(&["out", "exists", "overwrite"]).assert_no_stack();
    assert_eq!(files_below(folder.root()), [input, kept]);
}

#[tokio::test]
async fn an_output_that_exists_is_replaced_where_that_is_asked_for() {
    let folder = Folder::new();
    let input = folder.write("in.txt", "a b a\n");
    folder.write("out/old.txt", "mine\n");
    let text = std::fs::read_to_string(jobs::wordcount()).unwrap();
    let text = text.replace(
        "\"format\": {\"type\": \"csv\"}",
        "\"format\": {\"type\": \"csv\"}, \"overwrite\": true",
    );
    assert!(text.contains("overwrite"), "{text}");
    let job = folder.write("job.json", text);
    let outcome = Selvedge::new("run")
        .arg(job)
        .args([
            "--input".as_ref(),
            input.as_os_str(),
            "--output".as_ref(),
            folder.path("out").as_os_str(),
        ])
        .run()
        .await
        .ended_with(0);
    let mut lines: Vec<_> = parts(&folder.path("out")).concat().lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["a,2", "b,1"], "{}", outcome.said());
}

#[tokio::test]
async fn an_output_that_is_a_file_or_below_one_is_refused() {
    let folder = Folder::new();
    let input = folder.write("in.txt", "a b a\n");
    let file = folder.write("file", "mine\n");
    for output in ["file", "file/out"] {
        let outcome = wordcount(&input, &folder.path(output)).run().await.ended_with(3);
        outcome.assert_says(&["file"]).assert_no_stack();
    }
    assert_eq!(files_below(folder.root()), [file, input]);
}
