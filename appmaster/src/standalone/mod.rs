//! Masters that nobody deploys: a person or a service manager starts them, and workers beside them, by hand.
//!
//! ```text
//! selvedge standalone-session       takes jobs until it is told to end
//! selvedge standalone-job JOB       runs one job and ends with it
//!                                   with high availability: any number of either; one leads, the others stand by
//! ```
//!
//! Exit codes: 0 and Flink's others as the cluster ended, 2 where something broke, 143 and 130 after a signal, 124 where the
//! shutdown hung.

mod job;

use std::path::PathBuf;
use std::sync::Arc;

use selvedge_core::config::ConfigError;
use selvedge_core::config::options::{cluster, high_availability, jobmanager, rest};
use selvedge_core::{Configuration, JobGraph};
use selvedge_runtime::clock::SystemClock;
use selvedge_runtime::fs::FileSystems;
use selvedge_runtime::process::Termination;
use selvedge_runtime::rpc::{ApplicationSecret, PortRange};
use thiserror::Error;

use crate::entrypoint::{
    Cluster, ClusterConfig, ClusterEntrypoint, ClusterServices, DispatcherMode, Ended, Shutdown, StartError,
};
use crate::resourcemanager::StandaloneDriver;
use crate::yarn::Composition;

use job::JobOfCluster;

/// Something broke that the master cannot do without.
const EXIT_FATAL: u8 = 2;
const LOCALHOST: &str = "localhost";
/// The value of `rest.bind-port` that is shipped: `rest.port` then says where clients look.
const ANY_PORT: &str = "0";

/// A master that did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StandaloneError {
    /// A setting.
    #[error(transparent)]
    Setting(#[from] ConfigError),
    /// The signals of the process.
    #[error("preparing the process: {0}")]
    Process(#[source] std::io::Error),
    /// A component.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// What the program that starts a master hands in.
#[derive(Debug)]
pub struct StandaloneMaster {
    /// The settings.
    pub configuration: Configuration,
    /// What the master needs of the operators, and who may decide who leads.
    pub composition: Composition,
    /// Where the stores are.
    pub file_systems: FileSystems,
    /// The log, where it is a file.
    pub log_file: Option<PathBuf>,
    /// The only job of the cluster; without, it takes jobs.
    pub job: Option<JobGraph>,
}

impl StandaloneMaster {
    /// Serves until the cluster has ended or the process is told to; tells the exit code. Must be called inside a tokio
    /// runtime.
    ///
    /// # Errors
    /// [`StandaloneError`] where it did not start.
    pub async fn serve(self) -> Result<u8, StandaloneError> {
        let termination = Termination::listen().map_err(StandaloneError::Process)?;
        let seed = rand::random();
        let registry = &self.composition.high_availability;
        let mut services = ClusterServices::read(registry, &self.configuration, seed).await?;
        services.plugins = self.composition.plugins.clone();
        services
            .shutdown
            .guard(self.configuration.get(&cluster::SHUTDOWN_TIMEOUT)?);
        let config = self.cluster_config(seed)?;
        if let Some(graph) = self.job {
            services.application = Some(Arc::new(JobOfCluster::new(graph, &self.configuration)?));
        }
        let (cluster, _) = ClusterEntrypoint::stand_by(config, services).await?;
        Ok(until_end(&cluster, &termination).await)
    }

    fn cluster_config(&self, seed: u64) -> Result<ClusterConfig, ConfigError> {
        let configuration = &self.configuration;
        let host = configuration.find(&jobmanager::RPC_ADDRESS)?;
        let host = host.unwrap_or_else(|| LOCALHOST.to_owned());
        let bind_host = configuration.find(&jobmanager::BIND_HOST)?;
        Ok(ClusterConfig {
            mode: match self.job {
                Some(_) => DispatcherMode::PerJob { attached: false },
                None => DispatcherMode::Session,
            },
            secret: secret(configuration)?,
            bind_host: bind_host.unwrap_or_else(|| host.clone()),
            host,
            rest_bind_ports: rest_ports(configuration)?,
            rpc_ports: rpc_ports(configuration)?,
            driver: Arc::new(StandaloneDriver),
            cluster_id: Some(configuration.get(&high_availability::CLUSTER_ID)?),
            file_systems: self.file_systems.clone(),
            connectors: self.composition.connectors.clone(),
            checker: self.composition.checker.clone(),
            clock: Arc::new(SystemClock),
            seed,
            log_file: self.log_file.clone(),
            configuration: configuration.clone(),
        })
    }
}

async fn until_end(cluster: &Cluster, termination: &Termination) -> u8 {
    tokio::select! {
        biased;
        code = termination.asked() => {
            cluster.terminate().await;
            code
        }
        ended = cluster.wait_ended() => exit_code(&ended),
    }
}

/// The end of the cluster's job decides; one that is not the job's is a fault.
fn exit_code(ended: &Ended) -> u8 {
    if ended.shutdown == Shutdown::ProcessAlone || ended.end.is_fault() {
        tracing::error!("the master broke down: {}", ended.end.diagnostics);
        return EXIT_FATAL;
    }
    ended.end.status.exit_code()
}

/// The secret that masters and workers share.
///
/// # Errors
/// Where there is none, or what is set is none; the value itself is never told.
pub fn secret(configuration: &Configuration) -> Result<ApplicationSecret, ConfigError> {
    let option = &cluster::APPLICATION_SECRET;
    let invalid = |reason: &str| ConfigError::Invalid {
        key: option.key().to_owned(),
        reason: format!(
            "{reason}; masters and workers that are started by hand must have the same one, of 64 hexadecimal digits, in \
             their configuration files: openssl rand -hex 32 makes one"
        ),
    };
    let text = configuration.find(option)?;
    let text = text.ok_or_else(|| invalid("it is not set"))?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| invalid("what is set is none"))?;
    ApplicationSecret::from_bytes(&bytes).map_err(|error| invalid(&error.to_string()))
}

fn rest_ports(configuration: &Configuration) -> Result<PortRange, ConfigError> {
    match configuration.text(rest::BIND_PORT.key()) {
        Some(set) if set.trim() != ANY_PORT => PortRange::read(configuration, &rest::BIND_PORT),
        _ => PortRange::read(configuration, &rest::PORT),
    }
}

/// A master that can be replaced is found by who knows the leader; any other at its one address.
fn rpc_ports(configuration: &Configuration) -> Result<PortRange, ConfigError> {
    match high_availability::is_enabled(configuration)? {
        true => PortRange::read(configuration, &high_availability::JOB_MANAGER_PORT),
        false => PortRange::read(configuration, &jobmanager::RPC_PORT),
    }
}

#[cfg(test)]
mod tests {
    use selvedge_core::status::ApplicationStatus;

    use super::*;
    use crate::entrypoint::ClusterEnd;

    fn settings(settings: &[(&str, &str)]) -> Configuration {
        settings.iter().copied().collect()
    }

    #[test]
    fn the_ports_are_those_that_flinks_keys_say() {
        for (set, rest, rpc) in [
            (vec![], "8081", "6123"),
            (vec![("rest.bind-port", "0")], "8081", "6123"),
            (
                vec![("rest.bind-port", "9000-9010"), ("rest.port", "1")],
                "9000-9010",
                "6123",
            ),
            (vec![("rest.port", "0"), ("jobmanager.rpc.port", "7000")], "0", "7000"),
            (vec![("high-availability.type", "zookeeper")], "8081", "0"),
            (
                vec![
                    ("high-availability.type", "zookeeper"),
                    ("high-availability.jobmanager.port", "50010-50020"),
                ],
                "8081",
                "50010-50020",
            ),
        ] {
            let configuration = settings(&set);
            assert_eq!(rest_ports(&configuration).unwrap().to_string(), rest, "{set:?}");
            assert_eq!(rpc_ports(&configuration).unwrap().to_string(), rpc, "{set:?}");
        }
    }

    #[test]
    fn exit_codes_are_flinks_and_those_of_faults_are_2() {
        let failed_job = r#"{"job_id":"01010101010101010101010101010101","status":"FAILED","net_runtime_ms":5}"#;
        for (shutdown, status, diagnostics, code) in [
            (Shutdown::Graceful, ApplicationStatus::Succeeded, "", 0),
            (Shutdown::Graceful, ApplicationStatus::Canceled, "", 0),
            (Shutdown::Graceful, ApplicationStatus::Failed, failed_job, 163),
            (Shutdown::Graceful, ApplicationStatus::Failed, "the disk is full", 2),
            (Shutdown::Graceful, ApplicationStatus::Unknown, "", 165),
            (
                Shutdown::ProcessAlone,
                ApplicationStatus::Unknown,
                "the disk is full",
                2,
            ),
        ] {
            let diagnostics = diagnostics.to_owned();
            let end = ClusterEnd { status, diagnostics };
            let ended = Ended { end, shutdown };
            assert_eq!(exit_code(&ended), code, "{ended:?}");
        }
    }

    #[test]
    fn a_secret_is_needed_and_never_told() {
        let right = "07".repeat(32);
        let set = settings(&[("selvedge.application.secret", &right)]);
        assert_eq!(secret(&set).unwrap(), ApplicationSecret::from_bytes(&[7; 32]).unwrap());
        for set in [vec![], vec![("selvedge.application.secret", "hunter2")]] {
            let message = secret(&settings(&set)).unwrap_err().to_string();
            assert!(message.starts_with("selvedge.application.secret: "), "{message}");
            assert!(
                message.contains("openssl rand") && !message.contains("hunter2"),
                "{message}"
            );
        }
    }
}
