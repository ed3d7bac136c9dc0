//! Files that the NodeManager fetches before it starts a container.

use super::{LaunchError, ResourceUrl};

/// A file or archive that the NodeManager fetches before it starts the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalResource {
    /// Where it is.
    pub url: ResourceUrl,
    /// Its length in bytes.
    pub size: u64,
    /// Its modification time in milliseconds, **exactly** as the file system tells it after the upload: otherwise the
    /// container fails ("changed on src filesystem").
    pub timestamp: i64,
    /// Whether it is unpacked.
    pub kind: LocalResourceType,
    /// Who shares the copy on the node.
    pub visibility: LocalResourceVisibility,
    /// For [`LocalResourceType::Pattern`]: what to unpack, a regular expression. REST cannot carry it.
    pub pattern: Option<String>,
}

impl LocalResource {
    /// A file that is left as it is, for the containers of one application. `size` and `timestamp` (milliseconds since
    /// 1970) are those that the file system tells **after** the upload has ended.
    pub fn file(url: ResourceUrl, size: u64, timestamp: i64) -> Self {
        Self {
            url,
            size,
            timestamp,
            kind: LocalResourceType::File,
            visibility: LocalResourceVisibility::Application,
            pattern: None,
        }
    }

    /// An archive that is unpacked into a directory of its name, for the containers of one application.
    pub fn archive(url: ResourceUrl, size: u64, timestamp: i64) -> Self {
        Self {
            kind: LocalResourceType::Archive,
            ..Self::file(url, size, timestamp)
        }
    }

    /// The same, shared with others.
    #[must_use]
    pub fn visible_to(mut self, visibility: LocalResourceVisibility) -> Self {
        self.visibility = visibility;
        self
    }

    /// Whether a NodeManager can localise it.
    ///
    /// # Errors
    /// [`LaunchError::Resource`] for a path that is not absolute, a negative timestamp, an archive of a kind that
    /// Hadoop does not unpack, or a pattern where none belongs or none where one does.
    pub fn check(&self) -> Result<(), LaunchError> {
        let fail = |reason: String| {
            Err(LaunchError::Resource {
                url: self.url.to_string(),
                reason,
            })
        };
        if !self.url.path.starts_with('/') {
            return fail(format!("its path {:?} is not absolute", self.url.path));
        }
        if self.timestamp < 0 {
            return fail(format!("its modification time {} is negative", self.timestamp));
        }
        match (self.kind, &self.pattern) {
            (LocalResourceType::Pattern, None) => return fail("it has no pattern of what to unpack".to_owned()),
            (LocalResourceType::Archive | LocalResourceType::File, Some(pattern)) => {
                return fail(format!("the pattern {pattern:?} is for the type PATTERN only"));
            }
            _ => {}
        }
        let name = self.url.path.to_ascii_lowercase();
        if self.kind == LocalResourceType::Archive && !ARCHIVES.iter().any(|suffix| name.ends_with(suffix)) {
            return fail(format!("an archive must end with one of {}", ARCHIVES.join(", ")));
        }
        Ok(())
    }
}

/// What a NodeManager unpacks; it takes any other file as it is.
const ARCHIVES: [&str; 5] = [".tar.gz", ".tgz", ".tar", ".zip", ".jar"];

/// Whether a local resource is unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LocalResourceType {
    /// Unpacked, by its suffix (`.zip`, `.tar`, `.tgz`, `.tar.gz`, `.jar`), into a directory named by its key.
    Archive,
    /// Left as it is.
    File,
    /// Kept and unpacked in part.
    Pattern,
}

impl LocalResourceType {
    /// Hadoop's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Archive => "ARCHIVE",
            Self::File => "FILE",
            Self::Pattern => "PATTERN",
        }
    }
}

/// Who shares the copy of a local resource on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LocalResourceVisibility {
    /// All users of the node. The file must be readable, and all its parents searchable, by everybody.
    Public,
    /// All applications of the user.
    Private,
    /// The containers of one application.
    Application,
}

impl LocalResourceVisibility {
    /// Hadoop's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "PUBLIC",
            Self::Private => "PRIVATE",
            Self::Application => "APPLICATION",
        }
    }
}
