//! The ResourceManagers: where they are, and where they keep what they know.
//!
//! One keeps its state in the local file system. Two elect the active one in ZooKeeper and keep their state there.

use std::path::Path;

use super::site::properties;
use crate::bed::daemon::Daemon;
use crate::bed::options::Properties;

const SERVICES: [&str; 5] = [
    "address",
    "scheduler.address",
    "resource-tracker.address",
    "admin.address",
    "webapp.address",
];
const RECOVERY: &str = "org.apache.hadoop.yarn.server.resourcemanager.recovery";
/// The active ResourceManager loses its place so long after its death; Hadoop's default is 10 s.
const ELECTION_TIMEOUT_MS: u32 = 2_000;
/// ZooKeeper's own limits allow sessions from twice this on.
const ZOOKEEPER_TICK_MS: u32 = 500;

/// The addresses of one ResourceManager or of two, `host:port` each.
#[derive(Debug)]
pub(super) struct ResourceManagers {
    /// In the order of [`SERVICES`].
    addresses: Vec<[String; SERVICES.len()]>,
    /// Where there are two.
    zookeeper: Option<String>,
}

impl ResourceManagers {
    pub(super) fn new(count: usize, mut local: impl FnMut() -> String) -> Self {
        let addresses = (0..count).map(|_| SERVICES.map(|_| local())).collect();
        let zookeeper = (count > 1).then(local);
        Self { addresses, zookeeper }
    }

    pub(super) fn web_urls(&self) -> Vec<String> {
        let web = |[.., web]: &[String; SERVICES.len()]| format!("http://{web}");
        self.addresses.iter().map(web).collect()
    }

    pub(super) fn zookeeper(&self) -> Option<&str> {
        self.zookeeper.as_deref()
    }

    /// What everybody needs to find them.
    pub(super) fn addresses(&self) -> Properties {
        if self.zookeeper.is_none() {
            return self.addresses_of(0, "");
        }
        let mut all = properties([
            ("yarn.resourcemanager.ha.enabled", "true".to_owned()),
            ("yarn.resourcemanager.cluster-id", "bed".to_owned()),
            ("yarn.resourcemanager.ha.rm-ids", "rm1,rm2".to_owned()),
        ]);
        for index in 0..self.addresses.len() {
            all.extend(self.addresses_of(index, &format!(".{}", id(index))));
        }
        all
    }

    fn addresses_of(&self, index: usize, suffix: &str) -> Properties {
        let services = SERVICES.iter().zip(&self.addresses[index]);
        let named =
            services.map(|(service, address)| (format!("yarn.resourcemanager.{service}{suffix}"), address.clone()));
        let host = (format!("yarn.resourcemanager.hostname{suffix}"), "localhost".to_owned());
        named.chain([host]).collect()
    }

    /// Who it is and where its state is, for one of the ResourceManagers.
    pub(super) fn own(&self, daemon: Daemon, state: &Path) -> Properties {
        let mut own = properties([("yarn.resourcemanager.recovery.enabled", "true".to_owned())]);
        let Some(zookeeper) = &self.zookeeper else {
            own.extend(properties([
                (
                    "yarn.resourcemanager.store.class",
                    format!("{RECOVERY}.FileSystemRMStateStore"),
                ),
                (
                    "yarn.resourcemanager.fs.state-store.uri",
                    format!("file://{}", state.display()),
                ),
            ]));
            return own;
        };
        let index = usize::from(daemon == Daemon::SecondResourceManager);
        own.extend(properties([
            ("yarn.resourcemanager.ha.id", id(index)),
            ("yarn.resourcemanager.store.class", format!("{RECOVERY}.ZKRMStateStore")),
            ("hadoop.zk.address", zookeeper.clone()),
            ("hadoop.zk.timeout-ms", ELECTION_TIMEOUT_MS.to_string()),
            // What Hadoop 2 and its elector call the two.
            ("yarn.resourcemanager.zk-address", zookeeper.clone()),
            ("yarn.resourcemanager.zk-timeout-ms", ELECTION_TIMEOUT_MS.to_string()),
        ]));
        own
    }

    /// ZooKeeper's own configuration, where there is one.
    pub(super) fn zoo_cfg(&self, data: &Path) -> Option<String> {
        let (host, port) = self.zookeeper.as_deref()?.split_once(':')?;
        Some(format!(
            "dataDir={}\nclientPort={port}\nclientPortAddress={host}\ntickTime={ZOOKEEPER_TICK_MS}\n\
             minSessionTimeout={}\nadmin.enableServer=false\n4lw.commands.whitelist=*\n",
            data.display(),
            2 * ZOOKEEPER_TICK_MS,
        ))
    }
}

fn id(index: usize) -> String {
    format!("rm{}", index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(count: usize) -> ResourceManagers {
        let mut port = 20_000;
        ResourceManagers::new(count, || {
            port += 1;
            format!("localhost:{port}")
        })
    }

    #[test]
    fn one_resource_manager_has_plain_keys_and_keeps_its_state_in_files() {
        let one = some(1);
        let addresses = one.addresses();
        assert_eq!(addresses["yarn.resourcemanager.webapp.address"], "localhost:20005");
        assert!(!addresses.contains_key("yarn.resourcemanager.ha.enabled"));
        let own = one.own(Daemon::ResourceManager, Path::new("/state"));
        assert_eq!(own["yarn.resourcemanager.fs.state-store.uri"], "file:///state");
        assert_eq!(one.zoo_cfg(Path::new("/zk")), None);
    }

    #[test]
    fn two_resource_managers_differ_in_their_id_alone_and_keep_their_state_in_zookeeper() {
        let two = some(2);
        let addresses = two.addresses();
        assert_eq!(
            addresses["yarn.resourcemanager.scheduler.address.rm2"],
            "localhost:20007"
        );
        let state = Path::new("/state");
        let (mut first, mut second) = (
            two.own(Daemon::ResourceManager, state),
            two.own(Daemon::SecondResourceManager, state),
        );
        let id = "yarn.resourcemanager.ha.id";
        assert_eq!(
            (first.remove(id), second.remove(id)),
            (Some("rm1".into()), Some("rm2".into()))
        );
        assert_eq!(first, second);
        assert_eq!(first["hadoop.zk.address"], "localhost:20011");
        assert!(two.zoo_cfg(Path::new("/zk")).unwrap().contains("clientPort=20011\n"));
    }
}
