//! HDFS over HTTP, at its NameNode; what is the same through HttpFS is asked of that, too (`httpfs`).

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use selvedge_it::bed::Bed;
use sha2::{Digest, Sha256};
use yarn_rest::error::RestErrorKind;
use yarn_rest::model::FileKind;
use yarn_rest::webhdfs::{CreateOptions, TokenRequest, Upload, WebHdfs};

use super::rest::{configuration, transport, web_hdfs};

/// A directory of the test's own, with a name that a URL does not hold as it is.
async fn folder(bed: &Bed, hdfs: &WebHdfs, name: &str) -> String {
    let path = format!("/user/{}/toolkit {}+{name}%41é", bed.user(), std::process::id());
    hdfs.mkdirs(&path, Some(0o750)).await.unwrap();
    path
}

#[tokio::test]
async fn a_file_is_made_grown_read_moved_and_deleted() {
    let bed = Bed::shared().await.unwrap();
    a_file_lives_and_goes(bed, &web_hdfs(bed, bed.user())).await;
}

pub(super) async fn a_file_lives_and_goes(bed: &Bed, hdfs: &WebHdfs) {
    let folder = folder(bed, hdfs, "file").await;
    let status = hdfs.status(&folder).await.unwrap();
    assert_eq!((status.kind, status.mode()), (FileKind::Directory, Some(0o750)));
    assert_eq!(hdfs.home_directory().await.unwrap(), format!("/user/{}", bed.user()));

    let path = format!("{folder}/a b+c%d?e#f");
    let options = CreateOptions {
        mode: Some(0o640),
        replication: Some(1),
        block_size: Some(1024 * 1024),
        ..CreateOptions::default()
    };
    hdfs.create(&path, &options, "0123456789").await.unwrap();
    let twice = hdfs.create(&path, &options, "x").await.unwrap_err();
    assert!(twice.to_string().contains("FileAlreadyExistsException"), "{twice}");
    hdfs.append(&path, "abc").await.unwrap();
    let status = hdfs.status(&path).await.unwrap();
    assert_eq!(
        (status.kind, status.length, status.mode()),
        (FileKind::File, 13, Some(0o640))
    );
    assert_eq!(
        (status.owner.as_str(), status.block_size),
        (bed.user(), Some(1024 * 1024))
    );
    let read = async |offset, length| {
        let reader = hdfs.open(&path, offset, length).await.unwrap();
        reader.read_all(100).await.unwrap()
    };
    assert_eq!(read(0, None).await, "0123456789abc");
    assert_eq!(read(8, Some(3)).await, "89a");
    let reader = hdfs.open(&path, 0, None).await.unwrap();
    let too_long = reader.read_all(5).await.unwrap_err();
    assert!(
        matches!(too_long.kind(), RestErrorKind::InvalidRequest(_)),
        "{too_long}"
    );
    let checksum = hdfs.checksum(&path).await.unwrap();
    assert!(checksum.algorithm.starts_with("MD5-of-"), "{checksum:?}");

    let empty = format!("{folder}/empty");
    hdfs.create(&empty, &CreateOptions::default(), "").await.unwrap();
    assert_eq!(hdfs.open(&empty, 0, None).await.unwrap().read_all(1).await.unwrap(), "");
    let moved = format!("{folder}/moved");
    assert!(hdfs.rename(&path, &moved).await.unwrap());
    assert!(!hdfs.rename(&path, &moved).await.unwrap(), "it is gone");
    assert!(hdfs.status(&path).await.unwrap_err().is_not_found());
    assert!(hdfs.open(&path, 0, None).await.unwrap_err().is_not_found());
    let full = hdfs.delete(&folder, false).await.unwrap_err();
    assert!(full.to_string().contains("PathIsNotEmptyDirectoryException"), "{full}");
    assert!(hdfs.delete(&folder, true).await.unwrap());
    assert!(!hdfs.delete(&folder, true).await.unwrap());
}

#[tokio::test]
async fn names_and_attributes_are_set_and_told() {
    let bed = Bed::shared().await.unwrap();
    let (hdfs, superuser) = (web_hdfs(bed, bed.user()), web_hdfs(bed, bed.daemon_user()));
    names_and_attributes_are_as_set(bed, &hdfs, &superuser).await;
    assert_eq!(
        hdfs.delegation_token(&TokenRequest::default()).await.unwrap(),
        None,
        "a NameNode without Kerberos has none"
    );
}

pub(super) async fn names_and_attributes_are_as_set(bed: &Bed, hdfs: &WebHdfs, superuser: &WebHdfs) {
    let folder = folder(bed, hdfs, "names").await;
    let names: Vec<_> = (0..5).map(|number| format!("file {number}")).collect();
    for name in &names {
        hdfs.create(&format!("{folder}/{name}"), &CreateOptions::default(), "12345")
            .await
            .unwrap();
    }
    let named = |list: &[yarn_rest::model::FileStatus]| {
        list.iter().map(|status| status.path_suffix.clone()).collect::<Vec<_>>()
    };
    assert_eq!(named(&hdfs.list(&folder).await.unwrap()), names);
    let page = hdfs.list_page(&folder, Some("file 2")).await.unwrap();
    assert_eq!((named(&page.entries), page.remaining), (names[3..].to_vec(), 0));
    let all: Vec<_> = hdfs.list_all(&folder).try_collect().await.unwrap();
    assert_eq!(named(&all), names);
    let summary = hdfs.content_summary(&folder).await.unwrap();
    assert_eq!(
        (summary.file_count, summary.length, summary.quota),
        (Some(5), Some(25), None)
    );

    let file = format!("{folder}/file 0");
    hdfs.set_permission(&file, 0o604).await.unwrap();
    let times = (
        Duration::from_millis(1_700_000_000_123),
        Duration::from_millis(1_700_000_000_456),
    );
    hdfs.set_times(&file, Some(times.0), Some(times.1)).await.unwrap();
    assert!(hdfs.set_replication(&file, 2).await.unwrap());
    let status = hdfs.status(&file).await.unwrap();
    assert_eq!((status.mode(), status.replication), (Some(0o604), Some(2)));
    assert_eq!(
        (status.modification_time, status.access_time),
        (Some(1_700_000_000_123), Some(1_700_000_000_456))
    );
    let refused = hdfs.set_owner(&file, Some("bob"), None).await.unwrap_err();
    assert!(matches!(refused.kind(), RestErrorKind::Forbidden { .. }), "{refused}");
    superuser.set_owner(&file, Some("bob"), Some("staff")).await.unwrap();
    let status = superuser.status(&file).await.unwrap();
    assert_eq!((status.owner.as_str(), status.group.as_str()), ("bob", "staff"));
    assert!(superuser.delete(&folder, true).await.unwrap());
}

#[tokio::test]
async fn a_large_file_is_streamed_both_ways() {
    let bed = Bed::shared().await.unwrap();
    a_large_file_comes_back(bed, &web_hdfs(bed, bed.user())).await;
}

pub(super) async fn a_large_file_comes_back(bed: &Bed, hdfs: &WebHdfs) {
    const CHUNK: usize = 1024 * 1024;
    const CHUNKS: usize = 96;
    let folder = folder(bed, hdfs, "large").await;
    let path = format!("{folder}/large");
    let chunk = |number: usize| vec![u8::try_from(number % 251).unwrap(); CHUNK];
    let made = futures::stream::iter(0..CHUNKS).map(move |number| Ok::<_, std::io::Error>(chunk(number)));
    hdfs.create(&path, &CreateOptions::default(), Upload::stream(made))
        .await
        .unwrap();
    assert_eq!(hdfs.status(&path).await.unwrap().length, (CHUNK * CHUNKS) as u64);
    let mut expected = Sha256::new();
    (0..CHUNKS).for_each(|number| expected.update(vec![u8::try_from(number % 251).unwrap(); CHUNK]));
    let mut actual = Sha256::new();
    let mut reader = hdfs.open(&path, 0, None).await.unwrap();
    while let Some(bytes) = reader.next().await.unwrap() {
        actual.update(&bytes);
    }
    assert_eq!(actual.finalize(), expected.finalize());
    assert!(hdfs.delete(&folder, true).await.unwrap());
}

#[tokio::test]
async fn an_ipc_port_of_a_namenode_is_not_its_web_port() {
    let bed = Bed::shared().await.unwrap();
    let ipc = configuration(bed).default_fs().unwrap().replace("hdfs://", "http://");
    let builder = WebHdfs::builder().server(&ipc, None).unwrap();
    let hdfs = builder.transport(transport(bed.user())).build().unwrap();
    let error = hdfs.status("/").await.unwrap_err();
    assert!(matches!(error.kind(), RestErrorKind::IpcPort), "{error}");
    assert!(error.to_string().contains("dfs.namenode.http-address"), "{error}");
}
