//! Hadoop's site files, for the daemons and for the bed's user.

mod history_server;
mod httpfs;
mod node_manager;
mod resource_manager;
mod site;

use std::fs;
use std::path::Path;

use history_server::HistoryServer;
use httpfs::HttpFs;
use node_manager::NodeAddresses;
use resource_manager::ResourceManagers;
use site::{properties, write_site};

use super::daemon::Daemon;
use super::description::Description;
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
const HDFS_PORTS: usize = 5;
const RESOURCE_MANAGER_PORTS: usize = 5;
const ZOOKEEPER_PORTS: usize = 1;
const HISTORY_SERVER_PORTS: usize = 3;
const HTTPFS_PORTS: usize = 1;
const NODE_MANAGER_PORTS: usize = 4;

/// The addresses of a bed, and the configuration that follows from them.
#[derive(Debug)]
pub(super) struct Configuration<'a> {
    layout: &'a Layout,
    options: &'a BedOptions,
    daemon_user: &'a str,
    jars: std::path::PathBuf,
    namenode: String,
    namenode_web: String,
    datanode: [String; 3],
    resource_managers: ResourceManagers,
    history_server: Option<HistoryServer>,
    httpfs: Option<HttpFs>,
    node_managers: Vec<NodeAddresses>,
}

pub(super) fn ports_needed(options: &BedOptions) -> u16 {
    let ports = HDFS_PORTS
        + RESOURCE_MANAGER_PORTS * options.resource_managers
        + ZOOKEEPER_PORTS
        + HISTORY_SERVER_PORTS
        + HTTPFS_PORTS
        + NODE_MANAGER_PORTS * options.node_managers;
    u16::try_from(ports).expect("as many daemons as a machine runs")
}

impl<'a> Configuration<'a> {
    /// `daemon_user` is the OS user of the daemons.
    pub(super) fn new(
        layout: &'a Layout,
        options: &'a BedOptions,
        daemon_user: &'a str,
        hadoop: &Distribution,
        ports: &mut Ports,
    ) -> Self {
        let mut local = || format!("localhost:{}", ports.next());
        let namenode = local();
        let namenode_web = local();
        let datanode = [local(), local(), local()];
        let resource_managers = ResourceManagers::new(options.resource_managers, &mut local);
        let history_server = options.history_server.then(|| HistoryServer::new(&mut local));
        let httpfs = options.httpfs.then(|| HttpFs::new(ports.next()));
        let node_managers = (0..options.node_managers)
            .map(|index| NodeAddresses::new(index, ports))
            .collect();
        Self {
            layout,
            options,
            daemon_user,
            jars: hadoop.jars(),
            namenode,
            namenode_web,
            datanode,
            resource_managers,
            history_server,
            httpfs,
            node_managers,
        }
    }

    pub(super) fn description(&self, java_home: &Path) -> Description {
        let nodes = self.node_managers.iter().enumerate();
        let node_managers =
            nodes.map(|(index, addresses)| addresses.description(self.options, &self.layout.node_manager(index)));
        let rm_webs = self.resource_managers.web_urls();
        Description {
            scratch: self.layout.scratch().to_path_buf(),
            user: self.options.user.clone(),
            daemon_user: self.daemon_user.to_owned(),
            hdfs_uri: format!("hdfs://{}", self.namenode),
            namenode_web: format!("http://{}", self.namenode_web),
            hadoop: self.options.hadoop,
            rm_webs,
            zookeeper: self.resource_managers.zookeeper().map(str::to_owned),
            history_web: self.history_server.as_ref().map(HistoryServer::web_url),
            httpfs_web: self.httpfs.as_ref().map(HttpFs::web_url),
            hadoop_conf_dir: self.layout.client_conf(),
            node_managers: node_managers.collect(),
            java_home: java_home.to_path_buf(),
            hadoop_jars: self.jars.clone(),
        }
    }

    /// Writes a configuration folder for the user, one for the daemons at localhost, and one for each NodeManager, the
    /// second ResourceManager, ZooKeeper, the history server and HttpFS.
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
            if !self.options.node_resources.is_empty() {
                let offered = node_manager::offered(self.options);
                write_site(&folder.join("node-resources.xml"), offered, &Properties::new())?;
            }
        }
        if self.history_server.is_some() {
            let folder = self.layout.daemon_conf(Daemon::HistoryServer);
            self.write_folder(&folder, self.hdfs_client(), self.history_server())?;
        }
        if let Some(httpfs) = &self.httpfs {
            self.write_httpfs(httpfs)?;
        }
        Ok(())
    }

    fn write_httpfs(&self, httpfs: &HttpFs) -> Result<(), BedError> {
        let home = self.layout.httpfs_home();
        fs::create_dir_all(&home).step(|| format!("making {}", home.display()))?;
        let folder = self.layout.daemon_conf(Daemon::HttpFs);
        self.write_folder(&folder, self.hdfs_client(), self.yarn_client())?;
        // It reads this file instead of log4j.properties.
        let log4j = folder.join("httpfs-log4j.properties");
        fs::write(&log4j, LOG4J).step(|| format!("writing {}", log4j.display()))?;
        write_site(&folder.join("httpfs-site.xml"), httpfs.own(), &Properties::new())
    }

    fn write_folder(&self, folder: &Path, hdfs: Properties, yarn: Properties) -> Result<(), BedError> {
        fs::create_dir_all(folder).step(|| format!("making {}", folder.display()))?;
        write_site(&folder.join("core-site.xml"), self.core(), &self.options.core_site)?;
        write_site(&folder.join("hdfs-site.xml"), hdfs, &self.options.hdfs_site)?;
        write_site(&folder.join("yarn-site.xml"), yarn, &self.options.yarn_site)?;
        if !self.options.node_resources.is_empty() {
            let types = folder.join("resource-types.xml");
            write_site(&types, self.resource_types(), &Properties::new())?;
        }
        let log4j = folder.join("log4j.properties");
        fs::write(&log4j, LOG4J).step(|| format!("writing {}", log4j.display()))
    }

    fn core(&self) -> Properties {
        let user = &self.options.user;
        let mut all = properties([
            ("fs.defaultFS", format!("hdfs://{}", self.namenode)),
            ("hadoop.tmp.dir", path(&self.layout.data().join("tmp"))),
            // The user has no account here: without this the NameNode runs `id` for each of its requests, and warns.
            (
                "hadoop.user.group.static.mapping.overrides",
                format!("{user}={user};dr.who=;"),
            ),
        ]);
        if self.httpfs.is_some() {
            all.extend(HttpFs::of_namenode(self.daemon_user));
        }
        all
    }

    /// The cluster's resources besides memory and cores.
    fn resource_types(&self) -> Properties {
        let names: Vec<_> = self.options.node_resources.keys().cloned().collect();
        properties([("yarn.resource-types", names.join(","))])
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
        all.extend(self.history_server.iter().flat_map(HistoryServer::addresses));
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
            // Otherwise a folder of the system's that all beds of this machine would share.
            (
                "yarn.node-attribute.fs-store.root-dir",
                format!("file://{}", self.layout.data().join("node-attributes").display()),
            ),
            (
                "yarn.scheduler.minimum-allocation-mb",
                minimum_allocation_mb.to_string(),
            ),
            ("yarn.scheduler.maximum-allocation-mb", node_memory_mb.to_string()),
            ("yarn.scheduler.maximum-allocation-vcores", node_vcores.to_string()),
        ]));
        all.extend(self.history_server.iter().flat_map(HistoryServer::of_resource_manager));
        all.extend(
            self.resource_managers
                .own(daemon, &self.layout.data().join("resourcemanager")),
        );
        all
    }

    fn node_manager(&self, index: usize, addresses: &NodeAddresses) -> Properties {
        let mut all = self.yarn_client();
        all.extend(self.history_server.iter().flat_map(HistoryServer::of_node_manager));
        all.extend(addresses.properties(self.options, &self.layout.node_manager(index)));
        all
    }

    fn history_server(&self) -> Properties {
        let mut all = self.yarn_client();
        let data = self.layout.data().join("historyserver");
        all.extend(self.history_server.iter().flat_map(|server| server.own(&data)));
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

fn path(path: &Path) -> String {
    path.display().to_string()
}
