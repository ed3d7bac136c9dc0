//! Applications whose ApplicationMaster is a process of the benchmark.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::bed::Bed;
use crate::wait;
use anyhow::Context;
use tempfile::TempDir;
use yarn_common::conf::HadoopConfiguration;
use yarn_common::id::ApplicationId;
use yarn_common::launch::ContainerLaunchContext;
use yarn_common::resource::Resource;
use yarn_common::submission::ApplicationSubmissionContext;
use yarn_common::token::Credentials;
use yarn_rpc::client::{YarnClient, YarnClientOptions};
use yarn_rpc::ipc::Identity;

const BOUND: Duration = Duration::from_secs(120);

/// An unmanaged application that waits for its ApplicationMaster.
#[derive(Debug)]
pub struct Unmanaged {
    folder: TempDir,
    resource_manager: YarnClient,
    id: ApplicationId,
}

impl Unmanaged {
    pub async fn submit(bed: &Bed) -> anyhow::Result<Self> {
        let conf = HadoopConfiguration::from_directory(bed.hadoop_conf_dir())?;
        let identity = Identity::Simple {
            user: bed.user().to_owned(),
        };
        let resource_manager = YarnClient::new(YarnClientOptions::from_configuration(&conf, identity)?)?;
        let id = resource_manager.new_application().await?.id;
        let nothing = ContainerLaunchContext::default();
        let mut application = ApplicationSubmissionContext::new(id, "toolkit", Resource::new(64, 1), nothing);
        application.unmanaged_am = true;
        resource_manager.submit(&application).await?;
        let folder = tempfile::tempdir()?;
        let submitted = Self {
            folder,
            resource_manager,
            id,
        };
        submitted.write_token().await?;
        Ok(submitted)
    }

    async fn write_token(&self) -> anyhow::Result<()> {
        let (client, id) = (&self.resource_manager, self.id);
        let launched = wait::until("the token of an unmanaged ApplicationMaster", BOUND, || async {
            let report = client.application(id).await.map_err(|error| error.to_string())?;
            report.am_rm_token.ok_or_else(|| format!("{:?}", report.state))
        });
        let token = launched.await?;
        let mut credentials = Credentials::new();
        credentials.add_token("", token);
        credentials
            .write_file(self.token_file())
            .context("writing the credentials")
    }

    #[must_use]
    pub const fn id(&self) -> ApplicationId {
        self.id
    }

    /// What `HADOOP_TOKEN_FILE_LOCATION` is to name.
    #[must_use]
    pub fn token_file(&self) -> PathBuf {
        Path::new(self.folder.path()).join("container_tokens")
    }

    /// Waits until it has ended well.
    pub async fn ended(self) -> anyhow::Result<()> {
        let (client, id) = (&self.resource_manager, self.id);
        let ended = wait::until("the end of an application", BOUND, || async {
            let report = client.application(id).await.map_err(|error| error.to_string())?;
            let state = report.state;
            state.is_final().then_some(()).ok_or_else(|| format!("{state:?}"))
        });
        Ok(ended.await?)
    }
}
