use std::fs;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use async_trait::async_trait;
use selvedge_runtime::deployment::DIST_DIRECTORY;
use selvedge_runtime::fs::LocalFileSystem;

use super::*;

const ALICE: &str = "alice";

/// The local disk, where everything belongs to alice.
#[derive(Debug)]
struct AlicesDisk;

#[async_trait]
impl FileSystem for AlicesDisk {
    async fn status(&self, location: &Location) -> Result<FileStatus, FsError> {
        let status = LocalFileSystem.status(location).await?;
        let owner = Some(ALICE.to_owned());
        Ok(FileStatus { owner, ..status })
    }

    async fn list(&self, directory: &Location) -> Result<Vec<FileStatus>, FsError> {
        LocalFileSystem.list(directory).await
    }

    async fn read(&self, file: &Location, range: Range<u64>) -> Result<Bytes, FsError> {
        LocalFileSystem.read(file, range).await
    }

    async fn create(&self, file: &Location, options: CreateOptions) -> Result<Box<dyn FileWriter>, FsError> {
        LocalFileSystem.create(file, options).await
    }

    async fn rename(&self, from: &Location, to: &Location) -> Result<(), FsError> {
        LocalFileSystem.rename(from, to).await
    }

    async fn delete(&self, location: &Location) -> Result<bool, FsError> {
        LocalFileSystem.delete(location).await
    }

    async fn mkdirs(&self, directory: &Location, options: CreateOptions) -> Result<(), FsError> {
        LocalFileSystem.mkdirs(directory, options).await
    }
}

struct Bed {
    directory: tempfile::TempDir,
    staging: Staging,
    binary: PathBuf,
}

fn bed() -> Bed {
    let directory = tempfile::tempdir().unwrap();
    let home = Location::local(&directory.path().join("home"));
    fs::create_dir(directory.path().join("home")).unwrap();
    let binary = directory.path().join("binary");
    fs::write(&binary, directory.path().display().to_string()).unwrap();
    let staging = Staging {
        file_system: Arc::new(AlicesDisk),
        home,
        replication: None,
        user: ALICE.to_owned(),
        superusers: "supergroup".to_owned(),
        cache: Some(directory.path().join("cache")),
    };
    Bed {
        directory,
        staging,
        binary,
    }
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

async fn stage_archive(bed: &Bed, provided: &[Location]) -> (Result<ShippedFile, YarnError>, Vec<String>) {
    let mut notes = Vec::new();
    let provided = provided.iter().cloned().map(|directory| Provided {
        file_system: Arc::new(AlicesDisk),
        directory,
    });
    let provided: Vec<_> = provided.collect();
    let staged = bed.staging.look(&bed.binary).await;
    if let Err(error) = bed.staging.prepare(staged.as_ref()).await {
        return (Err(error), notes);
    }
    let shipped = bed
        .staging
        .archive(&bed.binary, &provided, staged, &mut |line| notes.push(line.to_owned()))
        .await;
    (shipped, notes)
}

#[tokio::test]
async fn an_archive_is_staged_once_with_explicit_modes() {
    let bed = bed();
    let (first, notes) = stage_archive(&bed, &[]).await;
    let first = first.unwrap();
    assert!(notes[0].contains("staging the binary"), "{notes:?}");
    let (second, notes) = stage_archive(&bed, &[]).await;
    assert_eq!(second.unwrap(), first);
    assert!(
        !notes.iter().any(|note| note.contains("staging the binary")),
        "{notes:?}"
    );
    let archives = bed.directory.path().join("home/.selvedge/archives");
    let staged: Vec<_> = fs::read_dir(&archives)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(staged.len(), 1, "{staged:?}");
    assert_eq!(mode_of(&archives), OPEN_DIRECTORY);
    assert_eq!(mode_of(&staged[0]), OPEN_FILE);
    assert_eq!(fs::metadata(&staged[0]).unwrap().len(), first.size);
    assert!(first.archive && first.key == DIST_DIRECTORY);
}

#[tokio::test]
async fn what_was_staged_is_found_where_all_of_it_is_there_and_made_where_it_is_not() {
    let bed = bed();
    assert!(bed.staging.look(&bed.binary).await.is_none());
    let first = stage_archive(&bed, &[]).await.0.unwrap();
    let found = bed.staging.look(&bed.binary).await.unwrap();
    assert_eq!(found.archive.location.to_string(), first.url);
    fs::remove_dir_all(bed.directory.path().join("cache")).unwrap();
    assert!(bed.staging.look(&bed.binary).await.is_none());
    assert_eq!(stage_archive(&bed, &[]).await.0.unwrap(), first);
    fs::remove_file(Path::new(found.archive.location.path())).unwrap();
    assert!(bed.staging.look(&bed.binary).await.is_none());
    let again = stage_archive(&bed, &[]).await.0.unwrap();
    assert_eq!((again.url, again.size), (first.url, first.size));
}

#[tokio::test]
async fn an_archive_of_the_wrong_size_is_refused() {
    let bed = bed();
    stage_archive(&bed, &[]).await.0.unwrap();
    let archives = bed.directory.path().join("home/.selvedge/archives");
    let staged = fs::read_dir(&archives).unwrap().next().unwrap().unwrap().path();
    fs::write(&staged, "planted").unwrap();
    let message = stage_archive(&bed, &[]).await.0.unwrap_err().to_string();
    assert!(message.contains("has 7 bytes"), "{message}");
}

#[tokio::test]
async fn an_archive_that_others_may_change_is_refused() {
    let bed = bed();
    stage_archive(&bed, &[]).await.0.unwrap();
    let archives = bed.directory.path().join("home/.selvedge/archives");
    let staged = fs::read_dir(&archives).unwrap().next().unwrap().unwrap().path();
    fs::set_permissions(&staged, fs::Permissions::from_mode(0o666)).unwrap();
    let message = stage_archive(&bed, &[]).await.0.unwrap_err().to_string();
    assert!(
        message.contains("everybody may write to") && message.contains("(mode 666)"),
        "{message}"
    );
}

#[tokio::test]
async fn a_directory_of_another_user_or_one_open_to_all_is_refused() {
    let mut bed = bed();
    stage_archive(&bed, &[]).await.0.unwrap();
    let home = bed.directory.path().join("home");
    fs::set_permissions(&home, fs::Permissions::from_mode(0o777)).unwrap();
    let message = stage_archive(&bed, &[]).await.0.unwrap_err().to_string();
    assert!(message.contains("another user could plant a binary"), "{message}");
    bed.staging.user = "somebody-else".to_owned();
    let message = stage_archive(&bed, &[]).await.0.unwrap_err().to_string();
    assert!(message.contains("belongs to alice, not to somebody-else"), "{message}");
}

#[tokio::test]
async fn a_provided_archive_is_used_and_a_missing_one_is_told() {
    let bed = bed();
    let provided = bed.directory.path().join("provided");
    fs::create_dir(&provided).unwrap();
    let provided = Location::local(&provided);
    let (staged, notes) = stage_archive(&bed, std::slice::from_ref(&provided)).await;
    let staged = staged.unwrap();
    assert!(notes[0].contains("yarn.provided.lib.dirs"), "{notes:?}");
    let file = Path::new(staged.url.strip_prefix("file://").unwrap());
    fs::copy(file, Path::new(provided.path()).join(file.file_name().unwrap())).unwrap();
    let (used, _) = stage_archive(&bed, std::slice::from_ref(&provided)).await;
    assert!(used.unwrap().url.starts_with(&provided.to_string()));
}

#[tokio::test]
async fn the_applications_files_are_its_users_only_and_go_with_it() {
    let bed = bed();
    bed.staging.prepare(None).await.unwrap();
    let directory = bed.staging.application_directory("application_1_0001");
    bed.staging.make_application_directory(&directory).await.unwrap();
    let shipped = bed
        .staging
        .write(&directory, "config.yaml", "a: 1\n".to_owned())
        .await
        .unwrap();
    let file = Path::new(directory.path()).join("config.yaml");
    assert_eq!(mode_of(Path::new(directory.path())), CLOSED_DIRECTORY);
    assert_eq!(mode_of(&file), CLOSED_FILE);
    assert_eq!((shipped.size, shipped.key.as_str()), (5, "config.yaml"));
    let modified = fs::metadata(&file).unwrap().modified().unwrap();
    let millis = modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    assert_eq!(i128::from(shipped.modification_time), millis as i128);
    bed.staging.delete(&directory).await.unwrap();
    assert!(!file.exists());
    bed.staging.delete(&directory).await.unwrap();
}

#[test]
fn a_local_staging_directory_is_refused() {
    let error = Staging::new(&Configuration::new(), &FileSystems::local_only(), ALICE, "supergroup").unwrap_err();
    assert!(error.to_string().contains("set fs.defaultFS"), "{error}");
}
