//! When output becomes visible.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::run;
use crate::folder::{Folder, files_below};
use crate::jobs::{file_sink, job, numbers, vertex};

/// Ten numbers into a directory, in one vertex.
fn numbers_into(id: &str, output: &Path, overwrite: bool) -> Value {
    let mut sink = file_sink(&format!("write {id}"), output.to_str().unwrap(), "csv");
    sink["overwrite"] = overwrite.into();
    vertex(id, &[numbers(&format!("make {id}"), Some(10), None), sink])
}

/// A directory whose path is nearly as long as Linux allows, with a file in it: there is room for the names of a job's
/// files, but not for the file to be set aside, a directory deeper.
fn narrow(folder: &Folder) -> (PathBuf, PathBuf) {
    const PATH_MAX: usize = 4096;
    const FILE_NAME: usize = 180;
    let mut directory = folder.path("two");
    // A slash and the end of the string count, too.
    let free = |directory: &Path| PATH_MAX - directory.as_os_str().len() - 2;
    while free(&directory) > FILE_NAME + 250 {
        directory.push("d".repeat(200));
    }
    directory.push("d".repeat(free(&directory) - FILE_NAME - 20));
    fs::create_dir_all(&directory).unwrap();
    let file = directory.join("f".repeat(FILE_NAME));
    fs::write(&file, "old").unwrap();
    (directory, file)
}

#[tokio::test]
async fn when_one_of_two_sinks_cannot_publish_what_both_were_to_replace_is_there_again() {
    let folder = Folder::new();
    let kept = folder.write("one/kept.csv", "old");
    let (two, kept_too) = narrow(&folder);
    let job = folder.job(&job(
        &[
            numbers_into("one", &folder.path("one"), true),
            numbers_into("two", &two, true),
        ],
        &[],
    ));
    let outcome = run(&folder, 1, &job).run().await.ended_with(1);
    outcome
        .assert_says(&["FAILED", "vertex 'two' cannot be made visible", "name too long"])
        .assert_does_not_say(&["left behind"])
        .assert_no_stack();
    assert_eq!(files_below(folder.root()), [job, kept.clone(), kept_too.clone()]);
    for file in [kept, kept_too] {
        assert_eq!(fs::read_to_string(file).unwrap(), "old");
    }
}

#[tokio::test]
async fn two_sinks_in_one_directory_or_in_one_that_is_replaced_are_refused_before_anything_runs() {
    let folder = Folder::new();
    let kept = folder.write("out/kept.csv", "old");
    for (other, says) in [("out/.", "a directory of its own"), ("out/inner", "side by side")] {
        let job = folder.job(&job(
            &[
                numbers_into("one", &folder.path("out"), true),
                numbers_into("two", &folder.path(other), true),
            ],
            &[],
        ));
        let outcome = run(&folder, 1, &job).run().await.ended_with(3);
        outcome
            .assert_says(&["'write one'", "'write two'", says])
            .assert_does_not_say(&["RUNNING"])
            .assert_no_stack();
        assert_eq!(files_below(folder.root()), [job, kept.clone()]);
    }
}
