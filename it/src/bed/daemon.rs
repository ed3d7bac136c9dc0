//! The daemons of the bed and how each is started.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::distribution::Distribution;
use super::layout::Layout;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Daemon {
    NameNode,
    DataNode,
    ResourceManager,
    /// Counted from 0: the first one is at 127.0.0.2.
    NodeManager(usize),
}

impl Daemon {
    pub(super) fn all(node_managers: usize) -> impl Iterator<Item = Self> {
        [Self::NameNode, Self::DataNode, Self::ResourceManager]
            .into_iter()
            .chain((0..node_managers).map(Self::NodeManager))
    }

    fn main_class(self) -> &'static str {
        match self {
            Self::NameNode => "org.apache.hadoop.hdfs.server.namenode.NameNode",
            Self::DataNode => "org.apache.hadoop.hdfs.server.datanode.DataNode",
            Self::ResourceManager => "org.apache.hadoop.yarn.server.resourcemanager.ResourceManager",
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
        self.java(&self.layout.daemon_conf(daemon), daemon.main_class())
    }

    pub(super) fn format_namenode(&self) -> Command {
        let mut command = self.java(
            &self.layout.daemon_conf(Daemon::NameNode),
            Daemon::NameNode.main_class(),
        );
        command.args(["-format", "-nonInteractive", "-force"]);
        command
    }

    fn java(&self, conf: &Path, main_class: &str) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["exec", "--parent", &std::process::id().to_string(), "--"])
            .arg(self.java_home.join("bin/java"));
        command.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xss512k"]);
        command.arg("-Djava.net.preferIPv4Stack=true");
        // Guice in the ResourceManager and the NodeManager reflects into it.
        command.arg("--add-opens=java.base/java.lang=ALL-UNNAMED");
        command
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
