//! What the application needs, in HDFS: `/user/NAME/DistributedShell/APPLICATION/`.

use bytes::Bytes;
use hdfs_native::{Client, ClientBuilder, WriteOptions};
use yarn_common::conf::HadoopConfiguration;
use yarn_common::id::ApplicationId;
use yarn_common::launch::LocalResource;

use super::Failure;

/// hdfs-native would look for files below this "directory"; none can be there, so it only knows what it is given.
const NO_CONFIGURATION_DIRECTORY: &str = "/dev/null";

/// The staging directory of one application.
#[derive(Debug)]
pub(crate) struct Staging {
    hdfs: Client,
    file_system: String,
    directory: String,
}

impl Staging {
    pub(crate) async fn make(conf: &HadoopConfiguration, user: &str, id: ApplicationId) -> Result<Self, Failure> {
        let file_system = conf.default_fs()?;
        let mut properties = Vec::new();
        for (key, _) in conf.iter() {
            properties.extend(conf.get(key)?.map(|value| (key.to_owned(), value)));
        }
        let hdfs = ClientBuilder::new()
            .with_url(&file_system)
            .with_config_dir(NO_CONFIGURATION_DIRECTORY)
            .with_config(properties)
            .with_user(user)
            .build()
            .map_err(|error| format!("fs.defaultFS is {file_system}, which cannot be used: {error}"))?;
        let directory = format!("/user/{user}/DistributedShell/{id}");
        hdfs.mkdirs(&directory, 0o710, true)
            .await
            .map_err(|error| format!("cannot make {file_system}{directory}: {error}"))?;
        Ok(Self {
            hdfs,
            file_system,
            directory,
        })
    }

    /// Writes a file, and returns it as containers will fetch it.
    pub(crate) async fn put(&self, name: &str, content: Vec<u8>) -> Result<LocalResource, Failure> {
        let path = format!("{}/{name}", self.directory);
        let failed = |error| format!("cannot write {}{path}: {error}", self.file_system);
        let options = WriteOptions::default().permission(0o710);
        let mut writer = self.hdfs.create(&path, options).await.map_err(failed)?;
        // Boxed, since these futures are large.
        Box::pin(writer.write_bytes(Bytes::from(content)))
            .await
            .map_err(failed)?;
        Box::pin(writer.close()).await.map_err(failed)?;
        let status = self.hdfs.get_file_info(&path).await.map_err(failed)?;
        let url = format!("{}{path}", self.file_system.trim_end_matches('/')).parse()?;
        let modified = i64::try_from(status.modification_time)?;
        Ok(LocalResource::file(url, status.length as u64, modified))
    }

    pub(crate) async fn delete(&self) -> Result<(), Failure> {
        self.hdfs
            .delete(&self.directory, true)
            .await
            .map_err(|error| format!("cannot delete {}{}: {error}", self.file_system, self.directory))?;
        Ok(())
    }
}
