//! Changed resource requirements, across masters.

use std::path::Path;

use selvedge_core::job_graph::{JobRequirements, ParallelismBounds, VertexRequirements};
use selvedge_runtime::fs::FileSystems;

use super::*;
use crate::entrypoint::{Cluster, ClusterConfig, ClusterEntrypoint};
use crate::jobmaster::JobMasterHandle;
use crate::stores::{StoreSettings, Stores};
use crate::testing::worker::{Behaviour, Workers};
use crate::testing::{session_of, word_count};

const JOB: JobId = JobId::from_bytes([1; 16]);
const BOUND: Duration = Duration::from_secs(60);

async fn session(root: &Path) -> Cluster {
    let storage = root.display().to_string();
    let settings = [
        ("high-availability.storageDir", storage.as_str()),
        ("jobmanager.scheduler", "Adaptive"),
        ("execution.runtime-mode", "STREAMING"),
    ];
    let config = ClusterConfig {
        cluster_id: Some("cluster".to_owned()),
        ..session_of(Workers::new(Behaviour::Run), &settings)
    };
    ClusterEntrypoint::start(config).await.unwrap()
}

fn up_to(upper_bound: u32) -> JobRequirements {
    let parallelism = ParallelismBounds {
        lower_bound: 1,
        upper_bound,
    };
    let stated = VertexRequirements { parallelism };
    ["source", "sink"].map(|vertex| (vertex.into(), stated)).into()
}

/// Waits until the job asks for so much.
async fn until_required(dispatcher: &DispatcherHandle, expected: JobRequirements) {
    let required = async {
        while dispatcher.requirements(JOB).await != Ok(expected.clone()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, required)
        .await
        .expect("the job has its requirements");
}

/// A master that is gone in a moment, with all its tasks, when it has done this.
fn life(root: &Path, lived: impl AsyncFnOnce(Cluster)) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { lived(session(root).await).await });
}

#[test]
fn the_next_master_goes_by_the_requirements_that_were_changed_last() {
    let root = tempfile::tempdir().unwrap();
    life(root.path(), async |cluster| {
        let dispatcher = cluster.dispatcher();
        dispatcher.submit_job(Some(JOB), word_count(1)).await.unwrap();
        until_required(&dispatcher, up_to(1)).await;
        dispatcher.change_requirements(JOB, up_to(2)).await.unwrap();
        dispatcher.change_requirements(JOB, up_to(3)).await.unwrap();
    });
    life(root.path(), async |cluster| {
        until_required(&cluster.dispatcher(), up_to(3)).await;
        cluster.shutdown(ApplicationStatus::Succeeded, "the test is over").await;
    });
}

#[tokio::test]
async fn requirements_of_a_job_that_ends_at_this_moment_are_those_of_one_that_does_not_run() {
    let gone = JobMasterHandle::of_nobody(JOB);
    let settings = StoreSettings::read(&Configuration::default(), DispatcherMode::Session, None).unwrap();
    let stores = Stores::open(settings, &FileSystems::local_only()).unwrap();
    let changed = requirements::change(JOB, &gone, up_to(2), stores.job_graphs.as_ref()).await;
    assert_eq!(changed, Err(DispatcherError::NotRunning(JOB)));
    assert_eq!(requirements::asked(&gone).await, Err(DispatcherError::NotRunning(JOB)));
}
