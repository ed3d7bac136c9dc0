//! The way to a YARN cluster and to the masters that run there.

use selvedge_core::Configuration;
use selvedge_core::config::options::rest;
use selvedge_runtime::fs::FileSystems;
use selvedge_runtime::outcome::JobOutcome;
use yarn_common::conf::HadoopConfiguration;
use yarn_common::id::ApplicationId;
use yarn_rest::auth::Simple;
use yarn_rest::model::{Application, ApplicationState};
use yarn_rest::rm::RmClient;
use yarn_rest::transport::{Proxies, Transport};

use super::cluster::Pauses;
use super::staging::Staging;
use super::waiting::Waiting;
use super::{YarnError, failure};
use crate::cluster::{JobObserver, ProxyRoute, RestClusterClient};

/// A user's access to a YARN cluster.
#[derive(Debug, Clone)]
pub struct YarnAccess {
    pub(super) configuration: Configuration,
    pub(super) hadoop: HadoopConfiguration,
    pub(super) rm: RmClient,
    pub(super) user: String,
}

impl YarnAccess {
    /// With these settings, as `user`. Nobody is asked yet.
    ///
    /// # Errors
    /// [`YarnError`] where the Hadoop configuration does not say where the ResourceManager is.
    pub fn new(configuration: Configuration, hadoop: HadoopConfiguration, user: &str) -> Result<Self, YarnError> {
        // As Hadoop's own clients: a proxy for the web is none for the cluster.
        let transport = Transport::new().authenticator(Simple::new(user)).proxies(Proxies::None);
        let rm = RmClient::builder()
            .configuration(&hadoop)?
            .transport(transport)
            .build()?;
        Ok(Self {
            configuration,
            hadoop,
            rm,
            user: user.to_owned(),
        })
    }

    /// A client of the ResourceManager.
    pub const fn resource_manager(&self) -> &RmClient {
        &self.rm
    }

    pub(super) fn staging(&self, file_systems: &FileSystems) -> Result<Staging, YarnError> {
        Staging::new(&self.configuration, file_systems, &self.user, &self.superusers())
    }

    /// The group of HDFS's superusers, as the NameNode's default names it where the client's configuration does not.
    fn superusers(&self) -> String {
        let configured = self.hadoop.get("dfs.permissions.superusergroup").ok().flatten();
        configured.unwrap_or_else(|| "supergroup".to_owned())
    }

    /// The report of the application when its master can be asked, or when it has told how its job ended.
    pub(super) async fn wait_for_master(
        &self,
        application: ApplicationId,
        observer: &mut dyn JobObserver,
    ) -> Result<Application, YarnError> {
        let report = self.wait_for_master_or_end(application, observer).await?;
        let diagnostics = report.diagnostics.as_deref().unwrap_or_default();
        if report.state.is_final() && JobOutcome::from_diagnostics(diagnostics).is_none() {
            return Err(failure::ended_early(&self.rm, &report).await);
        }
        Ok(report)
    }

    /// The same, also where the master has ended the application in its own way.
    pub(super) async fn wait_for_master_or_end(
        &self,
        application: ApplicationId,
        observer: &mut dyn JobObserver,
    ) -> Result<Application, YarnError> {
        let pauses = Pauses::new();
        let mut told = None;
        let (begun, mut waiting) = (tokio::time::Instant::now(), Waiting::default());
        loop {
            let report = self.rm.application(application).await?;
            if report.state.is_final() {
                // A master that has said how it ended has unregistered.
                if report.state == ApplicationState::Finished {
                    return Ok(report);
                }
                return Err(failure::ended_early(&self.rm, &report).await);
            }
            if told.as_ref() != Some(&report.state) {
                observer.note(&format!("{application} is {}", report.state));
                told = Some(report.state.clone());
            }
            if report.state == ApplicationState::Running && report.am_address().is_some() {
                return Ok(report);
            }
            if let Some(line) = waiting.look(&self.rm, &report, begun.elapsed()).await {
                observer.note(&line);
            }
            pauses.pause().await;
        }
    }

    pub(super) fn proxied(&self, application: ApplicationId) -> RestClusterClient {
        RestClusterClient::proxied(self.proxy(application))
    }

    fn proxy(&self, application: ApplicationId) -> ProxyRoute {
        ProxyRoute {
            resource_manager: self.rm.clone(),
            application,
        }
    }

    /// A client of the master that the report names: direct, or through YARN's proxy.
    pub(super) async fn connect(
        &self,
        report: &Application,
        observer: &mut dyn JobObserver,
    ) -> Result<RestClusterClient, YarnError> {
        let (host, port) = report.am_address().unwrap_or_default();
        let address = format!("{host}:{port}");
        let (client, refused) = RestClusterClient::direct_or_proxied(&address, self.proxy(report.id)).await?;
        if let Some(refused) = refused {
            let cause = selvedge_runtime::connector::report(&refused);
            observer.note(&format!(
                "the master's REST endpoint at {host}, port {port}, cannot be reached from here ({cause}): progress and \
                 result come through YARN's web proxy. To open a firewall for it, give {} a range, such as \
                 -D{}=50100-50200",
                rest::BIND_PORT.key(),
                rest::BIND_PORT.key()
            ));
        }
        Ok(client)
    }
}
