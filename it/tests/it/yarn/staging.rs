//! What the client puts into HDFS for the containers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use selvedge_it::bed::{Bed, BedOptions};

use super::support::{Cluster, STAGING, application_of, files_in};
use crate::folder::{Folder, files_below};
use crate::jobs::{blackhole, job, numbers, vertex};

fn small(folder: &Folder, rows: Option<u64>) -> PathBuf {
    folder.job(&job(
        &[vertex("all", &[numbers("make", rows, None), blackhole("drop")])],
        &[],
    ))
}

/// The archives that stay for the next job, with what HDFS knows of them.
async fn archives(cluster: &Cluster, below: &str) -> BTreeMap<String, (u64, u64, String)> {
    let hdfs = cluster.hdfs();
    let mut archives = BTreeMap::new();
    for path in files_in(&hdfs, below).await {
        let status = hdfs.status(&path).await.unwrap();
        if let Some(status) = status.filter(|status| status.kind == "FILE" && !path.contains("/application_")) {
            archives.insert(path, (status.length, status.modification_time, status.permission));
        }
    }
    archives
}

#[tokio::test]
async fn the_binary_is_staged_once_under_its_content_hash_and_used_again() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let job = small(&folder, Some(10));
    cluster.run(1).arg(&job).run().await.ended_with(0);
    let first = archives(&cluster, STAGING).await;
    assert!(!first.is_empty());
    for path in first.keys() {
        let holds_a_hash = path
            .split(['/', '-', '.', '_'])
            .any(|piece| piece.len() >= 32 && piece.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert!(holds_a_hash, "{path}");
    }
    cluster.run(1).arg(&job).run().await.ended_with(0);
    assert_eq!(archives(&cluster, STAGING).await, first);
}

#[tokio::test]
async fn files_are_staged_with_the_same_modes_under_any_umask() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let job = small(&folder, Some(10));
    let mut modes = Vec::new();
    for umask in ["022", "027", "077"] {
        let staging = format!("/user/alice/umask-{umask}");
        cluster.hdfs().delete(&staging).await.unwrap();
        cluster.hdfs().mkdir(&staging, "755").await.unwrap();
        let setting = format!("-Dyarn.staging-directory={}{staging}", cluster.bed.hdfs_uri());
        let outcome = cluster
            .run(1)
            .arg(setting)
            .arg(&job)
            .umask(umask)
            .run()
            .await
            .ended_with(0);
        let staged = archives(&cluster, &staging).await;
        assert_eq!(staged.len(), 1, "{staged:?} {}", outcome.said());
        modes.extend(staged.into_values().map(|(_, _, mode)| mode));
        cluster.hdfs().delete(&staging).await.unwrap();
    }
    assert_eq!(modes[0], modes[1]);
    assert_eq!(modes[0], modes[2]);
}

#[tokio::test]
async fn the_staging_directory_of_an_application_is_the_users_alone_and_goes_with_it() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let mut running = cluster.run(1).arg(small(&folder, None)).start();
    let application = application_of(&mut running).await;
    cluster.running_job(&application).await;
    let directory = cluster
        .hdfs()
        .status(&format!("{STAGING}/{application}"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (directory.owner.as_str(), directory.permission.as_str()),
        ("alice", "700")
    );
    running.interrupt();
    running.ended_within(selvedge_it::cli::BOUND).await.ended_with(130);
    cluster.ended(&application).await;
    cluster.assert_nothing_left(&application).await;
}

#[tokio::test]
async fn an_archive_that_is_not_what_its_name_says_is_refused_and_no_application_is_made() {
    let cluster = Cluster::shared().await;
    let folder = Folder::new();
    let job = small(&folder, Some(10));
    cluster.run(1).arg(&job).run().await.ended_with(0);
    let (archive, _) = archives(&cluster, STAGING).await.pop_first().unwrap();
    cluster.hdfs().put(&archive, "half an upload").await.unwrap();
    let before = cluster.traces().await;
    let outcome = cluster.run(1).arg(&job).run().await.ended_with(5);
    outcome
        .assert_says(&[&archive, "14 bytes", "remove it"])
        .assert_no_stack();
    assert_eq!(cluster.traces().await, before);
    cluster.hdfs().delete(&archive).await.unwrap();
    cluster.run(1).arg(&job).run().await.ended_with(0);
}

/// The places on the nodes' disks where the archive was unpacked for all users, and for one.
fn unpacked(cluster: &Cluster) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let nodes = cluster.bed.node_managers().iter();
    let below = |folder: PathBuf| {
        let files = files_below(&folder).into_iter();
        files.filter(|file| file.ends_with("selvedge") && file.to_string_lossy().contains(".tar.gz/"))
    };
    let (public, private): (Vec<_>, Vec<_>) = nodes
        .map(|node| {
            let public: Vec<_> = below(node.local_dir.join("filecache")).collect();
            let private: Vec<_> = below(node.local_dir.join("usercache")).collect();
            (public, private)
        })
        .unzip();
    (public.concat(), private.concat())
}

#[tokio::test]
async fn below_directories_that_only_their_owner_may_write_to_the_archive_is_one_for_all_users() {
    // A bed of its own: on a node that has unpacked the archive before, nothing would be seen.
    let cluster = Cluster::of(Bed::start(BedOptions::default()).await.unwrap()).await;
    let folder = Folder::new();
    let superuser = cluster.bed.hdfs_as(cluster.bed.daemon_user()).unwrap();
    for (directory, owner) in [("/shared", "alice"), ("/user/bob", "bob")] {
        superuser.mkdir(directory, "755").await.unwrap();
        superuser.set_owner(directory, owner).await.unwrap();
    }
    let job = small(&folder, Some(10));
    let hdfs = cluster.bed.hdfs_uri();

    let staging = format!("-Dyarn.staging-directory={hdfs}/shared");
    let alices = cluster.run(1).arg(staging).arg(&job).run().await.ended_with(0);
    alices
        .assert_says(&["staging the binary"])
        .assert_does_not_say(&["PRIVATE"]);
    let staged = archives(&cluster, "/shared/.selvedge").await;
    assert_eq!(staged.len(), 1, "{staged:?}");

    let provided = format!("-Dyarn.provided.lib.dirs={hdfs}/shared/.selvedge/archives");
    let bobs = cluster.run(1).env("HADOOP_USER_NAME", "bob").arg(provided).arg(&job);
    let bobs = bobs.run().await.ended_with(0);
    bobs.assert_does_not_say(&["staging the binary", "PRIVATE"]);
    assert_eq!(archives(&cluster, "/shared/.selvedge").await, staged);
    assert_eq!(archives(&cluster, "/user/bob/.selvedge").await, BTreeMap::new());

    let (public, private) = unpacked(&cluster);
    let nodes = cluster.bed.node_managers().len();
    assert!((1..=nodes).contains(&public.len()), "once on a node: {public:?}");
    assert_eq!(private, Vec::<PathBuf>::new());
}
