//! Files that jobs bring to a session: sent with the job, or where the master reads them.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use selvedge_it::cli::{BOUND, Selvedge};
use selvedge_it::wait;
use serde_json::{Value, json};

use super::{graph, id, session, until_is};
use crate::folder::{Folder, files_below, parts};
use crate::jobs::{file_sink, job, rebalance, slow_blackhole, text_source, vertex};

/// The lines of `artifact:words` into files.
fn copies(output: &Path, artifacts: &Value) -> Value {
    let output = output.display().to_string();
    let vertices = [
        vertex("source", &[text_source("read", "artifact:words")]),
        vertex("sink", &[file_sink("write", &output, "text")]),
    ];
    let mut copies = job(&vertices, &[rebalance("source", "sink")]);
    copies["artifacts"] = artifacts.clone();
    copies
}

fn words(content: &'static str) -> BTreeMap<String, Bytes> {
    BTreeMap::from([("words".to_owned(), Bytes::from_static(content.as_bytes()))])
}

/// All files of blobs that are there, of the master and of workers, for this process and for the next.
fn blobs(folder: &Folder) -> Vec<String> {
    let files = [folder.path("tmp"), folder.path("ha")]
        .into_iter()
        .flat_map(|place| files_below(&place));
    let names = files.map(|file| file.display().to_string());
    names.filter(|name| name.contains("blob_p-")).collect()
}

async fn until_no_blobs(folder: &Folder) {
    let looks = || async {
        let left = blobs(folder);
        if left.is_empty() { Ok(()) } else { Err(left.join(", ")) }
    };
    wait::until("all blobs to be deleted", BOUND, looks).await.unwrap();
}

#[tokio::test]
async fn what_is_sent_with_a_job_is_read_by_its_tasks_and_goes_with_the_job() {
    let folder = Folder::new();
    let keep = ["blob.service.cleanup.interval=0"];
    let session = session(&folder, None, &keep).await;
    let output = folder.path("out");
    let job = graph(&copies(
        &output,
        &json!([{"name": "words", "path": "/on/the/clients/disk"}]),
    ));
    let rest = session.rest();
    rest.submit_with_files(id(1), &job, &words("to\nbe\n")).await.unwrap();
    until_is(&session, id(1), "FINISHED").await;
    assert_eq!(parts(&output).concat(), "to\nbe\n");
    until_no_blobs(&folder).await;
    session.shut_down().await.unwrap();
    assert_eq!(files_below(&folder.path("tmp")), [""; 0].map(std::path::PathBuf::from));
}

#[tokio::test]
async fn what_is_not_sent_is_read_by_the_master_at_its_path() {
    let folder = Folder::new();
    let session = session(&folder, None, &[]).await;
    let output = folder.path("out");
    let path = folder.write("words.txt", "or\nnot\n");
    let job = graph(&copies(&output, &json!([{"name": "words", "path": path}])));
    session.rest().submit(id(1), &job).await.unwrap();
    until_is(&session, id(1), "FINISHED").await;
    assert_eq!(parts(&output).concat(), "or\nnot\n");
    session.shut_down().await.unwrap();
}

#[tokio::test]
async fn a_submission_with_files_that_do_not_fit_its_graph_is_refused_and_leaves_nothing() {
    let folder = Folder::new();
    let session = session(&folder, None, &[]).await;
    let named = |extra: Value| {
        let mut artifact = json!({"name": "words", "path": "/on/the/clients/disk"});
        artifact
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        graph(&copies(&folder.path("out"), &json!([artifact])))
    };
    let other = BTreeMap::from([("other".to_owned(), Bytes::from_static(b"x"))]);
    for (job, files, expected) in [
        (
            named(json!({})),
            BTreeMap::new(),
            vec!["'words' cannot be read", "/on/the/clients/disk"],
        ),
        (named(json!({})), other, vec!["'other', which the job does not name"]),
        (
            named(json!({"size": 7})),
            words("abc"),
            vec!["'words'", "3 bytes instead of 7"],
        ),
    ] {
        let refused = session.rest().submit_with_files(id(1), &job, &files).await.unwrap_err();
        assert_eq!(refused.status(), Some(400), "{refused}");
        let message = refused.to_string();
        assert!(
            expected.iter().all(|part| message.contains(part)),
            "{message} / {expected:?}"
        );
        assert_eq!(blobs(&folder), [""; 0]);
    }
    session.shut_down().await.unwrap();
}

#[tokio::test]
async fn a_job_that_runs_again_under_the_next_master_has_what_was_sent_with_it() {
    let folder = Folder::new();
    let first = session(&folder, None, &[]).await;
    let vertices = [
        vertex("source", &[text_source("read", "artifact:words")]),
        vertex("sink", &[slow_blackhole("drop", "1kb")]),
    ];
    let mut slow = job(&vertices, &[rebalance("source", "sink")]);
    slow["artifacts"] = json!([{"name": "words", "path": "/on/the/clients/disk"}]);
    let content = "0123456789 0123456789\n".repeat(50_000);
    let files = BTreeMap::from([("words".to_owned(), Bytes::from(content))]);
    first
        .rest()
        .submit_with_files(id(1), &graph(&slow), &files)
        .await
        .unwrap();
    until_is(&first, id(1), "RUNNING").await;
    first.kill().await.unwrap();
    let next = session(&folder, None, &[]).await;
    let reads = || async {
        let details = next.rest().job(id(1)).await.map_err(|error| error.to_string())?;
        let source = details.vertices.iter().find(|vertex| vertex.name == "read");
        let read = source.is_some_and(|source| source.metrics.write_records > 0);
        if read { Ok(()) } else { Err(details.state) }
    };
    wait::until("the next master's job to read", BOUND, reads)
        .await
        .unwrap();
    next.rest().cancel(id(1)).await.unwrap();
    until_is(&next, id(1), "CANCELED").await;
    next.shut_down().await.unwrap();
    assert_eq!(blobs(&folder), [""; 0]);
}

#[tokio::test]
async fn the_settings_of_checkpoints_are_shown_in_flinks_form_and_the_port_of_the_blob_server_is_real() {
    let folder = Folder::new();
    let session = session(&folder, None, &[]).await;
    let input = folder.write("words.txt", "x\n");
    let mut job = copies(&folder.path("out"), &json!([{"name": "words", "path": input}]));
    job["checkpointing"] = json!({"mode": "at-least-once", "timeout": "5 min", "min_pause": "500 ms", "max_concurrent": 2,
        "tolerable_failed": 3, "externalized": "retain-on-cancellation", "after_tasks_finish": false});
    session.rest().submit(id(1), &graph(&job)).await.unwrap();
    until_is(&session, id(1), "FINISHED").await;
    let url = |path: &str| format!("http://{}{path}", session.address());
    let get = async |path: String| reqwest::get(url(&path)).await.unwrap().json::<Value>().await.unwrap();
    let shown = get(format!("/v1/jobs/{}/checkpoints/config", id(1))).await;
    let expected = json!({"mode": "at_least_once", "interval": i64::MAX, "timeout": 300_000, "min_pause": 500,
        "max_concurrent": 2, "externalization": {"enabled": true, "delete_on_cancellation": false},
        "tolerable_failed_checkpoints": 3, "checkpoints_after_tasks_finish": false, "unaligned_checkpoints": false});
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(shown[key], *value, "{key} in {shown}");
    }
    let unknown = reqwest::get(url(&format!("/jobs/{}/checkpoints/config", id(9))))
        .await
        .unwrap();
    assert_eq!(unknown.status(), 404);
    let settings = get("/jobmanager/config".to_owned()).await;
    let port = settings
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["key"] == "blob.server.port");
    let port: u16 = port.unwrap()["value"].as_str().unwrap().parse().unwrap();
    tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    session.shut_down().await.unwrap();
}

#[tokio::test]
async fn the_command_sends_files_of_its_own_disk_to_a_session() {
    let folder = Folder::new();
    let session = session(&folder, None, &[]).await;
    let output = folder.path("out");
    let job = folder.job(&copies(&output, &json!([{"name": "words", "path": "words.txt"}])));
    // The session has another current directory.
    let run = || {
        Selvedge::new("run")
            .current_dir(folder.root())
            .args(["-m", session.address()])
            .arg(&job)
    };
    let missing = run().run().await.ended_with(3);
    missing
        .assert_says(&["'words' cannot be read", "words.txt", "no such file"])
        .assert_no_stack();
    folder.write("words.txt", "that\nis\n");
    run().run().await.ended_with(0).assert_says(&["FINISHED"]);
    assert_eq!(parts(&output).concat(), "that\nis\n");
    session.shut_down().await.unwrap();
}
