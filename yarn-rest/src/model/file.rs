use serde::Deserialize;

use super::Extra;
use crate::lenient;

/// What a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum FileKind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Something else.
    #[serde(other)]
    Other,
}

/// A file or directory of HDFS.
///
/// `{"accessTime":0,"blockSize":0,"childrenNum":0,"fileId":16388,"group":"alice","length":0,"modificationTime":1,
/// "owner":"alice","pathSuffix":"","permission":"700","replication":0,"storagePolicy":0,"type":"DIRECTORY"}`
///
/// Source: WebHDFS.md, "FileStatus JSON Schema".
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FileStatus {
    /// Its name in the directory that was listed; empty where the path itself was asked for.
    #[serde(default)]
    pub path_suffix: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: FileKind,
    /// Its length in bytes; 0 for a directory.
    #[serde(default)]
    pub length: u64,
    /// Who owns it.
    #[serde(default)]
    pub owner: String,
    /// Its group.
    #[serde(default)]
    pub group: String,
    /// Its permission, octal as the server writes it; see [`mode`](Self::mode).
    #[serde(default)]
    pub permission: String,
    /// When it was last changed, in milliseconds since the epoch: what a `LocalResource` must carry.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub modification_time: Option<u64>,
    /// When it was last read, in milliseconds since the epoch.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub access_time: Option<u64>,
    /// Copies of each block; 0 for a directory.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub replication: Option<u64>,
    /// The size of its blocks in bytes; 0 for a directory.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub block_size: Option<u64>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

impl FileStatus {
    /// Its permission as a number: `0o755`.
    pub fn mode(&self) -> Option<u32> {
        u32::from_str_radix(&self.permission, 8).ok()
    }

    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.kind == FileKind::Directory
    }
}

/// A part of a directory's list.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DirectoryPage {
    /// The next files and directories, in the order of their names.
    pub entries: Vec<FileStatus>,
    /// How many come after them; 0 on the last page.
    pub remaining: u64,
}

/// What lies below a path.
///
/// `{"directoryCount":1,"fileCount":0,"length":0,"quota":-1,"spaceConsumed":0,"spaceQuota":-1,…}`
///
/// Source: WebHDFS.md, "ContentSummary JSON Schema".
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ContentSummary {
    /// Directories, the path itself among them.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub directory_count: Option<u64>,
    /// Files.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub file_count: Option<u64>,
    /// Bytes in all files.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub length: Option<u64>,
    /// Bytes in all copies of all files.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub space_consumed: Option<u64>,
    /// How many names there may be; `None` without a bound.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub quota: Option<u64>,
    /// How many bytes there may be in all copies; `None` without a bound.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub space_quota: Option<u64>,
    /// All other fields.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The checksum of a file. It depends on the block size and the checksum's own settings, not on the content alone.
///
/// `{"algorithm":"MD5-of-0MD5-of-512CRC32C","bytes":"<hex>","length":28}`
///
/// Source: WebHDFS.md, "FileChecksum JSON Schema".
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct FileChecksum {
    /// How it was made.
    pub algorithm: String,
    /// Its bytes in hexadecimal.
    pub bytes: String,
    /// How many bytes.
    #[serde(default)]
    pub length: u64,
}
