//! Profiles of a worker, as its ResourceManager has them made. There is one test: a process is sampled for one at a time.

use std::time::Duration;

use futures::TryStreamExt;
use selvedge_core::Configuration;
use selvedge_runtime::gateway::convert::WireId;
use selvedge_runtime::gateway::proto::read_file_request::Kind;
use selvedge_runtime::gateway::proto::{ReadFileRequest, StartProfilingRequest};
use selvedge_runtime::gateway::{GatewayError, GatewayResult, TaskExecutorGateway};
use selvedge_runtime::profiling::{ProfilingInfo, ProfilingSettings, ProfilingStatus};
use serde_json::{Value, json};

use super::testing::{Master, Worker, leader};
use super::tests::registered_with;

const BOUND: Duration = Duration::from_secs(60);

async fn start(worker: &Worker, mode: &str, seconds: u32) -> GatewayResult<ProfilingInfo> {
    let request = StartProfilingRequest {
        resource_manager_id: leader().to_wire(),
        mode: mode.to_owned(),
        duration_seconds: seconds,
    };
    let started = worker.gateway.start_profiling(request).await?;
    Ok(serde_json::from_slice(&started.info).unwrap())
}

async fn read(worker: &Worker, kind: Kind, name: &str) -> GatewayResult<Vec<u8>> {
    let (kind, name) = (kind.into(), name.to_owned());
    let file = worker.gateway.read_file(ReadFileRequest { kind, name }).await?;
    let pieces: Vec<_> = file.chunks.try_collect().await?;
    let bytes = pieces.concat();
    assert_eq!(bytes.len() as u64, file.length);
    Ok(bytes)
}

async fn list(worker: &Worker) -> Value {
    serde_json::from_slice(&read(worker, Kind::ProfileList, "").await.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_is_profiled_for_its_resource_manager_and_shows_its_profiles_and_no_other_file() {
    let mut master = Master::start().await;
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("secret"), "hunter2").unwrap();
    let mut configuration = Configuration::new();
    configuration.set_text("rest.profiling.dir", directory.path().display().to_string());
    let worker = registered_with(&mut master, |config| {
        config.profiling = ProfilingSettings::read(&configuration).unwrap();
    })
    .await;
    assert_eq!(list(&worker).await, json!({"profilingList": []}));
    for (mode, seconds, says) in [
        ("WALL", 1, "no profiling mode 'WALL'"),
        ("CPU", 301, "must be in (0s, 300s]"),
    ] {
        let refused = start(&worker, mode, seconds).await;
        assert!(
            matches!(&refused, Err(GatewayError::Rejected(message)) if message.contains(says)),
            "{refused:?}"
        );
    }
    assert_eq!(
        list(&worker).await,
        json!({"profilingList": []}),
        "what is refused is not listed"
    );
    let started = start(&worker, "ITIMER", 1).await.unwrap();
    assert_eq!((started.status, started.duration), (ProfilingStatus::Running, 1));
    let busy =
        GatewayError::Rejected("container_1 is still under profiling: ask again when that profile is finished".into());
    assert_eq!(start(&worker, "CPU", 1).await, Err(busy));
    let finished = async {
        loop {
            let newest = list(&worker).await["profilingList"][0].clone();
            if newest["status"] != "RUNNING" {
                return newest;
            }
        }
    };
    let newest = tokio::time::timeout(BOUND, finished).await.unwrap();
    assert_eq!(
        (&newest["status"], &newest["mode"]),
        (&json!("FINISHED"), &json!("ITIMER")),
        "{newest}"
    );
    let name = newest["outputFile"].as_str().unwrap();
    let file = read(&worker, Kind::Profile, name).await.unwrap();
    assert_eq!(file, std::fs::read(directory.path().join(name)).unwrap());
    assert!(file.starts_with(&[0x1f, 0x8b]), "it is gzipped");
    for name in ["secret", "../secret", "/etc/passwd", ""] {
        let refused = read(&worker, Kind::Profile, name).await;
        let message = format!("there is no profile '{name}': ");
        assert!(
            matches!(&refused, Err(GatewayError::Rejected(said)) if said.starts_with(&message)),
            "{refused:?}"
        );
    }
    worker.handle.stop().await;
}
