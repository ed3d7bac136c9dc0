//! When a daemon counts as started: it does its work, not merely listens.

use std::time::Duration;

use serde_json::Value;

use crate::bed::daemon::Daemon;
use crate::bed::description::Description;
use crate::bed::zookeeper;

const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Looks at the daemons through their web pages.
#[derive(Debug)]
pub(super) struct Probes {
    http: reqwest::Client,
    namenode_web: String,
    active: ActiveResourceManager,
    zookeeper: Option<String>,
    history_web: Option<String>,
    /// The address of a directory in HDFS, asked of HttpFS.
    through_httpfs: Option<String>,
    node_ids: Vec<String>,
}

impl Probes {
    pub(super) fn new(bed: &Description) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder().timeout(ANSWER_WITHIN).no_proxy().build()?;
        let node_ids = bed.node_managers.iter().map(|node| node.node_id.clone()).collect();
        let user = &bed.daemon_user;
        let root = |web: &String| format!("{web}/webhdfs/v1/?op=GETFILESTATUS&user.name={user}");
        Ok(Self {
            http,
            through_httpfs: bed.httpfs_web.as_ref().map(root),
            namenode_web: bed.namenode_web.clone(),
            active: ActiveResourceManager::new(&bed.rm_webs)?,
            zookeeper: bed.zookeeper.clone(),
            history_web: bed.history_web.clone(),
            node_ids,
        })
    }

    /// `Err` says what was seen instead. `since` (milliseconds since 1970) is when the daemon was started: older
    /// news of it is not believed. `running_nodes` NodeManagers must be back before a ResourceManager is ready.
    pub(super) async fn ready(&self, daemon: Daemon, since: u64, running_nodes: usize) -> Result<(), String> {
        match daemon {
            Daemon::NameNode => self.safe_mode_is_off().await,
            Daemon::DataNode => self.datanode_is_live().await,
            Daemon::ResourceManager => self.resource_manager_serves(0, running_nodes).await,
            Daemon::SecondResourceManager => self.resource_manager_serves(1, running_nodes).await,
            Daemon::ZooKeeper => self.zookeeper_is_well().await,
            Daemon::HistoryServer => self.history_server_answers().await,
            Daemon::HttpFs => self.httpfs_reaches_hdfs().await,
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

    /// It is active, or stands by; and the active one, this or the other, has its nodes.
    async fn resource_manager_serves(&self, index: usize, running_nodes: usize) -> Result<(), String> {
        let webs = &self.active.webs;
        match ha_state(&self.http, &webs[index]).await?.as_str() {
            "ACTIVE" => {}
            "STANDBY" if webs.len() > 1 => {}
            other => return Err(format!("haState is {other:?}")),
        }
        let (_, web) = self.active.find().await?;
        let metrics = get(&self.http, &format!("{web}/ws/v1/cluster/metrics")).await?;
        match metrics["clusterMetrics"]["activeNodes"].as_u64() {
            Some(nodes) if nodes >= running_nodes as u64 => Ok(()),
            other => Err(format!("activeNodes is {other:?} of {running_nodes}")),
        }
    }

    async fn zookeeper_is_well(&self) -> Result<(), String> {
        let address = self.zookeeper.as_deref().ok_or("the bed has no ZooKeeper")?;
        zookeeper::is_well(address).await
    }

    async fn history_server_answers(&self) -> Result<(), String> {
        let web = self.history_web.as_deref().ok_or("the bed has no history server")?;
        get(&self.http, &format!("{web}/ws/v1/applicationhistory/about"))
            .await
            .map(drop)
    }

    async fn httpfs_reaches_hdfs(&self) -> Result<(), String> {
        let url = self.through_httpfs.as_deref().ok_or("the bed has no HttpFS")?;
        get(&self.http, url).await.map(drop)
    }

    async fn node_is_registered(&self, index: usize, since: u64) -> Result<(), String> {
        let (_, web) = self.active.find().await?;
        let answer = get(&self.http, &format!("{web}/ws/v1/cluster/nodes")).await?;
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
        let answer = get(&self.http, &url).await?;
        answer
            .pointer("/beans/0")
            .cloned()
            .ok_or_else(|| format!("the NameNode has no bean {name} yet"))
    }
}

/// Finds which of a bed's ResourceManagers is active.
#[derive(Debug)]
pub(in crate::bed) struct ActiveResourceManager {
    http: reqwest::Client,
    webs: Vec<String>,
}

impl ActiveResourceManager {
    /// `webs`: the first one's web address, then the second's if there is one.
    pub(in crate::bed) fn new(webs: &[String]) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder()
            .timeout(ANSWER_WITHIN)
            .pool_max_idle_per_host(0)
            .no_proxy()
            .build()?;
        let webs = webs.to_vec();
        Ok(Self { http, webs })
    }

    /// The active one and its web address; else what each of them says.
    pub(in crate::bed) async fn find(&self) -> Result<(Daemon, &str), String> {
        let mut seen = Vec::new();
        let daemons = [Daemon::ResourceManager, Daemon::SecondResourceManager];
        for (daemon, web) in daemons.into_iter().zip(&self.webs) {
            match ha_state(&self.http, web).await {
                Ok(state) if state == "ACTIVE" => return Ok((daemon, web)),
                Ok(state) => seen.push(format!("{daemon} is {state}")),
                Err(error) => seen.push(error),
            }
        }
        Err(seen.join("; "))
    }
}

async fn ha_state(http: &reqwest::Client, web: &str) -> Result<String, String> {
    let info = get(http, &format!("{web}/ws/v1/cluster/info")).await?;
    Ok(info["clusterInfo"]["haState"].as_str().unwrap_or_default().to_owned())
}

async fn get(http: &reqwest::Client, url: &str) -> Result<Value, String> {
    let response = http.get(url).header("accept", "application/json").send().await;
    let response = response
        .and_then(reqwest::Response::error_for_status)
        .map_err(|error| plain(url, &error))?;
    response.json().await.map_err(|error| plain(url, &error))
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
