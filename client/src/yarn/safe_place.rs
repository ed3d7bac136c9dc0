//! Whether a place on a shared file system is one where only the right people can put a binary.
//!
//! The owner of a directory above the archive is trusted: that is the user, or an administrator who made it. Others who may
//! write there are not, be it everybody or a group: they could put another binary in its place, which would then run with
//! the user's rights. Only the group of HDFS's superusers does not count: its members may write everywhere anyway.

use futures::future::try_join_all;
use selvedge_runtime::deployment::Visibility;
use selvedge_runtime::fs::{FileStatus, FileSystem, FsError, Location};

const STICKY: u32 = 0o1000;
const GROUP_WRITE: u32 = 0o020;
const OTHERS_READ: u32 = 0o004;
const OTHERS_WRITE: u32 = 0o002;
const OTHERS_SEARCH: u32 = 0o001;

/// The directories above a file, from the nearest to the root, all asked for at once.
pub(super) async fn parents(file_system: &dyn FileSystem, file: &Location) -> Result<Vec<FileStatus>, FsError> {
    let above = std::iter::successors(file.parent(), Location::parent);
    try_join_all(above.map(|directory| async move { file_system.status(&directory).await })).await
}

/// Who, besides the owner, may write to this; `None` where nobody may.
fn writers(status: &FileStatus, superusers: &str) -> Option<String> {
    if status.mode & OTHERS_WRITE != 0 {
        return Some("everybody".to_owned());
    }
    if status.mode & GROUP_WRITE == 0 {
        return None;
    }
    match &status.group {
        Some(group) if group == superusers => None,
        Some(group) => Some(format!("the group {group}")),
        None => Some("its group".to_owned()),
    }
}

/// Why another user could replace what lies below these directories; `None` where nobody can. In a sticky directory, others
/// may add but not replace.
pub(super) fn plantable(parents: &[FileStatus], superusers: &str) -> Option<String> {
    parents
        .iter()
        .filter(|directory| directory.mode & STICKY == 0)
        .find_map(|directory| {
            let writers = writers(directory, superusers)?;
            Some(format!(
                "{writers} may write to {} (mode {:o}), so another user could plant a binary there: take that right away \
                 (chmod go-w), or set yarn.staging-directory to a directory of your own",
                directory.location, directory.mode
            ))
        })
}

/// Why this archive may not be what its name says, though nobody can replace it: others may change it, or it lies where
/// others may put files and is not the user's. `None` where all is well.
pub(super) fn tampered(file: &FileStatus, parents: &[FileStatus], user: &str, superusers: &str) -> Option<String> {
    if let Some(writers) = writers(file, superusers) {
        return Some(format!(
            "{writers} may write to {} (mode {:o}): remove it, or take that right away (chmod 644) if you trust its content",
            file.location, file.mode
        ));
    }
    let owner = file.owner.as_deref().unwrap_or(user);
    let directory = parents.first().filter(|_| owner != user)?;
    let writers = writers(directory, superusers)?;
    Some(format!(
        "{} belongs to {owner}, and {writers} may put files into its directory (mode {:o}): have the directory's owner \
         copy it there, and take that right away (chmod go-w)",
        file.location, directory.mode
    ))
}

/// PUBLIC where everybody may read the file, search its parents and nobody else can write there; otherwise PRIVATE with
/// the reason.
pub(super) fn visibility(file: &FileStatus, parents: &[FileStatus], superusers: &str) -> (Visibility, Option<String>) {
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
        parents.iter().find_map(|open| {
            let writers = writers(open, superusers)?;
            Some(format!(
                "{writers} may write to {} (mode {:o})",
                open.location, open.mode
            ))
        })
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

    const SUPERUSERS: &str = "supergroup";

    fn status(path: &str, mode: u32) -> FileStatus {
        FileStatus {
            location: Location::root("hdfs", "nn:8020").with_path(path),
            len: 1,
            is_dir: mode & 0o111 != 0,
            modified: Timestamp::from_millis(0),
            owner: Some("alice".to_owned()),
            group: Some("users".to_owned()),
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
            (
                0o644,
                vec![0o755, 0o775],
                Visibility::Private,
                "the group users may write",
            ),
        ];
        for (mode, parents, expected, reason) in cases {
            let file = FileStatus { mode, ..open.clone() };
            let parents: Vec<_> = parents.into_iter().map(|mode| status("/user/a", mode)).collect();
            let (found, why) = visibility(&file, &parents, SUPERUSERS);
            assert_eq!(found, expected, "{mode:o}");
            assert!(why.unwrap_or_default().contains(reason), "{mode:o}");
        }
    }

    #[test]
    fn a_directory_that_others_may_write_to_is_unsafe_unless_sticky() {
        let plantable = |parents: &[FileStatus]| plantable(parents, SUPERUSERS);
        assert_eq!(plantable(&[status("/user/a", 0o755), status("/tmp", 0o1777)]), None);
        let reason = plantable(&[status("/user/a", 0o755), status("/user", 0o777)]).unwrap();
        assert!(
            reason.contains("everybody may write to hdfs://nn:8020/user (mode 777)"),
            "{reason}"
        );
        let of_group = status("/user/a", 0o770);
        let reason = plantable(std::slice::from_ref(&of_group)).unwrap();
        assert!(
            reason.contains("the group users may write to hdfs://nn:8020/user/a (mode 770)"),
            "{reason}"
        );
        let of_superusers = FileStatus {
            group: Some(SUPERUSERS.to_owned()),
            ..of_group
        };
        assert_eq!(plantable(&[of_superusers]), None, "they may write everywhere");
    }

    #[test]
    fn an_archive_that_others_may_have_put_there_or_may_change_is_not_used() {
        let file = |owner: &str, mode| FileStatus {
            owner: Some(owner.to_owned()),
            ..status("/shared/x", mode)
        };
        let tampered =
            |file: FileStatus, directory| tampered(&file, &[status("/shared", directory)], "alice", SUPERUSERS);
        assert_eq!(tampered(file("hdfs", 0o644), 0o755), None);
        assert_eq!(tampered(file("alice", 0o644), 0o1777), None);
        let reason = tampered(file("mallory", 0o644), 0o1777).unwrap();
        assert!(reason.contains("belongs to mallory, and everybody may put"), "{reason}");
        let reason = tampered(file("alice", 0o664), 0o755).unwrap();
        assert!(
            reason.contains("the group users may write to hdfs://nn:8020/shared/x (mode 664)"),
            "{reason}"
        );
    }
}
