//! Many jobs in one cluster.

use serde_json::Value;

use super::{graph, id, session, until_is, until_overview};
use crate::folder::Folder;
use crate::jobs;

/// Runs until it is cancelled, in as many slots as its parallelism: its vertices share them.
fn endless(parallelism: u32) -> Value {
    let mut job = jobs::job(
        &[
            jobs::vertex("make", &[jobs::numbers("numbers", None, Some(100.0))]),
            jobs::vertex("drop", &[jobs::blackhole("out")]),
        ],
        &[jobs::rebalance("make", "drop")],
    );
    for vertex in job["vertices"].as_array_mut().unwrap() {
        vertex["parallelism"] = parallelism.into();
    }
    job
}

#[tokio::test]
async fn two_jobs_run_at_once_and_the_slots_of_one_that_ends_serve_the_next() {
    let folder = Folder::new();
    let session = session(&folder, None, &["taskmanager.numberOfTaskSlots=2"]).await;
    let rest = session.rest();
    for number in 1..=2 {
        rest.submit(id(number), &graph(&endless(2))).await.unwrap();
    }
    for number in 1..=2 {
        until_is(&session, id(number), "RUNNING").await;
    }
    // Each has two slots for its four tasks.
    let busy = [
        ("jobs-running", 2),
        ("taskmanagers", 2),
        ("slots-total", 4),
        ("slots-available", 0),
    ];
    until_overview(&session, &busy).await;
    rest.cancel(id(1)).await.unwrap();
    until_is(&session, id(1), "CANCELED").await;
    until_overview(
        &session,
        &[("jobs-running", 1), ("jobs-cancelled", 1), ("slots-available", 2)],
    )
    .await;
    rest.submit(id(3), &graph(&endless(2))).await.unwrap();
    until_is(&session, id(3), "RUNNING").await;
    until_overview(&session, &busy).await;
    assert_eq!(
        rest.job(id(2)).await.unwrap().state,
        "RUNNING",
        "the other job did not notice"
    );
    let again = rest.submit(id(1), &graph(&endless(2))).await.unwrap_err();
    assert_eq!(again.status(), Some(409), "{again}");
    session.shut_down().await.unwrap();
}
