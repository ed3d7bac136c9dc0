//! The master's own directory.

use super::*;

#[tokio::test]
async fn blobs_are_in_the_masters_own_directory_which_stays_where_it_alone_ends() {
    let root = tempfile::tempdir().unwrap();
    let parent = root.path().display().to_string();
    let settings = [
        ("process.jobmanager.working-dir", parent.as_str()),
        ("jobmanager.resource-id", "master-1"),
        ("jobstore.type", "Memory"),
    ];
    let own = root.path().join("jm_master-1");
    let start = || bed(DispatcherMode::Session, Workers::new(Behaviour::Run), None, &settings);
    let first = start().await;
    assert_eq!(std::fs::read_dir(own.join("blobStorage")).unwrap().count(), 1);
    let second = ClusterEntrypoint::start(session_of(Workers::new(Behaviour::Run), &settings)).await;
    let refused = second.unwrap_err().to_string();
    assert!(refused.contains("another process works in"), "{refused}");
    let ended = tokio::time::timeout(BOUND, first.cluster.terminate()).await.unwrap();
    assert_eq!(ended.shutdown, Shutdown::ProcessAlone);
    assert!(own.exists(), "the next one takes it");
    std::fs::write(own.join("left"), "by the first").unwrap();
    let next = start().await;
    assert!(!own.join("left").exists());
    next.end().await;
    assert!(!own.exists());
}
