//! HDFS, by its native protocols.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hdfs_native::{Client, ClientBuilder, HdfsError, WriteOptions};
use parking_lot::Mutex;

use super::hdfs_error::failed;
use super::unhurried::unhurried;
use super::{CreateOptions, FileStatus, FileSystem, FileWriter, FsError, FsErrorKind, Location};
use crate::clock::Timestamp;

/// hdfs-native would look for files below this "directory"; none can be there, so it only knows what it is given.
const NO_CONFIGURATION_DIRECTORY: &str = "/dev/null";
/// What Hadoop takes where a NameNode's address has no port.
const DEFAULT_PORT: u16 = 8020;
/// No call to the NameNode takes longer; a host that drops packets would otherwise hold a caller for minutes.
const CALL_TIMEOUT: Duration = Duration::from_secs(120);

/// Who closes a file asks the NameNode to complete it as soon as a DataNode has the last of it. Where that DataNode has not
/// told the NameNode yet, which takes it a few milliseconds, hdfs-native waits half a second before it asks again.
const TELLING_PAUSE: Duration = Duration::from_millis(10);

/// HDFS clients, one for each NameNode or name service, all with one handed-over Hadoop configuration.
pub struct HdfsFileSystem {
    properties: BTreeMap<String, String>,
    user: Option<String>,
    umask: u32,
    clients: Mutex<HashMap<String, Client>>,
}

impl HdfsFileSystem {
    /// A client with these Hadoop properties (`core-site.xml` and `hdfs-site.xml`, parsed); neither `HADOOP_CONF_DIR`
    /// nor `HADOOP_HOME` is looked at. Where `default_fs` is on HDFS its client is made at once, so that an address that
    /// cannot be used is found here; nothing is sent yet. Must be called inside the tokio runtime that will serve it.
    ///
    /// `user` is the user of simple authentication; where it is `None`, `HADOOP_USER_NAME` and then the user of the process
    /// count. With Kerberos the user is the ticket's principal, and `user` would mean a proxy user: it is left out then.
    /// Delegation tokens are read from the file that `HADOOP_TOKEN_FILE_LOCATION` names, as on every YARN container.
    pub fn new(
        default_fs: &Location,
        hadoop_properties: impl IntoIterator<Item = (String, String)>,
        user: Option<&str>,
    ) -> Result<Self, FsError> {
        let properties: BTreeMap<_, _> = hadoop_properties.into_iter().collect();
        let kerberos = properties
            .get("hadoop.security.authentication")
            .is_some_and(|kind| kind.eq_ignore_ascii_case("kerberos"));
        let file_system = Self {
            umask: umask_of(&properties),
            properties,
            user: user.filter(|_| !kerberos).map(str::to_owned),
            clients: Mutex::default(),
        };
        if default_fs.scheme() == "hdfs" {
            file_system.client(default_fs)?;
        }
        Ok(file_system)
    }

    fn client(&self, location: &Location) -> Result<Client, FsError> {
        let authority = location.authority();
        let mut clients = self.clients.lock();
        if let Some(client) = clients.get(authority) {
            return Ok(client.clone());
        }
        let client = self.connect(location)?;
        clients.insert(authority.to_owned(), client.clone());
        Ok(client)
    }

    fn connect(&self, location: &Location) -> Result<Client, FsError> {
        let authority = location.authority();
        let unusable = |reason: String| FsError {
            operation: "reach",
            location: location.with_path("/"),
            kind: FsErrorKind::Unreachable(reason),
        };
        if authority.is_empty() {
            return Err(unusable(
                "the path names no NameNode and fs.defaultFS is not on HDFS; write hdfs://host:port/path".to_owned(),
            ));
        }
        let name_service = self.properties.contains_key(&format!("dfs.ha.namenodes.{authority}"));
        let mut properties = self.properties.clone();
        let url = if name_service {
            format!("hdfs://{authority}")
        } else {
            // A single NameNode has no other to fail over to: without this, one that is down is asked for three minutes.
            for (key, value) in [
                ("dfs.client.failover.max.attempts", "3"),
                ("dfs.client.failover.sleep.base.millis", "100"),
            ] {
                properties.insert(key.to_owned(), value.to_owned());
            }
            with_port(authority)
        };
        let mut builder = ClientBuilder::new()
            .with_url(&url)
            .with_config_dir(NO_CONFIGURATION_DIRECTORY)
            .with_config(properties);
        if let Some(user) = &self.user {
            builder = builder.with_user(user);
        }
        builder.build().map_err(|error| {
            unusable(format!(
                "{url} cannot be used: {error}; check fs.defaultFS in core-site.xml"
            ))
        })
    }

    async fn exists(&self, client: &Client, location: &Location) -> Result<bool, FsError> {
        let call = client.get_file_info(location.path());
        match bounded("read the status of", location, call).await {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.kind, FsErrorKind::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Makes a call to the NameNode with its failure mapped.
async fn bounded<T>(
    operation: &'static str,
    location: &Location,
    call: impl Future<Output = Result<T, HdfsError>>,
) -> Result<T, FsError> {
    match tokio::time::timeout(CALL_TIMEOUT, call).await {
        Ok(result) => result.map_err(|error| failed(operation, location, &error)),
        Err(_) => Err(FsError {
            operation,
            location: location.clone(),
            kind: FsErrorKind::Unreachable(format!(
                "{} gave no answer within {} s",
                location.authority(),
                CALL_TIMEOUT.as_secs()
            )),
        }),
    }
}

async fn set_mode(client: &Client, location: &Location, mode: u32) -> Result<(), FsError> {
    let call = client.set_permission(location.path(), mode);
    bounded("set the permissions of", location, call).await
}

impl fmt::Debug for HdfsFileSystem {
    /// The properties may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HdfsFileSystem")
            .field("user", &self.user)
            .field("clients", &self.clients.lock().keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl FileSystem for HdfsFileSystem {
    async fn status(&self, location: &Location) -> Result<FileStatus, FsError> {
        let client = self.client(location)?;
        let call = client.get_file_info(location.path());
        let status = bounded("read the status of", location, call).await?;
        Ok(status_of(location, status))
    }

    async fn list(&self, directory: &Location) -> Result<Vec<FileStatus>, FsError> {
        let client = self.client(directory)?;
        let call = client.list_status(directory.path(), false);
        let children = bounded("list", directory, call).await?;
        // HDFS lists a file as itself.
        if let [only] = children.as_slice()
            && only.path == directory.path()
        {
            return Err(FsError {
                operation: "list",
                location: directory.clone(),
                kind: FsErrorKind::NotADirectory,
            });
        }
        let mut children: Vec<_> = children.into_iter().map(|child| status_of(directory, child)).collect();
        children.sort_by(|left, right| left.location.cmp(&right.location));
        Ok(children)
    }

    async fn read(&self, file: &Location, range: Range<u64>) -> Result<Bytes, FsError> {
        let client = self.client(file)?;
        let reader = bounded("open", file, client.read(file.path())).await?;
        // The reader panics on a range outside of the file.
        let end = range.end.min(reader.file_length() as u64);
        let length = end.saturating_sub(range.start);
        if length == 0 {
            return Ok(Bytes::new());
        }
        let size = |value: u64| {
            usize::try_from(value).map_err(|_| failed("read", file, &HdfsError::InvalidArgument(value.to_string())))
        };
        let read = reader.read_range(size(range.start)?, size(length)?).await;
        read.map_err(|error| failed("read", file, &error))
    }

    async fn create(&self, file: &Location, options: CreateOptions) -> Result<Box<dyn FileWriter>, FsError> {
        let client = self.client(file)?;
        let mut write = WriteOptions::default()
            .overwrite(false)
            .create_parent(false)
            .permission(options.mode.unwrap_or(0o666 & !self.umask));
        if let Some(replication) = options.replication {
            write = write.replication(u32::from(replication));
        }
        let writer = bounded("create", file, client.create(file.path(), write)).await?;
        Ok(Box::new(HdfsWriter {
            location: file.clone(),
            client,
            mode: options.mode,
            writer,
            closed: false,
        }))
    }

    async fn rename(&self, from: &Location, to: &Location) -> Result<(), FsError> {
        if from.authority() != to.authority() {
            return Err(FsError {
                operation: "rename",
                location: from.clone(),
                kind: FsErrorKind::Other(format!("{to} is on another file system")),
            });
        }
        let client = self.client(from)?;
        let renamed = bounded("rename", from, client.rename(from.path(), to.path(), false)).await;
        renamed.map_err(|error| match error.kind {
            FsErrorKind::AlreadyExists => FsError {
                operation: "rename to",
                location: to.clone(),
                kind: FsErrorKind::AlreadyExists,
            },
            _ => error,
        })
    }

    async fn delete(&self, location: &Location) -> Result<bool, FsError> {
        let client = self.client(location)?;
        let call = client.delete(location.path(), true);
        bounded("delete", location, call).await
    }

    /// Parents that are missing get the same mode, with write and search for their owner.
    async fn mkdirs(&self, directory: &Location, options: CreateOptions) -> Result<(), FsError> {
        let client = self.client(directory)?;
        // One that was there belongs to somebody: its permissions stay.
        let wanted = match options.mode {
            Some(mode) if !self.exists(&client, directory).await? => Some(mode),
            _ => None,
        };
        let mode = options.mode.unwrap_or(0o777 & !self.umask);
        let call = client.mkdirs(directory.path(), mode, true);
        bounded("make the directory", directory, call).await?;
        // A default ACL of the parent may have narrowed it.
        if let Some(mode) = wanted
            && self.status(directory).await?.mode != mode
        {
            set_mode(&client, directory, mode).await?;
        }
        Ok(())
    }
}

struct HdfsWriter {
    location: Location,
    client: Client,
    /// What the file's permissions are to be in the end: a default ACL of the directory may have narrowed them.
    mode: Option<u32>,
    writer: hdfs_native::file::FileWriter,
    closed: bool,
}

#[async_trait]
impl FileWriter for HdfsWriter {
    async fn write(&mut self, data: Bytes) -> Result<(), FsError> {
        let written = match self.closed {
            true => Err(HdfsError::OperationFailed("it is closed already".to_owned())),
            false => Box::pin(self.writer.write_bytes(data)).await.map(|_| ()),
        };
        written.map_err(|error| failed("write", &self.location, &error))
    }

    async fn close(&mut self) -> Result<(), FsError> {
        self.closed = true;
        let (location, writer) = (&self.location, &mut self.writer);
        let close = async {
            let closed = unhurried(TELLING_PAUSE, Box::pin(writer.close())).await;
            closed.map_err(|error| failed("close", location, &error))
        };
        // It takes as long as closing: neither waits for the other.
        let widen = async {
            match self.mode {
                Some(mode) => set_mode(&self.client, location, mode).await,
                None => Ok(()),
            }
        };
        tokio::try_join!(close, widen).map(drop)
    }
}

fn status_of(near: &Location, status: hdfs_native::client::FileStatus) -> FileStatus {
    FileStatus {
        location: near.with_path(&status.path),
        len: if status.isdir { 0 } else { status.length as u64 },
        is_dir: status.isdir,
        modified: Timestamp::from_millis(status.modification_time),
        owner: Some(status.owner),
        group: Some(status.group),
        mode: u32::from(status.permission),
    }
}

fn with_port(authority: &str) -> String {
    // A colon inside brackets belongs to an IPv6 address.
    let after_host = authority.rsplit(']').next().unwrap_or(authority);
    match after_host.contains(':') {
        true => format!("hdfs://{authority}"),
        false => format!("hdfs://{authority}:{DEFAULT_PORT}"),
    }
}

/// `fs.permissions.umask-mode`, which the client applies, not the server.
fn umask_of(properties: &BTreeMap<String, String>) -> u32 {
    const DEFAULT: u32 = 0o022;
    const NARROW: u32 = 0o077;
    let Some(text) = properties.get("fs.permissions.umask-mode") else {
        return DEFAULT;
    };
    u32::from_str_radix(text.trim(), 8).unwrap_or_else(|_| {
        tracing::warn!(
            value = %text,
            "fs.permissions.umask-mode is not octal, such as 022; files without an explicit mode are made for their owner only"
        );
        NARROW
    }) & 0o777
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_namenode_without_a_port_has_hadoops() {
        for (authority, url) in [
            ("nn", "hdfs://nn:8020"),
            ("nn:9000", "hdfs://nn:9000"),
            ("[::1]", "hdfs://[::1]:8020"),
            ("[::1]:9000", "hdfs://[::1]:9000"),
        ] {
            assert_eq!(with_port(authority), url);
        }
    }

    #[test]
    fn the_umask_is_read_as_octal_and_narrow_where_it_cannot_be() {
        let umask = |text: &str| umask_of(&properties(&[("fs.permissions.umask-mode", text)]).into_iter().collect());
        assert_eq!(umask("027"), 0o027);
        assert_eq!(umask("u=rwx,g=rx,o="), 0o077);
        assert_eq!(umask_of(&BTreeMap::new()), 0o022);
    }

    #[tokio::test]
    async fn a_name_service_needs_its_namenodes() {
        let service = Location::root("hdfs", "cluster");
        let broken = HdfsFileSystem::new(&service, properties(&[("dfs.ha.namenodes.cluster", "n1,n2")]), None);
        let message = broken.unwrap_err().to_string();
        assert!(message.contains("hdfs://cluster cannot be used"), "{message}");
        let whole = properties(&[
            ("dfs.ha.namenodes.cluster", "n1"),
            ("dfs.namenode.rpc-address.cluster.n1", "nn:8020"),
        ]);
        assert!(HdfsFileSystem::new(&service, whole, Some("alice")).is_ok());
    }

    #[tokio::test]
    async fn an_address_that_nobody_listens_on_is_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        drop(listener);
        let root = Location::root("hdfs", &authority);
        let hdfs = HdfsFileSystem::new(&root, [], Some("alice")).unwrap();
        let error = hdfs.status(&root.join("x")).await.unwrap_err();
        assert!(matches!(error.kind, FsErrorKind::Unreachable(_)), "{error}");
        assert!(error.to_string().contains(&authority), "{error}");
        assert!(error.to_string().to_lowercase().contains("refused"), "{error}");
    }
}
