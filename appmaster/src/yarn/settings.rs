//! What the driver needs of the settings and of the Hadoop configuration.

use std::time::Duration;

use selvedge_core::Configuration;
use selvedge_core::config::ConfigError;
use selvedge_core::config::options::{historyserver, yarn};
use selvedge_core::resource::{ExternalResources, YarnExternalResources};
use yarn_common::conf::{Authentication, ConfError, HadoopConfiguration};
use yarn_rpc::RetryPolicy;
use yarn_rpc::ipc::IpcOptions;

use super::driver::{DriverSettings, WorkerLabel};

/// YARN cannot be spoken to as configured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum YarnSettingsError {
    /// A setting of ours.
    #[error(transparent)]
    Setting(#[from] ConfigError),
    /// A property of Hadoop.
    #[error(transparent)]
    Hadoop(#[from] ConfError),
}

impl DriverSettings {
    pub(super) fn read(
        configuration: &Configuration,
        hadoop: &HadoopConfiguration,
        ipc: IpcOptions,
    ) -> Result<Self, YarnSettingsError> {
        let addresses = hadoop.rm_scheduler_addresses()?;
        let retry = RetryPolicy {
            max_delay: hadoop.rm_connect_retry_interval()?,
            // Hadoop's -1: for ever.
            max_wait: hadoop.rm_connect_max_wait()?.unwrap_or(Duration::MAX),
            ..RetryPolicy::RESOURCE_MANAGER
        };
        let node_retry = RetryPolicy {
            max_delay: hadoop.nm_connect_retry_interval()?,
            max_wait: hadoop.nm_connect_max_wait()?.unwrap_or(Duration::MAX),
            ..RetryPolicy::NODE_MANAGER
        };
        let seconds = configuration.get(&yarn::HEARTBEAT_INTERVAL_SECONDS)?;
        Ok(Self {
            addresses: addresses.iter().map(ToString::to_string).collect(),
            client_addresses: client_addresses(hadoop)?,
            retry,
            node_retry,
            idle_interval: Duration::from_secs(seconds.into()),
            asking_interval: configuration.get(&yarn::CONTAINER_REQUEST_HEARTBEAT_INTERVAL)?,
            expiry_interval: hadoop.am_expiry_interval()?,
            label: WorkerLabel::new(
                configuration.find(&yarn::TASKMANAGER_NODE_LABEL)?,
                configuration.find(&yarn::APPLICATION_NODE_LABEL)?,
            ),
            node_scheme: if hadoop.yarn_uses_https()? { "https" } else { "http" },
            external_resources: external_resources(configuration)?,
            history: history(configuration)?,
            ipc,
        })
    }
}

/// With Kerberos an ApplicationMaster has no ticket for the ResourceManager. An address that is not configured is not needed.
fn client_addresses(hadoop: &HadoopConfiguration) -> Result<Option<Vec<String>>, ConfError> {
    if hadoop.authentication()? == Authentication::Kerberos {
        return Ok(None);
    }
    let addresses = hadoop.rm_client_addresses().ok();
    Ok(addresses.map(|all| all.iter().map(ToString::to_string).collect()))
}

fn external_resources(configuration: &Configuration) -> Result<YarnExternalResources, ConfigError> {
    let names = YarnExternalResources::read(configuration)?;
    let amounts = ExternalResources::read(configuration)?;
    for line in amounts.ignored.iter().chain(&names.ignored) {
        tracing::warn!("{line}");
    }
    Ok(names)
}

/// Flink's history server as people reach it; nothing where there is none.
fn history(configuration: &Configuration) -> Result<String, ConfigError> {
    let host = configuration.find(&historyserver::WEB_ADDRESS)?.unwrap_or_default();
    if host.trim().is_empty() {
        return Ok(String::new());
    }
    let port = configuration.get(&historyserver::WEB_PORT)?;
    let scheme = match configuration.get(&historyserver::WEB_SSL_ENABLED)? {
        true => "https",
        false => "http",
    };
    Ok(format!("{scheme}://{}:{port}", host.trim()))
}

#[cfg(test)]
mod tests {
    use yarn_common::environment::Environment;

    use super::*;

    fn hadoop(properties: &str) -> HadoopConfiguration {
        let text = format!("<configuration>{properties}</configuration>");
        HadoopConfiguration::from_texts([("hadoop-site.xml", text.as_str())], Environment::default()).unwrap()
    }

    fn read(configuration: &Configuration, hadoop: &HadoopConfiguration) -> Result<DriverSettings, YarnSettingsError> {
        DriverSettings::read(configuration, hadoop, IpcOptions::default())
    }

    const ADDRESS: &str =
        "<property><name>yarn.resourcemanager.scheduler.address</name><value>rm:8130</value></property>";

    #[test]
    fn heartbeats_have_flinks_keys_and_defaults() {
        let settings = read(&Configuration::new(), &hadoop(ADDRESS)).unwrap();
        assert_eq!(settings.addresses, ["rm:8130"]);
        assert_eq!(settings.idle_interval, Duration::from_secs(5));
        assert_eq!(settings.asking_interval, Duration::from_millis(500));
        let faster = [
            ("yarn.heartbeat.interval", "1"),
            ("yarn.heartbeat.container-request-interval", "50"),
        ];
        let settings = read(&faster.into_iter().collect(), &hadoop(ADDRESS)).unwrap();
        assert_eq!(settings.idle_interval, Duration::from_secs(1));
        assert_eq!(settings.asking_interval, Duration::from_millis(50));
    }

    #[test]
    fn nodes_are_looked_for_as_long_as_hadoops_settings_say() {
        let settings = read(&Configuration::new(), &hadoop(ADDRESS)).unwrap();
        assert_eq!(settings.nodes().retry, RetryPolicy::NODE_MANAGER);
        let shorter = "<property><name>yarn.client.nodemanager-connect.max-wait-ms</name><value>20000</value></property>\
                       <property><name>yarn.client.nodemanager-connect.retry-interval-ms</name><value>1000</value></property>";
        let settings = read(&Configuration::new(), &hadoop(&format!("{ADDRESS}{shorter}"))).unwrap();
        let retry = settings.nodes().retry;
        assert_eq!(
            (retry.max_wait, retry.max_delay),
            (Duration::from_secs(20), Duration::from_secs(1))
        );
    }

    #[test]
    fn workers_are_where_their_own_label_is_or_that_of_the_application() {
        for (settings, expected) in [
            (&[][..], WorkerLabel::None),
            (&[("yarn.application.node-label", "gold")], WorkerLabel::OfApplication),
            (
                &[
                    ("yarn.application.node-label", "gold"),
                    ("yarn.taskmanager.node-label", "gpu"),
                ],
                WorkerLabel::Own("gpu".to_owned()),
            ),
        ] {
            let read = read(&settings.iter().copied().collect(), &hadoop(ADDRESS)).unwrap();
            assert_eq!(read.label, expected);
        }
    }

    #[test]
    fn an_application_that_has_ended_links_to_the_history_server_where_there_is_one() {
        let (address, ssl) = ("historyserver.web.address", "historyserver.web.ssl.enabled");
        for (settings, expected) in [
            (&[][..], ""),
            (&[(ssl, "true")], ""),
            (&[(address, " ")], ""),
            (&[(address, "history")], "http://history:8082"),
            (
                &[(address, "history"), (ssl, "true"), ("historyserver.web.port", "443")],
                "https://history:443",
            ),
        ] {
            let read = read(&settings.iter().copied().collect(), &hadoop(ADDRESS)).unwrap();
            assert_eq!(read.history, expected);
        }
    }

    #[test]
    fn without_an_address_it_is_told_which_one_is_missing() {
        let message = read(&Configuration::new(), &hadoop("")).unwrap_err().to_string();
        assert!(message.contains("yarn.resourcemanager"), "{message}");
    }
}
