//! What goes into an application's directory: small files while the cluster is still being asked, and what a user brings along,
//! of any size, once the cluster is found fit.

use std::sync::Arc;

use selvedge_core::config::options::{cluster, rest, yarn};
use selvedge_runtime::deployment::{CONFIG_FILE, HADOOP_SITE_FILE, ShippedFile};
use tokio_util::task::AbortOnDropHandle;

use super::{Begun, Deployment, YarnDescriptor};
use crate::yarn::ship::ShipPlan;
use crate::yarn::staging::{Provided, Staged};
use crate::yarn::{YarnError, application};

/// The files in the application's directory.
pub(super) struct StagedFiles {
    /// The settings, the Hadoop configuration, and what the user sends along.
    pub(super) for_all: Vec<ShippedFile>,
    /// What only the master needs: the job's graph, the application's program.
    pub(super) master_only: Vec<ShippedFile>,
}

impl StagedFiles {
    pub(super) fn add(&mut self, more: Self) {
        self.for_all.extend(more.for_all);
        self.master_only.extend(more.master_only);
    }
}

impl YarnDescriptor {
    /// Makes the application's directory, and writes what we have to say into it. `look` is for what is there already.
    pub(super) async fn stage_small(
        &self,
        deployment: Deployment<'_>,
        begun: &Begun,
        look: AbortOnDropHandle<Option<Staged>>,
    ) -> Result<(Option<Staged>, StagedFiles), YarnError> {
        let Begun { staging, directory, .. } = begun;
        // A look that came to nothing is none.
        let staged = look.await.unwrap_or_default();
        staging.prepare(staged.as_ref()).await?;
        if let Some(begun) = &mut *self.begun.lock() {
            begun.staged = true;
        }
        staging.make_application_directory(directory).await?;
        let (config, hadoop, master_only) = tokio::try_join!(
            staging.write(directory, CONFIG_FILE, self.effective_configuration(deployment)),
            staging.write(
                directory,
                HADOOP_SITE_FILE,
                self.access.hadoop.without_secrets().to_xml()
            ),
            self.stage_own(deployment, begun, false),
        )?;
        let files = StagedFiles {
            for_all: vec![config, hadoop],
            master_only,
        };
        Ok((staged, files))
    }

    /// Brings the binary, what the user sends along, and a job with its files or a program.
    pub(super) async fn stage_large(
        &self,
        deployment: Deployment<'_>,
        ship: ShipPlan,
        begun: &Begun,
        staged: Option<Staged>,
        provided: &[Provided],
        note: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(ShippedFile, StagedFiles), YarnError> {
        let Begun { staging, directory, .. } = begun;
        let brought = async {
            tokio::try_join!(
                ship.stage(&self.file_systems, staging, directory),
                self.stage_own(deployment, begun, true),
            )
        };
        // Neither waits for the other: each is some round trips to the NameNode.
        let (dist, brought) = tokio::join!(staging.archive(&self.binary, provided, staged, note), brought);
        let (dist, (for_all, master_only)) = (dist?, brought?);
        Ok((dist, StagedFiles { for_all, master_only }))
    }

    /// What only the master needs, with files of the user's or without: one of both.
    async fn stage_own(
        &self,
        deployment: Deployment<'_>,
        Begun { staging, directory, .. }: &Begun,
        with_files: bool,
    ) -> Result<Vec<ShippedFile>, YarnError> {
        if deployment.brings_files() != with_files {
            return Ok(Vec::new());
        }
        let file_systems = &self.file_systems;
        match deployment {
            Deployment::Session => Ok(Vec::new()),
            Deployment::Job(job) => {
                let graph = application::stage_graph(&job.graph, file_systems, staging, directory).await?;
                Ok(vec![graph])
            }
            Deployment::Application(application) => application.content.stage(file_systems, staging, directory).await,
        }
    }

    /// What the master and the workers go by: addresses of this machine mean nothing there.
    fn effective_configuration(&self, deployment: Deployment<'_>) -> String {
        let mut configuration = self.access.configuration.clone();
        configuration.set(&cluster::ATTACHED, &deployment.is_attached());
        configuration.set_text(cluster::TARGET.key(), deployment.target());
        for key in [
            "jobmanager.bind-host",
            "taskmanager.bind-host",
            "taskmanager.host",
            rest::ADDRESS.key(),
            rest::BIND_ADDRESS.key(),
        ] {
            configuration.remove(key);
        }
        configuration.to_yaml()
    }

    pub(super) fn provided_directories(&self) -> Result<Vec<Provided>, YarnError> {
        let configuration = &self.access.configuration;
        let directories = configuration.find(&yarn::PROVIDED_LIB_DIRS)?.unwrap_or_default();
        directories
            .iter()
            .map(|text| {
                let directory = self.file_systems.resolve(text)?;
                let file_system = Arc::clone(self.file_systems.of(&directory)?);
                Ok(Provided { file_system, directory })
            })
            .collect()
    }
}
