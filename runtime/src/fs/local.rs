//! The local disk.

use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, PermissionsExt};
use std::path::Path;

use async_trait::async_trait;
use bytes::Bytes;
use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;
use tokio::io::AsyncWriteExt;

use super::{CreateOptions, FileStatus, FileSystem, FileWriter, FsError, FsErrorKind, Location};
use crate::clock::Timestamp;

/// The disk of this machine. Symbolic links are followed, but for deletion.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalFileSystem;

#[async_trait]
impl FileSystem for LocalFileSystem {
    async fn status(&self, location: &Location) -> Result<FileStatus, FsError> {
        let metadata = tokio::fs::metadata(location.path())
            .await
            .map_err(|error| failed("read the status of", location, &error))?;
        Ok(status_of(location.clone(), &metadata))
    }

    async fn list(&self, directory: &Location) -> Result<Vec<FileStatus>, FsError> {
        let fail = |error: io::Error| failed("list", directory, &error);
        let mut entries = tokio::fs::read_dir(directory.path()).await.map_err(fail)?;
        let mut children = Vec::new();
        while let Some(entry) = entries.next_entry().await.map_err(fail)? {
            let name = entry.file_name().into_string().map_err(|name| FsError {
                operation: "list",
                location: directory.clone(),
                kind: FsErrorKind::Other(format!("the name {name:?} is not UTF-8; rename it")),
            })?;
            match tokio::fs::metadata(entry.path()).await {
                Ok(metadata) => children.push(status_of(directory.join(&name), &metadata)),
                // Deleted since, or a link to nothing.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(fail(error)),
            }
        }
        children.sort_by(|left, right| left.location.cmp(&right.location));
        Ok(children)
    }

    async fn read(&self, file: &Location, range: Range<u64>) -> Result<Bytes, FsError> {
        let path = file.path().to_owned();
        // One hop to the blocking pool for the whole range instead of one for each buffer.
        let read = tokio::task::spawn_blocking(move || read_range(&path, range)).await;
        read.map_err(io::Error::other)
            .and_then(|result| result)
            .map_err(|error| failed("read", file, &error))
    }

    async fn create(&self, file: &Location, options: CreateOptions) -> Result<Box<dyn FileWriter>, FsError> {
        let fail = |error: io::Error| failed("create", file, &error);
        let handle = tokio::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(file.path())
            .await
            .map_err(fail)?;
        if let Some(mode) = options.mode {
            handle.set_permissions(permissions(mode)).await.map_err(fail)?;
        }
        Ok(Box::new(LocalWriter {
            location: file.clone(),
            handle: Some(handle),
        }))
    }

    async fn rename(&self, from: &Location, to: &Location) -> Result<(), FsError> {
        let (source, target) = (from.path().to_owned(), to.path().to_owned());
        let renamed = tokio::task::spawn_blocking(move || rename_exclusive(Path::new(&source), Path::new(&target)));
        let renamed = renamed.await.map_err(io::Error::other).and_then(|result| result);
        renamed.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => failed("rename to", to, &error),
            _ => failed("rename", from, &error),
        })
    }

    async fn delete(&self, location: &Location) -> Result<bool, FsError> {
        let removed = match tokio::fs::symlink_metadata(location.path()).await {
            Ok(metadata) if metadata.is_dir() => tokio::fs::remove_dir_all(location.path()).await,
            Ok(_) => tokio::fs::remove_file(location.path()).await,
            Err(error) => Err(error),
        };
        match removed {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(failed("delete", location, &error)),
        }
    }

    async fn sync_directory(&self, directory: &Location) -> Result<(), FsError> {
        let synced = async { tokio::fs::File::open(directory.path()).await?.sync_all().await };
        synced.await.map_err(|error| failed("sync", directory, &error))
    }

    async fn mkdirs(&self, directory: &Location, options: CreateOptions) -> Result<(), FsError> {
        let path = directory.path().to_owned();
        let made = tokio::task::spawn_blocking(move || make_directories(Path::new(&path), options.mode)).await;
        made.map_err(io::Error::other)
            .and_then(|result| result)
            .map_err(|error| failed("make the directory", directory, &error))
    }
}

#[derive(Debug)]
struct LocalWriter {
    location: Location,
    /// `None` once it is closed.
    handle: Option<tokio::fs::File>,
}

#[async_trait]
impl FileWriter for LocalWriter {
    async fn write(&mut self, data: Bytes) -> Result<(), FsError> {
        let written = match &mut self.handle {
            Some(handle) => handle.write_all(&data).await,
            None => Err(io::Error::other("it is closed already")),
        };
        written.map_err(|error| failed("write", &self.location, &error))
    }

    async fn close(&mut self) -> Result<(), FsError> {
        let Some(mut handle) = self.handle.take() else {
            return Ok(());
        };
        let closed = async {
            handle.flush().await?;
            handle.sync_all().await?;
            // The entry in the directory has to outlive a crash too.
            match self.location.parent() {
                Some(parent) => tokio::fs::File::open(parent.path()).await?.sync_all().await,
                None => Ok(()),
            }
        };
        closed.await.map_err(|error| failed("close", &self.location, &error))
    }
}

fn read_range(path: &str, range: Range<u64>) -> io::Result<Bytes> {
    let file = std::fs::File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    let wanted = range.end.min(metadata.len()).saturating_sub(range.start);
    let mut buffer = vec![0; usize::try_from(wanted).map_err(io::Error::other)?];
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], range.start + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(filled);
    Ok(buffer.into())
}

fn rename_exclusive(from: &Path, to: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some file systems do not know the flag: network mounts, old overlays.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => rename_without_the_flag(from, to),
        other => Ok(other?),
    }
}

/// A second link fails where the target exists, so that two renames cannot both win. Directories have no second link:
/// for them the target is looked at first.
fn rename_without_the_flag(from: &Path, to: &Path) -> io::Result<()> {
    if !std::fs::symlink_metadata(from)?.is_dir() {
        std::fs::hard_link(from, to)?;
        return std::fs::remove_file(from);
    }
    match std::fs::symlink_metadata(to) {
        Ok(_) => Err(ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == ErrorKind::NotFound => std::fs::rename(from, to),
        Err(error) => Err(error),
    }
}

/// The mode is set on the last directory only, and only where it was made here: one that exists belongs to somebody.
fn make_directories(path: &Path, mode: Option<u32>) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    // Never wider than asked for, not even until the permissions are set.
    match std::fs::DirBuilder::new().mode(mode.unwrap_or(0o777)).create(path) {
        Ok(()) => mode.map_or(Ok(()), |mode| std::fs::set_permissions(path, permissions(mode))),
        Err(_) if path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

fn permissions(mode: u32) -> std::fs::Permissions {
    std::fs::Permissions::from_mode(mode)
}

fn status_of(location: Location, metadata: &std::fs::Metadata) -> FileStatus {
    let millis = metadata
        .mtime()
        .saturating_mul(1000)
        .saturating_add(metadata.mtime_nsec() / 1_000_000);
    FileStatus {
        location,
        len: if metadata.is_dir() { 0 } else { metadata.len() },
        is_dir: metadata.is_dir(),
        modified: Timestamp::from_millis(u64::try_from(millis).unwrap_or(0)),
        owner: None,
        group: None,
        mode: metadata.mode() & 0o7777,
    }
}

fn failed(operation: &'static str, location: &Location, error: &io::Error) -> FsError {
    let kind = match error.kind() {
        ErrorKind::NotFound => FsErrorKind::NotFound,
        ErrorKind::AlreadyExists => FsErrorKind::AlreadyExists,
        ErrorKind::NotADirectory => FsErrorKind::NotADirectory,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => FsErrorKind::PermissionDenied(error.to_string()),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => FsErrorKind::NoSpace(error.to_string()),
        ErrorKind::FileTooLarge => FsErrorKind::NoSpace(format!("the limit on file sizes, ulimit -f: {error}")),
        _ => FsErrorKind::Other(error.to_string()),
    };
    FsError {
        operation,
        location: location.clone(),
        kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch() -> (tempfile::TempDir, Location) {
        let directory = tempfile::tempdir().unwrap();
        let location = Location::local(directory.path());
        (directory, location)
    }

    async fn write(location: &Location, text: &'static str, mode: Option<u32>) -> Result<(), FsError> {
        let options = CreateOptions {
            mode,
            ..CreateOptions::default()
        };
        let mut writer = LocalFileSystem.create(location, options).await?;
        writer.write(Bytes::from_static(text.as_bytes())).await?;
        writer.close().await
    }

    #[tokio::test]
    async fn a_file_is_written_once_and_read_by_range() {
        let (_guard, root) = scratch();
        let file = root.join("a.txt");
        write(&file, "hello world", Some(0o666)).await.unwrap();
        let status = LocalFileSystem.status(&file).await.unwrap();
        assert_eq!((status.len, status.mode, status.is_dir), (11, 0o666, false));
        assert_eq!(LocalFileSystem.read(&file, 6..8).await.unwrap(), "wo");
        assert_eq!(LocalFileSystem.read(&file, 6..99).await.unwrap(), "world");
        assert!(LocalFileSystem.read(&file, 50..99).await.unwrap().is_empty());
        let again = write(&file, "x", None).await.unwrap_err();
        assert!(matches!(again.kind, FsErrorKind::AlreadyExists), "{again}");
    }

    #[tokio::test]
    async fn a_rename_never_overwrites() {
        let (_guard, root) = scratch();
        let (from, to) = (root.join("from"), root.join("to"));
        write(&from, "new", None).await.unwrap();
        write(&to, "old", None).await.unwrap();
        let error = LocalFileSystem.rename(&from, &to).await.unwrap_err();
        assert!(error.to_string().contains("to: it exists already"), "{error}");
        assert_eq!(LocalFileSystem.read(&to, 0..9).await.unwrap(), "old");
        assert!(LocalFileSystem.delete(&to).await.unwrap());
        LocalFileSystem.rename(&from, &to).await.unwrap();
        assert_eq!(LocalFileSystem.read(&to, 0..9).await.unwrap(), "new");
        let missing = LocalFileSystem.rename(&from, &root.join("x")).await.unwrap_err();
        assert!(matches!(missing.kind, FsErrorKind::NotFound), "{missing}");
    }

    #[test]
    fn without_the_flag_a_rename_does_not_overwrite_either() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("a"), "a").unwrap();
        std::fs::write(path("b"), "b").unwrap();
        std::fs::create_dir(path("d")).unwrap();
        std::fs::create_dir(path("e")).unwrap();
        for (from, to) in [("a", "b"), ("d", "e"), ("d", "b")] {
            let error = rename_without_the_flag(&path(from), &path(to)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{from} to {to}");
        }
        rename_without_the_flag(&path("a"), &path("c")).unwrap();
        rename_without_the_flag(&path("d"), &path("f")).unwrap();
        assert!(!path("a").exists() && path("f").is_dir());
        assert_eq!(std::fs::read_to_string(path("c")).unwrap(), "a");
    }

    #[tokio::test]
    async fn directories_are_made_listed_in_order_and_deleted_whole() {
        let (_guard, root) = scratch();
        let deep = root.join("x/y");
        let options = CreateOptions {
            mode: Some(0o700),
            ..CreateOptions::default()
        };
        LocalFileSystem.mkdirs(&deep, options).await.unwrap();
        LocalFileSystem.mkdirs(&deep, CreateOptions::default()).await.unwrap();
        assert_eq!(LocalFileSystem.status(&deep).await.unwrap().mode, 0o700);
        write(&deep.join("b"), "", None).await.unwrap();
        write(&deep.join("a"), "", None).await.unwrap();
        let children = LocalFileSystem.list(&deep).await.unwrap();
        let names: Vec<_> = children.iter().map(|child| child.location.name()).collect();
        assert_eq!(names, ["a", "b"]);
        let not_a_directory = LocalFileSystem.list(&deep.join("a")).await.unwrap_err();
        assert!(matches!(not_a_directory.kind, FsErrorKind::NotADirectory));
        assert!(LocalFileSystem.delete(&root.join("x")).await.unwrap());
        assert!(!LocalFileSystem.delete(&root.join("x")).await.unwrap());
    }

    #[tokio::test]
    async fn a_full_disk_is_told_with_the_file_and_what_to_do() {
        let full = tokio::fs::OpenOptions::new().write(true).open("/dev/full").await;
        let mut writer = LocalWriter {
            location: Location::local(Path::new("/data/out/part-0.csv")),
            handle: Some(full.unwrap()),
        };
        // The first write may be taken by a buffer.
        let written = async {
            writer.write(Bytes::from_static(b"record")).await?;
            writer.close().await
        };
        let error = written.await.unwrap_err();
        assert!(matches!(error.kind, FsErrorKind::NoSpace(_)), "{error}");
        let told = error.to_string();
        assert!(
            told.contains("file:///data/out/part-0.csv: no space left") && told.contains("make room"),
            "{told}"
        );
    }

    #[tokio::test]
    async fn a_missing_parent_and_a_closed_writer_are_errors() {
        let (_guard, root) = scratch();
        let error = write(&root.join("no/such"), "", None).await.unwrap_err();
        assert!(matches!(error.kind, FsErrorKind::NotFound), "{error}");
        let mut writer = LocalFileSystem
            .create(&root.join("f"), CreateOptions::default())
            .await
            .unwrap();
        writer.close().await.unwrap();
        writer.close().await.unwrap();
        let error = writer.write(Bytes::from_static(b"late")).await.unwrap_err();
        assert!(error.to_string().contains("closed"), "{error}");
    }
}
