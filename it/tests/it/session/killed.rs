//! `kill -9` of a session at named places, and the next one on the same directory.

use std::collections::BTreeSet;
use std::path::Path;

use selvedge_it::cli::BOUND;
use selvedge_it::wait;
use serde_json::Value;

use super::{graph, id, session, until_is};
use crate::folder::{Folder, files_below, parts};
use crate::jobs;

const ROWS: u64 = 2000;

/// Numbers into files, so many a second.
fn numbers_into(output: &Path, per_second: Option<f64>) -> Value {
    jobs::job(
        &[
            jobs::vertex("numbers", &[jobs::numbers("make", Some(ROWS), per_second)]),
            jobs::vertex(
                "files",
                &[jobs::file_sink("write", &output.display().to_string(), "csv")],
            ),
        ],
        &[jobs::rebalance("numbers", "files")],
    )
}

/// Every number is there, once.
fn assert_whole(output: &Path) {
    let parts = parts(output);
    let lines: Vec<_> = parts
        .iter()
        .flat_map(|part| part.lines())
        .filter(|line| *line != "n")
        .collect();
    let numbers: BTreeSet<u64> = lines.iter().map(|line| line.parse().unwrap()).collect();
    assert_eq!((lines.len() as u64, numbers.len() as u64), (ROWS, ROWS));
}

/// The stores are empty: nothing of a job is left to do.
fn assert_cleaned_up(folder: &Folder) {
    let left = files_below(&folder.path("ha"));
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_job_that_was_stored_and_not_answered_runs_on_the_next_master() {
    let folder = Folder::new();
    let output = folder.path("out");
    let mut first = session(&folder, Some("after:rename:jobgraphs"), &[]).await;
    let rest = first.rest().clone();
    let job = graph(&numbers_into(&output, None));
    let submitted = tokio::spawn(async move { rest.submit(id(1), &job).await });
    first.until_halted().await.unwrap();
    assert_eq!(first.rest().job(id(1)).await.unwrap().state, "INITIALIZING");
    first.kill().await.unwrap();
    assert!(
        submitted.await.unwrap().is_err(),
        "nobody has said that the job is taken"
    );
    let next = session(&folder, None, &[]).await;
    until_is(&next, id(1), "FINISHED").await;
    assert_whole(&output);
    next.shut_down().await.unwrap();
    assert_cleaned_up(&folder);
}

#[tokio::test]
async fn a_job_that_was_running_runs_again_and_its_output_is_there_once() {
    let folder = Folder::new();
    let output = folder.path("out");
    let first = session(&folder, None, &[]).await;
    first
        .rest()
        .submit(id(2), &graph(&numbers_into(&output, Some(100.0))))
        .await
        .unwrap();
    let is_written = || {
        let files = files_below(&output);
        let written = files.iter().any(|file| {
            file.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("part-"))
        });
        std::future::ready(if written { Ok(()) } else { Err(format!("{files:?}")) })
    };
    wait::until("a file that is being written", BOUND, is_written)
        .await
        .unwrap();
    first.kill().await.unwrap();
    let next = session(&folder, None, &[]).await;
    until_is(&next, id(2), "FINISHED").await;
    assert_whole(&output);
    next.shut_down().await.unwrap();
    assert_cleaned_up(&folder);
}

#[tokio::test]
async fn a_job_whose_output_was_finished_and_whose_result_was_not_stored_runs_again_without_doubling_it() {
    let folder = Folder::new();
    let output = folder.path("out");
    let mut first = session(&folder, Some("before:rename:_DIRTY.json"), &[]).await;
    first
        .rest()
        .submit(id(3), &graph(&numbers_into(&output, None)))
        .await
        .unwrap();
    first.until_halted().await.unwrap();
    assert_whole(&output);
    assert_eq!(
        first.rest().execution_result(id(3)).await.unwrap(),
        None,
        "nobody is told what may get lost"
    );
    first.kill().await.unwrap();
    let next = session(&folder, None, &[]).await;
    until_is(&next, id(3), "FINISHED").await;
    assert_whole(&output);
    next.shut_down().await.unwrap();
    assert_cleaned_up(&folder);
}

#[tokio::test]
async fn a_job_whose_result_was_stored_is_cleaned_up_and_never_runs_again() {
    let folder = Folder::new();
    let output = folder.path("out");
    let mut first = session(&folder, Some("before:rename:.json.old.tmp"), &[]).await;
    first
        .rest()
        .submit(id(4), &graph(&numbers_into(&output, None)))
        .await
        .unwrap();
    first.until_halted().await.unwrap();
    let result = first.rest().execution_result(id(4)).await.unwrap().unwrap();
    first.kill().await.unwrap();
    let left = files_below(&folder.path("ha"));
    assert_eq!(left.len(), 2, "the graph and the result: {left:?}");
    // A job that ran again would put this aside.
    let written: Vec<_> = files_below(&output)
        .iter()
        .map(|file| file.metadata().unwrap().modified().unwrap())
        .collect();
    let next = session(&folder, None, &[]).await;
    until_is(&next, id(4), "FINISHED").await;
    assert_eq!(next.rest().execution_result(id(4)).await.unwrap().unwrap(), result);
    let again = next
        .rest()
        .submit(id(4), &graph(&numbers_into(&output, None)))
        .await
        .unwrap_err();
    assert_eq!(again.status(), Some(409), "{again}");
    next.shut_down().await.unwrap();
    assert_cleaned_up(&folder);
    assert_whole(&output);
    let now: Vec<_> = files_below(&output)
        .iter()
        .map(|file| file.metadata().unwrap().modified().unwrap())
        .collect();
    assert_eq!(now, written);
}
