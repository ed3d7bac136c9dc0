//! `high-availability.zookeeper.*`, with Flink's defaults.

use std::collections::BTreeMap;
use std::time::Duration;

use selvedge_core::Configuration;
use selvedge_core::config::ConfigError;
use selvedge_core::config::options::high_availability as options;
use zookeeper_client::Acls;

use super::super::{HaError, LeaderComponent};

/// How ZooKeeper is reached, and where this cluster is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZooKeeperSettings {
    /// `host:port,host:port`, perhaps with a path at the end below which everything lies.
    pub quorum: String,
    /// The node below which all clusters lie.
    pub root: String,
    /// The cluster's name; on YARN the application's id.
    pub cluster_id: String,
    /// After how long without contact the session has expired. The servers may allow less or more.
    pub session_timeout: Duration,
    /// How long one attempt to connect may take.
    pub connection_timeout: Duration,
    /// The pause before something is tried again.
    pub retry_wait: Duration,
    /// How often it is tried again.
    pub max_retry_attempts: u32,
    /// Whether a lost connection keeps the leader, until its session may have expired.
    pub tolerate_suspended_connections: bool,
    /// Whether only who made a node may read and change it.
    pub creator_only: bool,
    /// Credentials by scheme.
    pub authorization: BTreeMap<String, String>,
}

impl ZooKeeperSettings {
    /// Reads the settings.
    ///
    /// # Errors
    /// [`HaError::Missing`] without a quorum, [`HaError::Configuration`] for a value that cannot be used.
    pub fn read(configuration: &Configuration) -> Result<Self, HaError> {
        let quorum = configuration.find(&options::QUORUM)?;
        let quorum = quorum
            .filter(|quorum| !quorum.trim().is_empty())
            .ok_or(HaError::Missing {
                key: options::QUORUM.key(),
                kind: "ZOOKEEPER",
                example: "host1:2181,host2:2181",
            })?;
        let attempts = configuration.get(&options::MAX_RETRY_ATTEMPTS)?;
        Ok(Self {
            quorum: quorum.split(',').map(str::trim).collect::<Vec<_>>().join(","),
            root: configuration.get(&options::PATH_ROOT)?,
            cluster_id: configuration.get(&options::CLUSTER_ID)?,
            session_timeout: configuration.get(&options::SESSION_TIMEOUT)?,
            connection_timeout: configuration.get(&options::CONNECTION_TIMEOUT)?,
            retry_wait: configuration.get(&options::RETRY_WAIT)?,
            max_retry_attempts: attempts,
            tolerate_suspended_connections: configuration.get(&options::TOLERATE_SUSPENDED_CONNECTIONS)?,
            creator_only: creator_only(&configuration.get(&options::ACL)?)?,
            authorization: configuration.find(&options::AUTHORIZATION)?.unwrap_or_default(),
        })
    }

    /// The cluster's own node.
    pub(super) fn cluster_path(&self) -> String {
        let parts = self.root.split('/').chain(self.cluster_id.split('/'));
        let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
        format!("/{}", parts.join("/"))
    }

    /// The directory of the contenders' nodes.
    pub(super) fn latch_path(&self) -> String {
        format!("{}/leader/latch", self.cluster_path())
    }

    /// The directory of a component's node.
    pub(super) fn component_path(&self, component: LeaderComponent) -> String {
        format!("{}/leader/{component}", self.cluster_path())
    }

    /// The node that says where a component's leader is.
    pub(super) fn information_path(&self, component: LeaderComponent) -> String {
        format!("{}/connection_info", self.component_path(component))
    }

    pub(super) const fn acls(&self) -> Acls<'static> {
        match self.creator_only {
            true => Acls::creator_all(),
            false => Acls::anyone_all(),
        }
    }
}

fn creator_only(text: &str) -> Result<bool, ConfigError> {
    match text.to_ascii_lowercase().as_str() {
        "creator" => Ok(true),
        "open" => Ok(false),
        _ => Err(ConfigError::Invalid {
            key: options::ACL.key().to_owned(),
            reason: format!("'{text}' is neither open nor creator"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use selvedge_core::JobId;

    use super::*;

    #[test]
    fn keys_and_defaults_are_flinks() {
        let read = |settings: &[(&str, &str)]| ZooKeeperSettings::read(&settings.iter().copied().collect());
        let settings = read(&[("high-availability.zookeeper.quorum", "a:2181, b:2181")]).unwrap();
        assert_eq!(settings.quorum, "a:2181,b:2181");
        assert_eq!(settings.session_timeout, Duration::from_secs(60));
        assert_eq!(settings.connection_timeout, Duration::from_secs(15));
        assert_eq!(
            (settings.retry_wait, settings.max_retry_attempts),
            (Duration::from_secs(5), 3)
        );
        assert!(!settings.tolerate_suspended_connections && !settings.creator_only);
        assert_eq!(settings.latch_path(), "/flink/default/leader/latch");
        let settings = read(&[
            ("recovery.zookeeper.quorum", "a:2181"),
            ("high-availability.zookeeper.path.root", "/teams/blue/"),
            ("high-availability.cluster-id", "application_1_0007"),
            ("high-availability.zookeeper.client.acl", "creator"),
            ("high-availability.zookeeper.client.authorization", "digest:blue:secret"),
        ])
        .unwrap();
        assert!(settings.creator_only);
        assert_eq!(settings.authorization["digest"], "blue:secret");
        assert_eq!(
            settings.information_path(LeaderComponent::ResourceManager),
            "/teams/blue/application_1_0007/leader/resource_manager/connection_info"
        );
        let job = LeaderComponent::JobMaster(JobId::from_bytes([7; 16]));
        assert_eq!(
            settings.component_path(job),
            "/teams/blue/application_1_0007/leader/job-07070707070707070707070707070707"
        );
    }

    #[test]
    fn a_missing_quorum_is_told_by_its_key() {
        for settings in [vec![], vec![("high-availability.zookeeper.quorum", " ")]] {
            let error = ZooKeeperSettings::read(&settings.into_iter().collect()).unwrap_err();
            let message = error.to_string();
            assert!(
                message.contains("high-availability.zookeeper.quorum is not set"),
                "{message}"
            );
        }
    }
}
