//! From what a user wrote to the files it means: a file, a directory's files, or a glob's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use globset::{GlobBuilder, GlobMatcher};
use thiserror::Error;

use super::{FileStatus, FileSystem, FileSystems, FsError, FsErrorKind, Location, ParseLocationError};

/// A text that does not lead to files.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExpandError {
    /// It is no path.
    #[error(transparent)]
    Location(#[from] ParseLocationError),
    /// It is no glob.
    #[error(
        "'{text}' is not a glob: {source}; '*', '?', '[..]', '{{a,b}}' within a name and '**' for directories are known"
    )]
    Glob {
        /// What the user wrote.
        text: String,
        /// What is wrong with it.
        source: globset::Error,
    },
    /// The file system failed, or nothing is there.
    #[error(transparent)]
    FileSystem(#[from] FsError),
}

/// The files that a text means, sorted by path:
///
/// - a file: itself;
/// - a directory: its files, not those of directories below it;
/// - a glob: the files that match and the files of the directories that match. `*`, `?`, `[..]` and `{a,b}` match within a
///   name, `**` any number of directories; at the end `**` means every file below.
///
/// Names that start with `_` or `.` are left out, as in Hadoop's input formats, unless they are spelled out. A path or glob
/// to nothing is [`FsErrorKind::NotFound`]; a directory without files gives no files.
pub async fn expand(file_systems: &FileSystems, text: &str) -> Result<Vec<FileStatus>, ExpandError> {
    let location = file_systems.resolve(text)?;
    let file_system = file_systems.of(&location)?;
    let missing = match file_system.status(&location).await {
        Ok(status) => return Ok(files_of(file_system, status).await?),
        Err(error) => error,
    };
    // The literal name comes first, so that a file called `a[1].txt` can be read.
    if !has_wildcard(location.path()) || !is_absent(&missing) {
        return Err(missing.into());
    }
    let parts = parse_glob(location.path()).map_err(|source| ExpandError::Glob {
        text: text.to_owned(),
        source,
    })?;
    let found = walk(file_system, location.with_path("/"), &parts).await?;
    if found.is_empty() {
        return Err(missing.into());
    }
    let mut files = BTreeMap::new();
    for status in found.into_values() {
        for file in files_of(file_system, status).await? {
            files.insert(file.location.clone(), file);
        }
    }
    Ok(files.into_values().collect())
}

enum Part {
    Literal(String),
    Pattern(GlobMatcher),
    AnyDepth,
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

fn parse_glob(path: &str) -> Result<Vec<Part>, globset::Error> {
    let parts = path.split('/').filter(|part| !part.is_empty());
    parts
        .map(|part| match part {
            "**" => Ok(Part::AnyDepth),
            part if has_wildcard(part) => {
                let glob = GlobBuilder::new(part).literal_separator(true).build()?;
                Ok(Part::Pattern(glob.compile_matcher()))
            }
            part => Ok(Part::Literal(part.to_owned())),
        })
        .collect()
}

/// What matches, by location. Each pair of a directory and a place in the pattern is visited once.
async fn walk(
    file_system: &Arc<dyn FileSystem>,
    root: Location,
    parts: &[Part],
) -> Result<BTreeMap<Location, FileStatus>, FsError> {
    let mut found = BTreeMap::new();
    let mut visited = BTreeSet::new();
    let mut open = vec![(root, 0)];
    while let Some((directory, index)) = open.pop() {
        if !visited.insert((directory.clone(), index)) {
            continue;
        }
        let last = index + 1 == parts.len();
        match &parts[index] {
            Part::Literal(name) if last => {
                if let Some(status) = present(file_system.status(&directory.join(name)).await)? {
                    found.insert(status.location.clone(), status);
                }
            }
            Part::Literal(name) => open.push((directory.join(name), index + 1)),
            Part::Pattern(glob) => {
                for child in children(file_system, &directory).await? {
                    let name = child.location.name();
                    let visible = !is_hidden(name) || glob.glob().glob().starts_with(['_', '.']);
                    if !visible || !glob.is_match(name) {
                        continue;
                    }
                    if last {
                        found.insert(child.location.clone(), child);
                    } else if child.is_dir {
                        open.push((child.location, index + 1));
                    }
                }
            }
            Part::AnyDepth => {
                if !last {
                    open.push((directory.clone(), index + 1));
                }
                for child in children(file_system, &directory).await? {
                    if is_hidden(child.location.name()) {
                        continue;
                    }
                    if child.is_dir {
                        open.push((child.location, index));
                    } else if last {
                        found.insert(child.location.clone(), child);
                    }
                }
            }
        }
    }
    Ok(found)
}

async fn children(file_system: &Arc<dyn FileSystem>, directory: &Location) -> Result<Vec<FileStatus>, FsError> {
    Ok(present(file_system.list(directory).await)?.unwrap_or_default())
}

async fn files_of(file_system: &Arc<dyn FileSystem>, status: FileStatus) -> Result<Vec<FileStatus>, FsError> {
    if !status.is_dir {
        return Ok(vec![status]);
    }
    let mut children = file_system.list(&status.location).await?;
    children.retain(|child| !child.is_dir && !is_hidden(child.location.name()));
    Ok(children)
}

fn present<T>(result: Result<T, FsError>) -> Result<Option<T>, FsError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_absent(error: &FsError) -> bool {
    matches!(error.kind, FsErrorKind::NotFound | FsErrorKind::NotADirectory)
}

fn is_hidden(name: &str) -> bool {
    name.starts_with(['_', '.'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        root
    }

    async fn expanded(root: &tempfile::TempDir, pattern: &str) -> Result<Vec<String>, ExpandError> {
        let text = root.path().join(pattern);
        let files = expand(&FileSystems::local_only(), text.to_str().unwrap()).await?;
        let prefix = format!("{}/", root.path().display());
        let names = files.iter().map(|file| file.location.path().replace(&prefix, ""));
        Ok(names.collect())
    }

    #[tokio::test]
    async fn files_directories_and_globs_expand_in_order() {
        let root = tree(&[
            "in/b.txt",
            "in/a.txt",
            "in/c.csv",
            "in/_SUCCESS",
            "in/.b.txt.crc",
            "in/deep/d.txt",
            "in/deep/er/e.txt",
            "in/_temporary/t.txt",
            "in2/x.txt",
            "odd[1].txt",
        ]);
        let cases: &[(&str, &[&str])] = &[
            ("in/a.txt", &["in/a.txt"]),
            ("in", &["in/a.txt", "in/b.txt", "in/c.csv"]),
            ("in/*.txt", &["in/a.txt", "in/b.txt"]),
            ("in/?.{txt,csv}", &["in/a.txt", "in/b.txt", "in/c.csv"]),
            ("in/[bc].*", &["in/b.txt", "in/c.csv"]),
            ("in*/x.txt", &["in2/x.txt"]),
            (
                "in/**/*.txt",
                &["in/a.txt", "in/b.txt", "in/deep/d.txt", "in/deep/er/e.txt"],
            ),
            ("in/deep/**", &["in/deep/d.txt", "in/deep/er/e.txt"]),
            ("*", &["in/a.txt", "in/b.txt", "in/c.csv", "in2/x.txt", "odd[1].txt"]),
            ("odd[1].txt", &["odd[1].txt"]),
            ("in/_S*", &["in/_SUCCESS"]),
        ];
        for (pattern, expected) in cases {
            assert_eq!(expanded(&root, pattern).await.unwrap(), *expected, "{pattern}");
        }
    }

    #[tokio::test]
    async fn what_leads_to_nothing_is_said() {
        let root = tree(&["in/a.txt"]);
        for pattern in ["no", "in/*.csv", "in/a.txt/*", "no/**/x"] {
            let error = expanded(&root, pattern).await.unwrap_err();
            let ExpandError::FileSystem(error) = error else {
                panic!("{pattern}: {error}");
            };
            assert!(is_absent(&error), "{pattern}: {error}");
            assert!(error.to_string().contains(pattern), "{error}");
        }
        let error = expanded(&root, "in/[a").await.unwrap_err();
        assert!(matches!(error, ExpandError::Glob { .. }), "{error}");
    }
}
