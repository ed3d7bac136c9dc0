//! Whether a place on a shared file system is one where only the right people can put a binary.

use selvedge_runtime::deployment::Visibility;
use selvedge_runtime::fs::{FileStatus, FileSystem, FsError, Location};

const STICKY: u32 = 0o1000;
const OTHERS_READ: u32 = 0o004;
const OTHERS_WRITE: u32 = 0o002;
const OTHERS_SEARCH: u32 = 0o001;

/// The directories above a file, from the nearest to the root.
pub(super) async fn parents(file_system: &dyn FileSystem, file: &Location) -> Result<Vec<FileStatus>, FsError> {
    let mut parents = Vec::new();
    let mut next = file.parent();
    while let Some(directory) = next {
        parents.push(file_system.status(&directory).await?);
        next = directory.parent();
    }
    Ok(parents)
}

/// Why another user could replace what lies below these directories; `None` where nobody can.
pub(super) fn plantable(parents: &[FileStatus]) -> Option<String> {
    let writable = |directory: &&FileStatus| directory.mode & OTHERS_WRITE != 0 && directory.mode & STICKY == 0;
    parents.iter().find(writable).map(|directory| {
        format!(
            "everybody may write to {} (mode {:o}), so another user could plant a binary there: take that right away \
             (chmod o-w), or set yarn.staging-directory to a directory of your own",
            directory.location, directory.mode
        )
    })
}

/// PUBLIC where everybody may read the file, search its parents and nobody else can write there; otherwise PRIVATE with
/// the reason.
pub(super) fn visibility(file: &FileStatus, parents: &[FileStatus]) -> (Visibility, Option<String>) {
    let reason = if file.mode & OTHERS_READ == 0 {
        Some(format!(
            "{} is not readable by everybody (mode {:o})",
            file.location, file.mode
        ))
    } else if let Some(closed) = parents.iter().find(|directory| directory.mode & OTHERS_SEARCH == 0) {
        Some(format!(
            "{} is not searchable by everybody (mode {:o})",
            closed.location, closed.mode
        ))
    } else {
        parents
            .iter()
            .find(|directory| directory.mode & OTHERS_WRITE != 0)
            .map(|open| format!("everybody may write to {} (mode {:o})", open.location, open.mode))
    };
    match reason {
        None => (Visibility::Public, None),
        Some(reason) => (Visibility::Private, Some(reason)),
    }
}

#[cfg(test)]
mod tests {
    use selvedge_runtime::clock::Timestamp;

    use super::*;

    fn status(path: &str, mode: u32) -> FileStatus {
        FileStatus {
            location: Location::root("hdfs", "nn:8020").with_path(path),
            len: 1,
            is_dir: mode & 0o111 != 0,
            modified: Timestamp::from_millis(0),
            owner: Some("alice".to_owned()),
            mode,
        }
    }

    #[test]
    fn only_an_open_file_below_searchable_safe_parents_is_public() {
        let open = status("/user/a/x", 0o644);
        let cases = [
            (0o644, vec![0o755, 0o755], Visibility::Public, ""),
            (
                0o640,
                vec![0o755, 0o755],
                Visibility::Private,
                "not readable by everybody (mode 640)",
            ),
            (
                0o644,
                vec![0o755, 0o750],
                Visibility::Private,
                "not searchable by everybody (mode 750)",
            ),
            (0o644, vec![0o755, 0o1777], Visibility::Private, "everybody may write"),
        ];
        for (mode, parents, expected, reason) in cases {
            let file = FileStatus { mode, ..open.clone() };
            let parents: Vec<_> = parents.into_iter().map(|mode| status("/user/a", mode)).collect();
            let (found, why) = visibility(&file, &parents);
            assert_eq!(found, expected, "{mode:o}");
            assert!(why.unwrap_or_default().contains(reason), "{mode:o}");
        }
    }

    #[test]
    fn a_directory_that_everybody_may_write_to_is_unsafe_unless_sticky() {
        assert_eq!(plantable(&[status("/user/a", 0o755), status("/tmp", 0o1777)]), None);
        let reason = plantable(&[status("/user/a", 0o755), status("/user", 0o777)]).unwrap();
        assert!(reason.contains("hdfs://nn:8020/user (mode 777)"), "{reason}");
    }
}
