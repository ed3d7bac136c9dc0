//! What a running bed is: written by its supervisor, read by its users.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::version::HadoopVersion;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Description {
    pub(super) scratch: PathBuf,
    pub(super) user: String,
    pub(super) daemon_user: String,
    pub(super) hdfs_uri: String,
    pub(super) namenode_web: String,
    pub(super) hadoop: HadoopVersion,
    /// One, or two where one stands by.
    pub(super) rm_webs: Vec<String>,
    /// `localhost:PORT`, where there are two ResourceManagers.
    pub(super) zookeeper: Option<String>,
    /// `http://localhost:PORT`, where there is one.
    pub(super) history_web: Option<String>,
    /// `http://localhost:PORT`, where there is one.
    pub(super) httpfs_web: Option<String>,
    pub(super) hadoop_conf_dir: PathBuf,
    pub(super) node_managers: Vec<NodeManager>,
    pub(super) java_home: PathBuf,
    pub(super) hadoop_jars: PathBuf,
}

/// One NodeManager: the address that is its own, and where it keeps what.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeManager {
    /// The loopback address that it and its containers have for themselves; `NM_HOST` in a container.
    pub host: Ipv4Addr,
    /// Its name in YARN, `host:port`.
    pub node_id: String,
    /// `http://host:port`
    pub web: String,
    /// `host:port` of its proxy for ApplicationMasters, where it has one.
    pub amrm_proxy: Option<String>,
    /// `usercache/`, `filecache/`, `nmPrivate/`.
    pub local_dir: PathBuf,
    /// `APPLICATION/CONTAINER/{stdout,stderr,…}`
    pub log_dir: PathBuf,
}
