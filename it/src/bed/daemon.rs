//! The daemons of the bed and how each is started.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::distribution::Distribution;
use super::layout::Layout;
use super::options::BedOptions;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Daemon {
    NameNode,
    DataNode,
    ResourceManager,
    /// Of a bed with two of them.
    SecondResourceManager,
    /// Of a bed with two ResourceManagers.
    ZooKeeper,
    /// The Application History Server, which is the timeline server, too; of a bed that was asked for one.
    HistoryServer,
    /// HDFS over HTTP through one server; of a bed that was asked for one.
    HttpFs,
    /// Counted from 0: the first one is at 127.0.0.2.
    NodeManager(usize),
}

impl Daemon {
    /// All daemons of a bed.
    pub(super) fn all(options: &BedOptions) -> impl Iterator<Item = Self> + use<> {
        let of_two: &[Self] = match options.resource_managers {
            2.. => &[Self::ZooKeeper, Self::SecondResourceManager],
            _ => &[],
        };
        [Self::NameNode, Self::DataNode, Self::ResourceManager]
            .into_iter()
            .chain(of_two.iter().copied())
            .chain(options.history_server.then_some(Self::HistoryServer))
            .chain(options.httpfs.then_some(Self::HttpFs))
            .chain((0..options.node_managers).map(Self::NodeManager))
    }

    pub(super) fn main_class(self) -> &'static str {
        match self {
            Self::NameNode => "org.apache.hadoop.hdfs.server.namenode.NameNode",
            Self::DataNode => "org.apache.hadoop.hdfs.server.datanode.DataNode",
            Self::ResourceManager | Self::SecondResourceManager => {
                "org.apache.hadoop.yarn.server.resourcemanager.ResourceManager"
            }
            Self::ZooKeeper => "org.apache.zookeeper.server.quorum.QuorumPeerMain",
            Self::HistoryServer => "org.apache.hadoop.yarn.server.applicationhistoryservice.ApplicationHistoryServer",
            Self::HttpFs => "org.apache.hadoop.fs.http.server.HttpFSServerWebServer",
            Self::NodeManager(_) => "org.apache.hadoop.yarn.server.nodemanager.NodeManager",
        }
    }
}

impl fmt::Display for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameNode => f.write_str("namenode"),
            Self::DataNode => f.write_str("datanode"),
            Self::ResourceManager => f.write_str("resourcemanager"),
            Self::SecondResourceManager => f.write_str("resourcemanager-2"),
            Self::ZooKeeper => f.write_str("zookeeper"),
            Self::HistoryServer => f.write_str("historyserver"),
            Self::HttpFs => f.write_str("httpfs"),
            Self::NodeManager(index) => write!(f, "nodemanager-{index}"),
        }
    }
}

/// What starts every daemon of one bed.
#[derive(Debug)]
pub(super) struct Launcher {
    pub(super) layout: Layout,
    pub(super) distribution: Distribution,
    pub(super) java_home: PathBuf,
    /// This program: its `exec` ties the daemon's life to the supervisor's.
    pub(super) program: PathBuf,
}

impl Launcher {
    pub(super) fn daemon(&self, daemon: Daemon) -> Command {
        let conf = self.layout.daemon_conf(daemon);
        let mut command = self.java(&conf, &self.settings(daemon), daemon.main_class());
        if daemon == Daemon::ZooKeeper {
            command.arg(self.layout.zoo_cfg());
        }
        command
    }

    pub(super) fn format_namenode(&self) -> Command {
        let mut command = self.java(
            &self.layout.daemon_conf(Daemon::NameNode),
            &[],
            Daemon::NameNode.main_class(),
        );
        command.args(["-format", "-nonInteractive", "-force"]);
        command
    }

    /// What a daemon is told by settings of the JVM, not by its site files.
    fn settings(&self, daemon: Daemon) -> Vec<OsString> {
        if daemon != Daemon::HttpFs {
            return Vec::new();
        }
        let setting = |name: &str, folder: &Path| {
            let mut setting = OsString::from(format!("-Dhttpfs.{name}.dir="));
            setting.push(folder);
            setting
        };
        let home = self.layout.httpfs_home();
        vec![
            setting("home", &home),
            setting("config", &self.layout.daemon_conf(daemon)),
            setting("log", &home),
            setting("temp", &home),
        ]
    }

    fn java(&self, conf: &Path, settings: &[OsString], main_class: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["exec", "--parent", &std::process::id().to_string(), "--"])
            .arg(self.java_home.join("bin/java"));
        command.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xss512k"]);
        command.arg("-Djava.net.preferIPv4Stack=true");
        // Their logs have the times of ours, wherever the machine is.
        command.arg("-Duser.timezone=UTC");
        // Guice in YARN's daemons reflects into it.
        command.arg("--add-opens=java.base/java.lang=ALL-UNNAMED");
        command
            .args(settings)
            .arg("-cp")
            .arg(self.distribution.class_path(conf))
            .arg(main_class);
        for (name, _) in std::env::vars_os() {
            // A caller's Hadoop settings, its user name above all, must not reach the daemons.
            if name.to_string_lossy().starts_with("HADOOP_") || name == "CLASSPATH" {
                command.env_remove(name);
            }
        }
        command
            .env("JAVA_HOME", &self.java_home)
            .env("HADOOP_CONF_DIR", conf)
            .current_dir(self.layout.scratch());
        command
    }
}
