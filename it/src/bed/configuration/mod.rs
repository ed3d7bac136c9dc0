//! Hadoop's site files, for the daemons and for the bed's user.

mod resource_manager;
mod site;

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use resource_manager::ResourceManagers;
use site::{properties, write_site};

use super::daemon::Daemon;
use super::description::{Description, NodeManager};
use super::distribution::Distribution;
use super::error::{BedError, Step};
use super::layout::Layout;
use super::options::{BedOptions, Properties};
use super::ports::Ports;

const LOG4J: &str = "\
log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %-5p %c{2} [%t] %m%n
";
/// Container logs stay for the tests that read them.
const LOG_RETAIN_SECONDS: &str = "604800";
const HDFS_PORTS: usize = 5;
const RESOURCE_MANAGER_PORTS: usize = 5;
const ZOOKEEPER_PORTS: usize = 1;
const NODE_MANAGER_PORTS: usize = 3;

/// The addresses of a bed, and the configuration that follows from them.
#[derive(Debug)]
pub(super) struct Configuration<'a> {
    layout: &'a Layout,
    options: &'a BedOptions,
    jars: std::path::PathBuf,
    namenode: String,
    namenode_web: String,
    datanode: [String; 3],
    resource_managers: ResourceManagers,
    node_managers: Vec<NodeAddresses>,
}

#[derive(Debug)]
struct NodeAddresses {
    host: Ipv4Addr,
    rpc: String,
    localizer: String,
    web: String,
}

pub(super) fn ports_needed(options: &BedOptions) -> u16 {
    let ports = HDFS_PORTS
        + RESOURCE_MANAGER_PORTS * options.resource_managers
        + ZOOKEEPER_PORTS
        + NODE_MANAGER_PORTS * options.node_managers;
    u16::try_from(ports).expect("as many daemons as a machine runs")
}

impl<'a> Configuration<'a> {
    pub(super) fn new(layout: &'a Layout, options: &'a BedOptions, hadoop: &Distribution, ports: &mut Ports) -> Self {
        let mut local = || format!("localhost:{}", ports.next());
        let namenode = local();
        let namenode_web = local();
        let datanode = [local(), local(), local()];
        let resource_managers = ResourceManagers::new(options.resource_managers, &mut local);
        let node_managers = (0..options.node_managers)
            .map(|index| NodeAddresses::new(index, ports))
            .collect();
        Self {
            layout,
            options,
            jars: hadoop.jars(),
            namenode,
            namenode_web,
            datanode,
            resource_managers,
            node_managers,
        }
    }

    pub(super) fn description(&self, daemon_user: String, java_home: &Path) -> Description {
        let node_managers = self
            .node_managers
            .iter()
            .enumerate()
            .map(|(index, addresses)| NodeManager {
                host: addresses.host,
                node_id: addresses.rpc.clone(),
                web: format!("http://{}", addresses.web),
                local_dir: self.layout.node_manager(index).join("local"),
                log_dir: self.layout.node_manager(index).join("logs"),
            });
        let rm_webs = self.resource_managers.web_urls();
        Description {
            scratch: self.layout.scratch().to_path_buf(),
            user: self.options.user.clone(),
            daemon_user,
            hdfs_uri: format!("hdfs://{}", self.namenode),
            namenode_web: format!("http://{}", self.namenode_web),
            hadoop: self.options.hadoop,
            rm_webs,
            zookeeper: self.resource_managers.zookeeper().map(str::to_owned),
            hadoop_conf_dir: self.layout.client_conf(),
            node_managers: node_managers.collect(),
            java_home: java_home.to_path_buf(),
            hadoop_jars: self.jars.clone(),
        }
    }

    /// Writes a configuration folder for the user, one for the daemons at localhost, and one for each NodeManager, the
    /// second ResourceManager and ZooKeeper.
    pub(super) fn write(&self) -> Result<(), BedError> {
        self.write_folder(&self.layout.client_conf(), self.hdfs_client(), self.yarn_client())?;
        let resource_managers = [Daemon::ResourceManager, Daemon::SecondResourceManager];
        for daemon in resource_managers.into_iter().take(self.options.resource_managers) {
            let folder = self.layout.daemon_conf(daemon);
            self.write_folder(&folder, self.hdfs_daemons(), self.resource_manager(daemon))?;
            let queues = folder.join("capacity-scheduler.xml");
            write_site(&queues, self.capacity_scheduler(), &self.options.capacity_scheduler)?;
        }
        let data = self.layout.data().join("zookeeper");
        if let Some(text) = self.resource_managers.zoo_cfg(&data) {
            let folder = self.layout.daemon_conf(Daemon::ZooKeeper);
            self.write_folder(&folder, self.hdfs_client(), self.yarn_client())?;
            let file = self.layout.zoo_cfg();
            fs::write(&file, text).step(|| format!("writing {}", file.display()))?;
        }
        for (index, addresses) in self.node_managers.iter().enumerate() {
            let folder = self.layout.daemon_conf(Daemon::NodeManager(index));
            self.write_folder(&folder, self.hdfs_client(), self.node_manager(index, addresses))?;
        }
        Ok(())
    }

    fn write_folder(&self, folder: &Path, hdfs: Properties, yarn: Properties) -> Result<(), BedError> {
        fs::create_dir_all(folder).step(|| format!("making {}", folder.display()))?;
        write_site(&folder.join("core-site.xml"), self.core(), &self.options.core_site)?;
        write_site(&folder.join("hdfs-site.xml"), hdfs, &self.options.hdfs_site)?;
        write_site(&folder.join("yarn-site.xml"), yarn, &self.options.yarn_site)?;
        let log4j = folder.join("log4j.properties");
        fs::write(&log4j, LOG4J).step(|| format!("writing {}", log4j.display()))
    }

    fn core(&self) -> Properties {
        let user = &self.options.user;
        properties([
            ("fs.defaultFS", format!("hdfs://{}", self.namenode)),
            ("hadoop.tmp.dir", path(&self.layout.data().join("tmp"))),
            // The user has no account here: without this the NameNode runs `id` for each of its requests, and warns.
            (
                "hadoop.user.group.static.mapping.overrides",
                format!("{user}={user};dr.who=;"),
            ),
        ])
    }

    fn hdfs_client(&self) -> Properties {
        properties([
            ("dfs.replication", "1".to_owned()),
            ("dfs.namenode.http-address", self.namenode_web.clone()),
            ("dfs.permissions.enabled", "true".to_owned()),
        ])
    }

    fn hdfs_daemons(&self) -> Properties {
        let [data, web, ipc] = &self.datanode;
        let mut all = self.hdfs_client();
        all.extend(properties([
            ("dfs.namenode.name.dir", path(&self.layout.data().join("namenode"))),
            ("dfs.datanode.data.dir", path(&self.layout.data().join("datanode"))),
            ("dfs.datanode.hostname", "localhost".to_owned()),
            ("dfs.datanode.address", data.clone()),
            ("dfs.datanode.http.address", web.clone()),
            ("dfs.datanode.ipc.address", ipc.clone()),
            ("dfs.namenode.safemode.extension", "0".to_owned()),
            (
                "dfs.namenode.datanode.registration.ip-hostname-check",
                "false".to_owned(),
            ),
        ]));
        all
    }

    fn yarn_client(&self) -> Properties {
        let mut all = properties([
            // Hadoop's 30 s would keep NodeManagers and Java clients away that long after a restart.
            ("yarn.resourcemanager.connect.retry-interval.ms", "1000".to_owned()),
            (
                "yarn.application.classpath",
                format!("{},{}/*", path(&self.layout.client_conf()), path(&self.jars)),
            ),
        ]);
        all.extend(self.resource_managers.addresses());
        all
    }

    fn resource_manager(&self, daemon: Daemon) -> Properties {
        let BedOptions {
            minimum_allocation_mb,
            node_memory_mb,
            node_vcores,
            ..
        } = self.options;
        let mut all = self.yarn_client();
        all.extend(properties([
            ("yarn.resourcemanager.am.max-attempts", "5".to_owned()),
            (
                "yarn.scheduler.minimum-allocation-mb",
                minimum_allocation_mb.to_string(),
            ),
            ("yarn.scheduler.maximum-allocation-mb", node_memory_mb.to_string()),
            ("yarn.scheduler.maximum-allocation-vcores", node_vcores.to_string()),
        ]));
        all.extend(
            self.resource_managers
                .own(daemon, &self.layout.data().join("resourcemanager")),
        );
        all
    }

    fn node_manager(&self, index: usize, addresses: &NodeAddresses) -> Properties {
        let folder = self.layout.node_manager(index);
        let mut all = self.yarn_client();
        all.extend(properties([
            ("yarn.nodemanager.hostname", addresses.host.to_string()),
            ("yarn.nodemanager.address", addresses.rpc.clone()),
            ("yarn.nodemanager.localizer.address", addresses.localizer.clone()),
            ("yarn.nodemanager.webapp.address", addresses.web.clone()),
            ("yarn.nodemanager.local-dirs", path(&folder.join("local"))),
            ("yarn.nodemanager.log-dirs", path(&folder.join("logs"))),
            ("yarn.nodemanager.log.retain-seconds", LOG_RETAIN_SECONDS.to_owned()),
            (
                "yarn.nodemanager.resource.memory-mb",
                self.options.node_memory_mb.to_string(),
            ),
            (
                "yarn.nodemanager.resource.cpu-vcores",
                self.options.node_vcores.to_string(),
            ),
            // Hadoop's defaults, stated because a bed without them would hide what a cluster kills.
            ("yarn.nodemanager.pmem-check-enabled", "true".to_owned()),
            ("yarn.nodemanager.vmem-check-enabled", "true".to_owned()),
            ("yarn.nodemanager.vmem-pmem-ratio", "2.1".to_owned()),
            // Its default, true, leaves the killing to cgroups even where there are none: the two checks above would
            // measure a container beyond its memory, and let it be.
            ("yarn.nodemanager.resource.memory.enforced", "false".to_owned()),
            ("yarn.nodemanager.recovery.enabled", "true".to_owned()),
            ("yarn.nodemanager.recovery.supervised", "true".to_owned()),
            ("yarn.nodemanager.recovery.dir", path(&folder.join("recovery"))),
            (
                "yarn.nodemanager.delete.debug-delay-sec",
                self.options.delete_debug_delay_sec.to_string(),
            ),
            ("yarn.nodemanager.env-whitelist", self.options.env_whitelist.join(",")),
            // A developer's disk that is 90 % full must not make the node unhealthy.
            (
                "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage",
                "100".to_owned(),
            ),
        ]));
        all
    }

    fn capacity_scheduler(&self) -> Properties {
        properties([
            ("yarn.scheduler.capacity.root.queues", "default".to_owned()),
            ("yarn.scheduler.capacity.root.default.capacity", "100".to_owned()),
            (
                "yarn.scheduler.capacity.root.default.user-limit-factor",
                "100".to_owned(),
            ),
            (
                "yarn.scheduler.capacity.root.default.acl_submit_applications",
                "*".to_owned(),
            ),
            // Hadoop's tenth of so small a cluster holds no ApplicationMaster.
            ("yarn.scheduler.capacity.maximum-am-resource-percent", "1.0".to_owned()),
            (
                "yarn.scheduler.capacity.resource-calculator",
                "org.apache.hadoop.yarn.util.resource.DominantResourceCalculator".to_owned(),
            ),
        ])
    }
}

impl NodeAddresses {
    fn new(index: usize, ports: &mut Ports) -> Self {
        let last = u8::try_from(index + 2).expect("as many NodeManagers as a machine runs");
        let host = Ipv4Addr::new(127, 0, 0, last);
        let mut address = || format!("{host}:{}", ports.next());
        Self {
            host,
            rpc: address(),
            localizer: address(),
            web: address(),
        }
    }
}

fn path(path: &Path) -> String {
    path.display().to_string()
}
