//! What a worker tells of what runs in it.

use std::time::Duration;

use futures::TryStreamExt;
use selvedge_runtime::gateway::TaskExecutorGateway;
use selvedge_runtime::gateway::proto::ReadFileRequest;
use selvedge_runtime::gateway::proto::read_file_request::Kind;
use serde_json::Value;

use super::TaskExecutorTimeouts;
use super::testing::{Master, Worker, allocation, submission, task};
use super::tests::with_slot;
use crate::exchange::testing::job;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_tells_what_each_task_does_and_then_every_thread() {
    let mut master = Master::start().await;
    let worker = with_slot(&mut master, TaskExecutorTimeouts::default()).await;
    let tasks = vec![task("stuck", allocation(1))];
    worker.gateway.submit_tasks(submission(job(1), tasks)).await.unwrap();
    let dumped = async {
        loop {
            let dump = dump(&worker).await;
            // A thread gives itself its name.
            if names(&dump).any(|name| name.starts_with("stuck_0_0")) {
                return dump;
            }
        }
    };
    let dump = tokio::time::timeout(Duration::from_secs(20), dumped).await.unwrap();
    let first = &dump["threadInfos"][0];
    assert_eq!(first["threadName"], "stuck (stuck_0_0)");
    let does = first["stringifiedThreadInfo"].as_str().unwrap();
    let expected = format!("task of job {}, in slot {}: runs", job(1).job_id, allocation(1));
    assert!(
        does.contains(&expected) && does.contains("0 records (0 bytes) out"),
        "{does}"
    );
}

async fn dump(worker: &Worker) -> Value {
    let request = ReadFileRequest {
        kind: Kind::ThreadDump.into(),
        name: String::new(),
    };
    let dump = worker.gateway.read_file(request).await.unwrap();
    let pieces: Vec<_> = dump.chunks.try_collect().await.unwrap();
    let text = pieces.concat();
    assert_eq!(text.len() as u64, dump.length);
    serde_json::from_slice(&text).unwrap()
}

fn names(dump: &Value) -> impl Iterator<Item = &str> {
    let infos = dump["threadInfos"].as_array().unwrap().iter();
    infos.map(|info| info["threadName"].as_str().unwrap())
}
