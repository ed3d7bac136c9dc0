//! What commands that start applications on YARN have in common.

use selvedge_core::Configuration;
use selvedge_runtime::fs::FileSystems;
use yarn_common::conf::HadoopConfiguration;
use yarn_common::environment::Environment;

use super::error::{CommandError, Ended};
use super::interrupt::{Interruption, Interrupts};
use super::say;
use crate::cluster::ClusterDescriptor;
use crate::composition;
use crate::yarn::{self, YarnDescriptor, submitting_user};

/// What a deployment on YARN goes by.
pub(super) struct OnYarn {
    configuration: Configuration,
    hadoop: HadoopConfiguration,
    user: String,
    pub(super) file_systems: FileSystems,
}

impl OnYarn {
    /// As the environment of this process says.
    pub(super) fn read(configuration: &Configuration) -> Result<Self, CommandError> {
        let environment = Environment::of_process();
        let hadoop = composition::hadoop_configuration(configuration, environment.clone())?;
        let user = submitting_user(&environment)?;
        Ok(Self {
            file_systems: yarn::file_systems(configuration, &hadoop, &user)?,
            configuration: configuration.clone(),
            hadoop,
            user,
        })
    }

    /// Deploys this program itself.
    pub(super) fn descriptor(self) -> Result<YarnDescriptor, CommandError> {
        let binary = std::env::current_exe()?;
        Ok(YarnDescriptor::new(
            self.configuration,
            self.hadoop,
            self.file_systems,
            &self.user,
            binary,
        )?)
    }
}

/// Takes back what was started, after the user has interrupted a deployment.
pub(super) async fn take_back(
    descriptor: &dyn ClusterDescriptor,
    interrupts: Interrupts,
    interruption: Interruption,
) -> Ended {
    say("interrupted: taking back what was started; Ctrl-C again leaves at once");
    interrupts.end_process_on_next();
    descriptor.abort().await;
    Ended::Interrupted(interruption)
}
