//! When a daemon counts as started: it does its work, not merely listens.

use std::time::Duration;

use serde_json::Value;

use crate::bed::daemon::Daemon;
use crate::bed::description::Description;

const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Looks at the daemons through their web pages.
#[derive(Debug)]
pub(super) struct Probes {
    http: reqwest::Client,
    namenode_web: String,
    rm_web: String,
    node_ids: Vec<String>,
}

impl Probes {
    pub(super) fn new(bed: &Description) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder().timeout(ANSWER_WITHIN).no_proxy().build()?;
        let node_ids = bed.node_managers.iter().map(|node| node.node_id.clone()).collect();
        Ok(Self {
            http,
            namenode_web: bed.namenode_web.clone(),
            rm_web: bed.rm_web.clone(),
            node_ids,
        })
    }

    /// `Err` says what was seen instead. `since` (milliseconds since 1970) is when the daemon was started: older
    /// news of it is not believed. `running_nodes` NodeManagers must be back before a ResourceManager is ready.
    pub(super) async fn ready(&self, daemon: Daemon, since: u64, running_nodes: usize) -> Result<(), String> {
        match daemon {
            Daemon::NameNode => self.safe_mode_is_off().await,
            Daemon::DataNode => self.datanode_is_live().await,
            Daemon::ResourceManager => self.resource_manager_is_active(running_nodes).await,
            Daemon::NodeManager(index) => self.node_is_registered(index, since).await,
        }
    }

    async fn safe_mode_is_off(&self) -> Result<(), String> {
        match self.namenode_bean("NameNodeInfo").await?["Safemode"].as_str() {
            Some("") => Ok(()),
            other => Err(format!("Safemode is {other:?}")),
        }
    }

    /// Not the bean `FSNamesystem`: it is a snapshot, up to ten seconds old.
    async fn datanode_is_live(&self) -> Result<(), String> {
        match self.namenode_bean("FSNamesystemState").await?["NumLiveDataNodes"].as_u64() {
            Some(1..) => Ok(()),
            other => Err(format!("NumLiveDataNodes is {other:?}")),
        }
    }

    async fn resource_manager_is_active(&self, running_nodes: usize) -> Result<(), String> {
        let info = self.get(&format!("{}/ws/v1/cluster/info", self.rm_web)).await?;
        match info["clusterInfo"]["haState"].as_str() {
            Some("ACTIVE") => {}
            other => return Err(format!("haState is {other:?}")),
        }
        let metrics = self.get(&format!("{}/ws/v1/cluster/metrics", self.rm_web)).await?;
        match metrics["clusterMetrics"]["activeNodes"].as_u64() {
            Some(nodes) if nodes >= running_nodes as u64 => Ok(()),
            other => Err(format!("activeNodes is {other:?} of {running_nodes}")),
        }
    }

    async fn node_is_registered(&self, index: usize, since: u64) -> Result<(), String> {
        let answer = self.get(&format!("{}/ws/v1/cluster/nodes", self.rm_web)).await?;
        let id = self.node_ids[index].as_str();
        let nodes = answer["nodes"]["node"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let node = nodes
            .iter()
            .find(|node| node["id"] == id)
            .ok_or_else(|| format!("the RM has no node {id}"))?;
        let health = node["lastHealthUpdate"].as_u64().unwrap_or_default();
        if node["state"] == "RUNNING" && health >= since {
            return Ok(());
        }
        Err(format!(
            "node {id} is {}, its last report came at {health}, it was started at {since}",
            node["state"]
        ))
    }

    async fn namenode_bean(&self, name: &str) -> Result<Value, String> {
        let url = format!("{}/jmx?qry=Hadoop:service=NameNode,name={name}", self.namenode_web);
        let answer = self.get(&url).await?;
        answer
            .pointer("/beans/0")
            .cloned()
            .ok_or_else(|| format!("the NameNode has no bean {name} yet"))
    }

    async fn get(&self, url: &str) -> Result<Value, String> {
        let response = self.http.get(url).header("accept", "application/json").send().await;
        let response = response
            .and_then(reqwest::Response::error_for_status)
            .map_err(|error| plain(url, &error))?;
        response.json().await.map_err(|error| plain(url, &error))
    }
}

fn plain(url: &str, error: &dyn std::error::Error) -> String {
    let mut text = format!("GET {url}: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
