use selvedge_runtime::ha::{HaServices, InMemoryEnsemble, StandaloneHaServices};

use super::*;

fn store(root: &std::path::Path) -> StoreDirectory {
    let place = Place {
        key: "high-availability.storageDir",
        path: root.display().to_string(),
        below: "a/b".to_owned(),
        public: false,
    };
    StoreDirectory::open(&place, &FileSystems::local_only()).unwrap()
}

#[tokio::test]
async fn a_file_is_there_whole_and_what_was_never_finished_is_cleared_away() {
    let root = tempfile::tempdir().unwrap();
    let store = store(root.path());
    assert_eq!(store.names().await.unwrap(), [""; 0], "nothing was written yet");
    store.write("one.json", b"1".to_vec()).await.unwrap();
    let half = root.path().join("a/b/.two.json.tmp");
    std::fs::write(&half, "hal").unwrap();
    assert_eq!(store.names().await.unwrap(), ["one.json"]);
    assert!(!half.exists());
    std::fs::write(&half, "hal").unwrap();
    store.write("two.json", b"2".to_vec()).await.unwrap();
    store.write("one.json", b"one".to_vec()).await.unwrap();
    assert_eq!(store.read("one.json").await.unwrap(), "one");
    assert_eq!(store.names().await.unwrap(), ["one.json", "two.json"]);
}

/// Each leadership believes that it lasts.
fn under(store: &StoreDirectory, seed: u64) -> StoreDirectory {
    let election = StandaloneHaServices::leading(seed).election();
    let session = election.leadership().borrow().session().unwrap();
    store.under(&Lease::new(election, session))
}

#[tokio::test]
async fn what_a_leader_writes_is_there_and_a_step_may_be_repeated() {
    let root = tempfile::tempdir().unwrap();
    let store = under(&store(root.path()), 1);
    store.take_over().await.unwrap();
    store.write("a", b"1".to_vec()).await.unwrap();
    store.write("a", b"1".to_vec()).await.unwrap();
    store.write("a", b"2".to_vec()).await.unwrap();
    assert_eq!(store.find("a").await.unwrap().unwrap(), "2");
    store.delete("a").await.unwrap();
    store.delete("a").await.unwrap();
    assert_eq!(
        (store.find("a").await.unwrap(), store.names().await.unwrap()),
        (None, vec![])
    );
    store.leave().await.unwrap();
    assert_eq!(std::fs::read_dir(root.path().join("a/b")).unwrap().count(), 0);
}

#[tokio::test]
async fn what_a_deposed_leader_still_writes_never_appears_and_deletes_nothing() {
    let root = tempfile::tempdir().unwrap();
    let shared = store(root.path());
    let (first, second) = (under(&shared, 1), under(&shared, 2));
    first.take_over().await.unwrap();
    first.write("done", b"1".to_vec()).await.unwrap();
    // A write that has come as far as before its last step.
    let half = first.temporary("late").unwrap();
    std::fs::write(half.path(), "late").unwrap();
    second.take_over().await.unwrap();
    let target = shared.location.join("late");
    let finished = shared.file_system.rename(&half, &target).await.unwrap_err();
    assert!(matches!(finished.kind, FsErrorKind::NotFound), "{finished}");
    second.write("new", b"2".to_vec()).await.unwrap();
    for outcome in [
        first.write("late", b"late".to_vec()).await,
        first.write("new", b"late".to_vec()).await,
        first.delete("done").await,
        first.delete("not there").await,
    ] {
        assert!(matches!(outcome, Err(StoreError::Deposed { .. })), "{outcome:?}");
    }
    assert_eq!(second.names().await.unwrap(), ["done", "new"]);
    assert_eq!(second.read("new").await.unwrap(), "2");
    second.delete("done").await.unwrap();
    assert_eq!(second.names().await.unwrap(), ["new"]);
}

#[tokio::test]
async fn a_leader_that_knows_that_it_is_deposed_writes_nothing_and_takes_nothing_over() {
    let root = tempfile::tempdir().unwrap();
    let ensemble = InMemoryEnsemble::new(1);
    let member = ensemble.join();
    let election = member.election();
    let session = election.leadership().borrow().session().unwrap();
    let store = store(root.path()).under(&Lease::new(election, session));
    store.take_over().await.unwrap();
    ensemble.revoke(&member);
    for outcome in [
        store.write("late", b"late".to_vec()).await,
        store.delete("late").await,
        store.take_over().await,
    ] {
        assert!(matches!(outcome, Err(StoreError::Deposed { .. })), "{outcome:?}");
    }
    assert_eq!(store.names().await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn a_place_that_cannot_be_used_is_told_with_its_setting() {
    let place = Place {
        key: "high-availability.storageDir",
        path: "s3://bucket/ha".to_owned(),
        below: String::new(),
        public: false,
    };
    let error = StoreDirectory::open(&place, &FileSystems::local_only()).unwrap_err();
    let told = selvedge_runtime::connector::report(&error);
    assert!(
        told.contains("high-availability.storageDir") && told.contains("'s3'"),
        "{told}"
    );
}
