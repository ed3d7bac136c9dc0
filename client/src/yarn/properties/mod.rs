//! The file in which `selvedge yarn-session` leaves the id of its session, for later commands of the same user on the same
//! machine: Flink's `.yarn-properties-<user>`, in its form.
//!
//! Its directory is one that everybody may write to, as a rule: what is no regular file of this user is not read.

mod java;

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use selvedge_core::Configuration;
use selvedge_core::config::options::yarn;
use selvedge_core::config::{ConfigError, is_secret};
use thiserror::Error;
use yarn_common::id::ApplicationId;

const APPLICATION_ID: &str = "applicationID";
const DYNAMIC_PROPERTIES: &str = "dynamicPropertiesString";
const SEPARATOR: &str = "@@";
/// Its content is no secret: Flink's clients read it too.
const MODE: u32 = 0o644;
/// What is larger is something else.
const MAX_BYTES: u64 = 1 << 20;

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionProperties {
    /// The session.
    pub application: ApplicationId,
    /// The settings with which it was started, in their order.
    pub dynamic_properties: Vec<(String, String)>,
}

/// The file cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PropertiesError {
    /// Where it would be is not known.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The system refuses.
    #[error("cannot {step} {}", path.display())]
    Io {
        /// Read, write or remove.
        step: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Somebody else may have put it there.
    #[error("{} is not read, as it is {what}: remove it, or set {} to a directory of your own", path.display(), yarn::PROPERTIES_FILE_LOCATION.key())]
    Suspicious {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: String,
    },
    /// It is not what it should be.
    #[error("{} is damaged ({reason}): remove it (rm {})", path.display(), path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// Where the file is, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PropertiesFile {
    path: PathBuf,
}

impl PropertiesFile {
    /// In `yarn.properties-file.location`, else in the directory for temporary files, under the name of the user of this
    /// process.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn locate(configuration: &Configuration) -> Result<Self, ConfigError> {
        let directory = configuration.find(&yarn::PROPERTIES_FILE_LOCATION)?;
        let directory = directory.map_or_else(std::env::temp_dir, PathBuf::from);
        let user = whoami::username().unwrap_or_else(|_| rustix::process::getuid().as_raw().to_string());
        Ok(Self {
            path: directory.join(format!(".yarn-properties-{user}")),
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says; `None` where it is not there.
    ///
    /// # Errors
    /// [`PropertiesError`] where it is not this user's, or cannot be understood.
    pub fn read(&self) -> Result<Option<SessionProperties>, PropertiesError> {
        let Some(file) = self.open()? else { return Ok(None) };
        let mut text = String::new();
        let read = file.take(MAX_BYTES).read_to_string(&mut text);
        match read {
            Ok(_) => parse(&text).map(Some).map_err(|reason| self.damaged(reason)),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(self.damaged(error.to_string())),
            Err(error) => Err(self.io("read", error)),
        }
    }

    fn open(&self) -> Result<Option<File>, PropertiesError> {
        // Neither through a link that another user has planted, nor waiting for the writer of a pipe.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).unwrap_or_default();
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(&self.path);
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                return Err(self.suspicious("a link".to_owned()));
            }
            Err(error) => return Err(self.io("read", error)),
        };
        let metadata = file.metadata().map_err(|error| self.io("read", error))?;
        let own = rustix::process::geteuid().as_raw();
        if !metadata.is_file() {
            return Err(self.suspicious("no regular file".to_owned()));
        }
        if metadata.uid() != own {
            let what = format!("the file of another user (uid {}, yours is {own})", metadata.uid());
            return Err(self.suspicious(what));
        }
        Ok(Some(file))
    }

    /// Writes it, in place of an earlier one. Settings that are secrets are left out: everybody may read the file.
    ///
    /// # Errors
    /// [`PropertiesError::Io`].
    pub fn write(&self, properties: &SessionProperties) -> Result<(), PropertiesError> {
        let temporary = self.path.with_file_name(format!(
            "{}.{:016x}",
            self.path.file_name().unwrap_or_default().to_string_lossy(),
            rand::random::<u64>()
        ));
        let write = || {
            let mut options = OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(MODE).open(&temporary)?;
            file.write_all(render(properties).as_bytes())?;
            std::fs::rename(&temporary, &self.path)
        };
        write().map_err(|error| {
            // Where it was made at all.
            let _ = std::fs::remove_file(&temporary);
            self.io("write", error)
        })
    }

    /// Removes it.
    ///
    /// # Errors
    /// [`PropertiesError::Io`].
    pub fn remove(&self) -> Result<(), PropertiesError> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.io("remove", error)),
            _ => Ok(()),
        }
    }

    /// Removes it where it names this session, which has ended; whether it did. Another session's stays.
    ///
    /// # Errors
    /// [`PropertiesError::Io`].
    pub fn remove_if_of(&self, application: ApplicationId) -> Result<bool, PropertiesError> {
        match self.read() {
            Ok(Some(properties)) if properties.application == application => self.remove().map(|()| true),
            _ => Ok(false),
        }
    }

    fn io(&self, step: &'static str, cause: io::Error) -> PropertiesError {
        let path = self.path.clone();
        PropertiesError::Io { step, path, cause }
    }

    fn suspicious(&self, what: String) -> PropertiesError {
        let path = self.path.clone();
        PropertiesError::Suspicious { path, what }
    }

    fn damaged(&self, reason: String) -> PropertiesError {
        let path = self.path.clone();
        PropertiesError::Damaged { path, reason }
    }
}

fn parse(text: &str) -> Result<SessionProperties, String> {
    let properties = java::parse(text)?;
    let id = properties.get(APPLICATION_ID);
    let id = id.ok_or_else(|| format!("it has no {APPLICATION_ID}"))?;
    let application = id.parse().map_err(|error| format!("{APPLICATION_ID}: {error}"))?;
    let settings = properties.get(DYNAMIC_PROPERTIES).map_or("", String::as_str);
    let settings = settings.split(SEPARATOR).filter(|setting| !setting.is_empty());
    let dynamic_properties = settings.map(|setting| {
        let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
        (key.to_owned(), value.to_owned())
    });
    Ok(SessionProperties {
        application,
        dynamic_properties: dynamic_properties.collect(),
    })
}

fn render(properties: &SessionProperties) -> String {
    let told = properties.dynamic_properties.iter();
    let told = told.filter(|(key, value)| !is_secret(key, value));
    let settings: Vec<_> = told.map(|(key, value)| format!("{key}={value}")).collect();
    let entries = BTreeMap::from([
        (APPLICATION_ID, properties.application.to_string()),
        (DYNAMIC_PROPERTIES, settings.join(SEPARATOR)),
    ]);
    java::render("Generated YARN properties file", &entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(directory: &Path) -> PropertiesFile {
        let text = directory.display().to_string();
        PropertiesFile::locate(&[("yarn.properties-file.location", text.as_str())].into_iter().collect()).unwrap()
    }

    fn session(number: u32) -> SessionProperties {
        let settings = [("taskmanager.numberOfTaskSlots", "2"), ("env.log.level", "a=b:c")];
        SessionProperties {
            application: ApplicationId::new(1_700_000_000_000, number),
            dynamic_properties: settings.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec(),
        }
    }

    #[test]
    fn the_last_session_is_found_and_only_its_own_end_removes_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = file(directory.path());
        assert!(
            file.path()
                .file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with(".yarn-properties-")
        );
        assert_eq!(file.read().unwrap(), None);
        for number in [1, 2] {
            file.write(&session(number)).unwrap();
            assert_eq!(file.read().unwrap(), Some(session(number)));
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        assert!(!file.remove_if_of(session(1).application).unwrap());
        assert!(file.remove_if_of(session(2).application).unwrap());
        assert_eq!(file.read().unwrap(), None);
    }

    #[test]
    fn secrets_are_not_written_where_everybody_reads() {
        let mut session = session(1);
        session
            .dynamic_properties
            .push(("s3.secret-key".to_owned(), "hunter2".to_owned()));
        assert!(!render(&session).contains("hunter2"), "{}", render(&session));
    }

    #[test]
    fn what_flink_writes_is_read() {
        let text = "#Generated YARN properties file\n#Sat Nov 28 21:41:38 UTC 2026\n\
                    dynamicPropertiesString=a.b\\=1@@c\\=x\\:y\napplicationID=application_1700000000000_0007\n";
        let read = parse(text).unwrap();
        assert_eq!(read.application, ApplicationId::new(1_700_000_000_000, 7));
        let expected = [("a.b", "1"), ("c", "x:y")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(read.dynamic_properties, expected);
    }

    #[test]
    fn a_damaged_file_and_one_that_may_be_planted_are_refused_with_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let file = file(directory.path());
        for (text, expected) in [
            ("", "it has no applicationID"),
            ("applicationID=application_x", "applicationID: "),
            ("applicationID=\\u12", "\\u"),
        ] {
            std::fs::write(file.path(), text).unwrap();
            let message = file.read().unwrap_err().to_string();
            assert!(message.contains(expected) && message.contains("rm /"), "{message}");
        }
        file.remove().unwrap();
        let target = directory.path().join("target");
        std::fs::write(&target, render(&session(1))).unwrap();
        std::os::unix::fs::symlink(&target, file.path()).unwrap();
        let message = file.read().unwrap_err().to_string();
        assert!(
            message.contains("a link") && message.contains("yarn.properties-file.location"),
            "{message}"
        );
        // Writing replaces the link, and leaves what it leads to.
        file.write(&session(2)).unwrap();
        assert_eq!(file.read().unwrap(), Some(session(2)));
        assert_eq!(std::fs::read_to_string(&target).unwrap(), render(&session(1)));
        file.remove().unwrap();
        std::fs::create_dir(file.path()).unwrap();
        let message = file.read().unwrap_err().to_string();
        assert!(message.contains("no regular file"), "{message}");
    }
}
